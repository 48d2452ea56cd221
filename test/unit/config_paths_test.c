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
        cmocka_unit_test(lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
