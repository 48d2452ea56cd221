/* Remedies for caches: an entry fetched again, the whole module cache, a build cache of the session's own. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/supervisor/directory.h"
#include "proxy/supervisor/modcache.h"
#include "proxy/supervisor/remedy_parts.h"

enum {
    GOCACHE_TRIED = 64 * REMEDY_CHUNK, /* bytes that must fit into a build cache */
    PROXY_MAX = 4 * SUPERVISOR_PATH_MAX,
    ENTRY_FILES = 6
};

/* --- a build cache --- */

static int try_space(const char *path)
{
    static char zeros[REMEDY_CHUNK]; /* const, they would be in the program that travels */
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, REMEDY_FILE_MODE);
    if (fd < 0)
        return -1;
    ssize_t n = 1;
    for (size_t left = GOCACHE_TRIED; left > 0 && n > 0; left -= n > 0 ? (size_t)n : 0)
        n = write(fd, zeros, left < sizeof zeros ? left : sizeof zeros);
    int error = errno;
    if (close(fd) < 0 && n > 0)
        return -1;
    errno = error;
    return n > 0 ? unlink(path) : -1;
}

int remedy_make_gocache(const struct remedy *r)
{
    char path[SUPERVISOR_PATH_MAX], file[SUPERVISOR_PATH_MAX];
    remedy_path(path, "%s/gocache", r->dir);
    remedy_path(file, "%s/try", path);
    if ((mkdir(path, REMEDY_DIR_MODE) < 0 && errno != EEXIST) || try_space(file) < 0) {
        int error = errno;
        (void)directory_remove(path);
        return remedy_failed("%s: %s\n"
                             "no build cache can be created in %s on the Go machine",
                             file, strerror(error), r->dir);
    }
    return REMEDY_DONE;
}

int remedy_gocache(struct remedy *r)
{
    return remedy_make_gocache(r);
}

/* --- what go says --- */

/* A file for its output, and what that comes to. */
static int open_output(const struct remedy *r, char *path)
{
    remedy_path(path, "%s/words", r->dir);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, REMEDY_FILE_MODE);
    if (fd < 0)
        (void)remedy_failed("%s could not be written on the Go machine: %s", path, strerror(errno));
    return fd;
}

static void print_output(const struct buf *output)
{
    for (size_t at = 0; at < output->len;) {
        ssize_t n = write(STDOUT_FILENO, output->data + at, output->len - at);
        if (n < 0 && errno != EINTR)
            return;
        at += n > 0 ? (size_t)n : 0;
    }
}

/* Whether go refused what it was given. */
static bool is_refused(const struct buf *output)
{
    static const char error[] = "SECURITY ERROR";
    if (!output->data)
        return false;
    if (strncmp(output->data, error, strlen(error)) == 0 || strstr(output->data, "checksum mismatch"))
        return true;
    return strstr(output->data, "\nSECURITY ERROR") != NULL;
}

/* --- one entry --- */

/* Whether a line of go.sum is of this module@version, its go.mod or its files. */
static bool is_sum_of(const struct remedy *r, const char *line, size_t len)
{
    size_t module = strlen(r->module), version = strlen(r->version);
    line += strspn(line, " \t");
    if (len <= module + 1 + version || strncmp(line, r->module, module) != 0 || line[module] != ' ')
        return false;
    const char *rest = line + module + 1;
    return strncmp(rest, r->version, version) == 0 &&
           (rest[version] == ' ' || strncmp(rest + version, "/go.mod ", strlen("/go.mod ")) == 0);
}

static void take_sums(const struct remedy *r, const struct buf *from, bool of_it, struct buf *to)
{
    for (size_t at = 0; at < from->len;) {
        const char *line = from->data + at;
        size_t len = strcspn(line, "\n");
        bool is_whole = line[len] == '\n';
        if (is_sum_of(r, line, len) == of_it) {
            buf_append(to, line, len);
            buf_puts(to, "\n");
        }
        at += len + is_whole;
        if (!is_whole && line[len] == '\0' && at < from->len)
            at++; /* a NUL in a file of text */
    }
}

