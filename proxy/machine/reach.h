/* Which transport reaches a target. */
#ifndef PROXY_MACHINE_REACH_H
#define PROXY_MACHINE_REACH_H

#include "proxy/machine/transport.h"

/* The target's way, for transport_free. NULL when memory ran out. */
struct transport *reach_target(uv_loop_t *loop, const struct config_target *target);

#endif
