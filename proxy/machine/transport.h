/* A way to run one command on the Go machine: its stdin, its stdout, notes while connecting, a loss with its reason.
 * Implementations: ssh (libssh2), command (any argv as a child, the user's own ssh among them), local (the supervisor
 * as a child). Everything runs on the one event loop; no call blocks. */
#ifndef PROXY_MACHINE_TRANSPORT_H
#define PROXY_MACHINE_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "dap/must_use.h"
#include "config/config.h"
#include "dap/err.h"

enum transport_loss {
    TRANSPORT_RETRY, /* a matter of the network: trying again later may help */
    TRANSPORT_ASK,   /* a login that was refused, or that asks a person (a touch, a dialog): again at the user's next
                        action only */
    TRANSPORT_NEVER  /* it will not help: a host key that has changed, a configuration that can't be right */
};

/* What it reports to its owner. None is called from inside a transport_ or carrier_ call. */
struct carrier_handler {
    /* Words for the user about what goes on ("connecting to gomachine ..."). */
    void (*note)(void *arg, const char *text);
    /* The command is being started, and takes input. */
    void (*running)(void *arg);
    /* Bytes of its stdout, valid during the call. Never empty. They are always read. */
    void (*data)(void *arg, const char *data, size_t len);
    /* The write queue went below CARRIER_LOW_WATER after carrier_write had returned true. */
    void (*drained)(void *arg);
    /* It never came up, or is gone; all data came before. the tail of stderr is part of why when it ended by itself.
     * The pointer is dead afterwards. */
    void (*lost)(void *arg, const struct err *why, enum transport_loss loss);
};

enum {
    TRANSPORT_PATIENCE_MS = 10 * 1000, /* where no ConnectTimeout is set */
    CARRIER_HIGH_WATER = 64 * 1024,    /* bytes queued for writing, from which on the owner should give no more */
    CARRIER_LOW_WATER = 16 * 1024
};

/* What is to be run there. Borrowed during the call. */
struct transport_command {
    const char *line;   /* for a login shell, which all understand alike; NULL: none is needed (local) */
    const char *script; /* for the stdin of a shell that runs already; its data follows at once */
    size_t script_len;
};

struct transport; /* one way to one Go machine */
struct carrier;   /* one command that runs there */

struct transport_ops {
    struct carrier *(*open)(struct transport *t, const struct transport_command *command,
                            const struct carrier_handler *h, void *arg);
    bool (*write)(struct carrier *c, const char *data, size_t len);
    size_t (*queued)(const struct carrier *c);
    void (*close)(struct carrier *c);
    void (*free)(struct transport *t);
};

/* Every implementation's objects begin with these. */
struct transport {
    const struct transport_ops *ops;
    bool is_local;        /* the Go machine is this one: the end of the carrier is the end of what it carries */
    const char *where;    /* for texts: "gomachine (me@10.0.0.5:22)" or "this machine" */
    uint64_t patience_ms; /* how long somebody who comes waits for it; 0: TRANSPORT_PATIENCE_MS */
};
struct carrier {
    struct transport *transport;
};

/* The implementations for a target, which is read during the call; loop outlives them. NULL when memory ran out. */
struct transport *transport_local(uv_loop_t *loop);
struct transport *transport_command(uv_loop_t *loop, const struct config_target *target);
struct transport *transport_ssh(uv_loop_t *loop, const struct config_target *target);
/* Frees it; its carriers are closed by now. NULL is fine. */
void transport_free(struct transport *t);
/* Lets go of children that were closed and still run; before the loop is closed. */
void transport_forget(uv_loop_t *loop);

/* Begins to connect and to run the command; handlers are called later. NULL when memory ran out. */
struct carrier *transport_open(struct transport *t, const struct transport_command *command,
                               const struct carrier_handler *h, void *arg) MUST_USE;
/* Queues a copy of the bytes for its stdin. Returns true when the queue has reached CARRIER_HIGH_WATER: wait for
 * `drained`. May be called before `running`. */
bool carrier_write(struct carrier *c, const char *data, size_t len);
size_t carrier_queued(const struct carrier *c);
/* Closes at once, what is queued is dropped. No handler is called any more; the pointer is dead afterwards. */
void carrier_close(struct carrier *c);

#endif
