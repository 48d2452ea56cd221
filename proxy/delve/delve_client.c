#include "proxy/delve/delve_client.h"

#include <stdio.h>
#include <stdlib.h>

#include "dap/build.h"
#include "dap/decoder.h"
#include "dap/journal.h"

enum {
    FRAME_MAX = DAP_DELVE_REQUEST_MAX + DAP_HEADER_MAX,
    OWN_MAX = 2, /* requests of a flight that are delvegate's own: initialize, attach */
    FLIGHT_MAX = OWN_MAX * FRAME_MAX + ORDER_FLIGHT_MAX
};

struct delve_client {
    const struct delve_client_handler *handler;
    void *arg;
    struct channel *channel; /* NULL once it is gone */
    struct dap_decoder *decoder;
    struct dap_pending *pending;
    int64_t seq;
    struct buf flight;     /* before there is a channel: what is to be sent */
    size_t flight_own_len; /* of it, what is delvegate's own */
    bool reading;          /* inside on_data: memory is freed when it returns */
    bool freed;
};

static void lose(struct delve_client *d, enum delve_client_end end, const struct err *why)
{
    if (d->channel)
        channel_close(d->channel);
    d->channel = NULL;
    d->handler->closed(d->arg, end, why);
}

static void on_opened(void *arg)
{
    struct delve_client *d = arg;
    d->handler->opened(d->arg);
}

/* Returns -1 when Delve broke the protocol. */
static int on_message(struct delve_client *d, const char *body, size_t len, struct err *e)
{
    struct dap_message m;
    struct dap_asked asked;
    if (dap_message_scan(&m, body, len, e) < 0)
        return -1;
    if (m.type != DAP_RESPONSE)
        d->handler->message(d->arg, &m, NULL);
    else if (dap_pending_take(d->pending, m.request_seq, &asked))
        d->handler->message(d->arg, &m, &asked); /* Delve 1.26 answers restart twice: the second finds nothing */
    return 0;
}

static void on_skipped(struct delve_client *d, const struct dap_frame *frame)
{
    struct dap_message m;
    struct dap_asked asked;
    struct err ignored; /* what can't be read has no request to answer */
    if (dap_message_scan_prefix(&m, frame->body, frame->len, &ignored) == 0 && m.type == DAP_RESPONSE &&
        dap_pending_take(d->pending, m.request_seq, &asked))
        d->handler->skipped(d->arg, &asked, frame->length);
}

static void read_all(struct delve_client *d, const char *data, size_t len)
{
    struct dap_frame frame;
    struct err why;
    while (d->channel) {
        size_t used = 0;
        enum dap_result r = dap_decoder_feed(d->decoder, data, len, &used, &frame);
        data += used;
        len -= used;
        if (r == DAP_MORE)
            return;
        if (r == DAP_SKIPPED) {
            on_skipped(d, &frame);
        } else if (r == DAP_BROKEN) {
            err_set(&why, "what Delve sent is not DAP: %s", dap_decoder_reason(d->decoder));
            lose(d, DELVE_CLIENT_NOT_DAP, &why);
            return;
        } else if (on_message(d, frame.body, frame.len, &why) < 0) {
            err_prefix(&why, "Delve sent an invalid message: ");
            lose(d, DELVE_CLIENT_NOT_DAP, &why);
            return;
        }
    }
}

static void destroy(struct delve_client *d)
{
    dap_decoder_free(d->decoder);
    dap_pending_free(d->pending);
    buf_free(&d->flight);
    free(d);
}

static void on_data(void *arg, const char *data, size_t len)
{
    struct delve_client *d = arg;
    d->reading = true;
    read_all(d, data, len);
    d->reading = false;
    if (d->freed)
        destroy(d);
}

static void on_drained(void *arg)
{
    struct delve_client *d = arg;
    d->handler->drained(d->arg);
}

static void on_closed(void *arg, const struct err *why, enum channel_end end)
{
    struct delve_client *d = arg;
    d->channel = NULL; /* dead already */
    lose(d,
         end == CHANNEL_UNREACHED ? DELVE_CLIENT_UNREACHED
         : end == CHANNEL_BROKEN  ? DELVE_CLIENT_BROKEN
                                  : DELVE_CLIENT_CLOSED,
         why);
}

static void on_eof(void *arg)
{
    struct err none = {{0}};
    lose(arg, DELVE_CLIENT_CLOSED, &none);
}

static const struct channel_handler channel_events = {
    .opened = on_opened,
    .data = on_data,
    .eof = on_eof,
    .drained = on_drained,
    .closed = on_closed,
};

struct delve_client *delve_client_new(struct link *link, int port, const struct delve_client_handler *h, void *arg)
{
    struct delve_client *d = delve_client_new_flight(h, arg);
    if (d)
        d->channel = link_stream(link, port, &channel_events, d);
    if (d && !d->channel) {
        delve_client_free(d);
        return NULL;
    }
    return d;
}

/* --- a flight --- */

struct delve_client *delve_client_new_flight(const struct delve_client_handler *h, void *arg)
{
    struct delve_client *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->handler = h;
    d->arg = arg;
    buf_init(&d->flight, FLIGHT_MAX);
    d->decoder = dap_decoder_new(DAP_DELVE_BODY_MAX, DAP_OVERSIZE_SKIP);
    d->pending = dap_pending_new();
    if (d->decoder && d->pending)
        return d;
    delve_client_free(d);
    return NULL;
}

