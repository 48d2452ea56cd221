/* The scan of an envelope, and edits that leave every other byte as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dap/json.h"
#include "dap/message.h"
#include "guarded.h"

enum { TEXT_MAX = 1 << 16 };

/* Scans a copy that ends where memory ends. The spans stay good for text. */
static int scan(struct dap_message *m, const char *text, size_t len, struct err *e)
{
    struct guarded g;
    assert_int_equal(guarded_new(&g, text, len), 0);
    int r = dap_message_scan(m, g.bytes, len, e);
    m->text = text;
    guarded_free(&g);
    return r;
}

static struct dap_message good(const char *text)
{
    struct dap_message m;
    struct err e = {{0}};
    if (scan(&m, text, strlen(text), &e) < 0)
        fail_msg("%s\nrefused: %s", text, e.text);
    return m;
}

static void bad(const char *text, size_t len, const char *reason)
{
    struct dap_message m;
    struct err e = {{0}};
    if (scan(&m, text, len, &e) == 0)
        fail_msg("taken: %s", text);
    if (!strstr(e.text, reason))
        fail_msg("%s\nrefused with: %s\nexpected: %s", text, e.text, reason);
}

static void assert_span(const struct dap_message *m, struct dap_span at, const char *expected)
{
    assert_int_equal(at.len, strlen(expected));
    assert_memory_equal(m->text + at.off, expected, at.len);
}

static void envelopes(void **state)
{
    (void)state;
    struct dap_message m = good("{\"seq\":7,\"type\":\"request\",\"command\":\"next\",\"arguments\":{\"threadId\":1}}");
    assert_int_equal(m.type, DAP_REQUEST);
    assert_int_equal(m.seq, 7);
    assert_string_equal(m.name, "next");
    assert_span(&m, m.seq_at, "7");
    assert_span(&m, m.payload_at, "{\"threadId\":1}");
    assert_int_equal(m.request_seq_at.len, 0);

    m = good(" { \"body\" : [ 1, {\"seq\": 3} ] , \"success\":false,\"command\":\"\",\"request_seq\": 12345678901,\r\n"
             "\t\"type\":\"response\",\"seq\":0}\n");
    assert_int_equal(m.type, DAP_RESPONSE);
    assert_int_equal(m.seq, 0);
    assert_true(m.request_seq == 12345678901);
    assert_false(m.success);
    assert_string_equal(m.name, "");
    assert_span(&m, m.payload_at, "[ 1, {\"seq\": 3} ]");
    assert_span(&m, m.request_seq_at, "12345678901");

    m = good("{\"seq\":0,\"type\":\"event\",\"event\":\"stopped\"}");
    assert_int_equal(m.type, DAP_EVENT);
    assert_string_equal(m.name, "stopped");
    assert_int_equal(m.payload_at.len, 0);

    m = good("{\"seq\":1,\"type\":\"response\",\"request_seq\":2,\"success\":true,\"command\":\"x\",\"arguments\":1}");
    assert_true(m.success);
    assert_int_equal(m.payload_at.len, 0);
}

static void escapes_mean_what_they_say(void **state)
{
    (void)state;
    struct dap_message m = good("{\"\\u0073eq\":5,\"t\\u0079pe\":\"\\u0072equest\",\"command\":\"l\\u0061unch\"}");
    assert_int_equal(m.seq, 5);
    assert_string_equal(m.name, "launch");
    m = good("{\"seq\":5,\"type\":\"event\",\"event\":\"\\ud83d\\ude00\\/\\ud800\\n\"}");
    assert_string_equal(m.name, "\xF0\x9F\x98\x80/\xEF\xBF\xBD\n");
    m = good("{\"seq\":5,\"type\":\"event\",\"event\":\"\\uDBFF\\uDFFF\\uD800\\uDC00\\uDC00\\uD800\\u0041\"}");
    assert_string_equal(m.name, "\xF4\x8F\xBF\xBF\xF0\x90\x80\x80\xEF\xBF\xBD\xEF\xBF\xBD"
                                "A");
}

static void long_names_are_cut_between_characters(void **state)
{
    (void)state;
    char text[256];
    snprintf(text, sizeof text, "{\"seq\":1,\"type\":\"event\",\"event\":\"%062d\xC3\xA4z\"}", 0);
    struct dap_message m = good(text);
    assert_int_equal(strlen(m.name), 62);
    snprintf(text, sizeof text, "{\"seq\":1,\"type\":\"event\",\"event\":\"%061d\xC3\xA4z\"}", 0);
    m = good(text);
    assert_int_equal(strlen(m.name), DAP_NAME_MAX - 1);
}

