#include "proxy/ssh/ssh_key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    KEY_FILE_MAX = 64 * 1024,
    KEY_BLOB_MAX = 64 * 1024,
    KEY_PATH_MAX = 4096,
    KEY_OTHERS = S_IRWXG | S_IRWXO /* permissions that make OpenSSH, and us, refuse a private key */
};

static const char openssh_begin[] = "-----BEGIN OPENSSH PRIVATE KEY-----";
static const char openssh_end[] = "-----END OPENSSH PRIVATE KEY-----";
static const char openssh_magic[] = "openssh-key-v1"; /* its NUL belongs to it */

/* Overwrites before it frees: what it held may be a private key. */
static void wipe(struct buf *b)
{
    if (b->data)
        OPENSSL_cleanse(b->data, b->cap);
    buf_free(b);
}

/* Returns 0, or a negative errno. mode may be NULL. */
static int read_file(const char *path, struct buf *out, struct stat *st)
{
    /* O_NONBLOCK: a FIFO of that name must not stop the daemon. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    int rc = fstat(fd, st) < 0 ? -errno : 0;
    if (rc == 0 && !S_ISREG(st->st_mode))
        rc = -EINVAL;
    char chunk[4096];
    ssize_t n = 0;
    while (rc == 0 && (n = read(fd, chunk, sizeof chunk)) != 0) {
        rc = n < 0 ? -errno : 0;
        buf_append(out, chunk, n < 0 ? 0 : (size_t)n);
        if (out->failed)
            rc = -EFBIG;
    }
    OPENSSL_cleanse(chunk, sizeof chunk);
    close(fd);
    return rc;
}

/* The public key of "TYPE BASE64 [COMMENT]". Returns 0, or -1 when the text is none. */
static int public_line(const char *text, struct buf *blob)
{
    size_t type = strcspn(text, " \n");
    if (type == 0 || text[type] != ' ')
        return -1;
    const char *base64 = text + type + 1;
    if (ssh_base64_decode(base64, strcspn(base64, " \r\n"), blob) < 0 ||
        !ssh_bytes_equal(ssh_blob_type((struct ssh_bytes){(const unsigned char *)blob->data, blob->len}),
                         (struct ssh_bytes){(const unsigned char *)text, type})) {
        buf_clear(blob);
        return -1;
    }
    return 0;
}

static BIGNUM *number(struct ssh_bytes b)
{
    return BN_bin2bn(b.data, (int)b.len, NULL);
}

/* d mod (prime - 1), which OpenSSH's format leaves out. */
static BIGNUM *exponent(const BIGNUM *d, const BIGNUM *prime, BN_CTX *ctx)
{
    BIGNUM *less = BN_dup(prime);
    BIGNUM *r = BN_new();
    if (!less || !r || !BN_sub_word(less, 1) || !BN_mod(r, d, less, ctx)) {
        BN_clear_free(r);
        r = NULL;
    }
    BN_clear_free(less);
    return r;
}

enum { RSA_N, RSA_E, RSA_D, RSA_IQMP, RSA_P, RSA_Q, RSA_DMP1, RSA_DMQ1, RSA_PARTS };

/* r stands before the private numbers of an RSA key in OpenSSH's format. */
static EVP_PKEY *rsa_from_numbers(struct ssh_reader *r)
{
    static const char *const names[RSA_PARTS] = {
        [RSA_N] = OSSL_PKEY_PARAM_RSA_N,
        [RSA_E] = OSSL_PKEY_PARAM_RSA_E,
        [RSA_D] = OSSL_PKEY_PARAM_RSA_D,
        [RSA_IQMP] = OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
        [RSA_P] = OSSL_PKEY_PARAM_RSA_FACTOR1,
        [RSA_Q] = OSSL_PKEY_PARAM_RSA_FACTOR2,
        [RSA_DMP1] = OSSL_PKEY_PARAM_RSA_EXPONENT1,
        [RSA_DMQ1] = OSSL_PKEY_PARAM_RSA_EXPONENT2,
    };
    BIGNUM *n[RSA_PARTS] = {0};
    for (int i = RSA_N; i <= RSA_Q; i++)
        n[i] = number(ssh_read_string(r));
    BN_CTX *ctx = BN_CTX_new();
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    bool ok = ctx && builder && !r->failed && n[RSA_D] && n[RSA_P] && n[RSA_Q];
    if (ok) {
        n[RSA_DMP1] = exponent(n[RSA_D], n[RSA_P], ctx);
        n[RSA_DMQ1] = exponent(n[RSA_D], n[RSA_Q], ctx);
    }
    for (int i = 0; i < RSA_PARTS && ok; i++)
        ok = n[i] && OSSL_PARAM_BLD_push_BN(builder, names[i], n[i]);
    OSSL_PARAM *params = ok ? OSSL_PARAM_BLD_to_param(builder) : NULL;
    EVP_PKEY_CTX *make = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *key = NULL;
    if (!params || !make || EVP_PKEY_fromdata_init(make) <= 0 ||
        EVP_PKEY_fromdata(make, &key, EVP_PKEY_KEYPAIR, params) <= 0)
        key = NULL;
    EVP_PKEY_CTX_free(make);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    BN_CTX_free(ctx);
    for (int i = 0; i < RSA_PARTS; i++)
        BN_clear_free(n[i]);
    return key;
}

static void unusable(struct ssh_key_file *k, const char *path, const char *what)
{
    k->state = SSH_KEY_UNUSABLE;
    err_set(&k->why, "%s: %s", path, what);
}

/* text begins with openssh_begin. */
static void parse_openssh(const char *path, const char *text, struct ssh_key_file *k)
{
    const char *start = text + sizeof openssh_begin - 1;
    const char *end = strstr(start, openssh_end);
    struct buf raw;
    buf_init(&raw, KEY_FILE_MAX);
    if (!end || ssh_base64_decode(start, (size_t)(end - start), &raw) < 0 || raw.len < sizeof openssh_magic ||
        memcmp(raw.data, openssh_magic, sizeof openssh_magic) != 0) {
        unusable(k, path, "the file is damaged");
        wipe(&raw);
        return;
    }
    struct ssh_reader r = {
        .left = {(const unsigned char *)raw.data + sizeof openssh_magic, raw.len - sizeof openssh_magic}};
    struct ssh_bytes cipher = ssh_read_string(&r);
    (void)ssh_read_string(&r); /* key derivation */
    (void)ssh_read_string(&r); /* and its options */
    uint32_t keys = ssh_read_u32(&r);
    struct ssh_bytes blob = ssh_read_string(&r);
    struct ssh_reader secret = {.left = ssh_read_string(&r)};
    bool is_damaged = r.failed || keys != 1;
    if (!is_damaged) {
        buf_clear(&k->blob);
        buf_append(&k->blob, blob.data, blob.len);
    }
    if (is_damaged) {
        unusable(k, path, "the file is damaged");
    } else if (k->blob.failed) {
        unusable(k, path, "the public key is too long");
    } else if (!ssh_bytes_are(cipher, "none")) {
        k->state = SSH_KEY_ENCRYPTED;
    } else {
        k->state = SSH_KEY_USABLE;
        (void)ssh_read_u32(&secret); /* two equal numbers, that show a wrong passphrase */
        (void)ssh_read_u32(&secret);
        struct ssh_bytes type = ssh_read_string(&secret);
        if (ssh_bytes_are(type, "ssh-rsa")) {
            k->rsa = rsa_from_numbers(&secret);
            if (!k->rsa)
                unusable(k, path, "the file is damaged");
        }
    }
    wipe(&raw);
}

/* There is nobody who could type a passphrase. */
static int no_passphrase(char *out, int size, int writing, void *arg)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

static void put_mpint(struct buf *b, const BIGNUM *n)
{
    unsigned char bytes[KEY_FILE_MAX];
    int len = BN_num_bytes(n);
    if (len <= 0 || len >= (int)sizeof bytes) {
        b->failed = true;
        return;
    }
    bytes[0] = 0;
    (void)BN_bn2bin(n, bytes + 1);
    bool sign = (bytes[1] & 0x80U) != 0; /* without a zero in front it would be read as negative */
    ssh_put_string(b, sign ? bytes : bytes + 1, (size_t)len + (sign ? 1 : 0));
}

static bool rsa_blob(const EVP_PKEY *key, struct buf *blob)
{
    BIGNUM *n = NULL;
    BIGNUM *e = NULL;
    bool ok =
        EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e);
    if (ok) {
        buf_clear(blob);
        ssh_put_string(blob, "ssh-rsa", strlen("ssh-rsa"));
        put_mpint(blob, e);
        put_mpint(blob, n);
        ok = !blob->failed;
    }
    BN_free(n);
    BN_free(e);
    return ok;
}

