/* Flights at the supervisor as a process, told to the real Delve. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/supervisor/driver.h"

enum { LEASE = 3600, PATH_SIZE = 4096, BODY_MAX = 8192, STOP_LINE = 5, PUMP_MS = 50, SECONDS = 60 };

static const char source[] = "package main\n"
                             "import \"os\"\n"
                             "func main() {\n"
                             "\tf, _ := os.Create(os.Args[1])\n"
                             "\tf.Close()\n"
                             "\tselect {}\n"
                             "}\n";

static char top[] = "/tmp/delvegate-flights-XXXXXX";
static char main_go[PATH_SIZE], binary[PATH_SIZE], done[PATH_SIZE];
static unsigned number;

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static int build(void **state)
{
    char path[PATH_SIZE], command[4 * PATH_SIZE];
    (void)state;
    if (!mkdtemp(top) || setenv("XDG_CACHE_HOME", top, 1) < 0)
        return -1;
    (void)snprintf(path, sizeof path, "%s/program", top);
    (void)snprintf(main_go, sizeof main_go, "%s/program/main.go", top);
    (void)snprintf(binary, sizeof binary, "%s/prog", top);
    if (mkdir(path, 0700) < 0)
        return -1;
    write_file(main_go, source);
    (void)snprintf(path, sizeof path, "%s/program/go.mod", top);
    write_file(path, "module example.com/prog\ngo 1.18\n");
    (void)snprintf(command, sizeof command,
                   "cd '%s/program' && GOCACHE='%s/gocache' go build -gcflags='all=-N -l' -o '%s' .", top, top, binary);
    return system(command) == 0 ? 0 : -1;
}

static int clear(void **state)
{
    char command[PATH_SIZE];
    (void)state;
    (void)snprintf(command, sizeof command, "rm -rf '%s'", top);
    return system(command);
}

static int name_done(void **state)
{
    (void)state;
    (void)snprintf(done, sizeof done, "%s/done%u", top, ++number);
    return 0;
}

static bool has_run(void)
{
    return access(done, F_OK) == 0;
}

/* --- orders --- */

/* ORDER_RUN of `dlv exec`; the program makes a file when it runs. */
static void put_run(const struct driver *d, struct buf *out)
{
    const char *const fixed[] = {"exec",
                                 binary,
                                 "--headless=true",
                                 "--api-version=2",
                                 "--only-same-user=true",
                                 "--accept-multiclient=true",
                                 "--listen=127.0.0.1:0",
                                 "--log"};
    static const char *const files[] = {"--log-dest=%s/1/1/log", "--redirect=stdout:%s/1/1/out",
                                        "--redirect=stderr:%s/1/1/err"};
    char text[2 * PATH_SIZE];
    size_t at = order_open(out, ORDER_RUN);
    order_put_number(out, ORDER_NUMBER, 1);
    order_put(out, ORDER_WHAT, "dlv");
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        order_put(out, ORDER_ARG, fixed[i]);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        (void)snprintf(text, sizeof text, files[i], d->dir);
        order_put(out, ORDER_ARG, text);
    }
    order_put(out, ORDER_ARG, "--");
    order_put(out, ORDER_ARG, done);
    order_close(out, at);
    assert_false(out->failed);
}

struct asked {
    const char *command, *arguments;
};

static const struct asked initialize = {
    "initialize", "{\"clientID\":\"t\",\"adapterID\":\"go\",\"pathFormat\":\"path\",\"linesStartAt1\":true,"
                  "\"columnsStartAt1\":true}"};
static const struct asked attach = {"attach", "{\"mode\":\"remote\"}"};
static const struct asked configured = {"configurationDone", "{}"};

static int message(char *text, size_t size, const struct asked *a, unsigned seq)
{
    char body[BODY_MAX];
    int n = snprintf(body, sizeof body, "{\"seq\":%u,\"type\":\"request\",\"command\":\"%s\",\"arguments\":%s}", seq,
                     a->command, a->arguments);
    return snprintf(text, size, "Content-Length: %d\r\n\r\n%s", n, body);
}

static void put_flight(struct buf *out, unsigned edition, const struct asked *list, size_t count)
{
    char text[2 * BODY_MAX];
    size_t at = order_open(out, ORDER_FLIGHT);
    order_put_number(out, ORDER_NUMBER, 1);
    order_put_number(out, ORDER_EDITION, edition);
    for (size_t i = 0; i < count; i++) {
        int n = message(text, sizeof text, &list[i], (unsigned)i + 1);
        order_put_bytes(out, ORDER_REQUEST, text, (size_t)n);
    }
    order_close(out, at);
    assert_false(out->failed);
}

