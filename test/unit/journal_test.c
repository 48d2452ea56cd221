/* What the journal notes of a session and tells the next Delve, and the client's breakpoint ids over it. */
#include "test/unit/journal_steps.h"

#define REQUEST(seq, command, arguments)                                                                               \
    "{\"seq\":" #seq ",\"type\":\"request\",\"command\":\"" command "\",\"arguments\":" arguments "}"
#define RESPONSE(command, body)                                                                                        \
    "{\"seq\":0,\"type\":\"response\",\"request_seq\":9,\"success\":true,\"command\":\"" command "\",\"body\":" body "}"
#define FAILURE(command, words)                                                                                        \
    "{\"seq\":0,\"type\":\"response\",\"request_seq\":9,\"success\":false,\"command\":\"" command                      \
    "\",\"message\":\"Failed\",\"body\":{\"error\":{\"id\":2002,\"format\":\"" words "\"}}}"
#define EVENT(event, body) "{\"seq\":0,\"type\":\"event\",\"event\":\"" event "\",\"body\":" body "}"
#define CHANGED(breakpoint) "{\"reason\":\"changed\",\"breakpoint\":" breakpoint "}"

#define MAIN "{\"source\":{\"name\":\"main.go\",\"path\":\"/c/main.go\"},\"lines\":[22,23],\"breakpoints\":"
#define UTIL "{\"source\":{\"path\":\"/c/util.go\"},\"breakpoints\":"
#define MAIN_TWO MAIN "[{\"line\":22,\"condition\":\"i == 2\"},  {\"line\":23,\"column\":1}],\"sourceModified\":false}"
#define MAIN_TWO_ANSWER                                                                                                \
    RESPONSE("setBreakpoints", "{\"breakpoints\":[{\"id\":1,\"verified\":true,\"line\":22},{\"id\":2,"                 \
                               "\"verified\":true,\"line\":23}]}")

static void free_text(char *text)
{
    free(text);
}

static void passes(struct dap_journal *j, const char *text)
{
    asks(j, text, text);
}

/* A request and its answer, both unchanged: the first epoch. */
static void exchange(struct dap_journal *j, int64_t seq, const char *request, const char *answer)
{
    passes(j, request);
    says(j, answer, seq, answer);
}

static struct dap_journal *with_two(void)
{
    struct dap_journal *j = dap_journal_new();
    assert_non_null(j);
    exchange(j, 3, REQUEST(3, "setBreakpoints", MAIN_TWO), MAIN_TWO_ANSWER);
    return j;
}

static void nothing_is_sent_without_cause(void **state)
{
    (void)state;
    struct dap_journal *j = dap_journal_new();
    passes(j, "{\"seq\":1,\"type\":\"request\",\"command\":\"threads\"}");
    says(j, RESPONSE("threads", "{\"threads\":[]}"), 1, RESPONSE("threads", "{\"threads\":[]}"));
    assert_false(dap_journal_is_configured(j));
    assert_false(dap_journal_has_breakpoints(j));
    dap_journal_next(j, false);
    replays(j, 0, NULL);
    json_t *events = json_array();
    assert_int_equal(dap_journal_lost(j, events), 0);
    assert_int_equal(json_array_size(events), 0);
    json_decref(events);
    dap_journal_free(j);
    dap_journal_free(NULL);
}

static void arguments_are_sent_byte_for_byte(void **state)
{
    (void)state;
    struct dap_journal *j = with_two();
    assert_true(dap_journal_has_breakpoints(j));
    dap_journal_next(j, false);
    assert_false(dap_journal_has_breakpoints(j));
    replays(j, 0, REQUEST(0, "setBreakpoints", MAIN_TWO));
    replays(j, 1, NULL);
    replayed(j, 0, MAIN_TWO_ANSWER, "[]");
    assert_true(dap_journal_has_breakpoints(j));
    dap_journal_free(j);
}

