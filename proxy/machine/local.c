/* The local transport: the Go machine is this one, and the supervisor is a child. */
#include <stdlib.h>

#include "proxy/base/log.h"
#include "proxy/base/timer.h"
#include "proxy/machine/child.h"
#include "proxy/machine/programs.h"
#include "proxy/machine/transport.h"

enum { PATH_SIZE = 4096 };

struct local_transport {
    struct transport base; /* first */
    uv_loop_t *loop;
};

struct local_carrier {
    struct carrier base; /* first */
    const struct carrier_handler *handler;
    void *arg;
    struct child *child; /* NULL: it could not be started */
    struct timer *begin;
    struct err why; /* why it could not be started */
    bool told_high;
};

static struct local_carrier *of(const struct carrier *c)
{
    return (struct local_carrier *)(uintptr_t)c;
}

static void close_carrier(struct carrier *base)
{
    struct local_carrier *c = of(base);
    child_close(c->child);
    timer_free(c->begin);
    free(c);
}

static void lose(struct local_carrier *c, enum transport_loss loss)
{
    const struct carrier_handler *h = c->handler;
    void *arg = c->arg;
    struct err why = c->why;
    close_carrier(&c->base);
    h->lost(arg, &why, loss);
}

static void on_data(void *arg, const char *data, size_t len)
{
    struct local_carrier *c = arg;
    c->handler->data(c->arg, data, len);
}

static void on_line(void *arg, const char *text)
{
    (void)arg;
    log_info("supervisor", "stderr: %s", text);
}

static void on_drained(void *arg)
{
    struct local_carrier *c = arg;
    if (!c->told_high)
        return;
    c->told_high = false;
    c->handler->drained(c->arg);
}

static void on_ended(void *arg, const struct child_end *end)
{
    struct local_carrier *c = arg;
    c->child = NULL;
    if (end->is_running)
        (void)err_set(&c->why, "the supervisor closed its standard input or output");
    else if (end->signal)
        (void)err_set(&c->why, "the supervisor was ended by signal %d", end->signal);
    else
        (void)err_set(&c->why, "the supervisor ended with exit status %d%s%s", end->status, end->words[0] ? ": " : "",
                      end->words);
    lose(c, TRANSPORT_RETRY);
}

static void on_begin(void *arg)
{
    struct local_carrier *c = arg;
    if (c->child)
        c->handler->running(c->arg);
    else
        lose(c, TRANSPORT_NEVER);
}

static void start(struct local_carrier *c, uv_loop_t *loop)
{
    static const struct child_handler child_handler = {
        .ends_itself = true, .data = on_data, .line = on_line, .drained = on_drained, .ended = on_ended};
    char program[PATH_SIZE];
    const char *const argv[] = {program, "local", NULL};
    int error = 0;
    if (programs_local(program, sizeof program, &c->why) < 0)
        return;
    c->child = child_start(loop, argv, NULL, &child_handler, c, &error);
    if (!c->child)
        (void)err_set(&c->why, "the supervisor %s could not be started: %s; install delvegate again", program,
                      uv_strerror(error));
}

static struct carrier *open_carrier(struct transport *base, const struct transport_command *command,
                                    const struct carrier_handler *h, void *arg)
{
    struct local_transport *t = (struct local_transport *)base;
    struct local_carrier *c = calloc(1, sizeof *c);
    (void)command;
    if (!c)
        return NULL;
    *c = (struct local_carrier){.base = {.transport = base}, .handler = h, .arg = arg};
    c->begin = timer_new(t->loop, on_begin, c);
    if (!c->begin) {
        free(c);
        return NULL;
    }
    start(c, t->loop);
    timer_start(c->begin, 0, 0);
    return &c->base;
}

static size_t queued(const struct carrier *base)
{
    return of(base)->child ? child_queued(of(base)->child) : 0;
}

static bool write_bytes(struct carrier *base, const char *data, size_t len)
{
    struct local_carrier *c = of(base);
    if (c->child)
        child_write(c->child, data, len);
    c->told_high = c->told_high || queued(base) >= CARRIER_HIGH_WATER;
    return c->told_high;
}

static void free_transport(struct transport *t)
{
    free(t);
}

static const struct transport_ops ops = {
    .open = open_carrier, .write = write_bytes, .queued = queued, .close = close_carrier, .free = free_transport};

struct transport *transport_local(uv_loop_t *loop)
{
    struct local_transport *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->base = (struct transport){.ops = &ops, .is_local = true, .where = "this machine"};
    t->loop = loop;
    return &t->base;
}
