/* What keeps a connection from coming up, or ends it, in words. */
#include <stdio.h>
#include <string.h>

#include "proxy/ssh/ssh_impl.h"

/* The way through the proxy did not lead to the host. The proxy's own words come first; reason is what is known without
   them. */
void ssh_explain_proxy(struct ssh_connection *c, const char *reason)
{
    struct ssh_proxy *p = c->proxy;
    const struct ssh_settings *s = &c->settings;
    const char *stderr_tail = ssh_proxy_stderr(p);
    struct ssh_bytes said = ssh_offer_prelude(&c->codec.offer);
    struct buf why;
    buf_init(&why, ERR_TEXT_MAX);
    buf_printf(&why, "%s (%s)", stderr_tail[0] ? stderr_tail : reason,
               ssh_proxy_status(p)); /* what does not fit is left out */
    if (said.len > 0)
        buf_printf(&why, "; it sent in place of an SSH server's greeting: %.*s", (int)said.len,
                   (const char *)said.data);
    if (ssh_proxy_check(p))
        ssh_connection_fail(c, TRANSPORT_RETRY,
                            "The %s does not connect to %s port %d: %s\n"
                            "`%s` must work without a prompt: it is the ProxyJump of %s.",
                            ssh_proxy_name(p), s->host_name, s->port, why.data ? why.data : reason, ssh_proxy_check(p),
                            c->transport->name);
    else
        ssh_connection_fail(c, TRANSPORT_RETRY,
                            "The %s of %s does not connect: %s\n"
                            "It is set in ~/.ssh/config, and must reach an SSH server at %s port %d.",
                            ssh_proxy_name(p), c->transport->name, why.data ? why.data : reason, s->host_name, s->port);
    buf_free(&why);
}

static const struct {
    const char *what, *directive; /* of sshd_config */
} algorithm_kinds[SSH_OFFER_COUNT] = {
    [SSH_OFFER_KEX] = {"key exchange", "KexAlgorithms"},
    [SSH_OFFER_HOST_KEY] = {"type of host key", NULL},
    [SSH_OFFER_CIPHER_CS] = {"cipher", "Ciphers"},
    [SSH_OFFER_CIPHER_SC] = {"cipher", "Ciphers"},
    [SSH_OFFER_MAC_CS] = {"MAC", "MACs"},
    [SSH_OFFER_MAC_SC] = {"MAC", "MACs"},
};

/* Says which kind of algorithms has none in common. */
static void nothing_in_common(struct ssh_connection *c)
{
    const struct ssh_codec *k = &c->codec;
    const char *where = c->transport->where;
    struct err e;
    for (int i = 0; i < SSH_OFFER_COUNT && k->offer.known; i++) {
        const char *ours = k->offered[i] ? k->offered[i] : "";
        struct ssh_bytes theirs = k->offer.lists[i];
        if (ssh_names_meet(theirs, (struct ssh_bytes){(const unsigned char *)ours, strlen(ours)}))
            continue;
        bool is_lacking = i != SSH_OFFER_HOST_KEY || ssh_host_key_none(c, &e);
        if (is_lacking && ssh_connection_unsupported(c, "libssh2 %s supports no %s that the server has",
                                                     libssh2_version(0), algorithm_kinds[i].what))
            return;
        if (i == SSH_OFFER_HOST_KEY)
            ssh_connection_fail(c, TRANSPORT_NEVER, "%s", e.text);
        else
            ssh_connection_fail(
                c, TRANSPORT_NEVER,
                "%s and libssh2 %s have no %s in common. The server allows %.*s; delvegate can use %s.\nAllow "
                "one of these with %s in its sshd_config.",
                where, libssh2_version(0), algorithm_kinds[i].what, (int)theirs.len, (const char *)theirs.data, ours,
                algorithm_kinds[i].directive);
        return;
    }
    if (!ssh_connection_unsupported(c, "the key exchange with libssh2 %s failed", libssh2_version(0)))
        ssh_connection_fail(c, TRANSPORT_NEVER, "The key exchange of %s with libssh2 %s failed: %s.", where,
                            libssh2_version(0), ssh_connection_last_error(c));
}

