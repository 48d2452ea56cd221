#include "proxy/delve/delve_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "proxy/base/log.h"
#include "proxy/base/nonce.h"
#include "proxy/base/state.h"
#include "proxy/machine/reach.h"

enum {
    DISCONNECT_MS = 1500, /* for Delve's answer to disconnect: VS Code waits 2 s for ours */
    REAP_MS = 30 * 1000   /* for the supervisor to report that all is gone */
};

static const char *const state_names[] = {
    "linking", "linked",  "starting", "preparing", "building", "waiting",       "mending", "connecting", "attached",
    "exited",  "probing", "checking", "stopping",  "idle",     "disconnecting", "reaping", "over"};

/* Whatever it does, it can be told to end, fail, or lose its link. */
#define ENDS (STATE_BIT(DELVE_REAPING) | STATE_BIT(DELVE_OVER))
/* What a launch may come to before dlv listens; at any time the user may restart it. */
#define STARTS                                                                                                         \
    (STATE_BIT(DELVE_PREPARING) | STATE_BIT(DELVE_BUILDING) | STATE_BIT(DELVE_WAITING) | STATE_BIT(DELVE_MENDING) |    \
     STATE_BIT(DELVE_IDLE) | STATE_BIT(DELVE_STOPPING))
static const unsigned legal_edges[] = {
    [DELVE_LINKING] = STATE_BIT(DELVE_LINKED) | ENDS,
    [DELVE_LINKED] = STATE_BIT(DELVE_STARTING) | STATE_BIT(DELVE_CONNECTING) | STATE_BIT(DELVE_LINKING) | ENDS,
    [DELVE_STARTING] = STARTS | ENDS,
    [DELVE_PREPARING] = STARTS | ENDS,
    [DELVE_BUILDING] = STARTS | STATE_BIT(DELVE_CONNECTING) | ENDS,
    [DELVE_WAITING] = STARTS | STATE_BIT(DELVE_CONNECTING) | ENDS,
    [DELVE_MENDING] = STARTS | ENDS,
    [DELVE_CONNECTING] = STARTS | STATE_BIT(DELVE_ATTACHED) | STATE_BIT(DELVE_EXITED) | STATE_BIT(DELVE_PROBING) |
                         STATE_BIT(DELVE_DISCONNECTING) | ENDS,
    [DELVE_ATTACHED] = STARTS | STATE_BIT(DELVE_EXITED) | STATE_BIT(DELVE_PROBING) | STATE_BIT(DELVE_CHECKING) |
                       STATE_BIT(DELVE_DISCONNECTING) | ENDS,
    [DELVE_EXITED] = STATE_BIT(DELVE_DISCONNECTING) | ENDS,
    [DELVE_PROBING] = STARTS | STATE_BIT(DELVE_CONNECTING) | STATE_BIT(DELVE_CHECKING) | ENDS,
    [DELVE_CHECKING] = STARTS | ENDS,
    [DELVE_STOPPING] = STARTS | STATE_BIT(DELVE_CHECKING) | ENDS,
    [DELVE_IDLE] = STARTS | ENDS,
    [DELVE_DISCONNECTING] = ENDS,
    [DELVE_REAPING] = STATE_BIT(DELVE_OVER),
    [DELVE_OVER] = 0,
};
static const struct states states = {"Delve", state_names, legal_edges};

void delve_set_state(struct delve *d, enum delve_state state, const char *reason)
{
    d->state = (enum delve_state)state_next(&states, d->state, state, CONFIG_LOG_DEBUG, d->subject, reason);
}

void delve_say(struct delve *d, const char *category, const char *text)
{
    d->handler->say(d->arg, category, text);
}

void delve_over(struct delve *d, const char *reason)
{
    timer_stop(d->step);
    delve_set_state(d, DELVE_OVER, reason);
    if (!d->told_end) {
        d->told_end = true;
        d->handler->disconnected(d->arg);
    }
    d->handler->ended(d->arg);
}

void delve_hang_up(struct delve *d, bool link_lost)
{
    delve_client_close(d->client, link_lost);
    exit_query_free(d->query, link_lost);
    heartbeat_free(d->heartbeat, link_lost);
    d->query = NULL;
    d->heartbeat = NULL;
}

