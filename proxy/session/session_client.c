/* The session's side that faces the client: framing, its requests, and their way to Delve. */
#include "proxy/session/session_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dap/capabilities.h"
#include "dap/paths.h"
#include "dap/tree.h"
#include "proxy/base/log.h"

enum {
    REASON_MAX = 128,
    HEADER_MS = 5000,           /* for a whole header, from its first byte on */
    HALF_CLOSED_MS = 15 * 1000, /* for the answers to all that a client had asked when it closed its sending side */
    NOISE_S = 60                /* what does not begin as DAP is logged at most this often */
};

static int append(struct buf *out, char *mapped)
{
    int r = mapped ? (buf_puts(out, mapped) < 0 ? -1 : 1) : 0;
    free(mapped);
    return r;
}

int session_map_place(void *arg, const char *path, struct buf *out)
{
    const struct session *s = arg;
    return append(out, config_paths_to_remote(&s->paths, path));
}

int session_map_name(void *arg, const char *path, struct buf *out)
{
    const struct session *s = arg;
    return append(out, config_paths_to_name(&s->paths, path));
}

int session_name_rule(void *arg, const char *path, struct buf *out)
{
    const struct session *s = arg;
    return config_paths_explain(&s->paths, path, out);
}

/* --- on its way to Delve --- */

static void refuse_forward(struct session *s, const struct dap_message *m, enum delve_client_result result)
{
    char text[256];
    if (m->type != DAP_REQUEST)
        return;
    if (result == DELVE_CLIENT_TOO_BIG)
        (void)snprintf(text, sizeof text, "%s of %zu bytes is over the %d MiB that Delve takes; send less at a time",
                       m->name, m->len, DAP_DELVE_REQUEST_MAX >> 20);
    else if (s->state == SESSION_TERMINATED)
        (void)snprintf(text, sizeof text, "the program has ended");
    else
        (void)snprintf(text, sizeof text, "%d requests wait for Delve's answer; wait for some of them",
                       DAP_PENDING_MAX);
    session_respond_error(s, m->seq, m->name, ERROR_INTERNAL, text, false);
}

void session_forward(struct session *s, const struct dap_message *m)
{
    struct dap_edits edits;
    struct dap_asked reverse;
    enum delve_client_result result = DELVE_CLIENT_TOO_MANY;
    int r = 0;
    struct err why;
    dap_edits_init(&edits);
    if (m->type == DAP_REQUEST)
        r = dap_journal_request(s->journal, m, &edits, &why);
    if (r > 0) {
        session_respond_error(s, m->seq, m->name, ERROR_INTERNAL, why.text, false);
        dap_edits_free(&edits);
        return;
    }
    if (m->type == DAP_RESPONSE) {
        if (!dap_pending_take(s->reverse, m->request_seq, &reverse)) {
            log_debug(s->subject, "the client answered a request that nobody made (%s)", m->name);
            dap_edits_free(&edits);
            return;
        }
        r = dap_edits_add_int(&edits, m->request_seq_at, reverse.asker_seq);
    }
    if (r == 0 && s->paths.count && dap_paths_carried(m, DAP_TO_DELVE))
        r = dap_paths_edit(m, DAP_TO_DELVE, session_map_name, s, &edits);
    if (r == 0 && s->delve)
        result = delve_forward(s->delve, DAP_ASKER_CLIENT, m, &edits);
    dap_edits_free(&edits);
    if (result == DELVE_CLIENT_FULL) {
        if (s->client)
            client_pause(s->client, true);
    } else if (result != DELVE_CLIENT_SENT) {
        dap_journal_drop(s->journal, m->seq);
        refuse_forward(s, m, result);
    }
}

void session_hold(struct session *s, const struct dap_message *m)
{
    if (dap_queue_add(&s->held, m) < 0 && m->type == DAP_REQUEST)
        session_respond_error(s, m->seq, m->name, ERROR_INTERNAL,
                              "too much was sent while Delve is being started; wait for its answers", false);
}

/* --- the requests that are delvegate's own --- */

int session_arguments(const struct dap_message *m, json_t **arguments, struct err *why)
{
    int r = dap_tree_payload(m, DAP_TREE_ARGUMENTS, arguments, why);
    if (r == 0 && !*arguments)
        *arguments = json_object();
    if (r == 0 && !*arguments)
        r = err_set(why, "out of memory");
    return r == 0 ? 0 : err_prefix(why, "%s: ", m->name);
}

