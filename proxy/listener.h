/* A target's port: bound to a loopback address, each connection's owner checked before a byte is read. */
#ifndef PROXY_LISTENER_H
#define PROXY_LISTENER_H

#include <uv.h>

#include "config/config.h"
#include "dap/err.h"
#include "proxy/client.h"

struct listener;

/* Binds and listens on host:port. accepted gets each client whose socket belongs to the user who runs delvegate; others
   are closed with a reset. Returns NULL with *e (a taken port: whose). name: of the target, for the log, copied. */
struct listener *listener_new(uv_loop_t *loop, const char *host, int port, const char *name,
                              void (*accepted)(struct client *client, void *arg), void *arg, struct err *e);
/* Stops listening; NULL is fine. */
void listener_free(struct listener *l);

#endif