const struct buf *delve_client_flight(const struct delve_client *d)
{
    return d->flight.failed || d->flight.len > d->flight_own_len + ORDER_FLIGHT_MAX ? NULL : &d->flight;
}

void delve_client_missed(struct delve_client *d, enum channel_end end, const struct err *why)
{
    on_closed(d, why, end);
}

/* Of what is pending only delvegate's own stays. */
static void keep_own(struct delve_client *d)
{
    struct dap_asked own[OWN_MAX], asked;
    size_t count = 0;
    while (dap_pending_take_oldest(d->pending, &asked))
        if (asked.asker == DAP_ASKER_SESSION && count < OWN_MAX)
            own[count++] = asked;
    size_t added = 0;
    while (added < count && dap_pending_add(d->pending, &own[added]) == 0) /* there was room for all before */
        added++;
}

void delve_client_shorten_flight(struct delve_client *d)
{
    keep_own(d);
    d->seq = OWN_MAX;
    d->flight.len = d->flight_own_len;
    d->flight.failed = false;
}

struct dap_pending *delve_client_give_pending(struct delve_client *d)
{
    struct dap_pending *pending = d->pending;
    d->pending = NULL;
    return pending;
}

void delve_client_replace_flight(struct delve_client *d, uint32_t count, struct dap_pending *pending)
{
    struct dap_asked configured = {
        .seq = count, .asker = DAP_ASKER_JOURNAL, .asker_seq = DAP_JOURNAL_CONFIGURED, .command = "configurationDone"};
    d->seq = count;
    if (pending) {
        dap_pending_free(d->pending);
        d->pending = pending;
        return;
    }
    keep_own(d);
    if (count > OWN_MAX && dap_pending_add(d->pending, &configured) < 0)
        d->flight.failed = true; /* likewise, there was */
}

void delve_client_take(struct delve_client *d, struct channel *channel)
{
    buf_free(&d->flight);
    d->channel = channel;
    channel_take(channel, &channel_events, d);
}

void delve_client_close(struct delve_client *d, bool link_lost)
{
    if (!d)
        return;
    if (d->channel && !link_lost)
        channel_close(d->channel);
    d->channel = NULL;
}

void delve_client_free(struct delve_client *d)
{
    if (!d)
        return;
    delve_client_close(d, false);
    d->freed = true;
    if (!d->reading)
        destroy(d);
}

bool delve_client_is_open(const struct delve_client *d)
{
    return d && d->channel;
}

static enum delve_client_result send_frame(struct delve_client *d, const struct buf *frame)
{
    if (!d->channel) {
        order_put_bytes(&d->flight, ORDER_REQUEST, frame->data, frame->len);
        if (d->seq == OWN_MAX)
            d->flight_own_len = d->flight.len;
        return d->flight.failed ? DELVE_CLIENT_TOO_MANY : DELVE_CLIENT_SENT;
    }
    return channel_write(d->channel, frame->data, frame->len) ? DELVE_CLIENT_FULL : DELVE_CLIENT_SENT;
}

enum delve_client_result delve_client_forward(struct delve_client *d, enum dap_asker asker, const struct dap_message *m,
                                              struct dap_edits *edits)
{
    struct dap_edits own;
    struct buf frame;
    size_t body_len = 0;
    enum delve_client_result result = DELVE_CLIENT_TOO_BIG;
    dap_edits_init(&own);
    if (!edits)
        edits = &own;
    buf_init(&frame, FRAME_MAX);

    struct dap_asked asked = {.seq = d->seq + 1, .asker_seq = m->seq, .asker = asker};
    (void)snprintf(asked.command, sizeof asked.command, "%s", m->name);
    if (dap_edits_add_int(edits, m->seq_at, asked.seq) == 0 && dap_message_write(m, edits, &frame, &body_len) == 0 &&
        body_len <= DAP_DELVE_REQUEST_MAX) {
        if (m->type == DAP_REQUEST && dap_pending_add(d->pending, &asked) < 0) {
            result = DELVE_CLIENT_TOO_MANY;
        } else {
            d->seq++;
            result = send_frame(d, &frame);
        }
    }
    buf_free(&frame);
    dap_edits_free(&own);
    return result;
}

enum delve_client_result delve_client_ask(struct delve_client *d, const char *command, const json_t *arguments)
{
    struct buf frame;
    enum delve_client_result result = DELVE_CLIENT_TOO_MANY;
    struct dap_asked asked = {.seq = d->seq + 1, .asker = DAP_ASKER_SESSION};
    (void)snprintf(asked.command, sizeof asked.command, "%s", command);
    buf_init(&frame, FRAME_MAX);
    dap_build_request(&frame, asked.seq, command, arguments);
    if (!frame.failed && dap_pending_add(d->pending, &asked) == 0) {
        d->seq++;
        result = send_frame(d, &frame);
    }
    buf_free(&frame);
    return result;
}

int delve_client_take_oldest(struct delve_client *d, struct dap_asked *asked)
{
    return dap_pending_take_oldest(d->pending, asked);
}

void delve_client_pause(struct delve_client *d, bool paused)
{
    if (d->channel)
        channel_pause(d->channel, paused);
}
