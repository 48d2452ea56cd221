/* The entries of prelaunch: their shape is checked here, what they run is known to the folder that runs them. */
#include "config/walk.h"

static void read_entry(struct walk *w, const struct config_option *option, const struct config_json *item)
{
    struct config_step step = {0};
    if (item->kind == CONFIG_JSON_OBJECT)
        walk_object(w, option->members, item, item, &step);
    else if (config_json_string(item))
        walk_option(w, config_option_find(option->members, "step"), item, &step);
    else
        walk_wrong_type(w, option, "a step such as \"tidy\", or an object with \"step\" or \"command\"", item);
}

void walk_steps(struct walk *w, const struct config_option *option, const struct config_json *node, json_t **list)
{
    size_t index = 0;
    if (!walk_fits(w, option, node))
        return;
    for (const struct config_json *item = node->child; item; item = item->next) {
        size_t before = walk_enter_item(w, index++);
        read_entry(w, option, item);
        walk_leave(w, before);
    }
    *list = config_json_value(node);
    if (!*list)
        w->no_memory = true;
}

void walk_command(struct walk *w, const struct config_option *option, const struct config_json *node)
{
    const char *line = config_json_string(node);
    size_t index = 0;
    if (node->kind != CONFIG_JSON_LIST && !line) {
        walk_wrong_type(w, option, NULL, node);
        return;
    }
    if ((line && !*line) || (!line && !node->child))
        walk_add_problem(w, node->line, node->column,
                         "the command is empty; write a line for sh, or [\"program\", ...]");
    if (line || !walk_fits(w, option, node))
        return;
    for (const struct config_json *item = node->child; item; item = item->next, index++) {
        const char *arg = config_json_string(item);
        size_t before = walk_enter_item(w, index);
        if (!arg)
            walk_not_a_string(w, item);
        else if (index == 0 && !*arg)
            walk_add_problem(w, item->line, item->column, "the program's name is empty");
        walk_leave(w, before);
    }
}
