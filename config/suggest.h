/* "did you mean": the known name that is nearest to a wrong one. */
#ifndef CONFIG_SUGGEST_H
#define CONFIG_SUGGEST_H

#include <stddef.h>

enum { CONFIG_SUGGEST_MAX = 64 }; /* longer names are near to nothing */

/* How many single-letter changes (insert, remove, replace, swap of neighbours) lead from a to b, letters compared
   without regard to case. CONFIG_SUGGEST_MAX when either is longer than that. */
size_t config_distance(const char *a, const char *b);

/* Whether b is near enough to be what the writer of a meant. */
int config_is_near(const char *a, const char *b, size_t distance);

/* The nearest of a NULL-terminated list, or NULL when none is near. Belongs to the list. */
const char *config_suggest(const char *name, const char *const *known);

#endif
