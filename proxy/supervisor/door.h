/* The process at the end of a transport's channel, and the socket where the supervisor is found. */
#ifndef PROXY_SUPERVISOR_DOOR_H
#define PROXY_SUPERVISOR_DOOR_H

#include "proxy/supervisor/supervisor.h"

/* Role door: finds the supervisor of `client` (letters and digits: who uses it) and this boot, starts one when there is
 * none or when it is of another build and has no runs, hands it stdin, stdout, the environment and the nonce, and waits
 * until the supervisor has no use for them any more. What goes wrong is said on stdout in a line
 * "delvegate error KIND TEXT". Returns the exit status. */
int door_main(const char *client, const char *nonce);

/* The supervisor's side: listens on the socket in its directory, takes only this user's doors, and gives their
 * descriptors to uplink_serve; their environment becomes door_environ. Returns -1 with errno. */
int door_listen(const char *dir) MUST_USE;
/* The newest door's environment, NULL-terminated; the supervisor's own before the first one. */
char *const *door_environ(void);

#endif
