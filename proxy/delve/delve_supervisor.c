/* A Delve's supervisor: tools and versions, build output and log, exits, and what is left when the link is lost. */
#include "proxy/delve/delve_private.h"

#include <stdio.h>
#include <string.h>

#include "proxy/base/log.h"
#include "proxy/machine/orphan.h"

enum { SIGNAL_STATUS = 128 /* an exit status above it is a signal's number */ };

static void keep_tail(struct buf *tail, const char *line)
{
    size_t len = strlen(line) + 1;
    if (len > DELVE_TAIL_MAX)
        return;
    if (tail->len + len > DELVE_TAIL_MAX)
        buf_consume(tail, tail->len / 2 > len ? tail->len / 2 : tail->len);
    (void)buf_printf(tail, "%s\n", line);
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
    struct delve *d = arg;
    const struct delve_check check = {
        .facts = facts,
        .target = d->target->name,
        .where = d->transport->where,
        .gocache_is_configured = d->target->gocache != NULL,
        .gomodcache_is_configured = d->target->gomodcache != NULL,
        .checks_go_version = checks_go_version(d->plan),
        .use = use_of(d->plan),
        .env = d->plan->env,
        .env_count = d->plan->env_count,
    };
    d->facts = facts;
    if (delve_check(&check, &d->findings) < 0)
        log_error(d->subject, "out of memory while looking at the Go environment");
}

/* A launch is tried all the same: it may need nothing of what is wrong, and a remedy may help. */
static void tell_findings(struct delve *d)
{
    char text[ERR_TEXT_MAX];
    for (size_t i = 0; i < d->findings.count; i++) {
        const struct delve_finding *f = &d->findings.list[i];
        bool is_warning = f->severity == DELVE_WARNING;
        (void)snprintf(text, sizeof text, "%s: %s", is_warning ? "warning" : "error", f->text);
        delve_say(d, is_warning ? "console" : "important", text);
    }
}

void delve_add_findings(const struct delve *d, struct err *why)
{
    for (size_t i = 0; i < d->findings.count && d->findings.list[i].severity != DELVE_WARNING; i++) {
        struct err before = *why;
        if (!strstr(before.text, d->findings.list[i].text))
            err_set(why, "%s\n%s", before.text, d->findings.list[i].text);
    }
}

static void on_keeper_ready(void *arg, const struct keeper_tools *tools)
{
    struct delve *d = arg;
    struct delve_version dlv, go;
    struct err why;
    char text[ERR_TEXT_MAX];
    if (d->state != DELVE_STARTING)
        return;
    (void)snprintf(text, sizeof text, "Delve %s (%s), %s (%s) on %s", tools->dlv_version, tools->dlv, tools->go_version,
                   tools->go, d->transport->where);
    log_info(d->subject, "%s; GOCACHE %s, GOMODCACHE %s", text, tools->gocache, tools->gomodcache);
    /* A version that can't be read is a development build: Delve judges it itself. */
    if (delve_version_parse(tools->dlv_version, &dlv) == 0 && delve_version_parse(tools->go_version, &go) == 0 &&
        delve_version_check(dlv, go, checks_go_version(d->plan), &why) < 0) {
        err_prefix(&why, "%s: ", d->transport->where);
        delve_fail(d, &why);
        return;
    }
    tell_findings(d);
    delve_launch(d, "the supervisor is ready");
}

static void on_keeper_note(void *arg, const char *text)
{
    delve_say(arg, "console", text);
}

static void on_log(void *arg, const char *line)
{
    struct delve *d = arg;
    struct delve_log_event event = delve_log_read(line);
    struct delve_diagnosis found;
    keep_tail(&d->log_tail, line);
    log_debug(d->subject, "dlv: %s", line);
    if (d->plan->show_log)
        delve_say(d, "console", line);
    if (event.kind == DELVE_LOG_LISTENING && d->state == DELVE_BUILDING) {
        d->port = event.port;
        delve_built(d);
        delve_connect(d, "dlv listens");
    } else if (delve_diagnose_log(&found, line)) {
        delve_logged(d, &found);
    }
}

