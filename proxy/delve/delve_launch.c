/* From the user's launch or Restart to a dlv that listens: steps before it, the build, remedies for a broken module
 * graph, and starting again what has died. */
#include "proxy/delve/delve_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/log.h"

enum {
    TEXT_MAX = 256 * 1024, /* bytes of the text of a failed start */
    SIGNAL_STATUS = 128    /* an exit status above it is a signal's number */
};

static void come_back(struct delve *d);

/* --- runs --- */

static void run(struct delve *d, struct keeper_run *r, enum delve_state state, const char *reason)
{
    r->plan = d->plan;
    r->mended = &d->mended;
    buf_clear(&d->build_tail);
    buf_clear(&d->log_tail);
    buf_clear(&d->withheld);
    d->attached = d->exit_known = d->exit_told = false;
    d->output_ended = r->kind != KEEPER_DLV || d->plan->mode == DELVE_ATTACH;
    d->run_on = true;
    delve_set_state(d, state, reason);
    if (keeper_run(d->keeper, r) < 0)
        delve_fail_memory(d);
}

static void start_dlv(struct delve *d, const char *reason)
{
    struct keeper_run r = {.kind = KEEPER_DLV};
    run(d, &r, DELVE_BUILDING, reason);
}

static void show_withheld(struct delve *d)
{
    if (d->withheld.len > 1) {
        d->withheld.data[d->withheld.len - 1] = '\0'; /* the newline: it is put back */
        delve_say(d, "console", d->withheld.data);
    }
    buf_clear(&d->withheld);
}

/* What can't be started now may be started later, unless the client has seen no program yet. */
static void launch_failed(struct delve *d, const struct err *why)
{
    struct err copy = *why;
    delve_add_findings(d, &copy);
    show_withheld(d);
    if (!d->ever_attached) {
        delve_fail(d, &copy);
        return;
    }
    delve_set_state(d, DELVE_IDLE, copy.text);
    d->handler->idle(d->arg, &copy);
}

/* --- what comes next --- */

static void explain(struct delve *d, int status, struct err *why)
{
    struct buf text;
    buf_init(&text, TEXT_MAX);
    if (delve_log_explain_on(&text, d->build_tail.data, d->log_tail.data, status, d->facts) < 0 || text.len == 0)
        err_set(why, "Delve ended on %s (exit status %d) and said nothing", d->transport->where, status);
    else
        err_set(why, "%s", text.data);
    buf_free(&text);
}

static void give_up(struct delve *d)
{
    const struct delve_diagnosis *cause = delve_recovery_cause(d->recovery);
    struct buf text;
    struct err why;
    buf_init(&text, TEXT_MAX);
    if (delve_recovery_tell_broke(cause, &text) < 0 || buf_puts(&text, "\n") < 0 ||
        delve_recovery_tell_for_good(cause, DELVE_REMEDY_NONE, &text) < 0)
        err_set(&why, "out of memory");
    else
        err_set(&why, "%s", text.data);
    buf_free(&text);
    if (d->step_next.exhausted)
        err_prefix(&why, "gave up after %ld attempts: ", d->target->recover.attempts);
    launch_failed(d, &why);
}

static bool is_same_cause(const struct delve_diagnosis *a, const struct delve_diagnosis *b)
{
    return a->signature == b->signature && strcmp(a->module, b->module) == 0 && strcmp(a->version, b->version) == 0;
}

/* The first line of the story; once for a cause. */
static void tell_broke(struct delve *d)
{
    const struct delve_diagnosis *cause = delve_recovery_cause(d->recovery);
    struct buf text;
    if (is_same_cause(cause, &d->told))
        return;
    d->told = *cause;
    buf_init(&text, TEXT_MAX);
    if (delve_recovery_tell_broke(cause, &text) == 0)
        delve_say(d, "important", text.data);
    buf_free(&text);
}

static void act(struct delve *d, struct delve_step step)
{
    struct err text;
    d->step_next = step;
    d->reconnects = false;
    if (step.action == DELVE_ACTION_GIVE_UP) {
        give_up(d);
        return;
    }
    if (d->told.signature && step.wait_ms) {
        err_set(&text, "trying again in %" PRIu64 " ms", step.wait_ms);
        delve_say(d, "console", text.text);
    }
    delve_set_state(d, DELVE_WAITING, step.action == DELVE_ACTION_REMEDY ? "a remedy" : "starting Delve again");
    timer_start(d->step, step.wait_ms, 0);
}