/* PEM, the format of ssh-keygen before OpenSSH 7.8 and of openssl. */
static void parse_pem(const char *path, const struct buf *text, struct ssh_key_file *k)
{
    if (strstr(text->data, "ENCRYPTED")) {
        k->state = SSH_KEY_ENCRYPTED;
        return;
    }
    BIO *in = BIO_new_mem_buf(text->data, (int)text->len);
    EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL) : NULL;
    BIO_free(in);
    ERR_clear_error();
    if (!key) {
        unusable(k, path, "not a private key that delvegate can read");
        return;
    }
    k->state = SSH_KEY_USABLE;
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
        EVP_PKEY_free(key);
    } else if (rsa_blob(key, &k->blob)) {
        k->rsa = key;
    } else {
        EVP_PKEY_free(key);
        unusable(k, path, "the RSA key cannot be read");
    }
}

static void read_public(const char *path, struct ssh_key_file *k)
{
    char name[KEY_PATH_MAX];
    int n = snprintf(name, sizeof name, "%s.pub", path);
    if (n < 0 || n >= (int)sizeof name)
        return;
    struct buf text;
    buf_init(&text, KEY_FILE_MAX);
    struct stat st;
    if (read_file(name, &text, &st) == 0 && text.len > 0 && public_line(text.data, &k->blob) == 0)
        k->state = SSH_KEY_PUBLIC_ONLY;
    buf_free(&text);
}

