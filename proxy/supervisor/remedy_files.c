/* Remedies for module files: which are in use, and what go mod makes of them or of copies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/supervisor/remedy_parts.h"

enum { VENDOR_SINCE = 14, FLAG_MAX = SUPERVISOR_PATH_MAX }; /* go 1.14 */

/* --- which files --- */

/* The next field of GOFLAGS: fields are separated by space, and one that begins with a quote ends with it. Returns
 * false at the end. */
static bool next_flag(const char **at, char *flag)
{
    *at += strspn(*at, " \t\r\n");
    if (!**at)
        return false;
    bool is_quoted = **at == '\'' || **at == '"';
    const char quote[] = {**at, '\0'};
    *at += is_quoted;
    size_t len = strcspn(*at, is_quoted ? quote : " \t\r\n");
    (void)snprintf(flag, FLAG_MAX, "%.*s", (int)(len < FLAG_MAX ? len : FLAG_MAX - 1), *at);
    *at += len + (is_quoted && (*at)[len]);
    return true;
}

static void take_flag(struct remedy *r, const char *flag)
{
    char cwd[SUPERVISOR_PATH_MAX];
    flag += strncmp(flag, "--", 2) == 0; /* one or two, as go has it */
    if (strcmp(flag, "-mod=mod") == 0 || strcmp(flag, "-mod=readonly") == 0)
        r->chooses_files = true;
    if (strncmp(flag, "-modfile=", strlen("-modfile=")) != 0)
        return;
    const char *file = strchr(flag, '=') + 1;
    if (*file == '/')
        remedy_path(r->modfile, "%s", file);
    else if (*file && getcwd(cwd, sizeof cwd))
        remedy_path(r->modfile, "%s/%s", cwd, file);
}

/* Takes one line of text. */
static const char *next_line(char **text)
{
    char *line = *text, *end = line ? strchr(line, '\n') : NULL;
    *text = end ? end + 1 : NULL;
    if (end)
        *end = '\0';
    return line ? line : "";
}

static void dir_of(const char *file, char *dir)
{
    const char *slash = strrchr(file, '/');
    remedy_path(dir, "%.*s", slash ? (int)(slash - file) : 0, file);
}

static void take_env(struct remedy *r, char *text)
{
    const char *modfile = next_line(&text), *work = next_line(&text), *flags = next_line(&text);
    char flag[FLAG_MAX];
    if (strcmp(modfile, "/dev/null") != 0)
        remedy_path(r->modfile, "%s", modfile);
    if (strcmp(work, "off") != 0)
        remedy_path(r->work, "%s", work);
    dir_of(r->modfile, r->root);
    remedy_path(r->modcache, "%s", next_line(&text));
    if (!*r->modfile && !*r->work)
        return;
    while (next_flag(&flags, flag))
        take_flag(r, flag);
    size_t stem = strlen(r->modfile);
    if (stem >= strlen(".mod") && strcmp(r->modfile + stem - strlen(".mod"), ".mod") == 0)
        stem -= strlen(".mod");
    if (stem)
        remedy_path(r->sumfile, "%.*s.sum", (int)stem, r->modfile);
}

int remedy_find_files(struct remedy *r)
{
    struct buf text;
    buf_init(&text, REMEDY_WORDS_MAX);
    struct remedy_go go = {.argv = REMEDY_ARGS("env", "GOMOD", "GOWORK", "GOFLAGS", "GOMODCACHE"),
                           .err = STDERR_FILENO};
    int status = remedy_go_read(&go, &text);
    if (status == 0 && text.data && !text.failed)
        take_env(r, text.data);
    buf_free(&text);
    if (status) /* go has said why */
        return REMEDY_FAILED;
    if (*r->modfile || *r->work)
        return 0;
    char cwd[SUPERVISOR_PATH_MAX];
    return remedy_unsuited("there is no go.mod for %s on the Go machine", getcwd(cwd, sizeof cwd) ? cwd : ".");
}

/* The minor version of go.mod's line `go 1.N`; 0 where there is none. */
static long go_minor(const char *text)
{
    for (const char *line = text; line; line = strchr(line, '\n'), line += line ? 1 : 0) {
        line += strspn(line, " \t");
        size_t word = strcspn(line, " \t\r\n");
        if (word != strlen("go") || strncmp(line, "go", word) != 0)
            continue;
        const char *version = line + word + strspn(line + word, " \t");
        if (strncmp(version, "1.", 2) == 0)
            return strtol(version + 2, NULL, 10);
    }
    return 0;
}

bool remedy_is_vendored(const struct remedy *r)
{
    char vendor[SUPERVISOR_PATH_MAX];
    struct buf text;
    remedy_path(vendor, "%s/vendor/.", r->root);
    if (!*r->root || r->chooses_files || !remedy_exists(vendor))
        return false;
    buf_init(&text, REMEDY_FILE_MAX);
    bool is_vendored = remedy_read(r->modfile, &text) == 0 && text.data && go_minor(text.data) >= VENDOR_SINCE;
    buf_free(&text);
    return is_vendored;
}

/* --- remedies --- */

/* go.mod and go.sum that a remedy works on: the user's own, or copies. */
struct pair {
    char mod[SUPERVISOR_PATH_MAX], sum[SUPERVISOR_PATH_MAX];
    char flag[SUPERVISOR_PATH_MAX]; /* -modfile=; "": go finds them */
};

