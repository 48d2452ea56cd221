#include "dap/paths.h"

#include <string.h>

#include "dap/build.h"
#include "dap/json.h"

enum {
    PATH_TEXT_MAX = 1024 * 1024, /* bytes of one path, before or after mapping */
    STEPS_MAX = 8
};

/* Where `path` values are, below the payload (`arguments` or `body`): keys, and [] for each element of an array. What
   is not named here is never looked into. */
static const struct place {
    enum dap_direction direction;
    enum dap_type type;
    const char *name;
    const char *steps[STEPS_MAX];
} places[] = {
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

struct work {
    const struct dap_message *m;
    dap_map_path *map;
    void *arg;
    struct dap_edits *edits;
    struct buf path; /* one value, decoded */
    struct buf mapped;
    struct buf quoted;
};

static bool applies(const struct place *p, const struct dap_message *m, enum dap_direction direction)
{
    return p->direction == direction && p->type == m->type && strcmp(p->name, m->name) == 0;
}

bool dap_paths_carried(const struct dap_message *m, enum dap_direction direction)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (applies(&places[i], m, direction))
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

static int edit(struct work *w, struct dap_span at)
{
    int r = decode(w, at);
    if (r <= 0)
        return r;
    buf_clear(&w->mapped);
    r = w->map(w->arg, w->path.data, &w->mapped);
    if (r <= 0)
        return r;
    buf_clear(&w->quoted);
    if (w->mapped.failed || dap_append_string(&w->quoted, w->mapped.data ? w->mapped.data : "", w->mapped.len) < 0)
        return -1;
    return dap_edits_add(w->edits, at, w->quoted.data, w->quoted.len);
}

static bool is_array_step(const char *step)
{
    return step[0] == '[';
}

/* Follows one place through the payload. The containers from the outside in are compared with the steps: the first
   `on_way` of the open ones are on the way, and `selected` says that the next value is the next step of it. */
static int walk(struct work *w, const struct place *place)
{
    size_t count = 0;
    while (count < STEPS_MAX && place->steps[count])
        count++;

    struct dap_json j;
    size_t payload = w->m->payload_at.off;
    dap_json_init(&j, w->m->text + payload, w->m->payload_at.len);
    size_t on_way = 0;
    bool selected = true;
    for (;;) {
        struct dap_json_token t = dap_json_next(&j);
        switch (t.kind) {
        case DAP_JSON_END:
            return 0;
        case DAP_JSON_ERROR:
            return -1;
        case DAP_JSON_KEY:
            selected = on_way == j.depth && dap_json_equals(j.text, t.at, place->steps[on_way - 1]);
            break;
        case DAP_JSON_OBJECT:
        case DAP_JSON_ARRAY:
            if (selected && j.depth <= count && is_array_step(place->steps[j.depth - 1]) == (t.kind == DAP_JSON_ARRAY))
                on_way = j.depth;
            selected = on_way == j.depth && t.kind == DAP_JSON_ARRAY;
            break;
        case DAP_JSON_OBJECT_END:
        case DAP_JSON_ARRAY_END:
            if (on_way > j.depth)
                on_way = j.depth;
            selected = on_way > 0 && on_way == j.depth && is_array_step(place->steps[on_way - 1]);
            break;
        case DAP_JSON_STRING:
            t.at.off += payload;
            if (selected && on_way == count && edit(w, t.at) < 0)
                return -1;
            break;
        default:
            break;
        }
    }
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
    for (size_t i = 0; i < sizeof places / sizeof *places && r == 0; i++) {
        if (applies(&places[i], m, direction))
            r = walk(&w, &places[i]);
    }
    buf_free(&w.path);
    buf_free(&w.mapped);
    buf_free(&w.quoted);
    return r;
}
