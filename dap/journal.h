/* What must be sent to a fresh Delve so that it looks like the one that the client knows, and the translation between
 * the two: of breakpoint ids, and of the handles (frame ids, variablesReferences) of one Delve and the next. Pure.
 *
 * Every Delve of a session is an epoch. Each counts its handles from 1000, so from the second epoch on the client sees
 * them with an offset (dap_journal_request takes it off again); a handle of an earlier epoch is refused. In the first
 * epoch nothing is edited. Breakpoint ids of the client's stay its own: new Delves' ids are mapped. */
#ifndef DAP_JOURNAL_H
#define DAP_JOURNAL_H

#include <jansson.h>

#include "dap/must_use.h"
#include "dap/err.h"
#include "dap/message.h"
#include "dap/pending.h"

struct dap_journal;

/* Handles of the n-th epoch (from 0) are n % DAP_JOURNAL_OFFSETS times the stride above Delve's, which keeps them
   within the 32 bits of DAP's. So a handle of exactly 255 Delves ago would be taken for a present one, and Delve's own
   handles must stay below the stride (it counts from 1000 again at each stop): one that does not reaches the client as
   0, "no children". */
enum { DAP_JOURNAL_STRIDE = 8388608, DAP_JOURNAL_OFFSETS = 255 };

/* In place of an entry's number: configurationDone. */
enum { DAP_JOURNAL_CONFIGURED = -1 };

/* Returns an empty journal in its first epoch, NULL when memory ran out. */
struct dap_journal *dap_journal_new(void) MUST_USE;
void dap_journal_free(struct dap_journal *j);

/* A request of the client's on its way to Delve (client's paths, client's seq). Adds the edits that its handles need
 * and notes what would have to be sent to a new Delve: set*Breakpoints of all kinds, configurationDone, `dlv config
 * NAME VALUE` evaluations. What it notes counts once Delve has answered it with success. Returns 0, 1 with *e when it
 * names a handle of an earlier Delve or when there is too much to keep (16 MiB of arguments, 65,536 values in one
 * request, 256 settings): the request is to be answered with this error; -1 when memory ran out. */
int dap_journal_request(struct dap_journal *j, const struct dap_message *m, struct dap_edits *edits,
                        struct err *e) MUST_USE;

/* A message of Delve's on its way to the client (Delve's paths already mapped or not: they are not looked at). asked:
 * for a response, what it answers; NULL otherwise. Adds edits for handles and breakpoint ids; from the second epoch on
 * a breakpoint that Delve has given no id is given one, so that it can be spoken of later. Returns 0, -1 when memory
 * ran out. */
int dap_journal_from_delve(struct dap_journal *j, const struct dap_message *m, const struct dap_asked *asked,
                           struct dap_edits *edits) MUST_USE;

/* The client's request with this seq will never be answered by Delve: what it noted is forgotten. */
void dap_journal_drop(struct dap_journal *j, int64_t client_seq);

/* Whether a request that a lost Delve left unanswered may be sent to the next one: it sets, or only asks without a
 * handle. */
bool dap_journal_is_repeatable(const char *command);
/* Appends such a request again as the text of one message (no header), with the client's seq. Returns 1, 0 when it
 * can't be repeated, -1 when memory ran out. */
int dap_journal_repeat(struct dap_journal *j, const struct dap_asked *asked, struct buf *out) MUST_USE;

/* The Delve is gone. Appends to events (a JSON array) the bodies of `breakpoint` events by which the client learns that
 * its breakpoints are unverified now. Returns 0, -1 when memory ran out. */
int dap_journal_lost(struct dap_journal *j, json_t *events) MUST_USE;
/* While no Delve runs: notes a set*Breakpoints request and makes the body of its answer, all unverified with ids of
 * their own, which stay theirs when a Delve comes. Returns a new reference, NULL when memory or the room for notes ran
 * out or m is no such request. */
json_t *dap_journal_answer_alone(struct dap_journal *j, const struct dap_message *m);
/* The same before the first Delve. NULL with *why when nothing can be noted, which it says where it is too much. */
json_t *dap_journal_answer_early(struct dap_journal *j, const struct dap_message *m, struct err *why);
/* The client has sent configurationDone before the first Delve. */
void dap_journal_configure_early(struct dap_journal *j);

/* A new Delve was attached to: the next epoch. same_process: it is the debugger of the process that the client knows
 * (the connection was lost, or a process that was attached to): then instruction and data breakpoints are replayed too.
 */
void dap_journal_next(struct dap_journal *j, bool same_process);
/* Appends the i-th thing (from 0) to send it, as the text of one request message (no header, seq 0, client's paths),
 * all but configurationDone. Returns 1, 0 when there is no more, -1 when memory ran out. */
int dap_journal_replay(struct dap_journal *j, size_t i, struct buf *out) MUST_USE;
/* The number of what it has given last: the same for the same thing, however often it is sent to one Delve, and never
 * another's. Sent once, the i-th has number i. */
size_t dap_journal_replay_number(const struct dap_journal *j);
/* Delve's answer to number i (success or not), each after dap_journal_replay has given it. Appends to events the bodies
 * of `breakpoint` events (reason changed, the client's ids) for what differs from what was reported to the client. The
 * first answer also brings those for instruction and data breakpoints that were left out; when there is nothing else to
 * report, a `threads` request is the one thing, and only its answer counts. Returns 0, -1 when memory ran out. */
int dap_journal_replayed(struct dap_journal *j, size_t i, const struct dap_message *answer, json_t *events) MUST_USE;

/* Whether the client's configurationDone was answered, by a Delve of this session or before there was one. */
bool dap_journal_is_configured(const struct dap_journal *j);
/* Whether the client has a breakpoint that Delve has verified and not taken back, or may have: its answer was still
 * awaited when it was lost. */
bool dap_journal_has_breakpoints(const struct dap_journal *j);

#endif
