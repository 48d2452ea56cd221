#include "proxy/supervisor/rpc_query.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "delve/rpc.h"
#include "proxy/supervisor/loop.h"

enum {
    BEAT_MS = 5000,
    MS = 1000,
    /* Counted in beats, not in time: a machine that slept has missed none. */
    MISSED_MAX = 9,
    EXIT_MS = 3000, /* State {NonBlocking} answers at once after an exit */
    ANSWER_MAX = 256 * 1024,
    QUESTION_MAX = 256,
    CHUNK = 4096,
    REPLY_SIZE = 64
};

struct rpc_query {
    struct stream stream; /* first */
    struct rpc_query *next;
    bool is_heartbeat;
    uint32_t port, session;
    int fd; /* the connection; -1: none */
    struct watch watch;
    struct alarm alarm;
    struct buf answer;
    int asked, missed;
    bool is_connecting, by_ipv6, has_called, has_answered, is_over;
    char reply[REPLY_SIZE]; /* for delvegate */
    size_t len, sent;
};

static struct rpc_query *rpc_queries;

/* --- toward delvegate --- */

static size_t give(struct stream *stream, void *room, size_t n)
{
    struct rpc_query *q = (struct rpc_query *)stream;
    if (n > q->len - q->sent)
        n = q->len - q->sent;
    memcpy(room, q->reply + q->sent, n);
    q->sent += n;
    return n;
}

static void say(struct rpc_query *q, const char *reply)
{
    int n = snprintf(q->reply + q->len, sizeof q->reply - q->len, "%s", reply);
    if (n > 0 && (size_t)n < sizeof q->reply - q->len)
        q->len += (size_t)n;
    stream_ready(&q->stream);
}

static void hang_up(struct rpc_query *q)
{
    loop_unwatch(&q->watch);
    if (q->fd >= 0)
        (void)close(q->fd);
    q->fd = -1;
    buf_free(&q->answer);
}

static void finish(struct rpc_query *q, const char *reply)
{
    q->is_over = true;
    loop_disarm(&q->alarm);
    hang_up(q);
    say(q, reply);
    stream_end(&q->stream);
}

/* --- toward Delve --- */

static void lost(struct rpc_query *q)
{
    if (q->is_heartbeat)
        hang_up(q);
    else
        finish(q, "unknown\n");
}

static void ask(struct rpc_query *q)
{
    struct buf question;
    buf_init(&question, QUESTION_MAX);
    q->asked++;
    if (q->is_heartbeat)
        delve_rpc_get_version(&question, q->asked);
    else
        delve_rpc_state(&question, q->asked);
    if (question.failed || send(q->fd, question.data, question.len, MSG_NOSIGNAL) != (ssize_t)question.len)
        lost(q); /* one that takes no question gets the next one by a new connection */
    buf_free(&question);
}

static void read_heartbeat(struct rpc_query *q)
{
    size_t used;
    int id, r;
    while ((r = delve_rpc_answer(q->answer.data, q->answer.len, &used, &id)) > 0) {
        buf_consume(&q->answer, used);
        q->missed = 0;
        if (!q->has_answered)
            say(q, "answered\n");
        q->has_answered = true;
    }
    if (r < 0) /* not Delve's: no answer, then */
        buf_clear(&q->answer);
}

static void read_exit(struct rpc_query *q)
{
    char reply[REPLY_SIZE];
    int status = 0;
    int r = delve_rpc_exit_status(q->answer.data, q->answer.len, &status);
    if (r < 0)
        return;
    (void)snprintf(reply, sizeof reply, r ? "exited %d\n" : "unknown\n", status);
    finish(q, reply);
}

