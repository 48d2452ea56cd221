#include "proxy/supervisor/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "proxy/supervisor/directory.h"
#include "proxy/supervisor/file.h"
#include "proxy/supervisor/process.h"
#include "proxy/supervisor/remedy.h"

enum {
    END_MS = 3000,         /* for SIGTERM to end a run, and for SIGKILL to end the rest */
    DETACH_MS = 10000,     /* for Delve to detach */
    STEP_MS = 20,          /* where the kernel does not tell of an end */
    FOREIGN_S = 60 * 60,   /* an instance of elsewhere that nobody has touched is dead */
    UNWRITTEN_S = 10 * 60, /* one that is being made is made by then */
    LEFT_MAX = 4096,       /* runs of an instance */
    ENDED_MAX = 256,       /* pids that a line names */
    LINE_BYTES = 128,
    HOST_MAX = 1024,
    NOTE_MAX = 2 * SUPERVISOR_PATH_MAX,
    MS = 1000,
    NS_OF_MS = 1000 * 1000
};

typedef void each_entry(void *arg, const char *path, const char *name);

/* Calls back for the directories and files of a directory. */
static void entries(const char *dir, each_entry *each, void *arg)
{
    char path[SUPERVISOR_PATH_MAX];
    DIR *d = opendir(dir);
    for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            snprintf(path, sizeof path, "%s/%s", dir, e->d_name) < (int)sizeof path)
            each(arg, path, e->d_name);
    if (d)
        closedir(d);
}

static bool is_number(const char *name)
{
    return *name && name[strspn(name, "0123456789")] == '\0';
}

/* --- whose it is --- */

enum whose { HERE, REBOOTED, ELSEWHERE };

/* A line of a file, or "-". */
static void read_line(const char *path, char *line)
{
    if (file_read(path, line, LINE_BYTES) < 0 || !*line)
        (void)snprintf(line, LINE_BYTES, "-");
    line[strcspn(line, "\n")] = '\0';
}

/* Processes have the same numbers in both of two containers, so their namespace counts; and machines that were copied
 * have the same id, so their name does. */
static void host_text(char *text)
{
    char boot[LINE_BYTES], space[LINE_BYTES], machine[LINE_BYTES], name[LINE_BYTES];
    read_line("/proc/sys/kernel/random/boot_id", boot);
    read_line("/etc/machine-id", machine);
    read_line("/proc/sys/kernel/hostname", name);
    ssize_t n = readlink("/proc/self/ns/pid", space, sizeof space - 1);
    (void)snprintf(text, HOST_MAX, "%s %.*s\n%s %s\n", boot, n > 0 ? (int)n : 1, n > 0 ? space : "-", machine, name);
}

static enum whose whose(const char *dir)
{
    char path[SUPERVISOR_PATH_MAX], here[HOST_MAX], there[HOST_MAX];
    host_text(here);
    (void)snprintf(path, sizeof path, "%s/host", dir);
    if (file_read(path, there, sizeof there) < 0)
        return ELSEWHERE;
    size_t boot = strcspn(here, " "), line = strcspn(here, "\n");
    bool is_boot = strncmp(here, there, boot) == 0;
    /* One that names no namespace says that there is but one. */
    if (is_boot && (strncmp(here, there, line) == 0 || there[boot] == '\0' || there[boot] == '\n'))
        return HERE;
    const char *machine_here = here + line, *machine_there = strchr(there, '\n');
    bool is_machine = machine_there && strcmp(machine_here, machine_there) == 0 && machine_here[1] != '-';
    return !is_boot && is_machine ? REBOOTED : ELSEWHERE;
}

/* --- whether it is dead --- */

static bool untouched(const char *path, long seconds)
{
    struct stat st;
    return lstat(path, &st) < 0 || time(NULL) - st.st_mtime > seconds;
}

static void only_ours(void *arg, const char *path, const char *name)
{
    static const char *const ours[] = {"supervisor", "host", "lock", "socket", ".try-"};
    bool *is_ours = arg, is_known = false;
    (void)path;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        is_known = is_known || strncmp(name, ours[i], strlen(ours[i])) == 0;
    *is_ours = *is_ours && is_known;
}

