/* The local transport: the Go machine is this one. Shells by uv_spawn, streams by uv_tcp. */
#include "proxy/machine/machine.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "proxy/base/environment.h"
#include "proxy/base/timer.h"

enum {
    READ_CHUNK = 64 * 1024,
    SIGNAL_STATUS = 128 /* a shell ended by signal N reports 128 + N, as sh does */
};

struct local_transport {
    struct machine base;
    uv_loop_t *loop;
    int references;
};

struct local_channel;

struct local_link {
    struct link base;
    const struct link_handler *handler;
    void *arg;
    struct timer *ready;
    struct local_channel *channels;
};

struct local_channel {
    struct channel base;
    const struct channel_handler *handler; /* NULL: the owner has closed it or been told that it is gone */
    void *arg;
    struct local_link *link; /* NULL once it has left the link's list */
    struct local_channel *next;
    struct timer *later; /* calls opened, or closed with failure */
    struct err failure;
    bool failed, is_shell, closing, wants_drain, paused;
    bool exited, out_ended, err_ended;
    int exit_status;
    int handles; /* open libuv handles; the struct lives until the last is closed */
    uv_process_t process;
    union {
        uv_pipe_t pipe;
        uv_tcp_t tcp;
    } in; /* a stream's socket stands here too */
    uv_pipe_t out, err;
    uv_connect_t connecting;
};

struct local_write {
    uv_write_t request;
    struct local_channel *channel;
    char data[];
};

static char read_buffer[READ_CHUNK];

static struct local_channel *local_of(struct channel *c)
{
    return (struct local_channel *)(void *)c;
}

static uv_stream_t *input_of(struct local_channel *c)
{
    return (uv_stream_t *)&c->in;
}

static void on_handle_closed(uv_handle_t *h)
{
    struct local_channel *c = h->data;
    assert(c->handles > 0);
    if (--c->handles == 0)
        free(c);
}

static void unlink_channel(struct local_channel *c)
{
    if (!c->link)
        return;
    struct local_channel **at = &c->link->channels;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    c->link = NULL;
}

/* Lets go of everything; the owner hears nothing more. */
static void dispose(struct local_channel *c)
{
    unlink_channel(c);
    c->handler = NULL;
    timer_free(c->later);
    c->later = NULL;
    if (c->closing)
        return;
    c->closing = true;
    if (c->handles == 0) {
        free(c);
        return;
    }
    /* A shell that still runs is not ended here: its stdin closes, and the supervisor decides what that means.
       Its handle stays until it has ended, or it would be left as a zombie. */
    if (c->is_shell && c->process.data) {
        if (uv_is_active((uv_handle_t *)&c->process))
            uv_unref((uv_handle_t *)&c->process);
        else
            uv_close((uv_handle_t *)&c->process, on_handle_closed);
    }
    if (c->is_shell) {
        uv_close((uv_handle_t *)&c->out, on_handle_closed);
        uv_close((uv_handle_t *)&c->err, on_handle_closed);
    }
    uv_close((uv_handle_t *)&c->in, on_handle_closed);
}

static void finish(struct local_channel *c, const struct err *why)
{
    const struct channel_handler *handler = c->handler;
    void *arg = c->arg;
    struct err copy = *why;
    int status = c->exited ? c->exit_status : -1;
    if (!handler)
        return;
    dispose(c);
    if (handler->closed)
        handler->closed(arg, &copy, status);
}

static void finish_if_done(struct local_channel *c)
{
    static const struct err ordinary;
    if (c->handler && c->exited && c->out_ended && c->err_ended)
        finish(c, &ordinary);
}

static void on_later(void *arg)
{
    struct local_channel *c = arg;
    if (c->failed)
        finish(c, &c->failure);
    else if (c->handler && c->handler->opened)
        c->handler->opened(c->arg);
}

static void on_shell_exit(uv_process_t *process, int64_t status, int signal)
{
    struct local_channel *c = process->data;
    if (c->closing) {
        uv_close((uv_handle_t *)process, on_handle_closed);
        return;
    }
    c->exited = true;
    c->exit_status = signal ? SIGNAL_STATUS + signal : (int)status;
    finish_if_done(c);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    (void)h;
    (void)suggested;
    *buf = uv_buf_init(read_buffer, sizeof read_buffer);
}

