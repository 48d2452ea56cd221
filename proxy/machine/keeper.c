#include "proxy/machine/keeper_private.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/log.h"
#include "proxy/base/state.h"

enum {
    START_MS = 60 * 1000, /* from starting a shell to what it is for: a login shell may be slow, tools are looked for */
    LAST_TEXT_MS = 2000,  /* from a run's exit to the last line it wrote */
    LEASE_BEATS = 3,      /* a short lease is renewed this often within its time */
    LINE_SIZE = 64,
    SIGNAL_STATUS = 128, /* with a signal's number: the status of what a signal has ended */
    DECIMAL = 10
};

static const char *const state_names[] = {"idle", "preparing", "opening", "running", "dropped"};
static const unsigned legal_edges[] = {
    [KEEPER_IDLE] = STATE_BIT(KEEPER_PREPARING),
    [KEEPER_PREPARING] = STATE_BIT(KEEPER_OPENING) | STATE_BIT(KEEPER_RUNNING) | STATE_BIT(KEEPER_DROPPED),
    [KEEPER_OPENING] = STATE_BIT(KEEPER_RUNNING) | STATE_BIT(KEEPER_DROPPED),
    [KEEPER_RUNNING] = STATE_BIT(KEEPER_IDLE),
    [KEEPER_DROPPED] = STATE_BIT(KEEPER_IDLE),
};
static const struct states states = {"run", state_names, legal_edges};

static void set_state(struct keeper *k, enum keeper_state state, const char *reason)
{
    k->state = (enum keeper_state)state_next(&states, k->state, state, CONFIG_LOG_DEBUG, k->subject, reason);
}

static void destroy(struct keeper *k)
{
    supervisor_reader_free(k->control_lines);
    supervisor_reader_free(k->text_lines);
    buf_free(&k->params);
    free(k->tools.go);
    free(k->tools.go_version);
    free(k->tools.dlv);
    free(k->tools.dlv_version);
    free(k->tools.gocache);
    free(k->tools.gomodcache);
    delve_facts_free(&k->facts);
    free(k->examined);
    free(k->id);
    free(k->dir);
    free(k);
}

void keeper_enter(struct keeper *k)
{
    k->reading++;
}

void keeper_leave(struct keeper *k)
{
    if (--k->reading == 0 && k->freed)
        destroy(k);
}

void keeper_fail(struct keeper *k, const struct err *why)
{
    const struct keeper_handler *handler = k->handler;
    k->handler = NULL;
    timer_stop(k->deadline);
    timer_stop(k->beat);
    timer_stop(k->last_text);
    if (handler)
        handler->failed(k->arg, why);
}

void keeper_fail_memory(struct keeper *k)
{
    struct err why;
    err_set(&why, "out of memory while talking to the supervisor on %s", k->link->transport->where);
    keeper_fail(k, &why);
}

void keeper_send(struct keeper *k, struct channel *to, struct buf *batch)
{
    if (batch->failed)
        keeper_fail_memory(k);
    else if (to && batch->len)
        (void)channel_write(to, batch->data, batch->len); /* small beside the water marks; the far side always reads */
    buf_free(batch);
}

static void command(struct keeper *k, const char *line)
{
    struct buf batch;
    buf_init(&batch, KEEPER_COMMANDS_MAX);
    (void)supervisor_command(&batch, line);
    keeper_send(k, k->control, &batch);
}

static void send_session_params(struct keeper *k)
{
    struct buf batch;
    buf_init(&batch, KEEPER_COMMANDS_MAX);
    keeper_session_params(k, &batch);
    keeper_send(k, k->control, &batch);
}

/* All that the present run wrote is reported, or it was dropped. */
static void report_exit(struct keeper *k)
{
    int status = k->exit_status;
    timer_stop(k->last_text);
    set_state(k, KEEPER_IDLE, "it has ended");
    if (k->handler)
        k->handler->exited(k->arg, status);
}

static void on_last_text_late(void *arg)
{
    struct keeper *k = arg;
    keeper_enter(k);
    if (k->state == KEEPER_DROPPED && k->has_streams && k->handler)
        k->handler->output_ended(k->arg);
    if (k->handler && (k->state == KEEPER_RUNNING || k->state == KEEPER_DROPPED))
        report_exit(k);
    keeper_leave(k);
}

/* What the login shell printed in place of the supervisor's greeting; empty: nothing. */
static const char *noise_of(const struct keeper *k)
{
    const char *noise = supervisor_reader_noise(k->control_lines);
    return *noise ? noise : supervisor_reader_noise(k->text_lines);
}

