/* Workspaces: what is wrong with go.work, or with a module that only go.work uses, does not matter to a program whose
 * module builds alone. */
#include "delve/signature_rows.h"

static const char advice_file[] = "Correct go.work on the Go machine as Go's message says, or set GOWORK=off in env.";
static const char advice_work[] = "Run `go work use .` in the module on the Go machine, or set GOWORK=off in env.";
static const char advice_use[] = "Run `go work use` in the workspace on the Go machine, or set GOWORK=off in env.";
static const char advice_module[] = "Copy the module to the Go machine, or drop its use line from go.work.";
static const char advice_used[] = "Correct the go.mod shown on the Go machine, or drop its use line from go.work.";
static const char advice_closed[] = "Let the ssh user read the file on the Go machine, or set GOWORK=off in env.";
static const char advice_replace[] =
    "Copy the directory to the Go machine, correct the replace line, or set GOWORK=off in env.";
static const char advice_version[] = "Correct the version in the go.mod that requires it, or set GOWORK=off in env.";
static const char advice_gowork[] = "Correct GOWORK: it is set in env, in go.env of the target, or on the Go machine.";
static const char advice_vendor[] = "Run `go work vendor` in the workspace on the Go machine, or remove its vendor "
                                    "directory.";

static const struct delve_signature rows[] = {
    /* GOWORK itself: a go.work that go finds by itself is there. */
    ROW("gowork", BUILD, "reading go.work: open ", "^reading go\\.work: open (.*): (no such file|not a directory)", "f",
        "GOWORK names a file that does not exist", advice_gowork, "1.19-1.27", NONE),
    ROW("gowork", BUILD, "GOWORK", "^the path provided to GOWORK must be an absolute path", "",
        "GOWORK is not an absolute path", advice_gowork, "1.19-1.20", NONE),
    ROW("gowork", BUILD, "invalid GOWORK", "^invalid GOWORK: ", "", "GOWORK is not an absolute path", advice_gowork,
        "1.21-1.27", NONE),

    ROW("workspace-empty", BUILD, "no modules were found in the current workspace",
        "^no modules were found in the current workspace", "", "go.work does not use any module", advice_work,
        "1.19-1.27", WORK_OFF),
    ROW("not-in-workspace", BUILD, "not one of the workspace modules",
        "^(current directory|directory .*) is contained in a module that is not one of the workspace modules listed in "
        "go\\.work",
        "", "go.work does not use the program's module", advice_work, "1.19-1.27", WORK, WORK_OFF),
    ROW("not-in-workspace", BUILD, "outside modules listed in go.work",
        "^(current directory|directory .*) outside modules listed in go\\.work or their selected dependencies", "",
        "go.work does not use the program's module", advice_work, "source 1.19-1.27", WORK, WORK_OFF),
    ROW("workspace-go-version", BUILD, " listed in go.work ", "^module .* listed in go\\.work( file)? requires go >= ",
        "", "go.work names an older Go than one of its modules", advice_use, "1.21-1.27", WORK, WORK_OFF),
    ROW("workspace-go-version", BUILD, "go.work", "^(.*/)?[^ :/]*\\.work requires go >= [^ ]+ \\(running go ", "",
        "go.work is written for a newer Go", advice_file, "1.21-1.27", WORK_OFF),

    ROW("workspace-conflict", BUILD, "appears multiple times in workspace",
        "^(reading go\\.work: )?(path|module) .* appears multiple times in workspace$", "",
        "go.work uses a module twice", advice_file, "1.19-1.27", WORK_OFF),
    ROW("workspace-unreadable", BUILD, "reading go.work: ",
        "^reading go\\.work: (open|read|stat) .*: (permission denied|is a directory|input/output error)", "",
        "go.work cannot be read by this user", advice_closed, "1.19-1.27", WORK_OFF),
    ROW("module-file-syntax", BUILD, "reading go.work: ", "^reading go\\.work: .", "", "go.work cannot be used",
        advice_file, "1.19-1.27", WORK_OFF),
    ROW("module-file-syntax", BUILD, ".work:", "^errors parsing .*\\.work:", "", "go.work cannot be used", advice_file,
        "1.21-1.27", WORK_OFF),
    ROW("module-file-syntax", BUILD, "go.work", "^(open|read|RLock|stat) .*/go\\.work: .", "", "go.work cannot be read",
        "Let the ssh user read go.work, or set GOWORK=off in env.", "source 1.19-1.27", WORK_OFF),
    ROW("module-file-syntax", BUILD,
        "go.work:", "^(errors parsing|error loading|error reading|parsing) (.*/)?go\\.work:", "",
        "go.work cannot be used", advice_file, "1.21-1.27", WORK_OFF),
    ROW("workspace-conflict", BUILD, "workspace module ", "^workspace module .* is replaced at all versions", "",
        "go.work replaces a module that it uses", advice_file, "1.19-1.27", WORK_OFF),
    ROW("conflicting-replacements", BUILD, "conflicting replacements found",
        "^conflicting replacements found for " MODULE "(@" VERSION ")? in workspace", "m-v",
        "two modules of the workspace replace the same module differently", advice_file, "source 1.19-1.27", WORK_OFF),
    ROW_WITH("go work edit", "conflicting-replacements", BUILD, "conflicting replacements",
             "^conflicting replacements for " MODULE "(@" VERSION ")?:", "m-v",
             "two modules of the workspace replace the same module differently", advice_file, "1.19-1.27", WORK_OFF),
    ROW("goflags", BUILD, "workspace mode", "^-modfile cannot be used in workspace mode", "",
        "-modfile is not allowed in a workspace", "Remove -modfile from buildFlags, or set GOWORK=off in env.",
        "1.19-1.27", WORK_OFF),
    ROW("goflags", BUILD, "workspace mode", "^-mod may only be set to readonly.* when in workspace mode", "",
        "-mod has a value that is not allowed in a workspace",
        "Remove -mod from buildFlags and GOFLAGS, or set GOWORK=off in env.", "1.19-1.27", MOD_READONLY, WORK_OFF),

    /* A module that go.work uses. */
    ROW("workspace-module-missing", BUILD, "listed in go.work file",
        "^cannot load module (.+ )?listed in go\\.work file: open (.*): (no such file|not a directory)", "-f",
        "a module that go.work uses is missing", advice_module, "1.22-1.27", WORK_OFF),
    ROW("workspace-unreadable", BUILD, "listed in go.work file",
        "^cannot load module (.+ )?listed in go\\.work file: (open|read|stat) (.*): permission denied", "--f",
        "a module that go.work uses cannot be read by this user", advice_closed, "1.21-1.27", WORK_OFF),
    FACT_ROW(DELVE_NEEDS_WORKSPACE | DELVE_NEEDS_OUTSIDE, "workspace-unreadable", BUILD, "go.mod: permission denied",
             "^(open|read|RLock|stat) ([^ ]*go\\.mod): permission denied$", "-f",
             "a module that go.work uses cannot be read by this user", advice_closed, "1.19-1.20", WORK_OFF),
    ROW("module-file-syntax", BUILD, "listed in go.work file", "^cannot load module (.+ )?listed in go\\.work file: ",
        "", "a module that go.work uses cannot be read", advice_used, "1.21-1.27", WORK_OFF),
    FACT_ROW_WITH(DELVE_NEEDS_WORKSPACE, "errors parsing ", "module-file-syntax", BUILD, "go.mod:", "^.", "",
                  "a module that go.work uses cannot be read", advice_used, "1.19-1.27", WORK_OFF),
    FACT_ROW(DELVE_NEEDS_WORKSPACE, "module-file-syntax", BUILD, "no module declaration",
             "^no module declaration in go\\.mod", "", "a module that go.work uses lacks its module line", advice_used,
             "1.19-1.20", WORK_OFF),
    FACT_ROW(DELVE_NEEDS_WORKSPACE, "module-file-syntax", BUILD, "missing module declaration",
             "^error reading (.*): missing module declaration", "p", "a module that go.work uses lacks its module line",
             advice_used, "1.21-1.27", WORK_OFF),
    FACT_ROW(DELVE_NEEDS_WORKSPACE, "go-too-old", BUILD,
             " requires go >= ", "^(module )?([^ \":@]*go\\.mod) requires go >= [^ ]+ \\(running go ", "-p",
             "a module that go.work uses needs a newer Go",
             "Install that Go on the Go machine, or set GOWORK=off in env.", "1.21-1.27", WORK_OFF),
    FACT_ROW(DELVE_NEEDS_WORKSPACE, "workspace-module-missing", BUILD, "go.mod: no such file",
             "^open (.*/go\\.mod): no such file or directory$", "f", "a module that go.work uses is missing",
             advice_module, "1.19", WORK_OFF),
    FACT_ROW(DELVE_NEEDS_NO_FACTS, "workspace-module-missing", BUILD, "go.mod: no such file",
             "^open (.*/go\\.mod): no such file or directory$", "f", "a module that go.work uses is missing",
             advice_module, "1.19", WORK_OFF),

    /* What the module alone may do without: a replacement or a version of go.work's, or of another module that it uses.
     */
    FACT_ROW(DELVE_NEEDS_WORK, "workspace-replacement", BUILD, "replacement directory ",
             "^replacement directory ([^:]*)(: .| does not exist$)", "f",
             "the directory that a replace line of the workspace names is missing", advice_replace, "1.19-1.27",
             WORK_OFF),
    FACT_ROW(DELVE_NEEDS_WORK, "workspace-replacement", BUILD, "(replaced by ",
             "^(.*: )?" MODULE "@" VERSION " \\(replaced by [^)]*\\): reading (.*): open ", "-mvf",
             "the directory that a replace line of the workspace names has no go.mod", advice_replace, "1.19-1.27",
             WORK_OFF),
    FACT_ROW(DELVE_NEEDS_WORK, "workspace-version", BUILD, "reading ",
             "^(.*: )?reading (file|https?)://[^ ]*\\.mod: (no such file or directory|404 Not Found|410 Gone)", "",
             "the module proxy does not know a version that a module of the workspace requires", advice_version,
             "1.19-1.27", WORK_OFF),
    FACT_ROW(DELVE_NEEDS_WORK, "workspace-version", BUILD, "unknown revision", "^(.*: )?unknown revision ", "",
             "a module of the workspace requires a version that does not exist", advice_version, "source 1.19-1.27",
             WORK_OFF),

    ROW_WITH("go work vendor", "vendor-inconsistent", BUILD, "inconsistent vendoring in ",
             "^inconsistent vendoring in .*:$", "", "the workspace's vendor directory does not agree with its modules",
             advice_vendor, "1.22-1.27", MOD_READONLY, WORK_OFF),
};

const struct delve_rows delve_rows_workspace = {rows, sizeof rows / sizeof rows[0]};
