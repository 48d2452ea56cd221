/* Remedies: files, their copies, and what they were before. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/supervisor/directory.h"
#include "proxy/supervisor/file.h"
#include "proxy/supervisor/remedy_parts.h"

bool remedy_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

static ssize_t read_chunk(int fd, char *chunk, size_t size)
{
    size_t got = 0;
    while (fd >= 0 && got < size) {
        ssize_t n = read(fd, chunk + got, size - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

/* Closes both; the errno of what failed first stays. */
static int close_both(int a, int b, int result)
{
    int error = errno;
    if (a >= 0)
        (void)close(a);
    if (b >= 0 && close(b) < 0 && result == 0)
        return -1;
    errno = error;
    return result;
}

bool remedy_same(const char *a, const char *b)
{
    int fd_a = open(a, O_RDONLY | O_CLOEXEC), fd_b = open(b, O_RDONLY | O_CLOEXEC);
    char chunk_a[REMEDY_CHUNK], chunk_b[REMEDY_CHUNK];
    ssize_t n, m;
    do {
        n = read_chunk(fd_a, chunk_a, sizeof chunk_a);
        m = read_chunk(fd_b, chunk_b, sizeof chunk_b);
    } while (n > 0 && n == m && memcmp(chunk_a, chunk_b, (size_t)n) == 0);
    (void)close_both(fd_a, fd_b, 0);
    return n <= 0 && m <= 0;
}

int remedy_read(const char *path, struct buf *bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    char chunk[REMEDY_CHUNK];
    ssize_t n;
    while ((n = read_chunk(fd, chunk, sizeof chunk)) > 0 && !bytes->failed)
        buf_append(bytes, chunk, (size_t)n);
    if (bytes->failed) {
        errno = EFBIG;
        n = -1;
    }
    return close_both(fd, -1, n < 0 ? -1 : 0);
}

int remedy_write(const char *to, const char *bytes, size_t len)
{
    char next[SUPERVISOR_PATH_MAX];
    remedy_path(next, "%s.new", to);
    int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, REMEDY_FILE_MODE);
    if (fd < 0)
        return -1;
    if (file_close_written(fd, file_write_all(fd, bytes, len)) < 0)
        return -1;
    return rename(next, to);
}

/* Copies bytes into a file that is opened with these flags. Returns -1 with errno. */
static int copy_bytes(const char *from, const char *to, int flags)
{
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return -1;
    int out = open(to, flags | O_WRONLY | O_TRUNC | O_CLOEXEC, REMEDY_FILE_MODE);
    if (out < 0)
        return close_both(in, -1, -1);
    char chunk[REMEDY_CHUNK];
    ssize_t n;
    while ((n = read_chunk(in, chunk, sizeof chunk)) > 0)
        if (file_write_all(out, chunk, (size_t)n) < 0) {
            n = -1;
            break;
        }
    return close_both(in, out, n < 0 ? -1 : 0);
}

int remedy_copy(const char *from, const char *to)
{
    char next[SUPERVISOR_PATH_MAX];
    if (!remedy_exists(from) || remedy_exists(to))
        return 0;
    remedy_path(next, "%s.new", to);
    if (copy_bytes(from, next, O_CREAT) < 0 || rename(next, to) < 0)
        return remedy_failed("%s could not be copied to %s on the Go machine: %s", from, to, strerror(errno));
    return 0;
}

int remedy_overwrite(const char *from, const char *to)
{
    if (copy_bytes(from, to, 0) < 0)
        return remedy_failed("%s could not be written on the Go machine: %s", to, strerror(errno));
    return 0;
}

int remedy_install(const char *from, const char *to)
{
    /* A new file of the user's, with the modes that his umask leaves. */
    if (!remedy_exists(to)) {
        int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, REMEDY_USER_MODE);
        if (fd < 0)
            return remedy_failed("%s could not be created on the Go machine: %s", to, strerror(errno));
        (void)close(fd);
    }
    return remedy_overwrite(from, to);
}

int remedy_fresh_dir(const struct remedy *r, const char *name)
{
    char path[SUPERVISOR_PATH_MAX];
    remedy_path(path, "%s/%s", r->dir, name);
    if (directory_remove(path) < 0 || mkdir(path, REMEDY_DIR_MODE) < 0)
        return remedy_failed("%s could not be created on the Go machine: %s", path, strerror(errno));
    return 0;
}

void remedy_before_path(const struct remedy *r, const char *file, char *path)
{
    const char *slash = strrchr(file, '/');
    remedy_path(path, "%s/before/%s", r->dir, slash ? slash + 1 : file);
}

int remedy_before(const struct remedy *r, const char *const *files)
{
    int status = remedy_fresh_dir(r, "before");
    for (; *files && !status; files++) {
        char path[SUPERVISOR_PATH_MAX];
        if (!**files)
            continue;
        remedy_before_path(r, *files, path);
        status = remedy_copy(*files, path);
    }
    return status;
}

bool remedy_differs(const struct remedy *r, const char *file)
{
    char path[SUPERVISOR_PATH_MAX];
    if (!*file)
        return false;
    remedy_before_path(r, file, path);
    if (!remedy_exists(file) || !remedy_exists(path))
        return remedy_exists(file) != remedy_exists(path);
    return !remedy_same(file, path);
}
