#include "proxy/ssh/ssh_agent_find.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/base/log.h"
#include "proxy/base/spawn.h"
#include "proxy/base/timer.h"
#include "proxy/ssh/ssh_agent_env.h"

enum {
    FIND_MANAGER_MS = 2000, /* `systemctl --user show-environment` */
    FIND_LIST_MS = 5000,    /* an agent's list of keys */
    FIND_LOOKED_MAX = 2048,
    FIND_PATH_MAX = 4096,
    FIND_NOT_IN_PATH = 127 /* what env(1) ends with */
};

static const char auth_sock[] = "SSH_AUTH_SOCK";

enum agent_source {
    SOURCE_CONFIGURED,
    SOURCE_VARIABLE,
    SOURCE_MANAGER,
    SOURCE_SOCKET, /* from here on: in the runtime directory */
    SOURCE_DEBIAN,
    SOURCE_KEYRING,
    SOURCE_GCR,
    SOURCE_COUNT
};

static const char *const names[SOURCE_COUNT] = {
    [SOURCE_CONFIGURED] = "IdentityAgent",
    [SOURCE_VARIABLE] = auth_sock,
    [SOURCE_MANAGER] = "systemctl --user show-environment",
    [SOURCE_SOCKET] = "ssh-agent.socket",
    [SOURCE_DEBIAN] = "openssh_agent",
    [SOURCE_KEYRING] = "keyring/ssh",
    [SOURCE_GCR] = "gcr/ssh",
};

struct ssh_agent_find {
    uv_loop_t *loop;
    const char *subject, *identity_agent;
    bool quiet;
    void (*done)(void *arg, const struct ssh_agent_found *found);
    void *arg;
    struct timer *turn; /* goes on to the next source, outside of whatever call is going on */
    struct spawn *manager;
    struct ssh_agent *agent; /* is being asked for its keys */
    enum agent_source at, next, end;
    char *tried[SOURCE_COUNT]; /* the path that each source gave */
    char runtime_dir[FIND_PATH_MAX];
    struct buf looked;
};

void ssh_agent_find_cancel(struct ssh_agent_find *f)
{
    if (!f)
        return;
    if (f->manager)
        spawn_cancel(f->manager);
    ssh_agent_free(f->agent);
    timer_free(f->turn);
    for (size_t i = 0; i < SOURCE_COUNT; i++)
        free(f->tried[i]);
    buf_free(&f->looked);
    free(f);
}

static bool is_guessed(const struct ssh_agent_find *f)
{
    return f->at >= SOURCE_SOCKET;
}

/* A source that should have given an agent is worth a line; one that was only tried is not. */
static enum config_log_level level_of(const struct ssh_agent_find *f)
{
    if (f->quiet)
        return CONFIG_LOG_DEBUG;
    if (f->at == SOURCE_CONFIGURED)
        return CONFIG_LOG_WARNING;
    return f->at == SOURCE_VARIABLE && f->tried[f->at] ? CONFIG_LOG_INFO : CONFIG_LOG_DEBUG;
}

static void passed_over(struct ssh_agent_find *f, const char *why)
{
    bool first_guess = f->at == SOURCE_SOCKET;
    /* what does not fit is left out */
    buf_printf(&f->looked, "%s%s%s%s%s (%s)", f->looked.len > 0 ? ", " : "", first_guess ? "in " : "",
               first_guess ? f->runtime_dir : "", first_guess ? ": " : "", names[f->at], why);
    log_line(level_of(f), f->subject, "no SSH agent through %s: %s%s", names[f->at], why,
             f->next < f->end ? "; looking further" : "");
}

static void finish(struct ssh_agent_find *f, struct ssh_bytes keys)
{
    struct ssh_agent_found found = {.agent = f->agent,
                                    .keys = keys,
                                    .path = f->agent ? f->tried[f->at] : NULL,
                                    .source = is_guessed(f) ? "the runtime directory" : names[f->at],
                                    .looked = f->looked.data ? f->looked.data : ""};
    f->agent = NULL;
    if (found.agent)
        log_line(f->quiet ? CONFIG_LOG_DEBUG : CONFIG_LOG_INFO, f->subject, "SSH agent: %s, found through %s",
                 found.path, found.source);
    else
        log_debug(f->subject, "no SSH agent: %s", found.looked);
    f->done(f->arg, &found);
    ssh_agent_find_cancel(f);
}

static void on_keys(void *arg, const struct err *why, struct ssh_bytes reply)
{
    struct ssh_agent_find *f = arg;
    if (!why && ssh_agent_has_list(reply)) {
        finish(f, reply);
        return;
    }
    passed_over(f, why ? why->text : "it does not list its keys");
    ssh_agent_free(f->agent);
    f->agent = NULL;
    timer_start(f->turn, 0, 0);
}

/* Why the socket at path is not used, NULL when it may be. */
static const char *problem_with(const struct ssh_agent_find *f, const char *path)
{
    struct stat s;
    if (stat(path, &s) < 0)
        return errno == ENOENT || errno == ENOTDIR ? "absent" : strerror(errno);
    if (!S_ISSOCK(s.st_mode))
        return "not a socket";
    return is_guessed(f) && s.st_uid != getuid() && s.st_uid != 0 ? "it belongs to another user" : NULL;
}

