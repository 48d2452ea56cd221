#include <getopt.h>
#include <stdio.h>

#include "proxy/check_env.h"

const char check_env_usage[] =
    "usage: delvegate check-env [--config FILE] [--cwd DIR] [TARGET]\n"
    "\n"
    "Checks the Go environment that a debug session of the target would have, and prints a line for each finding.\n"
    "Without TARGET: the only target of the configuration, or the one called local.\n"
    "Exits with 1 if a session could not work, 0 otherwise, 2 for a wrong command line or configuration.\n"
    "  --cwd DIR      whose go.mod and go.work count: an absolute path there, or one of this machine that the "
    "target's\n"
    "                 paths map; the current directory without it\n"
    "  --config FILE  as for delvegate\n";

int check_env_options_read(struct check_env_options *o, int argc, char **argv)
{
    enum { CONFIG = 'c', HELP = 'h', CWD = 'C' };
    static const struct option options[] = {
        {"config", required_argument, NULL, CONFIG},
        {"cwd", required_argument, NULL, CWD},
        {"help", no_argument, NULL, HELP},
        {NULL, 0, NULL, 0},
    };
    optind = 0; /* glibc: begin anew */
    for (int c; (c = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
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
            (void)fputs(check_env_usage, stderr);
            return -1;
        }
    }
    if (optind < argc)
        o->target = argv[optind++];
    if (optind < argc) {
        (void)fprintf(stderr, "delvegate: unexpected argument '%s'\n%s", argv[optind], check_env_usage);
        return -1;
    }
    return 0;
}
