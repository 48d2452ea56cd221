/* Remedies with the real go and a file proxy made here. */
#include "test/unit/remedy_world.h"

static int build_with_copy(void)
{
    return GO_IN(AT("my app"), "build", "-o", "/dev/null", text_of("-modfile=%s", made("go.mod")), ".");
}

/* --- module files --- */

static void test_download(void **state)
{
    (void)state;
    drop_lines(AT("my app/go.sum"), "example.com/Lib v1.2.0 h1");
    drop_lines(AT("my app/go.sum"), "example.com/dep");
    char *was = tree(AT("my app"));
    assert_status(remedy("download"), REMEDY_DONE);
    assert_noted("my app/go.sum, would change (Delve builds with a copy):");
    assert_noted("\n+example.com/Lib v1.2.0 h1:");
    assert_int_equal(build_with_copy(), 0);
    assert_status(remedy("download"), REMEDY_UNSUITED);
    assert_said(text_of("`go mod download all` changes nothing in %s/my app/go.mod and its go.sum\n", world));
    assert_same(tree(AT("my app")), was);
    free(was);
}

static void test_tidy(void **state)
{
    (void)state;
    make_dirs(AT("inst/1/mended-0/scratch"));
    put_text(AT("inst/1/mended-0/go.mod"), "module of.an/earlier/launch\n");
    put_text(AT("my app/go.mod"), "module example.com/app\n\ngo 1.18\n");
    assert_int_equal(unlink(AT("my app/go.sum")), 0);
    char *was = tree(AT("my app"));
    assert_status(remedy("tidy"), REMEDY_DONE);
    assert_noted("my app/go.mod, would change");
    assert_noted("\n+require example.com/Lib v1.2.0\n");
    assert_false(remedy_exists(AT("inst/1/mended-0")));
    assert_int_equal(build_with_copy(), 0);
    assert_same(tree(AT("my app")), was);
    free(was);
}

static void test_words_of_go(void **state)
{
    (void)state;
    put_text(AT("my app/go.mod"), "module example.com/app\n\ngo 1.18\n\n<<<<<<< HEAD\n");
    assert_status(remedy("tidy"), REMEDY_FAILED);
    assert_said("go.mod:5: ");
}

static void test_no_module(void **state)
{
    (void)state;
    const char *cwd = how.cwd;
    how.cwd = world;
    int status = remedy("tidy");
    how.cwd = cwd;
    assert_status(status, REMEDY_UNSUITED);
    assert_said(text_of("there is no go.mod for %s on the Go machine\n", world));
}

/* What the package needs is in the cache, but for a part of the graph that nothing can be fetched of. */
static void make_part(void)
{
    publish(AT("px"), "example.com/tested", "v1.0.0", "module example.com/tested\n\ngo 1.18\n", "tested.go",
            "package tested\n");
    add_text(AT("my app/go.mod"), "\nrequire example.com/tested v1.0.0\n");
    put_text(AT("my app/main_test.go"), "package main\n\nimport _ \"example.com/tested\"\n");
    assert_int_equal(GO_IN(AT("my app"), "mod", "download", "all"), 0);
    assert_int_equal(directory_remove(AT("mod/example.com/tested@v1.0.0")), 0);
    assert_int_equal(unlink(AT("mod/cache/download/example.com/tested/@v/v1.0.0.zip")), 0);
    assert_int_equal(unlink(AT("mod/cache/download/example.com/tested/@v/v1.0.0.ziphash")), 0);
    assert_int_equal(unlink(AT("my app/go.sum")), 0);
}

static void test_part(void **state)
{
    (void)state;
    make_part();
    char *was = tree(AT("my app"));
    how.env[0] = "GOPROXY=off";
    assert_status(remedy("download"), REMEDY_DONE);
    assert_int_equal(go_in(AT("my app"), ARGS("GOPROXY=off"),
                           ARGS("build", "-o", "/dev/null", text_of("-modfile=%s", made("go.mod")), ".")),
                     0);
    assert_same(tree(AT("my app")), was);
    free(was);
}

