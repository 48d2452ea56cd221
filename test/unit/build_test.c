/* Messages that delvegate builds itself, and UTF-8 that is cut or broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "dap/build.h"
#include "dap/decoder.h"
#include "dap/message.h"
#include "dap/utf8.h"
#include "guarded.h"

enum { OUT_MAX = 1 << 20 };

static struct buf buffer(void)
{
    struct buf b;
    buf_init(&b, OUT_MAX);
    return b;
}

/* out holds exactly one message, which is this text. */
static void assert_message(const struct buf *out, const char *expected)
{
    struct dap_decoder *d = dap_decoder_new(OUT_MAX, DAP_OVERSIZE_ERROR);
    size_t used;
    struct dap_frame frame;
    assert_int_equal(dap_decoder_feed(d, out->data, out->len, &used, &frame), DAP_MESSAGE);
    assert_int_equal(used, out->len);
    assert_string_equal(frame.body, expected);
    struct dap_message m;
    struct err e = {{0}};
    if (dap_message_scan(&m, frame.body, frame.len, &e) < 0)
        fail_msg("%s", e.text);
    dap_decoder_free(d);
}

static void each_kind(void **state)
{
    (void)state;
    json_t *tree = json_pack("{s:i,s:s}", "threadId", 1, "x", "\xC3\xA4");
    struct buf out = buffer();
    dap_build_request(&out, 1, "next", tree);
    assert_false(out.failed);
    assert_message(
        &out,
        "{\"seq\":1,\"type\":\"request\",\"command\":\"next\",\"arguments\":{\"threadId\":1,\"x\":\"\xC3\xA4\"}}");
    buf_clear(&out);
    dap_build_request(&out, INT64_MAX, "threads", NULL);
    assert_false(out.failed);
    assert_message(&out, "{\"seq\":9223372036854775807,\"type\":\"request\",\"command\":\"threads\"}");
    buf_clear(&out);
    dap_build_response(&out, 2, 12345678901, "\"x\"", NULL);
    assert_false(out.failed);
    assert_message(
        &out,
        "{\"seq\":2,\"type\":\"response\",\"request_seq\":12345678901,\"success\":true,\"command\":\"\\\"x\\\"\"}");
    buf_clear(&out);
    dap_build_response(&out, 2, 3, "x", tree);
    assert_false(out.failed);
    assert_message(&out,
                   "{\"seq\":2,\"type\":\"response\",\"request_seq\":3,\"success\":true,\"command\":\"x\",\"body\":{"
                   "\"threadId\":1,\"x\":\"\xC3\xA4\"}}");
    buf_clear(&out);
    dap_build_event(&out, 3, "terminated", NULL);
    assert_false(out.failed);
    assert_message(&out, "{\"seq\":3,\"type\":\"event\",\"event\":\"terminated\"}");
    buf_clear(&out);
    dap_build_error(&out, 4, 5, "launch", 3000, "Failed: \x80\nmore", true);
    assert_false(out.failed);
    assert_message(&out, "{\"seq\":4,\"type\":\"response\",\"request_seq\":5,\"success\":false,\"command\":\"launch\","
                         "\"message\":\"Failed: \xEF\xBF\xBD\",\"body\":{\"error\":{\"id\":3000,\"format\":\"Failed: "
                         "\xEF\xBF\xBD\\nmore\",\"showUser\":true}}}");
    buf_clear(&out);
    dap_build_output(&out, 5, "stdout", "a\0b\x1b[1m\r\n\t\b\f\x7f\"\\/", 16);
    assert_false(out.failed);
    assert_message(&out,
                   "{\"seq\":5,\"type\":\"event\",\"event\":\"output\",\"body\":{\"category\":\"stdout\",\"output\":"
                   "\"a\\u0000b\\u001b[1m\\r\\n\\t\\b\\f\x7f\\\"\\\\/\"}}");
    json_decref(tree);
    buf_free(&out);
}

