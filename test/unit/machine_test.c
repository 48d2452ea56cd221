/* A Go machine over a transport of the test's own, with a real answerer's end of the tunnel behind it. No time passes
 * but what the test lets pass. */
#include <errno.h>
#include <setjmp.h>
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

#include "proxy/base/log.h"
#include "proxy/machine/boot.h"
#include "proxy/machine/machine.h"
#include "proxy/machine/programs.h"
#include "proxy/machine/transport_target.h"
#include "proxy/tunnel/tunnel.h"

enum {
    MS = 1000,
    NS_IN_MS = 1000 * 1000,
    START = 1000 * MS,
    STREAMS_MAX = 64,
    CHANNELS_MAX = 16,
    LINKS_MAX = 4,
    ATTEMPTS_MAX = 64,
    WORDS = 1024,
    BIG = 64 * 1024 * 1024,
    CARRIED = 48 * 1024, /* bytes that the carrier takes at a time, each way */
    STEPS_MAX = 200 * 1000,
    PROGRAM_SIZE = 300 * 1024,
    LEASE = 600,
    WARM = 30
};

/* --- what the build makes --- */

static char program_bytes[PROGRAM_SIZE];
const struct bootstrap_program programs_own = {"x86_64", "00", program_bytes, PROGRAM_SIZE, 1};
const struct bootstrap_program programs_table[] = {{"x86_64", "00", program_bytes, PROGRAM_SIZE, 1}};
const size_t programs_count = 1;
const char programs_installed[] = "";

/* --- the world --- */

enum answer { ACCEPT, REFUSE, HANG, NEED, NEED_ANOTHER, DISK_FULL, MUTE };

struct carried {
    struct carrier base;
    const struct carrier_handler *h;
    void *arg;
    struct buf out; /* on its way there */
    struct buf in;  /* on its way here */
    bool is_running, drained_due, is_local;
    /* there */
    bool greeted, answered, uploads;
    char nonce[BOOTSTRAP_WORD_MAX];
    size_t uploaded;
    struct tunnel_greeting greeting;
    uint64_t link;
};

struct there {
    uint32_t number, session, label, code;
    struct buf got, give;
    size_t given;
    bool deaf, ended, reset, stopped, closed, is_ending;
};

struct owner {
    const char *name;
    struct link *link;
    struct channel *opened; /* by the supervisor, the last one */
    bool takes;
};

struct user {
    const char *name;
    struct channel *channel;
    struct buf got;
    bool keeps_silent; /* about opened and drained */
    bool full;
};

static struct world {
    uv_loop_t loop;
    uint64_t now;
    struct carried *carrier; /* the only one */
    int opens, transports;
    uint64_t opened_at[ATTEMPTS_MAX];
    enum answer answer;
    enum transport_loss loss; /* of a refusal */
    bool holds;               /* nothing is carried */
    struct tunnel *t;         /* the supervisor's end */
    unsigned char instance;
    bool quits; /* it was told to end */
    int quit_count;
    bool hides; /* it does not say what it is */
    const char *garbage;
    struct there streams[STREAMS_MAX];
    size_t stream_count;
    struct machine *machine;
    struct owner owners[LINKS_MAX];
    size_t owner_count;
    struct user users[CHANNELS_MAX];
    size_t user_count;
    struct buf heard;
    const char *act_on; /* words in what is heard at which `act` is done, once */
    void (*act)(void);
} w;

int clock_gettime(clockid_t id, struct timespec *ts)
{
    if (id != CLOCK_MONOTONIC && id != CLOCK_MONOTONIC_COARSE && id != CLOCK_BOOTTIME)
        return (int)syscall(SYS_clock_gettime, id, ts);
    ts->tv_sec = (time_t)(w.now / MS);
    ts->tv_nsec = (long)(w.now % MS * NS_IN_MS);
    return 0;
}

