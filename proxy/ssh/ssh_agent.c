#include "proxy/ssh/ssh_agent.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "proxy/base/timer.h"

enum {
    AGENT_MESSAGE_MAX = 256 * 1024, /* OpenSSH's own limit */
    AGENT_LENGTH_SIZE = 4,
    AGENT_REQUEST_IDENTITIES = 11,
    AGENT_IDENTITIES_ANSWER = 12,
    AGENT_SIGN_REQUEST = 13,
    AGENT_SIGN_RESPONSE = 14,
    AGENT_READ_SIZE = 4096
};

struct ssh_agent {
    uv_pipe_t pipe;
    uv_connect_t connect;
    uv_write_t write;
    struct timer *deadline;
    struct buf request, reply;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    ssh_agent_answer *answer; /* NULL: nothing is asked */
    void *arg;
    bool connected, connecting, writing, closing;
    struct err broken; /* text empty: none */
    char chunk[AGENT_READ_SIZE];
};

static void report_answer(struct ssh_agent *a, const struct err *why, struct ssh_bytes reply)
{
    timer_stop(a->deadline);
    ssh_agent_answer *answer = a->answer;
    a->answer = NULL;
    if (answer)
        answer(a->arg, why, reply);
}

static void fail(struct ssh_agent *a, const char *what)
{
    if (a->broken.text[0] == '\0')
        err_set(&a->broken, "the SSH agent at %s %s", a->path, what);
    if (a->connected)
        (void)uv_read_stop((uv_stream_t *)&a->pipe);
    struct err why = a->broken;
    report_answer(a, &why, (struct ssh_bytes){0});
}

static void on_deadline(void *arg)
{
    fail(arg, "did not answer in time");
}

static void on_alloc(uv_handle_t *h, size_t wanted, uv_buf_t *b)
{
    (void)wanted;
    struct ssh_agent *a = h->data;
    *b = uv_buf_init(a->chunk, sizeof a->chunk);
}

static void on_read(uv_stream_t *h, ssize_t n, const uv_buf_t *b)
{
    struct ssh_agent *a = h->data;
    if (n == 0)
        return;
    if (n < 0) {
        fail(a, "closed the connection");
        return;
    }
    buf_append(&a->reply, b->base, (size_t)n);
    if (a->reply.failed) {
        fail(a, "sent more than is allowed");
        return;
    }
    if (a->reply.len < AGENT_LENGTH_SIZE)
        return;
    struct ssh_reader r = {.left = {(const unsigned char *)a->reply.data, a->reply.len}};
    size_t len = ssh_read_u32(&r);
    if (len == 0 || len > AGENT_MESSAGE_MAX)
        fail(a, "violated the agent protocol");
    else if (len <= r.left.len)
        report_answer(a, NULL, (struct ssh_bytes){r.left.data, len});
}

static void on_written(uv_write_t *w, int status)
{
    struct ssh_agent *a = w->data;
    a->writing = false;
    if (status < 0 && !a->closing)
        fail(a, uv_strerror(status));
}

static void send_request(struct ssh_agent *a)
{
    uv_buf_t b = uv_buf_init(a->request.data, (unsigned)a->request.len);
    a->writing = true;
    int rc = uv_write(&a->write, (uv_stream_t *)&a->pipe, &b, 1, on_written);
    if (rc < 0)
        a->writing = false;
    /* A failure is reported at the deadline of 0, since the caller may still be inside its own call. */
    if (rc < 0)
        timer_start(a->deadline, 0, 0);
}

static void on_connected(uv_connect_t *c, int status)
{
    struct ssh_agent *a = c->data;
    a->connecting = false;
    if (a->closing)
        return;
    if (status == 0)
        status = uv_read_start((uv_stream_t *)&a->pipe, on_alloc, on_read);
    if (status < 0) {
        struct err text;
        err_set(&text, "cannot be reached: %s", uv_strerror(status));
        fail(a, text.text);
        return;
    }
    a->connected = true;
    send_request(a);
}

