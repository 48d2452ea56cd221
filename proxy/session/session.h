/* session: one debug session: a client on one side, one Delve on the other.
 * It may use base, machine and delve.
 * However the client came: accepted on a port, or handed over; it knows no listener and no port.
 * What it says to the client is valid DAP under any fault: each request gets its one answer.
 */
#ifndef PROXY_SESSION_SESSION_H
#define PROXY_SESSION_SESSION_H

#include <jansson.h>

#include "dap/must_use.h"
#include "config/config.h"
#include "proxy/session/client.h"

/* What delvegate remembers of a target from one session to the next. */
struct target_memory {
    json_t *capabilities; /* body of the last initialize response of a Delve there; NULL before the first */
    const char *warning;  /* what each session is told at its launch, of the daemon's; NULL: nothing */
};

struct session;

/* Takes over the client. config is referenced, target is one of its targets; memory outlives the session. over is
   called once, when nothing of the session is left, and the pointer is dead then. Returns NULL (and closes the client)
   when memory ran out. */
struct session *session_new(uv_loop_t *loop, struct config *config, const struct config_target *target,
                            struct target_memory *memory, struct client *client,
                            void (*over)(struct session *s, void *arg), void *arg) MUST_USE;
/* Ends it as if the client had asked to, and reports to the client why. */
void session_shutdown(struct session *s, const char *reason);
/* Answers what the client still waits for and ends the conversation, whatever Delve does: nobody will wait for it. */
void session_abandon(struct session *s, const char *reason);

#endif