static void hear(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void hear(const char *fmt, ...)
{
    char text[WORDS];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buf_printf(&w.heard, "%s\n", text);
    assert_false(w.heard.failed);
    if (w.act_on && strstr(text, w.act_on)) {
        w.act_on = NULL;
        w.act();
    }
}

/* --- the transport --- */

static struct carried *of(const struct carrier *c)
{
    return (struct carried *)(uintptr_t)c;
}

static struct carrier *fake_open(struct transport *t, const struct transport_command *command,
                                 const struct carrier_handler *h, void *arg)
{
    struct carried *c = calloc(1, sizeof *c);
    assert_non_null(c);
    assert_null(w.carrier);
    assert_true(t->is_local == !command->line);
    assert_true(w.opens < ATTEMPTS_MAX);
    w.opened_at[w.opens++] = w.now;
    c->base.transport = t;
    c->is_local = t->is_local;
    c->h = h;
    c->arg = arg;
    buf_init(&c->out, BIG);
    buf_init(&c->in, BIG);
    w.carrier = c;
    return &c->base;
}

static bool fake_write(struct carrier *base, const char *data, size_t len)
{
    struct carried *c = of(base);
    assert_ptr_equal(c, w.carrier);
    buf_append(&c->out, data, len);
    assert_false(c->out.failed);
    c->drained_due = c->drained_due || c->out.len >= CARRIER_HIGH_WATER;
    return c->drained_due;
}

static size_t fake_queued(const struct carrier *c)
{
    return of(c)->out.len;
}

static void fake_close(struct carrier *base)
{
    struct carried *c = of(base);
    assert_ptr_equal(c, w.carrier);
    w.carrier = NULL;
    buf_free(&c->out);
    buf_free(&c->in);
    free(c);
}

static void fake_free(struct transport *t)
{
    assert_null(w.carrier);
    w.transports--;
    free(t);
}

static const struct transport_ops fake_ops = {
    .open = fake_open, .write = fake_write, .queued = fake_queued, .close = fake_close, .free = fake_free};

struct transport *transport_of_target(uv_loop_t *loop, const struct config_target *target)
{
    struct transport *t = calloc(1, sizeof *t);
    assert_non_null(t);
    assert_ptr_equal(loop, &w.loop);
    w.transports++;
    *t = (struct transport){
        .ops = &fake_ops, .is_local = !target->ssh, .where = target->ssh ? "gomachine" : "this machine"};
    return t;
}

/* The carrier is lost, for a reason. */
static void lose(enum transport_loss loss, const char *message)
{
    struct carried *c = w.carrier;
    const struct carrier_handler *h = c->h;
    void *arg = c->arg;
    struct err why;
    err_set(&why, "%s", message);
    fake_close(&c->base);
    h->lost(arg, &why, loss);
}

/* --- the supervisor's end --- */

static struct there *stream_of(uint32_t number)
{
    for (size_t i = 0; i < w.stream_count; i++)
        if (w.streams[i].number == number)
            return &w.streams[i];
    return NULL;
}

/* The last stream with this label. */
static struct there *labelled(enum order_stream stream, uint32_t number)
{
    for (size_t i = w.stream_count; i-- > 0;)
        if (w.streams[i].label == order_label(stream, number))
            return &w.streams[i];
    return NULL;
}

static struct there *add_stream(uint32_t number, uint32_t session, uint32_t label)
{
    assert_true(w.stream_count < STREAMS_MAX);
    struct there *s = &w.streams[w.stream_count++];
    *s = (struct there){.number = number, .session = session, .label = label};
    buf_init(&s->got, BIG);
    buf_init(&s->give, BIG);
    return s;
}

static size_t source(void *arg, uint32_t stream, void *data, void *room, size_t n)
{
    struct there *s = stream_of(stream);
    (void)arg;
    (void)data;
    size_t left = s->give.len - s->given;
    n = n < left ? n : left;
    if (n)
        memcpy(room, s->give.data + s->given, n);
    s->given += n;
    return n;
}

static void give(struct there *s, const void *bytes, size_t n)
{
    buf_append(&s->give, bytes, n);
    assert_false(s->give.failed);
    tunnel_ready(w.t, s->number);
}

static struct there *open_there(enum tunnel_class class, uint32_t session, enum order_stream stream, uint32_t number)
{
    uint32_t label = order_label(stream, number);
    return add_stream(tunnel_open(w.t, class, session, label, NULL), session, label);
}

static void say_about(void)
{
    struct buf about;
    struct there *s = open_there(TUNNEL_CONTROL, 0, ORDER_STREAM_ABOUT, 0);
    buf_init(&about, WORDS);
    size_t begin = order_open(&about, ORDER_ABOUT);
    order_put(&about, ORDER_DIR, "/sup");
    order_close(&about, begin);
    if (w.garbage)
        give(s, w.garbage, ORDER_HEADER);
    else if (!w.hides)
        give(s, about.data, about.len);
    buf_free(&about);
}

static void forget_streams(void)
{
    for (size_t i = 0; i < w.stream_count; i++) {
        buf_free(&w.streams[i].got);
        buf_free(&w.streams[i].give);
    }
    w.stream_count = 0;
}

/* A supervisor, as another start of it. */
static void new_supervisor(void)
{
    struct tunnel_config config = {.side = TUNNEL_ANSWERER, .build = "there", .source = source};
    config.instance[0] = ++w.instance;
    tunnel_free(w.t);
    forget_streams();
    w.t = tunnel_new(&config, w.now);
    assert_non_null(w.t);
    say_about();
}

static void answer_hello(struct carried *c, const struct tunnel_hello *hello)
{
    unsigned char refusal[TUNNEL_HELLO_SIZE];
    enum tunnel_result r;
    if (!w.t)
        new_supervisor();
    r = tunnel_answer(w.t, hello, w.now);
    if (r == TUNNEL_OTHER && hello->number == 1) { /* a new tunnel of delvegate's */
        new_supervisor();
        r = tunnel_answer(w.t, hello, w.now);
    }
    if (r == TUNNEL_OTHER) {
        tunnel_hello_write(w.t, hello->number, refusal);
        buf_append(&c->in, refusal, sizeof refusal);
        assert_false(c->in.failed);
        return;
    }
    assert_int_equal(r, TUNNEL_OK);
    c->link = hello->number;
}

/* Returns how many bytes were taken. */
static size_t read_upload(struct carried *c)
{
    size_t n = PROGRAM_SIZE - c->uploaded < c->out.len ? PROGRAM_SIZE - c->uploaded : c->out.len;
    c->uploaded += n;
    if (c->uploaded == PROGRAM_SIZE) {
        c->uploads = c->greeted = false;
        buf_printf(&c->in, "delvegate %s got\n", c->nonce);
    }
    return n;
}

static size_t read_nonce(struct carried *c)
{
    char *end = memchr(c->out.data, '\n', c->out.len);
    size_t lead = end ? (size_t)(end - c->out.data) + 1 : 0;
    if (!end || c->out.len < lead + TUNNEL_HELLO_SIZE)
        return 0;
    (void)snprintf(c->nonce, sizeof c->nonce, "%.*s", (int)(lead - 1), c->out.data);
    c->greeted = true;
    buf_printf(&c->in, "Welcome! noise");
    if (w.answer == NEED || w.answer == NEED_ANOTHER) {
        buf_printf(&c->in, "delvegate %s need %s\n", c->nonce, w.answer == NEED ? "x86_64" : "vax");
        w.answer = ACCEPT;
        c->uploads = true;
        return lead + TUNNEL_HELLO_SIZE;
    }
    if (w.answer == DISK_FULL)
        buf_printf(&c->in, "delvegate %s error disk /home\n", c->nonce);
    else
        buf_printf(&c->in, "delvegate %s ready there\n", c->nonce);
    return lead;
}

static size_t read_tunnel(struct carried *c)
{
    size_t used = c->out.len < CARRIED ? c->out.len : CARRIED;
    struct tunnel_hello hello;
    if (!c->link) {
        enum tunnel_result r = tunnel_greeting_read(&c->greeting, c->out.data, used, &used, &hello);
        assert_int_not_equal(r, TUNNEL_NO_LINK);
        if (r == TUNNEL_OK && !c->answered) {
            c->answered = true;
            answer_hello(c, &hello);
        }
        return used;
    }
    assert_int_equal(tunnel_receive(w.t, c->link, c->out.data, used, w.now), TUNNEL_OK);
    return used;
}

static bool carry_there(struct carried *c)
{
    size_t n;
    if (c->out.len == 0)
        return false;
    if (c->uploads)
        n = read_upload(c);
    else if (!c->is_local && !c->greeted)
        n = read_nonce(c);
    else
        n = read_tunnel(c);
    buf_consume(&c->out, n);
    if (n && c->drained_due && c->out.len < CARRIER_LOW_WATER) {
        c->drained_due = false;
        c->h->drained(c->arg);
    }
    return n > 0;
}

static void read_stream(struct there *s)
{
    const void *bytes;
    size_t n;
    while (!s->deaf && (n = tunnel_peek(w.t, s->number, &bytes)) > 0) {
        buf_append(&s->got, bytes, n);
        assert_false(s->got.failed);
        tunnel_consume(w.t, s->number, n);
    }
}

static void take_events(void)
{
    struct tunnel_event e;
    while (tunnel_event(w.t, &e)) {
        if (!e.stream)
            continue;
        struct there *s =
            e.kind == TUNNEL_EVENT_OPENED ? add_stream(e.stream, e.session, e.label) : stream_of(e.stream);
        w.quits = w.quits || order_label_stream(s->label) == ORDER_STREAM_QUIT;
        s->ended = s->ended || e.kind == TUNNEL_EVENT_END;
        s->reset = s->reset || e.kind == TUNNEL_EVENT_RESET;
        s->stopped = s->stopped || e.kind == TUNNEL_EVENT_STOPPED;
        s->closed = s->closed || e.kind == TUNNEL_EVENT_CLOSED;
        if (e.kind == TUNNEL_EVENT_RESET) {
            s->code = e.code;
            tunnel_reset(w.t, s->number, 0); /* as the supervisor does with what its peer has given up */
        }
        if (e.kind == TUNNEL_EVENT_STOPPED)
            tunnel_reset(w.t, s->number, 0);
    }
    for (size_t i = 0; i < w.stream_count; i++)
        read_stream(&w.streams[i]);
}

static bool carry_here(struct carried *c)
{
    static char out[CARRIED];
    size_t n = c->in.len;
    if (n) {
        char *copy = buf_take(&c->in);
        c->h->data(c->arg, copy, n);
        free(copy);
        return true;
    }
    if (!c->link || w.answer == MUTE)
        return false;
    n = tunnel_output(w.t, out, sizeof out, w.now);
    if (n)
        c->h->data(c->arg, out, n);
    return n > 0;
}

/* One thing that happens on the way. */
static bool carry(void)
{
    struct carried *c = w.carrier;
    if (w.t && w.carrier && w.carrier->link && tunnel_tick(w.t, w.now) == TUNNEL_NO_LINK)
        w.carrier->link = 0;
    if (!c || w.holds || w.answer == HANG)
        return false;
    if (w.answer == REFUSE && !c->is_running) {
        lose(w.loss, "refused");
        return true;
    }
    if (!c->is_running) {
        c->is_running = true;
        c->h->note(c->arg, "connecting");
        if (c == w.carrier)
            c->h->running(c->arg);
        return true;
    }
    if (carry_there(c))
        return true;
    if (w.t && c == w.carrier)
        take_events();
    if (w.quits && c == w.carrier) {
        w.quits = false;
        w.quit_count++;
        lose(TRANSPORT_RETRY, "it has ended");
        return true;
    }
    return c == w.carrier && carry_here(c);
}

/* Lets happen what can without time passing. */
static void settle(void)
{
    for (int quiet = 0, steps = 0; quiet < 3; steps++) {
        assert_true(steps < STEPS_MAX);
        (void)uv_run(&w.loop, UV_RUN_NOWAIT);
        quiet = carry() ? 0 : quiet + 1;
    }
}

/* Lets so much time pass, and all happen in it. */
static void pass(uint64_t ms)
{
    uint64_t until = w.now + ms;
    settle();
    while (w.now < until) {
        int next = uv_backend_timeout(&w.loop);
        uint64_t step = next <= 0 ? MS : (uint64_t)next;
        step = step < MS ? step : MS;
        w.now += step < until - w.now ? step : until - w.now;
        settle();
    }
}

/* What was heard since the last call, compared. */
static void heard(const char *expected)
{
    settle();
    assert_string_equal(w.heard.data ? w.heard.data : "", expected);
    buf_clear(&w.heard);
    if (w.heard.data)
        w.heard.data[0] = '\0';
}

/* --- owners --- */

static void on_ready(void *arg)
{
    const struct owner *o = arg;
    hear("%s ready %s", o->name, link_dir(o->link));
}

static void on_note(void *arg, const char *text)
{
    const struct owner *o = arg;
    hear("%s note %s", o->name, text);
}

/* They are gone with their link. */
static void forget_channels(void)
{
    for (size_t i = 0; i < w.user_count; i++)
        w.users[i].channel = NULL;
}

static void on_lost(void *arg, const struct err *why, bool transient)
{
    struct owner *o = arg;
    o->link = NULL;
    if (o == w.owners)
        forget_channels();
    hear("%s lost %s%s", o->name, transient ? "for now: " : "", why->text);
}

static void on_outage(void *arg, const char *text)
{
    const struct owner *o = arg;
    hear("%s %s", o->name, text ? text : "waits no longer");
}

static const struct link_handler link_events = {
    .ready = on_ready, .note = on_note, .outage = on_outage, .lost = on_lost};

static void on_opened(void *arg)
{
    const struct user *u = arg;
    if (!u->keeps_silent)
        hear("%s opened", u->name);
}

static void on_data(void *arg, const char *data, size_t len)
{
    struct user *u = arg;
    assert_true(len > 0);
    buf_append(&u->got, data, len);
    assert_false(u->got.failed);
    if (!u->keeps_silent)
        hear("%s data", u->name);
}

static void on_eof(void *arg)
{
    const struct user *u = arg;
    hear("%s eof", u->name);
}

static void on_drained(void *arg)
{
    struct user *u = arg;
    u->full = false;
    if (!u->keeps_silent)
        hear("%s drained", u->name);
}

static void on_closed(void *arg, const struct err *why, enum channel_end end)
{
    struct user *u = arg;
    u->channel = NULL;
    hear("%s closed %s%s", u->name,
         end == CHANNEL_CLOSED   ? "there"
         : end == CHANNEL_BROKEN ? "broken: "
                                 : "unreached: ",
         why->text);
}

static const struct channel_handler channel_events = {
    .opened = on_opened, .data = on_data, .eof = on_eof, .drained = on_drained, .closed = on_closed};

static struct owner *new_link(const char *name)
{
    struct owner *o = &w.owners[w.owner_count++];
    assert_true(w.owner_count <= LINKS_MAX);
    *o = (struct owner){.name = name, .takes = true};
    o->link = machine_link(w.machine, &link_events, o);
    assert_non_null(o->link);
    return o;
}

static struct user *new_user(const char *name)
{
    struct user *u = &w.users[w.user_count++];
    assert_true(w.user_count <= CHANNELS_MAX);
    *u = (struct user){.name = name};
    buf_init(&u->got, BIG);
    return u;
}

static struct user *new_control(const struct owner *o, const char *name)
{
    struct user *u = new_user(name);
    u->channel = link_control(o->link, &channel_events, u);
    assert_non_null(u->channel);
    return u;
}

static struct user *new_stream(const struct owner *o, const char *name, int port)
{
    struct user *u = new_user(name);
    u->channel = link_stream(o->link, port, &channel_events, u);
    assert_non_null(u->channel);
    return u;
}

static void on_stream(void *arg, struct channel *c, enum order_stream stream, uint32_t number)
{
    struct owner *o = arg;
    hear("%s stream %d of %u", o->name, (int)stream, (unsigned)number);
    if (!o->takes) {
        channel_close(c);
        return;
    }
    struct user *u = new_user("taken");
    u->channel = c;
    o->opened = c;
    channel_take(c, &channel_events, u);
}

static void close_user(struct user *u)
{
    channel_close(u->channel);
    u->channel = NULL;
}

static void close_link(struct owner *o)
{
    link_close(o->link);
    o->link = NULL;
}

/* --- a machine --- */

static struct config_target remote = {.name = (char *)"main",
                                      .ssh = (char *)"me@gomachine",
                                      .lease_seconds = LEASE,
                                      .keep_warm_seconds = WARM,
                                      .delve_log_output = (char *)""};
static struct config_target local = {
    .name = (char *)"here", .lease_seconds = LEASE, .keep_warm_seconds = WARM, .delve_log_output = (char *)""};

static void start(struct config_target *target)
{
    memset(&w, 0, sizeof w);
    w.now = START;
    assert_int_equal(uv_loop_init(&w.loop), 0);
    buf_init(&w.heard, BIG);
    w.machine = machine_of_target(&w.loop, target);
    assert_non_null(w.machine);
}

static void on_idle(uv_idle_t *idle)
{
    (void)idle;
    if (!carry())
        w.now += MS / 10;
}

/* What is waited for in it happens meanwhile. */
static void forget(void)
{
    uv_idle_t idle;
    assert_int_equal(uv_idle_init(&w.loop, &idle), 0);
    assert_int_equal(uv_idle_start(&idle, on_idle), 0);
    machine_forget(&w.loop);
    uv_close((uv_handle_t *)&idle, NULL);
    while (uv_run(&w.loop, UV_RUN_ONCE) != 0)
        continue;
}

static void finish(void)
{
    for (size_t i = 0; i < w.owner_count; i++)
        if (w.owners[i].link)
            close_link(&w.owners[i]);
    machine_release(w.machine);
    settle();
    forget();
    assert_int_equal(uv_loop_close(&w.loop), 0);
    assert_int_equal(w.transports, 0);
    for (size_t i = 0; i < w.user_count; i++)
        buf_free(&w.users[i].got);
    forget_streams();
    tunnel_free(w.t);
    buf_free(&w.heard);
}

/* A machine with one link that is ready. */
static struct owner *begin(void)
{
    start(&remote);
    struct owner *a = new_link("A");
    heard("A note connecting\nA ready /sup/1\n");
    return a;
}

#define LOST                                                                                                           \
    "the connection to gomachine is lost: cable cut; reconnecting, while everything on that machine keeps running\n"   \
    "A " WAITS
#define BACK "the connection to gomachine is restored\n"
#define A_BACK "A waits no longer\nA note " BACK
#define WAITS "reconnecting to gomachine\n"
#define ASKS                                                                                                           \
    "logging in to gomachine again needs your attention: refused. It is retried when you continue, step, pause, "      \
    "restart, "                                                                                                        \
    "stop or start a session\n"

/* --- the tests --- */

static void test_links(void **state)
{
    (void)state;
    start(&remote);
    assert_string_equal(w.machine->where, "gomachine");
    assert_false(w.machine->is_local);
    settle();
    assert_int_equal(w.opens, 0); /* nobody needs it yet */
    struct owner *a = new_link("A"), *b = new_link("B");
    assert_false(link_is_alive(a->link));
    heard("B note connecting\nA note connecting\nB ready /sup/2\nA ready /sup/1\n");
    assert_true(link_is_alive(a->link));
    (void)new_link("C");
    heard("C ready /sup/3\n");
    assert_int_equal(w.opens, 1);
    close_link(b);
    pass(3600 * (uint64_t)MS); /* beats keep it */
    heard("");
    assert_true(link_is_alive(a->link));
    struct machine *same = machine_of_target(&w.loop, &remote);
    assert_ptr_equal(same, w.machine);
    machine_release(same);
    heard("");
    finish();
}

static void test_channels(void **state)
{
    (void)state;
    struct owner *a = begin();
    struct user *c = new_control(a, "c"), *s = new_stream(a, "s", 4711);
    assert_false(channel_write(c->channel, "order", 5)); /* before it is opened */
    heard("s opened\nc opened\n");
    struct there *ct = labelled(ORDER_STREAM_CONTROL, 0), *st = labelled(ORDER_STREAM_CONNECT, 4711);
    assert_int_equal(ct->session, 1);
    assert_int_equal(st->session, 1);
    assert_string_equal(ct->got.data, "order");
    give(st, "answer", 6);
    heard("s data\n");
    assert_string_equal(s->got.data, "answer");
    /* The end from here. */
    assert_false(channel_write(c->channel, " and more", 9));
    channel_shut(c->channel);
    assert_false(channel_write(c->channel, "too late", 8));
    heard("");
    assert_string_equal(ct->got.data, "order and more");
    assert_true(ct->ended);
    give(ct, "report", 6);
    heard("c data\n");
    tunnel_end(w.t, ct->number);
    heard("c eof\nc closed there\n");
    assert_true(ct->closed);
    /* From there. */
    give(st, "last", 4);
    tunnel_end(w.t, st->number);
    heard("s data\ns eof\ns closed there\n");
    assert_string_equal(s->got.data, "answerlast");
    /* Resets. */
    s = new_stream(a, "s", 1);
    (void)new_stream(a, "t", 2);
    heard("t opened\ns opened\n");
    tunnel_reset(w.t, labelled(ORDER_STREAM_CONNECT, 1)->number, ECONNRESET);
    tunnel_stop(w.t, labelled(ORDER_STREAM_CONNECT, 1)->number);
    heard("s closed broken: Connection reset by peer\n");
    tunnel_reset(w.t, labelled(ORDER_STREAM_CONNECT, 2)->number, ECONNREFUSED | ORDER_UNREACHED);
    tunnel_stop(w.t, labelled(ORDER_STREAM_CONNECT, 2)->number);
    heard("t closed unreached: Connection refused\n");
    /* Closed here: nothing more is heard, and what was queued is dropped. */
    s = new_stream(a, "s", 3);
    heard("s opened\n");
    st = labelled(ORDER_STREAM_CONNECT, 3);
    give(st, "unheard", 7);
    close_user(s);
    heard("");
    assert_true(st->reset);
    assert_true(st->closed);
    finish();
}

static void test_water_marks(void **state)
{
    static char much[CHANNEL_HIGH_WATER];
    (void)state;
    struct owner *a = begin();
    struct user *s = new_stream(a, "s", 1);
    heard("s opened\n");
    struct there *st = labelled(ORDER_STREAM_CONNECT, 1);
    st->deaf = true;
    assert_false(channel_write(s->channel, much, CHANNEL_HIGH_WATER - 1));
    assert_int_equal(channel_queued(s->channel), CHANNEL_HIGH_WATER - 1);
    assert_true(channel_write(s->channel, "x", 1));
    heard("");
    assert_int_equal(channel_queued(s->channel), CHANNEL_HIGH_WATER - TUNNEL_WINDOW); /* the reader's window */
    st->deaf = false;
    heard("s drained\n");
    assert_int_equal(st->got.len, CHANNEL_HIGH_WATER);
    /* Paused: what is unread is the window at most, and the far side feels it. */
    channel_pause(s->channel, true);
    s->keeps_silent = true;
    give(st, much, sizeof much);
    tunnel_end(w.t, st->number);
    heard("");
    assert_int_equal(s->got.len, 0);
    assert_true(st->given <= TUNNEL_WINDOW);
    channel_pause(s->channel, false);
    heard("s eof\ns closed there\n");
    assert_int_equal(s->got.len, sizeof much);
    finish();
}

static void test_streams_from_there(void **state)
{
    (void)state;
    struct owner *a = begin();
    struct there *nobody = open_there(TUNNEL_BULK, 1, ORDER_STREAM_OUT, 1);
    give(nobody, "x", 1);
    heard("");
    assert_true(nobody->closed);
    link_on_stream(a->link, on_stream, a);
    struct there *other = open_there(TUNNEL_BULK, 2, ORDER_STREAM_OUT, 1); /* of no session */
    heard("");
    assert_true(other->closed);
    struct there *out = open_there(TUNNEL_BULK, 1, ORDER_STREAM_OUT, 7);
    give(out, "words", 5);
    tunnel_end(w.t, out->number);
    heard("A stream 6 of 7\ntaken data\ntaken eof\ntaken closed there\n");
    assert_string_equal(w.users[0].got.data, "words");
    a->takes = false;
    out = open_there(TUNNEL_BULK, 1, ORDER_STREAM_ERR, 8);
    heard("A stream 7 of 8\n");
    assert_true(out->closed);
    link_on_stream(a->link, NULL, NULL);
    out = open_there(TUNNEL_BULK, 1, ORDER_STREAM_ERR, 8);
    heard("");
    assert_true(out->closed);
    finish();
}

static void fill(char *bytes, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)((i * 31 + (i >> 8) * 7 + seed) & 0xff);
}

