/* The session's client: bytes to read, bytes to write, and its end. However it came: a session knows no listener and no
 * port. */
#ifndef PROXY_SESSION_CLIENT_H
#define PROXY_SESSION_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "dap/buf.h"

enum {
    CLIENT_HIGH_WATER =
        4 * 1024 * 1024,           /* bytes queued for the client, from which on Delve and the program are not read */
    CLIENT_LOW_WATER = 1024 * 1024 /* bytes queued, at which they are read again */
};

struct client_handler {
    /* Bytes, valid during the call. Returns how many it took: all, unless another handler has taken its place in the
     * call (client_start) and is to get the rest. */
    size_t (*data)(void *arg, const char *data, size_t len);
    /* The queue went below CLIENT_LOW_WATER after it had reached CLIENT_HIGH_WATER. */
    void (*drained)(void *arg);
    /* It sends nothing more, but is still there and reads; `closed` may follow. */
    void (*half_closed)(void *arg);
    /* It is gone: closed by the other side or failed; why in a few words. The pointer is dead afterwards. */
    void (*closed)(void *arg, const char *why);
};

struct client;

/* Takes over a connection that `server` has pending. NULL when it can't be accepted. Nothing is read before
 * client_start. */
struct client *client_accept(uv_stream_t *server);
/* The socket, for the check of its peer. */
const uv_tcp_t *client_socket(const struct client *c);
/* How to find out whether the other side still has the connection open once it sends nothing more. Without it that
 * can't be known: the client counts as there until a write fails. */
void client_set_check(struct client *c, bool (*is_open)(const uv_tcp_t *tcp));
/* Whether it sends nothing more. */
bool client_has_ended(const struct client *c);
/* Begins to read; or puts another handler in the place of the one that there is. */
void client_start(struct client *c, const struct client_handler *h, void *arg);
/* Queues what is in bytes; the memory is taken, bytes is empty afterwards. Returns true when the queue has reached
 * CLIENT_HIGH_WATER. */
bool client_write(struct client *c, struct buf *bytes);
bool client_is_full(const struct client *c);
/* Stops and starts reading. */
void client_pause(struct client *c, bool paused);
/* Ends the stream once everything queued is written, and closes when the client has closed its side too; what that
 * still sends is thrown away. After CLIENT_FLUSH_MS, or CLIENT_LINGER_MS behind the end of the stream, it closes in any
 * case. No handler is called any more; the pointer is dead. */
void client_end(struct client *c);
/* Closes at once with a TCP reset and without a reply. As client_end otherwise. */
void client_reset(struct client *c);

#endif
