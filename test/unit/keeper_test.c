/* The runs of a supervisor, over a machine that the test plays itself. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "proxy/machine/keeper.h"
#include "proxy/machine/keeper_private.h"

enum { CHANNELS_MAX = 16, TEXT_MAX = 32 * 1024 * 1024, WORDS_MAX = 8 * 1024, PID = 4711 };

/* What frees the keeper: the handler with this name. */
enum handler {
    NONE,
    FACTS,
    READY,
    NOTE,
    FLIGHT_STARTED,
    PATH_ERROR,
    LOG,
    BUILD,
    OUTPUT,
    OUTPUT_ENDED,
    INPUT,
    EXITED,
    ENDED,
    FAILED
};

struct channel {
    const struct channel_handler *handler;
    void *arg;
    struct buf written;
    bool paused, closed, shut;
};

static struct world {
    uv_loop_t loop;
    struct machine machine;
    struct link link;
    struct channel channels[CHANNELS_MAX]; /* the first one is the control stream */
    size_t channel_count;
    void (*on_stream)(void *arg, struct channel *c, enum order_stream stream, uint32_t number);
    void *stream_arg;
    uint32_t input_run; /* that the last stream toward a stdin was opened for */
    bool is_full;       /* what is written waits */
    bool is_down;       /* nothing comes by the link for now */
    bool link_lost;     /* its channels must not be touched any more */
    struct keeper *keeper;
    struct buf heard; /* what the keeper told its owner, a line each */
    enum handler frees;
    bool ends_in_ready;
} w;

/* The loop's clock: time that is skipped has passed. */
static time_t skipped_seconds;

int clock_gettime(clockid_t id, struct timespec *ts)
{
    int r = (int)syscall(SYS_clock_gettime, id, ts);
    ts->tv_sec += skipped_seconds;
    return r;
}

/* --- the machine --- */

static struct channel *new_channel(const struct channel_handler *h, void *arg)
{
    struct channel *c = &w.channels[w.channel_count++];
    assert_true(w.channel_count <= CHANNELS_MAX);
    c->handler = h;
    c->arg = arg;
    buf_init(&c->written, TEXT_MAX);
    return c;
}

struct channel *link_control(struct link *l, const struct channel_handler *h, void *arg)
{
    assert_ptr_equal(l, &w.link);
    assert_int_equal(w.channel_count, 0);
    return new_channel(h, arg);
}

struct channel *link_open(struct link *l, enum order_stream stream, uint32_t number, const struct channel_handler *h,
                          void *arg)
{
    assert_ptr_equal(l, &w.link);
    assert_int_equal(stream, ORDER_STREAM_INPUT);
    w.input_run = number;
    return new_channel(h, arg);
}

bool link_was_heard(const struct link *l, uint64_t ms)
{
    assert_ptr_equal(l, &w.link);
    assert_int_equal(ms, 60 * 1000);
    return !w.is_down;
}

const char *link_dir(const struct link *l)
{
    assert_ptr_equal(l, &w.link);
    return "/run";
}

void link_on_stream(struct link *l,
                    void (*opened)(void *arg, struct channel *c, enum order_stream stream, uint32_t number), void *arg)
{
    assert_ptr_equal(l, &w.link);
    assert_false(w.link_lost);
    w.on_stream = opened;
    w.stream_arg = arg;
}

static void check_usable(const struct channel *c)
{
    assert_false(w.link_lost);
    assert_false(c->closed);
}

void channel_take(struct channel *c, const struct channel_handler *h, void *arg)
{
    check_usable(c);
    c->handler = h;
    c->arg = arg;
}

bool channel_write(struct channel *c, const char *data, size_t len)
{
    check_usable(c);
    buf_append(&c->written, data, len);
    assert_false(c->written.failed);
    return w.is_full && c != &w.channels[0];
}

void channel_pause(struct channel *c, bool paused)
{
    check_usable(c);
    c->paused = paused;
}

void channel_shut(struct channel *c)
{
    check_usable(c);
    c->shut = true;
}

void channel_close(struct channel *c)
{
    check_usable(c);
    c->closed = true;
}

/* --- the owner --- */

