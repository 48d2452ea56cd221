/* The supervisor is killed while Delve builds, is stopped, runs, prints, or is attached to a process: the warden ends
 * what it leaves, and nothing of it stays; an attached process lives on, without a trap. With the real dlv. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/supervisor/process.h"
#include "test/supervisor/driver.h"

enum { LEASE = 3600, PATH_SIZE = 512, STEP_MS = 50, WAIT_STEPS = 600, KILLED = 128 + SIGKILL };

static char work[] = "/tmp/dgwardenXXXXXX";

static const char program[] =
    "package main\n"
    "import (\"fmt\"; \"os\"; \"time\")\n"
    "var count int\n"
    "//go:noinline\n"
    "func tick() { count++ }\n"
    "func main() {\n"
    "    for {\n"
    "        tick()\n"
    "        os.WriteFile(os.Args[1]+\".new\", []byte(fmt.Sprint(os.Getpid(), \" \", count)), 0600)\n"
    "        os.Rename(os.Args[1]+\".new\", os.Args[1])\n"
    "        if len(os.Args) > 2 {\n"
    "            for i := 0; i < 10000; i++ { fmt.Println(\"line\", i) }\n"
    "        }\n"
    "        time.Sleep(10 * time.Millisecond)\n"
    "    }\n"
    "}\n";

static const char *in_work(const char *name)
{
    static char paths[4][PATH_SIZE];
    static size_t next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, PATH_SIZE, "%s/%s", work, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(in_work(name), "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static bool has_dlv;

static int prepare(void **state)
{
    char command[4 * PATH_SIZE];
    (void)state;
    if (!mkdtemp(work))
        return -1;
    write_file("main.go", program);
    write_file("go.mod", "module example.com/looper\n\ngo 1.18\n");
    (void)snprintf(command, sizeof command,
                   "command -v dlv >/dev/null && cd '%s' && go build -gcflags='all=-N -l' -o looper .", work);
    has_dlv = system(command) == 0;
    return 0;
}

static int clean(void **state)
{
    char command[PATH_SIZE];
    (void)state;
    (void)snprintf(command, sizeof command, "chmod -R u+w '%s'; rm -rf '%s'", work, work);
    return system(command);
}

/* What the program has written: its pid and a count. Returns 0 when there is nothing yet. */
static pid_t beat(const char *name, long *count)
{
    long pid = 0;
    FILE *f = fopen(in_work(name), "r");
    if (!f)
        return 0;
    if (fscanf(f, "%ld %ld", &pid, count) != 2)
        pid = 0;
    (void)fclose(f);
    return (pid_t)pid;
}

static bool beats(void *arg)
{
    long count;
    return beat(arg, &count) > 0;
}

static bool listens(void *arg)
{
    struct driver_stream *log = arg;
    return log->in.len && strstr(log->in.data, "API server listening at:");
}

static bool count_one(void *arg, const struct process *p)
{
    (void)p;
    ++*(size_t *)arg;
    return true;
}

static size_t in_session(pid_t session)
{
    size_t n = 0;
    (void)process_each(session, count_one, &n);
    return n;
}

/* Whether it has started another one: the go command. */
static bool is_building(void *arg)
{
    return in_session(*(pid_t *)arg) > 1;
}

struct debug {
    struct driver *d;
    struct driver_stream *control;
    pid_t dlv, supervisor;
    char dir[DRIVER_PATH];
};

static pid_t read_supervisor(const char *dir)
{
    char path[DRIVER_PATH + 16];
    unsigned long long start;
    pid_t pid;
    (void)snprintf(path, sizeof path, "%s/supervisor", dir);
    assert_int_equal(process_read_file(path, &pid, &start), 0);
    return pid;
}

