/* ssh: the transport over libssh2, run as a codec without a socket of its own.
 * It may use base, and of machine the transport's interface, which it implements.
 * Nothing here knows of a supervisor, a Delve or a session.
 * Everything is freed only at the end of a connection's turn (ssh_connection.c), so that handlers may close what they
 * like.
 *
 * Inside: its objects, and what its files offer each other. */
#ifndef PROXY_SSH_SSH_IMPL_H
#define PROXY_SSH_SSH_IMPL_H

#include <libssh2.h>

#include "proxy/base/log.h"
#include "proxy/base/spawn.h"
#include "proxy/base/timer.h"
#include "proxy/machine/transport.h"
#include "proxy/ssh/ssh_agent_find.h"
#include "proxy/ssh/ssh_dial.h"
#include "proxy/ssh/ssh_offer.h"
#include "proxy/ssh/ssh_parse.h"
#include "proxy/ssh/ssh_proxy.h"
#include "proxy/ssh/ssh_socket.h"

enum {
    SSH_WHERE_MAX = 512,
    SSH_FAREWELL_MAX = 256,
    SSH_MS = 1000, /* milliseconds in a second */

    SSH_TOOL_MS = 10 * SSH_MS,         /* `ssh -G`, `ssh-keygen -F` */
    SSH_CONNECT_SECONDS = 10,          /* ConnectTimeout when it is not set */
    SSH_PROXY_MS = 60 * SSH_MS,        /* first answer through a ProxyJump or ProxyCommand */
    SSH_HANDSHAKE_MS = 20 * SSH_MS,    /* key exchange */
    SSH_AUTH_MS = 30 * SSH_MS,         /* each answer of the server while a key is tried */
    SSH_AGENT_SLOW_MS = 2 * SSH_MS,    /* after that the user is told what is waited for */
    SSH_AGENT_SIGN_MS = 60 * SSH_MS,   /* a signature: it may ask a person */
    SSH_CONTROL_MS = 30 * SSH_MS,      /* opening a channel, starting the shell */
    SSH_KEEPALIVE_SECONDS = 15,        /* ServerAliveInterval when it is not set */
    SSH_USER_TIMEOUT_MS = 30 * SSH_MS, /* unacknowledged bytes, when ServerAlive* do not say */
    SSH_USER_TIMEOUT_MIN_MS = 5 * SSH_MS,
    SSH_USER_TIMEOUT_MAX_MS = 24 * 60 * 60 * SSH_MS,

    SSH_LINKS_MAX = 4,       /* on one connection */
    SSH_SESSIONS_A_LINK = 2, /* shells of one link, of the 10 that sshd allows by default */
    SSH_AUTH_TRIES_MAX = 5,  /* sshd hangs up after 6 */
    SSH_WINDOW_SHELL = 256 * 1024,
    SSH_WINDOW_STREAM = 1024 * 1024,
    SSH_PACKET = 32 * 1024,
    SSH_TURN_BYTES = 256 * 1024, /* read for one connection before the loop serves others */
    SSH_SLICE_BYTES = 64 * 1024  /* read and written for one channel before the next */
};

enum ssh_state {
    SSH_SETTINGS,  /* `ssh -G` runs */
    SSH_RECORDED,  /* `ssh-keygen -F` runs, one known_hosts file after the other */
    SSH_DIALING,   /* names, TCP, or the proxy child */
    SSH_HANDSHAKE, /* libssh2 exchanges keys */
    SSH_AUTH,      /* keys are tried */
    SSH_READY,
    SSH_DRAINING, /* lost or never came up: what had arrived is delivered, then the links are told */
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
    int references;
    bool was_ready; /* once: then a name that is not found is a matter of the network */
    long keep_warm_seconds;
    struct ssh_connection *connections;
    struct ssh_transport *next;
    int connection_count; /* ever made, for the log */
    char *defaults;       /* what `ssh -G` says without any configuration; NULL: not asked yet */
};

