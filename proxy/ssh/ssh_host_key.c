/* Is the server the one it was before? Decided from what OpenSSH has recorded, never recorded by us. */
#include <libssh2.h>
#include <stdio.h>
#include <string.h>

#include "proxy/ssh/ssh_impl.h"
#include "proxy/ssh/ssh_key.h"

enum {
    HOST_KEY_TEXT_MAX = 512,
    HOST_KEY_LINE_MAX = 4096,
    BASE64_GROUP = 4 /* characters for three bytes */
};

int ssh_host_key_prefer(struct ssh_connection *c, struct err *e)
{
    struct buf methods;
    buf_init(&methods, HOST_KEY_TEXT_MAX);
    ssh_known_methods(&c->known, &c->plain, &methods);
    int rc = 0;
    if (methods.failed)
        rc = err_set(e, "Out of memory.");
    else if (ssh_codec_prefer(&c->codec, LIBSSH2_METHOD_HOSTKEY, methods.data) < 0)
        rc = err_set(e, "libssh2 %s supports no type of host key.", libssh2_version(0));
    buf_free(&methods);
    return rc;
}

static struct ssh_bytes blob_of(const struct ssh_known_key *k)
{
    return (struct ssh_bytes){(const unsigned char *)k->blob.data, k->blob.len};
}

/* "ED25519 SHA256:..." */
static const char *describe(struct ssh_bytes blob, struct buf *text)
{
    buf_init(text, HOST_KEY_TEXT_MAX);
    buf_printf(text, "%s ", ssh_type_name(ssh_blob_type(blob))); /* failure is sticky */
    ssh_key_fingerprint(blob, text);
    return text->failed ? "(fingerprint: out of memory)" : text->data;
}

/* The command that shows the server's key and records it: what of ssh_config would keep `ssh` from either is turned
   off. Written into text, which it makes. */
static const char *recording(const struct ssh_connection *c, const char *options, struct buf *text)
{
    buf_init(text, HOST_KEY_TEXT_MAX);
    struct buf all;
    buf_init(&all, HOST_KEY_TEXT_MAX);
    buf_printf(&all, "%s%s%s%s", c->settings.known_hosts_command ? "-o KnownHostsCommand=none " : "",
               c->settings.asks_dns ? "-o VerifyHostKeyDNS=no " : "",
               c->settings.policy == SSH_HOST_KEY_KNOWN || c->settings.policy == SSH_HOST_KEY_ACCEPT_NEW
                   ? "-o StrictHostKeyChecking=ask "
                   : "",
               options);
    ssh_settings_command(c, all.data ? all.data : "", text);
    buf_free(&all);
    return text->failed ? "ssh" : text->data;
}

/* The first file that `ssh` records keys in, NULL when it records none. */
static const char *recording_file(const struct ssh_connection *c)
{
    const struct ssh_list *files = &c->settings.known_hosts_files;
    const char *file = files->count > 0 ? files->items[0] : "none";
    return strcmp(file, "none") == 0 || strcmp(file, "/dev/null") == 0 ? NULL : file;
}

/* "NAME TYPE BASE64", as a line of known_hosts. */
static const char *known_line(const struct ssh_connection *c, struct ssh_bytes blob, struct buf *text)
{
    struct ssh_bytes type = ssh_blob_type(blob);
    buf_init(text, HOST_KEY_LINE_MAX);
    buf_printf(text, "%s %.*s ", c->known_name, (int)type.len, (const char *)type.data); /* failure is sticky */
    size_t before = text->len;
    ssh_base64_encode(blob, text);
    while (!text->failed && (text->len - before) % BASE64_GROUP != 0)
        buf_puts(text, "=");
    return text->failed ? "" : text->data;
}

