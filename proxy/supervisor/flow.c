/* From a descriptor to a stream. While there is a link the bytes go straight into the tunnel's frames, as it asks for
 * them; without one they are kept. */
#include "proxy/supervisor/flow.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "proxy/supervisor/flow_kept.h"
#include "proxy/supervisor/flow_private.h"

enum {
    TURN_MAX = 256 * 1024, /* bytes that are kept or dropped before others have their turn */
    DROP_SIZE = 16 * 1024,
    TERMINAL_LEFT = 64 * 1024 /* in a terminal when it is finished: it does not say how much there is */
};

enum outflow_state {
    OUTFLOW_OPEN,
    OUTFLOW_READ,  /* to its end; not all is handed to the tunnel */
    OUTFLOW_ENDED, /* all is, and its owner knows */
    OUTFLOW_CUT,   /* nobody reads it there */
    OUTFLOW_MUTED,
    OUTFLOW_OVER /* muted, and read to its end */
};

struct outflow {
    struct outflow *next;
    struct outflow_order order;
    enum outflow_state state;
    struct stream stream;
    struct watch in;
    struct alarm settle; /* what may not happen while the tunnel asks */
    struct flow_kept kept;
    bool was_full;
    bool is_finishing;
    size_t left;                 /* bytes to be read then */
    struct stream_writer writer; /* of a terminal */
};

static struct outflow *outflows;
static bool is_down = true;

static struct outflow *of(struct stream *stream)
{
    return (struct outflow *)((char *)stream - offsetof(struct outflow, stream));
}

int flow_set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* --- Reading --- */

/* Returns how many bytes were read; 0: it is over; -1: there is nothing now. */
static ssize_t read_some(struct outflow *o, void *room, size_t n)
{
    if (o->is_finishing && n > o->left)
        n = o->left;
    if (n == 0)
        return 0;
    ssize_t got;
    do
        got = read(o->order.fd, room, n);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        /* A terminal whose other end is closed says EIO. */
        return (errno == EAGAIN || errno == EWOULDBLOCK) && !o->is_finishing ? -1 : 0;
    if (o->is_finishing)
        o->left -= (size_t)got;
    if (got > 0 && o->order.passed)
        o->order.passed(o->order.arg, room, (size_t)got);
    return got;
}

static void is_read(struct outflow *o)
{
    loop_unwatch(&o->in);
    o->state = o->state == OUTFLOW_MUTED ? OUTFLOW_OVER : OUTFLOW_READ;
    loop_alarm(&o->settle, 0);
}

static size_t give(struct stream *stream, void *room, size_t n)
{
    struct outflow *o = of(stream);
    size_t kept = kept_take(&o->kept, room, n);
    if (kept)
        return kept;
    if (o->kept.error || o->state != OUTFLOW_OPEN) {
        loop_alarm(&o->settle, 0);
        return 0;
    }
    ssize_t got = read_some(o, room, n);
    if (got > 0)
        return (size_t)got;
    if (got == 0)
        is_read(o);
    else
        loop_watch(&o->in);
    return 0;
}

/* Returns false when its bounds are reached: the program waits from now on. */
static bool has_room(struct outflow *o, char **room, size_t *size)
{
    *room = kept_room(&o->kept, size);
    if (*room)
        return true;
    o->was_full = true;
    loop_unwatch(&o->in);
    return false;
}

/* Without a link. */
static void keep(struct outflow *o)
{
    ssize_t got = 1;
    char *room;
    size_t size;
    bool has = has_room(o, &room, &size);
    for (size_t done = 0; has && got > 0 && done < TURN_MAX; done += (size_t)got) {
        got = read_some(o, room, size);
        if (got <= 0)
            break;
        kept_added(&o->kept, (size_t)got);
        has = has_room(o, &room, &size);
    }
    if (got == 0)
        is_read(o);
}

static void drop(struct outflow *o)
{
    char room[DROP_SIZE];
    ssize_t got = 1;
    for (size_t done = 0; got > 0 && done < TURN_MAX; done += (size_t)got)
        got = read_some(o, room, sizeof room);
    if (got == 0)
        is_read(o);
    else
        loop_watch(&o->in);
}

static void on_ready(void *arg, short revents)
{
    struct outflow *o = arg;
    (void)revents;
    if (o->state == OUTFLOW_MUTED) {
        drop(o);
    } else if (is_down) {
        keep(o);
    } else {
        loop_unwatch(&o->in);
        stream_ready(&o->stream);
    }
}

/* --- What comes of it --- */

static void on_settle(void *arg)
{
    struct outflow *o = arg;
    if (o->kept.error) {
        stream_reset(&o->stream, (uint32_t)o->kept.error);
        o->state = OUTFLOW_CUT;
        o->order.over(o->order.arg);
    } else if (o->state == OUTFLOW_READ && kept_is_empty(&o->kept)) {
        stream_end(&o->stream);
        o->state = OUTFLOW_ENDED;
        o->order.over(o->order.arg);
    } else if (o->state == OUTFLOW_OVER) {
        o->order.over(o->order.arg);
    } else if (o->state == OUTFLOW_MUTED) {
        drop(o);
    }
}

