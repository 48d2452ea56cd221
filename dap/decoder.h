/* DAP base protocol framing: bytes in, whole message bodies out. No I/O. */
#ifndef DAP_DECODER_H
#define DAP_DECODER_H

#include <stddef.h>

#include "dap/must_use.h"
#include "dap/err.h"

enum {
    DAP_HEADER_MAX = 1024,                   /* bytes of a whole header */
    DAP_CLIENT_BODY_MAX = 16 * 1024 * 1024,  /* bytes of a body from the client */
    DAP_DELVE_BODY_MAX = 64 * 1024 * 1024,   /* bytes of a body from Delve */
    DAP_DELVE_REQUEST_MAX = 4 * 1024 * 1024, /* bytes of a body that Delve takes (go-dap's contentMaxLength) */
    DAP_SKIPPED_PREFIX = 4096                /* bytes kept of a body that is skipped */
};

/* What to do with a body that is longer than the limit. */
enum dap_oversize {
    DAP_OVERSIZE_ERROR, /* the stream is dead: for a client */
    DAP_OVERSIZE_SKIP   /* pass it over and report DAP_SKIPPED: for Delve */
};

enum dap_result {
    DAP_MORE,    /* everything was consumed, no whole message yet */
    DAP_MESSAGE, /* frame holds a whole body */
    DAP_SKIPPED, /* a body over the limit has gone by; frame holds its first DAP_SKIPPED_PREFIX bytes, length its real
                    size */
    DAP_BROKEN /* not DAP. Sticky: every later call returns it again, nothing is consumed, there is no resynchronisation
                */
};

struct dap_frame {
    const char *body; /* belongs to the decoder, NUL-terminated, valid until the next call */
    size_t len;       /* bytes at body */
    size_t length;    /* what Content-Length said */
};

struct dap_decoder;

/* Returns a decoder for one stream, or NULL when memory ran out. dap_decoder_free ends it (NULL is fine). */
struct dap_decoder *dap_decoder_new(size_t body_max, enum dap_oversize oversize) MUST_USE;
void dap_decoder_free(struct dap_decoder *d);

/* Takes bytes from data and stops after the first whole message; *used is how many were taken. Call again with the
   rest. The header is `Content-Length: N` CRLF (this case, one space, decimal digits only), optionally followed by a
   `Content-Type:` line, then CRLF (DAP "Base Protocol"; go-dap io.go takes no more than this). The first byte that
   cannot be part of it breaks the stream at once. A length is checked before anything is allocated for it, memory grows
   with what has really arrived. On DAP_BROKEN dap_decoder_reason() says why. */
enum dap_result dap_decoder_feed(struct dap_decoder *d, const char *data, size_t len, size_t *used,
                                 struct dap_frame *frame);

/* Why the stream is broken: a short text for a log, belonging to the decoder; NULL while it is not. */
const char *dap_decoder_reason(const struct dap_decoder *d);

/* Whether the stream may end here: no message has begun. */
int dap_decoder_at_boundary(const struct dap_decoder *d);

/* Whether a header has begun and is not complete: the state that a deadline guards. */
int dap_decoder_in_header(const struct dap_decoder *d);

/* Bytes of memory held now, for the session's bound. */
size_t dap_decoder_memory(const struct dap_decoder *d);

#endif
