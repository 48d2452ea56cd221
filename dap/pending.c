#include "dap/pending.h"

#include <stdlib.h>

enum { PENDING_FIRST = 16 };

/* A ring, oldest first: Delve answers mostly in the order it was asked, so the search ends at its first entry. */
struct dap_pending {
    struct dap_asked *ring;
    size_t cap, head, count;
};

struct dap_pending *dap_pending_new(void)
{
    return calloc(1, sizeof(struct dap_pending));
}

void dap_pending_free(struct dap_pending *p)
{
    if (!p)
        return;
    free(p->ring);
    free(p);
}

static struct dap_asked *at(const struct dap_pending *p, size_t i)
{
    return &p->ring[(p->head + i) % p->cap];
}

static int grow(struct dap_pending *p)
{
    size_t cap = p->cap ? 2 * p->cap : PENDING_FIRST;
    if (cap > DAP_PENDING_MAX)
        cap = DAP_PENDING_MAX;
    if (cap == p->cap)
        return -1;
    struct dap_asked *ring = malloc(cap * sizeof *ring);
    if (!ring)
        return -1;
    for (size_t i = 0; i < p->count; i++)
        ring[i] = *at(p, i);
    free(p->ring);
    p->ring = ring;
    p->cap = cap;
    p->head = 0;
    return 0;
}

int dap_pending_add(struct dap_pending *p, const struct dap_asked *asked)
{
    if (p->count == p->cap && grow(p) < 0)
        return -1;
    *at(p, p->count++) = *asked;
    return 0;
}

int dap_pending_take(struct dap_pending *p, int64_t seq, struct dap_asked *asked)
{
    for (size_t i = 0; i < p->count; i++) {
        if (at(p, i)->seq != seq)
            continue;
        *asked = *at(p, i);
        for (; i > 0; i--)
            *at(p, i) = *at(p, i - 1);
        p->head = (p->head + 1) % p->cap;
        p->count--;
        return 1;
    }
    return 0;
}

int dap_pending_take_oldest(struct dap_pending *p, struct dap_asked *asked)
{
    return p->count ? dap_pending_take(p, at(p, 0)->seq, asked) : 0;
}

size_t dap_pending_count(const struct dap_pending *p)
{
    return p->count;
}
