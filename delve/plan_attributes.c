#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delve/plan_parts.h"

enum { DECIMAL = 10, DIGITS_MAX = 18 /* of a number that a long long holds */ };

enum requests { LAUNCH = 1, ATTACH = 2, BOTH = LAUNCH | ATTACH };

/* What becomes of an attribute. */
enum use {
    CLIENT, /* the editor's own: silence */
    PLAN,   /* read by delvegate */
    DELVE,  /* given to Delve's remote attach as it is */
    UNHEARD /* not honoured: a note, when it asks for something that the user may have written */
};

/* JSON types it may have; null always means absent. */
enum shape { BOOL = 1, INT = 2, STRING = 4, STRINGS = 8, OBJECT = 16, SUBSTITUTE = 32, OWN = 64, ANY = 128 };

struct attribute {
    const char *name;
    unsigned requests;
    enum use use;
    unsigned shape;
    const char *neutral; /* UNHEARD: this value (a string, or a number's digits) asks for nothing, beside empty ones */
    const char *why;     /* UNHEARD */
};

/* Every attribute of the Go extension (package.json of 0.57), of VS Code itself, and of Delve's remote attach up to
   1.27. */
static const struct attribute table[] = {
    {"name", BOTH, CLIENT, ANY, NULL, NULL},
    {"type", BOTH, CLIENT, ANY, NULL, NULL},
    {"request", BOTH, CLIENT, ANY, NULL, NULL},
    {"debugServer", BOTH, CLIENT, ANY, NULL, NULL},
    {"dlvToolPath", BOTH, CLIENT, ANY, NULL, NULL},
    {"internalConsoleOptions", BOTH, CLIENT, ANY, NULL, NULL},
    {"order", BOTH, CLIENT, ANY, NULL, NULL},
    {"outputMode", LAUNCH, CLIENT, ANY, NULL, NULL}, /* the output goes to the Debug Console in any case */
    {"packagePathToGoModPathMap", BOTH, CLIENT, ANY, NULL, NULL},
    {"postDebugTask", BOTH, CLIENT, ANY, NULL, NULL},
    {"preLaunchTask", BOTH, CLIENT, ANY, NULL, NULL},
    {"preRestartTask", BOTH, CLIENT, ANY, NULL, NULL},
    {"presentation", BOTH, CLIENT, ANY, NULL, NULL},
    {"serverReadyAction", BOTH, CLIENT, ANY, NULL, NULL},
    {"suppressMultipleSessionWarning", BOTH, CLIENT, ANY, NULL, NULL},
    {"guessSubstitutePath", BOTH, CLIENT, ANY, NULL, NULL}, /* the Go extension's own; delvegate maps by its rules */
    {"cwd", ATTACH, CLIENT, ANY, NULL, NULL},               /* no Delve makes anything of it */
    {"debugAdapter", ATTACH, CLIENT, ANY, NULL, NULL},      /* the Go extension falls back to "legacy" by itself */
    {"linux", BOTH, CLIENT, ANY, NULL, NULL},
    {"osx", BOTH, CLIENT, ANY, NULL, NULL},
    {"windows", BOTH, CLIENT, ANY, NULL, NULL},

    {"mode", BOTH, PLAN, STRING, NULL, NULL},
    {"program", LAUNCH, PLAN, STRING, NULL, NULL},
    {"args", LAUNCH, PLAN, STRING | STRINGS, NULL, NULL},
    {"cwd", LAUNCH, PLAN, STRING, NULL, NULL},
    {"dlvCwd", LAUNCH, PLAN, STRING, NULL, NULL},
    {"env", LAUNCH, PLAN, OBJECT, NULL, NULL},
    {"buildFlags", LAUNCH, PLAN, STRING | STRINGS, NULL, NULL},
    {"dlvFlags", BOTH, PLAN, STRING | STRINGS, NULL, NULL},
    {"backend", BOTH, PLAN, STRING, NULL, NULL},
    {"logOutput", BOTH, PLAN, STRING, NULL, NULL},
    {"showLog", BOTH, PLAN, BOOL, NULL, NULL},
    {"processId", ATTACH, PLAN, INT | STRING, NULL, NULL},
    {"host", ATTACH, PLAN, STRING, NULL, NULL},
    {"port", ATTACH, PLAN, INT | STRING, NULL, NULL},
    {"substitutePath", BOTH, PLAN, SUBSTITUTE, NULL, NULL},
    {"delvegate", BOTH, PLAN, OWN, NULL, NULL},

    {"stopOnEntry", BOTH, DELVE, BOOL, NULL, NULL},
    {"stackTraceDepth", BOTH, DELVE, INT, NULL, NULL},
    {"showGlobalVariables", BOTH, DELVE, BOOL, NULL, NULL},
    {"showRegisters", BOTH, DELVE, BOOL, NULL, NULL},
    {"hideSystemGoroutines", BOTH, DELVE, BOOL, NULL, NULL},
    {"goroutineFilters", BOTH, DELVE, STRING, NULL, NULL},
    {"showPprofLabels", BOTH, DELVE, STRINGS, NULL, NULL},
    {"showRawStrings", BOTH, DELVE, BOOL, NULL, NULL},
    {"maxStringLen", BOTH, DELVE, INT, NULL, NULL},
    {"maxArrayValues", BOTH, DELVE, INT, NULL, NULL},

    {"apiVersion", BOTH, UNHEARD, ANY, "2", "delvegate always starts Delve with API version 2"},
    {"asRoot", BOTH, UNHEARD, ANY, NULL,
     "Delve runs as the target's user on the Go machine; to debug as root, use a target that logs in as root"},
    {"console", BOTH, UNHEARD, ANY, "internalConsole",
     "the program has no terminal; its output goes to the Debug Console"},
    {"coreFilePath", LAUNCH, UNHEARD, ANY, NULL, "mode core is not supported by this version"},
    {"debugAdapter", LAUNCH, UNHEARD, ANY, "dlv-dap",
     "delvegate uses Delve's own debug adapter; set \"dlv-dap\" (with \"legacy\" the Go extension also merges its "
     "machine's entire environment into env)"},
    {"dlvLoadConfig", BOTH, UNHEARD, ANY, NULL,
     "only the legacy adapter supports it; maxStringLen and maxArrayValues are passed to Delve (1.27.1 and later)"},
    {"env", ATTACH, UNHEARD, ANY, NULL, "an attached process keeps its environment"},
    {"envFile", BOTH, UNHEARD, ANY, NULL, "it is on the editor's machine, where delvegate reads no files; use env"},
    {"followExec", BOTH, UNHEARD, ANY, NULL, "Delve cannot follow child processes in a headless session"},
    {"followExecRegex", BOTH, UNHEARD, ANY, NULL, "Delve cannot follow child processes in a headless session"},
    {"host", LAUNCH, UNHEARD, ANY, "127.0.0.1", "delvegate starts Delve itself, on the loopback of the Go machine"},
    {"logDest", BOTH, UNHEARD, ANY, NULL, "delvegate reads Delve's log itself; \"showLog\": true shows it"},
    {"noDebug", BOTH, UNHEARD, BOOL, NULL, "a headless Delve always debugs; breakpoints stay active"},
    {"output", LAUNCH, UNHEARD, ANY, "debug", "the binary goes into the session's run directory on the Go machine"},
    {"port", LAUNCH, UNHEARD, ANY, "2345", "delvegate starts Delve itself, on a free port of the Go machine"},
    {"remotePath", BOTH, UNHEARD, ANY, NULL, "only the legacy adapter supports it; use the target's paths"},
    {"stderrTo", LAUNCH, UNHEARD, ANY, NULL, "the program's output always goes to the Debug Console"},
    {"stdinFrom", LAUNCH, UNHEARD, ANY, NULL, "the program's input is empty in this version"},
    {"stdoutTo", LAUNCH, UNHEARD, ANY, NULL, "the program's output always goes to the Debug Console"},
    {"trace", BOTH, UNHEARD, ANY, "error", "only the legacy adapter supports it; delvegate has log.level"},
    {"traceDirPath", LAUNCH, UNHEARD, ANY, NULL, "mode replay is not supported by this version"},
    {"waitFor", BOTH, UNHEARD, ANY, NULL, "this version attaches to running processes only; use processId"},
};