/* One whose maker was ended before it wrote who it is. */
static bool was_never_written(const char *dir)
{
    bool is_ours = true;
    entries(dir, only_ours, &is_ours);
    return is_ours && untouched(dir, UNWRITTEN_S);
}

static int read_supervisor(const char *dir, pid_t *pid, unsigned long long *start)
{
    char path[SUPERVISOR_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/supervisor", dir);
    return process_read_file(path, pid, start);
}

/* Whether its supervisor is one that lives here. */
static bool is_alive(const char *dir)
{
    pid_t pid = 0;
    unsigned long long start = 0;
    return read_supervisor(dir, &pid, &start) == 0 && whose(dir) == HERE && process_lives(pid, start);
}

static bool is_dead(const char *dir)
{
    char host[SUPERVISOR_PATH_MAX];
    pid_t pid = 0;
    unsigned long long start = 0;
    if (read_supervisor(dir, &pid, &start) < 0)
        return was_never_written(dir);
    (void)snprintf(host, sizeof host, "%s/host", dir);
    switch (whose(dir)) {
    case HERE:
        return !process_lives(pid, start);
    case REBOOTED:
        return true;
    case ELSEWHERE:
        break;
    }
    return untouched(dir, FOREIGN_S) && untouched(host, FOREIGN_S);
}

/* --- the lock: one cleans up or claims it at a time --- */

/* Returns a descriptor that holds it, or -1 with errno: EWOULDBLOCK: another one has it, ENOENT: it is no more. Where
 * directories can't be locked (NFS), it goes without. */
static int lock(const char *dir, bool waits)
{
    struct stat held, there;
    int r = -1, fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    do
        r = flock(fd, LOCK_EX | (waits ? 0 : LOCK_NB));
    while (r < 0 && errno == EINTR);
    int error = r < 0 && errno == EWOULDBLOCK ? EWOULDBLOCK : 0;
    if (!error &&
        (fstat(fd, &held) < 0 || lstat(dir, &there) < 0 || held.st_dev != there.st_dev || held.st_ino != there.st_ino))
        error = ENOENT;
    if (!error)
        return fd;
    close(fd);
    errno = error;
    return -1;
}

/* --- ending what it ran --- */

struct left {
    pid_t pid;
    unsigned long long start;
    bool is_attached, is_asked;
};

struct cleanup {
    void (*ended)(void *arg, pid_t pid);
    void *arg;
    struct left *list;
    size_t count;
    pid_t reported[ENDED_MAX];
    size_t reported_count;
    long begun;
    bool is_claim; /* the directory stays, with what is not a session's */
    bool is_aside; /* what a remedy has moved aside could not be put back */
    int error;
};

static long now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (long)t.tv_sec * MS + t.tv_nsec / NS_OF_MS;
}

static void report_ended(struct cleanup *b, pid_t pid)
{
    for (size_t i = 0; i < b->reported_count; i++)
        if (b->reported[i] == pid)
            return;
    if (b->reported_count < ENDED_MAX)
        b->reported[b->reported_count++] = pid;
    if (b->ended)
        b->ended(b->arg, pid);
}

static void add_run(void *arg, const char *path, const char *name)
{
    struct cleanup *b = arg;
    struct left run = {0};
    char file[SUPERVISOR_PATH_MAX];
    if (!is_number(name) || b->count == LEFT_MAX || snprintf(file, sizeof file, "%s/pid", path) >= (int)sizeof file ||
        process_read_file(file, &run.pid, &run.start) < 0)
        return;
    struct left *list = realloc(b->list, (b->count + 1) * sizeof *list);
    if (!list)
        return;
    (void)snprintf(file, sizeof file, "%s/attach", path);
    run.is_attached = access(file, F_OK) == 0;
    b->list = list;
    b->list[b->count++] = run;
}

