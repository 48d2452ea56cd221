/* What blocks: a function in a forked child, whose records come back by a pipe. */
#ifndef PROXY_SUPERVISOR_WORKER_H
#define PROXY_SUPERVISOR_WORKER_H

#include "delve/order.h"
#include "proxy/supervisor/loop.h"

struct worker;

struct worker_handler {
    /* A record that the worker has written with worker_report; borrowed. */
    void (*record)(void *arg, const struct order *o);
    /* It has ended, after all its records; status as struct child has it. It is freed by then. */
    void (*ended)(void *arg, int status);
};

/* Forks; the child runs work(arg, out) in a process session of its own, with /dev/null as stdin, stdout and stderr and
 * none of our descriptors but out, and exits with what it returns. NULL with errno when that can't be done. */
struct worker *worker_start(int (*work)(void *arg, int out), void *work_arg, const struct worker_handler *h,
                            void *arg) MUST_USE;
pid_t worker_pid(const struct worker *w);
/* Kills it and what is in its process session, and frees it; no handler is called. NULL is fine. */
void worker_free(struct worker *w);

/* In a worker: writes a record (that order_close has ended) and clears the buffer. A record that can't be written ends
 * the worker: nobody listens. */
void worker_report(int out, struct buf *record);
/* The most usual ones: with ORDER_NAME (NULL: none) and ORDER_TEXT. */
void worker_say(int out, enum order_kind kind, const char *name, const char *text);

#endif
