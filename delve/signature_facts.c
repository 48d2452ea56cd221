/* What facts decide of a row: which directory a path is in, whose a package is, what state a module is in. */
#include <stdio.h>
#include <string.h>

#include "delve/check.h"
#include "delve/signature_parts.h"

/* An absolute path without `.`, `..` and double slashes. Returns its length, 0 when it is none or does not fit. */
static size_t clean(char *to, size_t size, const char *path, size_t len)
{
    size_t n = 0;
    if (len == 0 || *path != '/')
        return 0;
    for (const char *p = path, *end = path + len, *next; p < end; p = next + 1) {
        next = memchr(p, '/', (size_t)(end - p));
        if (!next)
            next = end;
        size_t element = (size_t)(next - p);
        if (element == 2 && memcmp(p, "..", 2) == 0) {
            while (n && to[--n] != '/')
                ;
        } else if (element && !(element == 1 && *p == '.')) {
            if (n + 1 + element >= size)
                return 0;
            to[n++] = '/';
            memcpy(to + n, p, element);
            n += element;
        }
    }
    if (n == 0)
        to[n++] = '/';
    to[n] = '\0';
    return n;
}

static bool put_rest(char *rest, size_t size, const char *from, size_t len)
{
    if (len >= size)
        return false;
    memcpy(rest, from, len);
    rest[len] = '\0';
    return true;
}

static bool is_absolute_below(const char *root, const char *path, size_t len, char *rest, size_t size)
{
    char a[DELVE_LINE_MAX + 1], b[2 * DELVE_LINE_MAX + 1];
    size_t root_len = clean(a, sizeof a, root, strlen(root)), path_len = clean(b, sizeof b, path, len);
    if (root_len < 2 || path_len < root_len || memcmp(a, b, root_len) != 0)
        return false;
    return (b[root_len] == '/' || b[root_len] == '\0') && put_rest(rest, size, b + root_len, path_len - root_len);
}

/* `../../go/pkg/mod/x` in /home/u/go/pkg/mod, seen from who knows where: what follows the dots must begin as the root
 * ends. */
static bool is_tail_below(const char *root, const char *path, size_t len, char *rest, size_t size)
{
    static const char up[] = "../";
    const char *p = path, *end = path + len;
    size_t root_len = strlen(root);
    while ((size_t)(end - p) > sizeof up - 1 && memcmp(p, up, sizeof up - 1) == 0)
        p += sizeof up - 1;
    if (p == path)
        return false;
    for (const char *tail = root; (tail = strchr(tail, '/')) && *++tail;) {
        size_t n = root_len - (size_t)(tail - root);
        if ((size_t)(end - p) >= n && memcmp(p, tail, n) == 0 && (p + n == end || p[n] == '/'))
            return put_rest(rest, size, p + n, (size_t)(end - p) - n);
    }
    return false;
}

static bool is_relative_below(const struct delve_facts *facts, const char *root, const char *path, size_t len,
                              char *rest, size_t size)
{
    char joined[2 * DELVE_LINE_MAX];
    bool has_dir = false;
    for (size_t i = 0; i < facts->count; i++) {
        const char *dir = facts->list[i].text;
        size_t n = strlen(dir);
        if (strcmp(facts->list[i].name, "dir") != 0 || n + 1 + len >= sizeof joined)
            continue;
        has_dir = true;
        (void)snprintf(joined, sizeof joined, "%s/%.*s", dir, (int)len, path);
        if (is_absolute_below(root, joined, n + 1 + len, rest, size))
            return true;
    }
    return !has_dir && is_tail_below(root, path, len, rest, size);
}

bool delve_is_below(const struct delve_facts *facts, const char *root, const char *path, size_t len, char *rest,
                    size_t size)
{
    *rest = '\0';
    for (size_t i = 0; facts && len && i < facts->count; i++) {
        if (strcmp(facts->list[i].name, root) != 0)
            continue;
        if (*path == '/' ? is_absolute_below(facts->list[i].text, path, len, rest, size)
                         : is_relative_below(facts, facts->list[i].text, path, len, rest, size))
            return true;
    }
    return false;
}

