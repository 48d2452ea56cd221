/* Whole files: data/config/valid/NAME.json gives the configuration in NAME.expected, data/config/invalid/NAME.json the
   problems there, one a line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/json.h"
#include "config/suggest.h"
#include "dap/buf.h"

enum { FILE_MAX = 1 << 20, NAME_BYTES_MAX = 512, CASES_MIN = 8 };

static struct buf read_file(const char *path)
{
    struct buf text;
    char part[4096];
    size_t n;
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("cannot open %s", path);
    buf_init(&text, FILE_MAX);
    while ((n = fread(part, 1, sizeof(part), f)) > 0)
        buf_append(&text, part, n);
    fclose(f);
    assert_false(text.failed);
    return text;
}

/* Parses a copy without a NUL behind it, so that the sanitizer sees a read past the end. */
static struct config *parse(const char *text, size_t len, struct config_problems *problems)
{
    char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    if (len)
        memcpy(copy, text, len);
    struct config *c = config_parse(copy, len, problems);
    free(copy);
    return c;
}

static const char *or_none(const char *text)
{
    return text ? text : "-";
}

static void put_recover(struct buf *out, const struct config_recover *r)
{
    static const char *const mod_files[] = {"shadow", "edit", "never"};
    static const char *const while_running[] = {"tell", "always"}, *const after_crash[] = {"restart", "end"};
    buf_printf(out, "  recover %s, %ld in %ld s after %ld ms, %s, %s%s\n", mod_files[r->mod_files], r->attempts,
               r->window_seconds, r->backoff_ms, while_running[r->while_running], after_crash[r->after_crash],
               r->clean_mod_cache ? ", clean" : "");
}

static void put_prelaunch(struct buf *out, const json_t *list)
{
    size_t i;
    json_t *entry;
    json_array_foreach(list, i, entry)
    {
        char *text = json_dumps(entry, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
        assert_non_null(text);
        buf_printf(out, "  prelaunch %s\n", text);
        free(text);
    }
}

static void put_target(struct buf *out, const struct config_target *t)
{
    buf_printf(out, "target %s\n", t->name);
    buf_printf(out, "  listen %s %d\n", t->listen_host, t->listen_port);
    for (char **peer = t->allow_peer; peer && *peer; peer++)
        buf_printf(out, "  peer %s\n", *peer);
    static const char *const maybe[] = {"", " always by program", " never by program"};
    buf_printf(out, "  ssh %s%s\n", or_none(t->ssh), maybe[t->ssh_program]);
    for (char **word = t->command; word && *word; word++)
        buf_printf(out, "  %s %s\n", word == t->command ? "command" : "word", *word);
    for (size_t i = 0; i < t->paths.count; i++)
        buf_printf(out, "  path %s = %s\n", t->paths.list[i].client, t->paths.list[i].remote);
    buf_printf(out, "  go %s GOCACHE %s GOMODCACHE %s\n", or_none(t->go_path), or_none(t->gocache),
               or_none(t->gomodcache));
    for (size_t i = 0; i < t->go_env_count; i++)
        buf_printf(out, "  env %s=%s\n", t->go_env[i].name, t->go_env[i].value);
    buf_printf(out, "  delve %s log %s\n", or_none(t->delve_path), t->delve_log_output);
    for (char **flag = t->delve_flags; flag && *flag; flag++)
        buf_printf(out, "  flag %s\n", *flag);
    buf_printf(out, "  lease %ld keepWarm %ld outageOutput %ld\n", t->lease_seconds, t->keep_warm_seconds,
               t->outage_output);
    put_recover(out, &t->recover);
    put_prelaunch(out, t->prelaunch);
}

static void put_problems(struct buf *out, const char *kind, const struct config_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++)
        buf_printf(out, "%s%d:%d: %s\n", kind, problems->list[i].line, problems->list[i].column,
                   problems->list[i].text);
}

static void check_case(const char *path, bool valid)
{
    struct config_problems problems;
    struct buf text = read_file(path), out;
    char expected_path[NAME_BYTES_MAX];
    snprintf(expected_path, sizeof(expected_path), "%.*sexpected", (int)(strlen(path) - strlen("json")), path);
    struct buf expected = read_file(expected_path);
    struct config *c = parse(text.data, text.len, &problems);
    buf_init(&out, FILE_MAX);
    put_problems(&out, "", &problems);
    if (c) {
        put_problems(&out, "note ", &c->notes);
        buf_printf(&out, "level %d\n", c->log_level);
        if (c->idle_exit_seconds)
            buf_printf(&out, "idleExit %ld\n", c->idle_exit_seconds);
        for (size_t i = 0; i < c->target_count; i++)
            put_target(&out, &c->targets[i]);
    }
    if (strcmp(out.data, expected.data) != 0)
        fail_msg("%s gave\n%sexpected\n%s", path, out.data, expected.data);
    assert_int_equal(c != NULL, valid);
    config_unref(c);
    config_problems_free(&problems);
    buf_free(&text);
    buf_free(&expected);
    buf_free(&out);
}

