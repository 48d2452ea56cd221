#include "proxy/cli/check_env.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "delve/check.h"
#include "proxy/base/log.h"
#include "proxy/base/timer.h"
#include "proxy/cli/check_env_dir.h"
#include "proxy/machine/keeper.h"
#include "proxy/machine/machine.h"

enum {
    EXIT_WRONG = 2, /* command line or configuration */
    SLOW_MS = 2000  /* from the beginning to a word about what it waits for */
};

struct check_env {
    uv_loop_t loop;
    const struct config_target *target;
    struct check_env_dir dir;
    struct machine *machine;
    struct link *link;
    struct keeper *keeper;
    struct timer *slow;
    bool is_slow;
    char waits_for[ERR_TEXT_MAX]; /* the link's last note */
    bool is_over, failed;
};

static void over(struct check_env *c)
{
    if (!c->is_over) {
        c->is_over = true;
        timer_stop(c->slow);
        uv_stop(&c->loop);
    }
}

/* A line on stdout: it is what was asked for, and a program may read it. */
static void print(struct check_env *c, const char *kind, const char *text)
{
    c->failed = c->failed || strcmp(kind, "error") == 0;
    (void)printf("%s: %s: ", c->target->name, kind);
    for (; *text; text++)
        (void)putchar(*text == '\n' ? ' ' : *text);
    (void)putchar('\n');
}

static void fail(struct check_env *c, const struct err *why)
{
    print(c, "error", why->text);
    over(c);
}

static void fail_memory(struct check_env *c)
{
    print(c, "error", "out of memory");
    over(c);
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

/* What a session runs in comes before what it runs with. */
static void print_dir(struct check_env *c, const struct delve_facts *facts)
{
    struct err why;
    const char *reason = delve_facts_get(facts, "dir.why");
    if (!reason)
        return;
    check_env_dir_explain(&c->dir, c->target, reason, &why);
    print(c, "error", why.text);
}

static void on_facts(void *arg, const struct delve_facts *facts)
{
    struct check_env *c = arg;
    struct delve_findings found = {0};
    const struct delve_check check = {
        .facts = facts,
        .target = c->target->name,
        .where = c->machine->where,
        .gocache_is_configured = c->target->gocache != NULL,
        .gomodcache_is_configured = c->target->gomodcache != NULL,
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
    over(arg);
}

static void on_failed(void *arg, const struct err *why)
{
    fail(arg, why);
}

static const struct keeper_handler keeper_events = {.facts = on_facts, .ended = on_ended, .failed = on_failed};

/* --- the link --- */

static void on_link_ready(void *arg)
{
    struct check_env *c = arg;
    if (c->keeper)
        return;
    c->keeper = keeper_start(&c->loop, c->link, c->target, "check-env", true, &keeper_events, c);
    if (!c->keeper || keeper_examine(c->keeper, c->dir.path, true) < 0)
        fail_memory(c);
}

static void on_link_lost(void *arg, const struct err *why, bool transient)
{
    struct check_env *c = arg;
    (void)transient;
    c->link = NULL;
    keeper_free(c->keeper, true);
    c->keeper = NULL;
    if (!c->is_over)
        fail(c, why);
}

static void on_link_note(void *arg, const char *text)
{
    struct check_env *c = arg;
    if (c->is_slow)
        (void)fprintf(stderr, "delvegate: %s\n", text);
    else
        (void)snprintf(c->waits_for, sizeof c->waits_for, "%s", text);
}

static const struct link_handler link_events = {.ready = on_link_ready, .note = on_link_note, .lost = on_link_lost};

/* Only who has to wait wants to know for what. */
static void on_slow(void *arg)
{
    struct check_env *c = arg;
    c->is_slow = true;
    if (c->waits_for[0] && !c->keeper)
        (void)fprintf(stderr, "delvegate: %s\n", c->waits_for);
}

/* --- from begin to end --- */

static const struct config_target *find_target(const struct config *config, const char *name)
{
    const struct config_target *found = config_target_find(config, name ? name : "local");
    if (!found && !name && config->target_count == 1)
        found = &config->targets[0];
    if (found)
        return found;
    char *names = config_target_names(config);
    const char *list = names ? names : "(out of memory)";
    if (name)
        (void)fprintf(stderr, "delvegate: no target is called '%s'; the configuration has: %s\n", name, list);
    else
        (void)fprintf(stderr,
                      "delvegate: check-env needs to know which target: delvegate check-env TARGET; the "
                      "configuration has: %s\n",
                      list);
    free(names);
    return NULL;
}

static void clean_up(struct check_env *c)
{
    keeper_free(c->keeper, false);
    if (c->link)
        link_close(c->link);
    machine_release(c->machine);
    timer_free(c->slow);
    machine_forget(&c->loop);
    while (uv_run(&c->loop, UV_RUN_ONCE) != 0)
        continue;
    uv_loop_close(&c->loop);
}

static void run(struct check_env *c)
{
    uv_loop_init(&c->loop);
    c->slow = timer_new(&c->loop, on_slow, c);
    c->machine = machine_of_target(&c->loop, c->target);
    if (c->slow && c->machine)
        c->link = machine_link(c->machine, &link_events, c);
    if (!c->link)
        fail_memory(c);
    if (!c->is_over) {
        timer_start(c->slow, SLOW_MS, 0);
        uv_run(&c->loop, UV_RUN_DEFAULT);
    }
    clean_up(c);
}

/* Returns 0, or -1 after words on stderr. */
static int find_dir(struct check_env *c, const char *cwd)
{
    struct err why;
    if (check_env_dir_find(&c->dir, c->target, cwd, &why) < 0) {
        (void)fprintf(stderr, "delvegate: %s\n", why.text);
        return -1;
    }
    if (!c->dir.path)
        print(c, "error", why.text);
    return 0;
}

int check_env_run(struct config *config, const struct check_env_options *o)
{
    struct check_env c = {.target = find_target(config, o->target)};
    if (!c.target || find_dir(&c, o->cwd) < 0) {
        check_env_dir_free(&c.dir);
        return EXIT_WRONG;
    }
    (void)signal(SIGPIPE, SIG_IGN); /* the connection's */
    log_set_level(config->log_level == CONFIG_LOG_DEBUG ? CONFIG_LOG_DEBUG : CONFIG_LOG_ERROR);
    run(&c);
    check_env_dir_free(&c.dir);
    if (fflush(stdout) == EOF) {
        perror("delvegate: cannot write the findings");
        return EXIT_FAILURE;
    }
    return c.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
