#include "config/json.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config/problems.h"
#include "dap/buf.h"

struct reader {
    const char *text;
    size_t len, pos;
    int line, column, depth;
    struct config_problem *problem;
};

struct position {
    int line, column;
};

static int peek(const struct reader *r)
{
    return r->pos < r->len ? (unsigned char)r->text[r->pos] : -1;
}

static void step(struct reader *r)
{
    int c = (unsigned char)r->text[r->pos++];
    if (c == '\n') {
        r->line++;
        r->column = 1;
        return;
    }
    /* A character begins with any byte but a continuation byte of UTF-8. */
    int next = peek(r);
    if (next < 0 || (next & 0xc0) != 0x80)
        r->column++;
}

static struct position here(const struct reader *r)
{
    return (struct position){.line = r->line, .column = r->column};
}

static int fail_at(struct reader *r, struct position at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int fail_at(struct reader *r, struct position at, const char *fmt, ...)
{
    va_list ap;
    char *text = NULL;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    *r->problem = (struct config_problem){.line = at.line, .column = at.column, .text = n < 0 ? NULL : text};
    return -1;
}

static int skip_comment(struct reader *r)
{
    struct position start = here(r);
    step(r);
    if (peek(r) == '/') {
        while (peek(r) >= 0 && peek(r) != '\n' && peek(r) != '\r')
            step(r);
        return 0;
    }
    if (peek(r) != '*')
        return fail_at(r, start, "unexpected \"/\"; a comment begins with // or /*");
    step(r);
    for (int last = 0; peek(r) >= 0; step(r)) {
        if (last == '*' && peek(r) == '/') {
            step(r);
            return 0;
        }
        last = peek(r);
    }
    return fail_at(r, start, "this comment is never closed; end it with */");
}

static int skip_blank(struct reader *r)
{
    for (;;) {
        int c = peek(r);
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
            step(r);
        else if (c != '/')
            return 0;
        else if (skip_comment(r) < 0)
            return -1;
    }
}

/* What stands where something else was expected. */
static int unexpected(struct reader *r, const char *expected)
{
    int c = peek(r);
    if (c < 0)
        return fail_at(r, here(r), "the file ends here; expected %s", expected);
    if (c == '#')
        return fail_at(r, here(r), "unexpected \"#\"; a comment begins with // or /*");
    if (c == '\'')
        return fail_at(r, here(r), "unexpected \"'\"; keys and strings are written in double quotes");
    if (c > ' ' && c < 0x7f && c != '"')
        return fail_at(r, here(r), "unexpected \"%c\"; expected %s", c, expected);
    if (c == '"')
        return fail_at(r, here(r), "unexpected string; expected %s", expected);
    return fail_at(r, here(r), "unexpected byte 0x%02x; expected %s", (unsigned)c, expected);
}

/* jansson has no words of its own for this: none at all, or those for an invalid token. What is wrong with a string
   that is closed always has others. */
static bool ran_out_of_memory(const json_error_t *error, bool is_string)
{
    static const char token[] = "invalid token";
    return json_error_code(error) == json_error_out_of_memory || !error->text[0] ||
           (is_string && strncmp(error->text, token, strlen(token)) == 0);
}

/* jansson decodes single strings and numbers: it knows escapes, surrogates, UTF-8 and ranges. */
static json_t *decode(struct reader *r, size_t start, struct position at, const char *what)
{
    json_error_t error;
    json_t *value = json_loadb(r->text + start, r->pos - start, JSON_DECODE_ANY, &error);
    if (value)
        return value;
    if (ran_out_of_memory(&error, r->text[start] == '"')) {
        *r->problem = (struct config_problem){0};
        return NULL;
    }
    char *near = strstr(error.text, " near ");
    if (near)
        *near = '\0';
    if (json_error_code(&error) == json_error_null_character)
        fail_at(r, at, "this %s contains a NUL character (\\u0000); leave it out", what);
    else if (json_error_code(&error) == json_error_invalid_utf8)
        fail_at(r, at, "this %s is not valid UTF-8; save the file as UTF-8", what);
    else if (json_error_code(&error) == json_error_numeric_overflow)
        fail_at(r, at, "this %s is too large", what);
    else
        fail_at(r, at, "this %s is not valid JSON: %s", what, error.text);
    return NULL;
}

static json_t *read_string(struct reader *r)
{
    size_t start = r->pos;
    struct position at = here(r);
    for (step(r); peek(r) != '"'; step(r)) {
        if (peek(r) == '\\')
            step(r);
        if (peek(r) < 0 || peek(r) == '\n') {
            fail_at(r, at, "this string is not closed on its line; end it with \"");
            return NULL;
        }
    }
    step(r);
    return decode(r, start, at, "string");
}

static json_t *read_word(struct reader *r)
{
    struct position at = here(r);
    size_t start = r->pos;
    while (isalnum(peek(r)) || peek(r) == '_' || peek(r) == '.' || peek(r) == '+' || peek(r) == '-')
        step(r);
    const char *word = r->text + start;
    size_t len = r->pos - start;
    if (len == 4 && memcmp(word, "true", len) == 0)
        return json_true();
    if (len == 5 && memcmp(word, "false", len) == 0)
        return json_false();
    if (len == 4 && memcmp(word, "null", len) == 0)
        return json_null();
    if (isdigit((unsigned char)*word) || *word == '-')
        return decode(r, start, at, "number");
    fail_at(r, at, "unknown word \"%.*s\"; keys and strings are written in double quotes",
            len > CONFIG_QUOTE_MAX ? CONFIG_QUOTE_MAX : (int)len, word);
    return NULL;
}

static struct config_json *read_value(struct reader *r);

/* Reads `"key" :`. seen maps the object's keys to their lines. */
static int read_key(struct reader *r, json_t *seen, struct config_json *into)
{
    if (peek(r) != '"')
        return unexpected(r, "a key in double quotes or \"}\"");
    into->key_line = r->line;
    into->key_column = r->column;
    json_t *name = read_string(r);
    if (!name)
        return -1;
    const char *key = json_string_value(name);
    const json_t *first = json_object_get(seen, key);
    int failed = -1;
    into->key = strdup(key);
    if (first)
        into->first_line = (int)json_integer_value(first);
    if (into->key && (first || json_object_set_new(seen, key, json_integer(into->key_line)) == 0))
        failed = 0;
    json_decref(name);
    if (failed || skip_blank(r) < 0)
        return -1;
    if (peek(r) != ':')
        return unexpected(r, "\":\" after the key");
    step(r);
    return skip_blank(r);
}

static int read_item(struct reader *r, json_t *seen, struct config_json ***tail)
{
    struct config_json key = {0};
    struct config_json *item = NULL;
    if (!seen || read_key(r, seen, &key) == 0)
        item = read_value(r);
    if (!item) {
        free(key.key);
        return -1;
    }
    item->key = key.key;
    item->key_line = key.key_line;
    item->key_column = key.key_column;
    item->first_line = key.first_line;
    **tail = item;
    *tail = &item->next;
    return 0;
}

/* Reads the inside of an object (with seen) or a list, up to its closing bracket. */
static int read_items(struct reader *r, struct config_json *node, json_t *seen)
{
    int close = seen ? '}' : ']';
    struct config_json **tail = &node->child;
    if (r->depth >= CONFIG_DEPTH_MAX)
        return fail_at(r, here(r), "nested too deeply; at most %d levels are allowed", CONFIG_DEPTH_MAX);
    r->depth++;
    step(r);
    for (;;) {
        if (skip_blank(r) < 0)
            return -1;
        if (peek(r) == close)
            break;
        if (peek(r) < 0)
            return fail_at(r, here(r), "the file ends before the \"%c\" at line %d, column %d is closed; add \"%c\"",
                           seen ? '{' : '[', node->line, node->column, close);
        if (read_item(r, seen, &tail) < 0 || skip_blank(r) < 0)
            return -1;
        if (peek(r) == ',')
            step(r);
        else if (peek(r) != close && peek(r) >= 0)
            return unexpected(r, seen ? "\",\" or \"}\"" : "\",\" or \"]\"");
    }
    step(r);
    r->depth--;
    return 0;
}

static int fill(struct reader *r, struct config_json *node)
{
    int c = peek(r);
    if (c == '[') {
        node->kind = CONFIG_JSON_LIST;
        return read_items(r, node, NULL);
    }
    if (c == '{') {
        node->kind = CONFIG_JSON_OBJECT;
        json_t *seen = json_object();
        int failed = seen ? read_items(r, node, seen) : -1;
        json_decref(seen);
        return failed;
    }
    if (c == '"')
        node->scalar = read_string(r);
    else if (isalnum(c) || c == '-')
        node->scalar = read_word(r);
    else
        return unexpected(r, "a value");
    return node->scalar ? 0 : -1;
}

static struct config_json *read_value(struct reader *r)
{
    struct config_json *node = calloc(1, sizeof(*node));
    if (!node)
        return NULL;
    node->kind = CONFIG_JSON_SCALAR;
    node->line = r->line;
    node->column = r->column;
    if (fill(r, node) == 0)
        return node;
    config_json_free(node);
    return NULL;
}

struct config_json *config_json_read(const char *text, size_t len, struct config_problem *problem)
{
    static const char bom[] = "\xef\xbb\xbf";
    struct reader r = {.text = text, .len = len, .line = 1, .column = 1, .problem = problem};
    *problem = (struct config_problem){0};
    if (len > CONFIG_TEXT_MAX) {
        fail_at(&r, here(&r), "the file is larger than %d bytes", CONFIG_TEXT_MAX);
        return NULL;
    }
    if (len >= sizeof(bom) - 1 && memcmp(text, bom, sizeof(bom) - 1) == 0)
        r.pos = sizeof(bom) - 1;
    if (skip_blank(&r) < 0)
        return NULL;
    if (peek(&r) < 0) {
        fail_at(&r, here(&r), "the file is empty; write {} to take the defaults");
        return NULL;
    }
    struct config_json *root = read_value(&r);
    if (!root)
        return NULL;
    if (skip_blank(&r) == 0) {
        if (peek(&r) < 0)
            return root;
        unexpected(&r, "the end of the file");
    }
    config_json_free(root);
    return NULL;
}

void config_json_free(struct config_json *node)
{
    while (node) {
        struct config_json *next = node->next;
        config_json_free(node->child);
        json_decref(node->scalar);
        free(node->key);
        free(node);
        node = next;
    }
}

const struct config_json *config_json_member(const struct config_json *node, const char *key)
{
    if (!node || node->kind != CONFIG_JSON_OBJECT)
        return NULL;
    for (const struct config_json *child = node->child; child; child = child->next)
        if (strcmp(child->key, key) == 0)
            return child;
    return NULL;
}

const char *config_json_string(const struct config_json *node)
{
    return node && node->scalar ? json_string_value(node->scalar) : NULL;
}

json_t *config_json_value(const struct config_json *node)
{
    if (node->kind == CONFIG_JSON_SCALAR)
        return json_incref(node->scalar);
    bool list = node->kind == CONFIG_JSON_LIST;
    json_t *value = list ? json_array() : json_object();
    for (const struct config_json *child = node->child; child && value; child = child->next) {
        json_t *own = config_json_value(child);
        if ((list ? json_array_append_new(value, own) : json_object_set_new(value, child->key, own)) < 0) {
            json_decref(value);
            value = NULL;
        }
    }
    return value;
}
