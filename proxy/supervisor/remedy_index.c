/* Remedies: what go's build cache remembers of directories in the module cache.
 *
 * Since go 1.19 the build cache holds an index of every module directory: its packages, files and imports. The key is
 * made of the directory's path and of versions, not of what is in it: an index that was made of a damaged directory
 * stays when the module is fetched again, and go goes on as if packages were missing. The key is the SHA-256 of go's
 * version, and of "module index GO-VERSION INDEX-VERSION DIRECTORY\n"; its entry is GOCACHE/KK/KEY-a. go itself says
 * what it hashes with GODEBUG=gocachehash=1, which spares us from knowing the versions. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "delve/order.h"
#include "proxy/supervisor/directory.h"
#include "proxy/supervisor/remedy_parts.h"
#include "proxy/supervisor/sha256.h"
#include "proxy/supervisor/worker.h"

enum {
    SALT_MAX = 128,  /* bytes of go's version */
    BEGIN_MAX = 256, /* bytes of a key's text before the directory */
    HEX_SIZE = 2 * SHA256_SIZE
};

/* How a key is made. */
struct recipe {
    char salt[SALT_MAX];
    char begin[BEGIN_MAX];
    bool is_of_module; /* seen for a module's directory; else for a package, whose text differs in one word */
};

static const char hash_line[] = "HASH[moduleIndex]: \"";

/* --- how go makes keys --- */

/* What stands between the quotes of a line; false when go had to escape something in it, but for the line break at its
 * end, which is left out. */
static bool take_quoted(const char *line, size_t len, char *text, size_t size)
{
    size_t head = sizeof hash_line - 1;
    if (len <= head || strncmp(line, hash_line, head) != 0 || line[len - 1] != '"')
        return false;
    line += head;
    len -= head + 1;
    if (len >= 2 && strncmp(line + len - 2, "\\n", 2) == 0)
        len -= 2;
    if (len >= size || memchr(line, '\\', len))
        return false;
    memcpy(text, line, len);
    text[len] = '\0';
    return true;
}

/* The text up to the directory, whose name may have blanks: it follows "go index vN ". */
static size_t before_directory(const char *text)
{
    static const char index[] = " go index v";
    const char *at = strstr(text, index);
    if (!at)
        return 0;
    at += sizeof index - 1;
    size_t digits = strspn(at, "0123456789");
    return digits > 0 && at[digits] == ' ' && at[digits + 1] == '/' ? (size_t)(at - text) + digits + 1 : 0;
}

static void consider(struct recipe *r, const char *text)
{
    static const char module[] = "module index ", package[] = "package ";
    size_t n = before_directory(text);
    bool is_module = strncmp(text, module, sizeof module - 1) == 0;
    if (strncmp(text, "go", 2) == 0 || strncmp(text, "devel ", strlen("devel ")) == 0) {
        /* The first that is hashed for each key. */
        if (!*r->salt && strlen(text) < sizeof r->salt)
            memcpy(r->salt, text, strlen(text) + 1);
    } else if (is_module && n > 0 && n < sizeof r->begin && !r->is_of_module) {
        (void)snprintf(r->begin, sizeof r->begin, "%.*s", (int)n, text);
        r->is_of_module = true;
    } else if (!*r->begin && n > 0 && strncmp(text, package, sizeof package - 1) == 0) {
        (void)snprintf(r->begin, sizeof r->begin, "%s%.*s", module, (int)(n - (sizeof package - 1)),
                       text + sizeof package - 1);
    }
}

static void read_recipe(struct recipe *r, const struct buf *bytes)
{
    char text[BEGIN_MAX + SUPERVISOR_PATH_MAX];
    for (const char *line = bytes->data; line && *line;) {
        size_t len = strcspn(line, "\n");
        if (take_quoted(line, len, text, sizeof text))
            consider(r, text);
        line += len + (line[len] == '\n');
    }
}

/* Has go say what it hashes: `go list` in a directory; NULL: here. Nothing is fetched by it. */
static void listen(const struct remedy *r, struct recipe *recipe, const char *dir, const char *package)
{
    static char no_proxy[] = "GOPROXY=off", no_work[] = "GOWORK=off";
    const char *debug = getenv("GODEBUG");
    char path[SUPERVISOR_PATH_MAX], *say = NULL;
    struct buf bytes;
    remedy_path(path, "%s/hashes", r->dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, REMEDY_FILE_MODE);
    if (fd < 0 || asprintf(&say, "GODEBUG=%s%sgocachehash=1", debug ? debug : "", debug && *debug ? "," : "") < 0)
        say = NULL;
    char *const env[] = {say, no_proxy, dir ? no_work : NULL, NULL};
    if (say)
        (void)remedy_go(&(struct remedy_go){.argv = REMEDY_ARGS("list", "-e", "-mod=readonly", "--", package),
                                            .dir = dir,
                                            .env = env,
                                            .out = REMEDY_QUIET,
                                            .err = fd});
    if (fd >= 0)
        (void)close(fd);
    buf_init(&bytes, REMEDY_FILE_MAX);
    if (remedy_read(path, &bytes) == 0)
        read_recipe(recipe, &bytes);
    buf_free(&bytes);
    (void)unlink(path);
    free(say);
}