static void on_initialize(struct session *s, const struct dap_message *m)
{
    struct err why;
    json_t *arguments;
    int r = session_arguments(m, &arguments, &why);
    const json_t *format = json_object_get(arguments, "pathFormat");
    const char *wrong = NULL;
    if (s->state != SESSION_NEW)
        wrong = "initialize was sent twice";
    else if (r < 0)
        wrong = why.text;
    else if (format && (!json_is_string(format) || strcmp(json_string_value(format), "path") != 0))
        wrong = "unsupported pathFormat; only \"path\" is supported";
    else if (json_is_false(json_object_get(arguments, "linesStartAt1")))
        wrong = "only 1-based line numbers are supported (linesStartAt1)";
    else if (json_is_false(json_object_get(arguments, "columnsStartAt1")))
        wrong = "only 1-based column numbers are supported (columnsStartAt1)";
    if (wrong) {
        session_respond_error(s, m->seq, m->name, ERROR_INITIALIZE, wrong, true);
        json_decref(arguments);
        return;
    }
    s->initialize_arguments = dap_capabilities_of_client(arguments);
    json_decref(arguments);
    s->announced = dap_capabilities_announced(s->memory->capabilities);
    s->traits = dap_client_traits(s->initialize_arguments);
    char reason[REASON_MAX];
    (void)snprintf(reason, sizeof reason, "initialize, by a client of target %s", s->target->name);
    session_set_state(s, SESSION_INITIALIZED, reason);
    session_respond(s, m->seq, m->name, s->announced);
    /* The machine is reached while the client makes up its launch request. */
    s->delve = delve_new(s->loop, s->config, s->target, s->subject, &session_delve_events, s);
}

static void on_disconnect(struct session *s, const struct dap_message *m)
{
    struct err why;
    json_t *arguments;
    if (session_arguments(m, &arguments, &why) < 0) {
        session_respond_error(s, m->seq, m->name, ERROR_INTERNAL, why.text, true);
        return;
    }
    s->terminate = json_is_true(json_object_get(arguments, "terminateDebuggee"));
    s->disconnect_seq = m->seq;
    s->disconnect_waits = true;
    json_decref(arguments);
    session_end(s, "the client has disconnected");
}

static void answer_too_early(struct session *s, const struct dap_message *m)
{
    session_respond_error(s, m->seq, m->name, ERROR_INTERNAL, "no debug session yet; send launch or attach first",
                          false);
}

static void answer_too_late(struct session *s, const struct dap_message *m)
{
    if (strcmp(m->name, "disconnect") != 0) {
        session_respond_error(s, m->seq, m->name, ERROR_INTERNAL, "the session is ending", false);
    } else if (s->disconnect_waits) {
        session_respond(s, m->seq, m->name, NULL);
    } else {
        s->disconnect_seq = m->seq;
        s->disconnect_waits = true;
    }
}

/* --- routing --- */

/* What is done with a message of the client's. */
enum verb {
    VERB_FORWARD, /* on to Delve, renumbered */
    VERB_HOLD,    /* kept until Delve is attached to */
    VERB_ANSWER,  /* delvegate answers it itself */
    VERB_SWALLOW  /* nobody waits for it */
};

typedef void answer(struct session *s, const struct dap_message *m);

static const struct {
    const char *command;
    answer *answer;
} own_requests[] = {
    {"initialize", on_initialize}, {"launch", session_on_launch},   {"attach", session_on_launch},
    {"disconnect", on_disconnect}, {"restart", session_on_restart},
};

static enum verb route(const struct session *s, const struct dap_message *m, answer **by)
{
    bool is_request = m->type == DAP_REQUEST;
    *by = NULL;
    if (s->state >= SESSION_ENDING)
        *by = answer_too_late;
    for (size_t i = 0; is_request && !*by && i < sizeof own_requests / sizeof *own_requests; i++)
        if (strcmp(own_requests[i].command, m->name) == 0)
            *by = own_requests[i].answer;
    if (!*by && s->state == SESSION_INITIALIZED)
        *by = answer_too_early;
    if (!*by && s->state == SESSION_RECOVERING && s->loss == SESSION_LOSS_PROGRAM &&
        !dap_journal_is_repeatable(m->name))
        *by = session_answer_recovering;
    if (!*by && session_is_early(s))
        *by = session_answer_early;
    if (!*by && s->state == SESSION_IDLE)
        *by = session_answer_idle;
    if (*by)
        return is_request ? VERB_ANSWER : VERB_SWALLOW;
    if (s->state == SESSION_RECOVERING)
        return is_request ? VERB_HOLD : VERB_SWALLOW;
    return s->state == SESSION_LAUNCHING ? VERB_HOLD : VERB_FORWARD;
}

