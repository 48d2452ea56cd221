/* A one-shot or repeating timer that its owner can free at any time. */
#ifndef PROXY_BASE_TIMER_H
#define PROXY_BASE_TIMER_H

#include <stdint.h>
#include <uv.h>

#include "dap/must_use.h"

struct timer;

/* The loop's time in ms, monotonic, from anywhere. */
uint64_t timer_now(uv_loop_t *loop);

/* Returns a stopped timer that will call fired(arg), or NULL when memory ran out. */
struct timer *timer_new(uv_loop_t *loop, void (*fired)(void *arg), void *arg) MUST_USE;
/* (Re)starts it: once after ms, then every repeat_ms unless that is 0. */
void timer_start(struct timer *t, uint64_t ms, uint64_t repeat_ms);
/* NULL is fine. */
void timer_stop(struct timer *t);
/* Stops it for good and frees it; may be called from its own callback. NULL is fine. */
void timer_free(struct timer *t);

#endif
