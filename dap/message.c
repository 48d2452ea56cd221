#include "dap/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dap/json.h"
#include "dap/utf8.h"

enum {
    EDITS_FIRST = 8,
    EDITS_BYTES_MAX = 64 * 1024 * 1024, /* all replacements of one message */
    HEADER_ROOM = 64                    /* bytes: Content-Length, a number, two line ends */
};

/* The keys that decide where a message goes and what is done with it. */
enum field { SEQ, TYPE, COMMAND, EVENT, REQUEST_SEQ, SUCCESS, ARGUMENTS, BODY, FIELDS };

static const char *const field_names[FIELDS] = {
    [SEQ] = "seq",
    [TYPE] = "type",
    [COMMAND] = "command",
    [EVENT] = "event",
    [REQUEST_SEQ] = "request_seq",
    [SUCCESS] = "success",
    [ARGUMENTS] = "arguments",
    [BODY] = "body",
};

struct envelope {
    struct dap_json_token value[FIELDS]; /* first token of each value */
    struct dap_span at[FIELDS];          /* the whole value; len 0: not there */
};

/* Go matches keys without regard to case, and takes U+017F for an s (encoding/json): "SEQ" behind "seq" would give
   Delve another number than the one seen here. */
static bool folds_to(const char *text, struct dap_span at, const char *name)
{
    const char *p = text + at.off + 1;
    size_t left = at.len - 2;
    while (left > 0) {
        char c[4];
        size_t c_len;
        size_t used = dap_json_decode(p, left, c, &c_len);
        p += used;
        left -= used;
        /* U+017F comes byte by byte when it is not escaped. */
        if (c_len == 1 && (unsigned char)c[0] == 0xC5 && left > 0 && (unsigned char)p[0] == 0xBF) {
            c[0] = 's';
            p++;
            left--;
        } else if (c_len == 2 && memcmp(c, "\xC5\xBF", 2) == 0) {
            c[0] = 's';
        } else if (c_len != 1) {
            return false;
        }
        char lower = c[0] >= 'A' && c[0] <= 'Z' ? (char)(c[0] - 'A' + 'a') : c[0];
        if (lower == '\0' || lower != *name)
            return false; /* a NUL is not the name's end */
        name++;
    }
    return *name == '\0';
}

/* Which field a key names: FIELDS for none, -1 for one that Go would take for a field and others would not. */
static int field_of(const char *text, struct dap_span at)
{
    for (int f = 0; f < FIELDS; f++) {
        if (dap_json_equals(text, at, field_names[f]))
            return f;
        if (folds_to(text, at, field_names[f]))
            return -1;
    }
    return FIELDS;
}

static int syntax_error(const struct dap_json *j, struct err *e)
{
    return err_set(e, "the message is not JSON: %s at byte %zu of %zu", j->reason, j->error_at, j->len);
}

/* Passes the rest of a value whose first token was t. Returns the end of it, 0 on an error. */
static size_t pass(struct dap_json *j, struct dap_json_token t)
{
    if (t.kind == DAP_JSON_ERROR)
        return 0;
    if (t.kind == DAP_JSON_OBJECT || t.kind == DAP_JSON_ARRAY) {
        size_t outside = j->depth - 1;
        while (j->depth > outside) {
            if (dap_json_next(j).kind == DAP_JSON_ERROR)
                return 0;
        }
    }
    return j->off;
}

