/* A test's own directory, which its set-up makes, and the paths below it. */
#ifndef TEST_UNIT_TEST_DIRECTORY_H
#define TEST_UNIT_TEST_DIRECTORY_H

#include <stdarg.h>
#include <stdio.h>

#include "proxy/supervisor/supervisor.h"

static char root[SUPERVISOR_PATH_MAX / 8];

/* A path below the test's directory; eight of them live at a time. */
__attribute__((format(printf, 1, 2))) static const char *at(const char *fmt, ...)
{
    enum { TEXTS = 8 };
    static char texts[TEXTS][SUPERVISOR_PATH_MAX];
    static unsigned count;
    char *text = texts[count++ % TEXTS];
    int n = snprintf(text, SUPERVISOR_PATH_MAX, "%s/", root);
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text + n, SUPERVISOR_PATH_MAX - (size_t)n, fmt, ap);
    va_end(ap);
    return text;
}

#endif
