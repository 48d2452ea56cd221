#include <stdlib.h>
#include <string.h>

#include "delve/plan_parts.h"

enum {
    PATH_LENGTH_MAX = 4096, /* bytes of a path: Linux's PATH_MAX */
    RULES_MAX = 1024        /* bytes of words on rules */
};

static bool is_go_file(const char *path)
{
    size_t n = strlen(path);
    return n > 3 && strcmp(path + n - 3, ".go") == 0;
}

static bool is_windows(const char *path)
{
    bool letter = (path[0] >= 'a' && path[0] <= 'z') || (path[0] >= 'A' && path[0] <= 'Z');
    return (letter && path[1] == ':' && (path[2] == '\\' || path[2] == '/')) || strncmp(path, "\\\\", 2) == 0;
}

/* `ex.com/x/y`: a package by its import path, whose first part has a dot in it but does not begin with one. */
static bool is_import_path(const char *program)
{
    size_t first = strcspn(program, "/");
    return program[0] != '.' && program[0] != '/' && memchr(program, '.', first) && !is_go_file(program);
}

/* dir/name, or name when it is absolute. The caller frees. */
static char *join(const char *dir, const char *name)
{
    struct buf b;
    buf_init(&b, PATH_LENGTH_MAX);
    if (name[0] != '/' && strcmp(name, ".") != 0) {
        while (strncmp(name, "./", 2) == 0)
            name += 2;
        buf_printf(&b, "%s%s%s", dir, dir[strlen(dir) - 1] == '/' ? "" : "/", name);
    } else {
        buf_puts(&b, name[0] == '/' ? name : dir);
    }
    char *path = b.failed ? NULL : buf_take(&b);
    buf_free(&b);
    return path;
}

/* The directory part of an absolute path, "/" at least. The caller frees. */
static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

int plan_source(struct plan_reader *r, struct delve_source *from, const char *attribute, const char *given)
{
    struct buf rules;
    delve_source_free(from);
    from->attribute = attribute;
    from->given = strdup(given);
    buf_init(&rules, RULES_MAX);
    int found = r->target->name_rule ? r->target->name_rule(r->target->map_arg, given, &rules) : 0;
    from->is_mapped = found > 0;
    /* Words that do not fit are only left out. */
    from->rules = rules.len && !rules.failed ? buf_take(&rules) : NULL;
    buf_free(&rules);
    return from->given && found >= 0 ? 0 : plan_no_memory(r);
}

/* A path attribute as the Go machine knows it: mapped, without slashes at the end. *path is NULL when it is absent. */
static int mapped(struct plan_reader *r, const char *name, char **path, struct delve_source *from)
{
    const char *value = plan_string(r, name);
    *path = NULL;
    if (!value)
        return 0;
    if (strlen(value) > PATH_LENGTH_MAX)
        return err_set(r->e, "%s is longer than the limit for a path (%d bytes).", name, PATH_LENGTH_MAX);
    if (plan_source(r, from, name, value) < 0)
        return -1;
    struct buf out;
    buf_init(&out, PATH_LENGTH_MAX);
    int found = r->target->map_path ? r->target->map_path(r->target->map_arg, value, &out) : 0;
    if (found == 0 && is_windows(value)) {
        buf_free(&out);
        return err_set(r->e,
                       "%s: no rule of the target's paths maps \"%s\" to the Go machine. Add { \"client\": ..., "
                       "\"remote\": ... } for it.",
                       name, value);
    }
    *path = found > 0 ? buf_take(&out) : found == 0 ? strdup(value) : NULL;
    buf_free(&out);
    if (!*path)
        return plan_no_memory(r);
    for (size_t n = strlen(*path); n > 1 && (*path)[n - 1] == '/'; n--)
        (*path)[n - 1] = '\0';
    return 0;
}

/* What of path is below dir, NULL when it is not; "" for dir itself. */
static const char *below(const char *dir, const char *path)
{
    size_t n = strlen(dir);
    if (strncmp(dir, path, n) != 0 || (path[n] && path[n] != '/' && n > 1))
        return NULL;
    return path + n + strspn(path + n, "/");
}

/* dlv is started in dlvCwd: the package as it is called there. Both may lie behind a symbolic link that go resolves, so
   what is below is named from there. */
static int package_from_dlv_cwd(struct plan_reader *r)
{
    struct delve_plan *plan = r->plan;
    bool is_path = plan->program[0] == '/', builds = plan->mode != DELVE_EXEC;
    char *dir = is_path && plan->mode == DELVE_TEST && is_go_file(plan->program) ? directory_of(plan->program) : NULL;
    const char *what = dir ? dir : plan->program;
    const char *rest = is_path && builds ? below(plan->build_dir, what) : NULL;
    struct buf package;
    buf_init(&package, PATH_LENGTH_MAX);
    if (rest)
        buf_printf(&package, ".%s%s", *rest ? "/" : "", rest);
    else
        buf_puts(&package, what);
    plan->package = package.failed ? NULL : buf_take(&package);
    /* The tests of a package run in its directory. */
    if (is_path && plan->mode == DELVE_TEST && !plan->cwd)
        plan->cwd = strdup(what);
    bool lacks_cwd = is_path && plan->mode == DELVE_TEST && !plan->cwd;
    free(dir);
    buf_free(&package);
    return plan->package && !lacks_cwd ? 0 : plan_no_memory(r);
}

