/* What of `ssh -G` asks for the ssh program, and the tail of a program's stderr. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "proxy/machine/stderr_tail.h"
#include "proxy/ssh/ssh_unsupported.h"

enum { TEXT_MAX = 1024 };

static const struct ssh_algorithms algorithms = {
    .host_key = "ssh-ed25519,ssh-rsa", .kex = "curve25519-sha256", .cipher = "aes256-ctr", .mac = "hmac-sha2-256"};

static void settings(void **state)
{
    static const struct {
        const char *text, *why; /* NULL: libssh2 will do */
    } cases[] = {
        {"", NULL},
        {"pkcs11provider none\n", NULL},
        {"pkcs11provider /lib/p.so\n", "PKCS11Provider is set"},
        {"knownhostscommand none\n", NULL},
        {"knownhostscommand /bin/known\n", "KnownHostsCommand is set"},
        {"gssapiauthentication yes\n", NULL},
        {"gssapiauthentication yes\npreferredauthentications gssapi-with-mic,publickey\n", NULL},
        {"gssapiauthentication yes\npreferredauthentications gssapi-with-mic\n", "GSSAPI"},
        {"gssapiauthentication no\npreferredauthentications gssapi-with-mic\n", NULL},
        {"gssapiauthentication yes\npubkeyauthentication no\n", "GSSAPI"},
        {"gssapiauthentication yes\npubkeyauthentication no\npreferredauthentications password\n", NULL},
        {"hostbasedauthentication yes\npreferredauthentications hostbased,password\n", "host-based"},
        {"preferredauthentications password\n", NULL},
        {"proxyusefdpass yes\n", NULL},
        {"proxyusefdpass yes\nproxycommand nc -F %h %p\n", "ProxyUseFdpass"},
        {"hostkeyalgorithms rsa-sha2-512,ssh-ed25519\n", NULL},
        {"hostkeyalgorithms rsa-sha2-512,ssh-ed25519-cert-v01@openssh.com\n", "HostKeyAlgorithms"},
        {"kexalgorithms sntrup761x25519-sha512@openssh.com\n", "KexAlgorithms"},
        {"kexalgorithms sntrup761x25519-sha512@openssh.com,curve25519-sha256\n", NULL},
        {"ciphers aes256-gcm@openssh.com\n", "Ciphers"},
        {"ciphers aes256-ctr\n", NULL},
        {"macs hmac-sha2-256-etm@openssh.com\n", "MACs"},
        {"macs hmac-sha2-256-etm@openssh.com,hmac-sha2-256\n", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[TEXT_MAX];
        struct ssh_settings s;
        struct err e;
        (void)snprintf(text, sizeof text, "hostname h\nuser u\n%s", cases[i].text);
        assert_int_equal(ssh_settings_parse(text, &s, &e), 0);
        const char *why = ssh_unsupported(&s, &algorithms);
        if (!why != !cases[i].why || (why && !strstr(why, cases[i].why)))
            fail_msg("%s gave: %s", cases[i].text, why ? why : "nothing");
        ssh_settings_free(&s);
    }
}

static void the_tail_of_stderr(void **state)
{
    struct stderr_tail w = {0};
    char many[3 * STDERR_TAIL_MAX];
    (void)state;
    assert_string_equal(stderr_tail_text(&w), "");
    stderr_tail_add(&w, "a\r\nb \0\033[1m\xff\n\n", 13);
    assert_string_equal(stderr_tail_text(&w), "a\nb ??[1m?");
    memset(many, 'x', sizeof many);
    stderr_tail_add(&w, many, sizeof many);
    stderr_tail_add(&w, "the end", strlen("the end"));
    assert_int_equal(strlen(stderr_tail_text(&w)), STDERR_TAIL_MAX);
    assert_string_equal(stderr_tail_text(&w) + STDERR_TAIL_MAX - strlen("xthe end"), "xthe end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(settings), cmocka_unit_test(the_tail_of_stderr)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
