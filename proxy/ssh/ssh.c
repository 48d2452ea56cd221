/* The ssh transport: one way to one destination. Each carrier has an SSH connection of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/ssh/ssh_impl.h"

void ssh_transport_settle(struct ssh_transport *t)
{
    if (!t->is_freed || t->connections)
        return;
    ssh_destination_free(&t->destination);
    free(t->name);
    free(t->defaults);
    free(t);
}

static void free_transport(struct transport *base)
{
    struct ssh_transport *t = (struct ssh_transport *)base;
    t->is_freed = true;
    ssh_transport_settle(t);
}

static struct carrier *open_carrier(struct transport *base, const struct transport_command *command,
                                    const struct carrier_handler *h, void *arg)
{
    return (struct carrier *)ssh_connection_new((struct ssh_transport *)base, command->line, h, arg);
}

static bool write_bytes(struct carrier *c, const char *data, size_t len)
{
    return ssh_connection_write((struct ssh_connection *)c, data, len);
}

static size_t queued(const struct carrier *c)
{
    return ssh_connection_queued((const struct ssh_connection *)c);
}

static void close_carrier(struct carrier *c)
{
    ssh_connection_close((struct ssh_connection *)c);
}

static const struct transport_ops ops = {
    .open = open_carrier, .write = write_bytes, .queued = queued, .close = close_carrier, .free = free_transport};

struct transport *transport_ssh(uv_loop_t *loop, const struct config_target *target)
{
    static bool ready;
    if (!ready && libssh2_init(0) != 0)
        return NULL;
    ready = true;
    struct ssh_transport *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->base = (struct transport){.ops = &ops, .where = t->where};
    t->loop = loop;
    t->program = (enum config_maybe)target->ssh_program;
    t->name = strdup(target->ssh);
    if (!t->name) {
        free(t);
        return NULL;
    }
    (void)snprintf(t->where, sizeof t->where, "%s", t->name);
    (void)snprintf(t->subject, sizeof t->subject, "ssh %s", t->name);
    return &t->base;
}
