#include "proxy/supervisor/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FILE_MODE = 0600,
    SUFFIX_MAX = 32,         /* bytes of what is put behind a path */
    DESCRIPTORS_MAX = 65536, /* where /proc can't tell */
    DECIMAL = 10
};

int file_write_all(int fd, const void *bytes, size_t n)
{
    for (const char *at = bytes; n > 0;) {
        ssize_t written = write(fd, at, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            errno = written == 0 ? ENOSPC : errno;
            return -1;
        }
        at += written;
        n -= (size_t)written;
    }
    return 0;
}

int file_close_written(int fd, int result)
{
    int error = errno;
    if (close(fd) < 0 && result == 0)
        return -1;
    errno = error;
    return result;
}

int file_write(const char *path, const char *text)
{
    char new_path[SUPERVISOR_PATH_MAX + SUFFIX_MAX];
    (void)snprintf(new_path, sizeof new_path, "%s.%ld.new", path, (long)getpid());
    int fd = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return -1;
    if (file_close_written(fd, file_write_all(fd, text, strlen(text))) == 0 && rename(new_path, path) == 0)
        return 0;
    int error = errno;
    (void)unlink(new_path);
    errno = error;
    return -1;
}

int file_read(const char *path, char *text, size_t size)
{
    size_t len = 0;
    ssize_t n = 0;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -1;
    do {
        n = read(fd, text + len, size - len);
        if (n > 0)
            len += (size_t)n;
    } while (len < size && (n > 0 || (n < 0 && errno == EINTR)));
    int error = n < 0 ? errno : EFBIG;
    close(fd);
    if (n < 0 || len == size) {
        errno = error;
        return -1;
    }
    text[len] = '\0';
    return 0;
}

static bool is_kept(int fd, const int *kept, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (kept[i] == fd)
            return true;
    return false;
}

void file_close_from(int first, const int *kept, size_t count)
{
    DIR *d = opendir("/proc/self/fd");
    if (!d) {
        for (int fd = first; fd < DESCRIPTORS_MAX; fd++)
            if (!is_kept(fd, kept, count))
                (void)close(fd);
        return;
    }
    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        char *end;
        long fd = strtol(e->d_name, &end, DECIMAL);
        if (end != e->d_name && !*end && fd >= first && fd != dirfd(d) && !is_kept((int)fd, kept, count))
            (void)close((int)fd);
    }
    (void)closedir(d);
}
