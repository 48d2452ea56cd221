/* THE table of what breaks a build's module graph: signature -> cause -> what it names -> remedies -> words. The
 * diagnosis, `delvegate --print-signatures` and delvegate-recovery(7) are all made from it. No I/O. */
#ifndef DELVE_SIGNATURES_H
#define DELVE_SIGNATURES_H

#include <stdbool.h>
#include <stddef.h>

#include "dap/buf.h"

struct delve_facts;

/* What may be done on the Go machine before Delve is started again. */
enum delve_remedy {
    DELVE_REMEDY_NONE,           /* ends a list of remedies */
    DELVE_REMEDY_RETRY,          /* wait, start again: the network */
    DELVE_REMEDY_DOWNLOAD,       /* go mod download all */
    DELVE_REMEDY_TIDY,           /* go mod tidy */
    DELVE_REMEDY_MOD_MOD,        /* build with -mod=mod: without vendor/ */
    DELVE_REMEDY_MOD_READONLY,   /* build with -mod=readonly: a workspace without its vendor/ */
    DELVE_REMEDY_COPIES,         /* build with copies of go.mod and go.sum, where these cannot be written */
    DELVE_REMEDY_WORK,           /* a copy of go.work and its sums, with what they lack */
    DELVE_REMEDY_WORK_OFF,       /* GOWORK=off, when the program's module builds alone */
    DELVE_REMEDY_PURGE,          /* the cache's entry of one module@version is fetched again */
    DELVE_REMEDY_TOOLCHAIN,      /* GOTOOLCHAIN=local, when the Go that is there builds the program */
    DELVE_REMEDY_GOCACHE,        /* a fresh build cache in the run directory */
    DELVE_REMEDY_MODCACHE,       /* a fresh module cache in the run directory, filled from the old one */
    DELVE_REMEDY_CLEAN_MODCACHE, /* go clean -modcache, when the configuration allows it */
    DELVE_REMEDY_COUNT
};

/* Where a signature is looked for. Once the compiler has begun to speak (a line `# PACKAGE`, and no `[setup failed]` of
 * `go test`) the module graph was loaded: from there on only what is DELVE_IN_COMPILER counts, and nothing that came
 * before. */
enum {
    DELVE_IN_BUILD = 1,
    DELVE_IN_LOG = 2, /* lines of the level warning and above */
    DELVE_IN_COMPILER = 4,
    DELVE_IN_LOG_ANY_LEVEL = 8
};

enum { DELVE_REMEDIES_MAX = 4, DELVE_NAMED_MAX = 512, DELVE_MESSAGE_MAX = 2048 };

/* What decides beside the text: facts, those of delve_diagnose_build_with. A row may need several. */
enum {
    DELVE_NEEDS_MODCACHE = 1 << 0,   /* go.GOMODCACHE holds the path. Without facts: by the form of the path */
    DELVE_NEEDS_OUTSIDE = 1 << 1,    /* it does not */
    DELVE_NEEDS_GOCACHE = 1 << 2,    /* go.GOCACHE holds the path. Without facts: by its form */
    DELVE_NEEDS_GOROOT = 1 << 3,     /* the location is in the root that the line itself names */
    DELVE_NEEDS_OWN = 1 << 4,        /* the package is a main module's */
    DELVE_NEEDS_DAMAGED = 1 << 5,    /* module.state is damaged or missing */
    DELVE_NEEDS_HELD = 1 << 6,       /* module.state is whole or replaced */
    DELVE_NEEDS_ZIP = 1 << 7,        /* module.zip is there */
    DELVE_NEEDS_PACKAGE = 1 << 8,    /* package.state is there */
    DELVE_NEEDS_ABSENT = 1 << 9,     /* file.state is missing */
    DELVE_NEEDS_WORKSPACE = 1 << 10, /* go.GOWORK names a file, and the path is not in the directory or above it */
    DELVE_NEEDS_NO_CGO = 1 << 11,    /* go.CGO_ENABLED is 0 */
    DELVE_NEEDS_IN_GOROOT = 1 << 12, /* go.GOROOT holds the path */
    DELVE_NEEDS_VENDOR = 1 << 13,    /* the path is in a vendor directory, and not in go.GOMODCACHE */
    DELVE_NEEDS_NO_FACTS = 1 << 14,  /* nothing is known: a guess that facts replace */
    DELVE_NEEDS_WORK = 1 << 15,      /* go.GOWORK names a file */
    DELVE_NEEDS_UNUSED = 1 << 16,    /* work.use is missing */
    DELVE_NEEDS_SUM_CLOSED = 1 << 17,
    DELVE_NEEDS_SUM_MALFORMED = 1 << 18, /* sum.state */
    DELVE_NEEDS_OFFLINE = 1 << 19,       /* go.GOPROXY is off */
    DELVE_NEEDS_WHOLE = 1 << 20,         /* module.state is whole: in the module cache, not a directory of the user's */
    DELVE_NEEDS_UNNAMED = 1 << 21        /* import says that the file leaves the name to the package */
};

