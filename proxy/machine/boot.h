/* From the command of a transport to the first byte of the tunnel: what came is read, what is to be sent is said. No
 * I/O, no libuv. */
#ifndef PROXY_MACHINE_BOOT_H
#define PROXY_MACHINE_BOOT_H

#include <stdbool.h>
#include <stddef.h>

#include "dap/err.h"
#include "delve/bootstrap.h"
#include "proxy/tunnel/tunnel.h"

enum {
    BOOT_ANSWER_MAX = 8 * 1024, /* bytes of a line of ours */
    BOOT_UPLOADS_MAX = 2        /* when it arrives damaged it is sent once more */
};

enum boot_state {
    BOOT_WAITING,   /* for an answer */
    BOOT_UPLOADING, /* there is boot_output still, or its answer is out */
    BOOT_READY,     /* the tunnel has begun */
    BOOT_OVER       /* boot_why says why */
};

struct boot {
    enum boot_state state;
    char marker[BOOTSTRAP_WORD_MAX + sizeof "delvegate  "];
    size_t marker_len;
    char lead[BOOTSTRAP_WORD_MAX + 1 + TUNNEL_HELLO_SIZE]; /* the nonce's line, the hello */
    size_t lead_len;
    const struct bootstrap_program *programs;
    size_t count;
    const char *where;
    int uploads;
    const char *out; /* to be sent */
    size_t out_len;
    char text[BOOT_ANSWER_MAX]; /* noise, its end at least; then a line of ours behind its marker */
    size_t len;
    bool marked; /* the marker was there: text is a line of ours */
    struct err why;
};

/* For one connection. nonce: that of the command. hello: what tunnel_output said after tunnel_call. where: for texts,
 * "gomachine (me@10.0.0.5:22)". All but the hello are borrowed as long as it is used. The lead is boot_output at
 * once. Copies of it must not be made. */
void boot_init(struct boot *b, const char *nonce, const unsigned char hello[TUNNEL_HELLO_SIZE],
               const struct bootstrap_program *programs, size_t count, const char *where);

/* Takes what came, up to the tunnel's first byte. Returns how many bytes that was: the rest, in state BOOT_READY, goes
 * through boot_tunnel. */
size_t boot_receive(struct boot *b, const char *bytes, size_t n);
/* In state BOOT_READY: returns how many of the bytes are the tunnel's. When these are not all, the supervisor is gone,
 * and the state is BOOT_OVER. */
size_t boot_tunnel(struct boot *b, const char *bytes, size_t n);

/* What is to be sent next, of any length, valid until the next call with this boot; 0: nothing now. The tunnel's own
 * output may follow from state BOOT_READY on. */
size_t boot_output(const struct boot *b, const char **bytes);
/* The first n bytes of it were sent. */
void boot_sent(struct boot *b, size_t n);

/* Whether the program is being put there: for notes while connecting. */
bool boot_is_uploading(const struct boot *b);

/* In state BOOT_OVER: why, in words with what to do. */
const struct err *boot_why(const struct boot *b);
/* The transport has lost the command before BOOT_READY, for this reason (the tail of its stderr among them): adds what
 * is known of it. Anything that is known already stays. */
void boot_lost(struct boot *b, const struct err *why);

#endif
