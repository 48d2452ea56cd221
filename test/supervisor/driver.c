#include "test/supervisor/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proxy/supervisor/directory.h"
#include "proxy/supervisor/door_private.h"

enum { BUFFER_MAX = 128 * 1024 * 1024, SEEN_MAX = 64 * 1024, ARGS_MAX = 32, PUMP_MS = 100, STATUS_OF_SIGNAL = 128 };

static uint64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* --- The tunnel --- */

static size_t give(void *arg, uint32_t id, void *data, void *room, size_t n)
{
    struct driver_stream *s = data;
    (void)arg;
    (void)id;
    if (!s)
        return 0;
    if (n > s->out.len)
        n = s->out.len;
    if (n) {
        memcpy(room, s->out.data, n);
        buf_consume(&s->out, n);
    }
    return n;
}

struct driver *driver_new(void)
{
    struct tunnel_config config = {.side = TUNNEL_CALLER, .build = "driver", .source = give};
    struct driver *d = calloc(1, sizeof *d);
    assert_non_null(d);
    assert_int_equal(getrandom(config.instance, sizeof config.instance, 0), sizeof config.instance);
    d->tunnel = tunnel_new(&config, now_ms());
    assert_non_null(d->tunnel);
    d->in = d->out = -1;
    buf_init(&d->seen, SEEN_MAX);
    buf_init(&d->noise, SEEN_MAX);
    return d;
}

static void close_fds(struct driver *d)
{
    if (d->in >= 0)
        (void)close(d->in);
    if (d->out >= 0 && d->out != d->in)
        (void)close(d->out);
    d->in = d->out = -1;
    d->pending_at = d->pending_len = 0;
}

void driver_link(struct driver *d, int in, int out)
{
    close_fds(d);
    d->in = in;
    d->out = out;
    d->in_ended = false;
    d->nonce = NULL;
    assert_int_equal(fcntl(in, F_SETFL, fcntl(in, F_GETFL) | O_NONBLOCK), 0);
    assert_int_equal(fcntl(out, F_SETFL, fcntl(out, F_GETFL) | O_NONBLOCK), 0);
    d->link = tunnel_call(d->tunnel, now_ms());
}

void driver_cut(struct driver *d)
{
    close_fds(d);
    tunnel_hang_up(d->tunnel, d->link, "cut by the test", now_ms());
}

static struct driver_stream *take_slot(struct driver *d, uint32_t id)
{
    for (size_t i = 0; i < DRIVER_STREAMS; i++) {
        struct driver_stream *s = &d->streams[i];
        if (s->id)
            continue;
        *s = (struct driver_stream){.driver = d, .id = id};
        buf_init(&s->out, BUFFER_MAX);
        buf_init(&s->in, BUFFER_MAX);
        return s;
    }
    fail_msg("the test has more than %d streams", DRIVER_STREAMS);
    return NULL;
}

static void read_stream(struct driver_stream *s)
{
    const void *bytes;
    size_t n;
    while (!s->waits && (n = tunnel_peek(s->driver->tunnel, s->id, &bytes)) > 0) {
        s->total += n;
        if (!s->drops) {
            buf_append(&s->in, bytes, n);
            assert_false(s->in.failed);
        }
        tunnel_consume(s->driver->tunnel, s->id, n);
    }
}

static void on_event(struct driver *d, const struct tunnel_event *e)
{
    struct driver_stream *s = e->data;
    if (e->kind == TUNNEL_EVENT_UP)
        d->ups++;
    if (!e->stream)
        return;
    if (e->kind == TUNNEL_EVENT_OPENED) {
        s = take_slot(d, e->stream);
        s->kind = order_label_stream(e->label);
        s->number = order_label_number(e->label);
        s->session = e->session;
        tunnel_set_data(d->tunnel, e->stream, s);
        if (s->kind != ORDER_STREAM_TERMINAL && s->kind != ORDER_STREAM_DAP)
            tunnel_end(d->tunnel, e->stream);
        return;
    }
    assert_non_null(s);
    s->ended |= e->kind == TUNNEL_EVENT_END;
    s->stopped |= e->kind == TUNNEL_EVENT_STOPPED;
    s->closed |= e->kind == TUNNEL_EVENT_CLOSED;
    if (e->kind == TUNNEL_EVENT_RESET) {
        s->was_reset = true;
        s->code = e->code;
    }
}

