/* Launch and attach arguments -> plan -> dlv's command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delve/blame.h"
#include "delve/path_error.h"
#include "delve/plan.h"

/* The target of all cases: one rule of paths, flags of its own. */
static int map_path(void *arg, const char *path, struct buf *out)
{
    (void)arg;
    static const char client[] = "/Users/me";
    if (strncmp(path, client, sizeof client - 1) != 0)
        return 0;
    buf_printf(out, "/home/me%s", path + sizeof client - 1);
    return out->failed ? -1 : 1;
}

static const struct delve_target plain = {.map_path = map_path};

static struct delve_plan *plan_of(const char *json, bool is_attach, const struct delve_target *target, struct err *e)
{
    json_error_t why;
    json_t *arguments = json_loads(json, JSON_ALLOW_NUL, &why);
    if (!arguments)
        fail_msg("%s: %s", json, why.text);
    json_t *before = json_deep_copy(arguments);
    struct delve_plan *plan = delve_plan_new(arguments, is_attach, target, e);
    assert_true(json_equal(arguments, before));
    json_decref(before);
    json_decref(arguments);
    return plan;
}

static struct delve_plan *good(const char *json, bool is_attach)
{
    struct err e = {{0}};
    struct delve_plan *plan = plan_of(json, is_attach, &plain, &e);
    if (!plan)
        fail_msg("%s: %s", json, e.text);
    return plan;
}

static void assert_strings(const struct delve_strings *s, const char *const *expected)
{
    size_t n = 0;
    for (; expected[n]; n++) {
        assert_true(n < s->count);
        assert_string_equal(s->list[n], expected[n]);
    }
    assert_int_equal(s->count, n);
}

/* What comes between the positional argument and the pins differs from case to case; the rest never does. */
static void assert_argv(const struct delve_plan *plan, const char *const *begin, const char *const *arguments)
{
    static const char *const pins[] = {"--headless=true", "--api-version=2", "--only-same-user=true",
                                       "--accept-multiclient=true", "--listen=127.0.0.1:0"};
    const struct delve_run_paths paths = {.output = "/r/bin", .log = "/r/log", .out = "/r/out", .err = "/r/err"};
    struct delve_strings argv;
    assert_int_equal(delve_plan_argv(plan, &paths, "rpc", &argv), 0);
    size_t n = 0;
    for (; begin[n]; n++) {
        assert_true(n < argv.count);
        assert_string_equal(argv.list[n], begin[n]);
    }
    for (size_t i = 0; i < sizeof pins / sizeof pins[0]; i++, n++) {
        assert_true(n < argv.count);
        assert_string_equal(argv.list[n], pins[i]);
    }
    for (size_t i = 0; arguments[i]; i++, n++) {
        assert_true(n < argv.count);
        assert_string_equal(argv.list[n], arguments[i]);
    }
    assert_int_equal(argv.count, n);
    delve_strings_free(&argv);
}

static bool noted(const struct delve_plan *plan, const char *part)
{
    for (size_t i = 0; i < plan->notes.count; i++)
        if (strstr(plan->notes.list[i], part))
            return true;
    return false;
}

/* As VS Code 1.100.3 with the Go extension 0.57 sends it. */
static void an_ordinary_launch_gives_no_note(void **state)
{
    (void)state;
    struct delve_plan *plan = good(
        "{\"name\":\"launch\",\"type\":\"go\",\"request\":\"launch\",\"mode\":\"debug\",\"debugAdapter\":\"dlv-dap\","
        "\"program\":\"/Users/me/ws\",\"debugServer\":36797,\"__configurationTarget\":6,"
        "\"packagePathToGoModPathMap\":{},\"showRegisters\":false,\"showGlobalVariables\":false,\"substitutePath\":[],"
        "\"showLog\":false,\"logOutput\":\"debugger\",\"dlvFlags\":[],\"hideSystemGoroutines\":false,"
        "\"dlvToolPath\":\"/usr/bin/dlv\",\"env\":{\"GOPATH\":\"/Users/me/go\",\"FOO\":\"bar\"},\"args\":[\"one\","
        "\"two three\"],\"stopOnEntry\":true,\"__sessionId\":\"64e1eb87-ac27-4445-b808-9eab99447b8d\"}",
        false);
    assert_int_equal(plan->mode, DELVE_DEBUG);
    assert_string_equal(plan->program, "/home/me/ws");
    assert_string_equal(plan->build_dir, "/home/me/ws");
    assert_string_equal(plan->cwd, "/home/me/ws");
    assert_false(plan->no_debug);
    assert_int_equal(plan->env_count, 1);
    assert_string_equal(plan->env[0].name, "FOO");
    assert_string_equal(plan->env[0].value, "bar");
    assert_null(plan->substitute_path);
    assert_int_equal(plan->notes.count, 0);
    const char *begin[] = {"debug",
                           ".",
                           "--log=true",
                           "--log-output=debugger",
                           "--log-dest=/r/log",
                           "--output=/r/bin",
                           "--wd=/home/me/ws",
                           "--redirect=stdout:/r/out",
                           "--redirect=stderr:/r/err",
                           NULL};
    const char *arguments[] = {"--", "one", "two three", NULL};
    assert_argv(plan, begin, arguments);
    json_t *attach = json_pack("{s:s, s:b, s:b, s:b, s:b}", "mode", "remote", "showRegisters", 0, "showGlobalVariables",
                               0, "hideSystemGoroutines", 0, "stopOnEntry", 1);
    assert_true(json_equal(plan->attach, attach));
    json_decref(attach);
    delve_plan_free(plan);
}

/* What editors send of themselves gives no note; what a user wrote, and what matters, gives one. */
static void what_editors_add_gives_no_note(void **state)
{
    (void)state;
    static const char path[] = "test/unit/data/launch/arguments.jsonl";
    FILE *f = fopen(path, "r");
    if (!f)
        fail_msg("%s cannot be read", path);
    char *line = NULL;
    size_t room = 0, count = 0;
    for (; getline(&line, &room, f) > 0; count++) {
        json_t *sent = json_loads(line, 0, NULL);
        const char *note = json_string_value(json_object_get(sent, "note"));
        bool is_attach = strcmp(json_string_value(json_object_get(sent, "request")), "attach") == 0;
        struct err e = {{0}};
        struct delve_plan *plan = delve_plan_new(json_object_get(sent, "arguments"), is_attach, &plain, &e);
        if (!plan)
            fail_msg("%s: %s", line, e.text);
        if (plan->notes.count != (note ? 1 : 0) || (note && !noted(plan, note)))
            fail_msg("%s: %zu notes, the first: %s", line, plan->notes.count,
                     plan->notes.count ? plan->notes.list[0] : "-");
        delve_plan_free(plan);
        json_decref(sent);
    }
    free(line);
    fclose(f);
    assert_true(count >= 20);
}

