#include "proxy/service/daemon.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/base/log.h"
#include "proxy/base/timer.h"
#include "proxy/machine/machine.h"
#include "proxy/machine/sweep.h"
#include "proxy/service/confinement.h"
#include "proxy/service/endpoints.h"
#include "proxy/service/notify.h"

enum {
    SIGNALS = 3,
    MS_PER_S = 1000,
    STATUS_TEXT_MAX = 1024,
    CONFINEMENT_MAX = 128,
    CONFINEMENT_TEXT_MAX = 512,
    CLIENT_NAME_MAX = 8 * 1024,
    STOP_MS = 15 * 1000, /* from the first SIGTERM: sessions that have not ended by then are left to their leases */
    HURRY_MS = 1600,     /* from the second one: longer than a Delve is given to answer, so that each client is told */
    LEAVE_MS = 7 * 1000  /* for what is closed when no session is left: more than a client has to read its goodbye */
};

static const char stop_reason[] = "delvegate is being stopped";

struct live {
    struct live *next;
    struct session *session;
    struct endpoint *endpoint;
};

struct daemon {
    uv_loop_t loop;
    struct config *config;
    daemon_reload *reload;
    void *reload_arg;
    struct endpoints endpoints;
    struct notify *notify;
    struct live *sessions;
    uv_signal_t signals[SIGNALS];
    uv_work_t workers; /* starts libuv's threads */
    struct timer *stop;
    struct timer *idle; /* runs while there is no session and idleExit applies */
    uv_timer_t late;    /* runs while all is closed in the end */
    bool reload_failed; /* the configuration in force is not what the file says */
    bool port_failed;   /* a target of it has no port: another process has it */
    bool stopping;
    bool hurries; /* a second signal has come */
    bool at_once; /* nothing is waited for any more */

    char confinement[CONFINEMENT_TEXT_MAX]; /* text on it, "" when this process's unit does not confine it */
};

/* What `systemctl status` shows. */
static void report_status(struct daemon *d)
{
    struct buf text;
    size_t count = 0;
    const char *between = " (";
    buf_init(&text, STATUS_TEXT_MAX);
    if (d->stopping)
        buf_puts(&text, "stopping; ");
    if (d->reload_failed)
        buf_puts(&text, "the configuration is invalid, the previous one stays active; ");
    if (d->port_failed)
        buf_puts(&text, "not every port could be bound, see the log; ");
    for (const struct live *l = d->sessions; l; l = l->next)
        count++;
    buf_printf(&text, "sessions: %zu", count);
    for (const struct endpoint *p = d->endpoints.first; p; p = p->next) {
        if (p->sessions == 0)
            continue;
        buf_printf(&text, "%s%s %zu", between, p->name, p->sessions);
        between = ", ";
    }
    if (count > 0)
        buf_puts(&text, ")");
    if (!d->stopping) {
        buf_puts(&text, "; targets: ");
        endpoints_describe(&d->endpoints, &text);
    }
    notify_status(d->notify, text.data ? text.data : ""); /* what did not fit is left out */
    buf_free(&text);
}

/* Whether the configuration lets delvegate end when nobody needs it. */
static bool may_end_idle(const struct daemon *d)
{
    return d->config->idle_exit_seconds > 0 && d->endpoints.activation.count > 0;
}

/* Counts the time without a session from now on, if that shall end delvegate. */
static void watch_idle(struct daemon *d)
{
    const char *bare;
    timer_stop(d->idle);
    if (!d->sessions && !d->stopping && may_end_idle(d) && endpoints_are_handed(&d->endpoints, &bare))
        timer_start(d->idle, (uint64_t)d->config->idle_exit_seconds * MS_PER_S, 0);
}

