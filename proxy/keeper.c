#include "proxy/keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delve/supervisor.h"
#include "proxy/nonce.h"
#include "proxy/timer.h"

enum {
    COMMANDS_MAX =
        32 * 1024 * 1024, /* bytes of parameters in one batch: 4 MiB of launch arguments, escaped, and the script */
    START_MS = 60 * 1000, /* from starting the shell to `ready`: a login shell may be slow, tools are looked for */
    LAST_TEXT_MS = 2000,  /* from dlv's exit to the last line it wrote */
    LEASE_BEATS = 3,      /* a short lease is renewed this often within its time */
    RUN = 1               /* the one run of a session: its number */
};

struct keeper {
    struct link *link;
    const struct config_target *target;
    const struct keeper_handler *handler; /* NULL once it is over */
    void *arg;
    char nonce[NONCE_SIZE];
    char *id, *dir;
    struct keeper_tools tools;
    bool is_local;

    struct channel *control; /* commands; control lines on stdout, log and build output on stderr */
    struct supervisor_reader *control_lines, *text_lines;
    struct channel *streams; /* the program's stdout and stderr */
    struct supervisor_reader *out_opening, *err_opening;

    const struct delve_plan *plan;
    struct timer *deadline, *beat, *last_text;
    bool greeted, is_ready, is_running;
    bool over; /* all is reaped, or nothing was started: only the shell's own end is awaited */
    bool out_open, err_open;
    bool exited, text_ended;
    int exit_status;
    int reading; /* depth of channel handlers: memory is freed when the last returns */
    bool freed;
};

static void destroy(struct keeper *k)
{
    supervisor_reader_free(k->control_lines);
    supervisor_reader_free(k->text_lines);
    supervisor_reader_free(k->out_opening);
    supervisor_reader_free(k->err_opening);
    free(k->tools.go);
    free(k->tools.go_version);
    free(k->tools.dlv);
    free(k->tools.dlv_version);
    free(k->tools.gocache);
    free(k->tools.gomodcache);
    free(k->id);
    free(k->dir);
    free(k);
}

static void leave(struct keeper *k)
{
    if (--k->reading == 0 && k->freed)
        destroy(k);
}

static void fail(struct keeper *k, const struct err *why)
{
    const struct keeper_handler *handler = k->handler;
    k->handler = NULL;
    timer_stop(k->deadline);
    timer_stop(k->beat);
    if (handler)
        handler->failed(k->arg, why);
}

static void fail_memory(struct keeper *k)
{
    struct err why;
    err_set(&why, "out of memory while talking to the supervisor on %s", k->link->transport->where);
    fail(k, &why);
}

/* Sends a batch of commands and frees it. */
static void send_batch(struct keeper *k, struct channel *to, struct buf *batch)
{
    if (batch->failed)
        fail_memory(k);
    else if (to && batch->len)
        (void)channel_write(to, batch->data, batch->len); /* small beside the water marks; the far side always reads */
    buf_free(batch);
}

static void command(struct keeper *k, const char *line)
{
    struct buf batch;
    buf_init(&batch, COMMANDS_MAX);
    (void)supervisor_command(&batch, line);
    send_batch(k, k->control, &batch);
}

static void param_if(struct buf *batch, const char *key, const char *value)
{
    if (value)
        (void)supervisor_param(batch, key, value);
}

static void param_pair(struct buf *batch, const char *key, const char *name, const char *value)
{
    struct buf pair;
    buf_init(&pair, COMMANDS_MAX);
    if (buf_printf(&pair, "%s=%s", name, value) < 0)
        batch->failed = true;
    else
        (void)supervisor_param(batch, key, pair.data);
    buf_free(&pair);
}

static void send_session_params(struct keeper *k)
{
    const struct config_target *t = k->target;
    struct buf batch;
    char lease[32];
    buf_init(&batch, COMMANDS_MAX);
    (void)snprintf(lease, sizeof lease, "%ld", t->lease_seconds);
    (void)supervisor_param(&batch, "role", "session");
    (void)supervisor_param(&batch, "transport", k->is_local ? "local" : "ssh");
    (void)supervisor_param(&batch, "id", k->id);
    (void)supervisor_param(&batch, "lease", lease);
    param_if(&batch, "GOCACHE", t->gocache);
    param_if(&batch, "GOMODCACHE", t->gomodcache);
    param_if(&batch, "go", t->go_path);
    param_if(&batch, "dlv", t->delve_path);
    for (size_t i = 0; i < t->go_env_count; i++)
        param_pair(&batch, "goenv", t->go_env[i].name, t->go_env[i].value);
    (void)supervisor_command(&batch, "begin");
    send_batch(k, k->control, &batch);
}

static void run_path(const struct keeper *k, const char *name, struct buf *out)
{
    buf_init(out, COMMANDS_MAX);
    (void)buf_printf(out, "%s/%d/%s", k->dir, RUN, name);
}