static void the_short_message_is_the_first_real_line(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"# example.com/broken\n./main.go:6:14: undefined: x\n./main.go:7:6: more", "./main.go:6:14: undefined: x"},
        {"go: downloading a.example/b v1.0.0\n\n# a.example/b [a.example/b.test]\r\nb.go:1:1: no", "b.go:1:1: no"},
        {"# example.com/broken", "# example.com/broken"},
        {"# example.com/broken\n", "# example.com/broken"},
        {"\n# a\n# b", ""},
        {"", ""},
        {"#include is no Go", "#include is no Go"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out = buffer();
        dap_build_error(&out, 1, 1, "launch", 3000, rows[i][0], true);
        assert_false(out.failed);
        json_t *tree = json_loads(strchr(out.data, '{'), 0, NULL);
        assert_string_equal(json_string_value(json_object_get(tree, "message")), rows[i][1]);
        json_t *error = json_object_get(json_object_get(tree, "body"), "error");
        assert_string_equal(json_string_value(json_object_get(error, "format")), rows[i][0]);
        json_decref(tree);
        buf_free(&out);
    }
}

static void a_long_error_has_a_short_message(void **state)
{
    (void)state;
    char text[1000];
    memset(text, 'x', sizeof text);
    memcpy(text + 199, "\xC3\xA4", 2);
    text[sizeof text - 1] = '\0';
    struct buf out = buffer();
    dap_build_error(&out, 1, 1, "x", 1, text, false);
    assert_false(out.failed);
    json_t *tree = json_loads(strchr(out.data, '{'), 0, NULL);
    assert_non_null(tree);
    const char *message = json_string_value(json_object_get(tree, "message"));
    assert_int_equal(strlen(message), 199);
    assert_memory_equal(message, text, 199);
    json_t *error = json_object_get(json_object_get(tree, "body"), "error");
    assert_string_equal(json_string_value(json_object_get(error, "format")), text);
    assert_true(json_is_false(json_object_get(error, "showUser")));
    json_decref(tree);
    buf_free(&out);
}

/* A frame is whole or not there. */
static void full_buffers_hold_no_half(void **state)
{
    (void)state;
    struct buf whole = buffer();
    dap_build_output(&whole, 1, "stdout", "\x01text", 5);
    assert_false(whole.failed);
    for (size_t room = 0; room < whole.len + 8; room++) {
        struct buf out;
        buf_init(&out, 6 + room);
        buf_puts(&out, "before");
        assert_false(out.failed);
        dap_build_output(&out, 1, "stdout", "\x01text", 5);
        assert_int_equal(out.len, out.failed ? 6 : 6 + whole.len);
        assert_memory_equal(out.data, "before", 6);
        if (out.failed)
            assert_true(out.data[6] == '\0');
        buf_free(&out);
    }
    /* What cannot be written as JSON: a tree that holds itself. */
    json_t *array = json_array(), *inner = json_array();
    assert_int_equal(json_array_append(array, inner), 0);
    assert_int_equal(json_array_append(inner, array), 0);
    struct buf out = buffer();
    dap_build_event(&out, 1, "x", array);
    assert_true(out.failed);
    assert_int_equal(out.len, 0);
    json_array_clear(inner);
    json_decref(inner);
    json_decref(array);
    buf_free(&out);
    buf_free(&whole);
}

static void broken_utf8(void **state)
{
    (void)state;
#define R "\xEF\xBF\xBD"
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"", ""},
        {"\x7f\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF",
         "\x7f\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"},
        {"\x80"
         "a",
         R "a"},
        {"\xC0\xAF", R R},
        {"\xC1\xBF", R R},
        {"\xC3", R},
        {"\xC3"
         "a",
         R "a"},
        {"\xE0\x80\x80", R R R}, /* overlong */
        {"\xED\xA0\x80", R R R}, /* a surrogate */
        {"\xED\x9F\xBF", "\xED\x9F\xBF"},
        {"\xF0\x80\x80\x80", R R R R},
        {"\xF4\x90\x80\x80", R R R R}, /* above U+10FFFF */
        {"\xF5\x80", R R},
        {"\xFF\xFE", R R},
        {"\xE2\x82", R}, /* cut short: one for all that was right so far */
        {"\xE2\x82"
         "a",
         R "a"},
        {"\xF0\x9F\x98"
         "a",
         R "a"},
        {"\xF0\x9F\x98\xF0\x9F\x98\x80", R "\xF0\x9F\x98\x80"},
        /* Unicode 15, table 3-8 and 3-11 */
        {"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", R R R R R R R R "\x41"},
        {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", R R R R "\x41"},
    };
