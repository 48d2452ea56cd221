/* One SSH connection through its states. All work is done in turns that the loop starts, so that no handler runs inside
   a call of its owner, and what handlers close is freed only at the end of a turn. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/state.h"
#include "proxy/ssh/ssh_impl.h"

enum {
    REASON_MAX = 128,
    OUT_MAX = 96 * 1024 * 1024 /* the longest message and what its owner may add before it looks */
};

static const char *const state_names[SSH_STATE_COUNT] = {
    [SSH_SETTINGS] = "settings",
    [SSH_RECORDED] = "recorded host keys",
    [SSH_DIALING] = "dialing",
    [SSH_HANDSHAKE] = "handshake",
    [SSH_AUTH] = "authentication",
    [SSH_OPENING] = "opening",
    [SSH_EXEC] = "starting a command",
    [SSH_RUNNING] = "running",
    [SSH_PROGRAM] = "ssh program",
    [SSH_DRAINING] = "draining",
    [SSH_DEAD] = "dead",
};

#define ENDS (STATE_BIT(SSH_DRAINING) | STATE_BIT(SSH_DEAD))
static const unsigned legal_edges[SSH_STATE_COUNT] = {
    [SSH_SETTINGS] = STATE_BIT(SSH_RECORDED) | STATE_BIT(SSH_PROGRAM) | ENDS,
    [SSH_RECORDED] = STATE_BIT(SSH_DIALING) | STATE_BIT(SSH_PROGRAM) | ENDS,
    [SSH_DIALING] = STATE_BIT(SSH_HANDSHAKE) | ENDS,
    [SSH_HANDSHAKE] = STATE_BIT(SSH_AUTH) | STATE_BIT(SSH_PROGRAM) | ENDS,
    [SSH_AUTH] = STATE_BIT(SSH_OPENING) | STATE_BIT(SSH_PROGRAM) | ENDS,
    [SSH_OPENING] = STATE_BIT(SSH_EXEC) | ENDS,
    [SSH_EXEC] = STATE_BIT(SSH_RUNNING) | ENDS,
    [SSH_RUNNING] = ENDS,
    [SSH_PROGRAM] = ENDS,
    [SSH_DRAINING] = STATE_BIT(SSH_DEAD),
};
static const struct states states = {"", state_names, legal_edges};

static void set_state(struct ssh_connection *c, enum ssh_state state, const char *reason)
{
    char text[REASON_MAX];
    (void)snprintf(text, sizeof text, "connection %d: %s", c->number, reason);
    c->state = (enum ssh_state)state_next(&states, c->state, state, CONFIG_LOG_DEBUG, c->transport->subject, text);
}

const char *ssh_connection_last_error(struct ssh_connection *c)
{
    if (c->codec.disconnect_message[0])
        return c->codec.disconnect_message;
    char *stderr_tail = NULL;
    (void)libssh2_session_last_error(c->codec.session, &stderr_tail, NULL, 0);
    return stderr_tail && stderr_tail[0] ? stderr_tail : "no reason given";
}

void ssh_connection_schedule(struct ssh_connection *c)
{
    if (c->in_turn)
        c->again = true;
    else
        ssh_turn_start(c->turn);
}

void ssh_connection_wait(struct ssh_connection *c, uint64_t ms)
{
    timer_start(c->deadline, ms, 0);
}

/* Whatever goes on outside of libssh2 is called off. */
static void call_off(struct ssh_connection *c)
{
    timer_stop(c->deadline);
    timer_stop(c->keepalive);
    if (c->spawn)
        spawn_cancel(c->spawn);
    if (c->dial)
        ssh_dial_cancel(c->dial);
    ssh_agent_find_cancel(c->find);
    c->spawn = NULL;
    c->dial = NULL;
    c->find = NULL;
    child_close(c->program);
    c->program = NULL;
}

