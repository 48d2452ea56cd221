/* Remedies that change no file: another workspace, flag, Go or place for the module files. */
#include "test/unit/remedy_world.h"

/* Which Go this is: 19, 24, ... */
static long minor(void)
{
    static long found;
    if (!found) {
        FILE *p = popen("go version", "r");
        char line[256] = "";
        assert_non_null(p);
        assert_non_null(fgets(line, sizeof line, p));
        assert_int_equal(pclose(p), 0);
        found = strtol(strstr(line, "go1.") + strlen("go1."), NULL, 10);
    }
    return found;
}

static void add_module(const char *name, const char *require)
{
    put_text(AT("%s/go.mod", name), text_of("module example.com/%s\n\ngo 1.18\n%s", name, require));
    put_text(AT("%s/%s.go", name, name), text_of("package %s\n", name));
}
static void put_work(const char *text)
{
    put_text(AT("go.work"), text);
}
#define WORK "go 1.18\n\nuse \"./my app\"\n"

/* --- without the workspace --- */

static void test_work_off_whatever_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *name, *work, *other, *flag;
        bool always; /* whatever the version of Go */
    } faults[] = {
        {"a byte order mark", "\xef\xbb\xbf" WORK, NULL, NULL, true},
        {"a line go does not know", WORK "nonsense x\n", NULL, NULL, true},
        {"a module twice", WORK "use \"./my app\"\n", NULL, NULL, true},
        {"a newer Go", "go 1.99\n\nuse \"./my app\"\n", NULL, NULL, false},
        {"a used module that is broken", WORK "use ./other\n", "nonsense\n", NULL, true},
        {"a used module that is gone", WORK "use ./gone\n", NULL, NULL, true},
        {"a workspace module that is replaced", WORK "use ./other\n\nreplace example.com/other => ./my\n",
         "module example.com/other\n", NULL, true},
        {"no module", "go 1.18\n", NULL, NULL, true},
        {"another module alone", "go 1.18\n\nuse ./other\n", "module example.com/other\n", NULL, true},
        {"-mod=mod", WORK, NULL, "-mod=mod", true},
        {"-modfile", WORK, NULL, "-modfile=go.mod", false},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        put_work(faults[i].work);
        put_text(AT("other/go.mod"), faults[i].other ? faults[i].other : "module example.com/other\n");
        how.flags[0] = faults[i].flag;
        char *was = tree(AT("my app"));
        if (faults[i].always || minor() > 21)
            assert_int_not_equal(
                GO_IN(AT("my app"), "build", "-o", "/dev/null", faults[i].flag ? faults[i].flag : "-v", "."), 0);
        print_message("%s\n", faults[i].name);
        assert_status(remedy("work-off"), REMEDY_DONE);
        assert_same(tree(AT("my app")), was);
        free(was);
        how.launch++;
    }
}

/* --- a completed workspace --- */

static int build_with(const char *variable)
{
    return go_in(AT("my app"), ARGS(variable), ARGS("build", "-o", "/dev/null", "."));
}

static void test_completed(void **state)
{
    (void)state;
    add_module("other", "");
    put_work("go 1.18\n\nuse ./other\n");
    put_text(AT("my app/more.go"), "package main\n\nimport _ \"example.com/other\"\n");
    char *was = tree(world);
    assert_status(remedy("work-off"), REMEDY_FAILED);
    assert_status(remedy("work"), REMEDY_DONE);
    assert_noted(text_of("%s/go.work, would change (Delve builds with a copy):\n+use %s/my app\n", world, world));
    assert_int_equal(build_with(text_of("GOWORK=%s", made("go.work"))), 0);
    assert_false(file_has(AT("go.work"), "my app"));
    free(was);
}

/* Another module of the workspace needs a later version than go.mod names. */
static void test_completed_with_another_version(void **state)
{
    (void)state;
    add_module("other", "\nrequire example.com/dep v1.1.0\n");
    put_work("go 1.18\n\nuse ./other\n");
    assert_int_equal(go_in(AT("other"), ARGS("GOWORK=off"), ARGS("mod", "download", "all")), 0);
    assert_status(remedy("work"), REMEDY_UNSUITED);
    assert_said("the program would have example.com/dep v1.1.0 instead of example.com/dep v1.0.0\n");
    assert_status(remedy("work-off"), REMEDY_DONE);
}

/* --- flags --- */

static void test_mod_readonly(void **state)
{
    (void)state;
    assert_status(remedy("mod-readonly"), REMEDY_UNSUITED);
    put_work(WORK);
    how.flags[0] = "-mod=mod";
    assert_status(remedy("mod-readonly"), REMEDY_DONE);
    assert_true(file_has(made("go.work"), text_of("%s/my app", world)));
    put_work(WORK "nonsense\n");
    how.launch++;
    assert_status(remedy("mod-readonly"), REMEDY_UNSUITED);
}

static void test_stale_workspace_vendor(void **state)
{
    (void)state;
    if (minor() < 22)
        skip();
    add_module("other", "");
    put_work("go 1.22\n\nuse (\n\t\"./my app\"\n\t./other\n)\n");
    assert_int_equal(GO_IN(world, "work", "vendor"), 0);
    add_module("other", "\nrequire example.com/dep v1.1.0\n");
    assert_int_not_equal(GO_IN(AT("my app"), "build", "-o", "/dev/null", "."), 0);
    assert_status(remedy("mod-readonly"), REMEDY_DONE);
    assert_false(remedy_exists(AT("go.work.sum")));
    assert_status(remedy("mod-mod"), REMEDY_UNSUITED);
}

