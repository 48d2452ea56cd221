#include "dap/json.h"

#include <assert.h>
#include <string.h>

/* What may come next. */
enum expect {
    EXPECT_VALUE,          /* a value */
    EXPECT_VALUE_OR_CLOSE, /* a value or `]`: after `[` */
    EXPECT_KEY,            /* a key: after a comma */
    EXPECT_KEY_OR_CLOSE,   /* a key or `}`: after `{` */
    EXPECT_COMMA_OR_CLOSE, /* after a value inside a container */
    EXPECT_NOTHING,        /* after the outermost value */
    EXPECT_FAILED
};

enum { BITS = 8, HEX_DIGITS = 4, FIRST_PRINTABLE = 0x20 };

void dap_json_init(struct dap_json *j, const char *text, size_t len)
{
    *j = (struct dap_json){.text = text, .len = len, .expect = EXPECT_VALUE};
}

static struct dap_json_token fail(struct dap_json *j, size_t at, const char *reason)
{
    j->expect = EXPECT_FAILED;
    j->reason = reason;
    j->error_at = at;
    return (struct dap_json_token){.kind = DAP_JSON_ERROR, .at = {.off = at}};
}

static bool in_object(const struct dap_json *j)
{
    size_t top = j->depth - 1;
    return (j->objects[top / BITS] & (1U << (top % BITS))) != 0;
}

static void value_done(struct dap_json *j)
{
    j->expect = j->depth ? EXPECT_COMMA_OR_CLOSE : EXPECT_NOTHING;
}

static struct dap_json_token token(struct dap_json *j, enum dap_json_kind kind, size_t start)
{
    return (struct dap_json_token){.kind = kind, .at = {.off = start, .len = j->off - start}};
}

static struct dap_json_token open(struct dap_json *j, enum dap_json_kind kind)
{
    if (j->depth == DAP_DEPTH_MAX)
        return fail(j, j->off, "nested too deeply");
    size_t byte = j->depth / BITS;
    unsigned bit = 1U << (j->depth % BITS);
    unsigned objects = j->objects[byte];
    j->objects[byte] = (unsigned char)(kind == DAP_JSON_OBJECT ? objects | bit : objects & ~bit);
    j->depth++;
    j->expect = kind == DAP_JSON_OBJECT ? EXPECT_KEY_OR_CLOSE : EXPECT_VALUE_OR_CLOSE;
    j->off++;
    return token(j, kind, j->off - 1);
}

