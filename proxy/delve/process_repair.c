/* Why a build has failed, and what is done about it: its diagnosis, remedies for a broken module graph, and the story
 * of both. */
#include "proxy/delve/process_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "delve/blame.h"
#include "proxy/base/log.h"

enum {
    TEXT_MAX = 256 * 1024 /* bytes of the text of a failed start */
};

/* --- texts --- */

void process_explain(struct supervised *p, int status, struct err *why)
{
    struct buf text;
    if (p->path_error.text[0]) {
        *why = p->path_error;
        return;
    }
    buf_init(&text, TEXT_MAX);
    struct delve_known known = {.machine = p->facts, .facts = &p->build_facts, .plan = p->order.plan};
    if (delve_log_explain_on(&text, p->build_tail.data, p->log_tail.data, status, &known) < 0 || text.len == 0)
        err_set(why, "Delve ended on %s (exit status %d) without a message", process_where(p), status);
    else
        err_set(why, "%s", text.data);
    buf_free(&text);
}

/* What is to be done: message, or the cause's own. */
static void fail_with_cause(struct supervised *p, const char *message)
{
    const struct delve_diagnosis *cause = delve_recovery_cause(p->recovery);
    struct buf text;
    struct err why;
    struct delve_repair none = {.machine = p->facts};
    buf_init(&text, TEXT_MAX);
    delve_recovery_report_cause(cause, &text);
    buf_puts(&text, "\n");
    if (message)
        buf_puts(&text, message);
    else
        delve_recovery_report_fix(cause, &none, &text);
    if (text.failed)
        err_set(&why, "out of memory");
    else
        err_set(&why, "%s", text.data);
    buf_free(&text);
    if (p->step_next.exhausted)
        err_prefix(&why, "not repaired after %ld attempts: ", p->context.target->recover.attempts);
    process_launch_failed(p, &why);
}

static void give_up(struct supervised *p)
{
    fail_with_cause(p, NULL);
}

static bool is_same_cause(const struct delve_diagnosis *a, const struct delve_diagnosis *b)
{
    return a->signature == b->signature && strcmp(a->module, b->module) == 0 && strcmp(a->version, b->version) == 0;
}

/* The first line of the story; once for a cause. */
static void report_cause(struct supervised *p)
{
    const struct delve_diagnosis *cause = delve_recovery_cause(p->recovery);
    struct buf text;
    if (is_same_cause(cause, &p->reported))
        return;
    p->reported = *cause;
    buf_init(&text, TEXT_MAX);
    delve_recovery_report_cause(cause, &text);
    if (!text.failed)
        process_say(p, "important", text.data);
    buf_free(&text);
}

/* --- what comes next --- */

void process_act(struct supervised *p, struct delve_step step)
{
    struct err text;
    p->step_next = step;
    if (step.action == DELVE_ACTION_GIVE_UP) {
        give_up(p);
        return;
    }
    if (p->reported.signature && step.wait_ms) {
        err_set(&text, "trying again in %" PRIu64 " ms", step.wait_ms);
        process_say(p, "console", text.text);
    }
    process_set_state(p, PROCESS_WAITING, step.action == DELVE_ACTION_REMEDY ? "a remedy" : "restarting Delve");
    timer_start(p->step, step.wait_ms, 0);
}

static void run_remedy(struct supervised *p)
{
    const struct delve_diagnosis *cause = delve_recovery_cause(p->recovery);
    struct keeper_run r = {
        .kind = KEEPER_REMEDY,
        .remedy = p->step_next.remedy,
        .edits = p->context.target->recover.mod_files == CONFIG_MOD_FILES_EDIT,
        .module = cause->module,
        .version = cause->version,
    };
    p->needs_gocache = false;
    process_run(p, &r, PROCESS_MENDING, delve_remedy_text(r.remedy));
    if (p->state == PROCESS_MENDING)
        process_working(p, "%s on %s", delve_remedy_text(r.remedy), process_where(p));
}

void process_wait_over(struct supervised *p)
{
    if (p->step_next.action == DELVE_ACTION_REMEDY)
        run_remedy(p);
    else
        process_start_dlv(p, "restarting Delve");
}

/* --- the build --- */

