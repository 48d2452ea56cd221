/* What is announced before a Delve is known, and what is told when it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dap/capabilities.h"

/* Bodies of initialize responses: Delve 1.20.2, and one like 1.27's. */
static const char old_delve[] =
    "{\"supportsConfigurationDoneRequest\":true,\"supportsFunctionBreakpoints\":true,"
    "\"supportsConditionalBreakpoints\":"
    "true,\"supportsEvaluateForHovers\":true,\"supportsSetVariable\":true,\"supportsExceptionInfoRequest\":true,"
    "\"supportsDelayedStackTraceLoading\":true,\"supportsLogPoints\":true,\"supportsDisassembleRequest\":true,"
    "\"supportsClipboardContext\":true,\"supportsSteppingGranularity\":true,\"supportsInstructionBreakpoints\":true}";
static const char new_delve[] =
    "{\"supportsConfigurationDoneRequest\":true,\"supportsFunctionBreakpoints\":true,"
    "\"supportsConditionalBreakpoints\":"
    "true,\"supportsHitConditionalBreakpoints\":true,\"supportsEvaluateForHovers\":true,\"exceptionBreakpointFilters\":"
    "[{"
    "\"filter\":\"unrecovered-panic\",\"label\":\"Unrecovered Panics\",\"default\":true}],\"supportsSetVariable\":true,"
    "\"supportsRestartRequest\":true,\"supportsTerminateRequest\":true,\"supportsCancelRequest\":true,"
    "\"supportsExceptionInfoRequest\":true,\"supportsDelayedStackTraceLoading\":true,\"supportsLogPoints\":true,"
    "\"supportsDisassembleRequest\":true,\"supportsClipboardContext\":true,\"supportsSteppingGranularity\":true,"
    "\"supportsInstructionBreakpoints\":true,\"supportsReadMemoryRequest\":true,\"supportsDataBreakpoints\":true}";

static json_t *parse(const char *text)
{
    json_t *tree = json_loads(text, 0, NULL);
    assert_non_null(tree);
    return tree;
}

static void assert_announced_is_carried(const json_t *object)
{
    static const char *const never[] = {"supportsTerminateRequest", "supportsCancelRequest"};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        assert_false(json_is_true(json_object_get(object, never[i])));
}

/* What a client holds that merges the difference into what was announced. */
static json_t *merged(const json_t *announced, const json_t *changed)
{
    json_t *all = json_deep_copy(announced);
    if (changed)
        assert_int_equal(json_object_update(all, json_object_get(changed, "capabilities")), 0);
    const char *key;
    json_t *value;
    void *tmp;
    json_object_foreach_safe(all, tmp, key, value)
    {
        if (json_is_false(value) || (json_is_array(value) && json_array_size(value) == 0))
            json_object_del(all, key);
    }
    return all;
}

static void the_first_time_is_what_all_share(void **state)
{
    (void)state;
    json_t *announced = dap_capabilities_announced(NULL), *expected = parse(old_delve);
    json_object_set_new(expected, "supportTerminateDebuggee", json_true());
    json_object_set_new(expected, "supportsRestartRequest", json_true());
    json_object_set_new(expected, "supportsHitConditionalBreakpoints", json_true());
    assert_true(json_equal(announced, expected));

    json_t *delve = parse(old_delve);
    assert_null(dap_capabilities_changed(announced, delve));
    json_decref(delve);
    json_decref(expected);
    json_decref(announced);
}

static void later_it_is_what_was_seen(void **state)
{
    (void)state;
    json_t *seen = parse(new_delve), *before = json_deep_copy(seen);
    json_t *announced = dap_capabilities_announced(seen);
    assert_announced_is_carried(announced);
    assert_true(json_equal(json_object_get(announced, "exceptionBreakpointFilters"),
                           json_object_get(seen, "exceptionBreakpointFilters")));
    assert_true(json_is_true(json_object_get(announced, "supportsReadMemoryRequest")));
    assert_true(json_is_true(json_object_get(announced, "supportTerminateDebuggee")));
    assert_true(json_equal(seen, before));
    assert_null(dap_capabilities_changed(announced, seen));
    json_decref(announced);
    json_decref(before);
    json_decref(seen);
}

