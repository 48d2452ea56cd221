#include "proxy/delve/heartbeat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dap/buf.h"

enum { REPORT_MAX = 1024 };

struct heartbeat {
    const struct heartbeat_handler *handler; /* NULL once it is over */
    void *arg;
    struct channel *channel; /* NULL: it is gone */
    struct buf report;
    int reading; /* depth of handlers: memory is freed when the last returns */
    bool freed;
};

static void on_report(struct heartbeat *b, const char *line)
{
    const struct heartbeat_handler *h = b->handler;
    int seconds;
    if (!h)
        return;
    if (strcmp(line, "answered") == 0)
        h->answered(b->arg);
    if (sscanf(line, "silent %d", &seconds) != 1)
        return;
    b->handler = NULL;
    h->silent(b->arg, seconds);
}

static void on_data(void *arg, const char *data, size_t len)
{
    struct heartbeat *b = arg;
    char *end;
    b->reading++;
    buf_append(&b->report, data, len); /* what does not fit is no report */
    while (!b->freed && b->report.len && (end = strchr(b->report.data, '\n'))) {
        *end = '\0';
        size_t used = (size_t)(end - b->report.data) + 1;
        on_report(b, b->report.data);
        buf_consume(&b->report, used);
    }
    if (--b->reading == 0 && b->freed)
        heartbeat_free(b, false);
}

static void on_closed(void *arg, const struct err *why, enum channel_end end)
{
    struct heartbeat *b = arg;
    (void)why;
    (void)end;
    b->channel = NULL;
}

static const struct channel_handler channel_events = {.data = on_data, .closed = on_closed};

struct heartbeat *heartbeat_new(struct link *link, int port, const struct heartbeat_handler *h, void *arg)
{
    struct heartbeat *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->handler = h;
    b->arg = arg;
    buf_init(&b->report, REPORT_MAX);
    b->channel = link_open(link, ORDER_STREAM_HEARTBEAT, (uint32_t)port, &channel_events, b);
    if (!b->channel) {
        heartbeat_free(b, false);
        return NULL;
    }
    return b;
}

void heartbeat_free(struct heartbeat *b, bool link_lost)
{
    if (!b)
        return;
    if (b->channel && !link_lost)
        channel_close(b->channel);
    b->channel = NULL;
    b->handler = NULL;
    b->freed = true;
    if (b->reading)
        return;
    buf_free(&b->report);
    free(b);
}
