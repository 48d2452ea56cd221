/* The recovery policy: what comes after a start that failed, a remedy that ended, a Delve that is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "recovery_rows.h"

static struct delve_step build_fails(struct delve_recovery *r, int row, const char *module, uint64_t now)
{
    struct delve_diagnosis d = of(row, module, *module ? "v1.0.0" : "");
    return delve_recovery_failed(r, &d, now);
}

static struct delve_step fails_with(struct delve_recovery *r, int row, const char *module, uint64_t now)
{
    struct delve_diagnosis d = of(row, module, *module ? "v1.0.0" : "");
    return delve_recovery_remedied(r, false, &d, now);
}

static struct delve_step fails_silently(struct delve_recovery *r)
{
    return delve_recovery_remedied(r, false, &nothing, 0);
}

static struct delve_step mends(struct delve_recovery *r)
{
    return delve_recovery_remedied(r, true, &nothing, 0);
}

static void assert_given_up(const struct delve_recovery *r, struct delve_step step, bool exhausted, int cause)
{
    assert_int_equal(step.action, DELVE_ACTION_GIVE_UP);
    assert_int_equal(step.exhausted, exhausted);
    assert_ptr_equal(delve_recovery_cause(r)->signature, &rows[cause]);
}

/* ---- a Delve that is gone ---- */

static void new_starts_wait_twice_as_long_each_time(void **state)
{
    (void)state;
    struct delve_recovery_options many = usual;
    many.attempts = 20;
    struct delve_recovery *r = new_policy(&many);
    uint64_t wait = BACKOFF_MS;
    for (int i = 0; i < many.attempts; i++) {
        assert_start(delve_recovery_died(r, 1000), wait);
        wait = 2 * wait > BACKOFF_BOUND_MS ? BACKOFF_BOUND_MS : 2 * wait;
    }
    struct delve_step step = delve_recovery_died(r, 1000);
    assert_int_equal(step.action, DELVE_ACTION_GIVE_UP);
    assert_true(step.exhausted);
    delve_recovery_free(r);
    /* A first wait above the bound is what the user wants. */
    many.backoff_ms = 60 * 1000;
    r = new_policy(&many);
    assert_start(delve_recovery_died(r, 0), 60 * 1000);
    assert_start(delve_recovery_died(r, 0), 60 * 1000);
    delve_recovery_free(r);
}

static void old_starts_leave_the_window(void **state)
{
    (void)state;
    struct delve_recovery *r = new_policy(&usual);
    assert_start(delve_recovery_died(r, 0), 250);
    assert_start(delve_recovery_died(r, 50000), 500);
    assert_start(delve_recovery_died(r, 100000), 1000);
    assert_true(delve_recovery_died(r, WINDOW_MS - 1).exhausted);
    /* The first one is out: one more, and the wait goes on growing. */
    assert_start(delve_recovery_died(r, WINDOW_MS), 2000);
    assert_true(delve_recovery_died(r, WINDOW_MS + 1).exhausted);
    /* All are out: as if nothing had been. */
    assert_start(delve_recovery_died(r, UINT64_C(10) * WINDOW_MS), 250);
    delve_recovery_free(r);
}

static void a_session_in_use_or_a_new_launch_begins_anew(void **state)
{
    (void)state;
    struct delve_recovery *r = new_policy(&usual);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < ATTEMPTS; i++)
            assert_start(delve_recovery_died(r, 10), UINT64_C(250) << i);
        assert_true(delve_recovery_died(r, 10).exhausted);
        if (round % 2)
            delve_recovery_begin(r);
        else
            delve_recovery_used(r);
    }
    delve_recovery_free(r);
}

static void no_attempts_means_none(void **state)
{
    (void)state;
    static const int attempts[] = {0, -1};
    for (size_t i = 0; i < 2; i++) {
        struct delve_recovery_options options = usual;
        options.attempts = attempts[i];
        struct delve_recovery *r = new_policy(&options);
        assert_true(delve_recovery_died(r, 0).exhausted);
        assert_given_up(r, build_fails(r, NETWORK, "", 0), true, NETWORK);
        assert_remedy(build_fails(r, SUMS, "", 0), DELVE_REMEDY_DOWNLOAD);
        delve_recovery_free(r);
    }
}

