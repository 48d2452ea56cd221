#include "proxy/supervisor/uplink.h"

#include <string.h>
#include <sys/random.h>

#include "proxy/supervisor/uplink_private.h"

enum { REPLACED_MAX = 64 /* callers that are not taken again, the last ones */ };

static struct {
    struct tunnel *tunnel;
    struct tunnel_config config;
    struct uplink_handler handler;
    void *arg;
    struct stream *streams; /* of this tunnel */
    struct stream *lost;    /* of one that is over, not reported yet */
    struct alarm tick;
    struct alarm events;
    uint64_t heard_at;
    bool taking; /* events: those that come meanwhile are taken, too */
    bool was_up; /* this tunnel, once */
    bool is_up;  /* as its owner knows it */

    bool has_caller;
    unsigned char caller[TUNNEL_ID_SIZE];
    unsigned char replaced[REPLACED_MAX][TUNNEL_ID_SIZE];
    size_t replaced_count; /* from the beginning */
} up;

struct tunnel *uplink_tunnel(void)
{
    return up.tunnel;
}

/* --- Streams and their owners --- */

static void join(struct stream *s)
{
    s->next = up.streams;
    up.streams = s;
}

static void part(struct stream *s)
{
    struct stream **lists[] = {&up.streams, &up.lost};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct stream **at = lists[i];
        while (*at && *at != s)
            at = &(*at)->next;
        if (*at)
            *at = s->next;
    }
    s->number = 0;
    s->next = NULL;
}

static size_t ask(void *arg, uint32_t number, void *data, void *room, size_t n)
{
    struct stream *s = data;
    (void)arg;
    (void)number;
    return s && s->ops->give ? s->ops->give(s, room, n) : 0;
}

int uplink_open(struct stream *s, enum tunnel_class class, enum order_stream stream, uint32_t number, uint32_t session)
{
    s->number = tunnel_open(up.tunnel, class, session, order_label(stream, number), s);
    if (s->number == 0)
        return -1;
    join(s);
    uplink_changed();
    return 0;
}

void stream_ready(struct stream *s)
{
    tunnel_ready(up.tunnel, s->number);
    uplink_changed();
}

void stream_end(struct stream *s)
{
    tunnel_end(up.tunnel, s->number);
    uplink_changed();
}

void stream_reset(struct stream *s, uint32_t code)
{
    tunnel_reset(up.tunnel, s->number, code);
    uplink_changed();
}

void stream_stop(struct stream *s)
{
    tunnel_stop(up.tunnel, s->number);
    uplink_changed();
}

void stream_widen(struct stream *s, uint32_t window)
{
    (void)tunnel_widen(up.tunnel, s->number, window);
    uplink_changed();
}

size_t stream_peek(struct stream *s, const void **bytes)
{
    return tunnel_peek(up.tunnel, s->number, bytes);
}

void stream_consume(struct stream *s, size_t n)
{
    tunnel_consume(up.tunnel, s->number, n);
    uplink_changed();
}

void stream_move(struct stream *to, struct stream *from)
{
    uint32_t number = from->number;
    bool is_lost = number == 0;
    part(from);
    to->number = number;
    if (is_lost)
        return;
    join(to);
    tunnel_set_data(up.tunnel, number, to);
}

static void give_up(uint32_t number)
{
    tunnel_set_data(up.tunnel, number, NULL);
    tunnel_reset(up.tunnel, number, 0);
    tunnel_stop(up.tunnel, number);
}

void stream_leave(struct stream *s)
{
    if (s->number) {
        tunnel_set_data(up.tunnel, s->number, NULL);
        tunnel_stop(up.tunnel, s->number);
    }
    part(s);
    uplink_changed();
}

void stream_abandon(struct stream *s)
{
    if (s->number)
        give_up(s->number);
    part(s);
    uplink_changed();
}

/* --- Events --- */

static void opened(const struct tunnel_event *e)
{
    enum order_stream stream = order_label_stream(e->label);
    struct stream *s = up.handler.opened(up.arg, stream, order_label_number(e->label), e->session);
    if (!s) {
        give_up(e->stream);
        return;
    }
    s->number = e->stream;
    join(s);
    tunnel_set_data(up.tunnel, e->stream, s);
}

static void closed(struct stream *s)
{
    part(s);
    if (s->ops->closed)
        s->ops->closed(s);
}

static void of_stream(const struct tunnel_event *e)
{
    struct stream *s = e->data;
    if (e->kind == TUNNEL_EVENT_OPENED)
        opened(e);
    else if (!s)
        return;
    else if (e->kind == TUNNEL_EVENT_READABLE && s->ops->readable)
        s->ops->readable(s);
    else if (e->kind == TUNNEL_EVENT_END && s->ops->ended)
        s->ops->ended(s);
    else if (e->kind == TUNNEL_EVENT_RESET && s->ops->reset)
        s->ops->reset(s, e->code);
    else if (e->kind == TUNNEL_EVENT_STOPPED && s->ops->stopped)
        s->ops->stopped(s);
    else if (e->kind == TUNNEL_EVENT_CLOSED)
        closed(s);
}

static void went_up(void)
{
    bool is_new = !up.was_up;
    up.was_up = up.is_up = true;
    if (up.handler.up)
        up.handler.up(up.arg, is_new);
}

void uplink_went_down(void)
{
    if (!up.is_up)
        return;
    up.is_up = false;
    if (up.handler.down)
        up.handler.down(up.arg, tunnel_reason(up.tunnel));
}