static void send_run(struct keeper *k)
{
    const struct delve_plan *plan = k->plan;
    struct buf batch, output, log, out, err;
    struct delve_strings argv = {0};
    run_path(k, plan->mode == DELVE_TEST ? "debug.test" : "__debug_bin", &output);
    run_path(k, "log", &log);
    run_path(k, "out", &out);
    run_path(k, "err", &err);
    struct delve_run_paths paths = {.output = output.data, .log = log.data};
    if (plan->mode != DELVE_ATTACH) {
        paths.out = out.data;
        paths.err = err.data;
    }
    buf_init(&batch, COMMANDS_MAX);
    if (delve_plan_argv(plan, &paths, k->target->delve_log_output, &argv) < 0)
        batch.failed = true;
    for (size_t i = 0; i < argv.count; i++)
        (void)supervisor_param(&batch, "arg", argv.list[i]);
    for (size_t i = 0; i < plan->env_count; i++) {
        if (plan->env[i].value)
            param_pair(&batch, "env", plan->env[i].name, plan->env[i].value);
        else
            (void)supervisor_param(&batch, "unset", plan->env[i].name);
    }
    param_if(&batch, "cwd", plan->build_dir);
    if (plan->mode == DELVE_ATTACH)
        (void)supervisor_param(&batch, "attach", "1");
    (void)supervisor_command(&batch, "run 1");
    send_batch(k, k->control, &batch);
    delve_strings_free(&argv);
    buf_free(&output);
    buf_free(&log);
    buf_free(&out);
    buf_free(&err);
}

static void report_exit(struct keeper *k)
{
    if (!k->exited || !k->handler || !k->is_running)
        return;
    k->is_running = false;
    timer_stop(k->last_text);
    k->handler->exited(k->arg, k->exit_status);
}

static void on_last_text_late(void *arg)
{
    report_exit(arg);
}

static void on_deadline(void *arg)
{
    struct keeper *k = arg;
    struct err why;
    const char *noise = supervisor_reader_noise(k->control_lines);
    if (k->greeted)
        err_set(
            &why,
            "the supervisor on %s did not get ready within %d s; look for a hanging login shell or file system there",
            k->link->transport->where, START_MS / 1000);
    else
        err_set(
            &why,
            "the login shell on %s did not run sh within %d s%s%s; check that `ssh HOST sh` works without a question",
            k->link->transport->where, START_MS / 1000, *noise ? "; it printed: " : "", noise);
    fail(k, &why);
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
    if (k->is_ready || !k->dir || !k->tools.go || !k->tools.dlv || !k->tools.go_version || !k->tools.dlv_version)
        return;
    long seconds = k->target->lease_seconds / LEASE_BEATS;
    if (seconds > SUPERVISOR_BEAT_SECONDS)
        seconds = SUPERVISOR_BEAT_SECONDS;
    if (seconds < 1)
        seconds = 1;
    k->is_ready = true;
    timer_stop(k->deadline);
    timer_start(k->beat, (uint64_t)seconds * 1000, (uint64_t)seconds * 1000);
    k->handler->ready(k->arg, &k->tools);
}

static void open_streams(struct keeper *k);

static void on_error_line(struct keeper *k, const struct supervisor_line *line)
{
    struct err why;
    err_set(&why, "%s (on %s)", line->text ? line->text : line->name, k->link->transport->where);
    if (k->is_ready)
        k->handler->note(k->arg, why.text);
    else
        fail(k, &why);
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
        fail(k, &why);
        break;
    case SUPERVISOR_TOOL:
        set_tool(k, line);
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
        if (k->plan && k->plan->mode != DELVE_ATTACH)
            open_streams(k);
        else if (k->plan)
            send_run(k);
        break;
    case SUPERVISOR_EXITED:
        k->exited = true;
        k->exit_status = line->status;
        timer_start(k->last_text, k->text_ended ? 0 : LAST_TEXT_MS, 0);
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
        fail_memory(k);
        return;
    }
    on_parsed(k, &line);
    free(line.text);
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
        k->handler->log(k->arg, rest);
        break;
    case SUPERVISOR_TEXT_OUTPUT:
        k->handler->build_output(k->arg, rest);
        break;
    case SUPERVISOR_TEXT_END:
        k->text_ended = true;
        if (k->exited)
            report_exit(k);
        break;
    case SUPERVISOR_TEXT_OTHER:
        break;
    }
}

static void on_control_data(void *arg, enum channel_source source, const char *data, size_t len)
{
    struct keeper *k = arg;
    k->reading++;
    int r = source == CHANNEL_STDOUT ? supervisor_reader_feed(k->control_lines, data, len, on_control_line, k)
                                     : supervisor_reader_feed(k->text_lines, data, len, on_text_line, k);
    if (r < 0)
        fail_memory(k);
    leave(k);
}

static void on_control_closed(void *arg, const struct err *closed, int exit_status)
{
    struct keeper *k = arg;
    struct err why;
    k->control = NULL;
    k->reading++;
    timer_stop(k->deadline);
    if (k->over) {
        const struct keeper_handler *handler = k->handler;
        k->handler = NULL;
        if (handler)
            handler->ended(k->arg);
        leave(k);
        return;
    }
    if (closed->text[0])
        why = *closed;
    else
        err_set(&why, "the supervisor on %s ended by itself (exit status %d)", k->link->transport->where, exit_status);
    if (!k->greeted && *supervisor_reader_noise(k->control_lines))
        err_prefix(&why, "the login shell printed: %s; ", supervisor_reader_noise(k->control_lines));
    fail(k, &why);
    leave(k);
}

