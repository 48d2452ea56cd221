#include "proxy/base/state.h"

#include <stdlib.h>

#include "proxy/base/log.h"

unsigned state_next(const struct states *states, unsigned from, unsigned to, enum config_log_level level,
                    const char *subject, const char *reason)
{
    const char *between = states->what[0] ? " " : "";
    if (states->edges[from] & STATE_BIT(to)) {
        log_line(level, subject, "%s%s%s -> %s: %s", states->what, between, states->names[from], states->names[to],
                 reason);
        return to;
    }
    log_error(subject, "impossible: %s%s%s -> %s (%s); please report it", states->what, between, states->names[from],
              states->names[to], reason);
#ifdef STATE_ABORTS
    abort();
#else
    return from;
#endif
}
