#include "proxy/session/session_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dap/build.h"
#include "dap/capabilities.h"
#include "proxy/base/log.h"
#include "proxy/base/state.h"
#include "proxy/session/lingering_close.h"

static const char *const state_names[] = {"new",        "initialized", "launching",  "early",  "overdue", "live",
                                          "recovering", "idle",        "terminated", "ending", "over"};

static const unsigned legal_edges[] = {
    [SESSION_NEW] = STATE_BIT(SESSION_INITIALIZED) | STATE_BIT(SESSION_ENDING),
    [SESSION_INITIALIZED] = STATE_BIT(SESSION_LAUNCHING) | STATE_BIT(SESSION_ENDING),
    [SESSION_LAUNCHING] =
        STATE_BIT(SESSION_EARLY) | STATE_BIT(SESSION_LIVE) | STATE_BIT(SESSION_TERMINATED) | STATE_BIT(SESSION_ENDING),
    [SESSION_EARLY] = STATE_BIT(SESSION_OVERDUE) | STATE_BIT(SESSION_LIVE) | STATE_BIT(SESSION_TERMINATED) |
                      STATE_BIT(SESSION_ENDING),
    [SESSION_OVERDUE] = STATE_BIT(SESSION_LIVE) | STATE_BIT(SESSION_TERMINATED) | STATE_BIT(SESSION_ENDING),
    [SESSION_LIVE] = STATE_BIT(SESSION_RECOVERING) | STATE_BIT(SESSION_TERMINATED) | STATE_BIT(SESSION_ENDING),
    [SESSION_RECOVERING] =
        STATE_BIT(SESSION_LIVE) | STATE_BIT(SESSION_IDLE) | STATE_BIT(SESSION_TERMINATED) | STATE_BIT(SESSION_ENDING),
    [SESSION_IDLE] = STATE_BIT(SESSION_RECOVERING) | STATE_BIT(SESSION_TERMINATED) | STATE_BIT(SESSION_ENDING),
    [SESSION_TERMINATED] = STATE_BIT(SESSION_ENDING),
    [SESSION_ENDING] = STATE_BIT(SESSION_OVER),
    [SESSION_OVER] = 0,
};
static const struct states states = {"", state_names, legal_edges};

int session_count;

void session_set_state(struct session *s, enum session_state state, const char *reason)
{
    /* What never said initialize is no session worth a line: strangers must not fill the log. */
    s->never_initialized = s->never_initialized || (s->state == SESSION_NEW && state == SESSION_ENDING);
    s->state = (enum session_state)state_next(
        &states, s->state, state, s->never_initialized ? CONFIG_LOG_DEBUG : CONFIG_LOG_INFO, s->subject, reason);
}

/* --- toward the client --- */

void session_send(struct session *s, struct buf *out)
{
    if (out->failed)
        log_error(s->subject, "a message to the client could not be built: out of memory or over %d MiB",
                  MESSAGE_MAX >> 20);
    else if (s->client && client_write(s->client, out) && s->delve) /* full: until session_client.c's on_drained */
        delve_pause(s->delve, true);
    buf_free(out);
}

void session_answered(struct session *s)
{
    if (s->unanswered > 0)
        s->unanswered--;
    if (s->unanswered == 0 && s->half_closed)
        timer_start(s->patience, 0, 0); /* not from inside the caller's call */
}

static void on_patience(void *arg)
{
    session_end(arg, "the client closed its connection");
}

void session_respond(struct session *s, int64_t request_seq, const char *command, const json_t *body)
{
    struct buf out;
    buf_init(&out, MESSAGE_MAX);
    dap_build_response(&out, ++s->seq, request_seq, command, body);
    session_send(s, &out);
    session_answered(s);
}

void session_respond_error(struct session *s, int64_t request_seq, const char *command, int id, const char *text,
                           bool show)
{
    struct buf out;
    buf_init(&out, MESSAGE_MAX);
    dap_build_error(&out, ++s->seq, request_seq, command, id, text, show);
    session_send(s, &out);
    session_answered(s);
}

void session_event(struct session *s, const char *event, const json_t *body)
{
    struct buf out;
    buf_init(&out, MESSAGE_MAX);
    dap_build_event(&out, ++s->seq, event, body);
    session_send(s, &out);
}

void session_output(struct session *s, const char *category, const char *text, size_t len)
{
    struct buf out;
    buf_init(&out, MESSAGE_MAX);
    dap_build_output(&out, ++s->seq, category, text, len);
    session_send(s, &out);
}

void session_say(struct session *s, const char *category, const char *text)
{
    struct buf line;
    buf_init(&line, MESSAGE_MAX);
    buf_printf(&line, "%s\n", text);
    if (!line.failed)
        session_output(s, category, line.data, line.len);
    buf_free(&line);
}

/* --- the end --- */

static void session_free(struct session *s)
{
    delve_free(s->delve);
    timer_free(s->header);
    timer_free(s->gone);
    timer_free(s->patience);
    timer_free(s->early);
    dap_queue_free(&s->held);
    dap_decoder_free(s->decoder);
    dap_pending_free(s->reverse);
    session_free_launches(s, true);
    dap_journal_free(s->journal);
    json_decref(s->stopped);
    buf_free(&s->threads);
    session_names_reset(s);
    config_paths_free(&s->paths);
    json_decref(s->initialize_arguments);
    json_decref(s->announced);
    config_unref(s->config);
    free(s);
}

