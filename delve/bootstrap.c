#include "delve/bootstrap.h"

#include <stdbool.h>
#include <string.h>

#include "bootstrap_sh.h"

enum { CRC_POLYNOMIAL = 0x04c11db7, CRC_TOP = 24, BITS = 8 };

static uint32_t crc_byte(uint32_t crc, unsigned char byte)
{
    crc ^= (uint32_t)byte << CRC_TOP;
    for (int i = 0; i < BITS; i++)
        crc = crc & 0x80000000U ? crc << 1 ^ CRC_POLYNOMIAL : crc << 1;
    return crc;
}

uint32_t bootstrap_crc(const void *bytes, size_t n)
{
    const unsigned char *from = bytes;
    uint32_t crc = 0;
    for (size_t i = 0; i < n; i++)
        crc = crc_byte(crc, from[i]);
    for (size_t rest = n; rest; rest >>= BITS)
        crc = crc_byte(crc, (unsigned char)(rest & 0xff));
    return ~crc;
}

/* Whether a line of the script goes on in the next one: else a semicolon has to stand between them. */
static bool goes_on(const char *line, size_t len)
{
    static const char *const ends[] = {"{", " do", " then", "&&", "||"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t n = strlen(ends[i]);
        if (len >= n && memcmp(line + len - n, ends[i], n) == 0)
            return true;
    }
    return false;
}

/* The script as one line, without its comments. */
static void put_script(struct buf *out)
{
    const char *at = (const char *)bootstrap_sh, *end = at + sizeof bootstrap_sh;
    const char *between = "";
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop)
            stop = end;
        while (at < stop && *at == ' ')
            at++;
        if (at < stop && *at != '#') {
            buf_puts(out, between);
            buf_append(out, at, (size_t)(stop - at));
            between = goes_on(at, (size_t)(stop - at)) ? " " : "; ";
        }
        at = stop + 1;
    }
}

static bool is_word(const char *text)
{
    static const char allowed[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
    size_t n = strspn(text, allowed);
    return n > 0 && n <= BOOTSTRAP_WORD_MAX && !text[n];
}

static bool are_words(const char *client, const char *nonce, const struct bootstrap_program *programs, size_t count)
{
    bool ok = is_word(client) && is_word(nonce);
    for (size_t i = 0; i < count; i++)
        ok = ok && is_word(programs[i].arch) && is_word(programs[i].hash);
    return ok;
}

static void put_arguments(struct buf *out, const char *client, const char *nonce, size_t hello_size,
                          const struct bootstrap_program *programs, size_t count)
{
    buf_printf(out, " %s %s %zu", client, nonce, hello_size);
    for (size_t i = 0; i < count; i++)
        buf_printf(out, " %s:%s:%zu:%lu", programs[i].arch, programs[i].hash, programs[i].size,
                   (unsigned long)programs[i].crc);
}

int bootstrap_line(struct buf *out, const char *client, const char *nonce, size_t hello_size,
                   const struct bootstrap_program *programs, size_t count)
{
    size_t begin = out->len;
    if (!are_words(client, nonce, programs, count))
        return -1;
    buf_puts(out, "exec sh -c '");
    put_script(out);
    buf_puts(out, "' delvegate");
    put_arguments(out, client, nonce, hello_size, programs, count);
    return out->failed || out->len - begin > BOOTSTRAP_LINE_MAX ? -1 : 0;
}

int bootstrap_script(struct buf *out, const char *client, const char *nonce, size_t hello_size,
                     const struct bootstrap_program *programs, size_t count)
{
    char newlines[BOOTSTRAP_PADDING];
    if (bootstrap_line(out, client, nonce, hello_size, programs, count) < 0)
        return -1;
    memset(newlines, '\n', sizeof newlines);
    buf_append(out, newlines, sizeof newlines);
    return out->failed ? -1 : 0;
}
