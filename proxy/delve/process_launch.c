/* From the user's launch or Restart to a dlv that is started: steps before it, and starting again what has died. */
#include "proxy/delve/process_private.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "proxy/base/log.h"

static void come_back(struct supervised *p);

/* --- runs --- */

bool process_builds(const struct supervised *p)
{
    return p->order.plan->mode == DELVE_DEBUG || p->order.plan->mode == DELVE_TEST;
}

void process_run(struct supervised *p, struct keeper_run *r, enum process_state state, const char *reason)
{
    r->plan = p->order.plan;
    r->overrides = &p->overrides;
    buf_clear(&p->build_tail);
    buf_clear(&p->log_tail);
    if (p->is_long)
        process_show_withheld(p);
    buf_clear(&p->withheld);
    p->is_long = false;
    p->path_error.text[0] = '\0';
    p->output_over = r->kind != KEEPER_DLV || p->order.plan->mode == DELVE_ATTACH;
    process_set_state(p, state, reason);
    if (keeper_run(p->keeper, r) < 0)
        process_fail_memory(p);
}

/* Returns the edition, 0: it is not complete. */
static uint32_t compose(struct supervised *p, struct buf *flight)
{
    buf_init(flight, ORDER_RECORD_MAX);
    return p->base.handler->compose(p->base.arg, p->same_process, flight);
}

void process_start_dlv(struct supervised *p, const char *reason)
{
    struct keeper_run r = {.kind = KEEPER_DLV};
    struct buf flight;
    uint32_t edition = compose(p, &flight);
    if (p->state < PROCESS_FAILED && edition == 0 && p->order.plan->mode == DELVE_ATTACH)
        process_set_state(p, PROCESS_HOLDING, "the client's configuration is not complete yet");
    else if (p->state < PROCESS_FAILED)
        process_run(p, &r, PROCESS_BUILDING, reason);
    if (p->state == PROCESS_BUILDING && edition)
        keeper_order_flight(p->keeper, edition, &flight);
    if (p->state == PROCESS_BUILDING)
        process_report_building(p);
    buf_free(&flight);
}

void process_order_flight(struct supervised *p)
{
    struct buf flight;
    if (p->state == PROCESS_HOLDING) {
        process_start_dlv(p, "the client's configuration is complete");
        return;
    }
    uint32_t edition = compose(p, &flight);
    if (edition && p->state < PROCESS_FAILED)
        keeper_order_flight(p->keeper, edition, &flight);
    buf_free(&flight);
}

void process_report_building(struct supervised *p)
{
    if (!keeper_is_ready(p->keeper))
        process_working(p, "looking for Go and Delve on %s", process_where(p));
    else if (process_builds(p))
        process_working(p, "building %s on %s", p->order.plan->program, process_where(p));
    else
        process_working(p, "waiting for Delve on %s to listen", process_where(p));
}

/* Whether an error that will be shown in the Debug Console has all these lines. */
static bool has_lines(const struct err *why, const struct buf *lines)
{
    return memmem(why->text, strlen(why->text), lines->data, lines->len - 1) != NULL; /* without the last newline */
}

/* What can't be started now may be started later, unless the client has seen no program yet. */
void process_launch_failed(struct supervised *p, const struct err *why)
{
    struct err copy = *why;
    process_add_findings(p, &copy);
    if (p->has_served && p->withheld.len && has_lines(&copy, &p->withheld))
        buf_clear(&p->withheld);
    process_show_withheld(p);
    if (!p->has_served) {
        process_fail(p, &copy);
        return;
    }
    process_set_state(p, PROCESS_IDLE, copy.text);
    p->base.handler->idle(p->base.arg, &copy);
}

/* --- a launch --- */

static void next_prelaunch(struct supervised *p)
{
    char text[ERR_TEXT_MAX];
    if (p->prelaunch_at == p->order.prelaunch->count) {
        struct delve_diagnosis logged = p->logged;
        p->logged.signature = NULL;
        if (logged.signature) {
            /* The last Delve's log has said what will break: its remedy first. */
            struct delve_step step = delve_recovery_failed(p->recovery, &logged, timer_now(p->context.loop));
            if (step.action != DELVE_ACTION_GIVE_UP) {
                process_act(p, step);
                return;
            }
        }
        process_start_dlv(p, "launch");
        return;
    }
    const struct delve_prelaunch_step *step = &p->order.prelaunch->list[p->prelaunch_at];
    struct keeper_run r = {.kind = KEEPER_COMMAND, .command = &step->argv};
    (void)snprintf(text, sizeof text, "prelaunch: %s", step->text);
    process_say(p, "console", text);
    process_run(p, &r, PROCESS_PREPARING, text);
    if (p->state == PROCESS_PREPARING)
        process_working(p, "%s on %s", text, process_where(p));
}

void process_launch(struct supervised *p, const char *reason)
{
    p->overrides = (struct delve_overrides){.launch = p->overrides.launch + 1};
    p->repaired_by = DELVE_REMEDY_NONE;
    p->reported.signature = NULL;
    p->prelaunch_at = 0;
    p->same_process = false;
    delve_recovery_begin(p->recovery);
    log_debug(p->context.subject, "launch %d: %s", p->overrides.launch, reason);
    next_prelaunch(p);
}

static void prelaunch_ended(struct supervised *p, int status)
{
    const struct delve_prelaunch_step *step = &p->order.prelaunch->list[p->prelaunch_at++];
    struct err why;
    if (status == 0) {
        next_prelaunch(p);
        return;
    }
    err_set(&why, "prelaunch: %s failed on %s (exit status %d)", step->text, process_where(p), status);
    if (step->optional) {
        process_say(p, "important", why.text);
        next_prelaunch(p);
        return;
    }
    struct err why_failed;
    process_explain(p, status, &why_failed);
    err_prefix(&why_failed, "%s: ", why.text);
    process_launch_failed(p, &why_failed);
}

