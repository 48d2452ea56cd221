/* Shells and streams on one connection: control operations one after the other (libssh2 keeps the state of an open and
   takes one channel's answer to an exec for another's), data in between, fairly. */
#include <stdlib.h>
#include <string.h>

#include "proxy/base/state.h"
#include "proxy/ssh/ssh_impl.h"

enum {
    CHANNEL_OUT_MAX = 96 * 1024 * 1024, /* the longest message and what its owner may add before it looks */
    CHANNEL_OUT_KEPT = 64 * 1024,       /* of an empty queue's memory */
    CHANNEL_READ_SIZE = 32 * 1024,
    CHANNEL_SIGNAL_BASE = 128,
    LOOPBACK_MESSAGE_MAX = 128
};

static const char loopback[] = "127.0.0.1";
static const char shell_command[] = "exec sh"; /* every login shell, csh and fish too, understands it the same way */

static const char *const state_names[] = {"queued", "opening", "exec", "open", "closing", "gone"};
static const unsigned legal_edges[] = {
    [SSH_CHANNEL_QUEUED] = STATE_BIT(SSH_CHANNEL_OPENING) | STATE_BIT(SSH_CHANNEL_GONE),
    [SSH_CHANNEL_OPENING] = STATE_BIT(SSH_CHANNEL_QUEUED) | STATE_BIT(SSH_CHANNEL_EXEC) | STATE_BIT(SSH_CHANNEL_OPEN) |
                            STATE_BIT(SSH_CHANNEL_CLOSING) | STATE_BIT(SSH_CHANNEL_GONE),
    [SSH_CHANNEL_EXEC] = STATE_BIT(SSH_CHANNEL_OPEN) | STATE_BIT(SSH_CHANNEL_CLOSING),
    [SSH_CHANNEL_OPEN] = STATE_BIT(SSH_CHANNEL_CLOSING),
    [SSH_CHANNEL_CLOSING] = STATE_BIT(SSH_CHANNEL_GONE),
    [SSH_CHANNEL_GONE] = 0,
};
static const struct states states = {"channel", state_names, legal_edges};

static void set_state(struct ssh_channel *ch, enum ssh_channel_state state, const char *reason)
{
    ch->state = (enum ssh_channel_state)state_next(&states, ch->state, state, CONFIG_LOG_DEBUG,
                                                   ch->connection->transport->subject, reason);
}

static void append_channel(struct ssh_connection *c, struct ssh_channel *ch)
{
    struct ssh_channel **at = &c->channels;
    while (*at)
        at = &(*at)->next;
    ch->next = NULL;
    ch->connection = c;
    *at = ch;
    ssh_connection_schedule(c);
}

struct channel *ssh_channel_new(struct ssh_link *l, int port, const struct channel_handler *h, void *arg)
{
    struct ssh_channel *ch = calloc(1, sizeof *ch);
    if (!ch)
        return NULL;
    *ch = (struct ssh_channel){
        .base = {.ops = &ssh_transport_ops}, .link = l, .h = h, .arg = arg, .port = port, .state = SSH_CHANNEL_QUEUED};
    buf_init(&ch->out, CHANNEL_OUT_MAX);
    append_channel(l->connection, ch);
    return &ch->base;
}

static struct ssh_channel *of(const struct channel *c)
{
    return (struct ssh_channel *)(uintptr_t)c;
}

size_t ssh_channel_queued(const struct channel *c)
{
    const struct ssh_channel *ch = of(c);
    return ch->out.len - ch->out_sent;
}

bool ssh_channel_write(struct channel *c, const char *data, size_t len)
{
    struct ssh_channel *ch = of(c);
    if (ch->out_sent > 0 && ch->out_sent >= ch->out.len / 2) {
        buf_consume(&ch->out, ch->out_sent);
        ch->out_sent = 0;
    }
    (void)buf_append(&ch->out, data, len); /* a failure is sticky, and closes the channel in the turn */
    ssh_connection_schedule(ch->connection);
    if (ssh_channel_queued(c) >= CHANNEL_HIGH_WATER)
        ch->told_high = true;
    return ch->told_high;
}

