/* Transports whose carriers are lost on purpose: takes the place of proxy/machine/transport_target.c in a delvegate for
 * tests. DELVEGATE_FLAKY=carrier:N  the N-th operation (opening a carrier; a write; a read) loses it, as a network does
 *   DELVEGATE_FLAKY=link:N     the N-th operation loses it for good: trying again will not help
 * Each happens once. At its end it says how many operations there were: `flaky: N operations`. */
#include "proxy/machine/transport_target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/timer.h"

struct flaky_transport {
    struct transport base; /* first */
    struct transport *under;
    uv_loop_t *loop;
};

struct flaky_carrier {
    struct carrier base;   /* first */
    struct carrier *under; /* NULL: it is lost */
    const struct carrier_handler *handler;
    void *arg;
    struct timer *loss; /* tells that, from outside any call */
};

static unsigned long operations, fails_at;
static bool for_good;

static void report(void)
{
    (void)fprintf(stderr, "flaky: %lu operations\n", operations);
}

/* Counts an operation; whether it is the one that fails. */
static bool fails(void)
{
    return ++operations == fails_at;
}

static void close_carrier(struct carrier *base)
{
    struct flaky_carrier *c = (struct flaky_carrier *)base;
    if (c->under)
        carrier_close(c->under);
    timer_free(c->loss);
    free(c);
}

/* under is gone by now, or goes here. */
static void notify_lost(struct flaky_carrier *c, const struct err *why, enum transport_loss loss)
{
    const struct carrier_handler *h = c->handler;
    void *arg = c->arg;
    struct err copy = *why;
    close_carrier(&c->base);
    h->lost(arg, &copy, loss);
}

static void on_loss(void *arg)
{
    struct err why;
    err_set(&why, "the connection has failed (on purpose)");
    notify_lost(arg, &why, for_good ? TRANSPORT_NEVER : TRANSPORT_RETRY);
}

static void fail(struct flaky_carrier *c)
{
    if (c->under)
        carrier_close(c->under);
    c->under = NULL;
    timer_start(c->loss, 0, 0);
}

static void on_note(void *arg, const char *text)
{
    const struct flaky_carrier *c = arg;
    c->handler->note(c->arg, text);
}

static void on_running(void *arg)
{
    const struct flaky_carrier *c = arg;
    c->handler->running(c->arg);
}

static void on_data(void *arg, const char *data, size_t len)
{
    struct flaky_carrier *c = arg;
    if (fails())
        fail(c);
    else
        c->handler->data(c->arg, data, len);
}

static void on_drained(void *arg)
{
    const struct flaky_carrier *c = arg;
    c->handler->drained(c->arg);
}

static void on_lost(void *arg, const struct err *why, enum transport_loss loss)
{
    struct flaky_carrier *c = arg;
    c->under = NULL;
    notify_lost(c, why, loss);
}

static const struct carrier_handler events = {
    .note = on_note, .running = on_running, .data = on_data, .drained = on_drained, .lost = on_lost};

static struct carrier *open_carrier(struct transport *base, const struct transport_command *command,
                                    const struct carrier_handler *h, void *arg)
{
    struct flaky_transport *t = (struct flaky_transport *)base;
    struct flaky_carrier *c = calloc(1, sizeof *c);
    bool failing = fails();
    if (!c)
        return NULL;
    *c = (struct flaky_carrier){.base.transport = base, .handler = h, .arg = arg};
    c->loss = timer_new(t->loop, on_loss, c);
    if (c->loss && !failing)
        c->under = transport_open(t->under, command, &events, c);
    if (!c->loss || (!failing && !c->under)) {
        close_carrier(&c->base);
        return NULL;
    }
    if (failing)
        fail(c);
    return &c->base;
}

static bool write_bytes(struct carrier *base, const char *data, size_t len)
{
    struct flaky_carrier *c = (struct flaky_carrier *)base;
    if (c->under && fails())
        fail(c);
    return c->under && carrier_write(c->under, data, len);
}

static size_t queued(const struct carrier *base)
{
    const struct flaky_carrier *c = (const struct flaky_carrier *)base;
    return c->under ? carrier_queued(c->under) : 0;
}

static void free_transport(struct transport *base)
{
    struct flaky_transport *t = (struct flaky_transport *)base;
    transport_free(t->under);
    free(t);
}

static const struct transport_ops ops = {
    .open = open_carrier, .write = write_bytes, .queued = queued, .close = close_carrier, .free = free_transport};

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
    for_good = strncmp(orders, "link:", strlen("link:")) == 0;
    fails_at = strtoul(number + 1, NULL, 10);
}

struct transport *transport_of_target(uv_loop_t *loop, const struct config_target *target)
{
    struct flaky_transport *t = calloc(1, sizeof *t);
    read_orders();
    if (!t)
        return NULL;
    t->loop = loop;
    t->under = target->command ? transport_command(loop, target)
               : target->ssh   ? transport_ssh(loop, target)
                               : transport_local(loop);
    if (!t->under) {
        free(t);
        return NULL;
    }
    t->base = (struct transport){.ops = &ops, .is_local = t->under->is_local, .where = t->under->where};
    return &t->base;
}
