/* What the parts of the keeper share: its life, orders and reports (keeper.c), what a session and its runs are ordered
 * with (keeper_run.c), the streams of a run (keeper_streams.c, keeper_input.c), what is known of the Go environment
 * (keeper_facts.c).
 */
#ifndef PROXY_MACHINE_KEEPER_PRIVATE_H
#define PROXY_MACHINE_KEEPER_PRIVATE_H

#include "dap/must_use.h"
#include "delve/order.h"
#include "proxy/base/timer.h"
#include "proxy/machine/keeper.h"

enum {
    KEEPER_LINE_MAX = 64 * 1024 /* bytes of a line of text; the rest of a longer one is the next line */
};

enum keeper_state {
    KEEPER_IDLE,    /* no run */
    KEEPER_RUNNING, /* a run is ordered, `exited` awaited */
};

/* The streams of the present run, by which they are. */
enum keeper_stream { KEEPER_LOG, KEEPER_TEXT, KEEPER_OUT, KEEPER_ERR, KEEPER_STREAMS };

struct keeper_reader {
    struct keeper *keeper;
    struct channel *channel; /* NULL: it has not begun, or has ended */
    struct buf line;         /* the beginning of a line that is not whole yet */
    bool ended;
};

struct keeper {
    struct link *link;
    const struct config_target *target;
    const struct keeper_handler *handler; /* NULL once it is over */
    void *arg;
    const char *subject; /* of its lines in the log */
    struct keeper_tools tools;
    bool needs_delve;
    char *examined; /* the directory for keeper_examine, NULL: it is not asked for */
    bool alone;
    struct delve_facts facts;
    bool facts_reported;

    struct channel *control;
    struct buf reports; /* what has come of a record that is not whole yet */
    struct timer *deadline;
    bool begun, is_ready;
    bool over; /* all is reaped: only the stream's own end is awaited */

    /* The present run, or the last one. */
    enum keeper_state state;
    long number;
    bool attaches; /* a dlv that attaches to a process, which lives on */
    bool is_command, has_streams, has_facts;
    bool exited; /* its status is known, its text is awaited */
    int exit_status;
    long texts, outputs; /* how many of its streams there were, once it has exited */
    struct keeper_reader readers[KEEPER_STREAMS];
    struct keeper_flight flight;             /* its report and its stream come in any order */
    uint32_t flight_reported, flight_stream; /* their editions; 0: it has not come */
    bool output_over, paused, text_paused;
    struct channel *input; /* toward its stdin; NULL: it has none, or it is over */

    int reading; /* depth of handlers: memory is freed when the last returns */
    bool freed;
};

/* keeper.c */

/* It is over: reports that, once. Inside handlers too. */
void keeper_fail(struct keeper *k, const struct err *why);
void keeper_fail_memory(struct keeper *k);
/* Around what calls the owner's handlers: they may free the keeper. */
void keeper_enter(struct keeper *k);
void keeper_leave(struct keeper *k);
/* A stream of the present run has ended, or it is known how many there were: reports what that means. */
void keeper_readers_ended(struct keeper *k);

/* keeper_run.c */

/* Appends ORDER_SESSION with the target's pins. A failure is the buffer's. */
void keeper_put_session(const struct keeper *k, struct buf *out);
/* Appends ORDER_RUN for run number k->number. Likewise. */
void keeper_put_run(const struct keeper *k, const struct keeper_run *run, struct buf *out);

/* keeper_input.c */

/* Opens the stream for the stdin of run number k->number. Returns -1 when memory ran out. */
int keeper_input_open(struct keeper *k) MUST_USE;
/* Lets go of it. link_lost: it is gone already. */
void keeper_input_close(struct keeper *k, bool link_lost);

/* keeper_facts.c */

/* Keeps what is reported of the Go environment, when it is examined. */
void keeper_set_fact(struct keeper *k, const char *name, const char *text);
/* Reports to the owner what is known of it, once. */
void keeper_report_facts(struct keeper *k);

/* keeper_streams.c */

/* The report of a flight, or its stream, has come: notifies the owner when both have. */
void keeper_flight_came(struct keeper *k);
/* Takes the streams that the supervisor opens for the link. */
void keeper_streams_listen(struct keeper *k);
/* Lets go of the present run's streams; nothing more is heard of them. link_lost: they are gone already. */
void keeper_streams_close(struct keeper *k, bool link_lost);

#endif
