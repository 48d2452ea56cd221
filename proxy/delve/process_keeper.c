/* A Delve's supervisor: tools and versions, build output and log, exits, and what is left when the link is lost. */
#include "proxy/delve/process_private.h"

#include <stdio.h>
#include <string.h>

#include "proxy/base/log.h"

static void keep_tail(struct buf *tail, const char *line)
{
    size_t len = strlen(line) + 1;
    if (len > PROCESS_TAIL_MAX)
        return;
    if (tail->len + len > PROCESS_TAIL_MAX)
        buf_consume(tail, tail->len / 2 > len ? tail->len / 2 : tail->len);
    buf_printf(tail, "%s\n", line);
}

static bool checks_go_version(const struct delve_plan *plan)
{
    for (size_t i = 0; i < plan->flags.count; i++)
        if (strcmp(plan->flags.list[i], "--check-go-version=false") == 0)
            return false;
    return true;
}

static enum delve_use use_of(const struct delve_plan *plan)
{
    return plan->mode == DELVE_ATTACH ? DELVE_USE_ATTACH
           : plan->mode == DELVE_EXEC ? DELVE_USE_BINARY
                                      : DELVE_USE_BUILD;
}

static void on_keeper_facts(void *arg, const struct delve_facts *facts)
{
    struct supervised *p = arg;
    const struct delve_check check = {
        .facts = facts,
        .target = p->context.target->name,
        .where = process_where(p),
        .gocache_is_configured = p->context.target->gocache != NULL,
        .gomodcache_is_configured = p->context.target->gomodcache != NULL,
        .checks_go_version = checks_go_version(p->order.plan),
        .use = use_of(p->order.plan),
        .env = p->order.plan->env,
        .env_count = p->order.plan->env_count,
    };
    p->facts = facts;
    if (delve_check(&check, &p->findings) < 0)
        log_error(p->context.subject, "out of memory while inspecting the Go environment");
}

/* A launch is tried all the same: it may need nothing of what is wrong, and a remedy may help. */
static void report_findings(struct supervised *p)
{
    char text[ERR_TEXT_MAX];
    for (size_t i = 0; i < p->findings.count; i++) {
        const struct delve_finding *f = &p->findings.list[i];
        bool is_warning = f->severity == DELVE_WARNING;
        (void)snprintf(text, sizeof text, "%s: %s", is_warning ? "warning" : "error", f->text);
        process_say(p, is_warning ? "console" : "important", text);
    }
}

void process_add_findings(const struct supervised *p, struct err *why)
{
    for (size_t i = 0; i < p->findings.count && p->findings.list[i].severity != DELVE_WARNING; i++) {
        struct err before = *why;
        if (!strstr(before.text, p->findings.list[i].text))
            err_set(why, "%s\n%s", before.text, p->findings.list[i].text);
    }
}

static void on_keeper_ready(void *arg, const struct keeper_tools *tools)
{
    struct supervised *p = arg;
    struct delve_version dlv, go;
    struct err why;
    char text[ERR_TEXT_MAX];
    if (p->state >= PROCESS_FAILED)
        return;
    (void)snprintf(text, sizeof text, "Delve %s (%s), %s (%s) on %s", tools->dlv_version, tools->dlv, tools->go_version,
                   tools->go, process_where(p));
    log_info(p->context.subject, "%s; GOCACHE %s, GOMODCACHE %s", text, tools->gocache, tools->gomodcache);
    /* A version that can't be read is a development build: Delve judges it itself. */
    if (delve_version_parse(tools->dlv_version, &dlv) == 0 && delve_version_parse(tools->go_version, &go) == 0 &&
        delve_version_check(dlv, go, checks_go_version(p->order.plan), &why) < 0) {
        err_prefix(&why, "%s: ", process_where(p));
        process_fail(p, &why);
        return;
    }
    report_findings(p);
    if (p->state == PROCESS_STARTING)
        process_launch(p, "the supervisor is ready");
    else if (p->state == PROCESS_BUILDING)
        process_report_building(p);
}

static void on_keeper_note(void *arg, const char *text)
{
    process_say(arg, "console", text);
}

static void on_path_error(void *arg, enum delve_path_error kind, const char *path)
{
    struct supervised *p = arg;
    if (p->state == PROCESS_INSPECTING)
        return; /* it is done without */
    const struct delve_path_error_at at = {
        .where = process_where(p), .target = p->context.target->name, .is_local = p->context.machine->is_local};
    delve_path_error_explain(p->order.plan, kind, path, &at, &p->path_error);
}