/* Starts dlv with these arguments, up to its process. */
static struct debug begin(const char *const *argv, const char *attach, const char *gocache)
{
    struct debug s = {.d = driver_start()};
    struct buf b;
    char log[DRIVER_PATH + 32];
    s.control = driver_session(s.d, 1, LEASE, true);
    (void)driver_record(s.control, ORDER_READY);
    (void)snprintf(s.dir, sizeof s.dir, "%s", s.d->dir);
    s.supervisor = read_supervisor(s.dir);
    (void)snprintf(log, sizeof log, "--log-dest=%s/1/1/log", s.dir);
    buf_init(&b, ORDER_RECORD_MAX);
    size_t at = order_open(&b, ORDER_RUN);
    order_put_number(&b, ORDER_NUMBER, 1);
    order_put(&b, ORDER_WHAT, "dlv");
    for (; *argv && strcmp(*argv, "--") != 0; argv++)
        order_put(&b, ORDER_ARG, *argv);
    order_put(&b, ORDER_ARG, "--headless");
    order_put(&b, ORDER_ARG, "--api-version=2");
    order_put(&b, ORDER_ARG, "--accept-multiclient");
    order_put(&b, ORDER_ARG, "--listen=127.0.0.1:0");
    order_put(&b, ORDER_ARG, "--log");
    order_put(&b, ORDER_ARG, log);
    for (; *argv; argv++)
        order_put(&b, ORDER_ARG, *argv);
    order_put(&b, ORDER_CWD, work);
    order_put(&b, ORDER_ATTACH, attach);
    order_put(&b, ORDER_GOCACHE, gocache);
    order_close(&b, at);
    assert_false(b.failed);
    driver_send(s.control, &b);
    buf_free(&b);
    s.dlv = (pid_t)order_get_number(driver_record(s.control, ORDER_STARTED), ORDER_PID, 0);
    assert_true(s.dlv > 0);
    return s;
}

static void end_killed(struct debug *s)
{
    struct stat st;
    assert_int_equal(kill(s->supervisor, SIGKILL), 0);
    assert_int_equal(driver_finish(s->d), KILLED);
    assert_int_equal(in_session(s->dlv), 0);
    assert_int_equal(stat(s->dir, &st), -1);
    driver_free(s->d);
}

static void wait_listening(struct debug *s)
{
    struct driver_stream *log = driver_stream(s->d, ORDER_STREAM_LOG, 1, 1);
    driver_wait(s->d, listens, log, "Delve to listen");
}

static void while_it_builds(void **state)
{
    (void)state;
    if (!has_dlv)
        skip();
    const char *argv[] = {"debug", NULL};
    struct debug s = begin(argv, NULL, in_work("gocache"));
    driver_wait(s.d, is_building, &s.dlv, "go to build");
    end_killed(&s);
}

static void while_it_is_stopped(void **state)
{
    (void)state;
    if (!has_dlv)
        skip();
    const char *argv[] = {"exec", in_work("looper"), "--", in_work("stopped"), NULL};
    struct debug s = begin(argv, NULL, NULL);
    wait_listening(&s);
    end_killed(&s);
}

static void while_it_runs(void **state)
{
    char name[] = "running";
    long count;
    (void)state;
    if (!has_dlv)
        skip();
    const char *argv[] = {"exec", in_work("looper"), "--continue", "--", in_work(name), NULL};
    struct debug s = begin(argv, NULL, NULL);
    driver_wait(s.d, beats, name, "the program to run");
    end_killed(&s);
    assert_int_equal(kill(beat(name, &count), 0), -1);
}

static void while_it_prints(void **state)
{
    char name[] = "printing";
    long count;
    (void)state;
    if (!has_dlv)
        skip();
    const char *argv[] = {"exec", in_work("looper"), "--continue", "--", in_work(name), "print", NULL};
    struct debug s = begin(argv, NULL, NULL);
    driver_wait(s.d, beats, name, "the program to run");
    end_killed(&s);
    assert_int_equal(kill(beat(name, &count), 0), -1);
}

