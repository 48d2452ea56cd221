#include "proxy/cli/exec.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "proxy/base/log.h"
#include "proxy/base/sink.h"
#include "proxy/base/state.h"
#include "proxy/base/timer.h"
#include "proxy/cli/exec_input.h"
#include "proxy/cli/exec_target.h"
#include "proxy/machine/keeper.h"
#include "proxy/machine/machine.h"

enum {
    EXIT_WRONG = 2,           /* command line or configuration */
    EXIT_LOST = 255,          /* as ssh: not the command's own status */
    EXIT_SIGNAL = 128,        /* with a signal's number */
    QUEUE_HIGH = 1024 * 1024, /* bytes toward stdout or stderr at which the command is made to wait ... */
    QUEUE_LOW = 256 * 1024,   /* ... and at which it goes on */
    SLOW_MS = 2000,           /* from the beginning to a word about what it waits for */
    QUIET_MS = 1000,          /* without output after the command's end: somebody else holds its streams open */
    END_MS = 15 * 1000,       /* for the supervisor to report that nothing is left: before it counts as silent */
    WORDS_MAX = 4096
};

enum exec_state {
    EXEC_LINKING,  /* the link is awaited */
    EXEC_STARTING, /* the supervisor is awaited */
    EXEC_RUNNING,  /* the command runs */
    EXEC_EXITED,   /* it has ended; the rest of its output is awaited */
    EXEC_ENDING,   /* the supervisor's end is awaited */
    EXEC_OVER      /* only what is queued is written out */
};

static const char *const state_names[] = {"linking", "starting", "running", "exited", "ending", "over"};
static const unsigned legal_edges[] = {
    [EXEC_LINKING] = STATE_BIT(EXEC_STARTING) | STATE_BIT(EXEC_OVER),
    [EXEC_STARTING] = STATE_BIT(EXEC_RUNNING) | STATE_BIT(EXEC_ENDING) | STATE_BIT(EXEC_OVER),
    [EXEC_RUNNING] = STATE_BIT(EXEC_EXITED) | STATE_BIT(EXEC_ENDING) | STATE_BIT(EXEC_OVER),
    [EXEC_EXITED] = STATE_BIT(EXEC_ENDING) | STATE_BIT(EXEC_OVER),
    [EXEC_ENDING] = STATE_BIT(EXEC_OVER),
    [EXEC_OVER] = 0,
};
static const struct states states = {"", state_names, legal_edges};

static const int signal_numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
enum { SIGNALS = sizeof signal_numbers / sizeof *signal_numbers };

struct exec {
    uv_loop_t loop;
    const struct config_target *target;
    struct delve_plan plan; /* says no more than where the command runs */
    struct delve_strings command;
    struct machine *machine;
    struct link *link;
    struct keeper *keeper;
    struct sink *out, *err;
    struct exec_input *in; /* NULL: none, or it is over */
    struct timer *step;
    uv_signal_t signals[SIGNALS];
    enum exec_state state;
    int status; /* ours; -1: not yet known */
    bool output_ended, paused;
    bool signalled;            /* the command was sent a signal of ours */
    bool slow;                 /* linking takes long, or the connection is lost */
    char waits_for[WORDS_MAX]; /* until then, its last note */
};

static void set_state(struct exec *x, enum exec_state state, const char *reason)
{
    x->state = (enum exec_state)state_next(&states, x->state, state, CONFIG_LOG_DEBUG, "exec", reason);
}

/* Our own words, apart from the command's by their prefix. */
static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...)
{
    char text[WORDS_MAX];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    for (char *line = text, *end; line; line = end) {
        end = strchr(line, '\n');
        if (end)
            *end++ = '\0';
        (void)fprintf(stderr, "delvegate: %s\n", line);
    }
}

static void stop_when_written(struct exec *x)
{
    if (x->state == EXEC_OVER && sink_queued(x->out) == 0 && sink_queued(x->err) == 0)
        uv_stop(&x->loop);
}

static void stop_input(void *arg)
{
    struct exec *x = arg;
    exec_input_free(x->in);
    x->in = NULL;
}

/* Nothing of the command is left, or nothing can be done about it any more. Once it is over, what is queued may keep us
 * here, and what the supervisor and the link still report changes nothing. */
