/* ssh: the transport over libssh2, run as a codec without a socket of its own, or over the user's own ssh program where
 * libssh2 cannot do what the SSH configuration asks for.
 * It may use base, and of machine the transport's interface, which it implements, and its children.
 * Nothing here knows of a supervisor, a Delve or a session.
 * Everything is freed only at the end of a connection's turn (ssh_connection.c), so that handlers may close what they
 * like.
 *
 * Inside: its objects, and what its files offer each other. */
#ifndef PROXY_SSH_SSH_IMPL_H
#define PROXY_SSH_SSH_IMPL_H

#include <libssh2.h>

#include "dap/must_use.h"
#include "proxy/base/log.h"
#include "proxy/base/spawn.h"
#include "proxy/base/timer.h"
#include "proxy/machine/child.h"
#include "proxy/machine/stderr_tail.h"
#include "proxy/machine/transport.h"
#include "proxy/ssh/ssh_agent_find.h"
#include "proxy/ssh/ssh_dial.h"
#include "proxy/ssh/ssh_offer.h"
#include "proxy/ssh/ssh_parse.h"
#include "proxy/ssh/ssh_proxy.h"
#include "proxy/ssh/ssh_socket.h"

enum {
    SSH_WHERE_MAX = 512,
    SSH_DISCONNECT_MAX = 256,
    SSH_REASON_MAX = 512,
    SSH_MS = 1000, /* milliseconds in a second */

    SSH_TOOL_MS = 10 * SSH_MS,         /* `ssh -G`, `ssh-keygen -F` */
    SSH_CONNECT_SECONDS = 10,          /* ConnectTimeout when it is not set */
    SSH_PROXY_MS = 60 * SSH_MS,        /* first answer through a ProxyJump or ProxyCommand */
    SSH_HANDSHAKE_MS = 20 * SSH_MS,    /* key exchange */
    SSH_AUTH_MS = 30 * SSH_MS,         /* each answer of the server while a key is tried */
    SSH_AGENT_SLOW_MS = 2 * SSH_MS,    /* after that it is reported what is waited for */
    SSH_AGENT_SIGN_MS = 60 * SSH_MS,   /* a signature: it may ask a person */
    SSH_CONTROL_MS = 30 * SSH_MS,      /* opening the channel, starting the command */
    SSH_END_MS = 5 * SSH_MS,           /* from the end of the command's stdout to that of the command */
    SSH_PROGRAM_MS = 60 * SSH_MS,      /* from the start of the ssh program to the command's first byte */
    SSH_ASKING_MS = 300 * SSH_MS,      /* the same when it may ask a person */
    SSH_KEEPALIVE_SECONDS = 15,        /* ServerAliveInterval when it is not set */
    SSH_USER_TIMEOUT_MS = 30 * SSH_MS, /* unacknowledged bytes, when ServerAlive* do not say */
    SSH_USER_TIMEOUT_MIN_MS = 5 * SSH_MS,
    SSH_USER_TIMEOUT_MAX_MS = 24 * 60 * 60 * SSH_MS,

    SSH_AUTH_TRIES_MAX = 5, /* sshd hangs up after 6 */
    SSH_WINDOW = 1024 * 1024,
    SSH_PACKET = 32 * 1024,
    SSH_TURN_BYTES = 256 * 1024, /* read before the loop serves others */
    SSH_SLICE_BYTES = 64 * 1024  /* read, and written, before the other */
};

enum ssh_state {
    SSH_SETTINGS,  /* `ssh -G` runs */
    SSH_RECORDED,  /* `ssh-keygen -F` runs, one known_hosts file after the other */
    SSH_DIALING,   /* names, TCP, or the proxy child */
    SSH_HANDSHAKE, /* libssh2 exchanges keys */
    SSH_AUTH,      /* keys are tried */
    SSH_OPENING,   /* the channel is opened */
    SSH_EXEC,      /* the command is started */
    SSH_RUNNING,
    SSH_PROGRAM,  /* the ssh program does it all */
    SSH_DRAINING, /* lost or never came up: what had arrived is delivered, then the owner is notified */
    SSH_DEAD,     /* freed at the end of this turn */
    SSH_STATE_COUNT
};

struct ssh_auth;
struct ssh_connection;
struct ssh_turn;

/* Names of this machine and its user. */
struct ssh_names {
    char *home, *local_user, *local_uid, *local_host, *jump_host, *hash;
};

