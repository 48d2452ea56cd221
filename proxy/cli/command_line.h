/* cli: the command line: the daemon's start, `exec`, `check-env`, and what is printed.
 * It may use every other room.
 * A subcommand that does one thing on a Go machine and exits is a struct one_shot_command (one_shot.h).
 * Exit statuses are ssh's where a command runs on the Go machine.
 *
 * The table: THE table of the command line. What getopt is given, what --help prints and what shells complete are made
 * from it. */
#ifndef PROXY_CLI_COMMAND_LINE_H
#define PROXY_CLI_COMMAND_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "dap/must_use.h"
#include "dap/buf.h"

/* What command_next returns; one that is a printable character is the option's short form too. */
enum command_code {
    COMMAND_END = -1,
    COMMAND_WRONG = '?',
    COMMAND_CONFIG = 'c',
    COMMAND_HELP = 'h',
    COMMAND_VERSION = 'V',
    COMMAND_CWD = 256,
    COMMAND_CHECK_CONFIG,
    COMMAND_PRINT_SCHEMA,
    COMMAND_PRINT_MANUAL,
    COMMAND_PRINT_SIGNATURES,
    COMMAND_PRINT_COMPLETION
};

enum command_value {
    COMMAND_NO_VALUE,
    COMMAND_FILE,
    COMMAND_DIRECTORY,
    COMMAND_CHOICE,       /* one of `choices` */
    COMMAND_OPTIONAL_WORD /* the same, only as --name=WORD */
};

struct command_option {
    const char *name;
    enum command_code code;
    enum command_value value;
    const char *value_name;     /* in --help, of a file or directory */
    const char *const *choices; /* what else the value may be, ended by NULL */
    const char *text;           /* in --help and in completions; one line */
};

/* What stands behind the options of a command. */
enum command_arguments {
    COMMAND_NO_ARGUMENTS,
    COMMAND_NAME,              /* [COMMAND] */
    COMMAND_TARGET,            /* [TARGET] */
    COMMAND_TARGET_AND_COMMAND /* TARGET -- COMMAND [ARGUMENT...] */
};

struct command {
    const char *name; /* NULL: delvegate without a command */
    enum command_arguments arguments;
    const char *text;                     /* what it does; one line */
    const char *more;                     /* the same for --help, in lines */
    const struct command_option *options; /* ended by one without a name */
};

/* delvegate itself first, then its commands, ended by one without a text. */
extern const struct command command_line[];

/* The command with this name, or NULL. */
const struct command *command_find(const char *name);

/* Whether the option has a short form, which is its code. */
bool command_option_has_letter(const struct command_option *o);

/* Reads the next option of argv as getopt_long does, with its optarg and optind, up to the first word that is none.
 * Returns its code, COMMAND_END, or COMMAND_WRONG after having reported on stderr what is wrong. */
int command_next(const struct command *c, int argc, char **argv) MUST_USE;

/* Appends the line "usage: ..." of a command, for delvegate itself those of all. Fails as buf_append. */
void command_usage(struct buf *out, const struct command *c);

/* Appends what --help prints: usage, what it does, the options. Fails as buf_append. */
void command_help(struct buf *out, const struct command *c);

/* Prints what command_help makes of the command on stdout. Returns 0, or -1 when that failed. */
int command_print_help(const struct command *c) MUST_USE;

/* Says on stderr that there is no such command, and which there are. */
void command_print_unknown(const char *word);

/* Prints the usage line of the command on stderr, and where there is more. */
void command_print_usage(const struct command *c);

#endif
