/* The table of signatures against what the go command printed in 88 broken set-ups with three versions, against made
 * lines for every row, and against outputs and logs that only look alike. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dap/roff.h"
#include "delve/check.h"
#include "delve/signatures.h"

enum {
    TEXT_MAX = 4 * 1024 * 1024,
    NAME_MAX_LEN = 64,
    ROWS_MAX = 512,
    CAUSES_MAX = 64,
    CASES_MAX = 128,
    CAPTURED = 264,
    BIG = 64 * 1024,
    BIG_MS_MAX = 1000, /* milliseconds without a sanitizer; slow machines and sanitizers included here */
    RIGHT_PERCENT_MIN = 95,
    LINE_BYTES_MAX = 4096,
    README_LINES_MIN = 12, /* the heading's two are among them */
    README_LINES_MAX = 20
};

static bool is_hit[ROWS_MAX];

static void note_hit(const struct delve_diagnosis *d)
{
    size_t count;
    const struct delve_signature *table = delve_signatures(&count);
    if (d->signature)
        is_hit[d->signature - table] = true;
}

static const char *cause_of(const struct delve_diagnosis *d)
{
    return d->signature ? d->signature->name : "-";
}

/* The file's lines as a JSON array; a new reference. */
static json_t *read_lines(const char *path)
{
    FILE *f = fopen(path, "r");
    if (!f)
        fail_msg("%s cannot be read", path);
    json_t *lines = json_array();
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, f) > 0) {
        json_error_t e;
        json_t *value = json_loads(line, 0, &e);
        if (!value)
            fail_msg("%s: %s", path, e.text);
        json_array_append_new(lines, value);
    }
    free(line);
    (void)fclose(f);
    return lines;
}

static const char *text_of(const json_t *row, const char *key)
{
    const char *s = json_string_value(json_object_get(row, key));
    return s ? s : "";
}

/* ---- the captures ---- */

struct expected {
    char name[NAME_MAX_LEN], cause[NAME_MAX_LEN];
};

static size_t read_expected(struct expected *cases)
{
    FILE *f = fopen("test/unit/data/signatures/causes.txt", "r");
    size_t n = 0;
    assert_non_null(f);
    while (n < CASES_MAX && fscanf(f, "%63s %63s", cases[n].name, cases[n].cause) == 2)
        n++;
    (void)fclose(f);
    return n;
}

static const char *expected_cause(const struct expected *cases, size_t n, const json_t *row)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(cases[i].name, text_of(row, "case")) == 0)
            return strcmp(text_of(row, "outcome"), "LISTEN") == 0 ? "-" : cases[i].cause;
    fail_msg("%s is not in causes.txt", text_of(row, "case"));
    return NULL;
}

/* The remedies that mended the set-up when it was captured, among those that delvegate has. */
static unsigned mended_by(const json_t *row)
{
    static const struct {
        const char *name;
        unsigned remedies;
    } names[] = {
        {"go mod tidy", 1U << DELVE_REMEDY_TIDY},
        {"GOFLAGS=-mod=mod", 1U << DELVE_REMEDY_MOD_MOD},
        {"go clean -modcache", 1U << DELVE_REMEDY_PURGE | 1U << DELVE_REMEDY_CLEAN_MODCACHE},
        {"GOWORK=off", 1U << DELVE_REMEDY_WORK_OFF},
        {"fresh GOCACHE", 1U << DELVE_REMEDY_GOCACHE},
    };
    unsigned found = 0;
    size_t i;
    json_t *work;
    json_array_foreach(json_object_get(row, "works"), i,
                       work) for (size_t j = 0; j < sizeof names / sizeof names[0];
                                  j++) if (strcmp(json_string_value(work), names[j].name) == 0) found |=
        names[j].remedies;
    return strcmp(text_of(row, "outcome"), "LISTEN") == 0 ? 0 : found;
}

static bool has_remedy(const struct delve_signature *row, unsigned remedies)
{
    for (size_t i = 0; row->remedies[i] != DELVE_REMEDY_NONE; i++)
        if (remedies & 1U << row->remedies[i])
            return true;
    return false;
}

struct totals {
    struct {
        char expected[NAME_MAX_LEN], found[NAME_MAX_LEN];
        int count;
    } cells[CAUSES_MAX];
    size_t cells_count;
    int all, broken, right, healthy, false_alarms, mendable, mendable_right;
};

