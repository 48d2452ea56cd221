/* What `systemctl --user show-environment` prints. No I/O. */
#ifndef PROXY_SSH_SSH_AGENT_ENV_H
#define PROXY_SSH_SSH_AGENT_ENV_H

#include <stddef.h>

enum { SSH_AGENT_ENV_VALUE_MAX = 4096 };

enum ssh_agent_env {
    SSH_AGENT_ENV_SET,
    SSH_AGENT_ENV_ABSENT, /* or empty */
    SSH_AGENT_ENV_BROKEN  /* it is set to what cannot be read, holds a NUL byte, or does not fit into value */
};

/* Finds NAME=VALUE in text, one variable a line, and undoes the quoting of VALUE: as it is; $'...' with the escapes of
   C (systemd since 239, when something needs it); or "...". The last of several counts. value holds the NUL-terminated
   value, and is empty unless the answer is SSH_AGENT_ENV_SET. */
enum ssh_agent_env ssh_agent_env_value(const char *text, const char *name, char value[SSH_AGENT_ENV_VALUE_MAX]);

#endif
