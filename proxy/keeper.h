/* One debug session's supervisor on the Go machine (delve/remote.sh): its two shells, the commands to it, what it
 * reports. */
#ifndef PROXY_KEEPER_H
#define PROXY_KEEPER_H

#include "config/config.h"
#include "delve/plan.h"
#include "proxy/transport.h"

/* What the supervisor found on the Go machine; strings are never NULL. */
struct keeper_tools {
    char *go, *go_version;   /* path; `go version` */
    char *dlv, *dlv_version; /* path; the Version line of `dlv version` */
    char *gocache, *gomodcache;
};

struct keeper_handler {
    /* The tools are found, the run directory is made. */
    void (*ready)(void *arg, const struct keeper_tools *tools);
    /* Words for the user. */
    void (*note)(void *arg, const char *text);
    /* A line of Delve's log, or of what dlv and the build print. */
    void (*log)(void *arg, const char *line);
    void (*build_output)(void *arg, const char *line);
    /* Bytes that the program wrote. */
    void (*output)(void *arg, enum channel_source source, const char *data, size_t len);
    /* Both streams of the program have ended. */
    void (*output_ended)(void *arg);
    /* dlv has ended and all it wrote was reported; exit code or 128 + signal. */
    void (*exited)(void *arg, int status);
    /* All is reaped and the run directory is gone. Only keeper_free may follow. */
    void (*ended)(void *arg);
    /* It could not be started, or is gone while the link lives. Only keeper_free may follow. */
    void (*failed)(void *arg, const struct err *why);
};

struct keeper;

/* Starts a supervisor over the link with the target's pins. id names its run directory. NULL when memory ran out. */
struct keeper *keeper_start(uv_loop_t *loop, struct link *link, const struct config_target *target, const char *id,
                            const struct keeper_handler *h, void *arg);
/* Starts dlv as the plan says; after `ready`, once. Returns 0, or -1 when memory ran out. plan is borrowed until the
 * call `exited` or keeper_free. */
int keeper_run(struct keeper *k, const struct delve_plan *plan);
/* The target has been started for sure: from now on the end of the program's streams is the program's end. */
void keeper_launched(struct keeper *k);
/* Stops and starts reading the program's streams. */
void keeper_pause_output(struct keeper *k, bool paused);
/* Ends Delve and what it started; a process that was attached to lives on. The connections to Delve must be closed
 * before: SIGTERM with a client connected and the program running hangs Delve. */
void keeper_end(struct keeper *k);
/* The session's run directory on the Go machine, NULL until it is known: what a later door is opened to when the link
 * is lost. */
const char *keeper_dir(const struct keeper *k);
/* Closes the shells; without keeper_end the supervisor's lease runs. link_lost: the channels are gone already. May be
 * called from a handler; NULL is fine. */
void keeper_free(struct keeper *k, bool link_lost);

#endif
