/* A tunnel's links: who may carry it, what is sent again, and how one that is dead is found out. */
#include "test/unit/tunnel_pair.h"

static unsigned char out[8 * TUNNEL_FRAME_MAX];

static size_t write_out(struct pair *p, enum pair_end e)
{
    return tunnel_output(p->end[e].t, out, sizeof out, p->now);
}

static void connect_pair(struct pair *p)
{
    pair_new(p, 0);
    pair_call(p);
    pair_settle(p);
    assert_int_equal(tunnel_state(p->end[CALLER].t), TUNNEL_UP);
    assert_int_equal(tunnel_state(p->end[ANSWERER].t), TUNNEL_UP);
}

static struct tunnel_hello hello_of(const struct tunnel *t, uint64_t number)
{
    unsigned char bytes[TUNNEL_HELLO_SIZE];
    struct tunnel_greeting g = {.len = 0};
    struct tunnel_hello hello;
    size_t used;
    tunnel_hello_write(t, number, bytes);
    assert_int_equal(tunnel_greeting_read(&g, bytes, sizeof bytes, &used, &hello), TUNNEL_OK);
    return hello;
}

static void hello_says_who_and_what(void **state)
{
    struct pair p;
    (void)state;
    pair_new(&p, 0);
    uint64_t link = tunnel_call(p.end[CALLER].t, p.now);
    size_t n = write_out(&p, CALLER);
    assert_int_equal(n, TUNNEL_HELLO_SIZE);
    for (size_t split = 0; split <= n; split++) {
        struct tunnel_greeting g = {.len = 0};
        struct tunnel_hello hello = {.number = 0};
        size_t used;
        if (split < n) {
            assert_int_equal(tunnel_greeting_read(&g, out, split, &used, &hello), TUNNEL_MORE);
            assert_int_equal(used, split);
        }
        size_t from = split < n ? split : 0;
        /* What follows is not the greeting's. */
        assert_int_equal(tunnel_greeting_read(&g, out + from, n - from + 10, &used, &hello), TUNNEL_OK);
        assert_int_equal(used, n - from);
        assert_int_equal(hello.protocol, TUNNEL_PROTOCOL);
        assert_int_equal(hello.number, link);
        assert_int_equal(hello.received, 0);
        assert_int_equal(hello.instance[0], 1);
        assert_string_equal(hello.build, "of the tests");
    }
    pair_free(&p);
}

static void what_is_no_hello_is_refused(void **state)
{
    static const char *const texts[] = {"sh: 1: exec: not found\n", "\1", "\1\0\0\130\0\0\0\1", "SSH-2.0-"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct tunnel_greeting g = {.len = 0};
        struct tunnel_hello hello;
        size_t used;
        enum tunnel_result r = tunnel_greeting_read(&g, texts[i], strlen(texts[i]), &used, &hello);
        assert_int_equal(r, strlen(texts[i]) < TUNNEL_FRAME_HEADER ? TUNNEL_MORE : TUNNEL_NO_LINK);
    }
    /* Said to the caller it costs the link, and not the tunnel. */
    struct pair p;
    pair_new(&p, 0);
    uint64_t link = tunnel_call(p.end[CALLER].t, p.now);
    assert_int_equal(tunnel_receive(p.end[CALLER].t, link, texts[0], strlen(texts[0]), p.now), TUNNEL_NO_LINK);
    assert_string_equal(tunnel_reason(p.end[CALLER].t), "the peer sent no hello");
    pair_call(&p);
    pair_settle(&p);
    assert_int_equal(tunnel_state(p.end[CALLER].t), TUNNEL_UP);
    pair_free(&p);
}

