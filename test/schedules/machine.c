/* The Go machine: a supervisor that fails as it is drawn, what happens there, and what it holds delvegate to. */
#include "test/schedules/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delve/plan.h"

struct machine m;

unsigned fault(unsigned one_in)
{
    return m.faults && draw(one_in) == 0;
}

void machine_reset(bool faults)
{
    memset(&m, 0, sizeof m);
    m.faults = faults;
}

void machine_calm(void)
{
    m.faults = false;
    m.delve_silent = false;
}

void machine_used(void)
{
    m.starts = 0;
}

void machine_check_empty(void)
{
    if (m.keeper || m.link || m.channels)
        broken("a session is over, and %s is left", m.keeper ? "its supervisor" : m.link ? "its link" : "a channel");
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
    k->run_on = false;
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

static void delve_gone(struct keeper *k, int status)
{
    if (m.delve_on)
        close_all();
    m.delve_on = m.delve_silent = false;
    m.program = PROGRAM_NONE;
    if (draw(4) != 0)
        post(k, tell_output_ended, NULL, 0);
    post(k, tell_exited, NULL, status);
}

static void listens(void *arg, const struct event *e)
{
    struct keeper *k = arg;
    char line[64];
    (void)e;
    if (k->freed || !k->run_on || k->ended)
        return;
    m.delve_on = true;
    m.generation++;
    m.port = 2000 + m.generation;
    m.program = PROGRAM_HALTED;
    m.line_count[0] = m.line_count[1] = 0;
    m.next_id = (int)draw(5);
    (void)snprintf(line, sizeof line, "API server listening at: 127.0.0.1:%d", m.port);
    post(k, tell_log, line, 0);
}

struct keeper *keeper_start(uv_loop_t *loop, struct link *link, const struct config_target *target, const char *id,
                            bool needs_delve, const struct keeper_handler *h, void *arg)
{
    struct keeper *k = calloc(1, sizeof *k);
    (void)loop;
    (void)link;
    (void)target;
    (void)id;
    (void)needs_delve;
    if (!k)
        broken("out of memory");
    if (m.keeper)
        broken("a second supervisor");
    k->lane = lane_new();
    k->handler = h;
    k->arg = arg;
    m.keeper = k;
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
    if (++m.starts > STARTS_MAX)
        broken("%d starts of Delve without a stop or a word from the user", m.starts);
    m.graph_broken = m.graph_broken || fault(6);
    m.code_broken = fault(12);
    if (fault(10)) {
        post(k, tell_exited, NULL, KILLED);
    } else if (m.code_broken) {
        post(k, tell_build, "# example.com/app\n", 0);
        post(k, tell_build, "./main.go:9:37: undefined: x", 0);
        post(k, tell_exited, NULL, 1);
    } else if (m.graph_broken) {
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
    if (run->kind == KEEPER_REMEDY && draw(2) == 0)
        m.graph_broken = false;
    post(k, tell_exited, NULL, run->kind == KEEPER_REMEDY ? (m.graph_broken ? (int)draw(4) : 0) : (int)fault(3));
    return 0;
}

static void check_hung_up(const char *what)
{
    if (m.channels)
        broken("%s with a connection to Delve open", what);
}

void keeper_stop(struct keeper *k, bool at_once)
{
    (void)at_once;
    if (!k->run_on)
        return;
    check_hung_up("keeper_stop");
    if (k->kind == KEEPER_DLV)
        delve_gone(k, ENDED);
    else
        post(k, tell_exited, NULL, ENDED);
}

void keeper_end(struct keeper *k)
{
    check_hung_up("keeper_end");
    if (k->ended)
        broken("keeper_end twice");
    if (k->run_on && k->kind == KEEPER_DLV)
        delve_gone(k, ENDED);
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
    if (m.keeper == k)
        m.keeper = NULL;
    m.delve_on = false;
    lane_free(k->lane);
    free(k);
}

/* --- what happens there --- */

void machine_stir(void)
{
    struct channel_of_delve *c = teller();
    struct keeper *k = m.keeper;
    if (m.link && fault(400)) {
        lane_post(m.link->lane, link_lost, m.link, NULL, 0, 0);
        return;
    }
    if (!k || k->ended || !k->run_on || !m.delve_on)
        return;
    if (fault(60)) {
        delve_gone(k, KILLED);
    } else if (fault(150)) {
        m.delve_silent = true;
    } else if (c && fault(60)) {
        lane_post(c->lane, end_channel, c, NULL, 0, 0);
    } else if (fault(200)) {
        post(k, tell_log, "2026-11-23T23:02:52Z error layer=debugger modload.LoadGraph: loading module graph failed",
             0);
    } else if (m.delve_silent) {
        return;
    } else if (m.program == PROGRAM_RUNNING && draw(3) == 0) {
        tell_stop("breakpoint");
    } else if (m.program == PROGRAM_RUNNING && draw(60) == 0) {
        m.program = PROGRAM_EXITED;
        if (c)
            tell_event(c, "terminated", NULL);
        post(k, tell_output_ended, NULL, 0);
    } else if (draw(5) == 0) {
        post(k, tell_output, draw(2) ? "text\n" : "\xe2\x82", 0);
    }
}
