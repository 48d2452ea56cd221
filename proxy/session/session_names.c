/* A breakpoint in a file that Delve does not know: Delve is asked what the program calls its files, and the missing
 * rule is reported. */
#include "proxy/session/session_private.h"

#include <stdlib.h>
#include <string.h>

#include "dap/tree.h"
#include "delve/names.h"

enum {
    QUESTIONS_MAX = 16, /* of one Delve: most files that it does not know are no part of the program */
    TEXT_MAX = 8192
};

void session_names_reset(struct session *s)
{
    free(s->unknown_file);
    s->unknown_file = NULL;
    s->names_asked = 0;
    s->names_ahead = false;
}

static bool ask(struct session *s, const char *file)
{
    struct buf question;
    struct dap_edits edits;
    struct dap_message m;
    struct err ignored; /* it is delvegate's own text */
    buf_init(&question, TEXT_MAX);
    delve_names_question(file, &question);
    json_t *request = json_pack("{s:i, s:s, s:s, s:{s:s, s:s}}", "seq", 0, "type", "request", "command", "evaluate",
                                "arguments", "expression", question.failed ? "" : question.data, "context", "repl");
    char *dump = request && !question.failed ? json_dumps(request, JSON_COMPACT) : NULL;
    bool sent = false;
    if (dump && dap_message_scan(&m, dump, strlen(dump), &ignored) == 0) {
        dap_edits_init(&edits);
        enum delve_client_result result = delve_forward(s->delve, DAP_ASKER_NAMES, &m, &edits);
        dap_edits_free(&edits);
        sent = result == DELVE_CLIENT_SENT || result == DELVE_CLIENT_FULL;
    }
    free(dump);
    json_decref(request);
    buf_free(&question);
    return sent;
}

void session_names_watch(struct session *s, const struct dap_message *m, const struct dap_asked *asked)
{
    static const char sign[] = "could not find file ";
    if (!asked || strcmp(m->name, "setBreakpoints") != 0 || s->unknown_file ||
        s->names_asked >= (size_t)QUESTIONS_MAX + s->names_ahead || !s->delve ||
        !memmem(m->text, m->len, sign, sizeof sign - 1))
        return;
    json_t *body;
    size_t i;
    const json_t *breakpoint;
    struct err ignored; /* what is too large to read is explained to nobody */
    if (dap_tree_payload(m, DAP_TREE_BODY, &body, &ignored) != 0)
        body = NULL;
    json_array_foreach(json_object_get(body, "breakpoints"), i, breakpoint)
    {
        const char *message = json_string_value(json_object_get(breakpoint, "message"));
        const char *file = message ? delve_names_missing(message) : NULL;
        if (!file)
            continue;
        s->unknown_file = strdup(file);
        if (s->names_ahead && asked->asker == DAP_ASKER_JOURNAL)
            break; /* its answer comes next */
        s->names_asked++;
        if (s->unknown_file && !ask(s, file)) {
            free(s->unknown_file);
            s->unknown_file = NULL;
        }
        break;
    }
    json_decref(body);
}

void session_names_ask_ahead(struct session *s, const struct dap_message *m)
{
    json_t *arguments;
    struct buf file;
    struct err ignored; /* what can't be read is explained to nobody */
    if (strcmp(m->name, "setBreakpoints") != 0 || s->names_asked >= QUESTIONS_MAX)
        return;
    if (dap_tree_payload(m, DAP_TREE_REQUEST, &arguments, &ignored) != 0)
        arguments = NULL;
    const char *path = json_string_value(json_object_get(json_object_get(arguments, "source"), "path"));
    buf_init(&file, TEXT_MAX);
    if (path && session_map_name(s, path, &file) == 0)
        buf_puts(&file, path);
    if (file.len)
        s->names_asked += ask(s, file.data);
    buf_free(&file);
    json_decref(arguments);
    s->names_ahead = true;
}

void session_names_answered(struct session *s, const struct dap_message *m)
{
    json_t *body;
    struct err ignored; /* likewise */
    if (dap_tree_payload(m, DAP_TREE_BODY, &body, &ignored) != 0)
        body = NULL;
    const char *names = m->success ? json_string_value(json_object_get(body, "result")) : NULL;
    char *file = s->unknown_file, *mapped = file ? config_paths_to_client(&s->paths, file) : NULL;
    struct buf text;
    s->unknown_file = NULL;
    buf_init(&text, TEXT_MAX);
    if (names && file && s->names_asked <= QUESTIONS_MAX &&
        delve_names_explain(mapped ? mapped : file, file, names, &text) > 0) {
        session_say(s, "important", text.data);
        s->names_asked = QUESTIONS_MAX + 1; /* once is enough */
    }
    buf_free(&text);
    free(mapped);
    free(file);
    json_decref(body);
}
