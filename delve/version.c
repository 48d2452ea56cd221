#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "dap/err.h"
#include "delve/log.h"

enum { NUMBER_MAX = 1000000 }; /* a larger one is no part of a version */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads digits into *n and returns what follows them, NULL when there are none or too many. */
static const char *number(const char *s, int *n)
{
    if (!is_digit(*s))
        return NULL;
    for (*n = 0; is_digit(*s); s++) {
        *n = *n * 10 + (*s - '0');
        if (*n > NUMBER_MAX)
            return NULL;
    }
    return s;
}

/* Where the version may begin: after `Version:` (dlv version), after `go` (go version), or at the start. */
static const char *beginning(const char *text)
{
    static const char label[] = "Version:";
    const char *at = strstr(text, label);
    if (at) {
        at += sizeof label - 1;
        return at + strspn(at, " \tv");
    }
    for (at = strstr(text, "go"); at; at = strstr(at + 1, "go"))
        if (is_digit(at[2]) && (at == text || at[-1] == ' '))
            return at + 2;
    return text + strspn(text, " \tv");
}

int delve_version_parse(const char *text, struct delve_version *v)
{
    *v = (struct delve_version){0};
    const char *s = number(beginning(text), &v->major);
    if (!s || *s != '.')
        return -1;
    s = number(s + 1, &v->minor);
    if (!s)
        return -1;
    /* 1.22rc1 and 1.22 have no third number. */
    if (*s == '.' && is_digit(s[1]) && !number(s + 1, &v->patch))
        return -1;
    return 0;
}

static int compare(struct delve_version a, struct delve_version b)
{
    if (a.major != b.major)
        return a.major < b.major ? -1 : 1;
    if (a.minor != b.minor)
        return a.minor < b.minor ? -1 : 1;
    return a.patch < b.patch ? -1 : a.patch > b.patch;
}

enum { ANY_PATCH = NUMBER_MAX };

/* The versions of Go that a Delve debugs (pkg/goversion/compat.go of each): from and to are minor versions of Go 1.
   Versions that are not here are left to Delve's own check. */
static const struct {
    struct delve_version first, last; /* of Delve */
    int from, to;
} windows[] = {
    {{1, 20, 0}, {1, 20, ANY_PATCH}, 18, 20}, {{1, 21, 0}, {1, 21, ANY_PATCH}, 18, 21},
    {{1, 22, 0}, {1, 22, ANY_PATCH}, 19, 22}, {{1, 23, 0}, {1, 23, ANY_PATCH}, 21, 23},
    {{1, 24, 0}, {1, 25, 0}, 21, 24},         {{1, 25, 2}, {1, 25, ANY_PATCH}, 22, 25},
    {{1, 26, 0}, {1, 26, ANY_PATCH}, 24, 26}, {{1, 27, 0}, {1, 27, ANY_PATCH}, 25, 27},
};

static const struct delve_version oldest = {1, 7, 3}; /* the first to speak DAP on a headless port */

int delve_version_check(struct delve_version dlv, struct delve_version go, int check_go, struct err *e)
{
    if (compare(dlv, oldest) < 0)
        return err_set(e,
                       "Delve %d.%d.%d on the Go machine is too old: delvegate needs 1.7.3 or later. Update it on that "
                       "machine: go install github.com/go-delve/delve/cmd/dlv@latest",
                       dlv.major, dlv.minor, dlv.patch);
    for (size_t i = 0; check_go && i < sizeof windows / sizeof windows[0]; i++) {
        if (compare(dlv, windows[i].first) < 0 || compare(dlv, windows[i].last) > 0)
            continue;
        if (go.major == 1 && go.minor >= windows[i].from && go.minor <= windows[i].to)
            return 0;
        bool old = go.major < 1 || (go.major == 1 && go.minor < windows[i].from);
        return err_set(e,
                       "Delve %d.%d.%d on the Go machine supports Go 1.%d to 1.%d, but the machine has Go %d.%d.%d. "
                       "Update %s, or try anyway with \"dlvFlags\": [\"--check-go-version=false\"].",
                       dlv.major, dlv.minor, dlv.patch, windows[i].from, windows[i].to, go.major, go.minor, go.patch,
                       old ? "Go or use an older Delve" : "Delve");
    }
    return 0;
}
