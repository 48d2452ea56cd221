#include "proxy/supervisor/loop.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    FIRST_SLOTS = 32, /* for descriptors that are polled */
    RETRY_MS = 200,   /* after memory was short */
    MS_PER_SECOND = 1000,
    NS_PER_MS = 1000 * 1000,
    WAIT_MAX_MS = 24 * 60 * 60 * MS_PER_SECOND
};

struct caught {
    int signal;
    void (*came)(void *arg);
    void *arg;
    struct sigaction before;
};

static struct {
    struct watch *watches;
    struct alarm *alarms; /* the earliest first */
    struct child *children;

    struct pollfd *polled;
    struct watch **due; /* of each that is polled; NULL: it was taken out since */
    size_t slots;
    size_t count;

    struct caught caught[LOOP_SIGNALS];
    size_t caught_count;
    sigset_t mask_before;
    sigset_t mask_waiting;
    struct sigaction pipe_before;
    struct rlimit files_before; /* rlim_max 0: they stayed */

    bool over;
    int status;
} loop;

static volatile sig_atomic_t is_pending[NSIG];

static void on_signal(int signal)
{
    is_pending[signal] = 1;
}

/* --- Signals: they come only while it waits --- */

int loop_signal(int signal, void (*came)(void *arg), void *arg)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct caught *c = loop.caught;
    sigset_t mask;
    while (c < loop.caught + loop.caught_count && c->signal != signal)
        c++;
    if (c == loop.caught + LOOP_SIGNALS) {
        errno = ENOSPC;
        return -1;
    }
    if (c < loop.caught + loop.caught_count) {
        c->came = came;
        c->arg = arg;
        return 0;
    }
    *c = (struct caught){.signal = signal, .came = came, .arg = arg};
    (void)sigemptyset(&action.sa_mask);
    (void)sigemptyset(&mask);
    if (sigaddset(&mask, signal) < 0 || sigprocmask(SIG_BLOCK, &mask, NULL) < 0 ||
        sigaction(signal, &action, &c->before) < 0)
        return -1;
    (void)sigdelset(&loop.mask_waiting, signal);
    loop.caught_count++;
    return 0;
}

static struct child *take_child(pid_t pid)
{
    struct child **at = &loop.children;
    while (*at && (*at)->pid != pid)
        at = &(*at)->next;
    struct child *c = *at;
    if (c) {
        *at = c->next;
        c->on = false;
    }
    return c;
}

static void reap(void *arg)
{
    int status;
    pid_t pid;
    (void)arg;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct child *c = take_child(pid);
        if (c)
            c->ended(c->arg, WIFSIGNALED(status) ? SUPERVISOR_SIGNAL_STATUS + WTERMSIG(status) : WEXITSTATUS(status));
    }
}

/* The usual limit of 1024 is there for programs that use select(2), which those that are started may do. */
static void allow_many_files(void)
{
    struct rlimit most;
    if (getrlimit(RLIMIT_NOFILE, &most) < 0)
        return;
    loop.files_before = most;
    most.rlim_cur = most.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &most);
}

int loop_init(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigemptyset(&ignore.sa_mask);
    if (sigprocmask(SIG_SETMASK, NULL, &loop.mask_before) < 0 || sigaction(SIGPIPE, &ignore, &loop.pipe_before) < 0)
        return -1;
    loop.mask_waiting = loop.mask_before;
    allow_many_files();
    return loop_signal(SIGCHLD, reap, NULL);
}

void loop_in_child(void)
{
    for (size_t i = 0; i < loop.caught_count; i++)
        (void)sigaction(loop.caught[i].signal, &loop.caught[i].before, NULL);
    (void)sigaction(SIGPIPE, &loop.pipe_before, NULL);
    (void)sigprocmask(SIG_SETMASK, &loop.mask_before, NULL);
}

void loop_few_files(void)
{
    if (loop.files_before.rlim_max > 0)
        (void)setrlimit(RLIMIT_NOFILE, &loop.files_before);
}

static void call_signals(void)
{
    for (size_t i = 0; i < loop.caught_count; i++) {
        struct caught *c = &loop.caught[i];
        if (!is_pending[c->signal])
            continue;
        is_pending[c->signal] = 0;
        c->came(c->arg);
    }
}

/* --- Descriptors --- */

void loop_watch(struct watch *w)
{
    if (w->on)
        return;
    w->on = true;
    w->next = loop.watches;
    loop.watches = w;
}

