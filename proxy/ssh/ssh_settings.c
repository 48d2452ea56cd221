/* What OpenSSH knows about the destination: its settings (`ssh -G`) and the host keys it has recorded (`ssh-keygen
   -F`). Both are asked, not imitated: Match, Include, hashed names and patterns are theirs to know. */
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/ssh/ssh_ignored.h"
#include "proxy/ssh/ssh_impl.h"
#include "proxy/ssh/ssh_key.h"
#include "proxy/ssh/ssh_unsupported.h"

enum { NUMBER_TEXT = 16, TOOL_ARGS_MAX = 16, VERSION_WITH_RSA_SHA2 = 0x010b00 };

/* The length of a text without the blanks and newlines at its end. */
static size_t trimmed(const char *text)
{
    size_t len = strlen(text);
    while (len > 0 && strchr("\r\n ", text[len - 1]))
        len--;
    return len;
}

/* Whether the program failed; then the connection was ended. */
static bool tool_failed(struct ssh_connection *c, const char *tool, const struct spawn_result *r, int status_fine)
{
    if (r->error == UV_ENOENT)
        ssh_connection_fail(c, TRANSPORT_NEVER,
                            "`%s` is not in PATH: delvegate asks OpenSSH's client for its settings. Install "
                            "the package openssh-client.",
                            tool);
    else if (r->error < 0)
        ssh_connection_fail(c, TRANSPORT_RETRY, "`%s` cannot be started: %s.", tool, uv_strerror(r->error));
    else if (r->timed_out)
        ssh_connection_fail(c, TRANSPORT_RETRY,
                            "`%s` for %s did not end within %d s. Does a `Match exec` in ~/.ssh/config hang?", tool,
                            c->transport->name, SSH_TOOL_MS / SSH_MS);
    else if (r->too_long)
        ssh_connection_fail(c, TRANSPORT_NEVER, "`%s` for %s printed too much.", tool, c->transport->name);
    else if (r->exit_status != 0 && r->exit_status != status_fine)
        ssh_connection_fail(c, TRANSPORT_NEVER, "`%s` for %s failed (exit %d): %.*s", tool, c->transport->name,
                            r->exit_status, (int)trimmed(r->err_out), r->err_out);
    else
        return false;
    return true;
}

/* `ssh -G` separates files with blanks, and a name may have some: what exists together is one name. */
static int join_names(struct ssh_list *files)
{
    struct ssh_list joined = {0};
    struct buf name;
    buf_init(&name, SSH_TEXT_MAX);
    int rc = 0;
    for (size_t i = 0, used = 0; i < files->count && rc == 0; i += used) {
        for (used = files->count - i; used > 0; used--) {
            buf_clear(&name);
            for (size_t k = 0; k < used; k++)
                buf_printf(&name, "%s%s", k > 0 ? " " : "", files->items[i + k]); /* failure is sticky */
            if (used == 1 || name.failed || access(name.data, F_OK) == 0)
                break;
        }
        rc = name.failed ? -1 : ssh_list_add(&joined, name.data, name.len);
    }
    buf_free(&name);
    ssh_list_free(files);
    *files = joined;
    return rc;
}

static char *home_of(const char *user)
{
    const struct passwd *p = getpwnam(user);
    return p ? strdup(p->pw_dir) : NULL;
}

/* The last host of ProxyJump, without its user and port; empty without. */
static char *jump_host(const char *proxy_jump)
{
    const char *comma = proxy_jump ? strrchr(proxy_jump, ',') : NULL;
    struct ssh_destination d = {0};
    struct err e;
    const char *last = comma ? comma + 1 : proxy_jump;
    bool is_one = last && ssh_destination_parse(last, &d, &e) == 0;
    const char *at = is_one ? strrchr(d.ssh, '@') : NULL;
    char *host = strdup(at ? at + 1 : is_one ? d.ssh : "");
    ssh_destination_free(&d);
    return host;
}

