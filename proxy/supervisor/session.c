#include "proxy/supervisor/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/supervisor/door.h"
#include "proxy/supervisor/session_private.h"

enum {
    MS_PER_SECOND = 1000,
    LEASE_BUILD_S = 10 * 60, /* of what does not run yet */
    LEASE_DEFAULT_S = 12 * 60 * 60,
    LEASE_STEP_MS = 1000,     /* it is looked at again no sooner */
    NOT_STARTED_STATUS = 127, /* of a run that did not begin */
    STOPPED_STATUS = SUPERVISOR_SIGNAL_STATUS + 15
};

static struct {
    const char *dir;
    struct session *sessions; /* the newest first */
    void (*over)(void *arg);
    void *arg;
} all;

#define TO(state) (1U << (state))

void session_set_state(struct session *s, enum session_state state)
{
    static const unsigned edges[] = {
        [SESSION_GREETING] = TO(SESSION_WAITING) | TO(SESSION_LOOKING) | TO(SESSION_OVER),
        [SESSION_WAITING] = TO(SESSION_LOOKING) | TO(SESSION_OVER),
        [SESSION_LOOKING] = TO(SESSION_READY) | TO(SESSION_ERASING),
        [SESSION_READY] = TO(SESSION_STOPPING) | TO(SESSION_ERASING),
        [SESSION_STOPPING] = TO(SESSION_ERASING),
        [SESSION_ERASING] = TO(SESSION_OVER),
        [SESSION_OVER] = 0,
    };
    if (edges[s->state] & TO(state)) {
        s->state = state;
        return;
    }
#ifdef STATE_ABORTS
    abort();
#endif
}

void session_init(const char *dir)
{
    all.dir = dir;
}

void session_on_over(void (*over)(void *arg), void *arg)
{
    all.over = over;
    all.arg = arg;
}

/* --- All of them --- */

struct session *session_find(uint32_t number)
{
    struct session *s = all.sessions;
    while (s && (s->number != number || s->state == SESSION_OVER))
        s = s->next;
    return s;
}

unsigned session_count(void)
{
    unsigned n = 0;
    for (struct session *s = all.sessions; s; s = s->next)
        n += s->state != SESSION_OVER;
    return n;
}

static void take_out(const struct session *s)
{
    struct session **at = &all.sessions;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
}

static void let_go(struct session *s)
{
    take_out(s);
    loop_disarm(&s->lease);
    loop_disarm(&s->failure);
    stream_abandon(&s->control);
    stream_abandon(&s->input);
    worker_free(s->worker);
    buf_free(&s->in);
    buf_free(&s->out);
    free(s->order_bytes);
    free(s->queued_bytes);
    flight_free(s->flight);
    free(s->dir);
    free(s->tools.go);
    free(s->tools.dlv);
    free(s->tools.gocache);
    free(s->tools.gomodcache);
    free(s);
}

/* --- The lease --- */

static bool lease_was_over; /* of any session: delvegate was not heard of for so long */

static uint64_t lease_of(const struct session *s)
{
    uint64_t build = (uint64_t)LEASE_BUILD_S * MS_PER_SECOND;
    if ((s->run && run_serves(s->run)) || s->lease_ms < build)
        return s->lease_ms;
    return build;
}

static void arm_lease(struct session *s)
{
    uint64_t silence = uplink_silence();
    uint64_t lease = lease_of(s);
    uint64_t left = lease > silence ? lease - silence : 0;
    loop_alarm(&s->lease, left > LEASE_STEP_MS ? left : LEASE_STEP_MS);
}

static void on_lease(void *arg)
{
    struct session *s = arg;
    uint64_t lease = lease_of(s);
    /* A lease may be shorter than the time between two beats. */
    if (uplink_is_up() || uplink_silence() < lease) {
        arm_lease(s);
        return;
    }
    lease_was_over = true;
    /* Heard once the connection is back. */
    session_say_fmt(s, ORDER_NOTE, NULL, "no contact with delvegate for %lu s: the lease of what %s expired",
                    (unsigned long)(lease / MS_PER_SECOND), s->run && run_serves(s->run) ? "runs" : "is being built");
    session_end(s, -1);
}

bool session_lease_was_over(void)
{
    return lease_was_over;
}

static void on_failure(void *arg)
{
    session_end(arg, -1);
}

/* --- Its beginning --- */

