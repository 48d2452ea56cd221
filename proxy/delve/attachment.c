#include "proxy/delve/attachment.h"

#include <stdlib.h>
#include <string.h>

#include "dap/tree.h"
#include "delve/rpc.h"
#include "proxy/base/log.h"
#include "proxy/base/state.h"
#include "proxy/base/timer.h"
#include "proxy/delve/exit_query.h"
#include "proxy/delve/heartbeat.h"

enum {
    MS = 1000,
    PROBE_MS = 2000, /* from a lost connection to an answer of Delve's on another, or to its process's end */
    STUCK_MS =
        45 * 1000, /* for Delve to take what it was sent, once so much waits that its sender is not read any more */
    DISCONNECT_MS = 1500 /* for Delve's answer to disconnect: VS Code waits 2 s for ours */
};

enum attachment_state {
    ATTACHMENT_FLIGHT,        /* what is to be said is collected, the supervisor will say it */
    ATTACHMENT_CONNECTING,    /* the connection, and then the answer to initialize, is awaited */
    ATTACHMENT_ATTACHING,     /* the answer to attach is awaited */
    ATTACHMENT_ATTACHED,      /* messages flow */
    ATTACHMENT_EXITED,        /* the program has ended; its exit code is asked for */
    ATTACHMENT_PROBING,       /* the connection is gone: does Delve live? */
    ATTACHMENT_DISCONNECTING, /* the answer to disconnect is awaited */
    ATTACHMENT_CLOSED
};

static const char *const state_names[] = {"flight", "connecting", "attaching",     "attached",
                                          "exited", "probing",    "disconnecting", "closed"};
static const unsigned legal_edges[] = {
    [ATTACHMENT_FLIGHT] = STATE_BIT(ATTACHMENT_CONNECTING) | STATE_BIT(ATTACHMENT_CLOSED),
    [ATTACHMENT_CONNECTING] =
        STATE_BIT(ATTACHMENT_ATTACHING) | STATE_BIT(ATTACHMENT_PROBING) | STATE_BIT(ATTACHMENT_CLOSED),
    [ATTACHMENT_ATTACHING] =
        STATE_BIT(ATTACHMENT_ATTACHED) | STATE_BIT(ATTACHMENT_PROBING) | STATE_BIT(ATTACHMENT_CLOSED),
    [ATTACHMENT_ATTACHED] = STATE_BIT(ATTACHMENT_EXITED) | STATE_BIT(ATTACHMENT_PROBING) |
                            STATE_BIT(ATTACHMENT_DISCONNECTING) | STATE_BIT(ATTACHMENT_CLOSED),
    [ATTACHMENT_EXITED] = STATE_BIT(ATTACHMENT_DISCONNECTING) | STATE_BIT(ATTACHMENT_CLOSED),
    [ATTACHMENT_PROBING] = STATE_BIT(ATTACHMENT_CLOSED),
    [ATTACHMENT_DISCONNECTING] = STATE_BIT(ATTACHMENT_CLOSED),
    [ATTACHMENT_CLOSED] = 0,
};
static const struct states states = {"attachment", state_names, legal_edges};

struct attachment {
    uv_loop_t *loop;
    struct link *link;
    int port;
    const char *subject;
    const json_t *initialize_arguments;
    json_t *attach_arguments;
    bool once_attached, leaves;
    const struct attachment_handler *handler;
    void *arg;
    enum attachment_state state;
    struct delve_client *client;
    struct exit_query *query;
    struct heartbeat *heartbeat; /* PROBING: asks whether Delve lives */
    struct timer *deadline;
    struct timer *stuck; /* runs while the queue toward Delve is full */
    bool is_full;        /* the queue toward Delve */
    bool exit_known;     /* Delve has reported exit_status */
    int exit_status;
    enum delve_client_end end; /* PROBING: of the connection */
    struct err why;
};

static void set_state(struct attachment *a, enum attachment_state state, const char *reason)
{
    a->state = (enum attachment_state)state_next(&states, a->state, state, CONFIG_LOG_DEBUG, a->subject, reason);
}

static const char *where(const struct attachment *a)
{
    return a->link->machine->where;
}

