#include <stdio.h>
#include <string.h>

#include "delve/strings.h"
#include "proxy/machine/keeper_private.h"

/* A remedy's name on the wire, as proxy/supervisor/remedy.h has it. DELVE_REMEDY_RETRY is no run. */
static const char *const remedy_names[DELVE_REMEDY_COUNT] = {
    [DELVE_REMEDY_DOWNLOAD] = "download",   [DELVE_REMEDY_TIDY] = "tidy",
    [DELVE_REMEDY_MOD_MOD] = "mod-mod",     [DELVE_REMEDY_MOD_READONLY] = "mod-readonly",
    [DELVE_REMEDY_COPIES] = "copies",       [DELVE_REMEDY_WORK] = "work",
    [DELVE_REMEDY_WORK_OFF] = "work-off",   [DELVE_REMEDY_PURGE] = "purge",
    [DELVE_REMEDY_TOOLCHAIN] = "toolchain", [DELVE_REMEDY_GOCACHE] = "gocache",
    [DELVE_REMEDY_MODCACHE] = "modcache",   [DELVE_REMEDY_CLEAN_MODCACHE] = "clean-modcache",
};

void keeper_put_session(const struct keeper *k, struct buf *out)
{
    const struct config_target *t = k->target;
    size_t begin = order_open(out, ORDER_SESSION);
    order_put_number(out, ORDER_LEASE, t->lease_seconds);
    order_put_number(out, ORDER_OUTAGE_OUTPUT, t->outage_output);
    order_put(out, ORDER_LOCAL, k->link->machine->is_local ? "" : NULL);
    order_put(out, ORDER_GOCACHE, t->gocache);
    order_put(out, ORDER_GOMODCACHE, t->gomodcache);
    order_put(out, ORDER_GO, t->go_path);
    order_put(out, ORDER_DLV, t->delve_path);
    order_put(out, ORDER_NO_DELVE, k->needs_delve ? NULL : "");
    order_put(out, ORDER_EXAMINE, k->examined);
    order_put(out, ORDER_ALONE, k->alone ? "" : NULL);
    for (size_t i = 0; i < t->go_env_count; i++)
        order_put_pair(out, ORDER_GOENV, t->go_env[i].name, t->go_env[i].value);
    order_close(out, begin);
}

/* A file of the run: RUN/NUMBER/NAME. */
static void run_path(const struct keeper *k, struct buf *path, const char *name)
{
    buf_init(path, ORDER_RECORD_MAX);
    buf_printf(path, "%s/%ld/%s", link_dir(k->link), k->number, name);
}

/* What remedies of this launch have put there: RUN/mended-LAUNCH/NAME. */
static void override_path(const struct keeper *k, const struct delve_overrides *overrides, struct buf *path,
                          const char *name)
{
    buf_init(path, ORDER_RECORD_MAX);
    buf_printf(path, "%s/mended-%d%s%s", link_dir(k->link), overrides ? overrides->launch : 0, *name ? "/" : "", name);
}

static void dlv_args(const struct keeper *k, const struct keeper_run *run, struct buf *out)
{
    const struct delve_plan *plan = run->plan;
    const struct delve_overrides *overrides = run->overrides;
    struct delve_strings argv = {0};
    struct buf binary, log, program_out, program_err, modfile;
    run_path(k, &binary, plan->mode == DELVE_TEST ? "debug.test" : "__debug_bin");
    run_path(k, &log, "log");
    run_path(k, &program_out, "out");
    run_path(k, &program_err, "err");
    override_path(k, overrides, &modfile, "go.mod");
    struct delve_run_paths paths = {.output = binary.data, .log = log.data};
    if (plan->mode != DELVE_ATTACH) {
        paths.out = program_out.data;
        paths.err = program_err.data;
    }
    if (overrides && overrides->mod_files)
        paths.modfile = modfile.data;
    if (overrides && (overrides->mod_mod || overrides->mod_readonly))
        paths.mod = overrides->mod_mod ? "mod" : "readonly";
    if (binary.failed || log.failed || program_out.failed || program_err.failed || modfile.failed ||
        delve_plan_argv(plan, &paths, k->target->delve_log_output, &argv) < 0)
        out->failed = true;
    order_put(out, ORDER_WHAT, "dlv");
    for (size_t i = 0; i < argv.count; i++)
        order_put(out, ORDER_ARG, argv.list[i]);
    if (plan->mode == DELVE_ATTACH) {
        order_put(out, ORDER_ATTACH, "");
        order_put_number(out, ORDER_PID, plan->pid);
    }
    order_put(out, ORDER_NEED, plan->program && plan->program[0] == '/' ? plan->program : NULL);
    order_put(out, ORDER_NEEDDIR, plan->cwd);
    delve_strings_free(&argv);
    buf_free(&binary);
    buf_free(&log);
    buf_free(&program_out);
    buf_free(&program_err);
    buf_free(&modfile);
}

