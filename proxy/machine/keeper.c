#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/log.h"
#include "proxy/base/state.h"
#include "proxy/machine/keeper_private.h"

enum {
    START_MS = 60 * 1000 /* to find the tools: a login shell may be slow */
};

static const char *const state_names[] = {"idle", "running"};
static const unsigned legal_edges[] = {
    [KEEPER_IDLE] = STATE_BIT(KEEPER_RUNNING),
    [KEEPER_RUNNING] = STATE_BIT(KEEPER_IDLE),
};
static const struct states states = {"run", state_names, legal_edges};

static void set_state(struct keeper *k, enum keeper_state state, const char *reason)
{
    k->state = (enum keeper_state)state_next(&states, k->state, state, CONFIG_LOG_DEBUG, k->subject, reason);
}

static void destroy(struct keeper *k)
{
    buf_free(&k->reports);
    for (size_t i = 0; i < KEEPER_STREAMS; i++)
        buf_free(&k->readers[i].line);
    free(k->tools.go);
    free(k->tools.go_version);
    free(k->tools.dlv);
    free(k->tools.dlv_version);
    free(k->tools.gocache);
    free(k->tools.gomodcache);
    delve_facts_free(&k->facts);
    free(k->examined);
    free(k);
}

void keeper_enter(struct keeper *k)
{
    k->reading++;
}

void keeper_leave(struct keeper *k)
{
    if (--k->reading == 0 && k->freed)
        destroy(k);
}

static const char *where(const struct keeper *k)
{
    return k->link->machine->where;
}

void keeper_fail(struct keeper *k, const struct err *why)
{
    const struct keeper_handler *handler = k->handler;
    if (!handler)
        return;
    k->handler = NULL;
    timer_stop(k->deadline);
    handler->failed(k->arg, why);
}

void keeper_fail_memory(struct keeper *k)
{
    struct err why;
    err_set(&why, "out of memory while communicating with the supervisor on %s", where(k));
    keeper_fail(k, &why);
}

/* --- orders --- */

/* Sends an order and frees it. */
static void send_order(struct keeper *k, struct buf *order)
{
    if (order->failed)
        keeper_fail_memory(k);
    else if (k->control)
        (void)channel_write(k->control, order->data, order->len); /* the far side always reads */
    buf_free(order);
}

static void send_plain(struct keeper *k, enum order_kind kind, const char *how)
{
    struct buf order;
    buf_init(&order, ORDER_RECORD_MAX);
    size_t begin = order_open(&order, kind);
    order_put(&order, ORDER_HOW, how);
    order_close(&order, begin);
    send_order(k, &order);
}

/* The first order; once. */
static void begin_session(struct keeper *k)
{
    struct buf order;
    if (k->begun)
        return;
    k->begun = true;
    buf_init(&order, ORDER_RECORD_MAX);
    keeper_put_session(k, &order);
    send_order(k, &order);
}

static void on_opened(void *arg)
{
    struct keeper *k = arg;
    keeper_enter(k);
    begin_session(k);
    keeper_leave(k);
}

/* --- reports --- */

static void set_tool(struct keeper *k, const char *name, const char *text)
{
    const struct {
        const char *name;
        char **at;
    } tools[] = {
        {"go", &k->tools.go},           {"goVersion", &k->tools.go_version},
        {"dlv", &k->tools.dlv},         {"dlvVersion", &k->tools.dlv_version},
        {"GOCACHE", &k->tools.gocache}, {"GOMODCACHE", &k->tools.gomodcache},
    };
    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++) {
        if (strcmp(tools[i].name, name) != 0)
            continue;
        char *copy = strdup(text);
        if (!copy) {
            keeper_fail_memory(k);
            return;
        }
        free(*tools[i].at);
        *tools[i].at = copy;
    }
}

static void on_ready(struct keeper *k)
{
    const struct keeper_tools *t = &k->tools;
    struct err why;
    if (k->is_ready)
        return;
    if (!t->go || !t->go_version || !t->dlv || !t->dlv_version || !t->gocache || !t->gomodcache) {
        err_set(&why, "the supervisor on %s did not report every tool", where(k));
        keeper_fail(k, &why);
        return;
    }
    k->is_ready = true;
    timer_stop(k->deadline);
    keeper_report_facts(k);
    if (k->handler)
        k->handler->ready(k->arg, &k->tools);
}

static void on_error(struct keeper *k, const char *name, const char *text)
{
    struct err why;
    err_set(&why, "%s (on %s)", *text ? text : name, where(k));
    /* What is said later concerns a run, whose `exited` follows. */
    if (k->is_ready) {
        k->handler->note(k->arg, why.text);
        return;
    }
    keeper_report_facts(k);
    keeper_fail(k, &why);
}

static void report_exit(struct keeper *k)
{
    k->exited = false;
    keeper_input_close(k, false);
    set_state(k, KEEPER_IDLE, "it has ended");
    if (k->handler)
        k->handler->exited(k->arg, k->exit_status);
}

