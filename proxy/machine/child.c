#include "proxy/machine/child.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "dap/buf.h"
#include "proxy/base/environment.h"
#include "proxy/base/timer.h"
#include "proxy/machine/stderr_tail.h"
#include "proxy/machine/transport.h"

enum {
    CHILD_READ_SIZE = 64 * 1024,
    CHILD_LINE_MAX = 1024, /* longer lines of stderr are cut */
    CHILD_TERM_MS = 1000,  /* from the end of its stdin to SIGTERM */
    CHILD_KILL_MS = 2000,  /* and from there to SIGKILL */
    CHILD_LAST_MS = 1000,  /* from the end of one of: process, stdout, stderr, to that of the others */
    CHILD_STREAMS = 3
};

struct child {
    uv_process_t process;
    uv_pipe_t in, out, err_out;
    uv_loop_t *loop;
    const struct child_handler *h; /* NULL: closed by its owner, or its end was reported */
    void *arg;
    struct timer *last;   /* runs when part of it is over */
    struct timer *ending; /* to the next signal */
    struct stderr_tail stderr_tail;
    char line[CHILD_LINE_MAX];
    size_t line_len;
    bool running, out_open, err_open, in_broken, closing, late, ends_itself;
    int status, signal, next_signal;
    int handles; /* open ones; the object lives until the last is closed */
};

struct child_write {
    uv_write_t request;
    struct child *child;
    char data[];
};

static char chunk[CHILD_READ_SIZE]; /* used up before the loop reads anything else */

static void on_closed(uv_handle_t *handle)
{
    struct child *c = handle->data;
    if (--c->handles > 0)
        return;
    timer_free(c->last);
    timer_free(c->ending);
    free(c);
}

/* Whoever is left of its process group: those that it has started too. */
static void signal_group(const struct child *c, int number)
{
    if (c->process.pid > 0 && !c->ends_itself)
        (void)kill(-c->process.pid, number); /* all gone already is fine */
}

static void on_ending(void *arg)
{
    struct child *c = arg;
    if (!c->running)
        return;
    signal_group(c, c->next_signal);
    c->next_signal = SIGKILL;
    timer_start(c->ending, CHILD_KILL_MS, 0);
}

static void dispose(struct child *c)
{
    c->h = NULL;
    if (c->closing)
        return;
    c->closing = true;
    timer_stop(c->last);
    uv_close((uv_handle_t *)&c->in, on_closed);
    uv_close((uv_handle_t *)&c->out, on_closed);
    uv_close((uv_handle_t *)&c->err_out, on_closed);
    if (c->running) { /* its end closes the handle: a closed one would leave a zombie */
        c->next_signal = SIGTERM;
        if (c->ends_itself)
            uv_unref((uv_handle_t *)&c->process);
        else
            timer_start(c->ending, CHILD_TERM_MS, 0);
    } else if (c->process.type != UV_UNKNOWN_HANDLE) {
        uv_close((uv_handle_t *)&c->process, on_closed);
    }
}

/* Tells the end when there is nothing left to come. */
static void settle(struct child *c)
{
    bool is_over = !c->running && !c->out_open && !c->err_open;
    if (c->closing)
        return;
    if (!is_over && !c->late) {
        /* Of one that ends itself, what is left may still be at work. */
        if (c->ends_itself && c->out_open)
            return;
        /* What it has left running may hold stderr; what it closed may be all that it had to say. */
        timer_start(c->last, CHILD_LAST_MS, 0);
        return;
    }
    const struct child_handler *h = c->h;
    void *arg = c->arg;
    struct stderr_tail stderr_tail = c->stderr_tail;
    struct child_end end = {.status = c->status,
                            .signal = c->signal,
                            .is_running = c->running,
                            .stderr_tail = stderr_tail_text(&stderr_tail)};
    if (!c->running)
        signal_group(c, SIGKILL);
    dispose(c);
    if (h)
        h->ended(arg, &end);
}

static void on_last(void *arg)
{
    struct child *c = arg;
    c->late = true;
    settle(c);
}

static void on_process_end(uv_process_t *process, int64_t status, int number)
{
    struct child *c = process->data;
    c->running = false;
    c->status = (int)status;
    c->signal = number;
    if (!c->closing) {
        settle(c);
        return;
    }
    timer_stop(c->ending);
    signal_group(c, SIGKILL);
    uv_close((uv_handle_t *)process, on_closed);
}

static void on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *b)
{
    (void)handle;
    (void)wanted;
    *b = uv_buf_init(chunk, sizeof chunk);
}

static void on_out(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    struct child *c = stream->data;
    if (n > 0 && c->h)
        c->h->data(c->arg, b->base, (size_t)n);
    if (n >= 0)
        return;
    (void)uv_read_stop(stream);
    c->out_open = false;
    settle(c);
}

static void report_line(struct child *c)
{
    char text[CHILD_LINE_MAX + 1];
    size_t len = c->line_len;
    c->line_len = 0;
    while (len > 0 && strchr("\r ", c->line[len - 1]))
        len--;
    memcpy(text, c->line, len);
    text[len] = '\0';
    stderr_tail_make_printable(text);
    if (text[0] && c->h)
        c->h->line(c->arg, text);
}

