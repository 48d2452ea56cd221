/* Remedies: what is moved aside, written down before, and put back.
 *
 * SESSION/aside holds, in text and bytes:
 *     delvegate-aside 1
 *     LENGTH PATH                 the directory where it is meanwhile
 *     NAME MODE LENGTH PATH       for each: its name there, its mode in octal (0: no directory) and where it belongs
 *     end
 *     done                        once what came in its place is good
 * It is whole, and on the disk, before anything is moved: a record that is cut short stands for nothing moved. In the
 * directory, NAME is what was moved, and NAME.none says that there was nothing. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/supervisor/directory.h"
#include "proxy/supervisor/file.h"
#include "proxy/supervisor/remedy_parts.h"

#define RECORD_HEAD "delvegate-aside 1\n"
#define RECORD_END "end\n"
#define RECORD_DONE "done\n"

enum {
    ASIDE_MAX = 8,                               /* pieces */
    ASIDE_NAME_MAX = 32,                         /* bytes of a piece's name */
    ASIDE_RECORD_MAX = 16 * SUPERVISOR_PATH_MAX, /* bytes of a record */
    ASIDE_MODE_MASK = 07777,
    OCTAL = 8,
    DECIMAL = 10
};

struct piece {
    char name[ASIDE_NAME_MAX];
    mode_t mode; /* of a directory; 0: it is none */
    char path[SUPERVISOR_PATH_MAX];
};

struct record {
    char dir[SUPERVISOR_PATH_MAX]; /* "": it is not known */
    struct piece pieces[ASIDE_MAX];
    size_t count;
    bool is_whole, is_done;
};

/* Returns -1 with errno when it does not fit: it may be called in any process. */
static int put_path(char *path, const char *dir, const char *name, const char *suffix)
{
    int n = snprintf(path, SUPERVISOR_PATH_MAX, "%s/%s%s", dir, name, suffix);
    if (n >= 0 && n < SUPERVISOR_PATH_MAX)
        return 0;
    errno = ENAMETOOLONG;
    return -1;
}

/* --- the record --- */

static bool take_text(const char **at, const char *end, const char *text)
{
    size_t len = strlen(text);
    if ((size_t)(end - *at) < len || memcmp(*at, text, len) != 0)
        return false;
    *at += len;
    return true;
}

static bool take_number(const char **at, int base, unsigned long *number)
{
    char *after;
    if (**at < '0' || **at > '9')
        return false;
    *number = strtoul(*at, &after, base); /* the bytes are followed by a NUL */
    if (*after != ' ')
        return false;
    *at = after + 1;
    return true;
}

/* "LENGTH PATH\n" */
static bool take_path(const char **at, const char *end, char *path)
{
    unsigned long len;
    if (!take_number(at, DECIMAL, &len) || len >= SUPERVISOR_PATH_MAX || (size_t)(end - *at) <= len ||
        (*at)[len] != '\n')
        return false;
    memcpy(path, *at, len);
    path[len] = '\0';
    *at += len + 1;
    return path[0] == '/' && strlen(path) == len;
}

static bool take_piece(const char **at, const char *end, struct piece *p)
{
    size_t len = strcspn(*at, " \n/");
    unsigned long mode;
    if (len == 0 || len >= sizeof p->name || (*at)[len] != ' ')
        return false;
    memcpy(p->name, *at, len);
    p->name[len] = '\0';
    *at += len + 1;
    if (!take_number(at, OCTAL, &mode) || mode > ASIDE_MODE_MASK)
        return false;
    p->mode = (mode_t)mode;
    return take_path(at, end, p->path);
}

static void parse(struct record *r, const struct buf *bytes)
{
    const char *at = bytes->data ? bytes->data : "", *end = at + bytes->len;
    *r = (struct record){.count = 0};
    if (!take_text(&at, end, RECORD_HEAD) || !take_path(&at, end, r->dir)) {
        r->dir[0] = '\0';
        return;
    }
    while (!(r->is_whole = take_text(&at, end, RECORD_END)))
        if (r->count == ASIDE_MAX || !take_piece(&at, end, &r->pieces[r->count++]))
            return;
    r->is_done = take_text(&at, end, RECORD_DONE);
}

static void print(const struct record *r, struct buf *bytes)
{
    buf_puts(bytes, RECORD_HEAD);
    buf_printf(bytes, "%zu %s\n", strlen(r->dir), r->dir);
    for (size_t i = 0; i < r->count; i++) {
        const struct piece *p = &r->pieces[i];
        buf_printf(bytes, "%s %o %zu %s\n", p->name, (unsigned)p->mode, strlen(p->path), p->path);
    }
    buf_puts(bytes, RECORD_END);
}

/* Writes all, onto the disk, and closes. Returns -1 with errno. */
static int write_and_close(int fd, const char *bytes, size_t len)
{
    if (fd < 0)
        return -1;
    return file_close_written(fd, file_write_all(fd, bytes, len) < 0 ? -1 : fsync(fd));
}

static int write_record(const char *session_dir, const struct record *r)
{
    char path[SUPERVISOR_PATH_MAX], next[SUPERVISOR_PATH_MAX];
    struct buf bytes;
    if (put_path(path, session_dir, "aside", "") < 0 || put_path(next, session_dir, "aside", ".new") < 0)
        return -1;
    buf_init(&bytes, ASIDE_RECORD_MAX);
    print(r, &bytes);
    int result = -1;
    if (bytes.failed)
        errno = ENAMETOOLONG;
    else
        result = write_and_close(open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, REMEDY_FILE_MODE), bytes.data,
                                 bytes.len);
    buf_free(&bytes);
    return result < 0 ? -1 : rename(next, path);
}

