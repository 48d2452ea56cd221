/* The supervisor's loop over poll(2): descriptors, alarms, children. Their structs are the owners', who keep them until
 * they are taken out; nothing is allocated for each. All callbacks come from loop_run, none from inside another call.
 */
#ifndef PROXY_SUPERVISOR_LOOP_H
#define PROXY_SUPERVISOR_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "proxy/supervisor/supervisor.h"

struct watch {
    int fd;
    short events; /* POLLIN, POLLOUT; 0: only that it is closed there or broken */
    void (*ready)(void *arg, short revents);
    void *arg;
    struct watch *next; /* the loop's */
    bool on;            /* likewise */
};

struct alarm {
    void (*ring)(void *arg);
    void *arg;
    uint64_t at; /* the loop's, as the rest */
    struct alarm *next;
    bool on;
};

struct child {
    pid_t pid;
    void (*ended)(void *arg, int status); /* exit code, or SUPERVISOR_SIGNAL_STATUS + signal; it is out by then */
    void *arg;
    struct child *next; /* the loop's */
    bool on;            /* likewise */
};

/* Prepares it: SIGCHLD is caught, SIGPIPE ignored; both are undone in children by loop_in_child. As many descriptors
 * are allowed as can be. Returns -1 with errno when that can't be done. */
int loop_init(void) MUST_USE;
/* After fork, in the child: signals as the supervisor found them at its start, and none of the loop's descriptors. */
void loop_in_child(void);
/* In the child, once it has closed what it has inherited: as many descriptors are allowed as before loop_init. */
void loop_few_files(void);

/* Milliseconds of a clock that goes on while the machine sleeps (CLOCK_BOOTTIME). */
uint64_t loop_now(void);

/* Watches w->fd for w->events; again: the events are new. */
void loop_watch(struct watch *w);
/* Any state of it is fine. After it `ready` does not come any more, even when it was due. */
void loop_unwatch(struct watch *w);

/* Rings once, after so many milliseconds; set again, it starts over. */
void loop_alarm(struct alarm *a, uint64_t in_ms);
void loop_disarm(struct alarm *a);

/* Waits for a process that was forked. All others that end as children of ours are reaped without a word. */
void loop_child(struct child *c);
void loop_forget(struct child *c);

/* Calls back when the process gets this signal, at most LOOP_SIGNALS different ones; again: another callback. Undone in
 * children. Returns -1 with errno. */
enum { LOOP_SIGNALS = 8 };
int loop_signal(int signal, void (*came)(void *arg), void *arg) MUST_USE;

/* Runs until loop_end. Returns what that was given. */
int loop_run(void);
void loop_end(int status);

#endif
