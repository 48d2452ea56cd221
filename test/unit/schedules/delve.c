/* A Delve and a program that answer as the real ones do, and the link and connections to them; what they hold delvegate
 * to. */
#include "test/unit/schedules/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/timer.h"

enum {
    REFUSAL = 30, /* one attach in so many is refused, one connection closed at once */
    DEAF = 30,    /* one connection in so many has a request that is never answered */
    BEAT_MS = 5000,
    MISSED_MAX = 9
};

/* --- channels to Delve's port --- */

static void send_json(struct channel *c, json_t *message);

static void notify_opened(struct channel *c)
{
    if (!c->opened && c->handler->opened)
        c->handler->opened(c->arg);
    c->opened = true;
}

static void deliver(void *arg, const struct event *e)
{
    struct channel *c = arg;
    if ((!c->handler || c->early.len) && e->len)
        buf_append(&c->early, e->text, e->len);
    if (c->early.failed)
        broken("too much is said in a flight");
    if (!c->handler)
        return;
    notify_opened(c);
    if (c->closed || c->ended)
        return;
    if (c->early.len) {
        size_t len = c->early.len;
        char *text = buf_take(&c->early);
        c->handler->data(c->arg, text, len);
        free(text);
    } else if (e->len) {
        c->handler->data(c->arg, e->text, e->len);
    }
}

static void forget(struct channel *c)
{
    for (struct channel **at = &c->host->channels; *at; at = &(*at)->next)
        if (*at == c) {
            *at = c->next;
            break;
        }
    lane_free(c->lane);
    timer_free(c->beat);
    dap_decoder_free(c->decoder);
    flight_free(c->flight);
    buf_free(&c->early);
    free(c);
}

void end_channel(void *arg, const struct event *e)
{
    struct channel *c = arg;
    struct err why = {{0}};
    enum channel_end end = CHANNEL_CLOSED;
    if (!c->handler) {
        c->early_end = e->number + 1;
        return;
    }
    notify_opened(c);
    const struct channel_handler *h = c->handler;
    void *to = c->arg;
    if (e->number == CUT_EOF && !c->ended && h->eof) {
        c->ended = true;
        lane_post(c->lane, end_channel, c, NULL, 0, CUT_CLOSED);
        h->eof(to);
        return;
    }
    if (e->number == CUT_BROKEN || e->number == CUT_UNREACHED) {
        err_set(&why, e->number == CUT_BROKEN ? "Connection reset by peer" : "Connection refused");
        end = e->number == CUT_BROKEN ? CHANNEL_BROKEN : CHANNEL_UNREACHED;
    }
    forget(c);
    h->closed(to, &why, end);
}

void close_all(struct host *m)
{
    for (struct channel *c = m->channels; c; c = c->next) {
        if (c->stream != ORDER_STREAM_CONNECT && c->stream != ORDER_STREAM_DAP)
            continue;
        if (!c->lost)
            lane_post(c->lane, end_channel, c, NULL, 0, (int)draw(CUTS));
        c->lost = true;
    }
}

void notify_event(struct channel *c, const char *name, json_t *body)
{
    send_json(c, json_pack("{s:s,s:s,s:o}", "type", "event", "event", name, "body", body ? body : json_object()));
}

/* The one DAP connection that tells of stops: the newest that is attached. */
struct channel *teller(const struct host *m)
{
    for (struct channel *c = m->channels; c; c = c->next)
        if (c->attached && !c->lost)
            return c;
    return NULL;
}

static void new_stop(struct host *m)
{
    m->program = PROGRAM_HALTED;
    for (struct channel *c = m->channels; c; c = c->next)
        c->next_handle = FIRST_HANDLE;
}

void notify_stop(struct host *m, const char *reason)
{
    struct channel *c = teller(m);
    new_stop(m);
    if (!c)
        return;
    json_t *body = json_pack("{s:s,s:i,s:b}", "reason", reason, "threadId", 1, "allThreadsStopped", 1);
    int source = (int)draw(2);
    if (strcmp(reason, "breakpoint") == 0 && m->line_count[source]) {
        int which = (int)draw((unsigned)m->line_count[source]);
        json_object_set_new(body, "hitBreakpointIds", json_pack("[i]", m->ids[source][which]));
        json_object_set_new(body, "line", json_integer(m->lines[source][which]));
    }
    notify_event(c, "stopped", body);
}

