/* The tables are documents: a line for each kind of message, a column for each state. */
#include "proxy/session/routes.h"

#include <string.h>

enum {
    PROGRAM_LOST = SESSION_STATES, /* SESSION_RECOVERING with SESSION_LOSS_PROGRAM */
    COLUMNS
};

static size_t column(enum session_state state, enum session_loss loss)
{
    return state == SESSION_RECOVERING && loss == SESSION_LOSS_PROGRAM ? (size_t)PROGRAM_LOST : (size_t)state;
}

/* clang-format off */

#define COLUMNS_OF(verb, new, initialized, launching, early, live, recovering, lost, idle, terminated, ending, over) { \
    [SESSION_NEW] = verb##new, [SESSION_INITIALIZED] = verb##initialized, [SESSION_LAUNCHING] = verb##launching, \
    [SESSION_EARLY] = verb##early, [SESSION_OVERDUE] = verb##early, [SESSION_LIVE] = verb##live, \
    [SESSION_RECOVERING] = verb##recovering, [PROGRAM_LOST] = verb##lost, [SESSION_IDLE] = verb##idle, \
    [SESSION_TERMINATED] = verb##terminated, [SESSION_ENDING] = verb##ending, [SESSION_OVER] = verb##over}
#define CLIENT(kind, ...) [FROM_CLIENT_##kind] = COLUMNS_OF(CLIENT_VERB_, __VA_ARGS__)
#define DELVE(kind, ...) [FROM_DELVE_##kind] = COLUMNS_OF(DELVE_VERB_, __VA_ARGS__)

static const enum client_verb client_routes[FROM_CLIENT_KINDS][COLUMNS] = {
/*                  NEW     INIT-    LAUNCHING EARLY      LIVE     RECOV-   PROGRAM  IDLE     TERMI-   ENDING   OVER */
/*                          IALIZED            OVERDUE             ERING    LOST              NATED                 */
CLIENT(INITIALIZE,  BEGIN,  TWICE,   TWICE,    TWICE,     TWICE,   TWICE,   TWICE,   TWICE,   TWICE,   REFUSE,  DROP),
CLIENT(LAUNCH,      REJECT, LAUNCH,  TWICE,    TWICE,     TWICE,   TWICE,   TWICE,   TWICE,   TWICE,   REFUSE,  DROP),
CLIENT(DISCONNECT,  REJECT, END,     END,      END,       END,     END,     END,     END,     END,     GOODBYE, DROP),
CLIENT(RESTART,     REJECT, DECLINE, RESTART,  RESTART,   RESTART, RESTART, RESTART, RESTART, DECLINE, REFUSE,  DROP),
CLIENT(TERMINATE,   REJECT, REFUSE,  HOLD,     TERMINATE, FORWARD, HOLD,    REFUSE,  REFUSE,  FORWARD, REFUSE,  DROP),
CLIENT(CONFIGURED,  REJECT, REFUSE,  HOLD,     CONFIGURE, FORWARD, HOLD,    HOLD,    REFUSE,  FORWARD, REFUSE,  DROP),
CLIENT(BREAKPOINTS, REJECT, REFUSE,  HOLD,     NOTE,      FORWARD, HOLD,    HOLD,    NOTE,    FORWARD, REFUSE,  DROP),
CLIENT(ADDRESSES,   REJECT, REFUSE,  HOLD,     NOTE,      FORWARD, HOLD,    REFUSE,  NOTE,    FORWARD, REFUSE,  DROP),
CLIENT(THREADS,     REJECT, REFUSE,  HOLD,     EMPTY,     FORWARD, HOLD,    HOLD,    EMPTY,   FORWARD, REFUSE,  DROP),
CLIENT(QUESTION,    REJECT, REFUSE,  HOLD,     REFUSE,    FORWARD, HOLD,    HOLD,    REFUSE,  FORWARD, REFUSE,  DROP),
CLIENT(ACTION,      REJECT, REFUSE,  HOLD,     REFUSE,    FORWARD, HOLD,    REFUSE,  REFUSE,  FORWARD, REFUSE,  DROP),
CLIENT(CANCEL,      REJECT, REFUSE,  HOLD,     REFUSE,    FORWARD, HOLD,    REFUSE,  REFUSE,  FORWARD, REFUSE,  DROP),
CLIENT(OTHER,       REJECT, REFUSE,  HOLD,     REFUSE,    FORWARD, HOLD,    REFUSE,  REFUSE,  FORWARD, REFUSE,  DROP),
CLIENT(RESPONSE,    REJECT, DROP,    HOLD,     DROP,      FORWARD, DROP,    DROP,    DROP,    FORWARD, DROP,    DROP),
CLIENT(EVENT,       REJECT, DROP,    HOLD,     DROP,      FORWARD, DROP,    DROP,    DROP,    FORWARD, DROP,    DROP),
};

