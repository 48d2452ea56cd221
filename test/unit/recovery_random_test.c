/* The recovery policy under random sequences: its bounds hold, and every launch comes to an end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "recovery_rows.h"

enum { SEQUENCES = 5000, STEPS = 200, MODULES = 12 };

struct model {
    uint64_t seed, now;
    struct delve_recovery_options options;
    int remedies;           /* since begin, without those run again for the network */
    int waits;              /* attempts since begin or used that only waited for the network */
    uint64_t starts[STEPS]; /* attempts since begin or used */
    size_t start_count;
    uint64_t last_wait;
    bool tried[DELVE_REMEDY_COUNT][ROWS][MODULES];
    int row, module; /* of the cause */
};

static unsigned any(struct model *m, unsigned below)
{
    m->seed = m->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(m->seed >> 33) % below;
}

/* Most often something that can be mended: a sequence is to be long. */
static struct delve_diagnosis any_cause(struct model *m)
{
    static const int mendable[] = {SUMS, OUTDATED, CACHE, CACHE, GOCACHE, WORKSPACE};
    int row = any(m, 12) ? mendable[any(m, sizeof mendable / sizeof *mendable)] : (int)any(m, ROWS);
    unsigned module = any(m, MODULES);
    char name[32];
    (void)snprintf(name, sizeof name, "example.com/m%u", module);
    return of(row, module ? name : "", module ? "v1.0.0" : "");
}

static int module_of(const struct delve_diagnosis *d)
{
    int module = 0;
    return sscanf(d->module, "example.com/m%d", &module) == 1 ? module : 0;
}

static void check_attempt(struct model *m, struct delve_step step)
{
    size_t within = 0;
    assert_true(step.wait_ms >= m->options.backoff_ms);
    assert_true(step.wait_ms <= BACKOFF_BOUND_MS);
    for (size_t i = 0; i < m->start_count; i++)
        within += m->now - m->starts[i] < m->options.window_ms;
    assert_true(within < (size_t)m->options.attempts);
    if (within) /* one streak */
        assert_true(step.wait_ms >= m->last_wait);
    m->last_wait = step.wait_ms;
    assert_true(m->start_count < STEPS);
    m->starts[m->start_count++] = m->now;
}

static void check_remedy(struct model *m, struct delve_step step)
{
    const struct delve_signature *row = &rows[m->row];
    bool in_row = false;
    for (size_t i = 0; row->remedies[i] != DELVE_REMEDY_NONE; i++)
        in_row = in_row || row->remedies[i] == step.remedy;
    assert_true(in_row);
    assert_true(m->options.mends);
    assert_true(!row->is_security || step.remedy == DELVE_REMEDY_PURGE);
    assert_true(step.remedy != DELVE_REMEDY_CLEAN_MODCACHE || m->options.cleans_modcache);
    assert_true(step.remedy != DELVE_REMEDY_PURGE || m->module != 0);
    assert_true(++m->remedies <= REMEDIES_BOUND);
    assert_false(m->tried[step.remedy][m->row][m->module]);
    m->tried[step.remedy][m->row][m->module] = true;
}

/* for_network: the step answers a remedy that failed for want of a network. */
static void check_step(struct model *m, const struct delve_recovery *r, struct delve_step step, bool for_network)
{
    if (step.action == DELVE_ACTION_GIVE_UP)
        return;
    assert_false(step.exhausted);
    const struct delve_diagnosis *cause = delve_recovery_cause(r);
    bool is_remedy = step.action == DELVE_ACTION_REMEDY;
    if (cause->signature) {
        m->row = (int)(cause->signature - rows);
        m->module = module_of(cause);
    }
    if (step.wait_ms)
        check_attempt(m, step);
    if (is_remedy && for_network)
        assert_true(m->tried[step.remedy][m->row][m->module]);
    else if (is_remedy)
        check_remedy(m, step);
    if (step.wait_ms) {
        assert_true(for_network || (!is_remedy && m->row == NETWORK));
        m->waits++;
    }
}

static void begin(struct model *m, struct delve_recovery *r)
{
    delve_recovery_begin(r);
    memset(m->tried, 0, sizeof m->tried);
    m->remedies = 0;
    m->start_count = 0;
    m->waits = 0;
    m->last_wait = 0;
}

/* One launch that never gets better than a chance has it: it must come to an end. Returns its number of steps. */
static int run_sequence(struct model *m, struct delve_recovery *r)
{
    struct delve_step step = {.action = DELVE_ACTION_START};
    int steps = 0;
    begin(m, r);
    while (step.action != DELVE_ACTION_GIVE_UP) {
        struct delve_diagnosis d = any_cause(m);
        bool for_network = false;
        m->now += any(m, 4) ? any(m, 1000) : any(m, 2 * WINDOW_MS);
        assert_true(++steps < STEPS);
        if (step.action == DELVE_ACTION_REMEDY) {
            bool mended = any(m, 4) != 0, is_silent = any(m, 3) == 0;
            for_network = !mended && !is_silent && d.signature == &rows[NETWORK];
            step = delve_recovery_remedied(r, mended, mended || is_silent ? &nothing : &d, m->now);
            if (mended)
                assert_start(step, 0);
        } else if (any(m, 8) == 0) {
            step = delve_recovery_died(r, m->now);
            assert_true(step.action != DELVE_ACTION_REMEDY);
            if (step.action == DELVE_ACTION_START)
                check_attempt(m, step);
            continue;
        } else {
            step = delve_recovery_failed(r, &d, m->now);
        }
        check_step(m, r, step, for_network);
        assert_true(m->waits <= m->options.attempts);
    }
    return steps;
}

static void random_launches_keep_the_bounds(void **state)
{
    (void)state;
    struct model m = {.seed = 11};
    int longest = 0, most = 0;
    for (int i = 0; i < SEQUENCES; i++) {
        m.options = usual;
        m.options.mends = any(&m, 8) != 0;
        m.options.cleans_modcache = any(&m, 2) != 0;
        m.options.attempts = (int)any(&m, 6);
        struct delve_recovery *r = new_policy(&m.options);
        for (int launch = 0; launch < 3; launch++) {
            int steps = run_sequence(&m, r);
            longest = steps > longest ? steps : longest;
            most = m.remedies > most ? m.remedies : most;
        }
        delve_recovery_free(r);
    }
    /* The bound was come to: the sequences try something. */
    assert_int_equal(most, REMEDIES_BOUND);
    assert_true(longest > 2 * REMEDIES_BOUND);
}

static void random_deaths_keep_the_bounds(void **state)
{
    (void)state;
    struct model m = {.seed = 12};
    for (int i = 0; i < SEQUENCES; i++) {
        m.options = usual;
        m.options.attempts = 1 + (int)any(&m, 8);
        m.options.backoff_ms = 1 + any(&m, 2000);
        m.options.window_ms = 1000 + any(&m, 2 * WINDOW_MS);
        struct delve_recovery *r = new_policy(&m.options);
        begin(&m, r);
        for (int j = 0; j < STEPS; j++) {
            m.now += any(&m, (unsigned)m.options.window_ms);
            struct delve_step step = delve_recovery_died(r, m.now);
            if (step.action == DELVE_ACTION_START)
                check_attempt(&m, step);
            else
                assert_true(step.exhausted);
            if (any(&m, 10) == 0) {
                delve_recovery_used(r);
                m.start_count = 0;
                m.last_wait = 0;
            }
        }
        delve_recovery_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_launches_keep_the_bounds),
        cmocka_unit_test(random_deaths_keep_the_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
