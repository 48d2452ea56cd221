/* Host keys that are recorded, and the check of one that a server shows. */
#include <stdlib.h>
#include <string.h>

#include "proxy/ssh/ssh_parse.h"

enum { BLOB_MAX = 64 * 1024 };

/* Host key algorithms by the type of the recorded key, the preferred first. */
static const struct method {
    const char *type;
    const char *algorithms;
    const char *name;
} methods[] = {
    {"ssh-ed25519", "ssh-ed25519", "ED25519"},
    {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", "ECDSA"},
    {"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384", "ECDSA"},
    {"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521", "ECDSA"},
    {"ssh-rsa", "rsa-sha2-512,rsa-sha2-256,ssh-rsa", "RSA"},
};
enum { METHOD_COUNT = sizeof methods / sizeof *methods };

const char *ssh_type_name(struct ssh_bytes type)
{
    for (size_t i = 0; i < METHOD_COUNT; i++)
        if (ssh_bytes_are(type, methods[i].type))
            return methods[i].name;
    return "unknown";
}

static struct ssh_bytes blob_of(const struct ssh_known_key *k)
{
    return (struct ssh_bytes){(const unsigned char *)k->blob.data, k->blob.len};
}

/* Returns the word at *p and moves *p behind it and the blanks that follow. */
static struct ssh_bytes word(const char **p, const char *end)
{
    const char *start = *p;
    while (*p < end && **p != ' ' && **p != '\t')
        (*p)++;
    struct ssh_bytes w = {(const unsigned char *)start, (size_t)(*p - start)};
    while (*p < end && (**p == ' ' || **p == '\t'))
        (*p)++;
    return w;
}

/* Returns 1 when the line held a key, 0 when it is to be left out, -1 when memory ran out. */
static int parse_line(const char *line, size_t len, struct ssh_known_key *key)
{
    const char *p = line;
    const char *end = line + len;
    key->kind = SSH_KNOWN_KEY;
    struct ssh_bytes w = word(&p, end);
    if (ssh_bytes_are(w, "@revoked") || ssh_bytes_are(w, "@cert-authority")) {
        key->kind = ssh_bytes_are(w, "@revoked") ? SSH_KNOWN_REVOKED : SSH_KNOWN_AUTHORITY;
        w = word(&p, end); /* the host names, which ssh-keygen has matched */
    } else if (w.len > 0 && w.data[0] == '@') {
        return 0;
    }
    key->is_pattern = memchr(w.data, '*', w.len) || memchr(w.data, '?', w.len);
    struct ssh_bytes type = word(&p, end);
    struct ssh_bytes base64 = word(&p, end);
    buf_init(&key->blob, BLOB_MAX);
    if (base64.len == 0 || ssh_base64_decode((const char *)base64.data, base64.len, &key->blob) < 0 ||
        !ssh_bytes_equal(ssh_blob_type(blob_of(key)), type)) {
        buf_free(&key->blob);
        return 0;
    }
    return 1;
}

/* "# Host NAME found: line N [MARKER]": returns N, or 0. */
static int found_line(const char *line, size_t len)
{
    static const char mark[] = " found: line ";
    const char *at = memmem(line, len, mark, sizeof mark - 1);
    return at && line[0] == '#' ? (int)strtol(at + sizeof mark - 1, NULL, 10) : 0;
}

int ssh_known_parse(const char *text, const char *file, bool is_user_file, struct ssh_known *k)
{
    int number = 0;
    for (const char *line = text; *line;) {
        size_t len = strcspn(line, "\n");
        const char *next = line + len + (line[len] == '\n');
        if (len > 0 && line[len - 1] == '\r')
            len--;
        if (len > 0 && line[0] == '#') {
            number = found_line(line, len);
        } else if (len > 0) {
            struct ssh_known_key key = {.line = number, .is_user_file = is_user_file};
            if (parse_line(line, len, &key) == 1) {
                struct ssh_known_key *keys = realloc(k->keys, (k->count + 1) * sizeof *keys);
                if (keys)
                    k->keys = keys;
                key.file = strdup(file);
                if (!keys || !key.file) {
                    free(key.file);
                    buf_free(&key.blob);
                    return -1;
                }
                keys[k->count++] = key;
            }
        }
        line = next;
    }
    return 0;
}

void ssh_known_free(struct ssh_known *k)
{
    for (size_t i = 0; i < k->count; i++) {
        free(k->keys[i].file);
        buf_free(&k->keys[i].blob);
    }
    free(k->keys);
    *k = (struct ssh_known){0};
}

static const struct ssh_known_key *find(const struct ssh_known *k, enum ssh_known_kind kind, struct ssh_bytes blob)
{
    for (size_t i = 0; i < k->count; i++)
        if (k->keys[i].kind == kind && ssh_bytes_equal(blob_of(&k->keys[i]), blob))
            return &k->keys[i];
    return NULL;
}

static const struct ssh_known_key *find_kind(const struct ssh_known *k, enum ssh_known_kind kind)
{
    for (size_t i = 0; i < k->count; i++)
        if (k->keys[i].kind == kind)
            return &k->keys[i];
    return NULL;
}

bool ssh_known_any(const struct ssh_known *k)
{
    return find_kind(k, SSH_KNOWN_KEY) != NULL;
}

const char *ssh_known_authority(const struct ssh_known *k, const struct ssh_known *plain)
{
    const struct ssh_known_key *at = find_kind(k, SSH_KNOWN_AUTHORITY);
    if (!at)
        at = find_kind(plain, SSH_KNOWN_AUTHORITY);
    return at ? at->file : NULL;
}

/* Another key than the one shown; that of the same type tells the user most. */
static const struct ssh_known_key *other_key(const struct ssh_known *k, struct ssh_bytes blob)
{
    const struct ssh_known_key *other = find_kind(k, SSH_KNOWN_KEY);
    for (size_t i = 0; i < k->count; i++)
        if (k->keys[i].kind == SSH_KNOWN_KEY &&
            ssh_bytes_equal(ssh_blob_type(blob_of(&k->keys[i])), ssh_blob_type(blob)))
            other = &k->keys[i];
    return other;
}

/* By the entries of one name. */
static enum ssh_verdict check_key(const struct ssh_known *k, struct ssh_bytes blob, const struct ssh_known_key **at)
{
    /* A revocation counts in whichever file it stands, also when the key is recorded as good elsewhere. */
    *at = find(k, SSH_KNOWN_REVOKED, blob);
    if (*at)
        return SSH_VERDICT_REVOKED;
    *at = find(k, SSH_KNOWN_KEY, blob);
    if (*at)
        return SSH_VERDICT_KNOWN;
    *at = other_key(k, blob);
    if (*at)
        return SSH_VERDICT_CHANGED;
    *at = find_kind(k, SSH_KNOWN_AUTHORITY);
    return SSH_VERDICT_UNKNOWN;
}

enum ssh_verdict ssh_known_check(const struct ssh_known *k, const struct ssh_known *plain, struct ssh_bytes blob,
                                 const struct ssh_known_key **at)
{
    enum ssh_verdict verdict = check_key(k, blob, at);
    if (verdict != SSH_VERDICT_UNKNOWN)
        return verdict;
    const struct ssh_known_key *plain_at = NULL;
    enum ssh_verdict plain_verdict = check_key(plain, blob, &plain_at);
    /* Another server's key may be recorded there: the name without the port only ever vouches. */
    if (plain_verdict == SSH_VERDICT_CHANGED) {
        plain_verdict = SSH_VERDICT_UNKNOWN;
        plain_at = find_kind(plain, SSH_KNOWN_AUTHORITY);
    }
    if (plain_verdict != SSH_VERDICT_UNKNOWN || !*at)
        *at = plain_at;
    return plain_verdict;
}

static bool has_type(const struct ssh_known *k, const char *type)
{
    for (size_t i = 0; i < k->count; i++)
        if (k->keys[i].kind == SSH_KNOWN_KEY && ssh_bytes_are(ssh_blob_type(blob_of(&k->keys[i])), type))
            return true;
    return false;
}

void ssh_known_methods(const struct ssh_known *k, const struct ssh_known *plain, struct buf *out)
{
    if (!ssh_known_any(k))
        k = plain;
    /* The others too: a key of theirs shows that the recorded one has changed, or could be recorded beside it. */
    for (int fits = 1; fits >= 0; fits--)
        for (size_t m = 0; m < METHOD_COUNT; m++)
            if (has_type(k, methods[m].type) == (fits == 1))
                buf_printf(out, "%s%s", out->len > 0 ? "," : "", methods[m].algorithms);
}

struct ssh_bytes ssh_type_algorithms(struct ssh_bytes type)
{
    for (size_t i = 0; i < METHOD_COUNT; i++)
        if (ssh_bytes_are(type, methods[i].type))
            return (struct ssh_bytes){(const unsigned char *)methods[i].algorithms, strlen(methods[i].algorithms)};
    return type;
}
