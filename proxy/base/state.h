/* State machines: the names of the states, which may follow which, and the one way from one to the next. */
#ifndef PROXY_BASE_STATE_H
#define PROXY_BASE_STATE_H

#include <stddef.h>

#include "config/config.h"

/* A state's bit in an entry of `edges`. */
#define STATE_BIT(state) (1U << (state))

/* A kind of machine. Its states are an enum's values, numbered from 0. */
struct states {
    const char *what;         /* what moves, for the log; "" where the subject says it */
    const char *const *names; /* of each state */
    const unsigned *edges;    /* for each state the bits of those that may follow it */
};

/* Returns the state that a machine is in after it was asked to move from one state to another, and logs the move with
 * its reason at the level. subject: as in log.h. An edge that the table does not have is a bug: it is logged as an
 * error. Builds for tests (STATE_ABORTS) end there; a release build stays in `from`, so that one session's bug costs
 * no other session anything. */
unsigned state_next(const struct states *states, unsigned from, unsigned to, enum config_log_level level,
                    const char *subject, const char *reason);

#endif
