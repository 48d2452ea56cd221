/* A transport around the real one in which things fail: takes the place of proxy/machine/reach.c in a delvegate for
 * tests. DELVEGATE_FLAKY=channel:N  the N-th operation (opening a link, a shell or a stream; a write; a read) fails
 *   DELVEGATE_FLAKY=link:N     the N-th operation loses the whole link
 * Each happens once. At its end it says how many operations there were: `flaky: N operations`. */
#include "proxy/machine/reach.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/log.h"
#include "proxy/base/timer.h"

struct flaky_transport {
    struct machine base; /* first, as in the others */
    struct machine *under;
    uv_loop_t *loop;
};

struct flaky_link {
    struct link base;
    struct link *under; /* NULL: it failed */
    const struct link_handler *handler;
    void *arg;
    struct flaky_channel *channels;
    struct timer *failure; /* from outside any call */
};

struct flaky_channel {
    struct channel base;
    struct channel *under; /* NULL: it failed */
    struct flaky_link *link;
    const struct channel_handler *handler;
    void *arg;
    struct flaky_channel *next;
    struct timer *failure;
};

static unsigned long operations, fails_at;
static bool loses_link;

static void report(void)
{
    (void)fprintf(stderr, "flaky: %lu operations\n", operations);
}

/* Counts an operation; whether it is the one that fails. */
static bool fails(void)
{
    return ++operations == fails_at;
}

/* --- channels --- */

static void free_channel(struct flaky_channel *c)
{
    for (struct flaky_channel **at = &c->link->channels; *at; at = &(*at)->next)
        if (*at == c) {
            *at = c->next;
            break;
        }
    if (c->under)
        channel_close(c->under);
    timer_free(c->failure);
    free(c);
}

static void end_channel(struct flaky_channel *c, const struct err *why, int status)
{
    const struct channel_handler *h = c->handler;
    void *arg = c->arg;
    free_channel(c);
    if (h->closed)
        h->closed(arg, why, status);
}

static void on_channel_failure(void *arg)
{
    struct err why;
    err_set(&why, "the channel has failed (on purpose)");
    end_channel(arg, &why, -1);
}

static void fail_link(struct flaky_link *l)
{
    timer_start(l->failure, 0, 0);
}

/* The channel, or with it its link, is about to fail. */
static void fail_channel(struct flaky_channel *c)
{
    if (loses_link) {
        fail_link(c->link);
        return;
    }
    if (c->under)
        channel_close(c->under);
    c->under = NULL;
    timer_start(c->failure, 0, 0);
}

static void on_opened(void *arg)
{
    struct flaky_channel *c = arg;
    if (c->handler->opened)
        c->handler->opened(c->arg);
}

static void on_data(void *arg, enum channel_source source, const char *data, size_t len)
{
    struct flaky_channel *c = arg;
    if (fails())
        fail_channel(c);
    else if (c->handler->data)
        c->handler->data(c->arg, source, data, len);
}

static void on_eof(void *arg)
{
    struct flaky_channel *c = arg;
    if (c->handler->eof)
        c->handler->eof(c->arg);
}

static void on_drained(void *arg)
{
    struct flaky_channel *c = arg;
    if (c->handler->drained)
        c->handler->drained(c->arg);
}

static void on_closed(void *arg, const struct err *why, int status)
{
    struct flaky_channel *c = arg;
    c->under = NULL;
    end_channel(c, why, status);
}

static const struct channel_handler channel_events = {
    .opened = on_opened, .data = on_data, .eof = on_eof, .drained = on_drained, .closed = on_closed};

static const struct machine_ops ops;

static struct channel *new_channel(struct link *link, int port, const struct channel_handler *h, void *arg)
{
    struct flaky_link *l = (struct flaky_link *)link;
    struct flaky_transport *t = (struct flaky_transport *)link->transport;
    struct flaky_channel *c = calloc(1, sizeof *c);
    bool failing = fails();
    if (!c)
        return NULL;
    c->base.ops = &ops;
    c->link = l;
    c->handler = h;
    c->arg = arg;
    c->failure = timer_new(t->loop, on_channel_failure, c);
    c->next = l->channels;
    l->channels = c;
    if (!failing)
        c->under = port ? link_stream(l->under, port, &channel_events, c) : link_shell(l->under, &channel_events, c);
    if (!c->failure || (!failing && !c->under)) {
        free_channel(c);
        return NULL;
    }
    if (failing)
        fail_channel(c);
    return &c->base;
}

static struct channel *new_shell(struct link *l, const struct channel_handler *h, void *arg)
{
    return new_channel(l, 0, h, arg);
}

static struct channel *new_stream(struct link *l, int port, const struct channel_handler *h, void *arg)
{
    return new_channel(l, port, h, arg);
}