static void warn_of_idle(const struct daemon *d)
{
    const char *bare;
    if (may_end_idle(d) && !endpoints_are_handed(&d->endpoints, &bare))
        log_warning(NULL,
                    "idleExit has no effect: nothing would start delvegate again for target %s; add a ListenStream= "
                    "for it to the socket unit: systemctl --user edit delvegate.socket",
                    bare ? bare : "");
}

static void finish_if_idle(struct daemon *d)
{
    if (d->stopping && !d->sessions)
        uv_stop(&d->loop);
}

static void on_session_over(struct session *session, void *arg)
{
    struct daemon *d = arg;
    struct live **at = &d->sessions;
    while (*at && (*at)->session != session)
        at = &(*at)->next;
    if (*at) {
        struct live *gone = *at;
        *at = gone->next;
        gone->endpoint->sessions--;
        free(gone);
    }
    report_status(d);
    watch_idle(d);
    finish_if_idle(d);
}

static void on_accepted(struct endpoint *endpoint, struct client *client, void *arg)
{
    struct daemon *d = arg;
    const struct config_target *target = config_target_find(d->config, endpoint->name);
    struct live *live = calloc(1, sizeof *live);
    if (!live || !target) {
        client_reset(client);
        free(live);
        return;
    }
    live->endpoint = endpoint;
    live->session = session_new(&d->loop, d->config, target, &endpoint->memory, client, on_session_over, d);
    if (!live->session) {
        log_error(endpoint->name, "out of memory: a client was refused");
        free(live);
        return;
    }
    live->next = d->sessions;
    d->sessions = live;
    endpoint->sessions++;
    watch_idle(d);
    report_status(d);
}

/* Hardening is for what reaches another machine; on this one the debugged program would inherit it. */
static void warn_of_confinement(struct daemon *d)
{
    for (struct endpoint *p = d->endpoints.first; p; p = p->next) {
        const struct config_target *t = config_target_find(d->config, p->name);
        bool is_confined = d->confinement[0] && t && config_target_is_local(t);
        p->memory.warning = is_confined ? d->confinement : NULL;
        if (is_confined)
            log_warning(p->name, "%s", d->confinement);
    }
}

static void find_confinement(struct daemon *d)
{
    char found[CONFINEMENT_MAX];
    if (confinement_find(found, sizeof found))
        (void)snprintf(
            d->confinement, sizeof d->confinement,
            "delvegate is confined by its unit (%s), and so is everything it runs on this machine, including Delve and "
            "the program; remove the hardening drop-in: systemctl --user edit delvegate.service",
            found);
}

static bool has_local(const struct config *config)
{
    for (size_t i = 0; i < config->target_count; i++)
        if (config_target_is_local(&config->targets[i]))
            return true;
    return false;
}

/* What stays the same when this delvegate is started again: what the one before has left is its own to end. A
 * configuration that came by a pipe names nobody. */
static void name_client(const char *path)
{
    struct buf name;
    char host[HOST_NAME_MAX + 1] = "";
    char *real = *path ? realpath(path, NULL) : strdup("");
    if (!real)
        return;
    (void)gethostname(host, sizeof host - 1);
    buf_init(&name, CLIENT_NAME_MAX);
    buf_printf(&name, "%s %u %s", host, (unsigned)geteuid(), real);
    if (!name.failed)
        machine_set_client(name.data);
    buf_free(&name);
    free(real);
}

/* What a crash of delvegate, or of this machine, has left here. */
static void sweep_here(struct daemon *d)
{
    if (has_local(d->config))
        sweep_local(&d->loop);
}

static void on_reload(struct daemon *d)
{
    notify_reloading(d->notify);
    struct config *fresh = d->reload(d->reload_arg);
    d->reload_failed = !fresh;
    if (!fresh) {
        log_error(NULL, "the previous configuration stays active: correct the file and send SIGHUP again");
    } else {
        bool was_local = has_local(d->config);
        config_unref(d->config);
        d->config = fresh;
        log_set_level(fresh->log_level);
        log_info(NULL, "the configuration was reloaded; running sessions keep the previous one");
        d->port_failed = endpoints_apply(&d->endpoints, fresh) < 0; /* it is reported; the rest works */
        warn_of_confinement(d);
        warn_of_idle(d);
        watch_idle(d);
        if (!was_local)
            sweep_here(d);
    }
    report_status(d);
    notify_ready(d->notify);
}

