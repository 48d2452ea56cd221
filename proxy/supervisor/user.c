#include "proxy/supervisor/user.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_SIZE = 4096, DECIMAL = 10 };

/* A line NAME:PASSWORD:UID:... */
static bool take(const char *line, uid_t uid, char *name)
{
    const char *colon = strchr(line, ':'), *number = colon ? strchr(colon + 1, ':') : NULL;
    char *end = NULL;
    if (!number || colon == line || strtoul(number + 1, &end, DECIMAL) != uid || end == number + 1 || *end != ':')
        return false;
    (void)snprintf(name, USER_NAME_MAX, "%.*s", (int)(colon - line), line);
    return true;
}

void user_name(uid_t uid, char name[USER_NAME_MAX])
{
    char line[LINE_MAX_SIZE];
    FILE *f = fopen("/etc/passwd", "re");
    (void)snprintf(name, USER_NAME_MAX, "%lu", (unsigned long)uid);
    while (f && fgets(line, sizeof line, f) && !take(line, uid, name))
        ;
    if (f)
        (void)fclose(f);
}
