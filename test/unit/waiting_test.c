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

enum { TOLD_MAX = 4096, AT_ONCE = 0, NEVER = 3600 * 1000 };

static uv_loop_t loop;
static struct buf told;
static struct waiting *w;

static void tell(void *arg, const char *text)
{
    (void)arg;
    buf_printf(&told, "%s\n", text ? text : "-");
}

static int begin(void **state)
{
    (void)state;
    buf_init(&told, TOLD_MAX);
    (void)uv_loop_init(&loop);
    w = waiting_new(&loop, tell, NULL);
    return w ? 0 : -1;
}

static int finish(void **state)
{
    (void)state;
    waiting_free(w);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&loop);
    buf_free(&told);
    return 0;
}

/* What is due is told. */
static void settle(void)
{
    (void)uv_run(&loop, UV_RUN_NOWAIT);
    (void)uv_run(&loop, UV_RUN_NOWAIT);
}

static void is_told(const char *expected)
{
    settle();
    assert_string_equal(told.data ? told.data : "", expected);
    buf_clear(&told);
}

static void test_told(void **state)
{
    (void)state;
    waiting_begin(w, NEVER, "%s", "long");
    is_told("");
    waiting_end(w);
    is_told("");
    waiting_begin(w, AT_ONCE, "%s %d", "number", 1);
    is_told("number 1\n");
    waiting_end(w);
    is_told("-\n");
    waiting_end(w);
    is_told("");
}

static void test_suspended(void **state)
{
    (void)state;
    waiting_begin(w, AT_ONCE, "build");
    is_told("build\n");
    waiting_suspend(w, "lost");
    is_told("lost\n");
    waiting_resume(w);
    is_told("-\nbuild\n");
    waiting_end(w);
    is_told("-\n");
    waiting_resume(w); /* it is not suspended */
    is_told("");
}

static void test_ends_while_suspended(void **state)
{
    (void)state;
    waiting_begin(w, AT_ONCE, "build");
    is_told("build\n");
    waiting_suspend(w, "lost");
    waiting_end(w);
    is_told("lost\n");
    waiting_begin(w, AT_ONCE, "next");
    is_told("");
    waiting_end(w);
    waiting_resume(w);
    is_told("-\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_told, begin, finish),
        cmocka_unit_test_setup_teardown(test_suspended, begin, finish),
        cmocka_unit_test_setup_teardown(test_ends_while_suspended, begin, finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
