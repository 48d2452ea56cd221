#include "delve/supervisor.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "remote_sh.h"

enum {
    NONCE_MAX = 64,
    NOISE_MAX = 1024,
    ESCAPED = 5 /* characters of \0ooo */
};

/* Ends the here-document that the script finds itself in; no line of the script is this. */
static const char self_end[] = "delvegate_self_end";

int supervisor_script(struct buf *out, const char *nonce)
{
    size_t len = strlen(nonce);
    if (len == 0 || len > NONCE_MAX) {
        out->failed = true;
        return -1;
    }
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)nonce[i])) {
            out->failed = true;
            return -1;
        }
    }
    (void)buf_printf(out, "delvegate_nonce=%s\ndelvegate_self() {\ncat <<'%s'\n", nonce, self_end);
    (void)buf_append(out, remote_sh, sizeof remote_sh);
    (void)buf_printf(out, "%s\n}\n", self_end);
    return buf_append(out, remote_sh, sizeof remote_sh);
}

static bool is_plain(unsigned char c)
{
    return c < 0x80 && (isalnum(c) || (c && strchr("_./:=@%+,-", c)));
}

int supervisor_param(struct buf *out, const char *key, const char *value)
{
    size_t in_line = 0;
    (void)buf_printf(out, "set %s ", key);
    for (const unsigned char *p = (const unsigned char *)value; *p; p++) {
        size_t width = is_plain(*p) ? 1 : ESCAPED;
        if (in_line + width > SUPERVISOR_CHUNK_MAX) {
            (void)buf_puts(out, "\nmore ");
            in_line = 0;
        }
        if (width == 1)
            (void)buf_append(out, p, 1);
        else
            (void)buf_printf(out, "\\0%03o", *p);
        in_line += width;
    }
    return buf_puts(out, "\n");
}

int supervisor_command(struct buf *out, const char *command)
{
    return buf_printf(out, "%s\n", command);
}

enum reader_state { READER_NOISE, READER_GREETED, READER_OPEN };

struct supervisor_reader {
    char nonce[NONCE_MAX + 1];
    enum reader_state state;
    struct buf line;
    bool cut; /* the line is longer than SUPERVISOR_LINE_MAX: the rest of it is passed over */
    char noise[NOISE_MAX + 1];
    size_t noise_len;
};

struct supervisor_reader *supervisor_reader_new(const char *nonce)
{
    struct supervisor_reader *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    (void)snprintf(r->nonce, sizeof r->nonce, "%s", nonce);
    buf_init(&r->line, SUPERVISOR_LINE_MAX);
    return r;
}

void supervisor_reader_free(struct supervisor_reader *r)
{
    if (!r)
        return;
    buf_free(&r->line);
    free(r);
}

static void noise_add(struct supervisor_reader *r, const char *data, size_t len)
{
    if (len > NOISE_MAX) {
        data += len - NOISE_MAX;
        len = NOISE_MAX;
    }
    size_t over = r->noise_len + len > NOISE_MAX ? r->noise_len + len - NOISE_MAX : 0;
    memmove(r->noise, r->noise + over, r->noise_len - over);
    memcpy(r->noise + r->noise_len - over, data, len);
    r->noise_len += len - over;
    /* A NUL would end the text for whoever prints it. */
    for (size_t i = 0; i < r->noise_len; i++)
        if (!r->noise[i])
            r->noise[i] = '?';
    r->noise[r->noise_len] = '\0';
}

/* Adds bytes of one line. A line that grows too long keeps its beginning. Returns 0, -1 when memory ran out. */
static int line_add(struct supervisor_reader *r, const char *data, size_t len)
{
    if (r->cut)
        return 0;
    size_t room = r->line.max - r->line.len;
    if (len > room) {
        len = room;
        r->cut = true;
    }
    return buf_append(&r->line, data, len);
}

static void line_clear(struct supervisor_reader *r)
{
    buf_clear(&r->line);
    r->cut = false;
}

static const char *line_text(const struct supervisor_reader *r)
{
    return r->line.data ? r->line.data : "";
}

static bool ends_with_nonce(const char *rest, const char *nonce)
{
    return *rest == ' ' && strcmp(rest + 1, nonce) == 0;
}