static void hear(enum handler which, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void hear(enum handler which, const char *fmt, ...)
{
    char text[WORDS_MAX];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buf_printf(&w.heard, "%s\n", text);
    assert_false(w.heard.failed);
    if (w.frees != which)
        return;
    assert_non_null(w.keeper);
    keeper_free(w.keeper, w.link_lost);
    w.keeper = NULL;
}

static void on_facts(void *arg, const struct delve_facts *facts)
{
    (void)arg;
    hear(FACTS, "facts %s", delve_facts_get(facts, "go") ? delve_facts_get(facts, "go") : "");
}

static void on_ready(void *arg, const struct keeper_tools *t)
{
    (void)arg;
    hear(READY, "ready %s [%s] %s %s", t->go, t->dlv, t->gocache, t->gomodcache);
    if (w.ends_in_ready)
        keeper_end(w.keeper);
}

static void on_note(void *arg, const char *text)
{
    (void)arg;
    hear(NOTE, "note %s", text);
}

static void on_input_drained(void *arg)
{
    (void)arg;
    hear(INPUT, "input drained");
}

static void on_input_closed(void *arg)
{
    (void)arg;
    hear(INPUT, "input closed");
}

static void on_log(void *arg, const char *line)
{
    (void)arg;
    hear(LOG, "log %s", line);
}

static void on_build_output(void *arg, const char *line)
{
    (void)arg;
    if (strlen(line) < 100)
        hear(BUILD, "build %s", line);
    else
        hear(BUILD, "build %zu", strlen(line));
}

static void on_output(void *arg, enum channel_source source, const char *data, size_t len)
{
    (void)arg;
    hear(OUTPUT, "output %d %.*s", (int)source, (int)len, data);
}

static void on_output_ended(void *arg)
{
    (void)arg;
    hear(OUTPUT_ENDED, "output ended");
}

static void on_exited(void *arg, int status)
{
    (void)arg;
    hear(EXITED, "exited %d", status);
}

static void on_ended(void *arg)
{
    (void)arg;
    hear(ENDED, "ended");
}

static void on_failed(void *arg, const struct err *why)
{
    (void)arg;
    hear(FAILED, "failed %s", why->text);
}

static void on_path_error(void *arg, enum delve_path_error kind, const char *path)
{
    (void)arg;
    hear(PATH_ERROR, "path_error %d %s", (int)kind, path);
}

static void on_delve_closed(void *arg, const struct err *why, enum channel_end end)
{
    (void)arg;
    (void)why;
    (void)end;
}

/* It takes the connection, as Delve's client does. */
static void on_flight_started(void *arg, const struct keeper_flight *flight)
{
    static const struct channel_handler events = {.closed = on_delve_closed};
    (void)arg;
    if (flight->channel)
        channel_take(flight->channel, &events, NULL);
    hear(FLIGHT_STARTED, "flying %u of %u to %d%s%s", (unsigned)flight->edition, (unsigned)flight->count, flight->port,
         flight->channel ? "" : " gone: ", flight->channel ? "" : flight->why.text);
}

static const struct keeper_handler owner = {.facts = on_facts,
                                            .ready = on_ready,
                                            .note = on_note,
                                            .path_error = on_path_error,
                                            .log = on_log,
                                            .build_output = on_build_output,
                                            .output = on_output,
                                            .output_ended = on_output_ended,
                                            .input_drained = on_input_drained,
                                            .input_closed = on_input_closed,
                                            .flight_started = on_flight_started,
                                            .exited = on_exited,
                                            .ended = on_ended,
                                            .failed = on_failed};

/* --- records, as text: "KIND KEY=VALUE ..." --- */

static const struct {
    int number;
    const char *name;
} kinds[] = {{ORDER_SESSION, "session"}, {ORDER_RUN, "run"},       {ORDER_LAUNCHED, "launched"}, {ORDER_STOP, "stop"},
             {ORDER_END, "end"},         {ORDER_SIGNAL, "signal"}, {ORDER_FLIGHT, "flight"}},
  keys[] = {
      {ORDER_LEASE, "lease"},
      {ORDER_OUTAGE_OUTPUT, "kept"},
      {ORDER_LOCAL, "local"},
      {ORDER_GO, "go"},
      {ORDER_DLV, "dlv"},
      {ORDER_GOCACHE, "gocache"},
      {ORDER_GOMODCACHE, "gomodcache"},
      {ORDER_GOENV, "goenv"},
      {ORDER_NO_DELVE, "nodelve"},
      {ORDER_EXAMINE, "examine"},
      {ORDER_ALONE, "alone"},
      {ORDER_HOW, "how"},
      {ORDER_NUMBER, "number"},
      {ORDER_PID, "pid"},
      {ORDER_WHAT, "what"},
      {ORDER_ARG, "arg"},
      {ORDER_ENV, "env"},
      {ORDER_UNSET, "unset"},
      {ORDER_CWD, "cwd"},
      {ORDER_ATTACH, "attach"},
      {ORDER_NEED, "need"},
      {ORDER_NEEDDIR, "needdir"},
      {ORDER_STREAMS, "streams"},
      {ORDER_STDIN, "stdin"},
      {ORDER_STATUS, "status"},
      {ORDER_EDITION, "edition"},
      {ORDER_REQUEST, "request"},
};

static const char *name_of_kind(enum order_kind kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].number == (int)kind)
            return kinds[i].name;
    fail_msg("an order of kind %d", (int)kind);
    return NULL;
}

static const char *name_of_key(enum order_key key)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i].number == (int)key)
            return keys[i].name;
    fail_msg("a field with key %d", (int)key);
    return NULL;
}

static struct channel *control(void)
{
    assert_true(w.channel_count > 0);
    return &w.channels[0];
}

/* What was ordered since the last call, a line for each order. */
static const char *orders(void)
{
    static char text[WORDS_MAX];
    struct buf *from = &control()->written;
    struct order o;
    struct order_field f;
    size_t n = 0;
    text[0] = '\0';
    while (from->len) {
        long used = order_read(from->data, from->len, &o);
        assert_true(used > 0);
        n += (size_t)snprintf(text + n, sizeof text - n, "%s", name_of_kind(o.kind));
        for (size_t at = 0; order_next(&o, &at, &f);)
            n += (size_t)snprintf(text + n, sizeof text - n, " %s=%s", name_of_key(f.key), f.value);
        n += (size_t)snprintf(text + n, sizeof text - n, "\n");
        assert_true(n < sizeof text);
        buf_consume(from, (size_t)used);
    }
    return text;
}

static void sent(const char *expected)
{
    assert_string_equal(orders(), expected);
}

/* Each part is in the only order since the last call; ended by NULL. */
static void sent_holds(const char *first, ...)
{
    const char *text = orders();
    va_list ap;
    va_start(ap, first);
    for (const char *part = first; part; part = va_arg(ap, const char *))
        if (!strstr(text, part))
            fail_msg("no `%s` in:\n%s", part, text);
    va_end(ap);
}

/* --- what the supervisor says --- */

static void feed(struct channel *c, const char *data, size_t len)
{
    assert_false(c->closed);
    c->handler->data(c->arg, data, len);
}

