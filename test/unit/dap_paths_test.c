/* Which messages have their `path` values mapped, and that nothing else in them changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dap/paths.h"

enum { OUT_MAX = 16 * 1024 * 1024, MANY_FRAMES = 10000 };

/* "/c/..." -> "/r/...", and counts how often it is asked. */
struct mapper {
    int asked;
    int answer; /* for every path that begins with /c/ */
};

static int map(void *arg, const char *path, struct buf *out)
{
    struct mapper *mapper = arg;
    mapper->asked++;
    if (strncmp(path, "/c/", 3) != 0)
        return 0;
    if (mapper->answer == 1)
        buf_printf(out, "/r/%s", path + 3);
    return mapper->answer;
}

/* Maps a message and returns its new body, which the caller frees. */
static char *mapped(const char *text, enum dap_direction direction, struct mapper *mapper)
{
    struct dap_message m;
    struct err e;
    if (dap_message_scan(&m, text, strlen(text), &e) < 0)
        fail_msg("%s\nrefused: %s", text, e.text);
    struct dap_edits edits;
    dap_edits_init(&edits);
    if (dap_paths_carried(&m, direction))
        assert_int_equal(dap_paths_edit(&m, direction, map, mapper, &edits), 0);
    struct buf out;
    buf_init(&out, OUT_MAX);
    assert_int_equal(dap_message_write(&m, &edits, &out, NULL), 0);
    dap_edits_free(&edits);
    buf_consume(&out, (size_t)(strstr(out.data, "\r\n\r\n") - out.data) + 4);
    return buf_take(&out);
}

static void becomes(const char *text, enum dap_direction direction, const char *expected)
{
    struct mapper mapper = {.answer = 1};
    char *got = mapped(text, direction, &mapper);
    assert_string_equal(got, expected);
    free(got);
}

static void unchanged(const char *text, enum dap_direction direction)
{
    struct mapper mapper = {.answer = 1};
    char *got = mapped(text, direction, &mapper);
    assert_string_equal(got, text);
    assert_int_equal(mapper.asked, 0);
    free(got);
}

