/* The lines to and from the supervisor on the Go machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "delve/supervisor.h"

enum { OUT_MAX = 1024 * 1024, PIPE_WHOLE = 4096 };

/* The shell's side: joins `set KEY` and `more` lines and undoes the escapes as printf %b does. */
static char *shell_value(const char *lines, const char *key)
{
    struct buf value;
    size_t key_len = strlen(key);
    buf_init(&value, OUT_MAX);
    assert_int_equal(strncmp(lines, "set ", 4), 0);
    assert_int_equal(strncmp(lines + 4, key, key_len), 0);
    const char *p = lines + 4 + key_len;
    assert_int_equal(*p++, ' ');
    while (*p) {
        if (*p == '\n' && !p[1])
            break;
        if (*p == '\n') {
            assert_int_equal(strncmp(p + 1, "more ", 5), 0);
            p += 6;
        } else if (*p == '\\') {
            char octal[4] = {p[2], p[3], p[4], '\0'};
            char byte = (char)(unsigned char)strtol(octal, NULL, 8);
            assert_int_equal(p[1], '0');
            assert_int_equal(buf_append(&value, &byte, 1), 0);
            p += 5;
        } else {
            assert_int_equal(buf_append(&value, p++, 1), 0);
        }
    }
    char *text = buf_take(&value);
    assert_non_null(text);
    return text;
}

static void round_trip(const char *value)
{
    struct buf out;
    buf_init(&out, OUT_MAX);
    assert_int_equal(supervisor_param(&out, "env", value), 0);
    for (const char *line = out.data; *line;) {
        const char *end = strchr(line, '\n');
        assert_non_null(end);
        assert_true(end - line < PIPE_WHOLE);
        for (const char *p = line; p < end; p++)
            assert_true(*p >= ' ' && *p <= '~' && !strchr("'\"$`;&|<>()*?[]#~", *p));
        line = end + 1;
    }
    char *back = shell_value(out.data, "env");
    assert_string_equal(back, value);
    free(back);
    buf_free(&out);
}

static void test_param_round_trip(void **state)
{
    (void)state;
    char all[256];
    for (int i = 1; i < 256; i++)
        all[i - 1] = (char)(unsigned char)i;
    all[255] = '\0';
    round_trip("");
    round_trip("/usr/local/go/bin");
    round_trip("two\nlines and 'quotes' \"$(rm x)\" `y` \\0101 \\\n\n");
    round_trip("Gr\xc3\xbc\xc3\x9f"
               "e \xff");
    round_trip(all);
}

static void test_param_in_pieces(void **state)
{
    (void)state;
    /* Each length around the limit, so that an escape falls on every place of the cut. */
    for (size_t plain = SUPERVISOR_CHUNK_MAX - 12; plain <= SUPERVISOR_CHUNK_MAX + 12; plain++) {
        char value[2 * SUPERVISOR_CHUNK_MAX + 64];
        memset(value, 'a', plain);
        memset(value + plain, '\n', 8);
        memset(value + plain + 8, 'b', plain);
        value[2 * plain + 8] = '\0';
        round_trip(value);
    }
    char *large = malloc(200001);
    assert_non_null(large);
    memset(large, ' ', 200000);
    large[200000] = '\0';
    struct buf out;
    buf_init(&out, 2 * OUT_MAX);
    assert_int_equal(supervisor_param(&out, "arg", large), 0);
    char *back = shell_value(out.data, "arg");
    assert_string_equal(back, large);
    free(back);
    buf_free(&out);
    free(large);
}

static void test_param_past_the_limit(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 8);
    assert_int_equal(supervisor_param(&out, "arg", "more than fits"), -1);
    assert_true(out.failed);
    buf_free(&out);
}

