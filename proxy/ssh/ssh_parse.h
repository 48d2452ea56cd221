/* What OpenSSH's own programs print, and its ways of writing things: destinations, `ssh -G`, `ssh-keygen -F`. No I/O.
 */
#ifndef PROXY_SSH_SSH_PARSE_H
#define PROXY_SSH_SSH_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#include "dap/must_use.h"
#include "dap/err.h"
#include "proxy/ssh/ssh_wire.h"

enum {
    SSH_PORT_DEFAULT = 22,
    SSH_PORT_MAX = 65535,
    SSH_TEXT_MAX = 256 * 1024 /* longest expanded value, longest answer of a program */
};

/* HOST, USER@HOST, either with :PORT behind. The port is split off when what is before it is no bare IPv6 address. */
struct ssh_destination {
    char *ssh; /* as `ssh` takes it: [user@]host, without the port and without brackets */
    int port;  /* 0: not given */
};
/* Returns 0, or -1 with e set. Free with ssh_destination_free, also after -1. */
int ssh_destination_parse(const char *text, struct ssh_destination *d, struct err *e) MUST_USE;
void ssh_destination_free(struct ssh_destination *d);

struct ssh_list {
    char **items;
    size_t count;
};
void ssh_list_free(struct ssh_list *l);
/* Adds a copy of len bytes of text. Returns 0, or -1 when memory ran out. */
int ssh_list_add(struct ssh_list *l, const char *text, size_t len) MUST_USE;

enum ssh_host_key_policy {
    SSH_HOST_KEY_KNOWN,         /* yes: only what is recorded */
    SSH_HOST_KEY_ACCEPT_NEW,    /* accept-new: the same here, since nothing is recorded here */
    SSH_HOST_KEY_ASK,           /* ask, the default: the same, since there is nobody to ask, but `ssh` would */
    SSH_HOST_KEY_ACCEPT_UNKNOWN /* no, off */
};

enum ssh_family { SSH_FAMILY_ANY, SSH_FAMILY_INET, SSH_FAMILY_INET6 };

/* What `ssh -G` says. It has expanded all but the files of keys and the proxy's line, as `ssh` itself expands these
   only when it needs them. Members may be NULL when not set. */
struct ssh_settings {
    char *host_name;
    char *user;
    char *host_key_alias;
    char *proxy_command;
    char *proxy_jump;
    char *identity_agent;
    char *pkcs11_provider;
    char *control_path;
    char *remote_command;
    char *known_hosts_command;
    char *preferred_authentications;
    char *host_key_algorithms;
    char *kex_algorithms;
    char *ciphers;
    char *macs;
    struct ssh_list identity_files;
    struct ssh_list certificate_files;
    struct ssh_list known_hosts_files;  /* the user's; "none" stands for no file */
    struct ssh_list global_known_files; /* everybody's */
    int port;
    enum ssh_family family;
    enum ssh_host_key_policy policy;
    bool identities_only;
    bool no_public_key;   /* PubkeyAuthentication no */
    bool gssapi;          /* GSSAPIAuthentication yes */
    bool host_based;      /* HostbasedAuthentication yes */
    bool proxy_passes_fd; /* ProxyUseFdpass yes */
    bool asks_dns;        /* VerifyHostKeyDNS yes or ask */
    bool trust_localhost; /* NoHostAuthenticationForLocalhost yes */
    long connect_timeout; /* seconds; 0: not set */
    long alive_interval;  /* seconds; 0: not set */
    long alive_count_max;
};
/* Returns 0, or -1 with e set (no hostname in the text, a port that is none, memory). Free with ssh_settings_free, also
   after -1. */
int ssh_settings_parse(const char *text, struct ssh_settings *s, struct err *e) MUST_USE;
void ssh_settings_free(struct ssh_settings *s);