/* Appends a record; pairs of key and value, ended by 0. */
static void put_record(struct buf *out, enum order_kind kind, va_list ap)
{
    size_t begin = order_open(out, kind);
    for (int key; (key = va_arg(ap, int));)
        order_put(out, (enum order_key)key, va_arg(ap, const char *));
    order_close(out, begin);
    assert_false(out->failed);
}

static void add(struct buf *out, enum order_kind kind, ...)
{
    va_list ap;
    va_start(ap, kind);
    put_record(out, kind, ap);
    va_end(ap);
}

static void report(enum order_kind kind, ...)
{
    struct buf out;
    va_list ap;
    buf_init(&out, ORDER_RECORD_MAX);
    va_start(ap, kind);
    put_record(&out, kind, ap);
    va_end(ap);
    feed(control(), out.data, out.len);
    buf_free(&out);
}

static void report_tools(bool with_delve)
{
    static const char *const tools[][2] = {{"go", "/go"},        {"goVersion", "1.19"}, {"GOCACHE", "/c"},
                                           {"GOMODCACHE", "/m"}, {"dlv", "/dlv"},       {"dlvVersion", "1.20"}};
    for (size_t i = 0; i < (with_delve ? 6 : 4); i++)
        report(ORDER_TOOL, ORDER_NAME, tools[i][0], ORDER_TEXT, tools[i][1], 0);
}

static void report_exit(const char *number, const char *status, const char *texts, const char *outputs)
{
    report(ORDER_EXITED, ORDER_NUMBER, number, ORDER_STATUS, status, ORDER_TEXTS, texts, ORDER_OUTPUTS, outputs, 0);
}

/* A stream that the supervisor opens for a run. */
static struct channel *open_stream(enum order_stream stream, uint32_t number)
{
    struct channel *c = new_channel(NULL, NULL);
    assert_non_null(w.on_stream);
    w.on_stream(w.stream_arg, c, stream, number);
    assert_true(c->handler != NULL || c->closed);
    return c;
}

static void say(struct channel *c, const char *text)
{
    feed(c, text, strlen(text));
}

static void end_stream(struct channel *c)
{
    static const struct err none;
    assert_false(c->closed);
    if (c->handler->eof)
        c->handler->eof(c->arg);
    if (c->closed)
        return;
    c->closed = true;
    c->handler->closed(c->arg, &none, CHANNEL_CLOSED);
}

static void break_stream(struct channel *c, const char *message)
{
    struct err why;
    err_set(&why, "%s", message);
    c->closed = true;
    c->handler->closed(c->arg, &why, CHANNEL_BROKEN);
}

/* What was heard since the last call, compared. */
static void heard(const char *expected)
{
    (void)uv_run(&w.loop, UV_RUN_NOWAIT);
    assert_string_equal(w.heard.data ? w.heard.data : "", expected);
    buf_clear(&w.heard);
    if (w.heard.data)
        w.heard.data[0] = '\0';
}

/* --- a session --- */

static const struct config_target target = {
    .name = (char *)"main", .lease_seconds = 60, .outage_output = 1000, .delve_log_output = (char *)"debugger"};

static void start(const struct config_target *t, bool needs_delve)
{
    memset(&w, 0, sizeof w);
    uv_loop_init(&w.loop);
    w.machine.where = "gomachine";
    w.link.machine = &w.machine;
    buf_init(&w.heard, TEXT_MAX);
    w.keeper = keeper_start(&w.loop, &w.link, t, "ID", needs_delve, &owner, NULL);
    assert_non_null(w.keeper);
    assert_int_equal(w.channel_count, 1);
}

static void open_control(void)
{
    control()->handler->opened(control()->arg);
}

static void begin(bool needs_delve)
{
    start(&target, needs_delve);
    sent("");
    open_control();
    sent(needs_delve ? "session lease=60 kept=1000\n" : "session lease=60 kept=1000 nodelve=\n");
    report_tools(needs_delve);
    report(ORDER_READY, 0);
    heard(needs_delve ? "ready /go [/dlv] /c /m\n" : "ready /go [] /c /m\n");
}

static void end(void)
{
    keeper_free(w.keeper, w.link_lost);
    while (uv_run(&w.loop, UV_RUN_ONCE) != 0)
        continue;
    assert_int_equal(uv_loop_close(&w.loop), 0);
    for (size_t i = 0; i < w.channel_count; i++) {
        assert_true(w.link_lost || w.channels[i].closed);
        buf_free(&w.channels[i].written);
    }
    assert_true(w.link_lost || !w.on_stream);
    buf_free(&w.heard);
}

static struct delve_plan launch_plan = {
    .mode = DELVE_DEBUG, .package = (char *)".", .build_dir = (char *)"/src", .log_output = (char *)"debugger"};
static struct delve_plan attach_plan = {.mode = DELVE_ATTACH, .pid = PID, .log_output = (char *)"debugger"};

static void run(enum keeper_run_kind kind, const struct delve_plan *plan, const struct delve_overrides *overrides)
{
    const struct keeper_run r = {.kind = kind, .plan = plan, .overrides = overrides};
    assert_int_equal(keeper_run(w.keeper, &r), 0);
}

/* --- the tests --- */

