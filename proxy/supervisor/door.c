/* Role door. */
#include "proxy/supervisor/door.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "proxy/supervisor/directory.h"
#include "proxy/supervisor/door_private.h"
#include "proxy/supervisor/file.h"
#include "proxy/supervisor/process.h"

enum {
    ATTEMPTS = 5,      /* a supervisor may end at the moment when it is reached */
    STATUS_FAILED = 1, /* after an error line */
    STATUS_GONE = 3,   /* after a gone line */
    FILE_MODE = 0600,
    ENDING_MS = 5000, /* for the supervisor's own end when another is to start, and for its last word */
    BOOT_ID_MAX = 64,
    STARTING_MS = 60 * 1000, /* for one that cleans up after its predecessor first */
    TEXT_MAX = 4096
};

struct door {
    const char *nonce;
    char dir[SUPERVISOR_PATH_MAX];
    int in_flags, out_flags; /* as they were: they are shared with others */
    int lock;                /* -1: not held */
    int socket;
    char build[DOOR_LINE_MAX];
    long pid, sessions; /* of the supervisor */
};

/* --- What is said --- */

__attribute__((format(printf, 3, 4))) static void say(const struct door *d, const char *before, const char *fmt, ...)
{
    char text[TEXT_MAX], line[TEXT_MAX + 2 * DOOR_NONCE_MAX];
    va_list args;
    int n;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    for (char *c = text; *c; c++)
        if (*c == '\n')
            *c = ' ';
    n = snprintf(line, sizeof line, "%sdelvegate %s %s\n", before, d->nonce, text);
    /* Nobody may read it any more. */
    if (file_write_all(STDOUT_FILENO, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1) < 0)
        return;
}

static void put_flags_back(const struct door *d)
{
    if (d->in_flags >= 0)
        (void)fcntl(STDIN_FILENO, F_SETFL, d->in_flags);
    if (d->out_flags >= 0)
        (void)fcntl(STDOUT_FILENO, F_SETFL, d->out_flags);
}

/* --- Which instance --- */

void door_instance(char name[DOOR_NAME_SIZE], const char *client)
{
    char boot[BOOT_ID_MAX] = "", space[BOOT_ID_MAX] = "";
    ssize_t n = readlink("/proc/self/ns/pid", space, sizeof space - 1);
    space[n > 0 ? n : 0] = '\0';
    if (file_read("/proc/sys/kernel/random/boot_id", boot, sizeof boot) < 0)
        boot[0] = '\0';
    uint64_t hash = door_hash(DOOR_HASH, client, strlen(client) + 1);
    hash = door_hash(hash, boot, strlen(boot) + 1);
    hash = door_hash(hash, space, strlen(space));
    (void)snprintf(name, DOOR_NAME_SIZE, "%016llx", (unsigned long long)hash);
}

static bool is_word(const char *text)
{
    static const char allowed[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
    size_t n = strspn(text, allowed);
    return n > 0 && n <= DOOR_NONCE_MAX && !text[n];
}

/* --- Reaching it --- */

static int connect_to(const char *dir)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char path[SUPERVISOR_PATH_MAX];
    int s = -1;
    if (door_path(path, dir, DOOR_SOCKET) < 0 || strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path));
    s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s >= 0 && connect(s, (struct sockaddr *)&address, sizeof address) < 0) {
        int error = errno;
        (void)close(s);
        errno = error;
        return -1;
    }
    if (s >= 0)
        (void)fcntl(s, F_SETFL, 0);
    return s;
}

/* Waits for bytes, or the end. Returns false when none come in time. */
static bool wait_for(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int r;
    do
        r = poll(&p, 1, ms);
    while (r < 0 && errno == EINTR);
    return r > 0;
}

enum reached { REACHED, NOBODY, SILENT };

/* Whether a supervisor has the directory: its pid. One that is being started may have to clean up after its predecessor
 * first. */
static long owner(const struct door *d)
{
    char path[SUPERVISOR_PATH_MAX];
    unsigned long long start_time;
    pid_t pid;
    if (door_path(path, d->dir, "supervisor") < 0 || process_read_file(path, &pid, &start_time) < 0 ||
        !process_lives(pid, start_time))
        return 0;
    return (long)pid;
}

