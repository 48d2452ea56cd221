/* Putting the supervisor on the Go machine: the command, and the conversation until the tunnel begins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "delve/bootstrap.h"
#include "proxy/machine/boot.h"

enum { SIZE = 1000 };
static char bytes[SIZE];
static unsigned char hello[TUNNEL_HELLO_SIZE];
static struct bootstrap_program programs[] = {
    {"x86_64", "0011223344556677889900112233445566778899001122334455667788990011", bytes, SIZE, 0},
    {"aarch64", "1011223344556677889900112233445566778899001122334455667788990011", bytes, SIZE, 1}};

static void crc_is_cksums(void **state)
{
    (void)state;
    assert_int_equal(bootstrap_crc("", 0), 4294967295U);
    assert_int_equal(bootstrap_crc("123456789", 9), 930766865U);
}

static void line_is_plain(void **state)
{
    struct buf b;
    size_t quotes = 0;
    (void)state;
    buf_init(&b, BOOTSTRAP_SCRIPT_MAX);
    assert_int_equal(bootstrap_line(&b, "client", "nonce", TUNNEL_HELLO_SIZE, programs, 2), 0);
    assert_true(b.len < BOOTSTRAP_LINE_MAX);
    assert_int_equal(strcspn(b.data, "\n\\!\r\t"), b.len);
    for (size_t i = 0; i < b.len; i++) {
        assert_in_range(b.data[i], ' ', '~');
        quotes += b.data[i] == '\'';
    }
    assert_int_equal(quotes, 2);
    assert_memory_equal(b.data, "exec sh -c '", 12);
    assert_non_null(strstr(b.data, "' delvegate client nonce 96 x86_64:0011"));
    buf_clear(&b);
    assert_int_equal(bootstrap_script(&b, "client", "nonce", TUNNEL_HELLO_SIZE, programs, 2), 0);
    assert_memory_equal(b.data + b.len - BOOTSTRAP_PADDING - 1, "1\n\n", 3);
    buf_free(&b);
}

static void words_are_checked(void **state)
{
    static const char *const bad[] = {"", "a b", "a'b", "a;b", "$(id)", "a\nb", "caf\xc3\xa9"};
    struct bootstrap_program odd = programs[0];
    struct buf b;
    (void)state;
    buf_init(&b, BOOTSTRAP_SCRIPT_MAX);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(bootstrap_line(&b, bad[i], "nonce", 96, programs, 1), -1);
        assert_int_equal(bootstrap_line(&b, "client", bad[i], 96, programs, 1), -1);
        odd.arch = bad[i];
        assert_int_equal(bootstrap_script(&b, "client", "nonce", 96, &odd, 1), -1);
    }
    assert_int_equal(b.len, 0);
    buf_free(&b);
}

/* What is sent is taken as far as there is something, and checked. */
static size_t sent_all(struct boot *b, const char *expected, size_t len)
{
    const char *out;
    size_t n = boot_output(b, &out);
    assert_int_equal(n, len);
    assert_memory_equal(out, expected, len);
    for (; n > 0; n = boot_output(b, &out))
        boot_sent(b, n > 7 ? 7 : n);
    return len;
}

static char lead[6 + TUNNEL_HELLO_SIZE];

static void begin(struct boot *b)
{
    for (size_t i = 0; i < sizeof hello; i++)
        hello[i] = (unsigned char)i;
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)(i * 7);
    memcpy(lead, "nonce\n", 6);
    memcpy(lead + 6, hello, sizeof hello);
    boot_init(b, "nonce", hello, programs, 2, "testhost");
    sent_all(b, lead, sizeof lead);
}

/* Gives it in two pieces. Returns how many bytes it took. */
static size_t give(struct boot *b, const char *text, size_t split)
{
    size_t len = strlen(text), used = boot_receive(b, text, split < len ? split : len);
    if (split >= len || used < split)
        return used;
    return used + boot_receive(b, text + split, len - split);
}

