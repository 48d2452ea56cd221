/* What passes is noted, what was noted is sent again. */
#include "dap/journal_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dap/build.h"

/* Asked in place of a replay that would be empty: its answer brings the client what became of the breakpoints that are
   left out. */
static const char carrier[] = "{\"seq\":0,\"type\":\"request\",\"command\":\"threads\"}";

/* What may be asked twice. */
static const struct repeatable {
    const char *command;
    bool needs_arguments;
} repeatables[] = {
    {"setBreakpoints", true},
    {"setFunctionBreakpoints", true},
    {"setExceptionBreakpoints", true},
    {"configurationDone", false},
    {"threads", false},
    {"loadedSources", false},
    {"modules", false},
    {"breakpointLocations", true},
};

struct dap_journal *dap_journal_new(void)
{
    return calloc(1, sizeof(struct dap_journal));
}

static void free_notes(struct dap_journal *j, struct journal_notes *notes)
{
    while (notes->count)
        journal_note_free(journal_take(j, notes, notes->count - 1));
    free(notes->list);
    *notes = (struct journal_notes){0};
}

void dap_journal_free(struct dap_journal *j)
{
    if (!j)
        return;
    free_notes(j, &j->waiting);
    free_notes(j, &j->kept);
    free(j);
}

static const struct repeatable *repeatable(const char *command)
{
    for (size_t i = 0; i < sizeof repeatables / sizeof *repeatables; i++) {
        if (strcmp(repeatables[i].command, command) == 0)
            return &repeatables[i];
    }
    return NULL;
}

bool dap_journal_is_repeatable(const char *command)
{
    return repeatable(command) != NULL;
}

/* --- requests --- */

int dap_journal_request(struct dap_journal *j, const struct dap_message *m, struct dap_edits *edits, struct err *e)
{
    struct journal_note *note;
    if (m->type != DAP_REQUEST)
        return 0;
    int r = journal_handles_from_client(m, j->epoch, edits, e);
    if (r != 0)
        return r;
    r = journal_note_read(m, &note, e);
    if (r != 0)
        return r;
    if (!note)
        return 0;
    if (journal_has_room(j, note, e) > 0) {
        journal_note_free(note);
        return 1;
    }
    note->order = ++j->order;
    return journal_add(j, &j->waiting, note);
}

/* The oldest with this seq, NULL when none waits. It belongs to the caller. */
static struct journal_note *take_waiting(struct dap_journal *j, int64_t seq)
{
    for (size_t i = 0; i < j->waiting.count; i++) {
        if (j->waiting.list[i]->seq == seq)
            return journal_take(j, &j->waiting, i);
    }
    return NULL;
}

/* A Delve that lives may have set what it has not answered: when nothing else replaces that, it is to be emptied. */
static void doubt(struct dap_journal *j, struct journal_note *note)
{
    if (note && note->count)
        j->in_doubt = true;
    bool is_kept = note && journal_has_ids(note->kind) && note->count && journal_empty(note) == 0 &&
                   journal_find(j, note) == j->kept.count;
    if (!is_kept)
        journal_note_free(note);
    else if (journal_add(j, &j->kept, note) < 0)
        j->in_doubt = true; /* it has freed the note: a breakpoint too many stays */
}

void dap_journal_drop(struct dap_journal *j, int64_t client_seq)
{
    doubt(j, take_waiting(j, client_seq));
}

static int append_request(struct buf *out, int64_t seq, const char *command, const struct journal_note *note)
{
    buf_printf(out, "{\"seq\":%" PRId64 ",\"type\":\"request\",\"command\":", seq);
    dap_append_string(out, command, strlen(command));
    if (note && note->arguments) {
        buf_puts(out, ",\"arguments\":");
        buf_append(out, note->arguments, note->len);
    }
    buf_puts(out, "}");
    return out->failed ? -1 : 1;
}