/* The package argument and the directory in which dlv is started, so that go finds the module. */
static int plan_package(struct plan_reader *r)
{
    struct delve_plan *plan = r->plan;
    if (plan->build_dir)
        return package_from_dlv_cwd(r);
    if (plan->program[0] != '/') {
        plan->package = strdup(plan->program);
        plan->build_dir = plan->cwd ? strdup(plan->cwd) : NULL;
        if (!plan->package || (plan->cwd && !plan->build_dir))
            return plan_no_memory(r);
        return plan->cwd
                   ? 0
                   : plan_note(
                         r,
                         "program \"%s\" is relative to the home directory on the Go machine; set cwd to change that.",
                         plan->program);
    }
    bool file = is_go_file(plan->program);
    plan->build_dir = file ? directory_of(plan->program) : strdup(plan->program);
    struct buf package;
    buf_init(&package, PATH_LENGTH_MAX);
    /* A test is that of a whole package. */
    if (file && plan->mode != DELVE_TEST)
        buf_printf(&package, ".%s", strrchr(plan->program, '/'));
    else
        buf_puts(&package, ".");
    plan->package = package.failed ? NULL : buf_take(&package);
    buf_free(&package);
    if (!plan->build_dir || !plan->package)
        return plan_no_memory(r);
    return 0;
}

static int plan_binary(struct plan_reader *r)
{
    struct delve_plan *plan = r->plan;
    if (plan->build_dir)
        return package_from_dlv_cwd(r);
    plan->package = strdup(plan->program);
    if (plan->program[0] == '/')
        plan->build_dir = directory_of(plan->program);
    else if (plan->cwd)
        plan->build_dir = strdup(plan->cwd);
    if (!plan->package || ((plan->program[0] == '/' || plan->cwd) && !plan->build_dir))
        return plan_no_memory(r);
    return 0;
}

/* A relative program is relative to dlvCwd or else cwd, a relative cwd to where dlv is started. */
static int join_program(struct plan_reader *r)
{
    struct delve_plan *plan = r->plan;
    const char *base = plan->build_dir ? plan->build_dir : plan->cwd;
    bool by_import_path = plan->mode != DELVE_EXEC && is_import_path(plan->program);
    if (!plan->build_dir && plan->cwd && plan->cwd[0] != '/' && plan->program[0] != '/')
        return err_set(r->e, "cwd: \"%s\" is relative, and so is program \"%s\". Make one of them absolute.", plan->cwd,
                       plan->program);
    if (plan->program[0] == '/' || !base || by_import_path)
        return 0;
    char *whole = join(base, plan->program);
    if (!whole)
        return err_set(r->e, "program: \"%s\" below \"%s\" is longer than the limit for a path (%d bytes).",
                       plan->program, base, PATH_LENGTH_MAX);
    free(plan->program);
    plan->program = whole;
    return 0;
}

int plan_paths(struct plan_reader *r)
{
    struct delve_plan *plan = r->plan;
    char *cwd = NULL;
    if (plan->cwd)
        plan->cwd_from.attribute = "--wd of Delve's flags";
    if (mapped(r, "program", &plan->program, &plan->program_from) < 0 ||
        mapped(r, "dlvCwd", &plan->build_dir, &plan->dlv_cwd_from) < 0 || mapped(r, "cwd", &cwd, &plan->cwd_from) < 0) {
        free(cwd);
        return -1;
    }
    if (cwd) {
        char *wd = plan->cwd; /* of a --wd in the flags */
        plan->cwd = cwd;
        int noted = wd ? plan_note(r, "--wd=%s of Delve's flags is dropped: cwd says where the program runs.", wd) : 0;
        free(wd);
        if (noted < 0)
            return -1;
    }
    if (plan->build_dir && plan->build_dir[0] != '/')
        return err_set(r->e, "dlvCwd: \"%s\" is relative. Make it absolute.", plan->build_dir);
    if (!plan->program)
        return err_set(r->e, "program is missing. Give %s.",
                       plan->mode == DELVE_EXEC ? "the binary's path on the Go machine"
                                                : "the package's directory, one of its .go files, or its import path");
    if (plan->program[0] == '-')
        return err_set(r->e, "program: \"%s\" looks like a flag. Write ./%s for a file or directory with this name.",
                       plan->program, plan->program);
    if (join_program(r) < 0 || (plan->mode == DELVE_EXEC ? plan_binary(r) : plan_package(r)) < 0)
        return -1;
    if (!plan->cwd && plan->mode == DELVE_TEST && plan->dlv_cwd_from.attribute)
        return 0; /* an import path: dlv knows its directory */
    if (!plan->cwd) {
        /* What Delve's own DAP server does: the program runs where its package or binary lies. */
        plan->cwd = plan->build_dir ? strdup(plan->build_dir) : NULL;
        return plan->build_dir && !plan->cwd ? plan_no_memory(r) : 0;
    }
    if (plan->cwd[0] != '/' && plan->build_dir) {
        char *whole = join(plan->build_dir, plan->cwd);
        if (!whole)
            return err_set(r->e, "cwd: \"%s\" is longer than the limit for a path (%d bytes).", plan->cwd,
                           PATH_LENGTH_MAX);
        free(plan->cwd);
        plan->cwd = whole;
    }
    return 0;
}
