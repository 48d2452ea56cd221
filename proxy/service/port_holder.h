/* Who has a TCP port that can't be bound: for a text on that, and to know whether it is delvegate itself. */
#ifndef PROXY_SERVICE_PORT_HOLDER_H
#define PROXY_SERVICE_PORT_HOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { PORT_HOLDER_NAME_MAX = 32 };

struct port_holder {
    bool is_known; /* false: nothing is, and the rest is zero */
    uid_t uid;
    pid_t pid;                       /* 0: not known, it is another user's or hides its descriptors */
    char name[PORT_HOLDER_NAME_MAX]; /* its process's, "" with pid 0 */
    bool is_socket_unit;             /* delvegate.socket of this user's service manager */
};

/* Looks it up in /proc, and asks systemctl, for which it waits 2 s at most. */
void port_holder_find(int port, struct port_holder *h);
/* Whether it is a delvegate of this user's, or waits to start one. */
bool port_holder_is_delvegate(const struct port_holder *h);

#endif
