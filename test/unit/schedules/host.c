/* The Go machine: a supervisor that fails as it is drawn, what happens there, and what it holds delvegate to. */
#include "test/unit/schedules/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delve/plan.h"
#include "proxy/base/timer.h"

enum {
    FIRST_PORT = 2001, /* of the Delves that the supervisor starts; each has its own */
    USERS_PORT = 2345,
    OUTAGES_ONE_IN = 200,
    OUTAGE_MS = 30 * 1000,
    LONG_OUTAGE_MS = 3600 * 1000,
    BETWEEN_OUTAGES_MS = 60 * 1000,
    QUIET_MS = 12 * 1000 /* from then on it is known that nothing is heard */
};

static struct host *hosts;

unsigned fault(struct host *m, unsigned one_in)
{
    bool drawn = m->faults && draw(one_in) == 0;
    m->ill = m->ill || drawn;
    return drawn;
}

bool host_is_well(const struct host *m)
{
    return m->prompt && !m->ill;
}

struct host *host_of(const uv_loop_t *loop)
{
    for (struct host *m = hosts; m; m = m->next)
        if (&m->loop == loop)
            return m;
    broken("a call with a loop that is none of the sessions'");
}

struct lane *host_lane(struct host *m)
{
    struct lane *l = lane_new(m->prompt);
    lane_freeze(l, m->down);
    return l;
}

void send_there(struct host *m, void (*run)(void *arg, const struct event *e), const char *text, size_t len, int number)
{
    if (m->down || m->waiting) {
        m->waiting++;
        lane_post(m->there, run, m, text, len, number);
        return;
    }
    m->waiting++;
    const struct event now = {.run = run, .arg = m, .text = (char *)(uintptr_t)text, .len = len, .number = number};
    run(m, &now);
}

static void set_down(struct host *m, bool down)
{
    m->down = down;
    lane_freeze(m->there, down);
    if (m->link)
        lane_freeze(m->link->lane, down);
    if (m->keeper)
        lane_freeze(m->keeper->lane, down);
    for (struct channel *c = m->channels; c; c = c->next)
        lane_freeze(c->lane, down);
}

static void note(const struct host *m, const char *text)
{
    if (m->link && m->link->handler->note)
        m->link->handler->note(m->link->arg, text);
}

static void on_back(void *arg)
{
    struct host *m = arg;
    set_down(m, false);
    m->back_at = timer_now(&m->loop);
    if (m->notified_down)
        note(m, "the connection to the machine is back");
    m->notified_down = false;
}

/* The connection is lost for a while: nothing else is, and nobody may give up. */
static void lose_connection(struct host *m)
{
    uint64_t ms = draw(draw(4) ? OUTAGE_MS : LONG_OUTAGE_MS);
    m->down_since = timer_now(&m->loop);
    set_down(m, true);
    timer_start(m->back, ms, 0);
    m->outage_from = m->down_since + ms + BETWEEN_OUTAGES_MS;
    m->notified_down = draw(2);
    if (m->notified_down)
        note(m, "the connection to the machine is lost");
}

void host_up(struct host *m)
{
    timer_stop(m->back);
    if (m->down)
        set_down(m, false);
    m->notified_down = false;
}

bool link_is_alive(const struct link *l)
{
    struct host *m = ((const struct link_to_it *)l)->host;
    return !m->down || timer_now(&m->loop) - m->down_since < QUIET_MS;
}

bool link_was_heard(const struct link *l, uint64_t ms)
{
    struct host *m = ((const struct link_to_it *)l)->host;
    return !m->down && m->back_at + ms <= timer_now(&m->loop);
}

void link_wake(struct link *l)
{
    (void)l;
}

void delve_begins(struct host *m, int port)
{
    m->delve_on = true;
    m->generation++;
    m->port = port;
    m->program = PROGRAM_HALTED;
    m->line_count[0] = m->line_count[1] = 0;
    m->next_id = (int)draw(5);
}

