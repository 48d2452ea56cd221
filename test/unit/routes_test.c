/* The table that says what a session does with each message, in each of its states: read in full, against the rules of
 * DAP and against what a state has to work with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "dap/journal.h"
#include "proxy/session/routes.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define BIT(value) (1U << (value))

/* The columns of the table. */
static const struct column {
    enum session_state state;
    enum session_loss loss;
} columns[] = {
    {SESSION_NEW, 0},
    {SESSION_INITIALIZED, 0},
    {SESSION_LAUNCHING, 0},
    {SESSION_EARLY, 0},
    {SESSION_OVERDUE, 0},
    {SESSION_LIVE, 0},
    {SESSION_RECOVERING, SESSION_LOSS_UNKNOWN},
    {SESSION_RECOVERING, SESSION_LOSS_CONNECTION},
    {SESSION_RECOVERING, SESSION_LOSS_PROGRAM},
    {SESSION_IDLE, 0},
    {SESSION_TERMINATED, 0},
    {SESSION_ENDING, 0},
    {SESSION_OVER, 0},
};

static bool is_request(enum from_client kind)
{
    return kind != FROM_CLIENT_RESPONSE && kind != FROM_CLIENT_EVENT;
}

/* Names the cell that fails. */
#define assert_cell(condition, column, kind)                                                                           \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            fail_msg("state %d, loss %d, kind %d: not %s", (int)(column)->state, (int)(column)->loss, (int)(kind),     \
                     #condition);                                                                                      \
    } while (0)

static enum client_verb client_verb(const struct column *c, enum from_client kind)
{
    return route_from_client(c->state, c->loss, kind);
}

static enum delve_verb delve_verb(const struct column *c, enum from_delve kind)
{
    return route_from_delve(c->state, c->loss, kind);
}

static void no_state_is_left_out(void **ignored)
{
    (void)ignored;
    unsigned seen = 0;
    for (size_t i = 0; i < COUNT(columns); i++)
        seen |= BIT(columns[i].state);
    assert_int_equal(seen, BIT(SESSION_STATES) - 1);
    assert_int_equal(COUNT(columns), SESSION_STATES + SESSION_LOSSES - 1);
}

/* --- the client's side --- */

/* Each command that DAP has, and what kind it is. */
static const struct {
    const char *command;
    enum from_client kind;
} requests[] = {
    {"attach", FROM_CLIENT_LAUNCH},
    {"breakpointLocations", FROM_CLIENT_QUESTION},
    {"cancel", FROM_CLIENT_CANCEL},
    {"completions", FROM_CLIENT_OTHER},
    {"configurationDone", FROM_CLIENT_CONFIGURED},
    {"continue", FROM_CLIENT_ACTION},
    {"dataBreakpointInfo", FROM_CLIENT_OTHER},
    {"disassemble", FROM_CLIENT_OTHER},
    {"disconnect", FROM_CLIENT_DISCONNECT},
    {"evaluate", FROM_CLIENT_OTHER},
    {"exceptionInfo", FROM_CLIENT_OTHER},
    {"goto", FROM_CLIENT_ACTION},
    {"gotoTargets", FROM_CLIENT_OTHER},
    {"initialize", FROM_CLIENT_INITIALIZE},
    {"launch", FROM_CLIENT_LAUNCH},
    {"loadedSources", FROM_CLIENT_QUESTION},
    {"locations", FROM_CLIENT_OTHER},
    {"modules", FROM_CLIENT_QUESTION},
    {"next", FROM_CLIENT_ACTION},
    {"pause", FROM_CLIENT_ACTION},
    {"readMemory", FROM_CLIENT_OTHER},
    {"restart", FROM_CLIENT_RESTART},
    {"restartFrame", FROM_CLIENT_OTHER},
    {"reverseContinue", FROM_CLIENT_ACTION},
    {"scopes", FROM_CLIENT_OTHER},
    {"setBreakpoints", FROM_CLIENT_BREAKPOINTS},
    {"setDataBreakpoints", FROM_CLIENT_ADDRESSES},
    {"setExceptionBreakpoints", FROM_CLIENT_BREAKPOINTS},
    {"setExpression", FROM_CLIENT_OTHER},
    {"setFunctionBreakpoints", FROM_CLIENT_BREAKPOINTS},
    {"setInstructionBreakpoints", FROM_CLIENT_ADDRESSES},
    {"setVariable", FROM_CLIENT_OTHER},
    {"source", FROM_CLIENT_OTHER},
    {"stackTrace", FROM_CLIENT_OTHER},
    {"stepBack", FROM_CLIENT_ACTION},
    {"stepIn", FROM_CLIENT_ACTION},
    {"stepInTargets", FROM_CLIENT_OTHER},
    {"stepOut", FROM_CLIENT_ACTION},
    {"terminate", FROM_CLIENT_TERMINATE},
    {"terminateThreads", FROM_CLIENT_OTHER},
    {"threads", FROM_CLIENT_THREADS},
    {"variables", FROM_CLIENT_OTHER},
    {"writeMemory", FROM_CLIENT_OTHER},
};

