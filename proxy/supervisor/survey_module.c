/* The go.mod and go.work that go takes in a directory, and what they ask of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/supervisor/survey_parts.h"

enum { NAME_BYTES = 32 };

static const char blank[] = " \t\r\v\f";

/* --- directives --- */

/* The value of a line that is a directive of this name, with its length; NULL: it is none. */
static const char *directive(const char *line, const char *name, size_t *len)
{
    static const char version[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.+-";
    size_t n = strlen(name);
    line += strspn(line, blank);
    if (strncmp(line, name, n) != 0 || !line[n] || !strchr(blank, line[n]))
        return NULL;
    line += n;
    line += strspn(line, blank);
    line += *line == '"';
    *len = strspn(line, version);
    return *len ? line : NULL;
}

/* what: mod, work or usedN. */
static void directive_facts(const struct look *l, const char *what, const char *path)
{
    static const char *const names[] = {"go", "toolchain"};
    survey_fact(l, what, path);
    char *text = survey_read(path);
    size_t len = 0;
    for (const char *line = text; line && *line; line += len + (line[len] == '\n')) {
        len = strcspn(line, "\n");
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            size_t n = 0;
            const char *at = directive(line, names[i], &n);
            char *value = at ? strndup(at, n) : NULL;
            if (value)
                survey_fact_of(l, what, names[i], NULL, value);
            free(value);
        }
    }
    free(text);
}

/* --- the directories of a workspace --- */

struct work {
    const struct look *l;
    const char *path, *mod; /* of go.work and of the go.mod that was reported already, or NULL */
    unsigned count;
};

static void used(struct work *w, const char *dir)
{
    char name[NAME_BYTES];
    size_t above = (size_t)(strrchr(w->path, '/') - w->path);
    size_t len = 0;
    if (strncmp(dir, "./", 2) == 0)
        dir += 2;
    len = strlen(dir);
    len -= len > 0 && dir[len - 1] == '/';
    bool is_here = len == 0 || (len == 1 && dir[0] == '.');
    char *mod = is_here         ? survey_text("%.*s/go.mod", (int)above, w->path)
                : dir[0] == '/' ? survey_text("%.*s/go.mod", (int)len, dir)
                                : survey_text("%.*s/%.*s/go.mod", (int)above, w->path, (int)len, dir);
    if (mod && survey_is_file(mod) && (!w->mod || strcmp(mod, w->mod) != 0) && w->count < SURVEY_USED_MAX) {
        (void)snprintf(name, sizeof name, "used%u", ++w->count);
        directive_facts(w->l, name, mod);
    }
    free(mod);
}

/* Takes comments, quotes and blanks at both ends away, in place. */
static char *bare(char *line)
{
    char *comment = strstr(line, "//");
    if (comment)
        *comment = '\0';
    char *to = line;
    for (const char *from = line; *from; from++)
        if (*from != '"' && *from != '`')
            *to++ = *from;
    while (to > line && strchr(blank, to[-1]))
        to--;
    *to = '\0';
    return line + strspn(line, blank);
}

/* What follows a line's `use`; NULL: it has none. */
static const char *after_use(const char *line)
{
    static const char use[] = "use";
    size_t n = sizeof use - 1;
    if (strncmp(line, use, n) != 0 || (line[n] != '(' && (!line[n] || !strchr(blank, line[n]))))
        return NULL;
    return line + n + strspn(line + n, blank);
}

/* Every module of the workspace is read for a build in any of them. */
static void used_facts(struct work *w)
{
    bool is_block = false;
    char *rest = survey_read(w->path), *text = rest, *line = NULL;
    while ((line = strsep(&rest, "\n"))) {
        line = bare(line);
        const char *dir = is_block ? NULL : after_use(line);
        if (is_block && strcmp(line, ")") == 0)
            is_block = false;
        else if (is_block && *line)
            used(w, line);
        else if (dir && strcmp(dir, "(") == 0)
            is_block = true;
        else if (dir && *dir != '(' && *dir)
            used(w, dir);
    }
    free(text);
}

/* --- finding them --- */

/* The file in dir or the nearest directory above that has it; the caller frees it. */
static char *above(const char *dir, const char *name)
{
    size_t len = strlen(dir);
    for (;;) {
        while (len > 0 && dir[len - 1] == '/')
            len--;
        char *path = survey_text("%.*s/%s", (int)len, dir, name);
        if (!path || survey_is_file(path))
            return path;
        free(path);
        if (len == 0)
            return NULL;
        while (len > 0 && dir[len - 1] != '/')
            len--;
    }
}

void survey_module(const struct look *l, const char *dir)
{
    const char *chosen = survey_env(l, "GOWORK");
    if (dir[0] != '/' || strlen(dir) >= SUPERVISOR_PATH_MAX)
        return;
    char *mod = above(dir, "go.mod");
    char *work = strcmp(chosen, "off") == 0 ? NULL : chosen[0] == '/' ? strdup(chosen) : above(dir, "go.work");
    if (mod)
        directive_facts(l, "mod", mod);
    if (work) {
        struct work w = {.l = l, .path = work, .mod = mod};
        directive_facts(l, "work", work);
        used_facts(&w);
    }
    free(work);
    free(mod);
}