struct ssh_link {
    struct link base;
    struct ssh_connection *connection;
    struct ssh_link *next;
    const struct link_handler *h; /* NULL: closed by its owner, freed at the end of the turn */
    void *arg;
    bool noted, told_ready;
};

enum ssh_channel_state {
    SSH_CHANNEL_QUEUED,  /* waits for its turn among the control operations */
    SSH_CHANNEL_OPENING, /* the first of them: the server is asked */
    SSH_CHANNEL_EXEC,    /* likewise: the shell is started */
    SSH_CHANNEL_OPEN,
    SSH_CHANNEL_CLOSING, /* no owner any more, waits for the server's CLOSE */
    SSH_CHANNEL_GONE     /* freed at the end of the turn */
};

struct ssh_channel {
    struct channel base;
    struct ssh_link *link; /* NULL once it has no owner */
    struct ssh_connection *connection;
    struct ssh_channel *next;
    const struct channel_handler *h; /* NULL: no owner */
    void *arg;
    LIBSSH2_CHANNEL *ssh;
    enum ssh_channel_state state;
    int port; /* 0: a shell */
    struct buf out;
    size_t out_sent; /* bytes of out that libssh2 has taken */
    bool paused, told_eof, told_high, shut, shut_sent;
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
    char farewell[SSH_FAREWELL_MAX]; /* what the server said when it ended the connection; empty: nothing */
};

struct ssh_connection {
    struct ssh_transport *transport;
    struct ssh_connection *next;
    int number; /* in the log */
    enum ssh_state state;
    struct ssh_settings settings;
    struct ssh_tokens tokens;
    struct ssh_names names;        /* that tokens points at */
    char *known_name, *plain_name; /* the latter NULL: only the former counts */
    size_t known_at;               /* the next look into a file, of those that are to be done: see ssh_recorded_ask */
    struct ssh_known known, plain; /* what is recorded under each */
    struct spawn *spawn;
    struct ssh_agent_find *find; /* for the proxy */
    struct ssh_dial *dial;
    struct ssh_proxy *proxy;
    struct ssh_codec codec;
    struct ssh_auth *auth;
    struct ssh_turn *turn;
    struct timer *deadline, *keepalive, *warm;
    struct ssh_link *links;
    struct ssh_channel *channels;
    struct ssh_channel *control; /* whose control operation runs, NULL: none */
    LIBSSH2_CHANNEL *pump; /* a closed channel: reading it makes libssh2 answer the server when there is no other */
    struct err why;        /* of the loss */
    bool transient;
    bool full;         /* takes no more links: the server refused a session */
    uint64_t heard;    /* when the last byte came, in the loop's ms */
    uint64_t doubted;  /* when an answer that was due had not come; takes no more links until something is heard */
    bool socket_ended; /* no more bytes will come */
    bool in_turn, again;
};

/* ssh.c */

/* A connection with room for another link, a new one if need be. NULL when memory ran out. */
struct ssh_connection *ssh_transport_connection(struct ssh_transport *t);
/* Frees the transport when nobody needs it and its connections are gone. */
void ssh_transport_settle(struct ssh_transport *t);

/* ssh_connection.c */