static struct dap_message message(enum dap_type type, const char *name)
{
    struct dap_message m = {.type = type, .success = true};
    (void)snprintf(m.name, sizeof m.name, "%s", name);
    return m;
}

static enum from_client kind_of(enum dap_type type, const char *name)
{
    struct dap_message m = message(type, name);
    return route_kind_from_client(&m);
}

static void each_request_has_its_kind(void **ignored)
{
    (void)ignored;
    unsigned seen = 0;
    for (size_t i = 0; i < COUNT(requests); i++) {
        if (kind_of(DAP_REQUEST, requests[i].command) != requests[i].kind)
            fail_msg("%s is of kind %d", requests[i].command, (int)kind_of(DAP_REQUEST, requests[i].command));
        seen |= BIT(requests[i].kind);
        /* What is no request is not taken for one of the same name. */
        assert_int_equal(kind_of(DAP_RESPONSE, requests[i].command), FROM_CLIENT_RESPONSE);
        assert_int_equal(kind_of(DAP_EVENT, requests[i].command), FROM_CLIENT_EVENT);
    }
    assert_int_equal(kind_of(DAP_REQUEST, "noSuchRequest"), FROM_CLIENT_OTHER);
    assert_int_equal(kind_of(DAP_REQUEST, "Continue"), FROM_CLIENT_OTHER);
    assert_int_equal(kind_of(DAP_REQUEST, ""), FROM_CLIENT_OTHER);
    for (enum from_client kind = 0; kind < FROM_CLIENT_KINDS; kind++)
        assert_true(!is_request(kind) || (seen & BIT(kind)));
}

static void each_cell_has_a_verb_and_each_verb_a_cell(void **ignored)
{
    (void)ignored;
    unsigned seen = 0;
    for (const struct column *c = columns; c < columns + COUNT(columns); c++) {
        for (enum from_client kind = 0; kind < FROM_CLIENT_KINDS; kind++) {
            enum client_verb verb = client_verb(c, kind);
            assert_cell(verb > CLIENT_VERB_NONE && verb < CLIENT_VERBS, c, kind);
            seen |= BIT(verb);
        }
    }
    assert_int_equal(seen, BIT(CLIENT_VERBS) - 1 - BIT(CLIENT_VERB_NONE));
}

enum {
    LAUNCHED = BIT(SESSION_LAUNCHING) | BIT(SESSION_EARLY) | BIT(SESSION_OVERDUE) | BIT(SESSION_LIVE) |
               BIT(SESSION_RECOVERING) | BIT(SESSION_IDLE),
    BEFORE_DELVE = BIT(SESSION_EARLY) | BIT(SESSION_OVERDUE),
    ANY_KIND = BIT(FROM_CLIENT_KINDS) - 1
};

