#include "proxy/listener.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/log.h"
#include "proxy/peer.h"

enum {
    BACKLOG = 128,
    NAME_MAX_LEN = 128,
    REFUSED_LOG_MS = 60 * 1000 /* refused connections are logged this often at most, by kind */
};

enum refusal { REFUSED_USER, REFUSED_CLOSED, REFUSED_UNKNOWN, REFUSED_ACCEPT, REFUSALS };

struct listener {
    uv_tcp_t tcp;
    char name[NAME_MAX_LEN];
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

static void check(struct listener *l, struct client *client)
{
    struct sockaddr_storage local, peer;
    int local_len = sizeof local, peer_len = sizeof peer;
    char why[256];
    enum refusal kind = REFUSED_USER;
    uid_t uid = 0;
    const uv_tcp_t *tcp = client_socket(client);
    if (uv_tcp_getsockname(tcp, (struct sockaddr *)&local, &local_len) < 0 ||
        uv_tcp_getpeername(tcp, (struct sockaddr *)&peer, &peer_len) < 0) {
        refuse(l, client, REFUSED_CLOSED, "it was closed before its owner could be looked up");
        return;
    }
    switch (peer_owner((struct sockaddr *)&local, (struct sockaddr *)&peer, &uid)) {
    case PEER_FOUND:
        if (uid == geteuid()) {
            l->accepted(client, l->arg);
            return;
        }
        (void)snprintf(why, sizeof why, "it belongs to uid %u, delvegate runs as uid %u", uid, geteuid());
        break;
    case PEER_CLOSED:
        kind = REFUSED_CLOSED;
        (void)snprintf(why, sizeof why, "it was closed before its owner could be looked up");
        break;
    case PEER_UNKNOWN:
        kind = REFUSED_UNKNOWN;
        (void)snprintf(why, sizeof why, "the owner of its other end is not known on this machine");
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
        refuse(l, NULL, REFUSED_ACCEPT, status < 0 ? uv_strerror(status) : "it could not be accepted");
}

static void on_closed(uv_handle_t *h)
{
    free(h->data);
}

static int bind_and_listen(struct listener *l, const char *host, int port, struct err *e)
{
    struct sockaddr_storage address;
    uid_t uid;
    int r = strchr(host, ':') ? uv_ip6_addr(host, port, (struct sockaddr_in6 *)&address)
                              : uv_ip4_addr(host, port, (struct sockaddr_in *)&address);
    if (r == 0)
        r = uv_tcp_bind(&l->tcp, (struct sockaddr *)&address, 0);
    if (r == 0)
        r = uv_listen((uv_stream_t *)&l->tcp, BACKLOG, on_connection);
    if (r == 0)
        return 0;
    if (r == UV_EADDRINUSE && peer_port_owner(port, &uid))
        return err_set(e,
                       "port %d of target %s is taken by a process of uid %u (%s); end it, or give the target another "
                       "`listen` in the configuration and launch.json another debugServer",
                       port, l->name, uid, uid == geteuid() ? "yours" : "not yours");
    return err_set(e, "cannot listen on %s port %d for target %s: %s; give the target another `listen`", host, port,
                   l->name, uv_strerror(r));
}

struct listener *listener_new(uv_loop_t *loop, const char *host, int port, const char *name,
                              void (*accepted)(struct client *client, void *arg), void *arg, struct err *e)
{
    struct listener *l = calloc(1, sizeof *l);
    if (!l) {
        err_set(e, "out of memory");
        return NULL;
    }
    uv_tcp_init(loop, &l->tcp);
    l->tcp.data = l;
    l->accepted = accepted;
    l->arg = arg;
    (void)snprintf(l->name, sizeof l->name, "%s", name);
    if (bind_and_listen(l, host, port, e) < 0) {
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
