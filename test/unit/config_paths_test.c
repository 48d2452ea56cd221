/* Path mapping in both directions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "config/paths.h"

struct rule {
    const char *client, *remote;
};

/* Maps with the rules (ended by one without a client) and compares; expected NULL: no rule matches. */
static void check(const struct rule *rules, const char *path, const char *expected,
                  char *map(const struct config_paths *, const char *))
{
    struct config_paths paths = {0};
    for (; rules->client; rules++)
        assert_int_equal(config_paths_add(&paths, rules->client, rules->remote), 0);
    errno = EINVAL;
    char *mapped = map(&paths, path);
    if (expected) {
        if (!mapped)
            fail_msg("no rule matches %s", path);
        assert_string_equal(mapped, expected);
    } else {
        assert_null(mapped);
        assert_int_equal(errno, 0);
    }
    free(mapped);
    config_paths_free(&paths);
}

static void remote(const struct rule *rules, const char *path, const char *expected)
{
    check(rules, path, expected, config_paths_to_remote);
}

static void client(const struct rule *rules, const char *path, const char *expected)
{
    check(rules, path, expected, config_paths_to_client);
}

static void both(const struct rule *rules, const char *c, const char *r)
{
    remote(rules, c, r);
    client(rules, r, c);
}

static void whole_components(void **state)
{
    static const struct rule rules[] = {{"/Users/me/src", "/home/me/src"}, {0}};
    (void)state;
    both(rules, "/Users/me/src/a/b.go", "/home/me/src/a/b.go");
    both(rules, "/Users/me/src", "/home/me/src");
    both(rules, "/Users/me/src/", "/home/me/src/");
    remote(rules, "/Users/me/src2/a.go", NULL);
    remote(rules, "/Users/me/sr", NULL);
    remote(rules, "/users/me/src/a.go", NULL);
    remote(rules, "Users/me/src", NULL);
    remote(rules, "", NULL);
    client(rules, "/home/me/src-old/a.go", NULL);
    client(rules, "/usr/local/go/src/fmt/print.go", NULL);
    /* A backslash is a letter there. */
    remote(rules, "/Users/me/src/a\\b.go", "/home/me/src/a\\b.go");
    remote(rules, "/Users/me/src\\a.go", NULL);
    client(rules, "/home/me/src/a\\b.go", "/Users/me/src/a\\b.go");
}

static void longest_wins(void **state)
{
    static const struct rule rules[] = {{"/src", "/r"}, {"/src/vendor", "/v"}, {"/src/vendor", "/later"}, {0}};
    static const struct rule shadow[] = {{"/a", "/x/y"}, {"/b", "/x"}, {"/c", "/x/y"}, {0}};
    (void)state;
    both(rules, "/src/a.go", "/r/a.go");
    both(rules, "/src/vendor/a.go", "/v/a.go");
    both(rules, "/src/vendors/a.go", "/r/vendors/a.go");
    client(rules, "/later/a.go", "/src/vendor/a.go");
    client(shadow, "/x/y/z.go", "/a/z.go");
    client(shadow, "/x/z.go", "/b/z.go");
}

static void roots_and_trailing_separators(void **state)
{
    static const struct rule root[] = {{"/", "/mnt/client"}, {0}};
    static const struct rule into_root[] = {{"/mnt/go", "/"}, {0}};
    static const struct rule slashes[] = {{"/a//", "/b/"}, {0}};
    static const struct rule drive[] = {{"C:\\", "/mnt/c"}, {"D:\\", "/"}, {0}};
    (void)state;
    both(root, "/a/b.go", "/mnt/client/a/b.go");
    both(root, "/", "/mnt/client/");
    client(root, "/mnt/client", "/");
    remote(root, "a/b.go", NULL);
    both(into_root, "/mnt/go/a.go", "/a.go");
    remote(into_root, "/mnt/go", "/");
    client(into_root, "/", "/mnt/go/");
    both(slashes, "/a/x", "/b/x");
    remote(slashes, "/ab", NULL);
    both(drive, "C:\\a\\b.go", "/mnt/c/a/b.go");
    both(drive, "C:\\", "/mnt/c/");
    client(drive, "/mnt/c", "C:\\");
    remote(drive, "C:", "/mnt/c");
    remote(drive, "C:a.go", NULL);
    both(drive, "D:\\a.go", "/a.go");
    remote(drive, "D:", "/");
}

static void windows(void **state)
{
    static const struct rule rules[] = {{"C:\\Users\\Me\\src", "/home/me/src"}, {"\\\\srv\\share", "/mnt/share"}, {0}};
    static const struct rule forward[] = {{"c:/src", "/home/me/src"}, {0}};
    static const struct rule upper[] = {{"C:\\src", "/home/Src"}, {0}};
    (void)state;
    both(rules, "C:\\Users\\Me\\src\\a\\b.go", "/home/me/src/a/b.go");
    remote(rules, "c:\\users\\ME\\SRC\\Main.go", "/home/me/src/Main.go");
    remote(rules, "c:/Users/Me/src/a/b.go", "/home/me/src/a/b.go");
    remote(rules, "C:\\Users\\Me\\src/a\\b.go", "/home/me/src/a/b.go");
    remote(rules, "C:\\Users\\Me\\src2\\b.go", NULL);
    remote(rules, "D:\\Users\\Me\\src\\b.go", NULL);
    both(rules, "\\\\srv\\share\\a\\b.go", "/mnt/share/a/b.go");
    remote(rules, "\\\\SRV\\share\\a.go", "/mnt/share/a.go");
    remote(rules, "\\srv\\share\\a.go", NULL);
    both(forward, "c:/src/a/b.go", "/home/me/src/a/b.go");
    remote(forward, "C:\\src\\a\\b.go", "/home/me/src/a/b.go");
    /* The Go machine's side is never compared loosely. */
    client(upper, "/home/src/a.go", NULL);
    client(upper, "/home/Src/A.go", "C:\\src\\A.go");
}

