/* The file that a failure names: whether it is there, whether it can be used, and whose it is. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dap/buf.h"
#include "proxy/supervisor/inspect_parts.h"
#include "proxy/supervisor/modcache.h"
#include "proxy/supervisor/user.h"

int inspect_path(char *path, const char *dir, const char *name)
{
    struct buf whole;
    size_t len = 0;
    buf_init(&whole, 2 * SUPERVISOR_PATH_MAX);
    buf_printf(&whole, "%s/%s", *name == '/' ? "" : dir, name);
    for (const char *p = whole.data; p && *p && len < SUPERVISOR_PATH_MAX;) {
        p += strspn(p, "/");
        size_t n = strcspn(p, "/");
        if (n == 2 && p[0] == '.' && p[1] == '.') {
            while (len > 0 && path[--len] != '/')
                ;
        } else if (n > 0 && !(n == 1 && *p == '.')) {
            if (len + 1 + n < SUPERVISOR_PATH_MAX) {
                path[len] = '/';
                memcpy(path + len + 1, p, n);
            }
            len += 1 + n;
        }
        p += n;
    }
    bool fits = !whole.failed && len + 1 < SUPERVISOR_PATH_MAX;
    buf_free(&whole);
    if (fits && len == 0)
        path[len++] = '/';
    path[fits ? len : 0] = '\0';
    return fits ? 0 : -1;
}

static bool is_below(const char *path, const char *dir)
{
    size_t n = strlen(dir);
    return n > 0 && strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* What go makes in its cache is read-only; its owner may change that. */
static bool is_closed(const struct inspection *in, const char *path, const struct stat *st)
{
    int enter = S_ISDIR(st->st_mode) ? X_OK : 0;
    if (is_below(path, in->modcache))
        return !modcache_is_ours(path);
    return access(path, R_OK | W_OK | enter) < 0;
}

static void owner_fact(const struct inspection *in, uid_t uid)
{
    char name[USER_NAME_MAX];
    user_name(uid, name);
    inspect_fact(in, "file.owner", name);
}

/* The directory that is there, from the file's own upwards. */
static int parent_of(const char *file, char *dir, struct stat *st)
{
    char *slash;
    (void)snprintf(dir, SUPERVISOR_PATH_MAX, "%s", file);
    while ((slash = strrchr(dir, '/')) && slash > dir) {
        *slash = '\0';
        if (stat(dir, st) == 0)
            return 0;
    }
    (void)snprintf(dir, SUPERVISOR_PATH_MAX, "/");
    return stat(dir, st);
}

void inspect_file(const struct inspection *in)
{
    char dir[SUPERVISOR_PATH_MAX];
    struct stat st, parent;
    if (!*in->file)
        return;
    bool is_there = stat(in->file, &st) == 0 || lstat(in->file, &st) == 0;
    bool is_hidden = !is_there && errno == EACCES;
    bool has_parent = parent_of(in->file, dir, &parent) == 0;
    inspect_fact(in, "file.state",
                 is_hidden                      ? "closed"
                 : !is_there                    ? "missing"
                 : is_closed(in, in->file, &st) ? "closed"
                                                : "open");
    if (has_parent)
        inspect_fact(in, "file.parent", is_closed(in, dir, &parent) ? "closed" : "open");
    if (is_there || has_parent)
        owner_fact(in, is_there ? st.st_uid : parent.st_uid);
}