/* The control channel has ended without an error of the transport's, and not because the supervisor was told to end. */
static void tell_ended(const struct keeper *k, int exit_status, struct err *why)
{
    const char *where = k->link->transport->where;
    const char *noise = noise_of(k);
    size_t len = strlen(noise);
    while (len > 0 && strchr("\r\n ", noise[len - 1]))
        len--;
    if (k->greeted)
        err_set(why, "the supervisor on %s ended by itself (exit status %d)", where, exit_status);
    else
        err_set(why,
                "the login shell on %s did not run sh: it ended with exit status %d and printed%s%.*s; check that `ssh "
                "HOST sh` works without a question (.bashrc, .profile, a ForceCommand)",
                where, exit_status, len > 0 ? ": " : " nothing", (int)len, noise);
}

static void on_deadline(void *arg)
{
    struct keeper *k = arg;
    struct err why;
    const char *where = k->link->transport->where;
    const char *noise = noise_of(k);
    if (k->is_ready)
        err_set(&why, "the supervisor on %s did not prepare the start within %d s; is the machine or its disk stuck?",
                where, START_MS / 1000);
    else if (k->greeted)
        err_set(
            &why,
            "the supervisor on %s did not get ready within %d s; look for a hanging login shell or file system there",
            where, START_MS / 1000);
    else
        err_set(
            &why,
            "the login shell on %s did not run sh within %d s%s%s; check that `ssh HOST sh` works without a question",
            where, START_MS / 1000, *noise ? "; it printed: " : "", noise);
    keeper_enter(k);
    keeper_fail(k, &why);
    keeper_leave(k);
}

static void on_beat(void *arg)
{
    command(arg, "beat");
}

static void set_tool(struct keeper *k, struct supervisor_line *line)
{
    struct {
        const char *name;
        char **at;
    } tools[] = {
        {"go", &k->tools.go},           {"goVersion", &k->tools.go_version},
        {"dlv", &k->tools.dlv},         {"dlvVersion", &k->tools.dlv_version},
        {"GOCACHE", &k->tools.gocache}, {"GOMODCACHE", &k->tools.gomodcache},
    };
    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++) {
        if (strcmp(tools[i].name, line->name) != 0)
            continue;
        free(*tools[i].at);
        *tools[i].at = line->text;
        line->text = NULL;
    }
}

static void on_ready(struct keeper *k)
{
    const struct keeper_tools *t = &k->tools;
    if (k->is_ready || !k->dir || !t->go || !t->go_version || !t->dlv || !t->dlv_version || !t->gocache ||
        !t->gomodcache)
        return;
    long seconds = k->target->lease_seconds / LEASE_BEATS;
    if (seconds > SUPERVISOR_BEAT_SECONDS)
        seconds = SUPERVISOR_BEAT_SECONDS;
    if (seconds < 1)
        seconds = 1;
    k->is_ready = true;
    timer_stop(k->deadline);
    timer_start(k->beat, (uint64_t)seconds * 1000, (uint64_t)seconds * 1000);
    keeper_tell_facts(k);
    k->handler->ready(k->arg, &k->tools);
}

static void on_error_line(struct keeper *k, const struct supervisor_line *line)
{
    struct err why;
    enum delve_misplaced_kind kind = delve_misplaced_kind_of(line->name);
    if (kind != DELVE_PLACE_FINE && k->state == KEEPER_RUNNING && line->text) {
        k->handler->misplaced(k->arg, kind, line->text);
        return;
    }
    err_set(&why, "%s (on %s)", line->text ? line->text : line->name, k->link->transport->where);
    bool lost = k->state == KEEPER_PREPARING || k->state == KEEPER_OPENING ||
                (k->state == KEEPER_RUNNING && strcmp(line->name, "protocol") == 0);
    /* What is said while a run is on ends with its `exited`. */
    if (k->is_ready && !lost) {
        k->handler->note(k->arg, why.text);
        return;
    }
    keeper_tell_facts(k);
    keeper_fail(k, &why);
}

static void on_prepared(struct keeper *k, long number)
{
    if (k->state != KEEPER_PREPARING || number != k->number || k->ending)
        return;
    if (!k->has_streams) {
        keeper_order(k);
        return;
    }
    set_state(k, KEEPER_OPENING, "its directory is there");
    keeper_streams_open(k);
}

static void on_exited(struct keeper *k, long number, int status)
{
    if (k->state != KEEPER_RUNNING || number != k->number)
        return;
    k->exited = true;
    k->exit_status = status;
    timer_start(k->last_text, k->text_ended ? 0 : LAST_TEXT_MS, 0);
}