static void read_answer(struct rpc_query *q)
{
    char chunk[CHUNK];
    ssize_t n = recv(q->fd, chunk, sizeof chunk, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        buf_append(&q->answer, chunk, (size_t)n);
    if (n <= 0 || q->answer.failed)
        lost(q);
    else if (q->is_heartbeat)
        read_heartbeat(q);
    else
        read_exit(q);
}

static void call(struct rpc_query *q);

static void on_connected(struct rpc_query *q)
{
    int error = 0;
    socklen_t len = sizeof error;
    q->is_connecting = false;
    if (getsockopt(q->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error) {
        bool was_first = !q->by_ipv6;
        hang_up(q);
        q->by_ipv6 = was_first;
        if (was_first)
            call(q);
        else
            lost(q);
        return;
    }
    q->watch.events = POLLIN;
    loop_watch(&q->watch);
    ask(q);
}

static void on_ready(void *arg, short revents)
{
    struct rpc_query *q = arg;
    (void)revents;
    if (q->is_connecting)
        on_connected(q);
    else
        read_answer(q);
}

/* Begins to connect: to 127.0.0.1, or ::1 where that was in vain. */
static void call(struct rpc_query *q)
{
    const struct sockaddr_in four = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)q->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct sockaddr_in6 six = {
        .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)q->port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    q->fd = socket(q->by_ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (q->fd >= 0 &&
        (q->by_ipv6 ? connect(q->fd, (const struct sockaddr *)&six, sizeof six)
                    : connect(q->fd, (const struct sockaddr *)&four, sizeof four)) < 0 &&
        errno != EINPROGRESS)
        hang_up(q);
    if (q->fd < 0)
        return;
    q->is_connecting = true;
    q->watch = (struct watch){.fd = q->fd, .events = POLLOUT, .ready = on_ready, .arg = q};
    loop_watch(&q->watch);
    buf_init(&q->answer, ANSWER_MAX);
}

static void beat(struct rpc_query *q)
{
    char reply[REPLY_SIZE];
    if (q->missed > MISSED_MAX) {
        (void)snprintf(reply, sizeof reply, "silent %d\n", q->missed * BEAT_MS / MS);
        finish(q, reply);
        return;
    }
    q->missed++;
    if (q->fd < 0)
        call(q);
    else if (!q->is_connecting)
        ask(q);
    loop_alarm(&q->alarm, BEAT_MS);
}

static void query(struct rpc_query *q)
{
    if (!q->has_called)
        call(q);
    if (q->fd < 0 || q->has_called) {
        finish(q, "unknown\n");
        return;
    }
    q->has_called = true;
    loop_alarm(&q->alarm, EXIT_MS);
}

static void on_alarm(void *arg)
{
    struct rpc_query *q = arg;
    if (q->is_heartbeat)
        beat(q);
    else
        query(q);
}

/* --- its life --- */

static void on_readable(struct stream *stream)
{
    const void *bytes;
    for (size_t n; (n = stream_peek(stream, &bytes)) > 0;)
        stream_consume(stream, n);
}

/* There nobody wants to know it any more. */
static void on_dropped(struct stream *stream)
{
    struct rpc_query *q = (struct rpc_query *)stream;
    if (!q->is_over)
        finish(q, "");
}

static void on_reset(struct stream *stream, uint32_t code)
{
    (void)code;
    on_dropped(stream);
}

static void on_closed(struct stream *stream)
{
    struct rpc_query *q = (struct rpc_query *)stream;
    struct rpc_query **at = &rpc_queries;
    loop_disarm(&q->alarm);
    hang_up(q);
    while (*at != q)
        at = &(*at)->next;
    *at = q->next;
    free(q);
}

struct stream *rpc_query_open(enum order_stream stream, uint32_t port, uint32_t session)
{
    static const struct stream_ops ops = {.give = give,
                                          .readable = on_readable,
                                          .ended = on_dropped,
                                          .reset = on_reset,
                                          .stopped = on_dropped,
                                          .closed = on_closed};
    struct rpc_query *q = calloc(1, sizeof *q);
    if (!q)
        return NULL;
    q->stream.ops = &ops;
    q->is_heartbeat = stream == ORDER_STREAM_HEARTBEAT;
    q->port = port;
    q->session = session;
    q->fd = -1;
    q->alarm = (struct alarm){.ring = on_alarm, .arg = q};
    q->next = rpc_queries;
    rpc_queries = q;
    loop_alarm(&q->alarm, 0);
    return &q->stream;
}

void rpc_query_close_all(uint32_t session)
{
    for (struct rpc_query *q = rpc_queries; q; q = q->next)
        if (q->session == session && !q->is_over)
            finish(q, "");
}
