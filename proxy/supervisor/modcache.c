#include "proxy/supervisor/modcache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/supervisor/remedy_parts.h"

enum { HASH_MAX = 256, ZIPHASH_MAX = 4096, PREFIX_MAX = 2 * SUPERVISOR_PATH_MAX };

static const char downloads[] = "cache/download/";

/* --- paths --- */

static int put(char *path, const struct buf *text)
{
    errno = ENAMETOOLONG;
    if (text->failed || !text->data || text->len >= SUPERVISOR_PATH_MAX)
        return -1;
    memcpy(path, text->data, text->len + 1);
    return 0;
}

int modcache_paths(const char *cache, const char *module, const char *version, char *tree, char *entry)
{
    struct buf t, e;
    buf_init(&t, SUPERVISOR_PATH_MAX);
    buf_init(&e, SUPERVISOR_PATH_MAX);
    buf_printf(&t, "%s/", cache);
    remedy_case_encode(&t, module);
    buf_puts(&t, "@");
    remedy_case_encode(&t, version);
    buf_printf(&e, "%s/%s", cache, downloads);
    remedy_case_encode(&e, module);
    buf_puts(&e, "/@v/");
    remedy_case_encode(&e, version);
    int result = (tree && put(tree, &t) < 0) || (entry && put(entry, &e) < 0) ? -1 : 0;
    buf_free(&t);
    buf_free(&e);
    return result;
}

/* Spells a name of the cache as go has it: a letter behind a mark is an upper-case one. */
static void decode(char *to, const char *from, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n + 1 < SUPERVISOR_PATH_MAX; i++) {
        bool is_marked = from[i] == '!' && i + 1 < len && from[i + 1] >= 'a' && from[i + 1] <= 'z';
        i += is_marked;
        to[n++] = (char)(is_marked ? from[i] - 'a' + 'A' : from[i]);
    }
    to[n] = '\0';
}

/* MODULE@VERSION or MODULE@VERSION/... */
static bool of_tree(const char *path, char *module, char *version)
{
    const char *at = strchr(path, '@');
    if (!at || at == path)
        return false;
    decode(module, path, (size_t)(at - path));
    decode(version, at + 1, strcspn(at + 1, "/"));
    return remedy_is_version(module, version);
}

/* MODULE/@v/VERSION.KIND */
static bool of_entry(const char *path, char *module, char *version)
{
    static const char *const kinds[] = {".info", ".mod", ".zip", ".ziphash", ".lock", ".partial"};
    const char *at = strstr(path, "/@v/");
    const char *name = at ? at + strlen("/@v/") : NULL, *dot = name ? strrchr(name, '.') : NULL;
    if (!dot || at == path)
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(dot, kinds[i]) == 0) {
            decode(module, path, (size_t)(at - path));
            decode(version, name, (size_t)(dot - name));
            return remedy_is_version(module, version);
        }
    return false;
}

bool modcache_of_path(const char *cache, const char *path, char *module, char *version)
{
    size_t n = strlen(cache);
    while (n > 1 && cache[n - 1] == '/')
        n--;
    if (n == 0 || strncmp(path, cache, n) != 0 || path[n] != '/')
        return false;
    path += n + 1;
    if (strncmp(path, downloads, strlen(downloads)) == 0)
        return of_entry(path + strlen(downloads), module, version);
    return of_tree(path, module, version);
}

static void add_trees(const char *dir, bool is_top, struct buf *dirs)
{
    char path[SUPERVISOR_PATH_MAX];
    struct dirent *e;
    struct stat st;
    DIR *d = opendir(dir);
    while (d && (e = readdir(d))) {
        int n = snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (*e->d_name == '.' || n < 0 || (size_t)n >= sizeof path || (is_top && strcmp(e->d_name, "cache") == 0) ||
            lstat(path, &st) < 0 || !S_ISDIR(st.st_mode))
            continue;
        if (strchr(e->d_name, '@'))
            buf_append(dirs, path, (size_t)n + 1);
        else
            add_trees(path, false, dirs);
    }
    if (d)
        (void)closedir(d);
}

void modcache_trees(const char *cache, struct buf *dirs)
{
    add_trees(cache, true, dirs);
}

/* --- sums --- */

