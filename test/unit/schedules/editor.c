/* The editor: what it asks, and what it holds delvegate to. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dap/build.h"
#include "dap/decoder.h"
#include "test/unit/schedules/schedules.h"

enum {
    REQUESTS_MAX = 512,
    HANDLES_MAX = 256,
    BREAKPOINTS_MAX = 16,
    SOURCES = 2,
    FRAME_MAX = 1024 * 1024,
    WORD_MAX = 32
};

struct request {
    char command[WORD_MAX];
    int source; /* of setBreakpoints */
    int lines[BREAKPOINTS_MAX], line_count;
    bool answered, must_fail;
};

struct handle {
    json_int_t id;
    char owner[WORD_MAX]; /* the Delve that gave it */
    bool is_frame;
};

struct breakpoint {
    json_int_t id;
    int line;
};

struct editor {
    enum kind kind;
    struct host *machine;
    bool steady;
    bool goes_deaf;           /* as VS Code does: nothing reaches it after a restart that failed */
    unsigned restarts_one_in; /* of what it does */
    bool ended, gone, left, half_closed, initialized, launched, configured, terminated;
    const struct client_handler *handler;
    void *arg;
    struct lane *lane;
    struct dap_decoder *decoder;
    json_int_t seq; /* of the last message that came */
    struct request requests[REQUESTS_MAX];
    int sent;
    int farewell;      /* the first disconnect; 0: none yet */
    int arrived, read; /* the last request that came, and the last that was taken */
    struct handle handles[HANDLES_MAX];
    int handle_count;
    struct breakpoint breakpoints[SOURCES][BREAKPOINTS_MAX];
    int breakpoint_count[SOURCES];
    bool paused;
    struct buf unread; /* what waits while delvegate does not read */
    bool has_stopped;  /* the program, once */
    bool has_edited; /* breakpoints after configurationDone, before Delve spoke: the program may run to the old ones */
    int setting;     /* setBreakpoints that are unanswered: until then ids are in flight */
};

struct editor *editor_new(enum kind kind, struct host *m, bool steady)
{
    struct editor *ed = calloc(1, sizeof *ed);
    if (!ed)
        broken("out of memory");
    ed->kind = kind;
    ed->machine = m;
    ed->steady = steady;
    ed->goes_deaf = draw(2);
    ed->restarts_one_in = draw(4) ? 12 : 3;
    buf_init(&ed->unread, FRAME_MAX);
    ed->lane = lane_new(host_is_well(m));
    ed->decoder = dap_decoder_new(DAP_DELVE_BODY_MAX, DAP_OVERSIZE_ERROR);
    if (!ed->decoder)
        broken("out of memory");
    return ed;
}

struct client *editor_client(struct editor *ed)
{
    return (struct client *)ed;
}

/* --- requests --- */

static void on_data(void *arg, const struct event *e)
{
    struct editor *ed = arg;
    if (e->text)
        buf_append(&ed->unread, e->text, e->len);
    if (ed->unread.failed)
        broken("the editor has sent more than %d bytes that nobody reads", FRAME_MAX);
    if (e->number)
        ed->arrived = e->number;
    if (!ed->handler || ed->paused || ed->unread.len == 0)
        return;
    size_t len = ed->unread.len;
    char *text = buf_take(&ed->unread);
    for (size_t taken = 0; taken < len && ed->handler;)
        taken += ed->handler->data(ed->arg, text + taken, len - taken);
    ed->read = ed->arrived;
    free(text);
}

static struct request *ask(struct editor *ed, const char *command, json_t *arguments)
{
    struct buf out;
    if (ed->sent + 1 >= REQUESTS_MAX || !ed->handler) {
        json_decref(arguments);
        return NULL;
    }
    struct request *r = &ed->requests[++ed->sent];
    (void)snprintf(r->command, sizeof r->command, "%s", command);
    buf_init(&out, FRAME_MAX);
    dap_build_request(&out, ed->sent, command, arguments);
    if (out.failed)
        broken("a request could not be built");
    /* Cut in two, as a socket does; but then the clock may run past the deadline of a header. */
    size_t cut = ed->steady ? 0 : draw((unsigned)out.len);
    lane_post(ed->lane, on_data, ed, out.data, cut ? cut : out.len, cut ? 0 : ed->sent);
    if (cut)
        lane_post(ed->lane, on_data, ed, out.data + cut, out.len - cut, ed->sent);
    buf_free(&out);
    json_decref(arguments);
    return r;
}

