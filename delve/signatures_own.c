/* Packages of the program's own module: no proxy has them, and none is asked, as that would tell the outside a private
 * import path. */
#include "delve/signature_rows.h"

static const char advice_own[] =
    "Copy the package to the Go machine, or correct the import: it is under the path of the program's own module.";

#define OWN(TEXT, PATTERN, NAMES, SEEN)                                                                                \
    FACT_ROW(DELVE_NEEDS_OWN, "own-package-missing", BUILD, TEXT, PATTERN, NAMES,                                      \
             "a package of the program's own module is missing", advice_own, SEEN, NONE)

static const struct delve_signature rows[] = {
    OWN("no required module provides package", "^no required module provides package " PACKAGE, "m", "1.19-1.27"),
    OWN("cannot find module providing package", "^cannot find module providing package " PACKAGE, "m", "1.19-1.27"),
    OWN(" is not in ", "^package " PACKAGE " is not in (std|GOROOT)( \\(.*)?$", "m", "1.19-1.27"),
    OWN("does not contain package", "^(.*: )?module [^ ]+ found.*, but does not contain package " PACKAGE, "-m",
        "source 1.19-1.27"),
    /* Of a module that is in the directory of another one, and go.work names that one alone. */
    FACT_ROW(DELVE_NEEDS_UNUSED, "not-in-workspace", BUILD, "does not contain package",
             "^(.*: )?main module \\([^)]*\\) does not contain package " PACKAGE, "-m",
             "go.work does not use the program's module",
             "Run `go work use .` in the module on the Go machine, or set GOWORK=off in env.", "1.19-1.27", WORK,
             WORK_OFF),
    ROW("own-package-missing", BUILD, "does not contain package",
        "^(.*: )?main module \\([^)]*\\) does not contain package " PACKAGE, "-m",
        "a package of the program's own module is missing", advice_own, "source 1.19-1.27", NONE),
};

const struct delve_rows delve_rows_own = {rows, sizeof rows / sizeof rows[0]};