/* What the percent tokens of ssh_config(5) stand for. */
struct ssh_tokens {
    const char *home;       /* %d and a leading ~ */
    const char *host;       /* %h */
    const char *original;   /* %n, what was asked for */
    const char *user;       /* %r */
    const char *local_user; /* %u */
    const char *local_uid;  /* %i */
    const char *local_host; /* %l, and %L up to its first dot */
    const char *key_alias;  /* %k */
    const char *jump_host;  /* %j, empty without ProxyJump */
    const char *hash;       /* %C; NULL: versions of OpenSSH differ here */
    int port;               /* %p */
    /* The home of a user, for ~NAME/; allocated with malloc, NULL: there is none. */
    char *(*home_of)(const char *user);
};
enum ssh_expansion {
    SSH_EXPAND_FILE,   /* a leading ~/ or ~NAME/, every token, ${NAME} from the environment */
    SSH_EXPAND_COMMAND /* %h %k %n %p %r %% only: the rest belongs to the shell */
};
/* Expands text as OpenSSH does where it stands. Returns text that the caller frees, or NULL with e set when it holds a
   token that is not known there, a variable that is not set, or memory ran out. */
char *ssh_expand(const char *text, enum ssh_expansion how, const struct ssh_tokens *t, struct err *e) MUST_USE;

/* The name under which OpenSSH records a host key: the alias, else the host name, as [name]:port when it is not 22. The
   caller frees it; NULL when memory ran out. */
char *ssh_known_name(const struct ssh_settings *s) MUST_USE;
/* The name under which OpenSSH takes a key too when none is recorded under the first: that without the port. The caller
   frees it; NULL when there is no such name, or memory ran out. */
char *ssh_known_plain_name(const struct ssh_settings *s) MUST_USE;

enum ssh_known_kind { SSH_KNOWN_KEY, SSH_KNOWN_REVOKED, SSH_KNOWN_AUTHORITY };
struct ssh_known_key {
    enum ssh_known_kind kind;
    char *file;
    int line;
    bool is_user_file; /* one of UserKnownHostsFile */
    bool is_pattern;   /* recorded for a pattern of names, not for a name */
    struct buf blob;
};
struct ssh_known {
    struct ssh_known_key *keys;
    size_t count;
};
/* Adds what `ssh-keygen -F NAME -f FILE` printed. Lines that cannot be read are left out, as OpenSSH does. Returns 0,
   or -1 when memory ran out. Free with ssh_known_free. */
int ssh_known_parse(const char *text, const char *file, bool is_user_file, struct ssh_known *k) MUST_USE;
void ssh_known_free(struct ssh_known *k);

enum ssh_verdict {
    SSH_VERDICT_KNOWN,
    SSH_VERDICT_UNKNOWN, /* no key is recorded */
    SSH_VERDICT_CHANGED, /* another key is recorded */
    SSH_VERDICT_REVOKED
};
/* Judges a host key as OpenSSH does: what is recorded under the name, and only when that is no key, what is recorded
   under the name without its port (plain). *at is the entry that decided; for SSH_VERDICT_UNKNOWN that of a certificate
   authority for the host; NULL when there is none. */
enum ssh_verdict ssh_known_check(const struct ssh_known *k, const struct ssh_known *plain, struct ssh_bytes blob,
                                 const struct ssh_known_key **at);
/* Appends the algorithms for all types of host keys, separated by commas, those that fit what is recorded first.
   Failures show in out->failed. */
void ssh_known_methods(const struct ssh_known *k, const struct ssh_known *plain, struct buf *out);
/* The algorithms with which a server proves a key of this type, separated by commas. */
struct ssh_bytes ssh_type_algorithms(struct ssh_bytes type);
/* Whether any plain key (neither revoked nor an authority's) is recorded. */
bool ssh_known_any(const struct ssh_known *k);

/* The file that has a certificate authority for the host, NULL: none. */
const char *ssh_known_authority(const struct ssh_known *k, const struct ssh_known *plain);

/* "ED25519", "ECDSA", "RSA", as OpenSSH's messages say; "unknown" otherwise. */
const char *ssh_type_name(struct ssh_bytes type);

#endif
