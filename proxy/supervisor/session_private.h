/* Inside a session: its states (session.c), what is said on its control stream (session_control.c), and what it has in
 * workers (session_work.c). */
#ifndef PROXY_SUPERVISOR_SESSION_PRIVATE_H
#define PROXY_SUPERVISOR_SESSION_PRIVATE_H

#include "proxy/supervisor/flight.h"
#include "proxy/supervisor/loop.h"
#include "proxy/supervisor/run.h"
#include "proxy/supervisor/session.h"
#include "proxy/supervisor/worker.h"

enum session_state {
    SESSION_GREETING, /* ORDER_SESSION has not come */
    SESSION_WAITING,  /* another one with its number, of a delvegate before, is still ending */
    SESSION_LOOKING,  /* for tools, in a worker */
    SESSION_READY,
    SESSION_STOPPING, /* its run is being ended */
    SESSION_ERASING,  /* its directory, in a worker */
    SESSION_OVER      /* what was said last is on its way */
};

struct session {
    struct session *next;
    enum session_state state;
    uint32_t number;

    /* Control. */
    struct stream control;
    bool is_cut; /* nobody reads it any more */
    struct buf in;
    struct buf out;
    size_t out_at; /* of it, what was sent */

    /* What it began with. */
    char *order_bytes;
    struct order order;
    struct alarm lease;
    uint64_t lease_ms;

    char *dir; /* NULL: not begun */
    struct session_tools tools;
    struct worker *worker;
    bool has_error; /* the worker has reported one */

    /* Runs. */
    struct run *run;
    bool was_over;      /* a run that ended while it was being started */
    char *queued_bytes; /* an ORDER_RUN that came before it was ready */
    struct order queued;
    struct flight *flight; /* for the present run, or the next; NULL: none, or it is carried out */
    /* An INPUT that came before its run. */
    struct stream input;
    uint32_t input_run;
    bool input_has_ended;

    struct alarm failure; /* a report that did not fit: it is ended in the next turn */
};

/* --- session.c --- */

void session_set_state(struct session *s, enum session_state state);
/* Ends it; run_end_if_abandoned when how is -1. May be said again, harder. */
void session_end(struct session *s, int how);
/* Its run, its worker and its directory are gone. It may be freed by then. */
void session_over(struct session *s);
/* Its control stream is closed: it is freed now, or when it is over. */
void session_cut(struct session *s);
void session_queue_run(struct session *s, const struct order *o);
void session_start_run(struct session *s, const struct order *o);
/* Reports that a run is not started, and its end. */
void session_refuse_run(struct session *s, const struct order *o, const char *kind, const char *text);
/* The run that waits, if there is one, is not started. */
void session_drop_queued(struct session *s);
/* ORDER_SESSION has come. */
void session_begin(struct session *s, const struct order *o);
/* The tools are found. */
void session_is_ready(struct session *s);
bool session_has_begun(const struct session *s);

/* --- session_control.c --- */

void session_control_init(struct session *s);
/* ORDER_ENDED was said: nothing follows. */
void session_control_end(struct session *s);
/* Returns a copy of what a record borrows, to be freed with free; NULL when memory is short. */
char *session_copy_order(struct order *copy, const struct order *o);

/* --- session_work.c --- */

/* Makes the directory and looks for tools. */
void session_look(struct session *s);
/* Puts back what remedies have moved aside, and removes the directory; then session_over. */
void session_erase(struct session *s);

#endif
