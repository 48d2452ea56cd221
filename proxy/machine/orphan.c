#include "proxy/machine/orphan.h"

#include <stdlib.h>
#include <string.h>

#include "delve/supervisor.h"
#include "proxy/base/log.h"
#include "proxy/base/nonce.h"
#include "proxy/base/timer.h"
#include "proxy/machine/reach.h"

enum {
    WAIT_FIRST_MS = 500,
    WAIT_MAX_MS = 30 * 1000,
    TRY_MS = 60 * 1000, /* one attempt, from connecting to `ended` */
    COMMANDS_MAX = 1024 * 1024
};

struct orphan {
    struct orphan *next;
    uv_loop_t *loop;
    struct config *config;
    const struct config_target *target;
    char *dir;
    char nonce[NONCE_SIZE];
    uint64_t deadline, wait; /* ms, by uv_now */
    struct machine *transport;
    struct link *link;
    struct channel *door;
    struct supervisor_reader *lines;
    struct timer *again, *attempt, *finish;
    bool detach;
    bool done; /* finish is due */
};

static struct orphan *orphans;

static void drop_attempt(struct orphan *o)
{
    timer_stop(o->attempt);
    if (o->link)
        link_close(o->link); /* its channels with it */
    machine_release(o->transport);
    supervisor_reader_free(o->lines);
    o->link = NULL;
    o->door = NULL;
    o->transport = NULL;
    o->lines = NULL;
}

static void orphan_free(struct orphan *o)
{
    struct orphan **at = &orphans;
    while (*at && *at != o)
        at = &(*at)->next;
    if (*at)
        *at = o->next;
    drop_attempt(o);
    timer_free(o->again);
    timer_free(o->attempt);
    timer_free(o->finish);
    config_unref(o->config);
    free(o->dir);
    free(o);
}

static void try_again(struct orphan *o, const char *why)
{
    drop_attempt(o);
    if (uv_now(o->loop) + o->wait > o->deadline) {
        log_warning(o->target->name, "gave up on %s: %s; its supervisor ends it when the lease is over", o->dir, why);
        o->done = true;
        timer_start(o->finish, 0, 0);
        return;
    }
    log_debug(o->target->name, "trying again in %llu ms to end %s: %s", (unsigned long long)o->wait, o->dir, why);
    timer_start(o->again, o->wait, 0);
    o->wait = o->wait * 2 < WAIT_MAX_MS ? o->wait * 2 : WAIT_MAX_MS;
}

static void on_line(void *arg, const char *text, size_t len)
{
    struct orphan *o = arg;
    struct supervisor_line line;
    struct buf batch;
    if (supervisor_parse(&line, text, len) < 0)
        return;
    buf_init(&batch, COMMANDS_MAX);
    if (line.kind == SUPERVISOR_HELLO) {
        (void)supervisor_param(&batch, "role", "door");
        (void)supervisor_param(&batch, "dir", o->dir);
        (void)supervisor_command(&batch, "begin");
        (void)supervisor_command(&batch, o->detach ? "end detach" : "end kill");
        if (!batch.failed)
            (void)channel_write(o->door, batch.data, batch.len);
    } else if (line.kind == SUPERVISOR_ENDED) {
        log_info(o->target->name, "what the lost connection had left in %s is ended", o->dir);
        o->done = true;
        timer_start(o->finish, 0, 0);
    }
    buf_free(&batch);
    free(line.text);
}

static void on_data(void *arg, enum channel_source source, const char *data, size_t len)
{
    struct orphan *o = arg;
    if (source == CHANNEL_STDOUT && supervisor_reader_feed(o->lines, data, len, on_line, o) < 0)
        try_again(o, "out of memory");
}

static void on_closed(void *arg, const struct err *why, int exit_status)
{
    struct orphan *o = arg;
    (void)exit_status;
    o->door = NULL;
    if (!o->done)
        try_again(o, why->text[0] ? why->text : "the shell ended");
}

static const struct channel_handler door_events = {.data = on_data, .closed = on_closed};

static void on_link_ready(void *arg)
{
    struct orphan *o = arg;
    struct buf script;
    nonce_make(o->nonce);
    o->lines = supervisor_reader_new(o->nonce);
    o->door = o->lines ? link_shell(o->link, &door_events, o) : NULL;
    if (!o->door) {
        try_again(o, "out of memory");
        return;
    }
    buf_init(&script, COMMANDS_MAX);
    if (supervisor_script(&script, o->nonce) == 0)
        (void)channel_write(o->door, script.data, script.len);
    buf_free(&script);
}

static void on_link_lost(void *arg, const struct err *why, bool transient)
{
    struct orphan *o = arg;
    (void)transient; /* it worked before: a host key or an agent can come back too */
    o->link = NULL;
    o->door = NULL;
    try_again(o, why->text);
}

static const struct link_handler link_events = {.ready = on_link_ready, .lost = on_link_lost};

static void on_again(void *arg)
{
    struct orphan *o = arg;
    o->transport = reach_target(o->loop, o->target);
    o->link = o->transport ? machine_link(o->transport, &link_events, o) : NULL;
    if (!o->link)
        try_again(o, "out of memory");
    else
        timer_start(o->attempt, TRY_MS, 0);
}

static void on_attempt_over(void *arg)
{
    try_again(arg, "no answer");
}

static void on_finish(void *arg)
{
    orphan_free(arg);
}

void orphan_end(uv_loop_t *loop, struct config *config, const struct config_target *target, const char *dir,
                bool detach)
{
    struct orphan *o = calloc(1, sizeof *o);
    char *own_dir = strdup(dir);
    if (!o || !own_dir) {
        free(o);
        free(own_dir);
        return; /* the lease remains */
    }
    o->loop = loop;
    o->config = config_ref(config);
    o->target = target;
    o->dir = own_dir;
    o->detach = detach;
    o->wait = WAIT_FIRST_MS;
    o->deadline = uv_now(loop) + (uint64_t)target->lease_seconds * 1000;
    o->again = timer_new(loop, on_again, o);
    o->attempt = timer_new(loop, on_attempt_over, o);
    o->finish = timer_new(loop, on_finish, o);
    o->next = orphans;
    orphans = o;
    if (!o->again || !o->attempt || !o->finish) {
        orphan_free(o);
        return;
    }
    timer_start(o->again, 0, 0);
}

void orphan_forget_all(void)
{
    while (orphans)
        orphan_free(orphans);
}
