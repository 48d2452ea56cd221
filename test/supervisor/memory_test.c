/* What the supervisor takes: at rest, in a stopped session, and when more comes than goes. The least is asked of the
 * one that is installed; sanitizers and emulators have memory of their own, of which only so much more is allowed. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/supervisor/flow.h"
#include "test/supervisor/driver.h"

enum {
    LEASE = 3600,
    KIB = 1024,
    MIB = 1024 * 1024,
    REST_MAX = 2 * MIB,           /* resident */
    UNACKNOWLEDGED_MAX = 4 * MIB, /* more of it, for what a tunnel has not delivered */
    FOREIGN_MAX = 48 * MIB,       /* for a build with sanitizers, or in an emulator, whatever it does */
    FLOOD = 100 * 1000 * 1000,    /* bytes */
    STREAMS = 2,                  /* of a program's output */
    SETTLED_MS = 500,             /* nothing has changed for so long */
    SESSIONS = 8,
    DESCRIPTORS = 64,
    PATH_SIZE = 4096
};

static char top[] = "/tmp/dg-memory.XXXXXX";
static char binary[PATH_SIZE];

/* --- measuring --- */

static pid_t supervisor_of(const struct driver *d)
{
    char path[DRIVER_PATH + 16];
    long pid = 0;
    (void)snprintf(path, sizeof path, "%s/supervisor", d->dir);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld", &pid), 1);
    (void)fclose(f);
    assert_true(pid > 1);
    return (pid_t)pid;
}

/* VmRSS, or VmHWM: the most that it ever was. In bytes. */
static long resident(const struct driver *d, const char *which)
{
    char path[64], line[256];
    long kib = -1;
    (void)snprintf(path, sizeof path, "/proc/%ld/status", (long)supervisor_of(d));
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    while (kib < 0 && fgets(line, sizeof line, f))
        if (strncmp(line, which, strlen(which)) == 0)
            kib = strtol(line + strlen(which) + 1, NULL, 10);
    (void)fclose(f);
    assert_true(kib > 0);
    return kib * KIB;
}

/* Whether it was built without sanitizers, and runs without an emulator before it. */
static bool is_plain(const struct driver *d)
{
    const char *command = getenv("SUPERVISOR");
    char path[64], line[PATH_SIZE];
    bool sanitized = false;
    (void)snprintf(path, sizeof path, "/proc/%ld/maps", (long)supervisor_of(d));
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        sanitized |= strstr(line, "libasan") != NULL;
    (void)fclose(f);
    return !sanitized && command && !strchr(command, ' ');
}

/* at_start: what it took before there was anything to do. */
static void check(const struct driver *d, const char *which, long at_start, long more, const char *when)
{
    long now = resident(d, which);
    long most = is_plain(d) ? REST_MAX + more : at_start + more + FOREIGN_MAX;
    print_message("%s: %ld KiB\n", when, now / KIB);
    if (now > most)
        fail_msg("%s: %ld KiB, of at most %ld", when, now / KIB, most / KIB);
}

/* --- tests --- */

static void at_rest(void **state)
{
    struct driver *d = driver_start();
    (void)state;
    long first = resident(d, "VmRSS");
    check(d, "VmRSS", first, 0, "at rest");
    for (uint32_t i = 1; i <= SESSIONS; i++) {
        struct driver_stream *control = driver_session(d, i, LEASE, false);
        driver_command(control, 1, true, (const char *const[]){"/usr/bin/seq", "100000", NULL});
        assert_int_equal(order_get_number(driver_record(control, ORDER_EXITED), ORDER_STATUS, -1), 0);
        driver_say(control, ORDER_END, ORDER_HOW, "kill");
        driver_wait_ended(control);
    }
    check(d, "VmRSS", first, 0, "at rest after sessions");
    assert_int_equal(driver_finish(d), 0);
    driver_free(d);
}

static void path_of(char text[2 * PATH_SIZE], const struct driver *d, const char *flag, const char *name)
{
    (void)snprintf(text, (size_t)2 * PATH_SIZE, "%s%s/1/1/%s", flag, d->dir, name);
}

