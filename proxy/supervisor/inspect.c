#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/supervisor/inspect_parts.h"
#include "proxy/supervisor/modcache.h"
#include "proxy/supervisor/remedy_parts.h"
#include "proxy/supervisor/survey_parts.h"
#include "proxy/supervisor/worker.h"

enum {
    NAME_SIZE = 256,
    VALUE_MAX = 16 * 1024,   /* bytes of a value that is reported; a longer one is left out */
    GO_LIMIT_MS = 10 * 1000, /* for go to speak of its environment */
    VARIABLES_MAX = 128,     /* of the environment, and of the file of go env -w */
};

enum { ARG_MODULE, ARG_VERSION, ARG_FILE, ARG_FLAGS };

void inspect_fact(const struct inspection *in, const char *name, const char *text)
{
    if (strlen(text) <= VALUE_MAX)
        worker_say(in->notes, ORDER_FACT, name, text);
}

static void fact_of(const struct inspection *in, const char *kind, const char *name, size_t len, const char *text)
{
    char whole[NAME_SIZE];
    int n = snprintf(whole, sizeof whole, "%s.%.*s", kind, (int)len, name);
    if (n > 0 && (size_t)n < sizeof whole)
        inspect_fact(in, whole, text);
}

/* --- variables --- */

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool ends(const char *text, size_t len, const char *with)
{
    size_t n = strlen(with);
    return len >= n && strncmp(text + len - n, with, n) == 0;
}

/* Whether a build may come out otherwise by it. */
static bool counts(const char *pair, size_t len)
{
    static const char *const whole[] = {"PATH", "CC", "CXX", "FC", "AR", "HOME"};
    static const char *const first[] = {"GO", "CGO_", "GIT_", "PKG_CONFIG", "XDG_", "SSL_CERT_"};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (strlen(whole[i]) == len && begins(pair, whole[i]))
            return true;
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        if (begins(pair, first[i]))
            return true;
    return ends(pair, len, "_PROXY") || ends(pair, len, "_proxy");
}

static void environment_facts(const struct inspection *in)
{
    size_t reported = 0;
    for (char *const *pair = environ; *pair && reported < VARIABLES_MAX; pair++) {
        size_t len = strcspn(*pair, "=");
        if (!(*pair)[len] || !counts(*pair, len))
            continue;
        fact_of(in, "env", *pair, len, *pair + len + 1);
        reported++;
    }
}

/* Lines NAME=VALUE. */
static void goenv_facts(const struct inspection *in)
{
    size_t reported = 0;
    char *text = *in->goenv ? survey_read(in->goenv) : NULL, *rest = text, *line;
    while (reported < VARIABLES_MAX && (line = strsep(&rest, "\n"))) {
        size_t len = strcspn(line, "=");
        if (*line == '#' || len == 0 || !line[len])
            continue;
        fact_of(in, "file", line, len, line + len + 1);
        reported++;
    }
    free(text);
}

/* --- what go says --- */

static char *const variables[] = {
    "GOMODCACHE",  "GOCACHE",   "GOROOT",      "GOFLAGS",   "GOWORK",    "GOMOD",        "GOENV",
    "GOTOOLCHAIN", "GOVERSION", "GOPROXY",     "GONOPROXY", "GOPRIVATE", "GOSUMDB",      "GONOSUMDB",
    "GOINSECURE",  "GOVCS",     "GO111MODULE", "GOPATH",    "GOOS",      "GOARCH",       "GOHOSTOS",
    "GOHOSTARCH",  "GOAMD64",   "GOARM",       "GO386",     "GOARM64",   "GOEXPERIMENT", "GOCACHEPROG",
    "GOTOOLDIR",   "GOTMPDIR",  "CGO_ENABLED", "CC",        "CXX"};
enum { VARIABLES = sizeof variables / sizeof *variables };

