/* What `ssh -G` says that asks for more than libssh2 can do. No I/O. */
#ifndef PROXY_SSH_SSH_UNSUPPORTED_H
#define PROXY_SSH_SSH_UNSUPPORTED_H

#include "proxy/ssh/ssh_parse.h"

/* The algorithms that libssh2 has and delvegate uses, separated by commas. */
struct ssh_algorithms {
    const char *host_key, *kex, *cipher, *mac;
};

/* Why the settings need the ssh program: "KnownHostsCommand is set"; NULL when they do not. Files are not looked at. */
const char *ssh_unsupported(const struct ssh_settings *s, const struct ssh_algorithms *algorithms);

#endif
