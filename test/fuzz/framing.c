/* Any bytes as a DAP stream: one piece and many pieces give the same frames and the same end. The first byte chooses
   the pieces. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dap/buf.h"
#include "dap/decoder.h"

enum { LIMIT = 300, EVENTS_MAX = 1 << 22 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void note(struct buf *events, int result, size_t at, const struct dap_frame *frame)
{
    buf_printf(events, "%d %zu ", result, at);
    if (frame) {
        buf_printf(events, "%zu %zu ", frame->len, frame->length);
        buf_append(events, frame->body, frame->len);
        if (frame->body[frame->len] != '\0' || frame->len > frame->length)
            abort();
    }
}

static void run(const char *data, size_t size, size_t piece, enum dap_oversize oversize, struct buf *events)
{
    struct dap_decoder *d = dap_decoder_new(LIMIT, oversize);
    if (!d)
        abort();
    size_t off = 0;
    enum dap_result r = DAP_MORE;
    while (off < size && r != DAP_BROKEN) {
        size_t n = size - off < piece ? size - off : piece;
        /* A copy of its own, so that a read past it is seen. */
        char *copy = malloc(n);
        if (!copy)
            abort();
        memcpy(copy, data + off, n);
        size_t used;
        struct dap_frame frame;
        r = dap_decoder_feed(d, copy, n, &used, &frame);
        if (used > n || (r == DAP_MORE && used != n))
            abort();
        off += used;
        if (r == DAP_MESSAGE && frame.len != frame.length)
            abort();
        if (r != DAP_MORE)
            note(events, (int)r, off, r == DAP_BROKEN ? NULL : &frame);
        free(copy);
    }
    if ((r == DAP_BROKEN) != (dap_decoder_reason(d) != NULL))
        abort();
    /* A body of this size is never held, however large a length was promised. */
    if (dap_decoder_memory(d) > (size_t)2 * (DAP_SKIPPED_PREFIX + LIMIT))
        abort();
    buf_printf(events, "end %d %d", dap_decoder_at_boundary(d), dap_decoder_in_header(d));
    dap_decoder_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    size_t piece = (size_t)data[0] % 32 + 1;
    enum dap_oversize oversize = data[0] & 0x80 ? DAP_OVERSIZE_SKIP : DAP_OVERSIZE_ERROR;
    struct buf whole, pieces;
    buf_init(&whole, EVENTS_MAX);
    buf_init(&pieces, EVENTS_MAX);
    run((const char *)data + 1, size - 1, size, oversize, &whole);
    run((const char *)data + 1, size - 1, piece, oversize, &pieces);
    if (whole.len != pieces.len || memcmp(whole.data, pieces.data, whole.len) != 0)
        abort();
    buf_free(&whole);
    buf_free(&pieces);
    return 0;
}
