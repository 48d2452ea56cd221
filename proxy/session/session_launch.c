/* What the client wants debugged: its launch, attach and restart requests. */
#include "proxy/session/session_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NOTES_MAX = 100, /* notes about one launch.json that are shown */
    REST_MAX = 64    /* bytes of the line about the others */
};

static void free_launch(struct launch *l)
{
    delve_plan_free(l->plan);
    delve_prelaunch_free(&l->prelaunch);
    free(l);
}

void session_free_launches(struct session *s, bool all)
{
    struct launch **from = all || !s->launch ? &s->launch : &s->launch->older;
    while (*from) {
        struct launch *l = *from;
        *from = l->older;
        free_launch(l);
    }
}

/* launch.json's own mappings come before the target's, so that of equal prefixes they win; what is wrong with one the
 * plan says. */
static int collect_paths(struct session *s, const json_t *arguments)
{
    size_t i;
    const json_t *rule;
    json_array_foreach(json_object_get(arguments, "substitutePath"), i, rule)
    {
        const char *from = json_string_value(json_object_get(rule, "from"));
        const char *to = json_string_value(json_object_get(rule, "to"));
        if (from && *from && to && config_paths_add(&s->paths, from, to) < 0)
            return -1;
    }
    return config_paths_add_all(&s->paths, &s->target->paths);
}

/* launch.json's list replaces the target's. */
static int read_prelaunch(const struct session *s, const json_t *arguments, struct delve_prelaunch *p, struct err *why)
{
    const json_t *own = json_object_get(json_object_get(arguments, "delvegate"), "prelaunch");
    return own && !json_is_null(own) ? delve_prelaunch_read(p, own, "delvegate.prelaunch", why)
                                     : delve_prelaunch_read(p, s->target->prelaunch, "the target's prelaunch", why);
}

static const char *go_env(void *arg, const char *name)
{
    const struct session *s = arg;
    const char *value = NULL;
    for (size_t i = 0; i < s->target->go_env_count; i++)
        if (strcmp(s->target->go_env[i].name, name) == 0)
            value = s->target->go_env[i].value;
    return value;
}

static int fill_launch(struct session *s, struct launch *l, const json_t *arguments, struct err *why)
{
    const struct delve_target target = {
        .log_output = s->target->delve_log_output,
        .flags = (const char *const *)s->target->delve_flags,
        .gocache = s->target->gocache,
        .map_path = session_map_path,
        .name_rule = session_name_rule,
        .go_env = go_env,
        .is_local = config_target_is_local(s->target),
        .map_arg = s,
    };
    if (collect_paths(s, arguments) < 0)
        return err_set(why, "out of memory");
    l->plan = delve_plan_new(arguments, s->is_attach, &target, why);
    return l->plan ? read_prelaunch(s, arguments, &l->prelaunch, why) : -1;
}

static void say_notes(struct session *s, const struct delve_strings *notes)
{
    char more[REST_MAX];
    size_t shown = notes->count <= NOTES_MAX ? notes->count : NOTES_MAX;
    for (size_t i = 0; i < shown; i++)
        session_say(s, "console", notes->list[i]);
    if (shown == notes->count)
        return;
    (void)snprintf(more, sizeof more, "and %zu more notes like these", notes->count - shown);
    session_say(s, "console", more);
}

/* Reads what a request asks for; it becomes the session's newest launch. Returns -1 with *why, and everything as it
 * was. */
static int new_launch(struct session *s, const json_t *arguments, struct err *why)
{
    struct config_paths before = s->paths;
    struct launch *l = calloc(1, sizeof *l);
    if (!l)
        return err_set(why, "out of memory");
    s->paths = (struct config_paths){0};
    if (fill_launch(s, l, arguments, why) < 0 || !l->plan) {
        config_paths_free(&s->paths);
        s->paths = before;
        free_launch(l);
        return -1;
    }
    config_paths_free(&before);
    l->older = s->launch;
    s->launch = l;
    say_notes(s, &l->plan->notes);
    return 0;
}

