#include "delve/order.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BYTE_BITS = 8,
    LENGTH_SIZE = 4,  /* of a record's length, which is that of its fields; then its kind */
    FIELD_HEADER = 6, /* key, length of the value; then the value and a NUL */
    KEY_SIZE = 2,
    NUMBER_SIZE = 32,
    DECIMAL = 10
};

uint32_t order_label(enum order_stream stream, uint32_t number)
{
    assert(number <= ORDER_NUMBER_MAX);
    return (uint32_t)stream << ORDER_NUMBER_BITS | number;
}

enum order_stream order_label_stream(uint32_t label)
{
    return (enum order_stream)(label >> ORDER_NUMBER_BITS);
}

uint32_t order_label_number(uint32_t label)
{
    return label & ORDER_NUMBER_MAX;
}

static void put_big_endian(char *to, size_t n, size_t number)
{
    while (n-- > 0) {
        to[n] = (char)(number & UCHAR_MAX);
        number >>= BYTE_BITS;
    }
}

static size_t get_big_endian(const char *from, size_t n)
{
    size_t number = 0;
    for (size_t i = 0; i < n; i++)
        number = number << BYTE_BITS | (unsigned char)from[i];
    return number;
}

size_t order_open(struct buf *out, enum order_kind kind)
{
    char header[ORDER_HEADER] = {0};
    size_t begin = out->len;
    put_big_endian(header + LENGTH_SIZE, ORDER_HEADER - LENGTH_SIZE, kind);
    buf_append(out, header, sizeof header);
    return begin;
}

void order_put_bytes(struct buf *out, enum order_key key, const void *value, size_t len)
{
    char header[FIELD_HEADER];
    if (len > ORDER_RECORD_MAX) {
        out->failed = true;
        return;
    }
    put_big_endian(header, KEY_SIZE, key);
    put_big_endian(header + KEY_SIZE, FIELD_HEADER - KEY_SIZE, len);
    buf_append(out, header, sizeof header);
    buf_append(out, value, len);
    buf_append(out, "", 1);
}

void order_put(struct buf *out, enum order_key key, const char *value)
{
    if (value)
        order_put_bytes(out, key, value, strlen(value));
}

void order_put_pair(struct buf *out, enum order_key key, const char *name, const char *value)
{
    size_t at = out->len;
    order_put(out, key, name);
    if (out->failed)
        return;
    /* The NUL becomes the sign, and the rest is as if it had been one value. */
    out->data[out->len - 1] = '=';
    buf_append(out, value, strlen(value) + 1);
    if (!out->failed)
        put_big_endian(out->data + at + KEY_SIZE, FIELD_HEADER - KEY_SIZE, out->len - at - FIELD_HEADER - 1);
}

void order_put_number(struct buf *out, enum order_key key, long number)
{
    char text[NUMBER_SIZE];
    (void)snprintf(text, sizeof text, "%ld", number);
    order_put(out, key, text);
}

void order_close(struct buf *out, size_t begin)
{
    if (!out->failed && out->len - begin > ORDER_RECORD_MAX)
        out->failed = true;
    if (!out->failed)
        put_big_endian(out->data + begin, LENGTH_SIZE, out->len - begin - ORDER_HEADER);
}

long order_read(const char *bytes, size_t len, struct order *o)
{
    struct order_field field;
    size_t at = 0;
    if (len < ORDER_HEADER)
        return 0;
    size_t size = get_big_endian(bytes, LENGTH_SIZE);
    if (size > ORDER_RECORD_MAX - ORDER_HEADER)
        return -1;
    if (len - ORDER_HEADER < size)
        return 0;
    o->kind = (enum order_kind)get_big_endian(bytes + LENGTH_SIZE, ORDER_HEADER - LENGTH_SIZE);
    o->fields = bytes + ORDER_HEADER;
    o->len = size;
    while (order_next(o, &at, &field))
        ;
    return at == size ? (long)(size + ORDER_HEADER) : -1;
}

bool order_next(const struct order *o, size_t *at, struct order_field *field)
{
    if (o->len - *at < FIELD_HEADER + 1)
        return false;
    const char *p = o->fields + *at;
    size_t len = get_big_endian(p + KEY_SIZE, FIELD_HEADER - KEY_SIZE);
    if (len > o->len - *at - FIELD_HEADER - 1 || p[FIELD_HEADER + len] != '\0')
        return false;
    *field =
        (struct order_field){.key = (enum order_key)get_big_endian(p, KEY_SIZE), .value = p + FIELD_HEADER, .len = len};
    *at += FIELD_HEADER + len + 1;
    return true;
}

const char *order_get(const struct order *o, enum order_key key)
{
    struct order_field field;
    const char *found = NULL;
    for (size_t at = 0; order_next(o, &at, &field);)
        if (field.key == key)
            found = field.value;
    return found;
}

long order_get_number(const struct order *o, enum order_key key, long fallback)
{
    const char *text = order_get(o, key);
    char *end;
    if (!text || *text < '0' || *text > '9')
        return fallback;
    errno = 0;
    long number = strtol(text, &end, DECIMAL);
    return *end || errno ? fallback : number;
}
