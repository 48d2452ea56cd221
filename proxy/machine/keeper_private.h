/* What the parts of the keeper share: its life and control lines (keeper.c), the parameters of a run (keeper_run.c),
 * the shell for a run's streams (keeper_streams.c), what is known of the Go environment (keeper_facts.c). */
#ifndef PROXY_MACHINE_KEEPER_PRIVATE_H
#define PROXY_MACHINE_KEEPER_PRIVATE_H

#include "delve/supervisor.h"
#include "proxy/base/nonce.h"
#include "proxy/base/timer.h"
#include "proxy/machine/keeper.h"

enum {
    /* bytes of parameters in one batch: 4 MiB of launch arguments, escaped, and the script */
    KEEPER_COMMANDS_MAX = 32 * 1024 * 1024
};

enum keeper_state {
    KEEPER_IDLE,      /* no run */
    KEEPER_PREPARING, /* the run's directory is awaited */
    KEEPER_OPENING,   /* the shell for the run's streams is awaited */
    KEEPER_RUNNING,   /* the run is ordered, `exited` awaited */
    KEEPER_DROPPED    /* stopped before it was ordered: only to be reported */
};

struct keeper {
    struct link *link;
    const struct config_target *target;
    const struct keeper_handler *handler; /* NULL once it is over */
    void *arg;
    char nonce[NONCE_SIZE];
    char *id, *dir;
    const char *subject; /* of its lines in the log */
    struct keeper_tools tools;
    bool needs_delve;
    char *examined; /* the directory for keeper_examine, NULL: it is not asked for */
    bool alone;
    struct delve_facts facts;
    bool facts_told;

    struct channel *control; /* commands; control lines on stdout, log and lines of the run on stderr */
    struct supervisor_reader *control_lines, *text_lines;
    struct timer *deadline, *beat, *last_text;
    bool greeted, is_ready;
    bool ending; /* told to end: no run is ordered any more */
    bool over;   /* all is reaped, or nothing was started: only the shell's own end is awaited */

    /* The present run, or the last one. */
    enum keeper_state state;
    long number;
    struct buf params; /* until it is ordered */
    bool attaches;     /* a dlv that attaches to a process, which lives on */
    bool is_command, has_streams;
    bool exited, text_ended;
    int exit_status;
    long text_owed; /* an earlier run whose text has not ended: lines are its until then; 0: none */

    struct channel *streams; /* stdout and stderr of what the run launched */
    struct supervisor_reader *out_opening, *err_opening;
    bool out_open, err_open, paused;

    int reading; /* depth of handlers: memory is freed when the last returns */
    bool freed;
};

/* keeper.c */

/* It is over: tells so, once. Inside handlers too. */
void keeper_fail(struct keeper *k, const struct err *why);
void keeper_fail_memory(struct keeper *k);
/* Around what calls the owner's handlers: they may free the keeper. */
void keeper_enter(struct keeper *k);
void keeper_leave(struct keeper *k);
/* Sends a batch of commands and frees it. */
void keeper_send(struct keeper *k, struct channel *to, struct buf *batch);
/* The prepared run's streams, if it has any, are open. */
void keeper_order(struct keeper *k);

/* keeper_run.c: the words of the wire that a session and its runs are made of. */

/* Appends the parameters of the role session, with the target's pins, and `begin`. A failure is the buffer's. */
void keeper_session_params(const struct keeper *k, struct buf *batch);
/* Appends all parameters of run number k->number, and its order. Returns as buf_append. */
int keeper_run_params(const struct keeper *k, const struct keeper_run *run, struct buf *batch);

/* keeper_facts.c */

/* Keeps what a line says of the Go environment, when it is examined. */
void keeper_set_fact(struct keeper *k, const struct supervisor_line *line);
/* Tells the owner what is known of it, once. */
void keeper_tell_facts(struct keeper *k);

/* keeper_streams.c */

/* Starts the shell for the prepared run's streams; keeper_order follows. */
void keeper_streams_open(struct keeper *k);
/* Closes it; nothing more is heard of it. link_lost: its channel is gone already. */
void keeper_streams_close(struct keeper *k, bool link_lost);

#endif
