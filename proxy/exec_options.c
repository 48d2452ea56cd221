#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "proxy/exec.h"

const char exec_usage[] =
    "usage: delvegate exec [--config FILE] [--cwd DIR] TARGET -- COMMAND [ARGUMENT...]\n"
    "\n"
    "Runs a command on the target's Go machine in the environment that Delve gets there, and exits as it does.\n"
    "  --cwd DIR      an absolute path there, or one of this machine that the target's paths map; home without it\n"
    "  --config FILE  as for delvegate\n";

/* Options up to the first word that is none, or behind `--`. Returns -1 for a wrong one. */
static int read_some(struct exec_options *o, int argc, char **argv)
{
    enum { CONFIG = 'c', HELP = 'h', CWD = 'C' };
    static const struct option options[] = {
        {"config", required_argument, NULL, CONFIG},
        {"cwd", required_argument, NULL, CWD},
        {"help", no_argument, NULL, HELP},
        {NULL, 0, NULL, 0},
    };
    for (int c; (c = getopt_long(argc, argv, "+c:h", options, NULL)) != -1;) {
        switch (c) {
        case CONFIG:
            o->config = optarg;
            break;
        case CWD:
            o->cwd = optarg;
            break;
        case HELP:
            o->help = true;
            break;
        default:
            (void)fputs(exec_usage, stderr);
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
