/* Which key does the server take? They are tried one after the other (ssh_candidates.h). The agent is looked for
   (ssh_agent_find.h) and asked without blocking: libssh2's call that needs the signature is repeated until it is there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/ssh/ssh_agent.h"
#include "proxy/ssh/ssh_agent_find.h"
#include "proxy/ssh/ssh_candidates.h"
#include "proxy/ssh/ssh_impl.h"

enum {
    AUTH_TEXT_MAX = 2048,
    AUTH_BLOB_MAX = 64 * 1024,
    AUTH_PACKET_MAX = 40000, /* LIBSSH2_PACKET_MAXPAYLOAD, in all versions up to 1.11.1 */
    VERSION_WITH_RSA_SHA2 = 0x010b00,
    AUTH_GO_ON = 2 /* beside what ssh_auth_step returns: another key may be tried */
};

/* Whether the server was asked which methods it allows. */
enum ssh_methods_state {
    METHODS_NOT_ASKED,
    METHODS_ASKED_EARLY, /* a key's signature was not enough: is another method wanted besides? */
    METHODS_ASKED_LAST   /* all keys were tried, for the error */
};

enum ssh_sign_state { SIGN_NOT_ASKED, SIGN_ASKED, SIGN_DONE, SIGN_REFUSED };

struct ssh_auth {
    struct ssh_connection *connection;
    struct ssh_agent_find *find; /* the agent is looked for */
    struct ssh_agent *agent;     /* NULL: there is none */
    struct buf agent_note;       /* for the error: why it gives no key; empty when it does */
    enum ssh_methods_state methods;
    struct ssh_candidates candidates;
    size_t at, tries;     /* the candidate that is being tried; those that were */
    struct buf wire_blob; /* the public key that is being offered, as it is sent */
    enum ssh_sign_state sign;
    struct buf signature;
    struct buf tried; /* for the error, as candidates.skipped */
};

static void start_trying(struct ssh_auth *a)
{
    ssh_candidates_order(&a->candidates, &a->connection->settings);
    ssh_connection_wait(a->connection, SSH_AUTH_MS);
    ssh_connection_schedule(a->connection);
}

static void on_agent_found(void *arg, const struct ssh_agent_found *found)
{
    struct ssh_auth *a = arg;
    a->find = NULL;
    a->agent = found->agent;
    size_t usable = a->agent ? ssh_candidates_add_agent(&a->candidates, found->keys) : 0;
    /* what does not fit is left out */
    if (!a->agent)
        buf_printf(&a->agent_note, " No SSH agent: %s.", found->looked);
    else if (usable == 0)
        buf_printf(&a->agent_note, " The SSH agent at %s (found through %s) has no key to use: `ssh-add` adds one.",
                   found->path, found->source);
    start_trying(a);
}

struct ssh_auth *ssh_auth_new(struct ssh_connection *c)
{
    struct ssh_auth *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->connection = c;
    buf_init(&a->wire_blob, AUTH_BLOB_MAX);
    buf_init(&a->signature, AUTH_BLOB_MAX);
    buf_init(&a->agent_note, AUTH_TEXT_MAX);
    buf_init(&a->tried, AUTH_TEXT_MAX);
    ssh_candidates_read(&a->candidates, &c->settings, &c->tokens, c->transport->subject);
    a->find = ssh_agent_find_start(c->transport->loop, c->transport->subject, false, c->settings.identity_agent,
                                   on_agent_found, a);
    if (!a->find) {
        ssh_auth_free(a);
        return NULL;
    }
    timer_stop(c->deadline); /* the search has its own */
    return a;
}

static void on_signed(void *arg, const struct err *why, struct ssh_bytes reply)
{
    struct ssh_auth *a = arg;
    struct buf *skipped = &a->candidates.skipped;
    struct ssh_bytes signature = {0};
    if (!why)
        signature = ssh_agent_signature(reply);
    buf_clear(&a->signature);
    buf_append(&a->signature, signature.data, signature.len);
    bool is_signed = signature.len > 0 && !a->signature.failed;
    a->sign = is_signed ? SIGN_DONE : SIGN_REFUSED;
    if (why)
        buf_printf(skipped, "%s%s", skipped->len > 0 ? ", " : "", why->text);
    ssh_connection_wait(a->connection, SSH_AUTH_MS);
    ssh_connection_schedule(a->connection);
}

/* The algorithm that libssh2 chose stands in the data to be signed (RFC 4252, 7). */
static struct ssh_bytes algorithm_of(struct ssh_bytes data)
{
    struct ssh_reader r = {.left = data};
    (void)ssh_read_string(&r); /* session id */
    (void)ssh_read_byte(&r);   /* message type */
    (void)ssh_read_string(&r); /* user */
    (void)ssh_read_string(&r); /* service */
    (void)ssh_read_string(&r); /* "publickey" */
    (void)ssh_read_byte(&r);   /* there is a signature */
    return ssh_read_string(&r);
}

