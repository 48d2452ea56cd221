#include "proxy/supervisor/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "proxy/supervisor/cleanup.h"
#include "proxy/supervisor/directory.h"
#include "proxy/supervisor/door.h"
#include "proxy/supervisor/flow.h"
#include "proxy/supervisor/loop.h"
#include "proxy/supervisor/owner.h"
#include "proxy/supervisor/rpc_query.h"
#include "proxy/supervisor/session.h"
#include "proxy/supervisor/uplink.h"
#include "proxy/supervisor/worker.h"
#include "supervisor_build.h"

enum {
    IDLE_MS = 10 * 60 * 1000, /* without a session; then new groups, limits and PATHs take effect */
    UNUSED_MS = 20 * 1000,    /* likewise, when who started it found that it is not the one that was looked for */
    ABOUT_MAX = 128 * 1024,   /* bytes of it, with a note for each process that was left over */
    MS_PER_SECOND = 1000,
    FIRST_FREE_FD = 3
};

static struct {
    const struct supervise *how;
    bool ending; /* as soon as no session is left */
    bool used;   /* somebody has stayed */
    struct alarm idle;
    struct alarm touch;
    struct worker *cleanup;

    /* ORDER_ABOUT, and ORDER_NOTE for what was left over. */
    struct stream about;
    struct buf text;
    size_t sent;
} me;

const char *supervise_build(void)
{
    return SUPERVISOR_BUILD;
}

/* --- About --- */

static size_t give_about(struct stream *stream, void *room, size_t n)
{
    size_t left = me.text.len - me.sent;
    (void)stream;
    if (n > left)
        n = left;
    if (n)
        memcpy(room, me.text.data + me.sent, n);
    me.sent += n;
    return n;
}

static void write_about(void)
{
    struct utsname machine = {0};
    (void)uname(&machine);
    size_t at = order_open(&me.text, ORDER_ABOUT);
    order_put(&me.text, ORDER_DIR, me.how->dir);
    order_put(&me.text, ORDER_NAME, machine.machine);
    order_close(&me.text, at);
    const char *note = door_note();
    if (!note)
        return;
    at = order_open(&me.text, ORDER_NOTE);
    order_put(&me.text, ORDER_TEXT, note);
    order_close(&me.text, at);
}

/* What is known is said to each delvegate that comes; it ends when nothing more can follow. */
static void say_about(void)
{
    static const struct stream_ops ops = {.give = give_about};
    stream_abandon(&me.about);
    me.about = (struct stream){.ops = &ops};
    me.sent = 0;
    if (uplink_open(&me.about, TUNNEL_CONTROL, ORDER_STREAM_ABOUT, 0, 0) < 0)
        return;
    stream_stop(&me.about);
    stream_ready(&me.about);
    if (!me.cleanup)
        stream_end(&me.about);
}

/* --- What others have left --- */

static void report_line(void *arg, const char *text)
{
    worker_say(*(int *)arg, ORDER_NOTE, NULL, text);
}

static int cleanup_work(void *arg, int out)
{
    (void)arg;
    cleanup_others(me.how->dir, report_line, &out);
    return 0;
}

static void on_cleaned(void *arg, const struct order *o)
{
    (void)arg;
    if (me.text.max - me.text.len < o->len + ORDER_HEADER)
        return;
    size_t at = order_open(&me.text, o->kind);
    buf_append(&me.text, o->fields, o->len);
    order_close(&me.text, at);
    stream_ready(&me.about);
}

static void on_all_cleaned(void *arg, int status)
{
    (void)arg;
    (void)status;
    me.cleanup = NULL;
    stream_end(&me.about);
}

static void start_cleanup(void)
{
    static const struct worker_handler handler = {.record = on_cleaned, .ended = on_all_cleaned};
    /* Without a process for it the next start does it. */
    me.cleanup = worker_start(cleanup_work, NULL, &handler, NULL);
}

/* --- Its end --- */

