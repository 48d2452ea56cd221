/* The walk over a file along the option table, and what it collects. */
#ifndef CONFIG_WALK_H
#define CONFIG_WALK_H

#include <stdbool.h>

#include "dap/must_use.h"
#include "config/config.h"
#include "config/json.h"
#include "config/options.h"
#include "dap/buf.h"

struct walk {
    struct config_problems *problems;
    struct config_problems *notes;
    struct buf path; /* the option being read: targets.gomachine.go */
    bool no_memory;
};

/* Reads an object's members into base: complains of unknown, doubled and missing ones, fills in defaults. object NULL:
   the option is absent, only the defaults are filled in; at is where a missing member is complained of. */
void walk_object(struct walk *w, const struct config_option *members, const struct config_json *object,
                 const struct config_json *at, void *base);

/* Reads one option's value into its field in base, complaining of what is wrong. */
void walk_option(struct walk *w, const struct config_option *option, const struct config_json *node, void *base);

/* Complains that a value is none of what is expected there: "expected X, found Y". expected NULL: what the option
   takes. */
void walk_wrong_type(struct walk *w, const struct config_option *option, const char *expected,
                     const struct config_json *node);

/* Adds a problem at a position of the file: the path of the option, a colon and the text. */
void walk_add_problem(struct walk *w, int line, int column, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Whether the object has this member before already; complains if so. */
bool walk_is_doubled(struct walk *w, const struct config_json *child);

/* Goes down to a member or an item, and up again to what it returned. */
size_t walk_enter(struct walk *w, const char *key);
size_t walk_enter_item(struct walk *w, size_t index);
void walk_leave(struct walk *w, size_t before);

/* The collections; each reads the node into the field of its option, complaining of what is wrong. */
void walk_targets(struct walk *w, const struct config_option *option, const struct config_json *node,
                  struct config *config);
void walk_paths(struct walk *w, const struct config_option *option, const struct config_json *node,
                struct config_paths *paths);
void walk_env(struct walk *w, const struct config_option *option, const struct config_json *node,
              struct config_target *target);
void walk_flags(struct walk *w, const struct config_option *option, const struct config_json *node, char ***flags);
void walk_addresses(struct walk *w, const struct config_option *option, const struct config_json *node, char ***list);
void walk_steps(struct walk *w, const struct config_option *option, const struct config_json *node, json_t **list);
void walk_argv(struct walk *w, const struct config_option *option, const struct config_json *node, char ***argv);
void walk_command(struct walk *w, const struct config_option *option, const struct config_json *node);

/* What they have in common: complaints of too many entries and of what is no string. */
bool walk_fits(struct walk *w, const struct config_option *option, const struct config_json *node) MUST_USE;
void walk_not_a_string(struct walk *w, const struct config_json *node);

#endif
