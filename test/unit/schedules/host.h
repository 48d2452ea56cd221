/* What the two files of the Go machine share: host.c (the supervisor, and what goes wrong), delve.c (a Delve, and
 * the connections to it). */
#ifndef TEST_SCHEDULES_HOST_H
#define TEST_SCHEDULES_HOST_H

#include <jansson.h>

#include "dap/decoder.h"
#include "proxy/machine/keeper.h"
#include "proxy/supervisor/flight.h"
#include "test/unit/schedules/schedules.h"

enum {
    FIRST_HANDLE = 1000, /* Delve's own */
    FRAME_MAX = 1024 * 1024,
    LINES_MAX = 64,
    OWNER_MAX = 32,
    KILLED = 128 + 9,
    ENDED = 128 + 15,
    /* Starts of dlv, or connections to the user's own, for one launch, restart or stop: the attempts, and one for each
       remedy that may be tried. */
    STARTS_MAX = 24
};

enum program { PROGRAM_NONE, PROGRAM_HALTED, PROGRAM_RUNNING, PROGRAM_EXITED };

/* How a channel ends: what the code above hears. */
enum cut {
    CUT_CLOSED, /* Delve has closed it */
    CUT_EOF,    /* the same, and the channel's own end is still to come */
    CUT_BROKEN, /* there */
    CUTS,
    CUT_UNREACHED = CUTS /* nobody listens there */
};

struct keeper {
    struct host *host;
    struct lane *lane;
    const struct keeper_handler *handler;
    void *arg;
    bool run_on, ending, ended, freed; /* ending: the run's end is on its way */
    enum keeper_run_kind kind;
    bool is_ready;
    size_t number;           /* of the run */
    struct flight *flight;   /* ordered and not carried out */
    uint32_t flown;          /* edition that is */
    uint32_t flown_count;    /* its requests */
    struct channel *untaken; /* what it goes by, until the owner has heard of it */
    bool listens;
};

struct channel {
    struct host *host;
    int id;
    enum order_stream stream;
    struct timer *beat; /* of a heartbeat */
    int missed;
    bool opened, answered;
    struct lane *lane;
    const struct channel_handler *handler;
    void *arg;
    struct channel *next;
    struct dap_decoder *decoder; /* NULL: JSON-RPC, or nothing yet */
    char owner[OWNER_MAX];       /* marks the handles that were given on it */
    const char *deaf_to;         /* the request that Delve never answers on it; NULL: none */
    bool is_deaf;
    json_int_t seq;
    json_int_t got; /* seq of the last request */
    json_int_t next_handle;
    bool attached, closed, stops_on_entry;
    bool lost;             /* the Delve that it leads to is gone: what is sent comes nowhere */
    bool ended;            /* its end of file was told */
    struct flight *flight; /* that is being carried out, or was */
    struct buf early;      /* what Delve said before anybody took it */
    int early_end;         /* enum cut, plus 1; 0: it has not ended before that */
};

struct link_to_it {
    struct link link; /* first */
    struct host *host;
    const struct link_handler *handler;
    void *arg;
    struct lane *lane;
};

struct host {
    struct machine machine; /* first */
    uv_loop_t loop;         /* only its address is used */
    struct host *next;
    enum kind kind;
    bool faults, steady, prompt, may_end;
    bool down;            /* the connection is lost: nothing comes from there, and what is sent waits */
    bool notified_down;   /* the note was given */
    uint64_t down_since;  /* and outages come not before: */
    uint64_t outage_from; /* the next */
    uint64_t back_at;
    struct timer *back;
    struct lane *there; /* what was sent meanwhile */
    struct lane *here;  /* what needs no connection */
    unsigned waiting;   /* in `there` */
    int channel_ids;
    bool ill; /* something has gone wrong, or the program has ended */
    struct keeper *keeper;
    struct link_to_it *link;
    struct channel *channels;
    bool delve_on;
    bool dap_silent, rpc_silent; /* Delve does not answer there any more */
    bool traps;                  /* a killed Delve's breakpoints are in the process */
    int generation, connections, starts, port;
    enum program program;
    int lines[2][LINES_MAX], ids[2][LINES_MAX], line_count[2], next_id;
    bool graph_broken, code_broken;
};

/* One time in so many, while faults are drawn. */
unsigned fault(struct host *m, unsigned one_in);
struct host *host_of(const uv_loop_t *loop);
/* A source of what comes from there. */
struct lane *host_lane(struct host *m);
/* The connection is there again, without a word. */
void host_up(struct host *m);
/* Has something done there, as soon as there is a connection: it finds what it is about by the number. */
void send_there(struct host *m, void (*run)(void *arg, const struct event *e), const char *text, size_t len,
                int number);
/* A Delve listens from now on, with its program halted. */
void delve_begins(struct host *m, int port);

/* delve.c */
/* Loses the link with all its channels; ends one channel (number: enum cut), or all: what events run. */
void link_lost(void *arg, const struct event *e);
void end_channel(void *arg, const struct event *e);
void close_all(struct host *m);
/* Has a Delve that listens told all of a flight; the channel is nobody's yet. */
struct channel *carry_out(struct link_to_it *l, struct flight *f);
/* Closes one that nobody has taken. */
void forget_untaken(struct channel *c);
/* The DAP connection that tells of stops: the newest that is attached; NULL when there is none. */
struct channel *teller(const struct host *m);
void notify_event(struct channel *c, const char *name, json_t *body);
void notify_stop(struct host *m, const char *reason);

#endif