static void on_parsed(struct keeper *k, struct supervisor_line *line)
{
    struct err why;
    switch (line->kind) {
    case SUPERVISOR_HELLO:
        if (k->over)
            break;
        k->greeted = true;
        if (line->number == SUPERVISOR_PROTOCOL) {
            send_session_params(k);
            break;
        }
        err_set(&why, "the supervisor on %s speaks version %ld of its protocol, not %d", k->link->transport->where,
                line->number, SUPERVISOR_PROTOCOL);
        keeper_fail(k, &why);
        break;
    case SUPERVISOR_TOOL:
        keeper_set_fact(k, line);
        set_tool(k, line);
        break;
    case SUPERVISOR_FACT:
        keeper_set_fact(k, line);
        break;
    case SUPERVISOR_DIR:
        free(k->dir);
        k->dir = line->text;
        line->text = NULL;
        break;
    case SUPERVISOR_READY:
        on_ready(k);
        break;
    case SUPERVISOR_PREPARED:
        on_prepared(k, line->number);
        break;
    case SUPERVISOR_EXITED:
        on_exited(k, line->number, line->status);
        break;
    case SUPERVISOR_NOTE:
        if (line->text)
            k->handler->note(k->arg, line->text);
        break;
    case SUPERVISOR_ERROR:
        on_error_line(k, line);
        break;
    case SUPERVISOR_ENDED:
        timer_stop(k->beat);
        k->over = true;
        break;
    case SUPERVISOR_STARTED:
    case SUPERVISOR_OTHER:
        break;
    }
}

static void on_control_line(void *arg, const char *text, size_t len)
{
    struct keeper *k = arg;
    struct supervisor_line line;
    if (!k->handler)
        return;
    if (supervisor_parse(&line, text, len) < 0) {
        keeper_fail_memory(k);
        return;
    }
    on_parsed(k, &line);
    free(line.text);
}

/* Of the run's text, or of an earlier one's that was not waited for. */
static void on_text_end(struct keeper *k, const char *text)
{
    long number = strtol(text, NULL, DECIMAL);
    if (number >= k->text_owed)
        k->text_owed = 0;
    if (number != k->number)
        return;
    k->text_ended = true;
    if (k->state == KEEPER_RUNNING && k->exited)
        report_exit(k);
}

static void on_text_line(void *arg, const char *text, size_t len)
{
    struct keeper *k = arg;
    const char *rest = text;
    (void)len;
    if (!k->handler)
        return;
    switch (supervisor_text_of(text, &rest)) {
    case SUPERVISOR_TEXT_LOG:
        if (!k->text_owed)
            k->handler->log(k->arg, rest);
        break;
    case SUPERVISOR_TEXT_OUTPUT:
        if (!k->text_owed)
            k->handler->build_output(k->arg, rest);
        break;
    case SUPERVISOR_TEXT_END:
        on_text_end(k, rest);
        break;
    case SUPERVISOR_TEXT_OTHER:
        break;
    }
}

static void on_control_data(void *arg, enum channel_source source, const char *data, size_t len)
{
    struct keeper *k = arg;
    keeper_enter(k);
    int r = source == CHANNEL_STDOUT ? supervisor_reader_feed(k->control_lines, data, len, on_control_line, k)
                                     : supervisor_reader_feed(k->text_lines, data, len, on_text_line, k);
    if (r < 0)
        keeper_fail_memory(k);
    keeper_leave(k);
}

static void on_control_closed(void *arg, const struct err *closed, int exit_status)
{
    struct keeper *k = arg;
    struct err why;
    k->control = NULL;
    keeper_enter(k);
    timer_stop(k->deadline);
    if (k->over) {
        keeper_tell_facts(k);
        const struct keeper_handler *handler = k->handler;
        k->handler = NULL;
        if (handler)
            handler->ended(k->arg);
        keeper_leave(k);
        return;
    }
    if (closed->text[0]) {
        why = *closed;
        if (!k->greeted && *noise_of(k))
            err_prefix(&why, "the login shell printed: %s; ", noise_of(k));
    } else {
        tell_ended(k, exit_status, &why);
    }
    keeper_fail(k, &why);
    keeper_leave(k);
}

static const struct channel_handler control_events = {.data = on_control_data, .closed = on_control_closed};

