#include "proxy/supervisor/locks.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/supervisor/loop.h"
#include "proxy/supervisor/process.h"

enum {
    LOOK_MS = 1000,
    LINE_SIZE = 256,
    ID_SIZE = 64, /* "MAJOR:MINOR:INODE" */
    NAME_SIZE = 64,
    ENTRY_SIZE = 320,
    DECIMAL = 10
};

/* A lock that a process of ours waits for and one of another process session holds. */
struct held {
    char id[ID_SIZE]; /* "": none */
    pid_t holder, waiter;
};

struct locks {
    struct session *session;
    pid_t process_session;
    const char *gomodcache;
    struct held seen;
    char reported[ID_SIZE]; /* the lock that was reported; "": none */
    struct alarm alarm;
};

/* --- which --- */

static bool is_ours(const struct locks *l, pid_t pid)
{
    struct process p;
    return process_read(pid, &p) == 0 && p.session == l->process_session;
}

/* Lines as proc(5) has them: whoever holds it, then, marked by "->", those that wait. */
static void find(const struct locks *l, struct held *held)
{
    char line[LINE_SIZE], id[ID_SIZE];
    long pid, holder = 0;
    FILE *f = fopen("/proc/locks", "re");
    *held = (struct held){.holder = 0};
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "%*s -> %*s %*s %*s %ld %63s", &pid, id) != 2) {
            if (sscanf(line, "%*s %*s %*s %*s %ld", &pid) == 1)
                holder = pid;
            continue;
        }
        if (!is_ours(l, (pid_t)pid) || is_ours(l, (pid_t)holder))
            continue;
        held->holder = (pid_t)holder;
        held->waiter = (pid_t)pid;
        (void)snprintf(held->id, sizeof held->id, "%s", id);
        break;
    }
    if (f)
        (void)fclose(f);
}

/* --- what and whose --- */

/* Calls back for each descriptor of a process by its link in /proc. Stops when that returns true, and returns that. */
static bool each_descriptor(pid_t pid, bool (*each)(void *arg, const char *link), void *arg)
{
    char path[NAME_SIZE], link[ENTRY_SIZE];
    (void)snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid);
    bool found = false;
    DIR *d = opendir(path);
    if (!d)
        return false;
    for (struct dirent *e = readdir(d); !found && e; e = readdir(d)) {
        (void)snprintf(link, sizeof link, "%s/%s", path, e->d_name);
        found = e->d_name[0] != '.' && each(arg, link);
    }
    (void)closedir(d);
    return found;
}

static bool read_link(const char *link, char *path)
{
    ssize_t n = readlink(link, path, SUPERVISOR_PATH_MAX - 1);
    path[n > 0 ? n : 0] = '\0';
    return n > 0;
}

struct by_inode {
    unsigned long long inode;
    char path[SUPERVISOR_PATH_MAX];
};

static bool has_inode(void *arg, const char *link)
{
    struct by_inode *b = arg;
    struct stat st;
    return stat(link, &st) == 0 && st.st_ino == b->inode && read_link(link, b->path);
}

static bool has_path(void *arg, const char *link)
{
    char path[SUPERVISOR_PATH_MAX];
    return read_link(link, path) && strcmp(path, arg) == 0;
}

/* A process of another session that has the lock's file open. Returns 0 when there is none to be seen. */
static pid_t find_other_holder(const struct locks *l, char *path)
{
    pid_t other = 0;
    DIR *proc = opendir("/proc");
    if (!proc)
        return 0;
    for (struct dirent *e = readdir(proc); !other && e; e = readdir(proc)) {
        char *end;
        long pid = strtol(e->d_name, &end, DECIMAL);
        if (!*end && pid > 0 && pid <= INT_MAX && !is_ours(l, (pid_t)pid) &&
            each_descriptor((pid_t)pid, has_path, path))
            other = (pid_t)pid;
    }
    (void)closedir(proc);
    return other;
}

/* The name of a process's command; "" when it is not known. */
static void read_name(pid_t pid, char *name, int size)
{
    char path[NAME_SIZE];
    *name = '\0';
    (void)snprintf(path, sizeof path, "/proc/%ld/comm", (long)pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return;
    if (fgets(name, size, f))
        name[strcspn(name, "\n")] = '\0';
    (void)fclose(f);
}

static bool is_below(const char *path, const char *dir)
{
    size_t n = strlen(dir);
    return n > 0 && strncmp(path, dir, n) == 0 && path[n] == '/';
}

static bool lives(pid_t pid)
{
    struct process p;
    return process_read(pid, &p) == 0 && process_lives(pid, p.start);
}

static void report(const struct locks *l, const struct held *held)
{
    struct by_inode file = {.inode = strtoull(strrchr(held->id, ':') ? strrchr(held->id, ':') + 1 : "", NULL, DECIMAL)};
    char name[NAME_SIZE];
    pid_t holder = held->holder;
    (void)each_descriptor(held->waiter, has_inode, &file);
    /* Whoever took it may have ended and left it to a child. */
    if (!lives(holder) && *file.path) {
        pid_t other = find_other_holder(l, file.path);
        holder = other ? other : holder;
    }
    read_name(holder, name, sizeof name);
    session_say_fmt(l->session, ORDER_NOTE, NULL, "%s by process %ld%s%s%s: waiting for it%s%s%s",
                    is_below(file.path, l->gomodcache) ? "the module cache is locked" : "a file is locked",
                    (long)holder, *name ? " (" : "", name, *name ? ")" : "", *file.path ? " (" : "", file.path,
                    *file.path ? ")" : "");
}

/* --- looking --- */

static void say_free(struct locks *l)
{
    if (*l->reported)
        session_say(l->session, ORDER_NOTE, NULL, "the lock is free, continuing");
    l->reported[0] = '\0';
}

static void look(void *locks)
{
    struct locks *l = locks;
    struct held held;
    find(l, &held);
    if (!*held.id) {
        say_free(l);
    } else if (strcmp(held.id, l->seen.id) == 0 && strcmp(held.id, l->reported) != 0) {
        /* The second look: a go that is not alone waits for moments all the time. */
        report(l, &held);
        (void)snprintf(l->reported, sizeof l->reported, "%s", held.id);
    }
    l->seen = held;
    loop_alarm(&l->alarm, LOOK_MS);
}

struct locks *locks_watch(struct session *s, pid_t process_session, const char *gomodcache)
{
    struct locks *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->session = s;
    l->process_session = process_session;
    l->gomodcache = gomodcache;
    l->alarm = (struct alarm){.ring = look, .arg = l};
    loop_alarm(&l->alarm, LOOK_MS);
    return l;
}

void locks_free(struct locks *l, bool report_free)
{
    if (!l)
        return;
    loop_disarm(&l->alarm);
    if (report_free)
        say_free(l);
    free(l);
}
