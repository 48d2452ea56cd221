/* What the go command complains about and launch.json has said: then that is the cause, whatever else the words look
 * like. No I/O. */
#ifndef DELVE_BLAME_H
#define DELVE_BLAME_H

#include <stdbool.h>

#include "dap/buf.h"
#include "delve/plan.h"

/* Whether the build's output (NULL: none) complains about a word that comes from the launch arguments or the target's
   flags, or about a file that they alone name. Then appends what to correct, in one or two sentences; out NULL: only
   looks. No remedy can mend it. */
bool delve_blame(const struct delve_plan *plan, const char *output, struct buf *out);

#endif
