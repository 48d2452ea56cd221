/* Sockets that a service manager has bound and handed over (sd_listen_fds(3)): delvegate.socket. */
#ifndef PROXY_SERVICE_ACTIVATION_H
#define PROXY_SERVICE_ACTIVATION_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "dap/must_use.h"

enum { ACTIVATION_NAME_MAX = 256 };

struct activation_socket {
    int fd;                         /* close-on-exec; stays open until activation_free */
    bool is_open;                   /* false: the manager gave a number only; it may be another's by now */
    char name[ACTIVATION_NAME_MAX]; /* FileDescriptorName= of its unit, "unknown" when it has none */
    char address[INET6_ADDRSTRLEN]; /* where it listens, in the usual form; "" when it can't be used */
    int port;                       /* 1 to 65535, 0 with an empty address */
    const char *why;                /* then: what it is instead */
    bool taken;                     /* by a target */
};

struct activation {
    struct activation_socket *list;
    size_t count;
};

/* Reads LISTEN_FDS, LISTEN_FDNAMES and LISTEN_PID, which must be this process; sets close-on-exec. To be called before
 * descriptors of one's own are opened: they could get numbers that the manager has announced and not opened. Without
 * the variables there is nothing in a. Returns 0, or -1 when memory ran out. */
int activation_read(struct activation *a) MUST_USE;
void activation_free(struct activation *a);

/* The same, but the sockets stay open: they can be read again. */
void activation_forget(struct activation *a);

/* The socket that listens on this address and port and is not taken, NULL when there is none. Of several the one that
 * has the target's name. */
struct activation_socket *activation_find(const struct activation *a, const char *address, int port,
                                          const char *target);

#endif
