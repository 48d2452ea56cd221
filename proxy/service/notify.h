/* Tells the service manager how it goes, in the words of sd_notify(3): a datagram to NOTIFY_SOCKET for each change, and
 * the sign of life that WATCHDOG_USEC asks for. Without these variables nothing is sent. */
#ifndef PROXY_SERVICE_NOTIFY_H
#define PROXY_SERVICE_NOTIFY_H

#include <uv.h>

#include "dap/must_use.h"

struct notify;

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID; begins to send WATCHDOG=1 twice in each WATCHDOG_USEC, from the
 * loop: one that is stuck sends nothing. NULL when memory ran out. */
struct notify *notify_new(uv_loop_t *loop) MUST_USE;
/* READY=1: all ports are bound; also the end of a reload. */
void notify_ready(struct notify *n);
/* RELOADING=1 with MONOTONIC_USEC; notify_ready must follow. */
void notify_reloading(struct notify *n);
/* STOPPING=1. */
void notify_stopping(struct notify *n);
/* STATUS=text, if it is another one than the last. One line. */
void notify_status(struct notify *n, const char *text);
/* NULL is fine. */
void notify_free(struct notify *n);

#endif
