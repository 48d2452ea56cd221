/* Connections to ports of this machine, each a stream: one that delvegate has opened, or that of a flight. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/supervisor/flow_private.h"

enum { HEARD_MAX = 256 * 1024 /* bytes of answers to a flight that are kept */ };

enum connection_state {
    CONNECTION_BEGINNING, /* its stream is not known yet */
    CONNECTION_IPV4,      /* being made */
    CONNECTION_IPV6,
    CONNECTION_IN_FLIGHT, /* its flight is carried out: with a link or without one */
    CONNECTION_OPEN,
    CONNECTION_CLOSED
};

struct connection {
    struct connection *next;
    enum connection_state state;
    struct stream stream;
    uint32_t session;
    uint16_t port;
    int fd;
    int error;          /* why 127.0.0.1 did not take it */
    bool has_said_end;  /* it, to the stream */
    bool has_heard_end; /* the stream, to it */
    struct watch in;    /* being made: POLLOUT */
    struct stream_writer writer;
    struct alarm settle;
    struct flight *flight; /* NULL: none (any more) */
    struct buf heard;      /* what Delve has said during it */
    size_t heard_at;       /* of it, what was sent on */
};

static struct connection *connections;
static bool is_down;

static struct connection *of(struct stream *stream)
{
    return (struct connection *)((char *)stream - offsetof(struct connection, stream));
}

static void close_socket(struct connection *c)
{
    loop_unwatch(&c->in);
    stream_writer_stop(&c->writer);
    if (c->fd >= 0)
        (void)close(c->fd);
    c->fd = -1;
}

/* The rest is the tunnel's, until `closed`. */
static void close_connection(struct connection *c)
{
    close_socket(c);
    flight_free(c->flight);
    c->flight = NULL;
    c->state = CONNECTION_CLOSED;
    stream_stop(&c->stream);
}

static void fail(struct connection *c, int error)
{
    close_connection(c);
    stream_reset(&c->stream, (uint32_t)error);
}

/* It could not be made. */
static void fail_unreached(struct connection *c, int error)
{
    fail(c, error | ORDER_UNREACHED);
}

/* --- Both ways --- */

static size_t give_heard(struct connection *c, void *room, size_t n)
{
    size_t left = c->heard.len - c->heard_at;
    if (n > left)
        n = left;
    memcpy(room, c->heard.data + c->heard_at, n);
    c->heard_at += n;
    if (c->heard_at == c->heard.len) {
        buf_free(&c->heard);
        c->heard_at = 0;
        if (c->state == CONNECTION_IN_FLIGHT) { /* there is room again */
            c->in.events |= POLLIN;
            loop_watch(&c->in);
        }
    }
    return n;
}

static size_t give(struct stream *stream, void *room, size_t n)
{
    struct connection *c = of(stream);
    if (c->heard.len > 0)
        return give_heard(c, room, n);
    if (c->state != CONNECTION_OPEN || c->has_said_end)
        return 0;
    ssize_t got = read(c->fd, room, n);
    if (got > 0)
        return (size_t)got;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        loop_watch(&c->in);
        return 0;
    }
    c->error = got < 0 ? errno : 0;
    c->has_said_end = true;
    loop_alarm(&c->settle, 0);
    return 0;
}

static void settle(struct connection *c)
{
    if (c->error)
        fail(c, c->error);
    else if (c->has_said_end && c->has_heard_end)
        close_connection(c);
}

static void on_broken(void *arg, int error)
{
    fail(arg, error);
}

static void serve(struct connection *c)
{
    c->state = CONNECTION_OPEN;
    c->error = 0;
    stream_writer_init(&c->writer, c->fd, &c->stream, on_broken, c);
    c->in.events = POLLIN;
    if (is_down)
        loop_unwatch(&c->in);
    else
        loop_watch(&c->in);
    stream_writer_flush(&c->writer);
    if (c->state == CONNECTION_OPEN && c->has_heard_end)
        (void)shutdown(c->fd, SHUT_WR);
}

/* --- A flight --- */

static void end_flight(struct connection *c)
{
    flight_free(c->flight);
    c->flight = NULL;
    serve(c);
}

/* Returns whether the socket took all that there is to be said now. */
static bool write_flight(struct connection *c)
{
    const char *bytes;
    size_t n;
    while ((n = flight_peek(c->flight, &bytes)) > 0) {
        ssize_t done = write(c->fd, bytes, n);
        if (done >= 0)
            flight_wrote(c->flight, (size_t)done);
        else if (errno != EINTR)
            return false; /* what is broken is found out by reading */
    }
    return true;
}

/* Returns whether there may be more now. */
static bool read_flight(struct connection *c)
{
    char bytes[TUNNEL_PAYLOAD_MAX];
    ssize_t got = read(c->fd, bytes, sizeof bytes);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return false;
    if (got <= 0) {
        end_flight(c); /* the end is read again, and reported behind what was heard */
        return false;
    }
    buf_append(&c->heard, bytes, (size_t)got);
    if (c->heard.failed) {
        fail(c, ENOMEM);
        return false;
    }
    flight_heard(c->flight, bytes, (size_t)got);
    stream_ready(&c->stream);
    return true;
}

static void start_flight(struct connection *c)
{
    bool is_taken = true;
    do
        is_taken = write_flight(c);
    while (c->heard.len < HEARD_MAX && read_flight(c) && !flight_is_over(c->flight));
    if (c->state != CONNECTION_IN_FLIGHT)
        return;
    if (flight_is_over(c->flight)) {
        end_flight(c);
        return;
    }
    bool has_room = c->heard.len < HEARD_MAX;
    c->in.events = (short)((has_room ? POLLIN : 0) | (is_taken ? 0 : POLLOUT));
    if (c->in.events)
        loop_watch(&c->in);
    else
        loop_unwatch(&c->in);
}

