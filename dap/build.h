/* Building the messages that delvegate itself sends, framed and ready to be written. */
#ifndef DAP_BUILD_H
#define DAP_BUILD_H

#include <jansson.h>
#include <stdint.h>

#include "dap/buf.h"

/* Each appends one framed message to out; when out is full, memory is exhausted or a tree cannot be written, none of it
   is appended and out->failed is set. Trees are borrowed and may be NULL (then the field is left out). */
void dap_build_request(struct buf *out, int64_t seq, const char *command, const json_t *arguments);
void dap_build_response(struct buf *out, int64_t seq, int64_t request_seq, const char *command, const json_t *body);
void dap_build_event(struct buf *out, int64_t seq, const char *event, const json_t *body);

/* A failed response (DAP ErrorResponse): `message` is a short form, the first line that is no heading of go's ("# the
   package", "go: downloading"); body.error.format the text, shown to the user when
   show_user. text is any bytes: what is not UTF-8 is replaced by U+FFFD. id as Delve's service/dap/error_ids.go where
   it has one. */
void dap_build_error(struct buf *out, int64_t seq, int64_t request_seq, const char *command, int id, const char *text,
                     bool show_user);

/* An `output` event. category: "console", "important", "stdout", "stderr". text is any bytes, len of them, treated as
 * above. */
void dap_build_output(struct buf *out, int64_t seq, const char *category, const char *text, size_t len);

/* Appends text as a JSON string with its quotes; what is not UTF-8 becomes U+FFFD. Fails as buf_append. */
void dap_append_string(struct buf *out, const char *text, size_t len);

#endif
