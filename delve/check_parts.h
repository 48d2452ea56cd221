/* What the files of the check share: facts and findings (check.c), go's variables and caches (check_values.c), versions
 * (check_versions.c), tracing (check_ptrace.c). */
#ifndef DELVE_CHECK_PARTS_H
#define DELVE_CHECK_PARTS_H

#include "delve/check.h"

enum { DELVE_FINDING_MAX = 4096 /* bytes of a finding's line */ };

struct check_run {
    const struct delve_check *check;
    struct delve_findings *found;
    bool failed; /* memory ran out */
};

/* Adds a finding; what is no printable character in it becomes a question mark. */
void check_add(struct check_run *r, enum delve_severity severity, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
bool check_is_fatal(const struct check_run *r); /* whether a fatal one was added */

/* The text of the fact, NULL when there is none. */
const char *check_fact(const struct check_run *r, const char *name);
/* The same of the fact `A.B` (A may be `launch`: what it adds to the environment) and `A.B.C`. */
const char *check_fact_of(const struct check_run *r, const char *a, const char *b);
const char *check_fact_of_state(const struct check_run *r, const char *a, const char *b, const char *c);

/* Where a variable was set, and how it is set right. */
enum { CHECK_ORIGIN_MAX = 1024 };
struct check_origin {
    char where[CHECK_ORIGIN_MAX];  /* as in "GOPATH=/x (WHERE)" */
    char remedy[CHECK_ORIGIN_MAX]; /* a command to the user, no full stop */
};
struct check_origin check_origin_of(const struct check_run *r, const char *source, const char *name);

/* The source whose value of the variable a build has, of `launch`, `target`, `env` and `file`; NULL: none sets it. */
const char *check_source(const struct check_run *r, const char *name);

void check_values(struct check_run *r);
void check_caches(struct check_run *r);
void check_versions(struct check_run *r);
void check_ptrace(struct check_run *r);

#endif
