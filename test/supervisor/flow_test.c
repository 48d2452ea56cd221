/* Bytes between descriptors and streams: complete and in order, held back by who does not read, kept without a link. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "test/supervisor/served.h"

enum { MEBIBYTE = 1024 * 1024, PIPE = 64 * 1024, CHUNK = 64 * 1024, RUN = 3, SESSION = 9 };

/* --- A source: a process that writes bytes whose values follow from their places --- */

static unsigned char byte_at(size_t at)
{
    return (unsigned char)(at * 31 + (at >> 8) * 7 + (at >> 16));
}

/* Returns the end to read from. The process ends with its bytes, or when nobody reads. */
static int start_source(size_t n, pid_t *pid)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0 || (*pid = fork()) < 0)
        abort();
    if (*pid) {
        (void)close(ends[1]);
        return ends[0];
    }
    loop_in_child();
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)close(ends[0]);
    static unsigned char bytes[CHUNK];
    for (size_t at = 0; at < n;) {
        size_t part = n - at < sizeof bytes ? n - at : sizeof bytes;
        for (size_t i = 0; i < part; i++)
            bytes[i] = byte_at(at + i);
        ssize_t done = write(ends[1], bytes, part);
        if (done < 0)
            _exit(EXIT_FAILURE);
        at += (size_t)done;
    }
    _exit(EXIT_SUCCESS);
}

static void check_bytes(const struct driver_stream *s, size_t n)
{
    assert_int_equal(s->in.len, n);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s->in.data[i] != byte_at(i))
            fail_msg("byte %zu is another", i);
}

/* --- Outflows --- */

static struct outflow *flow;
static struct child source;
static size_t source_size = 20 * (size_t)MEBIBYTE;
static long spill_max = FLOW_FILE_MAX_DEFAULT;
static char spill[] = "/tmp/dg-flow.XXXXXX";

static void on_over(void *arg)
{
    (void)arg;
    bool is_cut = outflow_is_cut(flow);
    served_say(is_cut ? 'c' : 'o');
    if (is_cut) {
        outflow_mute(flow);
        return;
    }
    outflow_free(flow);
    flow = NULL;
}

static void on_waited(void *arg)
{
    (void)arg;
    served_say('w');
}

static void on_source_ended(void *arg, int status)
{
    (void)arg;
    served_say(status == 0 ? 's' : 'f');
}

static struct outflow_order order_for(int fd)
{
    return (struct outflow_order){.fd = fd,
                                  .stream = ORDER_STREAM_OUT,
                                  .class = TUNNEL_BULK,
                                  .number = RUN,
                                  .session = SESSION,
                                  .spill = spill,
                                  .spill_max = spill_max,
                                  .over = on_over,
                                  .waited = on_waited};
}

static void begin_source(void)
{
    source = (struct child){.ended = on_source_ended};
    struct outflow_order order = order_for(start_source(source_size, &source.pid));
    loop_child(&source);
    flow = outflow_new(&order);
    if (!flow)
        abort();
}

static struct driver_stream *out_of(struct served *s)
{
    return driver_stream(s->d, ORDER_STREAM_OUT, RUN, SESSION);
}

static void all_bytes_come(void **state)
{
    static const struct served_work work = {.begin = begin_source};
    struct served s;
    (void)state;
    served_start(&s, &work);
    served_link(&s);
    driver_wait_end(out_of(&s));
    check_bytes(out_of(&s), source_size);
    served_finish(&s);
}

static void a_reader_that_waits_holds_the_source_back(void **state)
{
    static const struct served_work work = {.up = NULL, .begin = begin_source};
    struct served s;
    (void)state;
    served_start(&s, &work);
    served_link(&s);
    struct driver_stream *out = out_of(&s);
    driver_wait_bytes(out, 2 * (size_t)MEBIBYTE);
    out->waits = true;
    /* All that can be on its way comes; the source has not ended then. */
    size_t before = 0;
    struct tunnel_stats stats;
    do {
        before = out->total;
        driver_pump(s.d, 300);
        tunnel_stats(s.d->tunnel, &stats);
    } while (out->total != before);
    assert_true(stats.unread <= TUNNEL_WINDOW);
    assert_false(served_has_said(&s.reports));
    out->waits = false;
    driver_wait_end(out);
    check_bytes(out, source_size);
    served_finish(&s);
}