/* Lost again and again in the midst of data both ways: nothing is lost or comes twice. */
static void test_lost_and_back(void **state)
{
    enum { SIZE = 2 * 1024 * 1024, LOSSES = 20 };
    static char down[SIZE], up[SIZE];
    (void)state;
    fill(down, sizeof down, 1);
    fill(up, sizeof up, 2);
    struct owner *a = begin();
    struct user *s = new_stream(a, "s", 1);
    s->keeps_silent = true;
    settle();
    struct there *st = labelled(ORDER_STREAM_CONNECT, 1);
    (void)channel_write(s->channel, down, sizeof down);
    give(st, up, sizeof up);
    for (int i = 0; i < LOSSES; i++) {
        for (int k = 0; k < 3 + i; k++) {
            (void)uv_run(&w.loop, UV_RUN_NOWAIT);
            (void)carry();
        }
        /* What is on its way is cut anywhere. */
        size_t n = w.carrier->out.len * (size_t)i / LOSSES;
        if (w.carrier->link && n)
            assert_int_not_equal(tunnel_receive(w.t, w.carrier->link, w.carrier->out.data, n, w.now), TUNNEL_FAILED);
        lose(TRANSPORT_RETRY, "cable cut");
        assert_string_equal(w.heard.data, "A note " LOST);
        buf_clear(&w.heard);
        assert_false(link_is_alive(a->link));
        while (!link_is_alive(a->link)) {
            (void)uv_run(&w.loop, UV_RUN_NOWAIT);
            (void)carry();
        }
        assert_string_equal(w.heard.data, A_BACK);
        buf_clear(&w.heard);
        w.heard.data[0] = '\0';
    }
    heard("");
    assert_int_equal(st->got.len, sizeof down);
    assert_memory_equal(st->got.data, down, sizeof down);
    assert_int_equal(s->got.len, sizeof up);
    assert_memory_equal(s->got.data, up, sizeof up);
    assert_int_equal(w.opens, 1 + LOSSES);
    finish();
}

