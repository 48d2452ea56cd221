/* Delve's flags as users write them: no spelling of one may swallow a pin, end the flags, or pass without a word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "delve/flags.h"
#include "delve/strings.h"

enum { ARGS_MAX = 8 };

struct outcome {
    struct delve_strings out, notes;
    struct err e;
    int result;
};

static struct outcome read_flags(const char *const *args)
{
    struct outcome o = {.result = 0};
    size_t count = 0;
    while (args[count])
        count++;
    o.result = delve_flags_read(args, count, "dlvFlags", &o.out, &o.notes, &o.e);
    return o;
}

static void outcome_free(struct outcome *o)
{
    delve_strings_free(&o->out);
    delve_strings_free(&o->notes);
}

static void flags_pass_as_one_word(void **state)
{
    (void)state;
    static const struct {
        const char *args[ARGS_MAX];
        const char *passed[ARGS_MAX];
    } cases[] = {
        {{"--check-go-version=false"}, {"--check-go-version=false"}},
        {{"--check-go-version"}, {"--check-go-version=true"}},
        {{"--check-go-version=0"}, {"--check-go-version=false"}},
        {{"--check-go-version=maybe"}, {"--check-go-version=maybe"}},
        {{"--backend", "native"}, {"--backend=native"}},
        {{"--backend=rr", "--disable-aslr"}, {"--backend=rr", "--disable-aslr=true"}},
        {{"--build-flags", "-tags=a -v"}, {"--build-flags=-tags=a -v"}},
        {{"--wd", "/a b"}, {"--wd=/a b"}},
        {{"--backend="}, {"--backend="}},
        /* pflag takes the next word whatever it looks like; as one word it stays harmless */
        {{"--backend", "--headless=false"}, {"--backend=--headless=false"}},
        {{"--backend", "--"}, {"--backend=--"}},
        {{"--not-yet-invented=7"}, {"--not-yet-invented=7"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct outcome o = read_flags(cases[i].args);
        if (o.result < 0)
            fail_msg("%s: %s", cases[i].args[0], o.e.text);
        assert_int_equal(o.notes.count, 0);
        size_t n = 0;
        for (; cases[i].passed[n]; n++) {
            assert_true(n < o.out.count);
            assert_string_equal(o.out.list[n], cases[i].passed[n]);
        }
        assert_int_equal(o.out.count, n);
        outcome_free(&o);
    }
}

static void pins_and_supervisors_flags_are_dropped_with_a_note(void **state)
{
    (void)state;
    static const char *const cases[][ARGS_MAX] = {
        {"--headless=false"},
        {"--only-same-user=false"},
        {"--only-same-user=0"},
        {"--accept-multiclient=F"},
        {"--api-version=1"},
        {"--api-version", "1"},
        {"--listen=0.0.0.0:1"},
        {"--listen", "0.0.0.0:1"},
        {"-l", "0.0.0.0:1"},
        {"-l0.0.0.0:1"},
        {"-l=0.0.0.0:1"},
        {"-r", "stdout:/tmp/x"},
        {"-rstdout:/tmp/x"},
        {"--redirect=stdout:/tmp/x"},
        {"--log-dest=3"},
        {"--log-output", "rpc"},
        {"--log=false"},
        {"--tty=/dev/pts/1"},
        {"--output", "x"},
        {"--continue"},
        {"--init", "/tmp/init"},
        {"--help"},
        {"-h"},
        {"--client-addr=127.0.0.1:1"},
        {"--waitfor", "x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct outcome o = read_flags(cases[i]);
        if (o.result < 0)
            fail_msg("%s: %s", cases[i][0], o.e.text);
        assert_int_equal(o.out.count, 0);
        if (o.notes.count != 1)
            fail_msg("%s: %zu notes", cases[i][0], o.notes.count);
        assert_non_null(strstr(o.notes.list[0], "dlvFlags: --"));
        assert_non_null(strstr(o.notes.list[0], "is dropped: "));
        outcome_free(&o);
    }
}

static void a_pin_with_its_own_value_needs_no_note(void **state)
{
    (void)state;
    const char *args[] = {"--headless", "--api-version=2",      "--only-same-user=true", "--accept-multiclient=1",
                          "--log",      "--listen=127.0.0.1:0", "--continue=false",      NULL};
    struct outcome o = read_flags(args);
    assert_int_equal(o.result, 0);
    assert_int_equal(o.out.count, 0);
    assert_int_equal(o.notes.count, 0);
    outcome_free(&o);
}

static void what_is_no_flag_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *args[ARGS_MAX];
        const char *says;
    } cases[] = {
        {{"--"}, "\"--\" would end dlv's flags"},
        {{"--check-go-version=false", "--", "x"}, "\"--\" would end dlv's flags"},
        {{"--backend"}, "--backend needs a value"},
        {{"--check-go-version", "false"}, "\"false\" is not a flag"},
        {{"-r"}, "--redirect needs a value"},
        {{"-hr"}, "--redirect needs a value"},
        {{"-l"}, "--listen needs a value"},
        {{"program"}, "\"program\" is not a flag"},
        {{""}, "\"\" is not a flag"},
        {{"-"}, "\"-\" is not a flag"},
        {{"--=x"}, "\"--=x\" is not a flag"},
        {{"---headless"}, "\"---headless\" is not a flag"},
        {{"--not-yet-invented"}, "\"--not-yet-invented=VALUE\""},
        {{"--not-yet-invented", "7"}, "\"--not-yet-invented=VALUE\""},
        {{"-z"}, "no flag \"-z\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct outcome o = read_flags(cases[i].args);
        if (o.result == 0)
            fail_msg("%s passed", cases[i].args[0]);
        assert_non_null(strstr(o.e.text, "dlvFlags: "));
        if (!strstr(o.e.text, cases[i].says))
            fail_msg("%s: %s", cases[i].args[0], o.e.text);
        outcome_free(&o);
    }
}

