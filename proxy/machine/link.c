#include "proxy/machine/machine.h"

void machine_release(struct machine *t)
{
    if (t)
        t->ops->release(t);
}

struct link *machine_link(struct machine *t, const struct link_handler *h, void *arg)
{
    return t->ops->link(t, h, arg);
}

void link_close(struct link *l)
{
    l->transport->ops->link_close(l);
}

uint64_t link_silence(const struct link *l)
{
    return l->transport->ops->silence ? l->transport->ops->silence(l) : 0;
}

void link_distrust(struct link *l)
{
    if (l->transport->ops->distrust)
        l->transport->ops->distrust(l);
}

void link_give_up(struct link *l, const struct err *why)
{
    if (l->transport->ops->give_up)
        l->transport->ops->give_up(l, why);
}

struct channel *link_shell(struct link *l, const struct channel_handler *h, void *arg)
{
    return l->transport->ops->shell(l, h, arg);
}

struct channel *link_stream(struct link *l, int port, const struct channel_handler *h, void *arg)
{
    return l->transport->ops->stream(l, port, h, arg);
}

bool channel_write(struct channel *c, const char *data, size_t len)
{
    return c->ops->write(c, data, len);
}

size_t channel_queued(const struct channel *c)
{
    return c->ops->queued(c);
}

void channel_pause(struct channel *c, bool paused)
{
    c->ops->pause(c, paused);
}

void channel_shut(struct channel *c)
{
    c->ops->shut(c);
}

void channel_close(struct channel *c)
{
    c->ops->close(c);
}
