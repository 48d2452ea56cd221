/* service: the daemon: a listener for each target, the sessions, signals, reload, socket activation, notification, and
 * the check that a client is the same user's. It may use base, machine and session. It counts sessions and ends them;
 * what they do it does not know.
 */
#ifndef PROXY_SERVICE_DAEMON_H
#define PROXY_SERVICE_DAEMON_H

#include "dap/must_use.h"
#include "config/config.h"

/* Reads the configuration again: returns it with one reference, or NULL after having reported what is wrong. */
typedef struct config *daemon_reload(void *arg);

/* Runs until SIGTERM or SIGINT; takes over the reference to config. path: of the configuration's file, "" when there is
   none; a daemon started again with the same one ends what its predecessor has left. SIGHUP calls reload. Returns the
   exit status: 0, or 1 when a port could not be bound (reported). */
int daemon_run(struct config *config, const char *path, daemon_reload *reload, void *arg) MUST_USE;

#endif
