/* A Delve's DAP side: delvegate's own initialize and attach, the client's answers, and the program's end. */
#include "proxy/delve/delve_private.h"

#include <string.h>

#include "delve/rpc.h"
#include "proxy/base/log.h"

/* --- the program's end --- */

void delve_tell_exit(struct delve *d)
{
    if (d->state != DELVE_EXITED || d->exit_told || d->query)
        return;
    if (!d->output_ended) {
        timer_start(d->step, DELVE_QUIET_MS, 0);
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
    delve_tell_exit(d);
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
    delve_set_state(d, DELVE_EXITED, "the program has ended");
    if (!d->exit_known)
        d->query = exit_query_new(d->loop, d->link, d->port, on_exit_answer, d);
    delve_tell_exit(d);
}

/* --- messages of Delve's --- */

static void ask_attach(struct delve *d, const struct dap_message *m)
{
    json_t *body = m->payload_at.len ? json_loadb(m->text + m->payload_at.off, m->payload_at.len, 0, NULL) : NULL;
    json_t *arguments = json_copy(d->plan->attach);
    d->handler->capabilities(d->arg, body);
    json_decref(body);
    /* What the user sees as stopped must not run on because delvegate came back. */
    if (arguments && d->same_process && d->ever_attached)
        (void)json_object_set_new(arguments, "stopOnEntry", json_boolean(d->keeps_stopped));
    (void)delve_client_ask(d->client, "attach", arguments);
    json_decref(arguments);
}

static void refused(struct delve *d, const struct dap_message *m)
{
    struct err why;
    int status = 0;
    json_t *body = m->payload_at.len ? json_loadb(m->text + m->payload_at.off, m->payload_at.len, 0, NULL) : NULL;
    const char *text = json_string_value(json_object_get(json_object_get(body, "error"), "format"));
    err_set(&why, "Delve on %s refused %s: %s", d->transport->where, m->name, text ? text : "no reason given");
    bool has_exited = d->ever_attached && d->same_process && text && delve_exit_status_in(text, &status);
    json_decref(body);
    if (!has_exited) {
        delve_fail(d, &why);
        return;
    }
    /* The program ended while the connection to its Delve was lost. */
    d->exit_known = true;
    d->exit_code = status;
    timer_stop(d->step);
    delve_set_state(d, DELVE_EXITED, why.text);
    delve_tell_exit(d);
}

static void on_silent(void *arg)
{
    struct delve *d = arg;
    struct err why;
    err_set(&why, "Delve on %s does not answer any more", d->transport->where);
    if (d->keeper) {
        delve_died(d, &why);
        return;
    }
    log_warning(d->subject, "%s", why.text);
    delve_fail(d, &why);
}

static void on_answered(void *arg)
{
    (void)arg; /* that it is not silent is all */
}

static const struct heartbeat_handler heartbeat_events = {.answered = on_answered, .silent = on_silent};

static void on_own_answer(struct delve *d, const struct dap_message *m, const struct dap_asked *asked)
{
    if (d->state == DELVE_DISCONNECTING) {
        if (strcmp(asked->command, "disconnect") == 0) {
            delve_reap(d, "Delve has answered disconnect");
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
        bool same_process = d->same_process;
        delve_set_state(d, DELVE_ATTACHED, "attached");
        timer_stop(d->step);
        d->attached = d->ever_attached = true;
        d->same_process = d->keeps_stopped = false;
        if (d->keeper)
            keeper_launched(d->keeper);
        d->handler->attached(d->arg, same_process);
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
    else if (m->type == DAP_EVENT && strcmp(m->name, "output") == 0 && d->state == DELVE_DISCONNECTING &&
             d->plan->mode == DELVE_ATTACH)
        return; /* "leaving multi-client DAP server": not for long, the supervisor ends it */
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
        delve_reap(d, "Delve has closed the connection");
        return;
    }
    if (d->state != DELVE_CONNECTING && d->state != DELVE_ATTACHED)
        return;
    d->by_delve = !gone.text[0];
    if (d->by_delve)
        err_set(&gone, "Delve on %s closed the debug connection", d->transport->where);
    delve_probe(d, &gone);
}

static const struct delve_client_handler client_events = {
    .opened = on_dap_opened,
    .message = on_message,
    .skipped = on_skipped,
    .drained = on_drained,
    .closed = on_dap_closed,
};

void delve_connect(struct delve *d, const char *reason)
{
    delve_set_state(d, DELVE_CONNECTING, reason);
    delve_client_free(d->client);
    d->client = delve_client_new(d->link, d->port, &client_events, d);
    if (d->client)
        d->heartbeat = heartbeat_new(d->loop, d->link, d->port, &heartbeat_events, d);
    if (!d->heartbeat)
        delve_fail_memory(d);
}

/* --- a connection that is gone: dlv may live --- */

static void attach_again(struct delve *d, const char *reason)
{
    struct err why = d->failure;
    delve_hang_up(d, false);
    timer_stop(d->step);
    d->same_process = true;
    d->attached = false;
    d->handler->lost(d->arg, d->by_delve ? DELVE_LOSS_CONNECTION : DELVE_LOSS_CHANNEL, &why);
    if (d->state != DELVE_PROBING)
        return;
    d->step_next = delve_recovery_died(d->recovery, timer_now(d->loop));
    if (d->step_next.action == DELVE_ACTION_GIVE_UP) {
        err_prefix(&why, "gave up attaching again: ");
        delve_fail(d, &why);
        return;
    }
    d->reconnects = true;
    delve_set_state(d, DELVE_WAITING, reason);
    timer_start(d->step, d->step_next.wait_ms, 0);
}

static void on_probe_answered(void *arg)
{
    attach_again(arg, "Delve lives");
}

static void on_probe_silent(void *arg)
{
    delve_probe_late(arg);
}

static const struct heartbeat_handler probe_events = {.answered = on_probe_answered, .silent = on_probe_silent};

void delve_probe(struct delve *d, const struct err *why)
{
    d->failure = *why;
    delve_hang_up(d, false);
    delve_set_state(d, DELVE_PROBING, why->text);
    timer_start(d->step, DELVE_LAST_WORDS_MS, 0);
    if (d->attached) {
        d->handler->broken(d->arg);
        if (d->state != DELVE_PROBING)
            return;
    }
    /* One that was never attached to would only refuse again. */
    if (d->attached || d->ever_attached)
        d->heartbeat = heartbeat_new(d->loop, d->link, d->port, &probe_events, d);
}

void delve_probe_late(struct delve *d)
{
    struct err why = d->failure;
    if (d->keeper && d->ever_attached)
        delve_died(d, &why);
    else
        delve_fail(d, &why);
}
