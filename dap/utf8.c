#include "dap/utf8.h"

#include <stdbool.h>

enum { SEQUENCE_MAX = 4 };

static bool is_continuation(unsigned char c)
{
    return (c & 0xC0U) == 0x80U;
}

/* Whether second may follow first: leaves out overlong forms, surrogates and what is above U+10FFFF. */
static bool second_fits(unsigned char first, unsigned char second)
{
    if (!is_continuation(second))
        return false;
    switch (first) {
    case 0xE0:
        return second >= 0xA0;
    case 0xED:
        return second <= 0x9F;
    case 0xF0:
        return second >= 0x90;
    case 0xF4:
        return second <= 0x8F;
    default:
        return true;
    }
}

/* Bytes of the sequence that c begins, 0 when none begins so. */
static size_t wanted(unsigned char c)
{
    if (c < 0x80)
        return 1;
    if (c < 0xC2 || c > 0xF4)
        return 0;
    return c < 0xE0 ? 2 : c < 0xF0 ? 3 : SEQUENCE_MAX;
}

/* How many bytes at text are the start of a sequence, whole or not. */
static size_t started(const unsigned char *text, size_t len, size_t want)
{
    size_t n = 1;
    while (n < want && n < len && (n == 1 ? second_fits(text[0], text[1]) : is_continuation(text[n])))
        n++;
    return n;
}

size_t dap_utf8_sequence(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t want = len ? wanted(p[0]) : 0;
    return want && started(p, len, want) == want ? want : 0;
}

size_t dap_utf8_broken(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t want = wanted(p[0]);
    return want ? started(p, len, want) : 1;
}

size_t dap_utf8_whole(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    for (size_t back = 1; back < SEQUENCE_MAX && back <= len; back++) {
        const unsigned char *start = p + (len - back);
        if (is_continuation(*start))
            continue;
        size_t want = wanted(*start);
        return want > back && started(start, back, want) == back ? len - back : len;
    }
    return len;
}