/* All that a launch needs goes behind the first hello, in one flight. */
static void first_link_waits_for_no_answer(void **state)
{
    struct pair p;
    (void)state;
    pair_new(&p, 0);
    pair_call(&p);
    uint32_t id = pair_open(&p, CALLER, TUNNEL_CONTROL);
    pair_give(&p, CALLER, id, 100);
    assert_true(pair_write(&p, CALLER, 4 * TUNNEL_FRAME_MAX) > TUNNEL_HELLO_SIZE + 100);
    pair_deliver(&p, CALLER, PAIR_WAY_MAX);
    assert_int_equal(pair_read(&p, ANSWERER, id, 1000), 100);
    /* A second link that was made before any answer: it must hear what the other side has first. */
    pair_give(&p, CALLER, id, 50);
    (void)pair_write(&p, CALLER, 4 * TUNNEL_FRAME_MAX);
    pair_call(&p);
    assert_int_equal(pair_write(&p, CALLER, 4 * TUNNEL_FRAME_MAX), TUNNEL_HELLO_SIZE);
    assert_int_equal(pair_write(&p, CALLER, 4 * TUNNEL_FRAME_MAX), 0);
    pair_settle(&p);
    assert_int_equal(p.end[CALLER].way[id].read, 150);
    pair_free(&p);
}

static void nothing_by_an_older_link_is_read(void **state)
{
    struct pair p;
    struct tunnel_stats s;
    (void)state;
    connect_pair(&p);
    uint32_t id = pair_open(&p, CALLER, TUNNEL_DAP);
    pair_give(&p, CALLER, id, 10);
    size_t n = write_out(&p, CALLER);
    uint64_t older = p.end[CALLER].link;
    struct tunnel_hello hello_before = hello_of(p.end[CALLER].t, older);
    pair_call(&p);
    /* Until the newer hello is there, the older link is the link. */
    assert_int_equal(tunnel_receive(p.end[ANSWERER].t, older, out, n / 2, p.now), TUNNEL_OK);
    (void)pair_write(&p, CALLER, TUNNEL_FRAME_MAX);
    pair_deliver(&p, CALLER, PAIR_WAY_MAX);
    assert_int_equal(tunnel_receive(p.end[ANSWERER].t, older, out + n / 2, n - n / 2, p.now), TUNNEL_OLD);
    tunnel_stats(p.end[ANSWERER].t, &s);
    assert_int_equal(s.received, 16);
    assert_int_equal(tunnel_answer(p.end[ANSWERER].t, &hello_before, p.now), TUNNEL_OLD);
    assert_int_equal(tunnel_state(p.end[ANSWERER].t), TUNNEL_UP);
    /* Nor is a number used twice. */
    hello_before.number = p.end[CALLER].link;
    assert_int_equal(tunnel_answer(p.end[ANSWERER].t, &hello_before, p.now), TUNNEL_OLD);
    /* The same at the caller, for which its own call decides. */
    assert_int_equal(tunnel_receive(p.end[CALLER].t, older, "x", 1, p.now), TUNNEL_OLD);
    /* An end of the older one is no news either. */
    tunnel_hang_up(p.end[ANSWERER].t, older, "it is gone", p.now);
    assert_int_equal(tunnel_state(p.end[ANSWERER].t), TUNNEL_UP);
    pair_settle(&p);
    assert_int_equal(p.end[CALLER].way[id].read, 10);
    pair_free(&p);
}

