#include "proxy/machine/keeper_private.h"

#include <stdio.h>

enum { NUMBER_SIZE = 32 };

static void send_params(struct keeper *k)
{
    struct buf batch;
    char number[NUMBER_SIZE];
    (void)snprintf(number, sizeof number, "%ld", k->number);
    buf_init(&batch, KEEPER_COMMANDS_MAX);
    (void)supervisor_param(&batch, "role", "streams");
    (void)supervisor_param(&batch, "dir", k->dir);
    (void)supervisor_param(&batch, "run", number);
    (void)supervisor_command(&batch, "begin");
    keeper_send(k, k->streams, &batch);
}

/* Passes over what precedes the program's bytes; returns how many of these stand at the end of data. */
static size_t strip(struct keeper *k, enum channel_source source, const char *data, size_t len)
{
    bool is_out = source == CHANNEL_STDOUT;
    struct supervisor_reader *r = is_out ? k->out_opening : k->err_opening;
    bool *open = is_out ? &k->out_open : &k->err_open;
    bool was_greeted = supervisor_reader_greeted(r);
    size_t rest = supervisor_reader_strip(r, data, len);
    *open = supervisor_reader_open(r);
    if (is_out && !was_greeted && supervisor_reader_greeted(r))
        send_params(k);
    if (*open && k->out_open && k->err_open) {
        channel_pause(k->streams, k->paused);
        keeper_order(k);
    }
    return rest;
}

static void on_data(void *arg, enum channel_source source, const char *data, size_t len)
{
    struct keeper *k = arg;
    bool open = source == CHANNEL_STDOUT ? k->out_open : k->err_open;
    keeper_enter(k);
    size_t rest = open || !k->handler ? len : strip(k, source, data, len);
    open = source == CHANNEL_STDOUT ? k->out_open : k->err_open;
    if (open && rest && k->handler)
        k->handler->output(k->arg, source, data + (len - rest), rest);
    keeper_leave(k);
}

/* What a command writes is its result: a part of it must not pass for the whole. */
static void fail_lost(struct keeper *k, const struct err *why)
{
    struct err e;
    err_set(&e, "the command's output from %s was lost%s%s; it ends when its lease of %ld s is over",
            k->link->transport->where, why->text[0] ? ": " : "", why->text, k->target->lease_seconds);
    keeper_fail(k, &e);
}

static void fail_unopened(struct keeper *k, const struct err *why, int exit_status)
{
    struct err e;
    const char *noise = supervisor_reader_noise(k->err_opening);
    const char *reason = why->text[0] ? why->text : *noise ? noise : supervisor_reader_noise(k->out_opening);
    if (*reason)
        err_set(&e, "no shell for the program's output on %s: %s", k->link->transport->where, reason);
    else
        err_set(
            &e,
            "no shell for the program's output on %s: the login shell ended with exit status %d and printed nothing",
            k->link->transport->where, exit_status);
    keeper_fail(k, &e);
}

static void on_closed(void *arg, const struct err *why, int exit_status)
{
    struct keeper *k = arg;
    bool broken = why->text[0] || exit_status > 0;
    k->streams = NULL;
    if (!k->handler)
        return;
    keeper_enter(k);
    if (!k->out_open || !k->err_open) {
        fail_unopened(k, why, exit_status);
    } else if (broken && k->is_command) {
        fail_lost(k, why);
    } else {
        if (why->text[0])
            k->handler->note(k->arg, why->text);
        if (k->handler)
            k->handler->output_ended(k->arg);
    }
    keeper_leave(k);
}

static const struct channel_handler stream_events = {.data = on_data, .closed = on_closed};

void keeper_streams_open(struct keeper *k)
{
    struct buf script;
    k->out_open = k->err_open = false;
    k->out_opening = supervisor_reader_new(k->nonce);
    k->err_opening = supervisor_reader_new(k->nonce);
    if (k->out_opening && k->err_opening)
        k->streams = link_shell(k->link, &stream_events, k);
    if (!k->streams) {
        keeper_fail_memory(k);
        return;
    }
    buf_init(&script, KEEPER_COMMANDS_MAX);
    (void)supervisor_script(&script, k->nonce);
    keeper_send(k, k->streams, &script);
}

void keeper_streams_close(struct keeper *k, bool link_lost)
{
    if (k->streams && !link_lost)
        channel_close(k->streams);
    k->streams = NULL;
    supervisor_reader_free(k->out_opening);
    supervisor_reader_free(k->err_opening);
    k->out_opening = k->err_opening = NULL;
}

void keeper_pause_output(struct keeper *k, bool paused)
{
    k->paused = paused;
    /* While it opens, its greeting must be read. */
    if (k->streams && k->out_open && k->err_open)
        channel_pause(k->streams, paused);
}