static bool write_channel(struct channel *channel, const char *data, size_t len)
{
    struct flaky_channel *c = (struct flaky_channel *)channel;
    if (fails())
        fail_channel(c);
    return c->under ? channel_write(c->under, data, len) : false;
}

static size_t queued(const struct channel *channel)
{
    const struct flaky_channel *c = (const struct flaky_channel *)channel;
    return c->under ? channel_queued(c->under) : 0;
}

static void pause_channel(struct channel *channel, bool paused)
{
    struct flaky_channel *c = (struct flaky_channel *)channel;
    if (c->under)
        channel_pause(c->under, paused);
}

static void shut(struct channel *channel)
{
    struct flaky_channel *c = (struct flaky_channel *)channel;
    if (c->under)
        channel_shut(c->under);
}

static void close_channel(struct channel *channel)
{
    free_channel((struct flaky_channel *)channel);
}

/* --- links --- */

/* under_lost: the real link and its channels are gone already. */
static void free_link(struct flaky_link *l, bool under_lost)
{
    for (struct flaky_channel *c = l->channels; c && (under_lost || l->under); c = c->next)
        c->under = NULL; /* link_close closes them, or they are gone */
    if (l->under && !under_lost)
        link_close(l->under);
    while (l->channels)
        free_channel(l->channels);
    timer_free(l->failure);
    free(l);
}

static void on_link_failure(void *arg)
{
    struct flaky_link *l = arg;
    const struct link_handler *h = l->handler;
    void *to = l->arg;
    struct err why;
    err_set(&why, "the link has failed (on purpose)");
    free_link(l, false);
    h->lost(to, &why, true);
}

static void on_ready(void *arg)
{
    struct flaky_link *l = arg;
    l->handler->ready(l->arg);
}

static void on_note(void *arg, const char *text)
{
    struct flaky_link *l = arg;
    if (l->handler->note)
        l->handler->note(l->arg, text);
}

static void on_lost(void *arg, const struct err *why, bool transient)
{
    struct flaky_link *l = arg;
    const struct link_handler *h = l->handler;
    void *to = l->arg;
    struct err copy = *why;
    free_link(l, true);
    h->lost(to, &copy, transient);
}

static const struct link_handler link_events = {.ready = on_ready, .note = on_note, .lost = on_lost};

static struct link *new_link(struct machine *transport, const struct link_handler *h, void *arg)
{
    struct flaky_transport *t = (struct flaky_transport *)transport;
    struct flaky_link *l = calloc(1, sizeof *l);
    bool failing = fails();
    if (!l)
        return NULL;
    l->base.transport = transport;
    l->handler = h;
    l->arg = arg;
    l->failure = timer_new(t->loop, on_link_failure, l);
    if (!failing)
        l->under = machine_link(t->under, &link_events, l);
    if (!l->failure || (!failing && !l->under)) {
        free_link(l, false);
        return NULL;
    }
    if (failing)
        fail_link(l);
    return &l->base;
}

static uint64_t silence(const struct link *base)
{
    const struct link *under = ((const struct flaky_link *)base)->under;
    return under ? link_silence(under) : 0;
}

static void distrust(struct link *base)
{
    struct link *under = ((struct flaky_link *)base)->under;
    if (under)
        link_distrust(under);
}

static void give_up(struct link *base, const struct err *why)
{
    struct link *under = ((struct flaky_link *)base)->under;
    if (under)
        link_give_up(under, why);
}

static void close_link(struct link *l)
{
    free_link((struct flaky_link *)l, false);
}

static void release(struct machine *transport)
{
    struct flaky_transport *t = (struct flaky_transport *)transport;
    machine_release(t->under);
    free(t);
}

static const struct machine_ops ops = {
    .release = release,
    .link = new_link,
    .link_close = close_link,
    .silence = silence,
    .distrust = distrust,
    .give_up = give_up,
    .shell = new_shell,
    .stream = new_stream,
    .write = write_channel,
    .queued = queued,
    .pause = pause_channel,
    .shut = shut,
    .close = close_channel,
};

static void read_orders(void)
{
    static bool done;
    const char *orders = getenv("DELVEGATE_FLAKY");
    const char *number = orders ? strchr(orders, ':') : NULL;
    if (done)
        return;
    done = true;
    (void)atexit(report);
    if (!number)
        return;
    loses_link = strncmp(orders, "link:", strlen("link:")) == 0;
    fails_at = strtoul(number + 1, NULL, 10);
}

struct machine *reach_target(uv_loop_t *loop, const struct config_target *target)
{
    struct flaky_transport *t = calloc(1, sizeof *t);
    read_orders();
    if (!t)
        return NULL;
    t->loop = loop;
    t->under = target->ssh ? transport_ssh(loop, target->ssh, target->keep_warm_seconds) : transport_local(loop);
    if (!t->under) {
        free(t);
        return NULL;
    }
    t->base = (struct machine){.ops = &ops, .is_local = t->under->is_local, .where = t->under->where};
    return &t->base;
}
