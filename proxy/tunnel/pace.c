/* How much of bulk may be on its way. More than the way holds would stand in queues along it, and a step behind it. */
#include "proxy/tunnel/tunnel_private.h"

void pace_reset(struct pace *p, uint64_t begin)
{
    *p = (struct pace){.limit = TUNNEL_BULK_MIN, .highest = TUNNEL_BULK_MIN, .begin = begin};
}

unsigned pace_round_trip(const struct pace *p)
{
    unsigned least = 0;
    for (unsigned i = 0; i < ROUND_TRIPS && p->round_trips[i]; i++)
        if (least == 0 || p->round_trips[i] < least)
            least = p->round_trips[i];
    return least;
}

static struct pace_step *step_before(struct pace *p, unsigned n)
{
    return &p->steps[(p->count - 1 - n) % PACE_STEPS];
}

void pace_sent(struct pace *p, uint64_t end, size_t bulk, uint64_t now)
{
    /* After a pause nothing was acknowledged in the last round trip. */
    if (p->count && bulk <= TUNNEL_FRAME_MAX && now - step_before(p, 0)->at > (uint64_t)pace_round_trip(p) + 1)
        p->limit = p->highest = TUNNEL_BULK_MIN;
    if (p->timing)
        return;
    p->timing = true;
    p->timed_end = end;
    p->timed_at = now;
    p->timed_alone = bulk <= TUNNEL_BULK_MIN;
}

/* A frame that had much of bulk before it has measured the queue that it stood in, and a limit that follows from that
 * makes the queue longer. It counts only if it was faster than those without. Where it is the way that has become
 * longer, the limit falls until there are such again. */
static void note(struct pace *p, unsigned took)
{
    unsigned least = pace_round_trip(p);
    if (!p->timed_alone && least && took >= least)
        return;
    for (unsigned i = ROUND_TRIPS - 1; i > 0; i--)
        p->round_trips[i] = p->round_trips[i - 1];
    p->round_trips[0] = took;
}

/* Remembers when a position was reached; what follows soon after is the same step. */
static void remember(struct pace *p, uint64_t end, uint64_t now)
{
    if (p->count == 0 || now - step_before(p, 0)->at > pace_round_trip(p) / (PACE_STEPS / 2))
        p->steps[p->count++ % PACE_STEPS].at = now;
    step_before(p, 0)->end = end;
}

/* Returns how many bytes were acknowledged in so many milliseconds up to now. */
static uint64_t acknowledged_in(struct pace *p, uint64_t span, uint64_t now)
{
    unsigned known = p->count < PACE_STEPS ? (unsigned)p->count : PACE_STEPS;
    uint64_t end = step_before(p, 0)->end;
    for (unsigned i = 1; i < known; i++)
        if (now - step_before(p, i)->at >= span)
            return end - step_before(p, i)->end;
    return end - (p->count <= PACE_STEPS ? p->begin : step_before(p, known - 1)->end);
}

void pace_acknowledged(struct pace *p, uint64_t end, uint64_t now)
{
    bool was_round = p->timing && end >= p->timed_end;
    if (was_round) {
        uint64_t took = now - p->timed_at;
        p->timing = false;
        /* What took less than a millisecond took one; and the machine may have slept. */
        note(p, took == 0 ? 1 : took < TUNNEL_DEAD_MS ? (unsigned)took : TUNNEL_DEAD_MS);
    }
    remember(p, end, now);
    /* Of that time the clock may have cut off the rest of a millisecond. */
    uint64_t limit = acknowledged_in(p, (uint64_t)pace_round_trip(p) + 1, now);
    /* A quarter more, so that the limit rises until the way is full. */
    limit += limit / 4;
    if (limit > TUNNEL_KEPT_BULK)
        limit = TUNNEL_KEPT_BULK;
    if (limit > p->highest)
        p->highest = (size_t)limit;
    /* Bytes come in bursts: it falls to the highest of one round trip, and rises at once. */
    if (was_round || p->limit < p->highest)
        p->limit = p->highest;
    if (was_round)
        p->highest = TUNNEL_BULK_MIN;
}
