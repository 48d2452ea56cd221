/* The machines that targets name: who uses them, and the way to each, made again when it breaks. */
#include <stdlib.h>
#include <string.h>

#include "proxy/base/log.h"
#include "proxy/base/state.h"
#include "proxy/machine/machine_private.h"
#include "proxy/machine/transport_target.h"

enum {
    MS = 1000,
    LEAVE_MS = 2 * MS,      /* for a supervisor that is told to end */
    ABOUT_MAX = 256 * 1024, /* bytes of what a supervisor says of itself, and not taken yet */
    HEARD_SLACK_MS = 500,   /* the last that was heard may be what a wait began with */
    QUIET_MS = 12 * MS /* nothing was heard for so long, while beats are due: nothing can be said of what is there */
};

static struct remote_machine *machines; /* all that exist; a daemon has one loop and one thread */

static const char *const state_names[] = {"idle", "connecting", "booting", "greeting", "up", "retrying", "asking"};
#define DOWN (STATE_BIT(MACHINE_IDLE) | STATE_BIT(MACHINE_RETRYING) | STATE_BIT(MACHINE_ASKING))
static const unsigned legal_edges[] = {
    [MACHINE_IDLE] = STATE_BIT(MACHINE_CONNECTING),
    [MACHINE_CONNECTING] = STATE_BIT(MACHINE_BOOTING) | STATE_BIT(MACHINE_GREETING) | DOWN,
    [MACHINE_BOOTING] = STATE_BIT(MACHINE_GREETING) | DOWN,
    [MACHINE_GREETING] = STATE_BIT(MACHINE_UP) | DOWN,
    [MACHINE_UP] = DOWN,
    [MACHINE_RETRYING] = STATE_BIT(MACHINE_CONNECTING) | STATE_BIT(MACHINE_IDLE),
    [MACHINE_ASKING] = STATE_BIT(MACHINE_CONNECTING) | STATE_BIT(MACHINE_IDLE),
};
static const struct states states = {"machine", state_names, legal_edges};

static struct remote_machine *of(struct machine *base)
{
    return (struct remote_machine *)base;
}

void machine_set_state(struct remote_machine *m, enum machine_state state, const char *reason)
{
    m->state = (enum machine_state)state_next(&states, m->state, state, CONFIG_LOG_DEBUG, m->base.where, reason);
}

void machine_schedule(struct remote_machine *m)
{
    timer_start(m->soon, 0, 0);
}

/* --- links --- */

void machine_note_all(struct remote_machine *m, const char *text)
{
    for (struct session_link *l = m->links, *next; l; l = next) {
        next = l->next;
        if (l->handler && l->handler->note)
            l->handler->note(l->arg, text);
    }
}

struct session_link *machine_find_link(struct remote_machine *m, uint32_t session)
{
    for (struct session_link *l = m->links; l; l = l->next)
        if (l->session == session && l->handler)
            return l;
    return NULL;
}

static bool make_dir(struct session_link *l, const char *dir)
{
    struct buf path;
    buf_init(&path, TUNNEL_PAYLOAD_MAX);
    buf_printf(&path, "%s/%u", dir, l->session);
    free(l->dir);
    l->dir = path.failed ? NULL : buf_take(&path);
    buf_free(&path);
    return l->dir != NULL;
}

/* Tells the owners of links that are not ready yet. */
static void notify_links_ready(struct remote_machine *m)
{
    if (m->state != MACHINE_UP || !m->dir)
        return;
    for (struct session_link *l = m->links; l; l = l->next) {
        if (!l->handler || l->notified_ready || !make_dir(l, m->dir))
            continue;
        l->notified_ready = true;
        l->handler->ready(l->arg);
    }
}

static void free_link(struct remote_machine *m, struct session_link *l)
{
    struct session_link **at = &m->links;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    free(l->dir);
    free(l);
}

/* --- ways --- */

bool machine_is_needed(const struct remote_machine *m)
{
    struct tunnel_stats stats = {0};
    for (const struct session_link *l = m->links; l; l = l->next)
        if (l->handler)
            return true;
    /* An end that could not be said yet is owed to the machine. */
    if (m->tunnel)
        tunnel_stats(m->tunnel, &stats);
    return stats.streams > (m->about ? 1U : 0U);
}

void machine_go_idle(struct remote_machine *m, const char *reason)
{
    m->is_leaving = false;
    machine_close_carrier(m);
    timer_stop(m->retry);
    timer_stop(m->warm);
    machine_tunnel_free(m);
    machine_outage_forget(m);
    if (m->state != MACHINE_IDLE)
        machine_set_state(m, MACHINE_IDLE, reason);
}

void machine_notify_lost(struct remote_machine *m, const struct err *why, bool transient, bool fresh, bool ready)
{
    for (struct session_link *l = m->links; l; l = l->next) {
        const struct link_handler *h = l->handler;
        if (!h || !(l->notified_ready ? ready : fresh))
            continue;
        l->handler = NULL;
        h->lost(l->arg, why, transient);
    }
    machine_schedule(m);
}

