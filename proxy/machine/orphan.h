/* What a lost connection has left on a Go machine: reached again and ended, for as long as its lease runs. */
#ifndef PROXY_MACHINE_ORPHAN_H
#define PROXY_MACHINE_ORPHAN_H

#include "config/config.h"
#include "proxy/machine/machine.h"

/* Begins to reach the target again, with growing waits, and has the supervisor whose run directory is dir end its
   session. Needs no owner: it ends when that is done or the lease is over (then the supervisor has done it itself).
   config is referenced meanwhile. */
void orphan_end(uv_loop_t *loop, struct config *config, const struct config_target *target, const char *dir,
                bool detach);

/* Gives up on all: for delvegate's own end; the leases remain. */
void orphan_forget_all(void);

#endif
