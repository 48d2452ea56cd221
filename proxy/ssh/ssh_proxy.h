/* The child that reaches a host for us: ProxyCommand, or `ssh -W` for ProxyJump. */
#ifndef PROXY_SSH_SSH_PROXY_H
#define PROXY_SSH_SSH_PROXY_H

#include "dap/must_use.h"
#include "dap/err.h"
#include "proxy/ssh/ssh_parse.h"
#include "proxy/ssh/ssh_socket.h"

struct ssh_proxy;

/* Starts what s asks for (it has proxy_jump or proxy_command set) and connects socket to its stdin and stdout. agent is
   the socket of the agent that it is told in SSH_AUTH_SOCK; NULL: as in delvegate's own environment. finished(arg) is
   called once ssh_proxy_is_finished has become true. Returns NULL with e set on failure; the socket stays the caller's.
 */
struct ssh_proxy *ssh_proxy_start(uv_loop_t *loop, const struct ssh_settings *s, const struct ssh_tokens *t,
                                  const char *agent, struct ssh_socket *socket, void (*finished)(void *arg), void *arg,
                                  struct err *e) MUST_USE;
/* "jump host NAME" or "ProxyCommand". */
const char *ssh_proxy_name(const struct ssh_proxy *p);
/* The command that must work for a jump host; NULL for a ProxyCommand. */
const char *ssh_proxy_check(const struct ssh_proxy *p);
/* Whether the child has ended and all that it wrote to stderr is here. Once this was asked, that is waited for a second
   at most: for when its stream is over. */
bool ssh_proxy_is_finished(struct ssh_proxy *p);
/* What it wrote to stderr; empty: nothing. Of what is very long only the end. */
const char *ssh_proxy_stderr(struct ssh_proxy *p);
/* "exit status N", "signal N", or "still running". Valid until the next call of this. */
const char *ssh_proxy_status(struct ssh_proxy *p);
/* Ends the child: SIGTERM, and after a few seconds SIGKILL. NULL is fine. */
void ssh_proxy_free(struct ssh_proxy *p);

#endif
