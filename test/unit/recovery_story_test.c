/* What recovery reports, and what it does with the table of signatures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delve/check.h"
#include "recovery_rows.h"

enum { REPORT_MAX = 8192, OUTPUT_MAX = 4 * 1024 * 1024 };

static void assert_reported(const struct delve_diagnosis *d, const char *expected)
{
    struct buf out;
    buf_init(&out, REPORT_MAX);
    delve_recovery_report_cause(d, &out);
    assert_false(out.failed);
    assert_string_equal(out.data, expected);
    buf_free(&out);
}

static void the_cause_is_reported_in_two_lines_at_most(void **state)
{
    (void)state;
    struct delve_diagnosis d = of(SUMS, "", "");
    (void)snprintf(d.message, sizeof d.message, "main.go:3:8: missing go.sum entry; to add it:\n\tgo mod download x");
    (void)snprintf(d.file, sizeof d.file, "main.go");
    d.line = 3;
    assert_reported(&d, "sums broke: main.go:3:8: missing go.sum entry; to add it:\n  go mod download x");
    (void)snprintf(d.file, sizeof d.file, "/w/go.mod");
    assert_reported(&d, "sums broke: /w/go.mod:3: main.go:3:8: missing go.sum entry; to add it:\n  go mod download x");
    d.line = 0;
    (void)snprintf(d.message, sizeof d.message, "\tone\r\n");
    assert_reported(&d, "sums broke: /w/go.mod: one");
    d.file[0] = '\0';
    (void)snprintf(d.message, sizeof d.message,
                   "verifying a@v1: checksum mismatch\n\tdownloaded: h1:x\n\tgo.sum:     h1:y\n"
                   "\nSECURITY ERROR\n");
    assert_reported(
        &d, "sums broke: verifying a@v1: checksum mismatch\n  downloaded: h1:x; go.sum:     h1:y; SECURITY ERROR");
    d.message[0] = '\0';
    assert_reported(&d, "sums broke: ");
}

static void long_messages_are_cut_between_lines(void **state)
{
    (void)state;
    struct delve_diagnosis d = of(SYNTAX, "", "");
    struct buf message, out;
    buf_init(&message, sizeof d.message);
    buf_puts(&message, "errors parsing go.mod:");
    assert_false(message.failed);
    for (int i = 1; i <= 40; i++) {
        buf_printf(&message, "\n/home/me/w/go.mod:%d: unknown directive", i);
        assert_false(message.failed);
    }
    memcpy(d.message, message.data, message.len + 1);
    buf_free(&message);
    buf_init(&out, REPORT_MAX);
    delve_recovery_report_cause(&d, &out);
    assert_false(out.failed);
    assert_true(out.len < 400);
    assert_non_null(strstr(out.data, "go.mod:1: unknown directive; "));
    assert_string_equal(out.data + out.len - strlen("directive ..."), "directive ...");
    /* The location is reported also when it is in a line that is left out. */
    (void)snprintf(d.file, sizeof d.file, "/w/late.mod");
    d.line = 7;
    buf_clear(&out);
    delve_recovery_report_cause(&d, &out);
    assert_false(out.failed);
    assert_non_null(strstr(out.data, "syntax broke: /w/late.mod:7: errors parsing"));
    buf_free(&out);
    /* No room: said. */
    buf_init(&out, 10);
    delve_recovery_report_cause(&d, &out);
    assert_true(out.failed);
    buf_free(&out);
}

