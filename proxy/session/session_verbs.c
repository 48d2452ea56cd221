/* What is done with a client's message: one function for each verb of routes.h. Those that begin a launch or a restart
 * are in session_launch.c, those of a client that does not wait for Delve in session_early.c. */
#include "proxy/session/session_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dap/capabilities.h"
#include "dap/paths.h"
#include "dap/tree.h"
#include "proxy/base/log.h"

enum { REASON_MAX = 128 };

/* --- to Delve, now or later --- */

static void refuse_forward(struct session *s, const struct dap_message *m, enum delve_client_result result)
{
    char text[256];
    if (m->type != DAP_REQUEST)
        return;
    if (result == DELVE_CLIENT_TOO_BIG)
        (void)snprintf(text, sizeof text, "%s of %zu bytes exceeds the %d MiB that Delve accepts; send less at a time",
                       m->name, m->len, DAP_DELVE_REQUEST_MAX >> 20);
    else if (s->state == SESSION_TERMINATED)
        (void)snprintf(text, sizeof text, "the program has ended");
    else
        (void)snprintf(text, sizeof text, "%d requests are waiting for Delve's answer; wait for some of them",
                       DAP_PENDING_MAX);
    session_respond_error(s, m->seq, m->name, ERROR_INTERNAL, text, false);
}

/* Returns 0, 1 with *why when it is not to be sent, -1 when memory ran out. */
static int translate(struct session *s, const struct dap_message *m, struct dap_edits *edits, struct err *why)
{
    struct dap_asked reverse;
    int r = dap_journal_request(s->journal, m, edits, why);
    if (r == 0 && m->type == DAP_RESPONSE) {
        if (!dap_pending_take(s->reverse, m->request_seq, &reverse)) {
            err_set(why, "the client answered a request that was never sent (%s)", m->name);
            return 1;
        }
        r = dap_edits_add_int(edits, m->request_seq_at, reverse.asker_seq);
    }
    if (r == 0 && s->paths.count && dap_paths_carried(m, DAP_TO_DELVE))
        r = dap_paths_edit(m, DAP_TO_DELVE, session_map_name, s, edits);
    return r;
}

void session_forward(struct session *s, const struct dap_message *m)
{
    struct dap_edits edits;
    struct err why;
    enum delve_client_result result = DELVE_CLIENT_TOO_MANY;
    dap_edits_init(&edits);
    int r = translate(s, m, &edits, &why);
    if (r == 0 && s->delve)
        result = delve_forward(s->delve, DAP_ASKER_CLIENT, m, &edits);
    dap_edits_free(&edits);
    if (r > 0 && m->type == DAP_REQUEST) {
        session_respond_error(s, m->seq, m->name, ERROR_INTERNAL, why.text, false);
    } else if (r > 0) {
        log_debug(s->subject, "%s", why.text);
    } else if (result == DELVE_CLIENT_FULL) {
        if (s->client)
            client_pause(s->client, true);
    } else if (result != DELVE_CLIENT_SENT) {
        dap_journal_drop(s->journal, m->seq);
        refuse_forward(s, m, result);
    }
}

void session_hold(struct session *s, const struct dap_message *m)
{
    if (dap_queue_add(&s->held, m) == 0)
        return;
    if (m->type != DAP_REQUEST)
        log_warning(s->subject, "the client's %s is dropped: too many messages wait for Delve", m->name);
    else
        session_respond_error(s, m->seq, m->name, ERROR_INTERNAL,
                              "too many requests while Delve is being started; wait for their answers", false);
}

void session_release_held(struct session *s)
{
    struct dap_message m;
    char *text;
    while (s->state == SESSION_LIVE && (text = dap_queue_take(&s->held, &m))) {
        session_forward(s, &m);
        free(text);
    }
}

/* --- refused, or not for Delve --- */

static void refuse(struct session *s, const struct dap_message *m)
{
    session_respond_error(s, m->seq, m->name, ERROR_INTERNAL, route_refusal(s->state), false);
}

static void twice(struct session *s, const struct dap_message *m)
{
    if (strcmp(m->name, "initialize") == 0)
        session_respond_error(s, m->seq, m->name, ERROR_INITIALIZE, "initialize was sent twice", true);
    else
        session_respond_error(s, m->seq, m->name, strcmp(m->name, "attach") == 0 ? ERROR_ATTACH : ERROR_LAUNCH,
                              "this session has already been launched or attached", true);
}

static void drop(struct session *s, const struct dap_message *m)
{
    log_debug(s->subject, "the client's %s has no recipient", m->name);
}

/* --- answered by delvegate --- */