void ssh_channel_pause(struct channel *c, bool paused)
{
    struct ssh_channel *ch = of(c);
    ch->paused = paused;
    if (!paused)
        ssh_connection_schedule(ch->connection);
}

void ssh_channel_shut(struct channel *c)
{
    struct ssh_channel *ch = of(c);
    ch->shut = true;
    ssh_connection_schedule(ch->connection);
}

static void abandon(struct ssh_channel *ch)
{
    ch->h = NULL;
    ch->link = NULL;
    buf_free(&ch->out);
    ch->out_sent = 0;
    if (ch->state == SSH_CHANNEL_QUEUED)
        set_state(ch, SSH_CHANNEL_GONE, "nobody waits for it");
    else if (ch->state == SSH_CHANNEL_OPEN)
        set_state(ch, SSH_CHANNEL_CLOSING, "nobody uses it any more");
    /* OPENING and EXEC end first: libssh2 cannot take them back. */
    ssh_connection_schedule(ch->connection);
}

void ssh_channel_close(struct channel *c)
{
    abandon(of(c));
}

void ssh_channels_abandon(struct ssh_connection *c, const struct ssh_link *l)
{
    for (struct ssh_channel *ch = c->channels; ch; ch = ch->next)
        if (ch->link == l)
            abandon(ch);
}

/* The channel's end, told to its owner. */
static void tell_closed(struct ssh_channel *ch, const struct err *why, int exit_status)
{
    const struct channel_handler *h = ch->h;
    void *arg = ch->arg;
    abandon(ch);
    if (h && h->closed)
        h->closed(arg, why, exit_status);
}

static void unlink_channel(struct ssh_channel *ch)
{
    for (struct ssh_channel **at = &ch->connection->channels; *at; at = &(*at)->next)
        if (*at == ch) {
            *at = ch->next;
            return;
        }
}

/* A server with a small MaxSessions refuses the first shell of a link whose neighbours have used it up: the link goes
 * to another connection. */
static bool move_link(struct ssh_channel *ch)
{
    struct ssh_link *l = ch->link;
    struct ssh_connection *from = ch->connection;
    if (!l || (from->links == l && !l->next))
        return false;
    for (const struct ssh_channel *other = from->channels; other; other = other->next)
        if (other != ch && other->link == l)
            return false;
    struct ssh_connection *to = ssh_transport_connection(from->transport);
    if (!to)
        return false;
    for (struct ssh_link **at = &from->links; *at; at = &(*at)->next)
        if (*at == l) {
            *at = l->next;
            break;
        }
    l->next = to->links;
    to->links = l;
    l->connection = to;
    timer_stop(to->warm);
    unlink_channel(ch);
    set_state(ch, SSH_CHANNEL_QUEUED, "goes to another connection");
    append_channel(to, ch);
    log_debug(from->transport->subject, "connection %d takes no more sessions; a session goes to connection %d",
              from->number, to->number);
    return true;
}

static void open_refused(struct ssh_channel *ch)
{
    struct ssh_connection *c = ch->connection;
    const char *where = c->transport->where;
    const char *words = ssh_connection_words(c);
    struct err why;
    if (ch->port == 0) {
        /* Connections with few sessions may still get some: MaxSessions counts for each connection. */
        c->full = true;
        if (move_link(ch))
            return;
        (void)err_set(&why,
                      "%s refused another session on this connection (%s). Raise MaxSessions in its sshd_config (10 is "
                      "sshd's default), or end a debug session.",
                      where, words);
    } else if (strstr(words, "prohibited")) {
        (void)err_set(&why,
                      "%s does not allow port forwarding (%s), which delvegate needs to reach Delve.\nSet "
                      "`AllowTcpForwarding yes` (or `local`) in its sshd_config; also look at PermitOpen, and at "
                      "`restrict` or `no-port-forwarding` in authorized_keys.",
                      where, words);
    } else {
        (void)err_set(&why, "Nothing on %s accepts connections at %s:%d (%s).", where, loopback, ch->port, words);
    }
    set_state(ch, SSH_CHANNEL_GONE, "refused");
    tell_closed(ch, &why, -1);
}

