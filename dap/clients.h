/* What editors make of DAP where they do not do what the specification says, and what they can live with: a table by
 * `clientID` of initialize. */
#ifndef DAP_CLIENTS_H
#define DAP_CLIENTS_H

#include <jansson.h>
#include <stdbool.h>

/* How a session begins for a client: when it gets `initialized`, so that it sets its breakpoints, and when launch (or
 * attach) and configurationDone are answered. */
enum dap_client_begins {
    DAP_BEGINS_AS_DELVE,       /* all of it when Delve does */
    DAP_BEGINS_EARLY,          /* at once, all of it: a launch that fails is output, `exited` and `terminated` */
    DAP_BEGINS_EARLY_AND_WAITS /* `initialized` at once, the answers when the program runs */
};

struct dap_client_traits {
    const char *id;
    /* A `restart` that is answered with success false makes it ignore everything that the session says afterwards. */
    bool deaf_after_failed_restart;
    enum dap_client_begins begins;
};

/* The traits of the client that has sent these arguments of initialize (borrowed, may be NULL); those of one that does
 * what the specification says when it is not known. Never NULL, never freed. */
const struct dap_client_traits *dap_client_traits(const json_t *initialize_arguments);

#endif
