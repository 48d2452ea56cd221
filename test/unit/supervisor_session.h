/* A session that only keeps what its run reports, and streams that keep what flows: run.c without the rest. */
#ifndef TEST_UNIT_SUPERVISOR_SESSION_H
#define TEST_UNIT_SUPERVISOR_SESSION_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "proxy/supervisor/directory.h"
#include "proxy/supervisor/file.h"
#include "proxy/supervisor/flow.h"
#include "proxy/supervisor/process.h"
#include "proxy/supervisor/rpc_query.h"
#include "proxy/supervisor/run.h"

enum { KEPT_MAX = 16 * 1024 * 1024, LIMIT_MS = 60 * 1000, TAKE = 65536, STREAM_KINDS = 16 };

struct session {
    char dir[SUPERVISOR_PATH_MAX];
    struct session_tools tools;
    struct buf order_bytes, said; /* said: a line for each report */
    struct order order;
    char **env;
    struct run *run;
    int status;
    bool over;
    struct buf streams[STREAM_KINDS];
    bool ended[STREAM_KINDS];
    const char *awaited; /* that the loop ends for when it was said, or came by a stream */
    enum order_stream awaited_in;
    pid_t pid;
};

static struct session the;
static struct alarm limit;

static void too_late(void *arg)
{
    (void)arg;
    fprintf(stderr, "waited too long for %s; it said:\n%s\n", the.awaited ? the.awaited : "the end",
            the.said.data ? the.said.data : "");
    loop_end(-1);
}

static bool in(const struct buf *b, const char *text)
{
    return b->data && strstr(b->data, text);
}

static void look_for_awaited(void)
{
    if (the.awaited && in(the.awaited_in ? &the.streams[the.awaited_in] : &the.said, the.awaited))
        loop_end(0);
}

/* --- session.h --- */

uint32_t session_number(const struct session *s)
{
    (void)s;
    return 1;
}
const char *session_dir(const struct session *s)
{
    return s->dir;
}
const struct session_tools *session_tools(const struct session *s)
{
    return &s->tools;
}
const struct order *session_order(const struct session *s)
{
    return &s->order;
}
char *const *session_environ(const struct session *s)
{
    return s->env;
}
void session_report(struct session *s, struct buf *record)
{
    struct order o;
    assert_false(s->over);
    assert_int_equal(order_read(record->data, record->len, &o), (long)record->len);
    const char *name = order_get(&o, ORDER_NAME), *text = order_get(&o, ORDER_TEXT);
    if (o.kind == ORDER_EXITED)
        s->status = (int)order_get_number(&o, ORDER_STATUS, -1);
    if (o.kind == ORDER_STARTED)
        s->pid = (pid_t)order_get_number(&o, ORDER_PID, 0);
    buf_printf(&s->said, "%s %s %s\n",
               o.kind == ORDER_NOTE         ? "note"
               : o.kind == ORDER_EXITED     ? "exited"
               : o.kind == ORDER_STARTED    ? "started"
               : o.kind == ORDER_ERROR      ? "error"
               : o.kind == ORDER_PATH_ERROR ? "path_error"
                                            : "other",
               name ? name : "", text ? text : "");
    assert_false(s->said.failed);
    buf_clear(record);
    look_for_awaited();
}
void session_say(struct session *s, enum order_kind kind, const char *name, const char *text)
{
    struct buf record;
    buf_init(&record, ORDER_RECORD_MAX);
    size_t begin = order_open(&record, kind);
    order_put(&record, ORDER_NAME, name);
    order_put(&record, ORDER_TEXT, text);
    order_close(&record, begin);
    assert_false(record.failed);
    session_report(s, &record);
    buf_free(&record);
}
void session_say_fmt(struct session *s, enum order_kind kind, const char *name, const char *fmt, ...)
{
    char text[8192];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    session_say(s, kind, name, text);
}
void session_run_over(struct session *s)
{
    s->over = true;
    s->run = NULL;
    loop_end(0);
}

/* --- flow.h, uplink.h --- */

struct outflow {
    struct outflow_order order;
    struct watch watch;
    struct alarm alarm;
    bool finishing;
};

