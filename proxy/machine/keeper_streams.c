/* The streams of a run: lines of Delve's log and of what it prints itself, bytes of the program. */
#include <string.h>

#include "proxy/machine/keeper_private.h"

static const enum order_stream kinds[KEEPER_STREAMS] = {
    [KEEPER_LOG] = ORDER_STREAM_LOG,
    [KEEPER_TEXT] = ORDER_STREAM_TEXT,
    [KEEPER_OUT] = ORDER_STREAM_OUT,
    [KEEPER_ERR] = ORDER_STREAM_ERR,
};

static bool is_text(const struct keeper_reader *w)
{
    return w < &w->keeper->readers[KEEPER_OUT];
}

static bool is_paused(const struct keeper_reader *w)
{
    const struct keeper *k = w->keeper;
    return w == &k->readers[KEEPER_TEXT] ? k->text_paused : k->paused && !is_text(w);
}

static void report_line(struct keeper_reader *w)
{
    struct keeper *k = w->keeper;
    const char *line = w->line.len ? w->line.data : "";
    if (k->handler && w == &k->readers[KEEPER_LOG])
        k->handler->log(k->arg, line);
    else if (k->handler)
        k->handler->build_output(k->arg, line);
    buf_clear(&w->line);
}

static void read_lines(struct keeper_reader *w, const char *data, size_t len)
{
    while (len > 0 && w->keeper->handler) {
        const char *newline = memchr(data, '\n', len);
        size_t n = newline ? (size_t)(newline - data) : len;
        size_t room = KEEPER_LINE_MAX - w->line.len;
        bool is_cut = n > room;
        bool is_whole = newline && !is_cut;
        n = is_cut ? room : n;
        buf_append(&w->line, data, n);
        if (w->line.failed) {
            keeper_fail_memory(w->keeper);
            return;
        }
        data += n + is_whole;
        len -= n + is_whole;
        if (is_whole || is_cut)
            report_line(w);
    }
}

static void on_data(void *arg, const char *data, size_t len)
{
    struct keeper_reader *w = arg;
    struct keeper *k = w->keeper;
    keeper_enter(k);
    if (is_text(w))
        read_lines(w, data, len);
    else if (k->handler)
        k->handler->output(k->arg, w == &k->readers[KEEPER_OUT] ? CHANNEL_STDOUT : CHANNEL_STDERR, data, len);
    keeper_leave(k);
}

/* What a command writes is its result: a part of it must not pass for the whole. */
static void fail_lost(struct keeper *k, const struct err *why)
{
    struct err e;
    err_set(&e, "the command's output from %s was lost%s%s; it ends when its lease of %ld s expires",
            k->link->machine->where, why->text[0] ? ": " : "", why->text, k->target->lease_seconds);
    keeper_fail(k, &e);
}

static void end(struct keeper_reader *w, const struct err *why, enum channel_end how)
{
    struct keeper *k = w->keeper;
    bool was_ended = w->ended;
    w->ended = true;
    if (was_ended || !k->handler)
        return;
    keeper_enter(k);
    if (is_text(w) && w->line.len)
        report_line(w);
    if (how != CHANNEL_CLOSED && !is_text(w) && k->is_command)
        fail_lost(k, why);
    else
        keeper_readers_ended(k);
    keeper_leave(k);
}

static void on_eof(void *arg)
{
    static const struct err none;
    end(arg, &none, CHANNEL_CLOSED);
}

static void on_closed(void *arg, const struct err *why, enum channel_end how)
{
    struct keeper_reader *w = arg;
    w->channel = NULL;
    end(w, why, how);
}

static const struct channel_handler events = {.data = on_data, .eof = on_eof, .closed = on_closed};

void keeper_flight_came(struct keeper *k)
{
    struct keeper_flight flight = k->flight;
    if (!k->flight_reported || k->flight_reported != k->flight_stream)
        return;
    flight.edition = k->flight_reported;
    k->flight = (struct keeper_flight){0};
    k->flight_reported = k->flight_stream = 0;
    if (flight.channel)
        channel_pause(flight.channel, false);
    if (k->handler && k->handler->flight_started)
        k->handler->flight_started(k->arg, &flight);
    else if (flight.channel)
        channel_close(flight.channel);
}

static void drop_flight(struct keeper *k, bool link_lost)
{
    if (k->flight.channel && !link_lost)
        channel_close(k->flight.channel);
    k->flight = (struct keeper_flight){0};
    k->flight_reported = k->flight_stream = 0;
}

/* Before its report has come. */
static void on_flight_closed(void *arg, const struct err *why, enum channel_end end)
{
    struct keeper *k = arg;
    k->flight.channel = NULL;
    k->flight.end = end;
    k->flight.why = *why;
}

static void on_flight(struct keeper *k, struct channel *c, uint32_t edition)
{
    static const struct channel_handler held = {.closed = on_flight_closed};
    if (k->flight.channel)
        channel_close(k->flight.channel);
    k->flight.channel = c;
    k->flight_stream = edition;
    channel_take(c, &held, k);
    channel_pause(c, true);
    keeper_flight_came(k);
}

static void on_stream(void *arg, struct channel *c, enum order_stream stream, uint32_t number)
{
    struct keeper *k = arg;
    if (stream == ORDER_STREAM_DAP && k->handler && k->state == KEEPER_RUNNING) {
        keeper_enter(k);
        on_flight(k, c, number);
        keeper_leave(k);
        return;
    }
    for (size_t i = 0; i < KEEPER_STREAMS; i++) {
        struct keeper_reader *w = &k->readers[i];
        if (kinds[i] != stream || number != (uint32_t)k->number || w->channel || w->ended || !k->handler)
            continue;
        w->channel = c;
        channel_take(c, &events, w);
        channel_pause(c, is_paused(w));
        return;
    }
    channel_close(c);
}

void keeper_streams_listen(struct keeper *k)
{
    for (size_t i = 0; i < KEEPER_STREAMS; i++) {
        k->readers[i].keeper = k;
        buf_init(&k->readers[i].line, KEEPER_LINE_MAX);
    }
    link_on_stream(k->link, on_stream, k);
}

void keeper_streams_close(struct keeper *k, bool link_lost)
{
    drop_flight(k, link_lost);
    for (size_t i = 0; i < KEEPER_STREAMS; i++) {
        struct keeper_reader *w = &k->readers[i];
        if (w->channel && !link_lost)
            channel_close(w->channel);
        w->channel = NULL;
        w->ended = false;
        buf_clear(&w->line);
    }
}

static void pause_as_said(struct keeper *k)
{
    for (size_t i = 0; i < KEEPER_STREAMS; i++)
        if (k->readers[i].channel)
            channel_pause(k->readers[i].channel, is_paused(&k->readers[i]));
}

void keeper_pause_output(struct keeper *k, bool paused)
{
    k->paused = paused;
    pause_as_said(k);
}

void keeper_pause_text(struct keeper *k, bool paused)
{
    k->text_paused = paused;
    pause_as_said(k);
}