/* Returns a new reference, NULL when there is no body or it is none of Delve's. */
static json_t *read_body(const struct attachment *a, const struct dap_message *m)
{
    json_t *body;
    struct err why;
    if (dap_tree_payload(m, DAP_TREE_KEPT, &body, &why) != 0)
        log_warning(a->subject, "Delve's %s is ignored: %s", m->name, why.text);
    return body;
}

/* --- the program's end --- */

static void on_exit_answer(void *arg, bool known, int status)
{
    struct attachment *a = arg;
    exit_query_free(a->query, false);
    a->query = NULL;
    a->handler->exited(a->arg, known, status);
}

static void on_exited_event(struct attachment *a, const struct dap_message *m)
{
    json_t *body = read_body(a, m);
    const json_t *code = json_object_get(body, "exitCode");
    if (json_is_integer(code)) {
        a->exit_known = true;
        a->exit_status = (int)json_integer_value(code);
    }
    json_decref(body);
}

static void on_terminated_event(struct attachment *a)
{
    if (a->state != ATTACHMENT_ATTACHED)
        return;
    set_state(a, ATTACHMENT_EXITED, "the program has ended");
    if (!a->exit_known)
        a->query = exit_query_new(a->link, a->port, on_exit_answer, a);
    if (!a->query)
        a->handler->exited(a->arg, a->exit_known, a->exit_status);
}

/* --- messages of Delve's --- */

/* attach was asked right behind it. */
static void initialized(struct attachment *a, const struct dap_message *m)
{
    json_t *body = read_body(a, m);
    a->handler->capabilities(a->arg, body);
    json_decref(body);
    set_state(a, ATTACHMENT_ATTACHING, "initialize is answered");
    a->handler->attaching(a->arg);
}

static void refused(struct attachment *a, const struct dap_message *m)
{
    struct err why;
    int status = 0;
    json_t *body = read_body(a, m);
    const char *text = json_string_value(json_object_get(json_object_get(body, "error"), "format"));
    err_set(&why, "Delve on %s refused %s: %s", where(a), m->name, text ? text : "no reason given");
    bool has_exited = a->once_attached && text && delve_exit_status_in(text, &status);
    json_decref(body);
    attachment_close(a, false);
    a->handler->refused(a->arg, &why, has_exited, status);
}

static void on_own_answer(struct attachment *a, const struct dap_message *m, const struct dap_asked *asked)
{
    if (a->state == ATTACHMENT_DISCONNECTING) {
        if (strcmp(asked->command, "disconnect") == 0)
            a->handler->disconnected(a->arg, "Delve has answered disconnect");
        return;
    }
    if (a->state != ATTACHMENT_CONNECTING && a->state != ATTACHMENT_ATTACHING)
        return;
    if (!m->success) {
        refused(a, m);
    } else if (strcmp(asked->command, "initialize") == 0) {
        initialized(a, m);
    } else {
        if (a->state == ATTACHMENT_CONNECTING)
            set_state(a, ATTACHMENT_ATTACHING, "initialize is not answered");
        set_state(a, ATTACHMENT_ATTACHED, "attach is answered");
        a->handler->attached(a->arg);
    }
}

static void on_message(void *arg, const struct dap_message *m, const struct dap_asked *asked)
{
    struct attachment *a = arg;
    if (asked && asked->asker == DAP_ASKER_SESSION)
        on_own_answer(a, m, asked);
    else if (m->type == DAP_EVENT && strcmp(m->name, "exited") == 0)
        on_exited_event(a, m);
    else if (m->type == DAP_EVENT && strcmp(m->name, "terminated") == 0)
        on_terminated_event(a);
    else if (m->type == DAP_EVENT && strcmp(m->name, "output") == 0 && a->state == ATTACHMENT_DISCONNECTING &&
             a->leaves)
        return; /* "leaving multi-client DAP server": not for long, the supervisor ends it */
    else
        a->handler->message(a->arg, m, asked);
}

static void on_skipped(void *arg, const struct dap_asked *asked, size_t length)
{
    struct attachment *a = arg;
    if (asked->asker == DAP_ASKER_CLIENT)
        a->handler->skipped(a->arg, asked, length);
}

static void on_drained(void *arg)
{
    struct attachment *a = arg;
    timer_stop(a->stuck);
    a->is_full = false;
    a->handler->drained(a->arg);
}

static void ask(struct attachment *a)
{
    (void)delve_client_ask(a->client, "initialize", a->initialize_arguments);
    (void)delve_client_ask(a->client, "attach", a->attach_arguments);
}

