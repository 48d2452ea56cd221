/* Remedies: what `go work edit -json` prints. JSON as Go writes it, with the few members that count. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/supervisor/remedy_parts.h"

enum {
    JSON_DEPTH_MAX = 32,
    HEX = 16,
    HEX_DIGITS = 4,
    UTF8_ONE = 0x80,
    UTF8_TWO = 0x800,
    UTF8_TAIL_BITS = 6,
    REPLACEMENT = 0xfffd, /* what Go prints for bytes that are no UTF-8 */
    SURROGATES = 0xd800,
    SURROGATES_END = 0xe000
};

struct scan {
    const char *at, *end;
    bool failed;
    unsigned depth;
};

typedef void (*scan_member)(struct scan *s, const char *key, void *arg);
typedef void (*scan_element)(struct scan *s, void *arg);

static char peek(struct scan *s)
{
    while (s->at < s->end && strchr(" \t\r\n", *s->at) && *s->at)
        s->at++;
    return s->at < s->end ? *s->at : '\0';
}

static void fail(struct scan *s)
{
    s->failed = true;
}

/* Takes a sign that must be there. */
static void take(struct scan *s, char sign)
{
    if (peek(s) == sign)
        s->at++;
    else
        fail(s);
}

/* The number of \uXXXX; the u is taken. */
static long take_hex(struct scan *s)
{
    char digits[HEX_DIGITS + 1] = "";
    if (s->end - s->at < HEX_DIGITS)
        return -1;
    memcpy(digits, s->at, HEX_DIGITS);
    s->at += HEX_DIGITS;
    return strspn(digits, "0123456789abcdefABCDEF") == HEX_DIGITS ? strtol(digits, NULL, HEX) : -1;
}

/* What Go escapes so are control characters, <, >, &, and the two line separators: no surrogates. */
static size_t take_unicode(struct scan *s, char *to)
{
    long c = take_hex(s);
    if (c <= 0 || c == REPLACEMENT || (c >= SURROGATES && c < SURROGATES_END)) {
        fail(s);
        return 0;
    }
    if (c < UTF8_ONE) {
        to[0] = (char)c;
        return 1;
    }
    size_t n = c < UTF8_TWO ? 2 : 3;
    for (size_t i = n; --i > 0; c >>= UTF8_TAIL_BITS)
        to[i] = (char)(0x80 | (c & 0x3f));
    to[0] = (char)((n == 2 ? 0xc0 : 0xe0) | c);
    return n;
}

