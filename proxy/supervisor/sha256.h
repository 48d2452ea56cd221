/* SHA-256 (FIPS 180-4). */
#ifndef PROXY_SUPERVISOR_SHA256_H
#define PROXY_SUPERVISOR_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_SIZE = 32, SHA256_BLOCK = 64, SHA256_WORDS = 8 };

struct sha256 {
    uint32_t state[SHA256_WORDS];
    uint64_t length; /* bytes taken so far */
    unsigned char block[SHA256_BLOCK];
};

void sha256_init(struct sha256 *s);
void sha256_update(struct sha256 *s, const void *bytes, size_t n);
/* Writes the digest. s needs sha256_init before it is used again. */
void sha256_final(struct sha256 *s, unsigned char digest[SHA256_SIZE]);

#endif