static void ask_breakpoints(struct editor *ed)
{
    int source = (int)draw(SOURCES), count = (int)draw(4);
    char path[WORD_MAX];
    (void)snprintf(path, sizeof path, "/src/%d.go", source);
    json_t *list = json_array();
    struct request r = {.source = source};
    for (int i = 0; i < count; i++) {
        int line = 10 * i + (int)draw(3) + 1;
        r.lines[r.line_count++] = line;
        json_array_append_new(list, json_pack("{s:i}", "line", line));
    }
    struct request *sent =
        ask(ed, "setBreakpoints", json_pack("{s:{s:s},s:o}", "source", "path", path, "breakpoints", list));
    if (!sent)
        return;
    memcpy(sent->lines, r.lines, sizeof r.lines);
    sent->line_count = r.line_count;
    sent->source = source;
    ed->setting++;
}

static void ask_with_handle(struct editor *ed)
{
    if (ed->handle_count == 0)
        return;
    const struct handle *h = &ed->handles[draw((unsigned)ed->handle_count)];
    /* The Delve that it reaches must be the one that gave the handle. */
    if (h->is_frame)
        ask(ed, "scopes", json_pack("{s:I,s:s}", "frameId", h->id, "owner", h->owner));
    else
        ask(ed, "variables", json_pack("{s:I,s:s}", "variablesReference", h->id, "owner", h->owner));
}

static json_t *launch_arguments(const struct editor *ed, enum kind kind)
{
    json_t *arguments =
        kind == KIND_LAUNCH
            ? json_pack("{s:s,s:s,s:s}", "request", "launch", "mode", draw(3) ? "debug" : "exec", "program", "/src/app")
        : kind == KIND_ATTACH
            ? json_pack("{s:s,s:s,s:i}", "request", "attach", "mode", "local", "processId", 1)
            : json_pack("{s:s,s:s,s:i}", "request", "attach", "mode", "remote", "port", host_port(ed->machine));
    json_object_set_new(arguments, "name", json_string("x"));
    json_object_set_new(arguments, "stopOnEntry", json_boolean(draw(2)));
    return arguments;
}

/* Once, or impatiently; with launch.json as it is now, which may have become another kind's. */
static void restart(struct editor *ed)
{
    for (unsigned i = draw(4) ? 0 : draw(3);; i--) {
        enum kind kind = draw(8) ? ed->kind : (enum kind)draw(KINDS);
        json_t *arguments = draw(2) ? json_pack("{s:o}", "arguments", launch_arguments(ed, kind)) : NULL;
        struct request *r = ask(ed, "restart", arguments);
        if (r)
            r->must_fail = arguments && kind != ed->kind;
        if (i == 0)
            break;
    }
    host_used(ed->machine);
}

static void on_half_close(void *arg, const struct event *e)
{
    struct editor *ed = arg;
    (void)e;
    ed->half_closed = true;
    if (ed->handler)
        ed->handler->half_closed(ed->arg);
}

static void on_close(void *arg, const struct event *e)
{
    struct editor *ed = arg;
    const struct client_handler *h = ed->handler;
    (void)e;
    ed->handler = NULL;
    ed->gone = true;
    if (h)
        h->closed(ed->arg, "the client has closed the connection");
}

/* What a session that nothing happens to always answers with success. */
static void ask_steadily(struct editor *ed)
{
    if (draw(4) == 0)
        ask_breakpoints(ed);
    else
        ask(ed, "threads", NULL);
}