void ssh_connection_fail(struct ssh_connection *c, enum transport_loss loss, const char *fmt, ...)
{
    if (c->state >= SSH_DRAINING)
        return;
    va_list ap;
    va_start(ap, fmt);
    char text[ERR_TEXT_MAX];
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    /* What a server, a proxy or a key's comment says may hold anything. */
    stderr_tail_make_printable(text);
    err_set(&c->why, "%s", text);
    c->loss = c->has_asked && loss == TRANSPORT_RETRY && c->state < SSH_OPENING ? TRANSPORT_ASK : loss;
    c->codec.frozen = true;
    call_off(c);
    log_debug(c->transport->subject, "connection %d: %s", c->number, c->why.text);
    set_state(c, SSH_DRAINING, "failed");
    ssh_connection_schedule(c);
}

bool ssh_connection_unsupported(struct ssh_connection *c, const char *fmt, ...)
{
    if (c->transport->program == CONFIG_MAYBE_NO || c->state >= SSH_OPENING)
        return false;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(c->unsupported, sizeof c->unsupported, fmt, ap);
    va_end(ap);
    stderr_tail_make_printable(c->unsupported);
    if (c->state >= SSH_DIALING) /* settings are asked each time */
        (void)snprintf(c->transport->unsupported, sizeof c->transport->unsupported, "%s", c->unsupported);
    ssh_connection_schedule(c);
    return true;
}

void ssh_connection_close(struct ssh_connection *c)
{
    c->h = NULL;
    if (c->state != SSH_DEAD)
        set_state(c, SSH_DEAD, "closed");
    call_off(c);
    ssh_connection_schedule(c);
}

size_t ssh_connection_queued(const struct ssh_connection *c)
{
    return c->out.len - c->out_sent + (c->program ? child_queued(c->program) : 0);
}

bool ssh_connection_write(struct ssh_connection *c, const char *data, size_t len)
{
    if (c->state >= SSH_DRAINING)
        return c->drained_due;
    if (c->program)
        child_write(c->program, data, len);
    if (c->out_sent > 0 && c->out_sent >= c->out.len / 2) {
        buf_consume(&c->out, c->out_sent);
        c->out_sent = 0;
    }
    if (!c->program)
        buf_append(&c->out, data, len);
    if (c->out.failed)
        ssh_connection_fail(c, TRANSPORT_RETRY,
                            "More than %d MiB are waiting to be sent to %s; the connection was closed.",
                            OUT_MAX / (1024 * 1024), c->transport->where);
    ssh_connection_schedule(c);
    c->drained_due = c->drained_due || ssh_connection_queued(c) >= CARRIER_HIGH_WATER;
    return c->drained_due;
}

void ssh_connection_drained(struct ssh_connection *c)
{
    if (!c->drained_due || ssh_connection_queued(c) >= CARRIER_LOW_WATER)
        return;
    c->drained_due = false;
    if (c->h && c->h->drained)
        c->h->drained(c->arg);
}

void ssh_connection_running(struct ssh_connection *c)
{
    c->transport->was_ready = true;
    timer_stop(c->deadline);
    if (c->h && c->h->running)
        c->h->running(c->arg);
}

static void note(struct ssh_connection *c, const char *text)
{
    if (c->h && c->h->note)
        c->h->note(c->arg, text);
}

static void on_deadline(void *arg)
{
    struct ssh_connection *c = arg;
    const char *where = c->transport->where;
    if (c->state == SSH_AUTH && ssh_auth_asks(c->auth)) {
        c->has_asked = true;
        note(c, "Waiting for the SSH agent; it may need a confirmation or a touch.");
    } else if (c->state == SSH_PROGRAM)
        ssh_program_is_late(c);
    else if (c->state == SSH_RUNNING)
        ssh_explain_command_end(c, "it closed its standard output", true);
    else if (c->state == SSH_HANDSHAKE && c->proxy)
        ssh_explain_proxy(c, "no SSH handshake in time");
    else if (c->state == SSH_HANDSHAKE)
        ssh_connection_fail(c, TRANSPORT_RETRY,
                            "%s accepted the connection, but did not finish the SSH handshake in time.", where);
    else if (c->state == SSH_AUTH)
        ssh_connection_fail(c, TRANSPORT_RETRY, "%s did not answer in time while a key was tried.", where);
    else
        ssh_connection_fail(c, TRANSPORT_RETRY,
                            "%s did not answer in time when the command was started; the connection is closed.", where);
}