static bool is_in_modcache(const struct delve_facts *facts, const char *path, size_t len)
{
    static const char name[] = "go.GOMODCACHE";
    char rest[DELVE_LINE_MAX + 1];
    if (!delve_facts_get(facts, name))
        return delve_looks_cached(path, len);
    return delve_is_below(facts, name, path, len, rest, sizeof rest);
}

static bool is_in_gocache(const struct delve_facts *facts, const char *path, size_t len)
{
    static const char name[] = "go.GOCACHE";
    char rest[DELVE_LINE_MAX + 1];
    return !delve_facts_get(facts, name) || delve_is_below(facts, name, path, len, rest, sizeof rest);
}

/* `package x is not in std (ROOT/src/x)`: whether the path is in ROOT/src. */
static bool is_in_named_root(const struct delve_facts *facts, const char *line, const char *path, size_t len)
{
    char root[DELVE_LINE_MAX + 1], rest[DELVE_LINE_MAX + 1];
    const char *open = strrchr(line, '('), *close = open ? strchr(open, ')') : NULL;
    const char *src = close ? memmem(open, (size_t)(close - open), "/src/", sizeof "/src/" - 1) : NULL;
    if (!src || len == 0)
        return false;
    size_t n = (size_t)(src - open) - 1 + sizeof "/src" - 1;
    if (!put_rest(root, sizeof root, open + 1, n))
        return false;
    if (*path == *root && strncmp(path, root, n) == 0)
        return path[n] == '/';
    struct delve_facts none = {0};
    return *path != '/' && *root == '/' && is_relative_below(facts ? facts : &none, root, path, len, rest, sizeof rest);
}

static bool is_in_vendor(const struct delve_facts *facts, const char *path, size_t len)
{
    static const char vendor[] = "/vendor/";
    bool is_named = len >= sizeof vendor - 2 && memcmp(path, vendor + 1, sizeof vendor - 2) == 0;
    return (is_named || (len && memmem(path, len, vendor, sizeof vendor - 1))) && !is_in_modcache(facts, path, len);
}

bool delve_is_own_file(const struct delve_facts *facts, const char *path, size_t len)
{
    static const char goroot[] = "go.GOROOT", src[] = "/src/";
    char rest[DELVE_LINE_MAX + 1];
    if (is_in_modcache(facts, path, len) || is_in_vendor(facts, path, len))
        return false;
    if (delve_facts_get(facts, goroot))
        return !delve_is_below(facts, goroot, path, len, rest, sizeof rest);
    return *path != '/' || !memmem(path, len, src, sizeof src - 1);
}

/* Whether go uses a go.work, and the path (of a go.mod; len 0: not known) is none that holds the build's directory. */
static bool is_of_workspace(const struct delve_facts *facts, const char *path, size_t len)
{
    const char *work = delve_facts_get(facts, "go.GOWORK");
    if (!work || *work != '/')
        return false;
    while (len && path[len - 1] != '/')
        len--;
    if (len == 0)
        return !path || *path == '\0'; /* a line without a path; or go.mod */
    if (strspn(path, "./") >= len)
        return false; /* ../go.mod */
    for (size_t i = 0; i < facts->count; i++) {
        const char *dir = facts->list[i].text;
        if (strcmp(facts->list[i].name, "dir") == 0 && strncmp(dir, path, len - 1) == 0 &&
            (dir[len - 1] == '/' || dir[len - 1] == '\0'))
            return false;
    }
    return true;
}

static bool is_or_holds(const char *module, size_t len, const char *package)
{
    return len && strncmp(package, module, len) == 0 && (package[len] == '\0' || package[len] == '/');
}

static bool is_in_goroot(const struct delve_facts *facts, const char *path, size_t len)
{
    char rest[DELVE_LINE_MAX + 1];
    return delve_is_below(facts, "go.GOROOT", path, len, rest, sizeof rest);
}

static bool is_own(const struct delve_facts *facts, const char *package)
{
    for (size_t i = 0; facts && i < facts->count; i++)
        if (strcmp(facts->list[i].name, "main") == 0 &&
            is_or_holds(facts->list[i].text, strlen(facts->list[i].text), package))
            return true;
    return false;
}