struct ssh_transport {
    struct transport base;
    char where[SSH_WHERE_MAX]; /* base.where points here */
    char subject[SSH_WHERE_MAX];
    uv_loop_t *loop;
    char *name; /* as the configuration says */
    struct ssh_destination destination;
    enum config_maybe program;        /* sshProgram of the target */
    char unsupported[SSH_REASON_MAX]; /* found out while connecting: why the ssh program is run; empty: it is not */
    bool was_ready;                   /* once: then a name that is not found is a matter of the network */
    bool is_freed;                    /* by its owner; it lives until its connections are gone */
    char *defaults;                   /* what `ssh -G` says without any configuration; NULL: not asked yet */
    struct ssh_connection *connections;
    int connection_count; /* ever made, for the log */
};

/* libssh2 as a codec: see ssh_codec.c. */
struct ssh_codec {
    LIBSSH2_SESSION *session;
    struct ssh_socket *socket;
    size_t budget;                  /* bytes that may still be taken in this turn */
    struct ssh_offer offer;         /* of the server, until the keys are exchanged */
    char *offered[SSH_OFFER_COUNT]; /* by us */
    bool frozen; /* nothing is taken any more: the far side is lost, what libssh2 holds is delivered */
    bool broken; /* libssh2 is being ended: everything fails */
    char disconnect_message[SSH_DISCONNECT_MAX]; /* what the server said when it ended the connection; empty: nothing */
};

/* A carrier. */
struct ssh_connection {
    struct carrier base;
    struct ssh_transport *transport;
    struct ssh_connection *next;
    int number; /* in the log */
    enum ssh_state state;
    const struct carrier_handler *h; /* NULL: closed by its owner */
    void *arg;
    char *line; /* the command */
    struct ssh_settings settings;
    struct ssh_tokens tokens;
    struct ssh_names names;        /* that tokens points at */
    char *known_name, *plain_name; /* the latter NULL: only the former counts */
    size_t known_at;               /* the next look into a file, of those that are to be done: see ssh_recorded_ask */
    struct ssh_known known, plain; /* what is recorded under each */
    struct spawn *spawn;
    struct ssh_agent_find *find; /* for the proxy, or the program */
    struct ssh_dial *dial;
    struct ssh_proxy *proxy;
    struct ssh_codec codec;
    struct ssh_auth *auth;
    LIBSSH2_CHANNEL *channel;
    struct child *program; /* the ssh program */
    struct ssh_turn *turn;
    struct timer *deadline, *keepalive;
    struct buf out;                 /* for the command's stdin, until libssh2 or the program takes it */
    size_t out_sent;                /* bytes of out that libssh2 has taken */
    struct stderr_tail stderr_tail; /* the command's stderr */
    struct err why;                 /* of the loss */
    enum transport_loss loss;
    char unsupported[SSH_REASON_MAX]; /* why the ssh program shall take over; empty: it shall not */
    bool noted, drained_due;
    bool is_ending;    /* its stdout and stderr have ended, it has not */
    bool has_answered; /* something came from the command's stdout */
    bool has_asked;    /* a person was asked, or may have been */
    bool socket_ended; /* no more bytes will come */
    bool in_turn, again;
};

/* ssh.c */

/* Frees the transport when its owner has, and its connections are gone. */
void ssh_transport_settle(struct ssh_transport *t);

/* ssh_connection.c */

/* Begins to connect. NULL when memory ran out. */
struct ssh_connection *ssh_connection_new(struct ssh_transport *t, const char *line, const struct carrier_handler *h,
                                          void *arg) MUST_USE;
