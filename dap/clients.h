/* What editors make of DAP where they do not do what the specification says: a table by `clientID` of initialize. */
#ifndef DAP_CLIENTS_H
#define DAP_CLIENTS_H

#include <jansson.h>
#include <stdbool.h>

struct dap_client_traits {
    const char *id;
    /* A `restart` that is answered with success false makes it ignore everything that the session says afterwards. */
    bool deaf_after_failed_restart;
};

/* The traits of the client that has sent these arguments of initialize (borrowed, may be NULL); those of one that does
 * what the specification says when it is not known. Never NULL, never freed. */
const struct dap_client_traits *dap_client_traits(const json_t *initialize_arguments);

#endif
