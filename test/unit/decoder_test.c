/* The cases of test/unit/data/framing, and what cannot be said there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dap/buf.h"
#include "dap/decoder.h"
#include "guarded.h"

enum { BIG = 1 << 20, CUT_EVERY_MAX = 256, LINE_MAX_BYTES = 4096, FEWEST_CASES = 80, SHOWN_MAX = 1000 };

struct framing_case {
    char file[64];
    char name[128];
    size_t limit;
    enum dap_oversize oversize;
    struct buf in;
    struct buf expected; /* the events, one a line */
};

static struct buf buffer(void)
{
    struct buf b;
    buf_init(&b, BIG);
    return b;
}

static void unescape(struct buf *out, const char *s)
{
    for (; *s; s++) {
        char c = *s;
        if (c == '\\') {
            s++;
            if (*s == 'x') {
                char digits[] = {s[1], s[2], '\0'};
                c = (char)strtol(digits, NULL, 16);
                s += 2;
            } else {
                const char *from = "rnt0s\\", *p = strchr(from, *s);
                assert_true(*s && p);
                c = "\r\n\t\0 \\"[p - from];
            }
        }
        buf_append(out, &c, 1);
        assert_false(out->failed);
    }
}

static void log_bytes(struct buf *events, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if (isprint(c) && c != '\\')
            buf_printf(events, "%c", c);
        else
            buf_printf(events, "\\x%02X", c);
    }
}

static void log_message(struct buf *events, const char *body, size_t len)
{
    buf_puts(events, "message ");
    if (len > SHOWN_MAX)
        buf_printf(events, "@%zu", len);
    else
        log_bytes(events, body, len);
    buf_puts(events, "\n");
}

/* Feeds the stream in pieces: the first of `first` bytes, then `rest` at a time, each against the end of memory. */
static void run(const struct framing_case *c, size_t first, size_t rest, struct buf *events)
{
    struct dap_decoder *d = dap_decoder_new(c->limit, c->oversize);
    assert_non_null(d);
    size_t off = 0;
    while (off < c->in.len) {
        size_t piece = off == 0 ? first : rest;
        if (piece > c->in.len - off)
            piece = c->in.len - off;
        struct guarded g;
        assert_int_equal(guarded_new(&g, c->in.data + off, piece), 0);
        size_t done = 0;
        while (done < piece) {
            size_t used;
            struct dap_frame frame;
            enum dap_result r = dap_decoder_feed(d, g.bytes + done, piece - done, &used, &frame);
            done += used;
            if (r == DAP_MORE) {
                assert_int_equal(done, piece);
            } else if (r == DAP_BROKEN) {
                buf_printf(events, "broken %zu %s\n", off + done, dap_decoder_reason(d));
                assert_int_equal(dap_decoder_feed(d, "Content-Length: 2\r\n\r\n{}", 23, &used, &frame), DAP_BROKEN);
                assert_int_equal(used, 0);
                assert_false(dap_decoder_at_boundary(d));
                guarded_free(&g);
                dap_decoder_free(d);
                return;
            } else if (r == DAP_MESSAGE) {
                assert_int_equal(frame.len, frame.length);
                assert_int_equal(frame.body[frame.len], '\0');
                assert_memory_equal(frame.body, c->in.data + off + done - frame.length, frame.len);
                log_message(events, frame.body, frame.len);
            } else {
                assert_memory_equal(frame.body, c->in.data + off + done - frame.length, frame.len);
                buf_printf(events, "skipped %zu %zu\n", frame.length, frame.len);
            }
        }
        guarded_free(&g);
        off += piece;
    }
    assert_null(dap_decoder_reason(d));
    buf_printf(events, "end %s\n",
               dap_decoder_at_boundary(d) ? "boundary"
               : dap_decoder_in_header(d) ? "header"
                                          : "body");
    dap_decoder_free(d);
}

static void check(const struct framing_case *c, size_t first, size_t rest)
{
    struct buf events = buffer();
    run(c, first, rest, &events);
    if (events.len != c->expected.len || memcmp(events.data, c->expected.data, events.len) != 0)
        fail_msg("%s, case \"%s\", first piece %zu, then %zu:\ngot\n%sexpected\n%s", c->file, c->name, first, rest,
                 events.data, c->expected.data);
    buf_free(&events);
}

static void check_all_ways(struct framing_case *c)
{
    size_t len = c->in.len;
    check(c, len, len);
    check(c, 1, 1);
    check(c, 3, 7);
    for (size_t cut = 1; cut < len; cut++) {
        /* The middle of a long pad is like its neighbours. */
        if (cut > CUT_EVERY_MAX && len - cut > CUT_EVERY_MAX && cut % 97 != 0)
            continue;
        check(c, cut, len);
    }
}

static int read_out(struct framing_case *c, const char *text)
{
    if (strncmp(text, "message ", 8) == 0 && text[8] != '@') {
        struct buf body = buffer();
        unescape(&body, text + 8);
        log_message(&c->expected, body.data, body.len);
        buf_free(&body);
        return 0;
    }
    buf_printf(&c->expected, "%s\n", text);
    return c->expected.failed ? -1 : 0;
}