static void finish(struct exec *x, int status, const char *reason)
{
    if (x->state == EXEC_OVER) {
        log_debug("exec", "after the end: %s", reason);
        return;
    }
    timer_stop(x->step);
    stop_input(x);
    if (x->status < 0)
        x->status = status;
    set_state(x, EXEC_OVER, reason);
    stop_when_written(x);
}

static void end_supervisor(struct exec *x, const char *reason)
{
    if (x->state >= EXEC_ENDING)
        return;
    stop_input(x);
    set_state(x, EXEC_ENDING, reason);
    timer_start(x->step, END_MS, 0);
    keeper_end(x->keeper);
}

/* --- output --- */

static void on_progress(void *arg)
{
    struct exec *x = arg;
    int error = sink_error(x->out) ? sink_error(x->out) : sink_error(x->err);
    if (error && x->state == EXEC_RUNNING) {
        if (error != UV_EPIPE)
            say("cannot write the command's output: %s; it is ended", uv_strerror(error));
        x->status = error == UV_EPIPE ? EXIT_SIGNAL + SIGPIPE : EXIT_LOST;
        end_supervisor(x, "nobody reads the output");
    }
    if (x->paused && x->keeper && sink_queued(x->out) <= QUEUE_LOW && sink_queued(x->err) <= QUEUE_LOW) {
        x->paused = false;
        keeper_pause_output(x->keeper, false);
    }
    if (x->state == EXEC_EXITED && !x->output_ended)
        timer_start(x->step, QUIET_MS, 0);
    stop_when_written(x);
}

static void on_output(void *arg, enum channel_source source, const char *data, size_t len)
{
    struct exec *x = arg;
    struct sink *sink = source == CHANNEL_STDERR ? x->err : x->out;
    if (x->state == EXEC_OVER)
        return; /* more of it would keep us here without end */
    if (sink_write(sink, data, len) < 0 && x->state < EXEC_ENDING) {
        say("out of memory while writing the command's output; it is ended");
        x->status = EXIT_LOST;
        end_supervisor(x, "out of memory");
        return;
    }
    if (!x->paused && x->state < EXEC_ENDING && sink_queued(sink) >= QUEUE_HIGH) {
        x->paused = true;
        keeper_pause_output(x->keeper, true);
    }
    if (x->state == EXEC_EXITED)
        timer_start(x->step, QUIET_MS, 0);
}

static void end_if_done(struct exec *x)
{
    if (x->state == EXEC_EXITED && x->output_ended)
        end_supervisor(x, "all output is here");
}

static void on_output_ended(void *arg)
{
    struct exec *x = arg;
    x->output_ended = true;
    end_if_done(x);
}

/* --- the supervisor --- */

static void on_ready(void *arg, const struct keeper_tools *tools)
{
    struct exec *x = arg;
    const struct keeper_run run = {.kind = KEEPER_COMMAND,
                                   .plan = &x->plan,
                                   .command = &x->command,
                                   .streams = true,
                                   .input = !exec_input_is_null(STDIN_FILENO)};
    log_debug("exec", "%s (%s), GOCACHE %s, GOMODCACHE %s", tools->go_version, tools->go, tools->gocache,
              tools->gomodcache);
    if (x->state != EXEC_STARTING)
        return;
    set_state(x, EXEC_RUNNING, "the supervisor is ready");
    if (keeper_run(x->keeper, &run) < 0)
        say("the command with its arguments is too long, or memory ran out");
    else if (!run.input || (x->in = exec_input_new(&x->loop, STDIN_FILENO, x->keeper, say)) != NULL)
        return;
    else
        say("out of memory for the command's input; it is ended");
    x->status = EXIT_LOST;
    end_supervisor(x, "no command");
}

static void on_input_drained(void *arg)
{
    struct exec *x = arg;
    exec_input_go_on(x->in);
}

static void on_words(void *arg, const char *text)
{
    (void)arg;
    say("%s", text);
}

static void on_misplaced(void *arg, enum delve_misplaced_kind kind, const char *path)
{
    struct exec *x = arg;
    struct err why;
    const struct delve_misplaced_at at = {
        .where = x->machine->where, .target = x->target->name, .is_local = x->machine->is_local};
    (void)delve_misplaced_explain(&x->plan, kind, path, &at, &why);
    say("%s", why.text);
}

