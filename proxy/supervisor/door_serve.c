/* The supervisor's side of the socket: who comes, and what they bring. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/supervisor/door_private.h"
#include "proxy/supervisor/loop.h"
#include "proxy/supervisor/session.h"
#include "proxy/supervisor/uplink.h"

enum { PEERS_MAX = 64, DESCRIPTORS = 2, FILE_MODE = 0600 };

/* A door. */
struct door_peer {
    struct door_peer *next;
    struct watch watch;
    struct alarm deadline; /* for its request */
    struct door_request request;
    bool has_request;
    bool is_served; /* the uplink has its descriptors */
    int fds[DESCRIPTORS];
    char *body; /* the nonce with a NUL, the environment */
    size_t got;
};

static struct {
    struct watch watch;
    struct door_peer *peers;
    size_t count;
    char **environ; /* the newest door's: points into body */
    char *body;
    char identity[DOOR_IDENTITY_MAX];
    int taken; /* the socket that stdin was; with 1 added, 0: none */
} door;

char *const *door_environ(void)
{
    return door.environ ? door.environ : environ;
}

const char *door_note(void)
{
    const char *note = getenv(DOOR_NOTE);
    static char kept[DOOR_LINE_MAX * 2];
    if (!note)
        return NULL;
    (void)snprintf(kept, sizeof kept, "%s", note);
    (void)unsetenv(DOOR_NOTE);
    return kept;
}

/* --- Leaving --- */

static void close_fds(struct door_peer *g)
{
    for (size_t i = 0; i < DESCRIPTORS; i++) {
        if (g->fds[i] >= 0)
            (void)close(g->fds[i]);
        g->fds[i] = -1;
    }
}

static void dismiss(struct door_peer *g)
{
    struct door_peer **at = &door.peers;
    while (*at != g)
        at = &(*at)->next;
    *at = g->next;
    door.count--;
    loop_unwatch(&g->watch);
    loop_disarm(&g->deadline);
    close_fds(g);
    (void)close(g->watch.fd);
    free(g->body);
    free(g);
}

/* The uplink has no use for its descriptors any more. */
static void is_over(void *arg)
{
    static const char over = DOOR_OVER;
    struct door_peer *g = arg;
    (void)send(g->watch.fd, &over, sizeof over, MSG_NOSIGNAL | MSG_DONTWAIT);
    dismiss(g);
}

/* The door has ended, or breaks the rules. */
static void cut(struct door_peer *g)
{
    if (g->is_served)
        uplink_hang_up(g, "the process at the end of the connection has ended");
    else
        dismiss(g);
}

static void too_late(void *arg)
{
    cut(arg);
}

/* --- Its request --- */

static size_t body_size(const struct door_peer *g)
{
    return (size_t)g->request.nonce_len + g->request.environ_len;
}

/* Where the byte after the got ones belongs: behind the nonce there is a NUL of ours. */
static size_t offset_of(const struct door_peer *g, size_t got)
{
    return got < g->request.nonce_len ? got : got + 1;
}

/* Its environment is that of later runs. Returns false when memory is short: then it stays as it was. */
static bool take_environ(struct door_peer *g)
{
    char *at = g->body + g->request.nonce_len + 1, *end = at + g->request.environ_len;
    size_t count = 0;
    char **list;
    for (const char *c = at; c < end; c++)
        count += !*c;
    list = calloc(count + 1, sizeof *list);
    if (!list)
        return false;
    for (size_t i = 0; i < count; i++, at += strlen(at) + 1)
        list[i] = at;
    free(door.environ);
    free(door.body);
    door.environ = list;
    door.body = g->body;
    return true;
}

static void serve(struct door_peer *g)
{
    int in = g->fds[0], out = g->fds[1];
    const char *nonce = g->body;
    loop_disarm(&g->deadline);
    g->watch.events = POLLIN;
    g->is_served = true;
    g->fds[0] = g->fds[1] = -1;
    if (!take_environ(g)) {
        cut(g);
        return;
    }
    g->body = NULL;
    uplink_serve(in, out, nonce, is_over, g);
}

/* Its first message, with the descriptors; those that come beyond two are closed. */
static void take_descriptors(struct door_peer *g, struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (i < DESCRIPTORS && g->fds[i] < 0)
                g->fds[i] = fd;
            else
                (void)close(fd);
        }
    }
}