static bool wait_greeting(const struct door *d)
{
    for (int ms = 0; ms < STARTING_MS; ms += DOOR_ANSWER_MS) {
        bool has_owner = owner(d) != 0;
        if (wait_for(d->socket, DOOR_ANSWER_MS))
            return true;
        if (has_owner)
            return false;
    }
    return false;
}

/* Reads the greeting: one line, that fits in one packet. */
static enum reached greet(struct door *d)
{
    char line[DOOR_LINE_MAX], word[DOOR_LINE_MAX];
    ssize_t n;
    if (!wait_greeting(d))
        return SILENT;
    n = read(d->socket, line, sizeof line - 1);
    if (n <= 0)
        return NOBODY;
    line[n] = '\0';
    if (sscanf(line, "%255s %255s %ld %ld", word, d->build, &d->pid, &d->sessions) != 4 ||
        strcmp(word, DOOR_GREETING) != 0)
        return SILENT;
    return REACHED;
}

static enum reached reach(struct door *d)
{
    enum reached r = NOBODY;
    d->socket = connect_to(d->dir);
    if (d->socket < 0)
        return errno == EAGAIN ? SILENT : NOBODY;
    r = greet(d);
    if (r != REACHED) {
        (void)close(d->socket);
        d->socket = -1;
    }
    return r;
}

static void unlock(struct door *d)
{
    if (d->lock >= 0)
        (void)close(d->lock);
    d->lock = -1;
}

/* A lock in a directory that was removed meanwhile is none. Returns -1 with errno. */
static int lock(struct door *d)
{
    char path[SUPERVISOR_PATH_MAX];
    struct stat held, there;
    if (door_path(path, d->dir, DOOR_LOCK) < 0)
        return -1;
    d->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (d->lock < 0)
        return -1;
    while (flock(d->lock, LOCK_EX) < 0)
        if (errno != EINTR)
            return -1;
    if (fstat(d->lock, &held) < 0 || stat(path, &there) < 0 || held.st_ino != there.st_ino) {
        errno = ENOENT;
        return -1;
    }
    return 0;
}

/* With the lock: nobody else starts one meanwhile. */
static enum reached start(struct door *d)
{
    enum reached r = reach(d);
    int s;
    if (r != NOBODY)
        return r;
    s = door_bind(d->dir);
    if (s < 0)
        return NOBODY;
    r = door_start(d->dir, s) < 0 ? NOBODY : REACHED;
    (void)close(s);
    return r == REACHED ? reach(d) : NOBODY;
}

static enum reached find(struct door *d)
{
    enum reached r = reach(d);
    if (r != NOBODY)
        return r;
    if (lock(d) < 0) {
        unlock(d);
        return NOBODY;
    }
    r = start(d);
    unlock(d);
    return r;
}

/* One of another build that has no runs makes room. Returns false when it does not. */
static bool replace(struct door *d)
{
    struct door_request quit = {.kind = DOOR_QUIT};
    char byte;
    bool ended = write(d->socket, &quit, sizeof quit) == sizeof quit && wait_for(d->socket, ENDING_MS) &&
                 read(d->socket, &byte, 1) <= 0;
    (void)close(d->socket);
    d->socket = -1;
    return ended;
}

static void report_silent(const struct door *d)
{
    long pid = owner(d);
    if (pid)
        say(d, "",
            "error silent the supervisor (pid %ld) does not answer; end it on the Go machine with `kill -9 %ld`, then "
            "try again",
            pid, pid);
    else
        say(d, "",
            "error silent the supervisor at %s/" DOOR_SOCKET
            " does not answer; end it on the Go machine, then try again",
            d->dir);
}

