/* The ssh transport: one for each destination, with as many connections as its links need. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/ssh/ssh_impl.h"

static struct ssh_transport *transports; /* all that exist; a daemon has one loop and one thread */

static struct ssh_transport *transport_of(struct transport *t)
{
    return (struct ssh_transport *)t;
}

struct ssh_connection *ssh_transport_connection(struct ssh_transport *t)
{
    struct ssh_connection *c = t->connections;
    while (c && !ssh_connection_has_room(c))
        c = c->next;
    return c ? c : ssh_connection_new(t);
}

static struct link *open_link(struct transport *base, const struct link_handler *h, void *arg)
{
    struct ssh_transport *t = transport_of(base);
    struct ssh_link *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    struct ssh_connection *c = ssh_transport_connection(t);
    if (!c) {
        free(l);
        return NULL;
    }
    *l = (struct ssh_link){.base = {.transport = base}, .connection = c, .h = h, .arg = arg, .next = c->links};
    c->links = l;
    timer_stop(c->warm);
    ssh_connection_schedule(c);
    return &l->base;
}

static void close_link(struct link *base)
{
    struct ssh_link *l = (struct ssh_link *)base;
    ssh_channels_abandon(l->connection, l);
    l->h = NULL;
    ssh_connection_schedule(l->connection);
}

static uint64_t silence(const struct link *base)
{
    return ssh_connection_silence(((const struct ssh_link *)base)->connection);
}

static void distrust(struct link *base)
{
    ssh_connection_distrust(((struct ssh_link *)base)->connection);
}

static void give_up(struct link *base, const struct err *why)
{
    ssh_connection_fail(((struct ssh_link *)base)->connection, true, "%s", why->text);
}

static struct channel *open_shell(struct link *l, const struct channel_handler *h, void *arg)
{
    return ssh_channel_new((struct ssh_link *)l, 0, h, arg);
}

static struct channel *open_stream(struct link *l, int port, const struct channel_handler *h, void *arg)
{
    return ssh_channel_new((struct ssh_link *)l, port, h, arg);
}

void ssh_transport_settle(struct ssh_transport *t)
{
    if (t->references > 0 || t->connections)
        return;
    for (struct ssh_transport **at = &transports; *at; at = &(*at)->next)
        if (*at == t) {
            *at = t->next;
            break;
        }
    ssh_destination_free(&t->destination);
    free(t->name);
    free(t->defaults);
    free(t);
}

static void release(struct transport *base)
{
    struct ssh_transport *t = transport_of(base);
    if (--t->references > 0)
        return;
    for (struct ssh_connection *c = t->connections; c; c = c->next)
        ssh_connection_discard(c);
    ssh_transport_settle(t);
}

const struct transport_ops ssh_transport_ops = {.release = release,
                                                .link = open_link,
                                                .link_close = close_link,
                                                .silence = silence,
                                                .distrust = distrust,
                                                .give_up = give_up,
                                                .shell = open_shell,
                                                .stream = open_stream,
                                                .write = ssh_channel_write,
                                                .queued = ssh_channel_queued,
                                                .pause = ssh_channel_pause,
                                                .shut = ssh_channel_shut,
                                                .close = ssh_channel_close};

static struct ssh_transport *find(uv_loop_t *loop, const char *destination)
{
    for (struct ssh_transport *t = transports; t; t = t->next)
        if (t->loop == loop && t->references > 0 && strcmp(t->name, destination) == 0)
            return t;
    return NULL;
}

struct transport *transport_ssh(uv_loop_t *loop, const char *destination, long keep_warm_seconds)
{
    static bool ready;
    if (!ready && libssh2_init(0) != 0)
        return NULL;
    ready = true;
    struct ssh_transport *t = find(loop, destination);
    if (!t) {
        t = calloc(1, sizeof *t);
        if (!t)
            return NULL;
        t->base = (struct transport){.ops = &ssh_transport_ops, .where = t->where};
        t->loop = loop;
        t->name = strdup(destination);
        if (!t->name) {
            free(t);
            return NULL;
        }
        (void)snprintf(t->where, sizeof t->where, "%s", destination);
        (void)snprintf(t->subject, sizeof t->subject, "ssh %s", destination);
        t->next = transports;
        transports = t;
    }
    t->references++;
    if (keep_warm_seconds > t->keep_warm_seconds)
        t->keep_warm_seconds = keep_warm_seconds;
    return &t->base;
}
