/* supervisor: the program on the Go machine, near Delve: it looks up tools, starts what is ordered, carries bytes,
 * ends what it started in the order that Delve survives, and outlives the connection.
 * A program of its own, static, libc alone: poll(2), one thread, no allocation without a bound. It may use the tunnel,
 * delve/order.h and dap/buf.h. Nothing here knows of an editor, and policy (what to try when, how often, what to say)
 * is delvegate's.
 *
 * Roles, by argv[1]:
 *   local            a child of delvegate, the tunnel on stdin and stdout: their end is the end of everything
 *   door CLIENT NONCE  at the end of a transport's channel: hands stdin, stdout and its environment to the supervisor
 *                    of this user and client, which it starts when there is none, and waits (door.h). All of stdin up
 *                    to a line that is the nonce is passed over
 *   serve DIR        the supervisor that a door starts; stdin is the socket that listens
 *   sweep            ends and removes what crashes have left (cleanup.h), a line on stdout for each, and ends
 *   version          prints the build and the architecture
 *
 * Processes: the role's process starts a warden (warden.h), that starts the supervisor; what blocks (a login shell, go
 * env, a remedy, the search for what crashes have left) runs in workers (worker.h), which are forked from it. What runs
 * for a session is in a process session (setsid) of its own.
 *
 * Files: main.c roles; loop.h descriptors, alarms, children; uplink.h the tunnel's end here; flow.h bytes between
 * descriptors and streams; session.h orders and reports; rpc_query.h JSON-RPC beside DAP; owner.h whose a port is;
 * run.h one run; process.h identity and sweeping; locks.h who holds what go waits for; survey.h tools and facts,
 * remedy.h remedies (both in workers); directory.h directories; cleanup.h what crashes have left; door.h, warden.h.
 */
#ifndef PROXY_SUPERVISOR_SUPERVISOR_H
#define PROXY_SUPERVISOR_SUPERVISOR_H

#include "dap/must_use.h"

enum {
    SUPERVISOR_SIGNAL_STATUS = 128, /* with a signal's number: the status of what a signal has ended */
    SUPERVISOR_PATH_MAX = 4096      /* bytes of a path of our own making */
};

#endif
