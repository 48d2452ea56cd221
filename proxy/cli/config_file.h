/* The configuration's file: where it is looked for, reading it, telling what is wrong in it. */
#ifndef PROXY_CLI_CONFIG_FILE_H
#define PROXY_CLI_CONFIG_FILE_H

#include "dap/must_use.h"
#include "config/config.h"
#include "dap/err.h"

enum { CONFIG_FILE_PATH_MAX = 4096 };

struct config_file {
    const char *given;               /* --config: no other is looked at; NULL: the first candidate that exists */
    char path[CONFIG_FILE_PATH_MAX]; /* the file that was read last, "" when there was none */
    struct err why;                  /* what was wrong the last time, for a client; set when nothing came of it */
    bool is_loaded;                  /* a configuration came of it: the next reading is a reload */
};

/* Writes the path of the n-th candidate (from 0) for the configuration: below XDG_CONFIG_HOME or ~/.config, then below
 * each directory of XDG_CONFIG_DIRS or /etc/xdg. Returns 1, 0 when there are no more candidates, -1 when a path is too
 * long (reported on stderr). */
int config_file_candidate(size_t n, char path[CONFIG_FILE_PATH_MAX]) MUST_USE;

/* Reads the configuration; config_file is a struct config_file. Looks for it again each time. What is wrong goes to
 * stderr, a line each, as FILE:LINE:COLUMN: text. Without a file there is the default, but not where there was one the
 * last time. What is read must be a regular file, since a FIFO could be waited for without end; the first time a pipe
 * that delvegate was given, as /dev/stdin or by `<(command)`, will do, as long as something comes. Returns one
 * reference, or NULL after a report. It is a daemon_reload. */
struct config *config_file_load(void *config_file);

#endif
