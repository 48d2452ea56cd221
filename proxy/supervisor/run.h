/* One run of a session: dlv, a command, a remedy, or the question whether a process lives. It starts what is ordered,
 * with its streams, ends it in the order that Delve survives, sweeps what is left of it, and reports. */
#ifndef PROXY_SUPERVISOR_RUN_H
#define PROXY_SUPERVISOR_RUN_H

#include "proxy/supervisor/session.h"

enum run_end {
    RUN_KILL,   /* connections to it are closed, SIGTERM, SIGKILL, then the rest of its process session */
    RUN_DETACH, /* likewise, but the process that it is attached to lives on, and Delve gets time to detach */
    RUN_NOW     /* it does not answer: SIGKILL first */
};

/* Starts what ORDER_RUN says; the record is copied. All that goes wrong is reported, and ORDER_EXITED ends it in any
 * case, by session_run_over. NULL when memory is short, which was not reported. */
struct run *run_start(struct session *s, const struct order *o) MUST_USE;
uint32_t run_number(const struct run *r);
/* ORDER_LAUNCHED: the program holds its streams now. */
void run_launched(struct run *r);
/* The session has a flight: it is carried out once Delve listens, unless one was before. */
void run_start_flight(struct run *r);
/* Ends it; ORDER_EXITED follows. May be said again, harder. */
void run_stop(struct run *r, enum run_end how);
void run_signal(struct run *r, int signal);
void run_size(struct run *r, unsigned rows, unsigned columns);
/* delvegate has opened the stream for its stdin. NULL: it has none. */
struct stream *run_input(struct run *r);
/* Whether a program runs or is stopped (a longer lease), not a build. */
bool run_serves(const struct run *r);
/* How a session that is abandoned ends it: RUN_DETACH when dlv attached to a process. */
enum run_end run_end_if_abandoned(const struct run *r);
/* Nobody reads its streams any more (the session's control stream is gone): they are drained into nothing. */
void run_mute(struct run *r);

#endif