static int sign(LIBSSH2_SESSION *session, unsigned char **sig, size_t *sig_len, const unsigned char *data, size_t len,
                void **abstract)
{
    (void)session;
    struct ssh_auth *a = *abstract;
    const struct ssh_candidate *now = &a->candidates.list[a->at];
    struct ssh_bytes to_sign = {data, len};
    struct ssh_bytes algorithm = algorithm_of(to_sign);
    if (now->file) {
        *sig = ssh_key_sign_rsa(now->file->rsa, algorithm, to_sign, sig_len); /* libssh2 frees with its own free() */
        return *sig ? 0 : -1;
    }
    switch (a->sign) {
    case SIGN_NOT_ASKED:
        a->sign = SIGN_ASKED;
        ssh_connection_wait(a->connection, SSH_AGENT_SLOW_MS); /* only for a note: the agent has its own deadline */
        uint32_t flags = ssh_bytes_are(algorithm, "rsa-sha2-256")   ? SSH_AGENT_RSA_SHA2_256
                         : ssh_bytes_are(algorithm, "rsa-sha2-512") ? SSH_AGENT_RSA_SHA2_512
                                                                    : 0;
        ssh_agent_sign(a->agent, ssh_bytes_of(now->blob), to_sign, flags, SSH_AGENT_SIGN_MS, on_signed, a);
        return LIBSSH2_ERROR_EAGAIN;
    case SIGN_ASKED:
        return LIBSSH2_ERROR_EAGAIN;
    case SIGN_DONE:
        *sig = malloc(a->signature.len);
        if (!*sig)
            return -1;
        memcpy(*sig, a->signature.data, a->signature.len);
        *sig_len = a->signature.len;
        return 0;
    case SIGN_REFUSED:
        return -1;
    }
    return -1;
}

/* Before 1.11 libssh2 knows only ssh-rsa, which servers refuse since OpenSSH 8.8. It takes the algorithm's name from
   the blob, and sshd takes a blob with that name for the RSA key that it is. */
static void offer_blob(struct ssh_auth *a)
{
    const struct ssh_candidate *now = &a->candidates.list[a->at];
    buf_clear(&a->wire_blob);
    struct ssh_reader r = {.left = ssh_bytes_of(now->blob)};
    if (ssh_bytes_are(ssh_read_string(&r), "ssh-rsa") && !libssh2_version(VERSION_WITH_RSA_SHA2)) {
        ssh_put_string(&a->wire_blob, "rsa-sha2-256", strlen("rsa-sha2-256"));
        buf_append(&a->wire_blob, r.left.data, r.left.len); /* failure is sticky, seen by the caller */
    } else {
        buf_append(&a->wire_blob, now->blob->data, now->blob->len);
    }
}

static int try_candidate(struct ssh_auth *a)
{
    struct ssh_connection *c = a->connection;
    LIBSSH2_SESSION *s = c->codec.session;
    const struct ssh_candidate *now = &a->candidates.list[a->at];
    const char *user = c->settings.user;
    /* libssh2 signs with files itself, but for RSA. */
    if (now->file && !now->file->rsa)
        return libssh2_userauth_publickey_fromfile_ex(s, user, (unsigned)strlen(user), NULL, now->path, "");
    if (a->wire_blob.len == 0)
        offer_blob(a);
    if (a->wire_blob.failed)
        return LIBSSH2_ERROR_ALLOC;
    void *self = a;
    return libssh2_userauth_publickey(s, user, (const unsigned char *)a->wire_blob.data, a->wire_blob.len, sign, &self);
}

/* An answer came that libssh2 cannot read; after that nothing can. */
static int unreadable(struct ssh_auth *a)
{
    if (ssh_connection_unsupported(a->connection, "libssh2 %s cannot read the server's answer to the login",
                                   libssh2_version(0)))
        return -1;
    ssh_connection_fail(
        a->connection, TRANSPORT_ASK,
        "%s answered the login with a message that libssh2 %s cannot read: it takes at most %d bytes. Most "
        "likely the text that Banner names in its sshd_config is longer.\nShorten that file on the "
        "server.",
        a->connection->transport->where, libssh2_version(0), AUTH_PACKET_MAX);
    return -1;
}

static bool is_allowed(const char *methods, const char *method)
{
    return ssh_names_meet((struct ssh_bytes){(const unsigned char *)methods, strlen(methods)},
                          (struct ssh_bytes){(const unsigned char *)method, strlen(method)});
}

