/* Completions of the command line for shells, made from its table. */
#ifndef PROXY_CLI_COMPLETION_H
#define PROXY_CLI_COMPLETION_H

#include "dap/must_use.h"
#include "dap/buf.h"

/* Appends the script that makes a shell (bash, zsh, fish) complete delvegate's options, commands and targets. Returns
 * 0, 1 when the shell is none of these, -1 when the buffer failed. */
int completion_script(struct buf *out, const char *shell) MUST_USE;

#endif
