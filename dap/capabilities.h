/* What `initialize` announces, before and after a Delve has been asked. */
#ifndef DAP_CAPABILITIES_H
#define DAP_CAPABILITIES_H

#include <jansson.h>

/* What is announced at once: seen (the body of the last initialize response that a Delve gave on this target, may be
   NULL), or what every Delve since 1.7.3 can do; less what delvegate does not carry yet, plus what it adds. New
   reference; NULL when memory ran out. */
json_t *dap_capabilities_announced(const json_t *seen);

/* The difference for a `capabilities` event: what must change in announced for it to be true of a Delve whose
   initialize response has body `delve` (borrowed, may be NULL). Keys that this Delve lacks come as false (or as an
   empty array). New reference to {"capabilities": {...}}, or NULL when nothing differs or memory ran out. */
json_t *dap_capabilities_changed(const json_t *announced, const json_t *delve);

enum { DAP_CLIENT_STRING_MAX = 256 }; /* bytes of one of the client's own fields: clientID, locale ... */

/* What of a client's initialize arguments is worth keeping: what DAP defines, where it is of its type, and a string not
 * longer than DAP_CLIENT_STRING_MAX. Returns a new reference, NULL when memory ran out. arguments is borrowed. */
json_t *dap_capabilities_of_client(const json_t *arguments);

#endif
