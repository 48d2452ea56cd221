/* The survey as a worker runs it: with the real go and dlv, with made-up ones, and facts about a made-up machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proxy/supervisor/directory.h"
#include "proxy/supervisor/file.h"
#include "proxy/supervisor/process.h"
#include "proxy/supervisor/survey_parts.h"
#include "proxy/supervisor/worker.h"
#include "test/unit/test_directory.h"

enum {
    ENV_MAX = 32,
    REPORT_MAX = 1024 * 1024,
    RECORDS_MAX = 4 * 1024 * 1024,
    SKIPPED_STATUS = 77,
    LONG_MS = 120 * 1000,
    SHORT_MS = 500,
    NOBODY = 65534
};

static char *env[ENV_MAX];
static struct buf session; /* the fields of ORDER_SESSION so far */
static size_t session_begin;
static long tool_ms, login_ms;  /* limits */
static bool is_apart;           /* with mounts of its own */
static void (*prepare)(void);   /* in the child, before it looks */
static char report[REPORT_MAX]; /* what was reported, a line each: "tool NAME TEXT", "fact ...", "error ..." */
static int status;              /* what survey_look returned */

/* --- the machine --- */

static void set(const char *name, const char *value)
{
    size_t i = 0, len = strlen(name);
    char *pair = survey_text("%s=%s", name, value);
    assert_non_null(pair);
    while (env[i] && !(strncmp(env[i], name, len) == 0 && env[i][len] == '='))
        i++;
    assert_true(i + 1 < ENV_MAX);
    free(env[i]);
    env[i] = pair;
}

static void give(enum order_key key, const char *value)
{
    order_put(&session, key, value);
}

static void make_dir(const char *path)
{
    char above[SUPERVISOR_PATH_MAX];
    (void)snprintf(above, sizeof above, "%s", path);
    for (char *slash = strchr(above + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(above, 0755);
        *slash = '/';
    }
    assert_true(mkdir(above, 0755) == 0 || errno == EEXIST);
}

static void make_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void make_script(const char *path, const char *text)
{
    char *whole = survey_text("#!/bin/sh\n%s\n", text);
    make_file(path, whole, 0755);
    free(whole);
}

static const char *real(const char *name)
{
    static char path[2][SUPERVISOR_PATH_MAX];
    static unsigned count;
    char *found = survey_in_path(name, getenv("PATH"));
    char *to = path[count++ % 2];
    if (!found)
        skip();
    assert_non_null(realpath(found, to));
    free(found);
    return to;
}

/* A PATH with what a bare machine has, without go and dlv. */
static void bare_path(void)
{
    static const char *const names[] = {"sh", "env", "cat", "sleep", "printenv", "sed", "ls"};
    make_dir(at("bare"));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *found = survey_in_path(names[i], getenv("PATH"));
        if (found)
            assert_int_equal(symlink(found, at("bare/%s", names[i])), 0);
        free(found);
    }
    set("PATH", at("bare"));
    set("SHELL", "/bin/sh");
}

static int setup(void **state)
{
    (void)state;
    (void)snprintf(root, sizeof root, "/tmp/dgs.XXXXXX");
    assert_non_null(mkdtemp(root));
    make_dir(at("home"));
    make_dir(at("inst/1"));
    set("HOME", at("home"));
    set("PATH", getenv("PATH"));
    set("SHELL", "/bin/sh");
    tool_ms = login_ms = LONG_MS;
    is_apart = false;
    prepare = NULL;
    buf_init(&session, RECORDS_MAX);
    session_begin = order_open(&session, ORDER_SESSION);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < ENV_MAX; i++) {
        free(env[i]);
        env[i] = NULL;
    }
    buf_free(&session);
    return directory_remove(root);
}

/* --- looking --- */

static int look_here(int out)
{
    struct order o;
    order_close(&session, session_begin);
    if (session.failed || order_read(session.data, session.len, &o) <= 0)
        return -1;
    char dir[SUPERVISOR_PATH_MAX];
    (void)snprintf(dir, sizeof dir, "%s/inst/1", root);
    struct survey survey = {.session = &o, .dir = dir, .env = env};
    struct look l = {.s = &survey, .out = out, .tool_ms = tool_ms, .login_ms = login_ms, .trace_ms = LONG_MS};
    int r = survey_look(&l);
    survey_look_free(&l);
    buf_free(&session);
    return r;
}

static pid_t start(int fds[2])
{
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    (void)setsid(); /* as a worker */
    if (is_apart && (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0))
        _exit(SKIPPED_STATUS);
    if (prepare)
        prepare();
    exit(look_here(fds[1])); /* with a search for leaks */
}