/* The build flags of launch.json, word by word: what a remedy tries is what Delve will build. */
static void flag_args(const struct delve_plan *plan, struct buf *out)
{
    static const char name[] = "--build-flags=";
    struct delve_strings args = {0};
    for (size_t i = 0; i < plan->flags.count; i++)
        if (strncmp(plan->flags.list[i], name, sizeof name - 1) == 0 &&
            delve_args_split(&args, plan->flags.list[i] + sizeof name - 1, "'") < 0)
            out->failed = true;
    if (plan->mode == DELVE_TEST)
        order_put(out, ORDER_ARG, "test");
    for (size_t i = 0; i < args.count; i++)
        order_put(out, ORDER_ARG, args.list[i]);
    delve_strings_free(&args);
}

static void remedy_args(const struct keeper *k, const struct keeper_run *run, struct buf *out)
{
    struct buf dir;
    const char *name = remedy_names[run->remedy];
    override_path(k, run->overrides, &dir, "");
    if (!name || dir.failed) {
        out->failed = true;
    } else {
        order_put(out, ORDER_WHAT, "remedy");
        order_put(out, ORDER_ARG, name);
        order_put(out, ORDER_ARG, dir.data);
        order_put(out, ORDER_ARG, run->edits ? "edit" : "shadow");
        order_put(out, ORDER_ARG, run->module ? run->module : "");
        order_put(out, ORDER_ARG, run->version ? run->version : "");
        order_put(out, ORDER_ARG, run->plan->package ? run->plan->package : "");
        flag_args(run->plan, out);
    }
    buf_free(&dir);
}

static void inspect_args(const struct keeper_run *run, struct buf *out)
{
    order_put(out, ORDER_WHAT, "inspect");
    order_put(out, ORDER_ARG, run->module ? run->module : "");
    order_put(out, ORDER_ARG, run->version ? run->version : "");
    order_put(out, ORDER_ARG, run->file ? run->file : "");
    flag_args(run->plan, out);
}

static void command_args(const struct keeper_run *run, struct buf *out)
{
    order_put(out, ORDER_WHAT, "command");
    for (size_t i = 0; i < run->command->count; i++)
        order_put(out, ORDER_ARG, run->command->list[i]);
    if (run->streams)
        order_put(out, ORDER_STREAMS, "");
    if (run->input)
        order_put(out, ORDER_STDIN, "");
}

/* A cache that a remedy has made. */
static void cache(const struct keeper *k, const struct delve_overrides *overrides, enum order_key key, const char *name,
                  struct buf *out)
{
    struct buf path;
    override_path(k, overrides, &path, name);
    order_put(out, key, path.failed ? "" : path.data);
    out->failed = out->failed || path.failed;
    buf_free(&path);
}

/* The plan's environment; what remedies have changed comes last, so that it wins. */
static void environment(const struct keeper *k, const struct keeper_run *run, struct buf *out)
{
    const struct delve_plan *plan = run->plan;
    const struct delve_overrides *overrides = run->overrides;
    struct buf path;
    for (size_t i = 0; i < plan->env_count; i++) {
        if (plan->env[i].value)
            order_put_pair(out, ORDER_ENV, plan->env[i].name, plan->env[i].value);
        else
            order_put(out, ORDER_UNSET, plan->env[i].name);
    }
    if (!overrides)
        return;
    if (overrides->work_off) {
        order_put_pair(out, ORDER_ENV, "GOWORK", "off");
    } else if (overrides->work) {
        override_path(k, overrides, &path, "go.work");
        order_put_pair(out, ORDER_ENV, "GOWORK", path.failed ? "" : path.data);
        out->failed = out->failed || path.failed;
        buf_free(&path);
    }
    if (overrides->toolchain)
        order_put_pair(out, ORDER_ENV, "GOTOOLCHAIN", "local");
    if (overrides->gocache)
        cache(k, overrides, ORDER_GOCACHE, "gocache", out);
    if (overrides->modcache)
        cache(k, overrides, ORDER_GOMODCACHE, "modcache", out);
}

void keeper_put_run(const struct keeper *k, const struct keeper_run *run, struct buf *out)
{
    size_t begin = order_open(out, ORDER_RUN);
    order_put_number(out, ORDER_NUMBER, k->number);
    switch (run->kind) {
    case KEEPER_DLV:
        dlv_args(k, run, out);
        break;
    case KEEPER_REMEDY:
        remedy_args(k, run, out);
        break;
    case KEEPER_INSPECT:
        inspect_args(run, out);
        break;
    case KEEPER_ALIVE:
        order_put(out, ORDER_WHAT, "alive");
        order_put_number(out, ORDER_PID, run->plan->pid);
        break;
    case KEEPER_COMMAND:
        command_args(run, out);
        break;
    }
    environment(k, run, out);
    order_put(out, ORDER_CWD, run->plan->build_dir);
    order_close(out, begin);
}
