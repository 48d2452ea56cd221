/* Remedies for caches, with the real go and a file proxy made here. */
#include "test/unit/remedy_world.h"

#include <sys/resource.h>

/* The entry, with its times. */
static char *entry(void)
{
    struct buf out;
    buf_init(&out, WORLD_MAX);
    put_tree(&out, AT("mod/example.com"), "", true);
    put_tree(&out, AT("mod/cache/download/example.com/!lib"), "", true);
    return buf_take(&out);
}
/* Nothing of a remedy is left in the cache. */
static void assert_none_aside(void)
{
    DIR *d = opendir(AT("mod/cache"));
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        assert_null(strstr(e->d_name, "delvegate"));
    assert_int_equal(closedir(d), 0);
    assert_false(remedy_exists(AT("inst/1/aside")));
}

static void test_purge_keeps_what_it_cannot_fetch(void **state)
{
    (void)state;
    damage();
    char *was = entry();
    how.env[0] = "GOPROXY=off";
    assert_status(remedy_of("purge", "example.com/Lib", "v1.2.0"), REMEDY_RESTORED);
    how.env[0] = text_of("GOPROXY=file://%s/nowhere", world);
    assert_status(remedy_of("purge", "example.com/Lib", "v1.2.0"), REMEDY_RESTORED);
    assert_said(text_of("example.com/Lib@v1.2.0 could not be fetched; its entry in %s/mod is unchanged\n", world));
    assert_same(entry(), was);
    assert_none_aside();
    free(was);
}

/* What the proxy has is not what go.sum says. */
static void test_purge_refuses_another(void **state)
{
    (void)state;
    damage();
    char *was = entry();
    publish(AT("evil"), "example.com/Lib", "v1.2.0", "module example.com/Lib\n", "lib.go",
            "package lib\n\nconst W = 666\n");
    how.env[0] = text_of("GOPROXY=file://%s/evil", world);
    assert_status(remedy_of("purge", "example.com/Lib", "v1.2.0"), REMEDY_FAILED);
    assert_said("SECURITY ERROR");
    assert_same(entry(), was);
    assert_none_aside();
    free(was);
}

static void test_purge(void **state)
{
    (void)state;
    char *was = content(AT("mod"));
    damage();
    assert_status(remedy_of("purge", "example.com/Lib", "v1.2.0"), REMEDY_DONE);
    assert_same(content(AT("mod")), was);
    assert_none_aside();
    damage();
    assert_status(remedy_of("purge", "example.com/Lib", ""), REMEDY_DONE);
    assert_same(content(AT("mod")), was);
    damage();
    assert_status(remedy_of("purge", "example.com/Lib/a/package", ""), REMEDY_DONE);
    assert_same(content(AT("mod")), was);
    free(was);
}

static void test_purge_keeps_locks(void **state)
{
    struct stat was, now;
    (void)state;
    damage();
    const char *lock = AT("mod/cache/download/example.com/!lib/@v/v1.2.0.lock");
    assert_int_equal(stat(lock, &was), 0);
    assert_status(remedy_of("purge", "example.com/Lib", "v1.2.0"), REMEDY_DONE);
    assert_int_equal(stat(lock, &now), 0);
    assert_int_equal(now.st_ino, was.st_ino);
}

/* Sums of a copy that were taken from the damaged entry go. */
static void test_purge_renews_sums(void **state)
{
    (void)state;
    make_dirs(AT("inst/1/mended-1"));
    put_text(made("go.sum"), "example.com/Lib v1.2.0 h1:wrong=\nexample.com/Lib v1.2.0/go.mod h1:wrong=\n"
                             "example.com/Lib v1.2.01 h1:kept=\nexample.com/other v1.2.0 h1:kept=\n");
    damage();
    assert_status(remedy_of("purge", "example.com/Lib", "v1.2.0"), REMEDY_DONE);
    assert_false(file_has(made("go.sum"), "wrong"));
    assert_true(file_has(made("go.sum"), "example.com/Lib v1.2.01 h1:kept=\nexample.com/other v1.2.0 h1:kept=\n"));
    char *sums = read_file(AT("my app/go.sum"));
    for (char *line = sums, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        assert_int_equal(file_has(made("go.sum"), line), strstr(line, "example.com/Lib") != NULL);
    }
    free(sums);
}

static void test_purge_in_workspace(void **state)
{
    (void)state;
    char *was = content(AT("mod"));
    put_text(AT("go.work"), "go 1.18\n\nuse \"./my app\"\n");
    damage();
    assert_status(remedy_of("purge", "example.com/Lib", "v1.2.0"), REMEDY_DONE);
    assert_same(content(AT("mod")), was);
    free(was);
}