static void on_ended(struct local_channel *c, uv_stream_t *stream, ssize_t n)
{
    struct err why = {.text = ""};
    uv_read_stop(stream);
    if (c->is_shell) {
        bool *ended = stream == (uv_stream_t *)&c->err ? &c->err_ended : &c->out_ended;
        *ended = true;
        if (c->out_ended && c->err_ended && c->handler && c->handler->eof)
            c->handler->eof(c->arg);
        finish_if_done(c);
        return;
    }
    if (n != UV_EOF)
        err_set(&why, "connection to Delve's port lost: %s", uv_strerror((int)n));
    else if (c->handler && c->handler->eof)
        c->handler->eof(c->arg);
    finish(c, &why);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct local_channel *c = stream->data;
    if (!c->handler || n == 0)
        return;
    if (n < 0)
        on_ended(c, stream, n);
    else if (c->handler->data)
        c->handler->data(c->arg, stream == (uv_stream_t *)&c->err ? CHANNEL_STDERR : CHANNEL_STDOUT, buf->base,
                         (size_t)n);
}

static void start_reading(struct local_channel *c)
{
    if (!c->is_shell) {
        uv_read_start(input_of(c), on_alloc, on_read);
        return;
    }
    if (!c->out_ended)
        uv_read_start((uv_stream_t *)&c->out, on_alloc, on_read);
    if (!c->err_ended)
        uv_read_start((uv_stream_t *)&c->err, on_alloc, on_read);
}

static void on_connect(uv_connect_t *connecting, int status)
{
    struct local_channel *c = connecting->data;
    if (!c->handler)
        return;
    if (status < 0) {
        struct err why;
        err_set(&why, "cannot connect to 127.0.0.1 on this machine: %s", uv_strerror(status));
        finish(c, &why);
        return;
    }
    if (!c->paused)
        start_reading(c);
    if (c->handler->opened)
        c->handler->opened(c->arg);
}

static struct local_channel *channel_new(struct local_link *l, const struct channel_handler *h, void *arg)
{
    struct local_channel *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->base.ops = l->base.transport->ops;
    c->handler = h;
    c->arg = arg;
    c->link = l;
    c->next = l->channels;
    l->channels = c;
    c->later = timer_new(((struct local_transport *)(void *)l->base.transport)->loop, on_later, c);
    if (!c->later) {
        unlink_channel(c);
        free(c);
        return NULL;
    }
    return c;
}

static void fail_later(struct local_channel *c, int status, const char *what)
{
    c->failed = true;
    err_set(&c->failure, "%s on this machine: %s", what, uv_strerror(status));
    timer_start(c->later, 0, 0);
}

static struct channel *local_shell(struct link *base, const struct channel_handler *h, void *arg)
{
    struct local_link *l = (struct local_link *)(void *)base;
    struct local_channel *c = channel_new(l, h, arg);
    if (!c)
        return NULL;
    uv_loop_t *loop = ((struct local_transport *)(void *)base->transport)->loop;
    c->is_shell = true;
    uv_pipe_init(loop, &c->in.pipe, 0);
    uv_pipe_init(loop, &c->out, 0);
    uv_pipe_init(loop, &c->err, 0);
    c->in.pipe.data = c->out.data = c->err.data = c;
    c->handles = 3;

    uv_stdio_container_t stdio[] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&c->in.pipe},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&c->out},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&c->err},
    };
    char *argv[] = {(char *)"sh", NULL};
    char **env = environment_for_child();
    uv_process_options_t options = {
        .file = "sh",
        .args = argv,
        .env = env,
        .stdio = stdio,
        .stdio_count = 3,
        .exit_cb = on_shell_exit,
        .flags = UV_PROCESS_DETACHED, /* a session of its own, as a login by sshd has */
    };
    int r = env ? uv_spawn(loop, &c->process, &options) : UV_ENOMEM;
    free(env);
    c->process.data = c;
    c->handles++;
    if (r < 0) {
        /* uv_spawn initialises the handle even when it fails, so it is closed like the others. */
        if (r == UV_ENOMEM && !env) {
            c->process.data = NULL;
            c->handles--;
        }
        c->out_ended = c->err_ended = true;
        fail_later(c, r, "cannot start sh");
        return &c->base;
    }
    start_reading(c);
    timer_start(c->later, 0, 0);
    return &c->base;
}

static struct channel *local_stream(struct link *base, int port, const struct channel_handler *h, void *arg)
{
    struct local_link *l = (struct local_link *)(void *)base;
    struct local_channel *c = channel_new(l, h, arg);
    if (!c)
        return NULL;
    struct sockaddr_in address;
    uv_tcp_init(((struct local_transport *)(void *)base->transport)->loop, &c->in.tcp);
    c->in.tcp.data = c;
    c->handles = 1;
    c->connecting.data = c;
    uv_ip4_addr("127.0.0.1", port, &address);
    int r = uv_tcp_connect(&c->connecting, &c->in.tcp, (const struct sockaddr *)&address, on_connect);
    if (r == 0)
        r = uv_tcp_nodelay(&c->in.tcp, 1);
    if (r < 0)
        fail_later(c, r, "cannot connect to Delve's port");
    return &c->base;
}

