#include "proxy/ssh/ssh_unsupported.h"

#include <string.h>

#include "proxy/ssh/ssh_offer.h"

static struct ssh_bytes bytes_of(const char *text)
{
    return (struct ssh_bytes){(const unsigned char *)text, strlen(text)};
}

static bool has(const char *list, const char *name)
{
    return list && ssh_names_meet(bytes_of(list), bytes_of(name));
}

/* Whether a list is set that has none of these names. */
static bool lacks(const char *list, const char *names)
{
    return list && list[0] && !has(list, names);
}

/* Whether what remains, without keys, is something that `ssh` does without a question. */
static bool has_other_way(const struct ssh_settings *s)
{
    const char *preferred = s->preferred_authentications;
    return (s->gssapi && (!preferred || has(preferred, "gssapi-with-mic"))) ||
           (s->host_based && (!preferred || has(preferred, "hostbased")));
}

const char *ssh_unsupported(const struct ssh_settings *s, const struct ssh_algorithms *algorithms)
{
    if (s->pkcs11_provider)
        return "PKCS11Provider is set";
    if (s->known_hosts_command)
        return "KnownHostsCommand is set";
    if ((s->no_public_key || lacks(s->preferred_authentications, "publickey")) && has_other_way(s))
        return "the SSH configuration allows only GSSAPI or host-based authentication";
    if (s->proxy_command && s->proxy_passes_fd)
        return "ProxyUseFdpass is set";
    if (lacks(s->host_key_algorithms, algorithms->host_key))
        return "HostKeyAlgorithms lists none that libssh2 supports";
    if (lacks(s->kex_algorithms, algorithms->kex))
        return "KexAlgorithms lists none that libssh2 supports";
    if (lacks(s->ciphers, algorithms->cipher))
        return "Ciphers lists none that libssh2 supports";
    return lacks(s->macs, algorithms->mac) ? "MACs lists none that libssh2 supports" : NULL;
}
