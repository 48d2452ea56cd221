/* How good the diagnosis is, as a table: what it says of each captured set-up against what is right. The first set is
 * what the table of signatures was made from, the second one (test/modgraph/setups) knows nothing of it.
 * --verbose lists what is not right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delve/blame.h"
#include "delve/check.h"
#include "delve/plan.h"
#include "delve/signatures.h"

enum {
    TEXT_MAX = 256 * 1024,
    NAME_LEN = 64,
    KINDS_OF_ROW_MAX = 8,
    ROWS_MAX = 128,
    /* What was measured last; they rise with the table. */
    FIRST_RIGHT_PERCENT_MIN = 100,
    SECOND_RIGHT_PERCENT_MIN = 99,
    SECOND_USELESS_MAX = 0,
    SECOND_MENDED_PERCENT_MIN = 99,
};

static bool is_verbose;

struct row_kinds {
    char name[NAME_LEN], kinds[KINDS_OF_ROW_MAX][NAME_LEN];
    int count;
};
static struct row_kinds row_kinds[ROWS_MAX];
static size_t row_kinds_count;
static json_t *causes; /* of the first set: case -> name of a row, or - */

enum verdict { RIGHT, ACCEPTABLE, WRONG, SILENT, HEALTHY, SPOKEN, VERDICTS };
static const char *const verdict_names[] = {"right", "acceptable", "wrong", "none", "healthy", "spoken of"};

struct table {
    char set[NAME_LEN];
    int verdicts[VERDICTS], useless, refused, mendable, unmended;
};

/* ---- what is read ---- */

static const char *text_of(const json_t *row, const char *key)
{
    const char *s = json_string_value(json_object_get(row, key));
    return s ? s : "";
}

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

/* Calls take for each line's words that is no comment. */
static void read_rows(const char *path, void (*take)(char *const *message, int count))
{
    FILE *f = fopen(path, "r");
    char line[BUFSIZ];
    if (!f)
        fail_msg("%s cannot be read", path);
    while (fgets(line, sizeof line, f)) {
        char *message[KINDS_OF_ROW_MAX + 1], *rest = line;
        int count = 0;
        for (char *word; line[0] != '#' && (word = strtok_r(rest, " \n", &rest)) && count < KINDS_OF_ROW_MAX + 1;)
            message[count++] = word;
        if (count > 0)
            take(message, count);
    }
    (void)fclose(f);
}

static void take_kinds(char *const *message, int count)
{
    assert_true(row_kinds_count < ROWS_MAX);
    struct row_kinds *r = &row_kinds[row_kinds_count++];
    (void)snprintf(r->name, sizeof r->name, "%s", message[0]);
    for (r->count = 0; r->count < count - 1; r->count++)
        (void)snprintf(r->kinds[r->count], NAME_LEN, "%s", message[r->count + 1]);
}

static void take_cause(char *const *message, int count)
{
    assert_int_equal(count, 2);
    json_object_set_new(causes, message[0], json_string(message[1]));
}

static const struct row_kinds *kinds_of(const char *name)
{
    for (size_t i = 0; i < row_kinds_count; i++)
        if (strcmp(row_kinds[i].name, name) == 0)
            return &row_kinds[i];
    fail_msg("test/modgraph/kinds.txt has no line for %s", name);
    return NULL;
}

/* ---- what is said of a set-up ---- */

struct said {
    struct delve_diagnosis d;
    bool is_blamed; /* on a value that somebody has set */
    char message[DELVE_MESSAGE_MAX];
};

/* The member of the object that holds the path: itself or the longest one that is a directory of it. */
static const json_t *module_of(const json_t *modules, const char *path, const json_t *found)
{
    const json_t *module;
    size_t i;
    json_array_foreach(modules, i, module)
    {
        const char *name = text_of(module, "path");
        size_t n = strlen(name), best = found ? strlen(text_of(found, "path")) : 0;
        if (n >= best && strncmp(path, name, n) == 0 && (path[n] == '\0' || path[n] == '/'))
            found = module;
    }
    return found;
}

static void add_fact(struct delve_facts *f, const char *name, const char *text)
{
    assert_int_equal(delve_facts_add(f, name, text), 0);
}