/* By a module of our own: what else is broken does not matter, and nothing of the user's is looked at. */
static void listen_to_own(const struct remedy *r, struct recipe *recipe)
{
    static const char gomod[] = "module delvegate.invalid/index\n", source[] = "package index\n";
    char dir[SUPERVISOR_PATH_MAX], path[SUPERVISOR_PATH_MAX];
    if (remedy_fresh_dir(r, "index"))
        return;
    remedy_path(dir, "%s/index", r->dir);
    remedy_path(path, "%s/go.mod", dir);
    if (remedy_write(path, gomod, strlen(gomod)) < 0)
        return;
    remedy_path(path, "%s/index.go", dir);
    if (remedy_write(path, source, strlen(source)) == 0)
        listen(r, recipe, dir, ".");
}

/* --- its entries --- */

static void key_of(const struct recipe *recipe, const char *dir, char *hex)
{
    unsigned char digest[SHA256_SIZE];
    struct sha256 s;
    sha256_init(&s);
    sha256_update(&s, recipe->salt, strlen(recipe->salt));
    sha256_update(&s, recipe->begin, strlen(recipe->begin));
    sha256_update(&s, dir, strlen(dir));
    sha256_update(&s, "\n", 1);
    sha256_final(&s, digest);
    for (size_t i = 0; i < SHA256_SIZE; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

/* Returns -1 with errno when something stays. */
static int drop(const struct recipe *recipe, const char *cache, const struct buf *dirs, bool *changed)
{
    char hex[HEX_SIZE + 1], path[SUPERVISOR_PATH_MAX];
    for (size_t at = 0; at < dirs->len; at += strlen(dirs->data + at) + 1) {
        key_of(recipe, dirs->data + at, hex);
        remedy_path(path, "%s/%.2s/%s-a", cache, hex, hex);
        if (unlink(path) == 0)
            *changed = true;
        else if (errno != ENOENT && errno != ENOTDIR)
            return -1;
    }
    return 0;
}

static bool find_cache(char *cache)
{
    struct buf text;
    buf_init(&text, REMEDY_OUTPUT_MAX);
    struct remedy_go go = {.argv = REMEDY_ARGS("env", "GOCACHE"), .err = STDERR_FILENO};
    bool found = remedy_go_read(&go, &text) == 0 && text.data && *text.data == '/';
    if (found)
        remedy_path(cache, "%.*s", (int)strcspn(text.data, "\n"), text.data);
    buf_free(&text);
    return found;
}

/* The builds of this launch get a build cache of their own: delvegate and the user are notified. */
static int go_without(const struct remedy *r, const char *cache, const char *why)
{
    char text[2 * SUPERVISOR_PATH_MAX];
    int status = remedy_make_gocache(r);
    if (status != REMEDY_DONE)
        return status;
    worker_say(r->notes, ORDER_FACT, "mended", "gocache");
    (void)snprintf(text, sizeof text,
                   "go's index of the damaged module is still in the build cache %s%s%s; Delve builds with a fresh one "
                   "in %s. Run `go clean -cache` on the Go machine before you build there yourself",
                   cache, *why ? ": " : "", why, r->dir);
    remedy_note(r, text);
    return REMEDY_DONE;
}

int remedy_forget_index(const struct remedy *r, const struct buf *dirs, bool *changed)
{
    struct recipe own = {.salt = ""}, seen = {.salt = ""};
    char cache[SUPERVISOR_PATH_MAX];
    *changed = false;
    if (!find_cache(cache))
        return REMEDY_FAILED;
    listen_to_own(r, &own);
    bool is_known = *own.salt && *own.begin;
    int result = is_known ? drop(&own, cache, dirs, changed) : 0;
    /* Of packages and of modules the keys may be made otherwise some day. In a workspace this might write sums. */
    if (result == 0 && !*changed && !*r->work) {
        listen(r, &seen, NULL, r->package);
        if (*seen.salt && seen.is_of_module && (!is_known || strcmp(seen.begin, own.begin) != 0)) {
            is_known = true;
            result = drop(&seen, cache, dirs, changed);
        }
    }
    if (is_known && result == 0)
        return REMEDY_DONE;
    *changed = true;
    return go_without(r, cache, is_known ? strerror(errno) : "");
}
