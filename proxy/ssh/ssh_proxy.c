#include "proxy/ssh/ssh_proxy.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/base/environment.h"
#include "proxy/base/timer.h"

enum {
    PROXY_STDERR_MAX = 3072, /* it must fit into an error */
    PROXY_STATUS_MAX = 32,
    PROXY_LAST_MS = 1000, /* from the end of its stream to its own */
    PROXY_ARGS_MAX = 16,
    PROXY_NUMBER_MAX = 16,
    PROXY_ENTRY_MAX = 4096,
    PROXY_HANDLES = 2,
    PROXY_END_MS = 3000 /* from SIGTERM to SIGKILL */
};

struct ssh_proxy {
    uv_process_t process;
    uv_pipe_t err_out;
    struct timer *kill; /* runs when it was told to end and has not */
    struct timer *last; /* runs from when its end is waited for */
    void (*finished)(void *arg);
    void *arg;
    struct buf name, check;
    char stderr_text[PROXY_STDERR_MAX];
    char status[PROXY_STATUS_MAX];
    size_t len;
    char chunk[PROXY_STDERR_MAX];
    int64_t exit_status;
    int signal;
    bool running, silent, freed; /* silent: stderr is over */
    bool waited, late;           /* its end is waited for; not any more */
    int handles;
};

static void on_closed(uv_handle_t *h)
{
    struct ssh_proxy *p = h->data;
    if (--p->handles > 0)
        return;
    timer_free(p->kill);
    timer_free(p->last);
    buf_free(&p->name);
    buf_free(&p->check);
    free(p);
}

static void on_kill(void *arg)
{
    struct ssh_proxy *p = arg;
    if (p->running)
        (void)kill(-p->process.pid, SIGKILL);
}

static bool is_over(const struct ssh_proxy *p)
{
    return p->late || (!p->running && p->silent);
}

static void notify_finished(struct ssh_proxy *p)
{
    timer_stop(p->last);
    if (!p->freed)
        p->finished(p->arg);
}

static void on_last(void *arg)
{
    struct ssh_proxy *p = arg;
    p->late = true;
    notify_finished(p);
}

static void on_end(uv_process_t *process, int64_t status, int signal)
{
    struct ssh_proxy *p = process->data;
    p->running = false;
    p->exit_status = status;
    p->signal = signal;
    if (p->freed)
        uv_close((uv_handle_t *)process, on_closed);
    else if (is_over(p))
        notify_finished(p);
}

static void on_alloc(uv_handle_t *h, size_t wanted, uv_buf_t *b)
{
    (void)wanted;
    struct ssh_proxy *p = h->data;
    *b = uv_buf_init(p->chunk, sizeof p->chunk);
}

/* Keeps the last part of what it says. */
static void on_stderr(uv_stream_t *h, ssize_t n, const uv_buf_t *b)
{
    struct ssh_proxy *p = h->data;
    if (n < 0) {
        (void)uv_read_stop(h);
        p->silent = true;
        if (is_over(p))
            notify_finished(p);
        return;
    }
    size_t got = (size_t)n;
    size_t keep = sizeof p->stderr_text - 1;
    if (got > keep)
        got = keep;
    if (p->len + got > keep) {
        size_t drop = p->len + got - keep;
        memmove(p->stderr_text, p->stderr_text + drop, p->len - drop);
        p->len -= drop;
    }
    memcpy(p->stderr_text + p->len, b->base + ((size_t)n - got), got);
    for (size_t i = p->len; i < p->len + got; i++)
        if (p->stderr_text[i] == '\0')
            p->stderr_text[i] = '?'; /* it would end the text */
    p->len += got;
    p->stderr_text[p->len] = '\0';
}