static void what_differs_is_reported(void **state)
{
    (void)state;
    json_t *older = parse(old_delve), *newer = parse(new_delve);
    const json_t *from[] = {NULL, older, newer, older, newer, NULL}, *to[] = {newer, newer, older, NULL, NULL, NULL};
    for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
        json_t *announced = dap_capabilities_announced(from[i]);
        json_t *changed = dap_capabilities_changed(announced, to[i]);
        assert_non_null(changed);
        assert_announced_is_carried(json_object_get(changed, "capabilities"));
        json_t *held = merged(announced, changed);
        json_t *empty = json_object();
        json_t *wanted = dap_capabilities_announced(to[i] ? to[i] : empty);
        assert_true(json_equal(held, wanted));
        json_decref(wanted);
        json_decref(empty);
        json_decref(held);
        json_decref(changed);
        json_decref(announced);
    }
    json_decref(older);
    json_decref(newer);
}

static void only_the_difference_is_reported(void **state)
{
    (void)state;
    json_t *announced = parse("{\"supportTerminateDebuggee\":true,\"supportsRestartRequest\":true,"
                              "\"supportsHitConditionalBreakpoints\":true,\"a\":true,\"b\":"
                              "true,\"list\":[1],\"gone\":[1],"
                              "\"off\":false,\"none\":[]}");
    json_t *delve = parse("{\"a\":true,\"c\":true,\"d\":false,\"list\":[2],\"supportsTerminateRequest\":true}");
    json_t *expected = parse("{\"capabilities\":{\"b\":false,\"c\":true,\"list\":[2],\"gone\":[]}}");
    json_t *changed = dap_capabilities_changed(announced, delve);
    assert_true(json_equal(changed, expected));
    json_decref(changed);
    json_decref(expected);
    json_decref(delve);
    json_decref(announced);
}

static long allocations_left;

static void *failing_malloc(size_t n)
{
    return allocations_left-- > 0 ? malloc(n) : NULL;
}

/* With every single allocation failing in turn: no answer instead of a half one, and nothing lost. */
static void memory_runs_out(void **state)
{
    (void)state;
    json_t *seen = parse(new_delve), *older = parse(old_delve);
    json_t *whole = dap_capabilities_announced(seen), *difference = dap_capabilities_changed(whole, older);
    json_malloc_t old_malloc;
    json_free_t old_free;
    json_get_alloc_funcs(&old_malloc, &old_free);
    bool all_came = false;
    for (long n = 0; !all_came; n++) {
        json_set_alloc_funcs(failing_malloc, free);
        allocations_left = n;
        json_t *announced = dap_capabilities_announced(seen);
        json_t *shared = dap_capabilities_announced(NULL);
        json_t *changed = dap_capabilities_changed(whole, older);
        all_came = allocations_left >= 0;
        json_set_alloc_funcs(old_malloc, old_free);
        assert_true(!announced || json_equal(announced, whole));
        assert_true(!changed || json_equal(changed, difference));
        assert_true(!all_came || (announced && shared && changed));
        json_decref(announced);
        json_decref(shared);
        json_decref(changed);
    }
    json_decref(difference);
    json_decref(whole);
    json_decref(older);
    json_decref(seen);
}

static void of_a_client_only_what_dap_defines_is_kept(void **state)
{
    char text[DAP_CLIENT_STRING_MAX + 512];
    char name[DAP_CLIENT_STRING_MAX + 2];
    (void)state;
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    (void)snprintf(text, sizeof text,
                   "{\"clientID\":\"vscode\",\"clientName\":\"%s\",\"locale\":\"%s\",\"linesStartAt1\":true,"
                   "\"supportsVariableType\":\"yes\",\"supportsInvalidatedEvent\":false,\"pathFormat\":null,"
                   "\"more\":[1,2]}",
                   name, name + 1);
    json_t *given = json_loads(text, 0, NULL);
    json_t *kept = dap_capabilities_of_client(given);
    json_t *expected = json_pack("{s:s,s:s,s:b,s:b}", "clientID", "vscode", "locale", name + 1, "linesStartAt1", 1,
                                 "supportsInvalidatedEvent", 0);
    assert_non_null(given);
    assert_true(json_equal(kept, expected));
    json_decref(given);
    json_decref(kept);
    json_decref(expected);
    kept = dap_capabilities_of_client(NULL);
    assert_int_equal(json_object_size(kept), 0);
    json_decref(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_time_is_what_all_share),
        cmocka_unit_test(later_it_is_what_was_seen),
        cmocka_unit_test(what_differs_is_reported),
        cmocka_unit_test(only_the_difference_is_reported),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(of_a_client_only_what_dap_defines_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
