/* The main modules of a build, and the module that holds what is in question: as their files say, go is not asked. It
 * may refuse to read them, and might fetch what is missing. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/supervisor/inspect_parts.h"
#include "proxy/supervisor/modcache.h"
#include "proxy/supervisor/modfile.h"
#include "proxy/supervisor/remedy_parts.h"

enum {
    SUM_FIELDS = 3,         /* MODULE VERSION HASH */
    USED_MAX = 64,          /* modules of a workspace that are looked at */
    SUMS_MAX = USED_MAX + 2 /* with go.work.sum, and NULL */
};

struct module {
    char path[REMEDY_NAME_MAX], version[REMEDY_NAME_MAX];
};

struct search {
    const struct inspection *in;
    char *mods[USED_MAX]; /* the go.mod files */
    size_t mod_count;
    char *sums[SUMS_MAX]; /* the files of sums, NULL-terminated */
    size_t sum_count;
    size_t main_longest;  /* bytes of the longest path of a main module that holds what is in question */
    struct module found;  /* the longest required that does; path "": none */
    bool is_of_sums;      /* go.sum alone names it: it may have been required long ago */
    const char *file_dir; /* of the file that is being read */
    bool of_work;         /* it is go.work, whose replacements come before those of modules */
    /* What takes the place of the module: another one, or a directory. */
    char by_path[SUPERVISOR_PATH_MAX], by_version[REMEDY_NAME_MAX];
    bool is_replaced, is_replaced_by_work, is_version_replaced;
};

/* Whether path is that name or a part before one of its slashes. */
static bool holds(const char *path, const char *name)
{
    size_t n = strlen(path);
    return n > 0 && strncmp(name, path, n) == 0 && (name[n] == '/' || name[n] == '\0');
}

static void take_name(char *to, size_t size, const char *from)
{
    if (strlen(from) < size)
        memcpy(to, from, strlen(from) + 1);
}

/* --- which files --- */

static void add(char **list, size_t *count, size_t max, const char *path)
{
    char *copy = *count < max ? strdup(path) : NULL;
    if (copy)
        list[(*count)++] = copy;
}

/* go.mod becomes go.sum, go.work go.work.sum. */
static void add_sum(struct search *s, const char *file)
{
    char sum[SUPERVISOR_PATH_MAX + sizeof ".sum"];
    size_t n = strlen(file), end = strlen(".mod");
    bool is_mod = n > end && strcmp(file + n - end, ".mod") == 0;
    (void)snprintf(sum, sizeof sum, "%.*s.sum", (int)(is_mod ? n - end : n), file);
    add(s->sums, &s->sum_count, SUMS_MAX - 1, sum);
}

static void add_used(void *arg, const char *dir)
{
    struct search *s = arg;
    char path[SUPERVISOR_PATH_MAX], file[SUPERVISOR_PATH_MAX + sizeof "/go.mod"];
    if (inspect_path(path, s->file_dir, dir) < 0)
        return;
    (void)snprintf(file, sizeof file, "%s/go.mod", path);
    add(s->mods, &s->mod_count, USED_MAX, file);
    add_sum(s, file);
}

static void dir_of(const char *file, char *dir)
{
    (void)snprintf(dir, SUPERVISOR_PATH_MAX, "%.*s", (int)(strrchr(file, '/') - file), file);
}

static void find_files(struct search *s)
{
    static const struct modfile_handler used = {.use = add_used};
    char dir[SUPERVISOR_PATH_MAX];
    if (*s->in->work) {
        dir_of(s->in->work, dir);
        s->file_dir = dir;
        add_sum(s, s->in->work);
        modfile_read(s->in->work, &used, s);
    } else if (*s->in->mod) {
        add(s->mods, &s->mod_count, USED_MAX, s->in->mod);
        add_sum(s, s->in->mod);
    }
}

/* --- the main modules, and what they require --- */

static void on_main(void *arg, const char *path)
{
    struct search *s = arg;
    inspect_fact(s->in, "main", path);
    if (holds(path, s->in->name) && strlen(path) > s->main_longest)
        s->main_longest = strlen(path);
}

/* Of several the longest path counts, and of its versions the highest. */
static void consider(struct search *s, const char *path, const char *version)
{
    size_t n = strlen(path), longest = strlen(s->found.path);
    if (!(holds(path, s->in->name) || inspect_is_called(path, s->in->name)) || n < longest || n >= sizeof s->found.path)
        return;
    if (n == longest && modfile_compare(version, s->found.version) <= 0)
        return;
    take_name(s->found.path, sizeof s->found.path, path);
    take_name(s->found.version, sizeof s->found.version, version);
}