/* Where each verb can be performed: in other states it lacks what it works with. */
static const struct place {
    enum client_verb verb;
    unsigned states;
    unsigned kinds; /* 0: any request */
} allowed[] = {
    /* the first message alone tells whether the connection is DAP's */
    {CLIENT_VERB_REJECT, BIT(SESSION_NEW), ANY_KIND - BIT(FROM_CLIENT_INITIALIZE)},
    {CLIENT_VERB_BEGIN, BIT(SESSION_NEW), BIT(FROM_CLIENT_INITIALIZE)},
    {CLIENT_VERB_LAUNCH, BIT(SESSION_INITIALIZED), BIT(FROM_CLIENT_LAUNCH)},
    {CLIENT_VERB_TWICE, BIT(SESSION_INITIALIZED) | LAUNCHED | BIT(SESSION_TERMINATED),
     BIT(FROM_CLIENT_INITIALIZE) | BIT(FROM_CLIENT_LAUNCH)},
    /* a session ends once */
    {CLIENT_VERB_END, BIT(SESSION_INITIALIZED) | LAUNCHED | BIT(SESSION_TERMINATED), BIT(FROM_CLIENT_DISCONNECT)},
    {CLIENT_VERB_GOODBYE, BIT(SESSION_ENDING), BIT(FROM_CLIENT_DISCONNECT)},
    /* there is a launch to begin again, and a Delve that can still be started */
    {CLIENT_VERB_RESTART, LAUNCHED, BIT(FROM_CLIENT_RESTART)},
    {CLIENT_VERB_DECLINE, BIT(SESSION_INITIALIZED) | BIT(SESSION_TERMINATED), BIT(FROM_CLIENT_RESTART)},
    /* no program yet */
    {CLIENT_VERB_TERMINATE, BEFORE_DELVE, BIT(FROM_CLIENT_TERMINATE)},
    {CLIENT_VERB_CONFIGURE, BEFORE_DELVE, BIT(FROM_CLIENT_CONFIGURED)},
    /* no Delve that could be asked instead */
    {CLIENT_VERB_NOTE, BEFORE_DELVE | BIT(SESSION_IDLE), BIT(FROM_CLIENT_BREAKPOINTS) | BIT(FROM_CLIENT_ADDRESSES)},
    {CLIENT_VERB_EMPTY, BEFORE_DELVE | BIT(SESSION_IDLE), BIT(FROM_CLIENT_THREADS)},
    /* an attach releases what is held: only these two states wait for one */
    {CLIENT_VERB_HOLD, BIT(SESSION_LAUNCHING) | BIT(SESSION_RECOVERING), ANY_KIND},
    /* a program that has ended may have left its Delve */
    {CLIENT_VERB_FORWARD, BIT(SESSION_LIVE) | BIT(SESSION_TERMINATED), ANY_KIND},
    {CLIENT_VERB_REFUSE,
     BIT(SESSION_INITIALIZED) | BEFORE_DELVE | BIT(SESSION_RECOVERING) | BIT(SESSION_IDLE) | BIT(SESSION_ENDING), 0},
    {CLIENT_VERB_DROP,
     BIT(SESSION_INITIALIZED) | BEFORE_DELVE | BIT(SESSION_RECOVERING) | BIT(SESSION_IDLE) | BIT(SESSION_ENDING) |
         BIT(SESSION_OVER),
     ANY_KIND},
};

static const struct place *place_of(enum client_verb verb)
{
    for (size_t i = 0; i < COUNT(allowed); i++)
        if (allowed[i].verb == verb)
            return &allowed[i];
    return NULL;
}

static bool allows(const struct place *p, enum from_client kind)
{
    return p->kinds ? (p->kinds & BIT(kind)) != 0 : is_request(kind);
}

static void no_state_has_a_verb_that_it_cannot_perform(void **ignored)
{
    (void)ignored;
    assert_int_equal(COUNT(allowed), CLIENT_VERBS - 1);
    for (const struct column *c = columns; c < columns + COUNT(columns); c++) {
        for (enum from_client kind = 0; kind < FROM_CLIENT_KINDS; kind++) {
            const struct place *p = place_of(client_verb(c, kind));
            assert_cell(p && (p->states & BIT(c->state)) && allows(p, kind), c, kind);
        }
    }
}

