/* What no module has, and what the program's own files lack. */
#include "delve/signature_rows.h"

static const char advice_import[] = "Correct the import, copy the package to the Go machine if it is your own, or set "
                                    "GOPRIVATE in go.env of the target if it is private.";
static const char advice_program[] =
    "Check program, cwd and the target's paths, and that the files are on the Go machine.";

static const char advice_cgo[] =
    "Set CGO_ENABLED=1 in env and install a C compiler on the Go machine, or exclude the package with -tags.";
static const char advice_own[] =
    "Copy the package to the Go machine, or correct the import: it is under the path of the program's own module.";

static const struct delve_signature rows[] = {
    ROW("package-not-found", BUILD, "does not contain package",
        "^(.*: )?module " MODULE "@[^ ]+ found( \\(" VERSION "[^)]*\\))?, but does not contain package", "-m-v",
        "a required module does not contain the package",
        "Correct the import, or copy the package to the Go machine if it is your own.", "source 1.19-1.27", NONE),
    ROW("package-not-found", BUILD, "but not at required version",
        "^package [^ ]+ provided by " MODULE " at latest version " VERSION " but not at required version ", "mv",
        "the required version does not contain the package", "Run `go get` for the package, on the Go machine.",
        "source 1.19-1.27", NONE),
    ROW("package-not-found", BUILD, "cannot find module providing package",
        "^cannot find module providing package " PACKAGE, "m", "no available module contains the package",
        advice_import, "1.19-1.27", NONE),
    ROW("package-not-found", BUILD, " is not in ", "^package " PACKAGE " is not in (std|GOROOT)( \\(.*)?$", "m",
        "the standard library does not contain the package",
        "Correct the import, copy the package to the Go machine if it is your own, or update Go.", "1.19-1.27", NONE),
    ROW_WITH("\n\t[^\n]*$", "own-package-missing", BUILD,
             "cannot find package \".\" in:", "^cannot find package \"\\.\" in:$", "",
             "a package of the program's own module is missing", advice_own, "1.19", NONE),
    ROW("import-cycle", BUILD, "import cycle not allowed", "^imports .*: import cycle not allowed( in test)?$", "",
        "packages import each other in a cycle", "Break the cycle at one of the imports shown.", "1.19-1.27", NONE),
    ROW("files-missing", BUILD, "no matching files found", "^pattern .*: no matching files found$", "",
        "a file that the program embeds is missing", "Copy the file to the Go machine, or correct the pattern.",
        "1.19-1.27", NONE),
    FACT_ROW(DELVE_NEEDS_NO_CGO, "cgo-disabled", BUILD, "build constraints exclude all Go files",
             "^((package|imports) [^ ]+: )?build constraints exclude all Go files in (.*)$", "--f",
             "a package may need cgo, which is turned off", advice_cgo, "1.19-1.27", NONE),
    ROW("cgo-disabled", EITHER, "C source files not ",
        "^(.*: )?C source files not (allowed when not using cgo|supported without cgo)", "",
        "a package has C files, and cgo is turned off or not used", advice_cgo, "1.19-1.27", NONE),
    ROW("files-missing", BUILD, "build constraints exclude all Go files",
        "^imports [^ ]+: build constraints exclude all Go files in (.*)$", "f",
        "no file of an imported package matches the tags and the system",
        "Check -tags in buildFlags, GOOS and GOARCH, and CGO_ENABLED: a package with C code needs CGO_ENABLED=1.",
        "1.19-1.27", NONE),
    ROW("files-missing", BUILD, "build constraints exclude all Go files",
        "^(package [^ ]+: )?build constraints exclude all Go files in (.*)$", "-f",
        "no file matches the tags and the system", "Check -tags in buildFlags, GOOS and GOARCH.", "1.19-1.27", NONE),
    ROW("files-missing", BUILD, "Go files in ", "^(package [^ ]+: )?no (non-test )?Go files in (.*)$", "--f",
        "program names a directory without Go files", advice_program, "1.19-1.27", NONE),
    FACT_ROW(DELVE_NEEDS_OUTSIDE, "source-unreadable", EITHER, "permission denied",
             "^(.*: )?(open|read|stat|lstat|readdirent|fdopendir) ([^ ]*\\.(go|s|c|h|cc|cpp|syso)): permission denied$",
             "--f", "a source file cannot be read by this user", "Let the ssh user read the file, on the Go machine.",
             "1.19-1.27", NONE),
    ROW("files-missing", BUILD, "directory not found", "^stat (.*): directory not found$", "f",
        "program does not exist on the Go machine", advice_program, "1.19-1.27", NONE),
    ROW("files-missing", BUILD, "outside main module",
        "^directory (.*) outside main module or its selected dependencies$", "f", "program is outside its module",
        advice_program, "source 1.19-1.27", NONE),
};

const struct delve_rows delve_rows_package = {rows, sizeof rows / sizeof rows[0]};
