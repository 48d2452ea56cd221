/* An error on its way to a person: what happened, where, and what to do next, in that order. */
#ifndef DAP_ERR_H
#define DAP_ERR_H

enum { ERR_TEXT_MAX = 4096 };

struct err {
    char text[ERR_TEXT_MAX]; /* one or two lines, no newline at the end; cut (never in the middle of UTF-8) when longer
                              */
};

/* Sets the text. The deepest layer that knows what happened calls it. Returns -1, so that it can end a function. */
int err_set(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts text before what the error already says. Callers on the way up add their context with it. Returns -1. */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
