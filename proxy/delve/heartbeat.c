#include "proxy/delve/heartbeat.h"

#include <stdlib.h>

#include "dap/buf.h"
#include "delve/rpc.h"
#include "proxy/base/timer.h"

enum {
    ANSWER_MAX = 256 * 1024,
    BEAT_MS = 5000,
    /* Counted in beats, not in time: a machine that slept has missed none. */
    MISSED_MAX = 9,
    MS = 1000
};

struct heartbeat {
    struct link *link;
    int port;
    const struct heartbeat_handler *handler; /* NULL once it is over */
    void *arg;
    struct channel *channel; /* NULL between a lost one and the next beat */
    struct timer *beat;
    struct buf answer;
    int asked, missed;
};

static void ask(struct heartbeat *b)
{
    struct buf question;
    buf_init(&question, ANSWER_MAX);
    if (delve_rpc_get_version(&question, ++b->asked) == 0)
        (void)channel_write(b->channel, question.data, question.len);
    buf_free(&question);
}

static void on_opened(void *arg)
{
    ask(arg);
}

static void on_data(void *arg, const char *data, size_t len)
{
    struct heartbeat *b = arg;
    size_t used;
    int id, r = -1;
    if (buf_append(&b->answer, data, len) == 0) {
        bool answered = false;
        while ((r = delve_rpc_answer(b->answer.data, b->answer.len, &used, &id)) > 0) {
            buf_consume(&b->answer, used);
            answered = true;
        }
        if (answered && b->handler) {
            b->missed = 0;
            b->handler->answered(b->arg);
            return; /* it may be freed now */
        }
    }
    if (r < 0) /* not Delve's: no answer, then */
        buf_clear(&b->answer);
}

static void on_closed(void *arg, const struct err *why, enum channel_end end)
{
    struct heartbeat *b = arg;
    (void)why;
    (void)end;
    b->channel = NULL;
    buf_clear(&b->answer);
}

static void on_eof(void *arg)
{
    struct heartbeat *b = arg;
    channel_close(b->channel);
    b->channel = NULL;
    buf_clear(&b->answer);
}

static const struct channel_handler channel_events = {
    .opened = on_opened, .data = on_data, .eof = on_eof, .closed = on_closed};

static void open_channel(struct heartbeat *b)
{
    b->channel = link_stream(b->link, b->port, &channel_events, b);
}

static void give_up(struct heartbeat *b)
{
    const struct heartbeat_handler *handler = b->handler;
    int seconds = b->missed * BEAT_MS / MS;
    timer_stop(b->beat);
    b->handler = NULL;
    if (handler)
        handler->silent(b->arg, seconds);
}

static void on_beat(void *arg)
{
    struct heartbeat *b = arg;
    /* Of a Delve that nothing can be heard of nothing is known. */
    b->missed = link_is_alive(b->link) ? b->missed + 1 : 0;
    if (b->missed > MISSED_MAX) {
        give_up(b);
        return;
    }
    if (!b->channel)
        open_channel(b);
    else if (b->asked)
        ask(b);
}

struct heartbeat *heartbeat_new(uv_loop_t *loop, struct link *link, int port, const struct heartbeat_handler *h,
                                void *arg)
{
    struct heartbeat *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->link = link;
    b->port = port;
    b->handler = h;
    b->arg = arg;
    buf_init(&b->answer, ANSWER_MAX);
    b->beat = timer_new(loop, on_beat, b);
    if (b->beat)
        open_channel(b);
    if (!b->channel) {
        heartbeat_free(b, false);
        return NULL;
    }
    timer_start(b->beat, BEAT_MS, BEAT_MS);
    return b;
}

void heartbeat_free(struct heartbeat *b, bool link_lost)
{
    if (!b)
        return;
    if (b->channel && !link_lost)
        channel_close(b->channel);
    timer_free(b->beat);
    buf_free(&b->answer);
    free(b);
}