static struct asked breakpoint(void)
{
    static char arguments[2 * PATH_SIZE];
    (void)snprintf(arguments, sizeof arguments, "{\"source\":{\"path\":\"%s\"},\"breakpoints\":[{\"line\":%d}]}",
                   main_go, STOP_LINE);
    return (struct asked){"setBreakpoints", arguments};
}

/* Everything behind each other: nothing that comes back is waited for. */
static struct driver_stream *order(struct driver *d, struct buf *records)
{
    struct driver_stream *control = driver_session(d, 1, LEASE, true);
    driver_send(control, records);
    buf_free(records);
    return control;
}

/* --- what comes --- */

struct wait {
    struct driver_stream *s;
    const char *text;
};

static bool has_text(void *arg)
{
    const struct wait *w = arg;
    return w->s->in.len && memmem(w->s->in.data, w->s->in.len, w->text, strlen(w->text));
}

static void until(struct driver_stream *s, const char *text)
{
    struct wait w = {s, text};
    driver_wait(s->driver, has_text, &w, text);
}

static bool says(struct driver_stream *s, const char *text)
{
    return has_text(&(struct wait){s, text});
}

static void ask(struct driver_stream *s, const char *command, const char *arguments, unsigned seq)
{
    char text[2 * BODY_MAX];
    const struct asked a = {command, arguments};
    int n = message(text, sizeof text, &a, seq);
    driver_write(s, text, (size_t)n);
}

/* The flight's stream, with what was reported of it. */
static struct driver_stream *flight_started(struct driver *d, struct driver_stream *control, long edition, long count)
{
    const struct order *o = driver_record(control, ORDER_FLIGHT_STARTED);
    assert_int_equal(order_get_number(o, ORDER_NUMBER, 0), 1);
    assert_int_equal(order_get_number(o, ORDER_EDITION, 0), edition);
    assert_int_equal(order_get_number(o, ORDER_COUNT, 0), count);
    assert_true(order_get_number(o, ORDER_PORT, 0) > 0);
    return driver_stream(d, ORDER_STREAM_DAP, (uint32_t)edition, 1);
}

/* Its connection is closed, then it ends as ever. */
static void over(struct driver *d, struct driver_stream *control, struct driver_stream *dap)
{
    driver_reset(dap);
    driver_say(control, ORDER_END, ORDER_HOW, "kill");
    driver_wait_ended(control);
    assert_int_equal(driver_finish(d), 0);
    driver_free(d);
}

/* --- the tests --- */

static void all_of_it_in_one(void **state)
{
    struct driver *d = driver_start();
    const struct asked list[] = {initialize, attach, breakpoint(), configured};
    struct buf b;
    (void)state;
    buf_init(&b, ORDER_RECORD_MAX);
    put_run(d, &b);
    put_flight(&b, 1, list, 4);
    struct driver_stream *control = order(d, &b);
    struct driver_stream *dap = flight_started(d, control, 1, 4);
    until(dap, "\"event\":\"stopped\"");
    assert_true(says(dap, "\"verified\":true"));
    /* Delve's connection from then on, both ways. */
    ask(dap, "threads", "{}", 5);
    until(dap, "\"request_seq\":5");
    over(d, control, dap);
}

static void a_refused_attach_stops_it(void **state)
{
    struct driver *d = driver_start();
    const struct asked refused = {"attach", "{\"mode\":\"nonsense\"}"};
    const struct asked list[] = {initialize, refused, configured};
    struct buf b;
    (void)state;
    buf_init(&b, ORDER_RECORD_MAX);
    put_run(d, &b);
    put_flight(&b, 1, list, 3);
    struct driver_stream *control = order(d, &b);
    struct driver_stream *dap = flight_started(d, control, 1, 3);
    until(dap, "\"request_seq\":2");
    assert_true(says(dap, "\"success\":false"));
    /* What comes now is the client's: the rest was not said. */
    ask(dap, "nonsense", "{}", 3);
    until(dap, "\"request_seq\":3");
    assert_true(says(dap, "nonsense"));
    assert_false(says(dap, "configurationDone\""));
    assert_false(has_run());
    over(d, control, dap);
}