static int learn_tokens(struct ssh_connection *c)
{
    const struct ssh_settings *s = &c->settings;
    struct ssh_names *n = &c->names;
    const struct passwd *me = getpwuid(getuid());
    const char *home = getenv("HOME");
    char host[HOST_NAME_MAX + 1] = "";
    char uid[NUMBER_TEXT];
    (void)gethostname(host, sizeof host - 1); /* empty then, as for OpenSSH */
    (void)snprintf(uid, sizeof uid, "%u", (unsigned)getuid());
    n->home = strdup(me ? me->pw_dir : home && home[0] ? home : "/"); /* OpenSSH does not look at $HOME */
    n->local_user = strdup(me ? me->pw_name : "");
    n->local_uid = strdup(uid);
    n->local_host = strdup(host);
    n->jump_host = jump_host(s->proxy_jump);
    if (!s->proxy_jump)
        n->hash = ssh_key_connection_hash(host, s->host_name, s->port, s->user);
    const char *at = strrchr(c->transport->destination.ssh, '@');
    const char *original = at ? at + 1 : c->transport->destination.ssh;
    c->tokens = (struct ssh_tokens){.home = n->home,
                                    .host = s->host_name,
                                    .original = original,
                                    .user = s->user,
                                    .local_user = n->local_user,
                                    .local_uid = n->local_uid,
                                    .local_host = n->local_host,
                                    .key_alias = s->host_key_alias ? s->host_key_alias : original,
                                    .jump_host = n->jump_host,
                                    .hash = n->hash,
                                    .port = s->port,
                                    .home_of = home_of};
    bool whole =
        n->home && n->local_user && n->local_uid && n->local_host && n->jump_host && (n->hash || s->proxy_jump);
    return whole ? 0 : -1;
}

void ssh_names_free(struct ssh_names *n)
{
    free(n->home);
    free(n->local_user);
    free(n->local_uid);
    free(n->local_host);
    free(n->jump_host);
    free(n->hash);
    *n = (struct ssh_names){0};
}

static int learn(struct ssh_connection *c, const char *text, struct err *e)
{
    struct ssh_settings *s = &c->settings;
    if (ssh_settings_parse(text, s, e) < 0)
        return -1;
    c->known_name = ssh_known_name(s);
    c->plain_name = ssh_known_plain_name(s);
    if (!c->known_name || learn_tokens(c) < 0 || join_names(&s->known_hosts_files) < 0 ||
        join_names(&s->global_known_files) < 0)
        return err_set(e, "Out of memory.");
    return 0;
}

static void report_ignored(const struct ssh_connection *c, const char *text)
{
    struct ssh_list ignored = {0};
    if (ssh_ignored(text, c->transport->defaults, &ignored) < 0)
        log_warning(c->transport->subject, "out of memory: not all ignored settings are listed");
    for (size_t i = 0; i < ignored.count; i++)
        log_warning(c->transport->subject, "ignored in the SSH configuration: %s", ignored.items[i]);
    ssh_list_free(&ignored);
}

/* Whether a file that the settings name with tokens exists. */
static bool exists(const struct ssh_connection *c, const char *text, const char *ending)
{
    struct err e;
    struct buf path;
    char *expanded = strcmp(text, "none") == 0 ? NULL : ssh_expand(text, SSH_EXPAND_FILE, &c->tokens, &e);
    buf_init(&path, SSH_TEXT_MAX);
    if (expanded)
        buf_printf(&path, "%s%s", expanded, ending);
    bool is_there = expanded && !path.failed && access(path.data, F_OK) == 0;
    buf_free(&path);
    free(expanded);
    return is_there;
}

static bool is_security_key(const struct ssh_connection *c, const char *text)
{
    static const char prefix[] = "sk-";
    struct err e;
    struct ssh_key_file k;
    char *path = strcmp(text, "none") == 0 ? NULL : ssh_expand(text, SSH_EXPAND_FILE, &c->tokens, &e);
    if (!path)
        return false;
    ssh_key_file_read(path, &k);
    struct ssh_bytes type =
        ssh_blob_type((struct ssh_bytes){(const unsigned char *)(k.blob.data ? k.blob.data : ""), k.blob.len});
    bool is_one = type.len >= sizeof prefix - 1 && memcmp(type.data, prefix, sizeof prefix - 1) == 0;
    ssh_key_file_free(&k);
    free(path);
    return is_one;
}

