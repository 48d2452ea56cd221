/* The session's side that faces the client: its bytes and its end. What is done with its messages is in
 * session_verbs.c. */
#include "proxy/session/session_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proxy/base/log.h"

enum {
    HALF_CLOSED_MS = 15 * 1000, /* for the answers to all that a client had asked when it closed its sending side */
    NOISE_S = 60                /* what does not begin as DAP is logged at most this often */
};

static int append(struct buf *out, char *mapped)
{
    if (!mapped)
        return 0;
    buf_puts(out, mapped);
    free(mapped);
    return out->failed ? -1 : 1;
}

int session_map_path(void *arg, const char *path, struct buf *out)
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

/* --- bytes --- */

/* What does not begin as DAP gets no answer that a cross-protocol attacker could use. */
static void refuse_client(struct session *s, const char *why)
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

void session_reject(struct session *s, const struct dap_message *m)
{
    (void)m;
    refuse_client(s, "the first message is not initialize");
}

static void on_broken(struct session *s, const char *why)
{
    if (s->state == SESSION_NEW) {
        refuse_client(s, why);
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
        on_broken(s, "no complete header within 5 s");
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
        } else {
            session_on_message(s, &m);
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
    log_debug(s->subject, "the client has closed its side of the connection; unanswered requests: %zu", s->unanswered);
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
