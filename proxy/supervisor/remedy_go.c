/* Remedies: the go command, without any descriptor of the supervisor's. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/supervisor/file.h"
#include "proxy/supervisor/remedy_parts.h"

enum {
    GO_ARGS_MAX = 16384, /* arguments of one call */
    GO_NOT_STARTED = 127
};

/* Finds go in an absolute directory of PATH. Returns -1 when it is not there. */
static int find_go(char *path)
{
    for (const char *p = getenv("PATH"); p && *p;) {
        size_t len = strcspn(p, ":");
        if (*p == '/' && len < SUPERVISOR_PATH_MAX - sizeof "/go") {
            remedy_path(path, "%.*s/go", (int)len, p);
            if (access(path, X_OK) == 0)
                return 0;
        }
        p += len + (p[len] == ':');
    }
    return -1;
}

/* Makes `to` what fd is; /dev/null for REMEDY_QUIET. */
static void redirect_fd(int fd, int to)
{
    int from = fd == REMEDY_QUIET ? open("/dev/null", O_RDWR | O_CLOEXEC) : fd;
    if (from < 0 || (from != to && dup2(from, to) < 0))
        _exit(GO_NOT_STARTED);
}

static void become_go(const struct remedy_go *go, const char *path, char *const *argv)
{
    /* In this order neither is overwritten before it is used: out may be our stderr. */
    int err = go->err == REMEDY_QUIET ? REMEDY_QUIET : fcntl(go->err, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    redirect_fd(REMEDY_QUIET, STDIN_FILENO);
    redirect_fd(go->out, STDOUT_FILENO);
    redirect_fd(err, STDERR_FILENO);
    file_close_from(STDERR_FILENO + 1, NULL, 0);
    for (char *const *e = go->env; e && *e; e++)
        (void)putenv(*e);
    if (go->dir && chdir(go->dir) < 0) {
        (void)dprintf(STDERR_FILENO, "%s on the Go machine: %s\n", go->dir, strerror(errno));
        _exit(GO_NOT_STARTED);
    }
    (void)execv(path, argv);
    (void)dprintf(STDERR_FILENO, "%s on the Go machine could not be started: %s\n", path, strerror(errno));
    _exit(GO_NOT_STARTED);
}

static char **whole_argv(const struct remedy_go *go)
{
    size_t n = 0;
    while (n < GO_ARGS_MAX && go->argv[n])
        n++;
    char **argv = go->argv[n] ? NULL : calloc(n + 2, sizeof *argv);
    if (!argv)
        return NULL;
    static char name[] = "go";
    argv[0] = name;
    for (size_t i = 0; i < n; i++)
        argv[i + 1] = (char *)(uintptr_t)go->argv[i]; /* execv takes them as they are */
    return argv;
}

/* Returns -1 with a message when there is no process. */
static pid_t start(const struct remedy_go *go)
{
    char path[SUPERVISOR_PATH_MAX];
    if (find_go(path) < 0) {
        const char *search = getenv("PATH");
        remedy_say("there is no go command in PATH (%s) on the Go machine", search ? search : "");
        return -1;
    }
    char **argv = whole_argv(go);
    pid_t pid = argv ? fork() : -1;
    if (pid == 0)
        become_go(go, path, argv);
    if (pid < 0)
        remedy_say("%s on the Go machine could not be started: %s", path, argv ? strerror(errno) : strerror(E2BIG));
    free(argv);
    return pid;
}

static int finish(pid_t pid)
{
    int status;
    if (pid < 0)
        return GO_NOT_STARTED;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return GO_NOT_STARTED;
    return WIFSIGNALED(status) ? SUPERVISOR_SIGNAL_STATUS + WTERMSIG(status) : WEXITSTATUS(status);
}

int remedy_go(const struct remedy_go *go)
{
    return finish(start(go));
}

int remedy_go_plain(const char *const *argv)
{
    return remedy_go(&(struct remedy_go){.argv = argv, .out = STDOUT_FILENO, .err = STDERR_FILENO});
}

/* Reads what go prints to the end of the pipe, of which the writing end is given to it. */
static int read_go(const struct remedy_go *go, const int *ends, struct buf *out)
{
    pid_t pid = start(go);
    (void)close(ends[1]);
    char chunk[REMEDY_CHUNK];
    ssize_t n = 0;
    /* To the end, also of what does not fit: go must not wait for us. */
    while (pid > 0 && ((n = read(ends[0], chunk, sizeof chunk)) > 0 || (n < 0 && errno == EINTR)))
        if (n > 0)
            buf_append(out, chunk, (size_t)n);
    (void)close(ends[0]);
    return finish(pid);
}

static int make_pipe(int *ends)
{
    if (pipe2(ends, O_CLOEXEC) == 0)
        return 0;
    remedy_say("go on the Go machine could not be started: %s", strerror(errno));
    return -1;
}

int remedy_go_read(const struct remedy_go *go, struct buf *out)
{
    int ends[2];
    struct remedy_go call = *go;
    if (make_pipe(ends) < 0)
        return GO_NOT_STARTED;
    call.out = ends[1];
    return read_go(&call, ends, out);
}

int remedy_go_stderr(const struct remedy_go *go, struct buf *out)
{
    int ends[2];
    struct remedy_go call = *go;
    if (make_pipe(ends) < 0)
        return GO_NOT_STARTED;
    call.out = REMEDY_QUIET;
    call.err = ends[1];
    return read_go(&call, ends, out);
}
