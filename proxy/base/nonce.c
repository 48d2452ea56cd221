#include "proxy/base/nonce.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

void nonce_make(char text[NONCE_SIZE])
{
    unsigned char bytes[(NONCE_SIZE - 1) / 2];
    /* A request this small is never cut short; it can only fail where the kernel has no random source at all. */
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        perror("getrandom");
        abort();
    }
    for (size_t i = 0; i < sizeof bytes; i++)
        (void)snprintf(text + 2 * i, NONCE_SIZE - 2 * i, "%02x", bytes[i]);
}
