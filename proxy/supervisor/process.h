/* Processes by /proc: who one is, so that a number given out again is not taken for it, and all that are in a process
 * session. */
#ifndef PROXY_SUPERVISOR_PROCESS_H
#define PROXY_SUPERVISOR_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "proxy/supervisor/supervisor.h"

struct process {
    pid_t pid, parent, session;
    char state;               /* as in /proc/PID/stat: R, S, T, Z ... */
    unsigned long long start; /* when it was started, in ticks since the machine's */
};

/* Reads who pid is. Returns -1 when there is none (any more). */
int process_read(pid_t pid, struct process *p) MUST_USE;
/* Whether that process (its pid and start) lives; zombies do not. */
bool process_lives(pid_t pid, unsigned long long start);
/* Calls back for each living process of a process session; stops when that returns false. Returns how many it was
 * called for. */
size_t process_each(pid_t session, bool (*each)(void *arg, const struct process *p), void *arg);
/* Sends SIGKILL to all that live in a process session but `spared` (0: none). Returns how many there were: it is to be
 * called until that is 0, with a wait in between. */
size_t process_sweep(pid_t session, pid_t spared);

/* Writes "PID START" of a process to a file (a new one, 0600), and reads it back. Returns -1 with errno, or when the
 * process is gone or the file has something else. */
int process_write(const char *path, pid_t pid) MUST_USE;
int process_read_file(const char *path, pid_t *pid, unsigned long long *start) MUST_USE;

#endif
