/* A Delve's DAP side: delvegate's own initialize and attach, the client's answers, and the program's end. */
#include "proxy/delve_private.h"

#include <string.h>

enum {
    LAST_WORDS_MS = 2000, /* from a lost DAP connection to dlv's own exit, which says more */
    QUIET_MS =
        1000 /* after the program's exit a stream held open by a grandchild is given up after so long without a byte */
};

/* --- the program's end --- */

void delve_tell_exit(struct delve *d)
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
    delve_fail(d, &why);
}

static void on_own_answer(struct delve *d, const struct dap_message *m, const struct dap_asked *asked)
{
    if (d->state == DELVE_DISCONNECTING) {
        if (strcmp(asked->command, "disconnect") == 0) {
            delve_client_close(d->client, false);
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
        delve_set_state(d, DELVE_ATTACHED, "attached");
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
        delve_client_close(d->client, false);
        delve_reap(d, "Delve has closed the connection");
        return;
    }
    if (d->state == DELVE_EXITED || d->state >= DELVE_FAILING)
        return;
    if (!gone.text[0])
        err_set(&gone, "Delve on %s closed the debug connection", d->transport->where);
    if (!d->keeper) {
        delve_fail(d, &gone);
        return;
    }
    d->failure = gone;
    delve_set_state(d, DELVE_FAILING, gone.text);
    timer_start(d->step, LAST_WORDS_MS, 0);
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
    struct err why;
    delve_set_state(d, DELVE_CONNECTING, reason);
    d->client = delve_client_new(d->link, d->port, &client_events, d);
    if (d->client)
        return;
    err_set(&why, "out of memory");
    delve_fail(d, &why);
}
