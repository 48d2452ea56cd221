/* JSON texts as trees: the bounds, and what is said of a text that is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "dap/buf.h"
#include "dap/tree.h"

static struct err why;

static int read_text(const char *text, size_t len, enum dap_tree_of of, json_t **tree)
{
    *tree = (json_t *)&why; /* it is set in any case */
    why.text[0] = '\0';
    return dap_tree_read(text, len, of, tree, &why);
}

static void refused(const char *text, enum dap_tree_of of, const char *message)
{
    json_t *tree;
    assert_int_equal(read_text(text, strlen(text), of, &tree), 1);
    assert_null(tree);
    if (!strstr(why.text, message))
        fail_msg("%s: %s", text, why.text);
}

static void test_refused_by_name(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"{\"program\":\"/a\\u0000b\"}",
         "program contains \\u0000, which a path, argument or variable cannot; remove it (byte 14 of 23)"},
        {"{\"args\":[\"a\",[\"\\u0000\"]]}", "args[1][0] contains \\u0000"},
        {"{\"args\":[{\"a\":1,\"b\":2},{\"c\":[]},\"\\u0000\"]}", "args[2] contains \\u0000"},
        {"{\"env\":{\"A\":{\"B\":[1,2]},\"C\":\"\\u0000\"}}", "env.C contains \\u0000"},
        {"{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":\"\\u0000\"}}}}}", "a.b.c.d contains \\u0000"},
        {"{\"env\":{\"A\\u0000\":1}}", "a name in env contains \\u0000"},
        {"{\"A\\u0000\":1}", "a name in the arguments contains \\u0000"},
        {"{\"a\":1,\"b\":\"x\xff\"}", "b is not valid UTF-8; save it as UTF-8 (byte 13 of 16)"},
        {"{\"\xc0\x80\":1}", "a name in the arguments is not valid UTF-8"},
        {"{\"b\":\"\xed\xa0\x80\"}", "b is not valid UTF-8"},
        {"{\"b\":\"\\ud800\"}", "b contains half of a surrogate pair"},
        {"{\"b\":\"\\ud800\\u0041\"}", "b contains half of a surrogate pair"},
        {"{\"b\":\"\\udc00\"}", "b contains half of a surrogate pair"},
        {"{\"b\":9223372036854775808}", "b is a number that is too large"},
        {"{\"b\":[1,-1e400]}", "b[1] is a number that is too large"},
        {"{\"b\":", "the arguments: cannot be read: "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(cases[i].text, DAP_TREE_ARGUMENTS, cases[i].message);
}

static void test_read(void **state)
{
    static const char all[] =
        "{\"a\":[1,-9223372036854775808,1.5e3,true,null],\"b\":\"\\ud83d\\ude00 \xc3\xa9 \\\\u0000\"}";
    json_t *tree;
    (void)state;
    assert_int_equal(read_text(all, sizeof all - 1, DAP_TREE_ARGUMENTS, &tree), 0);
    assert_string_equal(json_string_value(json_object_get(tree, "b")), "\xf0\x9f\x98\x80 \xc3\xa9 \\u0000");
    json_decref(tree);
    /* What is only noted, or comes from Delve, may hold a NUL, but not in a name. */
    assert_int_equal(read_text("{\"a\":\"\\u0000\"}", 14, DAP_TREE_REQUEST, &tree), 0);
    assert_int_equal(json_string_length(json_object_get(tree, "a")), 1);
    json_decref(tree);
    refused("{\"\\u0000\":1}", DAP_TREE_BODY, "a name in the body contains \\u0000");
}

/* An array of so many values, with itself. */
static void many(struct buf *out, size_t values, const char *value)
{
    buf_init(out, 64 * 1024 * 1024);
    buf_puts(out, "[");
    for (size_t i = 1; i < values; i++)
        buf_printf(out, "%s%s", i > 1 ? "," : "", value);
    buf_puts(out, "]");
    assert_false(out->failed);
}

static void test_bounds(void **state)
{
    static const struct {
        enum dap_tree_of of;
        size_t values, bytes;
    } bounds[] = {
        {DAP_TREE_ARGUMENTS, DAP_ARGUMENTS_VALUES_MAX, DAP_ARGUMENTS_BYTES_MAX},
        {DAP_TREE_REQUEST, DAP_REQUEST_VALUES_MAX, DAP_REQUEST_BYTES_MAX},
        {DAP_TREE_BODY, DAP_BODY_VALUES_MAX, DAP_BODY_BYTES_MAX},
        {DAP_TREE_KEPT, DAP_KEPT_VALUES_MAX, DAP_KEPT_BYTES_MAX},
    };
    json_t *tree;
    (void)state;
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        struct buf text;
        char message[64];
        many(&text, bounds[i].values, "{}");
        assert_int_equal(read_text(text.data, text.len, bounds[i].of, &tree), 0);
        json_decref(tree);
        buf_free(&text);
        many(&text, bounds[i].values + 1, "1");
        (void)snprintf(message, sizeof message, "more than the limit of %zu values", bounds[i].values);
        refused(text.data, bounds[i].of, message);
        buf_free(&text);

        /* Spaces count as bytes only. */
        buf_init(&text, 64 * 1024 * 1024);
        buf_puts(&text, "[");
        while (text.len < bounds[i].bytes - 1)
            buf_puts(&text, " ");
        buf_puts(&text, "]");
        assert_int_equal(read_text(text.data, text.len, bounds[i].of, &tree), 0);
        json_decref(tree);
        text.data[text.len - 1] = ' ';
        buf_puts(&text, "]");
        (void)snprintf(message, sizeof message, "%zu bytes exceed the limit of %zu KiB", text.len,
                       bounds[i].bytes >> 10);
        refused(text.data, bounds[i].of, message);
        buf_free(&text);
    }
}

static void test_payload(void **state)
{
    static const struct {
        const char *arguments, *message; /* NULL: {} */
    } cases[] = {
        {NULL, NULL},
        {"null", NULL},
        {"{}", NULL},
        {"[]", "the arguments: expected an object, not an array"},
        {"\"{}\"", "the arguments: expected an object, not a string"},
        {"17", "the arguments: expected an object, not a single value"},
        {"true", "the arguments: expected an object, not a single value"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        struct dap_message m;
        json_t *tree;
        (void)snprintf(text, sizeof text, "{\"seq\":1,\"type\":\"request\",\"command\":\"launch\"%s%s}",
                       cases[i].arguments ? ",\"arguments\":" : "", cases[i].arguments ? cases[i].arguments : "");
        assert_int_equal(dap_message_scan(&m, text, strlen(text), &why), 0);
        assert_int_equal(dap_tree_payload(&m, DAP_TREE_ARGUMENTS, &tree, &why), cases[i].message ? 1 : 0);
        if (cases[i].message)
            assert_string_equal(why.text, cases[i].message);
        else
            assert_int_equal(json_object_size(tree), 0);
        json_decref(tree);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_by_name),
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_payload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
