/* A Delve that delvegate starts: its life under a supervisor on the Go machine. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "proxy/base/log.h"
#include "proxy/base/state.h"
#include "proxy/delve/process_private.h"

enum { REAP_MS = 30 * 1000 /* for the supervisor to report that all is gone */ };

static const char *const state_names[] = {"new",          "starting",   "preparing", "holding",   "building",
                                          "waiting",      "inspecting", "mending",   "listening", "serving",
                                          "winding down", "returning",  "checking",  "stopping",  "draining",
                                          "idle",         "failed",     "ending",    "over"};

/* Whatever it does, it can fail, and be told to end. */
#define ENDS (STATE_BIT(PROCESS_FAILED) | STATE_BIT(PROCESS_ENDING))
/* What a launch may come to before dlv listens; at any time the user may restart it. */
#define STARTS                                                                                                         \
    (STATE_BIT(PROCESS_PREPARING) | STATE_BIT(PROCESS_HOLDING) | STATE_BIT(PROCESS_BUILDING) |                         \
     STATE_BIT(PROCESS_WAITING) | STATE_BIT(PROCESS_INSPECTING) | STATE_BIT(PROCESS_MENDING) |                         \
     STATE_BIT(PROCESS_IDLE) | STATE_BIT(PROCESS_STOPPING))
static const unsigned legal_edges[] = {
    [PROCESS_NEW] = STATE_BIT(PROCESS_STARTING) | ENDS,
    [PROCESS_STARTING] = STARTS | ENDS,
    [PROCESS_PREPARING] = STARTS | ENDS,
    [PROCESS_HOLDING] = STARTS | ENDS,
    [PROCESS_BUILDING] = STARTS | STATE_BIT(PROCESS_LISTENING) | STATE_BIT(PROCESS_CHECKING) | ENDS,
    [PROCESS_WAITING] = STARTS | ENDS,
    [PROCESS_INSPECTING] = STARTS | ENDS,
    [PROCESS_MENDING] = STARTS | ENDS,
    [PROCESS_LISTENING] = STARTS | STATE_BIT(PROCESS_SERVING) | STATE_BIT(PROCESS_WINDING_DOWN) |
                          STATE_BIT(PROCESS_RETURNING) | STATE_BIT(PROCESS_CHECKING) | ENDS,
    [PROCESS_SERVING] =
        STARTS | STATE_BIT(PROCESS_WINDING_DOWN) | STATE_BIT(PROCESS_RETURNING) | STATE_BIT(PROCESS_CHECKING) | ENDS,
    [PROCESS_WINDING_DOWN] = STARTS | ENDS,
    [PROCESS_RETURNING] = STARTS | STATE_BIT(PROCESS_LISTENING) | STATE_BIT(PROCESS_CHECKING) | ENDS,
    [PROCESS_CHECKING] = STARTS | ENDS,
    [PROCESS_STOPPING] = STATE_BIT(PROCESS_DRAINING) | ENDS,
    [PROCESS_DRAINING] = STARTS | STATE_BIT(PROCESS_CHECKING) | ENDS,
    [PROCESS_IDLE] = STARTS | ENDS,
    [PROCESS_FAILED] = STATE_BIT(PROCESS_ENDING),
    [PROCESS_ENDING] = STATE_BIT(PROCESS_OVER),
    [PROCESS_OVER] = 0,
};
static const struct states states = {"process", state_names, legal_edges};

/* A client that does not read holds up what a build or a step prints. A Delve that serves is never held up: what it
 * prints is little, and it must answer. */
static void pace(struct supervised *p)
{
    if (!p->keeper)
        return;
    keeper_pause_output(p->keeper, p->paused);
    keeper_pause_text(p->keeper, p->paused && (p->state == PROCESS_PREPARING || p->state == PROCESS_BUILDING));
}

void process_set_state(struct supervised *p, enum process_state state, const char *reason)
{
    p->state = (enum process_state)state_next(&states, p->state, state, CONFIG_LOG_DEBUG, p->context.subject, reason);
    pace(p);
    p->base.handler->working(p->base.arg, NULL);
}

void process_working(struct supervised *p, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    p->base.handler->working(p->base.arg, text);
}

void process_say(struct supervised *p, const char *category, const char *text)
{
    p->base.handler->say(p->base.arg, category, text);
}

const char *process_where(const struct supervised *p)
{
    return p->context.machine->where;
}

