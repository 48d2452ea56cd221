/* The user's own ssh as the way to the command. What of its configuration would keep it from that is turned off. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/ssh/ssh_impl.h"

enum {
    PROGRAM_ARGS_MAX = 48,
    PROGRAM_ENTRY_MAX = 4096,
    PROGRAM_TEXT_MAX = 64,
    PROGRAM_FAILED = 255 /* the exit status with which ssh tells of itself, not of the command */
};

/* All but BatchMode, which depends on whether somebody can be asked. key: of `ssh -G` without any configuration, where
   old versions lack the option; NULL: all that are in use have it. */
static const struct option {
    const char *text, *key;
} options[] = {{"RemoteCommand=none", NULL},      {"SessionType=default", "sessiontype"},
               {"StdinNull=no", "stdinnull"},     {"ForkAfterAuthentication=no", "forkafterauthentication"},
               {"ClearAllForwardings=yes", NULL}, {"PermitLocalCommand=no", NULL},
               {"ControlMaster=no", NULL},        {"ControlPath=none", NULL}};

/* Where distributions put the program that asks, when SSH_ASKPASS does not say. */
static const char *const askers[] = {"/usr/bin/ssh-askpass",
                                     "/usr/lib/ssh/ssh-askpass",
                                     "/usr/libexec/openssh/ssh-askpass",
                                     "/usr/lib/openssh/gnome-ssh-askpass",
                                     "/usr/libexec/ssh/ssh-askpass",
                                     "/usr/X11R6/bin/ssh-askpass"};

/* NULL: not set, or empty. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

/* NULL: there is none. */
static const char *asker(void)
{
    const char *named = variable("SSH_ASKPASS");
    if (!variable("DISPLAY") && !variable("WAYLAND_DISPLAY"))
        return NULL;
    if (named)
        return access(named, X_OK) == 0 ? named : NULL;
    for (size_t i = 0; i < sizeof askers / sizeof *askers; i++)
        if (access(askers[i], X_OK) == 0)
            return askers[i];
    return NULL;
}

bool ssh_program_can_ask(void)
{
    return asker() != NULL;
}

static void on_data(void *arg, const char *data, size_t len)
{
    struct ssh_connection *c = arg;
    if (!c->has_answered) {
        c->has_answered = true;
        log_info(c->transport->subject, "connected by the ssh program");
        ssh_connection_running(c);
    }
    if (c->h && c->h->data)
        c->h->data(c->arg, data, len);
}

static void on_line(void *arg, const char *text)
{
    struct ssh_connection *c = arg;
    if (c->has_answered)
        log_info(c->transport->subject, "ssh: %s", text);
    else if (c->h && c->h->note)
        c->h->note(c->arg, text);
}

static void on_drained(void *arg)
{
    ssh_connection_drained(arg);
}

static bool says(const char *stderr_tail, const char *const *texts)
{
    for (; *texts; texts++)
        if (strcasestr(stderr_tail, *texts))
            return true;
    return false;
}

/* What a connection that ssh did not make is a matter of, by ssh's own words. */
static enum transport_loss loss_of(const struct ssh_connection *c, const char *stderr_tail)
{
    static const char *const never[] = {"host key verification failed",
                                        "remote host identification has changed",
                                        "host key is known for",
                                        "revoked host key",
                                        "bad configuration option",
                                        "bad owner or permissions",
                                        "terminating, ",
                                        "unable to negotiate",
                                        "no matching ",
                                        NULL};
    static const char *const ask[] = {"permission denied", "too many authentication failures", "no more authentication",
                                      "agent refused operation", NULL};
    static const char *const unresolved[] = {"could not resolve", "name or service not known", NULL};
    static const char *const retry[] = {
        "connection refused", "timed out",    "connection reset", "no route to host", "unreachable", "broken pipe",
        "connection closed",  "kex_exchange", "closed by remote", "not responding",   NULL};
    if (says(stderr_tail, never))
        return TRANSPORT_NEVER;
    if (says(stderr_tail, ask))
        return TRANSPORT_ASK;
    if (says(stderr_tail, unresolved))
        return c->transport->was_ready ? TRANSPORT_RETRY : TRANSPORT_NEVER;
    return !says(stderr_tail, retry) && c->has_asked ? TRANSPORT_ASK : TRANSPORT_RETRY;
}

static void no_connection(struct ssh_connection *c, enum transport_loss loss, const char *stderr_tail, const char *how)
{
    struct buf check;
    buf_init(&check, ERR_TEXT_MAX);
    ssh_settings_command(c, "", &check);
    ssh_connection_fail(c, loss,
                        "ssh does not connect to %s: %s%s%s%s\n"
                        "`%s` must work without a prompt.",
                        c->transport->where, stderr_tail, stderr_tail[0] ? " (" : "", how, stderr_tail[0] ? ")" : "",
                        check.data ? check.data : "ssh");
    buf_free(&check);
}

