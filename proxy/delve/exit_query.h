/* Asking a Delve, by JSON-RPC beside DAP, how its process ended: Delve before 1.27 sends no `exited` event. */
#ifndef PROXY_DELVE_EXIT_QUERY_H
#define PROXY_DELVE_EXIT_QUERY_H

#include "dap/must_use.h"
#include "proxy/machine/machine.h"

struct exit_query;

/* Has the supervisor ask the Delve at this port. done is called once: known tells whether *status is the process's exit
   status. Only exit_query_free may follow. NULL when memory ran out. */
struct exit_query *exit_query_new(struct link *link, int port, void (*done)(void *arg, bool known, int status),
                                  void *arg) MUST_USE;
/* link_lost: the channel is gone already. NULL is fine. */
void exit_query_free(struct exit_query *q, bool link_lost);

#endif
