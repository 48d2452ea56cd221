#include "proxy/delve.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dap/decoder.h"
#include "delve/log.h"
#include "proxy/exit_query.h"
#include "proxy/keeper.h"
#include "proxy/log.h"
#include "proxy/nonce.h"
#include "proxy/orphan.h"
#include "proxy/reach.h"
#include "proxy/timer.h"

enum {
    SUBJECT_MAX = 64,
    TAIL_MAX = 64 * 1024,  /* bytes kept of build output and of Delve's log, for the text of a failure */
    TEXT_MAX = 256 * 1024, /* bytes of such a text */
    DISCONNECT_MS = 1500,  /* for Delve's answer to disconnect: VS Code waits 2 s for ours (FACTS.md 14) */
    REAP_MS = 30 * 1000,   /* for the supervisor to report that all is gone */
    LAST_WORDS_MS = 2000,  /* from a lost DAP connection to dlv's own exit, which says more */
    QUIET_MS =
        1000 /* after the program's exit a stream held open by a grandchild is given up after so long without a byte */
};

enum delve_state {
    DELVE_LINKING,       /* reaching the Go machine */
    DELVE_LINKED,        /* reached, nothing asked yet */
    DELVE_STARTING,      /* supervisor, build, until dlv listens */
    DELVE_CONNECTING,    /* delvegate's own initialize and attach */
    DELVE_ATTACHED,      /* the client's messages flow */
    DELVE_EXITED,        /* the program has ended: exit code and last output are awaited, then told */
    DELVE_FAILING,       /* the DAP connection is gone: dlv's last words are awaited */
    DELVE_DISCONNECTING, /* disconnect is sent */
    DELVE_REAPING,       /* the supervisor ends what is left */
    DELVE_OVER
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

struct delve {
    uv_loop_t *loop;
    struct config *config;
    const struct config_target *target;
    char subject[SUBJECT_MAX];
    const struct delve_handler *handler;
    void *arg;
    enum delve_state state;

    struct transport *transport;
    struct link *link;
    struct keeper *keeper;
    struct delve_client *client;
    struct exit_query *query;
    const struct delve_plan *plan;
    const json_t *initialize_arguments;
    int port;
    struct buf build_tail, log_tail;

