/* A session whose Delve is gone and comes back: what the client had asked is answered or asked again, the new Delve is
 * sent what the old one knew, and the client hears of what has changed. */
#include "proxy/session/session_private.h"

#include <stdlib.h>
#include <string.h>

#include "dap/paths.h"
#include "dap/tree.h"
#include "proxy/base/log.h"

enum { REQUEST_TEXT_MAX = DAP_CLIENT_BODY_MAX };

static void send_events(struct session *s, const char *event, json_t *bodies)
{
    size_t i;
    const json_t *body;
    json_array_foreach(bodies, i, body)
    {
        session_event(s, event, body);
    }
    json_decref(bodies);
}

/* --- lost --- */

void session_broken(struct session *s, const char *reason)
{
    struct dap_asked ignored; /* what that Delve asked the client */
    if (s->state != SESSION_LIVE)
        return;
    session_set_state(s, SESSION_RECOVERING, reason);
    s->loss = SESSION_LOSS_UNKNOWN;
    s->swallows_entry = false;
    session_flush_output(s);
    session_resume_reading(s);
    while (dap_pending_take_oldest(s->reverse, &ignored))
        continue;
}

static void refuse(struct session *s, int64_t seq, const char *command, const char *why)
{
    dap_journal_drop(s->journal, seq);
    session_respond_error(s, seq, command, ERROR_INTERNAL, why, false);
}

/* Keeps a request that Delve did not answer, to be asked again. Returns false when it can't be. */
static bool keep(struct session *s, const struct dap_asked *asked)
{
    struct dap_message m;
    struct buf text;
    struct err ignored; /* it is delvegate's own text */
    buf_init(&text, REQUEST_TEXT_MAX);
    bool kept = dap_journal_is_repeatable(asked->command) && dap_journal_repeat(s->journal, asked, &text) > 0 &&
                dap_message_scan(&m, text.data, text.len, &ignored) == 0;
    if (kept)
        session_hold(s, &m);
    buf_free(&text);
    return kept;
}

/* A message that was held before: the table decides, as for one that has just arrived, whether it waits further. */
static void sort_held(struct session *s, const struct dap_message *m, const char *why)
{
    bool waits = route_from_client(SESSION_RECOVERING, s->loss, route_kind_from_client(m)) == CLIENT_VERB_HOLD;
    if (waits || s->loss == SESSION_LOSS_CONNECTION)
        session_hold(s, m);
    else if (m->type == DAP_REQUEST)
        refuse(s, m->seq, m->name, why);
}

/* Goes through what waits, oldest first: each request is kept or answered. */
static void sort_out(struct session *s, bool blamed, const char *why)
{
    struct dap_queue later = s->held;
    struct dap_asked asked;
    struct dap_message m;
    char *text;
    dap_queue_init(&s->held, HELD_MAX);
    while (delve_take_oldest(s->delve, &asked)) {
        /* The request that Delve closed the connection over must not come to the next one. */
        if (blamed || !keep(s, &asked))
            refuse(s, asked.asker_seq, asked.command, why);
        blamed = false;
    }
    while ((text = dap_queue_take(&later, &m))) {
        sort_held(s, &m, why);
        free(text);
    }
}

void session_lost(struct session *s, enum session_loss loss, bool is_blamed, const char *why)
{
    if (s->state != SESSION_RECOVERING || !s->delve)
        return;
    s->loss = loss;
    sort_out(s, is_blamed, why);
    if (loss == SESSION_LOSS_CONNECTION) {
        delve_keep_stopped(s->delve, s->is_stopped);
        return;
    }
    if (s->is_stopped) {
        json_t *body =
            json_pack("{s:O?,s:b}", "threadId", json_object_get(s->stopped, "threadId"), "allThreadsContinued", 1);
        session_event(s, "continued", body);
        json_decref(body);
    }
    s->is_stopped = false;
}

/* --- back --- */