/* ---- a build that failed ---- */

static void remedies_come_in_order_each_once(void **state)
{
    (void)state;
    struct delve_recovery *r = new_policy(&usual);
    assert_remedy(build_fails(r, SUMS, "", 0), DELVE_REMEDY_DOWNLOAD);
    assert_start(mends(r), 0);
    /* It was not enough. */
    assert_remedy(build_fails(r, SUMS, "", 0), DELVE_REMEDY_TIDY);
    assert_remedy(fails_silently(r), DELVE_REMEDY_WORK);
    assert_given_up(r, fails_silently(r), false, SUMS);
    assert_given_up(r, build_fails(r, SUMS, "", 0), false, SUMS);
    /* Using the session gives no remedy back, a new launch does. */
    delve_recovery_used(r);
    assert_given_up(r, build_fails(r, SUMS, "", 0), false, SUMS);
    delve_recovery_begin(r);
    assert_null(delve_recovery_cause(r)->signature);
    assert_remedy(build_fails(r, SUMS, "", 0), DELVE_REMEDY_DOWNLOAD);
    delve_recovery_free(r);
}

static void another_cause_goes_on_with_its_own_remedies(void **state)
{
    (void)state;
    struct delve_recovery *r = new_policy(&usual);
    assert_remedy(build_fails(r, SUMS, "", 0), DELVE_REMEDY_DOWNLOAD);
    assert_start(mends(r), 0);
    assert_remedy(build_fails(r, OUTDATED, "", 0), DELVE_REMEDY_TIDY);
    assert_start(mends(r), 0);
    assert_remedy(build_fails(r, GOCACHE, "", 0), DELVE_REMEDY_GOCACHE);
    assert_start(mends(r), 0);
    assert_given_up(r, build_fails(r, SYNTAX, "", 0), false, SYNTAX);
    delve_recovery_free(r);
}

static void no_signature_no_remedy(void **state)
{
    (void)state;
    struct delve_recovery *r = new_policy(&usual);
    struct delve_step step = delve_recovery_failed(r, &nothing, 0);
    assert_int_equal(step.action, DELVE_ACTION_GIVE_UP);
    assert_false(step.exhausted);
    assert_null(delve_recovery_cause(r)->signature);
    delve_recovery_free(r);
}

static void what_the_remedy_says_replaces_the_cause(void **state)
{
    (void)state;
    struct delve_recovery *r = new_policy(&usual);
    assert_remedy(build_fails(r, SUMS, "", 0), DELVE_REMEDY_DOWNLOAD);
    assert_remedy(fails_with(r, OUTDATED, "", 0), DELVE_REMEDY_TIDY);
    assert_ptr_equal(delve_recovery_cause(r)->signature, &rows[OUTDATED]);
    /* The same again: the row has no other one. */
    assert_given_up(r, fails_with(r, OUTDATED, "", 0), false, OUTDATED);
    delve_recovery_begin(r);
    /* The same cause, named more exactly, is no new one. */
    assert_remedy(build_fails(r, SUMS, "", 0), DELVE_REMEDY_DOWNLOAD);
    assert_remedy(fails_with(r, SUMS, "example.com/a", 0), DELVE_REMEDY_TIDY);
    assert_string_equal(delve_recovery_cause(r)->module, "");
    delve_recovery_begin(r);
    /* Of another module it is. */
    assert_remedy(build_fails(r, SUMS, "example.com/a", 0), DELVE_REMEDY_DOWNLOAD);
    assert_remedy(fails_with(r, SUMS, "example.com/b", 0), DELVE_REMEDY_DOWNLOAD);
    assert_string_equal(delve_recovery_cause(r)->module, "example.com/b");
    delve_recovery_begin(r);
    assert_remedy(build_fails(r, SUMS, "", 0), DELVE_REMEDY_DOWNLOAD);
    assert_given_up(r, fails_with(r, SYNTAX, "", 0), false, SYNTAX);
    delve_recovery_free(r);
}

