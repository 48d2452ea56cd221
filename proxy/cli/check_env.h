/* `delvegate check-env`: what is wrong with the Go environment of a target's machine, one line a finding. */
#ifndef PROXY_CLI_CHECK_ENV_H
#define PROXY_CLI_CHECK_ENV_H

#include <stdbool.h>

#include "config/config.h"

/* What the command line says. Strings are argv's. */
struct check_env_options {
    const char *config; /* --config; NULL: not given */
    const char *target; /* NULL: the only one, or `local` */
    const char *cwd;    /* --cwd; NULL: the current directory, where the target has it */
    bool help;          /* --help: nothing else counts */
};

/* Reads what follows `check-env`, which is argv[0]. What is wrong goes to stderr. Returns 0, -1 for a wrong command
 * line. */
int check_env_options_read(struct check_env_options *o, int argc, char **argv);

/* Checks the target and prints what it found on stdout, what is fatal first: `TARGET: error: ...` and
 * `TARGET: warning: ...`, or one line `TARGET: ok: ...`. Returns our exit status: 0 when nothing found is fatal, 1 when
 * something is, the directory is not there, or the machine could not be reached, 2 when there is no such target or
 * --cwd is no path there. config is borrowed. */
int check_env_run(struct config *config, const struct check_env_options *o);

#endif