static int run(uv_loop_t *loop, struct ssh_proxy *p, char **argv, const char *agent, int fd)
{
    char entry[PROXY_ENTRY_MAX];
    int len = agent ? snprintf(entry, sizeof entry, "SSH_AUTH_SOCK=%s", agent) : 0;
    if (len < 0 || (size_t)len >= sizeof entry)
        return UV_ENAMETOOLONG;
    char **env = environment_for_child_with(agent ? entry : NULL);
    if (!env)
        return UV_ENOMEM;
    uv_stdio_container_t io[] = {
        {.flags = UV_INHERIT_FD, .data.fd = fd},
        {.flags = UV_INHERIT_FD, .data.fd = fd},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&p->err_out},
    };
    uv_process_options_t o = {.exit_cb = on_end,
                              .file = argv[0],
                              .args = argv,
                              .env = env,
                              .flags = UV_PROCESS_DETACHED,
                              .stdio_count = sizeof io / sizeof *io,
                              .stdio = io};
    int rc = uv_spawn(loop, &p->process, &o);
    free(env);
    p->running = rc == 0;
    return rc < 0 ? rc : uv_read_start((uv_stream_t *)&p->err_out, on_alloc, on_stderr);
}

/* What a child is started with. */
struct child {
    uv_loop_t *loop;
    const char *agent;
    struct ssh_socket *socket;
    void (*finished)(void *arg);
    void *arg;
};

static struct ssh_proxy *start(const struct child *c, char **argv, struct err *e)
{
    struct ssh_proxy *p = calloc(1, sizeof *p);
    int pair[2] = {-1, -1};
    if (p) {
        p->kill = timer_new(c->loop, on_kill, p);
        p->last = timer_new(c->loop, on_last, p);
        p->finished = c->finished;
        p->arg = c->arg;
        buf_init(&p->name, SSH_TEXT_MAX);
        buf_init(&p->check, SSH_TEXT_MAX);
    }
    int rc = p && p->kill && p->last ? uv_socketpair(SOCK_STREAM, 0, pair, UV_NONBLOCK_PIPE, 0) : UV_ENOMEM;
    if (rc < 0) {
        if (p) {
            timer_free(p->kill);
            timer_free(p->last);
        }
        free(p);
        err_set(e, "The proxy cannot be started: %s.", uv_strerror(rc));
        return NULL;
    }
    (void)uv_pipe_init(c->loop, &p->err_out, 0); /* cannot fail on Unix */
    p->process.data = p->err_out.data = p;
    p->handles = PROXY_HANDLES;
    rc = run(c->loop, p, argv, c->agent, pair[1]);
    (void)close(pair[1]);
    if (rc == 0)
        rc = ssh_socket_adopt(c->socket, pair[0]);
    if (rc < 0) {
        (void)close(pair[0]);
        ssh_proxy_free(p);
        err_set(e, "The proxy `%s` cannot be started: %s.", argv[0], uv_strerror(rc));
        return NULL;
    }
    return p;
}

/* ProxyJump A,B,C is `ssh -J A,B -W HOST:PORT C`: that ssh asks its own settings for C. */
static struct ssh_proxy *start_jump(const struct child *child, const struct ssh_settings *s, const char *jump,
                                    struct err *e)
{
    const char *comma = strrchr(jump, ',');
    struct ssh_destination last;
    if (ssh_destination_parse(comma ? comma + 1 : jump, &last, e) < 0)
        return NULL;
    char *before = comma ? strndup(jump, (size_t)(comma - jump)) : NULL;
    struct buf to;
    buf_init(&to, SSH_TEXT_MAX);
    char port[PROXY_NUMBER_MAX];
    (void)snprintf(port, sizeof port, "%d", last.port);
    struct ssh_proxy *p = NULL;
    buf_printf(&to, "[%s]:%d", s->host_name, s->port);
    if (to.failed || (comma && !before)) {
        err_set(e, "Out of memory.");
    } else {
        char *argv[PROXY_ARGS_MAX] = {"ssh", "-o", "BatchMode=yes"};
        size_t n = 3;
        if (before) {
            argv[n++] = "-J";
            argv[n++] = before;
        }
        if (last.port) {
            argv[n++] = "-p";
            argv[n++] = port;
        }
        argv[n++] = "-W";
        argv[n++] = to.data;
        argv[n++] = "--";
        argv[n] = last.ssh;
        p = start(child, argv, e);
    }
    if (p) { /* failure is sticky */
        buf_printf(&p->name, "jump host %s%s%s%s", last.ssh, before ? " (behind " : "", before ? before : "",
                   before ? ")" : "");
        buf_printf(&p->check, "ssh %s%s%s%s%s%s%s true", before ? "-J " : "", before ? before : "", before ? " " : "",
                   last.port ? "-p " : "", last.port ? port : "", last.port ? " " : "", last.ssh);
    }
    free(before);
    buf_free(&to);
    ssh_destination_free(&last);
    return p;
}

