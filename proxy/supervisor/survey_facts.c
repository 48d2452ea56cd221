/* Facts about rights, go's variables and the caches, which delvegate judges (delve/check.h). */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proxy/supervisor/directory.h"
#include "proxy/supervisor/file.h"
#include "proxy/supervisor/survey_parts.h"

enum { LINE_BYTES = 256, STATUS_MAX = 8 * 1024 };

/* --- what decides whether one process may trace another --- */

/* The nth word behind a key of /proc/self/status. */
static void status_fact(const struct look *l, const char *status, const char *key, int word, const char *name)
{
    char value[LINE_BYTES];
    const char *line = strstr(status, key);
    if (!line)
        return;
    line += strlen(key);
    for (; word > 0; word--) {
        line += strspn(line, " \t");
        line += word > 1 ? strcspn(line, " \t\n") : 0;
    }
    (void)snprintf(value, sizeof value, "%.*s", (int)strcspn(line, " \t\n"), line);
    survey_fact(l, name, value);
}

static void container_facts(const struct look *l)
{
    if (access("/.dockerenv", F_OK) == 0)
        survey_fact(l, "container", "docker");
    else if (access("/run/.containerenv", F_OK) == 0)
        survey_fact(l, "container", "podman");
    else if (*survey_env(l, "KUBERNETES_SERVICE_HOST"))
        survey_fact(l, "container", "kubernetes");
    else if (access("/run/systemd/container", F_OK) == 0 || *survey_env(l, "container"))
        survey_fact(l, "container", "yes");
}

static void rights_facts(const struct look *l)
{
    enum { EFFECTIVE = 2 }; /* real, effective, saved, of files */
    char text[STATUS_MAX];
    if (file_read("/proc/self/status", text, sizeof text) == 0) {
        status_fact(l, text, "\nUid:", EFFECTIVE, "uid");
        status_fact(l, text, "\nCapEff:", 1, "CapEff");
        status_fact(l, text, "\nCapBnd:", 1, "CapBnd");
        status_fact(l, text, "\nSeccomp:", 1, "Seccomp");
    }
    if (file_read("/proc/sys/kernel/yama/ptrace_scope", text, sizeof text) == 0) {
        text[strcspn(text, "\n")] = '\0';
        survey_fact(l, "yama", text);
    }
    container_facts(l);
}

/* --- directories and files tried --- */

/* The nearest thing at or above path that is there. The caller frees it. */
static char *nearest(const char *path)
{
    char *at = strdup(path);
    while (at && access(at, F_OK) < 0 && at[1] != '\0') {
        char *slash = strrchr(at, '/');
        if (slash == at)
            slash++;
        *slash = '\0';
    }
    return at;
}

/* The path of a file to try a directory with; several machines may share it. */
static char *trial(const char *dir)
{
    static unsigned count;
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return survey_text("%s/.delvegate-%ld-%lx-%u", strcmp(dir, "/") == 0 ? "" : dir, (long)getpid(),
                       (unsigned long)now.tv_nsec, count++);
}

/* --- values of go's variables, and where they come from: env, target (its go.env), file (go env -w) --- */

static bool is_below_home(const struct look *l, const char *path, size_t len)
{
    const char *home = survey_home(l, "/nowhere");
    size_t n = strlen(home);
    return len > n && strncmp(path, home, n) == 0 && path[n] == '/';
}

static void goroot_facts(const struct look *l, const char *source, const char *dir)
{
    char *go = survey_text("%s/bin/go", dir), *runtime = survey_text("%s/src/runtime", dir);
    char *version = survey_text("%s/VERSION", dir);
    char *text = version ? survey_read(version) : NULL;
    if (!survey_is_dir(dir)) {
        survey_fact_of(l, source, "GOROOT", "state", "missing");
    } else if (!go || !runtime || access(go, X_OK) < 0 || !survey_is_dir(runtime)) {
        survey_fact_of(l, source, "GOROOT", "state", "partial");
    } else if (text) {
        text[strcspn(text, " \t\r\n")] = '\0';
        survey_fact_of(l, source, "GOROOT", "version", text);
    }
    free(text);
    free(version);
    free(runtime);
    free(go);
}

