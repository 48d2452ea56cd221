/* The process at the end of a transport's channel, and the socket where the supervisor is found. */
#ifndef PROXY_SUPERVISOR_DOOR_H
#define PROXY_SUPERVISOR_DOOR_H

#include <stdbool.h>

#include "proxy/supervisor/supervisor.h"

/* Role door: finds the supervisor of `client` (letters and digits: who uses it) and this boot, starts one when there is
 * none or when it is of another build and has no runs, hands it stdin, stdout, the environment and the nonce, and waits
 * until the supervisor has no use for them any more. All that it says is in lines "delvegate NONCE WORD ..." on stdout:
 *   ready BUILD        before the tunnel's bytes
 *   error KIND TEXT    instead of them: what happened, where, what to do
 *   gone PID           behind them, on a line of its own: the supervisor has died
 * Returns the exit status. */
int door_main(const char *client, const char *nonce);

/* Role serve, in which door_main starts a supervisor: DIR is its instance's directory, stdin the socket that listens,
 * the rest /dev/null. Takes the socket for door_listen. Returns -1 with errno. To be called before warden_run. */
int door_take_socket(void) MUST_USE;
/* What the user is to hear of how it was started (that logind will end it at logout), once; NULL: nothing. */
const char *door_note(void);

/* The supervisor's side: listens on the socket in its directory, takes only this user's doors, and gives their
 * descriptors to uplink_serve; their environment becomes door_environ. A door of another build ends the loop when there
 * is no session. Returns -1 with errno. */
int door_listen(const char *dir) MUST_USE;
/* Takes no more doors. Returns whether dir may be removed: else another door is about to start a supervisor there. In
 * that case nothing is to be removed but the sessions' directories. */
bool door_close(const char *dir);
/* The newest door's environment, NULL-terminated; the supervisor's own before the first one. */
char *const *door_environ(void);

#endif
