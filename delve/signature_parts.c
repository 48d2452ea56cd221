#include "delve/signature_parts.h"

#include <string.h>

enum { LINE_NUMBER_MAX = 100000000 };

static bool ends_with(const char *s, size_t len, const char *end)
{
    size_t n = strlen(end);
    return len >= n && memcmp(s + len - n, end, n) == 0;
}

static bool begins_with(struct delve_line line, const char *with)
{
    size_t n = strlen(with);
    return line.len >= n && memcmp(line.at, with, n) == 0;
}

static struct delve_line line_at(const struct delve_part *part, const char *at)
{
    const char *end = part->text + part->len;
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    struct delve_line line = {.at = at, .next = newline ? newline + 1 : end};
    line.len = (size_t)((newline ? newline : end) - at);
    if (line.len && at[line.len - 1] == '\r')
        line.len--;
    return line;
}

struct delve_line delve_line_around(const struct delve_part *part, const char *inside)
{
    while (inside > part->text && inside[-1] != '\n')
        inside--;
    return line_at(part, inside);
}

static struct delve_line line_before(const struct delve_part *part, struct delve_line line)
{
    struct delve_line none = {0};
    return line.at == part->text ? none : delve_line_around(part, line.at - 1);
}

static struct delve_line line_after(const struct delve_part *part, struct delve_line line)
{
    bool is_last = !line.next || line.next == part->text + part->len;
    struct delve_line none = {0};
    return is_last ? none : line_at(part, line.next);
}

/* `# PACKAGE`, perhaps with ` [PACKAGE.test]`: but not the comments of `go -x`. Returns the package's length. */
static size_t header_package(struct delve_line line)
{
    if (!begins_with(line, "# "))
        return 0;
    const char *name = line.at + 2, *end = line.at + line.len;
    const char *blank = memchr(name, ' ', (size_t)(end - name));
    if (!blank)
        return (size_t)(end - name);
    return blank > name && blank[1] == '[' && end[-1] == ']' ? (size_t)(blank - name) : 0;
}

/* `go test` writes `# PACKAGE` also above what could not be loaded, and ends with this. */
static bool is_setup_failure(struct delve_line line)
{
    return begins_with(line, "FAIL\t") && ends_with(line.at, line.len, " [setup failed]");
}

struct delve_part delve_part_of(const char *output)
{
    struct delve_part part = {.text = output, .len = strlen(output)};
    struct delve_part found = part;
    bool is_load_error = false;
    for (const char *p = part.text; p < part.text + part.len;) {
        struct delve_line line = line_at(&part, p);
        if (begins_with(line, "API server listening at: "))
            found.has_listened = true;
        is_load_error = is_load_error || is_setup_failure(line);
        if (!found.is_compiler && header_package(line)) {
            found.is_compiler = true;
            found.text = line.at;
            found.len = part.len - (size_t)(line.at - part.text);
        }
        p = line.next;
    }
    part.has_listened = found.has_listened;
    return is_load_error ? part : found;
}

void delve_part_package(const struct delve_part *part, struct delve_line line, char *package, size_t size)
{
    *package = '\0';
    if (!part->is_compiler)
        return;
    for (; line.at; line = line_before(part, line)) {
        size_t n = header_package(line);
        if (n && n < size) {
            memcpy(package, line.at + 2, n);
            package[n] = '\0';
        }
        if (n)
            return;
    }
}

/* `:123` at p. Returns its length, 0 for none. */
static size_t colon_number(const char *p, int *number)
{
    size_t n = 1;
    int value = 0;
    if (*p != ':')
        return 0;
    for (; p[n] >= '0' && p[n] <= '9' && value < LINE_NUMBER_MAX; n++)
        value = value * 10 + (p[n] - '0');
    if (number)
        *number = value;
    return n > 1 ? n : 0;
}

static bool is_file(const char *s, size_t len)
{
    static const char *const ends[] = {".go", ".mod", ".sum", ".work", "modules.txt", ".s", ".c", ".h"};
    bool is_path = len && (*s == '/' || strncmp(s, "./", 2) == 0 || strncmp(s, "../", 3) == 0);
    if (!is_path && memmem(s, len, ": ", 2))
        return false;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (ends_with(s, len, ends[i]))
            return true;
    return false;
}

struct delve_location delve_location_read(const char *text)
{
    struct delve_location none = {0};
    for (const char *p = text; (p = strpbrk(p, ":\n")) && *p == ':'; p++) {
        struct delve_location location = {.file = text, .file_len = (size_t)(p - text)};
        size_t n = colon_number(p, &location.line);
        if (n == 0)
            continue;
        n += colon_number(p + n, NULL);
        if (p[n] != ':' || p[n + 1] != ' ' || !is_file(text, location.file_len))
            continue;
        location.len = location.file_len + n + 2;
        return location;
    }
    return none;
}

static bool is_indented(struct delve_line line)
{
    return line.len && (*line.at == '\t' || *line.at == ' ');
}

