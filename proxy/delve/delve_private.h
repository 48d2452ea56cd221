/* What the files of a session's Delve share: delve.c (its life, the link, the process), delve_attach.c (the
 * attachment), delve_flight.c (what a Delve is told before it listens). */
#ifndef PROXY_DELVE_DELVE_PRIVATE_H
#define PROXY_DELVE_DELVE_PRIVATE_H

#include "dap/must_use.h"
#include "proxy/base/timer.h"
#include "proxy/delve/attachment.h"
#include "proxy/delve/delve.h"
#include "proxy/delve/process.h"
#include "proxy/delve/waiting.h"

enum {
    DELVE_SUBJECT_MAX = 64,
    DELVE_OLDER_MAX = 8 /* flights that are remembered */
};

/* What a flight has pending that was replaced: it may be the one that is carried out. */
struct delve_older {
    uint32_t edition;
    struct dap_pending *pending;
};

enum delve_state {
    DELVE_LINKING,       /* reaching the Go machine */
    DELVE_LINKED,        /* reached, nothing asked yet */
    DELVE_RUNNING,       /* the process and the attachment are at work */
    DELVE_EXITED,        /* the program has ended: its last output is awaited, then that is reported */
    DELVE_GONE,          /* it was reported; Delve can still be asked */
    DELVE_DISCONNECTING, /* disconnect is sent */
    DELVE_REAPING,       /* the process ends what is left */
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

    struct machine *machine;
    struct link *link;
    struct process *process;       /* NULL before the launch */
    struct attachment *attachment; /* the newest; a closed one holds what is pending */
    const struct delve_plan *plan;
    const struct delve_prelaunch *prelaunch;
    const json_t *initialize_arguments;

    bool paused;
    bool ever_attached;                        /* it was reported to the session once */
    bool same_process, keeps_stopped;          /* of the next attach */
    enum delve_sent sent;                      /* likewise */
    uint32_t edition;                          /* of the newest flight */
    struct delve_older older[DELVE_OLDER_MAX]; /* that it has replaced, by their editions */
    bool exit_known;
    int exit_code;
    uint64_t output_until; /* EXITED: output that comes later is not waited for, in the loop's ms */
    uint64_t paused_at;    /* likewise: since then nothing is read */
    struct waiting *waiting;
    struct timer *step; /* LINKING: out of memory; EXITED: the streams are quiet */
};

/* delve.c */

void delve_set_state(struct delve *d, enum delve_state state, const char *reason);
/* Leave was taken of Delve, or there is none: the process ends what is left. */
void delve_reap(struct delve *d, const char *reason);
/* The program has ended: that is reported once its output is. known: status is its exit code. */
void delve_exited(struct delve *d, bool known, int status, const char *reason);
/* Reports that memory ran out; the end follows. */
void delve_fail_memory(struct delve *d);

/* delve_attach.c */

/* Makes an attachment in place of the one that there is. port: where Delve listens, 0 for a flight. same_process: as in
 * delve_handler.attached. Returns 0, or -1 when memory ran out, which was reported. */
int delve_attach_to(struct delve *d, int port, bool same_process) MUST_USE;
/* Has the user told, after a while, that Delve does not answer a request of the attachment's. */
void delve_await_answer(struct delve *d, const char *command);
/* As in process_handler; arg is a struct delve. */
void delve_on_listening(void *arg, int port, bool same_process);

/* delve_flight.c */

/* As in process_handler; arg is a struct delve. */
uint32_t delve_on_compose(void *arg, bool same_process, struct buf *flight);
void delve_on_flight_started(void *arg, const struct keeper_flight *flight, bool same_process);
/* Frees what replaced flights have pending. */
void delve_flight_free(struct delve *d);

#endif
