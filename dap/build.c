#include "dap/build.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "dap/utf8.h"

enum {
    HEADER_GAP = 40,        /* bytes kept free for "Content-Length: N\r\n\r\n" */
    SHORT_MESSAGE_MAX = 200 /* bytes of an error response's `message` */
};

/* The length of a body is known when it is written: it is written behind a gap and then moved up to its header. */
static size_t begin(struct buf *out)
{
    size_t start = out->len;
    char gap[HEADER_GAP];
    memset(gap, ' ', sizeof gap);
    buf_append(out, gap, sizeof gap);
    return start;
}

/* r: 0, or -1 when a part of the body could not be written. */
static void end(struct buf *out, size_t start, int r)
{
    if (r < 0 || out->failed) {
        if (out->data && out->len > start) {
            out->len = start;
            out->data[start] = '\0';
        }
        out->failed = true;
        return;
    }
    char header[HEADER_GAP];
    size_t body = out->len - start - HEADER_GAP;
    size_t n = (size_t)snprintf(header, sizeof header, "Content-Length: %zu\r\n\r\n", body);
    char *at = out->data + start;
    memcpy(at, header, n);
    memmove(at + n, at + HEADER_GAP, body + 1);
    out->len = start + n + body;
}

/* Bytes that a JSON string holds as they are. */
static size_t plain(const char *text, size_t len)
{
    size_t n = 0;
    while (n < len) {
        unsigned char c = (unsigned char)text[n];
        if (c < ' ' || c == '"' || c == '\\')
            break;
        size_t sequence = c < 0x80 ? 1 : dap_utf8_sequence(text + n, len - n);
        if (sequence == 0)
            break;
        n += sequence;
    }
    return n;
}

static void append_escape(struct buf *out, unsigned char c)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *p = c ? strchr(from, c) : NULL;
    if (p)
        buf_append(out, (char[]){'\\', to[p - from]}, 2);
    else
        buf_printf(out, "\\u%04x", c);
}

void dap_append_string(struct buf *out, const char *text, size_t len)
{
    buf_append(out, "\"", 1);
    while (len > 0) {
        size_t n = plain(text, len);
        if (n > 0) {
            buf_append(out, text, n);
        } else if ((unsigned char)*text < 0x80) {
            n = 1;
            append_escape(out, (unsigned char)*text);
        } else {
            n = dap_utf8_broken(text, len);
            buf_puts(out, "\xEF\xBF\xBD");
        }
        text += n;
        len -= n;
    }
    buf_append(out, "\"", 1);
}

static int append_dump(const char *bytes, size_t len, void *arg)
{
    struct buf *out = arg;
    buf_append(out, bytes, len);
    return out->failed ? -1 : 0;
}

/* Appends `,"name":tree`; nothing when there is no tree. */
static int append_tree(struct buf *out, const char *name, const json_t *tree)
{
    if (!tree)
        return 0;
    buf_printf(out, ",\"%s\":", name);
    return json_dump_callback(tree, append_dump, out, JSON_COMPACT | JSON_ENCODE_ANY);
}

static void append_name(struct buf *out, const char *key, const char *name)
{
    buf_printf(out, ",\"%s\":", key);
    dap_append_string(out, name, strlen(name));
}

static void append_response(struct buf *out, int64_t seq, int64_t request_seq, const char *command, bool success)
{
    buf_printf(out, "{\"seq\":%" PRId64 ",\"type\":\"response\",\"request_seq\":%" PRId64 ",\"success\":%s", seq,
               request_seq, success ? "true" : "false");
    append_name(out, "command", command);
}

void dap_build_request(struct buf *out, int64_t seq, const char *command, const json_t *arguments)
{
    size_t start = begin(out);
    buf_printf(out, "{\"seq\":%" PRId64 ",\"type\":\"request\"", seq);
    append_name(out, "command", command);
    int r = append_tree(out, "arguments", arguments);
    buf_puts(out, "}");
    end(out, start, r);
}

void dap_build_response(struct buf *out, int64_t seq, int64_t request_seq, const char *command, const json_t *body)
{
    size_t start = begin(out);
    append_response(out, seq, request_seq, command, true);
    int r = append_tree(out, "body", body);
    buf_puts(out, "}");
    end(out, start, r);
}

void dap_build_event(struct buf *out, int64_t seq, const char *event, const json_t *body)
{
    size_t start = begin(out);
    buf_printf(out, "{\"seq\":%" PRId64 ",\"type\":\"event\"", seq);
    append_name(out, "event", event);
    int r = append_tree(out, "body", body);
    buf_puts(out, "}");
    end(out, start, r);
}

/* What stands above an error of the go command, and says nothing by itself. */
static bool is_heading(const char *line, size_t len)
{
    static const char *const headings[] = {"# ", "go: downloading ", "go: finding "};
    for (size_t i = 0; i < sizeof headings / sizeof *headings; i++)
        if (strncmp(line, headings[i], strlen(headings[i])) == 0)
            return true;
    return len == 0;
}

/* The first line that says what is wrong; of headings alone the first. */
static const char *first_line(const char *text, size_t *len)
{
    for (const char *line = text; *line; line += *len + 1) {
        *len = strcspn(line, "\r\n");
        if (!is_heading(line, *len))
            return line;
        if (!line[*len])
            break;
    }
    *len = strcspn(text, "\r\n");
    return text;
}

void dap_build_error(struct buf *out, int64_t seq, int64_t request_seq, const char *command, int id, const char *text,
                     bool show_user)
{
    size_t short_len;
    const char *line = first_line(text, &short_len);
    if (short_len > SHORT_MESSAGE_MAX)
        short_len = dap_utf8_whole(line, SHORT_MESSAGE_MAX);
    size_t start = begin(out);
    append_response(out, seq, request_seq, command, false);
    buf_puts(out, ",\"message\":");
    dap_append_string(out, line, short_len);
    buf_printf(out, ",\"body\":{\"error\":{\"id\":%d,\"format\":", id);
    dap_append_string(out, text, strlen(text));
    buf_printf(out, ",\"showUser\":%s}}}", show_user ? "true" : "false");
    end(out, start, 0);
}

void dap_build_output(struct buf *out, int64_t seq, const char *category, const char *text, size_t len)
{
    size_t start = begin(out);
    buf_printf(out, "{\"seq\":%" PRId64 ",\"type\":\"event\",\"event\":\"output\",\"body\":{\"category\":\"%s\"", seq,
               category);
    buf_puts(out, ",\"output\":");
    dap_append_string(out, text, len);
    buf_puts(out, "}}");
    end(out, start, 0);
}