/* Tells Delve one thing; text is one request. Returns false when it could not be sent. */
static bool send_to_delve(struct session *s, const char *text, size_t len, int64_t number, bool in_flight)
{
    struct dap_edits edits;
    struct dap_message m;
    struct err why;
    if (dap_message_scan(&m, text, len, &why) < 0) {
        log_error(s->subject, "the journal's entry %lld is not a message: %s", (long long)number, why.text);
        return false;
    }
    m.seq = number;
    dap_edits_init(&edits);
    int r = 0;
    if (s->paths.count && dap_paths_carried(&m, DAP_TO_DELVE))
        r = dap_paths_edit(&m, DAP_TO_DELVE, session_map_name, s, &edits);
    enum delve_client_result result =
        r == 0 ? delve_forward(s->delve, DAP_ASKER_JOURNAL, &m, &edits) : DELVE_CLIENT_TOO_MANY;
    dap_edits_free(&edits);
    if (in_flight)
        session_names_ask_ahead(s, &m);
    return result == DELVE_CLIENT_SENT || result == DELVE_CLIENT_FULL;
}

bool session_send_breakpoints(struct session *s, bool in_flight)
{
    struct buf text;
    int r;
    bool sent = true;
    buf_init(&text, REQUEST_TEXT_MAX);
    for (size_t i = 0; sent && (r = dap_journal_replay(s->journal, i, &text)) != 0; i++) {
        sent =
            r > 0 && send_to_delve(s, text.data, text.len, (int64_t)dap_journal_replay_number(s->journal), in_flight);
        buf_clear(&text);
    }
    buf_free(&text);
    return sent;
}

bool session_send_configured(struct session *s)
{
    static const char configured[] = "{\"seq\":0,\"type\":\"request\",\"command\":\"configurationDone\"}";
    return send_to_delve(s, configured, sizeof configured - 1, DAP_JOURNAL_CONFIGURED, false);
}

/* Whether it sets what is to be set before the program runs. */
static bool sets(const struct dap_message *m)
{
    enum from_client kind = route_kind_from_client(m);
    return kind == FROM_CLIENT_BREAKPOINTS || kind == FROM_CLIENT_CONFIGURED;
}

void session_hold_back(struct session *s, const struct dap_message *m)
{
    session_hold(s, m);
    if (s->delve && s->state == SESSION_RECOVERING && s->loss == SESSION_LOSS_PROGRAM && sets(m))
        delve_changed(s->delve);
}

enum delve_flight session_compose(struct session *s, bool same_process)
{
    bool is_configured = dap_journal_is_configured(s->journal);
    if (s->state == SESSION_EARLY && !is_configured)
        return DELVE_FLIGHT_NOT_YET;
    /* What waits is to be set before the program runs. */
    if (s->state == SESSION_RECOVERING &&
        (!is_configured || s->loss != SESSION_LOSS_PROGRAM || dap_queue_any(&s->held, sets)))
        return DELVE_FLIGHT_ATTACH;
    if (s->state == SESSION_RECOVERING)
        dap_journal_next(s->journal, same_process);
    else if (!session_is_early(s) || !is_configured)
        return DELVE_FLIGHT_ATTACH;
    session_names_reset(s);
    return session_send_breakpoints(s, session_is_early(s)) && session_send_configured(s) ? DELVE_FLIGHT_WHOLE
                                                                                          : DELVE_FLIGHT_ATTACH;
}

void session_reattached(struct session *s, bool same_process, enum delve_sent sent)
{
    /* Only what sets or asks waits for a new program: before that runs, or Delve would have to halt it again. */
    bool held_first = s->loss == SESSION_LOSS_PROGRAM && sent == DELVE_SENT_ATTACH;
    bool was_configured = dap_journal_is_configured(s->journal);
    if (sent == DELVE_SENT_ATTACH)
        dap_journal_next(s->journal, same_process);
    session_set_state(s, SESSION_LIVE, "attached again");
    s->swallows_entry = same_process && s->is_stopped && was_configured;
    session_answer_restart(s, NULL);
    if (sent != DELVE_SENT_ALL && !session_send_breakpoints(s, false))
        session_say(s, "important", "out of memory: not all breakpoints could be restored; set them again");
    if (held_first)
        session_release_held(s);
    if (was_configured && sent == DELVE_SENT_ATTACH && !session_send_configured(s))
        session_say(s, "important", "out of memory: the program was not continued; press Restart");
    session_release_held(s);
}

