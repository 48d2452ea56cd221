#include "proxy/supervisor/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/supervisor/file.h"
#include "proxy/supervisor/process.h"

enum {
    MODE = 0700,
    MODE_BITS = 07777,
    FILE_MODE = 0600,
    BASES_MAX = 4,
    TRIED_BYTES = 64 * 1024, /* written to see whether there is space */
    SUFFIX_MAX = 32,         /* bytes of what is put behind a path */
    REASON_MAX = 256,
    SOCKET_PATH_MAX = (int)sizeof((struct sockaddr_un *)NULL)->sun_path - 1
};

/* Our own user's, or in a directory where others may make files too. */
struct base {
    char path[SUPERVISOR_PATH_MAX];
    bool is_shared;
};

/* Returns -1 with errno when it does not fit. */
static int copy(char *to, size_t size, const char *from)
{
    size_t len = strlen(from);
    if (len < size) {
        memcpy(to, from, len + 1);
        return 0;
    }
    errno = ENAMETOOLONG;
    return -1;
}

/* --- bases --- */

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static struct base *add(struct base *list, size_t *count, const char *dir, const char *tail)
{
    struct base *b = &list[(*count)++];
    b->is_shared = false;
    if (snprintf(b->path, sizeof b->path, "%s%s", dir, tail) >= (int)sizeof b->path)
        b->path[0] = '\0';
    return b;
}

/* all: also those that are for another environment. */
static size_t list_bases(struct base *list, bool all)
{
    char tail[SUFFIX_MAX];
    size_t count = 0;
    const char *home = variable("HOME"), *cache = variable("XDG_CACHE_HOME"), *tmp = variable("TMPDIR");
    if (cache)
        add(list, &count, cache, "/delvegate");
    if (home && (all || !cache))
        add(list, &count, home, "/.cache/delvegate");
    if (home)
        add(list, &count, home, "/.delvegate");
    (void)snprintf(tail, sizeof tail, "/delvegate-%lu", (unsigned long)getuid());
    add(list, &count, tmp ? tmp : "/tmp", tail)->is_shared = true;
    return count;
}

void directory_bases(void (*each)(void *arg, const char *base), void *arg)
{
    struct base list[BASES_MAX];
    struct stat st;
    size_t count = list_bases(list, true);
    for (size_t i = 0; i < count; i++)
        if (list[i].path[0] == '/' && lstat(list[i].path, &st) == 0 && S_ISDIR(st.st_mode))
            each(arg, list[i].path);
}

/* --- directories --- */

bool directory_is_private(const char *dir)
{
    struct stat st;
    return lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & MODE_BITS) == MODE;
}

static int make_dir(const char *path)
{
    if (mkdir(path, MODE) < 0)
        return -1;
    return chmod(path, MODE); /* the umask may have taken away some of it, or a parent's setgid bit added */
}

