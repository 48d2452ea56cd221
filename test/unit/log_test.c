/* Lines of Delve's log as its versions write them, the texts of failed starts, and versions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "dap/err.h"
#include "delve/log.h"

enum { OUT_MAX = 1 << 20, LONG_OUTPUT_LINES = 200 };

static void lines(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum delve_log_kind kind;
        int port;
        const char *message;
    } cases[] = {
        {"API server listening at: 127.0.0.1:44305", DELVE_LOG_LISTENING, 44305, NULL},
        {"API server listening at: [::1]:1", DELVE_LOG_LISTENING, 1, NULL},
        {"API server listening at: [::]:65535", DELVE_LOG_LISTENING, 65535, NULL},
        {"API server listening at: /run/user/1000/dlv.sock", DELVE_LOG_LINE, 0, NULL},
        {"API server listening at: 127.0.0.1:0", DELVE_LOG_LINE, 0, NULL},
        {"API server listening at: 127.0.0.1:65536", DELVE_LOG_LINE, 0, NULL},
        {"API server listening at: 127.0.0.1:99999999999999999999", DELVE_LOG_LINE, 0, NULL},
        {"API server listening at: 127.0.0.1:44305 ", DELVE_LOG_LINE, 0, NULL},
        {"API server listening at: 127.0.0.1:", DELVE_LOG_LINE, 0, NULL},
        {"API server listening at: ", DELVE_LOG_LINE, 0, NULL},
        {"API server listening at:", DELVE_LOG_LINE, 0, NULL},
        {" API server listening at: 127.0.0.1:44305", DELVE_LOG_LINE, 0, NULL},
        {"DAP server listening at: 127.0.0.1:44305", DELVE_LOG_LINE, 0, NULL},
        {"2026-11-23T23:02:52Z info layer=debugger launching process with args: [/r/bin]", DELVE_LOG_LINE, 0,
         "launching process with args: [/r/bin]"},
        {"2026-11-23T23:02:52+01:00 debug layer=dap [<- from client]{}", DELVE_LOG_LINE, 0, "[<- from client]{}"},
        {"2026-11-23T23:02:52-01:00 warning layer=rpc x", DELVE_LOG_LINE, 0, "x"},
        {"2026-11-23T23:02:52Z warn layer=rpc x", DELVE_LOG_LINE, 0, "x"},
        {"2026-11-23T23:02:52Z error layer=dap Failed to launch", DELVE_LOG_ERROR, 0, "Failed to launch"},
        {"2026-11-23T23:02:52Z error layer=rpc,kind=\"a b\" boom", DELVE_LOG_ERROR, 0, "boom"},
        {"2026-11-23T23:02:52Z error kind=x,layer=rpc boom", DELVE_LOG_ERROR, 0, "boom"},
        {"2026-11-23T23:02:52Z error kind=\"a\\\" b\",layer=rpc boom", DELVE_LOG_ERROR, 0, "boom"},
        {"2026-11-23T23:02:52Z error x=1 is no field", DELVE_LOG_ERROR, 0, "x=1 is no field"},
        {"2026-11-23T23:02:52Z fatal layer=debugger x", DELVE_LOG_ERROR, 0, "x"},
        {"2026-11-23T23:02:52Z panic layer=debugger x", DELVE_LOG_ERROR, 0, "x"},
        {"2026-11-23T23:02:52Z errors are not a level", DELVE_LOG_LINE, 0, NULL},
        {"2026-11-23T23:02:52Z error ", DELVE_LOG_ERROR, 0, ""},
        {"2026-11-23T23:02:52Z", DELVE_LOG_LINE, 0, NULL},
        {"2026-11-23T23:02:5", DELVE_LOG_LINE, 0, NULL},
        {"2026/11/23 23:12:11 sameuser_linux.go:65: closing connection from different user (127.0.0.1:36324)",
         DELVE_LOG_ERROR, 0, "closing connection from different user (127.0.0.1:36324)"},
        {"2026/11/23 23:12:11 other.go:65: hello", DELVE_LOG_LINE, 0, NULL},
        {"could not launch process: not an executable file", DELVE_LOG_ERROR, 0, NULL},
        {"could not attach to pid 7: no such process", DELVE_LOG_ERROR, 0, NULL},
        {"Error: unknown flag: --x", DELVE_LOG_ERROR, 0, NULL},
        {"couldn't start listener: listen tcp 127.0.0.1:39999: bind: address already in use", DELVE_LOG_ERROR, 0, NULL},
        {"go: downloading example.com/dep v1.0.0", DELVE_LOG_LINE, 0, NULL},
        {"", DELVE_LOG_LINE, 0, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct delve_log_event event = delve_log_read(cases[i].line);
        if (event.kind != cases[i].kind)
            fail_msg("%s: kind %d", cases[i].line, (int)event.kind);
        assert_int_equal(event.port, cases[i].port);
        assert_string_equal(event.message, cases[i].message ? cases[i].message : cases[i].line);
    }
}

static void assert_explained(const char *output, const char *log, int exit_status, const char *expected)
{
    struct buf out;
    buf_init(&out, OUT_MAX);
    assert_int_equal(delve_log_explain(&out, output, log, exit_status), 0);
    assert_string_equal(out.data, expected);
    buf_free(&out);
}

static void failed_starts(void **state)
{
    (void)state;
    assert_explained("# example.com/app\n./main.go:9:37: undefined: undefinedVar\nexit status 2\n", NULL, 1,
                     "# example.com/app\n./main.go:9:37: undefined: undefinedVar");
    assert_explained("# command-line-arguments\n./main.go:3:19: undefined: fmt.Printn\n", NULL, 1,
                     "# command-line-arguments\n./main.go:3:19: undefined: fmt.Printn");
    assert_explained("exec: \"go\": executable file not found in $PATH\n", "", 1,
                     "exec: \"go\": executable file not found in $PATH\nDelve cannot find go on the Go machine: set "
                     "go.path of the target to the go command.");
    assert_explained(
        "Error: unknown flag: --no-such\nUsage:\n  dlv debug [package] [flags]\n\nFlags:\n  --x\n", NULL, 0,
        "Error: unknown flag: --no-such\n"
        "This version of Delve does not know the flag: remove it from dlvFlags or delve.flags, or update Delve.");
    assert_explained("?   \texample.com/app\t[no test files]\ncould not launch process: not an executable file\n",
                     "API server listening at: 127.0.0.1:4\n", 1,
                     "?   \texample.com/app\t[no test files]\ncould not launch process: not an executable file\n"
                     "The package has no tests: program must name a package with _test.go files in mode test.");
    assert_explained(NULL, NULL, 137, "Delve ended with exit status 137 before it was ready, without a message.");
    assert_explained("exit status 1\n\n", "API server listening at: 127.0.0.1:4\n", 1,
                     "Delve ended with exit status 1 before it was ready, without a message.");
}

static void hints(void **state)
{
    (void)state;
    static const struct {
        const char *output;
        const char *hint;
    } cases[] = {
        {"main.go:6:2: missing go.sum entry for module providing package example.com/dep", "go mod download all"},
        {"go: updates to go.mod needed; to update it:\n\tgo mod tidy", "Run `go mod tidy`"},
        {"main.go:6:2: no required module provides package example.com/dep; to add it:", "go mod tidy"},
        {"go: inconsistent vendoring in /w:", "go mod vendor"},
        {"verifying a.b/c@v1.0.0: checksum mismatch\n\nSECURITY ERROR\nThis download", "turn the check off"},
        {"main.go:6:2: module lookup disabled by GOPROXY=off", "GOPROXY in go.env"},
        {"Get \"http://127.0.0.1:9/x\": dial tcp 127.0.0.1:9: connect: connection refused", "module proxy"},
        {"go: go.mod file not found in current directory or any parent directory", "Copy go.mod"},
        {"go: go.mod requires go >= 1.99 (running go 1.27.4; GOTOOLCHAIN=local)", "Install that Go"},
        {"Version of Delve is too old for Go version go1.27.4 (maximum", "Update Delve"},
        {"Go version go1.19.8 is too old for this version of Delve (minimum", "Update Go"},
        {"could not launch process: fork/exec /r/bin: no such file or directory", "working directory"},
        {"could not launch process: open /x: no such file or directory", "not on the Go machine"},
        {"could not attach to pid 7: no such process", "processId"},
        {"Could not attach to pid 7: this could be caused by a kernel security setting, try writing \"0\" to "
         "/proc/sys/kernel/yama/ptrace_scope",
         "forbids attaching"},
        {"could not launch process: could not open debug info - debuggee must not", "-ldflags"},
        {"write /tmp/x: no space left on device", "Free some space"},
        {"stat /w/nope: directory not found", "Check program"},
        {"# command-line-arguments\n./main.go:4:2: undefined: helper\n", "program names one file of a package"},
        {"# command-line-arguments\n./main.go:4:4: t.run undefined (type T has no field or method run)\n",
         "set program to the directory."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out;
        buf_init(&out, OUT_MAX);
        assert_int_equal(delve_log_explain(&out, cases[i].output, NULL, 1), 0);
        assert_int_equal(strncmp(out.data, cases[i].output, strlen(cases[i].output)), 0);
        if (!strstr(out.data + strlen(cases[i].output), cases[i].hint))
            fail_msg("%s", out.data);
        buf_free(&out);
    }
}

static void errors_of_the_log_follow_the_output_once(void **state)
{
    (void)state;
    assert_explained("could not launch process: x\n",
                     "2026-11-23T23:02:52Z error layer=debugger x\n"
                     "2026-11-23T23:02:52Z info layer=debugger y\n"
                     "2026-11-23T23:02:52Z error layer=debugger can't find /proc/7/stat",
                     1, "could not launch process: x\ncan't find /proc/7/stat");
}

static void a_long_output_shows_its_end(void **state)
{
    (void)state;
    struct buf text, out;
    buf_init(&text, OUT_MAX);
    buf_init(&out, OUT_MAX);
    for (int i = 1; i <= LONG_OUTPUT_LINES; i++)
        buf_printf(&text, "line %d\n", i);
    buf_puts(&out, "before");
    assert_int_equal(delve_log_explain(&out, text.data, NULL, 1), 0);
    assert_int_equal(strncmp(out.data, "beforeline 161\nline 162\n", 24), 0);
    assert_string_equal(strrchr(out.data, '\n'), "\nline 200");
    buf_free(&text);
    buf_free(&out);
}

static void empty_lines_inside_stay(void **state)
{
    (void)state;
    assert_explained("\n\na\n\nb\n\n\nexit status 1\n\n", NULL, 1, "a\n\nb");
}

static void an_output_without_room_is_reported(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 4);
    assert_int_equal(delve_log_explain(&out, "longer than four\n", NULL, 1), -1);
    buf_free(&out);
}

static void versions(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int result, major, minor, patch;
    } cases[] = {
        {"Delve Debugger\nVersion: 1.20.2\nBuild: $Id: e0c278ad8e0126a312b553b8e171e81bcbd37f60 $\n", 0, 1, 20, 2},
        {"Version: 1.9.1-dev", 0, 1, 9, 1},
        {"go version go1.19.8 linux/amd64", 0, 1, 19, 8},
        {"go version go1.22rc1 linux/amd64", 0, 1, 22, 0},
        {"go version go1.22 linux/arm64", 0, 1, 22, 0},
        {"go version devel go1.23-0fa53f1 Tue Jan 9 linux/amd64", 0, 1, 23, 0},
        {"go version devel +0fa53f1 Tue Jan 9 linux/amd64", -1, 0, 0, 0},
        {"1.27.1", 0, 1, 27, 1},
        {"v1.27.1", 0, 1, 27, 1},
        {"go1.27.4", 0, 1, 27, 4},
        {"", -1, 0, 0, 0},
        {"1", -1, 0, 0, 0},
        {"1.", -1, 0, 0, 0},
        {"1.99999999999", -1, 0, 0, 0},
        {"Version: ", -1, 0, 0, 0},
        {"dlv: not found", -1, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct delve_version v;
        if (delve_version_parse(cases[i].text, &v) != cases[i].result)
            fail_msg("%s", cases[i].text);
        if (cases[i].result < 0)
            continue;
        assert_int_equal(v.major, cases[i].major);
        assert_int_equal(v.minor, cases[i].minor);
        assert_int_equal(v.patch, cases[i].patch);
    }
}

static void windows(void **state)
{
    (void)state;
    static const struct {
        struct delve_version dlv, go;
        const char *says; /* NULL: they fit */
    } cases[] = {
        {{1, 20, 2}, {1, 19, 8}, NULL},
        {{1, 20, 2}, {1, 18, 0}, NULL},
        {{1, 20, 2}, {1, 20, 14}, NULL},
        {{1, 20, 2},
         {1, 21, 0},
         "Delve 1.20.2 on the Go machine supports Go 1.18 to 1.20, but the machine has Go 1.21.0. Update Delve,"},
        {{1, 20, 2}, {1, 17, 9}, "Update Go"},
        {{1, 25, 0}, {1, 25, 0}, "supports Go 1.21 to 1.24"},
        {{1, 25, 1}, {1, 26, 0}, NULL}, /* not known here: Delve itself decides */
        {{1, 25, 2}, {1, 25, 0}, NULL},
        {{1, 27, 1}, {1, 24, 0}, "supports Go 1.25 to 1.27"},
        {{1, 28, 0}, {1, 10, 0}, NULL},
        {{1, 7, 3}, {1, 17, 0}, NULL},
        {{1, 7, 2}, {1, 17, 0}, "Delve 1.7.2 on the Go machine is too old: delvegate needs 1.7.3"},
        {{0, 12, 0}, {1, 17, 0}, "too old"},
        {{2, 0, 0}, {2, 0, 0}, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err e = {{0}};
        int r = delve_version_check(cases[i].dlv, cases[i].go, 1, &e);
        assert_int_equal(r, cases[i].says ? -1 : 0);
        if (cases[i].says && !strstr(e.text, cases[i].says))
            fail_msg("%s", e.text);
    }
    struct err e;
    assert_int_equal(delve_version_check((struct delve_version){1, 20, 2}, (struct delve_version){1, 27, 0}, 0, &e), 0);
    assert_int_equal(delve_version_check((struct delve_version){1, 6, 0}, (struct delve_version){1, 17, 0}, 0, &e), -1);
}

