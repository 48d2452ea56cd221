/* What the check makes of facts about a Go environment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "delve/check.h"
#include "delve/log.h"

enum { TEXT_MAX = 64 * 1024, LINE_SIZE = 4096 };

/* "NAME=TEXT;NAME=TEXT" */
static void add_facts(struct delve_facts *f, const char *text)
{
    char line[LINE_SIZE];
    while (*text) {
        size_t n = strcspn(text, ";");
        assert_true(n < sizeof line);
        memcpy(line, text, n);
        line[n] = '\0';
        char *value = strchr(line, '=');
        assert_non_null(value);
        *value++ = '\0';
        assert_int_equal(delve_facts_add(f, line, value), 0);
        text += n + (text[n] == ';');
    }
}

/* All findings, a line each: "fatal: ...", "error: ...", "warning: ...". */
static char *check(struct delve_check c, const char *facts)
{
    static const char *const words[] = {[DELVE_FATAL] = "fatal", [DELVE_ERROR] = "error", [DELVE_WARNING] = "warning"};
    struct delve_facts f = {0};
    struct delve_findings found = {0};
    struct buf out;
    buf_init(&out, TEXT_MAX);
    add_facts(&f, facts);
    c.facts = &f;
    c.target = "main";
    c.where = "gomachine";
    assert_int_equal(delve_check(&c, &found), 0);
    buf_puts(&out, "");
    assert_false(out.failed);
    for (size_t i = 0; i < found.count; i++) {
        buf_printf(&out, "%s: %s\n", words[found.list[i].severity], found.list[i].text);
        assert_false(out.failed);
    }
    delve_findings_free(&found);
    delve_facts_free(&f);
    return buf_take(&out);
}

#define GO19 "goVersion=go version go1.19.8 linux/amd64;dlvVersion=Version: 1.20.2;GOROOT=/usr/lib/go-1.19;"
#define GO24 "goVersion=go version go1.24.4 linux/amd64;dlvVersion=Version: 1.24.0;"
#define CACHES "GOCACHE=/c;GOMODCACHE=/m;"
#define FILE_ "goenvFile=/h/.config/go/env;"

struct row {
    const char *facts;
    const char *begins; /* of all findings; "" : there is none */
    const char *has[4]; /* what else they hold */
};

static void assert_rows(struct delve_check c, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *text = check(c, rows[i].facts);
        assert_non_null(text);
        if (strncmp(text, rows[i].begins, strlen(rows[i].begins)) != 0 || (!*rows[i].begins && *text))
            fail_msg("%s\ngave\n%s", rows[i].facts, text);
        for (size_t k = 0; k < 4 && rows[i].has[k]; k++)
            if (!strstr(text, rows[i].has[k]))
                fail_msg("%s\nlacks %s in\n%s", rows[i].facts, rows[i].has[k], text);
        free(text);
    }
}
#define ROWS(c, rows) assert_rows(c, rows, sizeof(rows) / sizeof *(rows))

static const struct delve_check all = {.use = DELVE_USE_ANY, .checks_go_version = true};

