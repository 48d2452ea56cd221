/* Any lines as what passes between a client and a row of Delves. The first byte of a line says what happens: `c` the
   client sends the rest, `d` Delve does, `a` the client sends it while no Delve runs, `l` Delve is lost, `n` and `s` a
   new one comes (`s` for the same process) and answers its replay with the rest, `x` and `r` drop and repeat the
   request whose number is the length of the rest. What comes out is always a message, in the first epoch the one that
   went in. */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dap/journal.h"

#define CHECK(what)                                                                                                    \
    do {                                                                                                               \
        if (!(what)) {                                                                                                 \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #what);                                   \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { OUT_MAX = 1 << 26, REPLAY_MAX = 10000 };

struct world {
    struct dap_journal *j;
    bool is_first; /* nothing may be edited */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_edits(const struct world *w, const struct dap_message *m, struct dap_edits *edits)
{
    struct buf out;
    size_t len;
    struct dap_message again;
    struct err e;
    CHECK(!w->is_first || edits->count == 0);
    buf_init(&out, OUT_MAX);
    CHECK(dap_message_write(m, edits, &out, &len) == 0);
    CHECK(dap_message_scan(&again, out.data + out.len - len, len, &e) == 0);
    CHECK(again.type == m->type && again.seq == m->seq && strcmp(again.name, m->name) == 0);
    buf_free(&out);
}

static void pass(struct world *w, const struct dap_message *m, bool from_client)
{
    struct dap_asked asked = {.asker_seq = m->request_seq, .asker = DAP_ASKER_CLIENT};
    struct dap_edits edits;
    struct err e = {.text = ""};
    int r;
    dap_edits_init(&edits);
    if (from_client)
        r = dap_journal_request(w->j, m, &edits, &e);
    else
        r = dap_journal_from_delve(w->j, m, m->type == DAP_RESPONSE ? &asked : NULL, &edits);
    CHECK(r == 0 || (r == 1 && from_client && e.text[0]));
    if (r == 0)
        check_edits(w, m, &edits);
    dap_edits_free(&edits);
}

static void check_events(json_t *events)
{
    size_t i;
    const json_t *body;
    json_array_foreach(events, i, body)
    {
        const json_t *b = json_object_get(body, "breakpoint");
        CHECK(json_integer_value(json_object_get(b, "id")) > 0);
        CHECK(json_is_boolean(json_object_get(b, "verified")));
    }
    json_decref(events);
}

static void come(struct world *w, bool same, const struct dap_message *answer)
{
    dap_journal_next(w->j, same);
    w->is_first = false;
    size_t i = 0;
    for (; i < REPLAY_MAX; i++) {
        struct buf text;
        struct dap_message m;
        struct err e;
        buf_init(&text, OUT_MAX);
        int r = dap_journal_replay(w->j, i, &text);
        CHECK(r >= 0);
        if (r > 0)
            CHECK(dap_message_scan(&m, text.data, text.len, &e) == 0 && m.type == DAP_REQUEST && m.seq == 0);
        buf_free(&text);
        if (r == 0)
            break;
    }
    for (size_t k = 0; answer && k < i; k++) {
        json_t *events = json_array();
        CHECK(dap_journal_replayed(w->j, k, answer, events) == 0);
        check_events(events);
    }
}

static void repeat(struct world *w, int64_t seq)
{
    static const char *const commands[] = {"setBreakpoints", "setFunctionBreakpoints", "threads", "evaluate"};
    struct dap_asked asked = {.asker_seq = seq, .asker = DAP_ASKER_CLIENT};
    struct buf text;
    struct dap_message m;
    struct err e;
    (void)snprintf(asked.command, sizeof asked.command, "%s", commands[(uint64_t)seq % 4]);
    buf_init(&text, OUT_MAX);
    int r = dap_journal_repeat(w->j, &asked, &text);
    CHECK(r >= 0);
    if (r > 0)
        CHECK(dap_message_scan(&m, text.data, text.len, &e) == 0 && m.seq == seq);
    buf_free(&text);
}

static void line(struct world *w, char what, const char *text, size_t len)
{
    struct dap_message m;
    struct err e;
    json_t *made;
    bool is_message = dap_message_scan(&m, text, len, &e) == 0;
    switch (what) {
    case 'c':
    case 'd':
        if (is_message)
            pass(w, &m, what == 'c');
        break;
    case 'a':
        made = is_message ? dap_journal_answer_alone(w->j, &m) : NULL;
        CHECK(!made || json_is_object(made));
        w->is_first &= !made;
        json_decref(made);
        break;
    case 'l':
        made = json_array();
        CHECK(dap_journal_lost(w->j, made) == 0);
        check_events(made);
        break;
    case 'n':
    case 's':
        come(w, what == 's', is_message && m.type == DAP_RESPONSE ? &m : NULL);
        break;
    case 'x':
        dap_journal_drop(w->j, (int64_t)len);
        break;
    case 'r':
        repeat(w, (int64_t)len);
        break;
    default:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.j = dap_journal_new(), .is_first = true};
    CHECK(w.j);
    while (size > 0) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t len = end ? (size_t)(end - data) : size;
        if (len > 0) {
            char *text = malloc(len); /* exactly as long, so that a read past it is seen */
            CHECK(text);
            memcpy(text, data + 1, len - 1);
            line(&w, (char)data[0], text, len - 1);
            free(text);
        }
        size_t used = end ? len + 1 : len;
        data += used;
        size -= used;
    }
    (void)dap_journal_has_breakpoints(w.j);
    dap_journal_free(w.j);
    return 0;
}