static void security_is_fetched_once_more_and_never_else(void **state)
{
    (void)state;
    struct delve_recovery_options options = usual;
    options.cleans_modcache = true;
    struct delve_recovery *r = new_policy(&options);
    assert_remedy(build_fails(r, CHECKSUM, "example.com/a", 0), DELVE_REMEDY_PURGE);
    assert_given_up(r, fails_with(r, CHECKSUM, "example.com/a", 0), false, CHECKSUM);
    delve_recovery_begin(r);
    assert_remedy(build_fails(r, CHECKSUM, "example.com/a", 0), DELVE_REMEDY_PURGE);
    assert_start(mends(r), 0);
    assert_given_up(r, build_fails(r, CHECKSUM, "example.com/a", 0), false, CHECKSUM);
    /* Another module's entry is another one. */
    assert_remedy(build_fails(r, CHECKSUM, "example.com/b", 0), DELVE_REMEDY_PURGE);
    delve_recovery_begin(r);
    assert_remedy(build_fails(r, LIAR, "example.com/a", 0), DELVE_REMEDY_PURGE);
    assert_given_up(r, fails_silently(r), false, LIAR);
    delve_recovery_begin(r);
    assert_given_up(r, build_fails(r, LIAR, "", 0), false, LIAR);
    delve_recovery_begin(r);
    /* Behind another cause: at once. */
    assert_remedy(build_fails(r, SUMS, "", 0), DELVE_REMEDY_DOWNLOAD);
    assert_given_up(r, fails_with(r, CHECKSUM, "example.com/a", 0), false, CHECKSUM);
    delve_recovery_begin(r);
    /* What was fetched again for another reason is not fetched a second time. */
    assert_remedy(build_fails(r, CACHE, "example.com/a", 0), DELVE_REMEDY_PURGE);
    assert_start(mends(r), 0);
    assert_given_up(r, build_fails(r, CHECKSUM, "example.com/a", 0), false, CHECKSUM);
    delve_recovery_free(r);
}

static void an_entry_that_is_not_named_is_not_purged(void **state)
{
    (void)state;
    struct delve_recovery *r = new_policy(&usual);
    assert_given_up(r, build_fails(r, CACHE, "", 0), false, CACHE);
    /* A package's path is a name: the remedy finds its module. */
    struct delve_diagnosis d = of(CACHE, "example.com/a/pkg", "");
    assert_remedy(delve_recovery_failed(r, &d, 0), DELVE_REMEDY_PURGE);
    delve_recovery_free(r);
}

static void the_whole_cache_only_when_allowed_and_once(void **state)
{
    (void)state;
    struct delve_recovery_options options = usual;
    struct delve_recovery *r = new_policy(&options);
    assert_remedy(build_fails(r, CACHE, "example.com/a", 0), DELVE_REMEDY_PURGE);
    assert_given_up(r, fails_silently(r), false, CACHE);
    delve_recovery_free(r);
    options.cleans_modcache = true;
    r = new_policy(&options);
    assert_remedy(build_fails(r, CACHE, "example.com/a", 0), DELVE_REMEDY_PURGE);
    assert_remedy(fails_silently(r), DELVE_REMEDY_CLEAN_MODCACHE);
    assert_start(mends(r), 0);
    assert_remedy(build_fails(r, CACHE, "example.com/b", 0), DELVE_REMEDY_PURGE);
    assert_given_up(r, fails_silently(r), false, CACHE);
    delve_recovery_free(r);
}

static void several_damaged_entries_are_several_remedies_up_to_a_bound(void **state)
{
    (void)state;
    struct delve_recovery *r = new_policy(&usual);
    char module[32];
    for (int i = 0; i < REMEDIES_BOUND; i++) {
        (void)snprintf(module, sizeof module, "example.com/m%d", i);
        assert_remedy(build_fails(r, CACHE, module, 0), DELVE_REMEDY_PURGE);
        assert_start(mends(r), 0);
    }
    assert_given_up(r, build_fails(r, CACHE, "example.com/more", 0), false, CACHE);
    assert_given_up(r, build_fails(r, SUMS, "", 0), false, SUMS);
    delve_recovery_begin(r);
    assert_remedy(build_fails(r, CACHE, "example.com/more", 0), DELVE_REMEDY_PURGE);
    delve_recovery_free(r);
}