static void what_to_do_for_good(void **state)
{
    (void)state;
    struct delve_diagnosis d = of(SUMS, "example.com/a", "v1.2.3"), package = of(SUMS, "example.com/a/b", "");
    static const struct {
        enum delve_remedy by;
        const char *says;
    } cases[] = {
        {DELVE_REMEDY_NONE, "Mend sums."},
        {DELVE_REMEDY_DOWNLOAD, "permanent fix: run `go mod download all` in the module on the Go machine"},
        {DELVE_REMEDY_TIDY, "permanent fix: run `go mod tidy` in the module on the Go machine"},
        {DELVE_REMEDY_MOD_MOD, "permanent fix: Mend sums."},
        {DELVE_REMEDY_WORK, "permanent fix: Mend sums."},
        {DELVE_REMEDY_WORK_OFF, "permanent fix: Mend sums."},
        {DELVE_REMEDY_GOCACHE, "permanent fix: Mend sums."},
        {DELVE_REMEDY_PURGE,
         "permanent fix: none needed, example.com/a@v1.2.3 in the module cache matches go.sum again"},
        {DELVE_REMEDY_MODCACHE,
         "permanent fix: make the module cache complete, readable and writable for the user on the "
         "Go machine, as described above; until then every launch fills a fresh one"},
        {DELVE_REMEDY_CLEAN_MODCACHE, "permanent fix: none needed, the module cache was emptied and fetched again"},
    };
    struct buf out;
    buf_init(&out, REPORT_MAX);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf_clear(&out);
        delve_recovery_report_fix(&d, &(struct delve_repair){.by = cases[i].by}, &out);
        assert_false(out.failed);
        assert_string_equal(out.data, cases[i].says);
    }
    buf_clear(&out);
    delve_recovery_report_fix(&package, &(struct delve_repair){.by = DELVE_REMEDY_PURGE}, &out);
    assert_false(out.failed);
    assert_non_null(strstr(out.data, "example.com/a/b in the module cache"));
    buf_clear(&out);
    /* The user's own build cache still knows the damage. */
    struct delve_repair fresh = {.by = DELVE_REMEDY_PURGE, .fresh_gocache = true};
    delve_recovery_report_fix(&d, &fresh, &out);
    assert_false(out.failed);
    assert_non_null(strstr(out.data, "permanent fix: run `go clean -cache` on the Go machine"));
    assert_null(strstr(out.data, "none needed"));
    buf_free(&out);
}

static void which_go_is_needed_and_where_it_may_be(void **state)
{
    (void)state;
    static const struct {
        const char *output, *says;
    } cases[] = {
        {"go: go.mod requires go >= 1.99.0 (running go 1.24.4; GOTOOLCHAIN=local)\n", "Go 1.99.0 is needed, "},
        {"go: download go1.99.1 for linux/amd64: toolchain not available\n", "Go 1.99.1 is needed, "},
        {"go: errors parsing go.mod:\n/w/go.mod:3: invalid go version '1.99.0': must match format 1.23\n",
         "Go 1.99.0 is needed, "},
    };
    struct delve_facts machine = {0};
    struct buf out;
    buf_init(&out, REPORT_MAX);
    assert_int_equal(delve_facts_add(&machine, "go", "/usr/bin/go"), 0);
    assert_int_equal(delve_facts_add(&machine, "goVersion", "go version go1.24.4 linux/amd64"), 0);
    assert_int_equal(delve_facts_add(&machine, "toolchain", "1.99.2.linux-amd64"), 0);
    assert_int_equal(delve_facts_add(&machine, "toolchain", "1.25rc1.linux-amd64"), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct delve_diagnosis d;
        buf_clear(&out);
        assert_true(delve_diagnose_build(&d, cases[i].output));
        delve_recovery_report_fix(&d, &(struct delve_repair){.machine = &machine}, &out);
        assert_false(out.failed);
        assert_memory_equal(out.data, cases[i].says, strlen(cases[i].says));
        assert_non_null(strstr(out.data, "the Go machine has go1.24.4 (/usr/bin/go); already in its module cache: "
                                         "go1.99.2, go1.25rc1. "));
    }
    delve_facts_free(&machine);
    buf_free(&out);
}

/* All remedies of a row fail in silence: they come in the row's order, each once, and then it ends. */
static void every_row_of_the_table_comes_to_an_end(void **state)
{
    (void)state;
    struct delve_recovery_options options = usual;
    options.cleans_modcache = true;
    size_t count;
    const struct delve_signature *table = delve_signatures(&count);
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++) {
        struct delve_recovery *r = new_policy(&options);
        struct delve_diagnosis d = {
            .signature = &table[i], .message = "words", .module = "example.com/a", .version = "v1"};
        struct delve_step step = delve_recovery_failed(r, &d, 0);
        int starts = 0;
        for (const enum delve_remedy *remedy = table[i].remedies; *remedy != DELVE_REMEDY_NONE; remedy++) {
            if (*remedy == DELVE_REMEDY_RETRY) {
                for (; step.action == DELVE_ACTION_START; starts++)
                    step = delve_recovery_failed(r, &d, 0);
                assert_int_equal(starts, ATTEMPTS);
                assert_true(step.exhausted);
                break;
            }
            assert_remedy(step, *remedy);
            step = delve_recovery_remedied(r, false, &nothing, 0);
        }
        assert_int_equal(step.action, DELVE_ACTION_GIVE_UP);
        assert_ptr_equal(delve_recovery_cause(r)->signature, &table[i]);
        delve_recovery_free(r);
    }
}

