/* A DAP message as text: the shallow scan that finds its envelope, and edits that leave every other byte as it was. */
#ifndef DAP_MESSAGE_H
#define DAP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dap/must_use.h"
#include "dap/buf.h"
#include "dap/err.h"

/* The largest body that Delve may send has no room for as many edits: a variable of go-dap's, with its reference, has
 * more than 50 bytes. */
enum { DAP_NAME_MAX = 64, DAP_DEPTH_MAX = 512, DAP_EDITS_MAX = 2 * 1024 * 1024 };

enum dap_type { DAP_REQUEST, DAP_RESPONSE, DAP_EVENT };

struct dap_span {
    size_t off; /* bytes from the start of the message's text */
    size_t len; /* 0: not there */
};

struct dap_message {
    const char *text; /* borrowed from the caller */
    size_t len;
    enum dap_type type;
    int64_t seq;
    int64_t request_seq;            /* responses */
    bool success;                   /* responses */
    char name[DAP_NAME_MAX];        /* command of a request or response, event of an event; cut when longer */
    struct dap_span seq_at;         /* the number's digits */
    struct dap_span request_seq_at; /* the number's digits */
    struct dap_span payload_at;     /* the value of `arguments` (requests) or `body` (others) */
};

/* Reads the top level of one JSON object; nested values are walked without recursion and checked for syntax and depth
   only. Returns 0, or -1 with *e when the text is not one JSON object, is deeper than DAP_DEPTH_MAX, or lacks an
   envelope field that its type needs (type, integer seq; command; event; integer request_seq). The text must stay alive
   as long as m is used. */
int dap_message_scan(struct dap_message *m, const char *text, size_t len, struct err *e) MUST_USE;

/* The same for the first bytes of a message whose rest is missing: returns 0 as soon as type and name or request_seq
   have been seen (go-dap writes them before the body), -1 when the text ends before. payload_at is not set. */
int dap_message_scan_prefix(struct dap_message *m, const char *text, size_t len, struct err *e) MUST_USE;

/* A list of replacements in one message's text. */
struct dap_edit {
    struct dap_span at;
    size_t replacement_off; /* into replacements */
    size_t replacement_len;
};
struct dap_edits {
    struct dap_edit *list;
    size_t count, cap;
    struct buf replacements;
    bool is_full; /* an edit was refused because there were too many: memory is not what is short */
};

void dap_edits_init(struct dap_edits *edits);
void dap_edits_free(struct dap_edits *edits);

/* Adds a replacement; the bytes are copied. Spans must not overlap. Returns 0, or -1 when memory or DAP_EDITS_MAX is
 * exhausted. */
int dap_edits_add(struct dap_edits *edits, struct dap_span at, const char *replacement, size_t len) MUST_USE;
int dap_edits_add_int(struct dap_edits *edits, struct dap_span at, int64_t value) MUST_USE;

/* Appends the message with its edits made, framed with a Content-Length header, to out. edits may be NULL. Sorts the
 *edits. body_len, if not NULL, receives the length of the body. Returns 0, or -1 when out has no room. */
int dap_message_write(const struct dap_message *m, struct dap_edits *edits, struct buf *out, size_t *body_len) MUST_USE;

#endif
