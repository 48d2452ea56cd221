/* The few JSON-RPC calls that delvegate makes beside DAP, as text (Delve service/rpc2). */
#ifndef DELVE_RPC_H
#define DELVE_RPC_H

#include <stdbool.h>
#include <stddef.h>

#include "dap/must_use.h"
#include "dap/buf.h"

/* Appends `RPCServer.State {NonBlocking: true}` with this id. */
void delve_rpc_state(struct buf *out, int id);

/* Appends `RPCServer.GetVersion` with this id. Alone of all calls it waits for no lock of Delve's: an answer tells that
 * Delve lives, whatever its program does. */
void delve_rpc_get_version(struct buf *out, int id);

/* Takes the first whole JSON object off the front of text (what has come of Delve's answers). Returns 1 with *id, its
 * `id` (-1 without one), and *used, its length; 0 when it is not whole yet; -1 when the text is no JSON. */
int delve_rpc_answer(const char *text, size_t len, size_t *used, int *id) MUST_USE;

/* Reads an answer to delve_rpc_state. Returns 1 when the process has exited (error text `Process N has exited with
 *status S`), with status; 0 when it has not; -1 when the text is no whole JSON object yet. */
int delve_rpc_exit_status(const char *text, size_t len, int *status) MUST_USE;

/* Finds `has exited with status S` in any text. Returns 1 with *status, or 0. */
int delve_exit_status_in(const char *text, int *status) MUST_USE;

#endif