static void on_opened(void *arg)
{
    ask(arg);
}

/* --- does Delve answer? --- */

static void on_answered(void *arg)
{
    (void)arg; /* that it is not silent is all */
}

static void on_silent(void *arg, int seconds)
{
    struct attachment *a = arg;
    struct err why;
    err_set(&why, "Delve on %s has not answered for %d s", where(a), seconds);
    a->handler->silent(a->arg, &why);
}

static const struct heartbeat_handler heartbeat_events = {.answered = on_answered, .silent = on_silent};

static void on_probe_answered(void *arg)
{
    struct attachment *a = arg;
    attachment_close(a, false);
    a->handler->lives(a->arg, a->end, &a->why);
}

static void probe_failed(struct attachment *a)
{
    attachment_close(a, false);
    a->handler->dead(a->arg, a->end, &a->why);
}

static void on_probe_silent(void *arg, int seconds)
{
    (void)seconds;
    probe_failed(arg);
}

static const struct heartbeat_handler probe_events = {.answered = on_probe_answered, .silent = on_probe_silent};

static void hang_up(struct attachment *a, bool link_lost)
{
    delve_client_close(a->client, link_lost);
    exit_query_free(a->query, link_lost);
    heartbeat_free(a->heartbeat, link_lost);
    a->query = NULL;
    a->heartbeat = NULL;
}

static void on_closed(void *arg, enum delve_client_end end, const struct err *why)
{
    struct attachment *a = arg;
    bool was_attached = a->state == ATTACHMENT_ATTACHED;
    if (a->state == ATTACHMENT_DISCONNECTING) {
        a->handler->disconnected(a->arg, "Delve has closed the connection");
        return;
    }
    if (a->state == ATTACHMENT_EXITED && a->is_full)
        on_drained(a); /* nothing more will be taken: the client is read again, and refused */
    if (!was_attached && a->state != ATTACHMENT_CONNECTING && a->state != ATTACHMENT_ATTACHING)
        return;
    a->end = end;
    a->why = *why;
    if (!why->text[0])
        err_set(&a->why, "Delve on %s closed the debug connection", where(a));
    hang_up(a, false);
    set_state(a, ATTACHMENT_PROBING, a->why.text);
    timer_start(a->deadline, PROBE_MS, 0);
    a->handler->broken(a->arg);
    /* One that was never attached to would only refuse again. */
    if (a->state == ATTACHMENT_PROBING && (was_attached || a->once_attached))
        a->heartbeat = heartbeat_new(a->link, a->port, &probe_events, a);
}

static void on_deadline(void *arg)
{
    struct attachment *a = arg;
    if (a->state == ATTACHMENT_PROBING) {
        if (link_was_heard(a->link, PROBE_MS))
            probe_failed(a);
        else
            timer_start(a->deadline, PROBE_MS, 0);
    } else if (a->state == ATTACHMENT_DISCONNECTING) {
        a->handler->disconnected(a->arg, "Delve did not answer disconnect in time");
    }
}

static void on_stuck(void *arg)
{
    struct attachment *a = arg;
    struct err why;
    err_set(&why, "Delve on %s has not read its requests for %d s", where(a), STUCK_MS / MS);
    if (link_was_heard(a->link, STUCK_MS))
        a->handler->silent(a->arg, &why);
    else
        timer_start(a->stuck, STUCK_MS, 0);
}

static const struct delve_client_handler client_events = {
    .opened = on_opened,
    .message = on_message,
    .skipped = on_skipped,
    .drained = on_drained,
    .closed = on_closed,
};

/* --- the owner's calls --- */

struct attachment *attachment_new(const struct attachment_order *order, const struct attachment_handler *h, void *arg)
{
    struct attachment *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->loop = order->loop;
    a->link = order->link;
    a->port = order->port;
    a->subject = order->subject;
    a->initialize_arguments = order->initialize_arguments;
    a->attach_arguments = json_copy((json_t *)(uintptr_t)order->attach_arguments);
    a->once_attached = order->once_attached;
    a->leaves = order->leaves;
    a->handler = h;
    a->arg = arg;
    a->state = a->port ? ATTACHMENT_CONNECTING : ATTACHMENT_FLIGHT;
    a->deadline = timer_new(a->loop, on_deadline, a);
    a->stuck = timer_new(a->loop, on_stuck, a);
    if (a->deadline && a->stuck && a->attach_arguments)
        a->client = a->port ? delve_client_new(a->link, a->port, &client_events, a)
                            : delve_client_new_flight(&client_events, a);
    if (a->client && a->port)
        a->heartbeat = heartbeat_new(a->link, a->port, &heartbeat_events, a);
    if (!a->client || (a->port && !a->heartbeat)) {
        attachment_free(a);
        return NULL;
    }
    if (a->state == ATTACHMENT_FLIGHT)
        ask(a);
    return a;
}