static void an_old_hello_names_another_instance(void **state)
{
    struct pair p;
    struct tunnel_event e;
    (void)state;
    connect_pair(&p);
    /* The supervisor has been started again. */
    struct tunnel_config c = pair_config(&p, ANSWERER);
    c.instance[0] = 77;
    struct tunnel *again = tunnel_new(&c, p.now);
    assert_non_null(again);
    uint64_t link = tunnel_call(p.end[CALLER].t, p.now);
    struct tunnel_hello hello = hello_of(p.end[CALLER].t, link);
    assert_int_equal(tunnel_answer(again, &hello, p.now), TUNNEL_OTHER);
    assert_string_equal(tunnel_reason(again), "the peer resumes a tunnel with an instance that no longer exists");
    assert_int_equal(tunnel_state(again), TUNNEL_DOWN);
    tunnel_hello_write(again, link, out);
    assert_int_equal(tunnel_receive(p.end[CALLER].t, link, out, TUNNEL_HELLO_SIZE, p.now), TUNNEL_FAILED);
    assert_int_equal(tunnel_state(p.end[CALLER].t), TUNNEL_LOST);
    assert_non_null(strstr(tunnel_reason(p.end[CALLER].t), "another instance"));
    /* For ever. */
    assert_int_equal(tunnel_call(p.end[CALLER].t, p.now), 0);
    assert_int_equal(tunnel_receive(p.end[CALLER].t, link, "", 0, p.now), TUNNEL_FAILED);
    assert_int_equal(tunnel_tick(p.end[CALLER].t, p.now), TUNNEL_FAILED);
    assert_int_equal(tunnel_output(p.end[CALLER].t, out, sizeof out, p.now), 0);
    assert_int_equal(tunnel_open(p.end[CALLER].t, TUNNEL_DAP, 1, 1, NULL), 0);
    while (tunnel_event(p.end[CALLER].t, &e))
        ;
    tunnel_free(again);
    pair_free(&p);
}

static void another_caller_or_protocol_changes_nothing(void **state)
{
    struct pair p;
    (void)state;
    connect_pair(&p);
    struct tunnel_hello hello = hello_of(p.end[CALLER].t, 9);
    hello.instance[3]++;
    memset(hello.peer, 0, sizeof hello.peer);
    assert_int_equal(tunnel_answer(p.end[ANSWERER].t, &hello, p.now), TUNNEL_OTHER);
    hello = hello_of(p.end[CALLER].t, 9);
    hello.protocol++;
    assert_int_equal(tunnel_answer(p.end[ANSWERER].t, &hello, p.now), TUNNEL_OTHER);
    assert_string_equal(tunnel_reason(p.end[ANSWERER].t), "the peer speaks tunnel protocol 2, this end protocol 1");
    assert_int_equal(tunnel_state(p.end[ANSWERER].t), TUNNEL_UP);
    /* One that can't be true. */
    hello = hello_of(p.end[CALLER].t, 9);
    hello.received = 1;
    assert_int_equal(tunnel_answer(p.end[ANSWERER].t, &hello, p.now), TUNNEL_FAILED);
    assert_int_equal(tunnel_state(p.end[ANSWERER].t), TUNNEL_BROKEN);
    pair_free(&p);
}

/* The other side's answer, with one thing changed. */
static void answer_that_is(struct pair *p, void (*changed)(unsigned char *payload), enum tunnel_result result,
                           enum tunnel_state state, const char *reason)
{
    connect_pair(p);
    assert_string_equal(tunnel_peer_build(p->end[CALLER].t), "of the tests");
    uint64_t link = tunnel_call(p->end[CALLER].t, p->now);
    tunnel_hello_write(p->end[ANSWERER].t, link, out);
    changed(out + TUNNEL_FRAME_HEADER);
    assert_int_equal(tunnel_receive(p->end[CALLER].t, link, out, TUNNEL_HELLO_SIZE, p->now), result);
    assert_int_equal(tunnel_state(p->end[CALLER].t), state);
    assert_string_equal(tunnel_reason(p->end[CALLER].t), reason);
    pair_free(p);
}

static void no_tunnel(unsigned char *payload)
{
    payload[0] = 'x';
}

static void protocol(unsigned char *payload)
{
    payload[7] = 2;
}

static void number(unsigned char *payload)
{
    payload[15]++;
}

static void received_more(unsigned char *payload)
{
    payload[50] = 1;
}