/* --- a dlv that is gone --- */

void process_lost(struct supervised *p, const struct err *why, bool run_on)
{
    enum process_state state = p->state;
    p->failure = *why;
    timer_stop(p->step);
    log_warning(p->context.subject, "%s", p->failure.text);
    p->same_process = false;
    p->base.handler->lost(p->base.arg, &p->failure);
    if (p->state != state)
        return; /* the owner has ended it */
    if (run_on)
        process_stop(p, PROCESS_NEXT_COME_BACK, true, p->failure.text);
    else
        come_back(p);
}

static void start_again(struct supervised *p)
{
    struct delve_step step = delve_recovery_died(p->recovery, timer_now(p->context.loop));
    if (step.action == DELVE_ACTION_GIVE_UP) {
        err_prefix(&p->failure,
                   "stopped restarting Delve after %ld restarts in %ld s: ", p->context.target->recover.attempts,
                   p->context.target->recover.window_seconds);
        process_fail(p, &p->failure);
        return;
    }
    process_act(p, step);
}

static void check(struct supervised *p, enum process_next next)
{
    struct keeper_run r = {.kind = KEEPER_ALIVE};
    p->next = next;
    process_run(p, &r, PROCESS_CHECKING, "checking whether the process is alive");
}

/* What is left of the program was swept away by the supervisor, unless it was attached to. */
static void come_back(struct supervised *p)
{
    struct err text;
    if (p->order.plan->mode == DELVE_ATTACH && (p->has_served || p->may_trap)) {
        check(p, PROCESS_NEXT_COME_BACK);
        return;
    }
    if (p->has_served && p->context.target->recover.after_crash == CONFIG_AFTER_CRASH_END) {
        err_set(&text,
                "%s, and the program with it; the program is not run again, because recover.afterCrash is \"end\"",
                p->failure.text);
        process_fail(p, &text);
        return;
    }
    err_set(&text, "%s; %s", p->failure.text,
            p->has_served ? "restarting the program from the beginning" : "restarting Delve");
    process_say(p, "important", text.text);
    start_again(p);
}

static void checked(struct supervised *p, bool lives)
{
    const char *why = p->failure.text;
    struct err text;
    if (!lives) {
        err_set(&text, "%s, and process %ld has ended", why, p->order.plan->pid);
        process_fail(p, &text);
    } else if (p->may_trap && p->base.handler->holds_breakpoints(p->base.arg)) {
        err_set(&text,
                "%s; process %ld is still running with Delve's breakpoints in it, and will crash when it reaches one: "
                "restart that process before you debug it again",
                why, p->order.plan->pid);
        process_fail(p, &text);
    } else if (p->next == PROCESS_NEXT_CHECK) {
        process_launch(p, "restart");
    } else {
        err_set(&text, "%s; process %ld is still running; attaching to it again", why, p->order.plan->pid);
        process_say(p, "important", text.text);
        p->same_process = true;
        start_again(p);
    }
}

void process_stop(struct supervised *p, enum process_next next, bool at_once, const char *reason)
{
    p->next = next;
    process_set_state(p, PROCESS_STOPPING, reason);
    timer_start(p->step, PROCESS_STOP_MS, 0);
    keeper_stop(p->keeper, at_once);
}

void process_drained(struct supervised *p)
{
    timer_stop(p->step);
    if (p->next == PROCESS_NEXT_COME_BACK)
        come_back(p);
    else if (p->may_trap && process_attaches_again(p))
        check(p, PROCESS_NEXT_CHECK);
    else
        process_launch(p, "the previous run has ended");
}

static void dlv_ended(struct supervised *p, int status)
{
    struct err why;
    bool by_signal = status > PROCESS_SIGNAL_STATUS;
    timer_stop(p->step);
    if (p->state == PROCESS_LISTENING && !p->same_process) {
        process_start_failed(p, status);
        return;
    }
    err_set(&why, "Delve on %s ended unexpectedly (%s %d)", process_where(p), by_signal ? "signal" : "exit status",
            by_signal ? status - PROCESS_SIGNAL_STATUS : status);
    process_lost(p, &why, false);
}

void process_run_ended(struct supervised *p, int status)
{
    switch (p->state) {
    case PROCESS_PREPARING:
        prelaunch_ended(p, status);
        break;
    case PROCESS_BUILDING:
        process_start_failed(p, status);
        break;
    case PROCESS_INSPECTING:
        process_diagnose(p, false);
        break;
    case PROCESS_MENDING:
        process_remedy_ended(p, status);
        break;
    case PROCESS_CHECKING:
        checked(p, status == 0);
        break;
    case PROCESS_LISTENING:
    case PROCESS_SERVING:
    case PROCESS_RETURNING:
        dlv_ended(p, status);
        break;
    case PROCESS_WINDING_DOWN:
        process_set_state(p, PROCESS_IDLE, "Delve has followed its program");
        break;
    case PROCESS_STOPPING:
        if (status <= PROCESS_SIGNAL_STATUS || status == PROCESS_SIGNAL_STATUS + SIGTERM)
            p->may_trap = false; /* it has detached, or had not attached yet */
        else if (p->next == PROCESS_NEXT_LAUNCH)
            err_set(&p->failure, "Delve on %s had to be killed", process_where(p));
        process_set_state(p, PROCESS_DRAINING, "it has ended");
        /* The last of the program's output comes before anything of the next one's. */
        timer_start(p->step, p->output_over ? 0 : PROCESS_QUIET_MS, 0);
        break;
    default:
        break;
    }
}
