/* What the three files of a Delve share: delve.c (its life, the link), delve_dap.c (what Delve says),
 * delve_supervisor.c (what its supervisor reports). */
#ifndef PROXY_DELVE_PRIVATE_H
#define PROXY_DELVE_PRIVATE_H

#include "delve/log.h"
#include "proxy/delve.h"
#include "proxy/exit_query.h"
#include "proxy/keeper.h"
#include "proxy/timer.h"

enum {
    DELVE_SUBJECT_MAX = 64,
    DELVE_TAIL_MAX = 64 * 1024 /* bytes kept of build output and of Delve's log, for the text of a failure */
};

enum delve_state {
    DELVE_LINKING,       /* reaching the Go machine */
    DELVE_LINKED,        /* reached, nothing asked yet */
    DELVE_STARTING,      /* supervisor, build, until dlv listens */
    DELVE_CONNECTING,    /* delvegate's own initialize and attach */
    DELVE_ATTACHED,      /* the client's messages flow */
    DELVE_EXITED,        /* the program has ended: exit code and last output are awaited, then told */
    DELVE_FAILING,       /* the DAP connection is gone: dlv's last words are awaited */
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
    const struct delve_plan *plan;
    const json_t *initialize_arguments;
    int port;
    struct buf build_tail, log_tail;

    bool paused;
    bool told_end; /* `disconnected` was reported, or is not wanted */
    bool attached; /* the client has been told so */
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
/* Has the supervisor end what is left; the connection to Delve is closed by now, or never was. */
void delve_reap(struct delve *d, const char *reason);
/* Nothing is left. */
void delve_over(struct delve *d, const char *reason);

/* delve_dap.c: connects to Delve's port. */
void delve_connect(struct delve *d, const char *reason);
/* Tells the program's end once its exit status and all its output are there. */
void delve_tell_exit(struct delve *d);

/* delve_supervisor.c */
extern const struct keeper_handler delve_keeper_events;
/* Forgets the supervisor after a lost link; delvegate reaches for it again to end what it holds. */
void delve_leave_orphan(struct delve *d);

#endif