struct host *host_new(enum kind kind, bool faults, bool steady)
{
    struct host *m = calloc(1, sizeof *m);
    if (!m)
        broken("out of memory");
    m->machine = (struct machine){.where = "the machine"};
    m->kind = kind;
    m->faults = faults;
    m->prompt = !faults;
    m->back = timer_new(&m->loop, on_back, m);
    m->there = lane_new(m->prompt);
    m->here = lane_new(true);
    m->steady = steady;
    m->next = hosts;
    hosts = m;
    if (kind == KIND_ATTACH)
        m->program = PROGRAM_RUNNING;
    else if (kind == KIND_REMOTE)
        delve_begins(m, USERS_PORT);
    return m;
}

void host_free(struct host *m)
{
    struct host **at = &hosts;
    if (m->keeper || m->link || m->channels)
        broken("a session is over, and %s is left", m->keeper ? "its supervisor" : m->link ? "its link" : "a channel");
    while (*at != m)
        at = &(*at)->next;
    *at = m->next;
    timer_free(m->back);
    lane_free(m->there);
    lane_free(m->here);
    free(m);
}

void host_calm(struct host *m)
{
    m->faults = m->dap_silent = m->rpc_silent = false;
}

void host_used(struct host *m)
{
    m->starts = 0;
}

void host_may_end(struct host *m)
{
    m->may_end = true;
}

uv_loop_t *host_loop(struct host *m)
{
    return &m->loop;
}

int host_port(const struct host *m)
{
    return m->port;
}

/* --- the supervisor --- */

static void notify_log(void *arg, const struct event *e)
{
    struct keeper *k = arg;
    if (!k->freed)
        k->handler->log(k->arg, e->text);
}

static void notify_build(void *arg, const struct event *e)
{
    struct keeper *k = arg;
    if (!k->freed)
        k->handler->build_output(k->arg, e->text);
}

static void notify_output(void *arg, const struct event *e)
{
    struct keeper *k = arg;
    if (!k->freed)
        k->handler->output(k->arg, CHANNEL_STDOUT, e->text, e->len);
}

static void notify_output_ended(void *arg, const struct event *e)
{
    struct keeper *k = arg;
    (void)e;
    if (!k->freed)
        k->handler->output_ended(k->arg);
}

static void notify_exited(void *arg, const struct event *e)
{
    struct keeper *k = arg;
    if (k->freed || !k->run_on || e->len != k->number)
        return;
    k->run_on = k->ending = false;
    k->handler->exited(k->arg, e->number);
}

static void notify_ended(void *arg, const struct event *e)
{
    struct keeper *k = arg;
    (void)e;
    if (!k->freed)
        k->handler->ended(k->arg);
}

static void post(struct keeper *k, void (*run)(void *, const struct event *), const char *text, int number)
{
    lane_post(k->lane, run, k, text, text ? strlen(text) : 0, number);
}

static void post_exit(struct keeper *k, int status)
{
    lane_post(k->lane, notify_exited, k, NULL, k->number, status);
}

/* clean: it had the time to take its breakpoints out of the process that it was attached to. */
static void delve_gone(struct keeper *k, int status, bool clean)
{
    struct host *m = k->host;
    if (k->ending)
        return;
    k->ending = true;
    if (m->delve_on)
        close_all(m);
    m->traps = m->traps || (m->kind == KIND_ATTACH && m->delve_on && !clean && m->line_count[0] + m->line_count[1]);
    m->delve_on = m->dap_silent = m->rpc_silent = false;
    if (m->kind != KIND_ATTACH)
        m->program = PROGRAM_NONE;
    else if (m->program != PROGRAM_EXITED)
        m->program = PROGRAM_RUNNING;
    if (draw(4) != 0)
        post(k, notify_output_ended, NULL, 0);
    post_exit(k, status);
}

/* Orders find the keeper by the machine: it may be gone by now. */
static struct keeper *ordered(struct host *m)
{
    m->waiting--;
    return m->keeper;
}

