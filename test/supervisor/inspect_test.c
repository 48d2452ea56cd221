/* Inspections at the supervisor as a process: what they report, and that they end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proxy/supervisor/process.h"
#include "test/supervisor/driver.h"

enum { LEASE = 3600, PATH_SIZE = 4096, BOUND_S = 20, FACTS_MAX = 512 };

static char top[] = "/tmp/delvegate-inspect-XXXXXX";

static void write_file(const char *name, const char *text, mode_t mode)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", top, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static int make_top(void **state)
{
    (void)state;
    if (!mkdtemp(top))
        return -1;
    write_file("go.mod", "module example.com/prog\n", 0600);
    /* What a session asks of go is answered. */
    write_file("go",
               "#!/bin/sh\n"
               "case \"$*\" in *GOVERSION*) sleep 600 & exec sleep 600 ;; esac\n"
               "PATH=${PATH#*:} exec go \"$@\"\n",
               0700);
    return 0;
}
static int clear_top(void **state)
{
    char command[PATH_SIZE];
    (void)state;
    (void)snprintf(command, sizeof command, "rm -rf '%s'", top);
    return system(command);
}

/* Returns the pid of the run. */
static pid_t inspect(struct driver_stream *control)
{
    struct buf record;
    buf_init(&record, ORDER_RECORD_MAX);
    size_t begin = order_open(&record, ORDER_RUN);
    order_put_number(&record, ORDER_NUMBER, 1);
    order_put(&record, ORDER_WHAT, "inspect");
    order_put(&record, ORDER_ARG, "");
    order_put(&record, ORDER_ARG, "");
    order_put(&record, ORDER_ARG, "go.mod");
    order_put(&record, ORDER_CWD, top);
    order_put_pair(&record, ORDER_ENV, "GOPRIVATE", "*.corp");
    order_close(&record, begin);
    driver_send(control, &record);
    buf_free(&record);
    return (pid_t)order_get_number(driver_record(control, ORDER_STARTED), ORDER_PID, 0);
}

/* All facts until the run has ended, a line each. Returns its status. */
static int facts_of(struct driver_stream *control, struct buf *facts)
{
    for (size_t i = 0; i < FACTS_MAX; i++) {
        struct order o;
        while (!driver_next(control, &o))
            driver_pump(control->driver, DRIVER_SECONDS);
        if (o.kind == ORDER_EXITED)
            return (int)order_get_number(&o, ORDER_STATUS, -1);
        if (o.kind == ORDER_FACT) {
            buf_printf(facts, "%s=%s\n", order_get(&o, ORDER_NAME), order_get(&o, ORDER_TEXT));
            assert_false(facts->failed);
        }
    }
    fail_msg("no end of facts");
    return -1;
}
static void assert_fact(const struct buf *facts, const char *line)
{
    if (!memmem(facts->data, facts->len, line, strlen(line)))
        fail_msg("no '%s' in:\n%s", line, facts->data);
}

static bool count_one(void *arg, const struct process *p)
{
    (void)arg;
    (void)p;
    return true;
}

/* A session whose go is the one in `top`, or the one that it finds. */
static struct driver_stream *begin_session(struct driver *d, const char *go)
{
    struct driver_stream *control = driver_control(d, 1);
    struct buf record;
    buf_init(&record, ORDER_RECORD_MAX);
    size_t begin = order_open(&record, ORDER_SESSION);
    order_put_number(&record, ORDER_LEASE, LEASE);
    order_put(&record, ORDER_NO_DELVE, "");
    order_put(&record, ORDER_GO, go);
    order_close(&record, begin);
    driver_send(control, &record);
    buf_free(&record);
    (void)driver_record(control, ORDER_READY);
    return control;
}
static void end_session(struct driver *d, struct driver_stream *control)
{
    driver_say(control, ORDER_END, ORDER_HOW, "kill");
    driver_wait_ended(control);
    assert_int_equal(driver_finish(d), 0);
    driver_free(d);
}

static void it_reports(void **state)
{
    char line[2 * PATH_SIZE];
    struct buf facts;
    struct driver *d = driver_start();
    struct driver_stream *control = begin_session(d, NULL);
    (void)state;
    buf_init(&facts, ORDER_RECORD_MAX);
    (void)inspect(control);
    assert_int_equal(facts_of(control, &facts), 0);
    (void)snprintf(line, sizeof line, "dir=%s\n", top);
    assert_fact(&facts, line);
    assert_fact(&facts, "env.GOPRIVATE=*.corp\n");
    assert_fact(&facts, "go.GOPRIVATE=*.corp\n");
    assert_fact(&facts, "main=example.com/prog\n");
    assert_fact(&facts, "file.state=open\n");
    buf_free(&facts);
    end_session(d, control);
}

/* A go that hangs is ended, with what it has started; what is known without it is reported. */
static void it_ends(void **state)
{
    char go[PATH_SIZE];
    struct timespec from, to;
    struct buf facts;
    struct driver *d = driver_start();
    (void)state;
    (void)snprintf(go, sizeof go, "%s/go", top);
    struct driver_stream *control = begin_session(d, go);
    buf_init(&facts, ORDER_RECORD_MAX);
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &from), 0);
    pid_t pid = inspect(control);
    assert_int_equal(facts_of(control, &facts), 0);
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &to), 0);
    assert_in_range(to.tv_sec - from.tv_sec, 1, BOUND_S);
    assert_fact(&facts, "env.GOPRIVATE=*.corp\n");
    assert_fact(&facts, "file.state=open\n");
    assert_int_equal(process_each(pid, count_one, NULL), 0);
    buf_free(&facts);
    end_session(d, control);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_reports), cmocka_unit_test(it_ends)};
    return cmocka_run_group_tests_name("inspections at the supervisor", tests, make_top, clear_top);
}
