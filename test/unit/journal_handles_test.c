/* Handles of one Delve and the next: every field that carries one, every epoch, and nothing else in the message. */
#include "test/unit/journal_steps.h"

enum { FIRST = 1000, EPOCHS = 520 };

/* The message with a handle at %s. */
static const struct row {
    const char *format;
    bool from_client;
} rows[] = {
    {"{\"seq\":1,\"type\":\"request\",\"command\":\"scopes\",\"arguments\":{ \"frameId\" : %s }}", true},
    {"{\"seq\":1,\"type\":\"request\",\"command\":\"variables\",\"arguments\":{\"variablesReference\":%s,\"start\":"
     "1000,"
     "\"filter\":\"indexed\"}}",
     true},
    {"{\"seq\":1,\"type\":\"request\",\"command\":\"evaluate\",\"arguments\":{\"expression\":\"1000\",\"frameId\":%s,"
     "\"context\":\"hover\"}}",
     true},
    {"{\"seq\":1,\"type\":\"request\",\"command\":\"setVariable\",\"arguments\":{\"variablesReference\":%s,\"name\":"
     "\"i\",\"value\":\"1000\"}}",
     true},
    {"{\"seq\":1,\"type\":\"request\",\"command\":\"setExpression\",\"arguments\":{\"expression\":\"i\",\"frameId\":%s}"
     "}",
     true},
    {"{\"seq\":1,\"type\":\"request\",\"command\":\"completions\",\"arguments\":{\"frameId\":%s,\"column\":1000}}",
     true},
    {"{\"seq\":1,\"type\":\"request\",\"command\":\"restartFrame\",\"arguments\":{\"frameId\":%s}}", true},
    {"{\"seq\":1,\"type\":\"request\",\"command\":\"stepInTargets\",\"arguments\":{\"frameId\":%s}}", true},
    {"{\"seq\":1,\"type\":\"request\",\"command\":\"dataBreakpointInfo\",\"arguments\":{\"name\":\"i\",\"frameId\":%s}"
     "}",
     true},
    {"{\"seq\":1,\"type\":\"request\",\"command\":\"dataBreakpointInfo\",\"arguments\":{\"variablesReference\":%s}}",
     true},
    {"{\"seq\":0,\"type\":\"response\",\"request_seq\":1,\"success\":true,\"command\":\"stackTrace\",\"body\":{"
     "\"stackFrames\":[{\"id\":0,\"line\":1000},{\"id\": %s,\"source\":{\"id\":1000}}],\"totalFrames\":1000}}",
     false},
    {"{\"seq\":0,\"type\":\"response\",\"request_seq\":1,\"success\":true,\"command\":\"scopes\",\"body\":{\"scopes\":"
     "[{\"name\":\"Locals\",\"variablesReference\":%s,\"namedVariables\":1000}]}}",
     false},
    {"{\"seq\":0,\"type\":\"response\",\"request_seq\":1,\"success\":true,\"command\":\"variables\",\"body\":{"
     "\"variables\":[{\"variablesReference\":0,\"value\":\"1000\"},{\"variablesReference\":%s}]}}",
     false},
    {"{\"seq\":0,\"type\":\"response\",\"request_seq\":1,\"success\":true,\"command\":\"evaluate\",\"body\":{"
     "\"result\":"
     "\"1000\",\"variablesReference\":%s,\"indexedVariables\":1000}}",
     false},
    {"{\"seq\":0,\"type\":\"response\",\"request_seq\":1,\"success\":true,\"command\":\"setVariable\",\"body\":{"
     "\"value\":\"1000\",\"variablesReference\":%s}}",
     false},
    {"{\"seq\":0,\"type\":\"response\",\"request_seq\":1,\"success\":true,\"command\":\"setExpression\",\"body\":{"
     "\"value\":\"1000\",\"variablesReference\":%s}}",
     false},
    {"{\"seq\":0,\"type\":\"event\",\"event\":\"output\",\"body\":{\"output\":\"1000\",\"variablesReference\":%s}}",
     false},
};

enum { ROWS = sizeof rows / sizeof *rows };

static int64_t offset(int epoch)
{
    return (int64_t)(epoch % DAP_JOURNAL_OFFSETS) * DAP_JOURNAL_STRIDE;
}

static const char *with(const struct row *row, int64_t handle, char text[512])
{
    char digits[32];
    (void)snprintf(digits, sizeof digits, "%" PRId64, handle);
    (void)snprintf(text, 512, row->format, digits);
    return text;
}

static void refuses(struct dap_journal *j, const struct row *row, int64_t handle)
{
    char text[512];
    struct err e;
    assert_null(ask(j, with(row, handle, text), &e));
    assert_non_null(strstr(e.text, "Delve that has been restarted"));
}

/* One row in one epoch: what Delve calls `handle` the client sees with the offset, and back. */
static void passes(struct dap_journal *j, const struct row *row, int64_t handle, int64_t seen)
{
    char delves[512], clients[512];
    if (row->from_client)
        asks(j, with(row, seen, clients), with(row, handle, delves));
    else
        says(j, with(row, handle, delves), 1, with(row, seen, clients));
}