static char *empty(void)
{
    return calloc(1, 1);
}

struct stream *session_open(uint32_t number)
{
    struct session *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->number = number;
    s->lease_ms = (uint64_t)LEASE_DEFAULT_S * MS_PER_SECOND;
    s->lease = (struct alarm){.ring = on_lease, .arg = s};
    s->failure = (struct alarm){.ring = on_failure, .arg = s};
    s->tools = (struct session_tools){.go = empty(), .dlv = empty(), .gocache = empty(), .gomodcache = empty()};
    session_control_init(s);
    s->next = all.sessions;
    all.sessions = s;
    if (!s->tools.go || !s->tools.dlv || !s->tools.gocache || !s->tools.gomodcache) {
        let_go(s);
        return NULL;
    }
    arm_lease(s);
    return &s->control;
}

bool session_has_begun(const struct session *s)
{
    return s->state != SESSION_GREETING;
}

static bool is_taken(const struct session *s)
{
    for (const struct session *t = all.sessions; t; t = t->next)
        if (t != s && t->number == s->number && t->dir && t->state != SESSION_OVER)
            return true;
    return false;
}

static void look(struct session *s)
{
    char path[SUPERVISOR_PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/%lu", all.dir, (unsigned long)s->number);
    s->dir = n > 0 && (size_t)n < sizeof path ? strdup(path) : NULL;
    if (!s->dir) {
        session_say(s, ORDER_ERROR, "memory", "the supervisor on the Go machine is out of memory");
        session_over(s);
        return;
    }
    session_set_state(s, SESSION_LOOKING);
    session_look(s);
}

void session_begin(struct session *s, const struct order *o)
{
    s->order_bytes = session_copy_order(&s->order, o);
    if (!s->order_bytes) {
        session_say(s, ORDER_ERROR, "memory", "the supervisor on the Go machine is out of memory");
        session_over(s);
        return;
    }
    s->lease_ms = (uint64_t)order_get_number(o, ORDER_LEASE, LEASE_DEFAULT_S) * MS_PER_SECOND;
    arm_lease(s);
    if (is_taken(s))
        session_set_state(s, SESSION_WAITING);
    else
        look(s);
}

/* --- Runs --- */

static void say_exited(struct session *s, long number, int status)
{
    struct buf record;
    buf_init(&record, ORDER_RECORD_MAX);
    size_t at = order_open(&record, ORDER_EXITED);
    order_put_number(&record, ORDER_NUMBER, number);
    order_put_number(&record, ORDER_STATUS, status);
    order_close(&record, at);
    session_report(s, &record);
    buf_free(&record);
}

void session_refuse_run(struct session *s, const struct order *o, const char *kind, const char *text)
{
    session_say(s, ORDER_ERROR, kind, text);
    say_exited(s, order_get_number(o, ORDER_NUMBER, 0), NOT_STARTED_STATUS);
}

void session_drop_queued(struct session *s)
{
    if (!s->queued_bytes)
        return;
    say_exited(s, order_get_number(&s->queued, ORDER_NUMBER, 0), STOPPED_STATUS);
    free(s->queued_bytes);
    s->queued_bytes = NULL;
}

/* Its INPUT may have come before it. */
static void hand_over_input(struct session *s)
{
    if (s->input.number == 0 || !s->run || run_number(s->run) != s->input_run)
        return;
    struct stream *to = run_input(s->run);
    if (!to) {
        stream_abandon(&s->input);
        return;
    }
    const void *bytes;
    stream_move(to, &s->input);
    if (stream_peek(to, &bytes) && to->ops->readable)
        to->ops->readable(to);
    if (s->input_has_ended && to->ops->ended)
        to->ops->ended(to);
}

void session_start_run(struct session *s, const struct order *o)
{
    s->was_over = false;
    struct run *r = run_start(s, o);
    if (!r && !s->was_over) {
        session_refuse_run(s, o, "memory", "the supervisor on the Go machine is out of memory");
        return;
    }
    s->run = s->was_over ? NULL : r;
    arm_lease(s);
    hand_over_input(s);
}

void session_queue_run(struct session *s, const struct order *o)
{
    if (s->queued_bytes) {
        session_refuse_run(s, o, "protocol", "the supervisor received a run before the previous one had ended");
        return;
    }
    s->queued_bytes = session_copy_order(&s->queued, o);
    if (!s->queued_bytes)
        session_refuse_run(s, o, "memory", "the supervisor on the Go machine is out of memory");
}

static void start_queued(struct session *s)
{
    char *bytes = s->queued_bytes;
    struct order o = s->queued;
    s->queued_bytes = NULL;
    if (bytes)
        session_start_run(s, &o);
    free(bytes);
}

void session_is_ready(struct session *s)
{
    session_set_state(s, SESSION_READY);
    session_say(s, ORDER_READY, NULL, NULL);
    start_queued(s);
}

void session_run_over(struct session *s)
{
    s->run = NULL;
    s->was_over = true;
    stream_abandon(&s->input);
    if (s->state == SESSION_STOPPING)
        session_erase(s);
    else
        arm_lease(s);
}

struct flight *session_take_flight(struct session *s, uint32_t run)
{
    struct flight *f = s->flight;
    if (!f || flight_run(f) != run)
        return NULL;
    s->flight = NULL;
    return f;
}

/* --- An INPUT that has to wait for its run --- */

static void on_input_ended(struct stream *stream)
{
    struct session *s = (struct session *)((char *)stream - offsetof(struct session, input));
    s->input_has_ended = true;
}

static const struct stream_ops input_ops = {.ended = on_input_ended};

struct stream *session_input(uint32_t session, uint32_t run)
{
    struct session *s = session_find(session);
    if (!s || s->state > SESSION_READY)
        return NULL;
    if (s->run && run_number(s->run) == run)
        return run_input(s->run);
    if (s->input.number || (s->run && run < run_number(s->run)))
        return NULL;
    s->input = (struct stream){.ops = &input_ops};
    s->input_run = run;
    s->input_has_ended = false;
    return &s->input;
}

/* --- Its end --- */

/* Given up: nobody is to fetch its output, and a reader that has stopped must not hold its end back. */
static void stop_run(struct session *s, int how)
{
    if (how < 0)
        run_mute(s->run);
    run_stop(s->run, how < 0 ? run_end_if_abandoned(s->run) : (enum run_end)how);
}

void session_end(struct session *s, int how)
{
    switch (s->state) {
    case SESSION_GREETING:
    case SESSION_WAITING:
        session_over(s);
        break;
    case SESSION_LOOKING:
        session_erase(s);
        break;
    case SESSION_READY:
        if (!s->run) {
            session_erase(s);
            break;
        }
        session_set_state(s, SESSION_STOPPING);
        stop_run(s, how);
        break;
    case SESSION_STOPPING:
        stop_run(s, how);
        break;
    case SESSION_ERASING:
    case SESSION_OVER:
        break;
    }
}

static void begin_who_waited(uint32_t number)
{
    struct session *oldest = NULL;
    for (struct session *s = all.sessions; s; s = s->next)
        if (s->number == number && s->state == SESSION_WAITING)
            oldest = s;
    if (oldest)
        look(oldest);
}

void session_over(struct session *s)
{
    uint32_t number = s->number;
    session_say(s, ORDER_ENDED, NULL, NULL);
    session_set_state(s, SESSION_OVER);
    loop_disarm(&s->lease);
    if (s->is_cut)
        let_go(s);
    else
        session_control_end(s);
    begin_who_waited(number);
    if (all.over)
        all.over(all.arg);
}

void session_cut(struct session *s)
{
    s->is_cut = true;
    if (s->run)
        run_mute(s->run);
    if (s->state == SESSION_OVER)
        let_go(s);
    else
        session_end(s, -1);
}

void session_end_all(void)
{
    struct session *next;
    for (struct session *s = all.sessions; s; s = next) {
        next = s->next;
        session_end(s, -1);
    }
}

void session_outage(void)
{
    struct session *next;
    for (struct session *s = all.sessions; s; s = next) {
        next = s->next;
        if (s->order_bytes && order_get(&s->order, ORDER_LOCAL))
            session_end(s, -1);
        else if (s->state != SESSION_OVER)
            arm_lease(s);
    }
}

/* --- What runs want to know --- */

uint32_t session_number(const struct session *s)
{
    return s->number;
}

const char *session_dir(const struct session *s)
{
    return s->dir;
}

const struct session_tools *session_tools(const struct session *s)
{
    return &s->tools;
}

const struct order *session_order(const struct session *s)
{
    return &s->order;
}

char *const *session_environ(const struct session *s)
{
    (void)s;
    return door_environ();
}