static void integers(void **state)
{
    (void)state;
    static const char *const fine[] = {"0", "-0", "-1", "9223372036854775807", "-9223372036854775808"};
    static const int64_t values[] = {0, 0, -1, INT64_MAX, INT64_MIN};
    static const char *const wrong[] = {
        "1.5", "1e3", "1.0", "\"1\"", "null", "[1]", "{}", "9223372036854775808", "-9223372036854775809",
        "1e0", "true"};
    char text[128];
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        snprintf(text, sizeof text, "{\"seq\":%s,\"type\":\"event\",\"event\":\"x\"}", fine[i]);
        assert_true(good(text).seq == values[i]);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(text, sizeof text, "{\"seq\":%s,\"type\":\"event\",\"event\":\"x\"}", wrong[i]);
        bad(text, strlen(text), "`seq` at byte 7 is not an integer");
    }
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"", "ends too early"},
        {"[]", "not a JSON object"},
        {"1", "not a JSON object"},
        {"\"x\"", "not a JSON object"},
        {"\xEF\xBB\xBF{}", "expected a value at byte 0"},
        {"{", "ends too early at byte 1 of 1"},
        {"{}", "no `type`"},
        {"{} {}", "more text after the end at byte 3"},
        {"{}x", "more text after the end at byte 2"},
        {"{\"seq\"}", "expected a colon"},
        {"{\"seq\":}", "expected a value"},
        {"{\"seq\":1,}", "expected a key"},
        {"{,}", "expected a key"},
        {"{\"seq\":1 \"a\":2}", "expected a comma"},
        {"{seq:1}", "expected a key"},
        {"{'seq':1}", "expected a key"},
        {"{\"a\":[1,]}", "expected a value"},
        {"{\"a\":[1}", "expected a comma"},
        {"{\"a\":{\"b\":1]}", "expected a comma"},
        {"{\"a\":01}", "expected a comma"},
        {"{\"a\":+1}", "expected a value"},
        {"{\"a\":.5}", "expected a value"},
        {"{\"a\":5.}", "after its decimal point"},
        {"{\"a\":-}", "without digits"},
        {"{\"a\":1e}", "exponent"},
        {"{\"a\":1e+}", "exponent"},
        {"{\"a\":0x1}", "expected a comma"},
        {"{\"a\":NaN}", "expected a value"},
        {"{\"a\":nul}", "unknown word"},
        {"{\"a\":nullx}", "expected a comma"},
        {"{\"a\":True}", "expected a value"},
        {"{\"a\":\"\n\"}", "control character in a string at byte 6"},
        {"{\"a\":\"\x1f\"}", "control character"},
        {"{\"a\":\"\\x\"}", "unknown escape"},
        {"{\"a\":\"\\u12g4\"}", "four hexadecimal"},
        {"{\"a\":\"\\u12\"}", "four hexadecimal"},
        {"{\"a\":\"\\\"}", "ends in a string"},
        {"{\"a\":/**/1}", "expected a value"},
        {"{\"seq\":1,\"type\":\"reply\"}", "not request"},
        {"{\"seq\":1,\"type\":5}", "not request"},
        {"{\"seq\":1,\"type\":\"Request\"}", "not request"},
        {"{\"type\":\"request\",\"command\":\"x\"}", "no `seq`"},
        {"{\"type\":\"event\",\"event\":\"x\"}", "no `seq`"},
        {"{\"seq\":1,\"type\":\"request\"}", "no `command`"},
        {"{\"seq\":1,\"type\":\"request\",\"event\":\"x\"}", "no `command`"},
        {"{\"seq\":1,\"type\":\"event\",\"command\":\"x\"}", "no `event`"},
        {"{\"seq\":1,\"type\":\"request\",\"command\":1}", "`command` at byte 36 is not a string"},
        {"{\"seq\":1,\"type\":\"request\",\"command\":\"launch\\u0000x\"}", "contains a NUL"},
        {"{\"seq\":1,\"type\":\"response\",\"command\":\"x\",\"success\":true}", "no `request_seq`"},
        {"{\"seq\":1,\"type\":\"response\",\"command\":\"x\",\"request_seq\":\"1\",\"success\":true}",
         "not an integer"},
        {"{\"seq\":1,\"type\":\"response\",\"command\":\"x\",\"request_seq\":1}", "no boolean `success`"},
        {"{\"seq\":1,\"type\":\"response\",\"command\":\"x\",\"request_seq\":1,\"success\":1}", "no boolean `success`"},
        {"{\"seq\":1,\"type\":\"response\",\"request_seq\":1,\"success\":true}", "no `command`"},
        {"{\"seq\":1,\"seq\":1,\"type\":\"event\",\"event\":\"x\"}", "`seq` is given twice"},
        {"{\"seq\":1,\"\\u0073eq\":2,\"type\":\"event\",\"event\":\"x\"}", "`seq` is given twice"},
        {"{\"seq\":1,\"type\":\"request\",\"command\":\"a\",\"command\":\"b\"}", "`command` is given twice"},
        {"{\"seq\":1,\"type\":\"request\",\"command\":\"a\",\"arguments\":{},\"arguments\":1}", "`arguments` is given"},
        {"{\"seq\":1,\"SEQ\":2,\"type\":\"event\",\"event\":\"x\"}", "only in its case"},
        {"{\"seq\":1,\"type\":\"request\",\"command\":\"a\",\"Command\":\"b\"}", "only in its case"},
        {"{\"seq\":1,\"\xC5\xBF"
         "eq\":2}",
         "only in its case"},
        {"{\"seq\":1,\"\\u017Feq\":2}", "only in its case"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        bad(cases[i].text, strlen(cases[i].text), cases[i].reason);
    bad("{\"a\":1\0}", 8, "expected a comma");
    bad("{\"a\":\"\0\"}", 9, "control character");
    bad("{\"a\\\0\":1}", 9, "unknown escape");
}

