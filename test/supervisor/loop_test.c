/* The loop's callbacks, and functions in workers. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/supervisor/loop.h"
#include "proxy/supervisor/worker.h"
#include "test/supervisor/driver.h"

enum { FILES = 256, MANY = 300, STATUS = 7, LATE_MS = 20 * 1000 };

static struct alarm late;

static void on_late(void *arg)
{
    (void)arg;
    loop_end(-1);
}

/* Each test's run is over at the latest then, with -1. */
static int run(void)
{
    late = (struct alarm){.ring = on_late};
    loop_alarm(&late, LATE_MS);
    int status = loop_run();
    loop_disarm(&late);
    return status;
}

/* --- Alarms --- */

static char rung[8];

static void on_ring(void *arg)
{
    (void)strcat(rung, arg);
    if (strlen(rung) == 3)
        loop_end(0);
}

static void alarms_ring_in_order(void **state)
{
    struct alarm a = {.ring = on_ring, .arg = "a"}, b = {.ring = on_ring, .arg = "b"},
                 c = {.ring = on_ring, .arg = "c"}, never = {.ring = on_ring, .arg = "n"};
    (void)state;
    loop_alarm(&c, 30);
    loop_alarm(&never, 5);
    loop_alarm(&a, 40);
    loop_alarm(&b, 20);
    loop_alarm(&a, 10);
    loop_disarm(&never);
    uint64_t before = loop_now();
    assert_int_equal(run(), 0);
    assert_string_equal(rung, "abc");
    assert_true(loop_now() - before >= 30);
}

/* --- Descriptors --- */

struct end {
    struct watch w;
    struct end *other; /* taken out when this one is ready */
    unsigned calls;
};

static void on_first(void *arg, short revents)
{
    struct end *e = arg;
    assert_true(revents & POLLIN);
    e->calls++;
    loop_unwatch(&e->w);
    loop_unwatch(&e->other->w);
    loop_end(0);
}

/* Both are ready in the same turn: who is called first takes the other out, which then is not called. */
static void who_is_taken_out_is_not_called(void **state)
{
    struct end e[2];
    int ends[2][2];
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pipe(ends[i]), 0);
        assert_int_equal(write(ends[i][1], "x", 1), 1);
        e[i] =
            (struct end){.w = {.fd = ends[i][0], .events = POLLIN, .ready = on_first, .arg = &e[i]}, .other = &e[!i]};
    }
    loop_watch(&e[0].w);
    loop_watch(&e[1].w);
    assert_int_equal(run(), 0);
    assert_int_equal(e[0].calls + e[1].calls, 1);
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < 2; j++)
            (void)close(ends[i][j]);
}

static unsigned left;

static void on_many(void *arg, short revents)
{
    struct watch *w = arg;
    char c;
    (void)revents;
    assert_int_equal(read(w->fd, &c, 1), 1);
    loop_unwatch(w);
    if (--left == 0)
        loop_end(0);
}

static void many_descriptors(void **state)
{
    static struct watch w[MANY];
    static int out[MANY];
    (void)state;
    left = MANY;
    for (size_t i = 0; i < MANY; i++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        out[i] = ends[1];
        w[i] = (struct watch){.fd = ends[0], .events = POLLIN, .ready = on_many, .arg = &w[i]};
        loop_watch(&w[i]);
        assert_int_equal(write(ends[1], "x", 1), 1);
    }
    assert_int_equal(run(), 0);
    for (size_t i = 0; i < MANY; i++) {
        (void)close(w[i].fd);
        (void)close(out[i]);
    }
}

/* --- Children and signals --- */

static void on_child(void *arg, int status)
{
    *(int *)arg = status;
    if (--left == 0)
        loop_end(0);
}