static void test_waits_grow(void **state)
{
    static const uint64_t waits[] = {0, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000};
    (void)state;
    (void)begin();
    w.answer = REFUSE;
    w.loss = TRANSPORT_RETRY;
    uint64_t lost = w.now;
    lose(TRANSPORT_RETRY, "cable cut");
    heard("A note " LOST);
    pass(200 * (uint64_t)MS);
    heard(""); /* one line, however often it was tried */
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        lost += waits[i];
        assert_int_equal(w.opened_at[1 + i], lost);
    }
    w.answer = ACCEPT;
    pass(30 * MS);
    heard(A_BACK);
    /* The next loss begins from the beginning. */
    int before = w.opens;
    lose(TRANSPORT_RETRY, "cable cut");
    heard("A note " LOST A_BACK);
    assert_int_equal(w.opens, before + 1);
    finish();
}

static void test_silence(void **state)
{
    (void)state;
    struct owner *a = begin();
    w.holds = true;
    assert_false(link_was_heard(a->link, 30 * MS)); /* it is not there for so long */
    pass(2 * MS);
    assert_false(link_was_heard(a->link, MS));
    pass(11 * MS);
    assert_false(link_is_alive(a->link));
    heard("");
    pass(7 * MS);
    heard("A note the connection to gomachine is lost: no byte from the peer for 17 s; reconnecting, while everything "
          "on that machine keeps running\n"
          "A " WAITS);
    assert_int_equal(w.opens, 2);
    w.holds = false;
    heard(A_BACK);
    assert_true(link_is_alive(a->link));
    pass(29 * MS);
    assert_false(link_was_heard(a->link, 30 * MS));
    pass(2 * MS);
    assert_true(link_was_heard(a->link, 30 * MS));
    finish();
}

