/* File names that Delve does not know: what a program built with -trimpath, or elsewhere, calls its files, and the rule
 * of substitutePath that maps them. No I/O. */
#ifndef DELVE_NAMES_H
#define DELVE_NAMES_H

#include "dap/must_use.h"
#include "dap/buf.h"

/* The file that a message on a breakpoint says Delve does not know, NULL: it says something else. Points into it. */
const char *delve_names_missing(const char *message);

/* Appends the expression that makes Delve list the names of source files that end like this one's. Fails as
   buf_append. */
void delve_names_question(const char *file, struct buf *out);

/* Appends what the program calls the file and which rule is missing. client: the file as the editor has it; file: as
   Delve was asked for it; names: Delve's answer, one a line. Returns 1, 0 when none of the names explains it (the file
   is no part of the program), -1 when out is full. */
int delve_names_explain(const char *client, const char *file, const char *names, struct buf *out) MUST_USE;

#endif