/* A key that goes on behind a field's name and a NUL is another key, for Go too; its end is not read past. */
static void a_nul_does_not_end_a_key(void **state)
{
    (void)state;
    struct dap_message m = good("{\"seq\":1,\"type\":\"event\",\"event\":\"x\",\"seq\\u0000\":2,\"body\\u0000y\":{},"
                                "\"BODY\\u0000\":{},\"success\\u0000\\u0000\\u0000\\u0000\":1}");
    assert_int_equal(m.seq, 1);
    assert_int_equal(m.payload_at.len, 0);
}

/* Every start of a good message is refused, and none reads past its end. */
static void cut_anywhere(void **state)
{
    (void)state;
    const char *text =
        "{\"seq\":10,\"type\":\"request\",\"command\":\"a\\u00e4\\n\",\"arguments\":[true,false,null,-1.5e+3,"
        "{\"k\":\"v\"},[]]}";
    good(text);
    for (size_t len = 0; len < strlen(text); len++)
        bad(text, len, "");
}

static void depth(void **state)
{
    (void)state;
    static char text[4 * DAP_DEPTH_MAX + 128];
    for (int over = 0; over <= 1; over++) {
        for (int object = 0; object <= 1; object++) {
            strcpy(text, "{\"seq\":1,\"type\":\"event\",\"event\":\"x\",\"body\":");
            size_t n = strlen(text);
            int levels = DAP_DEPTH_MAX - 1 + over;
            /* Arrays within arrays, or arrays and objects in turn. */
            for (int i = 0; i < levels; i++)
                n += (size_t)sprintf(text + n, "%s", object && i % 2 ? "{\"\":" : "[");
            n += (size_t)sprintf(text + n, "0");
            for (int i = levels - 1; i >= 0; i--)
                n += (size_t)sprintf(text + n, "%s", object && i % 2 ? "}" : "]");
            n += (size_t)sprintf(text + n, "}");
            if (over)
                bad(text, n, "nested too deeply");
            else
                good(text);
        }
    }
    enum { BOMB = 1 << 20 };
    char *bomb = malloc(BOMB);
    assert_non_null(bomb);
    memset(bomb, '[', BOMB);
    memcpy(bomb, "{\"a\":", 5);
    bad(bomb, BOMB, "nested too deeply");
    free(bomb);
}

