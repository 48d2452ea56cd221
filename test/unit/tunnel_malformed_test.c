/* What no tunnel says: each is an end in words, and stays one, however it is cut. */
#include "test/unit/tunnel_pair.h"

#include "proxy/tunnel/tunnel_private.h"
#include "test/unit/guarded.h"

/* The answerer has streams 1 (of the caller, DAP) and 2 (its own, bulk). */
static void with_two_streams(struct pair *p)
{
    pair_new(p, 0);
    pair_call(p);
    (void)pair_open(p, CALLER, TUNNEL_DAP);
    (void)pair_open(p, ANSWERER, TUNNEL_BULK);
    pair_settle(p);
}

struct said {
    unsigned char bytes[4 * TUNNEL_FRAME_MAX + 100];
    size_t len;
};

static void say(struct said *s, enum frame_kind kind, enum tunnel_class class, uint32_t stream, size_t len)
{
    memset(s->bytes + s->len + TUNNEL_FRAME_HEADER, 0, len);
    s->len += frame_write(s->bytes + s->len, kind, class, stream, len);
}

static void say_32(struct said *s, enum frame_kind kind, enum tunnel_class class, uint32_t stream, uint32_t n)
{
    s->len += frame_write_32(s->bytes + s->len, kind, class, stream, n);
}

static void say_open(struct said *s, uint32_t stream)
{
    s->len += frame_write_open(s->bytes + s->len, TUNNEL_DAP, stream, 0, 0);
}

/* A header as it is, whatever it says. */
static void say_header(struct said *s, unsigned kind, unsigned class, unsigned len, uint32_t stream)
{
    s->len += frame_write(s->bytes + s->len, (enum frame_kind)kind, (enum tunnel_class) class, stream, 0);
    s->bytes[s->len - 6] = (unsigned char)(len >> 8);
    s->bytes[s->len - 5] = (unsigned char)len;
}

static void ack_more_than_sent(struct said *s)
{
    s->len += frame_write_64(s->bytes, FRAME_ACK, TUNNEL_CONTROL, 0, 1000000);
}
static void ack_less_than_before(struct said *s)
{
    s->len += frame_write_64(s->bytes, FRAME_ACK, TUNNEL_CONTROL, 0, 1);
}
static void hello_again(struct said *s)
{
    say(s, FRAME_HELLO, TUNNEL_CONTROL, 0, TUNNEL_HELLO_SIZE - TUNNEL_FRAME_HEADER);
}
static void no_kind(struct said *s)
{
    say_header(s, 0, 0, 0, 0);
}
static void unknown_kind(struct said *s)
{
    say_header(s, FRAME_KINDS, 0, 0, 1);
}
static void too_long(struct said *s)
{
    say_header(s, FRAME_DATA, TUNNEL_DAP, TUNNEL_PAYLOAD_MAX + 1, 1);
}
static void far_too_long(struct said *s)
{
    say_header(s, FRAME_DATA, TUNNEL_DAP, 65535, 1);
}
static void empty_data(struct said *s)
{
    say_header(s, FRAME_DATA, TUNNEL_DAP, 0, 1);
}
static void short_window(struct said *s)
{
    say_header(s, FRAME_WINDOW, TUNNEL_DAP, 3, 1);
}
static void data_of_no_stream(struct said *s)
{
    say_header(s, FRAME_DATA, TUNNEL_DAP, 1, 0);
}
static void beat_of_a_stream(struct said *s)
{
    say_header(s, FRAME_BEAT, 0, 4, 1);
}
static void unknown_class(struct said *s)
{
    say_header(s, FRAME_DATA, 3, 1, 1);
}
static void another_class(struct said *s)
{
    say(s, FRAME_DATA, TUNNEL_BULK, 1, 1);
}
static void unknown_stream(struct said *s)
{
    say(s, FRAME_DATA, TUNNEL_DAP, 3, 1);
}
static void open_twice(struct said *s)
{
    say_open(s, 1);
}
static void open_of_ours(struct said *s)
{
    say_open(s, 4);
}
static void open_the_last_number(struct said *s)
{
    say_open(s, UINT32_MAX);
}
static void open_too_many(struct said *s)
{
    for (uint32_t i = 0; i < TUNNEL_STREAMS_MAX; i++)
        say_open(s, 3 + 2 * i);
}
static void beyond_the_window(struct said *s)
{
    for (int i = 0; i < 4; i++)
        say(s, FRAME_DATA, TUNNEL_DAP, 1, TUNNEL_PAYLOAD_MAX);
    say(s, FRAME_DATA, TUNNEL_DAP, 1, 1);
}
static void data_after_end(struct said *s)
{
    say(s, FRAME_END, TUNNEL_DAP, 1, 0);
    say(s, FRAME_DATA, TUNNEL_DAP, 1, 1);
}
static void end_after_reset(struct said *s)
{
    say_32(s, FRAME_RESET, TUNNEL_DAP, 1, 7);
    say(s, FRAME_END, TUNNEL_DAP, 1, 0);
}
static void no_window_more(struct said *s)
{
    say_32(s, FRAME_WINDOW, TUNNEL_DAP, 1, 0);
}
static void too_wide_a_window(struct said *s)
{
    say_32(s, FRAME_WINDOW, TUNNEL_DAP, 1, TUNNEL_WINDOW_MAX - TUNNEL_WINDOW + 1);
}
static void windows_that_overflow(struct said *s)
{
    say_32(s, FRAME_WINDOW, TUNNEL_DAP, 1, TUNNEL_WINDOW_MAX - TUNNEL_WINDOW);
    say_32(s, FRAME_WINDOW, TUNNEL_DAP, 1, UINT32_MAX);
}
static void done_before_the_end(struct said *s)
{
    say(s, FRAME_DONE, TUNNEL_BULK, 2, 0);
}