static void count_cell(struct totals *t, const char *expected, const char *found)
{
    size_t i = 0;
    while (i < t->cells_count && (strcmp(t->cells[i].expected, expected) || strcmp(t->cells[i].found, found)))
        i++;
    assert_true(i < CAUSES_MAX);
    if (i == t->cells_count) {
        (void)snprintf(t->cells[i].expected, NAME_MAX_LEN, "%s", expected);
        (void)snprintf(t->cells[i].found, NAME_MAX_LEN, "%s", found);
        t->cells_count++;
    }
    t->cells[i].count++;
}

static void count_capture(struct totals *t, const json_t *row, const char *expected, const struct delve_diagnosis *d)
{
    bool is_right = strcmp(expected, cause_of(d)) == 0;
    unsigned remedies = mended_by(row);
    count_cell(t, expected, cause_of(d));
    t->all++;
    if (strcmp(expected, "-") == 0) {
        t->healthy++;
        t->false_alarms += !is_right;
    } else {
        t->broken++;
        t->right += is_right;
    }
    if (remedies) {
        t->mendable++;
        t->mendable_right += is_right && d->signature && has_remedy(d->signature, remedies);
    }
}

static void check_captured_file(struct totals *t, const char *path, const struct expected *cases, size_t n)
{
    json_t *rows = read_lines(path), *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        char text[BIG];
        const char *out = text_of(row, "out");
        bool is_open = *out && out[strlen(out) - 1] != '\n';
        (void)snprintf(text, sizeof text, "%s%s%s", out, is_open ? "\n" : "", text_of(row, "err"));
        struct delve_diagnosis d;
        const char *expected = expected_cause(cases, n, row);
        bool is_found = delve_diagnose_build(&d, text);
        assert_int_equal(is_found, d.signature != NULL);
        note_hit(&d);
        count_capture(t, row, expected, &d);
        if (strcmp(expected, cause_of(&d)) != 0)
            print_message("%s %s: %s instead of %s\n", path, text_of(row, "case"), cause_of(&d), expected);
    }
    json_decref(rows);
}

static void captured_set_ups(void **state)
{
    (void)state;
    static struct totals t;
    struct expected cases[CASES_MAX];
    size_t n = read_expected(cases);
    check_captured_file(&t, "test/modgraph/go1.19-dlv1.20.2.jsonl", cases, n);
    check_captured_file(&t, "test/modgraph/go1.22-dlv1.22.1.jsonl", cases, n);
    check_captured_file(&t, "test/modgraph/go1.27-dlv1.27.1.jsonl", cases, n);
    print_message("causes of %d captured starts (- is none):\n  %-28s %-28s count\n", t.all, "expected", "found");
    for (size_t i = 0; i < t.cells_count; i++)
        print_message("  %-28s %-28s %5d%s\n", t.cells[i].expected, t.cells[i].found, t.cells[i].count,
                      strcmp(t.cells[i].expected, t.cells[i].found) ? "  WRONG" : "");
    print_message("broken: %d of %d right; that a remedy mends: %d of %d; without a cause: %d, taken for one: %d\n",
                  t.right, t.broken, t.mendable_right, t.mendable, t.healthy, t.false_alarms);
    assert_int_equal(t.all, CAPTURED);
    assert_int_equal(t.false_alarms, 0);
    assert_true(t.right * 100 >= t.broken * RIGHT_PERCENT_MIN);
    assert_true(t.mendable > 0);
    assert_int_equal(t.mendable_right, t.mendable);
}

/* ---- made lines ---- */

static void check_named(const json_t *row, const struct delve_diagnosis *d)
{
    assert_string_equal(d->module, text_of(row, "module"));
    assert_string_equal(d->version, text_of(row, "version"));
    assert_string_equal(d->file, text_of(row, "file"));
    assert_int_equal(d->line, (int)json_integer_value(json_object_get(row, "line")));
    if (json_object_get(row, "words"))
        assert_string_equal(d->message, text_of(row, "words"));
    assert_true(*d->message);
}

/* The row's facts: {"name": "text" or ["text", ...]}. */
static void read_facts(const json_t *row, struct delve_facts *facts)
{
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(row, "facts"), name, value)
    {
        size_t n = json_is_array(value) ? json_array_size(value) : 1;
        for (size_t i = 0; i < n; i++) {
            const json_t *text = json_is_array(value) ? json_array_get(value, i) : value;
            assert_int_equal(delve_facts_add(facts, name, json_string_value(text)), 0);
        }
    }
}

