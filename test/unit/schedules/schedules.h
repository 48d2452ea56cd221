/* A world without sockets, processes or time, for sessions under random schedules: editors, Go machines, and a loop
 * whose next event is drawn by lot. Two sessions live in it at once: the one under test, and one beside it to which
 * nothing must happen.
 *
 * The real code is dap/, delve/, config/, and proxy/session and proxy/delve without a client's socket. The world stands
 * in for what they call below them, and for nothing else:
 *   proxy/base/timer.h, log.h      loop.c, schedules.c
 *   proxy/session/client.h         editor.c
 *   proxy/machine/keeper.h         host.c
 *   proxy/machine/machine.h        delve.c (links and channels), host.c (the connection that they share)
 * It drives the code by proxy/session/session.h alone. What is inside a session or a Delve's objects it does not know.
 */
#ifndef TEST_SCHEDULES_H
#define TEST_SCHEDULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "proxy/session/client.h"

/* Draws from 0 to n - 1. */
unsigned draw(unsigned n);
/* Ends the test: what was promised does not hold. */
void broken(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* What a session debugs. */
enum kind {
    KIND_LAUNCH, /* a program that Delve starts, there by the supervisor */
    KIND_ATTACH, /* a process of the user's, by a Delve that the supervisor starts */
    KIND_REMOTE, /* a Delve of the user's: no supervisor, nothing of it may be ended */
    KINDS
};

/* --- loop.c --- */

/* Events of one source come in their order; between the sources it is drawn. */
struct lane;
struct event {
    void (*run)(void *arg, const struct event *e);
    void *arg;
    char *text; /* owned by the event; NULL: none */
    size_t len;
    int number;
};
/* prompt: no time passes while one of its events waits. */
struct lane *lane_new(bool prompt);
/* While it is frozen its events wait. */
void lane_freeze(struct lane *l, bool frozen);
/* Drops what is still to come. */
void lane_free(struct lane *l);
void lane_post(struct lane *l, void (*run)(void *arg, const struct event *e), void *arg, const char *text, size_t len,
               int number);
/* Runs one event or, when none waits (or sometimes before), the next timer. Returns false when there is neither. */
bool loop_step(void);
/* Runs events and what is due until there is none; no time passes. */
void loop_settle(void);
void loop_reset(void);

/* --- host.c --- */

struct host;

/* A Go machine for one session. Without faults nothing goes wrong there, and no time passes before an answer; on a
 * steady one the program does not end by itself either. */
struct host *host_new(enum kind kind, bool faults, bool steady);
/* Breaks when something of the session is left. */
void host_free(struct host *m);
/* No more faults. */
void host_calm(struct host *m);
/* Lets something happen there: the program stops, prints or ends, Delve dies, hangs, closes the connection, ... */
void host_stir(struct host *m);
/* A new launch or restart was asked for, or the editor has seen a stop: starts are counted from here. */
void host_used(struct host *m);
/* The user has said to end what the session did not start. */
void host_may_end(struct host *m);
/* The loop that a session on this machine is made with: how the code's calls find the machine. */
uv_loop_t *host_loop(struct host *m);
/* Whether nothing has gone wrong there yet, and the program has not ended. */
bool host_is_well(const struct host *m);
/* The port of the user's own Delve. */
int host_port(const struct host *m);

/* --- editor.c --- */

struct editor;

/* steady: it asks only what always succeeds, and breaks when it does not. m: where its session's program is. */
struct editor *editor_new(enum kind kind, struct host *m, bool steady);
/* For session_new. */
struct client *editor_client(struct editor *ed);
/* Sends one request that an editor might send now, or goes away. */
void editor_act(struct editor *ed);
/* Sends disconnect, or closes, if it has not yet. */
void editor_leave(struct editor *ed);
/* Whether everything was answered. */
bool editor_is_served(const struct editor *ed);
/* Whether its connection is closed, from either side. */
bool editor_is_closed(const struct editor *ed);
/* After the session's end: everything was answered once. */
void editor_check(const struct editor *ed);
void editor_free(struct editor *ed);

#endif
