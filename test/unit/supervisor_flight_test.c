/* What a flight says to Delve, and when: byte by byte, and against answers of any kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/supervisor/flight.h"

enum { FRAME_MAX = 256, LARGE = 200 * 1024 };

#define RESPONSE(to, command, success)                                                                                 \
    "{\"seq\":0,\"type\":\"response\",\"request_seq\":" #to ",\"success\":" #success ",\"command\":\"" command "\"}"
#define EVENT(name) "{\"seq\":0,\"type\":\"event\",\"event\":\"" name "\",\"body\":{}}"

static const char *const whole[] = {"initialize", "attach", "setBreakpoints", "configurationDone", NULL};

static const char *framed(const char *body)
{
    static char text[2 * FRAME_MAX];
    (void)snprintf(text, sizeof text, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
    return text;
}

static const char *request(const char *command, unsigned seq)
{
    char body[FRAME_MAX];
    (void)snprintf(body, sizeof body, "{\"seq\":%u,\"type\":\"request\",\"command\":\"%s\"}", seq, command);
    return framed(body);
}

static struct flight *flight(const char *const *commands)
{
    struct buf b;
    struct order o;
    buf_init(&b, ORDER_RECORD_MAX);
    size_t at = order_open(&b, ORDER_FLIGHT);
    order_put_number(&b, ORDER_NUMBER, 3);
    order_put_number(&b, ORDER_EDITION, 7);
    for (unsigned seq = 1; *commands; commands++, seq++)
        order_put(&b, ORDER_REQUEST, request(*commands, seq));
    order_close(&b, at);
    assert_false(b.failed);
    assert_true(order_read(b.data, b.len, &o) > 0);
    struct flight *f = flight_new(&o);
    assert_non_null(f);
    buf_free(&b);
    return f;
}

/* The next request is this one, as Delve reads it with a socket that takes so much at a time. */
static void says(struct flight *f, const char *command, unsigned seq, size_t step)
{
    const char *expected = request(command, seq), *bytes;
    size_t at = 0, n;
    while ((n = flight_peek(f, &bytes)) > 0) {
        n = n < step ? n : step;
        assert_memory_equal(bytes, expected + at, n);
        at += n;
        flight_wrote(f, n);
    }
    assert_int_equal(at, strlen(expected));
}

static void says_nothing(const struct flight *f)
{
    const char *bytes;
    assert_int_equal(flight_peek(f, &bytes), 0);
}

static void hears(struct flight *f, const char *body, size_t step)
{
    char text[2 * FRAME_MAX];
    (void)snprintf(text, sizeof text, "%s", framed(body));
    for (size_t at = 0, len = strlen(text); at < len; at += step)
        flight_heard(f, text + at, len - at < step ? len - at : step);
}

static void each_after_the_answer_before(void **state)
{
    static const size_t steps[] = {1, 7, FRAME_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct flight *f = flight(whole);
        assert_int_equal(flight_run(f), 3);
        assert_int_equal(flight_edition(f), 7);
        assert_int_equal(flight_count(f), 4);
        says(f, "initialize", 1, steps[i]);
        says_nothing(f);
        hears(f, RESPONSE(1, "initialize", true), steps[i]);
        says(f, "attach", 2, steps[i]);
        hears(f, EVENT("initialized"), steps[i]);
        hears(f, RESPONSE(1, "initialize", true), steps[i]); /* one that was answered already */
        says_nothing(f);
        hears(f, RESPONSE(2, "attach", true), steps[i]);
        says(f, "setBreakpoints", 3, steps[i]);
        hears(f, RESPONSE(3, "setBreakpoints", false), steps[i]); /* its words are for the client */
        says(f, "configurationDone", 4, steps[i]);
        assert_false(flight_is_over(f));
        hears(f, RESPONSE(4, "configurationDone", true), steps[i]);
        assert_true(flight_is_over(f));
        says_nothing(f);
        hears(f, EVENT("stopped"), steps[i]);
        flight_free(f);
    }
}

static void what_is_refused_ends_it(void **state)
{
    (void)state;
    struct flight *f = flight(whole);
    says(f, "initialize", 1, FRAME_MAX);
    hears(f, RESPONSE(1, "initialize", true), FRAME_MAX);
    says(f, "attach", 2, FRAME_MAX);
    hears(f, RESPONSE(2, "attach", false), FRAME_MAX);
    assert_true(flight_is_over(f));
    says_nothing(f);
    flight_free(f);
    f = flight(whole);
    says(f, "initialize", 1, FRAME_MAX);
    hears(f, RESPONSE(1, "initialize", false), FRAME_MAX);
    assert_true(flight_is_over(f));
    flight_free(f);
}

static void what_is_not_dap_ends_it(void **state)
{
    static const char *const others[] = {"{\"jsonrpc\":\"2.0\"}", "SSH-2.0-OpenSSH_9.2\r\n",
                                         "Content-Length: 2\r\n\r\n[]"};
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct flight *f = flight(whole);
        says(f, "initialize", 1, FRAME_MAX);
        flight_heard(f, others[i], strlen(others[i]));
        assert_true(flight_is_over(f));
        says_nothing(f);
        flight_free(f);
    }
}

/* An answer that comes before its request was written is none. */
static void nobody_answers_ahead(void **state)
{
    (void)state;
    struct flight *f = flight(whole);
    hears(f, RESPONSE(1, "initialize", true), FRAME_MAX);
    hears(f, RESPONSE(2, "attach", true), FRAME_MAX);
    says(f, "initialize", 1, FRAME_MAX);
    says_nothing(f);
    flight_free(f);
}

/* Of an answer that is too large to keep the beginning counts. */
static void a_large_answer(void **state)
{
    static const char begins[] = RESPONSE(1, "initialize", true);
    static char body[LARGE];
    (void)state;
    struct flight *f = flight(whole);
    says(f, "initialize", 1, FRAME_MAX);
    size_t n = (size_t)snprintf(body, sizeof body, "Content-Length: %zu\r\n\r\n%.*s,\"body\":\"",
                                sizeof begins - 2 + LARGE / 2 + 11, (int)sizeof begins - 2, begins);
    memset(body + n, 'x', LARGE / 2);
    (void)snprintf(body + n + LARGE / 2, sizeof body - n - LARGE / 2, "\"}");
    flight_heard(f, body, strlen(body));
    says(f, "attach", 2, FRAME_MAX);
    flight_free(f);
}

static void what_ends_behind_attach(void **state)
{
    static const char *const two[] = {"initialize", "attach", NULL};
    static const char *const none[] = {NULL};
    (void)state;
    struct flight *f = flight(two);
    assert_int_equal(flight_count(f), 2);
    says(f, "initialize", 1, FRAME_MAX);
    hears(f, RESPONSE(1, "initialize", true), FRAME_MAX);
    says(f, "attach", 2, FRAME_MAX);
    hears(f, RESPONSE(2, "attach", true), FRAME_MAX);
    assert_true(flight_is_over(f));
    flight_free(f);
    f = flight(none);
    assert_true(flight_is_over(f));
    flight_free(f);
    flight_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_after_the_answer_before),
        cmocka_unit_test(what_is_refused_ends_it),
        cmocka_unit_test(what_is_not_dap_ends_it),
        cmocka_unit_test(nobody_answers_ahead),
        cmocka_unit_test(a_large_answer),
        cmocka_unit_test(what_ends_behind_attach),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
