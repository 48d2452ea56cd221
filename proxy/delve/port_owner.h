/* Whose process listens at a port of the Go machine: Delve accepts its own user's connections only, and does not say
 * why it closes others. */
#ifndef PROXY_DELVE_PORT_OWNER_H
#define PROXY_DELVE_PORT_OWNER_H

#include <uv.h>

#include "proxy/machine/machine.h"

enum { PORT_OWNER_UNKNOWN = -1 };

struct port_owner;

/* Asks the Go machine. done is called once, later: the user ids of who listens at 127.0.0.1:port or at all addresses,
 * and of the login user there; each PORT_OWNER_UNKNOWN when nobody does or /proc does not tell. Only port_owner_free
 * may follow. NULL when memory ran out. */
struct port_owner *port_owner_ask(uv_loop_t *loop, struct link *link, int port,
                                  void (*done)(void *arg, long owner, long self), void *arg);
/* link_lost: the channel is gone already. NULL is fine. */
void port_owner_free(struct port_owner *o, bool link_lost);

#endif
