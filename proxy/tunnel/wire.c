/* What comes by the link, and what goes. */
#include <assert.h>
#include <string.h>

#include "proxy/tunnel/tunnel_private.h"

/* --- In --- */

static enum tunnel_result receive_first(struct tunnel *t, const struct frame *f)
{
    struct tunnel_hello hello;
    if (f->kind == FRAME_HELLO && hello_read(&hello, f->payload))
        return tunnel_answered(t, &hello);
    tunnel_down(t, "the peer sent no hello");
    return TUNNEL_NO_LINK;
}

static enum tunnel_result receive_ack(struct tunnel *t, uint64_t position)
{
    if (position > t->sent)
        return tunnel_break(t, "the peer acknowledged %llu bytes, of %llu sent", (unsigned long long)position,
                            (unsigned long long)t->sent);
    return tunnel_acknowledge(t, position);
}

static enum tunnel_result receive_frame(struct tunnel *t, const struct frame *f)
{
    if (t->state == TUNNEL_GREETING)
        return receive_first(t, f);
    switch (f->kind) {
    case FRAME_HELLO:
        return tunnel_break(t, "the peer sent a second hello");
    case FRAME_ACK:
        return receive_ack(t, read_64(f->payload));
    case FRAME_BEAT:
        if (read_32(f->payload))
            t->echo_due = read_32(f->payload);
        return TUNNEL_OK;
    case FRAME_ECHO:
        if (read_32(f->payload) == t->probe)
            t->probe_until = 0;
        return TUNNEL_OK;
    default: {
        enum tunnel_result r = stream_receive(t, f);
        if (r == TUNNEL_OK)
            t->received += TUNNEL_FRAME_HEADER + f->len;
        return r;
    }
    }
}

/* A header that no frame has. */
static enum tunnel_result refuse(struct tunnel *t, const char *wrong)
{
    if (t->state == TUNNEL_UP)
        return tunnel_break(t, "the peer sent a frame %s", wrong);
    tunnel_down(t, "the peer sent no hello");
    return TUNNEL_NO_LINK;
}

/* Adds to the frame that is not whole yet. Returns how many bytes that took. */
static size_t add_to(struct tunnel *t, size_t whole, const unsigned char *bytes, size_t n)
{
    size_t part = n < whole - t->partial_len ? n : whole - t->partial_len;
    memcpy(t->partial + t->partial_len, bytes, part);
    t->partial_len += part;
    return part;
}

/* Takes one frame, or a part of it, from the bytes. *used: how many. */
static enum tunnel_result receive_some(struct tunnel *t, const unsigned char *bytes, size_t n, size_t *used)
{
    struct frame f;
    const char *wrong;
    *used = 0;
    if (t->partial_len == 0 && n >= TUNNEL_FRAME_HEADER) {
        wrong = frame_read(&f, bytes);
        if (wrong)
            return refuse(t, wrong);
        if (n - TUNNEL_FRAME_HEADER >= f.len) {
            *used = TUNNEL_FRAME_HEADER + f.len;
            f.payload = bytes + TUNNEL_FRAME_HEADER;
            return receive_frame(t, &f);
        }
    }
    if (t->partial_len < TUNNEL_FRAME_HEADER)
        *used = add_to(t, TUNNEL_FRAME_HEADER, bytes, n);
    if (t->partial_len < TUNNEL_FRAME_HEADER)
        return TUNNEL_OK;
    wrong = frame_read(&f, t->partial);
    if (wrong)
        return refuse(t, wrong);
    *used += add_to(t, TUNNEL_FRAME_HEADER + f.len, bytes + *used, n - *used);
    if (t->partial_len < TUNNEL_FRAME_HEADER + f.len)
        return TUNNEL_OK;
    t->partial_len = 0;
    f.payload = t->partial + TUNNEL_FRAME_HEADER;
    return receive_frame(t, &f);
}

