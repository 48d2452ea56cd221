/* Records between delvegate and the supervisor: what is written is read back, and hostile bytes are no records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "delve/order.h"
#include "test/unit/guarded.h"

static void labels(void **state)
{
    (void)state;
    for (int stream = ORDER_STREAM_ABOUT; stream <= ORDER_STREAM_TERMINAL; stream++) {
        uint32_t label = order_label((enum order_stream)stream, ORDER_NUMBER_MAX - 5);
        assert_int_equal(order_label_stream(label), stream);
        assert_int_equal(order_label_number(label), ORDER_NUMBER_MAX - 5);
    }
    assert_int_equal(order_label_number(order_label(ORDER_STREAM_CONNECT, 65535)), 65535);
}

static void put_all(struct buf *b)
{
    size_t at = order_open(b, ORDER_RUN);
    order_put_number(b, ORDER_NUMBER, 12);
    order_put(b, ORDER_ARG, "one");
    order_put(b, ORDER_ARG, "");
    order_put_bytes(b, ORDER_ARG, "a\0b\n\xff", 5);
    order_put(b, ORDER_CWD, NULL);
    order_put_pair(b, ORDER_ENV, "NAME", "a=b");
    order_put(b, ORDER_WHAT, "dlv");
    order_put(b, ORDER_WHAT, "command");
    order_close(b, at);
    assert_false(b->failed);
}

static void check_all(const struct order *o)
{
    static const struct {
        enum order_key key;
        const char *value;
        size_t len;
    } expected[] = {{ORDER_NUMBER, "12", 2},      {ORDER_ARG, "one", 3},      {ORDER_ARG, "", 0},
                    {ORDER_ARG, "a\0b\n\xff", 5}, {ORDER_ENV, "NAME=a=b", 8}, {ORDER_WHAT, "dlv", 3},
                    {ORDER_WHAT, "command", 7}};
    struct order_field f;
    size_t at = 0;
    assert_int_equal(o->kind, ORDER_RUN);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_true(order_next(o, &at, &f));
        assert_int_equal(f.key, expected[i].key);
        assert_int_equal(f.len, expected[i].len);
        assert_memory_equal(f.value, expected[i].value, f.len);
        assert_int_equal(f.value[f.len], '\0');
    }
    assert_false(order_next(o, &at, &f));
    assert_int_equal(at, o->len);
    assert_string_equal(order_get(o, ORDER_WHAT), "command");
    assert_null(order_get(o, ORDER_CWD));
    assert_int_equal(order_get_number(o, ORDER_NUMBER, -7), 12);
}

static void what_is_written_is_read_back(void **state)
{
    struct buf b;
    struct order o;
    (void)state;
    buf_init(&b, ORDER_RECORD_MAX);
    put_all(&b);
    size_t first = b.len;
    put_all(&b);
    assert_int_equal(order_read(b.data, b.len, &o), (long)first);
    check_all(&o);
    assert_int_equal(order_read(b.data + first, b.len - first, &o), (long)(b.len - first));
    check_all(&o);
    buf_free(&b);
}

/* Each in memory of its own size, so that a read past it is seen. */
static void a_part_of_a_record_is_not_whole(void **state)
{
    struct buf b;
    struct order o;
    (void)state;
    buf_init(&b, ORDER_RECORD_MAX);
    put_all(&b);
    for (size_t n = 0; n < b.len; n++) {
        struct guarded g;
        assert_int_equal(guarded_new(&g, b.data, n), 0);
        assert_int_equal(order_read(g.bytes, n, &o), 0);
        guarded_free(&g);
    }
    buf_free(&b);
}

static void a_record_without_fields(void **state)
{
    struct buf b;
    struct order o;
    struct order_field f;
    size_t at = 0;
    (void)state;
    buf_init(&b, ORDER_RECORD_MAX);
    order_close(&b, order_open(&b, ORDER_READY));
    assert_false(b.failed);
    assert_int_equal(b.len, ORDER_HEADER);
    assert_int_equal(order_read(b.data, b.len, &o), ORDER_HEADER);
    assert_int_equal(o.kind, ORDER_READY);
    assert_false(order_next(&o, &at, &f));
    assert_null(order_get(&o, ORDER_TEXT));
    assert_int_equal(order_get_number(&o, ORDER_STATUS, 4), 4);
    buf_free(&b);
}

