/* The table of the command line, and what is made from it. */
#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/cli/command_line.h"
#include "proxy/cli/completion.h"

enum { TEXT_MAX = 1 << 20, LINE_MAX_BYTES = 120, ARGUMENTS_MAX = 8 };

static const char *const shells[] = {"bash", "zsh", "fish"};

static void a_code_is_one_option(const struct command_option *o, const struct command *except)
{
    for (const struct command *c = command_line; c->text; c++)
        for (const struct command_option *p = c->options; p->name; p++) {
            assert_int_equal(p->code == o->code, strcmp(p->name, o->name) == 0);
            if (c == except && p != o)
                assert_string_not_equal(p->name, o->name);
        }
}

static void table(void **state)
{
    (void)state;
    for (const struct command *c = command_line; c->text; c++) {
        assert_int_equal(c->name == NULL, c == command_line);
        for (const struct command_option *o = c->options; o->name; o++) {
            a_code_is_one_option(o, c);
            assert_true(*o->text && !strpbrk(o->text, "\n"));
            bool has_choices = o->value == COMMAND_CHOICE || o->value == COMMAND_OPTIONAL_WORD;
            bool has_name = o->value == COMMAND_FILE || o->value == COMMAND_DIRECTORY;
            assert_int_equal(o->choices != NULL, has_choices);
            assert_int_equal(o->value_name != NULL, has_name);
        }
    }
    assert_null(command_find("nosuch"));
    assert_string_equal(command_find("exec")->name, "exec");
}

static void help(void **state)
{
    (void)state;
    for (const struct command *c = command_line; c->text; c++) {
        struct buf text;
        buf_init(&text, TEXT_MAX);
        command_help(&text, c);
        assert_false(text.failed);
        for (const struct command_option *o = c->options; o->name; o++) {
            char option[LINE_MAX_BYTES];
            (void)snprintf(option, sizeof option, "    --%s", o->name);
            memcpy(option, command_option_has_letter(o) ? (char[]){'-', (char)o->code, ',', ' '} : "    ", 4);
            assert_non_null(strstr(text.data, option));
            assert_non_null(strstr(text.data, o->text));
        }
        for (const char *line = text.data; *line; line += strcspn(line, "\n") + 1)
            assert_true(strcspn(line, "\n") <= LINE_MAX_BYTES);
        size_t len = text.len;
        buf_free(&text);
        for (size_t max = 0; max < len; max++) {
            buf_init(&text, max);
            command_help(&text, c);
            assert_true(text.failed);
            buf_free(&text);
        }
    }
}

/* What command_next makes of a line: its codes, and the first word that is left. */
static void reads(const char *name, const char *const *args, const int *codes, const char *left)
{
    const struct command *c = name ? command_find(name) : command_line;
    char *argv[ARGUMENTS_MAX] = {(char *)(uintptr_t) "first"};
    int argc = 1, code = 0;
    for (; *args; args++)
        argv[argc++] = (char *)(uintptr_t)*args;
    optind = 0;
    for (size_t i = 0; code != COMMAND_END && code != COMMAND_WRONG; i++) {
        code = command_next(c, argc, argv);
        assert_int_equal(code, codes[i]);
        assert_string_equal(argv[0], "first");
    }
    if (left)
        assert_string_equal(argv[optind], left);
    else if (code == COMMAND_END)
        assert_int_equal(optind, argc);
}

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define CODES(...) ((const int[]){__VA_ARGS__})

static void reading(void **state)
{
    (void)state;
    reads(NULL, ARGS("-c", "x", "-V"), CODES(COMMAND_CONFIG, COMMAND_VERSION, COMMAND_END), NULL);
    reads(NULL, ARGS("--config=x", "exec", "-h"), CODES(COMMAND_CONFIG, COMMAND_END), "exec");
    reads(NULL, ARGS("--print-signatures", "markdown"), CODES(COMMAND_PRINT_SIGNATURES, COMMAND_END), "markdown");
    reads(NULL, ARGS("--print-signatures=markdown"), CODES(COMMAND_PRINT_SIGNATURES, COMMAND_END), NULL);
    reads(NULL, ARGS("--nosuch"), CODES(COMMAND_WRONG), NULL);
    reads(NULL, ARGS("-x"), CODES(COMMAND_WRONG), NULL);
    reads(NULL, ARGS("--config"), CODES(COMMAND_WRONG), NULL);
    reads(NULL, ARGS("--help=yes"), CODES(COMMAND_WRONG), NULL);
    reads(NULL, ARGS("--cwd", "x"), CODES(COMMAND_WRONG), NULL);
    reads("exec", ARGS("--cwd", "x", "target", "--help"), CODES(COMMAND_CWD, COMMAND_END), "target");
    reads(NULL, ARGS("help", "exec"), CODES(COMMAND_END), "help");
    reads("help", ARGS("exec"), CODES(COMMAND_END), "exec");
    reads("version", ARGS("--help"), CODES(COMMAND_HELP, COMMAND_END), NULL);
    reads("check-env", ARGS("target", "--help"), CODES(COMMAND_HELP, COMMAND_END), "target");
}

static void completions(void **state)
{
    (void)state;
    struct buf text;
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
        buf_init(&text, TEXT_MAX);
        assert_int_equal(completion_script(&text, shells[i]), 0);
        for (const struct command *c = command_line; c->text; c++) {
            assert_true(!c->name || strstr(text.data, c->name));
            for (const struct command_option *o = c->options; o->name; o++)
                assert_non_null(strstr(text.data, o->name));
        }
        size_t len = text.len;
        buf_free(&text);
        for (size_t max = 0; max < len; max++) {
            buf_init(&text, max);
            assert_int_equal(completion_script(&text, shells[i]), -1);
            buf_free(&text);
        }
    }
    buf_init(&text, TEXT_MAX);
    assert_int_equal(completion_script(&text, "csh"), 1);
    assert_int_equal(text.len, 0);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(help),
        cmocka_unit_test(reading),
        cmocka_unit_test(completions),
    };
    return cmocka_run_group_tests_name("command line", tests, NULL, NULL);
}