static void modes_and_paths(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum delve_mode mode;
        const char *package, *build_dir, *cwd;
    } cases[] = {
        {"{\"program\":\"/w/a\"}", DELVE_DEBUG, ".", "/w/a", "/w/a"},
        {"{\"program\":\"/w/a/cmd/x\",\"dlvCwd\":\"/w/a\"}", DELVE_DEBUG, "./cmd/x", "/w/a", "/w/a"},
        {"{\"program\":\"/w/a\",\"dlvCwd\":\"/w/a/\"}", DELVE_DEBUG, ".", "/w/a", "/w/a"},
        {"{\"program\":\"/w/ab\",\"dlvCwd\":\"/w/a\"}", DELVE_DEBUG, "/w/ab", "/w/a", "/w/a"},
        {"{\"program\":\"./cmd\",\"dlvCwd\":\"/Users/me/a\"}", DELVE_DEBUG, "./cmd", "/home/me/a", "/home/me/a"},
        {"{\"program\":\"/w/a/x.go\",\"dlvCwd\":\"/w\",\"cwd\":\"data\"}", DELVE_DEBUG, "./a/x.go", "/w", "/w/data"},
        {"{\"program\":\"ex.com/a\",\"dlvCwd\":\"/w\"}", DELVE_DEBUG, "ex.com/a", "/w", "/w"},
        {"{\"mode\":\"test\",\"program\":\"/w/a/x_test.go\",\"dlvCwd\":\"/w\"}", DELVE_TEST, "./a", "/w", "/w/a"},
        {"{\"mode\":\"test\",\"program\":\"ex.com/a\",\"dlvCwd\":\"/w\"}", DELVE_TEST, "ex.com/a", "/w", NULL},
        {"{\"mode\":\"exec\",\"program\":\"/b/x\",\"dlvCwd\":\"/w\"}", DELVE_EXEC, "/b/x", "/w", "/w"},
        {"{\"mode\":\"exec\",\"program\":\"x\",\"dlvCwd\":\"/w\"}", DELVE_EXEC, "/w/x", "/w", "/w"},
        {"{\"program\":\"/a\",\"dlvCwd\":\"/\"}", DELVE_DEBUG, "./a", "/", "/"},
        {"{\"program\":\"/w/a///\"}", DELVE_DEBUG, ".", "/w/a", "/w/a"},
        {"{\"program\":\"/\"}", DELVE_DEBUG, ".", "/", "/"},
        {"{\"program\":\"/w/a\",\"cwd\":\"/Users/me/d\"}", DELVE_DEBUG, ".", "/w/a", "/home/me/d"},
        {"{\"program\":\"/w/a/main.go\"}", DELVE_DEBUG, "./main.go", "/w/a", "/w/a"},
        {"{\"program\":\"/main.go\"}", DELVE_DEBUG, "./main.go", "/", "/"},
        {"{\"program\":\"/w/a/main.go\",\"mode\":\"auto\"}", DELVE_DEBUG, "./main.go", "/w/a", "/w/a"},
        {"{\"program\":\"/w/a/a_test.go\",\"mode\":\"auto\"}", DELVE_TEST, ".", "/w/a", "/w/a"},
        {"{\"program\":\"/w/a\",\"mode\":\"test\"}", DELVE_TEST, ".", "/w/a", "/w/a"},
        {"{\"program\":\"/w/a/a.go\",\"mode\":\"test\"}", DELVE_TEST, ".", "/w/a", "/w/a"},
        {"{\"program\":\"./cmd/x\",\"cwd\":\"/w\"}", DELVE_DEBUG, ".", "/w/cmd/x", "/w"},
        {"{\"program\":\".\",\"cwd\":\"/w\"}", DELVE_DEBUG, ".", "/w", "/w"},
        {"{\"program\":\"cmd/x/main.go\",\"cwd\":\"/w/\"}", DELVE_DEBUG, "./main.go", "/w/cmd/x", "/w"},
        {"{\"program\":\"ex.com/x/y\",\"cwd\":\"/w\"}", DELVE_DEBUG, "ex.com/x/y", "/w", "/w"},
        {"{\"program\":\"ex.com/x/y\"}", DELVE_DEBUG, "ex.com/x/y", NULL, NULL},
        {"{\"program\":\"/w/a\",\"cwd\":\"data\"}", DELVE_DEBUG, ".", "/w/a", "/w/a/data"},
        {"{\"program\":\"/Users/me/bin/x\",\"mode\":\"exec\"}", DELVE_EXEC, "/home/me/bin/x", "/home/me/bin",
         "/home/me/bin"},
        {"{\"program\":\"bin/x\",\"cwd\":\"/w\",\"mode\":\"exec\"}", DELVE_EXEC, "/w/bin/x", "/w/bin", "/w"},
        {"{\"program\":\"ex.com/x\",\"cwd\":\"/w\",\"mode\":\"exec\"}", DELVE_EXEC, "/w/ex.com/x", "/w/ex.com", "/w"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct delve_plan *plan = good(cases[i].json, false);
        assert_int_equal(plan->mode, cases[i].mode);
        assert_string_equal(plan->package, cases[i].package);
        if (cases[i].build_dir) {
            assert_string_equal(plan->build_dir, cases[i].build_dir);
            if (cases[i].cwd)
                assert_string_equal(plan->cwd, cases[i].cwd);
            else
                assert_null(plan->cwd);
        } else {
            assert_null(plan->build_dir);
            assert_null(plan->cwd);
            assert_true(noted(plan, "set cwd to change that"));
        }
        delve_plan_free(plan);
    }
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        bool is_attach;
        const char *json;
        const char *says;
    } cases[] = {
        {false, "[]", "launch has no arguments"},
        {false, "{}", "program is missing"},
        {false, "{\"program\":\"\"}", "program is missing"},
        {false, "{\"program\":null}", "program is missing"},
        {false, "{\"program\":7}", "program must be a string, not a number"},
        {false, "{\"program\":\"-x\"}", "program: \"-x\" looks like a flag"},
        {false, "{\"program\":\"C:\\\\src\\\\x\"}", "no rule of the target's paths maps \"C:\\src\\x\""},
        {false, "{\"program\":\"/a\",\"cwd\":\"c:/x\"}", "cwd: no rule"},
        {false, "{\"program\":\"/a\",\"dlvCwd\":\"x\"}", "dlvCwd: \"x\" is relative"},
        {false, "{\"program\":\"a/b\",\"cwd\":\"c\"}", "cwd: \"c\" is relative, and so is program"},
        {false, "{\"program\":\"/a\\u0000b\"}", "program contains a NUL"},
        {false, "{\"program\":\"/a\",\"args\":[\"x\\u0000\"]}", "args[0] contains a NUL"},
        {false, "{\"program\":\"/a\",\"env\":{\"A\":\"x\\u0000\"}}", "env.A contains a NUL"},
        {false, "{\"program\":\"/a\",\"mode\":\"replay\"}", "mode: \"replay\" is not supported by this version"},
        {false, "{\"program\":\"/a\",\"mode\":\"core\"}", "mode: \"core\" is not supported by this version"},
        {false, "{\"program\":\"/a\",\"mode\":\"remote\"}",
         "at port 2345 of the Go machine. Set \"request\": \"attach\""},
        {false, "{\"program\":\"/a\",\"mode\":\"remote\",\"port\":\"4040\"}", "is already running, at port 4040"},
        {false, "{\"program\":\"/a\",\"mode\":\"elsewhere\"}", "mode: \"elsewhere\" is not a mode of a launch request"},
        {false, "{\"program\":\"/a\",\"mode\":1}", "mode must be a string"},
        {false, "{\"program\":\"/a\",\"env\":{\"A\":1}}", "env.A must be a string, not a number: write \"1\"."},
        {false, "{\"program\":\"/a\",\"env\":[]}", "env must be an object, not an array"},
        {false, "{\"program\":\"/a\",\"args\":[\"--port\",8080]}",
         "args[1] must be a string, not a number: write \"8080\"."},
        {false, "{\"program\":\"/a\",\"args\":[\"a\",\"b\",true]}",
         "args[2] must be a string, not true or false: write "
         "\"true\"."},
        {false, "{\"program\":\"/a\",\"args\":[{}]}", "args[0] must be a string, not an object."},
        {false, "{\"program\":\"/a\",\"args\":[null]}", "args[0] must be a string, not null."},
        {false, "{\"program\":\"/a\",\"buildFlags\":\"-ldflags='-X a=b\"}",
         "buildFlags: a quote is not closed in: -ldflags='-X a=b."},
        {false, "{\"program\":\"/a\",\"buildFlags\":\"-tags \\\"a b\"}", "buildFlags: a quote is not closed"},
        {false, "{\"program\":\"/a\",\"dlvFlags\":\"'--backend=lldb\"}", "dlvFlags: a quote is not closed"},
        {false, "{\"program\":\"/a\",\"args\":\"don't\"}", "args: a quote is not closed in: don't."},
        {false, "{\"program\":\"/a\",\"dlvFlags\":[\"--build-flags='-s\"]}",
         "--build-flags in Delve's flags: a quote is not closed"},
        {false, "{\"program\":\"/a\",\"args\":7}", "args must be a string or an array of strings, not a number"},
        {false, "{\"program\":\"/a\",\"buildFlags\":[1.5]}", "buildFlags[0] must be a string, not a number"},
        {false, "{\"program\":\"/a\",\"dlvFlags\":[\"--x=1\",[]]}", "dlvFlags[1] must be a string, not an array."},
        {false, "{\"program\":\"/a\",\"showPprofLabels\":[\"x\",1]}", "showPprofLabels[1] must be a string"},
        {false, "{\"program\":\"${workspaceFolder}/cmd\"}",
         "program: the editor has not replaced ${workspaceFolder} in \"${workspaceFolder}/cmd\"."},
        {false, "{\"program\":\"/a\",\"cwd\":\"${fileDirname}\"}", "cwd: the editor has not replaced ${fileDirname}"},
        {false, "{\"program\":\"/home/${env:USER}/a\"}", "program: the editor has not replaced ${env:USER}"},
        {false, "{\"program\":\"/home/${anything at all}\"}",
         "program: the editor has not replaced ${anything at all}"},
        {false, "{\"program\":\"/a\",\"substitutePath\":[{\"from\":\"${workspaceFolder}\",\"to\":\"/x\"}]}",
         "substitutePath[0].from: the editor has not replaced ${workspaceFolder}"},
        {true, "{\"processId\":\"${command:pickProcess}\"}",
         "processId: the editor has not replaced ${command:pickProcess}"},
        {true, "{\"mode\":\"remote\",\"port\":\"${input:port}\"}", "port: the editor has not replaced ${input:port}"},
        {true, "{\"mode\":\"remote\",\"port\":\"http\"}", "port: \"http\" is not a port"},
        {true, "{\"mode\":\"remote\",\"port\":\"65536\"}", "port: \"65536\" is not a port"},
        {true, "{\"mode\":\"remote\",\"port\":\"0\"}", "port: \"0\" is not a port"},
        {false, "{\"program\":\"/a\",\"stopOnEntry\":\"yes\"}", "stopOnEntry must be true or false, not a string"},
        {false, "{\"program\":\"/a\",\"stackTraceDepth\":1.5}", "stackTraceDepth must be a whole number"},
        {false, "{\"program\":\"/a\",\"showPprofLabels\":\"x\"}", "showPprofLabels must be an array of strings"},
        {false, "{\"program\":\"/a\",\"goroutineFilters\":[]}", "goroutineFilters must be a string"},
        {false, "{\"program\":\"/a\",\"dlvFlags\":[\"--backend\"]}", "dlvFlags: --backend needs a value"},
        {false, "{\"program\":\"/a\",\"dlvFlags\":[\"--\"]}", "dlvFlags: \"--\" would end"},
        {false, "{\"program\":\"/a\",\"substitutePath\":{}}", "substitutePath must be an array"},
        {false, "{\"program\":\"/a\",\"delvegate\":[]}", "delvegate must be an object, not an array"},
        {false, "{\"program\":\"/a\",\"delvegate\":{\"prelaunch\":\"tidy\"}}",
         "delvegate.prelaunch must be a list of steps, not a string"},
        {false, "{\"program\":\"/a\",\"delvegate\":{\"prelaunch\":[\"a\\u0000\"]}}",
         "delvegate.prelaunch[0] contains a NUL"},
        {true, "{\"processId\":1,\"delvegate\":7}", "delvegate must be an object, not a number"},
        {false, "{\"program\":\"/a\",\"substitutePath\":[{\"from\":\"/a\",\"to\":\"/b\"},{\"from\":\"/a\"}]}",
         "substitutePath[1] must have from and to"},
        {true, "{}", "processId is missing"},
        {true, "{\"processId\":0}", "processId is missing"},
        {true, "{\"processId\":-1}", "processId: -1 is not a process id"},
        {true, "{\"processId\":4294967296}", "processId: 4294967296 is not a process id"},
        {true, "{\"processId\":\"server\"}", "processId: \"server\" is not a process id"},
        {true, "{\"processId\":\"12x\"}", "processId: \"12x\" is not a process id"},
        {true, "{\"processId\":\" 12\"}", "processId: \" 12\" is not a process id"},
        {true, "{\"processId\":\"99999999999999999999\"}", "is not a process id"},
        {true, "{\"processId\":true}", "processId must be a whole number, or one in a string"},
        {true, "{\"mode\":\"debug\"}",
         "mode: \"debug\" is not a mode of an attach request. Use local or remote, or set \"request\": \"launch\""},
        {true, "{\"mode\":\"remote\",\"host\":\"10.0.0.5\"}", "host: \"10.0.0.5\" is not a loopback address"},
        {true, "{\"mode\":\"remote\",\"port\":65536}", "port: 65536 is not a port"},
        {true, "{\"mode\":\"remote\",\"port\":true}", "port must be a whole number, or one in a string"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err e = {{0}};
        struct delve_plan *plan = plan_of(cases[i].json, cases[i].is_attach, &plain, &e);
        if (plan)
            fail_msg("%s passed", cases[i].json);
        if (!strstr(e.text, cases[i].says))
            fail_msg("%s: %s", cases[i].json, e.text);
        assert_null(strchr(e.text, '\n'));
    }
}

