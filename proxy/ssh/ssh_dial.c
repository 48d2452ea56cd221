#include "proxy/ssh/ssh_dial.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/timer.h"

enum { DIAL_MS_PER_SECOND = 1000, DIAL_ADDRESS_TEXT = 64 };

struct ssh_dial {
    uv_loop_t *loop;
    const struct ssh_settings *settings;
    uv_getaddrinfo_t resolve;
    struct addrinfo *addresses, *current;
    struct ssh_socket *socket;
    struct timer *deadline;
    uint64_t deadline_ms;
    ssh_dial_done *done;
    void *arg;
    struct buf tried; /* "10.0.0.5: connection refused, ..." */
    bool resolving, finished;
};

static void try_current(struct ssh_dial *d);

static void dial_free(struct ssh_dial *d)
{
    uv_freeaddrinfo(d->addresses);
    buf_free(&d->tried);
    free(d);
}

/* The request of the resolver may still run: its callback frees then. */
static void let_go(struct ssh_dial *d)
{
    d->finished = true;
    timer_free(d->deadline);
    d->deadline = NULL;
    if (d->resolving)
        (void)uv_cancel((uv_req_t *)&d->resolve); /* refused when it runs already: fine */
    else
        dial_free(d);
}

static void finish(struct ssh_dial *d, struct ssh_socket *socket, const struct err *why, bool transient)
{
    ssh_dial_done *done = d->done;
    void *arg = d->arg;
    let_go(d);
    done(arg, socket, why, transient);
}

static void address_text(const struct sockaddr *a, char *text, size_t size)
{
    text[0] = '\0';
    (void)uv_ip_name(a, text, size); /* empty when it has none */
}

static void next_address(struct ssh_dial *d, int error)
{
    char text[DIAL_ADDRESS_TEXT];
    address_text(d->current->ai_addr, text, sizeof text);
    buf_printf(&d->tried, "%s%s: %s", d->tried.len > 0 ? ", " : "", text, uv_strerror(error));
    ssh_socket_free(d->socket);
    d->socket = NULL;
    bool refused = error == UV_ECONNREFUSED;
    d->current = d->current->ai_next;
    if (d->current) {
        try_current(d);
        return;
    }
    struct err why;
    err_set(&why, "No connection to %s port %d (%s). %s", d->settings->host_name, d->settings->port,
            d->tried.data ? d->tried.data : "",
            refused ? "Is sshd running on that machine, and is the port right?"
                    : "Is the machine on, and is the network (VPN, firewall) right?");
    finish(d, NULL, &why, true);
}

static void on_deadline(void *arg)
{
    struct ssh_dial *d = arg;
    if (!d->resolving) {
        next_address(d, UV_ETIMEDOUT);
        return;
    }
    struct err why;
    err_set(&why, "The name %s was not resolved within %llu s. Is the network (DNS, VPN) right?",
            d->settings->host_name, (unsigned long long)(d->deadline_ms / DIAL_MS_PER_SECOND));
    finish(d, NULL, &why, true);
}

static void on_connected(void *arg, int status)
{
    struct ssh_dial *d = arg;
    if (status < 0) {
        next_address(d, status);
        return;
    }
    struct ssh_socket *socket = d->socket;
    d->socket = NULL;
    finish(d, socket, NULL, false);
}

static const struct ssh_socket_handler dial_handler = {.connected = on_connected};

static void try_current(struct ssh_dial *d)
{
    timer_start(d->deadline, d->deadline_ms, 0);
    d->socket = ssh_socket_new(d->loop, &dial_handler, d);
    int rc = d->socket ? ssh_socket_connect(d->socket, d->current->ai_addr) : UV_ENOMEM;
    if (rc < 0)
        next_address(d, rc);
}

static void on_resolved(uv_getaddrinfo_t *r, int status, struct addrinfo *found)
{
    struct ssh_dial *d = r->data;
    d->resolving = false;
    d->addresses = found;
    if (d->finished) {
        dial_free(d);
        return;
    }
    if (status == 0 && found) {
        d->current = found;
        try_current(d);
        return;
    }
    struct err why;
    err_set(&why, "The name %s cannot be resolved: %s. Check the spelling, HostName in ~/.ssh/config, and the network.",
            d->settings->host_name, uv_strerror(status));
    finish(d, NULL, &why, status != UV_EAI_NONAME);
}

struct ssh_dial *ssh_dial_start(uv_loop_t *loop, const struct ssh_settings *s, uint64_t deadline_ms,
                                ssh_dial_done *done, void *arg)
{
    struct ssh_dial *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->deadline = timer_new(loop, on_deadline, d);
    if (!d->deadline) {
        free(d);
        return NULL;
    }
    d->loop = loop;
    d->settings = s;
    d->deadline_ms = deadline_ms;
    d->done = done;
    d->arg = arg;
    d->resolve.data = d;
    buf_init(&d->tried, ERR_TEXT_MAX);
    char port[DIAL_ADDRESS_TEXT];
    (void)snprintf(port, sizeof port, "%d", s->port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_family = s->family == SSH_FAMILY_INET    ? AF_INET
                                          : s->family == SSH_FAMILY_INET6 ? AF_INET6
                                                                          : AF_UNSPEC};
    int rc = uv_getaddrinfo(loop, &d->resolve, on_resolved, s->host_name, port, &hints);
    if (rc < 0) {
        timer_free(d->deadline);
        dial_free(d);
        return NULL;
    }
    d->resolving = true;
    timer_start(d->deadline, deadline_ms, 0);
    return d;
}

void ssh_dial_cancel(struct ssh_dial *d)
{
    ssh_socket_free(d->socket);
    d->socket = NULL;
    let_go(d);
}