static void all_the_way(void **state)
{
    static const char need[] = "motd\nno newline delvegate other need x\ndelvegate nonce need aarch64\n";
    static const char end[] = "delvegate nonce got\n";
    static const char ready[] = "delvegate nonce ready build-1\nTUNNEL";
    (void)state;
    for (size_t split = 0; split < sizeof need; split++) {
        struct boot b;
        begin(&b);
        assert_int_equal(give(&b, need, split), sizeof need - 1);
        assert_true(boot_is_uploading(&b));
        sent_all(&b, bytes, SIZE);
        assert_int_equal(give(&b, end, split), sizeof end - 1);
        assert_false(boot_is_uploading(&b));
        sent_all(&b, lead, sizeof lead);
        assert_int_equal(give(&b, ready, split), sizeof ready - 1 - 6);
        assert_int_equal(b.state, BOOT_READY);
    }
}

static void noise_of_any_length(void **state)
{
    static char noise[3 * BOOT_ANSWER_MAX];
    struct boot b;
    (void)state;
    memset(noise, ' ', sizeof noise);
    for (size_t len = sizeof noise - 100; len < sizeof noise; len++) {
        begin(&b);
        assert_int_equal(boot_receive(&b, noise, len), len);
        assert_int_equal(give(&b, "delvegate nonce ready b\n", 3), 24);
        assert_int_equal(b.state, BOOT_READY);
    }
}

static const char *over(const char *text)
{
    static struct boot b;
    begin(&b);
    (void)give(&b, text, strlen(text));
    assert_int_equal(b.state, BOOT_OVER);
    const char *out;
    assert_int_equal(boot_output(&b, &out), 0);
    return boot_why(&b)->text;
}

static void errors(void **state)
{
    (void)state;
    assert_string_equal(over("delvegate nonce error arch riscv64\n"),
                        "testhost has a processor of type riscv64, but this delvegate contains the supervisor only for "
                        "x86_64, aarch64; build delvegate with `make SUPERVISORS=\"x86_64 aarch64 riscv64\"`");
    assert_non_null(strstr(over("delvegate nonce need mips\n"), "type mips"));
    assert_non_null(strstr(over("delvegate nonce error disk /a: full\n"), "the disk is full"));
    assert_string_equal(over("delvegate nonce error silent the supervisor (pid 4) does not answer\n"),
                        "On testhost: the supervisor (pid 4) does not answer");
    assert_non_null(strstr(over("delvegate nonce error\n"), "no reason"));
    assert_non_null(strstr(
        over("delvegate nonce need x86_64\ndelvegate nonce need x86_64\ndelvegate nonce need x86_64\n"), "twice"));
}

static const char *lost(const char *text, const char *why)
{
    static struct boot b;
    struct err e;
    begin(&b);
    (void)give(&b, text, strlen(text));
    err_set(&e, "%s", why);
    boot_lost(&b, &e);
    return boot_why(&b)->text;
}

static void losses(void **state)
{
    (void)state;
    assert_non_null(strstr(lost("", "rbash: line 1: exec: restricted"), "restricted and cannot run the supervisor"));
    assert_string_equal(
        lost("This account is not available.\n", "it ended with status 1"),
        "The shell on testhost ended before the supervisor could be started, with the output \"This account is not "
        "available.\": it ended with status 1");
    assert_string_equal(lost("", "it ended"), "it ended");
    assert_string_equal(lost("delvegate nonce error run f: no\n", "it ended"),
                        "On testhost the supervisor cannot be run (f: no); check that machine's system log");
}

static void the_end_is_reported(void **state)
{
    static const char tail[] = "frames\ndelvegate nonce gone 12\n";
    struct boot b;
    (void)state;
    begin(&b);
    (void)give(&b, "delvegate nonce ready b\n", 0);
    assert_int_equal(boot_tunnel(&b, "\n\n", 2), 2);
    assert_int_equal(b.state, BOOT_READY);
    assert_int_equal(boot_tunnel(&b, tail, sizeof tail - 1), 6);
    assert_int_equal(b.state, BOOT_OVER);
    assert_string_equal(boot_why(&b)->text, "The supervisor on testhost ended unexpectedly");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(crc_is_cksums),
                                       cmocka_unit_test(line_is_plain),
                                       cmocka_unit_test(words_are_checked),
                                       cmocka_unit_test(all_the_way),
                                       cmocka_unit_test(errors),
                                       cmocka_unit_test(losses),
                                       cmocka_unit_test(noise_of_any_length),
                                       cmocka_unit_test(the_end_is_reported)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
