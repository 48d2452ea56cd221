/* A connection that is lost while sessions have something there: it is made again, for as long as their lease. */
#include <string.h>

#include "proxy/base/log.h"
#include "proxy/machine/machine_private.h"

enum {
    MS = 1000,
    RETRY_MS = 500,         /* before the second try to reach it again; then twice as long each time */
    RETRY_MAX_MS = 30 * MS, /* but no longer */
    DOUBLINGS_MAX = 7
};

static uint64_t lease_left(const struct remote_machine *m, uint64_t now)
{
    uint64_t over = m->lost_at + (uint64_t)m->lease_seconds * MS;
    return over > now ? over - now : 0;
}

static void end_lease(struct remote_machine *m)
{
    struct err why;
    err_set(&why,
            "the connection to %s could not be restored within the lease of %ld s, and what was running on it has "
            "ended: %s",
            m->base.where, m->lease_seconds, m->why.text);
    machine_lose(m, &why, false);
}

/* The clock of timers stands still while this machine sleeps. */
void machine_outage_lease(void *arg)
{
    struct remote_machine *m = arg;
    uint64_t left = lease_left(m, machine_clock());
    if (left)
        timer_start(m->lease, left, 0);
    else
        end_lease(m);
}

/* --- what users hear --- */

/* A reason in the midst of a sentence. */
static struct err reason_of(const struct remote_machine *m)
{
    struct err why = m->why;
    size_t len = strlen(why.text);
    if (len > 0 && why.text[len - 1] == '.')
        why.text[len - 1] = '\0';
    return why;
}

static void notify_progress(struct session_link *l, const char *text)
{
    if (l->handler && l->handler->outage)
        l->handler->outage(l->arg, text);
}

static void notify_outage(struct remote_machine *m, struct session_link *l, const char *text)
{
    struct err progress;
    err_set(&progress, "reconnecting to %s", m->base.where);
    l->notified_lost = true;
    if (l->handler->note)
        l->handler->note(l->arg, text);
    notify_progress(l, progress.text);
}

static void notify_outage_all(struct remote_machine *m, const char *text)
{
    for (struct session_link *l = m->links, *next; l; l = next) {
        next = l->next;
        if (l->handler)
            notify_outage(m, l, text);
    }
}

void machine_outage_notify(struct remote_machine *m)
{
    struct err text, why;
    if (!m->lost_at)
        return;
    why = reason_of(m);
    err_set(&text, "the connection to %s is lost (%s); reconnecting", m->base.where, why.text);
    for (struct session_link *l = m->links; l; l = l->next)
        if (l->handler && !l->notified_lost)
            notify_outage(m, l, text.text);
}

/* --- its course --- */

static void begin(struct remote_machine *m, uint64_t now)
{
    struct err text, why = reason_of(m);
    m->lost_at = now;
    m->attempts = 0;
    err_set(&text, "the connection to %s is lost: %s; reconnecting, while everything on that machine keeps running",
            m->base.where, why.text);
    timer_start(m->lease, lease_left(m, now), 0);
    notify_outage_all(m, text.text);
}

void machine_outage_forget(struct remote_machine *m)
{
    m->lost_at = 0;
    m->attempts = 0;
    timer_stop(m->lease);
    timer_stop(m->patience);
}

void machine_outage_over(struct remote_machine *m)
{
    struct err text;
    bool was_lost = m->lost_at != 0;
    machine_outage_forget(m);
    if (!was_lost)
        return;
    err_set(&text, "the connection to %s is restored", m->base.where);
    log_info(m->base.where, "%s", text.text);
    for (struct session_link *l = m->links, *next; l; l = next) {
        next = l->next;
        if (!l->notified_lost)
            continue;
        l->notified_lost = false;
        notify_progress(l, NULL);
        if (l->handler && l->handler->note)
            l->handler->note(l->arg, text.text);
    }
}

void machine_outage_gap(struct remote_machine *m)
{
    if (m->state != MACHINE_RETRYING)
        return;
    log_info(m->base.where, "the clock has jumped: reconnecting at once");
    timer_start(m->retry, 0, 0);
}

static void ask(struct remote_machine *m)
{
    struct err text, why = reason_of(m);
    machine_set_state(m, MACHINE_ASKING, "the login needs input or was refused");
    err_set(&text,
            "logging in to %s again needs your attention: %s. It is retried when you continue, step, pause, restart, "
            "stop or start a session",
            m->base.where, why.text);
    machine_note_all(m, text.text);
}

static void wait_for_next_try(struct remote_machine *m, enum transport_loss loss)
{
    unsigned doublings = m->attempts <= DOUBLINGS_MAX ? m->attempts - 1 : DOUBLINGS_MAX;
    uint64_t wait = m->attempts == 0 ? 0 : (uint64_t)RETRY_MS << doublings;
    if (loss == TRANSPORT_ASK && m->attempts > 0) {
        ask(m);
        return;
    }
    machine_set_state(m, MACHINE_RETRYING, "lost");
    timer_start(m->retry, wait < RETRY_MAX_MS ? wait : RETRY_MAX_MS, 0);
}

/* --- who comes meanwhile --- */

static uint64_t patience_of(const struct remote_machine *m)
{
    return m->transport->patience_ms ? m->transport->patience_ms : TRANSPORT_PATIENCE_MS;
}

/* Fails those who have waited for long enough, or all, and sets the clock for the others. */
static void try_patience(struct remote_machine *m, bool all)
{
    uint64_t now = machine_clock(), patience = patience_of(m), next = 0;
    struct err why = m->why;
    for (struct session_link *l = m->links; l; l = l->next) {
        const struct link_handler *h = l->handler;
        if (!h || l->notified_ready)
            continue;
        if (all || now >= l->began_at + patience) {
            l->handler = NULL;
            h->lost(l->arg, &why, !all);
        } else if (next == 0 || l->began_at + patience < next) {
            next = l->began_at + patience;
        }
    }
    if (next)
        timer_start(m->patience, next - now, 0);
    else
        timer_stop(m->patience);
    machine_schedule(m);
}

void machine_outage_patience(void *arg)
{
    try_patience(arg, false);
}

/* --- */

static bool has_listener(const struct remote_machine *m)
{
    for (const struct session_link *l = m->links; l; l = l->next)
        if (l->handler)
            return true;
    return false;
}

/* What a session had is kept for its lease; before the first session is up, a failure is reported at once. */
void machine_carrier_lost(struct remote_machine *m, const struct err *why, enum transport_loss loss)
{
    uint64_t now = machine_clock();
    bool was_there = m->state == MACHINE_UP;
    bool has_sessions = m->dir != NULL;
    machine_close_carrier(m);
    if (m->is_leaving) {
        machine_go_idle(m, "its supervisor has ended");
        machine_schedule(m);
        return;
    }
    m->why = *why;
    tunnel_hang_up(m->tunnel, m->link_number, why->text, now);
    bool is_over = m->base.is_local || !has_sessions || loss == TRANSPORT_NEVER;
    if (!is_over || !has_listener(m)) /* whoever waits for it says it: a session logs it as its own failure */
        log_warning(m->base.where, "%s", m->why.text);
    if (is_over) {
        machine_lose(m, &m->why, loss == TRANSPORT_RETRY);
    } else if (!machine_is_needed(m)) {
        machine_go_idle(m, "lost, and nothing needs it");
    } else {
        if (was_there)
            begin(m, now);
        wait_for_next_try(m, loss);
        try_patience(m, !was_there && loss == TRANSPORT_ASK);
        machine_schedule(m);
    }
}