/* A login that asks is tried once, then when the user does something. */
static void test_ask(void **state)
{
    (void)state;
    struct owner *a = begin();
    w.answer = REFUSE;
    w.loss = TRANSPORT_ASK;
    lose(TRANSPORT_RETRY, "cable cut");
    heard("A note " LOST "A note " ASKS);
    assert_int_equal(w.opens, 2);
    pass(300 * (uint64_t)MS);
    assert_int_equal(w.opens, 2);
    link_wake(a->link);
    heard("A note " ASKS);
    assert_int_equal(w.opens, 3);
    pass(60 * MS);
    assert_int_equal(w.opens, 3);
    w.answer = ACCEPT;
    pass(60 * MS);
    assert_int_equal(w.opens, 3);
    link_wake(a->link);
    heard(A_BACK);
    link_wake(a->link); /* there is nothing to do */
    heard("");
    assert_int_equal(w.opens, 4);
    finish();
}

static void test_asks_until_the_lease_is_over(void **state)
{
    (void)state;
    (void)begin();
    w.answer = REFUSE;
    w.loss = TRANSPORT_ASK;
    lose(TRANSPORT_RETRY, "cable cut");
    heard("A note " LOST "A note " ASKS);
    pass((LEASE - 1) * (uint64_t)MS);
    heard("");
    pass(2 * MS);
    heard("A lost the connection to gomachine could not be restored within the lease of 600 s, and what was running on "
          "it has ended: refused\n");
    finish();
}

static void test_never(void **state)
{
    (void)state;
    struct owner *a = begin();
    (void)new_control(a, "c");
    heard("c opened\n");
    w.answer = REFUSE;
    w.loss = TRANSPORT_NEVER;
    lose(TRANSPORT_RETRY, "cable cut");
    heard("A note " LOST "A lost refused\n"); /* no word of the channel */
    pass(100 * MS);
    assert_int_equal(w.opens, 2);
    w.answer = ACCEPT;
    (void)new_link("B");
    heard("B note connecting\nB ready /sup/2\n");
    finish();
}

