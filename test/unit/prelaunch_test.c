/* Steps before a launch: what a list may hold, what is run, and what is said of a wrong one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "delve/prelaunch.h"

enum { JSON_TEXT_MAX = 64 * 1024, TOO_MANY = 65 };

static int read_list(const char *text, struct delve_prelaunch *p, struct err *e)
{
    json_error_t why;
    json_t *list = json_loads(text, JSON_DECODE_ANY, &why);
    if (!list)
        fail_msg("%s: %s", text, why.text);
    int r = delve_prelaunch_read(p, list, "delvegate.prelaunch", e);
    json_decref(list);
    return r;
}

static void assert_step(const struct delve_prelaunch_step *s, const char *text, bool optional, const char *const *argv)
{
    size_t n = 0;
    assert_string_equal(s->text, text);
    assert_int_equal(s->optional, optional);
    for (; argv[n]; n++) {
        assert_true(n < s->argv.count);
        assert_string_equal(s->argv.list[n], argv[n]);
    }
    assert_int_equal(s->argv.count, n);
}

static void every_step_by_its_name(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        const char *argv[5];
    } cases[] = {
        {"download", "go mod download", {"go", "mod", "download", NULL}},
        {"tidy", "go mod tidy", {"go", "mod", "tidy", NULL}},
        {"verify", "go mod verify", {"go", "mod", "verify", NULL}},
        {"vendor", "go mod vendor", {"go", "mod", "vendor", NULL}},
        {"cleanTestCache", "go clean -testcache", {"go", "clean", "-testcache", NULL}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct delve_prelaunch p;
        struct err e = {{0}};
        struct buf json;
        buf_init(&json, JSON_TEXT_MAX);
        buf_printf(&json, "[\"%s\", {\"step\": \"%s\", \"optional\": true}, {\"step\": \"%s\"}]", cases[i].name,
                   cases[i].name, cases[i].name);
        assert_false(json.failed);
        if (read_list(json.data, &p, &e) < 0)
            fail_msg("%s: %s", json.data, e.text);
        assert_int_equal(p.count, 3);
        assert_step(&p.list[0], cases[i].text, false, cases[i].argv);
        assert_step(&p.list[1], cases[i].text, true, cases[i].argv);
        assert_step(&p.list[2], cases[i].text, false, cases[i].argv);
        delve_prelaunch_free(&p);
        assert_int_equal(p.count, 0);
        assert_null(p.list);
        buf_free(&json);
    }
}

static void commands_are_words_or_a_line_for_sh_in_the_order_written(void **state)
{
    (void)state;
    struct delve_prelaunch p;
    struct err e = {{0}};
    assert_int_equal(read_list("[{\"command\": [\"make\", \"\", \"a b\", \"-x\"], \"optional\": true}, \"tidy\","
                               " {\"command\": \"make gen && echo 'x y'\"}, {\"command\": [\"./gen.sh\"], "
                               "\"optional\": false}]",
                               &p, &e),
                     0);
    const char *const args[] = {"make", "", "a b", "-x", NULL};
    const char *const tidy[] = {"go", "mod", "tidy", NULL};
    const char *const line[] = {"sh", "-c", "make gen && echo 'x y'", NULL};
    const char *const script[] = {"./gen.sh", NULL};
    assert_int_equal(p.count, 4);
    assert_step(&p.list[0], "make  a b -x", true, args);
    assert_step(&p.list[1], "go mod tidy", false, tidy);
    assert_step(&p.list[2], "make gen && echo 'x y'", false, line);
    assert_step(&p.list[3], "./gen.sh", false, script);
    delve_prelaunch_free(&p);
}

static void nothing_is_an_empty_list(void **state)
{
    (void)state;
    struct delve_prelaunch p = {.count = 1};
    struct err e = {{0}};
    assert_int_equal(delve_prelaunch_read(&p, NULL, "x", &e), 0);
    assert_int_equal(p.count, 0);
    delve_prelaunch_free(&p);
    static const char *const lists[] = {"null", "[]"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        assert_int_equal(read_list(lists[i], &p, &e), 0);
        assert_int_equal(p.count, 0);
        delve_prelaunch_free(&p);
    }
}

static void assert_refused(const char *list, const char *says)
{
    struct delve_prelaunch p;
    struct err e = {{0}};
    if (read_list(list, &p, &e) == 0)
        fail_msg("%s passed", list);
    if (!strstr(e.text, says))
        fail_msg("%s: %s", list, e.text);
    if (!strstr(e.text, "delvegate.prelaunch"))
        fail_msg("%s: %s", list, e.text);
    assert_null(strchr(e.text, '\n'));
    /* Nothing is held after a failure. */
    assert_int_equal(p.count, 0);
    assert_null(p.list);
}

