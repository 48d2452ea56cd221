/* What the files of a run share. */
#ifndef PROXY_SUPERVISOR_RUN_PRIVATE_H
#define PROXY_SUPERVISOR_RUN_PRIVATE_H

#include <stdint.h>

#include "proxy/supervisor/flow.h"
#include "proxy/supervisor/locks.h"
#include "proxy/supervisor/loop.h"
#include "proxy/supervisor/pty.h"
#include "proxy/supervisor/run.h"
#include "proxy/supervisor/worker.h"

/* As a shell has them. */
enum {
    RUN_NOT_EXECUTABLE = 126, /* what is needed is not there, or it can't be executed */
    RUN_NOT_FOUND = 127
};

enum { RUN_LINE_MAX = 256 };

enum run_what { RUN_DLV, RUN_COMMAND, RUN_REMEDY, RUN_INSPECT, RUN_ALIVE };

enum run_state {
    RUN_RUNNING,
    RUN_CLOSING,   /* it is to end: its connections close first */
    RUN_ASKED,     /* SIGTERM was sent */
    RUN_KILLED,    /* SIGKILL was sent */
    RUN_SWEEPING,  /* its first process has ended, the rest of its process session is ended */
    RUN_RESTORING, /* what a remedy has moved aside is put back */
    RUN_FLOWING,   /* what its pipes still hold goes out */
    RUN_REPORTED   /* ORDER_EXITED was sent: only the program's streams are left */
};

/* Of the flight of a dlv. */
enum run_flight { RUN_FLIGHT_AWAITED, RUN_FLIGHT_GONE };

enum run_stream_kind { RUN_LOG, RUN_TEXT, RUN_OUT, RUN_ERR, RUN_TERMINAL, RUN_STREAMS };

struct run_stream {
    struct run *run;
    struct outflow *flow; /* NULL: there is none, or it is over */
    int fd;               /* read; -1: none */
    int hold;             /* the other end, for writing, kept so that there is no end too early; -1: none */
};

struct run {
    struct session *session; /* NULL: reported */
    uint32_t number;
    enum run_what what;
    enum run_state state;
    const char *dir;  /* the session's directory, borrowed */
    bool has_streams; /* a command's stdout and stderr are not its text */
    pid_t pid;        /* of the first process, which leads the process session; 0: none (any more) */
    pid_t process_session;
    int status;
    pid_t attached; /* dlv attached to this one; 0: to none */
    bool is_launched;
    uint64_t until;  /* when the present wait is over, as loop_now has it */
    bool has_closed; /* the connections to it that were ours */
    struct run_stream streams[RUN_STREAMS];
    long texts,
        outputs; /* how many of them there were, log and text, stdout and stderr: for who waits for their ends */
    struct pty pty;
    int stdin_read, stdin_write; /* of the pipe for its stdin; -1: none */
    struct inflow *input;
    int notes, notes_write; /* records of its process; -1: none */
    struct buf noted;
    struct watch noting;
    uint32_t port; /* that Delve listens on; 0: not yet */
    enum run_flight flight;
    char line[RUN_LINE_MAX]; /* of Delve's log, the present one, as far as it matters */
    size_t line_length;
    struct alarm alarm;
    struct child child;
    struct locks *locks;
    char *gomodcache;
    struct worker *restorer;
};

/* --- run.c --- */

/* Ends it where nothing was started, with this status. Reported later, by the loop. */
void run_unstarted(struct run *r, int status);
/* All that its process session had is gone: streams are finished, and it is reported when they are over. */
void run_finish(struct run *r);
/* Reports it when its text and log have ended, and frees it when nothing of it is left. */
void run_settle(struct run *r);
/* DIR/SESSION/NUMBER/NAME, or DIR/SESSION/NAME. SUPERVISOR_PATH_MAX bytes. Return -1 when it is too long. */
int run_path(const struct run *r, char *path, const char *name) MUST_USE;
int run_session_path(const struct run *r, char *path, const char *name) MUST_USE;
void run_close(int *fd);

/* --- run_stream.c --- */

/* Makes its directory, pipes, FIFOs and terminal, and the streams. Returns -1 with errno; what there is stays with the
 * run. */
int run_streams_open(struct run *r, const struct order *o) MUST_USE;
/* Closes the ends that only its processes need. */
void run_streams_forked(struct run *r);
/* Whether its log and text have ended at this end. */
bool run_streams_reportable(const struct run *r);
/* Whether nothing of its streams is left. */
bool run_streams_over(const struct run *r);
/* What is in them goes out, then they end. */
void run_streams_finish(struct run *r);
void run_streams_free(struct run *r);

/* --- run_spawn.c --- */

/* Forks its first process. Returns -1 with errno. */
int run_spawn(struct run *r, const struct order *o) MUST_USE;

/* --- run_env.c, in the child --- */

/* The environment of what is run, NULL-terminated. NULL when memory is short. */
char **run_environment(const struct run *r, const struct order *o, int notes);
/* The value of NAME in an environment; NULL: none. */
const char *run_getenv(char *const *env, const char *name);
/* Finds a program in the directories of a PATH; path: SUPERVISOR_PATH_MAX bytes. Returns whether there is one. */
bool run_which(const char *name, const char *dirs, char *path);

/* --- run_end.c --- */

/* What comes next in its end, or when its port is known. For struct alarm. */
void run_alarm(void *run);
/* Its first process has ended: sweeping, restoring, then run_finish. For struct child. */
void run_ended(void *run, int status);
/* Looks for the port in what passes by. */
void run_logged(void *stream, const char *bytes, size_t n);

#endif