static void prefixes(void **state)
{
    (void)state;
    struct dap_message m;
    struct err e;
    const char *text = "{\"seq\":3,\"type\":\"response\",\"request_seq\":12,\"success\":true,\"command\":\"variables\","
                       "\"body\":{\"variables\":[{\"name\":\"x\"";
    size_t enough = (size_t)(strstr(text, ",\"success") - text);
    for (size_t len = 0; len <= strlen(text); len++) {
        struct guarded g;
        assert_int_equal(guarded_new(&g, text, len), 0);
        int r = dap_message_scan_prefix(&m, g.bytes, len, &e);
        /* "request_seq":1 may go on as 12. */
        assert_int_equal(r, len > enough ? 0 : -1);
        if (r == 0)
            assert_true(m.type == DAP_RESPONSE && m.request_seq == 12);
        guarded_free(&g);
    }
    assert_true(m.success);
    assert_int_equal(m.seq, 3);
    assert_string_equal(m.name, "variables");
    assert_int_equal(m.payload_at.len, 0);

    text = "{\"seq\":3,\"type\":\"event\",\"event\":\"output\",\"body\":{\"output\":\"aaa";
    assert_int_equal(dap_message_scan_prefix(&m, text, strlen(text), &e), 0);
    assert_string_equal(m.name, "output");
    text = "{\"seq\":3,\"type\":\"event\",\"body\":{\"output\":\"aaa";
    assert_int_equal(dap_message_scan_prefix(&m, text, strlen(text), &e), -1);
    text = "[\"seq\"";
    assert_int_equal(dap_message_scan_prefix(&m, text, strlen(text), &e), -1);
}

/* Writes the message and returns its body, which lies in out. */
static const char *body_of(const struct dap_message *m, struct dap_edits *edits, struct buf *out, size_t *len)
{
    size_t before = out->len;
    assert_int_equal(dap_message_write(m, edits, out, len), 0);
    char header[64];
    int n = snprintf(header, sizeof header, "Content-Length: %zu\r\n\r\n", *len);
    assert_memory_equal(out->data + before, header, (size_t)n);
    assert_int_equal(out->len, before + (size_t)n + *len);
    return out->data + before + n;
}

static void edits(void **state)
{
    (void)state;
    const char *text =
        "{ \"seq\" : 7 , \"type\":\"response\",\"request_seq\":100,\"success\":true,\"command\":\"x\\u0079\"}";
    struct dap_message m = good(text);
    struct buf out;
    buf_init(&out, TEXT_MAX);
    size_t len;
    const char *body = body_of(&m, NULL, &out, &len);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(body, text, len);

    struct dap_edits list;
    dap_edits_init(&list);
    /* Given backwards: the writer sorts. */
    assert_int_equal(dap_edits_add_int(&list, m.request_seq_at, -5), 0);
    assert_int_equal(dap_edits_add_int(&list, m.seq_at, INT64_MAX), 0);
    body = body_of(&m, &list, &out, &len);
    const char *expected =
        "{ \"seq\" : 9223372036854775807 , \"type\":\"response\",\"request_seq\":-5,\"success\":true,"
        "\"command\":\"x\\u0079\"}";
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(body, expected, len);

    assert_int_equal(dap_edits_add_int(&list, m.seq_at, 1), 0);
    size_t before = out.len;
    assert_int_equal(dap_message_write(&m, &list, &out, &len), -1);
    assert_int_equal(out.len, before);
    assert_false(out.failed);
    dap_edits_free(&list);
    buf_free(&out);

    /* Without room for all of it there is none of it. */
    for (size_t room = 0; room < strlen(text) + strlen("Content-Length: 88\r\n\r\n"); room += 7) {
        buf_init(&out, room);
        assert_int_equal(dap_message_write(&m, NULL, &out, &len), -1);
        assert_int_equal(out.len, 0);
        assert_true(out.failed);
        buf_free(&out);
    }
}

static void random_value(struct buf *b, int depth_left);

static void random_string(struct buf *b)
{
    static const char *const parts[] = {"a",    "seq", "\\n", "\\u00e4", "\\ud83d\\ude00", "\xC3\xA4", "\xFF", "\\\"",
                                        "\\\\", "{",   "]",   " "};
    buf_puts(b, "\"");
    for (int i = rand() % 6; i > 0; i--)
        buf_puts(b, parts[(size_t)rand() % (sizeof parts / sizeof *parts)]);
    buf_puts(b, "\"");
}

static void random_space(struct buf *b)
{
    static const char *const spaces[] = {"", "", "", " ", "\n", "\t", "\r\n"};
    buf_puts(b, spaces[(size_t)rand() % (sizeof spaces / sizeof *spaces)]);
}

