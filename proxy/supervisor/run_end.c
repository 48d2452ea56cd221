/* The end of a run, in the order that Delve survives, and what is left of it. Nothing here waits: alarms come back. */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/supervisor/process.h"
#include "proxy/supervisor/remedy.h"
#include "proxy/supervisor/rpc_query.h"
#include "proxy/supervisor/run_private.h"

enum {
    TICK_MS = 50,
    CLOSE_MS = 2000,   /* for its connections to close */
    ASK_MS = 3000,     /* from SIGTERM to SIGKILL */
    DETACH_MS = 10000, /* likewise: killed in the middle of detaching, Delve would leave its breakpoints */
    KILL_MS = 3000,    /* from SIGKILL to its end */
    SWEEP_MS = 3000,
    LINE_SIZE = 512,
    NAME_SIZE = 64,
    LEFT_SIZE = 256,
    DECIMAL = 10,
    HEXADECIMAL = 16,
    TCP_ESTABLISHED_STATE = 1
};

static const char listening[] = "API server listening at: ";

/* --- its port --- */

static void read_line(struct run *r)
{
    const char *colon = strrchr(r->line, ':');
    if (r->port > 0 || strncmp(r->line, listening, sizeof listening - 1) != 0 || !colon ||
        !isdigit((unsigned char)colon[1]))
        return;
    long port = strtol(colon + 1, NULL, DECIMAL);
    if (port <= 0 || port > UINT16_MAX)
        return;
    r->port = (uint32_t)port;
    /* The end of the locks' watch may be reported, which can't be done from here. */
    if (r->state == RUN_RUNNING)
        loop_alarm(&r->alarm, 0);
}

void run_logged(void *stream, const char *bytes, size_t n)
{
    struct run *r = ((struct run_stream *)stream)->run;
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '\n') {
            r->line[r->line_length] = '\0';
            read_line(r);
            r->line_length = 0;
        } else if (r->line_length < sizeof r->line - 1) {
            r->line[r->line_length++] = bytes[i];
        }
    }
}

/* Whether a line of /proc/net/tcp is an established connection to this port, of this user. */
static bool is_connection(const char *line, uint32_t port)
{
    unsigned local, state;
    unsigned long uid;
    return sscanf(line, " %*[0-9]: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %lu", &local, &state, &uid) == 3 &&
           local == port && state == TCP_ESTABLISHED_STATE && uid == (unsigned long)getuid();
}

static bool is_connected_by(const char *table, uint32_t port)
{
    char line[LINE_SIZE];
    bool found = false;
    FILE *f = fopen(table, "re");
    if (!f)
        return false;
    while (!found && fgets(line, sizeof line, f))
        found = is_connection(line, port);
    (void)fclose(f);
    return found;
}

static bool is_connected(uint32_t port)
{
    return port > 0 && (is_connected_by("/proc/net/tcp", port) || is_connected_by("/proc/net/tcp6", port));
}

/* --- its first process --- */

static void wait_for(struct run *r, enum run_state state, uint64_t ms)
{
    r->state = state;
    r->until = loop_now() + ms;
    loop_alarm(&r->alarm, ms);
}

static void end_now(struct run *r)
{
    (void)kill(r->pid, SIGKILL);
    wait_for(r, RUN_KILLED, KILL_MS);
}

static void ask(struct run *r)
{
    (void)kill(r->pid, SIGTERM);
    wait_for(r, RUN_ASKED, r->attached > 0 ? DETACH_MS : ASK_MS);
}

/* SIGTERM with a client connected and the program running hangs Delve. delvegate closes its connections before it
 * orders the end; the supervisor closes those that it did not, and for one of somebody else there is no more to do. */
static void close_connections(struct run *r)
{
    if (!is_connected(r->port) || (r->has_closed && loop_now() >= r->until)) {
        ask(r);
        return;
    }
    if (!r->has_closed && (loop_now() >= r->until || !uplink_is_up())) {
        connect_close_all(session_number(r->session));
        rpc_query_close_all(session_number(r->session));
        r->has_closed = true;
        r->until = loop_now() + CLOSE_MS;
    }
    loop_alarm(&r->alarm, TICK_MS);
}

void run_stop(struct run *r, enum run_end how)
{
    if (r->state > RUN_ASKED)
        return;
    connect_close_in_flight(session_number(r->session));
    if (how == RUN_NOW) {
        end_now(r);
    } else if (r->state == RUN_RUNNING) {
        wait_for(r, RUN_CLOSING, CLOSE_MS);
        close_connections(r);
    }
}