static int the_terminal __attribute__((unused));
static void flow_over(void *arg)
{
    struct outflow *o = arg;
    the.ended[o->order.stream] = true;
    o->order.over(o->order.arg);
}
static void flow_ready(void *arg, short revents)
{
    static char bytes[TAKE];
    struct outflow *o = arg;
    (void)revents;
    ssize_t n = read(o->order.fd, bytes, sizeof bytes);
    if (n > 0) {
        if (o->order.passed)
            o->order.passed(o->order.arg, bytes, (size_t)n);
        buf_append(&the.streams[o->order.stream], bytes, (size_t)n);
        assert_false(the.streams[o->order.stream].failed);
        look_for_awaited();
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR) || (errno == EAGAIN && o->finishing)) {
        loop_unwatch(&o->watch);
        loop_alarm(&o->alarm, 0);
    }
}
static void flow_finish(void *arg)
{
    struct outflow *o = arg;
    if (o->watch.on)
        flow_ready(o, POLLIN);
    if (o->watch.on)
        loop_alarm(&o->alarm, 0);
    else
        flow_over(o);
}
struct outflow *outflow_new(const struct outflow_order *order)
{
    struct outflow *o = calloc(1, sizeof *o);
    assert_non_null(o);
    o->order = *order;
    assert_true(order->keep_fd);
    assert_int_equal(fcntl(order->fd, F_SETFL, O_NONBLOCK | (fcntl(order->fd, F_GETFL) & O_ACCMODE)), 0);
    o->watch = (struct watch){.fd = order->fd, .events = POLLIN, .ready = flow_ready, .arg = o};
    o->alarm = (struct alarm){.ring = flow_finish, .arg = o};
    loop_watch(&o->watch);
    if (order->stream == ORDER_STREAM_TERMINAL)
        the_terminal = order->fd;
    return o;
}
void outflow_finish(struct outflow *o)
{
    o->finishing = true;
    loop_alarm(&o->alarm, 0);
}
bool outflow_is_cut(const struct outflow *o)
{
    (void)o;
    return false;
}
void outflow_mute(struct outflow *o)
{
    (void)o;
}
void outflow_free(struct outflow *o)
{
    if (!o)
        return;
    loop_unwatch(&o->watch);
    loop_disarm(&o->alarm);
    free(o);
}
struct inflow {
    int fd;
};
static struct inflow the_inflow;
struct inflow *inflow_new(int fd, struct stream **stream, void (*over)(void *arg), void *arg)
{
    static struct stream any;
    (void)over;
    (void)arg;
    *stream = &any;
    the_inflow.fd = fd;
    return &the_inflow;
}
void inflow_free(struct inflow *i)
{
    if (i && i->fd >= 0)
        close(i->fd);
    if (i)
        i->fd = -1;
}
struct flight *session_take_flight(struct session *s, uint32_t run)
{
    (void)s;
    (void)run;
    return NULL;
}
int connect_with_flight(uint32_t port, uint32_t session, struct flight *f)
{
    (void)port;
    (void)session;
    (void)f;
    return -1;
}
void connect_close_in_flight(uint32_t session)
{
    assert_int_equal(session, 1);
}
static unsigned connections_closed;
void connect_close_all(uint32_t session)
{
    assert_int_equal(session, 1);
    connections_closed++;
}
void rpc_query_close_all(uint32_t session)
{
    assert_int_equal(session, 1);
}
bool uplink_is_up(void)
{
    return true;
}

/* --- what tests call --- */

static char top[] = "/tmp/delvegate-run-XXXXXX";

static int begin_all(void **state)
{
    (void)state;
    if (!mkdtemp(top) || loop_init() < 0)
        return -1;
    return 0;
}
static int end_all(void **state)
{
    (void)state;
    return directory_remove(top);
}

static char the_gocache[SUPERVISOR_PATH_MAX], the_gomodcache[SUPERVISOR_PATH_MAX], the_go[SUPERVISOR_PATH_MAX],
    the_dlv[SUPERVISOR_PATH_MAX];

static const char *which(const char *name, char *path)
{
    const char *dirs = getenv("PATH");
    while (dirs && *dirs) {
        size_t n = strcspn(dirs, ":");
        (void)snprintf(path, SUPERVISOR_PATH_MAX, "%.*s/%s", (int)n, dirs, name);
        if (access(path, X_OK) == 0)
            return path;
        dirs += dirs[n] ? n + 1 : n;
    }
    *path = '\0';
    return NULL;
}

