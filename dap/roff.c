#include <string.h>

#include "dap/roff.h"

void roff_span(struct buf *out, const char *text, size_t len)
{
    static const struct {
        char plain;
        const char *roff;
    } special[] = {{'\\', "\\e"}, {'-', "\\-"}, {'"', "\\(dq"}, {'\'', "\\(aq"}, {'~', "\\(ti"}, {'^', "\\(ha"}};
    for (; len > 0; text++, len--) {
        const char *roff = NULL;
        for (size_t i = 0; i < sizeof(special) / sizeof(*special); i++)
            if (*text == special[i].plain)
                roff = special[i].roff;
        if (roff)
            buf_puts(out, roff);
        else
            buf_append(out, text, 1);
    }
}

void roff_puts(struct buf *out, const char *text)
{
    roff_span(out, text, strlen(text));
}

void roff_text(struct buf *out, const char *text)
{
    size_t quotes = 0;
    buf_puts(out, "\\&");
    while (*text) {
        size_t n = strcspn(text, "`");
        roff_span(out, text, n);
        text += n;
        if (*text == '`') {
            buf_puts(out, quotes++ % 2 ? "\\fR" : "\\fB");
            text++;
        }
    }
}
