/* Both ends of a tunnel and the links between them: bytes that are on their way, and may be cut anywhere. What each
 * stream carries is known of each byte, so that none may be missing, twice, or out of order. */
#ifndef TEST_TUNNEL_PAIR_H
#define TEST_TUNNEL_PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/tunnel/tunnel.h"

enum {
    PAIR_STREAMS = 64,        /* numbers of streams below this are looked after */
    PAIR_WAY_MAX = 256 * 1024 /* bytes on their way */
};

enum pair_end { CALLER, ANSWERER, ENDS };

/* One way of a stream, as its sender and its reader know it. */
struct way {
    uint64_t available; /* bytes that the source may give, from the beginning */
    uint64_t given;
    uint64_t read;
    bool ended; /* by its sender */
    bool reset;
    bool stopped;      /* by its reader */
    bool reader_waits; /* reads nothing for now */
    bool got_end;
    bool got_reset;
    bool got_stopped;
};

struct wire {
    unsigned char *bytes;
    size_t len;
};

struct pair_end_state {
    struct tunnel *t;
    struct tunnel_source_arg {
        struct pair *pair;
        enum pair_end end;
    } arg;
    struct way way[PAIR_STREAMS]; /* that it sends */
    bool open[PAIR_STREAMS];
    uint32_t next; /* stream that it opens; 0: its first */
    unsigned ups;
    unsigned gaps;
    size_t most_kept;
    size_t most_memory;
    struct wire wire; /* what it sent, and has not come */
    struct older {    /* what it sent by the link before, and may still come */
        struct wire wire;
        uint64_t link;
    } older;
    uint64_t link; /* by which it hears; 0: none */
};

struct pair {
    unsigned seed;
    uint64_t random;
    uint64_t now;
    struct pair_end_state end[ENDS];
    struct tunnel_greeting greeting;
    bool greeted;       /* the answerer has read this link's hello */
    uint64_t max_given; /* at once by a source; 0: all */
    uint64_t newest;    /* link whose hello the answerer has read */
    unsigned older_read;
    unsigned older_refused;
};

#define HOLDS(pair, what)                                                                                              \
    do {                                                                                                               \
        if (!(what))                                                                                                   \
            fail_msg("schedule %u: %s does not hold (%s; %s)", (pair)->seed, #what,                                    \
                     tunnel_reason((pair)->end[CALLER].t), tunnel_reason((pair)->end[ANSWERER].t));                    \
    } while (0)

static inline unsigned pick(struct pair *p, unsigned n)
{
    p->random = p->random * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(p->random >> 33) % n;
}

static inline unsigned char byte_of(enum pair_end from, uint32_t stream, uint64_t at)
{
    return (unsigned char)(at * 31 + (at >> 8) * 7 + stream * 13 + (unsigned)from * 101);
}

static inline size_t pair_source(void *arg, uint32_t stream, void *data, void *room, size_t n)
{
    struct tunnel_source_arg *a = arg;
    struct way *way = &a->pair->end[a->end].way[stream];
    unsigned char *out = room;
    size_t i = 0;
    (void)data;
    HOLDS(a->pair, stream < PAIR_STREAMS && n > 0 && n <= TUNNEL_PAYLOAD_MAX);
    HOLDS(a->pair, !way->reset && !way->got_stopped);
    if (a->pair->max_given && n > a->pair->max_given)
        n = a->pair->max_given;
    while (i < n && way->given < way->available)
        out[i++] = byte_of(a->end, stream, way->given++);
    return i;
}

static inline struct tunnel_config pair_config(struct pair *p, enum pair_end end)
{
    struct tunnel_config c = {.side = end == CALLER ? TUNNEL_CALLER : TUNNEL_ANSWERER,
                              .instance = {(unsigned char)(1 + end), 9},
                              .build = "of the tests",
                              .source = pair_source,
                              .arg = &p->end[end].arg};
    return c;
}

static inline void pair_new(struct pair *p, unsigned seed)
{
    *p = (struct pair){.seed = seed, .random = seed * 2654435761U + 1, .now = 1000};
    for (enum pair_end e = CALLER; e < ENDS; e++) {
        struct tunnel_config c = pair_config(p, e);
        p->end[e].arg.pair = p;
        p->end[e].arg.end = e;
        p->end[e].t = tunnel_new(&c, p->now);
        p->end[e].wire.bytes = malloc(PAIR_WAY_MAX);
        assert_non_null(p->end[e].t);
        assert_non_null(p->end[e].wire.bytes);
    }
}

static inline void pair_free(struct pair *p)
{
    for (enum pair_end e = CALLER; e < ENDS; e++) {
        tunnel_free(p->end[e].t);
        free(p->end[e].wire.bytes);
        free(p->end[e].older.wire.bytes);
    }
}

/* The connection ends without either end knowing; then the caller makes the next. */
static inline void pair_cut(struct pair *p)
{
    p->end[CALLER].wire.len = p->end[ANSWERER].wire.len = 0;
}

