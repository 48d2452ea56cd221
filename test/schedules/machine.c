/* The Go machine: a supervisor that fails as it is drawn, what happens there, and what it holds delvegate to. */
#include "test/schedules/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delve/plan.h"
#include "proxy/base/timer.h"

enum {
    FIRST_PORT = 2001, /* of the Delves that the supervisor starts; each has its own */
    USERS_PORT = 2345,
    FREEZES_ONE_IN = 300,
    FREEZE_MS = 25 * 1000,
    LONG_FREEZE_MS = 100 * 1000,
    BETWEEN_FREEZES_MS = 60 * 1000
};

static struct machine *machines;

unsigned fault(struct machine *m, unsigned one_in)
{
    bool drawn = m->faults && draw(one_in) == 0;
    m->ill = m->ill || drawn;
    return drawn;
}

bool machine_is_well(const struct machine *m)
{
    return m->prompt && !m->ill;
}

struct machine *machine_of(const uv_loop_t *loop)
{
    for (struct machine *m = machines; m; m = m->next)
        if (&m->loop == loop)
            return m;
    broken("a call with a loop that is none of the sessions'");
}

struct lane *machine_lane(struct machine *m)
{
    struct lane *l = lane_new(m->prompt, &m->heard);
    lane_freeze(l, m->frozen);
    return l;
}

void machine_freeze(struct machine *m, bool frozen)
{
    m->frozen = frozen;
    if (m->link)
        lane_freeze(m->link->lane, frozen);
    if (m->keeper)
        lane_freeze(m->keeper->lane, frozen);
    for (struct channel_of_delve *c = m->channels; c; c = c->next)
        lane_freeze(c->lane, frozen);
}

static void on_thaw(void *arg)
{
    machine_freeze(arg, false);
}

/* Nothing is lost by it. Where nothing goes wrong it is not for so long that somebody may give up. */
static void freeze(struct machine *m)
{
    uint64_t ms = draw(m->faults ? LONG_FREEZE_MS : FREEZE_MS);
    machine_freeze(m, true);
    timer_start(m->thaw, ms, 0);
    m->freezes_from = timer_now(&m->loop) + ms + BETWEEN_FREEZES_MS;
}

void delve_begins(struct machine *m, int port)
{
    m->delve_on = true;
    m->generation++;
    m->port = port;
    m->program = PROGRAM_HALTED;
    m->line_count[0] = m->line_count[1] = 0;
    m->next_id = (int)draw(5);
}

struct machine *machine_new(enum kind kind, bool faults, bool steady)
{
    struct machine *m = calloc(1, sizeof *m);
    if (!m)
        broken("out of memory");
    m->transport = (struct machine){.ops = &machine_ops, .where = "the machine"};
    m->kind = kind;
    m->faults = faults;
    m->prompt = !faults;
    m->thaw = timer_new(&m->loop, on_thaw, m);
    m->heard = timer_now(&m->loop);
    m->steady = steady;
    m->next = machines;
    machines = m;
    if (kind == KIND_ATTACH)
        m->program = PROGRAM_RUNNING;
    else if (kind == KIND_REMOTE)
        delve_begins(m, USERS_PORT);
    return m;
}

void machine_free(struct machine *m)
{
    struct machine **at = &machines;
    if (m->keeper || m->link || m->channels)
        broken("a session is over, and %s is left", m->keeper ? "its supervisor" : m->link ? "its link" : "a channel");
    while (*at != m)
        at = &(*at)->next;
    *at = m->next;
    timer_free(m->thaw);
    free(m);
}

void machine_calm(struct machine *m)
{
    m->faults = m->dap_silent = m->rpc_silent = false;
}

void machine_used(struct machine *m)
{
    m->starts = 0;
}

void machine_may_end(struct machine *m)
{
    m->may_end = true;
}

uv_loop_t *machine_loop(struct machine *m)
{
    return &m->loop;
}

int machine_port(const struct machine *m)
{
    return m->port;
}

/* --- the supervisor --- */

static void tell_log(void *arg, const struct event *e)
{
    struct keeper *k = arg;
    if (!k->freed)
        k->handler->log(k->arg, e->text);
}

static void tell_build(void *arg, const struct event *e)
{
    struct keeper *k = arg;
    if (!k->freed)
        k->handler->build_output(k->arg, e->text);
}

