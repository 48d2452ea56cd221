#include "delve/names.h"

#include <stdbool.h>
#include <string.h>

enum {
    SURE = 2 /* components at the end (or at the beginning) that two paths of one file (or tree) have in common */
};

const char *delve_names_missing(const char *message)
{
    static const char begin[] = "could not find file ";
    const char *at = strstr(message, begin);
    return at && at[sizeof begin - 1] ? at + sizeof begin - 1 : NULL;
}

static bool is_separator(char c)
{
    return c == '/' || c == '\\';
}

static const char *base_of(const char *path, size_t len)
{
    while (len > 0 && !is_separator(path[len - 1]))
        len--;
    return path + len;
}

void delve_names_question(const char *file, struct buf *out)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    buf_puts(out, "dlv sources (^|/)");
    for (const char *p = base_of(file, strlen(file)); *p; p++) {
        /* Letters beyond ASCII are none of a regular expression's signs. */
        if (!strchr(plain, *p) && (unsigned char)*p < 0x80)
            buf_puts(out, "\\");
        buf_append(out, p, 1);
    }
    buf_puts(out, "$");
}

/* The number of whole components in which two paths end alike; *a_rest and *b_rest get the length of what is before. */
static size_t common_end(const char *a, size_t a_len, const char *b, size_t b_len, size_t *a_rest, size_t *b_rest)
{
    size_t count = 0;
    *a_rest = a_len;
    *b_rest = b_len;
    for (;;) {
        const char *x = base_of(a, *a_rest), *y = base_of(b, *b_rest);
        size_t n = (size_t)(a + *a_rest - x);
        if (n == 0 || n != (size_t)(b + *b_rest - y) || memcmp(x, y, n) != 0)
            return count;
        count++;
        *a_rest = (size_t)(x - a);
        *b_rest = (size_t)(y - b);
        if (*a_rest == 0 || *b_rest == 0)
            return count;
        --*a_rest;
        --*b_rest;
    }
}

static size_t common_begin(const char *a, const char *b, size_t b_len)
{
    size_t count = 0;
    for (size_t i = 0; i < b_len && a[i] == b[i]; i++)
        count += i > 0 && a[i] == '/';
    return count;
}

struct found {
    const char *name;
    size_t len, common; /* components */
};

/* Whether a name shows that the program's names are others than those of the files on the Go machine. */
static bool is_sign(const struct found *f, const char *file)
{
    if (f->name[0] == '/')
        return f->common >= SURE && common_begin(file, f->name, f->len) < SURE;
    /* The standard library's first component has no dot; the version of a dependency follows an @. */
    size_t first = strcspn(f->name, "/");
    bool is_modules = first < f->len && memchr(f->name, '.', first) && !memchr(f->name, '@', f->len);
    return is_modules || f->common >= SURE;
}

static struct found look(const char *client, const char *file, const char *names)
{
    struct found best = {0};
    for (const char *line = names; *line;) {
        size_t client_rest, name_rest;
        struct found f = {.name = line, .len = strcspn(line, "\n")};
        f.common = common_end(client, strlen(client), line, f.len, &client_rest, &name_rest);
        if (f.common > best.common && is_sign(&f, file))
            best = f;
        line += f.len + (line[f.len] == '\n');
    }
    return best;
}

/* The prefixes that a rule maps, from what the paths have not in common. */
static void prefixes(const struct found *f, const char *client, size_t *from, size_t *to)
{
    while (*from > 1 && is_separator(client[*from - 1]))
        --*from;
    /* A host alone is no module: its first directory belongs to the rule. */
    bool is_host = *to && f->name[0] != '/' && !memchr(f->name, '/', *to) && memchr(f->name, '.', *to);
    if (!is_host)
        return;
    size_t n = 1 + strcspn(f->name + *to + 1, "/");
    *from += n;
    *to += n;
}

int delve_names_explain(const char *client, const char *file, const char *names, struct buf *out)
{
    size_t from, to;
    const struct found f = look(client, file, names);
    if (!f.name)
        return 0;
    bool is_sure = f.common >= SURE && common_end(client, strlen(client), f.name, f.len, &from, &to) == f.common;
    if (is_sure)
        prefixes(&f, client, &from, &to);
    buf_printf(
        out, "Breakpoints in %s cannot be set: the program was built with -trimpath or on another machine, and calls ",
        client);
    if (is_sure)
        buf_printf(out, "it \"%.*s\". Add { \"from\": \"%.*s\", \"to\": \"%.*s\" } to substitutePath in launch.json.",
                   (int)f.len, f.name, (int)from, client, (int)to, f.name);
    else
        buf_printf(out,
                   "its files by names like \"%.*s\". Add { \"from\": the module's directory in the editor, \"to\": "
                   "the module's path in go.mod } to substitutePath in launch.json.",
                   (int)f.len, f.name);
    return out->failed ? -1 : 1;
}
