/* Channels: the streams of the tunnel, each with an owner above. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/machine/machine_private.h"

enum {
    OUT_MAX = 64 * 1024 * 1024, /* bytes queued for one channel: far above the high-water mark, for one big message */
    CHUNK = TUNNEL_PAYLOAD_MAX
};

static void destroy(struct channel *c)
{
    struct channel **at = &c->machine->channels;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    if (c->machine->about == c)
        c->machine->about = NULL;
    /* It may have been the last that needed the machine. */
    machine_schedule(c->machine);
    buf_free(&c->out);
    free(c);
}

struct channel *channel_new(struct remote_machine *m, struct session_link *l, const struct channel_handler *h,
                            void *arg)
{
    struct channel *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->machine = m;
    c->link = l;
    c->handler = h;
    c->arg = arg;
    c->next = m->channels;
    m->channels = c;
    buf_init(&c->out, OUT_MAX);
    return c;
}

/* --- toward there --- */

size_t channel_source_bytes(void *arg, uint32_t stream, void *data, void *room, size_t n)
{
    struct channel *c = data;
    (void)arg;
    (void)stream;
    if (!c)
        return 0;
    if (n > c->out.len - c->out_sent)
        n = c->out.len - c->out_sent;
    if (n)
        memcpy(room, c->out.data + c->out_sent, n);
    c->out_sent += n;
    if (c->out_sent == c->out.len) {
        buf_clear(&c->out);
        c->out_sent = 0;
    }
    if (c->drained_due && channel_queued(c) < CHANNEL_LOW_WATER)
        machine_schedule(c->machine);
    return n;
}

bool channel_write(struct channel *c, const char *data, size_t len)
{
    if (c->ended_here || !c->stream)
        return false;
    if (c->out_sent > CHANNEL_LOW_WATER) {
        buf_consume(&c->out, c->out_sent);
        c->out_sent = 0;
    }
    buf_append(&c->out, data, len);
    if (c->out.failed) {
        /* A part of what was said must not pass for the whole. */
        tunnel_reset(c->machine->tunnel, c->stream, ENOBUFS);
        c->ended_here = true;
        return false;
    }
    tunnel_ready(c->machine->tunnel, c->stream);
    machine_schedule(c->machine);
    c->drained_due = c->drained_due || channel_queued(c) >= CHANNEL_HIGH_WATER;
    return c->drained_due;
}

size_t channel_queued(const struct channel *c)
{
    return c->out.len - c->out_sent;
}

void channel_shut(struct channel *c)
{
    if (c->ended_here)
        return;
    c->ended_here = true;
    tunnel_end(c->machine->tunnel, c->stream);
    machine_schedule(c->machine);
}

void channel_pause(struct channel *c, bool paused)
{
    if (c->paused == paused)
        return;
    c->paused = paused;
    if (!paused)
        machine_schedule(c->machine);
}

void channel_close(struct channel *c)
{
    c->handler = NULL;
    c->link = NULL;
    if (!c->ended_here)
        tunnel_reset(c->machine->tunnel, c->stream, 0);
    c->ended_here = true;
    tunnel_stop(c->machine->tunnel, c->stream);
    machine_schedule(c->machine);
}

void channels_abandon(struct session_link *l)
{
    const struct remote_machine *m = (const struct remote_machine *)l->base.machine;
    for (struct channel *c = m->channels; c; c = c->next)
        if (c->link == l)
            channel_close(c);
}

void channels_free(struct remote_machine *m)
{
    while (m->channels)
        destroy(m->channels);
}

/* --- from there --- */

static void deliver(struct channel *c)
{
    static char chunk[CHUNK];
    struct remote_machine *m = c->machine;
    const void *bytes;
    while (c->handler && !c->paused && m->tunnel) {
        size_t n = tunnel_peek(m->tunnel, c->stream, &bytes);
        if (n == 0)
            return;
        if (n > sizeof chunk)
            n = sizeof chunk;
        /* Whatever the owner does ends the bytes' life. */
        memcpy(chunk, bytes, n);
        tunnel_consume(m->tunnel, c->stream, n);
        if (c->handler->data)
            c->handler->data(c->arg, chunk, n);
    }
}

void channels_turn(struct remote_machine *m)
{
    for (struct channel *c = m->channels, *next; c; c = next) {
        next = c->next;
        if (c->handler && !c->opened) {
            c->opened = true;
            if (c->handler->opened)
                c->handler->opened(c->arg);
        }
        deliver(c);
        if (c->drained_due && channel_queued(c) < CHANNEL_LOW_WATER) {
            c->drained_due = false;
            if (c->handler && c->handler->drained)
                c->handler->drained(c->arg);
        }
    }
}

