#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "proxy/cli/command_line.h"
#include "proxy/cli/one_shot.h"

/* Options up to the first word that is none, or behind `--`. Returns -1 for a wrong one. */
static int read_some(struct one_shot_options *o, const struct command *command, int argc, char **argv)
{
    for (int code; (code = command_next(command, argc, argv)) != COMMAND_END;) {
        switch (code) {
        case COMMAND_CONFIG:
            o->config = optarg;
            break;
        case COMMAND_CWD:
            o->cwd = optarg;
            break;
        case COMMAND_HELP:
            o->help = true;
            break;
        default:
            return -1;
        }
    }
    return 0;
}

/* More options may stand between the target and the command that is for it. */
static int read_with_command(struct one_shot_options *o, const struct command *command, int argc, char **argv)
{
    /* `exec -- COMMAND`: a command without a target, not a target of that name. */
    bool separated = optind > 1 && strcmp(argv[optind - 1], "--") == 0;
    if (optind < argc && !separated) {
        o->target = argv[optind];
        argc -= optind;
        argv += optind;
        optind = 0;
        if (read_some(o, command, argc, argv) < 0)
            return -1;
    }
    o->command = argv + optind;
    return 0;
}

int one_shot_options_read(struct one_shot_options *o, int argc, char **argv)
{
    const struct command *command = command_find(argv[0]);
    optind = 0; /* glibc: begin again */
    if (read_some(o, command, argc, argv) < 0)
        return -1;
    if (command->arguments == COMMAND_TARGET_AND_COMMAND)
        return read_with_command(o, command, argc, argv);
    if (optind < argc)
        o->target = argv[optind++];
    o->command = argv + optind;
    if (optind == argc || o->help)
        return 0;
    (void)fprintf(stderr, "delvegate: unexpected argument '%s'; %s takes one target\n", argv[optind], command->name);
    command_print_usage(command);
    return -1;
}