bool ssh_connection_write(struct ssh_connection *c, const char *data, size_t len);
size_t ssh_connection_queued(const struct ssh_connection *c);
/* Ends it without telling anybody, at the end of its next turn. */
void ssh_connection_close(struct ssh_connection *c);
/* Lets the connection work soon, outside of whatever call is going on. */
void ssh_connection_schedule(struct ssh_connection *c);
/* Ends the connection for the reason. Its owner hears of it in a later turn, behind the data. */
void ssh_connection_fail(struct ssh_connection *c, enum transport_loss loss, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* What the SSH configuration, or the server, asks for is not supported by libssh2: has the ssh program take over, in
   this turn and in later connections, unless the target forbids it. Returns whether it does; else the caller says what
   is wrong. */
bool ssh_connection_unsupported(struct ssh_connection *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* libssh2's text for its last error. */
const char *ssh_connection_last_error(struct ssh_connection *c);
/* Starts the clock for one step; the connection fails when it runs out. */
void ssh_connection_wait(struct ssh_connection *c, uint64_t ms);
/* The command takes input, which is reported once. */
void ssh_connection_running(struct ssh_connection *c);
/* Below CARRIER_LOW_WATER after it was above the other: notifies the owner. */
void ssh_connection_drained(struct ssh_connection *c);
/* What comes after the settings, and after the recorded host keys. */
void ssh_connection_set_recorded(struct ssh_connection *c);
void ssh_connection_dial(struct ssh_connection *c);
/* The ssh program takes over. */
void ssh_connection_set_program(struct ssh_connection *c, const char *reason);

/* ssh_explain.c: fail the connection, each with what is known of the reason. */

/* The way through the proxy did not lead to the host. The proxy's own words come first; reason is what is known without
   them. */
void ssh_explain_proxy(struct ssh_connection *c, const char *reason);
/* libssh2's handshake failed with rc. The ssh program may take over instead. */
void ssh_explain_handshake(struct ssh_connection *c, int rc);
/* The stream is over and everything that came is used. Does nothing while the proxy may still say why. */
void ssh_explain_end(struct ssh_connection *c);
/* The command ended. how: "exit status 1"; by_itself: not by a signal. */
void ssh_explain_command_end(struct ssh_connection *c, const char *how, bool by_itself);

/* ssh_settings.c: `ssh -G` and `ssh-keygen -F`; continue with the connection's next state by themselves. */
void ssh_settings_ask(struct ssh_connection *c);
void ssh_recorded_ask(struct ssh_connection *c);
void ssh_names_free(struct ssh_names *n);
/* Whether this version of ssh has the setting, named as `ssh -G` prints it: old ones refuse what they do not know. */
bool ssh_settings_know(const struct ssh_connection *c, const char *key);
/* Appends the command with which the user does by hand what delvegate does: "ssh OPTIONS HOST true". options: "" or
   words with a blank behind. What of ssh_config would keep it from that is turned off. Failures show in out->failed. */
void ssh_settings_command(const struct ssh_connection *c, const char *options, struct buf *out);

/* ssh_host_key.c */

/* Chooses the host key types to ask for, those recorded first. Returns 0, or -1 with e set. */
int ssh_host_key_prefer(struct ssh_connection *c, struct err *e) MUST_USE;
/* Judges the key that the server has shown. Returns 0, or -1 with e set. */
int ssh_host_key_check(struct ssh_connection *c, struct err *e) MUST_USE;
/* For a server with none of the types that are asked for: says what that means. Returns whether it means that libssh2
   lacks them, not that the key has changed. */
bool ssh_host_key_none(struct ssh_connection *c, struct err *e);

/* ssh_auth.c */
struct ssh_auth *ssh_auth_new(struct ssh_connection *c) MUST_USE;
/* Goes on. Returns 1 when the server has accepted a key, 0 when it waits, -1 when ssh_connection_fail or
   ssh_connection_unsupported was called. */
int ssh_auth_step(struct ssh_auth *a) MUST_USE;
/* Whether the agent was asked for a signature and has not answered. */
bool ssh_auth_asks(const struct ssh_auth *a);
/* NULL is fine. */
void ssh_auth_free(struct ssh_auth *a);

/* ssh_turn.c */

/* NULL when memory ran out. */
struct ssh_turn *ssh_turn_new(struct ssh_connection *c, void (*run)(struct ssh_connection *c)) MUST_USE;
/* Has run(c) called once, soon, from the loop. */
void ssh_turn_start(struct ssh_turn *t);
/* NULL is fine. */
void ssh_turn_free(struct ssh_turn *t);

/* ssh_codec.c */
int ssh_codec_open(struct ssh_codec *k, struct ssh_socket *socket) MUST_USE;
/* Sets which of the names (separated by commas, the first preferred) are offered. Names that this libssh2 does not know
   are left out here: 1.10 removes them from its own copy with an overlapping memcpy. Returns 0, or -1 when none is
   left. */
int ssh_codec_prefer(struct ssh_codec *k, int method, const char *names) MUST_USE;
/* The names that are offered for one of LIBSSH2_METHOD_*; NULL for host keys, which depend on what is recorded. */
const char *ssh_codec_names(int method);
void ssh_codec_close(struct ssh_codec *k);

/* ssh_channel.c */

/* Opens the channel and starts the command in it. Returns whether it got ahead. */
bool ssh_channel_step(struct ssh_connection *c);
/* Reads and writes until nothing moves or the budget is used up. Returns true when there may be more to do. */
bool ssh_channel_turn(struct ssh_connection *c);
/* Whether all that had arrived was delivered. */
bool ssh_channel_is_drained(const struct ssh_connection *c);

/* ssh_program.c */

/* Starts the ssh program; continues by itself. */
void ssh_program_start(struct ssh_connection *c);
/* It has not got as far as the command in time. */
void ssh_program_is_late(struct ssh_connection *c);
/* Whether it could ask a person: there is a display, and a program that asks. */
bool ssh_program_can_ask(void);

#endif
