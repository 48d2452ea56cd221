/* The runs of a supervisor, over a transport that the test plays itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proxy/machine/keeper.h"

enum { SHELLS_MAX = 8, TEXT_MAX = 4 * 1024 * 1024, PID = 4711 };

struct shell {
    struct channel base;
    const struct channel_handler *handler;
    void *arg;
    struct buf written;
    bool paused, closed, shut;
};

static struct world {
    uv_loop_t loop;
    struct link link;
    struct shell shells[SHELLS_MAX]; /* the first one is the control channel */
    size_t shell_count;
    char nonce[64];
    struct keeper *keeper;
    struct buf heard; /* what the keeper told its owner, a line each */
    bool frees;       /* the owner frees the keeper when a run ends */
} w;

/* --- the transport --- */

static struct shell *shell_of(const struct channel *c)
{
    return (struct shell *)(uintptr_t)c;
}

static struct channel *fake_shell(struct link *l, const struct channel_handler *h, void *arg);

static bool fake_write(struct channel *c, const char *data, size_t len)
{
    assert_int_equal(buf_append(&shell_of(c)->written, data, len), 0);
    return false;
}

static void fake_pause(struct channel *c, bool paused)
{
    shell_of(c)->paused = paused;
}

static void fake_shut(struct channel *c)
{
    shell_of(c)->shut = true;
}

static void fake_close(struct channel *c)
{
    shell_of(c)->closed = true;
}

static const struct machine_ops fake_ops = {
    .shell = fake_shell, .write = fake_write, .pause = fake_pause, .shut = fake_shut, .close = fake_close};
static struct machine fake_transport = {.ops = &fake_ops, .where = "gomachine"};

static struct channel *fake_shell(struct link *l, const struct channel_handler *h, void *arg)
{
    struct shell *s = &w.shells[w.shell_count++];
    (void)l;
    assert_true(w.shell_count <= SHELLS_MAX);
    s->base.ops = &fake_ops;
    s->handler = h;
    s->arg = arg;
    buf_init(&s->written, TEXT_MAX);
    return &s->base;
}

/* --- the owner --- */

