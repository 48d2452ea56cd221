/* A Delve that the user has started on the Go machine: found at its port, attached to, and left alone in the end. */
#include <stdlib.h>
#include <string.h>

#include "proxy/base/state.h"
#include "proxy/base/timer.h"
#include "proxy/delve/port_owner.h"
#include "proxy/delve/process.h"
enum remote_state {
    REMOTE_NEW,       /* nothing is ordered */
    REMOTE_RETURNING, /* the time before it is connected to (again) */
    REMOTE_LISTENING, /* its port was reported */
    REMOTE_FAILED,    /* it was reported; the end is awaited */
    REMOTE_ENDING,    /* the end is reported in the loop's next turn */
    REMOTE_OVER
};

static const char *const state_names[] = {"new", "returning", "listening", "failed", "ending", "over"};
#define ENDS (STATE_BIT(REMOTE_FAILED) | STATE_BIT(REMOTE_ENDING))
static const unsigned legal_edges[] = {
    [REMOTE_NEW] = STATE_BIT(REMOTE_RETURNING) | ENDS,
    [REMOTE_RETURNING] = STATE_BIT(REMOTE_LISTENING) | STATE_BIT(REMOTE_RETURNING) | ENDS,
    [REMOTE_LISTENING] = STATE_BIT(REMOTE_RETURNING) | ENDS,
    [REMOTE_FAILED] = STATE_BIT(REMOTE_ENDING),
    [REMOTE_ENDING] = STATE_BIT(REMOTE_OVER),
    [REMOTE_OVER] = 0,
};
static const struct states states = {"remote Delve", state_names, legal_edges};

struct remote {
    struct process base; /* first */
    struct process_context context;
    struct process_order order;
    enum remote_state state;
    struct delve_recovery *recovery;
    bool has_served;               /* it was attached to once */
    struct port_owner *port_owner; /* asked why it does not answer; NULL: nobody is asked */
    struct timer *step;
};

static struct remote *of(struct process *base)
{
    return (struct remote *)base;
}

static void set_state(struct remote *r, enum remote_state state, const char *reason)
{
    r->state = (enum remote_state)state_next(&states, r->state, state, CONFIG_LOG_DEBUG, r->context.subject, reason);
}

static void forget_owner(struct remote *r, bool link_lost)
{
    port_owner_free(r->port_owner, link_lost);
    r->port_owner = NULL;
}

static void fail(struct remote *r, const struct err *why)
{
    struct err copy = *why;
    if (r->state >= REMOTE_FAILED)
        return;
    timer_stop(r->step);
    set_state(r, REMOTE_FAILED, "the failure is reported");
    r->base.handler->failed(r->base.arg, &copy);
}

static void return_after(struct remote *r, uint64_t ms, const char *reason)
{
    set_state(r, REMOTE_RETURNING, reason);
    timer_start(r->step, ms, 0);
}

static void on_step(void *arg)
{
    struct remote *r = arg;
    if (r->state == REMOTE_RETURNING) {
        set_state(r, REMOTE_LISTENING, "ready to attach");
        r->base.handler->listening(r->base.arg, r->order.plan->port, r->has_served);
    } else if (r->state == REMOTE_ENDING) {
        set_state(r, REMOTE_OVER, "detached");
        r->base.handler->ended(r->base.arg);
    }
}

static void start(struct process *base, struct process_order order)
{
    struct remote *r = of(base);
    r->order = order;
    return_after(r, 0, "attaching to a running Delve");
}

/* It is attached to again, and so is another one if the port has changed. */
static void restart(struct process *base, struct process_order order)
{
    struct remote *r = of(base);
    if (r->state >= REMOTE_FAILED)
        return;
    if (r->state != REMOTE_NEW && order.plan->port != r->order.plan->port)
        r->has_served = false;
    r->order = order;
    forget_owner(r, false);
    delve_recovery_begin(r->recovery);
    if (r->state != REMOTE_NEW)
        return_after(r, 0, "restart");
}

static void reconnect(struct process *base, const struct err *why)
{
    struct remote *r = of(base);
    struct err copy = *why;
    if (r->state != REMOTE_LISTENING)
        return;
    struct delve_step step = delve_recovery_died(r->recovery, timer_now(r->context.loop));
    if (step.action != DELVE_ACTION_GIVE_UP) {
        return_after(r, step.wait_ms, "Delve is still running");
        return;
    }
    err_prefix(&copy, "could not attach again: ");
    fail(r, &copy);
}