/* Of a client that is there: nothing else may be left without an answer than what has none. */
static void each_request_is_answered_and_nothing_else_is(void **ignored)
{
    (void)ignored;
    for (const struct column *c = columns; c < columns + COUNT(columns); c++) {
        for (enum from_client kind = 0; kind < FROM_CLIENT_KINDS; kind++) {
            enum client_verb verb = client_verb(c, kind);
            bool passes = verb == CLIENT_VERB_HOLD || verb == CLIENT_VERB_FORWARD;
            if (c->state == SESSION_NEW)
                assert_cell(verb == CLIENT_VERB_BEGIN || verb == CLIENT_VERB_REJECT, c, kind);
            else if (c->state == SESSION_OVER)
                assert_cell(verb == CLIENT_VERB_DROP, c, kind);
            else if (is_request(kind))
                assert_cell(verb != CLIENT_VERB_DROP, c, kind);
            else
                assert_cell(passes || verb == CLIENT_VERB_DROP, c, kind);
        }
    }
}

static void a_refusal_has_its_reason(void **ignored)
{
    (void)ignored;
    unsigned refuses = 0;
    for (const struct column *c = columns; c < columns + COUNT(columns); c++) {
        for (enum from_client kind = 0; kind < FROM_CLIENT_KINDS; kind++) {
            enum client_verb verb = client_verb(c, kind);
            /* The journal has no room for everything. */
            if (verb == CLIENT_VERB_REFUSE || verb == CLIENT_VERB_DECLINE || verb == CLIENT_VERB_NOTE)
                refuses |= BIT(c->state);
        }
    }
    for (enum session_state state = 0; state < SESSION_STATES; state++) {
        const char *why = route_refusal(state);
        assert_int_equal(why != NULL, (refuses & BIT(state)) != 0);
        assert_true(!why || strlen(why) > 0);
    }
}

/* Requests that the session handles itself: they neither wait for Delve nor reach it. */
static const struct {
    enum from_client kind;
    enum client_verb first, initialized, launched, terminated, ending;
} own_requests[] = {
    {FROM_CLIENT_INITIALIZE, CLIENT_VERB_BEGIN, CLIENT_VERB_TWICE, CLIENT_VERB_TWICE, CLIENT_VERB_TWICE,
     CLIENT_VERB_REFUSE},
    {FROM_CLIENT_LAUNCH, CLIENT_VERB_REJECT, CLIENT_VERB_LAUNCH, CLIENT_VERB_TWICE, CLIENT_VERB_TWICE,
     CLIENT_VERB_REFUSE},
    {FROM_CLIENT_DISCONNECT, CLIENT_VERB_REJECT, CLIENT_VERB_END, CLIENT_VERB_END, CLIENT_VERB_END,
     CLIENT_VERB_GOODBYE},
    {FROM_CLIENT_RESTART, CLIENT_VERB_REJECT, CLIENT_VERB_DECLINE, CLIENT_VERB_RESTART, CLIENT_VERB_DECLINE,
     CLIENT_VERB_REFUSE},
};

static void the_session_handles_its_own_requests(void **ignored)
{
    (void)ignored;
    for (size_t i = 0; i < COUNT(own_requests); i++) {
        for (const struct column *c = columns; c < columns + COUNT(columns); c++) {
            enum client_verb expected = c->state == SESSION_NEW           ? own_requests[i].first
                                        : c->state == SESSION_INITIALIZED ? own_requests[i].initialized
                                        : LAUNCHED & BIT(c->state)        ? own_requests[i].launched
                                        : c->state == SESSION_TERMINATED  ? own_requests[i].terminated
                                        : c->state == SESSION_ENDING      ? own_requests[i].ending
                                                                          : CLIENT_VERB_DROP;
            assert_cell(client_verb(c, own_requests[i].kind) == expected, c, own_requests[i].kind);
        }
    }
}

