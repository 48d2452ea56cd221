/* Inside the uplink: its tunnel and streams (uplink.c), and the descriptors that carry it (uplink_link.c). */
#ifndef PROXY_SUPERVISOR_UPLINK_PRIVATE_H
#define PROXY_SUPERVISOR_UPLINK_PRIVATE_H

#include "proxy/supervisor/loop.h"
#include "proxy/supervisor/uplink.h"

/* The tunnel that is served at present; never NULL after uplink_init. */
struct tunnel *uplink_tunnel(void);

/* A hello has come by a link that is to be the present one. TUNNEL_OK: it is, maybe with a new tunnel. TUNNEL_OTHER: it
 * is to be refused with tunnel_hello_write. Else it is of no use. */
enum tunnel_result uplink_answer(const struct tunnel_hello *hello) MUST_USE;

/* After each call of the tunnel's that may have changed something: its events are due, its next tick, its output. */
void uplink_changed(void);
/* Takes the events now; from the loop alone. Afterwards the tunnel, and all links, may be others. */
void uplink_take_events(void);
/* What a call has returned: when the tunnel is over, another takes its place, and all streams are closed. */
void uplink_check(enum tunnel_result r);
/* The present link is gone, which the tunnel knows: its owner hears of it. */
void uplink_went_down(void);
/* A byte has come. */
void uplink_heard(void);

/* The present link has something to write, or not any more. */
void link_settle(void);
/* The tunnel does not use the present link any more. */
void link_drop_present(void);

#endif
