#include "delve/signatures.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "delve/log.h"
#include "delve/signature_parts.h"

enum {
    GROUPS_MAX = 8,  /* subexpressions of a pattern that are looked at */
    PREFIXES_MAX = 3 /* `MODULE@VERSION: `, `PACKAGE: ` and the like, one after the other */
};

/* What is searched, with what is known. */
struct search {
    const struct delve_part *part;
    const struct delve_facts *facts;
    struct delve_diagnosis suspect; /* the first that only facts could tell: its names */
};

/* What a row's regular expressions compile to: once, for as long as the program runs. */
struct compiled {
    regex_t pattern, belongs;
    bool has_pattern, has_belongs;
};

/* A line taken apart. The pattern may begin at any of the starts. */
struct spoken {
    char text[DELVE_LINE_MAX + 1];
    const char *starts[PREFIXES_MAX + 1];
    size_t count;
    struct delve_location location;
    const char *module; /* of the `MODULE@VERSION: ` before the text, NULL without one */
    size_t module_len, version_len;
    bool is_indented; /* it goes on from a line before, which says what is wrong */
};

static const regex_t *compile(regex_t *re, bool *has, const char *pattern, int flags)
{
    if (!*has)
        *has = regcomp(re, pattern, REG_EXTENDED | flags) == 0;
    return *has ? re : NULL;
}

/* Returns NULL when memory ran out: then nothing is recognised, and Go's words are all that the user gets. */
static struct compiled *compiled_row(size_t i)
{
    static struct compiled *rows;
    size_t count;
    const struct delve_signature *table = delve_signatures(&count);
    if (!rows)
        rows = calloc(count, sizeof *rows);
    if (!rows || !compile(&rows[i].pattern, &rows[i].has_pattern, table[i].pattern, 0))
        return NULL;
    return &rows[i];
}

/* `PATH: ` at p, a path of a package, perhaps with a version: returns what follows, or NULL. */
static const char *after_prefix(const char *p)
{
    size_t n = strcspn(p, " \t\":");
    bool is_path = strcspn(p, "./@") < n;
    return is_path && p[n] == ':' && p[n + 1] == ' ' ? p + n + 2 : NULL;
}

static void note_module(struct spoken *s, const char *word, const char *end)
{
    const char *at = memchr(word, '@', (size_t)(end - word));
    if (!at || at == word || at[1] != 'v' || at[2] < '0' || at[2] > '9')
        return;
    s->module = word;
    s->module_len = (size_t)(at - word);
    s->version_len = (size_t)(end - at - 1);
}

/* Takes a line apart. Returns false for one that is too long to be of the go command. */
static bool take_apart(struct spoken *s, struct delve_line line)
{
    static const char *const speakers[] = {"go: ", "-> ", "cgo: "};
    if (line.len > DELVE_LINE_MAX)
        return false;
    memcpy(s->text, line.at, line.len);
    s->text[line.len] = '\0';
    s->module = NULL;
    s->is_indented = *s->text == '\t';
    const char *p = s->text + strspn(s->text, "\t");
    for (size_t i = 0; i < sizeof speakers / sizeof speakers[0]; i++) {
        if (strncmp(p, speakers[i], strlen(speakers[i])) == 0) {
            p += strlen(speakers[i]);
            break;
        }
    }
    s->location = delve_location_read(p);
    p += s->location.len;
    s->starts[0] = p;
    s->count = 1;
    for (const char *next; s->count <= PREFIXES_MAX && (next = after_prefix(p)); p = next) {
        if (!s->module)
            note_module(s, p, next - 2);
        s->starts[s->count++] = next;
    }
    return true;
}

static void copy(char *to, size_t size, const char *from, size_t len)
{
    if (len >= size)
        len = size - 1;
    memcpy(to, from, len);
    to[len] = '\0';
}

/* Returns whether the names agree with each other. */
static bool take_named(struct delve_diagnosis *d, const char *names, const char *text, const regmatch_t *groups)
{
    for (size_t i = 0; names[i] && i + 1 < GROUPS_MAX; i++) {
        regmatch_t g = groups[i + 1];
        if (g.rm_so < 0)
            continue;
        const char *from = text + g.rm_so;
        size_t len = (size_t)(g.rm_eo - g.rm_so);
        if (names[i] == 'm')
            copy(d->module, sizeof d->module, from, len);
        else if (names[i] == 'v')
            copy(d->version, sizeof d->version, from, len);
        else if (names[i] == 'f')
            copy(d->file, sizeof d->file, from, len);
        else if (names[i] == 'a' && !delve_is_cut_name(d->module, from, len))
            return false;
    }
    return true;
}

/* The path that the row's needs are about: what p or f names, else the location. (With DELVE_NEEDS_GOROOT always that.)
 */
