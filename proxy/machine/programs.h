/* The supervisors that are in this delvegate, one for each architecture that it was built with, and the one that runs
 * on this machine. Their bytes and the table are made by the build (Makefile). */
#ifndef PROXY_MACHINE_PROGRAMS_H
#define PROXY_MACHINE_PROGRAMS_H

#include <stddef.h>

#include "dap/must_use.h"
#include "dap/buf.h"
#include "dap/err.h"
#include "delve/bootstrap.h"

enum { PROGRAMS_PATH_MAX = 4096 }; /* bytes of a path, with its NUL */

/* Made by the build: those that are for machines of their architecture, whatever libc these have; it may be empty. */
extern const struct bootstrap_program programs_table[];
extern const size_t programs_count;
/* The one for this machine, always there; it need not be among them. */
extern const struct bootstrap_program programs_own;

/* What supervisors of this build call it, in their hello and with `version`. */
const char *programs_build(void);

/* The program for machines of an architecture, as `uname -m` says it there. NULL: this delvegate has none that would
 * run there, see programs_missing. Never freed. */
const struct bootstrap_program *programs_find(const char *arch);

/* Sets the error that says why programs_find had none for `arch`, and which command makes a delvegate that has one.
 * Returns -1. */
int programs_missing(const char *arch, struct err *err) MUST_USE;

/* Where this machine's own supervisor is, seen from delvegate's directory: beside it when that is the one of this build
 * (a build tree); what the link delvegate-supervisor names, which make install puts there when libexecdir is elsewhere;
 * else ../libexec/delvegate/supervisor. path: PROGRAMS_PATH_MAX bytes are enough. Returns 0, or -1 with err when there
 * is none that can be executed. */
int programs_local(char *path, size_t size, struct err *err) MUST_USE;
/* The same for a delvegate in the directory `dir`. */
int programs_local_from(const char *dir, char *path, size_t size, struct err *err) MUST_USE;

/* Appends what --version says of them: a line for each, and where this machine's own is. */
void programs_print(struct buf *text);

#endif
