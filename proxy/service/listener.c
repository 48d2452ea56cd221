#include "proxy/service/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/log.h"
#include "proxy/service/peer.h"
#include "proxy/service/port_holder.h"

enum {
    BACKLOG = 128,
    NAME_MAX_LEN = 128,
    REASON_MAX = 512,
    REFUSED_LOG_MS = 60 * 1000 /* refused connections are logged this often at most, by kind */
};

enum refusal { REFUSED_USER, REFUSED_CLOSED, REFUSED_UNKNOWN, REFUSED_ACCEPT, REFUSED_NOBODYS, REFUSALS };

struct listener {
    uv_tcp_t tcp;
    char name[NAME_MAX_LEN];
    char **allowed; /* NULL-terminated, or NULL */
    void (*accepted)(struct client *client, void *arg);
    void *arg;
    uint64_t logged[REFUSALS]; /* ms, by uv_now; 0: never */
};

static void refuse(struct listener *l, struct client *client, enum refusal kind, const char *why)
{
    uint64_t now = uv_now(l->tcp.loop);
    if (l->logged[kind] == 0 || now - l->logged[kind] >= REFUSED_LOG_MS) {
        log_warning(l->name, "refused a connection: %s; more of this kind are not logged for %d s", why,
                    REFUSED_LOG_MS / 1000);
        l->logged[kind] = now;
    }
    if (client)
        client_reset(client);
}

/* Writes an address as listener_allow has it; one of IPv4 that came to an IPv6 socket as one of IPv4. */
static void address_text(const struct sockaddr *address, char text[static INET6_ADDRSTRLEN])
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
    enum { V4_AT = 12 };
    if (address->sa_family == AF_INET)
        inet_ntop(AF_INET, &v4->sin_addr, text, INET6_ADDRSTRLEN);
    else if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[V4_AT], text, INET6_ADDRSTRLEN);
    else
        inet_ntop(AF_INET6, &v6->sin6_addr, text, INET6_ADDRSTRLEN);
}

static bool is_allowed(const struct listener *l, const char *address)
{
    for (char **a = l->allowed; a && *a; a++)
        if (strcmp(*a, address) == 0)
            return true;
    return false;
}

