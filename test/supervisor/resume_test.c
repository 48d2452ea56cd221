/* The connection goes and comes again: by doors, each a pair of descriptors that carries the same tunnel. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/supervisor/flow.h"
#include "test/supervisor/driver.h"

enum { LEASE = 3600, SHORT_LEASE = 2, LINES = 200 * 1000 };

static char cache[] = "/tmp/dg-resume.XXXXXX";
static char client[32];

/* Each test has a supervisor of its own. */
static int name_client(void **state)
{
    static unsigned n;
    (void)state;
    (void)snprintf(client, sizeof client, "resume%ld_%u", (long)getpid(), ++n);
    return 0;
}

static struct driver *connect_first(void)
{
    struct driver *d = driver_new();
    driver_door(d, client);
    driver_wait_up(d);
    return d;
}

static void wait_door(struct driver *d)
{
    int status;
    assert_int_equal(waitpid(d->pid, &status, 0), d->pid);
    d->pid = 0;
}

static void cut(struct driver *d)
{
    driver_cut(d);
    wait_door(d);
}

static void again(struct driver *d)
{
    driver_door(d, client);
    driver_wait_up(d);
}

/* Its supervisor is nobody's business after the test. */
static void finish(struct driver *d)
{
    char path[DRIVER_PATH + 16];
    long pid = 0;
    (void)snprintf(path, sizeof path, "%s/supervisor", d->dir);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld", &pid), 1);
    (void)fclose(f);
    assert_true(pid > 1);
    assert_int_equal(kill((pid_t)pid, SIGTERM), 0);
    driver_wait_gone(d, d->dir);
    driver_free(d);
}

static void check_numbers(const struct driver_stream *s, long last)
{
    const char *at = s->in.data;
    for (long i = 1; i <= last; i++) {
        char *end;
        assert_int_equal(strtol(at, &end, 10), i);
        assert_int_equal(*end, '\n');
        at = end + 1;
    }
    assert_ptr_equal(at, s->in.data + s->in.len);
}

static void output_goes_on_at_the_exact_byte(void **state)
{
    struct driver *d = connect_first();
    char lines[16];
    (void)state;
    struct driver_stream *control = driver_session(d, 1, LEASE, false);
    (void)snprintf(lines, sizeof lines, "%d", LINES);
    driver_command(control, 1, true, (const char *const[]){"/usr/bin/seq", lines, NULL});
    struct driver_stream *out = driver_stream(d, ORDER_STREAM_OUT, 1, 1);
    for (size_t part = 1; part <= 5; part++) {
        driver_wait_bytes(out, part * 100 * 1000);
        cut(d);
        again(d);
    }
    driver_wait_end(out);
    check_numbers(out, LINES);
    assert_int_equal(order_get_number(driver_record(control, ORDER_EXITED), ORDER_STATUS, -1), 0);
    finish(d);
}

/* More than what is kept in memory: the program goes on, and ends, without anybody there. */
static void a_program_goes_on_during_an_outage(void **state)
{
    struct driver *d = connect_first();
    char done[DRIVER_PATH], script[4 * DRIVER_PATH];
    (void)state;
    (void)snprintf(done, sizeof done, "%s/%s.done", cache, client);
    (void)snprintf(script, sizeof script, "while ! [ -e %s.go ]; do sleep 0.05; done; seq 3000000; echo x > %s", done,
                   done);
    struct driver_stream *control = driver_session(d, 1, LEASE, false);
    driver_command(control, 1, true, (const char *const[]){"/bin/sh", "-c", script, NULL});
    struct driver_stream *out = driver_stream(d, ORDER_STREAM_OUT, 1, 1);
    cut(d);
    char go[DRIVER_PATH + 8];
    (void)snprintf(go, sizeof go, "%s.go", done);
    FILE *f = fopen(go, "we");
    assert_non_null(f);
    (void)fclose(f);
    for (int i = 0; access(done, F_OK) < 0; i++) {
        assert_true(i < DRIVER_SECONDS * 20);
        (void)usleep(50 * 1000);
    }
    again(d);
    driver_wait_end(out);
    check_numbers(out, 3000000);
    assert_int_equal(order_get_number(driver_record(control, ORDER_EXITED), ORDER_STATUS, -1), 0);
    finish(d);
}

