#include <stdlib.h>
#include <string.h>

#include "proxy/base/timer.h"
#include "test/unit/schedules/schedules.h"

enum { EARLY_TIMER = 40 /* one time in so many a timer is over although events wait */ };

struct node {
    struct node *next;
    struct event event;
};

struct lane {
    struct lane *next;
    struct node *first, **last;
    bool freed, prompt, frozen;
};

struct timer {
    struct timer *next;
    void (*fired)(void *arg);
    void *arg;
    uint64_t due, repeat;
    bool on, freed;
};

static struct lane *lanes;
static struct timer *timers;
static uint64_t now;

struct lane *lane_new(bool prompt)
{
    struct lane *l = calloc(1, sizeof *l);
    if (!l)
        broken("out of memory");
    l->prompt = prompt;
    l->last = &l->first;
    l->next = lanes;
    lanes = l;
    return l;
}

static void drop(struct lane *l)
{
    while (l->first) {
        struct node *n = l->first;
        l->first = n->next;
        free(n->event.text);
        free(n);
    }
    l->last = &l->first;
}

void lane_freeze(struct lane *l, bool frozen)
{
    l->frozen = frozen;
}

void lane_free(struct lane *l)
{
    drop(l);
    l->freed = true;
}

void lane_post(struct lane *l, void (*run)(void *arg, const struct event *e), void *arg, const char *text, size_t len,
               int number)
{
    struct node *n = calloc(1, sizeof *n);
    if (!n)
        broken("out of memory");
    n->event = (struct event){.run = run, .arg = arg, .len = len, .number = number};
    if (text) {
        n->event.text = malloc(len + 1);
        if (!n->event.text)
            broken("out of memory");
        memcpy(n->event.text, text, len);
        n->event.text[len] = '\0';
    }
    *l->last = n;
    l->last = &n->next;
}

/* Frees what was given back: never from inside an event of its own. */
static void tidy(void)
{
    for (struct lane **at = &lanes; *at;) {
        struct lane *l = *at;
        if (l->freed) {
            drop(l);
            *at = l->next;
            free(l);
        } else {
            at = &l->next;
        }
    }
    for (struct timer **at = &timers; *at;) {
        struct timer *t = *at;
        if (t->freed) {
            *at = t->next;
            free(t);
        } else {
            at = &t->next;
        }
    }
}

/* Of what is due at that time. */
static bool run_timer(uint64_t until)
{
    struct timer *first = NULL;
    for (struct timer *t = timers; t; t = t->next)
        if (t->on && !t->freed && (!first || t->due < first->due))
            first = t;
    if (!first || first->due > until)
        return false;
    if (now < first->due)
        now = first->due;
    first->on = first->repeat > 0;
    first->due = now + first->repeat;
    first->fired(first->arg);
    return true;
}

static bool can_run(const struct lane *l)
{
    return l->first && !l->freed && !l->frozen;
}

static bool run_event(void)
{
    unsigned waiting = 0;
    for (const struct lane *l = lanes; l; l = l->next)
        waiting += can_run(l);
    if (waiting == 0)
        return false;
    unsigned chosen = draw(waiting);
    for (struct lane *l = lanes; l; l = l->next) {
        if (!can_run(l) || chosen-- > 0)
            continue;
        struct node *n = l->first;
        l->first = n->next;
        if (!l->first)
            l->last = &l->first;
        n->event.run(n->event.arg, &n->event);
        free(n->event.text);
        free(n);
        break;
    }
    return true;
}

static bool time_may_pass(void)
{
    for (const struct lane *l = lanes; l; l = l->next)
        if (l->prompt && can_run(l))
            return false;
    return true;
}

bool loop_step(void)
{
    bool early = draw(EARLY_TIMER) == 0 && time_may_pass();
    bool ran = (early && run_timer(UINT64_MAX)) || run_event() || run_timer(UINT64_MAX);
    tidy();
    return ran;
}

void loop_settle(void)
{
    while (run_event() || run_timer(now))
        tidy();
}

void loop_reset(void)
{
    tidy();
    if (lanes || timers)
        broken("something of the session is left on the loop");
    now = 1000;
}

/* --- proxy/base/timer.h --- */

uint64_t timer_now(uv_loop_t *loop)
{
    (void)loop;
    return now;
}

struct timer *timer_new(uv_loop_t *loop, void (*fired)(void *arg), void *arg)
{
    (void)loop;
    struct timer *t = calloc(1, sizeof *t);
    if (!t)
        broken("out of memory");
    t->fired = fired;
    t->arg = arg;
    t->next = timers;
    timers = t;
    return t;
}

void timer_start(struct timer *t, uint64_t ms, uint64_t repeat_ms)
{
    t->on = true;
    t->due = now + ms;
    t->repeat = repeat_ms;
}

void timer_stop(struct timer *t)
{
    t->on = false;
}

void timer_free(struct timer *t)
{
    if (t)
        t->freed = true;
}