/* Sums alone do not do: go.mod is not for a download to write. */
static void test_part_leaves_go_mod(void **state)
{
    (void)state;
    make_part();
    how.env[0] = "GOPROXY=off";
    drop_lines(AT("my app/go.mod"), "require example.com/Lib");
    assert_status(remedy("download"), REMEDY_FAILED);
    assert_true(remedy_same(AT("my app/go.mod"), made("go.mod")));
    assert_false(remedy_exists(made("go.sum")));
    assert_status(remedy("tidy"), REMEDY_FAILED);
}

/* What go adds to go.mod while it loads the package is taken back from a download, and welcome in a tidy. */
static void test_part_adds_to_go_mod(void **state)
{
    (void)state;
    make_part();
    how.env[0] = "GOPROXY=off";
    drop_lines(AT("my app/go.mod"), "example.com/dep v1.0.0");
    assert_status(remedy("download"), REMEDY_FAILED);
    assert_true(remedy_same(AT("my app/go.mod"), made("go.mod")));
    assert_false(remedy_exists(made("go.sum")));
    char *was = content(AT("my app"));
    how.mode = "edit";
    assert_status(remedy("download"), REMEDY_FAILED);
    assert_same(content(AT("my app")), was);
    how.mode = "shadow";
    assert_status(remedy("tidy"), REMEDY_DONE);
    assert_noted("my app/go.mod, would change");
    assert_noted("+require example.com/dep v1.0.0");
    assert_same(content(AT("my app")), was);
    free(was);
}

static void test_edit_part_is_put_back(void **state)
{
    (void)state;
    make_part();
    how.env[0] = "GOPROXY=off";
    how.mode = "edit";
    drop_lines(AT("my app/go.mod"), "require example.com/Lib");
    char *was = content(AT("my app"));
    assert_status(remedy("download"), REMEDY_FAILED);
    assert_same(content(AT("my app")), was);
    free(was);
}

static void test_edit(void **state)
{
    (void)state;
    put_text(AT("my app/go.mod"), "module example.com/app\n\ngo 1.18\n");
    how.mode = "edit";
    assert_status(remedy("tidy"), REMEDY_DONE);
    assert_noted("my app/go.mod, changed:\n");
    assert_int_equal(GO_IN(AT("my app"), "build", "-o", "/dev/null", "."), 0);
    assert_status(remedy("tidy"), REMEDY_UNSUITED);
    assert_said("`go mod tidy` changes nothing in ");
}

/* A file of the user's own choice. */
static void test_modfile_of_goflags(void **state)
{
    (void)state;
    assert_int_equal(rename(AT("my app/go.mod"), AT("my app/other.mod")), 0);
    assert_int_equal(rename(AT("my app/go.sum"), AT("my app/other.sum")), 0);
    put_text(AT("my app/go.mod"), "module example.com/app\n\ngo 1.18\n");
    drop_lines(AT("my app/other.sum"), "example.com/dep");
    char *was = tree(AT("my app"));
    how.env[0] = "GOFLAGS=-v -modfile=other.mod";
    assert_status(remedy("download"), REMEDY_DONE);
    assert_noted("my app/other.sum, would change");
    assert_int_equal(build_with_copy(), 0);
    assert_same(tree(AT("my app")), was);
    free(was);
}

static void test_vendor(void **state)
{
    (void)state;
    assert_int_equal(GO_IN(AT("my app"), "mod", "vendor"), 0);
    drop_lines(AT("my app/go.mod"), "example.com/dep");
    add_text(AT("my app/go.mod"), "require example.com/dep v1.1.0 // indirect\n");
    char *was = tree(AT("my app"));
    assert_status(remedy("download"), REMEDY_UNSUITED);
    assert_said(text_of("go does not accept a copy of go.mod while it builds from %s/my app/vendor\n", world));
    assert_status(remedy("mod-mod"), REMEDY_DONE);
    assert_noted("go.sum, would change");
    assert_int_equal(
        GO_IN(AT("my app"), "build", "-o", "/dev/null", "-mod=mod", text_of("-modfile=%s", made("go.mod")), "."), 0);
    assert_same(tree(AT("my app")), was);
    free(was);
}