/* Collects the fields. prefix: the text may end anywhere, and what was seen until then counts. */
static int collect(struct envelope *v, const char *text, size_t len, bool prefix, struct err *e)
{
    struct dap_json j;
    dap_json_init(&j, text, len);
    struct dap_json_token t = dap_json_next(&j);
    if (t.kind == DAP_JSON_ERROR)
        return syntax_error(&j, e);
    if (t.kind != DAP_JSON_OBJECT)
        return err_set(e, "the message is not a JSON object");
    while ((t = dap_json_next(&j)).kind == DAP_JSON_KEY) {
        int f = field_of(text, t.at);
        if (f < 0)
            return err_set(e, "a key at byte %zu differs from a protocol field only in its case", t.at.off);
        if (f < FIELDS && v->at[f].len)
            return err_set(e, "`%s` is given twice, the second time at byte %zu", field_names[f], t.at.off);
        struct dap_json_token first = dap_json_next(&j);
        size_t end = pass(&j, first);
        if (end == 0)
            return prefix ? 0 : syntax_error(&j, e);
        if (f < FIELDS) {
            v->value[f] = first;
            v->at[f] = (struct dap_span){.off = first.at.off, .len = end - first.at.off};
        }
    }
    if (prefix)
        return 0;
    if (t.kind == DAP_JSON_ERROR || dap_json_next(&j).kind != DAP_JSON_END)
        return syntax_error(&j, e);
    return 0;
}

static int read_integer(const char *text, const struct envelope *v, enum field f, int64_t *value, struct err *e)
{
    if (!v->at[f].len)
        return err_set(e, "the message has no `%s`", field_names[f]);
    if (v->value[f].kind != DAP_JSON_NUMBER || dap_json_integer(text, v->at[f], value) < 0)
        return err_set(e, "`%s` at byte %zu is not an integer", field_names[f], v->at[f].off);
    return 0;
}

static int read_name(struct dap_message *m, const struct envelope *v, enum field f, struct err *e)
{
    if (!v->at[f].len)
        return err_set(e, "the message has no `%s`", field_names[f]);
    if (v->value[f].kind != DAP_JSON_STRING)
        return err_set(e, "`%s` at byte %zu is not a string", field_names[f], v->at[f].off);
    const char *p = m->text + v->at[f].off + 1;
    size_t left = v->at[f].len - 2;
    size_t n = 0;
    while (left > 0) {
        char c[4];
        size_t c_len;
        size_t used = dap_json_decode(p, left, c, &c_len);
        /* "launch\0x" must not be taken for "launch". */
        if (c[0] == '\0')
            return err_set(e, "`%s` at byte %zu contains a NUL", field_names[f], v->at[f].off);
        if (n + c_len >= sizeof m->name)
            break;
        memcpy(m->name + n, c, c_len);
        n += c_len;
        p += used;
        left -= used;
    }
    if (left > 0)
        n = dap_utf8_whole(m->name, n);
    m->name[n] = '\0';
    return 0;
}

static int read_type(struct dap_message *m, const struct envelope *v, struct err *e)
{
    static const char *const types[] = {[DAP_REQUEST] = "request", [DAP_RESPONSE] = "response", [DAP_EVENT] = "event"};

    if (!v->at[TYPE].len)
        return err_set(e, "the message has no `type`");
    for (size_t i = 0; v->value[TYPE].kind == DAP_JSON_STRING && i < sizeof types / sizeof *types; i++) {
        if (dap_json_equals(m->text, v->at[TYPE], types[i])) {
            m->type = (enum dap_type)i;
            return 0;
        }
    }
    return err_set(e, "`type` at byte %zu is not request, response or event", v->at[TYPE].off);
}

int dap_message_scan(struct dap_message *m, const char *text, size_t len, struct err *e)
{
    struct envelope v = {0};
    *m = (struct dap_message){.text = text, .len = len};
    if (collect(&v, text, len, false, e) < 0 || read_type(m, &v, e) < 0 || read_integer(text, &v, SEQ, &m->seq, e) < 0)
        return -1;
    m->seq_at = v.at[SEQ];
    if (read_name(m, &v, m->type == DAP_EVENT ? EVENT : COMMAND, e) < 0)
        return -1;
    m->payload_at = v.at[m->type == DAP_REQUEST ? ARGUMENTS : BODY];
    if (m->type != DAP_RESPONSE)
        return 0;
    if (read_integer(text, &v, REQUEST_SEQ, &m->request_seq, e) < 0)
        return -1;
    m->request_seq_at = v.at[REQUEST_SEQ];
    if (v.value[SUCCESS].kind != DAP_JSON_TRUE && v.value[SUCCESS].kind != DAP_JSON_FALSE)
        return err_set(e, "the response has no boolean `success`");
    m->success = v.value[SUCCESS].kind == DAP_JSON_TRUE;
    return 0;
}

