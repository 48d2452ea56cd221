/* machine: a Go machine as delvegate sees it: the transports behind one interface, the supervisor that is started
 * there, and what a lost session has left behind.
 * It may use base. The interface's ssh implementation is in the room above it, which this one does not know.
 * Nothing here knows of DAP messages, a session or an editor.
 *
 * Reaching it: run any number of shells there, open streams to ports there, hear of a loss. Two
   implementations, ssh and local; nothing above this interface knows of a host name, a port of it or an sshd.
   Everything runs on the one event loop; no call blocks. */
#ifndef PROXY_MACHINE_TRANSPORT_H
#define PROXY_MACHINE_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "dap/err.h"

enum {
    CHANNEL_HIGH_WATER = 1024 * 1024, /* bytes queued for writing, from which on the owner should stop its source */
    CHANNEL_LOW_WATER = 256 * 1024    /* bytes queued, at which `drained` is called after that */
};

enum channel_source {
    CHANNEL_STDOUT = 1, /* a shell's stdout, or what a port's stream sends */
    CHANNEL_STDERR = 2  /* a shell's stderr */
};

/* What a channel tells its owner. Members may be NULL. None is called from inside a channel_ or link_ call. */
struct channel_handler {
    void (*opened)(void *arg);
    /* Bytes, valid during the call. Never empty. */
    void (*data)(void *arg, enum channel_source source, const char *data, size_t len);
    /* There the stream has ended (both sources of a shell): no more data. */
    void (*eof)(void *arg);
    /* The write queue went below CHANNEL_LOW_WATER after channel_write had returned true. */
    void (*drained)(void *arg);
    /* The channel is gone: it could not be opened (opened was not called), was closed there, or the shell ended. All
       data came before. why->text is empty for an ordinary end. exit_status: of a shell, 128 + signal; -1 when unknown.
       The pointer is dead afterwards. */
    void (*closed)(void *arg, const struct err *why, int exit_status);
};

struct link_handler {
    void (*ready)(void *arg);
    /* Words for the user about what goes on ("connecting to gomachine ..."); optional. */
    void (*note)(void *arg, const char *text);
    /* The link never came up or is lost; its channels are gone too, without a `closed` of their own, after all data
       that had arrived was delivered. The link and channel pointers are dead afterwards. transient: trying again later
       may help (network), false: it will not (host key, no key accepted). */
    void (*lost)(void *arg, const struct err *why, bool transient);
};

struct transport; /* one way to one Go machine; shared by all targets that name it */
struct link;      /* one debug session's share of a connection: its channels stay together */
struct channel;

struct transport_ops {
    void (*release)(struct transport *t);
    struct link *(*link)(struct transport *t, const struct link_handler *h, void *arg);
    void (*link_close)(struct link *l);
    /* These three may be NULL: nothing lies between here and there. */
    uint64_t (*silence)(const struct link *l);
    void (*distrust)(struct link *l);
    void (*give_up)(struct link *l, const struct err *why);
    struct channel *(*shell)(struct link *l, const struct channel_handler *h, void *arg);
    struct channel *(*stream)(struct link *l, int port, const struct channel_handler *h, void *arg);
    bool (*write)(struct channel *c, const char *data, size_t len);
    size_t (*queued)(const struct channel *c);
    void (*pause)(struct channel *c, bool paused);
    void (*shut)(struct channel *c);
    void (*close)(struct channel *c);
};

/* Every implementation's objects begin with these. */
struct transport {
    const struct transport_ops *ops;
    bool is_local;     /* the Go machine is this one: the keeper must not look for an sshd */
    const char *where; /* for texts: "gomachine (me@10.0.0.5:22)" or "this machine" */
};
struct link {
    struct transport *transport;
};
struct channel {
    const struct transport_ops *ops;
};

/* The two implementations. Each call takes a reference that transport_release gives back; calls with the same
   destination share one transport. NULL when memory ran out. destination: Host of ssh_config, user@host,
   user@host:port. keep_warm_seconds: how long an idle connection is kept (the largest asked for wins). loop outlives
   them. */
struct transport *transport_local(uv_loop_t *loop);
struct transport *transport_ssh(uv_loop_t *loop, const char *destination, long keep_warm_seconds);
void transport_release(struct transport *t);
/* Lets go of local shells that were closed and still run; before the loop is closed. */
void transport_local_forget(uv_loop_t *loop);

/* Begins a link; handlers are called later. NULL when memory ran out. */
struct link *transport_link(struct transport *t, const struct link_handler *h, void *arg);
/* Gives the link back; closes its channels. No handler of either is called any more. Pointers are dead afterwards. */
void link_close(struct link *l);

/* Milliseconds since the last byte came from there over the link's connection, whoever's it was. 0 where nothing lies
 * between. */
uint64_t link_silence(const struct link *l);
/* An answer that was due has not come: until something comes from there, new links go over another connection. */
void link_distrust(struct link *l);
/* Its connection is taken for dead: every link on it is lost, for this reason. */
void link_give_up(struct link *l, const struct err *why);

/* Runs `exec sh` in the login shell there, without a terminal. Only on a ready link. NULL when memory ran out. */
struct channel *link_shell(struct link *l, const struct channel_handler *h, void *arg);
/* Connects to 127.0.0.1:port there. As link_shell. */
struct channel *link_stream(struct link *l, int port, const struct channel_handler *h, void *arg);

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
