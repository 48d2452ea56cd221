/* A Delve and a program that answer as the real ones do, and the link and connections to them; what they hold delvegate
 * to. */
#include "test/schedules/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/timer.h"
#include "proxy/machine/orphan.h"
#include "proxy/machine/reach.h"

enum {
    REFUSAL = 30, /* one attach in so many is refused, one connection closed at once */
    DEAF = 30     /* one connection in so many has a request that is never answered */
};

/* --- channels to Delve's port --- */

static void send_json(struct channel_of_delve *c, json_t *message);

static void deliver(void *arg, const struct event *e)
{
    struct channel_of_delve *c = arg;
    if (!c->closed && !c->ended)
        c->handler->data(c->arg, CHANNEL_STDOUT, e->text, e->len);
}

static void forget(struct channel_of_delve *c)
{
    for (struct channel_of_delve **at = &c->machine->channels; *at; at = &(*at)->next)
        if (*at == c) {
            *at = c->next;
            break;
        }
    lane_free(c->lane);
    dap_decoder_free(c->decoder);
    free(c);
}

void end_channel(void *arg, const struct event *e)
{
    struct channel_of_delve *c = arg;
    const struct channel_handler *h = c->handler;
    void *to = c->arg;
    struct err why = {{0}};
    if (e->number == CUT_EOF && !c->ended && h->eof) {
        c->ended = true;
        lane_post(c->lane, end_channel, c, NULL, 0, CUT_CLOSED);
        h->eof(to);
        return;
    }
    if (e->number == CUT_BROKEN)
        err_set(&why, "connection reset by peer");
    forget(c);
    h->closed(to, &why, -1);
}

void close_all(struct machine *m)
{
    for (struct channel_of_delve *c = m->channels; c; c = c->next) {
        if (!c->lost)
            lane_post(c->lane, end_channel, c, NULL, 0, (int)draw(CUTS));
        c->lost = true;
    }
}

void tell_event(struct channel_of_delve *c, const char *name, json_t *body)
{
    send_json(c, json_pack("{s:s,s:s,s:o}", "type", "event", "event", name, "body", body ? body : json_object()));
}

/* The one DAP connection that tells of stops: the newest that is attached. */
struct channel_of_delve *teller(const struct machine *m)
{
    for (struct channel_of_delve *c = m->channels; c; c = c->next)
        if (c->attached && !c->lost)
            return c;
    return NULL;
}

static void new_stop(struct machine *m)
{
    m->program = PROGRAM_HALTED;
    for (struct channel_of_delve *c = m->channels; c; c = c->next)
        c->next_handle = FIRST_HANDLE;
}

void tell_stop(struct machine *m, const char *reason)
{
    struct channel_of_delve *c = teller(m);
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
    tell_event(c, "stopped", body);
}

static void respond(struct channel_of_delve *c, const json_t *request, json_t *body, const char *error)
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

