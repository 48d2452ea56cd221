/* A JSON text as a row of tokens with their positions: checked for syntax and depth, without recursion and without
   memory of its own. The scan of a message and the walk to its paths both stand on it. */
#ifndef DAP_JSON_H
#define DAP_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dap/must_use.h"
#include "dap/message.h"

enum dap_json_kind {
    DAP_JSON_END,   /* the text was one whole value */
    DAP_JSON_ERROR, /* not JSON, or too deep; reason and error_at are set. Sticky */
    DAP_JSON_OBJECT,
    DAP_JSON_OBJECT_END,
    DAP_JSON_ARRAY,
    DAP_JSON_ARRAY_END,
    DAP_JSON_KEY, /* as DAP_JSON_STRING; its value follows */
    DAP_JSON_STRING,
    DAP_JSON_NUMBER,
    DAP_JSON_TRUE,
    DAP_JSON_FALSE,
    DAP_JSON_NULL
};

struct dap_json_token {
    enum dap_json_kind kind;
    struct dap_span at; /* strings and keys with their quotes */
};

struct dap_json {
    const char *text; /* borrowed */
    size_t len;
    size_t off;
    size_t depth;       /* containers open */
    const char *reason; /* of DAP_JSON_ERROR: a short text, static */
    size_t error_at;
    unsigned char expect;
    unsigned char objects[DAP_DEPTH_MAX / 8]; /* one bit for each open container: set for an object */
};

void dap_json_init(struct dap_json *j, const char *text, size_t len);

/* Returns the next token. Bytes of a string are not checked to be UTF-8. */
struct dap_json_token dap_json_next(struct dap_json *j);

/* Decodes one character of the inside of a string that dap_json_next has passed: text and len are what is left of it
   (len > 0). Writes 1 to 4 bytes to out, how many to *out_len, and returns how many were taken. Half a surrogate pair
   becomes U+FFFD; bytes that are not UTF-8 come out as they are. */
size_t dap_json_decode(const char *text, size_t len, char out[4], size_t *out_len);

/* Whether a string or key token means exactly `name`, however it is escaped. */
bool dap_json_equals(const char *text, struct dap_span at, const char *name);

/* Reads an integer: digits with an optional minus, without fraction or exponent, that fits. Returns 0, or -1. */
int dap_json_integer(const char *text, struct dap_span at, int64_t *value) MUST_USE;

#endif
