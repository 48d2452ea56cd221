/* What remedies read and show as text: the lines that differ, go.work as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proxy/supervisor/remedy_parts.h"

enum { TEXT_MAX = 16 * 1024 * 1024, MANY = 3000, ROUNDS = 2000, LINES_MAX = 10 };

/* --- differences --- */

static char *diff_of(const char *was, const char *now)
{
    struct buf text, old, new;
    buf_init(&text, TEXT_MAX);
    buf_init(&old, TEXT_MAX);
    buf_init(&new, TEXT_MAX);
    buf_puts(&text, "");
    buf_puts(&old, was);
    buf_puts(&new, now);
    assert_false(text.failed || old.failed || new.failed);
    remedy_diff(&text, &old, &new);
    buf_free(&old);
    buf_free(&new);
    return buf_take(&text);
}
static void assert_diff(const char *was, const char *now, const char *wanted)
{
    char *got = diff_of(was, now);
    assert_string_equal(got, wanted);
    free(got);
}

static void test_diff(void **state)
{
    (void)state;
    assert_diff("", "", "");
    assert_diff("a\nb\n", "a\nb\n", "");
    assert_diff("", "a\n", "\n+a");
    assert_diff("a\n", "", "\n-a");
    assert_diff("a\nb\nc\n", "a\nx\nc\n", "\n-b\n+x");
    assert_diff("a\nb\nc\nd\n", "b\nx\nd\ne\n", "\n-a\n-c\n+x\n+e");
    assert_diff("1\n2\nsame\n3\n", "4\n5\nsame\n6\n", "\n-1\n-2\n+4\n+5\n-3\n+6");
    assert_diff("a", "a\n", "\n-a\n+a");
    assert_diff("a\n\n", "a\n", "\n-");
}

static void test_diff_shows_so_many(void **state)
{
    (void)state;
    char *got = diff_of("", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n");
    assert_non_null(strstr(got, "\n+12"));
    assert_null(strstr(got, "more"));
    free(got);
    assert_diff("", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n",
                "\n+1\n+2\n+3\n+4\n+5\n+6\n+7\n+8\n+9\n+10\n+11\n+12\n... and 2 more");
}

static void test_diff_cuts_lines(void **state)
{
    char line[200];
    (void)state;
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\0';
    char *got = diff_of("", line);
    assert_int_equal(strlen(got), 1 + 160);
    free(got);
    /* Not in the middle of a character. */
    memcpy(line + 158, "\xe2\x82\xac", 3);
    got = diff_of("", line);
    assert_int_equal(strlen(got), 1 + 159);
    free(got);
}

/* Files that are too large for a table. */
static void test_diff_of_sets(void **state)
{
    struct buf was, now;
    (void)state;
    buf_init(&was, TEXT_MAX);
    buf_init(&now, TEXT_MAX);
    for (int i = 0; i < MANY; i++) {
        buf_printf(&was, "was %d\nboth %d\n", i, i);
        assert_false(was.failed);
        buf_printf(&now, "now %d\nboth %d\n", i, i);
        assert_false(now.failed);
    }
    char *got = diff_of(was.data, now.data);
    assert_memory_equal(got, "\n-was 0\n-was 1\n", strlen("\n-was 0\n-was 1\n"));
    assert_non_null(strstr(got, "\n... and 5988 more"));
    assert_null(strstr(got, "both"));
    free(got);
    buf_free(&was);
    buf_free(&now);
}

/* How long the longest common subsequence is, said in another way. */
static size_t common(const char *a, const char *b)
{
    if (!*a || !*b)
        return 0;
    if (*a == *b)
        return 1 + common(a + 2, b + 2);
    size_t x = common(a + 2, b), y = common(a, b + 2);
    return x > y ? x : y;
}
static void make_lines(char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        text[2 * i] = (char)('a' + rand() % 3);
        text[2 * i + 1] = '\n';
    }
    text[2 * n] = '\0';
}
/* Random files: as few lines as can be, each a line of its file, and no more than are shown. */
static void test_diff_is_shortest(void **state)
{
    char was[2 * LINES_MAX + 1], now[2 * LINES_MAX + 1];
    (void)state;
    srand(1);
    for (int i = 0; i < ROUNDS; i++) {
        size_t n = (size_t)rand() % (LINES_MAX / 2 + 1), m = (size_t)rand() % (LINES_MAX / 2 + 1);
        make_lines(was, n);
        make_lines(now, m);
        char *got = diff_of(was, now);
        size_t removed = 0, added = 0;
        for (const char *p = got; *p; p += 3) {
            assert_int_equal(*p, '\n');
            removed += p[1] == '-';
            added += p[1] == '+';
        }
        size_t same = common(was, now);
        assert_int_equal(removed, n - same);
        assert_int_equal(added, m - same);
        free(got);
    }
}

/* --- go.work --- */

