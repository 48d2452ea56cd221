/* Endpoints: for each target that the configuration names, or once named, its port, the connection that is kept warm,
 * and what is remembered from one session to the next. */
#ifndef PROXY_SERVICE_ENDPOINTS_H
#define PROXY_SERVICE_ENDPOINTS_H

#include "dap/must_use.h"
#include "config/config.h"
#include "dap/buf.h"
#include "proxy/service/activation.h"
#include "proxy/session/client.h"
#include "proxy/session/session.h"

/* A name that a target has or had. Sessions point here, so it is never removed. */
struct endpoint {
    struct endpoint *next;
    struct endpoints *endpoints;
    char *name;
    struct target_memory memory;
    size_t sessions;                  /* counted by the owner of the sessions */
    struct listener *listener;        /* NULL: the configuration does not name it now */
    struct activation_socket *handed; /* the socket that it listens on was handed over; NULL: bound by itself */
    struct machine *machine;          /* keeps connections warm between sessions */
    char *host;
    int port;
};

struct endpoints {
    uv_loop_t *loop;
    struct endpoint *first;
    struct activation activation;
    struct listener **unclaimed; /* of each handed-over socket that is no target's; NULL: a target's */
    void (*accepted)(struct endpoint *endpoint, struct client *client, void *arg);
    void *arg;
};

/* Takes over the sockets that the service manager has handed over. accepted gets each client that may connect. Returns
 * 0, or -1 when memory ran out. */
int endpoints_init(struct endpoints *all, uv_loop_t *loop,
                   void (*accepted)(struct endpoint *, struct client *, void *arg), void *arg) MUST_USE;
/* Listens where the configuration says. Ports that stay are not touched; those that go are closed before new ones are
 * bound, so that two targets can swap theirs. Handed-over sockets without a target refuse their clients and are logged.
 * Returns -1 when a port could not be bound (logged): the others are. */
int endpoints_apply(struct endpoints *all, const struct config *config) MUST_USE;
/* Stops listening everywhere; sessions are not touched. */
void endpoints_close(struct endpoints *all);
/* Frees all; no session may be left. */
void endpoints_free(struct endpoints *all);
/* Appends the targets and their addresses: "local 127.0.0.1:4711, ...". */
void endpoints_describe(const struct endpoints *all, struct buf *out);
/* Whether there are handed-over sockets, and they are the ports of all targets: a manager starts delvegate again when
 * somebody connects. Otherwise *bare is the name of a target that has none, or NULL. */
bool endpoints_are_handed(const struct endpoints *all, const char **bare);

/* Whether a target listens on a handed-over socket. */
bool endpoints_have_handed(const struct endpoints *all);

#endif
