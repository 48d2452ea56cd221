/* Which transport reaches a target. */
#ifndef PROXY_MACHINE_REACH_H
#define PROXY_MACHINE_REACH_H

#include "config/config.h"
#include "proxy/machine/machine.h"

/* The target's transport, with a reference that machine_release gives back. NULL when memory ran out. */
struct machine *reach_target(uv_loop_t *loop, const struct config_target *target);

#endif
