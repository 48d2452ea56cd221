/* The child that reaches a host for us: ProxyCommand, or `ssh -W` for ProxyJump. */
#ifndef PROXY_SSH_SSH_PROXY_H
#define PROXY_SSH_SSH_PROXY_H

#include "dap/err.h"
#include "proxy/ssh/ssh_parse.h"
#include "proxy/ssh/ssh_socket.h"

struct ssh_proxy;

/* Starts what s asks for (it has proxy_jump or proxy_command set) and connects socket to its stdin and stdout. agent is
   the socket of the agent that it is told in SSH_AUTH_SOCK; NULL: as in delvegate's own environment. Returns NULL with
   e set on failure; the socket stays the caller's. */
struct ssh_proxy *ssh_proxy_start(uv_loop_t *loop, const struct ssh_settings *s, const struct ssh_tokens *t,
                                  const char *agent, struct ssh_socket *socket, struct err *e);
/* The last line that it wrote to stderr, empty when none. Valid until the next call of anything here. */
const char *ssh_proxy_words(struct ssh_proxy *p);
/* Ends the child: SIGTERM, and after a few seconds SIGKILL. NULL is fine. */
void ssh_proxy_free(struct ssh_proxy *p);

#endif