static const char *kind_name(enum order_kind kind)
{
    return kind == ORDER_TOOL ? "tool" : kind == ORDER_FACT ? "fact" : kind == ORDER_ERROR ? "error" : "other";
}

/* Looks with what was set and given; report and status are what came of it. */
static void look(void)
{
    int fds[2], exited = 0;
    struct buf in;
    struct order o;
    char bytes[BUFSIZ];
    ssize_t n = 0;
    pid_t pid = start(fds);
    buf_init(&in, RECORDS_MAX);
    close(fds[1]);
    while ((n = read(fds[0], bytes, sizeof bytes)) > 0) {
        buf_append(&in, bytes, (size_t)n);
        assert_false(in.failed);
    }
    close(fds[0]);
    assert_int_equal(waitpid(pid, &exited, 0), pid);
    assert_true(WIFEXITED(exited));
    status = WEXITSTATUS(exited);
    size_t len = (size_t)snprintf(report, sizeof report, "\n"), done = 0;
    for (long took = 0; done < in.len; done += (size_t)took) {
        took = order_read(in.data + done, in.len - done, &o);
        assert_true(took > 0);
        const char *name = order_get(&o, ORDER_NAME), *text = order_get(&o, ORDER_TEXT);
        len += (size_t)snprintf(report + len, sizeof report - len, "%s %s %s\n", kind_name(o.kind), name ? name : "",
                                text ? text : "");
        assert_true(len < sizeof report);
    }
    buf_free(&in);
    if (status == SKIPPED_STATUS)
        skip();
}

/* A new session of the same supervisor. */
static void again(void)
{
    buf_free(&session);
    session_begin = order_open(&session, ORDER_SESSION);
}

static bool has(const char *pattern)
{
    char *copy = strdup(report), *rest = copy, *line = NULL;
    bool found = false;
    while ((line = strsep(&rest, "\n")) && !found)
        found = *line && fnmatch(pattern, line, 0) == 0;
    free(copy);
    return found;
}
static void expect(const char *pattern)
{
    if (!has(pattern))
        fail_msg("no line like '%s' (status %d):%s", pattern, status, report);
}
static void expect_none(const char *pattern)
{
    if (has(pattern))
        fail_msg("a line like '%s':%s", pattern, report);
}
static void expect_at(const char *before, const char *path)
{
    char line[2 * SUPERVISOR_PATH_MAX];
    (void)snprintf(line, sizeof line, "%s%s", before, path);
    expect(line);
}

/* --- tools --- */

static void test_session(void **state)
{
    (void)state;
    (void)real("dlv");
    look();
    assert_int_equal(status, 0);
    expect("tool go /*/go");
    expect("tool dlv /*/dlv");
    expect("tool goVersion go version go1.*");
    expect("tool dlvVersion Version: 1.*");
    expect_at("tool GOCACHE ", at("home/.cache/go-build"));
    expect_at("tool GOMODCACHE ", at("home/go/pkg/mod"));
    expect_at("tool home ", at("home"));
    expect_none("fact *");
    expect_none("error *");
}

static void test_login_shell(void **state)
{
    (void)state;
    bare_path();
    make_dir(at("only here"));
    assert_int_equal(symlink(real("go"), at("only here/go")), 0);
    assert_int_equal(symlink(real("dlv"), at("only here/dlv")), 0);
    make_script(at("login"), "echo Welcome; echo 'delvegate-path is noise'\nPATH=\"$HOME/../only here:$PATH\"\nexport "
                             "PATH\n[ \"$1\" = -lc ] || exit 1\nshift\neval \"$@\"");
    set("SHELL", at("login"));
    look();
    assert_int_equal(status, 0);
    expect_at("tool go ", at("home/../only here/go"));
    expect_at("tool dlv ", at("home/../only here/dlv"));
}

static void test_login_shell_hangs(void **state)
{
    (void)state;
    bare_path();
    make_dir(at("home/go/bin"));
    make_dir(at("home/sdk/go1.9/bin"));
    make_dir(at("home/sdk/go1.10/bin"));
    assert_int_equal(symlink(real("dlv"), at("home/go/bin/dlv")), 0);
    make_script(at("home/sdk/go1.9/bin/go"), "echo old");
    assert_int_equal(symlink(real("go"), at("home/sdk/go1.10/bin/go")), 0);
    make_script(at("hangs"), "sleep 1000 & echo $! >\"$HOME/asleep\"\nexec sleep 1000");
    set("SHELL", at("hangs"));
    login_ms = SHORT_MS;
    /* A machine that has its own there is looked at before home. */
    if (survey_is_program("/usr/local/go/bin/go") || survey_is_program("/usr/local/go/bin/dlv"))
        skip();
    look();
    assert_int_equal(status, 0);
    expect_at("tool dlv ", at("home/go/bin/dlv"));
    expect_at("tool go ", at("home/sdk/go1.10/bin/go"));
    char text[32];
    struct process p;
    assert_int_equal(file_read(at("home/asleep"), text, sizeof text), 0);
    assert_true(process_read((pid_t)atoi(text), &p) < 0 || p.state == 'Z');
}

