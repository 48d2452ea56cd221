#include <string.h>

#include "proxy/tunnel/tunnel_private.h"

/* What stands in a hello's payload, and where. */
enum {
    HELLO_MAGIC = 0,
    HELLO_PROTOCOL = 4,
    HELLO_NUMBER = 8,
    HELLO_INSTANCE = 16,
    HELLO_PEER = HELLO_INSTANCE + TUNNEL_ID_SIZE,
    HELLO_RECEIVED = HELLO_PEER + TUNNEL_ID_SIZE,
    HELLO_BUILD = HELLO_RECEIVED + 8,
    HELLO_PAYLOAD = HELLO_BUILD + TUNNEL_BUILD_SIZE
};
_Static_assert(HELLO_PAYLOAD + TUNNEL_FRAME_HEADER == TUNNEL_HELLO_SIZE, "the size of a hello is part of tunnel.h");

static const unsigned char magic[4] = {'d', 'l', 'v', 't'};

static const struct {
    const char *name;
    size_t min;
    size_t max;
} kinds[FRAME_KINDS] = {
    [FRAME_HELLO] = {"hello", HELLO_PAYLOAD, HELLO_PAYLOAD},
    [FRAME_ACK] = {"acknowledgement", 8, 8},
    [FRAME_BEAT] = {"beat", 4, 4},
    [FRAME_ECHO] = {"echo", 4, 4},
    [FRAME_OPEN] = {"open", 8, 8},
    [FRAME_DATA] = {"data", 1, TUNNEL_PAYLOAD_MAX},
    [FRAME_WINDOW] = {"window", 4, 4},
    [FRAME_END] = {"end", 0, 0},
    [FRAME_RESET] = {"reset", 4, 4},
    [FRAME_STOP] = {"stop", 0, 0},
    [FRAME_DONE] = {"done", 0, 0},
};

const char *frame_name(enum frame_kind kind)
{
    return kinds[kind].name;
}

static void write_32(unsigned char *out, uint32_t n)
{
    for (int i = 0; i < 4; i++)
        out[i] = (unsigned char)(n >> (24 - 8 * i));
}

static void write_64(unsigned char *out, uint64_t n)
{
    write_32(out, (uint32_t)(n >> 32));
    write_32(out + 4, (uint32_t)n);
}

uint32_t read_32(const unsigned char *bytes)
{
    uint32_t n = 0;
    for (int i = 0; i < 4; i++)
        n = n << 8 | bytes[i];
    return n;
}

uint64_t read_64(const unsigned char *bytes)
{
    return (uint64_t)read_32(bytes) << 32 | read_32(bytes + 4);
}

const char *frame_read(struct frame *f, const unsigned char header[TUNNEL_FRAME_HEADER])
{
    unsigned kind = header[0];
    size_t len = (size_t)header[2] << 8 | header[3];
    uint32_t stream = read_32(header + 4);
    bool counted = kind >= FRAME_OPEN;
    if (kind < FRAME_HELLO || kind >= FRAME_KINDS)
        return "of an unknown kind";
    if (len < kinds[kind].min || len > kinds[kind].max)
        return "with an invalid length";
    if (counted == (stream == 0))
        return counted ? "without a stream" : "with a stream";
    if (header[1] >= CLASSES || (!counted && header[1] != TUNNEL_CONTROL))
        return "of an unknown class";
    *f = (struct frame){
        .kind = (enum frame_kind)kind, .class = (enum tunnel_class)header[1], .stream = stream, .len = len};
    return NULL;
}

size_t frame_write(unsigned char *out, enum frame_kind kind, enum tunnel_class class, uint32_t stream, size_t len)
{
    out[0] = (unsigned char)kind;
    out[1] = (unsigned char)class;
    out[2] = (unsigned char)(len >> 8);
    out[3] = (unsigned char)len;
    write_32(out + 4, stream);
    return TUNNEL_FRAME_HEADER + len;
}

size_t frame_write_32(unsigned char *out, enum frame_kind kind, enum tunnel_class class, uint32_t stream, uint32_t n)
{
    write_32(out + TUNNEL_FRAME_HEADER, n);
    return frame_write(out, kind, class, stream, 4);
}

size_t frame_write_64(unsigned char *out, enum frame_kind kind, enum tunnel_class class, uint32_t stream, uint64_t n)
{
    write_64(out + TUNNEL_FRAME_HEADER, n);
    return frame_write(out, kind, class, stream, 8);
}

size_t frame_write_open(unsigned char *out, enum tunnel_class class, uint32_t stream, uint32_t session, uint32_t label)
{
    write_32(out + TUNNEL_FRAME_HEADER, session);
    write_32(out + TUNNEL_FRAME_HEADER + 4, label);
    return frame_write(out, FRAME_OPEN, class, stream, 8);
}

void tunnel_hello_write(const struct tunnel *t, uint64_t number, unsigned char out[TUNNEL_HELLO_SIZE])
{
    unsigned char *payload = out + TUNNEL_FRAME_HEADER;
    frame_write(out, FRAME_HELLO, TUNNEL_CONTROL, 0, HELLO_PAYLOAD);
    memcpy(payload + HELLO_MAGIC, magic, sizeof magic);
    write_32(payload + HELLO_PROTOCOL, TUNNEL_PROTOCOL);
    write_64(payload + HELLO_NUMBER, number);
    memcpy(payload + HELLO_INSTANCE, t->config.instance, TUNNEL_ID_SIZE);
    memcpy(payload + HELLO_PEER, t->peer, TUNNEL_ID_SIZE);
    write_64(payload + HELLO_RECEIVED, t->received);
    memcpy(payload + HELLO_BUILD, t->config.build, TUNNEL_BUILD_SIZE);
}

bool hello_read(struct tunnel_hello *hello, const unsigned char *payload)
{
    if (memcmp(payload + HELLO_MAGIC, magic, sizeof magic) != 0)
        return false;
    *hello = (struct tunnel_hello){.protocol = read_32(payload + HELLO_PROTOCOL),
                                   .number = read_64(payload + HELLO_NUMBER),
                                   .received = read_64(payload + HELLO_RECEIVED)};
    memcpy(hello->instance, payload + HELLO_INSTANCE, TUNNEL_ID_SIZE);
    memcpy(hello->peer, payload + HELLO_PEER, TUNNEL_ID_SIZE);
    memcpy(hello->build, payload + HELLO_BUILD, TUNNEL_BUILD_SIZE);
    return true;
}

enum tunnel_result tunnel_greeting_read(struct tunnel_greeting *g, const void *bytes, size_t n, size_t *used,
                                        struct tunnel_hello *hello)
{
    struct frame f;
    size_t part = TUNNEL_HELLO_SIZE - g->len < n ? TUNNEL_HELLO_SIZE - g->len : n;
    if (part)
        memcpy(g->bytes + g->len, bytes, part);
    g->len += part;
    *used = part;
    if (g->len >= TUNNEL_FRAME_HEADER && (frame_read(&f, g->bytes) || f.kind != FRAME_HELLO))
        return TUNNEL_NO_LINK;
    if (g->len < TUNNEL_HELLO_SIZE)
        return TUNNEL_MORE;
    return hello_read(hello, g->bytes + TUNNEL_FRAME_HEADER) ? TUNNEL_OK : TUNNEL_NO_LINK;
}
