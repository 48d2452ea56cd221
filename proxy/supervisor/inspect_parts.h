/* Between the files of an inspection: inspect.c (the environment, go), inspect_file.c (a file), inspect_module.c (main
 * modules, the module in question). */
#ifndef PROXY_SUPERVISOR_INSPECT_PARTS_H
#define PROXY_SUPERVISOR_INSPECT_PARTS_H

#include <stdbool.h>

#include "proxy/supervisor/inspect.h"
#include "proxy/supervisor/supervisor.h"

struct inspection {
    int notes;                             /* for worker_say */
    char *const *flags;                    /* build flags of the launch, word by word; NULL: none */
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
    char import[SUPERVISOR_PATH_MAX]; /* the path that a name in the file stands for; name points here then */
};

void inspect_fact(const struct inspection *in, const char *name, const char *text);
/* Writes a path without . and .., a relative one as seen from dir. path: SUPERVISOR_PATH_MAX bytes. Returns -1 when it
 * is too long. */
int inspect_path(char *path, const char *dir, const char *name) MUST_USE;
/* Facts file.state, file.parent, file.owner. */
void inspect_file(const struct inspection *in);
/* Fact import: what the name in question stands for in the file, which is what is in question from then on; or what the
 * file calls the path in question, - where it leaves that to the package. */
void inspect_import(struct inspection *in);
/* Whether a package of this path is called so, in all likelihood: of `undefined: dep.F` no more than `dep` is known. */
bool inspect_is_called(const char *path, const char *name);
/* Facts main, sum.state, work.use, module, module.dir, module.state. */
void inspect_module(const struct inspection *in);

#endif
