/* Bytes between descriptors and streams of the tunnel. */
#ifndef PROXY_SUPERVISOR_FLOW_H
#define PROXY_SUPERVISOR_FLOW_H

#include "proxy/supervisor/flight.h"
#include "proxy/supervisor/loop.h"
#include "proxy/supervisor/uplink.h"

enum {
    FLOW_MEMORY_MAX = 1024 * 1024,           /* bytes of one stream kept in memory while there is no link */
    FLOW_FILE_MAX_DEFAULT = 64 * 1024 * 1024 /* more of them in a file; then the program waits in write */
};

/* There is no link now (or there is again): outflows keep what comes meanwhile. For the uplink's handler. */
void flow_outage(bool is_down);

/* From a descriptor (a pipe, a FIFO, a pty's master, a socket) to a stream that this end opens. While there is a link,
 * the reader there holds back the source; without one it is read on, up to its bounds. An ORDER_STREAM_TERMINAL goes
 * both ways: what comes by the stream is written to the descriptor. */
struct outflow;

struct outflow_order {
    int fd; /* O_NONBLOCK is set; closed by the flow, unless keep_fd */
    bool keep_fd;
    enum order_stream stream;
    enum tunnel_class class;
    uint32_t number, session;
    const char *spill; /* path of the file for what does not fit in memory during an outage; copied; NULL: none */
    long spill_max;    /* bytes of it */
    /* All was read and handed to the tunnel, and the stream is ended; or nobody reads it there (outflow_is_cut). */
    void (*over)(void *arg);
    /* There is a link again, and during the outage its bounds were reached: the program waited in write. May be NULL.
     */
    void (*waited)(void *arg);
    /* What was read, before it goes on; also what is dropped. May be NULL. */
    void (*passed)(void *arg, const char *bytes, size_t n);
    void *arg;
};

/* NULL when memory is short or the tunnel has no room; the descriptor is closed then, unless it is to be kept. */
struct outflow *outflow_new(const struct outflow_order *order) MUST_USE;
/* Takes no more than what is in the descriptor now, then ends: for a pipe that somebody who left may hold for ever. */
void outflow_finish(struct outflow *o);
/* Whether nobody reads it there any more: the stream was stopped, or the tunnel is lost. */
bool outflow_is_cut(const struct outflow *o);
/* What it still reads is dropped, up to the descriptor's end, when `over` comes (once more). The stream is reset. */
void outflow_mute(struct outflow *o);
/* Frees it at any time; the stream is reset when it was not ended. `over` is not called. NULL is fine. */
void outflow_free(struct outflow *o);

/* From a stream to a descriptor. */
struct inflow;

/* For a stream that delvegate has opened: returns its struct stream by *stream, for uplink_handler.opened. The
 * descriptor's O_NONBLOCK is set; at the stream's end it is closed. over: as above. NULL when memory is short. */
struct inflow *inflow_new(int fd, struct stream **stream, void (*over)(void *arg), void *arg) MUST_USE;
void inflow_free(struct inflow *i);

/* A stream that delvegate has opened to a port of this machine, for a session: 127.0.0.1, then ::1. It needs no owner.
 * NULL when memory is short. */
struct stream *connect_open(uint32_t port, uint32_t session) MUST_USE;
/* Connects likewise and carries the flight out, which belongs to the connection from then on; what Delve says goes by a
 * stream ORDER_STREAM_DAP that this end opens. Returns -1 when memory is short or the tunnel has no room; the flight is
 * freed then, too. */
int connect_with_flight(uint32_t port, uint32_t session, struct flight *f) MUST_USE;
/* Closes those of a session whose flight is not over. */
void connect_close_in_flight(uint32_t session);
/* Closes all connections of a session, at once: before SIGTERM Delve must not have any. */
void connect_close_all(uint32_t session);

#endif
