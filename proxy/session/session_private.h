/* What the files of the session share: session.c (its life), session_client.c (the client's bytes), session_verbs.c
 * (what is done with its messages; which of that in which state is the table of routes.c), session_launch.c (launch,
 * attach and restart requests), session_early.c (a client that does not wait for Delve), session_delve.c (what Delve's
 * side reports), session_recovery.c (a Delve that is gone and comes back). */
#ifndef PROXY_SESSION_SESSION_PRIVATE_H
#define PROXY_SESSION_SESSION_PRIVATE_H

#include "dap/must_use.h"
#include "config/paths.h"
#include "dap/clients.h"
#include "dap/decoder.h"
#include "dap/journal.h"
#include "dap/message_queue.h"
#include "dap/pending.h"
#include "proxy/base/timer.h"
#include "proxy/delve/delve.h"
#include "proxy/session/routes.h"
#include "proxy/session/session.h"

enum {
    SUBJECT_MAX = 64,
    HELD_MAX = DAP_CLIENT_BODY_MAX, /* bytes of requests that wait for Delve */
    MESSAGE_MAX =
        512 * 1024 * 1024, /* bytes of one framed message to the client: Delve's 64 MiB with every path longer */
    UTF8_REST = 4,
    HEADER_MS = 5000, /* for a whole header of the client's, from its first byte; the first one: from the connection */
    THREADS_MAX = 4 * 1024 * 1024, /* bytes of an answer to `threads` that is kept */
    /* Delve's service/dap/error_ids.go */
    ERROR_LAUNCH = 3000,
    ERROR_ATTACH = 3001,
    ERROR_INITIALIZE = 3002,
    ERROR_INTERNAL = 8888
};

/* What one launch, attach or restart request asked for. */
struct launch {
    struct delve_plan *plan;
    struct delve_prelaunch prelaunch;
    struct launch *older; /* Delve may still be ending it */
};

struct session {
    uv_loop_t *loop;
    struct config *config;
    const struct config_target *target;
    struct target_memory *memory;
    char subject[SUBJECT_MAX];
    enum session_state state;
    void (*over)(struct session *s, void *arg);
    void *arg;

    struct client *client; /* NULL once it is gone */
    struct dap_decoder *decoder;
    int64_t seq;                 /* toward the client */
    struct dap_pending *reverse; /* Delve's requests to the client */
    struct timer *header, *gone; /* a header's deadline; the turn in which the session is freed */
    struct timer *patience;      /* with a client that sends nothing more */
    struct timer *early;         /* for configurationDone */
    size_t unanswered;           /* requests of the client's */
    bool half_closed;            /* the client sends nothing more: the session ends once all is answered */
    int64_t launch_seq, disconnect_seq;
    int64_t restart_seq, configured_seq;
    bool launch_waits, configured_waits, restart_waits, disconnect_waits; /* for their answers */
    bool is_attach, terminate, terminated_sent;
    bool never_initialized; /* ended before it said initialize */
    bool header_runs;       /* the header's deadline */

    json_t *initialize_arguments, *announced;
    const struct dap_client_traits *traits; /* of the client; after initialize */
    struct config_paths paths;
    struct launch *launch; /* the newest; NULL before the first */
    struct dap_journal *journal;
    enum session_loss loss;
    bool is_stopped;         /* the program, as the client knows it */
    bool swallows_entry;     /* Delve's next `stopped` only repeats that */
    json_t *stopped;         /* body of the last `stopped` */
    struct buf threads;      /* body of the last answer to `threads`: what the client shows */
    struct delve *delve;     /* NULL once nothing is left of it */
    char *unknown_file;      /* that Delve is being asked about; NULL: none */
    size_t names_asked;      /* so often, of this Delve */
    bool names_ahead;        /* the flight asks it for the names of each file that is set, unknown or not */
    struct dap_queue held;   /* what waits for Delve */
    int progress;            /* the number of the last progress that was begun */
    bool in_progress;        /* it has not ended */
    char rest[2][UTF8_REST]; /* of stdout and stderr: the beginning of a character that is not whole yet */
    size_t rest_len[2];
};

/* Moves the session; aborts on an edge that the table in session.c does not have. */
void session_set_state(struct session *s, enum session_state state, const char *reason);

/* One more request of the client's has its answer; session_respond and session_respond_error call it. */
void session_answered(struct session *s);
/* Messages of delvegate's own to the client, numbered; nothing happens when the client is gone. */
void session_send(struct session *s, struct buf *out); /* takes the memory */
void session_respond(struct session *s, int64_t request_seq, const char *command, const json_t *body);
void session_respond_error(struct session *s, int64_t request_seq, const char *command, int id, const char *text,
                           bool show);
void session_event(struct session *s, const char *event, const json_t *body);
void session_output(struct session *s, const char *category, const char *text, size_t len);
void session_say(struct session *s, const char *category, const char *text); /* adds the newline */
void session_terminated(struct session *s);                                  /* once, however often it is called */

/* Every request that Delve will not answer any more gets its one answer. */
void session_answer_pending(struct session *s, const char *why);
/* Logs why Delve or the launch failed, which nothing else does: a line for each of the text's. What moves to another
 * state by that has session_failed_text as its reason. */