/* What can't be read might be what would refuse it. */
static void test_purge_needs_the_sums(void **state)
{
    (void)state;
    damage();
    char *was_entry = entry();
    assert_int_equal(unlink(AT("my app/go.sum")), 0);
    make_dirs(AT("my app/go.sum")); /* root reads everything else */
    assert_status(remedy_of("purge", "example.com/Lib", "v1.2.0"), REMEDY_FAILED);
    assert_said("my app/go.sum could not be read on the Go machine: ");
    assert_same(entry(), was_entry);
    free(was_entry);
}

static void test_purge_refuses_what_is_no_module(void **state)
{
    static const char *const refused[][2] = {
        {"../x", "v1.0.0"},
        {"-x", "v1.0.0"},
        {"/x", "v1.0.0"},
        {"x/", "v1.0.0"},
        {"x//y", "v1.0.0"},
        {"x/../y", "v1.0.0"},
        {"x/./y", "v1.0.0"},
        {"x@v1", "v1.0.0"},
        {"example.com/Lib", "../../v1"},
        {"example.com/Lib", "v1/../../v1"},
        {"example.com/Lib", "-v1.0.0"},
        {"example.com/Lib", "v1.0.0@v2"},
        {"example.com/Lib", "1.0.0"},
        {"example.com/Lib", "v1..0"},
        {"a;b", "v1.0.0"},
        {"a\nb", "v1.0.0"},
        {"", "v1.0.0"},
    };
    (void)state;
    char *was = tree(AT("mod"));
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        assert_false(remedy_is_version(refused[i][0], refused[i][1]));
        assert_status(remedy_of("purge", refused[i][0], refused[i][1]), REMEDY_UNSUITED);
        assert_said(text_of("'%s@%s' is not a module@version\n", refused[i][0], refused[i][1]));
    }
    assert_status(remedy_of("purge", "", ""), REMEDY_UNSUITED);
    assert_said("go did not say which module of the cache is damaged\n");
    assert_status(remedy_of("purge", "example.com/app", ""), REMEDY_UNSUITED);
    assert_same(tree(AT("mod")), was);
    free(was);
}

/* --- go's index of what was damaged --- */

static int build(void)
{
    return GO_IN(AT("my app"), "build", "-o", "/dev/null", ".");
}
/* The first build on a fresh build cache finds the damage, and go remembers it. */
static void remember_damage(void)
{
    assert_int_equal(setenv("GOCACHE", AT("go cache"), 1), 0);
    damage();
    assert_int_not_equal(build(), 0);
}
/* The entry as it was, without go: what go remembers is not of it. */
static void mend_tree(void)
{
    put_text(AT("proof/go.mod"), "module proof\n");
    const char *const env[] = {text_of("GOMODCACHE=%s/proof mod", world), NULL};
    assert_int_equal(go_in(AT("proof"), env, ARGS("mod", "download", "example.com/Lib@v1.2.0")), 0);
    assert_int_equal(chmod(AT("mod/example.com/!lib@v1.2.0"), 0755), 0);
    char *text = read_file(AT("proof mod/example.com/!lib@v1.2.0/lib.go"));
    put_text(AT("mod/example.com/!lib@v1.2.0/lib.go"), text);
    free(text);
}

static void test_purge_forgets_the_index(void **state)
{
    (void)state;
    remember_damage();
    assert_status(remedy_of("purge", "example.com/Lib", "v1.2.0"), REMEDY_DONE);
    assert_false(remedy_exists(made("gocache")));
    assert_int_equal(build(), 0);
}

/* Whatever else is broken in the user's module. */
static void test_purge_forgets_it_without_the_module(void **state)
{
    (void)state;
    put_text(AT("go.work"), "go 1.18\n\nuse \"./my app\"\n");
    remember_damage();
    assert_status(remedy_of("purge", "example.com/Lib", "v1.2.0"), REMEDY_DONE);
    assert_int_equal(build(), 0);
    assert_false(remedy_exists(AT("go.work.sum")));
}

/* Nothing can be fetched, and nothing has to be. */
static void test_purge_of_what_is_whole(void **state)
{
    (void)state;
    remember_damage();
    mend_tree();
    assert_int_not_equal(build(), 0);
    how.env[0] = "GOPROXY=off";
    assert_status(remedy_of("purge", "example.com/Lib", "v1.2.0"), REMEDY_DONE);
    assert_status(remedy_of("purge", "example.com/Lib", "v1.2.0"), REMEDY_RESTORED);
    assert_int_equal(build(), 0);
}

