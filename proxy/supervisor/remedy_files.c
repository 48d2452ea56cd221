/* Remedies for module files: what go adds to copies of them. What go.mod names already stays as it is. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/supervisor/modcache.h"
#include "proxy/supervisor/remedy_parts.h"

enum { LIST_ARGS_MAX = 256, USER_MAX = 32, MODE_BITS = 07777 };

/* Copies of go.mod and go.sum that a remedy works on. In mode edit they take the place of the user's own when all is
 * well. */
struct pair {
    char mod[SUPERVISOR_PATH_MAX], sum[SUPERVISOR_PATH_MAX];
    char flag[SUPERVISOR_PATH_MAX]; /* -modfile= */
    struct remedy_loss loss;        /* of what the user's go.mod names; put back then */
};

/* dir: in the remedy's own. Copies that an earlier remedy has made there stay. */
static int make_pair(const struct remedy *r, const char *dir, const char *mod, const char *sum, struct pair *p)
{
    p->loss = (struct remedy_loss){0};
    remedy_path(p->mod, "%s%s/go.mod", r->dir, dir);
    remedy_path(p->sum, "%s%s/go.sum", r->dir, dir);
    remedy_path(p->flag, "-modfile=%s", p->mod);
    int status = remedy_copy(mod, p->mod);
    return status ? status : remedy_copy(sum, p->sum);
}

static int take_pair(const struct remedy *r, struct pair *p)
{
    if (!r->edits)
        return make_pair(r, "", r->modfile, r->sumfile, p);
    int status = remedy_fresh_dir(r, "edit");
    return status ? status : make_pair(r, "/edit", r->modfile, r->sumfile, p);
}

static int load_package(const struct remedy *r, const struct pair *p, int err)
{
    const char *argv[LIST_ARGS_MAX] = {"list", "-mod=mod", p->flag, "-deps", "-test"};
    size_t n = remedy_add_flags(r, argv, r->is_test ? 5 : 4, LIST_ARGS_MAX - 2);
    argv[n++] = "--";
    argv[n++] = r->package;
    argv[n] = NULL;
    return remedy_go(&(struct remedy_go){.argv = argv, .out = REMEDY_QUIET, .err = err});
}

/* Go may have written a part of it. */
static int put_back(const struct remedy *r, const char *file)
{
    char was[SUPERVISOR_PATH_MAX];
    if (!*file || !remedy_differs(r, file))
        return 0;
    remedy_before_path(r, file, was);
    if (remedy_exists(was))
        return remedy_install(was, file);
    return unlink(file) < 0 ? remedy_failed("%s could not be removed on the Go machine", file) : 0;
}

static void put_pair_back(const struct remedy *r, const struct pair *p)
{
    (void)put_back(r, p->mod);
    (void)put_back(r, p->sum);
}

/* --- what may not happen --- */

/* Whether go would ask a module proxy for packages of the program's own: tried on other copies. */
static int check_own_package(const struct remedy *r, const struct pair *p)
{
    struct pair probe;
    int status = remedy_fresh_dir(r, "probe");
    if (!status)
        status = make_pair(r, "/probe", p->mod, p->sum, &probe);
    return status ? status : remedy_check_own_package(r, probe.flag);
}

/* Whether go.mod is to blame at all: what a module in the cache has lost, no requirement brings back. */
static int check_cache(const struct remedy *r)
{
    char module[REMEDY_NAME_MAX], version[REMEDY_NAME_MAX];
    const char *const sums[] = {r->sumfile, NULL};
    struct buf named;
    buf_init(&named, REMEDY_FILE_MAX);
    bool is_damaged = *r->module && *r->modcache && remedy_named(r->modfile, REMEDY_QUIET, &named) == 0 &&
                      remedy_required(&named, r->module, module, version) &&
                      modcache_state(r->modcache, sums, module, version) == MODCACHE_DAMAGED;
    buf_free(&named);
    return is_damaged ? remedy_unsuited("%s@%s in the module cache is damaged: %s is not to blame", module, version,
                                        r->modfile)
                      : 0;
}