/* Input variables give strings; what a program may mean itself stays. */
static void numbers_in_strings_and_dollars(void **state)
{
    (void)state;
    struct delve_plan *plan = good("{\"mode\":\"remote\",\"port\":\"4000\",\"stackTraceDepth\":\"70\"}", true);
    assert_int_equal(plan->port, 4000);
    assert_int_equal(json_integer_value(json_object_get(plan->attach, "stackTraceDepth")), 70);
    assert_int_equal(plan->notes.count, 0);
    delve_plan_free(plan);
    plan = good("{\"processId\":\"5\",\"port\":\"2345\"}", true);
    assert_int_equal(plan->notes.count, 0);
    delve_plan_free(plan);
    plan = good("{\"program\":\"/w\",\"args\":[\"$HOME\",\"${HOME}\",\"a ${X:-b}\",\"${\",\"${}\",\"$${env}\"],"
                "\"env\":{\"PS1\":\"${debian_chroot}\"}}",
                false);
    assert_int_equal(plan->args.count, 6);
    assert_int_equal(plan->notes.count, 0);
    delve_plan_free(plan);
    plan = good("{\"program\":\"/w\",\"args\":[\"x\",\"--dir=${x}${workspaceFolder}\"],\"env\":{\"A\":\"${env:A}\"},"
                "\"delvegate\":{\"prelaunch\":[{\"command\":[\"ls\",\"${file}\"]}]}}",
                false);
    assert_string_equal(plan->args.list[1], "--dir=${x}${workspaceFolder}");
    assert_string_equal(plan->env[0].value, "${env:A}");
    assert_int_equal(plan->notes.count, 3);
    assert_true(noted(plan, "args[1]: the editor has not replaced ${workspaceFolder}, which is passed on as it is."));
    assert_true(noted(plan, "env.A: the editor has not replaced ${env:A}"));
    assert_true(noted(plan, "delvegate.prelaunch[0].command[1]: the editor has not replaced ${file}"));
    delve_plan_free(plan);
}

