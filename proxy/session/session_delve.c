/* The session's side that faces Delve: what it reports, on its way to the client. */
#include "proxy/session/session_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dap/build.h"
#include "dap/capabilities.h"
#include "dap/paths.h"
#include "dap/utf8.h"
#include "proxy/base/log.h"

enum {
    OUTPUT_CHUNK = 64 * 1024, /* bytes of program output in one event */
    PROGRESS_ID_MAX = 32
};

static void on_say(void *arg, const char *category, const char *text)
{
    session_say(arg, category, text);
}

void session_progress(struct session *s, const char *text)
{
    char id[PROGRESS_ID_MAX];
    bool shows = json_is_true(json_object_get(s->initialize_arguments, "supportsProgressReporting"));
    if (s->in_progress) {
        (void)snprintf(id, sizeof id, "delvegate-%d", s->progress);
        json_t *body = json_pack("{s:s}", "progressId", id);
        session_event(s, "progressEnd", body);
        json_decref(body);
    }
    s->in_progress = text && shows;
    if (text)
        session_say(s, "console", text);
    if (s->in_progress) {
        (void)snprintf(id, sizeof id, "delvegate-%d", ++s->progress);
        json_t *body = json_pack("{s:s,s:s,s:b}", "progressId", id, "title", text, "cancellable", 0);
        session_event(s, "progressStart", body);
        json_decref(body);
    }
}

static void on_waiting(void *arg, const char *text)
{
    session_progress(arg, text);
}

static void on_capabilities(void *arg, const json_t *body)
{
    struct session *s = arg;
    json_t *changed = dap_capabilities_changed(s->announced, body);
    if (changed)
        session_event(s, "capabilities", changed);
    if (changed) {
        json_decref(s->announced);
        s->announced = dap_capabilities_announced(body);
    }
    json_decref(changed);
    json_decref(s->memory->capabilities);
    s->memory->capabilities = json_deep_copy(body);
}

static enum delve_flight on_compose(void *arg, bool same_process)
{
    return session_compose(arg, same_process);
}

static void on_attached(void *arg, bool same_process, enum delve_sent sent)
{
    struct session *s = arg;
    session_free_launches(s, false);
    if (sent == DELVE_SENT_ATTACH)
        session_names_reset(s);
    if (s->state == SESSION_RECOVERING) {
        session_reattached(s, same_process, sent);
        return;
    }
    if (session_is_early(s)) {
        session_attached(s, sent);
        return;
    }
    if (s->state != SESSION_LAUNCHING)
        return;
    session_set_state(s, SESSION_LIVE, "attached");
    session_respond(s, s->launch_seq, s->is_attach ? "attach" : "launch", NULL);
    s->launch_waits = false;
    session_answer_restart(s, NULL);
    session_release_held(s);
}

static void on_broken(void *arg)
{
    session_broken(arg, "the connection to Delve is gone");
}

static void on_lost(void *arg, enum delve_loss loss, const struct err *why)
{
    session_lost(arg, loss == DELVE_LOSS_DELVE ? SESSION_LOSS_PROGRAM : SESSION_LOSS_CONNECTION,
                 loss == DELVE_LOSS_CONNECTION, why->text);
}

static void on_idle(void *arg, const struct err *why)
{
    session_idle(arg, why->text);
}

static bool on_holds_breakpoints(void *arg)
{
    const struct session *s = arg;
    return dap_journal_has_breakpoints(s->journal);
}

static int map_to_client(void *arg, const char *path, struct buf *out)
{
    struct session *s = arg;
    char *mapped = config_paths_to_client(&s->paths, path);
    if (!mapped)
        return 0;
    buf_puts(out, mapped);
    free(mapped);
    return out->failed ? -1 : 1;
}

static void drop_message(struct session *s, const struct dap_message *m, const struct dap_asked *asked, bool is_too_big)
{
    const char *why =
        is_too_big
            ? "Delve's answer contains more paths and handles than delvegate can translate; request less at a time"
            : "delvegate ran out of memory";
    log_error(s->subject, "a message from Delve (%s) is dropped: %s", m->name, why);
    if (asked)
        session_respond_error(s, asked->asker_seq, asked->command, ERROR_INTERNAL, why, false);
}