static bool is_own_request(enum from_client kind)
{
    for (size_t i = 0; i < COUNT(own_requests); i++)
        if (own_requests[i].kind == kind)
            return true;
    return false;
}

/* The program is the same afterwards, and answers as it would have. What only answers a Delve that is gone does not
 * wait for the next. */
static void a_lost_connection_costs_no_request(void **ignored)
{
    (void)ignored;
    for (enum from_client kind = 0; kind < FROM_CLIENT_KINDS; kind++) {
        enum client_verb verb = route_from_client(SESSION_RECOVERING, SESSION_LOSS_CONNECTION, kind);
        assert_true(is_own_request(kind) || verb == (is_request(kind) ? CLIENT_VERB_HOLD : CLIENT_VERB_DROP));
        verb = route_from_client(SESSION_RECOVERING, SESSION_LOSS_PROGRAM, kind);
        assert_true(is_request(kind) || verb == CLIENT_VERB_DROP);
    }
}

/* An editor shows breakpoints and threads while there is no Delve. */
static void what_needs_no_delve_is_answered_without(void **ignored)
{
    (void)ignored;
    for (const struct column *c = columns; c < columns + COUNT(columns); c++) {
        if (!((BEFORE_DELVE | BIT(SESSION_IDLE)) & BIT(c->state)))
            continue;
        assert_cell(client_verb(c, FROM_CLIENT_BREAKPOINTS) == CLIENT_VERB_NOTE, c, FROM_CLIENT_BREAKPOINTS);
        assert_cell(client_verb(c, FROM_CLIENT_ADDRESSES) == CLIENT_VERB_NOTE, c, FROM_CLIENT_ADDRESSES);
        assert_cell(client_verb(c, FROM_CLIENT_THREADS) == CLIENT_VERB_EMPTY, c, FROM_CLIENT_THREADS);
    }
}

