/* tunnel: one byte stream each way between delvegate and the supervisor, that may break and be made again without the
 * streams in it noticing: frames, streams with windows, turns, acknowledgement, resumption, beats.
 * It may use no other room, no library but libc, no clock and no descriptor: bytes and the time come in as arguments.
 * Nothing here knows of a transport, a Delve, a session of DAP or what a stream is for.
 * It is linked into both ends, and both are the same code.
 *
 * A tunnel outlives its links, a link being one connection that carries it. The caller makes links, the answerer is
 * given them. For each the caller says hello with a number higher than every one before, and the answerer answers with
 * the same number; each hello has what its side has received, and the other sends on from there. What is not
 * acknowledged is kept. From a newer hello on nothing that comes by an older link is read.
 *
 * Bytes are taken where they are needed: when the link has room, the tunnel asks the source of the stream whose turn it
 * is. So nothing that waits for its turn takes memory here, and control and DAP overtake all of bulk but what is on its
 * way. The owner reads the link whatever happens: windows hold back the peer's sources.
 *
 * Times are milliseconds of a clock that goes on while the machine sleeps (CLOCK_BOOTTIME); one that goes back is taken
 * to stand still. No function may be called from inside a source. */
#ifndef PROXY_TUNNEL_TUNNEL_H
#define PROXY_TUNNEL_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TUNNEL_MUST_USE __attribute__((warn_unused_result))
/* tunnel_next_tick when there is nothing to wait for. */
#define TUNNEL_NEVER UINT64_MAX

enum {
    TUNNEL_PROTOCOL = 1,
    TUNNEL_ID_SIZE = 16,
    TUNNEL_BUILD_SIZE = 32,
    TUNNEL_PAYLOAD_MAX = 16 * 1024,
    TUNNEL_FRAME_HEADER = 8,
    TUNNEL_FRAME_MAX = TUNNEL_FRAME_HEADER + TUNNEL_PAYLOAD_MAX,
    TUNNEL_HELLO_SIZE = TUNNEL_FRAME_HEADER + 88,

    TUNNEL_STREAMS_MAX = 1024,                      /* open at once, of those that one side opened */
    TUNNEL_WINDOW = 64 * 1024,                      /* bytes that a reader takes unread, of each stream */
    TUNNEL_WINDOW_MAX = 1024 * 1024,                /* of one that was widened */
    TUNNEL_WIDENED_MAX = 16 * 1024 * 1024,          /* what all streams together are widened by, at one end */
    TUNNEL_KEPT_MAX = 4 * 1024 * 1024,              /* not acknowledged yet, at one end */
    TUNNEL_KEPT_DAP = TUNNEL_KEPT_MAX - 256 * 1024, /* from here on only control is sent */
    TUNNEL_KEPT_BULK = 3 * 1024 * 1024,             /* from here on only control and DAP */
    TUNNEL_BULK_MIN = 64 * 1024,                    /* of bulk that may always be unacknowledged */

    TUNNEL_BEAT_MS = 5000,                                    /* after so long without a byte sent */
    TUNNEL_DEAD_MS = 3 * TUNNEL_BEAT_MS + TUNNEL_BEAT_MS / 2, /* three beats, and what the third may be late */
    TUNNEL_GAP_MS = 2 * TUNNEL_BEAT_MS,                       /* a clock that jumps so far: the machine slept */
    TUNNEL_PROBE_MS = TUNNEL_BEAT_MS                          /* for an answer after that */
};

enum tunnel_side { TUNNEL_CALLER, TUNNEL_ANSWERER };

/* In the order in which they go. */
enum tunnel_class { TUNNEL_CONTROL, TUNNEL_DAP, TUNNEL_BULK };

enum tunnel_state {
    TUNNEL_DOWN,     /* no link; the streams wait */
    TUNNEL_GREETING, /* the caller has said hello */
    TUNNEL_UP,
    TUNNEL_LOST,  /* for ever: the peer is another instance or protocol and has nothing of this tunnel's streams */
    TUNNEL_BROKEN /* for ever: the peer said what no tunnel says */
};

enum tunnel_result {
    TUNNEL_OK,
    TUNNEL_MORE,    /* it is not whole yet */
    TUNNEL_OLD,     /* of a link that is not the newest, or over: nothing was read; close it */
    TUNNEL_NO_LINK, /* this link is of no more use, close it; the tunnel waits for another */
    TUNNEL_OTHER,   /* a hello that is not for this tunnel, which is as it was */
    TUNNEL_FAILED   /* the tunnel is TUNNEL_LOST or TUNNEL_BROKEN */
};

