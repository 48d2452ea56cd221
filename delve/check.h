/* What is wrong with the Go environment of a machine: findings from the facts that its supervisor reports
 * (proxy/supervisor/survey.h). `delvegate check-env` prints them. A launch tells them and is tried all the same, as a
 * remedy may help; when it fails, those that are no mere warnings are part of the reason. No I/O.
 *
 * Facts, each a name and a text; what is not there is not known, or not so:
 *   uid, CapEff, CapBnd, Seccomp     as /proc/self/status has them
 *   yama                             kernel.yama.ptrace_scope
 *   container                        docker, podman, kubernetes or yes
 *   SOURCE.NAME                      a variable of go; SOURCE: env (the shell's environment), target (go.env of the
 *                                    configuration), file (written by `go env -w` to the file that goenvFile names)
 *   SOURCE.GOROOT.state, .version    missing or partial; what its file VERSION says
 *   SOURCE.GOPATH.missing            an entry outside home that is not there
 *   SOURCE.GOBIN.state               missing, outside home
 *   SOURCE.GOWORK.state              missing
 *   env.GOCACHE.state, env.GOMODCACHE.state   closed or missing
 *   dir.why                          why the directory that was asked about can't be used
 *   mod, work; .go, .toolchain       go.mod and go.work: path, directives
 *   used1, used2 ...; .go, .toolchain   the same of the other modules that go.work uses, of the first 50
 *   go, dlv, goVersion, dlvVersion   paths and versions; with .missing or .failed: why there is none
 *   GOCACHE, GOMODCACHE              as a session has them; .state: closed or full, .why, .at (the nearest directory
 *                                    above that exists); GOMODCACHE.filled: modules are in it
 *   GOROOT, GOTOOLCHAIN              what `go env` says without the shell's environment
 *   goenv.failed                     why it said nothing
 *   toolchain                        one that is in the module cache; any number
 *   trace                            what Delve said when it was to start a program; empty: no complaint
 *   failure                          why no session can run, in words */
#ifndef DELVE_CHECK_H
#define DELVE_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "dap/must_use.h"
#include "dap/buf.h"
#include "delve/plan.h"

struct delve_fact {
    char *name, *text;
};
struct delve_facts {
    struct delve_fact *list;
    size_t count;
};

/* Adds a fact, both strings copied. Those beyond DELVE_FACTS_MAX are dropped. Returns 0, -1 when memory ran out. */
enum { DELVE_FACTS_MAX = 512 };
int delve_facts_add(struct delve_facts *f, const char *name, const char *text) MUST_USE;
/* The text of the last fact with this name, NULL when there is none. Lives as long as the facts. f NULL: no facts. */
const char *delve_facts_get(const struct delve_facts *f, const char *name);
void delve_facts_free(struct delve_facts *f);

/* What the environment is to be good for. */
enum delve_use {
    DELVE_USE_ANY,    /* check-env: all of it */
    DELVE_USE_BUILD,  /* modes debug and test */
    DELVE_USE_BINARY, /* mode exec */
    DELVE_USE_ATTACH  /* mode attach */
};

struct delve_check {
    const struct delve_facts *facts;
    const char *target; /* its name in the configuration */
    const char *where;  /* the machine, as in "... on HOST" */
    bool gocache_is_configured, gomodcache_is_configured;
    bool checks_go_version; /* Delve does, as it does unless told otherwise */
    enum delve_use use;
    const struct delve_env *env; /* what the launch adds to the environment, as in its plan */
    size_t env_count;
};

enum delve_severity {
    DELVE_FATAL,  /* a session cannot work */
    DELVE_ERROR,  /* it does not work, unless by luck: when all is built already, or nothing is to be fetched */
    DELVE_WARNING /* it works, and something else does not */
};

struct delve_finding {
    enum delve_severity severity;
    char *text; /* one line: value, where it was set, what it breaks, what to do */
};
struct delve_findings {
    struct delve_finding *list; /* what is worst first */
    size_t count;
};

/* Appends what is wrong. The caller frees with delve_findings_free, also after a failure. Returns 0, -1 when memory ran
 * out. */
int delve_check(const struct delve_check *c, struct delve_findings *found) MUST_USE;
void delve_findings_free(struct delve_findings *found);

/* Whether one of the lines of text is how Delve says that it may not trace. *attach: when it attached to a process. */
bool delve_is_ptrace_failure(const char *text, bool *attach);

/* Appends why tracing is not permitted, by the facts (NULL: none), and which flag or setting permits it; one line.
   Fails as buf_append. */
void delve_ptrace_advice(const struct delve_facts *f, bool attach, struct buf *out);

#endif
