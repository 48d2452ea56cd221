/* Inside the tunnel: its objects, and what its files offer each other. */
#ifndef PROXY_TUNNEL_TUNNEL_PRIVATE_H
#define PROXY_TUNNEL_TUNNEL_PRIVATE_H

#include "proxy/tunnel/queue.h"
#include "proxy/tunnel/tunnel.h"

enum {
    BUCKETS = 256, /* of streams, by number */
    CLASSES = TUNNEL_BULK + 1,
    REASON_MAX = 160
};

/* --- Frames (frame.c): kind, class, length (16 bits), stream (32 bits), payload; the most significant byte first ---
 */

enum frame_kind {
    /* Of a link: not counted, not sent again. */
    FRAME_HELLO = 1,
    FRAME_ACK,  /* 64 bits: what was received */
    FRAME_BEAT, /* 32 bits: 0, or a number that FRAME_ECHO is to answer with */
    FRAME_ECHO,
    /* Of a stream: counted. */
    FRAME_OPEN,   /* 32 bits each: session, label */
    FRAME_DATA,   /* bytes, at least one */
    FRAME_WINDOW, /* 32 bits: so many more may be sent */
    FRAME_END,
    FRAME_RESET, /* 32 bits: why */
    FRAME_STOP,  /* its sender reads no more */
    FRAME_DONE,  /* its sender has read all, up to the other's end or reset */
    FRAME_KINDS
};

struct frame {
    enum frame_kind kind;
    enum tunnel_class class; /* of the stream; TUNNEL_CONTROL in frames of a link */
    uint32_t stream;
    size_t len; /* of the payload */
    const unsigned char *payload;
};

/* Reads a header. Returns NULL, or what is wrong with it. */
const char *frame_read(struct frame *f, const unsigned char header[TUNNEL_FRAME_HEADER]);

/* Writes a header in front of a payload of len bytes that is there already. Returns the frame's size. */
size_t frame_write(unsigned char *out, enum frame_kind kind, enum tunnel_class class, uint32_t stream, size_t len);

/* Write a frame with one number as its payload. Return its size. */
size_t frame_write_32(unsigned char *out, enum frame_kind kind, enum tunnel_class class, uint32_t stream, uint32_t n);
size_t frame_write_64(unsigned char *out, enum frame_kind kind, enum tunnel_class class, uint32_t stream, uint64_t n);

size_t frame_write_open(unsigned char *out, enum tunnel_class class, uint32_t stream, uint32_t session, uint32_t label);

const char *frame_name(enum frame_kind kind);
uint32_t read_32(const unsigned char *bytes);
uint64_t read_64(const unsigned char *bytes);

/* Reads the payload of a hello. Returns false when it is none of a tunnel. */
bool hello_read(struct tunnel_hello *hello, const unsigned char *payload);

/* --- Streams --- */

enum send_state {
    SEND_OPEN,
    SEND_ENDING,    /* FRAME_END follows what the source has */
    SEND_RESETTING, /* FRAME_RESET is due */
    SEND_ENDED,     /* either was sent */
    SEND_DONE       /* and the peer has read it all */
};

enum receive_state {
    RECEIVE_OPEN,
    RECEIVE_STOPPED, /* read no more: what comes is dropped */
    RECEIVE_ENDED,   /* the peer's end is known; not everything is read */
    RECEIVE_READ,    /* FRAME_DONE is due */
    RECEIVE_DONE     /* it was sent */
};

/* Frames that a stream owes beside its bytes, as bits, in the order in which they go. */
enum due { DUE_OPEN = 1, DUE_STOP = 2, DUE_WINDOW = 4, DUE_RESET = 8, DUE_DONE = 16 };

enum membership {
    LIST_DUE,    /* owes a frame */
    LIST_DATA,   /* has bytes, or its end, to send; one list a class */
    LIST_EVENTS, /* has something to report */
    LISTS
};

struct stream_list {
    struct stream *first;
    struct stream *last;
};

struct session {
    struct session *next;
    uint32_t number;
    unsigned streams;
    uint64_t turn[CLASSES]; /* when it had its last one */
};

struct stream {
    struct stream *next_in_bucket;
    struct stream *before[LISTS];
    struct stream *after[LISTS];
    bool in[LISTS];

    uint32_t id;
    enum tunnel_class class;
    struct session *session;
    uint32_t label;
    void *data;
    unsigned due;    /* DUE_ */
    unsigned events; /* bits, by enum tunnel_event_kind */

    enum send_state send;
    bool ready;           /* the source may have bytes */
    uint32_t send_window; /* bytes that may still be sent */
    uint32_t reset_code;
    uint64_t turn; /* when it had its last one */

    enum receive_state receive;
    struct queue unread;
    uint32_t window;         /* bytes that are taken unread */
    uint32_t receive_window; /* bytes that may still come */
    uint32_t regained;       /* bytes consumed that the peer does not know of */
    uint32_t peer_code;
};

/* --- The bulk rule (pace.c) --- */