static void diagnose_row(struct delve_diagnosis *d, const json_t *row)
{
    struct delve_facts facts = {0};
    read_facts(row, &facts);
    bool found = delve_diagnose_build_with(d, text_of(row, "out"), json_object_get(row, "facts") ? &facts : NULL);
    assert_int_equal(found, d->signature != NULL);
    delve_facts_free(&facts);
}

static void made_lines(void **state)
{
    (void)state;
    json_t *rows = read_lines("test/unit/data/signatures/lines.jsonl"), *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        struct delve_diagnosis d;
        diagnose_row(&d, row);
        note_hit(&d);
        if (strcmp(cause_of(&d), text_of(row, "cause")) != 0 || strcmp(d.module, text_of(row, "module")) != 0)
            print_message("%s\n", text_of(row, "out"));
        assert_string_equal(cause_of(&d), text_of(row, "cause"));
        check_named(row, &d);
    }
    json_decref(rows);
}

static void what_only_looks_alike(void **state)
{
    (void)state;
    json_t *rows = read_lines("test/unit/data/signatures/none.jsonl"), *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        struct delve_diagnosis d;
        diagnose_row(&d, row);
        if (d.signature)
            fail_msg("%s: %s", cause_of(&d), text_of(row, "out"));
        assert_null(d.signature);
        assert_string_equal(d.message, "");
    }
    json_decref(rows);
    struct delve_diagnosis d;
    assert_false(delve_diagnose_build(&d, NULL));
}

/* The same line among what may stand around it: still found, and the words are the same. */
static void surroundings(void **state)
{
    (void)state;
    json_t *rows = read_lines("test/unit/data/signatures/lines.jsonl"), *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        struct buf text;
        struct delve_diagnosis plain, among;
        if (json_object_get(row, "facts"))
            continue;
        (void)delve_diagnose_build(&plain, text_of(row, "out"));
        buf_init(&text, TEXT_MAX);
        buf_puts(&text, "go: downloading example.com/other v1.0.0\ngo: finding module for package example.com/x\n");
        buf_puts(&text, text_of(row, "out"));
        buf_puts(&text, "exit status 1\n");
        (void)delve_diagnose_build(&among, text.data);
        assert_string_equal(cause_of(&among), text_of(row, "cause"));
        assert_string_equal(among.message, plain.message);
        buf_free(&text);
    }
    json_decref(rows);
}

/* ---- Delve's log ---- */

