#include "proxy/delve/exit_query.h"

#include <stdlib.h>

#include "dap/buf.h"
#include "delve/rpc.h"
#include "proxy/base/timer.h"

enum {
    ANSWER_MAX = 256 * 1024,
    ANSWER_MS = 3000 /* State {NonBlocking} answers at once after an exit */
};

struct exit_query {
    struct channel *channel;
    struct timer *deadline;
    struct buf answer;
    void (*done)(void *arg, bool known, int status);
    void *arg;
};

static void finish(struct exit_query *q, bool known, int status)
{
    void (*done)(void *, bool, int) = q->done;
    q->done = NULL;
    timer_stop(q->deadline);
    if (done)
        done(q->arg, known, status);
}

static void on_opened(void *arg)
{
    struct exit_query *q = arg;
    struct buf ask;
    buf_init(&ask, ANSWER_MAX);
    if (delve_rpc_state(&ask, 1) == 0)
        (void)channel_write(q->channel, ask.data, ask.len);
    buf_free(&ask);
}

static void on_data(void *arg, const char *data, size_t len)
{
    struct exit_query *q = arg;
    int status = 0;
    if (!q->done)
        return;
    int r = buf_append(&q->answer, data, len) < 0 ? 0 : delve_rpc_exit_status(q->answer.data, q->answer.len, &status);
    if (r >= 0)
        finish(q, r == 1, status);
}

static void on_closed(void *arg, const struct err *why, enum channel_end end)
{
    struct exit_query *q = arg;
    (void)why;
    (void)end;
    q->channel = NULL;
    finish(q, false, 0);
}

static void on_eof(void *arg)
{
    finish(arg, false, 0);
}

static void on_deadline(void *arg)
{
    finish(arg, false, 0);
}

static const struct channel_handler channel_events = {
    .opened = on_opened, .data = on_data, .eof = on_eof, .closed = on_closed};

struct exit_query *exit_query_new(uv_loop_t *loop, struct link *link, int port,
                                  void (*done)(void *arg, bool known, int status), void *arg)
{
    struct exit_query *q = calloc(1, sizeof *q);
    if (!q)
        return NULL;
    buf_init(&q->answer, ANSWER_MAX);
    q->done = done;
    q->arg = arg;
    q->deadline = timer_new(loop, on_deadline, q);
    if (q->deadline)
        q->channel = link_stream(link, port, &channel_events, q);
    if (!q->channel) {
        exit_query_free(q, false);
        return NULL;
    }
    timer_start(q->deadline, ANSWER_MS, 0);
    return q;
}

void exit_query_free(struct exit_query *q, bool link_lost)
{
    if (!q)
        return;
    if (q->channel && !link_lost)
        channel_close(q->channel);
    timer_free(q->deadline);
    buf_free(&q->answer);
    free(q);
}