static const struct attribute *find(const char *name, unsigned request)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if ((table[i].requests & request) && strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

static bool is_strings(const json_t *value)
{
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!json_is_string(json_array_get(value, i)))
            return false;
    return json_is_array(value);
}

/* Input variables of VS Code give strings. */
static bool is_number_in_string(const json_t *value)
{
    const char *s = json_string_value(value);
    size_t digits = s ? strspn(s, "0123456789") : 0;
    return digits > 0 && digits <= DIGITS_MAX && s[digits] == '\0';
}

static bool has_shape(const json_t *value, unsigned shape)
{
    return (shape & (ANY | SUBSTITUTE)) || ((shape & BOOL) && json_is_boolean(value)) ||
           ((shape & INT) && (json_is_integer(value) || is_number_in_string(value))) ||
           ((shape & STRING) && json_is_string(value)) || ((shape & STRINGS) && is_strings(value)) ||
           ((shape & (OBJECT | OWN)) && json_is_object(value));
}

static const char *shape_text(unsigned shape)
{
    switch (shape) {
    case BOOL:
        return "true or false";
    case INT:
        return "a whole number, or one in a string";
    case STRING:
        return "a string";
    case STRINGS:
        return "an array of strings";
    case STRING | STRINGS:
        return "a string or an array of strings";
    case INT | STRING:
        return "a whole number, or one in a string";
    default:
        return "an object";
    }
}