/* Whether what the settings name needs the ssh program. */
static bool asks_for_program(struct ssh_connection *c)
{
    const struct ssh_settings *s = &c->settings;
    const struct ssh_algorithms algorithms = {
        .host_key = libssh2_version(VERSION_WITH_RSA_SHA2)
                        ? "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,"
                          "rsa-sha2-256,ssh-rsa"
                        : "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,ssh-rsa",
        .kex = ssh_codec_names(LIBSSH2_METHOD_KEX),
        .cipher = ssh_codec_names(LIBSSH2_METHOD_CRYPT_CS),
        .mac = ssh_codec_names(LIBSSH2_METHOD_MAC_CS)};
    const char *why = ssh_unsupported(s, &algorithms);
    if (why)
        return ssh_connection_unsupported(c, "%s", why);
    for (size_t i = 0; i < s->certificate_files.count; i++)
        if (exists(c, s->certificate_files.items[i], ""))
            return ssh_connection_unsupported(c, "CertificateFile is set");
    for (size_t i = 0; i < s->identity_files.count; i++) {
        if (s->certificate_files.count == 0 && exists(c, s->identity_files.items[i], "-cert.pub"))
            return ssh_connection_unsupported(c, "there is a certificate beside %s", s->identity_files.items[i]);
        if (is_security_key(c, s->identity_files.items[i]))
            return ssh_connection_unsupported(c, "%s is a security key", s->identity_files.items[i]);
    }
    return false;
}

static void on_settings(void *arg, const struct spawn_result *r)
{
    struct ssh_connection *c = arg;
    c->spawn = NULL;
    if (tool_failed(c, "ssh -G", r, 0))
        return;
    struct err e;
    if (learn(c, r->out, &e) < 0) {
        ssh_connection_fail(c, TRANSPORT_NEVER, "SSH settings of %s: %s", c->transport->name, e.text);
        return;
    }
    (void)snprintf(c->transport->where, sizeof c->transport->where, "%s (%s@%s:%d)", c->transport->name,
                   c->settings.user, c->settings.host_name, c->settings.port);
    if (c->transport->program == CONFIG_MAYBE_YES) {
        ssh_connection_set_program(c, "sshProgram is set");
    } else if (c->transport->unsupported[0]) {
        ssh_connection_set_program(c, c->transport->unsupported);
    } else if (asks_for_program(c)) {
        ssh_connection_set_program(c, c->unsupported);
    } else {
        report_ignored(c, r->out);
        ssh_connection_set_recorded(c);
        ssh_recorded_ask(c);
    }
}

bool ssh_settings_know(const struct ssh_connection *c, const char *key)
{
    size_t len = strlen(key);
    for (const char *line = c->transport->defaults; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, len) == 0 && line[len] == ' ')
            return true;
    }
    return false;
}

static void ask(struct ssh_connection *c, bool configured, void (*done)(void *arg, const struct spawn_result *r))
{
    const struct ssh_destination *d = &c->transport->destination;
    char port[NUMBER_TEXT];
    (void)snprintf(port, sizeof port, "%d", d->port);
    const char *argv[TOOL_ARGS_MAX] = {"ssh"};
    size_t n = 1;
    if (!configured) {
        argv[n++] = "-F";
        argv[n++] = "none";
    }
    if (d->port) {
        argv[n++] = "-p";
        argv[n++] = port;
    }
    if (configured && ssh_settings_know(c, "forkafterauthentication")) { /* else it wants a command */
        argv[n++] = "-o";
        argv[n++] = "ForkAfterAuthentication=no";
    }
    argv[n++] = "-T"; /* else its first words are that stdin is no terminal */
    argv[n++] = "-G";
    argv[n++] = "--";
    argv[n] = d->ssh;
    c->spawn = spawn_run(c->transport->loop, argv, SSH_TOOL_MS, done, c);
    if (!c->spawn)
        ssh_connection_fail(c, TRANSPORT_RETRY, "Out of memory while connecting to %s.", c->transport->name);
}