/* `go.mod:7: ...`, as they stand below "errors parsing go.mod:". */
static bool is_module_file_location(struct delve_line line)
{
    static const char *const ends[] = {".mod", ".sum", ".work"};
    if (!line.len)
        return false;
    struct delve_location location = delve_location_read(line.at);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (location.len && location.len <= line.len && ends_with(location.file, location.file_len, ends[i]))
            return true;
    return false;
}

static bool is_exit(struct delve_line line)
{
    return begins_with(line, "exit status ");
}

static struct delve_line first_of(const struct delve_part *part, struct delve_line line)
{
    struct delve_line first = line;
    bool is_location = is_module_file_location(line);
    for (struct delve_line b = line_before(part, line); b.at && b.len; b = line_before(part, b)) {
        if ((size_t)(line.at - b.at) > DELVE_MESSAGE_MAX / 2)
            break;
        bool is_head = b.at[b.len - 1] == ':';
        if (!is_indented(first) && !(is_location && (is_head || is_module_file_location(b))))
            break;
        first = b;
        if (is_location && is_head)
            break;
    }
    return first;
}

/* Whether the message continues with `next` after `line`. */
static bool goes_on(const struct delve_part *part, struct delve_line line, struct delve_line next, bool in_note)
{
    if (!next.at || is_exit(next))
        return false;
    if (is_indented(next) || in_note)
        return next.len != 0;
    if (begins_with(next, "note: imported by a module"))
        return true;
    if (begins_with(next, "use \"go work edit"))
        return is_indented(line);
    if (is_module_file_location(next))
        return is_module_file_location(line) || (line.len && line.at[line.len - 1] == ':');
    if (begins_with(next, "SECURITY ERROR"))
        return line.len == 0;
    struct delve_line beyond = line_after(part, next);
    return next.len == 0 && beyond.at && (is_indented(beyond) || begins_with(beyond, "SECURITY ERROR"));
}

/* Appends a line to the message, cut where that is full. */
static void add_line(struct delve_diagnosis *d, struct delve_line line)
{
    size_t have = strlen(d->message), room = sizeof d->message - have - 1;
    if (have && room) {
        d->message[have++] = '\n';
        room--;
    }
    size_t n = line.len < room ? line.len : room;
    /* no half of a character at the end */
    while (n && n < line.len && ((unsigned char)line.at[n] & 0xC0) == 0x80)
        n--;
    if (n)
        memcpy(d->message + have, line.at, n);
    d->message[have + n] = '\0';
}

void delve_message_read(struct delve_diagnosis *d, const struct delve_part *part, struct delve_line line)
{
    *d->message = '\0';
    for (struct delve_line at = first_of(part, line); at.at && at.at < line.at; at = line_after(part, at))
        add_line(d, at);
    add_line(d, line);
    bool in_note = false;
    struct delve_line last = line;
    for (struct delve_line next = line_after(part, line);
         strlen(d->message) < sizeof d->message - 2 && goes_on(part, last, next, in_note);
         next = line_after(part, next)) {
        in_note = in_note || begins_with(next, "SECURITY ERROR");
        add_line(d, next);
        last = next;
    }
}

/* The name that a package of this path has in all likelihood: the last element, without /v2 or .v3. */
static size_t package_name(const char *path, const char **name)
{
    size_t len = strlen(path);
    for (;;) {
        const char *p = path + len;
        while (p > path && p[-1] != '/')
            p--;
        size_t n = (size_t)(path + len - p);
        if (p > path && n > 1 && p[0] == 'v' && strspn(p + 1, "0123456789") == n - 1) {
            len = (size_t)(p - path) - 1;
            continue;
        }
        for (size_t i = n; i > 2; i--)
            if (p[i - 2] == '.' && p[i - 1] == 'v' && i < n && strspn(p + i, "0123456789") == n - i)
                n = i - 2;
        *name = p;
        return n;
    }
}

bool delve_is_package_name(const char *package, const char *name, size_t len)
{
    const char *whole;
    size_t whole_len = package_name(package, &whole);
    return len == whole_len && memcmp(name, whole, len) == 0;
}

bool delve_is_cut_name(const char *package, const char *name, size_t len)
{
    const char *whole;
    size_t whole_len = package_name(package, &whole);
    return len > 0 && len < whole_len && memcmp(name, whole, len) == 0;
}

bool delve_message_add_about(struct delve_diagnosis *d, const struct delve_part *part, struct delve_line line,
                             const char *begins, bool alone)
{
    const char *name;
    size_t name_len = package_name(d->module, &name), begins_len = strlen(begins);
    bool found = false;
    struct delve_line at = line;
    while (at.at && !header_package(at))
        at = line_before(part, at);
    for (at = at.at ? line_after(part, at) : at; at.at && !header_package(at); at = line_after(part, at)) {
        size_t skip = at.len ? delve_location_read(at.at).len : 0;
        if (skip == 0 || at.at == line.at)
            continue;
        bool is_about = name_len > 0 && at.len == skip + begins_len + name_len &&
                        memcmp(at.at + skip, begins, begins_len) == 0 &&
                        memcmp(at.at + skip + begins_len, name, name_len) == 0;
        if (is_about && !found)
            add_line(d, at);
        if (!is_about && alone)
            return false;
        found = found || is_about;
    }
    return found;
}
