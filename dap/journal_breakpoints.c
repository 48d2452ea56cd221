/* Breakpoints: the client's ids for those of each Delve, and what was reported to the client of them. */
#include "dap/journal_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dap/json_path.h"
#include "dap/tree.h"
#include "dap/utf8.h"

enum { ELEMENTS_FIRST = 16, INSERTED_MAX = 40 /* bytes of an id that is put in, with its key */ };

static const char no_program[] = "no program is running; the breakpoint will be set when the program is restarted";
static const char no_delve[] = "not set yet: Delve is being started";
static const char old_address[] = "its address belongs to the program that has ended; set it again at the next stop";

static const char *const element_steps[] = {"breakpoints", "[]", NULL};
static const char *const id_steps[] = {"breakpoints", "[]", "id", NULL};

/* One breakpoint in the answer to a set*Breakpoints. */
struct element {
    size_t off;         /* of its brace */
    struct dap_span id; /* len 0: none */
    int64_t delve_id;   /* 0: none that can be mapped */
};

struct answer {
    const struct dap_message *m;
    struct element *list;
    size_t count, cap, next;
    json_t *body;        /* NULL: none */
    const json_t *array; /* in body */
};

/* Delve's own breakpoints (panics) have ids below zero. */
static bool is_id(int64_t id)
{
    return id > 0 && id <= JOURNAL_ID_MAX;
}

/* --- reading an answer --- */

static int add_element(void *arg, struct dap_json_token value)
{
    struct answer *a = arg;
    if (a->count == a->cap) {
        size_t cap = a->cap ? 2 * a->cap : ELEMENTS_FIRST;
        struct element *list = realloc(a->list, cap * sizeof *list);
        if (!list)
            return -1;
        a->list = list;
        a->cap = cap;
    }
    a->list[a->count++] = (struct element){.off = value.kind == DAP_JSON_OBJECT ? value.at.off : 0};
    return 0;
}

static int add_id(void *arg, struct dap_json_token value)
{
    struct answer *a = arg;
    while (a->next + 1 < a->count && a->list[a->next + 1].off < value.at.off)
        a->next++;
    struct element *element = &a->list[a->next];
    int64_t id;
    element->id = value.at;
    if (value.kind == DAP_JSON_NUMBER && dap_json_integer(a->m->text, value.at, &id) == 0 && is_id(id))
        element->delve_id = id;
    return 0;
}

static void answer_free(struct answer *a)
{
    free(a->list);
    json_decref(a->body);
}

/* Returns 0, or -1 when memory ran out (then there is nothing to free). */
static int answer_read(struct answer *a, const struct dap_message *m)
{
    struct err ignored; /* a body that can't be read says nothing of any breakpoint */
    *a = (struct answer){.m = m};
    if (dap_tree_payload(m, DAP_TREE_BODY, &a->body, &ignored) < 0 ||
        dap_json_path_walk(m, element_steps, add_element, a) < 0 || dap_json_path_walk(m, id_steps, add_id, a) < 0) {
        answer_free(a);
        return -1;
    }
    a->array = json_object_get(a->body, "breakpoints");
    return 0;
}

/* --- what is reported to the client --- */

static char *cut_message(const char *message)
{
    size_t len = strlen(message);
    if (len > JOURNAL_MESSAGE_MAX)
        len = dap_utf8_whole(message, JOURNAL_MESSAGE_MAX);
    return strndup(message, len);
}

/* Notes that this is reported to the client. *differs (may be NULL) says whether something else was reported before.
   Returns 0, or -1 when memory ran out. */
static int set_reported(struct journal_breakpoint *b, bool verified, int64_t line, const char *message, bool *differs)
{
    char *copy = message ? cut_message(message) : NULL;
    if (message && !copy)
        return -1;
    const char *before = b->reported.message;
    if (differs)
        *differs = b->reported.verified != verified || b->reported.line != line || (before == NULL) != (copy == NULL) ||
                   (copy && strcmp(before, copy) != 0);
    free(b->reported.message);
    b->reported = (struct journal_reported){.verified = verified, .line = line, .message = copy};
    return 0;
}

static int set_reported_from(struct journal_breakpoint *b, const json_t *given, bool *differs)
{
    b->is_set = json_is_true(json_object_get(given, "verified"));
    return set_reported(b, b->is_set, json_integer_value(json_object_get(given, "line")),
                        json_string_value(json_object_get(given, "message")), differs);
}