static void on_defaults(void *arg, const struct spawn_result *r)
{
    struct ssh_connection *c = arg;
    c->spawn = NULL;
    if (tool_failed(c, "ssh -G", r, 0))
        return;
    free(c->transport->defaults);
    c->transport->defaults = strdup(r->out);
    if (c->transport->defaults)
        ask(c, true, on_settings);
    else
        ssh_connection_fail(c, TRANSPORT_RETRY, "Out of memory while connecting to %s.", c->transport->name);
}

void ssh_settings_ask(struct ssh_connection *c)
{
    struct ssh_destination *d = &c->transport->destination;
    struct err e;
    if (!d->ssh && ssh_destination_parse(c->transport->name, d, &e) < 0)
        ssh_connection_fail(c, TRANSPORT_NEVER, "%s", e.text);
    else if (c->transport->defaults)
        ask(c, true, on_settings);
    else
        ask(c, false, on_defaults);
}

void ssh_settings_command(const struct ssh_connection *c, const char *options, struct buf *out)
{
    const struct ssh_destination *d = &c->transport->destination;
    buf_puts(out, "ssh "); /* failure is sticky */
    if (d->port)
        buf_printf(out, "-p %d ", d->port);
    if (c->settings.control_path) /* another's connection would be used, and nothing be checked */
        buf_puts(out, "-o ControlPath=none ");
    if (c->settings.remote_command)
        buf_puts(out, "-o RemoteCommand=none ");
    buf_printf(out, "%s%s true", options, d->ssh);
}

/* One look into a file for a name. */
struct look {
    const char *file, *name;
    bool is_user_file;
    struct ssh_known *into;
};

/* The files of the user, then everybody's, for the name; then the same for the name without its port. Returns false
   when all was looked at. */
static bool look_at(struct ssh_connection *c, size_t i, struct look *l)
{
    const struct ssh_list *user = &c->settings.known_hosts_files;
    const struct ssh_list *global = &c->settings.global_known_files;
    size_t files = user->count + global->count;
    if (files == 0 || i >= files * (c->plain_name ? 2 : 1))
        return false;
    bool is_plain = i >= files;
    size_t at = is_plain ? i - files : i;
    l->is_user_file = at < user->count;
    l->file = l->is_user_file ? user->items[at] : global->items[at - user->count];
    l->name = is_plain ? c->plain_name : c->known_name;
    l->into = is_plain ? &c->plain : &c->known;
    return true;
}

static void on_recorded(void *arg, const struct spawn_result *r)
{
    struct ssh_connection *c = arg;
    struct look l;
    c->spawn = NULL;
    enum { NOT_FOUND = 1 };
    if (tool_failed(c, "ssh-keygen -F", r, NOT_FOUND) || !look_at(c, c->known_at++, &l))
        return;
    if (ssh_known_parse(r->out, l.file, l.is_user_file, l.into) < 0)
        ssh_connection_fail(c, TRANSPORT_RETRY, "Out of memory while connecting to %s.", c->transport->name);
    else
        ssh_recorded_ask(c);
}

void ssh_recorded_ask(struct ssh_connection *c)
{
    struct look l;
    bool more = look_at(c, c->known_at, &l);
    while (more && (strcmp(l.file, "none") == 0 || access(l.file, F_OK) < 0))
        more = look_at(c, ++c->known_at, &l);
    const char *authority = more ? NULL : ssh_known_authority(&c->known, &c->plain);
    if (authority && ssh_connection_unsupported(c, "%s has a certificate authority for the host", authority))
        return;
    if (!more) {
        ssh_connection_dial(c);
        return;
    }
    const char *argv[] = {"ssh-keygen", "-F", l.name, "-f", l.file, NULL};
    c->spawn = spawn_run(c->transport->loop, argv, SSH_TOOL_MS, on_recorded, c);
    if (!c->spawn)
        ssh_connection_fail(c, TRANSPORT_RETRY, "Out of memory while connecting to %s.", c->transport->name);
}