/* The newest counts, and none that comes when one is on its way. */
static void it_is_replaced(void **state)
{
    struct driver *d = driver_start();
    const struct asked first[] = {initialize, attach, configured};
    const struct asked second[] = {initialize, attach, breakpoint(), configured};
    struct buf b;
    (void)state;
    buf_init(&b, ORDER_RECORD_MAX);
    put_run(d, &b);
    put_flight(&b, 1, first, 3);
    put_flight(&b, 2, second, 4);
    struct driver_stream *control = order(d, &b);
    struct driver_stream *dap = flight_started(d, control, 2, 4);
    buf_init(&b, ORDER_RECORD_MAX);
    put_flight(&b, 3, first, 3);
    driver_send(control, &b);
    buf_free(&b);
    until(dap, "\"event\":\"stopped\"");
    ask(dap, "threads", "{}", 5);
    until(dap, "\"request_seq\":5");
    assert_true(says(dap, "\"verified\":true"));
    over(d, control, dap);
}

/* One that comes when Delve has listened for long is carried out at once. */
static void it_comes_late(void **state)
{
    struct driver *d = driver_start();
    const struct asked list[] = {initialize, attach};
    struct buf b;
    (void)state;
    buf_init(&b, ORDER_RECORD_MAX);
    put_run(d, &b);
    struct driver_stream *control = order(d, &b);
    until(driver_stream(d, ORDER_STREAM_LOG, 1, 1), "listening at");
    buf_init(&b, ORDER_RECORD_MAX);
    put_flight(&b, 9, list, 2);
    driver_send(control, &b);
    buf_free(&b);
    struct driver_stream *dap = flight_started(d, control, 9, 2);
    until(dap, "\"request_seq\":2");
    assert_false(says(dap, "\"success\":false"));
    over(d, control, dap);
}

/* The end is ordered while it waits for its answers: nothing of it stays. */
static void it_ends_in_the_middle(void **state)
{
    struct driver *d = driver_start();
    const struct asked list[] = {initialize, attach, breakpoint(), configured};
    struct buf b;
    (void)state;
    buf_init(&b, ORDER_RECORD_MAX);
    put_run(d, &b);
    put_flight(&b, 1, list, 4);
    struct driver_stream *control = order(d, &b);
    (void)driver_record(control, ORDER_FLIGHT_STARTED);
    driver_say(control, ORDER_END, ORDER_HOW, "kill");
    driver_wait_ended(control);
    assert_int_equal(driver_finish(d), 0);
    driver_free(d);
}

static void cut(struct driver *d)
{
    int status;
    driver_cut(d);
    assert_int_equal(waitpid(d->pid, &status, 0), d->pid);
    d->pid = 0;
}

/* Without a connection it is carried out all the same, and what Delve has said is there afterwards. */
static void the_connection_is_lost(void **state)
{
    struct driver *d = driver_new();
    const struct asked list[] = {initialize, attach, configured};
    struct buf b;
    char client[64];
    (void)state;
    (void)snprintf(client, sizeof client, "flight%ld", (long)getpid());
    driver_door(d, client);
    driver_wait_up(d);
    buf_init(&b, ORDER_RECORD_MAX);
    put_run(d, &b);
    put_flight(&b, 1, list, 3);
    struct driver_stream *control = order(d, &b);
    (void)driver_record(control, ORDER_STARTED);
    cut(d);
    for (int i = 0; !has_run() && i < SECONDS * 1000 / PUMP_MS; i++)
        (void)usleep(PUMP_MS * 1000);
    assert_true(has_run());
    driver_door(d, client);
    driver_wait_up(d);
    struct driver_stream *dap = flight_started(d, control, 1, 3);
    until(dap, "\"request_seq\":3");
    ask(dap, "threads", "{}", 4);
    until(dap, "\"request_seq\":4");
    driver_reset(dap);
    driver_say(control, ORDER_END, ORDER_HOW, "kill");
    driver_wait_ended(control);
    (void)driver_open(d, TUNNEL_CONTROL, ORDER_STREAM_QUIT, 0, 0);
    driver_wait_gone(d, d->dir);
    driver_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(all_of_it_in_one, name_done),
        cmocka_unit_test_setup(a_refused_attach_stops_it, name_done),
        cmocka_unit_test_setup(it_is_replaced, name_done),
        cmocka_unit_test_setup(it_comes_late, name_done),
        cmocka_unit_test_setup(it_ends_in_the_middle, name_done),
        cmocka_unit_test_setup(the_connection_is_lost, name_done),
    };
    return cmocka_run_group_tests(tests, build, clear);
}