static void add_session(void *arg, const char *path, const char *name)
{
    if (is_number(name))
        entries(path, add_run, arg);
}

/* Waits until a process is gone, whoever's child it is. */
static void wait_gone(pid_t pid, unsigned long long start, long until)
{
    int fd = -1;
#ifdef SYS_pidfd_open
    fd = (int)syscall(SYS_pidfd_open, pid, 0);
#endif
    for (long left = until - now_ms(); left > 0 && process_lives(pid, start); left = until - now_ms()) {
        struct pollfd ended = {.fd = fd, .events = POLLIN};
        /* Of a process whose other threads still run it may come early. */
        if (poll(&ended, 1, (int)(fd >= 0 && left > STEP_MS ? left : STEP_MS)) > 0)
            (void)poll(NULL, 0, 1);
    }
    if (fd >= 0)
        close(fd);
}

static bool kill_one(void *arg, const struct process *p)
{
    if (kill(p->pid, SIGKILL) == 0)
        report_ended(arg, p->pid);
    return true;
}

/* A number is not given out again while it names a process session: where it is somebody else's by now, nothing of
 * that session is left. */
static void sweep(struct cleanup *b, const struct left *run)
{
    struct process p;
    long until = now_ms() + END_MS;
    if (process_read(run->pid, &p) == 0 && p.start != run->start)
        return;
    while (process_each(run->pid, kill_one, b) > 0 && now_ms() < until)
        (void)poll(NULL, 0, STEP_MS);
}

/* Delve ends what it has started, and detaches from what it has not: killed while it is attached, it would leave its
 * breakpoints in a process that lives on. */
static void end_runs(struct cleanup *b)
{
    b->begun = now_ms();
    for (size_t i = 0; i < b->count; i++) {
        struct left *run = &b->list[i];
        run->is_asked = process_lives(run->pid, run->start) && kill(run->pid, SIGTERM) == 0;
        if (run->is_asked)
            report_ended(b, run->pid);
    }
    for (size_t i = 0; i < b->count; i++) {
        const struct left *run = &b->list[i];
        if (run->is_asked)
            wait_gone(run->pid, run->start, b->begun + (run->is_attached ? DETACH_MS : END_MS));
        sweep(b, run);
    }
}

/* A dlv that was killed in the middle of attaching left the process stopped. */
static void resume(void *arg, const char *path, const char *name)
{
    static const char prefix[] = "attached-";
    struct process p;
    pid_t pid = 0;
    unsigned long long start = 0;
    (void)arg;
    if (strncmp(name, prefix, sizeof prefix - 1) == 0 && process_read_file(path, &pid, &start) == 0 &&
        process_read(pid, &p) == 0 && p.start == start && p.state == 'T')
        (void)kill(pid, SIGCONT);
}

static void resume_session(void *arg, const char *path, const char *name)
{
    if (is_number(name))
        entries(path, resume, arg);
}

/* --- one instance --- */

/* What could not be put back must not be removed with the rest. */
static void remove_entry(void *arg, const char *path, const char *name)
{
    struct cleanup *b = arg;
    /* Who it was stays as long as anything does, so that the rest is found again. */
    if ((b->is_claim && !is_number(name)) || strcmp(name, "supervisor") == 0 || strcmp(name, "host") == 0)
        return;
    if (is_number(name) && remedy_restore(path) < 0) {
        b->is_aside = true;
        b->error = errno;
    } else if (directory_remove(path) < 0) {
        b->error = errno;
    }
}

static void forget(struct cleanup *b, const char *dir)
{
    static const char *const names[] = {"supervisor", "host"};
    char path[SUPERVISOR_PATH_MAX];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        if (unlink(path) < 0 && errno != ENOENT)
            b->error = errno;
    }
}

/* With the lock: all but the directory itself. Returns -1 when something is left. */
static int empty(struct cleanup *b, const char *dir)
{
    if (whose(dir) == HERE) {
        entries(dir, add_session, b);
        end_runs(b);
        entries(dir, resume_session, NULL);
        free(b->list);
        b->list = NULL;
    }
    entries(dir, remove_entry, b);
    if (!b->error && !b->is_claim)
        forget(b, dir);
    return b->error ? -1 : 0;
}