struct ssh_agent *ssh_agent_new(uv_loop_t *loop, const char *path)
{
    struct ssh_agent *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->deadline = timer_new(loop, on_deadline, a);
    if (!a->deadline) {
        free(a);
        return NULL;
    }
    (void)uv_pipe_init(loop, &a->pipe, 0); /* cannot fail on Unix */
    a->pipe.data = a->connect.data = a->write.data = a;
    (void)snprintf(a->path, sizeof a->path, "%s", path);
    /* a path too long for a socket is seen by what snprintf cut off */
    if (strlen(path) >= sizeof a->path)
        err_set(&a->broken, "the path of the SSH agent is too long: %s", path);
    buf_init(&a->request, AGENT_MESSAGE_MAX);
    buf_init(&a->reply, AGENT_MESSAGE_MAX + AGENT_LENGTH_SIZE);
    return a;
}

/* a->request holds the message behind room for its length. */
static void ask(struct ssh_agent *a, uint64_t deadline_ms, ssh_agent_answer *answer, void *arg)
{
    a->answer = answer;
    a->arg = arg;
    buf_clear(&a->reply);
    bool dead = a->broken.text[0] != '\0';
    if (!dead && a->request.failed) {
        err_set(&a->broken, "the request to the SSH agent is too long");
        dead = true;
    }
    timer_start(a->deadline, dead ? 0 : deadline_ms, 0);
    if (dead)
        return;
    struct buf framed;
    buf_init(&framed, AGENT_MESSAGE_MAX + AGENT_LENGTH_SIZE);
    ssh_put_string(&framed, a->request.data, a->request.len);
    if (framed.failed) {
        buf_free(&framed);
        err_set(&a->broken, "out of memory");
        timer_start(a->deadline, 0, 0);
        return;
    }
    buf_free(&a->request);
    a->request = framed;
    if (a->connected) {
        send_request(a);
    } else {
        a->connecting = true;
        uv_pipe_connect(&a->connect, &a->pipe, a->path, on_connected);
    }
}

void ssh_agent_list(struct ssh_agent *a, uint64_t deadline_ms, ssh_agent_answer *answer, void *arg)
{
    buf_clear(&a->request);
    ssh_put_byte(&a->request, AGENT_REQUEST_IDENTITIES);
    ask(a, deadline_ms, answer, arg);
}

void ssh_agent_sign(struct ssh_agent *a, struct ssh_bytes blob, struct ssh_bytes data, uint32_t flags,
                    uint64_t deadline_ms, ssh_agent_answer *answer, void *arg)
{
    buf_clear(&a->request);
    ssh_put_byte(&a->request, AGENT_SIGN_REQUEST);
    ssh_put_string(&a->request, blob.data, blob.len);
    ssh_put_string(&a->request, data.data, data.len);
    ssh_put_u32(&a->request, flags);
    ask(a, deadline_ms, answer, arg);
}

bool ssh_agent_has_list(struct ssh_bytes reply)
{
    struct ssh_reader r = {.left = reply};
    return ssh_read_byte(&r) == AGENT_IDENTITIES_ANSWER;
}

uint32_t ssh_agent_keys(struct ssh_reader *r)
{
    return ssh_read_byte(r) == AGENT_IDENTITIES_ANSWER ? ssh_read_u32(r) : 0;
}

struct ssh_bytes ssh_agent_key(struct ssh_reader *r, struct ssh_bytes *comment)
{
    struct ssh_bytes blob = ssh_read_string(r);
    *comment = ssh_read_string(r);
    return blob;
}

struct ssh_bytes ssh_agent_signature(struct ssh_bytes reply)
{
    struct ssh_reader r = {.left = reply};
    if (ssh_read_byte(&r) != AGENT_SIGN_RESPONSE)
        return (struct ssh_bytes){(const unsigned char *)"", 0};
    struct ssh_reader signature = {.left = ssh_read_string(&r)};
    (void)ssh_read_string(&signature); /* the algorithm */
    return ssh_read_string(&signature);
}

static void on_closed(uv_handle_t *h)
{
    struct ssh_agent *a = h->data;
    buf_free(&a->request);
    buf_free(&a->reply);
    free(a);
}

void ssh_agent_free(struct ssh_agent *a)
{
    if (!a)
        return;
    a->closing = true;
    a->answer = NULL;
    timer_free(a->deadline);
    uv_close((uv_handle_t *)&a->pipe, on_closed);
}
