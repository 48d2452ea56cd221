/* A growing byte buffer that cannot exist without a limit. */
#ifndef DAP_BUF_H
#define DAP_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "dap/must_use.h"

struct buf {
    char *data;  /* NULL while empty; always followed by a NUL byte otherwise */
    size_t len;  /* bytes in use */
    size_t cap;  /* bytes allocated */
    size_t max;  /* len never exceeds this */
    bool failed; /* sticky: an append did not fit or memory ran out */
};

/* Makes an empty buffer that will never hold more than max bytes. Allocates nothing. */
void buf_init(struct buf *b, size_t max);

/* Frees the memory. The buffer is empty afterwards, with the same limit, and may be used again. */
void buf_free(struct buf *b);

/* Appends n bytes. When the limit or memory is exhausted, nothing is appended, b->failed is set, and every later append
   fails too: a caller appends as often as it likes, and then looks at b->failed once. */
void buf_append(struct buf *b, const void *bytes, size_t n);

/* Appends a NUL-terminated string, without its NUL. Fails as buf_append. */
void buf_puts(struct buf *b, const char *s);

/* Appends formatted text, without a NUL. Fails as buf_append. */
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Removes the first n bytes; n <= b->len. */
void buf_consume(struct buf *b, size_t n);

/* Empties the buffer and clears the sticky failure; keeps the memory. */
void buf_clear(struct buf *b);

/* Gives the bytes (NUL-terminated, never NULL unless memory ran out) to the caller, who frees them with free().
   The buffer is empty afterwards. */
char *buf_take(struct buf *b) MUST_USE;

#endif
