/* Names that guides to Delve's debug log give; no Delve from 1.20 to 1.27 writes them. */
#include "delve/signature_rows.h"

static const char advice_sync[] = "Copy the directory to the Go machine, or correct the path that names it.";
static const char advice_tidy[] = "Run `go mod tidy` in the module on the Go machine.";
static const char advice_sums[] = "Run `go mod download all` (or `go mod tidy`) in the module on the Go machine.";

static const struct delve_signature rows[] = {
    ROW("log-load-graph", ANY_LOG, "modload.LoadGraph",
        "^(could not (re)?build process: )?modload\\.LoadGraph([]:;,.() ]|$)", "",
        "the module graph could not be loaded", advice_sums, "guides only", DOWNLOAD, TIDY),
    ROW("log-load-pattern", ANY_LOG, "modload.loadPattern",
        "^(could not (re)?build process: )?modload\\.loadPattern([]:;,.() ]|$)", "",
        "the packages to build could not be loaded", advice_tidy, "guides only", TIDY),
    ROW("log-mismatch", ANY_LOG, "modload.mismatch",
        "^(could not (re)?build process: )?modload\\.mismatch([]:;,.() ]|$)", "",
        "the versions in the module graph do not agree", advice_tidy, "guides only", TIDY),
    ROW("log-directory-missing", ANY_LOG, "dirNotExistsError",
        "^(could not (re)?build process: )?dirNotExistsError([]:;,.() ]|$)", "",
        "a directory that the module graph names is missing", advice_sync, "guides only", NONE),
};

const struct delve_rows delve_rows_log = {rows, sizeof rows / sizeof rows[0]};
