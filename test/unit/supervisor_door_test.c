/* What logind will do with a supervisor at logout. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/supervisor/door_private.h"

static const char session[] = "0::/user.slice/user-1000.slice/session-3.scope\n";
static const char old_session[] = "1:name=systemd:/user.slice/user-1000.slice/session-c1.scope\n0::/\n";
static const char kills[] = "KillOnlyUsers=\nKillExcludeUsers=root\nKillUserProcesses=yes\n";
static const char lingers[] = "Name=ann\nLinger=yes\n";
static const char leaves[] = "Name=ann\nLinger=no\n";

static void what_logind_leaves(void **state)
{
    (void)state;
    assert_int_equal(door_logout(session, kills, leaves, "ann"), DOOR_IS_KILLED);
    assert_int_equal(door_logout(old_session, kills, leaves, "ann"), DOOR_IS_KILLED);
    assert_int_equal(door_logout(session, kills, lingers, "ann"), DOOR_NEEDS_SCOPE);
    assert_int_equal(door_logout(session, kills, "", "ann"), DOOR_IS_KILLED);
}

static void what_it_does_not_end(void **state)
{
    (void)state;
    assert_int_equal(door_logout("", kills, leaves, "ann"), DOOR_STAYS);
    assert_int_equal(door_logout("0::/user.slice/user-1000.slice/user@1000.service/a.scope\n", kills, leaves, "ann"),
                     DOOR_STAYS);
    assert_int_equal(door_logout(session, "KillUserProcesses=no\n", leaves, "ann"), DOOR_STAYS);
    assert_int_equal(door_logout(session, "", leaves, "ann"), DOOR_STAYS);
    assert_int_equal(door_logout(session, kills, leaves, "root"), DOOR_STAYS);
    assert_int_equal(
        door_logout(session, "KillUserProcesses=yes\nKillOnlyUsers=bob carl\nKillExcludeUsers=\n", leaves, "ann"),
        DOOR_STAYS);
    assert_int_equal(
        door_logout(session, "KillUserProcesses=yes\nKillOnlyUsers=bob ann\nKillExcludeUsers=annie\n", leaves, "ann"),
        DOOR_IS_KILLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_logind_leaves), cmocka_unit_test(what_it_does_not_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
