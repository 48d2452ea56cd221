#include <string.h>

#include "config/config.h"
#include "config/options.h"
#include "config/value.h"
#include "dap/buf.h"

enum { PATTERN_MAX = 4096 };

static json_t *object_of(const struct config_option *members, const char *inherited);

/* "one of these, separated by commas" */
static json_t *layers_pattern(void)
{
    struct buf names, pattern;
    buf_init(&names, PATTERN_MAX);
    buf_init(&pattern, PATTERN_MAX);
    for (size_t i = 0; config_layers[i]; i++)
        buf_printf(&names, "%s%s", i ? "|" : "", config_layers[i]);
    if (!names.failed)
        buf_printf(&pattern, "^(%s)(,(%s))*$", names.data, names.data);
    json_t *schema =
        names.failed || pattern.failed ? NULL : json_pack("{s:s,s:s}", "type", "string", "pattern", pattern.data);
    buf_free(&names);
    buf_free(&pattern);
    return schema;
}

static json_t *one_of(const char *const *names)
{
    json_t *list = json_array();
    for (size_t i = 0; list && names[i]; i++) {
        if (json_array_append_new(list, json_string(names[i])) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return json_pack("{s:s,s:o}", "type", "string", "enum", list);
}

static json_t *string_like(const char *pattern, long max)
{
    return json_pack("{s:s,s:s,s:I}", "type", "string", "pattern", pattern, "maxLength", (json_int_t)max);
}

/* Names, or objects that say more. */
static json_t *steps(const struct config_option *option)
{
    const struct config_option *step = config_option_find(option->members, "step");
    return json_pack("{s:s,s:I,s:{s:[o,o]}}", "type", "array", "maxItems", (json_int_t)option->max, "items", "oneOf",
                     one_of(step->names), object_of(option->members, NULL));
}

/* A line for sh, or an argv of which the first is not empty. */
static json_t *command(const struct config_option *option)
{
    return json_pack("{s:[{s:s,s:i},{s:s,s:i,s:I,s:[{s:s,s:i}],s:{s:s}}]}", "oneOf", "type", "string", "minLength", 1,
                     "type", "array", "minItems", 1, "maxItems", (json_int_t)option->max, "items", "type", "string",
                     "minLength", 1, "additionalItems", "type", "string");
}

/* An argv of which the first is not empty. */
static json_t *argv(const struct config_option *option)
{
    return json_pack("{s:s,s:i,s:I,s:[{s:s,s:i}],s:{s:s}}", "type", "array", "minItems", 1, "maxItems",
                     (json_int_t)option->max, "items", "type", "string", "minLength", 1, "additionalItems", "type",
                     "string");
}

/* The schema of an option's value, without its description. */
static json_t *value_of(const struct config_option *option)
{
    switch (option->type) {
    case CONFIG_OBJECT:
        return object_of(option->members, option->inherits ? option->otherwise : NULL);
    case CONFIG_TARGETS:
        return json_pack("{s:s,s:I,s:I,s:{s:s},s:o}", "type", "object", "minProperties", (json_int_t)option->min,
                         "maxProperties", (json_int_t)option->max, "propertyNames", "pattern", "^[A-Za-z0-9._-]{1,64}$",
                         "additionalProperties", object_of(option->members, NULL));
    case CONFIG_PATHS:
        return json_pack("{s:s,s:I,s:o}", "type", "array", "maxItems", (json_int_t)option->max, "items",
                         object_of(option->members, NULL));
    case CONFIG_ENV:
        return json_pack("{s:s,s:I,s:{s:s},s:{s:s}}", "type", "object", "maxProperties", (json_int_t)option->max,
                         "propertyNames", "pattern", "^(?!(GOCACHE|GOMODCACHE|GOTMPDIR)$)[A-Za-z_][A-Za-z0-9_]*$",
                         "additionalProperties", "type", "string");
    case CONFIG_FLAGS:
        return json_pack("{s:s,s:I,s:{s:s}}", "type", "array", "maxItems", (json_int_t)option->max, "items", "type",
                         "string");
    case CONFIG_ADDRESSES:
        return json_pack(
            "{s:s,s:I,s:o}", "type", "array", "maxItems", (json_int_t)option->max, "items",
            string_like("^([0-9]{1,3}(\\.[0-9]{1,3}){3}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$", CONFIG_ADDRESS_SIZE - 1));
    case CONFIG_IGNORED:
        return json_pack("{s:s}", "type", "string");
    case CONFIG_LISTEN:
        return json_pack("{s:[{s:s,s:I,s:I},{s:s,s:s}]}", "anyOf", "type", "integer", "minimum",
                         (json_int_t)option->min, "maximum", (json_int_t)option->max, "type", "string", "pattern",
                         "^([0-9]{1,3}(\\.[0-9]{1,3}){3}|localhost|\\[[0-9A-Fa-f:.]+\\]):[0-9]{1,5}$");
    case CONFIG_SSH:
        return string_like("^[^\\s-]\\S*$", option->max);
    case CONFIG_GO_PATH:
        return string_like("^/", option->max);
    case CONFIG_CLIENT_PATH:
        return string_like("^(/|[A-Za-z]:[/\\\\]|\\\\\\\\[^/\\\\])", option->max);
    case CONFIG_DURATION:
        return json_pack("{s:s,s:s}", "type", "string", "pattern",
                         option->milliseconds ? "^[0-9]{1,9}(ms|s|m|h)$" : "^[0-9]{1,9}[smh]$");
    case CONFIG_INTEGER:
        return json_pack("{s:s,s:I,s:I}", "type", "integer", "minimum", (json_int_t)option->min, "maximum",
                         (json_int_t)option->max);
    case CONFIG_ARGV:
        return argv(option);
    case CONFIG_BOOLEAN:
    case CONFIG_MAYBE:
        return json_pack("{s:s}", "type", "boolean");
    case CONFIG_CHOICE:
        return one_of(option->names);
    case CONFIG_STEPS:
        return steps(option);
    case CONFIG_COMMAND:
        return command(option);
    case CONFIG_LAYERS:
        return layers_pattern();
    }
    return NULL;
}

/* inherited: what holds for an absent member that has no default of its own here. */
static json_t *describe(const struct config_option *option, const char *inherited)
{
    json_t *schema = value_of(option);
    const char *absent = inherited ? inherited : option->otherwise;
    struct buf description;
    buf_init(&description, PATTERN_MAX);
    buf_puts(&description, option->text);
    if (absent)
        buf_printf(&description, " If absent: %s.", absent);
    int failed =
        !schema || description.failed || json_object_set_new(schema, "description", json_string(description.data)) < 0;
    if (!failed && option->value && !inherited)
        failed = json_object_set_new(schema, "default", json_loads(option->value, JSON_DECODE_ANY, NULL)) < 0;
    if (!failed)
        failed = json_object_set_new(schema, "examples",
                                     json_pack("[o]", json_loads(option->example, JSON_DECODE_ANY, NULL))) < 0;
    buf_free(&description);
    if (!failed)
        return schema;
    json_decref(schema);
    return NULL;
}

/* Sets a list unless it is empty. */
static int set_list(json_t *schema, const char *name, json_t *list)
{
    return json_array_size(list) > 0 ? json_object_set(schema, name, list) : 0;
}

/* Adds what an option's company must be. */
static int add_company(const struct config_option *option, json_t *needs, json_t *excluded)
{
    int failed = 0;
    if (option->needs)
        failed = json_object_set_new(needs, option->name, json_pack("[s]", option->needs)) < 0;
    if (!failed && option->excludes)
        failed =
            json_array_append_new(excluded, json_pack("{s:[s,s]}", "required", option->excludes, option->name)) < 0;
    return failed ? -1 : 0;
}

/* Sets what the members' company must be. Returns 0, or -1 when memory ran out. */
static int set_company(json_t *schema, const struct config_option *members)
{
    json_t *needs = json_object(), *excluded = json_array();
    int failed = !needs || !excluded;
    for (const struct config_option *option = members; option->name && !failed; option++)
        failed = add_company(option, needs, excluded) < 0;
    if (!failed && json_object_size(needs) > 0)
        failed = json_object_set(schema, "dependencies", needs) < 0;
    if (!failed && json_array_size(excluded) > 0)
        failed = json_object_set_new(schema, "not", json_pack("{s:O}", "anyOf", excluded)) < 0;
    json_decref(needs);
    json_decref(excluded);
    return failed ? -1 : 0;
}

static json_t *object_of(const struct config_option *members, const char *inherited)
{
    json_t *properties = json_object(), *required = json_array(), *alternatives = json_array();
    int failed = !properties || !required || !alternatives;
    for (const struct config_option *option = members; option->name && !failed; option++) {
        failed = json_object_set_new(properties, option->name, describe(option, inherited)) < 0;
        if (!failed && option->required)
            failed = json_array_append_new(required, json_string(option->name)) < 0;
        if (!failed && option->alternative)
            failed = json_array_append_new(alternatives, json_pack("{s:[s]}", "required", option->name)) < 0;
    }
    json_t *schema =
        failed ? NULL
               : json_pack("{s:s,s:O,s:b}", "type", "object", "properties", properties, "additionalProperties", 0);
    if (schema && (set_list(schema, "required", required) < 0 || set_list(schema, "oneOf", alternatives) < 0 ||
                   set_company(schema, members) < 0)) {
        json_decref(schema);
        schema = NULL;
    }
    json_decref(properties);
    json_decref(required);
    json_decref(alternatives);
    return schema;
}

json_t *config_schema(void)
{
    json_t *schema = object_of(config_options, NULL);
    json_t *head = json_pack("{s:s,s:s}", "$schema", "http://json-schema.org/draft-07/schema#", "title",
                             "delvegate configuration");
    if (head && schema && json_object_update(head, schema) < 0) {
        json_decref(head);
        head = NULL;
    }
    if (!schema) {
        json_decref(head);
        head = NULL;
    }
    json_decref(schema);
    return head;
}