static const char *type_text(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "true or false";
    default:
        return "null";
    }
}

static int wrong_element(struct plan_reader *r, const char *name, const json_t *value)
{
    char subscript[32];
    size_t i = 0;
    while (json_is_string(json_array_get(value, i)))
        i++;
    const json_t *element = json_array_get(value, i);
    (void)snprintf(subscript, sizeof subscript, "[%zu]", i);
    return plan_not_a_string(r, name, subscript, element);
}

int plan_not_a_string(struct plan_reader *r, const char *name, const char *subscript, const json_t *value)
{
    bool is_scalar = json_is_number(value) || json_is_boolean(value);
    char *text = is_scalar ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
    if (text)
        err_set(r->e, "%s%s must be a string, not %s: write \"%s\".", name, subscript, type_text(value), text);
    else
        err_set(r->e, "%s%s must be a string, not %s.", name, subscript, type_text(value));
    free(text);
    return -1;
}

static int wrong_shape(struct plan_reader *r, const struct attribute *a, const json_t *value)
{
    if ((a->shape & STRINGS) && json_is_array(value))
        return wrong_element(r, a->name, value);
    return err_set(r->e, "%s must be %s, not %s.", a->name, shape_text(a->shape), type_text(value));
}

/* The defaults of the Go extension, and what every remote attach has: neither asks for anything. */
static bool is_usual_load_config(const json_t *value)
{
    static const struct {
        const char *name;
        int defaults[2];
    } limits[] = {{"maxVariableRecurse", {1, 1}},
                  {"maxStringLen", {64, 512}},
                  {"maxArrayValues", {64, 64}},
                  {"maxStructFields", {-1, -1}}};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        const json_t *limit = json_object_get(value, limits[i].name);
        if (limit && json_integer_value(limit) != limits[i].defaults[0] &&
            json_integer_value(limit) != limits[i].defaults[1])
            return false;
    }
    return !json_is_false(json_object_get(value, "followPointers"));
}

/* Whether an unheard attribute asks for nothing. */
static bool is_neutral(const struct attribute *a, const json_t *value)
{
    char digits[32];
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return json_object_size(value) == 0 || (strcmp(a->name, "dlvLoadConfig") == 0 && is_usual_load_config(value));
    case JSON_ARRAY:
        return json_array_size(value) == 0;
    case JSON_STRING:
        return json_string_length(value) == 0 || (a->neutral && strcmp(a->neutral, json_string_value(value)) == 0);
    case JSON_INTEGER:
        snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return json_integer_value(value) == 0 || (a->neutral && strcmp(a->neutral, digits) == 0);
    case JSON_TRUE:
    case JSON_REAL:
        return false;
    default:
        return true;
    }
}

