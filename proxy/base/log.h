/* base: what every room of proxy/ uses: the log, timers, state machines, child processes and their environment, nonces,
 * and writing to descriptors that others share.
 * It may use dap/, delve/, config/ and libuv, and no other room.
 * Nothing here knows of a machine, a Delve, a session or an editor.
 *
 * The log: one line an event to stderr: time, level, session, text; to the journal of systemd instead of time and level
 * the priority, "<6>". Bytes that are not printable are escaped: a log may hold hostile text. */
#ifndef PROXY_BASE_LOG_H
#define PROXY_BASE_LOG_H

#include "config/config.h"

/* Sets the most detailed level that is written. */
void log_set_level(enum config_log_level level);

/* Writes a line. subject: "session 3", "target gomachine", "ssh gomachine", or NULL for the daemon itself. Never give
   it a value of an environment variable, a passphrase, or a whole message. */
void log_line(enum config_log_level level, const char *subject, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Writes a line of a report to the user, such as FILE:LINE:COLUMN: text, without time and level and whatever level is
 * set; to the journal with its priority. */
void log_report(enum config_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(subject, ...) log_line(CONFIG_LOG_ERROR, subject, __VA_ARGS__)
#define log_warning(subject, ...) log_line(CONFIG_LOG_WARNING, subject, __VA_ARGS__)
#define log_info(subject, ...) log_line(CONFIG_LOG_INFO, subject, __VA_ARGS__)
#define log_debug(subject, ...) log_line(CONFIG_LOG_DEBUG, subject, __VA_ARGS__)

#endif
