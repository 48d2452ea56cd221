/* What recovery reports in the Debug Console. */
#include "delve/recovery.h"

#include <string.h>

#include "delve/check.h"

enum {
    MORE_MAX = 240,                    /* bytes of the second line, after which no further one of Go's is added to it */
    REPORT_MAX = 2 * DELVE_MESSAGE_MAX /* bytes of Go's message with what is put between its lines */
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
            buf_puts(out, " ...");
            return;
        }
        buf_puts(out, used ? "; " : "\n  ");
        buf_append(out, p, len);
        used += len;
    }
}

void delve_recovery_report_cause(const struct delve_diagnosis *d, struct buf *out)
{
    struct buf report;
    size_t len;
    const char *first = next_line(d->message, &len);
    buf_init(&report, REPORT_MAX);
    buf_append(&report, first, len);
    add_more(first + len, &report);
    buf_printf(out, "%s: ", d->signature->cause);
    if (*d->file && !(report.data && strstr(report.data, d->file))) {
        buf_puts(out, d->file);
        if (d->line)
            buf_printf(out, ":%d", d->line);
        buf_puts(out, ": ");
    }
    buf_append(out, report.data ? report.data : "", report.len);
    out->failed = out->failed || report.failed;
    buf_free(&report);
}

/* The Go version that the message asks for, "1.99.0"; 0: they name none. */
static size_t wanted_go(const char *message, const char **version)
{
    static const char *const before[] = {" requires go >= ", "download go",  "cannot find \"go", "invalid go version '",
                                         "requires Go ",     "requires go ", "Go version go",    "exec go"};
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        const char *at = strstr(message, before[i]);
        *version = at ? at + strlen(before[i]) : NULL;
        size_t n = at ? strspn(*version, "0123456789.rcbeta") : 0;
        while (n && (*version)[n - 1] == '.')
            n--;
        if (n)
            return n;
    }
    return 0;
}

/* Which Go is needed, which is there, and which others are in the module cache. */
static void report_go_versions(const struct delve_diagnosis *d, const struct delve_facts *machine, struct buf *out)
{
    const char *version, *go = delve_facts_get(machine, "go"), *local = delve_facts_get(machine, "goVersion");
    const char *number = local ? strstr(local, "go1") : NULL, *between = "; already in its module cache: ";
    size_t n = wanted_go(d->message, &version);
    if (n == 0)
        return;
    buf_printf(out, "Go %.*s is needed", (int)n, version);
    if (number)
        buf_printf(out, ", but the Go machine has %.*s%s%s%s", (int)strcspn(number, " "), number, go ? " (" : "",
                   go ? go : "", go ? ")" : "");
    for (size_t i = 0; machine && i < machine->count; i++) {
        const char *text = machine->list[i].text;
        const char *end = strrchr(text, '.');
        if (strcmp(machine->list[i].name, "toolchain") != 0)
            continue;
        buf_printf(out, "%sgo%.*s", between, (int)(end ? end - text : (long)strlen(text)), text);
        between = ", ";
    }
    buf_puts(out, ". ");
}

static void report_advice(const struct delve_diagnosis *d, const struct delve_repair *repair, struct buf *out)
{
    if (strcmp(d->signature->name, "go-too-old") == 0)
        report_go_versions(d, repair->machine, out);
    buf_puts(out, d->signature->advice);
}

static void tell_remedy(const struct delve_diagnosis *d, const struct delve_repair *repair, struct buf *out)
{
    static const char clean[] = "run `go clean -cache` on the Go machine before you build there yourself; ";
    buf_puts(out, "permanent fix: ");
    switch (repair->by) {
    case DELVE_REMEDY_DOWNLOAD:
    case DELVE_REMEDY_TIDY:
        buf_printf(out, "run `%s` in the module on the Go machine", delve_remedy_text(repair->by));
        break;
    case DELVE_REMEDY_PURGE:
        buf_printf(out, "%s%s%s%s in the module cache matches go.sum again",
                   repair->fresh_gocache ? clean : "none needed, ", d->module, *d->version ? "@" : "", d->version);
        break;
    case DELVE_REMEDY_MODCACHE:
        buf_puts(out, "make the module cache complete, readable and writable for the user on the Go machine, as "
                      "described above; until then every launch fills a fresh one");
        break;
    case DELVE_REMEDY_CLEAN_MODCACHE:
        buf_printf(out, "%sthe module cache was emptied and fetched again",
                   repair->fresh_gocache ? clean : "none needed, ");
        break;
    default:
        report_advice(d, repair, out);
    }
}

void delve_recovery_report_fix(const struct delve_diagnosis *d, const struct delve_repair *repair, struct buf *out)
{
    if (repair->by == DELVE_REMEDY_NONE)
        report_advice(d, repair, out);
    else
        tell_remedy(d, repair, out);
}
