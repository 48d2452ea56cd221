/* Module files that cannot be read, and the directories that they name. */
#include "delve/signature_rows.h"

static const char advice_cache[] = "Nothing to do when the module was fetched again; otherwise run `go clean -modcache`"
                                   " on the Go machine, with its network up.";
static const char advice_go[] = "Install that Go on the Go machine and name it with go.path of the target.";
static const char advice_modfile[] = "Correct the file at the line shown, on the Go machine.";
static const char advice_sync[] = "Copy the directory to the Go machine, or correct the path that names it.";

static const struct delve_signature rows[] = {
    ROW_WITH("errors parsing |parsing [^\n]*go\\.mod", "go-too-old", BUILD, "invalid go version",
             "^invalid go version '[^']*': must match format", "", "a go.mod is written for a newer Go", advice_go,
             "source 1.19-1.20", NONE),
    ROW_WITH("errors parsing |parsing [^\n]*go\\.mod", "go-too-old", BUILD, "unknown ",
             "^unknown (directive|block type): (toolchain|godebug|tool|ignore)$", "",
             "a go.mod is written for a newer Go", advice_go, "source 1.19-1.23", NONE),
    ROW_WITH("errors parsing ", "module-file-syntax", BUILD,
             "unknown directive: ", "^unknown directive: (<<<<<<<|=======|>>>>>>>|\\|\\|\\|\\|\\|\\|\\|)", "",
             "a merge conflict was left in a go.mod or go.work",
             "Settle the merge conflict at the line shown, on the Go machine.", "1.19-1.27", NONE),
    ROW("module-file-syntax", BUILD, "errors parsing ", "^errors parsing .*\\.(mod|work):$", "",
        "a go.mod or go.work cannot be read", advice_modfile, "1.19-1.27", NONE),
    ROW("module-file-syntax", BUILD, "no module declaration", "^no module declaration in go\\.mod", "",
        "a go.mod lacks its module line", "Run `go mod edit -module=PATH` in the module on the Go machine.",
        "source 1.19-1.27", NONE),
    ROW("module-file-syntax", BUILD, "reading go.work: ", "^reading go\\.work: ", "", "a go.work cannot be read",
        advice_modfile, "source 1.19-1.27", NONE),
    ROW("go-sum-malformed", BUILD, "malformed go.sum", "^malformed go\\.sum:$", "", "a line of go.sum is malformed",
        "Delete the line shown from go.sum and run `go mod tidy`, on the Go machine.", "1.22-1.27", NONE),
    ROW_WITH("module declares its path as", "module-path-mismatch", BUILD, "parsing ", "^parsing .*go\\.mod:$", "",
             "a module calls itself by another path than the one it is required by",
             "Correct the module's path in go.mod's require or replace line.", "source 1.19-1.27", NONE),
    ROW("cache-damaged", BUILD, "/cache/download/", "^parsing .*/cache/download/.*/@v/[^/]*\\.mod: .", "",
        "an entry of the module cache is damaged", advice_cache, "source 1.19-1.27", PURGE, CLEAN_MODCACHE),
    ROW("conflicting-replacements", BUILD, "conflicting replacements",
        "^conflicting replacements (found )?for " MODULE "(@" VERSION ")?( in |:)", "-m-v",
        "two modules of the workspace replace one module differently", "Settle it in go.work, as Go says.",
        "source 1.19-1.27", NONE),

    ROW("replacement-missing", BUILD, "replacement directory ", "^replacement directory (.*) does not exist$", "f",
        "the directory that a replace line names is missing", advice_sync, "1.19-1.27", NONE),
    ROW("replacement-missing", BUILD, "replacement directory ", "^replacement directory ([^:]*): .", "f",
        "the directory that a replace line names cannot be used", advice_sync, "source 1.19-1.27", NONE),
    ROW("replacement-missing", BUILD, "(replaced by ",
        "^(.*: )?" MODULE "@" VERSION " \\(replaced by [^)]*\\): reading (.*): open ", "-mvf",
        "the directory that a replace line names has no go.mod", advice_sync, "1.19-1.27", NONE),
};

const struct delve_rows delve_rows_modfile = {rows, sizeof rows / sizeof rows[0]};