static void poor_machine(void)
{
    bare_path();
    make_script(at("poor"), "exec env -i PATH=/nowhere /bin/sh -c \"$2\"");
    set("SHELL", at("poor"));
}

static void test_missing(void **state)
{
    (void)state;
    poor_machine();
    set("GOPATH", at("gopath"));
    if (survey_is_program("/usr/local/go/bin/go"))
        skip();
    look();
    assert_int_equal(status, 1);
    if (has("tool go /usr/lib/go-*"))
        expect(
            "error notfound dlv was not found on the Go machine: *; install it on that machine (*) or set delve.path");
    expect(
        "error notfound * was not found on the Go machine: looked in PATH (*/bare), the login shell's PATH (*), "
        "/usr/local/go/bin, */go/bin, */sdk/?/bin, /usr/lib/go-?/bin, $GOBIN, $GOPATH/bin, */.local/bin and /snap/bin; "
        "install it on that machine (*) or set *.path");
}

/* By the package manager of this machine, which for Delve is go where go is no package. */
static void test_how_to_install(void **state)
{
    (void)state;
    poor_machine();
    make_script(at("go"), "echo go version go1.22.1 linux/amd64");
    give(ORDER_GO, at("go"));
    look();
    expect_at("error notfound dlv was not found*; install it on that machine (",
              at("go install github.com/go-delve/delve/cmd/dlv@latest) or set delve.path"));
    again();
    if (!survey_is_program("/usr/bin/apt-get") || survey_is_program("/usr/local/go/bin/go"))
        skip();
    look();
    if (has("error notfound dlv*"))
        expect("error notfound dlv was not found*; install it on that machine (as root: apt-get install delve) or set "
               "delve.path");
    else
        expect("error notfound go was not found*; install it on that machine (as root: apt-get install golang-go) or "
               "set go.path");
}

/* That it was not there is not remembered. */
static void test_missing_then_there(void **state)
{
    (void)state;
    poor_machine();
    give(ORDER_GO, real("go"));
    look();
    assert_int_equal(status, 1);
    expect("error notfound dlv was not found*");
    again();
    give(ORDER_GO, real("go"));
    make_dir(at("gopath/bin"));
    set("GOPATH", at("gopath"));
    assert_int_equal(symlink(real("dlv"), at("gopath/bin/dlv")), 0);
    look();
    assert_int_equal(status, 0);
    expect_at("tool dlv ", at("gopath/bin/dlv"));
}

static void test_configured(void **state)
{
    (void)state;
    give(ORDER_DLV, "/nonexistent/dlv");
    look();
    assert_int_equal(status, 1);
    expect(
        "error notfound delve.path is /nonexistent/dlv, which is not a program on the Go machine; correct delve.path");
    again();
    make_file(at("file"), "", 0644);
    give(ORDER_GO, at("file"));
    look();
    assert_int_equal(status, 1);
    expect("error notfound go.path is */file, which is not a program*");
    again();
    give(ORDER_GO, real("go"));
    give(ORDER_NO_DELVE, "1");
    give(ORDER_DLV, "/nonexistent/dlv");
    look();
    assert_int_equal(status, 0);
    expect_none("tool dlv*");
}

static void test_caches(void **state)
{
    (void)state;
    give(ORDER_GOMODCACHE, "/odd mod");
    set("GOCACHE", "/the/shell's");
    look();
    assert_int_equal(status, 0);
    expect_at("tool GOCACHE ", at("home/.cache/go-build"));
    expect("tool GOMODCACHE /odd mod");
    again();
    char *pair = survey_text("GOCACHE=%s", at("of target"));
    give(ORDER_GOENV, pair);
    free(pair);
    look();
    expect_at("tool GOCACHE ", at("of target"));
    again();
    give(ORDER_GOCACHE, "relative");
    look();
    assert_int_equal(status, 1);
    expect("error tool GOCACHE is 'relative', not an absolute path; set go.GOCACHE");
}

/* --- made-up tools --- */

static void made_up(const char *go, const char *dlv)
{
    make_script(at("go"), go);
    make_script(at("dlv"), dlv);
    give(ORDER_GO, at("go"));
    give(ORDER_DLV, at("dlv"));
}

#define GO_SAYS                                                                                                        \
    "case $1 in version) echo 'go version go1.99 linux/amd64';; env) printf '/c\\n/m\\n/r\\nlocal\\n';; esac"