static int clean_instance(struct cleanup *b, const char *dir, bool waits)
{
    int fd = lock(dir, waits);
    if (fd < 0) {
        b->error = errno == ENOENT ? 0 : errno;
        return b->error ? -1 : 0;
    }
    int r = is_alive(dir) ? 0 : empty(b, dir);
    if (r == 0 && !is_alive(dir) && rmdir(dir) < 0 && errno != ENOENT) {
        b->error = errno;
        r = -1;
    }
    close(fd);
    return r;
}

int cleanup_instance(const char *dir, void (*ended)(void *arg, pid_t pid), void *arg)
{
    struct cleanup b = {.ended = ended, .arg = arg};
    return clean_instance(&b, dir, true);
}

static int write_who(const char *dir)
{
    char path[SUPERVISOR_PATH_MAX], text[HOST_MAX];
    host_text(text);
    (void)snprintf(path, sizeof path, "%s/host", dir);
    if (file_write(path, text) < 0)
        return -1;
    (void)snprintf(path, sizeof path, "%s/supervisor", dir);
    return process_write(path, getpid());
}

static bool is_empty_or_dead(const char *dir)
{
    pid_t pid = 0;
    unsigned long long start = 0;
    return read_supervisor(dir, &pid, &start) < 0 || whose(dir) != ELSEWHERE || is_dead(dir);
}

int cleanup_claim(const char *dir)
{
    struct cleanup b = {.is_claim = true};
    int r = -1, error = 0, fd = lock(dir, true);
    if (fd < 0)
        return -1;
    if (is_alive(dir) || !is_empty_or_dead(dir))
        r = 1;
    else if (empty(&b, dir) == 0 || !b.is_aside)
        r = write_who(dir);
    error = b.is_aside ? b.error : errno;
    close(fd);
    errno = error;
    return r;
}

int cleanup_touch(const char *dir)
{
    char path[SUPERVISOR_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/host", dir);
    return utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
}

/* --- all of them --- */

struct others {
    const char *own;
    void (*report)(void *arg, const char *text);
    void *arg;
};

static void report_instance(const struct others *o, const struct cleanup *b, const char *dir)
{
    char text[NOTE_MAX];
    if (b->is_aside) {
        (void)snprintf(
            text, sizeof text,
            "files that a remedy of a dead session had moved aside could not be put back (%s); they are listed in %s",
            strerror(b->error), dir);
    } else if (b->error) {
        (void)snprintf(text, sizeof text,
                       "%s was left by a dead session and could not be removed (%s); remove it manually", dir,
                       strerror(b->error));
    } else {
        int len = snprintf(text, sizeof text, "removed %s, left by a dead session%s", dir,
                           b->reported_count ? "; ended its processes" : "");
        for (size_t i = 0; i < b->reported_count && len < (int)sizeof text; i++)
            len += snprintf(text + len, sizeof text - (size_t)len, " %ld", (long)b->reported[i]);
    }
    o->report(o->arg, text);
}

static bool is_instance_name(const char *name)
{
    static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    return strcmp(name, "bin") != 0 && name[strspn(name, good)] == '\0';
}

static void look_at(void *arg, const char *path, const char *name)
{
    const struct others *o = arg;
    struct cleanup b = {0};
    if (!is_instance_name(name) || (o->own && strcmp(path, o->own) == 0) || !directory_is_private(path) ||
        !is_dead(path))
        return;
    (void)clean_instance(&b, path, false);
    if (o->report && b.error != EWOULDBLOCK)
        report_instance(o, &b, path);
}

static void look_in(void *arg, const char *base)
{
    if (directory_is_private(base))
        entries(base, look_at, arg);
}

void cleanup_others(const char *own, void (*report)(void *arg, const char *text), void *arg)
{
    struct others o = {.own = own, .report = report, .arg = arg};
    directory_bases(look_in, &o);
}
