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

char **environment_for_child_with(char *entry)
{
    size_t n = 0;
    while (environ[n])
        n++;
    char **env = calloc(n + 2, sizeof *env);
    if (!env)
        return NULL;
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!is_managers(environ[i]) && !(entry && have_one_name(entry, environ[i])))
            env[kept++] = environ[i];
    env[kept] = entry;
    return env;
}

char **environment_for_child(void)
{
    return environment_for_child_with(NULL);
}