static int substitute_path(struct plan_reader *r, const json_t *rules)
{
    if (!json_is_array(rules))
        return err_set(r->e, "substitutePath must be an array of { \"from\": ..., \"to\": ... }, not %s.",
                       type_text(rules));
    if (json_array_size(rules) == 0)
        return 0;
    json_t *kept = r->plan->substitute_path = json_array();
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *rule = json_array_get(rules, i);
        const json_t *from = json_object_get(rule, "from"), *to = json_object_get(rule, "to");
        if (!json_is_string(from) || !json_is_string(to))
            return err_set(r->e, "substitutePath[%zu] must have from and to, both strings.", i);
        if (json_string_length(from) == 0) {
            if (plan_note(r, "substitutePath[%zu] is ignored: its from is empty, and editors send absolute paths.", i) <
                0)
                return -1;
            continue;
        }
        if (json_array_append_new(
                kept, json_pack("{s:s, s:s}", "from", json_string_value(from), "to", json_string_value(to))) < 0)
            return plan_no_memory(r);
    }
    return 0;
}

/* delvegate's own object; the steps in it are read by delve_prelaunch_read. */
static int delvegate_object(struct plan_reader *r, json_t *settings)
{
    const char *name;
    json_t *value;
    json_object_foreach(settings, name, value)
    {
        if (json_is_null(value))
            continue;
        if (strcmp(name, "prelaunch") != 0) {
            if (plan_note(r,
                          "delvegate.%s has no effect: only prelaunch is supported in launch.json; other settings "
                          "belong in the target's configuration.",
                          name) < 0)
                return -1;
        } else if (!json_is_array(value)) {
            return err_set(r->e, "delvegate.prelaunch must be a list of steps, not %s.", type_text(value));
        }
    }
    return 0;
}

/* Delve itself takes no number in a string. */
static int give_delve(struct plan_reader *r, const struct attribute *a, const json_t *value)
{
    json_t *copy = a->shape == INT && json_is_string(value)
                       ? json_integer(strtoll(json_string_value(value), NULL, DECIMAL))
                       : json_deep_copy(value);
    return json_object_set_new(r->plan->attach, a->name, copy) < 0 ? plan_no_memory(r) : 0;
}

static int one_attribute(struct plan_reader *r, const char *name, json_t *value)
{
    unsigned request = r->is_attach ? ATTACH : LAUNCH;
    const struct attribute *a = find(name, request);
    if (json_is_null(value) || strncmp(name, "__", 2) == 0)
        return 0;
    if (!a && find(name, BOTH))
        return plan_note(r, "%s has no effect: it is an attribute of %s requests.", name,
                         r->is_attach ? "launch" : "attach");
    if (!a)
        return plan_note(r, "%s has no effect: neither delvegate nor Delve's remote attach supports it.", name);
    if (a->use == CLIENT)
        return 0;
    if (!has_shape(value, a->shape))
        return wrong_shape(r, a, value);
    if (a->use != UNHEARD &&
        (plan_no_nul(r, name, value) < 0 || plan_variables(r, name, value, a->shape & (STRINGS | OBJECT | OWN)) < 0))
        return -1;
    /* The extension mixes its own into an attach's env: who wrote what cannot be told. */
    if (a->use == UNHEARD && strcmp(name, "env") == 0 && plan_is_from_go_extension(r))
        return 0;
    if (a->use == UNHEARD)
        return is_neutral(a, value) ? 0 : plan_note(r, "%s is ignored: %s.", name, a->why);
    if (a->use == DELVE)
        return give_delve(r, a, value);
    if (a->shape == OWN)
        return delvegate_object(r, value);
    return a->shape == SUBSTITUTE ? substitute_path(r, value) : 0;
}

int plan_attributes(struct plan_reader *r)
{
    const char *name;
    json_t *value;
    json_object_foreach(r->arguments, name, value)
    {
        if (one_attribute(r, name, value) < 0)
            return -1;
    }
    return 0;
}
