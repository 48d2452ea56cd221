/* go and dlv: whether they are there, fit each other, and are new enough for the module. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dap/err.h"
#include "delve/check_parts.h"
#include "delve/log.h"

/* --- versions as go orders them: 1.21 < 1.21beta1 < 1.21rc1 < 1.21.0 --- */

enum stage { STAGE_LANGUAGE, STAGE_BETA, STAGE_RC, STAGE_RELEASE };
enum {
    NUMBERS = 3,
    DECIMAL = 10,
    USED_MAX = 32,     /* bytes of a fact's name */
    SELECTS_SINCE = 21 /* the minor version of the first go that heeds toolchain lines */
};

struct go_version {
    long major, minor, last;
    enum stage stage;
};

static bool take_number(const char **at, long *n)
{
    char *end = NULL;
    if (**at < '0' || **at > '9')
        return false;
    *n = strtol(*at, &end, DECIMAL);
    *at = end;
    return true;
}

static bool take_word(const char **at, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(*at, word, n) != 0)
        return false;
    *at += n;
    return true;
}

/* Reads "1.21", "1.21rc2", "1.21.3", with or without "go" before and anything behind. */
static bool read_version(const char *text, struct go_version *v)
{
    *v = (struct go_version){.stage = STAGE_LANGUAGE};
    (void)take_word(&text, "go");
    if (!take_number(&text, &v->major) || !take_word(&text, ".") || !take_number(&text, &v->minor))
        return false;
    if (take_word(&text, "rc"))
        v->stage = STAGE_RC;
    else if (take_word(&text, "beta"))
        v->stage = STAGE_BETA;
    else if (take_word(&text, "."))
        v->stage = STAGE_RELEASE;
    return v->stage == STAGE_LANGUAGE || take_number(&text, &v->last);
}

static int order(long a, long b)
{
    return (a > b) - (a < b);
}

static int compare(const struct go_version *a, const struct go_version *b)
{
    int by[] = {order(a->major, b->major), order(a->minor, b->minor), order((long)a->stage, (long)b->stage),
                order(a->last, b->last)};
    for (size_t i = 0; i < sizeof by / sizeof *by; i++)
        if (by[i])
            return by[i];
    return 0;
}

/* Of `go version go1.20 linux/amd64`. Before 1.21 a release without a third number is that number's zero. */
static bool local_version(const char *line, struct go_version *v)
{
    const char *at = strstr(line, " go1");
    if (!at || !read_version(at + 1, v))
        return false;
    if (v->stage == STAGE_LANGUAGE)
        v->stage = STAGE_RELEASE;
    return true;
}

/* --- GOTOOLCHAIN --- */

enum selects { SELECTS_UNKNOWN, SELECTS_LOCAL, SELECTS_PATH, SELECTS_FETCHED };

/* What go does when the module asks for a newer one; *source: what sets it, NULL: go's own default. */
static enum selects selects(const struct check_run *r, const char **value, const char **source)
{
    *source = check_source(r, "GOTOOLCHAIN");
    *value = *source ? check_fact_of(r, *source, "GOTOOLCHAIN") : check_fact(r, "GOTOOLCHAIN");
    if (!*value || !**value)
        return SELECTS_UNKNOWN;
    const char *mode = strchr(*value, '+');
    mode = mode ? mode + 1 : *value;
    return strcmp(mode, "auto") == 0 ? SELECTS_FETCHED : strcmp(mode, "path") == 0 ? SELECTS_PATH : SELECTS_LOCAL;
}

static bool is_fetched(const struct check_run *r, const char *wanted)
{
    size_t n = strlen(wanted);
    const struct delve_facts *f = r->check->facts;
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->list[i].name, "toolchain") == 0 && strncmp(f->list[i].text, wanted, n) == 0 &&
            f->list[i].text[n] == '.' && strchr("0123456789", f->list[i].text[n + 1]) == NULL)
            return true;
    return false;
}

/* --- the module --- */

/* A go before 1.21: what it cannot read it refuses, what it can read it tries. kind: mod or work. */
static void check_with_old_go(struct check_run *r, const char *kind, const char *go, const struct go_version *local)
{
    struct go_version wanted = {0};
    const char *file = check_fact(r, kind);
    const char *line = check_fact_of(r, kind, "go");
    const char *toolchain = check_fact_of(r, kind, "toolchain");
    bool is_read = line && read_version(line, &wanted);
    if (is_read && wanted.stage != STAGE_LANGUAGE)
        check_add(r, DELVE_FATAL,
                  "go %s (%s): %s is too old for it and cannot parse this line, so nothing can be built. Install Go %s "
                  "or later on %s and set go.path of target %s to it.",
                  line, file, go, line, r->check->where, r->check->target);
    else if (toolchain)
        check_add(r, DELVE_FATAL,
                  "toolchain %s (%s): %s is too old for it and does not know this line, so nothing can be built. "
                  "Install Go 1.21 or later on %s and set go.path of target %s to it.",
                  toolchain, file, go, r->check->where, r->check->target);
    else if (is_read && (wanted.major > local->major || (wanted.major == local->major && wanted.minor > local->minor)))
        check_add(r, DELVE_ERROR,
                  "go %s (%s): %s is too old for it; the build is tried anyway, and fails if the module uses newer "
                  "features. Install Go %s or later on %s and set go.path of target %s to it.",
                  line, file, go, line, r->check->where, r->check->target);
}