void editor_act(struct editor *ed)
{
    static const char *const others[] = {"threads",
                                         "continue",
                                         "next",
                                         "pause",
                                         "setFunctionBreakpoints",
                                         "setExceptionBreakpoints",
                                         "setInstructionBreakpoints",
                                         "evaluate",
                                         "stackTrace",
                                         "stackTrace",
                                         "disassemble",
                                         "unheardOf"};
    if (!ed->handler || ed->left)
        return;
    if (!ed->initialized) {
        ed->initialized = true;
        ask(ed, "initialize",
            json_pack("{s:s,s:b,s:b}", "clientID",
                      ed->goes_deaf ? "vscode"
                      : draw(2)     ? "neovim"
                                    : "x",
                      "supportsInvalidatedEvent", draw(2), "supportsProgressReporting", draw(2)));
    } else if (!ed->launched) {
        ed->launched = ed->steady || draw(8) != 0;
        if (ed->launched)
            ask(ed, ed->kind == KIND_LAUNCH ? "launch" : "attach", launch_arguments(ed, ed->kind));
        else
            ask(ed, "threads", NULL);
    } else if (!ed->configured && (ed->steady || draw(3) == 0)) {
        ed->configured = true;
        ask(ed, "configurationDone", NULL);
    } else if (ed->steady) {
        ask_steadily(ed);
    } else if (draw(200) == 0) {
        editor_leave(ed);
    } else if (draw(ed->restarts_one_in) == 0) {
        restart(ed);
    } else if (draw(3) == 0) {
        ask_breakpoints(ed);
    } else if (draw(3) == 0) {
        ask_with_handle(ed);
    } else {
        const char *command = others[draw(sizeof others / sizeof *others)];
        json_t *arguments = json_pack("{s:i}", "threadId", 1);
        if (strcmp(command, "evaluate") == 0)
            json_object_set_new(arguments, "expression", json_string(draw(4) ? "x" : "dlv config maxStringLen 7"));
        if (strncmp(command, "set", 3) == 0) {
            json_object_clear(arguments);
            json_object_set_new(arguments, strcmp(command, "setExceptionBreakpoints") == 0 ? "filters" : "breakpoints",
                                json_array());
        }
        ask(ed, command, arguments);
    }
}

void editor_leave(struct editor *ed)
{
    if (ed->left || !ed->handler)
        return;
    ed->left = true;
    if (draw(4) == 0) {
        lane_post(ed->lane, on_close, ed, NULL, 0, 0);
        return;
    }
    if (draw(4) == 0) {
        lane_post(ed->lane, on_half_close, ed, NULL, 0, 0);
        return;
    }
    if (!ed->initialized)
        ask(ed, "initialize", NULL);
    unsigned ends = draw(3);
    if (ends == 1)
        host_may_end(ed->machine);
    ask(ed, "disconnect", ends == 2 ? NULL : json_pack("{s:b}", "terminateDebuggee", ends == 1));
    ed->farewell = ed->sent;
    for (unsigned n = draw(4); n > 0; n--)
        if (draw(2))
            ask(ed, "disconnect", ends == 2 ? NULL : json_pack("{s:b}", "terminateDebuggee", ends == 1));
        else
            ask(ed, "threads", NULL);
}

/* --- what comes --- */

static void keep_handle(struct editor *ed, json_int_t id, const json_t *owner, bool is_frame)
{
    if (id == 0)
        return;
    struct handle *h = &ed->handles[ed->handle_count < HANDLES_MAX ? ed->handle_count++ : (int)draw(HANDLES_MAX)];
    h->id = id;
    h->is_frame = is_frame;
    (void)snprintf(h->owner, sizeof h->owner, "%s", json_string_value(owner) ? json_string_value(owner) : "");
}

static void keep_breakpoints(struct editor *ed, const struct request *r, const json_t *list)
{
    size_t i;
    const json_t *bp;
    if (json_array_size(list) != (size_t)r->line_count)
        broken("setBreakpoints of %d breakpoints answered with %zu", r->line_count, json_array_size(list));
    ed->breakpoint_count[r->source] = r->line_count;
    ed->has_edited |= ed->configured && !ed->has_stopped;
    json_array_foreach(list, i, bp)
    {
        json_int_t id = json_integer_value(json_object_get(bp, "id"));
        for (int s = 0; s < SOURCES; s++)
            for (int k = 0; s != r->source && k < ed->breakpoint_count[s]; k++)
                if (ed->breakpoints[s][k].id == id && id)
                    broken("breakpoint id %lld is given to two breakpoints", (long long)id);
        ed->breakpoints[r->source][i] = (struct breakpoint){.id = id, .line = r->lines[i]};
    }
}