enum { ROUND_TRIPS = 4, PACE_STEPS = 64 };

struct pace_step {
    uint64_t at;
    uint64_t end; /* the position that was acknowledged then */
};

struct pace {
    size_t limit;   /* bytes of bulk that may be unacknowledged */
    size_t highest; /* that it would have been since the last round trip was measured */
    /* One frame at a time is timed. */
    bool timing;
    bool timed_alone;   /* with little of bulk before it */
    uint64_t timed_end; /* the position behind it */
    uint64_t timed_at;
    unsigned round_trips[ROUND_TRIPS]; /* the last ones, in milliseconds; 0: not measured yet */
    struct pace_step steps[PACE_STEPS];
    uint64_t count; /* of steps, from the beginning */
    uint64_t begin; /* what was acknowledged before */
};

void pace_reset(struct pace *p, uint64_t begin);
/* A frame was sent that ends at a position; with it so much of bulk is unacknowledged. */
void pace_sent(struct pace *p, uint64_t end, size_t bulk, uint64_t now);
/* Everything up to a position is acknowledged. */
void pace_acknowledged(struct pace *p, uint64_t end, uint64_t now);
/* The round trip, smoothed: the least of the last ones. 0: not known yet. */
unsigned pace_round_trip(const struct pace *p);

/* --- The tunnel --- */

struct tunnel {
    struct tunnel_config config;
    enum tunnel_state state;
    char reason[REASON_MAX];
    uint64_t now;
    unsigned events; /* bits, of the tunnel itself */

    unsigned char peer[TUNNEL_ID_SIZE]; /* zero: not known yet */
    char peer_build[TUNNEL_BUILD_SIZE + 1];

    /* The link. */
    uint64_t link;     /* its number, or the last one's */
    uint64_t sent_at;  /* the last byte */
    uint64_t heard_at; /* the last byte */
    bool hello_due;
    bool beat_due;
    uint32_t echo_due;    /* 0: none */
    uint32_t probe;       /* the number of the last beat that is to be answered */
    uint64_t probe_until; /* 0: no answer is waited for */
    unsigned char partial[TUNNEL_FRAME_MAX];
    size_t partial_len;

    /* The counted bytes, as positions from the tunnel's beginning. */
    uint64_t received;
    uint64_t ack_sent; /* of received, what was acknowledged on this link */
    uint64_t acknowledged;
    uint64_t sent; /* on this link; what is kept begins at acknowledged and may go further */
    struct queue kept;
    size_t bulk; /* bytes of it in frames of bulk */
    struct pace pace;
    bool is_starved; /* there was no memory to keep a frame; it is tried again later */

    /* Streams. */
    struct stream *buckets[BUCKETS];
    struct session *sessions;
    struct stream_list due;
    struct stream_list data[CLASSES];
    struct stream_list reports;
    uint32_t next_id;      /* of the next stream that this side opens */
    uint32_t next_peer_id; /* the least that the peer may open */
    unsigned open[2];      /* by who opened them: this side, the other */
    uint32_t widened;
    uint64_t turns;
};

/* link.c */
void tunnel_pass_time(struct tunnel *t, uint64_t now);
void tunnel_down(struct tunnel *t, const char *reason);
/* Ends the tunnel for what the peer said. Returns TUNNEL_FAILED. */
enum tunnel_result tunnel_break(struct tunnel *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool tunnel_is_over(const struct tunnel *t);
/* What the peer has received. Each returns TUNNEL_OK or TUNNEL_FAILED. */
enum tunnel_result tunnel_acknowledge(struct tunnel *t, uint64_t position);
enum tunnel_result tunnel_resume(struct tunnel *t, uint64_t position);
/* The answer to the caller's hello. */
enum tunnel_result tunnel_answered(struct tunnel *t, const struct tunnel_hello *hello);

/* stream.c */
struct stream *stream_find(const struct tunnel *t, uint32_t id);
/* Returns NULL when memory is short. */
struct stream *stream_new(struct tunnel *t, uint32_t id, enum tunnel_class class, uint32_t session, uint32_t label);
void streams_free(struct tunnel *t);
/* Puts the stream into the lists that it belongs in now. To be called after each change of it. */
void stream_update(struct tunnel *t, struct stream *s);
void stream_report(struct tunnel *t, struct stream *s, enum tunnel_event_kind kind);
/* The peer's way is over, and nothing of it is left to read. */
void stream_has_read_all(struct tunnel *t, struct stream *s);
bool stream_is_mine(const struct tunnel *t, uint32_t id);

/* stream_receive.c: a stream's frame has come. Returns TUNNEL_OK, TUNNEL_FAILED, or TUNNEL_NO_LINK when memory is
 * short: then nothing has changed but the link. */
enum tunnel_result stream_receive(struct tunnel *t, const struct frame *f);

/* turn.c: writes the frame of whose turn it is, and keeps it. Returns its size, 0 when there is none. */
size_t turn_take(struct tunnel *t, unsigned char *out);
bool turn_is_waiting(const struct tunnel *t);

#endif