static void test_runs_follow_each_other(void **state)
{
    (void)state;
    begin(true);
    run(KEEPER_DLV, &launch_plan, NULL);
    sent_holds("run number=1 what=dlv arg=debug", "--log-dest=/run/1/log", "/run/1/out", "/run/1/err", "cwd=/src\n",
               NULL);
    report(ORDER_STARTED, ORDER_NUMBER, "1", ORDER_PID, "77", 0);
    struct channel *log = open_stream(ORDER_STREAM_LOG, 1), *text = open_stream(ORDER_STREAM_TEXT, 1);
    struct channel *out = open_stream(ORDER_STREAM_OUT, 1), *err = open_stream(ORDER_STREAM_ERR, 1);
    say(log, "a\n");
    say(text, "b\nhalf");
    say(out, "c");
    say(err, "d");
    heard("log a\nbuild b\noutput 1 c\noutput 2 d\n");
    report_exit("1", "7", "2", "2");
    heard(""); /* its text has not ended */
    end_stream(log);
    say(text, " and half\nlast");
    heard("build half and half\n");
    end_stream(text);
    heard("build last\nexited 7\n");
    say(out, "late");
    end_stream(out);
    heard("output 1 late\n");

    run(KEEPER_DLV, &launch_plan, NULL);
    assert_true(err->closed); /* what the last run still held is dropped */
    sent_holds("run number=2", "--log-dest=/run/2/log", NULL);
    out = open_stream(ORDER_STREAM_OUT, 2);
    err = open_stream(ORDER_STREAM_ERR, 2);
    say(out, "f");
    end_stream(out);
    heard("output 1 f\n");
    end_stream(err);
    heard("output ended\n");
    report_exit("2", "0", "0", "2");
    heard("exited 0\n");
    end();
}

/* Nothing has to come back first: not even that there is a control stream. */
static void test_a_run_right_behind_the_session(void **state)
{
    (void)state;
    start(&target, true);
    run(KEEPER_DLV, &launch_plan, NULL);
    sent_holds("session lease=60 kept=1000\nrun number=1 what=dlv arg=debug", "cwd=/src\n", NULL);
    assert_false(keeper_is_ready(w.keeper));
    open_control();
    sent("");
    keeper_stop(w.keeper, false);
    sent("stop how=kill\n");
    report_exit("1", "143", "0", "0");
    heard("output ended\nexited 143\n");
    run(KEEPER_DLV, &launch_plan, NULL);
    sent_holds("run number=2 what=dlv", NULL);
    report_tools(true);
    report(ORDER_READY, 0);
    heard("ready /go [/dlv] /c /m\n");
    assert_true(keeper_is_ready(w.keeper));
    report_exit("2", "0", "0", "0");
    heard("output ended\nexited 0\n");
    end();
}

static void order_flight(uint32_t edition)
{
    struct buf requests;
    buf_init(&requests, TEXT_MAX);
    order_put(&requests, ORDER_REQUEST, "a");
    order_put(&requests, ORDER_REQUEST, "b");
    keeper_order_flight(w.keeper, edition, &requests);
    buf_free(&requests);
}

static void report_flight_started(const char *number, const char *edition)
{
    report(ORDER_FLIGHT_STARTED, ORDER_NUMBER, number, ORDER_EDITION, edition, ORDER_COUNT, "2", ORDER_PORT, "4711", 0);
}

/* The report of a flight and its connection come in any order; the connection may be gone by then. */
static void test_flights(void **state)
{
    (void)state;
    begin(true);
    order_flight(1); /* there is no run to tell of it */
    sent("");
    run(KEEPER_DLV, &launch_plan, NULL);
    sent_holds("run number=1", NULL);
    order_flight(1);
    sent("flight number=1 edition=1 request=a request=b\n");
    order_flight(2);
    sent("flight number=1 edition=2 request=a request=b\n");
    report_flight_started("1", "2");
    heard("");
    struct channel *dap = open_stream(ORDER_STREAM_DAP, 2);
    heard("flying 2 of 2 to 4711\n");
    assert_false(dap->paused);
    end_stream(dap);
    report_exit("1", "0", "0", "0");
    heard("output ended\nexited 0\n");

    run(KEEPER_DLV, &launch_plan, NULL);
    dap = open_stream(ORDER_STREAM_DAP, 3);
    heard("");
    assert_true(dap->paused);        /* what Delve says waits until somebody reads it */
    report_flight_started("1", "3"); /* an earlier run's */
    heard("");
    report_flight_started("2", "3");
    heard("flying 3 of 2 to 4711\n");
    assert_false(dap->paused);
    end_stream(dap);
    report_exit("2", "0", "0", "0");
    heard("output ended\nexited 0\n");

    run(KEEPER_DLV, &launch_plan, NULL);
    dap = open_stream(ORDER_STREAM_DAP, 4);
    break_stream(dap, "Connection refused");
    heard("");
    report_flight_started("3", "4");
    heard("flying 4 of 2 to 4711 gone: Connection refused\n");
    struct channel *untaken = open_stream(ORDER_STREAM_DAP, 5);
    report_exit("3", "0", "0", "0");
    heard("output ended\nexited 0\n");
    run(KEEPER_DLV, &launch_plan, NULL);
    assert_true(untaken->closed);
    report_exit("4", "0", "0", "0");
    heard("output ended\nexited 0\n");
    assert_true(open_stream(ORDER_STREAM_DAP, 6)->closed); /* no run is on */
    end();
}

/* The record and the ends of the streams come in any order. */
static void test_the_end_of_a_run(void **state)
{
    (void)state;
    begin(true);
    run(KEEPER_DLV, &launch_plan, NULL);
    struct channel *log = open_stream(ORDER_STREAM_LOG, 1), *text = open_stream(ORDER_STREAM_TEXT, 1);
    end_stream(log);
    end_stream(text);
    heard("");
    report_exit("1", "0", "2", "0"); /* no output at all: that has ended too */
    heard("output ended\nexited 0\n");

    run(KEEPER_DLV, &launch_plan, NULL);
    report_exit("2", "3", "1", "1");
    heard("");
    text = open_stream(ORDER_STREAM_TEXT, 2); /* it was on its way */
    say(text, "words\n");
    end_stream(text);
    heard("build words\nexited 3\n");
    struct channel *err = open_stream(ORDER_STREAM_ERR, 2);
    say(err, "e");
    end_stream(err);
    heard("output 2 e\noutput ended\n");

    run(KEEPER_DLV, &launch_plan, NULL);
    report_exit("3", "4", "0", "0");
    heard("output ended\nexited 4\n");

    run(KEEPER_DLV, &launch_plan, NULL);
    struct channel *out = open_stream(ORDER_STREAM_OUT, 4);
    err = open_stream(ORDER_STREAM_ERR, 4);
    end_stream(out);
    break_stream(err, "the other end closed it");
    report_exit("4", "5", "0", "2");
    heard("output ended\nexited 5\n"); /* once each */
    end();
}