/* The newest of each kind and source, settings first, all that was refused or taken back not. */
static void what_counts_is_the_last_success(void **state)
{
    (void)state;
    struct dap_journal *j = with_two();
    exchange(j, 4, REQUEST(4, "setBreakpoints", UTIL "[{\"line\":5}]}"),
             RESPONSE("setBreakpoints", "{\"breakpoints\":[{\"id\":3,\"verified\":true,\"line\":5}]}"));
    exchange(j, 5, REQUEST(5, "setFunctionBreakpoints", "{\"breakpoints\":[{\"name\":\"main.f\"}]}"),
             RESPONSE("setFunctionBreakpoints", "{\"breakpoints\":[{\"id\":4,\"verified\":true}]}"));
    exchange(j, 6, REQUEST(6, "setExceptionBreakpoints", "{\"filters\":[]}"),
             RESPONSE("setExceptionBreakpoints", "{}"));
    exchange(j, 7, REQUEST(7, "setExceptionBreakpoints", "{\"filters\":[\"unrecovered-panic\"]}"),
             RESPONSE("setExceptionBreakpoints", "{\"breakpoints\":[{\"id\":-1,\"verified\":true}]}"));
    exchange(j, 8, REQUEST(8, "setBreakpoints", MAIN "[]}"), RESPONSE("setBreakpoints", "{\"breakpoints\":[]}"));
    exchange(j, 9, REQUEST(9, "setFunctionBreakpoints", "{\"breakpoints\":[{\"name\":7}]}"),
             FAILURE("setFunctionBreakpoints", "no"));
    passes(j, REQUEST(10, "setBreakpoints", UTIL "[{\"line\":66}]}")); /* never answered */
    dap_journal_drop(j, 10);
    exchange(j, 11, "{\"seq\":11,\"type\":\"request\",\"command\":\"configurationDone\"}",
             "{\"seq\":0,\"type\":\"response\",\"request_seq\":9,\"success\":true,\"command\":\"configurationDone\"}");
    assert_true(dap_journal_is_configured(j));

    dap_journal_next(j, false);
    assert_true(dap_journal_is_configured(j));
    replays(j, 0, REQUEST(0, "setExceptionBreakpoints", "{\"filters\":[\"unrecovered-panic\"]}"));
    replays(j, 1, REQUEST(0, "setBreakpoints", UTIL "[{\"line\":5}]}"));
    replays(j, 2, REQUEST(0, "setFunctionBreakpoints", "{\"breakpoints\":[{\"name\":\"main.f\"}]}"));
    replays(j, 3, NULL);
    dap_journal_free(j);
}

static void several_for_one_source_count_in_the_order_of_the_requests(void **state)
{
    (void)state;
    struct dap_journal *j = dap_journal_new();
    passes(j, REQUEST(1, "setBreakpoints", UTIL "[{\"line\":1}]}"));
    passes(j, REQUEST(2, "setBreakpoints", UTIL "[{\"line\":2}]}"));
    passes(j, REQUEST(3, "setBreakpoints", UTIL "[{\"line\":3}]}"));
    free_text(say(j, FAILURE("setBreakpoints", "no"), 3));
    free_text(say(j, RESPONSE("setBreakpoints", "{\"breakpoints\":[{\"id\":2,\"verified\":true}]}"), 2));
    free_text(say(j, RESPONSE("setBreakpoints", "{\"breakpoints\":[{\"id\":1,\"verified\":true}]}"), 1));
    dap_journal_next(j, false);
    replays(j, 0, REQUEST(0, "setBreakpoints", UTIL "[{\"line\":2}]}"));
    replays(j, 1, NULL);
    dap_journal_free(j);
}

