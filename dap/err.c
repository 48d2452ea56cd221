#include "dap/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A cut in the middle of a UTF-8 sequence would make the text unfit for a JSON string. */
static void cut(struct err *e, int wanted)
{
    if (wanted < (int)sizeof e->text)
        return;
    size_t n = strlen(e->text);
    while (n > 0 && ((unsigned char)e->text[n - 1] & 0xC0U) == 0x80U)
        n--;
    if (n > 0 && ((unsigned char)e->text[n - 1] & 0x80U))
        n--;
    e->text[n] = '\0';
}

int err_set(struct err *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    cut(e, n);
    return -1;
}

int err_prefix(struct err *e, const char *fmt, ...)
{
    struct err old = *e;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    if (n >= 0 && n < (int)sizeof e->text) {
        size_t room = sizeof e->text - (size_t)n;
        int m = snprintf(e->text + n, room, "%s", old.text);
        cut(e, n + m);
    } else {
        cut(e, n);
    }
    return -1;
}
