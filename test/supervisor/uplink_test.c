/* Which connection carries the tunnel, and whose it is: hellos that are late, of another delvegate, or none. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "test/supervisor/served.h"

enum { NUMBER = 5 };

/* Says what comes on INPUT. 'c': its stream is closed. */
static struct stream echo;

static void on_readable(struct stream *s)
{
    const void *bytes;
    size_t n;
    while ((n = stream_peek(s, &bytes)) > 0) {
        served_say(*(const char *)bytes);
        stream_consume(s, 1);
    }
}

static void on_closed(struct stream *s)
{
    if (s->number)
        abort();
    served_say('c');
}

static struct stream *open_echo(enum order_stream stream, uint32_t number, uint32_t session)
{
    static const struct stream_ops ops = {.readable = on_readable, .closed = on_closed};
    (void)session;
    if (stream != ORDER_STREAM_INPUT || number != NUMBER)
        return NULL;
    echo = (struct stream){.ops = &ops};
    return &echo;
}

static void say_up(bool is_new)
{
    served_say(is_new ? 'N' : 'U');
}

static void say_down(void)
{
    served_say('D');
}

static const struct served_work work = {.up = say_up, .down = say_down, .opened = open_echo};

static int take_end(struct served *s)
{
    for (size_t i = 0; i < SERVED_LINKS; i++)
        if (s->ends[i] >= 0) {
            int fd = s->ends[i];
            s->ends[i] = -1;
            return fd;
        }
    fail();
    return -1;
}

static void a_link_goes_and_another_comes(void **state)
{
    struct served s;
    (void)state;
    served_start(&s, &work);
    served_link(&s);
    served_hear(&s, 'N');
    struct driver_stream *in = driver_open(s.d, TUNNEL_BULK, ORDER_STREAM_INPUT, NUMBER, 1);
    driver_write(in, "1", 1);
    served_hear(&s, '1');
    driver_cut(s.d);
    served_hear(&s, 'D');
    driver_write(in, "2", 1);
    served_link(&s);
    served_hear(&s, 'U');
    served_hear(&s, '2');
    served_finish(&s);
}

/* The newer hello takes over while the older link is still there, which is closed. */
static void a_newer_link_replaces_the_older(void **state)
{
    struct served s;
    char c;
    (void)state;
    served_start(&s, &work);
    served_link(&s);
    served_hear(&s, 'N');
    int older = dup(s.d->in);
    served_link(&s);
    served_hear(&s, 'U');
    ssize_t n;
    do
        n = read(older, &c, 1);
    while (n == 1 || (n < 0 && errno == EAGAIN));
    assert_int_equal(n, 0);
    (void)close(older);
    served_finish(&s);
}

static bool is_lost(void *arg)
{
    const struct driver *d = arg;
    return tunnel_state(d->tunnel) == TUNNEL_LOST;
}

static void another_delvegate_takes_over_for_good(void **state)
{
    struct served s;
    (void)state;
    served_start(&s, &work);
    served_link(&s);
    served_hear(&s, 'N');
    struct driver_stream *in = driver_open(s.d, TUNNEL_BULK, ORDER_STREAM_INPUT, NUMBER, 1);
    driver_write(in, "1", 1);
    served_hear(&s, '1');
    struct driver *before = s.d;
    s.d = driver_new();
    served_link(&s);
    served_hear(&s, 'D');
    served_hear(&s, 'c');
    served_hear(&s, 'N');
    /* The one before is refused, and hears why. */
    int fd = take_end(&s);
    driver_link(before, fd, fd);
    driver_free(s.d);
    s.d = before;
    driver_wait(before, is_lost, before, "the refusal");
    served_finish(&s);
}

