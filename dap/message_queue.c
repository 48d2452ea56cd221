#include "dap/message_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { QUEUE_FIRST = 16 }; /* messages that there is room for at first */

struct dap_queued {
    char *text;
    size_t len;
};

void dap_queue_init(struct dap_queue *q, size_t limit)
{
    *q = (struct dap_queue){.limit = limit};
}

static struct dap_queued *at(const struct dap_queue *q, size_t i)
{
    return &q->ring[(q->head + i) % q->cap];
}

void dap_queue_free(struct dap_queue *q)
{
    for (size_t i = 0; i < q->count; i++)
        free(at(q, i)->text);
    free(q->ring);
    dap_queue_init(q, q->limit);
}

static int grow(struct dap_queue *q)
{
    size_t cap = q->cap ? 2 * q->cap : QUEUE_FIRST;
    struct dap_queued *ring = malloc(cap * sizeof *ring);
    if (!ring)
        return -1;
    for (size_t i = 0; i < q->count; i++)
        ring[i] = *at(q, i);
    free(q->ring);
    q->ring = ring;
    q->cap = cap;
    q->head = 0;
    return 0;
}

int dap_queue_add(struct dap_queue *q, const struct dap_message *m)
{
    if (m->len > q->limit - q->bytes || (q->count == q->cap && grow(q) < 0))
        return -1;
    char *text = malloc(m->len);
    if (!text)
        return -1;
    memcpy(text, m->text, m->len);
    *at(q, q->count++) = (struct dap_queued){.text = text, .len = m->len};
    q->bytes += m->len;
    return 0;
}

static void scan(struct dap_message *m, const struct dap_queued *queued)
{
    struct err ignored;
    int r = dap_message_scan(m, queued->text, queued->len, &ignored);
    assert(r == 0); /* it was read before it was added */
    (void)r;
}

char *dap_queue_take(struct dap_queue *q, struct dap_message *m)
{
    if (q->count == 0)
        return NULL;
    struct dap_queued oldest = *at(q, 0);
    q->head = (q->head + 1) % q->cap;
    q->count--;
    q->bytes -= oldest.len;
    if (q->count == 0)
        dap_queue_free(q);
    scan(m, &oldest);
    return oldest.text;
}

bool dap_queue_any(const struct dap_queue *q, bool (*is)(const struct dap_message *m))
{
    struct dap_message m;
    for (size_t i = 0; i < q->count; i++) {
        scan(&m, at(q, i));
        if (is(&m))
            return true;
    }
    return false;
}

size_t dap_queue_memory(const struct dap_queue *q)
{
    return q->bytes + q->cap * sizeof *q->ring;
}