/* Where there is no Delve it says nothing. */
static const enum delve_verb delve_routes[FROM_DELVE_KINDS][COLUMNS] = {
/*                 NEW   INIT-   LAUNCHING EARLY    LIVE     RECOV-   PROGRAM  IDLE  TERMI-   ENDING   OVER */
/*                       IALIZED           OVERDUE           ERING    LOST           NATED                 */
DELVE(REPLAYED,    DROP, DROP,   REPLAY,   REPLAY,  REPLAY,  REPLAY,  REPLAY,  DROP, REPLAY,  REPLAY,  DROP),
DELVE(NAMES,       DROP, DROP,   NAME,     NAME,    NAME,    NAME,    NAME,    DROP, NAME,    NAME,    DROP),
DELVE(RESUMED,     DROP, DROP,   RUN,      RUN,     RUN,     RUN,     RUN,     DROP, RUN,     RUN,     DROP),
DELVE(THREADS,     DROP, DROP,   KEEP,     KEEP,    KEEP,    KEEP,    KEEP,    DROP, KEEP,    KEEP,    DROP),
DELVE(ANSWER,      DROP, DROP,   FORWARD,  FORWARD, FORWARD, FORWARD, FORWARD, DROP, FORWARD, FORWARD, DROP),
DELVE(REQUEST,     DROP, DROP,   FORWARD,  FORWARD, FORWARD, FORWARD, FORWARD, DROP, FORWARD, FORWARD, DROP),
/* A client that has configured its session would do so again. */
DELVE(INITIALIZED, DROP, DROP,   FORWARD,  DROP,    FORWARD, DROP,    DROP,    DROP, FORWARD, FORWARD, DROP),
DELVE(STOPPED,     DROP, DROP,   STOP,     STOP,    STOP,    STOP,    STOP,    DROP, STOP,    STOP,    DROP),
DELVE(CONTINUED,   DROP, DROP,   RUN,      RUN,     RUN,     RUN,     RUN,     DROP, RUN,     RUN,     DROP),
DELVE(EVENT,       DROP, DROP,   FORWARD,  FORWARD, FORWARD, FORWARD, FORWARD, DROP, FORWARD, FORWARD, DROP),
};

