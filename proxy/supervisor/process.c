#include "proxy/supervisor/process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/supervisor/file.h"

enum { STAT_MAX = 1024, LINE_MAX_BYTES = 64 };

static int read_thread(pid_t pid, long thread, struct process *p)
{
    char path[LINE_MAX_BYTES], text[STAT_MAX];
    (void)snprintf(path, sizeof path, "/proc/%ld/task/%ld/stat", (long)pid, thread);
    if (pid <= 0 || file_read(path, text, sizeof text) < 0)
        return -1;
    /* A name may have anything in it, brackets too. */
    const char *at = strrchr(text, ')');
    long parent = 0, session = 0;
    *p = (struct process){.pid = pid};
    if (!at || sscanf(at + 1, " %c %ld %*d %ld %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                      &p->state, &parent, &session, &p->start) != 4) {
        errno = ESRCH;
        return -1;
    }
    p->parent = (pid_t)parent;
    p->session = (pid_t)session;
    return 0;
}

int process_read(pid_t pid, struct process *p)
{
    /* Of its first thread, which says the same: an emulator makes up /proc/PID/stat of the process that it is. */
    return read_thread(pid, pid, p);
}

static bool has_ended(const struct process *p)
{
    return p->state == 'Z' || p->state == 'X';
}

/* The first thread may have ended before the others: of a process that is killed, one may still be in a system call,
 * which it finishes. */
static bool is_alive(const struct process *p)
{
    char path[LINE_MAX_BYTES];
    bool alive = !has_ended(p);
    if (alive)
        return true;
    (void)snprintf(path, sizeof path, "/proc/%ld/task", (long)p->pid);
    DIR *d = opendir(path);
    for (struct dirent *e = d ? readdir(d) : NULL; e && !alive; e = readdir(d)) {
        struct process thread;
        alive = isdigit((unsigned char)e->d_name[0]) &&
                read_thread(p->pid, strtol(e->d_name, NULL, 10), &thread) == 0 && !has_ended(&thread);
    }
    if (d)
        closedir(d);
    return alive;
}

bool process_lives(pid_t pid, unsigned long long start)
{
    struct process p;
    return process_read(pid, &p) == 0 && is_alive(&p) && p.start == start;
}

size_t process_each(pid_t session, bool (*each)(void *arg, const struct process *p), void *arg)
{
    size_t count = 0;
    bool more = true;
    DIR *d = opendir("/proc");
    for (struct dirent *e = d ? readdir(d) : NULL; e && more; e = readdir(d)) {
        struct process p;
        if (!isdigit((unsigned char)e->d_name[0]) || process_read((pid_t)strtol(e->d_name, NULL, 10), &p) < 0)
            continue;
        if (p.session != session || !is_alive(&p))
            continue;
        count++;
        more = each(arg, &p);
    }
    if (d)
        closedir(d);
    return count;
}

struct sweep {
    pid_t spared;
    size_t count;
};

static bool kill_one(void *arg, const struct process *p)
{
    struct sweep *s = arg;
    if (p->pid == s->spared)
        return true;
    s->count++;
    (void)kill(p->pid, SIGKILL);
    return true;
}

size_t process_sweep(pid_t session, pid_t spared)
{
    struct sweep s = {.spared = spared};
    (void)process_each(session, kill_one, &s);
    return s.count;
}

int process_write(const char *path, pid_t pid)
{
    char text[LINE_MAX_BYTES];
    struct process p;
    if (process_read(pid, &p) < 0)
        return -1;
    (void)snprintf(text, sizeof text, "%ld %llu\n", (long)pid, p.start);
    return file_write(path, text);
}

int process_read_file(const char *path, pid_t *pid, unsigned long long *start)
{
    char text[LINE_MAX_BYTES];
    long number = 0;
    if (file_read(path, text, sizeof text) < 0)
        return -1;
    if (sscanf(text, "%ld %llu", &number, start) != 2 || number <= 0) {
        errno = EINVAL;
        return -1;
    }
    *pid = (pid_t)number;
    return 0;
}
