/* What the matcher of signatures is made of: the lines of an output, the locations they name, the lines that belong
 * together. */
#ifndef DELVE_SIGNATURE_PARTS_H
#define DELVE_SIGNATURE_PARTS_H

#include "delve/signatures.h"

enum { DELVE_LINE_MAX = 4096 }; /* a longer line is not the go command's */

/* What is searched of an output. */
struct delve_part {
    const char *text;
    size_t len;
    bool is_compiler;  /* from the first `# PACKAGE` on, unless that is of a load error of `go test` */
    bool has_listened; /* Delve's listening line is in the output: the build has worked */
};

/* A line without its end. next: where the next one begins, at most the part's end. */
struct delve_line {
    const char *at;
    size_t len;
    const char *next;
};

/* `FILE:LINE: ` or `FILE:LINE:COLUMN: ` at the beginning of a text; len 0: there is none. file points into the text. */
struct delve_location {
    const char *file;
    size_t file_len;
    int line;
    size_t len;
};

struct delve_part delve_part_of(const char *output);
struct delve_line delve_line_around(const struct delve_part *part, const char *inside);
struct delve_location delve_location_read(const char *text);

/* The package of the last `# PACKAGE` before the line, "" when there is none. */
void delve_part_package(const struct delve_part *part, struct delve_line line, char *package, size_t size);

/* Fills d->message with the line and those that belong to it: what is indented below it, the line that an indented one
 * hangs on, the locations below "errors parsing go.mod:", the security note of a checksum. */
void delve_message_read(struct delve_diagnosis *d, const struct delve_part *part, struct delve_line line);

/* Adds to d->message the line that says `begins` with the last element of the path d->module, about the same package as
 * the given one. Returns whether there is one, and (alone) nothing else is said about that package. */
bool delve_message_add_about(struct delve_diagnosis *d, const struct delve_part *part, struct delve_line line,
                             const char *begins, bool alone);

/* Whether a package of this path has the name in all likelihood. */
bool delve_is_package_name(const char *package, const char *name, size_t len);

/* Whether the name is the beginning of the one that a package of this path has in all likelihood, cut off. */
bool delve_is_cut_name(const char *package, const char *name, size_t len);

/* Whether the path looks like one in the module cache: .../MODULE@VERSION/..., .../pkg/mod/..., .../cache/download/...
 */
bool delve_looks_cached(const char *path, size_t len);

/* Whether the directory that the fact names (go.GOMODCACHE and the like) holds the path or is it. Then rest gets what
 * is below it, with a slash before. A relative path is seen from the facts dir; without these its end must agree. */
bool delve_is_below(const struct delve_facts *facts, const char *root, const char *path, size_t len, char *rest,
                    size_t size);

/* Fills d->module and d->version from the first path of the module cache in the text: .../cache/download/MODULE/@v/
 * VERSION.zip or .../MODULE@VERSION/..., both with capitals as ! and the small letter. package ("" when not known)
 * tells where the module's path begins. Returns whether there is one. */
bool delve_cached_module(struct delve_diagnosis *d, const char *text, size_t len, const char *package);

/* The same from what delve_is_below gives of go.GOMODCACHE. */
bool delve_module_below(struct delve_diagnosis *d, const char *rest);

/* What the scanners and parsers of go/parser (while packages are loaded) and of the compiler say of a file: where it
 * begins, an extended regular expression. */
#define DELVE_SYNTAX_ERROR                                                                                             \
    "^(syntax error: |I/O error: |package [^ ]+; expected |expected |unexpected NUL|illegal "                          \
    "|missing (import path|package clause|condition|channel|statement|\\{|'|,)"                                        \
    "|invalid (NUL|BOM|UTF-8|character|digit|radix|import path|package name|column|line number|embedded)"              \
    "|(string|raw string|raw string literal|string literal|comment|rune literal) not terminated|newline in "           \
    "|empty rune literal|more than one character in rune|unknown escape|escape |octal escape|exponent has"             \
    "|[^ ]+ exponent requires|[^ ]+ literal has no digits|hexadecimal |'_' must|identifier cannot begin"               \
    "|import path must be|imports must appear|non-declaration statement|curly quotation mark|method has "              \
    "|cannot parenthesize|multiple //go:build|invalid #cgo|malformed #cgo|misplaced )"

/* Whether a Go file is the program's own, as far as is known: not of the module cache, vendor/ or GOROOT. */
bool delve_is_own_file(const struct delve_facts *facts, const char *path, size_t len);

/* Whether what the row needs holds of the path (len 0: there is none) and of the module or package that d names. Puts
 * the module that facts know into d where the row needs its state. */
bool delve_needs_hold(const struct delve_signature *row, const struct delve_facts *facts, struct delve_diagnosis *d,
                      const char *line, const char *path, size_t len);

#endif
