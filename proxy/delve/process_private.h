/* What the files of a supervised process share: process_supervised.c (its life), process_launch.c (steps before a
 * launch, dlv, remedies, starting again), process_keeper.c (what its supervisor reports). */
#ifndef PROXY_DELVE_PROCESS_PRIVATE_H
#define PROXY_DELVE_PROCESS_PRIVATE_H

#include "delve/check.h"
#include "delve/log.h"
#include "proxy/base/timer.h"
#include "proxy/delve/process.h"
#include "proxy/machine/keeper.h"

enum {
    PROCESS_TAIL_MAX = 64 * 1024, /* bytes kept of build output and of Delve's log, for the text of a failure */
    PROCESS_QUIET_MS = 1000,      /* after a run's end a stream held open by a grandchild is given up after so long */
    PROCESS_STOP_MS = 30 * 1000,  /* for the supervisor to report that a run which is to end has ended */
    PROCESS_SIGNAL_STATUS = 128,  /* an exit status above it is a signal's number */
    PROCESS_FLIGHT_OWN = 2        /* requests of a flight that set no breakpoints: initialize, attach */
};

enum process_state {
    PROCESS_NEW,          /* nothing is ordered */
    PROCESS_STARTING,     /* the supervisor, until it is ready for the first step before the launch */
    PROCESS_PREPARING,    /* a step before the launch runs */
    PROCESS_HOLDING,      /* a process that lives is not halted before it is known what is sent to dlv */
    PROCESS_BUILDING,     /* dlv and its build, until it listens; the first is ordered before the supervisor is ready */
    PROCESS_WAITING,      /* the time before dlv or a remedy is started (again) */
    PROCESS_INSPECTING,   /* the build has failed: facts for its diagnosis are gathered */
    PROCESS_MENDING,      /* a remedy runs */
    PROCESS_LISTENING,    /* dlv can be attached to */
    PROCESS_SERVING,      /* it was attached to */
    PROCESS_WINDING_DOWN, /* its program has ended, or leave is taken of dlv: it is not started again by itself */
    PROCESS_RETURNING,    /* the time before a dlv that lives is attached to again */
    PROCESS_CHECKING,     /* dlv is gone: does the process that it was attached to live? */
    PROCESS_STOPPING,     /* what runs is being ended, something else will be started */
    PROCESS_DRAINING,     /* it has ended: the rest of its output is awaited */
    PROCESS_IDLE,         /* nothing runs: the last start failed, a restart is awaited */
    PROCESS_FAILED,       /* it was reported; the end is awaited */
    PROCESS_ENDING,       /* the supervisor ends what is left */
    PROCESS_OVER
};

/* What follows a run that is being stopped, or a check. */
enum process_next {
    PROCESS_NEXT_LAUNCH,    /* the order, from its beginning */
    PROCESS_NEXT_COME_BACK, /* dlv was as good as dead: as after its death */
    PROCESS_NEXT_CHECK      /* the order, unless a dead dlv has left its breakpoints in the process to be attached to */
};

struct supervised {
    struct process base; /* first */
    struct process_context context;
    enum process_state state;
    enum process_next next; /* STOPPING, DRAINING, CHECKING */
    struct process_order order;

    struct keeper *keeper;           /* NULL before `start` and once it is gone */
    const struct delve_facts *facts; /* the keeper's, as long as it is there; may be NULL */
    struct delve_findings findings;  /* about the Go environment */
    struct delve_recovery *recovery;
    struct buf build_tail, log_tail;
    struct buf withheld; /* the build's lines until it is known whether a report stands for them */
    bool is_long;        /* the build has printed more than a report holds: all of it is shown */

    int build_status;               /* of the build that failed last */
    struct delve_facts build_facts; /* what its inspection has found, as delve/signatures.h has them */

    size_t prelaunch_at;              /* the step that runs */
    struct delve_overrides overrides; /* of this launch */
    struct delve_step step_next;      /* after the wait, or while a remedy runs */
    bool needs_gocache;               /* the remedy that runs has made a fresh build cache besides */
    enum delve_remedy repaired_by;    /* the last remedy that changed something in this launch; NONE */
    struct delve_diagnosis cause;     /* what it repaired */
    struct delve_diagnosis reported;  /* the last cause that was reported to the user; signature NULL: none */
    struct delve_diagnosis logged;    /* a signature in a live Delve's log: acted on at the next launch */

