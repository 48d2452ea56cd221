/* Lists of strings, the arguments in Delve's --build-flags, and notes: shared by the files of delve/. */
#ifndef DELVE_STRINGS_H
#define DELVE_STRINGS_H

#include "dap/must_use.h"
#include "delve/plan.h"

/* Appends formatted text. Returns 0, -1 when memory ran out. */
int delve_strings_printf(struct delve_strings *s, const char *fmt, ...) MUST_USE __attribute__((format(printf, 2, 3)));

/* Removes and frees the string at this index; at < s->count. */
void delve_strings_remove(struct delve_strings *s, size_t at);

/* Appends a note for the Debug Console: one line, whatever the values hold; cut when it is longer than an error may be.
   Returns as delve_strings_printf. */
int delve_note(struct delve_strings *notes, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Splits text at white space as Delve does (pkg/config SplitQuotedFields): any of the characters in quotes begins and
   ends a quoted part, inside which a backslash takes the next character as it is. Returns as delve_strings_printf, or 1
   when a quoted part has no end: the arguments are there all the same. */
int delve_args_split(struct delve_strings *args, const char *text, const char *quotes) MUST_USE;

/* Writes arguments so that Delve reads them back the same from --build-flags. Returns a string that the caller frees,
   NULL when memory ran out. */
char *delve_args_join(const struct delve_strings *args) MUST_USE;

#endif