extern const char session_failed_text[];
void session_log_failure(const struct session *s, const char *why);
/* Launch and, where that waits, configurationDone; shown to the user, unless he has ended it himself. */
void session_answer_launch_failed(struct session *s, const char *why);
/* Answers what waits, ends the client's stream. */
void session_detach_client(struct session *s, const char *why);
/* Ends the session: Delve first, then the client. */
void session_end(struct session *s, const char *reason);
/* Nothing of Delve is left: frees the session in the loop's next turn. */
void session_leave(struct session *s);

/* session_verbs.c */
/* A message of the client's, as it comes. */
void session_on_message(struct session *s, const struct dap_message *m);
/* Does with a message what the table has for the session's state: also with one that has waited, again. */
void session_route(struct session *s, const struct dap_message *m);
/* Sends a request, event or response of the client's on, with its paths and handles mapped. */
void session_forward(struct session *s, const struct dap_message *m);
/* Keeps a message for Delve until it is there; a request that there is no room for is refused. */
void session_hold(struct session *s, const struct dap_message *m);
/* Sends on what was held. */
void session_release_held(struct session *s);
/* As dap_map_path; arg is the session. Paths are those of the Go machine's file system, names those of source files in
 * the program's debug information. */
int session_map_path(void *arg, const char *path, struct buf *out) MUST_USE;
int session_map_name(void *arg, const char *path, struct buf *out) MUST_USE;
/* delve_target.name_rule of it. */
int session_name_rule(void *arg, const char *path, struct buf *out) MUST_USE;
/* Reads the arguments of a request that delvegate answers itself: *arguments is a new reference to an object, an empty
 * one when there are none. Returns 0, or -1 with *why: the request, and what is wrong with them. */
int session_arguments(const struct dap_message *m, json_t **arguments, struct err *why) MUST_USE;
/* The Delve that the client's reading waited for is gone. */
void session_resume_reading(struct session *s);
/* Reports what is waited for, and shows it as progress where the client can; NULL: not any more. */
void session_progress(struct session *s, const char *text);
/* What an incomplete character at the end of the program's output left over. */
void session_flush_output(struct session *s);

/* session_launch.c: verbs. */
void session_on_launch(struct session *s, const struct dap_message *m);
void session_on_restart(struct session *s, const struct dap_message *m);
void session_decline_restart(struct session *s, const struct dap_message *m);
/* The pending restart request's one answer, if there is one. failed: why nothing came of it; NULL: it was done. A
 * client that a failed restart makes deaf is answered with success all the same: what failed is to be said besides. */
void session_answer_restart(struct session *s, const char *failed);
/* Frees launches that Delve has ended for sure: all but the newest, or all. */
void session_free_launches(struct session *s, bool all);

/* session_early.c */
/* After launch: `initialized`, so that the client sets its breakpoints. */
void session_begin_early(struct session *s);
bool session_is_early(const struct session *s);
/* configurationDone has not come for long. */
void session_overdue(void *arg);
/* Verbs. */
void session_configure_early(struct session *s, const struct dap_message *m);
void session_terminate_early(struct session *s, const struct dap_message *m);
/* What is to be sent to the Delve that is being started; as delve_handler.compose. */
enum delve_flight session_compose(struct session *s, bool same_process);
/* The first Delve was attached to. */
void session_attached(struct session *s, enum delve_sent sent);
/* The program runs, or has: launch and configurationDone are answered, where they wait for that. */
void session_answer_begun(struct session *s);
/* configurationDone alone is. */
void session_answer_configured(struct session *s);

/* session_recovery.c */
/* The verb that holds: keeps a message for Delve; what it sets is to come before the program runs. */
void session_hold_back(struct session *s, const struct dap_message *m);
/* Sends Delve what the journal has: the breakpoints, and that the client is done with them. Return false when not all
 * could be sent. */
bool session_send_breakpoints(struct session *s, bool in_flight);
bool session_send_configured(struct session *s);
void session_broken(struct session *s, const char *reason);
/* is_blamed: the oldest unanswered request is what Delve closed its connection over. */
void session_lost(struct session *s, enum session_loss loss, bool is_blamed, const char *why);
void session_reattached(struct session *s, bool same_process, enum delve_sent sent);
void session_idle(struct session *s, const char *why);
/* Delve's answer to what it was sent again. */
void session_replayed(struct session *s, const struct dap_message *m, const struct dap_asked *asked);
/* Notes that Delve says the program is stopped. Returns false when the client knows that already. */
bool session_note_stop(struct session *s, const struct dap_message *m);
/* Notes which threads the client is about to show: m is the answer to `threads`. */
void session_keep_threads(struct session *s, const struct dap_message *m);

/* session_names.c */
/* Looks whether Delve's answer says that it does not know a file; then asks it for the program's names. */
void session_names_watch(struct session *s, const struct dap_message *m, const struct dap_asked *asked);
/* In a flight, behind a request that sets breakpoints: once the program runs it is too late to ask. */
void session_names_ask_ahead(struct session *s, const struct dap_message *m);
/* Delve's answer to that. */
void session_names_answered(struct session *s, const struct dap_message *m);
/* Another Delve: what the last one was asked is not answered any more. */
void session_names_reset(struct session *s);

extern const struct delve_handler session_delve_events;
extern const struct client_handler session_client_events;
/* The verb for what is no DAP client. */
void session_reject(struct session *s, const struct dap_message *m);
/* The deadline of a header is over. */
void session_header_late(void *arg);

#endif