static void on_cut(struct stream *stream)
{
    struct outflow *o = of(stream);
    if (o->state > OUTFLOW_READ)
        return;
    o->state = OUTFLOW_CUT;
    loop_unwatch(&o->in);
    o->order.over(o->order.arg);
}

static void on_readable(struct stream *stream)
{
    stream_writer_flush(&of(stream)->writer);
}

static void begin(struct outflow *o)
{
    if (is_down || kept_is_empty(&o->kept))
        loop_watch(&o->in);
    else
        loop_unwatch(&o->in);
}

/* The tunnel asks for what was kept, then reads on. */
static void link_is_back(struct outflow *o)
{
    if (o->state == OUTFLOW_READ)
        loop_alarm(&o->settle, 0);
    if (o->state <= OUTFLOW_READ && !kept_is_empty(&o->kept)) {
        loop_unwatch(&o->in);
        stream_ready(&o->stream);
    } else if (o->state == OUTFLOW_OPEN) {
        begin(o);
    }
    bool waited = o->was_full;
    o->was_full = false;
    if (waited && o->order.waited)
        o->order.waited(o->order.arg);
}

void flow_outage(bool down)
{
    struct outflow *next;
    bool was_down = is_down;
    is_down = down;
    if (was_down == down)
        return;
    for (struct outflow *o = outflows; o; o = next) {
        next = o->next;
        if (!down)
            link_is_back(o);
        else if (o->state == OUTFLOW_OPEN)
            begin(o);
    }
    connect_outage(down);
}

/* --- Its life --- */

static void free_outflow(struct outflow *o)
{
    if (o->order.fd >= 0 && !o->order.keep_fd)
        (void)close(o->order.fd);
    kept_free(&o->kept);
    free(o);
}

static struct outflow *new_outflow(const struct outflow_order *order)
{
    static const struct stream_ops one_way = {.give = give, .stopped = on_cut, .closed = on_cut};
    static const struct stream_ops both_ways = {
        .give = give, .readable = on_readable, .stopped = on_cut, .closed = on_cut};
    struct outflow *o = malloc(sizeof *o);
    if (!o)
        return NULL;
    bool both = order->stream == ORDER_STREAM_TERMINAL;
    *o = (struct outflow){.order = *order, .stream = {.ops = both ? &both_ways : &one_way}};
    o->in = (struct watch){.fd = order->fd, .events = POLLIN, .ready = on_ready, .arg = o};
    o->settle = (struct alarm){.ring = on_settle, .arg = o};
    stream_writer_init(&o->writer, order->fd, &o->stream, NULL, o);
    if (kept_init(&o->kept, order->spill, order->spill_max) == 0 && flow_set_nonblocking(order->fd) == 0 &&
        uplink_open(&o->stream, order->class, order->stream, order->number, order->session) == 0)
        return o;
    kept_free(&o->kept);
    free(o);
    return NULL;
}

struct outflow *outflow_new(const struct outflow_order *order)
{
    struct outflow *o = new_outflow(order);
    if (!o) {
        if (!order->keep_fd)
            (void)close(order->fd);
        return NULL;
    }
    if (order->stream != ORDER_STREAM_TERMINAL)
        stream_stop(&o->stream);
    o->next = outflows;
    outflows = o;
    loop_watch(&o->in);
    return o;
}

void outflow_finish(struct outflow *o)
{
    int left = 0;
    if ((o->state != OUTFLOW_OPEN && o->state != OUTFLOW_MUTED) || o->is_finishing)
        return;
    if (isatty(o->order.fd) || ioctl(o->order.fd, FIONREAD, &left) < 0)
        left = TERMINAL_LEFT;
    o->is_finishing = true;
    o->left = (size_t)left;
    if (o->state == OUTFLOW_MUTED)
        loop_alarm(&o->settle, 0);
    else if (!is_down)
        stream_ready(&o->stream);
    else if (left == 0)
        is_read(o);
    else
        keep(o);
}

bool outflow_is_cut(const struct outflow *o)
{
    return o->state == OUTFLOW_CUT;
}

void outflow_mute(struct outflow *o)
{
    bool is_at_end = o->state == OUTFLOW_READ;
    if (o->state > OUTFLOW_CUT || o->state == OUTFLOW_ENDED)
        return;
    stream_writer_stop(&o->writer);
    stream_abandon(&o->stream);
    kept_free(&o->kept);
    o->kept.error = 0;
    o->state = OUTFLOW_MUTED;
    if (is_at_end)
        is_read(o);
    else
        loop_alarm(&o->settle, 0);
}

void outflow_free(struct outflow *o)
{
    if (!o)
        return;
    struct outflow **at = &outflows;
    while (*at != o)
        at = &(*at)->next;
    *at = o->next;
    loop_unwatch(&o->in);
    loop_disarm(&o->settle);
    stream_writer_stop(&o->writer);
    if (o->state == OUTFLOW_ENDED)
        stream_leave(&o->stream);
    else
        stream_abandon(&o->stream);
    free_outflow(o);
}
