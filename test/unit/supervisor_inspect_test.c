/* What an inspection finds out, with the real go and a file proxy made here. */
#include "test/unit/remedy_world.h"

#include "proxy/supervisor/inspect.h"

enum { NOBODY = 65534 };

static struct buf facts; /* NAME=TEXT, each with its NUL */
static const char *flag; /* a build flag of the next inspections, NULL: none */
static bool as_nobody;   /* the next inspections */

static void become_inspection(const char *module, const char *version, const char *file)
{
    const char *argv[] = {module, version, file, flag, NULL};
    int notes = open(AT("notes"), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    for (const char *const *env = how.env; *env; env++)
        if (putenv(strdup(*env)) != 0)
            _exit(126);
    if (setsid() < 0 || chdir(how.cwd) < 0 || setenv("PWD", how.cwd, 1) < 0)
        _exit(126);
    if (as_nobody && (setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
        _exit(126);
    _exit(inspect_main(flag ? 4 : 3, (char *const *)(uintptr_t)argv, notes));
}

static void take_facts(void)
{
    struct buf bytes;
    struct order o;
    long n;
    size_t at = 0;
    buf_init(&bytes, WORLD_MAX);
    assert_int_equal(remedy_read(AT("notes"), &bytes), 0);
    for (; at < bytes.len && (n = order_read(bytes.data + at, bytes.len - at, &o)) > 0; at += (size_t)n) {
        assert_int_equal(o.kind, ORDER_FACT);
        buf_printf(&facts, "%s=%s", order_get(&o, ORDER_NAME), order_get(&o, ORDER_TEXT));
        buf_append(&facts, "", 1);
        assert_false(facts.failed);
    }
    assert_int_equal(at, bytes.len);
    buf_free(&bytes);
}

static void inspect(const char *module, const char *version, const char *file)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        become_inspection(module, version, file);
    assert_int_equal(wait_for(pid), 0);
    buf_clear(&facts);
    take_facts();
}

/* The last one of that name; NULL: there is none. */
static const char *fact(const char *name)
{
    const char *found = NULL;
    for (size_t at = 0; at < facts.len; at += strlen(facts.data + at) + 1)
        if (strncmp(facts.data + at, name, strlen(name)) == 0 && facts.data[at + strlen(name)] == '=')
            found = facts.data + at + strlen(name) + 1;
    return found;
}
static bool has_fact(const char *pair)
{
    for (size_t at = 0; at < facts.len; at += strlen(facts.data + at) + 1)
        if (strcmp(facts.data + at, pair) == 0)
            return true;
    return false;
}
static void assert_fact(const char *name, const char *want)
{
    const char *got = fact(name);
    if (!got || !want) {
        if (got != want)
            fail_msg("%s: %s, not %s", name, got ? got : "none", want ? want : "none");
        return;
    }
    assert_string_equal(got, want);
}

static int make_inspected(void **state)
{
    buf_init(&facts, WORLD_MAX);
    as_nobody = false;
    flag = NULL;
    return make_world(state);
}
static int end_inspected(void **state)
{
    buf_free(&facts);
    return end_world(state);
}

/* --- what go says, and where it is set --- */

static void test_environment(void **state)
{
    (void)state;
    char *was = tree(AT("my app")), *cache_was = tree(AT("mod"));
    put_text(AT("goenv"), "# GOARCH=x\nGOSUMDB=off\nGOPRIVATE=*.corp\n\nnone\n");
    how.env[0] = text_of("GOENV=%s/goenv", world);
    how.env[1] = "https_proxy=http://proxy:1";
    how.env[2] = "CGO_ENABLED=0";
    how.env[3] = "SECRET=x";
    inspect("", "", "");
    assert_fact("dir", how.cwd);
    assert_fact("go.GOMODCACHE", AT("mod"));
    assert_fact("go.GOMOD", AT("my app/go.mod"));
    assert_fact("go.GOWORK", NULL);
    assert_fact("go.GOPROXY", text_of("file://%s/px", world));
    assert_fact("go.GOPRIVATE", "*.corp");
    assert_fact("go.GOENV", AT("goenv"));
    assert_non_null(strstr(fact("go.GOVERSION"), "go1."));
    assert_fact("go.refused", NULL);
    assert_fact("env.GOMODCACHE", AT("mod"));
    assert_fact("env.https_proxy", "http://proxy:1");
    assert_fact("env.CGO_ENABLED", "0");
    assert_fact("env.PATH", getenv("PATH"));
    assert_fact("env.SECRET", NULL);
    assert_fact("file.GOPRIVATE", "*.corp");
    assert_fact("file.# GOARCH", NULL);
    assert_fact("main", "example.com/app");
    assert_fact("module", NULL);
    assert_fact("module.state", NULL);
    assert_fact("file.state", NULL);
    assert_same(tree(AT("my app")), was);
    assert_same(tree(AT("mod")), cache_was);
    free(was);
    free(cache_was);
}

/* What a go that refuses would have said is reported as far as it is known without that. */
static void test_go_refuses(void **state)
{
    (void)state;
    how.env[0] = "GOWORK=relative/go.work";
    how.env[1] = "GOFLAGS=-tags=x";
    inspect("example.com/Lib", "", "");
    assert_non_null(strstr(fact("go.refused"), "absolute path"));
    assert_fact("go.GOMODCACHE", AT("mod"));
    assert_fact("go.GOFLAGS", "-tags=x");
    assert_fact("go.GOPROXY", text_of("file://%s/px", world));
    assert_fact("go.GOWORK", NULL);
    assert_fact("env.GOWORK", "relative/go.work");
    assert_fact("main", "example.com/app");
    assert_fact("module.state", "whole");
}

/* In the file of go env -w too. */
static void test_go_refuses_by_file(void **state)
{
    (void)state;
    put_text(AT("goenv"), "GOWORK=relative/go.work\n");
    how.env[0] = text_of("GOENV=%s/goenv", world);
    inspect("", "", "");
    assert_non_null(fact("go.refused"));
    assert_fact("go.GOMODCACHE", AT("mod"));
    assert_fact("file.GOWORK", "relative/go.work");
}

/* A toolchain that can't be had. */
static void test_toolchain(void **state)
{
    (void)state;
    put_text(AT("go.work"), "go 1.18\n\nuse \"./my app\"\n");
    how.env[0] = "GOTOOLCHAIN=go1.999.9";
    inspect("", "", "");
    assert_fact("go.GOMODCACHE", AT("mod"));
    assert_fact("go.GOWORK", AT("go.work"));
    assert_fact("env.GOTOOLCHAIN", "go1.999.9");
    if (fact("go.refused")) /* not before go 1.21 */
        assert_fact("go.GOTOOLCHAIN", NULL);
}

/* A cache that is reached by a symbolic link: as it is called, and as it is. */
static void test_links(void **state)
{
    (void)state;
    assert_int_equal(symlink(AT("mod"), AT("link")), 0);
    how.env[0] = text_of("GOMODCACHE=%s/link", world);
    inspect("", "", "");
    assert_fact("go.GOMODCACHE", AT("link"));
    assert_true(has_fact(text_of("go.GOMODCACHE=%s/mod", world)));
}

static void test_no_go(void **state)
{
    (void)state;
    how.env[0] = "PATH=/nowhere";
    inspect("example.com/Lib", "v1.2.0", "x");
    assert_fact("go.GOMODCACHE", NULL);
    assert_fact("env.PATH", "/nowhere");
    assert_fact("file.state", "missing");
    assert_fact("module.state", NULL);
}

/* Nothing is asked of the network, whatever the module wants. */
static void test_nothing_is_fetched(void **state)
{
    (void)state;
    put_text(AT("my app/go.mod"), "module example.com/app\n\ngo 1.99\n\ntoolchain go1.99.1\n");
    put_text(AT("bin/go"),
             "#!/bin/sh\nenv | grep ^GOPROXY= >>\"$CALLS\"\necho \"$GOTOOLCHAIN\" >>\"$CALLS\"\nexit 1\n");
    assert_int_equal(chmod(AT("bin/go"), 0755), 0);
    how.env[0] = text_of("PATH=%s/bin:/usr/bin:/bin", world);
    how.env[1] = text_of("CALLS=%s/calls", world);
    how.env[2] = "GOTOOLCHAIN=auto";
    inspect("", "", "");
    char *calls = read_file(AT("calls"));
    size_t lines = 0;
    for (const char *at = calls; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, 4);
    assert_true(file_has(AT("calls"), "GOPROXY=off\n") && file_has(AT("calls"), "auto\n"));
    assert_true(file_has(AT("calls"), "local\n"));
    assert_fact("main", NULL); /* go did not say which go.mod it takes */
    free(calls);
}

/* --- the module --- */

static void assert_module(const char *name, const char *version, const char *module, const char *dir, const char *of)
{
    inspect(name, version, "");
    assert_fact("module", module);
    assert_fact("module.dir", dir);
    assert_fact("module.state", of);
}

static void test_module(void **state)
{
    const char *lib = AT("mod/example.com/!lib@v1.2.0");
    (void)state;
    assert_module("example.com/Lib", "v1.2.0", "example.com/Lib v1.2.0", lib, "whole");
    assert_module("example.com/Lib/a/package", "", "example.com/Lib v1.2.0", lib, "whole");
    assert_module("example.com/Library", "", NULL, NULL, NULL);
    assert_module("example.com/app/own", "", NULL, NULL, NULL);
    assert_module("example.com/app", "", NULL, NULL, NULL);
    inspect("example.com/Lib", "v1.2.0", "");
    assert_fact("module.zip", "there");
    assert_fact("package.state", "there");
    inspect("example.com/Lib/none", "", "");
    assert_fact("package.state", "missing");
    damage();
    assert_module("example.com/Lib/lib", "", "example.com/Lib v1.2.0", lib, "damaged");
    assert_int_equal(directory_remove(lib), 0);
    assert_module("example.com/Lib", "", "example.com/Lib v1.2.0", lib, "missing");
}

/* Before go 1.17 go.mod names what is imported directly alone. What only go.sum names counts when it is damaged. */
static void test_indirect(void **state)
{
    (void)state;
    put_text(AT("my app/go.mod"), "module example.com/app\n\ngo 1.16\n\nrequire example.com/Lib v1.2.0\n");
    /* go.sum names it, and may do so since long ago: it counts when the cache has it damaged. */
    assert_module("example.com/dep/a", "", NULL, NULL, NULL);
    assert_int_equal(chmod(AT("mod/example.com/dep@v1.0.0"), 0755), 0);
    put_text(AT("mod/example.com/dep@v1.0.0/more.go"), "package dep\n");
    assert_module("example.com/dep/a", "", "example.com/dep v1.0.0", AT("mod/example.com/dep@v1.0.0"), "damaged");
}

static void test_replaced(void **state)
{
    (void)state;
    add_text(AT("my app/go.mod"), "\nreplace example.com/Lib => ../lib\n");
    assert_module("example.com/Lib", "", "example.com/Lib v1.2.0", AT("lib"), "replaced");
    add_text(AT("my app/go.mod"), "\nreplace example.com/Lib v1.2.0 => example.com/dep v1.0.0\n");
    assert_module("example.com/Lib", "", "example.com/dep v1.0.0", AT("mod/example.com/dep@v1.0.0"), "whole");
}

static void test_workspace(void **state)
{
    (void)state;
    put_text(AT("go.work"), "go 1.18\n\nuse (\n\t\"./my app\"\n\t./other\n)\n\nreplace example.com/Lib => ./lib\n");
    put_text(AT("other/go.mod"), "module example.com/other\n\ngo 1.18\n\nrequire example.com/dep v1.1.0\n");
    assert_module("example.com/dep", "", "example.com/dep v1.1.0", AT("mod/example.com/dep@v1.1.0"), "unknown");
    assert_true(has_fact("main=example.com/app") && has_fact("main=example.com/other"));
    assert_module("example.com/Lib", "", "example.com/Lib v1.2.0", AT("lib"), "replaced");
    assert_module("example.com/other/x", "", NULL, NULL, NULL);
}

static void test_modfile(void **state)
{
    (void)state;
    put_text(AT("elsewhere/x.mod"), "module example.com/app2\n\nrequire example.com/Lib v1.2.0\n\n"
                                    "replace example.com/Lib => ./lib\n");
    how.env[0] = text_of("GOFLAGS=-tags=x '-modfile=%s/elsewhere/x.mod'", world);
    assert_module("example.com/Lib", "", "example.com/Lib v1.2.0", AT("my app/lib"), "replaced");
    assert_fact("main", "example.com/app2");
}

/* What the build flags name comes before what GOFLAGS names. */
static void test_modfile_flag(void **state)
{
    (void)state;
    put_text(AT("my app/one.mod"), "module example.com/one\n\nrequire example.com/Lib v1.2.0\n");
    put_text(AT("my app/one.sum"), "example.com/Lib v1.2.0\n");
    put_text(AT("my app/two.mod"), "module example.com/two\n");
    how.env[0] = "GOFLAGS=-modfile=two.mod";
    inspect("", "", "");
    assert_fact("main", "example.com/two");
    assert_fact("sum.state", "missing");
    flag = "-modfile=one.mod";
    inspect("", "", "");
    assert_fact("main", "example.com/one");
    assert_fact("sum.state", "malformed");
}

static void test_sums(void **state)
{
    (void)state;
    inspect("", "", "");
    assert_fact("sum.state", "open");
    add_text(AT("my app/go.sum"), "<<<<<<< HEAD\n");
    inspect("", "", "");
    assert_fact("sum.state", "malformed");
    assert_int_equal(chmod(AT("my app/go.sum"), 0600), 0);
    assert_int_equal(chmod(world, 0755), 0);
    as_nobody = getuid() == 0;
    inspect("", "", "");
    assert_fact("sum.state", as_nobody ? "closed" : "malformed");
    assert_int_equal(unlink(AT("my app/go.sum")), 0);
    inspect("", "", "");
    assert_fact("sum.state", "missing");
    assert_int_equal(mkdir(AT("my app/go.sum"), 0755), 0);
    inspect("", "", "");
    assert_fact("sum.state", "closed");
}

static void test_use(void **state)
{
    (void)state;
    inspect("", "", "");
    assert_fact("work.use", NULL);
    put_text(AT("other/go.mod"), "module example.com/other\n");
    put_text(AT("go.work"), "go 1.18\n\nuse ./other\n");
    inspect("", "", "");
    assert_fact("work.use", "missing");
    put_text(AT("go.work"), "go 1.18\n\nuse (\n\t./other\n\t\"./my app\"\n)\n");
    inspect("", "", "");
    assert_fact("work.use", "there");
}

static void assert_import(const char *asked, const char *import, const char *module)
{
    inspect(asked, "", "./named.go");
    assert_fact("import", import);
    assert_fact("module", module);
}

static void test_import(void **state)
{
    (void)state;
    put_text(AT("my app/named.go"), "package main\n\nimport (\n\tl \"example.com/Lib\"\n\t\"example.com/Lib/lib\"\n"
                                    "\t\"example.com/dep/v2\"\n)\n\nfunc f() { x \"example.com/none\" }\n");
    assert_import("l", "l example.com/Lib", "example.com/Lib v1.2.0");
    assert_import("lib", "lib example.com/Lib/lib", "example.com/Lib v1.2.0");
    inspect("dep", "", "./named.go");
    assert_fact("import", "dep example.com/dep/v2");
    assert_import("none", NULL, NULL);
    assert_import("x", NULL, NULL);
    assert_import("example.com/Lib", "l example.com/Lib", "example.com/Lib v1.2.0");
    assert_import("example.com/Lib/lib", "- example.com/Lib/lib", "example.com/Lib v1.2.0");
    put_text(AT("my app/named.go"), "package main\n\nimport \"example.com/Lib\"\n");
    assert_import("lib", "lib example.com/Lib", "example.com/Lib v1.2.0");
}

/* --- the file --- */

static void assert_file(const char *file, const char *state, const char *parent)
{
    inspect("", "", file);
    assert_fact("file.state", state);
    assert_fact("file.parent", parent);
}

static void test_file(void **state)
{
    (void)state;
    assert_file("main.go", "open", "open");
    assert_file("./none/../main.go", "open", "open");
    assert_file("none/main.go", "missing", "open");
    assert_file(AT("mod/example.com/!lib@v1.2.0/lib.go"), "open", "open");
    assert_fact("module", "example.com/Lib v1.2.0");
    assert_fact("module.state", "whole");
    assert_file("../mod/cache/download/example.com/dep/@v/v1.0.0.zip", "open", "open");
    assert_fact("module", "example.com/dep v1.0.0");
    assert_fact("file.owner", getuid() == 0 ? "root" : fact("file.owner"));
}

/* Somebody else's, and what nobody may read. */
static void test_closed(void **state)
{
    (void)state;
    if (getuid() != 0)
        skip();
    as_nobody = true;
    assert_int_equal(chmod(world, 0755), 0);
    assert_file(AT("mod/example.com/!lib@v1.2.0/lib.go"), "closed", "closed");
    assert_fact("file.owner", "root");
    assert_fact("module.state", "whole");
    assert_file(AT("mod/example.com/!lib@v1.2.0/none.go"), "missing", "closed");
    assert_fact("file.owner", "root");
    assert_int_equal(chmod(AT("mod/example.com"), 0700), 0);
    assert_file(AT("mod/example.com/!lib@v1.2.0/lib.go"), "closed", "closed");
    assert_fact("file.owner", "root");
    assert_fact("module.state", "unknown");
    assert_int_equal(chown(AT("mod"), NOBODY, NOBODY), 0);
    assert_file(AT("mod/none"), "missing", "open");
    assert_fact("file.owner", "nobody");
}

int main(void)
{
#define INSPECTED(f) cmocka_unit_test_setup_teardown(f, make_inspected, end_inspected)
    const struct CMUnitTest tests[] = {
        INSPECTED(test_environment),
        INSPECTED(test_go_refuses),
        INSPECTED(test_go_refuses_by_file),
        INSPECTED(test_toolchain),
        INSPECTED(test_no_go),
        INSPECTED(test_links),
        INSPECTED(test_nothing_is_fetched),
        INSPECTED(test_module),
        INSPECTED(test_indirect),
        INSPECTED(test_replaced),
        INSPECTED(test_workspace),
        INSPECTED(test_modfile),
        INSPECTED(test_modfile_flag),
        INSPECTED(test_sums),
        INSPECTED(test_use),
        INSPECTED(test_import),
        INSPECTED(test_file),
        INSPECTED(test_closed),
    };
    return cmocka_run_group_tests_name("inspections", tests, NULL, NULL);
}
