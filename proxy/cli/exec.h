/* `delvegate exec`: a command on a target's Go machine, in the environment that Delve gets there. */
#ifndef PROXY_CLI_EXEC_H
#define PROXY_CLI_EXEC_H

#include "proxy/cli/one_shot.h"

/* Runs a command to its end: our stdin is its stdin, its output goes to our stdout and stderr, and the first signal
 * that comes to us goes to its process group; one more ends it. The exit status is the command's (128 + signal when one
 * ended it), 255 when it could not be run or the link was lost. What happened is reported on stderr. */
extern const struct one_shot_command exec_command;

#endif
