/* Whether a Delve answers, by JSON-RPC GetVersion beside DAP: neither a running program nor a long stop delays that
 * call. The questions go over the link, so its silence is the link's as well: before Delve is blamed, the link is asked
 * too. */
#ifndef PROXY_DELVE_HEARTBEAT_H
#define PROXY_DELVE_HEARTBEAT_H

#include "proxy/machine/machine.h"

struct heartbeat_handler {
    void (*answered)(void *arg); /* at each answer */
    /* No answer came for so many seconds. by_link: neither did anything else over the link, though it was asked: it may
     * not be Delve's fault. Only heartbeat_free may follow. */
    void (*silent)(void *arg, int seconds, bool by_link);
};

struct heartbeat;

/* Asks at once and then regularly, until it is freed. Its connection must be closed before Delve is ended: SIGTERM with
 * a client connected can hang Delve. NULL when memory ran out. */
struct heartbeat *heartbeat_new(uv_loop_t *loop, struct link *link, int port, const struct heartbeat_handler *h,
                                void *arg);
/* link_lost: the channel is gone already. NULL is fine. May be called from a handler. */
void heartbeat_free(struct heartbeat *b, bool link_lost);

#endif