static bool is_start(const struct request *r)
{
    return strcmp(r->command, "launch") == 0 || strcmp(r->command, "attach") == 0 || strcmp(r->command, "restart") == 0;
}

/* Where nothing goes wrong each start succeeds, unless the user has asked for the next one meanwhile. */
static void check_failure(const struct editor *ed, json_int_t to, const json_t *body)
{
    const struct request *r = &ed->requests[to];
    const char *why = json_string_value(json_object_get(json_object_get(body, "error"), "format"));
    if (ed->steady && !ed->left)
        broken("the session beside it pays: request %lld (%s) failed: %s", (long long)to, r->command, why ? why : "");
    if (ed->goes_deaf && strcmp(r->command, "restart") == 0)
        broken("request %lld (restart) failed, and the editor hears nothing any more: %s", (long long)to,
               why ? why : "");
    if (!is_start(r) || r->must_fail || ed->left || !host_is_well(ed->machine))
        return;
    for (int i = (int)to + 1; i <= ed->sent; i++)
        if (is_start(&ed->requests[i]))
            return;
    broken("request %lld (%s) failed, and nothing is wrong: %s", (long long)to, r->command, why ? why : "");
}

static void on_response(struct editor *ed, const json_t *m)
{
    json_int_t to = json_integer_value(json_object_get(m, "request_seq"));
    const json_t *body = json_object_get(m, "body"), *item;
    size_t i;
    if (to < 1 || to > ed->sent)
        broken("a response to request %lld, which was not sent", (long long)to);
    struct request *r = &ed->requests[to];
    if (r->answered)
        broken("request %lld (%s) is answered twice", (long long)to, r->command);
    r->answered = true;
    const char *command = json_string_value(json_object_get(m, "command"));
    if (!command || strcmp(command, r->command) != 0)
        broken("request %lld (%s) is answered as %s", (long long)to, r->command, command ? command : "nothing");
    bool success = json_is_true(json_object_get(m, "success"));
    if (strcmp(r->command, "setBreakpoints") == 0)
        ed->setting--;
    if (success && r->must_fail && !ed->goes_deaf)
        broken("request %lld (%s) is answered with success, and could not be met", (long long)to, r->command);
    if (!success) {
        check_failure(ed, to, body);
        return;
    }
    if (strcmp(r->command, "setBreakpoints") == 0)
        keep_breakpoints(ed, r, json_object_get(body, "breakpoints"));
    json_array_foreach(json_object_get(body, "stackFrames"), i, item)
    {
        keep_handle(ed, json_integer_value(json_object_get(item, "id")), json_object_get(item, "owner"), true);
    }
    json_array_foreach(json_object_get(body, "scopes"), i, item)
    {
        keep_handle(ed, json_integer_value(json_object_get(item, "variablesReference")), json_object_get(item, "owner"),
                    false);
    }
    if (strcmp(r->command, "evaluate") == 0)
        keep_handle(ed, json_integer_value(json_object_get(body, "variablesReference")), json_object_get(body, "owner"),
                    false);
}

static void on_stopped(struct editor *ed, const json_t *body)
{
    const json_t *ids = json_object_get(body, "hitBreakpointIds");
    json_int_t line = json_integer_value(json_object_get(body, "line"));
    bool may_be_old = ed->has_edited;
    host_used(ed->machine);
    ed->has_edited = false;
    ed->has_stopped = true;
    if (!json_array_size(ids) || ed->setting || may_be_old)
        return;
    json_int_t id = json_integer_value(json_array_get(ids, 0));
    for (int s = 0; s < SOURCES; s++)
        for (int i = 0; i < ed->breakpoint_count[s]; i++)
            if (ed->breakpoints[s][i].id == id) {
                if (ed->breakpoints[s][i].line != line)
                    broken("breakpoint %lld is said to be hit in line %lld, it is in %d", (long long)id,
                           (long long)line, ed->breakpoints[s][i].line);
                return;
            }
    broken("breakpoint %lld is said to be hit, and is unknown", (long long)id);
}

