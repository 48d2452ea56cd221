#include "proxy/delve/port_owner.h"

#include <stdio.h>
#include <stdlib.h>

#include "dap/buf.h"
#include "proxy/base/timer.h"

enum {
    ANSWER_MAX = 256, /* bytes: two numbers */
    ANSWER_MS = 5000
};

struct port_owner {
    struct link *link;
    struct channel *channel;
    struct timer *deadline;
    struct buf answer;
    void (*done)(void *arg, long owner, long self);
    void *arg;
};

static void finish(struct port_owner *o)
{
    void (*done)(void *, long, long) = o->done;
    long owner = PORT_OWNER_UNKNOWN, self = PORT_OWNER_UNKNOWN;
    o->done = NULL;
    timer_stop(o->deadline);
    if (o->answer.len && sscanf(o->answer.data, "%ld %ld", &owner, &self) != 2)
        owner = self = PORT_OWNER_UNKNOWN;
    if (done)
        done(o->arg, owner, self);
}

static void on_data(void *arg, const char *data, size_t len)
{
    struct port_owner *o = arg;
    buf_append(&o->answer, data, len); /* what does not fit is no answer */
}

static void on_eof(void *arg)
{
    finish(arg);
}

static void on_closed(void *arg, const struct err *why, enum channel_end end)
{
    struct port_owner *o = arg;
    (void)why;
    (void)end;
    o->channel = NULL;
    finish(o);
}

static void on_deadline(void *arg)
{
    struct port_owner *o = arg;
    if (link_was_heard(o->link, ANSWER_MS))
        finish(o);
    else
        timer_start(o->deadline, ANSWER_MS, 0);
}

static const struct channel_handler channel_events = {.data = on_data, .eof = on_eof, .closed = on_closed};

struct port_owner *port_owner_ask(uv_loop_t *loop, struct link *link, int port,
                                  void (*done)(void *arg, long owner, long self), void *arg)
{
    struct port_owner *o = calloc(1, sizeof *o);
    if (!o)
        return NULL;
    buf_init(&o->answer, ANSWER_MAX);
    o->link = link;
    o->done = done;
    o->arg = arg;
    o->deadline = timer_new(loop, on_deadline, o);
    if (o->deadline)
        o->channel = link_open(link, ORDER_STREAM_OWNER, (uint32_t)port, &channel_events, o);
    if (!o->channel) {
        port_owner_free(o, false);
        return NULL;
    }
    timer_start(o->deadline, ANSWER_MS, 0);
    return o;
}

void port_owner_free(struct port_owner *o, bool link_lost)
{
    if (!o)
        return;
    if (o->channel && !link_lost)
        channel_close(o->channel);
    timer_free(o->deadline);
    buf_free(&o->answer);
    free(o);
}