static void variables(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {GO19 CACHES, "", {0}},
        {GO19 CACHES "env.GOROOT=/usr/lib/go-1.19;env.GOROOT.version=go1.19.8", "", {0}},
        {GO19 CACHES "env.GOROOT=/Users/me/go;env.GOROOT.state=missing",
         "warning: GOROOT=/Users/me/go (environment on gomachine): there is no such directory, a macOS path;",
         {"debug sessions ignore it", "profile"}},
        {GO19 CACHES "container=docker;env.GOROOT=/x;env.GOROOT.state=partial",
         "warning: GOROOT=/x (environment on gomachine): it does not contain a complete Go",
         {"remoteEnv"}},
        {GO19 CACHES "env.GOROOT=/x;env.GOROOT.version=go1.19",
         "warning: GOROOT=/x (environment on gomachine): it belongs to go1.19, but go is go1.19.8",
         {0}},
        {GO19 CACHES "env.GOROOT=/x;env.GOROOT.version=devel", "", {0}},
        {CACHES FILE_ "file.GOROOT=/nope;file.GOROOT.state=missing;goVersion.failed=cannot find GOROOT",
         "fatal: GOROOT=/nope (`go env -w` in /h/.config/go/env): there is no such directory; go does not start",
         {"`go env -u GOROOT` on gomachine"}},
        {GO19 CACHES FILE_ "file.GOROOT=/nope;file.GOROOT.state=missing", "warning: GOROOT=/nope", {0}},
        {"GOROOT=/r;goVersion=go version go1.19.8 linux/amd64;target.GOROOT=/r;target.GOROOT.version=go1.21.1",
         "error: GOROOT=/r (go.env of target main in delvegate's configuration): it belongs to go1.21.1",
         {"correct go.env"}},
        {GO19 CACHES "env.GOPATH=C:\\Users\\me\\go",
         "fatal: GOPATH=C:\\Users\\me\\go (environment on gomachine): C is not",
         {0}},
        {GO19 CACHES "env.GOPATH=/a:~/go",
         "fatal: GOPATH=/a:~/go (environment on gomachine): ~/go is not an absolute",
         {0}},
        {GO19 CACHES "env.GOPATH=/a::/b", "", {0}},
        {GO19 CACHES "env.GOPATH=/Users/me/go;env.GOPATH.missing=/Users/me/go",
         "warning: GOPATH=/Users/me/go (environment on gomachine): there is no directory /Users/me/go, a macOS path",
         {0}},
        /* go.env of the target wins. */
        {GO19 CACHES "env.GOPATH=rel;target.GOPATH=/good", "", {0}},
        {GO19 CACHES "env.GOBIN=D:/bin;env.GOBIN.state=missing",
         "warning: GOBIN=D:/bin (environment on gomachine): not an absolute path on Linux, a Windows path;",
         {"sessions ignore it"}},
        {GO19 CACHES FILE_ "file.GOBIN=/x;file.GOBIN.state=missing", "warning: GOBIN=/x (`go env -w` in", {0}},
        {GO19 CACHES "env.GOBIN=/there", "", {0}},
        {GO19 "GOCACHE=/c;env.GOCACHE=rel",
         "warning: GOCACHE=rel (environment on gomachine): not an absolute path on Linux; go fails with it in a "
         "terminal on the Go machine, but debug sessions ignore it and use /c.",
         {0}},
        {GO19 CACHES "env.GOMODCACHE=/Users/me/mod;env.GOMODCACHE.state=missing",
         "warning: GOMODCACHE=/Users/me/mod",
         {"empty cache"}},
        {GO19 CACHES "env.GOCACHE=/new;env.GOCACHE.state=missing", "", {0}},
        {GO19 CACHES "env.GOFLAGS=-mod=mod  --race\t-v", "", {0}},
        {GO19 CACHES "env.GOFLAGS='-ldflags=-X a.b=c d'", "", {0}},
        {GO19 CACHES "container=docker;env.GOFLAGS=-v mod=mod -x",
         "fatal: GOFLAGS=-v mod=mod -x (environment on gomachine): mod=mod is not a flag; go cannot build",
         {"containerEnv"}},
        {GO19 CACHES "env.GOFLAGS=--", "fatal: GOFLAGS=-- (", {0}},
        {GO19 CACHES "env.GOFLAGS=---v", "fatal: GOFLAGS=---v (", {0}},
        {GO19 CACHES "env.GOFLAGS=-=v", "fatal: GOFLAGS=-=v (", {0}},
        {GO19 CACHES FILE_ "file.GOFLAGS=v", "fatal: GOFLAGS=v (`go env -w` in", {"`go env -u GOFLAGS` on gomachine"}},
        {GO19 CACHES FILE_ "file.GOFLAGS=v;env.GOFLAGS=-v", "", {0}},
        {GO19 CACHES "env.GOWORK=off", "", {0}},
        {GO19 CACHES "env.GOWORK=auto", "", {0}},
        {GO19 CACHES "env.GOWORK=/w/go.work", "", {0}},
        {GO19 CACHES "env.GOWORK=/Users/me/go.work;env.GOWORK.state=missing",
         "fatal: GOWORK=/Users/me/go.work (environment on gomachine): there is no such file, a macOS path; go",
         {0}},
        {GO19 CACHES "env.GOWORK=go.work",
         "fatal: GOWORK=go.work (environment on gomachine): not an absolute path",
         {0}},
        {GO19 CACHES "env.GOBIN=a\x1b[31m\nb", "warning: GOBIN=a?[31m b (", {0}},
    };
    ROWS(all, rows);
}

