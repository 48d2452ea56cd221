/* What go.mod and go.sum lack. First what they do not lack: a package that the module required should hold and does
 * not. (Where that module is damaged in the cache, the cache is the cause: signatures_modcache.c.) */
#include "delve/signature_rows.h"

static const char advice_held[] =
    "Correct the import, or require a version of the module that has the package (`go get PACKAGE@VERSION`).";

#define HELD(TEXT, PATTERN, NAMES, SEEN)                                                                               \
    FACT_ROW(DELVE_NEEDS_HELD, "package-not-found", BUILD, TEXT, PATTERN, NAMES,                                       \
             "the module is required, but its version does not contain the package", advice_held, SEEN, NONE)

static const char advice_tidy[] = "Run `go mod tidy` in the module on the Go machine.";
static const char advice_sums[] = "Run `go mod download all` (or `go mod tidy`) in the module on the Go machine.";

static const struct delve_signature rows[] = {
    ROW("import-case", BUILD, "case-insensitive import collision", "^(.*: )?case-insensitive import collision: ", "",
        "two imports differ only in case", "Spell the import everywhere as its module does.", "1.19-1.27", NONE),
    /* The directory is there, and go's index of the module, made when it was damaged, does not know it. */
    FACT_ROW(
        DELVE_NEEDS_WHOLE | DELVE_NEEDS_PACKAGE, "module-index-stale", BUILD, "no required module provides package",
        "^no required module provides package " PACKAGE, "m",
        "the build cache keeps an index of a module that was damaged",
        "Run `go clean -cache` on the Go machine: the build cache keeps an index of the module as it was when it was "
        "damaged.",
        "1.19-1.27", GOCACHE),
    HELD("no required module provides package", "^no required module provides package " PACKAGE, "m", "1.19-1.27"),
    HELD("cannot find module providing package", "^cannot find module providing package " PACKAGE, "m", "1.19-1.27"),

    /* Go says the same of a go.sum that it cannot read, and of lines in it that it passes over. */
    FACT_ROW(DELVE_NEEDS_SUM_CLOSED, "module-file-unreadable", BUILD, "missing go.sum entry", "^missing go\\.sum entry",
             "", "go.sum cannot be read by this user", "Let the ssh user read go.sum, on the Go machine.", "1.19-1.27",
             NONE),
    FACT_ROW(DELVE_NEEDS_SUM_MALFORMED, "go-sum-malformed", BUILD, "missing go.sum entry",
             "^missing go\\.sum entry( for module providing package " PACKAGE ")?", "-m",
             "a line of go.sum is malformed, as after a merge, and go ignores it",
             "Correct go.sum and run `go mod tidy`, on the Go machine.", "1.19", DOWNLOAD, TIDY, WORK),

    ROW("go-sum-missing", BUILD, "missing go.sum entry", "^missing go\\.sum entry( for go\\.mod file)?(; to add it:)?$",
        "", "go.sum lacks an entry", advice_sums, "1.19-1.27", DOWNLOAD, TIDY, WORK),
    ROW("go-sum-missing", BUILD, "missing go.sum entry",
        "^missing go\\.sum entry for module providing package " PACKAGE, "m", "go.sum lacks an entry", advice_sums,
        "1.19-1.27", DOWNLOAD, TIDY, WORK),
    ROW("go-sum-missing", BUILD, "missing go.sum entry", "^missing go\\.sum entry needed to verify package " PACKAGE,
        "m", "go.sum lacks an entry", advice_sums, "source 1.19-1.27", DOWNLOAD, TIDY, WORK),
    ROW("go-sum-missing", BUILD, "updates to go.sum needed", "^updates to go\\.sum needed(,|;|$)", "",
        "go.sum lacks an entry", advice_sums, "source 1.19-1.27", DOWNLOAD, TIDY, WORK),
    ROW("go-work-outdated", BUILD, "updates to go.work", "^updates to go\\.work(\\.sum)? needed(,|;|$)", "",
        "go.work or its sums are not up to date", "Run `go work sync` in the workspace on the Go machine.",
        "source 1.21-1.27", WORK, WORK_OFF),
    ROW("go-mod-outdated", BUILD, "updates to go.mod needed", "^updates to go\\.mod needed(,|;|$)", "",
        "go.mod is not up to date", advice_tidy, "1.19-1.27", TIDY),
    FACT_ROW(
        DELVE_NEEDS_OFFLINE, "requirement-missing", BUILD, "no required module provides package",
        "^no required module provides package " PACKAGE "(;|: import lookup disabled|: cannot query|$)", "m",
        "go.mod lacks a requirement, and GOPROXY=off forbids looking for it",
        "Run `go mod tidy` in the module on the Go machine with GOPROXY set; for a package of your own, check that "
        "it was copied there.",
        "1.19-1.27", NONE),
    ROW("requirement-missing", BUILD, "no required module provides package",
        "^no required module provides package " PACKAGE "(;|: import lookup disabled|: cannot query|$)", "m",
        "go.mod lacks a requirement, or a package was not copied to the Go machine",
        "Run `go mod tidy` in the module on the Go machine; for a package of your own, check that it was copied there.",
        "1.19-1.27", TIDY),
    ROW("requirement-missing", BUILD, "from implicitly required module",
        "^package [^ ]+ imports [^ ]+ from implicitly required module", "", "go.mod lacks a requirement", advice_tidy,
        "source 1.19-1.27", TIDY),
    ROW("requirement-missing", BUILD, "is replaced but not required",
        "^module " MODULE "(@" VERSION ")? provides package [^ ]+ and is replaced but not required", "m-v",
        "go.mod lacks a requirement", advice_tidy, "source 1.19-1.27", TIDY),
    ROW("requirement-missing", BUILD,
        "missing module for import: ", "^missing module for import: " MODULE "@" VERSION " provides ", "mv",
        "go.mod lacks a requirement", advice_tidy, "source 1.19-1.27", TIDY),
    ROW("ambiguous-import", BUILD,
        "ambiguous import: ", "^ambiguous import: found package " PACKAGE " in multiple (modules|directories):", "m",
        "two modules contain the same package", "Drop one of the two with `go get MODULE@none`, on the Go machine.",
        "source 1.19-1.27", TIDY),
};

const struct delve_rows delve_rows_requirement = {rows, sizeof rows / sizeof rows[0]};