static void take_stderr(struct child *c, const char *data, size_t len)
{
    stderr_tail_add(&c->stderr_tail, data, len);
    for (size_t i = 0; i < len && c->h; i++) {
        if (data[i] == '\n')
            report_line(c);
        else if (c->line_len < sizeof c->line)
            c->line[c->line_len++] = data[i] ? data[i] : '?';
    }
}

static void on_err(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    struct child *c = stream->data;
    if (n > 0)
        take_stderr(c, b->base, (size_t)n);
    if (n >= 0)
        return;
    (void)uv_read_stop(stream);
    c->err_open = false;
    if (c->line_len > 0)
        report_line(c);
    settle(c);
}

static int run(struct child *c, const char *const *argv, char *const *entries)
{
    char **env = environment_for_child_set(entries);
    if (!env)
        return UV_ENOMEM;
    uv_stdio_container_t io[CHILD_STREAMS] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&c->in},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&c->out},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&c->err_out},
    };
    uv_process_options_t o = {.exit_cb = on_process_end,
                              .file = argv[0],
                              .args = (char **)(uintptr_t)argv, /* libuv does not write to it */
                              .env = env,
                              .flags = UV_PROCESS_DETACHED,
                              .stdio_count = CHILD_STREAMS,
                              .stdio = io};
    int rc = uv_spawn(c->loop, &c->process, &o);
    free(env);
    c->running = rc == 0;
    if (rc == 0)
        rc = uv_read_start((uv_stream_t *)&c->out, on_alloc, on_out);
    c->out_open = rc == 0;
    if (rc == 0)
        rc = uv_read_start((uv_stream_t *)&c->err_out, on_alloc, on_err);
    c->err_open = rc == 0;
    return rc;
}

struct child *child_start(uv_loop_t *loop, const char *const *argv, char *const *entries, const struct child_handler *h,
                          void *arg, int *error)
{
    struct child *c = calloc(1, sizeof *c);
    *error = UV_ENOMEM;
    if (!c)
        return NULL;
    c->loop = loop;
    c->h = h;
    c->ends_itself = h->ends_itself;
    c->arg = arg;
    c->last = timer_new(loop, on_last, c);
    c->ending = timer_new(loop, on_ending, c);
    if (!c->last || !c->ending) {
        timer_free(c->last);
        timer_free(c->ending);
        free(c);
        return NULL;
    }
    (void)uv_pipe_init(loop, &c->in, 0); /* cannot fail on Unix */
    (void)uv_pipe_init(loop, &c->out, 0);
    (void)uv_pipe_init(loop, &c->err_out, 0);
    c->process.type = UV_UNKNOWN_HANDLE;
    c->process.data = c->in.data = c->out.data = c->err_out.data = c;
    c->handles = CHILD_STREAMS + 1;
    *error = run(c, argv, entries);
    if (*error == 0)
        return c;
    if (c->process.type == UV_UNKNOWN_HANDLE)
        c->handles--; /* uv_spawn, which makes the handle, was not reached */
    dispose(c);
    return NULL;
}

static void on_written(uv_write_t *request, int status)
{
    struct child_write *w = request->data;
    struct child *c = w->child;
    free(w);
    if (c->closing)
        return;
    if (status < 0) {
        if (!c->in_broken)
            timer_start(c->last, CHILD_LAST_MS, 0); /* its end is the better reason */
        c->in_broken = true;
        return;
    }
    if (child_queued(c) < CARRIER_LOW_WATER)
        c->h->drained(c->arg);
}

/* Writes what the pipe takes at once, so that it is not copied. Returns how much that was. */
static size_t write_now(struct child *c, const char *data, size_t len)
{
    uv_buf_t b = uv_buf_init((char *)(uintptr_t)data, (unsigned)len); /* libuv does not write to it */
    int n = c->in_broken || len == 0 || child_queued(c) > 0 ? 0 : uv_try_write((uv_stream_t *)&c->in, &b, 1);
    return n > 0 ? (size_t)n : 0; /* a failure comes again, and is reported then */
}

void child_write(struct child *c, const char *data, size_t len)
{
    size_t done = write_now(c, data, len);
    data += done;
    len -= done;
    struct child_write *w = c->in_broken || len == 0 ? NULL : malloc(sizeof *w + len);
    if (w) {
        w->child = c;
        w->request.data = w;
        memcpy(w->data, data, len);
        uv_buf_t b = uv_buf_init(w->data, (unsigned)len);
        if (uv_write(&w->request, (uv_stream_t *)&c->in, &b, 1, on_written) < 0) {
            free(w);
            w = NULL;
        }
    }
    if (!w && len > 0 && !c->in_broken) { /* a gap in the stream: nothing behind it may arrive */
        c->in_broken = true;
        timer_start(c->last, 0, 0);
    }
}

size_t child_queued(const struct child *c)
{
    return uv_stream_get_write_queue_size((const uv_stream_t *)&c->in);
}

void child_close(struct child *c)
{
    if (c)
        dispose(c);
}

static void forget(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (handle->type != UV_PROCESS || uv_is_closing(handle) || ((uv_process_t *)handle)->exit_cb != on_process_end)
        return;
    struct child *c = handle->data;
    if (!c->closing)
        return;
    signal_group(c, SIGKILL);
    timer_stop(c->ending);
    uv_close(handle, on_closed);
}

void child_forget(uv_loop_t *loop)
{
    uv_walk(loop, forget, NULL);
}