static void forward(struct session *s, const struct dap_message *m, const struct dap_asked *asked)
{
    struct dap_edits edits;
    struct buf out;
    dap_edits_init(&edits);
    buf_init(&out, MESSAGE_MAX);
    int64_t seq = s->seq + 1;
    int r = dap_edits_add_int(&edits, m->seq_at, seq);
    if (r == 0 && asked)
        r = dap_edits_add_int(&edits, m->request_seq_at, asked->asker_seq);
    if (r == 0)
        r = dap_journal_from_delve(s->journal, m, asked, &edits);
    if (r == 0 && s->paths.count && dap_paths_carried(m, DAP_TO_CLIENT))
        r = dap_paths_edit(m, DAP_TO_CLIENT, map_to_client, s, &edits);
    if (r == 0 && m->type == DAP_REQUEST) {
        struct dap_asked reverse = {.seq = seq, .asker_seq = m->seq};
        (void)snprintf(reverse.command, sizeof reverse.command, "%s", m->name);
        r = dap_pending_add(s->reverse, &reverse);
    }
    if (r == 0)
        r = dap_message_write(m, &edits, &out, NULL);
    bool is_too_big = edits.is_full;
    dap_edits_free(&edits);
    if (r == 0) {
        s->seq = seq;
        session_send(s, &out);
        session_names_watch(s, m, asked);
        if (asked)
            session_answered(s);
        return;
    }
    buf_free(&out);
    drop_message(s, m, asked, is_too_big);
}

static void name(struct session *s, const struct dap_message *m, const struct dap_asked *asked)
{
    (void)asked;
    session_names_answered(s, m);
}

static void run(struct session *s, const struct dap_message *m, const struct dap_asked *asked)
{
    s->is_stopped = false;
    forward(s, m, asked);
}

static void stop(struct session *s, const struct dap_message *m, const struct dap_asked *asked)
{
    if (session_note_stop(s, m))
        forward(s, m, asked);
}

static void keep(struct session *s, const struct dap_message *m, const struct dap_asked *asked)
{
    session_keep_threads(s, m);
    forward(s, m, asked);
}

static void drop(struct session *s, const struct dap_message *m, const struct dap_asked *asked)
{
    (void)asked;
    log_debug(s->subject, "Delve's %s is not for the client", m->name);
}

typedef void verb(struct session *s, const struct dap_message *m, const struct dap_asked *asked);

static verb *const verbs[DELVE_VERBS] = {
    [DELVE_VERB_REPLAY] = session_replayed,
    [DELVE_VERB_NAME] = name,
    [DELVE_VERB_RUN] = run,
    [DELVE_VERB_STOP] = stop,
    [DELVE_VERB_KEEP] = keep,
    [DELVE_VERB_FORWARD] = forward,
    [DELVE_VERB_DROP] = drop,
};

static void on_message(void *arg, const struct dap_message *m, const struct dap_asked *asked)
{
    struct session *s = arg;
    enum from_delve kind = route_kind_from_delve(m, asked);
    enum delve_verb chosen = route_from_delve(s->state, s->loss, kind);
    bool is_own = kind == FROM_DELVE_REPLAYED || kind == FROM_DELVE_NAMES;
    assert(verbs[chosen]);
    if (s->client || is_own)
        verbs[chosen](s, m, asked);
}

static void on_skipped(void *arg, const struct dap_asked *asked, size_t length)
{
    struct session *s = arg;
    char text[256];
    dap_journal_drop(s->journal, asked->asker_seq);
    (void)snprintf(
        text, sizeof text,
        "Delve's answer of %zu bytes exceeds delvegate's limit of %d MiB and was dropped; request less at a time",
        length, DAP_DELVE_BODY_MAX >> 20);
    session_respond_error(s, asked->asker_seq, asked->command, ERROR_INTERNAL, text, false);
}

void session_resume_reading(struct session *s)
{
    if (s->client)
        client_pause(s->client, false);
}

static void on_delve_drained(void *arg)
{
    session_resume_reading(arg);
}

