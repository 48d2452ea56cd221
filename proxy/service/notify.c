#include "proxy/service/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "proxy/base/log.h"
#include "proxy/base/timer.h"

enum {
    STATUS_MAX = 1024,
    MESSAGE_MAX = STATUS_MAX + 256,
    RETRY_MS = 100, /* a manager that is behind with reading is asked again */
    US_PER_S = 1000000,
    US_PER_MS = 1000,
    NS_PER_US = 1000,
    BASE = 10
};

/* What was not sent to the manager yet. */
enum due { DUE_RELOADING = 1, DUE_READY = 2, DUE_STOPPING = 4, DUE_STATUS = 8, DUE_WATCHDOG = 16 };

struct notify {
    int fd; /* -1: no manager */
    struct sockaddr_un address;
    socklen_t address_len;
    bool failed; /* the last message, which was logged */
    unsigned due;
    uint64_t reload_us; /* CLOCK_MONOTONIC, of the reload that is to be sent */
    char status[STATUS_MAX];
    struct timer *retry, *watchdog;
};

static uint64_t monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * US_PER_S + (uint64_t)now.tv_nsec / NS_PER_US;
}

static void build(const struct notify *n, char message[static MESSAGE_MAX])
{
    char reloading[64] = "";
    if (n->due & DUE_RELOADING)
        (void)snprintf(reloading, sizeof reloading, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\n", n->reload_us);
    (void)snprintf(message, MESSAGE_MAX, "%s%s%s%s%s%s%s", reloading, n->due & DUE_READY ? "READY=1\n" : "",
                   n->due & DUE_STOPPING ? "STOPPING=1\n" : "", n->due & DUE_WATCHDOG ? "WATCHDOG=1\n" : "",
                   n->due & DUE_STATUS ? "STATUS=" : "", n->due & DUE_STATUS ? n->status : "",
                   n->due & DUE_STATUS ? "\n" : "");
}

static void flush(void *arg)
{
    struct notify *n = arg;
    char message[MESSAGE_MAX];
    if (n->fd < 0 || n->due == 0)
        return;
    build(n, message);
    if (sendto(n->fd, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *)&n->address, n->address_len) >= 0) {
        n->due = 0;
        n->failed = false;
        timer_stop(n->retry);
        return;
    }
    if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS) {
        timer_start(n->retry, RETRY_MS, 0);
        return;
    }
    /* What is due goes with the next message: a manager that heard no more signs of life would kill delvegate. */
    if (!n->failed)
        log_warning(NULL, "the service manager cannot be notified: %s: %s; retrying at the next change",
                    getenv("NOTIFY_SOCKET"), strerror(errno));
    n->failed = true;
}

static void send_due(struct notify *n, unsigned what)
{
    n->due |= what;
    flush(n);
}

static void on_watchdog(void *arg)
{
    send_due(arg, DUE_WATCHDOG);
}

/* "/path", or "@name" of the abstract name space. Returns false when it is neither. */
static bool read_address(struct notify *n, const char *path)
{
    size_t len = strlen(path);
    if ((path[0] != '/' && path[0] != '@') || len < 2 || len >= sizeof n->address.sun_path)
        return false;
    n->address.sun_family = AF_UNIX;
    memcpy(n->address.sun_path, path, len);
    if (path[0] == '@')
        n->address.sun_path[0] = '\0';
    n->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (path[0] == '/'));
    return true;
}

/* How often the manager wants a sign of life, 0: never, or not from this process. */
static uint64_t watchdog_us(void)
{
    const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    char *end;
    if (!us || (pid && strtol(pid, NULL, BASE) != (long)getpid()))
        return 0;
    errno = 0;
    unsigned long long n = strtoull(us, &end, BASE);
    if (*us >= '0' && *us <= '9' && *end == '\0' && errno == 0)
        return n;
    log_warning(NULL, "WATCHDOG_USEC is not a number: '%s'; no keep-alive is sent", us);
    return 0;
}

struct notify *notify_new(uv_loop_t *loop)
{
    struct notify *n = calloc(1, sizeof *n);
    const char *path = getenv("NOTIFY_SOCKET");
    if (!n)
        return NULL;
    n->fd = -1;
    n->retry = timer_new(loop, flush, n);
    n->watchdog = timer_new(loop, on_watchdog, n);
    if (!n->retry || !n->watchdog) {
        notify_free(n);
        return NULL;
    }
    if (!path || !*path)
        return n;
    if (!read_address(n, path)) {
        log_warning(NULL, "NOTIFY_SOCKET is not a socket's address: '%s'; the service manager is not notified", path);
        return n;
    }
    n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (n->fd < 0) {
        log_warning(NULL, "cannot create a socket for the service manager's NOTIFY_SOCKET: %s", strerror(errno));
        return n;
    }
    uint64_t us = watchdog_us();
    uint64_t ms = us / 2 / US_PER_MS;
    if (us > 0)
        timer_start(n->watchdog, ms ? ms : 1, ms ? ms : 1);
    return n;
}

void notify_ready(struct notify *n)
{
    send_due(n, DUE_READY);
}

void notify_reloading(struct notify *n)
{
    n->reload_us = monotonic_us();
    send_due(n, DUE_RELOADING);
}

void notify_stopping(struct notify *n)
{
    send_due(n, DUE_STOPPING);
}

void notify_status(struct notify *n, const char *text)
{
    if (strncmp(n->status, text, sizeof n->status - 1) == 0)
        return;
    (void)snprintf(n->status, sizeof n->status, "%s", text);
    for (char *c = n->status; *c; c++)
        if (*c == '\n')
            *c = ' ';
    send_due(n, DUE_STATUS);
}

void notify_free(struct notify *n)
{
    if (!n)
        return;
    timer_free(n->retry);
    timer_free(n->watchdog);
    if (n->fd >= 0)
        (void)close(n->fd);
    free(n);
}
