#include "dap/tree.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dap/buf.h"
#include "dap/json.h"
#include "dap/utf8.h"

enum {
    PATH_LEVELS = 4,      /* of the path to an attribute; what is deeper is not named */
    PATH_BYTES_MAX = 256, /* of that path */
    ESCAPE = 6,           /* bytes of \uXXXX */
    HEX = 16
};

static const struct {
    const char *name;
    size_t bytes, values;
    size_t flags; /* jansson's */
} kinds[] = {
    [DAP_TREE_ARGUMENTS] = {"the arguments", DAP_ARGUMENTS_BYTES_MAX, DAP_ARGUMENTS_VALUES_MAX, 0},
    [DAP_TREE_REQUEST] = {"the arguments", DAP_REQUEST_BYTES_MAX, DAP_REQUEST_VALUES_MAX, JSON_ALLOW_NUL},
    [DAP_TREE_BODY] = {"the body", DAP_BODY_BYTES_MAX, DAP_BODY_VALUES_MAX, JSON_ALLOW_NUL},
    [DAP_TREE_KEPT] = {"the body", DAP_KEPT_BYTES_MAX, DAP_KEPT_VALUES_MAX, JSON_ALLOW_NUL},
};

static bool is_value(enum dap_json_kind kind)
{
    return kind != DAP_JSON_KEY && kind != DAP_JSON_OBJECT_END && kind != DAP_JSON_ARRAY_END;
}

/* Counts the values, up to one more than the bound. What is no JSON is left to jansson. */
static size_t count_values(const char *text, size_t len, size_t most)
{
    struct dap_json j;
    struct dap_json_token t;
    size_t count = 0;
    dap_json_init(&j, text, len);
    while (count <= most && (t = dap_json_next(&j)).kind != DAP_JSON_END && t.kind != DAP_JSON_ERROR)
        count += is_value(t.kind);
    return count;
}

/* --- what jansson refused, reported by name --- */

/* Where a walk is in one of the containers that are open. */
struct level {
    struct dap_span key; /* the last one; len 0: an array */
    size_t index;        /* values so far */
};

/* Notes a token that j has just passed. */
static void follow(struct level levels[PATH_LEVELS], const struct dap_json *j, struct dap_json_token t)
{
    bool opens = t.kind == DAP_JSON_OBJECT || t.kind == DAP_JSON_ARRAY;
    size_t around = opens ? j->depth - 1 : j->depth;
    if (around > 0 && around <= PATH_LEVELS) {
        if (t.kind == DAP_JSON_KEY)
            levels[around - 1].key = t.at;
        levels[around - 1].index += is_value(t.kind);
    }
    if (opens && j->depth <= PATH_LEVELS)
        levels[j->depth - 1] = (struct level){0};
}

/* Writes the path of a value: `env.HOME`, `args[2]`. depth: how many containers are around it. */
static void write_path(const struct level levels[PATH_LEVELS], const char *text, size_t depth, struct buf *out)
{
    for (size_t i = 0; i < depth && i < PATH_LEVELS; i++) {
        struct dap_span key = levels[i].key;
        if (key.len == 0)
            buf_printf(out, "[%zu]", levels[i].index - 1);
        else
            buf_printf(out, "%s%.*s", i ? "." : "", (int)key.len - 2, text + key.off + 1);
    }
}

static unsigned unicode(const char *escape)
{
    char digits[ESCAPE - 1] = {escape[2], escape[3], escape[4], escape[5]};
    return (unsigned)strtoul(digits, NULL, HEX);
}

/* Whether the escape at text, with left bytes of its string behind it, is one of a character. *used: bytes of it. */
static const char *check_escape(const char *text, size_t left, bool nul, size_t *used)
{
    enum { HIGH = 0xD800, LOW = 0xDC00, END = 0xE000 };
    *used = 2;
    if (text[1] != 'u')
        return NULL;
    unsigned code = unicode(text);
    *used = ESCAPE;
    if (code == 0 && nul)
        return "contains \\u0000, which a path, argument or variable cannot; remove it";
    if (code < HIGH || code >= END)
        return NULL;
    *used = 2 * (size_t)ESCAPE;
    bool is_pair = code < LOW && left >= *used && text[ESCAPE] == '\\' && text[ESCAPE + 1] == 'u' &&
                   unicode(text + ESCAPE) >= LOW && unicode(text + ESCAPE) < END;
    return is_pair ? NULL : "contains half of a surrogate pair, which is not a character; correct it";
}

