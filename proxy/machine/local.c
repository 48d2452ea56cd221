/* The local transport: the Go machine is this one, and the supervisor is a child. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/environment.h"
#include "proxy/base/log.h"
#include "proxy/base/timer.h"
#include "proxy/machine/programs.h"
#include "proxy/machine/transport.h"
#include "proxy/machine/words.h"

enum {
    READ_CHUNK = 64 * 1024,
    PATH_SIZE = 4096,
    SIGNAL_STATUS = 128, /* the status of what signal N has ended is 128 + N, as sh has it */
    STDIO_COUNT = 3
};

struct local_transport {
    struct transport base; /* first */
    uv_loop_t *loop;
};

struct local_carrier {
    struct carrier base;                   /* first */
    const struct carrier_handler *handler; /* NULL: the owner has closed it or was told that it is gone */
    void *arg;
    struct timer *later; /* calls `running`, or `lost` with failure */
    struct err failure;
    bool failed, told_high, exited, ended, closing;
    int exit_status;
    int handles; /* open libuv handles; the struct lives until the last is closed */
    uv_process_t process;
    uv_pipe_t in, out, err;
    struct words words; /* of its stderr */
};

struct local_write {
    uv_write_t request;
    struct local_carrier *carrier;
    char data[];
};

static char read_buffer[READ_CHUNK];

static void on_handle_closed(uv_handle_t *h)
{
    struct local_carrier *c = h->data;
    assert(c->handles > 0);
    if (--c->handles == 0)
        free(c);
}

static void close_carrier(struct carrier *base)
{
    struct local_carrier *c = (struct local_carrier *)base;
    c->handler = NULL;
    timer_free(c->later);
    c->later = NULL;
    if (c->closing)
        return;
    c->closing = true;
    /* The end of its input is the supervisor's end; its handle stays until then, or it would be left as a zombie. */
    if (c->process.data) {
        if (uv_is_active((uv_handle_t *)&c->process))
            uv_unref((uv_handle_t *)&c->process);
        else
            uv_close((uv_handle_t *)&c->process, on_handle_closed);
    }
    uv_close((uv_handle_t *)&c->in, on_handle_closed);
    uv_close((uv_handle_t *)&c->out, on_handle_closed);
    uv_close((uv_handle_t *)&c->err, on_handle_closed);
}

static void finish(struct local_carrier *c, const struct err *why)
{
    const struct carrier_handler *h = c->handler;
    void *arg = c->arg;
    struct err copy = *why;
    close_carrier(&c->base);
    if (h)
        h->lost(arg, &copy, c->failed ? TRANSPORT_NEVER : TRANSPORT_RETRY);
}

static void finish_if_over(struct local_carrier *c)
{
    struct err why;
    if (!c->exited || !c->ended || !c->handler)
        return;
    if (c->exit_status > SIGNAL_STATUS)
        err_set(&why, "the supervisor was ended by signal %d", c->exit_status - SIGNAL_STATUS);
    else
        err_set(&why, "the supervisor ended with exit status %d%s%s", c->exit_status, c->words.len ? ": " : "",
                words_text(&c->words));
    finish(c, &why);
}

static void on_later(void *arg)
{
    struct local_carrier *c = arg;
    if (c->failed)
        finish(c, &c->failure);
    else if (c->handler)
        c->handler->running(c->arg);
}

static void on_process_exit(uv_process_t *process, int64_t status, int signal)
{
    struct local_carrier *c = process->data;
    c->exited = true;
    c->exit_status = signal ? SIGNAL_STATUS + signal : (int)status;
    if (c->closing)
        uv_close((uv_handle_t *)process, on_handle_closed);
    else
        finish_if_over(c);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    (void)h;
    (void)suggested;
    *buf = uv_buf_init(read_buffer, sizeof read_buffer);
}

static void on_words(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct local_carrier *c = stream->data;
    if (n > 0)
        words_add(&c->words, buf->base, (size_t)n);
    else if (n < 0)
        (void)uv_read_stop(stream);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct local_carrier *c = stream->data;
    if (n > 0 && c->handler)
        c->handler->data(c->arg, buf->base, (size_t)n);
    if (n >= 0)
        return;
    c->ended = true;
    (void)uv_read_stop(stream);
    finish_if_over(c);
}

