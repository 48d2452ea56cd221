#include "proxy/service/unconfigured.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#include "proxy/base/log.h"
#include "proxy/base/timer.h"
#include "proxy/service/activation.h"
#include "proxy/service/listener.h"
#include "proxy/session/lingering_close.h"

enum {
    /* From the last client on. A start for each would run into the unit's StartLimitBurst=10 in 60 s. */
    LINGER_MS = 7 * 1000,
    WHOLE_MS = 60 * 1000, /* from the start on: the manager waits 90 s for a service to be ready */
    ACCEPT_MS = 200       /* for a client that was in the queue a moment ago, and may be gone */
};

/* It looks who comes, reads the configuration again, and only then takes the client out of the queue. */
struct unconfigured {
    uv_loop_t loop;
    struct activation activation;
    uv_poll_t *polls; /* for who comes; of sockets that can be used */
    size_t poll_count;
    struct listener **listeners; /* while clients are taken; of each socket, NULL: none */
    struct timer *accepting, *linger, *whole;
    daemon_reload *reload;
    void *arg;
    const struct err *why;
    struct config *config; /* a valid one */
    bool is_read;          /* the configuration is what why says */
};

static void end(void *arg)
{
    struct unconfigured *u = arg;
    uv_stop(&u->loop);
}

/* --- a client --- */

static void on_accepted(struct client *client, void *arg)
{
    struct unconfigured *u = arg;
    const struct lingering_close o = {.subject = "unconfigured", .text = u->why->text, .shown = true};
    struct dap_decoder *decoder = dap_decoder_new(DAP_CLIENT_BODY_MAX, DAP_OVERSIZE_ERROR);
    timer_start(u->accepting, 0, 0);
    if (!decoder) {
        client_reset(client);
        return;
    }
    log_info(NULL, "a client was refused: the configuration is invalid");
    lingering_close_begin(&u->loop, client, decoder, &o);
}

static void accept_clients(struct unconfigured *u)
{
    for (size_t i = 0; i < u->activation.count; i++) {
        struct err e;
        const struct activation_socket *s = &u->activation.list[i];
        const struct listener_options o = {
            .name = s->name, .host = s->address, .port = s->port, .fd = s->fd, .accepted = on_accepted, .arg = u};
        u->listeners[i] = s->port ? listener_new(&u->loop, &o, &e) : NULL;
        if (s->port && !u->listeners[i])
            log_error(NULL, "%s", e.text);
    }
    timer_start(u->accepting, ACCEPT_MS, 0);
}

static void on_readable(uv_poll_t *handle, int status, int events)
{
    struct unconfigured *u = handle->data;
    (void)status;
    (void)events;
    for (size_t i = 0; i < u->poll_count; i++)
        uv_poll_stop(&u->polls[i]);
    if (!u->is_read)
        u->config = u->reload(u->arg);
    u->is_read = false;
    if (u->config)
        uv_stop(&u->loop);
    else
        accept_clients(u);
}

static void await_client(void *arg)
{
    struct unconfigured *u = arg;
    for (size_t i = 0; i < u->activation.count; i++) {
        listener_free(u->listeners[i]);
        u->listeners[i] = NULL;
    }
    for (size_t i = 0; i < u->poll_count; i++)
        uv_poll_start(&u->polls[i], UV_READABLE, on_readable);
    timer_start(u->linger, LINGER_MS, 0);
}

/* --- from begin to end --- */

/* Whether a client waits: sockets are also handed over when the service is started by hand. */
static bool has_client(const struct activation *a)
{
    for (size_t i = 0; i < a->count; i++) {
        struct pollfd fd = {.fd = a->list[i].fd, .events = POLLIN};
        if (a->list[i].port && poll(&fd, 1, 0) > 0)
            return true;
    }
    return false;
}

static int begin(struct unconfigured *u)
{
    u->accepting = timer_new(&u->loop, await_client, u);
    u->linger = timer_new(&u->loop, end, u);
    u->whole = timer_new(&u->loop, end, u);
    u->polls = calloc(u->activation.count, sizeof *u->polls);
    u->listeners = calloc(u->activation.count, sizeof(struct listener *));
    if (!u->accepting || !u->linger || !u->whole || !u->polls || !u->listeners)
        return -1;
    for (size_t i = 0; i < u->activation.count; i++) {
        uv_poll_t *poll = &u->polls[u->poll_count];
        if (!u->activation.list[i].port || uv_poll_init(&u->loop, poll, u->activation.list[i].fd) < 0)
            continue;
        poll->data = u;
        u->poll_count++;
    }
    return 0;
}

/* Clients that have been accepted get the time that a lingering close takes. */
static void finish(struct unconfigured *u)
{
    for (size_t i = 0; u->listeners && i < u->activation.count; i++)
        listener_free(u->listeners[i]);
    for (size_t i = 0; i < u->poll_count; i++)
        uv_close((uv_handle_t *)&u->polls[i], NULL);
    timer_free(u->accepting);
    timer_free(u->linger);
    timer_free(u->whole);
    uv_run(&u->loop, UV_RUN_DEFAULT);
    uv_loop_close(&u->loop);
    free(u->listeners);
    free(u->polls);
}

struct config *unconfigured_serve(daemon_reload *reload, void *arg, const struct err *why)
{
    struct unconfigured u = {.reload = reload, .arg = arg, .why = why, .is_read = true};
    if (activation_read(&u.activation) < 0)
        return NULL;
    if (has_client(&u.activation)) {
        (void)signal(SIGPIPE, SIG_IGN);
        uv_loop_init(&u.loop);
        if (begin(&u) == 0) {
            timer_start(u.whole, WHOLE_MS, 0);
            await_client(&u);
            uv_run(&u.loop, UV_RUN_DEFAULT);
        }
        finish(&u);
    }
    activation_forget(&u.activation);
    return u.config;
}
