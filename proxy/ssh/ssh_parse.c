#include "proxy/ssh/ssh_parse.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

enum { PORT_DIGITS_MAX = 5 };

static int out_of_memory(struct err *e)
{
    return err_set(e, "Out of memory while reading SSH settings.");
}

void ssh_list_free(struct ssh_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->items[i]);
    free(l->items);
    *l = (struct ssh_list){0};
}

int ssh_list_add(struct ssh_list *l, const char *text, size_t len)
{
    char **items = realloc(l->items, (l->count + 1) * sizeof *items);
    if (!items)
        return -1;
    l->items = items;
    items[l->count] = strndup(text, len);
    if (!items[l->count])
        return -1;
    l->count++;
    return 0;
}

/* Returns the port, or -1. */
static int read_port(const char *text)
{
    size_t n = strspn(text, "0123456789");
    if (n == 0 || n > PORT_DIGITS_MAX || text[n] != '\0')
        return -1;
    long port = strtol(text, NULL, 10);
    return port >= 1 && port <= SSH_PORT_MAX ? (int)port : -1;
}

int ssh_destination_parse(const char *text, struct ssh_destination *d, struct err *e)
{
    *d = (struct ssh_destination){0};
    const char *at = strrchr(text, '@');
    const char *host = at ? at + 1 : text;
    size_t host_len = strlen(host);
    const char *colon = strrchr(host, ':');
    const char *port = NULL;
    if (host[0] == '[') {
        const char *end = strchr(host, ']');
        if (!end || (end[1] != '\0' && end[1] != ':'))
            return err_set(e, "SSH destination \"%s\": a bracket is not closed. Write [ADDRESS]:PORT.", text);
        host++;
        host_len = (size_t)(end - host);
        port = end[1] == ':' ? end + 2 : NULL;
    } else if (colon && strchr(host, ':') == colon) {
        host_len = (size_t)(colon - host);
        port = colon + 1;
    }
    if (port && (d->port = read_port(port)) < 0)
        return err_set(e, "SSH destination \"%s\": \"%s\" is not a port (1 to %d).", text, port, SSH_PORT_MAX);
    if (host_len == 0 || text[0] == '-' || host[0] == '-' || (at && at == text))
        return err_set(e, "SSH destination \"%s\" has no host. Write HOST, USER@HOST or USER@HOST:PORT.", text);
    struct buf b;
    buf_init(&b, SSH_TEXT_MAX);
    if (at)
        buf_append(&b, text, (size_t)(at - text) + 1); /* failure is sticky */
    buf_append(&b, host, host_len);
    if (b.failed) {
        buf_free(&b);
        return out_of_memory(e);
    }
    d->ssh = buf_take(&b);
    return 0;
}

void ssh_destination_free(struct ssh_destination *d)
{
    free(d->ssh);
    *d = (struct ssh_destination){0};
}

