/* A run's pipes, FIFOs and terminal, and the streams that they feed. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/supervisor/directory.h"
#include "proxy/supervisor/run_private.h"

enum { NAME_SIZE = 16, ROWS_DEFAULT = 24, COLUMNS_DEFAULT = 80 };

static const struct {
    enum order_stream stream;
    const char *fifo, *spill;
} kinds[RUN_STREAMS] = {
    [RUN_LOG] = {ORDER_STREAM_LOG, "log", "log.kept"},
    [RUN_TEXT] = {ORDER_STREAM_TEXT, NULL, "text.kept"},
    [RUN_OUT] = {ORDER_STREAM_OUT, "out", "out.kept"},
    [RUN_ERR] = {ORDER_STREAM_ERR, "err", "err.kept"},
    [RUN_TERMINAL] = {ORDER_STREAM_TERMINAL, NULL, "terminal.kept"},
};

static void on_over(void *stream)
{
    struct run_stream *s = stream;
    struct run *r = s->run;
    /* Nobody reads it there: the program is not to wait for that. Once its processes are gone nothing is to be read. */
    if (outflow_is_cut(s->flow) && r->state < RUN_FLOWING) {
        outflow_mute(s->flow);
        return;
    }
    outflow_free(s->flow);
    s->flow = NULL;
    run_settle(r);
}

static long spill_max(const struct run *r)
{
    return order_get_number(session_order(r->session), ORDER_OUTAGE_OUTPUT, FLOW_FILE_MAX_DEFAULT);
}

static void on_waited(void *stream)
{
    const struct run_stream *s = stream;
    if (s->run->session)
        session_say_fmt(
            s->run->session, ORDER_NOTE, NULL,
            "while the connection was lost, the program printed more than the Go machine keeps (outageOutput: %ld "
            "bytes) and was blocked until the connection was restored; no output is missing",
            spill_max(s->run));
}

/* fd becomes the source of a stream. */
static int flow(struct run *r, enum run_stream_kind kind, int fd)
{
    struct run_stream *s = &r->streams[kind];
    char spill[SUPERVISOR_PATH_MAX];
    int spills = run_path(r, spill, kinds[kind].spill);
    s->fd = fd;
    struct outflow_order order = {.fd = fd,
                                  .keep_fd = true,
                                  .stream = kinds[kind].stream,
                                  .class = TUNNEL_BULK,
                                  .number = r->number,
                                  .session = session_number(r->session),
                                  .spill = spills == 0 ? spill : NULL,
                                  .spill_max = spill_max(r),
                                  .over = on_over,
                                  .waited = on_waited,
                                  .passed = kind == RUN_LOG ? run_logged : NULL,
                                  .arg = s};
    s->flow = outflow_new(&order);
    if (!s->flow) {
        errno = ENOMEM;
        return -1;
    }
    r->texts += kind == RUN_LOG || kind == RUN_TEXT;
    r->outputs += kind == RUN_OUT || kind == RUN_ERR;
    return 0;
}

static int open_pipe(struct run *r, enum run_stream_kind kind)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    r->streams[kind].hold = ends[1];
    return flow(r, kind, ends[0]);
}

static int open_fifo(struct run *r, enum run_stream_kind kind)
{
    char path[SUPERVISOR_PATH_MAX];
    if (run_path(r, path, kinds[kind].fifo) < 0 || mkfifo(path, S_IRUSR | S_IWUSR) < 0)
        return -1;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return -1;
    r->streams[kind].hold = open(path, O_WRONLY | O_CLOEXEC);
    if (r->streams[kind].hold < 0) {
        int why = errno;
        (void)close(fd);
        errno = why;
        return -1;
    }
    return flow(r, kind, fd);
}

/* Who waits for the log of a dlv gets its end, also where no FIFO can be made. */
static void open_no_log(struct run *r)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        (void)flow(r, RUN_LOG, fd);
}

static int open_terminal(struct run *r, const struct order *o)
{
    unsigned rows = (unsigned)order_get_number(o, ORDER_ROWS, ROWS_DEFAULT);
    unsigned columns = (unsigned)order_get_number(o, ORDER_COLUMNS, COLUMNS_DEFAULT);
    return pty_open(&r->pty, rows, columns) < 0 ? -1 : flow(r, RUN_TERMINAL, r->pty.master);
}

/* --- the directory --- */

static bool is_number(const char *name)
{
    while (isdigit((unsigned char)*name))
        name++;
    return *name == '\0';
}

