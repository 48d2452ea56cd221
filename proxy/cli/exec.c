#include "proxy/cli/exec.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>
#include <uv.h>

#include "proxy/base/fd_writer.h"
#include "proxy/base/log.h"
#include "proxy/base/state.h"
#include "proxy/base/timer.h"
#include "proxy/cli/exec_input.h"

enum {
    EXIT_LOST = 255,          /* as ssh: not the command's own status */
    EXIT_SIGNAL = 128,        /* with a signal's number */
    QUEUE_HIGH = 1024 * 1024, /* bytes toward stdout or stderr at which the command is made to wait ... */
    QUEUE_LOW = 256 * 1024,   /* ... and at which it goes on */
    QUIET_MS = 1000,          /* without output after the command's end: somebody else holds its streams open */
    END_MS = 15 * 1000        /* for the supervisor to report that nothing is left: before it counts as silent */
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

struct exec {
    struct one_shot *shot;
    struct one_shot_dir dir; /* --cwd */
    struct delve_plan plan;  /* says no more than where the command runs; its strings are dir's */
    struct delve_strings command;
    struct fd_writer *out, *err;
    struct exec_input *in; /* NULL: none, or it is over */
    struct timer *step;
    enum exec_state state;
    int status; /* ours; -1: not yet known */
    bool output_ended, paused;
    bool signalled; /* the command was sent a signal of ours */
};

static void set_state(struct exec *x, enum exec_state state, const char *reason)
{
    x->state = (enum exec_state)state_next(&states, x->state, state, CONFIG_LOG_DEBUG, "exec", reason);
}

static void stop_when_written(struct exec *x)
{
    if (x->state == EXEC_OVER && fd_writer_queued(x->out) == 0 && fd_writer_queued(x->err) == 0)
        one_shot_stop(x->shot);
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
    one_shot_over(x->shot);
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
    keeper_end(x->shot->keeper);
}

/* --- output --- */

static void on_progress(void *arg)
{
    struct exec *x = arg;
    int error = fd_writer_error(x->out) ? fd_writer_error(x->out) : fd_writer_error(x->err);
    if (error && x->state == EXEC_RUNNING) {
        if (error != UV_EPIPE)
            one_shot_report("cannot write the command's output: %s; the command is ended", uv_strerror(error));
        x->status = error == UV_EPIPE ? EXIT_SIGNAL + SIGPIPE : EXIT_LOST;
        end_supervisor(x, "the output is closed");
    }
    if (x->paused && x->shot->keeper && fd_writer_queued(x->out) <= QUEUE_LOW &&
        fd_writer_queued(x->err) <= QUEUE_LOW) {
        x->paused = false;
        keeper_pause_output(x->shot->keeper, false);
    }
    if (x->state == EXEC_EXITED && !x->output_ended)
        timer_start(x->step, QUIET_MS, 0);
    stop_when_written(x);
}

static void on_output(void *arg, enum channel_source source, const char *data, size_t len)
{
    struct exec *x = arg;
    struct fd_writer *writer = source == CHANNEL_STDERR ? x->err : x->out;
    if (x->state == EXEC_OVER)
        return; /* more of it would keep us here without end */
    if (fd_writer_write(writer, data, len) < 0 && x->state < EXEC_ENDING) {
        one_shot_report("out of memory while writing the command's output; the command is ended");
        x->status = EXIT_LOST;
        end_supervisor(x, "out of memory");
        return;
    }
    if (!x->paused && x->state < EXEC_ENDING && fd_writer_queued(writer) >= QUEUE_HIGH) {
        x->paused = true;
        keeper_pause_output(x->shot->keeper, true);
    }
    if (x->state == EXEC_EXITED)
        timer_start(x->step, QUIET_MS, 0);
}

static void end_if_done(struct exec *x)
{
    if (x->state == EXEC_EXITED && x->output_ended)
        end_supervisor(x, "all output has arrived");
}

static void on_output_ended(void *arg)
{
    struct exec *x = arg;
    x->output_ended = true;
    end_if_done(x);
}

/* --- the supervisor --- */

static void on_begun(void *arg)
{
    struct exec *x = arg;
    set_state(x, EXEC_STARTING, x->shot->machine->where);
}

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
    if (keeper_run(x->shot->keeper, &run) < 0)
        one_shot_report("the command with its arguments is too long, or out of memory");
    else if (!run.input || (x->in = exec_input_new(&x->shot->loop, STDIN_FILENO, x->shot->keeper)) != NULL)
        return;
    else
        one_shot_report("out of memory for the command's input; the command is ended");
    x->status = EXIT_LOST;
    end_supervisor(x, "no command");
}

static void on_input_drained(void *arg)
{
    struct exec *x = arg;
    exec_input_resume(x->in);
}

static void on_text(void *arg, const char *text)
{
    (void)arg;
    one_shot_report("%s", text);
}

static void on_path_error(void *arg, enum delve_path_error kind, const char *path)
{
    struct exec *x = arg;
    struct err why;
    const struct delve_path_error_at at = {
        .where = x->shot->machine->where, .target = x->shot->target->name, .is_local = x->shot->machine->is_local};
    delve_path_error_explain(&x->plan, kind, path, &at, &why);
    one_shot_report("%s", why.text);
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
    if (x->status < 0)
        one_shot_report("the supervisor on %s ended the command: its lease of %ld s expired", x->shot->machine->where,
                        x->shot->target->lease_seconds);
    finish(x, EXIT_LOST, "everything has ended");
}