/* Progress is shown as it comes. The rest waits until it is known whether a story tells it. */
static bool is_progress(const char *line)
{
    static const char *const begins[] = {"go: downloading ", "go: finding ", "go: extracting "};
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (strncmp(line, begins[i], strlen(begins[i])) == 0)
            return true;
    return false;
}

static void on_build_output(void *arg, const char *line)
{
    struct delve *d = arg;
    keep_tail(&d->build_tail, line);
    if (d->state == DELVE_MENDING || d->state == DELVE_CHECKING)
        log_debug(d->subject, "remedy: %s", line);
    else if (d->state == DELVE_BUILDING && !is_progress(line))
        keep_tail(&d->withheld, line);
    else
        delve_say(d, "console", line);
}

static void on_output(void *arg, enum channel_source source, const char *data, size_t len)
{
    struct delve *d = arg;
    d->handler->output(d->arg, source, data, len);
    if (d->state == DELVE_EXITED)
        delve_tell_exit(d); /* begins the quiet time anew */
}

static void on_output_ended(void *arg)
{
    struct delve *d = arg;
    d->output_ended = true;
    if (d->state == DELVE_STOPPING && !d->run_on)
        delve_stopped(d);
    else
        delve_tell_exit(d);
}

static void on_keeper_exited(void *arg, int status)
{
    struct delve *d = arg;
    struct err why;
    bool at_work = d->state == DELVE_CONNECTING || d->state == DELVE_ATTACHED || d->state == DELVE_PROBING;
    d->run_on = false;
    if (!at_work) {
        delve_run_ended(d, status);
    } else if (d->state != DELVE_ATTACHED && !d->attached && !d->same_process) {
        timer_stop(d->step);
        delve_start_failed(d, status);
    } else {
        err_set(&why, "Delve on %s ended unexpectedly (%s %d)", d->transport->where,
                status > SIGNAL_STATUS ? "signal" : "exit status",
                status > SIGNAL_STATUS ? status - SIGNAL_STATUS : status);
        delve_died(d, &why);
    }
}

static void on_keeper_ended(void *arg)
{
    struct delve *d = arg;
    keeper_free(d->keeper, false);
    d->keeper = NULL;
    d->facts = NULL;
    if (d->state == DELVE_REAPING) {
        delve_over(d, "nothing is left");
        return;
    }
    struct err why;
    err_set(&why, "the supervisor on %s ended the session: its lease of %ld s was over", d->transport->where,
            d->target->lease_seconds);
    delve_fail(d, &why);
}

static void leave_orphan(struct delve *d, bool link_lost)
{
    const char *dir = d->keeper ? keeper_dir(d->keeper) : NULL;
    if (dir) /* a run directory is made for a plan */
        orphan_end(d->loop, d->config, d->target, dir, d->plan && d->plan->mode == DELVE_ATTACH);
    keeper_free(d->keeper, link_lost);
    d->keeper = NULL;
    d->facts = NULL;
}

static void on_keeper_failed(void *arg, const struct err *why)
{
    struct delve *d = arg;
    struct err copy = *why;
    if (d->state == DELVE_STARTING)
        delve_add_findings(d, &copy);
    d->run_on = false;
    leave_orphan(d, false);
    if (d->state == DELVE_REAPING)
        delve_over(d, copy.text);
    else if (d->state == DELVE_DISCONNECTING)
        log_warning(d->subject, "%s", copy.text);
    else
        delve_fail(d, &copy);
}

const struct keeper_handler delve_keeper_events = {
    .facts = on_keeper_facts,
    .ready = on_keeper_ready,
    .note = on_keeper_note,
    .log = on_log,
    .build_output = on_build_output,
    .output = on_output,
    .output_ended = on_output_ended,
    .exited = on_keeper_exited,
    .ended = on_keeper_ended,
    .failed = on_keeper_failed,
};

void delve_leave_orphan(struct delve *d)
{
    leave_orphan(d, true);
}
