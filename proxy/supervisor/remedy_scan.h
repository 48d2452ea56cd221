/* JSON as the go command writes it: a handler is called for each member of an object and each element of an array, and
 * takes the value with one of the functions here. Nothing is allocated. */
#ifndef PROXY_SUPERVISOR_REMEDY_SCAN_H
#define PROXY_SUPERVISOR_REMEDY_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "proxy/supervisor/supervisor.h"

struct scan {
    const char *at, *end;
    bool failed; /* the text is not understood; nothing is taken any more */
    unsigned depth;
};

typedef void (*scan_member)(struct scan *s, const char *key, void *arg);
typedef void (*scan_element)(struct scan *s, void *arg);

/* Reads a text that is one object. Returns false when it is not understood, or a handler called scan_fail. */
bool scan_all(const char *text, size_t len, scan_member member, void *arg);
void scan_fail(struct scan *s);

/* Take one value. A string fills text[SUPERVISOR_PATH_MAX]; null is an object and an array without anything in it. */
void scan_string(struct scan *s, char *text);
void scan_object(struct scan *s, scan_member member, void *arg);
void scan_array(struct scan *s, scan_element element, void *arg);
/* One that does not count, whatever it is. */
void scan_skip(struct scan *s, void *arg);

#endif
