#include "proxy/delve/process.h"

enum { MS = 1000 /* in a second */ };

void process_start(struct process *p, struct process_order order)
{
    p->ops->start(p, order);
}

void process_restart(struct process *p, struct process_order order)
{
    p->ops->restart(p, order);
}

void process_reconnect(struct process *p, const struct err *why)
{
    p->ops->reconnect(p, why);
}

void process_changed(struct process *p)
{
    p->ops->changed(p);
}

void process_attached(struct process *p)
{
    p->ops->attached(p);
}

void process_used(struct process *p)
{
    p->ops->used(p);
}

void process_wind_down(struct process *p)
{
    p->ops->wind_down(p);
}

void process_died(struct process *p, const struct err *why)
{
    p->ops->died(p, why);
}

void process_unreachable(struct process *p, enum delve_client_end end, const struct err *why)
{
    p->ops->unreachable(p, end, why);
}

void process_refused(struct process *p, const struct err *why)
{
    p->ops->refused(p, why);
}

bool process_is_quiet(const struct process *p)
{
    return p->ops->is_quiet(p);
}

void process_pause(struct process *p, bool paused)
{
    p->ops->pause(p, paused);
}

void process_end(struct process *p)
{
    p->ops->end(p);
}

void process_free(struct process *p, bool link_lost)
{
    if (p)
        p->ops->free(p, link_lost);
}

struct delve_recovery *process_recovery_new(const struct config_target *target)
{
    const struct delve_recovery_options options = {
        .mends = target->recover.mod_files != CONFIG_MOD_FILES_NEVER,
        .cleans_modcache = target->recover.clean_mod_cache,
        .attempts = (int)target->recover.attempts,
        .window_ms = (uint64_t)target->recover.window_seconds * MS,
        .backoff_ms = (uint64_t)target->recover.backoff_ms,
    };
    return delve_recovery_new(&options);
}
