#include "proxy/delve/exit_query.h"

#include <stdio.h>
#include <stdlib.h>

#include "dap/buf.h"

enum { ANSWER_MAX = 256 };

struct exit_query {
    struct channel *channel; /* NULL: it is gone */
    struct buf answer;
    void (*done)(void *arg, bool known, int status);
    void *arg;
};

static void finish(struct exit_query *q)
{
    void (*done)(void *, bool, int) = q->done;
    int status = 0;
    bool known = q->answer.len && sscanf(q->answer.data, "exited %d", &status) == 1;
    q->done = NULL;
    if (done)
        done(q->arg, known, status);
}

static void on_data(void *arg, const char *data, size_t len)
{
    struct exit_query *q = arg;
    buf_append(&q->answer, data, len); /* what does not fit is no answer */
}

static void on_eof(void *arg)
{
    finish(arg);
}

static void on_closed(void *arg, const struct err *why, enum channel_end end)
{
    struct exit_query *q = arg;
    (void)why;
    (void)end;
    q->channel = NULL;
    finish(q);
}

static const struct channel_handler channel_events = {.data = on_data, .eof = on_eof, .closed = on_closed};

struct exit_query *exit_query_new(struct link *link, int port, void (*done)(void *arg, bool known, int status),
                                  void *arg)
{
    struct exit_query *q = calloc(1, sizeof *q);
    if (!q)
        return NULL;
    buf_init(&q->answer, ANSWER_MAX);
    q->done = done;
    q->arg = arg;
    q->channel = link_open(link, ORDER_STREAM_EXIT, (uint32_t)port, &channel_events, q);
    if (!q->channel) {
        exit_query_free(q, false);
        return NULL;
    }
    return q;
}

void exit_query_free(struct exit_query *q, bool link_lost)
{
    if (!q)
        return;
    if (q->channel && !link_lost)
        channel_close(q->channel);
    buf_free(&q->answer);
    free(q);
}
