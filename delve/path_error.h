/* Explains a directory or file of a plan that is not there, or can't be used, on the Go machine. No I/O. */
#ifndef DELVE_PATH_ERROR_H
#define DELVE_PATH_ERROR_H

#include <stdbool.h>

#include "dap/err.h"
#include "delve/plan.h"

/* What is wrong with a path. */
enum delve_path_error {
    DELVE_PATH_OK,
    DELVE_PATH_MISSING, /* nothing is there */
    DELVE_PATH_NOT_DIR, /* it is no directory */
    DELVE_PATH_DENIED   /* the login user may not enter it, or a directory above it */
};

/* The kind that the supervisor's error line names, DELVE_PATH_OK for every other error. */
enum delve_path_error delve_path_error_of(const char *name);

/* Where the path was looked for. */
struct delve_path_error_at {
    const char *where;  /* the machine, as in "... on HOST" */
    const char *target; /* the target's name in the configuration */
    bool is_local;      /* it is delvegate's own machine */
};

/* Says which attribute named the path, what launch.json has for it and by which rule it was mapped, and what to do.
   Always returns -1, as err_set. */
int delve_path_error_explain(const struct delve_plan *plan, enum delve_path_error kind, const char *path,
                             const struct delve_path_error_at *at, struct err *e);

#endif