/* Those of a tunnel that is over. What its owners open meanwhile is the new one's. */
static void lose_streams(void)
{
    struct stream *s;
    while ((s = up.lost))
        closed(s);
}

void uplink_take_events(void)
{
    struct tunnel_event e;
    up.taking = true;
    loop_disarm(&up.events);
    lose_streams();
    while (tunnel_event(up.tunnel, &e)) {
        if (e.stream)
            of_stream(&e);
        else if (e.kind == TUNNEL_EVENT_UP)
            went_up();
        lose_streams();
    }
    uplink_changed();
    up.taking = false;
}

static void on_events(void *arg)
{
    (void)arg;
    uplink_take_events();
}

static void on_tick(void *arg)
{
    (void)arg;
    enum tunnel_result r = tunnel_tick(up.tunnel, loop_now());
    if (r == TUNNEL_NO_LINK) {
        link_drop_present();
        uplink_went_down();
    }
    uplink_check(r);
    uplink_take_events();
}

void uplink_changed(void)
{
    uint64_t next = tunnel_next_tick(up.tunnel);
    uint64_t now = loop_now();
    if (next == TUNNEL_NEVER)
        loop_disarm(&up.tick);
    else if (!up.tick.on || up.tick.at != next)
        loop_alarm(&up.tick, next > now ? next - now : 0);
    if (!up.taking && !up.events.on)
        loop_alarm(&up.events, 0);
    link_settle();
}

/* --- Which tunnel --- */

/* Each has an instance of its own: who resumes one that is over must not be taken for a caller of the next. */
static struct tunnel *another_tunnel(void)
{
    if (getrandom(up.config.instance, sizeof up.config.instance, 0) != sizeof up.config.instance)
        return NULL;
    /* Zero is nobody. */
    up.config.instance[0] |= 1;
    return tunnel_new(&up.config, loop_now());
}

int uplink_init(const char *build, const struct uplink_handler *h, void *arg)
{
    size_t len = strlen(build);
    up.handler = *h;
    up.arg = arg;
    up.config = (struct tunnel_config){.side = TUNNEL_ANSWERER, .source = ask};
    memcpy(up.config.build, build, len < sizeof up.config.build ? len : sizeof up.config.build);
    up.tick = (struct alarm){.ring = on_tick};
    up.events = (struct alarm){.ring = on_events};
    up.heard_at = loop_now();
    up.tunnel = another_tunnel();
    return up.tunnel ? 0 : -1;
}

static bool was_replaced(const unsigned char caller[TUNNEL_ID_SIZE])
{
    size_t known = up.replaced_count < REPLACED_MAX ? up.replaced_count : REPLACED_MAX;
    for (size_t i = 0; i < known; i++)
        if (memcmp(up.replaced[i], caller, TUNNEL_ID_SIZE) == 0)
            return true;
    return false;
}

static void forget_caller(void)
{
    if (!up.has_caller)
        return;
    memcpy(up.replaced[up.replaced_count++ % REPLACED_MAX], up.caller, TUNNEL_ID_SIZE);
    up.has_caller = false;
}

/* The tunnel is over; its streams are notified in the next turn at the latest. Returns -1 when memory or randomness is
 * short: then it is as it was. */
static int replace_tunnel(void)
{
    struct tunnel *t = another_tunnel();
    if (!t)
        return -1;
    link_drop_present();
    uplink_went_down();
    tunnel_free(up.tunnel);
    up.tunnel = t;
    up.was_up = false;
    forget_caller();
    for (struct stream **at = &up.lost;; at = &(*at)->next)
        if (!*at) {
            *at = up.streams;
            break;
        }
    up.streams = NULL;
    for (struct stream *s = up.lost; s; s = s->next)
        s->number = 0;
    if (!up.events.on)
        loop_alarm(&up.events, 0);
    return 0;
}

void uplink_check(enum tunnel_result r)
{
    if (r == TUNNEL_FAILED)
        (void)replace_tunnel();
}

static bool is_nobody(const unsigned char id[TUNNEL_ID_SIZE])
{
    static const unsigned char nobody[TUNNEL_ID_SIZE];
    return memcmp(id, nobody, TUNNEL_ID_SIZE) == 0;
}

/* A caller that begins and was not here before takes over: it is delvegate, started again. */
static bool is_new_caller(const struct tunnel_hello *hello)
{
    return hello->protocol == TUNNEL_PROTOCOL && is_nobody(hello->peer) && !was_replaced(hello->instance);
}

enum tunnel_result uplink_answer(const struct tunnel_hello *hello)
{
    /* A late first hello of one that was replaced: nobody waits for its streams. */
    if (was_replaced(hello->instance))
        return TUNNEL_OTHER;
    enum tunnel_result r = tunnel_answer(up.tunnel, hello, loop_now());
    if (r == TUNNEL_OTHER && is_new_caller(hello) && replace_tunnel() == 0)
        r = tunnel_answer(up.tunnel, hello, loop_now());
    if (r == TUNNEL_OK) {
        memcpy(up.caller, hello->instance, TUNNEL_ID_SIZE);
        up.has_caller = true;
    }
    return r;
}

/* --- */

void uplink_heard(void)
{
    up.heard_at = loop_now();
}

uint64_t uplink_silence(void)
{
    return loop_now() - up.heard_at;
}

bool uplink_is_up(void)
{
    return up.is_up;
}