static void on_keepalive(void *arg)
{
    struct ssh_connection *c = arg;
    int next = 0;
    (void)libssh2_keepalive_send(c->codec.session, &next); /* an error shows where the connection is read */
    ssh_socket_flush(c->codec.socket);
}

static void on_input(void *arg)
{
    struct ssh_connection *c = arg;
    ssh_connection_schedule(c);
}

static void on_ended(void *arg, int error)
{
    struct ssh_connection *c = arg;
    c->socket_ended = true;
    if (error != UV_EOF && c->why.text[0] == '\0')
        err_set(&c->why, "%s", uv_strerror(error)); /* kept until all that came before is used */
    ssh_connection_schedule(c);
}

static const struct ssh_socket_handler socket_handler = {.input = on_input, .output = on_input, .failed = on_ended};

static unsigned user_timeout_ms(const struct ssh_settings *s)
{
    long ms = s->alive_interval > 0 ? s->alive_interval * s->alive_count_max * SSH_MS : SSH_USER_TIMEOUT_MS;
    if (ms < SSH_USER_TIMEOUT_MIN_MS)
        ms = SSH_USER_TIMEOUT_MIN_MS;
    return (unsigned)(ms > SSH_USER_TIMEOUT_MAX_MS ? SSH_USER_TIMEOUT_MAX_MS : ms);
}

static void begin_handshake(struct ssh_connection *c, struct ssh_socket *socket)
{
    if (ssh_codec_open(&c->codec, socket) < 0) {
        ssh_connection_fail(c, TRANSPORT_NEVER, "libssh2 %s cannot be set up for %s.", libssh2_version(0),
                            c->transport->where);
        return;
    }
    ssh_socket_set_handler(socket, &socket_handler, c);
    struct err e;
    if (ssh_host_key_prefer(c, &e) < 0) {
        ssh_connection_fail(c, TRANSPORT_NEVER, "%s", e.text);
        return;
    }
    int rc = ssh_socket_start(socket, user_timeout_ms(&c->settings));
    if (rc < 0) {
        ssh_connection_fail(c, TRANSPORT_RETRY, "The connection to %s failed at once: %s.", c->transport->where,
                            uv_strerror(rc));
        return;
    }
    set_state(c, SSH_HANDSHAKE, "connected");
    ssh_connection_wait(c, c->proxy ? SSH_PROXY_MS : SSH_HANDSHAKE_MS);
    ssh_connection_schedule(c);
}

static void on_dialed(void *arg, struct ssh_socket *socket, const struct err *why, bool transient)
{
    struct ssh_connection *c = arg;
    c->dial = NULL;
    if (socket)
        begin_handshake(c, socket);
    else
        ssh_connection_fail(c, transient || c->transport->was_ready ? TRANSPORT_RETRY : TRANSPORT_NEVER, "%s: %s",
                            c->transport->name, why->text);
}

void ssh_connection_set_recorded(struct ssh_connection *c)
{
    set_state(c, SSH_RECORDED, "settings are known");
}

/* What libssh2 has begun is given up: nothing has been done in it yet. */
static void drop_codec(struct ssh_connection *c)
{
    ssh_auth_free(c->auth);
    c->auth = NULL;
    ssh_codec_close(&c->codec);
    ssh_proxy_free(c->proxy);
    c->proxy = NULL;
    c->socket_ended = false;
    c->has_asked = false;
}

void ssh_connection_set_program(struct ssh_connection *c, const char *reason)
{
    call_off(c);
    drop_codec(c);
    set_state(c, SSH_PROGRAM, reason);
    log_info(c->transport->subject, "the ssh program is run: %s", reason);
    ssh_program_start(c);
}

