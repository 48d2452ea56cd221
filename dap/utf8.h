/* UTF-8 in a stream that is cut anywhere. */
#ifndef DAP_UTF8_H
#define DAP_UTF8_H

#include <stddef.h>

/* How many of the len bytes may be sent on now: all, but for an incomplete (so far valid) sequence of at most three
 * bytes at the end. */
size_t dap_utf8_whole(const char *text, size_t len);

/* Length of the valid sequence at text (1 to 4, no surrogates, no overlong forms), 0 when it is not one or len is too
 * short. */
size_t dap_utf8_sequence(const char *text, size_t len);

/* For text at which dap_utf8_sequence is 0 (len > 0): length of what one U+FFFD stands for, the longest start of a
   sequence that could have been valid, else one byte (Unicode 15, section 3.9, "maximal subpart"). */
size_t dap_utf8_broken(const char *text, size_t len);

#endif