static LIBSSH2_CHANNEL *open_ssh(struct ssh_channel *ch)
{
    LIBSSH2_SESSION *s = ch->connection->codec.session;
    static const char session[] = "session";
    static const char tcpip[] = "direct-tcpip";
    if (ch->port == 0)
        return libssh2_channel_open_ex(s, session, sizeof session - 1, SSH_WINDOW_SHELL, SSH_PACKET, NULL, 0);
    struct buf message;
    buf_init(&message, LOOPBACK_MESSAGE_MAX);
    ssh_put_string(&message, loopback, sizeof loopback - 1);
    ssh_put_u32(&message, (uint32_t)ch->port);
    ssh_put_string(&message, loopback, sizeof loopback - 1); /* where it comes from, which sshd only logs */
    ssh_put_u32(&message, (uint32_t)ch->port);
    LIBSSH2_CHANNEL *opened = message.failed ? NULL
                                             : libssh2_channel_open_ex(s, tcpip, sizeof tcpip - 1, SSH_WINDOW_STREAM,
                                                                       SSH_PACKET, message.data, (unsigned)message.len);
    buf_free(&message);
    return opened;
}

static void now_open(struct ssh_channel *ch)
{
    if (!ch->h) {
        set_state(ch, SSH_CHANNEL_CLOSING, "nobody waits for it");
        return;
    }
    set_state(ch, SSH_CHANNEL_OPEN, "ready");
    if (ch->h->opened)
        ch->h->opened(ch->arg);
}

