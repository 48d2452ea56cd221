/* The strings of launch.json one by one: NUL characters, and variables that no editor has replaced. */
#include <stdio.h>
#include <string.h>

#include "delve/plan_parts.h"

enum { NAME_MAX_BYTES = 256 }; /* of an element's name in an error: `env.NAME`, `args[12]` */

typedef int visit_string(struct plan_reader *r, const char *name, const json_t *string);

/* Visits each string of a value, with a name that leads to it. */
static int walk(struct plan_reader *r, const char *name, json_t *value, visit_string *visit)
{
    char below[NAME_MAX_BYTES];
    const char *key;
    json_t *member;
    if (json_is_string(value))
        return visit(r, name, value);
    for (size_t i = 0; i < json_array_size(value); i++) {
        (void)snprintf(below, sizeof below, "%s[%zu]", name, i);
        if (walk(r, below, json_array_get(value, i), visit) < 0)
            return -1;
    }
    json_object_foreach(value, key, member)
    {
        (void)snprintf(below, sizeof below, "%s.%s", name, key);
        if (walk(r, below, member, visit) < 0)
            return -1;
    }
    return 0;
}

/* A C string cannot hold NUL bytes, nor can an argument or an environment variable. */
static int refuse_nul(struct plan_reader *r, const char *name, const json_t *string)
{
    if (strlen(json_string_value(string)) == json_string_length(string))
        return 0;
    return err_set(r->e, "%s contains a NUL character (\\u0000), which an argument or a path cannot.", name);
}

int plan_no_nul(struct plan_reader *r, const char *name, json_t *value)
{
    return walk(r, name, value, refuse_nul);
}

/* The first `${...}` of a text, its length in *len; NULL when there is none. */
static const char *find_variable(const char *text, size_t *len)
{
    for (const char *p = text; (p = strstr(p, "${")); p += 2) {
        size_t n = strcspn(p + 2, "${}\n");
        if (n > 0 && p[2 + n] == '}') {
            *len = n + 3;
            return p;
        }
    }
    return NULL;
}

/* Whether a variable is one of the editor's (VS Code's, which others have taken over), not the program's own. */
static bool is_editors(const char *variable, size_t len)
{
    static const char *const names[] = {"workspaceFolder",
                                        "workspaceFolderBasename",
                                        "workspaceRoot",
                                        "workspaceRootFolderName",
                                        "file",
                                        "fileBasename",
                                        "fileBasenameNoExtension",
                                        "fileDirname",
                                        "fileDirnameBasename",
                                        "fileExtname",
                                        "fileWorkspaceFolder",
                                        "fileWorkspaceFolderBasename",
                                        "relativeFile",
                                        "relativeFileDirname",
                                        "cwd",
                                        "userHome",
                                        "lineNumber",
                                        "columnNumber",
                                        "selectedText",
                                        "execPath",
                                        "defaultBuildTask",
                                        "pathSeparator",
                                        "env",
                                        "config",
                                        "command",
                                        "input"};
    static const size_t with_value = 4; /* the last of them are only variables before a colon */
    const size_t count = sizeof names / sizeof names[0];
    const char *name = variable + 2;
    size_t name_len = strcspn(name, ":}");
    bool has_value = name[name_len] == ':' && name + name_len < variable + len;
    for (size_t i = 0; i < count; i++)
        if (strlen(names[i]) == name_len && memcmp(names[i], name, name_len) == 0)
            return has_value || i < count - with_value;
    return false;
}

static int refuse_variable(struct plan_reader *r, const char *name, const json_t *string)
{
    size_t len;
    const char *text = json_string_value(string), *at = find_variable(text, &len);
    if (!at)
        return 0;
    return err_set(r->e,
                   "%s: the editor has not replaced %.*s in \"%s\". Write the value itself, or use a variable that "
                   "this editor supports.",
                   name, (int)len, at, text);
}

static int note_variable(struct plan_reader *r, const char *name, const json_t *string)
{
    size_t len;
    const char *text = json_string_value(string);
    for (const char *at; (at = find_variable(text, &len)); text = at + len)
        if (is_editors(at, len))
            return plan_note(r, "%s: the editor has not replaced %.*s, which is passed on as it is.", name, (int)len,
                             at);
    return 0;
}

int plan_variables(struct plan_reader *r, const char *name, json_t *value, bool may_be_programs)
{
    return walk(r, name, value, may_be_programs ? note_variable : refuse_variable);
}