/* A hello that was on its way when its sender was replaced: it begins a tunnel, and must not. */
static void a_late_first_hello_is_not_taken(void **state)
{
    struct served s;
    struct driver *next = NULL;
    (void)state;
    served_start(&s, &work);
    served_link(&s);
    served_hear(&s, 'N');
    struct tunnel_config config = {.side = TUNNEL_CALLER, .build = "late"};
    memset(config.instance, 'L', sizeof config.instance);
    unsigned char hello[TUNNEL_HELLO_SIZE];
    struct tunnel *t = tunnel_new(&config, 1);
    assert_non_null(t);
    /* It takes over, and is replaced. */
    int fd = take_end(&s);
    tunnel_hello_write(t, 1, hello);
    assert_int_equal(write(fd, hello, sizeof hello), sizeof hello);
    served_hear(&s, 'D');
    served_hear(&s, 'N');
    next = driver_new();
    driver_free(s.d);
    s.d = next;
    served_link(&s);
    served_hear(&s, 'D');
    served_hear(&s, 'N');
    /* Its next hello, still without an answer. */
    int late = take_end(&s);
    tunnel_hello_write(t, 2, hello);
    assert_int_equal(write(late, hello, sizeof hello), sizeof hello);
    char answer[TUNNEL_HELLO_SIZE];
    assert_int_equal(recv(late, answer, sizeof answer, MSG_WAITALL), sizeof answer);
    assert_int_equal(recv(late, answer, 1, 0), 0);
    struct driver_stream *in = driver_open(s.d, TUNNEL_BULK, ORDER_STREAM_INPUT, NUMBER, 1);
    driver_write(in, "1", 1);
    served_hear(&s, '1');
    tunnel_free(t);
    (void)close(fd);
    (void)close(late);
    served_finish(&s);
}

static void what_is_no_hello_is_closed(void **state)
{
    struct served s;
    char c;
    (void)state;
    served_start(&s, &work);
    int fd = take_end(&s);
    static const char words[] = "GET / HTTP/1.0\r\n\r\n";
    assert_int_equal(write(fd, words, sizeof words - 1), sizeof words - 1);
    assert_true(recv(fd, &c, 1, 0) <= 0);
    (void)close(fd);
    served_link(&s);
    served_hear(&s, 'N');
    served_finish(&s);
}

/* The peer says what no tunnel says: that tunnel is over, and another can come. */
static void a_broken_tunnel_is_replaced(void **state)
{
    struct served s;
    (void)state;
    served_start(&s, &work);
    served_link(&s);
    served_hear(&s, 'N');
    struct driver_stream *in = driver_open(s.d, TUNNEL_BULK, ORDER_STREAM_INPUT, NUMBER, 1);
    driver_write(in, "1", 1);
    served_hear(&s, '1');
    char nonsense[TUNNEL_FRAME_HEADER];
    memset(nonsense, 0xff, sizeof nonsense);
    assert_int_equal(write(s.d->out, nonsense, sizeof nonsense), sizeof nonsense);
    served_hear(&s, 'D');
    served_hear(&s, 'c');
    driver_free(s.d);
    s.d = driver_new();
    served_link(&s);
    served_hear(&s, 'N');
    served_finish(&s);
}

/* O_NONBLOCK hits whoever shares the descriptor: it is put back. */
static void flags_are_put_back(void **state)
{
    int pair[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(pair[0]);
        static const struct uplink_handler handler = {.opened = served_opened};
        if (loop_init() < 0 || uplink_init("flags", &handler, NULL) < 0)
            _exit(EXIT_FAILURE);
        int shared = dup(pair[1]);
        uplink_serve(pair[1], pair[1], NULL, served_term, NULL);
        if (!(fcntl(shared, F_GETFL) & O_NONBLOCK))
            _exit(EXIT_FAILURE);
        (void)loop_run();
        _exit(fcntl(shared, F_GETFL) & O_NONBLOCK ? EXIT_FAILURE : EXIT_SUCCESS);
    }
    int status;
    (void)close(pair[1]);
    (void)close(pair[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), EXIT_SUCCESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_goes_and_another_comes),
        cmocka_unit_test(a_newer_link_replaces_the_older),
        cmocka_unit_test(another_delvegate_takes_over_for_good),
        cmocka_unit_test(a_late_first_hello_is_not_taken),
        cmocka_unit_test(what_is_no_hello_is_closed),
        cmocka_unit_test(a_broken_tunnel_is_replaced),
        cmocka_unit_test(flags_are_put_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
