/* Any bytes as a configuration: it is taken or complained of, never both, and what is taken keeps its promises. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "delve/prelaunch.h"

#define CHECK(what)                                                                                                    \
    do {                                                                                                               \
        if (!(what)) {                                                                                                 \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #what);                                   \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { PORT_MAX = 65535, ATTEMPTS_MAX = 20, WINDOW_MAX = 86400, BACKOFF_MAX = 60000, STEPS_MAX = 16 };

static void check_recover(const struct config_recover *r)
{
    CHECK(r->mod_files >= CONFIG_MOD_FILES_SHADOW && r->mod_files <= CONFIG_MOD_FILES_NEVER);
    CHECK(r->while_running == CONFIG_WHILE_RUNNING_TELL || r->while_running == CONFIG_WHILE_RUNNING_ALWAYS);
    CHECK(r->after_crash == CONFIG_AFTER_CRASH_RESTART || r->after_crash == CONFIG_AFTER_CRASH_END);
    CHECK(r->attempts > 0 && r->attempts <= ATTEMPTS_MAX);
    CHECK(r->window_seconds > 0 && r->window_seconds <= WINDOW_MAX);
    CHECK(r->backoff_ms > 0 && r->backoff_ms <= BACKOFF_MAX);
}

/* What the file may say is what can be run. */
static void check_prelaunch(const json_t *list)
{
    struct delve_prelaunch steps;
    struct err e;
    CHECK(delve_prelaunch_read(&steps, list, "prelaunch", &e) == 0);
    CHECK(steps.count == json_array_size(list) && steps.count <= STEPS_MAX);
    for (size_t i = 0; i < steps.count; i++)
        CHECK(*steps.list[i].text && *steps.list[i].argv.list[0]);
    delve_prelaunch_free(&steps);
}

static void check_target(const struct config_target *t)
{
    CHECK(t->name && *t->name);
    CHECK(strncmp(t->listen_host, "127.", 4) == 0 || strcmp(t->listen_host, "::1") == 0);
    CHECK(t->listen_port > 0 && t->listen_port <= PORT_MAX);
    CHECK(!t->ssh || (*t->ssh && *t->ssh != '-'));
    CHECK(!t->gocache || *t->gocache == '/');
    CHECK(!t->gomodcache || *t->gomodcache == '/');
    CHECK(!t->go_path || *t->go_path == '/');
    CHECK(!t->delve_path || *t->delve_path == '/');
    CHECK(strstr(t->delve_log_output, "debugger"));
    CHECK(t->lease_seconds > 0 && t->keep_warm_seconds >= 0);
    check_recover(&t->recover);
    check_prelaunch(t->prelaunch);
    for (size_t i = 0; i < t->go_env_count; i++) {
        CHECK(*t->go_env[i].name && !strchr(t->go_env[i].name, '='));
        CHECK(strcmp(t->go_env[i].name, "GOCACHE") != 0 && strcmp(t->go_env[i].name, "GOMODCACHE") != 0);
    }
    for (char **flag = t->delve_flags; flag && *flag; flag++)
        CHECK(strncmp(*flag, "--listen", strlen("--listen")) != 0 || (flag > t->delve_flags && **(flag - 1) == '-'));
    for (size_t i = 0; i < t->paths.count; i++) {
        CHECK(*t->paths.list[i].remote == '/');
        char *back = config_paths_to_remote(&t->paths, t->paths.list[i].client);
        CHECK(back);
        free(back);
    }
}

static void check_problems(const struct config_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        const struct config_problem *p = &problems->list[i];
        CHECK(p->line > 0 && p->column > 0 && *p->text && !strchr(p->text, '\n'));
        CHECK(i == 0 || p[-1].line <= p->line);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t empty[1];
    struct config_problems problems;
    struct config *c = config_parse((const char *)(data ? data : empty), size, &problems);
    CHECK((c != NULL) == (problems.count == 0));
    check_problems(&problems);
    for (size_t i = 0; c && i < c->target_count; i++) {
        check_target(&c->targets[i]);
        for (size_t k = 0; k < i; k++)
            CHECK(c->targets[k].listen_port != c->targets[i].listen_port);
    }
    config_unref(c);
    config_problems_free(&problems);
    return 0;
}