static void respond(struct channel *c, const json_t *request, json_t *body, const char *error)
{
    json_t *answer = json_pack("{s:s,s:O,s:O,s:b}", "type", "response", "request_seq", json_object_get(request, "seq"),
                               "command", json_object_get(request, "command"), "success", error == NULL);
    if (error) {
        json_decref(body);
        body = json_pack("{s:{s:i,s:s}}", "error", "id", 1, "format", error);
    }
    json_object_set_new(answer, "body", body ? body : json_object());
    send_json(c, answer);
}

static void set_breakpoints(struct channel *c, const json_t *request, const json_t *arguments)
{
    struct host *m = c->host;
    const char *path = json_string_value(json_object_get(json_object_get(arguments, "source"), "path"));
    int source = path && strcmp(path, "/src/1.go") == 0;
    const json_t *list = json_object_get(arguments, "breakpoints"), *bp;
    json_t *answer = json_array();
    size_t i;
    m->line_count[source] = 0;
    json_array_foreach(list, i, bp)
    {
        int at = m->line_count[source]++;
        m->lines[source][at] = (int)json_integer_value(json_object_get(bp, "line"));
        m->ids[source][at] = ++m->next_id;
        json_array_append_new(
            answer, json_pack("{s:i,s:b,s:i}", "id", m->ids[source][at], "verified", 1, "line", m->lines[source][at]));
    }
    respond(c, request, json_pack("{s:o}", "breakpoints", answer), NULL);
}

static void check_handle(const struct channel *c, const char *command, json_int_t handle, const char *owner)
{
    if (!owner || strcmp(owner, c->owner) != 0)
        broken("%s with handle %lld of %s reached %s", command, (long long)handle, owner ? owner : "nobody", c->owner);
    if (handle < FIRST_HANDLE || handle >= FIRST_HANDLE + LINES_MAX * LINES_MAX)
        broken("%s: handle %lld is none of Delve's", command, (long long)handle);
}

static void disconnect(struct channel *c, const json_t *request, const json_t *arguments)
{
    struct host *m = c->host;
    bool ends = json_is_true(json_object_get(arguments, "terminateDebuggee"));
    if (m->kind == KIND_LAUNCH && !ends)
        broken("a program that delvegate has started is not ended with its session");
    if (m->kind != KIND_LAUNCH && ends && !m->may_end)
        broken("what delvegate has not started is ended, and the user has not asked for that");
    respond(c, request, NULL, NULL);
    notify_event(c, "terminated", NULL);
    if (m->kind == KIND_ATTACH)
        m->program = ends || m->program == PROGRAM_EXITED ? PROGRAM_EXITED : PROGRAM_RUNNING;
    if (m->kind == KIND_REMOTE && ends) {
        close_all(m);
        m->delve_on = false;
    }
}

static const char *refusal(struct host *m)
{
    if (m->program == PROGRAM_EXITED)
        return "Failed to attach: Process 1 has exited with status 7";
    return fault(m, REFUSAL) ? "Failed to attach: could not halt the process" : NULL;
}