/* What is tried is what Delve builds. */
static void test_flags(void **state)
{
    (void)state;
    put_work(WORK "nonsense\n");
    put_text(AT("my app/more.go"), "//go:build extra\n\npackage main\n\nimport _ \"example.com/nowhere\"\n");
    assert_status(remedy("work-off"), REMEDY_DONE);
    how.flags[0] = "-tags=extra";
    assert_status(remedy("work-off"), REMEDY_FAILED);
    how.flags[0] = "test";
    put_text(AT("my app/x_test.go"), "package main\n\nimport \"testing\"\n\nfunc TestX(t *testing.T) {}\n");
    assert_status(remedy("work-off"), REMEDY_DONE);
    assert_false(remedy_exists(made("trial")));
    put_text(AT("my app/y_test.go"), "package main\n\nimport _ \"example.com/nowhere\"\n");
    assert_status(remedy("work-off"), REMEDY_FAILED);
    how.flags[0] = "-C";
    how.flags[1] = AT("my app");
    const char *cwd = how.cwd;
    how.cwd = world;
    int status = remedy("copies");
    how.cwd = cwd;
    assert_status(status, REMEDY_UNSUITED);
}

/* --- copies --- */

static void test_copies(void **state)
{
    (void)state;
    drop_lines(AT("my app/go.mod"), "example.com/dep");
    how.flags[0] = "-mod=mod";
    how.mode = "edit";
    char *was = tree(AT("my app"));
    assert_status(remedy("copies"), REMEDY_DONE);
    assert_noted("go.mod, would change (Delve builds with a copy):\n");
    assert_int_equal(
        GO_IN(AT("my app"), "build", "-o", "/dev/null", "-mod=mod", text_of("-modfile=%s", made("go.mod")), "."), 0);
    assert_same(tree(AT("my app")), was);
    free(was);
}

/* As a user who may not read or write the files. */
static int as_somebody(const char *name)
{
    enum { SOMEBODY = 65534 };
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (setgid(SOMEBODY) < 0 || setuid(SOMEBODY) < 0 || putenv(strdup(text_of("GOCACHE=%s", AT("gocache")))) != 0)
            _exit(126);
        become_remedy(name, "", "");
    }
    int status = wait_for(pid);
    buf_clear(&said);
    assert_int_equal(remedy_read(AT("text"), &said), 0);
    read_notes();
    return status;
}

static void test_copies_of_what_is_not_ours(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(
        system(text_of("chmod 0777 '%s' '%s' && chmod -R a+rwX '%s' '%s'", world, AT("inst"), AT("inst"), AT("mod"))),
        0);
    drop_lines(AT("my app/go.sum"), "example.com/dep");
    char *was = tree(AT("my app"));
    assert_status(as_somebody("copies"), REMEDY_DONE);
    assert_noted("go.sum, would change (Delve builds with a copy):\n");
    assert_same(tree(AT("my app")), was);
    how.launch++;
    assert_int_equal(chmod(AT("my app/go.sum"), 0600), 0);
    assert_status(as_somebody("copies"), REMEDY_UNSUITED);
    assert_said(text_of("%s/my app/go.sum cannot be read by user 65534 on the Go machine (Permission denied): it "
                        "belongs to root, with mode 0600\n",
                        world));
    free(was);
}

/* --- another Go --- */

static void test_toolchain(void **state)
{
    (void)state;
    if (minor() < 21)
        skip();
    how.env[0] = "GOTOOLCHAIN=auto";
    how.env[1] = "GOPROXY=off";
    add_text(AT("my app/go.mod"), "\ntoolchain go1.99.0\n");
    assert_int_not_equal(
        go_in(AT("my app"), ARGS("GOTOOLCHAIN=auto", "GOPROXY=off"), ARGS("build", "-o", "/dev/null", ".")), 0);
    assert_status(remedy("toolchain"), REMEDY_DONE);
    assert_string_equal(noted.data, "");
}

static void test_toolchain_that_is_needed(void **state)
{
    (void)state;
    if (minor() < 21)
        skip();
    how.env[0] = "GOTOOLCHAIN=auto";
    static char home[SUPERVISOR_PATH_MAX], cache[SUPERVISOR_PATH_MAX];
    (void)snprintf(home, sizeof home, "HOME=%s", world);
    (void)snprintf(cache, sizeof cache, "GOCACHE=%s/gocache", world);
    how.env[1] = home;
    how.env[2] = cache;
    drop_lines(AT("my app/go.mod"), "go 1.18");
    add_text(AT("my app/go.mod"), "\ngo 1.99\n");
    assert_status(remedy("toolchain"), REMEDY_UNSUITED);
    assert_noted("Go 1.99 or newer is needed, and was not found on the Go machine\n");
    static const char *const versions[] = {"1.98.7", "1.100.1", "1.99.3"};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        put_text(AT("sdk/go%s/bin/go", versions[i]), "");
        put_text(AT("sdk/go%s/VERSION", versions[i]), text_of("go%s\ntime x\n", versions[i]));
    }
    assert_status(remedy("toolchain"), REMEDY_UNSUITED);
    assert_noted(
        text_of("Go 1.99 or newer is needed, and go1.99.3 is in %s/sdk/go1.99.3 on the Go machine: set go.path of the "
                "target to %s/sdk/go1.99.3/bin/go\n",
                world, world));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(test_work_off_whatever_is_wrong),
        IN_WORLD(test_completed),
        IN_WORLD(test_completed_with_another_version),
        IN_WORLD(test_mod_readonly),
        IN_WORLD(test_stale_workspace_vendor),
        IN_WORLD(test_flags),
        IN_WORLD(test_copies),
        IN_WORLD(test_copies_of_what_is_not_ours),
        IN_WORLD(test_toolchain),
        IN_WORLD(test_toolchain_that_is_needed),
    };
    return cmocka_run_group_tests_name("remedies that change no file", tests, NULL, NULL);
}
