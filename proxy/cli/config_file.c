#include "proxy/cli/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "proxy/base/log.h"

enum {
    CONFIG_FILE_MAX = 4 * 1024 * 1024,
    OTHERS_MAX = 80,    /* bytes of the words on further problems */
    PIPE_MS = 30 * 1000 /* for the next byte of a configuration that comes through a pipe */
};

static const char config_name[] = "delvegate/config.json";
static const char default_dirs[] = "/etc/xdg";

static int too_long(void)
{
    log_report(CONFIG_LOG_ERROR, "delvegate: the configuration's path is longer than %d bytes", CONFIG_FILE_PATH_MAX);
    return -1;
}

/* For the client of a delvegate that was started for it; the log has all of it. */
static void keep_why(struct config_file *file, const char *text, size_t more)
{
    char others[OTHERS_MAX] = "";
    if (more > 0)
        (void)snprintf(others, sizeof others, " (%zu more: delvegate --check-config)", more);
    err_set(&file->why,
            "%s\ndelvegate cannot start a session: its configuration is invalid%s. Correct it and start the session "
            "again.",
            text, others);
}

static int write_path(char path[CONFIG_FILE_PATH_MAX], const char *dir, int dir_len, const char *name)
{
    int n = snprintf(path, CONFIG_FILE_PATH_MAX, "%.*s/%s", dir_len, dir, name);
    return n >= 0 && n < CONFIG_FILE_PATH_MAX ? 1 : too_long();
}

/* The user's own. Returns as config_file_candidate; 0 also when it cannot be known. */
static int own_candidate(char path[CONFIG_FILE_PATH_MAX])
{
    const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (xdg && *xdg == '/')
        return write_path(path, xdg, (int)strlen(xdg), config_name);
    if (home && *home == '/') {
        char name[sizeof ".config/" + sizeof config_name];
        (void)snprintf(name, sizeof name, ".config/%s", config_name);
        return write_path(path, home, (int)strlen(home), name);
    }
    return 0;
}

int config_file_candidate(size_t n, char path[CONFIG_FILE_PATH_MAX])
{
    int r = own_candidate(path);
    if (r < 0 || (r > 0 && n == 0))
        return r;
    n -= r > 0 ? 1 : 0;
    const char *dirs = getenv("XDG_CONFIG_DIRS");
    for (const char *dir = dirs && *dirs ? dirs : default_dirs; *dir;) {
        size_t len = strcspn(dir, ":");
        /* The specification has relative paths ignored. */
        if (*dir == '/' && n-- == 0)
            return write_path(path, dir, (int)len, config_name);
        dir += len + (dir[len] == ':');
    }
    return 0;
}

/* The n-th path to try, put in file->path. Returns as config_file_candidate. */
static int choose_path(struct config_file *file, size_t n)
{
    if (!file->given)
        return config_file_candidate(n, file->path);
    if (!*file->given) {
        log_report(CONFIG_LOG_ERROR, "delvegate: --config names no file: its path is empty");
        return -1;
    }
    if (snprintf(file->path, sizeof file->path, "%s", file->given) < CONFIG_FILE_PATH_MAX)
        return 1;
    return too_long();
}

static int cannot_read(struct config_file *file, const char *path, const char *why)
{
    struct err text;
    err_set(&text, "%s: cannot read the configuration: %s", path, why);
    log_report(CONFIG_LOG_ERROR, "%s", text.text);
    keep_why(file, text.text, 0);
    return -1;
}

/* A pipe that delvegate was given: `<(command)`, or /dev/stdin behind a `|`. Its other end is in good hands, unlike
 * that of a FIFO in the file system, which may never be opened. */
static bool is_handed_pipe(const char *path)
{
    struct statfs fs;
    return statfs(path, &fs) == 0 && fs.f_type == PIPEFS_MAGIC;
}

/* Why something that is no regular file is not read; NULL: it is. */
static const char *unfit(const struct config_file *file, const struct stat *st)
{
    if (S_ISREG(st->st_mode))
        return NULL;
    if (S_ISDIR(st->st_mode))
        return "it is a directory; name the file in it";
    if (file->is_loaded)
        return "it is not a regular file, which a reload needs; restart delvegate instead";
    if (S_ISFIFO(st->st_mode) && is_handed_pipe(file->path))
        return NULL;
    return S_ISFIFO(st->st_mode) ? "it is a FIFO, not a regular file; give a file, /dev/stdin or <(command)"
                                 : "it is not a regular file";
}

