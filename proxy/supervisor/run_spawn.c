/* From the fork to what is run. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proxy/supervisor/directory.h"
#include "proxy/supervisor/file.h"
#include "proxy/supervisor/inspect.h"
#include "proxy/supervisor/process.h"
#include "proxy/supervisor/remedy.h"
#include "proxy/supervisor/run_private.h"

enum {
    FIRST_FREE = 10, /* of descriptors, while the standard ones are set */
    STANDARD = 3,
    DECIMAL = 10,
    NAME_SIZE = 64,
    SIGNALS = 64, /* that the kernel knows */
    BYTE_BITS = 8,
    ACTION_WORDS = 16 /* at least what the kernel's struct sigaction takes */
};

/* The child's own. */
struct child_setup {
    const struct run *run;
    const struct order *order;
    int text, notes; /* close-on-exec */
    char **env;
};

static void block_signals(sigset_t *old)
{
    sigset_t all;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, old);
}

/* The libc's own signals, which it lets nobody touch: glibc's posix_spawn leaves them ignored in its children. To the
 * kernel an action that is all zero is the default, whatever the layout. */
static void default_own(int signal)
{
    static const unsigned long zero[ACTION_WORDS];
    (void)syscall(SYS_rt_sigaction, signal, zero, NULL, SIGNALS / BYTE_BITS);
}

static void default_signals(void)
{
    struct sigaction act = {.sa_handler = SIG_DFL};
    (void)sigemptyset(&act.sa_mask);
    for (int signal = 1; signal <= SIGNALS; signal++)
        if (sigaction(signal, &act, NULL) < 0)
            default_own(signal);
}

static void unblock_signals(void)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* --- descriptors --- */

/* A copy above the standard ones. */
static int above(int fd)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE);
}

