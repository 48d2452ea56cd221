#include "proxy/base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dap/utf8.h"

enum { LOG_TEXT_MAX = 4096, LOG_ESCAPE_MAX = 4 /* bytes, of an escape as of a character */ };

static enum config_log_level log_level = CONFIG_LOG_INFO;

void log_set_level(enum config_log_level level)
{
    log_level = level;
}

/* Length of the character at text if it may stand in the log: UTF-8, or the journal would not show the line. Control
 * characters, those of Latin-1 too, may not: a hostile text could write lines of its own or drive the terminal. */
static size_t printable(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    size_t len = dap_utf8_sequence(text, strnlen(text, LOG_ESCAPE_MAX));
    bool is_control = c[0] < 0x20 || c[0] == 0x7f || (c[0] == 0xc2 && c[1] < 0xa0);
    return is_control ? 0 : len;
}

static void escape(char *out, size_t size, const char *text)
{
    size_t n = 0, len;
    for (; *text && n + LOG_ESCAPE_MAX < size; text += len ? len : 1) {
        len = printable(text);
        if (len)
            memcpy(out + n, text, len);
        n += len ? len : (size_t)snprintf(out + n, size - n, "\\%03o", (unsigned char)*text);
    }
    out[n] = '\0';
}

/* Whether stderr is the journal's own stream, as systemd.exec(5) has it for JOURNAL_STREAM: then each line begins with
 * its priority, and the journal knows the time. */
static bool goes_to_journal(void)
{
    static enum { UNKNOWN, NO, YES } known;
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat own;
    if (known == UNKNOWN)
        known = stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &own) == 0 &&
                        own.st_dev == device && own.st_ino == inode
                    ? YES
                    : NO;
    return known == YES;
}

/* subject and text are escaped. */
static void put(enum config_log_level level, const char *subject, const char *text)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    static const int priorities[] = {3, 4, 6, 7}; /* of syslog(3) */
    char when[32];
    struct timespec now;
    struct tm tm;
    if (goes_to_journal()) {
        (void)fprintf(stderr, "<%d>%s%s%s\n", priorities[level], subject ? subject : "", subject ? ": " : "", text);
        return;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &tm);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)fprintf(stderr, "%s.%03ld %s %s%s%s\n", when, now.tv_nsec / 1000000, names[level], subject ? subject : "",
                  subject ? ": " : "", text);
}

static void format(char safe[static LOG_TEXT_MAX], const char *fmt, va_list ap)
{
    char text[LOG_TEXT_MAX];
    (void)vsnprintf(text, sizeof text, fmt, ap);
    escape(safe, LOG_TEXT_MAX, text);
}

void log_line(enum config_log_level level, const char *subject, const char *fmt, ...)
{
    if (level > log_level)
        return;
    char safe[LOG_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    format(safe, fmt, ap);
    va_end(ap);
    put(level, subject, safe);
}

void log_report(enum config_log_level level, const char *fmt, ...)
{
    char safe[LOG_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    format(safe, fmt, ap);
    va_end(ap);
    if (goes_to_journal())
        put(level, NULL, safe);
    else
        (void)fprintf(stderr, "%s\n", safe);
}
