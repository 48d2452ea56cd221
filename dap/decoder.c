#include "dap/decoder.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dap/buf.h"

enum {
    BODY_KEEP = 64 * 1024 /* bytes of memory kept from one message to the next */
};

static const char length_name[] = "Content-Length: ";
static const char type_name[] = "Content-Type:";

enum state {
    LENGTH_NAME,   /* inside "Content-Length: " */
    LENGTH_DIGITS, /* inside its number */
    LENGTH_LF,     /* LF of its line is due */
    NEXT_LINE,     /* CR of the empty line, or a Content-Type line */
    TYPE_NAME,     /* inside "Content-Type:" */
    TYPE_VALUE,
    TYPE_LF,
    EMPTY_LINE, /* CR of the empty line is due */
    LAST_LF,    /* LF of the empty line is due */
    BODY,
    SKIP, /* the part of a body above the limit that is not kept */
    BROKEN
};

struct dap_decoder {
    enum state state;
    enum dap_oversize oversize;
    size_t body_max;
    size_t header_len; /* bytes of this header so far */
    size_t matched;    /* bytes of the name, or digits of the number */
    int64_t length;
    size_t left; /* bytes of the body to come */
    size_t keep; /* bytes of the body that are kept */
    struct buf body;
    const char *reason;
};

struct dap_decoder *dap_decoder_new(size_t body_max, enum dap_oversize oversize)
{
    struct dap_decoder *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->oversize = oversize;
    d->body_max = body_max;
    buf_init(&d->body, body_max > DAP_SKIPPED_PREFIX ? body_max : DAP_SKIPPED_PREFIX);
    return d;
}

void dap_decoder_free(struct dap_decoder *d)
{
    if (!d)
        return;
    buf_free(&d->body);
    free(d);
}

static int broken(struct dap_decoder *d, const char *reason)
{
    d->state = BROKEN;
    d->reason = reason;
    buf_free(&d->body);
    return -1;
}

static int digit(struct dap_decoder *d, char c)
{
    int value = c - '0';
    if (d->length > (INT64_MAX - value) / 10)
        return broken(d, "Content-Length is too large for a number");
    d->length = d->length * 10 + value;
    d->matched++;
    if (d->oversize == DAP_OVERSIZE_ERROR && (uint64_t)d->length > d->body_max)
        return broken(d, "Content-Length is above the limit");
    if ((uint64_t)d->length > SIZE_MAX)
        return broken(d, "Content-Length is too large for this machine");
    return 0;
}

static int length_done(struct dap_decoder *d)
{
    if (d->matched == 0)
        return broken(d, "Content-Length has no value");
    if (d->length == 0)
        return broken(d, "Content-Length is 0");
    d->matched = 0;
    d->state = LENGTH_LF;
    return 0;
}

static void begin_body(struct dap_decoder *d)
{
    d->left = (size_t)d->length;
    d->keep = d->left <= d->body_max ? d->left : DAP_SKIPPED_PREFIX;
    if (d->keep > d->left)
        d->keep = d->left;
    d->state = BODY;
}

static int expect(struct dap_decoder *d, char c, char wanted, enum state next, const char *reason)
{
    if (c != wanted)
        return broken(d, reason);
    d->state = next;
    return 0;
}

/* Follows one of the two names. */
static int name(struct dap_decoder *d, char c, const char *wanted, enum state next, const char *reason)
{
    if (c != wanted[d->matched])
        return broken(d, reason);
    if (wanted[++d->matched] == '\0') {
        d->matched = 0;
        d->state = next;
    }
    return 0;
}

/* Takes one byte of a header. Returns 0, or -1 when it cannot be part of one. */
static int header_byte(struct dap_decoder *d, char c)
{
    if (d->header_len == DAP_HEADER_MAX)
        return broken(d, "the header is too long");
    switch (d->state) {
    case LENGTH_NAME:
        return name(d, c, length_name, LENGTH_DIGITS, "the header does not begin with Content-Length");
    case LENGTH_DIGITS:
        if (c >= '0' && c <= '9')
            return digit(d, c);
        if (c == '\r')
            return length_done(d);
        return broken(d, "Content-Length is not a decimal number");
    case LENGTH_LF:
    case TYPE_LF:
        return expect(d, c, '\n', d->state == LENGTH_LF ? NEXT_LINE : EMPTY_LINE, "a CR without LF in the header");
    case NEXT_LINE:
        if (c == '\r') {
            d->state = LAST_LF;
            return 0;
        }
        d->state = TYPE_NAME;
        /* fallthrough */
    case TYPE_NAME:
        return name(d, c, type_name, TYPE_VALUE, "an unknown or repeated header line");
    case TYPE_VALUE:
        if (c == '\r')
            d->state = TYPE_LF;
        else if ((c < ' ' && c != '\t') || c > '~')
            return broken(d, "Content-Type contains a control character");
        return 0;
    case EMPTY_LINE:
        return expect(d, c, '\r', LAST_LF, "a header line after Content-Type");
    case LAST_LF:
        if (expect(d, c, '\n', BODY, "a CR without LF in the header") < 0)
            return -1;
        begin_body(d);
        return 0;
    default: /* a body takes no header bytes */
        return -1;
    }
}

static enum dap_result message_done(struct dap_decoder *d, struct dap_frame *frame)
{
    size_t length = (size_t)d->length;
    *frame = (struct dap_frame){.body = d->body.data, .len = d->body.len, .length = length};
    d->state = LENGTH_NAME;
    d->header_len = 0;
    d->length = 0;
    return length > d->body_max ? DAP_SKIPPED : DAP_MESSAGE;
}

/* The body that was handed out with the last call is no longer in use. */
static void forget_body(struct dap_decoder *d)
{
    if (d->body.cap > BODY_KEEP)
        buf_free(&d->body);
    else
        buf_clear(&d->body);
}

enum dap_result dap_decoder_feed(struct dap_decoder *d, const char *data, size_t len, size_t *used,
                                 struct dap_frame *frame)
{
    *used = 0;
    if (d->state == LENGTH_NAME && d->header_len == 0)
        forget_body(d);
    while (*used < len && d->state < BODY) {
        if (header_byte(d, data[*used]) < 0)
            break;
        d->header_len++;
        (*used)++;
    }
    if (d->state == BODY) {
        size_t n = len - *used;
        size_t room = d->keep - d->body.len;
        if (n > room)
            n = room;
        if (n > 0)
            buf_append(&d->body, data + *used, n);
        if (d->body.failed) {
            broken(d, "out of memory for a message's body");
            return DAP_BROKEN;
        }
        *used += n;
        d->left -= n;
        if (d->body.len == d->keep && d->left > 0)
            d->state = SKIP;
    }
    if (d->state == SKIP) {
        size_t n = len - *used;
        if (n > d->left)
            n = d->left;
        *used += n;
        d->left -= n;
    }
    if (d->state == BROKEN)
        return DAP_BROKEN;
    if (d->state >= BODY && d->left == 0)
        return message_done(d, frame);
    return DAP_MORE;
}

const char *dap_decoder_reason(const struct dap_decoder *d)
{
    return d->reason;
}

int dap_decoder_at_boundary(const struct dap_decoder *d)
{
    return d->state == LENGTH_NAME && d->header_len == 0;
}

int dap_decoder_in_header(const struct dap_decoder *d)
{
    return d->state < BODY && d->header_len > 0;
}

size_t dap_decoder_memory(const struct dap_decoder *d)
{
    return sizeof *d + d->body.cap;
}