static struct delve_diagnosis diagnose(const char *output)
{
    struct delve_diagnosis d;
    if (!delve_diagnose_build(&d, output))
        fail_msg("no signature in: %s", output);
    return d;
}

/* The build says one thing, the remedy's own words the other. */
static void what_go_prints_leads_to_the_end_that_the_table_says(void **state)
{
    (void)state;
    static const char sums[] =
        "main.go:4:2: missing go.sum entry for module providing package example.com/dep; to add:\n"
        "\tgo mod download example.com/dep\n";
    static const char outdated[] = "go: updates to go.mod needed; to update it:\n\tgo mod tidy\n";
    static const char mismatch[] =
        "go: verifying example.com/dep@v1.0.0: checksum mismatch\n\tdownloaded: h1:aaaa=\n\tgo.sum:     h1:bbbb=\n\n"
        "SECURITY ERROR\nThis download does NOT match an earlier download recorded in go.sum.\n";
    static const char refused[] =
        "go: example.com/dep@v1.0.0: Get \"http://127.0.0.1:1/example.com/dep/@v/v1.0.0.mod\":"
        " dial tcp 127.0.0.1:1: connect: connection refused\n";
    static const char off[] = "go: example.com/dep@v1.0.0: module lookup disabled by GOPROXY=off\n";
    static const struct {
        const char *own;
        enum delve_action action;
        enum delve_remedy remedy;
        const char *cause;
        bool is_waited;
    } cases[] = {
        {"", DELVE_ACTION_REMEDY, DELVE_REMEDY_TIDY, "go-sum-missing", false},
        {sums, DELVE_ACTION_REMEDY, DELVE_REMEDY_TIDY, "go-sum-missing", false},
        {outdated, DELVE_ACTION_REMEDY, DELVE_REMEDY_TIDY, "go-mod-outdated", false},
        {refused, DELVE_ACTION_REMEDY, DELVE_REMEDY_DOWNLOAD, "go-sum-missing", true},
        {mismatch, DELVE_ACTION_GIVE_UP, DELVE_REMEDY_NONE, "checksum-mismatch", false},
        {off, DELVE_ACTION_GIVE_UP, DELVE_REMEDY_NONE, "lookup-disabled", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct delve_recovery *r = new_policy(&usual);
        struct delve_diagnosis first = diagnose(sums), own = *cases[i].own ? diagnose(cases[i].own) : nothing;
        assert_remedy(delve_recovery_failed(r, &first, 0), DELVE_REMEDY_DOWNLOAD);
        struct delve_step step = delve_recovery_remedied(r, false, &own, 0);
        assert_int_equal(step.action, cases[i].action);
        assert_int_equal(step.remedy, cases[i].remedy);
        assert_int_equal(step.wait_ms != 0, cases[i].is_waited);
        assert_string_equal(delve_recovery_cause(r)->signature->name, cases[i].cause);
        delve_recovery_free(r);
    }
    struct delve_recovery *r = new_policy(&usual);
    struct delve_diagnosis d = diagnose(mismatch);
    assert_remedy(delve_recovery_failed(r, &d, 0), DELVE_REMEDY_PURGE);
    assert_string_equal(delve_recovery_cause(r)->module, "example.com/dep");
    assert_string_equal(delve_recovery_cause(r)->version, "v1.0.0");
    assert_int_equal(delve_recovery_remedied(r, false, &d, 0).action, DELVE_ACTION_GIVE_UP);
    delve_recovery_free(r);
}

/* ---- with what the go command printed in broken set-ups ---- */

static bool has_worked(const json_t *row, enum delve_remedy remedy)
{
    static const char *const names[DELVE_REMEDY_COUNT] = {
        [DELVE_REMEDY_TIDY] = "go mod tidy",         [DELVE_REMEDY_MOD_MOD] = "GOFLAGS=-mod=mod",
        [DELVE_REMEDY_PURGE] = "go clean -modcache", [DELVE_REMEDY_CLEAN_MODCACHE] = "go clean -modcache",
        [DELVE_REMEDY_WORK_OFF] = "GOWORK=off",      [DELVE_REMEDY_GOCACHE] = "fresh GOCACHE"};
    size_t i;
    const json_t *name;
    json_array_foreach(json_object_get(row, "works"), i, name)
    {
        if (names[remedy] && strcmp(names[remedy], json_string_value(name)) == 0)
            return true;
    }
    return false;
}

static bool can_be_mended(const json_t *row)
{
    for (int remedy = 0; remedy < DELVE_REMEDY_COUNT; remedy++)
        if (has_worked(row, (enum delve_remedy)remedy))
            return true;
    return false;
}

/* Only what helped when it was captured mends it. Returns whether the launch comes to a new start by a remedy. */
static bool play(const json_t *row, const struct delve_diagnosis *d)
{
    struct delve_recovery_options options = usual;
    options.cleans_modcache = true;
    struct delve_recovery *r = new_policy(&options);
    struct delve_step step = delve_recovery_failed(r, d, 0);
    bool mended = false;
    int steps = 0;
    while (step.action != DELVE_ACTION_GIVE_UP && !mended) {
        assert_true(++steps <= REMEDIES_BOUND + ATTEMPTS);
        if (step.action == DELVE_ACTION_START) {
            step = delve_recovery_failed(r, d, 0);
            continue;
        }
        mended = has_worked(row, step.remedy);
        step = delve_recovery_remedied(r, mended, &nothing, 0);
    }
    delve_recovery_free(r);
    return mended;
}

static void assert_short(const struct delve_diagnosis *d)
{
    struct buf out;
    buf_init(&out, REPORT_MAX);
    delve_recovery_report_cause(d, &out);
    assert_false(out.failed);
    const char *second = strchr(out.data, '\n');
    assert_true(!second || !strchr(second + 1, '\n'));
    assert_true(!*d->file || strstr(out.data, d->file));
    buf_free(&out);
}

static void play_all(const char *path, int *mendable, int *mended, int *other)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    assert_non_null(f);
    while (getline(&line, &room, f) > 0) {
        struct delve_diagnosis d;
        struct buf output;
        json_t *row = json_loads(line, 0, NULL);
        assert_non_null(row);
        buf_init(&output, OUTPUT_MAX);
        buf_puts(&output, json_string_value(json_object_get(row, "out")));
        buf_puts(&output, json_string_value(json_object_get(row, "err")));
        assert_false(output.failed);
        bool is_broken = strcmp(json_string_value(json_object_get(row, "outcome")), "EXIT") == 0;
        if (is_broken && delve_diagnose_build(&d, output.data)) {
            bool was_mended = play(row, &d);
            assert_short(&d);
            if (can_be_mended(row) && !was_mended)
                print_message("%s: %s is not mended\n", path, json_string_value(json_object_get(row, "case")));
            *mendable += can_be_mended(row);
            *mended += was_mended;
            *other += !can_be_mended(row);
        }
        buf_free(&output);
        json_decref(row);
    }
    free(line);
    (void)fclose(f);
}

static void captured_set_ups_end_as_their_remedies_let_them(void **state)
{
    (void)state;
    static const char *const paths[] = {"test/modgraph/go1.19-dlv1.20.2.jsonl", "test/modgraph/go1.22-dlv1.22.1.jsonl",
                                        "test/modgraph/go1.27-dlv1.27.1.jsonl"};
    int mendable = 0, mended = 0, other = 0;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        play_all(paths[i], &mendable, &mended, &other);
    print_message("%d set-ups mended of %d that a remedy can mend; %d end with the cause\n", mended, mendable, other);
    assert_int_equal(mended, mendable);
    assert_true(mendable > 0 && other > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cause_is_reported_in_two_lines_at_most),
        cmocka_unit_test(long_messages_are_cut_between_lines),
        cmocka_unit_test(what_to_do_for_good),
        cmocka_unit_test(which_go_is_needed_and_where_it_may_be),
        cmocka_unit_test(every_row_of_the_table_comes_to_an_end),
        cmocka_unit_test(what_go_prints_leads_to_the_end_that_the_table_says),
        cmocka_unit_test(captured_set_ups_end_as_their_remedies_let_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