static void run_remedy(struct delve *d)
{
    const struct delve_diagnosis *cause = delve_recovery_cause(d->recovery);
    struct keeper_run r = {
        .kind = KEEPER_REMEDY,
        .remedy = d->step_next.remedy,
        .edits = d->target->recover.mod_files == CONFIG_MOD_FILES_EDIT,
        .module = cause->module,
        .version = cause->version,
    };
    run(d, &r, DELVE_MENDING, delve_remedy_text(r.remedy));
}

void delve_wait_over(struct delve *d)
{
    if (d->reconnects)
        delve_connect(d, "attaching again");
    else if (d->step_next.action == DELVE_ACTION_REMEDY)
        run_remedy(d);
    else
        start_dlv(d, "starting Delve again");
}

/* --- a launch --- */

static void next_prelaunch(struct delve *d)
{
    char text[ERR_TEXT_MAX];
    if (d->prelaunch_at == d->prelaunch->count) {
        struct delve_diagnosis logged = d->logged;
        d->logged.signature = NULL;
        if (logged.signature) {
            /* The last Delve's log has said what will break: its remedy first. */
            struct delve_step step = delve_recovery_failed(d->recovery, &logged, timer_now(d->loop));
            if (step.action != DELVE_ACTION_GIVE_UP) {
                act(d, step);
                return;
            }
        }
        start_dlv(d, "launch");
        return;
    }
    const struct delve_prelaunch_step *step = &d->prelaunch->list[d->prelaunch_at];
    struct keeper_run r = {.kind = KEEPER_COMMAND, .command = &step->argv};
    (void)snprintf(text, sizeof text, "prelaunch: %s", step->text);
    delve_say(d, "console", text);
    run(d, &r, DELVE_PREPARING, text);
}

void delve_launch(struct delve *d, const char *reason)
{
    d->mended = (struct delve_mended){.launch = d->mended.launch + 1};
    d->mended_by = DELVE_REMEDY_NONE;
    d->told.signature = NULL;
    d->prelaunch_at = 0;
    d->same_process = false;
    delve_recovery_begin(d->recovery);
    log_debug(d->subject, "launch %d: %s", d->mended.launch, reason);
    next_prelaunch(d);
}

static void prelaunch_ended(struct delve *d, int status)
{
    const struct delve_prelaunch_step *step = &d->prelaunch->list[d->prelaunch_at++];
    struct err why;
    if (status == 0) {
        next_prelaunch(d);
        return;
    }
    err_set(&why, "prelaunch: %s failed on %s (exit status %d)", step->text, d->transport->where, status);
    if (step->optional) {
        delve_say(d, "important", why.text);
        next_prelaunch(d);
        return;
    }
    struct err words;
    explain(d, status, &words);
    err_prefix(&words, "%s: ", why.text);
    launch_failed(d, &words);
}

/* --- the build --- */

void delve_start_failed(struct delve *d, int status)
{
    struct delve_diagnosis found = {0};
    struct err why;
    if (status > SIGNAL_STATUS) {
        err_set(&why, "Delve on %s was ended by signal %d before it was ready", d->transport->where,
                status - SIGNAL_STATUS);
        delve_died(d, &why);
        return;
    }
    if (d->state == DELVE_BUILDING && !delve_diagnose_build(&found, d->build_tail.data))
        found = d->logged;
    d->logged.signature = NULL;
    if (!found.signature) {
        explain(d, status, &why);
        delve_hang_up(d, false);
        launch_failed(d, &why);
        return;
    }
    struct delve_step step = delve_recovery_failed(d->recovery, &found, timer_now(d->loop));
    if (step.action != DELVE_ACTION_GIVE_UP) {
        log_info(d->subject, "%s: %s", found.signature->name, found.words);
        tell_broke(d);
    }
    act(d, step);
}