/* Returns 1 when there is one, 0 when not, -1 with errno. */
static int read_record(const char *path, struct record *r)
{
    struct buf bytes;
    if (access(path, F_OK) < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
    buf_init(&bytes, ASIDE_RECORD_MAX);
    int result = remedy_read(path, &bytes);
    if (result == 0)
        parse(r, &bytes);
    buf_free(&bytes);
    return result < 0 ? -1 : 1;
}

int remedy_aside_done(const char *session_dir)
{
    char path[SUPERVISOR_PATH_MAX];
    if (put_path(path, session_dir, "aside", "") < 0)
        return -1;
    return write_and_close(open(path, O_WRONLY | O_APPEND | O_CLOEXEC), RECORD_DONE, strlen(RECORD_DONE));
}

/* --- moving aside --- */

static int move_aside(const char *dir, const struct piece *p)
{
    char to[SUPERVISOR_PATH_MAX];
    struct stat st;
    if (lstat(p->path, &st) < 0) {
        if ((errno != ENOENT && errno != ENOTDIR) || put_path(to, dir, p->name, ".none") < 0)
            return -1;
        int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, REMEDY_FILE_MODE);
        return fd < 0 ? -1 : close(fd);
    }
    if (put_path(to, dir, p->name, "") < 0)
        return -1;
    /* A directory moves only where it may be written, which those of the module cache may not. */
    if (p->mode && !(p->mode & S_IWUSR) && chmod(p->path, p->mode | S_IWUSR) < 0)
        return -1;
    return rename(p->path, to);
}

/* A name that no other session has, here or on another machine with the same cache. */
static int choose_dir(const char *modcache, char *dir)
{
    unsigned long long number;
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        return -1;
    int n = snprintf(dir, SUPERVISOR_PATH_MAX, "%s/cache/delvegate-aside-%016llx", modcache, number);
    if (n >= 0 && n < SUPERVISOR_PATH_MAX)
        return 0;
    errno = ENAMETOOLONG;
    return -1;
}

static int take_piece_of(const struct remedy_aside *a, struct piece *p)
{
    struct stat st;
    if (strlen(a->name) >= sizeof p->name || strlen(a->path) >= sizeof p->path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(p->name, a->name, strlen(a->name) + 1);
    memcpy(p->path, a->path, strlen(a->path) + 1);
    p->mode = lstat(a->path, &st) == 0 && S_ISDIR(st.st_mode) ? st.st_mode & ASIDE_MODE_MASK : 0;
    return 0;
}

int remedy_aside(const char *session_dir, const char *modcache, const struct remedy_aside *list, size_t n)
{
    struct record r = {.count = n};
    if (n > ASIDE_MAX) {
        errno = E2BIG;
        return -1;
    }
    if (choose_dir(modcache, r.dir) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (take_piece_of(&list[i], &r.pieces[i]) < 0)
            return -1;
    if (write_record(session_dir, &r) < 0 || mkdir(r.dir, REMEDY_DIR_MODE) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (move_aside(r.dir, &r.pieces[i]) < 0)
            return -1;
    return 0;
}

/* --- putting back --- */

/* Returns 1 when DIR/NAMESUFFIX is there, 0 when not, -1 with errno. */
static int is_aside(const struct record *r, const struct piece *p, const char *suffix, char *path)
{
    struct stat st;
    if (put_path(path, r->dir, p->name, suffix) < 0)
        return -1;
    if (lstat(path, &st) == 0)
        return 1;
    return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
}

/* What came in the place of what is aside goes. */
static int remove_new(const struct record *r, const struct piece *p)
{
    char path[SUPERVISOR_PATH_MAX];
    int was = is_aside(r, p, "", path);
    if (was == 0)
        was = is_aside(r, p, ".none", path);
    if (was < 0)
        return -1;
    return was ? directory_remove(p->path) : 0;
}

static int put_back(const struct record *r, const struct piece *p)
{
    char path[SUPERVISOR_PATH_MAX];
    struct stat st;
    int was = is_aside(r, p, "", path);
    if (was < 0 || (was && rename(path, p->path) < 0))
        return -1;
    /* It may have been moved by one that was ended before it could set this. */
    if (p->mode && lstat(p->path, &st) == 0 && S_ISDIR(st.st_mode) && chmod(p->path, p->mode) < 0)
        return -1;
    was = is_aside(r, p, ".none", path);
    return was > 0 ? unlink(path) : was;
}

static int put_all_back(const struct record *r)
{
    /* The tree, which comes first, goes before what it is made from, and comes back after it. */
    for (size_t i = 0; i < r->count; i++)
        if (remove_new(r, &r->pieces[i]) < 0)
            return -1;
    for (size_t i = r->count; i-- > 0;)
        if (put_back(r, &r->pieces[i]) < 0)
            return -1;
    return 0;
}

int remedy_restore(const char *session_dir)
{
    char path[SUPERVISOR_PATH_MAX];
    struct record r = {.count = 0};
    if (put_path(path, session_dir, "aside", "") < 0)
        return -1;
    int found = read_record(path, &r);
    if (found <= 0)
        return found;
    if (r.is_whole && !r.is_done && put_all_back(&r) < 0)
        return -1;
    /* Only what is known to be replaced is removed with what is in it. */
    if (r.is_done && directory_remove(r.dir) < 0)
        return -1;
    if (!r.is_done && r.dir[0] && rmdir(r.dir) < 0 && errno != ENOENT)
        return -1;
    return unlink(path);
}
