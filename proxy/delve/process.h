/* A session's Delve as a process on the Go machine: ordered, built, listening, repaired, started again, ended. Two
 * implementations: one that delvegate starts through its supervisor, and one that the user has started (`mode:
 * remote`), which is never ended. Neither knows what is said to Delve. */
#ifndef PROXY_DELVE_PROCESS_H
#define PROXY_DELVE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "dap/must_use.h"
#include "config/config.h"
#include "delve/plan.h"
#include "delve/prelaunch.h"
#include "delve/recovery.h"
#include "proxy/delve/delve_client.h"
#include "proxy/machine/keeper.h"
#include "proxy/machine/machine.h"

struct process;

/* What is to run. Borrowed until process_free, or until `listening` of a later order. */
struct process_order {
    const struct delve_plan *plan;
    const struct delve_prelaunch *prelaunch; /* steps before Delve */
};

/* None is called from inside a process_ call but `lost`, from process_died, `compose` and `failed`. */
struct process_handler {
    /* Text for the Debug Console; category "console" or "important". */
    void (*say)(void *arg, const char *category, const char *text);
    /* What is being done now, in words for the user; NULL: nothing that takes time. */
    void (*working)(void *arg, const char *text);
    /* A Delve is about to be started: what is it sent as soon as it listens? Appends that to flight, ORDER_REQUEST
     * fields. Returns the edition, 0: the client has not said all yet, process_changed follows. Comes again then, and
     * after each process_changed. same_process: as below. */
    uint32_t (*compose)(void *arg, bool same_process, struct buf *flight);
    /* It listens, and that is being sent; the channel is the callee's. same_process: as below. */
    void (*flight_started)(void *arg, const struct keeper_flight *flight, bool same_process);
    /* Delve listens at this port of the Go machine's 127.0.0.1, and is to be connected to. same_process: what it debugs
     * is what was debugged before. Comes again after `lost`, process_restart and process_reconnect. */
    void (*listening)(void *arg, int port, bool same_process);
    /* Delve is gone or about to be ended: every connection to it is to be closed now. `listening`, `idle` or `failed`
     * follows. */
    void (*lost)(void *arg, const struct err *why);
    /* Whether Delve has breakpoints of the client's in the process that it was attached to. */
    bool (*holds_breakpoints)(void *arg);
    /* It could not be started again, and nothing runs; process_restart may try again. */
    void (*idle)(void *arg, const struct err *why);
    /* Bytes that the program wrote. */
    void (*output)(void *arg, enum channel_source source, const char *data, size_t len);
    /* No more of them of this program. */
    void (*output_ended)(void *arg);
    /* It could not be started, or is lost for good. Only process_end and process_free may follow. */
    void (*failed)(void *arg, const struct err *why);
    /* After process_end: nothing is left, or the supervisor's lease sees to it. Only process_free may follow. */
    void (*ended)(void *arg);
};

struct process_ops {
    void (*start)(struct process *p, struct process_order order);
    void (*restart)(struct process *p, struct process_order order);
    void (*reconnect)(struct process *p, const struct err *why);
    void (*changed)(struct process *p);
    void (*attached)(struct process *p);
    void (*used)(struct process *p);
    void (*wind_down)(struct process *p);
    void (*died)(struct process *p, const struct err *why);
    void (*unreachable)(struct process *p, enum delve_client_end end, const struct err *why);
    void (*refused)(struct process *p, const struct err *why);
    bool (*is_quiet)(const struct process *p);
    void (*pause)(struct process *p, bool paused);
    void (*end)(struct process *p);
    void (*free)(struct process *p, bool link_lost);
};

/* Every implementation's object begins with this. */
struct process {
    const struct process_ops *ops;
    const struct process_handler *handler;
    void *arg;
};

/* What both need. */
struct process_context {
    uv_loop_t *loop;
    struct config *config; /* referenced until process_free */
    const struct config_target *target;
    struct machine *machine; /* outlives the process */
    struct link *link;       /* likewise, or process_free says that it is lost */
    const char *subject;     /* for the log, likewise */
};

/* A recovery policy without a past, with the target's options, for either implementation; freed by delve_recovery_free.
 * NULL when memory ran out. */
struct delve_recovery *process_recovery_new(const struct config_target *target) MUST_USE;

/* The two implementations, for plans of every mode but DELVE_REMOTE, and for these. NULL when memory ran out. */
struct process *process_supervised_new(const struct process_context *context, const struct process_handler *h,
                                       void *arg) MUST_USE;
struct process *process_remote_new(const struct process_context *context, const struct process_handler *h,
                                   void *arg) MUST_USE;

/* Starts what is ordered, once. */
void process_start(struct process *p, struct process_order order);
/* Ends what runs and starts this order in its place. A Delve of the user's runs on: it listens again. All connections
 * to it are closed by now. */
void process_restart(struct process *p, struct process_order order);
/* A connection to a Delve that lives was lost: after a wait `listening` comes again, or `failed`. */
void process_reconnect(struct process *p, const struct err *why);
/* What is to be sent to a Delve has changed, or is complete now. */
void process_changed(struct process *p);
/* Delve has accepted `attach`: the program is there for sure. */
void process_attached(struct process *p);
/* The user has seen the program stop: a Delve that was started again counts as good. */
void process_used(struct process *p);
/* Its program has ended, or it is being taken leave of: whatever becomes of this Delve, it is not started again without
 * process_restart. */
void process_wind_down(struct process *p);
/* Delve does not answer any more, or was closed without an end. It is ended and started again where that is possible.
 */
void process_died(struct process *p, const struct err *why);
/* The first connection to Delve has ended so before anything was attached to. `failed` follows, with the reason that
 * the process knows better. */
void process_unreachable(struct process *p, enum delve_client_end end, const struct err *why);
/* Delve has refused to be attached to. Likewise. */
void process_refused(struct process *p, const struct err *why);
/* Whether no more output can come: `output_ended` came, or nothing is read from this program. */
bool process_is_quiet(const struct process *p);
/* Stops and starts reading what the program writes. */
void process_pause(struct process *p, bool paused);
/* Ends it all; `ended` follows. All connections to Delve are closed by now. */
void process_end(struct process *p);
/* Frees it; before `ended` the supervisor's lease sees to the rest. link_lost: its channels are gone already, and what
 * it holds on the Go machine is ended as soon as that is reached again. NULL is fine. */
void process_free(struct process *p, bool link_lost);

#endif
