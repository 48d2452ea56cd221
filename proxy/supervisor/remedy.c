#include "proxy/supervisor/remedy.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "delve/order.h"
#include "proxy/supervisor/directory.h"
#include "proxy/supervisor/file.h"
#include "proxy/supervisor/remedy_parts.h"

/* Where go may be besides, whatever PATH the program gets. */
#define PATH_BESIDES "/usr/local/bin:/usr/bin:/bin"

enum { NOTE_MAX = 4 * SUPERVISOR_PATH_MAX };

enum { ARG_NAME, ARG_DIR, ARG_MODE, ARG_MODULE, ARG_VERSION, ARG_PACKAGE, ARG_FLAGS };

static const struct {
    const char *name;
    int (*run)(struct remedy *r);
} remedies[] = {
    {"download", remedy_download},
    {"tidy", remedy_tidy},
    {"mod-mod", remedy_mod_mod},
    {"mod-readonly", remedy_mod_readonly},
    {"copies", remedy_copies},
    {"work", remedy_work},
    {"work-off", remedy_work_off},
    {"toolchain", remedy_toolchain},
    {"purge", remedy_purge},
    {"gocache", remedy_gocache},
    {"clean-modcache", remedy_clean_modcache},
    {"modcache", remedy_modcache},
};

static void say_line(const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    char *text = n < 0 ? NULL : malloc((size_t)n + 2);
    if (!text)
        return;
    (void)vsnprintf(text, (size_t)n + 1, fmt, ap);
    text[n] = '\n';
    text[n + 1] = '\0';
    /* Nobody is left to be told when it fails. */
    (void)dprintf(STDOUT_FILENO, "%s", text);
    free(text);
}

void remedy_say(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say_line(fmt, ap);
    va_end(ap);
}

int remedy_unsuited(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say_line(fmt, ap);
    va_end(ap);
    return REMEDY_UNSUITED;
}

int remedy_failed(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say_line(fmt, ap);
    va_end(ap);
    return REMEDY_FAILED;
}

void remedy_path(char *path, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(path, SUPERVISOR_PATH_MAX, fmt, ap);
    va_end(ap);
    /* Cut short it would name something else. */
    if (n < 0 || n >= SUPERVISOR_PATH_MAX)
        _exit(remedy_failed("a path on the Go machine is longer than %d bytes: %.200s...", SUPERVISOR_PATH_MAX - 1,
                            path));
}

void remedy_note(const struct remedy *r, const char *text)
{
    struct buf record;
    buf_init(&record, ORDER_RECORD_MAX);
    size_t begin = order_open(&record, ORDER_NOTE);
    order_put(&record, ORDER_TEXT, text);
    order_close(&record, begin);
    if (record.failed || file_write_all(r->notes, record.data, record.len) < 0)
        remedy_say("%s", text);
    buf_free(&record);
}

void remedy_notef(const struct remedy *r, const char *fmt, ...)
{
    va_list ap;
    char text[NOTE_MAX];
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    remedy_note(r, text);
}

static void add_path(void)
{
    const char *path = getenv("PATH");
    size_t size = (path ? strlen(path) : 0) + sizeof ":" PATH_BESIDES;
    char *both = malloc(size);
    if (!both)
        return;
    (void)snprintf(both, size, "%s%s%s", path ? path : "", path && *path ? ":" : "", PATH_BESIDES);
    if (setenv("PATH", both, 1) < 0)
        remedy_say("PATH could not be set: %s", strerror(errno));
    free(both);
}

/* DIR is a directory in the session's own: its siblings of earlier launches are removed. */
static int check_dir(const struct remedy *r, char *parent)
{
    struct stat a, b;
    remedy_path(parent, "%s", r->dir);
    char *slash = strrchr(parent, '/');
    if (!slash || strncmp(slash + 1, "mended-", strlen("mended-")) != 0)
        return remedy_failed("'%s' is not a directory for remedies", r->dir);
    *slash = '\0';
    if (stat(parent, &a) < 0 || stat(r->session, &b) < 0 || a.st_dev != b.st_dev || a.st_ino != b.st_ino)
        return remedy_failed("'%s' is not in the session's directory %s", r->dir, r->session);
    return 0;
}

static void erase_earlier(const char *parent, const char *own)
{
    DIR *d = opendir(parent);
    struct dirent *e;
    while (d && (e = readdir(d))) {
        char path[SUPERVISOR_PATH_MAX];
        if (strncmp(e->d_name, "mended-", strlen("mended-")) != 0 || strcmp(e->d_name, own) == 0)
            continue;
        remedy_path(path, "%s/%s", parent, e->d_name);
        if (directory_remove(path) < 0)
            remedy_say("%s could not be removed on the Go machine: %s", path, strerror(errno));
    }
    if (d)
        (void)closedir(d);
}

static int make_dir(const struct remedy *r)
{
    char parent[SUPERVISOR_PATH_MAX];
    int status = check_dir(r, parent);
    if (status)
        return status;
    erase_earlier(parent, r->dir + strlen(parent) + 1);
    if (mkdir(r->dir, REMEDY_DIR_MODE) < 0 && errno != EEXIST)
        return remedy_failed("%s could not be created on the Go machine: %s", r->dir, strerror(errno));
    return 0;
}

/* -C DIR comes first, and all that follows is done there. */
static int enter_dir(struct remedy *r)
{
    const char *dir = NULL;
    if (*r->flags && strncmp(*r->flags, "-C=", strlen("-C=")) == 0)
        dir = *r->flags++ + strlen("-C=");
    else if (*r->flags && strcmp(*r->flags, "-C") == 0 && r->flags[1]) {
        dir = r->flags[1];
        r->flags += 2;
    }
    if (dir && chdir(dir) < 0)
        return remedy_failed("%s on the Go machine: %s", dir, strerror(errno));
    return 0;
}

static int take_args(struct remedy *r, int argc, char *const *argv)
{
    const char *module = argc > ARG_MODULE ? argv[ARG_MODULE] : "";
    const char *version = argc > ARG_VERSION ? argv[ARG_VERSION] : "";
    if (argc <= ARG_MODE || strlen(module) >= sizeof r->module || strlen(version) >= sizeof r->version)
        return remedy_failed("the supervisor received an invalid remedy");
    (void)snprintf(r->module, sizeof r->module, "%s", module);
    (void)snprintf(r->version, sizeof r->version, "%s", version);
    r->dir = argv[ARG_DIR];
    r->edits = strcmp(argv[ARG_MODE], "edit") == 0;
    r->package = argc > ARG_PACKAGE && argv[ARG_PACKAGE][0] ? argv[ARG_PACKAGE] : ".";
    if (argc <= ARG_FLAGS)
        return 0;
    r->is_test = strcmp(argv[ARG_FLAGS], "test") == 0;
    r->flags = argv + ARG_FLAGS + r->is_test;
    return enter_dir(r);
}

int remedy_main(int argc, char *const *argv, const char *session_dir, int notes)
{
    struct remedy r = {.session = session_dir, .dir = "", .package = ".", .notes = notes};
    int status = take_args(&r, argc, argv);
    if (!status)
        status = make_dir(&r);
    if (status)
        return status;
    add_path();
    for (size_t i = 0; i < sizeof remedies / sizeof *remedies; i++)
        if (strcmp(remedies[i].name, argv[ARG_NAME]) == 0)
            return remedies[i].run(&r);
    return remedy_unsuited("there is no remedy '%s'", argv[ARG_NAME]);
}
