/* Buffers with a limit, and texts of errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "dap/buf.h"
#include "dap/err.h"
#include "dap/utf8.h"

static void a_limit_holds(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 5);
    assert_null(b.data);
    buf_append(&b, "abc", 3);
    assert_false(b.failed);
    buf_append(&b, "def", 3);
    assert_true(b.failed);
    assert_string_equal(b.data, "abc");
    /* The failure stays until it is cleared. */
    buf_append(&b, "d", 1);
    assert_true(b.failed);
    buf_clear(&b);
    buf_printf(&b, "%d", 12345);
    buf_printf(&b, "%s", "");
    assert_false(b.failed);
    assert_string_equal(b.data, "12345");
    buf_printf(&b, "%d", 6);
    assert_true(b.failed);
    assert_int_equal(b.len, 5);
    assert_true(b.cap <= 6);
    buf_free(&b);
    buf_puts(&b, "again");
    assert_false(b.failed);
    buf_free(&b);
}

static void consume_and_take(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100000);
    for (int i = 0; i < 10000; i++) {
        buf_puts(&b, "0123456789");
        assert_false(b.failed);
    }
    buf_puts(&b, "x");
    assert_true(b.failed);
    buf_consume(&b, 99995);
    assert_string_equal(b.data, "56789");
    buf_consume(&b, 0);
    buf_consume(&b, 5);
    assert_int_equal(b.len, 0);
    assert_string_equal(b.data, "");
    buf_clear(&b);
    buf_puts(&b, "taken");
    char *text = buf_take(&b);
    assert_string_equal(text, "taken");
    free(text);
    assert_null(b.data);
    assert_int_equal(b.max, 100000);
    text = buf_take(&b);
    assert_string_equal(text, "");
    free(text);
}

static void errors_gather_context(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(err_set(&e, "no such file: %s", "/a"), -1);
    assert_int_equal(err_prefix(&e, "target %s: ", "t"), -1);
    assert_string_equal(e.text, "target t: no such file: /a");
}

/* Whether a text is UTF-8 to its last byte. */
static int is_whole(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0, n; i < len; i += n) {
        n = dap_utf8_sequence(text + i, len - i);
        if (n == 0)
            return 0;
    }
    return 1;
}

static void long_errors_are_cut_between_characters(void **state)
{
    (void)state;
    static char text[2 * ERR_TEXT_MAX];
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'a', sizeof text);
        for (size_t i = shift; i + 4 < sizeof text; i += 4)
            memcpy(text + i, "\xF0\x9F\x98\x80", 4);
        text[sizeof text - 8 + shift] = '\0';
        struct err e;
        err_set(&e, "%s", text);
        assert_true(is_whole(e.text));
        assert_in_range(strlen(e.text), ERR_TEXT_MAX - 8, ERR_TEXT_MAX - 1);
        err_prefix(&e, "x: ");
        assert_true(is_whole(e.text));
        assert_memory_equal(e.text, "x: ", 3);
        err_prefix(&e, "%s", text);
        assert_true(is_whole(e.text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_holds),
        cmocka_unit_test(consume_and_take),
        cmocka_unit_test(errors_gather_context),
        cmocka_unit_test(long_errors_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