static void a_lease_that_is_over_ends_the_session(void **state)
{
    struct driver *d = connect_first();
    char dir[DRIVER_PATH + 8];
    (void)state;
    struct driver_stream *control = driver_session(d, 1, SHORT_LEASE, false);
    struct driver_stream *other = driver_session(d, 2, LEASE, false);
    driver_command(control, 1, true, (const char *const[]){"/bin/sh", "-c", "echo $$; exec sleep 1000", NULL});
    (void)driver_record(control, ORDER_STARTED);
    (void)driver_record(other, ORDER_READY);
    struct driver_stream *out = driver_stream(d, ORDER_STREAM_OUT, 1, 1);
    driver_wait_bytes(out, 2);
    pid_t pid = (pid_t)strtol(out->in.data, NULL, 10);
    (void)snprintf(dir, sizeof dir, "%s/1", d->dir);
    cut(d);
    driver_wait_gone(d, dir);
    assert_int_equal(kill(pid, 0), -1);
    again(d);
    /* What happened is still heard. */
    driver_wait_ended(control);
    /* The other session is as it was. */
    driver_command(other, 1, false, (const char *const[]){"/bin/true", NULL});
    assert_int_equal(order_get_number(driver_record(other, ORDER_EXITED), ORDER_STATUS, -1), 0);
    finish(d);
}

static void a_new_delvegate_ends_its_predecessors_sessions(void **state)
{
    struct driver *d = connect_first();
    (void)state;
    struct driver_stream *control = driver_session(d, 1, LEASE, false);
    driver_command(control, 1, true, (const char *const[]){"/bin/sh", "-c", "echo $$; exec sleep 1000", NULL});
    struct driver_stream *out = driver_stream(d, ORDER_STREAM_OUT, 1, 1);
    driver_wait_bytes(out, 2);
    pid_t pid = (pid_t)strtol(out->in.data, NULL, 10);
    struct driver *next = connect_first();
    assert_string_equal(next->dir, d->dir);
    /* The same number: it begins when the other one is gone. */
    control = driver_session(next, 1, LEASE, false);
    (void)driver_record(control, ORDER_READY);
    assert_int_equal(kill(pid, 0), -1);
    wait_door(d);
    /* The predecessor does not get it back. */
    driver_door(d, client);
    while (tunnel_state(d->tunnel) != TUNNEL_LOST && d->in >= 0)
        driver_pump(d, 1000);
    assert_int_equal(tunnel_state(d->tunnel), TUNNEL_LOST);
    wait_door(d);
    driver_free(d);
    driver_command(control, 1, false, (const char *const[]){"/bin/true", NULL});
    assert_int_equal(order_get_number(driver_record(control, ORDER_EXITED), ORDER_STATUS, -1), 0);
    finish(next);
}

static void a_local_session_ends_with_the_link(void **state)
{
    struct driver *d = connect_first();
    struct buf b;
    char dir[DRIVER_PATH + 8];
    (void)state;
    struct driver_stream *control = driver_control(d, 1);
    buf_init(&b, ORDER_RECORD_MAX);
    size_t at = order_open(&b, ORDER_SESSION);
    order_put_number(&b, ORDER_LEASE, LEASE);
    order_put(&b, ORDER_LOCAL, "1");
    order_put(&b, ORDER_NO_DELVE, "1");
    order_close(&b, at);
    driver_send(control, &b);
    buf_free(&b);
    (void)driver_record(control, ORDER_READY);
    (void)snprintf(dir, sizeof dir, "%s/1", d->dir);
    cut(d);
    driver_wait_gone(d, dir);
    again(d);
    driver_wait_ended(control);
    finish(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(output_goes_on_at_the_exact_byte, name_client),
        cmocka_unit_test_setup(a_program_goes_on_during_an_outage, name_client),
        cmocka_unit_test_setup(a_lease_that_is_over_ends_the_session, name_client),
        cmocka_unit_test_setup(a_new_delvegate_ends_its_predecessors_sessions, name_client),
        cmocka_unit_test_setup(a_local_session_ends_with_the_link, name_client),
    };
    if (!mkdtemp(cache) || setenv("XDG_CACHE_HOME", cache, 1) < 0)
        return EXIT_FAILURE;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char erase[64];
    (void)snprintf(erase, sizeof erase, "rm -rf %s", cache);
    return system(erase) == 0 ? failed : EXIT_FAILURE;
}