static void notify_flight_started(void *arg, const struct event *e)
{
    struct keeper *k = arg;
    struct channel *c = k->untaken;
    if (k->freed)
        return;
    k->untaken = NULL;
    if (!k->run_on || k->number != e->len) {
        if (c)
            forget_untaken(c);
        return;
    }
    const struct keeper_flight flight = {
        .channel = c, .end = CHANNEL_BROKEN, .port = k->host->port, .edition = k->flown, .count = k->flown_count};
    k->handler->flight_started(k->arg, &flight);
}

/* As soon as Delve listens and there is a flight, once for a run. */
static void start_flight(struct keeper *k)
{
    struct host *m = k->host;
    if (!k->flight || !k->listens || k->flown || k->ending || !m->delve_on || !m->link)
        return;
    k->flown = flight_edition(k->flight);
    k->flown_count = flight_count(k->flight);
    k->untaken = carry_out(m->link, k->flight);
    k->flight = NULL;
    lane_post(k->lane, notify_flight_started, k, NULL, k->number, 0);
}

static void start_flight_there(void *arg, const struct event *e)
{
    struct host *m = arg;
    struct keeper *k = ordered(m);
    struct order o;
    if (!k || order_read(e->text, e->len, &o) != (long)e->len)
        return;
    if (!k->run_on || (size_t)order_get_number(&o, ORDER_NUMBER, 0) != k->number)
        return;
    flight_free(k->flight);
    k->flight = flight_new(&o);
    start_flight(k);
}

void keeper_order_flight(struct keeper *k, uint32_t edition, const struct buf *requests)
{
    struct buf order;
    if (!k->run_on || k->kind != KEEPER_DLV)
        broken("a flight without a Delve");
    buf_init(&order, ORDER_RECORD_MAX);
    size_t begin = order_open(&order, ORDER_FLIGHT);
    order_put_number(&order, ORDER_NUMBER, (long)k->number);
    order_put_number(&order, ORDER_EDITION, edition);
    buf_append(&order, requests->data, requests->len);
    order_close(&order, begin);
    if (order.failed)
        broken("a flight could not be built");
    send_there(k->host, start_flight_there, order.data, order.len, 0);
    buf_free(&order);
}

/* What is on its way to the owner is closed there. */
static void drop_flight(struct keeper *k)
{
    flight_free(k->flight);
    k->flight = NULL;
    if (k->untaken)
        forget_untaken(k->untaken);
    k->untaken = NULL;
}

static void listens(void *arg, const struct event *e)
{
    struct keeper *k = arg;
    struct host *m = k->host;
    char line[64];
    (void)e;
    if (k->freed || !k->run_on || k->ended)
        return;
    if (m->program == PROGRAM_EXITED) {
        post(k, notify_build, "could not attach to pid 1: no such process", 0);
        post_exit(k, 1);
        return;
    }
    delve_begins(m, FIRST_PORT + m->generation);
    k->listens = true;
    if (draw(2)) /* either may be first */
        start_flight(k);
    (void)snprintf(line, sizeof line, "API server listening at: 127.0.0.1:%d", m->port);
    post(k, notify_log, line, 0);
    start_flight(k);
}

static void run_delve(struct keeper *k)
{
    struct host *m = k->host;
    if (++m->starts > STARTS_MAX)
        broken("%d starts of Delve without a stop or a word from the user", m->starts);
    if (m->traps)
        broken("a process is attached to that a killed Delve has left its breakpoints in");
    if (m->kind == KIND_LAUNCH)
        m->graph_broken = m->graph_broken || fault(m, 6);
    m->code_broken = fault(m, 12);
    if (fault(m, 10)) {
        post_exit(k, KILLED);
    } else if (m->code_broken && m->kind == KIND_ATTACH) {
        post(k, notify_build, "could not attach to pid 1: operation not permitted", 0);
        post_exit(k, 1);
    } else if (m->code_broken) {
        post(k, notify_build, "# example.com/app\n", 0);
        post(k, notify_build, "./main.go:9:37: undefined: x", 0);
        post_exit(k, 1);
    } else if (m->graph_broken) {
        post(k, notify_build,
             draw(2) ? "go: updates to go.mod needed; to update it:"
                     : "main.go:3:8: missing go.sum entry for module providing package example.com/b "
                       "(imported by example.com/m); to add:",
             0);
        post_exit(k, 1);
    } else {
        post(k, listens, NULL, 0);
    }
}