    bool paused;
    bool told_end; /* `disconnected` was reported, or is not wanted */
    bool attached; /* the client has been told so */
    bool output_ended, exit_told, exit_known;
    int exit_code;
    struct err failure;
    struct timer *step; /* the one deadline of the state it is in */
};

static void set_state(struct delve *d, enum delve_state state, const char *reason)
{
    if (!(legal_edges[d->state] & BIT(state))) {
        log_error(d->subject, "impossible: Delve %s -> %s (%s)", state_names[d->state], state_names[state], reason);
        abort();
    }
    log_debug(d->subject, "Delve %s -> %s: %s", state_names[d->state], state_names[state], reason);
    d->state = state;
}

static void say(struct delve *d, const char *category, const char *text)
{
    d->handler->say(d->arg, category, text);
}

static void keep_tail(struct buf *tail, const char *line)
{
    size_t len = strlen(line) + 1;
    if (len > TAIL_MAX)
        return;
    if (tail->len + len > TAIL_MAX)
        buf_consume(tail, tail->len / 2 > len ? tail->len / 2 : tail->len);
    (void)buf_printf(tail, "%s\n", line);
}

static void over(struct delve *d, const char *reason)
{
    timer_stop(d->step);
    set_state(d, DELVE_OVER, reason);
    if (!d->told_end) {
        d->told_end = true;
        d->handler->disconnected(d->arg);
    }
    d->handler->ended(d->arg);
}

/* The connection to Delve is closed by now, or never was. */
static void reap(struct delve *d, const char *reason)
{
    exit_query_free(d->query, false);
    d->query = NULL;
    set_state(d, DELVE_REAPING, reason);
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

static void fail(struct delve *d, const struct err *why)
{
    struct err copy = *why;
    if (d->state >= DELVE_DISCONNECTING)
        return;
    timer_stop(d->step);
    d->told_end = true;
    d->handler->failed(d->arg, &copy);
    delve_client_free(d->client, false);
    d->client = NULL;
    reap(d, copy.text);
}

static void explain_exit(struct delve *d, int status, struct err *why)
{
    struct buf text;
    buf_init(&text, TEXT_MAX);
    if (delve_log_explain(&text, d->build_tail.data, d->log_tail.data, status) < 0 || text.len == 0)
        err_set(why, "Delve ended on %s (exit status %d) and said nothing", d->transport->where, status);
    else
        err_set(why, "%s", text.data);
    buf_free(&text);
}

/* --- the program's end --- */

static void tell_exit_when_complete(struct delve *d)
{
    if (d->state != DELVE_EXITED || d->exit_told || d->query)
        return;
    if (!d->output_ended) {
        timer_start(d->step, QUIET_MS, 0);
        return;
    }
    timer_stop(d->step);
    d->exit_told = true;
    d->handler->exited(d->arg, d->exit_known, d->exit_code);
}

static void on_exit_answer(void *arg, bool known, int status)
{
    struct delve *d = arg;
    exit_query_free(d->query, false);
    d->query = NULL;
    if (known) {
        d->exit_known = true;
        d->exit_code = status;
    }
    tell_exit_when_complete(d);
}

static void on_exited_event(struct delve *d, const struct dap_message *m)
{
    json_t *body = m->payload_at.len ? json_loadb(m->text + m->payload_at.off, m->payload_at.len, 0, NULL) : NULL;
    const json_t *code = json_object_get(body, "exitCode");
    if (json_is_integer(code)) {
        d->exit_known = true;
        d->exit_code = (int)json_integer_value(code);
    }
    json_decref(body);
}

static void on_terminated_event(struct delve *d)
{
    if (d->state != DELVE_ATTACHED)
        return;
    set_state(d, DELVE_EXITED, "the program has ended");
    if (!d->exit_known)
        d->query = exit_query_new(d->loop, d->link, d->port, on_exit_answer, d);
    tell_exit_when_complete(d);
}

/* --- messages of Delve's --- */

static void ask_attach(struct delve *d, const struct dap_message *m)
{
    json_t *body = m->payload_at.len ? json_loadb(m->text + m->payload_at.off, m->payload_at.len, 0, NULL) : NULL;
    d->handler->capabilities(d->arg, body);
    json_decref(body);
    (void)delve_client_ask(d->client, "attach", d->plan->attach);
}

static void refused(struct delve *d, const struct dap_message *m)
{
    struct err why;
    json_t *body = m->payload_at.len ? json_loadb(m->text + m->payload_at.off, m->payload_at.len, 0, NULL) : NULL;
    const char *text = json_string_value(json_object_get(json_object_get(body, "error"), "format"));
    err_set(&why, "Delve on %s refused %s: %s", d->transport->where, m->name, text ? text : "no reason given");
    json_decref(body);
    fail(d, &why);
}

static void on_own_answer(struct delve *d, const struct dap_message *m, const struct dap_asked *asked)
{
    if (d->state == DELVE_DISCONNECTING) {
        if (strcmp(asked->command, "disconnect") == 0) {
            delve_client_free(d->client, false);
            d->client = NULL;
            reap(d, "Delve has answered disconnect");
        }
        return;
    }
    if (d->state != DELVE_CONNECTING)
        return;
    if (!m->success) {
        refused(d, m);
    } else if (strcmp(asked->command, "initialize") == 0) {
        ask_attach(d, m);
    } else if (strcmp(asked->command, "attach") == 0) {
        set_state(d, DELVE_ATTACHED, "attached");
        timer_stop(d->step);
        d->attached = true;
        if (d->keeper)
            keeper_launched(d->keeper);
        d->handler->attached(d->arg);
    }
}

static void on_message(void *arg, const struct dap_message *m, const struct dap_asked *asked)
{
    struct delve *d = arg;
    if (asked && asked->asker == DAP_ASKER_SESSION)
        on_own_answer(d, m, asked);
    else if (m->type == DAP_EVENT && strcmp(m->name, "exited") == 0)
        on_exited_event(d, m);
    else if (m->type == DAP_EVENT && strcmp(m->name, "terminated") == 0)
        on_terminated_event(d);
    else if (m->type == DAP_EVENT && d->state == DELVE_DISCONNECTING)
        return; /* "Detaching and terminating target process": the session's own words follow */
    else
        d->handler->message(d->arg, m, asked);
}

static void on_skipped(void *arg, const struct dap_asked *asked, size_t length)
{
    struct delve *d = arg;
    if (asked->asker == DAP_ASKER_CLIENT)
        d->handler->skipped(d->arg, asked, length);
}

static void on_drained(void *arg)
{
    struct delve *d = arg;
    d->handler->drained(d->arg);
}

static void on_dap_opened(void *arg)
{
    struct delve *d = arg;
    (void)delve_client_ask(d->client, "initialize", d->initialize_arguments);
}

static void on_dap_closed(void *arg, const struct err *why)
{
    struct delve *d = arg;
    struct err gone = *why;
    if (d->state == DELVE_DISCONNECTING) {
        delve_client_free(d->client, false);
        d->client = NULL;
        reap(d, "Delve has closed the connection");
        return;
    }
    if (d->state == DELVE_EXITED || d->state >= DELVE_FAILING)
        return;
    if (!gone.text[0])
        err_set(&gone, "Delve on %s closed the debug connection", d->transport->where);
    if (!d->keeper) {
        fail(d, &gone);
        return;
    }
    d->failure = gone;
    set_state(d, DELVE_FAILING, gone.text);
    timer_start(d->step, LAST_WORDS_MS, 0);
}

static const struct delve_client_handler client_events = {
    .opened = on_dap_opened,
    .message = on_message,
    .skipped = on_skipped,
    .drained = on_drained,
    .closed = on_dap_closed,
};

static void connect_dap(struct delve *d, const char *reason)
{
    struct err why;
    set_state(d, DELVE_CONNECTING, reason);
    d->client = delve_client_new(d->link, d->port, &client_events, d);
    if (d->client)
        return;
    err_set(&why, "out of memory");
    fail(d, &why);
}

/* --- the supervisor's reports --- */

static bool checks_go_version(const struct delve_plan *plan)
{
    for (size_t i = 0; i < plan->flags.count; i++)
        if (strcmp(plan->flags.list[i], "--check-go-version=false") == 0)
            return false;
    return true;
}

static void on_keeper_ready(void *arg, const struct keeper_tools *tools)
{
    struct delve *d = arg;
    struct delve_version dlv, go;
    struct err why;
    char text[ERR_TEXT_MAX];
    if (d->state != DELVE_STARTING)
        return;
    (void)snprintf(text, sizeof text, "Delve %s (%s), %s (%s) on %s", tools->dlv_version, tools->dlv, tools->go_version,
                   tools->go, d->transport->where);
    log_info(d->subject, "%s; GOCACHE %s, GOMODCACHE %s", text, tools->gocache, tools->gomodcache);
    /* A version that can't be read is a development build: Delve judges it itself. */
    if (delve_version_parse(tools->dlv_version, &dlv) == 0 && delve_version_parse(tools->go_version, &go) == 0 &&
        delve_version_check(dlv, go, checks_go_version(d->plan), &why) < 0) {
        err_prefix(&why, "%s: ", d->transport->where);
        fail(d, &why);
        return;
    }
    if (keeper_run(d->keeper, d->plan) < 0) {
        err_set(&why, "out of memory");
        fail(d, &why);
    }
}

static void on_keeper_note(void *arg, const char *text)
{
    say(arg, "console", text);
}

static void on_log(void *arg, const char *line)
{
    struct delve *d = arg;
    struct delve_log_event event = delve_log_read(line);
    keep_tail(&d->log_tail, line);
    log_debug(d->subject, "dlv: %s", line);
    if (d->plan->show_log)
        say(d, "console", line);
    if (event.kind == DELVE_LOG_LISTENING && d->state == DELVE_STARTING) {
        d->port = event.port;
        connect_dap(d, "dlv listens");
    }
}

static void on_build_output(void *arg, const char *line)
{
    struct delve *d = arg;
    keep_tail(&d->build_tail, line);
    say(d, "console", line);
}

static void on_output(void *arg, enum channel_source source, const char *data, size_t len)
{
    struct delve *d = arg;
    d->handler->output(d->arg, source, data, len);
    if (d->state == DELVE_EXITED)
        tell_exit_when_complete(d); /* begins the quiet time anew */
}

static void on_output_ended(void *arg)
{
    struct delve *d = arg;
    d->output_ended = true;
    tell_exit_when_complete(d);
}

static void on_keeper_exited(void *arg, int status)
{
    struct delve *d = arg;
    struct err why;
    if (d->state == DELVE_STARTING || d->state == DELVE_CONNECTING || (d->state == DELVE_FAILING && !d->attached)) {
        explain_exit(d, status, &why);
        fail(d, &why);
    } else if (d->state == DELVE_ATTACHED || d->state == DELVE_FAILING) {
        err_set(&why, "Delve on %s ended unexpectedly (%s %d); start the session again", d->transport->where,
                status > 128 ? "signal" : "exit status", status > 128 ? status - 128 : status);
        fail(d, &why);
    }
}

static void on_keeper_ended(void *arg)
{
    struct delve *d = arg;
    keeper_free(d->keeper, false);
    d->keeper = NULL;
    if (d->state == DELVE_REAPING) {
        over(d, "nothing is left");
        return;
    }
    struct err why;
    err_set(&why, "the supervisor on %s ended the session: its lease of %ld s was over", d->transport->where,
            d->target->lease_seconds);
    fail(d, &why);
}

static void on_keeper_failed(void *arg, const struct err *why)
{
    struct delve *d = arg;
    keeper_free(d->keeper, false);
    d->keeper = NULL;
    if (d->state == DELVE_REAPING)
        over(d, why->text);
    else if (d->state == DELVE_DISCONNECTING)
        log_warning(d->subject, "%s", why->text);
    else
        fail(d, why);
}

static const struct keeper_handler keeper_events = {
    .ready = on_keeper_ready,
    .note = on_keeper_note,
    .log = on_log,
    .build_output = on_build_output,
    .output = on_output,
    .output_ended = on_output_ended,
    .exited = on_keeper_exited,
    .ended = on_keeper_ended,
    .failed = on_keeper_failed,
};

/* --- the link --- */

static void begin(struct delve *d)
{
    struct err why;
    if (d->plan->mode == DELVE_REMOTE) {
        d->port = d->plan->port;
        d->output_ended = true; /* it stays with whoever started that Delve */
        connect_dap(d, "attaching to a running Delve");
        return;
    }
    char id[NONCE_SIZE];
    nonce_make(id);
    d->output_ended = d->plan->mode == DELVE_ATTACH;
    set_state(d, DELVE_STARTING, "starting the supervisor");
    d->keeper = keeper_start(d->loop, d->link, d->target, id, &keeper_events, d);
    if (d->keeper)
        return;
    err_set(&why, "out of memory");
    fail(d, &why);
}

static void on_link_ready(void *arg)
{
    struct delve *d = arg;
    if (d->state != DELVE_LINKING)
        return;
    set_state(d, DELVE_LINKED, d->transport->where);
    if (d->plan)
        begin(d);
}

static void on_link_note(void *arg, const char *text)
{
    say(arg, "console", text);
}

static void leave_orphan(struct delve *d)
{
    if (!d->keeper)
        return;
    const char *dir = keeper_dir(d->keeper);
    assert(d->plan); /* no keeper is started without one */
    if (dir)
        orphan_end(d->loop, d->config, d->target, dir, d->plan->mode == DELVE_ATTACH);
    keeper_free(d->keeper, true);
    d->keeper = NULL;
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
    bool was_told = d->told_end;
    d->told_end = true;
    timer_stop(d->step);
    if (!was_told && d->state != DELVE_DISCONNECTING)
        d->handler->failed(d->arg, &copy);
    else if (!was_told)
        d->handler->disconnected(d->arg);
    delve_client_free(d->client, true);
    exit_query_free(d->query, true);
    d->client = NULL;
    d->query = NULL;
    leave_orphan(d);
    if (d->state != DELVE_OVER)
        over(d, copy.text);
}

static const struct link_handler link_events = {.ready = on_link_ready, .note = on_link_note, .lost = on_link_lost};

static void on_step(void *arg)
{
    struct delve *d = arg;
    switch (d->state) {
    case DELVE_LINKING: {
        struct err why;
        err_set(&why, "out of memory");
        fail(d, &why);
        break;
    }
    case DELVE_FAILING:
        fail(d, &d->failure);
        break;
    case DELVE_EXITED:
        /* The streams are quiet: a grandchild holds them open. While nobody reads them that says nothing. */
        d->output_ended = !d->paused;
        tell_exit_when_complete(d);
        break;
    case DELVE_DISCONNECTING:
        delve_client_free(d->client, false);
        d->client = NULL;
        reap(d, "Delve did not answer disconnect in time");
        break;
    case DELVE_REAPING:
        if (d->keeper)
            log_warning(d->subject, "the supervisor on %s did not report the end within %d s; its lease remains",
                        d->transport->where, REAP_MS / 1000);
        over(d, d->keeper ? "gave up waiting for the supervisor" : "nothing is left");
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
    buf_init(&d->build_tail, 2 * TAIL_MAX);
    buf_init(&d->log_tail, 2 * TAIL_MAX);
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
        set_state(d, DELVE_DISCONNECTING, "disconnect");
        delve_client_pause(d->client, false);
        (void)delve_client_ask(d->client, "disconnect", arguments);
        json_decref(arguments);
        timer_start(d->step, DISCONNECT_MS, 0);
        return true;
    }
    delve_client_free(d->client, false);
    d->client = NULL;
    d->told_end = true;
    reap(d, "no connection to Delve");
    return false;
}

void delve_free(struct delve *d)
{
    if (!d)
        return;
    timer_free(d->step);
    exit_query_free(d->query, false);
    delve_client_free(d->client, false);
    keeper_free(d->keeper, false);
    if (d->link)
        link_close(d->link);
    transport_release(d->transport);
    config_unref(d->config);
    buf_free(&d->build_tail);
    buf_free(&d->log_tail);
    free(d);
}
