#include "proxy/ssh/ssh_parse.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

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

static int list_add(struct ssh_list *l, const char *text, size_t len)
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
        (void)buf_append(&b, text, (size_t)(at - text) + 1); /* failure is sticky */
    (void)buf_append(&b, host, host_len);
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
    SETTING_FLAG,       /* bool, true for yes */
    SETTING_FLAG_NO,    /* bool, true for no */
    SETTING_PORT,
    SETTING_POLICY,
    SETTING_FAMILY,
    SETTING_NOT_HONOURED
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
    {"certificatefile", SETTING_NOT_HONOURED, 0},
    {"pkcs11provider", SETTING_NOT_HONOURED, 0},
    {"revokedhostkeys", SETTING_NOT_HONOURED, 0},
    {"knownhostscommand", SETTING_NOT_HONOURED, 0},
    {"bindaddress", SETTING_NOT_HONOURED, 0},
    {"bindinterface", SETTING_NOT_HONOURED, 0},
#undef AT
};

static bool is_yes(const char *value)
{
    return strcmp(value, "yes") == 0 || strcmp(value, "true") == 0;
}

static bool is_no(const char *value)
{
    return strcmp(value, "no") == 0 || strcmp(value, "false") == 0 || strcmp(value, "off") == 0;
}

static int add_words(struct ssh_list *l, const char *value)
{
    while (*value) {
        size_t n = strcspn(value, " ");
        if (n > 0 && list_add(l, value, n) < 0)
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
        return list_add(member, value, strlen(value)) < 0 ? out_of_memory(e) : 0;
    case SETTING_LIST_SPLIT:
        return add_words(member, value) < 0 ? out_of_memory(e) : 0;
    case SETTING_SECONDS:
        *(long *)member = strtol(value, NULL, 10); /* "none" is 0 */
        return 0;
    case SETTING_FLAG:
        *(bool *)member = is_yes(value);
        return 0;
    case SETTING_FLAG_NO:
        *(bool *)member = is_no(value);
        return 0;
    case SETTING_PORT:
        s->port = read_port(value);
        return s->port < 0 ? err_set(e, "`ssh -G` gave port \"%s\", which is none.", value) : 0;
    case SETTING_POLICY:
        s->policy = is_no(value)                ? SSH_HOST_KEY_ACCEPT_UNKNOWN
                    : strcmp(value, "ask") == 0 ? SSH_HOST_KEY_ASK
                                                : SSH_HOST_KEY_KNOWN;
        return 0;
    case SETTING_FAMILY:
        s->family = strcmp(value, "inet") == 0    ? SSH_FAMILY_INET
                    : strcmp(value, "inet6") == 0 ? SSH_FAMILY_INET6
                                                  : SSH_FAMILY_ANY;
        return 0;
    case SETTING_NOT_HONOURED:
        if (strcmp(value, "none") == 0)
            return 0;
        return list_add(&s->not_honoured, k->name, strlen(k->name)) < 0 ? out_of_memory(e) : 0;
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
    ssh_list_free(&s->identity_files);
    ssh_list_free(&s->certificate_files);
    ssh_list_free(&s->known_hosts_files);
    ssh_list_free(&s->global_known_files);
    ssh_list_free(&s->not_honoured);
    *s = (struct ssh_settings){0};
}

static int expand_token(char token, const struct ssh_tokens *t, struct buf *b)
{
    const char *value = NULL;
    switch (token) {
    case '%':
        value = "%";
        break;
    case 'd':
        value = t->home;
        break;
    case 'h':
        value = t->host;
        break;
    case 'k':
        value = t->key_alias;
        break;
    case 'n':
        value = t->original;
        break;
    case 'p':
        return buf_printf(b, "%d", t->port);
    case 'r':
        value = t->user;
        break;
    case 'u':
        value = t->local_user;
        break;
    default:
        break;
    }
    return value ? buf_puts(b, value) : -1;
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
    (void)buf_puts(b, value); /* failure is sticky */
    return len + 1;
}

char *ssh_expand(const char *text, const struct ssh_tokens *t, struct err *e)
{
    struct buf b;
    buf_init(&b, SSH_TEXT_MAX);
    const char *p = text;
    if (p[0] == '~' && (p[1] == '/' || p[1] == '\0')) {
        (void)buf_puts(&b, t->home);
        p++;
    }
    while (*p) {
        if (p[0] == '%' && expand_token(p[1], t, &b) == 0) {
            p += 2;
        } else if (p[0] == '%') {
            (void)err_set(e, "\"%s\" in the SSH configuration: %%%c is not supported by delvegate.", text, p[1]);
            goto fail;
        } else if (p[0] == '$' && p[1] == '{') {
            size_t used = expand_variable(p + 2, &b);
            if (used == 0) {
                (void)err_set(e, "\"%s\" in the SSH configuration: the variable is not set.", text);
                goto fail;
            }
            p += 2 + used;
        } else {
            (void)buf_append(&b, p++, 1);
        }
    }
    if (b.failed) {
        (void)out_of_memory(e);
        goto fail;
    }
    return buf_take(&b);
fail:
    buf_free(&b);
    return NULL;
}

char *ssh_known_name(const struct ssh_settings *s)
{
    const char *name = s->host_key_alias ? s->host_key_alias : s->host_name;
    struct buf b;
    buf_init(&b, SSH_TEXT_MAX);
    int rc = s->port == SSH_PORT_DEFAULT || s->host_key_alias ? buf_puts(&b, name)
                                                              : buf_printf(&b, "[%s]:%d", name, s->port);
    if (rc < 0) {
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
