#include "proxy/service/activation.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/base/log.h"

enum { FIRST_FD = 3, SOCKETS_MAX = 256, BASE = 10 };

/* A whole number from 1 to max; 0 when the text is none. */
static long read_number(const char *text, long max)
{
    char *end;
    errno = 0;
    long n = text && *text >= '0' && *text <= '9' ? strtol(text, &end, BASE) : 0;
    return n > 0 && errno == 0 && *end == '\0' && n <= max ? n : 0;
}

static int socket_option(int fd, int name)
{
    int value = 0;
    socklen_t len = sizeof value;
    return getsockopt(fd, SOL_SOCKET, name, &value, &len) < 0 ? -1 : value;
}

/* What a descriptor is instead of a TCP socket of this address that listens; NULL: it is one. */
static const char *why_not(int fd, struct sockaddr_storage *bound)
{
    socklen_t len = sizeof *bound;
    if (getsockname(fd, (struct sockaddr *)bound, &len) < 0)
        return errno == EBADF ? "not an open descriptor" : "no socket";
    bool is_ip = bound->ss_family == AF_INET || bound->ss_family == AF_INET6;
    if (!is_ip || socket_option(fd, SO_TYPE) != SOCK_STREAM)
        return "not a TCP socket";
    return socket_option(fd, SO_ACCEPTCONN) == 1 ? NULL
                                                 : "not a listening socket; remove Accept=yes from the socket unit";
}

/* Two descriptors of one socket: what came to the second would be taken from the first. */
static bool is_another(const struct activation *a, int fd)
{
    struct stat one, other;
    for (size_t i = 0; i < a->count; i++)
        if (fstat(a->list[i].fd, &one) == 0 && fstat(fd, &other) == 0 && one.st_dev == other.st_dev &&
            one.st_ino == other.st_ino)
            return true;
    return false;
}

static void describe(const struct activation *a, struct activation_socket *s)
{
    struct sockaddr_storage bound = {0};
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)&bound;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)&bound;
    s->why = why_not(s->fd, &bound);
    if (!s->why && is_another(a, s->fd))
        s->why = "the same socket as a descriptor before it";
    if (s->why)
        return;
    bool is_v6 = bound.ss_family == AF_INET6;
    inet_ntop(bound.ss_family, is_v6 ? (const void *)&v6->sin6_addr : (const void *)&v4->sin_addr, s->address,
              sizeof s->address);
    s->port = ntohs(is_v6 ? v6->sin6_port : v4->sin_port);
}

int activation_read(struct activation *a)
{
    static const char unnamed[] = "unknown"; /* as sd_listen_fds_with_names(3) calls it */
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS"), *names = getenv("LISTEN_FDNAMES");
    *a = (struct activation){0};
    /* Another number is of a process that forgot to remove them from the environment: its descriptors are not ours. */
    if (!pid || !fds || read_number(pid, INT32_MAX) != (long)getpid())
        return 0;
    long count = read_number(fds, SOCKETS_MAX);
    if (count == 0) {
        if (strcmp(fds, "0") != 0)
            log_warning(NULL, "LISTEN_FDS is not a number from 0 to %d: '%s'; no socket is taken over", SOCKETS_MAX,
                        fds);
        return 0;
    }
    a->list = calloc((size_t)count, sizeof *a->list);
    if (!a->list)
        return -1;
    for (; a->count < (size_t)count; a->count++) {
        struct activation_socket *s = &a->list[a->count];
        size_t len = names ? strcspn(names, ":") : 0;
        s->fd = FIRST_FD + (int)a->count;
        (void)snprintf(s->name, sizeof s->name, "%.*s", len ? (int)len : (int)strlen(unnamed), len ? names : unnamed);
        if (names)
            names += names[len] ? len + 1 : len;
        s->is_open = fcntl(s->fd, F_SETFD, FD_CLOEXEC) == 0;
        describe(a, s);
    }
    return 0;
}

void activation_forget(struct activation *a)
{
    free(a->list);
    *a = (struct activation){0};
}

void activation_free(struct activation *a)
{
    for (size_t i = 0; i < a->count; i++)
        if (a->list[i].is_open)
            (void)close(a->list[i].fd);
    activation_forget(a);
}

struct activation_socket *activation_find(const struct activation *a, const char *address, int port, const char *target)
{
    struct activation_socket *found = NULL;
    for (size_t i = 0; i < a->count; i++) {
        struct activation_socket *s = &a->list[i];
        if (s->taken || s->port != port || strcmp(s->address, address) != 0)
            continue;
        if (!found || (strcmp(s->name, target) == 0 && strcmp(found->name, target) != 0))
            found = s;
    }
    return found;
}