/* The next word of a line. Returns its length, 0 at the end. */
static size_t word(const char **at)
{
    *at += strspn(*at, " \t\r");
    return strcspn(*at, " \t\r\n");
}

static bool is_word(const char *at, size_t len, const char *text)
{
    return len == strlen(text) && strncmp(at, text, len) == 0;
}

/* A line MODULE VERSION HASH. */
static bool take_sum(const char *line, const char *module, const char *version, char *hash)
{
    size_t n = word(&line);
    if (!is_word(line, n, module))
        return false;
    line += n;
    n = word(&line);
    if (!is_word(line, n, version))
        return false;
    line += n;
    n = word(&line);
    if (n == 0 || n >= HASH_MAX)
        return false;
    memcpy(hash, line, n);
    hash[n] = '\0';
    return true;
}

static bool sum_in(const char *file, const char *module, const char *version, char *hash)
{
    struct buf text;
    bool found = false;
    buf_init(&text, REMEDY_FILE_MAX);
    const char *line = *file && remedy_read(file, &text) == 0 ? text.data : NULL;
    while (line && !found) {
        const char *end = strchr(line, '\n');
        found = take_sum(line, module, version, hash);
        line = end ? end + 1 : NULL;
    }
    buf_free(&text);
    return found;
}

/* The hash that the files of sums record, else the one that the cache has of what it fetched. */
static bool recorded(const char *entry, const char *const *sums, const char *module, const char *version, char *hash)
{
    char path[SUPERVISOR_PATH_MAX];
    struct buf text;
    for (; sums && *sums; sums++)
        if (sum_in(*sums, module, version, hash))
            return true;
    int n = snprintf(path, sizeof path, "%s.ziphash", entry);
    buf_init(&text, ZIPHASH_MAX);
    size_t len = 0;
    const char *at = n > 0 && (size_t)n < sizeof path && remedy_read(path, &text) == 0 ? text.data : NULL;
    if (at && (len = word(&at)) < HASH_MAX)
        (void)snprintf(hash, HASH_MAX, "%.*s", (int)len, at);
    buf_free(&text);
    return len > 0 && strncmp(hash, "h1:", strlen("h1:")) == 0;
}

/* --- the whole --- */

static bool has(const char *entry, const char *kind)
{
    char path[SUPERVISOR_PATH_MAX];
    int n = snprintf(path, sizeof path, "%s.%s", entry, kind);
    return n > 0 && (size_t)n < sizeof path && access(path, F_OK) == 0;
}

enum modcache_state modcache_state(const char *cache, const char *const *sums, const char *module, const char *version)
{
    char tree[SUPERVISOR_PATH_MAX], entry[SUPERVISOR_PATH_MAX], prefix[PREFIX_MAX], hash[HASH_MAX];
    struct stat st;
    struct buf real;
    if (modcache_paths(cache, module, version, tree, entry) < 0)
        return MODCACHE_UNKNOWN;
    if (has(entry, "partial"))
        return MODCACHE_MISSING;
    if (stat(tree, &st) < 0)
        return errno == ENOENT && has(entry, "zip") ? MODCACHE_MISSING : MODCACHE_UNKNOWN;
    if (!recorded(entry, sums, module, version, hash))
        return MODCACHE_UNKNOWN;
    (void)snprintf(prefix, sizeof prefix, "%s@%s", module, version);
    buf_init(&real, HASH_MAX);
    int result = modcache_hash(&real, tree, prefix);
    bool is_same = result == 0 && strcmp(real.data, hash) == 0;
    buf_free(&real);
    return result < 0 ? MODCACHE_UNKNOWN : is_same ? MODCACHE_WHOLE : MODCACHE_DAMAGED;
}

bool modcache_is_ours(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0 || access(path, S_ISDIR(st.st_mode) ? R_OK | X_OK : R_OK) < 0)
        return false;
    return access(path, W_OK) == 0 || (errno == EACCES && st.st_uid == geteuid());
}

const char *modcache_state_text(enum modcache_state state)
{
    static const char *const texts[] = {[MODCACHE_UNKNOWN] = "unknown",
                                        [MODCACHE_WHOLE] = "whole",
                                        [MODCACHE_DAMAGED] = "damaged",
                                        [MODCACHE_MISSING] = "missing"};
    return texts[state];
}
