/* The schema against the parser: what one takes, the other takes too; and the list of prelaunch against the reader that
   runs it. The validator knows the keywords that the schema is made of, and refuses a schema with others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/json.h"
#include "config/options.h"
#include "delve/prelaunch.h"

enum { NAME_BYTES_MAX = 512, FILE_MAX = 65536, CASES_MIN = 10 };

static bool fits(const json_t *schema, const json_t *value);

static bool is_type(const char *type, const json_t *value)
{
    static const struct {
        const char *name;
        json_type type, other;
    } types[] = {{"object", JSON_OBJECT, JSON_OBJECT},
                 {"array", JSON_ARRAY, JSON_ARRAY},
                 {"string", JSON_STRING, JSON_STRING},
                 {"integer", JSON_INTEGER, JSON_INTEGER},
                 {"boolean", JSON_TRUE, JSON_FALSE}};
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (strcmp(types[i].name, type) == 0)
            return json_typeof(value) == types[i].type || json_typeof(value) == types[i].other;
    fail_msg("type %s", type);
    return false;
}

/* Patterns are of ECMAScript; the two that are no POSIX ones are written again here. */
static bool matches(const char *pattern, const char *text)
{
    static const struct {
        const char *ecma, *posix;
    } same[] = {{"^[^\\s-]\\S*$", "^[^[:space:]-][^[:space:]]*$"},
                {"^(?!(GOCACHE|GOMODCACHE|GOTMPDIR)$)[A-Za-z_][A-Za-z0-9_]*$", "^[A-Za-z_][A-Za-z0-9_]*$"}};
    regex_t r;
    for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++)
        if (strcmp(pattern, same[i].ecma) == 0)
            pattern = same[i].posix;
    if (regcomp(&r, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        fail_msg("pattern %s", pattern);
    bool found = regexec(&r, text, 0, NULL, 0) == 0;
    regfree(&r);
    return found;
}

static size_t how_many(const json_t *schemas, const json_t *value)
{
    size_t i, n = 0;
    json_t *schema;
    json_array_foreach((json_t *)schemas, i, schema) n += fits(schema, value);
    return n;
}

static bool is_among(const json_t *list, const json_t *value)
{
    size_t i;
    json_t *one;
    json_array_foreach((json_t *)list, i, one) if (json_equal(one, value)) return true;
    return false;
}

static bool has_all(const json_t *names, const json_t *object)
{
    size_t i;
    json_t *name;
    json_array_foreach((json_t *)names, i, name) if (!json_object_get(object, json_string_value(name))) return false;
    return true;
}

/* Whether each member has those beside it that it needs. */
static bool have_company(const json_t *rule, const json_t *object)
{
    const char *name;
    json_t *needs;
    json_object_foreach((json_t *)rule, name,
                        needs) if (json_object_get(object, name) && !has_all(needs, object)) return false;
    return true;
}

static bool members_fit(const json_t *schema, const json_t *object)
{
    const json_t *properties = json_object_get(schema, "properties"), *names = json_object_get(schema, "propertyNames");
    const json_t *more = json_object_get(schema, "additionalProperties");
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)object, key, member)
    {
        const json_t *own = json_object_get(properties, key);
        const char *pattern = json_string_value(json_object_get(names, "pattern"));
        if (pattern && !matches(pattern, key))
            return false;
        if (!own && json_is_false(more))
            return false;
        if (!fits(own ? own : more, member))
            return false;
    }
    return true;
}

static bool items_fit(const json_t *schema, const json_t *list)
{
    const json_t *items = json_object_get(schema, "items");
    size_t i;
    json_t *item;
    json_array_foreach((json_t *)list, i, item)
    {
        const json_t *own = json_is_array(items) ? json_array_get(items, i) : items;
        if (!fits(own ? own : json_object_get(schema, "additionalItems"), item))
            return false;
    }
    return true;
}

/* The size that a limit is of. */
static json_int_t size_of(const json_t *value)
{
    if (json_is_integer(value))
        return json_integer_value(value);
    if (json_is_string(value))
        return (json_int_t)json_string_length(value);
    return (json_int_t)(json_is_array(value) ? json_array_size(value) : json_object_size(value));
}

