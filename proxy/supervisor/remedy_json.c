/* Remedies: what `go work edit -json` prints, with the few members that count. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/supervisor/remedy_parts.h"
#include "proxy/supervisor/remedy_scan.h"

struct reader {
    const struct remedy_json_handler *handler;
    void *arg;
};

struct module {
    char path[SUPERVISOR_PATH_MAX], version[SUPERVISOR_PATH_MAX];
};

struct replacement {
    struct module old, new;
};

static void module_member(struct scan *s, const char *key, void *arg)
{
    struct module *m = arg;
    if (strcmp(key, "Path") == 0)
        scan_string(s, m->path);
    else if (strcmp(key, "Version") == 0)
        scan_string(s, m->version);
    else
        scan_skip(s, NULL);
}

static void replacement_member(struct scan *s, const char *key, void *arg)
{
    struct replacement *p = arg;
    if (strcmp(key, "Old") == 0)
        scan_object(s, module_member, &p->old);
    else if (strcmp(key, "New") == 0)
        scan_object(s, module_member, &p->new);
    else
        scan_skip(s, NULL);
}

static void replacement_element(struct scan *s, void *arg)
{
    const struct reader *r = arg;
    struct replacement p = {{{0}, {0}}, {{0}, {0}}};
    scan_object(s, replacement_member, &p);
    if (!s->failed && !r->handler->replace(r->arg, p.old.path, p.old.version, p.new.path))
        scan_fail(s);
}

static void use_member(struct scan *s, const char *key, void *arg)
{
    if (strcmp(key, "DiskPath") == 0)
        scan_string(s, arg);
    else
        scan_skip(s, NULL);
}

static void use_element(struct scan *s, void *arg)
{
    const struct reader *r = arg;
    char path[SUPERVISOR_PATH_MAX] = "";
    scan_object(s, use_member, path);
    if (!s->failed && !r->handler->use(r->arg, path))
        scan_fail(s);
}

static void file_member(struct scan *s, const char *key, void *arg)
{
    if (strcmp(key, "Use") == 0)
        scan_array(s, use_element, arg);
    else if (strcmp(key, "Replace") == 0)
        scan_array(s, replacement_element, arg);
    else
        scan_skip(s, NULL);
}

bool remedy_json_work(const char *text, size_t len, const struct remedy_json_handler *h, void *arg)
{
    struct reader r = {h, arg};
    return scan_all(text, len, file_member, &r);
}