static bool is_mark(const struct supervisor_reader *r, const char *word)
{
    const char *line = line_text(r);
    size_t len = strlen(word);
    return strncmp(line, word, len) == 0 && ends_with_nonce(line + len, r->nonce);
}

static bool is_hello(const struct supervisor_reader *r)
{
    static const char word[] = "delvegate hello ";
    const char *line = line_text(r);
    if (strncmp(line, word, sizeof word - 1) != 0)
        return false;
    line += sizeof word - 1;
    const char *end = line + strspn(line, "0123456789");
    return end > line && ends_with_nonce(end, r->nonce);
}

/* What to do with a whole line, by what has come before. */
enum line_verb { LINE_PASS_OVER, LINE_GIVE };

static enum line_verb line_done(struct supervisor_reader *r)
{
    bool hello = is_hello(r);
    if (r->state != READER_NOISE)
        return LINE_GIVE;
    if (hello || is_mark(r, "delvegate mark")) {
        r->state = READER_GREETED;
        r->noise_len = 0;
        r->noise[0] = '\0';
        return hello ? LINE_GIVE : LINE_PASS_OVER;
    }
    noise_add(r, line_text(r), r->line.len);
    noise_add(r, "\n", 1);
    return LINE_PASS_OVER;
}

int supervisor_reader_feed(struct supervisor_reader *r, const char *data, size_t len,
                           void (*line)(void *arg, const char *line, size_t len), void *arg)
{
    while (len) {
        const char *end = memchr(data, '\n', len);
        size_t part = end ? (size_t)(end - data) : len;
        if (line_add(r, data, part) < 0)
            return -1;
        if (!end)
            return 0;
        if (line_done(r) == LINE_GIVE)
            line(arg, line_text(r), r->line.len);
        line_clear(r);
        data += part + 1;
        len -= part + 1;
    }
    return 0;
}

size_t supervisor_reader_strip(struct supervisor_reader *r, const char *data, size_t len)
{
    while (len && r->state != READER_OPEN) {
        const char *end = memchr(data, '\n', len);
        size_t part = end ? (size_t)(end - data) : len;
        /* Without memory the line is not recognised; the caller's deadline then speaks of the noise. */
        (void)line_add(r, data, part);
        if (!end)
            return 0;
        if (is_mark(r, "delvegate open"))
            r->state = READER_OPEN;
        else if (line_done(r) == LINE_GIVE && !is_hello(r)) {
            noise_add(r, line_text(r), r->line.len);
            noise_add(r, "\n", 1);
        }
        line_clear(r);
        data += part + 1;
        len -= part + 1;
    }
    return len;
}

const char *supervisor_reader_noise(const struct supervisor_reader *r)
{
    return r->noise;
}

bool supervisor_reader_greeted(const struct supervisor_reader *r)
{
    return r->state != READER_NOISE;
}

bool supervisor_reader_open(const struct supervisor_reader *r)
{
    return r->state == READER_OPEN;
}

static bool is_octal(char c)
{
    return c >= '0' && c <= '7';
}

/* Undoes \0ooo in place. A backslash that begins no escape stays as it is. */
static void decode(char *text)
{
    char *to = text;
    for (const char *p = text; *p;) {
        if (p[0] == '\\' && p[1] == '0' && is_octal(p[2]) && is_octal(p[3]) && is_octal(p[4])) {
            int byte = (p[2] - '0') * 64 + (p[3] - '0') * 8 + (p[4] - '0');
            if (byte > 0 && byte <= UCHAR_MAX)
                *to++ = (char)(unsigned char)byte;
            p += ESCAPED;
        } else {
            *to++ = *p++;
        }
    }
    *to = '\0';
}

/* What comes after the kind's word. */
enum line_shape { SHAPE_NONE, SHAPE_TEXT, SHAPE_NAME_TEXT, SHAPE_NUMBER, SHAPE_NUMBER_STATUS, SHAPE_NUMBER_NONCE };

