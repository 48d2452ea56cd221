/* What remedies may never do: change what go.mod names, and ask others for the program's own packages. */
#include "test/unit/remedy_world.h"

/* --- what is compared --- */

static void assert_losses(const char *was, const char *now, size_t changed, size_t dropped, const char *expected)
{
    struct buf a, b, text;
    buf_init(&a, WORLD_MAX);
    buf_init(&b, WORLD_MAX);
    buf_init(&text, WORLD_MAX);
    buf_puts(&text, "");
    assert_false(text.failed);
    put_text(AT("was.mod"), was);
    put_text(AT("now.mod"), now);
    assert_int_equal(remedy_named(AT("was.mod"), STDERR_FILENO, &a), 0);
    assert_int_equal(remedy_named(AT("now.mod"), STDERR_FILENO, &b), 0);
    struct remedy_loss loss = remedy_compare(&a, &b, &text);
    assert_string_equal(text.data, expected);
    assert_int_equal(loss.changed, changed);
    assert_int_equal(loss.dropped, dropped);
    buf_free(&a);
    buf_free(&b);
    buf_free(&text);
}

#define HEAD "module example.com/app\n\ngo 1.18\n\n"

static void test_compare(void **state)
{
    (void)state;
    static const char all[] =
        HEAD "require a.b/c v1.0.0\nexclude a.b/d v1.0.0\nreplace a.b/e => ../e\nretract v1.0.1 // bad\n";
    assert_losses(all, all, 0, 0, "");
    assert_losses(HEAD "require a.b/c v1.0.0\n", HEAD "require (\n\ta.b/c v1.0.0 // indirect\n\ta.b/x v0.1.0\n)\n", 0,
                  0, "");
    assert_losses(HEAD "require a.b/c v1.0.0\n", HEAD "require a.b/c v1.1.0\n", 1, 0,
                  "change a.b/c from v1.0.0 to v1.1.0");
    assert_losses(HEAD "require a.b/c v1.0.0\n", HEAD, 0, 1, "drop a.b/c v1.0.0");
    assert_losses(all, HEAD "require a.b/c v1.0.0\n", 0, 3,
                  "drop exclude a.b/d v1.0.0, drop replace a.b/e ../e, drop retract v1.0.1 v1.0.1");
    assert_losses(HEAD "replace a.b/e => ../e\n", HEAD "replace a.b/e => a.b/f v1.0.0\n", 1, 0,
                  "change replace a.b/e from ../e to a.b/f v1.0.0");
    assert_losses(HEAD, HEAD "replace a.b/e v1.2.3 => ../e\n", 1, 0, "add replace a.b/e v1.2.3 ../e");
    assert_losses(HEAD, "module example.com/app\n\ngo 1.17\n", 1, 0, "change go from 1.18 to 1.17");
    assert_losses("module example.com/app\n", HEAD, 1, 0, "add go 1.18");
    assert_losses("module example.com/app\n", "module example.com/app\n\ngo 1.16\n", 0, 0, "");
    assert_losses(HEAD, "module example.com/other\n\ngo 1.18\n", 1, 0,
                  "change module from example.com/app to example.com/other");
    assert_losses(HEAD "require (\na.b/c1 v1.0.0\na.b/c2 v1.0.0\na.b/c3 v1.0.0\na.b/c4 v1.0.0\na.b/c5 v1.0.0\na.b/c6 "
                       "v1.0.0\na.b/c7 v1.0.0\n)\n",
                  HEAD, 0, 7,
                  "drop a.b/c1 v1.0.0, drop a.b/c2 v1.0.0, drop a.b/c3 v1.0.0, drop a.b/c4 v1.0.0, drop a.b/c5 v1.0.0, "
                  "drop a.b/c6 v1.0.0 and 1 more");
}

/* The author's words may be as long as he likes. */
static void test_long_words(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, WORLD_MAX);
    buf_puts(&text, HEAD "retract v1.0.1 // \"\\ ");
    assert_false(text.failed);
    for (int i = 0; i < 2 * SUPERVISOR_PATH_MAX; i++) {
        buf_puts(&text, i % 2 ? "\xff" : "x");
        assert_false(text.failed);
    }
    buf_puts(&text, "\n");
    assert_false(text.failed);
    assert_losses(text.data, HEAD, 0, 1, "drop retract v1.0.1 v1.0.1");
    buf_free(&text);
}

/* --- what is refused --- */

static void imports(const char *path)
{
    put_text(AT("my app/more.go"), text_of("package main\n\nimport _ \"%s\"\n", path));
}
/* A module that needs a later dep than go.mod names. */
static void publish_later(void)
{
    publish(AT("px"), "example.com/later", "v1.0.0",
            "module example.com/later\n\ngo 1.18\n\nrequire example.com/dep v1.1.0\n", "later.go",
            "package later\n\nimport _ \"example.com/dep\"\n");
    imports("example.com/later");
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const modes[] = {"shadow", "edit"};
    publish_later();
    char *was = tree(AT("my app"));
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        how.mode = modes[i];
        assert_status(remedy("tidy"), REMEDY_REFUSED);
        assert_said(
            text_of("`go mod tidy` would change example.com/dep from v1.0.0 to v1.1.0 in %s/my app/go.mod;", world));
        assert_said(text_of("Run `go mod tidy` in %s/my app on the Go machine if that is what you want.\n", world));
        assert_string_equal(noted.data, "");
        assert_same(tree(AT("my app")), was);
    }
    free(was);
}

