#include "proxy/base/spawn.h"

#include <signal.h>
#include <stdlib.h>

#include "dap/buf.h"
#include "proxy/base/environment.h"
#include "proxy/base/timer.h"

enum { SPAWN_SIGNAL_BASE = 128, SPAWN_READ_SIZE = 4096 };

struct spawn_stream {
    uv_pipe_t pipe;
    struct buf text;
    bool open;
    char chunk[SPAWN_READ_SIZE];
};

struct spawn {
    uv_process_t process;
    struct spawn_stream out, err_out;
    struct timer *deadline;
    void (*done)(void *arg, const struct spawn_result *r);
    void *arg;
    struct spawn_result result;
    bool running;  /* the process has not ended */
    bool finished; /* done was called, or cancelled */
    int handles;   /* not closed yet */
};

static void on_closed(uv_handle_t *h)
{
    struct spawn *s = h->data;
    if (--s->handles > 0)
        return;
    buf_free(&s->out.text);
    buf_free(&s->err_out.text);
    free(s);
}

/* The whole session goes: `Match exec` runs commands of its own. */
static void kill_all(struct spawn *s)
{
    if (s->running && s->process.pid > 0)
        (void)kill(-s->process.pid, SIGKILL); /* gone already is fine */
}

static void close_all(struct spawn *s)
{
    s->finished = true;
    timer_free(s->deadline);
    s->deadline = NULL;
    if (!s->running) /* else it waits for the end that SIGKILL brings: a closed handle would leave a zombie */
        uv_close((uv_handle_t *)&s->process, on_closed);
    uv_close((uv_handle_t *)&s->out.pipe, on_closed);
    uv_close((uv_handle_t *)&s->err_out.pipe, on_closed);
}

static const char *text_of(const struct buf *b)
{
    return b->data ? b->data : "";
}

static void finish(struct spawn *s)
{
    if (s->finished)
        return;
    kill_all(s);
    s->result.out = text_of(&s->out.text);
    s->result.err_out = text_of(&s->err_out.text);
    close_all(s);
    s->done(s->arg, &s->result);
}

static void maybe_finish(struct spawn *s)
{
    if (!s->running && !s->out.open && !s->err_out.open)
        finish(s);
}

static void on_process_end(uv_process_t *p, int64_t status, int signal)
{
    struct spawn *s = p->data;
    s->running = false;
    s->result.exit_status = signal > 0 ? SPAWN_SIGNAL_BASE + signal : (int)status;
    if (s->finished)
        uv_close((uv_handle_t *)&s->process, on_closed);
    else
        maybe_finish(s);
}

static void on_deadline(void *arg)
{
    struct spawn *s = arg;
    s->result.timed_out = s->result.error == 0;
    finish(s);
}

static void on_alloc(uv_handle_t *h, size_t wanted, uv_buf_t *b)
{
    (void)wanted;
    struct spawn *s = h->data;
    struct spawn_stream *stream = h == (uv_handle_t *)&s->out.pipe ? &s->out : &s->err_out;
    *b = uv_buf_init(stream->chunk, sizeof stream->chunk);
}

static void on_read(uv_stream_t *h, ssize_t n, const uv_buf_t *b)
{
    struct spawn *s = h->data;
    struct spawn_stream *stream = h == (uv_stream_t *)&s->out.pipe ? &s->out : &s->err_out;
    if (n > 0) {
        buf_append(&stream->text, b->base, (size_t)n);
        s->result.too_long = stream->text.failed;
        if (s->result.too_long)
            finish(s);
    } else if (n < 0) {
        stream->open = false;
        (void)uv_read_stop(h);
        maybe_finish(s);
    }
}

static void stream_init(uv_loop_t *loop, struct spawn *s, struct spawn_stream *stream)
{
    (void)uv_pipe_init(loop, &stream->pipe, 0); /* cannot fail on Unix */
    stream->pipe.data = s;
    buf_init(&stream->text, SPAWN_OUTPUT_MAX);
}

static int start(struct spawn *s, uv_loop_t *loop, const char *const *argv)
{
    char **env = environment_for_child();
    if (!env)
        return UV_ENOMEM;
    uv_stdio_container_t io[] = {
        {.flags = UV_IGNORE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&s->out.pipe},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&s->err_out.pipe},
    };
    uv_process_options_t o = {.exit_cb = on_process_end,
                              .file = argv[0],
                              .args = (char **)(uintptr_t)argv, /* libuv does not write to it */
                              .env = env,
                              .flags = UV_PROCESS_DETACHED,
                              .stdio_count = sizeof io / sizeof *io,
                              .stdio = io};
    int rc = uv_spawn(loop, &s->process, &o);
    free(env);
    if (rc < 0)
        return rc;
    s->running = true;
    if (uv_read_start((uv_stream_t *)&s->out.pipe, on_alloc, on_read) == 0)
        s->out.open = true;
    if (uv_read_start((uv_stream_t *)&s->err_out.pipe, on_alloc, on_read) == 0)
        s->err_out.open = true;
    return 0;
}

struct spawn *spawn_run(uv_loop_t *loop, const char *const *argv, uint64_t deadline_ms,
                        void (*done)(void *arg, const struct spawn_result *r), void *arg)
{
    struct spawn *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->done = done;
    s->arg = arg;
    s->deadline = timer_new(loop, on_deadline, s);
    if (!s->deadline) {
        free(s);
        return NULL;
    }
    stream_init(loop, s, &s->out);
    stream_init(loop, s, &s->err_out);
    s->process.data = s;
    s->handles = 3;
    s->result.error = start(s, loop, argv);
    timer_start(s->deadline, s->result.error < 0 ? 0 : deadline_ms, 0);
    return s;
}

void spawn_cancel(struct spawn *s)
{
    kill_all(s);
    close_all(s);
}