static void tell_output(void *arg, const struct event *e)
{
    struct keeper *k = arg;
    if (!k->freed)
        k->handler->output(k->arg, CHANNEL_STDOUT, e->text, e->len);
}

static void tell_output_ended(void *arg, const struct event *e)
{
    struct keeper *k = arg;
    (void)e;
    if (!k->freed)
        k->handler->output_ended(k->arg);
}

static void tell_ready(void *arg, const struct event *e)
{
    static const struct keeper_tools tools = {"/go", "go version go1.19.8 linux/amd64", "/dlv", "Version: 1.20.2", "/c",
                                              "/m"};
    struct keeper *k = arg;
    (void)e;
    if (!k->freed)
        k->handler->ready(k->arg, &tools);
}

static void tell_exited(void *arg, const struct event *e)
{
    struct keeper *k = arg;
    if (k->freed || !k->run_on)
        return;
    k->run_on = k->ending = false;
    k->handler->exited(k->arg, e->number);
}

static void tell_ended(void *arg, const struct event *e)
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

/* clean: it had the time to take its breakpoints out of the process that it was attached to. */
static void delve_gone(struct keeper *k, int status, bool clean)
{
    struct machine *m = k->machine;
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
        post(k, tell_output_ended, NULL, 0);
    post(k, tell_exited, NULL, status);
}

static void listens(void *arg, const struct event *e)
{
    struct keeper *k = arg;
    struct machine *m = k->machine;
    char line[64];
    (void)e;
    if (k->freed || !k->run_on || k->ended)
        return;
    if (m->program == PROGRAM_EXITED) {
        post(k, tell_build, "could not attach to pid 1: no such process", 0);
        post(k, tell_exited, NULL, 1);
        return;
    }
    delve_begins(m, FIRST_PORT + m->generation);
    (void)snprintf(line, sizeof line, "API server listening at: 127.0.0.1:%d", m->port);
    post(k, tell_log, line, 0);
}

struct keeper *keeper_start(uv_loop_t *loop, struct link *link, const struct config_target *target, const char *id,
                            bool needs_delve, const struct keeper_handler *h, void *arg)
{
    struct keeper *k = calloc(1, sizeof *k);
    struct machine *m = machine_of(loop);
    (void)link;
    (void)target;
    (void)id;
    (void)needs_delve;
    if (!k)
        broken("out of memory");
    if (m->keeper)
        broken("a second supervisor");
    if (m->kind == KIND_REMOTE)
        broken("a supervisor for a Delve that the user has started");
    k->machine = m;
    k->lane = machine_lane(m);
    k->handler = h;
    k->arg = arg;
    m->keeper = k;
    post(k, tell_ready, NULL, 0);
    return k;
}

void keeper_log_as(struct keeper *k, const char *subject)
{
    (void)k;
    (void)subject;
}

int keeper_examine(struct keeper *k, const char *dir, bool alone)
{
    (void)k;
    (void)dir;
    (void)alone;
    return 0;
}

static void run_delve(struct keeper *k)
{
    struct machine *m = k->machine;
    if (++m->starts > STARTS_MAX)
        broken("%d starts of Delve without a stop or a word from the user", m->starts);
    if (m->traps)
        broken("a process is attached to that a killed Delve has left its breakpoints in");
    if (m->kind == KIND_LAUNCH)
        m->graph_broken = m->graph_broken || fault(m, 6);
    m->code_broken = fault(m, 12);
    if (fault(m, 10)) {
        post(k, tell_exited, NULL, KILLED);
    } else if (m->code_broken && m->kind == KIND_ATTACH) {
        post(k, tell_build, "could not attach to pid 1: operation not permitted", 0);
        post(k, tell_exited, NULL, 1);
    } else if (m->code_broken) {
        post(k, tell_build, "# example.com/app\n", 0);
        post(k, tell_build, "./main.go:9:37: undefined: x", 0);
        post(k, tell_exited, NULL, 1);
    } else if (m->graph_broken) {
        post(k, tell_build,
             draw(2) ? "go: updates to go.mod needed; to update it:"
                     : "main.go:3:8: missing go.sum entry for module providing package example.com/b "
                       "(imported by example.com/m); to add:",
             0);
        post(k, tell_exited, NULL, 1);
    } else {
        post(k, listens, NULL, 0);
    }
}