static void settings(void **state)
{
    (void)state;
    static const struct {
        const char *expression;
        bool fails;
    } typed[] = {
        {"  dlv  config showRegisters true ", false},
        {"dlv config substitutePath /a /b", false},
        {"dlv config -list", false},
        {"dlv config -list showRegisters", false},
        {"dlv config showRegisters", false},
        {"dlv configure showRegisters true", false},
        {"dlv sources main", false},
        {"config showRegisters true", false},
        {"dlv config stackTraceDepth x", true},
        {"dlv config substitutePath /c \\\"/d \\u00e4\\\"", false},
        {"dlv config showRegisters false", false},
        {"dlv config showPprofLabels a", false},
        {"dlv config showPprofLabels -clear", false},
        {"dlv config showPprofLabels b", false},
    };
    static const char *const expected[] = {
        "dlv config substitutePath /a /b", "dlv config substitutePath /c \\\"/d \xC3\xA4\\\"",
        "dlv config showRegisters false",  "dlv config showPprofLabels -clear",
        "dlv config showPprofLabels b",
    };
    struct dap_journal *j = dap_journal_new();
    for (size_t i = 0; i < sizeof typed / sizeof *typed; i++) {
        char text[512];
        (void)snprintf(text, sizeof text, REQUEST(1, "evaluate", "{\"expression\":\"%s\",\"frameId\":1000}"),
                       typed[i].expression);
        exchange(j, 1, text, typed[i].fails ? FAILURE("evaluate", "no") : RESPONSE("evaluate", "{\"result\":\"\"}"));
    }
    dap_journal_next(j, false);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        char text[512];
        (void)snprintf(text, sizeof text, REQUEST(0, "evaluate", "{\"expression\":\"%s\",\"context\":\"repl\"}"),
                       expected[i]);
        replays(j, i, text);
    }
    replays(j, sizeof expected / sizeof *expected, NULL);
    dap_journal_free(j);
}

/* The second Delve numbers in another order and puts one elsewhere; the client goes on with its own ids. */
static void ids_stay_the_clients(void **state)
{
    (void)state;
    struct dap_journal *j = with_two();
    exchange(j, 4, REQUEST(4, "setFunctionBreakpoints", "{\"breakpoints\":[{\"name\":\"main.f\"}]}"),
             RESPONSE("setFunctionBreakpoints", "{\"breakpoints\":[{\"id\":3,\"verified\":true,\"line\":9}]}"));
    dap_journal_next(j, false);
    free_text(sent_to_delve(j, 0));
    free_text(sent_to_delve(j, 1));
    replayed(j, 0,
             RESPONSE("setBreakpoints", "{\"breakpoints\":[{\"id\":3,\"verified\":true,\"line\":25},"
                                        "{\"id\":1,\"verified\":true,\"line\":23}]}"),
             "[" CHANGED("{\"id\":1,\"verified\":true,\"line\":25}") "]");
    replayed(j, 1, RESPONSE("setFunctionBreakpoints", "{\"breakpoints\":[{\"verified\":false,\"message\":\"gone\"}]}"),
             "[" CHANGED("{\"id\":3,\"verified\":false,\"message\":\"gone\"}") "]");
    says(j, EVENT("stopped", "{\"reason\":\"breakpoint\",\"hitBreakpointIds\":[3, 1,-1]}"), 0,
         EVENT("stopped", "{\"reason\":\"breakpoint\",\"hitBreakpointIds\":[1, 2,-1]}"));
    says(j, EVENT("breakpoint", "{\"reason\":\"changed\",\"breakpoint\":{\"line\":7,\"id\":1,\"verified\":true}}"), 0,
         EVENT("breakpoint", "{\"reason\":\"changed\",\"breakpoint\":{\"line\":7,\"id\":2,\"verified\":true}}"));

    /* One stays where it is and keeps its id, one is new, one has no id of Delve's. */
    passes(j, REQUEST(5, "setBreakpoints", MAIN "[{\"line\":30},{\"line\":22},{\"line\":31},{\"line\":32}]}"));
    says(j,
         RESPONSE("setBreakpoints", "{\"breakpoints\":[{\"id\":4,\"verified\":true},{\"verified\":true,\"id\":3},"
                                    "{\"verified\":false}, { }]}"),
         5,
         RESPONSE("setBreakpoints", "{\"breakpoints\":[{\"id\":4,\"verified\":true},{\"verified\":true,\"id\":1},"
                                    "{\"id\":5,\"verified\":false}, {\"id\":6 }]}"));
    /* Delve's 1 is nobody's now, but the client has seen a 1. */
    says(j, EVENT("stopped", "{\"hitBreakpointIds\":[1,20,1,4]}"), 0,
         EVENT("stopped", "{\"hitBreakpointIds\":[7,20,7,4]}"));
    dap_journal_free(j);
}