static void test_script(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, OUT_MAX);
    assert_int_equal(supervisor_script(&out, "n0NCE"), 0);
    static const char head[] = "delvegate_nonce=n0NCE\ndelvegate_self() {\ncat <<'delvegate_self_end'\n";
    assert_int_equal(strncmp(out.data, head, sizeof head - 1), 0);
    const char *copy = out.data + sizeof head - 1;
    const char *end = strstr(copy, "\ndelvegate_self_end\n}\n");
    assert_non_null(end);
    const char *text = end + strlen("\ndelvegate_self_end\n}\n");
    /* The delimiter ends the copy and nothing else does: both texts are the same. */
    assert_int_equal((size_t)(end + 1 - copy), strlen(text));
    assert_memory_equal(copy, text, strlen(text));
    static const char last[] = "\nmain \"$@\"; exit\n";
    assert_string_equal(text + strlen(text) - (sizeof last - 1), last);
    buf_free(&out);
}

static void test_script_refuses_a_nonce_that_is_code(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a b", "a;b", "$(x)", "a\nb"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct buf out;
        buf_init(&out, OUT_MAX);
        assert_int_equal(supervisor_script(&out, bad[i]), -1);
        assert_int_equal(out.len, 0);
        buf_free(&out);
    }
}

static void test_command(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, OUT_MAX);
    assert_int_equal(supervisor_command(&out, "end kill"), 0);
    assert_string_equal(out.data, "end kill\n");
    buf_free(&out);
}

static void collect(void *arg, const char *line, size_t len)
{
    struct buf *out = arg;
    assert_int_equal(strlen(line), len);
    assert_int_equal(buf_printf(out, "<%s>", line), 0);
}

static void expect_lines(const char *input, size_t len, const char *want)
{
    /* Whole, then cut in two at each place, then byte by byte. */
    for (size_t cut = 0; cut <= len + 1; cut++) {
        struct supervisor_reader *r = supervisor_reader_new("N");
        struct buf out;
        assert_non_null(r);
        buf_init(&out, OUT_MAX);
        if (cut <= len) {
            assert_int_equal(supervisor_reader_feed(r, input, cut, collect, &out), 0);
            assert_int_equal(supervisor_reader_feed(r, input + cut, len - cut, collect, &out), 0);
        } else {
            for (size_t i = 0; i < len; i++)
                assert_int_equal(supervisor_reader_feed(r, input + i, 1, collect, &out), 0);
        }
        assert_string_equal(out.data ? out.data : "", want);
        buf_free(&out);
        supervisor_reader_free(r);
    }
}