static void every_field_in_every_epoch(void **state)
{
    (void)state;
    struct dap_journal *j = dap_journal_new();
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        for (size_t i = 0; i < ROWS; i++) {
            passes(j, &rows[i], 0, 0);
            passes(j, &rows[i], FIRST, FIRST + offset(epoch));
            passes(j, &rows[i], DAP_JOURNAL_STRIDE - 1, DAP_JOURNAL_STRIDE - 1 + offset(epoch));
            assert_true(DAP_JOURNAL_STRIDE - 1 + offset(epoch) <= INT32_MAX);
        }
        dap_journal_next(j, epoch % 2);
    }
    dap_journal_free(j);
}

static void those_of_other_epochs_are_refused(void **state)
{
    (void)state;
    struct dap_journal *j = dap_journal_new();
    for (int epoch = 1; epoch < EPOCHS; epoch++) {
        dap_journal_next(j, false);
        for (size_t i = 0; i < ROWS; i++) {
            if (!rows[i].from_client)
                continue;
            for (int other = epoch - 3; other < epoch + 3; other++) {
                if (other >= 0 && other != epoch)
                    refuses(j, &rows[i], FIRST + offset(other));
            }
            refuses(j, &rows[i], -1);
            refuses(j, &rows[i], offset(epoch) + DAP_JOURNAL_STRIDE);
            if (offset(epoch))
                refuses(j, &rows[i], offset(epoch));
        }
    }
    dap_journal_free(j);
}

static void the_first_epoch_edits_nothing(void **state)
{
    (void)state;
    struct dap_journal *j = dap_journal_new();
    for (size_t i = 0; i < ROWS; i++) {
        passes(j, &rows[i], -7, -7);
        passes(j, &rows[i], 7, 7);
        passes(j, &rows[i], INT64_MAX, INT64_MAX);
    }
    dap_journal_free(j);
}

static void what_is_no_handle_is_left(void **state)
{
    (void)state;
    static const char *const values[] = {
        "null", "true", "\"1000\"", "1e3", "1000.0", "[1000]", "{}", "-0", "9999999999999999999999"};
    struct dap_journal *j = dap_journal_new();
    dap_journal_next(j, false);
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
            char text[512];
            (void)snprintf(text, sizeof text, rows[i].format, values[k]);
            if (rows[i].from_client)
                asks(j, text, text);
            else
                says(j, text, 1, text);
        }
    }
    /* No payload, no handle in it, other messages. */
    static const char *const others[] = {
        "{\"seq\":1,\"type\":\"request\",\"command\":\"evaluate\",\"arguments\":{\"expression\":\"x\"}}",
        "{\"seq\":1,\"type\":\"request\",\"command\":\"scopes\"}",
        "{\"seq\":1,\"type\":\"request\",\"command\":\"gotoTargets\",\"arguments\":{\"frameId\":1000}}",
        "{\"seq\":1,\"type\":\"request\",\"command\":\"stackTrace\",\"arguments\":{\"threadId\":1000}}",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        asks(j, others[i], others[i]);
    dap_journal_free(j);
}

/* Too large for the stride: a value without children is better than another one's. */
static void a_handle_beyond_the_stride_becomes_none(void **state)
{
    (void)state;
    struct dap_journal *j = dap_journal_new();
    dap_journal_next(j, false);
    for (size_t i = 0; i < ROWS; i++) {
        if (!rows[i].from_client)
            passes(j, &rows[i], DAP_JOURNAL_STRIDE, 0);
    }
    dap_journal_free(j);
}

/* As many children as one answer may have, from the second Delve on. */
static void many_handles_in_one_answer(void **state)
{
    (void)state;
    enum { MANY = 200000, ROOM = 32 * 1024 * 1024 };
    struct dap_journal *j = dap_journal_new();
    struct buf delves, clients;
    buf_init(&delves, ROOM);
    buf_init(&clients, ROOM);
    static const char head[] =
        "{\"seq\":0,\"type\":\"response\",\"request_seq\":1,\"success\":true,\"command\":\"variables\",\"body\":{"
        "\"variables\":[";
    buf_puts(&delves, head);
    buf_puts(&clients, head);
    for (int i = 0; i < MANY; i++) {
        buf_printf(&delves, "%s{\"name\":\"[%d]\",\"variablesReference\":%d}", i ? "," : "", i, FIRST + i);
        buf_printf(&clients, "%s{\"name\":\"[%d]\",\"variablesReference\":%" PRId64 "}", i ? "," : "", i,
                   FIRST + i + offset(1));
    }
    buf_puts(&delves, "]}}");
    buf_puts(&clients, "]}}");
    dap_journal_next(j, false);
    says(j, delves.data, 1, clients.data);
    buf_free(&delves);
    buf_free(&clients);
    dap_journal_free(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_in_every_epoch),
        cmocka_unit_test(those_of_other_epochs_are_refused),
        cmocka_unit_test(the_first_epoch_edits_nothing),
        cmocka_unit_test(what_is_no_handle_is_left),
        cmocka_unit_test(a_handle_beyond_the_stride_becomes_none),
        cmocka_unit_test(many_handles_in_one_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