/* Whether the module's package is called so, as far as its path tells: of `dep.F` no more than `dep` is known. */
static bool is_called(const char *module, size_t len, const char *name)
{
    char path[DELVE_NAMED_MAX];
    size_t n = strlen(name);
    return n && !strpbrk(name, "/.") && put_rest(path, sizeof path, module, len) &&
           delve_is_package_name(path, name, n);
}

/* The path of the package that the name stands for, as its file says; NULL: that is not known. */
static const char *imported_path(const struct delve_facts *facts, const char *name)
{
    const char *import = delve_facts_get(facts, "import");
    size_t n = import ? strcspn(import, " ") : 0;
    return n && import[n] && strlen(name) == n && memcmp(import, name, n) == 0 ? import + n + 1 : NULL;
}

/* Whether the file leaves it to the package of this path what it is called. */
static bool is_unnamed(const struct delve_facts *facts, const char *path)
{
    const char *import = delve_facts_get(facts, "import");
    return import && strncmp(import, "- ", 2) == 0 && strcmp(import + 2, path) == 0;
}

/* The module that the facts are about, when it is or holds what d names; NULL otherwise. */
static const char *required_module(const struct delve_facts *facts, const struct delve_diagnosis *d)
{
    const char *module = delve_facts_get(facts, "module"), *path = imported_path(facts, d->module);
    size_t len = module ? strcspn(module, " ") : 0;
    if (path)
        return len && is_or_holds(module, len, path) ? module : NULL;
    return len && (is_or_holds(module, len, d->module) || is_called(module, len, d->module)) ? module : NULL;
}

static void take_module(const char *module, struct delve_diagnosis *d)
{
    size_t n = strcspn(module, " ");
    const char *version = module + n + (module[n] == ' ');
    if (n >= sizeof d->module || strlen(version) >= sizeof d->version)
        return;
    memcpy(d->module, module, n);
    d->module[n] = '\0';
    memcpy(d->version, version, strlen(version) + 1);
}

static bool has_state(const struct delve_facts *facts, const char *name, const char *a, const char *b)
{
    const char *state = delve_facts_get(facts, name);
    return state && (strcmp(state, a) == 0 || strcmp(state, b) == 0);
}

static bool module_holds(int needs, const struct delve_facts *facts, struct delve_diagnosis *d)
{
    const char *module = required_module(facts, d);
    if (!module)
        return false;
    if (needs & DELVE_NEEDS_DAMAGED && !has_state(facts, "module.state", "damaged", "missing"))
        return false;
    if (needs & DELVE_NEEDS_HELD && !has_state(facts, "module.state", "whole", "replaced"))
        return false;
    if (needs & DELVE_NEEDS_WHOLE && !has_state(facts, "module.state", "whole", "whole"))
        return false;
    if (needs & DELVE_NEEDS_ZIP && !has_state(facts, "module.zip", "there", "there"))
        return false;
    if (!(needs & (DELVE_NEEDS_HELD | DELVE_NEEDS_WHOLE)))
        take_module(module, d);
    return true;
}

static bool is_in_workspace(const struct delve_facts *facts)
{
    const char *work = delve_facts_get(facts, "go.GOWORK");
    return work && *work == '/';
}

/* What is needed of the whole build's, whatever the line names. */
static bool build_holds(int needs, const struct delve_facts *facts)
{
    static const struct {
        int need;
        const char *fact, *text;
    } states[] = {
        {DELVE_NEEDS_NO_CGO, "go.CGO_ENABLED", "0"},           {DELVE_NEEDS_OFFLINE, "go.GOPROXY", "off"},
        {DELVE_NEEDS_UNUSED, "work.use", "missing"},           {DELVE_NEEDS_SUM_CLOSED, "sum.state", "closed"},
        {DELVE_NEEDS_SUM_MALFORMED, "sum.state", "malformed"},
    };
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (needs & states[i].need && !has_state(facts, states[i].fact, states[i].text, states[i].text))
            return false;
    return !(needs & DELVE_NEEDS_WORK) || is_in_workspace(facts);
}