static bool keyword_fits(const json_t *schema, const char *keyword, const json_t *rule, const json_t *value)
{
    static const char *const lower[] = {"minimum", "minLength", "minItems", "minProperties"};
    static const char *const upper[] = {"maximum", "maxLength", "maxItems", "maxProperties"};
    static const char *const silent[] = {"$schema",  "title",           "description",          "default",
                                         "examples", "additionalItems", "additionalProperties", "propertyNames"};
    for (size_t i = 0; i < sizeof(lower) / sizeof(*lower); i++) {
        if (strcmp(keyword, lower[i]) == 0)
            return size_of(value) >= json_integer_value(rule);
        if (strcmp(keyword, upper[i]) == 0)
            return size_of(value) <= json_integer_value(rule);
    }
    for (size_t i = 0; i < sizeof(silent) / sizeof(*silent); i++)
        if (strcmp(keyword, silent[i]) == 0)
            return true;
    if (strcmp(keyword, "type") == 0)
        return is_type(json_string_value(rule), value);
    if (strcmp(keyword, "enum") == 0)
        return is_among(rule, value);
    if (strcmp(keyword, "pattern") == 0)
        return matches(json_string_value(rule), json_string_value(value));
    if (strcmp(keyword, "oneOf") == 0)
        return how_many(rule, value) == 1;
    if (strcmp(keyword, "anyOf") == 0)
        return how_many(rule, value) > 0;
    if (strcmp(keyword, "required") == 0)
        return has_all(rule, value);
    if (strcmp(keyword, "not") == 0)
        return !fits(rule, value);
    if (strcmp(keyword, "dependencies") == 0)
        return have_company(rule, value);
    if (strcmp(keyword, "properties") == 0)
        return true;
    if (strcmp(keyword, "items") == 0)
        return items_fit(schema, value);
    fail_msg("the schema has the keyword %s, which this test does not know", keyword);
    return false;
}

static bool fits(const json_t *schema, const json_t *value)
{
    const char *type = json_string_value(json_object_get(schema, "type")), *keyword;
    json_t *rule;
    /* The other rules are about a value of this type. */
    if (type && !is_type(type, value))
        return false;
    json_object_foreach((json_t *)schema, keyword, rule) if (!keyword_fits(schema, keyword, rule, value)) return false;
    return !json_is_object(value) || members_fit(schema, value);
}

/* Whether the schema takes a text, which must be JSON. */
static bool schema_takes(const json_t *schema, const char *text)
{
    struct config_problem problem;
    struct config_json *tree = config_json_read(text, strlen(text), &problem);
    if (!tree)
        fail_msg("%s: %s", text, problem.text);
    json_t *value = config_json_value(tree);
    assert_non_null(value);
    bool taken = fits(schema, value);
    json_decref(value);
    config_json_free(tree);
    return taken;
}

static bool parser_takes(const char *text)
{
    struct config_problems problems;
    struct config *c = config_parse(text, strlen(text), &problems);
    config_problems_free(&problems);
    config_unref(c);
    return c != NULL;
}

enum { BOTH, NONE, PARSER_REFUSES };

