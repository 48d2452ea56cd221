/* Remedies: what the files of a module import, whatever the tags and the system: `go mod tidy` looks for all of it. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "proxy/supervisor/remedy_parts.h"

enum { DEPTH_MAX = 64 };

struct walk {
    remedy_import_handler handler;
    void *arg;
    unsigned depth, depth_max;
    bool with_tests;
};

static bool is_go_file(const char *name)
{
    size_t len = strlen(name);
    return len > strlen(".go") && strcmp(name + len - strlen(".go"), ".go") == 0 && *name != '_' && *name != '.';
}

static bool is_test(const char *name)
{
    size_t len = strlen(name);
    return len > strlen("_test.go") && strcmp(name + len - strlen("_test.go"), "_test.go") == 0;
}

bool remedy_has_go_files(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    bool found = false;
    while (d && !found && (e = readdir(d)))
        found = is_go_file(e->d_name);
    if (d)
        (void)closedir(d);
    return found;
}

/* The path that a line imports: `"PATH"`, `import "PATH"`, `name "PATH"`. len 0: none. */
static const char *imported(const char *line, size_t line_len, size_t *len)
{
    static const char before[] = " \t\r;(._abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    *len = 0;
    size_t at = 0;
    while (at < line_len && line[at] != '"' && line[at] != '`') {
        /* A name may have letters of any script. */
        if ((unsigned char)line[at] < 0x80 && !strchr(before, line[at]))
            return NULL;
        at++;
    }
    const char *quote = line + at;
    const char *end = at < line_len ? memchr(quote + 1, *quote, line_len - at - 1) : NULL;
    if (!end || (end + 1 < line + line_len && !strchr(" \t\r;)/", end[1])))
        return NULL;
    *len = (size_t)(end - quote - 1);
    return quote + 1;
}

static void scan_text(const struct walk *w, const char *text)
{
    for (const char *line = text; line && *line;) {
        size_t len, line_len = strcspn(line, "\n");
        const char *path = imported(line, line_len, &len);
        if (path && len)
            w->handler(w->arg, path, len);
        line += line_len + (line[line_len] == '\n');
    }
}

static void scan_file(const struct walk *w, const char *file)
{
    struct buf text;
    buf_init(&text, REMEDY_FILE_MAX);
    /* What cannot be read, go cannot read either. */
    if (remedy_read(file, &text) == 0)
        scan_text(w, text.data);
    buf_free(&text);
}

/* Directories that go passes over, and those of other modules. */
static bool is_passed_over(const char *path, const char *name)
{
    char file[SUPERVISOR_PATH_MAX];
    if (*name == '.' || *name == '_' || strcmp(name, "testdata") == 0 || strcmp(name, "vendor") == 0)
        return true;
    remedy_path(file, "%s/go.mod", path);
    return remedy_exists(file);
}

static void walk_dir(struct walk *w, const char *dir);

static void visit(struct walk *w, const char *dir, const char *name)
{
    char path[SUPERVISOR_PATH_MAX];
    struct stat st;
    remedy_path(path, "%s/%s", dir, name);
    if (lstat(path, &st) < 0)
        return;
    if (!S_ISDIR(st.st_mode) && is_go_file(name) && (w->with_tests || !is_test(name)))
        scan_file(w, path);
    else if (S_ISDIR(st.st_mode) && w->depth < w->depth_max && !is_passed_over(path, name))
        walk_dir(w, path);
}

static void walk_dir(struct walk *w, const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    w->depth++;
    while (d && (e = readdir(d)))
        visit(w, dir, e->d_name);
    if (d)
        (void)closedir(d);
    w->depth--;
}

void remedy_imports(const char *root, remedy_import_handler handler, void *arg)
{
    struct walk w = {.handler = handler, .arg = arg, .depth_max = DEPTH_MAX, .with_tests = true};
    walk_dir(&w, root);
}

void remedy_imports_of(const char *dir, bool with_tests, remedy_import_handler handler, void *arg)
{
    struct walk w = {.handler = handler, .arg = arg, .depth_max = 1, .with_tests = with_tests};
    walk_dir(&w, dir);
}