static bool is_of_files(enum delve_remedy remedy)
{
    return remedy == DELVE_REMEDY_DOWNLOAD || remedy == DELVE_REMEDY_TIDY || remedy == DELVE_REMEDY_MOD_MOD;
}

void delve_built(struct delve *d)
{
    struct buf text;
    bool is_for_good = d->target->recover.mod_files == CONFIG_MOD_FILES_EDIT && is_of_files(d->mended_by);
    show_withheld(d);
    if (d->told.signature && d->mended_by == DELVE_REMEDY_NONE)
        delve_say(d, "important", "done: trying again was enough; nothing was changed");
    d->told.signature = NULL;
    if (d->mended_by == DELVE_REMEDY_NONE || !d->cause.signature)
        return;
    if (is_for_good) {
        delve_say(d, "important", "for good: the module's own files were changed; review and commit them");
        return;
    }
    buf_init(&text, TEXT_MAX);
    if (delve_recovery_tell_for_good(&d->cause, d->mended_by, &text) == 0)
        delve_say(d, "important", text.data);
    buf_free(&text);
    d->cause.signature = NULL;
}

/* --- remedies --- */

static void note_mended(struct delve *d)
{
    enum delve_remedy remedy = d->step_next.remedy;
    bool on_copies = d->target->recover.mod_files == CONFIG_MOD_FILES_SHADOW;
    bool of_files = is_of_files(remedy);
    char text[ERR_TEXT_MAX];
    d->mended.mod_files = d->mended.mod_files || (of_files && on_copies);
    d->mended.mod_mod = d->mended.mod_mod || remedy == DELVE_REMEDY_MOD_MOD;
    d->mended.work = d->mended.work || remedy == DELVE_REMEDY_WORK;
    d->mended.work_off = d->mended.work_off || remedy == DELVE_REMEDY_WORK_OFF;
    d->mended.gocache = d->mended.gocache || remedy == DELVE_REMEDY_GOCACHE;
    d->mended_by = remedy;
    d->cause = *delve_recovery_cause(d->recovery);
    d->told = d->cause; /* a hidden one that took its place is not told twice */
    (void)snprintf(text, sizeof text, "done: %s%s; starting Delve again", delve_remedy_text(remedy),
                   !of_files   ? ""
                   : on_copies ? ", on copies of the module files"
                               : ", in the module");
    delve_say(d, "important", text);
}

static void remedy_ended(struct delve *d, int status)
{
    struct delve_diagnosis own = {0};
    bool mended = status == KEEPER_REMEDIED;
    if (mended) {
        note_mended(d);
    } else {
        if (status != KEEPER_UNSUITED)
            (void)delve_diagnose_build(&own, d->build_tail.data);
        log_info(d->subject, "%s on %s did not mend it (status %d)%s%s", delve_remedy_text(d->step_next.remedy),
                 d->transport->where, status, own.signature ? ": " : "", own.words);
    }
    act(d, delve_recovery_remedied(d->recovery, mended, &own, timer_now(d->loop)));
}

void delve_logged(struct delve *d, const struct delve_diagnosis *found)
{
    struct buf text;
    struct err why;
    bool again = found->signature == d->logged.signature;
    bool always = d->target->recover.while_running == CONFIG_WHILE_RUNNING_ALWAYS;
    d->logged = *found;
    if (again || d->state != DELVE_ATTACHED)
        return;
    buf_init(&text, TEXT_MAX);
    if (delve_recovery_tell_broke(found, &text) == 0 &&
        buf_puts(&text, always ? "\nDelve is started again (recover.whileRunning is \"always\")"
                               : "\nit is seen to at the next Restart") == 0)
        delve_say(d, "important", text.data);
    buf_free(&text);
    if (!always || !d->keeper)
        return;
    err_set(&why, "Delve's log on %s shows that the module graph is broken", d->transport->where);
    d->handler->broken(d->arg);
    if (d->state != DELVE_ATTACHED)
        return;
    d->handler->lost(d->arg, DELVE_LOSS_DELVE, &why);
    if (d->state == DELVE_ATTACHED)
        delve_stop(d, true, false, why.text);
}

/* --- a dlv that is gone --- */

