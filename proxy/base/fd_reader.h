/* Reading from a descriptor of this process of whatever kind (terminal, pipe, file), without blocking the loop and
 * without making the descriptor non-blocking: others share it. */
#ifndef PROXY_BASE_FD_READER_H
#define PROXY_BASE_FD_READER_H

#include <stddef.h>
#include <uv.h>

#include "dap/must_use.h"

struct fd_reader;

struct fd_reader_handler {
    /* What a read has brought; valid during the call. The next one begins with fd_reader_next. len 0: its end, or where
     * error is not 0 (negative, libuv's) what it could not be read for. */
    void (*data)(void *arg, const char *data, size_t len, int error);
};

/* fd is borrowed for as long as the process lives; the first read begins at once. loop outlives it. NULL when memory or
 * threads ran out. */
struct fd_reader *fd_reader_new(uv_loop_t *loop, int fd, const struct fd_reader_handler *h, void *arg) MUST_USE;
/* Reads on; once after each `data` that was not its end. */
void fd_reader_next(struct fd_reader *s);
/* No handler is called any more. A read that waits is left to wait. May be called from `data`; NULL is fine. */
void fd_reader_free(struct fd_reader *s);

#endif