static void caches(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {GO19 FILE_ "GOCACHE=off;file.GOCACHE=rel;GOMODCACHE=/m",
         "fatal: GOCACHE=rel (`go env -w` in /h/.config/go/env): not an absolute path on Linux; go cannot build with "
         "it.",
         {"`go env -u GOCACHE`", "set go.GOCACHE of target main"}},
        {GO19 "GOCACHE=off;GOMODCACHE=/m",
         "fatal: GOCACHE=off (go's default on gomachine): neither HOME nor XDG_CACHE_HOME is set",
         {"set go.GOCACHE of target main"}},
        {GO19 CACHES "uid=1000;GOCACHE.state=closed;GOCACHE.why=Permission denied",
         "error: GOCACHE=/c (go's default on gomachine): it cannot be written: Permission denied;",
         {"give uid 1000 write access", "set go.GOCACHE of target main"}},
        {GO19 CACHES "GOCACHE.state=closed;GOCACHE.why=Read-only file system;GOCACHE.at=/",
         "fatal: GOCACHE=/c (go's default on gomachine): it does not exist and cannot be created in /: Read-only",
         {0}},
        {GO19 CACHES "GOCACHE.state=full", "error: GOCACHE=/c (go's default on gomachine): its disk is full", {0}},
        {GO19 CACHES "GOMODCACHE.state=closed", "error: GOMODCACHE=/m (", {"cannot fetch modules"}},
        {GO19 CACHES "GOMODCACHE.state=closed;GOMODCACHE.filled=yes", "warning: GOMODCACHE=/m (", {0}},
        {GO19 FILE_ "GOCACHE=/c;GOMODCACHE=/x/pkg/mod;file.GOPATH=/x;GOMODCACHE.state=closed",
         "error: GOMODCACHE=/x/pkg/mod (below GOPATH, which is set by `go env -w` in /h/.config/go/env)",
         {0}},
        {GO19 "GOCACHE=/Users/me/c;GOCACHE.at=/;GOMODCACHE=/m", "warning: GOCACHE=/Users/me/c (", {"empty cache"}},
        {GO19 "GOCACHE=/c;GOCACHE.at=/;GOMODCACHE=/m", "", {0}},
    };
    ROWS(all, rows);
    static const struct row configured[] = {
        {GO19 CACHES "GOCACHE.state=full;GOMODCACHE.state=full",
         "error: GOCACHE=/c (go.GOCACHE of target main in delvegate's configuration)",
         {"set go.GOMODCACHE to another directory"}},
    };
    struct delve_check c = all;
    c.gocache_is_configured = c.gomodcache_is_configured = true;
    ROWS(c, configured);
    /* A binary, or a process, is not built. */
    static const struct row unused[] = {
        {GO19 CACHES "GOCACHE.state=closed;GOMODCACHE.state=full;mod=/w/go.mod;mod.go=1.99", "", {0}}};
    c.use = DELVE_USE_BINARY;
    ROWS(c, unused);
    static const struct row unbuilt[] = {{GO19 CACHES "env.GOFLAGS=v;env.GOWORK=rel", "", {0}}};
    ROWS(c, unbuilt);
    c.use = DELVE_USE_ATTACH;
    ROWS(c, unused);
}

