/* The few JSON-RPC calls that delvegate makes beside DAP, as text (Delve service/rpc2). */
#ifndef DELVE_RPC_H
#define DELVE_RPC_H

#include <stdbool.h>
#include <stddef.h>

#include "dap/buf.h"

/* Appends `RPCServer.State {NonBlocking: true}` with this id. */
int delve_rpc_state(struct buf *out, int id);

/* Reads an answer to it. Returns 1 when the process has exited (error text `Process N has exited with status S`), with
 *status; 0 when it has not; -1 when the text is no whole JSON object yet. */
int delve_rpc_exit_status(const char *text, size_t len, int *status);

/* Finds `has exited with status S` in any text. Returns 1 with *status, or 0. */
int delve_exit_status_in(const char *text, int *status);

#endif
