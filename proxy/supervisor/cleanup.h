/* What supervisors have left that died without their end: their runs are ended in Delve's order (an attached process is
 * detached from, not ended), what remedies moved aside is put back, the directories are removed. It blocks: for the
 * warden and for workers. */
#ifndef PROXY_SUPERVISOR_CLEANUP_H
#define PROXY_SUPERVISOR_CLEANUP_H

#include <sys/types.h>

#include "proxy/supervisor/supervisor.h"

enum {
    CLEANUP_TOUCH_S = 15 * 60 /* seconds: so often at least a supervisor calls cleanup_touch */
};

/* Makes an instance's directory that of this process: waits until nobody cleans it up any more, ends and removes what a
 * dead supervisor has left in it, and writes the files `host` and `supervisor`. Returns 0; 1 when a living supervisor
 * has it; -1 with errno. ENOENT: it was removed meanwhile, directory_instance makes another. */
int cleanup_claim(const char *dir) MUST_USE;
/* Says to other machines, where the directory may be mounted too, that its supervisor lives. Returns -1 with errno. */
int cleanup_touch(const char *dir);

/* Ends and removes one instance's directory, whose supervisor is dead; with a living one (a new one has claimed it)
 * nothing happens. ended: called for each pid that was ended; may be NULL. Returns -1 when something is left. */
int cleanup_instance(const char *dir, void (*ended)(void *arg, pid_t pid), void *arg);
/* Looks in all bases for instances without a living supervisor, but `own`; report: a line for each, may be NULL. */
void cleanup_others(const char *own, void (*report)(void *arg, const char *text), void *arg);

/* What an instance's directory has, so that others can clean it up:
 *   host            two lines: the machine's boot id and, behind a blank, the namespace of process numbers; what names
 *                   the machine over its boots. Numbers of another boot, machine or container mean nothing here
 *   supervisor      "PID START" of the supervisor (process_write); written after host
 *   SESSION/NUMBER/pid      "PID START" of the run's first process, which leads its process session
 *   SESSION/NUMBER/attach   there when it is a dlv that attached to a process: "PID START" of that one
 *   SESSION/attached-PID    "PID START" of an attached process, at the first attach
 *   SESSION/aside           what a remedy has moved aside (remedy.h) */

#endif