void session_replayed(struct session *s, const struct dap_message *m, const struct dap_asked *asked)
{
    json_t *events = json_array();
    if (s->names_ahead)
        session_names_watch(s, m, asked);
    if (asked->asker_seq == DAP_JOURNAL_CONFIGURED) {
        if (s->names_ahead)
            session_names_reset(s);
        if (!m->success)
            session_say(s, "important", "Delve could not continue the program; press Restart");
        session_answer_begun(s);
    } else if (!events || dap_journal_replayed(s->journal, (size_t)asked->asker_seq, m, events) < 0) {
        log_error(s->subject, "out of memory: the client is not notified of a breakpoint that Delve has set");
    }
    send_events(s, "breakpoint", events);
}

/* --- stops --- */

void session_keep_threads(struct session *s, const struct dap_message *m)
{
    buf_free(&s->threads);
    buf_append(&s->threads, m->text + m->payload_at.off, m->payload_at.len);
}

/* The client's handles are of an earlier connection: it is to ask again. */
static void refresh(struct session *s)
{
    json_t *body;
    if (json_is_true(json_object_get(s->initialize_arguments, "supportsInvalidatedEvent"))) {
        body = json_pack("{s:[s]}", "areas", "all");
        session_event(s, "invalidated", body);
    } else {
        body = s->stopped ? json_copy(s->stopped) : json_pack("{s:s}", "reason", "pause");
        (void)json_object_del(body, "hitBreakpointIds"); /* fails only when it is not there */
        session_event(s, "stopped", body);
    }
    json_decref(body);
}

bool session_note_stop(struct session *s, const struct dap_message *m)
{
    struct err why;
    session_answer_begun(s);
    if (s->swallows_entry) {
        s->swallows_entry = false;
        refresh(s);
        return false;
    }
    json_decref(s->stopped);
    if (dap_tree_payload(m, DAP_TREE_KEPT, &s->stopped, &why) != 0)
        log_warning(s->subject, "Delve's stopped event cannot be stored: %s", why.text);
    s->is_stopped = true;
    delve_used(s->delve);
    return true;
}

/* --- without a Delve --- */

static void thread_exited(struct session *s, const json_t *id)
{
    json_t *body = json_is_integer(id) ? json_pack("{s:s,s:O}", "reason", "exited", "threadId", id) : NULL;
    if (body)
        session_event(s, "thread", body);
    json_decref(body);
}

/* The threads that the client shows are of a program that is gone. */
static void take_back_threads(struct session *s)
{
    size_t i;
    const json_t *thread;
    const json_t *stopped = json_object_get(s->stopped, "threadId");
    json_t *body = NULL;
    struct err why;
    bool named = false; /* a client may not have asked since the last stop */
    if (s->threads.len && dap_tree_read(s->threads.data, s->threads.len, DAP_TREE_BODY, &body, &why) != 0)
        log_warning(s->subject, "the client's list of threads may be out of date: %s", why.text);
    json_array_foreach(json_object_get(body, "threads"), i, thread)
    {
        const json_t *id = json_object_get(thread, "id");
        named = named || json_equal(id, stopped);
        thread_exited(s, id);
    }
    if (!named)
        thread_exited(s, stopped);
    json_decref(body);
    buf_free(&s->threads);
}

void session_idle(struct session *s, const char *why)
{
    struct buf text;
    struct dap_message m;
    char *waiting;
    if (s->state != SESSION_RECOVERING)
        return;
    session_set_state(s, SESSION_IDLE, why);
    buf_init(&text, MESSAGE_MAX);
    buf_printf(&text,
               "%s\n"
               "no program is running; breakpoints are kept. Correct the problem and press Restart",
               why);
    session_say(s, "important", text.failed ? why : text.data);
    buf_free(&text);
    session_answer_begun(s); /* else nothing could be restarted */
    session_answer_restart(s, why);
    take_back_threads(s);
    json_t *events = json_array();
    if (!events || dap_journal_lost(s->journal, events) < 0)
        log_error(s->subject, "out of memory: the client is not notified that its breakpoints are not set");
    send_events(s, "breakpoint", events);
    while ((waiting = dap_queue_take(&s->held, &m))) {
        session_route(s, &m);
        free(waiting);
    }
}
