/* Which messages carry `path` values, and how they are mapped. The one table of it is in paths.c. */
#ifndef DAP_PATHS_H
#define DAP_PATHS_H

#include "dap/must_use.h"
#include "dap/message.h"

enum dap_direction { DAP_TO_DELVE, DAP_TO_CLIENT };

/* Maps one path (NUL-terminated, decoded). Appends the new path to out and returns 1; returns 0 to leave the value as
 * it is, -1 on failure. */
typedef int dap_map_path(void *arg, const char *path, struct buf *out);

/* Whether the table names this message: if not, its payload is never looked into. */
bool dap_paths_carried(const struct dap_message *m, enum dap_direction direction);

/* Adds an edit for each `path` string in the fields that the table names (whatever else the message holds there) and
   map changes. Returns 0, or -1 when memory is exhausted. */
int dap_paths_edit(const struct dap_message *m, enum dap_direction direction, dap_map_path *map, void *arg,
                   struct dap_edits *edits) MUST_USE;

#endif
