/* Which requests of the client's are noted, and how the notes are kept: one for each thing that can be set, the newest.
 */
#include "dap/journal_parts.h"

#include <stdlib.h>
#include <string.h>

#include "dap/tree.h"

enum { NOTES_FIRST = 8 };

/* What distinguishes the breakpoints of one set* request. */
static const struct row {
    const char *command;
    enum journal_kind kind;
    const char *text;   /* attributes of each breakpoint; NULL: none */
    const char *line;   /* an integer */
    const char *column; /* an integer */
} rows[] = {
    {"setBreakpoints", JOURNAL_LINES, NULL, "line", "column"},
    {"setFunctionBreakpoints", JOURNAL_FUNCTIONS, "name", NULL, NULL},
    {"setInstructionBreakpoints", JOURNAL_INSTRUCTIONS, "instructionReference", "offset", NULL},
    {"setDataBreakpoints", JOURNAL_DATA, "dataId", NULL, NULL},
    {"setExceptionBreakpoints", JOURNAL_EXCEPTIONS, NULL, NULL, NULL},
    {"configurationDone", JOURNAL_CONFIGURED, NULL, NULL, NULL},
    {"evaluate", JOURNAL_CONFIG, NULL, NULL, NULL},
};

bool journal_names_addresses(enum journal_kind kind)
{
    return kind == JOURNAL_INSTRUCTIONS || kind == JOURNAL_DATA;
}

bool journal_has_ids(enum journal_kind kind)
{
    return kind >= JOURNAL_LINES && kind < JOURNAL_KINDS;
}

static void free_breakpoints(struct journal_note *note)
{
    for (size_t i = 0; i < note->count; i++) {
        free(note->list[i].text);
        free(note->list[i].reported.message);
    }
    free(note->list);
    note->list = NULL;
    note->count = 0;
}

void journal_note_free(struct journal_note *note)
{
    if (!note)
        return;
    free_breakpoints(note);
    free(note->key);
    free(note->command);
    free(note->arguments);
    free(note);
}

/* Takes the first word off *text. Returns its length. */
static size_t next_word(const char **text, const char **word)
{
    static const char blanks[] = " \t\r\n\v\f";
    *word = *text + strspn(*text, blanks);
    size_t len = strcspn(*word, blanks);
    *text = *word + len;
    *text += strspn(*text, blanks);
    return len;
}

static bool is_word(const char **text, const char *expected)
{
    const char *word;
    size_t len = next_word(text, &word);
    return len == strlen(expected) && memcmp(word, expected, len) == 0;
}

