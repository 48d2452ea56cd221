#include "delve/log.h"

#include <stdlib.h>
#include <string.h>

enum { PORT_MAX = 65535, DECIMAL = 10 };

static bool begins(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

/* Matches s against a pattern in which 0 stands for a digit, all else for itself. Returns the bytes matched, 0 for
   none. */
static size_t matches(const char *s, const char *pattern)
{
    size_t i = 0;
    for (; pattern[i]; i++)
        if (pattern[i] == '0' ? s[i] < '0' || s[i] > '9' : s[i] != pattern[i])
            return 0;
    return i;
}

/* The port of `API server listening at: HOST:PORT`, the whole line; 0 when it is none. */
static int listening_port(const char *line)
{
    static const char begin[] = "API server listening at: ";
    const char *colon = strrchr(line, ':');
    if (!begins(line, begin) || colon < line + sizeof begin - 1 || colon[1] == '\0')
        return 0;
    int port = 0;
    const char *p = colon + 1;
    for (; *p >= '0' && *p <= '9' && port <= PORT_MAX; p++)
        port = port * 10 + (*p - '0');
    return *p == '\0' && port <= PORT_MAX ? port : 0;
}

/* `2026-11-23T23:02:52Z ` or with an offset: what Delve's log lines begin with. Returns its length, 0 for none. */
static size_t log_time(const char *line)
{
    size_t n = matches(line, "0000-00-00T00:00:00");
    if (n == 0)
        return 0;
    if (line[n] == 'Z' && line[n + 1] == ' ')
        return n + 2;
    size_t zone = matches(line + n, "+00:00 ");
    if (zone == 0)
        zone = matches(line + n, "-00:00 ");
    return zone ? n + zone : 0;
}

/* `layer=debugger ` or `kind=x,layer=y `: the fields between level and message; values may be quoted. */
static const char *after_fields(const char *s)
{
    bool quoted = false, layer = false;
    if (*s < 'a' || *s > 'z')
        return s;
    for (const char *p = s; *p; p++) {
        if (*p == '\\' && quoted && p[1])
            p++;
        else if (*p == '"')
            quoted = !quoted;
        else if (*p == ' ' && !quoted)
            return layer ? p + 1 : s;
        else if (!quoted && begins(p, "layer=") && (p == s || p[-1] == ','))
            layer = true;
    }
    return s;
}

/* A line with a level, or none: NULL. */
static const char *read_levelled(const char *line, enum delve_log_kind *kind)
{
    static const struct {
        const char *word;
        enum delve_log_kind kind;
    } levels[] = {
        {"debug ", DELVE_LOG_LINE},  {"info ", DELVE_LOG_LINE},   {"warning ", DELVE_LOG_LINE},
        {"warn ", DELVE_LOG_LINE},   {"error ", DELVE_LOG_ERROR}, {"fatal ", DELVE_LOG_ERROR},
        {"panic ", DELVE_LOG_ERROR},
    };
    size_t time = log_time(line);
    for (size_t i = 0; time && i < sizeof levels / sizeof levels[0]; i++) {
        if (!begins(line + time, levels[i].word))
            continue;
        *kind = levels[i].kind;
        return after_fields(line + time + strlen(levels[i].word));
    }
    return NULL;
}

/* Go's standard log format, in which the check for other users writes. */
static const char *read_standard(const char *line)
{
    size_t n = matches(line, "0000/00/00 00:00:00 ");
    const char *message = n ? strstr(line + n, ": ") : NULL;
    return message && begins(line + n, "sameuser") ? message + 2 : NULL;
}

bool delve_log_different_user(const char *log, long *uid)
{
    static const char begin[] = "connection from different user (remote: ";
    static const char own[] = "local: ";
    const char *at = strstr(log, begin);
    const char *local = at ? strstr(at, own) : NULL;
    char *end = NULL;
    if (!local)
        return false;
    *uid = strtol(local + sizeof own - 1, &end, DECIMAL);
    return end != local + sizeof own - 1;
}

/* How the failures begin that Delve writes without time and level (facts of each version's cmd/dlv/cmds). */
static const char *const failures[] = {
    "could not launch process: ",
    "could not attach to pid ",
    "Could not attach to pid ",
    "couldn't start listener: ",
    "Error: ",
    "Invalid pid: ",
    "Version of Delve is too old for Go version ",
    "Go version ",
    "could not create core ",
    "exec: \"go\": ",
    "unknown API version",
    "unrecognized core format",
    "redirect error: ",
    "panic: ",
    "fatal error: ",
    "--log-output specified without --log",
};

struct delve_log_event delve_log_read(const char *line)
{
    struct delve_log_event event = {.kind = DELVE_LOG_LINE, .message = line};
    event.port = listening_port(line);
    if (event.port) {
        event.kind = DELVE_LOG_LISTENING;
        return event;
    }
    const char *message = read_levelled(line, &event.kind);
    if (message) {
        event.message = message;
        return event;
    }
    message = read_standard(line);
    if (message) {
        event.kind = DELVE_LOG_ERROR;
        event.message = message;
        return event;
    }
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++)
        if (begins(line, failures[i]))
            event.kind = DELVE_LOG_ERROR;
    return event;
}
