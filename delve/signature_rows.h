/* What the groups of the table of signatures are written with. Sources of their texts: cmd/go/internal of Go 1.19 to
 * 1.27 (modload, modfetch, load, modindex, toolchain, work, vcs, web), go/build, go/parser, go/scanner and cmd/compile,
 * and what the go command printed in broken set-ups.
 *
 * The first row that matches any line counts, in the order of the groups (signature_table.c) and of the rows in each:
 * what forbids a remedy comes before what has one, what is special before what is general. */
#ifndef DELVE_SIGNATURE_ROWS_H
#define DELVE_SIGNATURE_ROWS_H

#include "delve/signatures.h"

struct delve_rows {
    const struct delve_signature *list;
    size_t count;
};

#define MODULE "([^ @\":]+)"
#define VERSION "(v[0-9][^ \":/]*)"
#define PACKAGE "([^ ;:\"]+)"
/* How the go command tells a refused directory. */
#define REFUSED "(permission denied|read-only file system|operation not permitted|disk quota exceeded)"
/* An entry of the build cache. */
#define BUILT "/[0-9a-f][0-9a-f]/[0-9a-f]{64}-[ad]"
/* What stands before the reason when something is fetched: all texts of the go command have one of these words. */
#define FETCHING "^(.*: )?(reading |Get \"|Post \"|unrecognized import path |git |https fetch: )"
/* The address of the machine itself, as dialled. */
#define LOOPBACK "(127\\.[0-9.]+[: ]|\\[?::1[] :])"

/* Of several groups. */
#define ADVICE_CACHE                                                                                                   \
    "If fetching the module again does not help, run `go clean -modcache` and `go clean -cache` on the Go machine, "   \
    "with its network up."

#define BUILD (DELVE_IN_BUILD | DELVE_IN_LOG)
#define ANY_LOG (DELVE_IN_LOG | DELVE_IN_LOG_ANY_LEVEL)
#define EITHER (DELVE_IN_BUILD | DELVE_IN_COMPILER)
#define COMPILER DELVE_IN_COMPILER

#define NONE DELVE_REMEDY_NONE
#define RETRY DELVE_REMEDY_RETRY
#define DOWNLOAD DELVE_REMEDY_DOWNLOAD
#define TIDY DELVE_REMEDY_TIDY
#define MOD_MOD DELVE_REMEDY_MOD_MOD
#define MOD_READONLY DELVE_REMEDY_MOD_READONLY
#define COPIES DELVE_REMEDY_COPIES
#define WORK DELVE_REMEDY_WORK
#define WORK_OFF DELVE_REMEDY_WORK_OFF
#define PURGE DELVE_REMEDY_PURGE
#define TOOLCHAIN DELVE_REMEDY_TOOLCHAIN
#define GOCACHE DELVE_REMEDY_GOCACHE
#define MODCACHE DELVE_REMEDY_MODCACHE
#define CLEAN_MODCACHE DELVE_REMEDY_CLEAN_MODCACHE

/* The columns: name, origin, text, pattern, names, cause, advice, seen, remedies in order. Before them what else must
 * hold: FACT_ROW needs facts, WITH what the message matches, FACT_ROW_WITH both. */
#define FIELDS(NAME, ORIGIN, TEXT, PATTERN, NAMES, CAUSE, ADVICE, SEEN, ...)                                           \
    .name = (NAME), .origin = (ORIGIN), .text = (TEXT), .pattern = (PATTERN), .names = (NAMES), .cause = (CAUSE),      \
    .advice = (ADVICE), .seen = (SEEN), .remedies = {__VA_ARGS__}
#define ROW(...)                                                                                                       \
    {                                                                                                                  \
        FIELDS(__VA_ARGS__)                                                                                            \
    }
#define ROW_WITH(BELONGS, ...)                                                                                         \
    {                                                                                                                  \
        FIELDS(__VA_ARGS__), .belongs = (BELONGS)                                                                      \
    }
#define FACT_ROW(NEEDS, ...)                                                                                           \
    {                                                                                                                  \
        FIELDS(__VA_ARGS__), .needs = (NEEDS)                                                                          \
    }
#define FACT_ROW_WITH(NEEDS, BELONGS, ...)                                                                             \
    {                                                                                                                  \
        FIELDS(__VA_ARGS__), .needs = (NEEDS), .belongs = (BELONGS)                                                    \
    }
#define SECURITY_ROW(...)                                                                                              \
    {                                                                                                                  \
        FIELDS(__VA_ARGS__), .is_security = true                                                                       \
    }
#define SECURITY_ROW_WITH(BELONGS, ...)                                                                                \
    {                                                                                                                  \
        FIELDS(__VA_ARGS__), .is_security = true, .belongs = (BELONGS)                                                 \
    }

extern const struct delve_rows delve_rows_checksum, delve_rows_sumdb, delve_rows_modfile, delve_rows_own,
    delve_rows_toolchain, delve_rows_workspace, delve_rows_vendor, delve_rows_gocache, delve_rows_modcache,
    delve_rows_environment, delve_rows_network, delve_rows_requirement, delve_rows_package, delve_rows_machine,
    delve_rows_log, delve_rows_last;

#endif