static void modules(void **state)
{
    (void)state;
#define MOD "mod=/w/go.mod;"
    static const struct row rows[] = {
        {GO19 CACHES MOD "mod.go=1.19", "", {0}},
        {GO19 CACHES MOD "mod.go=1.20",
         "error: go 1.20 (/w/go.mod): go1.19.8 is too old for it; the build is tried anyway",
         {"Install Go 1.20 or later on gomachine"}},
        {GO19 CACHES MOD "mod.go=1.21.0",
         "fatal: go 1.21.0 (/w/go.mod): go1.19.8 is too old for it and cannot parse this line",
         {0}},
        {GO19 CACHES MOD "mod.go=1.21rc1", "fatal: go 1.21rc1 (/w/go.mod)", {0}},
        {GO19 CACHES MOD "mod.go=1.19;mod.toolchain=go1.22.1", "fatal: toolchain go1.22.1 (/w/go.mod)", {0}},
        {GO19 CACHES "work=/w/go.work;work.go=1.20", "error: go 1.20 (/w/go.work)", {0}},
        {GO19 CACHES "work=/w/go.work;work.go=1.20;env.GOWORK=off", "", {0}},
        /* So is each module that go.work uses. */
        {GO19 CACHES MOD "mod.go=1.19;work=/w/go.work;work.go=1.19;used1=/w/a/go.mod;used1.go=1.18;used2=/w/b/go.mod;"
                         "used2.go=1.22.0",
         "fatal: go 1.22.0 (/w/b/go.mod): go1.19.8 is too old for it and cannot parse this line",
         {0}},
        {GO24 CACHES "work=/w/go.work;work.go=1.24;used1=/w/a/go.mod;used1.go=1.25;GOTOOLCHAIN=local",
         "fatal: go 1.25 (/w/a/go.mod): go1.24.4 is too old for it",
         {0}},
        {GO19 CACHES "work=/w/go.work;work.go=1.19;used1=/w/a/go.mod;used1.go=1.99;env.GOWORK=off", "", {0}},
        {GO19 CACHES MOD "mod.go=1.99;env.GO111MODULE=off", "", {0}},
        {GO24 CACHES MOD "mod.go=1.24;GOTOOLCHAIN=local", "", {0}},
        {GO24 CACHES MOD "mod.go=1.24.4;GOTOOLCHAIN=local", "", {0}},
        {GO24 CACHES MOD "mod.go=1.24.10;GOTOOLCHAIN=local",
         "fatal: go 1.24.10 (/w/go.mod): go1.24.4 is too old for it, and GOTOOLCHAIN=local (go's default) keeps",
         {0}},
        {GO24 CACHES MOD "mod.go=1.25rc1;GOTOOLCHAIN=auto;env.GOTOOLCHAIN=go1.24.4",
         "fatal: go 1.25rc1 (/w/go.mod): go1.24.4 is too old for it, and GOTOOLCHAIN=go1.24.4 (environment on "
         "gomachine)",
         {0}},
        {GO24 CACHES MOD "mod.go=1.25;GOTOOLCHAIN=auto", "warning: go 1.25 (/w/go.mod)", {"fetches go1.25"}},
        {GO24 CACHES MOD "mod.go=1.25;GOTOOLCHAIN=go1.24.4+auto", "warning: go 1.25 (/w/go.mod)", {0}},
        {GO24 CACHES MOD "mod.go=1.25.1;GOTOOLCHAIN=auto;toolchain=1.25.1.linux-amd64;toolchain=1.22.0.linux-amd64",
         "",
         {0}},
        {GO24 CACHES MOD "mod.go=1.25.1;GOTOOLCHAIN=auto;toolchain=1.25.10.linux-amd64", "warning: go 1.25.1", {0}},
        {GO24 CACHES MOD "mod.go=1.25;GOTOOLCHAIN=path", "warning: go 1.25 (/w/go.mod)", {"needs a go1.25 in PATH"}},
        /* A toolchain line is a wish: without the right to fetch one it means nothing. */
        {GO24 CACHES MOD "mod.go=1.24;mod.toolchain=go1.25.1;GOTOOLCHAIN=local", "", {0}},
        {GO24 CACHES MOD "mod.go=1.24;mod.toolchain=go1.25.1;GOTOOLCHAIN=auto", "warning: toolchain go1.25.1", {0}},
        {GO24 CACHES MOD "mod.go=1.24;mod.toolchain=default;GOTOOLCHAIN=auto", "", {0}},
        {GO24 CACHES MOD "mod.go=nonsense;GOTOOLCHAIN=local", "", {0}},
    };
    ROWS(all, rows);
    struct delve_env set[] = {{.name = (char *)(uintptr_t) "GOTOOLCHAIN", .value = (char *)(uintptr_t) "auto"}};
    static const struct row launched[] = {
        {GO24 CACHES MOD "mod.go=1.25;GOTOOLCHAIN=local", "warning: go 1.25 (/w/go.mod)", {"GOTOOLCHAIN=auto"}}};
    struct delve_check c = all;
    c.env = set;
    c.env_count = 1;
    ROWS(c, launched);
}

