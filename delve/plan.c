#include "delve/plan.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delve/plan_parts.h"
#include "delve/strings.h"

enum { REMOTE_PORT = 2345, PORT_MAX = 65535, DECIMAL = 10 };

int plan_no_memory(struct plan_reader *r)
{
    return err_set(r->e, "out of memory while reading the arguments of %s", r->is_attach ? "attach" : "launch");
}

int plan_note(struct plan_reader *r, const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (n < 0)
        return plan_no_memory(r);
    int added = delve_note(&r->plan->notes, "%s", text);
    free(text);
    return added < 0 ? plan_no_memory(r) : 0;
}

const char *plan_string(const struct plan_reader *r, const char *name)
{
    const char *s = json_string_value(json_object_get(r->arguments, name));
    return s && *s ? s : NULL;
}

int plan_split(struct plan_reader *r, const char *name, const char *text, struct delve_strings *args)
{
    int done = delve_args_split(args, text, "'\"");
    if (done > 0)
        return err_set(
            r->e, "%s: a quote is not closed in: %s. Close it; a literal quote goes inside a pair of the other kind.",
            name, text);
    return done < 0 ? plan_no_memory(r) : 0;
}

int plan_args(struct plan_reader *r, const char *name, struct delve_strings *args)
{
    const json_t *value = json_object_get(r->arguments, name);
    if (json_is_string(value))
        return plan_split(r, name, json_string_value(value), args);
    for (size_t i = 0; i < json_array_size(value); i++)
        if (delve_strings_add(args, json_string_value(json_array_get(value, i))) < 0)
            return plan_no_memory(r);
    return 0;
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

/* A number that a string holds, and nothing else; -1: it is none, or above max. */
static long number_in(const char *text, long max)
{
    errno = 0;
    long n = strtol(text, NULL, DECIMAL);
    return errno || strspn(text, "0123456789") != strlen(text) || n > max ? -1 : n;
}

/* The port of a Delve of the user's: a number, or digits in a string. */
static int remote_port(struct plan_reader *r, int *out)
{
    const json_t *port = json_object_get(r->arguments, "port");
    const char *text = plan_string(r, "port");
    json_int_t n = json_is_integer(port) ? json_integer_value(port) : text ? number_in(text, PORT_MAX) : REMOTE_PORT;
    if (text && n < 1)
        return err_set(r->e, "port: \"%s\" is not a port. Use a number from 1 to %d.", text, PORT_MAX);
    if (n < 1 || n > PORT_MAX)
        return err_set(r->e, "port: %" JSON_INTEGER_FORMAT " is not a port. Use a number from 1 to %d.", n, PORT_MAX);
    *out = (int)n;
    return 0;
}

/* A launch of the legacy adapter, or an attach whose request was not changed. */
static int launch_remote(struct plan_reader *r)
{
    int port = 0;
    if (remote_port(r, &port) < 0)
        return -1;
    return err_set(
        r->e,
        "mode: \"remote\" in a launch request would only connect to a Delve that is already running, at port %d of the "
        "Go machine. Set \"request\": \"attach\" for that, or let delvegate start Delve: mode debug, test or exec.",
        port);
}

static int launch_mode(struct plan_reader *r)
{
    const char *mode = plan_string(r, "mode");
    const char *program = plan_string(r, "program");
    if (!mode || strcmp(mode, "debug") == 0)
        r->plan->mode = DELVE_DEBUG;
    else if (strcmp(mode, "test") == 0)
        r->plan->mode = DELVE_TEST;
    else if (strcmp(mode, "exec") == 0)
        r->plan->mode = DELVE_EXEC;
    else if (strcmp(mode, "auto") == 0)
        r->plan->mode = program && ends_with(program, "_test.go") ? DELVE_TEST : DELVE_DEBUG;
    else if (strcmp(mode, "replay") == 0 || strcmp(mode, "core") == 0)
        return err_set(r->e,
                       "mode: \"%s\" is not supported by this version of delvegate. Use debug, test or exec, or attach "
                       "to a running process.",
                       mode);
    else if (strcmp(mode, "remote") == 0)
        return launch_remote(r);
    else
        return err_set(r->e, "mode: \"%s\" is not a mode of a launch request. Use debug, test, exec or auto.", mode);
    return 0;
}

/* processId is a number, or digits in a string: VS Code's input variables give strings. */
static int attach_pid(struct plan_reader *r)
{
    const json_t *id = json_object_get(r->arguments, "processId");
    long pid = 0;
    if (json_is_integer(id)) {
        json_int_t n = json_integer_value(id);
        pid = n > INT_MAX || n < 0 ? -1 : (long)n;
    } else if (json_is_string(id) && *json_string_value(id)) {
        const char *s = json_string_value(id);
        pid = number_in(s, INT_MAX);
        if (pid < 0)
            return err_set(r->e,
                           "processId: \"%s\" is not a process id. Give the process's id on the Go machine (run `pgrep "
                           "-a NAME` on that machine).",
                           s);
    }
    if (pid < 0)
        return err_set(r->e, "processId: %" JSON_INTEGER_FORMAT " is not a process id.", json_integer_value(id));
    if (pid == 0)
        return err_set(r->e, "processId is missing. Give the process's id on the Go machine (run `pgrep -a NAME` on "
                             "that machine); this version cannot wait for a process by name.");
    r->plan->pid = pid;
    return 0;
}

static bool is_loopback(const char *host)
{
    return !strcmp(host, "127.0.0.1") || !strcmp(host, "localhost") || !strcmp(host, "::1") || !strcmp(host, "[::1]");
}

static int attach_remote(struct plan_reader *r)
{
    const char *host = plan_string(r, "host");
    if (host && !is_loopback(host))
        return err_set(r->e,
                       "host: \"%s\" is not a loopback address. delvegate reaches Delve only on the target's machine: "
                       "remove host, and choose the target with debugServer.",
                       host);
    return remote_port(r, &r->plan->port);
}

static bool is_launch_mode(const char *mode)
{
    return !strcmp(mode, "debug") || !strcmp(mode, "test") || !strcmp(mode, "exec") || !strcmp(mode, "auto");
}

static int attach_mode(struct plan_reader *r)
{
    const char *mode = plan_string(r, "mode");
    if (!mode || strcmp(mode, "local") == 0) {
        r->plan->mode = DELVE_ATTACH;
        return attach_pid(r);
    }
    if (strcmp(mode, "remote") == 0) {
        r->plan->mode = DELVE_REMOTE;
        return attach_remote(r);
    }
    return err_set(r->e, "mode: \"%s\" is not a mode of an attach request. Use local or remote%s.", mode,
                   is_launch_mode(mode) ? ", or set \"request\": \"launch\"" : "");
}

/* What a mode has no use for. */
static int mode_notes(struct plan_reader *r)
{
    static const struct {
        const char *name;
        unsigned modes; /* bits of enum delve_mode */
        const char *why;
    } useless[] = {
        {"buildFlags", 1U << DELVE_EXEC, "mode exec builds nothing"},
        {"backend", 1U << DELVE_REMOTE, "in mode remote you have started Delve yourself"},
        {"dlvFlags", 1U << DELVE_REMOTE, "in mode remote you have started Delve yourself"},
        {"showLog", 1U << DELVE_REMOTE, "in mode remote you have started Delve yourself"},
        {"processId", 1U << DELVE_REMOTE, "in mode remote Delve already has its process"},
        {"port", 1U << DELVE_ATTACH, "only mode remote connects to a port"},
        {"host", 1U << DELVE_ATTACH, "only mode remote connects to a host"},
    };
    for (size_t i = 0; i < sizeof useless / sizeof useless[0]; i++) {
        const json_t *value = json_object_get(r->arguments, useless[i].name);
        bool empty =
            !value || json_is_null(value) || json_is_false(value) ||
            (json_is_string(value) && json_string_length(value) == 0) ||
            (json_is_array(value) && json_array_size(value) == 0) ||
            (json_is_integer(value) && (json_integer_value(value) == 0 || json_integer_value(value) == REMOTE_PORT)) ||
            (json_is_string(value) && is_loopback(json_string_value(value))) ||
            (json_is_string(value) && number_in(json_string_value(value), REMOTE_PORT) == REMOTE_PORT);
        if (!empty && (useless[i].modes & (1U << r->plan->mode)) &&
            plan_note(r, "%s has no effect: %s.", useless[i].name, useless[i].why) < 0)
            return -1;
    }
    return 0;
}

static int log_settings(struct plan_reader *r)
{
    struct delve_plan *plan = r->plan;
    const char *layers = plan_string(r, "logOutput");
    /* The Go extension always sends its default: the target's own choice must win over that. */
    bool chosen = layers && strcmp(layers, "debugger") != 0;
    if (plan->mode == DELVE_REMOTE)
        return chosen ? plan_note(r, "logOutput has no effect: in mode remote you have started Delve yourself.") : 0;
    plan->show_log = json_is_true(json_object_get(r->arguments, "showLog"));
    if (chosen)
        return plan_log_layers(r, "logOutput", layers);
    return plan_log_layers(r, "delve.logOutput", r->target->log_output ? r->target->log_output : "debugger");
}

static int read_plan(struct plan_reader *r)
{
    if (!json_is_object(r->arguments))
        return err_set(r->e, "%s has no arguments: delvegate needs those of launch.json.",
                       r->is_attach ? "attach" : "launch");
    r->plan->attach = json_object();
    json_t *mode = json_string("remote");
    if (json_object_set_new(r->plan->attach, "mode", mode) < 0)
        return plan_no_memory(r);
    if (plan_attributes(r) < 0 || (r->is_attach ? attach_mode(r) : launch_mode(r)) < 0)
        return -1;
    r->plan->no_debug = json_is_true(json_object_get(r->arguments, "noDebug"));
    if (mode_notes(r) < 0 || log_settings(r) < 0)
        return -1;
    if (r->plan->mode != DELVE_REMOTE && plan_flags(r) < 0)
        return -1;
    if (r->is_attach)
        return 0;
    if (plan_paths(r) < 0 || plan_env(r) < 0 || plan_args(r, "args", &r->plan->args) < 0)
        return -1;
    return 0;
}

struct delve_plan *delve_plan_new(const json_t *arguments, bool is_attach, const struct delve_target *target,
                                  struct err *e)
{
    struct plan_reader r = {
        .arguments = (json_t *)(uintptr_t)arguments, .is_attach = is_attach, .target = target, .e = e};
    r.plan = calloc(1, sizeof *r.plan);
    if (!r.plan) {
        plan_no_memory(&r);
        return NULL;
    }
    if (read_plan(&r) < 0) {
        delve_plan_free(r.plan);
        return NULL;
    }
    return r.plan;
}

void delve_source_free(struct delve_source *from)
{
    free(from->given);
    free(from->rules);
    *from = (struct delve_source){0};
}

void delve_plan_free(struct delve_plan *plan)
{
    if (!plan)
        return;
    free(plan->program);
    free(plan->package);
    free(plan->cwd);
    free(plan->build_dir);
    delve_source_free(&plan->program_from);
    delve_source_free(&plan->cwd_from);
    delve_source_free(&plan->dlv_cwd_from);
    free(plan->log_output);
    delve_strings_free(&plan->flags);
    delve_strings_free(&plan->args);
    delve_strings_free(&plan->strays);
    delve_strings_free(&plan->notes);
    for (size_t i = 0; i < plan->env_count; i++) {
        free(plan->env[i].name);
        free(plan->env[i].value);
    }
    free(plan->env);
    json_decref(plan->attach);
    json_decref(plan->substitute_path);
    free(plan);
}
