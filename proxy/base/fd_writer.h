/* Writing to a descriptor of this process of whatever kind (terminal, pipe, file), without blocking the loop and
 * without making the descriptor non-blocking: others share it. */
#ifndef PROXY_BASE_FD_WRITER_H
#define PROXY_BASE_FD_WRITER_H

#include <stddef.h>
#include <uv.h>

#include "dap/must_use.h"

enum { FD_WRITER_QUEUE_MAX = 8 * 1024 * 1024 }; /* bytes; owners stop their sources well before */

struct fd_writer;

/* fd is borrowed. progress(arg) is called after each write: there is room again, or fd_writer_error says why there
 * never will be. NULL when memory ran out. */
struct fd_writer *fd_writer_new(uv_loop_t *loop, int fd, void (*progress)(void *arg), void *arg) MUST_USE;
/* Queues a copy of the bytes. After an error they are dropped. Returns 0, or -1 when they do not fit or memory ran
 * out. */
int fd_writer_write(struct fd_writer *s, const char *data, size_t len) MUST_USE;
/* Bytes that are not yet written, those that a write is busy with included. */
size_t fd_writer_queued(const struct fd_writer *s);
/* Why the last write failed (negative, libuv's), 0 when it did not. */
int fd_writer_error(const struct fd_writer *s);
/* Drops what is queued; progress is not called any more. A write that hangs is left to hang. NULL is fine. */
void fd_writer_free(struct fd_writer *s);

#endif
