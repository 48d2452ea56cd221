/* What waits for an answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dap/pending.h"

static struct dap_asked asked_as(int64_t seq)
{
    struct dap_asked a = {.seq = seq, .asker_seq = seq + 1000, .asker = DAP_ASKER_CLIENT};
    snprintf(a.command, sizeof a.command, "command%d", (int)seq);
    return a;
}

static void assert_asked(const struct dap_asked *a, int64_t seq)
{
    struct dap_asked expected = asked_as(seq);
    assert_true(a->seq == seq && a->asker_seq == expected.asker_seq && a->asker == expected.asker);
    assert_string_equal(a->command, expected.command);
}

static void an_answer_is_taken_once(void **state)
{
    (void)state;
    struct dap_pending *p = dap_pending_new();
    struct dap_asked got, a = asked_as(1), b = asked_as(2);
    assert_int_equal(dap_pending_take(p, 1, &got), 0);
    assert_int_equal(dap_pending_take_oldest(p, &got), 0);
    assert_int_equal(dap_pending_add(p, &a), 0);
    assert_int_equal(dap_pending_add(p, &b), 0);
    assert_int_equal(dap_pending_take(p, 3, &got), 0);
    assert_int_equal(dap_pending_take(p, 2, &got), 1);
    assert_asked(&got, 2);
    assert_int_equal(dap_pending_take(p, 2, &got), 0);
    assert_int_equal(dap_pending_count(p), 1);
    assert_int_equal(dap_pending_take_oldest(p, &got), 1);
    assert_asked(&got, 1);
    assert_int_equal(dap_pending_count(p), 0);
    dap_pending_free(p);
    dap_pending_free(NULL);
}

static void it_has_an_end(void **state)
{
    (void)state;
    struct dap_pending *p = dap_pending_new();
    struct dap_asked a;
    for (int64_t seq = 1; seq <= DAP_PENDING_MAX; seq++) {
        a = asked_as(seq);
        assert_int_equal(dap_pending_add(p, &a), 0);
    }
    a = asked_as(DAP_PENDING_MAX + 1);
    assert_int_equal(dap_pending_add(p, &a), -1);
    assert_int_equal(dap_pending_count(p), DAP_PENDING_MAX);
    struct dap_asked got;
    assert_int_equal(dap_pending_take(p, 1, &got), 1);
    assert_int_equal(dap_pending_add(p, &a), 0);
    for (int64_t seq = 2; seq <= DAP_PENDING_MAX + 1; seq++) {
        assert_int_equal(dap_pending_take_oldest(p, &got), 1);
        assert_asked(&got, seq);
    }
    assert_int_equal(dap_pending_count(p), 0);
    dap_pending_free(p);
}

/* Random use against a plain list. */
static void random_use(void **state)
{
    (void)state;
    enum { STEPS = 20000 };
    static bool waiting[STEPS + 1];
    srand(4);
    struct dap_pending *p = dap_pending_new();
    int64_t next = 1, oldest = 1;
    size_t count = 0;
    for (int i = 0; i < STEPS; i++) {
        struct dap_asked got;
        /* Grows and shrinks in turns, so that the ring wraps around at several sizes. */
        int what = rand() % 10;
        if (what < (i / 500 % 2 ? 3 : 6)) {
            struct dap_asked a = asked_as(next);
            assert_int_equal(dap_pending_add(p, &a), 0);
            waiting[next++] = true;
            count++;
        } else if (what < 9) {
            int64_t seq = oldest + (next > oldest ? rand() % (next - oldest) : 0);
            int expected = seq < next && waiting[seq];
            assert_int_equal(dap_pending_take(p, seq, &got), expected);
            if (expected) {
                assert_asked(&got, seq);
                waiting[seq] = false;
                count--;
            }
        } else {
            assert_int_equal(dap_pending_take_oldest(p, &got), count > 0);
            if (count > 0) {
                assert_asked(&got, oldest);
                waiting[oldest] = false;
                count--;
            }
        }
        while (oldest < next && !waiting[oldest])
            oldest++;
        assert_int_equal(dap_pending_count(p), count);
    }
    dap_pending_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_taken_once),
        cmocka_unit_test(it_has_an_end),
        cmocka_unit_test(random_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