static inline void pair_call(struct pair *p)
{
    pair_cut(p);
    p->end[CALLER].link = tunnel_call(p->end[CALLER].t, p->now);
    HOLDS(p, p->end[CALLER].link != 0);
    p->end[ANSWERER].link = 0;
    p->greeting = (struct tunnel_greeting){.len = 0};
    p->greeted = false;
}

/* As pair_call, but what was on its way by the link before may still come. */
static inline void pair_call_beside(struct pair *p)
{
    for (enum pair_end e = CALLER; e < ENDS; e++) {
        struct older *o = &p->end[e].older;
        free(o->wire.bytes);
        /* A hello that was not read would have to be read first. */
        *o = (struct older){.link = p->greeted ? p->end[CALLER].link : 0};
        o->wire.len = o->link ? p->end[e].wire.len : 0;
        o->wire.bytes = malloc(o->wire.len + 1);
        assert_non_null(o->wire.bytes);
        memcpy(o->wire.bytes, p->end[e].wire.bytes, o->wire.len);
    }
    pair_call(p);
}

/* Takes an end's events and notes what they say. Bytes are read apart from that. */
static inline void pair_events(struct pair *p, enum pair_end e)
{
    struct pair_end_state *me = &p->end[e];
    struct tunnel_event event;
    while (tunnel_event(me->t, &event)) {
        struct way *in = &p->end[!e].way[event.stream % PAIR_STREAMS];
        struct way *out = &me->way[event.stream % PAIR_STREAMS];
        HOLDS(p, event.stream < PAIR_STREAMS);
        switch (event.kind) {
        case TUNNEL_EVENT_UP:
            me->ups++;
            break;
        case TUNNEL_EVENT_GAP:
            me->gaps++;
            break;
        case TUNNEL_EVENT_OPENED:
            HOLDS(p, !me->open[event.stream]);
            HOLDS(p, event.session == event.stream / 3 && event.label == event.stream + 7);
            me->open[event.stream] = true;
            break;
        case TUNNEL_EVENT_READABLE:
            break;
        case TUNNEL_EVENT_END:
            HOLDS(p, in->ended && !in->got_end && !in->got_reset && in->read == in->available);
            in->got_end = true;
            break;
        case TUNNEL_EVENT_RESET:
            HOLDS(p, in->reset && !in->got_end && !in->got_reset && event.code == 5);
            in->got_reset = true;
            break;
        case TUNNEL_EVENT_STOPPED:
            HOLDS(p, out->stopped && !out->got_stopped);
            out->got_stopped = true;
            break;
        case TUNNEL_EVENT_CLOSED:
            HOLDS(p, me->open[event.stream]);
            HOLDS(p, in->got_end || in->got_reset || in->stopped);
            HOLDS(p, out->ended || out->reset || out->got_stopped);
            me->open[event.stream] = false;
            break;
        }
    }
}

/* Returns 0 when memory is short or the numbers that are looked after are used up. */
static inline uint32_t pair_try_open(struct pair *p, enum pair_end e, enum tunnel_class class)
{
    uint32_t next = p->end[e].next ? p->end[e].next : (e == CALLER ? 1 : 2);
    if (next >= PAIR_STREAMS)
        return 0;
    uint32_t id = tunnel_open(p->end[e].t, class, next / 3, next + 7, NULL);
    HOLDS(p, id == next || id == 0);
    if (id) {
        p->end[e].open[id] = true;
        p->end[e].next = id + 2;
    }
    return id;
}

static inline uint32_t pair_open(struct pair *p, enum pair_end e, enum tunnel_class class)
{
    uint32_t id = pair_try_open(p, e, class);
    HOLDS(p, id != 0 || p->end[e].next >= PAIR_STREAMS);
    return id;
}

/* Reads up to n bytes of a stream. Returns how many. */
static inline size_t pair_read(struct pair *p, enum pair_end e, uint32_t id, size_t n)
{
    struct way *in = &p->end[!e].way[id];
    size_t done = 0;
    const void *bytes;
    size_t part;
    while (done < n && (part = tunnel_peek(p->end[e].t, id, &bytes)) > 0) {
        if (part > n - done)
            part = n - done;
        for (size_t i = 0; i < part; i++)
            if (((const unsigned char *)bytes)[i] != byte_of(!e, id, in->read + i))
                fail_msg("schedule %u: byte %llu of stream %u is another", p->seed, (unsigned long long)(in->read + i),
                         (unsigned)id);
        HOLDS(p, !in->stopped && !in->got_end && !in->got_reset);
        in->read += part;
        done += part;
        tunnel_consume(p->end[e].t, id, part);
    }
    return done;
}