static void on_failed(void *arg, const struct err *why)
{
    struct exec *x = arg;
    one_shot_report("%s", why->text);
    if (!x->shot->link && x->shot->keeper)
        one_shot_report("what was started on the Go machine ends when its lease of %ld s expires",
                        x->shot->target->lease_seconds);
    finish(x, EXIT_LOST, why->text);
}

static const struct keeper_handler keeper_events = {
    .ready = on_ready,
    .note = on_text,
    .path_error = on_path_error,
    .log = on_text,
    .build_output = on_text,
    .output = on_output,
    .output_ended = on_output_ended,
    .input_drained = on_input_drained,
    .input_closed = stop_input,
    .exited = on_exited,
    .ended = on_ended,
    .failed = on_failed,
};

/* --- time and signals --- */

static void on_step(void *arg)
{
    struct exec *x = arg;
    if (x->state == EXEC_EXITED) {
        /* While we write slowly, silence says nothing. */
        if (x->paused || fd_writer_queued(x->out) || fd_writer_queued(x->err))
            timer_start(x->step, QUIET_MS, 0);
        else
            end_supervisor(x, "another process holds the output open");
        return;
    }
    if (x->state != EXEC_ENDING)
        return;
    one_shot_report("the supervisor on %s did not report the end within %d s; what still runs on that machine ends "
                    "when its lease expires",
                    x->shot->machine->where, END_MS / 1000);
    finish(x, EXIT_LOST, "stopped waiting");
}

/* The first one is the command's, which may catch it; one more ends the command. */
static void on_signal(void *arg, int number)
{
    struct exec *x = arg;
    bool first = x->state < EXEC_ENDING;
    log_debug("exec", "signal %d", number);
    if (x->state == EXEC_RUNNING && !x->signalled) {
        x->signalled = true;
        keeper_signal(x->shot->keeper, number);
        link_wake(x->shot->link);
        return;
    }
    if (first || x->status < 0)
        x->status = EXIT_SIGNAL + number;
    if (x->state == EXEC_STARTING || x->state == EXEC_RUNNING || x->state == EXEC_EXITED) {
        end_supervisor(x, "a signal");
    } else {
        if (x->state != EXEC_OVER)
            finish(x, x->status, "a signal");
        one_shot_stop(x->shot); /* what is queued may have no reader */
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

static bool open_streams(struct exec *x)
{
    x->out = fd_writer_new(&x->shot->loop, STDOUT_FILENO, on_progress, x);
    x->err = fd_writer_new(&x->shot->loop, STDERR_FILENO, on_progress, x);
    x->step = timer_new(&x->shot->loop, on_step, x);
    return x->out && x->err && x->step;
}

static void close_streams(struct exec *x)
{
    /* A write that hangs can't be waited for. */
    if ((x->out && fd_writer_queued(x->out)) || (x->err && fd_writer_queued(x->err)))
        _exit(x->status < 0 ? EXIT_LOST : x->status);
    stop_input(x);
    timer_free(x->step);
    fd_writer_free(x->out);
    fd_writer_free(x->err);
}

/* Returns 0, -1 after a report when the command line has none, or no directory to run it in. */
static int take_command(struct exec *x, const struct one_shot_options *o)
{
    struct err why;
    x->command.list = o->command;
    while (o->command[x->command.count])
        x->command.count++;
    if (x->command.count == 0) {
        one_shot_report("exec needs a command: delvegate exec %s -- COMMAND", x->shot->target->name);
        return -1;
    }
    if (!o->cwd)
        return 0;
    if (one_shot_dir_find(&x->dir, x->shot->target, o->cwd, &why) < 0) {
        one_shot_report("%s", why.text);
        return -1;
    }
    x->plan.build_dir = x->dir.path;
    x->plan.cwd_from = (struct delve_source){
        .attribute = "--cwd", .given = x->dir.given, .rules = x->dir.rules, .is_mapped = x->dir.is_mapped};
    return 0;
}

static int run(struct one_shot *s, const struct one_shot_options *o)
{
    struct exec x = {.shot = s, .status = -1, .plan = {.mode = DELVE_EXEC}};
    if (take_command(&x, o) < 0) {
        one_shot_dir_free(&x.dir);
        return ONE_SHOT_WRONG;
    }
    hold_standard_descriptors();
    if (one_shot_start(s, &x) == 0 && open_streams(&x))
        one_shot_wait(s);
    else
        one_shot_report("out of memory");
    close_streams(&x);
    one_shot_dir_free(&x.dir);
    return x.status < 0 ? EXIT_LOST : x.status;
}

const struct one_shot_command exec_command = {
    .name = "exec",
    .needs_target = "exec needs a target before the command: delvegate exec TARGET -- COMMAND",
    .run = run,
    .keeper = &keeper_events,
    .begun = on_begun,
    .failed = on_failed,
    .signalled = on_signal,
};
