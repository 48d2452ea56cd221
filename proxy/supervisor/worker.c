#include "proxy/supervisor/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "proxy/supervisor/file.h"
#include "proxy/supervisor/process.h"

enum {
    READ_SIZE = 4096,
    OUT_FD = 3, /* in the worker */
    FIRST_CLOSED = 4,
    FAILED_STATUS = 126 /* of a worker that could not begin, or whose records nobody takes */
};

struct worker {
    struct child child;
    struct watch watch;
    struct buf in;
    struct worker_handler handler;
    void *arg;
    bool is_calling; /* let go meanwhile, it is freed when the call is back */
    bool is_over;
};

/* --- in the worker --- */

static void __attribute__((noreturn)) be_worker(int (*work)(void *arg, int out), void *arg, int out)
{
    int null = open("/dev/null", O_RDWR);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0)
        _exit(FAILED_STATUS);
    if (out != OUT_FD && dup2(out, OUT_FD) < 0)
        _exit(FAILED_STATUS);
    if (fcntl(OUT_FD, F_SETFD, FD_CLOEXEC) < 0)
        _exit(FAILED_STATUS);
    file_close_from(FIRST_CLOSED, NULL, 0);
    (void)setsid();
    loop_in_child();
    loop_few_files();
    /* What it writes to may be gone; then it ends. */
    (void)signal(SIGPIPE, SIG_DFL);
    _exit(work(arg, OUT_FD));
}

void worker_report(int out, struct buf *record)
{
    if (record->failed || file_write_all(out, record->data, record->len) < 0)
        _exit(FAILED_STATUS);
    buf_clear(record);
}

void worker_say(int out, enum order_kind kind, const char *name, const char *text)
{
    struct buf record;
    buf_init(&record, ORDER_RECORD_MAX);
    size_t at = order_open(&record, kind);
    order_put(&record, ORDER_NAME, name);
    order_put(&record, ORDER_TEXT, text);
    order_close(&record, at);
    worker_report(out, &record);
    buf_free(&record);
}

/* --- beside it --- */

static void let_go(struct worker *w)
{
    w->is_over = true;
    loop_forget(&w->child);
    loop_unwatch(&w->watch);
    if (w->watch.fd >= 0)
        (void)close(w->watch.fd);
    w->watch.fd = -1;
    if (w->is_calling)
        return;
    buf_free(&w->in);
    free(w);
}

/* Returns false when it was let go meanwhile, and is freed. */
static bool hand_on(struct worker *w)
{
    size_t at = 0;
    long n = 0;
    struct order o;
    w->is_calling = true;
    while (!w->is_over && at < w->in.len && (n = order_read(w->in.data + at, w->in.len - at, &o)) > 0) {
        at += (size_t)n;
        w->handler.record(w->arg, &o);
    }
    w->is_calling = false;
    if (w->is_over) {
        let_go(w);
        return false;
    }
    buf_consume(&w->in, at);
    /* It is our own program: what it writes is a record, or it has gone mad. */
    if (n < 0 || w->in.failed)
        (void)kill(w->child.pid, SIGKILL);
    return true;
}

enum taken { TAKEN, NO_MORE, FREED };

static enum taken take(struct worker *w)
{
    char bytes[READ_SIZE];
    ssize_t n = read(w->watch.fd, bytes, sizeof bytes);
    if (n > 0) {
        buf_append(&w->in, bytes, (size_t)n);
        return hand_on(w) ? TAKEN : FREED;
    }
    if (n == 0)
        loop_unwatch(&w->watch);
    return NO_MORE;
}

static void on_ready(void *arg, short revents)
{
    (void)revents;
    (void)take(arg);
}

/* What it has left running may hold the pipe for ever: its own records are all in it by now. */
static void on_ended(void *arg, int status)
{
    struct worker *w = arg;
    enum taken taken;
    while ((taken = take(w)) == TAKEN)
        ;
    if (taken == FREED)
        return;
    struct worker_handler handler = w->handler;
    void *handler_arg = w->arg;
    let_go(w);
    handler.ended(handler_arg, status);
}

static struct worker *new_worker(const struct worker_handler *h, void *arg, int fd)
{
    struct worker *w = malloc(sizeof *w);
    if (!w)
        return NULL;
    *w = (struct worker){.handler = *h, .arg = arg};
    w->watch = (struct watch){.fd = fd, .events = POLLIN, .ready = on_ready, .arg = w};
    w->child = (struct child){.ended = on_ended, .arg = w};
    buf_init(&w->in, ORDER_RECORD_MAX + READ_SIZE);
    return w;
}

struct worker *worker_start(int (*work)(void *arg, int out), void *work_arg, const struct worker_handler *h, void *arg)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return NULL;
    struct worker *w = new_worker(h, arg, ends[0]);
    if (!w || fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0 || (w->child.pid = fork()) < 0) {
        int e = errno;
        (void)close(ends[0]);
        (void)close(ends[1]);
        free(w);
        errno = e;
        return NULL;
    }
    if (w->child.pid == 0)
        be_worker(work, work_arg, ends[1]);
    (void)close(ends[1]);
    loop_child(&w->child);
    loop_watch(&w->watch);
    return w;
}

pid_t worker_pid(const struct worker *w)
{
    return w->child.pid;
}

void worker_free(struct worker *w)
{
    if (!w)
        return;
    if (w->child.on) {
        (void)kill(w->child.pid, SIGKILL);
        /* What it has started is in its process session, and most of it in its group. */
        (void)kill(-w->child.pid, SIGKILL);
        (void)process_sweep(w->child.pid, 0);
    }
    let_go(w);
}
