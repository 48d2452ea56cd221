/* The supervisor itself: the loop with the uplink and the sessions, as warden_run's work. */
#ifndef PROXY_SUPERVISOR_SUPERVISE_H
#define PROXY_SUPERVISOR_SUPERVISE_H

#include <stdbool.h>

#include "proxy/supervisor/supervisor.h"

struct supervise {
    const char *dir; /* the instance's directory, made; removed at the supervisor's own end */
    bool local;      /* the tunnel is on stdin and stdout, whose end is the end of everything; else door_listen(dir) */
};

/* Serves until its end. arg: a struct supervise. Returns the exit status: 0 for its own end, after which nothing is
 * left. */
int supervise_work(void *arg);
/* What names this program to delvegate: set by the build, at most TUNNEL_BUILD_SIZE bytes. */
const char *supervise_build(void);

#endif