#define DLV_SAYS "echo 'Delve Debugger'; echo 'Version: 1.99.1'; echo 'Build: x'"

static void test_noise(void **state)
{
    (void)state;
    made_up("echo 'go: a warning' >&2; " GO_SAYS, "echo loud >&2; " DLV_SAYS);
    look();
    assert_int_equal(status, 0);
    expect("tool goVersion go version go1.99 linux/amd64");
    expect("tool dlvVersion Version: 1.99.1");
    expect("tool GOCACHE /c");
    expect("tool GOMODCACHE /m");
}

static void test_no_version_line(void **state)
{
    (void)state;
    made_up(GO_SAYS, "echo 'Delve Debugger'");
    look();
    assert_int_equal(status, 0);
    expect("tool dlvVersion ");
}

static void test_fails(void **state)
{
    (void)state;
    made_up("echo 'no such GOROOT' >&2; exit 2", DLV_SAYS);
    look();
    assert_int_equal(status, 1);
    expect("error tool */go version failed on the Go machine: no such GOROOT; correct go.path");
    again();
    made_up(GO_SAYS, "echo out; echo err >&2; exit 1");
    look();
    expect("error tool */dlv version failed on the Go machine: out");
    expect("err; correct delve.path");
    again();
    made_up("case $1 in env) echo why >&2; exit 1;; esac\n" GO_SAYS, DLV_SAYS);
    look();
    expect("error tool */go env failed on the Go machine: why");
    again();
    make_file(at("text"), "no program\n", 0755);
    make_file(at("gone"), "#!/nonexistent/interpreter\n", 0755);
    made_up(GO_SAYS, DLV_SAYS);
    give(ORDER_DLV, at("gone"));
    look();
    assert_int_equal(status, 1);
    expect("error tool */gone version failed on the Go machine: */gone: No such file or directory; correct delve.path");
}

static void test_hangs(void **state)
{
    (void)state;
    char text[32];
    struct process p;
    /* One that it has started, and that has left its process group. */
    made_up(GO_SAYS, "timeout 1000 sleep 1000 & echo $! >\"$HOME/asleep\"; echo waiting; wait");
    tool_ms = 2 * SHORT_MS;
    look();
    assert_int_equal(status, 1);
    expect(
        "error tool */dlv version failed on the Go machine: it did not finish within 1 s: waiting; correct delve.path");
    assert_int_equal(file_read(at("home/asleep"), text, sizeof text), 0);
    assert_true(process_read((pid_t)atoi(text), &p) < 0 || p.state == 'Z');
}

static void test_endless_output(void **state)
{
    (void)state;
    made_up("yes 'go version goes on'", DLV_SAYS);
    tool_ms = 2 * SHORT_MS;
    look();
    assert_int_equal(status, 1);
    expect("error tool */go version failed on the Go machine: it did not finish within 1 s: go version goes on");
    assert_true(strlen(report) < 2 * SURVEY_OUTPUT_MAX);
}

/* What a tool leaves behind with its stdout is not waited for, nor ended when all is well. */
static void test_leaves_one_behind(void **state)
{
    (void)state;
    char text[32];
    struct process p;
    made_up(GO_SAYS, "sleep 1000 & echo $! >\"$HOME/asleep\"; " DLV_SAYS);
    look();
    assert_int_equal(status, 0);
    expect("tool dlvVersion Version: 1.99.1");
    assert_int_equal(file_read(at("home/asleep"), text, sizeof text), 0);
    assert_int_equal(process_read((pid_t)atoi(text), &p), 0);
    assert_int_equal(kill((pid_t)atoi(text), SIGKILL), 0);
}

/* They see the target's variables and directories, and nothing else of the shell's. */
static void test_clean_environment(void **state)
{
    (void)state;
    set("GOFLAGS", "-mod=bad");
    set("SECRET", "x");
    set("XDG_CONFIG_HOME", at("config"));
    set("USER", "me");
    give(ORDER_GOENV, "GOPRIVATE=a b");
    give(ORDER_GOENV, "USER=other");
    made_up("[ \"$1\" != version ] || env >\"$HOME/environment\"; " GO_SAYS, DLV_SAYS);
    look();
    assert_int_equal(status, 0);
    char *text = survey_read(at("home/environment"));
    assert_non_null(text);
    (void)snprintf(report, sizeof report, "%s", text);
    free(text);
    expect_at("HOME=", at("home"));
    expect_at("XDG_CONFIG_HOME=", at("config"));
    expect("GOPRIVATE=a b");
    expect("USER=other");
    expect("LOGNAME=");
    expect_none("GOFLAGS=*");
    expect_none("SECRET=*");
    char *path = survey_text("PATH=%s:%s", root, getenv("PATH"));
    expect(path);
    free(path);
    expect_at("PWD=", at("inst/1"));
}

