#include "proxy/base/timer.h"

#include <stdlib.h>

struct timer {
    uv_timer_t uv;
    void (*fired)(void *arg);
    void *arg;
};

uint64_t timer_now(uv_loop_t *loop)
{
    return uv_now(loop);
}

static void on_timer(uv_timer_t *uv)
{
    struct timer *t = uv->data;
    t->fired(t->arg);
}

struct timer *timer_new(uv_loop_t *loop, void (*fired)(void *arg), void *arg)
{
    struct timer *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    uv_timer_init(loop, &t->uv);
    t->uv.data = t;
    t->fired = fired;
    t->arg = arg;
    return t;
}

void timer_start(struct timer *t, uint64_t ms, uint64_t repeat_ms)
{
    uv_timer_start(&t->uv, on_timer, ms, repeat_ms);
}

void timer_stop(struct timer *t)
{
    if (t)
        uv_timer_stop(&t->uv);
}

static void on_closed(uv_handle_t *h)
{
    free(h->data);
}

void timer_free(struct timer *t)
{
    if (t)
        uv_close((uv_handle_t *)&t->uv, on_closed);
}