static pid_t start_looper(char *name)
{
    char *argv[] = {(char *)in_work("looper"), (char *)in_work(name), NULL};
    long count;
    pid_t pid = fork();
    if (pid == 0) {
        (void)execv(argv[0], argv);
        _exit(127);
    }
    assert_true(pid > 0);
    for (int i = 0; i < WAIT_STEPS && beat(name, &count) != pid; i++)
        (void)poll(NULL, 0, STEP_MS);
    assert_int_equal(beat(name, &count), pid);
    return pid;
}

/* By JSON-RPC, on a connection of its own. */
static void set_breakpoint(struct debug *s)
{
    static const char request[] = "{\"method\":\"RPCServer.CreateBreakpoint\",\"params\":[{\"Breakpoint\":"
                                  "{\"functionName\":\"main.tick\",\"line\":-1}}],\"id\":1}";
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct driver_stream *log = driver_stream(s->d, ORDER_STREAM_LOG, 1, 1);
    char answer[4096];
    const char *at = strstr(log->in.data, "API server listening at: 127.0.0.1:");
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_non_null(at);
    address.sin_port = htons((uint16_t)strtol(at + strlen("API server listening at: 127.0.0.1:"), NULL, 10));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(write(fd, request, sizeof request - 1), sizeof request - 1);
    ssize_t n = read(fd, answer, sizeof answer - 1);
    assert_true(n > 0);
    answer[n] = '\0';
    assert_non_null(strstr(answer, "\"error\":null"));
    close(fd);
}

static void while_it_is_attached(void **state)
{
    char name[] = "attached", pid_text[32];
    long before = 0, after = 0;
    struct process p;
    (void)state;
    if (!has_dlv)
        skip();
    pid_t pid = start_looper(name);
    (void)snprintf(pid_text, sizeof pid_text, "%ld", (long)pid);
    const char *argv[] = {"attach", pid_text, NULL};
    struct debug s = begin(argv, pid_text, NULL);
    wait_listening(&s);
    set_breakpoint(&s);
    end_killed(&s);
    assert_int_equal(beat(name, &before), pid);
    for (int i = 0; i < WAIT_STEPS && after < before + 10; i++) {
        (void)poll(NULL, 0, STEP_MS);
        assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
        (void)beat(name, &after);
    }
    assert_true(after >= before + 10);
    assert_int_equal(process_read(pid, &p), 0);
    assert_true(p.state == 'S' || p.state == 'R' || p.state == 'D');
    (void)kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static bool is_swept(void *arg)
{
    return in_session(*(pid_t *)arg) == 0;
}

/* Then nobody is left to end what it ran, but the next one. */
static void with_its_warden(void **state)
{
    char name[] = "orphaned";
    struct stat st;
    (void)state;
    if (!has_dlv)
        skip();
    const char *argv[] = {"exec", in_work("looper"), "--continue", "--", in_work(name), NULL};
    struct debug s = begin(argv, NULL, NULL);
    driver_wait(s.d, beats, name, "the program to run");
    assert_int_equal(kill(s.d->pid, SIGKILL), 0);
    assert_int_equal(kill(s.supervisor, SIGKILL), 0);
    assert_int_equal(driver_finish(s.d), KILLED);
    assert_true(in_session(s.dlv) > 0);
    struct driver *next = driver_start();
    driver_wait(next, is_swept, &s.dlv, "the next supervisor to end what was left");
    driver_wait_gone(next, s.dir);
    assert_int_equal(stat(s.dir, &st), -1);
    assert_int_equal(driver_finish(next), 0);
    driver_free(next);
    driver_free(s.d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(while_it_builds),      cmocka_unit_test(while_it_is_stopped),
                                       cmocka_unit_test(while_it_runs),        cmocka_unit_test(while_it_prints),
                                       cmocka_unit_test(while_it_is_attached), cmocka_unit_test(with_its_warden)};
    return cmocka_run_group_tests(tests, prepare, clean);
}
