/* The JSON-RPC call that finds out how a program ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <string.h>

#include "delve/rpc.h"

enum { OUT_MAX = 1024, UNTOUCHED = -12345 };

static void state_is_asked_for_without_blocking(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, OUT_MAX);
    delve_rpc_state(&out, 7);
    assert_false(out.failed);
    json_t *request = json_loadb(out.data, out.len, 0, NULL);
    assert_non_null(request);
    assert_string_equal(json_string_value(json_object_get(request, "method")), "RPCServer.State");
    assert_int_equal(json_integer_value(json_object_get(request, "id")), 7);
    const json_t *params = json_object_get(request, "params");
    assert_int_equal(json_array_size(params), 1);
    assert_true(json_is_true(json_object_get(json_array_get(params, 0), "NonBlocking")));
    json_decref(request);
    buf_free(&out);
}

static void answers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int result, status;
    } cases[] = {
        {"{\"id\":1,\"result\":null,\"error\":\"Process 4711 has exited with status 7\"}\n", 1, 7},
        {"{\"id\":1,\"result\":null,\"error\":\"Process 4711 has exited with status -9\"}", 1, -9},
        {"{\"id\":1,\"result\":{\"State\":{\"Pid\":1,\"exited\":true,\"exitStatus\":3}},\"error\":null}", 1, 3},
        {"{\"id\":1,\"result\":{\"State\":{\"Running\":true,\"exited\":false,\"exitStatus\":0}},\"error\":null}", 0,
         UNTOUCHED},
        {"{\"id\":1,\"result\":null,\"error\":\"rpc: can't find method\"}", 0, UNTOUCHED},
        {"{\"id\":1}", 0, UNTOUCHED},
        {"[]", 0, UNTOUCHED},
        {"{\"id\":1,\"result\":null,\"error\":\"Process 4711 has exited wi", -1, UNTOUCHED},
        {"{\"error\":\"Process 1 has exited with status 7\",\"result\":{", -1, UNTOUCHED},
        {"", -1, UNTOUCHED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = UNTOUCHED;
        assert_int_equal(delve_rpc_exit_status(cases[i].text, strlen(cases[i].text), &status), cases[i].result);
        assert_int_equal(status, cases[i].status);
    }
}

static void the_status_is_found_in_any_text(void **state)
{
    (void)state;
    int status = UNTOUCHED;
    assert_int_equal(delve_exit_status_in("Process 12 has exited with status 0\n", &status), 1);
    assert_int_equal(status, 0);
    assert_int_equal(delve_exit_status_in("it has exited with status unknown, has exited with status 5.", &status), 1);
    assert_int_equal(status, 5);
    status = UNTOUCHED;
    assert_int_equal(delve_exit_status_in("Detaching", &status), 0);
    assert_int_equal(delve_exit_status_in("has exited with status ", &status), 0);
    assert_int_equal(delve_exit_status_in("has exited with status -", &status), 0);
    assert_int_equal(delve_exit_status_in("has exited with status 99999999999999999999", &status), 0);
    assert_int_equal(status, UNTOUCHED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_is_asked_for_without_blocking),
        cmocka_unit_test(answers),
        cmocka_unit_test(the_status_is_found_in_any_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