static void name(const struct rule *rules, const char *path, const char *expected)
{
    check(rules, path, expected, config_paths_to_name);
}

/* What -trimpath leaves in debug information: no place in the file system. */
static void names_in_debug_information(void **state)
{
    static const struct rule module[] = {{"/Users/me/ws", "example.com/mod"}, {0}};
    static const struct rule bazel[] = {{"/Users/me/ws", ""}, {"/Users/me/ws/old", "/srv/old"}, {0}};
    static const struct rule both_kinds[] = {
        {"/Users/me/ws", "/home/me/ws"}, {"/Users/me/ws/", "example.com/mod"}, {"C:\\ws", "example.com/win"}, {0}};
    (void)state;
    name(module, "/Users/me/ws/cmd/main.go", "example.com/mod/cmd/main.go");
    client(module, "example.com/mod/cmd/main.go", "/Users/me/ws/cmd/main.go");
    client(module, "example.com/mod2/main.go", NULL);
    client(module, "example.com/mod@v1.0.0/main.go", NULL);
    client(module, "/example.com/mod/main.go", NULL);
    remote(module, "/Users/me/ws/cmd", NULL);
    name(bazel, "/Users/me/ws/pkg/a.go", "pkg/a.go");
    client(bazel, "pkg/a.go", "/Users/me/ws/pkg/a.go");
    client(bazel, "/pkg/a.go", NULL);
    client(bazel, "/srv/old/a.go", "/Users/me/ws/old/a.go");
    client(bazel, "", NULL);
    name(bazel, "/Users/me/ws/old/a.go", "/srv/old/a.go");
    name(bazel, "/Users/me/ws", NULL);
    remote(bazel, "/Users/me/ws/pkg", NULL);
    remote(bazel, "/Users/me/ws/old", "/srv/old");
    remote(both_kinds, "/Users/me/ws/cmd", "/home/me/ws/cmd");
    name(both_kinds, "/Users/me/ws/cmd/a.go", "example.com/mod/cmd/a.go");
    client(both_kinds, "/home/me/ws/a.go", "/Users/me/ws/a.go");
    client(both_kinds, "example.com/mod/a.go", "/Users/me/ws/a.go");
    name(both_kinds, "c:\\WS\\cmd\\a.go", "example.com/win/cmd/a.go");
    client(both_kinds, "example.com/win/cmd/a.go", "C:\\ws\\cmd\\a.go");
}

static void rules_in_words(void **state)
{
    static const struct rule rules[] = {{"/a", "/1"}, {"/n", "ex.com/n"}, {"/b", "/2"},
                                        {"/c", "/3"}, {"/d", "/4"},       {0}};
    struct config_paths paths = {0};
    struct buf out;
    (void)state;
    buf_init(&out, 256);
    assert_int_equal(config_paths_explain(&paths, "/x", &out), 0);
    assert_int_equal(out.len, 0);
    for (const struct rule *r = rules; r->client; r++)
        assert_int_equal(config_paths_add(&paths, r->client, r->remote), 0);
    assert_int_equal(config_paths_explain(&paths, "/b/x", &out), 1);
    assert_string_equal(out.data, "/b -> /2");
    buf_clear(&out);
    assert_int_equal(config_paths_explain(&paths, "/n/x", &out), 0);
    assert_string_equal(out.data, "/a -> /1, /b -> /2, /c -> /3, ...");
    buf_free(&out);
    config_paths_free(&paths);
}

static void lists(void **state)
{
    struct config_paths a = {0}, b = {0};
    (void)state;
    assert_int_equal(config_paths_add(&a, "/a", "/1"), 0);
    assert_int_equal(config_paths_add(&b, "/b", "/2"), 0);
    assert_int_equal(config_paths_add_all(&a, &b), 0);
    config_paths_free(&b);
    assert_int_equal(b.count, 0);
    assert_int_equal(a.count, 2);
    char *mapped = config_paths_to_remote(&a, "/b/c");
    assert_string_equal(mapped, "/2/c");
    free(mapped);
    config_paths_free(&a);
    assert_null(config_paths_to_remote(&a, "/a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_components),
        cmocka_unit_test(longest_wins),
        cmocka_unit_test(windows),
        cmocka_unit_test(roots_and_trailing_separators),
        cmocka_unit_test(names_in_debug_information),
        cmocka_unit_test(rules_in_words),
        cmocka_unit_test(lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