static const struct {
    void (*say)(struct said *s);
    const char *reason;
} rows[] = {
    {ack_more_than_sent, "the peer acknowledged 1000000 bytes, of "},
    {ack_less_than_before, "the peer acknowledged 1 bytes, not between "},
    {hello_again, "the peer sent a second hello"},
    {no_kind, "the peer sent a frame of an unknown kind"},
    {unknown_kind, "the peer sent a frame of an unknown kind"},
    {too_long, "the peer sent a frame with an invalid length"},
    {far_too_long, "the peer sent a frame with an invalid length"},
    {empty_data, "the peer sent a frame with an invalid length"},
    {short_window, "the peer sent a frame with an invalid length"},
    {data_of_no_stream, "the peer sent a frame without a stream"},
    {beat_of_a_stream, "the peer sent a frame with a stream"},
    {unknown_class, "the peer sent a frame of an unknown class"},
    {another_class, "the peer sent data on stream 1, in the wrong class"},
    {unknown_stream, "the peer sent data on stream 3, which is not open"},
    {open_twice, "the peer sent open on stream 1, out of sequence"},
    {open_of_ours, "the peer sent open on stream 4, out of sequence"},
    {open_the_last_number, "the peer sent open on stream 4294967295, out of sequence"},
    {open_too_many, "the peer sent open on stream 2049, more than may be open"},
    {beyond_the_window, "the peer sent data on stream 1, more than its window"},
    {data_after_end, "the peer sent data on stream 1, which has ended"},
    {end_after_reset, "the peer sent end on stream 1, which has ended"},
    {no_window_more, "the peer sent window on stream 1, an impossible increment"},
    {too_wide_a_window, "the peer sent window on stream 1, an impossible increment"},
    {windows_that_overflow, "the peer sent window on stream 1, an impossible increment"},
    {done_before_the_end, "the peer sent done on stream 2, which has not ended"},
};

static void each_is_an_end_in_words(void **state)
{
    static struct said said;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        said.len = 0;
        rows[i].say(&said);
        /* Whole, in two pieces, and a byte at a time. */
        for (size_t piece = said.len; piece; piece = piece == 1 ? 0 : piece > said.len / 2 ? piece / 2 : 1) {
            struct pair p;
            enum tunnel_result r = TUNNEL_OK;
            with_two_streams(&p);
            struct tunnel *t = p.end[ANSWERER].t;
            for (size_t at = 0; at < said.len && r == TUNNEL_OK; at += piece) {
                struct guarded g;
                size_t n = said.len - at < piece ? said.len - at : piece;
                assert_int_equal(guarded_new(&g, (const char *)said.bytes + at, n), 0);
                r = tunnel_receive(t, 1, g.bytes, n, p.now);
                guarded_free(&g);
            }
            assert_int_equal(r, TUNNEL_FAILED);
            assert_int_equal(tunnel_state(t), TUNNEL_BROKEN);
            if (strncmp(tunnel_reason(t), rows[i].reason, strlen(rows[i].reason)) != 0)
                fail_msg("row %zu: %s", i, tunnel_reason(t));
            /* It stays, and nothing more is taken, sent or opened. */
            assert_int_equal(tunnel_receive(t, 1, "", 0, p.now), TUNNEL_FAILED);
            assert_int_equal(tunnel_tick(t, p.now + 1), TUNNEL_FAILED);
            assert_false(tunnel_has_output(t));
            assert_int_equal(tunnel_open(t, TUNNEL_DAP, 1, 1, NULL), 0);
            assert_true(tunnel_next_tick(t) == TUNNEL_NEVER);
            pair_free(&p);
        }
    }
}

/* An acknowledgement ends where a frame does. */
static void a_part_of_a_frame_is_not_acknowledged(void **state)
{
    struct pair p;
    struct said said = {.len = 0};
    struct tunnel_stats s;
    (void)state;
    with_two_streams(&p);
    pair_give(&p, ANSWERER, 2, 100);
    assert_true(pair_write(&p, ANSWERER, 4 * TUNNEL_FRAME_MAX) > 100);
    tunnel_stats(p.end[ANSWERER].t, &s);
    said.len = frame_write_64(said.bytes, FRAME_ACK, TUNNEL_CONTROL, 0, s.sent - 1);
    assert_int_equal(tunnel_receive(p.end[ANSWERER].t, 1, said.bytes, said.len, p.now), TUNNEL_FAILED);
    assert_string_equal(tunnel_reason(p.end[ANSWERER].t), "the peer acknowledged a part of a frame");
    pair_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_an_end_in_words),
        cmocka_unit_test(a_part_of_a_frame_is_not_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
