/* Vendoring. */
#include "delve/signature_rows.h"

static const char advice_vendor[] =
    "Run `go mod tidy` and `go mod vendor` (in a workspace `go work vendor`) on the Go machine.";

static const struct delve_signature rows[] = {
    ROW("vendor-inconsistent", BUILD, "inconsistent vendoring in ", "^inconsistent vendoring in .*:$", "",
        "vendor/modules.txt does not agree with go.mod", advice_vendor, "1.19-1.27", MOD_MOD),
    ROW("vendor-inconsistent", BUILD, "should be required explicitly in go.mod",
        "^vendored module " MODULE "@" VERSION " should be required explicitly in go\\.mod", "mv",
        "vendor/modules.txt does not agree with go.mod", advice_vendor, "source 1.19-1.27", MOD_MOD),
    ROW("vendor-package-missing", BUILD, "lookup disabled by -mod=vendor",
        "^(cannot find module providing package " PACKAGE ": )?(import|module) lookup disabled by -mod=vendor", "-m",
        "a package is missing from vendor/", advice_vendor, "1.22-1.27", MOD_MOD),
    ROW("vendor-package-missing", BUILD, "due to -mod=vendor", "^(.*: )?cannot query module due to -mod=vendor", "",
        "a package is missing from vendor/", advice_vendor, "source 1.19-1.27", MOD_MOD),
    ROW_WITH("\n\t[^\n]*/vendor/[^\n]*$", "vendor-package-missing", BUILD,
             "cannot find package \".\" in:", "^cannot find package \"\\.\" in:$", "",
             "a package is missing from vendor/", advice_vendor, "1.19", MOD_MOD),
};

const struct delve_rows delve_rows_vendor = {rows, sizeof rows / sizeof rows[0]};
