#include "proxy/machine/sweep.h"

#include <stdlib.h>

#include "delve/supervisor.h"
#include "proxy/base/log.h"
#include "proxy/base/nonce.h"
#include "proxy/base/timer.h"
#include "proxy/machine/machine.h"

enum {
    SWEEP_MS = 60 * 1000,      /* for all of it: a file system may hang */
    COMMANDS_MAX = 1024 * 1024 /* bytes of the script */
};

struct sweep {
    char nonce[NONCE_SIZE];
    struct machine *transport;
    struct link *link;
    struct channel *shell; /* NULL once it is closed */
    struct supervisor_reader *lines;
    struct timer *deadline;
    struct timer *finish; /* not from inside a handler */
    bool ended;
};

static struct sweep *sweep;

void sweep_forget(void)
{
    struct sweep *s = sweep;
    sweep = NULL;
    if (!s)
        return;
    if (s->link)
        link_close(s->link); /* its shell with it */
    machine_release(s->transport);
    supervisor_reader_free(s->lines);
    timer_free(s->deadline);
    timer_free(s->finish);
    free(s);
}

static void on_finish(void *arg)
{
    (void)arg;
    sweep_forget();
}

static void on_deadline(void *arg)
{
    (void)arg;
    log_warning(NULL, "what dead sessions left on this machine was not cleared away within %d s; is a disk stuck?",
                SWEEP_MS / 1000);
    sweep_forget();
}

static void give_up(struct sweep *s, const char *why)
{
    log_warning(NULL, "what dead sessions may have left on this machine is not cleared away: %s", why);
    timer_start(s->finish, 0, 0);
}

static void on_line(void *arg, const char *text, size_t len)
{
    struct sweep *s = arg;
    struct supervisor_line line;
    struct buf batch;
    if (supervisor_parse(&line, text, len) < 0)
        return;
    if (line.kind == SUPERVISOR_HELLO) {
        buf_init(&batch, COMMANDS_MAX);
        (void)supervisor_param(&batch, "role", "sweep");
        (void)supervisor_command(&batch, "begin");
        if (!batch.failed)
            (void)channel_write(s->shell, batch.data, batch.len);
        buf_free(&batch);
    } else if (line.kind == SUPERVISOR_NOTE && line.text) {
        log_info(NULL, "%s", line.text);
    } else if (line.kind == SUPERVISOR_ENDED) {
        s->ended = true;
    }
    free(line.text);
}

static void on_data(void *arg, enum channel_source source, const char *data, size_t len)
{
    struct sweep *s = arg;
    if (source == CHANNEL_STDOUT && supervisor_reader_feed(s->lines, data, len, on_line, s) < 0)
        give_up(s, "out of memory");
}

static void on_closed(void *arg, const struct err *why, int exit_status)
{
    struct sweep *s = arg;
    struct err e;
    s->shell = NULL;
    if (s->ended) {
        timer_start(s->finish, 0, 0);
        return;
    }
    err_set(&e, "the shell ended with status %d", exit_status);
    give_up(s, why->text[0] ? why->text : e.text);
}

static const struct channel_handler shell_events = {.data = on_data, .closed = on_closed};

static void on_link_ready(void *arg)
{
    struct sweep *s = arg;
    struct buf script;
    s->shell = link_shell(s->link, &shell_events, s);
    if (!s->shell) {
        give_up(s, "out of memory");
        return;
    }
    buf_init(&script, COMMANDS_MAX);
    if (supervisor_script(&script, s->nonce) == 0)
        (void)channel_write(s->shell, script.data, script.len);
    buf_free(&script);
}

static void on_link_lost(void *arg, const struct err *why, bool transient)
{
    struct sweep *s = arg;
    (void)transient;
    s->link = NULL;
    s->shell = NULL;
    give_up(s, why->text);
}

static const struct link_handler link_events = {.ready = on_link_ready, .lost = on_link_lost};

void sweep_local(uv_loop_t *loop)
{
    if (sweep)
        return;
    struct sweep *s = calloc(1, sizeof *s);
    sweep = s;
    if (s) {
        nonce_make(s->nonce);
        s->lines = supervisor_reader_new(s->nonce);
        s->deadline = timer_new(loop, on_deadline, s);
        s->finish = timer_new(loop, on_finish, s);
        s->transport = transport_local(loop);
        if (s->lines && s->deadline && s->finish && s->transport)
            s->link = machine_link(s->transport, &link_events, s);
    }
    if (s && s->link) {
        timer_start(s->deadline, SWEEP_MS, 0);
        return;
    }
    log_warning(NULL, "what dead sessions may have left on this machine is not cleared away: out of memory");
    sweep_forget();
}
