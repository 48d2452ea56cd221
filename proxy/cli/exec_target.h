/* Which target exec's command is for, and where it runs there. */
#ifndef PROXY_CLI_EXEC_TARGET_H
#define PROXY_CLI_EXEC_TARGET_H

#include "config/config.h"
#include "delve/plan.h"

/* say: for words about what is wrong. name may be NULL: missing. Returns NULL when there is no such target. */
const struct config_target *exec_target_find(const struct config *config, const char *name,
                                             void (*say)(const char *fmt, ...));
/* Where the command runs, on the Go machine: into the plan, whose cwd_from and build_dir are the caller's to free, also
 * after a failure. cwd NULL: home. Returns 0, or -1 after words. */
int exec_target_cwd(const struct config_target *target, const char *cwd, struct delve_plan *plan,
                    void (*say)(const char *fmt, ...));

#endif