static void check_folder(const char *folder, bool valid)
{
    int cases = 0;
    DIR *dir = opendir(folder);
    if (!dir)
        fail_msg("cannot open %s; run this from the top of the source tree", folder);
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[NAME_BYTES_MAX];
        const char *ending = strrchr(entry->d_name, '.');
        if (!ending || strcmp(ending, ".json") != 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        check_case(path, valid);
        cases++;
    }
    closedir(dir);
    assert_true(cases >= CASES_MIN);
}

static void valid_files(void **state)
{
    (void)state;
    check_folder("test/unit/data/config/valid", true);
}

static void invalid_files(void **state)
{
    (void)state;
    check_folder("test/unit/data/config/invalid", false);
}

static void no_file_is_one_local_target(void **state)
{
    (void)state;
    struct config_problems problems;
    struct config *c = config_parse(NULL, 0, &problems);
    assert_non_null(c);
    assert_int_equal(problems.count, 0);
    assert_int_equal(c->target_count, 1);
    assert_string_equal(c->targets[0].name, "local");
    assert_string_equal(c->targets[0].listen_host, "127.0.0.1");
    assert_int_equal(c->targets[0].listen_port, 4711);
    assert_null(c->targets[0].ssh);
    assert_string_equal(c->targets[0].delve_log_output, "debugger");
    assert_int_equal(c->log_level, CONFIG_LOG_INFO);
    assert_null(c->targets[0].prelaunch);
    const struct config_recover *r = &c->targets[0].recover;
    assert_int_equal(r->mod_files, CONFIG_MOD_FILES_SHADOW);
    assert_int_equal(r->attempts, 3);
    assert_int_equal(r->window_seconds, 120);
    assert_int_equal(r->backoff_ms, 250);
    assert_int_equal(r->while_running, CONFIG_WHILE_RUNNING_TELL);
    assert_int_equal(r->after_crash, CONFIG_AFTER_CRASH_RESTART);
    assert_false(r->clean_mod_cache);
    config_unref(c);
}

static void references_keep_it(void **state)
{
    (void)state;
    struct config_problems problems;
    struct config *c = config_parse(NULL, 0, &problems);
    assert_non_null(c);
    assert_ptr_equal(config_ref(c), c);
    config_unref(c);
    assert_string_equal(c->targets[0].name, "local");
    config_unref(c);
    config_unref(NULL);
}

/* The only problem of a text. */
static void one_problem(const char *text, size_t len, int line, int column, const char *message)
{
    struct config_problems problems;
    struct config *c = parse(text, len, &problems);
    if (c || problems.count != 1)
        fail_msg("%zu problems in %s", problems.count, text);
    const struct config_problem *p = &problems.list[0];
    if (p->line != line || p->column != column || !strstr(p->text, message))
        fail_msg("%s\ngave %d:%d: %s\nexpected %d:%d: %s", text, p->line, p->column, p->text, line, column, message);
    config_problems_free(&problems);
}

