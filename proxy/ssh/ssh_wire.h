/* SSH's binary data (RFC 4251) and base64: keys, agent messages, signatures. No I/O. */
#ifndef PROXY_SSH_SSH_WIRE_H
#define PROXY_SSH_SSH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dap/must_use.h"
#include "dap/buf.h"

struct ssh_bytes {
    const unsigned char *data;
    size_t len;
};

/* Reads from memory that outlives it. After the first thing that does not fit, failed is set and everything read is
   empty or 0, so that a caller may look once at the end. */
struct ssh_reader {
    struct ssh_bytes left;
    bool failed;
};

uint32_t ssh_read_u32(struct ssh_reader *r);
unsigned char ssh_read_byte(struct ssh_reader *r);
struct ssh_bytes ssh_read_string(struct ssh_reader *r);

/* Append to b; failures show in b->failed. */
void ssh_put_u32(struct buf *b, uint32_t v);
void ssh_put_byte(struct buf *b, unsigned char v);
void ssh_put_string(struct buf *b, const void *data, size_t len);

bool ssh_bytes_equal(struct ssh_bytes a, struct ssh_bytes b);
bool ssh_bytes_are(struct ssh_bytes a, const char *text);

/* The bytes that b holds, until it changes. */
struct ssh_bytes ssh_bytes_of(const struct buf *b);

/* The type at the start of a public key blob ("ssh-ed25519"), empty when it has none. */
struct ssh_bytes ssh_blob_type(struct ssh_bytes blob);

/* Appends what the base64 text means; white space in it is skipped. Returns 0, or -1 when it is not base64 or does not
   fit into out. */
int ssh_base64_decode(const char *text, size_t len, struct buf *out) MUST_USE;
/* Appends base64 without padding, as fingerprints are written. Failures show in out->failed. */
void ssh_base64_encode(struct ssh_bytes bytes, struct buf *out);

#endif
