/* What is sent to the Delve of a run as soon as it listens: requests, each sent after the answer to the one before.
 * Bytes in, bytes out: the connection is flow.h's. */
#ifndef PROXY_SUPERVISOR_FLIGHT_H
#define PROXY_SUPERVISOR_FLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "delve/order.h"
#include "proxy/supervisor/supervisor.h"

struct flight;

/* Of an ORDER_FLIGHT, which is copied. NULL when memory is short. */
struct flight *flight_new(const struct order *o) MUST_USE;
/* NULL is fine. */
void flight_free(struct flight *f);

uint32_t flight_run(const struct flight *f);
uint32_t flight_edition(const struct flight *f);
/* How many requests it has. */
uint32_t flight_count(const struct flight *f);

/* What is to be written now: how many bytes, and where, until flight_wrote. 0: an answer is awaited, or it is over. */
size_t flight_peek(const struct flight *f, const char **bytes);
void flight_wrote(struct flight *f, size_t n);
/* Delve has said this. */
void flight_heard(struct flight *f, const char *bytes, size_t n);
/* All is answered; or initialize or attach was refused, or what was heard is not DAP: the rest is not sent. */
bool flight_is_over(const struct flight *f);

#endif