int dap_message_scan_prefix(struct dap_message *m, const char *text, size_t len, struct err *e)
{
    struct envelope v = {0};
    *m = (struct dap_message){.text = text, .len = len};
    if (collect(&v, text, len, true, e) < 0 || read_type(m, &v, e) < 0)
        return -1;
    if (v.at[SEQ].len) {
        if (read_integer(text, &v, SEQ, &m->seq, e) < 0)
            return -1;
        m->seq_at = v.at[SEQ];
    }
    m->success = v.value[SUCCESS].kind == DAP_JSON_TRUE;
    if (m->type == DAP_RESPONSE) {
        if (read_integer(text, &v, REQUEST_SEQ, &m->request_seq, e) < 0)
            return -1;
        m->request_seq_at = v.at[REQUEST_SEQ];
        return v.at[COMMAND].len ? read_name(m, &v, COMMAND, e) : 0;
    }
    return read_name(m, &v, m->type == DAP_EVENT ? EVENT : COMMAND, e);
}

void dap_edits_init(struct dap_edits *edits)
{
    *edits = (struct dap_edits){0};
    buf_init(&edits->replacements, EDITS_BYTES_MAX);
}

void dap_edits_free(struct dap_edits *edits)
{
    free(edits->list);
    buf_free(&edits->replacements);
    dap_edits_init(edits);
}

int dap_edits_add(struct dap_edits *edits, struct dap_span at, const char *replacement, size_t len)
{
    if (edits->count == DAP_EDITS_MAX || len > EDITS_BYTES_MAX - edits->replacements.len) {
        edits->is_full = true;
        return -1;
    }
    if (edits->count == edits->cap) {
        size_t cap = edits->cap ? 2 * edits->cap : EDITS_FIRST;
        struct dap_edit *list = realloc(edits->list, cap * sizeof *list);
        if (!list)
            return -1;
        edits->list = list;
        edits->cap = cap;
    }
    size_t off = edits->replacements.len;
    buf_append(&edits->replacements, replacement, len);
    if (edits->replacements.failed)
        return -1;
    edits->list[edits->count++] = (struct dap_edit){.at = at, .replacement_off = off, .replacement_len = len};
    return 0;
}

int dap_edits_add_int(struct dap_edits *edits, struct dap_span at, int64_t value)
{
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%" PRId64, value);
    return dap_edits_add(edits, at, digits, (size_t)n);
}

static int by_offset(const void *a, const void *b)
{
    const struct dap_edit *x = a, *y = b;
    return (x->at.off > y->at.off) - (x->at.off < y->at.off);
}

int dap_message_write(const struct dap_message *m, struct dap_edits *edits, struct buf *out, size_t *body_len)
{
    size_t count = edits ? edits->count : 0;
    size_t total = m->len;
    if (count > 1)
        qsort(edits->list, count, sizeof *edits->list, by_offset);
    size_t done = 0;
    for (size_t i = 0; i < count; i++) {
        const struct dap_edit *edit = &edits->list[i];
        if (edit->at.off < done || edit->at.len > m->len || edit->at.off > m->len - edit->at.len)
            return -1;
        done = edit->at.off + edit->at.len;
        total = total - edit->at.len + edit->replacement_len;
    }
    if (body_len)
        *body_len = total;

    char header[HEADER_ROOM];
    int n = snprintf(header, sizeof header, "Content-Length: %zu\r\n\r\n", total);
    size_t start = out->len;
    buf_append(out, header, (size_t)n);
    done = 0;
    for (size_t i = 0; i < count; i++) {
        const struct dap_edit *edit = &edits->list[i];
        buf_append(out, m->text + done, edit->at.off - done);
        buf_append(out, edits->replacements.data + edit->replacement_off, edit->replacement_len);
        done = edit->at.off + edit->at.len;
    }
    buf_append(out, m->text + done, m->len - done);
    if (!out->failed)
        return 0;
    /* No half frame stays behind. */
    out->len = start;
    if (out->data)
        out->data[start] = '\0';
    return -1;
}
