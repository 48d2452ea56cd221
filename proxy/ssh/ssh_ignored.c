#include "proxy/ssh/ssh_ignored.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { IGNORED_TEXT_MAX = 256 };

struct value {
    const char *text;
    size_t len;
};

static bool is(struct value v, const char *text)
{
    return strlen(text) == v.len && strncasecmp(v.text, text, v.len) == 0;
}

static bool begins(struct value v, const char *text)
{
    return v.len >= strlen(text) && strncasecmp(v.text, text, strlen(text)) == 0;
}

/* What distributions set for everybody in /etc/ssh/ssh_config. */
static bool is_usual_variable(struct value v)
{
    return is(v, "LANG") || is(v, "LANGUAGE") || begins(v, "LC_") || is(v, "XMODIFIERS") || is(v, "COLORTERM") ||
           is(v, "NO_COLOR");
}

static bool has_publickey(struct value v)
{
    return memmem(v.text, v.len, "publickey", strlen("publickey")) != NULL;
}

/* delvegate sets no class of service either. */
static bool is_no_class(struct value v)
{
    return begins(v, "none");
}

static const char own_algorithms[] = "delvegate has its own choice of algorithms";
static const char no_forwarding[] = "the port is not forwarded";
static const char no_variables[] = "the variable is not sent; set it in env of launch.json or in go.env of the target";

static const struct ignored {
    const char *name; /* as ssh_config(5) writes it */
    const char *effect;
    bool (*harmless)(struct value v); /* NULL: no value is */
} ignored[] = {
    {"BindAddress", "the kernel chooses the address to connect from", NULL},
    {"BindInterface", "the kernel chooses the interface to connect from", NULL},
    {"CertificateFile", "certificates are not supported", NULL},
    {"CheckHostIP", "the host's address is not looked up in known_hosts", NULL},
    {"Ciphers", own_algorithms, NULL},
    {"Compression", "data is not compressed", NULL},
    {"ConnectionAttempts", "each address is tried once", NULL},
    {"ControlPath", "delvegate makes its own connection", NULL},
    {"DynamicForward", no_forwarding, NULL},
    {"ForwardAgent", "the agent is not forwarded", NULL},
    {"ForwardX11", "X11 is not forwarded", NULL},
    {"GSSAPIDelegateCredentials", "GSSAPI is not supported", NULL},
    {"HostbasedAuthentication", "delvegate logs in only with keys", NULL},
    {"HostKeyAlgorithms", own_algorithms, NULL},
    {"IPQoS", "no class of service is set", is_no_class},
    {"KexAlgorithms", own_algorithms, NULL},
    {"KnownHostsCommand", "known hosts are read only from files", NULL},
    {"LocalForward", no_forwarding, NULL},
    {"MACs", own_algorithms, NULL},
    {"PermitLocalCommand", "LocalCommand is not run", NULL},
    {"PKCS11Provider", "PKCS#11 is not supported", NULL},
    {"PreferredAuthentications", "delvegate logs in only with keys", has_publickey},
    {"ProxyUseFdpass", "the ProxyCommand must carry the data itself", NULL},
    {"PubkeyAcceptedAlgorithms", own_algorithms, NULL},
    {"RekeyLimit", "only the server starts another key exchange", NULL},
    {"RemoteCommand", "delvegate runs its own command instead", NULL},
    {"RemoteForward", no_forwarding, NULL},
    {"RequiredRSASize", "RSA keys of any size are accepted", NULL},
    {"RevokedHostKeys", "the file is not read; @revoked lines in known_hosts count", NULL},
    {"SecurityKeyProvider", "security keys are not supported", NULL},
    {"SendEnv", no_variables, is_usual_variable},
    {"SetEnv", no_variables, NULL},
    {"Tunnel", "no tunnel is made", NULL},
    {"VerifyHostKeyDNS", "DNS is not asked for host keys", NULL},
};

/* Whether one of the lines of text is this line. */
static bool has_line(const char *text, const char *line, size_t len)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        if (n == len && memcmp(text, line, n) == 0)
            return true;
        text += n + (text[n] == '\n');
    }
    return false;
}

/* Whether what is set turns the thing off, or sets nothing. */
static bool is_off(struct value v)
{
    return v.len == 0 || is(v, "none") || is(v, "no") || is(v, "false");
}

static bool matters(const struct ignored *i, const char *text, const char *defaults)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        size_t key = strcspn(text, " \n");
        struct value v = {text + key + (key < n), n - key - (key < n)};
        if (is((struct value){text, key}, i->name) && !is_off(v) && !has_line(defaults, text, n) &&
            !(i->harmless && i->harmless(v)))
            return true;
        text += n + (text[n] == '\n');
    }
    return false;
}

int ssh_ignored(const char *text, const char *defaults, struct ssh_list *out)
{
    char line[IGNORED_TEXT_MAX];
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) {
        if (!matters(&ignored[i], text, defaults))
            continue;
        (void)snprintf(line, sizeof line, "%s: %s", ignored[i].name, ignored[i].effect);
        if (ssh_list_add(out, line, strlen(line)) < 0)
            return -1;
    }
    return 0;
}