    int port;
    bool has_served;   /* a dlv of this session was attached to once: the client has seen a program */
    bool may_trap;     /* a dlv that was attached to, or is being sent breakpoints, has not ended by itself: they may be
                          in the process */
    long served_pid;   /* the process that was attached to last, DELVE_ATTACH */
    bool same_process; /* what the next dlv debugs was debugged before */
    bool paused;
    bool output_over;
    struct err failure;    /* why dlv was lost */
    struct err path_error; /* why the present run was not started; "": it was */
    struct timer *step;    /* the one deadline of the state it is in */
};

/* process_supervised.c */

void process_set_state(struct supervised *p, enum process_state state, const char *reason);
void process_say(struct supervised *p, const char *category, const char *text);
/* Reports to the owner what is being done, until the next change of state. */
void process_working(struct supervised *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *process_where(const struct supervised *p);
/* Reports to the owner why it stops; the end is awaited. */
void process_fail(struct supervised *p, const struct err *why);
void process_fail_memory(struct supervised *p);
/* Nothing is left. */
void process_over(struct supervised *p, const char *reason);
/* The build's lines that were not shown yet are. */
void process_show_withheld(struct supervised *p);
/* No more output of this program comes. */
void process_output_over(struct supervised *p);

/* Whether the order is to attach to the process that was attached to before. */
bool process_attaches_again(const struct supervised *p);

/* process_launch.c */

/* A launch from its beginning: fresh copies, the steps before it, dlv. */
void process_launch(struct supervised *p, const char *reason);
/* Orders what is sent to dlv; in PROCESS_HOLDING dlv itself, too. */
void process_order_flight(struct supervised *p);
/* Says that dlv is being started, and what that waits for. */
void process_report_building(struct supervised *p);
/* The present run has ended: a step, the build, a remedy, a check, dlv, or what was stopped. */
void process_run_ended(struct supervised *p, int status);
/* dlv was lost; a run that is on is ended first. */
void process_lost(struct supervised *p, const struct err *why, bool run_on);
/* Ends the present run; the state becomes PROCESS_STOPPING. */
void process_stop(struct supervised *p, enum process_next next, bool at_once, const char *reason);
/* In PROCESS_DRAINING: goes on once the output has ended. */
void process_drained(struct supervised *p);
/* Begins a run, and with it a state. */
void process_run(struct supervised *p, struct keeper_run *r, enum process_state state, const char *reason);
/* Starts dlv, or waits in PROCESS_HOLDING for what is to be sent to it. */
void process_start_dlv(struct supervised *p, const char *reason);
/* This launch has come to nothing: the process fails, unless the client may start another one. */
void process_launch_failed(struct supervised *p, const struct err *why);
/* Whether dlv builds what it debugs. */
bool process_builds(const struct supervised *p);

/* process_repair.c */

/* dlv ended before it could be attached to: finds out why, and acts on it. */
void process_start_failed(struct supervised *p, int status);
/* Once it is known what the machine knows of it. listened: dlv had begun to listen. */
void process_diagnose(struct supervised *p, bool listened);
/* The text of a run that failed, with what to do. */
void process_explain(struct supervised *p, int status, struct err *why);
/* Goes on as the policy says. */
void process_act(struct supervised *p, struct delve_step step);
/* The wait is over. */
void process_wait_over(struct supervised *p);
void process_remedy_ended(struct supervised *p, int status);
/* dlv listens at the port. */
void process_built(struct supervised *p, int port);
/* Acts on a signature in the log of a live Delve. */
void process_logged(struct supervised *p, const struct delve_diagnosis *found);

/* process_keeper.c */

extern const struct keeper_handler process_keeper_events;
/* Appends to the reason of a failed start what is wrong with the Go environment, as far as that may be the cause. */
void process_add_findings(const struct supervised *p, struct err *why);
/* Gives the session at the supervisor up, which ends what is left of it. link_lost: its streams are gone already. */
void process_forget_keeper(struct supervised *p, bool link_lost);

#endif
