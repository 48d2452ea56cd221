/* Any bytes as dlv's output and log: lines are read in place, and a failed start always has something to say. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dap/err.h"
#include "delve/log.h"
#include "delve/rpc.h"

#define CHECK(what)                                                                                                    \
    do {                                                                                                               \
        if (!(what)) {                                                                                                 \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #what);                                   \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { OUT_MAX = 1 << 20, PORT_MAX = 65535 };

static void check_line(const char *line)
{
    struct delve_log_event event = delve_log_read(line);
    CHECK(event.message >= line && event.message <= line + strlen(line));
    CHECK((event.kind == DELVE_LOG_LISTENING) == (event.port != 0));
    CHECK(event.port >= 0 && event.port <= PORT_MAX);
}

/* The same text as output, as log, and as both: never empty, never beyond its limit. */
static void check_explained(const char *text)
{
    for (int i = 0; i < 4; i++) {
        struct buf out;
        buf_init(&out, OUT_MAX);
        CHECK(delve_log_explain(&out, i & 1 ? text : NULL, i & 2 ? text : NULL, 1) == 0);
        CHECK(out.len > 0);
        buf_free(&out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    struct delve_version v = {0}, go = {1, 20, 0};
    struct err e = {{0}};
    if (delve_version_parse(text, &v) == 0) {
        CHECK(v.major >= 0 && v.minor >= 0 && v.patch >= 0);
        CHECK(delve_version_check(v, go, 1, &e) == 0 || *e.text);
    }
    int status = 0;
    if (delve_rpc_exit_status(text, size, &status) <= 0)
        CHECK(status == 0);
    int found = delve_exit_status_in(text, &status);
    CHECK(found == 0 || found == 1);
    check_explained(text);
    for (char *line = text, *end; line; line = end) {
        end = strchr(line, '\n');
        if (end)
            *end++ = '\0';
        check_line(line);
    }
    free(text);
    return 0;
}