void ssh_explain_handshake(struct ssh_connection *c, int rc)
{
    const char *where = c->transport->where;
    if (rc == LIBSSH2_ERROR_KEX_FAILURE)
        nothing_in_common(c);
    else if (c->proxy && !c->codec.offer.known)
        ssh_explain_proxy(c, ssh_connection_last_error(c));
    else
        ssh_connection_fail(
            c, rc == LIBSSH2_ERROR_HOSTKEY_SIGN || rc == LIBSSH2_ERROR_HOSTKEY_INIT ? TRANSPORT_NEVER : TRANSPORT_RETRY,
            "The SSH handshake with %s failed: %s.", where, ssh_connection_last_error(c));
}

/* The stream is over and everything that came is used. */
void ssh_explain_end(struct ssh_connection *c)
{
    if (c->proxy && !ssh_proxy_is_finished(c->proxy))
        return; /* what it says is the reason */
    struct err reason = c->why;
    const char *what = reason.text[0]                   ? reason.text
                       : c->codec.disconnect_message[0] ? c->codec.disconnect_message
                                                        : "the server closed the connection";
    const char *stderr_tail = c->proxy ? ssh_proxy_stderr(c->proxy) : "";
    const char *where = c->transport->where;
    struct ssh_bytes said = ssh_offer_prelude(&c->codec.offer);
    if (c->state == SSH_HANDSHAKE && c->proxy)
        ssh_explain_proxy(c, "it ended without a message");
    else if (c->state == SSH_HANDSHAKE)
        ssh_connection_fail(c, TRANSPORT_RETRY,
                            "%s ended the connection before the SSH handshake was finished: %s%.*s. Is it an SSH "
                            "server, and does it accept more connections (MaxStartups)?",
                            where, said.len > 0 ? "it said: " : what, (int)said.len, (const char *)said.data);
    else if (stderr_tail[0])
        ssh_connection_fail(c, TRANSPORT_RETRY, "The SSH connection to %s was lost: its %s says: %s (%s)", where,
                            ssh_proxy_name(c->proxy), stderr_tail, ssh_proxy_status(c->proxy));
    else if (c->state == SSH_AUTH)
        ssh_connection_fail(c, reason.text[0] ? TRANSPORT_RETRY : TRANSPORT_ASK,
                            "%s ended the connection while keys were tried: %s. Its log says why (too many "
                            "keys tried, user not allowed?).",
                            where, what);
    else if (c->proxy)
        ssh_connection_fail(c, TRANSPORT_RETRY, "The SSH connection to %s was lost: %s (its %s: %s).", where, what,
                            ssh_proxy_name(c->proxy), ssh_proxy_status(c->proxy));
    else
        ssh_connection_fail(c, TRANSPORT_RETRY, "The SSH connection to %s was lost: %s.", where, what);
}

void ssh_explain_command_end(struct ssh_connection *c, const char *how, bool by_itself)
{
    struct stderr_tail stderr_tail = c->stderr_tail;
    struct buf check;
    const char *said = stderr_tail_text(&stderr_tail);
    buf_init(&check, ERR_TEXT_MAX);
    ssh_settings_command(c, "", &check);
    if (said[0])
        log_info(c->transport->subject, "the command's last output: %s", said);
    if (c->has_answered)
        ssh_connection_fail(c, TRANSPORT_RETRY, "The command on %s ended (%s)%s%s", c->transport->where, how,
                            said[0] ? ": " : ".", said);
    else
        ssh_connection_fail(c, by_itself ? TRANSPORT_NEVER : TRANSPORT_RETRY,
                            "The login shell of %s ended before it ran delvegate's command (%s)%s%s\nThe account needs "
                            "a shell that runs commands: does `%s` succeed?",
                            c->transport->where, how, said[0] ? ": " : ".", said, check.data ? check.data : "ssh");
    buf_free(&check);
}
