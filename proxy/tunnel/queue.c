#include "proxy/tunnel/queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_MIN = 1024 };

struct chunk {
    struct chunk *next;
    size_t from; /* the bytes of it that are in use */
    size_t to;
    size_t cap;
    unsigned char bytes[];
};

bool queue_reserve(struct queue *q, void *(*alloc)(size_t size), size_t n)
{
    if (q->spare >= n)
        return true;
    size_t cap = n - q->spare < CHUNK_MIN ? CHUNK_MIN : n - q->spare;
    struct chunk *c = alloc(sizeof *c + cap);
    if (!c)
        return false;
    *c = (struct chunk){.cap = cap};
    if (q->last)
        q->last->next = c;
    else
        q->first = q->tail = c;
    q->last = c;
    q->spare += cap;
    q->memory += sizeof *c + cap;
    return true;
}

void queue_append(struct queue *q, const void *bytes, size_t n)
{
    const unsigned char *from = bytes;
    assert(n <= q->spare);
    q->len += n;
    q->spare -= n;
    while (n) {
        struct chunk *c = q->tail;
        size_t room = c->cap - c->to;
        size_t part = n < room ? n : room;
        if (part == 0) {
            q->tail = c->next;
            continue;
        }
        memcpy(c->bytes + c->to, from, part);
        c->to += part;
        from += part;
        n -= part;
    }
}

void queue_copy(const struct queue *q, size_t at, void *out, size_t n)
{
    unsigned char *to = out;
    assert(at <= q->len && n <= q->len - at);
    for (const struct chunk *c = q->first; n; c = c->next) {
        size_t there = c->to - c->from;
        if (at >= there) {
            at -= there;
            continue;
        }
        size_t part = n < there - at ? n : there - at;
        memcpy(to, c->bytes + c->from + at, part);
        to += part;
        n -= part;
        at = 0;
    }
}

size_t queue_peek(const struct queue *q, const void **bytes)
{
    if (q->len == 0)
        return 0;
    *bytes = q->first->bytes + q->first->from;
    return q->first->to - q->first->from;
}

static void drop_first(struct queue *q)
{
    struct chunk *c = q->first;
    q->first = c->next;
    q->memory -= sizeof *c + c->cap;
    free(c);
}

void queue_consume(struct queue *q, size_t n)
{
    assert(n <= q->len);
    q->len -= n;
    if (q->len == 0) {
        queue_free(q);
        return;
    }
    while (n) {
        struct chunk *c = q->first;
        size_t part = n < c->to - c->from ? n : c->to - c->from;
        c->from += part;
        n -= part;
        /* Bytes remain, so that this is not the last that has any. */
        if (c->from == c->to)
            drop_first(q);
    }
}

void queue_free(struct queue *q)
{
    while (q->first)
        drop_first(q);
    *q = (struct queue){0};
}