static int take_pair(const struct remedy *r, struct pair *p)
{
    *p = (struct pair){{0}, {0}, {0}};
    if (r->edits) {
        remedy_path(p->mod, "%s", r->modfile);
        remedy_path(p->sum, "%s", r->sumfile);
        return 0;
    }
    remedy_path(p->mod, "%s/go.mod", r->dir);
    remedy_path(p->sum, "%s/go.sum", r->dir);
    remedy_path(p->flag, "-modfile=%s", p->mod);
    int status = remedy_copy(r->modfile, p->mod);
    return status ? status : remedy_copy(r->sumfile, p->sum);
}

/* A list of arguments without those that are "". */
static int go_with(const char *const *all, int out, int err)
{
    const char *argv[16];
    size_t n = 0;
    for (; *all && n + 1 < sizeof argv / sizeof *argv; all++)
        if (**all)
            argv[n++] = *all;
    argv[n] = NULL;
    return remedy_go(&(struct remedy_go){.argv = argv, .out = out, .err = err});
}
/* ARG... ends with NULL, of which "" are left out. */
#define SOME_ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* What is only in one list: a text that is never an empty argument. */
static int load_package(const struct remedy *r, const struct pair *p, int err)
{
    const char *flag = *p->flag ? p->flag : "-mod=mod"; /* said twice is the same */
    return go_with(SOME_ARGS("list", "-mod=mod", flag, "-deps", "--", r->package), REMEDY_QUIET, err);
}

/* Go may have written a part of it. */
static int put_back(const struct remedy *r, const char *file)
{
    char was[SUPERVISOR_PATH_MAX];
    if (!*file || !remedy_differs(r, file))
        return 0;
    remedy_before_path(r, file, was);
    if (remedy_exists(was))
        return remedy_overwrite(was, file);
    return unlink(file) < 0 ? remedy_failed("%s could not be removed on the Go machine", file) : 0;
}

/* Where not all of the graph can be fetched, what the package alone needs may be in the cache. A download adds sums
 * only. */
static int load_alone(const struct remedy *r, const struct pair *p, bool sums_only)
{
    if (load_package(r, p, REMEDY_QUIET) == 0 && !(sums_only && remedy_differs(r, p->mod)))
        return 0;
    (void)put_back(r, p->mod);
    (void)put_back(r, p->sum);
    return REMEDY_FAILED;
}

/* In mode edit go.work.sum may change too. */
static void tell_pair(const struct remedy *r, const struct pair *p, const char *work_sum)
{
    if (!r->edits) {
        remedy_tell(r, r->modfile, r->modfile, p->mod);
        remedy_tell(r, r->sumfile, r->sumfile, p->sum);
        return;
    }
    const char *const files[] = {p->mod, p->sum, work_sum};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char was[SUPERVISOR_PATH_MAX];
        if (!*files[i])
            continue;
        remedy_before_path(r, files[i], was);
        remedy_tell(r, files[i], was, files[i]);
    }
}

/* Whether go takes copies here. */
static int check_copies(const struct remedy *r)
{
    if (r->edits)
        return 0;
    if (*r->work)
        return remedy_unsuited("go takes no copy of go.mod in a workspace (%s)", r->work);
    if (remedy_is_vendored(r))
        return remedy_unsuited("go takes no copy of go.mod while it builds from %s/vendor", r->root);
    return 0;
}

static int run_mod(const struct remedy *r, const char *command, const char *what)
{
    struct pair p;
    char work_sum[SUPERVISOR_PATH_MAX] = "";
    int status = check_copies(r);
    if (!status)
        status = take_pair(r, &p);
    if (status)
        return status;
    if (r->edits && *r->work)
        remedy_path(work_sum, "%s.sum", r->work);
    status = remedy_before(r, SOME_ARGS(p.mod, p.sum, work_sum));
    if (status)
        return status;
    if (go_with(SOME_ARGS("mod", command, p.flag, what), STDOUT_FILENO, STDERR_FILENO) != 0 &&
        load_alone(r, &p, strcmp(command, "download") == 0) != 0)
        return REMEDY_FAILED;
    if (!remedy_differs(r, p.mod) && !remedy_differs(r, p.sum) && !remedy_differs(r, work_sum))
        return remedy_unsuited("`go mod %s%s%s` changes nothing in %s and its go.sum", command, *what ? " " : "", what,
                               r->modfile);
    tell_pair(r, &p, work_sum);
    return REMEDY_DONE;
}

int remedy_download(struct remedy *r)
{
    int status = remedy_find_files(r);
    return status ? status : run_mod(r, "download", "all");
}

int remedy_tidy(struct remedy *r)
{
    int status = remedy_find_files(r);
    return status ? status : run_mod(r, "tidy", "");
}

/* Without vendor/. What the files lack go adds while it loads the package. */
int remedy_mod_mod(struct remedy *r)
{
    struct pair p;
    int status = remedy_find_files(r);
    if (status)
        return status;
    if (*r->work)
        return remedy_unsuited("go takes no copy of go.mod in a workspace (%s)", r->work);
    if (!remedy_is_vendored(r))
        return remedy_unsuited("there is no vendor directory in use beside %s", r->modfile);
    status = take_pair(r, &p);
    if (!status)
        status = remedy_before(r, SOME_ARGS(p.mod, p.sum));
    if (status)
        return status;
    if (load_package(r, &p, STDERR_FILENO) != 0)
        return REMEDY_FAILED;
    if (remedy_differs(r, p.mod) || remedy_differs(r, p.sum))
        tell_pair(r, &p, "");
    return REMEDY_DONE;
}
