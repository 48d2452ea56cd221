#include "proxy/base/fd_writer.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "dap/buf.h"

struct fd_writer {
    uv_loop_t *loop;
    int fd;
    void (*progress)(void *arg); /* NULL: freed, the write that hangs frees the memory */
    void *arg;
    struct buf queue, writing;
    uv_work_t work;
    bool busy;
    int error, result; /* result: the thread's, until the loop takes it over */
};

/* On a thread of its own. */
static void write_all(uv_work_t *work)
{
    struct fd_writer *s = work->data;
    size_t done = 0;
    while (done < s->writing.len) {
        ssize_t n = write(s->fd, s->writing.data + done, s->writing.len - done);
        if (n >= 0) {
            done += (size_t)n;
        } else if (errno == EAGAIN) {
            /* Somebody else has made it non-blocking. */
            struct pollfd ready = {.fd = s->fd, .events = POLLOUT};
            (void)poll(&ready, 1, -1);
        } else if (errno != EINTR) {
            s->result = uv_translate_sys_error(errno);
            return;
        }
    }
}

static void destroy(struct fd_writer *s)
{
    buf_free(&s->queue);
    buf_free(&s->writing);
    free(s);
}

static void on_written(uv_work_t *work, int status);

static void start(struct fd_writer *s)
{
    struct buf empty = s->writing;
    buf_clear(&empty);
    s->writing = s->queue;
    s->queue = empty;
    s->work.data = s;
    s->result = 0;
    s->busy = true;
    s->error = uv_queue_work(s->loop, &s->work, write_all, on_written);
    if (s->error < 0)
        s->busy = false;
}

static void on_written(uv_work_t *work, int status)
{
    struct fd_writer *s = work->data;
    s->busy = false;
    if (!s->progress) {
        destroy(s);
        return;
    }
    s->error = status < 0 ? status : s->result;
    buf_clear(&s->writing);
    if (s->error)
        buf_clear(&s->queue);
    if (s->queue.len)
        start(s);
    s->progress(s->arg);
}

struct fd_writer *fd_writer_new(uv_loop_t *loop, int fd, void (*progress)(void *arg), void *arg)
{
    struct fd_writer *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->loop = loop;
    s->fd = fd;
    s->progress = progress;
    s->arg = arg;
    buf_init(&s->queue, FD_WRITER_QUEUE_MAX);
    buf_init(&s->writing, FD_WRITER_QUEUE_MAX);
    return s;
}

int fd_writer_write(struct fd_writer *s, const char *data, size_t len)
{
    if (s->error)
        return 0;
    buf_append(&s->queue, data, len);
    if (s->queue.failed)
        return -1;
    if (!s->busy)
        start(s);
    return s->error ? -1 : 0;
}

size_t fd_writer_queued(const struct fd_writer *s)
{
    return s->queue.len + (s->busy ? s->writing.len : 0);
}

int fd_writer_error(const struct fd_writer *s)
{
    return s->error;
}

void fd_writer_free(struct fd_writer *s)
{
    if (!s)
        return;
    s->progress = NULL;
    if (!s->busy)
        destroy(s);
}
