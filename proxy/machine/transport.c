#include "proxy/machine/transport.h"

#include "proxy/machine/child.h"

void transport_free(struct transport *t)
{
    if (t)
        t->ops->free(t);
}

struct carrier *transport_open(struct transport *t, const struct transport_command *command,
                               const struct carrier_handler *h, void *arg)
{
    return t->ops->open(t, command, h, arg);
}

bool carrier_write(struct carrier *c, const char *data, size_t len)
{
    return c->transport->ops->write(c, data, len);
}

size_t carrier_queued(const struct carrier *c)
{
    return c->transport->ops->queued(c);
}

void carrier_close(struct carrier *c)
{
    c->transport->ops->close(c);
}

void transport_forget(uv_loop_t *loop)
{
    child_forget(loop);
}
