#include "proxy/cli/one_shot.h"

#include <libssh2.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/log.h"
#include "proxy/base/timer.h"
#include "proxy/cli/command_line.h"
#include "proxy/cli/config_file.h"

enum { SLOW_MS = 2000 /* from the start to the first note of what it waits for */ };

static const int signal_numbers[ONE_SHOT_SIGNALS] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

void one_shot_report(const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    for (char *line = text, *end; line; line = end) {
        end = strchr(line, '\n');
        if (end)
            *end++ = '\0';
        (void)fprintf(stderr, "delvegate: %s\n", line);
    }
}

/* --- its end --- */

void one_shot_over(struct one_shot *s)
{
    s->is_over = true;
    timer_stop(s->slow);
    keeper_free(s->keeper, s->link == NULL);
    s->keeper = NULL;
}

void one_shot_stop(struct one_shot *s)
{
    one_shot_over(s);
    uv_stop(&s->loop);
}

static void fail(struct one_shot *s, const struct err *why)
{
    if (s->is_over)
        log_debug(s->command->name, "after the end: %s", why->text);
    else
        s->command->failed(s->arg, why);
    one_shot_over(s);
}

/* --- the link --- */

static void on_link_ready(void *arg)
{
    struct one_shot *s = arg;
    const struct one_shot_command *c = s->command;
    struct err why;
    if (s->keeper || s->is_over)
        return;
    timer_stop(s->slow);
    s->is_slow = false;
    s->keeper = keeper_start(&s->loop, s->link, s->target, c->name, c->needs_delve, c->keeper, s->arg);
    if (!s->keeper) {
        err_set(&why, "out of memory");
        fail(s, &why);
    } else if (c->begun) {
        c->begun(s->arg);
    }
}

static void on_link_lost(void *arg, const struct err *why, bool transient)
{
    struct one_shot *s = arg;
    (void)transient;
    s->link = NULL;
    fail(s, why);
}

/* Only who has to wait wants to know for what. */
static void on_link_note(void *arg, const char *text)
{
    struct one_shot *s = arg;
    if (s->is_over)
        return;
    if (s->is_slow)
        one_shot_report("%s", text);
    else
        (void)snprintf(s->waits_for, sizeof s->waits_for, "%s", text);
}

/* The note about a loss has come before. */
static void on_link_outage(void *arg, const char *text)
{
    struct one_shot *s = arg;
    bool was_slow = s->is_slow;
    s->is_slow = text != NULL;
    if (s->is_over)
        return;
    if (text && !was_slow)
        one_shot_report("%s", s->waits_for);
    else if (!text)
        one_shot_report("the connection to %s is restored", s->machine->where);
}

static const struct link_handler link_events = {
    .ready = on_link_ready, .note = on_link_note, .outage = on_link_outage, .lost = on_link_lost};

static void on_slow(void *arg)
{
    struct one_shot *s = arg;
    s->is_slow = true;
    if (s->waits_for[0])
        one_shot_report("%s", s->waits_for);
}

/* --- from start to end --- */

static void on_signal(uv_signal_t *handle, int number)
{
    struct one_shot *s = handle->data;
    s->command->signalled(s->arg, number);
}

static void catch_signals(struct one_shot *s)
{
    for (size_t i = 0; i < ONE_SHOT_SIGNALS; i++) {
        uv_signal_init(&s->loop, &s->signals[i]);
        s->signals[i].data = s;
        uv_signal_start(&s->signals[i], on_signal, signal_numbers[i]);
    }
}

int one_shot_start(struct one_shot *s, void *arg)
{
    s->arg = arg;
    uv_loop_init(&s->loop);
    s->is_open = true;
    (void)signal(SIGPIPE, SIG_IGN); /* an error of write(2) says it */
    if (s->command->signalled)
        catch_signals(s);
    s->slow = timer_new(&s->loop, on_slow, s);
    s->machine = machine_of_target(&s->loop, s->target);
    if (s->slow && s->machine)
        s->link = machine_link(s->machine, &link_events, s);
    if (!s->link)
        return -1;
    timer_start(s->slow, SLOW_MS, 0);
    return 0;
}

void one_shot_wait(struct one_shot *s)
{
    uv_run(&s->loop, UV_RUN_DEFAULT);
}

static void close_loop(struct one_shot *s)
{
    if (!s->is_open)
        return;
    one_shot_over(s);
    if (s->link)
        link_close(s->link);
    machine_release(s->machine);
    timer_free(s->slow);
    for (size_t i = 0; s->command->signalled && i < ONE_SHOT_SIGNALS; i++)
        uv_close((uv_handle_t *)&s->signals[i], NULL);
    machine_forget(&s->loop);
    while (uv_run(&s->loop, UV_RUN_ONCE) != 0)
        continue;
    uv_loop_close(&s->loop);
}

static const struct config_target *find_target(const struct one_shot_command *c, const struct config *config,
                                               const char *name)
{
    const struct config_target *found = NULL;
    if (name || c->target_is_optional)
        found = config_target_find(config, name ? name : "local");
    if (!found && !name && c->target_is_optional && config->target_count == 1)
        found = &config->targets[0];
    if (found)
        return found;
    char *names = config_target_names(config);
    const char *list = names ? names : "(out of memory)";
    if (name)
        one_shot_report("there is no target '%s'; the configuration has: %s", name, list);
    else
        one_shot_report("%s; the configuration has: %s", c->needs_target, list);
    free(names);
    return NULL;
}

static int run(const struct one_shot_command *c, const struct config *config, const struct one_shot_options *o)
{
    struct one_shot s = {.command = c, .target = find_target(c, config, o->target)};
    if (!s.target)
        return ONE_SHOT_WRONG;
    /* stderr is not the log's. */
    log_set_level(config->log_level == CONFIG_LOG_DEBUG ? CONFIG_LOG_DEBUG : CONFIG_LOG_ERROR);
    int status = c->run(&s, o);
    close_loop(&s);
    return status;
}

int one_shot_main(const struct one_shot_command *c, const char *config_given, int argc, char **argv)
{
    struct one_shot_options o = {.config = config_given};
    if (one_shot_options_read(&o, argc, argv) < 0)
        return ONE_SHOT_WRONG;
    if (o.help)
        return command_print_help(command_find(c->name)) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    struct config_file file = {.given = o.config};
    struct config *config = config_file_load(&file);
    if (!config)
        return ONE_SHOT_WRONG;
    int status = run(c, config, &o);
    config_unref(config);
    libssh2_exit();
    return status;
}