void session_on_launch(struct session *s, const struct dap_message *m)
{
    struct err why;
    session_set_state(s, SESSION_LAUNCHING, m->name);
    s->is_attach = strcmp(m->name, "attach") == 0;
    s->launch_seq = m->seq;
    s->launch_waits = true;
    json_t *arguments;
    int r = session_arguments(m, &arguments, &why);
    if (r == 0)
        r = new_launch(s, arguments, &why);
    json_decref(arguments);
    if (r == 0 && !s->delve)
        r = err_set(&why, "out of memory");
    if (r < 0) {
        session_log_failure(s, why.text);
        session_answer_launch_failed(s, why.text);
        session_set_state(s, SESSION_TERMINATED, session_failed_text);
        session_answer_pending(s, why.text);
        session_terminated(s);
        return;
    }
    if (s->memory->warning)
        session_say(s, "console", s->memory->warning);
    if (s->traits->begins != DAP_BEGINS_AS_DELVE)
        session_begin_early(s);
    delve_start(s->delve, s->launch->plan, &s->launch->prelaunch, s->initialize_arguments);
}

/* --- restart --- */

static void answer_restart(struct session *s, int64_t seq, const char *failed)
{
    if (failed && !s->traits->deaf_after_failed_restart)
        session_respond_error(s, seq, "restart", ERROR_INTERNAL, failed, !s->disconnect_waits);
    else
        session_respond(s, seq, "restart", NULL);
}

void session_answer_restart(struct session *s, const char *failed)
{
    if (!s->restart_waits)
        return;
    s->restart_waits = false;
    answer_restart(s, s->restart_seq, failed);
}

static void refuse_restart(struct session *s, int64_t seq, const char *why)
{
    session_say(s, "important", why);
    answer_restart(s, seq, why);
}

/* The request's arguments are the launch or attach request's, as they are now; without any nothing has changed. */
static int read_restart(struct session *s, const json_t *arguments, struct err *why)
{
    const json_t *changed = json_object_get(arguments, "arguments");
    const char *request = json_string_value(json_object_get(changed, "request"));
    if (!json_is_object(changed) || json_object_size(changed) == 0)
        return 0;
    if (request && strcmp(request, s->is_attach ? "attach" : "launch") != 0)
        return err_set(why, "restart cannot change this session's kind to \"%s\": end the session and start a new one",
                       request);
    const struct launch *before = s->launch;
    if (new_launch(s, changed, why) < 0)
        return -1;
    if ((s->launch->plan->mode == DELVE_REMOTE) == (before->plan->mode == DELVE_REMOTE))
        return 0;
    struct launch *unfit = s->launch;
    s->launch = unfit->older;
    free_launch(unfit);
    return err_set(why,
                   "restart cannot change the session to or from mode remote: end the session and start a new one");
}

void session_decline_restart(struct session *s, const struct dap_message *m)
{
    refuse_restart(s, m->seq, route_refusal(s->state));
}

void session_on_restart(struct session *s, const struct dap_message *m)
{
    struct err why;
    if (!s->delve) {
        refuse_restart(s, m->seq, route_refusal(SESSION_INITIALIZED));
        return;
    }
    json_t *arguments;
    int r = session_arguments(m, &arguments, &why);
    if (r == 0)
        r = read_restart(s, arguments, &why);
    json_decref(arguments);
    if (r < 0) {
        refuse_restart(s, m->seq, why.text);
        return;
    }
    session_answer_restart(s, "another restart was requested");
    s->restart_seq = m->seq;
    s->restart_waits = true;
    if (s->state == SESSION_LIVE) {
        session_broken(s, "restart");
        session_lost(s, SESSION_LOSS_PROGRAM, false, "the program was restarted");
    } else if (s->state == SESSION_RECOVERING) {
        session_lost(s, SESSION_LOSS_PROGRAM, false, "the program was restarted");
    } else if (s->state == SESSION_IDLE) {
        session_set_state(s, SESSION_RECOVERING, "restart");
        s->loss = SESSION_LOSS_PROGRAM;
    }
    delve_restart(s->delve, s->launch->plan, &s->launch->prelaunch);
}