/* Where the value of a keyword goes. */
enum setting_kind {
    SETTING_TEXT,       /* char *, the whole value */
    SETTING_LIST_ONE,   /* struct ssh_list, one item a line */
    SETTING_LIST_SPLIT, /* struct ssh_list, items separated by blanks */
    SETTING_SECONDS,    /* long, "none" is 0 */
    SETTING_FLAG,       /* bool, true for anything but no */
    SETTING_FLAG_NO,    /* bool, true for no */
    SETTING_PORT,
    SETTING_POLICY,
    SETTING_FAMILY
};
static const struct setting {
    const char *name;
    enum setting_kind kind;
    size_t offset;
} settings[] = {
#define AT(member) offsetof(struct ssh_settings, member)
    {"hostname", SETTING_TEXT, AT(host_name)},
    {"user", SETTING_TEXT, AT(user)},
    {"port", SETTING_PORT, AT(port)},
    {"hostkeyalias", SETTING_TEXT, AT(host_key_alias)},
    {"proxycommand", SETTING_TEXT, AT(proxy_command)},
    {"proxyjump", SETTING_TEXT, AT(proxy_jump)},
    {"identityagent", SETTING_TEXT, AT(identity_agent)},
    {"identityfile", SETTING_LIST_ONE, AT(identity_files)},
    {"identitiesonly", SETTING_FLAG, AT(identities_only)},
    {"pubkeyauthentication", SETTING_FLAG_NO, AT(no_public_key)},
    {"userknownhostsfile", SETTING_LIST_SPLIT, AT(known_hosts_files)},
    {"globalknownhostsfile", SETTING_LIST_SPLIT, AT(global_known_files)},
    {"nohostauthenticationforlocalhost", SETTING_FLAG, AT(trust_localhost)},
    {"stricthostkeychecking", SETTING_POLICY, AT(policy)},
    {"addressfamily", SETTING_FAMILY, AT(family)},
    {"connecttimeout", SETTING_SECONDS, AT(connect_timeout)},
    {"serveraliveinterval", SETTING_SECONDS, AT(alive_interval)},
    {"serveralivecountmax", SETTING_SECONDS, AT(alive_count_max)},
    {"certificatefile", SETTING_LIST_ONE, AT(certificate_files)},
    {"pkcs11provider", SETTING_TEXT, AT(pkcs11_provider)},
    {"controlpath", SETTING_TEXT, AT(control_path)},
    {"remotecommand", SETTING_TEXT, AT(remote_command)},
    {"knownhostscommand", SETTING_TEXT, AT(known_hosts_command)},
    {"proxyusefdpass", SETTING_FLAG, AT(proxy_passes_fd)},
    {"preferredauthentications", SETTING_TEXT, AT(preferred_authentications)},
    {"hostkeyalgorithms", SETTING_TEXT, AT(host_key_algorithms)},
    {"kexalgorithms", SETTING_TEXT, AT(kex_algorithms)},
    {"ciphers", SETTING_TEXT, AT(ciphers)},
    {"macs", SETTING_TEXT, AT(macs)},
    {"gssapiauthentication", SETTING_FLAG, AT(gssapi)},
    {"hostbasedauthentication", SETTING_FLAG, AT(host_based)},
    {"verifyhostkeydns", SETTING_FLAG, AT(asks_dns)},
#undef AT
};

static bool is_no(const char *value)
{
    return strcmp(value, "no") == 0 || strcmp(value, "false") == 0 || strcmp(value, "off") == 0;
}

static int add_list(struct ssh_list *l, const char *value)
{
    while (*value) {
        size_t n = strcspn(value, " ");
        if (n > 0 && ssh_list_add(l, value, n) < 0)
            return -1;
        value += n;
        value += strspn(value, " ");
    }
    return 0;
}

static int apply(struct ssh_settings *s, const struct setting *k, const char *value, struct err *e)
{
    void *member = (char *)s + k->offset;
    char *text = NULL;
    switch (k->kind) {
    case SETTING_TEXT:
        text = strdup(value);
        if (!text)
            return out_of_memory(e);
        free(*(char **)member);
        *(char **)member = text;
        return 0;
    case SETTING_LIST_ONE:
        return ssh_list_add(member, value, strlen(value)) < 0 ? out_of_memory(e) : 0;
    case SETTING_LIST_SPLIT:
        return add_list(member, value) < 0 ? out_of_memory(e) : 0;
    case SETTING_SECONDS:
        *(long *)member = strtol(value, NULL, 10); /* "none" is 0 */
        return 0;
    case SETTING_FLAG:
        *(bool *)member = !is_no(value);
        return 0;
    case SETTING_FLAG_NO:
        *(bool *)member = is_no(value);
        return 0;
    case SETTING_PORT:
        s->port = read_port(value);
        return s->port < 0 ? err_set(e, "`ssh -G` gave port \"%s\", which is not a port.", value) : 0;
    case SETTING_POLICY:
        s->policy = is_no(value)                       ? SSH_HOST_KEY_ACCEPT_UNKNOWN
                    : strcmp(value, "ask") == 0        ? SSH_HOST_KEY_ASK
                    : strcmp(value, "accept-new") == 0 ? SSH_HOST_KEY_ACCEPT_NEW
                                                       : SSH_HOST_KEY_KNOWN;
        return 0;
    case SETTING_FAMILY:
        s->family = strcmp(value, "inet") == 0    ? SSH_FAMILY_INET
                    : strcmp(value, "inet6") == 0 ? SSH_FAMILY_INET6
                                                  : SSH_FAMILY_ANY;
        return 0;
    }
    return 0;
}

