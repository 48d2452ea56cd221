/* The story that recovery tells in the Debug Console. */
#include "delve/recovery.h"

#include <string.h>

enum {
    MORE_MAX = 240,                /* bytes of the second line, after which no further one of Go's is added to it */
    TOLD_MAX = 2 * DELVE_WORDS_MAX /* bytes of Go's words with what is put between them */
};

/* The next line that holds something, without the blanks around it; len 0 at the end. */
static const char *next_line(const char *p, size_t *len)
{
    p += strspn(p, " \t\r\n");
    *len = strcspn(p, "\n");
    while (*len && strchr(" \t\r", p[*len - 1]))
        --*len;
    return p;
}

/* Go's lines after the first one, as one. */
static void add_more(const char *rest, struct buf *out)
{
    size_t len, used = 0;
    for (const char *p = next_line(rest, &len); len; p = next_line(p + len, &len)) {
        if (used && used + len > MORE_MAX) {
            (void)buf_puts(out, " ...");
            return;
        }
        (void)buf_puts(out, used ? "; " : "\n  ");
        (void)buf_append(out, p, len);
        used += len;
    }
}

int delve_recovery_tell_broke(const struct delve_diagnosis *d, struct buf *out)
{
    struct buf told;
    size_t len;
    const char *first = next_line(d->words, &len);
    buf_init(&told, TOLD_MAX);
    (void)buf_append(&told, first, len);
    add_more(first + len, &told);
    (void)buf_printf(out, "%s: ", d->signature->cause);
    if (*d->file && !(told.data && strstr(told.data, d->file))) {
        (void)buf_puts(out, d->file);
        if (d->line)
            (void)buf_printf(out, ":%d", d->line);
        (void)buf_puts(out, ": ");
    }
    (void)buf_append(out, told.data ? told.data : "", told.len);
    bool failed = told.failed || out->failed;
    buf_free(&told);
    return failed ? -1 : 0;
}

int delve_recovery_tell_for_good(const struct delve_diagnosis *d, enum delve_remedy mended_by, struct buf *out)
{
    switch (mended_by) {
    case DELVE_REMEDY_NONE:
        return buf_puts(out, d->signature->advice);
    case DELVE_REMEDY_DOWNLOAD:
    case DELVE_REMEDY_TIDY:
        return buf_printf(out, "for good: run `%s` in the module on the Go machine", delve_remedy_text(mended_by));
    case DELVE_REMEDY_PURGE:
        return buf_printf(out, "for good: nothing to do, %s%s%s in the module cache agrees with go.sum again",
                          d->module, *d->version ? "@" : "", d->version);
    case DELVE_REMEDY_MODCACHE:
        return buf_puts(out,
                        "for good: the module cache must be whole, and readable and writable for the user on the Go "
                        "machine, as said above; until then every launch fills a fresh one");
    case DELVE_REMEDY_CLEAN_MODCACHE:
        return buf_puts(out, "for good: nothing to do, the module cache was emptied and fetched again");
    default:
        return buf_printf(out, "for good: %s", d->signature->advice);
    }
}
