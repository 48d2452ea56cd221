/* From the user's launch or Restart to a dlv that listens: steps before it, the build, remedies for a broken module
 * graph, and starting again what has died. */
#include "proxy/delve/process_private.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delve/blame.h"
#include "proxy/base/log.h"

enum {
    TEXT_MAX = 256 * 1024 /* bytes of the text of a failed start */
};

static void come_back(struct supervised *p);

/* --- runs --- */

static bool builds(const struct supervised *p)
{
    return p->order.plan->mode == DELVE_DEBUG || p->order.plan->mode == DELVE_TEST;
}

static void run(struct supervised *p, struct keeper_run *r, enum process_state state, const char *reason)
{
    r->plan = p->order.plan;
    r->mended = &p->mended;
    buf_clear(&p->build_tail);
    buf_clear(&p->log_tail);
    if (p->is_long)
        process_show_withheld(p);
    buf_clear(&p->withheld);
    p->is_long = false;
    p->misplaced.text[0] = '\0';
    p->output_over = r->kind != KEEPER_DLV || p->order.plan->mode == DELVE_ATTACH;
    process_set_state(p, state, reason);
    if (keeper_run(p->keeper, r) < 0)
        process_fail_memory(p);
}

/* Returns the edition, 0: it is not complete. */
static uint32_t compose(struct supervised *p, struct buf *flight)
{
    buf_init(flight, ORDER_RECORD_MAX);
    return p->base.handler->compose(p->base.arg, p->same_process, flight);
}

static void start_dlv(struct supervised *p, const char *reason)
{
    struct keeper_run r = {.kind = KEEPER_DLV};
    struct buf flight;
    uint32_t edition = compose(p, &flight);
    if (p->state < PROCESS_FAILED && edition == 0 && p->order.plan->mode == DELVE_ATTACH)
        process_set_state(p, PROCESS_HOLDING, "the client has not said all yet");
    else if (p->state < PROCESS_FAILED)
        run(p, &r, PROCESS_BUILDING, reason);
    if (p->state == PROCESS_BUILDING && edition)
        keeper_fly(p->keeper, edition, &flight);
    if (p->state == PROCESS_BUILDING)
        process_tell_building(p);
    buf_free(&flight);
}

void process_order_flight(struct supervised *p)
{
    struct buf flight;
    if (p->state == PROCESS_HOLDING) {
        start_dlv(p, "the client has said all");
        return;
    }
    uint32_t edition = compose(p, &flight);
    if (edition && p->state < PROCESS_FAILED)
        keeper_fly(p->keeper, edition, &flight);
    buf_free(&flight);
}

void process_tell_building(struct supervised *p)
{
    if (!keeper_is_ready(p->keeper))
        process_working(p, "looking for Go and Delve on %s", process_where(p));
    else if (builds(p))
        process_working(p, "building %s on %s", p->order.plan->program, process_where(p));
    else
        process_working(p, "Delve is started on %s and does not listen yet", process_where(p));
}

/* Whether an error that will be shown in the Debug Console has all these lines. */
static bool is_told_by(const struct err *why, const struct buf *lines)
{
    return memmem(why->text, strlen(why->text), lines->data, lines->len - 1) != NULL; /* without the last newline */
}

/* What can't be started now may be started later, unless the client has seen no program yet. */
static void launch_failed(struct supervised *p, const struct err *why)
{
    struct err copy = *why;
    process_add_findings(p, &copy);
    if (p->has_served && p->withheld.len && is_told_by(&copy, &p->withheld))
        buf_clear(&p->withheld);
    process_show_withheld(p);
    if (!p->has_served) {
        process_fail(p, &copy);
        return;
    }
    process_set_state(p, PROCESS_IDLE, copy.text);
    p->base.handler->idle(p->base.arg, &copy);
}

/* --- what comes next --- */

static void explain(struct supervised *p, int status, struct err *why)
{
    struct buf text;
    if (p->misplaced.text[0]) {
        *why = p->misplaced;
        return;
    }
    buf_init(&text, TEXT_MAX);
    struct delve_known known = {.machine = p->facts, .facts = &p->build_facts, .plan = p->order.plan};
    if (delve_log_explain_on(&text, p->build_tail.data, p->log_tail.data, status, &known) < 0 || text.len == 0)
        err_set(why, "Delve ended on %s (exit status %d) and said nothing", process_where(p), status);
    else
        err_set(why, "%s", text.data);
    buf_free(&text);
}

