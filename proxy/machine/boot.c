#include "proxy/machine/boot.h"

#include <stdio.h>
#include <string.h>

void boot_init(struct boot *b, const char *nonce, const unsigned char hello[TUNNEL_HELLO_SIZE],
               const struct bootstrap_program *programs, size_t count, const char *where)
{
    int n;
    memset(b, 0, sizeof *b);
    n = snprintf(b->marker, sizeof b->marker, "delvegate %.*s ", BOOTSTRAP_WORD_MAX, nonce);
    b->marker_len = (size_t)n;
    n = snprintf(b->lead, sizeof b->lead, "%.*s\n", BOOTSTRAP_WORD_MAX, nonce);
    memcpy(b->lead + n, hello, TUNNEL_HELLO_SIZE);
    b->lead_len = (size_t)n + TUNNEL_HELLO_SIZE;
    b->programs = programs;
    b->count = count;
    b->where = where;
    b->out = b->lead;
    b->out_len = b->lead_len;
}

/* --- What is to be sent --- */

size_t boot_output(const struct boot *b, const char **bytes)
{
    *bytes = b->out;
    return b->state == BOOT_OVER ? 0 : b->out_len;
}

void boot_sent(struct boot *b, size_t n)
{
    b->out += n;
    b->out_len -= n;
}

bool boot_is_uploading(const struct boot *b)
{
    return b->state == BOOT_UPLOADING;
}

const struct err *boot_why(const struct boot *b)
{
    return &b->why;
}

/* --- Why it is over --- */

static void arch_error(struct boot *b, const char *arch)
{
    char has[512], names[512];
    size_t n = 0, m = 0;
    has[0] = names[0] = '\0';
    for (size_t i = 0; i < b->count && n < sizeof has && m < sizeof names; i++) {
        n += (size_t)snprintf(has + n, sizeof has - n, "%s%s", i ? ", " : "", b->programs[i].arch);
        m += (size_t)snprintf(names + m, sizeof names - m, "%s ", b->programs[i].arch);
    }
    err_set(&b->why,
            "%s has a processor of type %s, but this delvegate contains the supervisor only for %s; build "
            "delvegate with `make SUPERVISORS=\"%s%s\"`",
            b->where, arch, b->count ? has : "no machine", names, arch);
}

/* What the script says of a kind: before and behind its details. */
struct reason {
    const char *kind, *text, *advice;
};

static const struct reason reasons[] = {
    {"dir", "there is no usable directory for the supervisor", "make one of these usable"},
    {"disk", "the disk is full: the supervisor could not be written", "free some space on that disk"},
    {"noexec", "programs cannot be run in any directory for the supervisor, and neither could what Delve builds",
     "mount one of these without noexec, or set XDG_CACHE_HOME or TMPDIR on that machine to a directory where programs "
     "can be run"},
    {"run", "the supervisor cannot be run", "check that machine's system log"},
    {"sum", "the supervisor arrived damaged, twice", "check that machine's disk and the network, then try again"}};

static void explain(struct boot *b, const char *kind, const char *details)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (strcmp(reasons[i].kind, kind) == 0) {
            err_set(&b->why, "On %s %s (%s); %s", b->where, reasons[i].text, details, reasons[i].advice);
            return;
        }
    if (strcmp(kind, "arch") == 0)
        arch_error(b, details);
    else
        err_set(&b->why, "On %s: %s", b->where, details);
}

static void trim(char *text)
{
    size_t n = strlen(text);
    while (n && (text[n - 1] == '\n' || text[n - 1] == '\r' || text[n - 1] == ' '))
        text[--n] = '\0';
}

void boot_lost(struct boot *b, const struct err *why)
{
    const char *noise, *newline;
    if (b->state == BOOT_OVER || b->state == BOOT_READY)
        return;
    b->state = BOOT_OVER;
    if (strstr(why->text, "restricted")) {
        err_set(&b->why,
                "The login shell on %s is restricted and cannot run the supervisor (%s); give that account an "
                "ordinary login shell, or use another account",
                b->where, why->text);
        return;
    }
    b->why = *why;
    trim(b->text);
    newline = strrchr(b->text, '\n');
    noise = newline ? newline + 1 : b->text;
    if (!b->marked && *noise)
        err_prefix(&b->why,
                   "The shell on %s ended before the supervisor could be started, with the output \"%s\": ", b->where,
                   noise);
}

/* --- Lines of ours --- */

/* Sends the program for an architecture. */
static void upload(struct boot *b, const char *arch)
{
    if (b->uploads++ == BOOT_UPLOADS_MAX) {
        explain(b, "sum", arch);
        b->state = BOOT_OVER;
        return;
    }
    for (size_t i = 0; i < b->count; i++)
        if (strcmp(b->programs[i].arch, arch) == 0) {
            b->out = b->programs[i].bytes;
            b->out_len = b->programs[i].size;
            b->state = BOOT_UPLOADING;
            return;
        }
    arch_error(b, arch);
    b->state = BOOT_OVER;
}

static void take_error(struct boot *b, char *text)
{
    char *details = strchr(text, ' ');
    if (details)
        *details++ = '\0';
    explain(b, text, details ? details : "no reason was given");
    b->state = BOOT_OVER;
}

/* "WORD VALUE" of a line. */
static void take_answer(struct boot *b)
{
    char *value = strchr(b->text, ' ');
    if (value)
        *value++ = '\0';
    else
        value = b->text + strlen(b->text);
    if (strcmp(b->text, "need") == 0) {
        upload(b, value);
    } else if (strcmp(b->text, "got") == 0) {
        b->out = b->lead;
        b->out_len = b->lead_len;
        b->state = BOOT_WAITING;
    } else if (strcmp(b->text, "ready") == 0) {
        b->state = BOOT_READY;
    } else if (strcmp(b->text, "error") == 0) {
        take_error(b, value);
    }
}

/* A byte of noise, of which the end is kept; or the last one of a marker. */
static void take_noise(struct boot *b, char byte)
{
    if (b->len == sizeof b->text - 1) {
        size_t keep = sizeof b->text / 2;
        memmove(b->text, b->text + b->len - keep, keep);
        b->len = keep;
    }
    b->text[b->len++] = byte;
    b->text[b->len] = '\0';
    if (byte == ' ' && b->len >= b->marker_len &&
        memcmp(b->text + b->len - b->marker_len, b->marker, b->marker_len) == 0) {
        b->marked = true;
        b->len = 0;
        b->text[0] = '\0';
    }
}

/* A byte of a line of ours; what is too long of it is cut. */
static void take_line(struct boot *b, char byte)
{
    if (byte != '\n') {
        if (b->len < sizeof b->text - 1)
            b->text[b->len++] = byte;
        return;
    }
    b->text[b->len] = '\0';
    take_answer(b);
    b->marked = false;
    b->len = 0;
    b->text[0] = '\0';
}

size_t boot_receive(struct boot *b, const char *bytes, size_t n)
{
    size_t used = 0;
    while (used < n && b->state != BOOT_READY && b->state != BOOT_OVER) {
        if (b->marked)
            take_line(b, bytes[used++]);
        else
            take_noise(b, bytes[used++]);
    }
    return used;
}

size_t boot_tunnel(struct boot *b, const char *bytes, size_t n)
{
    const char *at = n ? memmem(bytes, n, b->marker, b->marker_len) : NULL;
    if (!at)
        return n;
    b->state = BOOT_OVER;
    err_set(&b->why, "The supervisor on %s ended unexpectedly", b->where);
    /* The line begins with a newline of its own. */
    return at > bytes ? (size_t)(at - bytes) - 1 : 0;
}