void delve_died(struct delve *d, const struct err *why)
{
    bool was_attached = d->attached;
    d->failure = *why;
    timer_stop(d->step);
    delve_hang_up(d, false);
    log_warning(d->subject, "%s", d->failure.text);
    enum delve_state state = d->state;
    if (was_attached && state != DELVE_PROBING)
        d->handler->broken(d->arg);
    d->attached = d->same_process = false;
    if (d->ever_attached && d->state == state)
        d->handler->lost(d->arg, DELVE_LOSS_DELVE, &d->failure);
    if (d->state != state)
        return; /* the session has ended it */
    if (d->run_on)
        delve_stop(d, false, true, d->failure.text);
    else
        come_back(d);
}

static void start_again(struct delve *d)
{
    struct delve_step step = delve_recovery_died(d->recovery, timer_now(d->loop));
    if (step.action == DELVE_ACTION_GIVE_UP) {
        err_prefix(&d->failure, "gave up after %ld new starts in %ld s: ", d->target->recover.attempts,
                   d->target->recover.window_seconds);
        delve_fail(d, &d->failure);
        return;
    }
    act(d, step);
}

/* What is left of the program was swept away by the supervisor, unless it was attached to. */
static void come_back(struct delve *d)
{
    struct keeper_run r = {.kind = KEEPER_ALIVE};
    struct err text;
    if (d->plan->mode == DELVE_ATTACH && d->ever_attached) {
        run(d, &r, DELVE_CHECKING, "does the process live?");
        return;
    }
    if (d->ever_attached && d->target->recover.after_crash == CONFIG_AFTER_CRASH_END) {
        err_set(&text, "%s, and the program with it; it is not run a second time (recover.afterCrash is \"end\")",
                d->failure.text);
        delve_fail(d, &text);
        return;
    }
    err_set(&text, "%s; %s", d->failure.text,
            d->ever_attached ? "the program is started again from its beginning" : "starting it again");
    delve_say(d, "important", text.text);
    start_again(d);
}

static void checked(struct delve *d, bool lives)
{
    const char *why = d->failure.text;
    struct err text;
    if (!lives) {
        err_set(&text, "%s, and process %ld has ended", why, d->plan->pid);
        delve_fail(d, &text);
    } else if (d->handler->holds_breakpoints(d->arg)) {
        err_set(&text,
                "%s; process %ld lives on with Delve's breakpoints in it and will die when it reaches one: restart it "
                "before you debug it again",
                why, d->plan->pid);
        delve_fail(d, &text);
    } else {
        err_set(&text, "%s; process %ld lives on and is attached to again", why, d->plan->pid);
        delve_say(d, "important", text.text);
        d->same_process = true;
        start_again(d);
    }
}

void delve_stop(struct delve *d, bool restarts, bool at_once, const char *reason)
{
    delve_hang_up(d, false);
    timer_stop(d->step);
    d->restarts = restarts;
    delve_set_state(d, DELVE_STOPPING, reason);
    timer_start(d->step, d->run_on ? DELVE_STOP_MS : 0, 0);
    if (d->run_on) {
        keeper_pause_output(d->keeper, d->paused);
        keeper_stop(d->keeper, at_once);
    }
}

void delve_stopped(struct delve *d)
{
    struct err why;
    if (d->run_on) {
        err_set(&why, "the supervisor on %s did not report within %d s that Delve has ended; start the session again",
                d->transport->where, DELVE_STOP_MS / 1000);
        delve_fail(d, &why);
        return;
    }
    timer_stop(d->step);
    if (d->restarts)
        delve_launch(d, "what ran before has ended");
    else
        come_back(d);
}

void delve_run_ended(struct delve *d, int status)
{
    switch (d->state) {
    case DELVE_PREPARING:
        prelaunch_ended(d, status);
        break;
    case DELVE_BUILDING:
        delve_start_failed(d, status);
        break;
    case DELVE_MENDING:
        remedy_ended(d, status);
        break;
    case DELVE_CHECKING:
        checked(d, status == 0);
        break;
    case DELVE_STOPPING:
        /* The last of the program's output comes before anything of the next one's. */
        timer_start(d->step, d->output_ended ? 0 : DELVE_QUIET_MS, 0);
        break;
    default:
        break;
    }
}