static void attaching(void **state)
{
    (void)state;
    static const char *const pids[] = {"{\"processId\":4711}", "{\"processId\":\"4711\"}",
                                       "{\"mode\":\"local\",\"processId\":4711,\"host\":\"127.0.0.1\",\"port\":2345}"};
    const char *begin[] = {"attach", "4711", "--log=true", "--log-output=debugger", "--log-dest=/r/log", NULL};
    const char *none[] = {NULL};
    for (size_t i = 0; i < sizeof pids / sizeof pids[0]; i++) {
        struct delve_plan *plan = good(pids[i], true);
        assert_int_equal(plan->mode, DELVE_ATTACH);
        assert_int_equal(plan->pid, 4711);
        assert_null(plan->program);
        assert_int_equal(plan->notes.count, 0);
        assert_argv(plan, begin, none);
        delve_plan_free(plan);
    }
    struct delve_plan *plan = good("{\"mode\":\"remote\",\"stackTraceDepth\":9,\"processId\":0}", true);
    assert_int_equal(plan->mode, DELVE_REMOTE);
    assert_int_equal(plan->port, 2345);
    assert_int_equal(plan->notes.count, 0);
    assert_int_equal(json_integer_value(json_object_get(plan->attach, "stackTraceDepth")), 9);
    delve_plan_free(plan);
    plan = good("{\"mode\":\"remote\",\"port\":4000,\"host\":\"localhost\",\"dlvFlags\":[\"--x=1\"],\"showLog\":true,"
                "\"logOutput\":\"rpc\",\"backend\":\"rr\",\"processId\":5}",
                true);
    assert_int_equal(plan->port, 4000);
    assert_int_equal(plan->notes.count, 5);
    assert_int_equal(plan->flags.count, 0);
    delve_plan_free(plan);
}

/* The pins hold whatever launch.json says, and each try is answered. */
static void pins_cannot_be_moved(void **state)
{
    (void)state;
    struct delve_plan *plan = good(
        "{\"program\":\"/w\",\"apiVersion\":1,\"dlvFlags\":[\"--only-same-user=false\",\"--listen=0.0.0.0:1\","
        "\"--api-version=1\",\"--headless=false\",\"--accept-multiclient=false\",\"-r\",\"stdout:/x\",\"--backend\","
        "\"--headless=false\"],\"env\":{\"GOCACHE\":\"/x\"}}",
        false);
    const char *begin[] = {"debug",
                           ".",
                           "--backend=--headless=false",
                           "--log=true",
                           "--log-output=debugger",
                           "--log-dest=/r/log",
                           "--output=/r/bin",
                           "--wd=/w",
                           "--redirect=stdout:/r/out",
                           "--redirect=stderr:/r/err",
                           NULL};
    const char *none[] = {NULL};
    assert_argv(plan, begin, none);
    assert_int_equal(plan->env_count, 0);
    assert_int_equal(plan->notes.count, 8);
    assert_true(noted(plan, "apiVersion"));
    assert_true(noted(plan, "GOCACHE and GOMODCACHE are pinned"));
    delve_plan_free(plan);
}

static void program_arguments_that_look_like_flags_stay_the_programs(void **state)
{
    (void)state;
    struct delve_plan *plan =
        good("{\"program\":\"/w/x\",\"mode\":\"exec\",\"args\":[\"--\",\"--headless=false\",\"\"]}", false);
    const char *begin[] = {"exec",
                           "/w/x",
                           "--log=true",
                           "--log-output=debugger",
                           "--log-dest=/r/log",
                           "--wd=/w",
                           "--redirect=stdout:/r/out",
                           "--redirect=stderr:/r/err",
                           NULL};
    const char *arguments[] = {"--", "--", "--headless=false", "", NULL};
    assert_argv(plan, begin, arguments);
    delve_plan_free(plan);
    plan = good("{\"program\":\"/w/x\",\"args\":\"one \\\"two three\\\" 'f o'\"}", false);
    const char *split[] = {"one", "two three", "f o", NULL};
    assert_strings(&plan->args, split);
    delve_plan_free(plan);
}

static void flags_of_all_sources_in_order(void **state)
{
    (void)state;
    const char *const flags[] = {"--check-go-version=false", "--build-flags=-race", "--wd=/target", NULL};
    const struct delve_target target = {.flags = flags, .log_output = "rpc,dap", .map_path = map_path};
    struct err e = {{0}};
    struct delve_plan *plan = plan_of(
        "{\"program\":\"/w\",\"dlvFlags\":[\"--check-go-version\",\"--build-flags=-v\",\"--wd=/mine\"],"
        "\"backend\":\"native\",\"buildFlags\":\"-tags=a '-ldflags=-X a.b=c d' -o x\",\"logOutput\":\"debugger\"}",
        false, &target, &e);
    assert_non_null(plan);
    const char *expected[] = {"--check-go-version=false", "--check-go-version=true", "--backend=native",
                              "--build-flags=-race -v -tags=a '-ldflags=-X a.b=c d'", NULL};
    assert_strings(&plan->flags, expected);
    assert_string_equal(plan->cwd, "/mine");
    /* The extension always sends its default: the target's wish wins over it. */
    assert_string_equal(plan->log_output, "debugger,rpc,dap");
    assert_int_equal(plan->notes.count, 1);
    assert_true(noted(plan, "-o is dropped"));
    delve_plan_free(plan);
    plan = plan_of("{\"program\":\"/w\",\"cwd\":\"/c\",\"logOutput\":\"dap,modules,gc\",\"showLog\":true,"
                   "\"buildFlags\":[\"-tags=a b\",\"-gcflags=all=-l\"]}",
                   false, &target, &e);
    assert_non_null(plan);
    assert_string_equal(plan->cwd, "/c");
    assert_string_equal(plan->log_output, "debugger,dap");
    assert_true(plan->show_log);
    assert_string_equal(plan->flags.list[1], "--build-flags=-race '-tags=a b' -gcflags=all=-l");
    assert_int_equal(plan->notes.count, 4);
    assert_true(noted(plan, "--wd=/target"));
    assert_true(noted(plan, "\"modules\""));
    assert_true(noted(plan, "\"gc\""));
    assert_true(noted(plan, "-gcflags"));
    delve_plan_free(plan);
}

/* One --build-flags with this value (NULL: none), and no other flag lost. */
static void assert_build_flags(const char *json, const struct delve_run_paths *mended, const char *expected)
{
    static const char name[] = "--build-flags=";
    struct delve_plan *plan = good(json, false);
    struct delve_run_paths paths = *mended;
    struct delve_strings argv;
    size_t count = 0, others = 0;
    paths.log = "/r/log";
    assert_int_equal(delve_plan_argv(plan, &paths, "debugger", &argv), 0);
    for (size_t i = 0; i < argv.count; i++) {
        others += strcmp(argv.list[i], "--backend=native") == 0;
        if (strncmp(argv.list[i], name, sizeof name - 1) != 0)
            continue;
        assert_non_null(expected);
        assert_string_equal(argv.list[i] + sizeof name - 1, expected);
        count++;
    }
    assert_int_equal(count, expected ? 1 : 0);
    assert_int_equal(others, strstr(json, "native") ? 1 : 0);
    assert_string_equal(argv.list[0], plan->mode == DELVE_EXEC ? "exec" : plan->mode == DELVE_TEST ? "test" : "debug");
    delve_strings_free(&argv);
    delve_plan_free(plan);
}