static void what_is_wrong_is_named_with_its_subscript(void **state)
{
    (void)state;
    static const struct {
        const char *list, *says;
    } cases[] = {
        {"\"tidy\"", "delvegate.prelaunch must be a list of at most 64 steps"},
        {"{}", "delvegate.prelaunch must be a list"},
        {"7", "delvegate.prelaunch must be a list"},
        {"[7]", "delvegate.prelaunch[0] must be \"download\", \"tidy\""},
        {"[\"tidy\", null]", "delvegate.prelaunch[1] must be"},
        {"[[\"go\"]]", "delvegate.prelaunch[0] must be"},
        {"[{}]", "delvegate.prelaunch[0] must have either \"step\" or \"command\""},
        {"[{\"optional\": true}]", "must have either"},
        {"[{\"step\": \"tidy\", \"command\": \"x\"}]", "must have either"},
        {"[{\"step\": \"tidy\", \"optinal\": true}]", "nothing else"},
        {"[{\"step\": \"tidy\", \"optional\": 1}]", "delvegate.prelaunch[0].optional must be true or false"},
        {"[{\"step\": 1}]", "delvegate.prelaunch[0].step must be a string"},
        {"[{\"step\": \"tity\"}]", "there is no step \"tity\" (did you mean \"tidy\"?)"},
        {"[{\"command\": 1}]", "delvegate.prelaunch[0].command must be"},
        {"[{\"command\": []}]", "delvegate.prelaunch[0].command must be"},
        {"[{\"command\": \"\"}]", "delvegate.prelaunch[0].command must be"},
        {"[{\"command\": {}}]", "delvegate.prelaunch[0].command must be"},
        {"[{\"command\": [\"\"]}]", "delvegate.prelaunch[0].command[0] must be a string, the name of the program"},
        {"[\"tidy\", {\"command\": [\"a\", 1]}]", "delvegate.prelaunch[1].command[1] must be a string"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(cases[i].list, cases[i].says);
    struct buf many;
    buf_init(&many, JSON_TEXT_MAX);
    for (size_t i = 0; i < TOO_MANY; i++) {
        buf_puts(&many, i ? ",\"tidy\"" : "[\"tidy\"");
        assert_false(many.failed);
    }
    buf_puts(&many, "]");
    assert_false(many.failed);
    assert_refused(many.data, "at most 64 steps");
    buf_free(&many);
}

static void a_name_that_is_near_is_suggested(void **state)
{
    (void)state;
    static const struct {
        const char *name, *meant; /* NULL: none is near */
    } cases[] = {
        {"tidi", "tidy"},
        {"Tidy", "tidy"},
        {"tiyd", "tidy"},
        {"dowload", "download"},
        {"verfy", "verify"},
        {"vendors", "vendor"},
        {"cleantestcache", "cleanTestCache"},
        {"testcache", "cleanTestCache"},
        {"go clean -testcache", "cleanTestCache"},
        {"go mod tidy", "tidy"},
        {"mod download", "download"},
        {"generate", NULL},
        {"go", NULL},
        {"", NULL},
        {"tidy && rm", NULL},
        {"build", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct delve_prelaunch p;
        struct err e = {{0}};
        json_t *list = json_pack("[s]", cases[i].name);
        assert_int_equal(delve_prelaunch_read(&p, list, "delvegate.prelaunch", &e), -1);
        json_decref(list);
        const char *said = strstr(e.text, "did you mean \"");
        if (!said != !cases[i].meant)
            fail_msg("%s: %s", cases[i].name, e.text);
        if (said && strncmp(said + strlen("did you mean \""), cases[i].meant, strlen(cases[i].meant)) != 0)
            fail_msg("%s: %s", cases[i].name, e.text);
        /* Near or not, all that is allowed is listed. */
        assert_non_null(strstr(e.text, "\"download\", \"tidy\", \"verify\", \"vendor\", \"cleanTestCache\""));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_by_its_name),
        cmocka_unit_test(commands_are_words_or_a_line_for_sh_in_the_order_written),
        cmocka_unit_test(nothing_is_an_empty_list),
        cmocka_unit_test(what_is_wrong_is_named_with_its_subscript),
        cmocka_unit_test(a_name_that_is_near_is_suggested),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
