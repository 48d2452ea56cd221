/* The tunnel and its link: which one it is, what each side has received, and whether the peer is still there. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/tunnel/tunnel_private.h"

static const unsigned char nobody[TUNNEL_ID_SIZE];

static bool is_same(const unsigned char a[TUNNEL_ID_SIZE], const unsigned char b[TUNNEL_ID_SIZE])
{
    return memcmp(a, b, TUNNEL_ID_SIZE) == 0;
}

#define TO(state) (1U << (state))

/* An edge that the table does not have is a bug: builds for tests end there, a release build stays where it is. */
static void set_state(struct tunnel *t, enum tunnel_state state)
{
    static const unsigned edges[] = {
        [TUNNEL_DOWN] = TO(TUNNEL_GREETING) | TO(TUNNEL_UP) | TO(TUNNEL_BROKEN),
        [TUNNEL_GREETING] = TO(TUNNEL_DOWN) | TO(TUNNEL_UP) | TO(TUNNEL_LOST) | TO(TUNNEL_BROKEN),
        [TUNNEL_UP] = TO(TUNNEL_DOWN) | TO(TUNNEL_BROKEN),
        [TUNNEL_LOST] = 0,
        [TUNNEL_BROKEN] = 0,
    };
    if (edges[t->state] & TO(state)) {
        t->state = state;
        return;
    }
#ifdef STATE_ABORTS
    abort();
#endif
}

static void set_reason(struct tunnel *t, const char *fmt, va_list ap)
{
    (void)vsnprintf(t->reason, sizeof t->reason, fmt, ap);
}

static void __attribute__((format(printf, 2, 3))) say(struct tunnel *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    set_reason(t, fmt, ap);
    va_end(ap);
}

static void say_protocol(struct tunnel *t, uint32_t protocol)
{
    say(t, "the peer speaks tunnel protocol %lu, this end protocol %d", (unsigned long)protocol, TUNNEL_PROTOCOL);
}

struct tunnel *tunnel_new(const struct tunnel_config *config, uint64_t now)
{
    void *(*alloc)(size_t) = config->alloc ? config->alloc : malloc;
    assert(!is_same(config->instance, nobody));
    struct tunnel *t = alloc(sizeof *t);
    if (!t)
        return NULL;
    bool calls = config->side == TUNNEL_CALLER;
    *t = (struct tunnel){.config = *config, .now = now, .next_id = calls ? 1 : 2, .next_peer_id = calls ? 2 : 1};
    t->config.alloc = alloc;
    pace_reset(&t->pace, t->acknowledged);
    return t;
}

void tunnel_free(struct tunnel *t)
{
    if (!t)
        return;
    streams_free(t);
    queue_free(&t->kept);
    free(t);
}

enum tunnel_state tunnel_state(const struct tunnel *t)
{
    return t->state;
}

const char *tunnel_reason(const struct tunnel *t)
{
    return t->reason;
}

const char *tunnel_peer_build(const struct tunnel *t)
{
    return t->peer_build;
}

bool tunnel_is_over(const struct tunnel *t)
{
    return t->state == TUNNEL_LOST || t->state == TUNNEL_BROKEN;
}

static bool has_link(const struct tunnel *t)
{
    return t->state == TUNNEL_GREETING || t->state == TUNNEL_UP;
}

enum tunnel_result tunnel_break(struct tunnel *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    set_reason(t, fmt, ap);
    va_end(ap);
    set_state(t, TUNNEL_BROKEN);
    return TUNNEL_FAILED;
}

void tunnel_down(struct tunnel *t, const char *reason)
{
    say(t, "%s", reason);
    set_state(t, TUNNEL_DOWN);
}

/* --- Making links --- */

static void begin_link(struct tunnel *t, uint64_t number)
{
    t->link = number;
    t->sent_at = t->heard_at = t->now;
    t->hello_due = true;
    t->beat_due = false;
    t->echo_due = 0;
    t->probe_until = 0;
    t->partial_len = 0;
    t->ack_sent = t->received;
    pace_reset(&t->pace, t->acknowledged);
}

static void up(struct tunnel *t)
{
    set_state(t, TUNNEL_UP);
    t->events |= 1U << TUNNEL_EVENT_UP;
}

static void know(struct tunnel *t, const struct tunnel_hello *hello)
{
    memcpy(t->peer, hello->instance, TUNNEL_ID_SIZE);
    memcpy(t->peer_build, hello->build, sizeof t->peer_build);
}

uint64_t tunnel_call(struct tunnel *t, uint64_t now)
{
    assert(t->config.side == TUNNEL_CALLER);
    tunnel_pass_time(t, now);
    if (tunnel_is_over(t))
        return 0;
    if (has_link(t))
        tunnel_down(t, "replaced by a new connection");
    begin_link(t, t->link + 1);
    set_state(t, TUNNEL_GREETING);
    return t->link;
}

enum tunnel_result tunnel_answer(struct tunnel *t, const struct tunnel_hello *hello, uint64_t now)
{
    assert(t->config.side == TUNNEL_ANSWERER);
    tunnel_pass_time(t, now);
    if (tunnel_is_over(t))
        return TUNNEL_FAILED;
    if (hello->protocol != TUNNEL_PROTOCOL) {
        say_protocol(t, hello->protocol);
        return TUNNEL_OTHER;
    }
    if (!is_same(hello->peer, nobody) && !is_same(hello->peer, t->config.instance)) {
        say(t, "the peer resumes a tunnel with an instance that no longer exists");
        return TUNNEL_OTHER;
    }
    if (!is_same(t->peer, nobody) && !is_same(t->peer, hello->instance)) {
        say(t, "the peer is not the instance with which this tunnel was created");
        return TUNNEL_OTHER;
    }
    if (hello->number <= t->link)
        return TUNNEL_OLD;
    if (has_link(t))
        tunnel_down(t, "replaced by a newer connection");
    know(t, hello);
    begin_link(t, hello->number);
    enum tunnel_result r = tunnel_resume(t, hello->received);
    if (r == TUNNEL_OK)
        up(t);
    return r;
}

