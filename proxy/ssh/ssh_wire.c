#include "proxy/ssh/ssh_wire.h"

#include <string.h>

enum { BASE64_BITS = 6, BYTE_BITS = 8, U32_BYTES = 4 };

static const unsigned char *take(struct ssh_reader *r, size_t n)
{
    if (r->failed || r->left.len < n) {
        r->failed = true;
        return NULL;
    }
    const unsigned char *p = r->left.data;
    r->left.data += n;
    r->left.len -= n;
    return p;
}

uint32_t ssh_read_u32(struct ssh_reader *r)
{
    const unsigned char *p = take(r, U32_BYTES);
    return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

unsigned char ssh_read_byte(struct ssh_reader *r)
{
    const unsigned char *p = take(r, 1);
    return p ? *p : 0;
}

struct ssh_bytes ssh_read_string(struct ssh_reader *r)
{
    size_t len = ssh_read_u32(r);
    const unsigned char *p = take(r, len);
    return p ? (struct ssh_bytes){p, len} : (struct ssh_bytes){(const unsigned char *)"", 0};
}

void ssh_put_u32(struct buf *b, uint32_t v)
{
    unsigned char p[U32_BYTES] = {(unsigned char)(v >> 24), (unsigned char)(v >> 16), (unsigned char)(v >> 8),
                                  (unsigned char)v};
    buf_append(b, p, sizeof p); /* failure is sticky in b */
}

void ssh_put_byte(struct buf *b, unsigned char v)
{
    buf_append(b, &v, 1);
}

void ssh_put_string(struct buf *b, const void *data, size_t len)
{
    ssh_put_u32(b, (uint32_t)len);
    buf_append(b, data, len);
}

struct ssh_bytes ssh_bytes_of(const struct buf *b)
{
    return (struct ssh_bytes){(const unsigned char *)(b->data ? b->data : ""), b->len};
}

bool ssh_bytes_equal(struct ssh_bytes a, struct ssh_bytes b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

bool ssh_bytes_are(struct ssh_bytes a, const char *text)
{
    return a.len == strlen(text) && memcmp(a.data, text, a.len) == 0;
}

struct ssh_bytes ssh_blob_type(struct ssh_bytes blob)
{
    struct ssh_reader r = {.left = blob};
    return ssh_read_string(&r);
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int ssh_base64_decode(const char *text, size_t len, struct buf *out)
{
    uint32_t bits = 0;
    unsigned have = 0;
    bool padded = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t')
            continue;
        if (c == '=') {
            padded = true;
            continue;
        }
        const char *at = c ? strchr(alphabet, c) : NULL;
        if (!at || padded)
            return -1;
        bits = bits << BASE64_BITS | (uint32_t)(at - alphabet);
        have += BASE64_BITS;
        if (have >= BYTE_BITS) {
            have -= BYTE_BITS;
            ssh_put_byte(out, (unsigned char)(bits >> have));
        }
    }
    return out->failed || have == BASE64_BITS ? -1 : 0;
}

void ssh_base64_encode(struct ssh_bytes bytes, struct buf *out)
{
    uint32_t bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        bits = bits << BYTE_BITS | bytes.data[i];
        for (have += BYTE_BITS; have >= BASE64_BITS; have -= BASE64_BITS)
            buf_append(out, &alphabet[bits >> (have - BASE64_BITS) & 63U], 1);
    }
    if (have > 0)
        buf_append(out, &alphabet[bits << (BASE64_BITS - have) & 63U], 1);
}