static bool note_use(void *out, const char *path)
{
    struct buf *b = out;
    buf_printf(b, "use %s\n", path);
    return !b->failed;
}
static bool note_replace(void *out, const char *old_path, const char *old_version, const char *path)
{
    struct buf *b = out;
    buf_printf(b, "%s %s => %s\n", old_path, old_version, path);
    return !b->failed;
}
static bool read_work(const char *json, size_t len, struct buf *out)
{
    static const struct remedy_json_handler handler = {note_use, note_replace};
    buf_init(out, TEXT_MAX);
    /* A copy that ends where it ends. */
    char *copy = malloc(len + !len);
    assert_non_null(copy);
    memcpy(copy, json, len);
    bool is_read = remedy_json_work(copy, len, &handler, out);
    free(copy);
    return is_read;
}
static void assert_work(const char *json, const char *wanted)
{
    struct buf out;
    bool is_read = read_work(json, strlen(json), &out);
    assert_int_equal(is_read, wanted != NULL);
    if (wanted)
        assert_string_equal(out.data ? out.data : "", wanted);
    buf_free(&out);
}

static const char work[] =
    "{\n\t\"Go\": \"1.21\",\n\t\"Toolchain\": {\"Name\": \"go1.22\"},\n\t\"Use\": [\n\t\t{\n\t\t\t"
    "\"DiskPath\": \"./my app\"\n\t\t},\n\t\t{\n\t\t\t\"DiskPath\": \"../a \\u0026 \\\"b\\\" \\u00e4\\u20ac\",\n"
    "\t\t\t\"ModulePath\": \"x\"\n\t\t}\n\t],\n\t\"Replace\": [{\"Old\": {\"Path\": \"a.b/c\", "
    "\"Version\": \"v1.0.0\"},\"New\": {\"Path\": \"./gone\"}},\n{\"New\":{\"Path\":\"d\",\"Version\":"
    "\"v2\"},\"Old\":{\"Path\":\"e\"}}],\"Later\":[1,-2.5e3,true,null,{\"x\":[[]]}]\n}\n";

static void test_work(void **state)
{
    (void)state;
    assert_work("{}", "");
    assert_work("{\"Go\": \"1.18\", \"Use\": null, \"Replace\": null}\n", "");
    assert_work(work, "use ./my app\nuse ../a & \"b\" \xc3\xa4\xe2\x82\xac\na.b/c v1.0.0 => ./gone\ne  => d\n");
}

static void test_work_not_understood(void **state)
{
    static const char *const bad[] = {
        "",
        "null",
        "[]",
        "{",
        "{\"Use\": [}",
        "{\"Use\": [{\"DiskPath\": 1}]}",
        "{\"Use\": [{\"DiskPath\": \"a\\x\"}]}",
        "{\"Use\": [{\"DiskPath\": \"\\ufffd\"}]}",
        "{\"Use\": [{\"DiskPath\": \"\\u0000\"}]}",
        "{\"Use\": [{\"DiskPath\": \"\\ud83d\\ude00\"}]}",
        "{\"Use\": [{\"DiskPath\": \"\\u12\"}]}",
        "{} {}",
        "{}x",
        "{\"Go\" \"1\"}",
        "{\"a\":[1 2]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_work(bad[i], NULL);
}

static void test_work_cut(void **state)
{
    (void)state;
    size_t whole = strlen(work) - 1;
    for (size_t n = 0; n < whole; n++) {
        struct buf out;
        assert_false(read_work(work, n, &out));
        buf_free(&out);
    }
}

static void test_work_too_deep(void **state)
{
    enum { DEEP = 100000 };
    struct buf json, out;
    (void)state;
    buf_init(&json, TEXT_MAX);
    buf_puts(&json, "{\"x\":");
    assert_false(json.failed);
    for (int i = 0; i < DEEP; i++) {
        buf_puts(&json, "[");
        assert_false(json.failed);
    }
    assert_false(read_work(json.data, json.len, &out));
    buf_free(&out);
    buf_free(&json);
}

/* Bytes turned at random must not be read past their end. */
static void test_work_garbled(void **state)
{
    char garbled[sizeof work];
    (void)state;
    srand(2);
    for (int i = 0; i < ROUNDS * 10; i++) {
        struct buf out;
        memcpy(garbled, work, sizeof work);
        for (int k = rand() % 4; k >= 0; k--)
            garbled[(size_t)rand() % (sizeof work - 1)] = (char)(rand() % 256);
        (void)read_work(garbled, (size_t)rand() % sizeof work, &out);
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_diff),
        cmocka_unit_test(test_diff_shows_so_many),
        cmocka_unit_test(test_diff_cuts_lines),
        cmocka_unit_test(test_diff_of_sets),
        cmocka_unit_test(test_diff_is_shortest),
        cmocka_unit_test(test_work),
        cmocka_unit_test(test_work_not_understood),
        cmocka_unit_test(test_work_cut),
        cmocka_unit_test(test_work_too_deep),
        cmocka_unit_test(test_work_garbled),
    };
    return cmocka_run_group_tests_name("texts of remedies", tests, NULL, NULL);
}
