#include "proxy/delve/waiting.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "dap/err.h"
#include "proxy/base/timer.h"

struct waiting {
    void (*tell)(void *arg, const char *text);
    void *arg;
    char text[ERR_TEXT_MAX];
    uint64_t ms;
    bool waits, told, suspended;
    struct timer *slow;
};

static void on_slow(void *arg)
{
    struct waiting *w = arg;
    if (w->suspended)
        return;
    w->told = true;
    w->tell(w->arg, w->text);
}

struct waiting *waiting_new(uv_loop_t *loop, void (*tell)(void *arg, const char *text), void *arg)
{
    struct waiting *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->tell = tell;
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
    bool told = w->told;
    timer_stop(w->slow);
    w->waits = w->told = false;
    if (told && !w->suspended)
        w->tell(w->arg, NULL);
}

void waiting_suspend(struct waiting *w, const char *text)
{
    w->suspended = true;
    w->tell(w->arg, text);
}

void waiting_resume(struct waiting *w)
{
    if (!w->suspended)
        return;
    w->suspended = w->told = false;
    w->tell(w->arg, NULL);
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
