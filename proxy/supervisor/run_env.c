/* The environment of what is run; in the child. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/supervisor/run_private.h"

enum { ENV_FIRST = 64 };

struct env {
    char **list; /* NULL-terminated; its values are borrowed, or never freed: an exec follows */
    size_t count, room;
    int notes;
    bool failed;
};

static size_t name_length(const char *pair)
{
    return strcspn(pair, "=");
}

static bool has_name(const char *pair, const char *name, size_t n)
{
    return *pair == *name && strncmp(pair, name, n) == 0 && pair[n] == '=';
}

static void env_add(struct env *e, char *pair)
{
    if (e->count + 1 >= e->room) {
        size_t room = e->room ? e->room * 2 : ENV_FIRST;
        char **list = realloc(e->list, room * sizeof *list);
        if (!list) {
            e->failed = true;
            return;
        }
        e->list = list;
        e->room = room;
    }
    e->list[e->count++] = pair;
    e->list[e->count] = NULL;
}

/* Takes it away as often as it is there. */
static void env_unset(struct env *e, const char *name, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < e->count; i++)
        if (!has_name(e->list[i], name, n))
            e->list[kept++] = e->list[i];
    e->count = kept;
    if (e->list)
        e->list[kept] = NULL;
}

static void env_set(struct env *e, char *pair)
{
    env_unset(e, pair, name_length(pair));
    env_add(e, pair);
}

static void env_set_value(struct env *e, const char *name, const char *value)
{
    char *pair = NULL;
    if (asprintf(&pair, "%s=%s", name, value) < 0)
        e->failed = true;
    else
        env_set(e, pair);
}

/* NAME=VALUE of an order. */
static void env_give(struct env *e, const struct order_field *field)
{
    size_t n = name_length(field->value);
    if (n > 0 && n < field->len && strlen(field->value) == field->len) {
        env_set(e, (char *)(uintptr_t)field->value);
        return;
    }
    char *text = NULL;
    if (asprintf(&text, "environment variable %.*s cannot be set on the Go machine and is ignored", (int)n,
                 field->value) < 0)
        e->failed = true;
    else
        worker_say(e->notes, ORDER_NOTE, NULL, text);
    free(text);
}

/* What belongs to the supervisor's own start, and what would lead go elsewhere. */
static bool is_foreign(const char *pair)
{
    static const char *const names[] = {"GOROOT=", "GOBIN=", "GOTOOLDIR=", "NOTIFY_SOCKET=", "WATCHDOG_", "LISTEN_"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strncmp(pair, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

static void env_order(struct env *e, const struct order *o, enum order_key set, enum order_key unset)
{
    struct order_field field;
    for (size_t at = 0; order_next(o, &at, &field);) {
        if (field.key == set)
            env_give(e, &field);
        else if (field.key == unset)
            env_unset(e, field.value, strlen(field.value));
    }
}

const char *run_getenv(char *const *env, const char *name)
{
    size_t n = strlen(name);
    for (; env && *env; env++)
        if (has_name(*env, name, n))
            return *env + n + 1;
    return NULL;
}

static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

bool run_which(const char *name, const char *dirs, char *path)
{
    for (const char *end; dirs && *dirs; dirs = *end ? end + 1 : end) {
        end = dirs + strcspn(dirs, ":");
        int n = snprintf(path, SUPERVISOR_PATH_MAX, "%.*s/%s", (int)(end - dirs), dirs, name);
        if (*dirs == '/' && n > 0 && n < SUPERVISOR_PATH_MAX && is_program(path))
            return true;
    }
    return false;
}

/* What runs `go` gets the one that was found for the session. */
static void env_path(struct env *e, const char *go)
{
    char found[SUPERVISOR_PATH_MAX], *pair = NULL;
    const char *path = run_getenv(e->list, "PATH");
    const char *slash = strrchr(go, '/');
    if (!slash || (run_which("go", path, found) && strcmp(found, go) == 0))
        return;
    int n = slash == go ? 1 : (int)(slash - go);
    if (asprintf(&pair, "PATH=%.*s%s%s", n, go, path && *path ? ":" : "", path ? path : "") < 0)
        e->failed = true;
    else
        env_set(e, pair);
}

/* The last word: no launch.json changes them. */
static void env_pins(struct env *e, const struct run *r, const struct order *o)
{
    const struct session_tools *tools = session_tools(r->session);
    const char *gocache = order_get(o, ORDER_GOCACHE), *gomodcache = order_get(o, ORDER_GOMODCACHE);
    char tmp[SUPERVISOR_PATH_MAX];
    if (run_session_path(r, tmp, "tmp") < 0)
        e->failed = true;
    else
        env_set_value(e, "GOTMPDIR", tmp);
    env_set_value(e, "GOCACHE", gocache ? gocache : tools->gocache);
    env_set_value(e, "GOMODCACHE", gomodcache ? gomodcache : tools->gomodcache);
    env_path(e, tools->go);
}

char **run_environment(const struct run *r, const struct order *o, int notes)
{
    struct env e = {.notes = notes};
    const char *cwd = order_get(o, ORDER_CWD);
    for (char *const *pair = session_environ(r->session); pair && *pair; pair++)
        if (!is_foreign(*pair))
            env_add(&e, *pair);
    /* Go takes the names of source files from it where the directory is reached by a symbolic link. */
    if (cwd && *cwd == '/')
        env_set_value(&e, "PWD", cwd);
    else
        env_unset(&e, "PWD", sizeof "PWD" - 1);
    env_order(&e, session_order(r->session), ORDER_GOENV, 0);
    env_order(&e, o, ORDER_ENV, ORDER_UNSET);
    env_pins(&e, r, o);
    if (!e.failed)
        return e.list;
    free(e.list);
    return NULL;
}