/* A copy that an earlier remedy has completed is as that one has left it. */
/* What is missing in the cache is not asked for in another version. */
static void test_damaged_cache(void **state)
{
    (void)state;
    damage();
    assert_status(remedy_of("tidy", "example.com/Lib", ""), REMEDY_UNSUITED);
    assert_said(
        text_of("example.com/Lib@v1.2.0 in the module cache is damaged: %s/my app/go.mod is not to blame\n", world));
    add_text(AT("my app/go.mod"), "\nreplace example.com/Lib => ../lib\n");
    put_text(AT("lib/go.mod"), "module example.com/Lib\n");
    put_text(AT("lib/lib.go"), "package lib\n\nconst W = 1\n");
    (void)remedy_of("tidy", "example.com/Lib", "");
    assert_null(strstr(said.data, "damaged"));
}

static void test_refused_after_another(void **state)
{
    (void)state;
    drop_lines(AT("my app/go.sum"), "example.com/Lib v1.2.0 h1");
    assert_status(remedy("download"), REMEDY_DONE);
    char *mod = read_file(made("go.mod")), *sum = read_file(made("go.sum"));
    publish_later();
    assert_status(remedy("tidy"), REMEDY_REFUSED);
    assert_same(read_file(made("go.mod")), mod);
    assert_same(read_file(made("go.sum")), sum);
    free(mod);
    free(sum);
}

static void test_vendored_refused(void **state)
{
    (void)state;
    assert_int_equal(GO_IN(AT("my app"), "mod", "vendor"), 0);
    publish_later();
    char *was = tree(AT("my app"));
    assert_status(remedy("mod-mod"), REMEDY_REFUSED);
    how.mode = "edit";
    assert_status(remedy("mod-mod"), REMEDY_REFUSED);
    assert_same(tree(AT("my app")), was);
    free(was);
}

/* What a tidy has no use for stays. */
static void test_kept(void **state)
{
    (void)state;
    add_text(AT("my app/go.mod"), "\nrequire example.com/spare v1.0.0\n\nexclude example.com/dep v1.0.9\n");
    publish(AT("px"), "example.com/spare", "v1.0.0", "module example.com/spare\n\ngo 1.18\n", "spare.go",
            "package spare\n");
    publish(AT("px"), "example.com/new", "v1.0.0", "module example.com/new\n\ngo 1.18\n", "new.go", "package new\n");
    assert_int_equal(GO_IN(AT("my app"), "mod", "download", "all"), 0);
    imports("example.com/new");
    how.mode = "edit";
    assert_status(remedy("tidy"), REMEDY_DONE);
    assert_said("`go mod tidy` would drop example.com/spare v1.0.0 in ");
    assert_true(file_has(AT("my app/go.mod"), "example.com/spare v1.0.0"));
    assert_true(file_has(AT("my app/go.mod"), "exclude example.com/dep v1.0.9"));
    assert_true(file_has(AT("my app/go.mod"), "example.com/new v1.0.0"));
    assert_int_equal(GO_IN(AT("my app"), "build", "-o", "/dev/null", "."), 0);
}

