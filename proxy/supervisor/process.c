#include "proxy/supervisor/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PATH_SIZE = 64,
    STAT_SIZE = 1024,   /* bytes of /proc/PID/stat: up to 52 numbers */
    IDENTITY_SIZE = 64, /* "PID START" */
    DECIMAL = 10,
    FIELD_START = 22, /* as proc(5) counts them; the state is the third */
    FIELD_STATE = 3
};

/* Reads a small file whole. Returns its length, or -1 with errno. */
static ssize_t read_small(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n = read(fd, text, size - 1);
    int why = errno;
    (void)close(fd);
    errno = why;
    if (n >= 0)
        text[n] = '\0';
    return n;
}

/* A command's name may have blanks and parentheses: the fields begin behind the last one. */
static int parse_stat(const char *text, struct process *p)
{
    const char *at = strrchr(text, ')');
    char *end;
    if (!at || at[1] != ' ' || at[2] == '\0')
        return -1;
    p->state = at[2];
    at += sizeof ") S" - 1;
    p->parent = (pid_t)strtol(at, &end, DECIMAL);
    (void)strtol(end, &end, DECIMAL); /* its process group */
    p->session = (pid_t)strtol(end, &end, DECIMAL);
    for (int field = FIELD_STATE + 3; field < FIELD_START - 1; field++)
        (void)strtoll(end, &end, DECIMAL);
    at = end;
    p->start = strtoull(at, &end, DECIMAL);
    return end == at ? -1 : 0;
}

int process_read(pid_t pid, struct process *p)
{
    char path[PATH_SIZE], text[STAT_SIZE];
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    *p = (struct process){.pid = pid};
    return read_small(path, text, sizeof text) > 0 ? parse_stat(text, p) : -1;
}

static bool is_dead(const struct process *p)
{
    return p->state == 'Z' || p->state == 'X';
}

bool process_lives(pid_t pid, unsigned long long start)
{
    struct process p;
    return process_read(pid, &p) == 0 && !is_dead(&p) && p.start == start;
}

size_t process_each(pid_t session, bool (*each)(void *arg, const struct process *p), void *arg)
{
    size_t count = 0;
    DIR *proc = opendir("/proc");
    if (!proc)
        return 0;
    for (struct dirent *e = readdir(proc); e; e = readdir(proc)) {
        char *end;
        struct process p;
        long pid = strtol(e->d_name, &end, DECIMAL);
        if (*end || pid <= 0 || pid > INT_MAX || process_read((pid_t)pid, &p) < 0 || p.session != session ||
            is_dead(&p))
            continue;
        count++;
        if (!each(arg, &p))
            break;
    }
    (void)closedir(proc);
    return count;
}

struct sweep {
    pid_t spared;
    size_t count;
};

static bool sweep_one(void *arg, const struct process *p)
{
    struct sweep *s = arg;
    if (p->pid != s->spared) {
        s->count++;
        (void)kill(p->pid, SIGKILL);
    }
    return true;
}

size_t process_sweep(pid_t session, pid_t spared)
{
    struct sweep s = {.spared = spared};
    (void)process_each(session, sweep_one, &s);
    return s.count;
}

static int write_whole(const char *path, const char *text, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (fd < 0)
        return -1;
    ssize_t written = write(fd, text, n);
    int why = written < 0 ? errno : ENOSPC;
    if (close(fd) < 0 && written >= 0)
        return -1;
    errno = why;
    return written == (ssize_t)n ? 0 : -1;
}

int process_write(const char *path, pid_t pid)
{
    struct process p;
    char text[IDENTITY_SIZE], fresh[SUPERVISOR_PATH_MAX];
    if (process_read(pid, &p) < 0) {
        errno = ESRCH;
        return -1;
    }
    int n = snprintf(text, sizeof text, "%ld %llu\n", (long)pid, p.start);
    int length = snprintf(fresh, sizeof fresh, "%s.new", path);
    if (n < 0 || length < 0 || (size_t)length >= sizeof fresh) {
        errno = ENAMETOOLONG;
        return -1;
    }
    /* Nobody reads a part of it. */
    if (write_whole(fresh, text, (size_t)n) == 0 && rename(fresh, path) == 0)
        return 0;
    int why = errno;
    (void)unlink(fresh);
    errno = why;
    return -1;
}

int process_read_file(const char *path, pid_t *pid, unsigned long long *start)
{
    char text[IDENTITY_SIZE], *end, *at;
    if (read_small(path, text, sizeof text) < 0)
        return -1;
    long number = strtol(text, &end, DECIMAL);
    errno = EINVAL;
    if (end == text || *end != ' ' || number <= 0 || number > INT_MAX)
        return -1;
    at = end;
    *start = strtoull(at, &end, DECIMAL);
    if (end == at || (*end && *end != '\n'))
        return -1;
    *pid = (pid_t)number;
    return 0;
}
