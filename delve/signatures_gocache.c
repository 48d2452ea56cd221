/* The build cache. */
#include "delve/signature_rows.h"

static const char advice_gocache[] =
    "Run `go clean -cache` on the Go machine, or set GOCACHE of the target to a directory of the ssh user.";

static const char advice_goroot[] =
    "Reinstall Go on the Go machine, or remove GOROOT from the environment and from go.env of the target.";

static const struct delve_signature rows[] = {
    ROW("gocache-damaged", BUILD, "corrupt index", "^corrupt index$", "", "the build cache is damaged", advice_gocache,
        "1.19-1.27", GOCACHE),
    FACT_ROW(DELVE_NEEDS_GOROOT | DELVE_NEEDS_ABSENT, "goroot", BUILD, " is not in ",
             "^package [^ ]+ is not in (std|GOROOT)( \\((.*)\\))?$", "--f",
             "GOROOT lacks a package that its own packages import", advice_goroot, "1.19-1.27", NONE),
    FACT_ROW(DELVE_NEEDS_GOROOT, "gocache-damaged", BUILD, " is not in ",
             "^package [^ ]+ is not in (std|GOROOT)( \\((.*)\\))?$", "--f",
             "the build cache is full or damaged: Go does not find its own packages", advice_gocache, "1.19-1.27",
             GOCACHE),
    ROW("gocache-damaged", BUILD, "module index", "^(.*: )?(error reading module index|corrupt single-package index)",
        "", "the build cache is damaged", advice_gocache, "source 1.19-1.27", GOCACHE),
    FACT_ROW(DELVE_NEEDS_GOCACHE, "gocache-damaged", COMPILER, "could not import ",
             "^could not import [^ ]+ \\((open|reading|read) (.*" BUILT ")", "-p", "the build cache is damaged",
             advice_gocache, "source 1.19-1.27", GOCACHE),
    ROW("gocache-damaged", DELVE_IN_COMPILER, "could not import ",
        "^could not import [^ ]+ \\((not an object file|not a package file|object is \\[|import data|reading export "
        "data|unexpected export|file header)",
        "", "the build cache is damaged", advice_gocache, "source 1.19-1.27", GOCACHE),
    FACT_ROW(DELVE_NEEDS_GOCACHE, "gocache-unusable", EITHER, "-",
             "^(go build [^ ]+: )?(open|write|mkdir|rename|stat|chtimes|remove) (.*" BUILT "): .", "--p",
             "the build cache cannot be written or read", advice_gocache, "source 1.19-1.27", GOCACHE),
    ROW("gocache-unusable", BUILD, "failed to initialize build cache at ", "^failed to initialize build cache at .*: ",
        "", "the build cache cannot be written", advice_gocache, "1.19-1.27", GOCACHE),
    ROW("gocache-unusable", BUILD, "build cache is ",
        "^build cache is (required, but could not be located: |disabled by GOCACHE=off)", "", "there is no build cache",
        "Set GOCACHE of the target to an absolute path on the Go machine.", "1.19-1.27", GOCACHE),
};

const struct delve_rows delve_rows_gocache = {rows, sizeof rows / sizeof rows[0]};