/* Sends text on up to its last whole character and keeps the rest for the next time. */
static void on_output(void *arg, enum channel_source source, const char *data, size_t len)
{
    struct session *s = arg;
    int which = source == CHANNEL_STDERR;
    const char *category = which ? "stderr" : "stdout";
    char *rest = s->rest[which];
    struct buf text;
    buf_init(&text, MESSAGE_MAX);
    while (len > 0) {
        size_t n = len < OUTPUT_CHUNK ? len : OUTPUT_CHUNK;
        buf_clear(&text);
        buf_append(&text, rest, s->rest_len[which]);
        buf_append(&text, data, n);
        data += n;
        len -= n;
        if (text.failed)
            break;
        size_t whole = dap_utf8_whole(text.data, text.len);
        if (whole)
            session_output(s, category, text.data, whole);
        s->rest_len[which] = text.len - whole;
        memcpy(rest, text.data + whole, s->rest_len[which]);
    }
    if (text.failed)
        log_error(s->subject, "out of memory: part of the program's output is lost");
    buf_free(&text);
}

void session_flush_output(struct session *s)
{
    for (int which = 0; which < 2; which++) {
        if (s->rest_len[which])
            session_output(s, which ? "stderr" : "stdout", s->rest[which], s->rest_len[which]);
        s->rest_len[which] = 0;
    }
}

static void send_exited(struct session *s, int exit_code)
{
    json_t *body = json_pack("{s:i}", "exitCode", exit_code);
    session_event(s, "exited", body);
    json_decref(body);
}

static void on_exited(void *arg, bool known, int exit_code)
{
    struct session *s = arg;
    session_flush_output(s);
    if (s->state >= SESSION_TERMINATED)
        return;
    if (known)
        send_exited(s, exit_code);
    session_answer_begun(s);
    session_set_state(s, SESSION_TERMINATED, "the program has ended");
    session_answer_restart(s, "the program has ended");
    session_terminated(s);
    /* Nothing is left to debug; a Delve that the user started stays, with what it can still tell. */
    if (s->launch->plan->mode != DELVE_REMOTE && !delve_end(s->delve, false))
        session_answer_pending(s, "the program has ended");
}

static void on_failed(void *arg, const struct err *why)
{
    struct session *s = arg;
    session_log_failure(s, why->text);
    session_resume_reading(s);
    if (s->state >= SESSION_TERMINATED) {
        session_answer_pending(s, why->text);
        return;
    }
    session_flush_output(s);
    if (s->launch_waits)
        session_answer_launch_failed(s, why->text);
    else
        session_say(s, "important", why->text);
    if (session_is_early(s) && s->traits->begins == DAP_BEGINS_EARLY)
        send_exited(s, EXIT_FAILURE); /* its launch has been answered: this is how it fails */
    session_answer_restart(s, why->text);
    session_answer_pending(s, why->text);
    session_set_state(s, SESSION_TERMINATED, session_failed_text);
    session_terminated(s);
}

static void on_disconnected(void *arg)
{
    struct session *s = arg;
    session_resume_reading(s);
    if (s->state == SESSION_ENDING)
        session_detach_client(s, "the session has ended");
    else
        session_answer_pending(s, "the program has ended");
}

static void on_ended(void *arg)
{
    struct session *s = arg;
    delve_free(s->delve);
    s->delve = NULL;
    if (s->state != SESSION_ENDING)
        return; /* the client has yet to disconnect */
    session_detach_client(s, "the session has ended");
    session_leave(s);
}

const struct delve_handler session_delve_events = {
    .say = on_say,
    .waiting = on_waiting,
    .capabilities = on_capabilities,
    .compose = on_compose,
    .attached = on_attached,
    .broken = on_broken,
    .lost = on_lost,
    .idle = on_idle,
    .holds_breakpoints = on_holds_breakpoints,
    .message = on_message,
    .skipped = on_skipped,
    .drained = on_delve_drained,
    .output = on_output,
    .exited = on_exited,
    .failed = on_failed,
    .disconnected = on_disconnected,
    .ended = on_ended,
};
