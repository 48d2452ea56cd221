/* Messages that wait to be sent on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dap/message_queue.h"

enum {
    TEXT_MAX = 128,
    LIMIT = 4096,
    MANY = 1000, /* more than the ring has room for at first */
    SLOT = 2 * sizeof(void *)
};

static struct dap_message request(char text[TEXT_MAX], int seq, const char *command)
{
    struct dap_message m;
    struct err why;
    int len = snprintf(text, TEXT_MAX, "{\"seq\":%d,\"type\":\"request\",\"command\":\"%s\"}", seq, command);
    assert_int_equal(dap_message_scan(&m, text, (size_t)len, &why), 0);
    return m;
}

static int add(struct dap_queue *q, int seq, const char *command)
{
    char text[TEXT_MAX];
    struct dap_message m = request(text, seq, command);
    int r = dap_queue_add(q, &m);
    memset(text, 0, sizeof text); /* it has its own copy */
    return r;
}

static void assert_takes(struct dap_queue *q, int seq)
{
    struct dap_message m;
    char *text = dap_queue_take(q, &m);
    assert_non_null(text);
    assert_ptr_equal(m.text, text);
    assert_int_equal(m.type, DAP_REQUEST);
    assert_int_equal(m.seq, seq);
    free(text);
}

static void assert_is_empty(struct dap_queue *q)
{
    struct dap_message m;
    assert_null(dap_queue_take(q, &m));
    assert_true(q->count == 0 && q->bytes == 0);
    assert_int_equal(dap_queue_memory(q), 0);
}

static void the_oldest_comes_first(void **state)
{
    (void)state;
    struct dap_queue q;
    dap_queue_init(&q, MANY * TEXT_MAX);
    assert_is_empty(&q);
    for (int seq = 1; seq <= MANY; seq++)
        assert_int_equal(add(&q, seq, "next"), 0);
    for (int seq = 1; seq <= MANY; seq++)
        assert_takes(&q, seq);
    assert_is_empty(&q);
}

/* The ring's head goes round, and the ring grows while it is not at its beginning. */
static void order_survives_growth(void **state)
{
    (void)state;
    struct dap_queue q;
    int added = 0, taken = 0;
    dap_queue_init(&q, MANY * TEXT_MAX);
    while (added < MANY) {
        for (int i = 0; i < 5; i++)
            assert_int_equal(add(&q, ++added, "next"), 0);
        for (int i = 0; i < 3; i++)
            assert_takes(&q, ++taken);
    }
    while (taken < added)
        assert_takes(&q, ++taken);
    assert_is_empty(&q);
}

static void the_limit_holds(void **state)
{
    (void)state;
    struct dap_queue q;
    char text[TEXT_MAX];
    struct dap_message m = request(text, 1, "evaluate");
    size_t fit = LIMIT / m.len;
    dap_queue_init(&q, LIMIT);
    for (size_t i = 0; i < fit; i++)
        assert_int_equal(dap_queue_add(&q, &m), 0);
    size_t bytes = q.bytes, memory = dap_queue_memory(&q);
    assert_int_equal(bytes, fit * m.len);
    assert_int_equal(dap_queue_add(&q, &m), -1);
    assert_true(q.count == fit && q.bytes == bytes && dap_queue_memory(&q) == memory);
    /* One that is taken makes room for one. */
    assert_takes(&q, 1);
    assert_int_equal(add(&q, 2, "evaluate"), 0);
    assert_int_equal(add(&q, 3, "evaluate"), -1);
    assert_int_equal(q.bytes, bytes);
    dap_queue_free(&q);
    assert_is_empty(&q);
}

static void one_message_may_be_as_long_as_the_limit(void **state)
{
    (void)state;
    struct dap_queue q;
    char text[TEXT_MAX];
    struct dap_message m = request(text, 1, "evaluate");
    dap_queue_init(&q, m.len - 1);
    assert_int_equal(dap_queue_add(&q, &m), -1);
    assert_is_empty(&q);
    dap_queue_init(&q, m.len);
    assert_int_equal(dap_queue_add(&q, &m), 0);
    assert_int_equal(add(&q, 2, "x"), -1);
    assert_takes(&q, 1);
    assert_is_empty(&q);
}

static void memory_is_accounted_for(void **state)
{
    (void)state;
    struct dap_queue q;
    dap_queue_init(&q, LIMIT);
    for (int seq = 1; add(&q, seq, "x") == 0; seq++) {
        size_t slots = dap_queue_memory(&q) - q.bytes;
        assert_true(q.bytes <= LIMIT && slots >= q.count * SLOT);
        assert_true(slots <= 2 * q.count * SLOT || q.count < 16);
    }
    assert_true(dap_queue_memory(&q) <= 2 * LIMIT); /* even of the shortest requests */
    dap_queue_free(&q);
    assert_int_equal(dap_queue_memory(&q), 0);
}

static void it_is_used_again_after_it_was_freed(void **state)
{
    (void)state;
    struct dap_queue q;
    dap_queue_init(&q, LIMIT);
    assert_int_equal(add(&q, 1, "next"), 0);
    dap_queue_free(&q);
    dap_queue_free(&q);
    assert_int_equal(q.limit, LIMIT);
    assert_int_equal(add(&q, 2, "next"), 0);
    assert_takes(&q, 2);
    assert_is_empty(&q);
}

static void it_may_be_moved(void **state)
{
    (void)state;
    struct dap_queue q, moved;
    dap_queue_init(&q, LIMIT);
    assert_int_equal(add(&q, 1, "next"), 0);
    assert_int_equal(add(&q, 2, "next"), 0);
    moved = q;
    dap_queue_init(&q, LIMIT);
    assert_int_equal(add(&q, 3, "next"), 0);
    assert_takes(&moved, 1);
    assert_takes(&moved, 2);
    assert_is_empty(&moved);
    assert_takes(&q, 3);
    assert_is_empty(&q);
}

static bool is_pause(const struct dap_message *m)
{
    return strcmp(m->name, "pause") == 0;
}

static void any_looks_at_each(void **state)
{
    (void)state;
    struct dap_queue q;
    dap_queue_init(&q, LIMIT);
    assert_false(dap_queue_any(&q, is_pause));
    assert_int_equal(add(&q, 1, "next"), 0);
    assert_int_equal(add(&q, 2, "next"), 0);
    assert_false(dap_queue_any(&q, is_pause));
    assert_int_equal(add(&q, 3, "pause"), 0);
    assert_true(dap_queue_any(&q, is_pause));
    assert_int_equal(q.count, 3); /* none is taken by that */
    dap_queue_free(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_comes_first),  cmocka_unit_test(order_survives_growth),
        cmocka_unit_test(the_limit_holds),         cmocka_unit_test(one_message_may_be_as_long_as_the_limit),
        cmocka_unit_test(memory_is_accounted_for), cmocka_unit_test(it_is_used_again_after_it_was_freed),
        cmocka_unit_test(it_may_be_moved),         cmocka_unit_test(any_looks_at_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