/* What DAP says of single requests. */
static const struct {
    const char *rule;
    const char *command;
    enum session_state state;
    enum session_loss loss;
    enum client_verb verb;
} rules[] = {
    {"initialize is sent once", "initialize", SESSION_LIVE, 0, CLIENT_VERB_TWICE},
    {"initialize is sent first", "launch", SESSION_NEW, 0, CLIENT_VERB_REJECT},
    {"a session is launched once", "launch", SESSION_LIVE, 0, CLIENT_VERB_TWICE},
    {"a session is launched or attached", "attach", SESSION_EARLY, 0, CLIENT_VERB_TWICE},
    {"nothing is debugged before launch", "setBreakpoints", SESSION_INITIALIZED, 0, CLIENT_VERB_REFUSE},
    {"nothing is debugged before launch", "threads", SESSION_INITIALIZED, 0, CLIENT_VERB_REFUSE},
    {"the debuggee ends by itself", "terminate", SESSION_LIVE, 0, CLIENT_VERB_FORWARD},
    {"terminate before there is a debuggee", "terminate", SESSION_EARLY, 0, CLIENT_VERB_TERMINATE},
    {"terminate before there is a debuggee", "terminate", SESSION_OVERDUE, 0, CLIENT_VERB_TERMINATE},
    {"terminate waits for the debuggee", "terminate", SESSION_LAUNCHING, 0, CLIENT_VERB_HOLD},
    {"terminate of a debuggee out of reach", "terminate", SESSION_RECOVERING, SESSION_LOSS_CONNECTION,
     CLIENT_VERB_HOLD},
    {"terminate of a debuggee that is gone", "terminate", SESSION_RECOVERING, SESSION_LOSS_PROGRAM, CLIENT_VERB_REFUSE},
    {"terminate of a debuggee that is gone", "terminate", SESSION_IDLE, 0, CLIENT_VERB_REFUSE},
    {"terminate once it has ended", "terminate", SESSION_TERMINATED, 0, CLIENT_VERB_FORWARD},
    {"cancel has somebody to go to", "cancel", SESSION_LIVE, 0, CLIENT_VERB_FORWARD},
    {"cancel is best effort", "cancel", SESSION_INITIALIZED, 0, CLIENT_VERB_REFUSE},
    {"cancel does not overtake", "cancel", SESSION_LAUNCHING, 0, CLIENT_VERB_HOLD},
    {"cancel is best effort", "cancel", SESSION_EARLY, 0, CLIENT_VERB_REFUSE},
    {"cancel does not overtake", "cancel", SESSION_RECOVERING, SESSION_LOSS_UNKNOWN, CLIENT_VERB_HOLD},
    {"cancel is best effort", "cancel", SESSION_RECOVERING, SESSION_LOSS_PROGRAM, CLIENT_VERB_REFUSE},
    {"cancel is best effort", "cancel", SESSION_IDLE, 0, CLIENT_VERB_REFUSE},
    {"cancel is best effort", "cancel", SESSION_ENDING, 0, CLIENT_VERB_REFUSE},
    {"Restart after a failed build", "restart", SESSION_IDLE, 0, CLIENT_VERB_RESTART},
    {"Restart of what has ended is a new session", "restart", SESSION_TERMINATED, 0, CLIENT_VERB_DECLINE},
    {"breakpoints come before the program", "setBreakpoints", SESSION_EARLY, 0, CLIENT_VERB_NOTE},
    {"configurationDone ends the configuration", "configurationDone", SESSION_EARLY, 0, CLIENT_VERB_CONFIGURE},
    {"breakpoints outlive the program", "setBreakpoints", SESSION_IDLE, 0, CLIENT_VERB_NOTE},
    {"a frame does not outlive the program", "evaluate", SESSION_RECOVERING, SESSION_LOSS_PROGRAM, CLIENT_VERB_REFUSE},
    {"a frame outlives the connection", "evaluate", SESSION_RECOVERING, SESSION_LOSS_CONNECTION, CLIENT_VERB_HOLD},
    {"a stepped thread does not outlive the program", "next", SESSION_RECOVERING, SESSION_LOSS_PROGRAM,
     CLIENT_VERB_REFUSE},
    {"a request that nobody knows is Delve's to refuse", "noSuchRequest", SESSION_LIVE, 0, CLIENT_VERB_FORWARD},
};

static void the_rules_of_dap_hold(void **ignored)
{
    (void)ignored;
    for (size_t i = 0; i < COUNT(rules); i++) {
        enum from_client kind = kind_of(DAP_REQUEST, rules[i].command);
        if (route_from_client(rules[i].state, rules[i].loss, kind) != rules[i].verb)
            fail_msg("%s: %s in state %d", rules[i].rule, rules[i].command, (int)rules[i].state);
    }
}

/* When a program is lost, what Delve had not answered is sorted by the journal and what was held by the table: the two
 * must agree. */
static void what_waits_for_another_program_is_what_the_journal_repeats(void **ignored)
{
    (void)ignored;
    for (size_t i = 0; i < COUNT(requests); i++) {
        enum client_verb verb = route_from_client(SESSION_RECOVERING, SESSION_LOSS_PROGRAM, requests[i].kind);
        bool is_repeatable = dap_journal_is_repeatable(requests[i].command);
        if (is_repeatable != (verb == CLIENT_VERB_HOLD))
            fail_msg("%s: the journal %s it", requests[i].command, is_repeatable ? "repeats" : "does not repeat");
    }
}

/* While it is not known what is lost, nothing is refused that a lost connection alone would keep. */
static void an_unknown_loss_is_a_connection(void **ignored)
{
    (void)ignored;
    for (enum from_client kind = 0; kind < FROM_CLIENT_KINDS; kind++)
        assert_int_equal(route_from_client(SESSION_RECOVERING, SESSION_LOSS_UNKNOWN, kind),
                         route_from_client(SESSION_RECOVERING, SESSION_LOSS_CONNECTION, kind));
}

