/* What the files of a Delve share: delve.c (its life, the link), delve_launch.c (steps before a launch, dlv, remedies,
 * starting again), delve_dap.c (what Delve says), delve_supervisor.c (what its supervisor reports). */
#ifndef PROXY_DELVE_DELVE_PRIVATE_H
#define PROXY_DELVE_DELVE_PRIVATE_H

#include "delve/check.h"
#include "delve/log.h"
#include "delve/recovery.h"
#include "proxy/base/timer.h"
#include "proxy/delve/delve.h"
#include "proxy/delve/exit_query.h"
#include "proxy/delve/heartbeat.h"
#include "proxy/machine/keeper.h"

enum {
    DELVE_SUBJECT_MAX = 64,
    DELVE_TAIL_MAX = 64 * 1024, /* bytes kept of build output and of Delve's log, for the text of a failure */
    DELVE_QUIET_MS =
        1000, /* after the program's exit a stream held open by a grandchild is given up after so long without a byte */
    DELVE_LAST_WORDS_MS = 2000, /* from a lost DAP connection to dlv's own exit, which says more */
    DELVE_STOP_MS = 30 * 1000   /* for the supervisor to report that a run which is to end has ended */
};

enum delve_state {
    DELVE_LINKING,       /* reaching the Go machine */
    DELVE_LINKED,        /* reached, nothing asked yet */
    DELVE_STARTING,      /* the supervisor, until it is ready */
    DELVE_PREPARING,     /* a step before the launch runs */
    DELVE_BUILDING,      /* dlv and its build, until it listens */
    DELVE_WAITING,       /* the time before dlv or a remedy is started (again) */
    DELVE_MENDING,       /* a remedy runs */
    DELVE_CONNECTING,    /* delvegate's own initialize and attach */
    DELVE_ATTACHED,      /* the client's messages flow */
    DELVE_EXITED,        /* the program has ended: exit code and last output are awaited, then told */
    DELVE_PROBING,       /* the DAP connection is gone: does dlv live? */
    DELVE_CHECKING,      /* dlv is gone: does the process that it was attached to live? */
    DELVE_STOPPING,      /* what runs is being ended, something else will be started */
    DELVE_IDLE,          /* nothing runs: the last start failed, the user's Restart is awaited */
    DELVE_DISCONNECTING, /* disconnect is sent */
    DELVE_REAPING,       /* the supervisor ends what is left */
    DELVE_OVER
};

struct delve {
    uv_loop_t *loop;
    struct config *config;
    const struct config_target *target;
    char subject[DELVE_SUBJECT_MAX];
    const struct delve_handler *handler;
    void *arg;
    enum delve_state state;

    struct transport *transport;
    struct link *link;
    struct keeper *keeper;
    struct delve_client *client;
    struct exit_query *query;
    struct heartbeat *heartbeat;
    struct delve_recovery *recovery;
    const struct delve_facts *facts; /* the keeper's, as long as it is there; may be NULL */
    struct delve_findings findings;  /* about the Go environment */
    const struct delve_plan *plan;
    const struct delve_prelaunch *prelaunch;
    const json_t *initialize_arguments;
    int port;
    struct buf build_tail, log_tail;
    struct buf withheld; /* the build's lines until it is known whether they are told as a story */

    size_t prelaunch_at;           /* the step that runs */
    struct delve_mended mended;    /* of this launch */
    struct delve_step step_next;   /* after the wait, or while a remedy runs */
    enum delve_remedy mended_by;   /* the last remedy that changed something in this launch; NONE */
    struct delve_diagnosis cause;  /* what it mended */
    struct delve_diagnosis told;   /* the last cause that the user was told; signature NULL: none */
    struct delve_diagnosis logged; /* a signature in a live Delve's log: acted on at the next launch */

    bool paused;
    bool told_end;      /* `disconnected` was reported, or is not wanted */
    bool attached;      /* this dlv was attached to */
    bool ever_attached; /* the client has been told so once */
    bool restarts;      /* DELVE_STOPPING: for a new launch; else because dlv is as good as dead */
    bool reconnects;    /* DELVE_WAITING: to connect to the dlv that lives */
    bool by_delve;      /* it was Delve that closed the connection */
    bool same_process, keeps_stopped;
    bool run_on; /* between keeper_run and its `exited` */
    bool output_ended, exit_told, exit_known;
    int exit_code;
    struct err failure;
    struct timer *step; /* the one deadline of the state it is in */
};

/* Moves it; aborts on an edge that the table in delve.c does not have. */
void delve_set_state(struct delve *d, enum delve_state state, const char *reason);
void delve_say(struct delve *d, const char *category, const char *text);
/* Tells the session why it can't go on, and ends it. */
void delve_fail(struct delve *d, const struct err *why);
/* The same without a reason but memory. */
void delve_fail_memory(struct delve *d);
/* Closes what is connected to dlv's port. */
void delve_hang_up(struct delve *d, bool link_lost);
/* Has the supervisor end what is left; the connection to Delve is closed by now, or never was. */
void delve_reap(struct delve *d, const char *reason);
/* Nothing is left. */
void delve_over(struct delve *d, const char *reason);

/* delve_launch.c */
/* A launch from its beginning: fresh copies, the steps before it, dlv. */
void delve_launch(struct delve *d, const char *reason);
/* The present run has ended while it was awaited: a step, the build, a remedy, a check, or what was stopped. */
void delve_run_ended(struct delve *d, int status);
/* The wait is over. */
void delve_wait_over(struct delve *d);
/* dlv was lost; when a run is on, it is ended first. */
void delve_died(struct delve *d, const struct err *why);
/* dlv ended before it could be attached to. */
void delve_start_failed(struct delve *d, int status);
/* Ends the present run; the state becomes DELVE_STOPPING. */
void delve_stop(struct delve *d, bool restarts, bool at_once, const char *reason);
/* In DELVE_STOPPING: goes on once the run and its output have ended. */
void delve_stopped(struct delve *d);
/* dlv listens: the build's lines are shown, and the end of the story. */
void delve_built(struct delve *d);
/* Acts on a signature in the log of a live Delve. */
void delve_logged(struct delve *d, const struct delve_diagnosis *found);

/* delve_dap.c: connects to Delve's port. */
void delve_connect(struct delve *d, const char *reason);
/* The connection is gone, dlv may live: asks it. */
void delve_probe(struct delve *d, const struct err *why);
/* Neither an answer nor an end came. */
void delve_probe_late(struct delve *d);
/* Tells the program's end once its exit status and all its output are there. */
void delve_tell_exit(struct delve *d);

/* delve_supervisor.c */
/* Appends to the reason of a failed start what is wrong with the Go environment, as far as that may be the cause. */
void delve_add_findings(const struct delve *d, struct err *why);
extern const struct keeper_handler delve_keeper_events;
/* Forgets the supervisor after a lost link; delvegate reaches for it again to end what it holds. */
void delve_leave_orphan(struct delve *d);

#endif