static void never_only_explains_but_waits_for_the_network(void **state)
{
    (void)state;
    struct delve_recovery_options options = usual;
    options.mends = false;
    options.cleans_modcache = true;
    struct delve_recovery *r = new_policy(&options);
    for (int row = 0; row < ROWS; row++)
        if (row != NETWORK)
            assert_given_up(r, build_fails(r, row, "example.com/a", 0), false, row);
    assert_start(build_fails(r, NETWORK, "", 0), 250);
    delve_recovery_free(r);
}

/* ---- the network ---- */

static void the_network_is_waited_for_and_counts_as_attempts(void **state)
{
    (void)state;
    struct delve_recovery *r = new_policy(&usual);
    assert_start(build_fails(r, NETWORK, "", 0), 250);
    assert_start(delve_recovery_died(r, 0), 500);
    assert_start(build_fails(r, NETWORK, "", 0), 1000);
    assert_given_up(r, build_fails(r, NETWORK, "", 0), true, NETWORK);
    delve_recovery_free(r);
}

/* A server that does not answer takes its time: the window must not make it endless. */
static void slow_tries_end_too(void **state)
{
    (void)state;
    struct delve_recovery *r = new_policy(&usual);
    for (int i = 0; i < ATTEMPTS; i++)
        assert_start(build_fails(r, NETWORK, "", (uint64_t)i * WINDOW_MS), UINT64_C(250) << i);
    assert_given_up(r, build_fails(r, NETWORK, "", UINT64_C(9) * WINDOW_MS), true, NETWORK);
    delve_recovery_used(r);
    assert_start(build_fails(r, NETWORK, "", UINT64_C(20) * WINDOW_MS), 250);
    delve_recovery_free(r);
}

static void a_remedy_without_network_is_run_again(void **state)
{
    (void)state;
    struct delve_recovery *r = new_policy(&usual);
    assert_remedy(build_fails(r, SUMS, "example.com/a", 0), DELVE_REMEDY_DOWNLOAD);
    struct delve_step step = {0};
    for (int i = 0; i < ATTEMPTS; i++) {
        step = fails_with(r, NETWORK, "example.com/b", 0);
        assert_int_equal(step.action, DELVE_ACTION_REMEDY);
        assert_int_equal(step.remedy, DELVE_REMEDY_DOWNLOAD);
        assert_int_equal(step.wait_ms, UINT64_C(250) << i);
        /* What the remedy is for: the caller runs it with the module of the cause. */
        assert_ptr_equal(delve_recovery_cause(r)->signature, &rows[SUMS]);
        assert_string_equal(delve_recovery_cause(r)->module, "example.com/a");
    }
    assert_given_up(r, fails_with(r, NETWORK, "example.com/b", 0), true, NETWORK);
    delve_recovery_begin(r);
    /* The network comes back. */
    assert_remedy(build_fails(r, CACHE, "example.com/a", 0), DELVE_REMEDY_PURGE);
    assert_int_equal(fails_with(r, NETWORK, "", 0).remedy, DELVE_REMEDY_PURGE);
    assert_start(mends(r), 0);
    delve_recovery_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_starts_wait_twice_as_long_each_time),
        cmocka_unit_test(old_starts_leave_the_window),
        cmocka_unit_test(a_session_in_use_or_a_new_launch_begins_anew),
        cmocka_unit_test(no_attempts_means_none),
        cmocka_unit_test(remedies_come_in_order_each_once),
        cmocka_unit_test(another_cause_goes_on_with_its_own_remedies),
        cmocka_unit_test(no_signature_no_remedy),
        cmocka_unit_test(what_the_remedy_says_replaces_the_cause),
        cmocka_unit_test(security_is_fetched_once_more_and_never_else),
        cmocka_unit_test(an_entry_that_is_not_named_is_not_purged),
        cmocka_unit_test(the_whole_cache_only_when_allowed_and_once),
        cmocka_unit_test(several_damaged_entries_are_several_remedies_up_to_a_bound),
        cmocka_unit_test(never_only_explains_but_waits_for_the_network),
        cmocka_unit_test(the_network_is_waited_for_and_counts_as_attempts),
        cmocka_unit_test(slow_tries_end_too),
        cmocka_unit_test(a_remedy_without_network_is_run_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