/* The agent was looked for on behalf of the proxy's own ssh, which knows no more than SSH_AUTH_SOCK. */
static void start_proxy(void *arg, const struct ssh_agent_found *found)
{
    struct ssh_connection *c = arg;
    c->find = NULL;
    ssh_agent_free(found->agent);
    struct err e;
    struct ssh_socket *socket = ssh_socket_new(c->transport->loop, &socket_handler, c);
    c->proxy = socket
                   ? ssh_proxy_start(c->transport->loop, &c->settings, &c->tokens, found->path, socket, on_input, c, &e)
                   : NULL;
    if (c->proxy) {
        begin_handshake(c, socket);
    } else {
        ssh_connection_fail(c, TRANSPORT_NEVER, "%s: %s", c->transport->name, socket ? e.text : "Out of memory.");
        ssh_socket_free(socket);
    }
}

void ssh_connection_dial(struct ssh_connection *c)
{
    set_state(c, SSH_DIALING, "recorded host keys are known");
    const struct ssh_settings *s = &c->settings;
    bool proxied = s->proxy_command || s->proxy_jump;
    long seconds = s->connect_timeout > 0 ? s->connect_timeout : SSH_CONNECT_SECONDS;
    c->transport->base.patience_ms = (uint64_t)seconds * SSH_MS;
    if (s->proxy_command && s->proxy_passes_fd) {
        ssh_connection_fail(
            c, TRANSPORT_NEVER,
            "The ProxyCommand of %s only passes a descriptor (ProxyUseFdpass), which delvegate does not "
            "support.\nTurn ProxyUseFdpass off for this host, and let the command carry the data itself "
            "(nc: without -F).",
            c->transport->name);
        return;
    }
    if (proxied)
        c->find = ssh_agent_find_start(c->transport->loop, c->transport->subject, true, NULL, start_proxy, c);
    else
        c->dial = ssh_dial_start(c->transport->loop, s, (uint64_t)seconds * SSH_MS, on_dialed, c);
    if (!c->find && !c->dial)
        ssh_connection_fail(c, TRANSPORT_RETRY, "Out of memory while connecting to %s.", c->transport->name);
}

static void handshake_step(struct ssh_connection *c)
{
    int rc = libssh2_session_handshake(c->codec.session, ssh_socket_fd(c->codec.socket));
    if (rc == LIBSSH2_ERROR_EAGAIN)
        return;
    if (rc != 0) {
        ssh_explain_handshake(c, rc);
        return;
    }
    struct err e;
    if (ssh_host_key_check(c, &e) < 0) {
        if (!c->unsupported[0])
            ssh_connection_fail(c, TRANSPORT_NEVER, "%s", e.text);
        return;
    }
    ssh_offer_free(&c->codec.offer);
    set_state(c, SSH_AUTH, "host key accepted");
    c->auth = ssh_auth_new(c);
    if (!c->auth)
        ssh_connection_fail(c, TRANSPORT_RETRY, "Out of memory while connecting to %s.", c->transport->name);
}

static void logged_in(struct ssh_connection *c)
{
    set_state(c, SSH_OPENING, "logged in");
    ssh_auth_free(c->auth);
    c->auth = NULL;
    ssh_connection_wait(c, SSH_CONTROL_MS);
    long interval = c->settings.alive_interval > 0 ? c->settings.alive_interval : SSH_KEEPALIVE_SECONDS;
    libssh2_keepalive_config(c->codec.session, 0, (unsigned)interval); /* with replies libssh2 would leak each one */
    timer_start(c->keepalive, (uint64_t)interval * SSH_MS, (uint64_t)interval * SSH_MS);
}

static void notify_begin(struct ssh_connection *c)
{
    char text[SSH_WHERE_MAX + sizeof "Connecting to  ..."];
    if (c->noted)
        return;
    c->noted = true;
    (void)snprintf(text, sizeof text, "Connecting to %s ...", c->transport->name);
    note(c, text);
}

static void notify_lost(struct ssh_connection *c)
{
    const struct carrier_handler *h = c->h;
    void *arg = c->arg;
    c->h = NULL;
    set_state(c, SSH_DEAD, "the owner was notified");
    if (h && h->lost)
        h->lost(arg, &c->why, c->loss);
}