/* Go makes a missing one; below home that is as it should be. */
static void gopath_facts(const struct look *l, const char *source, const char *list)
{
    size_t len = 0;
    for (const char *at = list; *at; at += len + (at[len] == ':')) {
        len = strcspn(at, ":");
        if (len == 0 || len >= SUPERVISOR_PATH_MAX || is_below_home(l, at, len))
            continue;
        char *dir = strndup(at, len);
        if (dir && !survey_is_dir(dir))
            survey_fact_of(l, source, "GOPATH", "missing", dir);
        free(dir);
    }
}

/* A cache that a session does not use, but any other go. */
static void unused_cache_facts(const struct look *l, const char *name, const char *dir)
{
    bool is_made = false;
    char *at = dir[0] == '/' ? nearest(dir) : NULL;
    char *file = at ? trial(at) : NULL;
    if (file && directory_probe_space(file, &is_made) < 0 && !is_made)
        survey_fact_of(l, "env", name, "state", "closed");
    else if (file && strcmp(at, dir) != 0)
        survey_fact_of(l, "env", name, "state", "missing");
    if (is_made)
        (void)unlink(file);
    free(file);
    free(at);
}

static void value_facts(const struct look *l, const char *source, const char *name, const char *value)
{
    if (!*value)
        return;
    survey_fact_of(l, source, name, NULL, value);
    if (strcmp(name, "GOROOT") == 0)
        goroot_facts(l, source, value);
    else if (strcmp(name, "GOPATH") == 0)
        gopath_facts(l, source, value);
    else if (strcmp(name, "GOBIN") == 0 && !is_below_home(l, value, strlen(value)) && !survey_is_dir(value))
        survey_fact_of(l, source, "GOBIN", "state", "missing");
    else if (strcmp(name, "GOWORK") == 0 && value[0] == '/' && !survey_is_file(value))
        survey_fact_of(l, source, "GOWORK", "state", "missing");
    else if (strcmp(source, "env") == 0 && (strcmp(name, "GOCACHE") == 0 || strcmp(name, "GOMODCACHE") == 0))
        unused_cache_facts(l, name, value);
}

static const char *const names[] = {"GOROOT",      "GOPATH",      "GOBIN",  "GOCACHE", "GOMODCACHE",
                                    "GOTOOLCHAIN", "GO111MODULE", "GOWORK", "GOFLAGS"};
enum { NAMES = sizeof names / sizeof *names };

/* NAME=VALUE, when the name is one that counts; len: of all of it. */
static void pair_facts(const struct look *l, const char *source, const char *pair, size_t len)
{
    for (size_t i = 0; i < NAMES; i++) {
        size_t n = strlen(names[i]);
        if (len <= n || strncmp(pair, names[i], n) != 0 || pair[n] != '=')
            continue;
        char *value = strndup(pair + n + 1, len - n - 1);
        if (value)
            value_facts(l, source, names[i], value);
        free(value);
    }
}

static void file_facts(const struct look *l, const char *path)
{
    char *text = survey_is_file(path) && access(path, R_OK) == 0 ? survey_read(path) : NULL;
    if (!text)
        return;
    survey_fact(l, "goenvFile", path);
    size_t len = 0;
    for (const char *line = text; *line; line += len + (line[len] == '\n')) {
        len = strcspn(line, "\n");
        pair_facts(l, "file", line, len);
    }
    free(text);
}

char *survey_goenv_file(const struct look *l)
{
    static const char goenv[] = "GOENV=";
    const char *file = survey_env(l, "GOENV"), *config = survey_env(l, "XDG_CONFIG_HOME");
    struct order_field f;
    size_t at = 0;
    while (order_next(l->s->session, &at, &f))
        if (f.key == ORDER_GOENV && strncmp(f.value, goenv, sizeof goenv - 1) == 0 && f.value[sizeof goenv - 1])
            file = f.value + sizeof goenv - 1;
    if (strcmp(file, "off") == 0)
        return NULL;
    if (*file)
        return strdup(file);
    return *config ? survey_text("%s/go/env", config) : survey_text("%s/.config/go/env", survey_env(l, "HOME"));
}

/* Why a directory can't be worked in. */
static void dir_facts(const struct look *l, const char *dir)
{
    struct stat st;
    const char *why = NULL;
    bool is_there = stat(dir, &st) == 0;
    if (is_there && !S_ISDIR(st.st_mode))
        why = strerror(ENOTDIR);
    else if (!is_there || access(dir, X_OK) < 0)
        why = strerror(errno);
    if (why)
        survey_fact_of(l, "dir", "why", NULL, why);
}

