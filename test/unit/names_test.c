/* File names that Delve does not know: what it is asked, and what is made of its answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "delve/names.h"

enum { OUT_MAX = 8192 };

static void the_file_of_a_message(void **state)
{
    (void)state;
    assert_string_equal(delve_names_missing("could not find file /w/a b/main.go"), "/w/a b/main.go");
    assert_null(delve_names_missing("could not find file "));
    assert_null(delve_names_missing("could not find statement at /w/main.go:3"));
    assert_null(delve_names_missing(""));
}

static void the_question(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"/w/main.go", "dlv sources (^|/)main\\.go$"},
        {"C:\\w\\a+b [1].go", "dlv sources (^|/)a\\+b\\ \\[1\\]\\.go$"},
        {"x_test.go", "dlv sources (^|/)x_test\\.go$"},
        {"/w/\xC3\xA9.go", "dlv sources (^|/)\xC3\xA9\\.go$"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out;
        buf_init(&out, OUT_MAX);
        delve_names_question(cases[i][0], &out);
        assert_false(out.failed);
        assert_string_equal(out.data, cases[i][1]);
        buf_free(&out);
    }
}

static void the_missing_rule(void **state)
{
    (void)state;
    static const struct {
        const char *client, *file, *names, *says; /* says NULL: nothing is explained */
    } cases[] = {
        {"/Users/me/ws/cmd/main.go", "/home/me/ws/cmd/main.go", "example.com/mod/cmd/main.go\n",
         "calls it \"example.com/mod/cmd/main.go\". Add { \"from\": \"/Users/me/ws\", \"to\": \"example.com/mod\" }"},
        {"C:\\ws\\cmd\\main.go", "C:\\ws\\cmd\\main.go", "mod/cmd/main.go",
         "{ \"from\": \"C:\\ws\", \"to\": \"mod\" }"},
        {"/Users/me/hello/main.go", "/home/me/hello/main.go", "example.com/hello/main.go",
         "{ \"from\": \"/Users/me/hello\", \"to\": \"example.com/hello\" }"},
        {"/w/pkg/a.go", "/w/pkg/a.go", "pkg/a.go", "{ \"from\": \"/w\", \"to\": \"\" }"},
        {"/Users/me/ws/main.go", "/home/me/ws/main.go", "example.com/mod/main.go",
         "calls its files by names like \"example.com/mod/main.go\". Add { \"from\": the module's directory in the "
         "editor"},
        {"/Users/me/ws/cmd/x/main.go", "/home/me/ws/cmd/x/main.go", "/builds/1/cmd/x/main.go",
         "{ \"from\": \"/Users/me/ws\", \"to\": \"/builds/1\" }"},
        {"/w/b/c/a.go", "/w/b/c/a.go", "x.y/c/a.go\nx.y/b/c/a.go\nx.y/a.go", "calls it \"x.y/b/c/a.go\""},
        /* No part of the program: another one's main.go, the same tree, the standard library's, a dependency's. */
        {"/w/tool/main.go", "/w/tool/main.go", "/w/hello/main.go", NULL},
        {"/home/me/ws/v1/api/types.go", "/home/me/ws/v1/api/types.go", "/home/me/ws/v2/api/types.go", NULL},
        {"/w/proc.go", "/w/proc.go", "runtime/proc.go\n", NULL},
        {"/w/a.go", "/w/a.go", "github.com/x/y@v1.2.3/a.go", NULL},
        {"/w/a.go", "/w/a.go", "", NULL},
        {"/w/a.go", "/w/a.go", "\n\n/w/ba.go\n", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out;
        buf_init(&out, OUT_MAX);
        int r = delve_names_explain(cases[i].client, cases[i].file, cases[i].names, &out);
        assert_int_equal(r, cases[i].says != NULL);
        if (cases[i].says && !strstr(out.data, cases[i].says))
            fail_msg("%s: %s", cases[i].client, out.data);
        buf_free(&out);
    }
    struct buf small;
    buf_init(&small, 4);
    assert_int_equal(delve_names_explain("/w/pkg/a.go", "/w/pkg/a.go", "pkg/a.go", &small), -1);
    buf_free(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_of_a_message),
        cmocka_unit_test(the_question),
        cmocka_unit_test(the_missing_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
