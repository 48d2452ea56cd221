#include "proxy/ssh/ssh_candidates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/base/log.h"
#include "proxy/ssh/ssh_agent.h"

enum {
    SKIPPED_MAX = 2048,
    BLOB_MAX = 64 * 1024,
    LABEL_MAX = 256,
    PATH_SIZE = 4096,
    AGENT_KEYS_MAX = 64 /* of one agent */
};

static const char no_certificates[] = "certificates are not supported";

void ssh_candidates_note(struct buf *list, const char *label, const char *what)
{
    buf_printf(list, "%s%s (%s)", list->len > 0 ? ", " : "", label, what); /* what does not fit is left out */
}

static void skip(struct ssh_candidates *c, const char *label, const char *why)
{
    ssh_candidates_note(&c->skipped, label, why);
}

static void skip_unsupported(struct ssh_candidates *c, const char *label, const char *problem)
{
    skip(c, label, problem);
    c->unsupported = true;
}

/* Why keys of this type cannot be used, NULL when they can. */
static const char *type_problem(struct ssh_bytes type)
{
    if (memmem(type.data, type.len, "-cert-", strlen("-cert-")))
        return no_certificates;
    if (type.len > 3 && memcmp(type.data, "sk-", 3) == 0)
        return "security keys are not supported";
    return strcmp(ssh_type_name(type), "unknown") == 0 ? "this type of key is not supported" : NULL;
}

/* --- where they come from --- */

void ssh_candidates_read(struct ssh_candidates *c, const struct ssh_settings *s, const struct ssh_tokens *t,
                         const char *subject)
{
    const struct ssh_list *named = &s->identity_files;
    struct err why;
    *c = (struct ssh_candidates){0};
    buf_init(&c->skipped, SKIPPED_MAX);
    c->identities = calloc(named->count + 1, sizeof *c->identities);
    if (!c->identities)
        skip(c, "IdentityFile", "Out of memory.");
    for (size_t i = 0; c->identities && i < named->count; i++) {
        if (strcmp(named->items[i], "none") == 0)
            continue;
        char *path = ssh_expand(named->items[i], SSH_EXPAND_FILE, t, &why);
        if (!path) { /* the others may do */
            log_warning(subject, "an IdentityFile is ignored: %s", why.text);
            skip(c, "IdentityFile", why.text);
            continue;
        }
        struct ssh_identity *identity = &c->identities[c->identity_count++];
        identity->path = path;
        ssh_key_file_read(path, &identity->key);
    }
}

static int add_agent_key(struct ssh_candidates *c, struct ssh_bytes blob, struct ssh_bytes comment)
{
    struct ssh_agent_key *keys = realloc(c->agent_keys, (c->agent_key_count + 1) * sizeof *keys);
    if (!keys)
        return -1;
    c->agent_keys = keys;
    struct ssh_agent_key key = {.label = strndup((const char *)comment.data, comment.len)};
    buf_init(&key.blob, BLOB_MAX);
    buf_append(&key.blob, blob.data, blob.len);
    if (!key.label || key.blob.failed) {
        free(key.label);
        buf_free(&key.blob);
        return -1;
    }
    keys[c->agent_key_count++] = key;
    return 0;
}

size_t ssh_candidates_add_agent(struct ssh_candidates *c, struct ssh_bytes answer)
{
    struct ssh_reader r = {.left = answer};
    uint32_t count = ssh_agent_keys(&r);
    char label[LABEL_MAX];
    for (uint32_t i = 0; i < count && i < AGENT_KEYS_MAX && !r.failed; i++) {
        struct ssh_bytes comment;
        struct ssh_bytes blob = ssh_agent_key(&r, &comment);
        const char *problem = type_problem(ssh_blob_type(blob));
        if (!r.failed && !problem && add_agent_key(c, blob, comment) < 0)
            break;
        if (!r.failed && problem) {
            (void)snprintf(label, sizeof label, "%.*s from the agent", (int)comment.len, (const char *)comment.data);
            skip_unsupported(c, label, problem);
        }
    }
    return c->agent_key_count;
}

/* --- their order --- */

static void add(struct ssh_candidates *c, struct ssh_candidate candidate)
{
    c->list[c->count++] = candidate;
}

