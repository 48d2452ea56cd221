/* Remedies: which module@version is meant, and how the cache spells it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proxy/supervisor/remedy_parts.h"

#define LIST_FORMAT "{{with .Replace}}{{.Path}} {{.Version}}{{else}}{{.Path}} {{.Version}}{{end}} {{.Path}}"

/* Whether path is the package or a part before one of its slashes. */
static bool holds(const char *path, size_t len, const char *package)
{
    return len > 0 && strncmp(package, path, len) == 0 && (package[len] == '/' || package[len] == '\0');
}

struct found {
    size_t longest;
    char module[REMEDY_NAME_MAX], version[REMEDY_NAME_MAX];
};

/* A line "PATH VERSION NAME": what go takes for the module NAME. */
static void consider(struct found *f, const char *line, size_t len, const char *package)
{
    const char *version = memchr(line, ' ', len);
    const char *name = version ? memchr(version + 1, ' ', len - (size_t)(version + 1 - line)) : NULL;
    if (!name || name[1] == '\0')
        return;
    size_t path_len = (size_t)(version - line), version_len = (size_t)(name - version - 1);
    size_t name_len = len - (size_t)(name + 1 - line);
    if (!holds(name + 1, name_len, package) && !holds(line, path_len, package))
        return;
    if (name_len < f->longest || path_len >= sizeof f->module || version_len >= sizeof f->version)
        return;
    f->longest = name_len;
    (void)snprintf(f->module, sizeof f->module, "%.*s", (int)path_len, line);
    (void)snprintf(f->version, sizeof f->version, "%.*s", (int)version_len, version + 1);
}

void remedy_find_version(struct remedy *r)
{
    struct buf text;
    struct found f = {0};
    if (*r->version)
        return;
    buf_init(&text, REMEDY_FILE_MAX);
    struct remedy_go go = {.argv = REMEDY_ARGS("list", "-mod=readonly", "-m", "-e", "-f", LIST_FORMAT, "all"),
                           .err = STDERR_FILENO};
    (void)remedy_go_read(&go, &text); /* with -e it lists what it can */
    for (const char *line = text.data; line && *line;) {
        const char *end = strchr(line, '\n');
        consider(&f, line, end ? (size_t)(end - line) : strlen(line), r->module);
        line = end ? end + 1 : NULL;
    }
    buf_free(&text);
    /* The main module, or a directory that takes a module's place, has no entry in the cache. */
    bool is_cached = *f.version != '\0';
    (void)snprintf(r->module, sizeof r->module, "%s", is_cached ? f.module : "");
    (void)snprintf(r->version, sizeof r->version, "%s", f.version);
}

static bool is_plain(const char *text)
{
    return text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./+~-")] == '\0';
}

/* Every part has a name that begins and ends with something else than a dot. */
static bool is_path(const char *module)
{
    for (const char *p = module;; p++) {
        size_t len = strcspn(p, "/");
        if (len == 0 || *p == '.' || p[len - 1] == '.')
            return false;
        p += len;
        if (!*p)
            return true;
    }
}

bool remedy_is_version(const char *module, const char *version)
{
    if (!is_plain(module) || !is_plain(version) || !is_path(module) || *module == '-')
        return false;
    return *version == 'v' && !strchr(version, '/') && !strstr(version, "..");
}

void remedy_case_encode(struct buf *out, const char *name)
{
    for (const char *p = name; *p; p++) {
        bool is_upper = *p >= 'A' && *p <= 'Z';
        char c = (char)(is_upper ? *p - 'A' + 'a' : *p);
        if (is_upper)
            buf_puts(out, "!");
        buf_append(out, &c, 1);
    }
}
