/* One debug session at the supervisor on the Go machine: the orders to it, what it reports. One run at a time: a Delve,
 * a remedy, or a command. */
#ifndef PROXY_MACHINE_KEEPER_H
#define PROXY_MACHINE_KEEPER_H

#include "config/config.h"
#include "dap/must_use.h"
#include "delve/check.h"
#include "delve/path_error.h"
#include "delve/plan.h"
#include "delve/signatures.h"
#include "proxy/machine/machine.h"

/* What the supervisor found on the Go machine; strings are never NULL. */
struct keeper_tools {
    char *go, *go_version;   /* path; `go version` */
    char *dlv, *dlv_version; /* path; the Version line of `dlv version`; both "" in a keeper without Delve */
    char *gocache, *gomodcache;
};

/* A flight (delve/order.h) that is being carried out. */
struct keeper_flight {
    struct channel *channel; /* Delve's connection, to be taken with channel_take or closed; NULL: it is gone already */
    enum channel_end end;    /* then: how, and why */
    struct err why;
    int port; /* where Delve listens */
    uint32_t edition;
    uint32_t count; /* of its requests */
};

struct keeper_handler {
    /* What is known of the Go environment, after keeper_examine: once, before `ready`, `ended` or `failed`, for which
     * it may be the reason. Borrowed until keeper_free. May be NULL. */
    void (*facts)(void *arg, const struct delve_facts *facts);
    /* The tools are found, the run directory is made. */
    void (*ready)(void *arg, const struct keeper_tools *tools);
    /* Words for the user. */
    void (*note)(void *arg, const char *text);
    /* The present run was not started: a directory or file that it needs is not there, or cannot be used. `exited`
     * follows. */
    void (*path_error)(void *arg, enum delve_path_error kind, const char *path);
    /* Something that an inspection has found, or a remedy has done besides what it is for ("mended": "gocache", a
     * fresh build cache), while it is the present run. May be NULL. */
    void (*fact)(void *arg, const char *name, const char *text);
    /* A line of Delve's log, or of what the run's program (dlv and the build, a remedy, a command without streams)
     * prints itself. */
    void (*log)(void *arg, const char *line);
    void (*build_output)(void *arg, const char *line);
    /* Bytes that the debugged program, or a command with streams, wrote. */
    void (*output)(void *arg, enum channel_source source, const char *data, size_t len);
    /* Both streams of the run have ended. */
    void (*output_ended)(void *arg);
    /* After keeper_input had returned true: there is room again. */
    void (*input_drained)(void *arg);
    /* Nobody there reads the run's stdin any more: what is still given is dropped. */
    void (*input_closed)(void *arg);
    /* What keeper_order_flight has ordered, or an earlier edition of it, is being sent to the Delve of the present run.
     */
    void (*flight_started)(void *arg, const struct keeper_flight *flight);
    /* The run has ended and all its lines were reported; exit code or 128 + signal. Another one may be started now;
     * `output` and `output_ended` of this one may still follow, but not after the next run's start. */
    void (*exited)(void *arg, int status);
    /* All is reaped and the run directory is gone. Only keeper_free may follow. */
    void (*ended)(void *arg);
    /* It could not be started, or is gone while the link lives, or a part of what a command with streams wrote is lost.
     * Only keeper_free may follow. */
    void (*failed)(void *arg, const struct err *why);
};

enum keeper_run_kind {
    KEEPER_DLV,     /* dlv as the plan says */
    KEEPER_REMEDY,  /* a remedy, in the plan's environment and build directory */
    KEEPER_INSPECT, /* facts about a build that failed, in the plan's environment and build directory */
    KEEPER_ALIVE,  /* whether the process that the plan attaches to is the one of the first attach, and lives: 0 or 1 */
    KEEPER_COMMAND /* a command, in the plan's environment and build directory */
};

