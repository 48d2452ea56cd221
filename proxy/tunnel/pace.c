/* How much of bulk may be on its way. More than the way holds would stand in queues along it, and a step behind it. */
#include "proxy/tunnel/tunnel_private.h"

enum {
    EIGHTH = 8,                /* a new round trip's weight, and the unit that the smoothed one is kept in */
    ROUND_TRIP_MAX = 60 * 1000 /* milliseconds; more is no property of a way */
};

void pace_reset(struct pace *p, uint64_t now)
{
    *p = (struct pace){.limit = TUNNEL_BULK_MIN, .since = now};
}

void pace_sent(struct pace *p, uint64_t end, size_t bulk, uint64_t now)
{
    /* With more than that on its way a frame would measure the queue it stands in, and the limit that follows from that
     * would make the queue longer. Where the way has become longer instead, the limit falls until it is measured. */
    if (p->timing || bulk > TUNNEL_BULK_MIN)
        return;
    p->timing = true;
    p->timed_end = end;
    p->timed_at = now;
}

static void smooth(struct pace *p, uint64_t sample)
{
    unsigned ms = sample > ROUND_TRIP_MAX ? ROUND_TRIP_MAX : (unsigned)sample;
    /* What took less than a millisecond took one. */
    if (ms == 0)
        ms = 1;
    if (p->round_trip_8)
        p->round_trip_8 += ms - p->round_trip_8 / EIGHTH;
    else
        p->round_trip_8 = EIGHTH * ms;
}

void pace_acknowledged(struct pace *p, uint64_t end, uint64_t n, uint64_t now)
{
    if (p->timing && end >= p->timed_end) {
        p->timing = false;
        smooth(p, now - p->timed_at);
    }
    p->acknowledged += n;
    uint64_t round_trip = p->round_trip_8 / EIGHTH;
    uint64_t elapsed = now - p->since;
    if (round_trip == 0 || elapsed < round_trip)
        return;
    /* A quarter more than was acknowledged in one round trip, so that the limit rises until the way is full. */
    uint64_t limit = p->acknowledged * round_trip / elapsed;
    limit += limit / 4;
    if (limit < TUNNEL_BULK_MIN)
        limit = TUNNEL_BULK_MIN;
    p->limit = limit < TUNNEL_KEPT_BULK ? (size_t)limit : TUNNEL_KEPT_BULK;
    p->since = now;
    p->acknowledged = 0;
}