static void connection_lost(struct ssh_connection *c)
{
    ssh_connection_fail(c, true, "The SSH connection to %s was lost: %s.", c->transport->where,
                        ssh_connection_words(c));
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

/* Returns whether the running control operation got ahead. */
static bool control_step(struct ssh_connection *c)
{
    struct ssh_channel *ch = c->control;
    if (!ch) {
        for (ch = c->channels; ch && ch->state != SSH_CHANNEL_QUEUED;)
            ch = ch->next;
        if (!ch)
            return false;
        c->control = ch;
        set_state(ch, SSH_CHANNEL_OPENING, "its turn");
        ssh_connection_wait(c, SSH_CONTROL_MS);
    }
    if (ch->state == SSH_CHANNEL_OPENING) {
        ch->ssh = open_ssh(ch);
        if (!ch->ssh) {
            int rc = libssh2_session_last_errno(c->codec.session);
            if (rc == LIBSSH2_ERROR_EAGAIN)
                return false;
            timer_stop(c->deadline);
            c->control = NULL;
            if (!connection_broke(c, rc))
                open_refused(ch);
            return true;
        }
        if (ch->port == 0)
            set_state(ch, SSH_CHANNEL_EXEC, "the server has opened it");
    }
    if (ch->state == SSH_CHANNEL_EXEC) {
        int rc = libssh2_channel_process_startup(ch->ssh, "exec", sizeof "exec" - 1, shell_command,
                                                 sizeof shell_command - 1);
        if (rc == LIBSSH2_ERROR_EAGAIN)
            return false;
        if (rc != 0 && !connection_broke(c, rc)) {
            struct err why;
            (void)err_set(&why,
                          "%s refused to run a shell (%s). Does a ForceCommand, a `command=` in authorized_keys or the "
                          "login shell prevent it?",
                          c->transport->where, ssh_connection_words(c));
            timer_stop(c->deadline);
            c->control = NULL;
            set_state(ch, SSH_CHANNEL_OPEN, "no shell"); /* so that abandoning it closes it */
            tell_closed(ch, &why, -1);
            return true;
        }
    }
    timer_stop(c->deadline);
    c->control = NULL;
    if (c->state == SSH_READY)
        now_open(ch);
    return true;
}

static int signal_number(const char *name)
{
    static const struct {
        const char *name;
        int number;
    } signals[] = {
        {"HUP", 1},   {"INT", 2},   {"QUIT", 3},  {"ILL", 4},   {"ABRT", 6},  {"FPE", 8},  {"KILL", 9},
        {"USR1", 10}, {"SEGV", 11}, {"USR2", 12}, {"PIPE", 13}, {"ALRM", 14}, {"TERM", 15}}; /* RFC 4254's names,
                                                                                                Linux's numbers */
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (strcmp(signals[i].name, name) == 0)
            return signals[i].number;
    return 0;
}

static int exit_status_of(struct ssh_channel *ch)
{
    if (ch->port != 0)
        return -1;
    char *name = NULL;
    int status = libssh2_channel_get_exit_status(ch->ssh);
    if (libssh2_channel_get_exit_signal(ch->ssh, &name, NULL, NULL, NULL, NULL, NULL) == 0 && name) {
        int number = signal_number(name);
        status = number ? CHANNEL_SIGNAL_BASE + number : -1;
        libssh2_free(ch->connection->codec.session, name);
    }
    return status;
}

/* Reads one of the channel's sources. Returns whether something came. */
static bool read_source(struct ssh_channel *ch, int stream, enum channel_source source)
{
    struct ssh_connection *c = ch->connection;
    char data[CHANNEL_READ_SIZE];
    size_t got = 0;
    while (ch->h && !ch->paused && got < SSH_SLICE_BYTES) {
        ssize_t n = libssh2_channel_read_ex(ch->ssh, stream, data, sizeof data);
        if (n < 0 && n != LIBSSH2_ERROR_EAGAIN)
            connection_lost(c);
        if (n <= 0)
            break;
        got += (size_t)n;
        if (ch->h->data)
            ch->h->data(ch->arg, source, data, (size_t)n);
    }
    return got > 0;
}

/* Returns whether the end was reached. */
static bool read_end(struct ssh_channel *ch)
{
    if (!ch->h || ch->paused || libssh2_channel_eof(ch->ssh) != 1)
        return false;
    if (!ch->told_eof) {
        ch->told_eof = true;
        if (ch->h->eof)
            ch->h->eof(ch->arg);
        return true;
    }
    if (libssh2_channel_wait_closed(ch->ssh) != 0)
        return false;
    tell_closed(ch, &(struct err){.text = ""}, exit_status_of(ch));
    return true;
}

static bool write_out(struct ssh_channel *ch)
{
    struct ssh_connection *c = ch->connection;
    if (ch->out.failed) {
        struct err why;
        (void)err_set(&why, "More than %d MiB wait to be sent to %s; the channel was closed.",
                      CHANNEL_OUT_MAX / (1024 * 1024), c->transport->where);
        tell_closed(ch, &why, -1);
        return true;
    }
    size_t sent = 0;
    while (ch->out_sent < ch->out.len && sent < SSH_SLICE_BYTES &&
           ssh_socket_unsent(c->codec.socket) < SSH_SOCKET_OUT_HIGH) {
        ssize_t n = libssh2_channel_write_ex(ch->ssh, 0, ch->out.data + ch->out_sent, ch->out.len - ch->out_sent);
        if (n <= 0) {
            if (n < 0 && n != LIBSSH2_ERROR_EAGAIN && !connection_broke(c, n))
                log_debug(c->transport->subject, "a channel takes no more input: %s", ssh_connection_words(c));
            break;
        }
        ch->out_sent += (size_t)n;
        sent += (size_t)n;
    }
    if (ch->out_sent == ch->out.len) {
        if (ch->out.cap > CHANNEL_OUT_KEPT)
            buf_free(&ch->out);
        else
            buf_clear(&ch->out);
        ch->out_sent = 0;
        if (ch->shut && !ch->shut_sent)
            ch->shut_sent = libssh2_channel_send_eof(ch->ssh) != LIBSSH2_ERROR_EAGAIN;
    }
    if (ch->told_high && ssh_channel_queued(&ch->base) < CHANNEL_LOW_WATER) {
        ch->told_high = false;
        if (ch->h->drained)
            ch->h->drained(ch->arg);
    }
    return sent > 0;
}

/* The last channel that was closed is kept: with none at all libssh2 has no call that reads, and the server's questions
   (ClientAliveInterval, a new key exchange) would go unanswered while the connection is kept warm. */
static void keep_as_pump(struct ssh_connection *c, struct ssh_channel *ch)
{
    unsigned long unread = 0;
    if (c->pump)
        (void)libssh2_channel_window_read_ex(c->pump, &unread, NULL);
    LIBSSH2_CHANNEL *spare = ch->ssh;
    if (!c->pump || unread > 0) { /* one that holds what nobody read is not worth its memory */
        spare = c->pump;
        c->pump = ch->ssh;
    }
    ch->ssh = NULL;
    if (spare)
        (void)libssh2_channel_free(spare); /* closed already: it does not wait */
}

static bool close_step(struct ssh_channel *ch)
{
    if (libssh2_channel_close(ch->ssh) == LIBSSH2_ERROR_EAGAIN)
        return false;
    keep_as_pump(ch->connection, ch);
    set_state(ch, SSH_CHANNEL_GONE, "closed");
    return true;
}

static bool channel_turn(struct ssh_channel *ch)
{
    struct ssh_connection *c = ch->connection;
    if (ch->state == SSH_CHANNEL_CLOSING)
        return c->state == SSH_READY && close_step(ch);
    if (ch->state != SSH_CHANNEL_OPEN)
        return false;
    bool moved = read_source(ch, 0, CHANNEL_STDOUT);
    if (ch->port == 0 && ch->h)
        moved = read_source(ch, SSH_EXTENDED_DATA_STDERR, CHANNEL_STDERR) || moved;
    if (!moved)
        moved = read_end(ch);
    if (ch->h && c->state == SSH_READY)
        moved = write_out(ch) || moved;
    return moved;
}

/* Lets libssh2 take what has arrived although nobody may be reading now: it answers the server's questions, and notes
   what is for paused channels, which is bounded by their windows. */
static void take_input(struct ssh_connection *c)
{
    enum { NO_STREAM = 2 }; /* extended data that SSH does not have: nothing is taken from the channel */
    LIBSSH2_CHANNEL *any = c->pump;
    for (struct ssh_channel *ch = c->channels; ch; ch = ch->next)
        if (ch->state == SSH_CHANNEL_OPEN)
            any = ch->ssh;
    char nothing;
    if (any) {
        ssize_t n = libssh2_channel_read_ex(any, NO_STREAM, &nothing, sizeof nothing);
        if (n < 0 && n != LIBSSH2_ERROR_EAGAIN)
            connection_lost(c);
    }
}

bool ssh_channels_turn(struct ssh_connection *c)
{
    bool moved = true;
    size_t total = 0;
    take_input(c);
    while (moved && c->state <= SSH_DRAINING && total < SSH_TURN_BYTES) {
        moved = c->state == SSH_READY && control_step(c);
        for (struct ssh_channel *ch = c->channels; ch; ch = ch->next)
            moved = channel_turn(ch) || moved;
        total += SSH_SLICE_BYTES;
    }
    return moved || (c->state == SSH_READY && c->codec.budget == 0);
}

bool ssh_channels_drained(const struct ssh_connection *c, const struct ssh_link *l)
{
    for (const struct ssh_channel *ch = c->channels; ch; ch = ch->next) {
        unsigned long unread = 0;
        if (ch->link != l || ch->state != SSH_CHANNEL_OPEN)
            continue;
        (void)libssh2_channel_window_read_ex(ch->ssh, &unread, NULL);
        if (unread > 0)
            return false;
    }
    return true;
}

void ssh_channels_sweep(struct ssh_connection *c, bool all)
{
    for (struct ssh_channel **at = &c->channels; *at;) {
        struct ssh_channel *ch = *at;
        if (!all && ch->state != SSH_CHANNEL_GONE) {
            at = &ch->next;
            continue;
        }
        *at = ch->next;
        if (c->control == ch)
            c->control = NULL;
        buf_free(&ch->out);
        free(ch); /* libssh2's side is freed with its session */
    }
}