/* What the user's go.mod names that the copy has otherwise; text says it. */
static int compare(const struct remedy *r, const struct pair *p, struct remedy_loss *loss, struct buf *text)
{
    struct buf was, now;
    buf_init(&was, REMEDY_FILE_MAX);
    buf_init(&now, REMEDY_FILE_MAX);
    int status = remedy_named(r->modfile, STDERR_FILENO, &was) == 0 && remedy_named(p->mod, STDERR_FILENO, &now) == 0
                     ? 0
                     : remedy_failed("%s could not be compared with its copy on the Go machine", r->modfile);
    if (!status)
        *loss = remedy_compare(&was, &now, text);
    buf_free(&was);
    buf_free(&now);
    return status;
}

/* Says what `go COMMAND` would change. */
static int refuse(const struct remedy *r, const char *command, const struct buf *text)
{
    remedy_say("`go %s` would %s in %s; another program would be debugged, so nothing was changed. Run `go %s` in %s "
               "on the Go machine if that is what you want.",
               command, text->data ? text->data : "change something", r->modfile, command, r->root);
    return REMEDY_REFUSED;
}

/* What is done when go has succeeded with the copies. command: in whose name. */
static int check_changes(const struct remedy *r, struct pair *p, const char *command)
{
    struct buf text;
    buf_init(&text, REMEDY_OUTPUT_MAX);
    int status = compare(r, p, &p->loss, &text);
    if (status || p->loss.changed || p->loss.dropped)
        put_pair_back(r, p);
    if (!status && p->loss.changed)
        status = refuse(r, command, &text);
    else if (!status && p->loss.dropped)
        remedy_say("`go %s` would %s in %s", command, text.data ? text.data : "drop something", r->modfile);
    buf_free(&text);
    return status;
}

/* Go would write its own version into a go.mod that names none, and the program would be in another language. */
static int name_language(const struct pair *p)
{
    static const char flag[] = "-go=" REMEDY_GO_DEFAULT;
    struct buf named;
    buf_init(&named, REMEDY_FILE_MAX);
    int status = remedy_named(p->mod, STDERR_FILENO, &named) < 0 ? REMEDY_FAILED : 0;
    if (!status && !remedy_names_go(&named))
        status = remedy_go_plain(REMEDY_ARGS("mod", "edit", flag, p->mod)) ? REMEDY_FAILED : 0;
    buf_free(&named);
    return status;
}

/* --- what comes of it --- */

/* A file of the user's as it was before; its copy's name tells which. */
static void put_own_back(const struct remedy *r, const char *copy, const char *own)
{
    char was[SUPERVISOR_PATH_MAX];
    remedy_before_path(r, copy, was);
    if (!remedy_exists(was))
        (void)unlink(own);
    else if (remedy_install(was, own) != 0)
        remedy_say("%s has what %s was", was, own);
}

/* In go's words, so that copies are the next remedy. */
static int check_writable(const char *copy, const char *own)
{
    char dir[SUPERVISOR_PATH_MAX];
    const char *slash = strrchr(own, '/');
    remedy_path(dir, "%.*s", slash ? (int)(slash - own + 1) : 0, own);
    if (access(remedy_exists(own) ? own : dir, W_OK) == 0)
        return 0;
    return remedy_failed("updating %s: %s cannot be written on the Go machine: %s", strrchr(copy, '/') + 1, own,
                         strerror(errno));
}

static int install(const struct remedy *r, const char *copy, const char *own)
{
    char was[SUPERVISOR_PATH_MAX];
    if (!remedy_differs(r, copy))
        return 0;
    remedy_before_path(r, copy, was);
    if (remedy_exists(was) ? !remedy_same(was, own) : remedy_exists(own))
        return remedy_failed("%s was changed by another process on the Go machine in the meantime", own);
    int status = check_writable(copy, own);
    if (status)
        return status;
    status = remedy_install(copy, own);
    if (status)
        put_own_back(r, copy, own);
    return status;
}