static void test_the_lease_is_over(void **state)
{
    (void)state;
    (void)begin();
    w.answer = REFUSE;
    w.loss = TRANSPORT_RETRY;
    lose(TRANSPORT_RETRY, "cable cut");
    heard("A note " LOST);
    pass((LEASE - 1) * (uint64_t)MS);
    heard("");
    pass(2 * MS);
    heard("A lost the connection to gomachine could not be restored within the lease of 600 s, and what was running on "
          "it has ended: refused\n");
    int before = w.opens;
    pass(100 * MS);
    assert_int_equal(w.opens, before);
    finish();
}

static void test_it_never_comes_up(void **state)
{
    (void)state;
    start(&remote);
    w.answer = REFUSE;
    w.loss = TRANSPORT_RETRY;
    (void)new_link("A");
    heard("A lost for now: refused\n");
    w.loss = TRANSPORT_ASK;
    (void)new_link("B");
    heard("B lost refused\n");
    assert_int_equal(w.opens, 2);
    w.answer = ACCEPT;
    (void)new_link("C");
    heard("C note connecting\nC ready /sup/3\n");
    finish();
}

#define REFUSED "the connection to gomachine is lost (refused); reconnecting\n"

/* F5 while the connection is lost: it is tried at once, and the new session waits for as long as ConnectTimeout. */
static void test_a_link_while_it_is_lost(void **state)
{
    (void)state;
    (void)begin();
    w.answer = REFUSE;
    w.loss = TRANSPORT_RETRY;
    lose(TRANSPORT_RETRY, "cable cut");
    heard("A note " LOST);
    pass(100 * MS);
    int before = w.opens;
    (void)new_link("B");
    heard("B note " REFUSED "B " WAITS);
    assert_int_equal(w.opens, before + 1);
    pass(TRANSPORT_PATIENCE_MS - MS);
    heard("");
    pass(MS);
    heard("B lost for now: refused\n");
    (void)new_link("C");
    heard("C note " REFUSED "C " WAITS);
    w.answer = ACCEPT;
    pass(TRANSPORT_PATIENCE_MS - MS);
    (void)new_link("D");
    heard("D note " REFUSED "D " WAITS "D waits no longer\nD note " BACK "C waits no longer\nC note " BACK A_BACK
          "D ready /sup/4\nC ready /sup/3\n");
    finish();
}

/* It does not wait for a login that was refused. */
static void test_a_link_while_the_login_is_refused(void **state)
{
    (void)state;
    (void)begin();
    w.answer = REFUSE;
    w.loss = TRANSPORT_ASK;
    lose(TRANSPORT_RETRY, "cable cut");
    heard("A note " LOST "A note " ASKS);
    int before = w.opens;
    (void)new_link("B");
    heard("B note " REFUSED "B " WAITS "B note " ASKS "A note " ASKS "B lost refused\n");
    assert_int_equal(w.opens, before + 1);
    finish();
}

/* The machine here slept: it tries at once. */
static void test_a_gap_in_the_clock(void **state)
{
    (void)state;
    (void)begin();
    w.answer = REFUSE;
    w.loss = TRANSPORT_RETRY;
    lose(TRANSPORT_RETRY, "cable cut");
    pass(65 * MS);
    int before = w.opens;
    w.answer = ACCEPT;
    w.now += 12 * MS; /* less than the wait */
    heard("A note " LOST A_BACK);
    assert_int_equal(w.opens, before + 1);
    finish();
}

static void test_another_supervisor(void **state)
{
    (void)state;
    struct owner *a = begin();
    (void)new_control(a, "c");
    heard("c opened\n");
    new_supervisor();
    lose(TRANSPORT_RETRY, "cable cut");
    heard(
        "A note " LOST
        "A lost for now: the supervisor on gomachine is gone, and with it everything that it ran (the peer is another "
        "instance: the streams are lost): it was killed, or the machine was rebooted; start the session again\n");
    (void)new_link("B");
    heard("B note connecting\nB ready /sup/2\n");
    finish();
}

/* A session that has nothing there yet does not care which supervisor it is. */
static void test_another_supervisor_for_a_new_link(void **state)
{
    (void)state;
    struct owner *a = begin();
    new_supervisor();
    w.holds = true;
    lose(TRANSPORT_RETRY, "cable cut");
    heard("A note " LOST);
    (void)new_link("B");
    close_link(a);
    w.holds = false;
    settle();
    heard("B note the connection to gomachine is lost (cable cut); reconnecting\n"
          "B " WAITS "B note connecting\nB ready /sup/2\n");
    finish();
}

static void test_keep_warm(void **state)
{
    (void)state;
    struct owner *a = begin();
    (void)new_control(a, "c");
    heard("c opened\n");
    close_link(a);
    pass((WARM - 1) * (uint64_t)MS);
    assert_non_null(w.carrier);
    struct owner *b = new_link("B");
    heard("B ready /sup/2\n");
    pass(2 * WARM * (uint64_t)MS);
    assert_int_equal(w.opens, 1);
    (void)new_control(b, "d");
    heard("d opened\n");
    close_link(b);
    pass((WARM + 1) * (uint64_t)MS);
    assert_null(w.carrier);
    (void)new_link("C");
    heard("C note connecting\nC ready /sup/3\n");
    finish();
}

static void test_release(void **state)
{
    (void)state;
    struct owner *a = begin();
    (void)new_control(a, "c");
    heard("c opened\n");
    machine_release(w.machine); /* the link still needs it */
    w.machine = NULL;
    pass(60 * MS);
    assert_non_null(w.carrier);
    close_link(a);
    settle();
    assert_true(labelled(ORDER_STREAM_CONTROL, 0)->reset); /* its end was said */
    assert_null(w.carrier);
    assert_int_equal(w.transports, 0);
    finish();
}

/* A session that ends while the connection is lost: that is said when it is back. */
static void test_an_end_that_is_owed(void **state)
{
    (void)state;
    struct owner *a = begin();
    (void)new_control(a, "c");
    heard("c opened\n");
    struct there *ct = labelled(ORDER_STREAM_CONTROL, 0);
    w.answer = REFUSE;
    w.loss = TRANSPORT_RETRY;
    lose(TRANSPORT_RETRY, "cable cut");
    heard("A note " LOST);
    close_link(a);
    machine_release(w.machine);
    w.machine = NULL;
    pass(120 * MS);
    assert_false(ct->reset);
    w.answer = ACCEPT;
    pass(31 * MS);
    assert_true(ct->reset);
    assert_null(w.carrier);
    assert_int_equal(w.transports, 0);
    heard("");
    finish();

    /* It is not tried for ever. */
    a = begin();
    (void)new_control(a, "c");
    heard("c opened\n");
    w.answer = REFUSE;
    w.loss = TRANSPORT_RETRY;
    lose(TRANSPORT_RETRY, "cable cut");
    heard("A note " LOST);
    close_link(a);
    machine_release(w.machine);
    w.machine = NULL;
    pass((LEASE + 40) * (uint64_t)MS);
    assert_int_equal(w.transports, 0);
    finish();
}

