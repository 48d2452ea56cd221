/* What dead supervisors have left: real ones that claim a directory, start dlv and others, and are killed. */
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
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dap/buf.h"
#include "proxy/supervisor/cleanup.h"
#include "proxy/supervisor/directory.h"
#include "proxy/supervisor/file.h"
#include "proxy/supervisor/process.h"
#include "proxy/supervisor/remedy_parts.h"
#include "test/unit/test_directory.h"

enum { STEP_MS = 20, LIMIT_MS = 120 * 1000, HOURS_2 = 2 * 60 * 60, REPORT_MAX = 64 * 1024 };

static char shared[SUPERVISOR_PATH_MAX / 8]; /* of all tests: the built program */
static char inst[SUPERVISOR_PATH_MAX / 4];   /* of most tests: the dead one */
static char reported[REPORT_MAX];            /* lines of cleanup_others, pids of cleanup_instance */

static void make_dir(const char *path)
{
    char above[SUPERVISOR_PATH_MAX];
    (void)snprintf(above, sizeof above, "%s", path);
    for (char *slash = strchr(above + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(above, 0700);
        *slash = '/';
    }
    assert_true(mkdir(above, 0700) == 0 || errno == EEXIST);
}

static bool is_there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static void write_text(const char *path, const char *text)
{
    if (file_write(path, text) < 0)
        fail_msg("%s: %s", path, strerror(errno));
}

static void make_old(const char *path)
{
    struct timespec times[2] = {{.tv_sec = time(NULL) - HOURS_2}, {.tv_sec = time(NULL) - HOURS_2}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void add(const char *text)
{
    size_t len = strlen(reported);
    (void)snprintf(reported + len, sizeof reported - len, "%s\n", text);
}
static void report(void *arg, const char *text)
{
    (void)arg;
    add(text);
}
static void ended(void *arg, pid_t pid)
{
    char text[32];
    (void)arg;
    (void)snprintf(text, sizeof text, "pid %ld", (long)pid);
    add(text);
}

static bool has(const char *pattern)
{
    char *copy = strdup(reported), *rest = copy, *line = NULL;
    bool found = false;
    while ((line = strsep(&rest, "\n")) && !found)
        found = *line && fnmatch(pattern, line, 0) == 0;
    free(copy);
    return found;
}
static void expect(const char *pattern)
{
    if (!has(pattern))
        fail_msg("no line like '%s': %s", pattern, reported);
}

static int setup(void **state)
{
    (void)state;
    (void)snprintf(root, sizeof root, "/tmp/dgb.XXXXXX");
    assert_non_null(mkdtemp(root));
    (void)snprintf(inst, sizeof inst, "%s/home/.cache/delvegate/dead", root);
    make_dir(inst);
    make_dir(at("tmp"));
    unsetenv("XDG_CACHE_HOME");
    setenv("HOME", at("home"), 1);
    setenv("TMPDIR", at("tmp"), 1);
    reported[0] = '\0';
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return directory_remove(root);
}

/* --- a supervisor that dies --- */

static void wait_for(const char *path)
{
    for (int ms = 0; !is_there(path); ms += STEP_MS) {
        assert_true(ms < LIMIT_MS);
        (void)poll(NULL, 0, STEP_MS);
    }
}

static pid_t pid_in(const char *path)
{
    char text[64];
    wait_for(path);
    assert_int_equal(file_read(path, text, sizeof text), 0);
    return (pid_t)atoi(text);
}

static bool is_gone(pid_t pid)
{
    struct process p;
    return process_read(pid, &p) < 0 || p.state == 'Z';
}
static void expect_gone(pid_t pid)
{
    for (int ms = 0; !is_gone(pid); ms += STEP_MS) {
        if (ms >= LIMIT_MS)
            fail_msg("process %ld lives", (long)pid);
        (void)poll(NULL, 0, STEP_MS);
    }
}

/* Starts argv as run 1 of session 1, in a process session of its own; in the supervisor. */
static int start_run(char *const *argv)
{
    char path[SUPERVISOR_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/1/1/pid", inst);
    pid_t pid = fork();
    if (pid == 0) {
        int fd = open(at("output"), O_WRONLY | O_CREAT | O_APPEND, 0600), null = open("/dev/null", O_RDONLY);
        (void)setsid();
        if (dup2(null, 0) < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
            _exit(126);
        (void)execvp(argv[0], argv);
        _exit(127);
    }
    return process_write(path, pid);
}

/* A supervisor that has claimed the directory and, with argv, started a run. Returns its pid: it waits for SIGKILL. */
static pid_t supervisor(char *const *argv)
{
    int ready[2];
    char byte = 0;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (cleanup_claim(inst) != 0)
            _exit(1);
        make_dir(at("home/.cache/delvegate/dead/1/1"));
        if (argv && start_run(argv) < 0)
            _exit(1);
        if (write(ready[1], "r", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

static void kill_supervisor(pid_t pid)
{
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* --- with Delve --- */

static const char source[] = "package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n\t\"time\"\n)\n\nfunc main() {\n"
                             "\t_ = os.WriteFile(os.Getenv(\"UP\")+\".new\", []byte(fmt.Sprint(os.Getpid())), 0600)\n"
                             "\t_ = os.Rename(os.Getenv(\"UP\")+\".new\", os.Getenv(\"UP\"))\n"
                             "\tfor {\n\t\ttime.Sleep(time.Second)\n\t}\n}\n";

static bool build_program(void)
{
    char command[SUPERVISOR_PATH_MAX], path[SUPERVISOR_PATH_MAX / 4];
    (void)snprintf(path, sizeof path, "%s/main.go", shared);
    if (file_write(path, source) < 0)
        return false;
    (void)snprintf(
        command, sizeof command,
        "command -v dlv >/dev/null && cd '%s' && GOFLAGS= GO111MODULE=off go build -o prog main.go 2>/dev/null",
        shared);
    return system(command) == 0;
}

static int group_setup(void **state)
{
    (void)state;
    (void)snprintf(shared, sizeof shared, "/tmp/dgb.XXXXXX");
    return mkdtemp(shared) && build_program() ? 0 : -1;
}
static int group_teardown(void **state)
{
    (void)state;
    return directory_remove(shared);
}

static char *program(void)
{
    static char path[SUPERVISOR_PATH_MAX / 4];
    (void)snprintf(path, sizeof path, "%s/prog", shared);
    return path;
}

static void test_session(void **state)
{
    (void)state;
    char *argv[] = {"dlv",
                    "exec",
                    "--headless",
                    "--continue",
                    "--accept-multiclient",
                    "--api-version=2",
                    "--listen=127.0.0.1:0",
                    "--check-go-version=false",
                    program(),
                    NULL};
    setenv("UP", at("up"), 1);
    pid_t pid = supervisor(argv), prog = pid_in(at("up")), dlv = pid_in(at("home/.cache/delvegate/dead/1/1/pid"));
    cleanup_others(NULL, report, NULL);
    assert_string_equal(reported, "");
    assert_false(is_gone(prog));
    kill_supervisor(pid);
    assert_false(is_gone(prog));
    cleanup_others("/elsewhere", report, NULL);
    char line[2 * SUPERVISOR_PATH_MAX];
    (void)snprintf(line, sizeof line, "removed %s, left by a dead session; ended its processes*%ld*", inst, (long)dlv);
    expect(line);
    expect_gone(dlv);
    expect_gone(prog);
    assert_false(is_there(inst));
}

static pid_t start_program(void)
{
    setenv("UP", at("up"), 1);
    (void)fflush(NULL);
    pid_t prog = fork();
    if (prog == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)execl(program(), "prog", (char *)NULL);
        _exit(127);
    }
    assert_int_equal(pid_in(at("up")), prog);
    return prog;
}

static bool is_traced(pid_t pid)
{
    char path[64], text[8192];
    (void)snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    assert_int_equal(file_read(path, text, sizeof text), 0);
    return !strstr(text, "\nTracerPid:\t0\n");
}

static void test_attached(void **state)
{
    (void)state;
    struct process p;
    pid_t prog = start_program();
    char number[32];
    (void)snprintf(number, sizeof number, "%ld", (long)prog);
    char *argv[] = {"dlv",
                    "attach",
                    "--headless",
                    "--accept-multiclient",
                    "--api-version=2",
                    "--listen=127.0.0.1:0",
                    "--check-go-version=false",
                    number,
                    NULL};
    pid_t pid = supervisor(argv), dlv = pid_in(at("home/.cache/delvegate/dead/1/1/pid"));
    assert_int_equal(process_write(at("home/.cache/delvegate/dead/1/1/attach"), prog), 0);
    assert_int_equal(process_write(at("home/.cache/delvegate/dead/1/attached-%s", number), prog), 0);
    char text[REPORT_MAX] = "";
    /* It says that it listens before it attaches. */
    for (int ms = 0; !strstr(text, "API server listening at") || !is_traced(prog); ms += STEP_MS) {
        if (ms >= LIMIT_MS || is_gone(dlv)) {
            kill_supervisor(pid);
            (void)kill(prog, SIGKILL);
            (void)waitpid(prog, NULL, 0);
            if (strstr(text, "not permitted"))
                skip();
            fail_msg("dlv: %s", text);
        }
        (void)poll(NULL, 0, STEP_MS);
        if (file_read(at("output"), text, sizeof text) < 0)
            text[0] = '\0';
    }
    kill_supervisor(pid);
    assert_int_equal(cleanup_instance(inst, ended, NULL), 0);
    (void)snprintf(text, sizeof text, "pid %ld\n", (long)dlv);
    assert_string_equal(reported, text);
    expect_gone(dlv);
    assert_false(is_there(inst));
    assert_int_equal(process_read(prog, &p), 0);
    assert_false(is_traced(prog));
    assert_true(p.state != 'T' && p.state != 't');
    assert_int_equal(kill(prog, SIGKILL), 0);
    assert_int_equal(waitpid(prog, NULL, 0), prog);
}

/* A dlv that was killed in the middle of attaching. */
static void test_left_stopped(void **state)
{
    (void)state;
    struct process p;
    pid_t prog = start_program();
    char *argv[] = {"true", NULL};
    pid_t pid = supervisor(argv);
    assert_int_equal(process_write(at("home/.cache/delvegate/dead/1/attached-%ld", (long)prog), prog), 0);
    assert_int_equal(kill(prog, SIGSTOP), 0);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)prog, &info, WSTOPPED), 0);
    kill_supervisor(pid);
    assert_int_equal(cleanup_instance(inst, ended, NULL), 0);
    assert_int_equal(waitid(P_PID, (id_t)prog, &info, WCONTINUED), 0);
    assert_int_equal(process_read(prog, &p), 0);
    assert_int_equal(kill(prog, SIGKILL), 0);
    assert_int_equal(waitpid(prog, NULL, 0), prog);
}

/* --- others --- */

/* One that does not end by SIGTERM, and what has left its process group. */
static void test_stubborn(void **state)
{
    (void)state;
    char *argv[] = {
        "sh", "-c",
        "trap '' TERM; timeout 1000 sleep 1000 & echo $! >\"$HOME/group\"; echo up >\"$HOME/up\"; while :; do "
        "sleep 1; done",
        NULL};
    pid_t pid = supervisor(argv), run = pid_in(at("home/.cache/delvegate/dead/1/1/pid"));
    wait_for(at("home/up"));
    pid_t other = pid_in(at("home/group"));
    kill_supervisor(pid);
    assert_int_equal(cleanup_instance(inst, ended, NULL), 0);
    char text[64];
    (void)snprintf(text, sizeof text, "pid %ld", (long)run);
    expect(text);
    (void)snprintf(text, sizeof text, "pid %ld", (long)other);
    expect(text);
    assert_true(is_gone(run) && is_gone(other));
    assert_false(is_there(inst));
}

/* The first process of a run has ended, what it started has not. */
static void test_leader_gone(void **state)
{
    (void)state;
    char *argv[] = {"sh", "-c", "sleep 1000 & echo $! >\"$HOME/left\"; exec true", NULL};
    pid_t pid = supervisor(argv), run = pid_in(at("home/.cache/delvegate/dead/1/1/pid"));
    pid_t left = pid_in(at("home/left"));
    kill_supervisor(pid);
    expect_gone(run);
    assert_false(is_gone(left));
    assert_int_equal(cleanup_instance(inst, ended, NULL), 0);
    assert_true(is_gone(left));
}

/* Numbers that are somebody else's by now: this very test's. */
static void test_numbers_given_again(void **state)
{
    (void)state;
    char text[64];
    kill_supervisor(supervisor(NULL));
    (void)snprintf(text, sizeof text, "%ld 1\n", (long)getpid());
    write_text(at("home/.cache/delvegate/dead/supervisor"), text);
    write_text(at("home/.cache/delvegate/dead/1/1/pid"), text);
    make_dir(at("home/.cache/delvegate/dead/1/2"));
    (void)snprintf(text, sizeof text, "%ld 1\n", (long)getsid(0));
    write_text(at("home/.cache/delvegate/dead/1/2/pid"), text);
    write_text(at("home/.cache/delvegate/dead/1/attached-1"), text);
    assert_int_equal(cleanup_instance(inst, ended, NULL), 0);
    assert_string_equal(reported, "");
    assert_false(is_there(inst));
}

/* Another machine's, or another container's with the same home: numbers mean nothing. */
static void test_foreign(void **state)
{
    (void)state;
    char host[1024], foreign[2048];
    char *argv[] = {"sleep", "1000", NULL};
    pid_t pid = supervisor(argv), run = pid_in(at("home/.cache/delvegate/dead/1/1/pid"));
    assert_int_equal(file_read(at("home/.cache/delvegate/dead/host"), host, sizeof host), 0);
    kill_supervisor(pid);
    (void)snprintf(foreign, sizeof foreign, "%.*s pid:[1]%s", (int)strcspn(host, " "), host, strchr(host, '\n'));
    const char *const hosts[] = {foreign, "0000 pid:[1]\nother-id other-name\n"};
    for (size_t i = 0; i < 2; i++) {
        write_text(at("home/.cache/delvegate/dead/host"), hosts[i]);
        cleanup_others(NULL, report, NULL);
        make_old(inst);
        cleanup_others(NULL, report, NULL); /* its supervisor has touched host */
        assert_string_equal(reported, "");
    }
    make_old(at("home/.cache/delvegate/dead/host"));
    assert_int_equal(cleanup_touch(inst), 0);
    cleanup_others(NULL, report, NULL);
    assert_string_equal(reported, "");
    make_old(at("home/.cache/delvegate/dead/host"));
    make_old(inst);
    cleanup_others(NULL, report, NULL);
    expect("removed */dead, left by a dead session");
    assert_false(is_there(inst));
    assert_false(is_gone(run));
    assert_int_equal(kill(run, SIGKILL), 0);
}

static void test_rebooted(void **state)
{
    (void)state;
    char host[1024], earlier[2048], id[256];
    char *argv[] = {"sleep", "1000", NULL};
    if (file_read("/etc/machine-id", id, sizeof id) < 0 || !*id)
        skip();
    pid_t pid = supervisor(argv), run = pid_in(at("home/.cache/delvegate/dead/1/1/pid"));
    assert_int_equal(file_read(at("home/.cache/delvegate/dead/host"), host, sizeof host), 0);
    (void)snprintf(earlier, sizeof earlier, "0000 pid:[1]%s", strchr(host, '\n'));
    write_text(at("home/.cache/delvegate/dead/host"), earlier);
    kill_supervisor(pid);
    cleanup_others(NULL, report, NULL);
    expect("removed */dead, left by a dead session");
    assert_false(is_there(inst));
    assert_false(is_gone(run));
    assert_int_equal(kill(run, SIGKILL), 0);
}

/* --- bases --- */

static void make_bases(const char *base)
{
    static const char *const dirs[] = {"dead/1/1", "unwritten",  "empty", "young",
                                       "foreign",  "foreignold", "bin",   "strange"};
    char path[SUPERVISOR_PATH_MAX];
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
        make_dir(at("%s/%s", base, dirs[i]));
    write_text(at("%s/dead/supervisor", base), "1 1\n");
    (void)snprintf(path, sizeof path, "cp %s/home/.cache/delvegate/dead/host %s/%s/dead/host 2>/dev/null || :", root,
                   root, base);
    assert_int_equal(system(path), 0);
    write_text(at("%s/unwritten/supervisor", base), "");
    write_text(at("%s/strange/file", base), "");
    const char *const foreign[] = {"foreign", "foreignold"};
    for (size_t i = 0; i < 2; i++) {
        write_text(at("%s/%s/supervisor", base, foreign[i]), "1 1\n");
        write_text(at("%s/%s/host", base, foreign[i]), "another pid:[1]\nid machine\n");
    }
    write_text(at("%s/a-file", base), "");
    assert_int_equal(symlink(at("elsewhere"), at("%s/link", base)), 0);
    const char *const old[] = {"unwritten", "empty", "foreignold/host", "foreignold",
                               "a-file",    "bin",   "strange",         "foreign"};
    for (size_t i = 0; i < sizeof old / sizeof *old; i++)
        make_old(at("%s/%s", base, old[i]));
}

static void test_bases(void **state)
{
    (void)state;
    char tmp[64], name[SUPERVISOR_PATH_MAX];
    static const char *const left[] = {"young", "foreign", "bin", "strange", "a-file", "link"};
    static const char *const gone[] = {"dead", "unwritten", "empty", "foreignold"};
    (void)snprintf(tmp, sizeof tmp, "tmp/delvegate-%lu", (unsigned long)getuid());
    const char *const bases[] = {"home/.cache/delvegate", "home/.delvegate", "cache/delvegate", tmp};
    setenv("XDG_CACHE_HOME", at("cache"), 1);
    make_dir(at("elsewhere/kept"));
    kill_supervisor(supervisor(NULL));
    for (size_t b = 0; b < sizeof bases / sizeof *bases; b++)
        make_bases(bases[b]);
    cleanup_others(NULL, report, NULL);
    size_t lines = 0;
    for (const char *c = reported; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 16);
    for (size_t b = 0; b < sizeof bases / sizeof *bases; b++) {
        for (size_t i = 0; i < sizeof left / sizeof *left; i++)
            if (!is_there(at("%s/%s", bases[b], left[i])))
                fail_msg("%s/%s is gone", bases[b], left[i]);
        for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
            assert_false(is_there(at("%s/%s", bases[b], gone[i])));
            (void)snprintf(name, sizeof name, "removed %s, left by a dead session", at("%s/%s", bases[b], gone[i]));
            expect(name);
        }
    }
    assert_true(is_there(at("elsewhere/kept")));
}

/* A directory that anyone may write, or a link, is nobody's. */
static void test_shared(void **state)
{
    (void)state;
    kill_supervisor(supervisor(NULL));
    assert_int_equal(chmod(at("home/.cache/delvegate"), 0777), 0);
    make_dir(at("home/real"));
    assert_int_equal(symlink("real", at("home/.delvegate")), 0);
    make_dir(at("home/real/dead"));
    write_text(at("home/real/dead/supervisor"), "1 1\n");
    cleanup_others(NULL, report, NULL);
    assert_string_equal(reported, "");
    assert_true(is_there(inst) && is_there(at("home/real/dead")));
    assert_int_equal(chmod(at("home/.cache/delvegate"), 0700), 0);
    cleanup_others(NULL, report, NULL);
    expect("removed *");
}

static void test_own(void **state)
{
    (void)state;
    kill_supervisor(supervisor(NULL));
    cleanup_others(inst, report, NULL);
    assert_string_equal(reported, "");
    assert_true(is_there(inst));
}

/* --- what a remedy has moved aside --- */

static void test_aside(void **state)
{
    (void)state;
    kill_supervisor(supervisor(NULL));
    make_dir(at("mod/cache"));
    make_dir(at("mod/tree@v1"));
    write_text(at("mod/tree@v1/file"), "kept");
    assert_int_equal(chmod(at("mod/tree@v1"), 0555), 0);
    const struct remedy_aside list[] = {{.name = "tree", .path = at("mod/tree@v1")}};
    assert_int_equal(remedy_aside(at("home/.cache/delvegate/dead/1"), at("mod"), list, 1), 0);
    assert_false(is_there(at("mod/tree@v1")));
    assert_int_equal(cleanup_instance(inst, NULL, NULL), 0);
    assert_true(is_there(at("mod/tree@v1/file")));
    assert_false(is_there(inst));
}

/* What can't be put back is not removed with the rest, nor without a word. */
static void test_aside_fails(void **state)
{
    (void)state;
    kill_supervisor(supervisor(NULL));
    make_dir(at("mod/cache"));
    make_dir(at("mod/deep/tree"));
    const struct remedy_aside list[] = {{.name = "tree", .path = at("mod/deep/tree")}};
    assert_int_equal(remedy_aside(at("home/.cache/delvegate/dead/1"), at("mod"), list, 1), 0);
    assert_int_equal(rmdir(at("mod/deep")), 0);
    make_dir(at("home/.cache/delvegate/dead/2"));
    cleanup_others(NULL, report, NULL);
    expect("files that a remedy of a dead session had moved aside could not be put back (No such file or directory); "
           "they are listed in */dead");
    assert_true(is_there(at("home/.cache/delvegate/dead/1/aside")));
    assert_false(is_there(at("home/.cache/delvegate/dead/2")));
    make_dir(at("mod/deep"));
    cleanup_others(NULL, report, NULL);
    assert_true(is_there(at("mod/deep/tree")));
    assert_false(is_there(inst));
}

/* --- who comes at the same time --- */

static void test_one_at_a_time(void **state)
{
    (void)state;
    kill_supervisor(supervisor(NULL));
    int fd = open(inst, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    cleanup_others(NULL, report, NULL);
    assert_string_equal(reported, "");
    assert_true(is_there(inst));
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0 && close(fd) == 0)
        _exit(cleanup_instance(inst, NULL, NULL) == 0 && !is_there(inst) ? 0 : 1);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
    close(fd);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* A new supervisor in the directory of a dead one ends what that had, and the old one's warden touches nothing. */
static void test_claim(void **state)
{
    (void)state;
    char *argv[] = {"sleep", "1000", NULL};
    pid_t old = supervisor(argv), run = pid_in(at("home/.cache/delvegate/dead/1/1/pid"));
    assert_int_equal(cleanup_claim(inst), 1);
    write_text(at("home/.cache/delvegate/dead/lock"), "");
    write_text(at("home/.cache/delvegate/dead/1/rest"), "");
    kill_supervisor(old);
    pid_t new = supervisor(NULL);
    expect_gone(run);
    assert_false(is_there(at("home/.cache/delvegate/dead/1/rest")));
    assert_true(is_there(at("home/.cache/delvegate/dead/lock")));
    assert_int_equal(cleanup_instance(inst, ended, NULL), 0);
    assert_string_equal(reported, "");
    assert_true(is_there(at("home/.cache/delvegate/dead/supervisor")));
    kill_supervisor(new);
    assert_int_equal(cleanup_instance(inst, ended, NULL), 0);
    assert_false(is_there(inst));
    assert_int_equal(cleanup_claim(inst), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(cleanup_instance(inst, ended, NULL), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_session),     TEST(test_attached),      TEST(test_left_stopped),
        TEST(test_stubborn),    TEST(test_leader_gone),   TEST(test_numbers_given_again),
        TEST(test_foreign),     TEST(test_rebooted),      TEST(test_bases),
        TEST(test_shared),      TEST(test_own),           TEST(test_aside),
        TEST(test_aside_fails), TEST(test_one_at_a_time), TEST(test_claim),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
