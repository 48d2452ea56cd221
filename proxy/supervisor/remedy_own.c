/* Remedies: packages of the program's own modules are never asked of a module proxy. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proxy/supervisor/remedy_parts.h"

/* What the go command prints before it asks. */
#define FINDING "go: finding module for package "
/* And when it lacks a module, so that it cannot say what else it would look for. */
#define NO_NETWORK "lookup disabled by GOPROXY=off"
#define DOWNLOADING "go: downloading "

enum { LIST_ARGS_MAX = 256 };

/* Paths of main modules, NUL-terminated, one after the other. */
struct own {
    const struct remedy *r;
    struct buf paths;
    struct buf named;         /* by the main module's go.mod */
    struct buf seen, missing; /* packages of theirs that are imported, likewise */
};

/* The module's line comes first. */
static void add_path(struct own *own, const struct buf *named)
{
    if (named->len == 0 || strcmp(named->data, "module") != 0)
        return;
    const char *path = named->data + sizeof "module" + 1; /* behind its empty name */
    buf_append(&own->paths, path, strlen(path) + 1);
}

static void add_module(struct own *own, const char *file)
{
    struct buf named;
    buf_init(&named, REMEDY_FILE_MAX);
    /* A file that cannot be read has no module that go would know. */
    if (remedy_named(file, REMEDY_QUIET, &named) == 0)
        add_path(own, &named);
    buf_free(&named);
}

static bool add_use(void *arg, const char *path)
{
    struct own *own = arg;
    char dir[SUPERVISOR_PATH_MAX], file[SUPERVISOR_PATH_MAX];
    remedy_used_dir(own->r, path, dir);
    remedy_path(file, "%s/go.mod", dir);
    add_module(own, file);
    return true;
}

static bool pass_replace(void *arg, const char *old_path, const char *old_version, const char *path)
{
    (void)arg;
    (void)old_path;
    (void)old_version;
    (void)path;
    return true;
}

/* Returns false when the workspace's modules cannot be known. */
static bool find_own(const struct remedy *r, struct own *own)
{
    static const struct remedy_json_handler handler = {add_use, pass_replace};
    struct buf json;
    *own = (struct own){.r = r};
    buf_init(&own->paths, REMEDY_FILE_MAX);
    buf_init(&own->named, REMEDY_FILE_MAX);
    buf_init(&own->seen, REMEDY_FILE_MAX);
    buf_init(&own->missing, REMEDY_FILE_MAX);
    buf_init(&json, REMEDY_FILE_MAX);
    if (*r->modfile && remedy_named(r->modfile, REMEDY_QUIET, &own->named) == 0)
        add_path(own, &own->named);
    struct remedy_go go = {.argv = REMEDY_ARGS("work", "edit", "-json", r->work), .err = REMEDY_QUIET};
    bool is_known = !*r->work || (remedy_go_read(&go, &json) == 0 && json.data && !json.failed &&
                                  remedy_json_work(json.data, json.len, &handler, own));
    buf_free(&json);
    return is_known;
}

/* The own module that has the package, NULL: none. */
static const char *owner(const struct own *own, const char *package, size_t len)
{
    const char *longest = NULL;
    for (size_t at = 0; at < own->paths.len; at += strlen(own->paths.data + at) + 1) {
        const char *path = own->paths.data + at;
        size_t n = strlen(path);
        bool has = n && n <= len && strncmp(path, package, n) == 0 && (n == len || package[n] == '/');
        if (has && (!longest || n > strlen(longest)))
            longest = path;
    }
    return longest;
}

static int report(const struct own *own, const char *package, size_t len)
{
    const char *path = owner(own, package, len);
    if (strcmp(path, own->paths.data) != 0)
        return remedy_unsuited(
            "%.*s belongs to %s in the workspace, which %s does not require; no module proxy is asked for it", (int)len,
            package, path, own->r->modfile);
    return remedy_unsuited("%.*s is missing in the program's own module %s; no module proxy is asked for it: copy its "
                           "directory to the Go machine, or correct the import",
                           (int)len, package, path);
}

/* A package that a module has which go.mod names may be asked for: the user's own go does. */
static int check(const struct own *own, const char *package, size_t len)
{
    bool is_own = owner(own, package, len) && !remedy_is_required(&own->named, package, len);
    return is_own ? report(own, package, len) : 0;
}

/* --- what go would look for --- */

/* Whether go would look for no package of the program's own, as far as it can say without the network. */
static bool is_clear(const struct own *own, const char *output)
{
    bool clear = !output || (!strstr(output, NO_NETWORK) && !strstr(output, DOWNLOADING));
    for (const char *line = output; line && *line && clear;) {
        size_t len = strcspn(line, "\n"), skip = strlen(FINDING);
        if (strncmp(line, FINDING, skip) == 0)
            clear = !owner(own, line + skip, len - skip);
        line += len + (line[len] == '\n');
    }
    return clear;
}