/* Memory, file, and then the source waits; afterwards that is said, and nothing is missing. */
static size_t kept;
static bool is_down;

static void count_kept(void *arg, const char *bytes, size_t n)
{
    (void)arg;
    (void)bytes;
    if (!is_down)
        return;
    kept += n;
    if (kept == FLOW_MEMORY_MAX + (size_t)spill_max)
        served_say('k');
    if (kept > FLOW_MEMORY_MAX + (size_t)spill_max)
        abort();
}

static void begin_counted(void)
{
    source = (struct child){.ended = on_source_ended};
    struct outflow_order order = order_for(start_source(source_size, &source.pid));
    order.passed = count_kept;
    loop_child(&source);
    flow = outflow_new(&order);
    if (!flow)
        abort();
}

static void begin_to_count(void)
{
    is_down = true;
    kept = 0;
}

static void end_counting(bool is_new)
{
    (void)is_new;
    is_down = false;
}

static void an_outage_keeps_what_it_may(void **state)
{
    static const struct served_work work = {.begin = begin_counted, .up = end_counting, .down = begin_to_count};
    struct served s;
    (void)state;
    spill_max = 3L * MEBIBYTE;
    served_start(&s, &work);
    served_link(&s);
    driver_wait_bytes(out_of(&s), MEBIBYTE);
    driver_cut(s.d);
    served_hear(&s, 'k');
    served_link(&s);
    served_hear(&s, 'w');
    driver_wait_end(out_of(&s));
    check_bytes(out_of(&s), source_size);
    served_finish(&s);
    spill_max = FLOW_FILE_MAX_DEFAULT;
}

/* Cut again and again, also while what was kept goes out. */
static void many_outages(void **state)
{
    static const struct served_work work = {.begin = begin_source};
    struct served s;
    (void)state;
    served_start(&s, &work);
    for (int i = 0; i < SERVED_LINKS; i++) {
        if (i)
            driver_cut(s.d);
        served_link(&s);
        driver_wait_bytes(out_of(&s), out_of(&s)->total + MEBIBYTE);
    }
    driver_wait_end(out_of(&s));
    check_bytes(out_of(&s), source_size);
    served_finish(&s);
}

/* Without a link from the beginning: the source ends, nothing waits. */
static void what_fits_does_not_wait(void **state)
{
    static const struct served_work work = {.begin = begin_source};
    struct served s;
    (void)state;
    served_start(&s, &work);
    served_hear(&s, 's');
    served_link(&s);
    served_hear(&s, 'o');
    driver_wait_end(out_of(&s));
    check_bytes(out_of(&s), source_size);
    served_finish(&s);
}

static void who_reads_no_more_does_not_hold_the_source(void **state)
{
    static const struct served_work work = {.begin = begin_source};
    struct served s;
    (void)state;
    served_start(&s, &work);
    served_link(&s);
    struct driver_stream *out = out_of(&s);
    driver_wait_bytes(out, MEBIBYTE);
    tunnel_stop(s.d->tunnel, out->id);
    served_hear(&s, 'c');
    served_hear_both(&s, 's', 'o');
    served_finish(&s);
}

/* A pipe that somebody holds, with bytes in it. */
static int held = -1;

static void begin_held(void)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0 || write(ends[1], "what is there", 13) != 13)
        abort();
    held = ends[1];
    struct outflow_order order = order_for(ends[0]);
    flow = outflow_new(&order);
    if (!flow)
        abort();
}

static void finish_held(bool is_new)
{
    (void)is_new;
    if (!flow)
        return;
    outflow_finish(flow);
    /* Too late. */
    if (write(held, "and more", 8) != 8)
        abort();
}

static void finishing_takes_what_is_there(void **state)
{
    static const struct served_work work = {.begin = begin_held, .up = finish_held};
    struct served s;
    (void)state;
    served_start(&s, &work);
    served_link(&s);
    served_hear(&s, 'o');
    driver_wait_end(out_of(&s));
    assert_string_equal(out_of(&s)->in.data, "what is there");
    served_finish(&s);
}

static void begin_finished(void)
{
    begin_held();
    finish_held(true);
}

static void finishing_without_a_link(void **state)
{
    static const struct served_work work = {.begin = begin_finished};
    struct served s;
    (void)state;
    served_start(&s, &work);
    served_link(&s);
    served_hear(&s, 'o');
    driver_wait_end(out_of(&s));
    assert_string_equal(out_of(&s)->in.data, "what is there");
    served_finish(&s);
}

