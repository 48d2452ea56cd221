/* delve: a session's Delve: the link, the supervisor, dlv, delvegate's own attach to it, the program's end, and the
 * reaping. It may use base and machine. Nothing here knows of a client: it reports, the session decides what the editor
 * hears. Delve may be lost, repaired and started again underneath: `attached` then comes again.
 */
#ifndef PROXY_DELVE_DELVE_H
#define PROXY_DELVE_DELVE_H

#include <jansson.h>

#include "dap/must_use.h"
#include "config/config.h"
#include "delve/plan.h"
#include "delve/prelaunch.h"
#include "proxy/delve/delve_client.h"
#include "proxy/machine/machine.h"

/* What was lost after `broken`. */
enum delve_loss {
    DELVE_LOSS_CONNECTION, /* a Delve that lives has closed it: it is attached to again */
    DELVE_LOSS_CHANNEL,    /* the same, but it broke on the way: no request is to blame */
    DELVE_LOSS_DELVE       /* Delve itself, and with it what it had launched: it is started again */
};

/* What is sent to a Delve as soon as it listens. */
enum delve_flight {
    DELVE_FLIGHT_NOT_YET, /* the client has not said all: delve_changed follows */
    DELVE_FLIGHT_ATTACH,  /* only that it is attached to */
    DELVE_FLIGHT_WHOLE    /* everything, up to configurationDone */
};

/* What one that was attached to has been sent already. */
enum delve_sent {
    DELVE_SENT_ATTACH,
    DELVE_SENT_OLD, /* everything, but some of it has changed since */
    DELVE_SENT_ALL
};

struct delve_handler {
    /* Text for the Debug Console; category "console" or "important". */
    void (*say)(void *arg, const char *category, const char *text);
    /* Something takes long: what is waited for, in words for the user; once or, when that changes, several times. NULL:
     * not any more. */
    void (*waiting)(void *arg, const char *text);
    /* The body of this Delve's initialize response, borrowed; before `attached`. */
    void (*capabilities)(void *arg, const json_t *body);
    /* What is to be sent to the Delve that is being started: it is given with delve_forward, during the call.
     * same_process: as in `attached`. Comes again after delve_changed. */
    enum delve_flight (*compose)(void *arg, bool same_process);
    /* The session is ready for the client's requests. same_process: the program is the one of the last time. */
    void (*attached)(void *arg, bool same_process, enum delve_sent sent);
    /* The connection to Delve is gone: nothing can be forwarded. `lost` or `failed` follows. */
    void (*broken)(void *arg);
    /* What is pending is to be taken with delve_take_oldest. `attached`, `idle` or `failed` follows. */
    void (*lost)(void *arg, enum delve_loss loss, const struct err *why);
    /* Delve could not be started again, and nothing runs; delve_restart may try again. */
    void (*idle)(void *arg, const struct err *why);
    /* Whether Delve has breakpoints of the client's in the process. */
    bool (*holds_breakpoints)(void *arg);
    /* A message of Delve's for the client: what is delvegate's own (its handshake, the program's end) does not come
     * here. asked as in delve_client_handler. */
    void (*message)(void *arg, const struct dap_message *m, const struct dap_asked *asked);
    void (*skipped)(void *arg, const struct dap_asked *asked, size_t length);
    void (*drained)(void *arg);
    /* Bytes that the program wrote. */
    void (*output)(void *arg, enum channel_source source, const char *data, size_t len);
    /* The program has ended and all its output was reported. known: exit_code is true. */
    void (*exited)(void *arg, bool known, int exit_code);
    /* It could not be started, or is lost for good. What is pending is to be taken with delve_take_oldest. It ends
     * itself now: `ended` follows. */
    void (*failed)(void *arg, const struct err *why);
    /* After delve_end returned true: no connection to Delve is left, and no answer will come any more. */
    void (*disconnected)(void *arg);
    /* Nothing is left on the Go machine, or its supervisor sees to it. Only delve_free may follow. */
    void (*ended)(void *arg);
};

struct delve;

/* Begins to connect to the target's machine. subject: for the log, copied. config is referenced. NULL when memory ran
 * out. */
struct delve *delve_new(uv_loop_t *loop, struct config *config, const struct config_target *target, const char *subject,
                        const struct delve_handler *h, void *arg) MUST_USE;
/* Starts what the plan says, its steps before the launch first, now or as soon as the machine is reached; once. plan,
 * prelaunch and initialize_arguments (of the client's initialize) are borrowed until delve_free. */
void delve_start(struct delve *d, const struct delve_plan *plan, const struct delve_prelaunch *prelaunch,
                 const json_t *initialize_arguments);
/* Ends the program and its Delve and starts what the plan says in their place: `attached`, `idle` or `failed` follows.
 * Not after `exited` or `failed`. What is pending was taken before. */
void delve_restart(struct delve *d, const struct delve_plan *plan, const struct delve_prelaunch *prelaunch);
/* What `compose` says has changed. */
void delve_changed(struct delve *d);
/* Before `attached` of a process that lives on: whether it stays stopped at configurationDone. */
void delve_keep_stopped(struct delve *d, bool stopped);
/* The user has seen the program stop: a Delve that was started again counts as good. */
void delve_used(struct delve *d);
/* As in delve_client.h; only in `compose`, and between `attached` and delve_end, `broken`, `failed` or `exited` of a
 * program that delvegate launched (then DELVE_CLIENT_TOO_MANY). */
enum delve_client_result delve_forward(struct delve *d, enum dap_asker asker, const struct dap_message *m,
                                       struct dap_edits *edits);
/* The oldest request of the client's that is unanswered. Returns 1 with *asked, 0 when there is none. */
int delve_take_oldest(struct delve *d, struct dap_asked *asked) MUST_USE;
/* The user has done something: a lost connection whose login asks a person is tried again. */
void delve_wake(struct delve *d);
/* Stops and starts reading Delve and the program. */
void delve_pause(struct delve *d, bool paused);
/* Ends it in the order that Delve survives: `disconnect` with terminateDebuggee as given (always true for
   what was launched), the connection, the supervisor. Returns true when `disconnected` follows, false when no
   connection to Delve is left already; `ended` follows either way. */
bool delve_end(struct delve *d, bool terminate);
/* Frees it; before `ended` the supervisor's lease sees to the rest. NULL is fine. May be called from a handler. */
void delve_free(struct delve *d);

#endif
