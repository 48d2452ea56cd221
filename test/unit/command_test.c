/* The command transport, with real programs of this machine. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dap/buf.h"
#include "proxy/machine/programs.h"
#include "proxy/machine/transport.h"

enum { MUCH = 4 * 1024 * 1024, ARGS_MAX = 3, WORD_SIZE = 256 };

const struct bootstrap_program programs_own = {"x86_64", "00", "", 0, 0};
const struct bootstrap_program programs_table[] = {{"x86_64", "00", "", 0, 0}};
const size_t programs_count = 1;
const char programs_installed[] = "";

static struct {
    uv_loop_t loop;
    struct transport *transport;
    struct carrier *carrier;
    struct buf got;
    size_t wanted; /* bytes of output, after which it is closed; 0: it ends by itself */
    bool running, drained;
    struct err why;
    enum transport_loss loss;
} w;

static void on_note(void *arg, const char *text)
{
    (void)arg;
    (void)text;
}

static void on_running(void *arg)
{
    (void)arg;
    w.running = true;
}

static void on_data(void *arg, const char *data, size_t len)
{
    (void)arg;
    buf_append(&w.got, data, len);
    assert_false(w.got.failed);
    if (w.wanted && w.got.len >= w.wanted) {
        carrier_close(w.carrier);
        w.carrier = NULL;
    }
}

static void on_drained(void *arg)
{
    (void)arg;
    w.drained = true;
}

static void on_lost(void *arg, const struct err *why, enum transport_loss loss)
{
    (void)arg;
    w.carrier = NULL;
    w.why = *why;
    w.loss = loss;
}

static const struct carrier_handler events = {
    .note = on_note, .running = on_running, .data = on_data, .drained = on_drained, .lost = on_lost};

/* The target is gone as soon as the transport is there, as after a reload. */
static void start(const char *a, const char *b, const char *c)
{
    static char args[ARGS_MAX][WORD_SIZE], name[WORD_SIZE];
    const char *given[ARGS_MAX] = {a, b, c};
    char *argv[ARGS_MAX + 1] = {0};
    struct config_target target = {.name = name, .command = argv};
    memset(&w, 0, sizeof w);
    (void)snprintf(name, sizeof name, "main");
    for (size_t i = 0; i < ARGS_MAX && given[i]; i++) {
        (void)snprintf(args[i], sizeof args[i], "%s", given[i]);
        argv[i] = args[i];
    }
    assert_int_equal(uv_loop_init(&w.loop), 0);
    buf_init(&w.got, 2 * (size_t)MUCH);
    w.transport = transport_command(&w.loop, &target);
    assert_non_null(w.transport);
    memset(args, '?', sizeof args);
    memset(name, '?', sizeof name);
    memset(&target, 0, sizeof target);
    memset((void *)argv, 0, sizeof argv);
    const struct transport_command command = {.line = "unused", .script = "script\n", .script_len = 7};
    w.carrier = transport_open(w.transport, &command, &events, NULL);
    assert_non_null(w.carrier);
}

static void finish(void)
{
    while (uv_run(&w.loop, UV_RUN_ONCE) != 0)
        continue;
    assert_null(w.carrier);
    transport_free(w.transport);
    assert_int_equal(uv_loop_close(&w.loop), 0);
    buf_free(&w.got);
}

static void test_its_streams(void **state)
{
    char *much = calloc(1, MUCH);
    (void)state;
    assert_non_null(much);
    start("cat", NULL, NULL);
    assert_string_equal(w.transport->where, "cat");
    assert_true(carrier_write(w.carrier, much, MUCH));
    w.wanted = 7 + MUCH;
    while (w.carrier)
        (void)uv_run(&w.loop, UV_RUN_ONCE);
    assert_true(w.running);
    assert_true(w.drained);
    assert_int_equal(w.got.len, w.wanted);
    assert_memory_equal(w.got.data, "script\n", 7);
    free(much);
    finish();
}

static void ends(const char *script, const char *why, enum transport_loss loss)
{
    start("sh", "-c", script);
    while (w.carrier)
        (void)uv_run(&w.loop, UV_RUN_ONCE);
    assert_string_equal(w.why.text, why);
    assert_int_equal(w.loss, loss);
    finish();
}

static void test_its_end(void **state)
{
    (void)state;
    ends("read x; echo out; echo words >&2; exit 3", "The command `sh` ended with exit status 3: words",
         TRANSPORT_RETRY);
    ends("exit 3", "The command `sh` ended with exit status 3 before a shell answered.", TRANSPORT_RETRY);
    ends("exit 127", "The command `sh` ended with exit status 127 before a shell answered.", TRANSPORT_NEVER);
    ends("kill -9 $$", "The command `sh` was killed by signal 9 before a shell answered.", TRANSPORT_RETRY);
}

static void test_a_program_that_is_missing(void **state)
{
    (void)state;
    start("delvegate-no-such-program", NULL, NULL);
    while (w.carrier)
        (void)uv_run(&w.loop, UV_RUN_ONCE);
    assert_int_equal(w.loss, TRANSPORT_NEVER);
    assert_string_equal(w.why.text,
                        "The command `delvegate-no-such-program` is not on this machine, or not in delvegate's PATH.\n"
                        "Write its full path in `command` of target main.");
    assert_false(w.running);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_its_streams),
        cmocka_unit_test(test_its_end),
        cmocka_unit_test(test_a_program_that_is_missing),
    };
    (void)signal(SIGPIPE, SIG_IGN); /* as in delvegate */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