#undef R
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = buffer(), expected = buffer();
        struct guarded g;
        assert_int_equal(guarded_new(&g, cases[i].in, strlen(cases[i].in)), 0);
        dap_append_string(&out, g.bytes, strlen(cases[i].in));
        assert_false(out.failed);
        buf_printf(&expected, "\"%s\"", cases[i].out);
        assert_string_equal(out.data, expected.data);
        guarded_free(&g);
        buf_free(&out);
        buf_free(&expected);
    }
}

/* jansson reads back what was written, for any bytes. */
static void random_bytes(void **state)
{
    (void)state;
    srand(3);
    static const unsigned char pool[] = {0,    '\n', '"',  '\\', 'a',  0x7f, 0x80, 0xBF,
                                         0xC2, 0xE0, 0xA0, 0xED, 0xF0, 0x9F, 0xF4, 0xFF};
    for (int round = 0; round < 20000; round++) {
        char text[24];
        size_t len = (size_t)rand() % sizeof text;
        for (size_t i = 0; i < len; i++)
            text[i] = (char)(rand() % 4 ? pool[(size_t)rand() % sizeof pool] : rand() % 256);
        struct buf out = buffer();
        dap_append_string(&out, text, len);
        assert_false(out.failed);
        json_t *string = json_loadb(out.data, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(string);
        /* Valid text comes back the same. */
        bool valid = true;
        for (size_t i = 0; i < len;) {
            size_t n = dap_utf8_sequence(text + i, len - i);
            valid = valid && n > 0;
            i += n ? n : dap_utf8_broken(text + i, len - i);
            assert_true(i <= len);
        }
        if (valid) {
            assert_int_equal(json_string_length(string), len);
            assert_memory_equal(json_string_value(string), text, len);
        } else {
            assert_non_null(strstr(out.data, "\xEF\xBF\xBD"));
        }
        json_decref(string);
        buf_free(&out);
    }
}

static void cut_sequences_wait(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t whole;
    } cases[] = {
        {"", 0},
        {"a", 1},
        {"\xC3", 0},
        {"\xC3\xA4", 2},
        {"a\xE2", 1},
        {"a\xE2\x82", 1},
        {"a\xE2\x82\xAC", 4},
        {"\xF0", 0},
        {"\xF0\x9F", 0},
        {"\xF0\x9F\x98", 0},
        {"\xF0\x9F\x98\x80", 4},
        {"\xFF", 1},
        {"\xC0", 1},
        {"\x80", 1},
        {"\x80\x80\x80\x80", 4},
        {"\xE0\x80", 2},
        {"\xED\xA0", 2},
        {"\xF4\x90", 2},
        {"\xC3\xA4\xA4", 3},
        {"\xF5\x80", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct guarded g;
        size_t len = strlen(cases[i].text);
        assert_int_equal(guarded_new(&g, cases[i].text, len), 0);
        assert_int_equal(dap_utf8_whole(g.bytes, len), cases[i].whole);
        guarded_free(&g);
    }
}

/* A text cut at any two places and sent on piece by piece, each only as far as it is whole, is the text in one piece.
 */
static void pieces_are_the_whole(void **state)
{
    (void)state;
    const char *text = "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\x80\xE2\x82z\xED\xA0\x80\xF0\x9F\x98";
    size_t len = strlen(text);
    struct buf whole = buffer();
    dap_append_string(&whole, text, len);
    for (size_t a = 0; a <= len; a++) {
        for (size_t b = a; b <= len; b++) {
            struct buf got = buffer();
            size_t ends[] = {a, b, len}, sent = 0;
            buf_puts(&got, "\"");
            for (size_t i = 0; i < 3; i++) {
                size_t n = ends[i] == len ? len - sent : dap_utf8_whole(text + sent, ends[i] - sent);
                struct buf piece = buffer();
                dap_append_string(&piece, text + sent, n);
                buf_append(&got, piece.data + 1, piece.len - 2);
                buf_free(&piece);
                sent += n;
            }
            buf_puts(&got, "\"");
            assert_string_equal(got.data, whole.data);
            buf_free(&got);
        }
    }
    buf_free(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind),
        cmocka_unit_test(the_short_message_is_the_first_real_line),
        cmocka_unit_test(a_long_error_has_a_short_message),
        cmocka_unit_test(full_buffers_hold_no_half),
        cmocka_unit_test(broken_utf8),
        cmocka_unit_test(random_bytes),
        cmocka_unit_test(cut_sequences_wait),
        cmocka_unit_test(pieces_are_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
