/* Whether a Delve answers, by JSON-RPC GetVersion beside DAP: neither a running program nor a long stop delays that
 * call. The questions go over the link: while that is not heard of, nothing is known of Delve either, and nothing
 * counted.
 */
#ifndef PROXY_DELVE_HEARTBEAT_H
#define PROXY_DELVE_HEARTBEAT_H

#include "proxy/machine/machine.h"

struct heartbeat_handler {
    void (*answered)(void *arg); /* at each answer */
    /* No answer came for so many seconds. Only heartbeat_free may follow. */
    void (*silent)(void *arg, int seconds);
};

struct heartbeat;

/* Asks at once and then regularly, until it is freed. Its connection must be closed before Delve is ended: SIGTERM with
 * a client connected can hang Delve. NULL when memory ran out. */
struct heartbeat *heartbeat_new(uv_loop_t *loop, struct link *link, int port, const struct heartbeat_handler *h,
                                void *arg);
/* link_lost: the channel is gone already. NULL is fine. May be called from a handler. */
void heartbeat_free(struct heartbeat *b, bool link_lost);

#endif
