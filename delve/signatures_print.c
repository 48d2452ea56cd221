#include <stdio.h>
#include <string.h>

#include "dap/roff.h"
#include "delve/signatures.h"

enum {
    SAID_MIN = 4,  /* a shorter text says nothing to a reader */
    SAID_SHOWN = 8 /* texts of one cause that are shown */
};

const char *delve_remedy_text(enum delve_remedy remedy)
{
    static const char *const texts[DELVE_REMEDY_COUNT] = {
        [DELVE_REMEDY_NONE] = "nothing",
        [DELVE_REMEDY_RETRY] = "a retry after a delay",
        [DELVE_REMEDY_DOWNLOAD] = "go mod download all",
        [DELVE_REMEDY_TIDY] = "go mod tidy",
        [DELVE_REMEDY_MOD_MOD] = "a build with -mod=mod, without vendor/",
        [DELVE_REMEDY_MOD_READONLY] = "a build with -mod=readonly, without vendor/",
        [DELVE_REMEDY_COPIES] = "copies of go.mod and go.sum",
        [DELVE_REMEDY_WORK] = "a completed copy of go.work",
        [DELVE_REMEDY_WORK_OFF] = "GOWORK=off",
        [DELVE_REMEDY_PURGE] = "the cached module fetched again",
        [DELVE_REMEDY_TOOLCHAIN] = "GOTOOLCHAIN=local",
        [DELVE_REMEDY_GOCACHE] = "a fresh build cache",
        [DELVE_REMEDY_MODCACHE] = "a fresh module cache",
        [DELVE_REMEDY_CLEAN_MODCACHE] = "go clean -modcache",
    };
    return (unsigned)remedy < DELVE_REMEDY_COUNT ? texts[remedy] : texts[DELVE_REMEDY_NONE];
}

typedef void put_fn(struct buf *out, const char *text);

static void put_plain(struct buf *out, const char *text)
{
    buf_puts(out, text);
}

static void put_plain_span(struct buf *out, const char *text, size_t len)
{
    buf_append(out, text, len);
}

static void print_remedies(struct buf *out, const struct delve_signature *row, const char *none, put_fn *put)
{
    if (row->remedies[0] == DELVE_REMEDY_NONE)
        buf_puts(out, none);
    for (size_t i = 0; row->remedies[i] != DELVE_REMEDY_NONE; i++) {
        buf_puts(out, i ? ", then " : "");
        put(out, delve_remedy_text(row->remedies[i]));
    }
    if (row->remedies[0] != DELVE_REMEDY_NONE && row->is_security)
        buf_puts(out, ", checked against go.sum");
}

void delve_signatures_print(struct buf *out)
{
    static const struct {
        int origin;
        const char *text;
    } origins[] = {{DELVE_IN_BUILD, "build"}, {DELVE_IN_COMPILER, "compiler"}, {DELVE_IN_LOG, "log"}};
    size_t count;
    const struct delve_signature *table = delve_signatures(&count);
    for (size_t i = 0; i < count; i++) {
        const struct delve_signature *row = &table[i];
        buf_printf(out, "%s: %s\n", row->name, row->cause);
        buf_puts(out, "    in       ");
        for (size_t j = 0; j < sizeof origins / sizeof origins[0]; j++)
            if (row->origin & origins[j].origin)
                buf_printf(out, " %s", origins[j].text);
        buf_puts(out, "\n");
        buf_printf(out, "    pattern   %s\n", row->pattern);
        if (row->needs) {
            buf_puts(out, "    facts     ");
            delve_needs_text(row->needs, out);
            buf_puts(out, "\n");
        }
        buf_puts(out, "    remedies  ");
        print_remedies(out, row, "nothing", put_plain);
        buf_printf(out, "\n    fix       %s\n    seen in   %s\n", row->advice, row->seen);
    }
}

static bool is_same_entry(const struct delve_signature *a, const struct delve_signature *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->cause, b->cause) == 0 && strcmp(a->advice, b->advice) == 0 &&
           memcmp(a->remedies, b->remedies, sizeof a->remedies) == 0;
}

/* A row's text as a quotation: without blanks and colons around it. */
static size_t said(const struct delve_signature *row, const char **text)
{
    *text = row->text + strspn(row->text, " :(");
    size_t n = strlen(*text);
    while (n && strchr(" :", (*text)[n - 1]))
        n--;
    return n;
}

static bool is_said_before(const struct delve_signature *table, size_t from, size_t i)
{
    const char *a, *b;
    size_t n = said(&table[i], &a);
    for (size_t j = from; j < i; j++)
        if (is_same_entry(&table[i], &table[j]) && said(&table[j], &b) == n && memcmp(a, b, n) == 0)
            return true;
    return false;
}

/* A form of the table for readers: what stands between the parts of an entry, and how text is set in it. */
struct form {
    const char *begin;
    const char *texts; /* what Go says, if it is shown */
    const char *next_text;
    const char *texts_end;
    const char *remedies;
    const char *advice;
    const char *end;
    put_fn *put;
    void (*put_span)(struct buf *out, const char *text, size_t len);
};

/* What Go says in the rows that differ only in it, from `from` on. */
static void print_texts(struct buf *out, const struct form *form, size_t from)
{
    size_t count, shown = 0;
    const struct delve_signature *table = delve_signatures(&count);
    for (size_t i = from; i < count && shown < SAID_SHOWN; i++) {
        const char *text;
        size_t n = said(&table[i], &text);
        if (!is_same_entry(&table[i], &table[from]) || n < SAID_MIN || *text == '/' || is_said_before(table, from, i))
            continue;
        buf_puts(out, shown++ ? form->next_text : form->texts);
        form->put_span(out, text, n);
    }
    buf_puts(out, shown ? form->texts_end : "");
}

static void print_entry(struct buf *out, const struct form *form, const struct delve_signature *row, size_t at)
{
    buf_puts(out, form->begin);
    form->put(out, row->cause);
    print_texts(out, form, at);
    buf_puts(out, form->remedies);
    print_remedies(out, row, "reports it at once", form->put);
    buf_puts(out, form->advice);
    form->put(out, row->advice);
    buf_puts(out, form->end);
}

/* One entry for all rows that differ only in what Go says, where the first of them stands. */
static void print_entries(struct buf *out, const struct form *form)
{
    size_t count;
    const struct delve_signature *table = delve_signatures(&count);
    for (size_t i = 0; i < count; i++) {
        size_t first = 0;
        while (!is_same_entry(&table[first], &table[i]))
            first++;
        if (first == i)
            print_entry(out, form, &table[i], i);
    }
}

void delve_signatures_markdown(struct buf *out)
{
    static const struct form form = {.begin = "| ",
                                     .texts = ": `",
                                     .next_text = "`, `",
                                     .texts_end = "`",
                                     .remedies = " | ",
                                     .advice = " | ",
                                     .end = " |\n",
                                     .put = put_plain,
                                     .put_span = put_plain_span};
    buf_puts(out, "| What Go says | What delvegate does | Permanent fix |\n| --- | --- | --- |\n");
    print_entries(out, &form);
}

void delve_signatures_man(struct buf *out)
{
    static const struct form form = {.begin = ".TP\n",
                                     .texts = "\nGo says: \\fB",
                                     .next_text = "\\fR, \\fB",
                                     .texts_end = "\\fR.\n.br",
                                     .remedies = "\nWhat delvegate does: ",
                                     .advice = ".\n.br\nPermanent fix: ",
                                     .end = "\n",
                                     .put = roff_text,
                                     .put_span = roff_span};
    print_entries(out, &form);
}
