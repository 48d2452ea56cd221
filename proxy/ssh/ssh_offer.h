/* What a server allows, read along from the start of its stream: libssh2 keeps the names to itself when it finds none
   in common. No I/O. */
#ifndef PROXY_SSH_SSH_OFFER_H
#define PROXY_SSH_SSH_OFFER_H

#include <stdbool.h>

#include "proxy/ssh/ssh_wire.h"

enum { SSH_OFFER_MAX = 64 * 1024 }; /* of the stream, banner and first packet */

/* The name lists in the order of SSH_MSG_KEXINIT (RFC 4253, 7.1), which is that of libssh2's LIBSSH2_METHOD_*. CS: from
   the client to the server. */
enum ssh_offer_list {
    SSH_OFFER_KEX,
    SSH_OFFER_HOST_KEY,
    SSH_OFFER_CIPHER_CS,
    SSH_OFFER_CIPHER_SC,
    SSH_OFFER_MAC_CS,
    SSH_OFFER_MAC_SC,
    SSH_OFFER_COUNT
};

struct ssh_offer {
    struct buf seen;                         /* from the first byte on */
    bool over;                               /* nothing more is read along */
    bool known;                              /* lists are set */
    struct ssh_bytes lists[SSH_OFFER_COUNT]; /* in seen; names separated by commas */
};

void ssh_offer_init(struct ssh_offer *o);
void ssh_offer_free(struct ssh_offer *o);
/* Takes what the server has sent next. */
void ssh_offer_feed(struct ssh_offer *o, const void *data, size_t len);
/* What came in place of, or before, the line "SSH-...": the first line of it, without its end. Empty when nothing did.
 */
struct ssh_bytes ssh_offer_prelude(const struct ssh_offer *o);
/* Whether the list (names separated by commas) holds one of the names. */
bool ssh_names_meet(struct ssh_bytes list, struct ssh_bytes names);

#endif