static void drop_channels(struct remote_machine *m)
{
    for (struct session_link *l = m->links; l; l = l->next)
        channels_abandon(l);
}

void machine_lose(struct remote_machine *m, const struct err *why, bool transient)
{
    struct err copy = *why;
    drop_channels(m);
    machine_go_idle(m, copy.text);
    machine_notify_lost(m, &copy, transient, true, true);
}

void machine_lose_sessions(struct remote_machine *m, const struct err *why)
{
    struct err copy = *why;
    drop_channels(m);
    machine_go_idle(m, copy.text);
    machine_notify_lost(m, &copy, true, false, true);
    if (machine_is_needed(m))
        timer_start(m->retry, 0, 0);
}

/* --- timers --- */

static void on_retry(void *arg)
{
    struct remote_machine *m = arg;
    if (!m->carrier && (m->state == MACHINE_IDLE || m->state == MACHINE_RETRYING || m->state == MACHINE_ASKING))
        machine_connect(m);
}

static void destroy(struct remote_machine *m);

/* Nobody will come back to this supervisor: it is told to end. Returns whether that is waited for. */
static bool leave(struct remote_machine *m)
{
    bool comes_back = m->references > 0 && m->keep_warm_seconds > 0;
    if (m->base.is_local || comes_back || m->is_leaving || m->state != MACHINE_UP)
        return false;
    log_debug(m->base.where, "its supervisor is asked to end");
    m->is_leaving = tunnel_open(m->tunnel, TUNNEL_CONTROL, 0, order_label(ORDER_STREAM_QUIT, 0), NULL) != 0;
    machine_turn(m);
    timer_start(m->warm, LEAVE_MS, 0);
    return m->is_leaving;
}

static void on_warm(void *arg)
{
    struct remote_machine *m = arg;
    if (m->is_leaving || (!machine_is_needed(m) && !leave(m)))
        machine_go_idle(m, "no session has needed it for a while");
    if (!m->is_leaving)
        machine_schedule(m);
}

/* After everything else: what nobody needs any more goes. */
static void settle(struct remote_machine *m)
{
    for (struct session_link *l = m->links, *next; l; l = next) {
        next = l->next;
        if (!l->handler)
            free_link(m, l);
    }
    if (m->is_leaving)
        return;
    if (machine_is_needed(m)) {
        timer_stop(m->warm);
        return;
    }
    if (m->state == MACHINE_IDLE) {
        if (m->references == 0)
            destroy(m);
        return;
    }
    bool is_kept = m->state == MACHINE_UP && m->references > 0 && !m->base.is_local;
    timer_start(m->warm, is_kept ? (uint64_t)m->keep_warm_seconds * MS : 0, 0);
}

static void on_soon(void *arg)
{
    struct remote_machine *m = arg;
    machine_outage_notify(m);
    notify_links_ready(m);
    machine_turn(m);
    settle(m);
}

static void on_tick(void *arg)
{
    struct remote_machine *m = arg;
    if (machine_clock() > m->tick_due + TUNNEL_BEAT_MS)
        machine_outage_gap(m);
    machine_turn(m);
}

void machine_on_up(struct remote_machine *m)
{
    if (m->dir)
        timer_stop(m->deadline);
    machine_set_state(m, MACHINE_UP, "the supervisor has answered");
    m->attempts = 0;
    m->up_at = machine_clock();
    machine_outage_over(m);
    notify_links_ready(m);
}

void machine_on_about(struct remote_machine *m)
{
    timer_stop(m->deadline);
    notify_links_ready(m);
}

/* --- the calls --- */

static void destroy(struct remote_machine *m)
{
    for (struct remote_machine **at = &machines; *at; at = &(*at)->next)
        if (*at == m) {
            *at = m->next;
            break;
        }
    machine_close_carrier(m);
    machine_tunnel_free(m);
    while (m->links)
        free_link(m, m->links);
    transport_free(m->transport);
    timer_free(m->soon);
    timer_free(m->tick);
    timer_free(m->retry);
    timer_free(m->warm);
    timer_free(m->deadline);
    timer_free(m->patience);
    timer_free(m->lease);
    buf_free(&m->about_bytes);
    free(m->name);
    free(m);
}

/* What a machine is known by: targets with the same words share it. */
static char *name_of(const struct config_target *target)
{
    struct buf name;
    buf_init(&name, TUNNEL_PAYLOAD_MAX);
    if (target->ssh)
        buf_printf(&name, "ssh %d %s", target->ssh_program, target->ssh);
    for (char **word = target->command; word && *word; word++)
        buf_printf(&name, "command %s\n", *word);
    if (name.len == 0)
        buf_puts(&name, "local");
    char *text = name.failed ? NULL : buf_take(&name);
    buf_free(&name);
    return text;
}