static void agree(void **state)
{
    static const struct {
        int who;
        const char *value; /* of {"recover": ...} at the top level and in a target */
    } recover[] = {
        {BOTH, "{}"},
        {NONE, "[]"},
        {NONE, "null"},
        {BOTH, "{\"modFiles\": \"shadow\"}"},
        {BOTH, "{\"modFiles\": \"edit\"}"},
        {BOTH, "{\"modFiles\": \"never\"}"},
        {NONE, "{\"modFiles\": \"Shadow\"}"},
        {NONE, "{\"modFiles\": true}"},
        {NONE, "{\"modFile\": \"edit\"}"},
        {BOTH, "{\"attempts\": 1}"},
        {BOTH, "{\"attempts\": 20}"},
        {NONE, "{\"attempts\": 0}"},
        {NONE, "{\"attempts\": 21}"},
        {NONE, "{\"attempts\": \"3\"}"},
        {NONE, "{\"attempts\": 1.5}"},
        {BOTH, "{\"window\": \"1s\"}"},
        {BOTH, "{\"window\": \"24h\"}"},
        {NONE, "{\"window\": \"1000ms\"}"},
        {NONE, "{\"window\": 120}"},
        {PARSER_REFUSES, "{\"window\": \"0s\"}"},
        {PARSER_REFUSES, "{\"window\": \"1441m\"}"},
        {BOTH, "{\"backoff\": \"1ms\"}"},
        {BOTH, "{\"backoff\": \"60000ms\"}"},
        {BOTH, "{\"backoff\": \"60s\"}"},
        {BOTH, "{\"backoff\": \"1m\"}"},
        {NONE, "{\"backoff\": 250}"},
        {NONE, "{\"backoff\": \"250\"}"},
        {NONE, "{\"backoff\": \"ms\"}"},
        {NONE, "{\"backoff\": \"1.5s\"}"},
        {NONE, "{\"backoff\": \"1us\"}"},
        {PARSER_REFUSES, "{\"backoff\": \"0ms\"}"},
        {PARSER_REFUSES, "{\"backoff\": \"61s\"}"},
        {BOTH, "{\"whileRunning\": \"tell\", \"afterCrash\": \"restart\"}"},
        {BOTH, "{\"whileRunning\": \"always\", \"afterCrash\": \"end\"}"},
        {NONE, "{\"whileRunning\": \"never\"}"},
        {NONE, "{\"afterCrash\": \"\"}"},
        {BOTH, "{\"cleanModCache\": true}"},
        {BOTH, "{\"cleanModCache\": false}"},
        {NONE, "{\"cleanModCache\": \"true\"}"},
        {NONE, "{\"cleanModCache\": 0}"},
    };
    static const char *const frames[] = {"{\"recover\": %s}", "{\"targets\": {\"t\": {\"recover\": %s}}}"};
    json_t *schema = *state;
    for (size_t i = 0; i < sizeof(recover) / sizeof(*recover) * 2; i++) {
        char text[NAME_BYTES_MAX];
        int who = recover[i / 2].who;
        snprintf(text, sizeof(text), i % 2 ? frames[1] : frames[0], recover[i / 2].value);
        if (parser_takes(text) != (who == BOTH))
            fail_msg("the parser %s %s", who == BOTH ? "refuses" : "takes", text);
        if (schema_takes(schema, text) != (who != NONE))
            fail_msg("the schema %s %s", who != NONE ? "refuses" : "takes", text);
    }
}

