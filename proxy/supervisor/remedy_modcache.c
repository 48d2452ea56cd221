/* Remedies: a fresh module cache in the run directory, where the user's can't be changed or read. It is filled from the
 * old one as a file proxy: nothing there is written, go.sum judges what comes from it as it judges everything else. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/supervisor/directory.h"
#include "proxy/supervisor/modcache.h"
#include "proxy/supervisor/remedy_parts.h"
#include "proxy/supervisor/user.h"

enum { PROXY_MAX = 4 * SUPERVISOR_PATH_MAX, TEXT_MAX = 4 * SUPERVISOR_PATH_MAX, ENV_MAX = 4 };

/* --- filling it --- */

/* Appends what go has for GOPROXY. */
static int put_own_proxies(struct buf *out)
{
    struct remedy_go go = {.argv = REMEDY_ARGS("env", "GOPROXY"), .err = STDERR_FILENO};
    int status = remedy_go_read(&go, out);
    while (!out->failed && out->len > 0 && out->data[out->len - 1] == '\n')
        out->data[--out->len] = '\0';
    return status || out->failed ? REMEDY_FAILED : 0;
}

/* What the package imports; what its tests import besides is fetched as far as it is there. Where go can't say what it
 * imports, all that go.mod names. */
static int fill_with(const struct remedy *r, char *const *env)
{
    int status = remedy_fetch_imported(r, false, env, STDOUT_FILENO);
    if (status == 0)
        (void)remedy_fetch_imported(r, true, env, STDOUT_FILENO);
    else
        status = remedy_fetch_needed(r, env, STDOUT_FILENO);
    return status;
}

/* From the old cache alone first: so does what GONOPROXY would have fetched directly. Then what is closed in it comes
 * from where it always does; what is damaged in it, only when all does. */
static int fill(const struct remedy *r, const char *new)
{
    static char no_private[] = "GONOPROXY=none";
    char cache[SUPERVISOR_PATH_MAX + sizeof "GOMODCACHE="], path[SUPERVISOR_PATH_MAX];
    struct buf old, both;
    buf_init(&old, PROXY_MAX);
    buf_init(&both, REMEDY_OUTPUT_MAX);
    (void)snprintf(cache, sizeof cache, "GOMODCACHE=%s", new);
    remedy_path(path, "%s/cache/download", r->modcache);
    buf_puts(&old, "GOPROXY=");
    remedy_proxy_of(&old, path);
    buf_append(&both, old.data, old.len);
    buf_puts(&both, "|");
    int status = put_own_proxies(&both);
    if (!status && !old.failed)
        status = fill_with(r, (char *const[]){cache, old.data, no_private, NULL});
    if (status && !both.failed)
        status = fill_with(r, (char *const[]){cache, both.data, NULL});
    if (status && directory_remove(new) == 0 && mkdir(new, REMEDY_DIR_MODE) == 0)
        status = fill_with(r, (char *const[]){cache, NULL});
    buf_free(&old);
    buf_free(&both);
    return status;
}

/* --- why --- */

/* What of the old cache this user can't change or read; errno is why. Returns false when nothing was found. */
static bool find_closed(const struct remedy *r, char *path)
{
    static const char *const below[] = {"", "/cache", "/cache/lock", "/cache/download"};
    static const char *const kinds[] = {".zip", ".ziphash", ".mod", ".info", ".lock"};
    char tree[SUPERVISOR_PATH_MAX], entry[SUPERVISOR_PATH_MAX];
    for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
        remedy_path(path, "%s%s", r->modcache, below[i]);
        if (!modcache_is_ours(path) && errno != ENOENT)
            return true;
    }
    if (!remedy_is_version(r->module, r->version) ||
        modcache_paths(r->modcache, r->module, r->version, tree, entry) < 0)
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        remedy_path(path, "%s%s", entry, kinds[i]);
        if (!modcache_is_ours(path) && errno != ENOENT)
            return true;
    }
    /* Each directory above both counts, the farther first. */
    for (const char *const *at = (const char *const[]){entry, tree, NULL}; *at; at++)
        for (const char *slash = *at + strlen(r->modcache) + 1; slash; slash = strchr(slash + 1, '/')) {
            remedy_path(path, "%.*s", (int)(slash - *at), *at);
            if (!modcache_is_ours(path) && errno != ENOENT)
                return true;
        }
    remedy_path(path, "%s", tree);
    return !modcache_is_ours(path) && errno != ENOENT;
}

/* Which command gives it back. */
static void put_command(struct buf *text, const struct remedy *r, int why)
{
    char me[USER_NAME_MAX];
    user_name(geteuid(), me);
    if (why == EROFS || why == ENOTDIR)
        buf_puts(text, "set GOMODCACHE of the target to a directory that can be written");
    else if (why == EPERM)
        buf_printf(text, "run `sudo chattr -R -i %s` on the Go machine", r->modcache);
    else
        buf_printf(text, "run `sudo chown -R %s %s && chmod -R u+rwX %s` on the Go machine", me, r->modcache,
                   r->modcache);
}

static void report(const struct remedy *r, const char *new)
{
    char path[SUPERVISOR_PATH_MAX], owner[USER_NAME_MAX] = "";
    struct stat st;
    struct buf text;
    buf_init(&text, TEXT_MAX);
    errno = 0;
    bool is_closed = find_closed(r, path);
    int why = errno;
    if (is_closed && lstat(path, &st) == 0)
        user_name(st.st_uid, owner);
    if (is_closed)
        buf_printf(&text, "%s can't be used on the Go machine: %s%s%s%s. ", path, strerror(why),
                   *owner ? " (it belongs to " : "", owner, *owner ? ")" : "");
    buf_printf(&text, "Delve builds with a fresh module cache, %s, filled from %s, which is unchanged", new,
               r->modcache);
    buf_puts(&text, ".\nPermanent fix: ");
    if (is_closed)
        put_command(&text, r, why);
    else
        buf_puts(&text, "run `go clean -modcache` on the Go machine once it reaches its module proxy");
    remedy_note(r, text.data ? text.data : "");
    buf_free(&text);
}

/* --- the whole --- */

/* Of a path that an earlier session may have had: go's index of what was there. */
static int forget(const struct remedy *r, const char *new)
{
    struct buf dirs;
    bool changed;
    buf_init(&dirs, REMEDY_FILE_MAX);
    modcache_trees(new, &dirs);
    int status = remedy_forget_index(r, &dirs, &changed);
    buf_free(&dirs);
    return status;
}

int remedy_modcache(struct remedy *r)
{
    char new[SUPERVISOR_PATH_MAX];
    int status = remedy_find_files(r);
    if (status)
        return status;
    remedy_path(new, "%s/modcache", r->dir);
    if (strcmp(new, r->modcache) == 0)
        return remedy_unsuited("the build has a fresh module cache already");
    if (remedy_is_vendored(r) && !*r->work)
        return remedy_unsuited("the build takes its modules from %s/vendor", r->root);
    remedy_find_version(r);
    status = remedy_make_verifier(r);
    if (!status)
        status = remedy_fresh_dir(r, "modcache");
    if (status)
        return status;
    if (fill(r, new) != 0) {
        (void)directory_remove(new);
        return remedy_failed("a fresh module cache could not be filled from %s on the Go machine", r->modcache);
    }
    status = forget(r, new);
    if (status == REMEDY_DONE)
        report(r, new);
    return status;
}
