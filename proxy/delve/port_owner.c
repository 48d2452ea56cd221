#include "proxy/delve/port_owner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dap/buf.h"
#include "proxy/base/nonce.h"
#include "proxy/base/timer.h"

enum {
    ANSWER_MAX = 64 * 1024, /* bytes, with what a login shell may print */
    ANSWER_MS = 5000,
    SCRIPT_MAX = 1024,
    DECIMAL = 10
};

/* Only what every sh has built in, but for `id`. State 0A is LISTEN. Its arguments: nonce, port, nonce. */
static const char script[] =
    "p=$(printf %%04X %d)\n"
    "for f in /proc/net/tcp /proc/net/tcp6; do\n"
    "[ -r $f ] && while read -r n l r s q t e u x; do\n"
    "case $s$l in 0A0100007F:$p|0A00000000:$p|0A*0100007F:$p|0A00000000000000000000000000000000:$p)\n"
    "echo %s-owner $u;; esac; done <$f; done\n"
    "echo %s-self $(id -u)\nexit\n";

struct port_owner {
    struct channel *channel;
    struct timer *deadline;
    struct buf answer;
    char nonce[NONCE_SIZE];
    int port;
    void (*done)(void *arg, long owner, long self);
    void *arg;
};

static long find(const struct port_owner *o, const char *what)
{
    char key[NONCE_SIZE + sizeof "-owner "];
    (void)snprintf(key, sizeof key, "%s-%s ", o->nonce, what);
    const char *at = o->answer.len ? strstr(o->answer.data, key) : NULL;
    return at ? strtol(at + strlen(key), NULL, DECIMAL) : PORT_OWNER_UNKNOWN;
}

static void finish(struct port_owner *o)
{
    void (*done)(void *, long, long) = o->done;
    o->done = NULL;
    timer_stop(o->deadline);
    if (done)
        done(o->arg, find(o, "owner"), find(o, "self"));
}

static void on_data(void *arg, enum channel_source source, const char *data, size_t len)
{
    struct port_owner *o = arg;
    if (source == CHANNEL_STDOUT)
        (void)buf_append(&o->answer, data, len); /* what does not fit is not ours: nothing is found then */
}

static void on_closed(void *arg, const struct err *why, int exit_status)
{
    struct port_owner *o = arg;
    (void)why;
    (void)exit_status;
    o->channel = NULL;
    finish(o);
}

static void on_deadline(void *arg)
{
    finish(arg);
}

static const struct channel_handler channel_events = {.data = on_data, .closed = on_closed};

struct port_owner *port_owner_ask(uv_loop_t *loop, struct link *link, int port,
                                  void (*done)(void *arg, long owner, long self), void *arg)
{
    char text[SCRIPT_MAX];
    struct port_owner *o = calloc(1, sizeof *o);
    if (!o)
        return NULL;
    buf_init(&o->answer, ANSWER_MAX);
    o->port = port;
    o->done = done;
    o->arg = arg;
    nonce_make(o->nonce);
    o->deadline = timer_new(loop, on_deadline, o);
    if (o->deadline)
        o->channel = link_shell(link, &channel_events, o);
    if (!o->channel) {
        port_owner_free(o, false);
        return NULL;
    }
    (void)snprintf(text, sizeof text, script, port, o->nonce, o->nonce);
    (void)channel_write(o->channel, text, strlen(text));
    channel_shut(o->channel);
    timer_start(o->deadline, ANSWER_MS, 0);
    return o;
}

void port_owner_free(struct port_owner *o, bool link_lost)
{
    if (!o)
        return;
    if (o->channel && !link_lost)
        channel_close(o->channel);
    timer_free(o->deadline);
    buf_free(&o->answer);
    free(o);
}
