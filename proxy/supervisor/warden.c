#include "proxy/supervisor/warden.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/supervisor/cleanup.h"
#include "proxy/supervisor/file.h"

enum { FAILED_STATUS = 1 };

static volatile sig_atomic_t supervisor;

/* Who ends the warden means the supervisor, which ends in order; the warden stays to see to it. */
static void pass_on(int signal)
{
    int error = errno;
    if (supervisor > 0)
        (void)kill((pid_t)supervisor, signal);
    errno = error;
}

static const int passed_on[] = {SIGTERM, SIGINT, SIGHUP};
enum { PASSED_ON = sizeof passed_on / sizeof *passed_on };

static void take_signals(struct sigaction before[PASSED_ON])
{
    struct sigaction action = {.sa_handler = pass_on, .sa_flags = SA_RESTART};
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < PASSED_ON; i++)
        (void)sigaction(passed_on[i], &action, &before[i]);
}

static void give_signals_back(const struct sigaction before[PASSED_ON])
{
    for (size_t i = 0; i < PASSED_ON; i++)
        (void)sigaction(passed_on[i], &before[i], NULL);
}

/* The standard ones become /dev/null, so that what is opened later is not taken for one of them. */
static void drop_descriptors(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (null >= 0 && null != fd)
            (void)dup2(null, fd);
    file_close_from(STDERR_FILENO + 1, NULL, 0);
}

/* Reaps whatever ends, up to the supervisor. Returns its wait status; -1 when it is no child. */
static int wait_supervisor(pid_t pid)
{
    int status = 0;
    for (;;) {
        pid_t ended = waitpid(-1, &status, 0);
        if (ended == pid)
            return status;
        if (ended < 0 && errno != EINTR)
            return -1;
    }
}

static void reap_rest(void)
{
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

int warden_run(const char *dir, int (*work)(void *arg), void *arg)
{
    struct sigaction before[PASSED_ON];
    sigset_t all, mask;
    pid_t pid;
    int status;
    /* Where that can't be, what the supervisor leaves goes to init; the next start sweeps. */
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, &mask);
    take_signals(before);
    pid = fork();
    if (pid <= 0) {
        give_signals_back(before);
        (void)sigprocmask(SIG_SETMASK, &mask, NULL);
        if (pid == 0)
            exit(work(arg));
        return FAILED_STATUS;
    }
    supervisor = pid;
    (void)sigprocmask(SIG_SETMASK, &mask, NULL);
    drop_descriptors();
    status = wait_supervisor(pid);
    supervisor = 0;
    if (status == 0)
        return 0;
    (void)cleanup_instance(dir, NULL, NULL);
    reap_rest();
    if (status == -1)
        return FAILED_STATUS;
    return WIFEXITED(status) ? WEXITSTATUS(status) : SUPERVISOR_SIGNAL_STATUS + WTERMSIG(status);
}
