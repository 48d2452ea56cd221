#include "proxy/cli/check_env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delve/check.h"

struct check_env {
    struct one_shot *shot;
    struct one_shot_dir dir;
    bool failed;
};

/* A line on stdout: it is what was asked for, and a program may read it. */
static void print(struct check_env *c, const char *kind, const char *text)
{
    c->failed = c->failed || strcmp(kind, "error") == 0;
    (void)printf("%s: %s: ", c->shot->target->name, kind);
    for (; *text; text++)
        (void)putchar(*text == '\n' ? ' ' : *text);
    (void)putchar('\n');
}

static void fail_memory(struct check_env *c)
{
    print(c, "error", "out of memory");
    one_shot_stop(c->shot);
}

/* --- what is found --- */

static const char *fact(const struct delve_facts *f, const char *name)
{
    const char *text = delve_facts_get(f, name);
    return text ? text : "?";
}

/* Without the words before the version. */
static const char *version(const struct delve_facts *f, const char *name, const char *label)
{
    const char *text = fact(f, name);
    const char *at = strstr(text, label);
    return at ? at + strlen(label) : text;
}

static void print_well(struct check_env *c, const struct delve_facts *f)
{
    char text[ERR_TEXT_MAX];
    const char *module = delve_facts_get(f, "mod");
    (void)snprintf(text, sizeof text, "%s (%s), Delve %s (%s), GOCACHE %s, GOMODCACHE %s%s%s; Delve may trace",
                   version(f, "goVersion", "go version "), fact(f, "go"), version(f, "dlvVersion", "Version: "),
                   fact(f, "dlv"), fact(f, "GOCACHE"), fact(f, "GOMODCACHE"), module ? ", module " : "",
                   module ? module : "");
    print(c, "ok", text);
}

/* reason: the system's text for why the directory cannot be used on the Go machine. */
static void explain_dir(const struct one_shot_dir *d, const struct config_target *t, const char *reason,
                        struct err *why)
{
    if (config_target_is_local(t))
        err_set(why, "%s: %s; no session can run in it", d->path, reason);
    else if (d->is_mapped && d->rules)
        err_set(why,
                "%s cannot be used on %s: `paths` of target %s (%s) map it to %s: %s; copy the source to that "
                "machine, or correct `paths`",
                d->given, config_target_machine(t), t->name, d->rules, d->path, reason);
    else
        err_set(why,
                "%s cannot be used on %s: %s; copy the source to that machine, or add { \"client\": \"%s\", "
                "\"remote\": ... } to `paths` of target %s",
                d->path, config_target_machine(t), reason, d->path, t->name);
}

/* What a session runs in comes before what it runs with. */
static void print_dir(struct check_env *c, const struct delve_facts *facts)
{
    struct err why;
    const char *reason = delve_facts_get(facts, "dir.why");
    if (!reason)
        return;
    explain_dir(&c->dir, c->shot->target, reason, &why);
    print(c, "error", why.text);
}

static void on_facts(void *arg, const struct delve_facts *facts)
{
    struct check_env *c = arg;
    struct delve_findings found = {0};
    const struct delve_check check = {
        .facts = facts,
        .target = c->shot->target->name,
        .where = c->shot->machine->where,
        .gocache_is_configured = c->shot->target->gocache != NULL,
        .gomodcache_is_configured = c->shot->target->gomodcache != NULL,
        .checks_go_version = true,
        .use = DELVE_USE_ANY,
    };
    print_dir(c, facts);
    if (delve_check(&check, &found) < 0)
        fail_memory(c);
    for (size_t i = 0; i < found.count; i++)
        print(c, found.list[i].severity == DELVE_WARNING ? "warning" : "error", found.list[i].text);
    if (found.count == 0 && !c->failed)
        print_well(c, facts);
    delve_findings_free(&found);
}

static void on_ended(void *arg)
{
    struct check_env *c = arg;
    one_shot_stop(c->shot);
}

static void on_failed(void *arg, const struct err *why)
{
    struct check_env *c = arg;
    print(c, "error", why->text);
    one_shot_stop(c->shot);
}

static const struct keeper_handler keeper_events = {.facts = on_facts, .ended = on_ended, .failed = on_failed};

static void on_begun(void *arg)
{
    struct check_env *c = arg;
    if (keeper_examine(c->shot->keeper, c->dir.path, true) < 0)
        fail_memory(c);
}

/* Returns 0, or -1 after a report on stderr. */
static int find_dir(struct check_env *c, const char *cwd)
{
    struct err why;
    if (cwd && one_shot_dir_find(&c->dir, c->shot->target, cwd, &why) < 0) {
        one_shot_report("%s", why.text);
        return -1;
    }
    if (!cwd && one_shot_dir_current(&c->dir, c->shot->target, &why) < 0)
        print(c, "error", why.text);
    return 0;
}

static int check(struct check_env *c, const char *cwd)
{
    if (find_dir(c, cwd) < 0)
        return ONE_SHOT_WRONG;
    if (one_shot_start(c->shot, c) == 0)
        one_shot_wait(c->shot);
    else
        print(c, "error", "out of memory");
    if (fflush(stdout) == EOF) {
        perror("delvegate: cannot write the findings");
        return EXIT_FAILURE;
    }
    return c->failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run(struct one_shot *s, const struct one_shot_options *o)
{
    struct check_env c = {.shot = s};
    int status = check(&c, o->cwd);
    one_shot_dir_free(&c.dir);
    return status;
}

const struct one_shot_command check_env_command = {
    .name = "check-env",
    .needs_target = "check-env needs to know which target: delvegate check-env TARGET",
    .target_is_optional = true,
    .needs_delve = true,
    .run = run,
    .keeper = &keeper_events,
    .begun = on_begun,
    .failed = on_failed,
};
