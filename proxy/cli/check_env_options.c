#include <getopt.h>
#include <stdio.h>

#include "proxy/cli/check_env.h"
#include "proxy/cli/command_line.h"

int check_env_options_read(struct check_env_options *o, int argc, char **argv)
{
    const struct command *command = command_find("check-env");
    optind = 0; /* glibc: begin anew */
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
    if (optind < argc)
        o->target = argv[optind++];
    if (optind < argc && !o->help) {
        (void)fprintf(stderr, "delvegate: unexpected argument '%s'; check-env takes one target\n", argv[optind]);
        command_print_usage(command);
        return -1;
    }
    return 0;
}
