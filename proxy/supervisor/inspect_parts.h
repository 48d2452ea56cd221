/* Between the files of an inspection: inspect.c (the environment, go), inspect_file.c (a file), inspect_module.c (main
 * modules, the module in question). */
#ifndef PROXY_SUPERVISOR_INSPECT_PARTS_H
#define PROXY_SUPERVISOR_INSPECT_PARTS_H

#include <stdbool.h>

#include "proxy/supervisor/inspect.h"
#include "proxy/supervisor/supervisor.h"

struct inspection {
    int notes;                             /* for worker_say */
    const char *name, *version;            /* of the module or package in question, "" */
    char file[SUPERVISOR_PATH_MAX];        /* in question, absolute; "" */
    char dir[SUPERVISOR_PATH_MAX];         /* of the build */
    char root[SUPERVISOR_PATH_MAX];        /* the main module's directory; "": none */
    char mod[SUPERVISOR_PATH_MAX];         /* the go.mod in use; "": none */
    char work[SUPERVISOR_PATH_MAX];        /* the go.work in use; "": none */
    char modcache[SUPERVISOR_PATH_MAX];    /* GOMODCACHE; "": not known */
    char goenv[SUPERVISOR_PATH_MAX];       /* the file that `go env -w` writes; "": none */
    char from_module[SUPERVISOR_PATH_MAX]; /* of a file in the module cache; name and version point here then */
    char from_version[SUPERVISOR_PATH_MAX];
};

void inspect_fact(const struct inspection *in, const char *name, const char *text);
/* Writes a path without . and .., a relative one as seen from dir. path: SUPERVISOR_PATH_MAX bytes. Returns -1 when it
 * is too long. */
int inspect_path(char *path, const char *dir, const char *name) MUST_USE;
/* Facts file.state, file.parent, file.owner. */
void inspect_file(const struct inspection *in);
/* Facts main, module, module.dir, module.state. */
void inspect_module(const struct inspection *in);

#endif
