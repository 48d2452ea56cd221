/* Module files that cannot be read, and the directories that they name. */
#include "delve/signature_rows.h"

static const char advice_broken[] =
    "Require another version of the module (`go get MODULE@VERSION`), or report it to its author.";
static const char advice_go[] = "Install that Go on the Go machine and set go.path of the target to it.";
static const char advice_unwritable[] =
    "Let the ssh user write go.mod and go.sum on the Go machine, or run `go mod tidy` "
    "there as their owner.";
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
             "Resolve the merge conflict at the line shown, on the Go machine.", "1.19-1.27", NONE),
    ROW("module-file-syntax", BUILD, "errors parsing ", "^errors parsing .*\\.(mod|work):$", "",
        "a go.mod or go.work cannot be read", advice_modfile, "1.19-1.27", NONE),
    FACT_ROW(DELVE_NEEDS_OUTSIDE, "module-file-syntax", BUILD, "go.mod:",
             "^(module [^ ]+: |[^ ]+ \\(replaced by [^)]*\\): )?parsing [^ ]*go\\.mod: ([^ ]*go\\.mod):[0-9]", "-f",
             "the go.mod of a replacement directory cannot be read", advice_modfile, "1.19-1.27", NONE),
    ROW("module-file-syntax", BUILD, "no module declaration", "^no module declaration in go\\.mod", "",
        "a go.mod lacks its module line", "Run `go mod edit -module=PATH` in the module on the Go machine.",
        "source 1.19-1.27", NONE),
    ROW("module-file-syntax", BUILD, "missing module declaration",
        "^error reading .*: (missing module declaration|invalid module path)", "", "a go.mod lacks its module line",
        "Run `go mod edit -module=PATH` in the module on the Go machine.", "1.21-1.27", NONE),
    ROW("go-sum-malformed", BUILD, "malformed go.sum", "^malformed go\\.sum:$", "", "a line of go.sum is malformed",
        "Delete the line shown from go.sum and run `go mod tidy`, on the Go machine.", "1.22-1.27", TIDY),
    ROW_WITH("module declares its path as", "module-path-mismatch", BUILD, "parsing ", "^parsing .*go\\.mod:$", "",
             "a module declares another path than the one by which it is required",
             "Correct the module's path in go.mod's require or replace line.", "source 1.19-1.27", NONE),
    ROW("cache-damaged", BUILD, "/cache/download/", "^parsing (.*/cache/download/.*/@v/[^/]*\\.mod): .", "p",
        "an entry of the module cache is damaged", ADVICE_CACHE, "source 1.19-1.27", PURGE, MODCACHE, CLEAN_MODCACHE),
    ROW("module-file-syntax", BUILD, "conflicting replacements",
        "^conflicting replacements (found )?for " MODULE "(@" VERSION ")?( in |:)", "-m-v",
        "go.mod replaces one module twice", "Drop one of the two replace lines from go.mod.", "source 1.19-1.27", NONE),

    /* Module files that this user can't write or read. */
    ROW("module-file-changed", BUILD, "existing contents have changed",
        "^(updating go\\.(mod|sum): )?existing contents have changed", "",
        "go.mod or go.sum was changed during the build", "Restart when nothing else changes them.", "source 1.19-1.27",
        RETRY),
    ROW("module-file-unwritable", BUILD, "updating go.", "^(.*: )?updating go\\.(mod|sum|work|work\\.sum): .", "",
        "go.mod or go.sum must be changed, but cannot be written", advice_unwritable, "1.19-1.27", COPIES),
    ROW("module-file-unwritable", BUILD, "go.",
        "^(.*: )?(open|rename|write|chmod|truncate) .*/go\\.(mod|sum)[0-9]*(\\.tmp)?: "
        "(read-only file system|operation not permitted|disk quota exceeded)$",
        "", "go.mod or go.sum must be changed, but cannot be written", advice_unwritable, "source 1.19-1.27", COPIES),
    FACT_ROW(
        DELVE_NEEDS_OUTSIDE, "module-file-unreadable", BUILD, "go.",
        "^(.*: )?(open|read|RLock|stat) (.*go\\.(mod|sum)): (permission denied|is a directory|input/output error)$",
        "--p", "go.mod or go.sum cannot be read by this user", "Let the ssh user read the file, on the Go machine.",
        "1.19-1.27", NONE),
    ROW("module-file-overlay", BUILD, "part of the overlay",
        "^updates to go\\.(mod|sum) needed, but go\\.(mod|sum) is part of the overlay", "",
        "go.mod or go.sum must be changed, but is replaced by an overlay",
        "Remove it from the overlay that -overlay names.", "source 1.19-1.27", NONE),

    /* The module itself, as its author published it. */
    ROW("module-broken", BUILD, "parsing go.mod: ", "^parsing go\\.mod: .", "", "a module's own go.mod is invalid",
        advice_broken, "source 1.19-1.27", NONE),
    ROW("module-broken", BUILD, "case-insensitive file name collision",
        "^(.*: )?case-insensitive file name collision: ", "", "a module has two files whose names differ only in case",
        advice_broken, "1.19-1.27", NONE),
    ROW("module-broken", BUILD, "multiple entries", "^(.*: )?multiple entries for file ", "",
        "a module's zip contains a file twice", advice_broken, "source 1.19-1.27", NONE),
    ROW("module-broken", BUILD, " is both a file and a directory", "^(.*: )?entry .* is both a file and a directory",
        "", "a module's zip contains a file and a directory with the same name", advice_broken, "source 1.19-1.27",
        NONE),
    ROW("module-broken", BUILD, " too large",
        "^(.*: )?(module zip file is|module source tree|go\\.mod file|LICENSE file|"
        "total uncompressed size of module contents|downloaded zip file) too large",
        "", "a module is larger than Go allows", advice_broken, "source 1.19-1.27", NONE),
    ROW("module-broken", BUILD, "go.mod file",
        "^(.*: )?(go\\.mod file not in module root directory|go\\.mod files must have lowercase names)", "",
        "a module's zip contains a go.mod where none is allowed", advice_broken, "source 1.19-1.27", NONE),
    ROW("module-broken", BUILD, "path does not", "^(.*: )?path does not have prefix ", "",
        "a module's zip belongs to another module", advice_broken, "source 1.19-1.27", NONE),
    ROW("malformed-path", BUILD, "malformed ", "^(.*: )?malformed (file|import|module) path \"[^\"]*\": ", "",
        "a path is not valid for a module, a package or their files", "Correct or rename it.", "source 1.19-1.27",
        NONE),

    ROW("replacement-missing", BUILD, "replacement directory ", "^replacement directory (.*) does not exist$", "f",
        "the directory that a replace line names is missing", advice_sync, "1.19-1.27", NONE),
    ROW("replacement-missing", BUILD, "replacement directory ", "^replacement directory ([^:]*): .", "f",
        "the directory that a replace line names cannot be used", advice_sync, "source 1.19-1.27", NONE),
    ROW("replacement-missing", BUILD, "(replaced by ",
        "^(.*: )?" MODULE "@" VERSION " \\(replaced by [^)]*\\): reading (.*): open ", "-mvf",
        "the directory that a replace line names has no go.mod", advice_sync, "1.19-1.27", NONE),
};

const struct delve_rows delve_rows_modfile = {rows, sizeof rows / sizeof rows[0]};