static bool has(const json_t *list, const char *text)
{
    size_t i;
    json_t *v;
    json_array_foreach(list, i, v) if (strcmp(json_string_value(v), text) == 0) return true;
    return false;
}

/* What a name that is no path stands for in the file; itself where that is not known. Adds the fact. */
static const char *path_of(struct delve_facts *f, const json_t *row, const struct delve_diagnosis *d)
{
    const json_t *imports = json_object_get(json_object_get(row, "imports"), d->file);
    const char *path = text_of(imports, d->module);
    char text[2 * DELVE_NAMED_MAX];
    bool is_path = strpbrk(d->module, "/.");
    if (!*path)
        return d->module;
    (void)snprintf(text, sizeof text, "%s %s", is_path ? path : d->module, is_path ? d->module : path);
    add_fact(f, "import", text);
    return is_path ? d->module : path;
}

static void add_module(struct delve_facts *f, const json_t *head, const json_t *row, const char *module)
{
    const json_t *m = module_of(json_object_get(head, "modules"), module, NULL);
    char text[2 * DELVE_NAMED_MAX];
    if (m && has(json_object_get(row, "lacks"), text_of(m, "path")))
        m = NULL;
    m = module_of(json_object_get(row, "modules"), module, m);
    if (!m)
        return;
    (void)snprintf(text, sizeof text, "%s %s", text_of(m, "path"), text_of(m, "version"));
    add_fact(f, "module", text);
    add_fact(f, "module.state", text_of(m, "state"));
    if (!*text_of(m, "dir"))
        return;
    const char *package = module + strlen(text_of(m, "path"));
    add_fact(f, "module.dir", text_of(m, "dir"));
    if (!json_object_get(m, "packages"))
        return;
    add_fact(f, "module.zip", text_of(m, "zip"));
    add_fact(f, "package.state",
             has(json_object_get(m, "packages"), *package == '/' ? package + 1 : package) ? "there" : "missing");
}

static void add_file(struct delve_facts *f, const json_t *row, const char *name)
{
    const json_t *file = json_object_get(json_object_get(row, "files"), name);
    bool is_usual =
        strcmp(name, "go.mod") == 0 || strcmp(name, "go.sum") == 0; /* open, unless the row says otherwise */
    add_fact(f, "file.state", file ? text_of(file, "state") : is_usual ? "open" : "missing");
    if (file || is_usual)
        add_fact(f, "file.owner", file ? text_of(file, "owner") : "nobody");
}

/* A value, or each of a list of them. */
static void add_values(struct delve_facts *f, const char *name, const json_t *value)
{
    size_t i;
    json_t *one;
    if (json_is_string(value))
        add_fact(f, name, json_string_value(value));
    json_array_foreach(value, i, one) add_fact(f, name, json_string_value(one));
}

/* The facts of the first line that the row does not contradict, then the row's own. */
static void fill_facts(struct delve_facts *f, const json_t *head, const json_t *row)
{
    const char *name;
    json_t *value, *own = json_object_get(row, "facts"), *mains = json_object_get(row, "main");
    json_object_foreach(json_object_get(head, "facts"), name, value) if (!json_object_get(own, name))
        add_values(f, name, value);
    json_object_foreach(own, name, value) add_values(f, name, value);
    add_values(f, "main", mains ? mains : json_object_get(head, "main"));
}

static int same_path(void *arg, const char *path, struct buf *out)
{
    (void)arg;
    buf_printf(out, "%s", path);
    return out->failed ? -1 : 1;
}

/* Whether a value is to blame, and in which words. */
static bool is_blamed(const json_t *row, const struct delve_facts *facts, const char *output, char *message,
                      size_t size)
{
    static const struct delve_target target = {.map_path = same_path};
    struct err e = {{0}};
    struct buf out;
    const json_t *launch = json_object_get(row, "launch");
    struct delve_plan *plan = launch ? delve_plan_new(launch, false, &target, &e) : NULL;
    if (!plan)
        return false;
    buf_init(&out, TEXT_MAX);
    const struct delve_blame_of of = {.plan = plan, .facts = facts};
    bool blamed = delve_blame(&of, output, &out);
    (void)snprintf(message, size, "%s", blamed ? out.data : "");
    buf_free(&out);
    delve_plan_free(plan);
    return blamed;
}

