/* The list of what is wrong with a file, and how values are shown in it. */
#ifndef CONFIG_PROBLEMS_H
#define CONFIG_PROBLEMS_H

#include "dap/must_use.h"
#include "config/config.h"
#include "dap/buf.h"

enum {
    CONFIG_PROBLEM_MAX = 4096, /* bytes of one problem's text */
    CONFIG_QUOTE_MAX = 80      /* bytes of a value that are shown */
};

/* Adds a problem; takes text (from malloc), also on failure. Returns 0, -1 when memory ran out. */
int config_problems_add(struct config_problems *problems, int line, int column, char *text) MUST_USE;

/* Orders by line, then column. */
void config_problems_sort(struct config_problems *problems);

/* Appends s in double quotes, control characters escaped as in JSON, cut after CONFIG_QUOTE_MAX bytes. Fails as
 * buf_append. */
void config_quote(struct buf *out, const char *s);

#endif
