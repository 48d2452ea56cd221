/* The caller's end of the tunnel as a blocking client, for tests of the supervisor as a process. $SUPERVISOR is the
 * command that starts it. Whatever is waited for has a deadline, after which the test fails and shows what has come. */
#ifndef TEST_SUPERVISOR_DRIVER_H
#define TEST_SUPERVISOR_DRIVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "delve/order.h"
#include "proxy/tunnel/tunnel.h"

enum { DRIVER_SECONDS = 30, DRIVER_STREAMS = 128, DRIVER_PATH = 4096 };

/* A stream, whoever opened it. */
struct driver_stream {
    struct driver *driver;
    uint32_t id; /* the tunnel's; 0: the slot is free */
    enum order_stream kind;
    uint32_t number, session;
    struct buf out; /* to be sent */
    struct buf in;  /* what has come; records are taken from it by driver_record */
    size_t total;   /* bytes that have come, also those that were taken */
    bool waits;     /* it is not read for now */
    bool drops;     /* what comes is counted in total, and not kept */
    bool ended, was_reset, stopped, closed;
    uint32_t code; /* of the reset */
};

struct driver {
    pid_t pid; /* of the process at the other end of the descriptors; 0: it was waited for */
    int in, out;
    struct tunnel *tunnel;
    uint64_t link;
    struct driver_stream streams[DRIVER_STREAMS];
    const char *nonce; /* of the door whose "ready" has not come yet; NULL: none */
    struct buf noise;  /* what it says before */
    unsigned char pending[4 * TUNNEL_FRAME_MAX];
    size_t pending_at, pending_len;
    unsigned ups;
    bool in_ended;
    char dir[DRIVER_PATH]; /* of the instance, from ORDER_ABOUT */
    struct buf seen;       /* a line for each record, for the message when something does not come */
};

/* Starts `$SUPERVISOR local` with pipes and waits until the tunnel is up and ORDER_ABOUT is there. */
struct driver *driver_start(void);
/* As that, but nothing is waited for. argv: behind $SUPERVISOR, NULL-terminated. */
struct driver *driver_spawn(const char *const *argv);
/* A tunnel that will be carried by descriptors of the test's own: driver_link. */
struct driver *driver_new(void);
/* Another pair of descriptors carries it from now on, which it owns. */
void driver_link(struct driver *d, int in, int out);
/* Starts a process with pipes that carry the tunnel from now on: `$SUPERVISOR` with argv. pid is that. */
void driver_exec(struct driver *d, const char *const *argv);
/* `$SUPERVISOR door CLIENT NONCE` carries it from now on. pid is the door's. */
void driver_door(struct driver *d, const char *client);
/* Closes the descriptors, as a lost connection does. */
void driver_cut(struct driver *d);
/* Waits until the tunnel is up by the newest link, and for ORDER_ABOUT when there was none. */
void driver_wait_up(struct driver *d);
/* Closes the descriptors and waits for the process. Returns its exit code, or 128 + signal. */
int driver_finish(struct driver *d);
/* Frees it; a process that is still there is killed. */
void driver_free(struct driver *d);

/* Lets time pass, for so long or until something has come. */
void driver_pump(struct driver *d, int ms);
/* Pumps until holds(arg), else the test fails with `what`. */
void driver_wait(struct driver *d, bool (*holds)(void *arg), void *arg, const char *what);

struct driver_stream *driver_open(struct driver *d, enum tunnel_class class, enum order_stream kind, uint32_t number,
                                  uint32_t session);
void driver_write(struct driver_stream *s, const void *bytes, size_t n);
void driver_end(struct driver_stream *s);
void driver_reset(struct driver_stream *s);
/* Opens a control stream; ORDER_SESSION is the caller's to write (driver_session does). */
struct driver_stream *driver_control(struct driver *d, uint32_t session);
/* A control stream with an ORDER_SESSION of a lease and NO_DELVE, or with dlv. */
struct driver_stream *driver_session(struct driver *d, uint32_t session, long lease, bool with_delve);
/* Writes records: order_close has ended each. The buffer is cleared. */
void driver_send(struct driver_stream *control, struct buf *records);
/* A record with one field; value NULL: none. */
void driver_say(struct driver_stream *control, enum order_kind kind, enum order_key key, const char *value);
/* ORDER_RUN of a command, argv NULL-terminated; with STREAMS when streams. */
void driver_command(struct driver_stream *control, uint32_t number, bool streams, const char *const *argv);

/* Waits for the next record of this kind; those before it are passed over. It is valid until the next call. */
const struct order *driver_record(struct driver_stream *control, enum order_kind kind);
/* Takes the next record, whatever it is, if there is one. */
bool driver_next(struct driver_stream *control, struct order *o);
/* Waits for a stream of the supervisor's. */
struct driver_stream *driver_stream(struct driver *d, enum order_stream kind, uint32_t number, uint32_t session);
/* Wait until so many bytes have come; until the stream has ended (a reset fails the test). */
void driver_wait_bytes(struct driver_stream *s, size_t total);
void driver_wait_end(struct driver_stream *s);
/* Waits until a session's ORDER_ENDED has come and its control stream has ended. */
void driver_wait_ended(struct driver_stream *control);
/* Waits until a path is not there any more. */
void driver_wait_gone(struct driver *d, const char *path);

#endif
