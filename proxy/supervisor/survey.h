/* What a session needs to know of this machine: go, dlv, their versions and caches, facts about the Go environment.
 * Runs in a worker (it starts programs and waits for them), and reports ORDER_TOOL, ORDER_FACT and ORDER_ERROR. */
#ifndef PROXY_SUPERVISOR_SURVEY_H
#define PROXY_SUPERVISOR_SURVEY_H

#include "delve/order.h"

struct survey {
    const struct order *session; /* ORDER_SESSION */
    const char *dir;             /* the session's directory, for what has to be written */
    char *const *env;            /* the newest door's environment */
};

/* Looks for everything; for worker_start. Returns 0 when a session can begin (or, with ORDER_ALONE, when all was
 * looked at), else 1 after ORDER_ERROR. */
int survey_work(void *survey, int out);

#endif