/* Sums of a copy that were taken from the damaged entry go. */
static int renew_sums(const struct remedy *r)
{
    char copy[SUPERVISOR_PATH_MAX], verifier[SUPERVISOR_PATH_MAX];
    struct buf was, judged, now;
    remedy_path(copy, "%s/go.sum", r->dir);
    remedy_path(verifier, "%s/judge/go.sum", r->dir);
    if (!remedy_exists(copy))
        return REMEDY_DONE;
    buf_init(&was, REMEDY_FILE_MAX);
    buf_init(&judged, REMEDY_FILE_MAX);
    buf_init(&now, REMEDY_FILE_MAX);
    int result = remedy_read(copy, &was) < 0 || remedy_read(verifier, &judged) < 0 ? -1 : 0;
    take_sums(r, &was, false, &now);
    take_sums(r, &judged, true, &now);
    if (result == 0 && now.failed) {
        errno = EFBIG;
        result = -1;
    }
    if (result == 0)
        result = remedy_write(copy, now.data ? now.data : "", now.len);
    int error = errno;
    buf_free(&was);
    buf_free(&judged);
    buf_free(&now);
    return result == 0 ? REMEDY_DONE
                       : remedy_failed("%s could not be written on the Go machine: %s", copy, strerror(error));
}

static int put_back(const struct remedy *r)
{
    if (remedy_restore(r->session) < 0)
        return remedy_failed(
            "%s@%s could not be completely restored in %s: %s; the rest is in its directory cache/delvegate-aside-*",
            r->module, r->version, r->modcache, strerror(errno));
    return REMEDY_RESTORED;
}

/* Lock files stay where they are: another go may be waiting at them. */
static int swap(const struct remedy *r, const char *entry, const char *tree, const char *proxy)
{
    /* The tree first: at no time is there one without what it was made from. */
    static const char *const kinds[ENTRY_FILES] = {"tree", "partial", "ziphash", "zip", "mod", "info"};
    char paths[ENTRY_FILES][SUPERVISOR_PATH_MAX];
    struct remedy_aside list[ENTRY_FILES];
    remedy_path(paths[0], "%s", tree);
    for (size_t i = 0; i < ENTRY_FILES; i++) {
        if (i > 0)
            remedy_path(paths[i], "%s.%s", entry, kinds[i]);
        list[i] = (struct remedy_aside){kinds[i], paths[i]};
    }
    /* What could not be put back before must not be forgotten. */
    if (remedy_restore(r->session) < 0)
        return put_back(r);
    if (remedy_aside(r->session, r->modcache, list, ENTRY_FILES) < 0) {
        bool is_closed = errno == EACCES || errno == EPERM || errno == EROFS;
        remedy_say("%s@%s could not be moved aside in %s on the Go machine: %s", r->module, r->version, r->modcache,
                   strerror(errno));
        int status = put_back(r);
        return status != REMEDY_RESTORED ? status : is_closed ? REMEDY_UNSUITED : REMEDY_FAILED;
    }
    if (remedy_fetch(r, NULL, proxy, STDOUT_FILENO) != 0)
        return put_back(r);
    if (remedy_aside_done(r->session) < 0)
        return put_back(r);
    if (remedy_restore(r->session) < 0)
        remedy_say("the damaged files could not be removed from %s/cache on the Go machine: %s", r->modcache,
                   strerror(errno));
    return renew_sums(r);
}

static int swap_entry(const struct remedy *r, const char *scratch)
{
    char entry[SUPERVISOR_PATH_MAX], tree[SUPERVISOR_PATH_MAX], path[SUPERVISOR_PATH_MAX];
    struct buf module, version, proxy;
    buf_init(&module, SUPERVISOR_PATH_MAX);
    buf_init(&version, SUPERVISOR_PATH_MAX);
    buf_init(&proxy, PROXY_MAX);
    remedy_case_encode(&module, r->module);
    remedy_case_encode(&version, r->version);
    remedy_path(path, "%s/cache/download", scratch);
    remedy_proxy_of(&proxy, path);
    int status = REMEDY_FAILED;
    if (module.failed || version.failed || proxy.failed) {
        remedy_say("%s is too long", r->module);
    } else {
        remedy_path(entry, "%s/cache/download/%s/@v/%s", r->modcache, module.data, version.data);
        remedy_path(tree, "%s/%s@%s", r->modcache, module.data, version.data);
        status = swap(r, entry, tree, proxy.data);
    }
    buf_free(&module);
    buf_free(&version);
    buf_free(&proxy);
    return status;
}