static void on_exited(void *arg, int status)
{
    struct exec *x = arg;
    if (x->state != EXEC_RUNNING)
        return;
    stop_input(x);
    x->status = status;
    set_state(x, EXEC_EXITED, "the command has ended");
    timer_start(x->step, QUIET_MS, 0);
    end_if_done(x);
}

static void on_ended(void *arg)
{
    struct exec *x = arg;
    stop_input(x);
    keeper_free(x->keeper, false);
    x->keeper = NULL;
    if (x->status < 0)
        say("the supervisor on %s ended the command: its lease of %ld s was over", x->machine->where,
            x->target->lease_seconds);
    finish(x, EXIT_LOST, "nothing is left");
}

static void on_failed(void *arg, const struct err *why)
{
    struct exec *x = arg;
    if (x->state != EXEC_OVER)
        say("%s", why->text);
    stop_input(x);
    keeper_free(x->keeper, false);
    x->keeper = NULL;
    finish(x, EXIT_LOST, why->text);
}

static const struct keeper_handler keeper_events = {
    .ready = on_ready,
    .note = on_words,
    .misplaced = on_misplaced,
    .log = on_words,
    .build_output = on_words,
    .output = on_output,
    .output_ended = on_output_ended,
    .input_drained = on_input_drained,
    .input_closed = stop_input,
    .exited = on_exited,
    .ended = on_ended,
    .failed = on_failed,
};

/* --- the link --- */

static void on_link_ready(void *arg)
{
    struct exec *x = arg;
    if (x->state != EXEC_LINKING)
        return;
    timer_stop(x->step);
    x->slow = false;
    x->keeper = keeper_start(&x->loop, x->link, x->target, "exec", false, &keeper_events, x);
    if (x->keeper) {
        set_state(x, EXEC_STARTING, x->machine->where);
        return;
    }
    say("out of memory");
    finish(x, EXIT_LOST, "out of memory");
}

static void on_link_lost(void *arg, const struct err *why, bool transient)
{
    struct exec *x = arg;
    (void)transient;
    x->link = NULL;
    if (x->state != EXEC_OVER)
        say("%s", why->text);
    if (x->state != EXEC_OVER && x->keeper)
        say("what was started there ends when its lease of %ld s is over", x->target->lease_seconds);
    stop_input(x);
    keeper_free(x->keeper, true);
    x->keeper = NULL;
    finish(x, EXIT_LOST, why->text);
}

/* Only who has to wait wants to know for what. */
static void on_link_note(void *arg, const char *text)
{
    struct exec *x = arg;
    if (x->state == EXEC_OVER)
        return;
    if (x->slow)
        say("%s", text);
    else
        (void)snprintf(x->waits_for, sizeof x->waits_for, "%s", text);
}

/* The words about a loss have come before. */
static void on_link_outage(void *arg, const char *text)
{
    struct exec *x = arg;
    bool was_slow = x->slow;
    x->slow = text != NULL;
    if (text && !was_slow && x->state != EXEC_OVER)
        say("%s", x->waits_for);
    else if (!text && x->state != EXEC_OVER)
        say("the connection to %s is back", x->machine->where);
}

static const struct link_handler link_events = {
    .ready = on_link_ready, .note = on_link_note, .outage = on_link_outage, .lost = on_link_lost};

/* --- time and signals --- */

static void on_step(void *arg)
{
    struct exec *x = arg;
    if (x->state == EXEC_EXITED) {
        /* While we write slowly, silence says nothing. */
        if (x->paused || sink_queued(x->out) || sink_queued(x->err))
            timer_start(x->step, QUIET_MS, 0);
        else
            end_supervisor(x, "somebody else holds the output open");
        return;
    }
    if (x->state == EXEC_LINKING) {
        x->slow = true;
        if (x->waits_for[0])
            say("%s", x->waits_for);
        return;
    }
    if (x->state != EXEC_ENDING)
        return;
    say("the supervisor on %s did not report the end within %d s; what is left there ends when its lease is over",
        x->machine->where, END_MS / 1000);
    finish(x, EXIT_LOST, "gave up waiting");
}

