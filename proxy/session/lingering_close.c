#include "proxy/session/lingering_close.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dap/build.h"
#include "dap/message.h"
#include "proxy/base/log.h"
#include "proxy/base/timer.h"

enum {
    LINGERING_CLOSE_MS = 3000, /* for the client to close; VS Code waits 2 s for an answer to `disconnect` */
    SUBJECT_MAX = 64,
    ANSWER_MAX = 8 * ERR_TEXT_MAX, /* a text of which much is escaped */
    ERROR_INTERNAL = 8888          /* Delve's service/dap/error_ids.go */
};

struct lingering {
    struct lingering_close o;
    char subject[SUBJECT_MAX];
    struct client *client; /* NULL once it is gone */
    struct dap_decoder *decoder;
    struct timer *over;
    bool reading; /* inside on_data: memory is freed when it returns */
};

static void destroy(struct lingering *f)
{
    dap_decoder_free(f->decoder);
    timer_free(f->over);
    free(f);
}

static void finish(struct lingering *f)
{
    if (f->client)
        client_end(f->client);
    f->client = NULL;
    if (!f->reading)
        destroy(f);
}

static void on_over(void *arg)
{
    finish(arg);
}

/* What a client shows an error of. */
static bool asks_for_session(const char *command)
{
    return strcmp(command, "initialize") == 0 || strcmp(command, "launch") == 0 || strcmp(command, "attach") == 0;
}

/* Returns false when it was the last answer. */
static bool answer(struct lingering *f, const struct dap_message *m)
{
    struct buf out;
    bool is_disconnect = strcmp(m->name, "disconnect") == 0;
    buf_init(&out, ANSWER_MAX);
    log_debug(f->subject, "the client sent %s after the session's end", m->name);
    if (is_disconnect)
        dap_build_response(&out, ++f->o.seq, m->seq, m->name, NULL);
    else
        dap_build_error(&out, ++f->o.seq, m->seq, m->name, ERROR_INTERNAL,
                        f->o.text ? f->o.text : "the session has ended", f->o.shown && asks_for_session(m->name));
    bool has_memory = !out.failed;
    if (has_memory && client_write(f->client, &out))
        client_pause(f->client, true);
    buf_free(&out);
    /* Where there was no session, disconnect is the client's goodbye. */
    return has_memory && !(f->o.text && is_disconnect);
}

static size_t on_data(void *arg, const char *data, size_t len)
{
    struct lingering *f = arg;
    struct dap_frame frame;
    struct dap_message m;
    struct err why;
    bool goes_on = true;
    f->reading = true;
    for (size_t at = 0, used = 0; f->client && goes_on; at += used) {
        enum dap_result r = dap_decoder_feed(f->decoder, data + at, len - at, &used, &frame);
        if (r == DAP_MORE)
            break;
        if (r != DAP_MESSAGE || dap_message_scan(&m, frame.body, frame.len, &why) < 0)
            goes_on = false;
        else if (m.type == DAP_REQUEST)
            goes_on = answer(f, &m);
    }
    f->reading = false;
    if (!f->client || !goes_on)
        finish(f);
    return len;
}

static void on_drained(void *arg)
{
    struct lingering *f = arg;
    client_pause(f->client, false);
}

static void on_half_closed(void *arg)
{
    finish(arg);
}

static void on_closed(void *arg, const char *why)
{
    struct lingering *f = arg;
    (void)why;
    f->client = NULL;
    finish(f);
}

static const struct client_handler events = {
    .data = on_data, .drained = on_drained, .half_closed = on_half_closed, .closed = on_closed};

void lingering_close_begin(uv_loop_t *loop, struct client *client, struct dap_decoder *decoder,
                           const struct lingering_close *o)
{
    struct lingering *f = client_has_ended(client) ? NULL : calloc(1, sizeof *f);
    if (f)
        f->over = timer_new(loop, on_over, f);
    if (!f || !f->over) {
        free(f);
        dap_decoder_free(decoder);
        client_end(client);
        return;
    }
    f->o = *o;
    (void)snprintf(f->subject, sizeof f->subject, "%s", o->subject);
    f->client = client;
    f->decoder = decoder;
    timer_start(f->over, LINGERING_CLOSE_MS, 0);
    client_start(client, &events, f);
    client_pause(client, false);
}