static struct dap_json_token close(struct dap_json *j, enum dap_json_kind kind)
{
    j->depth--;
    j->off++;
    value_done(j);
    return token(j, kind, j->off - 1);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int hex(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Passes the escape whose backslash is at j->off. Returns 0, or -1 after a failure. */
static int escape(struct dap_json *j)
{
    size_t start = j->off++;
    if (j->off == j->len)
        return 0;
    char c = j->text[j->off++];
    if (c != 'u') {
        if (c != '\0' && strchr("\"\\/bfnrt", c))
            return 0;
        fail(j, start, "unknown escape in a string");
        return -1;
    }
    for (int i = 0; i < HEX_DIGITS && j->off < j->len; i++, j->off++) {
        if (hex(j->text[j->off]) < 0) {
            fail(j, start, "\\u without four hexadecimal digits");
            return -1;
        }
    }
    return 0;
}

static struct dap_json_token string(struct dap_json *j, enum dap_json_kind kind)
{
    size_t start = j->off++;
    while (j->off < j->len) {
        unsigned char c = (unsigned char)j->text[j->off];
        if (c == '"') {
            j->off++;
            return token(j, kind, start);
        }
        if (c < FIRST_PRINTABLE)
            return fail(j, j->off, "control character in a string");
        if (c != '\\')
            j->off++;
        else if (escape(j) < 0)
            return (struct dap_json_token){.kind = DAP_JSON_ERROR, .at = {.off = j->error_at}};
    }
    return fail(j, j->len, "the text ends in a string");
}

/* Passes digits; returns how many. */
static size_t digits(struct dap_json *j)
{
    size_t start = j->off;
    while (j->off < j->len && is_digit(j->text[j->off]))
        j->off++;
    return j->off - start;
}

static bool take(struct dap_json *j, char c)
{
    if (j->off == j->len || j->text[j->off] != c)
        return false;
    j->off++;
    return true;
}

static struct dap_json_token number(struct dap_json *j)
{
    size_t start = j->off;
    take(j, '-');
    if (!take(j, '0') && digits(j) == 0)
        return fail(j, start, "a number without digits");
    if (take(j, '.') && digits(j) == 0)
        return fail(j, start, "a number without digits after its decimal point");
    if (take(j, 'e') || take(j, 'E')) {
        if (!take(j, '+'))
            take(j, '-');
        if (digits(j) == 0)
            return fail(j, start, "a number without digits in its exponent");
    }
    /* Inside a container more must follow: a cut number must not be taken for a shorter one. */
    if (j->off == j->len && j->depth)
        return fail(j, j->len, "the text ends in a number");
    value_done(j);
    return token(j, DAP_JSON_NUMBER, start);
}

static struct dap_json_token word(struct dap_json *j, const char *name, enum dap_json_kind kind)
{
    size_t n = strlen(name);
    if (j->len - j->off < n || memcmp(j->text + j->off, name, n) != 0)
        return fail(j, j->off, "an unknown word");
    j->off += n;
    value_done(j);
    return token(j, kind, j->off - n);
}

static struct dap_json_token value(struct dap_json *j)
{
    char c = j->text[j->off];
    switch (c) {
    case '{':
        return open(j, DAP_JSON_OBJECT);
    case '[':
        return open(j, DAP_JSON_ARRAY);
    case '"': {
        struct dap_json_token t = string(j, DAP_JSON_STRING);
        if (t.kind != DAP_JSON_ERROR)
            value_done(j);
        return t;
    }
    case 't':
        return word(j, "true", DAP_JSON_TRUE);
    case 'f':
        return word(j, "false", DAP_JSON_FALSE);
    case 'n':
        return word(j, "null", DAP_JSON_NULL);
    default:
        if (c == '-' || is_digit(c))
            return number(j);
        return fail(j, j->off, "expected a value");
    }
}

static void skip_space(struct dap_json *j)
{
    while (j->off < j->len) {
        char c = j->text[j->off];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            return;
        j->off++;
    }
}

static struct dap_json_token key(struct dap_json *j)
{
    if (j->text[j->off] != '"')
        return fail(j, j->off, "expected a key");
    struct dap_json_token t = string(j, DAP_JSON_KEY);
    if (t.kind == DAP_JSON_ERROR)
        return t;
    skip_space(j);
    if (!take(j, ':'))
        return fail(j, j->off, "expected a colon after a key");
    j->expect = EXPECT_VALUE;
    return t;
}

struct dap_json_token dap_json_next(struct dap_json *j)
{
    if (j->expect == EXPECT_FAILED)
        return (struct dap_json_token){.kind = DAP_JSON_ERROR, .at = {.off = j->error_at}};
    skip_space(j);
    if (j->expect == EXPECT_COMMA_OR_CLOSE && take(j, ',')) {
        j->expect = in_object(j) ? EXPECT_KEY : EXPECT_VALUE;
        skip_space(j);
    }
    if (j->off == j->len) {
        if (j->expect == EXPECT_NOTHING)
            return token(j, DAP_JSON_END, j->off);
        return fail(j, j->len, "the text ends too early");
    }
    char c = j->text[j->off];
    switch (j->expect) {
    case EXPECT_VALUE_OR_CLOSE:
        return c == ']' ? close(j, DAP_JSON_ARRAY_END) : value(j);
    case EXPECT_VALUE:
        return value(j);
    case EXPECT_KEY_OR_CLOSE:
        return c == '}' ? close(j, DAP_JSON_OBJECT_END) : key(j);
    case EXPECT_KEY:
        return key(j);
    case EXPECT_COMMA_OR_CLOSE:
        if (c == '}' && in_object(j))
            return close(j, DAP_JSON_OBJECT_END);
        if (c == ']' && !in_object(j))
            return close(j, DAP_JSON_ARRAY_END);
        return fail(j, j->off, "expected a comma or the end of an object or array");
    default:
        return fail(j, j->off, "more text after the end");
    }
}

static unsigned hex4(const char *text)
{
    unsigned code = 0;
    for (int i = 0; i < HEX_DIGITS; i++)
        code = code << 4 | (unsigned)hex(text[i]);
    return code;
}

enum {
    SURROGATE_HIGH = 0xD800,
    SURROGATE_LOW = 0xDC00,
    SURROGATE_END = 0xE000,
    SURROGATE_BASE = 0x10000,
    REPLACEMENT = 0xFFFD,
    UNICODE_ESCAPE = 6 /* bytes of \uXXXX */
};

static size_t encode(unsigned code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < SURROGATE_BASE) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

size_t dap_json_decode(const char *text, size_t len, char out[4], size_t *out_len)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";

    if (text[0] != '\\') {
        out[0] = text[0];
        *out_len = 1;
        return 1;
    }
    assert(len >= 2);
    if (text[1] != 'u') {
        const char *p = strchr(from, text[1]);
        out[0] = p ? to[p - from] : text[1];
        *out_len = 1;
        return 2;
    }
    assert(len >= UNICODE_ESCAPE);
    unsigned code = hex4(text + 2);
    size_t used = UNICODE_ESCAPE;
    if (code >= SURROGATE_HIGH && code < SURROGATE_END) {
        unsigned low = 0;
        const char *next = text + UNICODE_ESCAPE;
        if (code < SURROGATE_LOW && len >= (size_t)2 * UNICODE_ESCAPE && next[0] == '\\' && next[1] == 'u')
            low = hex4(next + 2);
        if (low >= SURROGATE_LOW && low < SURROGATE_END) {
            code = SURROGATE_BASE + ((code - SURROGATE_HIGH) << 10) + (low - SURROGATE_LOW);
            used += UNICODE_ESCAPE;
        } else {
            code = REPLACEMENT;
        }
    }
    *out_len = encode(code, out);
    return used;
}

bool dap_json_equals(const char *text, struct dap_span at, const char *name)
{
    const char *p = text + at.off + 1;
    size_t left = at.len - 2;
    size_t n = strlen(name);
    while (left > 0) {
        char c[4];
        size_t c_len;
        size_t used = dap_json_decode(p, left, c, &c_len);
        if (c_len > n || memcmp(c, name, c_len) != 0)
            return false;
        name += c_len;
        n -= c_len;
        p += used;
        left -= used;
    }
    return n == 0;
}

int dap_json_integer(const char *text, struct dap_span at, int64_t *value)
{
    const char *p = text + at.off;
    const char *end = p + at.len;
    bool negative = p < end && *p == '-';
    if (negative)
        p++;
    if (p == end)
        return -1;
    int64_t n = 0;
    for (; p < end; p++) {
        if (!is_digit(*p))
            return -1;
        int digit = *p - '0';
        /* Gathered below zero, where there is room for one more. */
        if (n < (INT64_MIN + digit) / 10)
            return -1;
        n = n * 10 - digit;
    }
    if (!negative && n == INT64_MIN)
        return -1;
    *value = negative ? n : -n;
    return 0;
}
