/* go's variables: GOROOT, GOPATH, GOBIN, GOFLAGS, GOWORK, and the caches. */
#include <stdio.h>
#include <string.h>

#include "delve/check_parts.h"

/* --- where values come from --- */

static bool is_container(const struct check_run *r)
{
    return check_fact(r, "container") != NULL;
}

struct check_origin check_origin_of(const struct check_run *r, const char *source, const char *name)
{
    struct check_origin p;
    const char *file = check_fact(r, "goenvFile");
    if (strcmp(source, "launch") == 0) {
        (void)snprintf(p.where, sizeof p.where, "env of the launch configuration");
        (void)snprintf(p.remedy, sizeof p.remedy, "correct env in launch.json");
    } else if (strcmp(source, "target") == 0) {
        (void)snprintf(p.where, sizeof p.where, "go.env of target %s in delvegate's configuration", r->check->target);
        (void)snprintf(p.remedy, sizeof p.remedy, "correct go.env of that target");
    } else if (strcmp(source, "file") == 0) {
        (void)snprintf(p.where, sizeof p.where, "`go env -w` in %s", file ? file : "go's file");
        (void)snprintf(p.remedy, sizeof p.remedy, "run `go env -u %s` on %s", name, r->check->where);
    } else {
        (void)snprintf(p.where, sizeof p.where, "environment on %s", r->check->where);
        (void)snprintf(
            p.remedy, sizeof p.remedy, "%s",
            is_container(r)
                ? "remove it from containerEnv and remoteEnv in devcontainer.json, the Dockerfile's ENV, or the "
                  "shell's profile"
                : "remove it from the shell's profile, or from the environment in which delvegate is started");
    }
    return p;
}

const char *check_source(const struct check_run *r, const char *name)
{
    static const char *const sources[] = {"launch", "target", "env", "file"};
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        if (check_fact_of(r, sources[i], name))
            return sources[i];
    return NULL;
}

/* --- values --- */

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* What kind of machine such a path is from, in words to put behind it. */
static const char *foreign_system(const char *path)
{
    static const char *const of_macos[] = {"/Users/", "/opt/homebrew/", "/usr/local/Cellar/", "/Volumes/", "/private/"};
    bool has_drive = ((path[0] >= 'A' && path[0] <= 'Z') || (path[0] >= 'a' && path[0] <= 'z')) && path[1] == ':';
    if (strchr(path, '\\') || (has_drive && (path[2] == '/' || path[2] == '\0')))
        return ", a Windows path";
    for (size_t i = 0; i < sizeof of_macos / sizeof *of_macos; i++)
        if (begins(path, of_macos[i]))
            return ", a macOS path";
    return "";
}

/* The word of `go version` that is the version, with its length. */
static size_t version_word(const char *line, const char **word)
{
    const char *at = strstr(line, " go");
    while (at && !(at[3] >= '0' && at[3] <= '9'))
        at = strstr(at + 1, " go");
    *word = at ? at + 1 : "";
    return strcspn(*word, " ");
}

/* What is wrong with a GOROOT, NULL when nothing is. */
static const char *goroot_fault(const struct check_run *r, const char *source, char *text, size_t size)
{
    const char *value = check_fact_of(r, source, "GOROOT");
    const char *state = check_fact_of_state(r, source, "GOROOT", "state");
    const char *own = check_fact_of_state(r, source, "GOROOT", "version");
    const char *go = check_fact(r, "goVersion");
    const char *word = "";
    size_t len = go ? version_word(go, &word) : 0;
    if (state && strcmp(state, "missing") == 0)
        (void)snprintf(text, size, "there is no such directory%s", foreign_system(value));
    else if (state)
        (void)snprintf(text, size, "it does not contain a complete Go: bin/go or src/runtime is missing");
    else if (own && len && begins(own, "go") && (strlen(own) != len || strncmp(own, word, len) != 0))
        (void)snprintf(text, size, "it belongs to %s, but go is %.*s", own, (int)len, word);
    else
        return NULL;
    return text;
}

