#include "proxy/ssh/ssh_offer.h"

#include <string.h>

enum { MESSAGE_KEXINIT = 20, COOKIE_LEN = 16 };

static const char version_mark[] = "SSH-";

void ssh_offer_init(struct ssh_offer *o)
{
    *o = (struct ssh_offer){0};
    buf_init(&o->seen, SSH_OFFER_MAX);
}

void ssh_offer_free(struct ssh_offer *o)
{
    buf_free(&o->seen);
    *o = (struct ssh_offer){.over = true};
}

/* Where the version line begins, NULL when it has not come. */
static const char *version_line(const struct ssh_offer *o)
{
    const char *end = o->seen.data + o->seen.len;
    for (const char *line = o->seen.data; line && line < end;) {
        size_t left = (size_t)(end - line);
        if (left >= sizeof version_mark - 1 && memcmp(line, version_mark, sizeof version_mark - 1) == 0)
            return line;
        const char *newline = memchr(line, '\n', left);
        line = newline ? newline + 1 : NULL;
    }
    return NULL;
}

/* The packet behind the version line: u32 length, u8 padding, message, padding. */
static void read_packet(struct ssh_offer *o, struct ssh_bytes rest)
{
    struct ssh_reader r = {.left = rest};
    struct ssh_bytes packet = ssh_read_string(&r);
    if (r.failed)
        return; /* more is to come, or it is longer than what is kept */
    o->over = true;
    struct ssh_reader p = {.left = packet};
    (void)ssh_read_byte(&p); /* length of the padding */
    bool is_kexinit = ssh_read_byte(&p) == MESSAGE_KEXINIT;
    for (int i = 0; i < COOKIE_LEN; i++)
        (void)ssh_read_byte(&p);
    for (int i = 0; i < SSH_OFFER_COUNT; i++)
        o->lists[i] = ssh_read_string(&p);
    o->known = is_kexinit && !p.failed;
}

void ssh_offer_feed(struct ssh_offer *o, const void *data, size_t len)
{
    if (o->over)
        return;
    size_t room = SSH_OFFER_MAX - o->seen.len;
    buf_append(&o->seen, data, len < room ? len : room);
    if (o->seen.failed || len > room) {
        o->over = true; /* then libssh2's own words must do */
        return;
    }
    const char *line = version_line(o);
    const char *end = o->seen.data + o->seen.len;
    const char *newline = line ? memchr(line, '\n', (size_t)(end - line)) : NULL;
    if (newline)
        read_packet(o, (struct ssh_bytes){(const unsigned char *)newline + 1, (size_t)(end - newline) - 1});
}

struct ssh_bytes ssh_offer_prelude(const struct ssh_offer *o)
{
    struct ssh_bytes line = {(const unsigned char *)"", 0};
    if (o->seen.len == 0 || version_line(o) == o->seen.data)
        return line;
    line.data = (const unsigned char *)o->seen.data;
    while (line.len < o->seen.len && line.data[line.len] != '\n' && line.data[line.len] != '\r')
        line.len++;
    return line;
}

/* The first of the names; moves behind it and its comma. */
static struct ssh_bytes next_name(struct ssh_bytes *names)
{
    struct ssh_bytes name = {names->data, 0};
    while (name.len < names->len && names->data[name.len] != ',')
        name.len++;
    size_t used = name.len < names->len ? name.len + 1 : name.len;
    names->data += used;
    names->len -= used;
    return name;
}

bool ssh_names_meet(struct ssh_bytes list, struct ssh_bytes names)
{
    while (names.len > 0) {
        struct ssh_bytes name = next_name(&names);
        for (struct ssh_bytes left = list; left.len > 0;)
            if (ssh_bytes_equal(next_name(&left), name))
                return true;
    }
    return false;
}