struct delve_signature {
    const char *name; /* of the cause: letters, digits, hyphens; several rows may have the same */
    int origin;       /* DELVE_IN_... */
    const char *text; /* what every such line holds, letter by letter: looked for before the pattern */
    /* POSIX extended regular expression for one line without time, level, "go: ", FILE:LINE:COLUMN: and MODULE@VERSION:
     * before it. It begins with ^: what a line merely quotes is no signature. */
    const char *pattern;
    /* What the pattern's subexpressions hold: module (or package), version, file, by first letter; p: a path that is
     * only looked at; a: a name, the beginning of the package's; - what is not looked at. */
    const char *names;
    /* NULL, or what else must hold: a regular expression that the line with those that belong to it matches; in the
     * compiler's part, how another line about the same package begins that ends in the last element of what m names. */
    const char *belongs;
    int needs; /* DELVE_NEEDS_... : about the path that p or f names, else the location before the text, and about m */
    const char *cause;                                  /* what broke, half a sentence */
    enum delve_remedy remedies[DELVE_REMEDIES_MAX + 1]; /* in order; empty: nothing repairs it */
    bool is_security;                                   /* never repaired by a change of go.sum or of a check */
    const char *advice;                                 /* the one thing the user should do, a sentence */
    const char *seen; /* Go versions it was seen in: "1.19-1.27"; "source 1.19" where it was only read there */
};

/* What is wrong, and with what. */
struct delve_diagnosis {
    const struct delve_signature *signature; /* NULL: no broken module graph */
    char message[DELVE_MESSAGE_MAX];         /* Go's own: the line, with those that belong to it */
    /* "" when it names none. Where Go names a package only, its path: then version is "", and the module is the longest
     * one required that is a prefix of it (`go list -f {{.Module}} PATH` knows). */
    char module[DELVE_NAMED_MAX];
    char version[DELVE_NAMED_MAX];
    char file[DELVE_NAMED_MAX]; /* as Go wrote it; "" when it names none */
    int line;                   /* of the file, 0 when it names none */
};

/* All rows, in the order in which they are tried; *count gets their number. */
const struct delve_signature *delve_signatures(size_t *count);

/* Reads what dlv and the build printed before Delve listened, or what a remedy printed (NULL: nothing). Fills *d;
 * returns whether a signature was found. Plain compile errors are none, and so is every output with Delve's listening
 * line: that build has worked, and what follows may be the program's. Where only facts can tell, signature is NULL and
 * module, version and file name what they are needed of. */
bool delve_diagnose_build(struct delve_diagnosis *d, const char *output);

/* The same with what is known of the machine and of what the output names. Facts (NULL: none) are a list as check.h has
 * it, about the environment and the directory of the build that failed:
 *
 *   go.NAME        what `go env` says: GOMODCACHE, GOCACHE, GOROOT, GOFLAGS, GOWORK, GOMOD, GOENV, GOTOOLCHAIN,
 *                  GOVERSION, GOPROXY, CGO_ENABLED ... (of a go that refuses to say: with GOTOOLCHAIN=local and
 *                  without GOFLAGS). Directories may be there twice: also with symbolic links resolved
 *   env.NAME       the variable's value in the environment of the process
 *   file.NAME      the variable's value in the file that go.GOENV names
 *   dir            the directory in which go was started; may be there twice, too
 *   main           the path of a main module; any number
 *   sum.state      of go.sum (that of -modfile, where it is given): missing, closed (this user can't read it),
 *                  malformed (a line has not three fields) or open
 *   work.use       whether the go.work in use names the module that the directory is in: there or missing
 *
 * and about the module (or package) and the file that delve_diagnose_build names:
 *
 *   module         "PATH VERSION" of the required module that is it or holds it; absent when there is none
 *   module.dir     its unpacked directory in the module cache
 *   module.state   whole (the directory has the hash that go.sum, or the cache, records), damaged, missing,
 *                  replaced (a directory of the user's takes its place) or unknown
 *   module.zip     there or missing: its zip in cache/download of the module cache
 *   package.state  there (module.dir has its directory, with .go files) or missing
 *   import         "NAME PATH": the package that a name stands for in the file, where the module was named so alone;
 *                  else what the file calls the package, with - for the name where it leaves that to the package
 *   file.state     missing, closed (this user can't read or write it) or open
 *   file.owner     the user whom it belongs to, by name or number */
bool delve_diagnose_build_with(struct delve_diagnosis *d, const char *output, const struct delve_facts *facts);

/* The facts that a row needs, in a reader's words: "go.GOMODCACHE, module.state"; appended, nothing for none. */
void delve_needs_text(int needs, struct buf *out);

/* Reads one line of Delve's log. What the program prints or is given (Delve logs its arguments) is never taken for a
 * signature, nor are the layers that quote DAP or JSON-RPC messages. */
bool delve_diagnose_log(struct delve_diagnosis *d, const char *line);

/* "go mod tidy" and the like: a remedy in a user's words. */
const char *delve_remedy_text(enum delve_remedy remedy);

/* Appends the table for a terminal; as Markdown, whose lines README's dozen are; as the entries of
 * delvegate-recovery(7). Fail as buf_append. */
void delve_signatures_print(struct buf *out);
void delve_signatures_markdown(struct buf *out);
void delve_signatures_man(struct buf *out);

#endif