static void test_vendor_not_in_use(void **state)
{
    (void)state;
    assert_status(remedy("mod-mod"), REMEDY_UNSUITED);
    assert_said(text_of("there is no vendor directory in use beside %s/my app/go.mod\n", world));
    assert_int_equal(GO_IN(AT("my app"), "mod", "vendor"), 0);
    how.env[0] = "GOFLAGS=-mod=mod";
    assert_status(remedy("mod-mod"), REMEDY_UNSUITED);
    how.env[0] = NULL;
    drop_lines(AT("my app/go.mod"), "go 1.18");
    add_text(AT("my app/go.mod"), "go 1.13\n");
    assert_status(remedy("mod-mod"), REMEDY_UNSUITED);
}

/* --- workspaces --- */

static void make_workspace(void)
{
    put_text(AT("other lib & more/go.mod"), "module example.com/other\n\ngo 1.18\n");
    put_text(AT("other lib & more/other.go"), "package other\n");
    put_text(AT("go.work"), "go 1.18\n\nuse \"./my app\"\n\nuse \"./x/../other lib & more\"\n\n"
                            "replace example.com/gone v1.0.0 => ./gone\n");
    assert_int_equal(unlink(AT("my app/go.sum")), 0);
}

static void test_work(void **state)
{
    (void)state;
    make_workspace();
    char *was = tree(AT("my app")), *work = read_file(AT("go.work"));
    assert_status(remedy("download"), REMEDY_UNSUITED);
    assert_said(text_of("go does not accept a copy of go.mod in a workspace (%s/go.work)\n", world));
    assert_status(remedy("tidy"), REMEDY_UNSUITED);
    assert_status(remedy("mod-mod"), REMEDY_UNSUITED);
    assert_status(remedy("work"), REMEDY_DONE);
    assert_noted("/go.work.sum, would change");
    assert_true(file_has(made("go.work"), text_of("%s/my app", world)));
    assert_true(file_has(made("go.work"), text_of("\"%s/other lib & more\"", world)));
    assert_true(file_has(made("go.work"), text_of("example.com/gone v1.0.0 => %s/gone", world)));
    const char *copy = text_of("GOWORK=%s", made("go.work"));
    assert_int_equal(go_in(AT("my app"), ARGS(copy), ARGS("build", "-mod=readonly", "-o", "/dev/null", ".")), 0);
    how.env[0] = copy;
    assert_status(remedy("work"), REMEDY_UNSUITED);
    assert_said("`go mod download all` adds nothing to ");
    assert_same(tree(AT("my app")), was);
    assert_same(read_file(AT("go.work")), work);
    assert_false(remedy_exists(AT("go.work.sum")));
    free(was);
    free(work);
}

static void test_work_edit(void **state)
{
    (void)state;
    make_workspace();
    how.mode = "edit";
    assert_status(remedy("work"), REMEDY_DONE);
    assert_noted("/go.work.sum, changed:\n+");
    assert_int_equal(GO_IN(AT("my app"), "build", "-mod=readonly", "-o", "/dev/null", "."), 0);
    assert_true(file_has(made("go.work"), text_of("%s/my app", world)));
}

/* Go would take a part of such a path for a version. */
static void test_work_not_understood(void **state)
{
    (void)state;
    make_workspace();
    add_text(AT("go.work"), "\nreplace example.com/odd => ./odd@2\n");
    assert_status(remedy("work"), REMEDY_UNSUITED);
    assert_said(text_of("%s/go.work cannot be copied: a path in it cannot be parsed\n", world));
}

