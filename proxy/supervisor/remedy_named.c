/* Remedies: what a go.mod names, and what of it another one has otherwise. */
#include <stdio.h>
#include <string.h>

#include "proxy/supervisor/remedy_parts.h"
#include "proxy/supervisor/remedy_scan.h"

enum {
    LOSSES_SHOWN = 6,
    PAIR_MAX = 2 * SUPERVISOR_PATH_MAX /* bytes of a path with its version */
};

/* --- reading --- */

/* A name and what it has, both of two parts at most: PATH VERSION. */
struct entry {
    char name[SUPERVISOR_PATH_MAX], name_more[SUPERVISOR_PATH_MAX];
    char value[SUPERVISOR_PATH_MAX], value_more[SUPERVISOR_PATH_MAX];
};

/* Which members of an element go where. NULL: none such. */
struct shape {
    const char *member; /* of go.mod */
    const char *kind;
    const char *name, *name_more, *value;
    bool is_replacement;
};

static const struct shape shapes[] = {
    {.member = "Require", .kind = "require", .name = "Path", .value = "Version"},
    {.member = "Exclude", .kind = "exclude", .name = "Path", .name_more = "Version"},
    {.member = "Replace", .kind = "replace", .is_replacement = true},
    {.member = "Retract", .kind = "retract", .name = "Low", .name_more = "High"},
    {.member = "Tool", .kind = "tool", .name = "Path"},
    {.member = "Godebug", .kind = "godebug", .name = "Key", .value = "Value"},
    {.member = "Ignore", .kind = "ignore", .name = "Path"},
};

struct reading {
    struct buf *named;
    const struct shape *shape;
    struct entry *entry;
};

static void put(struct buf *named, const char *kind, const struct entry *e)
{
    const char *const parts[][2] = {{kind, ""}, {e->name, e->name_more}, {e->value, e->value_more}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        buf_printf(named, "%s%s%s", parts[i][0], *parts[i][1] ? " " : "", parts[i][1]);
        buf_append(named, "", 1);
    }
}

static bool is_key(const char *name, const char *key)
{
    return name && strcmp(name, key) == 0;
}

static void old_member(struct scan *s, const char *key, void *arg)
{
    struct entry *e = arg;
    if (is_key("Path", key))
        scan_string(s, e->name);
    else if (is_key("Version", key))
        scan_string(s, e->name_more);
    else
        scan_skip(s, NULL);
}

static void new_member(struct scan *s, const char *key, void *arg)
{
    struct entry *e = arg;
    if (is_key("Path", key))
        scan_string(s, e->value);
    else if (is_key("Version", key))
        scan_string(s, e->value_more);
    else
        scan_skip(s, NULL);
}

static void element_member(struct scan *s, const char *key, void *arg)
{
    const struct reading *r = arg;
    if (r->shape->is_replacement && is_key("Old", key))
        scan_object(s, old_member, r->entry);
    else if (r->shape->is_replacement && is_key("New", key))
        scan_object(s, new_member, r->entry);
    else if (is_key(r->shape->name, key))
        scan_string(s, r->entry->name);
    else if (is_key(r->shape->name_more, key))
        scan_string(s, r->entry->name_more);
    else if (is_key(r->shape->value, key))
        scan_string(s, r->entry->value);
    else
        scan_skip(s, NULL);
}

static void element(struct scan *s, void *arg)
{
    struct reading *r = arg;
    struct entry e = {{0}, {0}, {0}, {0}};
    r->entry = &e;
    scan_object(s, element_member, r);
    put(r->named, r->shape->kind, &e);
}

static void module_member(struct scan *s, const char *key, void *arg)
{
    struct entry *e = arg;
    if (is_key("Path", key))
        scan_string(s, e->value);
    else
        scan_skip(s, NULL);
}

static void file_member(struct scan *s, const char *key, void *arg)
{
    struct reading *r = arg;
    struct entry e = {{0}, {0}, {0}, {0}};
    if (is_key("Module", key)) {
        scan_object(s, module_member, &e);
        put(r->named, "module", &e);
        return;
    }
    if (is_key("Go", key) || is_key("Toolchain", key)) {
        scan_string(s, e.value);
        put(r->named, is_key("Go", key) ? "go" : "toolchain", &e);
        return;
    }
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (is_key(shapes[i].member, key)) {
            r->shape = &shapes[i];
            scan_array(s, element, r);
            return;
        }
    scan_skip(s, NULL);
}

int remedy_named(const char *file, int err, struct buf *named)
{
    struct buf json;
    struct reading r = {.named = named};
    buf_init(&json, REMEDY_FILE_MAX);
    struct remedy_go go = {.argv = REMEDY_ARGS("mod", "edit", "-json", file), .err = err};
    bool is_read = remedy_go_read(&go, &json) == 0 && !json.failed && json.data &&
                   scan_all(json.data, json.len, file_member, &r) && !named->failed;
    buf_free(&json);
    return is_read ? 0 : -1;
}