static void begin_session(const char *name)
{
    memset(&the, 0, sizeof the);
    (void)snprintf(the.dir, sizeof the.dir, "%s/%s", top, name);
    assert_int_equal(mkdir(the.dir, 0700), 0);
    (void)snprintf(the_gocache, sizeof the_gocache, "%s/gocache", top);
    (void)snprintf(the_gomodcache, sizeof the_gomodcache, "%s/gomodcache", top);
    (void)which("go", the_go);
    (void)which("dlv", the_dlv);
    the.tools =
        (struct session_tools){.go = the_go, .dlv = the_dlv, .gocache = the_gocache, .gomodcache = the_gomodcache};
    buf_init(&the.order_bytes, KEPT_MAX);
    buf_init(&the.said, KEPT_MAX);
    for (size_t i = 0; i < STREAM_KINDS; i++)
        buf_init(&the.streams[i], KEPT_MAX);
    the.env = environ;
    size_t at = order_open(&the.order_bytes, ORDER_SESSION);
    order_put(&the.order_bytes, ORDER_GOENV, "GOPRIVATE=example.com");
    order_close(&the.order_bytes, at);
    assert_false(the.order_bytes.failed);
    assert_true(order_read(the.order_bytes.data, the.order_bytes.len, &the.order) > 0);
    limit = (struct alarm){.ring = too_late};
}
static void end_session(void)
{
    assert_null(the.run);
    buf_free(&the.order_bytes);
    buf_free(&the.said);
    for (size_t i = 0; i < STREAM_KINDS; i++)
        buf_free(&the.streams[i]);
}
static int turn_loop(void)
{
    loop_alarm(&limit, LIMIT_MS);
    int r = loop_run();
    loop_disarm(&limit);
    return r;
}
static void await(const char *text, enum order_stream stream)
{
    the.awaited = text;
    the.awaited_in = stream;
    if (!in(stream ? &the.streams[stream] : &the.said, text))
        assert_int_equal(turn_loop(), 0);
    the.awaited = NULL;
    if (!in(stream ? &the.streams[stream] : &the.said, text))
        fprintf(stderr, "no %s; it said:\n%s%s\n", text, the.said.data ? the.said.data : "",
                the.streams[ORDER_STREAM_TEXT].data ? the.streams[ORDER_STREAM_TEXT].data : "");
    assert_true(in(stream ? &the.streams[stream] : &the.said, text));
}
static int until_over(void)
{
    while (!the.over)
        assert_int_equal(turn_loop(), 0);
    return the.status;
}
static void nothing(void *arg)
{
    (void)arg;
    loop_end(0);
}
/* Has what is due in the loop come. */
static void settle(void)
{
    struct alarm a = {.ring = nothing};
    loop_alarm(&a, 50);
    (void)turn_loop();
    loop_disarm(&a);
}

static struct buf fields;
static size_t fields_begin;

static void order_begin(const char *what, long number)
{
    buf_init(&fields, ORDER_RECORD_MAX);
    fields_begin = order_open(&fields, ORDER_RUN);
    order_put_number(&fields, ORDER_NUMBER, number);
    order_put(&fields, ORDER_WHAT, what);
}
static void with(enum order_key key, const char *value)
{
    order_put(&fields, key, value);
}
static void start(void)
{
    struct order o;
    order_close(&fields, fields_begin);
    assert_false(fields.failed);
    assert_true(order_read(fields.data, fields.len, &o) > 0);
    the.over = false;
    the.status = -1;
    the.pid = 0;
    buf_clear(&the.said);
    for (size_t i = 0; i < STREAM_KINDS; i++) {
        buf_clear(&the.streams[i]);
        the.ended[i] = false;
    }
    the.run = run_start(&the, &o);
    assert_non_null(the.run);
    buf_free(&fields);
}
static long next_number = 1;
static const char *stream_text(enum order_stream stream)
{
    return the.streams[stream].data ? the.streams[stream].data : "";
}
static size_t left_in(pid_t process_session)
{
    return process_session > 1 ? process_sweep(process_session, 0) : 1;
}

#endif