static void redirect(struct child_setup *b)
{
    const struct run *r = b->run;
    int text = above(r->streams[RUN_TEXT].hold), notes = above(r->notes_write);
    int slave = r->pty.slave >= 0 ? above(r->pty.slave) : -1;
    int input = slave >= 0           ? slave
                : r->stdin_read >= 0 ? above(r->stdin_read)
                                     : above(open("/dev/null", O_RDONLY | O_CLOEXEC));
    int out = text, err = text;
    if (r->what == RUN_COMMAND && slave >= 0) {
        out = err = slave;
    } else if (r->has_streams) {
        out = above(r->streams[RUN_OUT].hold);
        err = above(r->streams[RUN_ERR].hold);
    }
    if (dup2(input, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0 || text < 0 ||
        notes < 0)
        _exit(RUN_NOT_EXECUTABLE);
    file_close_from(STANDARD, (int[]){text, notes}, 2);
    b->text = text;
    b->notes = notes;
}

/* --- what has to be there --- */

static const char *path_error(const char *path, bool directory)
{
    struct stat st;
    if (stat(path, &st) == 0) {
        if (!directory)
            return NULL;
        return !S_ISDIR(st.st_mode) ? "notdir" : access(path, X_OK) < 0 ? "closed" : NULL;
    }
    return errno == EACCES ? "closed" : "missing";
}

static void need(const struct child_setup *b, const char *path, bool directory)
{
    const char *why = path_error(path, directory);
    if (!why)
        return;
    worker_say(b->notes, ORDER_PATH_ERROR, why, path);
    _exit(RUN_NOT_EXECUTABLE);
}

static void enter(const struct child_setup *b)
{
    const char *home = run_getenv(session_environ(b->run->session), "HOME");
    const char *cwd = order_get(b->order, ORDER_CWD);
    if (!home || *home != '/')
        home = "/";
    if (!cwd)
        cwd = home;
    /* A relative one counts from there. */
    if (*cwd != '/' && chdir(home) < 0)
        need(b, home, true);
    need(b, cwd, true);
    if (chdir(cwd) == 0)
        return;
    worker_say(b->notes, ORDER_PATH_ERROR, "closed", cwd);
    _exit(RUN_NOT_EXECUTABLE);
}

static void check_needs(const struct child_setup *b)
{
    struct order_field field;
    for (size_t at = 0; order_next(b->order, &at, &field);)
        if (field.key == ORDER_NEED || field.key == ORDER_NEEDDIR)
            need(b, field.value, field.key == ORDER_NEEDDIR);
}

/* --- its files --- */

static _Noreturn void fail_file(const struct child_setup *b, const char *path)
{
    char *text = NULL;
    if (asprintf(&text, "%s could not be written on the Go machine: %s; is its disk full?", path, strerror(errno)) > 0)
        worker_say(b->notes, ORDER_ERROR, "disk", text);
    _exit(RUN_NOT_EXECUTABLE);
}

/* Before anything else: from now on whoever finds the file can end what comes. */
static void write_pid(const struct child_setup *b)
{
    char path[SUPERVISOR_PATH_MAX];
    if (run_path(b->run, path, "pid") < 0 || process_write(path, getpid()) < 0)
        fail_file(b, path);
}

/* Who is attached to. That it is gone already is for Delve to say. */
static void write_attached(const struct child_setup *b)
{
    char name[NAME_SIZE], path[SUPERVISOR_PATH_MAX];
    pid_t pid = b->run->attached;
    struct process p;
    if (pid <= 0 || process_read(pid, &p) < 0)
        return;
    if (run_path(b->run, path, "attach") < 0 || process_write(path, pid) < 0)
        fail_file(b, path);
    (void)snprintf(name, sizeof name, "attached-%ld", (long)pid);
    if (run_session_path(b->run, path, name) < 0)
        fail_file(b, path);
    if (access(path, F_OK) < 0 && process_write(path, pid) < 0)
        fail_file(b, path);
}

/* GOTMPDIR: a build that was killed has left there what it had. */
static void make_tmp(const struct child_setup *b)
{
    char path[SUPERVISOR_PATH_MAX];
    if (run_session_path(b->run, path, "tmp") < 0)
        fail_file(b, b->run->dir);
    (void)directory_remove(path);
    if (directory_make(b->run->dir, "tmp", path) < 0)
        fail_file(b, path);
}

/* --- what is run --- */

static char *argument(const struct child_setup *b, const struct order_field *field)
{
    char *text = NULL;
    if (strlen(field->value) != field->len) {
        (void)dprintf(b->text, "an argument with a NUL byte can't be given to a program\n");
        _exit(RUN_NOT_EXECUTABLE);
    }
    if (field->key == ORDER_ARG)
        return (char *)(uintptr_t)field->value;
    if (asprintf(&text, "%s%s", field->value, b->run->pty.path) < 0)
        _exit(RUN_NOT_EXECUTABLE);
    return text;
}

/* argv; dlv comes first in its own. */
static char **arguments(const struct child_setup *b, size_t *count)
{
    struct order_field field;
    size_t n = 0, room = 2;
    for (size_t at = 0; order_next(b->order, &at, &field);)
        room++;
    char **argv = calloc(room, sizeof *argv);
    if (!argv)
        _exit(RUN_NOT_EXECUTABLE);
    if (b->run->what == RUN_DLV)
        argv[n++] = session_tools(b->run->session)->dlv;
    for (size_t at = 0; order_next(b->order, &at, &field);)
        if (field.key == ORDER_ARG || field.key == ORDER_ARG_PTY)
            argv[n++] = argument(b, &field);
    *count = n;
    return argv;
}

static _Noreturn void fail_exec(const struct child_setup *b, const char *program)
{
    int why = errno;
    if (why == E2BIG)
        (void)dprintf(b->text,
                      "%s could not be started on the Go machine: its arguments and environment are larger than "
                      "the system allows; make env, envFile or args smaller\n",
                      program);
    else
        (void)dprintf(b->text, "%s could not be started on the Go machine: %s%s\n", program, strerror(why),
                      b->run->what == RUN_DLV ? "; check delve.path" : "");
    _exit(why == ENOENT ? RUN_NOT_FOUND : RUN_NOT_EXECUTABLE);
}

/* A script that names no interpreter is sh's. */
static void exec_script(const struct child_setup *b, char *program, char **argv, size_t count)
{
    char **script = calloc(count + 2, sizeof *script);
    if (!script)
        return;
    script[0] = (char[]){"sh"};
    script[1] = program;
    for (size_t i = 1; i < count; i++)
        script[i + 1] = argv[i];
    (void)execve("/bin/sh", script, b->env);
    free(script);
}

static _Noreturn void exec_program(const struct child_setup *b, char **argv, size_t count)
{
    char found[SUPERVISOR_PATH_MAX], *program = argv[0];
    const char *path = run_getenv(b->env, "PATH");
    if (count == 0) {
        (void)dprintf(b->text, "there is no command to run\n");
        _exit(RUN_NOT_FOUND);
    }
    if (!strchr(program, '/')) {
        if (!run_which(program, path, found)) {
            (void)dprintf(b->text, "%s: not found on the Go machine in PATH (%s)\n", program, path ? path : "");
            _exit(RUN_NOT_FOUND);
        }
        program = found;
    }
    (void)execve(program, argv, b->env);
    if (errno == ENOEXEC)
        exec_script(b, program, argv, count);
    fail_exec(b, argv[0]);
}

static _Noreturn void do_remedy(const struct child_setup *b, char **argv, size_t count)
{
    environ = b->env;
    (void)close(b->text);
    int status = remedy_main((int)count, argv, b->run->dir, b->notes);
    (void)fflush(NULL);
    _exit(status);
}

static _Noreturn void do_inspect(const struct child_setup *b, char **argv, size_t count)
{
    environ = b->env;
    _exit(inspect_main((int)count, argv, b->notes));
}

static _Noreturn void become_child(struct child_setup *b)
{
    const struct run *r = b->run;
    size_t count;
    loop_in_child();
    block_signals(NULL);
    default_signals();
    (void)setsid();
    redirect(b);
    loop_few_files();
    write_pid(b);
    if (r->pty.master >= 0 && pty_lead(STDIN_FILENO, r->what != RUN_DLV) < 0) {
        (void)dprintf(b->text, "no terminal for the program on the Go machine: %s\n", strerror(errno));
        _exit(RUN_NOT_EXECUTABLE);
    }
    unblock_signals();
    write_attached(b);
    enter(b);
    check_needs(b);
    make_tmp(b);
    b->env = run_environment(r, b->order, b->notes);
    if (!b->env)
        _exit(RUN_NOT_EXECUTABLE);
    char **argv = arguments(b, &count);
    if (r->what == RUN_REMEDY)
        do_remedy(b, argv, count);
    if (r->what == RUN_INSPECT)
        do_inspect(b, argv, count);
    exec_program(b, argv, count);
}

int run_spawn(struct run *r, const struct order *o)
{
    struct child_setup b = {.run = r, .order = o, .text = -1, .notes = -1};
    sigset_t old;
    /* What is sent to it in its first moments finds it with default signals. */
    block_signals(&old);
    pid_t pid = fork();
    if (pid == 0)
        become_child(&b);
    int why = errno;
    (void)sigprocmask(SIG_SETMASK, &old, NULL);
    errno = why;
    if (pid < 0)
        return -1;
    r->pid = r->process_session = pid;
    return 0;
}
