/* The local transport: the Go machine is this one, and the supervisor is a child. */
#include <stdlib.h>

#include "proxy/base/log.h"
#include "proxy/machine/child_carrier.h"
#include "proxy/machine/programs.h"

enum { PATH_SIZE = 4096 };

struct local_transport {
    struct transport base; /* first */
    uv_loop_t *loop;
};

static void on_line(void *arg, const char *text)
{
    (void)arg;
    log_info("supervisor", "stderr: %s", text);
}

static void on_ended(void *arg, const struct child_end *end)
{
    struct child_carrier *c = arg;
    if (end->is_running)
        err_set(&c->why, "the supervisor closed its standard input or output");
    else if (end->signal)
        err_set(&c->why, "the supervisor was killed by signal %d", end->signal);
    else
        err_set(&c->why, "the supervisor ended with exit status %d%s%s", end->status, end->stderr_tail[0] ? ": " : "",
                end->stderr_tail);
    c->loss = TRANSPORT_RETRY;
    child_carrier_lose(c);
}

static void start(struct child_carrier *c, uv_loop_t *loop)
{
    static const struct child_handler child_handler = {.ends_itself = true,
                                                       .data = child_carrier_data,
                                                       .line = on_line,
                                                       .drained = child_carrier_drained,
                                                       .ended = on_ended};
    char program[PATH_SIZE];
    const char *const argv[] = {program, "local", NULL};
    int error = 0;
    c->loss = TRANSPORT_NEVER;
    if (programs_local(program, sizeof program, &c->why) < 0)
        return;
    c->child = child_start(loop, argv, NULL, &child_handler, c, &error);
    if (!c->child)
        err_set(&c->why, "the supervisor %s could not be started: %s; reinstall delvegate", program,
                uv_strerror(error));
}

static struct carrier *open_carrier(struct transport *base, const struct transport_command *command,
                                    const struct carrier_handler *h, void *arg)
{
    struct local_transport *t = (struct local_transport *)base;
    struct child_carrier *c = child_carrier_new(t->loop, base, h, arg);
    (void)command;
    if (!c)
        return NULL;
    start(c, t->loop);
    return &c->base;
}

static void free_transport(struct transport *t)
{
    free(t);
}

static const struct transport_ops ops = {.open = open_carrier,
                                         .write = child_carrier_write,
                                         .queued = child_carrier_queued,
                                         .close = child_carrier_close,
                                         .free = free_transport};

struct transport *transport_local(uv_loop_t *loop)
{
    struct local_transport *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->base = (struct transport){.ops = &ops, .is_local = true, .where = "this machine"};
    t->loop = loop;
    return &t->base;
}
