/* The recovery policy: what is done after a start that failed or a Delve that is gone, how often, after which wait.
 * Pure: the caller tells the time. */
#ifndef DELVE_RECOVERY_H
#define DELVE_RECOVERY_H

#include <stdint.h>

#include "dap/must_use.h"
#include "delve/signatures.h"

/* The target's recover options. */
struct delve_recovery_options {
    bool mends;           /* false: recover.modFiles is "never", remedies are only explained */
    bool cleans_modcache; /* recover.cleanModCache */
    int attempts;         /* so many new starts ... */
    uint64_t window_ms;   /* ... in so long */
    uint64_t backoff_ms;  /* the first wait; each further one is twice as long, up to 30 s */
};

enum delve_action {
    DELVE_ACTION_START,  /* start Delve again after wait_ms */
    DELVE_ACTION_REMEDY, /* run `remedy` after wait_ms, then report with delve_recovery_remedied */
    DELVE_ACTION_GIVE_UP /* tell the user; `exhausted` says whether attempts are why */
};

struct delve_step {
    enum delve_action action;
    enum delve_remedy remedy;
    uint64_t wait_ms;
    bool exhausted;
};

struct delve_recovery;

/* Returns a policy without a past, NULL when memory ran out. */
struct delve_recovery *delve_recovery_new(const struct delve_recovery_options *options) MUST_USE;
void delve_recovery_free(struct delve_recovery *r);

/* A new launch, or the user's Restart: remedies may be tried again and the attempts start over. */
void delve_recovery_begin(struct delve_recovery *r);

/* The build failed with this diagnosis (signature NULL: give up). now_ms counts from anywhere, monotonic. One remedy is
 * never tried twice for the same cause (signature, module, version) since delve_recovery_begin: a cache's entry is
 * fetched again once whatever tells of it, and what is about no module (GOWORK=off, -mod=, copies, a local toolchain,
 * a fresh cache, the whole module cache) is done once. A launch gets 12 remedies at most. DELVE_REMEDY_RETRY is a start
 * after a wait, one of the attempts. */
struct delve_step delve_recovery_failed(struct delve_recovery *r, const struct delve_diagnosis *d, uint64_t now_ms);

/* The remedy of the last step has ended. repaired: it changed what Delve will see. Otherwise `own` is the diagnosis of
 * what it printed (signature NULL: none): a cause that was hidden behind the first one takes its place, and ends it
 * when it is one of security. When only the network kept the remedy from its work, the same one is to be run again
 * after a wait, as one of the attempts; the cause stays until they are used up. */
struct delve_step delve_recovery_remedied(struct delve_recovery *r, bool repaired, const struct delve_diagnosis *own,
                                          uint64_t now_ms);

/* Delve died, was killed or stopped answering. */
struct delve_step delve_recovery_died(struct delve_recovery *r, uint64_t now_ms);

/* The user has seen the recovered session stop: what came before no longer counts as attempts. */
void delve_recovery_used(struct delve_recovery *r);

/* What the policy now holds for the cause: that of the last `failed`, or the one that its remedy brought to light. */
const struct delve_diagnosis *delve_recovery_cause(const struct delve_recovery *r);

/* What report_fix depends on. */
struct delve_repair {
    enum delve_remedy by;              /* DELVE_REMEDY_NONE: nothing was repaired */
    bool fresh_gocache;                /* the builds of this launch have a build cache of their own */
    const struct delve_facts *machine; /* as check.h has them, NULL: none; for where another Go may be */
};

/* The report, appended to out, without a newline at its end; d->signature is not NULL. report_cause: what broke, in
 * Go's words, with file:line; two lines at most. report_fix: the one thing to do, with the command that makes a
 * repaired state permanent. Fail as buf_append. */
void delve_recovery_report_cause(const struct delve_diagnosis *d, struct buf *out);
void delve_recovery_report_fix(const struct delve_diagnosis *d, const struct delve_repair *repair, struct buf *out);

#endif
