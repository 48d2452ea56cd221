#include "proxy/service/endpoints.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/base/log.h"
#include "proxy/machine/machine.h"
#include "proxy/service/listener.h"

static struct endpoint *endpoint_of(struct endpoints *all, const char *name)
{
    struct endpoint **end = &all->first;
    for (; *end; end = &(*end)->next)
        if (strcmp((*end)->name, name) == 0)
            return *end;
    struct endpoint *p = calloc(1, sizeof *p);
    char *copy = strdup(name);
    if (!p || !copy) {
        free(p);
        free(copy);
        return NULL;
    }
    p->name = copy;
    p->endpoints = all;
    *end = p;
    return p;
}

static void on_accepted(struct client *client, void *arg)
{
    struct endpoint *p = arg;
    p->endpoints->accepted(p, client, p->endpoints->arg);
}

static void stop_listening(struct endpoint *p)
{
    listener_free(p->listener);
    free(p->host);
    p->listener = NULL;
    p->host = NULL;
    if (p->handed)
        p->handed->taken = false;
    p->handed = NULL;
    machine_release(p->machine);
    p->machine = NULL;
}

/* A socket that waited without a target gets one. */
static void take(struct endpoint *p, struct activation_socket *s)
{
    struct listener **unclaimed = &p->endpoints->unclaimed[s - p->endpoints->activation.list];
    listener_free(*unclaimed);
    *unclaimed = NULL;
    s->taken = true;
    p->handed = s;
}

/* A unit's ListenStream=PORT alone is on all addresses, and leaves none of that port to be bound. */
static void blame_unit(const struct activation *a, const struct config_target *t, struct err *e)
{
    char listen[CONFIG_LISTEN_MAX];
    config_listen_text(listen, t->listen_host, t->listen_port);
    for (size_t i = 0; i < a->count; i++)
        if (!a->list[i].taken && a->list[i].port == t->listen_port) {
            err_set(e,
                    "the socket unit listens on port %d of target %s at %s instead of %s: change its line to "
                    "ListenStream=%s with systemctl --user edit --full delvegate.socket",
                    t->listen_port, t->name, a->list[i].address, t->listen_host, listen);
            return;
        }
}

static int listen_at(struct endpoint *p, const struct config_target *t, struct err *e)
{
    struct activation_socket *handed =
        activation_find(&p->endpoints->activation, t->listen_host, t->listen_port, t->name);
    struct listener_options o = {
        .name = t->name,
        .host = t->listen_host,
        .port = t->listen_port,
        .fd = handed ? handed->fd : -1,
        .accepted = on_accepted,
        .arg = p,
    };
    p->host = strdup(t->listen_host);
    if (!p->host)
        return err_set(e, "out of memory");
    p->listener = listener_new(p->endpoints->loop, &o, e);
    if (!p->listener) {
        free(p->host);
        p->host = NULL;
        if (!handed)
            blame_unit(&p->endpoints->activation, t, e);
        return -1;
    }
    p->port = t->listen_port;
    if (handed)
        take(p, handed);
    log_info(NULL, "listening on %s port %d for target %s (%s)%s", t->listen_host, t->listen_port, t->name,
             config_target_machine(t), handed ? ", handed over by the service manager" : "");
    return 0;
}

/* The risk is said at each start and each reload: it is somebody else's to notice. */
static int allow(const struct endpoint *p, const struct config_target *t, struct err *e)
{
    if (listener_allow(p->listener, t->allow_peer) < 0)
        return err_set(e, "out of memory: allowPeer of target %s has no effect", t->name);
    for (char **address = t->allow_peer; address && *address; address++)
        log_warning(t->name, "allowPeer: anyone who can connect from %s to port %d can run programs as uid %u on %s",
                    *address, t->listen_port, geteuid(), config_target_machine(t));
    return 0;
}

static int start_listening(struct endpoints *all, const struct config_target *t, struct err *e)
{
    struct endpoint *p = endpoint_of(all, t->name);
    if (!p)
        return err_set(e, "out of memory");
    /* A reload may have given the target another destination: sessions that run keep theirs. */
    struct machine *before = p->machine;
    p->machine = machine_of_target(all->loop, t);
    machine_release(before);
    if (!p->listener && listen_at(p, t, e) < 0)
        return -1;
    return allow(p, t, e);
}