static void notify_closed(struct channel *c, const struct err *why, enum channel_end end)
{
    const struct channel_handler *h = c->handler;
    c->handler = NULL;
    c->link = NULL;
    if (h && h->closed)
        h->closed(c->arg, why, end);
}

/* Delve's connection, once closed there, is nobody's to write to. */
static void on_end(struct channel *c)
{
    c->ended_there = true;
    if (c->handler && c->handler->eof)
        c->handler->eof(c->arg);
    if (c->machine->tunnel && !c->is_input)
        channel_shut(c);
}

static void on_reset(struct channel *c, uint32_t code)
{
    struct err why;
    bool unreached = (code & ORDER_UNREACHED) != 0;
    int error = (int)(code & ~(uint32_t)ORDER_UNREACHED);
    err_set(&why, "%s", error ? strerror(error) : "the other end closed it");
    notify_closed(c, &why, unreached ? CHANNEL_UNREACHED : CHANNEL_BROKEN);
    if (c->machine->tunnel && !c->ended_here) {
        c->ended_here = true;
        tunnel_reset(c->machine->tunnel, c->stream, 0);
    }
}

static void open_from_there(struct remote_machine *m, const struct tunnel_event *event)
{
    enum order_stream stream = order_label_stream(event->label);
    struct session_link *l = machine_find_link(m, event->session);
    struct channel *c = channel_new(m, l, NULL, NULL);
    if (!c || (stream != ORDER_STREAM_ABOUT && (!l || !l->on_stream))) {
        tunnel_reset(m->tunnel, event->stream, 0);
        tunnel_stop(m->tunnel, event->stream);
        if (c)
            destroy(c);
        return;
    }
    c->stream = event->stream;
    c->opened = true;
    tunnel_set_data(m->tunnel, event->stream, c);
    /* A window a round trip is what it carries. */
    if (event->class == TUNNEL_BULK)
        (void)tunnel_widen(m->tunnel, event->stream, TUNNEL_WINDOW_MAX);
    if (stream == ORDER_STREAM_ABOUT)
        m->about = c;
    else
        l->on_stream(l->stream_arg, c, stream, order_label_number(event->label));
}

void channel_on_event(struct remote_machine *m, const struct tunnel_event *event)
{
    static const struct err none;
    struct channel *c = event->data;
    if (event->kind == TUNNEL_EVENT_OPENED) {
        open_from_there(m, event);
        return;
    }
    if (!c)
        return;
    switch (event->kind) {
    case TUNNEL_EVENT_READABLE:
        deliver(c);
        break;
    case TUNNEL_EVENT_END:
        on_end(c);
        break;
    case TUNNEL_EVENT_RESET:
        on_reset(c, event->code);
        break;
    case TUNNEL_EVENT_CLOSED:
        notify_closed(c, &none, CHANNEL_CLOSED);
        destroy(c);
        machine_schedule(m); /* it may have been the last that was needed */
        break;
    default:
        break;
    }
}

void channel_take(struct channel *c, const struct channel_handler *h, void *arg)
{
    c->handler = h;
    c->arg = arg;
    machine_schedule(c->machine);
}

static struct channel *open_channel(struct link *base, enum tunnel_class class, enum order_stream stream,
                                    uint32_t number, const struct channel_handler *h, void *arg)
{
    struct session_link *l = (struct session_link *)base;
    struct remote_machine *m = (struct remote_machine *)base->machine;
    struct channel *c = m->tunnel ? channel_new(m, l, h, arg) : NULL;
    if (!c)
        return NULL;
    c->stream = tunnel_open(m->tunnel, class, l->session, order_label(stream, number), c);
    if (!c->stream) {
        destroy(c);
        return NULL;
    }
    machine_schedule(m);
    return c;
}

struct channel *link_control(struct link *l, const struct channel_handler *h, void *arg)
{
    return open_channel(l, TUNNEL_CONTROL, ORDER_STREAM_CONTROL, 0, h, arg);
}

struct channel *link_stream(struct link *l, int port, const struct channel_handler *h, void *arg)
{
    return open_channel(l, TUNNEL_DAP, ORDER_STREAM_CONNECT, (uint32_t)port, h, arg);
}

struct channel *link_open(struct link *l, enum order_stream stream, uint32_t number, const struct channel_handler *h,
                          void *arg)
{
    struct channel *c = open_channel(l, TUNNEL_BULK, stream, number, h, arg);
    if (c)
        c->is_input = stream == ORDER_STREAM_INPUT;
    return c;
}
