/* Which directory of the Go machine `check-env` looks at. */
#ifndef PROXY_CLI_CHECK_ENV_DIR_H
#define PROXY_CLI_CHECK_ENV_DIR_H

#include "config/config.h"
#include "dap/err.h"

struct check_env_dir {
    char *given; /* --cwd, or the current directory; NULL: that can't be determined */
    char *path;  /* the same on the Go machine; NULL: nowhere */
    bool is_mapped;
};

/* Finds where the target has the directory, or, cwd being NULL, the current one: where its paths map it; without any
 * rule for places, and for this machine, under its own name. *why is what is wrong when path is NULL afterwards.
 * Returns 0, -1 for a --cwd that can be no directory there. The caller frees with check_env_dir_free in any case. */
int check_env_dir_find(struct check_env_dir *d, const struct config_target *t, const char *cwd, struct err *why);
void check_env_dir_free(struct check_env_dir *d);

/* Sets *why: the directory can't be used on the Go machine. reason is the system's text there. */
void check_env_dir_explain(const struct check_env_dir *d, const struct config_target *t, const char *reason,
                           struct err *why);

#endif
