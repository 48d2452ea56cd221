#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delve/check_parts.h"

/* --- facts --- */

int delve_facts_add(struct delve_facts *f, const char *name, const char *text)
{
    if (f->count == DELVE_FACTS_MAX)
        return 0;
    struct delve_fact *list = realloc(f->list, (f->count + 1) * sizeof *list);
    if (!list)
        return -1;
    f->list = list;
    struct delve_fact one = {.name = strdup(name), .text = strdup(text)};
    if (!one.name || !one.text) {
        free(one.name);
        free(one.text);
        return -1;
    }
    list[f->count++] = one;
    return 0;
}

const char *delve_facts_get(const struct delve_facts *f, const char *name)
{
    for (size_t i = f ? f->count : 0; i-- > 0;)
        if (strcmp(f->list[i].name, name) == 0)
            return f->list[i].text;
    return NULL;
}

void delve_facts_free(struct delve_facts *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->list[i].name);
        free(f->list[i].text);
    }
    free(f->list);
    *f = (struct delve_facts){0};
}

const char *check_fact(const struct check_run *r, const char *name)
{
    return delve_facts_get(r->check->facts, name);
}

enum { NAME_MAX_BYTES = 64 };

const char *check_fact_of(const struct check_run *r, const char *a, const char *b)
{
    char name[NAME_MAX_BYTES];
    const struct delve_check *c = r->check;
    if (strcmp(a, "launch") == 0) {
        for (size_t i = c->env_count; i-- > 0;)
            if (strcmp(c->env[i].name, b) == 0)
                return c->env[i].value;
        return NULL;
    }
    (void)snprintf(name, sizeof name, "%s.%s", a, b);
    return check_fact(r, name);
}

const char *check_fact_of_state(const struct check_run *r, const char *a, const char *b, const char *c)
{
    char name[NAME_MAX_BYTES];
    (void)snprintf(name, sizeof name, "%s.%s.%s", a, b, c);
    return check_fact(r, name);
}

/* --- findings --- */

/* Values come from another machine, and a finding is one line. */
static void make_one_line(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = *text == '\n' || *text == '\t' ? ' ' : '?';
}

static int insert(struct delve_findings *found, enum delve_severity severity, char *text)
{
    struct delve_finding *list = realloc(found->list, (found->count + 1) * sizeof *list);
    if (!list)
        return -1;
    found->list = list;
    size_t at = found->count++;
    for (; at > 0 && list[at - 1].severity > severity; at--)
        list[at] = list[at - 1];
    list[at] = (struct delve_finding){.severity = severity, .text = text};
    return 0;
}

void check_add(struct check_run *r, enum delve_severity severity, const char *fmt, ...)
{
    char text[DELVE_FINDING_MAX];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    make_one_line(text);
    char *copy = strdup(text);
    if (copy && insert(r->found, severity, copy) == 0)
        return;
    free(copy);
    r->failed = true;
}

bool check_is_fatal(const struct check_run *r)
{
    return r->found->count > 0 && r->found->list[0].severity == DELVE_FATAL;
}

void delve_findings_free(struct delve_findings *found)
{
    for (size_t i = 0; i < found->count; i++)
        free(found->list[i].text);
    free(found->list);
    *found = (struct delve_findings){0};
}

int delve_check(const struct delve_check *c, struct delve_findings *found)
{
    struct check_run r = {.check = c, .found = found};
    const char *failure = check_fact(&r, "failure");
    if (failure)
        check_add(&r, DELVE_FATAL, "%s", failure);
    check_values(&r);
    check_caches(&r);
    check_versions(&r);
    check_ptrace(&r);
    return r.failed ? -1 : 0;
}