static void serve(struct channel *c, const json_t *request)
{
    struct host *m = c->host;
    const char *command = json_string_value(json_object_get(request, "command"));
    const json_t *arguments = json_object_get(request, "arguments");
    const char *owner = json_string_value(json_object_get(arguments, "owner"));
    bool running = m->program == PROGRAM_RUNNING;
    if (c->is_deaf || (c->deaf_to && strcmp(command, c->deaf_to) == 0)) {
        c->is_deaf = true; /* one after the other: what comes behind it waits */
        return;
    }
    if (strcmp(command, "initialize") == 0) {
        respond(c, request, json_pack("{s:b}", "supportsStepBack", draw(2)), NULL);
    } else if (strcmp(command, "attach") == 0) {
        const char *why = refusal(m);
        if (why) {
            respond(c, request, NULL, why);
            return;
        }
        new_stop(m);
        c->stops_on_entry = json_is_true(json_object_get(arguments, "stopOnEntry"));
        c->attached = true;
        notify_event(c, "initialized", NULL);
        respond(c, request, NULL, NULL);
    } else if (strcmp(command, "configurationDone") == 0) {
        respond(c, request, NULL, NULL);
        if (c->stops_on_entry)
            notify_stop(m, "entry");
        else if (m->program == PROGRAM_HALTED)
            m->program = PROGRAM_RUNNING;
    } else if (strcmp(command, "setBreakpoints") == 0) {
        set_breakpoints(c, request, arguments);
    } else if (strncmp(command, "set", 3) == 0) {
        respond(c, request, json_pack("{s:[]}", "breakpoints"), NULL);
    } else if (strcmp(command, "threads") == 0) {
        respond(c, request, json_pack("{s:[]}", "threads"), NULL);
    } else if (strcmp(command, "pause") == 0) {
        respond(c, request, NULL, NULL);
        if (running)
            notify_stop(m, "pause");
    } else if (strcmp(command, "disconnect") == 0) {
        disconnect(c, request, arguments);
    } else if (running || m->program == PROGRAM_EXITED) {
        respond(c, request, NULL, "Unable to process: debuggee is running");
    } else if (strcmp(command, "continue") == 0 || strcmp(command, "next") == 0) {
        m->program = PROGRAM_RUNNING;
        respond(c, request, NULL, NULL);
    } else if (strcmp(command, "stackTrace") == 0) {
        json_int_t id = c->next_handle++;
        respond(c, request,
                json_pack("{s:[{s:I,s:s,s:s}]}", "stackFrames", "id", id, "name", "main.main", "owner", c->owner),
                NULL);
    } else if (strcmp(command, "scopes") == 0) {
        check_handle(c, command, json_integer_value(json_object_get(arguments, "frameId")), owner);
        respond(c, request,
                json_pack("{s:[{s:s,s:I,s:s}]}", "scopes", "name", "Locals", "variablesReference", c->next_handle++,
                          "owner", c->owner),
                NULL);
    } else if (strcmp(command, "variables") == 0) {
        check_handle(c, command, json_integer_value(json_object_get(arguments, "variablesReference")), owner);
        respond(c, request,
                json_pack("{s:[{s:s,s:s,s:i}]}", "variables", "name", "x", "value", "1", "variablesReference", 0),
                NULL);
    } else if (strcmp(command, "evaluate") == 0) {
        respond(c, request,
                json_pack("{s:s,s:I,s:s}", "result", "1", "variablesReference",
                          draw(2) ? c->next_handle++ : (json_int_t)0, "owner", c->owner),
                NULL);
    } else {
        respond(c, request, NULL, "Unsupported command");
    }
}

static void on_request(struct channel *c, const char *text, size_t len)
{
    json_t *request = json_loadb(text, len, 0, NULL);
    if (!request)
        broken("Delve got what is no JSON: %.*s", (int)len, text);
    json_int_t seq = json_integer_value(json_object_get(request, "seq"));
    if (seq != c->got + 1)
        broken("Delve got seq %lld after %lld", (long long)seq, (long long)c->got);
    c->got = seq;
    if (!c->host->dap_silent)
        serve(c, request);
    json_decref(request);
}

static void send_json(struct channel *c, json_t *message)
{
    struct buf out;
    char *text;
    json_object_set_new(message, "seq", json_integer(draw(2) ? ++c->seq : 0));
    text = json_dumps(message, JSON_COMPACT);
    json_decref(message);
    if (!text)
        broken("out of memory");
    buf_init(&out, FRAME_MAX);
    buf_printf(&out, "Content-Length: %zu\r\n\r\n%s", strlen(text), text);
    if (out.failed)
        broken("out of memory");
    if (c->flight)
        flight_heard(c->flight, out.data, out.len);
    lane_post(c->lane, deliver, c, out.data, out.len, 0);
    buf_free(&out);
    free(text);
}

static void serve_bytes(struct channel *c, const char *data, size_t len)
{
    struct dap_frame frame;
    struct host *m = c->host;
    if (!m->delve_on || c->lost || c->ended)
        return; /* nobody reads it */
    if (!c->decoder) {
        c->decoder = dap_decoder_new(DAP_DELVE_REQUEST_MAX, DAP_OVERSIZE_ERROR);
        (void)snprintf(c->owner, sizeof c->owner, "delve %d.%d", m->generation, ++m->connections);
        c->deaf_to = fault(m, DEAF) ? (draw(2) ? "initialize" : "attach") : NULL;
    }
    while (len) {
        size_t used = 0;
        enum dap_result r = dap_decoder_feed(c->decoder, data, len, &used, &frame);
        data += used;
        len -= used;
        if (r == DAP_MESSAGE)
            on_request(c, frame.body, frame.len);
        else if (r != DAP_MORE)
            broken("Delve got what is not DAP: %s", dap_decoder_reason(c->decoder));
    }
}