/* The first one is the command's, which may catch it; one more ends the command. */
static void on_signal(uv_signal_t *handle, int number)
{
    struct exec *x = handle->data;
    bool first = x->state < EXEC_ENDING;
    log_debug("exec", "signal %d", number);
    if (x->state == EXEC_RUNNING && !x->signalled) {
        x->signalled = true;
        keeper_signal(x->keeper, number);
        link_wake(x->link);
        return;
    }
    if (first || x->status < 0)
        x->status = EXIT_SIGNAL + number;
    if (x->state == EXEC_STARTING || x->state == EXEC_RUNNING || x->state == EXEC_EXITED) {
        end_supervisor(x, "a signal");
    } else {
        if (x->state != EXEC_OVER)
            finish(x, x->status, "a signal");
        uv_stop(&x->loop); /* what is queued may have no reader */
    }
}

/* --- from begin to end --- */

/* A descriptor of these that is closed would be given to a connection, and the output written into it. */
static void hold_standard_descriptors(void)
{
    int fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO)
        fd = open("/dev/null", O_RDWR);
    if (fd >= 0)
        (void)close(fd);
}

static int start(struct exec *x)
{
    hold_standard_descriptors();
    uv_loop_init(&x->loop);
    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < SIGNALS; i++) {
        uv_signal_init(&x->loop, &x->signals[i]);
        x->signals[i].data = x;
        uv_signal_start(&x->signals[i], on_signal, signal_numbers[i]);
    }
    x->out = sink_new(&x->loop, STDOUT_FILENO, on_progress, x);
    x->err = sink_new(&x->loop, STDERR_FILENO, on_progress, x);
    x->step = timer_new(&x->loop, on_step, x);
    x->machine = machine_of_target(&x->loop, x->target);
    if (x->out && x->err && x->step && x->machine)
        x->link = machine_link(x->machine, &link_events, x);
    if (x->link) {
        timer_start(x->step, SLOW_MS, 0);
        return 0;
    }
    say("out of memory");
    return -1;
}

static void close_signal(uv_handle_t *h, void *arg)
{
    (void)arg;
    if (!uv_is_closing(h) && h->type == UV_SIGNAL)
        uv_close(h, NULL);
}

static void clean_up(struct exec *x)
{
    /* A write that hangs can't be waited for. */
    if ((x->out && sink_queued(x->out)) || (x->err && sink_queued(x->err)))
        _exit(x->status < 0 ? EXIT_LOST : x->status);
    stop_input(x);
    keeper_free(x->keeper, false);
    if (x->link)
        link_close(x->link);
    machine_release(x->machine);
    timer_free(x->step);
    sink_free(x->out);
    sink_free(x->err);
    uv_walk(&x->loop, close_signal, NULL);
    machine_forget(&x->loop);
    while (uv_run(&x->loop, UV_RUN_ONCE) != 0)
        continue;
    uv_loop_close(&x->loop);
}

int exec_run(const struct config *config, const struct exec_options *o)
{
    struct exec x = {.status = -1, .plan = {.mode = DELVE_EXEC}};
    x.target = exec_target_find(config, o->target, say);
    if (!x.target)
        return EXIT_WRONG;
    while (o->command[x.command.count])
        x.command.count++;
    x.command.list = o->command;
    if (x.command.count == 0) {
        say("exec needs a command: delvegate exec %s -- COMMAND", x.target->name);
        return EXIT_WRONG;
    }
    if (exec_target_cwd(x.target, o->cwd, &x.plan, say) < 0) {
        delve_source_free(&x.plan.cwd_from);
        free(x.plan.build_dir);
        return EXIT_WRONG;
    }
    /* stderr belongs to the command. */
    log_set_level(config->log_level == CONFIG_LOG_DEBUG ? CONFIG_LOG_DEBUG : CONFIG_LOG_ERROR);
    if (start(&x) == 0)
        uv_run(&x.loop, UV_RUN_DEFAULT);
    clean_up(&x);
    delve_source_free(&x.plan.cwd_from);
    free(x.plan.build_dir);
    return x.status < 0 ? EXIT_LOST : x.status;
}