/* Quoted as Delve splits it: a backslash counts inside quotes only. */
static void what_remedies_need_goes_behind_the_users_build_flags(void **state)
{
    (void)state;
    static const struct delve_run_paths none = {0}, file = {.modfile = "/r/go.mod"}, mod = {.mod = "mod"},
                                        both = {.modfile = "/r/go.mod", .mod = "mod"},
                                        spaces = {.modfile = "/home/o'neil my/go.mod"},
                                        backslash = {.modfile = "/a\\b/go.mod"},
                                        both_odd = {.modfile = "/a\\b c/go.mod", .mod = "mod"};
    static const char plain_json[] = "{\"program\":\"/w\"}";
    static const char flags_json[] =
        "{\"program\":\"/w\",\"backend\":\"native\",\"buildFlags\":\"-tags=a '-ldflags=-X a.b=c d'\"}";
    assert_build_flags(plain_json, &none, NULL);
    assert_build_flags(plain_json, &file, "-modfile=/r/go.mod");
    assert_build_flags(plain_json, &mod, "-mod=mod");
    assert_build_flags(plain_json, &both, "-mod=mod -modfile=/r/go.mod");
    assert_build_flags(plain_json, &spaces, "'-modfile=/home/o\\'neil my/go.mod'");
    assert_build_flags(plain_json, &backslash, "-modfile=/a\\b/go.mod");
    assert_build_flags(plain_json, &both_odd, "-mod=mod '-modfile=/a\\\\b c/go.mod'");
    assert_build_flags(flags_json, &none, "-tags=a '-ldflags=-X a.b=c d'");
    assert_build_flags(flags_json, &both, "-tags=a '-ldflags=-X a.b=c d' -mod=mod -modfile=/r/go.mod");
    assert_build_flags("{\"program\":\"/w\",\"buildFlags\":[\"-mod=vendor\",\"-modfile=x\"]}", &both,
                       "-mod=vendor -modfile=x -mod=mod -modfile=/r/go.mod");
    assert_build_flags("{\"program\":\"/w\",\"mode\":\"test\",\"dlvFlags\":[\"--build-flags=-v\"]}", &mod,
                       "-v -mod=mod");
    assert_build_flags("{\"program\":\"/w/x\",\"mode\":\"exec\"}", &both, NULL);
}

static void the_clients_environment_stays_there(void **state)
{
    (void)state;
    struct delve_plan *plan =
        good("{\"program\":\"/w\",\"env\":{\"GOPATH\":\"s3cret\",\"GOROOT\":\"s3cret\",\"GOBIN\":\"s3cret\","
             "\"GOENV\":\"s3cret\",\"GOTOOLDIR\":\"s3cret\",\"GOCACHE\":\"s3cret\",\"GOMODCACHE\":\"s3cret\","
             "\"PATH\":\"s3cret\",\"HOME\":\"s3cret\",\"TMPDIR\":\"s3cret\",\"SHELL\":\"s3cret\",\"GOTMPDIR\":\"x\","
             "\"LISTEN_FDS\":\"1\",\"WATCHDOG_PID\":\"1\",\"NOTIFY_SOCKET\":\"1\",\"ProgramFiles(x86)\":\"s3cret\","
             "\"\":\"s3cret\",\"1A\":\"s3cret\",\"UID\":\"s3cret\",\"_\":\"s3cret\",\"GOFLAGS\":\"-mod=mod\","
             "\"http_proxy\":\"http://p\",\"PATHS\":\"p\",\"_x\":\"\",\"GONE\":null}}",
             false);
    static const struct delve_env kept[] = {
        {"GOFLAGS", "-mod=mod"}, {"http_proxy", "http://p"}, {"PATHS", "p"}, {"_x", ""}, {"GONE", NULL}};
    assert_int_equal(plan->env_count, sizeof kept / sizeof kept[0]);
    for (size_t i = 0; i < plan->env_count; i++) {
        assert_string_equal(plan->env[i].name, kept[i].name);
        if (kept[i].value)
            assert_string_equal(plan->env[i].value, kept[i].value);
        else
            assert_null(plan->env[i].value);
    }
    assert_int_equal(plan->notes.count, 2);
    assert_true(noted(plan, "env: GOPATH, GOROOT, GOBIN, GOENV, GOTOOLDIR, GOCACHE, GOMODCACHE, PATH, HOME, TMPDIR, "
                            "SHELL, GOTMPDIR, LISTEN_FDS, WATCHDOG_PID, NOTIFY_SOCKET dropped"));
    assert_true(noted(plan, "env: ProgramFiles(x86), (empty name), 1A, UID, _ dropped"));
    assert_false(noted(plan, "s3cret"));
    delve_plan_free(plan);
}

static const char *go_env(void *arg, const char *name)
{
    (void)arg;
    return strcmp(name, "HTTPS_PROXY") == 0 ? "http://10.0.0.1:3128"
           : strcmp(name, "ALL_PROXY") == 0 ? "socks5://[::1]:1080"
                                            : NULL;
}

/* Addresses and sockets of the editor's machine mean nothing on another one, and the same on its own. */
static void what_leads_to_the_editors_machine_stays_there(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value, *note; /* note NULL: it is kept */
    } cases[] = {
        {"HTTP_PROXY", "http://127.0.0.1:3128", "a proxy on the loopback"},
        {"http_proxy", "localhost:3128", "a proxy on the loopback"},
        {"https_proxy", "http://me:s3cret@127.8.9.10/", "a proxy on the loopback"},
        {"ALL_PROXY", "socks5://LocalHost:1080", "go.env of the target sets it"},
        {"ALL_PROXY", "socks5://[::1]:1080", ""},
        {"all_proxy", "socks5h://[::1]", "a proxy on the loopback"},
        {"HTTPS_PROXY", "http://127.0.0.1:3128", "go.env of the target sets it"},
        {"HTTP_PROXY", "http://proxy.localhost:1", "a proxy on the loopback"},
        {"GOPROXY", "https://proxy.example,http://localhost:3000|direct", "a proxy on the loopback"},
        {"SSH_AUTH_SOCK", "/run/user/1000/s3cret", "the login on the editor's machine"},
        {"DBUS_SESSION_BUS_ADDRESS", "unix:path=/s3cret", "the login on the editor's machine"},
        {"XDG_RUNTIME_DIR", "/run/user/1000", "the login on the editor's machine"},
        {"XDG_SESSION_ID", "3", "the login on the editor's machine"},
        {"VSCODE_IPC_HOOK_CLI", "/s3cret", "the login on the editor's machine"},
        {"HTTP_PROXY", "http://10.0.0.1:3128", NULL},
        {"HTTP_PROXY", "http://127.example:1", NULL},
        {"HTTP_PROXY", "http://notlocalhost:1", NULL},
        {"HTTP_PROXY", "", NULL},
        {"NO_PROXY", "localhost,127.0.0.1", NULL},
        {"MY_URL", "http://localhost:8080", NULL},
        {"XDG_CONFIG_HOME", "/srv/config", NULL},
        {"DISPLAY", ":0", NULL},
        {"GOPROXY", "direct", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct delve_target target = {.go_env = go_env};
        struct buf json;
        struct err e = {{0}};
        buf_init(&json, 4096);
        buf_printf(&json, "{\"program\":\"/w\",\"env\":{\"%s\":\"%s\"}}", cases[i].name, cases[i].value);
        struct delve_plan *plan = plan_of(json.data, false, &target, &e);
        assert_non_null(plan);
        if (plan->env_count != (cases[i].note ? 0 : 1) ||
            plan->notes.count != (cases[i].note && *cases[i].note ? 1 : 0))
            fail_msg("%s: %zu variables, %zu notes", json.data, plan->env_count, plan->notes.count);
        if (cases[i].note && *cases[i].note && !noted(plan, cases[i].note))
            fail_msg("%s: %s", json.data, plan->notes.list[0]);
        assert_false(noted(plan, "s3cret"));
        delve_plan_free(plan);
        target.is_local = true;
        plan = plan_of(json.data, false, &target, &e);
        assert_int_equal(plan->env_count, 1);
        assert_int_equal(plan->notes.count, 0);
        delve_plan_free(plan);
        buf_free(&json);
    }
    struct delve_plan *plan = good("{\"program\":\"/w\",\"debugAdapter\":\"legacy\",\"env\":{\"DISPLAY\":\":0\","
                                   "\"XDG_CONFIG_HOME\":\"/x\",\"USER\":\"me\",\"FOO\":\"bar\"}}",
                                   false);
    assert_int_equal(plan->env_count, 1);
    assert_true(noted(plan, "env: DISPLAY, XDG_CONFIG_HOME, USER dropped"));
    delve_plan_free(plan);
}

