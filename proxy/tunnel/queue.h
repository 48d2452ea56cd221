/* Bytes in order: appended at one end, consumed at the other, held in pieces that are freed as they are read. */
#ifndef PROXY_TUNNEL_QUEUE_H
#define PROXY_TUNNEL_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct chunk;

/* Empty when zeroed. Who appends keeps it bounded. */
struct queue {
    struct chunk *first;
    struct chunk *tail; /* that is appended to; behind it are empty ones */
    struct chunk *last;
    size_t len;
    size_t spare;  /* bytes that can be appended without memory */
    size_t memory; /* allocated */
};

/* Makes room for n bytes more. Returns false, and changes nothing, when memory is short. */
bool queue_reserve(struct queue *q, void *(*alloc)(size_t size), size_t n) __attribute__((warn_unused_result));

/* Appends n bytes that there is room for. */
void queue_append(struct queue *q, const void *bytes, size_t n);

/* Copies n bytes from the offset on; at + n <= len. */
void queue_copy(const struct queue *q, size_t at, void *out, size_t n);

/* Returns how many bytes are in one piece at the beginning, and where they are; 0: it is empty. */
size_t queue_peek(const struct queue *q, const void **bytes);

/* Removes the first n bytes; n <= len. An empty queue has no memory. */
void queue_consume(struct queue *q, size_t n);
void queue_free(struct queue *q);

#endif
