/* Reads go.mod and go.work line by line, also those that the go command at hand refuses. Nothing is checked: what has
 * not the form of a known directive is passed over. */
#ifndef PROXY_SUPERVISOR_MODFILE_H
#define PROXY_SUPERVISOR_MODFILE_H

#include "proxy/supervisor/supervisor.h"

enum { MODFILE_TOKENS = 8 }; /* of a line, with its directive; further ones are passed over */

/* What a file says: each directive as it stands there, unquoted, "" where there is no version. Strings are borrowed for
 * the call. Any function may be NULL. */
struct modfile_handler {
    void (*module)(void *arg, const char *path);
    void (*require)(void *arg, const char *path, const char *version);
    void (*replace)(void *arg, const char *path, const char *version, const char *by_path, const char *by_version);
    void (*use)(void *arg, const char *dir);
};

/* A file that can't be read says nothing; then, and when it is not there, nothing is called. */
void modfile_read(const char *file, const struct modfile_handler *h, void *arg);
/* The order of two versions as go has it (semantic versions; what follows '+' counts for nothing): below, above or
 * equal to 0. One that is none comes before all that are. */
int modfile_compare(const char *a, const char *b);

#endif
