#include "proxy/base/fd_reader.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

enum { CHUNK_SIZE = 64 * 1024 };

/* A read may wait for ever: it has a thread of its own, which nobody waits for. Whoever of the two lets go last frees
 * it. */
struct fd_reader {
    int fd;
    const struct fd_reader_handler *handler;
    void *arg;
    uv_async_t *done; /* on the loop, freed when it is closed */
    uv_sem_t wanted;
    uv_mutex_t mutex;
    bool let_go; /* under the mutex: the loop's side has */
    char chunk[CHUNK_SIZE];
    ssize_t got; /* negative: why nothing */
};

static void destroy(struct fd_reader *s)
{
    uv_sem_destroy(&s->wanted);
    uv_mutex_destroy(&s->mutex);
    free(s);
}

/* --- its thread --- */

static ssize_t read_some(struct fd_reader *s)
{
    for (;;) {
        ssize_t n = read(s->fd, s->chunk, sizeof s->chunk);
        if (n >= 0)
            return n;
        if (errno == EAGAIN) {
            /* Somebody else has made it non-blocking. */
            struct pollfd ready = {.fd = s->fd, .events = POLLIN};
            (void)poll(&ready, 1, -1);
        } else if (errno != EINTR) {
            return uv_translate_sys_error(errno);
        }
    }
}

static void work(void *arg)
{
    struct fd_reader *s = arg;
    bool let_go = false;
    while (!let_go) {
        uv_sem_wait(&s->wanted);
        uv_mutex_lock(&s->mutex);
        let_go = s->let_go;
        uv_mutex_unlock(&s->mutex);
        if (let_go)
            break;
        s->got = read_some(s);
        uv_mutex_lock(&s->mutex);
        let_go = s->let_go;
        if (!let_go)
            uv_async_send(s->done);
        uv_mutex_unlock(&s->mutex);
    }
    destroy(s);
}

/* --- the loop's side --- */

static void on_done(uv_async_t *done)
{
    struct fd_reader *s = done->data;
    s->handler->data(s->arg, s->chunk, s->got > 0 ? (size_t)s->got : 0, s->got < 0 ? (int)s->got : 0);
}

static void on_closed(uv_handle_t *done)
{
    free(done);
}

static struct fd_reader *fd_reader_make(int fd, const struct fd_reader_handler *h, void *arg)
{
    struct fd_reader *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->fd = fd;
    s->handler = h;
    s->arg = arg;
    if (uv_sem_init(&s->wanted, 1) < 0) {
        free(s);
        return NULL;
    }
    if (uv_mutex_init(&s->mutex) < 0) {
        uv_sem_destroy(&s->wanted);
        free(s);
        return NULL;
    }
    return s;
}

struct fd_reader *fd_reader_new(uv_loop_t *loop, int fd, const struct fd_reader_handler *h, void *arg)
{
    uv_thread_t thread;
    struct fd_reader *s = fd_reader_make(fd, h, arg);
    if (!s)
        return NULL;
    s->done = malloc(sizeof *s->done);
    if (!s->done || uv_async_init(loop, s->done, on_done) < 0) {
        free(s->done);
        destroy(s);
        return NULL;
    }
    s->done->data = s;
    if (uv_thread_create(&thread, work, s) == 0) {
        (void)pthread_detach(thread);
        return s;
    }
    uv_close((uv_handle_t *)s->done, on_closed);
    destroy(s);
    return NULL;
}

void fd_reader_next(struct fd_reader *s)
{
    uv_sem_post(&s->wanted);
}

void fd_reader_free(struct fd_reader *s)
{
    if (!s)
        return;
    uv_close((uv_handle_t *)s->done, on_closed);
    uv_mutex_lock(&s->mutex);
    s->let_go = true;
    uv_sem_post(&s->wanted);
    uv_mutex_unlock(&s->mutex);
}