/* All at the same time: each waits until the others have begun. */
static void test_at_the_same_time(void **state)
{
    (void)state;
    tool_ms = LONG_MS / 4;
    made_up(
        ": >\"$HOME/go-$1\"; until [ -e \"$HOME/go-version\" ] && [ -e \"$HOME/go-env\" ] && [ -e \"$HOME/dlv\" ]; do "
        "sleep 0.01; done\n" GO_SAYS,
        ": >\"$HOME/dlv\"; until [ -e \"$HOME/go-version\" ] && [ -e \"$HOME/go-env\" ]; do sleep 0.01; "
        "done\n" DLV_SAYS);
    look();
    assert_int_equal(status, 0);
}

/* The connection goes while a go takes its time: it ends with the worker. */
static void test_worker_killed(void **state)
{
    (void)state;
    int fds[2], asked = -1, exited = 0;
    char byte = 0, text[32];
    struct process p;
    assert_int_equal(mkfifo(at("home/asked"), 0600), 0);
    made_up("[ \"$1\" != version ] || { echo $$ >\"$HOME/pid\"; echo >\"$HOME/asked\"; exec sleep 1000; }\n" GO_SAYS,
            DLV_SAYS);
    pid_t pid = start(fds);
    asked = open(at("home/asked"), O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(asked, &byte, 1), 1);
    close(asked);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &exited, 0), pid);
    close(fds[1]);
    close(fds[0]);
    assert_int_equal(file_read(at("home/pid"), text, sizeof text), 0);
    for (int i = 0; i < LONG_MS && process_read((pid_t)atoi(text), &p) == 0 && p.state != 'Z'; i += 20)
        assert_int_equal(nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL), 0);
    assert_true(process_read((pid_t)atoi(text), &p) < 0 || p.state == 'Z');
    while (process_sweep(pid, 0) > 0)
        assert_int_equal(nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL), 0);
}

/* --- what is kept --- */

static void test_kept(void **state)
{
    (void)state;
    (void)real("dlv");
    look();
    assert_int_equal(status, 0);
    char first[sizeof report];
    memcpy(first, report, sizeof first);
    /* Nothing needs to be started for the second one. */
    again();
    tool_ms = 0;
    look();
    assert_int_equal(status, 0);
    assert_string_equal(report, first);
    /* Unless a file has changed that it came from. */
    make_dir(at("home/.config/go"));
    char *text = survey_text("GOCACHE=%s\n", at("new"));
    make_file(at("home/.config/go/env"), text, 0644);
    free(text);
    again();
    look();
    assert_int_equal(status, 1);
    again();
    tool_ms = LONG_MS;
    look();
    assert_int_equal(status, 0);
    expect_at("tool GOCACHE ", at("new"));
    /* Or the configuration has. */
    again();
    text = survey_text("GOCACHE=%s", at("newer"));
    give(ORDER_GOENV, text);
    free(text);
    look();
    expect_at("tool GOCACHE ", at("newer"));
}

/* Another dlv in the same place. */
static void test_kept_dlv_changes(void **state)
{
    (void)state;
    make_dir(at("bin"));
    char *copy = survey_text("cp '%s' '%s'", real("dlv"), at("bin/dlv"));
    assert_int_equal(system(copy), 0);
    give(ORDER_DLV, at("bin/dlv"));
    look();
    assert_int_equal(status, 0);
    assert_int_equal(unlink(at("bin/dlv")), 0);
    make_script(at("bin/dlv"), "echo Version: 1.98");
    again();
    give(ORDER_DLV, at("bin/dlv"));
    look();
    expect("tool dlvVersion Version: 1.98");
    /* What a script says is asked each time. */
    make_script(at("bin/dlv"), "cat \"$HOME/version\"");
    make_file(at("home/version"), "Version: 1.97\n", 0644);
    again();
    give(ORDER_DLV, at("bin/dlv"));
    look();
    expect("tool dlvVersion Version: 1.97");
    make_file(at("home/version"), "Version: 1.96\n", 0644);
    again();
    give(ORDER_DLV, at("bin/dlv"));
    look();
    expect("tool dlvVersion Version: 1.96");
    free(copy);
}

