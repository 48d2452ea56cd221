/* machine: a Go machine as delvegate sees it: the transports behind one interface, putting the supervisor there, the
 * tunnel to it, which is made again when it breaks, and a session's runs.
 * It may use base and tunnel. The interface's ssh implementation is in the room above it, which this one does not know.
 * Nothing here knows of DAP messages, a session's client or an editor.
 *
 * One machine, one supervisor there, one tunnel; each debug session has a link, and channels in it. Nothing above this
 * interface knows of a host name, a port of it or an sshd. Everything runs on the one event loop; no call blocks. */
#ifndef PROXY_MACHINE_MACHINE_H
#define PROXY_MACHINE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "dap/must_use.h"
#include "config/config.h"
#include "dap/err.h"
#include "delve/order.h"

enum {
    CHANNEL_HIGH_WATER = 1024 * 1024, /* bytes queued for writing, from which on the owner should stop its source */
    CHANNEL_LOW_WATER = 256 * 1024    /* bytes queued, at which `drained` is called after that */
};

/* Whose bytes a program's are. */
enum channel_source { CHANNEL_STDOUT = 1, CHANNEL_STDERR = 2 };

/* How a channel came to its end. */
enum channel_end {
    CHANNEL_CLOSED,   /* there it was closed */
    CHANNEL_BROKEN,   /* it broke on the way, or there */
    CHANNEL_UNREACHED /* the connection that it stands for could not be made */
};

/* What a channel reports to its owner. Members may be NULL. None is called from inside a channel_ or link_ call. */
struct channel_handler {
    /* It can be written to; not before, and not that there it was connected. */
    void (*opened)(void *arg);
    /* Bytes, valid during the call. Never empty. */
    void (*data)(void *arg, const char *data, size_t len);
    /* There the stream has ended: no more data. */
    void (*eof)(void *arg);
    /* The write queue went below CHANNEL_LOW_WATER after channel_write had returned true. */
    void (*drained)(void *arg);
    /* The channel is gone; all data came before. why->text is empty for CHANNEL_CLOSED. The pointer is dead afterwards.
     */
    void (*closed)(void *arg, const struct err *why, enum channel_end end);
};

struct link_handler {
    /* The supervisor is there: channels can be opened. */
    void (*ready)(void *arg);
    /* Words for the user about what goes on ("connecting to gomachine ..."); optional. */
    void (*note)(void *arg, const char *text);
    /* The connection is lost and is being made again (what is waited for, in words), or it is back (NULL). Only in
       between nothing comes and nothing goes; optional. */
    void (*outage)(void *arg, const char *text);
    /* The link never came up or is lost for good; its channels are gone too, without a `closed` of their own, after all
       data that had arrived was delivered. The link and channel pointers are dead afterwards. transient: trying again
       later may help (network), false: it will not (host key, no key accepted). */
    void (*lost)(void *arg, const struct err *why, bool transient);
};

struct link; /* one debug session's share of the tunnel: its channels stay together */
struct channel;

/* The parts of it that others read. */
struct machine {
    bool is_local;     /* this machine */
    const char *where; /* for texts: "gomachine (me@10.0.0.5:22)" or "this machine" */
};
struct link {
    struct machine *machine;
};

/* Names who uses the machines, in any words that stay the same from one start to the next: a new start of the same ends
 * what the one before has left. Without it each start is somebody else's. */
void machine_set_client(const char *text);
/* The target's machine, with a reference that machine_release gives back: targets with the same destination share one.
 * The largest keepWarm asked for wins. loop outlives it. NULL when memory ran out. */
struct machine *machine_of_target(uv_loop_t *loop, const struct config_target *target);
/* NULL is fine. */
void machine_release(struct machine *base);
/* Of all machines of a loop that does not run: their supervisors are told to end once their sessions have, and to hear
 * that they have heard it is waited for a little. Only machine_forget may follow, or the process's end. */
void machine_leave(uv_loop_t *loop);
/* Likewise, and frees them. Before the loop is closed. */
void machine_forget(uv_loop_t *loop);

/* Begins a link; handlers are called later. NULL when memory ran out. */
struct link *machine_link(struct machine *base, const struct link_handler *h, void *arg);
/* Gives the link back; closes its channels. No handler of either is called any more. Pointers are dead afterwards. */
void link_close(struct link *base);
/* The directory of this link's session there, absolute; once it is ready. */
const char *link_dir(const struct link *l);
/* Whether the tunnel has a connection now, and something was heard over it lately: else nothing can be said of what
 * does not answer. */
bool link_is_alive(const struct link *base);
/* Whether the connection was there without interruption for the last ms milliseconds, and something came by it in that
 * time. Else an answer that has not come in so long is not late: wait as long again. */
bool link_was_heard(const struct link *base, uint64_t ms);
/* The user has done something: a lost connection whose login asks a person, or was refused, is tried again. */
void link_wake(struct link *base);

/* The control stream of the link's session (delve/order.h), once. Only on a ready link. NULL when memory ran out. */
struct channel *link_control(struct link *l, const struct channel_handler *h, void *arg);
/* Connects to 127.0.0.1:port there. Likewise. */
struct channel *link_stream(struct link *l, int port, const struct channel_handler *h, void *arg);
/* A stream to the supervisor of another kind, for what has this number. Likewise. */
struct channel *link_open(struct link *l, enum order_stream stream, uint32_t number, const struct channel_handler *h,
                          void *arg) MUST_USE;
/* Who is given the streams that the supervisor opens for the link's session; it takes each with channel_take or closes
 * it. NULL: nobody. */
void link_on_stream(struct link *base,
                    void (*opened)(void *arg, struct channel *c, enum order_stream stream, uint32_t number), void *arg);
void channel_take(struct channel *c, const struct channel_handler *h, void *arg);

/* Queues a copy of the bytes. Returns true when the queue has reached CHANNEL_HIGH_WATER: wait for `drained`. May be
 * called before `opened`. */
bool channel_write(struct channel *c, const char *data, size_t len);
size_t channel_queued(const struct channel *c);
/* Stops and starts reading: while paused no `data` comes, and the far side feels it. */
void channel_pause(struct channel *c, bool paused);
/* End of input toward there, after what is queued. */
void channel_shut(struct channel *c);
/* Closes at once, what is queued is dropped. No handler is called any more; the pointer is dead afterwards. */
void channel_close(struct channel *c);

#endif
