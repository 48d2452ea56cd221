/* Whose turn it is: control before DAP before bulk, the sessions of a class in turn, and the streams of a session. */
#include <assert.h>

#include "proxy/tunnel/tunnel_private.h"

enum { BULK_LEAST = 1024 /* bytes of bulk that are worth a frame */ };

/* Whether one frame more may be kept that is not acknowledged. */
static bool fits(const struct tunnel *t, enum tunnel_class class)
{
    static const size_t max[CLASSES] = {TUNNEL_KEPT_MAX, TUNNEL_KEPT_DAP, TUNNEL_KEPT_BULK};
    if (t->kept.len + TUNNEL_FRAME_MAX > max[class])
        return false;
    return class != TUNNEL_BULK || t->bulk + TUNNEL_FRAME_HEADER + BULK_LEAST <= t->pace.limit;
}

/* How many bytes the next frame of a stream may have. Of bulk all that is allowed is used: the limit follows from it.
 */
static size_t room_for(const struct tunnel *t, const struct stream *s)
{
    size_t room = s->send_window < TUNNEL_PAYLOAD_MAX ? s->send_window : TUNNEL_PAYLOAD_MAX;
    if (s->class == TUNNEL_BULK && room > t->pace.limit - t->bulk - TUNNEL_FRAME_HEADER)
        room = t->pace.limit - t->bulk - TUNNEL_FRAME_HEADER;
    return room;
}

/* The stream that has waited longest, of the session that has. */
static struct stream *pick(const struct tunnel *t, enum tunnel_class class)
{
    struct stream *best = t->data[class].first;
    for (struct stream *s = best; s; s = s->after[LIST_DATA]) {
        uint64_t turn = s->session->turn[class];
        uint64_t best_turn = best->session->turn[class];
        if (turn < best_turn || (turn == best_turn && s->turn < best->turn))
            best = s;
    }
    return best;
}

static size_t write_due(struct stream *s, unsigned char *out)
{
    enum due due = (enum due)(s->due & -s->due);
    uint32_t regained = s->regained;
    s->due &= ~(unsigned)due;
    switch (due) {
    case DUE_OPEN:
        return frame_write_open(out, s->class, s->id, s->session->number, s->label);
    case DUE_STOP:
        return frame_write(out, FRAME_STOP, s->class, s->id, 0);
    case DUE_WINDOW:
        s->receive_window += regained;
        s->regained = 0;
        return frame_write_32(out, FRAME_WINDOW, s->class, s->id, regained);
    case DUE_RESET:
        s->send = SEND_ENDED;
        return frame_write_32(out, FRAME_RESET, s->class, s->id, s->reset_code);
    default:
        s->receive = RECEIVE_DONE;
        return frame_write(out, FRAME_DONE, s->class, s->id, 0);
    }
}

static size_t write_data(struct tunnel *t, struct stream *s, unsigned char *out)
{
    s->turn = s->session->turn[s->class] = ++t->turns;
    if (s->ready) {
        size_t room = room_for(t, s);
        size_t n = t->config.source(t->config.arg, s->id, s->data, out + TUNNEL_FRAME_HEADER, room);
        assert(n <= room);
        s->send_window -= (uint32_t)n;
        if (n) {
            t->bulk += s->class == TUNNEL_BULK ? TUNNEL_FRAME_HEADER + n : 0;
            return frame_write(out, FRAME_DATA, s->class, s->id, n);
        }
        s->ready = false;
    }
    if (s->send != SEND_ENDING)
        return 0;
    s->send = SEND_ENDED;
    return frame_write(out, FRAME_END, s->class, s->id, 0);
}

size_t turn_take(struct tunnel *t, unsigned char *out)
{
    size_t size = 0;
    /* Before a source gives its bytes there is room for them. */
    if (!turn_is_waiting(t))
        return 0;
    t->is_starved = !queue_reserve(&t->kept, t->config.alloc, TUNNEL_FRAME_MAX);
    if (t->is_starved)
        return 0;
    struct stream *s = t->due.first;
    if (s && fits(t, TUNNEL_CONTROL)) {
        size = write_due(s, out);
        stream_update(t, s);
    }
    for (int class = TUNNEL_CONTROL; size == 0 && class < CLASSES; class ++)
        while (size == 0 && fits(t, (enum tunnel_class) class) && (s = pick(t, (enum tunnel_class) class))) {
            size = write_data(t, s, out);
            stream_update(t, s);
        }
    queue_append(&t->kept, out, size);
    if (t->kept.len == 0)
        queue_free(&t->kept);
    return size;
}

bool turn_is_waiting(const struct tunnel *t)
{
    if (t->due.first && fits(t, TUNNEL_CONTROL))
        return true;
    for (int class = TUNNEL_CONTROL; class < CLASSES; class ++)
        if (t->data[class].first && fits(t, (enum tunnel_class) class))
            return true;
    return false;
}
