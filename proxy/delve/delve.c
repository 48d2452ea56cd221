/* What coordinates a session's process and its attachment, and reaches the Go machine for both. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "proxy/base/log.h"
#include "proxy/base/state.h"
#include "proxy/delve/delve_private.h"

enum {
    /* After the program's exit a stream that a grandchild holds open is given up after so long without a byte, and one
     * that it writes to after so long in all. While the client does not read, neither runs. */
    QUIET_MS = 1000,
    LAST_OUTPUT_MS = 5000,
    WORK_SLOW_MS = 2000 /* from the beginning of a step to a word about it */
};

static const char *const state_names[] = {"linking", "linked",        "running", "exited",
                                          "gone",    "disconnecting", "reaping", "over"};

/* Whatever it does, it can be told to end, fail, or lose its link. */
#define ENDS (STATE_BIT(DELVE_REAPING) | STATE_BIT(DELVE_OVER))
static const unsigned legal_edges[] = {
    [DELVE_LINKING] = STATE_BIT(DELVE_LINKED) | ENDS,
    [DELVE_LINKED] = STATE_BIT(DELVE_RUNNING) | STATE_BIT(DELVE_LINKING) | ENDS,
    [DELVE_RUNNING] = STATE_BIT(DELVE_EXITED) | STATE_BIT(DELVE_DISCONNECTING) | ENDS,
    [DELVE_EXITED] = STATE_BIT(DELVE_RUNNING) | STATE_BIT(DELVE_GONE) | STATE_BIT(DELVE_DISCONNECTING) | ENDS,
    [DELVE_GONE] = STATE_BIT(DELVE_DISCONNECTING) | ENDS,
    [DELVE_DISCONNECTING] = ENDS,
    [DELVE_REAPING] = STATE_BIT(DELVE_OVER),
    [DELVE_OVER] = 0,
};
static const struct states states = {"Delve", state_names, legal_edges};

void delve_set_state(struct delve *d, enum delve_state state, const char *reason)
{
    d->state = (enum delve_state)state_next(&states, d->state, state, CONFIG_LOG_DEBUG, d->subject, reason);
}

static void say(void *arg, const char *category, const char *text)
{
    struct delve *d = arg;
    d->handler->say(d->arg, category, text);
}

static void on_waiting(void *arg, const char *text)
{
    struct delve *d = arg;
    d->handler->waiting(d->arg, text);
}

/* --- the end --- */

static void over(struct delve *d, const char *reason)
{
    bool is_owed = d->state == DELVE_DISCONNECTING;
    timer_stop(d->step);
    delve_set_state(d, DELVE_OVER, reason);
    if (is_owed)
        d->handler->disconnected(d->arg);
    d->handler->ended(d->arg);
}

void delve_reap(struct delve *d, const char *reason)
{
    bool is_owed = d->state == DELVE_DISCONNECTING;
    timer_stop(d->step);
    waiting_end(d->waiting);
    waiting_resume(d->waiting);
    attachment_close(d->attachment, false);
    delve_set_state(d, DELVE_REAPING, reason);
    if (is_owed)
        d->handler->disconnected(d->arg);
    if (d->state != DELVE_REAPING)
        return;
    if (d->process)
        process_end(d->process);
    else
        timer_start(d->step, 0, 0); /* not from inside the caller's call */
}

static void fail(struct delve *d, const struct err *why)
{
    struct err copy = *why;
    if (d->state >= DELVE_DISCONNECTING)
        return;
    timer_stop(d->step);
    d->handler->failed(d->arg, &copy);
    if (d->state < DELVE_DISCONNECTING)
        delve_reap(d, "it failed");
}

void delve_fail_memory(struct delve *d)
{
    struct err why;
    err_set(&why, "out of memory");
    fail(d, &why);
}

static void report_exit(struct delve *d, const char *reason)
{
    timer_stop(d->step);
    delve_set_state(d, DELVE_GONE, reason);
    d->handler->exited(d->arg, d->exit_known, d->exit_code);
}

/* Tells the program's end once its exit status and all its output are there. */
static void await_output(struct delve *d)
{
    uint64_t now = timer_now(d->loop);
    if (d->state != DELVE_EXITED)
        return;
    if (process_is_quiet(d->process))
        report_exit(d, "its output has ended");
    else if (d->paused)
        timer_stop(d->step);
    else if (now >= d->output_until && link_was_heard(d->link, QUIET_MS))
        report_exit(d, "another process keeps writing to its output");
    else if (now >= d->output_until)
        timer_start(d->step, QUIET_MS, 0);
    else
        timer_start(d->step, d->output_until - now < QUIET_MS ? d->output_until - now : QUIET_MS, 0);
}