static void run_there(void *arg, const struct event *e)
{
    struct host *m = arg;
    struct keeper *k = ordered(m);
    if (!k || !k->run_on || k->number != (size_t)e->number)
        return;
    if (k->kind == KEEPER_DLV) {
        run_delve(k);
    } else if (k->kind == KEEPER_ALIVE) {
        post_exit(k, m->program == PROGRAM_EXITED);
    } else {
        if (k->kind == KEEPER_REMEDY && draw(2) == 0)
            m->graph_broken = false;
        post_exit(k, k->kind == KEEPER_REMEDY ? (m->graph_broken ? (int)draw(4) : 0) : (int)fault(m, 3));
    }
}

static void notify_ready(void *arg, const struct event *e)
{
    static const struct keeper_tools tools = {"/go", "go version go1.19.8 linux/amd64", "/dlv", "Version: 1.20.2", "/c",
                                              "/m"};
    struct keeper *k = arg;
    (void)e;
    if (k->freed)
        return;
    k->is_ready = true;
    if (k->run_on)
        send_there(k->host, run_there, NULL, 0, (int)k->number);
    k->handler->ready(k->arg, &tools);
}

struct keeper *keeper_start(uv_loop_t *loop, struct link *link, const struct config_target *target, const char *subject,
                            bool needs_delve, const struct keeper_handler *h, void *arg)
{
    struct keeper *k = calloc(1, sizeof *k);
    struct host *m = host_of(loop);
    (void)link;
    (void)target;
    (void)subject;
    (void)needs_delve;
    if (!k)
        broken("out of memory");
    if (m->keeper)
        broken("a second supervisor");
    if (m->kind == KIND_REMOTE)
        broken("a supervisor for a Delve that the user has started");
    k->host = m;
    k->lane = host_lane(m);
    k->handler = h;
    k->arg = arg;
    m->keeper = k;
    post(k, notify_ready, NULL, 0);
    return k;
}

int keeper_examine(struct keeper *k, const char *dir, bool alone)
{
    (void)k;
    (void)dir;
    (void)alone;
    return 0;
}

bool keeper_is_ready(const struct keeper *k)
{
    return k->is_ready;
}

int keeper_run(struct keeper *k, const struct keeper_run *run)
{
    if (k->run_on || k->ended)
        broken("a run is started %s", k->ended ? "after the end" : "while another one is on");
    if (!run->plan)
        broken("a run without a plan");
    if (run->kind == KEEPER_ALIVE && k->host->kind != KIND_ATTACH)
        broken("a process is looked for that nobody attached to");
    drop_flight(k);
    k->flown = 0;
    k->listens = false;
    k->run_on = true;
    k->kind = run->kind;
    k->number++;
    if (k->is_ready) /* else it begins with that */
        send_there(k->host, run_there, NULL, 0, (int)k->number);
    return 0;
}

static void check_hung_up(const struct keeper *k, const char *what)
{
    if (k->host->channels)
        broken("%s with a connection to Delve open", what);
}

static void stop_there(void *arg, const struct event *e)
{
    struct keeper *k = ordered(arg);
    bool at_once = e->number;
    if (!k || !k->run_on)
        return;
    if (k->kind == KEEPER_DLV)
        delve_gone(k, at_once ? KILLED : ENDED, !at_once);
    else
        post_exit(k, ENDED);
}

void keeper_stop(struct keeper *k, bool at_once)
{
    if (!k->run_on)
        return;
    drop_flight(k);
    check_hung_up(k, "keeper_stop");
    send_there(k->host, stop_there, NULL, 0, at_once);
}

