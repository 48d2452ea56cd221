/* A session's attachment to its Delve: made, reported, and what the client sends over it. */
#include <string.h>

#include "proxy/delve/delve_private.h"

enum {
    ANSWER_SLOW_MS = 5000, /* from a request to a word that Delve has not answered it */
    MS = 1000
};

/* --- what it reports --- */

static void on_capabilities(void *arg, const json_t *body)
{
    struct delve *d = arg;
    d->handler->capabilities(d->arg, body);
}

void delve_await_answer(struct delve *d, const char *command)
{
    const char *cause = "it may hang";
    if (strcmp(command, "attach") == 0)
        cause = "another client may have the program running; pause it in that client, or end that client's session";
    else if (d->plan->mode == DELVE_REMOTE)
        cause = "it may hang, or another program listens on that port";
    waiting_begin(d->waiting, ANSWER_SLOW_MS, "Delve on %s has not answered %s for %d s: %s", d->machine->where,
                  command, ANSWER_SLOW_MS / MS, cause);
}

static void on_attaching(void *arg)
{
    delve_await_answer(arg, "attach");
}

static void on_attached(void *arg)
{
    struct delve *d = arg;
    bool same_process = d->same_process;
    waiting_end(d->waiting);
    d->ever_attached = true;
    d->same_process = d->keeps_stopped = false;
    process_attached(d->process);
    d->handler->attached(d->arg, same_process, d->sent);
}

static void on_refused(void *arg, const struct err *why, bool has_exited, int status)
{
    struct delve *d = arg;
    waiting_end(d->waiting);
    struct err copy = *why;
    if (has_exited) /* while the connection to its Delve was lost */
        delve_exited(d, true, status, copy.text);
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
        delve_exited(arg, known, status, "the program has ended");
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
    delve_reap(arg, how);
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

/* --- making it --- */

int delve_attach_to(struct delve *d, int port, bool same_process)
{
    json_t *attach = json_copy(d->plan->attach);
    d->same_process = same_process;
    d->sent = DELVE_SENT_ATTACH;
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
    delve_fail_memory(d);
    return -1;
}

void delve_on_listening(void *arg, int port, bool same_process)
{
    struct delve *d = arg;
    if (delve_attach_to(d, port, same_process) == 0)
        delve_await_answer(d, "initialize");
}

/* --- the session's calls --- */

void delve_keep_stopped(struct delve *d, bool stopped)
{
    d->keeps_stopped = stopped;
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
