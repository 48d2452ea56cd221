/* What a Go file imports under which name: a compiler speaks of NAME.X where its module is in question. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "proxy/supervisor/inspect_parts.h"
#include "proxy/supervisor/remedy_parts.h"

/* One line of a file's imports: `"PATH"`, `NAME "PATH"`, `import NAME "PATH"`. name_len 0: the file gives none. */
struct import {
    const char *name, *path;
    size_t name_len, path_len;
};

static bool is_of_name(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.' || (unsigned char)c >= 0x80;
}

static const char *after_word(const char *p, const char *word)
{
    size_t n = strlen(word);
    return strncmp(p, word, n) == 0 && !is_of_name(p[n]) ? p + n + strspn(p + n, " \t(") : p;
}

static bool read_import(const char *line, size_t len, struct import *i)
{
    const char *p = after_word(line + strspn(line, " \t"), "import"), *end = line + len;
    i->name = p;
    while (p < end && is_of_name(*p))
        p++;
    i->name_len = (size_t)(p - i->name);
    p += strspn(p, " \t");
    if (p >= end || (*p != '"' && *p != '`'))
        return false;
    i->path = p + 1;
    const char *close = memchr(i->path, *p, (size_t)(end - i->path));
    i->path_len = close ? (size_t)(close - i->path) : 0;
    return i->path_len > 0 && i->path_len < SUPERVISOR_PATH_MAX;
}

/* Imports come before everything else. */
static bool is_over(const char *line)
{
    static const char *const keywords[] = {"func", "type", "var", "const"};
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (after_word(line, keywords[i]) != line)
            return true;
    return false;
}

/* Whether it is what is in question, which is a path or a name; path: its path, SUPERVISOR_PATH_MAX bytes. */
static bool is_meant(const struct import *i, const char *asked, char *path)
{
    (void)snprintf(path, SUPERVISOR_PATH_MAX, "%.*s", (int)i->path_len, i->path);
    if (strpbrk(asked, "/."))
        return strcmp(path, asked) == 0;
    return i->name_len ? strlen(asked) == i->name_len && strncmp(i->name, asked, i->name_len) == 0
                       : inspect_is_called(path, asked);
}

static void take(struct inspection *in, const struct import *i)
{
    char text[2 * SUPERVISOR_PATH_MAX];
    bool is_path = strpbrk(in->name, "/.");
    const char *name = !is_path ? in->name : i->name_len ? i->name : "-";
    size_t len = !is_path ? strlen(name) : i->name_len ? i->name_len : 1;
    (void)snprintf(text, sizeof text, "%.*s %s", (int)len, name, in->import);
    inspect_fact(in, "import", text);
    in->name = in->import;
}

bool inspect_is_called(const char *path, const char *name)
{
    const char *last = strrchr(path, '/');
    size_t len = strlen(path), n = strlen(name);
    if (n == 0 || strpbrk(name, "/."))
        return false;
    if (last && last[1] == 'v' && last[2] && strspn(last + 2, "0123456789") == strlen(last + 2))
        len = (size_t)(last - path); /* a major version */
    return len >= n && strncasecmp(path + len - n, name, n) == 0 && (len == n || path[len - n - 1] == '/');
}

void inspect_import(struct inspection *in)
{
    static const char end[] = ".go";
    struct import i;
    struct buf text;
    size_t n = strlen(in->file);
    if (!*in->name || n < sizeof end || strcmp(in->file + n - (sizeof end - 1), end) != 0)
        return;
    buf_init(&text, REMEDY_FILE_MAX);
    const char *line = remedy_read(in->file, &text) == 0 ? text.data : NULL;
    for (size_t len; line && *line && !is_over(line); line += len + (line[len] == '\n')) {
        len = strcspn(line, "\n");
        if (read_import(line, len, &i) && is_meant(&i, in->name, in->import)) {
            take(in, &i);
            break;
        }
    }
    buf_free(&text);
}
