/* One Delve for one session: the link, the supervisor, dlv, delvegate's own attach to it, the program's end, and the
 * reaping. */
#ifndef PROXY_DELVE_H
#define PROXY_DELVE_H

#include <jansson.h>

#include "config/config.h"
#include "delve/plan.h"
#include "proxy/delve_client.h"
#include "proxy/transport.h"

struct delve_handler {
    /* Text for the Debug Console; category "console" or "important". */
    void (*say)(void *arg, const char *category, const char *text);
    /* The body of this Delve's initialize response, borrowed; before `attached`. */
    void (*capabilities)(void *arg, const json_t *body);
    /* The session is ready for the client's requests. */
    void (*attached)(void *arg);
    /* A message of Delve's for the client: what is delvegate's own (its handshake, the program's end) does not come
     * here. asked as in delve_client_handler. */
    void (*message)(void *arg, const struct dap_message *m, const struct dap_asked *asked);
    void (*skipped)(void *arg, const struct dap_asked *asked, size_t length);
    void (*drained)(void *arg);
    /* Bytes that the program wrote. */
    void (*output)(void *arg, enum channel_source source, const char *data, size_t len);
    /* The program has ended and all its output was reported. known: exit_code is true. */
    void (*exited)(void *arg, bool known, int exit_code);
    /* It could not be started, or is lost. What is pending is to be taken with delve_take_oldest. It ends itself now:
     * `ended` follows. */
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
                        const struct delve_handler *h, void *arg);
/* Starts what the plan says, now or as soon as the machine is reached; once. plan and initialize_arguments (of the
 * client's initialize) are borrowed until delve_free. */
void delve_start(struct delve *d, const struct delve_plan *plan, const json_t *initialize_arguments);
/* As in delve_client.h; only between `attached` and delve_end, `failed` or `exited` of a program that delvegate
 * launched (then DELVE_CLIENT_TOO_MANY). */
enum delve_client_result delve_forward(struct delve *d, const struct dap_message *m, struct dap_edits *edits);
int delve_take_oldest(struct delve *d, struct dap_asked *asked);
/* Stops and starts reading Delve and the program. */
void delve_pause(struct delve *d, bool paused);
/* Ends it in the order that Delve survives: `disconnect` with terminateDebuggee as given (always true for
   what was launched), the connection, the supervisor. Returns true when `disconnected` follows, false when no
   connection to Delve is left already; `ended` follows either way. */
bool delve_end(struct delve *d, bool terminate);
/* Frees it; before `ended` the supervisor's lease sees to the rest. NULL is fine. May be called from a handler. */
void delve_free(struct delve *d);

#endif
