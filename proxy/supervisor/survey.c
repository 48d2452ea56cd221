#include "proxy/supervisor/survey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/supervisor/survey_parts.h"
#include "proxy/supervisor/worker.h"

enum { FACT_NAME_MAX = 128, OUTPUT_MAX = 1024 * 1024, SECOND = 1000 };

/* --- small things --- */

const char *survey_env(const struct look *l, const char *name)
{
    size_t len = strlen(name);
    for (char *const *at = l->s->env; *at; at++)
        if (strncmp(*at, name, len) == 0 && (*at)[len] == '=')
            return *at + len + 1;
    return "";
}

const char *survey_given(const struct look *l, enum order_key key)
{
    const char *value = order_get(l->s->session, key);
    return value ? value : "";
}

const char *survey_home(const struct look *l, const char *otherwise)
{
    const char *home = survey_env(l, "HOME");
    return *home ? home : otherwise;
}

void survey_fact(const struct look *l, const char *name, const char *text)
{
    worker_say(l->out, ORDER_FACT, name, text);
}

void survey_fact_of(const struct look *l, const char *a, const char *b, const char *c, const char *text)
{
    char name[FACT_NAME_MAX];
    (void)snprintf(name, sizeof name, "%s.%s%s%s", a, b, c ? "." : "", c ? c : "");
    survey_fact(l, name, text);
}

char *survey_text(const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    return n < 0 ? NULL : text;
}

char *survey_read(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return NULL;
    size_t len = 0, cap = 0;
    char *text = NULL;
    ssize_t n = 0;
    do {
        if (len == cap) {
            cap = cap ? 2 * cap : BUFSIZ;
            char *more = realloc(text, cap + 1);
            if (!more)
                break;
            text = more;
        }
        n = read(fd, text + len, cap - len);
        len += n > 0 ? (size_t)n : 0;
    } while (len < SURVEY_FILE_MAX && (n > 0 || (n < 0 && errno == EINTR)));
    close(fd);
    if (text)
        text[len] = '\0';
    return text;
}

/* --- the environment of go and dlv: nothing of the shell's but what names the user and directories --- */

static void give(struct look *l, char *pair)
{
    size_t name = pair ? strcspn(pair, "=") + 1 : 0;
    if (!pair || l->clean_count + 1 >= SURVEY_ENV_MAX) {
        free(pair);
        return;
    }
    for (size_t i = 0; i < l->clean_count; i++)
        if (l->clean[i] && strncmp(l->clean[i], pair, name) == 0) {
            free(l->clean[i]);
            l->clean[i] = pair;
            return;
        }
    l->clean[l->clean_count++] = pair;
}

static void give_variable(struct look *l, const char *name, bool always)
{
    const char *value = survey_env(l, name);
    if (always || *value)
        give(l, survey_text("%s=%s", name, value));
}

static int make_clean(struct look *l)
{
    struct order_field f;
    size_t at = 0;
    l->clean = calloc(SURVEY_ENV_MAX, sizeof *l->clean);
    if (!l->clean)
        return -1;
    give(l, survey_text("HOME=%s", survey_home(l, "/")));
    give_variable(l, "USER", true);
    give_variable(l, "LOGNAME", true);
    if (l->go)
        give(l, survey_text("PATH=%.*s:%s", (int)(strrchr(l->go, '/') ? strrchr(l->go, '/') - l->go : 0), l->go,
                            survey_env(l, "PATH")));
    else
        give_variable(l, "PATH", true);
    give_variable(l, "XDG_CACHE_HOME", false);
    give_variable(l, "XDG_CONFIG_HOME", false);
    while (order_next(l->s->session, &at, &f))
        if (f.key == ORDER_GOENV && strchr(f.value, '='))
            give(l, strdup(f.value));
    return 0;
}

/* --- what go and dlv say --- */

enum { RUN_GO, RUN_DLV, RUN_ENV, RUNS };

/* Text without the line breaks at its end. */
static char *trimmed(const char *text, size_t len)
{
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    return strndup(text ? text : "", len);
}

/* What a failed program printed, or what became of it. */
static char *output_of(const struct survey_run *r, long limit_ms)
{
    struct buf all;
    buf_init(&all, OUTPUT_MAX);
    if (r->is_late)
        buf_printf(&all, "it did not finish within %ld s%s", limit_ms / SECOND,
                   r->out.len + r->err.len > 0 ? ": " : "");
    buf_append(&all, r->out.data, r->out.len);
    buf_append(&all, r->err.data, r->err.len);
    if (all.len == 0)
        buf_printf(&all, "exit status %d", r->status);
    char *text = trimmed(all.data, all.len);
    buf_free(&all);
    return text;
}

