/* A connection's turn in the event loop. An idle handle runs once in each pass of the loop. A timer of 0 would, in
   libuv before 1.45, run again and again before the loop looks at anything else. */
#include <stdlib.h>

#include "proxy/ssh/ssh_impl.h"

/* An idle handle runs once in each pass of the loop. A timer of 0 would, in libuv before 1.45, run again and again
   before the loop looks at anything else. */
struct ssh_turn {
    uv_idle_t idle;
    void (*run)(struct ssh_connection *c);
    struct ssh_connection *connection;
};

static void on_turn_idle(uv_idle_t *idle)
{
    struct ssh_turn *t = idle->data;
    (void)uv_idle_stop(idle);
    t->run(t->connection);
}

static void on_turn_closed(uv_handle_t *h)
{
    free(h->data);
}

struct ssh_turn *ssh_turn_new(struct ssh_connection *c, void (*run)(struct ssh_connection *c))
{
    struct ssh_turn *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->connection = c;
    t->run = run;
    t->idle.data = t;
    (void)uv_idle_init(c->transport->loop, &t->idle); /* cannot fail */
    return t;
}

void ssh_turn_free(struct ssh_turn *t)
{
    if (t)
        uv_close((uv_handle_t *)&t->idle, on_turn_closed);
}

void ssh_turn_start(struct ssh_turn *t)
{
    (void)uv_idle_start(&t->idle, on_turn_idle); /* started already is fine */
}