static int second_method(struct ssh_auth *a, const char *methods)
{
    struct ssh_connection *c = a->connection;
    if (ssh_program_can_ask() && ssh_connection_unsupported(c, "the server requires %s besides a key", methods))
        return -1;
    ssh_connection_fail(c, TRANSPORT_ASK,
                        "%s accepted the key %s but requires more: %s. delvegate does not support a second factor, "
                        "since it cannot prompt.\n"
                        "Set `AuthenticationMethods publickey` for %s in the server's sshd_config, or log in as a user "
                        "who needs only a key.",
                        c->transport->where, a->candidates.list[a->at].label, methods, c->settings.user);
    return -1;
}

/* What to do when no key could be tried or none was accepted. */
static void advise(const struct ssh_auth *a, struct buf *text)
{
    struct buf command;
    buf_init(&command, AUTH_TEXT_MAX);
    if (a->candidates.unsupported)
        buf_puts(text,
                 "`ssh` may log in by means that delvegate does not support. Create an ED25519, ECDSA or RSA key with "
                 "`ssh-keygen`, name it with IdentityFile, and add it to ~/.ssh/authorized_keys on the server.");
    else if (a->tries == 0 && a->candidates.skipped.len == 0)
        buf_puts(text, "Create one with `ssh-keygen`, or name yours with IdentityFile in ~/.ssh/config, and add "
                       "it to ~/.ssh/authorized_keys on the server.");
    else if (a->tries > 0) {
        ssh_settings_command(a->connection, "-v ", &command);
        buf_printf(text,
                   "Add one of them to ~/.ssh/authorized_keys on the server, or name the right one with "
                   "IdentityFile; if `ssh` logs in, `%s` shows with which key.",
                   command.data ? command.data : "ssh -v");
    }
    buf_free(&command);
}

/* What `ssh` would go on with, NULL when there is nothing. */
static const char *what_ssh_has(const struct ssh_auth *a, const char *methods)
{
    const struct ssh_settings *s = &a->connection->settings;
    if (s->gssapi && is_allowed(methods, "gssapi-with-mic"))
        return "the server accepts no keys, but GSSAPI";
    if (s->host_based && is_allowed(methods, "hostbased"))
        return "the server accepts no keys, but host-based authentication";
    if (a->candidates.unsupported && is_allowed(methods[0] ? methods : "publickey", "publickey"))
        return "the server may accept only keys that libssh2 cannot use";
    if (a->candidates.is_locked && ssh_program_can_ask())
        return "a key needs its passphrase";
    return NULL;
}

static void give_up(struct ssh_auth *a, const char *methods)
{
    const char *more = what_ssh_has(a, methods);
    if (more && ssh_connection_unsupported(a->connection, "%s", more))
        return;
    struct ssh_connection *c = a->connection;
    const char *where = c->transport->where;
    const char *skipped = a->candidates.skipped.data ? a->candidates.skipped.data : "";
    const char *agent = a->agent_note.data ? a->agent_note.data : "";
    struct buf advice;
    buf_init(&advice, AUTH_TEXT_MAX);
    advise(a, &advice);
    const char *what_to_do = advice.data ? advice.data : "";
    if (c->settings.no_public_key)
        ssh_connection_fail(
            c, TRANSPORT_ASK,
            "PubkeyAuthentication is off for %s in ~/.ssh/config, but delvegate can log in only with keys.\n"
            "Turn it on for this host.",
            where);
    else if (methods[0] && !is_allowed(methods, "publickey"))
        ssh_connection_fail(c, TRANSPORT_ASK,
                            "%s does not let %s log in with a key: it allows %s, which delvegate does not support, "
                            "since it cannot prompt.\n"
                            "Set `PubkeyAuthentication yes` for this user in the server's sshd_config.",
                            where, c->settings.user, methods);
    else if (a->tries == 0)
        ssh_connection_fail(c, TRANSPORT_ASK, "There is no key to log in to %s with.%s%s.%s%s%s", where,
                            skipped[0] ? " Not usable: " : " No IdentityFile exists", skipped, agent,
                            what_to_do[0] ? "\n" : "", what_to_do);
    else
        ssh_connection_fail(c, TRANSPORT_ASK, "%s accepted no key. Tried: %s.%s%s%s%s The server allows: %s.\n%s",
                            where, a->tried.data ? a->tried.data : "", skipped[0] ? " Not tried: " : "", skipped,
                            skipped[0] ? "." : "", agent, methods[0] ? methods : "unknown", what_to_do);
    buf_free(&advice);
}

static int ended(struct ssh_auth *a)
{
    ssh_connection_fail(a->connection, TRANSPORT_ASK, "%s ended the connection while keys were tried: %s. Tried: %s.",
                        a->connection->transport->where, a->connection->codec.disconnect_message,
                        a->tried.data ? a->tried.data : "none");
    return -1;
}

/* On to the next key. */
static void next_candidate(struct ssh_auth *a)
{
    a->sign = SIGN_NOT_ASKED;
    buf_clear(&a->wire_blob);
    a->at++;
    a->tries++;
    ssh_connection_wait(a->connection, SSH_AUTH_MS);
}

