/* The command transport: any argv of this machine that gives a shell's stdin and stdout on the Go machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dap/buf.h"
#include "proxy/base/log.h"
#include "proxy/machine/child_carrier.h"

enum {
    COMMAND_WHERE_MAX = 256,
    COMMAND_SUBJECT_MAX = 300,
    COMMAND_NOT_RUN = 126 /* from here to 127: the status of a shell, podman or env that could not run a program */
};

struct command_transport {
    struct transport base;
    uv_loop_t *loop;
    char *target; /* its name */
    char **argv;
    char where[COMMAND_WHERE_MAX];     /* base.where points here */
    char subject[COMMAND_SUBJECT_MAX]; /* of the log */
};

static struct command_transport *transport_of(const struct child_carrier *c)
{
    return (struct command_transport *)c->base.transport;
}

static void on_line(void *arg, const char *text)
{
    struct child_carrier *c = arg;
    if (c->has_answered)
        log_info(transport_of(c)->subject, "stderr: %s", text);
    else
        c->handler->note(c->arg, text);
}

static void on_ended(void *arg, const struct child_end *end)
{
    struct child_carrier *c = arg;
    const char *name = transport_of(c)->argv[0];
    const char *stderr_tail = end->stderr_tail;
    char how[COMMAND_SUBJECT_MAX];
    if (end->is_running)
        (void)snprintf(how, sizeof how, "closed its standard input or output");
    else if (end->signal)
        (void)snprintf(how, sizeof how, "was killed by signal %d", end->signal);
    else
        (void)snprintf(how, sizeof how, "ended with exit status %d", end->status);
    err_set(&c->why, "The command `%s` %s%s%s%s", name, how, c->has_answered ? "" : " before a shell answered",
            stderr_tail[0] ? ": " : ".", stderr_tail);
    bool could_not_run = !end->signal && !c->has_answered && !end->is_running &&
                         (end->status == COMMAND_NOT_RUN || end->status == COMMAND_NOT_RUN + 1);
    c->loss = could_not_run ? TRANSPORT_NEVER : TRANSPORT_RETRY;
    child_carrier_lose(c);
}

static const struct child_handler child_handler = {
    .data = child_carrier_data, .line = on_line, .drained = child_carrier_drained, .ended = on_ended};

static void start(struct child_carrier *c, const struct transport_command *command)
{
    const struct command_transport *t = transport_of(c);
    const char *const *argv = (const char *const *)t->argv;
    int error = 0;
    c->child = child_start(t->loop, argv, NULL, &child_handler, c, &error);
    if (c->child && command->script_len > 0)
        child_write(c->child, command->script, command->script_len);
    if (c->child)
        return;
    c->loss = error == UV_ENOENT || error == UV_EACCES || error == UV_EISDIR || error == UV_ENOTDIR ? TRANSPORT_NEVER
                                                                                                    : TRANSPORT_RETRY;
    if (error == UV_ENOENT)
        err_set(&c->why,
                "The command `%s` is not on this machine, or not in delvegate's PATH.\n"
                "Write its full path in `command` of target %s.",
                argv[0], t->target);
    else
        err_set(&c->why, "The command `%s` of target %s cannot be started: %s.", argv[0], t->target,
                uv_strerror(error));
}

static struct carrier *open_carrier(struct transport *base, const struct transport_command *command,
                                    const struct carrier_handler *h, void *arg)
{
    struct child_carrier *c = child_carrier_new(((struct command_transport *)base)->loop, base, h, arg);
    if (!c)
        return NULL;
    start(c, command);
    return &c->base;
}

static void free_transport(struct transport *base)
{
    struct command_transport *t = (struct command_transport *)base;
    for (char **word = t->argv; word && *word; word++)
        free(*word);
    free(t->argv);
    free(t->target);
    free(t);
}

static const struct transport_ops ops = {.open = open_carrier,
                                         .write = child_carrier_write,
                                         .queued = child_carrier_queued,
                                         .close = child_carrier_close,
                                         .free = free_transport};

/* "podman exec -i NAME sh", as far as it fits. */
static void describe(struct command_transport *t)
{
    struct buf text;
    buf_init(&text, sizeof t->where - 1);
    for (char **word = t->argv; *word && !text.failed; word++)
        buf_printf(&text, "%s%s", text.len > 0 ? " " : "", *word);
    (void)snprintf(t->where, sizeof t->where, "%s", text.data ? text.data : t->argv[0]);
    (void)snprintf(t->subject, sizeof t->subject, "command %s", t->where);
    buf_free(&text);
}

/* A reload may free the target while its machine is still in use. */
static bool copy_target(struct command_transport *t, const struct config_target *target)
{
    size_t count = 0;
    while (target->command[count])
        count++;
    t->target = strdup(target->name);
    t->argv = calloc(count + 1, sizeof *t->argv);
    for (size_t i = 0; t->argv && i < count; i++) {
        t->argv[i] = strdup(target->command[i]);
        if (!t->argv[i])
            return false;
    }
    return t->target && t->argv;
}

struct transport *transport_command(uv_loop_t *loop, const struct config_target *target)
{
    struct command_transport *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->base = (struct transport){.ops = &ops, .where = t->where};
    t->loop = loop;
    if (!copy_target(t, target)) {
        free_transport(&t->base);
        return NULL;
    }
    describe(t);
    return &t->base;
}