static void end_there(void *arg, const struct event *e)
{
    struct keeper *k = ordered(arg);
    (void)e;
    if (!k)
        return;
    if (k->run_on && k->kind == KEEPER_DLV)
        delve_gone(k, ENDED, true);
    post(k, notify_ended, NULL, 0);
}

void keeper_end(struct keeper *k)
{
    drop_flight(k);
    check_hung_up(k, "keeper_end");
    if (k->ended)
        broken("keeper_end twice");
    k->ended = true;
    send_there(k->host, end_there, NULL, 0, 0);
}

void keeper_launched(struct keeper *k)
{
    (void)k;
}

void keeper_pause_output(struct keeper *k, bool paused)
{
    (void)k;
    (void)paused;
}

void keeper_pause_text(struct keeper *k, bool paused)
{
    (void)k;
    (void)paused;
}

void keeper_free(struct keeper *k, bool lost)
{
    (void)lost;
    if (!k)
        return;
    k->freed = true;
    if (k->host->keeper == k)
        k->host->keeper = NULL;
    k->host->delve_on = false;
    drop_flight(k);
    lane_free(k->lane);
    free(k);
}

/* --- what happens there --- */

/* Without a Delve the process that was attached to goes on. */
static void process_goes_on(struct host *m)
{
    if (m->program == PROGRAM_RUNNING && (m->traps ? draw(20) == 0 : fault(m, 200)))
        m->program = PROGRAM_EXITED;
}

static void users_delve(struct host *m)
{
    if (!m->delve_on && draw(10) == 0) {
        delve_begins(m, USERS_PORT);
    } else if (m->delve_on && fault(m, 200)) {
        close_all(m);
        m->delve_on = m->dap_silent = m->rpc_silent = false;
        m->program = PROGRAM_NONE;
    }
}

static void program_stirs(struct host *m, struct channel *c)
{
    bool running = m->program == PROGRAM_RUNNING;
    if (running && draw(3) == 0) {
        notify_stop(m, "breakpoint");
    } else if (running && !m->steady && draw(60) == 0) {
        m->program = PROGRAM_EXITED;
        m->ill = true;
        if (c)
            notify_event(c, "terminated", NULL);
        if (m->kind == KIND_LAUNCH)
            post(m->keeper, notify_output_ended, NULL, 0);
    } else if (m->kind == KIND_LAUNCH && draw(5) == 0) {
        post(m->keeper, notify_output, draw(2) ? "text\n" : "\xe2\x82", 0);
    }
}

void host_stir(struct host *m)
{
    struct channel *c = teller(m);
    struct keeper *k = m->keeper;
    if (m->link && fault(m, 400)) {
        lane_post(m->link->lane, link_lost, m->link, NULL, 0, 0);
        return;
    }
    if (m->link && !m->down && !m->steady && timer_now(&m->loop) >= m->outage_from && draw(OUTAGES_ONE_IN) == 0)
        lose_connection(m);
    if (m->kind == KIND_REMOTE)
        users_delve(m);
    else if (!k || k->ended || !k->run_on || !m->delve_on)
        k = NULL;
    if (!m->delve_on || (m->kind != KIND_REMOTE && !k)) {
        if (m->kind == KIND_ATTACH)
            process_goes_on(m);
        return;
    }
    if (k && fault(m, 60)) {
        delve_gone(k, KILLED, false);
    } else if (fault(m, 150)) {
        m->dap_silent = draw(3) != 0;
        m->rpc_silent = !m->dap_silent || draw(2);
    } else if (c && fault(m, 60)) {
        lane_post(c->lane, end_channel, c, NULL, 0, (int)draw(CUTS));
    } else if (m->kind == KIND_LAUNCH && fault(m, 200)) {
        post(k, notify_log, "2026-11-23T23:02:52Z error layer=debugger modload.LoadGraph: loading module graph failed",
             0);
    } else if (!m->dap_silent) {
        program_stirs(m, c);
    }
}
