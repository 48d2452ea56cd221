/* The DAP connection to one Delve: framing, delvegate's own numbering toward it, and who waits for which answer. */
#ifndef PROXY_DELVE_DELVE_CLIENT_H
#define PROXY_DELVE_DELVE_CLIENT_H

#include <jansson.h>

#include "dap/must_use.h"
#include "dap/message.h"
#include "dap/pending.h"
#include "proxy/machine/machine.h"

/* How a connection came to its end. */
enum delve_client_end {
    DELVE_CLIENT_UNREACHED, /* it could not be made */
    DELVE_CLIENT_CLOSED,    /* Delve has closed it */
    DELVE_CLIENT_NOT_DAP,   /* what came over it was not DAP */
    DELVE_CLIENT_BROKEN     /* it broke on the way */
};

struct delve_client_handler {
    void (*opened)(void *arg);
    /* A whole message. asked: for a response, what it answers (never NULL then: second answers to one request are
     * dropped); NULL otherwise. */
    void (*message)(void *arg, const struct dap_message *m, const struct dap_asked *asked);
    /* An answer over DAP_DELVE_BODY_MAX was passed over; length is its size in bytes. */
    void (*skipped)(void *arg, const struct dap_asked *asked, size_t length);
    /* The queue toward Delve is low again after delve_client_forward had returned DELVE_CLIENT_FULL. */
    void (*drained)(void *arg);
    /* The connection is gone; what is pending is still to be taken with delve_client_take_oldest, then
     * delve_client_free is called. */
    void (*closed)(void *arg, enum delve_client_end end, const struct err *why);
};

enum delve_client_result {
    DELVE_CLIENT_SENT,
    DELVE_CLIENT_FULL,    /* sent, but the queue is full: stop reading the client until `drained` */
    DELVE_CLIENT_TOO_BIG, /* over DAP_DELVE_REQUEST_MAX, which would end Delve's connection: not sent */
    DELVE_CLIENT_TOO_MANY /* DAP_PENDING_MAX requests are unanswered, or memory ran out: not sent */
};

struct delve_client;

/* Connects to a Delve's port through the link. NULL when memory ran out. */
struct delve_client *delve_client_new(struct link *link, int port, const struct delve_client_handler *h,
                                      void *arg) MUST_USE;
/* One whose connection the supervisor makes: what is asked of it first is a flight (delve/order.h), which is sent to
 * Delve before delve_client_take. NULL when memory ran out. */
struct delve_client *delve_client_new_flight(const struct delve_client_handler *h, void *arg);
/* The flight, ORDER_REQUEST fields, as long as nothing more is asked. NULL when it could not be written. */
const struct buf *delve_client_flight(const struct delve_client *d);
/* Leaves of it what delvegate itself asks. */
void delve_client_shorten_flight(struct delve_client *d);
/* Delve's connection, on which the flight is carried out. */
void delve_client_take(struct delve_client *d, struct channel *channel);
/* The flight's connection has ended so, before it could be taken: `closed` is called. */
void delve_client_missed(struct delve_client *d, enum channel_end end, const struct err *why);
/* What is pending of a flight that is replaced; the caller's. Only delve_client_free may follow. */
struct dap_pending *delve_client_give_pending(struct delve_client *d);
/* Another flight is carried out, of count requests. pending: what that has pending, taken over; NULL: that is not known
 * any more, its answers are passed over, but those to delvegate's own requests and to configurationDone, which is the
 * last. */
void delve_client_replace_flight(struct delve_client *d, uint32_t count, struct dap_pending *pending);
/* Closes the connection, without a word to Delve, and frees it. NULL is fine. May be called from a handler. */
void delve_client_free(struct delve_client *d);
/* Closes the connection (link_lost: it is gone already); what is pending is still to be taken. NULL is fine. */
void delve_client_close(struct delve_client *d, bool link_lost);
/* Whether it can still be written to. */
bool delve_client_is_open(const struct delve_client *d);

/* Sends a message on with Delve's numbering; edits (may be NULL) are used up. A request is remembered as the asker's,
 * with m->seq. */
enum delve_client_result delve_client_forward(struct delve_client *d, enum dap_asker asker, const struct dap_message *m,
                                              struct dap_edits *edits);
/* Sends a request of delvegate's own. arguments is borrowed. */
enum delve_client_result delve_client_ask(struct delve_client *d, const char *command, const json_t *arguments);
/* As dap_pending_take_oldest. */
int delve_client_take_oldest(struct delve_client *d, struct dap_asked *asked) MUST_USE;
void delve_client_pause(struct delve_client *d, bool paused);

#endif