static void answers_that_are_none(void **state)
{
    struct pair p;
    (void)state;
    answer_that_is(&p, no_tunnel, TUNNEL_NO_LINK, TUNNEL_DOWN, "the peer sent no hello");
    answer_that_is(&p, number, TUNNEL_NO_LINK, TUNNEL_DOWN, "the peer answered another hello");
    answer_that_is(&p, protocol, TUNNEL_FAILED, TUNNEL_LOST, "the peer speaks tunnel protocol 2, this end protocol 1");
    answer_that_is(&p, received_more, TUNNEL_FAILED, TUNNEL_BROKEN,
                   "the peer acknowledged 1099511627776 bytes, not between 0 and 0");
}

static void beats_when_nothing_else_is_sent(void **state)
{
    struct pair p;
    (void)state;
    connect_pair(&p);
    assert_int_equal(tunnel_next_tick(p.end[CALLER].t), p.now + TUNNEL_BEAT_MS);
    p.now += TUNNEL_BEAT_MS - 1;
    assert_int_equal(tunnel_tick(p.end[CALLER].t, p.now), TUNNEL_OK);
    assert_int_equal(write_out(&p, CALLER), 0);
    p.now++;
    assert_int_equal(tunnel_tick(p.end[CALLER].t, p.now), TUNNEL_OK);
    assert_true(tunnel_has_output(p.end[CALLER].t));
    assert_int_equal(write_out(&p, CALLER), TUNNEL_FRAME_HEADER + 4);
    assert_int_equal(tunnel_receive(p.end[ANSWERER].t, 1, out, TUNNEL_FRAME_HEADER + 4, p.now), TUNNEL_OK);
    /* It is not answered, acknowledged or counted. */
    assert_int_equal(write_out(&p, ANSWERER), 0);
    /* What was sent by a stream delays the next. */
    p.now += TUNNEL_BEAT_MS / 2;
    uint32_t id = pair_open(&p, CALLER, TUNNEL_DAP);
    assert_true(write_out(&p, CALLER) > 0);
    p.now += TUNNEL_BEAT_MS / 2;
    assert_int_equal(tunnel_tick(p.end[CALLER].t, p.now), TUNNEL_OK);
    assert_int_equal(write_out(&p, CALLER), 0);
    assert_int_equal(tunnel_next_tick(p.end[CALLER].t), p.now + TUNNEL_BEAT_MS / 2);
    (void)id;
    pair_free(&p);
}

/* Ticks as an owner does, until the link is dead or so much time has passed. Returns when it died, or 0. */
static uint64_t wait_for_death(struct pair *p, uint64_t until)
{
    while (p->now < until) {
        uint64_t next = tunnel_next_tick(p->end[CALLER].t);
        assert_true(next > p->now);
        p->now = next < until ? next : until;
        if (tunnel_tick(p->end[CALLER].t, p->now) != TUNNEL_OK)
            return p->now;
        (void)write_out(p, CALLER);
    }
    return 0;
}

static void three_missed_beats_are_a_dead_link(void **state)
{
    struct pair p;
    (void)state;
    connect_pair(&p);
    uint64_t began = p.now;
    assert_int_equal(wait_for_death(&p, began + TUNNEL_DEAD_MS - 1), 0);
    /* A single byte of a frame is a sign of life. */
    assert_int_equal(tunnel_receive(p.end[CALLER].t, 1, "\3", 1, p.now), TUNNEL_OK);
    began = p.now;
    assert_int_equal(wait_for_death(&p, began + 10 * TUNNEL_DEAD_MS), began + TUNNEL_DEAD_MS);
    assert_int_equal(tunnel_state(p.end[CALLER].t), TUNNEL_DOWN);
    assert_string_equal(tunnel_reason(p.end[CALLER].t), "no byte from the peer for 17 s");
    /* So is one whose hello is never answered. */
    assert_int_equal(tunnel_call(p.end[CALLER].t, p.now), 2);
    began = p.now;
    assert_int_equal(wait_for_death(&p, began + 10 * TUNNEL_DEAD_MS), began + TUNNEL_DEAD_MS);
    pair_free(&p);
}

static bool has_gap(struct tunnel *t)
{
    struct tunnel_event e;
    bool found = false;
    while (tunnel_event(t, &e))
        found |= e.kind == TUNNEL_EVENT_GAP;
    return found;
}

