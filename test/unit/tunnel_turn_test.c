/* Whose turn it is, and how much of bulk is on its way: a step waits for no output, whatever the way is like. */
#include "test/unit/tunnel_pair.h"

static void connect_pair(struct pair *p)
{
    pair_new(p, 0);
    pair_call(p);
    pair_settle(p);
}

/* --- Turns --- */

/* The streams of the next frames of data that end e writes, as they follow each other. Returns how many there were. */
static size_t streams_written(struct pair *p, enum pair_end e, uint32_t *streams, size_t max)
{
    static unsigned char frame[TUNNEL_FRAME_MAX];
    enum { DATA = 6 };
    size_t count = 0;
    while (count < max && tunnel_output(p->end[e].t, frame, sizeof frame, p->now) > 0)
        if (frame[0] == DATA)
            streams[count++] = frame[7];
    return count;
}

static void control_and_dap_go_before_bulk(void **state)
{
    struct pair p;
    uint32_t streams[8];
    (void)state;
    connect_pair(&p);
    uint32_t bulk = pair_open(&p, CALLER, TUNNEL_BULK);
    uint32_t dap = pair_open(&p, CALLER, TUNNEL_DAP);
    uint32_t control = pair_open(&p, CALLER, TUNNEL_CONTROL);
    pair_settle(&p);
    pair_give(&p, CALLER, bulk, 20000);
    pair_give(&p, CALLER, dap, 20000);
    pair_give(&p, CALLER, control, 20000);
    assert_int_equal(streams_written(&p, CALLER, streams, 8), 6);
    for (int i = 0; i < 6; i++)
        assert_int_equal(streams[i], i < 2 ? control : i < 4 ? dap : bulk);
    pair_free(&p);
}

static void sessions_have_turns(void **state)
{
    struct pair p;
    uint32_t streams[64];
    unsigned turns[PAIR_STREAMS] = {0};
    (void)state;
    connect_pair(&p);
    /* Numbers 1 is of session 0; 3 and 5 are of session 1; 7 is of session 2. All have as much to say. */
    for (int i = 0; i < 4; i++)
        (void)pair_open(&p, CALLER, TUNNEL_DAP);
    pair_settle(&p);
    p.max_given = 100;
    for (uint32_t id = 3; id <= 7; id += 2)
        pair_give(&p, CALLER, id, 100 * 1000);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(streams_written(&p, CALLER, streams, 8), 8);
        for (int k = 0; k < 8; k++)
            turns[streams[k]]++;
        /* Who comes later gets its turns from then on, and none for the time before. */
        if (i == 19) {
            for (uint32_t id = 3; id <= 7; id += 2)
                assert_in_range(turns[id], id == 7 ? 79 : 39, id == 7 ? 81 : 41);
            memset(turns, 0, sizeof turns);
            pair_give(&p, CALLER, 1, 100 * 1000);
        }
    }
    assert_in_range(turns[1], 52, 55);
    assert_in_range(turns[7], 52, 55);
    assert_in_range(turns[3] + turns[5], 52, 55);
    assert_in_range(turns[3], 25, 28);
    pair_free(&p);
}

/* --- What is not acknowledged --- */

static struct tunnel_stats stats_of(const struct pair *p, enum pair_end e)
{
    struct tunnel_stats s;
    tunnel_stats(p->end[e].t, &s);
    return s;
}

/* The answerer sends all that it may, and nothing is acknowledged. */
static void send_unheard(struct pair *p)
{
    static unsigned char bytes[4 * TUNNEL_FRAME_MAX];
    while (tunnel_output(p->end[ANSWERER].t, bytes, sizeof bytes, p->now) > 0)
        pair_watch(p, ANSWERER);
}

