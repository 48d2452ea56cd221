/* The last words of a program: the end of what it wrote to its stderr, fit for a text. No I/O. */
#ifndef PROXY_MACHINE_WORDS_H
#define PROXY_MACHINE_WORDS_H

#include <stddef.h>

enum { WORDS_MAX = 1024 }; /* bytes that are kept */

/* All zero: none yet. */
struct words {
    char text[WORDS_MAX + 1];
    size_t len;
};

/* Adds bytes; of all only the last are kept. */
void words_add(struct words *w, const char *data, size_t len);
/* What is kept, NUL-terminated, printable, without blanks and newlines at its end. Valid until more is added. */
const char *words_text(struct words *w);

/* Replaces what is neither printable nor a newline by "?", and CR LF by LF: texts go to terminals and into JSON. */
void words_make_printable(char *text);

#endif
