/* The fields in which messages carry handles (frame ids and variablesReferences), and the offset that tells one Delve's
 * from the next one's. */
#include "dap/journal_parts.h"

#include <inttypes.h>
#include <string.h>

#include "dap/json_path.h"

enum direction { TO_DELVE, TO_CLIENT };

static const struct handle_field {
    enum direction direction;
    enum dap_type type;
    const char *name;
    const char *steps[DAP_JSON_PATH_STEPS_MAX];
} handle_fields[] = {
    {TO_DELVE, DAP_REQUEST, "scopes", {"frameId"}},
    {TO_DELVE, DAP_REQUEST, "variables", {"variablesReference"}},
    {TO_DELVE, DAP_REQUEST, "evaluate", {"frameId"}},
    {TO_DELVE, DAP_REQUEST, "setVariable", {"variablesReference"}},
    {TO_DELVE, DAP_REQUEST, "setExpression", {"frameId"}},
    {TO_DELVE, DAP_REQUEST, "completions", {"frameId"}},
    {TO_DELVE, DAP_REQUEST, "restartFrame", {"frameId"}},
    {TO_DELVE, DAP_REQUEST, "stepInTargets", {"frameId"}},
    {TO_DELVE, DAP_REQUEST, "dataBreakpointInfo", {"frameId"}},
    {TO_DELVE, DAP_REQUEST, "dataBreakpointInfo", {"variablesReference"}},
    {TO_CLIENT, DAP_RESPONSE, "stackTrace", {"stackFrames", "[]", "id"}},
    {TO_CLIENT, DAP_RESPONSE, "scopes", {"scopes", "[]", "variablesReference"}},
    {TO_CLIENT, DAP_RESPONSE, "variables", {"variables", "[]", "variablesReference"}},
    {TO_CLIENT, DAP_RESPONSE, "evaluate", {"variablesReference"}},
    {TO_CLIENT, DAP_RESPONSE, "setVariable", {"variablesReference"}},
    {TO_CLIENT, DAP_RESPONSE, "setExpression", {"variablesReference"}},
    {TO_CLIENT, DAP_EVENT, "output", {"variablesReference"}},
};

struct work {
    const struct dap_message *m;
    const char *what; /* last step of its path */
    int64_t offset;
    struct dap_edits *edits;
    struct err *e;
};

static int64_t offset_of(uint64_t epoch)
{
    return (int64_t)(epoch % DAP_JOURNAL_OFFSETS) * DAP_JOURNAL_STRIDE;
}

/* A number that is no integer is left for Delve to judge, as everywhere else. */
static bool is_handle(const struct work *w, struct dap_json_token value, int64_t *handle)
{
    return value.kind == DAP_JSON_NUMBER && dap_json_integer(w->m->text, value.at, handle) == 0 && *handle != 0;
}

static int take_off(void *arg, struct dap_json_token value)
{
    struct work *w = arg;
    int64_t handle;
    if (!is_handle(w, value, &handle))
        return 0;
    if (handle <= w->offset || handle >= w->offset + DAP_JOURNAL_STRIDE) {
        err_set(w->e,
                "%s: %s %" PRId64 " belongs to a Delve that has been restarted since; request the stack trace "
                "and the variables of the current stop again",
                w->m->name, w->what, handle);
        return 1;
    }
    return w->offset ? dap_edits_add_int(w->edits, value.at, handle - w->offset) : 0;
}

static int put_on(void *arg, struct dap_json_token value)
{
    struct work *w = arg;
    int64_t handle;
    if (!is_handle(w, value, &handle) || handle < 0)
        return 0;
    if (handle >= DAP_JOURNAL_STRIDE)
        return dap_edits_add_int(w->edits, value.at, 0);
    return w->offset ? dap_edits_add_int(w->edits, value.at, handle + w->offset) : 0;
}

static int edit(struct work *w, enum direction direction, dap_json_path_found *found)
{
    int r = 0;
    for (size_t i = 0; i < sizeof handle_fields / sizeof *handle_fields && r == 0; i++) {
        const struct handle_field *p = &handle_fields[i];
        if (p->direction != direction || p->type != w->m->type || strcmp(p->name, w->m->name) != 0)
            continue;
        for (size_t last = 0; last < DAP_JSON_PATH_STEPS_MAX && p->steps[last]; last++)
            w->what = p->steps[last];
        r = dap_json_path_walk(w->m, p->steps, found, w);
    }
    return r;
}

int journal_handles_from_client(const struct dap_message *m, uint64_t epoch, struct dap_edits *edits, struct err *e)
{
    struct work w = {.m = m, .offset = offset_of(epoch), .edits = edits, .e = e};
    return epoch ? edit(&w, TO_DELVE, take_off) : 0;
}

int journal_handles_from_delve(const struct dap_message *m, uint64_t epoch, struct dap_edits *edits)
{
    struct work w = {.m = m, .offset = offset_of(epoch), .edits = edits};
    return epoch ? edit(&w, TO_CLIENT, put_on) : 0;
}
