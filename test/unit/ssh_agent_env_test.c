/* The output of `systemctl --user show-environment`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/ssh/ssh_agent_env.h"

static char value[SSH_AGENT_ENV_VALUE_MAX];

static enum ssh_agent_env find(const char *text)
{
    memset(value, 'x', sizeof value);
    return ssh_agent_env_value(text, "SSH_AUTH_SOCK", value);
}

#define assert_value(text, wanted)                                                                                     \
    do {                                                                                                               \
        assert_int_equal(find(text), SSH_AGENT_ENV_SET);                                                               \
        assert_string_equal(value, wanted);                                                                            \
    } while (0)

#define assert_none(text, why)                                                                                         \
    do {                                                                                                               \
        assert_int_equal(find(text), why);                                                                             \
        assert_string_equal(value, "");                                                                                \
    } while (0)

static void plain_values(void **state)
{
    (void)state;
    assert_value("SSH_AUTH_SOCK=/run/user/1000/keyring/ssh\n", "/run/user/1000/keyring/ssh");
    assert_value("HOME=/root\nSSH_AUTH_SOCK=/a\nPATH=/bin\n", "/a");
    assert_value("SSH_AUTH_SOCK=/without/newline", "/without/newline");
    assert_value("SSH_AUTH_SOCK=/first\nSSH_AUTH_SOCK=/last\n", "/last");
    assert_value("SSH_AUTH_SOCK=/a=b$c\n", "/a=b$c");
}

static void quoted_values(void **state)
{
    (void)state;
    assert_value("SSH_AUTH_SOCK=$'/run/user/1000/with space'\n", "/run/user/1000/with space");
    assert_value("SSH_AUTH_SOCK=$'/it\\'s \"here\"'\nX=1\n", "/it's \"here\"");
    assert_value("SSH_AUTH_SOCK=$'a\\nb\\tc\\\\d\\a\\b\\f\\r\\v\\e'\n", "a\nb\tc\\d\a\b\f\r\v\033");
    assert_value("SSH_AUTH_SOCK=$'\\001\\177\\303\\244\\x41\\x7e\\x4g'\n", "\001\177\303\244A~\004g");
    assert_value("SSH_AUTH_SOCK=$'/\303\274ber'\n", "/\303\274ber");
    assert_value("SSH_AUTH_SOCK=\"/a b\\\"\\$\\x\"\n", "/a b\"$\\x");
}

static void absent(void **state)
{
    (void)state;
    assert_none("", SSH_AGENT_ENV_ABSENT);
    assert_none("\n\n", SSH_AGENT_ENV_ABSENT);
    assert_none("HOME=/root\nXSSH_AUTH_SOCK=/a\nSSH_AUTH_SOCKET=/b\nSSH_AUTH_SOCK\n", SSH_AGENT_ENV_ABSENT);
    assert_none("ssh_auth_sock=/a\nOTHER=SSH_AUTH_SOCK=/a\n", SSH_AGENT_ENV_ABSENT);
    assert_none("OTHER=$'first\\nSSH_AUTH_SOCK=/a'\n", SSH_AGENT_ENV_ABSENT);
    assert_none("SSH_AUTH_SOCK=\n", SSH_AGENT_ENV_ABSENT);
    assert_none("SSH_AUTH_SOCK=\"\"\n", SSH_AGENT_ENV_ABSENT);
    assert_none("SSH_AUTH_SOCK=$''\n", SSH_AGENT_ENV_ABSENT);
    assert_none("SSH_AUTH_SOCK=/unset\nSSH_AUTH_SOCK=\n", SSH_AGENT_ENV_ABSENT);
}

static void broken(void **state)
{
    (void)state;
    assert_none("SSH_AUTH_SOCK=$'/no end\n", SSH_AGENT_ENV_BROKEN);
    assert_none("SSH_AUTH_SOCK=$'\n", SSH_AGENT_ENV_BROKEN);
    assert_none("SSH_AUTH_SOCK=\"\n", SSH_AGENT_ENV_BROKEN);
    assert_none("SSH_AUTH_SOCK=$'/a'/b\n", SSH_AGENT_ENV_BROKEN);
    assert_none("SSH_AUTH_SOCK=$'/a\\'\n", SSH_AGENT_ENV_BROKEN);
    assert_none("SSH_AUTH_SOCK=$'/a\\", SSH_AGENT_ENV_BROKEN);
    assert_none("SSH_AUTH_SOCK=$'/a\\z'\n", SSH_AGENT_ENV_BROKEN);
    assert_none("SSH_AUTH_SOCK=$'/a\\xg'\n", SSH_AGENT_ENV_BROKEN);
    assert_none("SSH_AUTH_SOCK=$'/a\\0b'\n", SSH_AGENT_ENV_BROKEN);
    assert_none("SSH_AUTH_SOCK=$'/a\\777'\n", SSH_AGENT_ENV_BROKEN);
    assert_none("SSH_AUTH_SOCK=\"/a\"b\n", SSH_AGENT_ENV_BROKEN);
}

/* begin, count times c, end. */
static char *long_text(const char *begin, size_t count, const char *end)
{
    size_t size = strlen(begin) + count + strlen(end) + 1;
    char *text = malloc(size);
    assert_non_null(text);
    memcpy(text, begin, strlen(begin));
    memset(text + strlen(begin), 'c', count);
    memcpy(text + strlen(begin) + count, end, strlen(end) + 1);
    return text;
}

static void bounded(void **state)
{
    (void)state;
    static const char *const begins[] = {"SSH_AUTH_SOCK=", "SSH_AUTH_SOCK=$'", "SSH_AUTH_SOCK=\""};
    static const char *const ends[] = {"\n", "'\n", "\"\n"};
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
        char *fits = long_text(begins[i], SSH_AGENT_ENV_VALUE_MAX - 1, ends[i]);
        assert_int_equal(find(fits), SSH_AGENT_ENV_SET);
        assert_int_equal(strlen(value), SSH_AGENT_ENV_VALUE_MAX - 1);
        free(fits);
        char *too_long = long_text(begins[i], SSH_AGENT_ENV_VALUE_MAX, ends[i]);
        assert_none(too_long, SSH_AGENT_ENV_BROKEN);
        free(too_long);
    }
    enum { HUGE_COUNT = 4 * 1024 * 1024 };
    char *other = long_text("OTHER=$'", HUGE_COUNT, "'\nSSH_AUTH_SOCK=/behind\n");
    assert_value(other, "/behind");
    free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_values), cmocka_unit_test(quoted_values), cmocka_unit_test(absent),
        cmocka_unit_test(broken),       cmocka_unit_test(bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
