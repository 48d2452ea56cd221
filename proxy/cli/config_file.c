#include "proxy/cli/config_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proxy/base/log.h"

enum { CONFIG_FILE_MAX = 4 * 1024 * 1024 };

static const char config_name[] = "delvegate/config.json";
static const char default_dirs[] = "/etc/xdg";

static int too_long(void)
{
    log_report(CONFIG_LOG_ERROR, "delvegate: the configuration's path is over %d bytes", CONFIG_FILE_PATH_MAX);
    return -1;
}

static int write_path(char path[CONFIG_FILE_PATH_MAX], const char *dir, int dir_len, const char *name)
{
    int n = snprintf(path, CONFIG_FILE_PATH_MAX, "%.*s/%s", dir_len, dir, name);
    return n >= 0 && n < CONFIG_FILE_PATH_MAX ? 1 : too_long();
}

/* The user's own. Returns as config_file_place; 0 also when it cannot be known. */
static int own_place(char path[CONFIG_FILE_PATH_MAX])
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

int config_file_place(size_t n, char path[CONFIG_FILE_PATH_MAX])
{
    int r = own_place(path);
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

/* The n-th path to try, put in file->path. Returns as config_file_place. */
static int choose_path(struct config_file *file, size_t n)
{
    if (!file->given)
        return config_file_place(n, file->path);
    if (!*file->given) {
        log_report(CONFIG_LOG_ERROR, "delvegate: --config names no file: its path is empty");
        return -1;
    }
    if (snprintf(file->path, sizeof file->path, "%s", file->given) < CONFIG_FILE_PATH_MAX)
        return 1;
    return too_long();
}

static int cannot_read(const char *path, const char *why)
{
    log_report(CONFIG_LOG_ERROR, "%s: cannot read the configuration: %s", path, why);
    return -1;
}

/* Opens file->path. Returns 1, 0 when there is no such file, -1 after a report. */
static int open_path(const struct config_file *file, FILE **f)
{
    struct stat st;
    if (file->is_loaded && stat(file->path, &st) == 0 && !S_ISREG(st.st_mode))
        return cannot_read(file->path, "it is no regular file, which a reload needs; restart delvegate instead");
    *f = fopen(file->path, "re");
    if (*f)
        return 1;
    return file->given || (errno != ENOENT && errno != ENOTDIR) ? cannot_read(file->path, strerror(errno)) : 0;
}

/* Opens the file that is to be read, its path in file->path. Returns as open_path; 0 only when there need be none. */
static int open_file(struct config_file *file, FILE **f)
{
    char before[CONFIG_FILE_PATH_MAX];
    int chosen, opened = 0;
    memcpy(before, file->path, sizeof before);
    for (size_t n = 0; opened == 0 && (chosen = choose_path(file, n)) > 0; n++)
        opened = open_path(file, f);
    if (opened != 0)
        return opened;
    memcpy(file->path, before, sizeof before);
    if (chosen < 0)
        return -1;
    /* An editor may be about to put it back. */
    return file->is_loaded && *before ? cannot_read(before, "it is gone, and there is no other") : 0;
}

/* Returns the file's text, or NULL after having told why. */
static char *read_file(const struct config_file *file, FILE *f, size_t *len)
{
    char *text = malloc(CONFIG_FILE_MAX + 1);
    *len = text ? fread(text, 1, CONFIG_FILE_MAX + 1, f) : 0;
    const char *why = !text                    ? "out of memory"
                      : ferror(f)              ? strerror(errno)
                      : *len > CONFIG_FILE_MAX ? "over 4 MiB"
                                               : NULL;
    if (!why)
        return text;
    (void)cannot_read(file->path, why);
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

struct config *config_file_load(void *config_file)
{
    struct config_file *file = config_file;
    struct config_problems problems = {0};
    size_t len = 0;
    FILE *f = NULL;
    int opened = open_file(file, &f);
    char *text = opened > 0 ? read_file(file, f, &len) : NULL;
    if (f)
        (void)fclose(f);
    if (!text && opened != 0)
        return NULL;
    struct config *config = config_parse(text, len, &problems);
    print_problems(file, &problems, CONFIG_LOG_ERROR);
    if (config) {
        file->is_loaded = true;
        print_problems(file, &config->notes, CONFIG_LOG_WARNING);
    }
    if (!config && problems.count == 0)
        log_report(CONFIG_LOG_ERROR, "%s: out of memory", file->path);
    config_problems_free(&problems);
    free(text);
    return config;
}
