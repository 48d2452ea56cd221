/* Lines of Delve's log and of dlv's own output -> events; the text with which a failed start is reported. */
#ifndef DELVE_LOG_H
#define DELVE_LOG_H

#include <stdbool.h>

#include "dap/must_use.h"
#include "dap/buf.h"

enum delve_log_kind {
    DELVE_LOG_LINE,      /* nothing special */
    DELVE_LOG_LISTENING, /* `API server listening at: 127.0.0.1:PORT`, before the target is launched; port is set */
    DELVE_LOG_ERROR      /* level error, fatal or panic, or a start-up failure that Delve writes without a level */
};

struct delve_log_event {
    enum delve_log_kind kind;
    int port;
    const char *message; /* the line without time, level and layer; points into the line */
};

/* Reads one line (NUL-terminated, without newline) of Delve's log or output, all versions 1.7.3 to 1.27. */
struct delve_log_event delve_log_read(const char *line);

/* Whether Delve's log says that it has closed a connection because another user made it (sameuser_linux.go, 1.7
 * to 1.27, with --log): *uid is Delve's own then. */
bool delve_log_different_user(const char *log, long *uid);

/* Appends the text for a launch that ended before a session: the last lines of build output and log (each may be NULL),
   and the hint that belongs to a known start-up failure (facts: no go in PATH, ptrace, not main, bad --wd, version
   window, unknown flag of an old dlv with exit status 0, disk full ...). */
int delve_log_explain(struct buf *out, const char *build_output, const char *log, int exit_status) MUST_USE;

/* What is known beside the output; each may be NULL. */
struct delve_facts;
struct delve_plan;
struct delve_known {
    const struct delve_facts *machine; /* as check.h has them: why Delve may not trace and what permits it */
    const struct delve_facts *facts;   /* of the build that failed, as delve_diagnose_build_with has them */
    const struct delve_plan *plan;     /* what was to be started, which may be to blame itself */
};

/* The same with what is known. */
int delve_log_explain_on(struct buf *out, const char *build_output, const char *log, int exit_status,
                         const struct delve_known *known) MUST_USE;

/* dlv's version out of `dlv version`, go's out of `go version`; "1.20.2", "1.19.8". Returns 0 and fills
 * major/minor/patch, or -1. */
struct delve_version {
    int major, minor, patch;
};
int delve_version_parse(const char *text, struct delve_version *v) MUST_USE;

/* Whether dlv is at least 1.7.3 and go within its window (pkg/goversion/compat.go). Returns 0, or -1 with *e. check_go
 * false: the window is not looked at. */
struct err;
int delve_version_check(struct delve_version dlv, struct delve_version go, int check_go, struct err *e) MUST_USE;

#endif
