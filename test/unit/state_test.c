/* The one setter of every state machine: legal edges move it, others end a build for tests. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/base/state.h"

enum lamp { OFF, ON, BROKEN };

static const char *const names[] = {"off", "on", "broken"};
static const unsigned edges[] = {
    [OFF] = STATE_BIT(ON) | STATE_BIT(BROKEN), [ON] = STATE_BIT(OFF) | STATE_BIT(BROKEN), [BROKEN] = 0};
static const struct states lamp = {"lamp", names, edges};

static unsigned next(unsigned from, unsigned to)
{
    return state_next(&lamp, from, to, CONFIG_LOG_DEBUG, "test", "because");
}

static void legal_edges_move(void **state)
{
    (void)state;
    assert_int_equal(next(OFF, ON), ON);
    assert_int_equal(next(ON, OFF), OFF);
    assert_int_equal(next(ON, BROKEN), BROKEN);
}

static void an_impossible_edge_ends_a_build_for_tests(void **state)
{
    int status = 0;
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGABRT, SIG_DFL);
        (void)next(BROKEN, ON);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
#ifdef STATE_ABORTS
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
#else
    assert_true(WIFEXITED(status));
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(legal_edges_move),
        cmocka_unit_test(an_impossible_edge_ends_a_build_for_tests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