static bool is_none(const char *value)
{
    return !value || strcmp(value, "none") == 0;
}

static void drop_if_none(char **value)
{
    if (is_none(*value)) {
        free(*value);
        *value = NULL;
    }
}

int ssh_settings_parse(const char *text, struct ssh_settings *s, struct err *e)
{
    *s = (struct ssh_settings){.port = SSH_PORT_DEFAULT};
    for (const char *line = text; *line;) {
        size_t len = strcspn(line, "\n");
        char *copy = strndup(line, len);
        if (!copy)
            return out_of_memory(e);
        if (len > 0 && copy[len - 1] == '\r')
            copy[len - 1] = '\0';
        char *value = strchr(copy, ' ');
        int rc = 0;
        if (value) {
            *value++ = '\0';
            for (size_t i = 0; i < sizeof settings / sizeof *settings && rc == 0; i++)
                if (strcmp(settings[i].name, copy) == 0)
                    rc = apply(s, &settings[i], value, e);
        }
        free(copy);
        if (rc < 0)
            return rc;
        line += len + (line[len] == '\n');
    }
    drop_if_none(&s->proxy_command);
    drop_if_none(&s->proxy_jump);
    drop_if_none(&s->pkcs11_provider);
    drop_if_none(&s->control_path);
    drop_if_none(&s->remote_command);
    drop_if_none(&s->known_hosts_command);
    if (!s->host_name || !s->user)
        return err_set(e, "`ssh -G` gave no %s.", s->host_name ? "user" : "hostname");
    return 0;
}

void ssh_settings_free(struct ssh_settings *s)
{
    free(s->host_name);
    free(s->user);
    free(s->host_key_alias);
    free(s->proxy_command);
    free(s->proxy_jump);
    free(s->identity_agent);
    free(s->pkcs11_provider);
    free(s->control_path);
    free(s->remote_command);
    free(s->known_hosts_command);
    free(s->preferred_authentications);
    free(s->host_key_algorithms);
    free(s->kex_algorithms);
    free(s->ciphers);
    free(s->macs);
    ssh_list_free(&s->identity_files);
    ssh_list_free(&s->certificate_files);
    ssh_list_free(&s->known_hosts_files);
    ssh_list_free(&s->global_known_files);
    *s = (struct ssh_settings){0};
}

/* The tokens of a command, or of a file's name. NULL: there is none of this letter. */
static const char *token_value(char token, enum ssh_expansion how, const struct ssh_tokens *t)
{
    switch (token) {
    case '%':
        return "%";
    case 'h':
        return t->host;
    case 'k':
        return t->key_alias;
    case 'n':
        return t->original;
    case 'r':
        return t->user;
    default:
        break;
    }
    if (how != SSH_EXPAND_FILE)
        return NULL;
    switch (token) {
    case 'C':
        return t->hash;
    case 'd':
        return t->home;
    case 'i':
        return t->local_uid;
    case 'j':
        return t->jump_host;
    case 'l':
        return t->local_host;
    case 'u':
        return t->local_user;
    default:
        return NULL;
    }
}

/* Returns 0, or -1 when there is no such token. */
static int expand_token(char token, enum ssh_expansion how, const struct ssh_tokens *t, struct buf *b)
{
    const char *value = token_value(token, how, t);
    if (value)
        buf_puts(b, value); /* failure is sticky */
    else if (token == 'p')
        buf_printf(b, "%d", t->port);
    else if (token == 'L' && how == SSH_EXPAND_FILE)
        buf_append(b, t->local_host, strcspn(t->local_host, "."));
    else
        return -1;
    return 0;
}

