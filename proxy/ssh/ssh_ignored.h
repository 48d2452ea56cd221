/* Settings of ssh_config that `ssh` heeds, delvegate does not, and whose loss a user can notice. No I/O. */
#ifndef PROXY_SSH_SSH_IGNORED_H
#define PROXY_SSH_SSH_IGNORED_H

#include "dap/must_use.h"
#include "proxy/ssh/ssh_parse.h"

/* Appends to out a text for each of them, "ForwardAgent: the agent is not forwarded", once however often it is set.
   text is what `ssh -G` printed, defaults what it prints without any configuration: what is the same there was not set.
   Returns 0, or -1 when memory ran out. */
int ssh_ignored(const char *text, const char *defaults, struct ssh_list *out) MUST_USE;

#endif