static bool try_without_network(const struct own *own, const char *flag)
{
    static char off[] = "GOPROXY=off", none[] = "GONOPROXY=none", no_work[] = "GOWORK=off";
    struct buf output;
    buf_init(&output, REMEDY_FILE_MAX);
    const char *argv[LIST_ARGS_MAX] = {"list", "-e", "-mod=mod", flag, "-deps", "-test"};
    size_t n = remedy_add_flags(own->r, argv, own->r->is_test ? 6 : 5, LIST_ARGS_MAX - 2);
    argv[n++] = "--";
    argv[n++] = own->r->package;
    argv[n] = NULL;
    struct remedy_go go = {.argv = argv, .env = (char *[]){off, none, no_work, NULL}};
    /* With -e it also succeeds where packages are missing. */
    bool clear = remedy_go_stderr(&go, &output) == 0 && !output.failed && is_clear(own, output.data);
    buf_free(&output);
    return clear;
}

/* --- what the program's files import --- */

static void package_dir(const struct own *own, const char *path, const char *package, size_t len, char *dir)
{
    size_t n = strlen(path);
    remedy_path(dir, "%s%.*s", own->r->root, (int)(len - n), package + n);
}

/* Whether the main module has the directory of the package. Go mod knows no workspace. */
static bool is_there(const struct own *own, const char *path, const char *package, size_t len)
{
    char dir[SUPERVISOR_PATH_MAX];
    if (strcmp(path, own->paths.data) != 0)
        return false;
    package_dir(own, path, package, len, dir);
    return remedy_has_go_files(dir);
}

static bool is_seen(const struct buf *seen, const char *package, size_t len)
{
    for (size_t at = 0; at < seen->len; at += strlen(seen->data + at) + 1)
        if (strlen(seen->data + at) == len && memcmp(seen->data + at, package, len) == 0)
            return true;
    return false;
}

/* Notes what is there and what is missing. */
static void take_import(void *arg, const char *package, size_t len)
{
    struct own *own = arg;
    const char *path = owner(own, package, len);
    if (!path || remedy_is_required(&own->named, package, len))
        return;
    struct buf *to = is_there(own, path, package, len) ? &own->seen : &own->missing;
    if (is_seen(to, package, len))
        return;
    buf_append(to, package, len);
    buf_append(to, "", 1);
}

static int report_missing(const struct own *own)
{
    if (own->missing.failed || own->seen.failed)
        return remedy_failed("there are too many packages in %s", own->r->root);
    const char *package = own->missing.data;
    return own->missing.len == 0 ? 0 : report(own, package, strlen(package));
}

/* The package, and what it imports of its own module. */
static void reach(struct own *own, const char *cwd)
{
    char dir[SUPERVISOR_PATH_MAX];
    remedy_path(dir, "%s/%s", cwd, own->r->package);
    remedy_imports_of(dir, true, take_import, own);
    for (size_t at = 0; at < own->seen.len; at += strlen(own->seen.data + at) + 1) {
        const char *package = own->seen.data + at;
        package_dir(own, own->paths.data, package, strlen(package), dir);
        remedy_imports_of(dir, false, take_import, own);
    }
}

/* --- the checks --- */

static int check_named(const struct own *own)
{
    return check(own, own->r->module, strlen(own->r->module));
}

/* The files may import what the tags and the system leave out: go knows better, when it can say. */
static int check_package(struct own *own, const char *flag)
{
    char cwd[SUPERVISOR_PATH_MAX];
    int status = check_named(own);
    if (status || own->paths.len == 0)
        return status;
    if (own->r->package[0] == '.' && !strstr(own->r->package, "...") && getcwd(cwd, sizeof cwd))
        reach(own, cwd);
    else
        remedy_imports(own->r->root, take_import, own);
    return own->missing.len == 0 || try_without_network(own, flag) ? 0 : report_missing(own);
}

static int check_module(struct own *own, const char *flag)
{
    (void)flag;
    int status = check_named(own);
    if (status || own->paths.len == 0)
        return status;
    remedy_imports(own->r->root, take_import, own);
    return report_missing(own);
}

static int with_own(const struct remedy *r, int (*check_what)(struct own *own, const char *flag), const char *flag)
{
    struct own own;
    int status = find_own(r, &own) ? check_what(&own, flag)
                                   : remedy_unsuited("%s cannot be read: go might ask a module proxy for the packages "
                                                     "of its modules",
                                                     r->work);
    buf_free(&own.paths);
    buf_free(&own.named);
    buf_free(&own.seen);
    buf_free(&own.missing);
    return status;
}

int remedy_check_own_package(const struct remedy *r, const char *flag)
{
    return with_own(r, check_package, flag);
}

int remedy_check_own_module(const struct remedy *r)
{
    return with_own(r, check_module, NULL);
}
