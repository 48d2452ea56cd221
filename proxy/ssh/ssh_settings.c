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
    c->plain_name = ssh_known_plain_name(s);
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
    return 0;
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

void ssh_settings_command(const struct ssh_connection *c, const char *options, struct buf *out)
{
    const struct ssh_destination *d = &c->transport->destination;
    (void)buf_puts(out, "ssh "); /* failure is sticky */
    if (d->port)
        (void)buf_printf(out, "-p %d ", d->port);
    (void)buf_printf(out, "%s%s true", options, d->ssh);
}

/* One look into a file for a name. */
struct look {
    const char *file, *name;
    bool is_user_file;
    struct ssh_known *into;
};

/* The files of the user, then everybody's, for the name; then the same for the name without its port. Returns false
   when all was looked at. */
static bool look_at(struct ssh_connection *c, size_t i, struct look *l)
{
    const struct ssh_list *user = &c->settings.known_hosts_files;
    const struct ssh_list *global = &c->settings.global_known_files;
    size_t files = user->count + global->count;
    if (files == 0 || i >= files * (c->plain_name ? 2 : 1))
        return false;
    bool is_plain = i >= files;
    size_t at = is_plain ? i - files : i;
    l->is_user_file = at < user->count;
    l->file = l->is_user_file ? user->items[at] : global->items[at - user->count];
    l->name = is_plain ? c->plain_name : c->known_name;
    l->into = is_plain ? &c->plain : &c->known;
    return true;
}

static void on_recorded(void *arg, const struct spawn_result *r)
{
    struct ssh_connection *c = arg;
    struct look l;
    c->spawn = NULL;
    enum { NOT_FOUND = 1 };
    if (tool_failed(c, "ssh-keygen -F", r, NOT_FOUND) || !look_at(c, c->known_at++, &l))
        return;
    if (ssh_known_parse(r->out, l.file, l.is_user_file, l.into) < 0)
        ssh_connection_fail(c, true, "Out of memory while connecting to %s.", c->transport->name);
    else
        ssh_recorded_ask(c);
}

void ssh_recorded_ask(struct ssh_connection *c)
{
    struct look l;
    bool more = look_at(c, c->known_at, &l);
    while (more && (strcmp(l.file, "none") == 0 || access(l.file, F_OK) < 0))
        more = look_at(c, ++c->known_at, &l);
    if (!more) {
        ssh_connection_dial(c);
        return;
    }
    const char *argv[] = {"ssh-keygen", "-F", l.name, "-f", l.file, NULL};
    c->spawn = spawn_run(c->transport->loop, argv, SSH_TOOL_MS, on_recorded, c);
    if (!c->spawn)
        ssh_connection_fail(c, true, "Out of memory while connecting to %s.", c->transport->name);
}
