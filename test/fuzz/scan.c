/* Any bytes as a message. What is accepted is JSON in the eyes of jansson too, keeps its meaning when it is renumbered,
   and outside the edits every byte. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dap/decoder.h"
#include "dap/message.h"
#include "dap/paths.h"
#include "dap/tree.h"

enum { OUT_MAX = 1 << 24, NEW_SEQ = 777 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

static int map(void *arg, const char *path, struct buf *out)
{
    (void)arg;
    if (path[0] != '/')
        return 0;
    buf_printf(out, "/mapped%s", path);
    return out->failed ? -1 : 1;
}

static bool inside(struct dap_span at, size_t len)
{
    return at.len <= len && at.off <= len - at.len;
}

/* What the grammar allows and jansson refuses is told by name. */
static void read_payload(const struct dap_message *m)
{
    static const char unnamed[] = "the arguments: cannot be read";
    json_t *tree;
    struct err why;
    int r = dap_tree_payload(m, DAP_TREE_ARGUMENTS, &tree, &why);
    require(r == 0 || (r == 1 && !tree && why.text[0] && strncmp(why.text, unnamed, sizeof unnamed - 1) != 0));
    require(!tree || json_is_object(tree));
    json_decref(tree);
}

/* jansson refuses more: what is not UTF-8, half surrogates, numbers beyond its types, NUL in keys, deeper nesting.
   Where it takes the text it must see the same envelope. */
static void compare(const struct dap_message *m)
{
    json_t *tree = json_loadb(m->text, m->len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
    if (!tree)
        return;
    require(json_is_object(tree));
    require(json_integer_value(json_object_get(tree, "seq")) == m->seq);
    const char *name = json_string_value(json_object_get(tree, m->type == DAP_EVENT ? "event" : "command"));
    require(name && strncmp(name, m->name, strlen(m->name)) == 0);
    require(strlen(name) < DAP_NAME_MAX ? strcmp(name, m->name) == 0 : strlen(m->name) >= DAP_NAME_MAX - 4);
    json_t *payload = json_object_get(tree, m->type == DAP_REQUEST ? "arguments" : "body");
    require((payload != NULL) == (m->payload_at.len > 0));
    if (payload) {
        json_t *part = json_loadb(m->text + m->payload_at.off, m->payload_at.len,
                                  JSON_ALLOW_NUL | JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
        require(part && json_equal(part, payload));
        json_decref(part);
    }
    json_decref(tree);
}

/* Renumbers and maps, then scans the outcome again. */
static void rewrite(const struct dap_message *m, enum dap_direction direction)
{
    struct dap_edits edits;
    dap_edits_init(&edits);
    require(dap_edits_add_int(&edits, m->seq_at, NEW_SEQ) == 0);
    if (dap_paths_carried(m, direction))
        require(dap_paths_edit(m, direction, map, NULL, &edits) == 0);
    struct buf out;
    buf_init(&out, OUT_MAX);
    size_t body_len;
    require(dap_message_write(m, &edits, &out, &body_len) == 0);

    const char *body = out.data + out.len - body_len;
    struct dap_message again;
    struct err e;
    require(dap_message_scan(&again, body, body_len, &e) == 0);
    require(again.seq == NEW_SEQ && again.type == m->type && strcmp(again.name, m->name) == 0);
    require(again.request_seq == m->request_seq && again.success == m->success);

    size_t a = 0, b = 0;
    for (size_t i = 0; i < edits.count; i++) {
        const struct dap_edit *edit = &edits.list[i];
        size_t same = edit->at.off - a;
        require(memcmp(body + b, m->text + a, same) == 0);
        a += same + edit->at.len;
        b += same + edit->replacement_len;
    }
    require(m->len - a == body_len - b && memcmp(body + b, m->text + a, body_len - b) == 0);
    buf_free(&out);
    dap_edits_free(&edits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dap_message m, prefix;
    struct err e;
    char *text = malloc(size ? size : 1); /* exactly as long, so that a read past it is seen */
    require(text != NULL);
    memcpy(text, data, size);
    int prefix_fine = dap_message_scan_prefix(&prefix, text, size, &e);
    if (dap_message_scan(&m, text, size, &e) == 0) {
        require(prefix_fine == 0 && prefix.type == m.type && prefix.request_seq == m.request_seq);
        require(inside(m.seq_at, size) && inside(m.request_seq_at, size) && inside(m.payload_at, size));
        compare(&m);
        read_payload(&m);
        rewrite(&m, DAP_TO_DELVE);
        rewrite(&m, DAP_TO_CLIENT);
    } else {
        require(e.text[0] != '\0');
    }
    free(text);
    return 0;
}
