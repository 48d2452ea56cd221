/* Remedies for workspaces: what go.work and its sums lack, no vendor directory, or no workspace at all. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proxy/supervisor/remedy_parts.h"

enum { WORK_ENV_MAX = SUPERVISOR_PATH_MAX + sizeof "GOWORK=" /* GOWORK=PATH */ };

static int work_edit(const struct remedy *r, const char *sums)
{
    char was[SUPERVISOR_PATH_MAX];
    int status = remedy_before(r, REMEDY_ARGS(sums));
    if (status)
        return status;
    if (remedy_go_plain(REMEDY_ARGS("mod", "download", "all")) != 0)
        return REMEDY_FAILED;
    if (!remedy_differs(r, sums))
        return remedy_unsuited("`go mod download all` changes nothing in %s", sums);
    remedy_before_path(r, sums, was);
    remedy_report_changes(r, sums, was, sums);
    return remedy_copy_work(r, r->dir);
}

static int work_shadow(const struct remedy *r, const char *sums)
{
    char copy[SUPERVISOR_PATH_MAX], copy_sums[SUPERVISOR_PATH_MAX], env[WORK_ENV_MAX];
    remedy_path(copy, "%s/go.work", r->dir);
    remedy_path(copy_sums, "%s.sum", copy);
    /* A remedy of this launch may have been here before. */
    int status = strcmp(r->work, copy) == 0 ? 0 : remedy_copy_work(r, r->dir);
    if (!status)
        status = remedy_before(r, REMEDY_ARGS(copy_sums));
    if (status)
        return status;
    (void)snprintf(env, sizeof env, "GOWORK=%s", copy);
    struct remedy_go go = {.argv = REMEDY_ARGS("mod", "download", "all"),
                           .env = (char *[]){env, NULL},
                           .out = STDOUT_FILENO,
                           .err = STDERR_FILENO};
    if (remedy_go(&go) != 0)
        return REMEDY_FAILED;
    if (!remedy_differs(r, copy_sums))
        return remedy_unsuited("`go mod download all` adds nothing to %s", sums);
    remedy_report_changes(r, sums, sums, copy_sums);
    return REMEDY_DONE;
}

int remedy_work(struct remedy *r)
{
    char sums[SUPERVISOR_PATH_MAX];
    int status = remedy_find_files(r);
    if (status)
        return status;
    if (!*r->work)
        return remedy_unsuited("there is no workspace (go.work) in use");
    if (remedy_lacks_module(r))
        return remedy_complete(r);
    remedy_path(sums, "%s.sum", r->work);
    return r->edits ? work_edit(r, sums) : work_shadow(r, sums);
}

/* Succeeds only when the module builds without its workspace. */
int remedy_work_off(struct remedy *r)
{
    static char off[] = "GOWORK=off";
    int status = remedy_find_files(r);
    if (status)
        return status;
    if (!*r->work)
        return remedy_unsuited("there is no workspace (go.work) in use");
    char cwd[SUPERVISOR_PATH_MAX];
    if (!*r->modfile)
        return remedy_unsuited("there is no go.mod for %s: it cannot be built without %s",
                               getcwd(cwd, sizeof cwd) ? cwd : ".", r->work);
    /* Nothing is written to the user's files, whatever -mod he has chosen. */
    const char *flag = r->chooses_files ? "-mod=readonly" : NULL;
    return remedy_try_build(r, flag, (char *[]){off, NULL}) == 0 ? REMEDY_DONE : REMEDY_FAILED;
}

/* Without vendor/ go writes the sums of a workspace beside go.work: in mode shadow beside a copy. */
int remedy_mod_readonly(struct remedy *r)
{
    char env[WORK_ENV_MAX];
    int status = remedy_find_files(r);
    if (status)
        return status;
    if (!*r->work)
        return remedy_unsuited("there is no workspace (go.work) in use");
    if (r->edits)
        return remedy_try_out(r, "-mod=readonly", NULL, "-mod=readonly");
    (void)snprintf(env, sizeof env, "GOWORK=%s/go.work", r->dir);
    status = remedy_copy_work(r, r->dir);
    return status ? status : remedy_try_out(r, "-mod=readonly", (char *[]){env, NULL}, "-mod=readonly");
}