/* Only SESSION_RECOVERING has lost something: what an earlier recovery has left in the session means nothing. */
static void other_states_do_not_look_at_the_loss(void **ignored)
{
    (void)ignored;
    for (const struct column *c = columns; c < columns + COUNT(columns); c++) {
        for (enum session_loss loss = 1; c->state != SESSION_RECOVERING && loss < SESSION_LOSSES; loss++) {
            for (enum from_client kind = 0; kind < FROM_CLIENT_KINDS; kind++)
                assert_cell(route_from_client(c->state, loss, kind) == client_verb(c, kind), c, kind);
            for (enum from_delve kind = 0; kind < FROM_DELVE_KINDS; kind++)
                assert_cell(route_from_delve(c->state, loss, kind) == delve_verb(c, kind), c, kind);
        }
    }
}

/* --- Delve's side --- */

static enum from_delve kind_from_delve(enum dap_type type, const char *name, bool success, enum dap_asker asker)
{
    struct dap_message m = message(type, name);
    struct dap_asked asked = {.asker = asker};
    m.success = success;
    return route_kind_from_delve(&m, type == DAP_RESPONSE ? &asked : NULL);
}

static void each_message_of_delves_has_its_kind(void **ignored)
{
    (void)ignored;
    static const char *const resumes[] = {"continue", "next", "stepIn", "stepOut", "stepBack", "reverseContinue"};
    for (size_t i = 0; i < COUNT(resumes); i++) {
        assert_int_equal(kind_from_delve(DAP_RESPONSE, resumes[i], true, DAP_ASKER_CLIENT), FROM_DELVE_RESUMED);
        assert_int_equal(kind_from_delve(DAP_RESPONSE, resumes[i], false, DAP_ASKER_CLIENT), FROM_DELVE_ANSWER);
    }
    assert_int_equal(kind_from_delve(DAP_RESPONSE, "pause", true, DAP_ASKER_CLIENT), FROM_DELVE_ANSWER);
    assert_int_equal(kind_from_delve(DAP_RESPONSE, "threads", true, DAP_ASKER_CLIENT), FROM_DELVE_THREADS);
    assert_int_equal(kind_from_delve(DAP_RESPONSE, "threads", false, DAP_ASKER_CLIENT), FROM_DELVE_ANSWER);
    assert_int_equal(kind_from_delve(DAP_RESPONSE, "threads", true, DAP_ASKER_JOURNAL), FROM_DELVE_REPLAYED);
    assert_int_equal(kind_from_delve(DAP_RESPONSE, "setBreakpoints", false, DAP_ASKER_JOURNAL), FROM_DELVE_REPLAYED);
    assert_int_equal(kind_from_delve(DAP_RESPONSE, "evaluate", true, DAP_ASKER_NAMES), FROM_DELVE_NAMES);
    assert_int_equal(kind_from_delve(DAP_RESPONSE, "stopped", true, DAP_ASKER_CLIENT), FROM_DELVE_ANSWER);
    assert_int_equal(kind_from_delve(DAP_REQUEST, "runInTerminal", true, 0), FROM_DELVE_REQUEST);
    assert_int_equal(kind_from_delve(DAP_REQUEST, "continued", true, 0), FROM_DELVE_REQUEST);
    assert_int_equal(kind_from_delve(DAP_EVENT, "initialized", true, 0), FROM_DELVE_INITIALIZED);
    assert_int_equal(kind_from_delve(DAP_EVENT, "stopped", true, 0), FROM_DELVE_STOPPED);
    assert_int_equal(kind_from_delve(DAP_EVENT, "continued", true, 0), FROM_DELVE_CONTINUED);
    assert_int_equal(kind_from_delve(DAP_EVENT, "output", true, 0), FROM_DELVE_EVENT);
    assert_int_equal(kind_from_delve(DAP_EVENT, "threads", true, 0), FROM_DELVE_EVENT);
}

