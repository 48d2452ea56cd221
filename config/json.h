/* JSON as people write it (comments, trailing commas), read into a tree that knows where each key and value stands. */
#ifndef CONFIG_JSON_H
#define CONFIG_JSON_H

#include <jansson.h>
#include <stddef.h>

#include "config/config.h"

enum {
    CONFIG_TEXT_MAX = 262144, /* bytes of a file; a larger one is refused */
    CONFIG_DEPTH_MAX = 32     /* objects and lists inside one another */
};

enum config_json_kind { CONFIG_JSON_OBJECT, CONFIG_JSON_LIST, CONFIG_JSON_SCALAR };

struct config_json {
    enum config_json_kind kind;
    int line, column;                 /* of the value, from 1; columns count characters */
    char *key;                        /* member of an object: its decoded name, else NULL */
    int key_line, key_column;         /* of the key */
    int first_line;                   /* the object has this key already: the line of the first, else 0 */
    json_t *scalar;                   /* string, number, true, false or null of a CONFIG_JSON_SCALAR, owned */
    struct config_json *child, *next; /* members or items, in the order of the file */
};

/* Reads a text. Returns the tree, which the caller frees with config_json_free; or NULL: then problem->text says what
   is wrong (the caller frees it), or is NULL when memory ran out. Only the first syntax error is found. */
struct config_json *config_json_read(const char *text, size_t len, struct config_problem *problem);
void config_json_free(struct config_json *node);

/* The first member with this key, NULL when there is none (or node is NULL). Belongs to the tree. */
const struct config_json *config_json_member(const struct config_json *node, const char *key);

/* The value as jansson keeps it, without its positions. New reference; NULL when memory ran out. */
json_t *config_json_value(const struct config_json *node);

/* The value of a string, NULL when node is none. Belongs to the tree. */
const char *config_json_string(const struct config_json *node);

#endif
