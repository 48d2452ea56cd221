#include <stdlib.h>
#include <string.h>

#include "delve/plan_parts.h"

enum { NAMES_MAX = 2048 }; /* bytes of names in one note */

/* The Go extension mixes the client's environment into env: what says where things lie there is wrong on
   the Go machine. The rest belongs to a service manager or to the supervisor. A name that ends in _ stands for all that
   begin so. */
static const char *const not_ours[] = {"GOPATH",     "GOROOT", "GOBIN",         "GOENV",     "GOTOOLDIR", "GOCACHE",
                                       "GOMODCACHE", "PATH",   "HOME",          "TMPDIR",    "SHELL",     "GOTMPDIR",
                                       "PWD",        "OLDPWD", "NOTIFY_SOCKET", "WATCHDOG_", "LISTEN_",   NULL};

/* Names that one of dash, busybox sh, bash, ksh keeps for itself: exporting them fails or does something else. */
static const char *const kept_by_sh[] = {"UID",           "EUID", "PPID", "SHELLOPTS", "BASHOPTS",
                                         "BASH_VERSINFO", "_",    "IFS",  "OPTIND",    NULL};

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

static int sort_out(struct plan_reader *r, json_t *env, struct buf *dropped, struct buf *odd)
{
    const char *name;
    json_t *value;
    json_object_foreach(env, name, value)
    {
        if (!json_is_string(value) && !json_is_null(value))
            return plan_not_a_string(r, "env.", name, value);
        if (listed(not_ours, name))
            list_name(dropped, name);
        else if (!exportable(name))
            list_name(odd, name);
        else if (add_variable(r, name, value) < 0)
            return -1;
    }
    return 0;
}

int plan_env(struct plan_reader *r)
{
    json_t *env = json_object_get(r->arguments, "env");
    struct buf dropped, odd;
    buf_init(&dropped, NAMES_MAX);
    buf_init(&odd, NAMES_MAX);
    bool pinned = json_object_get(env, "GOCACHE") || json_object_get(env, "GOMODCACHE");
    int done = sort_out(r, env, &dropped, &odd);
    const char *gocache = pinned ? r->target->gocache : NULL;
    if (done == 0 && dropped.len)
        done = plan_note(r,
                         "env: %s dropped: the Go machine has its own%s%s%s. What it needs belongs into go.env of the "
                         "target.",
                         dropped.data,
                         pinned ? ", and GOCACHE and GOMODCACHE are pinned by delvegate's configuration" : "",
                         gocache ? ", GOCACHE to " : "", gocache ? gocache : "");
    if (done == 0 && odd.len)
        done = plan_note(r, "env: %s dropped: the shell on the Go machine cannot export such names.", odd.data);
    buf_free(&dropped);
    buf_free(&odd);
    return done;
}