/* A build cache that this user can't write to. */
static void test_purge_with_a_closed_build_cache(void **state)
{
    (void)state;
    if (getuid() != 0)
        skip();
    remember_damage();
    give_away(world);
    assert_int_equal(chown(AT("go cache"), 0, 0), 0);
    for (int i = 0; i <= UINT8_MAX; i++)
        assert_int_equal(chown(AT("go cache/%02x", (unsigned)i), 0, 0), 0);
    char *was = content(AT("go cache"));
    how.as_nobody = true;
    assert_status(remedy_of("purge", "example.com/Lib", "v1.2.0"), REMEDY_DONE);
    assert_same(content(AT("go cache")), was);
    free(was);
    assert_noted("mended=gocache\n");
    assert_noted(text_of("is still in the build cache %s/go cache: ", world));
    assert_noted("Run `go clean -cache` on the Go machine");
    assert_int_not_equal(build(), 0);
    assert_int_equal(setenv("GOCACHE", made("gocache"), 1), 0);
    assert_int_equal(build(), 0);
}

static void test_clean_forgets_the_index(void **state)
{
    (void)state;
    remember_damage();
    assert_status(remedy("clean-modcache"), REMEDY_DONE);
    assert_int_equal(build(), 0);
}

static void test_gocache(void **state)
{
    (void)state;
    assert_status(remedy("gocache"), REMEDY_DONE);
    char *all = content(made("gocache"));
    assert_null(strchr(strchr(all, '\n') + 1, '\n'));
    free(all);
}