static void test_a_run_without_streams(void **state)
{
    (void)state;
    begin(true);
    run(KEEPER_DLV, &attach_plan, NULL);
    sent_holds("run number=1 what=dlv arg=attach arg=4711", "attach= pid=4711", NULL);
    keeper_stop(w.keeper, false);
    sent("stop how=detach\n");
    keeper_stop(w.keeper, true);
    sent("stop how=now\n");
    keeper_launched(w.keeper);
    sent("launched\n");
    report_exit("1", "0", "0", "0");
    heard("exited 0\n");
    keeper_stop(w.keeper, false); /* nothing runs */
    keeper_launched(w.keeper);
    sent("");

    run(KEEPER_ALIVE, &attach_plan, NULL);
    sent("run number=2 what=alive pid=4711\n");
    report_exit("2", "1", "0", "0");
    heard("exited 1\n");

    run(KEEPER_DLV, &launch_plan, NULL);
    (void)orders();
    keeper_stop(w.keeper, false);
    sent("stop how=kill\n");
    end();
}

static void test_what_belongs_to_another_run(void **state)
{
    (void)state;
    begin(true);
    run(KEEPER_DLV, &attach_plan, NULL);
    report_exit("9", "3", "0", "0");
    report(ORDER_EXITED, ORDER_STATUS, "3", 0);
    heard("");
    report_exit("1", "3", "0", "0");
    heard("exited 3\n");
    report_exit("1", "3", "0", "0");
    heard("");
    struct channel *late = open_stream(ORDER_STREAM_TEXT, 1);
    say(late, "still the first run's\n");
    heard("build still the first run's\n");
    run(KEEPER_DLV, &attach_plan, NULL);
    assert_true(late->closed);
    assert_true(open_stream(ORDER_STREAM_LOG, 1)->closed);
    assert_true(open_stream(ORDER_STREAM_LOG, 3)->closed);
    assert_true(open_stream(ORDER_STREAM_INPUT, 2)->closed);
    struct channel *text = open_stream(ORDER_STREAM_TEXT, 2);
    assert_true(open_stream(ORDER_STREAM_TEXT, 2)->closed); /* a second one */
    assert_false(text->closed);
    report_exit("1", "4", "0", "0");
    say(text, "of the second\n");
    heard("build of the second\n");
    end_stream(text);
    assert_true(open_stream(ORDER_STREAM_TEXT, 2)->closed);
    report_exit("2", "5", "1", "0");
    heard("exited 5\n");
    end();
}

/* What has come of a line when its run is over is not the next one's. */
static void test_half_a_line(void **state)
{
    (void)state;
    begin(true);
    run(KEEPER_DLV, &attach_plan, NULL);
    struct channel *text = open_stream(ORDER_STREAM_TEXT, 1);
    say(text, "half");
    report_exit("1", "0", "0", "0");
    heard("exited 0\n");
    run(KEEPER_DLV, &attach_plan, NULL);
    text = open_stream(ORDER_STREAM_TEXT, 2);
    say(text, "whole\n");
    heard("build whole\n");
    end();
}

static void test_long_lines(void **state)
{
    static char line[3 * KEEPER_LINE_MAX];
    (void)state;
    memset(line, 'x', sizeof line);
    begin(true);
    run(KEEPER_DLV, &attach_plan, NULL);
    struct channel *text = open_stream(ORDER_STREAM_TEXT, 1);
    feed(text, line, 2 * KEEPER_LINE_MAX + 1000);
    heard("build 65536\nbuild 65536\n");
    say(text, "\nnext\n");
    heard("build 1000\nbuild next\n");
    feed(text, line, KEEPER_LINE_MAX);
    say(text, "\n"); /* just as long as may be: one line */
    heard("build 65536\n");
    say(text, "\n\n");
    heard("build \nbuild \n");
    for (size_t i = 0; i < KEEPER_LINE_MAX + 200; i++)
        feed(text, line, 1);
    heard("build 65536\n");
    end_stream(text);
    heard("build 200\n");
    end();
}