bool delve_needs_hold(const struct delve_signature *row, const struct delve_facts *facts, struct delve_diagnosis *d,
                      const char *line, const char *path, size_t len)
{
    int needs = row->needs;
    if (!build_holds(needs, facts))
        return false;
    if (needs & DELVE_NEEDS_MODCACHE && !is_in_modcache(facts, path, len))
        return false;
    if (needs & DELVE_NEEDS_WORKSPACE && !is_of_workspace(facts, path, len))
        return false;
    if (needs & DELVE_NEEDS_VENDOR && !is_in_vendor(facts, path, len))
        return false;
    if (needs & DELVE_NEEDS_IN_GOROOT && !is_in_goroot(facts, path, len))
        return false;
    if (needs & DELVE_NEEDS_NO_FACTS && facts)
        return false;
    if (needs & DELVE_NEEDS_OUTSIDE && is_in_modcache(facts, path, len))
        return false;
    if (needs & DELVE_NEEDS_GOCACHE && !is_in_gocache(facts, path, len))
        return false;
    if (needs & DELVE_NEEDS_GOROOT && !is_in_named_root(facts, line, path, len))
        return false;
    if (needs & DELVE_NEEDS_OWN && !is_own(facts, d->module))
        return false;
    if (needs & DELVE_NEEDS_ABSENT && !has_state(facts, "file.state", "missing", "missing"))
        return false;
    if (needs & DELVE_NEEDS_UNNAMED && !is_unnamed(facts, d->module))
        return false;
    if (needs & DELVE_NEEDS_PACKAGE && !has_state(facts, "package.state", "there", "there"))
        return false;
    return !(needs & (DELVE_NEEDS_DAMAGED | DELVE_NEEDS_HELD | DELVE_NEEDS_WHOLE | DELVE_NEEDS_ZIP)) ||
           module_holds(needs, facts, d);
}

void delve_needs_text(int needs, struct buf *out)
{
    static const struct {
        int need;
        const char *text;
    } texts[] = {
        {DELVE_NEEDS_MODCACHE, "go.GOMODCACHE contains the path"},
        {DELVE_NEEDS_OUTSIDE, "go.GOMODCACHE does not contain the path"},
        {DELVE_NEEDS_GOCACHE, "go.GOCACHE contains the path"},
        {DELVE_NEEDS_GOROOT, "the position is in the root that the line names"},
        {DELVE_NEEDS_OWN, "main contains the package"},
        {DELVE_NEEDS_DAMAGED, "module.state is damaged or missing"},
        {DELVE_NEEDS_HELD, "module.state is whole or replaced"},
        {DELVE_NEEDS_ZIP, "module.zip is present"},
        {DELVE_NEEDS_PACKAGE, "package.state is present"},
        {DELVE_NEEDS_WORKSPACE, "go.GOWORK is a file, and the path another module's"},
        {DELVE_NEEDS_NO_CGO, "go.CGO_ENABLED is 0"},
        {DELVE_NEEDS_IN_GOROOT, "go.GOROOT contains the path"},
        {DELVE_NEEDS_VENDOR, "the path is in a vendor directory"},
        {DELVE_NEEDS_NO_FACTS, "none is known"},
        {DELVE_NEEDS_ABSENT, "file.state is missing"},
        {DELVE_NEEDS_WORK, "go.GOWORK is a file"},
        {DELVE_NEEDS_UNUSED, "work.use is missing"},
        {DELVE_NEEDS_SUM_CLOSED, "sum.state is closed"},
        {DELVE_NEEDS_SUM_MALFORMED, "sum.state is malformed"},
        {DELVE_NEEDS_OFFLINE, "go.GOPROXY is off"},
        {DELVE_NEEDS_WHOLE, "module.state is whole"},
        {DELVE_NEEDS_UNNAMED, "import gives it no name"},
    };
    const char *between = "";
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (!(needs & texts[i].need))
            continue;
        buf_printf(out, "%s%s", between, texts[i].text);
        between = ", ";
    }
}
