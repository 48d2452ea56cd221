/* What coordinates a session's process and its attachment, and reaches the Go machine for both. */
#include "proxy/delve/delve.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/log.h"
#include "proxy/base/state.h"
#include "proxy/base/timer.h"
#include "proxy/delve/attachment.h"
#include "proxy/delve/process.h"
#include "proxy/delve/waiting.h"
#include "proxy/machine/machine.h"

enum {
    SUBJECT_MAX = 64,
    /* After the program's exit a stream that a grandchild holds open is given up after so long without a byte, and one
     * that it writes to after so long in all. While the client does not read, neither runs. */
    QUIET_MS = 1000,
    LAST_OUTPUT_MS = 5000,
    /* From the beginning of something to a word about it. */
    WORK_SLOW_MS = 2000,
    ANSWER_SLOW_MS = 5000,
    OLDER_MAX = 8,  /* flights that are remembered */
    FLIGHT_OWN = 2, /* requests of a flight that are delvegate's own: initialize, attach */
    MS = 1000
};

/* What a flight has pending that was replaced: it may be the one that is carried out. */
struct older {
    uint32_t edition;
    struct dap_pending *pending;
};

enum delve_state {
    DELVE_LINKING,       /* reaching the Go machine */
    DELVE_LINKED,        /* reached, nothing asked yet */
    DELVE_RUNNING,       /* the process and the attachment are at work */
    DELVE_EXITED,        /* the program has ended: its last output is awaited, then that is told */
    DELVE_GONE,          /* it was told; Delve can still be asked */
    DELVE_DISCONNECTING, /* disconnect is sent */
    DELVE_REAPING,       /* the process ends what is left */
    DELVE_OVER
};

struct delve {
    uv_loop_t *loop;
    struct config *config;
    const struct config_target *target;
    char subject[SUBJECT_MAX];
    const struct delve_handler *handler;
    void *arg;
    enum delve_state state;

    struct machine *machine;
    struct link *link;
    struct process *process;       /* NULL before the launch */
    struct attachment *attachment; /* the newest; a closed one holds what is pending */
    const struct delve_plan *plan;
    const struct delve_prelaunch *prelaunch;
    const json_t *initialize_arguments;

    bool paused;
    bool ever_attached;               /* the session has been told so once */
    bool same_process, keeps_stopped; /* of the next attach */
    enum delve_told told;             /* likewise */
    uint32_t edition;                 /* of the newest flight */
    struct older older[OLDER_MAX];    /* that it has replaced, by their editions */
    bool exit_known;
    int exit_code;
    uint64_t output_until; /* EXITED: output that comes later is not waited for, in the loop's ms */
    uint64_t paused_at;    /* likewise: since then nothing is read */
    struct waiting *waiting;
    struct timer *step; /* LINKING: out of memory; EXITED: the streams are quiet */
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

static void set_state(struct delve *d, enum delve_state state, const char *reason)
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
    set_state(d, DELVE_OVER, reason);
    if (is_owed)
        d->handler->disconnected(d->arg);
    d->handler->ended(d->arg);
}

static void reap(struct delve *d, const char *reason)
{
    bool is_owed = d->state == DELVE_DISCONNECTING;
    timer_stop(d->step);
    waiting_end(d->waiting);
    waiting_resume(d->waiting);
    attachment_close(d->attachment, false);
    set_state(d, DELVE_REAPING, reason);
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
        reap(d, "it failed");
}

static void fail_memory(struct delve *d)
{
    struct err why;
    err_set(&why, "out of memory");
    fail(d, &why);
}

static void tell_exit(struct delve *d, const char *reason)
{
    timer_stop(d->step);
    set_state(d, DELVE_GONE, reason);
    d->handler->exited(d->arg, d->exit_known, d->exit_code);
}

/* Tells the program's end once its exit status and all its output are there. */
static void await_output(struct delve *d)
{
    uint64_t now = timer_now(d->loop);
    if (d->state != DELVE_EXITED)
        return;
    if (process_is_quiet(d->process))
        tell_exit(d, "its output has ended");
    else if (d->paused)
        timer_stop(d->step);
    else if (now >= d->output_until && link_was_heard(d->link, QUIET_MS))
        tell_exit(d, "somebody else goes on writing to its streams");
    else if (now >= d->output_until)
        timer_start(d->step, QUIET_MS, 0);
    else
        timer_start(d->step, d->output_until - now < QUIET_MS ? d->output_until - now : QUIET_MS, 0);
}

static void exited(struct delve *d, bool known, int status, const char *reason)
{
    d->exit_known = known;
    d->exit_code = status;
    set_state(d, DELVE_EXITED, reason);
    process_wind_down(d->process);
    d->paused_at = timer_now(d->loop);
    d->output_until = d->paused_at + LAST_OUTPUT_MS;
    await_output(d);
}

/* --- the attachment --- */

static void on_capabilities(void *arg, const json_t *body)
{
    struct delve *d = arg;
    d->handler->capabilities(d->arg, body);
}

