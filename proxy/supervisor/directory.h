/* Where the supervisor's files are: CACHE/delvegate, of this user alone. */
#ifndef PROXY_SUPERVISOR_DIRECTORY_H
#define PROXY_SUPERVISOR_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "proxy/supervisor/supervisor.h"

enum {
    DIRECTORY_WHY_MAX = 4096,
    DIRECTORY_SOCKET_MAX = 16 /* bytes of a socket's name in an instance's directory */
};

/* Why there is no directory: ORDER_ERROR's NAME ("disk", "dir", or "parameter" for a NAME that can be none) and text.
 */
struct directory_error {
    const char *kind;
    char text[DIRECTORY_WHY_MAX];
};

/* Makes the instance's directory NAME in the first base that is good: ${XDG_CACHE_HOME:-~/.cache}/delvegate,
 * ~/.delvegate, ${TMPDIR:-/tmp}/delvegate-UID; each of this user alone with mode 0700, no symbolic link, with space,
 * and where programs can run and sockets be made; never below /run/user. An instance's directory that is there already
 * is taken, one with a living supervisor before all others. dir: SUPERVISOR_PATH_MAX bytes. Returns 0, or -1 with why.
 */
int directory_instance(const char *name, char *dir, struct directory_error *why) MUST_USE;
/* Calls back for every base that there is, whatever directory_instance would take. */
void directory_bases(void (*each)(void *arg, const char *base), void *arg);
/* Whether a directory is one of this user alone, mode 0700, no symbolic link. */
bool directory_is_private(const char *dir);
/* Makes DIR/NAME with mode 0700. Returns -1 with errno. */
int directory_make(const char *dir, const char *name, char *path) MUST_USE;
/* Writes a new file of 64 KiB, to see whether there is space: rights alone do not tell. is_made: whether there is a
 * file now, also after a failure; the caller removes it. Returns -1 with errno. */
int directory_probe_space(const char *path, bool *is_made) MUST_USE;
/* Removes a tree, also what may not be written (a module cache). Returns -1 with errno when something is left. */
int directory_remove(const char *path);

#endif