/* All of it is sent once it is attached to. */
static void changed(struct process *base)
{
    (void)base;
}

static void attached(struct process *base)
{
    of(base)->has_served = true;
}

static void used(struct process *base)
{
    delve_recovery_used(of(base)->recovery);
}

static void wind_down(struct process *base)
{
    (void)base; /* it is never started again */
}

static void died(struct process *base, const struct err *why)
{
    fail(of(base), why);
}

/* --- what can't be attached to --- */

static void on_port_owner(void *arg, long owner, long self)
{
    struct remote *r = arg;
    struct err why;
    int port = r->order.plan->port;
    const char *where = r->context.machine->where;
    forget_owner(r, false);
    if (owner >= 0 && self >= 0 && owner != self)
        err_set(&why,
                "Delve at 127.0.0.1:%d on %s runs as uid %ld and accepts only that user's connections "
                "(--only-same-user), but delvegate connects as uid %ld.\n"
                "Start that Delve as uid %ld, without sudo, or use a target that logs in as uid %ld",
                port, where, owner, self, self, owner);
    else
        err_set(&why,
                "the program that listens at 127.0.0.1:%d on %s closed the connection without an answer: it is not a "
                "Delve that supports DAP%s.\n"
                "Mode remote attaches to `dlv ... --headless --accept-multiclient --api-version=2` of 1.7.3 or later; "
                "check port",
                port, where, owner == self && owner >= 0 ? "" : ", or it runs as another user");
    fail(r, &why);
}

/* Nobody was attached to yet: says what listens there instead, and what mode remote needs. */
static void unreachable(struct process *base, enum delve_client_end end, const struct err *why)
{
    struct remote *r = of(base);
    struct err said = *why;
    int port = r->order.plan->port;
    const char *where = r->context.machine->where;
    switch (end) {
    case DELVE_CLIENT_UNREACHED:
        err_set(&said,
                "%s\n"
                "Start Delve on that machine (`dlv ... --headless --accept-multiclient --api-version=2 "
                "--listen=127.0.0.1:%d`), or correct port",
                why->text, port);
        break;
    case DELVE_CLIENT_NOT_DAP:
        err_set(&said,
                "the program that listens at 127.0.0.1:%d on %s is not Delve (%s).\n"
                "Correct port: mode remote attaches to a headless Delve",
                port, where, why->text);
        break;
    case DELVE_CLIENT_CLOSED:
    case DELVE_CLIENT_BROKEN: /* a reset, where no sshd lies between */
        r->port_owner = port_owner_ask(r->context.loop, r->context.link, port, on_port_owner, r);
        if (r->port_owner)
            return;
        break;
    }
    fail(r, &said);
}

static void refused(struct process *base, const struct err *why)
{
    struct remote *r = of(base);
    struct err said = *why;
    if (strstr(why->text, "no debugger found"))
        err_set(&said,
                "the program that listens at 127.0.0.1:%d on %s is `dlv dap`, which is not debugging a program (\"no "
                "debugger found\").\n"
                "Start a headless Delve instead (`dlv debug --headless --accept-multiclient --api-version=2 "
                "--listen=127.0.0.1:%d`), or let delvegate start Delve with a launch request",
                r->order.plan->port, r->context.machine->where, r->order.plan->port);
    fail(r, &said);
}

/* The program's output stays with whoever started that Delve. */
static bool is_quiet(const struct process *base)
{
    (void)base;
    return true;
}

static void pause_output(struct process *base, bool paused)
{
    (void)base;
    (void)paused;
}

static void end(struct process *base)
{
    struct remote *r = of(base);
    if (r->state >= REMOTE_ENDING)
        return;
    forget_owner(r, false);
    set_state(r, REMOTE_ENDING, "the end");
    timer_start(r->step, 0, 0); /* not from inside the caller's call */
}

static void destroy(struct process *base, bool link_lost)
{
    struct remote *r = of(base);
    forget_owner(r, link_lost);
    timer_free(r->step);
    delve_recovery_free(r->recovery);
    config_unref(r->context.config);
    free(r);
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

struct process *process_remote_new(const struct process_context *context, const struct process_handler *h, void *arg)
{
    struct remote *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->base = (struct process){.ops = &ops, .handler = h, .arg = arg};
    r->context = *context;
    r->context.config = config_ref(context->config);
    r->recovery = process_recovery_new(context->target);
    r->step = timer_new(context->loop, on_step, r);
    if (!r->recovery || !r->step) {
        destroy(&r->base, false);
        return NULL;
    }
    return &r->base;
}