static const struct channel_handler control_events = {.data = on_control_data, .closed = on_control_closed};

struct keeper *keeper_start(uv_loop_t *loop, struct link *link, const struct config_target *target, const char *id,
                            const struct keeper_handler *h, void *arg)
{
    struct keeper *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    k->link = link;
    k->target = target;
    k->handler = h;
    k->arg = arg;
    k->is_local = link->transport->is_local;
    nonce_make(k->nonce);
    k->id = strdup(id);
    k->control_lines = supervisor_reader_new(k->nonce);
    k->text_lines = supervisor_reader_new(k->nonce);
    k->out_opening = supervisor_reader_new(k->nonce);
    k->err_opening = supervisor_reader_new(k->nonce);
    k->deadline = timer_new(loop, on_deadline, k);
    k->beat = timer_new(loop, on_beat, k);
    k->last_text = timer_new(loop, on_last_text_late, k);
    bool whole = k->id && k->control_lines && k->text_lines && k->out_opening && k->err_opening && k->deadline &&
                 k->beat && k->last_text;
    if (whole)
        k->control = link_shell(link, &control_events, k);
    if (!k->control) {
        keeper_free(k, false);
        return NULL;
    }
    struct buf script;
    buf_init(&script, COMMANDS_MAX);
    (void)supervisor_script(&script, k->nonce);
    (void)channel_write(k->control, script.data, script.len);
    buf_free(&script);
    timer_start(k->deadline, START_MS, 0);
    return k;
}

int keeper_run(struct keeper *k, const struct delve_plan *plan)
{
    k->plan = plan;
    k->is_running = true;
    command(k, "prepare 1");
    return 0;
}

static void send_stream_params(struct keeper *k)
{
    struct buf batch;
    buf_init(&batch, COMMANDS_MAX);
    (void)supervisor_param(&batch, "role", "streams");
    (void)supervisor_param(&batch, "dir", k->dir);
    (void)supervisor_param(&batch, "run", "1");
    (void)supervisor_command(&batch, "begin");
    send_batch(k, k->streams, &batch);
}

static void on_stream_data(void *arg, enum channel_source source, const char *data, size_t len)
{
    struct keeper *k = arg;
    bool is_out = source == CHANNEL_STDOUT;
    bool *open = is_out ? &k->out_open : &k->err_open;
    k->reading++;
    if (!*open) {
        struct supervisor_reader *r = is_out ? k->out_opening : k->err_opening;
        bool was_greeted = supervisor_reader_greeted(r);
        size_t rest = supervisor_reader_strip(r, data, len);
        data += len - rest;
        len = rest;
        *open = supervisor_reader_open(r);
        if (is_out && !was_greeted && supervisor_reader_greeted(r))
            send_stream_params(k);
        if (*open && k->out_open && k->err_open && k->handler)
            send_run(k);
    }
    if (*open && len && k->handler)
        k->handler->output(k->arg, source, data, len);
    leave(k);
}

static void on_stream_closed(void *arg, const struct err *why, int exit_status)
{
    struct keeper *k = arg;
    (void)exit_status;
    k->streams = NULL;
    if (!k->handler)
        return;
    k->reading++;
    if (k->out_open && k->err_open) {
        if (why->text[0])
            k->handler->note(k->arg, why->text);
        k->handler->output_ended(k->arg);
    } else {
        struct err e;
        err_set(&e, "no shell for the program's output on %s%s%s", k->link->transport->where, why->text[0] ? ": " : "",
                why->text);
        fail(k, &e);
    }
    leave(k);
}

static const struct channel_handler stream_events = {.data = on_stream_data, .closed = on_stream_closed};

static void open_streams(struct keeper *k)
{
    struct buf script;
    k->streams = link_shell(k->link, &stream_events, k);
    if (!k->streams) {
        fail_memory(k);
        return;
    }
    buf_init(&script, COMMANDS_MAX);
    (void)supervisor_script(&script, k->nonce);
    send_batch(k, k->streams, &script);
}

void keeper_launched(struct keeper *k)
{
    command(k, "launched");
}

void keeper_pause_output(struct keeper *k, bool paused)
{
    if (k->streams)
        channel_pause(k->streams, paused);
}

void keeper_end(struct keeper *k)
{
    bool detach = k->plan && k->plan->mode == DELVE_ATTACH;
    if (!k->greeted) {
        /* Nothing may be sent to it yet, and nothing has been started: without the rest of its input the shell ends. */
        k->over = true;
        channel_shut(k->control);
        return;
    }
    if (k->streams)
        channel_pause(k->streams, false);
    command(k, detach ? "end detach" : "end kill");
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
    if (k->streams && !link_lost)
        channel_close(k->streams);
    k->control = k->streams = NULL;
    if (k->reading == 0)
        destroy(k);
}
