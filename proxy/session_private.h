/* What the three files of the session share: session.c (its life), session_client.c (what the client sends),
 * session_delve.c (what Delve's side reports). */
#ifndef PROXY_SESSION_PRIVATE_H
#define PROXY_SESSION_PRIVATE_H

#include "config/paths.h"
#include "dap/decoder.h"
#include "dap/pending.h"
#include "proxy/delve.h"
#include "proxy/session.h"
#include "proxy/timer.h"

enum {
    SUBJECT_MAX = 64,
    HELD_MAX = DAP_CLIENT_BODY_MAX, /* bytes of requests that wait for Delve */
    MESSAGE_MAX =
        512 * 1024 * 1024, /* bytes of one framed message to the client: Delve's 64 MiB with every path longer */
    UTF8_REST = 4,
    /* Delve's service/dap/error_ids.go */
    ERROR_LAUNCH = 3000,
    ERROR_ATTACH = 3001,
    ERROR_INITIALIZE = 3002,
    ERROR_INTERNAL = 8888
};

enum session_state {
    SESSION_NEW,         /* the first message must be initialize */
    SESSION_INITIALIZED, /* launch or attach is awaited */
    SESSION_LAUNCHING,   /* requests are held until Delve is attached to */
    SESSION_LIVE,        /* messages pass */
    SESSION_TERMINATED,  /* `terminated` is sent; disconnect is awaited */
    SESSION_ENDING,      /* the client is gone or about to be told goodbye; Delve is being ended */
    SESSION_OVER
};

struct held {
    struct held *next;
    size_t len;
    char text[];
};

struct session {
    uv_loop_t *loop;
    struct config *config;
    const struct config_target *target;
    struct target_memory *memory;
    char subject[SUBJECT_MAX];
    enum session_state state;
    void (*over)(struct session *s, void *arg);
    void *arg;

    struct client *client; /* NULL once it is gone */
    struct dap_decoder *decoder;
    int64_t seq;                 /* toward the client */
    struct dap_pending *reverse; /* Delve's requests to the client */
    struct timer *header, *gone; /* a header's deadline; the turn in which the session is freed */
    int64_t launch_seq, disconnect_seq;
    bool launch_waits, disconnect_waits; /* for their answers */
    bool is_attach, terminate, terminated_sent;
    bool is_stranger; /* ended before it said initialize */
    bool header_runs; /* the header's deadline */

    json_t *initialize_arguments, *announced;
    struct config_paths paths;
    struct delve_plan *plan;
    struct delve *delve; /* NULL once nothing is left of it */
    struct held *held, **held_end;
    size_t held_bytes;
    char rest[2][UTF8_REST]; /* of stdout and stderr: the beginning of a character that is not whole yet */
    size_t rest_len[2];
};

/* Moves the session; aborts on an edge that the table in session.c does not have. */
void session_set_state(struct session *s, enum session_state state, const char *reason);

/* Messages of delvegate's own to the client, numbered; nothing happens when the client is gone. */
void session_send(struct session *s, struct buf *out); /* takes the memory */
void session_respond(struct session *s, int64_t request_seq, const char *command, const json_t *body);
void session_respond_error(struct session *s, int64_t request_seq, const char *command, int id, const char *text,
                           bool show);
void session_event(struct session *s, const char *event, const json_t *body);
void session_output(struct session *s, const char *category, const char *text, size_t len);
void session_say(struct session *s, const char *category, const char *text); /* adds the newline */
void session_terminated(struct session *s);                                  /* once, however often it is called */

/* Every request that Delve will not answer any more gets its one answer. */
void session_answer_pending(struct session *s, const char *why);
void session_answer_launch_failed(struct session *s, const char *why);
/* Answers what waits, ends the client's stream. */
void session_part_from_client(struct session *s, const char *why);
/* Ends the session: Delve first, then the client. */
void session_end(struct session *s, const char *reason);
/* Nothing of Delve is left: frees the session in the loop's next turn. */
void session_leave(struct session *s);

/* Sends a request, event or response of the client's on, with its paths mapped. */
void session_forward(struct session *s, const struct dap_message *m);
void session_drop_held(struct session *s);
/* As dap_map_path; arg is the session. */
int session_map_to_remote(void *arg, const char *path, struct buf *out);

extern const struct delve_handler session_delve_events;
extern const struct client_handler session_client_events;
/* The deadline of a header is over. */
void session_header_late(void *arg);

#endif
