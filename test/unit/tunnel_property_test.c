/* Random schedules of two ends: writes, reads, readers that stop, cuts anywhere, links made again, sleep. Whatever
 * happens each byte of each stream comes once and in order, and memory is bounded at both ends. */
#include "test/unit/tunnel_pair.h"

enum { SCHEDULES = 3000, STEPS = 120, BYTES_MAX = 40000 };

/* What ends a way for its sender, so that nothing more is to be done with it. */
static bool is_over(const struct way *w)
{
    return w->ended || w->reset || w->got_stopped;
}

static uint32_t pick_open(struct pair *p, enum pair_end e)
{
    uint32_t id = pick(p, PAIR_STREAMS);
    for (int i = 0; i < PAIR_STREAMS; i++, id = (id + 1) % PAIR_STREAMS)
        if (p->end[e].open[id])
            return id;
    return 0;
}

static void step_stream(struct pair *p, enum pair_end e)
{
    uint32_t id = pick_open(p, e);
    if (id == 0)
        return;
    struct way *out = &p->end[e].way[id];
    struct way *in = &p->end[!e].way[id];
    switch (pick(p, 16)) {
    case 0:
        if (!is_over(out))
            pair_finish(p, e, id);
        break;
    case 1:
        if (!is_over(out) && pick(p, 3) == 0) {
            out->reset = true;
            tunnel_reset(p->end[e].t, id, 5);
        }
        break;
    case 2:
        if (!in->stopped && !in->got_end && !in->got_reset && pick(p, 3) == 0) {
            in->stopped = true;
            tunnel_stop(p->end[e].t, id);
        }
        break;
    case 3:
        in->reader_waits = !in->reader_waits;
        break;
    case 4:
        tunnel_widen(p->end[e].t, id, pick(p, 2 * TUNNEL_WINDOW_MAX));
        break;
    case 5:
    case 6:
    case 7:
        if (!in->reader_waits)
            pair_read(p, e, id, pick(p, BYTES_MAX));
        break;
    default:
        if (!is_over(out))
            pair_give(p, e, id, pick(p, 4) ? pick(p, 300) : pick(p, BYTES_MAX));
        break;
    }
    pair_events(p, e);
}

static void step(struct pair *p)
{
    enum pair_end e = pick(p, ENDS) ? ANSWERER : CALLER;
    switch (pick(p, 16)) {
    case 0:
        (void)pair_open(p, e, (enum tunnel_class)pick(p, 3));
        break;
    case 1:
        if (pick(p, 2))
            pair_call(p);
        else if (pick(p, 2))
            pair_call_beside(p);
        pair_deliver_older(p, e, pick(p, 1000));
        break;
    case 2:
        if (pick(p, 4) == 0) {
            pair_cut(p);
            tunnel_hang_up(p->end[e].t, p->end[e].link, "cut", p->now);
            pair_call(p);
        }
        break;
    case 3:
        p->now += pick(p, 20) ? pick(p, 100) : TUNNEL_GAP_MS;
        if (tunnel_tick(p->end[CALLER].t, p->now) != TUNNEL_OK || tunnel_tick(p->end[ANSWERER].t, p->now) != TUNNEL_OK)
            pair_call(p);
        break;
    case 4:
    case 5:
    case 6:
        (void)pair_write(p, e, TUNNEL_FRAME_MAX + pick(p, 3 * TUNNEL_FRAME_MAX));
        break;
    case 7:
        pair_deliver_older(p, e, pick(p, 100000));
        break;
    case 8:
    case 9:
        pair_deliver(p, e, pick(p, 3) ? pick(p, 200) : pick(p, 100000));
        break;
    default:
        step_stream(p, e);
        break;
    }
}

/* Everything ends, and nothing is left. */
static void conclude(struct pair *p)
{
    pair_call(p);
    pair_settle(p);
    for (enum pair_end e = CALLER; e < ENDS; e++)
        for (uint32_t id = 1; id < PAIR_STREAMS; id++) {
            p->end[e].way[id].reader_waits = false;
            if (p->end[e].open[id] && !is_over(&p->end[e].way[id]))
                pair_finish(p, e, id);
        }
    pair_settle(p);
    for (enum pair_end e = CALLER; e < ENDS; e++) {
        struct tunnel_stats s;
        for (uint32_t id = 1; id < PAIR_STREAMS; id++) {
            const struct way *w = &p->end[e].way[id];
            HOLDS(p, !p->end[e].open[id]);
            HOLDS(p, !w->ended || w->stopped || (w->got_end && w->read == w->available));
        }
        tunnel_stats(p->end[e].t, &s);
        HOLDS(p, s.streams == 0 && s.unread == 0);
        HOLDS(p, s.kept == 0 && s.bulk == 0 && s.sent == s.acknowledged);
        HOLDS(p, s.memory == 0);
    }
}

