/* What OpenSSH's programs print, read: destinations, `ssh -G`, `ssh-keygen -F`, tokens; and SSH's binary data. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/ssh/ssh_ignored.h"
#include "proxy/ssh/ssh_offer.h"
#include "proxy/ssh/ssh_parse.h"

#define ED "AAAAC3NzaC1lZDI1NTE5AAAAINBbkbNY6ENu5bj8vMcf/AQCKV5o4GZ0umtpSxnqQMn/"
#define ED2 "AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g"

static void destinations(void **state)
{
    (void)state;
    static const struct {
        const char *text, *ssh;
        int port;
    } good[] = {
        {"gomachine", "gomachine", 0},
        {"me@gomachine", "me@gomachine", 0},
        {"me@10.0.0.5:2222", "me@10.0.0.5", 2222},
        {"gomachine:65535", "gomachine", 65535},
        {"::1", "::1", 0},
        {"me@fe80::1", "me@fe80::1", 0},
        {"[::1]:22", "::1", 22},
        {"me@[::1]", "me@::1", 0},
        {"a@b@host:1", "a@b@host", 1},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct ssh_destination d;
        struct err e;
        assert_int_equal(ssh_destination_parse(good[i].text, &d, &e), 0);
        assert_string_equal(d.ssh, good[i].ssh);
        assert_int_equal(d.port, good[i].port);
        ssh_destination_free(&d);
    }
    static const char *const bad[] = {
        "",      "me@",  "@host",  "host:", "host:0", "host:65536", "host:x", "host:1x", "-oProxyCommand=x",
        "me@-x", "[::1", "[::1]x", "[]:1",  ":22",    "host:000022"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ssh_destination d;
        struct err e = {.text = ""};
        assert_int_equal(ssh_destination_parse(bad[i], &d, &e), -1);
        assert_true(strstr(e.text, "SSH destination") != NULL);
        ssh_destination_free(&d);
    }
}

static void settings(void **state)
{
    (void)state;
    struct ssh_settings s;
    struct err e;
    assert_int_equal(ssh_settings_parse("host x\nuser me\nhostname 10.0.0.5\nport 2222\naddressfamily inet6\n"
                                        "identitiesonly yes\nstricthostkeychecking false\nhostkeyalias alias\n"
                                        "identityagent $FOO\nproxyjump none\nproxycommand nc %h %p\n"
                                        "identityfile ~/.ssh/with blank\nidentityfile ~/.ssh/%h\n"
                                        "globalknownhostsfile /g1 /g2\nuserknownhostsfile /u1\nconnecttimeout none\n"
                                        "serveraliveinterval 7\nserveralivecountmax 3\npubkeyauthentication false\n"
                                        "certificatefile ~/c\npkcs11provider none\nproxyusefdpass "
                                        "yes\nverifyhostkeydns ask\ncontrolpath none\nunknownthing 1\nnovalue\r\n",
                                        &s, &e),
                     0);
    assert_string_equal(s.host_name, "10.0.0.5");
    assert_string_equal(s.user, "me");
    assert_int_equal(s.port, 2222);
    assert_int_equal(s.family, SSH_FAMILY_INET6);
    assert_true(s.identities_only);
    assert_int_equal(s.policy, SSH_HOST_KEY_ACCEPT_UNKNOWN);
    assert_string_equal(s.host_key_alias, "alias");
    assert_string_equal(s.identity_agent, "$FOO");
    assert_null(s.proxy_jump);
    assert_string_equal(s.proxy_command, "nc %h %p");
    assert_int_equal(s.identity_files.count, 2);
    assert_string_equal(s.identity_files.items[0], "~/.ssh/with blank");
    assert_int_equal(s.known_hosts_files.count, 1);
    assert_string_equal(s.known_hosts_files.items[0], "/u1");
    assert_int_equal(s.global_known_files.count, 2);
    assert_string_equal(s.global_known_files.items[1], "/g2");
    assert_int_equal(s.connect_timeout, 0);
    assert_int_equal(s.alive_interval, 7);
    assert_true(s.no_public_key);
    assert_int_equal(s.certificate_files.count, 1);
    assert_string_equal(s.certificate_files.items[0], "~/c");
    assert_null(s.pkcs11_provider);
    assert_null(s.control_path);
    assert_true(s.proxy_passes_fd);
    assert_true(s.asks_dns);
    ssh_settings_free(&s);

    static const char *const policies[] = {"accept-new", "true", "yes"};
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
        char text[128];
        (void)snprintf(text, sizeof text, "user me\nhostname h\nstricthostkeychecking %s\n", policies[i]);
        assert_int_equal(ssh_settings_parse(text, &s, &e), 0);
        assert_int_equal(s.policy, i == 0 ? SSH_HOST_KEY_ACCEPT_NEW : SSH_HOST_KEY_KNOWN);
        assert_int_equal(s.port, 22);
        ssh_settings_free(&s);
    }
    static const char *const bad[] = {"", "user me\n", "hostname h\n", "user me\nhostname h\nport 99999\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(ssh_settings_parse(bad[i], &s, &e), -1);
        ssh_settings_free(&s);
    }
}

static char *home_of(const char *user)
{
    return strcmp(user, "other") == 0 ? strdup("/home/other") : NULL;
}

static void tokens(void **state)
{
    (void)state;
    struct ssh_tokens t = {.home = "/home/me",
                           .host = "10.0.0.5",
                           .original = "gomachine",
                           .user = "remote",
                           .local_user = "me",
                           .local_uid = "1000",
                           .local_host = "laptop.example",
                           .key_alias = "alias",
                           .jump_host = "bastion",
                           .hash = "0f",
                           .port = 2222,
                           .home_of = home_of};
    assert_int_equal(setenv("SSH_PARSE_TEST", "value", 1), 0);
    static const struct {
        enum ssh_expansion how;
        const char *text, *expanded;
    } good[] = {
        {SSH_EXPAND_FILE, "~/.ssh/id", "/home/me/.ssh/id"},
        {SSH_EXPAND_FILE, "~", "/home/me"},
        {SSH_EXPAND_FILE, "~other/x", "/home/other/x"},
        {SSH_EXPAND_FILE, "~other", "/home/other"},
        {SSH_EXPAND_FILE, "x~/y", "x~/y"},
        {SSH_EXPAND_FILE, "/a/%d/%h_%k_%n_%p_%r_%u_%%", "/a//home/me/10.0.0.5_alias_gomachine_2222_remote_me_%"},
        {SSH_EXPAND_FILE, "%C%i%j%l%L", "0f1000bastionlaptop.examplelaptop"},
        {SSH_EXPAND_FILE, "x${SSH_PARSE_TEST}y$z", "xvaluey$z"},
        {SSH_EXPAND_FILE, "", ""},
        {SSH_EXPAND_COMMAND, "~/nc %h %k %n %p %r %%", "~/nc 10.0.0.5 alias gomachine 2222 remote %"},
        {SSH_EXPAND_COMMAND, "x ${SSH_PARSE_NOT_SET:-$1} ${SSH_PARSE_TEST} ${",
         "x ${SSH_PARSE_NOT_SET:-$1} ${SSH_PARSE_TEST} ${"},
    };
    struct err e;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char *text = ssh_expand(good[i].text, good[i].how, &t, &e);
        assert_non_null(text);
        assert_string_equal(text, good[i].expanded);
        free(text);
    }
    static const struct {
        enum ssh_expansion how;
        const char *text, *message;
    } bad[] = {
        {SSH_EXPAND_FILE, "%Z", "%Z"},
        {SSH_EXPAND_FILE, "x%", "single %"},
        {SSH_EXPAND_FILE, "${SSH_PARSE_TEST", "not set"},
        {SSH_EXPAND_FILE, "${SSH_PARSE_NOT_SET}", "not set"},
        {SSH_EXPAND_FILE, "~nobody/x", "no such user"},
        {SSH_EXPAND_COMMAND, "%d", "%d"},
        {SSH_EXPAND_COMMAND, "%u", "%u"},
        {SSH_EXPAND_COMMAND, "%C", "%C"},
        {SSH_EXPAND_COMMAND, "x%", "single %"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(ssh_expand(bad[i].text, bad[i].how, &t, &e));
        assert_non_null(strstr(e.text, bad[i].message));
    }
    t.hash = NULL;
    assert_null(ssh_expand("%C", SSH_EXPAND_FILE, &t, &e));
    assert_non_null(strstr(e.text, "ProxyJump"));
}

static void what_is_ignored(void **state)
{
    (void)state;
    static const char defaults[] = "forwardagent no\nciphers a,b\nsendenv KEPT\nipqos lowdelay throughput\n";
    struct ssh_list out = {0};
    assert_int_equal(
        ssh_ignored("forwardagent no\nciphers a,b\nsendenv KEPT\nsendenv LC_*\nsendenv LANG\nipqos none none\n"
                    "controlpath none\ncompression no\nhostname h\ntunnel false\nversionaddendum\n",
                    defaults, &out),
        0);
    assert_int_equal(out.count, 0);
    assert_int_equal(ssh_ignored("ciphers a\nsetenv A=b\nsetenv C=d\nforwardagent /agent\nsendenv LC_ALL\nsendenv X",
                                 defaults, &out),
                     0);
    static const char *const named[] = {"Ciphers: ", "ForwardAgent: ", "SendEnv: ", "SetEnv: "};
    assert_int_equal(out.count, sizeof named / sizeof *named);
    for (size_t i = 0; i < out.count; i++)
        assert_ptr_equal(strstr(out.items[i], named[i]), out.items[i]);
    ssh_list_free(&out);
}

static void names(void **state)
{
    (void)state;
    static const struct {
        struct ssh_settings s;
        const char *name;
    } cases[] = {
        {{.host_name = "Host.Example", .port = 22}, "host.example"},
        {{.host_name = "10.0.0.5", .port = 2222}, "[10.0.0.5]:2222"},
        {{.host_name = "::1", .port = 2222}, "[::1]:2222"},
        {{.host_name = "10.0.0.5", .port = 2222, .host_key_alias = "Alias"}, "alias"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *name = ssh_known_name(&cases[i].s);
        assert_non_null(name);
        assert_string_equal(name, cases[i].name);
        free(name);
    }
}

static struct buf blob(const char *base64)
{
    struct buf b;
    buf_init(&b, 1024);
    assert_int_equal(ssh_base64_decode(base64, strlen(base64), &b), 0);
    return b;
}

static enum ssh_verdict check(const struct ssh_known *k, const char *base64, const struct ssh_known_key **at)
{
    struct buf b = blob(base64);
    enum ssh_verdict v =
        ssh_known_check(k, &(struct ssh_known){0}, (struct ssh_bytes){(const unsigned char *)b.data, b.len}, at);
    buf_free(&b);
    return v;
}

static void known(void **state)
{
    (void)state;
    struct ssh_known k = {0};
    const struct ssh_known_key *at;
    assert_int_equal(check(&k, ED, &at), SSH_VERDICT_UNKNOWN);
    assert_null(at);

    assert_int_equal(ssh_known_parse("# Host h found: line 2 \n[127.0.0.*]:* ssh-ed25519 " ED " comment\r\n"
                                     "# Host h found: line 3 CA\n@cert-authority h ssh-ed25519 " ED2 "\n"
                                     "garbage\nh ssh-ed25519 !!!\nh ssh-rsa " ED2 "\n@new h ssh-ed25519 " ED2 "\n",
                                     "/file", true, &k),
                     0);
    assert_int_equal(k.count, 2);
    assert_int_equal(check(&k, ED, &at), SSH_VERDICT_KNOWN);
    assert_int_equal(at->line, 2);
    assert_string_equal(at->file, "/file");
    assert_int_equal(check(&k, ED2, &at), SSH_VERDICT_CHANGED);
    assert_int_equal(at->line, 2);

    assert_int_equal(
        ssh_known_parse("# Host h found: line 9 REVOKED\n@revoked * ssh-ed25519 " ED "\n", "/other", true, &k), 0);
    assert_int_equal(check(&k, ED, &at), SSH_VERDICT_REVOKED);
    assert_int_equal(at->line, 9);
    assert_string_equal(at->file, "/other");

    struct buf methods;
    buf_init(&methods, 256);
    ssh_known_methods(&k, &(struct ssh_known){0}, &methods);
    assert_string_equal(methods.data, "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,"
                                      "rsa-sha2-512,rsa-sha2-256,ssh-rsa");
    buf_free(&methods);
    ssh_known_free(&k);
}

/* A CA or a revoked key alone says nothing about who the host is. */
static void only_marked(void **state)
{
    (void)state;
    struct ssh_known k = {0};
    const struct ssh_known_key *at;
    assert_int_equal(ssh_known_parse("@cert-authority * ssh-ed25519 " ED "\n", "/file", true, &k), 0);
    assert_int_equal(check(&k, ED, &at), SSH_VERDICT_UNKNOWN);
    assert_non_null(at);
    assert_int_equal(at->kind, SSH_KNOWN_AUTHORITY);
    assert_false(ssh_known_any(&k));
    ssh_known_free(&k);
}

