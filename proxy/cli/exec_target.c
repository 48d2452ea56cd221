#include "proxy/cli/exec_target.h"

#include <stdlib.h>
#include <string.h>

enum { RULES_MAX = 4096 };

const struct config_target *exec_target_find(const struct config *config, const char *name,
                                             void (*say)(const char *fmt, ...))
{
    const struct config_target *found = name ? config_target_find(config, name) : NULL;
    char *names = found ? NULL : config_target_names(config);
    if (!found && name)
        say("no target is called '%s'; the configuration has: %s", name, names ? names : "(out of memory)");
    else if (!found)
        say("exec needs a target before the command: delvegate exec TARGET -- COMMAND; the configuration has: %s",
            names ? names : "(out of memory)");
    free(names);
    return found;
}

int exec_target_cwd(const struct config_target *target, const char *cwd, struct delve_plan *plan,
                    void (*say)(const char *fmt, ...))
{
    struct buf rules;
    struct delve_source *from = &plan->cwd_from;
    if (!cwd)
        return 0;
    buf_init(&rules, RULES_MAX);
    from->attribute = "--cwd";
    from->given = strdup(cwd);
    from->is_mapped = config_paths_explain(&target->paths, cwd, &rules) > 0;
    from->rules = rules.len && !rules.failed ? buf_take(&rules) : NULL;
    buf_free(&rules);
    if (!from->given) {
        say("out of memory");
        return -1;
    }
    plan->build_dir = config_paths_to_remote(&target->paths, cwd);
    if (!plan->build_dir)
        plan->build_dir = strdup(cwd);
    if (plan->build_dir && plan->build_dir[0] == '/')
        return 0;
    say("--cwd '%s' is no absolute path on the Go machine, and no `paths` of target %s maps it to one", cwd,
        target->name);
    return -1;
}