/* Parameters that are a list: each change builds on those before. */
static bool is_list(const char *name)
{
    static const char *const names[] = {"substitutePath", "showPprofLabels"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

/* An evaluation that sets a parameter of Delve's. Only the expression is asked again: the frame is one of the old
   Delve's. Returns as read_row. */
static int read_config(struct journal_note *note, const json_t *arguments)
{
    json_t *expression = json_object_get(arguments, "expression");
    const char *text = json_string_value(expression);
    const char *name;
    if (!text || !is_word(&text, "dlv") || !is_word(&text, "config"))
        return 0;
    size_t len = next_word(&text, &name);
    if (len == 0 || *name == '-' || *text == '\0')
        return 0;
    note->key = strndup(name, len);
    note->adds = note->key && is_list(note->key) && !(is_word(&text, "-clear") && *text == '\0');
    json_t *wanted = json_pack("{s:O,s:s}", "expression", expression, "context", "repl");
    note->arguments = wanted ? json_dumps(wanted, JSON_COMPACT) : NULL;
    json_decref(wanted);
    if (!note->key || !note->arguments)
        return -1;
    note->len = strlen(note->arguments);
    return 1;
}

/* Returns as read_row. */
static int read_source(struct journal_note *note, const json_t *arguments)
{
    const json_t *source = json_object_get(arguments, "source");
    const char *path = json_string_value(json_object_get(source, "path"));
    const char *name = json_string_value(json_object_get(source, "name"));
    if (!path && !name)
        return 0;
    note->key = strdup(path ? path : name);
    return note->key ? 1 : -1;
}

static int read_breakpoints(struct journal_note *note, const struct row *row, const json_t *arguments)
{
    const json_t *array = json_object_get(arguments, "breakpoints");
    size_t count = json_array_size(array);
    if (!journal_has_ids(row->kind) || count == 0)
        return 0;
    note->list = calloc(count, sizeof *note->list);
    if (!note->list)
        return -1;
    note->count = count;
    for (size_t i = 0; i < count; i++) {
        struct journal_breakpoint *b = &note->list[i];
        const json_t *given = json_array_get(array, i);
        const char *text = row->text ? json_string_value(json_object_get(given, row->text)) : NULL;
        b->line = row->line ? json_integer_value(json_object_get(given, row->line)) : 0;
        b->column = row->column ? json_integer_value(json_object_get(given, row->column)) : 0;
        b->text = text ? strdup(text) : NULL;
        if (text && !b->text)
            return -1;
        note->cost += text ? strlen(text) + 1 : 0;
    }
    note->cost += count * sizeof *note->list;
    return 0;
}

static int copy_arguments(struct journal_note *note, const struct dap_message *m)
{
    note->arguments = malloc(m->payload_at.len + 1);
    if (!note->arguments)
        return -1;
    memcpy(note->arguments, m->text + m->payload_at.off, m->payload_at.len);
    note->arguments[m->payload_at.len] = '\0';
    note->len = m->payload_at.len;
    return 0;
}

/* Fills in what the kind asks for. Returns 1, 0 when there is nothing to note (Delve is to judge the request), -1 when
   memory ran out. */
static int read_row(struct journal_note *note, const struct row *row, const struct dap_message *m)
{
    json_t *arguments;
    struct err ignored; /* Delve's message is better */
    if (dap_tree_payload(m, DAP_TREE_REQUEST, &arguments, &ignored) < 0)
        return -1;
    int r = arguments != NULL;
    if (r && row->kind == JOURNAL_LINES)
        r = read_source(note, arguments);
    if (r && row->kind == JOURNAL_CONFIG)
        r = read_config(note, arguments);
    if (r > 0 && (read_breakpoints(note, row, arguments) < 0 || (!note->arguments && copy_arguments(note, m) < 0)))
        r = -1;
    json_decref(arguments);
    return r;
}

/* Whether a request sets more than can be noted: a new Delve would be sent less than the old one. */
static bool is_too_much(const struct row *row, const struct dap_message *m, struct err *e)
{
    if (!row || row->kind == JOURNAL_CONFIG || m->payload_at.len > DAP_REQUEST_BYTES_MAX ||
        dap_tree_fits(m->text + m->payload_at.off, m->payload_at.len, DAP_TREE_REQUEST, e))
        return false;
    err_prefix(e, "%s: ", m->name);
    return true;
}

int journal_note_read(const struct dap_message *m, struct journal_note **note, struct err *e)
{
    const struct row *row = NULL;
    *note = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].command, m->name) == 0)
            row = &rows[i];
    }
    bool is_question = !row && m->payload_at.len && dap_journal_is_repeatable(m->name);
    if (!row && !is_question)
        return 0;
    if (is_too_much(row, m, e))
        return 1;

    struct journal_note *n = calloc(1, sizeof *n);
    if (!n)
        return -1;
    n->kind = row ? row->kind : JOURNAL_QUESTION;
    n->seq = m->seq;
    n->cost = sizeof *n;
    int r = 1;
    if (row && row->kind != JOURNAL_CONFIGURED)
        r = m->payload_at.len ? read_row(n, row, m) : 0;
    else if (m->payload_at.len)
        r = copy_arguments(n, m) < 0 ? -1 : 1;
    if (r > 0) {
        n->command = strdup(m->name);
        r = n->command ? 1 : -1;
        n->cost += n->len + (n->key ? strlen(n->key) + 1 : 0);
    }
    if (r > 0)
        *note = n;
    else
        journal_note_free(n);
    return r < 0 ? -1 : 0;
}

