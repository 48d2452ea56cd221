/* `delvegate check-env`: what is wrong with the Go environment of a target's machine, one line a finding. */
#ifndef PROXY_CLI_CHECK_ENV_H
#define PROXY_CLI_CHECK_ENV_H

#include "proxy/cli/one_shot.h"

/* Checks the target and prints what it found on stdout, what is fatal first: `TARGET: error: ...` and
 * `TARGET: warning: ...`, or one line `TARGET: ok: ...`. The directory that it checks is that of --cwd, else the
 * current one, on the Go machine. The exit status is 0 when nothing found is fatal, 1 when something is, the directory
 * is not there, or the machine could not be reached. */
extern const struct one_shot_command check_env_command;

#endif