static void on_fact(void *arg, const char *name, const char *text)
{
    struct supervised *p = arg;
    if (p->state == PROCESS_MENDING && strcmp(name, "mended") == 0 && strcmp(text, "gocache") == 0)
        p->needs_gocache = true;
    if (p->state == PROCESS_INSPECTING && delve_facts_add(&p->build_facts, name, text) < 0)
        process_fail_memory(p);
}

static void on_log(void *arg, const char *line)
{
    struct supervised *p = arg;
    struct delve_log_event event = delve_log_read(line);
    struct delve_diagnosis found;
    keep_tail(&p->log_tail, line);
    log_debug(p->context.subject, "dlv: %s", line);
    if (p->order.plan->show_log)
        process_say(p, "console", line);
    if (event.kind == DELVE_LOG_LISTENING && p->state == PROCESS_BUILDING) {
        process_built(p, event.port);
    } else if (delve_diagnose_log(&found, line)) {
        process_logged(p, &found);
    }
}

static void on_flight_started(void *arg, const struct keeper_flight *flight)
{
    struct supervised *p = arg;
    if (p->state == PROCESS_BUILDING) /* the line in its log comes later */
        process_built(p, flight->port);
    if (p->order.plan->mode == DELVE_ATTACH && flight->count > PROCESS_FLIGHT_OWN) {
        p->may_trap = true;
        p->served_pid = p->order.plan->pid;
    }
    if (p->state == PROCESS_LISTENING)
        p->base.handler->flight_started(p->base.arg, flight, p->same_process);
    else if (flight->channel)
        channel_close(flight->channel);
}

/* Progress is shown as it comes. The rest waits until it is known whether a report stands for it. */
static bool is_progress(const char *line)
{
    static const char *const begins[] = {"go: downloading ", "go: finding ", "go: extracting "};
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (strncmp(line, begins[i], strlen(begins[i])) == 0)
            return true;
    return false;
}

void process_show_withheld(struct supervised *p)
{
    if (p->withheld.len > 1) {
        p->withheld.data[p->withheld.len - 1] = '\0'; /* the newline: it is put back */
        process_say(p, "console", p->withheld.data);
    }
    buf_clear(&p->withheld);
}

static void withhold(struct supervised *p, const char *line)
{
    if (p->withheld.len + strlen(line) >= PROCESS_TAIL_MAX) {
        p->is_long = true;
        process_show_withheld(p);
    }
    buf_printf(&p->withheld, "%s\n", line);
    if (p->withheld.failed)
        process_fail_memory(p);
}

static void on_build_output(void *arg, const char *line)
{
    struct supervised *p = arg;
    if (p->state == PROCESS_INSPECTING) {
        log_debug(p->context.subject, "inspection: %s", line);
        return;
    }
    keep_tail(&p->build_tail, line);
    if (p->state == PROCESS_MENDING || p->state == PROCESS_CHECKING)
        log_debug(p->context.subject, "remedy: %s", line);
    else if (p->state == PROCESS_BUILDING && !is_progress(line))
        withhold(p, line);
    else
        process_say(p, "console", line);
}

static void on_output(void *arg, enum channel_source source, const char *data, size_t len)
{
    struct supervised *p = arg;
    p->base.handler->output(p->base.arg, source, data, len);
}

static void on_output_ended(void *arg)
{
    process_output_over(arg);
}

static void on_keeper_exited(void *arg, int status)
{
    process_run_ended(arg, status);
}

static void on_keeper_ended(void *arg)
{
    struct supervised *p = arg;
    struct err why;
    process_forget_keeper(p, false);
    if (p->state == PROCESS_ENDING) {
        process_over(p, "everything has ended");
        return;
    }
    err_set(&why, "the supervisor on %s ended the session because its lease expired; start the session again",
            process_where(p));
    process_fail(p, &why);
}

void process_forget_keeper(struct supervised *p, bool link_lost)
{
    keeper_free(p->keeper, link_lost);
    p->keeper = NULL;
    p->facts = NULL;
}

static void on_keeper_failed(void *arg, const struct err *why)
{
    struct supervised *p = arg;
    struct err copy = *why;
    if (!keeper_is_ready(p->keeper))
        process_add_findings(p, &copy);
    process_forget_keeper(p, false);
    if (p->state == PROCESS_ENDING)
        process_over(p, copy.text);
    else
        process_fail(p, &copy);
}

const struct keeper_handler process_keeper_events = {
    .facts = on_keeper_facts,
    .ready = on_keeper_ready,
    .note = on_keeper_note,
    .path_error = on_path_error,
    .fact = on_fact,
    .log = on_log,
    .build_output = on_build_output,
    .output = on_output,
    .output_ended = on_output_ended,
    .flight_started = on_flight_started,
    .exited = on_keeper_exited,
    .ended = on_keeper_ended,
    .failed = on_keeper_failed,
};