/* A login shell is asked once, and again when a profile has changed. */
static void test_kept_login(void **state)
{
    (void)state;
    bare_path();
    make_dir(at("one"));
    make_dir(at("two"));
    const char *const dirs[] = {at("one"), at("two")};
    for (size_t i = 0; i < 2; i++) {
        char *go = survey_text("%s/go", dirs[i]), *dlv = survey_text("%s/dlv", dirs[i]);
        assert_int_equal(symlink(real("go"), go) + symlink(real("dlv"), dlv), 0);
        free(go);
        free(dlv);
    }
    make_script(at("login"), "echo >>\"$HOME/asked\"; . \"$HOME/.profile\"; eval \"$2\"");
    char *profile = survey_text("PATH=%s:$PATH; export PATH\n", at("one"));
    make_file(at("home/.profile"), profile, 0644);
    free(profile);
    set("SHELL", at("login"));
    for (int i = 0; i < 2; i++) {
        look();
        expect_at("tool go ", at("one/go"));
        char *asked = survey_read(at("home/asked"));
        assert_string_equal(asked, "\n");
        free(asked);
        again();
    }
    profile = survey_text("PATH=%s:$PATH; export PATH # new\n", at("two"));
    make_file(at("home/.profile"), profile, 0644);
    free(profile);
    look();
    expect_at("tool go ", at("two/go"));
}

/* --- facts --- */

static void alone(const char *dir)
{
    again();
    give(ORDER_EXAMINE, dir);
    give(ORDER_ALONE, "1");
}

static void test_alone(void **state)
{
    (void)state;
    (void)real("dlv");
    make_file(at("home/go.mod"), "module x\ngo 1.18\n", 0644);
    alone("");
    look();
    assert_int_equal(status, 0);
    static const char *const tools[] = {"go /*",        "dlv /*",     "goVersion *",
                                        "dlvVersion *", "GOCACHE /*", "GOMODCACHE /*"};
    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++) {
        char *line = survey_text("tool %s", tools[i]);
        expect(line);
        free(line);
    }
    expect_at("fact mod ", at("home/go.mod"));
    char *uid = survey_text("fact uid %lu", (unsigned long)geteuid());
    expect(uid);
    free(uid);
    expect("fact CapBnd [0-9a-f]*");
    expect("fact CapEff [0-9a-f]*");
    expect("fact Seccomp [0-9]");
    expect("fact GOROOT /*");
    expect_none("fact GO*.state *");
    expect("fact trace *");
    expect_none("fact trace *not permitted");
}

static void test_in_session(void **state)
{
    (void)state;
    set("GOROOT", "/nope");
    give(ORDER_EXAMINE, at("home"));
    make_file(at("home/go.mod"), "module x\n", 0644);
    look();
    assert_int_equal(status, 0);
    expect("fact env.GOROOT.state missing");
    expect_at("fact mod ", at("home/go.mod"));
    expect_none("fact trace*");
}

static void test_values(void **state)
{
    (void)state;
    make_dir(at("home/.config/go"));
    make_dir(at("root/bin"));
    make_dir(at("mod cache/cache/download"));
    make_dir(at("home/go"));
    make_dir(at("whole/src/runtime"));
    make_dir(at("whole/bin"));
    make_script(at("whole/bin/go"), ":");
    make_file(at("whole/VERSION"), "go1.88.1\ntime 2030\n", 0644);
    char *text = survey_text("GOBIN=bin\nGONOPROXY=x\nGOPATH=%s\nGOROOT=%s", at("home/other"), at("root"));
    make_file(at("home/.config/go/env"), text, 0644);
    free(text);
    text = survey_text("/nope/one:%s:%s:/nope/two", at("home/go"), at("home/new"));
    set("GOROOT", at("whole"));
    set("GOPATH", text);
    free(text);
    set("GOCACHE", "a b");
    set("GOMODCACHE", "/proc/x");
    set("GOTOOLCHAIN", "local");
    alone("");
    text = survey_text("GOBIN=%s", at("root/bin"));
    give(ORDER_GOENV, text);
    free(text);
    give(ORDER_GOENV, "GOPRIVATE=x");
    give(ORDER_GOMODCACHE, at("mod cache"));
    look();
    expect_at("fact env.GOROOT ", at("whole"));
    expect("fact env.GOROOT.version go1.88.1");
    expect("fact env.GOPATH.missing /nope/one");
    expect("fact env.GOPATH.missing /nope/two");
    expect_none("fact env.GOPATH.missing /tmp/*");
    expect("fact env.GOCACHE a b");
    expect("fact env.GOMODCACHE.state closed");
    expect("fact env.GOTOOLCHAIN local");
    expect_at("fact target.GOBIN ", at("root/bin"));
    expect_none("fact target.GOBIN.state *");
    expect_none("fact target.GOPRIVATE *");
    expect_at("fact goenvFile ", at("home/.config/go/env"));
    expect("fact file.GOBIN bin");
    expect_at("fact file.GOROOT ", at("root"));
    expect("fact file.GOROOT.state partial");
    expect_none("fact file.GONOPROXY*");
    expect("fact GOMODCACHE.filled yes");
    assert_int_equal(rmdir(at("mod cache/cache/download")) + rmdir(at("mod cache/cache")) + rmdir(at("mod cache")), 0);
}