static void test_what_remedies_have_given(void **state)
{
    struct delve_env env[] = {{(char *)"GOWORK", (char *)"/mine"}, {(char *)"GONE", NULL}};
    struct delve_plan plan = launch_plan;
    struct delve_overrides overrides = {.launch = 3, .mod_files = true, .work_off = true, .gocache = true};
    struct keeper_run remedy = {.kind = KEEPER_REMEDY,
                                .plan = &plan,
                                .overrides = &overrides,
                                .remedy = DELVE_REMEDY_PURGE,
                                .module = "example.com/m",
                                .version = "v1.0.0"};
    (void)state;
    plan.env = env;
    plan.env_count = 2;
    begin(true);
    assert_int_equal(keeper_run(w.keeper, &remedy), 0);
    sent("run number=1 what=remedy arg=purge arg=/run/mended-3 arg=shadow arg=example.com/m arg=v1.0.0 arg=. "
         "env=GOWORK=/mine unset=GONE env=GOWORK=off gocache=/run/mended-3/gocache cwd=/src\n");
    report_exit("1", "3", "0", "0");
    heard("exited 3\n");

    remedy.remedy = DELVE_REMEDY_TIDY;
    remedy.edits = true;
    remedy.module = remedy.version = "";
    overrides = (struct delve_overrides){.launch = 4, .work = true};
    assert_int_equal(keeper_run(w.keeper, &remedy), 0);
    sent("run number=2 what=remedy arg=tidy arg=/run/mended-4 arg=edit arg= arg= arg=. env=GOWORK=/mine unset=GONE "
         "env=GOWORK=/run/mended-4/go.work cwd=/src\n");
    report_exit("2", "0", "0", "0");
    heard("exited 0\n");

    /* What it tries is what Delve will build. */
    char *flags[] = {(char *)"--check-go-version=false", (char *)"--build-flags=-tags 'a b' -mod=mod"};
    plan.flags = (struct delve_strings){.list = flags, .count = 2};
    plan.mode = DELVE_TEST;
    assert_int_equal(keeper_run(w.keeper, &remedy), 0);
    sent("run number=3 what=remedy arg=tidy arg=/run/mended-4 arg=edit arg= arg= arg=. arg=test arg=-tags arg=a b "
         "arg=-mod=mod env=GOWORK=/mine unset=GONE env=GOWORK=/run/mended-4/go.work cwd=/src\n");
    report_exit("3", "0", "0", "0");
    heard("exited 0\n");
    plan.flags = launch_plan.flags;
    plan.mode = launch_plan.mode;

    overrides = (struct delve_overrides){.launch = 5, .mod_files = true, .mod_mod = true};
    run(KEEPER_DLV, &plan, &overrides);
    sent_holds("-modfile=/run/mended-5/go.mod", "-mod=mod", NULL);
    end();
}

static void test_commands(void **state)
{
    char *list[] = {(char *)"go", (char *)"two words", (char *)""};
    const struct delve_strings argv = {.list = list, .count = 3};
    struct keeper_run r = {.kind = KEEPER_COMMAND, .plan = &launch_plan, .command = &argv};
    (void)state;
    begin(false);
    assert_int_equal(keeper_run(w.keeper, &r), 0);
    sent("run number=1 what=command arg=go arg=two words arg= cwd=/src\n");
    report_exit("1", "0", "0", "0");
    heard("exited 0\n");
    r.streams = true;
    assert_int_equal(keeper_run(w.keeper, &r), 0);
    sent("run number=2 what=command arg=go arg=two words arg= streams= cwd=/src\n");
    struct channel *err = open_stream(ORDER_STREAM_ERR, 2);
    say(err, "words");
    heard("output 2 words\n");
    break_stream(err, "Input/output error");
    heard("failed the command's output from gomachine was lost: Input/output error; it ends when its lease of 60 s "
          "expires\n");
    end();
}

static void test_input(void **state)
{
    char *list[] = {(char *)"cat"};
    const struct delve_strings argv = {.list = list, .count = 1};
    const struct keeper_run r = {.kind = KEEPER_COMMAND, .plan = &launch_plan, .command = &argv, .input = true};
    (void)state;
    begin(false);
    assert_int_equal(keeper_run(w.keeper, &r), 0);
    sent("run number=1 what=command arg=cat stdin= cwd=/src\n");
    struct channel *in = &w.channels[w.channel_count - 1];
    assert_int_equal(w.input_run, 1);
    assert_false(keeper_input(w.keeper, "ab", 2));
    w.is_full = true;
    assert_true(keeper_input(w.keeper, "c", 1));
    assert_int_equal(in->written.len, 3);
    assert_memory_equal(in->written.data, "abc", 3);
    in->handler->drained(in->arg);
    heard("input drained\n");
    keeper_input_end(w.keeper);
    assert_true(in->shut);
    keeper_signal(w.keeper, SIGINT);
    sent("signal status=2\n");
    report_exit("1", "0", "0", "0");
    heard("exited 0\n");
    assert_true(in->closed);
    keeper_signal(w.keeper, SIGINT); /* nobody is there for it */
    sent("");
    assert_false(keeper_input(w.keeper, "d", 1));

    /* Nobody reads it any more. */
    assert_int_equal(keeper_run(w.keeper, &r), 0);
    in = &w.channels[w.channel_count - 1];
    assert_int_equal(w.input_run, 2);
    break_stream(in, "");
    heard("input closed\n");
    assert_false(keeper_input(w.keeper, "e", 1));
    keeper_input_end(w.keeper);
    report_exit("2", "0", "0", "0");
    heard("exited 0\n");
    end();
}

static void test_a_pause_holds_for_the_next_run(void **state)
{
    (void)state;
    begin(true);
    keeper_pause_output(w.keeper, true);
    run(KEEPER_DLV, &launch_plan, NULL);
    (void)orders();
    struct channel *text = open_stream(ORDER_STREAM_TEXT, 1), *out = open_stream(ORDER_STREAM_OUT, 1);
    assert_false(text->paused);
    assert_true(out->paused);
    keeper_pause_output(w.keeper, false);
    assert_false(out->paused);
    keeper_pause_output(w.keeper, true);
    assert_true(out->paused);
    keeper_pause_text(w.keeper, true);
    assert_true(text->paused);
    assert_false(open_stream(ORDER_STREAM_LOG, 1)->paused);
    keeper_end(w.keeper);
    assert_false(out->paused);
    assert_false(text->paused);
    sent("end how=kill\n");
    end();
}