int directory_make(const char *dir, const char *name, char *path)
{
    if (snprintf(path, SUPERVISOR_PATH_MAX, "%s/%s", dir, name) >= SUPERVISOR_PATH_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return make_dir(path);
}

/* Makes what is missing above path. */
static int make_parents(const char *path)
{
    char above[SUPERVISOR_PATH_MAX];
    if (copy(above, sizeof above, path) < 0)
        return -1;
    for (char *slash = strchr(above + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (access(above, F_OK) < 0 && make_dir(above) < 0 && errno != EEXIST)
            return -1;
        *slash = '/';
    }
    return 0;
}

/* Whether everybody could put something in the place of what is made there. */
static bool is_open_to_others(const char *path)
{
    char above[SUPERVISOR_PATH_MAX];
    struct stat st;
    if (copy(above, sizeof above, path) < 0)
        return true;
    *strrchr(above, '/') = '\0';
    return stat(*above ? above : "/", &st) < 0 || ((st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX));
}

static bool is_emptied_at_logout(const char *path)
{
    static const char run_user[] = "/run/user/";
    return strncmp(path, run_user, sizeof run_user - 1) == 0;
}

/* --- trying one --- */

/* Says why not; returns -1. */
static int refuse(char *reason, const char *text, int error)
{
    if (error)
        (void)snprintf(reason, REASON_MAX, "%s%s", text, strerror(error));
    else
        (void)snprintf(reason, REASON_MAX, "%s", text);
    errno = error;
    return -1;
}

int directory_probe_space(const char *path, bool *is_made)
{
    char bytes[TRIED_BYTES];
    uint32_t noise = 1;
    /* Some file systems compress, and zeros would need no space there. */
    for (size_t i = 0; i < sizeof bytes; i++) {
        enum { FACTOR = 1103515245, TERM = 12345, HIGH = 16 };
        noise = noise * FACTOR + TERM;
        bytes[i] = (char)(noise >> HIGH);
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    *is_made = fd >= 0;
    return fd < 0 ? -1 : file_close_written(fd, file_write_all(fd, bytes, sizeof bytes));
}

/* Whether what is written there can be run. By a script that is really run: mount flags alone do not tell what a
 * security module forbids. An interpreter that is missing does not matter: the file itself was permitted by then. */
static int try_exec(const char *path)
{
    static const char script[] = "#!/bin/sh\nexit 0\n";
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MODE);
    if (fd < 0 || file_close_written(fd, file_write_all(fd, script, sizeof script - 1)) < 0 || chmod(path, MODE) < 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        char *argv[] = {(char *)path, NULL};
        char *env[] = {NULL};
        execve(path, argv, env);
        _exit(errno == ENOENT ? 0 : errno);
    }
    int status = 0;
    pid_t ended = -1;
    do
        ended = pid > 0 ? waitpid(pid, &status, 0) : -1;
    while (pid > 0 && ended < 0 && errno == EINTR);
    if (ended < 0)
        return -1;
    errno = WIFEXITED(status) ? WEXITSTATUS(status) : EACCES;
    return errno ? -1 : 0;
}

static int try_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (copy(address.sun_path, sizeof address.sun_path, path) < 0)
        return -1;
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int r = -1;
    if (server >= 0 && client >= 0 && bind(server, (struct sockaddr *)&address, sizeof address) == 0 &&
        listen(server, 1) == 0)
        r = connect(client, (struct sockaddr *)&address, sizeof address);
    int error = errno;
    if (server >= 0)
        close(server);
    if (client >= 0)
        close(client);
    errno = error;
    return r;
}

/* Tries what an instance's directory is for. Leaves nothing. */
static int try_dir(const char *dir, char *reason)
{
    char path[SUPERVISOR_PATH_MAX];
    bool is_made = false;
    /* Another one may be trying it at the same moment. */
    (void)snprintf(path, sizeof path, "%s/.try-%ld", dir, (long)getpid());
    (void)unlink(path);
    int r = directory_probe_space(path, &is_made) < 0 ? refuse(reason, "", errno) : 0;
    (void)unlink(path);
    if (r == 0 && try_exec(path) < 0)
        r = errno == EACCES || errno == EPERM ? refuse(reason, "programs in it cannot be run (mounted noexec?)", 0)
                                              : refuse(reason, "programs in it cannot be run: ", errno);
    int error = errno;
    (void)unlink(path);
    errno = error;
    if (r == 0 && try_socket(path) < 0)
        r = refuse(reason, "sockets in it cannot be created: ", errno);
    error = errno;
    (void)unlink(path);
    errno = error;
    return r;
}

/* Makes the base where it is missing, and sees whose it is. */
static int make_base(const struct base *base, char *reason)
{
    char resolved[SUPERVISOR_PATH_MAX];
    if (make_parents(base->path) < 0)
        return refuse(reason, "", errno);
    if (base->is_shared && is_open_to_others(base->path))
        return refuse(reason, "others could replace it: the parent directory is world-writable and not sticky", 0);
    /* One that starts at the same moment may be who makes it. */
    if (make_dir(base->path) < 0 && errno != EEXIST)
        return refuse(reason, "", errno);
    if (!directory_is_private(base->path))
        return refuse(reason, "not a directory that only this user can access (mode 0700)", 0);
    if (realpath(base->path, resolved) && is_emptied_at_logout(resolved))
        return refuse(reason, "/run/user is emptied at logout", 0);
    return 0;
}

static int try_base(const struct base *base, const char *name, char *dir, char *reason)
{
    if (base->path[0] != '/')
        return refuse(reason, "not an absolute path", 0);
    if (is_emptied_at_logout(base->path))
        return refuse(reason, "/run/user is emptied at logout", 0);
    int len = snprintf(dir, SUPERVISOR_PATH_MAX, "%s/%s", base->path, name);
    if (len + 1 + DIRECTORY_SOCKET_MAX > SOCKET_PATH_MAX)
        return refuse(reason, "its path is too long for a socket", 0);
    if (make_base(base, reason) < 0)
        return -1;
    bool is_new = make_dir(dir) == 0;
    if (!is_new && errno != EEXIST)
        return refuse(reason, "", errno);
    if (!directory_is_private(dir))
        return refuse(reason, "not a directory that only this user can access (mode 0700)", 0);
    int r = try_dir(dir, reason);
    int error = errno;
    if (r < 0 && is_new)
        (void)rmdir(dir);
    errno = error;
    return r;
}

/* --- the instance's --- */

static bool is_name(const char *name)
{
    static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    return *name && name[strspn(name, good)] == '\0';
}

/* A supervisor that lives there is the one, even when the disk is full by now. */
static bool has_supervisor(const struct base *base, const char *name, char *dir)
{
    char path[SUPERVISOR_PATH_MAX];
    pid_t pid = 0;
    unsigned long long start = 0;
    if (snprintf(dir, SUPERVISOR_PATH_MAX, "%s/%s", base->path, name) >= SUPERVISOR_PATH_MAX ||
        snprintf(path, sizeof path, "%s/supervisor", dir) >= (int)sizeof path)
        return false;
    return base->path[0] == '/' && directory_is_private(base->path) && directory_is_private(dir) &&
           process_read_file(path, &pid, &start) == 0 && process_lives(pid, start);
}

static void explain(struct directory_error *why, const char *reasons, bool is_full)
{
    why->kind = is_full ? "disk" : "dir";
    (void)snprintf(why->text, sizeof why->text, "%s no run directory could be created (%.*s); %s on the Go machine",
                   is_full ? "the disk is full," : "", (int)sizeof why->text - REASON_MAX, reasons,
                   is_full ? "free some space" : "make one of these usable");
    if (!is_full)
        memmove(why->text, why->text + 1, strlen(why->text));
}

int directory_instance(const char *name, char *dir, struct directory_error *why)
{
    struct base list[BASES_MAX];
    char reasons[DIRECTORY_WHY_MAX] = "", reason[REASON_MAX];
    bool is_full = false;
    if (!is_name(name)) {
        why->kind = "parameter";
        (void)snprintf(why->text, sizeof why->text, "instance '%s' is not made of letters and digits", name);
        return -1;
    }
    size_t count = list_bases(list, false);
    for (size_t i = 0; i < count; i++)
        if (has_supervisor(&list[i], name, dir))
            return 0;
    size_t len = (size_t)snprintf(reasons, sizeof reasons, "%s", variable("HOME") ? "" : "HOME is not set");
    for (size_t i = 0; i < count; i++) {
        if (try_base(&list[i], name, dir, reason) == 0)
            return 0;
        is_full = is_full || errno == ENOSPC || errno == EDQUOT;
        int n = snprintf(reasons + len, sizeof reasons - len, "%s%s: %s", len ? "; " : "", list[i].path, reason);
        len += n < (int)(sizeof reasons - len) ? (size_t)n : sizeof reasons - len - 1;
    }
    explain(why, reasons, is_full);
    return -1;
}

/* --- removing --- */

enum { DEPTH_MAX = 200 };

static int erase_at(int parent, const char *name, dev_t device, int depth);

/* Opens a directory so that its entries can be removed. */
static int open_for_erase(int parent, const char *name)
{
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(parent, name, flags);
    if (fd < 0 && errno == EACCES && fchmodat(parent, name, MODE, 0) == 0)
        fd = openat(parent, name, flags);
    /* Those of a module cache may not be written; of another user's directory this fails, as the rest does then. */
    if (fd >= 0)
        (void)fchmod(fd, MODE);
    return fd;
}

static int erase_entries(int fd, dev_t device, int depth)
{
    int result = 0, error = 0;
    DIR *d = fdopendir(fd);
    if (!d) {
        close(fd);
        return -1;
    }
    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (erase_at(fd, e->d_name, device, depth + 1) < 0) {
            result = -1;
            error = errno;
        }
    }
    closedir(d);
    errno = error;
    return result;
}

static int erase_at(int parent, const char *name, dev_t device, int depth)
{
    struct stat st;
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return 0;
    int error = errno;
    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -1;
    if (!S_ISDIR(st.st_mode) || depth > DEPTH_MAX || (depth > 0 && st.st_dev != device)) {
        errno = !S_ISDIR(st.st_mode) ? error : depth > DEPTH_MAX ? ELOOP : EBUSY;
        return -1;
    }
    int fd = open_for_erase(parent, name);
    if (fd < 0 || erase_entries(fd, st.st_dev, depth) < 0)
        return -1;
    return unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -1;
}

int directory_remove(const char *path)
{
    return erase_at(AT_FDCWD, path, 0, 0);
}

/* --- small files --- */
