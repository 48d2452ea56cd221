#include "proxy/machine/stderr_tail.h"

#include <string.h>

#include "dap/utf8.h"

enum { ASCII_DELETE = 0x7f };

void stderr_tail_make_printable(char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        if (text[0] == '\r' && text[1] == '\n')
            memmove(text, text + 1, left--); /* with the NUL */
        size_t n = dap_utf8_sequence(text, left);
        unsigned char byte = (unsigned char)*text;
        if (n == 0 || (n == 1 && byte != '\n' && (byte < ' ' || byte == ASCII_DELETE))) {
            *text = '?';
            n = 1;
        }
        text += n;
        left -= n;
    }
}

void stderr_tail_add(struct stderr_tail *w, const char *data, size_t len)
{
    if (len > STDERR_TAIL_MAX) {
        data += len - STDERR_TAIL_MAX;
        len = STDERR_TAIL_MAX;
    }
    if (w->len + len > STDERR_TAIL_MAX) {
        size_t drop = w->len + len - STDERR_TAIL_MAX;
        memmove(w->text, w->text + drop, w->len - drop);
        w->len -= drop;
    }
    memcpy(w->text + w->len, data, len);
    for (size_t i = w->len; i < w->len + len; i++)
        if (w->text[i] == '\0')
            w->text[i] = '?'; /* it would end the text */
    w->len += len;
    w->text[w->len] = '\0';
}

const char *stderr_tail_text(struct stderr_tail *w)
{
    while (w->len > 0 && strchr("\r\n\t ", w->text[w->len - 1]))
        w->text[--w->len] = '\0';
    stderr_tail_make_printable(w->text);
    w->len = strlen(w->text);
    return w->text;
}