int dap_journal_repeat(struct dap_journal *j, const struct dap_asked *asked, struct buf *out)
{
    const struct repeatable *what = repeatable(asked->command);
    if (asked->asker != DAP_ASKER_CLIENT || !what)
        return 0;
    struct journal_note *note = take_waiting(j, asked->asker_seq);
    int r = 0;
    if (!what->needs_arguments || (note && note->arguments))
        r = append_request(out, asked->asker_seq, asked->command, note);
    doubt(j, note);
    return r;
}

/* --- Delve's messages --- */

static int answered(struct dap_journal *j, struct journal_note *note, const struct dap_message *m,
                    struct dap_edits *edits)
{
    if (!m->success || note->kind == JOURNAL_QUESTION) {
        journal_note_free(note);
        return 0;
    }
    if (note->kind == JOURNAL_CONFIGURED) {
        j->is_configured = true;
        journal_note_free(note);
        return 0;
    }
    if (journal_has_ids(note->kind) && journal_breakpoints_answered(j, note, m, edits) < 0) {
        journal_note_free(note);
        return -1;
    }
    return journal_keep(j, note);
}

int dap_journal_from_delve(struct dap_journal *j, const struct dap_message *m, const struct dap_asked *asked,
                           struct dap_edits *edits)
{
    if (m->type == DAP_REQUEST)
        return 0;
    if (m->type == DAP_EVENT && journal_breakpoints_event(j, m, edits) < 0)
        return -1;
    if (journal_handles_from_delve(m, j->epoch, edits) < 0)
        return -1;
    if (m->type != DAP_RESPONSE || !asked || asked->asker != DAP_ASKER_CLIENT)
        return 0;
    struct journal_note *note = take_waiting(j, asked->asker_seq);
    return note ? answered(j, note, m, edits) : 0;
}

/* --- the next Delve --- */

void dap_journal_next(struct dap_journal *j, bool same_process)
{
    j->epoch++;
    j->maps_ids = true;
    j->in_doubt &= same_process; /* until that Delve has answered what it is sent again */
    j->foreign_count = 0;
    j->numbers = 0;
    /* None of these will be answered: that Delve is gone. */
    while (j->waiting.count)
        journal_note_free(journal_take(j, &j->waiting, j->waiting.count - 1));
    for (size_t i = j->kept.count; i-- > 0;) {
        struct journal_note *note = j->kept.list[i];
        if (note->empties && !same_process) {
            journal_note_free(journal_take(j, &j->kept, i));
            continue;
        }
        note->number = 0;
        note->is_left_out |= !same_process && journal_names_addresses(note->kind);
        for (size_t k = 0; k < note->count; k++) {
            note->list[k].delve_id = 0;
            note->list[k].is_set &= same_process;
        }
    }
}

int dap_journal_replay(struct dap_journal *j, size_t i, struct buf *out)
{
    size_t n = 0;
    for (enum journal_kind kind = 0; kind < JOURNAL_KINDS; kind++) {
        for (size_t k = 0; k < j->kept.count; k++) {
            struct journal_note *note = j->kept.list[k];
            if (note->kind != kind || note->is_left_out || n++ != i)
                continue;
            if (!note->number)
                note->number = ++j->numbers;
            j->replayed = note->number - 1;
            /* Until it has answered, that Delve may have set them or not. */
            j->in_doubt |= journal_has_ids(kind) && note->count > 0;
            return append_request(out, 0, note->command, note);
        }
    }
    j->replayed = 0;
    if (n != 0 || i != 0 || !journal_breakpoints_unreported(j))
        return 0;
    buf_puts(out, carrier);
    return out->failed ? -1 : 1;
}

size_t dap_journal_replay_number(const struct dap_journal *j)
{
    return j->replayed;
}

void dap_journal_configure_early(struct dap_journal *j)
{
    j->is_configured = true;
}

bool dap_journal_is_configured(const struct dap_journal *j)
{
    return j->is_configured;
}

bool dap_journal_has_breakpoints(const struct dap_journal *j)
{
    for (size_t i = 0; i < j->kept.count; i++) {
        for (size_t k = 0; k < j->kept.list[i]->count; k++) {
            if (j->kept.list[i]->list[k].is_set)
                return true;
        }
    }
    return j->in_doubt;
}