static void every_row(void **state)
{
    (void)state;
    static const struct {
        enum dap_direction direction;
        const char *format; /* of a message with a path at %s */
    } rows[] = {
        {DAP_TO_DELVE, "{\"seq\":1,\"type\":\"request\",\"command\":\"setBreakpoints\",\"arguments\":{\"source\":{"
                       "\"name\":\"/c/a\",\"path\":\"%s\"},\"breakpoints\":[{\"line\":1,\"path\":\"/c/a\"}]}}"},
        {DAP_TO_DELVE, "{\"seq\":1,\"type\":\"request\",\"command\":\"breakpointLocations\",\"arguments\":{\"source\":"
                       "{\"path\":\"%s\"},\"line\":1}}"},
        {DAP_TO_DELVE, "{\"arguments\":{\"sourceReference\":0,\"source\":{\"path\":\"%s\"}},\"command\":\"source\","
                       "\"type\":\"request\",\"seq\":1}"},
        {DAP_TO_DELVE, "{\"seq\":1,\"type\":\"request\",\"command\":\"gotoTargets\",\"arguments\":{\"source\":"
                       "{\"path\":\"%s\"},\"line\":1}}"},
        {DAP_TO_DELVE, "{\"seq\":1,\"type\":\"request\",\"command\":\"evaluate\",\"arguments\":{\"expression\":"
                       "\"/c/a\",\"source\":{\"path\":\"%s\"}}}"},
        {DAP_TO_CLIENT,
         "{\"seq\":0,\"type\":\"response\",\"request_seq\":1,\"success\":true,\"command\":\"stackTrace\","
         "\"body\":{\"stackFrames\":[{\"id\":1},{\"source\":{\"path\":\"%s\"},\"name\":\"/c/a\"},"
         "{\"source\":null}],\"totalFrames\":3}}"},
        {DAP_TO_CLIENT, "{\"seq\":0,\"type\":\"response\",\"request_seq\":1,\"success\":true,\"command\":"
                        "\"setBreakpoints\",\"body\":{\"breakpoints\":[{\"source\":{\"path\":\"%s\"}}]}}"},
        {DAP_TO_CLIENT, "{\"seq\":0,\"type\":\"response\",\"request_seq\":1,\"success\":true,\"command\":"
                        "\"setFunctionBreakpoints\",\"body\":{\"breakpoints\":[{\"source\":{\"path\":\"%s\"}}]}}"},
        {DAP_TO_CLIENT, "{\"seq\":0,\"type\":\"response\",\"request_seq\":1,\"success\":true,\"command\":"
                        "\"setInstructionBreakpoints\",\"body\":{\"breakpoints\":[{\"source\":{\"path\":\"%s\"}}]}}"},
        {DAP_TO_CLIENT, "{\"seq\":0,\"type\":\"response\",\"request_seq\":1,\"success\":true,\"command\":"
                        "\"setDataBreakpoints\",\"body\":{\"breakpoints\":[{\"source\":{\"path\":\"%s\"}}]}}"},
        {DAP_TO_CLIENT, "{\"seq\":0,\"type\":\"response\",\"request_seq\":1,\"success\":true,\"command\":"
                        "\"disassemble\",\"body\":{\"instructions\":[{\"location\":{\"path\":\"%s\"}}]}}"},
        {DAP_TO_CLIENT, "{\"seq\":0,\"type\":\"response\",\"request_seq\":1,\"success\":true,\"command\":"
                        "\"scopes\",\"body\":{\"scopes\":[{\"source\":{\"path\":\"%s\"}}]}}"},
        {DAP_TO_CLIENT, "{\"seq\":0,\"type\":\"event\",\"event\":\"breakpoint\",\"body\":{\"reason\":\"changed\","
                        "\"breakpoint\":{\"source\":{\"path\":\"%s\"}}}}"},
        {DAP_TO_CLIENT, "{\"seq\":0,\"type\":\"event\",\"event\":\"output\",\"body\":{\"output\":\"/c/a\",\"source\":{"
                        "\"path\":\"%s\"}}}"},
        {DAP_TO_CLIENT, "{\"seq\":0,\"type\":\"event\",\"event\":\"loadedSource\",\"body\":{\"source\":{"
                        "\"path\":\"%s\"}}}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char from[1024], to[1024], same[1024];
        snprintf(from, sizeof from, rows[i].format, "/c/x\\\\\\u00e4\\n\\\"\\ud83d\\ude00\xC3\xBC\\/y");
        snprintf(to, sizeof to, rows[i].format, "/r/x\\\\\xC3\xA4\\n\\\"\xF0\x9F\x98\x80\xC3\xBC/y");
        snprintf(same, sizeof same, rows[i].format, "\\/other\\u002fx");
        becomes(from, rows[i].direction, to);
        becomes(same, rows[i].direction, same);
        unchanged(from, rows[i].direction == DAP_TO_DELVE ? DAP_TO_CLIENT : DAP_TO_DELVE);
    }
}

static void other_fields_are_not_looked_at(void **state)
{
    (void)state;
    /* The right keys, one level too deep, too shallow, in another array, below another key. */
    unchanged(
        "{\"seq\":1,\"type\":\"request\",\"command\":\"setBreakpoints\",\"arguments\":{\"path\":\"/c/a\",\"x\":{"
        "\"source\":{\"path\":\"/c/a\"}},\"source\":{\"x\":{\"path\":\"/c/a\"},\"sources\":[{\"path\":\"/c/a\"}]}}"
        ",\"source\":{\"path\":\"/c/a\"}}",
        DAP_TO_DELVE);
    unchanged("{\"seq\":1,\"type\":\"request\",\"command\":\"setBreakpoints\",\"arguments\":[{\"source\":{\"path\":"
              "\"/c/a\"}}]}",
              DAP_TO_DELVE);
    unchanged("{\"seq\":1,\"type\":\"request\",\"command\":\"setBreakpoints\",\"arguments\":{\"source\":[{\"path\":"
              "\"/c/a\"}, [\"path\"], \"/c/a\"]}}",
              DAP_TO_DELVE);
    unchanged("{\"seq\":1,\"type\":\"request\",\"command\":\"setBreakpoints\",\"arguments\":{\"source\":{\"path\":{"
              "\"path\":\"/c/a\"}}}}",
              DAP_TO_DELVE);
    unchanged("{\"seq\":1,\"type\":\"request\",\"command\":\"setBreakpoints\",\"arguments\":{\"source\":{\"path\":[1,"
              "\"/c/a\"],\"name\":\"/c/a\"}}}",
              DAP_TO_DELVE);
    unchanged("{\"seq\":1,\"type\":\"request\",\"command\":\"setBreakpoints\",\"arguments\":{\"source\":[\"/c/a\"]}}",
              DAP_TO_DELVE);
    unchanged(
        "{\"seq\":1,\"type\":\"request\",\"command\":\"setBreakpoints\",\"arguments\":{\"source\":{},\"m\":{\"path\":"
        "\"/c/a\"}}}",
        DAP_TO_DELVE);
    unchanged("{\"seq\":0,\"type\":\"response\",\"request_seq\":1,\"success\":true,\"command\":\"stackTrace\",\"body\":"
              "{\"stackFrames\":{\"[]\":{\"source\":{\"path\":\"/c/a\"}}}}}",
              DAP_TO_CLIENT);
    unchanged("{\"seq\":1,\"type\":\"request\",\"command\":\"setBreakpoints\",\"arguments\":\"/c/a\"}", DAP_TO_DELVE);
    unchanged("{\"seq\":1,\"type\":\"request\",\"command\":\"setBreakpoints\"}", DAP_TO_DELVE);
    unchanged("{\"seq\":0,\"type\":\"response\",\"request_seq\":1,\"success\":true,\"command\":\"stackTrace\",\"body\":"
              "{\"stackFrames\":{\"source\":{\"path\":\"/c/a\"}},\"x\":[{\"source\":{\"path\":\"/c/a\"}}]}}",
              DAP_TO_CLIENT);
    unchanged("{\"seq\":0,\"type\":\"response\",\"request_seq\":1,\"success\":true,\"command\":\"stackTrace\",\"body\":"
              "{\"stackFrames\":[[{\"source\":{\"path\":\"/c/a\"}}]]}}",
              DAP_TO_CLIENT);
    /* Messages that the table does not name. */
    unchanged("{\"seq\":1,\"type\":\"request\",\"command\":\"launch\",\"arguments\":{\"source\":{\"path\":\"/c/a\"}}}",
              DAP_TO_DELVE);
    unchanged("{\"seq\":0,\"type\":\"event\",\"event\":\"stopped\",\"body\":{\"source\":{\"path\":\"/c/a\"}}}",
              DAP_TO_CLIENT);
    unchanged("{\"seq\":0,\"type\":\"event\",\"event\":\"setBreakpoints\",\"body\":{\"breakpoints\":[{\"source\":{"
              "\"path\":\"/c/a\"}}]}}",
              DAP_TO_CLIENT);
    unchanged("{\"seq\":0,\"type\":\"response\",\"request_seq\":1,\"success\":true,\"command\":\"source\",\"body\":{"
              "\"content\":\"/c/a\",\"source\":{\"path\":\"/c/a\"}}}",
              DAP_TO_CLIENT);
}

/* Delve's stack of a panic, the go command's kind of stack, and messages on breakpoints. */
static void paths_in_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected; /* NULL: unchanged, and nobody is asked */
    } cases[] = {
        {"Stack:\\n\\t0  0x0000000000457c0e in main.main\\n\\t    at /c/a b/main.go:12\\n\\t1  0x01 in "
         "runtime.main\\n\\t    "
         "at /usr/lib/go/src/runtime/proc.go:250\\n",
         "Stack:\\n\\t0  0x0000000000457c0e in main.main\\n\\t    at /r/a b/main.go:12\\n\\t1  0x01 in "
         "runtime.main\\n\\t    "
         "at /usr/lib/go/src/runtime/proc.go:250\\n"},
        {"goroutine 1 [running]:\\nmain.main()\\n\\t/c/m.go:7 +0x1d\\nexit status 2",
         "goroutine 1 [running]:\\nmain.main()\\n"
         "\\t/r/m.go:7 +0x1d\\nexit status 2"},
        {"\\tdeferred by main.f at /c/d.go:3", "\\tdeferred by main.f at /r/d.go:3"},
        {"could not find statement at /c/x.go:3, please use a line with a statement",
         "could not find statement at /r/x.go:3, please use a line with a statement"},
        {"\\tat /c/no line", NULL},
        {"/c/x.go:3", NULL},
        {"that /c/x.go:3", NULL},
        {"at :3", NULL},
        {"", NULL},
        {"\\n\\n", NULL},
    };
    static const char *const formats[] = {
        "{\"seq\":0,\"type\":\"response\",\"request_seq\":1,\"success\":true,\"command\":\"exceptionInfo\",\"body\":{"
        "\"exceptionId\":\"panic\",\"description\":\"at /c/x.go:3\",\"details\":{\"stackTrace\":\"%s\"}}}",
        "{\"seq\":0,\"type\":\"response\",\"request_seq\":1,\"success\":true,\"command\":\"setBreakpoints\",\"body\":{"
        "\"breakpoints\":[{\"verified\":false,\"message\":\"%s\"}]}}",
        "{\"seq\":0,\"type\":\"event\",\"event\":\"breakpoint\",\"body\":{\"breakpoint\":{\"message\":\"%s\"}}}",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t k = 0; k < sizeof formats / sizeof *formats; k++) {
            char text[1024], expected[1024];
            snprintf(text, sizeof text, formats[k], cases[i].text);
            snprintf(expected, sizeof expected, formats[k], cases[i].expected ? cases[i].expected : "");
            if (cases[i].expected)
                becomes(text, DAP_TO_CLIENT, expected);
            else
                unchanged(text, DAP_TO_CLIENT);
        }
    }
}