void delve_exited(struct delve *d, bool known, int status, const char *reason)
{
    d->exit_known = known;
    d->exit_code = status;
    delve_set_state(d, DELVE_EXITED, reason);
    process_wind_down(d->process);
    d->paused_at = timer_now(d->loop);
    d->output_until = d->paused_at + LAST_OUTPUT_MS;
    await_output(d);
}

/* --- the process --- */

static void on_working(void *arg, const char *text)
{
    struct delve *d = arg;
    if (text)
        waiting_begin(d->waiting, WORK_SLOW_MS, "%s ...", text);
    else
        waiting_end(d->waiting);
}

static void on_lost(void *arg, const struct err *why)
{
    struct delve *d = arg;
    bool was_open = attachment_is_open(d->attachment);
    attachment_close(d->attachment, false);
    if (was_open)
        d->handler->broken(d->arg);
    if (d->ever_attached && d->state == DELVE_RUNNING)
        d->handler->lost(d->arg, DELVE_LOSS_DELVE, why);
}

static bool holds_breakpoints(void *arg)
{
    struct delve *d = arg;
    return d->handler->holds_breakpoints(d->arg);
}

static void on_idle(void *arg, const struct err *why)
{
    struct delve *d = arg;
    d->handler->idle(d->arg, why);
}

static void on_output(void *arg, enum channel_source source, const char *data, size_t len)
{
    struct delve *d = arg;
    d->handler->output(d->arg, source, data, len);
    await_output(d); /* begins the quiet time again */
}

static void on_output_ended(void *arg)
{
    await_output(arg);
}

static void on_failed(void *arg, const struct err *why)
{
    struct delve *d = arg;
    if (d->state >= DELVE_DISCONNECTING)
        log_warning(d->subject, "%s", why->text);
    else
        fail(d, why);
}

static void on_ended(void *arg)
{
    over(arg, "everything has ended");
}

static const struct process_handler process_events = {
    .say = say,
    .working = on_working,
    .compose = delve_on_compose,
    .flight_started = delve_on_flight_started,
    .listening = delve_on_listening,
    .lost = on_lost,
    .holds_breakpoints = holds_breakpoints,
    .idle = on_idle,
    .output = on_output,
    .output_ended = on_output_ended,
    .failed = on_failed,
    .ended = on_ended,
};

static void begin(struct delve *d)
{
    const struct process_context context = {.loop = d->loop,
                                            .config = d->config,
                                            .target = d->target,
                                            .machine = d->machine,
                                            .link = d->link,
                                            .subject = d->subject};
    const struct process_order order = {.plan = d->plan, .prelaunch = d->prelaunch};
    delve_set_state(d, DELVE_RUNNING, "launch");
    d->process = d->plan->mode == DELVE_REMOTE ? process_remote_new(&context, &process_events, d)
                                               : process_supervised_new(&context, &process_events, d);
    if (!d->process) {
        delve_fail_memory(d);
        return;
    }
    process_pause(d->process, d->paused);
    process_start(d->process, order);
}

/* --- the link --- */

static void on_link_ready(void *arg)
{
    struct delve *d = arg;
    if (d->state != DELVE_LINKING)
        return;
    delve_set_state(d, DELVE_LINKED, d->machine->where);
    if (d->plan)
        begin(d);
}

static void on_link_note(void *arg, const char *text)
{
    say(arg, "console", text);
}

static void on_link_outage(void *arg, const char *text)
{
    struct delve *d = arg;
    if (text && d->state < DELVE_DISCONNECTING)
        waiting_suspend(d->waiting, text);
    else
        waiting_resume(d->waiting);
}

static void on_link_lost(void *arg, const struct err *why, bool transient)
{
    struct delve *d = arg;
    struct err copy = *why;
    (void)transient;
    d->link = NULL;
    if (!d->plan && d->state <= DELVE_LINKED) {
        /* Nobody has asked for anything yet: `launch` tries again, and reports it if that fails too. */
        log_info(d->subject, "%s", copy.text);
        if (d->state == DELVE_LINKED)
            delve_set_state(d, DELVE_LINKING, "the connection is lost");
        return;
    }
    /* The channels are gone: nothing that the session does now may touch them. */
    attachment_close(d->attachment, true);
    process_free(d->process, true);
    d->process = NULL;
    waiting_end(d->waiting);
    waiting_resume(d->waiting);
    timer_stop(d->step);
    enum delve_state before = d->state;
    delve_set_state(d, DELVE_OVER, "the connection is lost");
    if (before >= DELVE_DISCONNECTING)
        log_info(d->subject, "%s", copy.text); /* nobody else says it */
    if (before < DELVE_DISCONNECTING)
        d->handler->failed(d->arg, &copy);
    else if (before == DELVE_DISCONNECTING)
        d->handler->disconnected(d->arg);
    d->handler->ended(d->arg);
}