/* As Delve 1.20.2 writes it (sameuser_linux.go); other programs' lines and half a line say nothing. */
static void another_user(void **state)
{
    static const char said[] =
        "2026/11/30 14:49:26 sameuser_linux.go:65: connection from different user (remote: 0, local: 65534) detected:  "
        " "
        "87: 0100007F:C3AA 0100007F:8707 01 00000000:00000000 00:00000000 00000000     0        0 1774732 2 0\n"
        "2026/11/30 14:49:26 sameuser_linux.go:127: closing connection from different user (127.0.0.1:50090): "
        "connections "
        "to localhost are only accepted from the same UNIX user for security reasons\n";
    long uid = -1;
    (void)state;
    assert_true(delve_log_different_user(said, &uid));
    assert_int_equal(uid, 65534);
    assert_false(delve_log_different_user("", &uid));
    assert_false(delve_log_different_user("connection from different user (remote: 0, local: ", &uid));
    assert_false(delve_log_different_user("accepted a connection (remote: 0, local: 0)", &uid));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test(another_user),
        cmocka_unit_test(failed_starts),
        cmocka_unit_test(hints),
        cmocka_unit_test(errors_of_the_log_follow_the_output_once),
        cmocka_unit_test(a_long_output_shows_its_end),
        cmocka_unit_test(empty_lines_inside_stay),
        cmocka_unit_test(an_output_without_room_is_reported),
        cmocka_unit_test(versions),
        cmocka_unit_test(windows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