/* Returns whether an answer is waited for. */
static bool ask(struct ssh_agent_find *f, const char *path)
{
    for (size_t i = 0; i < f->at; i++)
        if (f->tried[i] && strcmp(f->tried[i], path) == 0) {
            passed_over(f, "the same socket");
            return false;
        }
    f->tried[f->at] = strdup(path);
    const char *problem = f->tried[f->at] ? problem_with(f, path) : "out of memory";
    if (problem) {
        struct err why;
        err_set(&why, "%s%s%s", is_guessed(f) ? "" : path, is_guessed(f) ? "" : ": ", problem);
        passed_over(f, why.text);
        return false;
    }
    f->agent = ssh_agent_new(f->loop, path);
    if (!f->agent) {
        passed_over(f, "out of memory");
        return false;
    }
    ssh_agent_list(f->agent, FIND_LIST_MS, on_keys, f);
    return true;
}

static bool ask_variable(struct ssh_agent_find *f, const char *name)
{
    const char *path = getenv(name);
    if (path && path[0])
        return ask(f, path);
    struct err why;
    err_set(&why, "%s%snot set", f->at == SOURCE_VARIABLE ? "" : name, f->at == SOURCE_VARIABLE ? "" : " is ");
    passed_over(f, why.text);
    return false;
}

static bool ask_configured(struct ssh_agent_find *f)
{
    const char *value = f->identity_agent;
    if (strcmp(value, "none") == 0) {
        buf_puts(&f->looked, "IdentityAgent is none"); /* fits */
        return false;
    }
    if (value[0] == '$' && value[1] != '{')
        return ask_variable(f, value + 1);
    return ask(f, value); /* `ssh -G` has expanded it */
}

/* What a run of systemctl says against it, NULL when it printed the environment. */
static const char *failure_of(const struct spawn_result *r)
{
    if (r->error == UV_ENOENT || (r->error == 0 && r->exit_status == FIND_NOT_IN_PATH))
        return "systemctl is not in PATH";
    if (r->error < 0)
        return uv_strerror(r->error);
    if (r->timed_out)
        return "no answer in time";
    if (r->too_long)
        return "it printed too much";
    return r->exit_status != 0 ? "the user has no service manager" : NULL;
}

static void on_manager(void *arg, const struct spawn_result *r)
{
    struct ssh_agent_find *f = arg;
    f->manager = NULL;
    const char *why = failure_of(r);
    char path[SSH_AGENT_ENV_VALUE_MAX];
    enum ssh_agent_env answer = why ? SSH_AGENT_ENV_ABSENT : ssh_agent_env_value(r->out, auth_sock, path);
    if (r->err_out[0] && why)
        log_debug(f->subject, "%s: %.*s", names[SOURCE_MANAGER], (int)strcspn(r->err_out, "\r\n"), r->err_out);
    bool waits = answer == SSH_AGENT_ENV_SET && ask(f, path);
    if (answer == SSH_AGENT_ENV_BROKEN)
        passed_over(f, "its SSH_AUTH_SOCK cannot be read");
    else if (answer == SSH_AGENT_ENV_ABSENT)
        passed_over(f, why ? why : "SSH_AUTH_SOCK is not set");
    if (!waits)
        timer_start(f->turn, 0, 0);
}

/* Without XDG_RUNTIME_DIR systemctl would not find the manager. */
static bool ask_manager(struct ssh_agent_find *f)
{
    char entry[FIND_PATH_MAX + sizeof "XDG_RUNTIME_DIR="];
    (void)snprintf(entry, sizeof entry, "XDG_RUNTIME_DIR=%s", f->runtime_dir);
    const char *argv[] = {"env", entry, "systemctl", "--user", "show-environment", NULL};
    f->manager = spawn_run(f->loop, argv, FIND_MANAGER_MS, on_manager, f);
    if (!f->manager)
        passed_over(f, "out of memory");
    return f->manager != NULL;
}

static bool ask_source(struct ssh_agent_find *f)
{
    if (f->at == SOURCE_CONFIGURED)
        return ask_configured(f);
    if (f->at == SOURCE_VARIABLE)
        return ask_variable(f, auth_sock);
    if (f->at == SOURCE_MANAGER)
        return ask_manager(f);
    char path[FIND_PATH_MAX * 2];
    (void)snprintf(path, sizeof path, "%s/%s", f->runtime_dir, names[f->at]);
    return ask(f, path);
}

static void on_turn(void *arg)
{
    struct ssh_agent_find *f = arg;
    while (f->next < f->end) {
        f->at = f->next++;
        if (ask_source(f))
            return;
    }
    finish(f, (struct ssh_bytes){(const unsigned char *)"", 0});
}

struct ssh_agent_find *ssh_agent_find_start(uv_loop_t *loop, const char *subject, bool quiet,
                                            const char *identity_agent,
                                            void (*done)(void *arg, const struct ssh_agent_found *found), void *arg)
{
    struct ssh_agent_find *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->turn = timer_new(loop, on_turn, f);
    if (!f->turn) {
        free(f);
        return NULL;
    }
    f->loop = loop;
    f->subject = subject;
    f->quiet = quiet;
    f->identity_agent = identity_agent;
    f->done = done;
    f->arg = arg;
    bool configured = identity_agent && strcmp(identity_agent, auth_sock) != 0;
    f->next = configured ? SOURCE_CONFIGURED : SOURCE_VARIABLE;
    f->end = configured ? SOURCE_VARIABLE : SOURCE_COUNT;
    buf_init(&f->looked, FIND_LOOKED_MAX);
    const char *dir = getenv("XDG_RUNTIME_DIR");
    if (dir && dir[0] == '/' &&
        strlen(dir) < sizeof f->runtime_dir) /* the XDG specification has relative ones ignored */
        (void)snprintf(f->runtime_dir, sizeof f->runtime_dir, "%s", dir);
    else
        (void)snprintf(f->runtime_dir, sizeof f->runtime_dir, "/run/user/%u", (unsigned)getuid());
    timer_start(f->turn, 0, 0);
    return f;
}
