/* A run: what is started and how, what it reports, and how it ends. */
#include "test/unit/supervisor_session.h"

static char odd[] = "quote' \"double\" $(touch evil) `x` \\ \\0101 %s\ttab\nline\n\n\xff\xc3";

/* Orders a shell's script as a command. */
static void script(const char *text)
{
    order_begin("command", next_number++);
    with(ORDER_ARG, "/bin/sh");
    with(ORDER_ARG, "-c");
    with(ORDER_ARG, text);
}

static void lines_and_status(void **state)
{
    (void)state;
    begin_session("lines");
    script("echo out; echo err >&2; exit 41");
    start();
    assert_int_equal(until_over(), 41);
    assert_string_equal(stream_text(ORDER_STREAM_TEXT), "out\nerr\n");
    assert_true(in(&the.said, "started"));
    script("kill -9 $$");
    start();
    assert_int_equal(until_over(), 137);
    script("echo out; echo err >&2; exit 7");
    with(ORDER_STREAMS, "");
    start();
    assert_int_equal(until_over(), 7);
    settle();
    assert_string_equal(stream_text(ORDER_STREAM_OUT), "out\n");
    assert_string_equal(stream_text(ORDER_STREAM_ERR), "err\n");
    assert_string_equal(stream_text(ORDER_STREAM_TEXT), "");
    assert_true(the.ended[ORDER_STREAM_OUT] && the.ended[ORDER_STREAM_TEXT]);
    end_session();
}

static void what_is_no_program(void **state)
{
    (void)state;
    begin_session("none");
    order_begin("command", next_number++);
    with(ORDER_ARG, "no-such-command");
    start();
    assert_int_equal(until_over(), 127);
    assert_true(in(&the.streams[ORDER_STREAM_TEXT], "no-such-command: not found on the Go machine in PATH ("));
    order_begin("command", next_number++);
    with(ORDER_ARG, top);
    with(ORDER_STREAMS, "");
    start();
    assert_int_equal(until_over(), 126);
    assert_true(in(&the.streams[ORDER_STREAM_TEXT], "could not be started on the Go machine: "));
    order_begin("command", next_number++);
    with(ORDER_ARG, "/nonexistent/program");
    start();
    assert_int_equal(until_over(), 127);
    order_begin("command", next_number++);
    start();
    assert_int_equal(until_over(), 127);
    assert_string_equal(stream_text(ORDER_STREAM_TEXT), "there is no command to run\n");
    order_begin("hat", next_number++);
    start();
    assert_int_equal(until_over(), 127);
    assert_true(in(&the.said, "error protocol"));
    (void)snprintf(the_dlv, sizeof the_dlv, "/nonexistent/dlv");
    order_begin("dlv", next_number++);
    start();
    assert_int_equal(until_over(), 127);
    assert_string_equal(stream_text(ORDER_STREAM_TEXT),
                        "/nonexistent/dlv could not be started on the Go machine: No such file or directory; check "
                        "delve.path\n");
    assert_true(the.ended[ORDER_STREAM_LOG]);
    end_session();
}

