/* The end of what a program wrote to its stderr, fit for a text. No I/O. */
#ifndef PROXY_MACHINE_STDERR_TAIL_H
#define PROXY_MACHINE_STDERR_TAIL_H

#include <stddef.h>

enum { STDERR_TAIL_MAX = 1024 }; /* bytes that are kept */

/* All zero: none yet. */
struct stderr_tail {
    char text[STDERR_TAIL_MAX + 1];
    size_t len;
};

/* Adds bytes; of all only the last are kept. */
void stderr_tail_add(struct stderr_tail *w, const char *data, size_t len);
/* What is kept, NUL-terminated, printable, without blanks and newlines at its end. Valid until more is added. */
const char *stderr_tail_text(struct stderr_tail *w);

/* Replaces what is neither printable nor a newline by "?", and CR LF by LF: texts go to terminals and into JSON. */
void stderr_tail_make_printable(char *text);

#endif