static const char *subject(const struct delve_signature *row, const struct spoken *s, const char *text,
                           const regmatch_t *groups, size_t *len)
{
    for (size_t i = 0; row->names[i] && i + 1 < GROUPS_MAX; i++) {
        if (row->needs & DELVE_NEEDS_GOROOT || (row->names[i] != 'p' && row->names[i] != 'f') ||
            groups[i + 1].rm_so < 0)
            continue;
        *len = (size_t)(groups[i + 1].rm_eo - groups[i + 1].rm_so);
        return text + groups[i + 1].rm_so;
    }
    *len = s->location.file_len;
    return s->location.file;
}

/* The module that the path or the text tells of. */
static void take_cached(struct delve_diagnosis *d, const struct search *search, const char *text, const char *path,
                        size_t len, const char *package)
{
    char rest[DELVE_LINE_MAX + 1];
    if (len && delve_is_below(search->facts, "go.GOMODCACHE", path, len, rest, sizeof rest))
        (void)delve_module_below(d, rest);
    if (!*d->module && len)
        (void)delve_cached_module(d, path, len, package);
    else if (!*d->module)
        (void)delve_cached_module(d, text, strlen(text), package);
}

/* `go: downloading MODULE VERSION`, the last one: a zip that cannot be read is of what was fetched. */
static void take_downloaded(struct delve_diagnosis *d, const struct delve_part *part)
{
    static const char said[] = "go: downloading ";
    const char *end = part->text + part->len, *last = NULL, *hit = part->text;
    while ((hit = memmem(hit, (size_t)(end - hit), said, sizeof said - 1))) {
        hit += sizeof said - 1;
        last = hit;
    }
    size_t module = last ? strcspn(last, " \n") : 0;
    if (module == 0 || last[module] != ' ' || *d->module)
        return;
    copy(d->module, sizeof d->module, last, module);
    copy(d->version, sizeof d->version, last + module + 1, strcspn(last + module + 1, " \n"));
}

/* Module, version, file and line that the pattern itself does not name. */
static void take_around(struct delve_diagnosis *d, const struct spoken *s)
{
    if (!*d->module && s->module) {
        copy(d->module, sizeof d->module, s->module, s->module_len);
        copy(d->version, sizeof d->version, s->module + s->module_len + 1, s->version_len);
    }
    if (s->location.file_len && !*d->file) {
        copy(d->file, sizeof d->file, s->location.file, s->location.file_len);
        d->line = s->location.line;
    }
}

/* go.mod and go.sum are named with the line below the one that says what is wrong. */
static void take_location_of_message(struct delve_diagnosis *d)
{
    for (const char *p = strchr(d->message, '\n'); p && !*d->file; p = strchr(p, '\n')) {
        struct delve_location location = delve_location_read(++p);
        if (location.file_len) {
            copy(d->file, sizeof d->file, location.file, location.file_len);
            d->line = location.line;
        }
    }
}

static bool belongs(const struct delve_signature *row, struct compiled *c, struct delve_diagnosis *d,
                    const struct delve_part *part, struct delve_line line)
{
    if (!row->belongs)
        return true;
    if (part->is_compiler)
        return delve_message_add_about(d, part, line, row->belongs, row->needs & DELVE_NEEDS_NO_FACTS);
    const regex_t *re = compile(&c->belongs, &c->has_belongs, row->belongs, REG_NOSUB);
    return re && regexec(re, d->message, 0, NULL, 0) == 0;
}

/* What only facts can tell: the caller may look them up. */
static void note_suspect(struct search *search, const struct delve_diagnosis *d)
{
    if (*search->suspect.module || !*d->module)
        return;
    search->suspect = *d;
    search->suspect.signature = NULL;
    *search->suspect.message = '\0';
}

static bool try_spoken(struct delve_diagnosis *d, const struct delve_signature *row, struct compiled *c,
                       struct search *search, struct delve_line line, const struct spoken *s)
{
    regmatch_t groups[GROUPS_MAX];
    size_t i = 0;
    while (i < s->count && regexec(&c->pattern, s->starts[i], GROUPS_MAX, groups, 0) != 0)
        i++;
    if (i == s->count || (s->is_indented && row->needs & DELVE_NEEDS_IN_GOROOT))
        return false;
    *d = (struct delve_diagnosis){.signature = row};
    if (!take_named(d, row->names, s->starts[i], groups))
        return false;
    size_t len;
    const char *path = subject(row, s, s->starts[i], groups, &len);
    char package[DELVE_NAMED_MAX];
    delve_part_package(search->part, line, package, sizeof package);
    take_around(d, s);
    if (!*d->module && (row->remedies[0] == DELVE_REMEDY_PURGE ||
                        row->needs & (DELVE_NEEDS_DAMAGED | DELVE_NEEDS_HELD | DELVE_NEEDS_WHOLE)))
        take_cached(d, search, s->starts[i], path, len, package);
    if (row->needs & DELVE_NEEDS_ZIP)
        take_downloaded(d, search->part);
    if (!delve_needs_hold(row, search->facts, d, s->starts[i], path, len)) {
        note_suspect(search, d);
        return false;
    }
    delve_message_read(d, search->part, line);
    if (!belongs(row, c, d, search->part, line))
        return false;
    take_location_of_message(d);
    return true;
}