static int unknown(const struct ssh_connection *c, struct ssh_bytes blob, const struct ssh_known_key *authority,
                   struct err *e)
{
    struct buf shown, command;
    const char *text = describe(blob, &shown);
    struct ssh_bytes type = ssh_blob_type(blob);
    char options[HOST_KEY_TEXT_MAX] = "";
    /* A certificate would be accepted and its key not recorded. */
    if (authority)
        (void)snprintf(options, sizeof options, "-o HostKeyAlgorithms=%.*s ", (int)type.len, (const char *)type.data);
    const char *record = recording(c, options, &command);
    if (!recording_file(c))
        err_set(e,
                "The host key of %s is not known (%s), and nothing can be recorded: UserKnownHostsFile is %s.\n"
                "Remove that from ~/.ssh/config and run `%s` once in a terminal.",
                c->known_name, text,
                c->settings.known_hosts_files.count > 0 ? c->settings.known_hosts_files.items[0] : "empty", record);
    else if (authority)
        err_set(e,
                "The host key of %s is not known (%s): only a certificate authority is recorded for it (%s:%d), and "
                "delvegate does not support host certificates.\nCompare the key and record it beside the "
                "authority: run `%s` once in a terminal.",
                c->known_name, text, authority->file, authority->line, record);
    else
        err_set(e, "The host key of %s is not known (%s).\nCompare it and record it: run `%s` once in a terminal.",
                c->known_name, text, record);
    buf_free(&shown);
    buf_free(&command);
    return -1;
}

/* Whether the server has a key of the recorded one's type. */
static bool server_has(const struct ssh_connection *c, const struct ssh_known_key *recorded)
{
    return ssh_names_meet(c->codec.offer.lists[SSH_OFFER_HOST_KEY],
                          ssh_type_algorithms(ssh_blob_type(blob_of(recorded))));
}

/* A recorded key of a type that the server has, NULL when there is none. As the recorded types are asked for first, the
   server would have shown it if libssh2 could check it. */
static const struct ssh_known_key *unchecked(const struct ssh_connection *c)
{
    for (size_t i = 0; i < c->known.count; i++)
        if (c->known.keys[i].kind == SSH_KNOWN_KEY && server_has(c, &c->known.keys[i]))
            return &c->known.keys[i];
    return NULL;
}

static void changed(const struct ssh_connection *c, struct ssh_bytes blob, const struct ssh_known_key *at,
                    struct err *e)
{
    struct buf shown, recorded, command;
    bool of_its_type = ssh_bytes_equal(ssh_blob_type(blob), ssh_blob_type(blob_of(at)));
    err_set(e,
            "The host key of %s has CHANGED: the server shows %s, but %s is recorded (%s:%d)%s. Either the "
            "machine was reinstalled, or someone is intercepting the connection.\n"
            "If you know that the new key is right: `ssh-keygen -R '%s' -f %s`, then `%s`.",
            c->known_name, describe(blob, &shown), describe(blob_of(at), &recorded), at->file, at->line,
            of_its_type ? "" : ", a type that the server does not have", c->known_name, at->file,
            recording(c, "", &command));
    buf_free(&shown);
    buf_free(&recorded);
    buf_free(&command);
}

/* The server has the recorded key's type, and libssh2 cannot check it; the key that it showed instead could be recorded
   too. */
static void cannot_check(const struct ssh_connection *c, struct ssh_bytes blob, const struct ssh_known_key *at,
                         struct err *e)
{
    struct buf shown, command, line;
    const char *text = describe(blob, &shown);
    const char *type = ssh_type_name(ssh_blob_type(blob_of(at)));
    if (at->is_user_file && !at->is_pattern)
        err_set(e,
                "Of the host keys of %s only %s is recorded (%s:%d), which libssh2 %s cannot check; the server "
                "also has %s.\n"
                "Let `ssh` record that key too: run `%s` once. `ssh` verifies it with the recorded one.",
                c->known_name, type, at->file, at->line, libssh2_version(0), text,
                recording(c, "-o UpdateHostKeys=yes ", &command));
    else
        err_set(e,
                "Of the host keys of %s only %s is recorded (%s:%d), which libssh2 %s cannot check; the server also "
                "has %s.\nCompare that key and add it to %s: %s",
                c->known_name, type, at->file, at->line, libssh2_version(0), text,
                recording_file(c) ? recording_file(c) : at->file, known_line(c, blob, &line));
    buf_free(&shown);
    if (at->is_user_file && !at->is_pattern)
        buf_free(&command);
    else
        buf_free(&line);
}