/* What earlier runs have left: a binary, output that nobody fetched. */
static void erase_earlier(const struct run *r)
{
    char path[SUPERVISOR_PATH_MAX];
    DIR *d = opendir(r->dir);
    if (!d)
        return;
    for (struct dirent *e = readdir(d); e; e = readdir(d))
        if (is_number(e->d_name) && run_session_path(r, path, e->d_name) == 0)
            (void)directory_remove(path);
    (void)closedir(d);
}

static int make_directory(const struct run *r)
{
    char name[NAME_SIZE], path[SUPERVISOR_PATH_MAX];
    erase_earlier(r);
    (void)snprintf(name, sizeof name, "%u", (unsigned)r->number);
    return directory_make(r->dir, name, path);
}

/* --- all of them --- */

static int open_output(struct run *r, const struct order *o)
{
    if (order_get(o, ORDER_PTY))
        return open_terminal(r, o);
    if (r->what == RUN_DLV && r->attached == 0 && !order_get(o, ORDER_ATTACH))
        return open_fifo(r, RUN_OUT) < 0 ? -1 : open_fifo(r, RUN_ERR);
    if (r->has_streams)
        return open_pipe(r, RUN_OUT) < 0 ? -1 : open_pipe(r, RUN_ERR);
    return 0;
}

static int open_ends(struct run *r, const struct order *o)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    r->notes = ends[0];
    r->notes_write = ends[1];
    if (!order_get(o, ORDER_STDIN) || order_get(o, ORDER_PTY))
        return 0;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    r->stdin_read = ends[0];
    r->stdin_write = ends[1];
    return 0;
}

static int open_others(struct run *r, const struct order *o)
{
    if (make_directory(r) < 0 || (r->what == RUN_DLV && open_fifo(r, RUN_LOG) < 0) || open_output(r, o) < 0)
        return -1;
    return open_ends(r, o);
}

int run_streams_open(struct run *r, const struct order *o)
{
    if (open_pipe(r, RUN_TEXT) < 0)
        return -1;
    if (open_others(r, o) == 0)
        return 0;
    int why = errno;
    if (r->what == RUN_DLV && !r->streams[RUN_LOG].flow)
        open_no_log(r);
    errno = why;
    return -1;
}

void run_streams_forked(struct run *r)
{
    run_close(&r->streams[RUN_TEXT].hold);
    if (r->what != RUN_DLV) {
        run_close(&r->streams[RUN_OUT].hold);
        run_close(&r->streams[RUN_ERR].hold);
    }
    run_close(&r->pty.slave);
    run_close(&r->stdin_read);
    run_close(&r->notes_write);
}

void run_launched(struct run *r)
{
    r->is_launched = true;
    run_close(&r->streams[RUN_OUT].hold);
    run_close(&r->streams[RUN_ERR].hold);
}

static void on_input_over(void *run)
{
    struct run *r = run;
    inflow_free(r->input);
    r->input = NULL;
}

struct stream *run_input(struct run *r)
{
    struct stream *stream = NULL;
    if (r->stdin_write < 0)
        return NULL;
    r->input = inflow_new(r->stdin_write, &stream, on_input_over, r);
    if (!r->input)
        return NULL;
    r->stdin_write = -1;
    return stream;
}

void run_mute(struct run *r)
{
    for (size_t i = 0; i < RUN_STREAMS; i++)
        if (r->streams[i].flow)
            outflow_mute(r->streams[i].flow);
}

bool run_streams_reportable(const struct run *r)
{
    return !r->streams[RUN_LOG].flow && !r->streams[RUN_TEXT].flow;
}

bool run_streams_over(const struct run *r)
{
    for (size_t i = 0; i < RUN_STREAMS; i++)
        if (r->streams[i].flow)
            return false;
    return true;
}

void run_streams_finish(struct run *r)
{
    run_streams_forked(r);
    inflow_free(r->input);
    r->input = NULL;
    run_close(&r->stdin_write);
    for (size_t i = 0; i < RUN_STREAMS; i++) {
        run_close(&r->streams[i].hold);
        if (r->streams[i].flow)
            outflow_finish(r->streams[i].flow);
    }
}

void run_streams_free(struct run *r)
{
    run_streams_forked(r);
    inflow_free(r->input);
    run_close(&r->stdin_write);
    run_close(&r->notes);
    for (size_t i = 0; i < RUN_STREAMS; i++) {
        outflow_free(r->streams[i].flow);
        run_close(&r->streams[i].hold);
        if (i != RUN_TERMINAL)
            run_close(&r->streams[i].fd);
    }
    pty_close(&r->pty);
}
