/* Is the server the one it was before? Decided from what OpenSSH has recorded, never recorded by us. */
#include <libssh2.h>
#include <string.h>

#include "proxy/ssh/ssh_impl.h"
#include "proxy/ssh/ssh_key.h"

enum { HOST_KEY_TEXT_MAX = 512 };

/* When nothing is recorded the key is still fetched, for the error to show. */
static const char any_method[] = "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,"
                                 "rsa-sha2-512,rsa-sha2-256,ssh-rsa";

static bool any_key(const struct ssh_known *k)
{
    for (size_t i = 0; i < k->count; i++)
        if (k->keys[i].kind == SSH_KNOWN_KEY)
            return true;
    return false;
}

int ssh_host_key_prefer(struct ssh_connection *c, struct err *e)
{
    struct buf methods;
    buf_init(&methods, HOST_KEY_TEXT_MAX);
    ssh_known_methods(&c->known, &methods);
    int rc = 0;
    if (methods.failed) {
        rc = err_set(e, "Out of memory.");
    } else if (methods.len == 0 && any_key(&c->known)) {
        rc = err_set(e,
                     "The only host keys of %s that are recorded are of types that delvegate cannot check. Run `ssh %s "
                     "true` once after removing them, or record an ED25519 key.",
                     c->known_name, c->transport->name);
    } else if (ssh_codec_prefer(&c->codec, LIBSSH2_METHOD_HOSTKEY, methods.len > 0 ? methods.data : any_method) < 0) {
        rc = err_set(e, "libssh2 %s supports none of the host key types recorded for %s (%s).", libssh2_version(0),
                     c->known_name, methods.data ? methods.data : "");
    }
    buf_free(&methods);
    return rc;
}

/* "ED25519 SHA256:..." */
static const char *describe(struct ssh_bytes blob, struct buf *text)
{
    (void)buf_printf(text, "%s ", ssh_type_name(ssh_blob_type(blob))); /* failure is sticky */
    ssh_key_fingerprint(blob, text);
    return text->failed ? "(fingerprint: out of memory)" : text->data;
}

int ssh_host_key_check(struct ssh_connection *c, struct err *e)
{
    size_t len = 0;
    int type = 0;
    const char *key = libssh2_session_hostkey(c->codec.session, &len, &type);
    if (!key)
        return err_set(e, "%s showed no host key.", c->transport->where);
    struct ssh_bytes blob = {(const unsigned char *)key, len};
    struct buf shown;
    struct buf recorded;
    buf_init(&shown, HOST_KEY_TEXT_MAX);
    buf_init(&recorded, HOST_KEY_TEXT_MAX);
    const struct ssh_known_key *at = NULL;
    enum ssh_verdict verdict = ssh_known_judge(&c->known, blob, &at);
    const char *text = describe(blob, &shown);
    int rc = 0;
    switch (verdict) {
    case SSH_VERDICT_KNOWN:
        log_debug(c->transport->subject, "host key %s is recorded at %s:%d", text, at->file, at->line);
        break;
    case SSH_VERDICT_UNKNOWN:
        if (c->settings.policy == SSH_HOST_KEY_ACCEPT_UNKNOWN) {
            log_warning(c->transport->subject,
                        "host key %s of %s is not recorded; accepted since StrictHostKeyChecking is off", text,
                        c->known_name);
            break;
        }
        rc = err_set(e,
                     "The host key of %s is not known (%s).\nCompare it and record it: run `ssh %s true` once in a "
                     "terminal.",
                     c->known_name, text, c->transport->name);
        break;
    case SSH_VERDICT_CHANGED:
        rc = err_set(e,
                     "The host key of %s has CHANGED: the server shows %s, recorded is %s (%s:%d). Either the machine "
                     "was set up anew, or somebody is in between.\nIf you know that the new one is right: "
                     "`ssh-keygen -R '%s' -f %s`, then `ssh %s true`.",
                     c->known_name, text,
                     describe((struct ssh_bytes){(const unsigned char *)at->blob.data, at->blob.len}, &recorded),
                     at->file, at->line, c->known_name, at->file, c->transport->name);
        break;
    case SSH_VERDICT_REVOKED:
        rc = err_set(e,
                     "The host key of %s (%s) is marked as revoked at %s:%d. Do not connect; ask whoever runs the "
                     "machine for its new key.",
                     c->known_name, text, at->file, at->line);
        break;
    }
    buf_free(&shown);
    buf_free(&recorded);
    return rc;
}
