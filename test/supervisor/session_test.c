/* Sessions: begun, ended, abandoned, and what is left of them: nothing. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/supervisor/driver.h"

enum { LEASE = 3600 };

static const char *session_path(const struct driver *d, uint32_t session)
{
    static char path[DRIVER_PATH + 16];
    (void)snprintf(path, sizeof path, "%s/%u", d->dir, (unsigned)session);
    return path;
}

static bool is_there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static void a_session_begins_and_ends(void **state)
{
    struct driver *d = driver_start();
    char dir[DRIVER_PATH];
    bool has_go = false;
    struct order o;
    (void)state;
    (void)snprintf(dir, sizeof dir, "%s", d->dir);
    struct driver_stream *control = driver_session(d, 7, LEASE, false);
    for (;;) {
        while (!driver_next(control, &o))
            driver_pump(d, 1000);
        assert_int_not_equal(o.kind, ORDER_ERROR);
        if (o.kind == ORDER_READY)
            break;
        const char *name = order_get(&o, ORDER_NAME);
        has_go |= o.kind == ORDER_TOOL && strcmp(name, "go") == 0 && order_get(&o, ORDER_TEXT)[0] == '/';
    }
    assert_true(has_go);
    assert_true(is_there(session_path(d, 7)));
    driver_say(control, ORDER_END, ORDER_HOW, "kill");
    driver_wait_ended(control);
    assert_false(is_there(session_path(d, 7)));
    assert_int_equal(driver_finish(d), 0);
    assert_false(is_there(dir));
    driver_free(d);
}

static void the_end_of_stdin_is_the_end_of_all(void **state)
{
    struct driver *d = driver_start();
    char dir[DRIVER_PATH];
    (void)state;
    (void)snprintf(dir, sizeof dir, "%s", d->dir);
    (void)driver_record(driver_session(d, 1, LEASE, false), ORDER_READY);
    (void)driver_record(driver_session(d, 2, LEASE, false), ORDER_READY);
    assert_int_equal(driver_finish(d), 0);
    assert_false(is_there(dir));
    driver_free(d);
}

static void an_abandoned_control_ends_its_session_alone(void **state)
{
    struct driver *d = driver_start();
    (void)state;
    struct driver_stream *ended = driver_session(d, 1, LEASE, false);
    struct driver_stream *was_reset = driver_session(d, 2, LEASE, false);
    struct driver_stream *other = driver_session(d, 3, LEASE, false);
    (void)driver_record(ended, ORDER_READY);
    (void)driver_record(was_reset, ORDER_READY);
    (void)driver_record(other, ORDER_READY);
    driver_end(ended);
    driver_wait_ended(ended);
    driver_reset(was_reset);
    driver_wait_ended(was_reset);
    assert_false(is_there(session_path(d, 1)));
    assert_false(is_there(session_path(d, 2)));
    assert_true(is_there(session_path(d, 3)));
    /* Before it was ready, too. */
    struct driver_stream *early = driver_session(d, 4, LEASE, false);
    driver_end(early);
    driver_wait_ended(early);
    assert_false(is_there(session_path(d, 4)));
    assert_int_equal(driver_finish(d), 0);
    driver_free(d);
}