static void log_lines(void **state)
{
    (void)state;
    static const struct {
        const char *line, *cause;
    } cases[] = {
        {"2023-01-01T00:00:00Z error layer=debugger modload.LoadGraph: no graph", "log-load-graph"},
        {"2023-01-01T00:00:00Z error layer=debugger modload.LoadGraph: missing go.sum entry", "go-sum-missing"},
        {"2023-01-01T00:00:00+02:00 warning layer=debugger modload.loadPattern: no matches", "log-load-pattern"},
        {"2023-01-01T00:00:00Z warn layer=debugger modload.mismatch", "log-mismatch"},
        {"2023-01-01T00:00:00Z debug layer=debugger dirNotExistsError: ../dep", "log-directory-missing"},
        {"2023-01-01T00:00:00Z error layer=debugger could not rebuild process: modload.LoadGraph(x)", "log-load-graph"},
        {"2023-01-01T00:00:00Z error modload.LoadGraph", "log-load-graph"},
        {"2023-01-01T00:00:00Z error layer=debugger go: updates to go.mod needed; to update it:", "go-mod-outdated"},
        {"2023-01-01T00:00:00Z error layer=debugger main.go:6:2: missing go.sum entry for module providing package "
         "a.b/c",
         "go-sum-missing"},
        {"2023-01-01T00:00:00Z info layer=debugger go: updates to go.mod needed; to update it:", "-"},
        {"2023-01-01T00:00:00Z error layer=dap modload.LoadGraph: x", "-"},
        {"2023-01-01T00:00:00Z error layer=rpc modload.LoadGraph: x", "-"},
        {"2023-01-01T00:00:00Z error layer=rpc,kind=\"layer=debugger\" modload.LoadGraph: x", "-"},
        {"2023-01-01T00:00:00Z debug layer=dap [<- from client]{\"args\":[\"modload.LoadGraph\"]}", "-"},
        {"2023-01-01T00:00:00Z info layer=debugger launching process with args: [modload.LoadGraph: x]", "-"},
        {"2023-01-01T00:00:00Z error layer=debugger could not launch process: fork/exec modload.LoadGraph: x", "-"},
        {"2023-01-01T00:00:00Z info layer=debugger Adding target 7 \"modload.LoadGraph\"", "-"},
        {"2023-01-01T00:00:00Z info layer=debugger created breakpoint: modload.LoadGraph", "-"},
        {"2023-01-01T00:00:00Z error layer=debugger modload.LoadGraphics failed", "-"},
        {"2023-01-01T00:00:00Z error layer=debugger could not rebuild process: exit status 1", "-"},
        {"2023-01-01T00:00:00Z error layer=debugger ok\nmodload.LoadGraph: x", "-"},
        {"2026-11-23T23:52:23Z error layer=debugger could not create temporary file for build output: open ./x: denied",
         "-"},
        {"modload.LoadGraph: a line of the program", "-"},
        {"API server listening at: 127.0.0.1:4", "-"},
        {"2026/11/23 23:12:11 sameuser_linux.go:65: modload.LoadGraph", "-"},
        {"", "-"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct delve_diagnosis d;
        bool is_found = delve_diagnose_log(&d, cases[i].line);
        assert_int_equal(is_found, d.signature != NULL);
        note_hit(&d);
        if (strcmp(cause_of(&d), cases[i].cause) != 0)
            fail_msg("%s: %s", cause_of(&d), cases[i].line);
    }
}

/* ---- hostile outputs ---- */

static double milliseconds_for(const char *text, struct delve_diagnosis *d)
{
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    (void)delve_diagnose_build(d, text);
    clock_gettime(CLOCK_MONOTONIC, &to);
    return (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6;
}

static void big_outputs_take_a_bounded_time(void **state)
{
    (void)state;
    static const char *const pieces[] = {"a",
                                         "\n",
                                         "a: b/c@v1: ",
                                         "go: x\n",
                                         "\tgo: a.b: c.d: reading x: 5\n",
                                         "missing go.sum entry",
                                         "main.go:1:1: missing go.sum entry verifying @v/ no such file or directory\n",
                                         "\xff\xfe\x01",
                                         "# a\n./x.go:1:1: imported as undefined: \n",
                                         "go.mod:1: x\n"};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct buf text;
        struct delve_diagnosis d;
        buf_init(&text, TEXT_MAX);
        while (text.len < BIG)
            buf_puts(&text, pieces[i]);
        (void)milliseconds_for(text.data, &d); /* compiles the patterns */
        double took = milliseconds_for(text.data, &d);
        if (took > BIG_MS_MAX)
            fail_msg("%f ms for %s", took, pieces[i]);
        assert_null(d.signature);
        buf_puts(&text, "\ngo: updates to go.mod needed; to update it:\n\tgo mod tidy\n");
        (void)delve_diagnose_build(&d, text.data);
        assert_string_equal(cause_of(&d), strchr(pieces[i], '#') ? "-" : "go-mod-outdated");
        buf_free(&text);
    }
}

static void long_messages_are_cut(void **state)
{
    (void)state;
    struct buf text;
    struct delve_diagnosis d;
    buf_init(&text, TEXT_MAX);
    buf_puts(&text, "go: inconsistent vendoring in /w:\n");
    for (int i = 0; i < DELVE_MESSAGE_MAX; i++)
        buf_puts(&text, "\texample.com/\xc3\xa4@v1.0.0: is explicitly required in go.mod\n");
    assert_true(delve_diagnose_build(&d, text.data));
    assert_string_equal(cause_of(&d), "vendor-inconsistent");
    size_t n = strlen(d.message);
    assert_true(n < DELVE_MESSAGE_MAX && n > DELVE_MESSAGE_MAX / 2);
    assert_memory_equal(d.message, text.data, n);
    assert_true((unsigned char)d.message[n - 1] != 0xc3);
    buf_free(&text);
}

/* ---- the table itself ---- */

static void the_table(void **state)
{
    (void)state;
    size_t count;
    const struct delve_signature *table = delve_signatures(&count);
    assert_true(count > 0 && count <= ROWS_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct delve_signature *row = &table[i];
        assert_true(*row->name && strspn(row->name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(row->name));
        assert_true(row->origin != 0 && row->pattern[0] == '^');
        assert_true(*row->text && *row->cause && *row->advice && *row->seen);
        assert_int_equal(row->advice[strlen(row->advice) - 1], '.');
        assert_true(row->cause[strlen(row->cause) - 1] != '.');
        for (size_t j = 0; row->is_security && row->remedies[j] != DELVE_REMEDY_NONE; j++)
            assert_int_equal(row->remedies[j], DELVE_REMEDY_PURGE);
    }
}

/* Runs last. */
static void every_row_was_found_once(void **state)
{
    (void)state;
    size_t count;
    const struct delve_signature *table = delve_signatures(&count);
    size_t missed = 0;
    for (size_t i = 0; i < count; i++)
        if (!is_hit[i])
            print_message("no line of the tests is found by row %zu, %s: %s\n", ++missed, table[i].name,
                          table[i].pattern);
    assert_int_equal(missed, 0);
}

static void printed(void **state)
{
    (void)state;
    struct buf out;
    size_t count;
    const struct delve_signature *table = delve_signatures(&count);
    buf_init(&out, TEXT_MAX);
    delve_signatures_print(&out);
    assert_false(out.failed);
    for (size_t i = 0; i < count; i++) {
        assert_non_null(strstr(out.data, table[i].name));
        assert_non_null(strstr(out.data, table[i].pattern));
    }
    buf_free(&out);
    buf_init(&out, 1);
    delve_signatures_print(&out);
    assert_true(out.failed);
    delve_signatures_markdown(&out);
    assert_true(out.failed);
    delve_signatures_man(&out);
    assert_true(out.failed);
    buf_free(&out);
    for (int i = 0; i < DELVE_REMEDY_COUNT; i++)
        assert_true(*delve_remedy_text((enum delve_remedy)i));
}

/* An entry for each cause, in both forms for readers. */
static void forms_have_each_cause(void **state)
{
    (void)state;
    struct buf markdown, man;
    size_t count;
    const struct delve_signature *table = delve_signatures(&count);
    buf_init(&markdown, TEXT_MAX);
    buf_init(&man, TEXT_MAX);
    delve_signatures_markdown(&markdown);
    assert_false(markdown.failed);
    delve_signatures_man(&man);
    assert_false(man.failed);
    size_t lines = 0, entries = 0;
    for (const char *at = markdown.data; (at = strchr(at, '\n')); at++)
        lines++;
    for (const char *at = man.data; (at = strstr(at, ".TP\n")); at++)
        entries++;
    assert_int_equal(entries + 2, lines);
    for (size_t i = 0; i < count; i++) {
        assert_non_null(strstr(markdown.data, table[i].cause));
        struct buf cause;
        buf_init(&cause, TEXT_MAX);
        buf_puts(&cause, ".TP\n");
        roff_text(&cause, table[i].cause);
        assert_non_null(strstr(man.data, cause.data));
        buf_free(&cause);
    }
    buf_free(&markdown);
    buf_free(&man);
}

/* README shows some of the lines of `delvegate --print-signatures=markdown`, under the same heading. */
static void readme_has_lines_of_the_table(void **state)
{
    (void)state;
    struct buf table;
    char line[LINE_BYTES_MAX];
    size_t shown = 0;
    bool within = false;
    buf_init(&table, TEXT_MAX);
    delve_signatures_markdown(&table);
    assert_false(table.failed);
    FILE *f = fopen("README.md", "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        within = *line == '|' && (within || strncmp(table.data, line, strlen(line)) == 0);
        if (within && !strstr(table.data, line))
            fail_msg("README has a line that is not one of `delvegate --print-signatures=markdown`: %s", line);
        shown += within;
    }
    (void)fclose(f);
    assert_in_range(shown, README_LINES_MIN, README_LINES_MAX);
    buf_free(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table),
        cmocka_unit_test(captured_set_ups),
        cmocka_unit_test(made_lines),
        cmocka_unit_test(what_only_looks_alike),
        cmocka_unit_test(surroundings),
        cmocka_unit_test(log_lines),
        cmocka_unit_test(big_outputs_take_a_bounded_time),
        cmocka_unit_test(long_messages_are_cut),
        cmocka_unit_test(printed),
        cmocka_unit_test(forms_have_each_cause),
        cmocka_unit_test(readme_has_lines_of_the_table),
        cmocka_unit_test(every_row_was_found_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