enum tunnel_result tunnel_receive(struct tunnel *t, uint64_t link, const void *bytes, size_t n, uint64_t now)
{
    const unsigned char *from = bytes;
    enum tunnel_result r = TUNNEL_OK;
    tunnel_pass_time(t, now);
    if (tunnel_is_over(t))
        return TUNNEL_FAILED;
    if (t->state == TUNNEL_DOWN || link != t->link)
        return TUNNEL_OLD;
    if (n)
        t->heard_at = t->now;
    while (n && r == TUNNEL_OK) {
        size_t used;
        r = receive_some(t, from, n, &used);
        from += used;
        n -= used;
    }
    return r;
}

/* --- Out --- */

static bool owes_acknowledgement(const struct tunnel *t)
{
    return t->ack_sent != t->received;
}

static size_t write_link_frame(struct tunnel *t, unsigned char *out)
{
    if (owes_acknowledgement(t)) {
        t->ack_sent = t->received;
        return frame_write_64(out, FRAME_ACK, TUNNEL_CONTROL, 0, t->ack_sent);
    }
    if (t->echo_due) {
        uint32_t number = t->echo_due;
        t->echo_due = 0;
        return frame_write_32(out, FRAME_ECHO, TUNNEL_CONTROL, 0, number);
    }
    if (t->beat_due) {
        t->beat_due = false;
        return frame_write_32(out, FRAME_BEAT, TUNNEL_CONTROL, 0, t->probe_until ? t->probe : 0);
    }
    return 0;
}

/* What was sent by an earlier link and not received. */
static size_t write_again(struct tunnel *t, unsigned char *out)
{
    struct frame f;
    size_t at = (size_t)(t->sent - t->acknowledged);
    if (at == t->kept.len)
        return 0;
    queue_copy(&t->kept, at, out, TUNNEL_FRAME_HEADER);
    const char *wrong = frame_read(&f, out);
    assert(!wrong);
    (void)wrong;
    queue_copy(&t->kept, at + TUNNEL_FRAME_HEADER, out + TUNNEL_FRAME_HEADER, f.len);
    return TUNNEL_FRAME_HEADER + f.len;
}

/* Streams may send: before the answer only by the first link, where nothing can have been received. */
static bool streams_may_send(const struct tunnel *t)
{
    return t->state == TUNNEL_UP || (t->state == TUNNEL_GREETING && t->link == 1);
}

static size_t write_frame(struct tunnel *t, unsigned char *out)
{
    if (t->hello_due) {
        t->hello_due = false;
        t->ack_sent = t->received;
        tunnel_hello_write(t, t->link, out);
        return TUNNEL_HELLO_SIZE;
    }
    size_t size = t->state == TUNNEL_UP ? write_link_frame(t, out) : 0;
    if (size || !streams_may_send(t))
        return size;
    size = write_again(t, out);
    if (size == 0)
        size = turn_take(t, out);
    t->sent += size;
    if (size)
        pace_sent(&t->pace, t->sent, t->bulk, t->now);
    return size;
}

size_t tunnel_output(struct tunnel *t, void *out, size_t size, uint64_t now)
{
    size_t n = 0;
    assert(size >= TUNNEL_FRAME_MAX);
    tunnel_pass_time(t, now);
    while ((t->state == TUNNEL_UP || t->state == TUNNEL_GREETING) && size - n >= TUNNEL_FRAME_MAX) {
        size_t part = write_frame(t, (unsigned char *)out + n);
        if (part == 0)
            break;
        n += part;
    }
    if (n)
        t->sent_at = t->now;
    return n;
}

bool tunnel_has_output(const struct tunnel *t)
{
    if (t->state != TUNNEL_UP && t->state != TUNNEL_GREETING)
        return false;
    if (t->hello_due)
        return true;
    if (t->state == TUNNEL_UP && (owes_acknowledgement(t) || t->echo_due || t->beat_due))
        return true;
    if (!streams_may_send(t))
        return false;
    return t->sent - t->acknowledged < t->kept.len || (!t->is_starved && turn_is_waiting(t));
}