static void test_pins(void **state)
{
    struct config_env env[] = {{(char *)"GOFLAGS", (char *)"-mod=mod"}, {(char *)"GOPROXY", (char *)""}};
    struct config_target t = target;
    (void)state;
    t.gocache = (char *)"/gc";
    t.gomodcache = (char *)"/gm";
    t.go_path = (char *)"/my/go";
    t.delve_path = (char *)"/my/dlv";
    t.go_env = env;
    t.go_env_count = 2;
    start(&t, true);
    w.machine.is_local = true;
    assert_int_equal(keeper_examine(w.keeper, "/src/m", true), 0);
    open_control();
    sent("session lease=60 kept=1000 local= gocache=/gc gomodcache=/gm go=/my/go dlv=/my/dlv examine=/src/m alone= "
         "goenv=GOFLAGS=-mod=mod goenv=GOPROXY=\n");
    report(ORDER_TOOL, ORDER_NAME, "go", ORDER_TEXT, "/my/go", 0);
    report(ORDER_FACT, ORDER_NAME, "gone", ORDER_TEXT, "yes", 0);
    heard("");
    report(ORDER_ENDED, 0);
    heard(""); /* not before the stream's own end */
    end_stream(control());
    heard("facts /my/go\nended\n");
    end();
}

static void test_facts_come_first(void **state)
{
    (void)state;
    start(&target, true);
    assert_int_equal(keeper_examine(w.keeper, NULL, false), 0);
    open_control();
    sent("session lease=60 kept=1000 examine=\n");
    report_tools(true);
    report(ORDER_READY, 0);
    heard("facts /go\nready /go [/dlv] /c /m\n");
    report(ORDER_READY, 0); /* once */
    heard("");
    end();

    start(&target, true);
    assert_int_equal(keeper_examine(w.keeper, NULL, false), 0);
    open_control();
    report(ORDER_TOOL, ORDER_NAME, "go", ORDER_TEXT, "/go", 0);
    report(ORDER_ERROR, ORDER_NAME, "nodlv", ORDER_TEXT, "there is no dlv", 0);
    heard("facts /go\nfailed there is no dlv (on gomachine)\n");
    end();
}

static void test_failures(void **state)
{
    (void)state;
    start(&target, true);
    open_control();
    report(ORDER_NOTE, ORDER_TEXT, "a lock", 0);
    report(ORDER_ERROR, ORDER_NAME, "disk", 0); /* a kind alone is better than nothing */
    report(ORDER_READY, 0);                     /* nothing comes of it */
    heard("note a lock\nfailed disk (on gomachine)\n");
    end();

    start(&target, true);
    open_control();
    report_tools(false);
    report(ORDER_READY, 0);
    heard("failed the supervisor on gomachine did not report every tool\n");
    end();

    begin(true);
    run(KEEPER_DLV, &attach_plan, NULL);
    report(ORDER_ERROR, ORDER_NAME, "start", ORDER_TEXT, "words", 0);
    heard("note words (on gomachine)\n");
    report(ORDER_PATH_ERROR, ORDER_NAME, "missing", ORDER_TEXT, "/w/a", 0);
    report(ORDER_PATH_ERROR, ORDER_NAME, "unheard-of", ORDER_TEXT, "/w/a", 0);
    heard("path_error 1 /w/a\n");
    report_exit("1", "127", "0", "0");
    heard("exited 127\n");
    end_stream(control());
    heard("failed the supervisor on gomachine ended unexpectedly\n");
    end();

    begin(true);
    break_stream(control(), "Connection reset by peer");
    heard("failed the supervisor on gomachine ended unexpectedly: Connection reset by peer\n");
    end();
}

static void test_records_of_any_kind(void **state)
{
    struct buf out;
    (void)state;
    start(&target, true);
    open_control();
    buf_init(&out, ORDER_RECORD_MAX);
    add(&out, (enum order_kind)99, ORDER_TEXT, "of a later version", 0);
    add(&out, ORDER_NOTE, 99, "of a later version", ORDER_TEXT, "one", 0);
    add(&out, ORDER_NOTE, ORDER_TEXT, "two", 0);
    for (size_t i = 0; i < out.len; i++) /* a byte at a time */
        feed(control(), out.data + i, 1);
    feed(control(), out.data, out.len); /* all at once */
    heard("note one\nnote two\nnote one\nnote two\n");
    buf_free(&out);
    feed(control(), "\xff\xff\xff\xff\0\0\0\1", ORDER_HEADER);
    heard("failed the supervisor on gomachine sent an invalid report\n");
    report(ORDER_NOTE, ORDER_TEXT, "three", 0);
    heard("");
    end();
}

static void test_it_does_not_get_ready(void **state)
{
    (void)state;
    start(&target, true);
    open_control();
    skipped_seconds += 59;
    heard("");
    w.is_down = true;
    skipped_seconds += 2;
    heard(""); /* nothing could come */
    w.is_down = false;
    skipped_seconds += 61;
    heard("failed the supervisor on gomachine was not ready within 60 s; check that machine for a hanging login shell "
          "or file system\n");
    report(ORDER_NOTE, ORDER_TEXT, "late", 0);
    heard("");
    end();

    begin(true);
    skipped_seconds += 61; /* a run may take as long as it likes */
    heard("");
    end();
}

static void test_ends(void **state)
{
    (void)state;
    begin(true);
    run(KEEPER_DLV, &attach_plan, NULL);
    (void)orders();
    keeper_end(w.keeper);
    sent("end how=detach\n");
    report(ORDER_ENDED, 0);
    end_stream(control());
    heard("ended\n");
    end();

    begin(true);
    keeper_end(w.keeper);
    sent("end how=kill\n");
    report(ORDER_ENDED, 0);
    break_stream(control(), "Connection reset by peer"); /* all was said before */
    heard("ended\n");
    end();
}