static void test_goenv_file(void **state)
{
    (void)state;
    make_dir(at("config/go"));
    make_file(at("config/go/env"), "GOFLAGS=-v\n", 0644);
    make_file(at("other"), "GOFLAGS=-x", 0644);
    set("XDG_CONFIG_HOME", at("config"));
    alone("");
    look();
    expect("fact file.GOFLAGS -v");
    set("GOENV", at("other"));
    alone("");
    look();
    expect("fact file.GOFLAGS -x");
    alone("");
    give(ORDER_GOENV, "GOENV=off");
    look();
    expect_none("fact goenvFile *");
    expect_none("fact file.*");
}

static void test_cache_facts(void **state)
{
    (void)state;
    make_file(at("file"), "", 0644);
    alone("");
    give(ORDER_GOCACHE, at("file/cache"));
    give(ORDER_GOMODCACHE, "/proc/mod");
    look();
    expect_at("fact GOCACHE.at ", at("file"));
    expect("fact GOCACHE.state closed");
    expect("fact GOCACHE.why not a directory");
    expect("fact GOMODCACHE.at /proc");
    expect("fact GOMODCACHE.state closed");
    make_dir(at("mod/golang.org/toolchain@v0.0.1-go1.22.3.linux-amd64"));
    make_dir(at("mod/golang.org/x"));
    alone("");
    give(ORDER_GOCACHE, at("new/cache"));
    give(ORDER_GOMODCACHE, at("mod"));
    look();
    expect_at("fact GOCACHE.at ", root);
    expect_none("fact *.state closed");
    expect("fact toolchain 1.22.3.linux-amd64");
    expect_none("fact toolchain x");
    assert_false(survey_is_dir(at("new")));
}

static void mount_full(void)
{
    if (mount("tmpfs", at("full"), "tmpfs", 0, "size=16k") < 0)
        _exit(SKIPPED_STATUS);
}
static void test_full_cache(void **state)
{
    (void)state;
    make_dir(at("full"));
    is_apart = true;
    prepare = mount_full;
    alone("");
    give(ORDER_GOCACHE, at("full/cache"));
    give(ORDER_GOMODCACHE, at("full"));
    look();
    expect("fact GOCACHE.state full");
    expect("fact GOCACHE.why No space left on device");
    expect("fact GOMODCACHE.state full");
}

static void become_nobody(void)
{
    if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
        _exit(SKIPPED_STATUS);
}
static void test_closed_cache(void **state)
{
    (void)state;
    if (getuid() != 0)
        skip();
    make_dir(at("roots"));
    assert_int_equal(chmod(root, 0755) + chmod(at("inst/1"), 0777), 0);
    prepare = become_nobody;
    alone("");
    give(ORDER_GOCACHE, at("roots"));
    give(ORDER_GOMODCACHE, at("roots/mod"));
    look();
    expect("fact uid 65534");
    expect("fact GOCACHE.state closed");
    expect("fact GOCACHE.why Permission denied");
    expect_at("fact GOMODCACHE.at ", at("roots"));
    assert_int_equal(rmdir(at("roots")), 0);
}

static void test_module(void **state)
{
    (void)state;
    make_dir(at("w/m/deep"));
    make_file(
        at("w/m/go.mod"),
        "// go 9.9\nmodule x\n\n\tgo  1.21.3 // why\r\ntoolchain \"go1.22rc1\"\nrequire (\n\tgo.example/go v1.0.0\n)\n",
        0644);
    make_file(at("w/go.work"), "go 1.20\nuse ./m\n", 0644);
    alone(at("w/m/deep"));
    look();
    expect_at("fact mod ", at("w/m/go.mod"));
    expect("fact mod.go 1.21.3");
    expect_none("fact mod.go [!1]*");
    expect("fact mod.toolchain go1.22rc1");
    expect_at("fact work ", at("w/go.work"));
    expect("fact work.go 1.20");
    set("GOWORK", "off");
    alone(at("w/m"));
    look();
    expect_none("fact work*");
    expect_none("fact used*");
}

static void test_directory(void **state)
{
    (void)state;
    make_dir(at("there"));
    make_file(at("file"), "", 0644);
    alone(at("there"));
    look();
    expect_none("fact dir.why*");
    alone(at("nowhere/at/all"));
    look();
    expect("fact dir.why No such file or directory");
    alone(at("file"));
    look();
    expect("fact dir.why Not a directory");
    alone("");
    look();
    expect_none("fact dir.why*");
}