/* What was sent finds the channel by its number: it may be closed by now. */
static struct channel *sent_on(struct host *m, int id)
{
    m->waiting--;
    for (struct channel *c = m->channels; c; c = c->next)
        if (c->id == id)
            return c;
    return NULL;
}

static void write_there(void *arg, const struct event *e)
{
    struct channel *c = sent_on(arg, e->number);
    if (c)
        serve_bytes(c, e->text, e->len);
}

static void notify_drained(void *arg, const struct event *e)
{
    struct channel *c = arg;
    (void)e;
    if (!c->closed && c->handler->drained)
        c->handler->drained(c->arg);
}

/* Sometimes the queue is full: the editor is not read until it has drained, or until that Delve is gone. */
bool channel_write(struct channel *c, const char *data, size_t len)
{
    if (c->closed)
        broken("a closed channel is written to");
    if (c->stream != ORDER_STREAM_CONNECT && c->stream != ORDER_STREAM_DAP)
        broken("a question beside DAP is written to");
    send_there(c->host, write_there, data, len, c->id);
    if (draw(12) != 0)
        return false;
    lane_post(c->lane, notify_drained, c, NULL, 0, 0);
    return true;
}

void channel_pause(struct channel *c, bool paused)
{
    (void)c;
    (void)paused;
}

void channel_close(struct channel *c)
{
    c->closed = true;
    forget(c);
}

/* --- the link --- */

static void link_ready(void *arg, const struct event *e)
{
    struct link_to_it *l = arg;
    (void)e;
    l->handler->ready(l->arg);
}

static void forget_link(struct link_to_it *l)
{
    struct host *m = l->host;
    while (m->channels)
        forget(m->channels);
    if (m->keeper) {
        lane_free(m->keeper->lane);
        m->keeper->untaken = NULL;
    }
    lane_free(l->lane);
    if (m->link == l)
        m->link = NULL;
    host_up(m);
    lane_free(m->there);
    m->there = lane_new(m->prompt);
    m->waiting = 0;
    free(l);
}

void link_lost(void *arg, const struct event *e)
{
    struct link_to_it *l = arg;
    const struct link_handler *h = l->handler;
    void *to = l->arg;
    struct err why;
    err_set(&why, "%s", e->text ? e->text : "the connection is lost");
    forget_link(l);
    h->lost(to, &why, true);
}

struct link *machine_link(struct machine *machine, const struct link_handler *h, void *arg)
{
    struct link_to_it *l = calloc(1, sizeof *l);
    struct host *m = (struct host *)machine;
    if (!l)
        broken("out of memory");
    if (m->link)
        broken("a second link");
    l->host = m;
    l->link.machine = machine;
    l->handler = h;
    l->arg = arg;
    l->lane = host_lane(m);
    m->link = l;
    lane_post(l->lane, fault(m, 30) ? link_lost : link_ready, l, NULL, 0, 0);
    return &l->link;
}

void link_close(struct link *link)
{
    forget_link((struct link_to_it *)link);
}

static struct channel *new_channel(struct link *l, enum order_stream stream, const struct channel_handler *h, void *arg)
{
    struct channel *c = calloc(1, sizeof *c);
    struct host *m = ((struct link_to_it *)l)->host;
    if (!c)
        broken("out of memory");
    c->host = m;
    c->id = ++m->channel_ids;
    c->stream = stream;
    c->handler = h;
    c->arg = arg;
    c->lane = host_lane(m);
    c->next = m->channels;
    m->channels = c;
    return c;
}

/* It can be written to, connection or not. */
static void open_here(void *arg, const struct event *e)
{
    struct host *m = arg;
    m->waiting++;
    struct channel *c = sent_on(m, e->number);
    if (c)
        notify_opened(c);
}

static void connect_there(void *arg, const struct event *e)
{
    struct host *m = arg;
    struct channel *c = sent_on(m, e->number);
    if (!c)
        return;
    if (!m->delve_on || (int)e->len != m->port || fault(m, 60))
        lane_post(c->lane, end_channel, c, NULL, 0, CUT_UNREACHED);
    else if (fault(m, REFUSAL)) /* of another user */
        lane_post(c->lane, end_channel, c, NULL, 0, (int)draw(CUTS));
}

