/* The tunnel to a machine's supervisor, over whatever carrier there is at present. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "proxy/base/log.h"
#include "proxy/machine/machine_private.h"

enum {
    OUTPUT_MAX = CARRIER_HIGH_WATER, /* bytes given to the carrier at once */
    MS = 1000,
    NS_IN_MS = 1000 * 1000
};

uint64_t machine_clock(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * MS + (uint64_t)now.tv_nsec / NS_IN_MS;
}

int machine_tunnel_new(struct remote_machine *m)
{
    struct tunnel_config config = {.side = TUNNEL_CALLER, .source = channel_source_bytes, .arg = m};
    if (getrandom(config.instance, sizeof config.instance, 0) != sizeof config.instance)
        return -1;
    (void)strncpy(config.build, DELVEGATE_VERSION, sizeof config.build);
    m->tunnel = tunnel_new(&config, machine_clock());
    return m->tunnel ? 0 : -1;
}

void machine_tunnel_free(struct remote_machine *m)
{
    channels_free(m);
    tunnel_free(m->tunnel);
    m->tunnel = NULL;
    buf_clear(&m->about_bytes);
    free(m->dir);
    m->dir = NULL;
}

void machine_tunnel_call(struct remote_machine *m)
{
    m->link_number = tunnel_call(m->tunnel, machine_clock());
    machine_schedule(m);
}

/* --- what the supervisor says of itself --- */

static void on_about(struct remote_machine *m, const struct order *o)
{
    const char *dir = order_get(o, ORDER_DIR), *text = order_get(o, ORDER_TEXT);
    if (o->kind == ORDER_NOTE && text)
        log_info(m->base.where, "%s", text);
    if (o->kind != ORDER_ABOUT || !dir || m->dir)
        return;
    m->dir = strdup(dir);
    log_debug(m->base.where, "the supervisor's directory is %s", dir);
    machine_on_about(m);
}

static void read_about(struct remote_machine *m)
{
    struct order o;
    struct err why;
    const void *bytes;
    size_t n;
    long used = 0;
    while (m->about && (n = tunnel_peek(m->tunnel, m->about->stream, &bytes)) > 0) {
        buf_append(&m->about_bytes, bytes, n);
        tunnel_consume(m->tunnel, m->about->stream, n);
    }
    while (m->about_bytes.len && (used = order_read(m->about_bytes.data, m->about_bytes.len, &o)) > 0) {
        on_about(m, &o);
        buf_consume(&m->about_bytes, (size_t)used);
    }
    if (used < 0 || m->about_bytes.failed) {
        err_set(&why, "the supervisor on %s sent an invalid greeting", m->base.where);
        machine_lose(m, &why, false);
    }
}

/* --- events --- */

static void take_events(struct remote_machine *m)
{
    struct tunnel_event event;
    while (m->tunnel && tunnel_event(m->tunnel, &event)) {
        if (event.kind == TUNNEL_EVENT_UP)
            machine_on_up(m);
        else if (event.kind == TUNNEL_EVENT_GAP && m->state == MACHINE_UP)
            log_info(m->base.where, "the clock has jumped: checking the connection");
        else
            channel_on_event(m, &event);
    }
    if (m->tunnel && m->about)
        read_about(m);
}

static void fail_tunnel(struct remote_machine *m)
{
    struct err why;
    bool was_resumed = m->lost_at != 0;
    bool is_another = tunnel_state(m->tunnel) == TUNNEL_LOST && was_resumed;
    if (is_another)
        err_set(&why,
                "the supervisor on %s is gone, and with it everything that it ran (%s): it was killed, or the machine "
                "was rebooted; start the session again",
                m->base.where, tunnel_reason(m->tunnel));
    else
        err_set(&why, "protocol error between delvegate and the supervisor on %s: %s", m->base.where,
                tunnel_reason(m->tunnel));
    if (is_another)
        machine_lose_sessions(m, &why);
    else
        machine_lose(m, &why, false);
}

/* What the tunnel answered when bytes or time came. */
static void handle_result(struct remote_machine *m, enum tunnel_result result)
{
    struct err why;
    if (result == TUNNEL_FAILED || tunnel_state(m->tunnel) >= TUNNEL_LOST) {
        fail_tunnel(m);
    } else if (result == TUNNEL_NO_LINK && m->carrier) {
        err_set(&why, "%s", tunnel_reason(m->tunnel));
        carrier_close(m->carrier);
        m->carrier = NULL;
        machine_carrier_lost(m, &why, TRANSPORT_RETRY);
    }
}

void machine_tunnel_receive(struct remote_machine *m, const char *data, size_t len)
{
    m->heard_at = machine_clock();
    handle_result(m, tunnel_receive(m->tunnel, m->link_number, data, len, m->heard_at));
    machine_turn(m);
}

/* While the supervisor is being reached, which may wait for a person, no time passes for the tunnel. */
static bool speaks(const struct remote_machine *m)
{
    return m->state == MACHINE_GREETING || m->state == MACHINE_UP;
}

static void send_output(struct remote_machine *m)
{
    static char out[OUTPUT_MAX];
    while (speaks(m) && m->carrier && m->tunnel && carrier_queued(m->carrier) < CARRIER_HIGH_WATER) {
        size_t n = tunnel_output(m->tunnel, out, sizeof out, machine_clock());
        if (n == 0)
            return;
        (void)carrier_write(m->carrier, out, n);
    }
}

static void set_clock(struct remote_machine *m)
{
    uint64_t now = machine_clock();
    uint64_t next = TUNNEL_NEVER;
    if (m->state == MACHINE_RETRYING)
        next = now + TUNNEL_BEAT_MS; /* to see whether the clock jumps */
    else if (m->tunnel && speaks(m))
        next = tunnel_next_tick(m->tunnel);
    m->tick_due = next;
    if (next == TUNNEL_NEVER)
        timer_stop(m->tick);
    else
        timer_start(m->tick, next > now ? next - now : 0, 0);
}

void machine_turn(struct remote_machine *m)
{
    if (m->in_turn)
        return;
    m->in_turn = true;
    if (m->tunnel && speaks(m))
        handle_result(m, tunnel_tick(m->tunnel, machine_clock()));
    take_events(m);
    channels_turn(m);
    send_output(m);
    take_events(m);
    set_clock(m);
    m->in_turn = false;
}