static void tools(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"go.missing=go was not found;dlv.missing=dlv was not found",
         "fatal: go was not found\nfatal: dlv was not found\n",
         {0}},
        {CACHES "goVersion.failed=exec format error", "fatal: `go version` fails on gomachine: exec format error", {0}},
        {GO19 CACHES "goenv.failed=warn", "fatal: `go env` fails on gomachine: warn", {0}},
        {"goVersion=go version go1.24.4 linux/amd64;dlvVersion=Version: 1.20.2;" CACHES,
         "fatal: Delve 1.20.2 on the Go machine supports Go 1.18 to 1.20",
         {"Update Delve"}},
        {"failure=setsid was not found", "fatal: setsid was not found", {0}},
    };
    ROWS(all, rows);
    struct delve_check c = all;
    c.checks_go_version = false;
    static const struct row unchecked[] = {
        {"goVersion=go version go1.24.4 linux/amd64;dlvVersion=Version: 1.20.2;" CACHES, "", {0}}};
    ROWS(c, unchecked);
}

#define REFUSED "trace=could not launch process: fork/exec /bin/sh: operation not permitted;"
#define FULL "CapEff=000001ffffffffff;CapBnd=000001ffffffffff;"
#define LESS "CapEff=000001fffff7ffff;CapBnd=000001fffff7ffff;"
#define NOTHING "CapEff=0000000000000000;CapBnd=00000000a80425fb;"
#define USER "uid=1000;CapEff=0000000000000000;CapBnd=000001ffffffffff;"

static void tracing(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"trace=;Seccomp=2;uid=0;" FULL, "", {0}},
        {REFUSED "container=docker;Seccomp=2;uid=0;" FULL,
         "fatal: Delve may not trace on gomachine: could not launch",
         {"--security-opt=seccomp=unconfined\" in runArgs of devcontainer.json"}},
        {REFUSED "container=docker;Seccomp=2;uid=0;" LESS, "fatal: ", {"add \"--cap-add=SYS_PTRACE\""}},
        {REFUSED "Seccomp=2;uid=1000;" USER, "fatal: ", {"SystemCallFilter", "seccomp=unconfined"}},
        {"trace=could not launch process: fork/exec /bin/sh: function not implemented;Seccomp=2;uid=0;" LESS,
         "fatal: ",
         {"--cap-add=SYS_PTRACE"}},
        {REFUSED "Seccomp=0;uid=0;" LESS, "fatal: ", {"the capability SYS_PTRACE is missing"}},
        {REFUSED "Seccomp=0;uid=0;" FULL, "fatal: ", {"apparmor=unconfined"}},
        {REFUSED, "fatal: ", {0}},
        {"yama=0;" USER, "", {0}},
        {"yama=1;trace=;" USER,
         "warning: Delve may not attach to a running process on gomachine:",
         {"sysctl -w kernel.yama.ptrace_scope=0"}},
        {"yama=1;trace=;uid=0;" FULL, "", {0}},
        {"yama=1;trace=;uid=0;" LESS, "warning: ", {"--cap-add=SYS_PTRACE"}},
        {"yama=2;" USER, "fatal: Delve may not trace on gomachine, so nothing", {"ptrace_scope is 2"}},
        {"yama=3;uid=0;" FULL, "fatal: ", {"ptrace_scope is 3"}},
        {"trace=could not launch process: could not open debug info;yama=0;" USER, "", {0}},
    };
    ROWS(all, rows);
    struct delve_check c = all;
    c.use = DELVE_USE_BUILD;
    static const struct row launched[] = {{"yama=1;" USER, "", {0}}};
    ROWS(c, launched);
}

/* What Delve 1.20 to 1.27 say. */
static void words_of_delve(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_one, attach;
    } cases[] = {
        {"could not launch process: fork/exec /r/1/__debug_bin: operation not permitted", true, false},
        {"x\ncould not launch process: fork/exec /r/b: function not implemented\ny\n", true, false},
        {"could not attach to pid 7: operation not permitted\n", true, true},
        {"could not attach to pid 7: function not implemented\n", true, true},
        {"Could not attach to pid 7: this could be caused by a kernel security setting, try writing \"0\" to "
         "/proc/sys/kernel/yama/ptrace_scope",
         true, true},
        {"2026-11-23T23:02:52Z error layer=dap could not attach to pid 7: operation not permitted", true, true},
        {"could not attach to pid 7: no such process", false, false},
        {"Could not attach to pid 7: current user does not own the process", true, true},
        {"could not launch process: fork/exec /r/b: no such file or directory", false, false},
        {"chmod /x: operation not permitted\n", false, false},
        {"could not launch process: fork/exec /r/b: permission denied\nopen /x: operation not permitted", false, false},
        {"", false, false},
        {NULL, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool attach = false;
        if (delve_is_ptrace_failure(cases[i].text, &attach) != cases[i].is_one ||
            (cases[i].is_one && attach != cases[i].attach))
            fail_msg("%s", cases[i].text);
    }
}