static void test_ended_before_it_began(void **state)
{
    (void)state;
    start(&target, true);
    sent("");
    keeper_end(w.keeper);
    sent("session lease=60 kept=1000\nend how=kill\n");
    open_control();
    sent("");
    report(ORDER_ENDED, 0);
    end_stream(control());
    heard("ended\n");
    end();

    start(&target, true);
    open_control();
    (void)orders();
    w.ends_in_ready = true;
    report_tools(true);
    report(ORDER_READY, 0);
    sent("end how=kill\n");
    heard("ready /go [/dlv] /c /m\n");
    end();
}

static void test_a_link_that_is_lost(void **state)
{
    (void)state;
    begin(true);
    run(KEEPER_DLV, &launch_plan, NULL);
    (void)open_stream(ORDER_STREAM_LOG, 1);
    (void)open_stream(ORDER_STREAM_OUT, 1);
    w.link_lost = true;
    heard("");
    end();
}

/* The owner frees the keeper in one handler, in the middle of what it reads; nothing is heard afterwards. */
static void frees_in(enum handler which, const char *expected)
{
    struct buf all;
    start(&target, true);
    assert_int_equal(keeper_examine(w.keeper, NULL, false), 0);
    open_control();
    w.frees = which;
    buf_init(&all, ORDER_RECORD_MAX);
    static const char *const names[] = {"go", "goVersion", "GOCACHE", "GOMODCACHE", "dlv", "dlvVersion"};
    for (size_t i = 0; i < 6; i++)
        add(&all, ORDER_TOOL, ORDER_NAME, names[i], ORDER_TEXT, "/x", 0);
    add(&all, ORDER_READY, 0);
    add(&all, ORDER_NOTE, ORDER_TEXT, "n", 0);
    feed(control(), all.data, all.len);
    buf_clear(&all);
    if (w.keeper) {
        run(KEEPER_DLV, &launch_plan, NULL);
        struct channel *log = open_stream(ORDER_STREAM_LOG, 1);
        say(log, "l\nl\n");
        struct channel *text = w.keeper ? open_stream(ORDER_STREAM_TEXT, 1) : NULL;
        if (text)
            say(text, "t\nt\nhalf");
        struct channel *out = w.keeper ? open_stream(ORDER_STREAM_OUT, 1) : NULL;
        if (out)
            say(out, "o");
        if (w.keeper)
            end_stream(text);
    }
    if (w.keeper) {
        add(&all, ORDER_PATH_ERROR, ORDER_NAME, "missing", ORDER_TEXT, "/m", 0);
        add(&all, ORDER_EXITED, ORDER_NUMBER, "1", ORDER_STATUS, "2", ORDER_TEXTS, "1", ORDER_OUTPUTS, "0", 0);
        add(&all, ORDER_NOTE, ORDER_TEXT, "last", 0);
        if (which == ENDED)
            add(&all, ORDER_ENDED, 0);
        feed(control(), all.data, all.len);
    }
    if (w.keeper)
        end_stream(control());
    buf_free(&all);
    assert_null(w.keeper);
    heard(expected);
    end();
}

static void test_freed_in_a_handler(void **state)
{
#define F "facts /x\n"
#define R F "ready /x [/x] /x /x\n"
#define L R "note n\nlog l\nlog l\n"
#define B L "build t\nbuild t\n"
#define X B "output 1 o\nbuild half\npath_error 1 /m\noutput ended\nexited 2\n"
    (void)state;
    frees_in(FACTS, F);
    frees_in(READY, R);
    frees_in(NOTE, R "note n\n");
    frees_in(LOG, R "note n\nlog l\n");
    frees_in(BUILD, L "build t\n");
    frees_in(OUTPUT, B "output 1 o\n");
    frees_in(PATH_ERROR, B "output 1 o\nbuild half\npath_error 1 /m\n");
    frees_in(OUTPUT_ENDED, B "output 1 o\nbuild half\npath_error 1 /m\noutput ended\n");
    frees_in(EXITED, X);
    frees_in(ENDED, X "note last\nended\n");
    frees_in(FAILED, X "note last\nfailed the supervisor on gomachine ended unexpectedly\n");
}

/* What is too much to be ordered is a failure, in whatever call. */
static void test_freed_while_it_orders(void **state)
{
    static char much[ORDER_RECORD_MAX + 1];
    struct config_env env = {(char *)"GOFLAGS", much};
    struct config_target t = target;
    (void)state;
    memset(much, 'x', sizeof much - 1);
    t.go_env = &env;
    t.go_env_count = 1;
    start(&t, true);
    w.frees = FAILED;
    keeper_end(w.keeper);
    heard("failed out of memory while communicating with the supervisor on gomachine\n");
    assert_null(w.keeper);
    end();

    start(&t, true);
    w.frees = FAILED;
    open_control();
    heard("failed out of memory while communicating with the supervisor on gomachine\n");
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_follow_each_other),
        cmocka_unit_test(test_a_run_right_behind_the_session),
        cmocka_unit_test(test_flights),
        cmocka_unit_test(test_the_end_of_a_run),
        cmocka_unit_test(test_a_run_without_streams),
        cmocka_unit_test(test_what_belongs_to_another_run),
        cmocka_unit_test(test_half_a_line),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_what_remedies_have_given),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_input),
        cmocka_unit_test(test_a_pause_holds_for_the_next_run),
        cmocka_unit_test(test_pins),
        cmocka_unit_test(test_facts_come_first),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_records_of_any_kind),
        cmocka_unit_test(test_it_does_not_get_ready),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_ended_before_it_began),
        cmocka_unit_test(test_a_link_that_is_lost),
        cmocka_unit_test(test_freed_in_a_handler),
        cmocka_unit_test(test_freed_while_it_orders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
