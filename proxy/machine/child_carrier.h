/* A carrier whose bytes are those of a child's stdin and stdout: what the local and the command transport share. */
#ifndef PROXY_MACHINE_CHILD_CARRIER_H
#define PROXY_MACHINE_CHILD_CARRIER_H

#include "dap/must_use.h"
#include "proxy/machine/child.h"
#include "proxy/machine/transport.h"

struct timer;

struct child_carrier {
    struct carrier base; /* first */
    const struct carrier_handler *handler;
    void *arg;                /* the handler's */
    struct child *child;      /* NULL: it could not be started, or has ended */
    struct err why;           /* then: why, ... */
    enum transport_loss loss; /* ... and whether trying again may help */
    bool has_answered;        /* something came from its stdout */
    /* child_carrier.c's own */
    struct timer *begin;
    bool drained_due;
};

/* Makes one without a child. The transport starts it right after, with a child_handler whose arg is the carrier, or
 * sets why and loss; the owner hears of it from the loop. NULL when memory ran out. */
struct child_carrier *child_carrier_new(uv_loop_t *loop, struct transport *t, const struct carrier_handler *h,
                                        void *arg) MUST_USE;
/* Frees the carrier and reports why and loss to its owner; its child has ended. */
void child_carrier_lose(struct child_carrier *c);

/* For the child_handler. */
void child_carrier_data(void *arg, const char *data, size_t len);
void child_carrier_drained(void *arg);

/* For the transport_ops. */
bool child_carrier_write(struct carrier *base, const char *data, size_t len);
size_t child_carrier_queued(const struct carrier *base);
void child_carrier_close(struct carrier *base);

#endif
