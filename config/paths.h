/* Path mapping between the client's machine and the Go machine: whole components, longest prefix first. */
#ifndef CONFIG_PATHS_H
#define CONFIG_PATHS_H

#include <stddef.h>

#include "dap/must_use.h"
#include "dap/buf.h"

struct config_path {
    char *client; /* a prefix on the client's machine; with a drive letter or a backslash it is a Windows one */
    /* A prefix on the Go machine; a relative one, also an empty one, is one of the file names in debug information
       only: what -trimpath, or a build elsewhere, has left there. */
    char *remote;
};

struct config_paths {
    struct config_path *list;
    size_t count;
};

/* Adds a rule; both are copied. Returns 0, -1 when memory ran out. */
int config_paths_add(struct config_paths *paths, const char *client, const char *remote) MUST_USE;
/* Adds all rules of `from`. Returns as config_paths_add. */
int config_paths_add_all(struct config_paths *paths, const struct config_paths *from) MUST_USE;
void config_paths_free(struct config_paths *paths);

/* Maps a path. Windows prefixes are compared without regard to case and with / and \ alike, the rest's separators
   become those of the side it goes to; a prefix matches only at the end of a component, the empty one every relative
   name. Of several that match the longest wins, of equals the first. Returns a new string that the caller frees, or
   NULL when no rule matches (errno 0) or memory ran out (errno ENOMEM). to_remote: to a path in the file system of the
   Go machine. to_name: to the name of a source file in debug information; of equal rules one with a relative name wins.
   to_client: from both. */
char *config_paths_to_remote(const struct config_paths *paths, const char *client) MUST_USE;
char *config_paths_to_name(const struct config_paths *paths, const char *client) MUST_USE;
char *config_paths_to_client(const struct config_paths *paths, const char *remote) MUST_USE;

/* Words on how config_paths_to_remote maps a path. Appends the rule "CLIENT -> REMOTE" that it follows and returns 1;
   when none matches, appends the first few of those that there are and returns 0. Returns -1 when out was full or
   memory ran out. */
int config_paths_explain(const struct config_paths *paths, const char *client, struct buf *out) MUST_USE;

#endif