/* Ends the loop with sessions that have not ended; their clients are not left without an answer. */
static void leave(struct daemon *d)
{
    for (struct live *l = d->sessions; l; l = l->next)
        session_abandon(l->session, stop_reason);
    uv_stop(&d->loop);
}

static void on_stop_late(void *arg)
{
    log_warning(NULL, "sessions did not end in time: their supervisors end them when the lease expires");
    leave(arg);
}

static void stop(struct daemon *d, const char *why)
{
    d->stopping = true;
    log_info(NULL, "stopping: %s", why);
    notify_stopping(d->notify);
    endpoints_close(&d->endpoints);
    timer_stop(d->idle);
    timer_start(d->stop, STOP_MS, 0);
    report_status(d);
    for (struct live *l = d->sessions; l; l = l->next)
        session_shutdown(l->session, stop_reason);
    finish_if_idle(d);
}

static void on_idle(void *arg)
{
    stop(arg, "no session within the time of idleExit; the next connection starts delvegate again");
}

/* The second signal often is no wish for haste: it came to the whole process group as well. */
static void hurry(struct daemon *d)
{
    if (d->hurries || !d->sessions) {
        log_warning(NULL, "another signal: exiting at once; supervisors end their sessions when the lease expires");
        d->at_once = true;
        leave(d);
        return;
    }
    log_warning(NULL,
                "second signal: sessions that do not end within %d ms are left to their supervisors; a third one "
                "ends delvegate at once",
                HURRY_MS);
    d->hurries = true;
    timer_start(d->stop, HURRY_MS, 0);
}

static void on_signal(uv_signal_t *handle, int signal)
{
    struct daemon *d = handle->data;
    if (signal == SIGHUP && d->stopping)
        log_info(NULL, "SIGHUP: the configuration is not reloaded, because delvegate is stopping");
    else if (signal == SIGHUP)
        on_reload(d);
    else if (!d->stopping)
        stop(d, signal == SIGTERM ? "SIGTERM" : "SIGINT");
    else
        hurry(d);
}

static void close_signal(uv_handle_t *h, void *arg)
{
    (void)arg;
    if (h->type == UV_SIGNAL)
        uv_close(h, NULL);
}

/* A ProxyCommand that takes no notice of SIGTERM would stay behind, and its children with it. */
static void kill_child(uv_handle_t *h, void *arg)
{
    int pid = h->type == UV_PROCESS && uv_is_active(h) ? uv_process_get_pid((uv_process_t *)h) : 0;
    (void)arg;
    if (pid > 0)
        (void)kill(-pid, SIGKILL); /* each has a session of its own */
}

static void on_leave_late(uv_timer_t *timer)
{
    struct daemon *d = timer->data;
    log_warning(NULL,
                "exiting with connections that did not close within %d s; does a ProxyCommand or a name server hang?",
                LEAVE_MS / MS_PER_S);
    d->at_once = true;
}

/* Connections that are being closed get their turn, but may not hold up the end. Returns whether all is closed. */
static bool close_all(struct daemon *d)
{
    uv_timer_init(&d->loop, &d->late);
    d->late.data = d;
    uv_timer_start(&d->late, on_leave_late, LEAVE_MS, 0);
    uv_unref((uv_handle_t *)&d->late);
    for (size_t i = 0; i < SIGNALS; i++)
        uv_unref((uv_handle_t *)&d->signals[i]);
    while (!d->at_once && uv_run(&d->loop, UV_RUN_ONCE) != 0)
        continue;
    if (d->at_once)
        return false;
    uv_close((uv_handle_t *)&d->late, NULL);
    /* One more SIGTERM would end delvegate by itself, and not with status 0. */
    sigset_t all;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, NULL);
    uv_walk(&d->loop, close_signal, NULL);
    while (uv_run(&d->loop, UV_RUN_ONCE) != 0)
        continue;
    return true;
}