void loop_unwatch(struct watch *w)
{
    struct watch **at = &loop.watches;
    if (!w->on)
        return;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    w->on = false;
    for (size_t i = 0; i < loop.count; i++)
        if (loop.due[i] == w)
            loop.due[i] = NULL;
}

/* Returns false when memory is short: then some have to wait for the next turn. */
static bool make_slots(size_t wanted)
{
    size_t slots = loop.slots ? loop.slots : FIRST_SLOTS;
    while (slots < wanted)
        slots *= 2;
    if (slots == loop.slots)
        return true;
    struct pollfd *polled = realloc(loop.polled, slots * sizeof *polled);
    if (!polled)
        return false;
    loop.polled = polled;
    struct watch **due = realloc(loop.due, slots * sizeof(struct watch *));
    if (!due)
        return false;
    loop.due = due;
    loop.slots = slots;
    return true;
}

static bool gather(void)
{
    size_t wanted = 0;
    for (struct watch *w = loop.watches; w; w = w->next)
        wanted++;
    bool all = make_slots(wanted);
    loop.count = 0;
    for (struct watch *w = loop.watches; w && loop.count < loop.slots; w = w->next) {
        loop.polled[loop.count] = (struct pollfd){.fd = w->fd, .events = w->events};
        loop.due[loop.count++] = w;
    }
    return all;
}

static void call_watches(void)
{
    for (size_t i = 0; i < loop.count; i++) {
        struct watch *w = loop.due[i];
        if (!w)
            continue;
        short happened = loop.polled[i].revents & (short)(w->events | POLLERR | POLLHUP | POLLNVAL);
        if (happened)
            w->ready(w->arg, happened);
    }
    loop.count = 0;
}

/* --- Time --- */

uint64_t loop_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * MS_PER_SECOND + (uint64_t)now.tv_nsec / NS_PER_MS;
}

void loop_disarm(struct alarm *a)
{
    struct alarm **at = &loop.alarms;
    if (!a->on)
        return;
    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
    a->on = false;
}

void loop_alarm(struct alarm *a, uint64_t in_ms)
{
    struct alarm **at = &loop.alarms;
    loop_disarm(a);
    a->at = loop_now() + in_ms;
    while (*at && (*at)->at <= a->at)
        at = &(*at)->next;
    a->next = *at;
    *at = a;
    a->on = true;
}

/* Those that are due now; what they set again rings in the next turn at the earliest. */
static void ring(void)
{
    struct alarm *due = loop.alarms;
    struct alarm **at = &loop.alarms;
    uint64_t now = loop_now();
    while (*at && (*at)->at <= now)
        at = &(*at)->next;
    size_t n = 0;
    for (struct alarm *a = due; a != *at; a = a->next)
        n++;
    while (n-- > 0 && loop.alarms && loop.alarms->at <= now) {
        struct alarm *a = loop.alarms;
        loop_disarm(a);
        a->ring(a->arg);
    }
}

/* --- The loop --- */

void loop_child(struct child *c)
{
    assert(!c->on);
    c->on = true;
    c->next = loop.children;
    loop.children = c;
}

void loop_forget(struct child *c)
{
    if (c->on)
        (void)take_child(c->pid);
}

/* Returns NULL for no end: nothing but a descriptor or a signal wakes it. */
static const struct timespec *wait_for(struct timespec *t, bool retry)
{
    uint64_t ms = WAIT_MAX_MS;
    uint64_t now = loop_now();
    if (!loop.alarms && !retry)
        return NULL;
    if (loop.alarms && loop.alarms->at < now + ms)
        ms = loop.alarms->at > now ? loop.alarms->at - now : 0;
    if (retry && ms > RETRY_MS)
        ms = RETRY_MS;
    *t = (struct timespec){.tv_sec = (time_t)(ms / MS_PER_SECOND), .tv_nsec = (long)(ms % MS_PER_SECOND) * NS_PER_MS};
    return t;
}

static void turn(void)
{
    struct timespec t;
    bool all = gather();
    int n = ppoll(loop.polled, loop.count, wait_for(&t, !all), &loop.mask_waiting);
    if (n <= 0)
        loop.count = 0;
    call_signals();
    ring();
    call_watches();
}

int loop_run(void)
{
    loop.over = false;
    while (!loop.over)
        turn();
    return loop.status;
}

void loop_end(int status)
{
    loop.over = true;
    loop.status = status;
}