/* Runs the case read so far, if there is one, and makes room for the next. Returns how many ran. */
static size_t finish(struct framing_case *c)
{
    size_t ran = c->name[0] != '\0';
    if (ran)
        check_all_ways(c);
    buf_free(&c->in);
    buf_free(&c->expected);
    c->name[0] = '\0';
    c->limit = DAP_CLIENT_BODY_MAX;
    c->oversize = DAP_OVERSIZE_ERROR;
    return ran;
}

static size_t run_file(const char *path)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    struct framing_case c = {.in = buffer(), .expected = buffer()};
    snprintf(c.file, sizeof c.file, "%s", path);
    size_t ran = finish(&c);
    char line[LINE_MAX_BYTES];
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        size_t n;
        char byte;
        if (line[0] == '#' || line[0] == '\0') {
            continue;
        } else if (strncmp(line, "case ", 5) == 0) {
            ran += finish(&c);
            snprintf(c.name, sizeof c.name, "%.100s", line + 5);
        } else if (strncmp(line, "in ", 3) == 0) {
            unescape(&c.in, line + 3);
        } else if (sscanf(line, "pad %zu %c", &n, &byte) == 2) {
            while (n-- > 0)
                buf_append(&c.in, &byte, 1);
        } else if (sscanf(line, "limit %zu", &n) == 1) {
            c.limit = n;
        } else if (strcmp(line, "skip") == 0) {
            c.oversize = DAP_OVERSIZE_SKIP;
        } else if (strncmp(line, "out ", 4) == 0) {
            assert_int_equal(read_out(&c, line + 4), 0);
        } else if (strncmp(line, "end ", 4) == 0) {
            buf_printf(&c.expected, "%s\n", line);
        } else {
            fail_msg("%s: unknown line: %s", path, line);
        }
    }
    fclose(f);
    return ran + finish(&c);
}

static void data_files(void **state)
{
    (void)state;
    glob_t g;
    assert_int_equal(glob("test/unit/data/framing/*.txt", 0, NULL, &g), 0);
    size_t ran = 0;
    for (size_t i = 0; i < g.gl_pathc; i++)
        ran += run_file(g.gl_pathv[i]);
    globfree(&g);
    assert_true(ran >= FEWEST_CASES);
}

static void a_length_allocates_nothing(void **state)
{
    (void)state;
    struct dap_decoder *d = dap_decoder_new(DAP_CLIENT_BODY_MAX, DAP_OVERSIZE_ERROR);
    size_t before = dap_decoder_memory(d);
    size_t used;
    struct dap_frame frame;
    const char *header = "Content-Length: 16777216\r\n\r\n";
    assert_int_equal(dap_decoder_feed(d, header, strlen(header), &used, &frame), DAP_MORE);
    assert_int_equal(dap_decoder_memory(d), before);
    assert_int_equal(dap_decoder_feed(d, "{", 1, &used, &frame), DAP_MORE);
    assert_true(dap_decoder_memory(d) < before + 1024);
    dap_decoder_free(d);
}

static void a_large_body_is_not_kept(void **state)
{
    (void)state;
    struct dap_decoder *d = dap_decoder_new(DAP_CLIENT_BODY_MAX, DAP_OVERSIZE_ERROR);
    char *body = calloc(1, BIG);
    assert_non_null(body);
    char header[64];
    int n = snprintf(header, sizeof header, "Content-Length: %d\r\n\r\n", BIG);
    size_t used;
    struct dap_frame frame;
    dap_decoder_feed(d, header, (size_t)n, &used, &frame);
    assert_int_equal(dap_decoder_feed(d, body, BIG, &used, &frame), DAP_MESSAGE);
    assert_int_equal(frame.len, BIG);
    assert_true(dap_decoder_memory(d) > BIG);
    assert_int_equal(dap_decoder_feed(d, "", 0, &used, &frame), DAP_MORE);
    assert_true(dap_decoder_memory(d) < 1024);
    free(body);
    dap_decoder_free(d);
}

/* Random streams of messages, cut at random places: the same frames. */
static void random_cuts(void **state)
{
    (void)state;
    srand(1);
    for (int round = 0; round < 200; round++) {
        struct framing_case c = {.limit = 200, .oversize = DAP_OVERSIZE_SKIP, .in = buffer(), .expected = buffer()};
        snprintf(c.name, sizeof c.name, "random round %d", round);
        for (int i = rand() % 10; i >= 0; i--) {
            size_t len = 1 + (size_t)(rand() % 300);
            buf_printf(&c.in, "Content-Length: %zu\r\n%s\r\n", len, rand() % 4 ? "" : "Content-Type: x\r\n");
            size_t at = c.in.len;
            for (size_t k = 0; k < len; k++)
                buf_append(&c.in, &(char){(char)(rand() % 256)}, 1);
            if (len > c.limit) {
                buf_printf(&c.expected, "skipped %zu %zu\n", len, len);
            } else {
                log_message(&c.expected, c.in.data + at, len);
            }
        }
        buf_puts(&c.expected, "end boundary\n");
        for (int i = 0; i < 5; i++)
            check(&c, 1 + (size_t)rand() % c.in.len, 1 + (size_t)rand() % 100);
        buf_free(&c.in);
        buf_free(&c.expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_files),
        cmocka_unit_test(a_length_allocates_nothing),
        cmocka_unit_test(a_large_body_is_not_kept),
        cmocka_unit_test(random_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