static void set_breakpoints(struct channel_of_delve *c, const json_t *request, const json_t *arguments)
{
    struct machine *m = c->machine;
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

static void check_handle(const struct channel_of_delve *c, const char *command, json_int_t handle, const char *owner)
{
    if (!owner || strcmp(owner, c->owner) != 0)
        broken("%s with handle %lld of %s reached %s", command, (long long)handle, owner ? owner : "nobody", c->owner);
    if (handle < FIRST_HANDLE || handle >= FIRST_HANDLE + LINES_MAX * LINES_MAX)
        broken("%s: handle %lld is none of Delve's", command, (long long)handle);
}

static void disconnect(struct channel_of_delve *c, const json_t *request, const json_t *arguments)
{
    struct machine *m = c->machine;
    bool ends = json_is_true(json_object_get(arguments, "terminateDebuggee"));
    if (m->kind == KIND_LAUNCH && !ends)
        broken("a program that delvegate has started is not ended with its session");
    if (m->kind != KIND_LAUNCH && ends && !m->may_end)
        broken("what delvegate has not started is ended, and the user has not asked for that");
    respond(c, request, NULL, NULL);
    tell_event(c, "terminated", NULL);
    if (m->kind == KIND_ATTACH)
        m->program = ends || m->program == PROGRAM_EXITED ? PROGRAM_EXITED : PROGRAM_RUNNING;
    if (m->kind == KIND_REMOTE && ends) {
        close_all(m);
        m->delve_on = false;
    }
}

static const char *refusal(struct machine *m)
{
    if (m->program == PROGRAM_EXITED)
        return "Failed to attach: Process 1 has exited with status 7";
    return fault(m, REFUSAL) ? "Failed to attach: could not halt the process" : NULL;
}

static void serve(struct channel_of_delve *c, const json_t *request)
{
    struct machine *m = c->machine;
    const char *command = json_string_value(json_object_get(request, "command"));
    const json_t *arguments = json_object_get(request, "arguments");
    const char *owner = json_string_value(json_object_get(arguments, "owner"));
    bool running = m->program == PROGRAM_RUNNING;
    if (c->deaf_to && strcmp(command, c->deaf_to) == 0)
        return;
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
        tell_event(c, "initialized", NULL);
        respond(c, request, NULL, NULL);
    } else if (strcmp(command, "configurationDone") == 0) {
        respond(c, request, NULL, NULL);
        if (c->stops_on_entry)
            tell_stop(m, "entry");
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
            tell_stop(m, "pause");
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

static void on_request(struct channel_of_delve *c, const char *text, size_t len)
{
    json_t *request = json_loadb(text, len, 0, NULL);
    if (!request)
        broken("Delve got what is no JSON: %.*s", (int)len, text);
    json_int_t seq = json_integer_value(json_object_get(request, "seq"));
    if (seq != c->got + 1)
        broken("Delve got seq %lld after %lld", (long long)seq, (long long)c->got);
    c->got = seq;
    if (!c->machine->dap_silent)
        serve(c, request);
    json_decref(request);
}

static void send_json(struct channel_of_delve *c, json_t *message)
{
    struct buf out;
    char *text;
    json_object_set_new(message, "seq", json_integer(draw(2) ? ++c->seq : 0));
    text = json_dumps(message, JSON_COMPACT);
    json_decref(message);
    if (!text)
        broken("out of memory");
    buf_init(&out, FRAME_MAX);
    if (buf_printf(&out, "Content-Length: %zu\r\n\r\n%s", strlen(text), text) < 0)
        broken("out of memory");
    lane_post(c->lane, deliver, c, out.data, out.len, 0);
    buf_free(&out);
    free(text);
}

static void serve_rpc(struct channel_of_delve *c, const char *data)
{
    const struct machine *m = c->machine;
    if (!strstr(data, "GetVersion") && !strstr(data, "RPCServer.State"))
        broken("Delve is asked over JSON-RPC for what nobody has asked for: %s", data);
    const char *answer = strstr(data, "GetVersion") ? "{\"id\":1,\"result\":{},\"error\":null}\n"
                         : m->program == PROGRAM_EXITED
                             ? "{\"id\":1,\"result\":null,\"error\":\"Process 1 has exited with status 7\"}\n"
                             : "{\"id\":1,\"result\":{\"State\":{\"exited\":false}},\"error\":null}\n";
    if (!m->rpc_silent)
        lane_post(c->lane, deliver, c, answer, strlen(answer), 0);
}

/* The one script that is run: who listens at a port? The nonce stands before "-owner" and "-self". */
static void run_script(struct channel_of_delve *c, const char *text)
{
    const char *nonce = strstr(text, "echo "), *end = nonce ? strstr(nonce, "-owner") : NULL;
    char answer[256];
    if (!end)
        broken("a script that nobody knows is run: %s", text);
    nonce += strlen("echo ");
    int len = (int)(end - nonce);
    unsigned says = draw(4);
    if (says == 0) /* nothing, and no end */
        return;
    int n = snprintf(answer, sizeof answer, "%.*s-owner %u\n%.*s-self 1\n", len, nonce, says == 1 ? 1 : 0, len, nonce);
    if (says < 3)
        lane_post(c->lane, deliver, c, answer, (size_t)n, 0);
    lane_post(c->lane, end_channel, c, NULL, 0, CUT_CLOSED);
}

static bool channel_of_delve_write(struct channel *channel, const char *data, size_t len)
{
    struct channel_of_delve *c = (struct channel_of_delve *)channel;
    struct dap_frame frame;
    struct machine *m = c->machine;
    if (c->closed)
        broken("a closed channel is written to");
    if (c->is_shell) {
        run_script(c, data);
        return false;
    }
    if (!m->delve_on || c->lost || c->ended)
        return false; /* lost on the way */
    if (!c->decoder && data[0] == '{') {
        serve_rpc(c, data);
        return false;
    }
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
    return false;
}

static void tell_drained(void *arg, const struct event *e)
{
    struct channel_of_delve *c = arg;
    (void)e;
    if (!c->closed && c->handler->drained)
        c->handler->drained(c->arg);
}

/* Sometimes the queue is full: the editor is not read until it has drained, or until that Delve is gone. */
static bool write_and_fill(struct channel *channel, const char *data, size_t len)
{
    struct channel_of_delve *c = (struct channel_of_delve *)channel;
    (void)channel_of_delve_write(channel, data, len);
    if (!c->decoder || draw(12) != 0)
        return false;
    lane_post(c->lane, tell_drained, c, NULL, 0, 0);
    return true;
}

static size_t channel_of_delve_queued(const struct channel *c)
{
    (void)c;
    return 0;
}

static void channel_of_delve_pause(struct channel *c, bool paused)
{
    (void)c;
    (void)paused;
}

static void channel_of_delve_shut(struct channel *c)
{
    (void)c;
}

static void channel_of_delve_close(struct channel *channel)
{
    struct channel_of_delve *c = (struct channel_of_delve *)channel;
    c->closed = true;
    forget(c);
}

static void on_opened(void *arg, const struct event *e)
{
    struct channel_of_delve *c = arg;
    (void)e;
    c->handler->opened(c->arg);
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
    struct machine *m = l->machine;
    while (m->channels)
        forget(m->channels);
    if (m->keeper)
        lane_free(m->keeper->lane);
    lane_free(l->lane);
    if (m->link == l)
        m->link = NULL;
    timer_stop(m->thaw);
    machine_freeze(m, false);
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

static struct link *new_link(struct machine *t, const struct link_handler *h, void *arg)
{
    struct link_to_it *l = calloc(1, sizeof *l);
    struct machine *m = (struct machine *)t;
    if (!l)
        broken("out of memory");
    if (m->link)
        broken("a second link");
    l->machine = m;
    l->link.transport = t;
    l->handler = h;
    l->arg = arg;
    l->lane = machine_lane(m);
    m->link = l;
    lane_post(l->lane, fault(m, 30) ? link_lost : link_ready, l, NULL, 0, 0);
    return &l->link;
}

static void close_link(struct link *link)
{
    forget_link((struct link_to_it *)link);
}

static uint64_t silence(const struct link *l)
{
    struct machine *m = ((const struct link_to_it *)l)->machine;
    return timer_now(&m->loop) - m->heard;
}

static void distrust(struct link *l)
{
    (void)l; /* there is one link for each machine */
}

/* What is on the way never comes. */
static void give_up(struct link *link, const struct err *why)
{
    struct link_to_it *l = (struct link_to_it *)link;
    struct machine *m = l->machine;
    if (m->prompt)
        broken("the connection is given up after %llu ms of silence", (unsigned long long)silence(link));
    machine_freeze(m, true);
    timer_stop(m->thaw);
    lane_free(l->lane);
    l->lane = lane_new(false, NULL);
    lane_post(l->lane, link_lost, l, why->text, strlen(why->text), 0);
}

static struct channel_of_delve *new_channel(struct link *l, const struct channel_handler *h, void *arg)
{
    struct channel_of_delve *c = calloc(1, sizeof *c);
    struct machine *m = ((struct link_to_it *)l)->machine;
    if (!c)
        broken("out of memory");
    c->channel.ops = &machine_ops;
    c->machine = m;
    c->handler = h;
    c->arg = arg;
    c->lane = machine_lane(m);
    c->next = m->channels;
    m->channels = c;
    return c;
}

static struct channel *new_shell(struct link *l, const struct channel_handler *h, void *arg)
{
    struct channel_of_delve *c = new_channel(l, h, arg);
    if (c->machine->keeper)
        broken("a shell beside the supervisor's is asked for");
    c->is_shell = true;
    return &c->channel;
}

static struct channel *new_stream(struct link *l, int port, const struct channel_handler *h, void *arg)
{
    struct channel_of_delve *c = new_channel(l, h, arg);
    struct machine *m = c->machine;
    c->next_handle = FIRST_HANDLE;
    bool opens = m->delve_on && port == m->port && !fault(m, 60);
    lane_post(c->lane, opens ? on_opened : end_channel, c, NULL, 0, CUT_CLOSED);
    if (opens && fault(m, REFUSAL)) /* of another user */
        lane_post(c->lane, end_channel, c, NULL, 0, (int)draw(CUTS));
    return &c->channel;
}

static void release(struct machine *t)
{
    (void)t;
}

const struct machine_ops machine_ops = {
    .release = release,
    .link = new_link,
    .link_close = close_link,
    .silence = silence,
    .distrust = distrust,
    .give_up = give_up,
    .shell = new_shell,
    .stream = new_stream,
    .write = write_and_fill,
    .queued = channel_of_delve_queued,
    .pause = channel_of_delve_pause,
    .shut = channel_of_delve_shut,
    .close = channel_of_delve_close,
};

struct machine *reach_target(uv_loop_t *loop, const struct config_target *target)
{
    (void)target;
    return &machine_of(loop)->transport;
}

void orphan_end(uv_loop_t *loop, struct config *config, const struct config_target *target, const char *dir,
                bool detach)
{
    (void)config;
    (void)target;
    (void)dir;
    const struct machine *m = machine_of(loop);
    if (m->kind == KIND_REMOTE)
        broken("an end is sought for what the user has started");
    if (detach != (m->kind == KIND_ATTACH))
        broken("after the link's loss the process is to be %s", detach ? "left alone" : "ended");
}