enum tunnel_result tunnel_answered(struct tunnel *t, const struct tunnel_hello *hello)
{
    if (hello->protocol != TUNNEL_PROTOCOL) {
        say_protocol(t, hello->protocol);
        set_state(t, TUNNEL_LOST);
        return TUNNEL_FAILED;
    }
    if (hello->number != t->link) {
        tunnel_down(t, "the peer answered another hello");
        return TUNNEL_NO_LINK;
    }
    if (!is_same(hello->peer, t->config.instance) ||
        (!is_same(t->peer, nobody) && !is_same(t->peer, hello->instance))) {
        say(t, "the peer is another instance: the streams are lost");
        set_state(t, TUNNEL_LOST);
        return TUNNEL_FAILED;
    }
    know(t, hello);
    /* By the first link the streams began without waiting for this: they go on where they are. */
    enum tunnel_result r = t->link == 1 ? tunnel_acknowledge(t, hello->received) : tunnel_resume(t, hello->received);
    if (r == TUNNEL_OK)
        up(t);
    return r;
}

void tunnel_hang_up(struct tunnel *t, uint64_t link, const char *reason, uint64_t now)
{
    tunnel_pass_time(t, now);
    if (has_link(t) && link == t->link)
        tunnel_down(t, reason);
}

/* --- Acknowledgement --- */

enum tunnel_result tunnel_acknowledge(struct tunnel *t, uint64_t position)
{
    if (position < t->acknowledged || position > t->acknowledged + t->kept.len)
        return tunnel_break(t, "the peer acknowledged %llu bytes, not between %llu and %llu",
                            (unsigned long long)position, (unsigned long long)t->acknowledged,
                            (unsigned long long)t->acknowledged + t->kept.len);
    while (t->acknowledged < position) {
        unsigned char header[TUNNEL_FRAME_HEADER];
        struct frame f;
        queue_copy(&t->kept, 0, header, sizeof header);
        const char *wrong = frame_read(&f, header);
        assert(!wrong);
        (void)wrong;
        size_t size = TUNNEL_FRAME_HEADER + f.len;
        if (size > position - t->acknowledged)
            return tunnel_break(t, "the peer acknowledged a part of a frame");
        queue_consume(&t->kept, size);
        t->acknowledged += size;
        t->is_starved = false;
        if (f.kind == FRAME_DATA && f.class == TUNNEL_BULK)
            t->bulk -= size;
    }
    pace_acknowledged(&t->pace, position, t->now);
    return TUNNEL_OK;
}

enum tunnel_result tunnel_resume(struct tunnel *t, uint64_t position)
{
    enum tunnel_result r = tunnel_acknowledge(t, position);
    t->sent = position;
    /* What was acknowledged just now says nothing of the new way. */
    pace_reset(&t->pace, t->acknowledged);
    return r;
}

/* --- Time --- */

void tunnel_pass_time(struct tunnel *t, uint64_t now)
{
    if (now <= t->now)
        return;
    uint64_t passed = now - t->now;
    t->now = now;
    /* An answerer without a link waits for one, and looks at no clock meanwhile. */
    if (passed < TUNNEL_GAP_MS || tunnel_is_over(t) || (t->config.side == TUNNEL_ANSWERER && t->state == TUNNEL_DOWN))
        return;
    t->events |= 1U << TUNNEL_EVENT_GAP;
    /* Silence while nobody listened proves nothing; nor does what has come before and was not read. */
    t->heard_at = now;
    if (t->state != TUNNEL_UP)
        return;
    t->probe = t->probe == UINT32_MAX ? 1 : t->probe + 1;
    t->probe_until = now + TUNNEL_PROBE_MS;
    t->beat_due = true;
}

enum tunnel_result tunnel_tick(struct tunnel *t, uint64_t now)
{
    tunnel_pass_time(t, now);
    t->is_starved = false;
    if (tunnel_is_over(t))
        return TUNNEL_FAILED;
    if (t->state == TUNNEL_DOWN)
        return TUNNEL_OK;
    if (t->probe_until && t->now >= t->probe_until) {
        tunnel_down(t, "no answer from the peer after a gap in the clock");
        return TUNNEL_NO_LINK;
    }
    if (t->now - t->heard_at >= TUNNEL_DEAD_MS) {
        say(t, "no byte from the peer for %llu s", (unsigned long long)(t->now - t->heard_at) / 1000);
        set_state(t, TUNNEL_DOWN);
        return TUNNEL_NO_LINK;
    }
    if (t->now - t->sent_at >= TUNNEL_BEAT_MS)
        t->beat_due = true;
    return TUNNEL_OK;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t tunnel_next_tick(const struct tunnel *t)
{
    if (tunnel_is_over(t) || (t->config.side == TUNNEL_ANSWERER && t->state == TUNNEL_DOWN))
        return TUNNEL_NEVER;
    uint64_t next = t->now + TUNNEL_BEAT_MS;
    if (t->state == TUNNEL_DOWN)
        return next;
    if (!t->beat_due)
        next = earlier(next, t->sent_at + TUNNEL_BEAT_MS);
    if (t->probe_until)
        next = earlier(next, t->probe_until);
    return earlier(next, t->heard_at + TUNNEL_DEAD_MS);
}
