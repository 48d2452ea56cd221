/* Vendoring. A build without vendor/ uses the same versions, from the module cache. */
#include "delve/signature_rows.h"

static const char advice_vendor[] =
    "Run `go mod tidy` and `go mod vendor` (in a workspace `go work vendor`) on the Go machine.";

/* A file of vendor/, which nobody edits: cut off, or not there. */
#define VENDOR_FILE(ORIGIN, TEXT, PATTERN, NAMES, SEEN)                                                                \
    FACT_ROW(DELVE_NEEDS_VENDOR, "vendor-damaged", ORIGIN, TEXT, PATTERN, NAMES,                                       \
             "a file in vendor/ is missing or truncated", advice_vendor, SEEN, MOD_MOD, MOD_READONLY)

static const struct delve_signature rows[] = {
    ROW("vendor-inconsistent", BUILD, "inconsistent vendoring in ", "^inconsistent vendoring in .*:$", "",
        "vendor/modules.txt does not agree with go.mod", advice_vendor, "1.19-1.27", MOD_MOD, MOD_READONLY),
    ROW("vendor-inconsistent", BUILD, "should be required explicitly in go.mod",
        "^vendored module " MODULE "@" VERSION " should be required explicitly in go\\.mod", "mv",
        "vendor/modules.txt does not agree with go.mod", advice_vendor, "source 1.19-1.27", MOD_MOD, MOD_READONLY),
    ROW("vendor-inconsistent", BUILD, "vendor/modules.txt",
        "^directory .* is not a package listed in vendor/modules\\.txt", "",
        "vendor/modules.txt does not agree with go.mod", advice_vendor, "source 1.19-1.27", MOD_MOD, MOD_READONLY),
    ROW("vendor-damaged", BUILD, "vendor/modules.txt", "^(.*: )?(open|read|stat|lstat|RLock) .*vendor/modules\\.txt: .",
        "", "vendor/modules.txt cannot be read", advice_vendor, "1.19-1.27", MOD_MOD, MOD_READONLY),
    ROW("vendor-damaged", BUILD, "vendor directory", "^reading modules\\.txt for vendor directory: .", "",
        "vendor/modules.txt cannot be read", advice_vendor, "source 1.22-1.27", MOD_MOD, MOD_READONLY),
    ROW("vendor-package-missing", BUILD, "lookup disabled by -mod=vendor",
        "^(cannot find module providing package " PACKAGE ": )?(import|module) lookup disabled by -mod=vendor", "-m",
        "a package is missing from vendor/", advice_vendor, "1.22-1.27", MOD_MOD, MOD_READONLY),
    ROW("vendor-package-missing", BUILD, "due to -mod=vendor", "^(.*: )?cannot query module due to -mod=vendor", "",
        "a package is missing from vendor/", advice_vendor, "source 1.19-1.27", MOD_MOD, MOD_READONLY),
    ROW_WITH("\n\t[^\n]*/vendor/[^\n]*$", "vendor-package-missing", BUILD,
             "cannot find package \".\" in:", "^cannot find package \"\\.\" in:$", "",
             "a package is missing from vendor/", advice_vendor, "1.19", MOD_MOD, MOD_READONLY),
    VENDOR_FILE(BUILD, "expected 'package'", "^expected 'package', found ", "", "1.19-1.27"),
    VENDOR_FILE(BUILD, "no matching files found", "^pattern .*: no matching files found$", "", "1.19-1.27"),
    VENDOR_FILE(BUILD, "unexpected NUL", "^(read )?(.*): unexpected NUL in input$", "-p", "source 1.19-1.27"),
    VENDOR_FILE(BUILD, "Go files in ", "^((package|imports) [^ ]+: )?no (non-test )?Go files in (.*)$", "---p",
                "1.19-1.27"),
    VENDOR_FILE(EITHER, "permission denied",
                "^(.*: )?(open|read|stat|lstat|readdirent|fdopendir) (.*): permission denied$", "--p", "1.19-1.27"),
    VENDOR_FILE(EITHER, "no such file or directory", "^(open|stat|lstat|read) (.*): no such file or directory$", "-p",
                "1.19-1.27"),
    VENDOR_FILE(COMPILER, "syntax error: ",
                "^syntax error: (unexpected EOF|package statement must be first|non-declaration statement)", "",
                "1.19-1.27"),
    VENDOR_FILE(COMPILER, "not terminated", "^[a-z ]+ not terminated", "", "1.19-1.27"),
};

const struct delve_rows delve_rows_vendor = {rows, sizeof rows / sizeof rows[0]};
