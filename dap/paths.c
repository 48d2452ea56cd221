#include "dap/paths.h"

#include <stdlib.h>
#include <string.h>

#include "dap/build.h"
#include "dap/json_path.h"

enum {
    PATH_TEXT_MAX = 1024 * 1024 /* bytes of one path, before or after mapping */
};

/* Where `path` values are, below the payload (`arguments` or `body`): keys, and [] for each element of an array. What
   is not named here is never looked into: values of variables, and what the program prints, are the program's; the
   names that `dlv sources` lists are those that rules of paths are written for. */
static const struct path_field {
    enum dap_direction direction;
    enum dap_type type;
    const char *name;
    const char *steps[DAP_JSON_PATH_STEPS_MAX];
} path_fields[] = {
    {DAP_TO_DELVE, DAP_REQUEST, "setBreakpoints", {"source", "path"}},
    {DAP_TO_DELVE, DAP_REQUEST, "breakpointLocations", {"source", "path"}},
    {DAP_TO_DELVE, DAP_REQUEST, "source", {"source", "path"}},
    {DAP_TO_DELVE, DAP_REQUEST, "gotoTargets", {"source", "path"}},
    {DAP_TO_DELVE, DAP_REQUEST, "evaluate", {"source", "path"}},
    {DAP_TO_CLIENT, DAP_RESPONSE, "stackTrace", {"stackFrames", "[]", "source", "path"}},
    {DAP_TO_CLIENT, DAP_RESPONSE, "setBreakpoints", {"breakpoints", "[]", "source", "path"}},
    {DAP_TO_CLIENT, DAP_RESPONSE, "setFunctionBreakpoints", {"breakpoints", "[]", "source", "path"}},
    {DAP_TO_CLIENT, DAP_RESPONSE, "setInstructionBreakpoints", {"breakpoints", "[]", "source", "path"}},
    {DAP_TO_CLIENT, DAP_RESPONSE, "setDataBreakpoints", {"breakpoints", "[]", "source", "path"}},
    {DAP_TO_CLIENT, DAP_RESPONSE, "disassemble", {"instructions", "[]", "location", "path"}},
    {DAP_TO_CLIENT, DAP_RESPONSE, "scopes", {"scopes", "[]", "source", "path"}},
    {DAP_TO_CLIENT, DAP_EVENT, "breakpoint", {"breakpoint", "source", "path"}},
    {DAP_TO_CLIENT, DAP_EVENT, "output", {"source", "path"}},
    {DAP_TO_CLIENT, DAP_EVENT, "loadedSource", {"source", "path"}},
};

/* Texts of Delve's that name lines of files, as "... at PATH:LINE" or "\tPATH:LINE +0x1d". */
static const struct path_field text_fields[] = {
    {DAP_TO_CLIENT, DAP_RESPONSE, "exceptionInfo", {"details", "stackTrace"}},
    {DAP_TO_CLIENT, DAP_RESPONSE, "setBreakpoints", {"breakpoints", "[]", "message"}},
    {DAP_TO_CLIENT, DAP_EVENT, "breakpoint", {"breakpoint", "message"}},
};

struct work {
    const struct dap_message *m;
    dap_map_path *map;
    void *arg;
    struct dap_edits *edits;
    struct buf path; /* one value, decoded */
    struct buf mapped;
    struct buf quoted;
};

static bool applies(const struct path_field *p, const struct dap_message *m, enum dap_direction direction)
{
    return p->direction == direction && p->type == m->type && strcmp(p->name, m->name) == 0;
}

bool dap_paths_carried(const struct dap_message *m, enum dap_direction direction)
{
    for (size_t i = 0; i < sizeof path_fields / sizeof *path_fields; i++) {
        if (applies(&path_fields[i], m, direction))
            return true;
    }
    for (size_t i = 0; i < sizeof text_fields / sizeof *text_fields; i++) {
        if (applies(&text_fields[i], m, direction))
            return true;
    }
    return false;
}

/* Decodes the string at `at` into w->path. Returns 1, 0 when it can be no path (a NUL in it, or longer than any), -1
   when memory is exhausted. */