static void syntax_errors(void **state)
{
    static const struct {
        const char *text;
        int line, column;
        const char *message;
    } cases[] = {
        {"", 1, 1, "the file is empty"},
        {" // only a comment", 1, 19, "the file is empty"},
        {"{", 1, 2, "add \"}\""},
        {"{\n  \"targets\": {\n", 3, 1, "\"{\" at line 2, column 14"},
        {"{} /* open", 1, 4, "never closed"},
        {"{} / x", 1, 4, "a comment begins"},
        {"# x", 1, 1, "a comment begins"},
        {"{} {}", 1, 4, "expected the end of the file"},
        {"{\"log\" 1}", 1, 8, "expected \":\""},
        {"{\"log\": }", 1, 9, "expected a value"},
        {"{'log': {}}", 1, 2, "double quotes"},
        {"{log: {}}", 1, 2, "a key in double quotes"},
        {"{,}", 1, 2, "a key in double quotes"},
        {"{\"log\": {},,}", 1, 12, "a key in double quotes"},
        {"{\"log\": {}\n \"targets\": {}}", 2, 2, "expected \",\" or \"}\""},
        {"{\"log\": info}", 1, 9, "unknown word \"info\""},
        {"{\"log\": \"info\n\"}", 1, 9, "not closed on its line"},
        {"{\"log\": \"info", 1, 9, "not closed on its line"},
        {"{\"log\": \"info\\", 1, 9, "not closed on its line"},
        {"{\"log\": \"\\q\"}", 1, 9, "invalid escape"},
        {"{\"log\": \"\\u0000\"}", 1, 9, "NUL"},
        {"{\"\\u0000\": 1}", 1, 2, "NUL"},
        {"{\"log\": \"\xff\"}", 1, 9, "UTF-8"},
        {"{\"log\": 1e999}", 1, 9, "too large"},
        {"{\"log\": 99999999999999999999}", 1, 9, "too large"},
        {"{\"log\": 01}", 1, 9, "number is not valid"},
        {"{\"\xc3\xa4\xc3\xb6\": tru}", 1, 8, "unknown word"},
        {"\xef\xbb\xbf{x", 1, 2, "a key in double quotes"},
        {"[]", 1, 1, "expected an object"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        one_problem(cases[i].text, strlen(cases[i].text), cases[i].line, cases[i].column, cases[i].message);
    one_problem("{\0}", 3, 1, 2, "byte 0x00");
}

static void limits(void **state)
{
    struct buf text;
    (void)state;
    buf_init(&text, FILE_MAX);
    for (int i = 0; i <= CONFIG_DEPTH_MAX; i++)
        buf_puts(&text, "[");
    one_problem(text.data, text.len, 1, CONFIG_DEPTH_MAX + 1, "nested too deeply");
    buf_clear(&text);
    buf_puts(&text, "{}");
    while (text.len < CONFIG_TEXT_MAX)
        buf_puts(&text, " ");
    struct config_problems problems;
    struct config *c = parse(text.data, text.len, &problems);
    assert_non_null(c);
    config_unref(c);
    buf_puts(&text, " ");
    one_problem(text.data, text.len, 1, 1, "larger than");
    buf_free(&text);
}

/* A file that is cut anywhere is never taken for a whole one, and never crashes. */
static void cut_files(void **state)
{
    struct buf text = read_file("test/unit/data/config/valid/full.json");
    struct config_problems problems;
    (void)state;
    size_t end = text.len;
    while (end > 0 && text.data[end - 1] != '}')
        end--;
    assert_true(end > 0);
    for (size_t len = 0; len < end; len++) {
        assert_null(parse(text.data, len, &problems));
        assert_true(problems.count > 0);
        config_problems_free(&problems);
    }
    buf_free(&text);
}

static size_t allocations_left;

static void *scarce_malloc(size_t size)
{
    if (allocations_left == 0)
        return NULL;
    allocations_left--;
    return malloc(size);
}

/* Whatever allocation of jansson fails, it is told from a wrong file: no configuration, and no problem either. */
static void no_memory(void **state)
{
    struct buf text = read_file("test/unit/data/config/valid/full.json");
    struct config_problems problems = {0};
    struct config *c = NULL;
    json_t *schema = NULL;
    size_t n = 0;
    (void)state;
    json_set_alloc_funcs(scarce_malloc, free);
    for (; !c; n++) {
        allocations_left = n;
        c = parse(text.data, text.len, &problems);
        if (problems.count)
            fail_msg("allocation %zu fails, told is: %s", n, problems.list[0].text);
    }
    assert_true(n > 2);
    for (n = 0; !schema; n++) {
        allocations_left = n;
        schema = config_schema();
    }
    assert_true(n > 2);
    json_decref(schema);
    json_set_alloc_funcs(malloc, free);
    config_unref(c);
    buf_free(&text);
}

static void suggestions(void **state)
{
    static const char *const known[] = {"GOCACHE", "GOMODCACHE", "path", "env", NULL};
    (void)state;
    assert_int_equal(config_distance("", ""), 0);
    assert_int_equal(config_distance("abc", ""), 3);
    assert_int_equal(config_distance("kitten", "sitting"), 3);
    assert_int_equal(config_distance("ab", "ba"), 1);
    assert_int_equal(config_distance("GoCache", "GOCACHE"), 0);
    assert_string_equal(config_suggest("GOCHACHE", known), "GOCACHE");
    assert_string_equal(config_suggest("gomodcache", known), "GOMODCACHE");
    assert_string_equal(config_suggest("pth", known), "path");
    assert_null(config_suggest("colour", known));
    assert_null(config_suggest("", known));
    char name[CONFIG_SUGGEST_MAX * 2];
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(config_distance(name, "x"), CONFIG_SUGGEST_MAX);
    assert_null(config_suggest(name, known));
}

static void listen_text(void **state)
{
    char text[CONFIG_LISTEN_MAX];
    (void)state;
    config_listen_text(text, "127.0.0.1", 4711);
    assert_string_equal(text, "127.0.0.1:4711");
    config_listen_text(text, "::ffff:127.0.0.1", 65535);
    assert_string_equal(text, "[::ffff:127.0.0.1]:65535");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_files),   cmocka_unit_test(invalid_files), cmocka_unit_test(no_file_is_one_local_target),
        cmocka_unit_test(syntax_errors), cmocka_unit_test(limits),        cmocka_unit_test(references_keep_it),
        cmocka_unit_test(listen_text),   cmocka_unit_test(cut_files),     cmocka_unit_test(suggestions),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
