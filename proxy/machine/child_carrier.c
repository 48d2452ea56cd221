#include "proxy/machine/child_carrier.h"

#include <stdlib.h>

#include "proxy/base/timer.h"

static struct child_carrier *of(const struct carrier *c)
{
    return (struct child_carrier *)(uintptr_t)c;
}

static void on_begin(void *arg)
{
    struct child_carrier *c = arg;
    if (c->child)
        c->handler->running(c->arg);
    else
        child_carrier_lose(c);
}

struct child_carrier *child_carrier_new(uv_loop_t *loop, struct transport *t, const struct carrier_handler *h,
                                        void *arg)
{
    struct child_carrier *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    *c = (struct child_carrier){.base = {.transport = t}, .handler = h, .arg = arg};
    c->begin = timer_new(loop, on_begin, c);
    if (!c->begin) {
        free(c);
        return NULL;
    }
    timer_start(c->begin, 0, 0);
    return c;
}

void child_carrier_lose(struct child_carrier *c)
{
    const struct carrier_handler *h = c->handler;
    void *arg = c->arg;
    struct err why = c->why;
    enum transport_loss loss = c->loss;
    c->child = NULL;
    child_carrier_close(&c->base);
    h->lost(arg, &why, loss);
}

void child_carrier_data(void *arg, const char *data, size_t len)
{
    struct child_carrier *c = arg;
    c->has_answered = true;
    c->handler->data(c->arg, data, len);
}

void child_carrier_drained(void *arg)
{
    struct child_carrier *c = arg;
    if (!c->drained_due)
        return;
    c->drained_due = false;
    c->handler->drained(c->arg);
}

bool child_carrier_write(struct carrier *base, const char *data, size_t len)
{
    struct child_carrier *c = of(base);
    if (c->child)
        child_write(c->child, data, len);
    c->drained_due = c->drained_due || child_carrier_queued(base) >= CARRIER_HIGH_WATER;
    return c->drained_due;
}

size_t child_carrier_queued(const struct carrier *base)
{
    return of(base)->child ? child_queued(of(base)->child) : 0;
}

void child_carrier_close(struct carrier *base)
{
    struct child_carrier *c = of(base);
    child_close(c->child);
    timer_free(c->begin);
    free(c);
}