static void numbers(void **state)
{
    static const struct {
        const char *text;
        long number;
    } cases[] = {{"0", 0},
                 {"7", 7},
                 {"9223372036854775807", INT64_MAX},
                 {"9223372036854775808", -5},
                 {"", -5},
                 {"x", -5},
                 {"-1", -5},
                 {"+1", -5},
                 {"1x", -5},
                 {" 1", -5}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b;
        struct order o;
        buf_init(&b, ORDER_RECORD_MAX);
        size_t at = order_open(&b, ORDER_EXITED);
        order_put(&b, ORDER_STATUS, cases[i].text);
        order_close(&b, at);
        assert_false(b.failed);
        assert_true(order_read(b.data, b.len, &o) > 0);
        assert_int_equal(order_get_number(&o, ORDER_STATUS, -5), cases[i].number);
        buf_free(&b);
    }
}

static long read_bytes(const char *bytes, size_t n)
{
    struct order o;
    struct guarded g;
    assert_int_equal(guarded_new(&g, bytes, n), 0);
    long r = order_read(g.bytes, n, &o);
    guarded_free(&g);
    return r;
}

static void hostile_bytes_are_no_record(void **state)
{
    (void)state;
    /* Too long. */
    assert_int_equal(read_bytes("\xff\xff\xff\xff\0\0\0\x10", 8), -1);
    assert_int_equal(read_bytes("\x01\0\0\0\0\0\0\x10", 8), -1);
    /* As long as may be is only not whole. */
    assert_int_equal(read_bytes("\x00\xff\xff\xf8\0\0\0\x10", 8), 0);
    /* A field that is longer than its record, by one, and by all that its length can say. */
    assert_int_equal(read_bytes("\0\0\0\x08\0\0\0\x10\0\x01\0\0\0\x02x\0", 16), -1);
    assert_int_equal(read_bytes("\0\0\0\x08\0\0\0\x10\0\x01\xff\xff\xff\xffx\0", 16), -1);
    /* Without its NUL. */
    assert_int_equal(read_bytes("\0\0\0\x08\0\0\0\x10\0\x01\0\0\0\x01xy", 16), -1);
    /* A piece of a field behind the last. */
    assert_int_equal(read_bytes("\0\0\0\x0a\0\0\0\x10\0\x01\0\0\0\x01x\0\0\x01", 18), -1);
    assert_int_equal(read_bytes("\0\0\0\x08\0\0\0\x10\0\x01\0\0\0\x01x\0", 16), 16);
}

static void a_record_that_is_too_long_is_not_written(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 3 * (size_t)ORDER_RECORD_MAX);
    char *value = calloc(1, ORDER_RECORD_MAX + 1);
    assert_non_null(value);
    size_t at = order_open(&b, ORDER_RUN);
    order_put_bytes(&b, ORDER_ARG, value, ORDER_RECORD_MAX - 64);
    order_put_bytes(&b, ORDER_ARG, value, 64);
    order_close(&b, at);
    assert_true(b.failed);
    assert_true(b.failed);
    buf_clear(&b);
    at = order_open(&b, ORDER_RUN);
    order_put_bytes(&b, ORDER_ARG, value, (size_t)ORDER_RECORD_MAX + 1);
    order_close(&b, at);
    assert_true(b.failed);
    free(value);
    buf_free(&b);
}

static void a_full_buffer_fails_the_record(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 20);
    size_t at = order_open(&b, ORDER_RUN);
    order_put(&b, ORDER_ARG, "more than there is room for");
    order_put(&b, ORDER_ARG, "");
    order_close(&b, at);
    assert_true(b.failed);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(a_part_of_a_record_is_not_whole),
        cmocka_unit_test(a_record_without_fields),
        cmocka_unit_test(numbers),
        cmocka_unit_test(hostile_bytes_are_no_record),
        cmocka_unit_test(a_record_that_is_too_long_is_not_written),
        cmocka_unit_test(a_full_buffer_fails_the_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
