/* A world without sockets, processes or time, for sessions under random schedules: one editor, one Go machine, and a
 * loop whose next event is drawn by lot. */
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
struct lane *lane_new(void);
/* Drops what is still to come. */
void lane_free(struct lane *l);
void lane_post(struct lane *l, void (*run)(void *arg, const struct event *e), void *arg, const char *text, size_t len,
               int number);
/* Runs one event or, when none waits (or sometimes before), the next timer. Returns false when there is neither. */
bool loop_step(void);
void loop_reset(void);

/* --- machine.c --- */

/* Faults are drawn only while `faults` holds. */
void machine_reset(bool faults);
void machine_calm(void);
/* Lets something happen there: the program stops, prints or ends, Delve dies, hangs, closes the connection, ... */
void machine_stir(void);
/* A new launch or restart was asked for, or the editor has seen a stop: starts are counted from here. */
void machine_used(void);
/* What is wrong when a session is over and something is left. */
void machine_check_empty(void);

/* --- editor.c --- */

struct client *editor_new(void);
/* Sends one request that an editor might send now, or goes away. */
void editor_act(void);
/* Sends disconnect, or closes, if it has not yet. */
void editor_leave(void);
/* After the session's end: everything was answered once. */
void editor_check(void);
void editor_free(void);

#endif
