/* What OpenSSH knows about the destination: its settings (`ssh -G`) and the host keys it has recorded (`ssh-keygen
   -F`). Both are asked, not imitated: Match, Include, hashed names and patterns are theirs to know. */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/ssh/ssh_impl.h"

enum { NUMBER_TEXT = 16, TOOL_ARGS_MAX = 8 };

/* Whether the program failed; then the connection was ended. */
static bool tool_failed(struct ssh_connection *c, const char *tool, const struct spawn_result *r, int status_fine)
{
    if (r->error == UV_ENOENT)
        ssh_connection_fail(c, false,
                            "`%s` is not in PATH: delvegate asks OpenSSH's client for its settings. Install "
                            "the package openssh-client.",
                            tool);
    else if (r->error < 0)
        ssh_connection_fail(c, true, "`%s` cannot be started: %s.", tool, uv_strerror(r->error));
    else if (r->timed_out)
        ssh_connection_fail(c, true, "`%s` for %s did not end within %d s. Does a `Match exec` in ~/.ssh/config hang?",
                            tool, c->transport->name, SSH_TOOL_MS / SSH_MS);
    else if (r->too_long)
        ssh_connection_fail(c, false, "`%s` for %s printed too much.", tool, c->transport->name);
    else if (r->exit_status != 0 && r->exit_status != status_fine)
        ssh_connection_fail(c, false, "`%s` for %s failed (exit %d): %.*s", tool, c->transport->name, r->exit_status,
                            (int)strcspn(r->err_out, "\r\n"), r->err_out);
    else
        return false;
    return true;
}

static int expand_files(struct ssh_connection *c, struct err *e)
{
    const struct ssh_list *from = &c->settings.known_hosts_files;
    c->known_files.items = calloc(from->count + 1, sizeof *c->known_files.items);
    if (!c->known_files.items)
        return err_set(e, "Out of memory.");
    for (size_t i = 0; i < from->count; i++) {
        if (strcmp(from->items[i], "none") == 0)
            continue;
        char *path = ssh_expand(from->items[i], &c->tokens, e);
        if (!path)
            return -1;
        c->known_files.items[c->known_files.count++] = path;
    }
    return 0;
}

static int learn(struct ssh_connection *c, const char *text, struct err *e)
{
    struct ssh_settings *s = &c->settings;
    if (ssh_settings_parse(text, s, e) < 0)
        return -1;
    const struct passwd *me = getpwuid(getuid());
    const char *home = getenv("HOME");
    c->home = strdup(home && home[0] ? home : me ? me->pw_dir : "/");
    c->local_user = strdup(me ? me->pw_name : "");
    c->known_name = ssh_known_name(s);
    if (!c->home || !c->local_user || !c->known_name)
        return err_set(e, "Out of memory.");
    const char *at = strrchr(c->transport->destination.ssh, '@');
    c->tokens = (struct ssh_tokens){.home = c->home,
                                    .host = s->host_name,
                                    .original = at ? at + 1 : c->transport->destination.ssh,
                                    .user = s->user,
                                    .local_user = c->local_user,
                                    .key_alias = s->host_key_alias ? s->host_key_alias : s->host_name,
                                    .port = s->port};
    return expand_files(c, e);
}

static void on_settings(void *arg, const struct spawn_result *r)
{
    struct ssh_connection *c = arg;
    c->spawn = NULL;
    if (tool_failed(c, "ssh -G", r, 0))
        return;
    struct err e;
    if (learn(c, r->out, &e) < 0) {
        ssh_connection_fail(c, false, "SSH settings of %s: %s", c->transport->name, e.text);
        return;
    }
    (void)snprintf(c->transport->where, sizeof c->transport->where, "%s (%s@%s:%d)", c->transport->name,
                   c->settings.user, c->settings.host_name, c->settings.port);
    for (size_t i = 0; i < c->settings.not_honoured.count; i++)
        log_warning(c->transport->subject, "%s in the SSH configuration is not honoured",
                    c->settings.not_honoured.items[i]);
    ssh_connection_set_recorded(c);
    ssh_recorded_ask(c);
}

void ssh_settings_ask(struct ssh_connection *c)
{
    struct ssh_destination *d = &c->transport->destination;
    struct err e;
    if (!d->ssh && ssh_destination_parse(c->transport->name, d, &e) < 0) {
        ssh_connection_fail(c, false, "%s", e.text);
        return;
    }
    char port[NUMBER_TEXT];
    (void)snprintf(port, sizeof port, "%d", d->port);
    const char *argv[TOOL_ARGS_MAX] = {"ssh"};
    size_t n = 1;
    if (d->port) {
        argv[n++] = "-p";
        argv[n++] = port;
    }
    argv[n++] = "-G";
    argv[n++] = "--";
    argv[n] = d->ssh;
    c->spawn = spawn_run(c->transport->loop, argv, SSH_TOOL_MS, on_settings, c);
    if (!c->spawn)
        ssh_connection_fail(c, true, "Out of memory while connecting to %s.", c->transport->name);
}

static void on_recorded(void *arg, const struct spawn_result *r)
{
    struct ssh_connection *c = arg;
    c->spawn = NULL;
    enum { NOT_FOUND = 1 };
    if (tool_failed(c, "ssh-keygen -F", r, NOT_FOUND))
        return;
    if (ssh_known_parse(r->out, c->known_files.items[c->known_at++], &c->known) < 0)
        ssh_connection_fail(c, true, "Out of memory while connecting to %s.", c->transport->name);
    else
        ssh_recorded_ask(c);
}

void ssh_recorded_ask(struct ssh_connection *c)
{
    while (c->known_at < c->known_files.count && access(c->known_files.items[c->known_at], F_OK) < 0)
        c->known_at++;
    if (c->known_at == c->known_files.count) {
        ssh_connection_dial(c);
        return;
    }
    const char *argv[] = {"ssh-keygen", "-F", c->known_name, "-f", c->known_files.items[c->known_at], NULL};
    c->spawn = spawn_run(c->transport->loop, argv, SSH_TOOL_MS, on_recorded, c);
    if (!c->spawn)
        ssh_connection_fail(c, true, "Out of memory while connecting to %s.", c->transport->name);
}
