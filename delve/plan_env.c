#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "delve/plan_parts.h"

enum { NAMES_MAX = 2048 }; /* bytes of names in one note */

/* Why a variable is dropped: each reason has a note of its own. */
enum reason {
    KEPT,
    SILENT,   /* the user has not written it */
    MACHINES, /* the Go machine has its own */
    ODD,      /* no shell can export it */
    PROXY,    /* an address that means another machine there */
    SESSION,  /* it leads to something that runs on the editor's machine */
    SET,      /* one of the two before, and go.env of the target sets it */
    REASONS
};

/* The Go extension mixes the client's environment into env: what says where things lie there is wrong on
   the Go machine. The rest belongs to a service manager or to the supervisor. A name that ends in _ stands for all that
   begin so. */
static const char *const not_ours[] = {"GOPATH",     "GOROOT", "GOBIN",         "GOENV",     "GOTOOLDIR", "GOCACHE",
                                       "GOMODCACHE", "PATH",   "HOME",          "TMPDIR",    "SHELL",     "GOTMPDIR",
                                       "PWD",        "OLDPWD", "NOTIFY_SOCKET", "WATCHDOG_", "LISTEN_",   NULL};

/* Names that one of dash, busybox sh, bash, ksh keeps for itself: exporting them fails or does something else. */
static const char *const kept_by_sh[] = {"UID",           "EUID", "PPID", "SHELLOPTS", "BASHOPTS",
                                         "BASH_VERSINFO", "_",    "IFS",  "OPTIND",    NULL};

/* Addresses of what go and the program reach others through. */
static const char *const proxies[] = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY", "GOPROXY", NULL};

/* Sockets and marks of a login on the editor's machine. */
static const char *const of_login[] = {
    "SSH_AUTH_SOCK",   "SSH_AGENT_PID",   "SSH_CONNECTION",  "SSH_CLIENT", "SSH_TTY",   "GPG_AGENT_INFO",
    "DBUS_",           "XDG_RUNTIME_DIR", "XDG_SESSION_",    "XDG_SEAT",   "XDG_VTNR",  "XAUTHORITY",
    "WAYLAND_DISPLAY", "WAYLAND_SOCKET",  "SESSION_MANAGER", "VSCODE_",    "ELECTRON_", NULL};

/* Those that a user may well set for a program, but that lead nowhere when they come with the editor's whole
   environment. */
static const char *const of_desktop[] = {"DISPLAY", "XDG_",    "ICEAUTHORITY", "DESKTOP_", "GNOME_", "KDE_", "WINDOWID",
                                         "USER",    "LOGNAME", "HOSTNAME",     "TMP",      "TEMP",   NULL};

static bool listed(const char *const *names, const char *name)
{
    for (; *names; names++) {
        size_t n = strlen(*names);
        if (strcmp(*names, name) == 0 || (n > 1 && (*names)[n - 1] == '_' && strncmp(*names, name, n) == 0))
            return true;
    }
    return false;
}

static bool exportable(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    if (!*name || (*name >= '0' && *name <= '9') || name[strspn(name, letters)] != '\0')
        return false;
    return !listed(kept_by_sh, name);
}

static void list_name(struct buf *names, const char *name)
{
    /* A list that is too long for a note ends where the room does. */
    if (names->len + strlen(name) + 2 <= names->max)
        buf_printf(names, "%s%s", names->len ? ", " : "", *name ? name : "(empty name)");
}

static int add_variable(struct plan_reader *r, const char *name, const json_t *value)
{
    struct delve_plan *plan = r->plan;
    struct delve_env *env = realloc(plan->env, (plan->env_count + 1) * sizeof *env);
    if (!env)
        return plan_no_memory(r);
    plan->env = env;
    struct delve_env *one = &env[plan->env_count++];
    one->name = strdup(name);
    one->value = json_is_string(value) ? strdup(json_string_value(value)) : NULL;
    if (!one->name || (json_is_string(value) && !one->value))
        return plan_no_memory(r);
    return 0;
}

/* Whether the address "[SCHEME://][USER@]HOST[:PORT][/...]" names the machine that it is used on. */
static bool is_loopback(const char *address, size_t len)
{
    const char *end = address + len;
    const char *scheme = memmem(address, len, "://", 3);
    const char *host = scheme ? scheme + 3 : address;
    const char *slash = memchr(host, '/', (size_t)(end - host));
    if (slash)
        end = slash;
    const char *user = memrchr(host, '@', (size_t)(end - host));
    if (user)
        host = user + 1;
    size_t n = (size_t)(end - host);
    bool in_brackets = n && *host == '[';
    const char *stop = memchr(host, in_brackets ? ']' : ':', n);
    if (stop)
        n = (size_t)(stop - host);
    if (in_brackets)
        return n == strlen("[::1") && strncmp(host, "[::1", n) == 0;
    static const char local[] = "localhost";
    bool is_name = n >= sizeof local - 1 && strncasecmp(host + n - (sizeof local - 1), local, sizeof local - 1) == 0;
    if (is_name)
        return n == sizeof local - 1 || host[n - sizeof local] == '.';
    return n > 4 && strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") >= n;
}

