/* Where is the user's SSH agent? A service that was started at login often has no SSH_AUTH_SOCK. In this order:
   1. IdentityAgent of ssh_config: when it names a socket or a variable, or is "none", nothing else is looked at.
      "SSH_AUTH_SOCK" is what holds without it, and so is the same as none given.
   2. the variable SSH_AUTH_SOCK.
   3. SSH_AUTH_SOCK of the user's service manager (`systemctl --user show-environment`).
   4. ssh-agent.socket, openssh_agent (Debian 13, Ubuntu), keyring/ssh and gcr/ssh (GNOME) in XDG_RUNTIME_DIR, or in
      /run/user/UID when that is not set. What was named in 1 to 3 is used as ssh would use it; a socket that is only
      guessed must be the user's or root's.
   The first that says which keys it has is taken, also when it has none: which agent is used must not depend on what
   happens to be in it. Each search looks again. */
#ifndef PROXY_SSH_SSH_AGENT_FIND_H
#define PROXY_SSH_SSH_AGENT_FIND_H

#include <uv.h>

#include "dap/must_use.h"
#include "proxy/ssh/ssh_agent.h"

struct ssh_agent_find;

/* What came of it. All but agent is valid during the call. */
struct ssh_agent_found {
    struct ssh_agent *agent; /* the receiver's, who frees it; NULL: there is none */
    struct ssh_bytes keys;   /* its answer to ssh_agent_list */
    const char *path;        /* of its socket */
    const char *source;      /* where the path was found, in words */
    const char *looked;      /* what was looked at in vain, each with the reason: "SSH_AUTH_SOCK (not set), ..." */
};

/* Starts looking. subject is the log's; quiet: all that it is told is for debugging. identity_agent is the value of
   IdentityAgent, or NULL. All strings must outlive the search; nothing in it blocks.
   done is called once, later. Returns NULL when memory ran out. */
struct ssh_agent_find *ssh_agent_find_start(uv_loop_t *loop, const char *subject, bool quiet,
                                            const char *identity_agent,
                                            void (*done)(void *arg, const struct ssh_agent_found *found),
                                            void *arg) MUST_USE;

/* done is not called any more. The pointer is dead afterwards, as it is once done was called. NULL is fine. */
void ssh_agent_find_cancel(struct ssh_agent_find *f);

#endif