static void diagnose(const json_t *head, const json_t *row, struct said *said)
{
    static char text[TEXT_MAX];
    struct delve_facts facts = {0};
    const char *out = text_of(row, "out"), *err = text_of(row, "err");
    bool is_open = *out && out[strlen(out) - 1] != '\n';
    bool is_failed = strcmp(text_of(row, "outcome"), "FAILED") == 0;
    /* dlv ends its output so when the build has failed. */
    (void)snprintf(text, sizeof text, "%s%s%s%s", out, is_open ? "\n" : "", err, is_failed ? "exit status 1\n" : "");
    memset(said, 0, sizeof *said);
    if (head)
        fill_facts(&facts, head, row);
    said->is_blamed = is_blamed(row, head ? &facts : NULL, text, said->message, sizeof said->message);
    if (!said->is_blamed) {
        (void)delve_diagnose_build(&said->d, text);
        if (head && *said->d.module)
            add_module(&facts, head, row, path_of(&facts, row, &said->d));
        if (head && *said->d.file)
            add_file(&facts, row, said->d.file);
        (void)delve_diagnose_build_with(&said->d, text, head ? &facts : NULL);
    }
    delve_facts_free(&facts);
}

/* ---- what it is worth ---- */

static bool is_said(const struct said *said)
{
    return said->is_blamed || said->d.signature;
}

/* Whether the text names one of the origins that are right. */
static bool is_origin_among(const char *message, const json_t *kinds)
{
    static const struct {
        const char *kind, *names;
    } origins[] = {{"launch-json", "launch.json"}, {"launch-json", "buildFlags"}, {"goflags", "GOFLAGS"},
                   {"environment", "environment"}, {"goenv-file", "go env -w"},   {"goenv-file", ".config/go/env"}};
    for (size_t i = 0; i < sizeof origins / sizeof *origins; i++)
        if (has(kinds, origins[i].kind) && strstr(message, origins[i].names))
            return true;
    return false;
}

/* Whether what was said is among these kinds; silence is right for what go has said itself. */
static bool is_among(const struct said *said, const json_t *kinds)
{
    if (said->is_blamed)
        return is_origin_among(said->message, kinds);
    if (!said->d.signature)
        return has(kinds, "program") || has(kinds, "none");
    const struct row_kinds *r = kinds_of(said->d.signature->name);
    for (int i = 0; i < r->count; i++)
        if (has(kinds, r->kinds[i]))
            return true;
    return false;
}

static bool is_built(const json_t *row)
{
    const char *outcome = text_of(row, "outcome");
    return strcmp(outcome, "BUILT") == 0 || strcmp(outcome, "LISTEN") == 0;
}

static enum verdict judge(const json_t *row, const struct said *said, const json_t *kinds)
{
    if (is_built(row))
        return is_said(said) ? SPOKEN : HEALTHY;
    if (is_among(said, kinds))
        return RIGHT;
    if (is_among(said, json_object_get(row, "acceptable")))
        return ACCEPTABLE;
    return is_said(said) ? WRONG : SILENT;
}

/* A remedy as the captures name it: in the second set, in the first. One that needs leave is not offered by itself.
 * Where tidy would drop something, the remedy adds what the package needs, as a build with -mod=mod does. */
static const struct {
    enum delve_remedy remedy;
    const char *name, *first;
} remedies[] = {
    {DELVE_REMEDY_RETRY, "wait", NULL},
    {DELVE_REMEDY_DOWNLOAD, "download-all", "go mod download"},
    {DELVE_REMEDY_TIDY, "tidy-adds", "go mod tidy"},
    {DELVE_REMEDY_TIDY, "mod-mod", NULL},
    {DELVE_REMEDY_MOD_MOD, "mod-mod", "GOFLAGS=-mod=mod"},
    {DELVE_REMEDY_MOD_READONLY, "mod-readonly", NULL},
    {DELVE_REMEDY_COPIES, "copies", NULL},
    {DELVE_REMEDY_WORK, "work-copy", NULL},
    {DELVE_REMEDY_WORK_OFF, "work-off", "GOWORK=off"},
    {DELVE_REMEDY_PURGE, "refetch", "go clean -modcache"},
    {DELVE_REMEDY_TOOLCHAIN, "toolchain-local", NULL},
    {DELVE_REMEDY_GOCACHE, "fresh-gocache", "fresh GOCACHE"},
    {DELVE_REMEDY_MODCACHE, "fresh-modcache", "fresh GOMODCACHE dir"},
};