static void breakpoint_events_are_remembered(void **state)
{
    (void)state;
    struct dap_journal *j = with_two();
    const char *moved = EVENT("breakpoint", CHANGED("{\"id\":2,\"verified\":true,\"line\":24}"));
    says(j, moved, 0, moved);
    dap_journal_next(j, false);
    replays(j, 0, REQUEST(0, "setBreakpoints", MAIN_TWO));
    replayed(j, 0, MAIN_TWO_ANSWER, "[" CHANGED("{\"id\":2,\"verified\":true,\"line\":23}") "]");
    dap_journal_free(j);
}

static void a_refused_replay_is_reported(void **state)
{
    (void)state;
    struct dap_journal *j = with_two();
    dap_journal_next(j, false);
    free_text(sent_to_delve(j, 0));
    replayed(j, 0, FAILURE("setBreakpoints", "could not find file"),
             "[" CHANGED("{\"id\":1,\"verified\":false,\"line\":22,\"message\":\"could not find file\"}") "," CHANGED(
                 "{\"id\":2,\"verified\":false,\"line\":23,\"message\":\"could not find file\"}") "]");
    assert_false(dap_journal_has_breakpoints(j));
    /* It is told again to the next one, and what is fine then is told too. */
    dap_journal_next(j, false);
    free_text(sent_to_delve(j, 0));
    replayed(j, 0, MAIN_TWO_ANSWER,
             "[" CHANGED("{\"id\":1,\"verified\":true,\"line\":22}") "," CHANGED(
                 "{\"id\":2,\"verified\":true,\"line\":23}") "]");
    dap_journal_free(j);
}

static void addresses_are_never_sent_to_another_process(void **state)
{
    (void)state;
    static const char instructions[] =
        REQUEST(4, "setInstructionBreakpoints", "{\"breakpoints\":[{\"instructionReference\":\"0x47a\"}]}");
    static const char data[] = REQUEST(5, "setDataBreakpoints", "{\"breakpoints\":[{\"dataId\":\"x\"}]}");
    for (int with_lines = 0; with_lines < 2; with_lines++) {
        struct dap_journal *j = with_lines ? with_two() : dap_journal_new();
        exchange(j, 4, instructions,
                 RESPONSE("setInstructionBreakpoints", "{\"breakpoints\":[{\"id\":7,\"verified\":true}]}"));
        exchange(j, 5, data, RESPONSE("setDataBreakpoints", "{\"breakpoints\":[{\"id\":8,\"verified\":true}]}"));
        dap_journal_next(j, true);
        assert_true(dap_journal_has_breakpoints(j));
        char *text = sent_to_delve(j, (size_t)with_lines);
        assert_non_null(strstr(text, "0x47a"));
        free(text);
        text = sent_to_delve(j, (size_t)with_lines + 1);
        assert_non_null(strstr(text, "dataId"));
        free(text);
        replays(j, (size_t)with_lines + 2, NULL);

        dap_journal_next(j, false);
        replays(j, 0,
                with_lines ? REQUEST(0, "setBreakpoints", MAIN_TWO)
                           : "{\"seq\":0,\"type\":\"request\",\"command\":\"threads\"}");
        replays(j, 1, NULL);
        text = replay_events(j, 0, with_lines ? MAIN_TWO_ANSWER : RESPONSE("threads", "{\"threads\":[]}"));
        assert_non_null(strstr(text, "{\"id\":7,\"verified\":false,\"message\":"));
        assert_non_null(strstr(text, "{\"id\":8,\"verified\":false,\"message\":"));
        free(text);
        replayed(j, 0, with_lines ? MAIN_TWO_ANSWER : RESPONSE("threads", "{\"threads\":[]}"), "[]");

        /* Not even to a later debugger of that other process, unless the client sets them again. */
        dap_journal_next(j, true);
        replays(j, (size_t)with_lines, NULL);
        passes(j, instructions);
        free_text(say(j, RESPONSE("setInstructionBreakpoints", "{\"breakpoints\":[{\"id\":1,\"verified\":true}]}"), 4));
        dap_journal_next(j, true);
        text = sent_to_delve(j, (size_t)with_lines);
        assert_non_null(strstr(text, "0x47a"));
        free(text);
        dap_journal_free(j);
    }
}