static void take_about(struct driver *d)
{
    struct order o;
    struct driver_stream *about = NULL;
    for (size_t i = 0; i < DRIVER_STREAMS; i++)
        if (d->streams[i].id && d->streams[i].kind == ORDER_STREAM_ABOUT)
            about = &d->streams[i];
    if (!about || d->dir[0] || order_read(about->in.data, about->in.len, &o) <= 0)
        return;
    assert_int_equal(o.kind, ORDER_ABOUT);
    assert_non_null(order_get(&o, ORDER_DIR));
    (void)snprintf(d->dir, sizeof d->dir, "%s", order_get(&o, ORDER_DIR));
}

static void take_events(struct driver *d)
{
    struct tunnel_event e;
    bool again = true;
    while (again) {
        again = false;
        while (tunnel_event(d->tunnel, &e)) {
            again = true;
            on_event(d, &e);
        }
        for (size_t i = 0; i < DRIVER_STREAMS; i++)
            if (d->streams[i].id && !d->streams[i].closed)
                read_stream(&d->streams[i]);
    }
    take_about(d);
}

static void lose(struct driver *d, const char *why)
{
    d->in_ended = true;
    driver_cut(d);
    (void)why;
}

/* Passes over what a door says. Returns how many bytes belong to it. */
static size_t pass_noise(struct driver *d, const unsigned char *bytes, size_t n)
{
    char ready[DRIVER_PATH];
    size_t i = 0;
    (void)snprintf(ready, sizeof ready, "delvegate %s ready ", d->nonce ? d->nonce : "");
    while (d->nonce && i < n) {
        buf_append(&d->noise, &bytes[i], 1);
        assert_false(d->noise.failed);
        if (bytes[i++] != '\n')
            continue;
        if (strncmp(d->noise.data, ready, strlen(ready)) == 0)
            d->nonce = NULL;
        else
            buf_printf(&d->seen, "\n  the door said: %s", d->noise.data);
        buf_clear(&d->noise);
    }
    return i;
}

static void receive(struct driver *d)
{
    static unsigned char bytes[64 * 1024];
    ssize_t n = read(d->in, bytes, sizeof bytes);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        lose(d, "its end");
        return;
    }
    size_t noise = pass_noise(d, bytes, (size_t)n);
    if (noise == (size_t)n)
        return;
    enum tunnel_result r = tunnel_receive(d->tunnel, d->link, bytes + noise, (size_t)n - noise, now_ms());
    if (r != TUNNEL_OK && r != TUNNEL_MORE)
        lose(d, tunnel_reason(d->tunnel));
}

static void send_some(struct driver *d)
{
    if (d->pending_len == 0) {
        d->pending_at = 0;
        d->pending_len = tunnel_output(d->tunnel, d->pending, sizeof d->pending, now_ms());
    }
    if (d->pending_len == 0)
        return;
    ssize_t n = write(d->out, d->pending + d->pending_at, d->pending_len);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0) {
        lose(d, "nobody reads");
        return;
    }
    d->pending_at += (size_t)n;
    d->pending_len -= (size_t)n;
}

void driver_pump(struct driver *d, int ms)
{
    bool wants_out = d->pending_len || tunnel_has_output(d->tunnel);
    struct pollfd p[2] = {{.fd = d->in, .events = POLLIN}, {.fd = wants_out ? d->out : -1, .events = POLLOUT}};
    uint64_t next = tunnel_next_tick(d->tunnel);
    uint64_t now = now_ms();
    if (next != TUNNEL_NEVER && next < now + (uint64_t)ms)
        ms = next > now ? (int)(next - now) : 0;
    (void)poll(p, 2, ms);
    if (tunnel_tick(d->tunnel, now_ms()) == TUNNEL_NO_LINK)
        driver_cut(d);
    if (p[0].revents && d->in >= 0)
        receive(d);
    if (p[1].revents && d->out >= 0)
        send_some(d);
    take_events(d);
}