static void log_refusal(const struct activation_socket *s, const struct config_target *t)
{
    static const char mend[] = "a socket unit needs one line for each target, such as ListenStream=";
    char listen[CONFIG_LISTEN_MAX];
    config_listen_text(listen, t->listen_host, t->listen_port);
    if (s->why)
        log_error(NULL,
                  "descriptor %d (%s) of the service manager is refused: %s; %s%s for %s: systemctl --user edit "
                  "delvegate.socket",
                  s->fd, s->name, s->why, mend, listen, t->name);
    else
        log_error(NULL,
                  "the socket on %s port %d (%s) of the service manager belongs to no target: its clients are refused; "
                  "%s%s for %s: systemctl --user edit delvegate.socket",
                  s->address, s->port, s->name, mend, listen, t->name);
}

/* A manager goes on listening there, and clients would wait for ever: they are refused. */
static void refuse_unclaimed(struct endpoints *all, const struct config *config)
{
    for (size_t i = 0; i < all->activation.count; i++) {
        const struct activation_socket *s = &all->activation.list[i];
        struct listener_options o = {.name = s->name, .host = s->address, .port = s->port, .fd = s->fd};
        struct err e;
        if (s->taken || all->unclaimed[i])
            continue;
        log_refusal(s, &config->targets[0]);
        if (!s->why && !(all->unclaimed[i] = listener_new(all->loop, &o, &e)))
            log_error(NULL, "%s", e.text);
    }
}

int endpoints_init(struct endpoints *all, uv_loop_t *loop,
                   void (*accepted)(struct endpoint *, struct client *, void *arg), void *arg)
{
    *all = (struct endpoints){.loop = loop, .accepted = accepted, .arg = arg};
    if (activation_read(&all->activation) < 0)
        return -1;
    all->unclaimed = calloc(all->activation.count + 1, sizeof(struct listener *));
    return all->unclaimed ? 0 : -1;
}

int endpoints_apply(struct endpoints *all, const struct config *config)
{
    int result = 0;
    for (struct endpoint *p = all->first; p; p = p->next) {
        const struct config_target *t = config_target_find(config, p->name);
        if (p->listener && (!t || t->listen_port != p->port || strcmp(t->listen_host, p->host) != 0)) {
            log_info(NULL, "no longer listening on %s port %d for target %s", p->host, p->port, p->name);
            stop_listening(p);
        }
    }
    for (size_t i = 0; i < config->target_count; i++) {
        struct err e;
        if (start_listening(all, &config->targets[i], &e) < 0) {
            log_error(NULL, "%s", e.text);
            result = -1;
        }
    }
    refuse_unclaimed(all, config);
    return result;
}

void endpoints_close(struct endpoints *all)
{
    for (struct endpoint *p = all->first; p; p = p->next)
        stop_listening(p);
    for (size_t i = 0; i < all->activation.count; i++) {
        listener_free(all->unclaimed[i]);
        all->unclaimed[i] = NULL;
    }
}

void endpoints_free(struct endpoints *all)
{
    while (all->first) {
        struct endpoint *p = all->first;
        all->first = p->next;
        json_decref(p->memory.capabilities);
        free(p->name);
        free(p);
    }
    free(all->unclaimed);
    activation_free(&all->activation);
}

void endpoints_describe(const struct endpoints *all, struct buf *out)
{
    const char *between = "";
    for (const struct endpoint *p = all->first; p; p = p->next) {
        if (!p->listener)
            continue;
        char listen[CONFIG_LISTEN_MAX];
        config_listen_text(listen, p->host, p->port);
        buf_printf(out, "%s%s %s", between, p->name, listen);
        between = ", ";
    }
}

bool endpoints_are_handed(const struct endpoints *all, const char **bare)
{
    *bare = NULL;
    for (const struct endpoint *p = all->first; p; p = p->next)
        if (p->listener && !p->handed)
            *bare = p->name;
    return all->activation.count > 0 && !*bare;
}

bool endpoints_have_handed(const struct endpoints *all)
{
    for (const struct endpoint *p = all->first; p; p = p->next)
        if (p->listener && p->handed)
            return true;
    return false;
}