static void hear(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void hear(const char *fmt, ...)
{
    char text[4096];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    assert_int_equal(buf_printf(&w.heard, "%s\n", text), 0);
}

static void on_ready(void *arg, const struct keeper_tools *t)
{
    (void)arg;
    hear("ready %s [%s]", t->go, t->dlv);
}

static void on_note(void *arg, const char *text)
{
    (void)arg;
    hear("note %s", text);
}

static void on_log(void *arg, const char *line)
{
    (void)arg;
    hear("log %s", line);
}

static void on_build_output(void *arg, const char *line)
{
    (void)arg;
    hear("build %s", line);
}

static void on_output(void *arg, enum channel_source source, const char *data, size_t len)
{
    (void)arg;
    hear("output %d %.*s", (int)source, (int)len, data);
}

static void on_output_ended(void *arg)
{
    (void)arg;
    hear("output ended");
}

static void on_exited(void *arg, int status)
{
    (void)arg;
    hear("exited %d", status);
    if (w.frees) {
        keeper_free(w.keeper, false);
        w.keeper = NULL;
    }
}

static void on_ended(void *arg)
{
    (void)arg;
    hear("ended");
}

static void on_failed(void *arg, const struct err *why)
{
    (void)arg;
    hear("failed %s", why->text);
}

static void on_misplaced(void *arg, enum delve_misplaced_kind kind, const char *path)
{
    (void)arg;
    hear("misplaced %d %s", (int)kind, path);
}

static const struct keeper_handler owner = {.ready = on_ready,
                                            .note = on_note,
                                            .misplaced = on_misplaced,
                                            .log = on_log,
                                            .build_output = on_build_output,
                                            .output = on_output,
                                            .output_ended = on_output_ended,
                                            .exited = on_exited,
                                            .ended = on_ended,
                                            .failed = on_failed};

/* --- helpers --- */

static void feed(size_t shell, enum channel_source source, const char *text)
{
    assert_true(shell < w.shell_count && !w.shells[shell].closed);
    w.shells[shell].handler->data(w.shells[shell].arg, source, text, strlen(text));
}

static void control(const char *text)
{
    feed(0, CHANNEL_STDOUT, text);
}

static void text(const char *line)
{
    feed(0, CHANNEL_STDERR, line);
}

static void close_shell(size_t shell)
{
    static const struct err ordinary;
    w.shells[shell].closed = true;
    w.shells[shell].handler->closed(w.shells[shell].arg, &ordinary, 0);
}

/* What was heard since the last call, compared. */
static void heard(const char *expected)
{
    (void)uv_run(&w.loop, UV_RUN_NOWAIT);
    assert_string_equal(w.heard.data ? w.heard.data : "", expected);
    buf_clear(&w.heard);
    if (w.heard.data)
        w.heard.data[0] = '\0';
}

static const char *written(size_t shell)
{
    const char *data = w.shells[shell].written.data;
    return data ? data : "";
}

/* The same for what was sent to a shell. */
static void sent(size_t shell, const char *expected)
{
    assert_string_equal(written(shell), expected);
    buf_clear(&w.shells[shell].written);
    if (w.shells[shell].written.data)
        w.shells[shell].written.data[0] = '\0';
}

static void sent_holds(const char *part)
{
    if (!strstr(written(0), part))
        fail_msg("no `%s` in:\n%s", part, written(0));
}

static void forget(size_t shell)
{
    buf_clear(&w.shells[shell].written);
}

static void greet(size_t shell)
{
    char line[128];
    (void)snprintf(line, sizeof line, "noise\ndelvegate hello 1 %s\n", w.nonce);
    feed(shell, CHANNEL_STDOUT, line);
    (void)snprintf(line, sizeof line, "noise\ndelvegate mark %s\n", w.nonce);
    feed(shell, CHANNEL_STDERR, line);
}

static void open_streams(size_t shell)
{
    char line[128];
    forget(shell);
    greet(shell);
    (void)snprintf(line, sizeof line, "delvegate open %s\n", w.nonce);
    feed(shell, CHANNEL_STDOUT, line);
    feed(shell, CHANNEL_STDERR, line);
}

static const struct config_target target = {
    .name = (char *)"main", .lease_seconds = 60, .delve_log_output = (char *)"debugger"};

static void begin(bool needs_delve)
{
    static const char prefix[] = "delvegate_nonce=";
    memset(&w, 0, sizeof w);
    uv_loop_init(&w.loop);
    w.link.transport = &fake_transport;
    buf_init(&w.heard, TEXT_MAX);
    w.keeper = keeper_start(&w.loop, &w.link, &target, "ID", needs_delve, &owner, NULL);
    assert_non_null(w.keeper);
    assert_int_equal(w.shell_count, 1);
    const char *nonce = strstr(written(0), prefix);
    assert_ptr_equal(nonce, written(0));
    nonce += strlen(prefix);
    (void)snprintf(w.nonce, sizeof w.nonce, "%.*s", (int)strcspn(nonce, "\n"), nonce);
    forget(0);
    greet(0);
    sent_holds("set role session\nset transport ssh\nset id ID\nset lease 60\n");
    assert_int_equal(strstr(written(0), "set nodelve 1\n") == NULL, needs_delve);
    forget(0);
    control("tool go /go\ntool goVersion 1.19\ntool GOCACHE /c\ntool GOMODCACHE /m\n");
    if (needs_delve)
        control("tool dlv /dlv\ntool dlvVersion 1.20\n");
    control("dir /run\nready\n");
    heard(needs_delve ? "ready /go [/dlv]\n" : "ready /go []\n");
}

static void end(void)
{
    keeper_free(w.keeper, false);
    while (uv_run(&w.loop, UV_RUN_ONCE) != 0)
        continue;
    assert_int_equal(uv_loop_close(&w.loop), 0);
    for (size_t i = 0; i < w.shell_count; i++) {
        assert_true(w.shells[i].closed);
        buf_free(&w.shells[i].written);
    }
    buf_free(&w.heard);
}

static struct delve_plan launch_plan = {
    .mode = DELVE_DEBUG, .package = (char *)".", .build_dir = (char *)"/src", .log_output = (char *)"debugger"};
static struct delve_plan attach_plan = {.mode = DELVE_ATTACH, .pid = PID, .log_output = (char *)"debugger"};

static void run(enum keeper_run_kind kind, const struct delve_plan *plan, const struct delve_mended *mended)
{
    const struct keeper_run r = {.kind = kind, .plan = plan, .mended = mended};
    assert_int_equal(keeper_run(w.keeper, &r), 0);
}

/* --- the tests --- */

static void test_runs_follow_each_other(void **state)
{
    (void)state;
    begin(true);
    run(KEEPER_DLV, &launch_plan, NULL);
    sent(0, "prepare 1\n");
    control("prepared 1\n");
    assert_int_equal(w.shell_count, 2);
    sent(0, ""); /* not before the streams have a reader */
    open_streams(1);
    sent(1, "set role streams\nset dir /run\nset run 1\nbegin\n");
    sent_holds("set arg debug\n");
    sent_holds("--log-dest=/run/1/log\n");
    sent_holds("set cwd /src\nrun 1\n");
    forget(0);
    control("started 1\n");
    text("log a\nout b\n");
    feed(1, CHANNEL_STDOUT, "c");
    feed(1, CHANNEL_STDERR, "d");
    heard("log a\nbuild b\noutput 1 c\noutput 2 d\n");
    control("exited 1 7\n");
    heard(""); /* its text has not ended */
    text("out e\nend 1\n");
    heard("build e\nexited 7\n");

    run(KEEPER_DLV, &launch_plan, NULL);
    assert_true(w.shells[1].closed);
    sent(0, "prepare 2\n");
    control("prepared 2\n");
    assert_int_equal(w.shell_count, 3);
    open_streams(2);
    sent(2, "set role streams\nset dir /run\nset run 2\nbegin\n");
    sent_holds("--log-dest=/run/2/log\n");
    sent_holds("run 2\n");
    feed(2, CHANNEL_STDOUT, "f");
    close_shell(2);
    text("end 2\n");
    control("exited 2 0\n");
    heard("output 1 f\noutput ended\nexited 0\n");
    end();
}

static void test_a_run_without_streams(void **state)
{
    (void)state;
    begin(true);
    run(KEEPER_DLV, &attach_plan, NULL);
    control("prepared 1\n");
    assert_int_equal(w.shell_count, 1);
    sent_holds("set arg attach\nset arg 4711\n");
    sent_holds("set attach 1\nset pid 4711\nrun 1\n");
    forget(0);
    keeper_stop(w.keeper, false);
    sent(0, "stop detach\n");
    keeper_stop(w.keeper, true);
    sent(0, "stop now\n");
    control("exited 1 0\n");
    text("end 1\n");
    heard("exited 0\n");
    keeper_stop(w.keeper, false); /* nothing runs */
    sent(0, "");

    run(KEEPER_ALIVE, &attach_plan, NULL);
    sent(0, "prepare 2\n");
    control("prepared 2\n");
    sent(0, "set kind alive\nset pid 4711\nrun 2\n");
    control("exited 2 1\n");
    text("end 2\n");
    heard("exited 1\n");
    end();
}

static void test_what_belongs_to_another_run(void **state)
{
    (void)state;
    begin(true);
    run(KEEPER_DLV, &attach_plan, NULL);
    control("prepared 9\nprepared 1\n");
    control("exited 9 3\n");
    text("end 9\n");
    heard("");
    control("exited 1 3\n");
    while (!w.heard.data || w.heard.len == 0) /* its text does not end in time */
        assert_int_not_equal(uv_run(&w.loop, UV_RUN_ONCE), 0);
    heard("exited 3\n");
    text("out still the first run's\n");
    heard("build still the first run's\n");
    run(KEEPER_DLV, &attach_plan, NULL);
    control("exited 1 4\nprepared 1\nprepared 2\n");
    text("out late\nlog late\nend 1\nout of the second\n");
    heard("build of the second\n");
    text("end 2\n");
    control("exited 2 5\n");
    heard("exited 5\n");
    end();
}

static void test_stopped_before_it_began(void **state)
{
    (void)state;
    begin(true);
    run(KEEPER_DLV, &launch_plan, NULL);
    forget(0);
    keeper_stop(w.keeper, false);
    sent(0, "");
    heard("output ended\nexited 143\n");
    control("prepared 1\n");
    assert_int_equal(w.shell_count, 1);

    run(KEEPER_DLV, &launch_plan, NULL);
    control("prepared 2\n");
    forget(0);
    keeper_stop(w.keeper, true);
    assert_true(w.shells[1].closed);
    sent(0, "");
    heard("output ended\nexited 143\n");

    run(KEEPER_DLV, &launch_plan, NULL);
    sent(0, "prepare 3\n");
    control("prepared 3\n");
    open_streams(2);
    sent_holds("run 3\n");
    text("out of the third\n");
    heard("build of the third\n");
    forget(0);
    keeper_stop(w.keeper, false);
    sent(0, "stop kill\n");
    end();
}

static void test_what_remedies_have_given(void **state)
{
    struct delve_env env[] = {{(char *)"GOWORK", (char *)"/mine"}, {(char *)"GONE", NULL}};
    struct delve_plan plan = launch_plan;
    struct delve_mended mended = {.launch = 3, .mod_files = true, .work_off = true, .gocache = true};
    struct keeper_run remedy = {.kind = KEEPER_REMEDY,
                                .plan = &plan,
                                .mended = &mended,
                                .remedy = DELVE_REMEDY_PURGE,
                                .module = "example.com/m",
                                .version = "v1.0.0"};
    (void)state;
    plan.env = env;
    plan.env_count = 2;
    begin(true);
    assert_int_equal(keeper_run(w.keeper, &remedy), 0);
    control("prepared 1\n");
    assert_int_equal(w.shell_count, 1);
    sent(0,
         "prepare 1\nset kind remedy\nset arg purge\nset arg /run/mended-3\nset arg shadow\n"
         "set arg example.com/m\nset arg v1.0.0\nset arg .\nset env GOWORK=/mine\nset unset GONE\nset env GOWORK=off\n"
         "set gocache /run/mended-3/gocache\nset cwd /src\nrun 1\n");
    control("exited 1 3\n");
    text("end 1\n");
    heard("exited 3\n");

    remedy.remedy = DELVE_REMEDY_TIDY;
    remedy.edits = true;
    remedy.module = remedy.version = "";
    mended = (struct delve_mended){.launch = 4, .work = true};
    assert_int_equal(keeper_run(w.keeper, &remedy), 0);
    control("prepared 2\n");
    sent_holds("set arg tidy\nset arg /run/mended-4\nset arg edit\nset arg \nset arg \nset arg .\n");
    sent_holds("set env GOWORK=/mine\nset unset GONE\nset env GOWORK=/run/mended-4/go.work\nset cwd /src\nrun 2\n");
    forget(0);
    control("exited 2 0\n");
    text("end 2\n");

    mended = (struct delve_mended){.launch = 5, .mod_files = true, .mod_mod = true};
    run(KEEPER_DLV, &plan, &mended);
    control("prepared 3\n");
    open_streams(1);
    sent_holds("-modfile=/run/mended-5/go.mod");
    sent_holds("-mod=mod");
    end();
}

static void test_commands(void **state)
{
    char *list[] = {(char *)"go", (char *)"two words", (char *)""};
    const struct delve_strings argv = {.list = list, .count = 3};
    struct keeper_run r = {.kind = KEEPER_COMMAND, .plan = &launch_plan, .command = &argv};
    (void)state;
    begin(false);
    assert_int_equal(keeper_run(w.keeper, &r), 0);
    control("prepared 1\n");
    sent(0, "prepare 1\nset kind command\nset arg go\nset arg two\\0040words\nset arg \nset cwd /src\nrun 1\n");
    control("exited 1 0\n");
    text("end 1\n");
    heard("exited 0\n");
    r.streams = true;
    assert_int_equal(keeper_run(w.keeper, &r), 0);
    control("prepared 2\n");
    open_streams(1);
    sent_holds("set streams 1\n");
    sent_holds("run 2\n");
    feed(1, CHANNEL_STDERR, "words");
    heard("output 2 words\n");
    w.shells[1].closed = true;
    w.shells[1].handler->closed(w.shells[1].arg, &(struct err){.text = ""}, 128 + 9);
    heard("failed the command's output from gomachine was lost; it ends when its lease of 60 s is over\n");
    end();
}

static void test_a_pause_holds_for_the_next_run(void **state)
{
    (void)state;
    begin(true);
    keeper_pause_output(w.keeper, true);
    run(KEEPER_DLV, &launch_plan, NULL);
    control("prepared 1\n");
    assert_false(w.shells[1].paused); /* or its greeting would not come */
    open_streams(1);
    assert_true(w.shells[1].paused);
    keeper_end(w.keeper);
    assert_false(w.shells[1].paused);
    sent_holds("end kill\n");
    end();
}

static void test_failures(void **state)
{
    (void)state;
    begin(true);
    run(KEEPER_DLV, &launch_plan, NULL);
    control("error disk full\n");
    heard("failed full (on gomachine)\n");
    control("prepared 1\n"); /* nothing comes of it */
    assert_int_equal(w.shell_count, 1);
    end();

    begin(true);
    run(KEEPER_DLV, &launch_plan, NULL);
    control("prepared 1\n");
    close_shell(1);
    heard("failed no shell for the program's output on gomachine: the login shell ended with exit status 0 and printed "
          "nothing\n");
    end();

    begin(true);
    run(KEEPER_DLV, &attach_plan, NULL);
    control("prepared 1\n");
    control("error start words\n");
    heard("note words (on gomachine)\n");
    control("error missing /w/a\n");
    heard("misplaced 1 /w/a\n");
    control("exited 1 127\n");
    text("end 1\n");
    heard("exited 127\n");
    close_shell(0);
    heard("failed the supervisor on gomachine ended by itself (exit status 0)\n");
    end();
}

/* A shell that ends before the supervisor has greeted. */
static void never_greeted(enum channel_source source, const char *noise, int status, const char *expected)
{
    memset(&w, 0, sizeof w);
    uv_loop_init(&w.loop);
    w.link.transport = &fake_transport;
    buf_init(&w.heard, TEXT_MAX);
    w.keeper = keeper_start(&w.loop, &w.link, &target, "ID", true, &owner, NULL);
    assert_non_null(w.keeper);
    if (noise)
        feed(0, source, noise);
    w.shells[0].closed = true;
    w.shells[0].handler->closed(w.shells[0].arg, &(struct err){.text = ""}, status);
    heard(expected);
    end();
}

static void test_a_shell_that_is_none(void **state)
{
    (void)state;
    static const char hint[] =
        "; check that `ssh HOST sh` works without a question (.bashrc, .profile, a ForceCommand)\n";
    char expected[512];
    (void)snprintf(
        expected, sizeof expected,
        "failed the login shell on gomachine did not run sh: it ended with exit status 1 and printed nothing%s", hint);
    never_greeted(CHANNEL_STDOUT, NULL, 1, expected);
    (void)snprintf(expected, sizeof expected,
                   "failed the login shell on gomachine did not run sh: it ended with exit status 0 and printed: go "
                   "away%s",
                   hint);
    never_greeted(CHANNEL_STDOUT, "go away\n", 0, expected);
    never_greeted(CHANNEL_STDERR, "go away\r\n", 0, expected);
}

static void test_ends(void **state)
{
    (void)state;
    begin(true);
    run(KEEPER_DLV, &attach_plan, NULL);
    forget(0);
    keeper_end(w.keeper);
    sent(0, "end detach\n");
    control("prepared 1\n");
    sent(0, ""); /* no run is ordered any more */
    control("ended\n");
    close_shell(0);
    heard("ended\n");
    end();

    begin(true);
    w.frees = true;
    run(KEEPER_DLV, &attach_plan, NULL);
    control("prepared 1\nexited 1 0\n");
    text("end 1\nout more\n"); /* freed in the middle of what it reads */
    heard("exited 0\n");
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_follow_each_other),         cmocka_unit_test(test_a_run_without_streams),
        cmocka_unit_test(test_what_belongs_to_another_run),    cmocka_unit_test(test_stopped_before_it_began),
        cmocka_unit_test(test_what_remedies_have_given),       cmocka_unit_test(test_commands),
        cmocka_unit_test(test_a_pause_holds_for_the_next_run), cmocka_unit_test(test_failures),
        cmocka_unit_test(test_a_shell_that_is_none),           cmocka_unit_test(test_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
