/* exec's stdin on its way to the command's. */
#ifndef PROXY_CLI_EXEC_INPUT_H
#define PROXY_CLI_EXEC_INPUT_H

#include <stdbool.h>

#include "dap/must_use.h"
#include "proxy/machine/keeper.h"

struct exec_input;

/* Whether the descriptor is /dev/null, which the command has there too. */
bool exec_input_is_null(int fd);
/* Reads fd to its end and gives it to the keeper's run, no faster than it is taken there. k is borrowed until
 * exec_input_free. What can't be read is reported on stderr. NULL when memory ran out. */
struct exec_input *exec_input_new(uv_loop_t *loop, int fd, struct keeper *k) MUST_USE;
/* There is room again (keeper_handler.input_drained). NULL is fine. */
void exec_input_resume(struct exec_input *in);
/* NULL is fine. */
void exec_input_free(struct exec_input *in);

#endif