/* Opens file->path. Returns 1, 0 when there is no such file, -1 after a report. */
static int open_path(struct config_file *file, int *fd)
{
    struct stat st;
    const char *why = stat(file->path, &st) == 0 ? unfit(file, &st) : NULL;
    if (why)
        return cannot_read(file, file->path, why);
    *fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* it may have become a FIFO since */
    if (*fd >= 0)
        return 1;
    return file->given || (errno != ENOENT && errno != ENOTDIR) ? cannot_read(file, file->path, strerror(errno)) : 0;
}

/* Opens the file that is to be read, its path in file->path. Returns as open_path; 0 only when there need be none. */
static int open_file(struct config_file *file, int *fd)
{
    char before[CONFIG_FILE_PATH_MAX];
    int chosen, opened = 0;
    memcpy(before, file->path, sizeof before);
    for (size_t n = 0; opened == 0 && (chosen = choose_path(file, n)) > 0; n++)
        opened = open_path(file, fd);
    if (opened != 0)
        return opened;
    memcpy(file->path, before, sizeof before);
    if (chosen < 0)
        return -1;
    /* An editor may be about to put it back. */
    return file->is_loaded && *before ? cannot_read(file, before, "it no longer exists, and there is no other one") : 0;
}

/* Reads until the end, or until the text is full. Returns NULL with *len, or why it could not. */
static const char *read_all(int fd, char *text, size_t size, size_t *len)
{
    *len = 0;
    while (*len < size) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        int n = poll(&ready, 1, PIPE_MS);
        if (n == 0)
            return "nothing was read from the pipe for 30 s";
        ssize_t got = n < 0 ? -1 : read(fd, text + *len, size - *len);
        if (got == 0)
            return NULL;
        if (got < 0 && errno != EINTR && errno != EAGAIN)
            return strerror(errno);
        *len += got > 0 ? (size_t)got : 0;
    }
    return NULL;
}

/* Returns the file's text, or NULL after having reported why. */
static char *read_file(struct config_file *file, int fd, size_t *len)
{
    char *text = malloc(CONFIG_FILE_MAX + 1);
    const char *why = text ? read_all(fd, text, CONFIG_FILE_MAX + 1, len) : "out of memory";
    if (!why && *len > CONFIG_FILE_MAX)
        why = "it is larger than 4 MiB";
    if (!why)
        return text;
    (void)cannot_read(file, file->path, why);
    free(text);
    return NULL;
}

static void print_problems(const struct config_file *file, const struct config_problems *problems,
                           enum config_log_level level)
{
    for (size_t i = 0; i < problems->count; i++)
        log_report(level, "%s:%d:%d: %s%s", file->path, problems->list[i].line, problems->list[i].column,
                   level == CONFIG_LOG_ERROR ? "" : "note: ", problems->list[i].text);
}

/* The first of the problems, with its position. */
static void keep_problem(struct config_file *file, const struct config_problems *problems)
{
    struct err first;
    if (problems->count == 0)
        err_set(&first, "%s: out of memory", file->path);
    else
        err_set(&first, "%s:%d:%d: %s", file->path, problems->list[0].line, problems->list[0].column,
                problems->list[0].text);
    keep_why(file, first.text, problems->count > 1 ? problems->count - 1 : 0);
}

struct config *config_file_load(void *config_file)
{
    struct config_file *file = config_file;
    struct config_problems problems = {0};
    keep_why(file, "it cannot be read; see the log", 0);
    size_t len = 0;
    int fd = -1;
    int opened = open_file(file, &fd);
    char *text = opened > 0 ? read_file(file, fd, &len) : NULL;
    if (fd >= 0)
        (void)close(fd);
    if (!text && opened != 0)
        return NULL;
    struct config *config = config_parse(text, len, &problems);
    print_problems(file, &problems, CONFIG_LOG_ERROR);
    if (config) {
        file->is_loaded = true;
        print_problems(file, &config->notes, CONFIG_LOG_WARNING);
    }
    if (!config)
        keep_problem(file, &problems);
    if (!config && problems.count == 0)
        log_report(CONFIG_LOG_ERROR, "%s: out of memory", file->path);
    config_problems_free(&problems);
    free(text);
    return config;
}