/* --- the rest of it --- */

/* A dlv that was ended in the middle of attaching leaves the process stopped. One that was killed leaves it to be
 * stopped: each thread that the kernel attached for it has a SIGSTOP pending, which SIGCONT takes back. */
static void resume_attached(const struct run *r)
{
    char name[NAME_SIZE], path[SUPERVISOR_PATH_MAX];
    pid_t pid;
    unsigned long long start;
    struct process p;
    (void)snprintf(name, sizeof name, "attached-%ld", (long)r->attached);
    if (r->attached > 0 && run_session_path(r, path, name) == 0 && process_read_file(path, &pid, &start) == 0 &&
        process_read(pid, &p) == 0 && p.start == start && (p.state == 'T' || r->status >= SUPERVISOR_SIGNAL_STATUS))
        (void)kill(pid, SIGCONT);
}

static int restore_work(void *dir, int out)
{
    (void)out;
    return remedy_restore(dir) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void restore_failed(struct run *r)
{
    session_say_fmt(
        r->session, ORDER_NOTE, NULL,
        "not all files that a remedy had moved aside could be put back on the Go machine; %s/aside lists them", r->dir);
}

static void on_restored(void *run, int status)
{
    struct run *r = run;
    r->restorer = NULL;
    if (status != EXIT_SUCCESS)
        restore_failed(r);
    run_finish(r);
}

static void no_record(void *run, const struct order *o)
{
    (void)run;
    (void)o;
}

/* It may move or remove a whole module cache: not in this process. */
static void restore(struct run *r)
{
    static const struct worker_handler handler = {.record = no_record, .ended = on_restored};
    char path[SUPERVISOR_PATH_MAX];
    if (run_session_path(r, path, "aside") < 0 || access(path, F_OK) < 0) {
        run_finish(r);
        return;
    }
    r->state = RUN_RESTORING;
    r->restorer = worker_start(restore_work, (void *)(uintptr_t)r->dir, &handler, r);
    if (r->restorer)
        return;
    restore_failed(r);
    run_finish(r);
}

struct left {
    char text[LEFT_SIZE];
    size_t length;
};

static bool add_left(void *arg, const struct process *p)
{
    struct left *l = arg;
    int n = snprintf(l->text + l->length, sizeof l->text - l->length, " %ld", (long)p->pid);
    l->length += n > 0 ? (size_t)n : 0;
    return l->length < sizeof l->text;
}

static void report_left(struct run *r)
{
    struct left l = {.length = 0};
    if (process_each(r->process_session, add_left, &l) > 0)
        session_say_fmt(r->session, ORDER_NOTE, NULL,
                        "processes of the run can't be ended on the Go machine (SIGKILL was sent):%s", l.text);
}

static void sweep(struct run *r)
{
    if (r->process_session > 1 && process_sweep(r->process_session, 0) > 0) {
        if (loop_now() < r->until) {
            loop_alarm(&r->alarm, TICK_MS);
            return;
        }
        report_left(r);
    }
    resume_attached(r);
    restore(r);
}

static void begin_sweep(struct run *r)
{
    loop_disarm(&r->alarm);
    r->state = RUN_SWEEPING;
    r->until = loop_now() + SWEEP_MS;
    sweep(r);
}

void run_ended(void *run, int status)
{
    struct run *r = run;
    r->status = status;
    r->pid = 0;
    /* What was ended while it waited does not go on. */
    locks_free(r->locks, status < SUPERVISOR_SIGNAL_STATUS);
    r->locks = NULL;
    if (r->state < RUN_SWEEPING)
        begin_sweep(r);
}

/* --- */

void run_alarm(void *run)
{
    struct run *r = run;
    switch (r->state) {
    case RUN_RUNNING:
        locks_free(r->locks, true);
        r->locks = NULL;
        if (r->what == RUN_INSPECT)
            end_now(r);
        run_start_flight(r);
        break;
    case RUN_CLOSING:
        close_connections(r);
        break;
    case RUN_ASKED:
        end_now(r);
        break;
    case RUN_KILLED:
        /* It does not even heed that: it sleeps in the kernel. */
        r->status = SUPERVISOR_SIGNAL_STATUS + SIGKILL;
        begin_sweep(r);
        break;
    case RUN_SWEEPING:
        sweep(r);
        break;
    case RUN_FLOWING:
        run_finish(r);
        break;
    case RUN_RESTORING:
    case RUN_REPORTED:
        break;
    }
}