/* In mode edit the copies become the user's own files: both, or none. */
static int install_pair(const struct remedy *r, const struct pair *p)
{
    int status = r->edits ? install(r, p->sum, r->sumfile) : 0;
    if (status || !r->edits)
        return status;
    status = install(r, p->mod, r->modfile);
    if (status && remedy_differs(r, p->sum))
        put_own_back(r, p->sum, r->sumfile);
    return status;
}

static int finish(const struct remedy *r, const struct pair *p)
{
    char mod[SUPERVISOR_PATH_MAX], sum[SUPERVISOR_PATH_MAX];
    int status = install_pair(r, p);
    if (status)
        return status;
    if (r->edits) {
        remedy_before_path(r, p->mod, mod);
        remedy_before_path(r, p->sum, sum);
    } else {
        remedy_path(mod, "%s", r->modfile);
        remedy_path(sum, "%s", r->sumfile);
    }
    remedy_report_changes(r, r->modfile, mod, p->mod);
    remedy_report_changes(r, r->sumfile, sum, p->sum);
    return REMEDY_DONE;
}

/* --- remedies --- */

/* Adds what the package needs and nothing else: where not all of the graph can be fetched, that may be in the cache.
 * sums_only: go.mod must stay as it is. */
static int add_needed(const struct remedy *r, struct pair *p, bool sums_only, int err)
{
    int status = check_cache(r);
    if (!status)
        status = check_own_package(r, p);
    if (!status)
        status = name_language(p);
    if (status)
        return status;
    if (load_package(r, p, err) != 0) {
        put_pair_back(r, p);
        return REMEDY_FAILED;
    }
    status = check_changes(r, p, "list -mod=mod -deps");
    if (status || p->loss.dropped)
        return status ? status : REMEDY_FAILED;
    if (!sums_only || !p->loss.added)
        return 0;
    put_pair_back(r, p);
    return REMEDY_FAILED;
}

/* Whether go takes copies here. */
static int check_copies(const struct remedy *r)
{
    if (*r->work)
        return remedy_unsuited("go does not accept a copy of go.mod in a workspace (%s)", r->work);
    if (remedy_is_vendored(r))
        return remedy_unsuited("go does not accept a copy of go.mod while it builds from %s/vendor", r->root);
    return 0;
}

static int start_pair(const struct remedy *r, struct pair *p)
{
    int status = r->edits ? 0 : check_copies(r);
    if (!status)
        status = take_pair(r, p);
    return status ? status : remedy_before(r, REMEDY_ARGS(p->mod, p->sum));
}

static int end_pair(const struct remedy *r, const struct pair *p, const char *command)
{
    bool adds = p->loss.added && remedy_differs(r, p->mod);
    if (!adds && !remedy_differs(r, p->sum))
        return remedy_unsuited("`go %s` changes nothing in %s and its go.sum", command, r->modfile);
    return finish(r, p);
}

/* A workspace has its sums elsewhere, and go changes no go.mod in it. */
static int download_work(const struct remedy *r)
{
    char sums[SUPERVISOR_PATH_MAX], was[SUPERVISOR_PATH_MAX];
    remedy_path(sums, "%s.sum", r->work);
    int status = remedy_before(r, REMEDY_ARGS(sums));
    if (status)
        return status;
    if (remedy_go_plain(REMEDY_ARGS("mod", "download", "all")) != 0)
        return REMEDY_FAILED;
    if (!remedy_differs(r, sums))
        return remedy_unsuited("`go mod download all` changes nothing in %s", sums);
    remedy_before_path(r, sums, was);
    remedy_report_changes(r, sums, was, sums);
    return REMEDY_DONE;
}

