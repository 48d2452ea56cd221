/* A random word that tells this start apart from noise, echoes and earlier starts. */
#ifndef PROXY_BASE_NONCE_H
#define PROXY_BASE_NONCE_H

enum { NONCE_SIZE = 17 }; /* 16 hexadecimal digits and the NUL */

/* Fills text with fresh random digits from the kernel. */
void nonce_make(char text[NONCE_SIZE]);

#endif
