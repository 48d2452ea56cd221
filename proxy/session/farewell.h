/* A client whose session is over. What it still sends is answered until it has closed its side: it may have sent
 * requests in one flight with its `disconnect`, or send another one because it does not know yet. The session waits for
 * none of it. */
#ifndef PROXY_SESSION_FAREWELL_H
#define PROXY_SESSION_FAREWELL_H

#include <stdint.h>
#include <uv.h>

#include "dap/decoder.h"
#include "proxy/session/client.h"

/* Takes over the client, and its decoder with what it holds of a message. seq: of the last message that it was sent.
 * subject: for the log, copied. A second `disconnect` succeeds, every other request fails. It closes the connection
 * once the client has closed its side, or after FAREWELL_MS. */
void farewell_begin(uv_loop_t *loop, struct client *client, struct dap_decoder *decoder, int64_t seq,
                    const char *subject);

#endif