static void order_dlv(const struct driver *d, struct driver_stream *control)
{
    static const char *const pins[] = {"--headless=true",      "--api-version=2", "--accept-multiclient=true",
                                       "--listen=127.0.0.1:0", "--log",           "--check-go-version=false"};
    static const char *const files[][2] = {
        {"--log-dest=", "log"}, {"--redirect=stdout:", "out"}, {"--redirect=stderr:", "err"}};
    char text[2 * PATH_SIZE];
    struct buf b;
    buf_init(&b, ORDER_RECORD_MAX);
    size_t at = order_open(&b, ORDER_RUN);
    order_put_number(&b, ORDER_NUMBER, 1);
    order_put(&b, ORDER_WHAT, "dlv");
    order_put(&b, ORDER_ARG, "exec");
    order_put(&b, ORDER_ARG, binary);
    for (size_t i = 0; i < sizeof pins / sizeof *pins; i++)
        order_put(&b, ORDER_ARG, pins[i]);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        path_of(text, d, files[i][0], files[i][1]);
        order_put(&b, ORDER_ARG, text);
    }
    order_close(&b, at);
    driver_send(control, &b);
    buf_free(&b);
}

struct awaited {
    const struct driver_stream *s;
    const char *text;
};

static bool has_text(void *arg)
{
    const struct awaited *a = arg;
    return a->s->in.len && memmem(a->s->in.data, a->s->in.len, a->text, strlen(a->text));
}

static const char *after(struct driver_stream *s, const char *text)
{
    struct awaited a = {s, text};
    driver_wait(s->driver, has_text, &a, text);
    return (const char *)memmem(s->in.data, s->in.len, text, strlen(text)) + strlen(text);
}

static void say(struct driver_stream *s, const char *json)
{
    char text[PATH_SIZE];
    int n = snprintf(text, sizeof text, "Content-Length: %zu\r\n\r\n%s", strlen(json), json);
    driver_write(s, text, (size_t)n);
}

static void in_a_stopped_session(void **state)
{
    struct driver *d = driver_start();
    (void)state;
    long first = resident(d, "VmRSS");
    struct driver_stream *control = driver_session(d, 1, LEASE, true);
    (void)driver_record(control, ORDER_READY);
    order_dlv(d, control);
    struct driver_stream *log = driver_stream(d, ORDER_STREAM_LOG, 1, 1);
    (void)after(log, "\n");
    long port = strtol(after(log, "API server listening at: 127.0.0.1:"), NULL, 10);
    assert_true(port > 0);
    struct driver_stream *dap = driver_open(d, TUNNEL_DAP, ORDER_STREAM_CONNECT, (uint32_t)port, 1);
    (void)driver_open(d, TUNNEL_CONTROL, ORDER_STREAM_HEARTBEAT, (uint32_t)port, 1);
    say(dap, "{\"seq\":1,\"type\":\"request\",\"command\":\"initialize\",\"arguments\":{\"adapterID\":\"go\","
             "\"pathFormat\":\"path\",\"linesStartAt1\":true,\"columnsStartAt1\":true}}");
    say(dap, "{\"seq\":2,\"type\":\"request\",\"command\":\"attach\",\"arguments\":{\"mode\":\"remote\","
             "\"stopOnEntry\":true}}");
    (void)after(dap, "\"initialized\"");
    say(dap, "{\"seq\":3,\"type\":\"request\",\"command\":\"configurationDone\"}");
    (void)after(dap, "\"event\":\"stopped\"");
    check(d, "VmRSS", first, 0, "in a stopped session");
    driver_reset(dap);
    driver_say(control, ORDER_END, ORDER_HOW, "kill");
    driver_wait_ended(control);
    assert_int_equal(driver_finish(d), 0);
    driver_free(d);
}

static struct driver_stream *flooding(struct driver *d, struct driver_stream **err)
{
    static const char script[] = "head -c 100000000 /dev/zero & head -c 100000000 /dev/zero >&2; wait";
    struct driver_stream *control = driver_session(d, 1, LEASE, false);
    driver_command(control, 1, true, (const char *const[]){"/bin/sh", "-c", script, NULL});
    struct driver_stream *out = driver_stream(d, ORDER_STREAM_OUT, 1, 1);
    *err = driver_stream(d, ORDER_STREAM_ERR, 1, 1);
    out->drops = (*err)->drops = true;
    return out;
}

/* Waits until a number stays what it is. */
static void settle(struct driver *d)
{
    long before;
    do {
        before = resident(d, "VmRSS");
        for (int ms = 0; ms < SETTLED_MS; ms += SETTLED_MS / 10) {
            if (d->in >= 0)
                driver_pump(d, 0);
            (void)usleep(SETTLED_MS / 10 * 1000);
        }
    } while (resident(d, "VmRSS") != before);
}