static void the_way_back_from_side_tracks(void **state)
{
    (void)state;
    /* Containers beside the way, in every position, do not hide what follows. */
    becomes("{\"seq\":0,\"type\":\"response\",\"request_seq\":1,\"success\":true,\"command\":\"stackTrace\",\"body\":{"
            "\"a\":[[{}]],\"stackFrames\":[1,[{\"source\":{\"path\":\"/c/1\"}}],{\"m\":{\"source\":{\"path\":\"/c/2\"}"
            "},\"source\":{\"x\":[],\"path\":\"/c/3\",\"y\":{}}},{\"source\":{\"path\":\"/c/4\"}}],\"b\":{}}}",
            DAP_TO_CLIENT,
            "{\"seq\":0,\"type\":\"response\",\"request_seq\":1,\"success\":true,\"command\":\"stackTrace\",\"body\":{"
            "\"a\":[[{}]],\"stackFrames\":[1,[{\"source\":{\"path\":\"/c/1\"}}],{\"m\":{\"source\":{\"path\":\"/c/2\"}"
            "},\"source\":{\"x\":[],\"path\":\"/r/3\",\"y\":{}}},{\"source\":{\"path\":\"/r/4\"}}],\"b\":{}}}");
    /* Keys written with escapes. */
    becomes(
        "{\"seq\":0,\"type\":\"event\",\"event\":\"output\",\"body\":{\"s\\u006furce\":{\"p\\u0061th\":\"/c/a\"}}}",
        DAP_TO_CLIENT,
        "{\"seq\":0,\"type\":\"event\",\"event\":\"output\",\"body\":{\"s\\u006furce\":{\"p\\u0061th\":\"/r/a\"}}}");
}