static void what_is_kept_is_bounded(void **state)
{
    struct pair p;
    (void)state;
    connect_pair(&p);
    uint32_t bulk[4];
    for (size_t i = 0; i < 4; i++)
        bulk[i] = pair_open(&p, ANSWERER, TUNNEL_BULK);
    uint32_t dap[6];
    uint32_t control[6];
    for (size_t i = 0; i < 6; i++) {
        dap[i] = pair_open(&p, ANSWERER, TUNNEL_DAP);
        control[i] = pair_open(&p, ANSWERER, TUNNEL_CONTROL);
    }
    pair_settle(&p);
    for (uint32_t id = 2; id <= 32; id += 2)
        tunnel_widen(p.end[CALLER].t, id, TUNNEL_WINDOW_MAX);
    pair_settle(&p);
    /* Bulk has its least, and then waits, for the others too. */
    pair_give(&p, ANSWERER, bulk[0], 1000 * 1000);
    pair_give(&p, ANSWERER, bulk[1], 1000 * 1000);
    send_unheard(&p);
    struct tunnel_stats s = stats_of(&p, ANSWERER);
    assert_int_equal(s.bulk_limit, TUNNEL_BULK_MIN);
    assert_in_range(s.bulk, TUNNEL_BULK_MIN - TUNNEL_FRAME_MAX, TUNNEL_BULK_MIN);
    assert_false(tunnel_has_output(p.end[ANSWERER].t));
    /* DAP does not wait for that, and leaves control its place. */
    for (size_t i = 0; i < 6; i++)
        pair_give(&p, ANSWERER, dap[i], 1000 * 1000);
    send_unheard(&p);
    s = stats_of(&p, ANSWERER);
    assert_in_range(s.kept, TUNNEL_KEPT_DAP - TUNNEL_FRAME_MAX, TUNNEL_KEPT_DAP);
    for (size_t i = 0; i < 6; i++)
        pair_give(&p, ANSWERER, control[i], 1000 * 1000);
    send_unheard(&p);
    s = stats_of(&p, ANSWERER);
    assert_in_range(s.kept, TUNNEL_KEPT_MAX - TUNNEL_FRAME_MAX, TUNNEL_KEPT_MAX);
    assert_true(s.memory < TUNNEL_KEPT_MAX + 3 * TUNNEL_FRAME_MAX);
    assert_false(tunnel_has_output(p.end[ANSWERER].t));
    /* None of it came: the next link brings it. */
    pair_call(&p);
    pair_settle(&p);
    for (size_t i = 0; i < 6; i++)
        assert_true(p.end[ANSWERER].way[dap[i]].read == 1000 * 1000 &&
                    p.end[ANSWERER].way[control[i]].read == 1000 * 1000);
    s = stats_of(&p, ANSWERER);
    assert_int_equal(s.memory, 0);
    pair_free(&p);
}

/* What a hello acknowledges came by another way, and says nothing of the new one. */
static void a_new_link_begins_with_the_least(void **state)
{
    struct pair p;
    (void)state;
    connect_pair(&p);
    uint32_t id = pair_open(&p, ANSWERER, TUNNEL_BULK);
    pair_settle(&p);
    pair_give(&p, ANSWERER, id, 1000 * 1000);
    for (int i = 0; i < 4; i++)
        (void)pair_write(&p, ANSWERER, 4 * TUNNEL_FRAME_MAX);
    pair_deliver(&p, ANSWERER, PAIR_WAY_MAX);
    pair_call(&p);
    (void)pair_write(&p, CALLER, TUNNEL_FRAME_MAX);
    pair_deliver(&p, CALLER, PAIR_WAY_MAX);
    struct tunnel_stats s = stats_of(&p, ANSWERER);
    assert_int_equal(s.kept, 0);
    assert_true(s.acknowledged > TUNNEL_BULK_MIN - TUNNEL_FRAME_MAX);
    assert_int_equal(s.bulk_limit, TUNNEL_BULK_MIN);
    assert_int_equal(s.round_trip, 0);
    pair_free(&p);
}

/* --- Ways of a speed and a length --- */

enum { PIPE = 2100 * 1000, PACKETS = 4096, MARKER_EVERY = 500 };

