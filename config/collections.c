#include <stdlib.h>
#include <string.h>

#include "config/problems.h"
#include "config/value.h"
#include "config/walk.h"
#include "delve/flags.h"

static size_t count(const struct config_json *node)
{
    size_t n = 0;
    for (const struct config_json *child = node->child; child; child = child->next)
        n++;
    return n;
}

/* Allocates room for n elements and one more (of zeros). */
static void *allocate(struct walk *w, size_t n, size_t size)
{
    void *list = calloc(n + 1, size);
    if (!list)
        w->no_memory = true;
    return list;
}

static char *copy(struct walk *w, const char *text)
{
    char *s = strdup(text);
    if (!s)
        w->no_memory = true;
    return s;
}

static void read_target(struct walk *w, const struct config_option *option, const struct config_json *child,
                        struct config_target *target)
{
    if (walk_is_doubled(w, child))
        return;
    if (!config_is_target_name(child->key))
        walk_add_problem(w, child->key_line, child->key_column,
                         "not a valid name for a target; use 1 to 64 letters, digits, \".\", \"_\" and \"-\"");
    if (child->kind == CONFIG_JSON_OBJECT)
        walk_object(w, option->members, child, child, target);
    else
        walk_add_problem(w, child->line, child->column,
                         "expected an object with the target's options; {} takes the "
                         "defaults");
}

void walk_targets(struct walk *w, const struct config_option *option, const struct config_json *node,
                  struct config *config)
{
    size_t n = count(node);
    if (n < (size_t)option->min || n > (size_t)option->max) {
        walk_add_problem(w, node->line, node->column, "%zu targets; there must be %ld to %ld", n, option->min,
                         option->max);
        return;
    }
    config->targets = allocate(w, n, sizeof(*config->targets));
    for (const struct config_json *child = node->child; child && config->targets; child = child->next) {
        struct config_target *target = &config->targets[config->target_count++];
        target->name = copy(w, child->key);
        target->recover = config->recover;
        size_t before = walk_enter(w, child->key);
        read_target(w, option, child, target);
        walk_leave(w, before);
    }
}

static void read_path(struct walk *w, const struct config_option *option, const struct config_json *item,
                      struct config_paths *paths)
{
    struct config_path pair = {0};
    if (item->kind != CONFIG_JSON_OBJECT) {
        walk_add_problem(w, item->line, item->column, "expected an object {\"client\": ..., \"remote\": ...}");
        return;
    }
    walk_object(w, option->members, item, item, &pair);
    if (pair.client && pair.remote && config_paths_add(paths, pair.client, pair.remote) < 0)
        w->no_memory = true;
    free(pair.client);
    free(pair.remote);
}

bool walk_fits(struct walk *w, const struct config_option *option, const struct config_json *node)
{
    size_t n = count(node);
    if (n <= (size_t)option->max)
        return true;
    walk_add_problem(w, node->line, node->column, "%zu entries; at most %ld are allowed", n, option->max);
    return false;
}

void walk_paths(struct walk *w, const struct config_option *option, const struct config_json *node,
                struct config_paths *paths)
{
    size_t index = 0;
    if (!walk_fits(w, option, node))
        return;
    for (const struct config_json *item = node->child; item; item = item->next) {
        size_t before = walk_enter_item(w, index++);
        read_path(w, option, item, paths);
        walk_leave(w, before);
    }
}

void walk_not_a_string(struct walk *w, const struct config_json *node)
{
    struct buf why;
    buf_init(&why, CONFIG_PROBLEM_MAX);
    config_wrong_type(&why, "a string", node);
    if (why.failed)
        w->no_memory = true;
    else
        walk_add_problem(w, node->line, node->column, "%s%s", why.data,
                         node->kind == CONFIG_JSON_SCALAR ? "; put it in double quotes" : "");
    buf_free(&why);
}

/* Whether a variable is right; complains if not. */
static bool check_variable(struct walk *w, const struct config_json *child)
{
    const char *option = NULL;
    if (walk_is_doubled(w, child))
        return false;
    if (!config_is_env_name(child->key)) {
        walk_add_problem(w, child->key_line, child->key_column,
                         "not a valid name for an environment variable; use letters, digits and \"_\", no digit first");
        return false;
    }
    if (config_env_is_pinned(child->key, &option)) {
        if (option)
            walk_add_problem(w, child->key_line, child->key_column, "has its own option; set %s instead", option);
        else
            walk_add_problem(w, child->key_line, child->key_column,
                             "delvegate sets it to a directory that is removed when the session ends; leave it out");
        return false;
    }
    if (!config_json_string(child))
        walk_not_a_string(w, child);
    return config_json_string(child) != NULL;
}

void walk_env(struct walk *w, const struct config_option *option, const struct config_json *node,
              struct config_target *target)
{
    if (!walk_fits(w, option, node))
        return;
    target->go_env = allocate(w, count(node), sizeof(*target->go_env));
    for (const struct config_json *child = node->child; child && target->go_env; child = child->next) {
        size_t before = walk_enter(w, child->key);
        if (check_variable(w, child)) {
            struct config_env *variable = &target->go_env[target->go_env_count++];
            variable->name = copy(w, child->key);
            variable->value = copy(w, config_json_string(child));
        }
        walk_leave(w, before);
    }
}

