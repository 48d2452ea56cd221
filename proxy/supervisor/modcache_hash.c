/* The hash of a module's directory: lines "SHA256  PREFIX/PATH", sorted by path, hashed once more. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/supervisor/modcache.h"
#include "proxy/supervisor/sha256.h"

enum {
    NAMES_MAX = 16 * 1024 * 1024, /* bytes of the paths of all files of a module */
    CHUNK = 64 * 1024,            /* bytes of a file read at once */
    SIXTET = 6,
    BASE64_GROUP = 3
};

/* The files of a directory, by their paths in it, each with its NUL. */
struct files {
    char path[SUPERVISOR_PATH_MAX]; /* where the walk is */
    size_t root;                    /* bytes of it that name the directory itself, with the slash */
    struct buf names;
    size_t count;
};

/* --- which files --- */

static int walk(struct files *f, size_t len);

/* Goes on with one entry of the directory path[0..len). */
static int visit(struct files *f, size_t len, const char *name)
{
    struct stat st;
    int n = snprintf(f->path + len, sizeof f->path - len, "/%s", name);
    if (n < 0 || (size_t)n >= sizeof f->path - len) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (lstat(f->path, &st) < 0)
        return -1;
    if (S_ISDIR(st.st_mode))
        return walk(f, len + (size_t)n);
    f->count++;
    buf_append(&f->names, f->path + f->root, strlen(f->path + f->root) + 1);
    if (!f->names.failed)
        return 0;
    errno = EFBIG;
    return -1;
}

static int walk(struct files *f, size_t len)
{
    int result = 0;
    struct dirent *e;
    DIR *d = opendir(f->path);
    if (!d)
        return -1;
    while (result == 0 && (errno = 0, e = readdir(d)))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            result = visit(f, len, e->d_name);
            f->path[len] = '\0';
        }
    int error = errno;
    (void)closedir(d);
    errno = error;
    return result < 0 || error ? -1 : 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char **sorted(const struct files *f)
{
    const char **list = calloc(f->count + 1, sizeof *list);
    const char *at = f->names.data;
    for (size_t i = 0; list && i < f->count; i++, at += strlen(at) + 1)
        list[i] = at;
    if (list)
        qsort(list, f->count, sizeof *list, compare);
    return list;
}

/* --- hashes --- */

static int hash_file(const char *path, unsigned char digest[SHA256_SIZE])
{
    unsigned char bytes[CHUNK];
    struct sha256 s;
    struct stat st;
    ssize_t n = -1;
    /* What the cache holds is files; anything else must not be waited for. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -1;
    sha256_init(&s);
    errno = EINVAL;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        while ((n = read(fd, bytes, sizeof bytes)) > 0 || (n < 0 && errno == EINTR))
            if (n > 0)
                sha256_update(&s, bytes, (size_t)n);
    int error = errno;
    (void)close(fd);
    errno = error;
    sha256_final(&s, digest);
    return n < 0 ? -1 : 0;
}

/* One line of the list of files. */
static int hash_line(struct sha256 *all, const struct files *f, const char *prefix, const char *name)
{
    static const char hex[] = "0123456789abcdef";
    char path[SUPERVISOR_PATH_MAX], text[2 * SHA256_SIZE];
    unsigned char digest[SHA256_SIZE];
    int n = snprintf(path, sizeof path, "%.*s%s", (int)f->root, f->path, name);
    errno = ENAMETOOLONG;
    if (n < 0 || (size_t)n >= sizeof path || hash_file(path, digest) < 0)
        return -1;
    for (int i = 0; i < SHA256_SIZE; i++) {
        text[2 * i] = hex[digest[i] >> 4];
        text[2 * i + 1] = hex[digest[i] & 0xf];
    }
    sha256_update(all, text, sizeof text);
    sha256_update(all, "  ", 2);
    sha256_update(all, prefix, strlen(prefix));
    sha256_update(all, "/", 1);
    sha256_update(all, name, strlen(name));
    sha256_update(all, "\n", 1);
    return 0;
}

static void put_base64(struct buf *out, const unsigned char *bytes, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += BASE64_GROUP) {
        size_t have = n - i < BASE64_GROUP ? n - i : BASE64_GROUP;
        unsigned long group = 0;
        for (size_t j = 0; j < BASE64_GROUP; j++)
            group = group << 8 | (j < have ? bytes[i + j] : 0);
        for (size_t j = 0; j <= BASE64_GROUP; j++) {
            char c = j <= have ? digits[group >> SIXTET * (BASE64_GROUP - j) & 0x3f] : '=';
            buf_append(out, &c, 1);
        }
    }
}

static int hash_files(struct sha256 *all, const struct files *f, const char *prefix)
{
    int result = 0;
    const char **list = sorted(f);
    if (!list) {
        errno = ENOMEM;
        return -1;
    }
    for (size_t i = 0; i < f->count && result == 0; i++)
        result = hash_line(all, f, prefix, list[i]);
    free(list);
    return result;
}

int modcache_hash(struct buf *out, const char *dir, const char *prefix)
{
    struct files f = {.root = strlen(dir) + 1};
    struct sha256 all;
    unsigned char digest[SHA256_SIZE];
    int n = snprintf(f.path, sizeof f.path, "%s", dir);
    if (n < 0 || (size_t)n >= sizeof f.path - 1) {
        errno = ENAMETOOLONG;
        return -1;
    }
    buf_init(&f.names, NAMES_MAX);
    sha256_init(&all);
    int result = walk(&f, (size_t)n);
    f.path[f.root - 1] = '/';
    if (result == 0)
        result = hash_files(&all, &f, prefix);
    int error = errno;
    buf_free(&f.names);
    errno = error;
    if (result < 0)
        return -1;
    sha256_final(&all, digest);
    buf_puts(out, "h1:");
    put_base64(out, digest, sizeof digest);
    return out->failed ? -1 : 0;
}
