#include "delve/prelaunch.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "delve/strings.h"

enum { STEPS_MAX = 64, ARGS_MAX = 1024 };

static const struct {
    const char *name;
    const char *args[5];
} steps[] = {
    {"download", {"go", "mod", "download", NULL}},
    {"tidy", {"go", "mod", "tidy", NULL}},
    {"verify", {"go", "mod", "verify", NULL}},
    {"vendor", {"go", "mod", "vendor", NULL}},
    {"cleanTestCache", {"go", "clean", "-testcache", NULL}},
};

static const char allowed[] = "\"download\", \"tidy\", \"verify\", \"vendor\", \"cleanTestCache\", or an object with "
                              "\"step\" or \"command\", and \"optional\"";

/* Whether two names differ in one short stretch only. */
static bool is_misspelt(const char *a, const char *b)
{
    enum { STRETCH_MAX = 2 };
    size_t n = strlen(a), m = strlen(b), i = 0;
    while (i < n && i < m && tolower((unsigned char)a[i]) == tolower((unsigned char)b[i]))
        i++;
    for (; n > i && m > i && tolower((unsigned char)a[n - 1]) == tolower((unsigned char)b[m - 1]); n--)
        m--;
    return n - i <= STRETCH_MAX && m - i <= STRETCH_MAX;
}

/* The step that was meant, also by its command: "go mod tidy", "-testcache"; NULL when none is near. */
static const char *suggest(const char *name)
{
    enum { PART_MIN = 4 }; /* letters of a name that tell the step */
    const char *last = strrchr(name, ' ');
    last = last ? last + 1 : name;
    last += strspn(last, "-");
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (is_misspelt(name, steps[i].name) || (strlen(last) >= PART_MIN && strcasestr(steps[i].name, last)))
            return steps[i].name;
    return NULL;
}

/* Adds one word to what is run and to what is shown. */
static int add_arg(struct delve_prelaunch_step *s, const char *arg)
{
    size_t len = s->text ? strlen(s->text) : 0;
    char *text = realloc(s->text, len + strlen(arg) + 2);
    if (!text)
        return -1;
    s->text = text;
    if (len)
        text[len++] = ' ';
    memcpy(text + len, arg, strlen(arg) + 1);
    return delve_strings_add(&s->argv, arg);
}

static int read_name(struct delve_prelaunch_step *s, const char *name, const char *where, size_t at, struct err *e)
{
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (strcmp(steps[i].name, name) != 0)
            continue;
        for (const char *const *arg = steps[i].args; *arg; arg++)
            if (add_arg(s, *arg) < 0)
                return err_set(e, "out of memory");
        return 0;
    }
    const char *meant = suggest(name);
    return err_set(e, "%s[%zu]: there is no step \"%s\"%s%s%s; allowed are %s", where, at, name,
                   meant ? " (did you mean \"" : "", meant ? meant : "", meant ? "\"?)" : "", allowed);
}

static int read_command(struct delve_prelaunch_step *s, const json_t *command, const char *where, size_t at,
                        struct err *e)
{
    size_t i, count = json_array_size(command);
    const json_t *arg;
    const char *line = json_string_value(command);
    if (line && *line) {
        if (delve_strings_add(&s->argv, "sh") < 0 || delve_strings_add(&s->argv, "-c") < 0 || add_arg(s, line) < 0)
            return err_set(e, "out of memory");
        return 0;
    }
    if (line || count == 0 || count > ARGS_MAX)
        return err_set(e, "%s[%zu].command must be a line for sh, or a list of strings with the program first", where,
                       at);
    json_array_foreach(command, i, arg)
    {
        const char *text = json_string_value(arg);
        if (!text || (i == 0 && !*text))
            return err_set(e, "%s[%zu].command[%zu] must be a string%s", where, at, i,
                           i == 0 ? ", the name of the program" : "");
        if (add_arg(s, text) < 0)
            return err_set(e, "out of memory");
    }
    return 0;
}

static int read_object(struct delve_prelaunch_step *s, const json_t *entry, const char *where, size_t at, struct err *e)
{
    const json_t *step = json_object_get(entry, "step"), *command = json_object_get(entry, "command");
    const json_t *optional = json_object_get(entry, "optional");
    size_t known = (step ? 1U : 0U) + (command ? 1U : 0U) + (optional ? 1U : 0U);
    if ((step != NULL) == (command != NULL) || known != json_object_size(entry))
        return err_set(e, "%s[%zu] must have either \"step\" or \"command\", and may have \"optional\", nothing else",
                       where, at);
    if (optional && !json_is_boolean(optional))
        return err_set(e, "%s[%zu].optional must be true or false", where, at);
    s->optional = json_is_true(optional);
    if (command)
        return read_command(s, command, where, at, e);
    if (!json_is_string(step))
        return err_set(e, "%s[%zu].step must be a string: download, tidy, verify, vendor or cleanTestCache", where, at);
    return read_name(s, json_string_value(step), where, at, e);
}

static int read_entry(struct delve_prelaunch_step *s, const json_t *entry, const char *where, size_t at, struct err *e)
{
    if (json_is_string(entry))
        return read_name(s, json_string_value(entry), where, at, e);
    if (json_is_object(entry))
        return read_object(s, entry, where, at, e);
    return err_set(e, "%s[%zu] must be %s", where, at, allowed);
}

int delve_prelaunch_read(struct delve_prelaunch *p, const json_t *list, const char *where, struct err *e)
{
    size_t i;
    const json_t *entry;
    *p = (struct delve_prelaunch){0};
    if (!list || json_is_null(list))
        return 0;
    if (!json_is_array(list) || json_array_size(list) > STEPS_MAX)
        return err_set(e, "%s must be a list of at most %d steps: %s", where, STEPS_MAX, allowed);
    if (json_array_size(list) == 0)
        return 0;
    p->list = calloc(json_array_size(list), sizeof *p->list);
    if (!p->list)
        return err_set(e, "out of memory");
    json_array_foreach(list, i, entry)
    {
        p->count = i + 1;
        if (read_entry(&p->list[i], entry, where, i, e) < 0) {
            delve_prelaunch_free(p);
            return -1;
        }
    }
    return 0;
}

void delve_prelaunch_free(struct delve_prelaunch *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free(p->list[i].text);
        delve_strings_free(&p->list[i].argv);
    }
    free(p->list);
    *p = (struct delve_prelaunch){0};
}