struct packet {
    unsigned char *bytes;
    size_t len;
    uint64_t at;
};

struct packets {
    struct packet queue[PACKETS];
    size_t first;
    size_t count;
};

struct path {
    struct pair p;
    size_t rate;         /* bytes a millisecond from the answerer to the caller */
    uint64_t delay;      /* each way */
    unsigned char *pipe; /* what stands before the slowest place: sshd's pipes and window */
    size_t in_pipe;
    struct packets there;
    struct packets back;
    uint32_t marker;
    uint64_t marked_at;
    uint64_t slowest; /* marker, in milliseconds */
    uint32_t bulk;
};

static void send_packet(struct path *path, struct packets *q, const unsigned char *bytes, size_t len)
{
    if (len == 0)
        return;
    struct packet *packet = &q->queue[(q->first + q->count++) % PACKETS];
    assert_true(q->count < PACKETS);
    *packet = (struct packet){.bytes = malloc(len), .len = len, .at = path->p.now + path->delay};
    assert_non_null(packet->bytes);
    memcpy(packet->bytes, bytes, len);
}

static void receive_packets(struct path *path, struct packets *q, enum pair_end to)
{
    while (q->count && q->queue[q->first].at <= path->p.now) {
        struct packet *packet = &q->queue[q->first];
        assert_int_equal(
            tunnel_receive(path->p.end[to].t, path->p.end[to].link, packet->bytes, packet->len, path->p.now),
            TUNNEL_OK);
        pair_events(&path->p, to);
        free(packet->bytes);
        q->first = (q->first + 1) % PACKETS;
        q->count--;
    }
}

static void one_millisecond(struct path *path)
{
    static unsigned char bytes[TUNNEL_FRAME_MAX];
    struct pair *p = &path->p;
    struct way *marker = &p->end[ANSWERER].way[path->marker];
    p->now++;
    if (path->marked_at == 0 && p->now % MARKER_EVERY == 0) {
        pair_give(p, ANSWERER, path->marker, 100);
        path->marked_at = p->now;
    }
    size_t n = 1;
    while (n && PIPE - path->in_pipe >= TUNNEL_FRAME_MAX) {
        n = tunnel_output(p->end[ANSWERER].t, path->pipe + path->in_pipe, TUNNEL_FRAME_MAX, p->now);
        path->in_pipe += n;
    }
    size_t part = path->in_pipe < path->rate ? path->in_pipe : path->rate;
    send_packet(path, &path->there, path->pipe, part);
    memmove(path->pipe, path->pipe + part, path->in_pipe - part);
    path->in_pipe -= part;
    receive_packets(path, &path->there, CALLER);
    pair_read(p, CALLER, path->bulk, SIZE_MAX);
    pair_read(p, CALLER, path->marker, SIZE_MAX);
    if (path->marked_at && marker->read == marker->available) {
        uint64_t took = p->now - path->marked_at;
        path->slowest = took > path->slowest ? took : path->slowest;
        path->marked_at = 0;
    }
    send_packet(path, &path->back, bytes, tunnel_output(p->end[CALLER].t, bytes, sizeof bytes, p->now));
    receive_packets(path, &path->back, ANSWERER);
}

static struct path *path_new(size_t rate, uint64_t delay)
{
    struct path *path = calloc(1, sizeof *path);
    assert_non_null(path);
    path->rate = rate;
    path->delay = delay;
    path->pipe = malloc(PIPE);
    assert_non_null(path->pipe);
    connect_pair(&path->p);
    path->marker = pair_open(&path->p, ANSWERER, TUNNEL_DAP);
    path->bulk = pair_open(&path->p, ANSWERER, TUNNEL_BULK);
    pair_settle(&path->p);
    tunnel_widen(path->p.end[CALLER].t, path->bulk, TUNNEL_WINDOW_MAX);
    pair_settle(&path->p);
    pair_give(&path->p, ANSWERER, path->bulk, UINT32_MAX);
    return path;
}