static void a_failed_start_names_the_flag(void **state)
{
    (void)state;
    struct delve_facts f = {0};
    struct buf out;
    buf_init(&out, TEXT_MAX);
    add_facts(&f, "container=docker;Seccomp=2;uid=0;" LESS);
    assert_int_equal(delve_log_explain_on(&out, "could not launch process: fork/exec /b: operation not permitted\n", "",
                                          1, &(struct delve_known){.machine = &f}),
                     0);
    assert_non_null(strstr(out.data, "operation not permitted\nDelve may not trace the program: "));
    assert_non_null(strstr(out.data, "--cap-add=SYS_PTRACE"));
    buf_clear(&out);
    assert_int_equal(delve_log_explain_on(&out, "could not attach to pid 7: operation not permitted\n", NULL, 1,
                                          &(struct delve_known){.machine = &f}),
                     0);
    assert_non_null(strstr(out.data, "\nDelve may not attach to the process: "));
    buf_clear(&out);
    /* Root in a container has no right to another user's process without the capability. */
    assert_int_equal(delve_log_explain_on(&out, "Could not attach to pid 7: current user does not own the process\n",
                                          NULL, 1, &(struct delve_known){.machine = &f}),
                     0);
    assert_non_null(strstr(out.data, "another user's process"));
    assert_non_null(strstr(out.data, "--cap-add=SYS_PTRACE"));
    delve_facts_free(&f);
    buf_clear(&out);
    /* An ordinary user has none with it, and behind any filter. */
    add_facts(&f, "container=docker;Seccomp=2;yama=0;" USER);
    assert_int_equal(delve_log_explain_on(&out, "Could not attach to pid 7: current user does not own the process\n",
                                          NULL, 1, &(struct delve_known){.machine = &f}),
                     0);
    assert_non_null(strstr(out.data, "use a target that logs in as the process's user"));
    buf_free(&out);
    delve_facts_free(&f);
}

static void facts_are_bounded_and_the_last_one_counts(void **state)
{
    (void)state;
    struct delve_facts f = {0};
    assert_null(delve_facts_get(&f, "a"));
    assert_null(delve_facts_get(NULL, "a"));
    assert_int_equal(delve_facts_add(&f, "a", "1"), 0);
    assert_int_equal(delve_facts_add(&f, "a", "2"), 0);
    assert_string_equal(delve_facts_get(&f, "a"), "2");
    for (int i = 0; i < 2 * DELVE_FACTS_MAX; i++)
        assert_int_equal(delve_facts_add(&f, "b", ""), 0);
    assert_int_equal(f.count, DELVE_FACTS_MAX);
    delve_facts_free(&f);
    assert_int_equal(f.count, 0);
}

static void what_is_worst_comes_first(void **state)
{
    (void)state;
    char *text = check(all, GO19 CACHES "env.GOBIN=rel;GOMODCACHE.state=full;env.GOPATH=rel;env.GOCACHE=rel");
    const char *kinds[] = {"fatal: GOPATH", "\nerror: GOMODCACHE", "\nwarning: GOBIN", "\nwarning: GOCACHE"};
    const char *at = text;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        at = strstr(at, kinds[i]);
        if (!at)
            fail_msg("%s is out of order in\n%s", kinds[i], text);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variables),
        cmocka_unit_test(caches),
        cmocka_unit_test(modules),
        cmocka_unit_test(tools),
        cmocka_unit_test(tracing),
        cmocka_unit_test(words_of_delve),
        cmocka_unit_test(a_failed_start_names_the_flag),
        cmocka_unit_test(facts_are_bounded_and_the_last_one_counts),
        cmocka_unit_test(what_is_worst_comes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
