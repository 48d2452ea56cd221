#include "delve/recovery.h"

#include <stdlib.h>
#include <string.h>

enum {
    BACKOFF_MAX_MS = 30 * 1000, /* a wait grows no further, unless the first one is longer */
    ATTEMPTS_MAX = 64,          /* new starts that are remembered: more than the configuration allows */
    TRIED_MAX = 12              /* remedies of one launch: several cache entries may be damaged, each is one */
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
    uint64_t starts[ATTEMPTS_MAX]; /* when the attempts that count were ordered */
    size_t start_count;
    int retries;      /* attempts that only waited for the network, however long ago */
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
    if (r->options.attempts < 0)
        r->options.attempts = 0;
    return r;
}

void delve_recovery_free(struct delve_recovery *r)
{
    free(r);
}

static void forget_starts(struct delve_recovery *r)
{
    r->start_count = 0;
    r->retries = 0;
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

static void forget_old_starts(struct delve_recovery *r, uint64_t now_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->start_count; i++)
        if (now_ms - r->starts[i] < r->options.window_ms)
            r->starts[kept++] = r->starts[i];
    r->start_count = kept;
}

static uint64_t next_wait(const struct delve_recovery *r)
{
    uint64_t first = r->options.backoff_ms;
    uint64_t most = first > BACKOFF_MAX_MS ? first : BACKOFF_MAX_MS;
    if (!r->wait_ms)
        return first;
    return r->wait_ms < most / 2 ? 2 * r->wait_ms : most;
}

/* One of the attempts, after a wait; or the end. */
static struct delve_step attempt(struct delve_recovery *r, uint64_t now_ms)
{
    if (r->start_count >= (size_t)r->options.attempts)
        return (struct delve_step){.action = DELVE_ACTION_GIVE_UP, .exhausted = true};
    r->wait_ms = next_wait(r);
    r->starts[r->start_count++] = now_ms;
    return (struct delve_step){.action = DELVE_ACTION_START, .wait_ms = r->wait_ms};
}

/* A try that fails may take as long as the window (a server that does not answer), and would never be the last one if
 * the window alone counted. */
static struct delve_step retry(struct delve_recovery *r, uint64_t now_ms)
{
    forget_old_starts(r, now_ms);
    if (r->retries >= r->options.attempts)
        return (struct delve_step){.action = DELVE_ACTION_GIVE_UP, .exhausted = true};
    struct delve_step step = attempt(r, now_ms);
    if (!step.exhausted)
        r->retries++;
    return step;
}

/* Whether a remedy that was tried would do the same for the present cause. */
static bool is_same(const struct tried *t, const struct delve_diagnosis *cause)
{
    bool names_same = strcmp(t->module, cause->module) == 0 && strcmp(t->version, cause->version) == 0;
    switch (t->remedy) {
    case DELVE_REMEDY_PURGE:
        return names_same; /* fetched once, whatever it is that tells of the entry */
    case DELVE_REMEDY_MOD_READONLY:
    case DELVE_REMEDY_COPIES:
    case DELVE_REMEDY_WORK_OFF:
    case DELVE_REMEDY_TOOLCHAIN:
    case DELVE_REMEDY_GOCACHE:
    case DELVE_REMEDY_MODCACHE:
    case DELVE_REMEDY_CLEAN_MODCACHE:
        return true; /* they are about no module */
    default:
        return names_same && strcmp(t->name, cause->signature->name) == 0;
    }
}

static bool was_tried(const struct delve_recovery *r, enum delve_remedy remedy)
{
    for (size_t i = 0; i < r->tried_count; i++)
        if (r->tried[i].remedy == remedy && is_same(&r->tried[i], &r->cause))
            return true;
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
    if (r->cause.signature->is_security && remedy != DELVE_REMEDY_PURGE)
        return false;
    if (remedy == DELVE_REMEDY_RETRY)
        return true; /* it changes nothing */
    if (remedy == DELVE_REMEDY_CLEAN_MODCACHE && !r->options.cleans_modcache)
        return false;
    if (remedy == DELVE_REMEDY_PURGE && !*r->cause.module)
        return false; /* which entry? */
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
            return retry(r, now_ms);
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

static bool differs(const struct delve_diagnosis *own, const struct delve_diagnosis *cause)
{
    if (!own->signature || !cause->signature)
        return own->signature != NULL;
    if (strcmp(own->signature->name, cause->signature->name) != 0)
        return true;
    /* Two outputs about one thing may name it more and less exactly. */
    return (*own->module && *cause->module && strcmp(own->module, cause->module) != 0) ||
           (*own->version && *cause->version && strcmp(own->version, cause->version) != 0);
}

/* Whether the last remedy looked for another way round the cause: that this is barred, too, hides nothing. */
static bool last_was_trial(const struct delve_recovery *r)
{
    enum delve_remedy last = r->tried_count ? r->tried[r->tried_count - 1].remedy : DELVE_REMEDY_NONE;
    return last == DELVE_REMEDY_WORK_OFF || last == DELVE_REMEDY_TOOLCHAIN || last == DELVE_REMEDY_MOD_READONLY;
}

struct delve_step delve_recovery_remedied(struct delve_recovery *r, bool repaired, const struct delve_diagnosis *own,
                                          uint64_t now_ms)
{
    if (repaired)
        return (struct delve_step){.action = DELVE_ACTION_START};
    if (!differs(own, &r->cause) || last_was_trial(r))
        return next(r, now_ms);
    if (own->signature->remedies[0] == DELVE_REMEDY_RETRY && !own->signature->is_security && r->tried_count) {
        /* The network kept the remedy from its work: a new start without it would fail as before. */
        struct delve_step step = retry(r, now_ms);
        if (step.action == DELVE_ACTION_START)
            return (struct delve_step){
                .action = DELVE_ACTION_REMEDY, .remedy = r->tried[r->tried_count - 1].remedy, .wait_ms = step.wait_ms};
        r->cause = *own;
        return step;
    }
    r->cause = *own;
    if (own->signature->is_security)
        return (struct delve_step){.action = DELVE_ACTION_GIVE_UP};
    return next(r, now_ms);
}

struct delve_step delve_recovery_died(struct delve_recovery *r, uint64_t now_ms)
{
    forget_old_starts(r, now_ms);
    if (r->start_count == 0)
        r->wait_ms = 0; /* what it was started after is long ago */
    return attempt(r, now_ms);
}