static void on_written(uv_write_t *request, int status)
{
    struct local_write *w = request->data;
    struct local_channel *c = w->channel;
    free(w);
    if (!c->handler)
        return;
    if (status < 0 && !c->is_shell) {
        struct err why;
        err_set(&why, "connection to Delve's port lost: %s", uv_strerror(status));
        finish(c, &why);
        return;
    }
    if (c->wants_drain && uv_stream_get_write_queue_size(input_of(c)) <= CHANNEL_LOW_WATER) {
        c->wants_drain = false;
        if (c->handler->drained)
            c->handler->drained(c->arg);
    }
}

static bool local_write(struct channel *base, const char *data, size_t len)
{
    struct local_channel *c = local_of(base);
    if (c->failed || len == 0)
        return false;
    struct local_write *w = malloc(sizeof *w + len);
    int r = UV_ENOMEM;
    if (w) {
        w->channel = c;
        w->request.data = w;
        memcpy(w->data, data, len);
        uv_buf_t buf = uv_buf_init(w->data, (unsigned)len);
        r = uv_write(&w->request, input_of(c), &buf, 1, on_written);
    }
    if (r < 0) {
        free(w);
        fail_later(c, r, "cannot write");
        return false;
    }
    if (uv_stream_get_write_queue_size(input_of(c)) >= CHANNEL_HIGH_WATER)
        c->wants_drain = true;
    return c->wants_drain;
}

static size_t local_queued(const struct channel *base)
{
    const struct local_channel *c = (const struct local_channel *)(const void *)base;
    return uv_stream_get_write_queue_size((const uv_stream_t *)&c->in);
}

static void local_pause(struct channel *base, bool paused)
{
    struct local_channel *c = local_of(base);
    if (c->paused == paused || c->failed)
        return;
    c->paused = paused;
    if (!paused) {
        start_reading(c);
    } else if (c->is_shell) {
        uv_read_stop((uv_stream_t *)&c->out);
        uv_read_stop((uv_stream_t *)&c->err);
    } else {
        uv_read_stop(input_of(c));
    }
}

static void on_shut(uv_shutdown_t *request, int status)
{
    (void)status; /* a failure comes to on_read as well */
    free(request);
}

static void local_shut(struct channel *base)
{
    struct local_channel *c = local_of(base);
    uv_shutdown_t *request = malloc(sizeof *request);
    if (!request)
        return;
    if (uv_shutdown(request, input_of(c), on_shut) < 0)
        free(request);
}

static void local_close(struct channel *base)
{
    dispose(local_of(base));
}

static void on_link_ready(void *arg)
{
    struct local_link *l = arg;
    if (l->handler->ready)
        l->handler->ready(l->arg);
}

static struct link *local_link(struct machine *t, const struct link_handler *h, void *arg)
{
    struct local_link *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->base.transport = t;
    l->handler = h;
    l->arg = arg;
    l->ready = timer_new(((struct local_transport *)(void *)t)->loop, on_link_ready, l);
    if (!l->ready) {
        free(l);
        return NULL;
    }
    timer_start(l->ready, 0, 0);
    return &l->base;
}

static void local_link_close(struct link *base)
{
    struct local_link *l = (struct local_link *)(void *)base;
    for (struct local_channel *c = l->channels, *next; c; c = next) {
        next = c->next;
        dispose(c);
    }
    timer_free(l->ready);
    free(l);
}

static void local_release(struct machine *base)
{
    struct local_transport *t = (struct local_transport *)(void *)base;
    if (--t->references == 0)
        free(t);
}

static const struct machine_ops local_ops = {
    .release = local_release,
    .link = local_link,
    .link_close = local_link_close,
    .shell = local_shell,
    .stream = local_stream,
    .write = local_write,
    .queued = local_queued,
    .pause = local_pause,
    .shut = local_shut,
    .close = local_close,
};

static void close_shell(uv_handle_t *h, void *arg)
{
    (void)arg;
    if (h->type != UV_PROCESS || uv_is_closing(h) || ((uv_process_t *)h)->exit_cb != on_shell_exit)
        return;
    const struct local_channel *c = h->data;
    if (c->closing)
        uv_close(h, on_handle_closed);
}

void transport_local_forget(uv_loop_t *loop)
{
    uv_walk(loop, close_shell, NULL);
}

struct machine *transport_local(uv_loop_t *loop)
{
    struct local_transport *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->base = (struct machine){.ops = &local_ops, .is_local = true, .where = "this machine"};
    t->loop = loop;
    t->references = 1;
    return &t->base;
}