static void on_message(struct editor *ed, const char *text, size_t len)
{
    json_t *m = json_loadb(text, len, 0, NULL);
    const char *type = json_string_value(json_object_get(m, "type"));
    const char *event = json_string_value(json_object_get(m, "event"));
    if (!type)
        broken("not a message: %.*s", (int)len, text);
    json_int_t seq = json_integer_value(json_object_get(m, "seq"));
    if (seq != ed->seq + 1)
        broken("seq %lld after %lld", (long long)seq, (long long)ed->seq);
    ed->seq = seq;
    if (strcmp(type, "response") == 0)
        on_response(ed, m);
    else if (event && strcmp(event, "stopped") == 0)
        on_stopped(ed, json_object_get(m, "body"));
    else if (event && strcmp(event, "terminated") == 0) {
        if (ed->terminated)
            broken("terminated twice");
        if (ed->steady && !ed->left)
            broken("the session beside it pays: it has ended");
        if (!ed->left && host_is_well(ed->machine))
            broken("the session has ended, and nothing is wrong");
        ed->terminated = true;
    }
    json_decref(m);
}

bool editor_is_served(const struct editor *ed)
{
    for (int i = 1; i <= ed->sent; i++)
        if (!ed->requests[i].answered)
            return false;
    return true;
}

bool editor_is_closed(const struct editor *ed)
{
    return ed->ended || ed->gone;
}

void editor_check(const struct editor *ed)
{
    if (!editor_is_closed(ed))
        broken("the session is over, and the editor's connection is not closed");
    /* What is still on its way when the connection is closed can't be answered. */
    int due = ed->farewell && ed->farewell > ed->read ? ed->farewell : ed->read;
    for (int i = 1; !ed->gone && i <= due; i++)
        if (!ed->requests[i].answered)
            broken("request %d (%s) was never answered", i, ed->requests[i].command);
}

void editor_free(struct editor *ed)
{
    lane_free(ed->lane);
    buf_free(&ed->unread);
    dap_decoder_free(ed->decoder);
    free(ed);
}

/* --- proxy/session/client.h --- */

bool client_has_ended(const struct client *c)
{
    return ((const struct editor *)c)->half_closed;
}

void client_start(struct client *c, const struct client_handler *h, void *arg)
{
    struct editor *ed = (struct editor *)c;
    ed->handler = h;
    ed->arg = arg;
}

static void on_drained(void *arg, const struct event *e)
{
    struct editor *ed = arg;
    (void)e;
    if (ed->handler)
        ed->handler->drained(ed->arg);
}

bool client_write(struct client *c, struct buf *bytes)
{
    struct dap_frame frame;
    const char *data = bytes->data;
    size_t len = bytes->len;
    struct editor *ed = (struct editor *)c;
    if (ed->ended || ed->gone)
        broken("written to after the end");
    while (len) {
        size_t used = 0;
        enum dap_result r = dap_decoder_feed(ed->decoder, data, len, &used, &frame);
        data += used;
        len -= used;
        if (r == DAP_MESSAGE)
            on_message(ed, frame.body, frame.len);
        else if (r != DAP_MORE)
            broken("not DAP: %s", dap_decoder_reason(ed->decoder));
    }
    buf_free(bytes);
    if (draw(50) != 0)
        return false;
    lane_post(ed->lane, on_drained, ed, NULL, 0, 0);
    return true;
}

void client_pause(struct client *c, bool paused)
{
    struct editor *ed = (struct editor *)c;
    if (ed->paused && !paused)
        lane_post(ed->lane, on_data, ed, NULL, 0, 0);
    ed->paused = paused;
}

void client_end(struct client *c)
{
    struct editor *ed = (struct editor *)c;
    if (!dap_decoder_at_boundary(ed->decoder))
        broken("the stream ends in the middle of a message");
    ed->ended = true;
    ed->handler = NULL;
}

void client_reset(struct client *c)
{
    struct editor *ed = (struct editor *)c;
    ed->gone = true;
    ed->handler = NULL;
}
