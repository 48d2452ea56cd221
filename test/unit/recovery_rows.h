/* What the tests of the recovery policy share: rows of their own, and how a step is checked. Included behind cmocka.h.
 */
#ifndef TEST_RECOVERY_ROWS_H
#define TEST_RECOVERY_ROWS_H

#include <stdio.h>

#include "delve/recovery.h"

enum {
    ATTEMPTS = 3,
    WINDOW_MS = 120 * 1000,
    BACKOFF_MS = 250,
    BACKOFF_BOUND_MS = 30 * 1000, /* as recovery.h says */
    REMEDIES_BOUND = 12           /* as recovery.h says */
};

static const struct delve_recovery_options usual = {
    .mends = true, .attempts = ATTEMPTS, .window_ms = WINDOW_MS, .backoff_ms = BACKOFF_MS};

#define ROW(NAME, SECURITY, ...)                                                                                       \
    {                                                                                                                  \
        .name = (NAME), .cause = NAME " broke", .advice = "Mend " NAME ".", .is_security = (SECURITY), .remedies = {   \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }

enum { SUMS, OUTDATED, CACHE, CHECKSUM, NETWORK, SYNTAX, GOCACHE, WORKSPACE, LIAR, ROWS };

static const struct delve_signature rows[ROWS] = {
    [SUMS] = ROW("sums", false, DELVE_REMEDY_DOWNLOAD, DELVE_REMEDY_TIDY, DELVE_REMEDY_WORK),
    [OUTDATED] = ROW("outdated", false, DELVE_REMEDY_TIDY),
    [CACHE] = ROW("cache", false, DELVE_REMEDY_PURGE, DELVE_REMEDY_CLEAN_MODCACHE),
    [CHECKSUM] = ROW("checksum", true, DELVE_REMEDY_PURGE),
    [NETWORK] = ROW("network", false, DELVE_REMEDY_RETRY),
    [SYNTAX] = ROW("syntax", false, DELVE_REMEDY_NONE),
    [GOCACHE] = ROW("gocache", false, DELVE_REMEDY_GOCACHE),
    [WORKSPACE] = ROW("workspace", false, DELVE_REMEDY_WORK, DELVE_REMEDY_WORK_OFF),
    /* A row that would do more than a cause of security allows. */
    [LIAR] = ROW("liar", true, DELVE_REMEDY_RETRY, DELVE_REMEDY_TIDY, DELVE_REMEDY_PURGE, DELVE_REMEDY_CLEAN_MODCACHE),
};

static const struct delve_diagnosis nothing = {0};

static inline struct delve_diagnosis of(int row, const char *module, const char *version)
{
    struct delve_diagnosis d = {.signature = &rows[row]};
    (void)snprintf(d.module, sizeof d.module, "%s", module);
    (void)snprintf(d.version, sizeof d.version, "%s", version);
    return d;
}

static inline struct delve_recovery *new_policy(const struct delve_recovery_options *options)
{
    struct delve_recovery *r = delve_recovery_new(options);
    assert_non_null(r);
    delve_recovery_begin(r);
    return r;
}

static inline void assert_remedy(struct delve_step step, enum delve_remedy remedy)
{
    assert_int_equal(step.action, DELVE_ACTION_REMEDY);
    assert_int_equal(step.remedy, remedy);
    assert_int_equal(step.wait_ms, 0);
}

static inline void assert_start(struct delve_step step, uint64_t wait_ms)
{
    assert_int_equal(step.action, DELVE_ACTION_START);
    assert_int_equal(step.wait_ms, wait_ms);
}

#endif