static void test_reader_lines(void **state)
{
    (void)state;
    static const struct {
        const char *input;
        const char *want;
    } cases[] = {
        {"", ""},
        {"delvegate hello 1 N\nready\n", "<delvegate hello 1 N><ready>"},
        {"Welcome!\n\ndelvegate hello 1 N\nready\nhalf", "<delvegate hello 1 N><ready>"},
        {"delvegate hello 1 M\nready\n", ""},
        {"delvegate hello 1 NN\nready\n", ""},
        {"delvegate hello x N\nready\n", ""},
        {" delvegate hello 1 N\nready\n", ""},
        {"motd\ndelvegate mark N\nlog a\nout \n\n", "<log a><out ><>"},
        {"delvegate hello 1 M\ndelvegate hello 2 N\ndelvegate hello 1 N\n",
         "<delvegate hello 2 N><delvegate hello 1 N>"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_lines(cases[i].input, strlen(cases[i].input), cases[i].want);
}

static void test_reader_long_line(void **state)
{
    (void)state;
    struct supervisor_reader *r = supervisor_reader_new("N");
    struct buf out;
    size_t len = 3 * (size_t)SUPERVISOR_LINE_MAX;
    char *big = malloc(len);
    assert_non_null(big);
    assert_non_null(r);
    memset(big, 'x', len);
    buf_init(&out, OUT_MAX);
    assert_int_equal(supervisor_reader_feed(r, "delvegate mark N\n", 17, collect, &out), 0);
    assert_int_equal(supervisor_reader_feed(r, big, len, collect, &out), 0);
    assert_int_equal(supervisor_reader_feed(r, "\nnext\n", 6, collect, &out), 0);
    assert_int_equal(out.len, 2 + SUPERVISOR_LINE_MAX + strlen("<next>"));
    assert_string_equal(out.data + out.len - 6, "<next>");
    free(big);
    buf_free(&out);
    supervisor_reader_free(r);
}

static void test_reader_noise(void **state)
{
    (void)state;
    struct supervisor_reader *r = supervisor_reader_new("N");
    struct buf out;
    assert_non_null(r);
    buf_init(&out, OUT_MAX);
    assert_string_equal(supervisor_reader_noise(r), "");
    for (int i = 0; i < 1000; i++)
        assert_int_equal(supervisor_reader_feed(r, "noise line\n", 11, collect, &out), 0);
    assert_int_equal(supervisor_reader_feed(r, "sh: not\0 found\n", 15, collect, &out), 0);
    const char *noise = supervisor_reader_noise(r);
    assert_int_equal(strlen(noise), 1024);
    assert_string_equal(noise + 1024 - 15, "sh: not? found\n");
    assert_false(supervisor_reader_greeted(r));
    assert_int_equal(supervisor_reader_feed(r, "delvegate hello 1 N\n", 20, collect, &out), 0);
    assert_true(supervisor_reader_greeted(r));
    assert_string_equal(supervisor_reader_noise(r), "");
    buf_free(&out);
    supervisor_reader_free(r);
}

static void test_reader_strip(void **state)
{
    (void)state;
    static const char input[] = "motd\ndelvegate hello 1 N\ndelvegate open M\ndelvegate open N\n\0bytes\nof it\xff";
    size_t len = sizeof input - 1;
    const size_t want = 13;
    for (size_t cut = 0; cut <= len; cut++) {
        struct supervisor_reader *r = supervisor_reader_new("N");
        struct buf out;
        assert_non_null(r);
        buf_init(&out, OUT_MAX);
        size_t rest = supervisor_reader_strip(r, input, cut);
        assert_int_equal(buf_append(&out, input + cut - rest, rest), 0);
        assert_int_equal(supervisor_reader_open(r), cut >= len - want);
        rest = supervisor_reader_strip(r, input + cut, len - cut);
        assert_int_equal(buf_append(&out, input + len - rest, rest), 0);
        assert_int_equal(out.len, want);
        assert_memory_equal(out.data, input + len - want, want);
        assert_true(supervisor_reader_open(r) && supervisor_reader_greeted(r));
        buf_free(&out);
        supervisor_reader_free(r);
    }
}

static void test_reader_strip_failure_is_noise(void **state)
{
    (void)state;
    static const char input[] = "delvegate mark N\nrun 1 of /x has no streams (any more)\n";
    struct supervisor_reader *r = supervisor_reader_new("N");
    assert_non_null(r);
    assert_int_equal(supervisor_reader_strip(r, input, sizeof input - 1), 0);
    assert_true(supervisor_reader_greeted(r));
    assert_false(supervisor_reader_open(r));
    assert_string_equal(supervisor_reader_noise(r), "run 1 of /x has no streams (any more)\n");
    supervisor_reader_free(r);
}

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum supervisor_kind kind;
        const char *name;
        long number;
        int status;
        const char *text;
    } cases[] = {
        {"delvegate hello 1 N0", SUPERVISOR_HELLO, "", 1, 0, NULL},
        {"tool go /usr/bin/go", SUPERVISOR_TOOL, "go", 0, 0, "/usr/bin/go"},
        {"tool goVersion go\\0040version\\0040go1.19.8", SUPERVISOR_TOOL, "goVersion", 0, 0, "go version go1.19.8"},
        {"tool home ", SUPERVISOR_TOOL, "home", 0, 0, ""},
        {"dir /home/me/a\\0040b\\0303\\0274", SUPERVISOR_DIR, "", 0, 0, "/home/me/a b\xc3\xbc"},
        {"ready", SUPERVISOR_READY, "", 0, 0, NULL},
        {"prepared 1", SUPERVISOR_PREPARED, "", 1, 0, NULL},
        {"started 12", SUPERVISOR_STARTED, "", 12, 0, NULL},
        {"exited 1 137", SUPERVISOR_EXITED, "", 1, 137, NULL},
        {"note two\\0012lines", SUPERVISOR_NOTE, "", 0, 0, "two\nlines"},
        {"error notfound go\\0040is\\0040missing", SUPERVISOR_ERROR, "notfound", 0, 0, "go is missing"},
        {"ended", SUPERVISOR_ENDED, "", 0, 0, NULL},
        {"readyness", SUPERVISOR_OTHER, "", 0, 0, "readyness"},
        {"ready now", SUPERVISOR_OTHER, "", 0, 0, "ready now"},
        {"exited 1", SUPERVISOR_OTHER, "", 0, 0, "exited 1"},
        {"exited 1 2 3", SUPERVISOR_OTHER, "", 0, 0, "exited 1 2 3"},
        {"exited 1 99999999999", SUPERVISOR_OTHER, "", 0, 0, "exited 1 99999999999"},
        {"exited -1 0", SUPERVISOR_OTHER, "", 0, 0, "exited -1 0"},
        {"started 99999999999999999999", SUPERVISOR_OTHER, "", 0, 0, "started 99999999999999999999"},
        {"tool  x", SUPERVISOR_OTHER, "", 0, 0, "tool  x"},
        {"tool aNameThatIsLongerThanAnyOfOursIsOrWillBe x", SUPERVISOR_OTHER, "", 0, 0,
         "tool aNameThatIsLongerThanAnyOfOursIsOrWillBe x"},
        {"later \\0041 \\", SUPERVISOR_OTHER, "", 0, 0, "later \\0041 \\"},
        {"note \\0 \\08 \\0000\\0777 \\", SUPERVISOR_NOTE, "", 0, 0, "\\0 \\08  \\"},
        {"", SUPERVISOR_OTHER, "", 0, 0, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct supervisor_line parsed;
        assert_int_equal(supervisor_parse(&parsed, cases[i].line, strlen(cases[i].line)), 0);
        assert_int_equal(parsed.kind, cases[i].kind);
        assert_string_equal(parsed.name, cases[i].name);
        assert_int_equal(parsed.number, cases[i].number);
        assert_int_equal(parsed.status, cases[i].status);
        if (cases[i].text)
            assert_string_equal(parsed.text, cases[i].text);
        else
            assert_null(parsed.text);
        free(parsed.text);
    }
}

static void test_text_of(void **state)
{
    (void)state;
    const char *text;
    assert_int_equal(supervisor_text_of("log API server", &text), SUPERVISOR_TEXT_LOG);
    assert_string_equal(text, "API server");
    assert_int_equal(supervisor_text_of("out ", &text), SUPERVISOR_TEXT_OUTPUT);
    assert_string_equal(text, "");
    assert_int_equal(supervisor_text_of("end 1", &text), SUPERVISOR_TEXT_END);
    assert_string_equal(text, "1");
    assert_int_equal(supervisor_text_of("logger", &text), SUPERVISOR_TEXT_OTHER);
    assert_string_equal(text, "logger");
    assert_int_equal(supervisor_text_of("", &text), SUPERVISOR_TEXT_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_param_round_trip),
        cmocka_unit_test(test_param_in_pieces),
        cmocka_unit_test(test_param_past_the_limit),
        cmocka_unit_test(test_script),
        cmocka_unit_test(test_script_refuses_a_nonce_that_is_code),
        cmocka_unit_test(test_command),
        cmocka_unit_test(test_reader_lines),
        cmocka_unit_test(test_reader_long_line),
        cmocka_unit_test(test_reader_noise),
        cmocka_unit_test(test_reader_strip),
        cmocka_unit_test(test_reader_strip_failure_is_noise),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_text_of),
    };
    return cmocka_run_group_tests_name("supervisor", tests, NULL, NULL);
}
