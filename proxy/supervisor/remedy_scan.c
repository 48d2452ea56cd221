/* Remedies: JSON as the go command writes it, piece by piece. */
#include "proxy/supervisor/remedy_scan.h"

#include <stdlib.h>
#include <string.h>

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

static char peek(struct scan *s)
{
    while (s->at < s->end && strchr(" \t\r\n", *s->at) && *s->at)
        s->at++;
    return s->at < s->end ? *s->at : '\0';
}

void scan_fail(struct scan *s)
{
    s->failed = true;
}

/* Takes a sign that must be there. */
static void take(struct scan *s, char sign)
{
    if (peek(s) == sign)
        s->at++;
    else
        scan_fail(s);
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
        scan_fail(s);
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
        scan_fail(s);
        return 0;
    }
    to[0] = bytes[p - escapes];
    return 1;
}

void scan_string(struct scan *s, char *text)
{
    size_t n = 0;
    take(s, '"');
    while (!s->failed && s->at < s->end && *s->at != '"') {
        if (n + HEX_DIGITS >= SUPERVISOR_PATH_MAX || !*s->at) {
            scan_fail(s);
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
        scan_fail(s);
}

void scan_object(struct scan *s, scan_member member, void *arg)
{
    char key[SUPERVISOR_PATH_MAX];
    if (peek(s) != '{') {
        skip_word(s); /* null */
        return;
    }
    if (++s->depth > JSON_DEPTH_MAX)
        scan_fail(s);
    take(s, '{');
    while (!s->failed && peek(s) != '}') {
        scan_string(s, key);
        take(s, ':');
        if (!s->failed)
            member(s, key, arg);
        if (peek(s) != '}')
            take(s, ',');
    }
    take(s, '}');
    s->depth--;
}

void scan_array(struct scan *s, scan_element element, void *arg)
{
    if (peek(s) != '[') {
        skip_word(s); /* null */
        return;
    }
    if (++s->depth > JSON_DEPTH_MAX)
        scan_fail(s);
    take(s, '[');
    while (!s->failed && peek(s) != ']') {
        element(s, arg);
        if (peek(s) != ']')
            take(s, ',');
    }
    take(s, ']');
    s->depth--;
}

/* Of any length, and whatever is in it. */
static void skip_string(struct scan *s)
{
    take(s, '"');
    while (!s->failed && s->at < s->end && *s->at != '"')
        s->at += *s->at == '\\' && s->end - s->at > 1 ? 2 : 1;
    take(s, '"');
}

static void skip_member(struct scan *s, const char *key, void *arg)
{
    (void)key;
    scan_skip(s, arg);
}

void scan_skip(struct scan *s, void *arg)
{
    switch (peek(s)) {
    case '{':
        scan_object(s, skip_member, arg);
        break;
    case '[':
        scan_array(s, scan_skip, arg);
        break;
    case '"':
        skip_string(s);
        break;
    default:
        skip_word(s);
    }
}

bool scan_all(const char *text, size_t len, scan_member member, void *arg)
{
    struct scan s = {.at = text, .end = text + len};
    if (peek(&s) != '{')
        return false;
    scan_object(&s, member, arg);
    return !s.failed && peek(&s) == '\0' && s.at == s.end;
}