static json_t *description(const struct journal_breakpoint *b)
{
    json_t *o = json_pack("{s:I,s:b}", "id", (json_int_t)b->client_id, "verified", b->reported.verified);
    int r = o ? 0 : -1;
    if (r == 0 && b->reported.line > 0)
        r = json_object_set_new(o, "line", json_integer(b->reported.line));
    if (r == 0 && b->reported.message)
        r = json_object_set_new(o, "message", json_string(b->reported.message));
    if (r == 0)
        return o;
    json_decref(o);
    return NULL;
}

static int add_event(const struct journal_breakpoint *b, json_t *events)
{
    json_t *o = description(b);
    json_t *body = o ? json_pack("{s:s,s:o}", "reason", "changed", "breakpoint", o) : NULL;
    return body ? json_array_append_new(events, body) : -1;
}

/* Reports it where something else was reported before and the client has an id for it. */
static int report_change(struct journal_breakpoint *b, bool verified, int64_t line, const char *message, json_t *events)
{
    bool differs;
    if (set_reported(b, verified, line, message, &differs) < 0)
        return -1;
    return differs && b->client_id ? add_event(b, events) : 0;
}

/* --- ids --- */

static void seen(struct dap_journal *j, int64_t id)
{
    if (id > j->id_max)
        j->id_max = id;
}

static bool is_taken(const struct dap_journal *j, int64_t id)
{
    for (size_t i = 0; i < j->kept.count; i++) {
        for (size_t k = 0; k < j->kept.list[i]->count; k++) {
            if (j->kept.list[i]->list[k].client_id == id)
                return true;
        }
    }
    return false;
}

/* An id that the client has not seen; where all have been, one that nothing has now. */
static int64_t fresh(struct dap_journal *j)
{
    if (j->id_max < JOURNAL_ID_MAX)
        return ++j->id_max;
    int64_t id = 1;
    while (is_taken(j, id))
        id++;
    return id;
}

static struct journal_breakpoint *by_delve_id(const struct dap_journal *j, int64_t id)
{
    for (size_t i = 0; i < j->kept.count; i++) {
        for (size_t k = 0; k < j->kept.list[i]->count; k++) {
            if (j->kept.list[i]->list[k].delve_id == id)
                return &j->kept.list[i]->list[k];
        }
    }
    return NULL;
}

