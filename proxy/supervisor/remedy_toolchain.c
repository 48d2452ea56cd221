/* Remedies: which Go is needed, and where it may be on the machine already. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/supervisor/modcache.h"
#include "proxy/supervisor/remedy_parts.h"

char remedy_local_toolchain[] = "GOTOOLCHAIN=local";

enum { VERSION_MAX = 64, VERSION_PARTS = 3 };

/* 1.22.3 as three numbers; a toolchain go1.22.3-suffix likewise. What is missing is 0. */
static void parse(const char *text, long *parts)
{
    char *end;
    text += strncmp(text, "go", 2) == 0 ? 2 : 0;
    for (int i = 0; i < VERSION_PARTS; i++) {
        parts[i] = strtol(text, &end, 10);
        text = *end == '.' ? end + 1 : "";
    }
}

static bool is_older(const char *a, const char *b)
{
    long x[VERSION_PARTS], y[VERSION_PARTS];
    parse(a, x);
    parse(b, y);
    for (int i = 0; i < VERSION_PARTS; i++)
        if (x[i] != y[i])
            return x[i] < y[i];
    return false;
}

/* --- what is needed --- */

/* Takes the value of a line NAME VALUE when it is newer than what needed is. */
static void take_line(const char *text, const char *name, char *needed)
{
    for (const char *line = text; line && *line; line += strcspn(line, "\n"), line += *line == '\n') {
        size_t blank = strspn(line, " \t"), word = strcspn(line + blank, " \t\r\n");
        char value[VERSION_MAX];
        if (word != strlen(name) || strncmp(line + blank, name, word) != 0)
            continue;
        const char *at = line + blank + word;
        at += strspn(at, " \t");
        (void)snprintf(value, sizeof value, "%.*s", (int)strcspn(at, " \t\r\n/"), at);
        if (*value && strcmp(value, "default") != 0 && (!*needed || is_older(needed, value)))
            (void)snprintf(needed, VERSION_MAX, "%s", strncmp(value, "go", 2) == 0 ? value + 2 : value);
    }
}

static void take_file(const char *file, bool with_toolchain, char *needed)
{
    struct buf text;
    buf_init(&text, REMEDY_FILE_MAX);
    if (*file && remedy_read(file, &text) == 0) {
        take_line(text.data, "go", needed);
        if (with_toolchain)
            take_line(text.data, "toolchain", needed);
    }
    buf_free(&text);
}

/* --- what is there --- */

/* The version of the Go in a directory; false: there is none. */
static bool read_version(const char *root, char *version)
{
    char path[SUPERVISOR_PATH_MAX];
    struct buf text;
    remedy_path(path, "%s/bin/go", root);
    if (!remedy_exists(path))
        return false;
    remedy_path(path, "%s/VERSION", root);
    buf_init(&text, REMEDY_FILE_MAX);
    bool is_read = remedy_read(path, &text) == 0 && text.data && strncmp(text.data, "go", 2) == 0;
    if (is_read)
        (void)snprintf(version, VERSION_MAX, "%.*s", (int)strcspn(text.data, " \r\n"), text.data);
    buf_free(&text);
    return is_read;
}

struct found {
    const char *needed;
    char version[VERSION_MAX], root[SUPERVISOR_PATH_MAX]; /* "": none yet */
};

/* The oldest that will do: it differs least from what is asked for. */
static void consider(struct found *f, const char *root)
{
    char version[VERSION_MAX];
    if (!read_version(root, version) || is_older(version, f->needed))
        return;
    if (*f->root && !is_older(version, f->version))
        return;
    (void)snprintf(f->version, sizeof f->version, "%s", version);
    remedy_path(f->root, "%s", root);
}

static void look(struct found *f, const char *dir, const char *prefix)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    char root[SUPERVISOR_PATH_MAX];
    while (d && (e = readdir(d))) {
        if (strncmp(e->d_name, prefix, strlen(prefix)) != 0)
            continue;
        remedy_path(root, "%s/%s", dir, e->d_name);
        consider(f, root);
    }
    if (d)
        (void)closedir(d);
}

static void look_in(struct found *f, const char *variable, const char *below, const char *prefix)
{
    char dir[SUPERVISOR_PATH_MAX];
    if (!variable || *variable != '/')
        return;
    remedy_path(dir, "%s%s", variable, below);
    look(f, dir, prefix);
}

/* Of the go that was called; what does not fit is none. */
static void read_go_env(const char *name, char *value, size_t size)
{
    struct buf text;
    buf_init(&text, size - 1);
    struct remedy_go go = {
        .argv = REMEDY_ARGS("env", name), .env = (char *[]){remedy_local_toolchain, NULL}, .err = REMEDY_QUIET};
    bool is_read = remedy_go_read(&go, &text) == 0 && text.data && !text.failed;
    (void)snprintf(value, size, "%.*s", is_read ? (int)strcspn(text.data, "\n") : 0, is_read ? text.data : "");
    buf_free(&text);
}

static void look_everywhere(const struct remedy *r, struct found *f)
{
    static const char *const usual[] = {"/usr/local", "/usr/lib", "/opt"};
    char goroot[SUPERVISOR_PATH_MAX];
    read_go_env("GOROOT", goroot, sizeof goroot);
    look_in(f, goroot, "/..", "go");
    look_in(f, getenv("HOME"), "/sdk", "go");
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        look(f, usual[i], "go");
    look_in(f, r->modcache, "/golang.org", "toolchain@");
}

/* --- the remedy --- */

/* What go refuses without: the go lines, also of the module that the diagnosis names. A toolchain line may be passed
 * over. */
static void find_needed(const struct remedy *r, bool with_toolchain, char *needed)
{
    char entry[SUPERVISOR_PATH_MAX], file[SUPERVISOR_PATH_MAX];
    *needed = '\0';
    take_file(r->modfile, with_toolchain, needed);
    take_file(r->work, with_toolchain, needed);
    if (!*r->module || !*r->version || !*r->modcache ||
        modcache_paths(r->modcache, r->module, r->version, NULL, entry) < 0)
        return;
    remedy_path(file, "%s.mod", entry);
    take_file(file, false, needed);
}

static void report(const struct remedy *r)
{
    char needed[VERSION_MAX];
    struct found f = {.needed = needed};
    find_needed(r, true, needed);
    if (!*needed)
        return;
    look_everywhere(r, &f);
    if (*f.root)
        remedy_notef(
            r, "Go %s or newer is needed, and %s is in %s on the Go machine: set go.path of the target to %s/bin/go",
            needed, f.version, f.root, f.root);
    else
        remedy_notef(r, "Go %s or newer is needed, and was not found on the Go machine", needed);
}

int remedy_toolchain(struct remedy *r)
{
    char needed[VERSION_MAX], local[VERSION_MAX];
    int status = remedy_find_files(r);
    if (status)
        return status;
    find_needed(r, false, needed);
    read_go_env("GOVERSION", local, sizeof local);
    if (*needed && *local && is_older(local, needed))
        status = remedy_unsuited("%s is too old: go.mod asks for Go %s", local, needed);
    else
        status = remedy_try_out(r, NULL, (char *[]){remedy_local_toolchain, NULL}, remedy_local_toolchain);
    if (status)
        report(r);
    return status;
}