/* What is recorded under the name without its port vouches for a key, and never makes another one a changed one. */
static void without_port(void **state)
{
    (void)state;
    struct ssh_known k = {0};
    struct ssh_known plain = {0};
    const struct ssh_known_key *at;
    struct buf shown = blob(ED);
    struct ssh_bytes b = {(const unsigned char *)shown.data, shown.len};
    assert_int_equal(ssh_known_parse("h ssh-ed25519 " ED2 "\n", "/plain", true, &plain), 0);
    assert_int_equal(ssh_known_check(&k, &plain, b, &at), SSH_VERDICT_UNKNOWN);
    assert_null(at);
    assert_int_equal(ssh_known_parse("h,g?? ssh-ed25519 " ED "\n", "/plain", false, &plain), 0);
    assert_int_equal(ssh_known_check(&k, &plain, b, &at), SSH_VERDICT_KNOWN);
    assert_string_equal(at->file, "/plain");
    assert_true(at->is_pattern);
    assert_false(at->is_user_file);
    assert_int_equal(ssh_known_parse("[h]:1 ssh-ed25519 " ED2 "\n", "/file", true, &k), 0);
    assert_int_equal(ssh_known_check(&k, &plain, b, &at), SSH_VERDICT_CHANGED);
    assert_false(at->is_pattern);
    ssh_known_free(&k);
    assert_int_equal(ssh_known_parse("@revoked * ssh-ed25519 " ED "\n", "/plain", true, &plain), 0);
    assert_int_equal(ssh_known_check(&k, &plain, b, &at), SSH_VERDICT_REVOKED);
    assert_string_equal(at->file, "/plain");
    ssh_known_free(&plain);
    buf_free(&shown);

    struct ssh_settings s = {.host_name = (char *)"Host", .port = 2222};
    char *name = ssh_known_plain_name(&s);
    assert_string_equal(name, "host");
    free(name);
    s.port = 22;
    assert_null(ssh_known_plain_name(&s));
    s = (struct ssh_settings){.host_name = (char *)"Host", .port = 2222, .host_key_alias = (char *)"a"};
    assert_null(ssh_known_plain_name(&s));
}