int journal_empty(struct journal_note *note)
{
    /* Nothing else of the request: Delve may have closed the connection over it. */
    json_t *given;
    struct err ignored; /* it was read before; else memory ran out, and all that is said is that nothing is set */
    if (dap_tree_read(note->arguments, note->len, DAP_TREE_REQUEST, &given, &ignored) != 0)
        given = NULL;
    json_t *source = json_object_get(given, "source");
    json_t *path = json_object_get(source, "path"), *name = json_object_get(source, "name");
    json_t *wanted = json_pack("{s:[]}", "breakpoints");
    if (note->kind == JOURNAL_LINES && wanted)
        (void)json_object_set_new(wanted, "source",
                                  json_pack("{s:O*,s:O*}", "path", json_is_string(path) ? path : NULL, "name",
                                            json_is_string(name) ? name : NULL));
    char *text = wanted ? json_dumps(wanted, JSON_COMPACT) : NULL;
    json_decref(given);
    json_decref(wanted);
    if (!text)
        return -1;
    free(note->arguments);
    note->arguments = text;
    note->len = strlen(text);
    note->empties = true;
    free_breakpoints(note);
    return 0;
}

int journal_add(struct dap_journal *j, struct journal_notes *notes, struct journal_note *note)
{
    if (notes->count == notes->cap) {
        size_t cap = notes->cap ? 2 * notes->cap : NOTES_FIRST;
        struct journal_note **list = realloc(notes->list, cap * sizeof(struct journal_note *));
        if (!list) {
            journal_note_free(note);
            return -1;
        }
        notes->list = list;
        notes->cap = cap;
    }
    notes->list[notes->count++] = note;
    j->bytes += note->cost;
    return 0;
}

struct journal_note *journal_take(struct dap_journal *j, struct journal_notes *notes, size_t i)
{
    struct journal_note *note = notes->list[i];
    notes->count--;
    for (; i < notes->count; i++)
        notes->list[i] = notes->list[i + 1];
    j->bytes -= note->cost;
    return note;
}

size_t journal_find(const struct dap_journal *j, const struct journal_note *note)
{
    size_t i = 0;
    for (; i < j->kept.count; i++) {
        const struct journal_note *k = j->kept.list[i];
        if (k->kind == note->kind && (k->key == NULL) == (note->key == NULL) &&
            (!k->key || strcmp(k->key, note->key) == 0))
            break;
    }
    return i;
}

int journal_has_room(const struct dap_journal *j, const struct journal_note *note, struct err *e)
{
    size_t configs = 0;
    if (note->cost > JOURNAL_BYTES_MAX || j->bytes > JOURNAL_BYTES_MAX - note->cost) {
        err_set(e,
                "%s: the breakpoints and settings to restore after a restart of Delve exceed %d MiB; remove some "
                "breakpoints",
                note->command, JOURNAL_BYTES_MAX >> 20);
        return 1;
    }
    if (note->kind != JOURNAL_CONFIG)
        return 0;
    for (size_t i = 0; i < j->kept.count; i++)
        configs += j->kept.list[i]->kind == JOURNAL_CONFIG;
    for (size_t i = 0; i < j->waiting.count; i++)
        configs += j->waiting.list[i]->kind == JOURNAL_CONFIG;
    if (configs < JOURNAL_CONFIGS_MAX || (!note->adds && journal_find(j, note) < j->kept.count))
        return 0;
    err_set(e, "dlv config %s: at most %d changes to Delve's configuration are kept for a restart", note->key,
            JOURNAL_CONFIGS_MAX);
    return 1;
}

int journal_keep(struct dap_journal *j, struct journal_note *note)
{
    size_t i;
    while (!note->adds && (i = journal_find(j, note)) < j->kept.count) {
        if (j->kept.list[i]->order > note->order) {
            journal_note_free(note);
            return 0;
        }
        journal_note_free(journal_take(j, &j->kept, i));
    }
    if (journal_has_ids(note->kind) && note->count == 0) {
        journal_note_free(note);
        return 0;
    }
    return journal_add(j, &j->kept, note);
}
