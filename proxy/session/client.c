#include "proxy/session/client.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "proxy/base/timer.h"

enum {
    READ_CHUNK = 64 * 1024,
    CLIENT_FLUSH_MS = 5000 /* a client that does not read keeps its socket no longer than this */
};

struct client {
    uv_tcp_t tcp;
    const struct client_handler *handler; /* NULL: nobody is told any more */
    void *arg;
    struct timer *flush;
    bool full, paused, closing;
};

struct client_chunk {
    uv_write_t request;
    struct client *client;
    char *data;
};

static char read_buffer[READ_CHUNK];

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
    timer_free(c->flush);
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

struct client *client_accept(uv_stream_t *server)
{
    struct client *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    uv_tcp_init(server->loop, &c->tcp);
    c->tcp.data = c;
    if (uv_accept(server, (uv_stream_t *)&c->tcp) < 0) {
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

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct client *c = stream->data;
    if (n == 0 || !c->handler)
        return;
    if (n > 0)
        c->handler->data(c->arg, buf->base, (size_t)n);
    else
        fail(c, n == UV_EOF ? "the client closed its connection" : uv_strerror((int)n));
}

void client_start(struct client *c, const struct client_handler *h, void *arg)
{
    c->handler = h;
    c->arg = arg;
    uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
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
        uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}

static void on_flush_timeout(void *arg)
{
    dispose(arg, true);
}

static void on_shut(uv_shutdown_t *request, int status)
{
    struct client *c = request->data;
    (void)status;
    free(request);
    dispose(c, false);
}

void client_end(struct client *c)
{
    c->handler = NULL;
    if (c->closing)
        return;
    uv_read_stop((uv_stream_t *)&c->tcp);
    uv_shutdown_t *request = malloc(sizeof *request);
    c->flush = timer_new(c->tcp.loop, on_flush_timeout, c);
    if (!request || !c->flush) {
        free(request);
        dispose(c, false);
        return;
    }
    request->data = c;
    timer_start(c->flush, CLIENT_FLUSH_MS, 0);
    if (uv_shutdown(request, (uv_stream_t *)&c->tcp, on_shut) < 0) {
        free(request);
        dispose(c, false);
    }
}

void client_reset(struct client *c)
{
    dispose(c, true);
}