void process_fail(struct supervised *p, const struct err *why)
{
    struct err copy = *why;
    if (p->state >= PROCESS_FAILED)
        return;
    timer_stop(p->step);
    process_set_state(p, PROCESS_FAILED, "the failure is reported");
    p->base.handler->failed(p->base.arg, &copy);
}

void process_fail_memory(struct supervised *p)
{
    struct err why;
    err_set(&why, "out of memory");
    process_fail(p, &why);
}

void process_over(struct supervised *p, const char *reason)
{
    timer_stop(p->step);
    process_set_state(p, PROCESS_OVER, reason);
    p->base.handler->ended(p->base.arg);
}

void process_output_over(struct supervised *p)
{
    p->output_over = true;
    if (p->state == PROCESS_DRAINING)
        process_drained(p);
    else
        p->base.handler->output_ended(p->base.arg);
}

static void on_step(void *arg)
{
    struct supervised *p = arg;
    struct err why;
    switch (p->state) {
    case PROCESS_WAITING:
        process_wait_over(p);
        break;
    case PROCESS_RETURNING:
        process_set_state(p, PROCESS_LISTENING, "to attach again");
        p->base.handler->listening(p->base.arg, p->port, true);
        break;
    case PROCESS_STOPPING:
        if (!link_was_heard(p->context.link, PROCESS_STOP_MS)) {
            timer_start(p->step, PROCESS_STOP_MS, 0);
            break;
        }
        err_set(&why, "the supervisor on %s did not report within %d s that Delve had ended; start the session again",
                process_where(p), PROCESS_STOP_MS / 1000);
        process_fail(p, &why);
        break;
    case PROCESS_DRAINING:
        /* While nobody reads the old program's streams, or nothing comes by, that they are quiet says nothing. */
        if (!p->output_over && (p->paused || !link_was_heard(p->context.link, PROCESS_QUIET_MS)))
            timer_start(p->step, PROCESS_QUIET_MS, 0);
        else
            process_drained(p);
        break;
    case PROCESS_ENDING:
        if (p->keeper)
            log_warning(p->context.subject,
                        "the supervisor on %s did not report the end within %d s; it ends when its lease expires",
                        process_where(p), REAP_MS / 1000);
        process_over(p, p->keeper ? "stopped waiting for the supervisor" : "everything has ended");
        break;
    default:
        break;
    }
}

/* --- the owner's calls --- */

static struct supervised *of(struct process *base)
{
    return (struct supervised *)base;
}

static void start(struct process *base, struct process_order order)
{
    struct supervised *p = of(base);
    assert(p->state == PROCESS_NEW);
    p->order = order;
    process_set_state(p, PROCESS_STARTING, "starting the supervisor");
    process_working(p, "looking for Go and Delve on %s", process_where(p));
    p->keeper = keeper_start(p->context.loop, p->context.link, p->context.target, p->context.subject, true,
                             &process_keeper_events, p);
    if (!p->keeper || keeper_examine(p->keeper, order.plan->build_dir, false) < 0)
        process_fail_memory(p);
    else if (order.prelaunch->count == 0) /* a step may change what versions that do not fit must leave alone */
        process_launch(p, "together with the session");
}

bool process_attaches_again(const struct supervised *p)
{
    return (p->has_served || p->may_trap) && p->order.plan->mode == DELVE_ATTACH && p->order.plan->pid == p->served_pid;
}

static void restart(struct process *base, struct process_order order)
{
    struct supervised *p = of(base);
    p->order = order;
    switch (p->state) {
    case PROCESS_NEW:
    case PROCESS_STARTING: /* nothing runs yet: it will be this order */
        break;
    case PROCESS_STOPPING:
    case PROCESS_DRAINING:
        p->next = PROCESS_NEXT_LAUNCH;
        break;
    case PROCESS_CHECKING:
        if (process_attaches_again(p))
            p->next = PROCESS_NEXT_CHECK;
        else
            process_stop(p, PROCESS_NEXT_LAUNCH, false, "restart");
        break;
    case PROCESS_WAITING:
    case PROCESS_HOLDING:
    case PROCESS_IDLE:
        timer_stop(p->step);
        process_launch(p, "restart");
        break;
    case PROCESS_FAILED:
    case PROCESS_ENDING:
    case PROCESS_OVER:
        break;
    default:
        process_stop(p, PROCESS_NEXT_LAUNCH, false, "restart");
    }
}