static bool is_directory(const char *name)
{
    static const char *const names[] = {"GOMODCACHE", "GOCACHE", "GOROOT"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* The path without symbolic links, where it has any: what go and the compiler print may be that. */
static void resolved_fact(const struct inspection *in, const char *kind, const char *name, const char *path)
{
    char *real = *path == '/' ? realpath(path, NULL) : NULL;
    if (real && strcmp(real, path) != 0 && *name)
        fact_of(in, kind, name, strlen(name), real);
    else if (real && strcmp(real, path) != 0)
        inspect_fact(in, kind, real);
    free(real);
}

static void take_value(struct inspection *in, const char *name, const char *value)
{
    const struct {
        const char *name;
        char *path;
    } paths[] = {{"GOMODCACHE", in->modcache}, {"GOMOD", in->mod}, {"GOWORK", in->work}, {"GOENV", in->goenv}};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (strcmp(paths[i].name, name) == 0 && *value == '/' && strcmp(value, "/dev/null") != 0 &&
            strlen(value) < SUPERVISOR_PATH_MAX)
            memcpy(paths[i].path, value, strlen(value) + 1);
    if (!*value)
        return;
    /* The last one is what go calls it. */
    if (is_directory(name))
        resolved_fact(in, "go", name, value);
    fact_of(in, "go", name, strlen(name), value);
}

/* A word that is -modfile=FILE or --modfile=FILE. */
static void take_flag(struct inspection *in, const char *word, size_t len)
{
    static const char name[] = "modfile=";
    char path[SUPERVISOR_PATH_MAX];
    size_t before = strspn(word, "-") + strlen(name);
    if (before == strlen(name) || before >= len || !begins(word + before - strlen(name), name) || len >= sizeof path)
        return;
    (void)snprintf(path, sizeof path, "%.*s", (int)(len - before), word + before);
    if (inspect_path(in->mod, in->dir, path) < 0)
        in->mod[0] = '\0'; /* go could not open it either */
}

/* A field of GOFLAGS may be quoted. */
static void take_flags(struct inspection *in, const char *flags)
{
    for (const char *at = flags; *(at += strspn(at, " \t\r\n"));) {
        char quote[] = {*at == '\'' || *at == '"' ? *at : '\0', '\0'};
        at += *quote != '\0';
        size_t len = strcspn(at, *quote ? quote : " \t\r\n");
        take_flag(in, at, len);
        at += len + (at[len] != '\0');
    }
}

/* The module's own directory, and whether another file than its go.mod counts. */
static void take_modfile(struct inspection *in, const char *flags)
{
    const char *slash = strrchr(in->mod, '/');
    if (!slash)
        return;
    (void)snprintf(in->root, sizeof in->root, "%.*s", (int)(slash - in->mod), in->mod);
    take_flags(in, flags);
    for (char *const *word = in->flags; word && *word; word++)
        take_flag(in, *word, strlen(*word));
}

/* How go is asked: as the build was, but that nothing is fetched, then without what makes it refuse to answer. */
enum { ASKED, BARE, LOCAL, ALONE, CALLS, MORE_MAX = 2 };

static char no_proxy[] = "GOPROXY=off", local[] = "GOTOOLCHAIN=local", no_work[] = "GOWORK=off";

static char *const more[CALLS][MORE_MAX] = {
    [ASKED] = {no_proxy}, [BARE] = {local, no_work}, [LOCAL] = {no_proxy, local}, [ALONE] = {no_proxy, no_work}};

/* Environment of a call: ours, and more. */
static char **environment_with(char *const *pairs)
{
    size_t n = 0, kept = 0;
    while (environ[n])
        n++;
    char **env = calloc(n + MORE_MAX + 1, sizeof *env);
    for (size_t i = 0; env && i < n; i++) {
        bool is_replaced = false;
        for (size_t j = 0; j < MORE_MAX && pairs[j]; j++)
            is_replaced = is_replaced || strncmp(environ[i], pairs[j], strcspn(pairs[j], "=") + 1) == 0;
        if (!is_replaced)
            env[kept++] = environ[i];
    }
    for (size_t j = 0; env && j < MORE_MAX && pairs[j]; j++)
        env[kept + j] = pairs[j];
    return env;
}

struct answer {
    struct survey_run run;
    char *values[VARIABLES];
    bool is_whole;
};

/* A line for each variable. */
static bool split(const struct survey_run *r, char **values)
{
    char *rest = r->status == 0 ? r->out.data : NULL;
    for (size_t i = 0; i < VARIABLES; i++)
        if (!(values[i] = strsep(&rest, "\n")))
            return false;
    return rest && !*rest;
}

/* Two at the same time: a failed build must not wait longer than it has to. */
static void ask(struct answer *answers, int first)
{
    static char go[] = "go", env[] = "env";
    char *argv[VARIABLES + 3] = {go, env};
    struct survey_run runs[2] = {{.argv = argv}, {.argv = argv}};
    memcpy(argv + 2, variables, sizeof variables);
    runs[0].env = environment_with(more[first]);
    runs[1].env = environment_with(more[first + 1]);
    survey_run_all(runs, 2, environ, ".", GO_LIMIT_MS);
    for (int i = 0; i < 2; i++) {
        free(runs[i].env);
        answers[first + i].run = runs[i];
        answers[first + i].is_whole = split(&answers[first + i].run, answers[first + i].values);
    }
}

/* Whether the call was given the variable: then it does not know it. */
static bool is_given(int call, const char *name)
{
    for (size_t i = 0; i < MORE_MAX && more[call][i]; i++)
        if (strncmp(more[call][i], name, strlen(name)) == 0 && more[call][i][strlen(name)] == '=')
            return true;
    return false;
}

/* Each variable comes from the first call that knows it. */
static void go_facts(struct inspection *in, const struct answer *answers)
{
    static const int order[] = {ASKED, LOCAL, ALONE, BARE};
    const char *flags = "";
    for (size_t i = 0; i < VARIABLES; i++)
        for (size_t j = 0; j < sizeof order / sizeof *order; j++)
            if (answers[order[j]].is_whole && !is_given(order[j], variables[i])) {
                take_value(in, variables[i], answers[order[j]].values[i]);
                if (strcmp(variables[i], "GOFLAGS") == 0)
                    flags = answers[order[j]].values[i];
                break;
            }
    take_modfile(in, flags);
    if (!answers[ASKED].is_whole && answers[ASKED].run.err.data)
        inspect_fact(in, "go.refused", answers[ASKED].run.err.data);
}

static void ask_go(struct inspection *in)
{
    struct answer *answers = calloc(CALLS, sizeof *answers);
    if (!answers)
        return;
    ask(answers, ASKED);
    if (!answers[ASKED].is_whole && answers[BARE].is_whole)
        ask(answers, LOCAL);
    go_facts(in, answers);
    for (int i = 0; i < CALLS; i++)
        survey_run_free(&answers[i].run, 1);
    free(answers);
}

/* --- the whole --- */

/* The shell's name of the directory, when it is the same: go and its words have that. */
static void take_dir(struct inspection *in)
{
    const char *pwd = getenv("PWD");
    struct stat a, b;
    if (!getcwd(in->dir, sizeof in->dir))
        in->dir[0] = '\0';
    if (pwd && *pwd == '/' && strlen(pwd) < sizeof in->dir && stat(pwd, &a) == 0 && stat(".", &b) == 0 &&
        a.st_dev == b.st_dev && a.st_ino == b.st_ino)
        (void)snprintf(in->dir, sizeof in->dir, "%s", pwd);
}

/* Where only a file is named, it says whose it is. */
static void take_name_of_file(struct inspection *in)
{
    if (*in->name || !*in->file || !*in->modcache ||
        !modcache_of_path(in->modcache, in->file, in->from_module, in->from_version))
        return;
    in->name = in->from_module;
    in->version = in->from_version;
}

int inspect_main(int argc, char *const *argv, int notes)
{
    struct inspection in = {.notes = notes, .name = "", .version = ""};
    if (argc > ARG_MODULE)
        in.name = argv[ARG_MODULE];
    if (argc > ARG_VERSION)
        in.version = argv[ARG_VERSION];
    if (argc > ARG_FLAGS)
        in.flags = argv + ARG_FLAGS;
    take_dir(&in);
    if (argc > ARG_FILE && *argv[ARG_FILE] && inspect_path(in.file, in.dir, argv[ARG_FILE]) < 0)
        in.file[0] = '\0';
    resolved_fact(&in, "dir", "", in.dir);
    inspect_fact(&in, "dir", in.dir);
    environment_facts(&in);
    ask_go(&in);
    goenv_facts(&in);
    inspect_file(&in);
    take_name_of_file(&in);
    inspect_import(&in);
    inspect_module(&in);
    return EXIT_SUCCESS;
}