static void start(struct local_carrier *c, uv_loop_t *loop, char *program)
{
    char *argv[] = {program, (char *)"local", NULL};
    char **env = environment_for_child();
    uv_stdio_container_t stdio[STDIO_COUNT] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&c->in},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&c->out},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&c->err},
    };
    uv_process_options_t options = {
        .file = program,
        .args = argv,
        .env = env,
        .stdio = stdio,
        .stdio_count = STDIO_COUNT,
        .exit_cb = on_process_exit,
        .flags = UV_PROCESS_DETACHED, /* a session of its own: a signal for delvegate's group is not meant for it */
    };
    int r = env ? uv_spawn(loop, &c->process, &options) : UV_ENOMEM;
    if (env) {
        /* uv_spawn initialises the handle even when it fails, so it is closed like the others. */
        c->process.data = c;
        c->handles++;
    }
    free(env);
    if (r == 0)
        r = uv_read_start((uv_stream_t *)&c->out, on_alloc, on_read);
    if (r == 0)
        r = uv_read_start((uv_stream_t *)&c->err, on_alloc, on_words);
    if (r < 0) {
        c->failed = true;
        err_set(&c->failure, "the supervisor %s could not be started: %s; install delvegate again", program,
                uv_strerror(r));
    }
}

static struct carrier *open_carrier(struct transport *base, const struct transport_command *command,
                                    const struct carrier_handler *h, void *arg)
{
    struct local_transport *t = (struct local_transport *)base;
    struct local_carrier *c = calloc(1, sizeof *c);
    char program[PATH_SIZE];
    (void)command;
    if (!c)
        return NULL;
    c->base.transport = base;
    c->handler = h;
    c->arg = arg;
    c->later = timer_new(t->loop, on_later, c);
    if (!c->later) {
        free(c);
        return NULL;
    }
    (void)uv_pipe_init(t->loop, &c->in, 0);
    (void)uv_pipe_init(t->loop, &c->out, 0);
    (void)uv_pipe_init(t->loop, &c->err, 0);
    c->in.data = c->out.data = c->err.data = c;
    c->handles = STDIO_COUNT;
    if (programs_local(program, sizeof program, &c->failure) < 0)
        c->failed = true;
    else
        start(c, t->loop, program);
    timer_start(c->later, 0, 0);
    return &c->base;
}

static size_t queued(const struct carrier *base)
{
    const struct local_carrier *c = (const struct local_carrier *)base;
    return uv_stream_get_write_queue_size((const uv_stream_t *)&c->in);
}

static void on_written(uv_write_t *request, int status)
{
    struct local_write *w = request->data;
    struct local_carrier *c = w->carrier;
    (void)status; /* of a supervisor that is gone: its end is seen elsewhere */
    free(w);
    if (!c->handler || !c->told_high || queued(&c->base) >= CARRIER_LOW_WATER)
        return;
    c->told_high = false;
    c->handler->drained(c->arg);
}

static bool write_bytes(struct carrier *base, const char *data, size_t len)
{
    struct local_carrier *c = (struct local_carrier *)base;
    uv_buf_t whole = uv_buf_init((char *)data, (unsigned)len);
    if (c->failed || c->closing)
        return false;
    int taken = queued(base) == 0 ? uv_try_write((uv_stream_t *)&c->in, &whole, 1) : 0;
    size_t done = taken > 0 ? (size_t)taken : 0;
    if (done < len) {
        struct local_write *w = malloc(sizeof *w + len - done);
        if (!w) {
            c->failed = true;
            err_set(&c->failure, "out of memory while writing to the supervisor");
            timer_start(c->later, 0, 0);
            return false;
        }
        memcpy(w->data, data + done, len - done);
        w->carrier = c;
        w->request.data = w;
        uv_buf_t rest = uv_buf_init(w->data, (unsigned)(len - done));
        if (uv_write(&w->request, (uv_stream_t *)&c->in, &rest, 1, on_written) < 0) {
            free(w);
            return false;
        }
    }
    c->told_high = c->told_high || queued(base) >= CARRIER_HIGH_WATER;
    return c->told_high;
}

static void free_transport(struct transport *t)
{
    free(t);
}

static const struct transport_ops ops = {
    .open = open_carrier, .write = write_bytes, .queued = queued, .close = close_carrier, .free = free_transport};

static void close_process(uv_handle_t *h, void *arg)
{
    (void)arg;
    if (h->type != UV_PROCESS || uv_is_closing(h) || ((uv_process_t *)h)->exit_cb != on_process_exit)
        return;
    const struct local_carrier *c = h->data;
    if (c->closing)
        uv_close(h, on_handle_closed);
}

void transport_local_forget(uv_loop_t *loop)
{
    uv_walk(loop, close_process, NULL);
}

struct transport *transport_local(uv_loop_t *loop)
{
    struct local_transport *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->base = (struct transport){.ops = &ops, .is_local = true, .where = "this machine"};
    t->loop = loop;
    return &t->base;
}
