/* The values at one path in a message's payload. Which paths matter is in the tables of the callers. */
#ifndef DAP_JSON_PATH_H
#define DAP_JSON_PATH_H

#include "dap/must_use.h"
#include "dap/json.h"

enum { DAP_JSON_PATH_STEPS_MAX = 8 };

/* A value at the path: its first token, with its span in the message's text. Returns 0 to go on; anything else ends the
 * walk. */
typedef int dap_json_path_found(void *arg, struct dap_json_token value);

/* Follows steps (keys, and "[]" for each element of an array; DAP_JSON_PATH_STEPS_MAX of them, or fewer and a NULL)
   through the payload of m, and gives what it comes to in the order of the text. Returns 0, what found returned, or -1
   when the payload is no JSON. */
int dap_json_path_walk(const struct dap_message *m, const char *const *steps, dap_json_path_found *found,
                       void *arg) MUST_USE;

#endif