static int download(const struct remedy *r)
{
    struct pair p;
    int status = start_pair(r, &p);
    if (!status)
        status = name_language(&p);
    if (status)
        return status;
    if (remedy_go_plain(REMEDY_ARGS("mod", "download", p.flag, "all")) == 0)
        status = check_changes(r, &p, "mod download all");
    else
        status = add_needed(r, &p, true, REMEDY_QUIET);
    return status ? status : end_pair(r, &p, "mod download all");
}

int remedy_download(struct remedy *r)
{
    int status = remedy_find_files(r);
    if (status)
        return status;
    return r->edits && *r->work ? download_work(r) : download(r);
}

static int run_tidy(const struct remedy *r, struct pair *p)
{
    int status = check_cache(r);
    if (!status)
        status = remedy_check_own_module(r);
    if (!status)
        status = name_language(p);
    if (status)
        return status;
    if (remedy_go_plain(REMEDY_ARGS("mod", "tidy", p->flag)) != 0)
        return REMEDY_FAILED;
    return check_changes(r, p, "mod tidy");
}

/* Where go fails, asks for what it must not, or drops what it has no use for, what the package needs is added alone. */
static int tidy(const struct remedy *r)
{
    struct pair p;
    int status = start_pair(r, &p);
    if (status)
        return status;
    status = run_tidy(r, &p);
    if (status == REMEDY_REFUSED)
        return status;
    if (status || p.loss.dropped)
        status = add_needed(r, &p, false, status == REMEDY_FAILED ? REMEDY_QUIET : STDERR_FILENO);
    return status ? status : end_pair(r, &p, "mod tidy");
}

int remedy_tidy(struct remedy *r)
{
    int status = remedy_find_files(r);
    return status ? status : tidy(r);
}

/* Without vendor/. What the files lack go adds while it loads the package. */
int remedy_mod_mod(struct remedy *r)
{
    struct pair p;
    int status = remedy_find_files(r);
    if (status)
        return status;
    if (*r->work)
        return remedy_unsuited("go does not accept a copy of go.mod in a workspace (%s)", r->work);
    if (!remedy_is_vendored(r))
        return remedy_unsuited("there is no vendor directory in use beside %s", r->modfile);
    status = take_pair(r, &p);
    if (!status)
        status = remedy_before(r, REMEDY_ARGS(p.mod, p.sum));
    if (!status)
        status = add_needed(r, &p, false, STDERR_FILENO);
    return status ? status : finish(r, &p);
}

/* --- files that cannot be written, or read --- */

/* Without the C library's look-up, which loads more code than a static program has. */
static void name_user(uid_t uid, char *name, size_t size)
{
    (void)snprintf(name, size, uid ? "user %lu" : "root", (unsigned long)uid);
}

/* Whose it is decides what is to be done. */
static int check_readable(const char *file)
{
    char owner[USER_MAX], self[USER_MAX];
    struct stat st;
    if (!*file || access(file, R_OK) == 0 || errno == ENOENT)
        return 0;
    int error = errno;
    if (stat(file, &st) < 0)
        return remedy_unsuited("%s cannot be read on the Go machine: %s", file, strerror(error));
    name_user(st.st_uid, owner, sizeof owner);
    name_user(geteuid(), self, sizeof self);
    return remedy_unsuited("%s cannot be read by %s on the Go machine (%s): it belongs to %s, with mode %04o", file,
                           self, strerror(error), owner, (unsigned)st.st_mode & MODE_BITS);
}

/* In both modes, since the user's own cannot be written. */
int remedy_copies(struct remedy *r)
{
    struct pair p;
    int status = remedy_find_files(r);
    r->edits = false;
    if (!status)
        status = check_readable(r->modfile);
    if (!status)
        status = check_readable(r->sumfile);
    if (!status)
        status = start_pair(r, &p);
    if (!status)
        status = add_needed(r, &p, false, STDERR_FILENO);
    return status ? status : finish(r, &p);
}
