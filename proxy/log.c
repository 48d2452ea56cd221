#include "proxy/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { LOG_TEXT_MAX = 4096, LOG_ESCAPE_MAX = 4 };

static enum config_log_level log_level = CONFIG_LOG_INFO;

void log_set_level(enum config_log_level level)
{
    log_level = level;
}

/* UTF-8 stays; control characters do not, or a hostile text could write lines of its own or drive the terminal. */
static void escape(char *out, size_t size, const char *text)
{
    size_t n = 0;
    for (; *text && n + LOG_ESCAPE_MAX < size; text++) {
        unsigned char c = (unsigned char)*text;
        if (c >= 0x20 && c != 0x7f)
            out[n++] = (char)c;
        else
            n += (size_t)snprintf(out + n, size - n, "\\%03o", c);
    }
    out[n] = '\0';
}

void log_line(enum config_log_level level, const char *subject, const char *fmt, ...)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    if (level > log_level)
        return;
    char text[LOG_TEXT_MAX], safe[LOG_TEXT_MAX], when[32];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    escape(safe, sizeof safe, text);
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &tm);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)fprintf(stderr, "%s.%03ld %s %s%s%s\n", when, now.tv_nsec / 1000000, names[level], subject ? subject : "",
                  subject ? ": " : "", safe);
}
