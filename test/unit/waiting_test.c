/* What is waited for, and that nothing of it is told while the connection is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include "dap/buf.h"
#include "proxy/delve/waiting.h"

enum { REPORT_MAX = 4096, AT_ONCE = 0, NEVER = 3600 * 1000 };

static uv_loop_t loop;
static struct buf reported;
static struct waiting *w;

static void report(void *arg, const char *text)
{
    (void)arg;
    buf_printf(&reported, "%s\n", text ? text : "-");
}

static int begin(void **state)
{
    (void)state;
    buf_init(&reported, REPORT_MAX);
    (void)uv_loop_init(&loop);
    w = waiting_new(&loop, report, NULL);
    return w ? 0 : -1;
}

static int finish(void **state)
{
    (void)state;
    waiting_free(w);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&loop);
    buf_free(&reported);
    return 0;
}

/* What is due is reported. */
static void settle(void)
{
    (void)uv_run(&loop, UV_RUN_NOWAIT);
    (void)uv_run(&loop, UV_RUN_NOWAIT);
}

static void is_reported(const char *expected)
{
    settle();
    assert_string_equal(reported.data ? reported.data : "", expected);
    buf_clear(&reported);
}

static void test_reported(void **state)
{
    (void)state;
    waiting_begin(w, NEVER, "%s", "long");
    is_reported("");
    waiting_end(w);
    is_reported("");
    waiting_begin(w, AT_ONCE, "%s %d", "number", 1);
    is_reported("number 1\n");
    waiting_end(w);
    is_reported("-\n");
    waiting_end(w);
    is_reported("");
}

static void test_suspended(void **state)
{
    (void)state;
    waiting_begin(w, AT_ONCE, "build");
    is_reported("build\n");
    waiting_suspend(w, "lost");
    is_reported("lost\n");
    waiting_resume(w);
    is_reported("-\nbuild\n");
    waiting_end(w);
    is_reported("-\n");
    waiting_resume(w); /* it is not suspended */
    is_reported("");
}

static void test_ends_while_suspended(void **state)
{
    (void)state;
    waiting_begin(w, AT_ONCE, "build");
    is_reported("build\n");
    waiting_suspend(w, "lost");
    waiting_end(w);
    is_reported("lost\n");
    waiting_begin(w, AT_ONCE, "next");
    is_reported("");
    waiting_end(w);
    waiting_resume(w);
    is_reported("-\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reported, begin, finish),
        cmocka_unit_test_setup_teardown(test_suspended, begin, finish),
        cmocka_unit_test_setup_teardown(test_ends_while_suspended, begin, finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
