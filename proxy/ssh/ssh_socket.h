/* The byte stream below an SSH connection: TCP, or a child's stdin and stdout (ProxyJump, ProxyCommand). libssh2 never
   sees a descriptor: it takes from here what libuv read, and leaves here what libuv is to write. */
#ifndef PROXY_SSH_SSH_SOCKET_H
#define PROXY_SSH_SSH_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#include "dap/must_use.h"

enum {
    SSH_SOCKET_OUT_HIGH = 512 * 1024 /* unsent bytes, from which on channels should stop writing */
};

struct ssh_socket;

struct ssh_socket_handler {
    void (*connected)(void *arg, int status); /* of ssh_socket_connect; status: 0 or libuv's error */
    void (*input)(void *arg);                 /* more can be taken */
    void (*output)(void *arg);                /* what was unsent is written */
    /* The stream is over: UV_EOF or an error. What was read before can still be taken. */
    void (*failed)(void *arg, int error);
};

/* NULL when memory ran out. h must outlive it. */
struct ssh_socket *ssh_socket_new(uv_loop_t *loop, const struct ssh_socket_handler *h, void *arg) MUST_USE;
/* Makes another object hear of it. */
void ssh_socket_set_handler(struct ssh_socket *s, const struct ssh_socket_handler *h, void *arg);

/* Connects by TCP. Returns 0 (connected will be called) or libuv's error. */
int ssh_socket_connect(struct ssh_socket *s, const struct sockaddr *to) MUST_USE;
/* Takes over one end of a socket pair. Returns 0 or libuv's error; fd is the caller's again then. */
int ssh_socket_adopt(struct ssh_socket *s, int fd) MUST_USE;

/* Once connected: sets what keeps small messages fast and finds dead peers, then starts reading. user_timeout_ms: how
   long sent bytes may stay unacknowledged. Returns 0 or libuv's error. */
int ssh_socket_start(struct ssh_socket *s, unsigned user_timeout_ms) MUST_USE;

/* Whether the peer's address is this machine's loopback. */
bool ssh_socket_is_loopback(const struct ssh_socket *s);

/* A descriptor that libssh2 may ask about; never one to read or write. */
int ssh_socket_fd(const struct ssh_socket *s);

/* Takes up to n bytes that were read. Returns how many. */
size_t ssh_socket_take(struct ssh_socket *s, void *to, size_t n);
/* Bytes that can be taken. */
size_t ssh_socket_waiting(const struct ssh_socket *s);

/* Keeps bytes for writing. Returns 0, or -1 when there are too many. */
int ssh_socket_put(struct ssh_socket *s, const void *data, size_t n) MUST_USE;
/* Bytes kept or on their way. */
size_t ssh_socket_unsent(const struct ssh_socket *s);
/* Writes what is kept. */
void ssh_socket_flush(struct ssh_socket *s);

/* Closes; no handler is called any more, the pointer is dead. NULL is fine. */
void ssh_socket_free(struct ssh_socket *s);

#endif
