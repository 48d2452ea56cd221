/* Remedies: which lines of a file differ. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/supervisor/remedy_parts.h"

enum {
    DIFF_SHOWN = 12,             /* lines */
    DIFF_LINE_MAX = 160,         /* bytes of one, with its sign */
    DIFF_CELLS = 1024 * 1024,    /* of the table of common subsequences: 2 bytes each */
    DIFF_LINES_MAX = UINT16_MAX, /* of a file whose table is made */
    UTF8_MARK = 0xc0,
    UTF8_INSIDE = 0x80 /* a byte that does not begin a character */
};

struct line {
    const char *text;
    size_t len; /* with its newline: a last line without one is another */
};

struct lines {
    struct line *list;
    size_t count;
};

/* What was found. */
struct diff {
    struct buf *text;
    size_t found;
};

static bool is_same(const struct line *a, const struct line *b)
{
    return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

static int by_text(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    int order = memcmp(x->text, y->text, x->len < y->len ? x->len : y->len);
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

static bool split(const struct buf *bytes, struct lines *lines)
{
    size_t n = 0;
    for (size_t i = 0; i < bytes->len; i++)
        n += bytes->data[i] == '\n' || i + 1 == bytes->len;
    *lines = (struct lines){.list = calloc(n + 1, sizeof *lines->list)};
    if (!lines->list)
        return false;
    for (size_t at = 0; at < bytes->len; lines->count++) {
        const char *end = memchr(bytes->data + at, '\n', bytes->len - at);
        size_t len = end ? (size_t)(end - bytes->data) + 1 - at : bytes->len - at;
        lines->list[lines->count] = (struct line){bytes->data + at, len};
        at += len;
    }
    return true;
}

static void put(struct diff *d, char sign, const struct line *line)
{
    if (d->found++ >= DIFF_SHOWN)
        return;
    size_t len = line->len - (line->text[line->len - 1] == '\n');
    if (len > DIFF_LINE_MAX - 1) {
        len = DIFF_LINE_MAX - 1;
        while (len > 0 && ((unsigned char)line->text[len] & UTF8_MARK) == UTF8_INSIDE)
            len--;
    }
    char head[] = {'\n', sign};
    buf_append(d->text, head, sizeof head);
    buf_append(d->text, line->text, len);
}

/* The table: how long the longest common subsequence is of was from i and now from j on. */
static uint16_t *make_table(const struct lines *was, const struct lines *now)
{
    size_t n = was->count, m = now->count;
    if (n > DIFF_LINES_MAX || m > DIFF_LINES_MAX || (n + 1) * (m + 1) > DIFF_CELLS)
        return NULL;
    uint16_t *table = calloc((n + 1) * (m + 1), sizeof *table);
    for (size_t i = n; table && i-- > 0;)
        for (size_t j = m; j-- > 0;) {
            uint16_t *cell = &table[i * (m + 1) + j];
            if (is_same(&was->list[i], &now->list[j]))
                *cell = (uint16_t)(cell[m + 2] + 1);
            else
                *cell = cell[m + 1] > cell[1] ? cell[m + 1] : cell[1];
        }
    return table;
}

/* Lines that were added between two common ones follow those that were removed there. */
static void walk(struct diff *d, const uint16_t *table, const struct lines *was, const struct lines *now)
{
    size_t i = 0, j = 0, added = 0, n = was->count, m = now->count;
    while (i < n || j < m) {
        const uint16_t *cell = &table[i * (m + 1) + j];
        bool is_common = i < n && j < m && is_same(&was->list[i], &now->list[j]);
        if (!is_common && i < n && (j == m || cell[m + 1] >= cell[1]))
            put(d, '-', &was->list[i++]);
        else if (!is_common)
            j++;
        if (is_common || (i == n && j == m))
            while (added < j)
                put(d, '+', &now->list[added++]);
        if (is_common) {
            i++;
            added = ++j;
        }
    }
}

static struct line *sorted(const struct lines *lines)
{
    struct line *list = calloc(lines->count + 1, sizeof *list);
    if (list && lines->count > 0) {
        memcpy(list, lines->list, lines->count * sizeof *list);
        qsort(list, lines->count, sizeof *list, by_text);
    }
    return list;
}

/* Of files too large for a table: the lines that the other does not have anywhere. */
static void put_missing(struct diff *d, char sign, const struct lines *from, const struct lines *other)
{
    struct line *list = sorted(other);
    for (size_t i = 0; list && i < from->count; i++)
        if (!bsearch(&from->list[i], list, other->count, sizeof *list, by_text))
            put(d, sign, &from->list[i]);
    free(list);
}

/* Without what both begin and end with. */
static void compare(struct diff *d, struct lines was, struct lines now)
{
    while (was.count > 0 && now.count > 0 && is_same(was.list, now.list)) {
        was = (struct lines){was.list + 1, was.count - 1};
        now = (struct lines){now.list + 1, now.count - 1};
    }
    while (was.count > 0 && now.count > 0 && is_same(&was.list[was.count - 1], &now.list[now.count - 1])) {
        was.count--;
        now.count--;
    }
    uint16_t *table = make_table(&was, &now);
    if (table) {
        walk(d, table, &was, &now);
    } else {
        put_missing(d, '-', &was, &now);
        put_missing(d, '+', &now, &was);
    }
    free(table);
}

void remedy_diff(struct buf *text, const struct buf *was, const struct buf *now)
{
    struct lines old = {0}, new = {0};
    struct diff d = {.text = text};
    if (split(was, &old) && split(now, &new))
        compare(&d, old, new);
    if (d.found > DIFF_SHOWN)
        buf_printf(text, "\n... and %zu more", d.found - DIFF_SHOWN);
    free(old.list);
    free(new.list);
}

void remedy_report_changes(const struct remedy *r, const char *real, const char *was, const char *now)
{
    struct buf text, old, new;
    if (remedy_same(was, now))
        return;
    buf_init(&text, REMEDY_OUTPUT_MAX);
    buf_init(&old, REMEDY_FILE_MAX);
    buf_init(&new, REMEDY_FILE_MAX);
    buf_printf(&text, r->edits ? "%s, changed:" : "%s, would change (Delve builds with a copy):", real);
    if (remedy_read(was, &old) < 0 || remedy_read(now, &new) < 0)
        buf_puts(&text, "\n(the lines are not shown: it could not be read, or is very large)");
    else
        remedy_diff(&text, &old, &new);
    if (text.data)
        remedy_note(r, text.data);
    buf_free(&text);
    buf_free(&old);
    buf_free(&new);
}
