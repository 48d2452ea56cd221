#include "proxy/ssh/ssh_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "dap/buf.h"

enum {
    SOCKET_READ_SIZE = 64 * 1024,
    SOCKET_IN_HIGH = 512 * 1024, /* unread bytes, from which on the network is not read */
    SOCKET_IN_MAX = SOCKET_IN_HIGH + SOCKET_READ_SIZE,
    SOCKET_OUT_MAX = 64 * 1024 * 1024, /* far above SSH_SOCKET_OUT_HIGH: only a bug or a flood of requests gets there */
    SOCKET_KEPT = 64 * 1024,           /* of an empty buffer's memory */
    SOCKET_ALIVE_SECONDS = 60          /* TCP's own probes, beside those of SSH */
};

struct ssh_socket {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    uv_loop_t *loop;
    uv_connect_t connect;
    uv_write_t write;
    const struct ssh_socket_handler *h;
    void *arg;
    struct buf in, out, in_flight; /* in_flight: handed to libuv */
    size_t in_taken;
    int error; /* the first one of writing */
    bool open, is_tcp, reading, writing, ended, closing;
    char chunk[SOCKET_READ_SIZE];
};

struct ssh_socket *ssh_socket_new(uv_loop_t *loop, const struct ssh_socket_handler *h, void *arg)
{
    struct ssh_socket *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->loop = loop;
    ssh_socket_set_handler(s, h, arg);
    buf_init(&s->in, SOCKET_IN_MAX);
    buf_init(&s->out, SOCKET_OUT_MAX);
    buf_init(&s->in_flight, SOCKET_OUT_MAX);
    return s;
}

void ssh_socket_set_handler(struct ssh_socket *s, const struct ssh_socket_handler *h, void *arg)
{
    s->h = h;
    s->arg = arg;
}

/* Empties it, and lets go of what a burst has left. */
static void empty(struct buf *b)
{
    if (b->cap > SOCKET_KEPT)
        buf_free(b);
    else
        buf_clear(b);
}

static void on_connected(uv_connect_t *c, int status)
{
    struct ssh_socket *s = c->data;
    if (!s->closing)
        s->h->connected(s->arg, status);
}

int ssh_socket_connect(struct ssh_socket *s, const struct sockaddr *to)
{
    int rc = uv_tcp_init(s->loop, &s->uv.tcp);
    if (rc < 0)
        return rc;
    s->open = s->is_tcp = true;
    s->uv.handle.data = s->connect.data = s->write.data = s;
    return uv_tcp_connect(&s->connect, &s->uv.tcp, to, on_connected);
}

int ssh_socket_adopt(struct ssh_socket *s, int fd)
{
    int rc = uv_pipe_init(s->loop, &s->uv.pipe, 0);
    if (rc < 0)
        return rc;
    s->open = true;
    s->uv.handle.data = s->write.data = s;
    return uv_pipe_open(&s->uv.pipe, fd);
}

bool ssh_socket_is_loopback(const struct ssh_socket *s)
{
    struct sockaddr_storage to;
    int len = sizeof to;
    if (!s->is_tcp || uv_tcp_getpeername(&s->uv.tcp, (struct sockaddr *)&to, &len) < 0)
        return false;
    if (to.ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)&to)->sin6_addr);
    return to.ss_family == AF_INET &&
           ntohl(((const struct sockaddr_in *)&to)->sin_addr.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET;
}

int ssh_socket_fd(const struct ssh_socket *s)
{
    uv_os_fd_t fd = -1;
    (void)uv_fileno(&s->uv.handle, &fd); /* -1 when closed */
    return fd;
}

static void on_alloc(uv_handle_t *h, size_t wanted, uv_buf_t *b)
{
    (void)wanted;
    struct ssh_socket *s = h->data;
    *b = uv_buf_init(s->chunk, sizeof s->chunk);
}

static void end(struct ssh_socket *s, int error)
{
    if (s->ended)
        return;
    s->ended = true;
    s->reading = false;
    (void)uv_read_stop(&s->uv.stream);
    /* A failed write names the cause better than the end of file that follows it. */
    s->h->failed(s->arg, s->error < 0 ? s->error : error);
}

