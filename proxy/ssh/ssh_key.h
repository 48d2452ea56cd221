/* Key files of the user, and what libssh2 1.10 cannot do with keys: rsa-sha2 signatures and fingerprints. */
#ifndef PROXY_SSH_SSH_KEY_H
#define PROXY_SSH_SSH_KEY_H

#include <stdbool.h>

#include "dap/must_use.h"
#include "dap/err.h"
#include "proxy/ssh/ssh_wire.h"

struct evp_pkey_st;

enum ssh_key_state {
    SSH_KEY_ABSENT,      /* no such file */
    SSH_KEY_USABLE,      /* can sign */
    SSH_KEY_ENCRYPTED,   /* needs a passphrase: usable only through an agent */
    SSH_KEY_PUBLIC_ONLY, /* only the public half is there */
    SSH_KEY_UNUSABLE     /* why says why */
};

struct ssh_key_file {
    enum ssh_key_state state;
    struct buf blob;         /* public key; may be empty when only the private file could tell */
    struct evp_pkey_st *rsa; /* the private key of a usable RSA key, else NULL */
    struct err why;          /* for SSH_KEY_UNUSABLE */
};

/* Looks at path and path.pub. Small local files: read at once. Free with ssh_key_file_free. */
void ssh_key_file_read(const char *path, struct ssh_key_file *k);
void ssh_key_file_free(struct ssh_key_file *k);

/* Signs data with an RSA key. algorithm: "rsa-sha2-256", "rsa-sha2-512" or "ssh-rsa". Returns the signature, allocated
   with malloc, or NULL when libcrypto could not. */
unsigned char *ssh_key_sign_rsa(struct evp_pkey_st *key, struct ssh_bytes algorithm, struct ssh_bytes data,
                                size_t *len);

/* The hash of a connection, %C of ssh_config(5) without ProxyJump, in hexadecimal. The caller frees it; NULL when
   libcrypto could not make it. */
char *ssh_key_connection_hash(const char *local_host, const char *host, int port, const char *user) MUST_USE;

/* Appends "SHA256:..." as `ssh-keygen -l` prints it. Failures show in out->failed. */
void ssh_key_fingerprint(struct ssh_bytes blob, struct buf *out);

#endif
