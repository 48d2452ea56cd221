/* Which transport reaches a target. */
#ifndef PROXY_MACHINE_TRANSPORT_TARGET_H
#define PROXY_MACHINE_TRANSPORT_TARGET_H

#include "proxy/machine/transport.h"

/* The target's transport, for transport_free. NULL when memory ran out. */
struct transport *transport_of_target(uv_loop_t *loop, const struct config_target *target);

#endif
