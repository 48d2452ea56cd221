#include "dap/json_path.h"

static bool is_array_step(const char *step)
{
    return step[0] == '[';
}

static int give(struct dap_json_token t, size_t payload, dap_json_path_found *found, void *arg)
{
    t.at.off += payload;
    return found(arg, t);
}

/* The containers from the outside in are compared with the steps: the first `on_way` of the open ones are on the way,
   and `selected` says that the next value is the next step of it. */
int dap_json_path_walk(const struct dap_message *m, const char *const *steps, dap_json_path_found *found, void *arg)
{
    size_t count = 0;
    while (count < DAP_JSON_PATH_STEPS_MAX && steps[count])
        count++;
    if (m->payload_at.len == 0)
        return 0;

    struct dap_json j;
    size_t payload = m->payload_at.off;
    dap_json_init(&j, m->text + payload, m->payload_at.len);
    size_t on_way = 0;
    bool selected = true;
    for (;;) {
        struct dap_json_token t = dap_json_next(&j);
        int r = 0;
        switch (t.kind) {
        case DAP_JSON_END:
            return 0;
        case DAP_JSON_ERROR:
            return -1;
        case DAP_JSON_KEY:
            selected = on_way == j.depth && dap_json_equals(j.text, t.at, steps[on_way - 1]);
            break;
        case DAP_JSON_OBJECT:
        case DAP_JSON_ARRAY:
            if (selected && on_way == count)
                r = give(t, payload, found, arg);
            else if (selected && j.depth <= count && is_array_step(steps[j.depth - 1]) == (t.kind == DAP_JSON_ARRAY))
                on_way = j.depth;
            selected = on_way == j.depth && t.kind == DAP_JSON_ARRAY;
            break;
        case DAP_JSON_OBJECT_END:
        case DAP_JSON_ARRAY_END:
            if (on_way > j.depth)
                on_way = j.depth;
            selected = on_way > 0 && on_way == j.depth && is_array_step(steps[on_way - 1]);
            break;
        default:
            if (selected && on_way == count)
                r = give(t, payload, found, arg);
            break;
        }
        if (r != 0)
            return r;
    }
}