/* --- Inflows --- */

static struct inflow *inflow;
static int target = -1;

static void on_inflow_over(void *arg)
{
    (void)arg;
    served_say('i');
    inflow_free(inflow);
    inflow = NULL;
}

static void begin_target(void)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        abort();
    target = ends[1];
    /* What comes out goes back as an outflow. */
    struct outflow_order order = order_for(ends[0]);
    flow = outflow_new(&order);
    if (!flow)
        abort();
}

static struct stream *open_inflow(enum order_stream stream, uint32_t number, uint32_t session)
{
    struct stream *s = NULL;
    if (stream != ORDER_STREAM_INPUT || number != RUN || session != SESSION)
        return NULL;
    inflow = inflow_new(target, &s, on_inflow_over, NULL);
    return s;
}

static void what_is_sent_comes_back(void **state)
{
    static const struct served_work work = {.begin = begin_target, .opened = open_inflow};
    struct served s;
    size_t n = 5 * (size_t)MEBIBYTE;
    (void)state;
    served_start(&s, &work);
    served_link(&s);
    struct driver_stream *in = driver_open(s.d, TUNNEL_BULK, ORDER_STREAM_INPUT, RUN, SESSION);
    for (size_t i = 0; i < n; i++) {
        char c = (char)byte_at(i);
        buf_append(&in->out, &c, 1);
        assert_false(in->out.failed);
    }
    tunnel_ready(s.d->tunnel, in->id);
    driver_end(in);
    driver_wait_bytes(out_of(&s), MEBIBYTE);
    driver_cut(s.d);
    served_link(&s);
    served_hear(&s, 'i');
    served_hear(&s, 'o');
    driver_wait_end(out_of(&s));
    check_bytes(out_of(&s), n);
    served_finish(&s);
}

static bool was_stopped(void *arg)
{
    const struct driver_stream *s = arg;
    return s->stopped;
}

static void begin_broken_target(void)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        abort();
    (void)close(ends[0]);
    target = ends[1];
}

static void who_takes_no_more_stops_the_stream(void **state)
{
    static const struct served_work work = {.begin = begin_broken_target, .opened = open_inflow};
    struct served s;
    (void)state;
    served_start(&s, &work);
    served_link(&s);
    struct driver_stream *in = driver_open(s.d, TUNNEL_BULK, ORDER_STREAM_INPUT, RUN, SESSION);
    driver_write(in, "x", 1);
    served_hear(&s, 'i');
    driver_wait(s.d, was_stopped, in, "the stream's stop");
    served_finish(&s);
}

/* --- Connections --- */

static struct stream *open_connection(enum order_stream stream, uint32_t number, uint32_t session)
{
    return stream == ORDER_STREAM_CONNECT ? connect_open(number, session) : NULL;
}

static int listen_on(int family, uint32_t *port)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct sockaddr *address = family == AF_INET ? (struct sockaddr *)&four : (struct sockaddr *)&six;
    socklen_t size = family == AF_INET ? sizeof four : sizeof six;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, address, size) < 0 || listen(fd, 4) < 0)
        return -1;
    size = sizeof six;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&six, &size), 0);
    /* The port is in the same place in both. */
    *port = ntohs(six.sin6_port);
    return fd;
}

static const struct served_work connections = {.opened = open_connection};

static void check_echo(int family)
{
    struct served s;
    uint32_t port;
    char text[64] = "";
    int listener = listen_on(family, &port);
    if (listener < 0 && family == AF_INET6)
        skip();
    assert_true(listener >= 0);
    served_start(&s, &connections);
    served_link(&s);
    struct driver_stream *c = driver_open(s.d, TUNNEL_DAP, ORDER_STREAM_CONNECT, port, SESSION);
    /* Said before it is connected. */
    driver_write(c, "question", 8);
    for (int i = 0; i < 10; i++)
        driver_pump(s.d, 10);
    int fd = accept(listener, NULL, NULL);
    assert_true(fd >= 0);
    driver_end(c);
    for (int i = 0; i < 10; i++)
        driver_pump(s.d, 10);
    assert_int_equal(recv(fd, text, 8, MSG_WAITALL), 8);
    assert_string_equal(text, "question");
    assert_int_equal(recv(fd, text, 1, 0), 0);
    /* One way has ended, the other goes on. */
    assert_int_equal(send(fd, "answer", 6, 0), 6);
    driver_wait_bytes(c, 6);
    driver_cut(s.d);
    assert_int_equal(send(fd, "+more", 5, 0), 5);
    (void)close(fd);
    served_link(&s);
    driver_wait_end(c);
    assert_string_equal(c->in.data, "answer+more");
    (void)close(listener);
    served_finish(&s);
}