static const struct link_handler link_events = {
    .ready = on_link_ready, .note = on_link_note, .outage = on_link_outage, .lost = on_link_lost};

static void on_step(void *arg)
{
    struct delve *d = arg;
    switch (d->state) {
    case DELVE_LINKING:
        delve_fail_memory(d);
        break;
    case DELVE_EXITED:
        if (link_was_heard(d->link, QUIET_MS))
            report_exit(d, "its output is idle: another process holds it open");
        else
            timer_start(d->step, QUIET_MS, 0);
        break;
    case DELVE_REAPING:
        over(d, "nothing was started");
        break;
    default:
        break;
    }
}

/* --- the session's calls --- */

struct delve *delve_new(uv_loop_t *loop, struct config *config, const struct config_target *target, const char *subject,
                        const struct delve_handler *h, void *arg)
{
    struct delve *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->loop = loop;
    d->config = config_ref(config);
    d->target = target;
    d->handler = h;
    d->arg = arg;
    (void)snprintf(d->subject, sizeof d->subject, "%s", subject);
    d->step = timer_new(loop, on_step, d);
    d->waiting = waiting_new(loop, on_waiting, d);
    d->machine = machine_of_target(loop, target);
    if (d->step && d->waiting && d->machine)
        d->link = machine_link(d->machine, &link_events, d);
    if (!d->link) {
        delve_free(d);
        return NULL;
    }
    return d;
}

void delve_start(struct delve *d, const struct delve_plan *plan, const struct delve_prelaunch *prelaunch,
                 const json_t *initialize_arguments)
{
    assert(!d->plan && d->state <= DELVE_LINKED);
    d->plan = plan;
    d->prelaunch = prelaunch;
    d->initialize_arguments = initialize_arguments;
    if (!d->link) {
        d->link = machine_link(d->machine, &link_events, d);
        if (!d->link)
            timer_start(d->step, 0, 0);
    }
    if (d->state == DELVE_LINKED)
        begin(d);
}

void delve_restart(struct delve *d, const struct delve_plan *plan, const struct delve_prelaunch *prelaunch)
{
    const struct process_order order = {.plan = plan, .prelaunch = prelaunch};
    d->plan = plan;
    d->prelaunch = prelaunch;
    if (d->state == DELVE_EXITED) {
        timer_stop(d->step);
        delve_set_state(d, DELVE_RUNNING, "restart");
    }
    delve_wake(d);
    if (d->state != DELVE_RUNNING)
        return; /* nothing was started yet, and it will be this plan; or it is too late */
    waiting_end(d->waiting);
    attachment_close(d->attachment, false);
    process_restart(d->process, order);
}

void delve_used(struct delve *d)
{
    if (d->process)
        process_used(d->process);
}

void delve_wake(struct delve *d)
{
    if (d->link)
        link_wake(d->link);
}

void delve_pause(struct delve *d, bool paused)
{
    uint64_t now = timer_now(d->loop);
    if (d->state == DELVE_EXITED && paused != d->paused) {
        d->output_until += paused ? 0 : now - d->paused_at;
        d->paused_at = now;
    }
    d->paused = paused;
    await_output(d);
    if (d->attachment)
        attachment_pause(d->attachment, paused);
    if (d->process)
        process_pause(d->process, paused);
}

bool delve_end(struct delve *d, bool terminate)
{
    if (d->state >= DELVE_DISCONNECTING)
        return d->state == DELVE_DISCONNECTING;
    timer_stop(d->step);
    bool launched = d->plan && d->plan->mode != DELVE_ATTACH && d->plan->mode != DELVE_REMOTE;
    delve_wake(d);
    /* Without a connection Delve's answer would not come: its supervisor ends it when it hears of that. */
    if (attachment_is_open(d->attachment) && link_is_alive(d->link)) {
        delve_set_state(d, DELVE_DISCONNECTING, "disconnect");
        process_wind_down(d->process);
        attachment_disconnect(d->attachment, terminate || launched);
        return true;
    }
    /* The session takes what is pending from it. */
    delve_reap(d, "no connection to Delve");
    return false;
}

void delve_free(struct delve *d)
{
    if (!d)
        return;
    timer_free(d->step);
    waiting_free(d->waiting);
    attachment_free(d->attachment);
    delve_flight_free(d);
    process_free(d->process, false);
    if (d->link)
        link_close(d->link);
    machine_release(d->machine);
    config_unref(d->config);
    free(d);
}
