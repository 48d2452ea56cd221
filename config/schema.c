#include <string.h>

#include "config/config.h"
#include "config/options.h"
#include "dap/buf.h"

enum { PATTERN_MAX = 4096 };

static json_t *object_of(const struct config_option *members);

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

static json_t *levels(void)
{
    json_t *names = json_array();
    for (size_t i = 0; names && config_levels[i]; i++) {
        if (json_array_append_new(names, json_string(config_levels[i])) < 0) {
            json_decref(names);
            return NULL;
        }
    }
    return json_pack("{s:s,s:o}", "type", "string", "enum", names);
}

static json_t *string_like(const char *pattern, long max)
{
    return json_pack("{s:s,s:s,s:I}", "type", "string", "pattern", pattern, "maxLength", (json_int_t)max);
}

/* The schema of an option's value, without its words. */
static json_t *value_of(const struct config_option *option)
{
    switch (option->type) {
    case CONFIG_OBJECT:
        return object_of(option->members);
    case CONFIG_TARGETS:
        return json_pack("{s:s,s:I,s:I,s:{s:s},s:o}", "type", "object", "minProperties", (json_int_t)option->min,
                         "maxProperties", (json_int_t)option->max, "propertyNames", "pattern", "^[A-Za-z0-9._-]{1,64}$",
                         "additionalProperties", object_of(option->members));
    case CONFIG_PATHS:
        return json_pack("{s:s,s:I,s:o}", "type", "array", "maxItems", (json_int_t)option->max, "items",
                         object_of(option->members));
    case CONFIG_ENV:
        return json_pack("{s:s,s:I,s:{s:s},s:{s:s}}", "type", "object", "maxProperties", (json_int_t)option->max,
                         "propertyNames", "pattern", "^(?!(GOCACHE|GOMODCACHE|GOTMPDIR)$)[A-Za-z_][A-Za-z0-9_]*$",
                         "additionalProperties", "type", "string");
    case CONFIG_FLAGS:
        return json_pack("{s:s,s:I,s:{s:s}}", "type", "array", "maxItems", (json_int_t)option->max, "items", "type",
                         "string");
    case CONFIG_IGNORED:
        return json_pack("{s:s}", "type", "string");
    case CONFIG_LISTEN:
        return json_pack("{s:[{s:s,s:I,s:I},{s:s,s:s}]}", "anyOf", "type", "integer", "minimum",
                         (json_int_t)option->min, "maximum", (json_int_t)option->max, "type", "string", "pattern",
                         "^(127(\\.[0-9]{1,3}){3}|localhost|\\[[0:]*:0{0,3}1\\]):[0-9]{1,5}$");
    case CONFIG_SSH:
        return string_like("^[^\\s-]\\S*$", option->max);
    case CONFIG_GO_PATH:
        return string_like("^/", option->max);
    case CONFIG_CLIENT_PATH:
        return string_like("^(/|[A-Za-z]:[/\\\\]|\\\\\\\\[^/\\\\])", option->max);
    case CONFIG_DURATION:
        return json_pack("{s:s,s:s}", "type", "string", "pattern", "^[0-9]{1,9}[smh]$");
    case CONFIG_LEVEL:
        return levels();
    case CONFIG_LAYERS:
        return layers_pattern();
    }
    return NULL;
}

static json_t *describe(const struct config_option *option)
{
    json_t *schema = value_of(option);
    struct buf words;
    buf_init(&words, PATTERN_MAX);
    buf_puts(&words, option->text);
    if (option->otherwise)
        buf_printf(&words, " If absent: %s.", option->otherwise);
    int failed = !schema || words.failed || json_object_set_new(schema, "description", json_string(words.data)) < 0;
    if (!failed && option->value)
        failed = json_object_set_new(schema, "default", json_loads(option->value, JSON_DECODE_ANY, NULL)) < 0;
    if (!failed)
        failed = json_object_set_new(schema, "examples",
                                     json_pack("[o]", json_loads(option->example, JSON_DECODE_ANY, NULL))) < 0;
    buf_free(&words);
    if (!failed)
        return schema;
    json_decref(schema);
    return NULL;
}

static json_t *object_of(const struct config_option *members)
{
    json_t *properties = json_object(), *required = json_array();
    int failed = !properties || !required;
    for (const struct config_option *option = members; option->name && !failed; option++) {
        failed = json_object_set_new(properties, option->name, describe(option)) < 0;
        if (!failed && option->required)
            failed = json_array_append_new(required, json_string(option->name)) < 0;
    }
    json_t *schema =
        failed ? NULL
               : json_pack("{s:s,s:O,s:b}", "type", "object", "properties", properties, "additionalProperties", 0);
    if (schema && json_array_size(required) > 0 && json_object_set(schema, "required", required) < 0) {
        json_decref(schema);
        schema = NULL;
    }
    json_decref(properties);
    json_decref(required);
    return schema;
}

json_t *config_schema(void)
{
    json_t *schema = object_of(config_options);
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