static void check_goroot(struct check_run *r, const char *source)
{
    char fault[CHECK_ORIGIN_MAX];
    const char *value = check_fact_of(r, source, "GOROOT");
    const char *used = check_fact(r, "GOROOT");
    if (!value || !goroot_fault(r, source, fault, sizeof fault))
        return;
    struct check_origin p = check_origin_of(r, source, "GOROOT");
    if (strcmp(source, "env") == 0)
        check_add(r, DELVE_WARNING,
                  "GOROOT=%s (%s): %s; go fails with it in a terminal on the Go machine, but debug sessions ignore it. "
                  "To fix it, %s.",
                  value, p.where, fault, p.remedy);
    else if (!check_fact(r, "goVersion"))
        check_add(r, DELVE_FATAL, "GOROOT=%s (%s): %s; go does not start with it. To fix it, %s.", value, p.where,
                  fault, p.remedy);
    else
        check_add(r, used && strcmp(used, value) == 0 ? DELVE_ERROR : DELVE_WARNING,
                  "GOROOT=%s (%s): %s; go cannot build with it. To fix it, %s.", value, p.where, fault, p.remedy);
}

/* The first entry of the list that go refuses, in text; NULL when there is none. */
static const char *gopath_fault(const char *list, char *text, size_t size)
{
    while (*list) {
        size_t n = strcspn(list, ":");
        if (n && list[0] != '/') {
            (void)snprintf(text, size, "%.*s is not an absolute path on Linux%s", (int)n, list, foreign_system(list));
            return text;
        }
        list += n + (list[n] == ':');
    }
    return NULL;
}

static void check_gopath(struct check_run *r)
{
    char fault[CHECK_ORIGIN_MAX];
    const char *source = check_source(r, "GOPATH");
    const char *value = source ? check_fact_of(r, source, "GOPATH") : NULL;
    if (!value)
        return;
    struct check_origin p = check_origin_of(r, source, "GOPATH");
    const char *missing = check_fact_of_state(r, source, "GOPATH", "missing");
    bool builds = r->check->use == DELVE_USE_ANY || r->check->use == DELVE_USE_BUILD;
    if (gopath_fault(value, fault, sizeof fault))
        check_add(r, builds || strcmp(source, "env") != 0 ? DELVE_FATAL : DELVE_WARNING,
                  "GOPATH=%s (%s): %s; go refuses every command with it. To fix it, %s.", value, p.where, fault,
                  p.remedy);
    else if (missing)
        check_add(r, DELVE_WARNING,
                  "GOPATH=%s (%s): there is no directory %s%s; go will create it and will not find what was fetched "
                  "and installed elsewhere. To fix it, %s, or create the directory.",
                  value, p.where, missing, foreign_system(missing), p.remedy);
}

static void check_gobin(struct check_run *r, const char *source)
{
    const char *value = check_fact_of(r, source, "GOBIN");
    if (!value)
        return;
    struct check_origin p = check_origin_of(r, source, "GOBIN");
    const char *left_out = strcmp(source, "env") == 0 ? "; debug sessions ignore it" : "";
    if (value[0] != '/')
        check_add(
            r, DELVE_WARNING,
            "GOBIN=%s (%s): not an absolute path on Linux%s; `go install` refuses it, for dlv, too%s. To fix it, %s.",
            value, p.where, foreign_system(value), left_out, p.remedy);
    else if (check_fact_of_state(r, source, "GOBIN", "state"))
        check_add(r, DELVE_WARNING,
                  "GOBIN=%s (%s): there is no such directory%s; `go install` puts programs, including dlv, where PATH "
                  "does not find them%s. To fix it, %s.",
                  value, p.where, foreign_system(value), left_out, p.remedy);
}

#define SPACE " \t\r\n"

/* The first word of GOFLAGS that go takes for no flag, with its length; NULL when there is none, or it has quotes. */
static const char *word_that_is_no_flag(const char *value, size_t *len)
{
    static const char *const wrong[] = {"---", "-=", "--="};
    if (strpbrk(value, "\"'"))
        return NULL;
    for (value += strspn(value, SPACE); *value; value += *len + strspn(value + *len, SPACE)) {
        *len = strcspn(value, SPACE);
        bool has_name = *len > strspn(value, "-");
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
            has_name = has_name && !begins(value, wrong[i]);
        if (value[0] != '-' || !has_name)
            return value;
    }
    return NULL;
}

