/* Any JSON as launch and attach arguments: a plan or an error, and every plan's command line ends in the pins. */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delve/plan.h"

#define CHECK(what)                                                                                                    \
    do {                                                                                                               \
        if (!(what)) {                                                                                                 \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #what);                                   \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { POSITIONAL = 2 }; /* words before the flags: command, package or pid */

static int map_path(void *arg, const char *path, struct buf *out)
{
    (void)arg;
    if (strncmp(path, "/Users/me", strlen("/Users/me")) != 0)
        return 0;
    buf_printf(out, "/home/me%s", path + strlen("/Users/me"));
    return out->failed ? -1 : 1;
}

static void check_argv(const struct delve_plan *plan)
{
    static const char *const pins[] = {"--headless=true", "--api-version=2", "--only-same-user=true",
                                       "--accept-multiclient=true", "--listen=127.0.0.1:0"};
    enum { PINS = sizeof pins / sizeof pins[0] };
    const struct delve_run_paths paths = {.output = "/r/bin", .log = "/r/log", .out = "/r/out", .err = "/r/err"};
    struct delve_strings argv;
    CHECK(delve_plan_argv(plan, &paths, NULL, &argv) == 0);
    size_t end = argv.count - (plan->args.count ? plan->args.count + 1 : 0);
    CHECK(end >= POSITIONAL + PINS);
    CHECK(argv.list[POSITIONAL - 1][0] != '-');
    for (size_t i = POSITIONAL; i < end; i++)
        CHECK(strncmp(argv.list[i], "--", 2) == 0 && strchr(argv.list[i], '='));
    for (size_t i = 0; i < PINS; i++)
        CHECK(strcmp(argv.list[end - PINS + i], pins[i]) == 0);
    CHECK(end == argv.count || strcmp(argv.list[end], "--") == 0);
    delve_strings_free(&argv);
}

static void check_plan(const struct delve_plan *plan)
{
    CHECK(strcmp(json_string_value(json_object_get(plan->attach, "mode")), "remote") == 0);
    CHECK(!json_object_get(plan->attach, "substitutePath"));
    for (size_t i = 0; i < plan->notes.count; i++)
        CHECK(*plan->notes.list[i] && !strchr(plan->notes.list[i], '\n'));
    for (size_t i = 0; i < plan->env_count; i++)
        CHECK(*plan->env[i].name && !strpbrk(plan->env[i].name, "= \n()") && strcmp(plan->env[i].name, "GOCACHE") != 0);
    if (plan->mode == DELVE_ATTACH)
        CHECK(plan->pid > 0);
    else if (plan->mode == DELVE_REMOTE)
        CHECK(plan->port > 0);
    else
        CHECK(plan->package && *plan->package && (!plan->build_dir || *plan->build_dir));
    if (plan->mode != DELVE_REMOTE)
        check_argv(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const flags[] = {"--check-go-version=false", "--build-flags=-v", NULL};
    const struct delve_target target = {.flags = flags, .map_path = map_path};
    json_t *arguments = data ? json_loadb((const char *)data, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
    for (int is_attach = 0; arguments && is_attach < 2; is_attach++) {
        struct err e = {{0}};
        struct delve_plan *plan = delve_plan_new(arguments, is_attach, &target, &e);
        CHECK(plan || *e.text);
        if (plan)
            check_plan(plan);
        delve_plan_free(plan);
    }
    json_decref(arguments);
    return 0;
}