/* GOPROXY is a list; the others are one address. */
static bool leads_to_loopback(const char *name, const char *value)
{
    bool is_proxy = false;
    for (size_t i = 0; proxies[i]; i++)
        is_proxy = is_proxy || strcasecmp(proxies[i], name) == 0;
    for (const char *p = value; is_proxy && *p;) {
        size_t n = strcspn(p, ",|");
        if (is_loopback(p, n))
            return true;
        p += n + (p[n] != '\0');
    }
    return false;
}

bool plan_is_from_go_extension(const struct plan_reader *r)
{
    return json_object_get(r->arguments, "packagePathToGoModPathMap");
}

/* With the legacy adapter the Go extension mixes the whole environment of its machine into env. */
static bool is_mixed(const struct plan_reader *r)
{
    const char *adapter = plan_string(r, "debugAdapter");
    return adapter && strcmp(adapter, "legacy") == 0;
}

static enum reason reason_for(const struct plan_reader *r, const char *name, const char *value)
{
    const struct delve_target *target = r->target;
    /* The extension always adds it. */
    if (strcmp(name, "GOPATH") == 0 && plan_is_from_go_extension(r))
        return SILENT;
    if (listed(not_ours, name))
        return MACHINES;
    if (!exportable(name))
        return ODD;
    if (target->is_local || !value)
        return KEPT;
    enum reason reason = leads_to_loopback(name, value)            ? PROXY
                         : listed(of_login, name)                  ? SESSION
                         : is_mixed(r) && listed(of_desktop, name) ? SESSION
                                                                   : KEPT;
    const char *set = reason != KEPT && target->go_env ? target->go_env(target->map_arg, name) : NULL;
    if (!set)
        return reason;
    return strcmp(set, value) == 0 ? SILENT : SET;
}

static int sort_out(struct plan_reader *r, json_t *env, struct buf *dropped)
{
    const char *name;
    json_t *value;
    json_object_foreach(env, name, value)
    {
        if (!json_is_string(value) && !json_is_null(value))
            return plan_not_a_string(r, "env.", name, value);
        enum reason reason = reason_for(r, name, json_string_value(value));
        if (reason == KEPT && add_variable(r, name, value) < 0)
            return -1;
        if (reason > SILENT)
            list_name(&dropped[reason], name);
    }
    return 0;
}

static int note_machines(struct plan_reader *r, const json_t *env, const char *names)
{
    bool pinned = json_object_get(env, "GOCACHE") || json_object_get(env, "GOMODCACHE");
    const char *gocache = pinned ? r->target->gocache : NULL;
    return plan_note(
        r, "env: %s dropped: the Go machine has its own%s%s%s. What it needs belongs in go.env of the target.", names,
        pinned ? ", and GOCACHE and GOMODCACHE are pinned by delvegate's configuration" : "",
        gocache ? ", GOCACHE to " : "", gocache ? gocache : "");
}

static int note_dropped(struct plan_reader *r, const json_t *env, enum reason reason, const char *names)
{
    switch (reason) {
    case MACHINES:
        return note_machines(r, env, names);
    case ODD:
        return plan_note(r, "env: %s dropped: the shell on the Go machine cannot export such names.", names);
    case PROXY:
        return plan_note(r,
                         "env: %s dropped: a proxy on the loopback of the editor's machine does not exist on the Go "
                         "machine. If the Go machine has one, set it in go.env of the target.",
                         names);
    case SESSION:
        return plan_note(r,
                         "env: %s dropped: it belongs to the login on the editor's machine. What the Go machine needs "
                         "belongs in go.env of the target.",
                         names);
    case SET:
        return plan_note(r, "env: %s dropped: go.env of the target sets it for the Go machine.", names);
    default:
        return 0;
    }
}

int plan_env(struct plan_reader *r)
{
    json_t *env = json_object_get(r->arguments, "env");
    struct buf dropped[REASONS];
    for (size_t i = 0; i < REASONS; i++)
        buf_init(&dropped[i], NAMES_MAX);
    int done = sort_out(r, env, dropped);
    for (size_t i = 0; i < REASONS; i++) {
        if (done == 0 && dropped[i].len)
            done = note_dropped(r, env, (enum reason)i, dropped[i].data);
        buf_free(&dropped[i]);
    }
    return done;
}