/* Reads the first n arguments as dlv's flags. Returns whether they are some; else *e says why not. */
static bool are_flags(const struct walk *w, const char *const *args, size_t n, struct err *e)
{
    struct delve_strings out = {0}, notes = {0};
    bool right = delve_flags_read(args, n, w->path.data, &out, &notes, e) == 0;
    delve_strings_free(&out);
    delve_strings_free(&notes);
    return right;
}

/* Checks the flag at args[0]. Returns how many arguments it has, its value included. */
static size_t check_flag(struct walk *w, const struct config_json *item, const char *const *args)
{
    struct err alone, with_value;
    size_t n = 0;
    if (are_flags(w, args, 1, &alone))
        n = 1;
    else if (args[1] && are_flags(w, args, 2, &with_value))
        n = 2;
    enum delve_flag_kind kind = delve_flag_kind_of(args[0]);
    const char *value = n == 2 ? args[1] : "";
    if (kind != DELVE_FLAG_USER)
        walk_add_problem(w, item->line, item->column, "\"%s\" is a flag that delvegate %s; remove it", args[0],
                         kind == DELVE_FLAG_PINNED ? "pins" : "sets itself");
    else if (strncmp(value, "--", 2) == 0 && delve_flag_kind_of(value) == DELVE_FLAG_PINNED)
        walk_add_problem(w, item->line, item->column,
                         "\"%s\" would take the pinned flag \"%s\" as its value; give it a value and remove that flag",
                         args[0], value);
    else if (n == 0 && config_problems_add(w->problems, item->line, item->column, copy(w, alone.text)) < 0)
        w->no_memory = true;
    return n ? n : 1;
}

/* Copies the arguments that are valid, NULL for the others, which are reported. */
static void copy_flags(struct walk *w, const struct config_json *node, char **args)
{
    size_t index = 0;
    for (const struct config_json *item = node->child; item; item = item->next, index++) {
        size_t before = walk_enter_item(w, index);
        const char *arg = config_json_string(item);
        if (!arg)
            walk_not_a_string(w, item);
        else if (config_has_control(arg))
            walk_add_problem(w, item->line, item->column, "contains a control character; write the flag without it");
        else
            args[index] = copy(w, arg);
        walk_leave(w, before);
    }
}

static void check_flags(struct walk *w, const struct config_json *node, char **args)
{
    size_t index = 0, end = 0;
    for (const struct config_json *item = node->child; item; item = item->next, index++) {
        size_t before = walk_enter_item(w, index);
        if (args[index] && index >= end)
            end = index + check_flag(w, item, (const char *const *)args + index);
        walk_leave(w, before);
    }
}

void walk_flags(struct walk *w, const struct config_option *option, const struct config_json *node, char ***flags)
{
    size_t n = count(node), kept = 0;
    if (!walk_fits(w, option, node))
        return;
    char **args = allocate(w, n, sizeof(*args));
    if (!args)
        return;
    copy_flags(w, node, args);
    check_flags(w, node, args);
    /* The list ends at its first NULL, so what is kept moves together. */
    for (size_t i = 0; i < n; i++) {
        char *arg = args[i];
        args[i] = NULL;
        if (arg)
            args[kept++] = arg;
    }
    *flags = args;
}

void walk_addresses(struct walk *w, const struct config_option *option, const struct config_json *node, char ***list)
{
    size_t n = 0, index = 0;
    if (!walk_fits(w, option, node))
        return;
    *list = allocate(w, count(node), sizeof(**list));
    for (const struct config_json *item = node->child; item && *list; item = item->next, index++) {
        const char *text = config_json_string(item);
        char address[CONFIG_ADDRESS_SIZE];
        size_t before = walk_enter_item(w, index);
        if (!text)
            walk_not_a_string(w, item);
        else if (!config_address_read(text, address))
            walk_add_problem(w, item->line, item->column,
                             "not an IP address; write one such as \"172.17.0.1\", one entry for each gateway");
        else
            (*list)[n++] = copy(w, address);
        walk_leave(w, before);
    }
}

void walk_argv(struct walk *w, const struct config_option *option, const struct config_json *node, char ***argv)
{
    size_t n = 0;
    if (!walk_fits(w, option, node))
        return;
    if (!node->child)
        walk_add_problem(w, node->line, node->column, "the command is empty; write [\"program\", \"argument\", ...]");
    *argv = allocate(w, count(node), sizeof(**argv));
    for (const struct config_json *item = node->child; item && *argv; item = item->next, n++) {
        const char *arg = config_json_string(item);
        size_t before = walk_enter_item(w, n);
        if (!arg)
            walk_not_a_string(w, item);
        else if (n == 0 && !*arg)
            walk_add_problem(w, item->line, item->column, "the program's name is empty");
        (*argv)[n] = copy(w, arg ? arg : "");
        walk_leave(w, before);
    }
}