static void without_a_delve(void **state)
{
    (void)state;
    struct dap_journal *j = with_two();
    json_t *events = json_array();
    assert_int_equal(dap_journal_lost(j, events), 0);
    assert_int_equal(json_array_size(events), 2);
    assert_int_equal(dap_journal_lost(j, events), 0);
    assert_int_equal(json_array_size(events), 2);
    json_decref(events);
    assert_false(dap_journal_has_breakpoints(j));

    struct dap_message m = scanned(REQUEST(8, "setBreakpoints", MAIN "[{\"line\":40},{\"line\":22}]}"));
    json_t *body = dap_journal_answer_alone(j, &m);
    const json_t *list = json_object_get(body, "breakpoints");
    assert_int_equal(json_array_size(list), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "id")), 3);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 1), "id")), 1);
    assert_true(json_is_false(json_object_get(json_array_get(list, 0), "verified")));
    json_decref(body);
    m = scanned(REQUEST(9, "setExceptionBreakpoints", "{\"filters\":[]}"));
    body = dap_journal_answer_alone(j, &m);
    assert_true(json_is_object(body));
    json_decref(body);
    m = scanned(REQUEST(10, "setVariable", "{\"variablesReference\":1,\"name\":\"x\",\"value\":\"1\"}"));
    assert_null(dap_journal_answer_alone(j, &m));

    dap_journal_next(j, false);
    replays(j, 0, REQUEST(0, "setExceptionBreakpoints", "{\"filters\":[]}"));
    replays(j, 1, REQUEST(0, "setBreakpoints", MAIN "[{\"line\":40},{\"line\":22}]}"));
    replayed(j, 1,
             RESPONSE("setBreakpoints", "{\"breakpoints\":[{\"id\":1,\"verified\":true,\"line\":40},{\"id\":2,"
                                        "\"verified\":true,\"line\":22}]}"),
             "[" CHANGED("{\"id\":3,\"verified\":true,\"line\":40}") "," CHANGED(
                 "{\"id\":1,\"verified\":true,\"line\":22}") "]");
    says(j, EVENT("stopped", "{\"hitBreakpointIds\":[1]}"), 0, EVENT("stopped", "{\"hitBreakpointIds\":[3]}"));
    dap_journal_free(j);
}

static void early(struct dap_journal *j, const char *request, const char *expected)
{
    struct dap_message m = scanned(request);
    struct err why;
    json_t *body = dap_journal_answer_early(j, &m, &why);
    char *text = json_dumps(body, JSON_COMPACT);
    assert_string_equal(text, expected);
    free(text);
    json_decref(body);
}

#define NOT_YET ",\"message\":\"not set yet: Delve is being started\"}"

