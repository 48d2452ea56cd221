/* What the two files of the Go machine share: machine.c (the supervisor, and what goes wrong), delve.c (a Delve, and
 * the connections to it). */
#ifndef TEST_SCHEDULES_MACHINE_H
#define TEST_SCHEDULES_MACHINE_H

#include <jansson.h>

#include "dap/decoder.h"
#include "proxy/machine/keeper.h"
#include "test/schedules/schedules.h"

enum {
    FIRST_HANDLE = 1000, /* Delve's own */
    FRAME_MAX = 1024 * 1024,
    LINES_MAX = 64,
    OWNER_MAX = 32,
    KILLED = 128 + 9,
    ENDED = 128 + 15,
    /* Starts of dlv for one launch, restart or stop: the attempts, and one for each remedy that may be tried. */
    STARTS_MAX = 24
};

enum program { PROGRAM_NONE, PROGRAM_HALTED, PROGRAM_RUNNING, PROGRAM_EXITED };

struct keeper {
    struct lane *lane;
    const struct keeper_handler *handler;
    void *arg;
    bool run_on, ended, freed;
    enum keeper_run_kind kind;
};

struct channel_of_delve {
    struct channel channel; /* first */
    struct lane *lane;
    const struct channel_handler *handler;
    void *arg;
    struct channel_of_delve *next;
    struct dap_decoder *decoder; /* NULL: JSON-RPC, or nothing yet */
    char owner[OWNER_MAX];       /* marks the handles that were given on it */
    json_int_t seq;
    json_int_t got; /* seq of the last request */
    json_int_t next_handle;
    bool closed, stops_on_entry;
};

struct link_to_it {
    struct link link; /* first */
    const struct link_handler *handler;
    void *arg;
    struct lane *lane;
};

struct machine {
    bool faults;
    struct keeper *keeper;
    struct link_to_it *link;
    struct channel_of_delve *channels;
    bool delve_on, delve_silent;
    int generation, connections, starts, port;
    enum program program;
    int lines[2][LINES_MAX], ids[2][LINES_MAX], line_count[2], next_id;
    bool graph_broken, code_broken;
};
extern struct machine m;

/* One time in so many, while faults are drawn. */
unsigned fault(unsigned one_in);

/* delve.c */
/* Loses the link with all its channels; closes one channel, or all: what events run. */
void link_lost(void *arg, const struct event *e);
void end_channel(void *arg, const struct event *e);
void close_all(void);
/* The DAP connection that tells of stops: the newest; NULL when there is none. */
struct channel_of_delve *teller(void);
void tell_event(struct channel_of_delve *c, const char *name, json_t *body);
void tell_stop(const char *reason);

#endif
