#include "config/walk.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config/problems.h"
#include "config/suggest.h"
#include "config/value.h"

static void read_members(struct walk *w, const struct config_option *members, const struct config_json *object,
                         const struct config_json *at, void *base, bool defaults);

static void add(struct walk *w, struct config_problems *to, int line, int column, struct buf *text)
{
    bool failed = text->failed;
    if (failed || config_problems_add(to, line, column, buf_take(text)) < 0)
        w->no_memory = true;
    buf_free(text);
}

static void begin(struct walk *w, struct buf *text)
{
    buf_init(text, CONFIG_PROBLEM_MAX);
    if (w->path.len)
        buf_printf(text, "%s: ", w->path.data);
}

void walk_add_problem(struct walk *w, int line, int column, const char *fmt, ...)
{
    struct buf text;
    char *message = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&message, fmt, ap);
    va_end(ap);
    if (n < 0) {
        w->no_memory = true;
        return;
    }
    begin(w, &text);
    buf_puts(&text, message);
    free(message);
    add(w, w->problems, line, column, &text);
}

bool walk_is_doubled(struct walk *w, const struct config_json *child)
{
    if (child->first_line)
        walk_add_problem(w, child->key_line, child->key_column, "given twice, first on line %d; remove one",
                         child->first_line);
    return child->first_line != 0;
}

size_t walk_enter(struct walk *w, const char *key)
{
    size_t before = w->path.len;
    const char *c = key;
    if (before)
        buf_puts(&w->path, ".");
    while (isalnum((unsigned char)*c) || (*c && strchr("_-$", *c)))
        c++;
    if (*c || c == key || c - key > CONFIG_QUOTE_MAX)
        config_quote(&w->path, key);
    else
        buf_puts(&w->path, key);
    return before;
}

size_t walk_enter_item(struct walk *w, size_t index)
{
    size_t before = w->path.len;
    buf_printf(&w->path, "[%zu]", index);
    return before;
}

void walk_leave(struct walk *w, size_t before)
{
    if (w->path.failed)
        w->no_memory = true;
    w->path.len = before;
    if (w->path.data)
        w->path.data[before] = '\0';
}

/* Looks for a name anywhere in the table; appends the way to it. */
static bool find_elsewhere(const struct config_option *members, const char *name, struct buf *option_path)
{
    for (const struct config_option *option = members; option->name; option++) {
        size_t before = option_path->len;
        buf_printf(option_path, "%s%s", before ? "." : "", option->name);
        if (config_distance(option->name, name) == 0)
            return true;
        if (option->type == CONFIG_TARGETS)
            buf_puts(option_path, ".NAME");
        else if (option->type == CONFIG_PATHS || option->type == CONFIG_STEPS)
            buf_puts(option_path, "[]");
        if (option->members && find_elsewhere(option->members, name, option_path))
            return true;
        option_path->len = before;
        option_path->data[before] = '\0';
    }
    return false;
}

/* The same, what is below this object first. */
static bool find_path_of(const struct walk *w, const struct config_option *members, const char *name,
                         struct buf *option_path)
{
    if (w->path.len)
        buf_puts(option_path, w->path.data);
    if (find_elsewhere(members, name, option_path))
        return true;
    buf_clear(option_path);
    return find_elsewhere(config_options, name, option_path);
}

static void unknown_option(struct walk *w, const struct config_option *members, const struct config_json *child)
{
    struct buf text, option_path;
    const char *best = NULL;
    size_t best_distance = CONFIG_SUGGEST_MAX;
    for (const struct config_option *option = members; option->name; option++) {
        size_t distance = config_distance(child->key, option->name);
        if (distance < best_distance && config_is_near(child->key, option->name, distance)) {
            best = option->name;
            best_distance = distance;
        }
    }
    begin(w, &text);
    buf_init(&option_path, CONFIG_PROBLEM_MAX);
    buf_puts(&text, "unknown option ");
    config_quote(&text, child->key);
    if (best) {
        buf_printf(&text, "; did you mean \"%s\"?", best);
    } else if (find_path_of(w, members, child->key, &option_path)) {
        buf_printf(&text, "; it must be written as %s", option_path.data);
    } else {
        for (const struct config_option *option = members; option->name; option++)
            buf_printf(&text, "%s%s", option == members ? "; the options here are " : ", ", option->name);
    }
    w->no_memory |= option_path.failed;
    buf_free(&option_path);
    add(w, w->problems, child->key_line, child->key_column, &text);
}

static void read_scalar(struct walk *w, const struct config_option *option, const struct config_json *node, void *base)
{
    struct buf why, note, noted;
    begin(w, &why);
    begin(w, &noted);
    buf_init(&note, CONFIG_PROBLEM_MAX);
    switch (config_value_read(option, node, base, &why, &note)) {
    case CONFIG_READ_OK:
        break;
    case CONFIG_READ_WRONG:
        add(w, w->problems, node->line, node->column, &why);
        break;
    case CONFIG_READ_NO_MEMORY:
        w->no_memory = true;
        break;
    }
    if (note.len > 0) {
        buf_puts(&noted, note.data);
        add(w, w->notes, node->line, node->column, &noted);
    }
    w->no_memory |= note.failed;
    buf_free(&why);
    buf_free(&note);
    buf_free(&noted);
}

void walk_wrong_type(struct walk *w, const struct config_option *option, const char *expected,
                     const struct config_json *node)
{
    struct buf why;
    begin(w, &why);
    if (expected)
        config_wrong_type(&why, expected, node);
    else
        config_wrong_value(&why, option, node);
    add(w, w->problems, node->line, node->column, &why);
}

