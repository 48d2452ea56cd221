/* Streams: opened from either side, windows, ends each way, and what happens when memory is short. */
#include "test/unit/tunnel_pair.h"

#include "proxy/tunnel/tunnel_private.h"

static void connect_pair(struct pair *p)
{
    pair_new(p, 0);
    pair_call(p);
    pair_settle(p);
}

static size_t unread(const struct pair *p, enum pair_end e)
{
    struct tunnel_stats s;
    tunnel_stats(p->end[e].t, &s);
    return s.unread;
}

static unsigned open_streams(const struct pair *p, enum pair_end e)
{
    struct tunnel_stats s;
    tunnel_stats(p->end[e].t, &s);
    return s.streams;
}

static void opened_from_either_side(void **state)
{
    struct pair p;
    int mine;
    struct tunnel_event e;
    (void)state;
    connect_pair(&p);
    for (enum pair_end end = CALLER; end < ENDS; end++) {
        uint32_t id = tunnel_open(p.end[end].t, TUNNEL_BULK, 70 + end, 80, &mine);
        assert_int_equal(id, end == CALLER ? 1 : 2);
        p.end[end].open[id] = true;
        (void)pair_write(&p, end, 4 * TUNNEL_FRAME_MAX);
        struct wire *w = &p.end[end].wire;
        assert_int_equal(tunnel_receive(p.end[!end].t, 1, w->bytes, w->len, p.now), TUNNEL_OK);
        w->len = 0;
        assert_true(tunnel_event(p.end[!end].t, &e));
        assert_int_equal(e.kind, TUNNEL_EVENT_OPENED);
        assert_int_equal(e.stream, id);
        assert_int_equal(e.class, TUNNEL_BULK);
        assert_int_equal(e.session, 70 + end);
        assert_int_equal(e.label, 80);
        assert_null(e.data);
        assert_false(tunnel_event(p.end[!end].t, &e));
        tunnel_set_data(p.end[!end].t, id, &p);
        tunnel_reset(p.end[end].t, id, 5);
        (void)pair_write(&p, end, 4 * TUNNEL_FRAME_MAX);
        assert_int_equal(tunnel_receive(p.end[!end].t, 1, w->bytes, w->len, p.now), TUNNEL_OK);
        w->len = 0;
        assert_true(tunnel_event(p.end[!end].t, &e));
        assert_int_equal(e.kind, TUNNEL_EVENT_RESET);
        assert_int_equal(e.code, 5);
        assert_ptr_equal(e.data, &p);
    }
    pair_free(&p);
}

static void a_reader_that_stops_stops_its_own_source(void **state)
{
    struct pair p;
    (void)state;
    connect_pair(&p);
    uint32_t stopped = pair_open(&p, ANSWERER, TUNNEL_BULK);
    uint32_t other = pair_open(&p, ANSWERER, TUNNEL_BULK);
    uint32_t dap = pair_open(&p, ANSWERER, TUNNEL_DAP);
    struct way *way = p.end[ANSWERER].way;
    way[stopped].reader_waits = true;
    pair_give(&p, ANSWERER, stopped, 10 * 1000 * 1000);
    pair_give(&p, ANSWERER, other, 1000 * 1000);
    pair_give(&p, ANSWERER, dap, 1000 * 1000);
    pair_settle(&p);
    assert_int_equal(way[stopped].given, TUNNEL_WINDOW);
    assert_int_equal(unread(&p, CALLER), TUNNEL_WINDOW);
    assert_int_equal(way[other].read, 1000 * 1000);
    assert_int_equal(way[dap].read, 1000 * 1000);
    /* A little read is not told; half a window is. */
    pair_read(&p, CALLER, stopped, TUNNEL_WINDOW / 2 - 1);
    pair_settle(&p);
    assert_int_equal(way[stopped].given, TUNNEL_WINDOW);
    pair_read(&p, CALLER, stopped, 1);
    pair_settle(&p);
    assert_int_equal(way[stopped].given, TUNNEL_WINDOW + TUNNEL_WINDOW / 2);
    way[stopped].reader_waits = false;
    pair_settle(&p);
    assert_int_equal(way[stopped].read, 10 * 1000 * 1000);
    pair_free(&p);
}

