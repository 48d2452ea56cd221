/* Steps on the Go machine before a launch: a list out of download, tidy, verify, vendor, cleanTestCache, or commands of
 * the user's. No I/O. */
#ifndef DELVE_PRELAUNCH_H
#define DELVE_PRELAUNCH_H

#include <jansson.h>
#include <stdbool.h>

#include "dap/must_use.h"
#include "dap/err.h"
#include "delve/plan.h"

struct delve_prelaunch_step {
    char *text;                /* as shown: "go mod tidy" */
    struct delve_strings argv; /* argv[0] is looked for in Delve's PATH */
    bool optional;             /* a failure is reported, and the launch continues */
};

struct delve_prelaunch {
    struct delve_prelaunch_step *list;
    size_t count;
};

/* Reads `"tidy"`, `{"step": "tidy", "optional": true}`, `{"command": ["make", "gen"]}` and `{"command": "make gen"}`
 * (run by sh -c) in a list; NULL is an empty one. where names the list in an error: "delvegate.prelaunch". Returns 0,
 * or -1 with *e (which entry, what is allowed). */
int delve_prelaunch_read(struct delve_prelaunch *p, const json_t *list, const char *where, struct err *e) MUST_USE;
void delve_prelaunch_free(struct delve_prelaunch *p);

#endif
