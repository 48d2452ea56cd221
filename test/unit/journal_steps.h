/* Steps that the journal's tests take: texts in, texts out. */
#ifndef TEST_JOURNAL_STEPS_H
#define TEST_JOURNAL_STEPS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dap/journal.h"

enum { STEP_MAX = 64 * 1024 * 1024 };

static inline struct dap_message scanned(const char *text)
{
    struct dap_message m;
    struct err e;
    if (dap_message_scan(&m, text, strlen(text), &e) < 0)
        fail_msg("%s\nrefused: %s", text, e.text);
    return m;
}

/* The body with its edits made, which the caller frees. */
static inline char *edited(const struct dap_message *m, struct dap_edits *edits)
{
    struct buf out;
    buf_init(&out, STEP_MAX);
    assert_int_equal(dap_message_write(m, edits, &out, NULL), 0);
    buf_consume(&out, (size_t)(strstr(out.data, "\r\n\r\n") - out.data) + 4);
    return buf_take(&out);
}

/* What Delve gets of a client's request; NULL when it is refused, with *e. */
static inline char *ask(struct dap_journal *j, const char *text, struct err *e)
{
    struct dap_message m = scanned(text);
    struct dap_edits edits;
    dap_edits_init(&edits);
    int r = dap_journal_request(j, &m, &edits, e);
    char *got = r == 0 ? edited(&m, &edits) : NULL;
    assert_true(r == 0 || r == 1);
    dap_edits_free(&edits);
    return got;
}

static inline void asks(struct dap_journal *j, const char *text, const char *expected)
{
    struct err e;
    char *got = ask(j, text, &e);
    if (!got)
        fail_msg("%s\nrefused: %s", text, e.text);
    assert_string_equal(got, expected);
    free(got);
}

/* What the client gets of Delve's message; a response answers the client's request with this seq. */
static inline char *say(struct dap_journal *j, const char *text, int64_t client_seq)
{
    struct dap_message m = scanned(text);
    struct dap_asked asked = {.seq = m.request_seq, .asker_seq = client_seq, .asker = DAP_ASKER_CLIENT};
    struct dap_edits edits;
    (void)snprintf(asked.command, sizeof asked.command, "%s", m.name);
    dap_edits_init(&edits);
    assert_int_equal(dap_journal_from_delve(j, &m, m.type == DAP_RESPONSE ? &asked : NULL, &edits), 0);
    char *got = edited(&m, &edits);
    dap_edits_free(&edits);
    return got;
}

static inline void says(struct dap_journal *j, const char *text, int64_t client_seq, const char *expected)
{
    char *got = say(j, text, client_seq);
    assert_string_equal(got, expected);
    free(got);
}

/* The i-th thing that is sent to a new Delve; NULL when there is no more. */
static inline char *sent_to_delve(struct dap_journal *j, size_t i)
{
    struct buf out;
    buf_init(&out, STEP_MAX);
    int r = dap_journal_replay(j, i, &out);
    assert_true(r == 0 || r == 1);
    if (r == 1)
        return buf_take(&out);
    assert_int_equal(out.len, 0);
    buf_free(&out);
    return NULL;
}

static inline void replays(struct dap_journal *j, size_t i, const char *expected)
{
    char *got = sent_to_delve(j, i);
    if (!got || !expected) {
        assert_null(expected);
        assert_null(got);
        return;
    }
    assert_string_equal(got, expected);
    free(got);
}

/* The events that a Delve's answer to the i-th brings, as one text. */
static inline char *replay_events(struct dap_journal *j, size_t i, const char *answer)
{
    struct dap_message m = scanned(answer);
    json_t *events = json_array();
    assert_int_equal(dap_journal_replayed(j, i, &m, events), 0);
    char *got = json_dumps(events, JSON_COMPACT);
    json_decref(events);
    return got;
}

static inline void replayed(struct dap_journal *j, size_t i, const char *answer, const char *expected)
{
    char *got = replay_events(j, i, answer);
    assert_string_equal(got, expected);
    free(got);
}

#endif
