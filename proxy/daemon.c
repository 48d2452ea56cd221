#include "proxy/daemon.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/listener.h"
#include "proxy/log.h"
#include "proxy/orphan.h"
#include "proxy/reach.h"
#include "proxy/session.h"
#include "proxy/timer.h"

enum {
    STOP_MS = 15 * 1000 /* from the first SIGTERM: sessions that have not ended by then are left to their leases */
};

struct daemon;

/* A name that a target has or had; sessions point here, so it is never removed. */
struct place {
    struct place *next;
    struct daemon *daemon;
    char *name;
    struct target_memory memory;
    struct listener *listener;   /* NULL: the configuration does not name it now */
    struct transport *transport; /* keeps connections warm between sessions */
    char *host;
    int port;
};

struct live {
    struct live *next;
    struct session *session;
};

struct daemon {
    uv_loop_t loop;
    struct config *config;
    daemon_reload *reload;
    void *reload_arg;
    struct place *places;
    struct live *sessions;
    uv_signal_t signals[3];
    struct timer *stop;
    bool stopping;
};

static const struct config_target *find_target(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->target_count; i++)
        if (strcmp(config->targets[i].name, name) == 0)
            return &config->targets[i];
    return NULL;
}

static void finish_if_idle(struct daemon *d)
{
    if (d->stopping && !d->sessions)
        uv_stop(&d->loop);
}

static void on_session_over(struct session *session, void *arg)
{
    struct daemon *d = arg;
    struct live **at = &d->sessions;
    while (*at && (*at)->session != session)
        at = &(*at)->next;
    if (*at) {
        struct live *gone = *at;
        *at = gone->next;
        free(gone);
    }
    finish_if_idle(d);
}

static void on_accepted(struct client *client, void *arg)
{
    struct place *place = arg;
    struct daemon *d = place->daemon;
    const struct config_target *target = find_target(d->config, place->name);
    struct live *live = calloc(1, sizeof *live);
    if (!live || !target) {
        client_reset(client);
        free(live);
        return;
    }
    live->session = session_new(&d->loop, d->config, target, &place->memory, client, on_session_over, d);
    if (!live->session) {
        log_error(place->name, "out of memory: a client was turned away");
        free(live);
        return;
    }
    live->next = d->sessions;
    d->sessions = live;
}

static struct place *place_of(struct daemon *d, const char *name)
{
    struct place *p = d->places;
    while (p && strcmp(p->name, name) != 0)
        p = p->next;
    if (p)
        return p;
    p = calloc(1, sizeof *p);
    char *copy = strdup(name);
    if (!p || !copy) {
        free(p);
        free(copy);
        return NULL;
    }
    p->name = copy;
    p->daemon = d;
    p->next = d->places;
    d->places = p;
    return p;
}

static void stop_listening(struct place *p)
{
    listener_free(p->listener);
    free(p->host);
    p->listener = NULL;
    p->host = NULL;
    transport_release(p->transport);
    p->transport = NULL;
}

static int start_listening(struct daemon *d, const struct config_target *t, struct err *e)
{
    struct place *p = place_of(d, t->name);
    if (!p)
        return err_set(e, "out of memory");
    /* A reload may have given the target another destination: sessions that run keep theirs. */
    struct transport *before = p->transport;
    p->transport = reach_target(&d->loop, t);
    transport_release(before);
    if (p->listener)
        return 0;
    p->host = strdup(t->listen_host);
    if (p->host)
        p->listener = listener_new(&d->loop, t->listen_host, t->listen_port, t->name, on_accepted, p, e);
    else
        err_set(e, "out of memory");
    if (!p->listener) {
        free(p->host);
        p->host = NULL;
        return -1;
    }
    p->port = t->listen_port;
    log_info(NULL, "listening on %s port %d for target %s (%s)", t->listen_host, t->listen_port, t->name,
             t->ssh ? t->ssh : "this machine");
    return 0;
}

/* Ports that stay are not touched; those that go are closed before new ones are bound, so that two targets can swap
   theirs. Returns -1 when one could not be bound: the others are. */