static void test_gocache_without_space(void **state)
{
    struct rlimit was, limit;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    limit = (struct rlimit){.rlim_cur = 1024 * 1024, .rlim_max = was.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    int status = remedy("gocache");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    (void)signal(SIGXFSZ, handler);
    assert_status(status, REMEDY_FAILED);
    assert_said(text_of("no build cache can be created in %s/inst/1/mended-1 on the Go machine\n", world));
    assert_false(remedy_exists(made("gocache")));
}

static void test_clean(void **state)
{
    (void)state;
    assert_int_equal(GO_IN(AT("my app"), "mod", "download", "example.com/dep@v1.1.0"), 0);
    char *was = content(AT("mod"));
    how.env[0] = "GOPROXY=off";
    assert_status(remedy("clean-modcache"), REMEDY_UNSUITED);
    assert_said(text_of("not everything can be fetched again; the module cache %s/mod is unchanged\n", world));
    assert_same(content(AT("mod")), was);
    free(was);
    how.env[0] = NULL;
    damage();
    was = tree(AT("my app"));
    assert_status(remedy("clean-modcache"), REMEDY_DONE);
    assert_same(tree(AT("my app")), was);
    free(was);
    assert_false(remedy_exists(AT("mod/example.com/dep@v1.1.0")));
    assert_int_equal(GO_IN(AT("my app"), "build", "-o", "/dev/null", "."), 0);
    assert_false(remedy_exists(made("scratch")));
}

static void test_clean_in_workspace(void **state)
{
    (void)state;
    put_text(AT("go.work"), "go 1.18\n\nuse \"./my app\"\n");
    damage();
    assert_status(remedy("clean-modcache"), REMEDY_DONE);
    assert_int_equal(GO_IN(AT("my app"), "build", "-o", "/dev/null", "."), 0);
    assert_false(remedy_exists(AT("go.work.sum")));
}

static void test_clean_with_vendor(void **state)
{
    (void)state;
    assert_int_equal(GO_IN(AT("my app"), "mod", "vendor"), 0);
    char *was = content(AT("mod"));
    assert_status(remedy("clean-modcache"), REMEDY_UNSUITED);
    assert_said(text_of("the build takes its modules from %s/my app/vendor\n", world));
    assert_same(content(AT("mod")), was);
    free(was);
}

/* --- a fresh module cache --- */

static void assert_builds_with_fresh_cache(void)
{
    const char *const env[] = {text_of("GOMODCACHE=%s", made("modcache")), "GOPROXY=off", "GOFLAGS=-modcacherw", NULL};
    assert_int_equal(go_in(AT("my app"), env, ARGS("build", "-o", "/dev/null", ".")), 0);
}

static void assert_purge_leads_to_it(const char *closed)
{
    char *was = tree(AT("mod")), *source = tree(AT("my app"));
    assert_status(remedy_of("purge", "example.com/Lib", "v1.2.0"), REMEDY_UNSUITED);
    assert_said(text_of("%s can't be changed on the Go machine: ", closed));
    assert_said("example.com/Lib@v1.2.0 can't be replaced in the module cache");
    assert_status(remedy_of("modcache", "example.com/Lib", "v1.2.0"), REMEDY_DONE);
    assert_noted(text_of("%s can't be used on the Go machine: ", closed));
    assert_noted(text_of("filled from %s/mod, which is unchanged", world));
    assert_same(tree(AT("mod")), was);
    assert_same(tree(AT("my app")), source);
    free(was);
    free(source);
    assert_builds_with_fresh_cache();
}

/* Somebody else's cache, readable. Private modules too come from it, not from where GONOPROXY leads. */
static void test_modcache_of_another(void **state)
{
    (void)state;
    if (getuid() != 0)
        skip();
    assert_int_equal(chmod(world, 0755), 0);
    give_away(AT("inst"));
    give_away(AT("my app"));
    how.as_nobody = true;
    how.env[0] = text_of("GOCACHE=%s/inst/go cache", world);
    how.env[1] = "GOPRIVATE=example.com";
    how.env[2] = "GOPROXY=off";
    assert_purge_leads_to_it(AT("mod"));
    assert_noted("(it belongs to root)");
    assert_noted(text_of("Permanent fix: run `sudo chown -R nobody %s/mod && ", world));
    assert_false(remedy_exists(text_of("%s/example.com/dep@v1.1.0", made("modcache"))));
}

/* One entry is closed: it comes from the proxy, all else from the old cache. */
static void test_modcache_with_a_closed_entry(void **state)
{
    const char *zip = AT("mod/cache/download/example.com/!lib/@v/v1.2.0.zip");
    (void)state;
    if (getuid() != 0)
        skip();
    give_away(world);
    assert_int_equal(chown(zip, 0, 0), 0);
    assert_int_equal(chmod(zip, 0600), 0);
    how.as_nobody = true;
    how.env[0] = text_of("GOCACHE=%s/inst/go cache", world);
    assert_int_equal(directory_remove(AT("px/example.com/dep")), 0);
    assert_status(remedy_of("modcache", "example.com/Lib", "v1.2.0"), REMEDY_DONE);
    assert_noted(text_of("%s can't be used on the Go machine: Permission denied (it belongs to root)", zip));
    assert_builds_with_fresh_cache();
}

/* go.sum judges what is in the old cache as it judges everything else. */
static void test_modcache_refuses_another(void **state)
{
    (void)state;
    damage();
    publish(AT("evil"), "example.com/Lib", "v1.2.0", "module example.com/Lib\n", "lib.go",
            "package lib\n\nconst W = 666\n");
    how.env[0] = text_of("GOPROXY=file://%s/evil", world);
    assert_status(remedy_of("modcache", "example.com/Lib", "v1.2.0"), REMEDY_FAILED);
    assert_false(remedy_exists(made("modcache")));
    how.env[0] = NULL;
    assert_status(remedy_of("modcache", "example.com/Lib", "v1.2.0"), REMEDY_DONE);
    assert_builds_with_fresh_cache();
}

/* Only the unpacked directory is damaged: nothing has to be fetched. */
static void test_modcache_without_network(void **state)
{
    (void)state;
    assert_int_equal(chmod(AT("mod/example.com/!lib@v1.2.0"), 0755), 0);
    assert_int_equal(unlink(AT("mod/example.com/!lib@v1.2.0/lib.go")), 0);
    how.env[0] = "GOPROXY=off";
    assert_status(remedy("modcache"), REMEDY_DONE);
    assert_builds_with_fresh_cache();
    how.env[1] = text_of("GOMODCACHE=%s", made("modcache"));
    assert_status(remedy("modcache"), REMEDY_UNSUITED);
    assert_said("the build has a fresh module cache already\n");
}

static void test_modcache_in_workspace(void **state)
{
    (void)state;
    put_text(AT("go.work"), "go 1.18\n\nuse \"./my app\"\n");
    how.env[0] = "GOPROXY=off";
    assert_status(remedy("modcache"), REMEDY_DONE);
    assert_builds_with_fresh_cache();
    assert_false(remedy_exists(AT("go.work.sum")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(test_purge_keeps_what_it_cannot_fetch),
        IN_WORLD(test_purge_refuses_another),
        IN_WORLD(test_purge),
        IN_WORLD(test_purge_keeps_locks),
        IN_WORLD(test_purge_renews_sums),
        IN_WORLD(test_purge_in_workspace),
        IN_WORLD(test_purge_needs_the_sums),
        IN_WORLD(test_purge_refuses_what_is_no_module),
        IN_WORLD(test_purge_forgets_the_index),
        IN_WORLD(test_purge_forgets_it_without_the_module),
        IN_WORLD(test_purge_of_what_is_whole),
        IN_WORLD(test_purge_with_a_closed_build_cache),
        IN_WORLD(test_clean_forgets_the_index),
        IN_WORLD(test_modcache_of_another),
        IN_WORLD(test_modcache_with_a_closed_entry),
        IN_WORLD(test_modcache_refuses_another),
        IN_WORLD(test_modcache_without_network),
        IN_WORLD(test_modcache_in_workspace),
        IN_WORLD(test_gocache),
        IN_WORLD(test_gocache_without_space),
        IN_WORLD(test_clean),
        IN_WORLD(test_clean_in_workspace),
        IN_WORLD(test_clean_with_vendor),
    };
    return cmocka_run_group_tests_name("remedies for caches", tests, NULL, NULL);
}