static const struct {
    const char *word;
    enum supervisor_kind kind;
    enum line_shape shape;
} line_table[] = {
    {"delvegate hello", SUPERVISOR_HELLO, SHAPE_NUMBER_NONCE},
    {"tool", SUPERVISOR_TOOL, SHAPE_NAME_TEXT},
    {"fact", SUPERVISOR_FACT, SHAPE_NAME_TEXT},
    {"dir", SUPERVISOR_DIR, SHAPE_TEXT},
    {"ready", SUPERVISOR_READY, SHAPE_NONE},
    {"prepared", SUPERVISOR_PREPARED, SHAPE_NUMBER},
    {"started", SUPERVISOR_STARTED, SHAPE_NUMBER},
    {"exited", SUPERVISOR_EXITED, SHAPE_NUMBER_STATUS},
    {"note", SUPERVISOR_NOTE, SHAPE_TEXT},
    {"error", SUPERVISOR_ERROR, SHAPE_NAME_TEXT},
    {"ended", SUPERVISOR_ENDED, SHAPE_NONE},
};

/* Reads a number without a sign; returns the first character behind it, or NULL. */
static const char *read_number(const char *text, long max, long *number)
{
    long n = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++) {
        int digit = *p - '0';
        if (n > (max - digit) / 10)
            return NULL;
        n = n * 10 + digit;
    }
    *number = n;
    return p > text ? p : NULL;
}

/* Reads the rest of a line by its shape. Returns false when it is not of that shape. *text is what is to be decoded. */
static bool read_shape(struct supervisor_line *parsed, enum line_shape shape, const char *rest, const char **text)
{
    long status = 0;
    const char *end;
    if (shape == SHAPE_NONE)
        return !*rest;
    if (*rest++ != ' ')
        return false;
    switch (shape) {
    case SHAPE_NONE:
        return false;
    case SHAPE_TEXT:
        *text = rest;
        return true;
    case SHAPE_NAME_TEXT:
        end = strchr(rest, ' ');
        if (!end || end == rest || (size_t)(end - rest) >= sizeof parsed->name)
            return false;
        memcpy(parsed->name, rest, (size_t)(end - rest));
        parsed->name[end - rest] = '\0';
        *text = end + 1;
        return true;
    case SHAPE_NUMBER:
    case SHAPE_NUMBER_STATUS:
    case SHAPE_NUMBER_NONCE:
        break;
    }
    end = read_number(rest, LONG_MAX, &parsed->number);
    if (!end)
        return false;
    if (shape == SHAPE_NUMBER)
        return !*end;
    if (*end++ != ' ')
        return false;
    if (shape == SHAPE_NUMBER_NONCE)
        return *end != '\0';
    end = read_number(end, INT_MAX, &status);
    parsed->status = (int)status;
    return end && !*end;
}

int supervisor_parse(struct supervisor_line *parsed, const char *line, size_t len)
{
    const char *text = NULL;
    char *copy = malloc(len + 1);
    if (!copy)
        return -1;
    memcpy(copy, line, len);
    copy[len] = '\0';
    *parsed = (struct supervisor_line){.kind = SUPERVISOR_OTHER};
    for (size_t i = 0; i < sizeof line_table / sizeof *line_table; i++) {
        size_t word = strlen(line_table[i].word);
        if (strncmp(copy, line_table[i].word, word) != 0)
            continue;
        if (read_shape(parsed, line_table[i].shape, copy + word, &text)) {
            parsed->kind = line_table[i].kind;
            break;
        }
        *parsed = (struct supervisor_line){.kind = SUPERVISOR_OTHER};
        text = NULL;
    }
    if (parsed->kind == SUPERVISOR_OTHER) {
        parsed->text = copy;
        return 0;
    }
    if (!text) {
        free(copy);
        return 0;
    }
    memmove(copy, text, strlen(text) + 1);
    decode(copy);
    parsed->text = copy;
    return 0;
}

enum supervisor_text supervisor_text_of(const char *line, const char **text)
{
    static const struct {
        const char *tag;
        enum supervisor_text kind;
    } tags[] = {{"log ", SUPERVISOR_TEXT_LOG}, {"out ", SUPERVISOR_TEXT_OUTPUT}, {"end ", SUPERVISOR_TEXT_END}};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        size_t len = strlen(tags[i].tag);
        if (strncmp(line, tags[i].tag, len) == 0) {
            *text = line + len;
            return tags[i].kind;
        }
    }
    *text = line;
    return SUPERVISOR_TEXT_OTHER;
}
