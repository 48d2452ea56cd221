/* What delvegate wants to know of a Delve beside DAP, by JSON-RPC (delve/rpc.h): whether it lives, how its program has
 * ended. Asked from here, so that silence means Delve. */
#ifndef PROXY_SUPERVISOR_RPC_QUERY_H
#define PROXY_SUPERVISOR_RPC_QUERY_H

#include <stdint.h>

#include "proxy/supervisor/uplink.h"

/* Streams that delvegate has opened: ORDER_STREAM_HEARTBEAT, ORDER_STREAM_EXIT (order.h says what comes back). They are
 * ended when there is no more to say, and need no owner. NULL when memory is short. */
struct stream *rpc_query_open(enum order_stream stream, uint32_t port, uint32_t session) MUST_USE;
/* Closes a session's connections to its Delve, at once: before SIGTERM Delve must not have any. */
void rpc_query_close_all(uint32_t session);

#endif