/* How the Go machine is reached: what excludes what, and what needs what. */
static void reach_agrees(void **state)
{
    static const struct {
        bool taken;
        const char *target;
    } cases[] = {
        {true, "{\"ssh\": \"h\", \"sshProgram\": true}"},
        {true, "{\"sshProgram\": false, \"ssh\": \"h\"}"},
        {true, "{\"command\": [\"podman\", \"exec\", \"-i\", \"\", \"a b\"]}"},
        {false, "{\"ssh\": \"h\", \"command\": [\"sh\"]}"},
        {false, "{\"sshProgram\": true}"},
        {false, "{\"sshProgram\": true, \"command\": [\"sh\"]}"},
        {false, "{\"ssh\": \"h\", \"sshProgram\": \"true\"}"},
        {false, "{\"ssh\": \"h\", \"sshProgram\": 1}"},
        {false, "{\"ssh\": \"h\", \"sshProgram\": null}"},
        {false, "{\"command\": []}"},
        {false, "{\"command\": [\"\"]}"},
        {false, "{\"command\": [\"sh\", 1]}"},
        {false, "{\"command\": \"sh\"}"},
        {false, "{\"command\": {}}"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[NAME_BYTES_MAX];
        snprintf(text, sizeof(text), "{\"targets\": {\"t\": %s}}", cases[i].target);
        if (parser_takes(text) != cases[i].taken)
            fail_msg("the parser %s %s", cases[i].taken ? "refuses" : "takes", text);
        if (schema_takes(*state, text) != cases[i].taken)
            fail_msg("the schema %s %s", cases[i].taken ? "refuses" : "takes", text);
    }
}

/* The parser, the schema, and what runs the steps. */
static void prelaunch_agrees(void **state)
{
    static const struct {
        bool taken;
        const char *list;
    } cases[] = {
        {true, "[]"},
        {true, "[\"download\", \"tidy\", \"verify\", \"vendor\", \"cleanTestCache\"]"},
        {true, "[{\"step\": \"tidy\"}, {\"step\": \"vendor\", \"optional\": true}]"},
        {true, "[{\"command\": \"make\"}, {\"optional\": false, \"command\": [\"make\", \"\", \"a b\"]}]"},
        {false, "\"tidy\""},
        {false, "{}"},
        {false, "[\"\"]"},
        {false, "[\"Tidy\"]"},
        {false, "[\"go mod tidy\"]"},
        {false, "[[\"go\"]]"},
        {false, "[null]"},
        {false, "[1]"},
        {false, "[{}]"},
        {false, "[{\"optional\": true}]"},
        {false, "[{\"step\": \"tidy\", \"command\": \"make\"}]"},
        {false, "[{\"step\": \"tidi\"}]"},
        {false, "[{\"step\": 1}]"},
        {false, "[{\"step\": [\"tidy\"]}]"},
        {false, "[{\"step\": \"tidy\", \"optional\": \"yes\"}]"},
        {false, "[{\"step\": \"tidy\", \"optional\": 1}]"},
        {false, "[{\"step\": \"tidy\", \"cwd\": \"/\"}]"},
        {false, "[{\"command\": \"\"}]"},
        {false, "[{\"command\": []}]"},
        {false, "[{\"command\": [\"\"]}]"},
        {false, "[{\"command\": [\"make\", 1]}]"},
        {false, "[{\"command\": true}]"},
        {false, "[{\"command\": {}}]"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[NAME_BYTES_MAX];
        struct delve_prelaunch p;
        struct err e;
        json_t *list = json_loads(cases[i].list, 0, NULL);
        snprintf(text, sizeof(text), "{\"targets\": {\"t\": {\"prelaunch\": %s}}}", cases[i].list);
        if (parser_takes(text) != cases[i].taken)
            fail_msg("the parser %s %s", cases[i].taken ? "refuses" : "takes", text);
        if (schema_takes(*state, text) != cases[i].taken)
            fail_msg("the schema %s %s", cases[i].taken ? "refuses" : "takes", text);
        if (list && (delve_prelaunch_read(&p, list, "prelaunch", &e) == 0) != cases[i].taken)
            fail_msg("the steps' reader %s %s", cases[i].taken ? "refuses" : "takes", text);
        if (cases[i].taken)
            delve_prelaunch_free(&p);
        json_decref(list);
    }
}

static void every_step_is_run(void **state)
{
    size_t n = 0;
    (void)state;
    for (; config_steps[n]; n++) {
        struct delve_prelaunch p;
        struct err e;
        json_t *list = json_pack("[s]", config_steps[n]);
        if (delve_prelaunch_read(&p, list, "prelaunch", &e) < 0)
            fail_msg("%s: %s", config_steps[n], e.text);
        assert_int_equal(p.count, 1);
        delve_prelaunch_free(&p);
        json_decref(list);
    }
    assert_int_equal(n, 5);
}

/* Files with faults that a schema has no words for. */
static bool is_beyond_schema(const char *name)
{
    static const char *const names[] = {"same_port.json", "twice.json", "flags.json", "syntax.json"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static void check_folder(const json_t *schema, const char *folder, bool valid)
{
    int cases = 0;
    DIR *dir = opendir(folder);
    if (!dir)
        fail_msg("cannot open %s; run this from the top of the source tree", folder);
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[NAME_BYTES_MAX], text[FILE_MAX];
        const char *ending = strrchr(entry->d_name, '.');
        if (!ending || strcmp(ending, ".json") != 0 || (!valid && is_beyond_schema(entry->d_name)))
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        FILE *f = fopen(path, "rb");
        assert_non_null(f);
        size_t n = fread(text, 1, sizeof(text) - 1, f);
        fclose(f);
        text[n] = '\0';
        if (schema_takes(schema, text) != valid)
            fail_msg("the schema %s %s", valid ? "refuses" : "takes", path);
        cases++;
    }
    closedir(dir);
    assert_true(cases >= CASES_MIN);
}

static void files(void **state)
{
    check_folder(*state, "test/unit/data/config/valid", true);
    check_folder(*state, "test/unit/data/config/invalid", false);
}

static int make_schema(void **state)
{
    *state = config_schema();
    return *state ? 0 : -1;
}

static int free_schema(void **state)
{
    json_decref(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agree),
        cmocka_unit_test(reach_agrees),
        cmocka_unit_test(prelaunch_agrees),
        cmocka_unit_test(every_step_is_run),
        cmocka_unit_test(files),
    };
    return cmocka_run_group_tests(tests, make_schema, free_schema);
}