/* Begins to connect. NULL when memory ran out. */
struct ssh_connection *ssh_connection_new(struct ssh_transport *t);
/* Whether another link fits. */
bool ssh_connection_has_room(const struct ssh_connection *c);
/* Lets the connection work soon, outside of whatever call is going on. */
void ssh_connection_schedule(struct ssh_connection *c);
/* Ends the connection for the reason. Its links hear of it in a later turn, behind the data. */
void ssh_connection_fail(struct ssh_connection *c, bool transient, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Milliseconds since the last byte came from the server. */
uint64_t ssh_connection_silence(const struct ssh_connection *c);
/* Has new links go over another connection until something comes from the server. */
void ssh_connection_distrust(struct ssh_connection *c);
/* Ends it without telling anybody, at the end of its next turn. */
void ssh_connection_discard(struct ssh_connection *c);
/* libssh2's words for its last error. */
const char *ssh_connection_words(struct ssh_connection *c);
/* Starts the clock for one step; the connection fails when it runs out. */
void ssh_connection_wait(struct ssh_connection *c, uint64_t ms);

/* ssh_settings.c: `ssh -G` and `ssh-keygen -F`; continue with the connection's next state by themselves. */
void ssh_settings_ask(struct ssh_connection *c);
void ssh_recorded_ask(struct ssh_connection *c);
void ssh_names_free(struct ssh_names *n);
/* Appends the command with which the user does by hand what delvegate does: "ssh OPTIONS HOST true". options: "" or
   words with a blank behind. What of ssh_config would keep it from that is turned off. Failures show in out->failed. */
void ssh_settings_command(const struct ssh_connection *c, const char *options, struct buf *out);
/* ssh_connection.c: what comes after each. */
void ssh_connection_set_recorded(struct ssh_connection *c);
void ssh_connection_dial(struct ssh_connection *c);

/* ssh_host_key.c */

/* Chooses the host key types to ask for, those recorded first. Returns 0, or -1 with e set. */
int ssh_host_key_prefer(struct ssh_connection *c, struct err *e);
/* Judges the key that the server has shown. Returns 0, or -1 with e set. */
int ssh_host_key_check(struct ssh_connection *c, struct err *e);
/* For a server with none of the types that are asked for: says what that means. */
void ssh_host_key_none(struct ssh_connection *c, struct err *e);

/* ssh_auth.c */
struct ssh_auth *ssh_auth_new(struct ssh_connection *c);
/* Goes on. Returns 1 when the server has accepted a key, 0 when it waits, -1 when ssh_connection_fail was called. */
int ssh_auth_step(struct ssh_auth *a);
/* Whether the agent was asked for a signature and has not answered. */
bool ssh_auth_asks(const struct ssh_auth *a);
/* NULL is fine. */
void ssh_auth_free(struct ssh_auth *a);

/* ssh_turn.c */

/* NULL when memory ran out. */
struct ssh_turn *ssh_turn_new(struct ssh_connection *c, void (*run)(struct ssh_connection *c));
/* Has run(c) called once, soon, from the loop. */
void ssh_turn_start(struct ssh_turn *t);
/* NULL is fine. */
void ssh_turn_free(struct ssh_turn *t);

/* ssh_codec.c */
int ssh_codec_open(struct ssh_codec *k, struct ssh_socket *socket);
/* Sets which of the names (separated by commas, the first preferred) are offered. Names that this libssh2 does not know
   are left out here: 1.10 removes them from its own copy with an overlapping memcpy. Returns 0, or -1 when none is
   left. */
int ssh_codec_prefer(struct ssh_codec *k, int method, const char *names);
void ssh_codec_close(struct ssh_codec *k);

/* ssh_channel.c */
struct channel *ssh_channel_new(struct ssh_link *l, int port, const struct channel_handler *h, void *arg);
/* Serves all channels until nothing moves or the budget is used up. Returns true when there may be more to do. */
bool ssh_channels_turn(struct ssh_connection *c);
/* Whether all that had arrived for the link was delivered. */
bool ssh_channels_drained(const struct ssh_connection *c, const struct ssh_link *l);
/* Takes the channels of a link from their owner. */
void ssh_channels_abandon(struct ssh_connection *c, const struct ssh_link *l);
/* Frees those that are gone; all of them when the connection is ended. */
void ssh_channels_sweep(struct ssh_connection *c, bool all);
extern const struct transport_ops ssh_transport_ops;
bool ssh_channel_write(struct channel *c, const char *data, size_t len);
size_t ssh_channel_queued(const struct channel *c);
void ssh_channel_pause(struct channel *c, bool paused);
void ssh_channel_shut(struct channel *c);
void ssh_channel_close(struct channel *c);

#endif