/* A line that begins so, of all that was printed; "" when there is none. */
static char *line_of(const struct survey_run *r, const char *begin)
{
    const char *line = r->out.data;
    while (line && *line) {
        size_t len = strcspn(line, "\n");
        if (strncmp(line, begin, strlen(begin)) == 0)
            return trimmed(line, len);
        line += len + (line[len] == '\n');
    }
    return strdup("");
}

/* The next of the lines that go env prints; NULL when it is empty. */
static char *next_line(const char **at)
{
    size_t len = strcspn(*at, "\n");
    char *line = len ? trimmed(*at, len) : NULL;
    *at += len + ((*at)[len] == '\n');
    return line;
}

static void take_goenv(struct look *l, const struct survey_run *r)
{
    const char *at = r->out.data ? r->out.data : "";
    l->env_gocache = next_line(&at);
    l->env_gomodcache = next_line(&at);
    l->goroot = next_line(&at);
    l->gotoolchain = next_line(&at);
}

/* In a session what fails ends it; alone it is a fact. Returns -1 when it ends. */
static int tool_failed(const struct look *l, const struct survey_run *r, const char *fact, const char *tool,
                       const char *what, const char *advice)
{
    char *output = output_of(r, l->tool_ms);
    char *text = survey_text("%s %s failed on the Go machine: %s%s", tool, what, output ? output : "?", advice);
    if (l->is_alone)
        survey_fact_of(l, fact, "failed", NULL, output ? output : "?");
    else
        worker_say(l->out, ORDER_ERROR, "tool", text ? text : "out of memory");
    free(text);
    free(output);
    return l->is_alone ? 0 : -1;
}

/* Returns -1 when the session is over by it. */
static int take_answers(struct look *l, struct survey_run *runs, const bool *is_run)
{
    if (is_run[RUN_GO] && runs[RUN_GO].status == 0)
        l->go_version = trimmed(runs[RUN_GO].out.data, runs[RUN_GO].out.len);
    else if (is_run[RUN_GO] && tool_failed(l, &runs[RUN_GO], "goVersion", l->go, "version", "; correct go.path") < 0)
        return -1;
    if (is_run[RUN_DLV] && runs[RUN_DLV].status == 0)
        l->dlv_version = line_of(&runs[RUN_DLV], "Version:");
    else if (is_run[RUN_DLV] &&
             tool_failed(l, &runs[RUN_DLV], "dlvVersion", l->dlv, "version", "; correct delve.path") < 0)
        return -1;
    if (is_run[RUN_ENV] && runs[RUN_ENV].status == 0)
        take_goenv(l, &runs[RUN_ENV]);
    else if (is_run[RUN_ENV] && tool_failed(l, &runs[RUN_ENV], "goenv", l->go, "env", "") < 0)
        return -1;
    return 0;
}

/* Asks them all at the same time: this is a part of every F5. */
static int ask_tools(struct look *l, bool needs_goenv)
{
    char *go_version[] = {l->go, "version", NULL};
    char *dlv_version[] = {l->dlv, "version", NULL};
    char *go_env[] = {l->go, "env", "GOCACHE", "GOMODCACHE", "GOROOT", "GOTOOLCHAIN", NULL};
    char *const *const argvs[RUNS] = {go_version, dlv_version, go_env};
    const bool is_run[RUNS] = {l->go != NULL, l->dlv != NULL, l->go != NULL && needs_goenv};
    struct survey_run runs[RUNS] = {0}, started[RUNS] = {0};
    size_t count = 0;
    for (int i = 0; i < RUNS; i++)
        if (is_run[i])
            started[count++].argv = argvs[i];
    survey_run_all(started, count, l->clean, l->s->dir, l->tool_ms);
    count = 0;
    for (int i = 0; i < RUNS; i++)
        if (is_run[i])
            runs[i] = started[count++];
    int r = take_answers(l, runs, is_run);
    survey_run_free(runs, RUNS);
    return r;
}

/* --- the whole --- */

