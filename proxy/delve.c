#include "proxy/delve_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "proxy/log.h"
#include "proxy/nonce.h"
#include "proxy/reach.h"

enum {
    DISCONNECT_MS = 1500, /* for Delve's answer to disconnect: VS Code waits 2 s for ours */
    REAP_MS = 30 * 1000   /* for the supervisor to report that all is gone */
};

static const char *const state_names[] = {"linking", "linked",  "starting",      "connecting", "attached",
                                          "exited",  "failing", "disconnecting", "reaping",    "over"};

#define BIT(state) (1U << (state))
static const unsigned legal_edges[] = {
    [DELVE_LINKING] = BIT(DELVE_LINKED) | BIT(DELVE_REAPING) | BIT(DELVE_OVER),
    [DELVE_LINKED] =
        BIT(DELVE_STARTING) | BIT(DELVE_CONNECTING) | BIT(DELVE_LINKING) | BIT(DELVE_REAPING) | BIT(DELVE_OVER),
    [DELVE_STARTING] = BIT(DELVE_CONNECTING) | BIT(DELVE_REAPING) | BIT(DELVE_OVER),
    [DELVE_CONNECTING] =
        BIT(DELVE_ATTACHED) | BIT(DELVE_FAILING) | BIT(DELVE_DISCONNECTING) | BIT(DELVE_REAPING) | BIT(DELVE_OVER),
    [DELVE_ATTACHED] =
        BIT(DELVE_EXITED) | BIT(DELVE_FAILING) | BIT(DELVE_DISCONNECTING) | BIT(DELVE_REAPING) | BIT(DELVE_OVER),
    [DELVE_EXITED] = BIT(DELVE_DISCONNECTING) | BIT(DELVE_REAPING) | BIT(DELVE_OVER),
    [DELVE_FAILING] = BIT(DELVE_REAPING) | BIT(DELVE_OVER),
    [DELVE_DISCONNECTING] = BIT(DELVE_REAPING) | BIT(DELVE_OVER),
    [DELVE_REAPING] = BIT(DELVE_OVER),
    [DELVE_OVER] = 0,
};

void delve_set_state(struct delve *d, enum delve_state state, const char *reason)
{
    if (!(legal_edges[d->state] & BIT(state))) {
        log_error(d->subject, "impossible: Delve %s -> %s (%s)", state_names[d->state], state_names[state], reason);
        abort();
    }
    log_debug(d->subject, "Delve %s -> %s: %s", state_names[d->state], state_names[state], reason);
    d->state = state;
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

/* The connection to Delve is closed by now, or never was. */
void delve_reap(struct delve *d, const char *reason)
{
    exit_query_free(d->query, false);
    d->query = NULL;
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
    delve_client_close(d->client, false);
    delve_reap(d, copy.text);
}

/* --- the link --- */

static void begin(struct delve *d)
{
    struct err why;
    if (d->plan->mode == DELVE_REMOTE) {
        d->port = d->plan->port;
        d->output_ended = true; /* it stays with whoever started that Delve */
        delve_connect(d, "attaching to a running Delve");
        return;
    }
    char id[NONCE_SIZE];
    nonce_make(id);
    d->output_ended = d->plan->mode == DELVE_ATTACH;
    delve_set_state(d, DELVE_STARTING, "starting the supervisor");
    d->keeper = keeper_start(d->loop, d->link, d->target, id, &delve_keeper_events, d);
    if (d->keeper)
        return;
    err_set(&why, "out of memory");
    delve_fail(d, &why);
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
    delve_client_close(d->client, true);
    exit_query_free(d->query, true);
    d->query = NULL;
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
    case DELVE_LINKING: {
        struct err why;
        err_set(&why, "out of memory");
        delve_fail(d, &why);
        break;
    }
    case DELVE_FAILING:
        delve_fail(d, &d->failure);
        break;
    case DELVE_EXITED:
        /* The streams are quiet: a grandchild holds them open. While nobody reads them that says nothing. */
        d->output_ended = !d->paused;
        delve_tell_exit(d);
        break;
    case DELVE_DISCONNECTING:
        delve_client_close(d->client, false);
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
    d->step = timer_new(loop, on_step, d);
    d->transport = reach_target(loop, target);
    if (d->step && d->transport)
        d->link = transport_link(d->transport, &link_events, d);
    if (!d->link) {
        delve_free(d);
        return NULL;
    }
    return d;
}

void delve_start(struct delve *d, const struct delve_plan *plan, const json_t *initialize_arguments)
{
    assert(!d->plan && d->state <= DELVE_LINKED);
    d->plan = plan;
    d->initialize_arguments = initialize_arguments;
    if (!d->link) {
        d->link = transport_link(d->transport, &link_events, d);
        if (!d->link)
            timer_start(d->step, 0, 0);
    }
    if (d->state == DELVE_LINKED)
        begin(d);
}

enum delve_client_result delve_forward(struct delve *d, const struct dap_message *m, struct dap_edits *edits)
{
    if (!delve_client_is_open(d->client) || (d->state != DELVE_ATTACHED && d->state != DELVE_EXITED))
        return DELVE_CLIENT_TOO_MANY;
    return delve_client_forward(d->client, m, edits);
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
    d->query = NULL;
    bool connected = delve_client_is_open(d->client) && d->attached;
    bool launched = d->plan && d->plan->mode != DELVE_ATTACH && d->plan->mode != DELVE_REMOTE;
    if (connected && d->state != DELVE_FAILING) {
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
    delve_client_free(d->client);
    keeper_free(d->keeper, false);
    if (d->link)
        link_close(d->link);
    transport_release(d->transport);
    config_unref(d->config);
    buf_free(&d->build_tail);
    buf_free(&d->log_tail);
    free(d);
}
