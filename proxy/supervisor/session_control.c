/* What is said on a session's control stream, both ways. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/supervisor/session_private.h"

enum {
    OUT_MAX = ORDER_RECORD_MAX,
    KEPT_IN = 64 * 1024, /* of the buffer for what comes, between records */
    TEXT_MAX = 16 * 1024
};

static struct session *of(struct stream *control)
{
    return (struct session *)((char *)control - offsetof(struct session, control));
}

/* --- Reports --- */

void session_report(struct session *s, struct buf *record)
{
    if (s->is_cut || s->state == SESSION_OVER) {
        buf_clear(record);
        return;
    }
    if (!record->failed)
        buf_append(&s->out, record->data, record->len);
    if (record->failed || s->out.failed)
        loop_alarm(&s->failure, 0);
    else
        stream_ready(&s->control);
    buf_clear(record);
}

void session_say(struct session *s, enum order_kind kind, const char *name, const char *text)
{
    struct buf record;
    buf_init(&record, ORDER_RECORD_MAX);
    size_t at = order_open(&record, kind);
    order_put(&record, ORDER_NAME, name);
    order_put(&record, ORDER_TEXT, text);
    order_close(&record, at);
    session_report(s, &record);
    buf_free(&record);
}

void session_say_fmt(struct session *s, enum order_kind kind, const char *name, const char *fmt, ...)
{
    char text[TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    session_say(s, kind, name, text);
}

static size_t give(struct stream *stream, void *room, size_t n)
{
    struct session *s = of(stream);
    size_t left = s->out.len - s->out_at;
    if (n > left)
        n = left;
    if (n)
        memcpy(room, s->out.data + s->out_at, n);
    s->out_at += n;
    if (s->out_at == s->out.len) {
        buf_free(&s->out);
        s->out_at = 0;
    }
    return n;
}

void session_control_end(struct session *s)
{
    stream_end(&s->control);
    stream_stop(&s->control);
}

/* --- Orders --- */

char *session_copy_order(struct order *copy, const struct order *o)
{
    char *bytes = malloc(o->len + 1);
    if (!bytes)
        return NULL;
    memcpy(bytes, o->fields, o->len);
    *copy = (struct order){.kind = o->kind, .fields = bytes, .len = o->len};
    return bytes;
}

static void complain(struct session *s, const char *text)
{
    session_say(s, ORDER_ERROR, "protocol", text);
    session_end(s, -1);
}

static int how_of(const struct order *o)
{
    const char *how = order_get(o, ORDER_HOW);
    if (how && strcmp(how, "detach") == 0)
        return RUN_DETACH;
    return how && strcmp(how, "now") == 0 ? RUN_NOW : RUN_KILL;
}

static void on_run(struct session *s, const struct order *o)
{
    if (s->state < SESSION_READY)
        session_queue_run(s, o);
    else if (s->state > SESSION_READY)
        session_refuse_run(s, o, "protocol", "the session is ending");
    else if (s->run)
        session_refuse_run(s, o, "protocol", "the supervisor received a run before the previous one had ended");
    else
        session_start_run(s, o);
}

/* One that has not begun is as good as over. */
static void on_stop(struct session *s, const struct order *o)
{
    if (s->run)
        run_stop(s->run, (enum run_end)how_of(o));
    else
        session_drop_queued(s);
}

static void on_flight(struct session *s, const struct order *o)
{
    flight_free(s->flight);
    s->flight = flight_new(o);
    if (!s->flight)
        complain(s, "the supervisor on the Go machine is out of memory");
    else if (s->run)
        run_start_flight(s->run);
}

static void of_run(struct session *s, const struct order *o)
{
    struct run *r = s->run;
    if (!r)
        return;
    if (o->kind == ORDER_LAUNCHED)
        run_launched(r);
    else if (o->kind == ORDER_SIGNAL)
        run_signal(r, (int)order_get_number(o, ORDER_STATUS, 0));
    else if (o->kind == ORDER_SIZE)
        run_size(r, (unsigned)order_get_number(o, ORDER_ROWS, 0), (unsigned)order_get_number(o, ORDER_COLUMNS, 0));
}

static void obey(struct session *s, const struct order *o)
{
    if (o->kind == ORDER_SESSION && !session_has_begun(s))
        session_begin(s, o);
    else if (o->kind == ORDER_SESSION)
        complain(s, "the supervisor received a session twice");
    else if (o->kind == ORDER_END)
        session_end(s, how_of(o));
    else if (!session_has_begun(s))
        complain(s, "the supervisor received an order before its session");
    else if (o->kind == ORDER_RUN)
        on_run(s, o);
    else if (o->kind == ORDER_STOP)
        on_stop(s, o);
    else if (o->kind == ORDER_FLIGHT)
        on_flight(s, o);
    else
        of_run(s, o);
}

static void obey_all(struct session *s)
{
    struct order o;
    size_t at = 0;
    long n = 0;
    while (s->state != SESSION_OVER && at < s->in.len && (n = order_read(s->in.data + at, s->in.len - at, &o)) > 0) {
        obey(s, &o);
        at += (size_t)n;
    }
    buf_consume(&s->in, at);
    if (n < 0)
        complain(s, "the supervisor received an invalid record on the control stream");
    if (s->in.len == 0 && s->in.cap > KEPT_IN)
        buf_free(&s->in);
}

static void on_readable(struct stream *stream)
{
    struct session *s = of(stream);
    const void *bytes;
    size_t n;
    while (s->state != SESSION_OVER && (n = stream_peek(stream, &bytes)) > 0) {
        buf_append(&s->in, bytes, n);
        if (s->in.failed) {
            complain(s, "the supervisor on the Go machine is out of memory");
            return;
        }
        stream_consume(stream, n);
        obey_all(s);
    }
}

/* delvegate says nothing more: without an ORDER_END before it has given the session up. */
static void on_ended(struct stream *stream)
{
    session_end(of(stream), -1);
}

static void on_reset(struct stream *stream, uint32_t code)
{
    (void)code;
    session_end(of(stream), -1);
}

static void on_closed(struct stream *stream)
{
    session_cut(of(stream));
}

void session_control_init(struct session *s)
{
    static const struct stream_ops ops = {.give = give,
                                          .readable = on_readable,
                                          .ended = on_ended,
                                          .reset = on_reset,
                                          .stopped = on_closed,
                                          .closed = on_closed};
    s->control.ops = &ops;
    buf_init(&s->in, ORDER_RECORD_MAX + TUNNEL_WINDOW_MAX);
    buf_init(&s->out, OUT_MAX);
}