static char *find(struct look *l, const char *name, enum order_key key, const char *option)
{
    char *why = NULL;
    char *found = survey_find(l, name, survey_given(l, key), option, &why);
    if (!found && l->is_alone)
        survey_fact_of(l, name, "missing", NULL, why ? why : "out of memory");
    else if (!found)
        worker_say(l->out, ORDER_ERROR, "notfound", why ? why : "out of memory");
    free(why);
    return found;
}

static void report_tool(const struct look *l, const char *name, const char *text)
{
    if (text)
        worker_say(l->out, ORDER_TOOL, name, text);
}

static char *chosen(const char *configured, const char *of_go)
{
    return *configured ? strdup(configured) : of_go ? strdup(of_go) : NULL;
}

static void report_tools(struct look *l)
{
    report_tool(l, "go", l->go);
    report_tool(l, "goVersion", l->go_version);
    report_tool(l, "dlv", l->dlv);
    report_tool(l, "dlvVersion", l->dlv_version);
    report_tool(l, "GOCACHE", l->gocache);
    report_tool(l, "GOMODCACHE", l->gomodcache);
    report_tool(l, "home", survey_home(l, "/"));
    if (l->has_facts && l->goroot)
        survey_fact(l, "GOROOT", l->goroot);
    if (l->has_facts && l->gotoolchain)
        survey_fact(l, "GOTOOLCHAIN", l->gotoolchain);
}

/* A session needs absolute paths of both. */
static int check_cache_path(const struct look *l, const char *name, const char *value)
{
    if (value && value[0] == '/')
        return 0;
    char *text = survey_text("%s is '%s', not an absolute path; set go.%s", name, value ? value : "", name);
    worker_say(l->out, ORDER_ERROR, "tool", text ? text : "out of memory");
    free(text);
    return -1;
}

static int look_for_tools(struct look *l)
{
    bool needs_goenv = l->is_alone || !*survey_given(l, ORDER_GOCACHE) || !*survey_given(l, ORDER_GOMODCACHE);
    survey_recall_login(l);
    l->go = find(l, "go", ORDER_GO, "go.path");
    if (!l->go && !l->is_alone)
        return -1;
    if (!order_get(l->s->session, ORDER_NO_DELVE)) {
        l->dlv = find(l, "dlv", ORDER_DLV, "delve.path");
        if (!l->dlv && !l->is_alone)
            return -1;
    }
    if (make_clean(l) < 0) {
        worker_say(l->out, ORDER_ERROR, "tool", "out of memory on the Go machine");
        return -1;
    }
    if (!survey_recall(l, needs_goenv)) {
        if (ask_tools(l, needs_goenv) < 0)
            return -1;
        survey_keep(l);
    }
    l->gocache = chosen(survey_given(l, ORDER_GOCACHE), l->env_gocache);
    l->gomodcache = chosen(survey_given(l, ORDER_GOMODCACHE), l->env_gomodcache);
    return 0;
}

int survey_look(struct look *l)
{
    l->is_alone = order_get(l->s->session, ORDER_ALONE) != NULL;
    l->has_facts = l->is_alone || order_get(l->s->session, ORDER_EXAMINE) != NULL;
    if (l->has_facts)
        survey_machine(l);
    if (look_for_tools(l) < 0)
        return 1;
    report_tools(l);
    if (!l->is_alone &&
        (check_cache_path(l, "GOCACHE", l->gocache) < 0 || check_cache_path(l, "GOMODCACHE", l->gomodcache) < 0))
        return 1;
    if (l->has_facts)
        survey_caches(l);
    if (l->is_alone)
        survey_trace(l);
    return 0;
}

void survey_look_free(struct look *l)
{
    char *const texts[] = {l->go,         l->dlv,         l->login_path,     l->go_version, l->dlv_version, l->gocache,
                           l->gomodcache, l->env_gocache, l->env_gomodcache, l->goroot,     l->gotoolchain};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    for (size_t i = 0; i < l->clean_count; i++)
        free(l->clean[i]);
    free(l->clean);
}

int survey_work(void *survey, int out)
{
    struct look l = {.s = survey,
                     .out = out,
                     .tool_ms = SURVEY_TOOL_LIMIT,
                     .login_ms = SURVEY_LOGIN_LIMIT,
                     .trace_ms = SURVEY_TRACE_LIMIT};
    /* What a login shell leaves behind would hold it open. */
    (void)fcntl(out, F_SETFD, FD_CLOEXEC);
    int r = survey_look(&l);
    survey_look_free(&l);
    return r;
}
