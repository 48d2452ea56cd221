#include <getopt.h>
#include <string.h>

#include "proxy/cli/command_line.h"
#include "proxy/cli/exec.h"

/* Options up to the first word that is none, or behind `--`. Returns -1 for a wrong one. */
static int read_some(struct exec_options *o, int argc, char **argv)
{
    for (int code; (code = command_next(command_find("exec"), argc, argv)) != COMMAND_END;) {
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

int exec_options_read(struct exec_options *o, int argc, char **argv)
{
    optind = 0; /* glibc: begin anew */
    if (read_some(o, argc, argv) < 0)
        return -1;
    /* `exec -- COMMAND`: a command without a target, not a target of that name. */
    bool separated = optind > 1 && strcmp(argv[optind - 1], "--") == 0;
    if (optind < argc && !separated) {
        o->target = argv[optind];
        argc -= optind;
        argv += optind;
        optind = 0;
        if (read_some(o, argc, argv) < 0)
            return -1;
    }
    o->command = argv + optind;
    return 0;
}