static bool is_mended_by(const json_t *works, enum delve_remedy remedy)
{
    for (size_t i = 0; i < sizeof remedies / sizeof *remedies; i++)
        if (remedies[i].remedy == remedy &&
            (has(works, remedies[i].name) || (remedies[i].first && has(works, remedies[i].first))))
            return true;
    return false;
}

/* Whether the captures say that a safe remedy mends it. A value that somebody has set is theirs to correct. */
static bool is_mendable(const json_t *row, const json_t *kinds)
{
    static const char *const set[] = {"launch-json", "goflags", "environment", "goenv-file"};
    if (is_built(row))
        return false;
    for (size_t i = 0; i < sizeof set / sizeof *set; i++)
        if (has(kinds, set[i]))
            return false;
    for (size_t i = 0; i < sizeof remedies / sizeof *remedies; i++)
        if (is_mended_by(json_object_get(row, "works"), remedies[i].remedy))
            return true;
    return false;
}

/* What comes of the remedies that are offered. */
enum outcome { NOTHING, MENDS, USELESS, REFUSED };

/* USELESS: one is carried out, and the build fails as before. REFUSED: go itself, a trial or what it would change has
 * kept all from being carried out, and nothing was changed. To wait is no remedy that could fail where the network is
 * why. The first set does not tell the two apart, and what was not tried there is none. */
static enum outcome weigh(const json_t *row, const struct said *said, const json_t *kinds)
{
    const json_t *fails = json_object_get(row, "fails"), *vain = fails ? fails : json_object_get(row, "vain");
    enum outcome outcome = NOTHING;
    for (size_t i = 0; said->d.signature && said->d.signature->remedies[i] != DELVE_REMEDY_NONE; i++) {
        enum delve_remedy r = said->d.signature->remedies[i];
        if (is_mended_by(json_object_get(row, "works"), r))
            return MENDS;
        if (r == DELVE_REMEDY_CLEAN_MODCACHE || (r == DELVE_REMEDY_RETRY && has(kinds, "network")))
            continue;
        if (is_mended_by(vain, r))
            outcome = USELESS;
        else if (outcome == NOTHING && !fails)
            outcome = REFUSED;
    }
    return outcome;
}

/* The kinds that are right: the second set says it in the row, the first in causes.txt. A new reference. */
static json_t *expected_kinds(const json_t *row)
{
    json_t *kinds = json_object_get(row, "kinds");
    if (kinds)
        return json_incref(kinds);
    const char *cause = text_of(causes, text_of(row, "case"));
    kinds = json_array();
    if (strcmp(cause, "-") == 0) {
        json_array_append_new(kinds, json_string("program"));
        json_array_append_new(kinds, json_string("launch-json"));
        return kinds;
    }
    const struct row_kinds *r = kinds_of(cause);
    for (int i = 0; i < r->count; i++)
        json_array_append_new(kinds, json_string(r->kinds[i]));
    return kinds;
}

static void list_row(const struct table *t, const json_t *row, const struct said *said, const json_t *kinds,
                     const char *what)
{
    char *wanted = json_dumps(kinds, JSON_COMPACT), *works = json_dumps(json_object_get(row, "works"), JSON_COMPACT);
    print_message("%s %s: %s: %s%s instead of %s; mended by %s\n", t->set, text_of(row, "case"), what,
                  said->is_blamed ? said->message : "", said->d.signature ? said->d.signature->name : "", wanted,
                  works ? works : "?");
    free(wanted);
    free(works);
}