void process_diagnose(struct supervised *p, bool listened)
{
    struct delve_blame_of of = {.plan = p->order.plan, .facts = &p->build_facts, .machine = p->facts};
    struct delve_diagnosis found = {0};
    struct err why;
    /* What launch.json itself is to blame for, no remedy helps. */
    if (!listened && !p->path_error.text[0] && !delve_blame(&of, p->build_tail.data, NULL) &&
        !delve_diagnose_build_with(&found, p->build_tail.data, &p->build_facts))
        found = p->logged;
    p->logged.signature = NULL;
    if (!found.signature) {
        process_explain(p, p->build_status, &why);
        process_launch_failed(p, &why);
        return;
    }
    struct delve_step step = delve_recovery_failed(p->recovery, &found, timer_now(p->context.loop));
    if (step.action != DELVE_ACTION_GIVE_UP) {
        log_info(p->context.subject, "%s: %s", found.signature->name, found.message);
        report_cause(p);
    }
    process_act(p, step);
}

/* What the machine knows of the failure; what the build has said stays as it is. */
static void inspect(struct supervised *p)
{
    struct delve_diagnosis found = {0};
    (void)delve_diagnose_build(&found, p->build_tail.data);
    struct keeper_run r = {
        .kind = KEEPER_INSPECT,
        .plan = p->order.plan,
        .overrides = &p->overrides,
        .module = found.module,
        .version = found.version,
        .file = found.file,
    };
    p->output_over = true;
    process_set_state(p, PROCESS_INSPECTING, "the build has failed");
    if (keeper_run(p->keeper, &r) < 0)
        process_fail_memory(p);
    else
        process_working(p, "looking on %s for the cause of the failed build", process_where(p));
}

void process_start_failed(struct supervised *p, int status)
{
    struct err why;
    bool listened = p->state == PROCESS_LISTENING;
    if (status > PROCESS_SIGNAL_STATUS) {
        err_set(&why, "Delve on %s was killed by signal %d before it was ready", process_where(p),
                status - PROCESS_SIGNAL_STATUS);
        process_lost(p, &why, false);
        return;
    }
    p->may_trap = false; /* it has detached, or never attached */
    if (listened) {
        /* It listens before it has the program: what connects to it finds it gone. */
        err_set(&why, "Delve on %s ended before it was attached to", process_where(p));
        p->base.handler->lost(p->base.arg, &why);
        if (p->state != PROCESS_LISTENING)
            return;
    }
    p->build_status = status;
    delve_facts_free(&p->build_facts);
    if (process_builds(p) && !listened && !p->path_error.text[0])
        inspect(p);
    else
        process_diagnose(p, listened);
}

static bool is_of_files(enum delve_remedy remedy)
{
    return remedy == DELVE_REMEDY_DOWNLOAD || remedy == DELVE_REMEDY_TIDY || remedy == DELVE_REMEDY_MOD_MOD;
}

static void report_repair(struct supervised *p)
{
    struct buf text;
    bool is_for_good = p->context.target->recover.mod_files == CONFIG_MOD_FILES_EDIT && is_of_files(p->repaired_by);
    process_show_withheld(p);
    if (p->reported.signature && p->repaired_by == DELVE_REMEDY_NONE)
        process_say(p, "important", "done: a retry succeeded; nothing was changed");
    p->reported.signature = NULL;
    if (p->repaired_by == DELVE_REMEDY_NONE || !p->cause.signature)
        return;
    if (is_for_good) {
        process_say(p, "important", "permanent fix: the module's own files were changed; review and commit them");
        return;
    }
    struct delve_repair repair = {.by = p->repaired_by, .fresh_gocache = p->overrides.gocache, .machine = p->facts};
    buf_init(&text, TEXT_MAX);
    delve_recovery_report_fix(&p->cause, &repair, &text);
    if (!text.failed)
        process_say(p, "important", text.data);
    buf_free(&text);
    p->cause.signature = NULL;
}

void process_built(struct supervised *p, int port)
{
    p->port = port;
    report_repair(p);
    process_set_state(p, PROCESS_LISTENING, "dlv listens");
}

/* --- remedies --- */