static int decode(struct work *w, struct dap_span at)
{
    const char *p = w->m->text + at.off + 1;
    size_t left = at.len - 2;
    buf_clear(&w->path);
    if (left == 0 || left > PATH_TEXT_MAX || memchr(p, '\0', left))
        return 0;
    while (left > 0) {
        const char *escape = memchr(p, '\\', left);
        size_t plain = escape ? (size_t)(escape - p) : left;
        buf_append(&w->path, p, plain);
        p += plain;
        left -= plain;
        if (left == 0)
            break;
        char c[4];
        size_t c_len;
        size_t used = dap_json_decode(p, left, c, &c_len);
        if (c[0] == '\0')
            return 0;
        buf_append(&w->path, c, c_len);
        p += used;
        left -= used;
    }
    return w->path.failed ? -1 : 1;
}

static int replace(struct work *w, struct dap_span at)
{
    buf_clear(&w->quoted);
    dap_append_string(&w->quoted, w->mapped.data ? w->mapped.data : "", w->mapped.len);
    if (w->mapped.failed || w->quoted.failed)
        return -1;
    return dap_edits_add(w->edits, at, w->quoted.data, w->quoted.len);
}

static int edit(void *arg, struct dap_json_token value)
{
    struct work *w = arg;
    if (value.kind != DAP_JSON_STRING)
        return 0;
    int r = decode(w, value.at);
    if (r <= 0)
        return r;
    buf_clear(&w->mapped);
    r = w->map(w->arg, w->path.data, &w->mapped);
    return r <= 0 ? r : replace(w, value.at);
}

/* The path that a line of a text names: behind " at " or at its beginning, before ":LINE". */
static struct dap_span path_in_line(const char *line, size_t len)
{
    struct dap_span none = {0}, path = {.off = 0};
    const char *at = memmem(line, len, "at ", 3);
    while (at && at > line && at[-1] != ' ' && at[-1] != '\t')
        at = memmem(at + 1, len - (size_t)(at + 1 - line), "at ", 3);
    if (at)
        path.off = (size_t)(at - line) + 3;
    else if (*line == ' ' || *line == '\t')
        path.off = strspn(line, " \t");
    else
        return none;
    for (size_t i = path.off; i < len; i++) {
        size_t digits = line[i] == ':' ? strspn(line + i + 1, "0123456789") : 0;
        size_t end = i + 1 + digits;
        if (digits && i > path.off && (end == len || line[end] == ' ' || line[end] == ',')) {
            path.len = i - path.off;
            return path;
        }
    }
    return none;
}

static int edit_text(void *arg, struct dap_json_token value)
{
    struct work *w = arg;
    if (value.kind != DAP_JSON_STRING)
        return 0;
    int r = decode(w, value.at);
    if (r <= 0)
        return r;
    buf_clear(&w->mapped);
    bool is_changed = false;
    for (const char *line = w->path.data; *line;) {
        size_t len = strcspn(line, "\n");
        struct dap_span path = path_in_line(line, len);
        char *name = path.len ? strndup(line + path.off, path.len) : NULL;
        if (path.len && !name)
            return -1;
        buf_append(&w->mapped, line, path.off);
        r = name ? w->map(w->arg, name, &w->mapped) : 0;
        free(name);
        if (r < 0)
            return -1;
        is_changed = is_changed || r > 0;
        size_t done = r > 0 ? path.off + path.len : path.off;
        len += line[len] == '\n';
        buf_append(&w->mapped, line + done, len - done);
        line += len;
    }
    return is_changed ? replace(w, value.at) : 0;
}

int dap_paths_edit(const struct dap_message *m, enum dap_direction direction, dap_map_path *map, void *arg,
                   struct dap_edits *edits)
{
    if (m->payload_at.len == 0)
        return 0;
    struct work w = {.m = m, .map = map, .arg = arg, .edits = edits};
    buf_init(&w.path, PATH_TEXT_MAX);
    buf_init(&w.mapped, PATH_TEXT_MAX);
    buf_init(&w.quoted, (size_t)8 * PATH_TEXT_MAX); /* \u0001 is six bytes */
    int r = 0;
    for (size_t i = 0; i < sizeof path_fields / sizeof *path_fields && r == 0; i++) {
        if (applies(&path_fields[i], m, direction))
            r = dap_json_path_walk(m, path_fields[i].steps, edit, &w);
    }
    for (size_t i = 0; i < sizeof text_fields / sizeof *text_fields && r == 0; i++) {
        if (applies(&text_fields[i], m, direction))
            r = dap_json_path_walk(m, text_fields[i].steps, edit_text, &w);
    }
    buf_free(&w.path);
    buf_free(&w.mapped);
    buf_free(&w.quoted);
    return r;
}
