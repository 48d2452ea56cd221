/* Reading from descriptors that are somebody else's, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "proxy/base/fd_reader.h"

enum { TEXT_MAX = 256 };

static struct world {
    uv_loop_t loop;
    struct fd_reader *reader;
    int ends[2];
    char text[TEXT_MAX];
    size_t len;
    int error;
    bool ended, frees, waits;
} w;

static void on_data(void *arg, const char *data, size_t len, int error)
{
    assert_ptr_equal(arg, &w);
    assert_true(w.len + len < sizeof w.text);
    memcpy(w.text + w.len, data, len);
    w.len += len;
    w.ended = len == 0;
    w.error = error;
    if (w.frees || w.ended) {
        fd_reader_free(w.reader);
        w.reader = NULL;
    } else if (!w.waits) {
        fd_reader_next(w.reader);
    }
}

static const struct fd_reader_handler events = {.data = on_data};

static int begin(void **state)
{
    (void)state;
    memset(&w, 0, sizeof w);
    return uv_loop_init(&w.loop) < 0 || pipe(w.ends) < 0 ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    fd_reader_free(w.reader);
    (void)uv_run(&w.loop, UV_RUN_DEFAULT);
    /* Not closed: a read that is left waiting must not find another test's descriptor. */
    return uv_loop_close(&w.loop);
}

static void start(int fd)
{
    w.reader = fd_reader_new(&w.loop, fd, &events, &w);
    assert_non_null(w.reader);
}

static void say(const char *text)
{
    assert_int_equal(write(w.ends[1], text, strlen(text)), (ssize_t)strlen(text));
}

static void until_has(const char *text)
{
    while (w.len < strlen(text))
        (void)uv_run(&w.loop, UV_RUN_ONCE);
    assert_int_equal(w.len, strlen(text));
    assert_memory_equal(w.text, text, w.len);
}

static void test_to_its_end(void **state)
{
    (void)state;
    start(w.ends[0]);
    say("one ");
    until_has("one ");
    say("two");
    until_has("one two");
    (void)close(w.ends[1]);
    (void)uv_run(&w.loop, UV_RUN_DEFAULT);
    assert_true(w.ended);
    assert_int_equal(w.error, 0);
}

static void test_no_more_than_is_asked_for(void **state)
{
    char left[TEXT_MAX];
    (void)state;
    w.waits = true;
    start(w.ends[0]);
    say("one");
    until_has("one");
    say("two");
    (void)uv_run(&w.loop, UV_RUN_NOWAIT);
    assert_int_equal(w.len, 3);
    assert_int_equal(read(w.ends[0], left, sizeof left), 3);
    say("three");
    fd_reader_next(w.reader);
    until_has("onethree");
}

/* Who shares the descriptor has made it non-blocking: there is nothing yet, which is not the end. */
static void test_a_descriptor_that_does_not_block(void **state)
{
    (void)state;
    assert_int_equal(fcntl(w.ends[0], F_SETFL, O_NONBLOCK), 0);
    start(w.ends[0]);
    for (int i = 0; i < 100; i++)
        (void)uv_run(&w.loop, UV_RUN_NOWAIT);
    assert_false(w.ended);
    say("late");
    until_has("late");
    assert_int_equal(fcntl(w.ends[0], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
}

static void test_what_cannot_be_read(void **state)
{
    int dir = open("/", O_RDONLY | O_CLOEXEC);
    (void)state;
    start(dir);
    (void)uv_run(&w.loop, UV_RUN_DEFAULT);
    assert_true(w.ended);
    assert_int_equal(w.error, UV_EISDIR);
    (void)close(dir);
}

/* Freed while it waits for a byte, for an order, and in its own handler. */
static void test_freed(void **state)
{
    (void)state;
    start(w.ends[0]);
    fd_reader_free(w.reader);
    w.reader = NULL;
    (void)uv_run(&w.loop, UV_RUN_DEFAULT);
    say("nobody's");
    assert_int_equal(w.len, 0);
    w.frees = true;
    start(w.ends[0]);
    say("x");
    (void)uv_run(&w.loop, UV_RUN_DEFAULT);
    assert_null(w.reader);
    fd_reader_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_to_its_end, begin, end),
        cmocka_unit_test_setup_teardown(test_no_more_than_is_asked_for, begin, end),
        cmocka_unit_test_setup_teardown(test_a_descriptor_that_does_not_block, begin, end),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_read, begin, end),
        cmocka_unit_test_setup_teardown(test_freed, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
