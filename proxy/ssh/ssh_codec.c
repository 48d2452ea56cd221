/* libssh2 without a socket. Its send callback only keeps bytes and never says "again": a packet that was sent in part
   must be finished by the same call with the same data, which answers to the server's own questions come between. Its
   receive callback says "again" instead of "end of file": libssh2 drops what it has queued for the channel once it
   learns of the end, so the end is decided above, when all of it was delivered. */
#include <errno.h>
#include <libssh2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/ssh/ssh_impl.h"

enum { CODEC_NAMES_MAX = 1024 };

static ssize_t send_bytes(libssh2_socket_t fd, const void *data, size_t n, int flags, void **abstract)
{
    (void)fd;
    (void)flags;
    struct ssh_codec *k = *abstract;
    if (k->broken || ssh_socket_put(k->socket, data, n) < 0)
        return -EPIPE;
    return (ssize_t)n;
}

static ssize_t receive_bytes(libssh2_socket_t fd, void *to, size_t n, int flags, void **abstract)
{
    (void)fd;
    (void)flags;
    struct ssh_codec *k = *abstract;
    if (k->broken)
        return 0;
    if (k->frozen)
        return -EAGAIN;
    size_t got = ssh_socket_take(k->socket, to, n < k->budget ? n : k->budget);
    k->budget -= got;
    ssh_offer_feed(&k->offer, to, got);
    return got > 0 ? (ssize_t)got : -EAGAIN;
}

static void on_disconnect(LIBSSH2_SESSION *session, int reason, const char *message, int len, const char *language,
                          int language_len, void **abstract)
{
    (void)session;
    (void)reason;
    (void)language;
    (void)language_len;
    struct ssh_codec *k = *abstract;
    (void)snprintf(k->disconnect_message, sizeof k->disconnect_message, "%.*s", len, message ? message : "");
}

static void set_callbacks(LIBSSH2_SESSION *s)
{
#if LIBSSH2_VERSION_NUM >= 0x010b01
    (void)libssh2_session_callback_set2(s, LIBSSH2_CALLBACK_SEND, (libssh2_cb_generic *)send_bytes);
    (void)libssh2_session_callback_set2(s, LIBSSH2_CALLBACK_RECV, (libssh2_cb_generic *)receive_bytes);
    (void)libssh2_session_callback_set2(s, LIBSSH2_CALLBACK_DISCONNECT, (libssh2_cb_generic *)on_disconnect);
#else
    /* The old interface takes functions as void *, which ISO C cannot convert. */
    union {
        ssize_t (*send)(libssh2_socket_t, const void *, size_t, int, void **);
        ssize_t (*receive)(libssh2_socket_t, void *, size_t, int, void **);
        void (*disconnect)(LIBSSH2_SESSION *, int, const char *, int, const char *, int, void **);
        void *any;
    } f;
    f.send = send_bytes;
    (void)libssh2_session_callback_set(s, LIBSSH2_CALLBACK_SEND, f.any);
    f.receive = receive_bytes;
    (void)libssh2_session_callback_set(s, LIBSSH2_CALLBACK_RECV, f.any);
    f.disconnect = on_disconnect;
    (void)libssh2_session_callback_set(s, LIBSSH2_CALLBACK_DISCONNECT, f.any);
#endif
}

/* In this order, which keeps to what all versions do safely: no chacha20-poly1305, no GCM and no encrypt-then-MAC,
   whose code in libssh2 1.11 has known flaws that run before the host key is checked; and no key exchange of seconds.
 */
static const struct {
    int method;
    const char *names;
} preferences[] = {
    {LIBSSH2_METHOD_KEX, "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,"
                         "ecdh-sha2-nistp521,diffie-hellman-group14-sha256,diffie-hellman-group16-sha512,"
                         "diffie-hellman-group-exchange-sha256"},
    {LIBSSH2_METHOD_CRYPT_CS, "aes256-ctr,aes128-ctr"},
    {LIBSSH2_METHOD_CRYPT_SC, "aes256-ctr,aes128-ctr"},
    {LIBSSH2_METHOD_MAC_CS, "hmac-sha2-256,hmac-sha2-512"},
    {LIBSSH2_METHOD_MAC_SC, "hmac-sha2-256,hmac-sha2-512"},
};

const char *ssh_codec_names(int method)
{
    for (size_t i = 0; i < sizeof preferences / sizeof *preferences; i++)
        if (preferences[i].method == method)
            return preferences[i].names;
    return NULL;
}

static bool is_among(const char *name, size_t len, const char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
            return true;
    return false;
}

int ssh_codec_prefer(struct ssh_codec *k, int method, const char *names)
{
    const char **supported = NULL;
    int count = libssh2_session_supported_algs(k->session, method, &supported);
    if (count < 0)
        return -1;
    struct buf both;
    buf_init(&both, CODEC_NAMES_MAX);
    for (const char *p = names; *p;) {
        size_t len = strcspn(p, ",");
        if (is_among(p, len, supported, count))
            buf_printf(&both, "%s%.*s", both.len > 0 ? "," : "", (int)len, p); /* failure is sticky */
        p += len + (p[len] == ',');
    }
    libssh2_free(k->session, (void *)(uintptr_t)supported);
    int rc = both.failed || both.len == 0 ? -1 : libssh2_session_method_pref(k->session, method, both.data);
    if (rc == 0) {
        free(k->offered[method]);
        k->offered[method] = buf_take(&both);
    }
    buf_free(&both);
    return rc == 0 ? 0 : -1;
}

int ssh_codec_open(struct ssh_codec *k, struct ssh_socket *socket)
{
    *k = (struct ssh_codec){.socket = socket, .session = libssh2_session_init_ex(NULL, NULL, NULL, k)};
    ssh_offer_init(&k->offer);
    if (!k->session)
        return -1;
    set_callbacks(k->session);
    libssh2_session_set_blocking(k->session, 0);
    for (size_t i = 0; i < sizeof preferences / sizeof *preferences; i++)
        if (ssh_codec_prefer(k, preferences[i].method, preferences[i].names) < 0)
            return -1;
    return 0;
}

void ssh_codec_close(struct ssh_codec *k)
{
    if (k->session) {
        k->broken = true; /* else freeing would wait for the server */
        (void)libssh2_session_free(k->session);
    }
    ssh_socket_free(k->socket);
    ssh_offer_free(&k->offer);
    for (size_t i = 0; i < SSH_OFFER_COUNT; i++)
        free(k->offered[i]);
    *k = (struct ssh_codec){0};
}