static void a_window_can_be_widened(void **state)
{
    struct pair p;
    (void)state;
    connect_pair(&p);
    uint32_t id = pair_open(&p, ANSWERER, TUNNEL_BULK);
    struct way *way = &p.end[ANSWERER].way[id];
    way->reader_waits = true;
    pair_give(&p, ANSWERER, id, 10 * 1000 * 1000);
    pair_settle(&p);
    assert_int_equal(tunnel_widen(p.end[CALLER].t, id, 1), TUNNEL_WINDOW);
    assert_int_equal(tunnel_widen(p.end[CALLER].t, id, 200 * 1000), 200 * 1000);
    pair_settle(&p);
    assert_int_equal(way->given, 200 * 1000);
    assert_int_equal(tunnel_widen(p.end[CALLER].t, id, UINT32_MAX), TUNNEL_WINDOW_MAX);
    pair_settle(&p);
    assert_int_equal(way->given, TUNNEL_WINDOW_MAX);
    assert_int_equal(unread(&p, CALLER), TUNNEL_WINDOW_MAX);
    /* All together. What is no longer read makes room for others. */
    uint32_t last = 0;
    uint32_t wide = TUNNEL_WINDOW_MAX;
    while (wide == TUNNEL_WINDOW_MAX) {
        last = pair_open(&p, CALLER, TUNNEL_BULK);
        assert_int_not_equal(last, 0);
        wide = tunnel_widen(p.end[CALLER].t, last, TUNNEL_WINDOW_MAX);
    }
    assert_int_equal(wide, TUNNEL_WINDOW + TUNNEL_WIDENED_MAX % (TUNNEL_WINDOW_MAX - TUNNEL_WINDOW));
    way->stopped = true;
    tunnel_stop(p.end[CALLER].t, id);
    assert_int_equal(tunnel_widen(p.end[CALLER].t, last, TUNNEL_WINDOW_MAX), TUNNEL_WINDOW_MAX);
    assert_int_equal(tunnel_widen(p.end[CALLER].t, 999, TUNNEL_WINDOW_MAX), 0);
    pair_settle(&p);
    pair_free(&p);
}

/* Each way ends by itself; a way that has ended is read to its end. */
static void ends_each_way(void **state)
{
    struct pair p;
    (void)state;
    connect_pair(&p);
    uint32_t id = pair_open(&p, CALLER, TUNNEL_DAP);
    pair_settle(&p);
    struct way *there = &p.end[CALLER].way[id];
    struct way *back = &p.end[ANSWERER].way[id];
    there->reader_waits = true;
    /* What the source still has goes first, said or not. */
    there->available = 3 * TUNNEL_PAYLOAD_MAX;
    pair_finish(&p, CALLER, id);
    pair_give(&p, ANSWERER, id, 100);
    pair_settle(&p);
    assert_false(there->got_end);
    assert_int_equal(back->read, 100);
    there->reader_waits = false;
    pair_settle(&p);
    assert_true(there->got_end);
    assert_int_equal(there->read, 3 * TUNNEL_PAYLOAD_MAX);
    assert_true(p.end[CALLER].open[id] && p.end[ANSWERER].open[id]);
    pair_give(&p, ANSWERER, id, 100);
    pair_finish(&p, ANSWERER, id);
    pair_settle(&p);
    assert_true(back->got_end && back->read == 200);
    assert_false(p.end[CALLER].open[id] || p.end[ANSWERER].open[id]);
    assert_int_equal(open_streams(&p, CALLER) + open_streams(&p, ANSWERER), 0);
    /* An empty way ends at once. */
    id = pair_open(&p, ANSWERER, TUNNEL_CONTROL);
    pair_settle(&p);
    pair_finish(&p, CALLER, id);
    pair_finish(&p, ANSWERER, id);
    pair_settle(&p);
    assert_false(p.end[CALLER].open[id] || p.end[ANSWERER].open[id]);
    pair_free(&p);
}