/* --- a flight --- */

bool attachment_is_flight(const struct attachment *a)
{
    return a && a->state == ATTACHMENT_FLIGHT;
}

bool attachment_is_attaching(const struct attachment *a)
{
    return a->state == ATTACHMENT_CONNECTING || a->state == ATTACHMENT_ATTACHING;
}

const struct buf *attachment_flight(const struct attachment *a)
{
    return delve_client_flight(a->client);
}

void attachment_shorten_flight(struct attachment *a)
{
    delve_client_shorten_flight(a->client);
}

struct dap_pending *attachment_give_pending(struct attachment *a)
{
    return delve_client_give_pending(a->client);
}

void attachment_take(struct attachment *a, const struct keeper_flight *flight, bool is_newest,
                     struct dap_pending *pending)
{
    a->port = flight->port;
    set_state(a, ATTACHMENT_CONNECTING, "the first requests were sent");
    if (!is_newest)
        delve_client_replace_flight(a->client, flight->count, pending);
    if (!flight->channel) {
        delve_client_missed(a->client, flight->end, &flight->why);
        return;
    }
    delve_client_take(a->client, flight->channel);
    a->heartbeat = heartbeat_new(a->link, a->port, &heartbeat_events, a);
    if (!a->heartbeat)
        log_warning(a->subject, "out of memory: Delve's answers are not monitored");
}

bool attachment_is_open(const struct attachment *a)
{
    return a && delve_client_is_open(a->client) && (a->state == ATTACHMENT_ATTACHED || a->state == ATTACHMENT_EXITED);
}

enum delve_client_result attachment_forward(struct attachment *a, enum dap_asker asker, const struct dap_message *m,
                                            struct dap_edits *edits)
{
    enum delve_client_result result = DELVE_CLIENT_TOO_MANY;
    if (attachment_is_open(a) || attachment_is_flight(a))
        result = delve_client_forward(a->client, asker, m, edits);
    if (result == DELVE_CLIENT_FULL && !a->is_full)
        timer_start(a->stuck, STUCK_MS, 0);
    a->is_full = a->is_full || result == DELVE_CLIENT_FULL;
    return result;
}

int attachment_take_oldest(struct attachment *a, struct dap_asked *asked)
{
    while (a && delve_client_take_oldest(a->client, asked))
        if (asked->asker == DAP_ASKER_CLIENT)
            return 1;
    return 0;
}

void attachment_pause(struct attachment *a, bool paused)
{
    delve_client_pause(a->client, paused);
}

void attachment_disconnect(struct attachment *a, bool terminate)
{
    json_t *arguments = json_pack("{s:b}", "terminateDebuggee", terminate);
    exit_query_free(a->query, false);
    heartbeat_free(a->heartbeat, false);
    a->query = NULL;
    a->heartbeat = NULL;
    set_state(a, ATTACHMENT_DISCONNECTING, "disconnect");
    delve_client_pause(a->client, false);
    (void)delve_client_ask(a->client, "disconnect", arguments);
    json_decref(arguments);
    timer_start(a->deadline, DISCONNECT_MS, 0);
}

void attachment_close(struct attachment *a, bool link_lost)
{
    if (!a || a->state == ATTACHMENT_CLOSED)
        return;
    timer_stop(a->deadline);
    timer_stop(a->stuck);
    hang_up(a, link_lost);
    set_state(a, ATTACHMENT_CLOSED, link_lost ? "the connection is lost" : "closed");
}

void attachment_free(struct attachment *a)
{
    if (!a)
        return;
    timer_free(a->deadline);
    timer_free(a->stuck);
    exit_query_free(a->query, false);
    heartbeat_free(a->heartbeat, false);
    delve_client_free(a->client);
    json_decref(a->attach_arguments);
    free(a);
}
