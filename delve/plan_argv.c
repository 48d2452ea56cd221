#include <stdlib.h>
#include <string.h>

#include "delve/strings.h"

static const char *const commands[] = {
    [DELVE_DEBUG] = "debug", [DELVE_TEST] = "test", [DELVE_EXEC] = "exec", [DELVE_ATTACH] = "attach"};

/* Last of all flags, so that they win over every other. */
static const char *const pins[] = {"--headless=true", "--api-version=2", "--only-same-user=true",
                                   "--accept-multiclient=true", "--listen=127.0.0.1:0"};

static int add_all(struct delve_strings *argv, const struct delve_strings *from)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < from->count; i++)
        r = delve_strings_add(argv, from->list[i]);
    return r;
}

/* The plan's flags. Delve takes the last --build-flags only, so what the remedies need goes behind the user's own into
 * one flag. */
static int add_override_flags(const struct delve_plan *plan, const struct delve_run_paths *paths,
                              struct delve_strings *argv)
{
    static const char name[] = "--build-flags=";
    struct delve_strings args = {0};
    int r = 0;
    for (size_t i = 0; r == 0 && i < plan->flags.count; i++) {
        const char *flag = plan->flags.list[i];
        r = strncmp(flag, name, sizeof name - 1) == 0 ? delve_args_split(&args, flag + sizeof name - 1, "'")
                                                      : delve_strings_add(argv, flag);
    }
    if (r == 0 && paths->mod)
        r = delve_strings_printf(&args, "-mod=%s", paths->mod);
    if (r == 0 && paths->modfile)
        r = delve_strings_printf(&args, "-modfile=%s", paths->modfile);
    char *joined = r == 0 ? delve_args_join(&args) : NULL;
    r = joined ? delve_strings_printf(argv, "%s%s", name, joined) : -1;
    free(joined);
    delve_strings_free(&args);
    return r;
}

static int add_flag(struct delve_strings *argv, const char *name, const char *value)
{
    return value ? delve_strings_printf(argv, "%s%s", name, value) : 0;
}

static int add_positional(const struct delve_plan *plan, struct delve_strings *argv)
{
    if (delve_strings_add(argv, commands[plan->mode]) < 0)
        return -1;
    return plan->mode == DELVE_ATTACH ? delve_strings_printf(argv, "%ld", plan->pid)
                                      : delve_strings_add(argv, plan->package);
}

static int build(const struct delve_plan *plan, const struct delve_run_paths *paths, const char *log_output,
                 struct delve_strings *argv)
{
    bool builds = plan->mode == DELVE_DEBUG || plan->mode == DELVE_TEST;
    bool launches = plan->mode != DELVE_ATTACH;
    bool overrides = builds && (paths->modfile || paths->mod);
    if (add_positional(plan, argv) < 0 ||
        (overrides ? add_override_flags(plan, paths, argv) : add_all(argv, &plan->flags)) < 0)
        return -1;
    if (add_flag(argv, "--log=", "true") < 0 ||
        add_flag(argv, "--log-output=", plan->log_output ? plan->log_output : log_output) < 0 ||
        add_flag(argv, "--log-dest=", paths->log) < 0)
        return -1;
    if (add_flag(argv, "--output=", builds ? paths->output : NULL) < 0 ||
        add_flag(argv, "--wd=", launches ? plan->cwd : NULL) < 0 ||
        add_flag(argv, "--redirect=stdout:", launches ? paths->out : NULL) < 0 ||
        add_flag(argv, "--redirect=stderr:", launches ? paths->err : NULL) < 0)
        return -1;
    for (size_t i = 0; i < sizeof pins / sizeof pins[0]; i++)
        if (delve_strings_add(argv, pins[i]) < 0)
            return -1;
    if (!launches || plan->args.count == 0)
        return 0;
    return delve_strings_add(argv, "--") < 0 ? -1 : add_all(argv, &plan->args);
}

int delve_plan_argv(const struct delve_plan *plan, const struct delve_run_paths *paths, const char *log_output,
                    struct delve_strings *argv)
{
    *argv = (struct delve_strings){0};
    if (build(plan, paths, log_output, argv) == 0)
        return 0;
    delve_strings_free(argv);
    return -1;
}