/* What each kind may meet with, besides being dropped. */
static const enum delve_verb delve_verbs[FROM_DELVE_KINDS] = {
    [FROM_DELVE_REPLAYED] = DELVE_VERB_REPLAY,     [FROM_DELVE_NAMES] = DELVE_VERB_NAME,
    [FROM_DELVE_RESUMED] = DELVE_VERB_RUN,         [FROM_DELVE_THREADS] = DELVE_VERB_KEEP,
    [FROM_DELVE_ANSWER] = DELVE_VERB_FORWARD,      [FROM_DELVE_REQUEST] = DELVE_VERB_FORWARD,
    [FROM_DELVE_INITIALIZED] = DELVE_VERB_FORWARD, [FROM_DELVE_STOPPED] = DELVE_VERB_STOP,
    [FROM_DELVE_CONTINUED] = DELVE_VERB_RUN,       [FROM_DELVE_EVENT] = DELVE_VERB_FORWARD,
};

/* Delve is not there in these: it has not been started, could not be, or has ended for good. */
static bool has_delve(enum session_state state)
{
    return state != SESSION_NEW && state != SESSION_INITIALIZED && state != SESSION_IDLE && state != SESSION_OVER;
}

/* A client that was told `initialized` already must not be told again: it would send its breakpoints once more. */
static bool is_configured(enum session_state state)
{
    return state == SESSION_EARLY || state == SESSION_OVERDUE || state == SESSION_RECOVERING;
}

static void what_delve_says_reaches_the_client_once(void **ignored)
{
    (void)ignored;
    unsigned seen = 0;
    for (const struct column *c = columns; c < columns + COUNT(columns); c++) {
        for (enum from_delve kind = 0; kind < FROM_DELVE_KINDS; kind++) {
            enum delve_verb verb = delve_verb(c, kind);
            bool passes = has_delve(c->state) && !(kind == FROM_DELVE_INITIALIZED && is_configured(c->state));
            assert_cell(verb == (passes ? delve_verbs[kind] : DELVE_VERB_DROP), c, kind);
            seen |= BIT(verb);
        }
    }
    assert_int_equal(seen, BIT(DELVE_VERBS) - 1 - BIT(DELVE_VERB_NONE));
}

/* Where a request of the client's is forwarded or waits, its answer comes through. */
static void what_is_asked_is_answered(void **ignored)
{
    (void)ignored;
    for (const struct column *c = columns; c < columns + COUNT(columns); c++) {
        for (enum from_client kind = 0; kind < FROM_CLIENT_KINDS; kind++) {
            enum client_verb verb = client_verb(c, kind);
            bool asks = verb == CLIENT_VERB_FORWARD || verb == CLIENT_VERB_HOLD;
            assert_cell(!asks || delve_verb(c, FROM_DELVE_ANSWER) == DELVE_VERB_FORWARD, c, kind);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_state_is_left_out),
        cmocka_unit_test(each_request_has_its_kind),
        cmocka_unit_test(each_cell_has_a_verb_and_each_verb_a_cell),
        cmocka_unit_test(no_state_has_a_verb_that_it_cannot_perform),
        cmocka_unit_test(each_request_is_answered_and_nothing_else_is),
        cmocka_unit_test(a_refusal_has_its_reason),
        cmocka_unit_test(the_session_handles_its_own_requests),
        cmocka_unit_test(a_lost_connection_costs_no_request),
        cmocka_unit_test(what_needs_no_delve_is_answered_without),
        cmocka_unit_test(the_rules_of_dap_hold),
        cmocka_unit_test(what_waits_for_another_program_is_what_the_journal_repeats),
        cmocka_unit_test(an_unknown_loss_is_a_connection),
        cmocka_unit_test(other_states_do_not_look_at_the_loss),
        cmocka_unit_test(each_message_of_delves_has_its_kind),
        cmocka_unit_test(what_delve_says_reaches_the_client_once),
        cmocka_unit_test(what_is_asked_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
