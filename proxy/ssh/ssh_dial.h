/* From a host name to a connected stream: name resolution, every address in turn, or the child of a ProxyJump or
   ProxyCommand. */
#ifndef PROXY_SSH_SSH_DIAL_H
#define PROXY_SSH_SSH_DIAL_H

#include "dap/must_use.h"
#include "dap/err.h"
#include "proxy/ssh/ssh_parse.h"
#include "proxy/ssh/ssh_socket.h"

struct ssh_dial;

/* What came of it: socket (connected, the receiver's), or NULL and why. transient: trying again later may help. */
typedef void ssh_dial_done(void *arg, struct ssh_socket *socket, const struct err *why, bool transient);

/* deadline_ms: for the resolution, and for each address. done is called once, later. s must outlive it. Returns NULL
   when memory ran out. */
struct ssh_dial *ssh_dial_start(uv_loop_t *loop, const struct ssh_settings *s, uint64_t deadline_ms,
                                ssh_dial_done *done, void *arg) MUST_USE;
/* done is not called any more. The pointer is dead, as it is once done was called. */
void ssh_dial_cancel(struct ssh_dial *d);

#endif
