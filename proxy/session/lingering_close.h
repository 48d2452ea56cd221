/* A client whose session is over. What it still sends is answered until it has closed its side: it may have sent
 * requests in one flight with its `disconnect`, or send another one because it does not know yet. The session waits for
 * none of it. */
#ifndef PROXY_SESSION_LINGERING_CLOSE_H
#define PROXY_SESSION_LINGERING_CLOSE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "dap/decoder.h"
#include "proxy/session/client.h"

struct lingering_close {
    int64_t seq;         /* of the last message that the client was sent */
    const char *subject; /* for the log, copied */
    const char *text;    /* why its requests fail, borrowed; NULL: the session has ended */
    bool shown;          /* to its user, when it asks for a session */
};

/* Takes over the client, and its decoder with what it holds of a message. `disconnect` succeeds, every other request
 * fails. It closes the connection once the client has closed its side, or after LINGERING_CLOSE_MS. */
void lingering_close_begin(uv_loop_t *loop, struct client *client, struct dap_decoder *decoder,
                           const struct lingering_close *o);

#endif