static unsigned first_seed = 1;
static unsigned last_seed = SCHEDULES;

static void each_byte_comes_once(void **state)
{
    uint64_t links = 0;
    uint64_t bytes = 0;
    unsigned older_read = 0;
    unsigned older_refused = 0;
    (void)state;
    for (unsigned seed = first_seed; seed <= last_seed; seed++) {
        struct pair p;
        pair_new(&p, seed);
        p.max_given = pick(&p, 3) ? 0 : 1 + pick(&p, 500);
        pair_call(&p);
        for (int i = 0; i < STEPS; i++)
            step(&p);
        conclude(&p);
        links += p.end[CALLER].link;
        for (enum pair_end e = CALLER; e < ENDS; e++)
            for (uint32_t id = 1; id < PAIR_STREAMS; id++)
                bytes += p.end[e].way[id].read;
        older_read += p.older_read;
        older_refused += p.older_refused;
        pair_free(&p);
    }
    print_message("seeds %u to %u: %llu links, %llu bytes; older links: %u times read, %u refused\n", first_seed,
                  last_seed, (unsigned long long)links, (unsigned long long)bytes, older_read, older_refused);
    if (first_seed == last_seed)
        return;
    assert_true(links > 5 * SCHEDULES && bytes > 10000ULL * SCHEDULES);
    assert_true(older_read > 100 && older_refused > 100);
}

/* --- One conversation, cut at each of its bytes --- */

static void begin_conversation(struct pair *p)
{
    pair_new(p, 0);
    p->max_given = 40;
    pair_call(p);
    uint32_t control = pair_open(p, CALLER, TUNNEL_CONTROL);
    uint32_t dap = pair_open(p, CALLER, TUNNEL_DAP);
    uint32_t out = pair_open(p, ANSWERER, TUNNEL_BULK);
    pair_give(p, CALLER, control, 50);
    pair_give(p, CALLER, dap, 90);
    pair_give(p, ANSWERER, out, 120);
}

/* Carries a byte at a time, both ways in turn, until so many were carried. Returns how many there were. */
static size_t carry(struct pair *p, size_t bytes)
{
    size_t n = 0;
    bool answered = false;
    while (n < bytes) {
        size_t before = n;
        for (enum pair_end e = CALLER; e < ENDS; e++) {
            (void)pair_write(p, e, TUNNEL_FRAME_MAX);
            if (p->end[e].wire.len && n < bytes) {
                pair_deliver(p, e, 1);
                n++;
            }
            for (uint32_t id = 1; id < PAIR_STREAMS; id++)
                pair_read(p, !e, id, PAIR_WAY_MAX);
        }
        if (!answered && p->end[CALLER].way[3].read == 90) {
            answered = true;
            pair_give(p, ANSWERER, 3, 100);
            pair_finish(p, ANSWERER, 1);
            pair_finish(p, CALLER, 1);
        }
        if (n == before)
            break;
    }
    return n;
}

static void cut_at_each_byte(void **state)
{
    struct pair p;
    (void)state;
    begin_conversation(&p);
    size_t whole = carry(&p, SIZE_MAX);
    pair_free(&p);
    assert_true(whole > 600);
    for (size_t cut = 0; cut <= whole; cut++) {
        begin_conversation(&p);
        p.seed = (unsigned)cut;
        HOLDS(&p, carry(&p, cut) == cut);
        pair_call(&p);
        conclude(&p);
        HOLDS(&p, p.end[CALLER].way[1].read == 50 && p.end[CALLER].way[3].read == 90);
        HOLDS(&p, p.end[ANSWERER].way[2].read == 120);
        pair_free(&p);
    }
    print_message("cut at each of %zu bytes\n", whole);
}

/* Links that break one after the other, each after a few bytes more than the last. */
static void cut_again_and_again(void **state)
{
    struct pair p;
    (void)state;
    begin_conversation(&p);
    for (size_t cut = 0; cut < 400; cut++) {
        (void)carry(&p, cut);
        pair_call(&p);
    }
    conclude(&p);
    pair_free(&p);
}

/* With an argument: the schedule of that seed alone. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_byte_comes_once),
        cmocka_unit_test(cut_at_each_byte),
        cmocka_unit_test(cut_again_and_again),
    };
    if (argc > 1)
        first_seed = last_seed = (unsigned)strtoul(argv[1], NULL, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
