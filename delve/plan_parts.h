/* The parts that delve_plan_new is made of; nothing outside delve/ includes it. */
#ifndef DELVE_PLAN_PARTS_H
#define DELVE_PLAN_PARTS_H

#include "dap/must_use.h"
#include "delve/plan.h"

/* One reading of launch or attach arguments. Functions return 0, or -1 with *e. */
struct plan_reader {
    json_t *arguments; /* borrowed, never changed; jansson iterates over no const object */
    bool is_attach;
    const struct delve_target *target;
    struct delve_plan *plan;
    struct err *e;
};

/* Checks every attribute against the table: its type, whether it is known, whether anything comes of it; copies those
   that Delve's remote attach knows into plan->attach. After it the getters below may rely on the types. */
int plan_attributes(struct plan_reader *r) MUST_USE;

/* Notes where a path comes from, and which rule maps it. */
int plan_source(struct plan_reader *r, struct delve_source *from, const char *attribute, const char *given) MUST_USE;

/* Refuses a NUL character in any string of an attribute, by the name of the element. */
int plan_no_nul(struct plan_reader *r, const char *name, json_t *value) MUST_USE;

/* Looks for `${...}` in the strings of an attribute. It is refused; where it may be the program's own (arguments,
   environment) it is noted, if its name is one of the editor's variables. */
int plan_variables(struct plan_reader *r, const char *name, json_t *value, bool may_be_programs) MUST_USE;

/* Sets the error "NAME[SUBSCRIPT] must be a string", with what to write instead. Returns -1. */
int plan_not_a_string(struct plan_reader *r, const char *name, const char *subscript, const json_t *value) MUST_USE;

/* program, cwd, and what follows from them: package, build_dir. */
int plan_paths(struct plan_reader *r) MUST_USE;

/* Whether the Go extension of VS Code has made up the arguments: it adds attributes and variables that no user wrote.
 */
bool plan_is_from_go_extension(const struct plan_reader *r);

/* env, without what belongs to the client's machine and what sh cannot export. */
int plan_env(struct plan_reader *r) MUST_USE;

/* dlvFlags, delve.flags, backend, buildFlags -> plan->flags. */
int plan_flags(struct plan_reader *r) MUST_USE;

/* The layers of a logOutput -> plan->log_output. origin: whose they are, for the notes. */
int plan_log_layers(struct plan_reader *r, const char *origin, const char *layers) MUST_USE;

/* The value of an attribute, NULL when it is absent, null or empty. */
const char *plan_string(const struct plan_reader *r, const char *name);

/* Appends an array of strings, a string split into arguments, or nothing. */
int plan_args(struct plan_reader *r, const char *name, struct delve_strings *args) MUST_USE;

/* Appends the arguments in a text. Both quotes group, as in a shell: that is how the Go extension splits a string. A
   quote without its end is refused. */
int plan_split(struct plan_reader *r, const char *name, const char *text, struct delve_strings *args) MUST_USE;

/* Adds a note. */
int plan_note(struct plan_reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Sets the error "out of memory". Returns -1. */
int plan_no_memory(struct plan_reader *r);

#endif