static void on_gone(void *arg)
{
    struct session *s = arg;
    session_set_state(s, SESSION_OVER, "everything has ended");
    s->over(s, s->arg);
    session_free(s);
}

void session_leave(struct session *s)
{
    timer_start(s->gone, 0, 0);
}

void session_terminated(struct session *s)
{
    session_progress(s, NULL); /* VS Code would show it for ever */
    if (!s->terminated_sent)
        session_event(s, "terminated", NULL);
    s->terminated_sent = true;
}

/* Every request that Delve will not answer any more gets its one answer. */
void session_answer_pending(struct session *s, const char *why)
{
    struct dap_asked asked;
    struct dap_message m;
    char *text;
    while (s->delve && delve_take_oldest(s->delve, &asked))
        session_respond_error(s, asked.asker_seq, asked.command, ERROR_INTERNAL, why, false);
    while ((text = dap_queue_take(&s->held, &m))) {
        if (m.type == DAP_REQUEST)
            session_respond_error(s, m.seq, m.name, ERROR_INTERNAL, why, false);
        free(text);
    }
}

const char session_failed_text[] = "it failed";

void session_log_failure(const struct session *s, const char *why)
{
    const char *lead = s->state < SESSION_LIVE ? s->is_attach ? "attach failed: " : "launch failed: " : "";
    for (size_t len; *why; why += len + (why[len] == '\n')) {
        len = strcspn(why, "\n");
        if (len > 0)
            log_warning(s->subject, "%s%.*s", lead, (int)len, why);
        lead = "    ";
    }
}

void session_answer_launch_failed(struct session *s, const char *why)
{
    session_answer_configured(s);
    if (!s->launch_waits)
        return;
    /* What the user has ended himself is no failure to show him. */
    session_respond_error(s, s->launch_seq, s->is_attach ? "attach" : "launch",
                          s->is_attach ? ERROR_ATTACH : ERROR_LAUNCH, why, !s->disconnect_waits);
    s->launch_waits = false;
}

void session_detach_client(struct session *s, const char *why)
{
    if (!s->client)
        return;
    session_answer_launch_failed(s, why);
    session_answer_restart(s, why);
    session_answer_pending(s, why);
    if (s->disconnect_waits)
        session_respond(s, s->disconnect_seq, "disconnect", NULL);
    s->disconnect_waits = false;
    if (s->launch)
        session_terminated(s);
    if (!s->client)
        return;
    const struct lingering_close o = {.seq = s->seq, .subject = s->subject};
    lingering_close_begin(s->loop, s->client, s->decoder, &o);
    s->client = NULL;
    s->decoder = NULL;
}

void session_end(struct session *s, const char *reason)
{
    if (s->state >= SESSION_ENDING)
        return;
    timer_stop(s->header);
    timer_stop(s->patience);
    timer_stop(s->early);
    session_set_state(s, SESSION_ENDING, reason);
    session_answer_launch_failed(s, reason);
    session_answer_restart(s, reason);
    /* The goodbye waits until Delve has had the chance to answer `disconnect`. */
    if (!s->delve || !delve_end(s->delve, s->terminate))
        session_detach_client(s, reason);
    if (!s->delve)
        session_leave(s);
}

struct session *session_new(uv_loop_t *loop, struct config *config, const struct config_target *target,
                            struct target_memory *memory, struct client *client,
                            void (*over)(struct session *s, void *arg), void *arg)
{
    struct session *s = calloc(1, sizeof *s);
    if (!s) {
        client_reset(client);
        return NULL;
    }
    s->loop = loop;
    s->config = config_ref(config);
    s->target = target;
    s->memory = memory;
    s->client = client;
    s->over = over;
    s->arg = arg;
    dap_queue_init(&s->held, HELD_MAX);
    buf_init(&s->threads, THREADS_MAX);
    (void)snprintf(s->subject, sizeof s->subject, "session %d", ++session_count);
    s->decoder = dap_decoder_new(DAP_CLIENT_BODY_MAX, DAP_OVERSIZE_ERROR);
    s->reverse = dap_pending_new();
    s->header = timer_new(loop, session_header_late, s);
    s->gone = timer_new(loop, on_gone, s);
    s->patience = timer_new(loop, on_patience, s);
    s->early = timer_new(loop, session_overdue, s);
    s->journal = dap_journal_new();
    if (!s->early || !s->decoder || !s->reverse || !s->journal || !s->header || !s->gone || !s->patience) {
        client_reset(client);
        session_free(s);
        return NULL;
    }
    log_debug(s->subject, "a client of target %s", target->name);
    timer_start(s->header, HEADER_MS, 0);
    s->header_runs = true;
    client_start(client, &session_client_events, s);
    return s;
}

void session_shutdown(struct session *s, const char *reason)
{
    if (s->state > SESSION_NEW && s->state < SESSION_ENDING)
        session_say(s, "important", reason);
    if (s->state == SESSION_INITIALIZED) /* else it follows the answers */
        session_terminated(s);
    session_end(s, reason);
}

void session_abandon(struct session *s, const char *reason)
{
    session_detach_client(s, reason);
}