static void on_require(void *arg, const char *path, const char *version)
{
    consider(arg, path, version);
}

/* What a replacement is called holds what it is called for. */
static void on_replacing(void *arg, const char *path, const char *version, const char *by_path, const char *by_version)
{
    struct search *s = arg;
    (void)path;
    (void)version;
    if (*by_version)
        consider(s, by_path, by_version);
}

static void read_all(struct search *s, const struct modfile_handler *h)
{
    char dir[SUPERVISOR_PATH_MAX];
    s->file_dir = dir;
    s->of_work = true;
    if (*s->in->work) {
        dir_of(s->in->work, dir);
        modfile_read(s->in->work, h, s);
    }
    s->of_work = false;
    for (size_t i = 0; i < s->mod_count; i++) {
        /* With -modfile too paths count from the module's own directory. */
        if (*s->in->work)
            dir_of(s->mods[i], dir);
        else
            (void)snprintf(dir, sizeof dir, "%s", s->in->root);
        modfile_read(s->mods[i], h, s);
    }
}

/* --- what go.mod does not name: before go 1.17 it names direct requirements alone --- */

/* Takes a line MODULE VERSION HASH of a module's files. */
static void take_sum(struct search *s, char *line)
{
    char *path = strsep(&line, " "), *version = line ? strsep(&line, " ") : NULL;
    if (version && line && !strchr(version, '/'))
        consider(s, path, version);
}

static void search_sums(struct search *s)
{
    for (size_t i = 0; i < s->sum_count; i++) {
        struct buf text;
        buf_init(&text, REMEDY_FILE_MAX);
        char *rest = remedy_read(s->sums[i], &text) == 0 ? text.data : NULL, *line;
        while ((line = strsep(&rest, "\n")))
            take_sum(s, line);
        buf_free(&text);
    }
}

/* --- what takes its place --- */

/* Of a workspace go.work's comes first; one with the version before one without. */
static void on_replace(void *arg, const char *path, const char *version, const char *by_path, const char *by_version)
{
    struct search *s = arg;
    bool is_version = *version != '\0';
    if (strcmp(path, s->found.path) != 0 || (is_version && strcmp(version, s->found.version) != 0))
        return;
    if (s->is_replaced && (s->is_replaced_by_work > s->of_work ||
                           (s->is_replaced_by_work == s->of_work && s->is_version_replaced >= is_version)))
        return;
    s->is_replaced = true;
    s->is_replaced_by_work = s->of_work;
    s->is_version_replaced = is_version;
    take_name(s->by_version, sizeof s->by_version, by_version);
    if (*by_version || inspect_path(s->by_path, s->file_dir, by_path) < 0)
        take_name(s->by_path, sizeof s->by_path, by_path);
}

/* --- their files --- */

/* Go passes over a line of go.sum that has not three fields, or refuses the file. */
static bool is_malformed(char *text)
{
    static const char blanks[] = " \t\r";
    char *line, *field;
    while ((line = strsep(&text, "\n"))) {
        int fields = 0;
        while ((field = strsep(&line, blanks)))
            fields += *field != '\0';
        if (fields != 0 && fields != SUM_FIELDS)
            return true;
    }
    return false;
}

static const char *sum_state(const char *file)
{
    struct buf text;
    if (access(file, F_OK) < 0)
        return errno == ENOENT ? "missing" : "closed";
    buf_init(&text, REMEDY_FILE_MAX);
    bool is_read = remedy_read(file, &text) == 0;
    const char *state = !is_read ? "closed" : is_malformed(text.data) ? "malformed" : "open";
    buf_free(&text);
    return state;
}

static void sum_fact(const struct search *s)
{
    char own[SUPERVISOR_PATH_MAX + sizeof "/go.mod"];
    struct search of = {.in = s->in};
    if (!*s->in->mod)
        return;
    (void)snprintf(own, sizeof own, "%s", s->in->mod);
    if (*s->in->work)
        (void)snprintf(own, sizeof own, "%s/go.mod", s->in->root);
    add_sum(&of, own);
    if (of.sum_count == 0)
        return;
    inspect_fact(s->in, "sum.state", sum_state(of.sums[0]));
    free(of.sums[0]);
}