bool ssh_host_key_none(struct ssh_connection *c, struct err *e)
{
    struct ssh_bytes theirs = c->codec.offer.lists[SSH_OFFER_HOST_KEY];
    const struct ssh_known_key *at = NULL;
    for (size_t i = 0; i < c->known.count && !at; i++)
        if (c->known.keys[i].kind == SSH_KNOWN_KEY)
            at = &c->known.keys[i];
    if (at && !unchecked(c)) {
        struct buf recorded, command;
        err_set(e,
                "The host key of %s has CHANGED: %s is recorded (%s:%d), but the server has only keys for %.*s. "
                "Either the machine was reinstalled, or someone is intercepting the connection.\n"
                "If you know that this is right: `ssh-keygen -R '%s' -f %s`, then `%s`. libssh2 %s cannot check "
                "any of these types: run `ssh-keygen -A` on the server to give it an ED25519 key.",
                c->known_name, describe(blob_of(at), &recorded), at->file, at->line, (int)theirs.len,
                (const char *)theirs.data, c->known_name, at->file, recording(c, "", &command), libssh2_version(0));
        buf_free(&recorded);
        buf_free(&command);
        return false;
    }
    err_set(
        e,
        "%s and libssh2 %s have no type of host key in common. The server has keys for %.*s; libssh2 can check %s.\n"
        "Give the server an ED25519 key: run `ssh-keygen -A` as root on it, name the key with HostKey in its "
        "sshd_config if that names others, and restart sshd.",
        c->transport->where, libssh2_version(0), (int)theirs.len, (const char *)theirs.data,
        c->codec.offered[SSH_OFFER_HOST_KEY]);
    return true;
}

/* NoHostAuthenticationForLocalhost, as OpenSSH has it: not with an alias, and not through a proxy. */
static bool is_trusted_localhost(const struct ssh_connection *c)
{
    return c->settings.trust_localhost && !c->settings.host_key_alias && !c->proxy &&
           ssh_socket_is_loopback(c->codec.socket);
}

/* For a key that is not recorded: whether `ssh` would go on without a question, and so takes over. */
static bool ssh_would_accept(struct ssh_connection *c)
{
    if (c->settings.policy == SSH_HOST_KEY_ACCEPT_NEW && recording_file(c))
        return ssh_connection_unsupported(c, "StrictHostKeyChecking accept-new lets it record the host key");
    return c->settings.asks_dns && ssh_connection_unsupported(c, "VerifyHostKeyDNS lets it ask DNS for the host key");
}

int ssh_host_key_check(struct ssh_connection *c, struct err *e)
{
    size_t len = 0;
    int type = 0;
    const char *key = libssh2_session_hostkey(c->codec.session, &len, &type);
    if (!key)
        return err_set(e, "%s showed no host key.", c->transport->where);
    struct ssh_bytes blob = {(const unsigned char *)key, len};
    const struct ssh_known_key *at = NULL;
    enum ssh_verdict verdict = ssh_known_check(&c->known, &c->plain, blob, &at);
    struct buf shown;
    const char *text = describe(blob, &shown);
    int rc = 0;
    if (is_trusted_localhost(c)) {
        log_debug(c->transport->subject, "host key %s is not checked: NoHostAuthenticationForLocalhost is set", text);
    } else if (verdict == SSH_VERDICT_KNOWN) {
        log_debug(c->transport->subject, "host key %s is recorded at %s:%d", text, at->file, at->line);
    } else if (verdict == SSH_VERDICT_UNKNOWN && c->settings.policy == SSH_HOST_KEY_ACCEPT_UNKNOWN) {
        log_warning(c->transport->subject,
                    "host key %s of %s is not recorded; accepted because StrictHostKeyChecking is off", text,
                    c->known_name);
    } else if (verdict == SSH_VERDICT_UNKNOWN) {
        rc = ssh_would_accept(c) ? -1 : unknown(c, blob, at, e);
    } else if (verdict == SSH_VERDICT_REVOKED) {
        rc = err_set(e,
                     "The host key of %s (%s) is marked as revoked at %s:%d. Do not connect; ask whoever runs the "
                     "machine for its new key.",
                     c->known_name, text, at->file, at->line);
    } else {
        const struct ssh_known_key *fits = unchecked(c);
        bool same_type = ssh_bytes_equal(ssh_blob_type(blob), ssh_blob_type(blob_of(at)));
        if (fits && !same_type) {
            if (!ssh_connection_unsupported(c, "the recorded host key is of a type that libssh2 %s lacks",
                                            libssh2_version(0)))
                cannot_check(c, blob, fits, e);
        } else
            changed(c, blob, at, e);
        rc = -1;
    }
    buf_free(&shown);
    return rc;
}
