/* Streams: opened, ended, read, and reported to their owner. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/tunnel/tunnel_private.h"

/* --- Lists --- */

static void put(struct stream_list *list, enum membership which, struct stream *s)
{
    s->in[which] = true;
    s->before[which] = list->last;
    s->after[which] = NULL;
    if (list->last)
        list->last->after[which] = s;
    else
        list->first = s;
    list->last = s;
}

static void drop(struct stream_list *list, enum membership which, struct stream *s)
{
    s->in[which] = false;
    if (s->before[which])
        s->before[which]->after[which] = s->after[which];
    else
        list->first = s->after[which];
    if (s->after[which])
        s->after[which]->before[which] = s->before[which];
    else
        list->last = s->before[which];
}

static void put_or_drop(struct stream_list *list, enum membership which, struct stream *s, bool belongs)
{
    if (belongs && !s->in[which])
        put(list, which, s);
    else if (!belongs && s->in[which])
        drop(list, which, s);
}

/* --- The table of streams, and their sessions --- */

bool stream_is_mine(const struct tunnel *t, uint32_t id)
{
    return (id & 1) == (t->config.side == TUNNEL_CALLER);
}

static struct stream **bucket(struct tunnel *t, uint32_t id)
{
    return &t->buckets[id / 2 % BUCKETS];
}

struct stream *stream_find(const struct tunnel *t, uint32_t id)
{
    struct stream *s = t->buckets[id / 2 % BUCKETS];
    while (s && s->id != id)
        s = s->next_in_bucket;
    return s;
}

static struct session *session_hold(struct tunnel *t, uint32_t number)
{
    struct session *session = t->sessions;
    while (session && session->number != number)
        session = session->next;
    if (!session) {
        session = t->config.alloc(sizeof *session);
        if (!session)
            return NULL;
        *session = (struct session){.next = t->sessions, .number = number};
        t->sessions = session;
    }
    session->streams++;
    return session;
}

static void session_release(struct tunnel *t, struct session *session)
{
    if (--session->streams)
        return;
    struct session **at = &t->sessions;
    while (*at != session)
        at = &(*at)->next;
    *at = session->next;
    free(session);
}

struct stream *stream_new(struct tunnel *t, uint32_t id, enum tunnel_class class, uint32_t session, uint32_t label)
{
    struct stream *s = t->config.alloc(sizeof *s);
    if (!s)
        return NULL;
    *s = (struct stream){.id = id,
                         .class = class,
                         .session = session_hold(t, session),
                         .label = label,
                         .send_window = TUNNEL_WINDOW,
                         .window = TUNNEL_WINDOW,
                         .receive_window = TUNNEL_WINDOW,
                         .next_in_bucket = *bucket(t, id)};
    if (!s->session) {
        free(s);
        return NULL;
    }
    *bucket(t, id) = s;
    t->open[!stream_is_mine(t, id)]++;
    return s;
}

static void stream_free(struct tunnel *t, struct stream *s)
{
    struct stream **at = bucket(t, s->id);
    while (*at != s)
        at = &(*at)->next_in_bucket;
    *at = s->next_in_bucket;
    queue_free(&s->unread);
    session_release(t, s->session);
    free(s);
}

void streams_free(struct tunnel *t)
{
    for (size_t i = 0; i < BUCKETS; i++)
        while (t->buckets[i])
            stream_free(t, t->buckets[i]);
}

void stream_update(struct tunnel *t, struct stream *s)
{
    bool sends = s->send == SEND_OPEN || s->send == SEND_ENDING;
    bool has_bytes = s->ready && s->send_window > 0;
    bool has_end = s->send == SEND_ENDING && !s->ready;
    if (s->receive == RECEIVE_OPEN && s->regained >= s->window / 2)
        s->due |= DUE_WINDOW;
    put_or_drop(&t->due, LIST_DUE, s, s->due != 0);
    put_or_drop(&t->data[s->class], LIST_DATA, s, sends && !(s->due & DUE_OPEN) && (has_bytes || has_end));
    if (s->send == SEND_DONE && s->receive == RECEIVE_DONE && !(s->events & 1U << TUNNEL_EVENT_CLOSED)) {
        t->open[!stream_is_mine(t, s->id)]--;
        stream_report(t, s, TUNNEL_EVENT_CLOSED);
    }
}

/* --- Events --- */

void stream_report(struct tunnel *t, struct stream *s, enum tunnel_event_kind kind)
{
    s->events |= 1U << kind;
    put_or_drop(&t->reports, LIST_EVENTS, s, true);
}

/* Takes the first of the bits. */
static enum tunnel_event_kind take_first(unsigned *events)
{
    unsigned kind = 0;
    while (!(*events & 1U << kind))
        kind++;
    *events &= ~(1U << kind);
    return (enum tunnel_event_kind)kind;
}

bool tunnel_event(struct tunnel *t, struct tunnel_event *event)
{
    if (t->events) {
        *event = (struct tunnel_event){.kind = take_first(&t->events)};
        return true;
    }
    struct stream *s = t->reports.first;
    if (!s)
        return false;
    *event = (struct tunnel_event){.kind = take_first(&s->events),
                                   .stream = s->id,
                                   .data = s->data,
                                   .class = s->class,
                                   .session = s->session->number,
                                   .label = s->label,
                                   .code = s->peer_code};
    if (s->events == 0)
        drop(&t->reports, LIST_EVENTS, s);
    if (event->kind == TUNNEL_EVENT_CLOSED)
        stream_free(t, s);
    return true;
}