static void look_for_end(void *arg)
{
    (void)arg;
    if (session_count() > 0)
        loop_disarm(&me.idle);
    else if (me.ending || (session_lease_was_over() && !uplink_is_up()))
        loop_end(0);
    else if (!me.how->local)
        loop_alarm(&me.idle, me.used ? IDLE_MS : UNUSED_MS);
}

static void on_idle(void *arg)
{
    bool was_used = me.used;
    me.used = was_used || uplink_is_up();
    if (session_count() == 0 && !me.ending && me.used != was_used)
        look_for_end(arg);
    else if (session_count() == 0)
        loop_end(0);
}

static void end_all(void *arg)
{
    me.ending = true;
    session_end_all();
    look_for_end(arg);
}

/* --- The uplink --- */

static struct stream *on_opened(void *arg, enum order_stream stream, uint32_t number, uint32_t session)
{
    (void)arg;
    switch (stream) {
    case ORDER_STREAM_CONTROL:
        me.used = true;
        return me.ending ? NULL : session_open(session);
    case ORDER_STREAM_CONNECT:
        return connect_open(number, session);
    case ORDER_STREAM_QUIT:
        me.ending = true;
        loop_alarm(&me.idle, 0);
        return NULL;
    case ORDER_STREAM_HEARTBEAT:
    case ORDER_STREAM_EXIT:
        return rpc_query_open(stream, number, session);
    case ORDER_STREAM_OWNER:
        return owner_open(number);
    case ORDER_STREAM_INPUT:
        return session_input(session, number);
    default:
        return NULL;
    }
}

static void on_up(void *arg, bool is_new)
{
    (void)arg;
    flow_outage(false);
    if (is_new)
        say_about();
}

static void on_down(void *arg, const char *why)
{
    (void)arg;
    (void)why;
    flow_outage(true);
    session_outage();
    look_for_end(NULL);
}

/* --- Its beginning --- */

/* Other machines that have the directory, too, are to see that its supervisor lives. */
static void touch(void *arg)
{
    (void)arg;
    (void)cleanup_touch(me.how->dir);
    loop_alarm(&me.touch, (uint64_t)CLEANUP_TOUCH_S * MS_PER_SECOND);
}

static int claim(const char *dir)
{
    int r = cleanup_claim(dir);
    if (r > 0)
        errno = EEXIST;
    return r == 0 ? 0 : -1;
}

/* The link gets numbers of its own: what is opened later must not take those of stdin and stdout. */
static int serve_stdio(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
    int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
    if (null < 0 || in < 0 || out < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
        return -1;
    (void)close(null);
    uplink_serve(in, out, NULL, end_all, NULL);
    return 0;
}

static int begin(void)
{
    static const struct uplink_handler handler = {.opened = on_opened, .up = on_up, .down = on_down};
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    if (loop_init() < 0 || claim(me.how->dir) < 0)
        return -1;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (loop_signal(signals[i], end_all, NULL) < 0)
            return -1;
    me.idle = (struct alarm){.ring = on_idle};
    me.touch = (struct alarm){.ring = touch};
    touch(NULL);
    buf_init(&me.text, ABOUT_MAX);
    write_about();
    session_init(me.how->dir);
    session_on_over(look_for_end, NULL);
    if (uplink_init(supervise_build(), &handler, NULL) < 0)
        return -1;
    start_cleanup();
    return me.how->local ? serve_stdio() : door_listen(me.how->dir);
}

int supervise_work(void *arg)
{
    me.how = arg;
    if (begin() < 0) {
        /* Whoever started it reads stdout; behind a door that is /dev/null, and the door says it. */
        (void)printf("delvegate error start the supervisor on the Go machine could not start in %s: %s\n", me.how->dir,
                     strerror(errno));
        return EXIT_FAILURE;
    }
    look_for_end(NULL);
    int status = loop_run();
    worker_free(me.cleanup);
    if (me.how->local || door_close(me.how->dir))
        (void)directory_remove(me.how->dir);
    return status;
}
