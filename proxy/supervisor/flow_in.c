/* From a stream to a descriptor. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "proxy/supervisor/flow_private.h"

/* What is carried in a round trip; so much memory a reader that stops costs. */
enum { INPUT_WINDOW = 256 * 1024 };

/* --- Sinks --- */

static void on_writable(void *arg, short revents)
{
    struct stream_writer *k = arg;
    (void)revents;
    loop_unwatch(&k->out);
    stream_writer_flush(k);
}

void stream_writer_init(struct stream_writer *k, int fd, struct stream *stream, void (*broken)(void *arg, int error),
                        void *arg)
{
    *k = (struct stream_writer){.fd = fd, .stream = stream, .broken = broken, .arg = arg};
    k->out = (struct watch){.fd = fd, .events = POLLOUT, .ready = on_writable, .arg = k};
}

void stream_writer_flush(struct stream_writer *k)
{
    const void *bytes;
    size_t n;
    while (!k->out.on && (n = stream_peek(k->stream, &bytes)) > 0) {
        ssize_t done = write(k->fd, bytes, n);
        if (done >= 0) {
            stream_consume(k->stream, (size_t)done);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            loop_watch(&k->out);
        } else if (errno != EINTR) {
            int error = errno;
            stream_stop(k->stream);
            if (k->broken)
                k->broken(k->arg, error);
            return;
        }
    }
}

void stream_writer_stop(struct stream_writer *k)
{
    loop_unwatch(&k->out);
}

/* --- Inflows --- */

struct inflow {
    struct stream stream;
    struct stream_writer writer;
    struct alarm begin;
    bool is_over;
    void (*over)(void *arg);
    void *arg;
};

static struct inflow *of(struct stream *stream)
{
    return (struct inflow *)((char *)stream - offsetof(struct inflow, stream));
}

static void finish(struct inflow *i)
{
    if (i->is_over)
        return;
    i->is_over = true;
    stream_writer_stop(&i->writer);
    (void)close(i->writer.fd);
    if (i->over)
        i->over(i->arg);
}

static void on_readable(struct stream *stream)
{
    struct inflow *i = of(stream);
    if (!i->is_over)
        stream_writer_flush(&i->writer);
}

static void on_ended(struct stream *stream)
{
    finish(of(stream));
}

static void on_reset(struct stream *stream, uint32_t code)
{
    (void)code;
    finish(of(stream));
}

static void on_broken(void *arg, int error)
{
    (void)error;
    finish(arg);
}

/* Nothing goes the other way. */
static void on_begin(void *arg)
{
    struct inflow *i = arg;
    stream_widen(&i->stream, INPUT_WINDOW);
    stream_end(&i->stream);
}

struct inflow *inflow_new(int fd, struct stream **stream, void (*over)(void *arg), void *arg)
{
    static const struct stream_ops ops = {
        .readable = on_readable, .ended = on_ended, .reset = on_reset, .closed = on_ended};
    struct inflow *i = malloc(sizeof *i);
    if (!i || flow_set_nonblocking(fd) < 0) {
        free(i);
        return NULL;
    }
    *i = (struct inflow){.stream = {.ops = &ops}, .over = over, .arg = arg};
    stream_writer_init(&i->writer, fd, &i->stream, on_broken, i);
    i->begin = (struct alarm){.ring = on_begin, .arg = i};
    loop_alarm(&i->begin, 0);
    *stream = &i->stream;
    return i;
}

void inflow_free(struct inflow *i)
{
    if (!i)
        return;
    loop_disarm(&i->begin);
    stream_writer_stop(&i->writer);
    if (!i->is_over)
        (void)close(i->writer.fd);
    stream_abandon(&i->stream);
    free(i);
}
