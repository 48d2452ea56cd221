/* A terminal for a run. Its slave is the controlling terminal of a process session that a process of ours leads: it
 * ignores SIGHUP, holds no copy of the master, and has what is run as its child. Were Delve the leader, the end of the
 * master would end Delve and leave the program. */
#ifndef PROXY_SUPERVISOR_PTY_H
#define PROXY_SUPERVISOR_PTY_H

#include <stdbool.h>
#include <sys/types.h>

#include "proxy/supervisor/supervisor.h"

enum { PTY_PATH_MAX = 64 };

struct pty {
    int master, slave; /* -1: none; close-on-exec */
    char path[PTY_PATH_MAX];
};

/* Opens one. Returns -1 with errno, and then neither descriptor is open. */
int pty_open(struct pty *p, unsigned rows, unsigned columns) MUST_USE;
/* Closes what is open of it. */
void pty_close(struct pty *p);
void pty_size(const struct pty *p, unsigned rows, unsigned columns);
/* The process group in its foreground. Returns 0 when there is none. */
pid_t pty_foreground(const struct pty *p);

/* In the leader of a new process session, with all signals blocked: the slave becomes its terminal, and what is to run
 * is forked, in a process group of its own, which is in the foreground if that is asked for. Returns in that child
 * alone, 0; -1 with errno in the leader when it can't be done. The leader passes SIGTERM and SIGCONT on, and exits as
 * its child did, or with SUPERVISOR_SIGNAL_STATUS + signal. */
int pty_lead(int slave, bool foreground) MUST_USE;

#endif