static void test_workspace(void **state)
{
    (void)state;
    static const char *const dirs[] = {"w", "w/m", "w/a b", "w/other", "abs", "w/replaced", "w/quoted"};
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        make_dir(at("%s", dirs[i]));
        char *text = survey_text("module x\ngo 1.%zu\n", strlen(dirs[i]));
        make_file(at("%s/go.mod", dirs[i]), text, 0644);
        free(text);
    }
    char *text = survey_text(
        "go 1.20\n\nuse ./other/ // one\nuse (\r\n\t./m\r\n\t\"./a b\" // two\n\t// ./none\n\n\t%s\n\t./nothere\n\t.\n)"
        "\nreplace (\n\tx => ./replaced\n)\nuse `./quoted`\n",
        at("abs"));
    make_file(at("w/go.work"), text, 0644);
    free(text);
    alone(at("w/m"));
    look();
    expect_at("fact mod ", at("w/m/go.mod"));
    expect_at("fact used1 ", at("w/other/go.mod"));
    expect("fact used1.go 1.7");
    expect_at("fact used2 ", at("w/a b/go.mod"));
    expect_at("fact used3 ", at("abs/go.mod"));
    expect_at("fact used4 ", at("w/go.mod"));
    expect_at("fact used5 ", at("w/quoted/go.mod"));
    expect_none("fact used6*");
    set("GOWORK", at("w/none"));
    set("GOFLAGS", "-v");
    alone(at("w/m"));
    look();
    expect("fact env.GOWORK.state missing");
    expect("fact env.GOFLAGS -v");
}

/* Very many modules, and a file that is none. */
static void test_workspace_bounds(void **state)
{
    (void)state;
    struct buf work;
    buf_init(&work, REPORT_MAX);
    for (int i = 0; i < 2 * SURVEY_USED_MAX; i++) {
        make_dir(at("w/m%d", i));
        make_file(at("w/m%d/go.mod", i), "module x\n", 0644);
        buf_printf(&work, "use ./m%d\n", i);
        assert_false(work.failed);
    }
    make_file(at("w/go.work"), work.data, 0644);
    buf_free(&work);
    alone(at("w"));
    look();
    expect("fact used50 *");
    expect_none("fact used51*");
    assert_int_equal(unlink(at("w/go.work")), 0);
    assert_int_equal(truncate(at("w/m0/go.mod"), 1024L * 1024 * 1024), 0);
    alone(at("w/m0"));
    look();
    assert_int_equal(status, 0);
    expect("fact mod *");
}

static void test_alone_missing(void **state)
{
    (void)state;
    poor_machine();
    alone("");
    give(ORDER_GO, "/nope/go");
    give(ORDER_DLV, "/nope/dlv");
    look();
    assert_int_equal(status, 0);
    expect("fact go.missing go.path is /nope/go, which is not a program on the Go machine; correct go.path");
    expect("fact dlv.missing delve.path is /nope/dlv*");
    expect_none("fact trace*");
}

static void test_alone_failing(void **state)
{
    (void)state;
    alone("");
    made_up("echo bad >&2; exit 1", "echo worse; exit 1");
    look();
    assert_int_equal(status, 0);
    expect("fact goVersion.failed bad");
    expect("fact goenv.failed bad");
    expect("fact dlvVersion.failed worse");
    expect_none("tool goVersion*");
}

static void test_trace(void **state)
{
    (void)state;
    alone("");
    made_up(GO_SAYS,
            "case $1 in exec) echo 'Type help'; echo 'could not launch process: fork/exec x: operation not permitted' "
            ">&2; exit 1;; esac\n" DLV_SAYS);
    look();
    expect("fact trace could not launch process: fork/exec x: operation not permitted");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_session),
        TEST(test_login_shell),
        TEST(test_login_shell_hangs),
        TEST(test_missing),
        TEST(test_how_to_install),
        TEST(test_missing_then_there),
        TEST(test_configured),
        TEST(test_caches),
        TEST(test_noise),
        TEST(test_no_version_line),
        TEST(test_fails),
        TEST(test_hangs),
        TEST(test_endless_output),
        TEST(test_leaves_one_behind),
        TEST(test_clean_environment),
        TEST(test_at_the_same_time),
        TEST(test_worker_killed),
        TEST(test_kept),
        TEST(test_kept_dlv_changes),
        TEST(test_kept_login),
        TEST(test_alone),
        TEST(test_in_session),
        TEST(test_values),
        TEST(test_goenv_file),
        TEST(test_cache_facts),
        TEST(test_full_cache),
        TEST(test_closed_cache),
        TEST(test_module),
        TEST(test_directory),
        TEST(test_workspace),
        TEST(test_workspace_bounds),
        TEST(test_alone_missing),
        TEST(test_alone_failing),
        TEST(test_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