void ssh_key_file_read(const char *path, struct ssh_key_file *k)
{
    *k = (struct ssh_key_file){.state = SSH_KEY_ABSENT};
    buf_init(&k->blob, KEY_BLOB_MAX);
    read_public(path, k);
    struct buf text;
    buf_init(&text, KEY_FILE_MAX);
    struct stat st = {0};
    int rc = read_file(path, &text, &st);
    if (rc == -ENOENT) {
        /* what the public file said stays */
    } else if (rc < 0) {
        unusable(k, path, strerror(-rc));
    } else if (text.len == 0) {
        unusable(k, path, "the file is empty");
    } else if (public_line(text.data, &k->blob) == 0) {
        k->state = SSH_KEY_PUBLIC_ONLY;
    } else if (st.st_uid == getuid() && (st.st_mode & KEY_OTHERS)) {
        unusable(k, path, "others can read this private key, so it is not used. Run `chmod 600` on it");
    } else if (strncmp(text.data, openssh_begin, sizeof openssh_begin - 1) == 0) {
        parse_openssh(path, text.data, k);
    } else {
        parse_pem(path, &text, k);
    }
    wipe(&text);
}

void ssh_key_file_free(struct ssh_key_file *k)
{
    buf_free(&k->blob);
    EVP_PKEY_free(k->rsa);
    k->rsa = NULL;
}

unsigned char *ssh_key_sign_rsa(struct evp_pkey_st *key, struct ssh_bytes algorithm, struct ssh_bytes data, size_t *len)
{
    const EVP_MD *hash = ssh_bytes_are(algorithm, "rsa-sha2-512")   ? EVP_sha512()
                         : ssh_bytes_are(algorithm, "rsa-sha2-256") ? EVP_sha256()
                                                                    : EVP_sha1();
    unsigned char *sig = NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t need = 0;
    if (ctx && EVP_DigestSignInit(ctx, NULL, hash, NULL, key) > 0 &&
        EVP_DigestSign(ctx, NULL, &need, data.data, data.len) > 0 && (sig = malloc(need)) != NULL) {
        *len = need;
        if (EVP_DigestSign(ctx, sig, len, data.data, data.len) <= 0) {
            free(sig);
            sig = NULL;
        }
    }
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return sig;
}

void ssh_key_fingerprint(struct ssh_bytes blob, struct buf *out)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (EVP_Digest(blob.data, blob.len, digest, &len, EVP_sha256(), NULL) <= 0) {
        out->failed = true;
        return;
    }
    buf_puts(out, "SHA256:"); /* failure is sticky */
    ssh_base64_encode((struct ssh_bytes){digest, len}, out);
}

char *ssh_key_connection_hash(const char *local_host, const char *host, int port, const char *user)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    struct buf text;
    struct buf hex;
    buf_init(&text, KEY_PATH_MAX);
    buf_init(&hex, KEY_PATH_MAX);
    buf_printf(&text, "%s%s%d%s", local_host, host, port, user);
    if (!text.failed && EVP_Digest(text.data, text.len, digest, &len, EVP_sha1(), NULL) > 0)
        for (unsigned i = 0; i < len; i++)
            buf_printf(&hex, "%02x", digest[i]); /* failure is sticky */
    buf_free(&text);
    if (hex.len == 0 || hex.failed) {
        buf_free(&hex);
        return NULL;
    }
    return buf_take(&hex);
}
