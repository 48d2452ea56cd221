#include "delve/recovery.h"

#include <stdlib.h>
#include <string.h>

enum {
    BACKOFF_MAX_MS = 30 * 1000, /* a wait is never longer */
    ATTEMPTS_MAX = 64,          /* new starts that are remembered: more than the configuration allows */
    TRIED_MAX = 16              /* remedies of one launch: several cache entries may be damaged, each is one */
};

struct tried {
    const char *name; /* the signature's */
    char module[DELVE_NAMED_MAX], version[DELVE_NAMED_MAX];
    enum delve_remedy remedy;
};

struct delve_recovery {
    struct delve_recovery_options options;
    struct delve_diagnosis cause;
    struct tried tried[TRIED_MAX];
    size_t tried_count;
    uint64_t starts[ATTEMPTS_MAX]; /* when new starts were ordered that count */
    size_t start_count;
    uint64_t wait_ms; /* the last one's; 0: none yet */
};

struct delve_recovery *delve_recovery_new(const struct delve_recovery_options *options)
{
    struct delve_recovery *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->options = *options;
    if (r->options.attempts > ATTEMPTS_MAX)
        r->options.attempts = ATTEMPTS_MAX;
    return r;
}

void delve_recovery_free(struct delve_recovery *r)
{
    free(r);
}

static void forget_starts(struct delve_recovery *r)
{
    r->start_count = 0;
    r->wait_ms = 0;
}

void delve_recovery_begin(struct delve_recovery *r)
{
    r->tried_count = 0;
    r->cause = (struct delve_diagnosis){0};
    forget_starts(r);
}

void delve_recovery_used(struct delve_recovery *r)
{
    forget_starts(r);
}

const struct delve_diagnosis *delve_recovery_cause(const struct delve_recovery *r)
{
    return &r->cause;
}

/* One of the attempts, after a wait; or the end. */
static struct delve_step attempt(struct delve_recovery *r, uint64_t now_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->start_count; i++)
        if (now_ms - r->starts[i] < r->options.window_ms)
            r->starts[kept++] = r->starts[i];
    if (kept == 0)
        r->wait_ms = 0;
    r->start_count = kept;
    if (kept >= (size_t)r->options.attempts)
        return (struct delve_step){.action = DELVE_ACTION_GIVE_UP, .exhausted = true};
    r->wait_ms = r->wait_ms ? 2 * r->wait_ms : r->options.backoff_ms;
    if (r->wait_ms > BACKOFF_MAX_MS)
        r->wait_ms = BACKOFF_MAX_MS;
    r->starts[r->start_count++] = now_ms;
    return (struct delve_step){.action = DELVE_ACTION_START, .wait_ms = r->wait_ms};
}

static bool was_tried(const struct delve_recovery *r, enum delve_remedy remedy)
{
    for (size_t i = 0; i < r->tried_count; i++) {
        const struct tried *t = &r->tried[i];
        if (t->remedy == remedy && strcmp(t->name, r->cause.signature->name) == 0 &&
            strcmp(t->module, r->cause.module) == 0 && strcmp(t->version, r->cause.version) == 0)
            return true;
    }
    return false;
}

static void note_tried(struct delve_recovery *r, enum delve_remedy remedy)
{
    struct tried *t = &r->tried[r->tried_count++];
    t->name = r->cause.signature->name;
    t->remedy = remedy;
    memcpy(t->module, r->cause.module, sizeof t->module);
    memcpy(t->version, r->cause.version, sizeof t->version);
}

static bool may(const struct delve_recovery *r, enum delve_remedy remedy)
{
    if (remedy == DELVE_REMEDY_RETRY)
        return true; /* it changes nothing */
    if (remedy == DELVE_REMEDY_CLEAN_MODCACHE && !r->options.cleans_modcache)
        return false;
    if (remedy == DELVE_REMEDY_PURGE && (!r->cause.module[0] || !r->cause.version[0]))
        return false;
    return r->options.mends && r->tried_count < TRIED_MAX && !was_tried(r, remedy);
}

/* The next remedy for the present cause. */
static struct delve_step next(struct delve_recovery *r, uint64_t now_ms)
{
    const struct delve_signature *s = r->cause.signature;
    for (size_t i = 0; s && i < DELVE_REMEDIES_MAX && s->remedies[i] != DELVE_REMEDY_NONE; i++) {
        enum delve_remedy remedy = s->remedies[i];
        if (!may(r, remedy))
            continue;
        if (remedy == DELVE_REMEDY_RETRY)
            return attempt(r, now_ms);
        note_tried(r, remedy);
        return (struct delve_step){.action = DELVE_ACTION_REMEDY, .remedy = remedy};
    }
    return (struct delve_step){.action = DELVE_ACTION_GIVE_UP};
}

struct delve_step delve_recovery_failed(struct delve_recovery *r, const struct delve_diagnosis *d, uint64_t now_ms)
{
    r->cause = *d;
    return next(r, now_ms);
}

struct delve_step delve_recovery_remedied(struct delve_recovery *r, bool mended, const struct delve_diagnosis *own,
                                          uint64_t now_ms)
{
    if (mended)
        return (struct delve_step){.action = DELVE_ACTION_START};
    if (own->signature && strcmp(own->signature->name, r->cause.signature->name) != 0)
        r->cause = *own; /* it was hidden behind the first one */
    return next(r, now_ms);
}

struct delve_step delve_recovery_died(struct delve_recovery *r, uint64_t now_ms)
{
    return attempt(r, now_ms);
}