static void reconnect(struct process *base, const struct err *why)
{
    struct supervised *p = of(base);
    struct err copy = *why;
    if (p->state != PROCESS_LISTENING && p->state != PROCESS_SERVING)
        return;
    struct delve_step step = delve_recovery_died(p->recovery, timer_now(p->context.loop));
    if (step.action == DELVE_ACTION_GIVE_UP) {
        err_prefix(&copy, "could not attach again: ");
        process_fail(p, &copy);
        return;
    }
    p->same_process = true;
    process_set_state(p, PROCESS_RETURNING, "Delve is still running");
    timer_start(p->step, step.wait_ms, 0);
}

static void changed(struct process *base)
{
    struct supervised *p = of(base);
    if (p->state == PROCESS_HOLDING || p->state == PROCESS_BUILDING || p->state == PROCESS_LISTENING)
        process_order_flight(p);
}

static void attached(struct process *base)
{
    struct supervised *p = of(base);
    if (p->state != PROCESS_LISTENING)
        return;
    process_set_state(p, PROCESS_SERVING, "attached");
    p->has_served = p->may_trap = true;
    p->served_pid = p->order.plan->pid;
    p->same_process = false;
    keeper_launched(p->keeper);
}

static void used(struct process *base)
{
    delve_recovery_used(of(base)->recovery);
}

static void wind_down(struct process *base)
{
    struct supervised *p = of(base);
    if (p->state == PROCESS_LISTENING || p->state == PROCESS_SERVING)
        process_set_state(p, PROCESS_WINDING_DOWN, "Delve will not be restarted");
}

static void died(struct process *base, const struct err *why)
{
    struct supervised *p = of(base);
    if (p->state == PROCESS_LISTENING || p->state == PROCESS_SERVING)
        process_lost(p, why, true);
}

static void unreachable(struct process *base, enum delve_client_end end, const struct err *why)
{
    struct supervised *p = of(base);
    struct err copy = *why;
    long uid;
    /* Go's own log, in which the check writes, goes to stderr whatever --log-dest says. */
    if (end != DELVE_CLIENT_UNREACHED && p->build_tail.len && delve_log_different_user(p->build_tail.data, &uid))
        err_set(&copy,
                "Delve on %s runs as uid %ld and accepts only that user's connections (--only-same-user).\n"
                "Set delve.path to dlv itself, without sudo, or use a target that logs in as that user",
                process_where(p), uid);
    process_fail(p, &copy);
}

static void refused(struct process *base, const struct err *why)
{
    process_fail(of(base), why);
}

static bool is_quiet(const struct process *base)
{
    return ((const struct supervised *)base)->output_over;
}

static void pause_output(struct process *base, bool paused)
{
    struct supervised *p = of(base);
    p->paused = paused;
    pace(p);
}

static void end(struct process *base)
{
    struct supervised *p = of(base);
    if (p->state >= PROCESS_ENDING)
        return;
    process_set_state(p, PROCESS_ENDING, "the end");
    if (p->keeper)
        keeper_end(p->keeper);
    timer_start(p->step, p->keeper ? REAP_MS : 0, 0); /* not from inside the caller's call */
}

static void destroy(struct process *base, bool link_lost)
{
    struct supervised *p = of(base);
    process_forget_keeper(p, link_lost);
    timer_free(p->step);
    buf_free(&p->build_tail);
    buf_free(&p->log_tail);
    buf_free(&p->withheld);
    delve_recovery_free(p->recovery);
    delve_findings_free(&p->findings);
    delve_facts_free(&p->build_facts);
    config_unref(p->context.config);
    free(p);
}

static const struct process_ops ops = {
    .start = start,
    .restart = restart,
    .reconnect = reconnect,
    .changed = changed,
    .attached = attached,
    .used = used,
    .wind_down = wind_down,
    .died = died,
    .unreachable = unreachable,
    .refused = refused,
    .is_quiet = is_quiet,
    .pause = pause_output,
    .end = end,
    .free = destroy,
};

struct process *process_supervised_new(const struct process_context *context, const struct process_handler *h,
                                       void *arg)
{
    struct supervised *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->base = (struct process){.ops = &ops, .handler = h, .arg = arg};
    p->context = *context;
    p->context.config = config_ref(context->config);
    buf_init(&p->build_tail, 2 * PROCESS_TAIL_MAX);
    buf_init(&p->log_tail, 2 * PROCESS_TAIL_MAX);
    buf_init(&p->withheld, 2 * PROCESS_TAIL_MAX);
    p->recovery = process_recovery_new(context->target);
    p->step = timer_new(context->loop, on_step, p);
    if (!p->recovery || !p->step) {
        destroy(&p->base, false);
        return NULL;
    }
    return &p->base;
}