static void report_newer(struct check_run *r, const char *kind, const char *directive, const char *go)
{
    const char *value;
    const char *source;
    enum selects way = selects(r, &value, &source);
    const char *file = check_fact(r, kind);
    const char *version = check_fact_of(r, kind, directive);
    const char *bare = strncmp(version, "go", 2) == 0 ? version + 2 : version;
    struct check_origin p = {.where = "go's default"};
    if (source)
        p = check_origin_of(r, source, "GOTOOLCHAIN");
    if (way == SELECTS_LOCAL)
        check_add(
            r, DELVE_FATAL,
            "%s %s (%s): %s is too old for it, and GOTOOLCHAIN=%s (%s) keeps go from switching to another version, so "
            "nothing can be built. Install Go %s or later on %s, or set GOTOOLCHAIN to auto in go.env of target %s.",
            directive, version, file, go, value, p.where, bare, r->check->where, r->check->target);
    else if (way == SELECTS_PATH)
        check_add(r, DELVE_WARNING,
                  "%s %s (%s): %s is too old for it, and with GOTOOLCHAIN=%s (%s) the build needs a go%s in PATH. "
                  "Install it on %s.",
                  directive, version, file, go, value, p.where, bare, r->check->where);
    else if (!is_fetched(r, bare))
        check_add(r, DELVE_WARNING,
                  "%s %s (%s): %s is too old for it; the first build fetches go%s%s%s, which needs a reachable GOPROXY "
                  "and takes about a minute. Install it on %s to avoid that.",
                  directive, version, file, go, bare,
                  way == SELECTS_FETCHED ? ", because of GOTOOLCHAIN=" : ", or fails, depending on GOTOOLCHAIN",
                  way == SELECTS_FETCHED ? value : "", r->check->where);
}

static void check_with_new_go(struct check_run *r, const char *kind, const char *go, const struct go_version *local)
{
    static const char *const directives[] = {"go", "toolchain"};
    const char *value;
    const char *source;
    bool takes_others = selects(r, &value, &source) == SELECTS_FETCHED;
    for (size_t i = 0; i < sizeof directives / sizeof *directives; i++) {
        struct go_version wanted;
        const char *version = check_fact_of(r, kind, directives[i]);
        /* A toolchain line is a wish. */
        if (i > 0 && !takes_others)
            break;
        if (version && read_version(version, &wanted) && compare(&wanted, local) > 0) {
            report_newer(r, kind, directives[i], go);
            break;
        }
    }
}

/* go: the word of `go version`. */
static void check_file(struct check_run *r, const char *kind, const char *go, const struct go_version *local)
{
    if (local->major == 1 && local->minor < SELECTS_SINCE)
        check_with_old_go(r, kind, go, local);
    else
        check_with_new_go(r, kind, go, local);
}

/* The workspace, and the modules besides ours that it uses: a build of one reads them all. */
static void check_workspace(struct check_run *r, const char *go, const struct go_version *local)
{
    char kind[USED_MAX];
    check_file(r, "work", go, local);
    for (size_t i = 1; i < DELVE_FACTS_MAX; i++) {
        (void)snprintf(kind, sizeof kind, "used%zu", i);
        if (!check_fact(r, kind))
            break;
        check_file(r, kind, go, local);
    }
}

static void check_module(struct check_run *r, const char *go)
{
    char name[DELVE_FINDING_MAX / 4];
    struct go_version local;
    const char *mode = check_source(r, "GO111MODULE");
    const char *work = check_source(r, "GOWORK");
    const char *at = strstr(go, " go1");
    bool is_off = mode && strcmp(check_fact_of(r, mode, "GO111MODULE"), "off") == 0;
    bool works_alone = work && strcmp(check_fact_of(r, work, "GOWORK"), "off") == 0;
    if (is_off || !at || !local_version(go, &local))
        return;
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(at + 1, " "), at + 1);
    if (check_fact(r, "mod"))
        check_file(r, "mod", name, &local);
    if (check_fact(r, "work") && !works_alone)
        check_workspace(r, name, &local);
}

/* --- the tools --- */

/* Why one cannot be used, unless a variable explains it already. */
static void check_failed(struct check_run *r, const char *fact, const char *command, const char *remedy)
{
    const char *why = check_fact(r, fact);
    if (why && !check_is_fatal(r))
        check_add(r, DELVE_FATAL, "`%s` fails on %s: %s; nothing can be debugged. %s.", command, r->check->where, why,
                  remedy);
}

void check_versions(struct check_run *r)
{
    struct delve_version dlv_version;
    struct delve_version go_version;
    struct err why;
    const char *go = check_fact(r, "goVersion");
    const char *dlv = check_fact(r, "dlvVersion");
    const char *missing[] = {check_fact(r, "go.missing"), check_fact(r, "dlv.missing")};
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
        if (missing[i])
            check_add(r, DELVE_FATAL, "%s", missing[i]);
    check_failed(r, "goVersion.failed", "go version", "Correct go.path of the target, or reinstall Go on that machine");
    check_failed(r, "goenv.failed", "go env", "Correct what it names");
    check_failed(r, "dlvVersion.failed", "dlv version",
                 "Correct delve.path of the target, or reinstall Delve on that machine");
    if (go && dlv && delve_version_parse(dlv, &dlv_version) == 0 && delve_version_parse(go, &go_version) == 0 &&
        delve_version_check(dlv_version, go_version, r->check->checks_go_version, &why) < 0)
        check_add(r, DELVE_FATAL, "%s", why.text);
    if (go && (r->check->use == DELVE_USE_ANY || r->check->use == DELVE_USE_BUILD))
        check_module(r, go);
}
