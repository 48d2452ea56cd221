#include "proxy/service/confinement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 64, LINE_SIZE = 256, LINK_SIZE = 64, BASE = 10 };

/* A number in /proc/PID/status; -1 when it is not there. */
static long status_of(const char *pid, const char *key)
{
    char path[PATH_SIZE], line[LINE_SIZE];
    long value = -1;
    size_t len = strlen(key);
    (void)snprintf(path, sizeof path, "/proc/%s/status", pid);
    FILE *f = fopen(path, "re");
    while (f && value < 0 && fgets(line, sizeof line, f))
        if (strncmp(line, key, len) == 0 && line[len] == ':')
            value = strtol(line + len + 1, NULL, BASE);
    if (f)
        (void)fclose(f);
    return value;
}

/* Whether both namespaces can be seen and differ. */
static bool differs(const char *parent, const char *kind)
{
    char path[PATH_SIZE], ours[LINK_SIZE], theirs[LINK_SIZE];
    (void)snprintf(path, sizeof path, "/proc/self/ns/%s", kind);
    ssize_t n = readlink(path, ours, sizeof ours);
    (void)snprintf(path, sizeof path, "/proc/%s/ns/%s", parent, kind);
    ssize_t m = readlink(path, theirs, sizeof theirs);
    return n > 0 && m > 0 && (n != m || memcmp(ours, theirs, (size_t)n) != 0);
}

static void add(char *found, size_t size, const char *what)
{
    size_t len = strlen(found);
    (void)snprintf(found + len, size - len, "%s%s", len ? ", " : "", what);
}

bool confinement_find(char *found, size_t size)
{
    static const char *const keys[] = {"NoNewPrivs", "Seccomp", "Seccomp_filters"};
    char parent[PATH_SIZE];
    (void)snprintf(parent, sizeof parent, "%ld", (long)getppid());
    found[0] = '\0';
    bool privileges = status_of(parent, keys[0]) == 0 && status_of("self", keys[0]) == 1;
    /* Under a filter of its own (a container's) the manager's children differ in their number only. */
    bool calls = false;
    for (size_t i = 1; i < sizeof keys / sizeof *keys; i++) {
        long theirs = status_of(parent, keys[i]);
        calls = calls || (theirs >= 0 && status_of("self", keys[i]) > theirs);
    }
    if (privileges)
        add(found, size, "NoNewPrivileges");
    if (calls)
        add(found, size, "system call filters");
    if (differs(parent, "mnt"))
        add(found, size, "a mount namespace");
    if (differs(parent, "user"))
        add(found, size, "a user namespace");
    return found[0] != '\0';
}
