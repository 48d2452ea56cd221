#include "config/paths.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { RULES_NAMED = 3 }; /* in words on a path that none maps */

/* One side of a rule, taken apart. */
struct prefix {
    const char *text;
    size_t len;     /* without trailing separators: 0 for "/" and "", 2 for "C:\" */
    bool windows;   /* letters and separators are compared loosely */
    char separator; /* what its paths are written with */
};

int config_paths_add(struct config_paths *paths, const char *client, const char *remote)
{
    struct config_path *list = realloc(paths->list, (paths->count + 1) * sizeof(*list));
    if (!list)
        return -1;
    paths->list = list;
    struct config_path rule = {.client = strdup(client), .remote = strdup(remote)};
    if (!rule.client || !rule.remote) {
        free(rule.client);
        free(rule.remote);
        return -1;
    }
    list[paths->count++] = rule;
    return 0;
}

int config_paths_add_all(struct config_paths *paths, const struct config_paths *from)
{
    for (size_t i = 0; i < from->count; i++)
        if (config_paths_add(paths, from->list[i].client, from->list[i].remote) < 0)
            return -1;
    return 0;
}

void config_paths_free(struct config_paths *paths)
{
    for (size_t i = 0; i < paths->count; i++) {
        free(paths->list[i].client);
        free(paths->list[i].remote);
    }
    free(paths->list);
    *paths = (struct config_paths){0};
}

static bool is_separator(char c, bool windows)
{
    return c == '/' || (windows && c == '\\');
}

static bool has_drive(const char *path)
{
    return isalpha((unsigned char)path[0]) && path[1] == ':';
}

static struct prefix prefix_of(const char *text, bool client)
{
    struct prefix p = {.text = text, .len = strlen(text), .separator = '/'};
    p.windows = client && (has_drive(text) || strchr(text, '\\'));
    /* "C:/src" is written by programs that want "/" back. */
    if (p.windows && (strchr(text, '\\') || !strchr(text, '/')))
        p.separator = '\\';
    while (p.len > 0 && is_separator(text[p.len - 1], p.windows))
        p.len--;
    return p;
}

/* Whether path lies in the prefix, at the end of a component. */
static bool lies_in(const struct prefix *p, const char *path)
{
    for (size_t i = 0; i < p->len; i++) {
        char a = p->text[i], b = path[i];
        bool same = a == b;
        if (p->windows && !same)
            same = (is_separator(a, true) && is_separator(b, true)) ||
                   tolower((unsigned char)a) == tolower((unsigned char)b);
        if (!same)
            return false;
    }
    if (!*p->text)
        return *path && !is_separator(*path, false);
    return path[p->len] == '\0' ? p->len > 0 : is_separator(path[p->len], p->windows);
}

/* to + rest, the rest's separators as to writes them. */
static char *join(const struct prefix *from, const struct prefix *to, const char *rest)
{
    /* Relative names have no separator before them. */
    if (!*to->text)
        rest += is_separator(*rest, from->windows);
    bool lacks_separator = !*from->text && *rest;
    size_t len = to->len + lacks_separator + strlen(rest);
    char *path = malloc(len + 2);
    if (!path) {
        errno = ENOMEM;
        return NULL;
    }
    memcpy(path, to->text, to->len);
    path[to->len] = '/';
    strcpy(path + to->len + lacks_separator, rest);
    for (char *c = path + to->len; *c; c++)
        if (is_separator(*c, from->windows))
            *c = to->separator;
    /* A root ends in its separator: "/" and "C:\", never "" or "C:". */
    if (len == 0 || (to->windows && len == 2)) {
        path[len] = to->separator;
        path[len + 1] = '\0';
    }
    return path;
}

/* What a path is, or is to become. */
enum kind { REMOTE_PATH, REMOTE_NAME, CLIENT };

static bool is_relative(const char *remote)
{
    return remote[0] != '/';
}

/* Whether rule b, of an equal prefix, comes before a. */
static bool comes_before(const struct config_path *a, const struct config_path *b, enum kind to)
{
    return to == REMOTE_NAME && !is_relative(a->remote) && is_relative(b->remote);
}

/* The rule for a path, NULL when none matches. */
static const struct config_path *find(const struct config_paths *paths, const char *path, enum kind to)
{
    const struct config_path *found = NULL;
    size_t longest = 0;
    for (size_t i = 0; i < paths->count; i++) {
        const struct config_path *rule = &paths->list[i];
        struct prefix p = prefix_of(to == CLIENT ? rule->remote : rule->client, to != CLIENT);
        if ((to == REMOTE_PATH && is_relative(rule->remote)) || !lies_in(&p, path))
            continue;
        /* The directory itself has no name that is empty. */
        if (to == REMOTE_NAME && !*rule->remote && path[p.len] == '\0')
            continue;
        if (found && (p.len < longest || (p.len == longest && !comes_before(found, rule, to))))
            continue;
        found = rule;
        longest = p.len;
    }
    return found;
}

static char *map(const struct config_paths *paths, const char *path, enum kind to)
{
    const struct config_path *rule = find(paths, path, to);
    if (!rule) {
        errno = 0;
        return NULL;
    }
    struct prefix client = prefix_of(rule->client, true), remote = prefix_of(rule->remote, false);
    return to == CLIENT ? join(&remote, &client, path + remote.len) : join(&client, &remote, path + client.len);
}

char *config_paths_to_remote(const struct config_paths *paths, const char *client)
{
    return map(paths, client, REMOTE_PATH);
}

char *config_paths_to_name(const struct config_paths *paths, const char *client)
{
    return map(paths, client, REMOTE_NAME);
}

char *config_paths_to_client(const struct config_paths *paths, const char *remote)
{
    return map(paths, remote, CLIENT);
}

int config_paths_explain(const struct config_paths *paths, const char *client, struct buf *out)
{
    const struct config_path *rule = find(paths, client, REMOTE_PATH);
    size_t count = 0;
    if (rule) {
        buf_printf(out, "%s -> %s", rule->client, rule->remote);
        return out->failed ? -1 : 1;
    }
    for (size_t i = 0; i < paths->count && count <= RULES_NAMED; i++) {
        rule = &paths->list[i];
        if (is_relative(rule->remote))
            continue;
        if (count++ < RULES_NAMED)
            buf_printf(out, "%s%s -> %s", count > 1 ? ", " : "", rule->client, rule->remote);
    }
    if (count > RULES_NAMED)
        buf_puts(out, ", ...");
    return out->failed ? -1 : 0;
}
