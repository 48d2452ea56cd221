#include "proxy/supervisor/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/supervisor/file.h"
#include "proxy/supervisor/run_private.h"

static unsigned short bounded(unsigned n)
{
    return (unsigned short)(n > USHRT_MAX ? USHRT_MAX : n);
}

static int open_slave(struct pty *p)
{
    if (grantpt(p->master) < 0 || unlockpt(p->master) < 0)
        return -1;
    int why = ptsname_r(p->master, p->path, sizeof p->path);
    if (why != 0) {
        errno = why > 0 ? why : errno;
        return -1;
    }
    p->slave = open(p->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    return p->slave < 0 ? -1 : 0;
}

int pty_open(struct pty *p, unsigned rows, unsigned columns)
{
    *p = (struct pty){.master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), .slave = -1};
    if (p->master < 0)
        return -1;
    if (open_slave(p) < 0) {
        int why = errno;
        pty_close(p);
        errno = why;
        return -1;
    }
    pty_size(p, rows, columns);
    return 0;
}

void pty_close(struct pty *p)
{
    run_close(&p->master);
    run_close(&p->slave);
}

void pty_size(const struct pty *p, unsigned rows, unsigned columns)
{
    struct winsize size = {.ws_row = bounded(rows), .ws_col = bounded(columns)};
    if (p->master >= 0)
        (void)ioctl(p->master, TIOCSWINSZ, &size);
}

pid_t pty_foreground(const struct pty *p)
{
    pid_t group = 0;
    return p->master >= 0 && ioctl(p->master, TIOCGPGRP, &group) == 0 && group > 0 ? group : 0;
}

/* --- the leader --- */

static volatile sig_atomic_t led;

static void pass_on(int signal)
{
    int why = errno;
    (void)kill((pid_t)led, signal);
    errno = why;
}

/* What the terminal sends is for the program, and the master's end is not the leader's. */
static void leader_signals(void)
{
    static const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU};
    struct sigaction act = {.sa_handler = SIG_IGN};
    sigset_t none;
    (void)sigemptyset(&act.sa_mask);
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        (void)sigaction(ignored[i], &act, NULL);
    act.sa_handler = pass_on;
    (void)sigaction(SIGTERM, &act, NULL);
    (void)sigaction(SIGCONT, &act, NULL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void lead(pid_t child)
{
    int status;
    led = child;
    leader_signals();
    file_close_from(0, NULL, 0);
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            _exit(EXIT_FAILURE);
    _exit(WIFSIGNALED(status) ? SUPERVISOR_SIGNAL_STATUS + WTERMSIG(status) : WEXITSTATUS(status));
}

int pty_lead(int slave, bool foreground)
{
    if (ioctl(slave, TIOCSCTTY, 0) < 0)
        return -1;
    pid_t child = fork();
    if (child < 0)
        return -1;
    if (child > 0)
        lead(child);
    if (setpgid(0, 0) < 0)
        _exit(RUN_NOT_EXECUTABLE);
    /* SIGTTOU is blocked yet. */
    if (foreground && tcsetpgrp(slave, getpid()) < 0)
        _exit(RUN_NOT_EXECUTABLE);
    return 0;
}