static void await_answer(struct delve *d, const char *command)
{
    const char *cause = "it may hang";
    if (strcmp(command, "attach") == 0)
        cause = "another client may have the program running. Pause it there, or end that client's session";
    else if (d->plan->mode == DELVE_REMOTE)
        cause = "it may hang, or something else listens at that port";
    waiting_begin(d->waiting, ANSWER_SLOW_MS, "Delve on %s has not answered %s for %d s: %s", d->machine->where,
                  command, ANSWER_SLOW_MS / MS, cause);
}

static void on_attaching(void *arg)
{
    await_answer(arg, "attach");
}

static void on_attached(void *arg)
{
    struct delve *d = arg;
    bool same_process = d->same_process;
    waiting_end(d->waiting);
    d->ever_attached = true;
    d->same_process = d->keeps_stopped = false;
    process_attached(d->process);
    d->handler->attached(d->arg, same_process, d->told);
}

static void on_refused(void *arg, const struct err *why, bool has_exited, int status)
{
    struct delve *d = arg;
    waiting_end(d->waiting);
    struct err copy = *why;
    if (has_exited) /* while the connection to its Delve was lost */
        exited(d, true, status, copy.text);
    else
        process_refused(d->process, &copy);
}

static void on_message(void *arg, const struct dap_message *m, const struct dap_asked *asked)
{
    struct delve *d = arg;
    d->handler->message(d->arg, m, asked);
}

static void on_skipped(void *arg, const struct dap_asked *asked, size_t length)
{
    struct delve *d = arg;
    d->handler->skipped(d->arg, asked, length);
}

static void on_drained(void *arg)
{
    struct delve *d = arg;
    d->handler->drained(d->arg);
}

static void on_program_exited(void *arg, bool known, int status)
{
    if (((struct delve *)arg)->state == DELVE_RUNNING)
        exited(arg, known, status, "the program has ended");
}

static void on_broken(void *arg)
{
    struct delve *d = arg;
    waiting_end(d->waiting);
    if (d->ever_attached)
        d->handler->broken(d->arg);
}

static void on_lives(void *arg, enum delve_client_end end, const struct err *why)
{
    struct delve *d = arg;
    struct err copy = *why;
    d->handler->lost(d->arg, end == DELVE_CLIENT_CLOSED ? DELVE_LOSS_CONNECTION : DELVE_LOSS_CHANNEL, &copy);
    if (d->state == DELVE_RUNNING)
        process_reconnect(d->process, &copy);
}

static void on_dead(void *arg, enum delve_client_end end, const struct err *why)
{
    struct delve *d = arg;
    struct err copy = *why;
    if (d->ever_attached)
        process_died(d->process, &copy);
    else
        process_unreachable(d->process, end, &copy);
}

static void on_silent(void *arg, const struct err *why)
{
    struct delve *d = arg;
    struct err copy = *why;
    process_died(d->process, &copy);
}

static void on_disconnected(void *arg, const char *how)
{
    reap(arg, how);
}

static const struct attachment_handler attachment_events = {
    .attaching = on_attaching,
    .capabilities = on_capabilities,
    .attached = on_attached,
    .refused = on_refused,
    .message = on_message,
    .skipped = on_skipped,
    .drained = on_drained,
    .exited = on_program_exited,
    .broken = on_broken,
    .lives = on_lives,
    .dead = on_dead,
    .silent = on_silent,
    .disconnected = on_disconnected,
};

/* --- the process --- */

/* port: 0 for a flight. Returns 0, or -1 when memory ran out, which fails it all. */
static int attach_to(struct delve *d, int port, bool same_process)
{
    json_t *attach = json_copy(d->plan->attach);
    d->same_process = same_process;
    d->told = DELVE_TOLD_ATTACH;
    /* What the user sees as stopped must not run on because delvegate came back. */
    if (attach && same_process)
        (void)json_object_set_new(attach, "stopOnEntry", json_boolean(d->keeps_stopped));
    attachment_free(d->attachment);
    d->attachment = NULL;
    const struct attachment_order order = {
        .loop = d->loop,
        .link = d->link,
        .port = port,
        .subject = d->subject,
        .initialize_arguments = d->initialize_arguments,
        .attach_arguments = attach,
        .once_attached = same_process,
        .leaves = d->plan->mode == DELVE_ATTACH,
    };
    d->attachment = attach ? attachment_new(&order, &attachment_events, d) : NULL;
    json_decref(attach);
    if (d->attachment)
        return 0;
    fail_memory(d);
    return -1;
}

static void on_listening(void *arg, int port, bool same_process)
{
    struct delve *d = arg;
    if (attach_to(d, port, same_process) == 0)
        await_answer(d, "initialize");
}

static void keep_older(struct delve *d)
{
    struct older *o = &d->older[d->edition % OLDER_MAX];
    dap_pending_free(o->pending);
    *o = (struct older){.edition = d->edition, .pending = attachment_give_pending(d->attachment)};
}

static struct dap_pending *take_older(struct delve *d, uint32_t edition)
{
    struct older *o = &d->older[edition % OLDER_MAX];
    struct dap_pending *pending = o->edition == edition ? o->pending : NULL;
    if (pending)
        o->pending = NULL;
    return pending;
}

