/* Programs that the survey runs: some at the same time, bounded in output and time. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proxy/supervisor/process.h"
#include "proxy/supervisor/survey_parts.h"

enum {
    RUNS_MAX = 4,
    READ_BYTES = 4096,
    DRAIN_READS = 64,   /* of what is in the pipes at the end: whoever was left behind may print for ever */
    KILLED_WAIT = 3000, /* milliseconds until what was killed has gone: it may hang in the kernel */
    NOT_STARTED = 127,  /* as a shell has it */
    MS = 1000,
    NS_OF_MS = 1000 * 1000
};

static long now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (long)t.tv_sec * MS + t.tv_nsec / NS_OF_MS;
}

/* --- starting --- */

static void become(const struct survey_run *r, char *const *env, const char *dir, const int out[2],
                   const sigset_t *mask)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setpgid(0, 0);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(out[0], STDOUT_FILENO) < 0 || dup2(out[1], STDERR_FILENO) < 0)
        _exit(NOT_STARTED);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)sigprocmask(SIG_SETMASK, mask, NULL);
    if (chdir(dir) < 0)
        (void)dprintf(STDERR_FILENO, "%s: %s\n", dir, strerror(errno));
    else {
        (void)execvpe(r->argv[0], r->argv, env);
        (void)dprintf(STDERR_FILENO, "%s: %s\n", r->argv[0], strerror(errno));
    }
    _exit(NOT_STARTED);
}

/* A pipe whose reading end does not block. */
static int make_pipe(int fds[2])
{
    if (pipe2(fds, O_CLOEXEC) < 0)
        return -1;
    /* A program's stdin, stdout and stderr are put over these numbers, when they are not open here. */
    for (int i = 0; i < 2; i++) {
        int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        close(fds[i]);
        fds[i] = fd;
    }
    if (fds[0] >= 0 && fds[1] >= 0 && fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0)
        return 0;
    for (int i = 0; i < 2; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return -1;
}

static int start(struct survey_run *r, char *const *env, const char *dir, const sigset_t *mask)
{
    int out[2], err[2];
    if (make_pipe(out) < 0)
        return -1;
    if (make_pipe(err) < 0) {
        close(out[0]);
        close(out[1]);
        return -1;
    }
    const int ends[2] = {out[1], err[1]};
    r->fds[0] = out[0];
    r->fds[1] = err[0];
    r->pid = fork();
    if (r->pid == 0)
        become(r, env, dir, ends, mask);
    if (r->pid > 0)
        (void)setpgid((pid_t)r->pid, (pid_t)r->pid); /* whichever of both comes first */
    close(out[1]);
    close(err[1]);
    return r->pid < 0 ? -1 : 0;
}

/* --- reading --- */

static void close_end(struct survey_run *r, int i)
{
    if (r->fds[i] >= 0)
        close(r->fds[i]);
    r->fds[i] = -1;
}

/* Reads once. Returns whether there may be more. */
static bool take(struct survey_run *r, int i)
{
    char bytes[READ_BYTES];
    struct buf *b = i == 0 ? &r->out : &r->err;
    if (r->fds[i] < 0)
        return false;
    ssize_t n = read(r->fds[i], bytes, sizeof bytes);
    if (n < 0 && errno == EINTR)
        return true;
    if (n == 0 || (n < 0 && errno != EAGAIN))
        close_end(r, i);
    if (n <= 0)
        return false;
    size_t room = b->max - b->len;
    buf_append(b, bytes, (size_t)n < room ? (size_t)n : room);
    return true;
}

static void finish(struct survey_run *r, int status)
{
    r->status = WIFEXITED(status) ? WEXITSTATUS(status) : SUPERVISOR_SIGNAL_STATUS + WTERMSIG(status);
    r->pid = 0;
    for (int i = 0; i < 2; i++) {
        for (int reads = 0; reads < DRAIN_READS && take(r, i); reads++)
            ;
        close_end(r, i);
    }
}

/* Returns how many still run. */
static size_t reap(struct survey_run *runs, size_t count)
{
    size_t running = 0;
    for (size_t i = 0; i < count; i++) {
        int status = 0;
        if (runs[i].pid <= 0)
            continue;
        pid_t ended = waitpid((pid_t)runs[i].pid, &status, WNOHANG);
        if (ended > 0)
            finish(&runs[i], status);
        else if (ended == 0 || errno == EINTR)
            running++;
        else
            runs[i].pid = 0;
    }
    return running;
}

/* --- all of them --- */

static void kill_all(struct survey_run *runs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (runs[i].pid <= 0)
            continue;
        runs[i].is_late = true;
        (void)kill((pid_t)-runs[i].pid, SIGKILL);
        (void)kill((pid_t)runs[i].pid, SIGKILL);
    }
    /* In a worker all of the session is the survey's. */
    if (getsid(0) == getpid())
        (void)process_sweep(getpid(), getpid());
}

static void wait_once(struct survey_run *runs, size_t count, int ended, long timeout)
{
    struct pollfd polled[1 + 2 * RUNS_MAX];
    struct signalfd_siginfo info;
    polled[0] = (struct pollfd){.fd = ended, .events = POLLIN};
    for (size_t i = 0; i < 2 * count; i++)
        polled[1 + i] = (struct pollfd){.fd = runs[i / 2].fds[i % 2], .events = POLLIN};
    if (poll(polled, 1 + 2 * (nfds_t)count, (int)timeout) <= 0)
        return;
    while (read(ended, &info, sizeof info) > 0)
        ;
    for (size_t i = 0; i < 2 * count; i++)
        if (polled[1 + i].revents)
            (void)take(&runs[i / 2], (int)(i % 2));
}

static void wait_all(struct survey_run *runs, size_t count, int ended, long limit_ms)
{
    long deadline = now_ms() + limit_ms;
    bool is_killed = false;
    while (reap(runs, count) > 0) {
        long left = deadline - now_ms();
        if (left > 0) {
            wait_once(runs, count, ended, left);
        } else if (is_killed) {
            break;
        } else {
            kill_all(runs, count);
            is_killed = true;
            deadline = now_ms() + KILLED_WAIT;
        }
    }
    for (size_t i = 0; i < count; i++) {
        close_end(&runs[i], 0);
        close_end(&runs[i], 1);
    }
}

void survey_run_all(struct survey_run *runs, size_t count, char *const *env, const char *dir, long limit_ms)
{
    sigset_t child, mask;
    (void)sigemptyset(&child);
    (void)sigaddset(&child, SIGCHLD);
    (void)signal(SIGCHLD, SIG_DFL);
    (void)sigprocmask(SIG_BLOCK, &child, &mask);
    int ended = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    count = count < RUNS_MAX ? count : RUNS_MAX;
    for (size_t i = 0; i < count; i++) {
        runs[i].status = -1;
        runs[i].is_late = false;
        runs[i].pid = 0;
        runs[i].fds[0] = runs[i].fds[1] = -1;
        buf_init(&runs[i].out, SURVEY_OUTPUT_MAX);
        buf_init(&runs[i].err, SURVEY_OUTPUT_MAX);
        if (ended < 0 || start(&runs[i], runs[i].env ? runs[i].env : env, dir, &mask) < 0)
            buf_puts(&runs[i].err, strerror(errno));
    }
    if (ended >= 0) {
        wait_all(runs, count, ended, limit_ms);
        close(ended);
    }
    (void)sigprocmask(SIG_SETMASK, &mask, NULL);
}

void survey_run_free(struct survey_run *runs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_free(&runs[i].out);
        buf_free(&runs[i].err);
    }
}
