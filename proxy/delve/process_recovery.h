/* The recovery policy of a target, for either kind of process. */
#ifndef PROXY_DELVE_PROCESS_RECOVERY_H
#define PROXY_DELVE_PROCESS_RECOVERY_H

#include "config/config.h"
#include "delve/recovery.h"

/* A policy without a past, with the target's options; freed by delve_recovery_free. NULL when memory ran out. */
struct delve_recovery *process_recovery_new(const struct config_target *target);

#endif
