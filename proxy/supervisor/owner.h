/* Whose process listens at a port here: Delve accepts its own user's connections only, and does not say why it closes
 * others. */
#ifndef PROXY_SUPERVISOR_OWNER_H
#define PROXY_SUPERVISOR_OWNER_H

#include <stdint.h>

#include "proxy/supervisor/uplink.h"

/* A stream that delvegate has opened to ask (ORDER_STREAM_OWNER). It is answered and ended, and needs no owner. NULL
 * when memory is short. */
struct stream *owner_open(uint32_t port) MUST_USE;

#endif