int session_arguments(const struct dap_message *m, json_t **arguments, struct err *why)
{
    int r = dap_tree_payload(m, DAP_TREE_ARGUMENTS, arguments, why);
    if (r == 0 && !*arguments)
        *arguments = json_object();
    if (r == 0 && !*arguments)
        r = err_set(why, "out of memory");
    return r == 0 ? 0 : err_prefix(why, "%s: ", m->name);
}

/* What of initialize's arguments can't be done; NULL: nothing. */
static const char *unsupported(const json_t *arguments)
{
    const json_t *format = json_object_get(arguments, "pathFormat");
    if (format && (!json_is_string(format) || strcmp(json_string_value(format), "path") != 0))
        return "unsupported pathFormat; only \"path\" is supported";
    if (json_is_false(json_object_get(arguments, "linesStartAt1")))
        return "only 1-based line numbers are supported (linesStartAt1)";
    if (json_is_false(json_object_get(arguments, "columnsStartAt1")))
        return "only 1-based column numbers are supported (columnsStartAt1)";
    return NULL;
}

static void begin(struct session *s, const struct dap_message *m)
{
    struct err why;
    json_t *arguments;
    char reason[REASON_MAX];
    const char *wrong = session_arguments(m, &arguments, &why) < 0 ? why.text : unsupported(arguments);
    if (wrong) {
        session_respond_error(s, m->seq, m->name, ERROR_INITIALIZE, wrong, true);
        json_decref(arguments);
        return;
    }
    s->initialize_arguments = dap_capabilities_of_client(arguments);
    json_decref(arguments);
    s->announced = dap_capabilities_announced(s->memory->capabilities);
    s->traits = dap_client_traits(s->initialize_arguments);
    (void)snprintf(reason, sizeof reason, "initialize, by a client of target %s", s->target->name);
    session_set_state(s, SESSION_INITIALIZED, reason);
    session_respond(s, m->seq, m->name, s->announced);
    /* The machine is reached while the client makes up its launch request. */
    s->delve = delve_new(s->loop, s->config, s->target, s->subject, &session_delve_events, s);
}

static void answer_empty(struct session *s, const struct dap_message *m)
{
    json_t *body = json_pack("{s:[]}", "threads");
    session_respond(s, m->seq, m->name, body);
    json_decref(body);
}

static void note(struct session *s, const struct dap_message *m)
{
    struct err why;
    bool is_early = session_is_early(s);
    err_set(&why, "%s", route_refusal(s->state));
    json_t *body = is_early ? dap_journal_answer_early(s->journal, m, &why) : dap_journal_answer_alone(s->journal, m);
    if (body) {
        session_respond(s, m->seq, m->name, body);
        if (is_early && s->delve && dap_journal_is_configured(s->journal))
            delve_changed(s->delve);
    } else {
        session_respond_error(s, m->seq, m->name, ERROR_INTERNAL, why.text, false);
    }
    json_decref(body);
}

static void end(struct session *s, const struct dap_message *m)
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

/* The first one is answered once Delve is ended, a further one at once. */
static void say_goodbye(struct session *s, const struct dap_message *m)
{
    if (s->disconnect_waits) {
        session_respond(s, m->seq, m->name, NULL);
        return;
    }
    s->disconnect_seq = m->seq;
    s->disconnect_waits = true;
}

/* --- the choice --- */

typedef void verb(struct session *s, const struct dap_message *m);

static verb *const verbs[CLIENT_VERBS] = {
    [CLIENT_VERB_REJECT] = session_reject,
    [CLIENT_VERB_BEGIN] = begin,
    [CLIENT_VERB_LAUNCH] = session_on_launch,
    [CLIENT_VERB_TWICE] = twice,
    [CLIENT_VERB_END] = end,
    [CLIENT_VERB_GOODBYE] = say_goodbye,
    [CLIENT_VERB_RESTART] = session_on_restart,
    [CLIENT_VERB_DECLINE] = session_decline_restart,
    [CLIENT_VERB_TERMINATE] = session_terminate_early,
    [CLIENT_VERB_CONFIGURE] = session_configure_early,
    [CLIENT_VERB_NOTE] = note,
    [CLIENT_VERB_EMPTY] = answer_empty,
    [CLIENT_VERB_HOLD] = session_hold_back,
    [CLIENT_VERB_FORWARD] = session_forward,
    [CLIENT_VERB_REFUSE] = refuse,
    [CLIENT_VERB_DROP] = drop,
};

void session_route(struct session *s, const struct dap_message *m)
{
    enum client_verb chosen = route_from_client(s->state, s->loss, route_kind_from_client(m));
    assert(verbs[chosen]);
    verbs[chosen](s, m);
}

void session_on_message(struct session *s, const struct dap_message *m)
{
    if (m->type == DAP_REQUEST)
        s->unanswered++;
    if (s->delve && route_kind_from_client(m) == FROM_CLIENT_ACTION)
        delve_wake(s->delve);
    session_route(s, m);
}