static void reset_each_way(void **state)
{
    struct pair p;
    (void)state;
    connect_pair(&p);
    uint32_t id = pair_open(&p, CALLER, TUNNEL_BULK);
    struct way *there = &p.end[CALLER].way[id];
    struct way *back = &p.end[ANSWERER].way[id];
    there->reader_waits = true;
    pair_give(&p, CALLER, id, 1000 * 1000);
    pair_settle(&p);
    assert_int_equal(unread(&p, ANSWERER), TUNNEL_WINDOW);
    there->reset = true;
    tunnel_reset(p.end[CALLER].t, id, 5);
    pair_settle(&p);
    assert_true(there->got_reset);
    assert_int_equal(unread(&p, ANSWERER), 0);
    assert_int_equal(there->given, TUNNEL_WINDOW);
    /* The other way lives. */
    pair_give(&p, ANSWERER, id, 1000 * 1000);
    pair_settle(&p);
    assert_int_equal(back->read, 1000 * 1000);
    back->reset = true;
    tunnel_reset(p.end[ANSWERER].t, id, 5);
    pair_settle(&p);
    assert_false(p.end[CALLER].open[id] || p.end[ANSWERER].open[id]);
    pair_free(&p);
}

static void who_reads_no_more_stops_the_source(void **state)
{
    struct pair p;
    (void)state;
    connect_pair(&p);
    uint32_t id = pair_open(&p, CALLER, TUNNEL_BULK);
    struct way *there = &p.end[CALLER].way[id];
    there->reader_waits = true;
    pair_give(&p, CALLER, id, 1000 * 1000);
    pair_settle(&p);
    there->stopped = true;
    tunnel_stop(p.end[ANSWERER].t, id);
    assert_int_equal(unread(&p, ANSWERER), 0);
    pair_settle(&p);
    assert_true(there->got_stopped);
    assert_int_equal(there->given, TUNNEL_WINDOW);
    assert_true(p.end[CALLER].open[id]);
    /* An end that is known and not read is dropped too. */
    struct way *back = &p.end[ANSWERER].way[id];
    back->reader_waits = true;
    pair_give(&p, ANSWERER, id, 10);
    pair_finish(&p, ANSWERER, id);
    pair_settle(&p);
    back->stopped = true;
    tunnel_stop(p.end[CALLER].t, id);
    pair_settle(&p);
    assert_false(p.end[CALLER].open[id] || p.end[ANSWERER].open[id]);
    assert_int_equal(unread(&p, CALLER), 0);
    pair_free(&p);
}

static size_t nothing(void *arg, uint32_t stream, void *data, void *room, size_t n)
{
    (void)arg;
    (void)stream;
    (void)data;
    (void)room;
    (void)n;
    return 0;
}

/* Carries what two tunnels have to say, without looking at it. */
static void carry(struct tunnel *a, struct tunnel *b)
{
    static unsigned char bytes[4 * TUNNEL_FRAME_MAX];
    size_t n = 1;
    while (n) {
        struct tunnel_event e;
        n = tunnel_output(a, bytes, sizeof bytes, 0);
        assert_int_equal(tunnel_receive(b, 1, bytes, n, 0), TUNNEL_OK);
        while (tunnel_event(b, &e))
            ;
        size_t back = tunnel_output(b, bytes, sizeof bytes, 0);
        assert_int_equal(tunnel_receive(a, 1, bytes, back, 0), TUNNEL_OK);
        while (tunnel_event(a, &e))
            ;
        n += back;
    }
}

static void connect_two(struct tunnel **caller, struct tunnel **answerer)
{
    struct tunnel_config config = {.side = TUNNEL_CALLER, .instance = {1}, .source = nothing};
    unsigned char bytes[TUNNEL_FRAME_MAX];
    struct tunnel_greeting g = {.len = 0};
    struct tunnel_hello hello;
    size_t used;
    *caller = tunnel_new(&config, 0);
    config.side = TUNNEL_ANSWERER;
    config.instance[0] = 2;
    *answerer = tunnel_new(&config, 0);
    assert_true(*caller && *answerer);
    assert_int_equal(tunnel_call(*caller, 0), 1);
    size_t n = tunnel_output(*caller, bytes, sizeof bytes, 0);
    assert_int_equal(tunnel_greeting_read(&g, bytes, n, &used, &hello), TUNNEL_OK);
    assert_int_equal(tunnel_answer(*answerer, &hello, 0), TUNNEL_OK);
    carry(*caller, *answerer);
}