static void script_without_interpreter(void **state)
{
    char path[SUPERVISOR_PATH_MAX + 64];
    (void)state;
    begin_session("noexec");
    (void)snprintf(path, sizeof path, "%s/plain", the.dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    (void)fprintf(f, "echo \"$1,$2\"\n");
    (void)fclose(f);
    assert_int_equal(chmod(path, 0700), 0);
    order_begin("command", next_number++);
    with(ORDER_ARG, path);
    with(ORDER_ARG, "a b");
    with(ORDER_ARG, "");
    start();
    assert_int_equal(until_over(), 0);
    assert_string_equal(stream_text(ORDER_STREAM_TEXT), "a b,\n");
    end_session();
}

/* NAME=VALUE is among what `env -0` printed. */
static bool has_pair(const char *pair)
{
    const struct buf *b = &the.streams[ORDER_STREAM_OUT];
    for (size_t at = 0; at < b->len; at += strlen(b->data + at) + 1)
        if (strcmp(b->data + at, pair) == 0)
            return true;
    return false;
}
static bool has_variable(const char *name)
{
    const struct buf *b = &the.streams[ORDER_STREAM_OUT];
    size_t n = strlen(name);
    for (size_t at = 0; at < b->len; at += strlen(b->data + at) + 1)
        if (strncmp(b->data + at, name, n) == 0 && b->data[at + n] == '=')
            return true;
    return false;
}
static void give(const char *name, const char *value)
{
    order_put_pair(&fields, ORDER_ENV, name, value);
}

static void environment_of_bytes(void **state)
{
    static char *inherited[] = {"HOME=/tmp",
                                "PATH=/usr/bin:/bin",
                                "GOROOT=/else",
                                "GOBIN=/else",
                                "GOTOOLDIR=/else",
                                "REMOVED=1",
                                "NOTIFY_SOCKET=/run/x",
                                "WATCHDOG_PID=1",
                                "LISTEN_FDS=3",
                                "LISTEN_PID=1",
                                "INHERITED=yes",
                                "GOFLAGS=-v",
                                "PWD=/else",
                                NULL};
    static const char *const gone[] = {"GOROOT",        "GOBIN",        "GOTOOLDIR",  "REMOVED",
                                       "NOTIFY_SOCKET", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID"};
    static char large[120 * 1024];
    char path[SUPERVISOR_PATH_MAX * 2];
    (void)state;
    begin_session("environment");
    the.env = inherited;
    (void)snprintf(the_go, sizeof the_go, "/nonexistent/go/bin/go");
    memset(large, 'x', sizeof large - 1);
    order_begin("command", next_number++);
    with(ORDER_ARG, "env");
    with(ORDER_ARG, "-0");
    with(ORDER_STREAMS, "");
    with(ORDER_CWD, top);
    give("ODD", odd);
    give("LARGE", large);
    give("UID", "7");
    give("A(x86)", "1");
    give("OPTIND", "abc");
    give("IFS", "x-/");
    give("EMPTY", "");
    give("GOCACHE", "/elsewhere");
    give("GOTMPDIR", "/elsewhere");
    give("TWICE", "1");
    with(ORDER_UNSET, "TWICE");
    give("AGAIN", "1");
    give("AGAIN", "2");
    with(ORDER_UNSET, "REMOVED");
    give("", "nameless");
    with(ORDER_ENV, "NOSIGN");
    order_put_bytes(&fields, ORDER_ENV, "NUL=a\0b", 7);
    with(ORDER_GOCACHE, "/other cache");
    start();
    assert_int_equal(until_over(), 0);
    settle();
    static char pair[sizeof large + 64];
    (void)snprintf(pair, sizeof pair, "ODD=%s", odd);
    assert_true(has_pair(pair));
    (void)snprintf(pair, sizeof pair, "LARGE=%s", large);
    assert_true(has_pair(pair));
    static const char *const there[] = {"UID=7",
                                        "A(x86)=1",
                                        "OPTIND=abc",
                                        "IFS=x-/",
                                        "EMPTY=",
                                        "AGAIN=2",
                                        "INHERITED=yes",
                                        "GOFLAGS=-v",
                                        "GOPRIVATE=example.com",
                                        "GOCACHE=/other cache",
                                        "PATH=/nonexistent/go/bin:/usr/bin:/bin"};
    for (size_t i = 0; i < sizeof there / sizeof there[0]; i++)
        assert_true(has_pair(there[i]));
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++)
        assert_false(has_variable(gone[i]));
    assert_false(has_variable("TWICE"));
    assert_false(has_variable("NUL"));
    (void)snprintf(path, sizeof path, "GOTMPDIR=%s/tmp", the.dir);
    assert_true(has_pair(path));
    (void)snprintf(path, sizeof path, "GOMODCACHE=%s", the_gomodcache);
    assert_true(has_pair(path));
    (void)snprintf(path, sizeof path, "PWD=%s", top);
    assert_true(has_pair(path));
    assert_true(in(&the.said, "note  environment variable NOSIGN cannot be set on the Go machine and is ignored"));
    assert_true(in(&the.said, "environment variable NUL cannot be set"));
    end_session();
}

static void arguments_of_bytes(void **state)
{
    (void)state;
    begin_session("arguments");
    order_begin("command", next_number++);
    with(ORDER_ARG, "/bin/sh");
    with(ORDER_ARG, "-c");
    with(ORDER_ARG, "pwd; printf '%s\\0' \"$@\"");
    with(ORDER_ARG, "sh");
    with(ORDER_ARG, odd);
    with(ORDER_ARG, "");
    with(ORDER_ARG, "-x");
    with(ORDER_STREAMS, "");
    with(ORDER_CWD, the.dir);
    start();
    assert_int_equal(until_over(), 0);
    settle();
    struct buf want;
    buf_init(&want, KEPT_MAX);
    buf_printf(&want, "%s\n", the.dir);
    buf_append(&want, odd, sizeof odd);
    buf_append(&want, "\0-x\0", 4);
    assert_false(want.failed);
    assert_int_equal(the.streams[ORDER_STREAM_OUT].len, want.len);
    assert_memory_equal(the.streams[ORDER_STREAM_OUT].data, want.data, want.len);
    buf_free(&want);
    end_session();
}

/* What a program finds: signals, descriptors, its process session, stdin, umask. */
static void what_it_begins_with(void **state)
{
    (void)state;
    begin_session("beginning");
    assert_true(signal(SIGHUP, SIG_IGN) != SIG_ERR);
    int open_here = open("/dev/null", O_RDONLY); /* not close-on-exec */
    mode_t mask = umask(027);
    script("grep -E '^Sig(Ign|Blk)' /proc/self/status; ls /proc/self/fd; readlink /proc/$$/fd/0; umask; "
           "read -r rest </proc/self/stat; set -- ${rest##*) }; echo \"leader $(($4 == $$))\"");
    start();
    (void)umask(mask);
    assert_int_equal(until_over(), 0);
    assert_true(in(&the.streams[ORDER_STREAM_TEXT], "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"));
    assert_true(in(&the.streams[ORDER_STREAM_TEXT], "\n0\n1\n2\n3\n/dev/null\n"));
    assert_true(in(&the.streams[ORDER_STREAM_TEXT], "0027\n"));
    assert_true(in(&the.streams[ORDER_STREAM_TEXT], "leader 1"));
    (void)close(open_here);
    (void)signal(SIGHUP, SIG_DFL);
    end_session();
}

static void what_is_missing(void **state)
{
    char path[SUPERVISOR_PATH_MAX + 64], expected[SUPERVISOR_PATH_MAX + 128];
    (void)state;
    begin_session("missing");
    script("echo ran");
    with(ORDER_CWD, "/nonexistent/directory");
    start();
    assert_int_equal(until_over(), 126);
    assert_true(in(&the.said, "path_error missing /nonexistent/directory\n"));
    (void)snprintf(path, sizeof path, "%s/file", the.dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    (void)fclose(f);
    script("echo ran");
    with(ORDER_CWD, path);
    start();
    assert_int_equal(until_over(), 126);
    (void)snprintf(expected, sizeof expected, "path_error notdir %s\n", path);
    assert_true(in(&the.said, expected));
    script("echo ran");
    with(ORDER_NEED, path);
    with(ORDER_NEEDDIR, "/no/such directory");
    start();
    assert_int_equal(until_over(), 126);
    assert_true(in(&the.said, "path_error missing /no/such directory\n"));
    assert_string_equal(stream_text(ORDER_STREAM_TEXT), "");
    assert_true(strstr(the.said.data, "path_error") < strstr(the.said.data, "exited"));
    if (getuid() != 0) {
        (void)snprintf(path, sizeof path, "%s/closed", the.dir);
        assert_int_equal(mkdir(path, 0), 0);
        script("echo ran");
        with(ORDER_CWD, path);
        start();
        assert_int_equal(until_over(), 126);
        (void)snprintf(expected, sizeof expected, "path_error closed %s\n", path);
        assert_true(in(&the.said, expected));
    }
    script("echo ran");
    with(ORDER_NEED, path);
    start();
    assert_int_equal(until_over(), 0);
    end_session();
}

static void directories(void **state)
{
    char path[SUPERVISOR_PATH_MAX + 64];
    struct stat st;
    (void)state;
    begin_session("directories");
    script("echo left >\"$GOTMPDIR/left\"; echo made");
    long first = next_number - 1;
    start();
    assert_int_equal(until_over(), 0);
    (void)snprintf(path, sizeof path, "%s/%ld", the.dir, first);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    script("ls \"$GOTMPDIR\"");
    start();
    assert_int_equal(until_over(), 0);
    assert_string_equal(stream_text(ORDER_STREAM_TEXT), "");
    assert_int_equal(stat(path, &st), -1);
    (void)snprintf(path, sizeof path, "%s/elsewhere", top);
    assert_int_equal(rename(the.dir, path), 0);
    script("echo ran");
    start();
    assert_int_equal(until_over(), 126);
    assert_true(in(&the.said, "error disk the run's directory "));
    end_session();
}

/* --- ends --- */

static void stopped(void **state)
{
    (void)state;
    begin_session("stopped");
    script("trap '' TERM; sleep 4711 & sleep 4712 & echo here; wait");
    start();
    await("here", ORDER_STREAM_TEXT);
    pid_t leader = the.pid;
    run_stop(the.run, RUN_KILL);
    assert_int_equal(until_over(), 137);
    assert_int_equal(left_in(leader), 0);
    script("trap 'exit 9' TERM; echo here; while :; do sleep 0.1; done");
    start();
    await("here", ORDER_STREAM_TEXT);
    run_stop(the.run, RUN_KILL);
    assert_int_equal(until_over(), 9);
    script("trap 'exit 9' TERM; echo here; while :; do sleep 0.1; done");
    start();
    await("here", ORDER_STREAM_TEXT);
    run_stop(the.run, RUN_KILL);
    run_stop(the.run, RUN_NOW);
    assert_int_equal(until_over(), 137);
    end_session();
}

static void stopped_at_once(void **state)
{
    static const enum run_end hows[] = {RUN_KILL, RUN_DETACH, RUN_NOW};
    (void)state;
    begin_session("at_once");
    for (int round = 0; round < 20; round++)
        for (size_t i = 0; i < 3; i++) {
            script("sleep 4711");
            start();
            pid_t leader = the.pid;
            run_stop(the.run, hows[i]);
            assert_int_equal(until_over(), hows[i] == RUN_NOW ? 137 : 143);
            assert_int_equal(left_in(leader), 0);
        }
    script("exit 3");
    start();
    assert_int_equal(until_over(), 3);
    end_session();
}

static void signalled(void **state)
{
    (void)state;
    begin_session("signalled");
    script("trap 'echo interrupted; exit 5' INT; echo here; while :; do sleep 0.1; done");
    start();
    await("here", ORDER_STREAM_TEXT);
    run_signal(the.run, SIGINT);
    assert_int_equal(until_over(), 5);
    assert_true(in(&the.streams[ORDER_STREAM_TEXT], "interrupted"));
    /* In its first moment it leads no process group yet. */
    for (int round = 0; round < 20; round++) {
        script("sleep 4711");
        start();
        run_signal(the.run, SIGTERM);
        assert_int_equal(until_over(), 143);
    }
    end_session();
}

/* A daemon that it leaves in a process session of its own holds its stdout: nothing of ours stays for that. */
static void daemon_left(void **state)
{
    (void)state;
    begin_session("daemon");
    script("setsid sh -c 'echo $$ >daemon; exec sleep 30' & until [ -s daemon ]; do :; done; echo done");
    with(ORDER_STREAMS, "");
    with(ORDER_CWD, the.dir);
    start();
    assert_int_equal(until_over(), 0);
    settle();
    assert_string_equal(stream_text(ORDER_STREAM_OUT), "done\n");
    assert_true(the.ended[ORDER_STREAM_OUT] && the.ended[ORDER_STREAM_ERR]);
    char path[SUPERVISOR_PATH_MAX + 8], number[32];
    (void)snprintf(path, sizeof path, "%s/daemon", the.dir);
    assert_true(file_read(path, number, sizeof number) >= 0);
    assert_int_equal(kill((pid_t)atol(number), SIGKILL), 0);
    end_session();
}

static void large_output(void **state)
{
    (void)state;
    begin_session("large");
    script("head -c 8000000 /dev/zero; printf end");
    with(ORDER_STREAMS, "");
    start();
    assert_int_equal(until_over(), 0);
    settle();
    assert_int_equal(the.streams[ORDER_STREAM_OUT].len, 8000003);
    script("head -c 8000000 /dev/zero; printf end");
    start();
    assert_int_equal(until_over(), 0);
    assert_int_equal(the.streams[ORDER_STREAM_TEXT].len, 8000003);
    end_session();
}

static void standard_input(void **state)
{
    (void)state;
    begin_session("input");
    script("cat");
    start();
    assert_null(run_input(the.run));
    assert_int_equal(until_over(), 0);
    script("cat; echo over");
    with(ORDER_STDIN, "");
    start();
    assert_non_null(run_input(the.run));
    assert_null(run_input(the.run));
    assert_int_equal(write(the_inflow.fd, "given\n", 6), 6);
    await("given", ORDER_STREAM_TEXT);
    inflow_free(&the_inflow);
    assert_int_equal(until_over(), 0);
    assert_string_equal(stream_text(ORDER_STREAM_TEXT), "given\nover\n");
    end_session();
}

/* What a command prints is not taken for Delve. */
static void imitates_delve(void **state)
{
    (void)state;
    begin_session("imitates");
    script("echo 'API server listening at: 127.0.0.1:1'; exec sleep 4711");
    start();
    await("listening", ORDER_STREAM_TEXT);
    assert_false(run_serves(the.run));
    run_stop(the.run, RUN_KILL);
    assert_int_equal(until_over(), 143);
    end_session();
}

static void alive(void **state)
{
    char path[SUPERVISOR_PATH_MAX + 64];
    static const char *const wrong[] = {"1", "x; exit 0", "", "../1/pid"};
    char number[32];
    (void)state;
    begin_session("alive");
    (void)snprintf(number, sizeof number, "%ld", (long)getpid());
    (void)snprintf(path, sizeof path, "%s/attached-%s", the.dir, number);
    assert_int_equal(process_write(path, getpid()), 0);
    order_begin("alive", next_number++);
    with(ORDER_PID, number);
    start();
    assert_int_equal(until_over(), 0);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        order_begin("alive", next_number++);
        with(ORDER_PID, wrong[i]);
        start();
        assert_int_equal(until_over(), 1);
    }
    end_session();
}

/* --- remedies --- */

static void a_remedy(void **state)
{
    char path[SUPERVISOR_PATH_MAX + 64];
    struct stat st;
    (void)state;
    begin_session("remedy");
    (void)snprintf(path, sizeof path, "%s/mended-1", the.dir);
    order_begin("remedy", next_number++);
    with(ORDER_ARG, "gocache");
    with(ORDER_ARG, path);
    with(ORDER_ARG, "shadow");
    for (int i = 0; i < 3; i++)
        with(ORDER_ARG, "");
    with(ORDER_CWD, top);
    start();
    assert_int_equal(until_over(), 0);
    (void)snprintf(path, sizeof path, "%s/mended-1/gocache", the.dir);
    assert_int_equal(stat(path, &st), 0);
    assert_true(the.ended[ORDER_STREAM_TEXT]);
    end_session();
}

/* What was moved aside when a run was killed is back before it is reported. */
static void what_was_moved_aside(void **state)
{
    char path[SUPERVISOR_PATH_MAX + 64], text[16];
    (void)state;
    begin_session("aside");
    script("d=$(pwd); mkdir moved && echo kept >moved/piece && printf 'delvegate-aside 1\\n%s %s\\npiece 0 %s "
           "%s\\nend\\n' "
           "$((${#d} + 6)) \"$d/moved\" $((${#d} + 5)) \"$d/file\" >aside; kill -9 $$");
    with(ORDER_CWD, the.dir);
    start();
    assert_int_equal(until_over(), 137);
    (void)snprintf(path, sizeof path, "%s/file", the.dir);
    assert_true(file_read(path, text, sizeof text) >= 0);
    assert_string_equal(text, "kept\n");
    (void)snprintf(path, sizeof path, "%s/aside", the.dir);
    assert_int_equal(access(path, F_OK), -1);
    end_session();
}

/* --- a terminal --- */

static void terminal(void **state)
{
    (void)state;
    begin_session("terminal");
    script("stty size; tty; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo yes; read -r line </dev/tty; echo \"got $line\"; "
           "exit 6");
    with(ORDER_PTY, "");
    with(ORDER_ROWS, "30");
    with(ORDER_COLUMNS, "100");
    start();
    await("yes", ORDER_STREAM_TERMINAL);
    assert_true(in(&the.streams[ORDER_STREAM_TERMINAL], "30 100\r\n/dev/pts/"));
    run_size(the.run, 40, 120);
    assert_true(run_serves(the.run));
    run_signal(the.run, SIGWINCH);
    run_stop(the.run, RUN_KILL);
    assert_int_equal(until_over(), 143);
    settle();
    script("trap 'echo interrupted; exit 5' INT; echo here; while :; do sleep 0.1; done");
    with(ORDER_PTY, "");
    start();
    pid_t leader = the.pid;
    await("here", ORDER_STREAM_TERMINAL);
    run_signal(the.run, SIGINT);
    assert_int_equal(until_over(), 5);
    settle();
    assert_true(in(&the.streams[ORDER_STREAM_TERMINAL], "interrupted"));
    assert_int_equal(left_in(leader), 0);
    script("seq 100000; echo the end");
    with(ORDER_PTY, "");
    start();
    assert_int_equal(until_over(), 0);
    settle();
    assert_true(in(&the.streams[ORDER_STREAM_TERMINAL], "100000\r\nthe end\r\n"));
    end_session();
}

/* --- locks --- */

static void lock_of_another(void **state)
{
    char path[SUPERVISOR_PATH_MAX + 32], text[SUPERVISOR_PATH_MAX + 256], command[SUPERVISOR_PATH_MAX + 256];
    int on[2];
    (void)state;
    begin_session("locks");
    assert_int_equal(mkdir(the_gomodcache, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/m.lock", the_gomodcache);
    assert_int_equal(pipe(on), 0);
    pid_t holder = fork();
    if (holder == 0) {
        struct flock lock = {.l_type = F_WRLCK};
        int fd = open(path, O_RDWR | O_CREAT, 0600);
        _exit(fd < 0 || setsid() < 0 || fcntl(fd, F_SETLK, &lock) < 0 || write(on[1], "x", 1) != 1 ? 1 : pause());
    }
    assert_int_equal(read(on[0], text, 1), 1);
    (void)snprintf(
        command, sizeof command,
        "exec python3 -c \"import fcntl; f = open('%s', 'w'); fcntl.lockf(f, fcntl.LOCK_EX); print('through')\"", path);
    script(command);
    start();
    await("waiting for it", 0);
    (void)snprintf(text, sizeof text, "the module cache is locked by process %ld (", (long)holder);
    assert_true(in(&the.said, text));
    (void)snprintf(text, sizeof text, "): waiting for it (%s)\n", path);
    assert_true(in(&the.said, text));
    assert_int_equal(kill(holder, SIGKILL), 0);
    await("note  the lock is free, continuing", 0);
    assert_int_equal(until_over(), 0);
    assert_true(in(&the.streams[ORDER_STREAM_TEXT], "through"));
    (void)close(on[0]);
    (void)close(on[1]);
    end_session();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_and_status),
        cmocka_unit_test(what_is_no_program),
        cmocka_unit_test(script_without_interpreter),
        cmocka_unit_test(environment_of_bytes),
        cmocka_unit_test(arguments_of_bytes),
        cmocka_unit_test(what_it_begins_with),
        cmocka_unit_test(what_is_missing),
        cmocka_unit_test(directories),
        cmocka_unit_test(stopped),
        cmocka_unit_test(stopped_at_once),
        cmocka_unit_test(signalled),
        cmocka_unit_test(daemon_left),
        cmocka_unit_test(large_output),
        cmocka_unit_test(standard_input),
        cmocka_unit_test(imitates_delve),
        cmocka_unit_test(alive),
        cmocka_unit_test(a_remedy),
        cmocka_unit_test(what_was_moved_aside),
        cmocka_unit_test(terminal),
        cmocka_unit_test(lock_of_another),
    };
    return cmocka_run_group_tests(tests, begin_all, end_all);
}
