/* `delvegate exec`: a command on a target's Go machine, in the environment that Delve gets there. */
#ifndef PROXY_CLI_EXEC_H
#define PROXY_CLI_EXEC_H

#include <stdbool.h>

#include "config/config.h"

/* What the command line says. Strings are argv's. */
struct exec_options {
    const char *config; /* --config; NULL: not given */
    const char *target; /* NULL: missing */
    const char *cwd;    /* --cwd, NULL: home */
    char **command;     /* NULL-terminated, may be empty */
    bool help;          /* --help: nothing else counts */
};

/* Reads what follows the word `exec`, which is argv[0]. What is wrong goes to stderr. Returns 0, -1 for a wrong command
 * line. */
int exec_options_read(struct exec_options *o, int argc, char **argv);

/* Runs the command to its end: our stdin is its stdin, its output goes to our stdout and stderr, and the first signal
 * that comes to us goes to its process group; one more ends it. Returns our exit status: the command's (128 + signal
 * when one ended it), 255 when it could not be run or the link was lost, 2 when there is no such target. What happened
 * is reported on stderr. config is borrowed. */
int exec_run(const struct config *config, const struct exec_options *o);

#endif
