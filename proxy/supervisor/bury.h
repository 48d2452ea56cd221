/* What supervisors have left that died without their end: their runs are ended in Delve's order (an attached process is
 * detached from, not ended), what remedies moved aside is put back, the directories are removed. It blocks: for the
 * warden and for workers. */
#ifndef PROXY_SUPERVISOR_BURY_H
#define PROXY_SUPERVISOR_BURY_H

#include <sys/types.h>

#include "proxy/supervisor/supervisor.h"

/* Ends and removes one instance's directory, whose supervisor is dead. ended: called for each pid that was ended; may
 * be NULL. Returns -1 when something is left. */
int bury_instance(const char *dir, void (*ended)(void *arg, pid_t pid), void *arg);
/* Looks in all bases for instances without a living supervisor, but `own`; told: a line for each, may be NULL. */
void bury_others(const char *own, void (*told)(void *arg, const char *text), void *arg);

/* What an instance's directory has, so that others can bury it:
 *   supervisor      "PID START" of the supervisor (process_write)
 *   host            the machine's boot id: numbers of another machine or boot, or of a container, mean nothing here
 *   SESSION/NUMBER/pid      "PID START" of the run's first process, which leads its process session
 *   SESSION/NUMBER/attach   there when it is a dlv that attached to a process: "PID START" of that one
 *   SESSION/attached-PID    "PID START" of an attached process, at the first attach
 *   SESSION/aside           what a remedy has moved aside (remedy.h) */

#endif