void delve_reap(struct delve *d, const char *reason)
{
    delve_hang_up(d, false);
    delve_set_state(d, DELVE_REAPING, reason);
    if (!d->told_end) {
        d->told_end = true;
        d->handler->disconnected(d->arg);
    }
    if (d->state != DELVE_REAPING)
        return;
    if (d->keeper) {
        keeper_end(d->keeper);
        timer_start(d->step, REAP_MS, 0);
    } else {
        timer_start(d->step, 0, 0); /* not from inside the caller's call */
    }
}

void delve_fail(struct delve *d, const struct err *why)
{
    struct err copy = *why;
    if (d->state >= DELVE_DISCONNECTING)
        return;
    timer_stop(d->step);
    d->told_end = true;
    d->handler->failed(d->arg, &copy);
    delve_reap(d, copy.text);
}

void delve_fail_memory(struct delve *d)
{
    struct err why;
    err_set(&why, "out of memory");
    delve_fail(d, &why);
}

/* --- the link --- */

static void begin(struct delve *d)
{
    if (d->plan->mode == DELVE_REMOTE) {
        d->port = d->plan->port;
        d->output_ended = true; /* it stays with whoever started that Delve */
        delve_connect(d, "attaching to a running Delve");
        return;
    }
    char id[NONCE_SIZE];
    nonce_make(id);
    delve_set_state(d, DELVE_STARTING, "starting the supervisor");
    log_debug(d->subject, "its run directory is named %s", id);
    d->keeper = keeper_start(d->loop, d->link, d->target, id, true, &delve_keeper_events, d);
    if (d->keeper)
        keeper_log_as(d->keeper, d->subject);
    if (!d->keeper || keeper_examine(d->keeper, d->plan->build_dir, false) < 0)
        delve_fail_memory(d);
}

static void on_link_ready(void *arg)
{
    struct delve *d = arg;
    if (d->state != DELVE_LINKING)
        return;
    delve_set_state(d, DELVE_LINKED, d->transport->where);
    if (d->plan)
        begin(d);
}

static void on_link_note(void *arg, const char *text)
{
    delve_say(arg, "console", text);
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
            delve_set_state(d, DELVE_LINKING, "the link is lost");
        return;
    }
    /* The channels are gone: nothing that the session does now may touch them. */
    delve_hang_up(d, true);
    delve_leave_orphan(d);
    timer_stop(d->step);
    bool was_told = d->told_end;
    d->told_end = true;
    if (!was_told && d->state != DELVE_DISCONNECTING)
        d->handler->failed(d->arg, &copy);
    else if (!was_told)
        d->handler->disconnected(d->arg);
    if (d->state != DELVE_OVER)
        delve_over(d, copy.text);
}

static const struct link_handler link_events = {.ready = on_link_ready, .note = on_link_note, .lost = on_link_lost};

static void on_step(void *arg)
{
    struct delve *d = arg;
    switch (d->state) {
    case DELVE_LINKING:
        delve_fail_memory(d);
        break;
    case DELVE_WAITING:
        delve_wait_over(d);
        break;
    case DELVE_PROBING:
        delve_probe_late(d);
        break;
    case DELVE_STOPPING:
        /* As for EXITED: while nobody reads the old program's streams, that they are quiet says nothing. */
        if (!d->run_on && d->paused && !d->output_ended)
            timer_start(d->step, DELVE_QUIET_MS, 0);
        else
            delve_stopped(d);
        break;
    case DELVE_EXITED:
        /* The streams are quiet: a grandchild holds them open. While nobody reads them that says nothing. */
        d->output_ended = !d->paused;
        delve_tell_exit(d);
        break;
    case DELVE_DISCONNECTING:
        delve_reap(d, "Delve did not answer disconnect in time");
        break;
    case DELVE_REAPING:
        if (d->keeper)
            log_warning(d->subject, "the supervisor on %s did not report the end within %d s; its lease remains",
                        d->transport->where, REAP_MS / 1000);
        delve_over(d, d->keeper ? "gave up waiting for the supervisor" : "nothing is left");
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
    buf_init(&d->build_tail, 2 * DELVE_TAIL_MAX);
    buf_init(&d->log_tail, 2 * DELVE_TAIL_MAX);
    buf_init(&d->withheld, 2 * DELVE_TAIL_MAX);
    const struct delve_recovery_options options = {
        .mends = target->recover.mod_files != CONFIG_MOD_FILES_NEVER,
        .cleans_modcache = target->recover.clean_mod_cache,
        .attempts = (int)target->recover.attempts,
        .window_ms = (uint64_t)target->recover.window_seconds * 1000,
        .backoff_ms = (uint64_t)target->recover.backoff_ms,
    };
    d->recovery = delve_recovery_new(&options);
    d->step = timer_new(loop, on_step, d);
    d->transport = reach_target(loop, target);
    if (d->step && d->transport && d->recovery)
        d->link = transport_link(d->transport, &link_events, d);
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
        d->link = transport_link(d->transport, &link_events, d);
        if (!d->link)
            timer_start(d->step, 0, 0);
    }
    if (d->state == DELVE_LINKED)
        begin(d);
}

