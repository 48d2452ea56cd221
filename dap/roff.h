#ifndef DAP_ROFF_H
#define DAP_ROFF_H

#include <stddef.h>

#include "dap/buf.h"

/* Text for manual pages. No I/O; a failure to append is sticky in the buffer, see dap/buf.h. */

/* Appends text so that roff shows it as it is, within a line. */
void roff_puts(struct buf *out, const char *text);
void roff_span(struct buf *out, const char *text, size_t len);

/* Appends text from the start of a line; `words` between backquotes are set in bold. A dot at its start does not make
 * it a request. */
void roff_text(struct buf *out, const char *text);

#endif