/* Fetches it beside the cache, and only then in it. */
static int fetch_again(const struct remedy *r, const char *scratch)
{
    char path[SUPERVISOR_PATH_MAX];
    struct buf output;
    int fd = open_output(r, path);
    if (fd < 0)
        return REMEDY_FAILED;
    buf_init(&output, REMEDY_OUTPUT_MAX);
    int status = remedy_fetch(r, scratch, NULL, fd);
    (void)close(fd);
    int result = remedy_read(path, &output);
    print_output(&output);
    if (result < 0 || is_refused(&output))
        status = REMEDY_FAILED;
    else
        status = status == 0 ? swap_entry(r, scratch) : REMEDY_RESTORED;
    buf_free(&output);
    return status;
}

static int erase_scratch(const char *scratch)
{
    if (directory_remove(scratch) == 0)
        return 0;
    return remedy_failed("%s could not be removed on the Go machine: %s", scratch, strerror(errno));
}

/* Whether its directories can be changed. Says which can't. */
static bool is_ours(const struct remedy *r)
{
    char tree[SUPERVISOR_PATH_MAX], above[SUPERVISOR_PATH_MAX], entry[SUPERVISOR_PATH_MAX], cache[SUPERVISOR_PATH_MAX];
    if (modcache_paths(r->modcache, r->module, r->version, tree, entry) < 0)
        return false;
    remedy_path(above, "%.*s", (int)(strrchr(tree, '/') - tree), tree);
    *strrchr(entry, '/') = '\0';
    remedy_path(cache, "%s/cache", r->modcache);
    const char *const paths[] = {r->modcache, cache, entry, above, tree};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (!modcache_is_ours(paths[i]) && errno != ENOENT) {
            remedy_say("%s can't be changed on the Go machine: %s", paths[i], strerror(errno));
            return false;
        }
    return true;
}

static int forget_index(const struct remedy *r, bool *changed)
{
    char tree[SUPERVISOR_PATH_MAX];
    struct buf dirs;
    if (modcache_paths(r->modcache, r->module, r->version, tree, NULL) < 0)
        return REMEDY_FAILED;
    buf_init(&dirs, SUPERVISOR_PATH_MAX);
    buf_append(&dirs, tree, strlen(tree) + 1);
    int status = dirs.failed ? REMEDY_FAILED : remedy_forget_index(r, &dirs, changed);
    buf_free(&dirs);
    return status;
}

/* What could not be fetched may be whole, and go's index of it of a time when it was not. */
static int forget_of_whole(const struct remedy *r, int status)
{
    char sum[SUPERVISOR_PATH_MAX];
    const char *const sums[] = {sum, NULL};
    bool changed;
    remedy_path(sum, "%s/judge/go.sum", r->dir);
    if (modcache_state(r->modcache, sums, r->module, r->version) != MODCACHE_WHOLE ||
        forget_index(r, &changed) != REMEDY_DONE || !changed)
        return status;
    remedy_say("go's index of %s@%s was removed from its build cache", r->module, r->version);
    return REMEDY_DONE;
}

