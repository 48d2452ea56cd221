/* The option table against what is made from it: each option must be known to the parser, the schema and the manual. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/options.h"
#include "dap/buf.h"

enum { TEXT_MAX = 65536, OPTIONS_MIN = 20 };

/* One option on the way through the table. */
struct visit {
    const struct config_option *option;
    bool inherited; /* absent, it is as the top level's: no default of its own */
    char *path;     /* as the manual and the errors name it: targets.NAME.paths[].client */
    char *before;   /* what stands before its value in the smallest file that holds it */
    char *after;    /* and what after it */
    json_t *schema; /* the schema of the object that it belongs to */
};

typedef void visitor(const struct visit *v, void *arg);

static char *format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static char *format(const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    assert_true(n >= 0);
    return text;
}

static json_t *follow(json_t *schema, enum config_type type)
{
    if (type == CONFIG_TARGETS)
        return json_object_get(schema, "additionalProperties");
    if (type == CONFIG_STEPS)
        return json_array_get(json_object_get(json_object_get(schema, "items"), "oneOf"), 1);
    return type == CONFIG_PATHS ? json_object_get(schema, "items") : schema;
}

/* What the objects of a list still need when only `name` of them is given. */
static char *siblings(const struct config_option *members, const char *name)
{
    const char *needs = config_option_find(members, name)->needs;
    char *text = needs ? format(", \"%s\": %s", needs, config_option_find(members, needs)->example) : format("%s", "");
    bool alternative = config_option_find(members, name)->alternative;
    for (const struct config_option *o = members; o->name; o++) {
        bool needed = o->required || (o->alternative && !alternative);
        if (!needed || strcmp(o->name, name) == 0)
            continue;
        alternative = alternative || o->alternative;
        char *more = format("%s, \"%s\": %s", text, o->name, o->example);
        free(text);
        text = more;
    }
    return text;
}

static int visit_all(const struct config_option *members, const struct visit *parent, visitor *visit, void *arg)
{
    int n = 0;
    for (const struct config_option *o = members; o->name; o++, n++) {
        char *rest = siblings(members, o->name);
        struct visit v = {.option = o, .schema = parent->schema, .inherited = parent->inherited};
        v.path = format("%s%s", parent->path, o->name);
        v.before = format("%s{\"%s\": ", parent->before, o->name);
        v.after = format("%s}%s", rest, parent->after);
        free(rest);
        visit(&v, arg);
        if (o->members) {
            bool targets = o->type == CONFIG_TARGETS, list = o->type == CONFIG_PATHS || o->type == CONFIG_STEPS;
            json_t *own = json_object_get(json_object_get(parent->schema, "properties"), o->name);
            struct visit inner = {.schema = follow(own, o->type), .inherited = o->inherits};
            inner.path = format("%s%s", v.path, targets ? ".NAME." : list ? "[]." : ".");
            inner.before = format("%s%s", v.before, targets ? "{\"t\": " : list ? "[" : "");
            inner.after = format("%s%s", targets ? "}" : list ? "]" : "", v.after);
            n += visit_all(o->members, &inner, visit, arg);
            free(inner.path);
            free(inner.before);
            free(inner.after);
        }
        free(v.path);
        free(v.before);
        free(v.after);
    }
    return n;
}

static void every_option(visitor *visit, void *arg)
{
    json_t *schema = config_schema();
    struct visit top = {.path = format("%s", ""), .before = format("%s", ""), .after = format("%s", "")};
    assert_non_null(schema);
    top.schema = schema;
    assert_true(visit_all(config_options, &top, visit, arg) >= OPTIONS_MIN);
    free(top.path);
    free(top.before);
    free(top.after);
    json_decref(schema);
}

static struct config *parse(const struct visit *v, const char *value, struct config_problems *problems)
{
    char *text = format("%s%s%s", v->before, value, v->after);
    struct config *c = config_parse(text, strlen(text), problems);
    free(text);
    return c;
}

static void is_documented(const struct visit *v, void *arg)
{
    (void)arg;
    if (!v->option->text || !v->option->example)
        fail_msg("%s has no text or no example", v->path);
    if (!v->option->value && !v->option->otherwise && !v->option->required)
        fail_msg("%s has no default and does not say what holds without one", v->path);
}

/* The example and the default are taken; a value of no option's type is refused at this option. */
static void is_parsed(const struct visit *v, void *arg)
{
    struct config_problems problems;
    (void)arg;
    struct config *c = parse(v, v->option->example, &problems);
    if (!c)
        fail_msg("%s: the example is refused: %s", v->path, problems.count ? problems.list[0].text : "");
    config_unref(c);
    if (v->option->value) {
        c = parse(v, v->option->value, &problems);
        if (!c)
            fail_msg("%s: the default is refused: %s", v->path, problems.count ? problems.list[0].text : "");
        config_unref(c);
    }
    bool is_boolean = v->option->type == CONFIG_BOOLEAN || v->option->type == CONFIG_MAYBE;
    const char *value = is_boolean ? "5" : "true";
    assert_null(parse(v, value, &problems));
    assert_int_equal(problems.count, 1);
    const char *text = problems.list[0].text;
    char *name = format("%s: expected ", v->option->name);
    if (!strstr(text, name) || !strstr(text, *value == '5' ? ", found the number 5" : ", found true"))
        fail_msg("%s: a wrong type is refused with: %s", v->path, text);
    free(name);
    config_problems_free(&problems);
}