static void path_free(struct path *path)
{
    for (; path->there.count; path->there.count--, path->there.first = (path->there.first + 1) % PACKETS)
        free(path->there.queue[path->there.first].bytes);
    for (; path->back.count; path->back.count--, path->back.first = (path->back.first + 1) % PACKETS)
        free(path->back.queue[path->back.first].bytes);
    pair_free(&path->p);
    free(path->pipe);
    free(path);
}

/* Lets time pass. Returns how much of the way's speed bulk had of it, in percent. */
static unsigned pass(struct path *path, unsigned ms)
{
    uint64_t before = path->p.end[ANSWERER].way[path->bulk].read;
    path->slowest = 0;
    for (unsigned i = 0; i < ms; i++)
        one_millisecond(path);
    return (unsigned)((path->p.end[ANSWERER].way[path->bulk].read - before) * 100 / (path->rate * ms));
}

static void bulk_fills_the_way_and_no_queue(void **state)
{
    static const struct {
        size_t rate; /* KB/s */
        uint64_t delay;
    } ways[] = {{1000, 10}, {1000, 1}, {1000, 100}, {200, 20}, {5000, 50}, {10 * 1000, 25}, {50 * 1000, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct path *path = path_new(ways[i].rate, ways[i].delay);
        (void)pass(path, 4000);
        unsigned percent = pass(path, 8000);
        struct tunnel_stats s = stats_of(&path->p, ANSWERER);
        /* The way itself, what always may be on it, and a quarter. */
        uint64_t bound = ways[i].delay + (2 * ways[i].delay + TUNNEL_BULK_MIN / ways[i].rate) * 5 / 4 + 20;
        print_message("%zu KB/s, %llu ms each way: %u %% of it, a marker took %llu ms, limit %zu, round trip %u\n",
                      ways[i].rate, (unsigned long long)ways[i].delay, percent, (unsigned long long)path->slowest,
                      s.bulk_limit, s.round_trip);
        assert_true(percent >= 85);
        assert_true(path->slowest <= bound);
        path_free(path);
    }
}

/* The way becomes longer, and shorter again, under load. */
static void bulk_follows_the_way(void **state)
{
    (void)state;
    struct path *path = path_new(5000, 5);
    (void)pass(path, 5000);
    path->delay = 60;
    (void)pass(path, 10 * 1000);
    unsigned percent = pass(path, 5000);
    print_message("after it became longer: %u %%, a marker took %llu ms\n", percent, (unsigned long long)path->slowest);
    assert_true(percent >= 80);
    path_free(path);
}

/* After a pause the way may be another: it is filled from the least on again. */
static void bulk_begins_again_after_a_pause(void **state)
{
    (void)state;
    struct path *path = path_new(5000, 20);
    struct way *bulk = &path->p.end[ANSWERER].way[path->bulk];
    (void)pass(path, 3000);
    assert_true(stats_of(&path->p, ANSWERER).bulk_limit > 2 * TUNNEL_BULK_MIN);
    uint64_t held = bulk->available;
    bulk->available = bulk->given;
    (void)pass(path, 1000);
    assert_int_equal(bulk->read, bulk->given);
    pair_give(&path->p, ANSWERER, path->bulk, held);
    one_millisecond(path);
    struct tunnel_stats s = stats_of(&path->p, ANSWERER);
    assert_int_equal(s.bulk_limit, TUNNEL_BULK_MIN);
    assert_true(s.bulk > 0 && s.bulk <= TUNNEL_BULK_MIN);
    (void)pass(path, 2000);
    assert_true(pass(path, 2000) >= 85);
    path_free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_and_dap_go_before_bulk),  cmocka_unit_test(sessions_have_turns),
        cmocka_unit_test(what_is_kept_is_bounded),         cmocka_unit_test(a_new_link_begins_with_the_least),
        cmocka_unit_test(bulk_fills_the_way_and_no_queue), cmocka_unit_test(bulk_follows_the_way),
        cmocka_unit_test(bulk_begins_again_after_a_pause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