static void test_work_off(void **state)
{
    (void)state;
    make_workspace();
    assert_status(remedy("work-off"), REMEDY_FAILED);
    assert_int_equal(go_in(AT("my app"), ARGS("GOWORK=off"), ARGS("mod", "download", "all")), 0);
    assert_status(remedy("work-off"), REMEDY_DONE);
    assert_int_equal(unlink(AT("go.work")), 0);
    assert_status(remedy("work"), REMEDY_UNSUITED);
    assert_said("there is no workspace (go.work) in use\n");
    assert_status(remedy("work-off"), REMEDY_UNSUITED);
}

static void test_work_off_without_module(void **state)
{
    (void)state;
    make_workspace();
    const char *cwd = how.cwd;
    how.cwd = world;
    int status = remedy("work-off");
    how.cwd = cwd;
    assert_status(status, REMEDY_UNSUITED);
    assert_said(text_of("there is no go.mod for %s: it cannot be built without %s/go.work\n", world, world));
}

/* --- the frame --- */

static void test_frame(void **state)
{
    (void)state;
    assert_status(remedy("frob"), REMEDY_UNSUITED);
    assert_said("there is no remedy 'frob'\n");
    how.env[0] = "PATH=/nowhere";
    how.env[1] = NULL;
    put_text(AT("inst/1/keep"), "x");
    assert_status(remedy("gocache"), REMEDY_DONE);
    assert_true(remedy_exists(AT("inst/1/keep")));
}

/* A directory that is not the session's own is not for remedies. */
static void test_frame_directory(void **state)
{
    (void)state;
    make_dirs(AT("elsewhere/mended-1"));
    assert_int_equal(symlink(AT("elsewhere"), AT("link")), 0);
    static const char *const dirs[] = {"elsewhere/mended-2", "inst/1/1", "inst/1", "link/mended-2"};
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            const char *argv[] = {"gocache", AT("%s", dirs[i]), "shadow", "", "", ".", NULL};
            int text = open(AT("text"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
            _exit(dup2(text, STDOUT_FILENO) < 0 ? 126
                                                : remedy_main(6, (char *const *)(uintptr_t)argv, AT("inst/1"), 2));
        }
        assert_int_equal(wait_for(pid), REMEDY_FAILED);
    }
    assert_true(remedy_exists(AT("elsewhere/mended-1")));
}

/* Go gets /dev/null as stdin and nothing from 3 up. */
static void test_descriptors(void **state)
{
    (void)state;
    put_text(AT("bin/go"),
             "#!/bin/sh\nexec >&2\nls -l /proc/self/fd | sed -n 's/.* \\([0-9]*\\) -> /\\1 /p'\nexit 1\n");
    assert_int_equal(chmod(AT("bin/go"), 0755), 0);
    how.env[0] = text_of("PATH=%s/bin:%s", world, getenv("PATH"));
    int held = open("/dev/zero", O_RDONLY);
    assert_status(remedy("tidy"), REMEDY_FAILED);
    assert_int_equal(close(held), 0);
    assert_said("0 /dev/null\n");
    assert_null(strstr(said.data, "/dev/zero"));
    assert_null(strstr(said.data, "/notes"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(test_download),
        IN_WORLD(test_tidy),
        IN_WORLD(test_words_of_go),
        IN_WORLD(test_no_module),
        IN_WORLD(test_part),
        IN_WORLD(test_part_leaves_go_mod),
        IN_WORLD(test_part_adds_to_go_mod),
        IN_WORLD(test_edit_part_is_put_back),
        IN_WORLD(test_edit),
        IN_WORLD(test_modfile_of_goflags),
        IN_WORLD(test_vendor),
        IN_WORLD(test_vendor_not_in_use),
        IN_WORLD(test_work),
        IN_WORLD(test_work_edit),
        IN_WORLD(test_work_not_understood),
        IN_WORLD(test_work_off),
        IN_WORLD(test_work_off_without_module),
        IN_WORLD(test_frame),
        IN_WORLD(test_frame_directory),
        IN_WORLD(test_descriptors),
    };
    return cmocka_run_group_tests_name("remedies", tests, NULL, NULL);
}
