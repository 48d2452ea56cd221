/* Whether a Delve answers, by JSON-RPC GetVersion beside DAP: neither a running program nor a long stop delays that
 * call. The supervisor asks, beside Delve, so that silence means Delve. */
#ifndef PROXY_DELVE_HEARTBEAT_H
#define PROXY_DELVE_HEARTBEAT_H

#include "dap/must_use.h"
#include "proxy/machine/machine.h"

struct heartbeat_handler {
    void (*answered)(void *arg); /* at its first answer */
    /* No answer came for so many seconds. Only heartbeat_free may follow. */
    void (*silent)(void *arg, int seconds);
};

struct heartbeat;

/* Has the Delve at this port asked at once and then regularly, until it is freed. NULL when memory ran out. */
struct heartbeat *heartbeat_new(struct link *link, int port, const struct heartbeat_handler *h, void *arg) MUST_USE;
/* link_lost: the channel is gone already. NULL is fine. May be called from a handler. */
void heartbeat_free(struct heartbeat *b, bool link_lost);

#endif
