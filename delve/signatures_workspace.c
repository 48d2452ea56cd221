/* Workspaces. */
#include "delve/signature_rows.h"

static const char advice_modfile[] = "Correct the file at the line shown, on the Go machine.";
static const char advice_work[] = "Run `go work use .` in the module on the Go machine, or set GOWORK=off in env.";

static const struct delve_signature rows[] = {
    ROW("workspace-empty", BUILD, "no modules were found in the current workspace",
        "^no modules were found in the current workspace", "", "go.work uses no module", advice_work,
        "source 1.19-1.27", WORK_OFF),
    ROW("not-in-workspace", BUILD, "not one of the workspace modules",
        "^(current directory|directory .*) is contained in a module that is not one of the workspace modules listed in "
        "go\\.work",
        "", "go.work does not use the program's module", advice_work, "1.19-1.27", WORK, WORK_OFF),
    ROW("not-in-workspace", BUILD, "outside modules listed in go.work",
        "^directory .* outside modules listed in go\\.work or their selected dependencies", "",
        "go.work does not use the program's module", advice_work, "source 1.19-1.27", WORK, WORK_OFF),
    ROW("workspace-go-version", BUILD, " listed in go.work ", "^module .* listed in go\\.work( file)? requires go >= ",
        "", "go.work names an older Go than one of its modules",
        "Run `go work use` in the workspace on the Go machine.", "source 1.21-1.27", WORK, WORK_OFF),
    ROW("workspace-module-missing", BUILD, "listed in go.work file",
        "^cannot load module (.+ )?listed in go\\.work file: open (.*): (no such file|not a directory)", "-f",
        "a module that go.work uses is missing",
        "Copy the module to the Go machine, or drop its use line from go.work.", "1.22-1.27", WORK_OFF),
    ROW("module-file-syntax", BUILD, "listed in go.work file", "^cannot load module (.+ )?listed in go\\.work file: ",
        "", "a module that go.work uses cannot be read", advice_modfile, "source 1.19-1.27", NONE),
    ROW("workspace-module-missing", BUILD, "go.mod: no such file", "^open (.*/go\\.mod): no such file or directory$",
        "f", "a module that go.work uses is missing",
        "Copy the module to the Go machine, or drop its use line from go.work.", "1.19", WORK_OFF),
    ROW("workspace-conflict", BUILD, "appears multiple times in workspace",
        "^path .* appears multiple times in workspace$", "", "go.work uses one directory twice", advice_modfile,
        "source 1.19-1.27", WORK_OFF),
};

const struct delve_rows delve_rows_workspace = {rows, sizeof rows / sizeof rows[0]};