static void read_all(struct driver_stream *out, struct driver_stream *err)
{
    driver_wait_bytes(out, FLOOD);
    driver_wait_bytes(err, FLOOD);
    driver_wait_end(out);
    driver_wait_end(err);
    assert_int_equal(out->total, FLOOD);
    assert_int_equal(err->total, FLOOD);
}

static void a_reader_that_stopped(void **state)
{
    struct driver *d = driver_start();
    struct driver_stream *err;
    (void)state;
    long first = resident(d, "VmRSS");
    struct driver_stream *out = flooding(d, &err);
    out->waits = err->waits = true;
    settle(d);
    assert_true(out->total < FLOOD && err->total < FLOOD);
    check(d, "VmRSS", first, UNACKNOWLEDGED_MAX, "while nobody reads");
    out->waits = err->waits = false;
    read_all(out, err);
    check(d, "VmHWM", first, UNACKNOWLEDGED_MAX, "the most, when it is read");
    assert_int_equal(driver_finish(d), 0);
    driver_free(d);
}

/* Bytes in the files that keep output: they have no name any more. */
static long kept(const struct driver *d)
{
    static const char deleted[] = ".kept (deleted)";
    char path[PATH_SIZE], link[PATH_SIZE];
    struct stat file;
    long sum = 0;
    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        (void)snprintf(path, sizeof path, "/proc/%ld/fd/%d", (long)supervisor_of(d), fd);
        ssize_t n = readlink(path, link, sizeof link - 1);
        link[n > 0 ? n : 0] = '\0';
        if (n > 0 && strstr(link, deleted) && stat(path, &file) == 0)
            sum += (long)file.st_size;
    }
    return sum;
}

static bool is_full(void *arg)
{
    return kept(arg) >= (long)STREAMS * FLOW_FILE_MAX_DEFAULT;
}

static void while_there_is_no_connection(void **state)
{
    struct driver *d = driver_new();
    struct driver_stream *err;
    char client[32];
    (void)state;
    (void)snprintf(client, sizeof client, "memory%ld", (long)getpid());
    driver_door(d, client);
    driver_wait_up(d);
    long first = resident(d, "VmRSS");
    struct driver_stream *out = flooding(d, &err);
    driver_cut(d);
    driver_wait(d, is_full, d, "what is kept");
    settle(d);
    assert_int_equal(kept(d), (long)STREAMS * FLOW_FILE_MAX_DEFAULT);
    check(d, "VmHWM", first, STREAMS * FLOW_MEMORY_MAX + UNACKNOWLEDGED_MAX, "the most, without a connection");
    driver_door(d, client);
    driver_wait_up(d);
    read_all(out, err);
    check(d, "VmHWM", first, STREAMS * FLOW_MEMORY_MAX + UNACKNOWLEDGED_MAX, "the most, with it again");
    assert_int_equal(kill(supervisor_of(d), SIGTERM), 0);
    driver_wait_gone(d, d->dir);
    driver_free(d);
}

static int build(void **state)
{
    char command[3 * PATH_SIZE];
    (void)state;
    const char *sanitizer = getenv("ASAN_OPTIONS");
    char options[PATH_SIZE];
    /* It keeps what is freed for a while: little of it. */
    (void)snprintf(options, sizeof options, "%s:quarantine_size_mb=4", sanitizer ? sanitizer : "");
    if (!mkdtemp(top) || setenv("ASAN_OPTIONS", options, 1) < 0)
        return -1;
    (void)snprintf(binary, sizeof binary, "%s/program", top);
    (void)snprintf(command, sizeof command,
                   "cd '%s' && echo 'package main; func main() { for {} }' >main.go && echo 'module m' >go.mod && "
                   "go build -gcflags='all=-N -l' -o '%s' .",
                   top, binary);
    return system(command) == 0 ? setenv("XDG_CACHE_HOME", top, 1) : -1;
}

static int clear(void **state)
{
    char command[PATH_SIZE];
    (void)state;
    (void)snprintf(command, sizeof command, "rm -rf '%s'", top);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_rest),
        cmocka_unit_test(in_a_stopped_session),
        cmocka_unit_test(a_reader_that_stopped),
        cmocka_unit_test(while_there_is_no_connection),
    };
    return cmocka_run_group_tests(tests, build, clear);
}
