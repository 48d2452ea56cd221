/* What a session does in workers: its directory, its tools. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proxy/supervisor/directory.h"
#include "proxy/supervisor/door.h"
#include "proxy/supervisor/remedy.h"
#include "proxy/supervisor/session_private.h"
#include "proxy/supervisor/survey.h"

enum { TEXT_MAX = SUPERVISOR_PATH_MAX + 256, FAILED = 1 };

/* --- Tools --- */

/* In the worker. What lies there already is of a supervisor that died. */
static int make_dir(const char *dir)
{
    char path[SUPERVISOR_PATH_MAX];
    char parent[SUPERVISOR_PATH_MAX];
    const char *name = strrchr(dir, '/') + 1;
    (void)snprintf(parent, sizeof parent, "%.*s", (int)(name - 1 - dir), dir);
    int r = directory_make(parent, name, path);
    if (r < 0 && errno == EEXIST && remedy_restore(dir) == 0 && directory_remove(dir) == 0)
        r = directory_make(parent, name, path);
    return r;
}

static int look_work(void *arg, int out)
{
    struct session *s = arg;
    struct survey survey = {.session = &s->order, .dir = s->dir, .env = door_environ()};
    if (make_dir(s->dir) == 0)
        return survey_work(&survey, out);
    char text[TEXT_MAX];
    (void)snprintf(text, sizeof text, "the session's directory %s could not be created on the Go machine: %s%s", s->dir,
                   strerror(errno), errno == ENOSPC || errno == EDQUOT ? "; free some space on that disk" : "");
    worker_say(out, ORDER_ERROR, "disk", text);
    return FAILED;
}

static void keep(struct session *s, char **value, const struct order *o)
{
    const char *text = order_get(o, ORDER_TEXT);
    char *copy = strdup(text ? text : "");
    if (!copy) {
        loop_alarm(&s->failure, 0);
        return;
    }
    free(*value);
    *value = copy;
}

static void keep_tool(struct session *s, const struct order *o)
{
    const char *name = order_get(o, ORDER_NAME);
    if (!name)
        return;
    if (strcmp(name, "go") == 0)
        keep(s, &s->tools.go, o);
    else if (strcmp(name, "dlv") == 0)
        keep(s, &s->tools.dlv, o);
    else if (strcmp(name, "GOCACHE") == 0)
        keep(s, &s->tools.gocache, o);
    else if (strcmp(name, "GOMODCACHE") == 0)
        keep(s, &s->tools.gomodcache, o);
}

static void pass_on(struct session *s, const struct order *o)
{
    struct buf record;
    buf_init(&record, ORDER_RECORD_MAX);
    size_t at = order_open(&record, o->kind);
    buf_append(&record, o->fields, o->len);
    order_close(&record, at);
    session_report(s, &record);
    buf_free(&record);
}

static void on_record(void *arg, const struct order *o)
{
    struct session *s = arg;
    if (o->kind == ORDER_TOOL)
        keep_tool(s, o);
    s->has_error |= o->kind == ORDER_ERROR;
    pass_on(s, o);
}

static void on_looked(void *arg, int status)
{
    struct session *s = arg;
    s->worker = NULL;
    if (status && !s->has_error)
        session_say_fmt(
            s, ORDER_ERROR, "start",
            "looking for go and dlv on the Go machine failed: it ended with status %d; start the session again",
            status);
    if (status == 0 && !order_get(&s->order, ORDER_ALONE))
        session_is_ready(s);
    else
        session_erase(s);
}

void session_look(struct session *s)
{
    static const struct worker_handler handler = {.record = on_record, .ended = on_looked};
    s->worker = worker_start(look_work, s, &handler, s);
    if (s->worker)
        return;
    session_say_fmt(s, ORDER_ERROR, "start", "no process could be started on the Go machine: %s", strerror(errno));
    session_erase(s);
}

/* --- The directory --- */

/* In a worker, or where none can be started. What could not be put back must not be removed with the rest. */
static void erase(const char *dir, void (*say)(void *arg, const char *text), void *arg)
{
    char text[TEXT_MAX];
    struct stat st;
    if (lstat(dir, &st) < 0)
        return;
    if (remedy_restore(dir) < 0) {
        (void)snprintf(
            text, sizeof text,
            "files that a remedy had moved aside could not be put back on the Go machine (%s); they are in %s",
            strerror(errno), dir);
        say(arg, text);
    } else if (directory_remove(dir) < 0) {
        (void)snprintf(text, sizeof text, "the run directory %s could not be removed on the Go machine: %s", dir,
                       strerror(errno));
        say(arg, text);
    }
}

static void say_from_worker(void *arg, const char *text)
{
    worker_say(*(int *)arg, ORDER_NOTE, NULL, text);
}

static int erase_work(void *arg, int out)
{
    struct session *s = arg;
    erase(s->dir, say_from_worker, &out);
    return 0;
}

static void say_here(void *arg, const char *text)
{
    session_say(arg, ORDER_NOTE, NULL, text);
}

static void on_note(void *arg, const struct order *o)
{
    pass_on(arg, o);
}

static void on_erased(void *arg, int status)
{
    struct session *s = arg;
    (void)status;
    s->worker = NULL;
    session_over(s);
}

void session_erase(struct session *s)
{
    static const struct worker_handler handler = {.record = on_note, .ended = on_erased};
    worker_free(s->worker);
    session_set_state(s, SESSION_ERASING);
    s->worker = worker_start(erase_work, s, &handler, s);
    if (s->worker)
        return;
    erase(s->dir, say_here, s);
    session_over(s);
}