/* Only lines that hold the row's text are taken apart: most outputs are over after one search for each row. */
static bool try_row(struct delve_diagnosis *d, size_t i, struct search *search)
{
    const struct delve_part *part = search->part;
    struct spoken s;
    size_t count;
    const struct delve_signature *row = &delve_signatures(&count)[i];
    const char *end = part->text + part->len;
    for (const char *p = part->text; p < end;) {
        const char *hit = memmem(p, (size_t)(end - p), row->text, strlen(row->text));
        if (!hit)
            return false;
        struct delve_line line = delve_line_around(part, hit);
        struct compiled *c = compiled_row(i);
        if (c && take_apart(&s, line) && try_spoken(d, row, c, search, line, &s))
            return true;
        p = line.next;
    }
    return false;
}

static bool try_rows(struct delve_diagnosis *d, struct search *search, int origin)
{
    size_t count, i = 0;
    const struct delve_signature *table = delve_signatures(&count);
    while (i < count && !(table[i].origin & origin && try_row(d, i, search)))
        i++;
    if (i == count) {
        *d = search->suspect;
        return false;
    }
    if (!*d->module) {
        memcpy(d->module, search->suspect.module, sizeof d->module);
        memcpy(d->version, search->suspect.version, sizeof d->version);
    }
    return true;
}

/* Whether the line is a syntax error in a file of the program's own: then nothing else helps before it is corrected. */
static bool is_own_mistake(const struct search *search, struct delve_line line)
{
    static regex_t syntax;
    static bool is_compiled;
    struct spoken s;
    if (!take_apart(&s, line) || !s.location.file_len || s.location.file[s.location.file_len - 1] != 'o')
        return false;
    const regex_t *re = compile(&syntax, &is_compiled, DELVE_SYNTAX_ERROR, REG_NOSUB);
    return re && regexec(re, s.starts[0], 0, NULL, 0) == 0 &&
           delve_is_own_file(search->facts, s.location.file, s.location.file_len);
}

static bool has_own_mistake(const struct search *search)
{
    static const char go_file[] = ".go:";
    const char *end = search->part->text + search->part->len;
    for (const char *p = search->part->text; p < end;) {
        const char *hit = memmem(p, (size_t)(end - p), go_file, sizeof go_file - 1);
        if (!hit)
            return false;
        struct delve_line line = delve_line_around(search->part, hit);
        if (is_own_mistake(search, line))
            return true;
        p = line.next;
    }
    return false;
}

bool delve_diagnose_build_with(struct delve_diagnosis *d, const char *output, const struct delve_facts *facts)
{
    *d = (struct delve_diagnosis){0};
    if (!output)
        return false;
    struct delve_part part = delve_part_of(output);
    struct search search = {.part = &part, .facts = facts};
    if (part.has_listened || (!part.is_compiler && has_own_mistake(&search)))
        return false;
    return try_rows(d, &search, part.is_compiler ? DELVE_IN_COMPILER : DELVE_IN_BUILD);
}

bool delve_diagnose_build(struct delve_diagnosis *d, const char *output)
{
    return delve_diagnose_build_with(d, output, NULL);
}

/* What a log line's level and layer allow to look for in its text; 0: nothing. */
static int log_origin(const char *line, const char *message)
{
    static const char *const grave[] = {"error ", "warn ", "warning ", "fatal ", "panic "};
    static const char own_layer[] = "layer=debugger ", any_layer[] = "layer=";
    const char *level = line + strcspn(line, " ") + 1;
    /* A line without time and level goes on from the one before, and may be a part of an argument. */
    if (level >= message || line[strcspn(line, "/T ")] != 'T')
        return 0;
    size_t before = (size_t)(message - level);
    if (memmem(level, before, any_layer, strlen(any_layer)) && !memmem(level, before, own_layer, strlen(own_layer)))
        return 0;
    for (size_t i = 0; i < sizeof grave / sizeof grave[0]; i++)
        if (strncmp(level, grave[i], strlen(grave[i])) == 0)
            return DELVE_IN_LOG;
    return DELVE_IN_LOG_ANY_LEVEL;
}

bool delve_diagnose_log(struct delve_diagnosis *d, const char *line)
{
    *d = (struct delve_diagnosis){0};
    const char *message = delve_log_read(line).message;
    int origin = log_origin(line, message);
    if (!origin)
        return false;
    struct delve_part part = {.text = message, .len = strcspn(message, "\n")};
    struct search search = {.part = &part};
    bool found = try_rows(d, &search, origin);
    if (!found)
        *d = (struct delve_diagnosis){0};
    return found;
}