/* Finds or starts one of this build. Returns -1 after an error line. */
static int settle(struct door *d, const char *name)
{
    struct directory_error why;
    char own[DOOR_IDENTITY_MAX];
    door_identity(own);
    for (int i = 0; i < ATTEMPTS; i++) {
        enum reached r;
        if (directory_instance(name, d->dir, &why) < 0) {
            say(d, "", "error place %s", why.text);
            return -1;
        }
        errno = 0;
        r = find(d);
        if (r == SILENT) {
            report_silent(d);
            return -1;
        }
        if (r == NOBODY)
            continue;
        if (strcmp(d->build, own) == 0)
            return 0;
        if (d->sessions > 0) {
            say(d, "",
                "error build a supervisor of another build (pid %ld) still has %ld debug session%s; end %s, or end "
                "that supervisor with `kill %ld` on the Go machine",
                d->pid, d->sessions, d->sessions == 1 ? "" : "s", d->sessions == 1 ? "it" : "them", d->pid);
            return -1;
        }
        (void)replace(d);
    }
    say(d, "", "error start the supervisor could not be started in %s%s%s; try again", d->dir, errno ? ": " : "",
        errno ? strerror(errno) : "");
    return -1;
}

/* --- Handing over --- */

static int send_all(int fd, const void *bytes, size_t n)
{
    const char *at = bytes;
    while (n) {
        ssize_t done = send(fd, at, n, MSG_NOSIGNAL);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -1;
        at += done;
        n -= (size_t)done;
    }
    return 0;
}

static int send_descriptors(int fd, const struct door_request *request)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(2 * sizeof(int))];
    } control = {0};
    struct iovec part = {.iov_base = (void *)request, .iov_len = sizeof *request};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    const int both[2] = {STDIN_FILENO, STDOUT_FILENO};
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof both);
    memcpy(CMSG_DATA(c), both, sizeof both);
    return sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)sizeof *request ? 0 : -1;
}

static int hand_over(const struct door *d, size_t environ_len)
{
    struct door_request request = {
        .kind = DOOR_SERVE, .nonce_len = (uint32_t)strlen(d->nonce), .environ_len = (uint32_t)environ_len};
    if (send_descriptors(d->socket, &request) < 0 || send_all(d->socket, d->nonce, strlen(d->nonce)) < 0)
        return -1;
    for (char **e = environ; *e; e++)
        if (send_all(d->socket, *e, strlen(*e) + 1) < 0)
            return -1;
    return 0;
}

static size_t environ_size(void)
{
    size_t n = 0;
    for (char **e = environ; *e; e++)
        n += strlen(*e) + 1;
    return n;
}

/* --- Waiting --- */

static int gone(const struct door *d)
{
    put_flags_back(d);
    say(d, "\n", "gone %ld", d->pid);
    return STATUS_GONE;
}

/* Until the supervisor's last word, or its end. When the connection goes it hears of that itself. */
static int wait_over(const struct door *d)
{
    struct pollfd watched[] = {{.fd = d->socket, .events = POLLIN},
                               {.fd = STDIN_FILENO, .events = POLLRDHUP},
                               {.fd = STDOUT_FILENO, .events = 0}};
    int ms = -1;
    for (;;) {
        int r = poll(watched, sizeof watched / sizeof *watched, ms);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return 0;
        if (watched[0].revents) {
            char word = 0;
            return read(d->socket, &word, 1) == 1 && word == DOOR_OVER ? 0 : gone(d);
        }
        watched[1].fd = watched[2].fd = -1;
        ms = ENDING_MS;
    }
}

int door_main(const char *client, const char *nonce)
{
    struct door d = {.nonce = nonce, .lock = -1, .socket = -1};
    char name[DOOR_NAME_SIZE];
    size_t environ_len = environ_size();
    int status = STATUS_FAILED;
    if (!is_word(client) || !is_word(nonce))
        return STATUS_FAILED;
    d.in_flags = fcntl(STDIN_FILENO, F_GETFL);
    d.out_flags = fcntl(STDOUT_FILENO, F_GETFL);
    door_instance(name, client);
    if (environ_len > DOOR_ENVIRON_MAX) {
        say(&d, "",
            "error environ the login's environment has %zu bytes, but at most %d are supported; make it smaller on the "
            "Go machine",
            environ_len, DOOR_ENVIRON_MAX);
        return STATUS_FAILED;
    }
    if (settle(&d, name) < 0)
        return STATUS_FAILED;
    say(&d, "", "ready %s", d.build);
    status = hand_over(&d, environ_len) < 0 ? gone(&d) : wait_over(&d);
    put_flags_back(&d);
    return status;
}