static void so_many_streams_at_once(void **state)
{
    struct tunnel *caller;
    struct tunnel *answerer;
    struct tunnel_stats s;
    (void)state;
    connect_two(&caller, &answerer);
    for (uint32_t round = 0; round < 3; round++) {
        uint32_t first = 0;
        for (int i = 0; i < TUNNEL_STREAMS_MAX; i++) {
            uint32_t id = tunnel_open(caller, TUNNEL_DAP, (uint32_t)i, 0, NULL);
            assert_int_not_equal(id, 0);
            first = first ? first : id;
        }
        assert_int_equal(tunnel_open(caller, TUNNEL_DAP, 0, 0, NULL), 0);
        /* The other side's have their own count. */
        uint32_t other = tunnel_open(answerer, TUNNEL_DAP, 0, 0, NULL);
        assert_int_not_equal(other, 0);
        carry(caller, answerer);
        tunnel_stats(answerer, &s);
        assert_int_equal(s.streams, TUNNEL_STREAMS_MAX + 1);
        for (uint32_t id = first; id < first + 2 * TUNNEL_STREAMS_MAX; id += 2) {
            tunnel_end(caller, id);
            tunnel_end(answerer, id);
        }
        tunnel_end(caller, other);
        tunnel_end(answerer, other);
        carry(caller, answerer);
        tunnel_stats(answerer, &s);
        assert_int_equal(s.streams, 0);
        assert_int_equal(s.memory, 0);
    }
    tunnel_free(caller);
    tunnel_free(answerer);
}

static void numbers_that_are_no_stream_s_are_ignored(void **state)
{
    struct pair p;
    const void *bytes;
    (void)state;
    connect_pair(&p);
    struct tunnel *t = p.end[CALLER].t;
    tunnel_ready(t, 7);
    tunnel_end(t, 7);
    tunnel_reset(t, 7, 1);
    tunnel_stop(t, 7);
    tunnel_consume(t, 7, 0);
    tunnel_set_data(t, 7, NULL);
    assert_int_equal(tunnel_peek(t, 7, &bytes), 0);
    assert_false(tunnel_has_output(t));
    pair_free(&p);
}

/* --- Memory that is short --- */

static unsigned long allocations;
static unsigned scarce_from; /* the allocation that fails first; 0: none does */
static unsigned scarce_for;

static void *scarce(size_t size)
{
    allocations++;
    bool fails = scarce_from && allocations >= scarce_from && allocations < scarce_from + scarce_for;
    return fails ? NULL : malloc(size);
}

/* Carries between ends whose memory is short at times. */
static bool carry_scarcely(struct pair *p, enum pair_end e)
{
    struct wire *w = &p->end[e].wire;
    size_t used = 0;
    enum tunnel_result r = TUNNEL_OK;
    w->len += tunnel_output(p->end[e].t, w->bytes, PAIR_WAY_MAX, p->now);
    bool moved = w->len > 0;
    if (e == CALLER && !p->greeted && w->len) {
        struct tunnel_hello hello;
        assert_int_equal(tunnel_greeting_read(&p->greeting, w->bytes, w->len, &used, &hello), TUNNEL_OK);
        assert_int_equal(tunnel_answer(p->end[ANSWERER].t, &hello, p->now), TUNNEL_OK);
        p->end[ANSWERER].link = hello.number;
        p->greeted = true;
    }
    if (w->len > used)
        r = tunnel_receive(p->end[!e].t, p->end[!e].link, w->bytes + used, w->len - used, p->now);
    w->len = 0;
    pair_events(p, !e);
    if (r != TUNNEL_OK) {
        assert_int_equal(r, TUNNEL_NO_LINK);
        assert_non_null(strstr(tunnel_reason(p->end[!e].t), "out of memory"));
        pair_call(p);
    }
    for (uint32_t id = 1; id < PAIR_STREAMS; id++)
        moved |= p->end[!e].open[id] && pair_read(p, !e, id, 100 * 1000) > 0;
    pair_events(p, !e);
    return moved || r != TUNNEL_OK;
}

