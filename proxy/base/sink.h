/* Writing to a descriptor of this process of whatever kind (terminal, pipe, file), without blocking the loop and
 * without making the descriptor non-blocking: others share it. */
#ifndef PROXY_BASE_SINK_H
#define PROXY_BASE_SINK_H

#include <stddef.h>
#include <uv.h>

#include "dap/must_use.h"

enum { SINK_QUEUE_MAX = 8 * 1024 * 1024 }; /* bytes; owners stop their sources well before */

struct sink;

/* fd is borrowed. progress(arg) is called after each write: there is room again, or sink_error says why there never
 * will be. NULL when memory ran out. */
struct sink *sink_new(uv_loop_t *loop, int fd, void (*progress)(void *arg), void *arg) MUST_USE;
/* Queues a copy of the bytes. After an error they are dropped. Returns 0, or -1 when they do not fit or memory ran
 * out. */
int sink_write(struct sink *s, const char *data, size_t len) MUST_USE;
/* Bytes that are not yet written, those that a write is busy with included. */
size_t sink_queued(const struct sink *s);
/* Why the last write failed (negative, libuv's), 0 when it did not. */
int sink_error(const struct sink *s);
/* Drops what is queued; progress is not called any more. A write that hangs is left to hang. NULL is fine. */
void sink_free(struct sink *s);

#endif