/* The client's id for a breakpoint that Delve speaks of. */
static int64_t client_id(struct dap_journal *j, int64_t id)
{
    if (!is_id(id))
        return id;
    const struct journal_breakpoint *b = by_delve_id(j, id);
    if (b && b->client_id)
        return b->client_id;
    for (size_t i = 0; i < j->foreign_count; i++) {
        if (j->foreign[i].delve_id == id)
            return j->foreign[i].client_id;
    }
    if (j->foreign_count == JOURNAL_FOREIGN_MAX) {
        j->foreign_count--;
        memmove(j->foreign, j->foreign + 1, j->foreign_count * sizeof *j->foreign);
    }
    int64_t given = id > j->id_max ? id : fresh(j);
    seen(j, given);
    j->foreign[j->foreign_count++] = (struct journal_foreign_breakpoint){.delve_id = id, .client_id = given};
    return given;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Takes the ids of those that stay where they are over from the note that is kept and about to be replaced, each
   once. */
static void inherit(struct dap_journal *j, struct journal_note *note)
{
    size_t i = journal_find(j, note);
    if (i == j->kept.count)
        return;
    struct journal_note *old = j->kept.list[i];
    if (old->order > note->order)
        return;
    size_t next = 0; /* mostly the same ones in the same order */
    for (size_t k = 0; k < note->count; k++) {
        struct journal_breakpoint *b = &note->list[k];
        for (size_t n = 0; n < old->count; n++) {
            struct journal_breakpoint *o = &old->list[(next + n) % old->count];
            if (!o->client_id || o->line != b->line || o->column != b->column || !same_text(o->text, b->text))
                continue;
            b->client_id = o->client_id;
            o->client_id = 0;
            next = (next + n + 1) % old->count;
            break;
        }
    }
}

static void give_ids(struct dap_journal *j, struct journal_note *note)
{
    inherit(j, note);
    for (size_t i = 0; i < note->count; i++) {
        if (!note->list[i].client_id)
            note->list[i].client_id = fresh(j);
    }
}

/* --- set*Breakpoints --- */

static int edit_id(const struct element *el, const struct dap_message *m, int64_t id, struct dap_edits *edits)
{
    char text[INSERTED_MAX];
    if (el->id.len)
        return el->delve_id && el->delve_id != id ? dap_edits_add_int(edits, el->id, id) : 0;
    size_t off = el->off + 1;
    size_t next = off;
    while (strchr(" \t\r\n", m->text[next]))
        next++;
    int n = snprintf(text, sizeof text, "\"id\":%" PRId64 "%s", id, m->text[next] == '}' ? "" : ",");
    return dap_edits_add(edits, (struct dap_span){.off = off}, text, (size_t)n);
}

int journal_breakpoints_answered(struct dap_journal *j, struct journal_note *note, const struct dap_message *m,
                                 struct dap_edits *edits)
{
    struct answer a;
    if (answer_read(&a, m) < 0)
        return -1;
    int r = 0;
    if (j->maps_ids)
        give_ids(j, note);
    for (size_t i = 0; i < note->count && r == 0; i++) {
        struct journal_breakpoint *b = &note->list[i];
        const struct element *el = i < a.count ? &a.list[i] : NULL;
        b->delve_id = el ? el->delve_id : 0;
        if (j->maps_ids && el && el->off)
            r = edit_id(el, m, b->client_id, edits);
        else if (!j->maps_ids)
            b->client_id = b->delve_id;
        seen(j, b->client_id);
        if (r == 0)
            r = set_reported_from(b, json_array_get(a.array, i), NULL);
    }
    answer_free(&a);
    return r;
}

/* --- events --- */

struct event {
    struct dap_journal *j;
    const struct dap_message *m;
    struct dap_edits *edits;
    int64_t id; /* Delve's, of the last number that was passed */
};

static int edit_event(void *arg, struct dap_json_token value)
{
    struct event *v = arg;
    int64_t id;
    if (value.kind != DAP_JSON_NUMBER || dap_json_integer(v->m->text, value.at, &id) < 0)
        return 0;
    v->id = id;
    int64_t given = v->j->maps_ids ? client_id(v->j, id) : id;
    if (is_id(given))
        seen(v->j, given);
    return given == id ? 0 : dap_edits_add_int(v->edits, value.at, given);
}

int journal_breakpoints_event(struct dap_journal *j, const struct dap_message *m, struct dap_edits *edits)
{
    static const char *const hits[] = {"hitBreakpointIds", "[]", NULL};
    static const char *const changed[] = {"breakpoint", "id", NULL};
    struct event v = {.j = j, .m = m, .edits = edits};
    struct err ignored; /* as of an answer */
    json_t *body;
    if (strcmp(m->name, "stopped") == 0)
        return j->maps_ids ? dap_json_path_walk(m, hits, edit_event, &v) : 0;
    if (strcmp(m->name, "breakpoint") != 0 || m->payload_at.len == 0)
        return 0;
    if (dap_json_path_walk(m, changed, edit_event, &v) < 0)
        return -1;
    struct journal_breakpoint *b = is_id(v.id) ? by_delve_id(j, v.id) : NULL;
    if (!b)
        return 0;
    int r = dap_tree_payload(m, DAP_TREE_BODY, &body, &ignored);
    if (r != 0 || !body)
        return r < 0 ? -1 : 0;
    r = set_reported_from(b, json_object_get(body, "breakpoint"), NULL);
    json_decref(body);
    return r;
}

/* --- a Delve goes, another comes --- */

bool journal_breakpoints_unreported(const struct dap_journal *j)
{
    for (size_t i = 0; i < j->kept.count; i++) {
        const struct journal_note *note = j->kept.list[i];
        for (size_t k = 0; note->is_left_out && k < note->count; k++) {
            if (note->list[k].reported.verified && note->list[k].client_id)
                return true;
        }
    }
    return false;
}

int dap_journal_lost(struct dap_journal *j, json_t *events)
{
    int r = 0;
    for (size_t i = 0; i < j->kept.count && r == 0; i++) {
        struct journal_note *note = j->kept.list[i];
        for (size_t k = 0; k < note->count && r == 0; k++) {
            struct journal_breakpoint *b = &note->list[k];
            b->is_set = false;
            if (b->reported.verified)
                r = report_change(b, false, note->kind == JOURNAL_LINES ? b->line : 0,
                                  journal_names_addresses(note->kind) ? old_address : no_program, events);
        }
    }
    return r;
}

static int report_left_out(struct dap_journal *j, json_t *events)
{
    int r = 0;
    for (size_t i = 0; i < j->kept.count && r == 0; i++) {
        struct journal_note *note = j->kept.list[i];
        for (size_t k = 0; note->is_left_out && k < note->count && r == 0; k++) {
            if (note->list[k].reported.verified)
                r = report_change(&note->list[k], false, 0, old_address, events);
        }
    }
    return r;
}

/* Delve's reason for a failure: a new reference to a string, NULL when memory ran out. */
static json_t *failure(const struct dap_message *answer)
{
    json_t *whole;
    struct err ignored; /* then there is a reason of our own */
    if (dap_tree_read(answer->text, answer->len, DAP_TREE_BODY, &whole, &ignored) != 0)
        whole = NULL;
    json_t *body = json_object_get(whole, "body");
    json_t *format = json_object_get(json_object_get(body, "error"), "format");
    json_t *message = json_object_get(whole, "message");
    json_t *reason = NULL;
    if (json_string_length(format) > 0)
        reason = json_incref(format);
    else if (json_string_length(message) > 0)
        reason = json_incref(message);
    else
        reason = json_string("Delve could not set it again");
    json_decref(whole);
    return reason;
}

static int set_again(struct journal_note *note, const struct dap_message *answer, json_t *events)
{
    struct answer a;
    if (answer_read(&a, answer) < 0)
        return -1;
    int r = 0;
    for (size_t i = 0; i < note->count && r == 0; i++) {
        struct journal_breakpoint *b = &note->list[i];
        bool differs;
        b->delve_id = i < a.count ? a.list[i].delve_id : 0;
        r = set_reported_from(b, json_array_get(a.array, i), &differs);
        if (r == 0 && differs && b->client_id)
            r = add_event(b, events);
    }
    answer_free(&a);
    return r;
}

static int refused(struct journal_note *note, const struct dap_message *answer, json_t *events)
{
    json_t *reason = failure(answer);
    int r = reason ? 0 : -1;
    for (size_t i = 0; i < note->count && r == 0; i++) {
        struct journal_breakpoint *b = &note->list[i];
        b->is_set = false;
        r = report_change(b, false, note->kind == JOURNAL_LINES ? b->line : 0, json_string_value(reason), events);
    }
    json_decref(reason);
    return r;
}

static bool is_last_replayed(const struct dap_journal *j, size_t i)
{
    for (size_t n = 0; n < j->kept.count; n++)
        if (j->kept.list[n]->number > i + 1)
            return false;
    return true;
}

int dap_journal_replayed(struct dap_journal *j, size_t i, const struct dap_message *answer, json_t *events)
{
    if (is_last_replayed(j, i))
        j->in_doubt = false;
    if (report_left_out(j, events) < 0)
        return -1;
    for (size_t n = 0; n < j->kept.count; n++) {
        struct journal_note *note = j->kept.list[n];
        if (note->number != i + 1)
            continue;
        if (!journal_has_ids(note->kind))
            return 0;
        return answer->success ? set_again(note, answer, events) : refused(note, answer, events);
    }
    return 0;
}

/* --- without a Delve --- */

/* reason: what is said of each breakpoint. */
static json_t *answer_alone(struct dap_journal *j, const struct dap_message *m, const char *reason, struct err *why)
{
    struct journal_note *note;
    if (m->type != DAP_REQUEST || strncmp(m->name, "set", 3) != 0 || journal_note_read(m, &note, why) != 0 || !note)
        return NULL;
    if (journal_has_room(j, note, why) > 0) {
        journal_note_free(note);
        return NULL;
    }
    json_t *array = json_array();
    int r = array ? 0 : -1;
    note->order = ++j->order;
    j->maps_ids = true;
    give_ids(j, note);
    for (size_t i = 0; i < note->count && r == 0; i++) {
        struct journal_breakpoint *b = &note->list[i];
        r = set_reported(b, false, note->kind == JOURNAL_LINES ? b->line : 0, reason, NULL);
        json_t *o = r == 0 ? description(b) : NULL;
        r = o ? json_array_append_new(array, o) : -1;
    }
    json_t *body = NULL;
    if (r == 0)
        body = journal_has_ids(note->kind) ? json_pack("{s:O}", "breakpoints", array) : json_object();
    json_decref(array);
    if (!body) {
        journal_note_free(note);
        return NULL;
    }
    if (journal_keep(j, note) == 0)
        return body;
    json_decref(body);
    return NULL;
}

json_t *dap_journal_answer_alone(struct dap_journal *j, const struct dap_message *m)
{
    struct err ignored;
    return answer_alone(j, m, no_program, &ignored);
}

json_t *dap_journal_answer_early(struct dap_journal *j, const struct dap_message *m, struct err *why)
{
    return answer_alone(j, m, no_delve, why);
}