static long ended(const struct keeper *k, size_t from, size_t to)
{
    long n = 0;
    for (size_t i = from; i < to; i++)
        n += k->readers[i].ended;
    return n;
}

void keeper_readers_ended(struct keeper *k)
{
    /* Before its exit it is not known how many there are, but never one without the other. */
    long outputs = k->exited || k->state == KEEPER_IDLE ? k->outputs : KEEPER_STREAMS - KEEPER_OUT;
    if (k->has_streams && !k->output_over && ended(k, KEEPER_OUT, KEEPER_STREAMS) >= outputs) {
        k->output_over = true;
        if (k->handler)
            k->handler->output_ended(k->arg);
    }
    if (k->handler && k->exited && ended(k, KEEPER_LOG, KEEPER_OUT) >= k->texts)
        report_exit(k);
}

static void on_exited(struct keeper *k, const struct order *o)
{
    if (k->state != KEEPER_RUNNING || order_get_number(o, ORDER_NUMBER, -1) != k->number)
        return;
    k->exited = true;
    k->exit_status = (int)order_get_number(o, ORDER_STATUS, -1);
    k->texts = order_get_number(o, ORDER_TEXTS, 0);
    k->outputs = order_get_number(o, ORDER_OUTPUTS, 0);
    keeper_readers_ended(k);
}

static void on_path_error(struct keeper *k, const char *name, const char *text)
{
    enum delve_path_error kind = delve_path_error_of(name);
    if (kind != DELVE_PATH_OK && k->state == KEEPER_RUNNING)
        k->handler->path_error(k->arg, kind, text);
}

static void on_flight_started(struct keeper *k, const struct order *o)
{
    if (k->state != KEEPER_RUNNING || order_get_number(o, ORDER_NUMBER, -1) != k->number)
        return;
    k->flight_reported = (uint32_t)order_get_number(o, ORDER_EDITION, 0);
    k->flight.count = (uint32_t)order_get_number(o, ORDER_COUNT, 0);
    k->flight.port = (int)order_get_number(o, ORDER_PORT, 0);
    keeper_flight_came(k);
}

/* A run begins right behind the session: the session's facts come before ORDER_READY. */
static void on_fact(struct keeper *k, const char *name, const char *text)
{
    if (!k->is_ready)
        keeper_set_fact(k, name, text);
    else if (k->has_facts && k->state == KEEPER_RUNNING && k->handler->fact)
        k->handler->fact(k->arg, name, text);
}

static void on_report(struct keeper *k, const struct order *o)
{
    const char *name = order_get(o, ORDER_NAME), *text = order_get(o, ORDER_TEXT);
    name = name ? name : "";
    text = text ? text : "";
    switch (o->kind) {
    case ORDER_TOOL:
        keeper_set_fact(k, name, text);
        set_tool(k, name, text);
        break;
    case ORDER_FACT:
        on_fact(k, name, text);
        break;
    case ORDER_READY:
        on_ready(k);
        break;
    case ORDER_EXITED:
        on_exited(k, o);
        break;
    case ORDER_FLIGHT_STARTED:
        on_flight_started(k, o);
        break;
    case ORDER_NOTE:
        k->handler->note(k->arg, text);
        break;
    case ORDER_PATH_ERROR:
        on_path_error(k, name, text);
        break;
    case ORDER_ERROR:
        on_error(k, name, text);
        break;
    case ORDER_ENDED:
        k->over = true;
        break;
    default:
        break;
    }
}

static void on_data(void *arg, const char *data, size_t len)
{
    struct keeper *k = arg;
    struct order o;
    struct err why;
    long used = 0;
    keeper_enter(k);
    buf_append(&k->reports, data, len);
    if (k->reports.failed)
        keeper_fail_memory(k);
    while (k->handler && k->reports.len && (used = order_read(k->reports.data, k->reports.len, &o)) > 0) {
        on_report(k, &o);
        buf_consume(&k->reports, (size_t)used);
    }
    if (k->handler && used < 0) {
        err_set(&why, "the supervisor on %s sent an invalid report", where(k));
        keeper_fail(k, &why);
    }
    keeper_leave(k);
}

static void on_closed(void *arg, const struct err *closed, enum channel_end end)
{
    struct keeper *k = arg;
    struct err why;
    (void)end;
    k->control = NULL;
    keeper_enter(k);
    timer_stop(k->deadline);
    if (k->over) {
        keeper_report_facts(k);
        const struct keeper_handler *handler = k->handler;
        k->handler = NULL;
        if (handler)
            handler->ended(k->arg);
    } else {
        err_set(&why, "the supervisor on %s ended unexpectedly%s%s", where(k), closed->text[0] ? ": " : "",
                closed->text);
        keeper_fail(k, &why);
    }
    keeper_leave(k);
}

static void on_eof(void *arg)
{
    static const struct err none;
    struct keeper *k = arg;
    channel_close(k->control);
    on_closed(k, &none, CHANNEL_CLOSED);
}

