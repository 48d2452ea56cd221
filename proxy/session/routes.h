/* What a session does with each message, in each of its states: the states, the kinds of messages, the verbs, and the
 * tables that connect them (in routes.c). Pure: what the verbs do is in session_verbs.c and session_delve.c. */
#ifndef PROXY_SESSION_ROUTES_H
#define PROXY_SESSION_ROUTES_H

#include "dap/message.h"
#include "dap/pending.h"

enum session_state {
    SESSION_NEW,         /* the first message must be initialize */
    SESSION_INITIALIZED, /* launch or attach is awaited */
    SESSION_LAUNCHING,   /* requests are held until Delve is attached to */
    SESSION_EARLY,       /* the client configures its session before there is a Delve: what it sets is noted */
    SESSION_OVERDUE,     /* likewise, and Delve does not wait for its configurationDone any longer */
    SESSION_LIVE,        /* messages pass */
    SESSION_RECOVERING,  /* Delve is gone and comes back: requests wait for it, or are refused */
    SESSION_IDLE,        /* Delve could not be started again: the user's Restart is awaited */
    SESSION_TERMINATED,  /* `terminated` is sent; disconnect is awaited */
    SESSION_ENDING,      /* the client is gone or about to be; Delve is being ended */
    SESSION_OVER,
    SESSION_STATES
};

/* What SESSION_RECOVERING has lost; in other states it means nothing. */
enum session_loss {
    SESSION_LOSS_UNKNOWN,    /* not known yet: everything waits */
    SESSION_LOSS_CONNECTION, /* the program is the same: everything waits */
    SESSION_LOSS_PROGRAM,    /* what only makes sense in the old program is refused */
    SESSION_LOSSES
};

/* --- the client's messages --- */

enum from_client {
    FROM_CLIENT_INITIALIZE,
    FROM_CLIENT_LAUNCH, /* launch, attach */
    FROM_CLIENT_DISCONNECT,
    FROM_CLIENT_RESTART,
    FROM_CLIENT_TERMINATE,
    FROM_CLIENT_CONFIGURED,  /* configurationDone */
    FROM_CLIENT_BREAKPOINTS, /* breakpoints that hold in any process: in lines, on functions, on exceptions */
    FROM_CLIENT_ADDRESSES,   /* breakpoints at addresses of one process: on instructions, on data */
    FROM_CLIENT_THREADS,
    FROM_CLIENT_QUESTION, /* what may be asked of any process: loadedSources, modules, breakpointLocations */
    FROM_CLIENT_ACTION,   /* what only a person makes a client ask: continue, next, pause ... */
    FROM_CLIENT_CANCEL,
    FROM_CLIENT_OTHER, /* every other request */
    FROM_CLIENT_RESPONSE,
    FROM_CLIENT_EVENT,
    FROM_CLIENT_KINDS
};

enum client_verb {
    CLIENT_VERB_NONE,      /* in no table */
    CLIENT_VERB_REJECT,    /* no DAP client: the connection is closed without an answer */
    CLIENT_VERB_BEGIN,     /* answers initialize, and begins to connect to the Go machine */
    CLIENT_VERB_LAUNCH,    /* starts what launch or attach asks for; answered when that is attached to */
    CLIENT_VERB_TWICE,     /* refuses a second initialize, launch or attach, and has the client show that */
    CLIENT_VERB_END,       /* ends the session; answered when Delve is ended */
    CLIENT_VERB_GOODBYE,   /* a disconnect while the session ends: answered when it has ended */
    CLIENT_VERB_RESTART,   /* ends the program and starts it again; answered when that is attached to */
    CLIENT_VERB_DECLINE,   /* refuses restart, with the state's reason in the Debug Console too */
    CLIENT_VERB_TERMINATE, /* ends the session before the program was started */
    CLIENT_VERB_CONFIGURE, /* the first Delve may let the program run; answered then, or at once */
    CLIENT_VERB_NOTE,      /* answers from the journal, which notes what is set for the next Delve */
    CLIENT_VERB_EMPTY,     /* answers that there are no threads */
    CLIENT_VERB_HOLD,      /* keeps it until Delve is attached to */
    CLIENT_VERB_FORWARD,   /* sends it to Delve, with paths and handles translated; the journal notes what it sets */
    CLIENT_VERB_REFUSE,    /* answers with an error, the state's reason */
    CLIENT_VERB_DROP,      /* nobody waits for it */
    CLIENT_VERBS
};

/* What kind of message of the client's this is. */
enum from_client route_kind_from_client(const struct dap_message *m);
/* What is done with a message of the client's. */
enum client_verb route_from_client(enum session_state state, enum session_loss loss, enum from_client kind);
/* Why requests are refused in a state: an error for the user. NULL where none is. */
const char *route_refusal(enum session_state state);

/* --- Delve's messages --- */

enum from_delve {
    FROM_DELVE_REPLAYED, /* the answer to what it was sent again */
    FROM_DELVE_NAMES,    /* the answer to what the program calls its files */
    FROM_DELVE_RESUMED,  /* the program runs: continue, next ... have succeeded */
    FROM_DELVE_THREADS,  /* threads has succeeded */
    FROM_DELVE_ANSWER,   /* every other answer to a request of the client's */
    FROM_DELVE_REQUEST,
    FROM_DELVE_INITIALIZED,
    FROM_DELVE_STOPPED,
    FROM_DELVE_CONTINUED,
    FROM_DELVE_EVENT, /* every other event */
    FROM_DELVE_KINDS
};

enum delve_verb {
    DELVE_VERB_NONE,    /* in no table */
    DELVE_VERB_REPLAY,  /* the client hears what has become of its breakpoints */
    DELVE_VERB_NAME,    /* the user hears which rule for paths is missing */
    DELVE_VERB_RUN,     /* notes that the program runs; sent to the client */
    DELVE_VERB_STOP,    /* notes that the program is stopped; sent to the client, unless that knows of it */
    DELVE_VERB_KEEP,    /* keeps which threads the client shows; sent to it */
    DELVE_VERB_FORWARD, /* sent to the client, with paths and handles translated */
    DELVE_VERB_DROP,    /* the client is not to see it */
    DELVE_VERBS
};

/* What kind of message of Delve's this is. asked: what a response answers; NULL otherwise. */
enum from_delve route_kind_from_delve(const struct dap_message *m, const struct dap_asked *asked);
/* What is done with a message of Delve's. */
enum delve_verb route_from_delve(enum session_state state, enum session_loss loss, enum from_delve kind);

#endif