void survey_machine(const struct look *l)
{
    struct order_field f;
    size_t at = 0;
    rights_facts(l);
    for (size_t i = 0; i < NAMES; i++)
        value_facts(l, "env", names[i], survey_env(l, names[i]));
    while (order_next(l->s->session, &at, &f))
        if (f.key == ORDER_GOENV)
            pair_facts(l, "target", f.value, strlen(f.value));
    char *file = survey_goenv_file(l);
    if (file)
        file_facts(l, file);
    free(file);
    const char *dir = survey_given(l, ORDER_EXAMINE);
    if (dir[0] == '/')
        dir_facts(l, dir);
    survey_module(l, *dir ? dir : survey_env(l, "HOME"));
}

/* --- the caches --- */

/* Whether a session's cache can be written, or made. Returns the file that this has left, or NULL: both are tried
 * before either is removed, as they may be on one disk. */
static char *cache_facts(const struct look *l, const char *name, const char *dir)
{
    bool is_made = false;
    char *at = dir && dir[0] == '/' ? nearest(dir) : NULL;
    if (at && strcmp(at, dir) != 0)
        survey_fact_of(l, name, "at", NULL, at);
    char *file = at && survey_is_dir(at) ? trial(at) : NULL;
    if (file && directory_probe_space(file, &is_made) < 0) {
        survey_fact_of(l, name, "why", NULL, strerror(errno));
        survey_fact_of(l, name, "state", NULL, errno == ENOSPC || errno == EDQUOT ? "full" : "closed");
    } else if (at && !file) {
        survey_fact_of(l, name, "why", NULL, "not a directory");
        survey_fact_of(l, name, "state", NULL, "closed");
    }
    free(at);
    if (is_made)
        return file;
    free(file);
    return NULL;
}

static void toolchain_facts(const struct look *l)
{
    static const char prefix[] = "toolchain@v";
    unsigned count = 0;
    char *dir = survey_text("%s/golang.org", l->gomodcache);
    DIR *d = dir ? opendir(dir) : NULL;
    for (struct dirent *e = d ? readdir(d) : NULL; e && count < SURVEY_TOOLCHAINS_MAX; e = readdir(d)) {
        const char *go = NULL;
        for (const char *at = strstr(e->d_name, "-go"); at; at = strstr(at + 1, "-go"))
            go = at + strlen("-go");
        if (!go || strncmp(e->d_name, prefix, sizeof prefix - 1) != 0)
            continue;
        survey_fact(l, "toolchain", go);
        count++;
    }
    if (d)
        closedir(d);
    free(dir);
}

void survey_caches(const struct look *l)
{
    char *of_builds = cache_facts(l, "GOCACHE", l->gocache);
    char *of_modules = cache_facts(l, "GOMODCACHE", l->gomodcache);
    char *download = l->gomodcache ? survey_text("%s/cache/download", l->gomodcache) : NULL;
    if (download && survey_is_dir(download))
        survey_fact_of(l, "GOMODCACHE", "filled", NULL, "yes");
    if (l->gomodcache)
        toolchain_facts(l);
    free(download);
    if (of_builds)
        (void)unlink(of_builds);
    if (of_modules)
        (void)unlink(of_modules);
    free(of_builds);
    free(of_modules);
}

/* --- Delve --- */

/* With an end of its input it ends by itself. */
void survey_trace(const struct look *l)
{
    static const char complaint[] = "could not launch process: ";
    char *sh = survey_in_path("sh", survey_env(l, "PATH"));
    char *argv[] = {l->dlv,
                    "exec",
                    "--check-go-version=false",
                    "--allow-non-terminal-interactive=true",
                    sh ? sh : "/bin/sh",
                    "--",
                    "-c",
                    ":",
                    NULL};
    struct survey_run run = {.argv = argv};
    if (!l->dlv) {
        free(sh);
        return;
    }
    survey_run_all(&run, 1, l->clean, l->s->dir, l->trace_ms);
    const struct buf *const printed[] = {&run.out, &run.err};
    char *found = NULL;
    for (size_t i = 0; i < 2 && !found; i++) {
        const char *at = printed[i]->data ? strstr(printed[i]->data, complaint) : NULL;
        while (at && at > printed[i]->data && at[-1] != '\n')
            at--;
        found = at ? strndup(at, strcspn(at, "\n")) : NULL;
    }
    if (!run.is_late && run.status >= 0)
        survey_fact(l, "trace", found ? found : "");
    free(found);
    free(sh);
    survey_run_free(&run, 1);
}
