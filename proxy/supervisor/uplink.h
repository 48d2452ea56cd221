/* The tunnel's end at the supervisor: the descriptors that carry it at present, hellos, and who owns which stream. */
#ifndef PROXY_SUPERVISOR_UPLINK_H
#define PROXY_SUPERVISOR_UPLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "delve/order.h"
#include "proxy/supervisor/supervisor.h"
#include "proxy/tunnel/tunnel.h"

struct stream;

/* What a stream's owner is called for. Members may be NULL but `give` of one that sends. None comes from inside a call
 * to the uplink. */
struct stream_ops {
    /* Writes 1 to n bytes to room and returns how many; 0: none now, then not again before stream_ready. No call of the
     * uplink's is allowed in it. */
    size_t (*give)(struct stream *s, void *room, size_t n);
    /* There is something to stream_peek at. */
    void (*readable)(struct stream *s);
    /* All was read, and no more comes. */
    void (*ended)(struct stream *s);
    /* No more comes, and what was not read is gone; code: why. */
    void (*reset)(struct stream *s, uint32_t code);
    /* There nobody reads it any more: `give` is not called again. */
    void (*stopped)(struct stream *s);
    /* It is over, both ways and at both ends, or the tunnel is lost: the stream is no more. Always the last call. */
    void (*closed)(struct stream *s);
};

/* Every owner's object has one. */
struct stream {
    const struct stream_ops *ops;
    uint32_t number;     /* the tunnel's; 0: it is closed */
    struct stream *next; /* the uplink's */
};

struct uplink_handler {
    /* delvegate has opened a stream. Returns the owner's, whose ops are set, or NULL: it is reset. */
    struct stream *(*opened)(void *arg, enum order_stream stream, uint32_t number, uint32_t session);
    /* There is a link (again). is_new: of a caller that was not served before; all streams there were are closed. */
    void (*up)(void *arg, bool is_new);
    /* There is none; streams wait. why: in words. */
    void (*down)(void *arg, const char *why);
};

/* The one uplink of this process. build names this program to delvegate. Returns -1 when memory or randomness is short.
 */
int uplink_init(const char *build, const struct uplink_handler *h, void *arg) MUST_USE;

/* Serves what comes by these descriptors (they may be one) from now on, unless its hello is older than that of the
 * present link. They belong to the uplink, which closes both; their O_NONBLOCK is set, and put back then. All that
 * precedes a line that is nonce is passed over; NULL: the hello is the first. over is called once when it is not used
 * any more (when memory is short, at once). */
void uplink_serve(int in, int out, const char *nonce, void (*over)(void *arg), void *arg);

/* What arg was given to uplink_serve for is gone, though its descriptors may stay open for ever: they are closed, and
 * over is called. */
void uplink_hang_up(void *arg, const char *why);

/* Milliseconds since the last byte came (loop_now's clock), from the beginning: since uplink_init. */
uint64_t uplink_silence(void);
bool uplink_is_up(void);

/* Opens a stream of ours. Returns -1 when the tunnel has no room for it: then it is closed already, without a call. */
int uplink_open(struct stream *s, enum tunnel_class class, enum order_stream stream, uint32_t number,
                uint32_t session) MUST_USE;

/* As tunnel_ready, tunnel_end, tunnel_reset, tunnel_stop, tunnel_widen, tunnel_peek, tunnel_consume; nothing happens
 * with one that is closed. */
void stream_ready(struct stream *s);
void stream_end(struct stream *s);
void stream_reset(struct stream *s, uint32_t code);
void stream_stop(struct stream *s);
void stream_widen(struct stream *s, uint32_t window);
size_t stream_peek(struct stream *s, const void **bytes);
void stream_consume(struct stream *s, size_t n);
/* Another owner has the stream from now on; `from` is closed for its own, without a call. What is unread `to` is to
 * peek at itself. */
void stream_move(struct stream *to, struct stream *from);
/* The owner is gone, and has ended its way: what it gave is still sent, what comes is dropped. No more calls. */
void stream_leave(struct stream *s);
/* The owner is gone: the stream is reset and stopped, `closed` is not called. */
void stream_abandon(struct stream *s);

#endif