static void check_goflags(struct check_run *r)
{
    const char *source = check_source(r, "GOFLAGS");
    const char *value = source ? check_fact_of(r, source, "GOFLAGS") : NULL;
    size_t len = 0;
    const char *word = value ? word_that_is_no_flag(value, &len) : NULL;
    if (!word)
        return;
    struct check_origin p = check_origin_of(r, source, "GOFLAGS");
    check_add(r, DELVE_FATAL, "GOFLAGS=%s (%s): %.*s is not a flag; go cannot build with it. To fix it, %s.", value,
              p.where, (int)len, word, p.remedy);
}

static void check_gowork(struct check_run *r)
{
    const char *source = check_source(r, "GOWORK");
    const char *value = source ? check_fact_of(r, source, "GOWORK") : NULL;
    bool names_none = !value || strcmp(value, "off") == 0 || strcmp(value, "auto") == 0;
    bool is_missing = !names_none && check_fact_of_state(r, source, "GOWORK", "state");
    if (names_none || (value[0] == '/' && !is_missing))
        return;
    struct check_origin p = check_origin_of(r, source, "GOWORK");
    check_add(r, DELVE_FATAL, "GOWORK=%s (%s): %s%s; go cannot build with it. To fix it, %s.", value, p.where,
              is_missing ? "there is no such file" : "not an absolute path on Linux", foreign_system(value), p.remedy);
}

void check_values(struct check_run *r)
{
    static const char *const sources[] = {"target", "env", "file"};
    bool builds = r->check->use == DELVE_USE_ANY || r->check->use == DELVE_USE_BUILD;
    const char *of_session = check_fact_of(r, "target", "GOROOT") ? "target" : "file";
    check_goroot(r, of_session);
    check_goroot(r, "env");
    check_gopath(r);
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        check_gobin(r, sources[i]);
    if (builds) {
        check_goflags(r);
        check_gowork(r);
    }
}

/* --- the caches --- */

/* Where a session's cache is from. name: GOCACHE or GOMODCACHE. */
static struct check_origin cache_origin(const struct check_run *r, const char *name)
{
    struct check_origin p;
    bool is_gocache = strcmp(name, "GOCACHE") == 0;
    const char *gopath = check_fact_of(r, "target", "GOPATH") ? "target" : "file";
    if (is_gocache ? r->check->gocache_is_configured : r->check->gomodcache_is_configured) {
        (void)snprintf(p.where, sizeof p.where, "go.%s of target %s in delvegate's configuration", name,
                       r->check->target);
        (void)snprintf(p.remedy, sizeof p.remedy, "set go.%s to another directory", name);
        return p;
    }
    const char *value = check_fact(r, name);
    const char *written = check_fact_of(r, "file", name);
    if (written && value && (value[0] != '/' || strcmp(value, written) == 0)) {
        p = check_origin_of(r, "file", name);
    } else if (!is_gocache && check_fact_of(r, gopath, "GOPATH")) {
        p = check_origin_of(r, gopath, "GOPATH");
        char where[CHECK_ORIGIN_MAX];
        memcpy(where, p.where, sizeof where);
        (void)snprintf(p.where, sizeof p.where, "below GOPATH, which is set by %.*s", CHECK_ORIGIN_MAX / 2, where);
    } else {
        (void)snprintf(p.where, sizeof p.where, "go's default on %s", r->check->where);
        p.remedy[0] = '\0';
    }
    size_t len = strlen(p.remedy);
    (void)snprintf(p.remedy + len, sizeof p.remedy - len, "%sset go.%s of target %s", len ? ", or " : "", name,
                   r->check->target);
    return p;
}

