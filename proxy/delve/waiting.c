#include "proxy/delve/waiting.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "dap/err.h"
#include "proxy/base/timer.h"

struct waiting {
    void (*report)(void *arg, const char *text);
    void *arg;
    char text[ERR_TEXT_MAX];
    uint64_t ms;
    bool waits, reported, suspended;
    struct timer *slow;
};

static void on_slow(void *arg)
{
    struct waiting *w = arg;
    if (w->suspended)
        return;
    w->reported = true;
    w->report(w->arg, w->text);
}

struct waiting *waiting_new(uv_loop_t *loop, void (*report)(void *arg, const char *text), void *arg)
{
    struct waiting *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->report = report;
    w->arg = arg;
    w->slow = timer_new(loop, on_slow, w);
    if (!w->slow) {
        free(w);
        return NULL;
    }
    return w;
}

void waiting_begin(struct waiting *w, uint64_t ms, const char *fmt, ...)
{
    va_list ap;
    waiting_end(w);
    va_start(ap, fmt);
    (void)vsnprintf(w->text, sizeof w->text, fmt, ap);
    va_end(ap);
    w->ms = ms;
    w->waits = true;
    timer_start(w->slow, ms, 0);
}

void waiting_end(struct waiting *w)
{
    bool reported = w->reported;
    timer_stop(w->slow);
    w->waits = w->reported = false;
    if (reported && !w->suspended)
        w->report(w->arg, NULL);
}

void waiting_suspend(struct waiting *w, const char *text)
{
    w->suspended = true;
    w->report(w->arg, text);
}

void waiting_resume(struct waiting *w)
{
    if (!w->suspended)
        return;
    w->suspended = w->reported = false;
    w->report(w->arg, NULL);
    if (w->waits)
        timer_start(w->slow, w->ms, 0);
}

void waiting_free(struct waiting *w)
{
    if (!w)
        return;
    timer_free(w->slow);
    free(w);
}
