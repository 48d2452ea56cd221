/* What the peer says of a stream. */
#include "proxy/tunnel/tunnel_private.h"

static enum tunnel_result break_at(struct tunnel *t, const struct frame *f, const char *wrong)
{
    return tunnel_break(t, "the peer sent %s on stream %lu, %s", frame_name(f->kind), (unsigned long)f->stream, wrong);
}

static enum tunnel_result short_of_memory(struct tunnel *t)
{
    tunnel_down(t, "out of memory; the next connection resends what was not received");
    return TUNNEL_NO_LINK;
}

static enum tunnel_result receive_open(struct tunnel *t, const struct frame *f)
{
    if (stream_is_mine(t, f->stream) || f->stream < t->next_peer_id || f->stream > UINT32_MAX - 2)
        return break_at(t, f, "out of sequence");
    if (t->open[1] >= TUNNEL_STREAMS_MAX)
        return break_at(t, f, "more than may be open");
    struct stream *s = stream_new(t, f->stream, f->class, read_32(f->payload), read_32(f->payload + 4));
    if (!s)
        return short_of_memory(t);
    t->next_peer_id = f->stream + 2;
    stream_report(t, s, TUNNEL_EVENT_OPENED);
    return TUNNEL_OK;
}

static enum tunnel_result receive_data(struct tunnel *t, struct stream *s, const struct frame *f)
{
    if (s->receive != RECEIVE_OPEN && s->receive != RECEIVE_STOPPED)
        return break_at(t, f, "which has ended");
    if (f->len > s->receive_window)
        return break_at(t, f, "more than its window");
    if (s->receive == RECEIVE_OPEN) {
        if (!queue_reserve(&s->unread, t->config.alloc, f->len))
            return short_of_memory(t);
        queue_append(&s->unread, f->payload, f->len);
        stream_report(t, s, TUNNEL_EVENT_READABLE);
    }
    s->receive_window -= (uint32_t)f->len;
    return TUNNEL_OK;
}

static enum tunnel_result receive_end(struct tunnel *t, struct stream *s, const struct frame *f)
{
    bool is_stopped = s->receive == RECEIVE_STOPPED;
    bool is_reset = f->kind == FRAME_RESET;
    if (s->receive != RECEIVE_OPEN && !is_stopped)
        return break_at(t, f, "which has ended");
    if (!is_stopped && !is_reset && s->unread.len) {
        s->receive = RECEIVE_ENDED;
        s->due &= ~(unsigned)DUE_WINDOW;
        stream_update(t, s);
        return TUNNEL_OK;
    }
    s->peer_code = is_reset ? read_32(f->payload) : 0;
    stream_has_read_all(t, s);
    /* Who has stopped reading does not care how it ended. */
    if (!is_stopped)
        stream_report(t, s, is_reset ? TUNNEL_EVENT_RESET : TUNNEL_EVENT_END);
    return TUNNEL_OK;
}

static enum tunnel_result receive_window(struct tunnel *t, struct stream *s, const struct frame *f)
{
    uint32_t more = read_32(f->payload);
    if (s->send == SEND_DONE)
        return break_at(t, f, "which it has read to the end");
    if (more == 0 || more > TUNNEL_WINDOW_MAX - s->send_window)
        return break_at(t, f, "an impossible increment");
    s->send_window += more;
    stream_update(t, s);
    return TUNNEL_OK;
}

static enum tunnel_result receive_stop(struct tunnel *t, struct stream *s, const struct frame *f)
{
    if (s->send == SEND_DONE)
        return break_at(t, f, "which it has read to the end");
    if (s->send == SEND_OPEN || s->send == SEND_ENDING) {
        tunnel_reset(t, s->id, 0);
        stream_report(t, s, TUNNEL_EVENT_STOPPED);
    }
    return TUNNEL_OK;
}

static enum tunnel_result receive_done(struct tunnel *t, struct stream *s, const struct frame *f)
{
    if (s->send != SEND_ENDED)
        return break_at(t, f, "which has not ended");
    s->send = SEND_DONE;
    stream_update(t, s);
    return TUNNEL_OK;
}

enum tunnel_result stream_receive(struct tunnel *t, const struct frame *f)
{
    if (f->kind == FRAME_OPEN)
        return receive_open(t, f);
    struct stream *s = stream_find(t, f->stream);
    if (!s || (s->send == SEND_DONE && s->receive == RECEIVE_DONE))
        return break_at(t, f, "which is not open");
    if (s->class != f->class)
        return break_at(t, f, "in the wrong class");
    switch (f->kind) {
    case FRAME_DATA:
        return receive_data(t, s, f);
    case FRAME_WINDOW:
        return receive_window(t, s, f);
    case FRAME_END:
    case FRAME_RESET:
        return receive_end(t, s, f);
    case FRAME_STOP:
        return receive_stop(t, s, f);
    default:
        return receive_done(t, s, f);
    }
}