struct keeper_run {
    enum keeper_run_kind kind;
    const struct delve_plan *plan;           /* borrowed until `exited` or keeper_free */
    const struct delve_overrides *overrides; /* what the remedies of this launch have given; read during the call */
    enum delve_remedy remedy;                /* KEEPER_REMEDY */
    bool edits;                              /* KEEPER_REMEDY: on the user's own files, not on copies */
    const char *module, *version;            /* KEEPER_REMEDY, KEEPER_INSPECT: what the diagnosis names, may be "" */
    const char *file;                        /* KEEPER_INSPECT: likewise */
    const struct delve_strings *command;     /* KEEPER_COMMAND: its argv, read during the call */
    bool streams;                            /* KEEPER_COMMAND: stdout and stderr come as `output`; else as lines */
    bool input;                              /* KEEPER_COMMAND: its stdin is what keeper_input gives; else /dev/null */
};

/* How a remedy ends (its exit status). */
enum {
    KEEPER_REMEDIED = 0, /* what Delve will see has changed; any status not named here: it failed, its lines say why */
    KEEPER_UNSUITED = 2, /* it does not apply here (no vendor directory, a workspace, no proxy that answers, ...) */
    KEEPER_RESTORED = 3, /* nothing could be fetched: what was moved aside is back in its place */
    KEEPER_REFUSED = 4   /* it would debug another program than the user's: its lines say what would change and which
                            command does that; nothing else is tried */
};

struct keeper;

/* Begins a session at the supervisor over a ready link, once for a link, with the target's pins. subject: of its lines
 * in the log, as log_line has it; borrowed. needs_delve: without dlv on the Go machine it fails. NULL when memory ran
 * out. */
struct keeper *keeper_start(uv_loop_t *loop, struct link *link, const struct config_target *target, const char *subject,
                            bool needs_delve, const struct keeper_handler *h, void *arg) MUST_USE;
/* Has the supervisor look at the Go environment; right after keeper_start. dir is the directory on the Go machine whose
 * module counts, NULL: home. alone: that is all that it does, whatever is missing there; then `ended`, never `ready`.
 * Returns 0, -1 when memory ran out.
 */
int keeper_examine(struct keeper *k, const char *dir, bool alone) MUST_USE;
/* Whether `ready` came. */
bool keeper_is_ready(const struct keeper *k);
/* Starts the next run, not before `exited` of the last one; one that is ordered before `ready` begins with it. What the
 * last one's streams still hold is dropped. Returns 0, or -1 when memory ran out. */
int keeper_run(struct keeper *k, const struct keeper_run *run) MUST_USE;
/* What is sent to the Delve of the present run as soon as it listens, instead of what was ordered before, unless that
 * is being carried out. requests: ORDER_REQUEST fields, in order. */
void keeper_order_flight(struct keeper *k, uint32_t edition, const struct buf *requests);
/* The target of a dlv run has been started for sure: from now on the end of the program's streams is the program's
 * end. */
void keeper_launched(struct keeper *k);
/* Stops and starts reading the program's streams. */
void keeper_pause_output(struct keeper *k, bool paused);
/* Likewise what the runs' own programs print. While it is not read a run does not end. */
void keeper_pause_text(struct keeper *k, bool paused);
/* Queues a copy of the bytes for the stdin of the present run, which was started with input. Returns true when enough
 * is queued: wait for `input_drained`. */
bool keeper_input(struct keeper *k, const char *data, size_t len);
/* The end of its stdin, after what is queued. */
void keeper_input_end(struct keeper *k);
/* Sends a signal to the process group of the present run, if it is a command. */
void keeper_signal(struct keeper *k, int number);
/* Ends the present run, and with a dlv what it launched; `exited` follows. Nothing happens without one. The connections
 * to Delve must be closed before: SIGTERM with a client connected and the program running hangs Delve. at_once: it does
 * not answer any more, SIGKILL comes first. */
void keeper_stop(struct keeper *k, bool at_once);
/* Ends the run and the supervisor; a process that was attached to lives on. As keeper_stop. */
void keeper_end(struct keeper *k);
/* Gives the session up; without `ended` the supervisor ends it, gently. link_lost: the channels are gone already. May
 * be called from a handler; NULL is fine. */
void keeper_free(struct keeper *k, bool link_lost);

#endif
