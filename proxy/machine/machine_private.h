/* What the files of a machine share: machine.c (who uses it, and its life), machine_outage.c (while
 * the connection is lost), machine_tunnel.c (the tunnel over a
 * carrier), channel.c (the streams in it). */
#ifndef PROXY_MACHINE_MACHINE_PRIVATE_H
#define PROXY_MACHINE_MACHINE_PRIVATE_H

#include "dap/must_use.h"
#include "dap/buf.h"
#include "proxy/base/nonce.h"
#include "proxy/base/timer.h"
#include "proxy/machine/machine.h"
#include "proxy/machine/transport.h"
#include "proxy/tunnel/tunnel.h"

enum machine_state {
    MACHINE_IDLE,       /* no carrier: nothing needs it */
    MACHINE_CONNECTING, /* a carrier was asked for */
    MACHINE_BOOTING,    /* the supervisor is being put there */
    MACHINE_GREETING,   /* the tunnel has said hello */
    MACHINE_UP,
    MACHINE_RETRYING, /* the carrier was lost: the time before the next try */
    MACHINE_ASKING    /* likewise, but only the user's next action makes it try again */
};

struct remote_machine {
    struct machine base; /* first */
    struct remote_machine *next;
    uv_loop_t *loop;
    char *name; /* the destination: targets that have it share the machine */
    int references;
    long keep_warm_seconds, lease_seconds;

    enum machine_state state;
    struct transport *transport;
    struct carrier *carrier; /* NULL: none */
    struct boot *boot;       /* of the carrier; NULL: it needs none */
    char client[NONCE_SIZE]; /* who delvegate is there */
    char nonce[NONCE_SIZE];  /* likewise */
    struct tunnel *tunnel;   /* NULL: no session has anything there */
    uint64_t link_number;    /* the tunnel's, of the carrier */
    unsigned attempts;       /* since the carrier was lost */
    uint64_t lost_at;        /* when it was, boot clock; 0: it is there, or never was */
    uint64_t up_at;          /* since when it is there */
    uint64_t heard_at;       /* when the last byte came */
    struct err why;          /* it was lost */

    char *dir; /* of the supervisor's instance; NULL: not known yet */
    struct channel *about, *channels;
    struct buf about_bytes;
    struct session_link *links;
    uint32_t last_session;

    uint64_t tick_due; /* boot clock */
    struct timer *soon, *tick, *retry, *warm;
    struct timer *patience, *lease; /* while the connection is lost: of who comes then; of what runs there */
    struct timer *deadline;         /* of the supervisor's answer */
    bool in_turn;
    bool is_leaving; /* its supervisor was asked to end: that is waited for */
};

struct session_link {
    struct link base; /* first */
    struct session_link *next;
    const struct link_handler *handler; /* NULL: closed by its owner, freed at the end of the turn */
    void *arg;
    uint32_t session;
    char *dir;
    bool notified_ready, notified_lost; /* notified_lost: it has a text about the lost connection */
    uint64_t began_at;                  /* boot clock */
    void (*on_stream)(void *arg, struct channel *c, enum order_stream stream, uint32_t number);
    void *stream_arg;
};

/* Freed once the tunnel knows no more of its stream. */
struct channel {
    struct remote_machine *machine;
    struct session_link *link;             /* NULL: of the machine itself, or it has no owner */
    struct channel *next;                  /* of all of the tunnel's */
    const struct channel_handler *handler; /* NULL: no owner */
    void *arg;
    uint32_t stream;
    struct buf out;
    size_t out_sent;
    bool paused, opened, drained_due, ended_here, ended_there;
    bool is_input; /* nothing comes back by it: that its other way ends at once says nothing of this one */
};

/* machine.c */

/* Has machine_turn run soon, outside of whatever call is going on. */
void machine_schedule(struct remote_machine *m);
/* There is no way to the supervisor's sessions any more: all links are lost. */
void machine_lose(struct remote_machine *m, const struct err *why, bool transient);
/* Another supervisor is there: links that had something at the one before are lost, the others go on with a new tunnel.
 */
void machine_lose_sessions(struct remote_machine *m, const struct err *why);
/* The carrier is of no more use. */
void machine_carrier_lost(struct remote_machine *m, const struct err *why, enum transport_loss loss);
void machine_set_state(struct remote_machine *m, enum machine_state state, const char *reason);
/* The supervisor's directory is known. */
void machine_on_about(struct remote_machine *m);
/* The tunnel has a link (again). */
void machine_on_up(struct remote_machine *m);
struct session_link *machine_find_link(struct remote_machine *m, uint32_t session);

void machine_note_all(struct remote_machine *m, const char *text);
/* Whether somebody has a link, or an end that could not be said yet is owed to the machine. */
bool machine_is_needed(const struct remote_machine *m);
/* Nothing is wanted of it any more. */
void machine_go_idle(struct remote_machine *m, const char *reason);
/* Only links that are not ready yet, or only those that are, or both. */
void machine_notify_lost(struct remote_machine *m, const struct err *why, bool transient, bool fresh, bool ready);

/* machine_connect.c: one connection to the supervisor. */

/* Begins one. */
void machine_connect(struct remote_machine *m);
/* Timer: the supervisor has not answered. */
void machine_answer_timeout(void *arg);
void machine_close_carrier(struct remote_machine *m);

/* machine_outage.c: from the loss of the connection to its return. */

/* It is there again. */
void machine_outage_over(struct remote_machine *m);
/* Nobody waits for it any more. */
void machine_outage_forget(struct remote_machine *m);
/* Notifies links that were made while it is lost. */
void machine_outage_notify(struct remote_machine *m);
/* The time of a tick is long over: this machine slept. */
void machine_outage_gap(struct remote_machine *m);
/* Timers. */
void machine_outage_patience(void *arg);
void machine_outage_lease(void *arg);

/* machine_tunnel.c */

/* Makes a tunnel, without a link. Returns -1 when memory ran out. */
int machine_tunnel_new(struct remote_machine *m) MUST_USE;
/* Says hello over the carrier. */
void machine_tunnel_call(struct remote_machine *m);
void machine_tunnel_receive(struct remote_machine *m, const char *data, size_t len);
/* Handles what has happened, sends what is to be sent, and sets the clock for the next time. */
void machine_turn(struct remote_machine *m);
/* Frees it with all channels, without a word to their owners. */
void machine_tunnel_free(struct remote_machine *m);
/* Milliseconds of a clock that goes on while the machine sleeps. */
uint64_t machine_clock(void);

/* channel.c: of events of the tunnel. */

struct channel *channel_new(struct remote_machine *m, struct session_link *l, const struct channel_handler *h,
                            void *arg) MUST_USE;
size_t channel_source_bytes(void *arg, uint32_t stream, void *data, void *room, size_t n);
void channel_on_event(struct remote_machine *m, const struct tunnel_event *event);
/* Notifies owners of what is due: that they may write, what has come, that their queue is low. */
void channels_turn(struct remote_machine *m);
/* Takes the channels of a link from their owner. */
void channels_abandon(struct session_link *l);
/* Frees all, without a word: the tunnel is gone. */
void channels_free(struct remote_machine *m);

#endif