static void show(struct driver *d, const char *what)
{
    fail_msg("%s did not come in %d s (tunnel state %d: %s); records: %s", what, DRIVER_SECONDS,
             (int)tunnel_state(d->tunnel), tunnel_reason(d->tunnel), d->seen.len ? d->seen.data : "none");
}

void driver_wait(struct driver *d, bool (*holds)(void *arg), void *arg, const char *what)
{
    uint64_t until = now_ms() + (uint64_t)DRIVER_SECONDS * 1000;
    take_events(d);
    while (!holds(arg)) {
        if (now_ms() >= until)
            show(d, what);
        driver_pump(d, PUMP_MS);
    }
}

/* --- The process --- */

/* Splits $SUPERVISOR at blanks: an emulator may stand before it. */
static void be_supervisor(const char *const *argv)
{
    const char *command = getenv("SUPERVISOR");
    char *args[ARGS_MAX + 1];
    size_t n = 0;
    char *copy = strdup(command ? command : "build/asan/supervisor");
    char *rest = copy;
    for (char *word; copy && n < ARGS_MAX && (word = strtok_r(rest, " ", &rest));)
        args[n++] = word;
    while (*argv && n < ARGS_MAX)
        args[n++] = (char *)(uintptr_t)*argv++;
    args[n] = NULL;
    (void)execvp(args[0], args);
    perror(args[0]);
    _exit(STATUS_OF_SIGNAL - 1);
}

void driver_exec(struct driver *d, const char *const *argv)
{
    int down[2], up[2];
    assert_int_equal(pipe2(down, O_CLOEXEC), 0);
    assert_int_equal(pipe2(up, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (dup2(down[0], STDIN_FILENO) < 0 || dup2(up[1], STDOUT_FILENO) < 0)
            _exit(STATUS_OF_SIGNAL - 1);
        be_supervisor(argv);
    }
    (void)close(down[0]);
    (void)close(up[1]);
    d->pid = pid;
    driver_link(d, up[0], down[1]);
}

static bool answers(const char *dir)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int n = snprintf(address.sun_path, sizeof address.sun_path, "%s/" DOOR_SOCKET, dir);
    assert_true(n > 0 && (size_t)n < sizeof address.sun_path);
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s >= 0);
    bool is_there = connect(s, (struct sockaddr *)&address, sizeof address) == 0;
    (void)close(s);
    return is_there;
}

/* What an emulated program starts is not emulated, unless the kernel knows how: so that the door finds a supervisor,
 * it is started here, as door_start does. */
