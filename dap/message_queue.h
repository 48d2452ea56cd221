/* Complete messages that wait until they can be sent on, oldest first. The texts are copied in and given away one by
 * one. Pure. */
#ifndef DAP_MESSAGE_QUEUE_H
#define DAP_MESSAGE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "dap/must_use.h"
#include "dap/message.h"

struct dap_queued;

/* May be moved by assignment; the one that was moved from must be initialized again before it is used. */
struct dap_queue {
    struct dap_queued *ring; /* NULL while empty */
    size_t cap, head, count; /* messages */
    size_t bytes;            /* of the texts that it holds; never more than limit */
    size_t limit;
};

/* Makes an empty queue for messages of at most limit bytes altogether. Allocates nothing. */
void dap_queue_init(struct dap_queue *q, size_t limit);

/* Frees the messages. The queue is empty afterwards, with the same limit, and may be used again. */
void dap_queue_free(struct dap_queue *q);

/* Appends a copy of the message. Returns 0, or -1 when it is over the limit or memory ran out: the queue is then as it
 * was. */
int dap_queue_add(struct dap_queue *q, const struct dap_message *m) MUST_USE;

/* Takes the oldest message out into *m. Returns its text, which m points into and which the caller frees with free()
 * once m is not used any more; NULL when the queue is empty. */
char *dap_queue_take(struct dap_queue *q, struct dap_message *m) MUST_USE;

/* Whether `is` returns true for one of the messages. */
bool dap_queue_any(const struct dap_queue *q, bool (*is)(const struct dap_message *m));

/* Bytes allocated: the texts, and what keeps them in order. 0 for an empty queue. */
size_t dap_queue_memory(const struct dap_queue *q);

#endif