static inline void pair_watch(struct pair *p, enum pair_end e)
{
    struct tunnel_stats s;
    size_t unread_max = 0;
    tunnel_stats(p->end[e].t, &s);
    for (uint32_t i = 1; i < PAIR_STREAMS; i++)
        unread_max += p->end[e].open[i] ? TUNNEL_WINDOW : 0;
    HOLDS(p, s.kept <= TUNNEL_KEPT_MAX && s.bulk <= TUNNEL_KEPT_BULK);
    HOLDS(p, s.unread <= unread_max + TUNNEL_WIDENED_MAX);
    /* What is allocated beside the bytes: a frame's place, and at most a piece for each stream and its head. */
    HOLDS(p, s.memory <= s.kept + s.kept / 16 + s.unread + s.unread / 8 + 3 * TUNNEL_FRAME_MAX +
                             (size_t)PAIR_STREAMS * TUNNEL_FRAME_MAX);
    if (s.kept > p->end[e].most_kept)
        p->end[e].most_kept = s.kept;
    if (s.memory > p->end[e].most_memory)
        p->end[e].most_memory = s.memory;
}

/* An end writes what it has, up to about so many bytes. Returns how many. */
static inline size_t pair_write(struct pair *p, enum pair_end e, size_t room)
{
    struct wire *w = &p->end[e].wire;
    if (w->len + room > PAIR_WAY_MAX || (e == ANSWERER && !p->greeted) || (e == CALLER && p->end[e].link == 0))
        return 0;
    bool has = tunnel_has_output(p->end[e].t);
    size_t n = tunnel_output(p->end[e].t, w->bytes + w->len, room, p->now);
    HOLDS(p, n == 0 || has);
    w->len += n;
    pair_watch(p, e);
    return n;
}

/* What end e sent comes at the other: up to n bytes of it. */
static inline void pair_deliver(struct pair *p, enum pair_end e, size_t n)
{
    struct wire *w = &p->end[e].wire;
    struct pair_end_state *to = &p->end[!e];
    size_t used = 0;
    if (n > w->len)
        n = w->len;
    /* In memory of its own size, so that a read past it is seen. */
    unsigned char *bytes = malloc(n ? n : 1);
    assert_non_null(bytes);
    memcpy(bytes, w->bytes, n);
    memmove(w->bytes, w->bytes + n, w->len - n);
    w->len -= n;
    if (e == CALLER && !p->greeted) {
        struct tunnel_hello hello;
        enum tunnel_result r = tunnel_greeting_read(&p->greeting, bytes, n, &used, &hello);
        HOLDS(p, r == TUNNEL_OK || r == TUNNEL_MORE);
        if (r == TUNNEL_OK) {
            HOLDS(p, tunnel_answer(to->t, &hello, p->now) == TUNNEL_OK);
            to->link = p->newest = hello.number;
            p->greeted = true;
        }
    }
    if (n > used)
        HOLDS(p, tunnel_receive(to->t, to->link, bytes + used, n - used, p->now) == TUNNEL_OK);
    free(bytes);
    pair_events(p, !e);
    pair_watch(p, !e);
}

/* Up to n bytes come at the other end by the link before: they are read as long as the newer hello was not. */
static inline void pair_deliver_older(struct pair *p, enum pair_end e, size_t n)
{
    struct older *o = &p->end[e].older;
    struct wire *w = &o->wire;
    if (n > w->len)
        n = w->len;
    if (n == 0)
        return;
    bool is_newest = e == CALLER && o->link == p->newest;
    enum tunnel_result r = tunnel_receive(p->end[!e].t, o->link, w->bytes, n, p->now);
    HOLDS(p, r == TUNNEL_OLD || (is_newest && r == TUNNEL_OK));
    /* The answerer may have given the link before up, but never takes it up again. */
    p->older_read += r == TUNNEL_OK;
    p->older_refused += r == TUNNEL_OLD;
    memmove(w->bytes, w->bytes + n, w->len - n);
    w->len = r == TUNNEL_OK ? w->len - n : 0;
    pair_events(p, !e);
}

/* Reads whatever streams have, and carries until nothing moves any more. */
static inline void pair_settle(struct pair *p)
{
    bool moved = true;
    while (moved) {
        moved = false;
        for (enum pair_end e = CALLER; e < ENDS; e++) {
            moved |= pair_write(p, e, 4 * TUNNEL_FRAME_MAX) > 0;
            moved |= p->end[e].wire.len > 0;
            pair_deliver(p, e, PAIR_WAY_MAX);
            for (uint32_t id = 1; id < PAIR_STREAMS; id++)
                if (p->end[!e].open[id] && !p->end[e].way[id].reader_waits)
                    moved |= pair_read(p, !e, id, PAIR_WAY_MAX) > 0;
            pair_events(p, !e);
        }
    }
}

static inline void pair_give(struct pair *p, enum pair_end e, uint32_t id, uint64_t n)
{
    p->end[e].way[id].available += n;
    tunnel_ready(p->end[e].t, id);
}

static inline void pair_finish(struct pair *p, enum pair_end e, uint32_t id)
{
    p->end[e].way[id].ended = true;
    tunnel_end(p->end[e].t, id);
}

#endif
