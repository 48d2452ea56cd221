/* What sessions on this machine have left that died without their end: a crash of the supervisor, a machine that was
 * switched off. */
#ifndef PROXY_MACHINE_SWEEP_H
#define PROXY_MACHINE_SWEEP_H

#include <uv.h>

/* Begins to end and remove it, with a line of the log for each directory; the loop is not held up. What a living
 * supervisor looks after is not touched. Needs no owner; once at a time. */
void sweep_local(uv_loop_t *loop);

/* Gives up: for delvegate's own end. The rest is the next one's. */
void sweep_forget(void);

#endif