static void test_edit_makes_go_sum(void **state)
{
    (void)state;
    mode_t was = umask(027);
    assert_int_equal(unlink(AT("my app/go.sum")), 0);
    how.mode = "edit";
    assert_status(remedy("download"), REMEDY_DONE);
    struct stat st;
    assert_int_equal(stat(AT("my app/go.sum"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    (void)umask(was);
}

/* Without the line go the language is that of 1.16, whatever go would write. */
static void test_language(void **state)
{
    (void)state;
    drop_lines(AT("my app/go.mod"), "go 1.18");
    drop_lines(AT("my app/go.mod"), "example.com/Lib");
    assert_status(remedy("tidy"), REMEDY_DONE);
    assert_true(file_has(made("go.mod"), "go 1.16\n"));
    assert_status(remedy("tidy"), REMEDY_UNSUITED);
}

/* What builds with the tags of launch.json needs what they ask for. */
static void test_tags(void **state)
{
    (void)state;
    publish(AT("px"), "example.com/new", "v1.0.0", "module example.com/new\n\ngo 1.18\n", "new.go", "package new\n");
    put_text(AT("my app/more.go"), "//go:build extra\n\npackage main\n\nimport _ \"example.com/new\"\n");
    assert_int_equal(GO_IN(AT("my app"), "mod", "vendor", "-e"), 0);
    how.flags[0] = "-mod=vendor";
    assert_status(remedy("mod-mod"), REMEDY_DONE);
    assert_false(file_has(made("go.mod"), "example.com/new"));
    how.flags[1] = "-tags";
    how.flags[2] = "extra";
    assert_status(remedy("mod-mod"), REMEDY_DONE);
    assert_true(file_has(made("go.mod"), "example.com/new"));
}

/* --- packages of the program's own --- */

static void assert_own(const char *name, const char *package)
{
    assert_status(remedy(name), REMEDY_UNSUITED);
    assert_said(
        text_of("%s is missing in the program's own module example.com/app; no module proxy is asked", package));
}

static void test_own(void **state)
{
    (void)state;
    imports("example.com/app/gone");
    assert_own("tidy", "example.com/app/gone");
    assert_int_equal(GO_IN(AT("my app"), "mod", "vendor", "-e"), 0);
    assert_own("mod-mod", "example.com/app/gone");
    how.flags[0] = "-mod=mod";
    assert_own("copies", "example.com/app/gone");
    assert_int_equal(unlink(AT("my app/more.go")), 0);
    assert_status(remedy_of("tidy", "example.com/app/named", ""), REMEDY_UNSUITED);
    assert_said("example.com/app/named is missing in the program's own module");
}

/* In a file that this build leaves out, in a test, behind a package of its own. */
static void test_own_elsewhere(void **state)
{
    (void)state;
    static const char *const files[] = {"my app/x_plan9.go", "my app/x_test.go", "my app/in/in.go"};
    put_text(AT("my app/in/in.go"), "package in\n");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        put_text(AT("%s", files[i]), i == 2
                                         ? "package in\n\nimport (\n\tg \"example.com/app/gone\" // made by a tool\n)\n"
                                         : "package main\n\nimport _ \"example.com/app/gone\"\n");
        drop_lines(AT("my app/go.mod"), "example.com/Lib");
        assert_status(remedy("tidy"), REMEDY_DONE);
        assert_said("example.com/app/gone is missing in the program's own module");
        assert_true(file_has(made("go.mod"), "example.com/Lib v1.2.0"));
        assert_int_equal(unlink(AT("%s", files[i])), 0);
        how.launch++;
    }
}

/* What is no import is none, and what is there is not missing. */
static void test_own_not(void **state)
{
    (void)state;
    put_text(AT("my app/in/in.go"),
             "package in\n\nconst S = \"example.com/app/text\"\n\nvar _ = f(\"example.com/app/argument\")\n\n"
             "func f(string) int { return 0 }\n");
    put_text(AT("my app/testdata/x.go"), "package x\n\nimport _ \"example.com/app/gone\"\n");
    put_text(AT("my app/_old/x.go"), "package x\n\nimport _ \"example.com/app/gone\"\n");
    put_text(AT("my app/nested/go.mod"), "module example.com/app/nested\n");
    put_text(AT("my app/nested/x.go"), "package x\n\nimport _ \"example.com/app/gone\"\n");
    imports("example.com/app/in");
    drop_lines(AT("my app/go.mod"), "example.com/Lib");
    assert_status(remedy("tidy"), REMEDY_DONE);
    assert_null(strstr(said.data, "own module"));
}

/* A module below the program's own path that go.mod names is asked for as always. */
static void test_own_but_required(void **state)
{
    (void)state;
    publish(AT("px"), "example.com/app/api", "v1.0.0", "module example.com/app/api\n\ngo 1.18\n", "api.go",
            "package api\n");
    imports("example.com/app/api");
    add_text(AT("my app/go.mod"), "\nrequire example.com/app/api v1.0.0\n");
    drop_lines(AT("my app/go.mod"), "example.com/Lib");
    assert_status(remedy_of("tidy", "example.com/app/api", ""), REMEDY_DONE);
}

/* Of every module of a workspace. */
static void test_own_of_workspace(void **state)
{
    (void)state;
    put_text(AT("other/go.mod"), "module example.com/other\n\ngo 1.18\n");
    put_text(AT("other/other.go"), "package other\n");
    put_text(AT("go.work"), "go 1.18\n\nuse (\n\t\"./my app\"\n\t./other\n)\n");
    imports("example.com/other");
    how.mode = "edit";
    assert_status(remedy("tidy"), REMEDY_UNSUITED);
    assert_said("example.com/other belongs to example.com/other in the workspace, which ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(test_compare),
        IN_WORLD(test_long_words),
        IN_WORLD(test_refused),
        IN_WORLD(test_refused_after_another),
        IN_WORLD(test_vendored_refused),
        IN_WORLD(test_damaged_cache),
        IN_WORLD(test_kept),
        IN_WORLD(test_edit_makes_go_sum),
        IN_WORLD(test_language),
        IN_WORLD(test_tags),
        IN_WORLD(test_own),
        IN_WORLD(test_own_elsewhere),
        IN_WORLD(test_own_not),
        IN_WORLD(test_own_but_required),
        IN_WORLD(test_own_of_workspace),
    };
    return cmocka_run_group_tests_name("remedies and what go.mod names", tests, NULL, NULL);
}