static void start_emulated(const char *client)
{
    char name[DOOR_NAME_SIZE], dir[SUPERVISOR_PATH_MAX];
    struct directory_error why;
    door_instance(name, client);
    if (directory_instance(name, dir, &why) < 0)
        fail_msg("%s", why.text);
    if (answers(dir))
        return;
    int s = door_bind(dir);
    assert_true(s >= 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        (void)setsid();
        if (null < 0 || dup2(s, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
            _exit(STATUS_OF_SIGNAL - 1);
        be_supervisor((const char *const[]){DOOR_ROLE, dir, NULL});
    }
    (void)close(s);
}

static bool is_emulated(void)
{
    const char *command = getenv("SUPERVISOR");
    return command && strchr(command, ' ');
}

void driver_door(struct driver *d, const char *client)
{
    if (is_emulated())
        start_emulated(client);
    static const char nonce[] = "0123456789abcdef";
    const char *argv[] = {"door", client, nonce, NULL};
    (void)signal(SIGPIPE, SIG_IGN);
    driver_exec(d, argv);
    d->nonce = nonce;
    buf_clear(&d->noise);
    /* The greeting follows it at once. */
    assert_int_equal(write(d->out, "noise\n0123456789abcdef\n", 23), 23);
}

struct driver *driver_spawn(const char *const *argv)
{
    struct driver *d = driver_new();
    (void)signal(SIGPIPE, SIG_IGN);
    driver_exec(d, argv);
    return d;
}

static bool is_up(void *arg)
{
    struct driver *d = arg;
    return tunnel_state(d->tunnel) == TUNNEL_UP && d->dir[0];
}

void driver_wait_up(struct driver *d)
{
    driver_wait(d, is_up, d, "the tunnel");
}

struct driver *driver_start(void)
{
    struct driver *d = driver_spawn((const char *const[]){"local", NULL});
    driver_wait_up(d);
    return d;
}

static int wait_for(struct driver *d)
{
    int status = 0;
    uint64_t until = now_ms() + (uint64_t)DRIVER_SECONDS * 1000;
    pid_t pid;
    while ((pid = waitpid(d->pid, &status, WNOHANG)) == 0) {
        if (now_ms() >= until)
            fail_msg("the supervisor did not end in %d s", DRIVER_SECONDS);
        (void)poll(NULL, 0, 10);
    }
    assert_int_equal(pid, d->pid);
    d->pid = 0;
    return WIFSIGNALED(status) ? STATUS_OF_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}

int driver_finish(struct driver *d)
{
    driver_cut(d);
    return wait_for(d);
}

void driver_free(struct driver *d)
{
    close_fds(d);
    if (d->pid > 0) {
        (void)kill(d->pid, SIGKILL);
        (void)waitpid(d->pid, NULL, 0);
    }
    for (size_t i = 0; i < DRIVER_STREAMS; i++) {
        buf_free(&d->streams[i].in);
        buf_free(&d->streams[i].out);
    }
    tunnel_free(d->tunnel);
    buf_free(&d->noise);
    buf_free(&d->seen);
    free(d);
}

/* --- Streams --- */

struct driver_stream *driver_open(struct driver *d, enum tunnel_class class, enum order_stream kind, uint32_t number,
                                  uint32_t session)
{
    struct driver_stream *s = take_slot(d, UINT32_MAX);
    s->id = tunnel_open(d->tunnel, class, session, order_label(kind, number), s);
    assert_int_not_equal(s->id, 0);
    s->kind = kind;
    s->number = number;
    s->session = session;
    return s;
}

void driver_write(struct driver_stream *s, const void *bytes, size_t n)
{
    buf_append(&s->out, bytes, n);
    assert_false(s->out.failed);
    tunnel_ready(s->driver->tunnel, s->id);
}

void driver_end(struct driver_stream *s)
{
    tunnel_end(s->driver->tunnel, s->id);
}

void driver_reset(struct driver_stream *s)
{
    tunnel_reset(s->driver->tunnel, s->id, 1);
}

struct driver_stream *driver_control(struct driver *d, uint32_t session)
{
    return driver_open(d, TUNNEL_CONTROL, ORDER_STREAM_CONTROL, 0, session);
}

void driver_send(struct driver_stream *control, struct buf *records)
{
    assert_false(records->failed);
    driver_write(control, records->data, records->len);
    buf_clear(records);
}

void driver_say(struct driver_stream *control, enum order_kind kind, enum order_key key, const char *value)
{
    struct buf b;
    buf_init(&b, ORDER_RECORD_MAX);
    size_t at = order_open(&b, kind);
    order_put(&b, key, value);
    order_close(&b, at);
    assert_false(b.failed);
    driver_send(control, &b);
    buf_free(&b);
}

struct driver_stream *driver_session(struct driver *d, uint32_t session, long lease, bool with_delve)
{
    struct driver_stream *control = driver_control(d, session);
    struct buf b;
    buf_init(&b, ORDER_RECORD_MAX);
    size_t at = order_open(&b, ORDER_SESSION);
    order_put_number(&b, ORDER_LEASE, lease);
    if (!with_delve)
        order_put(&b, ORDER_NO_DELVE, "1");
    order_close(&b, at);
    assert_false(b.failed);
    driver_send(control, &b);
    buf_free(&b);
    return control;
}

void driver_command(struct driver_stream *control, uint32_t number, bool streams, const char *const *argv)
{
    struct buf b;
    buf_init(&b, ORDER_RECORD_MAX);
    size_t at = order_open(&b, ORDER_RUN);
    order_put_number(&b, ORDER_NUMBER, number);
    order_put(&b, ORDER_WHAT, "command");
    for (; *argv; argv++)
        order_put(&b, ORDER_ARG, *argv);
    if (streams)
        order_put(&b, ORDER_STREAMS, "1");
    order_close(&b, at);
    assert_false(b.failed);
    driver_send(control, &b);
    buf_free(&b);
}

/* --- What comes --- */

static void note(struct driver *d, const struct driver_stream *s, const struct order *o)
{
    const char *name = order_get(o, ORDER_NAME);
    const char *text = order_get(o, ORDER_TEXT);
    const char *status = order_get(o, ORDER_STATUS);
    buf_printf(&d->seen, "\n  session %u: kind %d %s %s %.200s", (unsigned)s->session, (int)o->kind, name ? name : "",
               status ? status : "", text ? text : "");
    d->seen.failed = false;
}

bool driver_next(struct driver_stream *control, struct order *o)
{
    /* What was returned last is valid until now. */
    static char *last;
    struct order peeked;
    long n = order_read(control->in.data, control->in.len, &peeked);
    assert_true(n >= 0);
    if (n == 0)
        return false;
    free(last);
    last = malloc(peeked.len + 1);
    assert_non_null(last);
    memcpy(last, peeked.fields, peeked.len);
    *o = (struct order){.kind = peeked.kind, .fields = last, .len = peeked.len};
    buf_consume(&control->in, (size_t)n);
    note(control->driver, control, o);
    return true;
}

struct awaited {
    struct driver *driver;
    struct driver_stream *stream;
    enum order_kind kind;
    struct order *found;
    size_t total;
    enum order_stream stream_kind;
    uint32_t number, session;
};

static bool record_has_come(void *arg)
{
    struct awaited *a = arg;
    while (driver_next(a->stream, a->found))
        if (a->found->kind == a->kind)
            return true;
    return false;
}

const struct order *driver_record(struct driver_stream *control, enum order_kind kind)
{
    static struct order found;
    char what[64];
    struct awaited a = {.stream = control, .kind = kind, .found = &found};
    (void)snprintf(what, sizeof what, "a record of kind %d", (int)kind);
    driver_wait(control->driver, record_has_come, &a, what);
    return &found;
}

static bool stream_has_come(void *arg)
{
    struct awaited *a = arg;
    struct driver *d = a->driver;
    for (size_t i = 0; i < DRIVER_STREAMS; i++) {
        struct driver_stream *s = &d->streams[i];
        if (s->id && s->kind == a->stream_kind && s->number == a->number && s->session == a->session)
            a->stream = s;
    }
    return a->stream != NULL;
}

struct driver_stream *driver_stream(struct driver *d, enum order_stream kind, uint32_t number, uint32_t session)
{
    char what[64];
    struct awaited a = {.driver = d, .stream_kind = kind, .number = number, .session = session};
    (void)snprintf(what, sizeof what, "stream %d of run %u", (int)kind, (unsigned)number);
    driver_wait(d, stream_has_come, &a, what);
    return a.stream;
}

static bool bytes_have_come(void *arg)
{
    struct awaited *a = arg;
    return a->stream->total >= a->total;
}

void driver_wait_bytes(struct driver_stream *s, size_t total)
{
    char what[64];
    struct awaited a = {.stream = s, .total = total};
    (void)snprintf(what, sizeof what, "%zu bytes of stream %d (%zu came)", total, (int)s->kind, s->total);
    driver_wait(s->driver, bytes_have_come, &a, what);
}

static bool end_has_come(void *arg)
{
    struct driver_stream *s = arg;
    if (s->was_reset)
        fail_msg("stream %d was reset: %s", (int)s->kind, strerror((int)s->code));
    return s->ended;
}

void driver_wait_end(struct driver_stream *s)
{
    driver_wait(s->driver, end_has_come, s, "the end of a stream");
}

void driver_wait_ended(struct driver_stream *control)
{
    (void)driver_record(control, ORDER_ENDED);
    driver_wait_end(control);
}

static bool is_gone(void *arg)
{
    return access(arg, F_OK) < 0 && errno == ENOENT;
}

void driver_wait_gone(struct driver *d, const char *path)
{
    char copy[DRIVER_PATH];
    (void)snprintf(copy, sizeof copy, "%s", path);
    driver_wait(d, is_gone, copy, path);
}