/* Gives bytes of a stream to send: writes 1 to n of them to room and returns how many, or 0 when there are none now;
 * then it is not asked again before tunnel_ready. n <= TUNNEL_PAYLOAD_MAX. data: the stream's. */
typedef size_t tunnel_source(void *arg, uint32_t stream, void *data, void *room, size_t n);

struct tunnel_config {
    enum tunnel_side side;
    unsigned char instance[TUNNEL_ID_SIZE]; /* a nonce, not zero: which start of which program this end is */
    char build[TUNNEL_BUILD_SIZE];          /* for the peer; ends with a NUL if it is shorter */
    tunnel_source *source;
    void *arg;
    void *(*alloc)(size_t size); /* NULL: malloc. What it gives is given to free. */
};

/* The first thing said on a link, each way. All protocols begin with it. */
struct tunnel_hello {
    uint32_t protocol;
    uint64_t number; /* of the link */
    unsigned char instance[TUNNEL_ID_SIZE];
    unsigned char peer[TUNNEL_ID_SIZE]; /* the instance that is spoken to; zero: not known yet */
    uint64_t received;                  /* bytes of stream frames, from the tunnel's beginning */
    char build[TUNNEL_BUILD_SIZE + 1];
};

/* Reads a hello from a link that belongs to no tunnel yet. Zero it for each. */
struct tunnel_greeting {
    unsigned char bytes[TUNNEL_HELLO_SIZE];
    size_t len;
};

enum tunnel_event_kind {                   /* in the order in which those of one stream are reported */
                         TUNNEL_EVENT_UP,  /* the tunnel has a link (again) */
                         TUNNEL_EVENT_GAP, /* the clock jumped: the link is being tried; where there is none, make one
                                              now */
                         TUNNEL_EVENT_OPENED,   /* the peer opened the stream */
                         TUNNEL_EVENT_READABLE, /* there is something to peek at */
                         TUNNEL_EVENT_END,      /* everything was read and there is no more */
                         TUNNEL_EVENT_RESET,    /* there is no more, and what was not read yet is gone; code: why */
                         TUNNEL_EVENT_STOPPED,  /* the peer reads no more of what is sent; the source is not asked
                                                   again */
                         TUNNEL_EVENT_CLOSED /* both ways are over at both ends; the number is no stream's any more */
};

struct tunnel_event {
    enum tunnel_event_kind kind;
    uint32_t stream; /* 0: of the tunnel */
    void *data;      /* the stream's */
    enum tunnel_class class;
    uint32_t session;
    uint32_t label;
    uint32_t code;
};

struct tunnel_stats {
    uint64_t sent, acknowledged; /* bytes of stream frames, from the tunnel's beginning */
    uint64_t received;
    size_t kept;             /* bytes not acknowledged */
    size_t bulk, bulk_limit; /* of them in frames of bulk, and how many may be */
    size_t unread;           /* bytes received and not consumed */
    size_t memory;           /* bytes allocated for what is kept and unread */
    unsigned streams;
    unsigned round_trip; /* smoothed, milliseconds */
};

/* Makes a tunnel without a link. now: as everywhere. Returns NULL when memory is short. */
struct tunnel *tunnel_new(const struct tunnel_config *config, uint64_t now) TUNNEL_MUST_USE;

/* Frees it with all its streams. NULL is allowed. */
void tunnel_free(struct tunnel *t);

enum tunnel_state tunnel_state(const struct tunnel *t);

/* Returns why the tunnel has no link, or is over, or why a hello was refused, in words; "" if there was nothing yet.
 * Valid until the next call. */
const char *tunnel_reason(const struct tunnel *t);

/* Returns the peer's build, "" as long as it is not known. */
const char *tunnel_peer_build(const struct tunnel *t);

void tunnel_stats(const struct tunnel *t, struct tunnel_stats *stats);

/* --- Links --- */

/* The caller has made a connection: it is the link now, whatever was before. Returns its number, or 0 when the tunnel
 * is over. */
uint64_t tunnel_call(struct tunnel *t, uint64_t now) TUNNEL_MUST_USE;

/* Reads what came by a connection up to the end of its hello. *used: bytes that belong to it. Returns TUNNEL_OK with
 * the hello, TUNNEL_MORE, or TUNNEL_NO_LINK when it is none; then the connection is of no use. */
