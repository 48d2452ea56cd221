/* `delvegate --check-config`: whether a delvegate could run with the configuration. */
#ifndef PROXY_CLI_CHECK_CONFIG_H
#define PROXY_CLI_CHECK_CONFIG_H

#include "dap/must_use.h"
#include "proxy/cli/config_file.h"

/* Reads the configuration. Prints the targets on stdout, on stderr which file was read and what is wrong with it, a
 * port that can't be bound too. Returns our exit status: 0, or 2. */
int check_config_run(struct config_file *file) MUST_USE;

#endif
