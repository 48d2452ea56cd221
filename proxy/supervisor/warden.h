/* The supervisor's parent: it inherits what the supervisor started, and ends it when the supervisor dies otherwise than
 * by its own end. */
#ifndef PROXY_SUPERVISOR_WARDEN_H
#define PROXY_SUPERVISOR_WARDEN_H

#include "proxy/supervisor/supervisor.h"

/* Forks a supervisor, whose work this is, and waits for its end without a descriptor of any connection, then cleans up
 * what it left in dir. Returns the supervisor's exit status, in the warden's process; work runs in the child. */
int warden_run(const char *dir, int (*work)(void *arg), void *arg);

#endif
