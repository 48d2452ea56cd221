/* What the files of the blame share: arguments of launch.json that go takes for packages (blame.c), values that go
 * refuses and where they are set (blame_values.c). */
#ifndef DELVE_BLAME_PARTS_H
#define DELVE_BLAME_PARTS_H

#include "delve/blame.h"

/* Whether go complains about the value of a variable or of a build flag. As delve_blame. */
bool blame_value(const struct delve_blame_of *of, const char *output, struct buf *out);

#endif
