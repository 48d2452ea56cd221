#include "dap/capabilities.h"

#include <stdbool.h>
#include <stddef.h>

/* True of every Delve since 1.7.3. */
static const char *const common[] = {
    "supportsConfigurationDoneRequest",
    "supportsConditionalBreakpoints",
    "supportsDelayedStackTraceLoading",
    "supportsFunctionBreakpoints",
    "supportsInstructionBreakpoints",
    "supportsExceptionInfoRequest",
    "supportsSetVariable",
    "supportsEvaluateForHovers",
    "supportsClipboardContext",
    "supportsSteppingGranularity",
    "supportsLogPoints",
    "supportsDisassembleRequest",
};

/* Not carried, whatever Delve says: once one of these is announced, VS Code sends that request in place of others. */
static const char *const withheld[] = {
    "supportsTerminateRequest",
    "supportsCancelRequest",
};

/* Added: delvegate ends what it started, and starts it again, on every version; and all versions of Delve keep to hit
   conditions, which those before 1.26.1 do not say. */
static const char *const added[] = {
    "supportsRestartRequest",
    "supportTerminateDebuggee",
    "supportsHitConditionalBreakpoints",
};

/* Of a client's initialize arguments, all that DAP defines. */
static const char *const client_strings[] = {"clientID", "clientName", "adapterID", "locale", "pathFormat"};
static const char *const client_flags[] = {
    "linesStartAt1",
    "columnsStartAt1",
    "supportsVariableType",
    "supportsVariablePaging",
    "supportsRunInTerminalRequest",
    "supportsMemoryReferences",
    "supportsProgressReporting",
    "supportsInvalidatedEvent",
    "supportsMemoryEvent",
    "supportsArgsCanBeInterpretedByShell",
    "supportsStartDebuggingRequest",
    "supportsANSIStyling",
};

static int set_all(json_t *object, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (json_object_set_new(object, names[i], json_true()) < 0)
            return -1;
    }
    return 0;
}

/* What is true of a session with a Delve whose initialize response has this body. Steals base, which may be NULL after
   a failure. */
static json_t *carried(json_t *base)
{
    if (!base)
        return NULL;
    for (size_t i = 0; i < sizeof withheld / sizeof *withheld; i++)
        (void)json_object_del(base, withheld[i]); /* fails only when it is not there */
    if (set_all(base, added, sizeof added / sizeof *added) < 0) {
        json_decref(base);
        return NULL;
    }
    return base;
}

json_t *dap_capabilities_announced(const json_t *seen)
{
    if (json_is_object(seen))
        return carried(json_deep_copy(seen));
    json_t *base = json_object();
    if (base && set_all(base, common, sizeof common / sizeof *common) < 0) {
        json_decref(base);
        return NULL;
    }
    return carried(base);
}

/* Whether a client takes value for the same as a key that is not there. */
static bool says_nothing(const json_t *value)
{
    return !value || json_is_false(value) || json_is_null(value) ||
           (json_is_array(value) && json_array_size(value) == 0);
}

static bool differs(const json_t *a, const json_t *b)
{
    return !(says_nothing(a) && says_nothing(b)) && !(a && b && json_equal(a, b));
}

/* Fills changed with what turns announced into actual. */
static int compare(json_t *changed, const json_t *announced, const json_t *actual)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)actual, key, value)
    {
        if (differs(json_object_get(announced, key), value) && json_object_set(changed, key, value) < 0)
            return -1;
    }
    json_object_foreach((json_t *)announced, key, value)
    {
        if (says_nothing(value) || json_object_get(actual, key))
            continue;
        if (json_object_set_new(changed, key, json_is_array(value) ? json_array() : json_false()) < 0)
            return -1;
    }
    return 0;
}

json_t *dap_capabilities_changed(const json_t *announced, const json_t *delve)
{
    json_t *actual = carried(json_is_object(delve) ? json_deep_copy(delve) : json_object());
    json_t *changed = json_object();
    json_t *body = NULL;
    if (actual && changed && compare(changed, announced, actual) == 0 && json_object_size(changed) > 0)
        body = json_pack("{s:O}", "capabilities", changed);
    json_decref(changed);
    json_decref(actual);
    return body;
}

json_t *dap_capabilities_of_client(const json_t *arguments)
{
    json_t *kept = json_object();
    int r = kept ? 0 : -1;
    for (size_t i = 0; i < sizeof client_strings / sizeof *client_strings && r == 0; i++) {
        json_t *value = json_object_get(arguments, client_strings[i]);
        if (json_is_string(value) && json_string_length(value) <= DAP_CLIENT_STRING_MAX)
            r = json_object_set(kept, client_strings[i], value);
    }
    for (size_t i = 0; i < sizeof client_flags / sizeof *client_flags && r == 0; i++) {
        json_t *value = json_object_get(arguments, client_flags[i]);
        if (json_is_boolean(value))
            r = json_object_set(kept, client_flags[i], value);
    }
    if (r == 0)
        return kept;
    json_decref(kept);
    return NULL;
}