/* The start of a server's stream: a banner, its line, and SSH_MSG_KEXINIT with these lists. */
static void put_stream(struct buf *b, const char *prelude, const char *const *lists, size_t count)
{
    struct buf packet;
    buf_init(&packet, 4096);
    ssh_put_byte(&packet, 4);
    ssh_put_byte(&packet, 20);
    buf_append(&packet, "0123456789abcdef", 16);
    for (size_t i = 0; i < count; i++)
        ssh_put_string(&packet, lists[i], strlen(lists[i]));
    buf_append(&packet, "pad.", 4);
    buf_printf(b, "%sSSH-2.0-test\r\n", prelude);
    ssh_put_string(b, packet.data, packet.len);
    buf_puts(b, "more");
    assert_false(b->failed || packet.failed);
    buf_free(&packet);
}

static struct ssh_bytes of(const char *text)
{
    return (struct ssh_bytes){(const unsigned char *)text, strlen(text)};
}

static void offers(void **state)
{
    (void)state;
    static const char *const lists[] = {"kex", "rsa-sha2-512,rsa-sha2-256", "c1", "c2", "m1", "", "", ""};
    struct buf b;
    buf_init(&b, 8192);
    put_stream(&b, "hello\r\nthere\n", lists, sizeof lists / sizeof *lists);
    for (size_t cut = 0; cut <= b.len; cut++) {
        struct ssh_offer o;
        ssh_offer_init(&o);
        ssh_offer_feed(&o, b.data, cut);
        ssh_offer_feed(&o, b.data + cut, b.len - cut);
        assert_true(o.known && o.over);
        for (int i = 0; i < SSH_OFFER_COUNT; i++)
            assert_true(ssh_bytes_are(o.lists[i], lists[i]));
        assert_true(ssh_bytes_are(ssh_offer_prelude(&o), "hello"));
        ssh_offer_free(&o);
    }
    buf_clear(&b);
    put_stream(&b, "", lists, 3);
    struct ssh_offer o;
    ssh_offer_init(&o);
    ssh_offer_feed(&o, b.data, b.len);
    assert_true(o.over && !o.known);
    assert_int_equal(ssh_offer_prelude(&o).len, 0);
    ssh_offer_free(&o);
    buf_free(&b);

    ssh_offer_init(&o);
    char chunk[4096];
    memset(chunk, 'x', sizeof chunk);
    for (int i = 0; i < 17; i++)
        ssh_offer_feed(&o, chunk, sizeof chunk);
    assert_true(o.over && !o.known && o.seen.len <= SSH_OFFER_MAX);
    ssh_offer_free(&o);

    assert_true(ssh_names_meet(of("a,bb,c"), of("x,bb")));
    assert_false(ssh_names_meet(of("a,bb,c"), of("b,cc,")));
    assert_false(ssh_names_meet(of(""), of("a")));
    assert_false(ssh_names_meet(of("a"), of("")));
}

