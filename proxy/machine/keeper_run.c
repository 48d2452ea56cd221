#include <stdio.h>

#include "proxy/machine/keeper_private.h"

enum { NUMBER_SIZE = 32 };

/* A remedy's name on the wire, as delve/remote_remedy.sh knows it. DELVE_REMEDY_RETRY is no run. */
static const char *const remedy_names[DELVE_REMEDY_COUNT] = {
    [DELVE_REMEDY_DOWNLOAD] = "download", [DELVE_REMEDY_TIDY] = "tidy",
    [DELVE_REMEDY_MOD_MOD] = "mod-mod",   [DELVE_REMEDY_WORK] = "work",
    [DELVE_REMEDY_WORK_OFF] = "work-off", [DELVE_REMEDY_PURGE] = "purge",
    [DELVE_REMEDY_GOCACHE] = "gocache",   [DELVE_REMEDY_CLEAN_MODCACHE] = "clean-modcache",
};

static void param(struct buf *batch, const char *key, const char *value)
{
    (void)supervisor_param(batch, key, value ? value : "");
}

static void param_pair(struct buf *batch, const char *key, const char *name, const char *value)
{
    struct buf pair;
    buf_init(&pair, KEEPER_COMMANDS_MAX);
    if (buf_printf(&pair, "%s=%s", name, value) < 0)
        batch->failed = true;
    else
        param(batch, key, pair.data);
    buf_free(&pair);
}

static void param_number(struct buf *batch, const char *key, long number)
{
    char text[NUMBER_SIZE];
    (void)snprintf(text, sizeof text, "%ld", number);
    param(batch, key, text);
}

static void param_if(struct buf *batch, const char *key, const char *value)
{
    if (value)
        param(batch, key, value);
}

void keeper_session_params(const struct keeper *k, struct buf *batch)
{
    const struct config_target *t = k->target;
    param(batch, "role", k->alone ? "check" : "session");
    param(batch, "transport", k->link->transport->is_local ? "local" : "ssh");
    param(batch, "id", k->id);
    param_number(batch, "lease", t->lease_seconds);
    param_if(batch, "GOCACHE", t->gocache);
    param_if(batch, "GOMODCACHE", t->gomodcache);
    param_if(batch, "go", t->go_path);
    param_if(batch, "dlv", t->delve_path);
    param_if(batch, "nodelve", k->needs_delve ? NULL : "1");
    param_if(batch, "check", k->examined);
    for (size_t i = 0; i < t->go_env_count; i++)
        param_pair(batch, "goenv", t->go_env[i].name, t->go_env[i].value);
    (void)supervisor_command(batch, "begin");
}

/* A file of the run: RUN/NUMBER/NAME. */
static void run_path(const struct keeper *k, struct buf *path, const char *name)
{
    buf_init(path, KEEPER_COMMANDS_MAX);
    (void)buf_printf(path, "%s/%ld/%s", k->dir, k->number, name);
}

/* What remedies of this launch have put there: RUN/mended-LAUNCH/NAME. */
static void mended_path(const struct keeper *k, const struct delve_mended *mended, struct buf *path, const char *name)
{
    buf_init(path, KEEPER_COMMANDS_MAX);
    (void)buf_printf(path, "%s/mended-%d%s%s", k->dir, mended ? mended->launch : 0, *name ? "/" : "", name);
}

static void dlv_args(const struct keeper *k, const struct keeper_run *run, struct buf *batch)
{
    const struct delve_plan *plan = run->plan;
    const struct delve_mended *mended = run->mended;
    struct delve_strings argv = {0};
    struct buf output, log, out, err, modfile;
    run_path(k, &output, plan->mode == DELVE_TEST ? "debug.test" : "__debug_bin");
    run_path(k, &log, "log");
    run_path(k, &out, "out");
    run_path(k, &err, "err");
    mended_path(k, mended, &modfile, "go.mod");
    struct delve_run_paths paths = {.output = output.data, .log = log.data};
    if (plan->mode != DELVE_ATTACH) {
        paths.out = out.data;
        paths.err = err.data;
    }
    if (mended && mended->mod_files)
        paths.modfile = modfile.data;
    paths.mod_mod = mended && mended->mod_mod;
    if (output.failed || log.failed || out.failed || err.failed || modfile.failed ||
        delve_plan_argv(plan, &paths, k->target->delve_log_output, &argv) < 0)
        batch->failed = true;
    for (size_t i = 0; i < argv.count; i++)
        param(batch, "arg", argv.list[i]);
    if (plan->mode == DELVE_ATTACH) {
        param(batch, "attach", "1");
        param_number(batch, "pid", plan->pid);
    }
    param_if(batch, "need", plan->program && plan->program[0] == '/' ? plan->program : NULL);
    param_if(batch, "needdir", plan->cwd);
    delve_strings_free(&argv);
    buf_free(&output);
    buf_free(&log);
    buf_free(&out);
    buf_free(&err);
    buf_free(&modfile);
}

static void remedy_args(const struct keeper *k, const struct keeper_run *run, struct buf *batch)
{
    struct buf dir;
    const char *name = remedy_names[run->remedy];
    mended_path(k, run->mended, &dir, "");
    if (!name || dir.failed) {
        batch->failed = true;
    } else {
        param(batch, "kind", "remedy");
        param(batch, "arg", name);
        param(batch, "arg", dir.data);
        param(batch, "arg", run->edits ? "edit" : "shadow");
        param(batch, "arg", run->module);
        param(batch, "arg", run->version);
        param(batch, "arg", run->plan->package);
    }
    buf_free(&dir);
}

static void command_args(const struct keeper_run *run, struct buf *batch)
{
    param(batch, "kind", "command");
    for (size_t i = 0; i < run->command->count; i++)
        param(batch, "arg", run->command->list[i]);
    if (run->streams)
        param(batch, "streams", "1");
}

/* The plan's environment; what remedies have changed comes last, so that it wins. */
static void environment(const struct keeper *k, const struct keeper_run *run, struct buf *batch)
{
    const struct delve_plan *plan = run->plan;
    const struct delve_mended *mended = run->mended;
    struct buf path;
    for (size_t i = 0; i < plan->env_count; i++) {
        if (plan->env[i].value)
            param_pair(batch, "env", plan->env[i].name, plan->env[i].value);
        else
            param(batch, "unset", plan->env[i].name);
    }
    if (!mended)
        return;
    if (mended->work_off) {
        param_pair(batch, "env", "GOWORK", "off");
    } else if (mended->work) {
        mended_path(k, mended, &path, "go.work");
        param_pair(batch, "env", "GOWORK", path.failed ? "" : path.data);
        batch->failed = batch->failed || path.failed;
        buf_free(&path);
    }
    if (mended->gocache) {
        mended_path(k, mended, &path, "gocache");
        param(batch, "gocache", path.data);
        batch->failed = batch->failed || path.failed;
        buf_free(&path);
    }
}

int keeper_run_params(const struct keeper *k, const struct keeper_run *run, struct buf *batch)
{
    switch (run->kind) {
    case KEEPER_DLV:
        dlv_args(k, run, batch);
        break;
    case KEEPER_REMEDY:
        remedy_args(k, run, batch);
        break;
    case KEEPER_ALIVE:
        param(batch, "kind", "alive");
        param_number(batch, "pid", run->plan->pid);
        break;
    case KEEPER_COMMAND:
        command_args(run, batch);
        break;
    }
    environment(k, run, batch);
    param_if(batch, "cwd", run->plan->build_dir);
    return batch->failed ? -1 : buf_printf(batch, "run %ld\n", k->number);
}