static void each_allocation_may_fail(void **state)
{
    unsigned fails = 1;
    bool was_reached = true;
    (void)state;
    for (; was_reached; fails++) {
        struct pair p;
        pair_new(&p, fails);
        allocations = 0;
        scarce_from = fails;
        scarce_for = 2;
        for (enum pair_end e = CALLER; e < ENDS; e++) {
            struct tunnel_config c = pair_config(&p, e);
            c.alloc = scarce;
            tunnel_free(p.end[e].t);
            while (!(p.end[e].t = tunnel_new(&c, p.now)))
                assert_true(fails <= 3);
        }
        pair_call(&p);
        uint32_t ids[3];
        for (unsigned i = 0; i < 3; i++)
            while (!(ids[i] = pair_try_open(&p, i ? CALLER : ANSWERER, (enum tunnel_class)i)))
                assert_true(allocations >= fails);
        pair_give(&p, ANSWERER, ids[0], 50 * 1000);
        pair_give(&p, CALLER, ids[1], 100);
        pair_give(&p, CALLER, ids[2], 50 * 1000);
        bool moved = true;
        /* What could not be written for want of memory is written at a later call. */
        for (int still = 0; still < 4; still = moved ? 0 : still + 1) {
            moved = carry_scarcely(&p, CALLER);
            moved |= carry_scarcely(&p, ANSWERER);
            for (enum pair_end e = CALLER; e < ENDS; e++)
                for (unsigned i = 0; i < 3; i++)
                    if (p.end[e].open[ids[i]] && !p.end[e].way[ids[i]].ended)
                        pair_finish(&p, e, ids[i]);
        }
        for (unsigned i = 0; i < 3; i++)
            HOLDS(&p, !p.end[CALLER].open[ids[i]] && !p.end[ANSWERER].open[ids[i]]);
        HOLDS(&p, p.end[ANSWERER].way[ids[0]].read == 50 * 1000 && p.end[CALLER].way[ids[2]].read == 50 * 1000);
        was_reached = allocations >= fails;
        pair_free(&p);
    }
    print_message("each of %u allocations failed once\n", fails - 2);
    assert_true(fails > 20);
}

/* An owner that writes as long as there is something to write does not spin. */
static void without_memory_there_is_no_output(void **state)
{
    static unsigned char out[TUNNEL_FRAME_MAX];
    struct pair p;
    (void)state;
    pair_new(&p, 0);
    struct tunnel_config c = pair_config(&p, CALLER);
    c.alloc = scarce;
    scarce_from = 0;
    tunnel_free(p.end[CALLER].t);
    p.end[CALLER].t = tunnel_new(&c, p.now);
    assert_non_null(p.end[CALLER].t);
    struct tunnel *t = p.end[CALLER].t;
    pair_call(&p);
    pair_settle(&p);
    uint32_t id = pair_open(&p, CALLER, TUNNEL_DAP);
    pair_give(&p, CALLER, id, 100);
    allocations = 0;
    scarce_from = 1;
    scarce_for = 1;
    assert_true(tunnel_has_output(t));
    assert_int_equal(tunnel_output(t, out, sizeof out, p.now), 0);
    assert_false(tunnel_has_output(t));
    assert_int_equal(p.end[CALLER].way[id].given, 0);
    assert_int_equal(tunnel_tick(t, p.now), TUNNEL_OK);
    assert_true(tunnel_has_output(t));
    pair_settle(&p);
    assert_int_equal(p.end[CALLER].way[id].read, 100);
    pair_free(&p);
}

static void a_source_that_has_nothing_costs_nothing(void **state)
{
    struct pair p;
    struct tunnel_stats s;
    (void)state;
    connect_pair(&p);
    uint32_t id = pair_open(&p, CALLER, TUNNEL_BULK);
    pair_settle(&p);
    tunnel_ready(p.end[CALLER].t, id);
    assert_int_equal(pair_write(&p, CALLER, TUNNEL_FRAME_MAX), 0);
    tunnel_stats(p.end[CALLER].t, &s);
    assert_int_equal(s.memory, 0);
    assert_false(tunnel_has_output(p.end[CALLER].t));
    pair_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opened_from_either_side),
        cmocka_unit_test(a_reader_that_stops_stops_its_own_source),
        cmocka_unit_test(a_window_can_be_widened),
        cmocka_unit_test(ends_each_way),
        cmocka_unit_test(reset_each_way),
        cmocka_unit_test(who_reads_no_more_stops_the_source),
        cmocka_unit_test(so_many_streams_at_once),
        cmocka_unit_test(numbers_that_are_no_stream_s_are_ignored),
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(without_memory_there_is_no_output),
        cmocka_unit_test(a_source_that_has_nothing_costs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