static void wire(void **state)
{
    (void)state;
    struct buf b = blob(ED);
    struct ssh_reader r = {.left = {(const unsigned char *)b.data, b.len}};
    assert_true(ssh_bytes_are(ssh_read_string(&r), "ssh-ed25519"));
    assert_int_equal(ssh_read_string(&r).len, 32);
    assert_false(r.failed);
    assert_int_equal(ssh_read_u32(&r), 0);
    assert_true(r.failed);
    assert_int_equal(ssh_read_string(&r).len, 0);

    struct buf text;
    buf_init(&text, 1024);
    ssh_base64_encode((struct ssh_bytes){(const unsigned char *)b.data, b.len}, &text);
    assert_string_equal(text.data, ED);
    buf_free(&text);
    buf_free(&b);

    static const unsigned char too_long[] = {0xff, 0xff, 0xff, 0xff, 'x'};
    r = (struct ssh_reader){.left = {too_long, sizeof too_long}};
    assert_int_equal(ssh_read_string(&r).len, 0);
    assert_true(r.failed);

    buf_init(&b, 1024);
    assert_int_equal(ssh_base64_decode("YQ==", 4, &b), 0);
    assert_string_equal(b.data, "a");
    assert_int_equal(ssh_base64_decode("YQ=a", 4, &b), -1);
    assert_int_equal(ssh_base64_decode("Y", 1, &b), -1);
    assert_int_equal(ssh_base64_decode("Y\0Q", 3, &b), -1);
    buf_free(&b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(destinations), cmocka_unit_test(settings),        cmocka_unit_test(tokens),
        cmocka_unit_test(names),        cmocka_unit_test(known),           cmocka_unit_test(only_marked),
        cmocka_unit_test(wire),         cmocka_unit_test(what_is_ignored), cmocka_unit_test(without_port),
        cmocka_unit_test(offers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