static void connection_free(struct ssh_connection *c)
{
    struct ssh_transport *t = c->transport;
    for (struct ssh_connection **at = &t->connections; *at; at = &(*at)->next)
        if (*at == c) {
            *at = c->next;
            break;
        }
    call_off(c);
    if (c->codec.session && !c->socket_ended) {
        (void)libssh2_session_disconnect_ex(c->codec.session, SSH_DISCONNECT_BY_APPLICATION, "done", "");
        ssh_socket_flush(c->codec.socket); /* what the kernel does not take at once is not worth waiting for */
    }
    drop_codec(c); /* libssh2's side of the channel is freed with its session */
    ssh_turn_free(c->turn);
    timer_free(c->deadline);
    timer_free(c->keepalive);
    ssh_settings_free(&c->settings);
    ssh_known_free(&c->known);
    ssh_known_free(&c->plain);
    ssh_names_free(&c->names);
    buf_free(&c->out);
    free(c->known_name);
    free(c->plain_name);
    free(c->line);
    free(c);
    ssh_transport_settle(t);
}

/* Moves on as far as what has come allows. */
static void advance(struct ssh_connection *c)
{
    notify_begin(c);
    if (c->state == SSH_HANDSHAKE)
        handshake_step(c);
    if (c->state == SSH_AUTH && c->auth && !c->unsupported[0] && ssh_auth_step(c->auth) == 1)
        logged_in(c);
    if (c->unsupported[0] && c->state < SSH_OPENING)
        ssh_connection_set_program(c, c->unsupported);
    if (c->state == SSH_OPENING && ssh_channel_step(c))
        set_state(c, SSH_EXEC, "the channel is open");
    if (c->state == SSH_EXEC && ssh_channel_step(c)) {
        set_state(c, SSH_RUNNING, "the command is started");
        ssh_connection_running(c);
    }
    if (c->state == SSH_RUNNING && ssh_channel_turn(c))
        c->again = true;
}

static void on_turn(struct ssh_connection *c)
{
    c->in_turn = true;
    c->again = false;
    c->codec.budget = SSH_TURN_BYTES;
    advance(c);
    if (c->socket_ended && c->codec.session && c->state < SSH_DRAINING && ssh_socket_waiting(c->codec.socket) == 0)
        ssh_explain_end(c);
    if (c->state == SSH_DRAINING) {
        bool moved = c->channel && ssh_channel_turn(c);
        if (c->state == SSH_DRAINING && (!moved || ssh_channel_is_drained(c)))
            notify_lost(c);
        c->again = c->state == SSH_DRAINING;
    }
    if (c->state < SSH_DRAINING && c->codec.session) {
        ssh_socket_flush(c->codec.socket);
        if (c->codec.budget == 0)
            c->again = true;
    }
    c->in_turn = false;
    if (c->state == SSH_DEAD)
        connection_free(c);
    else if (c->again)
        ssh_connection_schedule(c);
}

struct ssh_connection *ssh_connection_new(struct ssh_transport *t, const char *line, const struct carrier_handler *h,
                                          void *arg)
{
    struct ssh_connection *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    *c = (struct ssh_connection){.base = {.transport = &t->base}, .transport = t, .h = h, .arg = arg};
    c->number = ++t->connection_count;
    c->line = strdup(line);
    c->turn = ssh_turn_new(c, on_turn);
    c->deadline = timer_new(t->loop, on_deadline, c);
    c->keepalive = timer_new(t->loop, on_keepalive, c);
    buf_init(&c->out, OUT_MAX);
    if (!c->line || !c->turn || !c->deadline || !c->keepalive) {
        ssh_turn_free(c->turn);
        timer_free(c->deadline);
        timer_free(c->keepalive);
        free(c->line);
        free(c);
        return NULL;
    }
    c->next = t->connections;
    t->connections = c;
    ssh_settings_ask(c);
    ssh_connection_schedule(c);
    return c;
}