/* The first Delve is told what was set before it, in the first epoch: handles stay as they are. */
static void before_the_first_delve(void **state)
{
    (void)state;
    struct dap_journal *j = dap_journal_new();
    early(j, REQUEST(3, "setBreakpoints", MAIN "[{\"line\":22},{\"line\":23}]}"),
          "{\"breakpoints\":[{\"id\":1,\"verified\":false,\"line\":22" NOT_YET
          ",{\"id\":2,\"verified\":false,\"line\":23" NOT_YET "]}");
    early(j, REQUEST(4, "setFunctionBreakpoints", "{\"breakpoints\":[{\"name\":\"main.f\"}]}"),
          "{\"breakpoints\":[{\"id\":3,\"verified\":false" NOT_YET "]}");
    early(j, REQUEST(5, "setBreakpoints", UTIL "[{\"line\":7}]}"),
          "{\"breakpoints\":[{\"id\":4,\"verified\":false,\"line\":7" NOT_YET "]}");
    early(j, REQUEST(6, "setBreakpoints", UTIL "[]}"), "{\"breakpoints\":[]}");
    early(j, REQUEST(7, "setBreakpoints", MAIN "[{\"line\":30},{\"line\":22}]}"),
          "{\"breakpoints\":[{\"id\":5,\"verified\":false,\"line\":30" NOT_YET
          ",{\"id\":1,\"verified\":false,\"line\":22" NOT_YET "]}");
    assert_false(dap_journal_is_configured(j));
    dap_journal_configure_early(j);
    assert_true(dap_journal_is_configured(j));

    replays(j, 0, REQUEST(0, "setBreakpoints", MAIN "[{\"line\":30},{\"line\":22}]}"));
    replays(j, 1, REQUEST(0, "setFunctionBreakpoints", "{\"breakpoints\":[{\"name\":\"main.f\"}]}"));
    replays(j, 2, NULL);
    replayed(j, 0,
             RESPONSE("setBreakpoints", "{\"breakpoints\":[{\"id\":1,\"verified\":true,\"line\":31},{\"id\":2,"
                                        "\"verified\":true,\"line\":22}]}"),
             "[" CHANGED("{\"id\":5,\"verified\":true,\"line\":31}") "," CHANGED(
                 "{\"id\":1,\"verified\":true,\"line\":22}") "]");
    replayed(j, 1, FAILURE("setFunctionBreakpoints", "no such function"),
             "[" CHANGED("{\"id\":3,\"verified\":false,\"message\":\"no such function\"}") "]");
    says(j, EVENT("stopped", "{\"hitBreakpointIds\":[2]}"), 0, EVENT("stopped", "{\"hitBreakpointIds\":[1]}"));
    says(j, RESPONSE("stackTrace", "{\"stackFrames\":[{\"id\":1000}]}"), 9,
         RESPONSE("stackTrace", "{\"stackFrames\":[{\"id\":1000}]}"));
    dap_journal_free(j);
}

