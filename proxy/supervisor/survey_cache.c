/* What sessions of one supervisor need not look for again: a file in its instance's directory, for each environment
 * and configuration. It counts as long as all files that it came from are as they were. That something was not found
 * is never kept, nor what a script or a shim has said, which may start something else tomorrow. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/supervisor/file.h"
#include "proxy/supervisor/survey_parts.h"

enum { KEPT_MAX = 256 * 1024, STAMP_MAX = 160 };

/* --- where --- */

static uint64_t hash(uint64_t h, const char *text)
{
    static const uint64_t prime = 1099511628211U; /* FNV-1a */
    do
        h = (h ^ (unsigned char)*text) * prime;
    while (*text++);
    return h;
}

/* The file for what the answers depend on beside files: environment and configuration. The caller frees it. */
static char *kept_path(const struct look *l)
{
    static const char *const names[] = {"PATH",   "HOME",  "SHELL",          "USER",           "LOGNAME",
                                        "GOPATH", "GOBIN", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"};
    static const enum order_key keys[] = {ORDER_GO, ORDER_DLV};
    uint64_t h = 14695981039346656037U;
    struct order_field f;
    size_t at = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        h = hash(h, survey_env(l, names[i]));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        h = hash(h, survey_given(l, keys[i]));
    h = hash(h, order_get(l->s->session, ORDER_NO_DELVE) ? "alone" : "with dlv");
    while (order_next(l->s->session, &at, &f))
        if (f.key == ORDER_GOENV)
            h = hash(h, f.value);
    /* The session's directory is one of the instance's. */
    return survey_text("%s/../tools-%016llx", l->s->dir, (unsigned long long)h);
}

/* --- what a file was like --- */

static void stamp(const char *path, char *text)
{
    struct stat st;
    if (stat(path, &st) < 0) {
        (void)snprintf(text, STAMP_MAX, "-");
        return;
    }
    (void)snprintf(text, STAMP_MAX, "%llx:%llx:%llx:%llx.%lx:%llx.%lx", (unsigned long long)st.st_dev,
                   (unsigned long long)st.st_ino, (unsigned long long)st.st_size, (unsigned long long)st.st_mtim.tv_sec,
                   (unsigned long)st.st_mtim.tv_nsec, (unsigned long long)st.st_ctim.tv_sec,
                   (unsigned long)st.st_ctim.tv_nsec);
}

static void put_stamp(struct buf *out, const char *path)
{
    char text[STAMP_MAX];
    stamp(path, text);
    buf_printf(out, "stamp %s %s\n", text, path);
}

static void put_stamp_of(struct buf *out, char *path)
{
    if (path)
        put_stamp(out, path);
    else
        out->failed = true;
    free(path);
}

/* "STAMP PATH": whether it is still so. */
static bool is_unchanged(const char *line)
{
    char now[STAMP_MAX];
    size_t len = strcspn(line, " ");
    if (!line[len])
        return false;
    stamp(line + len + 1, now);
    return strlen(now) == len && strncmp(now, line, len) == 0;
}

/* Whether what it says depends on itself alone: a program of that name, no script and no symbolic link to a launcher.
 */
static bool is_itself(const char *path, const char *name)
{
    static const char elf[] = {0x7f, 'E', 'L', 'F'};
    char resolved[PATH_MAX], begin[sizeof elf];
    if (!realpath(path, resolved) || strcmp(strrchr(resolved, '/') + 1, name) != 0)
        return false;
    int fd = open(resolved, O_RDONLY | O_CLOEXEC);
    bool is = fd >= 0 && read(fd, begin, sizeof begin) == (ssize_t)sizeof begin && memcmp(begin, elf, sizeof elf) == 0;
    if (fd >= 0)
        close(fd);
    return is;
}

/* --- reading --- */

/* Splits off a line of the text; NULL at its end. */
static char *next(char **rest)
{
    return *rest && **rest ? strsep(rest, "\n") : NULL;
}

/* The kept text, when all that it came from is unchanged; the caller frees it. */
static char *recall(const struct look *l)
{
    char *path = l->is_alone ? NULL : kept_path(l);
    char *text = path ? malloc(KEPT_MAX) : NULL;
    bool is_good = text && file_read(path, text, KEPT_MAX) == 0;
    char *lines = is_good ? strdup(text) : NULL, *rest = lines;
    for (char *line = next(&rest); line && is_good; line = next(&rest))
        if (strncmp(line, "stamp ", strlen("stamp ")) == 0)
            is_good = is_unchanged(line + strlen("stamp "));
    is_good = is_good && lines;
    free(lines);
    free(path);
    if (is_good)
        return text;
    free(text);
    return NULL;
}

/* The value of a line "NAME VALUE"; NULL when there is none. The caller frees it. */
static char *value_of(const char *text, const char *name)
{
    size_t n = strlen(name), len = 0;
    for (const char *line = text; *line; line += len + (line[len] == '\n')) {
        len = strcspn(line, "\n");
        if (len > n && strncmp(line, name, n) == 0 && line[n] == ' ')
            return strndup(line + n + 1, len - n - 1);
    }
    return NULL;
}

void survey_recall_login(struct look *l)
{
    char *text = recall(l);
    if (text)
        l->login_path = value_of(text, "login");
    free(text);
}

static bool is_same(char *kept, const char *found)
{
    bool is = found ? kept && strcmp(kept, found) == 0 : !kept;
    free(kept);
    return is;
}

bool survey_recall(struct look *l, bool needs_goenv)
{
    char *text = recall(l);
    if (!text || !is_same(value_of(text, "go"), l->go) || !is_same(value_of(text, "dlv"), l->dlv)) {
        free(text);
        return false;
    }
    l->go_version = value_of(text, "goVersion");
    l->dlv_version = value_of(text, "dlvVersion");
    l->env_gocache = value_of(text, "GOCACHE");
    l->env_gomodcache = value_of(text, "GOMODCACHE");
    l->goroot = value_of(text, "GOROOT");
    l->gotoolchain = value_of(text, "GOTOOLCHAIN");
    free(text);
    if (l->go_version && (l->dlv_version || !l->dlv) && (!needs_goenv || (l->env_gocache && l->env_gomodcache)))
        return true;
    char **const values[] = {&l->go_version,     &l->dlv_version, &l->env_gocache,
                             &l->env_gomodcache, &l->goroot,      &l->gotoolchain};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        free(*values[i]);
        *values[i] = NULL;
    }
    return false;
}

