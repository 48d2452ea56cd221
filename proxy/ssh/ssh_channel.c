/* The one channel of a connection: opened, the command started, data in both directions. libssh2 is asked the same
   thing again until it is done; nothing else is asked of it meanwhile. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/ssh/ssh_impl.h"

enum { CHANNEL_READ_SIZE = 32 * 1024, CHANNEL_HOW_MAX = 64, CHANNEL_OUT_KEPT = 64 * 1024 };

static void connection_lost(struct ssh_connection *c)
{
    ssh_connection_fail(c, TRANSPORT_RETRY, "The SSH connection to %s was lost: %s.", c->transport->where,
                        ssh_connection_last_error(c));
}

/* Whether an error means the whole connection, and has ended it. */
static bool connection_broke(struct ssh_connection *c, long rc)
{
    if (rc != LIBSSH2_ERROR_SOCKET_DISCONNECT && rc != LIBSSH2_ERROR_SOCKET_RECV && rc != LIBSSH2_ERROR_SOCKET_SEND &&
        rc != LIBSSH2_ERROR_DECRYPT && rc != LIBSSH2_ERROR_INVALID_MAC && rc != LIBSSH2_ERROR_PROTO &&
        rc != LIBSSH2_ERROR_OUT_OF_BOUNDARY && rc != LIBSSH2_ERROR_ALLOC && rc != LIBSSH2_ERROR_KEX_FAILURE &&
        rc != LIBSSH2_ERROR_KEY_EXCHANGE_FAILURE)
        return false;
    connection_lost(c);
    return true;
}

static bool open_step(struct ssh_connection *c)
{
    static const char session[] = "session";
    c->channel =
        libssh2_channel_open_ex(c->codec.session, session, sizeof session - 1, SSH_WINDOW, SSH_PACKET, NULL, 0);
    if (c->channel)
        return true;
    int rc = libssh2_session_last_errno(c->codec.session);
    if (rc != LIBSSH2_ERROR_EAGAIN && !connection_broke(c, rc))
        ssh_connection_fail(c, TRANSPORT_NEVER,
                            "%s refused to open a session (%s). Set MaxSessions in its sshd_config to 1 or more (10 is "
                            "sshd's default); also look at `restrict` in authorized_keys.",
                            c->transport->where, ssh_connection_last_error(c));
    return false;
}

static bool exec_step(struct ssh_connection *c)
{
    int rc = libssh2_channel_process_startup(c->channel, "exec", sizeof "exec" - 1, c->line, (unsigned)strlen(c->line));
    if (rc == 0)
        return true;
    if (rc != LIBSSH2_ERROR_EAGAIN && !connection_broke(c, rc))
        ssh_connection_fail(c, TRANSPORT_NEVER,
                            "%s refused to run a command (%s). Does a ForceCommand, a `command=` in authorized_keys or "
                            "the login shell prevent it?",
                            c->transport->where, ssh_connection_last_error(c));
    return false;
}

bool ssh_channel_step(struct ssh_connection *c)
{
    return c->state == SSH_OPENING ? open_step(c) : exec_step(c);
}

/* Reads stdout (0) or stderr. Returns whether something came. */
static bool read_stream(struct ssh_connection *c, int stream)
{
    static char data[CHANNEL_READ_SIZE]; /* used up before anything else is read */
    size_t got = 0;
    while (c->h && got < SSH_SLICE_BYTES) {
        ssize_t n = libssh2_channel_read_ex(c->channel, stream, data, sizeof data);
        if (n < 0 && n != LIBSSH2_ERROR_EAGAIN)
            connection_lost(c);
        if (n <= 0)
            break;
        got += (size_t)n;
        if (stream == SSH_EXTENDED_DATA_STDERR) {
            stderr_tail_add(&c->stderr_tail, data, (size_t)n);
            continue;
        }
        c->has_answered = true;
        if (c->h->data)
            c->h->data(c->arg, data, (size_t)n);
    }
    return got > 0;
}

static void report_status(struct ssh_connection *c)
{
    char how[CHANNEL_HOW_MAX];
    char *name = NULL;
    int status = libssh2_channel_get_exit_status(c->channel);
    bool is_killed = libssh2_channel_get_exit_signal(c->channel, &name, NULL, NULL, NULL, NULL, NULL) == 0 && name;
    if (is_killed)
        (void)snprintf(how, sizeof how, "signal %s", name);
    else
        (void)snprintf(how, sizeof how, "exit status %d", status);
    libssh2_free(c->codec.session, name);
    ssh_explain_command_end(c, how, !is_killed);
}

/* What closed its stdout and stderr may take a moment to end, and need not end at all: then its status is not known. */
static void read_end(struct ssh_connection *c)
{
    if (!c->h || c->state != SSH_RUNNING || libssh2_channel_eof(c->channel) != 1)
        return;
    int rc = libssh2_channel_wait_closed(c->channel);
    if (rc == 0)
        report_status(c);
    else if (rc != LIBSSH2_ERROR_EAGAIN)
        connection_lost(c);
    else if (!c->is_ending) {
        c->is_ending = true;
        ssh_connection_wait(c, SSH_END_MS);
    }
}

static bool write_out(struct ssh_connection *c)
{
    size_t sent = 0;
    while (c->state == SSH_RUNNING && c->out_sent < c->out.len && sent < SSH_SLICE_BYTES &&
           ssh_socket_unsent(c->codec.socket) < SSH_SOCKET_OUT_HIGH) {
        ssize_t n = libssh2_channel_write_ex(c->channel, 0, c->out.data + c->out_sent, c->out.len - c->out_sent);
        if (n <= 0) {
            if (n < 0 && n != LIBSSH2_ERROR_EAGAIN && !connection_broke(c, n))
                log_debug(c->transport->subject, "the command accepts no more input: %s", ssh_connection_last_error(c));
            break;
        }
        c->out_sent += (size_t)n;
        sent += (size_t)n;
    }
    if (c->out.len > 0 && c->out_sent == c->out.len) {
        if (c->out.cap > CHANNEL_OUT_KEPT)
            buf_free(&c->out);
        else
            buf_clear(&c->out);
        c->out_sent = 0;
    }
    ssh_connection_drained(c);
    return sent > 0;
}

bool ssh_channel_turn(struct ssh_connection *c)
{
    bool moved = true;
    for (size_t total = 0; moved && c->h && total < SSH_TURN_BYTES; total += SSH_SLICE_BYTES) {
        moved = read_stream(c, 0);
        moved = read_stream(c, SSH_EXTENDED_DATA_STDERR) || moved;
        if (!moved)
            read_end(c);
        if (c->h && c->state == SSH_RUNNING)
            moved = write_out(c) || moved;
    }
    return moved || (c->state == SSH_RUNNING && c->codec.budget == 0);
}

bool ssh_channel_is_drained(const struct ssh_connection *c)
{
    unsigned long unread = 0;
    if (c->channel)
        (void)libssh2_channel_window_read_ex(c->channel, &unread, NULL);
    return unread == 0;
}