static void children_end(void **state)
{
    int status[2] = {-1, -1};
    struct child c[2];
    (void)state;
    left = 2;
    for (size_t i = 0; i < 2; i++) {
        c[i] = (struct child){.ended = on_child, .arg = &status[i]};
        c[i].pid = fork();
        if (c[i].pid == 0) {
            loop_in_child();
            if (i == 0)
                _exit(STATUS);
            (void)raise(SIGTERM);
            _exit(0);
        }
        loop_child(&c[i]);
    }
    assert_int_equal(run(), 0);
    assert_int_equal(status[0], STATUS);
    assert_int_equal(status[1], SUPERVISOR_SIGNAL_STATUS + SIGTERM);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void on_signal(void *arg)
{
    loop_end(*(int *)arg);
}

static void a_signal_is_called_for(void **state)
{
    int status = STATUS;
    (void)state;
    assert_int_equal(loop_signal(SIGUSR1, on_signal, &status), 0);
    assert_int_equal(raise(SIGUSR1), 0);
    assert_int_equal(run(), STATUS);
}

/* --- Workers --- */

static char said[64];
static int ended;

static void on_record(void *arg, const struct order *o)
{
    (void)arg;
    assert_int_equal(o->kind, ORDER_NOTE);
    (void)strcat(said, order_get(o, ORDER_TEXT));
}

static void on_ended(void *arg, int status)
{
    (void)arg;
    ended = status;
    loop_end(0);
}

static const struct worker_handler handler = {.record = on_record, .ended = on_ended};

/* What it leaves running holds the pipe, which must not hold its end. */
static int two_words(void *arg, int out)
{
    worker_say(out, ORDER_NOTE, NULL, arg);
    if (fork() == 0) {
        (void)pause();
        _exit(0);
    }
    worker_say(out, ORDER_NOTE, NULL, " and more");
    return STATUS;
}

static void a_worker_reports_and_ends(void **state)
{
    (void)state;
    said[0] = '\0';
    struct worker *w = worker_start(two_words, "something", &handler, NULL);
    assert_non_null(w);
    pid_t pid = worker_pid(w);
    assert_int_equal(run(), 0);
    assert_string_equal(said, "something and more");
    assert_int_equal(ended, STATUS);
    assert_int_equal(kill(-pid, SIGKILL), 0);
}

static int has_no_descriptors(void *arg, int out)
{
    int mine = *(int *)arg;
    return fcntl(mine, F_GETFD) < 0 && fcntl(out, F_GETFD) >= 0 && getsid(0) == getpid() ? 0 : 1;
}

static void a_worker_has_none_of_our_descriptors(void **state)
{
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_true(ends[0] > 4 || dup2(ends[0], 20) == 20);
    int mine = ends[0] > 4 ? ends[0] : 20;
    assert_non_null(worker_start(has_no_descriptors, &mine, &handler, NULL));
    assert_int_equal(run(), 0);
    assert_int_equal(ended, 0);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static int waits(void *arg, int out)
{
    (void)arg;
    worker_say(out, ORDER_NOTE, NULL, "begun");
    (void)pause();
    return 0;
}

static struct worker *freed;

static void free_it(void *arg, const struct order *o)
{
    (void)arg;
    (void)o;
    worker_free(freed);
    loop_end(0);
}

static void not_called(void *arg, int status)
{
    (void)arg;
    (void)status;
    abort();
}

static void a_worker_that_is_freed_is_gone(void **state)
{
    static const struct worker_handler frees = {.record = free_it, .ended = not_called};
    (void)state;
    freed = worker_start(waits, NULL, &frees, NULL);
    assert_non_null(freed);
    pid_t pid = worker_pid(freed);
    assert_int_equal(run(), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    worker_free(NULL);
}

static bool may_have(rlim_t files)
{
    struct rlimit now;
    return getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_cur == files;
}

static void many_files_are_for_us_alone(void **state)
{
    struct rlimit ours;
    int status = -1;
    struct child c = {.ended = on_child, .arg = &status};
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &ours), 0);
    assert_true(may_have(ours.rlim_max));
    left = 1;
    c.pid = fork();
    if (c.pid == 0) {
        loop_in_child();
        loop_few_files();
        _exit(may_have(FILES) ? STATUS : EXIT_FAILURE);
    }
    loop_child(&c);
    assert_int_equal(run(), 0);
    assert_int_equal(status, STATUS);
}

/* As a login has it. */
static int lower_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        return -1;
    files.rlim_cur = FILES;
    return setrlimit(RLIMIT_NOFILE, &files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alarms_ring_in_order),
        cmocka_unit_test(who_is_taken_out_is_not_called),
        cmocka_unit_test(many_descriptors),
        cmocka_unit_test(children_end),
        cmocka_unit_test(a_signal_is_called_for),
        cmocka_unit_test(a_worker_reports_and_ends),
        cmocka_unit_test(a_worker_has_none_of_our_descriptors),
        cmocka_unit_test(a_worker_that_is_freed_is_gone),
        cmocka_unit_test(many_files_are_for_us_alone),
    };
    return lower_limit() < 0 || loop_init() < 0 ? EXIT_FAILURE : cmocka_run_group_tests(tests, NULL, NULL);
}