/* Nobody needs it: a loss is not answered with tries. */
static void test_lost_while_warm(void **state)
{
    (void)state;
    struct owner *a = begin();
    close_link(a);
    settle();
    lose(TRANSPORT_RETRY, "cable cut");
    pass(60 * MS);
    assert_int_equal(w.opens, 1);
    (void)new_link("B");
    heard("B note connecting\nB ready /sup/2\n");
    finish();
}

static void test_local(void **state)
{
    (void)state;
    start(&local);
    assert_true(w.machine->is_local);
    struct owner *a = new_link("A");
    heard("A note connecting\nA ready /sup/1\n");
    (void)new_control(a, "c");
    heard("c opened\n");
    lose(TRANSPORT_RETRY, "the supervisor was killed by signal 9");
    heard("A lost for now: the supervisor was killed by signal 9\n");
    pass(60 * MS);
    assert_int_equal(w.opens, 1);
    struct owner *b = new_link("B");
    heard("B note connecting\nB ready /sup/2\n");
    close_link(b);
    settle();
    assert_null(w.carrier); /* nothing is kept */
    finish();
}

static void test_putting_it_there(void **state)
{
    (void)state;
    start(&remote);
    w.answer = NEED;
    (void)new_link("A");
    heard("A note connecting\n"
          "A note copying the supervisor to gomachine\n"
          "A ready /sup/1\n");
    finish();

    start(&remote);
    w.answer = NEED_ANOTHER;
    (void)new_link("A");
    heard("A note connecting\n"
          "A lost gomachine has a processor of type vax, but this delvegate contains the supervisor only for x86_64; "
          "build delvegate with `make SUPERVISORS=\"x86_64 vax\"`\n");
    finish();

    start(&remote);
    w.answer = DISK_FULL;
    (void)new_link("A");
    heard("A note connecting\n"
          "A lost On gomachine the disk is full: the supervisor could not be written (/home); free some space on that "
          "disk\n");
    finish();
}

/* Each minute counts from the last that was heard of it: a slow link may take long for the program. */
static void test_a_slow_upload(void **state)
{
    (void)state;
    start(&remote);
    w.answer = NEED;
    (void)new_link("A");
    for (int i = 0; i < 6 && (!w.carrier || !w.carrier->uploads); i++) {
        (void)uv_run(&w.loop, UV_RUN_NOWAIT);
        (void)carry();
    }
    for (int minutes = 0; minutes < 4; minutes++) {
        w.holds = false;
        (void)uv_run(&w.loop, UV_RUN_NOWAIT);
        (void)carry();
        (void)uv_run(&w.loop, UV_RUN_NOWAIT);
        w.holds = true;
        pass(50 * MS);
    }
    w.holds = false;
    heard("A note connecting\n"
          "A note copying the supervisor to gomachine\n"
          "A ready /sup/1\n");
    finish();
}

static void test_nothing_comes(void **state)
{
    (void)state;
    start(&remote);
    (void)new_link("A");
    for (int i = 0; i < 4 && !(w.carrier && w.carrier->is_running); i++) {
        (void)uv_run(&w.loop, UV_RUN_NOWAIT);
        (void)carry();
    }
    w.holds = true;
    pass(61 * MS);
    heard(
        "A note connecting\nA lost for now: the supervisor on gomachine did not answer within 60 s; is the machine or "
        "its login shell stuck?\n");
    finish();

    /* It is there, and does not say what it is. */
    start(&remote);
    w.hides = true;
    (void)new_link("A");
    pass(61 * MS);
    heard(
        "A note connecting\nA lost for now: the supervisor on gomachine did not answer within 60 s; is the machine or "
        "its login shell stuck?\n");
    finish();

    start(&remote);
    w.garbage = "\xff\xff\xff\xff\0\0\0\1";
    (void)new_link("A");
    heard("A note connecting\n"
          "A lost the supervisor on gomachine sent an invalid greeting\n");
    finish();
}

/* The door says behind the tunnel's bytes that the supervisor has died. */
static void test_it_has_died(void **state)
{
    (void)state;
    (void)begin();
    buf_printf(&w.carrier->in, "\ndelvegate %s gone 12\n", w.carrier->nonce);
    new_supervisor();
    heard(
        "A note the connection to gomachine is lost: The supervisor on gomachine ended unexpectedly; reconnecting, "
        "while everything "
        "on that machine keeps running\n"
        "A " WAITS
        "A lost for now: the supervisor on gomachine is gone, and with it everything that it ran (the peer is another "
        "instance: the streams are lost): it was killed, or the machine was rebooted; start the session again\n");
    finish();
}

/* 32 MB one way, while another channel asks and is answered. */
static void test_much_beside_a_conversation(void **state)
{
    enum { SIZE = 32 * 1024 * 1024 };
    char *much = malloc(SIZE);
    int answers = 0;
    (void)state;
    assert_non_null(much);
    fill(much, SIZE, 3);
    struct owner *a = begin();
    link_on_stream(a->link, on_stream, a);
    struct user *s = new_stream(a, "s", 1);
    s->keeps_silent = true;
    heard("");
    struct there *st = labelled(ORDER_STREAM_CONNECT, 1);
    struct there *out = open_there(TUNNEL_BULK, 1, ORDER_STREAM_OUT, 1);
    heard("A stream 6 of 1\n");
    struct user *o = &w.users[w.user_count - 1];
    o->keeps_silent = true;
    give(out, much, SIZE);
    tunnel_end(w.t, out->number);
    for (int steps = 0; o->channel; steps++) {
        assert_true(steps < STEPS_MAX);
        size_t asked = st->got.len;
        if (s->got.len == asked) {
            (void)channel_write(s->channel, "?", 1);
            answers++;
        }
        (void)uv_run(&w.loop, UV_RUN_NOWAIT);
        (void)carry();
        if (st->got.len > asked)
            give(st, "!", 1);
    }
    heard("taken eof\ntaken closed there\n");
    assert_int_equal(o->got.len, SIZE);
    assert_memory_equal(o->got.data, much, SIZE);
    assert_true(answers > 100);
    /* The other way. */
    s->full = channel_write(s->channel, much, SIZE);
    assert_true(s->full);
    settle();
    assert_false(s->full);
    assert_memory_equal(st->got.data + st->got.len - SIZE, much, SIZE);
    free(much);
    finish();
}