static void begin_to_serve(struct connection *c)
{
    int one = 1;
    /* Requests and answers are small, and each is waited for. */
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (!c->flight) {
        serve(c);
        return;
    }
    c->state = CONNECTION_IN_FLIGHT;
    start_flight(c);
}

/* --- Being made --- */

static int start(struct connection *c, const struct sockaddr *address, socklen_t size)
{
    c->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return errno;
    c->in.fd = c->fd;
    c->in.events = POLLOUT;
    if (connect(c->fd, address, size) < 0 && errno != EINPROGRESS) {
        int error = errno;
        close_socket(c);
        return error;
    }
    loop_watch(&c->in);
    return 0;
}

static void try_ipv6(struct connection *c)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(c->port), .sin6_addr = in6addr_loopback};
    c->state = CONNECTION_IPV6;
    if (start(c, (const struct sockaddr *)&address, sizeof address))
        fail_unreached(c, c->error);
}

static void try_ipv4(struct connection *c)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(c->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->state = CONNECTION_IPV4;
    c->error = start(c, (const struct sockaddr *)&address, sizeof address);
    if (c->error)
        try_ipv6(c);
}

static void is_made(struct connection *c)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        error = errno;
    if (!error) {
        begin_to_serve(c);
        return;
    }
    close_socket(c);
    if (c->state == CONNECTION_IPV6) {
        fail_unreached(c, c->error);
        return;
    }
    c->error = error;
    try_ipv6(c);
}

static void on_ready(void *arg, short revents)
{
    struct connection *c = arg;
    (void)revents;
    if (c->state == CONNECTION_IN_FLIGHT) {
        start_flight(c);
    } else if (c->state != CONNECTION_OPEN) {
        is_made(c);
    } else {
        loop_unwatch(&c->in);
        stream_ready(&c->stream);
    }
}

static void on_settle(void *arg)
{
    struct connection *c = arg;
    if (c->state == CONNECTION_BEGINNING) {
        try_ipv4(c);
    } else if (c->state == CONNECTION_OPEN) {
        if (c->has_said_end && !c->error)
            stream_end(&c->stream);
        settle(c);
    }
}

/* --- What delvegate does with it --- */

static void on_readable(struct stream *stream)
{
    struct connection *c = of(stream);
    if (c->state == CONNECTION_OPEN)
        stream_writer_flush(&c->writer);
}

static void on_ended(struct stream *stream)
{
    struct connection *c = of(stream);
    c->has_heard_end = true;
    if (c->state != CONNECTION_OPEN)
        return;
    (void)shutdown(c->fd, SHUT_WR);
    settle(c);
}

static void give_up(struct stream *stream)
{
    struct connection *c = of(stream);
    if (c->state != CONNECTION_CLOSED)
        fail(c, 0);
}

static void on_reset(struct stream *stream, uint32_t code)
{
    (void)code;
    give_up(stream);
}

static void on_closed(struct stream *stream)
{
    struct connection *c = of(stream);
    struct connection **at = &connections;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    close_socket(c);
    loop_disarm(&c->settle);
    flight_free(c->flight);
    buf_free(&c->heard);
    free(c);
}

static struct connection *connection_new(uint32_t port, uint32_t session)
{
    static const struct stream_ops ops = {.give = give,
                                          .readable = on_readable,
                                          .ended = on_ended,
                                          .reset = on_reset,
                                          .stopped = give_up,
                                          .closed = on_closed};
    if (port == 0 || port > UINT16_MAX)
        return NULL;
    struct connection *c = malloc(sizeof *c);
    if (!c)
        return NULL;
    *c = (struct connection){.stream = {.ops = &ops}, .session = session, .port = (uint16_t)port, .fd = -1};
    c->in = (struct watch){.ready = on_ready, .arg = c};
    c->settle = (struct alarm){.ring = on_settle, .arg = c};
    buf_init(&c->heard, HEARD_MAX + TUNNEL_PAYLOAD_MAX);
    c->next = connections;
    connections = c;
    loop_alarm(&c->settle, 0);
    return c;
}

struct stream *connect_open(uint32_t port, uint32_t session)
{
    struct connection *c = connection_new(port, session);
    return c ? &c->stream : NULL;
}

int connect_with_flight(uint32_t port, uint32_t session, struct flight *f)
{
    struct connection *c = connection_new(port, session);
    if (!c) {
        flight_free(f);
        return -1;
    }
    c->flight = f;
    if (uplink_open(&c->stream, TUNNEL_DAP, ORDER_STREAM_DAP, flight_edition(f), session) == 0)
        return 0;
    on_closed(&c->stream);
    return -1;
}

void connect_close_in_flight(uint32_t session)
{
    for (struct connection *c = connections; c; c = c->next)
        if (c->session == session && c->flight)
            fail(c, 0);
}

void connect_close_all(uint32_t session)
{
    for (struct connection *c = connections; c; c = c->next) {
        if (c->session != session || c->state == CONNECTION_CLOSED)
            continue;
        close_connection(c);
        stream_end(&c->stream);
    }
}

void connect_outage(bool down)
{
    is_down = down;
    for (struct connection *c = connections; c; c = c->next) {
        if (c->state != CONNECTION_OPEN || c->has_said_end)
            continue;
        if (down)
            loop_unwatch(&c->in);
        else
            loop_watch(&c->in);
    }
}