static void what_is_no_record_is_refused(void **state)
{
    struct driver *d = driver_start();
    (void)state;
    struct driver_stream *control = driver_control(d, 1);
    driver_write(control, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
    assert_string_equal(order_get(driver_record(control, ORDER_ERROR), ORDER_NAME), "protocol");
    driver_wait_ended(control);
    control = driver_control(d, 2);
    driver_say(control, ORDER_STOP, ORDER_HOW, "kill");
    assert_string_equal(order_get(driver_record(control, ORDER_ERROR), ORDER_NAME), "protocol");
    driver_wait_ended(control);
    assert_int_equal(driver_finish(d), 0);
    driver_free(d);
}

static void a_tool_that_is_not_there_is_an_error(void **state)
{
    struct driver *d = driver_start();
    struct buf b;
    (void)state;
    struct driver_stream *control = driver_control(d, 1);
    buf_init(&b, ORDER_RECORD_MAX);
    size_t at = order_open(&b, ORDER_SESSION);
    order_put_number(&b, ORDER_LEASE, LEASE);
    order_put(&b, ORDER_GO, "/nowhere/bin/go");
    order_close(&b, at);
    driver_send(control, &b);
    buf_free(&b);
    assert_non_null(order_get(driver_record(control, ORDER_ERROR), ORDER_TEXT));
    driver_wait_ended(control);
    assert_false(is_there(session_path(d, 1)));
    assert_int_equal(driver_finish(d), 0);
    driver_free(d);
}

static void a_command_with_its_streams(void **state)
{
    struct driver *d = driver_start();
    (void)state;
    struct driver_stream *control = driver_session(d, 1, LEASE, false);
    /* In the same flight as the session. */
    driver_command(control, 1, true, (const char *const[]){"/bin/sh", "-c", "echo out; echo err >&2; exit 3", NULL});
    const struct order *o = driver_record(control, ORDER_EXITED);
    assert_int_equal(order_get_number(o, ORDER_NUMBER, 0), 1);
    assert_int_equal(order_get_number(o, ORDER_STATUS, -1), 3);
    struct driver_stream *out = driver_stream(d, ORDER_STREAM_OUT, 1, 1);
    struct driver_stream *err = driver_stream(d, ORDER_STREAM_ERR, 1, 1);
    driver_wait_end(out);
    driver_wait_end(err);
    assert_string_equal(out->in.data, "out\n");
    assert_string_equal(err->in.data, "err\n");
    driver_say(control, ORDER_END, ORDER_HOW, "kill");
    driver_wait_ended(control);
    assert_int_equal(driver_finish(d), 0);
    driver_free(d);
}

static void stdin_reaches_a_command_that_was_ordered_with_it(void **state)
{
    struct driver *d = driver_start();
    struct buf b;
    char text[100 * 1000];
    (void)state;
    struct driver_stream *control = driver_session(d, 1, LEASE, false);
    buf_init(&b, ORDER_RECORD_MAX);
    size_t at = order_open(&b, ORDER_RUN);
    order_put_number(&b, ORDER_NUMBER, 1);
    order_put(&b, ORDER_WHAT, "command");
    order_put(&b, ORDER_ARG, "/bin/cat");
    order_put(&b, ORDER_STREAMS, "1");
    order_put(&b, ORDER_STDIN, "1");
    order_close(&b, at);
    driver_send(control, &b);
    buf_free(&b);
    struct driver_stream *input = driver_open(d, TUNNEL_BULK, ORDER_STREAM_INPUT, 1, 1);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i % 23);
    driver_write(input, text, sizeof text);
    driver_end(input);
    assert_int_equal(order_get_number(driver_record(control, ORDER_EXITED), ORDER_STATUS, -1), 0);
    struct driver_stream *out = driver_stream(d, ORDER_STREAM_OUT, 1, 1);
    driver_wait_end(out);
    assert_int_equal(out->in.len, sizeof text);
    assert_memory_equal(out->in.data, text, sizeof text);
    assert_int_equal(driver_finish(d), 0);
    driver_free(d);
}

static void a_run_that_waits_can_be_stopped(void **state)
{
    struct driver *d = driver_start();
    (void)state;
    struct driver_stream *control = driver_session(d, 1, LEASE, false);
    driver_command(control, 1, false, (const char *const[]){"/bin/sleep", "1000", NULL});
    driver_say(control, ORDER_STOP, ORDER_HOW, "kill");
    const struct order *o = driver_record(control, ORDER_EXITED);
    assert_true(order_get_number(o, ORDER_STATUS, -1) > 128);
    driver_command(control, 2, false, (const char *const[]){"/bin/true", NULL});
    o = driver_record(control, ORDER_EXITED);
    assert_int_equal(order_get_number(o, ORDER_NUMBER, 0), 2);
    assert_int_equal(order_get_number(o, ORDER_STATUS, -1), 0);
    assert_int_equal(driver_finish(d), 0);
    driver_free(d);
}

static void delvegate_dies_and_its_run_ends(void **state)
{
    struct driver *d = driver_start();
    (void)state;
    struct driver_stream *control = driver_session(d, 1, LEASE, false);
    driver_command(control, 1, false, (const char *const[]){"/bin/sleep", "1000", NULL});
    pid_t pid = (pid_t)order_get_number(driver_record(control, ORDER_STARTED), ORDER_PID, 0);
    assert_true(pid > 1);
    assert_int_equal(kill(pid, 0), 0);
    assert_int_equal(driver_finish(d), 0);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
    driver_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_begins_and_ends),
        cmocka_unit_test(the_end_of_stdin_is_the_end_of_all),
        cmocka_unit_test(an_abandoned_control_ends_its_session_alone),
        cmocka_unit_test(what_is_no_record_is_refused),
        cmocka_unit_test(a_tool_that_is_not_there_is_an_error),
        cmocka_unit_test(a_command_with_its_streams),
        cmocka_unit_test(stdin_reaches_a_command_that_was_ordered_with_it),
        cmocka_unit_test(a_run_that_waits_can_be_stopped),
        cmocka_unit_test(delvegate_dies_and_its_run_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