struct keeper *keeper_start(uv_loop_t *loop, struct link *link, const struct config_target *target, const char *id,
                            bool needs_delve, const struct keeper_handler *h, void *arg)
{
    struct keeper *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    k->link = link;
    k->target = target;
    k->handler = h;
    k->arg = arg;
    k->needs_delve = needs_delve;
    buf_init(&k->params, KEEPER_COMMANDS_MAX);
    nonce_make(k->nonce);
    k->id = strdup(id);
    k->subject = k->id;
    if (!needs_delve) {
        k->tools.dlv = strdup("");
        k->tools.dlv_version = strdup("");
    }
    k->control_lines = supervisor_reader_new(k->nonce);
    k->text_lines = supervisor_reader_new(k->nonce);
    k->deadline = timer_new(loop, on_deadline, k);
    k->beat = timer_new(loop, on_beat, k);
    k->last_text = timer_new(loop, on_last_text_late, k);
    bool whole = k->id && (needs_delve || (k->tools.dlv && k->tools.dlv_version)) && k->control_lines &&
                 k->text_lines && k->deadline && k->beat && k->last_text;
    if (whole)
        k->control = link_shell(link, &control_events, k);
    if (!k->control) {
        keeper_free(k, false);
        return NULL;
    }
    struct buf script;
    buf_init(&script, KEEPER_COMMANDS_MAX);
    (void)supervisor_script(&script, k->nonce);
    (void)channel_write(k->control, script.data, script.len);
    buf_free(&script);
    timer_start(k->deadline, START_MS, 0);
    return k;
}

void keeper_log_as(struct keeper *k, const char *subject)
{
    k->subject = subject;
}

int keeper_run(struct keeper *k, const struct keeper_run *run)
{
    char line[LINE_SIZE];
    assert(k->is_ready && k->state == KEEPER_IDLE);
    keeper_streams_close(k, false);
    if (k->number && !k->text_ended)
        k->text_owed = k->number;
    k->number++;
    k->attaches = run->kind == KEEPER_DLV && run->plan->mode == DELVE_ATTACH;
    k->is_command = run->kind == KEEPER_COMMAND;
    k->has_streams = (run->kind == KEEPER_DLV && !k->attaches) || (k->is_command && run->streams);
    k->exited = k->text_ended = false;
    buf_clear(&k->params);
    if (keeper_run_params(k, run, &k->params) < 0)
        return -1;
    set_state(k, KEEPER_PREPARING, k->has_streams ? "with streams" : "without streams");
    (void)snprintf(line, sizeof line, "prepare %ld", k->number);
    timer_start(k->deadline, START_MS, 0);
    command(k, line);
    return 0;
}

void keeper_order(struct keeper *k)
{
    if (!k->handler || k->ending || (k->state != KEEPER_PREPARING && k->state != KEEPER_OPENING))
        return;
    timer_stop(k->deadline);
    set_state(k, KEEPER_RUNNING, "it is ordered");
    keeper_send(k, k->control, &k->params);
}

void keeper_launched(struct keeper *k)
{
    if (k->state == KEEPER_RUNNING)
        command(k, "launched");
}

void keeper_stop(struct keeper *k, bool at_once)
{
    switch (k->state) {
    case KEEPER_PREPARING:
    case KEEPER_OPENING:
        timer_stop(k->deadline);
        keeper_streams_close(k, false);
        k->exit_status = SIGNAL_STATUS + SIGTERM;
        k->text_ended = true; /* it never had any */
        set_state(k, KEEPER_DROPPED, "stopped before it was ordered");
        timer_start(k->last_text, 0, 0);
        break;
    case KEEPER_RUNNING:
        command(k, at_once ? "stop now" : k->attaches ? "stop detach" : "stop kill");
        break;
    case KEEPER_IDLE:
    case KEEPER_DROPPED:
        break;
    }
}

void keeper_end(struct keeper *k)
{
    k->ending = true;
    if (k->is_ready)
        timer_stop(k->deadline);
    if (!k->greeted) {
        /* Nothing may be sent to it yet, and nothing has been started: without the rest of its input the shell ends. */
        k->over = true;
        if (k->control)
            channel_shut(k->control);
        return;
    }
    keeper_pause_output(k, false);
    command(k, k->attaches ? "end detach" : "end kill");
}

const char *keeper_dir(const struct keeper *k)
{
    return k->dir;
}

void keeper_free(struct keeper *k, bool link_lost)
{
    if (!k)
        return;
    k->handler = NULL;
    k->freed = true;
    timer_free(k->deadline);
    timer_free(k->beat);
    timer_free(k->last_text);
    if (k->control && !link_lost)
        channel_close(k->control);
    k->control = NULL;
    keeper_streams_close(k, link_lost);
    if (k->reading == 0)
        destroy(k);
}