struct channel *link_stream(struct link *l, int port, const struct channel_handler *h, void *arg)
{
    struct channel *c = new_channel(l, ORDER_STREAM_CONNECT, h, arg);
    c->next_handle = FIRST_HANDLE;
    lane_post(c->host->here, open_here, c->host, NULL, 0, c->id);
    send_there(c->host, connect_there, NULL, (size_t)port, c->id);
    return c;
}

/* --- a flight --- */

struct channel *carry_out(struct link_to_it *l, struct flight *f)
{
    const char *bytes;
    size_t n;
    struct channel *c = new_channel(&l->link, ORDER_STREAM_DAP, NULL, NULL);
    c->next_handle = FIRST_HANDLE;
    c->opened = true;
    c->flight = f;
    buf_init(&c->early, FRAME_MAX);
    if (fault(c->host, REFUSAL)) {
        lane_post(c->lane, end_channel, c, NULL, 0, (int)draw(CUTS));
        c->lost = true;
        return c;
    }
    while ((n = flight_peek(f, &bytes)) > 0 && !c->lost) {
        flight_wrote(f, n);
        serve_bytes(c, bytes, n);
    }
    return c;
}

void forget_untaken(struct channel *c)
{
    forget(c);
}

void channel_take(struct channel *c, const struct channel_handler *h, void *arg)
{
    if (c->handler || c->closed)
        broken("a channel is taken twice, or after its end");
    c->handler = h;
    c->arg = arg;
    if (c->early.len)
        lane_post(c->lane, deliver, c, NULL, 0, 0);
    if (c->early_end)
        lane_post(c->lane, end_channel, c, NULL, 0, c->early_end - 1);
}

/* --- what the supervisor is asked beside DAP --- */

static void answer(struct channel *c, const char *text)
{
    lane_post(c->lane, deliver, c, text, strlen(text), 0);
}

static void on_beat(void *arg)
{
    struct channel *c = arg;
    const struct host *m = c->host;
    char line[64];
    bool answers = m->delve_on && !m->rpc_silent;
    c->missed = answers ? 0 : c->missed + 1;
    if (answers && !c->answered)
        answer(c, "answered\n");
    c->answered = c->answered || answers;
    if (c->missed <= MISSED_MAX)
        return;
    timer_stop(c->beat);
    (void)snprintf(line, sizeof line, "silent %d\n", c->missed * BEAT_MS / 1000);
    answer(c, line);
    lane_post(c->lane, end_channel, c, NULL, 0, CUT_EOF);
}

static void watch_there(void *arg, const struct event *e)
{
    struct channel *c = sent_on(arg, e->number);
    if (!c)
        return;
    c->beat = timer_new(&c->host->loop, on_beat, c);
    timer_start(c->beat, BEAT_MS, BEAT_MS);
    on_beat(c);
}

static void ask_exit_there(void *arg, const struct event *e)
{
    const struct host *m = arg;
    struct channel *c = sent_on(arg, e->number);
    if (!c)
        return;
    answer(c, m->program == PROGRAM_EXITED && m->delve_on && !m->rpc_silent ? "exited 7\n" : "unknown\n");
    lane_post(c->lane, end_channel, c, NULL, 0, CUT_EOF);
}

static void ask_owner_there(void *arg, const struct event *e)
{
    struct channel *c = sent_on(arg, e->number);
    unsigned says = draw(4);
    if (!c || says == 0) /* nothing, and no end */
        return;
    if (says < 3)
        answer(c, says == 1 ? "1 1" : "0 1");
    lane_post(c->lane, end_channel, c, NULL, 0, CUT_EOF);
}

struct channel *link_open(struct link *l, enum order_stream stream, uint32_t number, const struct channel_handler *h,
                          void *arg)
{
    struct channel *c = new_channel(l, stream, h, arg);
    (void)number;
    lane_post(c->host->here, open_here, c->host, NULL, 0, c->id);
    if (stream == ORDER_STREAM_HEARTBEAT)
        send_there(c->host, watch_there, NULL, 0, c->id);
    else if (stream == ORDER_STREAM_EXIT)
        send_there(c->host, ask_exit_there, NULL, 0, c->id);
    else if (stream == ORDER_STREAM_OWNER)
        send_there(c->host, ask_owner_there, NULL, 0, c->id);
    else
        broken("a stream of kind %d is opened", (int)stream);
    return c;
}

/* --- the machine --- */

struct machine *machine_of_target(uv_loop_t *loop, const struct config_target *target)
{
    (void)target;
    return &host_of(loop)->machine;
}

void machine_release(struct machine *m)
{
    (void)m;
}