/* Asks the server what else it would take. Returns as ssh_auth_step, or AUTH_GO_ON: another key may be tried. */
static int ask_methods(struct ssh_auth *a)
{
    struct ssh_connection *c = a->connection;
    const char *user = c->settings.user;
    const char *methods = libssh2_userauth_list(c->codec.session, user, (unsigned)strlen(user));
    if (!methods && libssh2_session_last_errno(c->codec.session) == LIBSSH2_ERROR_EAGAIN)
        return 0;
    if (!methods && libssh2_userauth_authenticated(c->codec.session))
        return 1; /* a server that wants no authentication */
    if (!methods && a->methods == METHODS_ASKED_LAST && a->tries > 0) {
        give_up(a, "");
        return -1;
    }
    if (!methods)
        return c->codec.disconnect_message[0] ? ended(a) : unreadable(a);
    if (a->methods == METHODS_ASKED_LAST) {
        give_up(a, methods);
        return -1;
    }
    if (!is_allowed(methods, "publickey"))
        return second_method(a, methods);
    a->methods = METHODS_NOT_ASKED;
    next_candidate(a);
    return AUTH_GO_ON;
}

/* libssh2's words, in all versions, where its codes say less. */
static const char error_after_signature[] = "Invalid signature";
static const char error_no_answer[] = "Waiting for ";

static bool says(struct ssh_connection *c, const char *text)
{
    return strncmp(ssh_connection_last_error(c), text, strlen(text)) == 0;
}

/* Whether the server has seen a signature of the key and has not let the user in. */
static bool signature_was_not_enough(struct ssh_connection *c, int rc)
{
    return rc == LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED && says(c, error_after_signature);
}

/* The key was not accepted. Returns as ssh_auth_step, or AUTH_GO_ON: another one may be tried. */
static int refused(struct ssh_auth *a, int rc)
{
    struct ssh_connection *c = a->connection;
    const struct ssh_candidate *now = &a->candidates.list[a->at];
    log_debug(c->transport->subject, "key %s%s: %s", now->label, now->file ? "" : " (agent)",
              ssh_connection_last_error(c));
    ssh_candidates_note(&a->tried, now->label,
                        a->sign == SIGN_REFUSED ? "the agent did not sign the login"
                        : now->file             ? "file"
                                                : "agent");
    if (c->codec.disconnect_message[0])
        return ended(a);
    /* libssh2 hides why it could not read the answer. */
    if (says(c, error_no_answer))
        return unreadable(a);
    if (signature_was_not_enough(c, rc)) {
        a->methods = METHODS_ASKED_EARLY;
        return ask_methods(a);
    }
    next_candidate(a);
    return AUTH_GO_ON;
}

static int try_candidates(struct ssh_auth *a)
{
    struct ssh_connection *c = a->connection;
    int rc = AUTH_GO_ON;
    while (rc == AUTH_GO_ON && !c->settings.no_public_key && a->at < a->candidates.count &&
           a->tries < SSH_AUTH_TRIES_MAX) {
        rc = try_candidate(a);
        if (rc == LIBSSH2_ERROR_EAGAIN)
            return 0;
        const struct ssh_candidate *now = &a->candidates.list[a->at];
        if (rc == 0) {
            log_info(c->transport->subject, "logged in as %s with key %s%s", c->settings.user, now->label,
                     now->file ? "" : " (agent)");
            return 1;
        }
        rc = refused(a, rc);
    }
    return rc;
}

int ssh_auth_step(struct ssh_auth *a)
{
    if (a->find || a->sign == SIGN_ASKED)
        return 0;
    int rc = a->methods == METHODS_NOT_ASKED ? try_candidates(a) : ask_methods(a);
    if (rc == AUTH_GO_ON && a->methods == METHODS_NOT_ASKED)
        rc = try_candidates(a);
    if (rc != AUTH_GO_ON)
        return rc;
    for (; a->at < a->candidates.count; a->at++)
        ssh_candidates_note(&a->candidates.skipped, a->candidates.list[a->at].label,
                            "too many keys: name the right one with IdentityFile");
    a->methods = METHODS_ASKED_LAST;
    return ask_methods(a);
}

bool ssh_auth_asks(const struct ssh_auth *a)
{
    return a && a->sign == SIGN_ASKED;
}

void ssh_auth_free(struct ssh_auth *a)
{
    if (!a)
        return;
    ssh_agent_find_cancel(a->find);
    ssh_agent_free(a->agent);
    ssh_candidates_free(&a->candidates);
    buf_free(&a->wire_blob);
    buf_free(&a->signature);
    buf_free(&a->agent_note);
    buf_free(&a->tried);
    free(a);
}