/* --- writing --- */

static void put(struct buf *out, const char *name, const char *value)
{
    if (value && strpbrk(value, "\n"))
        out->failed = true;
    else if (value)
        buf_printf(out, "%s %s\n", name, value);
}

/* Of a directory and all in it. */
static void put_stamps_in(struct buf *out, const char *dir)
{
    put_stamp(out, dir);
    DIR *d = opendir(dir);
    for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
        if (e->d_name[0] != '.')
            put_stamp_of(out, survey_text("%s/%s", dir, e->d_name));
    if (d)
        closedir(d);
}

/* What a login shell and go read before they answer. */
static void put_stamps(const struct look *l, struct buf *out)
{
    static const char *const profiles[] = {".profile", ".bash_profile", ".bash_login",
                                           ".bashrc",  ".zshenv",       ".zprofile",
                                           ".zshrc",   ".zlogin",       ".config/fish/config.fish"};
    static const char *const of_all[] = {"/etc/profile", "/etc/environment", "/etc/zsh/zshenv", "/etc/zsh/zprofile"};
    put_stamp(out, l->go);
    if (l->dlv)
        put_stamp(out, l->dlv);
    char *file = survey_goenv_file(l);
    if (file)
        put_stamp_of(out, file);
    if (l->goroot)
        put_stamp_of(out, survey_text("%s/go.env", l->goroot));
    if (!l->login_path)
        return;
    put_stamps_in(out, "/etc/profile.d");
    for (size_t i = 0; i < sizeof of_all / sizeof *of_all; i++)
        put_stamp(out, of_all[i]);
    for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++)
        put_stamp_of(out, survey_text("%s/%s", survey_home(l, "/"), profiles[i]));
}

void survey_keep(const struct look *l)
{
    struct buf out;
    if (l->is_alone || !l->go || !is_itself(l->go, "go") || (l->dlv && !is_itself(l->dlv, "dlv")))
        return;
    buf_init(&out, KEPT_MAX - 1);
    put(&out, "go", l->go);
    put(&out, "dlv", l->dlv);
    put(&out, "login", l->login_path);
    put(&out, "goVersion", l->go_version);
    put(&out, "dlvVersion", l->dlv_version);
    put(&out, "GOCACHE", l->env_gocache);
    put(&out, "GOMODCACHE", l->env_gomodcache);
    put(&out, "GOROOT", l->goroot);
    put(&out, "GOTOOLCHAIN", l->gotoolchain);
    put_stamps(l, &out);
    char *path = kept_path(l);
    /* Without it the next session asks again. */
    if (path && (out.failed || file_write(path, out.data) < 0))
        (void)unlink(path);
    free(path);
    buf_free(&out);
}
