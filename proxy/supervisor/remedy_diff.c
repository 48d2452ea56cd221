/* Remedies: which lines of a file differ. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/supervisor/remedy_parts.h"

enum {
    DIFF_SHOWN = 12,            /* lines */
    DIFF_LINE_MAX = 160,        /* bytes of one, with its sign */
    DIFF_CELLS = 1024 * 1024,   /* of the table of common subsequences: 2 bytes each */
    DIFF_LINES_MAX = UINT16_MAX /* of a file whose table is made */
};

struct line {
    const char *text;
    size_t len; /* with its newline: a last line without one is another */
};

struct lines {
    struct line *list;
    size_t count;
};

/* Both files past their common beginning, and what was found. */
struct diff {
    struct lines was, now;
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
    if (len > DIFF_LINE_MAX - 1)
        len = DIFF_LINE_MAX - 1;
    char head[] = {'\n', sign};
    (void)buf_append(d->text, head, sizeof head);
    (void)buf_append(d->text, line->text, len);
}

/* The table: how long the longest common subsequence is of was from i and now from j on. */
static uint16_t *make_table(const struct diff *d, size_t skip, size_t n, size_t m)
{
    uint16_t *table = calloc((n + 1) * (m + 1), sizeof *table);
    for (size_t i = n; table && i-- > 0;)
        for (size_t j = m; j-- > 0;) {
            uint16_t *cell = &table[i * (m + 1) + j];
            if (is_same(&d->was.list[skip + i], &d->now.list[skip + j]))
                *cell = (uint16_t)(cell[m + 2] + 1);
            else
                *cell = cell[m + 1] > cell[1] ? cell[m + 1] : cell[1];
        }
    return table;
}

/* Lines that were added between two common ones follow those that were removed there. */
static void walk(struct diff *d, const uint16_t *table, size_t skip, size_t n, size_t m)
{
    size_t i = 0, j = 0;
    while (i < n || j < m) {
        size_t added = j;
        while (i < n || j < m) {
            const uint16_t *cell = &table[i * (m + 1) + j];
            if (i < n && j < m && is_same(&d->was.list[skip + i], &d->now.list[skip + j]))
                break;
            if (i < n && (j == m || cell[m + 1] >= cell[1]))
                put(d, '-', &d->was.list[skip + i++]);
            else
                j++;
        }
        for (; added < j; added++)
            put(d, '+', &d->now.list[skip + added]);
        i += i < n;
        j += j < m;
    }
}

static void put_missing(struct diff *d, char sign, const struct lines *from, const struct lines *sorted)
{
    for (size_t i = 0; i < from->count; i++)
        if (!bsearch(&from->list[i], sorted->list, sorted->count, sizeof *sorted->list, by_text))
            put(d, sign, &from->list[i]);
}

/* Of files too large for a table: the lines that the other does not have anywhere. */
static void compare_sets(struct diff *d, const struct buf *was, const struct buf *now)
{
    struct lines old = {0}, new = {0};
    if (split(was, &old) && split(now, &new)) {
        qsort(old.list, old.count, sizeof *old.list, by_text);
        qsort(new.list, new.count, sizeof *new.list, by_text);
        put_missing(d, '-', &d->was, &new);
        put_missing(d, '+', &d->now, &old);
    }
    free(old.list);
    free(new.list);
}

static void compare(struct diff *d, const struct buf *was, const struct buf *now)
{
    size_t skip = 0, n = d->was.count, m = d->now.count;
    while (skip < n && skip < m && is_same(&d->was.list[skip], &d->now.list[skip]))
        skip++;
    while (n > skip && m > skip && is_same(&d->was.list[n - 1], &d->now.list[m - 1])) {
        n--;
        m--;
    }
    n -= skip;
    m -= skip;
    uint16_t *table = NULL;
    if (n <= DIFF_LINES_MAX && m <= DIFF_LINES_MAX && (n + 1) * (m + 1) <= DIFF_CELLS)
        table = make_table(d, skip, n, m);
    if (table)
        walk(d, table, skip, n, m);
    else
        compare_sets(d, was, now);
    free(table);
}

void remedy_diff(struct buf *text, const struct buf *was, const struct buf *now)
{
    struct diff d = {.text = text};
    if (split(was, &d.was) && split(now, &d.now))
        compare(&d, was, now);
    if (d.found > DIFF_SHOWN)
        (void)buf_printf(text, "\n... and %zu more", d.found - DIFF_SHOWN);
    free(d.was.list);
    free(d.now.list);
}

void remedy_tell(const struct remedy *r, const char *real, const char *was, const char *now)
{
    struct buf text, old, new;
    if (remedy_same(was, now))
        return;
    buf_init(&text, REMEDY_WORDS_MAX);
    buf_init(&old, REMEDY_FILE_MAX);
    buf_init(&new, REMEDY_FILE_MAX);
    (void)buf_printf(&text, r->edits ? "%s, changed:" : "%s, would change (Delve builds with a copy):", real);
    if (remedy_read(was, &old) < 0 || remedy_read(now, &new) < 0)
        (void)buf_puts(&text, "\n(the lines are not shown: it could not be read, or is very large)");
    else
        remedy_diff(&text, &old, &new);
    if (text.data)
        remedy_note(r, text.data);
    buf_free(&text);
    buf_free(&old);
    buf_free(&new);
}
