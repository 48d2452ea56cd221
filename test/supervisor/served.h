/* The supervisor's uplink in a child of the test's, served over socket pairs of which the test has the other ends: for
 * tests of its parts. */
#ifndef TEST_SUPERVISOR_SERVED_H
#define TEST_SUPERVISOR_SERVED_H

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/supervisor/flow.h"
#include "proxy/supervisor/loop.h"
#include "proxy/supervisor/uplink.h"
#include "test/supervisor/driver.h"

enum { SERVED_LINKS = 6 };

struct served {
    pid_t pid;
    int ends[SERVED_LINKS]; /* the test's; -1: given away */
    int reports;            /* what the child says: a byte each */
    struct driver *d;
};

/* What the child does. */
struct served_work {
    void (*begin)(void);     /* before anything is served; may be NULL */
    void (*up)(bool is_new); /* may be NULL */
    void (*down)(void);      /* likewise */
    struct stream *(*opened)(enum order_stream stream, uint32_t number, uint32_t session);
};

static const struct served_work *served_work;
static int served_reports = -1;

static inline void served_say(char c)
{
    if (write(served_reports, &c, 1) != 1)
        abort();
}

static inline struct stream *served_opened(void *arg, enum order_stream stream, uint32_t number, uint32_t session)
{
    (void)arg;
    return served_work->opened ? served_work->opened(stream, number, session) : NULL;
}

static inline void served_up(void *arg, bool is_new)
{
    (void)arg;
    flow_outage(false);
    if (served_work->up)
        served_work->up(is_new);
}

static inline void served_down(void *arg, const char *why)
{
    (void)arg;
    (void)why;
    if (served_work->down)
        served_work->down();
    flow_outage(true);
}

static inline void served_term(void *arg)
{
    (void)arg;
    loop_end(0);
}

static inline int served_run(int ends[SERVED_LINKS])
{
    static const struct uplink_handler handler = {.opened = served_opened, .up = served_up, .down = served_down};
    if (loop_init() < 0 || loop_signal(SIGTERM, served_term, NULL) < 0 || uplink_init("served", &handler, NULL) < 0)
        return EXIT_FAILURE;
    if (served_work->begin)
        served_work->begin();
    for (size_t i = 0; i < SERVED_LINKS; i++)
        uplink_serve(ends[i], ends[i], NULL, NULL, NULL);
    return loop_run();
}

static inline void served_start(struct served *s, const struct served_work *work)
{
    int theirs[SERVED_LINKS], reports[2];
    (void)signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(reports), 0);
    for (size_t i = 0; i < SERVED_LINKS; i++) {
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        s->ends[i] = pair[0];
        theirs[i] = pair[1];
    }
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0) {
        /* It must not outlive a test that fails. */
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (size_t i = 0; i < SERVED_LINKS; i++)
            (void)close(s->ends[i]);
        (void)close(reports[0]);
        served_work = work;
        served_reports = reports[1];
        _exit(served_run(theirs));
    }
    for (size_t i = 0; i < SERVED_LINKS; i++)
        (void)close(theirs[i]);
    (void)close(reports[1]);
    s->reports = reports[0];
    s->d = driver_new();
}

static inline bool served_is_up(void *arg)
{
    const struct driver *d = arg;
    return tunnel_state(d->tunnel) == TUNNEL_UP;
}

/* Connects with the next pair. */
static inline void served_link(struct served *s)
{
    size_t i = 0;
    while (i < SERVED_LINKS && s->ends[i] < 0)
        i++;
    assert_true(i < SERVED_LINKS);
    driver_link(s->d, s->ends[i], s->ends[i]);
    s->ends[i] = -1;
    driver_wait(s->d, served_is_up, s->d, "the tunnel");
}

static inline bool served_has_said(void *arg)
{
    struct pollfd p = {.fd = *(int *)arg, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

/* Waits for a byte that the child says. */
static inline void served_hear(struct served *s, char expected)
{
    char c = 0;
    driver_wait(s->d, served_has_said, &s->reports, "a word of the child's");
    assert_int_equal(read(s->reports, &c, 1), 1);
    assert_int_equal(c, expected);
}

/* Likewise for two, in whatever order. */
static inline void served_hear_both(struct served *s, char one, char other)
{
    char c = 0;
    driver_wait(s->d, served_has_said, &s->reports, "a word of the child's");
    assert_int_equal(read(s->reports, &c, 1), 1);
    assert_true(c == one || c == other);
    served_hear(s, c == one ? other : one);
}

static inline void served_finish(struct served *s)
{
    int status;
    assert_int_equal(kill(s->pid, SIGTERM), 0);
    assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    for (size_t i = 0; i < SERVED_LINKS; i++)
        if (s->ends[i] >= 0)
            (void)close(s->ends[i]);
    (void)close(s->reports);
    driver_free(s->d);
}

#endif
