/* A target's port: bound to a loopback address, each connection's owner checked before a byte is read. */
#ifndef PROXY_SERVICE_LISTENER_H
#define PROXY_SERVICE_LISTENER_H

#include <uv.h>

#include "dap/must_use.h"
#include "dap/err.h"
#include "proxy/session/client.h"

struct listener;

struct listener_options {
    const char *name; /* of the target, for the log; copied */
    const char *host; /* an IP address */
    int port;
    int fd; /* a socket that listens there already, used through a copy of the descriptor; -1: one is bound */
    /* Gets each client whose socket belongs to the user who runs delvegate, or that comes from an allowed address;
       others are closed with a reset. NULL: all are. */
    void (*accepted)(struct client *client, void *arg);
    void *arg;
};

/* Binds and listens. Returns NULL with *e (a taken port: whose). */
struct listener *listener_new(uv_loop_t *loop, const struct listener_options *o, struct err *e) MUST_USE;
/* Whether listener_new could bind the port: a socket is bound and closed. Returns 0, also with *is_held: a delvegate of
 * this user's has it now, or its socket unit; -1 with *e. */
int listener_try(const struct listener_options *o, bool *is_held, struct err *e) MUST_USE;
/* From these addresses (in their usual form; NULL-terminated, or NULL: none) anyone may connect from now on. Returns 0,
 * or -1 when memory ran out: then from none. */
int listener_allow(struct listener *l, char *const *addresses) MUST_USE;
/* Stops listening; NULL is fine. */
void listener_free(struct listener *l);

#endif