static void report_closed(struct check_run *r, const char *name, const char *value, enum delve_severity severity)
{
    struct check_origin p = cache_origin(r, name);
    const char *why = check_fact_of(r, name, "why");
    const char *at = check_fact_of(r, name, "at");
    const char *uid = check_fact(r, "uid");
    bool is_gocache = strcmp(name, "GOCACHE") == 0;
    bool is_full = strcmp(check_fact_of(r, name, "state"), "full") == 0;
    char what[CHECK_ORIGIN_MAX];
    if (is_full)
        (void)snprintf(what, sizeof what, "its disk is full, or a quota is exceeded");
    else if (at)
        (void)snprintf(what, sizeof what, "it does not exist and cannot be created in %s: %s", at,
                       why ? why : "refused");
    else
        (void)snprintf(what, sizeof what, "it cannot be written: %s", why ? why : "refused");
    check_add(r, severity, "%s=%s (%s): %s%s; %s. To fix it, %s%s%s, or %s.", name, value, p.where, what,
              is_full ? "" : foreign_system(value),
              is_gocache ? "go cannot build without it" : "go cannot fetch modules into it",
              is_full ? "free some space (`go clean -cache` frees a lot)" : "give uid ",
              is_full ? ""
              : uid   ? uid
                      : "?",
              is_full ? "" : " write access", p.remedy);
}

static void check_cache(struct check_run *r, const char *name)
{
    const char *value = check_fact(r, name);
    const char *state = check_fact_of(r, name, "state");
    const char *written = check_fact_of(r, "file", name);
    bool is_gocache = strcmp(name, "GOCACHE") == 0;
    bool builds = r->check->use == DELVE_USE_ANY || r->check->use == DELVE_USE_BUILD;
    if (value && strcmp(value, "off") == 0 && !written) {
        struct check_origin p = cache_origin(r, name);
        check_add(r, DELVE_FATAL,
                  "%s=off (%s): neither HOME nor XDG_CACHE_HOME is set on the Go machine, so go has no directory for "
                  "it and cannot build. To fix it, set HOME, or %s.",
                  name, p.where, p.remedy);
    } else if (value && value[0] != '/') {
        struct check_origin p = cache_origin(r, name);
        const char *shown = written ? written : value; /* of a relative GOCACHE go says `off` */
        check_add(r, DELVE_FATAL,
                  "%s=%s (%s): not an absolute path on Linux%s; go cannot build with it. To fix it, %s.", name, shown,
                  p.where, foreign_system(shown), p.remedy);
    } else if (value && !state && check_fact_of(r, name, "at") && *foreign_system(value)) {
        struct check_origin p = cache_origin(r, name);
        check_add(
            r, DELVE_WARNING,
            "%s=%s (%s): there is no such directory%s; go will create it and start with an empty cache. To fix it, %s.",
            name, value, p.where, foreign_system(value), p.remedy);
    } else if (value && state && builds) {
        bool is_closed = strcmp(state, "closed") == 0;
        bool hopeless = is_gocache && is_closed && check_fact_of(r, name, "at");
        bool may_do = !is_gocache && check_fact(r, "GOMODCACHE.filled");
        report_closed(r, name, value, hopeless ? DELVE_FATAL : may_do ? DELVE_WARNING : DELVE_ERROR);
    }
}

/* What the shell's environment says is not a session's, but every other go's. */
static void check_unused_cache(struct check_run *r, const char *name)
{
    const char *value = check_fact_of(r, "env", name);
    const char *used = check_fact(r, name);
    const char *state = check_fact_of_state(r, "env", name, "state");
    bool is_relative = value && value[0] != '/';
    bool is_foreign = value && state && *foreign_system(value);
    bool is_closed = state && strcmp(state, "closed") == 0;
    if (!value || (!is_relative && !is_foreign && !is_closed))
        return;
    struct check_origin p = check_origin_of(r, "env", name);
    check_add(
        r, DELVE_WARNING,
        "%s=%s (%s): %s%s; go %s in a terminal on the Go machine, but debug sessions ignore it%s%s. To fix it, %s.",
        name, value, p.where,
        is_relative ? "not an absolute path on Linux"
        : is_closed ? "it cannot be written or created"
                    : "there is no such directory",
        foreign_system(value), is_relative || is_closed ? "fails with it" : "starts with an empty cache",
        used ? " and use " : "", used ? used : "", p.remedy);
}

void check_caches(struct check_run *r)
{
    check_cache(r, "GOCACHE");
    check_cache(r, "GOMODCACHE");
    check_unused_cache(r, "GOCACHE");
    check_unused_cache(r, "GOMODCACHE");
}