/* --- comparing --- */

struct line {
    const char *kind, *name, *value;
};

/* The next line; false at the end. */
static bool next(const struct buf *named, size_t *at, struct line *line)
{
    const char **parts[] = {&line->kind, &line->name, &line->value};
    if (*at >= named->len)
        return false;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        *parts[i] = named->data + *at;
        *at += strlen(*parts[i]) + 1;
    }
    return true;
}

/* Finds a line of that kind and name, with that value unless it is NULL. */
static bool find(const struct buf *named, const struct line *like, const char *value, struct line *found)
{
    for (size_t at = 0; next(named, &at, found);)
        if (strcmp(found->kind, like->kind) == 0 && strcmp(found->name, like->name) == 0 &&
            (!value || strcmp(found->value, value) == 0))
            return true;
    return false;
}

static bool has(const struct buf *named, const struct line *line)
{
    struct line found;
    return find(named, line, line->value, &found);
}

static void begin(struct buf *text, const struct remedy_loss *loss, const char *verb, const struct line *line)
{
    bool is_require = strcmp(line->kind, "require") == 0;
    buf_printf(text, "%s%s %s%s%s", loss->changed + loss->dropped ? ", " : "", verb, is_require ? "" : line->kind,
               is_require || !*line->name ? "" : " ", line->name);
}

static void add_loss(struct buf *text, struct remedy_loss *loss, const char *verb, const struct line *line,
                     const char *to)
{
    bool is_drop = strcmp(verb, "drop") == 0;
    if (loss->changed + loss->dropped < LOSSES_SHOWN) {
        begin(text, loss, verb, line);
        if (to)
            buf_printf(text, " from %s to %s", line->value, to);
        else
            buf_printf(text, "%s%s", *line->value ? " " : "", line->value);
    }
    loss->dropped += is_drop;
    loss->changed += !is_drop;
}

/* Says what go takes for said where there is no such line. */
static bool is_default(const struct line *line)
{
    return strcmp(line->kind, "go") == 0 && strcmp(line->value, REMEDY_GO_DEFAULT) == 0;
}

bool remedy_names_go(const struct buf *named)
{
    static const struct line go = {"go", "", ""};
    struct line found;
    return find(named, &go, NULL, &found);
}

struct remedy_loss remedy_compare(const struct buf *was, const struct buf *now, struct buf *text)
{
    struct remedy_loss loss = {0};
    struct line line, other;
    for (size_t at = 0; next(was, &at, &line);) {
        if (has(now, &line))
            continue;
        bool is_there = find(now, &line, NULL, &other);
        add_loss(text, &loss, is_there ? "change" : "drop", &line, is_there ? other.value : NULL);
    }
    for (size_t at = 0; next(now, &at, &line);) {
        if (find(was, &line, NULL, &other) || is_default(&line))
            continue;
        if (strcmp(line.kind, "require") == 0)
            loss.added++;
        else
            add_loss(text, &loss, "add", &line, NULL);
    }
    if (loss.changed + loss.dropped > LOSSES_SHOWN)
        buf_printf(text, " and %zu more", loss.changed + loss.dropped - LOSSES_SHOWN);
    return loss;
}

bool remedy_is_required(const struct buf *named, const char *package, size_t len)
{
    struct line line;
    for (size_t at = 0; next(named, &at, &line);) {
        size_t n = strcspn(line.name, " ");
        bool names_module = strcmp(line.kind, "require") == 0 || strcmp(line.kind, "replace") == 0;
        if (names_module && n && n <= len && strncmp(line.name, package, n) == 0 && (n == len || package[n] == '/'))
            return true;
    }
    return false;
}

bool remedy_required(const struct buf *named, const char *package, char *module, char *version)
{
    struct line line;
    size_t longest = 0;
    for (size_t at = 0; next(named, &at, &line);) {
        size_t n = strlen(line.name), len = strlen(package);
        bool holds = strcmp(line.kind, "require") == 0 && n > longest && n <= len &&
                     strncmp(line.name, package, n) == 0 && (n == len || package[n] == '/');
        if (!holds || n >= REMEDY_NAME_MAX || strlen(line.value) >= REMEDY_NAME_MAX)
            continue;
        longest = n;
        (void)snprintf(module, REMEDY_NAME_MAX, "%s", line.name);
        (void)snprintf(version, REMEDY_NAME_MAX, "%s", line.value);
    }
    /* What takes its place is not in the cache under that name. */
    for (size_t at = 0; longest && next(named, &at, &line);)
        if (strcmp(line.kind, "replace") == 0 && strncmp(line.name, module, longest) == 0 &&
            (line.name[longest] == '\0' || line.name[longest] == ' '))
            return false;
    return longest > 0;
}