static struct ssh_proxy *start_command(const struct child *child, const char *command, struct err *e)
{
    struct buf line;
    buf_init(&line, SSH_TEXT_MAX);
    struct ssh_proxy *p = NULL;
    buf_printf(&line, "exec %s", command);
    if (line.failed) {
        err_set(e, "Out of memory.");
    } else {
        char *argv[] = {"/bin/sh", "-c", line.data, NULL};
        p = start(child, argv, e);
    }
    if (p)
        buf_puts(&p->name, "ProxyCommand");
    buf_free(&line);
    return p;
}

struct ssh_proxy *ssh_proxy_start(uv_loop_t *loop, const struct ssh_settings *s, const struct ssh_tokens *t,
                                  const char *agent, struct ssh_socket *socket, void (*finished)(void *arg), void *arg,
                                  struct err *e)
{
    const struct child child = {.loop = loop, .agent = agent, .socket = socket, .finished = finished, .arg = arg};
    /* OpenSSH makes a ProxyCommand of a ProxyJump, and expands both alike. */
    char *text = ssh_expand(s->proxy_jump ? s->proxy_jump : s->proxy_command, SSH_EXPAND_COMMAND, t, e);
    struct ssh_proxy *p = NULL;
    if (text)
        p = s->proxy_jump ? start_jump(&child, s, text, e) : start_command(&child, text, e);
    free(text);
    return p;
}

const char *ssh_proxy_name(const struct ssh_proxy *p)
{
    return p->name.data ? p->name.data : "proxy";
}

const char *ssh_proxy_check(const struct ssh_proxy *p)
{
    return p->check.data;
}

bool ssh_proxy_is_finished(struct ssh_proxy *p)
{
    if (is_over(p))
        return true;
    if (!p->waited) {
        p->waited = true;
        timer_start(p->last, PROXY_LAST_MS, 0);
    }
    return false;
}

const char *ssh_proxy_stderr(struct ssh_proxy *p)
{
    while (p->len > 0 && strchr("\r\n ", p->stderr_text[p->len - 1]))
        p->stderr_text[--p->len] = '\0';
    return p->stderr_text;
}

const char *ssh_proxy_status(struct ssh_proxy *p)
{
    if (p->running)
        (void)snprintf(p->status, sizeof p->status, "still running");
    else if (p->signal)
        (void)snprintf(p->status, sizeof p->status, "signal %d", p->signal);
    else
        (void)snprintf(p->status, sizeof p->status, "exit status %d", (int)p->exit_status);
    return p->status;
}

void ssh_proxy_free(struct ssh_proxy *p)
{
    if (!p)
        return;
    p->freed = true;
    timer_stop(p->last);
    if (p->running) {
        (void)kill(-p->process.pid, SIGTERM); /* on_end closes: a closed handle would leave a zombie */
        timer_start(p->kill, PROXY_END_MS, 0);
    } else
        uv_close((uv_handle_t *)&p->process, on_closed);
    uv_close((uv_handle_t *)&p->err_out, on_closed);
}
