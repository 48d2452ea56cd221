/* THE table of what breaks a build's module graph: signature -> cause -> what it names -> remedies -> words. The
 * diagnosis, `delvegate --print-signatures` and README's section are all made from it. No I/O. */
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

enum { DELVE_REMEDIES_MAX = 4, DELVE_NAMED_MAX = 512, DELVE_WORDS_MAX = 2048 };

struct delve_signature {
    const char *name; /* of the cause: letters, digits, hyphens; several rows may have the same */
    int places;       /* DELVE_IN_... */
    const char *text; /* what every such line holds, letter by letter: looked for before the pattern */
    /* POSIX extended regular expression for one line without time, level, "go: ", FILE:LINE:COLUMN: and MODULE@VERSION:
     * before it. It begins with ^: what a line merely quotes is no signature. */
    const char *pattern;
    const char *names; /* what the pattern's subexpressions hold: module, version, file, line by first letter, or - */
    /* NULL, or what else must hold: a regular expression that the line with those that belong to it matches; in the
     * compiler's part, how another line about the same package begins that ends in the last element of what m names. */
    const char *belongs;
    bool is_in_cache;  /* the FILE:LINE before it must lie in a module's directory of the cache */
    const char *cause; /* what broke, half a sentence */
    enum delve_remedy remedies[DELVE_REMEDIES_MAX + 1]; /* in order; empty: nothing mends it */
    bool is_security;                                   /* never mended by a change of go.sum or of a check */
    const char *advice;                                 /* the one thing the user should do, a sentence */
    const char *seen; /* Go versions it was seen in: "1.19-1.27"; "source 1.19" where it was only read there */
};

/* What is wrong, and with what. */
struct delve_diagnosis {
    const struct delve_signature *signature; /* NULL: no broken module graph */
    char words[DELVE_WORDS_MAX];             /* Go's own: the line, with those that belong to it */
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
 * line: that build has worked, and what follows may be the program's. */
bool delve_diagnose_build(struct delve_diagnosis *d, const char *output);
/* The same with what is known of the machine and of what the output names. Facts (NULL: none), as check.h has them, of
 * the environment and directory of the build that failed:
 *   go.NAME                      what `go env` says: GOMODCACHE, GOCACHE, GOROOT, GOFLAGS, GOWORK, GOMOD, GOENV,
 *                                GOTOOLCHAIN, GOVERSION, GOPROXY ... (of a go that refuses to say, with
 * GOTOOLCHAIN=local and without GOFLAGS) env.NAME, file.NAME          where a variable is set: in the environment of
 * the process, in the file go.GOENV main                         the path of a main module; any number and of what the
 * diagnosis without them names, its module (or package) and file: module                       "PATH VERSION" of the
 * module already required that is or holds it; not there: none is module.dir                   its unpacked directory
 * in the module cache module.state                 whole (the directory has the hash that go.sum, or the cache,
 * records), damaged, missing, replaced (a directory of the user's takes its place) or unknown file.state missing,
 * closed (it can't be read or written by this user) or open file.owner                   the user it belongs to, by
 * name or number */
bool delve_diagnose_build_with(struct delve_diagnosis *d, const char *output, const struct delve_facts *facts);
/* Reads one line of Delve's log. What the program prints or is given (Delve logs its arguments) is never taken for a
 * signature, nor are the layers that quote DAP or JSON-RPC messages. */
bool delve_diagnose_log(struct delve_diagnosis *d, const char *line);

/* "go mod tidy" and the like: a remedy in a user's words. */
const char *delve_remedy_text(enum delve_remedy remedy);

/* Appends the table for a terminal, and as the Markdown of README's section. Return as buf_append. */
int delve_signatures_print(struct buf *out);
int delve_signatures_markdown(struct buf *out);

#endif
