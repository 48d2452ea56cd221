/* Records between delvegate and the supervisor: any bytes, cut anywhere. What is read does not depend on where they are
 * cut, lies within them, and is read back as it was when it is written again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "delve/order.h"

#define HOLDS(what)                                                                                                    \
    do {                                                                                                               \
        if (!(what))                                                                                                   \
            abort();                                                                                                   \
    } while (0)

static void check_fields(const struct order *o, const char *bytes, size_t len)
{
    struct order_field f;
    size_t at = 0;
    while (order_next(o, &at, &f)) {
        HOLDS(f.value >= bytes && f.value + f.len < bytes + len);
        HOLDS(f.value[f.len] == '\0');
        HOLDS(order_get(o, f.key) != NULL);
        (void)order_get_number(o, f.key, 0);
    }
    HOLDS(at == o->len);
}

static void check_written_again(const struct order *o, const char *bytes, size_t len)
{
    struct buf again;
    struct order_field f;
    buf_init(&again, ORDER_RECORD_MAX);
    size_t begin = order_open(&again, o->kind);
    for (size_t at = 0; order_next(o, &at, &f);)
        order_put_bytes(&again, f.key, f.value, f.len);
    order_close(&again, begin);
    HOLDS(!again.failed);
    HOLDS(again.len == len && memcmp(again.data, bytes, len) == 0);
    buf_free(&again);
}

/* As a reader has it whose bytes come in pieces: none but the last is whole. */
static void check_cuts(const char *bytes, size_t len)
{
    struct order o;
    for (size_t n = 0; n < len; n += 1 + n / 8) {
        char *part = malloc(n ? n : 1);
        HOLDS(part);
        memcpy(part, bytes, n);
        HOLDS(order_read(part, n, &o) == 0);
        free(part);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    struct order o;
    long n;
    for (size_t at = 0; at < size && (n = order_read(bytes + at, size - at, &o)) > 0; at += (size_t)n) {
        HOLDS((size_t)n <= size - at && (size_t)n == o.len + ORDER_HEADER);
        check_fields(&o, bytes + at, (size_t)n);
        check_written_again(&o, bytes + at, (size_t)n);
        check_cuts(bytes + at, (size_t)n);
    }
    return 0;
}