static struct remote_machine *machine_new(uv_loop_t *loop, const struct config_target *target, char *name)
{
    struct remote_machine *m = calloc(1, sizeof *m);
    if (!m) {
        free(name);
        return NULL;
    }
    m->loop = loop;
    m->name = name;
    m->next = machines;
    machines = m;
    buf_init(&m->about_bytes, ABOUT_MAX);
    m->soon = timer_new(loop, on_soon, m);
    m->tick = timer_new(loop, on_tick, m);
    m->retry = timer_new(loop, on_retry, m);
    m->warm = timer_new(loop, on_warm, m);
    m->deadline = timer_new(loop, machine_answer_timeout, m);
    m->patience = timer_new(loop, machine_outage_patience, m);
    m->lease = timer_new(loop, machine_outage_lease, m);
    m->transport = transport_of_target(loop, target);
    if (!m->soon || !m->tick || !m->retry || !m->warm || !m->deadline || !m->patience || !m->lease || !m->transport) {
        destroy(m);
        return NULL;
    }
    m->base = (struct machine){.is_local = m->transport->is_local, .where = m->transport->where};
    return m;
}

struct machine *machine_of_target(uv_loop_t *loop, const struct config_target *target)
{
    char *name = name_of(target);
    struct remote_machine *m = machines;
    if (!name)
        return NULL;
    while (m && (m->loop != loop || strcmp(m->name, name) != 0))
        m = m->next;
    if (m)
        free(name);
    else
        m = machine_new(loop, target, name);
    if (!m)
        return NULL;
    m->references++;
    if (target->keep_warm_seconds > m->keep_warm_seconds)
        m->keep_warm_seconds = target->keep_warm_seconds;
    if (target->lease_seconds > m->lease_seconds)
        m->lease_seconds = target->lease_seconds;
    return &m->base;
}

void machine_release(struct machine *base)
{
    if (!base)
        return;
    struct remote_machine *m = of(base);
    m->references--;
    machine_schedule(m);
}

/* Whether something that was said is not known to have arrived. */
static bool is_unheard(const struct remote_machine *m)
{
    struct tunnel_stats stats = {0};
    if (m->is_leaving)
        tunnel_stats(m->tunnel, &stats);
    return stats.kept > 0;
}

void machine_leave(uv_loop_t *loop)
{
    bool waits = false;
    for (struct remote_machine *m = machines; m; m = m->next) {
        if (m->loop != loop)
            continue;
        m->references = 0;
        waits = leave(m) || m->is_leaving || waits;
    }
    while (waits && uv_run(loop, UV_RUN_ONCE) != 0) {
        waits = false;
        for (const struct remote_machine *m = machines; m; m = m->next)
            waits = waits || (m->loop == loop && is_unheard(m));
    }
}

void machine_forget(uv_loop_t *loop)
{
    machine_leave(loop);
    for (struct remote_machine *m = machines, *next; m; m = next) {
        next = m->next;
        if (m->loop == loop)
            destroy(m);
    }
    transport_forget(loop);
}

struct link *machine_link(struct machine *base, const struct link_handler *h, void *arg)
{
    struct remote_machine *m = of(base);
    struct session_link *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    *l = (struct session_link){.base = {.machine = base},
                               .next = m->links,
                               .handler = h,
                               .arg = arg,
                               .session = ++m->last_session,
                               .began_at = machine_clock()};
    m->links = l;
    if (m->is_leaving)
        machine_go_idle(m, "it is needed again");
    timer_stop(m->warm);
    machine_schedule(m); /* what there is to say comes before what the next try says */
    timer_start(m->retry, 0, 0);
    return &l->base;
}

void link_close(struct link *base)
{
    struct session_link *l = (struct session_link *)base;
    channels_abandon(l);
    l->handler = NULL;
    machine_schedule(of(base->machine));
}

const char *link_dir(const struct link *l)
{
    return ((const struct session_link *)l)->dir;
}

bool link_is_alive(const struct link *base)
{
    const struct remote_machine *m = (const struct remote_machine *)base->machine;
    return m->state == MACHINE_UP && machine_clock() - m->heard_at < QUIET_MS;
}

bool link_was_heard(const struct link *base, uint64_t ms)
{
    const struct remote_machine *m = (const struct remote_machine *)base->machine;
    uint64_t from = machine_clock() - ms;
    return m->state == MACHINE_UP && m->up_at <= from && m->heard_at + HEARD_SLACK_MS > from;
}

void link_wake(struct link *base)
{
    struct remote_machine *m = of(base->machine);
    if (m->state == MACHINE_ASKING)
        timer_start(m->retry, 0, 0);
}

void link_on_stream(struct link *base,
                    void (*opened)(void *arg, struct channel *c, enum order_stream stream, uint32_t number), void *arg)
{
    struct session_link *l = (struct session_link *)base;
    l->on_stream = opened;
    l->stream_arg = arg;
}