static void free_all(struct daemon *d, int status)
{
    d->stopping = true;
    sweep_forget();
    endpoints_close(&d->endpoints);
    timer_free(d->stop);
    timer_free(d->idle);
    notify_free(d->notify);
    machine_forget(&d->loop);
    if (!close_all(d)) {
        uv_walk(&d->loop, kill_child, NULL);
        _exit(status); /* exit() would wait for libuv's threads, and so for the name server */
    }
    uv_loop_close(&d->loop);
    endpoints_free(&d->endpoints);
    config_unref(d->config);
}

static void do_nothing(uv_work_t *work)
{
    (void)work;
}

/* libuv's threads keep the signal mask they were started with. They must take no signal that delvegate handles: at the
 * end, when its handlers are gone and only this thread can still block it, such a signal would kill the process. */
static int start_workers(struct daemon *d, const int *numbers)
{
    sigset_t handled, before;
    (void)sigemptyset(&handled);
    for (size_t i = 0; i < SIGNALS; i++)
        (void)sigaddset(&handled, numbers[i]);
    (void)pthread_sigmask(SIG_BLOCK, &handled, &before);
    int r = uv_queue_work(&d->loop, &d->workers, do_nothing, NULL);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

/* Everything that is there for the whole run; -1 when memory ran out. */
static int begin(struct daemon *d)
{
    static const int numbers[SIGNALS] = {SIGTERM, SIGINT, SIGHUP};
    int r = endpoints_init(&d->endpoints, &d->loop, on_accepted, d); /* before the loop takes descriptors of its own */
    uv_loop_init(&d->loop);
    (void)signal(SIGPIPE, SIG_IGN);
    d->stop = timer_new(&d->loop, on_stop_late, d);
    d->idle = timer_new(&d->loop, on_idle, d);
    d->notify = notify_new(&d->loop);
    for (size_t i = 0; i < SIGNALS; i++) {
        uv_signal_init(&d->loop, &d->signals[i]);
        d->signals[i].data = d;
        uv_signal_start(&d->signals[i], on_signal, numbers[i]);
    }
    if (start_workers(d, numbers) < 0)
        r = -1;
    return r < 0 || !d->stop || !d->idle || !d->notify ? -1 : 0;
}

/* A client waits at a socket that was handed over: that another port is taken must not keep it from its session, nor
 * have the manager start delvegate over and over for it. */
static bool may_serve(struct daemon *d)
{
    if (endpoints_apply(&d->endpoints, d->config) == 0)
        return true;
    d->port_failed = endpoints_have_handed(&d->endpoints);
    return d->port_failed;
}

int daemon_run(struct config *config, const char *path, daemon_reload *reload, void *arg)
{
    struct daemon d = {.config = config, .reload = reload, .reload_arg = arg};
    int status = EXIT_FAILURE;
    log_set_level(config->log_level);
    name_client(path);
    if (begin(&d) < 0) {
        log_error(NULL, "out of memory");
    } else if (may_serve(&d)) {
        status = EXIT_SUCCESS;
        find_confinement(&d);
        warn_of_confinement(&d);
        warn_of_idle(&d);
        report_status(&d);
        notify_ready(d.notify);
        sweep_here(&d);
        watch_idle(&d);
        uv_run(&d.loop, UV_RUN_DEFAULT);
    }
    /* Sessions that did not end in time can't be waited for any longer: their memory goes with the process. */
    if (d.sessions) {
        machine_leave(&d.loop);
        _exit(status);
    }
    free_all(&d, status);
    return status;
}