static void repeating(void **state)
{
    (void)state;
    static const struct {
        const char *request; /* seq 5 */
        const char *command;
        bool repeated;
    } rows[] = {
        {REQUEST(5, "setBreakpoints", MAIN_TWO), "setBreakpoints", true},
        {REQUEST(5, "setFunctionBreakpoints", "{\"breakpoints\":[] }"), "setFunctionBreakpoints", true},
        {REQUEST(5, "setExceptionBreakpoints", "{\"filters\":[]}"), "setExceptionBreakpoints", true},
        {REQUEST(5, "breakpointLocations", "{\"line\":1}"), "breakpointLocations", true},
        {REQUEST(5, "modules", "{\"startModule\":4}"), "modules", true},
        {"{\"seq\":5,\"type\":\"request\",\"command\":\"configurationDone\"}", "configurationDone", true},
        {"{\"seq\":5,\"type\":\"request\",\"command\":\"threads\"}", "threads", true},
        {"{\"seq\":5,\"type\":\"request\",\"command\":\"loadedSources\"}", "loadedSources", true},
        {"{\"seq\":5,\"type\":\"request\",\"command\":\"setBreakpoints\"}", "setBreakpoints", false},
        {REQUEST(5, "setInstructionBreakpoints", "{\"breakpoints\":[]}"), "setInstructionBreakpoints", false},
        {REQUEST(5, "setDataBreakpoints", "{\"breakpoints\":[]}"), "setDataBreakpoints", false},
        {REQUEST(5, "continue", "{\"threadId\":1}"), "continue", false},
        {REQUEST(5, "variables", "{\"variablesReference\":1000}"), "variables", false},
        {REQUEST(5, "evaluate", "{\"expression\":\"dlv config a b\"}"), "evaluate", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dap_journal *j = dap_journal_new();
        struct dap_asked asked = {.seq = 70, .asker_seq = 5, .asker = DAP_ASKER_CLIENT};
        struct buf out;
        (void)snprintf(asked.command, sizeof asked.command, "%s", rows[i].command);
        buf_init(&out, STEP_MAX);
        passes(j, rows[i].request);
        assert_int_equal(dap_journal_repeat(j, &asked, &out), rows[i].repeated);
        if (rows[i].repeated)
            assert_string_equal(out.data, rows[i].request);
        assert_true(!rows[i].repeated || dap_journal_is_repeatable(rows[i].command));
        buf_free(&out);
        asked.asker = DAP_ASKER_JOURNAL;
        assert_int_equal(dap_journal_repeat(j, &asked, &out), 0);
        dap_journal_free(j);
    }
}

/* A Delve that dies over a set*Breakpoints may have put its traps into the process. */
static void in_doubt(void **state)
{
    (void)state;
    struct dap_journal *j = dap_journal_new();
    struct dap_asked asked = {.asker_seq = 5, .asker = DAP_ASKER_CLIENT, .command = "setBreakpoints"};
    struct buf out;
    buf_init(&out, STEP_MAX);
    passes(j, REQUEST(5, "setBreakpoints", MAIN_TWO));
    assert_false(dap_journal_has_breakpoints(j));
    assert_int_equal(dap_journal_repeat(j, &asked, &out), 1);
    assert_true(dap_journal_has_breakpoints(j));
    /* One that lives still has them, until it has answered that it sets none. */
    dap_journal_next(j, true);
    assert_true(dap_journal_has_breakpoints(j));
    buf_clear(&out);
    assert_int_equal(dap_journal_replay(j, 0, &out), 1);
    json_t *events = json_array();
    struct dap_message answer = {.type = DAP_RESPONSE, .success = true, .name = "setBreakpoints"};
    assert_int_equal(dap_journal_replayed(j, 0, &answer, events), 0);
    json_decref(events);
    assert_false(dap_journal_has_breakpoints(j));
    buf_free(&out);
    dap_journal_free(j);
}

/* What a Delve that lives may have set without an answer is taken out of it, and nothing else of that request is sent.
 */
static void what_was_not_answered_is_emptied(void **state)
{
    (void)state;
    for (int same = 0; same < 2; same++) {
        struct dap_journal *j = with_two();
        passes(j, REQUEST(4, "setBreakpoints", UTIL "[{\"line\":\"seven\"}]}"));
        passes(j, REQUEST(5, "setBreakpoints", MAIN "[{\"line\":1}]}"));
        passes(j, REQUEST(6, "setFunctionBreakpoints", "{\"breakpoints\":[{\"name\":\"main.f\"}]}"));
        for (int64_t seq = 4; seq <= 6; seq++)
            dap_journal_drop(j, seq);
        dap_journal_next(j, same);
        replays(j, 0, REQUEST(0, "setBreakpoints", MAIN_TWO));
        replays(j, 1,
                same ? REQUEST(0, "setBreakpoints", "{\"breakpoints\":[],\"source\":{\"path\":\"/c/util.go\"}}")
                     : NULL);
        replays(j, 2, same ? REQUEST(0, "setFunctionBreakpoints", "{\"breakpoints\":[]}") : NULL);
        replays(j, 3, NULL);
        dap_journal_free(j);
    }
}

static void too_much_is_refused(void **state)
{
    (void)state;
    enum { LARGE = 4000000, FITS = 4, MANY = 256 };
    struct dap_journal *j = dap_journal_new();
    struct err e;
    char *text = malloc(LARGE + 512);
    for (int i = 0; i <= FITS; i++) {
        int n = sprintf(text,
                        "{\"seq\":1,\"type\":\"request\",\"command\":\"setBreakpoints\",\"arguments\":{\"source\":"
                        "{\"path\":\"/%d\"},\"breakpoints\":[{\"condition\":\"",
                        i);
        memset(text + n, 'x', LARGE);
        strcpy(text + n + LARGE, "\"}]}}");
        char *got = ask(j, text, &e);
        assert_int_equal(got != NULL, i < FITS);
        free(got);
    }
    assert_non_null(strstr(e.text, "setBreakpoints"));
    /* A smaller one still passes. */
    passes(j, REQUEST(7, "setBreakpoints", MAIN_TWO));
    dap_journal_free(j);

    j = dap_journal_new();
    for (int i = 0; i <= MANY; i++) {
        (void)sprintf(text, REQUEST(1, "evaluate", "{\"expression\":\"dlv config substitutePath /%d /x\"}"), i);
        char *got = ask(j, text, &e);
        assert_int_equal(got != NULL, i < MANY);
        if (got)
            free_text(say(j, RESPONSE("evaluate", "{\"result\":\"\"}"), 1));
        free(got);
    }
    assert_non_null(strstr(e.text, "substitutePath"));
    dap_journal_free(j);
    free(text);
}

/* A tree of them would take a hundred times their text. */
static void too_many_values_are_refused(void **state)
{
    enum { BREAKPOINTS = 70 * 1000 };
    static const struct {
        const char *head;
        bool is_noted;
    } cases[] = {
        {"{\"seq\":4,\"type\":\"request\",\"command\":\"setBreakpoints\",\"arguments\":" UTIL, true},
        {"{\"seq\":4,\"type\":\"request\",\"command\":\"evaluate\",\"arguments\":{\"more\":", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dap_journal *j = with_two();
        struct buf text;
        struct err e;
        buf_init(&text, STEP_MAX);
        buf_printf(&text, "%s[{}", cases[i].head);
        for (int n = 1; n < BREAKPOINTS; n++)
            buf_puts(&text, ",{}");
        buf_puts(&text, "]}}");
        assert_false(text.failed);
        char *got = ask(j, text.data, &e);
        if (cases[i].is_noted) {
            assert_null(got);
            assert_string_equal(e.text, "setBreakpoints: the arguments: more than the limit of 65536 values (objects, "
                                        "arrays, strings, numbers); send less");
            struct dap_message m = scanned(text.data);
            assert_null(dap_journal_answer_alone(j, &m));
        } else {
            assert_string_equal(got, text.data);
        }
        free(got);
        buf_free(&text);
        dap_journal_next(j, false);
        replays(j, 0, REQUEST(0, "setBreakpoints", MAIN_TWO));
        dap_journal_free(j);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_sent_without_cause),
        cmocka_unit_test(arguments_are_sent_byte_for_byte),
        cmocka_unit_test(what_counts_is_the_last_success),
        cmocka_unit_test(several_for_one_source_count_in_the_order_of_the_requests),
        cmocka_unit_test(settings),
        cmocka_unit_test(ids_stay_the_clients),
        cmocka_unit_test(breakpoint_events_are_remembered),
        cmocka_unit_test(a_refused_replay_is_reported),
        cmocka_unit_test(addresses_are_never_sent_to_another_process),
        cmocka_unit_test(without_a_delve),
        cmocka_unit_test(before_the_first_delve),
        cmocka_unit_test(repeating),
        cmocka_unit_test(in_doubt),
        cmocka_unit_test(what_was_not_answered_is_emptied),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(too_many_values_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
