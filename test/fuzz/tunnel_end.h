/* Any bytes as what the other side of a tunnel says. The first byte chooses the pieces that they come in, and whether
 * the owner does anything meanwhile. In one piece and in many they mean the same, an end stays one and has words, and
 * memory is bounded by what windows allow. */
#ifndef TEST_FUZZ_TUNNEL_END_H
#define TEST_FUZZ_TUNNEL_END_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/tunnel/tunnel.h"

enum { FUZZ_STREAMS = 8, FUZZ_GIVEN = 10, FUZZ_OUT = 2 * TUNNEL_FRAME_MAX, FUZZ_CHECKED = 32 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_end {
    struct tunnel *t;
    uint64_t link;
    struct tunnel_greeting greeting;
    uint32_t streams[FUZZ_STREAMS]; /* that the other side opened */
    unsigned count;
    unsigned steps;
    unsigned asked; /* its source */
    uint64_t now;
};

static inline void require(int condition)
{
    if (!condition)
        abort();
}

static inline size_t fuzz_source(void *arg, uint32_t stream, void *data, void *room, size_t n)
{
    struct fuzz_end *e = arg;
    (void)stream;
    (void)data;
    size_t given = e->asked++ % 4 == 3 ? 0 : n < FUZZ_GIVEN ? n : FUZZ_GIVEN;
    memset(room, 'x', given);
    return given;
}

static inline void fuzz_read_events(struct fuzz_end *e)
{
    struct tunnel_event event;
    const void *bytes;
    while (tunnel_event(e->t, &event)) {
        if (event.kind == TUNNEL_EVENT_OPENED)
            e->streams[e->count++ % FUZZ_STREAMS] = event.stream;
        size_t n = tunnel_peek(e->t, event.stream, &bytes);
        if (event.kind == TUNNEL_EVENT_READABLE && e->steps % 3)
            tunnel_consume(e->t, event.stream, n / 2 + n % 2);
    }
}

/* What owners do, one thing after the other. */
static inline void fuzz_act(struct fuzz_end *e)
{
    static unsigned char out[FUZZ_OUT];
    uint32_t stream = e->streams[e->steps / 8 % FUZZ_STREAMS];
    switch (e->steps++ % 8) {
    case 0:
        tunnel_ready(e->t, stream);
        break;
    case 1:
        tunnel_ready(e->t, tunnel_open(e->t, (enum tunnel_class)(e->steps / 8 % 3), e->steps, 1, NULL));
        break;
    case 2:
        tunnel_end(e->t, stream);
        break;
    case 3:
        if (e->steps % 24 == 4)
            tunnel_stop(e->t, stream);
        break;
    case 4:
        tunnel_widen(e->t, stream, TUNNEL_WINDOW_MAX);
        break;
    case 5:
        if (e->steps % 40 == 6)
            tunnel_reset(e->t, stream, 1);
        break;
    default:
        e->now += 100;
        require(tunnel_tick(e->t, e->now) == TUNNEL_OK || tunnel_state(e->t) != TUNNEL_UP);
        break;
    }
    size_t n = tunnel_output(e->t, out, sizeof out, e->now);
    require(n <= sizeof out);
}

static inline enum tunnel_result fuzz_say(struct fuzz_end *e, enum tunnel_side side, const uint8_t *bytes, size_t n)
{
    size_t used = 0;
    struct tunnel_hello hello;
    if (side == TUNNEL_ANSWERER && e->link == 0) {
        enum tunnel_result r = tunnel_greeting_read(&e->greeting, bytes, n, &used, &hello);
        require(used <= n);
        if (r == TUNNEL_OK)
            r = tunnel_answer(e->t, &hello, e->now);
        if (r != TUNNEL_OK)
            return r;
        e->link = hello.number;
    }
    return tunnel_receive(e->t, e->link, bytes + used, n - used, e->now);
}

static inline void fuzz_run(struct fuzz_end *e, enum tunnel_side side, const uint8_t *data, size_t size, size_t piece,
                            int acts)
{
    struct tunnel_config config = {
        .side = side, .instance = {(unsigned char)(side + 1)}, .source = fuzz_source, .arg = e};
    struct tunnel_stats s;
    *e = (struct fuzz_end){.t = tunnel_new(&config, 0)};
    require(e->t != NULL);
    if (side == TUNNEL_CALLER)
        e->link = tunnel_call(e->t, 0);
    enum tunnel_result r = TUNNEL_OK;
    for (size_t at = 0; at < size && (r == TUNNEL_OK || r == TUNNEL_MORE); at += piece) {
        size_t n = size - at < piece ? size - at : piece;
        uint8_t *copy = malloc(n);
        require(copy != NULL);
        memcpy(copy, data + at, n);
        r = fuzz_say(e, side, copy, n);
        free(copy);
        if (acts) {
            fuzz_read_events(e);
            fuzz_act(e);
        }
        if (at / piece % FUZZ_CHECKED && at + n < size)
            continue;
        tunnel_stats(e->t, &s);
        require(s.kept <= TUNNEL_KEPT_MAX && s.unread <= size + FUZZ_STREAMS);
        require(s.memory <= s.kept + 2 * s.unread + (s.streams + 3) * TUNNEL_FRAME_MAX);
    }
    if (r == TUNNEL_FAILED) {
        require(tunnel_state(e->t) == TUNNEL_BROKEN || tunnel_state(e->t) == TUNNEL_LOST);
        require(tunnel_reason(e->t)[0] != '\0');
        require(tunnel_receive(e->t, e->link, "", 0, e->now) == TUNNEL_FAILED);
    }
}

static inline int fuzz_end(enum tunnel_side side, const uint8_t *data, size_t size)
{
    struct fuzz_end whole;
    struct fuzz_end pieces;
    struct tunnel_stats a;
    struct tunnel_stats b;
    if (size == 0)
        return 0;
    size_t piece = data[0] % 64 + 1U;
    fuzz_run(&pieces, side, data + 1, size - 1, piece, 1);
    tunnel_free(pieces.t);
    fuzz_run(&whole, side, data + 1, size - 1, size, 0);
    fuzz_run(&pieces, side, data + 1, size - 1, piece, 0);
    tunnel_stats(whole.t, &a);
    tunnel_stats(pieces.t, &b);
    require(tunnel_state(whole.t) == tunnel_state(pieces.t));
    require(strcmp(tunnel_reason(whole.t), tunnel_reason(pieces.t)) == 0);
    require(a.received == b.received && a.unread == b.unread && a.streams == b.streams);
    tunnel_free(whole.t);
    tunnel_free(pieces.t);
    return 0;
}

#endif
