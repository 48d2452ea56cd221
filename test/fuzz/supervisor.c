/* Lines from the supervisor: any bytes, cut anywhere. What is read does not depend on where it is cut. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "delve/supervisor.h"

enum { SEEN_MAX = 4 * 1024 * 1024 };

static void on_line(void *arg, const char *line, size_t len)
{
    struct supervisor_line parsed;
    const char *text;
    if (strlen(line) > len)
        abort();
    (void)supervisor_text_of(line, &text);
    if (text < line || text > line + len)
        abort();
    if (supervisor_parse(&parsed, line, len) == 0) {
        if (parsed.kind == SUPERVISOR_OTHER && !parsed.text)
            abort();
        free(parsed.text);
    }
    (void)buf_append(arg, line, len);
    (void)buf_append(arg, "\n", 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    size_t cut = size ? data[0] % size : 0;
    struct buf whole, parts;
    struct supervisor_reader *lines[] = {supervisor_reader_new("N"), supervisor_reader_new("N")};
    struct supervisor_reader *raw[] = {supervisor_reader_new("N"), supervisor_reader_new("N")};
    buf_init(&whole, SEEN_MAX);
    buf_init(&parts, SEEN_MAX);
    if (!lines[0] || !lines[1] || !raw[0] || !raw[1])
        abort();
    (void)supervisor_reader_feed(lines[0], bytes, size, on_line, &whole);
    (void)supervisor_reader_feed(lines[1], bytes, cut, on_line, &parts);
    (void)supervisor_reader_feed(lines[1], bytes + cut, size - cut, on_line, &parts);
    if (whole.len != parts.len || (whole.len && memcmp(whole.data, parts.data, whole.len) != 0))
        abort();
    if (strcmp(supervisor_reader_noise(lines[0]), supervisor_reader_noise(lines[1])) != 0)
        abort();
    size_t one = supervisor_reader_strip(raw[0], bytes, size);
    size_t two = supervisor_reader_strip(raw[1], bytes, cut);
    two += supervisor_reader_strip(raw[1], bytes + cut, size - cut);
    if (one != two)
        abort();
    for (int i = 0; i < 2; i++) {
        supervisor_reader_free(lines[i]);
        supervisor_reader_free(raw[i]);
    }
    buf_free(&whole);
    buf_free(&parts);
    return 0;
}