static void random_container(struct buf *b, int depth_left, bool object)
{
    buf_puts(b, object ? "{" : "[");
    int n = rand() % 4;
    for (int i = 0; i < n; i++) {
        random_space(b);
        if (object) {
            random_string(b);
            random_space(b);
            buf_puts(b, ":");
        }
        random_value(b, depth_left - 1);
        buf_puts(b, i + 1 < n ? "," : "");
    }
    random_space(b);
    buf_puts(b, object ? "}" : "]");
}

static void random_value(struct buf *b, int depth_left)
{
    static const char *const plain[] = {"true", "false", "null", "0", "-1.25e-7", "123456789012345678901234567890"};
    random_space(b);
    int what = rand() % (depth_left > 0 ? 5 : 3);
    if (what < 2)
        buf_puts(b, plain[(size_t)rand() % (sizeof plain / sizeof *plain)]);
    else if (what == 2)
        random_string(b);
    else
        random_container(b, depth_left, what == 3);
    random_space(b);
}

/* A message whose fields stand in any order, between others. */
static void random_message(struct buf *b)
{
    const char *fields[] = {"\"seq\":42",       "\"type\":\"response\"",  "\"request_seq\":17",
                            "\"success\":true", "\"command\":\"scopes\"", "\"body\":"};
    enum { FIELDS = sizeof fields / sizeof *fields };
    for (int i = FIELDS - 1; i > 0; i--) {
        int k = rand() % (i + 1);
        const char *swap = fields[i];
        fields[i] = fields[k];
        fields[k] = swap;
    }
    buf_puts(b, "{");
    for (int i = 0; i < FIELDS; i++) {
        if (rand() % 2) {
            buf_printf(b, "\"x%d\":", i);
            random_value(b, 4);
            buf_puts(b, ",");
        }
        random_space(b);
        buf_puts(b, fields[i]);
        if (strcmp(fields[i], "\"body\":") == 0)
            random_value(b, 6);
        random_space(b);
        buf_puts(b, i + 1 < FIELDS ? "," : "}");
    }
}

/* Random messages with random edits: every byte outside the edited spans is as it was. */
static void random_edits(void **state)
{
    (void)state;
    srand(2);
    struct buf text, out;
    buf_init(&text, TEXT_MAX);
    buf_init(&out, 4 * TEXT_MAX);
    for (int round = 0; round < 2000; round++) {
        buf_clear(&text);
        buf_clear(&out);
        random_message(&text);
        assert_false(text.failed);
        struct dap_message m = good(text.data);
        assert_int_equal(m.seq, 42);
        assert_int_equal(m.request_seq, 17);

        struct dap_edits list;
        dap_edits_init(&list);
        struct dap_span all[] = {m.request_seq_at, m.payload_at, m.seq_at};
        bool chosen[] = {rand() % 2, rand() % 2, rand() % 2};
        for (size_t i = 0; i < 3; i++) {
            if (chosen[i])
                assert_int_equal(dap_edits_add(&list, all[i], "\"new\"", (size_t)(rand() % 2 ? 5 : 0)), 0);
        }
        size_t len;
        const char *body = body_of(&m, &list, &out, &len);

        /* Both texts are walked: unchanged bytes in step, at an edit the old span against the new bytes. */
        size_t a = 0, b = 0;
        for (size_t i = 0; i < list.count; i++) {
            struct dap_edit *edit = &list.list[i];
            size_t same = edit->at.off - a;
            assert_memory_equal(body + b, text.data + a, same);
            b += same;
            assert_memory_equal(body + b, "\"new\"", edit->replacement_len);
            b += edit->replacement_len;
            a = edit->at.off + edit->at.len;
        }
        assert_int_equal(text.len - a, len - b);
        assert_memory_equal(body + b, text.data + a, len - b);
        dap_edits_free(&list);
    }
    buf_free(&text);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(envelopes),
        cmocka_unit_test(escapes_mean_what_they_say),
        cmocka_unit_test(a_nul_does_not_end_a_key),
        cmocka_unit_test(long_names_are_cut_between_characters),
        cmocka_unit_test(integers),
        cmocka_unit_test(refused),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(depth),
        cmocka_unit_test(prefixes),
        cmocka_unit_test(edits),
        cmocka_unit_test(random_edits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