static int apply(struct daemon *d)
{
    int result = 0;
    for (struct place *p = d->places; p; p = p->next) {
        const struct config_target *t = find_target(d->config, p->name);
        if (p->listener && (!t || t->listen_port != p->port || strcmp(t->listen_host, p->host) != 0)) {
            log_info(NULL, "no longer listening on %s port %d for target %s", p->host, p->port, p->name);
            stop_listening(p);
        }
    }
    for (size_t i = 0; i < d->config->target_count; i++) {
        struct err e;
        if (start_listening(d, &d->config->targets[i], &e) < 0) {
            log_error(NULL, "%s", e.text);
            result = -1;
        }
    }
    return result;
}

static void on_reload(struct daemon *d)
{
    struct config *fresh = d->reload(d->reload_arg);
    if (!fresh) {
        log_error(NULL, "the old configuration is kept: correct the file and send SIGHUP again");
        return;
    }
    config_unref(d->config);
    d->config = fresh;
    log_set_level(fresh->log_level);
    log_info(NULL, "the configuration is read anew; running sessions keep theirs");
    (void)apply(d); /* a port that can't be bound is reported; the rest works */
}

static void on_stop_late(void *arg)
{
    struct daemon *d = arg;
    log_warning(NULL, "sessions did not end in time: their supervisors end them when the lease is over");
    uv_stop(&d->loop);
}

static void on_stop(struct daemon *d, int signal)
{
    if (d->stopping) {
        log_warning(NULL, "second signal: leaving at once; supervisors end their sessions when the lease is over");
        uv_stop(&d->loop);
        return;
    }
    d->stopping = true;
    log_info(NULL, "stopping: %s", signal == SIGTERM ? "SIGTERM" : "SIGINT");
    for (struct place *p = d->places; p; p = p->next)
        stop_listening(p);
    timer_start(d->stop, STOP_MS, 0);
    for (struct live *l = d->sessions; l; l = l->next)
        session_shutdown(l->session, "delvegate is being stopped");
    finish_if_idle(d);
}

static void on_signal(uv_signal_t *handle, int signal)
{
    struct daemon *d = handle->data;
    if (signal == SIGHUP)
        on_reload(d);
    else
        on_stop(d, signal);
}

static void close_handle(uv_handle_t *h, void *arg)
{
    (void)arg;
    if (!uv_is_closing(h) && h->type == UV_SIGNAL)
        uv_close(h, NULL);
}

static void free_all(struct daemon *d)
{
    orphan_forget_all();
    for (struct place *p = d->places; p; p = p->next)
        stop_listening(p);
    timer_free(d->stop);
    uv_walk(&d->loop, close_handle, NULL);
    transport_local_forget(&d->loop);
    /* Connections that are being closed get their turn. */
    while (uv_run(&d->loop, UV_RUN_ONCE) != 0)
        continue;
    uv_loop_close(&d->loop);
    while (d->places) {
        struct place *p = d->places;
        d->places = p->next;
        json_decref(p->memory.capabilities);
        free(p->name);
        free(p);
    }
    config_unref(d->config);
}

int daemon_run(struct config *config, daemon_reload *reload, void *arg)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    struct daemon d = {.config = config, .reload = reload, .reload_arg = arg};
    int status = 0;
    uv_loop_init(&d.loop);
    (void)signal(SIGPIPE, SIG_IGN);
    log_set_level(config->log_level);
    d.stop = timer_new(&d.loop, on_stop_late, &d);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        uv_signal_init(&d.loop, &d.signals[i]);
        d.signals[i].data = &d;
        uv_signal_start(&d.signals[i], on_signal, numbers[i]);
    }
    if (!d.stop || apply(&d) < 0)
        status = 1;
    else
        uv_run(&d.loop, UV_RUN_DEFAULT);
    /* Sessions that did not end in time can't be waited for any longer: their memory goes with the process. */
    if (d.sessions)
        _exit(status);
    free_all(&d);
    return status;
}