static void after_a_gap_the_link_is_tried(void **state)
{
    struct pair p;
    (void)state;
    for (int answers = 0; answers < 2; answers++) {
        connect_pair(&p);
        assert_false(has_gap(p.end[CALLER].t));
        p.now += 3600 * 1000;
        assert_int_equal(tunnel_tick(p.end[CALLER].t, p.now), TUNNEL_OK);
        assert_true(has_gap(p.end[CALLER].t));
        assert_int_equal(tunnel_next_tick(p.end[CALLER].t), p.now + TUNNEL_PROBE_MS);
        size_t n = write_out(&p, CALLER);
        assert_int_equal(n, TUNNEL_FRAME_HEADER + 4);
        if (answers) {
            assert_int_equal(tunnel_receive(p.end[ANSWERER].t, 1, out, n, p.now), TUNNEL_OK);
            n = write_out(&p, ANSWERER);
            assert_int_equal(tunnel_receive(p.end[CALLER].t, 1, out, n, p.now), TUNNEL_OK);
        } else {
            /* What has come before the gap and was not read proves nothing. */
            assert_int_equal(tunnel_receive(p.end[CALLER].t, 1, "\3", 1, p.now), TUNNEL_OK);
        }
        p.now += TUNNEL_PROBE_MS;
        assert_int_equal(tunnel_tick(p.end[CALLER].t, p.now), answers ? TUNNEL_OK : TUNNEL_NO_LINK);
        /* Who has no link is told as well, and may make one at once. */
        tunnel_hang_up(p.end[CALLER].t, 1, "gone", p.now);
        assert_int_equal(tunnel_next_tick(p.end[CALLER].t), p.now + TUNNEL_BEAT_MS);
        p.now += TUNNEL_GAP_MS;
        assert_int_equal(tunnel_tick(p.end[CALLER].t, p.now), TUNNEL_OK);
        assert_true(has_gap(p.end[CALLER].t));
        pair_free(&p);
    }
}

static void an_answerer_without_a_link_sleeps(void **state)
{
    struct pair p;
    (void)state;
    connect_pair(&p);
    assert_false(has_gap(p.end[ANSWERER].t));
    tunnel_hang_up(p.end[ANSWERER].t, 1, "gone", p.now);
    assert_true(tunnel_next_tick(p.end[ANSWERER].t) == TUNNEL_NEVER);
    p.now += 12ULL * 3600 * 1000;
    pair_call(&p);
    pair_settle(&p);
    assert_int_equal(tunnel_state(p.end[ANSWERER].t), TUNNEL_UP);
    assert_int_equal(p.end[ANSWERER].gaps, 0);
    pair_free(&p);
}

static void a_clock_that_goes_back_stands_still(void **state)
{
    struct pair p;
    (void)state;
    connect_pair(&p);
    assert_int_equal(tunnel_tick(p.end[CALLER].t, 3), TUNNEL_OK);
    assert_int_equal(tunnel_next_tick(p.end[CALLER].t), p.now + TUNNEL_BEAT_MS);
    pair_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_says_who_and_what),
        cmocka_unit_test(what_is_no_hello_is_refused),
        cmocka_unit_test(first_link_waits_for_no_answer),
        cmocka_unit_test(nothing_by_an_older_link_is_read),
        cmocka_unit_test(an_old_hello_names_another_instance),
        cmocka_unit_test(another_caller_or_protocol_changes_nothing),
        cmocka_unit_test(answers_that_are_none),
        cmocka_unit_test(beats_when_nothing_else_is_sent),
        cmocka_unit_test(three_missed_beats_are_a_dead_link),
        cmocka_unit_test(after_a_gap_the_link_is_tried),
        cmocka_unit_test(an_answerer_without_a_link_sleeps),
        cmocka_unit_test(a_clock_that_goes_back_stands_still),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