static const struct {
    const char *command;
    enum from_client kind;
} requests[] = {
    {"initialize",                FROM_CLIENT_INITIALIZE},
    {"launch",                    FROM_CLIENT_LAUNCH},
    {"attach",                    FROM_CLIENT_LAUNCH},
    {"disconnect",                FROM_CLIENT_DISCONNECT},
    {"restart",                   FROM_CLIENT_RESTART},
    {"terminate",                 FROM_CLIENT_TERMINATE},
    {"configurationDone",         FROM_CLIENT_CONFIGURED},
    {"setBreakpoints",            FROM_CLIENT_BREAKPOINTS},
    {"setFunctionBreakpoints",    FROM_CLIENT_BREAKPOINTS},
    {"setExceptionBreakpoints",   FROM_CLIENT_BREAKPOINTS},
    {"setInstructionBreakpoints", FROM_CLIENT_ADDRESSES},
    {"setDataBreakpoints",        FROM_CLIENT_ADDRESSES},
    {"threads",                   FROM_CLIENT_THREADS},
    {"loadedSources",             FROM_CLIENT_QUESTION},
    {"modules",                   FROM_CLIENT_QUESTION},
    {"breakpointLocations",       FROM_CLIENT_QUESTION},
    {"continue",                  FROM_CLIENT_ACTION},
    {"next",                      FROM_CLIENT_ACTION},
    {"stepIn",                    FROM_CLIENT_ACTION},
    {"stepOut",                   FROM_CLIENT_ACTION},
    {"stepBack",                  FROM_CLIENT_ACTION},
    {"reverseContinue",           FROM_CLIENT_ACTION},
    {"pause",                     FROM_CLIENT_ACTION},
    {"goto",                      FROM_CLIENT_ACTION},
    {"cancel",                    FROM_CLIENT_CANCEL},
};

static const char *const refusals[SESSION_STATES] = {
    [SESSION_INITIALIZED] = "no debug session yet; send launch or attach first",
    [SESSION_EARLY]       = "the program is being started and is not running yet",
    [SESSION_OVERDUE]     = "the program is being started and is not running yet",
    [SESSION_RECOVERING]  = "Delve is being restarted; wait for the next stop",
    [SESSION_IDLE]        = "no program is running: correct what the Debug Console reports and press Restart",
    [SESSION_TERMINATED]  = "the program has ended; start the session again",
    [SESSION_ENDING]      = "the session is ending",
};

/* clang-format on */

enum from_client route_kind_from_client(const struct dap_message *m)
{
    if (m->type != DAP_REQUEST)
        return m->type == DAP_RESPONSE ? FROM_CLIENT_RESPONSE : FROM_CLIENT_EVENT;
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
        if (strcmp(requests[i].command, m->name) == 0)
            return requests[i].kind;
    return FROM_CLIENT_OTHER;
}

enum client_verb route_from_client(enum session_state state, enum session_loss loss, enum from_client kind)
{
    return client_routes[kind][column(state, loss)];
}

const char *route_refusal(enum session_state state)
{
    return refusals[state];
}

static bool is_one_of(const char *name, const char *const *names)
{
    while (*names && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

static enum from_delve kind_of_answer(const struct dap_message *m, const struct dap_asked *asked)
{
    static const char *const resumes[] = {"continue", "next", "stepIn", "stepOut", "stepBack", "reverseContinue", NULL};
    if (asked && asked->asker == DAP_ASKER_JOURNAL)
        return FROM_DELVE_REPLAYED;
    if (asked && asked->asker == DAP_ASKER_NAMES)
        return FROM_DELVE_NAMES;
    if (m->success && is_one_of(m->name, resumes))
        return FROM_DELVE_RESUMED;
    return m->success && strcmp(m->name, "threads") == 0 ? FROM_DELVE_THREADS : FROM_DELVE_ANSWER;
}

enum from_delve route_kind_from_delve(const struct dap_message *m, const struct dap_asked *asked)
{
    static const struct {
        const char *event;
        enum from_delve kind;
    } events[] = {
        {"initialized", FROM_DELVE_INITIALIZED}, {"stopped", FROM_DELVE_STOPPED}, {"continued", FROM_DELVE_CONTINUED}};
    if (m->type == DAP_RESPONSE)
        return kind_of_answer(m, asked);
    if (m->type == DAP_REQUEST)
        return FROM_DELVE_REQUEST;
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        if (strcmp(events[i].event, m->name) == 0)
            return events[i].kind;
    return FROM_DELVE_EVENT;
}

enum delve_verb route_from_delve(enum session_state state, enum session_loss loss, enum from_delve kind)
{
    return delve_routes[kind][column(state, loss)];
}