int keeper_run(struct keeper *k, const struct keeper_run *run)
{
    struct machine *m = k->machine;
    if (k->run_on || k->ended)
        broken("a run is started %s", k->ended ? "after the end" : "while another one is on");
    if (!run->plan)
        broken("a run without a plan");
    k->run_on = true;
    k->kind = run->kind;
    if (run->kind == KEEPER_DLV) {
        run_delve(k);
        return 0;
    }
    if (run->kind == KEEPER_ALIVE) {
        if (m->kind != KIND_ATTACH)
            broken("a process is looked for that nobody attached to");
        post(k, tell_exited, NULL, m->program == PROGRAM_EXITED);
        return 0;
    }
    if (run->kind == KEEPER_REMEDY && draw(2) == 0)
        m->graph_broken = false;
    post(k, tell_exited, NULL, run->kind == KEEPER_REMEDY ? (m->graph_broken ? (int)draw(4) : 0) : (int)fault(m, 3));
    return 0;
}

static void check_hung_up(const struct keeper *k, const char *what)
{
    if (k->machine->channels)
        broken("%s with a connection to Delve open", what);
}

void keeper_stop(struct keeper *k, bool at_once)
{
    if (!k->run_on)
        return;
    check_hung_up(k, "keeper_stop");
    if (k->kind == KEEPER_DLV)
        delve_gone(k, at_once ? KILLED : ENDED, !at_once);
    else
        post(k, tell_exited, NULL, ENDED);
}

void keeper_end(struct keeper *k)
{
    check_hung_up(k, "keeper_end");
    if (k->ended)
        broken("keeper_end twice");
    if (k->run_on && k->kind == KEEPER_DLV)
        delve_gone(k, ENDED, true);
    k->ended = true;
    post(k, tell_ended, NULL, 0);
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

const char *keeper_dir(const struct keeper *k)
{
    (void)k;
    return "/run/x";
}

void keeper_free(struct keeper *k, bool lost)
{
    (void)lost;
    if (!k)
        return;
    k->freed = true;
    if (k->machine->keeper == k)
        k->machine->keeper = NULL;
    k->machine->delve_on = false;
    lane_free(k->lane);
    free(k);
}

/* --- what happens there --- */

/* Without a Delve the process that was attached to goes on. */
static void process_goes_on(struct machine *m)
{
    if (m->program == PROGRAM_RUNNING && (m->traps ? draw(20) == 0 : fault(m, 200)))
        m->program = PROGRAM_EXITED;
}

static void users_delve(struct machine *m)
{
    if (!m->delve_on && draw(10) == 0) {
        delve_begins(m, USERS_PORT);
    } else if (m->delve_on && fault(m, 200)) {
        close_all(m);
        m->delve_on = m->dap_silent = m->rpc_silent = false;
        m->program = PROGRAM_NONE;
    }
}

static void program_stirs(struct machine *m, struct channel_of_delve *c)
{
    bool running = m->program == PROGRAM_RUNNING;
    if (running && draw(3) == 0) {
        tell_stop(m, "breakpoint");
    } else if (running && !m->steady && draw(60) == 0) {
        m->program = PROGRAM_EXITED;
        m->ill = true;
        if (c)
            tell_event(c, "terminated", NULL);
        if (m->kind == KIND_LAUNCH)
            post(m->keeper, tell_output_ended, NULL, 0);
    } else if (m->kind == KIND_LAUNCH && draw(5) == 0) {
        post(m->keeper, tell_output, draw(2) ? "text\n" : "\xe2\x82", 0);
    }
}

void machine_stir(struct machine *m)
{
    struct channel_of_delve *c = teller(m);
    struct keeper *k = m->keeper;
    if (m->link && fault(m, 400)) {
        lane_post(m->link->lane, link_lost, m->link, NULL, 0, 0);
        return;
    }
    if (!m->steady && timer_now(&m->loop) >= m->freezes_from && draw(FREEZES_ONE_IN) == 0)
        freeze(m);
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
        post(k, tell_log, "2026-11-23T23:02:52Z error layer=debugger modload.LoadGraph: loading module graph failed",
             0);
    } else if (!m->dap_silent) {
        program_stirs(m, c);
    }
}