void delve_restart(struct delve *d, const struct delve_plan *plan, const struct delve_prelaunch *prelaunch)
{
    struct err why;
    d->plan = plan;
    d->prelaunch = prelaunch;
    switch (d->state) {
    case DELVE_LINKING:
    case DELVE_LINKED:
    case DELVE_STARTING: /* nothing runs yet: it will be this plan */
        break;
    case DELVE_STOPPING:
        d->restarts = true;
        break;
    case DELVE_WAITING:
    case DELVE_IDLE:
        timer_stop(d->step);
        if (d->run_on) /* a dlv that was to be attached to again */
            delve_stop(d, true, false, "restart");
        else
            delve_launch(d, "restart");
        break;
    default:
        if (d->state >= DELVE_DISCONNECTING || d->state == DELVE_EXITED)
            break;
        if (d->keeper) {
            delve_stop(d, true, false, "restart");
            break;
        }
        err_set(&why, "restart");
        d->by_delve = false;
        if (d->state != DELVE_PROBING)
            delve_probe(d, &why); /* a Delve that the user started: it is attached to again */
    }
}

void delve_keep_stopped(struct delve *d, bool stopped)
{
    d->keeps_stopped = stopped;
}

void delve_used(struct delve *d)
{
    delve_recovery_used(d->recovery);
}

enum delve_client_result delve_forward(struct delve *d, enum dap_asker asker, const struct dap_message *m,
                                       struct dap_edits *edits)
{
    if (!delve_client_is_open(d->client) || (d->state != DELVE_ATTACHED && d->state != DELVE_EXITED))
        return DELVE_CLIENT_TOO_MANY;
    return delve_client_forward(d->client, asker, m, edits);
}

int delve_take_oldest(struct delve *d, struct dap_asked *asked)
{
    while (d->client && delve_client_take_oldest(d->client, asked))
        if (asked->asker == DAP_ASKER_CLIENT)
            return 1;
    return 0;
}

void delve_pause(struct delve *d, bool paused)
{
    if (d->client)
        delve_client_pause(d->client, paused);
    if (d->keeper)
        keeper_pause_output(d->keeper, paused);
    d->paused = paused;
}

bool delve_end(struct delve *d, bool terminate)
{
    if (d->state >= DELVE_DISCONNECTING)
        return !d->told_end;
    timer_stop(d->step);
    exit_query_free(d->query, false);
    heartbeat_free(d->heartbeat, false);
    d->query = NULL;
    d->heartbeat = NULL;
    bool connected = delve_client_is_open(d->client) && d->attached;
    bool launched = d->plan && d->plan->mode != DELVE_ATTACH && d->plan->mode != DELVE_REMOTE;
    if (connected) {
        json_t *arguments = json_pack("{s:b}", "terminateDebuggee", terminate || launched);
        delve_set_state(d, DELVE_DISCONNECTING, "disconnect");
        delve_client_pause(d->client, false);
        (void)delve_client_ask(d->client, "disconnect", arguments);
        json_decref(arguments);
        timer_start(d->step, DISCONNECT_MS, 0);
        return true;
    }
    /* The session takes what is pending from it. */
    delve_client_close(d->client, false);
    d->told_end = true;
    delve_reap(d, "no connection to Delve");
    return false;
}

void delve_free(struct delve *d)
{
    if (!d)
        return;
    timer_free(d->step);
    exit_query_free(d->query, false);
    heartbeat_free(d->heartbeat, false);
    delve_client_free(d->client);
    keeper_free(d->keeper, false);
    if (d->link)
        link_close(d->link);
    transport_release(d->transport);
    config_unref(d->config);
    buf_free(&d->build_tail);
    buf_free(&d->log_tail);
    buf_free(&d->withheld);
    delve_recovery_free(d->recovery);
    delve_findings_free(&d->findings);
    free(d);
}