/* Whether go.work names the module that the build's directory is in. */
static void use_fact(const struct search *s)
{
    char own[SUPERVISOR_PATH_MAX + sizeof "/go.mod"];
    struct stat a, b;
    bool found = false;
    (void)snprintf(own, sizeof own, "%s/go.mod", s->in->root);
    if (!*s->in->work || !*s->in->root || stat(own, &a) < 0)
        return;
    for (size_t i = 0; i < s->mod_count && !found; i++)
        found = stat(s->mods[i], &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
    inspect_fact(s->in, "work.use", found ? "there" : "missing");
}

/* --- the whole --- */

static void search(struct search *s)
{
    static const struct modfile_handler mains = {.module = on_main, .require = on_require},
                                        replacing = {.replace = on_replacing}, replaced = {.replace = on_replace};
    read_all(s, &mains);
    if (!*s->in->name)
        return;
    if (!*s->found.path)
        read_all(s, &replacing);
    if (!*s->found.path) {
        search_sums(s);
        s->is_of_sums = *s->found.path;
    }
    /* A package of the program's own. */
    if (strlen(s->found.path) < s->main_longest)
        s->found = (struct module){{0}, {0}};
    if (*s->found.path)
        read_all(s, &replaced);
}

static bool is_go_file(const char *name)
{
    size_t n = strlen(name), end = strlen(".go");
    return n > end && strcmp(name + n - end, ".go") == 0;
}

/* Whether the directory of what is in question, in its module's, holds a package. */
static void package_fact(const struct search *s, const char *module_dir)
{
    char path[SUPERVISOR_PATH_MAX];
    const char *module = *s->found.path && holds(s->found.path, s->in->name) ? s->found.path : s->by_path;
    const char *name = s->in->name;
    bool is_there = false;
    struct dirent *e;
    int n = snprintf(path, sizeof path, "%s%s", module_dir, holds(module, name) ? name + strlen(module) : "");
    DIR *d = n > 0 && (size_t)n < sizeof path ? opendir(path) : NULL;
    while (d && !is_there && (e = readdir(d)))
        is_there = is_go_file(e->d_name);
    if (d)
        (void)closedir(d);
    inspect_fact(s->in, "package.state", is_there ? "there" : "missing");
}

/* module: "PATH VERSION" of one that go.sum alone names, else NULL. */
static void cached_facts(const struct search *s, const char *module, const char *path, const char *version)
{
    const struct inspection *in = s->in;
    char dir[SUPERVISOR_PATH_MAX], entry[SUPERVISOR_PATH_MAX], zip[SUPERVISOR_PATH_MAX + sizeof ".zip"];
    if (!*in->modcache || !remedy_is_version(path, version) ||
        modcache_paths(in->modcache, path, version, dir, entry) < 0)
        return;
    enum modcache_state state = modcache_state(in->modcache, (const char *const *)s->sums, path, version);
    if (module && state != MODCACHE_DAMAGED)
        return;
    if (module)
        inspect_fact(in, "module", module);
    (void)snprintf(zip, sizeof zip, "%s.zip", entry);
    inspect_fact(in, "module.dir", dir);
    inspect_fact(in, "module.zip", access(zip, F_OK) == 0 ? "there" : "missing");
    package_fact(s, dir);
    inspect_fact(in, "module.state", modcache_state_text(state));
}

static void module_facts(const struct search *s)
{
    const struct inspection *in = s->in;
    const char *path = s->is_replaced ? s->by_path : s->found.path;
    const char *version = s->is_replaced ? s->by_version : s->found.version;
    char text[SUPERVISOR_PATH_MAX + REMEDY_NAME_MAX + 1];
    if (!*s->found.path) {
        /* Nothing requires it, but it was named with its version. */
        if (*in->version && s->main_longest == 0)
            cached_facts(s, NULL, in->name, in->version);
        return;
    }
    if (s->is_replaced && !*version) {
        (void)snprintf(text, sizeof text, "%s %s", s->found.path, s->found.version);
        inspect_fact(in, "module", text);
        inspect_fact(in, "module.dir", path);
        inspect_fact(in, "module.state", "replaced");
        package_fact(s, path);
        return;
    }
    (void)snprintf(text, sizeof text, "%s %s", path, version);
    if (!s->is_of_sums)
        inspect_fact(in, "module", text);
    cached_facts(s, s->is_of_sums ? text : NULL, path, version);
}

void inspect_module(const struct inspection *in)
{
    struct search *s = calloc(1, sizeof *s);
    if (!s)
        return;
    s->in = in;
    find_files(s);
    sum_fact(s);
    use_fact(s);
    search(s);
    if (*in->name)
        module_facts(s);
    for (size_t i = 0; i < s->mod_count; i++)
        free(s->mods[i]);
    for (size_t i = 0; i < s->sum_count; i++)
        free(s->sums[i]);
    free(s);
}
