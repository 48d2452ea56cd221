#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/supervisor/process.h"
#include "proxy/supervisor/run_private.h"

enum {
    REPORT_MAX = 4096, /* bytes of a record without texts */
    NAME_MAX_SIZE = 64,
    INSPECT_MS = 20 * 1000 /* for an inspection, whose facts may as well be missing */
};

void run_close(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

int run_session_path(const struct run *r, char *path, const char *name)
{
    int n = snprintf(path, SUPERVISOR_PATH_MAX, "%s/%s", r->dir, name);
    errno = ENAMETOOLONG;
    return n < 0 || n >= SUPERVISOR_PATH_MAX ? -1 : 0;
}

int run_path(const struct run *r, char *path, const char *name)
{
    char below[NAME_MAX_SIZE];
    (void)snprintf(below, sizeof below, "%u%s%s", (unsigned)r->number, *name ? "/" : "", name);
    return run_session_path(r, path, below);
}

/* --- its beginning --- */

static const char *const whats[] = {[RUN_DLV] = "dlv",
                                    [RUN_COMMAND] = "command",
                                    [RUN_REMEDY] = "remedy",
                                    [RUN_INSPECT] = "inspect",
                                    [RUN_ALIVE] = "alive"};

/* Returns -1 when it is none that is known. */
static int read_what(const struct order *o)
{
    const char *what = order_get(o, ORDER_WHAT);
    for (size_t i = 0; what && i < sizeof whats / sizeof whats[0]; i++)
        if (strcmp(what, whats[i]) == 0)
            return (int)i;
    return -1;
}

/* Whether that process is still the one of the first attach, and lives. */
static bool is_attached_alive(const struct run *r, const char *number)
{
    char name[NAME_MAX_SIZE], path[SUPERVISOR_PATH_MAX];
    pid_t pid;
    unsigned long long start;
    int n = snprintf(name, sizeof name, "attached-%s", number ? number : "");
    return n > 0 && (size_t)n < sizeof name && !strchr(name, '/') && run_session_path(r, path, name) == 0 &&
           process_read_file(path, &pid, &start) == 0 && process_lives(pid, start);
}

static void report_unprepared(struct run *r, int why)
{
    char path[SUPERVISOR_PATH_MAX];
    if (run_path(r, path, "") < 0)
        (void)snprintf(path, sizeof path, "%s", r->dir);
    if (why == ENOMEM || why == ENOBUFS)
        session_say(
            r->session, ORDER_ERROR, "memory",
            "the supervisor on the Go machine has no memory or stream left for this run; end other debug sessions");
    else
        session_say_fmt(r->session, ORDER_ERROR, "disk",
                        "the run's directory %s could not be created on the Go machine: %s; is its disk full?", path,
                        strerror(why));
}

static void report_number(struct run *r, enum order_kind kind, enum order_key key, long value)
{
    struct buf record;
    buf_init(&record, REPORT_MAX);
    size_t begin = order_open(&record, kind);
    order_put_number(&record, ORDER_NUMBER, r->number);
    order_put_number(&record, key, value);
    order_close(&record, begin);
    session_report(r->session, &record);
    buf_free(&record);
}

static void report_exited(struct run *r)
{
    struct buf record;
    buf_init(&record, REPORT_MAX);
    size_t begin = order_open(&record, ORDER_EXITED);
    order_put_number(&record, ORDER_NUMBER, r->number);
    order_put_number(&record, ORDER_STATUS, r->status);
    order_put_number(&record, ORDER_TEXTS, r->texts);
    order_put_number(&record, ORDER_OUTPUTS, r->outputs);
    order_close(&record, begin);
    session_report(r->session, &record);
    buf_free(&record);
}

static void on_note(void *run, short revents);

static void watch(struct run *r)
{
    r->child = (struct child){.pid = r->pid, .ended = run_ended, .arg = r};
    loop_child(&r->child);
    (void)fcntl(r->notes, F_SETFL, O_NONBLOCK);
    r->noting = (struct watch){.fd = r->notes, .events = POLLIN, .ready = on_note, .arg = r};
    loop_watch(&r->noting);
    if (r->gomodcache)
        r->locks = locks_watch(r->session, r->process_session, r->gomodcache);
}

static void begin(struct run *r, const struct order *o)
{
    const char *modcache = order_get(o, ORDER_GOMODCACHE);
    r->gomodcache = strdup(modcache ? modcache : session_tools(r->session)->gomodcache);
    if (run_streams_open(r, o) < 0) {
        report_unprepared(r, errno);
        run_unstarted(r, RUN_NOT_EXECUTABLE);
    } else if (run_spawn(r, o) < 0) {
        session_say_fmt(r->session, ORDER_ERROR, "start", "no process could be started on the Go machine: %s",
                        strerror(errno));
        run_unstarted(r, RUN_NOT_EXECUTABLE);
    } else {
        run_streams_forked(r);
        watch(r);
        if (r->what == RUN_INSPECT)
            loop_alarm(&r->alarm, INSPECT_MS);
        report_number(r, ORDER_STARTED, ORDER_PID, r->pid);
    }
}

static struct run *run_new(struct session *s, const struct order *o)
{
    struct run *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->session = s;
    r->dir = session_dir(s);
    r->number = (uint32_t)order_get_number(o, ORDER_NUMBER, 0) & ORDER_NUMBER_MAX;
    r->stdin_read = r->stdin_write = r->notes = r->notes_write = -1;
    r->pty = (struct pty){.master = -1, .slave = -1};
    for (size_t i = 0; i < RUN_STREAMS; i++)
        r->streams[i] = (struct run_stream){.run = r, .fd = -1, .hold = -1};
    r->alarm = (struct alarm){.ring = run_alarm, .arg = r};
    buf_init(&r->noted, ORDER_RECORD_MAX);
    return r;
}

struct run *run_start(struct session *s, const struct order *o)
{
    struct run *r = run_new(s, o);
    int what = read_what(o);
    if (!r)
        return NULL;
    if (what < 0) {
        session_say(s, ORDER_ERROR, "protocol", "the supervisor received an unknown kind of run");
        run_unstarted(r, RUN_NOT_FOUND);
        return r;
    }
    r->what = (enum run_what)what;
    r->has_streams = r->what == RUN_COMMAND && order_get(o, ORDER_STREAMS);
    if (r->what == RUN_DLV && order_get(o, ORDER_ATTACH))
        r->attached = (pid_t)order_get_number(o, ORDER_PID, 0);
    if (r->what == RUN_ALIVE)
        run_unstarted(r, is_attached_alive(r, order_get(o, ORDER_PID)) ? EXIT_SUCCESS : EXIT_FAILURE);
    else
        begin(r, o);
    return r;
}

/* --- what is sent to its Delve --- */

static void report_flight_started(struct run *r, const struct flight *f)
{
    struct buf record;
    buf_init(&record, REPORT_MAX);
    size_t begin = order_open(&record, ORDER_FLIGHT_STARTED);
    order_put_number(&record, ORDER_NUMBER, r->number);
    order_put_number(&record, ORDER_EDITION, flight_edition(f));
    order_put_number(&record, ORDER_COUNT, flight_count(f));
    order_put_number(&record, ORDER_PORT, r->port);
    order_close(&record, begin);
    session_report(r->session, &record);
    buf_free(&record);
}

void run_start_flight(struct run *r)
{
    if (r->port == 0 || r->state != RUN_RUNNING || r->flight != RUN_FLIGHT_AWAITED)
        return;
    struct flight *f = session_take_flight(r->session, r->number);
    if (!f)
        return;
    r->flight = RUN_FLIGHT_GONE;
    report_flight_started(r, f);
    if (connect_with_flight(r->port, session_number(r->session), f) == 0)
        return;
    session_say(r->session, ORDER_ERROR, "memory",
                "the supervisor on the Go machine has no memory or stream left for the connection to Delve; end other "
                "debug sessions");
    run_stop(r, run_end_if_abandoned(r));
}

/* --- what its process reports --- */

static void pass_note(struct run *r, const char *bytes, size_t n, enum order_kind kind)
{
    struct buf record;
    bool is_wanted = kind == ORDER_NOTE || kind == ORDER_PATH_ERROR || kind == ORDER_ERROR || kind == ORDER_FACT;
    if (!r->session || !is_wanted)
        return;
    buf_init(&record, ORDER_RECORD_MAX);
    buf_append(&record, bytes, n);
    session_report(r->session, &record);
    buf_free(&record);
}

/* Returns whether there may be more. */
static bool read_notes(struct run *r)
{
    char bytes[BUFSIZ];
    struct order o;
    long took;
    ssize_t n = read(r->notes, bytes, sizeof bytes);
    if (n < 0)
        return errno == EINTR;
    buf_append(&r->noted, bytes, (size_t)n);
    if (n == 0 || r->noted.failed)
        return false;
    while ((took = order_read(r->noted.data, r->noted.len, &o)) > 0) {
        pass_note(r, r->noted.data, (size_t)took, o.kind);
        buf_consume(&r->noted, (size_t)took);
    }
    return took == 0;
}

static void on_note(void *run, short revents)
{
    struct run *r = run;
    (void)revents;
    errno = 0;
    if (read_notes(r) || errno == EAGAIN)
        return;
    loop_unwatch(&r->noting);
}

/* --- its end --- */

void run_unstarted(struct run *r, int status)
{
    r->status = status;
    r->state = RUN_FLOWING;
    loop_alarm(&r->alarm, 0);
}

static void run_free(struct run *r)
{
    loop_disarm(&r->alarm);
    loop_forget(&r->child);
    loop_unwatch(&r->noting);
    locks_free(r->locks, false);
    worker_free(r->restorer);
    run_streams_free(r);
    buf_free(&r->noted);
    free(r->gomodcache);
    free(r);
}

void run_settle(struct run *r)
{
    if (r->state == RUN_FLOWING && run_streams_reportable(r)) {
        struct session *s = r->session;
        report_exited(r);
        r->state = RUN_REPORTED;
        r->session = NULL;
        session_run_over(s);
    }
    if (r->state == RUN_REPORTED && run_streams_over(r))
        run_free(r);
}

void run_finish(struct run *r)
{
    r->state = RUN_FLOWING;
    while (r->notes >= 0 && read_notes(r))
        ;
    loop_unwatch(&r->noting);
    run_close(&r->notes);
    run_streams_finish(r);
    run_settle(r);
}

/* --- while it lives --- */

uint32_t run_number(const struct run *r)
{
    return r->number;
}

void run_signal(struct run *r, int signal)
{
    pid_t group = r->pty.master >= 0 ? pty_foreground(&r->pty) : r->pid;
    if (r->what != RUN_COMMAND || r->state > RUN_KILLED || group <= 1)
        return;
    /* In its first moments the process leads no group yet. */
    if (kill(-group, signal) < 0 && errno == ESRCH && group == r->pid)
        (void)kill(r->pid, signal);
}

void run_size(struct run *r, unsigned rows, unsigned columns)
{
    pty_size(&r->pty, rows, columns);
}

bool run_serves(const struct run *r)
{
    return r->what == RUN_DLV ? r->is_launched || r->port > 0 : r->has_streams || r->pty.master >= 0;
}

enum run_end run_end_if_abandoned(const struct run *r)
{
    return r->attached > 0 ? RUN_DETACH : RUN_KILL;
}
