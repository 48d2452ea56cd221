/* A delvegate that its sockets have started, and whose configuration is invalid. If it just ended, the client that
 * waits would be reset, or the manager would start it for that client over and over until it gave up the socket. */
#ifndef PROXY_SERVICE_UNCONFIGURED_H
#define PROXY_SERVICE_UNCONFIGURED_H

#include "dap/err.h"
#include "proxy/service/daemon.h"

/* Answers the clients that wait at the sockets handed over: their requests fail with *why, which is what the last call
 * of reload has left there. Before the next client is served the configuration is read again. Returns it once it is
 * valid; the client is still in the socket's queue then. Returns NULL when nobody waits or has come for some time: at
 * once without sockets. To be called before descriptors of one's own are opened. */
struct config *unconfigured_serve(daemon_reload *reload, void *arg, const struct err *why);

#endif
