/* A JSON text as a tree of jansson's, within bounds: a tree can take a hundred times the memory of its text, and
 * reading it holds up everybody. */
#ifndef DAP_TREE_H
#define DAP_TREE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "dap/must_use.h"
#include "dap/err.h"
#include "dap/message.h"

/* Bounds of what is read. A value is an object, array, string, number, true, false or null. */
enum {
    DAP_ARGUMENTS_BYTES_MAX = 1024 * 1024, /* arguments that delvegate reads itself: launch, attach, initialize ... */
    DAP_ARGUMENTS_VALUES_MAX = 64 * 1024,
    DAP_REQUEST_BYTES_MAX = 4 * 1024 * 1024, /* other requests: what Delve takes (DAP_DELVE_REQUEST_MAX) */
    DAP_REQUEST_VALUES_MAX = 64 * 1024,
    DAP_BODY_BYTES_MAX = 16 * 1024 * 1024, /* what Delve sends */
    DAP_BODY_VALUES_MAX = 256 * 1024,
    DAP_KEPT_BYTES_MAX = 1024 * 1024, /* what of it is kept as long as a session or a target: capabilities, a stop */
    DAP_KEPT_VALUES_MAX = 4096
};

/* Whose text it is: decides the bounds. */
enum dap_tree_of { DAP_TREE_ARGUMENTS, DAP_TREE_REQUEST, DAP_TREE_BODY, DAP_TREE_KEPT };

/* Whether a text is within the bounds; if not, *e says which one it is over. */
bool dap_tree_fits(const char *text, size_t len, enum dap_tree_of of, struct err *e);

/* Reads a text. Returns 0 with *tree (a new reference); 1 with *e when it is over a bound or is refused: what is wrong,
 * in which attribute, at which byte; -1 with *e when memory ran out. *tree is NULL then. NUL characters are refused in
 * DAP_TREE_ARGUMENTS only. */
int dap_tree_read(const char *text, size_t len, enum dap_tree_of of, json_t **tree, struct err *e) MUST_USE;

/* Reads the arguments or body of a message as an object: *tree is a new reference, NULL when there are none, or null.
 * Otherwise as dap_tree_read; anything but an object is refused. */
int dap_tree_payload(const struct dap_message *m, enum dap_tree_of of, json_t **tree, struct err *e) MUST_USE;

#endif
