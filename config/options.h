/* THE table of options. The parser, the JSON Schema, delvegate.json(5) and the checks are all made from it. */
#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum config_type {
    CONFIG_OBJECT,      /* members */
    CONFIG_TARGETS,     /* name -> object with members */
    CONFIG_PATHS,       /* list of objects with members */
    CONFIG_ENV,         /* environment name -> string */
    CONFIG_FLAGS,       /* list of Delve's flags */
    CONFIG_ADDRESSES,   /* list of IP addresses */
    CONFIG_STEPS,       /* list of names of config_steps or objects with members */
    CONFIG_COMMAND,     /* a line for sh, or a list of arguments; only checked */
    CONFIG_ARGV,        /* a program and its arguments */
    CONFIG_IGNORED,     /* a string that is not kept */
    CONFIG_LISTEN,      /* a port, or an address and a port */
    CONFIG_SSH,         /* an ssh destination */
    CONFIG_GO_PATH,     /* an absolute path on the Go machine */
    CONFIG_CLIENT_PATH, /* an absolute path on the client's machine */
    CONFIG_DURATION,    /* "90s", "10m", "1h"; with `milliseconds` also "250ms" */
    CONFIG_INTEGER,     /* a whole number */
    CONFIG_BOOLEAN,     /* true or false */
    CONFIG_MAYBE,       /* true or false, which differ from its absence; the field is an enum config_maybe */
    CONFIG_CHOICE,      /* one of `names`; the field is an int, the index in the list */
    CONFIG_LAYERS       /* some of config_layers, separated by commas */
};

struct config_option {
    const char *name;
    enum config_type type;
    size_t offset;                       /* of the field in its struct; of an object: of the struct of its members */
    bool required;                       /* its object is wrong without it */
    bool alternative;                    /* of the members that have this, the object needs exactly one */
    const char *excludes;                /* the member that its object must not have beside it */
    const char *needs;                   /* the member that its object must have beside it */
    bool inherits;                       /* an object whose absent members keep what the top level's of this name say */
    bool milliseconds;                   /* min, max and the field count milliseconds, not seconds */
    long min, max;                       /* a number or duration, bytes of a string, entries of a list or object */
    const char *const *names;            /* ended by NULL */
    const char *value;                   /* the default as a file would write it; NULL: none */
    const char *otherwise;               /* without a default: what holds when the option is absent */
    const char *example;                 /* a valid value as a file would write it */
    const char *text;                    /* what it is for, one or more sentences */
    const struct config_option *members; /* ended by one without a name */
};

/* The top level of the file, ended by an option without a name. */
extern const struct config_option config_options[];

/* Names that option values are made of, each list ended by NULL. */
extern const char *const config_layers[];
extern const char *const config_steps[];

/* What an entry of prelaunch is read into while it is checked. */
struct config_step {
    int step;
    bool optional;
};

/* What config_layers holds only because articles name them (Delve has no such layers and only warns): read as
 * `debugger`. */
bool config_layer_is_alias(const char *layer);

/* Environment names that go.env may not set, because delvegate pins them; the option that does, or NULL for GOTMPDIR.
   Returns whether name is one. */
bool config_env_is_pinned(const char *name, const char **option);

/* What a value of this type is called in an error: "a duration such as \"10m\""; NULL for a choice, which is called
   by its names. */
const char *config_type_text(enum config_type type);

/* The member with this name, NULL when there is none. */
const struct config_option *config_option_find(const struct config_option *members, const char *name);

#endif