static void what_is_no_path_stays(void **state)
{
    (void)state;
    const char *format = "{\"seq\":0,\"type\":\"event\",\"event\":\"output\",\"body\":{\"source\":{\"path\":%s}}}";
    static const char *const values[] = {"\"/c/a\\u0000b\"", "\"\"", "null", "5", "true"};
    char text[256];
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        snprintf(text, sizeof text, format, values[i]);
        unchanged(text, DAP_TO_CLIENT);
    }
    snprintf(text, sizeof text, format, "\"/c/\xFF\"");
    char expected[256];
    snprintf(expected, sizeof expected, format, "\"/r/\xEF\xBF\xBD\"");
    becomes(text, DAP_TO_CLIENT, expected);
}

static void a_failed_map_fails(void **state)
{
    (void)state;
    const char *text = "{\"seq\":0,\"type\":\"event\",\"event\":\"output\",\"body\":{\"source\":{\"path\":\"/c/a\"}}}";
    struct dap_message m;
    struct err e;
    assert_int_equal(dap_message_scan(&m, text, strlen(text), &e), 0);
    struct dap_edits edits;
    dap_edits_init(&edits);
    struct mapper mapper = {.answer = -1};
    assert_int_equal(dap_paths_edit(&m, DAP_TO_CLIENT, map, &mapper, &edits), -1);
    assert_int_equal(edits.count, 0);
    dap_edits_free(&edits);
}

static char *frames(int count)
{
    struct buf b;
    buf_init(&b, OUT_MAX);
    buf_puts(&b,
             "{\"seq\":0,\"type\":\"response\",\"request_seq\":1,\"success\":true,\"command\":\"stackTrace\",\"body\":{"
             "\"stackFrames\":[");
    for (int i = 0; i < count; i++)
        buf_printf(&b, "%s{\"id\":%d,\"name\":\"main.f\",\"source\":{\"name\":\"x.go\",\"path\":\"/c/%d.go\"}}",
                   i ? "," : "", i, i);
    buf_puts(&b, "]}}");
    return buf_take(&b);
}

static void many_frames(void **state)
{
    (void)state;
    char *text = frames(MANY_FRAMES);
    struct mapper mapper = {.answer = 1};
    clock_t start = clock();
    char *got = mapped(text, DAP_TO_CLIENT, &mapper);
    /* Quadratic work would be 10^10 bytes; a second is generous for linear work under sanitizers. */
    assert_true(clock() - start < CLOCKS_PER_SEC);
    assert_int_equal(mapper.asked, MANY_FRAMES);
    size_t len = strlen(text);
    assert_int_equal(strlen(got), len);
    for (size_t i = 0; i < len; i++)
        assert_true(got[i] == text[i] || (got[i] == 'r' && text[i] == 'c' && got[i - 1] == '/' && got[i + 1] == '/'));
    free(got);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row),
        cmocka_unit_test(other_fields_are_not_looked_at),
        cmocka_unit_test(paths_in_texts),
        cmocka_unit_test(the_way_back_from_side_tracks),
        cmocka_unit_test(what_is_no_path_stays),
        cmocka_unit_test(a_failed_map_fails),
        cmocka_unit_test(many_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
