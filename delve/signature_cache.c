#include <ctype.h>
#include <string.h>

#include "delve/signature_parts.h"

/* Paths of the module cache have capitals as ! and the small letter. Returns 0, or -1 when it does not fit. */
static int decode(char *to, size_t size, const char *from, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (n + 1 >= size)
            return -1;
        bool is_capital = from[i] == '!' && i + 1 < len && from[i + 1] >= 'a' && from[i + 1] <= 'z';
        to[n++] = is_capital ? (char)toupper((unsigned char)from[++i]) : from[i];
    }
    to[n] = '\0';
    return 0;
}

/* The @ of `MODULE@vN...`, followed by a slash or the end of the path; NULL without one. */
static const char *version_at(const char *path, size_t len)
{
    for (size_t i = 1; i + 2 < len; i++)
        if (path[i] == '@' && path[i - 1] != '/' && path[i + 1] == 'v' && isdigit((unsigned char)path[i + 2]))
            return path + i;
    return NULL;
}

bool delve_looks_cached(const char *path, size_t len)
{
    static const char usual[] = "/pkg/mod", download[] = "/cache/download/";
    if (!path || !len)
        return false;
    const char *hit = memmem(path, len, usual, sizeof usual - 1);
    const char *after = hit ? hit + sizeof usual - 1 : NULL;
    return (after && (after == path + len || *after == '/')) || memmem(path, len, download, sizeof download - 1) ||
           version_at(path, len);
}

/* .../cache/download/MODULE/@v/VERSION.zip */
static bool read_download(struct delve_diagnosis *d, const char *text, size_t len)
{
    static const char before[] = "/cache/download/", between[] = "/@v/";
    const char *end = text + len;
    const char *module = memmem(text, len, before, sizeof before - 1);
    if (!module)
        return false;
    module += sizeof before - 1;
    const char *at = memmem(module, (size_t)(end - module), between, sizeof between - 1);
    if (!at)
        return false;
    const char *version = at + sizeof between - 1;
    size_t n = strcspn(version, ": \n");
    while (n && version[n] != '.')
        n--;
    return n && decode(d->module, sizeof d->module, module, (size_t)(at - module)) == 0 &&
           decode(d->version, sizeof d->version, version, n) == 0;
}

static bool is_or_holds(const char *module, const char *package)
{
    size_t n = strlen(module);
    return strncmp(package, module, n) == 0 && (package[n] == '\0' || package[n] == '/');
}

/* Whether an element of a path looks like a host: letters behind its last dot, and more elements to come. */
static bool is_host(const char *element, const char *end)
{
    const char *slash = memchr(element, '/', (size_t)(end - element));
    if (!slash || *element == '.')
        return false;
    const char *dot = memrchr(element, '.', (size_t)(slash - element));
    if (!dot || slash - dot < 3)
        return false;
    for (const char *p = dot + 1; p < slash; p++)
        if (*p < 'a' || *p > 'z')
            return false;
    return true;
}

/* Where in a path that ends at `at` the module begins: behind the cache's usual /pkg/mod/, where the package's path
   agrees with it, or at the last element that looks like a host. NULL: it can't be told. */
static const char *module_start(const char *path, const char *at, const char *package)
{
    static const char usual[] = "/pkg/mod/";
    const char *host = NULL;
    char decoded[DELVE_NAMED_MAX];
    for (const char *p = path; p < at; p++) {
        if (p > path && p[-1] != '/')
            continue;
        if (*package && decode(decoded, sizeof decoded, p, (size_t)(at - p)) == 0 && is_or_holds(decoded, package))
            return p;
        if (is_host(p, at))
            host = p;
    }
    const char *from = path;
    const char *behind = NULL;
    for (const char *hit; (hit = memmem(from, (size_t)(at - from), usual, sizeof usual - 1)); from = behind)
        behind = hit + sizeof usual - 1;
    return behind && behind < at ? behind : host;
}

bool delve_module_below(struct delve_diagnosis *d, const char *rest)
{
    size_t len = strlen(rest);
    if (read_download(d, rest, len))
        return true;
    const char *at = version_at(rest, len), *end = at ? at + strcspn(at, "/") : NULL;
    *d->module = *d->version = '\0';
    if (end && decode(d->module, sizeof d->module, rest + 1, (size_t)(at - rest) - 1) == 0 &&
        decode(d->version, sizeof d->version, at + 1, (size_t)(end - at) - 1) == 0)
        return true;
    *d->module = *d->version = '\0';
    return false;
}

bool delve_cached_module(struct delve_diagnosis *d, const char *text, size_t len, const char *package)
{
    if (read_download(d, text, len))
        return true;
    *d->module = *d->version = '\0';
    const char *at = version_at(text, len);
    if (!at)
        return false;
    const char *start = module_start(text, at, package);
    const char *end = at + strcspn(at, "/: \n");
    if (end > text + len)
        end = text + len;
    if (start && decode(d->module, sizeof d->module, start, (size_t)(at - start)) == 0 &&
        decode(d->version, sizeof d->version, at + 1, (size_t)(end - at - 1)) == 0)
        return true;
    *d->module = *d->version = '\0';
    return false;
}
