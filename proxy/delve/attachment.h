/* One DAP connection to one Delve: delvegate's own initialize and attach, messages both ways, the program's end, and
 * whether a Delve that has closed it still lives. It does not know how that Delve came to be. */
#ifndef PROXY_DELVE_ATTACHMENT_H
#define PROXY_DELVE_ATTACHMENT_H

#include <jansson.h>

#include "dap/must_use.h"
#include "proxy/delve/delve_client.h"
#include "proxy/machine/keeper.h"
#include "proxy/machine/machine.h"

struct attachment_handler {
    /* initialize is answered, attach is asked. */
    void (*attaching)(void *arg);
    /* The body of this Delve's initialize response, borrowed; before `attached`. */
    void (*capabilities)(void *arg, const json_t *body);
    void (*attached)(void *arg);
    /* Delve has refused initialize or attach. has_exited: since its program has ended, with this status. */
    void (*refused)(void *arg, const struct err *why, bool has_exited, int status);
    /* As in delve_client_handler; what is delvegate's own does not come here. */
    void (*message)(void *arg, const struct dap_message *m, const struct dap_asked *asked);
    void (*skipped)(void *arg, const struct dap_asked *asked, size_t length);
    void (*drained)(void *arg);
    /* The program has ended. known: status is its exit code. Delve can still be asked. */
    void (*exited)(void *arg, bool known, int status);
    /* The connection is gone; what is pending can be taken. `lives`, `dead` or, when Delve's end is noticed elsewhere,
     * nothing follows. */
    void (*broken)(void *arg);
    /* That Delve answers still. Only attachment_free may follow. */
    void (*lives)(void *arg, enum delve_client_end end, const struct err *why);
    /* Nothing was heard of it; how the connection ended. Likewise. */
    void (*dead)(void *arg, enum delve_client_end end, const struct err *why);
    /* Delve does not answer any more, while the connection is there. */
    void (*silent)(void *arg, const struct err *why);
    /* After attachment_disconnect: Delve has answered, closed the connection, or was waited for long enough. */
    void (*disconnected)(void *arg, const char *how);
};

/* What it connects to, and what it says there. */
struct attachment_order {
    uv_loop_t *loop;
    struct link *link;   /* outlives the attachment, or attachment_close says that it is lost */
    int port;            /* on the Go machine's 127.0.0.1; 0: a flight, which the supervisor carries out */
    const char *subject; /* for the log; outlives the attachment */
    const json_t *initialize_arguments; /* likewise */
    const json_t *attach_arguments;     /* borrowed during the call */
    bool once_attached;                 /* the same program was attached to before */
    bool leaves;                        /* a process that was attached to by pid is left alone in the end */
};

struct attachment;

/* Connects, and attaches. NULL when memory ran out. */
struct attachment *attachment_new(const struct attachment_order *order, const struct attachment_handler *h,
                                  void *arg) MUST_USE;
/* Whether it is a flight that was not taken; what is forwarded is part of it. NULL is fine. */
bool attachment_is_flight(const struct attachment *a);
/* Whether `attached` or `refused` is awaited. */
bool attachment_is_attaching(const struct attachment *a);
/* As in delve_client.h. */
const struct buf *attachment_flight(const struct attachment *a);
void attachment_shorten_flight(struct attachment *a);
struct dap_pending *attachment_give_pending(struct attachment *a);
/* The flight is being carried out. is_newest: it is the one that this attachment has; else pending as in
 * delve_client.h. */
void attachment_take(struct attachment *a, const struct keeper_flight *flight, bool is_newest,
                     struct dap_pending *pending);
/* Whether `attached` came and the connection is there. */
bool attachment_is_open(const struct attachment *a);
/* As in delve_client.h; DELVE_CLIENT_TOO_MANY when it is not open. */
enum delve_client_result attachment_forward(struct attachment *a, enum dap_asker asker, const struct dap_message *m,
                                            struct dap_edits *edits);
/* The oldest request of the client's that is unanswered. Returns 1 with *asked, 0 when there is none. NULL is fine. */
int attachment_take_oldest(struct attachment *a, struct dap_asked *asked) MUST_USE;
/* Stops and starts reading Delve. */
void attachment_pause(struct attachment *a, bool paused);
/* Takes leave of an open one; `disconnected` follows. terminate: the program is to be ended. */
void attachment_disconnect(struct attachment *a, bool terminate);
/* Closes every connection that it has to Delve, without a word; no handler is called any more. link_lost: they are gone
 * already. What is pending can still be taken. NULL is fine. */
void attachment_close(struct attachment *a, bool link_lost);
/* Closes and frees it. NULL is fine. May be called from a handler. */
void attachment_free(struct attachment *a);

#endif
