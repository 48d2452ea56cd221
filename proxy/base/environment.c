#include "proxy/base/environment.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_managers(const char *entry)
{
    static const char *const prefixes[] = {
        "NOTIFY_SOCKET=",    "WATCHDOG_",          "LISTEN_",         "INVOCATION_ID=",    "JOURNAL_STREAM=",
        "MANAGERPID=",       "MANAGERPIDFDID=",    "FDSTORE=",        "DEBUG_INVOCATION=", "MAINPID=",
        "SYSTEMD_EXEC_PID=", "RUNTIME_DIRECTORY=", "MEMORY_PRESSURE_"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(entry, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

static bool have_one_name(const char *a, const char *b)
{
    size_t len = strcspn(a, "=");
    return strncmp(a, b, len) == 0 && b[len] == '=';
}

/* entries may be NULL. */
static size_t count(char *const *entries)
{
    size_t n = 0;
    while (entries && entries[n])
        n++;
    return n;
}

static bool is_replaced(const char *variable, char *const *entries)
{
    for (size_t i = 0; entries && entries[i]; i++)
        if (have_one_name(entries[i], variable))
            return true;
    return false;
}

char **environment_for_child_set(char *const *entries)
{
    size_t n = count(environ), more = count(entries), kept = 0;
    char **env = calloc(n + more + 1, sizeof *env);
    if (!env)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (!is_managers(environ[i]) && !is_replaced(environ[i], entries))
            env[kept++] = environ[i];
    for (; entries && *entries; entries++)
        env[kept++] = *entries;
    return env;
}

char **environment_for_child_with(char *entry)
{
    char *const entries[] = {entry, NULL};
    return environment_for_child_set(entries);
}

char **environment_for_child(void)
{
    return environment_for_child_with(NULL);
}
