/* What the go command complains about and launch.json, the configuration or the environment has said: then that is the
 * cause, whatever else the words look like. No I/O. */
#ifndef DELVE_BLAME_H
#define DELVE_BLAME_H

#include <stdbool.h>

#include "dap/must_use.h"
#include "dap/buf.h"
#include "delve/check.h"
#include "delve/plan.h"

/* What is known of a build that failed. */
struct delve_blame_of {
    const struct delve_plan *plan;
    const struct delve_facts *facts;   /* as delve_diagnose_build_with has them; NULL: none */
    const struct delve_facts *machine; /* as check.h has them, for the target's go.env; NULL: none */
};

/* Whether the build's output (NULL: none) complains about a word that comes from the launch arguments, the target's
   flags, GOFLAGS or a variable, or about a file that they alone name. Then appends what is wrong, where that is set and
   what to correct, in one or two sentences; out NULL: only looks. No remedy can mend it. */
bool delve_blame(const struct delve_blame_of *of, const char *output, struct buf *out) MUST_USE;

#endif