/* What is wrong with a string or key; NULL: nothing. *at: where. */
static const char *check_string(const char *text, struct dap_span string, bool nul, size_t *at)
{
    size_t end = string.off + string.len - 1;
    for (size_t i = string.off + 1, used; i < end; i += used) {
        const char *wrong = NULL;
        if (text[i] == '\\') {
            wrong = check_escape(text + i, end - i, nul, &used);
        } else {
            used = dap_utf8_sequence(text + i, end - i);
            wrong = used ? NULL : "is not valid UTF-8; save it as UTF-8";
        }
        *at = i;
        if (wrong)
            return wrong;
    }
    return NULL;
}

/* The number is followed by something else: the end of its container. */
static const char *check_number(const char *text, struct dap_span number)
{
    static const char too_large[] = "is a number that is too large";
    int64_t integer;
    if (!memchr(text + number.off, '.', number.len) && !memchr(text + number.off, 'e', number.len) &&
        !memchr(text + number.off, 'E', number.len))
        return dap_json_integer(text, number, &integer) < 0 ? too_large : NULL;
    return isinf(strtod(text + number.off, NULL)) ? too_large : NULL;
}

/* Looks for what jansson refuses and the grammar allows. name: of the whole. Returns whether it was found. */
static bool explain(const char *text, size_t len, bool nul, const char *name, struct err *e)
{
    struct dap_json j;
    struct dap_json_token t;
    struct level levels[PATH_LEVELS] = {0};
    const char *wrong = NULL;
    size_t at = 0;
    bool is_key = false;
    dap_json_init(&j, text, len);
    while (!wrong && (t = dap_json_next(&j)).kind != DAP_JSON_END && t.kind != DAP_JSON_ERROR) {
        is_key = t.kind == DAP_JSON_KEY;
        at = t.at.off;
        if (is_key || t.kind == DAP_JSON_STRING)
            wrong = check_string(text, t.at, nul || is_key, &at);
        else if (t.kind == DAP_JSON_NUMBER && j.depth > 0)
            wrong = check_number(text, t.at);
        if (!wrong || !is_key)
            follow(levels, &j, t);
    }
    if (!wrong)
        return false;
    struct buf path;
    buf_init(&path, PATH_BYTES_MAX);
    write_path(levels, text, is_key ? j.depth - 1 : j.depth, &path);
    err_set(e, "%s%s %s (byte %zu of %zu)", is_key ? "a name in " : "", path.len ? path.data : name, wrong, at, len);
    buf_free(&path);
    return true;
}

bool dap_tree_fits(const char *text, size_t len, enum dap_tree_of of, struct err *e)
{
    if (len > kinds[of].bytes) {
        err_set(e, "%s: %zu bytes exceed the limit of %zu KiB; send less", kinds[of].name, len, kinds[of].bytes >> 10);
        return false;
    }
    if (count_values(text, len, kinds[of].values) > kinds[of].values) {
        err_set(e, "%s: more than the limit of %zu values (objects, arrays, strings, numbers); send less",
                kinds[of].name, kinds[of].values);
        return false;
    }
    return true;
}

int dap_tree_read(const char *text, size_t len, enum dap_tree_of of, json_t **tree, struct err *e)
{
    json_error_t why;
    *tree = NULL;
    if (!dap_tree_fits(text, len, of, e))
        return 1;
    *tree = json_loadb(text, len, kinds[of].flags | JSON_DECODE_ANY, &why);
    if (*tree)
        return 0;
    if (json_error_code(&why) == json_error_out_of_memory)
        return err_set(e, "out of memory");
    if (!explain(text, len, !(kinds[of].flags & JSON_ALLOW_NUL), kinds[of].name, e))
        err_set(e, "%s: cannot be read: %s (byte %d of %zu)", kinds[of].name, why.text, why.position, len);
    return 1;
}

int dap_tree_payload(const struct dap_message *m, enum dap_tree_of of, json_t **tree, struct err *e)
{
    const char *text = m->text + m->payload_at.off;
    *tree = NULL;
    if (m->payload_at.len == 0 || text[0] == 'n')
        return 0;
    if (text[0] != '{') {
        err_set(e, "%s: expected an object, not %s", kinds[of].name,
                text[0] == '['   ? "an array"
                : text[0] == '"' ? "a string"
                                 : "a single value");
        return 1;
    }
    return dap_tree_read(text, m->payload_at.len, of, tree, e);
}
