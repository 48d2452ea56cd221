/* The keys to log in with, in the order in which OpenSSH tries them, and why others are left out. It reads small local
 * files, and knows no connection. */
#ifndef PROXY_SSH_SSH_CANDIDATES_H
#define PROXY_SSH_SSH_CANDIDATES_H

#include <stdbool.h>
#include <stddef.h>

#include "dap/buf.h"
#include "proxy/ssh/ssh_key.h"
#include "proxy/ssh/ssh_parse.h"
#include "proxy/ssh/ssh_wire.h"

/* A key to try. Borrowed from the struct ssh_candidates. */
struct ssh_candidate {
    const char *label; /* its file, or the agent's comment */
    const struct buf *blob;
    const struct ssh_key_file *file; /* NULL: the agent signs */
    const char *path;                /* of the file; NULL likewise */
};

struct ssh_identity {
    char *path; /* of an IdentityFile */
    struct ssh_key_file key;
    bool is_in_agent;
};

struct ssh_agent_key {
    char *label;
    struct buf blob;
    bool is_named; /* by an IdentityFile */
};

struct ssh_candidates {
    struct ssh_candidate *list; /* in the order of trying; empty before ssh_candidates_order */
    size_t count;
    struct buf skipped; /* for the error: "LABEL (why), LABEL (why)" */
    bool unsupported;   /* something was skipped that `ssh` can use and delvegate cannot */
    bool is_locked;     /* a key was skipped whose passphrase only a person knows */
    /* ssh_candidates.c's own */
    struct ssh_identity *identities;
    size_t identity_count;
    struct ssh_agent_key *agent_keys; /* as the agent lists them */
    size_t agent_key_count;
};

/* Reads the identity files of the settings. A file that can't be read is no failure, it shows in skipped. subject: of
 * lines in the log. ssh_candidates_free in any case. */
void ssh_candidates_read(struct ssh_candidates *c, const struct ssh_settings *s, const struct ssh_tokens *t,
                         const char *subject);
/* Adds the keys of an agent's answer to ssh_agent_list, as many as memory allows. Returns how many can be used. */
size_t ssh_candidates_add_agent(struct ssh_candidates *c, struct ssh_bytes answer);
/* Fills list, once: keys of the agent that an IdentityFile names, its other keys, files. */
void ssh_candidates_order(struct ssh_candidates *c, const struct ssh_settings *s);
void ssh_candidates_free(struct ssh_candidates *c);

/* Appends "LABEL (what)" to a list for an error, as far as it fits. */
void ssh_candidates_note(struct buf *list, const char *label, const char *what);

#endif
