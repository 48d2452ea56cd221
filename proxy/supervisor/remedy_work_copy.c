/* Remedies for workspaces: a copy of go.work with absolute paths and all its sums. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/supervisor/remedy_parts.h"

enum {
    WORK_EDITS_MAX = 4096,            /* changes to one go.work */
    WORK_EDIT_BYTES = 4 * 1024 * 1024 /* of all of them */
};

/* Arguments of `go work edit`: NUL-terminated, one after the other. */
struct edits {
    const char *dir; /* of the real go.work */
    struct buf args;
    size_t count;
};

/* Appends the path without . and .., which go would take for another directory's. As go has it, not as the file system
 * has it: Delve shows what go was given. */
static void put_absolute(struct buf *out, const char *dir, const char *path)
{
    char whole[2 * SUPERVISOR_PATH_MAX];
    size_t begin = out->len;
    (void)snprintf(whole, sizeof whole, "%s/%s", dir, path);
    for (const char *p = whole; *p && !out->failed;) {
        p += strspn(p, "/");
        size_t len = strcspn(p, "/");
        if (len == 2 && p[0] == '.' && p[1] == '.') {
            while (out->len > begin && out->data[--out->len] != '/')
                ;
            if (out->data)
                out->data[out->len] = '\0';
        } else if (len > 0 && !(len == 1 && *p == '.')) {
            buf_puts(out, "/");
            buf_append(out, p, len);
        }
        p += len;
    }
    if (out->len == begin)
        buf_puts(out, "/");
}

static bool end_edit(struct edits *e, size_t n)
{
    buf_append(&e->args, "", 1);
    e->count += n;
    return !e->args.failed && e->count < WORK_EDITS_MAX;
}

static bool edit_use(void *arg, const char *path)
{
    struct edits *e = arg;
    if (*path == '/')
        return true;
    buf_printf(&e->args, "-dropuse=%s", path);
    if (!end_edit(e, 1))
        return false;
    buf_puts(&e->args, "-use=");
    put_absolute(&e->args, e->dir, path);
    return end_edit(e, 1);
}

static bool is_relative(const char *path)
{
    return strncmp(path, "./", 2) == 0 || strncmp(path, "../", 3) == 0 || strcmp(path, ".") == 0 ||
           strcmp(path, "..") == 0;
}

static bool edit_replace(void *arg, const char *old_path, const char *old_version, const char *path)
{
    struct edits *e = arg;
    if (!is_relative(path))
        return true;
    buf_printf(&e->args, "-replace=%s%s%s=", old_path, *old_version ? "@" : "", old_version);
    size_t begin = e->args.len;
    put_absolute(&e->args, e->dir, path);
    /* Go would take what follows an @ for a version. */
    return end_edit(e, 1) && !strchr(e->args.data + begin, '@');
}

static int apply(const struct edits *e, const char *file)
{
    const char **argv = calloc(e->count + 4, sizeof *argv);
    size_t n = 0;
    if (!argv)
        return REMEDY_FAILED;
    argv[n++] = "work";
    argv[n++] = "edit";
    for (const char *p = e->args.data; n < e->count + 2; p += strlen(p) + 1)
        argv[n++] = p;
    argv[n] = file;
    int status = remedy_go_plain(argv);
    free(argv);
    return status;
}

/* Every path of the copy becomes absolute, as dir, the real file's, has it. */
static int make_absolute(const char *copy, const char *dir)
{
    static const struct remedy_json_handler handler = {edit_use, edit_replace};
    struct buf json;
    struct edits e = {.dir = dir};
    buf_init(&json, REMEDY_FILE_MAX);
    buf_init(&e.args, WORK_EDIT_BYTES);
    struct remedy_go go = {.argv = REMEDY_ARGS("work", "edit", "-json", copy), .err = STDERR_FILENO};
    int status = remedy_go_read(&go, &json);
    if (status == 0 && (json.failed || !json.data || !remedy_json_work(json.data, json.len, &handler, &e)))
        status = REMEDY_FAILED;
    if (status == 0 && e.count > 0)
        status = apply(&e, copy);
    buf_free(&json);
    buf_free(&e.args);
    return status;
}

int remedy_copy_work(const struct remedy *r, const char *dir)
{
    char from[SUPERVISOR_PATH_MAX], to[SUPERVISOR_PATH_MAX], home[SUPERVISOR_PATH_MAX];
    remedy_path(from, "%s.sum", r->work);
    remedy_path(to, "%s/go.work.sum", dir);
    int status = remedy_copy(from, to);
    remedy_path(to, "%s/go.work", dir);
    if (!status)
        status = remedy_copy(r->work, to);
    if (status)
        return status;
    remedy_path(home, "%.*s", (int)(strrchr(r->work, '/') - r->work), r->work);
    if (make_absolute(to, home) != 0)
        return remedy_unsuited("%s cannot be copied: a path in it cannot be parsed", r->work);
    return 0;
}