static size_t take_escape(struct scan *s, char *to)
{
    static const char escapes[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
    const char *p = s->at < s->end && *s->at ? strchr(escapes, *s->at) : NULL;
    char c = s->at < s->end ? *s->at++ : '\0';
    if (c == 'u')
        return take_unicode(s, to);
    if (!p) {
        fail(s);
        return 0;
    }
    to[0] = bytes[p - escapes];
    return 1;
}

/* A string into text[SUPERVISOR_PATH_MAX]. */
static void take_string(struct scan *s, char *text)
{
    size_t n = 0;
    take(s, '"');
    while (!s->failed && s->at < s->end && *s->at != '"') {
        if (n + HEX_DIGITS >= SUPERVISOR_PATH_MAX || !*s->at) {
            fail(s);
        } else if (*s->at == '\\') {
            s->at++;
            n += take_escape(s, text + n);
        } else {
            text[n++] = *s->at++;
        }
    }
    text[n] = '\0';
    take(s, '"');
}

/* What can't have members: null, numbers, true, false. */
static void skip_word(struct scan *s)
{
    const char *begin = s->at;
    while (s->at < s->end && *s->at && strchr("abcdefghijklmnopqrstuvwxyzE0123456789+-.", *s->at))
        s->at++;
    if (s->at == begin)
        fail(s);
}

static void scan_object(struct scan *s, scan_member member, void *arg)
{
    char key[SUPERVISOR_PATH_MAX];
    if (peek(s) != '{') {
        skip_word(s); /* null */
        return;
    }
    if (++s->depth > JSON_DEPTH_MAX)
        fail(s);
    take(s, '{');
    while (!s->failed && peek(s) != '}') {
        take_string(s, key);
        take(s, ':');
        if (!s->failed)
            member(s, key, arg);
        if (peek(s) != '}')
            take(s, ',');
    }
    take(s, '}');
    s->depth--;
}

static void scan_array(struct scan *s, scan_element element, void *arg)
{
    if (peek(s) != '[') {
        skip_word(s); /* null */
        return;
    }
    if (++s->depth > JSON_DEPTH_MAX)
        fail(s);
    take(s, '[');
    while (!s->failed && peek(s) != ']') {
        element(s, arg);
        if (peek(s) != ']')
            take(s, ',');
    }
    take(s, ']');
    s->depth--;
}

/* A value that does not count. */
static void skip_value(struct scan *s, void *arg);
static void skip_member(struct scan *s, const char *key, void *arg)
{
    (void)key;
    skip_value(s, arg);
}
static void skip_value(struct scan *s, void *arg)
{
    char text[SUPERVISOR_PATH_MAX];
    switch (peek(s)) {
    case '{':
        scan_object(s, skip_member, arg);
        break;
    case '[':
        scan_array(s, skip_value, arg);
        break;
    case '"':
        take_string(s, text);
        break;
    default:
        skip_word(s);
    }
}

/* --- go.work --- */

struct reader {
    const struct remedy_json_handler *handler;
    void *arg;
};

struct module {
    char path[SUPERVISOR_PATH_MAX], version[SUPERVISOR_PATH_MAX];
};

struct replacement {
    struct module old, new;
};

static void module_member(struct scan *s, const char *key, void *arg)
{
    struct module *m = arg;
    if (strcmp(key, "Path") == 0)
        take_string(s, m->path);
    else if (strcmp(key, "Version") == 0)
        take_string(s, m->version);
    else
        skip_value(s, NULL);
}

static void replacement_member(struct scan *s, const char *key, void *arg)
{
    struct replacement *p = arg;
    if (strcmp(key, "Old") == 0)
        scan_object(s, module_member, &p->old);
    else if (strcmp(key, "New") == 0)
        scan_object(s, module_member, &p->new);
    else
        skip_value(s, NULL);
}

static void replacement_element(struct scan *s, void *arg)
{
    const struct reader *r = arg;
    struct replacement p = {{{0}, {0}}, {{0}, {0}}};
    scan_object(s, replacement_member, &p);
    if (!s->failed && !r->handler->replace(r->arg, p.old.path, p.old.version, p.new.path))
        fail(s);
}

static void use_member(struct scan *s, const char *key, void *arg)
{
    if (strcmp(key, "DiskPath") == 0)
        take_string(s, arg);
    else
        skip_value(s, NULL);
}

static void use_element(struct scan *s, void *arg)
{
    const struct reader *r = arg;
    char path[SUPERVISOR_PATH_MAX] = "";
    scan_object(s, use_member, path);
    if (!s->failed && !r->handler->use(r->arg, path))
        fail(s);
}

static void file_member(struct scan *s, const char *key, void *arg)
{
    if (strcmp(key, "Use") == 0)
        scan_array(s, use_element, arg);
    else if (strcmp(key, "Replace") == 0)
        scan_array(s, replacement_element, arg);
    else
        skip_value(s, NULL);
}

bool remedy_json_work(const char *text, size_t len, const struct remedy_json_handler *h, void *arg)
{
    struct scan s = {.at = text, .end = text + len};
    struct reader r = {h, arg};
    if (peek(&s) != '{')
        return false;
    scan_object(&s, file_member, &r);
    return !s.failed && peek(&s) == '\0' && s.at == s.end;
}