static void a_single_dash_never_reaches_delve(void **state)
{
    (void)state;
    /* pflag reads it as -h, -e with the value "adless=false". */
    const char *args[] = {"-headless=false", NULL};
    struct outcome o = read_flags(args);
    assert_int_equal(o.result, 0);
    assert_int_equal(o.out.count, 0);
    assert_int_equal(o.notes.count, 2);
    outcome_free(&o);
}

static void kinds(void **state)
{
    (void)state;
    assert_int_equal(delve_flag_kind_of("--listen=x"), DELVE_FLAG_PINNED);
    assert_int_equal(delve_flag_kind_of("--listen"), DELVE_FLAG_PINNED);
    assert_int_equal(delve_flag_kind_of("-l"), DELVE_FLAG_PINNED);
    assert_int_equal(delve_flag_kind_of("-l=x"), DELVE_FLAG_PINNED);
    assert_int_equal(delve_flag_kind_of("--headless"), DELVE_FLAG_PINNED);
    assert_int_equal(delve_flag_kind_of("--headles"), DELVE_FLAG_USER);
    assert_int_equal(delve_flag_kind_of("-r"), DELVE_FLAG_SUPERVISOR);
    assert_int_equal(delve_flag_kind_of("--log-dest=1"), DELVE_FLAG_SUPERVISOR);
    assert_int_equal(delve_flag_kind_of("--backend=x"), DELVE_FLAG_USER);
    assert_int_equal(delve_flag_kind_of("word"), DELVE_FLAG_USER);
    assert_int_equal(delve_flag_kind_of("-"), DELVE_FLAG_USER);
    assert_int_equal(delve_flag_kind_of(""), DELVE_FLAG_USER);
}

static void words_split_as_delve_does(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *args[ARGS_MAX];
    } cases[] = {
        {"", {NULL}},
        {"  ", {NULL}},
        {"-v", {"-v"}},
        {" -tags=a \t -v\n", {"-tags=a", "-v"}},
        {"-ldflags='-X a=b c' -v", {"-ldflags=-X a=b c", "-v"}},
        {"'-tags=a b'", {"-tags=a b"}},
        {"'it\\'s \\\\'", {"it's \\"}},
        {"a\\ b", {"a\\", "b"}},
        {"''", {""}},
        {"'open end", {"open end"}},
        {"a\"b c\"", {"a\"b", "c\""}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct delve_strings args = {0};
        bool is_open = strstr(cases[i].text, "'open");
        assert_int_equal(delve_args_split(&args, cases[i].text, "'"), is_open ? 1 : 0);
        size_t n = 0;
        for (; cases[i].args[n]; n++) {
            assert_true(n < args.count);
            assert_string_equal(args.list[n], cases[i].args[n]);
        }
        assert_int_equal(args.count, n);
        delve_strings_free(&args);
    }
}

static void words_joined_split_into_the_same(void **state)
{
    (void)state;
    const char *args[] = {"-v", "-tags=a b", "it's", "", "back\\slash", "\\ '", "-ldflags=-X 'a=b'"};
    enum { COUNT = sizeof args / sizeof args[0] };
    struct delve_strings list = {0}, again = {0};
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(delve_strings_add(&list, args[i]), 0);
    char *text = delve_args_join(&list);
    assert_non_null(text);
    assert_int_equal(delve_args_split(&again, text, "'"), 0);
    assert_int_equal(again.count, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        assert_string_equal(again.list[i], args[i]);
    free(text);
    delve_strings_free(&list);
    delve_strings_free(&again);
}

static void a_note_is_one_line_of_bounded_length(void **state)
{
    (void)state;
    char huge[3 * ERR_TEXT_MAX];
    memset(huge, 'x', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    struct delve_strings notes = {0};
    assert_int_equal(delve_note(&notes, "a\nb\x1b[31m%s", huge), 0);
    assert_int_equal(strncmp(notes.list[0], "a?b?[31mxxx", 11), 0);
    assert_true(strlen(notes.list[0]) < ERR_TEXT_MAX);
    delve_strings_free(&notes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_pass_as_one_word),
        cmocka_unit_test(pins_and_supervisors_flags_are_dropped_with_a_note),
        cmocka_unit_test(a_pin_with_its_own_value_needs_no_note),
        cmocka_unit_test(what_is_no_flag_is_refused),
        cmocka_unit_test(a_single_dash_never_reaches_delve),
        cmocka_unit_test(kinds),
        cmocka_unit_test(words_split_as_delve_does),
        cmocka_unit_test(words_joined_split_into_the_same),
        cmocka_unit_test(a_note_is_one_line_of_bounded_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