static void on_read(uv_stream_t *h, ssize_t n, const uv_buf_t *b)
{
    struct ssh_socket *s = h->data;
    if (n == 0)
        return;
    if (n < 0) {
        end(s, (int)n);
        return;
    }
    if (s->in_taken > 0) {
        buf_consume(&s->in, s->in_taken);
        s->in_taken = 0;
    }
    buf_append(&s->in, b->base, (size_t)n);
    if (s->in.failed) {
        end(s, UV_ENOMEM);
        return;
    }
    if (ssh_socket_waiting(s) >= SOCKET_IN_HIGH) {
        s->reading = false;
        (void)uv_read_stop(h);
    }
    s->h->input(s->arg);
}

int ssh_socket_start(struct ssh_socket *s, unsigned user_timeout_ms)
{
    if (s->is_tcp) {
        int rc = uv_tcp_nodelay(&s->uv.tcp, 1);
        if (rc == 0)
            rc = uv_tcp_keepalive(&s->uv.tcp, 1, SOCKET_ALIVE_SECONDS);
        if (rc == 0 &&
            setsockopt(ssh_socket_fd(s), IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms, sizeof user_timeout_ms) < 0)
            rc = uv_translate_sys_error(errno);
        if (rc < 0)
            return rc;
    }
    s->reading = true;
    return uv_read_start(&s->uv.stream, on_alloc, on_read);
}

size_t ssh_socket_waiting(const struct ssh_socket *s)
{
    return s->in.len - s->in_taken;
}

size_t ssh_socket_take(struct ssh_socket *s, void *to, size_t n)
{
    size_t have = ssh_socket_waiting(s);
    if (n > have)
        n = have;
    if (n > 0)
        memcpy(to, s->in.data + s->in_taken, n);
    s->in_taken += n;
    if (s->in_taken == s->in.len) {
        empty(&s->in);
        s->in_taken = 0;
    }
    if (!s->reading && !s->ended && !s->closing && ssh_socket_waiting(s) < SOCKET_IN_HIGH / 2) {
        s->reading = true;
        int rc = uv_read_start(&s->uv.stream, on_alloc, on_read);
        if (rc < 0)
            s->error = rc; /* reported when writing or closing meets it */
    }
    return n;
}

int ssh_socket_put(struct ssh_socket *s, const void *data, size_t n)
{
    buf_append(&s->out, data, n);
    return s->out.failed ? -1 : 0;
}

size_t ssh_socket_unsent(const struct ssh_socket *s)
{
    return s->out.len + s->in_flight.len;
}

static void on_written(uv_write_t *w, int status)
{
    struct ssh_socket *s = w->data;
    s->writing = false;
    empty(&s->in_flight);
    if (s->closing)
        return;
    /* The end is reported by the reading side, behind what the peer had sent before. */
    if (status < 0 && s->error == 0)
        s->error = status;
    if (s->error == 0) {
        ssh_socket_flush(s);
        s->h->output(s->arg);
    }
}

void ssh_socket_flush(struct ssh_socket *s)
{
    if (s->writing || s->error < 0 || s->out.len == 0)
        return;
    uv_buf_t b = uv_buf_init(s->out.data, (unsigned)s->out.len);
    int n = uv_try_write(&s->uv.stream, &b, 1);
    if (n < 0 && n != UV_EAGAIN) {
        s->error = n;
        return;
    }
    size_t sent = n > 0 ? (size_t)n : 0;
    if (sent == s->out.len) {
        empty(&s->out);
        return;
    }
    struct buf other = s->in_flight;
    s->in_flight = s->out;
    s->out = other;
    b = uv_buf_init(s->in_flight.data + sent, (unsigned)(s->in_flight.len - sent));
    s->writing = true;
    int rc = uv_write(&s->write, &s->uv.stream, &b, 1, on_written);
    if (rc < 0) {
        s->writing = false;
        s->error = rc;
    }
}

static void on_closed(uv_handle_t *h)
{
    struct ssh_socket *s = h->data;
    buf_free(&s->in);
    buf_free(&s->out);
    buf_free(&s->in_flight);
    free(s);
}

void ssh_socket_free(struct ssh_socket *s)
{
    if (!s)
        return;
    s->closing = true;
    if (!s->open) {
        buf_free(&s->in);
        buf_free(&s->out);
        buf_free(&s->in_flight);
        free(s);
        return;
    }
    uv_close(&s->uv.handle, on_closed);
}