static void the_note_names_the_pinned_cache(void **state)
{
    (void)state;
    const struct delve_target target = {.gocache = "/var/cache/go"};
    struct err e = {{0}};
    struct delve_plan *plan = plan_of("{\"program\":\"/w\",\"env\":{\"GOCACHE\":\"/x\"}}", false, &target, &e);
    assert_non_null(plan);
    assert_int_equal(plan->notes.count, 1);
    assert_true(noted(plan, "GOCACHE to /var/cache/go"));
    delve_plan_free(plan);
    plan = plan_of("{\"program\":\"/w\",\"env\":{\"PATH\":\"/x\"}}", false, &target, &e);
    assert_non_null(plan);
    assert_false(noted(plan, "pinned"));
    delve_plan_free(plan);
}

/* What go printed for it, with the build flags that it was given. */
static void words_of_launch_json_are_blamed_on_it(void **state)
{
    (void)state;
    static const struct {
        const char *json, *output, *says;
    } cases[] = {
        {"\"buildFlags\":\"-ldflags=-X main.a=b\"",
         "malformed import path \"main.a=b\": invalid char '='\nexit status 1\n", "buildFlags: go takes \"main.a=b\""},
        {"\"buildFlags\":[\"-ldflags=-X\",\"main.a=b\"]", "malformed import path \"main.a=b\": invalid char '='\n",
         "buildFlags: go takes \"main.a=b\""},
        {"\"buildFlags\":\"-tags one two\"", "package two is not in GOROOT (/usr/lib/go-1.19/src/two)\n",
         "buildFlags: go takes \"two\""},
        {"\"buildFlags\":\"-tags one two\"", "package two is not in std (/usr/lib/go-1.27/src/two)\n", "buildFlags: "},
        {"\"buildFlags\":\"-v ex.com/c/d\"",
         "no required module provides package ex.com/c/d; to add it:\n\tgo get ex.com/c/d\n", "buildFlags: "},
        {"\"dlvFlags\":[\"--build-flags=-v a.b/c\"]",
         "main.go:3:8: no required module provides package a.b/c; to add it:\n\tgo get a.b/c\n",
         "--build-flags in Delve's flags: go takes \"a.b/c\""},
        {"\"program\":\"ex.com/a?b\"", "malformed import path \"ex.com/a?b\": invalid char '?'\n",
         "program: \"ex.com/a?b\" is not a directory, a .go file or an import path."},
        /* The value of a flag, a part of a longer name, the module's own imports. */
        {"\"buildFlags\":\"-tags two\"", "package two is not in GOROOT\n", NULL},
        {"\"buildFlags\":\"-v two\"", "package two/three is not in GOROOT\n", NULL},
        {"\"buildFlags\":\"-v\"", "malformed import path \"main.a=b\": invalid char '='\n", NULL},
        {"\"buildFlags\":\"-v two\"", "API server listening at: 127.0.0.1:1\ntwo\n", NULL},
        {"\"buildFlags\":\"''\"", "package two is not in GOROOT\n", NULL},
        {"\"program\":\"/w\"", "malformed import path \"a b\": invalid char ' '\n", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf json, out;
        buf_init(&json, 4096);
        buf_init(&out, 4096);
        bool named = strstr(cases[i].json, "program");
        buf_printf(&json, "{%s%s}", named ? "" : "\"program\":\"/w/x\",", cases[i].json);
        struct delve_plan *plan = good(json.data, false);
        struct delve_blame_of of = {.plan = plan};
        assert_int_equal(delve_blame(&of, cases[i].output, &out), cases[i].says != NULL);
        assert_int_equal(delve_blame(&of, cases[i].output, NULL), cases[i].says != NULL);
        if (cases[i].says && !strstr(out.data, cases[i].says))
            fail_msg("%s: %s", cases[i].json, out.data);
        assert_false(delve_blame(&of, NULL, &out));
        delve_plan_free(plan);
        buf_free(&json);
        buf_free(&out);
    }
}

/* "NAME=TEXT;NAME=TEXT" */
static void read_facts(struct delve_facts *facts, const char *list)
{
    char *copy = strdup(list), *rest = copy, *one;
    while ((one = strsep(&rest, ";"))) {
        char *value = strchr(one, '=');
        if (!value)
            continue;
        *value++ = '\0';
        assert_int_equal(delve_facts_add(facts, one, value), 0);
    }
    free(copy);
}

static void values_that_go_refuses_are_blamed_on_their_origin(void **state)
{
    (void)state;
    static const char work[] = "go: reading go.work: open /missing/go.work: no such file or directory\n",
                      pair[] = "go: unsupported GOOS/GOARCH pair linux/nonsense\n",
                      toolchain[] = "go: downloading go1.99.0 (linux/amd64)\n"
                                    "go: download go1.99.0 for linux/amd64: toolchain not available\n",
                      modfile[] = "go: open /missing/go.mod: no such file or directory\n";
    static const struct {
        const char *json, *facts, *target, *output, *says;
    } cases[] = {
        {"\"env\":{\"GOWORK\":\"/missing/go.work\"}", "env.GOWORK=/missing/go.work", "", work,
         "GOWORK=/missing/go.work (set in env (or envFile) of launch.json): there is no such file"},
        {"", "env.GOWORK=/missing/go.work", "target.GOWORK=/missing/go.work", work, "set in go.env of the target"},
        {"", "env.GOWORK=/missing/go.work", "target.GOWORK=off", work, "set in the environment on the Go machine"},
        {"", "file.GOWORK=/missing/go.work;go.GOENV=/h/env", "", work,
         "set in `go env -w` in /h/env on the Go machine"},
        {"\"env\":{\"GOWORK\":\"/w/go.work\"}", "file.GOWORK=/missing/go.work", "", work, NULL},
        {"", "", "", work, NULL},
        {"", "env.GOWORK=go.work", "", "go: invalid GOWORK: not an absolute path\n", "GOWORK=go.work (set in the env"},
        {"", "env.GOWORK=go.work", "", "the path provided to GOWORK must be an absolute path\n", "GOWORK=go.work"},
        {"\"env\":{\"GOARCH\":\"nonsense\"}", "", "", pair, "GOARCH=nonsense"},
        {"", "env.GOOS=linux;file.GOARCH=nonsense;go.GOENV=/h/env", "", pair, "GOARCH=nonsense (set in `go env -w`"},
        {"", "env.GOARCH=non", "", pair, NULL},
        {"\"env\":{\"GOTOOLCHAIN\":\"go1.99.0+auto\"}", "", "", toolchain, "GOTOOLCHAIN=go1.99.0+auto"},
        {"", "env.GOTOOLCHAIN=go1.99.0", "", "go: cannot find \"go1.99.0\" in PATH\n", "GOTOOLCHAIN=go1.99.0"},
        {"", "env.GOTOOLCHAIN=auto", "", toolchain, NULL},
        {"", "env.GOTOOLCHAIN=go1.99", "", "go: downloading go1.990 (linux/amd64)\ngo: download go1.990: x\n", NULL},
        {"", "env.GOTOOLCHAIN=nonsense", "", "go: invalid GOTOOLCHAIN \"nonsense\"\n", "GOTOOLCHAIN=nonsense"},
        {"\"env\":{\"GOAMD64\":\"v9\"}", "", "", "go: invalid GOAMD64: must be v1, v2, v3, v4\n",
         "Go accepts v1 to v4"},
        {"", "env.GOARM=9", "", "go: invalid GOARM: must be 5, 6, 7\n", "GOARM=9"},
        {"", "env.GO386=387", "", "unsupported setting GO386=387. Consider using GO386=softfloat instead.\n",
         "GO386=387"},
        {"", "env.GOEXPERIMENT=nonsense", "", "go: unknown GOEXPERIMENT nonsense\n", "GOEXPERIMENT=nonsense"},
        {"", "env.GOCACHEPROG=/missing/prog", "",
         "error starting GOCACHEPROG program \"/missing/prog\": fork/exec /missing/prog: no such file or directory\n",
         "GOCACHEPROG=/missing/prog"},
        {"\"buildFlags\":\"-modfile=/missing/go.mod\"", "", "", modfile,
         "-modfile=/missing/go.mod (set in buildFlags of"},
        {"\"buildFlags\":[\"-modfile\",\"/missing/go.mod\"]", "", "", modfile, "-modfile=/missing/go.mod"},
        {"\"env\":{\"GOFLAGS\":\"-v -modfile=/missing/go.mod\"}", "", "", modfile,
         "-modfile=/missing/go.mod (set in GOFLAGS, in env (or envFile) of launch.json)"},
        {"", "file.GOFLAGS=-modfile=/missing/go.mod;go.GOENV=/h/env", "", modfile,
         "(set in GOFLAGS, in `go env -w` in /h/env"},
        {"\"buildFlags\":\"-modfile=/other/go.mod\"", "", "", modfile, NULL},
        {"", "", "", modfile, NULL},
        {"\"buildFlags\":\"-overlay=/missing.json\"", "", "",
         "go: reading overlay: open /missing.json: no such file or directory\n", "-overlay=/missing.json"},
        {"\"buildFlags\":\"-overlay=ov.json\"", "", "", "go: parsing overlay JSON: unexpected end of JSON input\n",
         "-overlay=ov.json"},
        {"", "env.GOFLAGS=-nosuch", "", "go: parsing $GOFLAGS: unknown flag -nosuch\n", "GOFLAGS=-nosuch"},
        {"", "env.GOFLAGS=-p=x", "", "go: invalid value \"x\" for flag -p (from $GOFLAGS): parse error\n",
         "GOFLAGS=-p=x"},
        {"\"buildFlags\":\"-p=x\"", "", "", "go: invalid value \"x\" for flag -p: parse error\n",
         "-p=x (set in buildFlags"},
        {"\"buildFlags\":\"-nosuch\"", "", "", "flag provided but not defined: -nosuch\nusage: go build\n",
         "-nosuch (set in buildFlags"},
        {"\"buildFlags\":\"-ldflags=-nosuch\"", "", "",
         "# corp/app\nflag provided but not defined: -nosuch\nusage: link\n", NULL},
        {"\"buildFlags\":\"-race\"", "env.CGO_ENABLED=0", "",
         "go: -race requires cgo; enable cgo by setting CGO_ENABLED=1\n", "CGO_ENABLED=0"},
        {"\"env\":{\"CC\":\"/missing/gcc\"}", "", "",
         "# runtime/cgo\ncgo: C compiler \"/missing/gcc\" not found: exec\n", "CC=/missing/gcc"},
        {"", "env.GOROOT=/w/root", "", "main.go:4:2: package fmt is not in std (/w/root/src/fmt)\n", "GOROOT=/w/root"},
        {"", "env.GOROOT=/w/root", "", "main.go:4:2: package fmtt is not in std (/w/root/src/fmtt)\n", NULL},
        {"", "env.GOPROXY=ftp://p.example,direct", "",
         "go: ex.com/dep@v1.0.0: invalid proxy URL scheme (must be https, http, file): ftp://p.example\n",
         "GOPROXY=ftp://p.example"},
        {"", "env.GO111MODULE=yes", "", "go: unknown environment setting GO111MODULE=yes\n", "GO111MODULE=yes"},
        {"", "env.GOVCS=*:off", "", "go: ex.com/x@v1.0.0: GOVCS disallows using git for public ex.com/x; see\n",
         "GOVCS=*:off"},
        /* What a person must not be told to remove: these are go's own ways round it. */
        {"\"buildFlags\":\"-mod=mod\"", "", "",
         "go: -mod may only be set to readonly when in workspace mode, but it is set to \"mod\"\n", NULL},
        {"\"buildFlags\":\"-mod=vendor\"", "env.GOFLAGS=-mod=vendor", "",
         "go: inconsistent vendoring in /w:\n\tx\n\n\tTo ignore the vendor directory, use -mod=readonly or -mod=mod.\n",
         NULL},
        {"\"buildFlags\":\"-compiler=gccgo\"", "", "",
         "cmd/go: gccgo: exec: \"gccgo\": executable file not found in $PATH\n", "-compiler=gccgo"},
        {"\"buildFlags\":\"-compiler=gccgo\"", "", "",
         "main.go:4:2: git: exec: \"git\": executable file not found in $PATH\n", NULL},
        {"\"buildFlags\":\"-mod=nonsense\"", "", "",
         "-mod=nonsense not supported (can be '', 'mod', 'readonly', or 'vendor')\n", "-mod=nonsense"},
        {"", "env.GOWORK=/missing/go.work", "",
         "API server listening at: 127.0.0.1:1\ngo: reading go.work: open /missing/go.work: x\n", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf json, out;
        struct delve_facts facts = {0}, machine = {0};
        buf_init(&json, 4096);
        buf_init(&out, 4096);
        read_facts(&facts, cases[i].facts);
        read_facts(&machine, cases[i].target);
        buf_printf(&json, "{\"program\":\"/w/x\"%s%s}", *cases[i].json ? "," : "", cases[i].json);
        struct delve_plan *plan = good(json.data, false);
        struct delve_blame_of of = {.plan = plan, .facts = &facts, .machine = &machine};
        bool found = delve_blame(&of, cases[i].output, &out);
        if (found != (cases[i].says != NULL) || (found && !strstr(out.data, cases[i].says)))
            fail_msg("%s %s %s: %s", cases[i].json, cases[i].facts, cases[i].output, found ? out.data : "none");
        assert_int_equal(delve_blame(&of, cases[i].output, NULL), found);
        delve_plan_free(plan);
        delve_facts_free(&facts);
        delve_facts_free(&machine);
        buf_free(&json);
        buf_free(&out);
    }
}

static int name_rule(void *arg, const char *path, struct buf *out)
{
    (void)arg;
    bool maps = strncmp(path, "/Users/me", strlen("/Users/me")) == 0;
    buf_puts(out, "/Users/me -> /home/me");
    return out->failed ? -1 : maps;
}

static void what_is_not_there_is_traced_back_to_launch_json(void **state)
{
    (void)state;
    static const struct delve_target target = {.map_path = map_path, .name_rule = name_rule};
    static const struct delve_path_error_at there = {.where = "gomachine", .target = "main"};
    static const struct {
        const char *json, *path, *name, *message;
    } cases[] = {
        {"{\"program\":\"/Users/me/ws\"}", "/home/me/ws", "missing",
         "program: /home/me/ws does not exist on gomachine. It comes from \"/Users/me/ws\" by the rule /Users/me -> "
         "/home/me. Correct the rule or program, or copy it to that machine."},
        {"{\"program\":\"/opt/ws\"}", "/opt/ws", "missing",
         "program: /opt/ws does not exist on gomachine. No rule in paths or substitutePath maps it (/Users/me -> "
         "/home/me). Correct program, copy it to that machine, or map it: { \"client\": \"/opt/ws\", \"remote\": ... } "
         "in paths of target main."},
        {"{\"program\":\"/opt/ws/main.go\"}", "/opt/ws", "missing", "program: /opt/ws does not exist on gomachine."},
        {"{\"program\":\"/opt/ws\",\"cwd\":\"data\"}", "/opt/ws/data", "notdir",
         "cwd: /opt/ws/data is not a directory on gomachine. It comes from \"data\", which is relative. Correct cwd."},
        {"{\"program\":\"/opt/ws\",\"cwd\":\"/opt/data\"}", "/opt/data", "closed",
         "cwd: /opt/data cannot be entered on gomachine: permission denied."},
        {"{\"program\":\"/opt/ws\",\"dlvCwd\":\"/Users/me/x\"}", "/home/me/x", "missing",
         "dlvCwd: /home/me/x does not exist on gomachine. It comes from \"/Users/me/x\" by the rule"},
        {"{\"program\":\"ex.com/a\"}", "/home/me", "missing",
         "the home directory: /home/me does not exist on gomachine."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err e = {{0}};
        struct delve_plan *plan = plan_of(cases[i].json, false, &target, &e);
        assert_non_null(plan);
        assert_int_equal(delve_path_error_explain(plan, delve_path_error_of(cases[i].name), cases[i].path, &there, &e),
                         -1);
        if (strncmp(e.text, cases[i].message, strlen(cases[i].message)) != 0)
            fail_msg("%s:\n%s\nis not\n%s", cases[i].json, e.text, cases[i].message);
        delve_plan_free(plan);
    }
    assert_int_equal(delve_path_error_of("start"), DELVE_PATH_OK);
}

static void what_is_not_honoured_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *attribute;
        const char *says; /* NULL: silence */
    } cases[] = {
        {"\"asRoot\":true", "asRoot"},
        {"\"asRoot\":false", NULL},
        {"\"console\":\"integratedTerminal\"", "console"},
        {"\"console\":\"internalConsole\"", NULL},
        {"\"debugAdapter\":\"legacy\"", "debugAdapter"},
        {"\"apiVersion\":1", "apiVersion"},
        {"\"apiVersion\":2", NULL},
        {"\"trace\":\"verbose\"", "trace"},
        {"\"host\":\"10.0.0.1\"", "host"},
        {"\"port\":4000", "port"},
        {"\"followExec\":true", "followExec"},
        {"\"followExecRegex\":\"x\"", "followExecRegex"},
        {"\"coreFilePath\":\"x\"", "coreFilePath"},
        {"\"coreFilePath\":\"\"", NULL},
        {"\"traceDirPath\":\"x\"", "traceDirPath"},
        {"\"stdinFrom\":\"x\"", "stdinFrom"},
        {"\"stdoutTo\":\"x\"", "stdoutTo"},
        {"\"stderrTo\":\"x\"", "stderrTo"},
        {"\"envFile\":\"x\"", "envFile"},
        {"\"envFile\":[]", NULL},
        {"\"remotePath\":\"x\"", "remotePath"},
        {"\"dlvLoadConfig\":{\"maxStringLen\":9}", "dlvLoadConfig"},
        {"\"dlvLoadConfig\":{\"maxStringLen\":512,\"maxVariableRecurse\":1}", NULL},
        {"\"guessSubstitutePath\":{\"ImportPathOfMainPackage\":\"x\"}", NULL},
        {"\"delvegate\":{\"x\":1}", "delvegate.x has no effect: only prelaunch is supported in launch.json"},
        {"\"delvegate\":{\"prelaunch\":[\"tidy\"],\"Prelaunch\":[]}", "delvegate.Prelaunch has no effect"},
        {"\"delvegate\":{\"prelaunch\":[\"tidy\"]}", NULL},
        {"\"delvegate\":{\"prelaunch\":null,\"x\":null}", NULL},
        {"\"delvegate\":{}", NULL},
        {"\"delvegate\":null", NULL},
        {"\"logDest\":\"x\"", "logDest"},
        {"\"output\":\"x\"", "output"},
        {"\"noDebug\":true", "breakpoints stay active"},
        {"\"noDebug\":false", NULL},
        {"\"processId\":7", "processId has no effect: it is an attribute of attach requests"},
        {"\"stopOnEntery\":true", "stopOnEntery has no effect: neither"},
        {"\"a\\nb\":true", "a?b has no effect"},
        {"\"unknown\":null", NULL},
        {"\"__internal\":1", NULL},
        {"\"preLaunchTask\":\"x\"", NULL},
        {"\"presentation\":{\"hidden\":true}", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf json;
        buf_init(&json, 4096);
        buf_printf(&json, "{\"program\":\"/w\",%s}", cases[i].attribute);
        struct delve_plan *plan = good(json.data, false);
        if (plan->notes.count != (cases[i].says ? 1 : 0))
            fail_msg("%s: %zu notes", cases[i].attribute, plan->notes.count);
        if (cases[i].says && !noted(plan, cases[i].says))
            fail_msg("%s: %s", cases[i].attribute, plan->notes.list[0]);
        delve_plan_free(plan);
        buf_free(&json);
    }
}

static void substitute_path_is_checked_and_kept_from_delve(void **state)
{
    (void)state;
    struct delve_plan *plan = good("{\"program\":\"/w\",\"substitutePath\":[{\"from\":\"/a\",\"to\":\"/b\"},"
                                   "{\"from\":\"\",\"to\":\"/b\"},{\"from\":\"/c\",\"to\":\"\"}]}",
                                   false);
    json_t *kept = json_pack("[{s:s, s:s}, {s:s, s:s}]", "from", "/a", "to", "/b", "from", "/c", "to", "");
    assert_true(json_equal(plan->substitute_path, kept));
    json_decref(kept);
    assert_null(json_object_get(plan->attach, "substitutePath"));
    assert_int_equal(plan->notes.count, 1);
    assert_true(noted(plan, "substitutePath[1] is ignored"));
    delve_plan_free(plan);
}

static void all_that_remote_attach_knows_is_passed(void **state)
{
    (void)state;
    static const char known[] =
        "\"stopOnEntry\":true,\"stackTraceDepth\":7,\"showGlobalVariables\":true,\"showRegisters\":true,"
        "\"hideSystemGoroutines\":true,\"goroutineFilters\":\"-w user\",\"showPprofLabels\":[\"a\"],"
        "\"showRawStrings\":true,\"maxStringLen\":8,\"maxArrayValues\":9";
    struct buf json;
    buf_init(&json, 4096);
    buf_printf(&json, "{\"mode\":\"remote\",%s}", known);
    struct delve_plan *plan = good(json.data, true);
    json_t *expected = json_loads(json.data, 0, NULL);
    assert_true(json_equal(plan->attach, expected));
    assert_int_equal(plan->notes.count, 0);
    json_decref(expected);
    delve_plan_free(plan);
    buf_free(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ordinary_launch_gives_no_note),
        cmocka_unit_test(what_editors_add_gives_no_note),
        cmocka_unit_test(modes_and_paths),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(numbers_in_strings_and_dollars),
        cmocka_unit_test(attaching),
        cmocka_unit_test(pins_cannot_be_moved),
        cmocka_unit_test(program_arguments_that_look_like_flags_stay_the_programs),
        cmocka_unit_test(flags_of_all_sources_in_order),
        cmocka_unit_test(what_remedies_need_goes_behind_the_users_build_flags),
        cmocka_unit_test(the_clients_environment_stays_there),
        cmocka_unit_test(what_leads_to_the_editors_machine_stays_there),
        cmocka_unit_test(the_note_names_the_pinned_cache),
        cmocka_unit_test(words_of_launch_json_are_blamed_on_it),
        cmocka_unit_test(values_that_go_refuses_are_blamed_on_their_origin),
        cmocka_unit_test(what_is_not_there_is_traced_back_to_launch_json),
        cmocka_unit_test(what_is_not_honoured_is_said),
        cmocka_unit_test(substitute_path_is_checked_and_kept_from_delve),
        cmocka_unit_test(all_that_remote_attach_knows_is_passed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