static uint32_t on_compose(void *arg, bool same_process, struct buf *flight)
{
    struct delve *d = arg;
    if (attachment_is_flight(d->attachment))
        keep_older(d);
    if (attach_to(d, 0, same_process) < 0)
        return 0;
    enum delve_flight what = d->handler->compose(d->arg, same_process);
    if (what == DELVE_FLIGHT_NOT_YET) {
        attachment_free(d->attachment);
        d->attachment = NULL;
        return 0;
    }
    if (what == DELVE_FLIGHT_ATTACH || !attachment_flight(d->attachment))
        attachment_shorten_flight(d->attachment);
    const struct buf *requests = attachment_flight(d->attachment);
    if (!requests || buf_append(flight, requests->data, requests->len) < 0) {
        fail_memory(d);
        return 0;
    }
    d->edition = d->edition % ORDER_NUMBER_MAX + 1;
    return d->edition;
}

static void on_flying(void *arg, const struct keeper_flight *flight, bool same_process)
{
    struct delve *d = arg;
    bool is_newest = flight->edition == d->edition;
    if (!attachment_is_flight(d->attachment)) {
        if (flight->channel)
            channel_close(flight->channel);
        return;
    }
    d->same_process = same_process;
    d->told = flight->count <= FLIGHT_OWN ? DELVE_TOLD_ATTACH : is_newest ? DELVE_TOLD_ALL : DELVE_TOLD_OLD;
    attachment_take(d->attachment, flight, is_newest, is_newest ? NULL : take_older(d, flight->edition));
    await_answer(d, "initialize");
}

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
    over(arg, "nothing is left");
}

static const struct process_handler process_events = {
    .say = say,
    .working = on_working,
    .compose = on_compose,
    .flying = on_flying,
    .listening = on_listening,
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
    const struct process_place place = {.loop = d->loop,
                                        .config = d->config,
                                        .target = d->target,
                                        .machine = d->machine,
                                        .link = d->link,
                                        .subject = d->subject};
    const struct process_order order = {.plan = d->plan, .prelaunch = d->prelaunch};
    set_state(d, DELVE_RUNNING, "launch");
    d->process = d->plan->mode == DELVE_REMOTE ? process_remote_new(&place, &process_events, d)
                                               : process_supervised_new(&place, &process_events, d);
    if (!d->process) {
        fail_memory(d);
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
    set_state(d, DELVE_LINKED, d->machine->where);
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
        /* Nobody has asked for anything yet: `launch` tries again, and tells it if that fails too. */
        log_info(d->subject, "%s", copy.text);
        if (d->state == DELVE_LINKED)
            set_state(d, DELVE_LINKING, "the link is lost");
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
    set_state(d, DELVE_OVER, "the link is lost");
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
        fail_memory(d);
        break;
    case DELVE_EXITED:
        if (link_was_heard(d->link, QUIET_MS))
            tell_exit(d, "its streams are quiet: somebody else holds them open");
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
        set_state(d, DELVE_RUNNING, "restart");
    }
    delve_wake(d);
    if (d->state != DELVE_RUNNING)
        return; /* nothing was started yet, and it will be this plan; or it is too late */
    waiting_end(d->waiting);
    attachment_close(d->attachment, false);
    process_restart(d->process, order);
}

void delve_changed(struct delve *d)
{
    if (d->state != DELVE_RUNNING)
        return; /* it is asked for later */
    if (!d->attachment || attachment_is_flight(d->attachment)) {
        process_changed(d->process);
    } else if (attachment_is_attaching(d->attachment) && d->told == DELVE_TOLD_ALL) {
        /* It is being told already: what has changed comes behind it. */
        d->told = DELVE_TOLD_OLD;
    }
}

void delve_keep_stopped(struct delve *d, bool stopped)
{
    d->keeps_stopped = stopped;
}

void delve_used(struct delve *d)
{
    if (d->process)
        process_used(d->process);
}

enum delve_client_result delve_forward(struct delve *d, enum dap_asker asker, const struct dap_message *m,
                                       struct dap_edits *edits)
{
    if (d->state > DELVE_GONE)
        return DELVE_CLIENT_TOO_MANY;
    return attachment_forward(d->attachment, asker, m, edits);
}

int delve_take_oldest(struct delve *d, struct dap_asked *asked)
{
    return attachment_take_oldest(d->attachment, asked);
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
        set_state(d, DELVE_DISCONNECTING, "disconnect");
        process_wind_down(d->process);
        attachment_disconnect(d->attachment, terminate || launched);
        return true;
    }
    /* The session takes what is pending from it. */
    reap(d, "no connection to Delve");
    return false;
}

void delve_free(struct delve *d)
{
    if (!d)
        return;
    timer_free(d->step);
    waiting_free(d->waiting);
    attachment_free(d->attachment);
    for (size_t i = 0; i < OLDER_MAX; i++)
        dap_pending_free(d->older[i].pending);
    process_free(d->process, false);
    if (d->link)
        link_close(d->link);
    machine_release(d->machine);
    config_unref(d->config);
    free(d);
}