static void on_ended(void *arg, const struct child_end *end)
{
    struct ssh_connection *c = arg;
    char how[PROGRAM_TEXT_MAX];
    bool is_its_own = end->is_running || end->signal || end->status == PROGRAM_FAILED;
    c->program = NULL;
    if (end->is_running)
        (void)snprintf(how, sizeof how, "it closed its standard output");
    else
        (void)snprintf(how, sizeof how, end->signal ? "signal %d" : "exit status %d",
                       end->signal ? end->signal : end->status);
    if (!is_its_own) {
        stderr_tail_add(&c->stderr_tail, end->stderr_tail, strlen(end->stderr_tail));
        ssh_explain_command_end(c, how, true);
    } else if (c->has_answered) {
        ssh_connection_fail(c, TRANSPORT_RETRY, "The connection of ssh to %s was lost%s%s (%s).", c->transport->where,
                            end->stderr_tail[0] ? ": " : "", end->stderr_tail, how);
    } else {
        no_connection(c, loss_of(c, end->stderr_tail), end->stderr_tail, how);
    }
}

static const struct child_handler child_handler = {
    .data = on_data, .line = on_line, .drained = on_drained, .ended = on_ended};

void ssh_program_is_late(struct ssh_connection *c)
{
    no_connection(c, c->has_asked ? TRANSPORT_ASK : TRANSPORT_RETRY, "", "it did not reach the command in time");
}

/* The argv so far. */
struct args {
    const char *list[PROGRAM_ARGS_MAX];
    size_t count;
};

static void add_option(struct args *a, const char *text)
{
    a->list[a->count++] = "-o";
    a->list[a->count++] = text;
}

static void spawn(struct ssh_connection *c, const struct args *a, const char *agent, const char *asks)
{
    char agent_entry[PROGRAM_ENTRY_MAX], asks_entry[PROGRAM_ENTRY_MAX];
    char force[] = "SSH_ASKPASS_REQUIRE=force";
    char *entries[4] = {NULL};
    size_t n = 0;
    int error = 0;
    if (agent && snprintf(agent_entry, sizeof agent_entry, "SSH_AUTH_SOCK=%s", agent) < (int)sizeof agent_entry)
        entries[n++] = agent_entry;
    if (asks && snprintf(asks_entry, sizeof asks_entry, "SSH_ASKPASS=%s", asks) < (int)sizeof asks_entry) {
        entries[n++] = asks_entry;
        entries[n++] = force;
    }
    c->program = child_start(c->transport->loop, a->list, entries, &child_handler, c, &error);
    if (!c->program) {
        ssh_connection_fail(c, error == UV_ENOENT ? TRANSPORT_NEVER : TRANSPORT_RETRY,
                            "The ssh program cannot be started for %s: %s.", c->transport->where, uv_strerror(error));
        return;
    }
    if (c->out.len > 0)
        child_write(c->program, c->out.data, c->out.len);
    buf_free(&c->out);
    c->has_asked = asks != NULL;
    ssh_connection_wait(c, asks ? SSH_ASKING_MS : SSH_PROGRAM_MS);
    /* What fits into its pipe is written at once, and nothing else tells of it. */
    ssh_connection_drained(c);
}

static void on_agent_found(void *arg, const struct ssh_agent_found *found)
{
    struct ssh_connection *c = arg;
    const struct ssh_destination *d = &c->transport->destination;
    const char *asks = asker();
    struct args a = {{"ssh", "-T"}, 2};
    char port[PROGRAM_TEXT_MAX], connect[PROGRAM_TEXT_MAX], alive[PROGRAM_TEXT_MAX];
    c->find = NULL;
    ssh_agent_free(found->agent);
    (void)snprintf(port, sizeof port, "%d", d->port);
    (void)snprintf(connect, sizeof connect, "ConnectTimeout=%d", SSH_CONNECT_SECONDS);
    (void)snprintf(alive, sizeof alive, "ServerAliveInterval=%d", SSH_KEEPALIVE_SECONDS);
    add_option(&a, asks ? "BatchMode=no" : "BatchMode=yes");
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (!options[i].key || ssh_settings_know(c, options[i].key))
            add_option(&a, options[i].text);
    if (c->settings.connect_timeout == 0)
        add_option(&a, connect);
    if (c->settings.alive_interval == 0)
        add_option(&a, alive);
    if (d->port) {
        a.list[a.count++] = "-p";
        a.list[a.count++] = port;
    }
    a.list[a.count++] = "--";
    a.list[a.count++] = d->ssh;
    a.list[a.count] = c->line;
    spawn(c, &a, found->path, asks);
}

void ssh_program_start(struct ssh_connection *c)
{
    /* It knows of no agent but the one in SSH_AUTH_SOCK, and what IdentityAgent names. */
    c->find = ssh_agent_find_start(c->transport->loop, c->transport->subject, true, NULL, on_agent_found, c);
    if (!c->find)
        ssh_connection_fail(c, TRANSPORT_RETRY, "Out of memory while connecting to %s.", c->transport->name);
}