static void measure_row(struct table *t, const json_t *head, const json_t *row)
{
    struct said said;
    json_t *kinds = expected_kinds(row);
    diagnose(head, row, &said);
    enum verdict v = judge(row, &said, kinds);
    enum outcome outcome = is_built(row) ? NOTHING : weigh(row, &said, kinds);
    bool can_be = is_mendable(row, kinds), is_unmended = can_be && outcome != MENDS;
    t->verdicts[v]++;
    t->useless += outcome == USELESS;
    t->refused += outcome == REFUSED;
    t->mendable += can_be;
    t->unmended += is_unmended;
    if (is_verbose && v != RIGHT && v != HEALTHY)
        list_row(t, row, &said, kinds, verdict_names[v]);
    if (is_verbose && (outcome == USELESS || outcome == REFUSED))
        list_row(t, row, &said, kinds, outcome == USELESS ? "useless remedy" : "refused remedy");
    if (is_verbose && is_unmended)
        list_row(t, row, &said, kinds, "mendable without remedy");
    json_decref(kinds);
}

static void print_table(const struct table *t)
{
    const int *v = t->verdicts;
    print_message("%-24s %6d %6d %10d %6d %6d %8d %8d %9d %9d %8d %7d\n", t->set,
                  v[RIGHT] + v[ACCEPTABLE] + v[WRONG] + v[SILENT], v[RIGHT], v[ACCEPTABLE], v[WRONG], v[SILENT],
                  t->useless, t->refused, t->mendable, t->unmended, v[HEALTHY] + v[SPOKEN], v[SPOKEN]);
}

static void add_table(struct table *sum, const struct table *t)
{
    for (int i = 0; i < VERDICTS; i++)
        sum->verdicts[i] += t->verdicts[i];
    sum->useless += t->useless;
    sum->refused += t->refused;
    sum->mendable += t->mendable;
    sum->unmended += t->unmended;
}

/* head: whether the first line is the facts that all rows have. */
static void measure_file(struct table *sum, const char *set, const char *path, bool has_head)
{
    struct table t = {0};
    json_t *rows = read_lines(path), *row;
    const json_t *head = has_head ? json_array_get(rows, 0) : NULL;
    size_t i;
    (void)snprintf(t.set, sizeof t.set, "%s", set);
    json_array_foreach(rows, i, row) if (row != head) measure_row(&t, head, row);
    print_table(&t);
    add_table(sum, &t);
    json_decref(rows);
}

static int percent_right(const struct table *t)
{
    const int *v = t->verdicts;
    return 100 * (v[RIGHT] + v[ACCEPTABLE]) / (v[RIGHT] + v[ACCEPTABLE] + v[WRONG] + v[SILENT]);
}

static void both_sets(void **state)
{
    (void)state;
    struct table first = {.set = "first"}, second = {.set = "second"};
    causes = json_object();
    read_rows("test/modgraph/kinds.txt", take_kinds);
    read_rows("test/unit/data/signatures/causes.txt", take_cause);
    print_message("what is said of broken set-ups\n");
    print_message(
        "%-24s broken  right acceptable  wrong   none  useless  refused  mendable unmended  healthy  spoken\n", "");
    measure_file(&first, "first, go1.19", "test/modgraph/go1.19-dlv1.20.2.jsonl", false);
    measure_file(&first, "first, go1.22", "test/modgraph/go1.22-dlv1.22.1.jsonl", false);
    measure_file(&first, "first, go1.27", "test/modgraph/go1.27-dlv1.27.1.jsonl", false);
    measure_file(&second, "second, go1.19", "test/modgraph/second-go1.19.jsonl", true);
    measure_file(&second, "second, go1.24", "test/modgraph/second-go1.24.jsonl", true);
    measure_file(&second, "second, go1.27", "test/modgraph/second-go1.27.jsonl", true);
    print_table(&first);
    print_table(&second);
    json_decref(causes);
    assert_int_equal(first.verdicts[SPOKEN] + second.verdicts[SPOKEN], 0);
    assert_true(percent_right(&first) >= FIRST_RIGHT_PERCENT_MIN);
    assert_true(percent_right(&second) >= SECOND_RIGHT_PERCENT_MIN);
    assert_true(second.useless <= SECOND_USELESS_MAX);
    assert_true(100 * (second.mendable - second.unmended) >= SECOND_MENDED_PERCENT_MIN * second.mendable);
}

int main(int argc, char **argv)
{
    is_verbose = argc > 1 && strcmp(argv[1], "--verbose") == 0;
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_sets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