/* The key of the agent whose public half the file has, unless another file has named it; NULL: none. */
static struct ssh_agent_key *find_in_agent(const struct ssh_candidates *c, const struct ssh_identity *identity)
{
    const struct buf *blob = &identity->key.blob;
    for (size_t i = 0; blob->len > 0 && i < c->agent_key_count; i++) {
        struct ssh_agent_key *k = &c->agent_keys[i];
        if (!k->is_named && ssh_bytes_equal(ssh_bytes_of(blob), ssh_bytes_of(&k->blob)))
            return k;
    }
    return NULL;
}

static void add_named_of_agent(struct ssh_candidates *c)
{
    for (size_t i = 0; i < c->identity_count; i++) {
        struct ssh_identity *identity = &c->identities[i];
        struct ssh_agent_key *k = find_in_agent(c, identity);
        if (!k)
            continue;
        k->is_named = identity->is_in_agent = true;
        add(c, (struct ssh_candidate){.label = identity->path, .blob = &k->blob});
    }
}

static void add_others_of_agent(struct ssh_candidates *c, bool named_only)
{
    for (size_t i = 0; i < c->agent_key_count; i++) {
        const struct ssh_agent_key *k = &c->agent_keys[i];
        if (k->is_named)
            continue;
        if (named_only)
            skip(c, k->label, "in the agent, but IdentitiesOnly is set");
        else
            add(c, (struct ssh_candidate){.label = k->label, .blob = &k->blob});
    }
}

static void add_file(struct ssh_candidates *c, const struct ssh_identity *identity)
{
    const struct ssh_key_file *k = &identity->key;
    struct ssh_bytes type = ssh_blob_type(ssh_bytes_of(&k->blob));
    const char *problem = type.len > 0 ? type_problem(type) : NULL;
    if (problem) {
        skip_unsupported(c, identity->path, problem);
    } else if (k->state == SSH_KEY_ENCRYPTED) {
        c->is_locked = true;
        skip(c, identity->path, "encrypted, and no agent has it: run `ssh-add` for it");
    } else if (k->state == SSH_KEY_PUBLIC_ONLY) {
        skip(c, identity->path, "only its public half is on this machine, and no agent has the private one");
    } else if (k->state == SSH_KEY_UNUSABLE) {
        skip(c, identity->path, k->why.text);
    } else {
        add(c, (struct ssh_candidate){.label = identity->path, .blob = &k->blob, .file = k, .path = identity->path});
    }
}

/* Names what `ssh` would log in with beside plain keys. */
static void skip_certificates(struct ssh_candidates *c, const struct ssh_settings *s)
{
    const struct ssh_list *named = &s->certificate_files;
    char path[PATH_SIZE];
    for (size_t i = 0; i < named->count; i++)
        skip_unsupported(c, named->items[i], no_certificates);
    for (size_t i = 0; i < c->identity_count && named->count == 0; i++) {
        int len = snprintf(path, sizeof path, "%s-cert.pub", c->identities[i].path);
        if (len > 0 && (size_t)len < sizeof path && access(path, F_OK) == 0)
            skip_unsupported(c, path, no_certificates);
    }
    if (s->pkcs11_provider)
        skip_unsupported(c, s->pkcs11_provider, "PKCS#11 is not supported");
}

void ssh_candidates_order(struct ssh_candidates *c, const struct ssh_settings *s)
{
    c->list = calloc(c->agent_key_count + c->identity_count + 1, sizeof *c->list);
    if (c->list) {
        add_named_of_agent(c);
        add_others_of_agent(c, s->identities_only);
    }
    for (size_t i = 0; c->list && i < c->identity_count; i++)
        if (!c->identities[i].is_in_agent && c->identities[i].key.state != SSH_KEY_ABSENT)
            add_file(c, &c->identities[i]);
    skip_certificates(c, s);
}

void ssh_candidates_free(struct ssh_candidates *c)
{
    for (size_t i = 0; i < c->identity_count; i++) {
        ssh_key_file_free(&c->identities[i].key);
        free(c->identities[i].path);
    }
    for (size_t i = 0; i < c->agent_key_count; i++) {
        free(c->agent_keys[i].label);
        buf_free(&c->agent_keys[i].blob);
    }
    free(c->identities);
    free(c->agent_keys);
    free(c->list);
    buf_free(&c->skipped);
}