/* Whether it has sent anything. */
static bool has_spoken(const struct client *client)
{
    uv_os_fd_t fd;
    char byte;
    return uv_fileno((const uv_handle_t *)client_socket(client), &fd) == 0 &&
           recv(fd, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static void refuse_closed(struct listener *l, struct client *client)
{
    static const char why[] = "it was closed before its owner could be looked up";
    if (has_spoken(client)) {
        refuse(l, client, REFUSED_CLOSED, why);
        return;
    }
    /* A monitoring probe, or a look whether the port is taken. */
    log_debug(l->name, "refused a connection that sent nothing: %s", why);
    client_reset(client);
}

/* Whether the process at the other end still has the connection open. */
static bool is_open(const uv_tcp_t *tcp)
{
    struct sockaddr_storage local, peer;
    int local_len = sizeof local, peer_len = sizeof peer;
    uid_t uid;
    return uv_tcp_getsockname(tcp, (struct sockaddr *)&local, &local_len) == 0 &&
           uv_tcp_getpeername(tcp, (struct sockaddr *)&peer, &peer_len) == 0 &&
           peer_owner((struct sockaddr *)&local, (struct sockaddr *)&peer, &uid) == PEER_FOUND;
}

static void check(struct listener *l, struct client *client)
{
    char from[INET6_ADDRSTRLEN];
    struct sockaddr_storage local, peer;
    int local_len = sizeof local, peer_len = sizeof peer;
    char why[REASON_MAX];
    enum refusal kind = REFUSED_USER;
    uid_t uid = 0;
    const uv_tcp_t *tcp = client_socket(client);
    if (uv_tcp_getsockname(tcp, (struct sockaddr *)&local, &local_len) < 0 ||
        uv_tcp_getpeername(tcp, (struct sockaddr *)&peer, &peer_len) < 0) {
        refuse_closed(l, client);
        return;
    }
    address_text((struct sockaddr *)&peer, from);
    if (!l->accepted) {
        refuse(l, client, REFUSED_NOBODYS, "no target of the configuration has this port");
        return;
    }
    if (is_allowed(l, from)) {
        log_info(l->name, "accepted a connection from %s without a check of its owner: allowPeer", from);
        l->accepted(client, l->arg);
        return;
    }
    switch (peer_owner((struct sockaddr *)&local, (struct sockaddr *)&peer, &uid)) {
    case PEER_FOUND:
        if (uid == geteuid()) {
            client_set_check(client, is_open);
            l->accepted(client, l->arg);
            return;
        }
        (void)snprintf(why, sizeof why,
                       "it belongs to uid %u, but delvegate runs as uid %u; run both as the same user (in a dev "
                       "container: as remoteUser of devcontainer.json)",
                       uid, geteuid());
        break;
    case PEER_CLOSED:
        refuse_closed(l, client);
        return;
    case PEER_UNKNOWN:
        kind = REFUSED_UNKNOWN;
        (void)snprintf(why, sizeof why,
                       "its owner is not known, because its other end, %s, is not on this machine; forward the port "
                       "from this machine (as VS Code does), or list that address in allowPeer",
                       from);
        break;
    }
    refuse(l, client, kind, why);
}

static void on_connection(uv_stream_t *server, int status)
{
    struct listener *l = server->data;
    struct client *client = status < 0 ? NULL : client_accept(server);
    if (client)
        check(l, client);
    else
        refuse(l, NULL, REFUSED_ACCEPT, status < 0 ? uv_strerror(status) : "the connection could not be accepted");
}

static void allowed_free(struct listener *l)
{
    for (char **a = l->allowed; a && *a; a++)
        free(*a);
    free(l->allowed);
    l->allowed = NULL;
}

static void on_closed(uv_handle_t *h)
{
    struct listener *l = h->data;
    allowed_free(l);
    free(l);
}

int listener_allow(struct listener *l, char *const *addresses)
{
    size_t n = 0;
    allowed_free(l);
    while (addresses && addresses[n])
        n++;
    l->allowed = calloc(n + 1, sizeof *l->allowed);
    for (size_t i = 0; l->allowed && i < n; i++) {
        l->allowed[i] = strdup(addresses[i]);
        if (!l->allowed[i])
            allowed_free(l);
    }
    return l->allowed ? 0 : -1;
}

static int take_over(struct listener *l, int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    int r = copy < 0 ? uv_translate_sys_error(errno) : uv_tcp_open(&l->tcp, copy);
    if (r < 0 && copy >= 0)
        (void)close(copy);
    return r;
}

/* By which process, as far as it can be known. */
static int explain_taken(const struct listener_options *o, const struct port_holder *h, struct err *e)
{
    static const char other[] = "give the target another `listen` in the configuration and launch.json another "
                                "debugServer";
    const char *whose = h->uid == geteuid() ? "yours" : "not yours";
    if (h->is_socket_unit)
        return err_set(
            e,
            "port %d of target %s is taken by delvegate.socket of uid %u (%s), where systemd starts delvegate "
            "for the first client; use that, or stop it: systemctl --user stop delvegate.socket "
            "delvegate.service",
            o->port, o->name, h->uid, whose);
    if (port_holder_is_delvegate(h))
        return err_set(
            e, "port %d of target %s is taken by a running delvegate, process %ld of uid %u (%s); end it, or %s",
            o->port, o->name, (long)h->pid, h->uid, whose, other);
    if (h->pid)
        return err_set(e, "port %d of target %s is taken by %s, process %ld of uid %u (%s); end it, or %s", o->port,
                       o->name, h->name, (long)h->pid, h->uid, whose, other);
    return err_set(e, "port %d of target %s is taken by a process of uid %u (%s); end it, or %s", o->port, o->name,
                   h->uid, whose, other);
}

static int explain(const struct listener_options *o, int error, struct err *e)
{
    struct port_holder holder = {0};
    if (error == UV_EADDRINUSE)
        port_holder_find(o->port, &holder);
    if (holder.is_known)
        return explain_taken(o, &holder, e);
    return err_set(e, "cannot listen on %s port %d for target %s: %s; give the target another `listen`", o->host,
                   o->port, o->name, uv_strerror(error));
}

static int to_address(const char *host, int port, struct sockaddr_storage *address)
{
    return strchr(host, ':') ? uv_ip6_addr(host, port, (struct sockaddr_in6 *)address)
                             : uv_ip4_addr(host, port, (struct sockaddr_in *)address);
}

static int bind_and_listen(struct listener *l, const struct listener_options *o, struct err *e)
{
    struct sockaddr_storage address;
    int r = to_address(o->host, o->port, &address);
    if (r == 0)
        r = o->fd >= 0 ? take_over(l, o->fd) : uv_tcp_bind(&l->tcp, (struct sockaddr *)&address, 0);
    if (r == 0)
        r = uv_listen((uv_stream_t *)&l->tcp, BACKLOG, on_connection);
    if (r == 0)
        return 0;
    return explain(o, r, e);
}

struct listener *listener_new(uv_loop_t *loop, const struct listener_options *o, struct err *e)
{
    struct listener *l = calloc(1, sizeof *l);
    if (!l) {
        err_set(e, "out of memory");
        return NULL;
    }
    uv_tcp_init(loop, &l->tcp);
    l->tcp.data = l;
    l->accepted = o->accepted;
    l->arg = o->arg;
    (void)snprintf(l->name, sizeof l->name, "%s", o->name);
    if (bind_and_listen(l, o, e) < 0) {
        listener_free(l);
        return NULL;
    }
    return l;
}

void listener_free(struct listener *l)
{
    if (l)
        uv_close((uv_handle_t *)&l->tcp, on_closed);
}

int listener_try(const struct listener_options *o, bool *is_held, struct err *e)
{
    struct sockaddr_storage address;
    struct port_holder holder = {0};
    int one = 1;
    *is_held = false;
    int r = to_address(o->host, o->port, &address);
    int fd = r == 0 ? socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
    socklen_t len = address.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    /* As libuv binds: connections that have ended do not keep the port. */
    if (r == 0 && (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
                   bind(fd, (struct sockaddr *)&address, len) < 0))
        r = uv_translate_sys_error(errno);
    if (fd >= 0)
        (void)close(fd);
    if (r == UV_EADDRINUSE)
        port_holder_find(o->port, &holder);
    *is_held = port_holder_is_delvegate(&holder);
    return r == 0 || *is_held ? 0 : holder.is_known ? explain_taken(o, &holder, e) : explain(o, r, e);
}