static void note_override(struct supervised *p)
{
    enum delve_remedy remedy = p->step_next.remedy;
    bool copies = remedy == DELVE_REMEDY_COPIES, readonly = remedy == DELVE_REMEDY_MOD_READONLY;
    bool of_files = is_of_files(remedy);
    bool on_copies = p->context.target->recover.mod_files == CONFIG_MOD_FILES_SHADOW;
    char text[ERR_TEXT_MAX];
    p->overrides.mod_files = p->overrides.mod_files || copies || (of_files && on_copies);
    p->overrides.mod_mod = p->overrides.mod_mod || remedy == DELVE_REMEDY_MOD_MOD;
    p->overrides.mod_readonly = p->overrides.mod_readonly || readonly;
    p->overrides.work = p->overrides.work || remedy == DELVE_REMEDY_WORK || (readonly && on_copies);
    p->overrides.work_off = p->overrides.work_off || remedy == DELVE_REMEDY_WORK_OFF;
    p->overrides.toolchain = p->overrides.toolchain || remedy == DELVE_REMEDY_TOOLCHAIN;
    p->overrides.gocache = p->overrides.gocache || p->needs_gocache || remedy == DELVE_REMEDY_GOCACHE;
    p->overrides.modcache = p->overrides.modcache || remedy == DELVE_REMEDY_MODCACHE;
    p->repaired_by = p->needs_gocache ? DELVE_REMEDY_GOCACHE : remedy; /* then there is something to do for good */
    p->cause = *delve_recovery_cause(p->recovery);
    p->reported = p->cause; /* a hidden one that replaced it is not reported twice */
    (void)snprintf(text, sizeof text, "done: %s%s; restarting Delve", delve_remedy_text(remedy),
                   !of_files   ? ""
                   : on_copies ? ", in copies of the module files"
                               : ", in the module");
    process_say(p, "important", text);
}

/* The last line that the remedy has printed says what it would have changed. */
static void remedy_refused(struct supervised *p)
{
    struct buf *tail = &p->build_tail;
    while (tail->len && tail->data[tail->len - 1] == '\n')
        tail->data[--tail->len] = '\0';
    const char *line = tail->len ? strrchr(tail->data, '\n') : NULL;
    log_info(p->context.subject, "%s on %s would debug another program", delve_remedy_text(p->step_next.remedy),
             process_where(p));
    p->step_next = (struct delve_step){.action = DELVE_ACTION_GIVE_UP};
    fail_with_cause(p, line ? line + 1 : tail->data);
}

void process_remedy_ended(struct supervised *p, int status)
{
    struct delve_diagnosis own = {0};
    bool repaired = status == KEEPER_REMEDIED;
    if (status == KEEPER_REFUSED) {
        remedy_refused(p);
        return;
    }
    if (repaired) {
        note_override(p);
    } else {
        if (status != KEEPER_UNSUITED)
            (void)delve_diagnose_build_with(&own, p->build_tail.data, &p->build_facts);
        log_info(p->context.subject, "%s on %s did not repair it (status %d)%s%s",
                 delve_remedy_text(p->step_next.remedy), process_where(p), status, own.signature ? ": " : "",
                 own.message);
    }
    process_act(p, delve_recovery_remedied(p->recovery, repaired, &own, timer_now(p->context.loop)));
}

void process_logged(struct supervised *p, const struct delve_diagnosis *found)
{
    struct buf text;
    struct err why;
    bool again = found->signature == p->logged.signature;
    bool always = p->context.target->recover.while_running == CONFIG_WHILE_RUNNING_ALWAYS;
    p->logged = *found;
    if (again || p->state != PROCESS_SERVING)
        return;
    buf_init(&text, TEXT_MAX);
    delve_recovery_report_cause(found, &text);
    buf_puts(&text,
             always ? "\nrestarting Delve (recover.whileRunning is \"always\")" : "\nthe next Restart will repair it");
    if (!text.failed)
        process_say(p, "important", text.data);
    buf_free(&text);
    if (!always)
        return;
    err_set(&why, "Delve's log on %s shows that the module graph is broken", process_where(p));
    p->base.handler->lost(p->base.arg, &why);
    if (p->state == PROCESS_SERVING)
        process_stop(p, PROCESS_NEXT_LAUNCH, false, why.text);
}