/* --- What their owner does --- */

uint32_t tunnel_open(struct tunnel *t, enum tunnel_class class, uint32_t session, uint32_t label, void *data)
{
    if (tunnel_is_over(t) || t->open[0] >= TUNNEL_STREAMS_MAX || t->next_id > UINT32_MAX - 2)
        return 0;
    struct stream *s = stream_new(t, t->next_id, class, session, label);
    if (!s)
        return 0;
    t->next_id += 2;
    s->data = data;
    s->due = DUE_OPEN;
    stream_update(t, s);
    return s->id;
}

void tunnel_set_data(struct tunnel *t, uint32_t stream, void *data)
{
    struct stream *s = stream_find(t, stream);
    if (s)
        s->data = data;
}

static bool takes_bytes(const struct stream *s)
{
    return s && (s->send == SEND_OPEN || s->send == SEND_ENDING);
}

void tunnel_ready(struct tunnel *t, uint32_t stream)
{
    struct stream *s = stream_find(t, stream);
    if (!takes_bytes(s))
        return;
    s->ready = true;
    stream_update(t, s);
}

void tunnel_end(struct tunnel *t, uint32_t stream)
{
    struct stream *s = stream_find(t, stream);
    if (!takes_bytes(s))
        return;
    s->send = SEND_ENDING;
    s->ready = true;
    stream_update(t, s);
}

void tunnel_reset(struct tunnel *t, uint32_t stream, uint32_t code)
{
    struct stream *s = stream_find(t, stream);
    if (!takes_bytes(s))
        return;
    s->send = SEND_RESETTING;
    s->reset_code = code;
    s->due |= DUE_RESET;
    stream_update(t, s);
}

/* Nothing is read any more; what was promised beyond the first window is others' again. */
static void drop_unread(struct tunnel *t, struct stream *s)
{
    queue_free(&s->unread);
    t->widened -= s->window - TUNNEL_WINDOW;
    s->window = TUNNEL_WINDOW;
    s->due &= ~(unsigned)DUE_WINDOW;
    s->events &= ~(1U << TUNNEL_EVENT_READABLE);
    if (s->in[LIST_EVENTS] && s->events == 0)
        drop(&t->reports, LIST_EVENTS, s);
}

void stream_has_read_all(struct tunnel *t, struct stream *s)
{
    drop_unread(t, s);
    s->receive = RECEIVE_READ;
    s->due |= DUE_DONE;
    stream_update(t, s);
}

void tunnel_stop(struct tunnel *t, uint32_t stream)
{
    struct stream *s = stream_find(t, stream);
    if (!s)
        return;
    if (s->receive == RECEIVE_ENDED) {
        stream_has_read_all(t, s);
    } else if (s->receive == RECEIVE_OPEN) {
        drop_unread(t, s);
        s->receive = RECEIVE_STOPPED;
        s->due |= DUE_STOP;
        stream_update(t, s);
    }
}

size_t tunnel_peek(const struct tunnel *t, uint32_t stream, const void **bytes)
{
    const struct stream *s = stream_find(t, stream);
    return s ? queue_peek(&s->unread, bytes) : 0;
}

void tunnel_consume(struct tunnel *t, uint32_t stream, size_t n)
{
    struct stream *s = stream_find(t, stream);
    if (!s || n == 0)
        return;
    queue_consume(&s->unread, n);
    if (s->receive == RECEIVE_ENDED && s->unread.len == 0) {
        stream_has_read_all(t, s);
        stream_report(t, s, TUNNEL_EVENT_END);
        return;
    }
    s->regained += (uint32_t)n;
    stream_update(t, s);
}

uint32_t tunnel_widen(struct tunnel *t, uint32_t stream, uint32_t window)
{
    struct stream *s = stream_find(t, stream);
    if (!s)
        return 0;
    uint32_t max = TUNNEL_WIDENED_MAX - t->widened;
    uint32_t wanted = window < TUNNEL_WINDOW_MAX ? window : TUNNEL_WINDOW_MAX;
    if (s->receive != RECEIVE_OPEN || wanted <= s->window)
        return s->window;
    uint32_t more = wanted - s->window < max ? wanted - s->window : max;
    t->widened += more;
    s->window += more;
    s->regained += more;
    s->due |= more ? DUE_WINDOW : 0;
    stream_update(t, s);
    return s->window;
}

void tunnel_stats(const struct tunnel *t, struct tunnel_stats *stats)
{
    *stats = (struct tunnel_stats){.sent = t->sent,
                                   .acknowledged = t->acknowledged,
                                   .received = t->received,
                                   .kept = t->kept.len,
                                   .bulk = t->bulk,
                                   .bulk_limit = t->pace.limit,
                                   .memory = t->kept.memory,
                                   .streams = t->open[0] + t->open[1],
                                   .round_trip = pace_round_trip(&t->pace)};
    for (size_t i = 0; i < BUCKETS; i++)
        for (const struct stream *s = t->buckets[i]; s; s = s->next_in_bucket) {
            stats->unread += s->unread.len;
            stats->memory += s->unread.memory;
        }
}