static void is_in_schema(const struct visit *v, void *arg)
{
    (void)arg;
    json_t *own = json_object_get(json_object_get(v->schema, "properties"), v->option->name);
    if (!own)
        fail_msg("%s is not in the schema", v->path);
    const char *description = json_string_value(json_object_get(own, "description"));
    assert_non_null(description);
    assert_non_null(strstr(description, v->option->text));
    assert_true(json_object_get(own, "type") || json_object_get(own, "anyOf") || json_object_get(own, "oneOf"));
    assert_true(!v->inherited || !json_object_get(own, "default"));
    if (v->option->value && !v->inherited) {
        json_t *value = json_loads(v->option->value, JSON_DECODE_ANY, NULL);
        assert_true(json_equal(json_object_get(own, "default"), value));
        json_decref(value);
    }
    json_t *required = json_object_get(v->schema, "required"), *name;
    size_t i;
    bool found = false;
    json_array_foreach(required, i, name) found = found || strcmp(json_string_value(name), v->option->name) == 0;
    assert_int_equal(found, v->option->required);
    assert_true(json_is_false(json_object_get(v->schema, "additionalProperties")));
}

/* Roff as a reader sees it, well enough to look for words: no font changes, no escapes. */
static char *plain(const char *roff)
{
    static const struct {
        const char *roff, *plain;
    } escapes[] = {{"\\fB", ""},  {"\\fR", ""},    {"\\fI", ""},   {"\\&", ""},    {"\\-", "-"},
                   {"\\e", "\\"}, {"\\(dq", "\""}, {"\\(aq", "'"}, {"\\(ti", "~"}, {"\\(ha", "^"}};
    struct buf out;
    buf_init(&out, TEXT_MAX);
    while (*roff) {
        size_t i = 0, n = sizeof(escapes) / sizeof(*escapes);
        while (i < n && strncmp(roff, escapes[i].roff, strlen(escapes[i].roff)) != 0)
            i++;
        buf_append(&out, i < n ? escapes[i].plain : roff, i < n ? strlen(escapes[i].plain) : 1);
        roff += i < n ? strlen(escapes[i].roff) : 1;
    }
    assert_false(out.failed);
    return buf_take(&out);
}

static void is_in_manual(const struct visit *v, void *arg)
{
    char *heading = format("\n.TP\n%s (", v->path);
    char *text = format("%s", v->option->text), *to = text;
    for (const char *c = v->option->text; *c; c++)
        if (*c != '`')
            *to++ = *c;
    *to = '\0';
    const char *at = strstr(arg, heading);
    if (!at)
        fail_msg("%s is not in the manual", v->path);
    const char *end = strstr(at + 1, "\n.TP\n");
    const char *found = strstr(at, text);
    if (!found || (end && found > end))
        fail_msg("%s: its text is not in the manual", v->path);
    if (v->option->value && !v->inherited) {
        char *line = format("Default: %s", v->option->value);
        found = strstr(at, line);
        if (!found || (end && found > end))
            fail_msg("%s: its default is not in the manual", v->path);
        free(line);
    }
    free(heading);
    free(text);
}

static void documented(void **state)
{
    (void)state;
    every_option(is_documented, NULL);
}

static void parsed(void **state)
{
    (void)state;
    every_option(is_parsed, NULL);
}

static void in_schema(void **state)
{
    (void)state;
    every_option(is_in_schema, NULL);
}

static void in_manual(void **state)
{
    (void)state;
    char *roff = config_manual();
    assert_non_null(roff);
    char *text = plain(roff);
    every_option(is_in_manual, text);
    free(text);
    free(roff);
}

/* The schema has nothing that the table lacks: its properties are as many as the table's. */
static void count_members(const json_t *schema, int *n)
{
    const char *name;
    json_t *value;
    json_t *properties = json_object_get(schema, "properties");
    json_object_foreach(properties, name, value)
    {
        ++*n;
        count_members(value, n);
        count_members(json_object_get(value, "additionalProperties"), n);
        count_members(json_object_get(value, "items"), n);
        count_members(follow(value, CONFIG_STEPS), n);
    }
}

static void count_visit(const struct visit *v, void *arg)
{
    (void)v;
    ++*(int *)arg;
}

static void schema_is_the_table(void **state)
{
    int in_table = 0, counted = 0;
    (void)state;
    json_t *schema = config_schema();
    assert_non_null(schema);
    assert_string_equal(json_string_value(json_object_get(schema, "$schema")),
                        "http://json-schema.org/draft-07/schema#");
    every_option(count_visit, &in_table);
    count_members(schema, &counted);
    assert_int_equal(counted, in_table);
    json_decref(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documented),          cmocka_unit_test(parsed),
        cmocka_unit_test(in_schema),           cmocka_unit_test(in_manual),
        cmocka_unit_test(schema_is_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