static bool is_good(const struct door_peer *g)
{
    const struct door_request *r = &g->request;
    return r->kind == DOOR_SERVE && g->fds[0] >= 0 && g->fds[1] >= 0 && r->nonce_len > 0 &&
           r->nonce_len <= DOOR_NONCE_MAX && r->environ_len <= DOOR_ENVIRON_MAX;
}

static bool would_block(ssize_t n)
{
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

static void take_request(struct door_peer *g)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(4 * DESCRIPTORS * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = &g->request, .iov_len = sizeof g->request};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
    ssize_t n = recvmsg(g->watch.fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (would_block(n))
        return;
    if (n > 0)
        take_descriptors(g, &message);
    if (n == (ssize_t)sizeof g->request && g->request.kind == DOOR_QUIT && session_count() == 0) {
        loop_end(0);
        return;
    }
    /* So small a message is never cut: it has one byte after the other in one packet. */
    if (n != (ssize_t)sizeof g->request || !is_good(g) || !(g->body = malloc(body_size(g) + 2))) {
        cut(g);
        return;
    }
    g->has_request = true;
    g->body[g->request.nonce_len] = '\0';
    g->body[body_size(g) + 1] = '\0';
}

static void take_body(struct door_peer *g)
{
    size_t size = body_size(g);
    size_t stop = g->got < g->request.nonce_len ? g->request.nonce_len : size;
    ssize_t n = recv(g->watch.fd, g->body + offset_of(g, g->got), stop - g->got, MSG_DONTWAIT);
    if (would_block(n))
        return;
    if (n <= 0) {
        cut(g);
        return;
    }
    g->got += (size_t)n;
    if (g->got < size)
        return;
    /* An environment that does not end with a NUL ends with the one behind it. */
    if (g->request.environ_len && g->body[size]) {
        cut(g);
        return;
    }
    serve(g);
}

static void on_peer(void *arg, short revents)
{
    struct door_peer *g = arg;
    (void)revents;
    if (g->is_served)
        cut(g); /* it says nothing more: this is its end */
    else if (!g->has_request)
        take_request(g);
    else
        take_body(g);
}

/* --- Coming --- */

/* Root could do all that anyway, but it is not who this supervisor works for. */
static bool is_own_user(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == geteuid();
}

static bool greet(int fd)
{
    char line[DOOR_LINE_MAX];
    int n = snprintf(line, sizeof line, DOOR_GREETING " %s %ld %u\n", door.identity, (long)getpid(), session_count());
    return send(fd, line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) == n;
}

static void admit(int fd)
{
    struct door_peer *g = door.count < PEERS_MAX && is_own_user(fd) && greet(fd) ? calloc(1, sizeof *g) : NULL;
    if (!g) {
        (void)close(fd);
        return;
    }
    g->fds[0] = g->fds[1] = -1;
    g->watch = (struct watch){.fd = fd, .events = POLLIN, .ready = on_peer, .arg = g};
    g->deadline = (struct alarm){.ring = too_late, .arg = g};
    g->next = door.peers;
    door.peers = g;
    door.count++;
    loop_watch(&g->watch);
    loop_alarm(&g->deadline, DOOR_ANSWER_MS);
}

static void on_knock(void *arg, short revents)
{
    int fd = accept4(door.watch.fd, NULL, NULL, SOCK_CLOEXEC);
    (void)arg;
    (void)revents;
    if (fd >= 0)
        admit(fd);
}

int door_take_socket(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (null < 0 || fd < 0 || dup2(null, STDIN_FILENO) < 0)
        return -1;
    (void)close(null);
    door.taken = fd + 1;
    return 0;
}

int door_listen(const char *dir)
{
    int fd = door.taken ? door.taken - 1 : door_bind(dir);
    if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        return -1;
    door_identity(door.identity);
    door.watch = (struct watch){.fd = fd, .events = POLLIN, .ready = on_knock};
    loop_watch(&door.watch);
    return 0;
}

bool door_close(const char *dir)
{
    char path[SUPERVISOR_PATH_MAX];
    int lock = door_path(path, dir, DOOR_LOCK) < 0 ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    /* Held until this process ends. */
    bool is_alone = lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0;
    loop_unwatch(&door.watch);
    if (door.watch.fd >= 0)
        (void)close(door.watch.fd);
    door.watch.fd = -1;
    return is_alone;
}
