/* Who is at the other end of a loopback connection: its socket's owner, looked up exactly. */
#ifndef PROXY_SERVICE_PEER_H
#define PROXY_SERVICE_PEER_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "dap/must_use.h"

enum peer_result {
    PEER_FOUND,  /* *uid is the owner of a socket that is open and connected right now, if only to read */
    PEER_CLOSED, /* it has already been closed: whose it was can't be told for sure */
    PEER_UNKNOWN /* not on this machine, or in another network namespace */
};

/* Looks up the socket whose local address is `peer` and whose remote address is `local` (ours), by NETLINK_SOCK_DIAG
   or, where that is not to be had, in /proc/net/tcp and tcp6. Both are loopback addresses of one family. Does not block
   on anything but the kernel. */
enum peer_result peer_owner(const struct sockaddr *local, const struct sockaddr *peer, uid_t *uid);

/* Who listens on a TCP port here: the owner's uid, and the socket's inode. Returns false when nobody is found. */
bool peer_port_owner(int port, uid_t *uid, unsigned long *inode) MUST_USE;

#endif