/* More than may be queued: a part of it must not pass for the whole. */
static void test_too_much(void **state)
{
    enum { SIZE = 1024 * 1024 };
    static char much[SIZE];
    (void)state;
    struct owner *a = begin();
    struct user *s = new_stream(a, "s", 1);
    heard("s opened\n");
    struct there *st = labelled(ORDER_STREAM_CONNECT, 1);
    st->deaf = true;
    for (int i = 0; i < 70; i++)
        (void)channel_write(s->channel, much, sizeof much);
    settle();
    assert_true(st->reset);
    assert_int_equal(st->code, ENOBUFS);
    finish();
}

/* --- whatever an owner does in a handler --- */

static void act_close_link(void)
{
    for (size_t i = 0; i < w.owner_count; i++)
        if (w.owners[i].link)
            close_link(&w.owners[i]);
    forget_channels();
}

static void act_release(void)
{
    act_close_link();
    machine_release(w.machine);
    w.machine = NULL;
}

static void act_close_channels(void)
{
    for (size_t i = 0; i < w.user_count; i++)
        if (w.users[i].channel)
            close_user(&w.users[i]);
}

static void act_open(void)
{
    struct owner *o = &w.owners[0];
    struct user *u = o->link ? new_user("new") : NULL;
    if (u)
        u->channel = link_stream(o->link, 9, &channel_events, u);
    (void)new_link("N");
}

/* A whole life with one thing done at one event; nothing is heard of what was closed. */
static void live(const char *act_on, void (*act)(void))
{
    start(&remote);
    w.act_on = act_on;
    w.act = act;
    struct owner *a = new_link("A");
    (void)new_link("B");
    settle();
    struct user *c = NULL;
    if (a->link && link_dir(a->link)) {
        link_on_stream(a->link, on_stream, a);
        c = new_control(a, "c");
        settle();
    }
    struct there *ct = labelled(ORDER_STREAM_CONTROL, 0);
    static char much[2 * CHANNEL_HIGH_WATER];
    if (c && c->channel) {
        (void)channel_write(c->channel, much, sizeof much);
        give(ct, much, sizeof much);
        struct there *out = open_there(TUNNEL_BULK, 1, ORDER_STREAM_OUT, 1);
        give(out, "x", 1);
        tunnel_end(w.t, out->number);
        settle();
    }
    if (w.carrier) {
        lose(TRANSPORT_RETRY, "cable cut");
        settle();
    }
    if (c && c->channel && a->link) {
        struct user *u = new_stream(a, "u", 5);
        settle();
        struct there *ut = labelled(ORDER_STREAM_CONNECT, 5);
        if (u->channel && ut) {
            tunnel_reset(w.t, ut->number, EPIPE);
            tunnel_stop(w.t, ut->number);
        }
        settle();
        if (c->channel)
            tunnel_end(w.t, ct->number);
        settle();
    }
    if (w.carrier) {
        w.answer = REFUSE;
        w.loss = TRANSPORT_NEVER;
        lose(TRANSPORT_RETRY, "cable cut");
        settle();
    }
    if (w.act_on)
        fail_msg("%s was not heard in:\n%s", act_on, w.heard.data);
    finish();
}

static void test_whatever_is_done_in_a_handler(void **state)
{
    static const char *const events[] = {"A note connecting",
                                         "B note connecting",
                                         "A ready",
                                         "B ready",
                                         "c opened",
                                         "c data",
                                         "c drained",
                                         "A stream",
                                         "taken data",
                                         "taken eof",
                                         "taken closed",
                                         "A note the connection to gomachine is lost",
                                         "A note the connection to gomachine is restored",
                                         "u opened",
                                         "u closed broken",
                                         "c eof",
                                         "c closed",
                                         "A lost",
                                         "B lost"};
    static void (*const acts[])(void) = {act_close_link, act_release, act_close_channels, act_open};
    (void)state;
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        for (size_t k = 0; k < sizeof acts / sizeof *acts; k++)
            live(events[i], acts[k]);
}

/* --- targets --- */

static void test_targets_that_share_a_machine(void **state)
{
    struct config_target program = remote, other = remote, command = remote;
    char *podman[] = {(char *)"podman", (char *)"exec", NULL}, *docker[] = {(char *)"docker", (char *)"exec", NULL};
    (void)state;
    start(&remote);
    program.ssh_program = CONFIG_MAYBE_YES;
    other.ssh = (char *)"other";
    command.ssh = NULL;
    command.command = podman;
    struct machine *p = machine_of_target(&w.loop, &program), *o = machine_of_target(&w.loop, &other);
    struct machine *c = machine_of_target(&w.loop, &command);
    command.command = docker;
    struct machine *d = machine_of_target(&w.loop, &command), *l = machine_of_target(&w.loop, &local);
    struct machine *all[] = {w.machine, p, o, c, d, l};
    for (size_t i = 0; i < 6; i++)
        for (size_t k = 0; k < i; k++)
            assert_ptr_not_equal(all[i], all[k]);
    for (size_t i = 1; i < 6; i++)
        machine_release(all[i]);
    finish();
}

/* At the end of the process, with all in use. */
static void test_forget(void **state)
{
    (void)state;
    struct owner *a = begin();
    struct user *c = new_control(a, "c");
    (void)new_link("B");
    heard("B ready /sup/2\nc opened\n");
    c->channel = NULL;
    forget();
    assert_int_equal(w.quit_count, 1); /* nobody will come back to the supervisor */
    assert_null(w.carrier);
    w.machine = NULL;
    w.owner_count = 0;
    finish();
}

/* A name, or a pattern of names, may be given. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_water_marks),
        cmocka_unit_test(test_streams_from_there),
        cmocka_unit_test(test_lost_and_back),
        cmocka_unit_test(test_waits_grow),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_ask),
        cmocka_unit_test(test_asks_until_the_lease_is_over),
        cmocka_unit_test(test_never),
        cmocka_unit_test(test_the_lease_is_over),
        cmocka_unit_test(test_it_never_comes_up),
        cmocka_unit_test(test_a_link_while_it_is_lost),
        cmocka_unit_test(test_a_link_while_the_login_is_refused),
        cmocka_unit_test(test_a_gap_in_the_clock),
        cmocka_unit_test(test_another_supervisor),
        cmocka_unit_test(test_another_supervisor_for_a_new_link),
        cmocka_unit_test(test_keep_warm),
        cmocka_unit_test(test_release),
        cmocka_unit_test(test_an_end_that_is_owed),
        cmocka_unit_test(test_lost_while_warm),
        cmocka_unit_test(test_local),
        cmocka_unit_test(test_putting_it_there),
        cmocka_unit_test(test_a_slow_upload),
        cmocka_unit_test(test_nothing_comes),
        cmocka_unit_test(test_it_has_died),
        cmocka_unit_test(test_much_beside_a_conversation),
        cmocka_unit_test(test_too_much),
        cmocka_unit_test(test_whatever_is_done_in_a_handler),
        cmocka_unit_test(test_targets_that_share_a_machine),
        cmocka_unit_test(test_forget),
    };
    log_set_level(CONFIG_LOG_ERROR);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
