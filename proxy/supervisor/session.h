/* A debug session at the supervisor: its control stream, its directory, its tools, its one run at a time, its lease. */
#ifndef PROXY_SUPERVISOR_SESSION_H
#define PROXY_SUPERVISOR_SESSION_H

#include <stdarg.h>
#include <stdbool.h>

#include "delve/order.h"
#include "proxy/supervisor/uplink.h"

/* What was found for it, all NUL-terminated, never NULL; "" until it is known. */
struct session_tools {
    char *go, *dlv, *gocache, *gomodcache;
};

struct session;
struct run;

/* dir: the instance's directory, below which theirs are made; borrowed. */
void session_init(const char *dir);
/* For the uplink: delvegate has opened a stream for the stdin of a session's run. NULL: it has none. */
struct stream *session_input(uint32_t session, uint32_t run) MUST_USE;
/* There is no link any more: sessions of which ORDER_LOCAL was said are ended, for the others the lease counts. */
void session_outage(void);
/* For the uplink: delvegate has opened a control stream with this number. NULL when memory is short. */
struct stream *session_open(uint32_t number) MUST_USE;
/* The session with this number, or NULL. */
struct session *session_find(uint32_t number);
unsigned session_count(void);
/* Whether one has ended because its lease was over: delvegate was not heard of for so long. */
bool session_lease_was_over(void);
/* All are ended, in the order that Delve survives; session_count is 0 when that is done. */
void session_end_all(void);
/* What is called whenever a session is over. */
void session_on_over(void (*over)(void *arg), void *arg);

/* --- for run.c --- */

uint32_t session_number(const struct session *s);
/* Its directory, absolute. */
const char *session_dir(const struct session *s);
const struct session_tools *session_tools(const struct session *s);
/* The order that it began with, kept: GOENV. */
const struct order *session_order(const struct session *s);
/* The environment that runs begin with: that of the newest door. NULL-terminated, borrowed. */
char *const *session_environ(const struct session *s);
/* Sends a record (ended by order_close) on the control stream, and clears the buffer. A failure ends the session. */
void session_report(struct session *s, struct buf *record);
/* The most usual ones: ORDER_NAME (NULL: none) and ORDER_TEXT. */
void session_say(struct session *s, enum order_kind kind, const char *name, const char *text);
void session_say_fmt(struct session *s, enum order_kind kind, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* What is to be sent to the Delve of this run, which it is now; the caller's from then on. NULL: nothing yet. */
struct flight *session_take_flight(struct session *s, uint32_t run);
/* The present run has ended, was reported, and is freed by its own hand after this. */
void session_run_over(struct session *s);

#endif