enum tunnel_result tunnel_greeting_read(struct tunnel_greeting *g, const void *bytes, size_t n, size_t *used,
                                        struct tunnel_hello *hello) TUNNEL_MUST_USE;

/* The answerer has read a hello. TUNNEL_OK: its connection is the link now, whatever was before, under the hello's
 * number. TUNNEL_OLD: a newer one is known. TUNNEL_OTHER: it speaks another protocol, or continues with an instance
 * that is gone, or comes from another one than before: this tunnel is as it was. tunnel_hello_write refuses it; an
 * owner that takes a new caller instead frees this tunnel, whose streams are lost, and answers with a new one.
 * TUNNEL_FAILED: the hello can't be true. */
enum tunnel_result tunnel_answer(struct tunnel *t, const struct tunnel_hello *hello, uint64_t now) TUNNEL_MUST_USE;

/* Writes a hello of this end that refuses another one: an answerer sends it when tunnel_answer says TUNNEL_OTHER. */
void tunnel_hello_write(const struct tunnel *t, uint64_t number, unsigned char out[TUNNEL_HELLO_SIZE]);

/* The link's connection has ended, for a reason. Does nothing if it is not the link. */
void tunnel_hang_up(struct tunnel *t, uint64_t link, const char *reason, uint64_t now);

/* Bytes have come by a link. All are taken in. */
enum tunnel_result tunnel_receive(struct tunnel *t, uint64_t link, const void *bytes, size_t n,
                                  uint64_t now) TUNNEL_MUST_USE;

/* Writes whole frames to out, in the order in which the link is to carry them, and returns how many bytes; 0: there is
 * nothing to send now. size >= TUNNEL_FRAME_MAX. Ask for no more than the link takes: what was written is overtaken by
 * nothing. When memory is short less is written, and the rest at a later call. */
size_t tunnel_output(struct tunnel *t, void *out, size_t size, uint64_t now) TUNNEL_MUST_USE;

/* Whether tunnel_output would have something, as far as is known without asking a source. */
bool tunnel_has_output(const struct tunnel *t);

/* Lets time pass: beats, dead links, and gaps in the clock. To be called at the time of tunnel_next_tick at the latest;
 * any other call that has the time lets it pass too. TUNNEL_NO_LINK: the link is dead. */
enum tunnel_result tunnel_tick(struct tunnel *t, uint64_t now) TUNNEL_MUST_USE;
uint64_t tunnel_next_tick(const struct tunnel *t);

/* Takes the next event. Returns false when there is none: to be called until then after each call of this section. */
bool tunnel_event(struct tunnel *t, struct tunnel_event *event) TUNNEL_MUST_USE;

/* --- Streams: a number that is no stream's is ignored --- */

/* Opens a stream, with or without a link. session: whose turns it takes; label: what it is for, which only the two
 * owners know; data: for the source and the events, not touched. Returns its number, or 0 when TUNNEL_STREAMS_MAX are
 * open, memory is short or the tunnel is over. */
uint32_t tunnel_open(struct tunnel *t, enum tunnel_class class, uint32_t session, uint32_t label,
                     void *data) TUNNEL_MUST_USE;
void tunnel_set_data(struct tunnel *t, uint32_t stream, void *data);

/* The stream's source has bytes (again). */
void tunnel_ready(struct tunnel *t, uint32_t stream);

/* Ends this side's way, after what the source still has: it is asked once more. */
void tunnel_end(struct tunnel *t, uint32_t stream);

/* Cuts this side's way off; the peer drops what it has not read. */
void tunnel_reset(struct tunnel *t, uint32_t stream, uint32_t code);

/* Reads no more: what is unread and what still comes is dropped, and the peer's source is stopped. */
void tunnel_stop(struct tunnel *t, uint32_t stream);

/* Returns how many unread bytes there are in one piece, and where; 0: none. Valid until the next call. */
size_t tunnel_peek(const struct tunnel *t, uint32_t stream, const void **bytes);

/* The first n bytes of what was peeked at are read: the peer may send as many more. */
void tunnel_consume(struct tunnel *t, uint32_t stream, size_t n);

/* Widens what is taken unread to so many bytes, for a stream that must be fast over a long way. Returns what it is
 * then: less when TUNNEL_WINDOW_MAX or TUNNEL_WIDENED_MAX is reached, never less than before. */
uint32_t tunnel_widen(struct tunnel *t, uint32_t stream, uint32_t window);

#endif
