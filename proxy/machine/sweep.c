#include "proxy/machine/sweep.h"

#include <string.h>

#include "proxy/base/log.h"
#include "proxy/base/spawn.h"
#include "proxy/machine/programs.h"

enum {
    PATH_SIZE = 4096,
    SWEEP_MS = 120 * 1000 /* a Delve that has to detach takes its time */
};

static struct spawn *sweeping;

static void on_swept(void *arg, const struct spawn_result *r)
{
    const char *line = r->out;
    (void)arg;
    sweeping = NULL;
    for (const char *end; (end = strchr(line, '\n')); line = end + 1)
        log_info(NULL, "%.*s", (int)(end - line), line);
    if (r->error || r->timed_out || r->exit_status)
        log_warning(NULL, "the leftovers of dead sessions on this machine could not be looked for: %s",
                    r->error       ? uv_strerror(r->error)
                    : r->timed_out ? "it took too long"
                                   : r->err_out);
}

void sweep_local(uv_loop_t *loop)
{
    char program[PATH_SIZE];
    struct err why;
    const char *argv[] = {program, "sweep", NULL};
    if (sweeping)
        return;
    if (programs_local(program, sizeof program, &why) < 0)
        log_error(NULL, "%s", why.text);
    else
        sweeping = spawn_run(loop, argv, SWEEP_MS, on_swept, NULL);
}

void sweep_forget(void)
{
    if (sweeping)
        spawn_cancel(sweeping);
    sweeping = NULL;
}