/* The JSON type that the value of a collection must have; of others: that of a scalar. */
static enum config_json_kind kind_of(const struct config_option *option)
{
    switch (option->type) {
    case CONFIG_OBJECT:
    case CONFIG_TARGETS:
    case CONFIG_ENV:
        return CONFIG_JSON_OBJECT;
    case CONFIG_PATHS:
    case CONFIG_FLAGS:
    case CONFIG_ADDRESSES:
    case CONFIG_STEPS:
    case CONFIG_ARGV:
        return CONFIG_JSON_LIST;
    default:
        return CONFIG_JSON_SCALAR;
    }
}

void walk_option(struct walk *w, const struct config_option *option, const struct config_json *node, void *base)
{
    void *field = (char *)base + option->offset;
    enum config_json_kind kind = kind_of(option);
    if (kind != CONFIG_JSON_SCALAR && node->kind != kind) {
        walk_wrong_type(w, option, NULL, node);
        return;
    }
    switch (option->type) {
    case CONFIG_OBJECT:
        read_members(w, option->members, node, node, field, !option->inherits);
        return;
    case CONFIG_TARGETS:
        walk_targets(w, option, node, base);
        return;
    case CONFIG_PATHS:
        walk_paths(w, option, node, field);
        return;
    case CONFIG_ENV:
        walk_env(w, option, node, base);
        return;
    case CONFIG_FLAGS:
        walk_flags(w, option, node, field);
        return;
    case CONFIG_ADDRESSES:
        walk_addresses(w, option, node, field);
        return;
    case CONFIG_STEPS:
        walk_steps(w, option, node, field);
        return;
    case CONFIG_COMMAND:
        walk_command(w, option, node);
        return;
    case CONFIG_ARGV:
        walk_argv(w, option, node, field);
        return;
    default:
        read_scalar(w, option, node, base);
    }
}

/* What an option that is not in the file amounts to. */
static void absent_option(struct walk *w, const struct config_option *option, const struct config_json *at, void *base)
{
    struct config_problem problem = {0};
    if (option->type == CONFIG_OBJECT) {
        if (!option->inherits)
            walk_object(w, option->members, NULL, at, (char *)base + option->offset);
    } else if (option->required && at) {
        walk_add_problem(w, at->line, at->column, "\"%s\" is missing", option->name);
    } else if (option->value) {
        struct config_json *node = config_json_read(option->value, strlen(option->value), &problem);
        if (node)
            walk_option(w, option, node, base);
        else
            w->no_memory = true;
        free(problem.text);
        config_json_free(node);
    }
}

/* Complains of names that are no member's, or are given twice. */
static void check_names(struct walk *w, const struct config_option *members, const struct config_json *object)
{
    for (const struct config_json *child = object ? object->child : NULL; child; child = child->next) {
        if (!config_option_find(members, child->key)) {
            unknown_option(w, members, child);
            continue;
        }
        size_t before = walk_enter(w, child->key);
        walk_is_doubled(w, child);
        walk_leave(w, before);
    }
}

/* Complains when an object has none, or more than one, of the members of which it needs one. */
static void check_alternatives(struct walk *w, const struct config_option *members, const struct config_json *object)
{
    const struct config_option *given = NULL;
    struct buf names;
    bool any = false;
    if (!object)
        return;
    buf_init(&names, CONFIG_PROBLEM_MAX);
    for (const struct config_option *option = members; option->name; option++) {
        const struct config_json *child = config_json_member(object, option->name);
        if (!option->alternative)
            continue;
        buf_printf(&names, "%s\"%s\"", names.len ? " or " : "", option->name);
        any = any || child;
        if (child && given)
            walk_add_problem(w, child->key_line, child->key_column,
                             "\"%s\" and \"%s\" are mutually exclusive; remove one", given->name, option->name);
        if (child)
            given = option;
    }
    if (names.failed)
        w->no_memory = true;
    else if (names.len && !any)
        walk_add_problem(w, object->line, object->column, "%s is missing", names.data);
    buf_free(&names);
}

/* Complains of members that exclude each other, and of those that mean nothing without another. */
static void check_company(struct walk *w, const struct config_option *members, const struct config_json *object)
{
    for (const struct config_option *option = members; object && option->name; option++) {
        const struct config_json *child = config_json_member(object, option->name);
        if (child && option->excludes && config_json_member(object, option->excludes))
            walk_add_problem(w, child->key_line, child->key_column,
                             "\"%s\" and \"%s\" are mutually exclusive; remove one", option->excludes, option->name);
        if (child && option->needs && !config_json_member(object, option->needs))
            walk_add_problem(w, child->key_line, child->key_column,
                             "\"%s\" is allowed only together with \"%s\"; add that or remove this", option->name,
                             option->needs);
    }
}

/* In the table's order, so that what one takes over from another is there already: problems are sorted later. */
static void read_members(struct walk *w, const struct config_option *members, const struct config_json *object,
                         const struct config_json *at, void *base, bool defaults)
{
    check_names(w, members, object);
    check_alternatives(w, members, object);
    check_company(w, members, object);
    for (const struct config_option *option = members; option->name; option++) {
        const struct config_json *child = config_json_member(object, option->name);
        size_t before = walk_enter(w, option->name);
        if (child)
            walk_option(w, option, child, base);
        walk_leave(w, before);
        if (!child && defaults)
            absent_option(w, option, at, base);
    }
}

void walk_object(struct walk *w, const struct config_option *members, const struct config_json *object,
                 const struct config_json *at, void *base)
{
    read_members(w, members, object, at, base, true);
}