/* What is to be done: words, or the cause's own. */
static void fail_with_cause(struct supervised *p, const char *words)
{
    const struct delve_diagnosis *cause = delve_recovery_cause(p->recovery);
    struct buf text;
    struct err why;
    struct delve_repair none = {.machine = p->facts};
    buf_init(&text, TEXT_MAX);
    if (delve_recovery_tell_broke(cause, &text) < 0 || buf_puts(&text, "\n") < 0 ||
        (words ? buf_puts(&text, words) : delve_recovery_tell_for_good(cause, &none, &text)) < 0)
        err_set(&why, "out of memory");
    else
        err_set(&why, "%s", text.data);
    buf_free(&text);
    if (p->step_next.exhausted)
        err_prefix(&why, "gave up after %ld attempts: ", p->place.target->recover.attempts);
    launch_failed(p, &why);
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
static void tell_broke(struct supervised *p)
{
    const struct delve_diagnosis *cause = delve_recovery_cause(p->recovery);
    struct buf text;
    if (is_same_cause(cause, &p->told))
        return;
    p->told = *cause;
    buf_init(&text, TEXT_MAX);
    if (delve_recovery_tell_broke(cause, &text) == 0)
        process_say(p, "important", text.data);
    buf_free(&text);
}

static void act(struct supervised *p, struct delve_step step)
{
    struct err text;
    p->step_next = step;
    if (step.action == DELVE_ACTION_GIVE_UP) {
        give_up(p);
        return;
    }
    if (p->told.signature && step.wait_ms) {
        err_set(&text, "trying again in %" PRIu64 " ms", step.wait_ms);
        process_say(p, "console", text.text);
    }
    process_set_state(p, PROCESS_WAITING, step.action == DELVE_ACTION_REMEDY ? "a remedy" : "starting Delve again");
    timer_start(p->step, step.wait_ms, 0);
}

static void run_remedy(struct supervised *p)
{
    const struct delve_diagnosis *cause = delve_recovery_cause(p->recovery);
    struct keeper_run r = {
        .kind = KEEPER_REMEDY,
        .remedy = p->step_next.remedy,
        .edits = p->place.target->recover.mod_files == CONFIG_MOD_FILES_EDIT,
        .module = cause->module,
        .version = cause->version,
    };
    p->needs_gocache = false;
    run(p, &r, PROCESS_MENDING, delve_remedy_text(r.remedy));
    if (p->state == PROCESS_MENDING)
        process_working(p, "%s on %s", delve_remedy_text(r.remedy), process_where(p));
}

void process_wait_over(struct supervised *p)
{
    if (p->step_next.action == DELVE_ACTION_REMEDY)
        run_remedy(p);
    else
        start_dlv(p, "starting Delve again");
}

/* --- a launch --- */

static void next_prelaunch(struct supervised *p)
{
    char text[ERR_TEXT_MAX];
    if (p->prelaunch_at == p->order.prelaunch->count) {
        struct delve_diagnosis logged = p->logged;
        p->logged.signature = NULL;
        if (logged.signature) {
            /* The last Delve's log has said what will break: its remedy first. */
            struct delve_step step = delve_recovery_failed(p->recovery, &logged, timer_now(p->place.loop));
            if (step.action != DELVE_ACTION_GIVE_UP) {
                act(p, step);
                return;
            }
        }
        start_dlv(p, "launch");
        return;
    }
    const struct delve_prelaunch_step *step = &p->order.prelaunch->list[p->prelaunch_at];
    struct keeper_run r = {.kind = KEEPER_COMMAND, .command = &step->argv};
    (void)snprintf(text, sizeof text, "prelaunch: %s", step->text);
    process_say(p, "console", text);
    run(p, &r, PROCESS_PREPARING, text);
    if (p->state == PROCESS_PREPARING)
        process_working(p, "%s on %s", text, process_where(p));
}

void process_launch(struct supervised *p, const char *reason)
{
    p->mended = (struct delve_mended){.launch = p->mended.launch + 1};
    p->mended_by = DELVE_REMEDY_NONE;
    p->told.signature = NULL;
    p->prelaunch_at = 0;
    p->same_process = false;
    delve_recovery_begin(p->recovery);
    log_debug(p->place.subject, "launch %d: %s", p->mended.launch, reason);
    next_prelaunch(p);
}

static void prelaunch_ended(struct supervised *p, int status)
{
    const struct delve_prelaunch_step *step = &p->order.prelaunch->list[p->prelaunch_at++];
    struct err why;
    if (status == 0) {
        next_prelaunch(p);
        return;
    }
    err_set(&why, "prelaunch: %s failed on %s (exit status %d)", step->text, process_where(p), status);
    if (step->optional) {
        process_say(p, "important", why.text);
        next_prelaunch(p);
        return;
    }
    struct err words;
    explain(p, status, &words);
    err_prefix(&words, "%s: ", why.text);
    launch_failed(p, &words);
}

/* --- the build --- */

static void diagnose(struct supervised *p, bool listened)
{
    struct delve_blame_of of = {.plan = p->order.plan, .facts = &p->build_facts, .machine = p->facts};
    struct delve_diagnosis found = {0};
    struct err why;
    /* What launch.json itself is to blame for, no remedy helps. */
    if (!listened && !p->misplaced.text[0] && !delve_blame(&of, p->build_tail.data, NULL) &&
        !delve_diagnose_build_with(&found, p->build_tail.data, &p->build_facts))
        found = p->logged;
    p->logged.signature = NULL;
    if (!found.signature) {
        explain(p, p->build_status, &why);
        launch_failed(p, &why);
        return;
    }
    struct delve_step step = delve_recovery_failed(p->recovery, &found, timer_now(p->place.loop));
    if (step.action != DELVE_ACTION_GIVE_UP) {
        log_info(p->place.subject, "%s: %s", found.signature->name, found.words);
        tell_broke(p);
    }
    act(p, step);
}

/* What the machine knows of the failure; what the build has said stays as it is. */
static void inspect(struct supervised *p)
{
    struct delve_diagnosis found = {0};
    (void)delve_diagnose_build(&found, p->build_tail.data);
    struct keeper_run r = {
        .kind = KEEPER_INSPECT,
        .plan = p->order.plan,
        .mended = &p->mended,
        .module = found.module,
        .version = found.version,
        .file = found.file,
    };
    p->output_over = true;
    process_set_state(p, PROCESS_INSPECTING, "the build has failed");
    if (keeper_run(p->keeper, &r) < 0)
        process_fail_memory(p);
    else
        process_working(p, "looking on %s for why the build failed", process_where(p));
}

static void start_failed(struct supervised *p, int status)
{
    struct err why;
    bool listened = p->state == PROCESS_LISTENING;
    if (status > PROCESS_SIGNAL_STATUS) {
        err_set(&why, "Delve on %s was ended by signal %d before it was ready", process_where(p),
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
    if (builds(p) && !listened && !p->misplaced.text[0])
        inspect(p);
    else
        diagnose(p, listened);
}

static bool is_of_files(enum delve_remedy remedy)
{
    return remedy == DELVE_REMEDY_DOWNLOAD || remedy == DELVE_REMEDY_TIDY || remedy == DELVE_REMEDY_MOD_MOD;
}

static void tell_mended(struct supervised *p)
{
    struct buf text;
    bool is_for_good = p->place.target->recover.mod_files == CONFIG_MOD_FILES_EDIT && is_of_files(p->mended_by);
    process_show_withheld(p);
    if (p->told.signature && p->mended_by == DELVE_REMEDY_NONE)
        process_say(p, "important", "done: trying again was enough; nothing was changed");
    p->told.signature = NULL;
    if (p->mended_by == DELVE_REMEDY_NONE || !p->cause.signature)
        return;
    if (is_for_good) {
        process_say(p, "important", "for good: the module's own files were changed; review and commit them");
        return;
    }
    struct delve_repair repair = {.by = p->mended_by, .fresh_gocache = p->mended.gocache, .machine = p->facts};
    buf_init(&text, TEXT_MAX);
    if (delve_recovery_tell_for_good(&p->cause, &repair, &text) == 0)
        process_say(p, "important", text.data);
    buf_free(&text);
    p->cause.signature = NULL;
}

void process_built(struct supervised *p, int port)
{
    p->port = port;
    tell_mended(p);
    process_set_state(p, PROCESS_LISTENING, "dlv listens");
}

/* --- remedies --- */

static void note_mended(struct supervised *p)
{
    enum delve_remedy remedy = p->step_next.remedy;
    bool copies = remedy == DELVE_REMEDY_COPIES, readonly = remedy == DELVE_REMEDY_MOD_READONLY;
    bool of_files = is_of_files(remedy);
    bool on_copies = p->place.target->recover.mod_files == CONFIG_MOD_FILES_SHADOW;
    char text[ERR_TEXT_MAX];
    p->mended.mod_files = p->mended.mod_files || copies || (of_files && on_copies);
    p->mended.mod_mod = p->mended.mod_mod || remedy == DELVE_REMEDY_MOD_MOD;
    p->mended.mod_readonly = p->mended.mod_readonly || readonly;
    p->mended.work = p->mended.work || remedy == DELVE_REMEDY_WORK || (readonly && on_copies);
    p->mended.work_off = p->mended.work_off || remedy == DELVE_REMEDY_WORK_OFF;
    p->mended.toolchain = p->mended.toolchain || remedy == DELVE_REMEDY_TOOLCHAIN;
    p->mended.gocache = p->mended.gocache || remedy == DELVE_REMEDY_GOCACHE;
    p->mended.modcache = p->mended.modcache || remedy == DELVE_REMEDY_MODCACHE;
    p->mended_by = p->needs_gocache ? DELVE_REMEDY_GOCACHE : remedy; /* then there is something to do for good */
    p->cause = *delve_recovery_cause(p->recovery);
    p->told = p->cause; /* a hidden one that took its place is not told twice */
    (void)snprintf(text, sizeof text, "done: %s%s; starting Delve again", delve_remedy_text(remedy),
                   !of_files   ? ""
                   : on_copies ? ", on copies of the module files"
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
    log_info(p->place.subject, "%s on %s would debug another program", delve_remedy_text(p->step_next.remedy),
             process_where(p));
    p->step_next = (struct delve_step){.action = DELVE_ACTION_GIVE_UP};
    fail_with_cause(p, line ? line + 1 : tail->data);
}

static void remedy_ended(struct supervised *p, int status)
{
    struct delve_diagnosis own = {0};
    bool mended = status == KEEPER_REMEDIED;
    if (status == KEEPER_REFUSED) {
        remedy_refused(p);
        return;
    }
    if (mended) {
        note_mended(p);
    } else {
        if (status != KEEPER_UNSUITED)
            (void)delve_diagnose_build_with(&own, p->build_tail.data, &p->build_facts);
        log_info(p->place.subject, "%s on %s did not mend it (status %d)%s%s", delve_remedy_text(p->step_next.remedy),
                 process_where(p), status, own.signature ? ": " : "", own.words);
    }
    act(p, delve_recovery_remedied(p->recovery, mended, &own, timer_now(p->place.loop)));
}

void process_logged(struct supervised *p, const struct delve_diagnosis *found)
{
    struct buf text;
    struct err why;
    bool again = found->signature == p->logged.signature;
    bool always = p->place.target->recover.while_running == CONFIG_WHILE_RUNNING_ALWAYS;
    p->logged = *found;
    if (again || p->state != PROCESS_SERVING)
        return;
    buf_init(&text, TEXT_MAX);
    if (delve_recovery_tell_broke(found, &text) == 0 &&
        buf_puts(&text, always ? "\nDelve is started again (recover.whileRunning is \"always\")"
                               : "\nit is seen to at the next Restart") == 0)
        process_say(p, "important", text.data);
    buf_free(&text);
    if (!always)
        return;
    err_set(&why, "Delve's log on %s shows that the module graph is broken", process_where(p));
    p->base.handler->lost(p->base.arg, &why);
    if (p->state == PROCESS_SERVING)
        process_stop(p, PROCESS_NEXT_LAUNCH, false, why.text);
}

/* --- a dlv that is gone --- */

void process_lost(struct supervised *p, const struct err *why, bool run_on)
{
    enum process_state state = p->state;
    p->failure = *why;
    timer_stop(p->step);
    log_warning(p->place.subject, "%s", p->failure.text);
    p->same_process = false;
    p->base.handler->lost(p->base.arg, &p->failure);
    if (p->state != state)
        return; /* the owner has ended it */
    if (run_on)
        process_stop(p, PROCESS_NEXT_COME_BACK, true, p->failure.text);
    else
        come_back(p);
}

static void start_again(struct supervised *p)
{
    struct delve_step step = delve_recovery_died(p->recovery, timer_now(p->place.loop));
    if (step.action == DELVE_ACTION_GIVE_UP) {
        err_prefix(&p->failure, "gave up after %ld new starts in %ld s: ", p->place.target->recover.attempts,
                   p->place.target->recover.window_seconds);
        process_fail(p, &p->failure);
        return;
    }
    act(p, step);
}

static void check(struct supervised *p, enum process_next next)
{
    struct keeper_run r = {.kind = KEEPER_ALIVE};
    p->next = next;
    run(p, &r, PROCESS_CHECKING, "does the process live?");
}

/* What is left of the program was swept away by the supervisor, unless it was attached to. */
static void come_back(struct supervised *p)
{
    struct err text;
    if (p->order.plan->mode == DELVE_ATTACH && (p->has_served || p->may_trap)) {
        check(p, PROCESS_NEXT_COME_BACK);
        return;
    }
    if (p->has_served && p->place.target->recover.after_crash == CONFIG_AFTER_CRASH_END) {
        err_set(&text, "%s, and the program with it; it is not run a second time (recover.afterCrash is \"end\")",
                p->failure.text);
        process_fail(p, &text);
        return;
    }
    err_set(&text, "%s; %s", p->failure.text,
            p->has_served ? "the program is started again from its beginning" : "starting it again");
    process_say(p, "important", text.text);
    start_again(p);
}

static void checked(struct supervised *p, bool lives)
{
    const char *why = p->failure.text;
    struct err text;
    if (!lives) {
        err_set(&text, "%s, and process %ld has ended", why, p->order.plan->pid);
        process_fail(p, &text);
    } else if (p->may_trap && p->base.handler->holds_breakpoints(p->base.arg)) {
        err_set(&text,
                "%s; process %ld lives on with Delve's breakpoints in it and will die when it reaches one: restart it "
                "before you debug it again",
                why, p->order.plan->pid);
        process_fail(p, &text);
    } else if (p->next == PROCESS_NEXT_CHECK) {
        process_launch(p, "restart");
    } else {
        err_set(&text, "%s; process %ld lives on and is attached to again", why, p->order.plan->pid);
        process_say(p, "important", text.text);
        p->same_process = true;
        start_again(p);
    }
}

void process_stop(struct supervised *p, enum process_next next, bool at_once, const char *reason)
{
    p->next = next;
    process_set_state(p, PROCESS_STOPPING, reason);
    timer_start(p->step, PROCESS_STOP_MS, 0);
    keeper_stop(p->keeper, at_once);
}

void process_drained(struct supervised *p)
{
    timer_stop(p->step);
    if (p->next == PROCESS_NEXT_COME_BACK)
        come_back(p);
    else if (p->may_trap && process_attaches_again(p))
        check(p, PROCESS_NEXT_CHECK);
    else
        process_launch(p, "what ran before has ended");
}

static void dlv_ended(struct supervised *p, int status)
{
    struct err why;
    bool by_signal = status > PROCESS_SIGNAL_STATUS;
    timer_stop(p->step);
    if (p->state == PROCESS_LISTENING && !p->same_process) {
        start_failed(p, status);
        return;
    }
    err_set(&why, "Delve on %s ended unexpectedly (%s %d)", process_where(p), by_signal ? "signal" : "exit status",
            by_signal ? status - PROCESS_SIGNAL_STATUS : status);
    process_lost(p, &why, false);
}

void process_run_ended(struct supervised *p, int status)
{
    switch (p->state) {
    case PROCESS_PREPARING:
        prelaunch_ended(p, status);
        break;
    case PROCESS_BUILDING:
        start_failed(p, status);
        break;
    case PROCESS_INSPECTING:
        diagnose(p, false);
        break;
    case PROCESS_MENDING:
        remedy_ended(p, status);
        break;
    case PROCESS_CHECKING:
        checked(p, status == 0);
        break;
    case PROCESS_LISTENING:
    case PROCESS_SERVING:
    case PROCESS_RETURNING:
        dlv_ended(p, status);
        break;
    case PROCESS_WINDING_DOWN:
        process_set_state(p, PROCESS_IDLE, "Delve has followed its program");
        break;
    case PROCESS_STOPPING:
        if (status <= PROCESS_SIGNAL_STATUS || status == PROCESS_SIGNAL_STATUS + SIGTERM)
            p->may_trap = false; /* it has detached, or had not attached yet */
        else if (p->next == PROCESS_NEXT_LAUNCH)
            err_set(&p->failure, "Delve on %s had to be killed", process_where(p));
        process_set_state(p, PROCESS_DRAINING, "it has ended");
        /* The last of the program's output comes before anything of the next one's. */
        timer_start(p->step, p->output_over ? 0 : PROCESS_QUIET_MS, 0);
        break;
    default:
        break;
    }
}
