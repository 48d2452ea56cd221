#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/json.h"
#include "config/options.h"
#include "config/problems.h"
#include "config/value.h"
#include "config/walk.h"

enum { PORTS = 65536, NAMES_MAX = 32 * 1024 /* bytes of all targets' names */ };

struct config *config_ref(struct config *c)
{
    c->references++;
    return c;
}

void config_listen_text(char text[static CONFIG_LISTEN_MAX], const char *host, int port)
{
    (void)snprintf(text, CONFIG_LISTEN_MAX, strchr(host, ':') ? "[%s]:%d" : "%s:%d", host, port);
}

const struct config_target *config_target_find(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->target_count; i++)
        if (strcmp(c->targets[i].name, name) == 0)
            return &c->targets[i];
    return NULL;
}

char *config_target_names(const struct config *c)
{
    struct buf names;
    buf_init(&names, NAMES_MAX);
    for (size_t i = 0; i < c->target_count; i++)
        buf_printf(&names, "%s%s", i ? ", " : "", c->targets[i].name);
    char *list = buf_take(&names);
    buf_free(&names);
    return list;
}

bool config_target_is_local(const struct config_target *t)
{
    return !t->ssh && !t->command;
}

const char *config_target_machine(const struct config_target *t)
{
    return t->ssh ? t->ssh : t->command ? t->command[0] : "this machine";
}

static void target_free(struct config_target *target)
{
    free(target->name);
    free(target->listen_host);
    for (char **peer = target->allow_peer; peer && *peer; peer++)
        free(*peer);
    free(target->allow_peer);
    free(target->ssh);
    for (char **word = target->command; word && *word; word++)
        free(*word);
    free(target->command);
    config_paths_free(&target->paths);
    free(target->gocache);
    free(target->gomodcache);
    free(target->go_path);
    for (size_t i = 0; i < target->go_env_count; i++) {
        free(target->go_env[i].name);
        free(target->go_env[i].value);
    }
    free(target->go_env);
    free(target->delve_path);
    free(target->delve_log_output);
    for (char **flag = target->delve_flags; flag && *flag; flag++)
        free(*flag);
    free(target->delve_flags);
    json_decref(target->prelaunch);
}

void config_unref(struct config *c)
{
    if (!c || --c->references > 0)
        return;
    for (size_t i = 0; i < c->target_count; i++)
        target_free(&c->targets[i]);
    free(c->targets);
    config_problems_free(&c->notes);
    free(c);
}

/* Complains where a target's port is written: at its listen, or, when the default holds, at its name. */
static void complain_port(struct walk *w, const struct config_json *target, const struct config_target *second,
                          const struct config_target *first)
{
    const struct config_json *listen = config_json_member(target, "listen");
    struct buf name;
    buf_init(&name, CONFIG_PROBLEM_MAX);
    config_quote(&name, first->name);
    size_t before = walk_enter(w, "targets");
    walk_enter(w, second->name);
    walk_enter(w, "listen");
    if (name.failed)
        w->no_memory = true;
    else
        walk_add_problem(w, listen ? listen->line : target->key_line, listen ? listen->column : target->key_column,
                         "%sport %d is already the port of target %s; give one of them another port",
                         listen ? "" : "the default ", second->listen_port, name.data);
    walk_leave(w, before);
    buf_free(&name);
}

/* An editor knows a target by its port alone, so the same port on two loopback addresses counts as the same. */
static void check_ports(struct walk *w, const struct config *c, const struct config_json *root)
{
    const struct config_json *targets = config_json_member(root, "targets");
    const struct config_target **by_port = calloc(PORTS, sizeof(*by_port));
    if (!by_port) {
        w->no_memory = true;
        return;
    }
    for (size_t i = 0; targets && i < c->target_count; i++) {
        const struct config_target *target = &c->targets[i];
        const struct config_json *node = config_json_member(targets, target->name);
        /* 0 is a port that is wrong, or a target given twice: complained of already. */
        if (target->listen_port == 0)
            continue;
        if (by_port[target->listen_port])
            complain_port(w, node, target, by_port[target->listen_port]);
        else
            by_port[target->listen_port] = target;
    }
    free(by_port);
}

/* Whoever reaches the port runs programs as this user; only allowPeer says that somebody else shall reach it. */
static void check_addresses(struct walk *w, const struct config *c, const struct config_json *root)
{
    const struct config_json *targets = config_json_member(root, "targets");
    for (size_t i = 0; targets && i < c->target_count; i++) {
        const struct config_target *target = &c->targets[i];
        const struct config_json *listen = config_json_member(config_json_member(targets, target->name), "listen");
        bool allowed = target->allow_peer && target->allow_peer[0];
        if (!listen || target->listen_port == 0 || allowed || config_address_is_loopback(target->listen_host))
            continue;
        size_t before = walk_enter(w, "targets");
        walk_enter(w, target->name);
        walk_enter(w, "listen");
        walk_add_problem(w, listen->line, listen->column,
                         "\"%s\" is not a loopback address; use 4711, \"127.0.0.1:4711\" or \"[::1]:4711\", or list in "
                         "allowPeer the addresses from which anyone may connect",
                         config_json_string(listen)); /* short and printable: it has been read as an address */
        walk_leave(w, before);
    }
}

static void read_root(struct walk *w, const struct config_json *root, struct config *c)
{
    if (root->kind != CONFIG_JSON_OBJECT) {
        walk_add_problem(w, root->line, root->column, "expected an object: { \"targets\": ... }");
        return;
    }
    walk_object(w, config_options, root, root, c);
    if (w->no_memory)
        return;
    check_ports(w, c, root);
    check_addresses(w, c, root);
}

struct config *config_parse(const char *text, size_t len, struct config_problems *problems)
{
    static const char no_file[] = "{}";
    struct config_problem syntax = {0};
    *problems = (struct config_problems){0};
    struct config *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->references = 1;
    struct walk w = {.problems = problems, .notes = &c->notes};
    buf_init(&w.path, CONFIG_PROBLEM_MAX);
    struct config_json *root = config_json_read(text ? text : no_file, text ? len : sizeof(no_file) - 1, &syntax);
    if (root)
        read_root(&w, root, c);
    else if (!syntax.text || config_problems_add(problems, syntax.line, syntax.column, syntax.text) < 0)
        w.no_memory = true;
    config_json_free(root);
    buf_free(&w.path);
    if (w.no_memory)
        config_problems_free(problems);
    config_problems_sort(problems);
    config_problems_sort(&c->notes);
    if (!w.no_memory && problems->count == 0)
        return c;
    config_unref(c);
    return NULL;
}
