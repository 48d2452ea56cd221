/* A program of this machine whose stdin and stdout carry data to and from another one. It leads a session and a process
 * group of its own, which end with it unless it ends itself. */
#ifndef PROXY_MACHINE_CHILD_H
#define PROXY_MACHINE_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "dap/must_use.h"

struct child;

/* How it ended. Valid during the call. */
struct child_end {
    int status;              /* exit status; 0 with a signal */
    int signal;              /* 0: none */
    bool is_running;         /* it closed its stdout, or takes no more input, and did not end */
    const char *stderr_tail; /* the last that it wrote to stderr, printable; empty: nothing */
};

/* None is called from inside a child_ call. */
struct child_handler {
    bool ends_itself; /* when its stdin is closed, in an order of its own: it is not signalled, and neither is its group
                       */
    void (*data)(void *arg, const char *data, size_t len); /* of its stdout; never empty, always read */
    void (*line)(void *arg, const char *text);             /* of its stderr, printable, without newline, never empty */
    void (*drained)(void *arg);                            /* the queue is below CARRIER_LOW_WATER again */
    /* It is over; all data came before. The pointer is dead afterwards. */
    void (*ended)(void *arg, const struct child_end *end);
};

/* Starts argv (argv[0] looked for in PATH) with delvegate's own environment for children; in it entries ("NAME=VALUE",
 * ended by NULL; or NULL) take the place of what has their names. All are borrowed during the call. Returns NULL with
 * *error (libuv's) when it cannot be started. */
struct child *child_start(uv_loop_t *loop, const char *const *argv, char *const *entries, const struct child_handler *h,
                          void *arg, int *error) MUST_USE;
/* Queues a copy of the bytes for its stdin. */
void child_write(struct child *c, const char *data, size_t len);
/* Bytes that it has not taken. */
size_t child_queued(const struct child *c);
/* Closes its stdin and stdout at once; what does not end by itself gets SIGTERM, then SIGKILL, unless ends_itself is
 * set. No handler is called any more; the pointer is dead. NULL is fine. */
void child_close(struct child *c);
/* Kills the children that were closed and still run, but those that end themselves, and lets go of them; before the
 * loop is closed. */
void child_forget(uv_loop_t *loop);

#endif