/* What only a person makes a client ask: of the rest, editors ask by themselves. (Restart and the end are looked after
 * where they are done.) */
static bool is_action(const struct dap_message *m)
{
    static const char *const actions[] = {"continue",        "next",  "stepIn", "stepOut", "stepBack",
                                          "reverseContinue", "pause", "goto"};
    for (size_t i = 0; m->type == DAP_REQUEST && i < sizeof actions / sizeof *actions; i++)
        if (strcmp(actions[i], m->name) == 0)
            return true;
    return false;
}

static void on_message(struct session *s, const struct dap_message *m)
{
    answer *by;
    if (m->type == DAP_REQUEST)
        s->unanswered++;
    if (s->delve && is_action(m))
        delve_wake(s->delve);
    switch (route(s, m, &by)) {
    case VERB_FORWARD:
        session_forward(s, m);
        break;
    case VERB_HOLD:
        session_hold_back(s, m);
        break;
    case VERB_ANSWER:
        by(s, m);
        break;
    case VERB_SWALLOW:
        log_debug(s->subject, "the client's %s has nobody to go to", m->name);
        break;
    }
}

/* --- bytes --- */

/* What does not begin as DAP gets no answer that a cross-protocol attacker could use. */
static void refuse_stranger(struct session *s, const char *why)
{
    static time_t logged;
    time_t now = time(NULL);
    if (logged == 0 || now - logged >= NOISE_S) {
        logged = now;
        log_warning(s->subject, "closed a connection to target %s that is not DAP (%s); more are not logged for %d s",
                    s->target->name, why, NOISE_S);
    }
    client_reset(s->client);
    s->client = NULL;
    session_end(s, "not DAP");
}

static void on_broken(struct session *s, const char *why)
{
    if (s->state == SESSION_NEW) {
        refuse_stranger(s, why);
        return;
    }
    log_warning(s->subject, "the client's stream is broken: %s", why);
    client_reset(s->client);
    s->client = NULL;
    session_end(s, "the client broke the protocol");
}

static void guard_header(struct session *s)
{
    bool first = s->state == SESSION_NEW && dap_decoder_at_boundary(s->decoder);
    bool wanted = first || dap_decoder_in_header(s->decoder);
    if (wanted && !s->header_runs)
        timer_start(s->header, HEADER_MS, 0);
    else if (!wanted)
        timer_stop(s->header);
    s->header_runs = wanted;
}

void session_header_late(void *arg)
{
    struct session *s = arg;
    if (s->client)
        on_broken(s, "no whole header within 5 s");
}

static size_t on_data(void *arg, const char *data, size_t len)
{
    struct session *s = arg;
    struct dap_frame frame;
    struct dap_message m;
    struct err why;
    size_t taken = 0;
    while (s->client) {
        size_t used = 0;
        enum dap_result r = dap_decoder_feed(s->decoder, data + taken, len - taken, &used, &frame);
        taken += used;
        if (r == DAP_MORE) {
            guard_header(s);
            break;
        }
        if (r != DAP_MESSAGE) {
            on_broken(s, dap_decoder_reason(s->decoder));
        } else if (dap_message_scan(&m, frame.body, frame.len, &why) < 0) {
            on_broken(s, why.text);
        } else if (s->state == SESSION_NEW && (m.type != DAP_REQUEST || strcmp(m.name, "initialize") != 0)) {
            refuse_stranger(s, "the first message is not initialize");
        } else {
            on_message(s, &m);
        }
    }
    return taken;
}

static void on_drained(void *arg)
{
    struct session *s = arg;
    if (s->delve)
        delve_pause(s->delve, false);
}

/* What it has asked is served and answered as far as that takes no long time; an editor too ends its side like this,
 * and nobody will ask again what a session does that goes on. */
static void on_half_closed(void *arg)
{
    struct session *s = arg;
    log_debug(s->subject, "the client sends nothing more; requests without an answer: %zu", s->unanswered);
    timer_stop(s->header);
    s->half_closed = true;
    if (s->state < SESSION_ENDING)
        timer_start(s->patience, s->unanswered ? HALF_CLOSED_MS : 0, 0);
}

static void on_closed(void *arg, const char *why)
{
    struct session *s = arg;
    s->client = NULL;
    session_end(s, why);
}

const struct client_handler session_client_events = {
    .data = on_data, .drained = on_drained, .half_closed = on_half_closed, .closed = on_closed};
