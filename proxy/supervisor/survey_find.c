/* Where go and dlv are. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/supervisor/survey_parts.h"

#define LOGIN_MARK "delvegate-path"

bool survey_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool survey_is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool survey_is_program(const char *path)
{
    return survey_is_file(path) && access(path, X_OK) == 0;
}

static char *program_in(const char *dir, size_t len, const char *name)
{
    char *path = survey_text("%.*s/%s", (int)len, dir, name);
    if (path && survey_is_program(path))
        return path;
    free(path);
    return NULL;
}

char *survey_in_path(const char *name, const char *list)
{
    char *found = NULL;
    size_t len = 0;
    for (const char *at = list; *at && !found; at += len + (at[len] == ':')) {
        len = strcspn(at, ":");
        if (at[0] == '/' && len < SUPERVISOR_PATH_MAX)
            found = program_in(at, len, name);
    }
    return found;
}

/* NAME in PARENT/PREFIX.../bin, of several the one with the highest version. */
static char *in_newest(const char *parent, const char *prefix, const char *name)
{
    char newest[NAME_MAX + 1] = "";
    char *found = NULL;
    DIR *d = opendir(parent);
    for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
        if (e->d_name[0] == '.' || strncmp(e->d_name, prefix, strlen(prefix)) != 0 ||
            (found && strverscmp(e->d_name, newest) <= 0))
            continue;
        char *dir = survey_text("%s/%s/bin", parent, e->d_name);
        char *path = dir ? program_in(dir, strlen(dir), name) : NULL;
        free(dir);
        if (!path)
            continue;
        free(found);
        found = path;
        (void)snprintf(newest, sizeof newest, "%s", e->d_name);
    }
    if (d)
        closedir(d);
    return found;
}

/* --- a login shell --- */

/* The line behind the last mark: a profile may print anything before. */
static char *path_printed(const char *text)
{
    const char *path = NULL;
    for (const char *line = text; line && *line;) {
        const char *end = strchr(line, '\n');
        size_t len = end ? (size_t)(end - line) : strlen(line);
        if (end && len == strlen(LOGIN_MARK) && strncmp(line, LOGIN_MARK, len) == 0)
            path = end + 1;
        line = end ? end + 1 : NULL;
    }
    return path ? strndup(path, strcspn(path, "\n")) : strdup("");
}

static void ask_login_shell(struct look *l)
{
    const char *shell = survey_env(l, "SHELL");
    char *argv[] = {(char *)(*shell ? shell : "/bin/sh"), "-lc", "echo; echo " LOGIN_MARK "; printenv PATH", NULL};
    struct survey_run run = {.argv = argv};
    survey_run_all(&run, 1, l->s->env, survey_is_dir(survey_home(l, "/")) ? survey_home(l, "/") : "/", l->login_ms);
    l->login_path = path_printed(run.out.data);
    survey_run_free(&run, 1);
}

/* --- */

/* The directories bin of a GOPATH, which is a list. */
static char *in_gopath(const struct look *l, const char *name)
{
    char *found = NULL;
    size_t len = 0;
    for (const char *at = survey_env(l, "GOPATH"); *at && !found; at += len + (at[len] == ':')) {
        len = strcspn(at, ":");
        char *dir = at[0] == '/' ? survey_text("%.*s/bin", (int)(len < SUPERVISOR_PATH_MAX ? len : 0), at) : NULL;
        found = dir ? program_in(dir, strlen(dir), name) : NULL;
        free(dir);
    }
    return found;
}

static char *in_list_of(const char *name, char *list)
{
    char *found = list ? survey_in_path(name, list) : NULL;
    free(list);
    return found;
}

static char *in_usual_directories(const struct look *l, const char *name)
{
    const char *home = survey_home(l, "/");
    char *sdk = survey_text("%s/sdk", home);
    char *found = in_list_of(name, survey_text("/usr/local/go/bin:%s:%s/go/bin", survey_env(l, "GOBIN"), home));
    if (!found && sdk)
        found = in_newest(sdk, "", name);
    if (!found)
        found = in_newest("/usr/lib", "go-", name);
    if (!found)
        found = in_gopath(l, name);
    if (!found)
        found = in_list_of(name, survey_text("%s/.local/bin:/snap/bin", home));
    free(sdk);
    return found;
}

/* The command that installs a tool on this machine, by the package manager that it has; of Delve by go where go is no
 * package either. The caller frees; NULL when memory ran out. */
static char *install_command(const struct look *l, const char *name)
{
    static const struct {
        const char *manager, *install, *go, *dlv; /* dlv NULL: it has no package */
    } managers[] = {
        {"apt-get", "install", "golang-go", "delve"},
        {"dnf", "install", "golang", "delve"},
        {"apk", "add", "go", "delve"},
        {"pacman", "-S", "go", "delve"},
        {"zypper", "install", "go", NULL},
    };
    bool is_go = strcmp(name, "go") == 0;
    bool is_package = !l->go || strncmp(l->go, "/usr/bin/", strlen("/usr/bin/")) == 0 ||
                      strncmp(l->go, "/usr/lib/", strlen("/usr/lib/")) == 0;
    for (size_t i = 0; i < sizeof managers / sizeof *managers && is_package; i++) {
        const char *package = is_go ? managers[i].go : managers[i].dlv;
        char *found = package ? in_list_of(managers[i].manager, strdup("/usr/bin:/sbin:/usr/sbin:/bin")) : NULL;
        if (!found)
            continue;
        free(found);
        return survey_text("as root: %s %s %s", managers[i].manager, managers[i].install, package);
    }
    if (is_go)
        return survey_text("as https://go.dev/doc/install says");
    return survey_text("%s install github.com/go-delve/delve/cmd/dlv@latest", l->go ? l->go : "go");
}

static char *nowhere(const struct look *l, const char *name, const char *option)
{
    const char *home = survey_home(l, "/");
    char *command = install_command(l, name);
    char *text = survey_text("%s was not found on the Go machine: looked in PATH (%s), the login shell's PATH (%s), "
                             "/usr/local/go/bin, %s/go/bin, %s/sdk/*/bin, /usr/lib/go-*/bin, $GOBIN, $GOPATH/bin, "
                             "%s/.local/bin and /snap/bin; install it on that machine (%s) or set %s",
                             name, survey_env(l, "PATH"), l->login_path && *l->login_path ? l->login_path : "none",
                             home, home, home, command ? command : "out of memory", option);
    free(command);
    return text;
}

char *survey_find(struct look *l, const char *name, const char *configured, const char *option, char **why)
{
    *why = NULL;
    if (*configured) {
        if (survey_is_program(configured))
            return strdup(configured);
        *why =
            survey_text("%s is %s, which is not a program on the Go machine; correct %s", option, configured, option);
        return NULL;
    }
    char *found = survey_in_path(name, survey_env(l, "PATH"));
    if (!found && !l->login_path)
        ask_login_shell(l);
    if (!found && l->login_path)
        found = survey_in_path(name, l->login_path);
    if (!found)
        found = in_usual_directories(l, name);
    if (!found)
        *why = nowhere(l, name, option);
    return found;
}