static void a_connection_goes_both_ways(void **state)
{
    (void)state;
    check_echo(AF_INET);
}

static void a_connection_to_ipv6_alone(void **state)
{
    (void)state;
    check_echo(AF_INET6);
}

static bool was_reset(void *arg)
{
    const struct driver_stream *s = arg;
    return s->was_reset;
}

static void a_port_where_nobody_listens(void **state)
{
    struct served s;
    uint32_t port;
    int listener = listen_on(AF_INET, &port);
    (void)state;
    (void)close(listener);
    served_start(&s, &connections);
    served_link(&s);
    struct driver_stream *c = driver_open(s.d, TUNNEL_DAP, ORDER_STREAM_CONNECT, port, SESSION);
    driver_write(c, "question", 8);
    driver_wait(s.d, was_reset, c, "a reset");
    assert_int_equal(c->code, ORDER_UNREACHED | ECONNREFUSED);
    c = driver_open(s.d, TUNNEL_DAP, ORDER_STREAM_CONNECT, 0, SESSION);
    driver_wait(s.d, was_reset, c, "a reset");
    served_finish(&s);
}

static struct stream *open_or_close(enum order_stream stream, uint32_t number, uint32_t session)
{
    if (stream == ORDER_STREAM_CONNECT)
        return connect_open(number, session);
    connect_close_all(session);
    return NULL;
}

static void all_of_a_session_are_closed(void **state)
{
    static const struct served_work work = {.opened = open_or_close};
    struct served s;
    uint32_t port;
    char c;
    int fd[2];
    int listener = listen_on(AF_INET, &port);
    (void)state;
    served_start(&s, &work);
    served_link(&s);
    struct driver_stream *mine = driver_open(s.d, TUNNEL_DAP, ORDER_STREAM_CONNECT, port, SESSION);
    driver_write(mine, "m", 1);
    driver_pump(s.d, 10);
    fd[0] = accept(listener, NULL, NULL);
    struct driver_stream *other = driver_open(s.d, TUNNEL_DAP, ORDER_STREAM_CONNECT, port, SESSION + 1);
    driver_write(other, "o", 1);
    driver_pump(s.d, 10);
    fd[1] = accept(listener, NULL, NULL);
    assert_int_equal(recv(fd[0], &c, 1, 0), 1);
    assert_int_equal(c, 'm');
    (void)driver_open(s.d, TUNNEL_DAP, ORDER_STREAM_INPUT, 1, SESSION);
    driver_wait_end(mine);
    assert_int_equal(recv(fd[0], &c, 1, 0), 0);
    assert_int_equal(send(fd[1], "still", 5, 0), 5);
    driver_wait_bytes(other, 5);
    (void)close(fd[0]);
    (void)close(fd[1]);
    (void)close(listener);
    served_finish(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_bytes_come),
        cmocka_unit_test(a_reader_that_waits_holds_the_source_back),
        cmocka_unit_test(an_outage_keeps_what_it_may),
        cmocka_unit_test(many_outages),
        cmocka_unit_test(what_fits_does_not_wait),
        cmocka_unit_test(who_reads_no_more_does_not_hold_the_source),
        cmocka_unit_test(finishing_takes_what_is_there),
        cmocka_unit_test(finishing_without_a_link),
        cmocka_unit_test(what_is_sent_comes_back),
        cmocka_unit_test(who_takes_no_more_stops_the_stream),
        cmocka_unit_test(a_connection_goes_both_ways),
        cmocka_unit_test(a_connection_to_ipv6_alone),
        cmocka_unit_test(a_port_where_nobody_listens),
        cmocka_unit_test(all_of_a_session_are_closed),
    };
    int fd = mkstemp(spill);
    if (fd < 0)
        return EXIT_FAILURE;
    (void)close(fd);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)unlink(spill);
    return failed;
}