/* name begins after "${". Returns how many bytes of it were used, 0 when the variable is not set. */
static size_t expand_variable(const char *name, struct buf *b)
{
    size_t len = strcspn(name, "}");
    char *copy = name[len] == '}' ? strndup(name, len) : NULL;
    const char *value = copy ? getenv(copy) : NULL;
    free(copy);
    if (!value)
        return 0;
    buf_puts(b, value); /* failure is sticky */
    return len + 1;
}

/* A leading ~ or ~NAME. Returns how many bytes of text were used, -1 when there is no such user. */
static ssize_t expand_tilde(const char *text, const struct ssh_tokens *t, struct buf *b)
{
    if (text[0] != '~')
        return 0;
    size_t len = strcspn(text, "/");
    if (len == 1) {
        buf_puts(b, t->home); /* failure is sticky */
        return 1;
    }
    char *name = strndup(text + 1, len - 1);
    char *home = name && t->home_of ? t->home_of(name) : NULL;
    free(name);
    if (!home)
        return -1;
    buf_puts(b, home);
    free(home);
    return (ssize_t)len;
}

static int expand(const char *text, enum ssh_expansion how, const struct ssh_tokens *t, struct buf *b, struct err *e)
{
    const char *p = text;
    if (how == SSH_EXPAND_FILE) {
        ssize_t used = expand_tilde(text, t, b);
        if (used < 0)
            return err_set(e, "\"%s\" in the SSH configuration: there is no such user.", text);
        p += used;
    }
    while (*p) {
        if (p[0] == '%' && p[1] == 'C' && how == SSH_EXPAND_FILE && !t->hash)
            return err_set(e, "\"%s\" in the SSH configuration: with ProxyJump %%C depends on the version of OpenSSH.",
                           text);
        if (p[0] == '%' && p[1] == '\0')
            return err_set(e, "\"%s\" in the SSH configuration ends with a single %%.", text);
        if (p[0] == '%') {
            if (expand_token(p[1], how, t, b) < 0)
                return err_set(e, "\"%s\" in the SSH configuration: %%%c is not a token that OpenSSH supports here.",
                               text, p[1]);
            p += 2;
        } else if (how == SSH_EXPAND_FILE && p[0] == '$' && p[1] == '{') {
            size_t used = expand_variable(p + 2, b);
            if (used == 0)
                return err_set(e, "\"%s\" in the SSH configuration: the variable is not set.", text);
            p += 2 + used;
        } else {
            buf_append(b, p++, 1); /* failure is sticky */
        }
    }
    return b->failed ? out_of_memory(e) : 0;
}

char *ssh_expand(const char *text, enum ssh_expansion how, const struct ssh_tokens *t, struct err *e)
{
    struct buf b;
    buf_init(&b, SSH_TEXT_MAX);
    if (expand(text, how, t, &b, e) < 0) {
        buf_free(&b);
        return NULL;
    }
    return buf_take(&b);
}

char *ssh_known_name(const struct ssh_settings *s)
{
    const char *name = s->host_key_alias ? s->host_key_alias : s->host_name;
    struct buf b;
    buf_init(&b, SSH_TEXT_MAX);
    if (s->port == SSH_PORT_DEFAULT || s->host_key_alias)
        buf_puts(&b, name);
    else
        buf_printf(&b, "[%s]:%d", name, s->port);
    if (b.failed) {
        buf_free(&b);
        return NULL;
    }
    for (char *p = b.data; p && *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return buf_take(&b);
}

char *ssh_known_plain_name(const struct ssh_settings *s)
{
    if (s->port == SSH_PORT_DEFAULT || s->host_key_alias)
        return NULL;
    char *name = strdup(s->host_name);
    for (char *p = name; p && *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return name;
}