int remedy_purge(struct remedy *r)
{
    char scratch[SUPERVISOR_PATH_MAX];
    bool changed;
    int status = remedy_find_files(r);
    if (status)
        return status;
    remedy_find_version(r);
    if (!*r->module && !*r->version)
        return remedy_unsuited("go did not say which module of the cache is damaged");
    if (!remedy_is_version(r->module, r->version))
        return remedy_unsuited("'%s@%s' is not a module@version", r->module, r->version);
    if (!is_ours(r))
        return remedy_unsuited("%s@%s can't be replaced in the module cache %s", r->module, r->version, r->modcache);
    remedy_path(scratch, "%s/scratch", r->dir);
    status = erase_scratch(scratch);
    if (!status)
        status = remedy_make_verifier(r);
    if (status)
        return status;
    status = fetch_again(r, scratch);
    (void)erase_scratch(scratch);
    if (status == REMEDY_RESTORED)
        remedy_say("%s@%s could not be fetched; its entry in %s is unchanged", r->module, r->version, r->modcache);
    return status == REMEDY_DONE       ? forget_index(r, &changed)
           : status == REMEDY_RESTORED ? forget_of_whole(r, status)
                                       : status;
}

/* --- the whole module cache --- */

/* Fetches all that is needed into a cache beside the real one. */
static int fetch_beside(const struct remedy *r, const char *scratch)
{
    char path[SUPERVISOR_PATH_MAX], cache[SUPERVISOR_PATH_MAX + sizeof "GOMODCACHE="];
    struct buf output;
    int fd = open_output(r, path);
    if (fd < 0)
        return REMEDY_FAILED;
    (void)snprintf(cache, sizeof cache, "GOMODCACHE=%s", scratch);
    int status = remedy_fetch_needed(r, (char *[]){cache, NULL}, fd);
    (void)close(fd);
    if (status) {
        buf_init(&output, REMEDY_OUTPUT_MAX);
        if (remedy_read(path, &output) < 0)
            remedy_say("%s could not be read on the Go machine: %s", path, strerror(errno));
        print_output(&output);
        buf_free(&output);
    }
    return status;
}

/* Fetches what was fetched beside it, and the rest from where it always comes. */
static int fetch_back(const struct remedy *r, const char *scratch)
{
    static char no_private[] = "GONOPROXY=none";
    char path[SUPERVISOR_PATH_MAX];
    struct buf proxy;
    buf_init(&proxy, REMEDY_OUTPUT_MAX);
    remedy_path(path, "%s/cache/download", scratch);
    buf_puts(&proxy, "GOPROXY=");
    remedy_proxy_of(&proxy, path);
    buf_puts(&proxy, ",");
    struct remedy_go go = {.argv = REMEDY_ARGS("env", "GOPROXY"), .err = STDERR_FILENO};
    int status = remedy_go_read(&go, &proxy);
    while (!proxy.failed && proxy.data[proxy.len - 1] == '\n')
        proxy.data[--proxy.len] = '\0';
    if (status || proxy.failed)
        status = REMEDY_FAILED;
    else
        status = remedy_fetch_needed(r, (char *[]){proxy.data, no_private, NULL}, STDOUT_FILENO);
    buf_free(&proxy);
    return status ? REMEDY_FAILED : REMEDY_DONE;
}

static int clean_and_fetch(const struct remedy *r, const char *scratch)
{
    bool changed;
    struct buf dirs;
    buf_init(&dirs, REMEDY_FILE_MAX);
    modcache_trees(r->modcache, &dirs);
    int cleaned = remedy_go_plain(REMEDY_ARGS("clean", "-modcache"));
    int status = fetch_back(r, scratch);
    (void)erase_scratch(scratch);
    /* Also of what was cleaned and not fetched: somebody else's build will fetch it. */
    if (status == REMEDY_DONE)
        status = remedy_forget_index(r, &dirs, &changed);
    buf_free(&dirs);
    return cleaned ? REMEDY_FAILED : status;
}

/* Everything that the build needs is fetched beside the cache first: where that fails, nothing is cleaned. */
int remedy_clean_modcache(struct remedy *r)
{
    char scratch[SUPERVISOR_PATH_MAX];
    int status = remedy_find_files(r);
    if (!status)
        status = remedy_make_verifier(r);
    remedy_path(scratch, "%s/scratch", r->dir);
    if (!status)
        status = erase_scratch(scratch);
    if (status)
        return status;
    if (fetch_beside(r, scratch) != 0) {
        (void)erase_scratch(scratch);
        return remedy_unsuited("not everything can be fetched again; the module cache %s is unchanged", r->modcache);
    }
    return clean_and_fetch(r, scratch);
}
