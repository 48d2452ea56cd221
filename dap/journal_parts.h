/* What the files of the journal share. */
#ifndef DAP_JOURNAL_PARTS_H
#define DAP_JOURNAL_PARTS_H

#include "dap/must_use.h"
#include "dap/journal.h"

/* In the order in which a new Delve is sent them: the configuration first, since it decides how the rest is read. */
enum journal_kind {
    JOURNAL_CONFIG,     /* `dlv config NAME VALUE` */
    JOURNAL_EXCEPTIONS, /* setExceptionBreakpoints: filters, no breakpoints of the client's */
    JOURNAL_LINES,
    JOURNAL_FUNCTIONS,
    JOURNAL_INSTRUCTIONS,
    JOURNAL_DATA,
    JOURNAL_KINDS,      /* what follows is only waited for */
    JOURNAL_CONFIGURED, /* configurationDone */
    JOURNAL_QUESTION    /* kept to be asked again */
};

/* What was last reported to the client of a breakpoint. */
struct journal_reported {
    bool verified;
    int64_t line;  /* 0: none */
    char *message; /* NULL: none; cut at JOURNAL_MESSAGE_MAX */
};

struct journal_breakpoint {
    /* Where the client wants it. Two of one note are the same when all of this is. */
    int64_t line;   /* of an instruction: the offset */
    int64_t column; /* 0: none */
    char *text;     /* function's name, instruction's or data's reference; NULL for a line */

    int64_t client_id; /* 0: none was given */
    int64_t delve_id;  /* in the present Delve; 0: none */
    bool is_set;       /* the present Delve has verified it */
    struct journal_reported reported;
};

/* A request: one that waits for its answer, or one that has to be sent to a new Delve. */
struct journal_note {
    enum journal_kind kind;
    int64_t seq;      /* the client's, while it waits */
    uint64_t order;   /* counts the client's requests */
    size_t number;    /* under which it is sent to the present Delve, plus 1; 0: it is not */
    bool adds;        /* to the kept ones of its kind and key, in place of replacing them */
    bool empties;     /* it sets nothing, in case the Delve that lives has */
    bool is_left_out; /* it names addresses of a process that is gone */
    char *key;        /* source, or name of a configuration parameter; NULL: there is one of its kind */
    char *command;
    char *arguments; /* the client's own bytes; NULL: none */
    size_t len;
    struct journal_breakpoint *list;
    size_t count;
    size_t cost; /* bytes of all this */
};

struct journal_notes {
    struct journal_note **list; /* owned */
    size_t count, cap;
};

enum {
    JOURNAL_BYTES_MAX = 16 * 1024 * 1024, /* all notes */
    JOURNAL_CONFIGS_MAX = 256,
    JOURNAL_FOREIGN_MAX = 256,
    JOURNAL_MESSAGE_MAX = 1024,
    JOURNAL_ID_MAX = INT32_MAX /* ids of DAP are 32 bits wide */
};

/* A breakpoint of Delve's that is not the client's, and the id that the client saw it under. */
struct journal_foreign_breakpoint {
    int64_t delve_id, client_id;
};

struct dap_journal {
    struct journal_notes waiting; /* oldest first */
    struct journal_notes kept;    /* the last answered last */
    size_t bytes;                 /* of both */
    uint64_t order;
    uint64_t epoch;  /* 0 is the first */
    size_t numbers;  /* given to what the present Delve is sent */
    size_t replayed; /* the last that was given by dap_journal_replay */
    int64_t id_max;  /* the highest breakpoint id that the client has seen */
    bool maps_ids;   /* the client's ids are not Delve's */
    bool in_doubt;   /* the last Delve may have set what it did not answer */
    bool is_configured;
    struct journal_foreign_breakpoint foreign[JOURNAL_FOREIGN_MAX];
    size_t foreign_count;
};

/* --- journal_notes.c --- */

/* Reads a request of the client's. *note becomes a new note, or NULL when there is nothing to note. Returns 0, 1 with
 * *e when it sets more than can be noted (DAP_REQUEST_VALUES_MAX; one that is too long for Delve is no matter of ours),
 * -1 when memory ran out. */
int journal_note_read(const struct dap_message *m, struct journal_note **note, struct err *e) MUST_USE;
void journal_note_free(struct journal_note *note);

/* Makes of a set* request one that sets nothing. Returns 0, or -1 when memory ran out: it is as it was. */
int journal_empty(struct journal_note *note) MUST_USE;

/* Adds a note, which belongs to the journal from then on. Returns 0, or -1 when memory ran out. */
int journal_add(struct dap_journal *j, struct journal_notes *notes, struct journal_note *note) MUST_USE;
/* Takes the i-th out; it belongs to the caller. */
struct journal_note *journal_take(struct dap_journal *j, struct journal_notes *notes, size_t i);

/* The kept note of the same kind and key. Returns its index, or kept.count. */
size_t journal_find(const struct dap_journal *j, const struct journal_note *note);

/* Whether the kept notes stay within their limits with this one. Returns 0, or 1 with *e. */
int journal_has_room(const struct dap_journal *j, const struct journal_note *note, struct err *e) MUST_USE;

/* Takes a note that is Delve's truth now to the kept ones; those that it replaces go. The note belongs to the journal,
   whatever comes. Returns 0, or -1 when memory ran out. */
int journal_keep(struct dap_journal *j, struct journal_note *note) MUST_USE;

bool journal_names_addresses(enum journal_kind kind);
bool journal_has_ids(enum journal_kind kind);

/* --- journal_handles.c --- */

/* Takes the offset off the handles of a request. Returns 0, 1 with *e when one is of an earlier epoch, -1 when memory
 * ran out. */
int journal_handles_from_client(const struct dap_message *m, uint64_t epoch, struct dap_edits *edits,
                                struct err *e) MUST_USE;
/* Puts it on. Returns 0, or -1 when memory ran out. */
int journal_handles_from_delve(const struct dap_message *m, uint64_t epoch, struct dap_edits *edits) MUST_USE;

/* --- journal_breakpoints.c --- */

/* Delve has done what note asks: matches its breakpoints, adds the edits of their ids. Returns 0, or -1 when memory ran
 * out. */
int journal_breakpoints_answered(struct dap_journal *j, struct journal_note *note, const struct dap_message *m,
                                 struct dap_edits *edits) MUST_USE;
/* `breakpoint` and `stopped` events. Returns 0, or -1 when memory ran out. */
int journal_breakpoints_event(struct dap_journal *j, const struct dap_message *m, struct dap_edits *edits) MUST_USE;

/* Whether there is a breakpoint that was left out and whose loss the client has not heard of. */
bool journal_breakpoints_unreported(const struct dap_journal *j);

#endif