static void on_deadline(void *arg)
{
    struct keeper *k = arg;
    struct err why;
    if (!link_was_heard(k->link, START_MS)) {
        timer_start(k->deadline, START_MS, 0);
        return;
    }
    err_set(
        &why,
        "the supervisor on %s was not ready within %d s; check that machine for a hanging login shell or file system",
        where(k), START_MS / 1000);
    keeper_enter(k);
    keeper_fail(k, &why);
    keeper_leave(k);
}

static const struct channel_handler control_events = {
    .opened = on_opened, .data = on_data, .eof = on_eof, .closed = on_closed};

/* --- the owner's calls --- */

struct keeper *keeper_start(uv_loop_t *loop, struct link *link, const struct config_target *target, const char *subject,
                            bool needs_delve, const struct keeper_handler *h, void *arg)
{
    struct keeper *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    k->link = link;
    k->target = target;
    k->handler = h;
    k->arg = arg;
    k->subject = subject;
    k->needs_delve = needs_delve;
    buf_init(&k->reports, ORDER_RECORD_MAX);
    if (!needs_delve) {
        k->tools.dlv = strdup("");
        k->tools.dlv_version = strdup("");
    }
    keeper_streams_listen(k);
    k->deadline = timer_new(loop, on_deadline, k);
    if (k->deadline && (needs_delve || (k->tools.dlv && k->tools.dlv_version)))
        k->control = link_control(link, &control_events, k);
    if (!k->control) {
        keeper_free(k, false);
        return NULL;
    }
    timer_start(k->deadline, START_MS, 0);
    return k;
}

bool keeper_is_ready(const struct keeper *k)
{
    return k->is_ready;
}

int keeper_run(struct keeper *k, const struct keeper_run *run)
{
    struct buf order;
    assert(k->state == KEEPER_IDLE);
    begin_session(k);
    keeper_streams_close(k, false);
    keeper_input_close(k, false);
    k->number++;
    k->attaches = run->kind == KEEPER_DLV && run->plan->mode == DELVE_ATTACH;
    k->is_command = run->kind == KEEPER_COMMAND;
    k->has_facts = run->kind == KEEPER_INSPECT || run->kind == KEEPER_REMEDY;
    k->has_streams = (run->kind == KEEPER_DLV && !k->attaches) || (k->is_command && run->streams);
    k->output_over = k->exited = false;
    k->texts = k->outputs = 0;
    buf_init(&order, ORDER_RECORD_MAX);
    keeper_put_run(k, run, &order);
    if (order.failed || (run->input && keeper_input_open(k) < 0)) {
        buf_free(&order);
        return -1;
    }
    set_state(k, KEEPER_RUNNING, k->has_streams ? "with streams" : "without streams");
    send_order(k, &order);
    return 0;
}

void keeper_order_flight(struct keeper *k, uint32_t edition, const struct buf *requests)
{
    struct buf order;
    if (k->state != KEEPER_RUNNING)
        return;
    buf_init(&order, ORDER_RECORD_MAX);
    size_t begin = order_open(&order, ORDER_FLIGHT);
    order_put_number(&order, ORDER_NUMBER, k->number);
    order_put_number(&order, ORDER_EDITION, edition);
    buf_append(&order, requests->data, requests->len);
    order_close(&order, begin);
    send_order(k, &order);
}

void keeper_launched(struct keeper *k)
{
    if (k->state == KEEPER_RUNNING)
        send_plain(k, ORDER_LAUNCHED, NULL);
}

void keeper_signal(struct keeper *k, int number)
{
    struct buf order;
    if (k->state != KEEPER_RUNNING)
        return;
    buf_init(&order, ORDER_RECORD_MAX);
    size_t begin = order_open(&order, ORDER_SIGNAL);
    order_put_number(&order, ORDER_STATUS, number);
    order_close(&order, begin);
    send_order(k, &order);
}

void keeper_stop(struct keeper *k, bool at_once)
{
    if (k->state == KEEPER_RUNNING)
        send_plain(k, ORDER_STOP, at_once ? "now" : k->attaches ? "detach" : "kill");
}

void keeper_end(struct keeper *k)
{
    keeper_enter(k);
    timer_stop(k->deadline);
    keeper_pause_output(k, false);
    keeper_pause_text(k, false);
    begin_session(k);
    send_plain(k, ORDER_END, k->attaches ? "detach" : "kill");
    keeper_leave(k);
}

void keeper_free(struct keeper *k, bool link_lost)
{
    if (!k)
        return;
    k->handler = NULL;
    k->freed = true;
    timer_free(k->deadline);
    if (!link_lost) {
        link_on_stream(k->link, NULL, NULL);
        if (k->control)
            channel_close(k->control);
    }
    k->control = NULL;
    keeper_streams_close(k, link_lost);
    keeper_input_close(k, link_lost);
    if (k->reading == 0)
        destroy(k);
}
