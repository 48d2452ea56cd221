#include "delve/path_error.h"

#include <string.h>

enum { TEXT_MAX = 2048 };

enum delve_path_error delve_path_error_of(const char *name)
{
    static const char *const names[] = {
        [DELVE_PATH_MISSING] = "missing", [DELVE_PATH_NOT_DIR] = "notdir", [DELVE_PATH_DENIED] = "closed"};
    for (size_t i = 1; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum delve_path_error)i;
    return DELVE_PATH_OK;
}

static bool same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* What named the path; NULL: nothing did, it is the home directory. */
static const struct delve_source *source_of(const struct delve_plan *plan, const char *path)
{
    const struct delve_source *program = plan->program_from.attribute ? &plan->program_from : NULL;
    const struct delve_source *cwd = plan->cwd_from.attribute ? &plan->cwd_from : NULL;
    if (same(path, plan->program))
        return program;
    if (same(path, plan->cwd) && cwd)
        return cwd;
    if (!same(path, plan->build_dir))
        return NULL;
    if (plan->dlv_cwd_from.attribute)
        return &plan->dlv_cwd_from;
    /* dlv is started where an absolute program is, else where the program is looked for. */
    return program && plan->program && plan->program[0] == '/' ? program : cwd;
}

static void add_fault(struct buf *out, enum delve_path_error kind, const char *where)
{
    if (kind == DELVE_PATH_NOT_DIR)
        buf_printf(out, " is not a directory on %s.", where);
    else if (kind == DELVE_PATH_DENIED)
        buf_printf(out, " cannot be entered on %s: permission denied.", where);
    else
        buf_printf(out, " does not exist on %s.", where);
}

/* How the path came about. */
static void add_origin(struct buf *out, const struct delve_source *from, const char *path)
{
    if (!from->given)
        return;
    if (from->is_mapped)
        buf_printf(out, " It comes from \"%s\" by the rule %s.", from->given,
                   from->rules ? from->rules : "in its paths");
    else if (from->given[0] != '/' && strcmp(from->given, path) != 0)
        buf_printf(out, " It comes from \"%s\", which is relative.", from->given);
    else if (from->rules)
        buf_printf(out, " No rule in paths or substitutePath maps it (%s).", from->rules);
    else
        buf_puts(out, " There is no rule in paths or substitutePath to map it.");
}

static void add_advice(struct buf *out, const struct delve_source *from, enum delve_path_error kind,
                       const struct delve_path_error_at *at)
{
    if (kind == DELVE_PATH_DENIED)
        buf_printf(out, " Change its permissions, or correct %s.", from->attribute);
    else if (from->is_mapped)
        buf_printf(out, " Correct the rule or %s%s.", from->attribute,
                   at->is_local ? "" : ", or copy it to that machine");
    else if (kind == DELVE_PATH_NOT_DIR || !from->given)
        buf_printf(out, " Correct %s.", from->attribute);
    else
        buf_printf(out, " Correct %s%s, or map it: { \"client\": \"%s\", \"remote\": ... } in paths of target %s.",
                   from->attribute, at->is_local ? "" : ", copy it to that machine", from->given, at->target);
}

int delve_path_error_explain(const struct delve_plan *plan, enum delve_path_error kind, const char *path,
                             const struct delve_path_error_at *at, struct err *e)
{
    const struct delve_source *from = source_of(plan, path);
    struct buf out;
    buf_init(&out, TEXT_MAX);
    buf_printf(&out, "%s: %s", from ? from->attribute : "the home directory", path);
    add_fault(&out, kind, at->where);
    if (from) {
        add_origin(&out, from, path);
        add_advice(&out, from, kind, at);
    }
    if (out.failed)
        err_set(e, "%s is missing or cannot be used on %s", path, at->where);
    else
        err_set(e, "%s", out.data);
    buf_free(&out);
    return -1;
}
