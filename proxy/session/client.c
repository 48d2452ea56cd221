#include "proxy/session/client.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "proxy/base/timer.h"

enum {
    READ_CHUNK = 64 * 1024,
    CLIENT_CHECK_MS = 1000, /* between two looks whether a client that sends nothing more is still there */
    CLIENT_FLUSH_MS = 3500, /* a client that does not read keeps its socket no longer than this */
    CLIENT_LINGER_MS = 1000 /* for the client to close after us: closed at once, what it still sends would reset it */
};

struct client {
    uv_tcp_t tcp;
    const struct client_handler *handler; /* NULL: no handler is called any more */
    void *arg;
    bool (*is_open)(const uv_tcp_t *tcp); /* NULL: it can't be known */
    struct timer *step;                   /* until the next check; or the one deadline of the end */
    bool full, paused;
    bool has_ended; /* it sends nothing more */
    bool ending;    /* client_end: what is queued is written out */
    bool shut;      /* ... and our stream is ended */
    bool closing;
};

struct client_chunk {
    uv_write_t request;
    struct client *client;
    char *data;
};

static char read_buffer[READ_CHUNK];
static const char closed_text[] = "the client closed its connection";

static void on_closed(uv_handle_t *h)
{
    free(h->data);
}

static void dispose(struct client *c, bool reset)
{
    c->handler = NULL;
    if (c->closing)
        return;
    c->closing = true;
    timer_free(c->step);
    if (!reset || uv_tcp_close_reset(&c->tcp, on_closed) < 0)
        uv_close((uv_handle_t *)&c->tcp, on_closed);
}

static void fail(struct client *c, const char *why)
{
    const struct client_handler *handler = c->handler;
    void *arg = c->arg;
    dispose(c, false);
    if (handler)
        handler->closed(arg, why);
}

static void on_step(void *arg)
{
    struct client *c = arg;
    if (c->ending)
        dispose(c, !c->shut);
    else if (!c->is_open(&c->tcp))
        fail(c, closed_text);
}

struct client *client_accept(uv_stream_t *server)
{
    struct client *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    uv_tcp_init(server->loop, &c->tcp);
    c->tcp.data = c;
    c->step = timer_new(server->loop, on_step, c);
    if (!c->step || uv_accept(server, (uv_stream_t *)&c->tcp) < 0) {
        dispose(c, false);
        return NULL;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    return c;
}

const uv_tcp_t *client_socket(const struct client *c)
{
    return &c->tcp;
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    (void)h;
    (void)suggested;
    *buf = uv_buf_init(read_buffer, sizeof read_buffer);
}

static void close_if_done(struct client *c)
{
    if (c->shut && c->has_ended)
        dispose(c, false);
}

static void on_end(struct client *c)
{
    c->has_ended = true;
    if (c->ending)
        close_if_done(c);
    else if (c->is_open && !c->is_open(&c->tcp))
        fail(c, closed_text);
    else {
        if (c->is_open)
            timer_start(c->step, CLIENT_CHECK_MS, CLIENT_CHECK_MS);
        c->handler->half_closed(c->arg);
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct client *c = stream->data;
    if (n == UV_EOF)
        on_end(c);
    else if (n < 0)
        fail(c, uv_strerror((int)n));
    for (ssize_t taken = 0; taken < n && c->handler;)
        taken += (ssize_t)c->handler->data(c->arg, buf->base + taken, (size_t)(n - taken));
}

static void read_on(struct client *c)
{
    if (!c->paused && !c->has_ended)
        uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}

void client_set_check(struct client *c, bool (*is_open)(const uv_tcp_t *tcp))
{
    c->is_open = is_open;
}

bool client_has_ended(const struct client *c)
{
    return c->has_ended;
}

void client_start(struct client *c, const struct client_handler *h, void *arg)
{
    c->handler = h;
    c->arg = arg;
    read_on(c);
}

static void on_written(uv_write_t *request, int status)
{
    struct client_chunk *chunk = request->data;
    struct client *c = chunk->client;
    free(chunk->data);
    free(chunk);
    if (!c->handler)
        return;
    if (status < 0) {
        fail(c, uv_strerror(status));
        return;
    }
    if (c->full && uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp) <= CLIENT_LOW_WATER) {
        c->full = false;
        c->handler->drained(c->arg);
    }
}

bool client_write(struct client *c, struct buf *bytes)
{
    size_t len = bytes->len;
    if (len == 0 || c->closing)
        return c->full;
    struct client_chunk *chunk = calloc(1, sizeof *chunk);
    if (!chunk) {
        /* A stream with a hole in it is worse than none: the read side now sees its end and reports it. */
        uv_os_fd_t fd;
        if (uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0)
            (void)shutdown(fd, SHUT_RDWR);
        return true;
    }
    chunk->client = c;
    chunk->data = buf_take(bytes);
    chunk->request.data = chunk;
    uv_buf_t buf = uv_buf_init(chunk->data, (unsigned)len);
    if (uv_write(&chunk->request, (uv_stream_t *)&c->tcp, &buf, 1, on_written) < 0) {
        free(chunk->data); /* the read side reports why */
        free(chunk);
        return c->full;
    }
    if (uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp) >= CLIENT_HIGH_WATER)
        c->full = true;
    return c->full;
}

bool client_is_full(const struct client *c)
{
    return c->full;
}

void client_pause(struct client *c, bool paused)
{
    if (c->paused == paused || c->closing)
        return;
    c->paused = paused;
    if (paused)
        uv_read_stop((uv_stream_t *)&c->tcp);
    else
        read_on(c);
}

static void on_shut(uv_shutdown_t *request, int status)
{
    struct client *c = request->data;
    free(request);
    if (c->closing)
        return;
    c->shut = true;
    timer_start(c->step, CLIENT_LINGER_MS, 0);
    if (status < 0)
        dispose(c, false);
    else
        close_if_done(c);
}

void client_end(struct client *c)
{
    c->handler = NULL;
    if (c->closing)
        return;
    uv_shutdown_t *request = malloc(sizeof *request);
    if (!request) {
        dispose(c, false);
        return;
    }
    request->data = c;
    c->ending = true;
    client_pause(c, false);
    timer_start(c->step, CLIENT_FLUSH_MS, 0);
    if (uv_shutdown(request, (uv_stream_t *)&c->tcp, on_shut) < 0) {
        free(request);
        dispose(c, false);
    }
}

void client_reset(struct client *c)
{
    dispose(c, true);
}
